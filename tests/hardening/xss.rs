//! Markup that has run scripts in somebody's browser or feed reader: as the body of an entry, as its headline, its author and
//! its address, in a page's markup and in its JSON-LD. What comes out in the three feeds and on our pages is parsed again, in
//! several places of a document, and walked: nothing may be in it that is not on the short list of a body.

mod lists;

use super::{full, programs, say};
use crate::corpus;
use crate::mutate::holds::ELEMENTS;
use crate::sample;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use scraper::{Html, Node};
use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;
use tidings::feed::{self, Feed, Format, Item};
use tidings::html::{Links, body_of_markup, fold};
use tidings::identity::entry_id;
use tidings::model::{Entry, LiveBlog};
use tidings::outlet::split_page;
use tidings::page::{Captured, Page};
use tidings::reconcile::Reading;
use tidings::server::{Limits, ServerState, router};
use tidings::store::Store;
use tower::ServiceExt;
use url::Url;

struct Vector {
    id: String,
    html: String,
}

/// Those of all lists, or nothing where there are none.
fn vectors(test: &str) -> Vec<Vector> {
    let Some(corpus) = corpus::folder(test) else { return Vec::new() };
    let mut files: Vec<_> = std::fs::read_dir(corpus.join("vectors")).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("xss-")));
    files.sort();
    let mut vectors = Vec::new();
    for path in files {
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| row[name].as_str().map(str::to_owned);
            vectors.extend(text("html").map(|html| Vector { id: text("id").unwrap(), html }));
        }
    }
    assert!(vectors.len() > 10_000, "{} vectors", vectors.len());
    vectors
}

/// Places in a document where markup of others may be put.
const PLACES: [(&str, &str); 3] = [("", ""), ("<div>", "</div>"), ("<table><tr><td>", "</td></tr></table>")];

/// What is dangerous in markup that is put into a document.
fn dangers(markup: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (before, after) in PLACES {
        let page = Html::parse_document(&format!("<!doctype html><html><head></head><body>{before}{markup}{after}"));
        for node in page.tree.nodes() {
            match node.value() {
                Node::Comment(_) | Node::ProcessingInstruction(_) => found.push("a comment".into()),
                Node::Element(element) => {
                    let name = element.name();
                    let own = ELEMENTS.iter().find(|(known, _)| *known == name).map(|(_, own)| *own);
                    let own = own.or((before.contains(name) || matches!(name, "html" | "head" | "body")).then_some(&[][..]));
                    let Some(own) = own.filter(|_| &*element.name.ns == "http://www.w3.org/1999/xhtml") else {
                        found.push(format!("<{name}>"));
                        continue;
                    };
                    for (key, value) in element.attrs() {
                        let address = matches!(key, "href" | "src");
                        if !(own.contains(&key) || matches!(key, "dir" | "lang")) || address && !followed(value) {
                            found.push(format!("<{name} {key}={value:.60}>"));
                        }
                    }
                }
                _ => {}
            }
        }
    }
    found
}

/// Whether an address is one that a body may lead to.
fn followed(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "http" | "https" | "mailto") && url.password().is_none())
}

/// A page of an unknown outlet whose JSON-LD holds each vector in every field of an entry.
fn in_json_ld(vectors: &[Vector]) -> LiveBlog {
    let entries = vectors.iter().enumerate().map(|(number, Vector { id, html })| {
        serde_json::json!({
            // What stands behind a `#` is the entry's id, and two vectors may have the same there: each gets one of its own.
            "@type": "BlogPosting", "@id": format!("#{id}-x{number}"), "url": format!("{html}#{id}-x{number}"),
            "headline": html, "author": { "name": html },
            "datePublished": "2024-03-30T16:48:00Z", "articleBody": html,
        })
    });
    let page = serde_json::json!({
        "@type": "LiveBlogPosting", "url": "https://news.example/live", "headline": vectors[0].html,
        "liveBlogUpdate": entries.collect::<Vec<_>>(),
    });
    // In a script, `<` may begin its end.
    let page = page.to_string().replace('<', "\\u003c");
    read(&format!("<!doctype html><meta charset=utf-8><script type=application/ld+json>{page}</script>"))
}

/// A page that holds the vector as its own markup, where a reader of the page would have been attacked too.
fn in_markup(vector: &Vector) -> LiveBlog {
    let html = &vector.html;
    read(&format!(
        "<!doctype html><meta charset=utf-8><link rel=canonical href=https://www.theguardian.com/world/live/2024/jun/04/x-live>\
         <div id=liveblog-body><article id=block-665ef8608f08e408b7500a01><h2>{html}</h2>\
         <time datetime=2024-06-04T11:00:00Z>12.00</time><div>{html}</div><p>x {html}</article></div>"
    ))
}

fn read(page: &str) -> LiveBlog {
    let captured = Captured::By("2030-01-01T00:00:00Z".parse().unwrap());
    let page = Page { body: page.into(), url: None, content_type: Some("text/html; charset=utf-8".into()), captured };
    split_page(&page, None).unwrap()
}

fn feed_of(blog: &LiveBlog) -> Feed {
    let head = Arc::new(blog.head.clone());
    Feed {
        id: blog.head.id.urn().to_string(),
        title: blog.head.headline.clone(),
        subtitle: blog.head.standfirst.clone(),
        self_url: Some("https://tidings.example/feed".into()),
        home_url: blog.head.url.clone(),
        language: None,
        updated: sample::minute(0),
        items: blog.entries.iter().map(|entry| Item::new(head.clone(), Arc::new(entry.clone()))).collect(),
        ..Feed::default()
    }
}

/// What each entry of a written feed shows as markup, and where it leads.
fn shown(feed: &Feed, format: Format) -> Vec<(Vec<String>, Vec<String>)> {
    let written = feed::write(feed, format);
    let texts = |texts: &[Option<&str>]| texts.iter().flatten().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    match format {
        Format::Rss => {
            let channel = rss::Channel::read_from(&written[..]).unwrap();
            let shown = |item: &rss::Item| (texts(&[item.description(), item.content()]), texts(&[item.link()]));
            channel.items().iter().map(shown).collect()
        }
        Format::Atom => {
            let feed = atom_syndication::Feed::read_from(&written[..]).unwrap();
            let content =
                |entry: &atom_syndication::Entry| entry.content().and_then(|content| content.value().map(str::to_owned));
            let links = |entry: &atom_syndication::Entry| entry.links().iter().map(|link| link.href().to_owned()).collect();
            feed.entries().iter().map(|entry| (content(entry).into_iter().collect(), links(entry))).collect()
        }
        Format::Json => {
            let feed: serde_json::Value = serde_json::from_slice(&written).unwrap();
            let items = feed["items"].as_array().unwrap().iter();
            let fields = |item: &serde_json::Value, names: &[&str]| {
                texts(&names.iter().map(|name| item[*name].as_str()).collect::<Vec<_>>())
            };
            items.map(|item| (fields(item, &["content_html"]), fields(item, &["url", "external_url", "image"]))).collect()
        }
    }
}

/// What is dangerous in the feeds of a live blog. All three show the same body: each is judged once.
fn dangers_of(blog: &LiveBlog) -> Vec<String> {
    let (mut found, mut judged) = (Vec::new(), HashSet::new());
    for format in Format::ALL {
        let shown = shown(&feed_of(blog), format);
        assert_eq!(shown.len(), blog.entries.len(), "{format:?}");
        for (entry, (markup, links)) in blog.entries.iter().zip(shown) {
            let markup = markup.into_iter().filter(|markup| judged.insert(markup.clone())).collect::<Vec<_>>();
            let markup = markup.iter().flat_map(|markup| dangers(markup));
            let links = links.into_iter().filter(|link| !followed(link));
            found.extend(markup.chain(links).map(|danger| format!("{format:?}, {}: {danger}", entry.key)));
        }
    }
    found
}

#[test]
fn no_vector_is_dangerous_in_a_feed() {
    let vectors = vectors("no_vector_is_dangerous_in_a_feed");
    let mut found = Vec::new();
    for some in vectors.chunks(200) {
        let blog = in_json_ld(some);
        assert_eq!(blog.entries.len(), some.len(), "{:?}", blog.problems);
        found.extend(dangers_of(&blog));
    }
    let part = if full() { 1 } else { 8 };
    for vector in vectors.iter().step_by(part) {
        found.extend(dangers_of(&in_markup(vector)).into_iter().map(|danger| format!("{}, in markup: {danger}", vector.id)));
    }
    assert!(found.is_empty(), "{} are dangerous:\n{}", found.len(), found.join("\n"));
}

/// Cleaning finds nothing to do in what it made itself.
#[test]
fn what_is_clean_stays_as_it_is() {
    let links = Links::new(Some(&"https://news.example/live".parse().unwrap()));
    let clean = |markup: &str| body_of_markup(markup, &links).map(|body| body.html).unwrap_or_default();
    let mut changed = Vec::new();
    for Vector { id, html } in vectors("what_is_clean_stays_as_it_is") {
        let once = clean(&html);
        let twice = clean(&once);
        if once != twice {
            changed.push(format!("{id}: {html:.200?}\n  once  {once:.300?}\n  twice {twice:.300?}"));
        }
    }
    assert!(changed.is_empty(), "{} change:\n{}", changed.len(), changed.join("\n"));
}

/// Elements and attributes of a page, in order, without what the attributes say.
fn structure(page: &str) -> Vec<String> {
    let page = Html::parse_document(page);
    let elements = page.tree.root().descendants().filter_map(|node| node.value().as_element());
    let shape = |element: &scraper::node::Element| {
        let names: Vec<&str> = element.attrs().map(|(name, _)| name).collect();
        format!("{} {}", element.name(), names.join(" "))
    };
    elements.map(shape).collect()
}

/// A server's answer to one request.
async fn shown_at(store: Store, path: &str) -> String {
    let state = ServerState::new(store, None, ([127, 0, 0, 1], 8080).into(), Limits::default());
    let request = Request::get(path).header("host", "127.0.0.1:8080").body(Body::empty()).unwrap();
    let answer = router(state).oneshot(request).await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// Our own page with live blogs that are called so.
async fn page_with(names: &[String]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("tidings.db")).await.unwrap();
    for (number, name) in names.iter().enumerate() {
        let mut blog = sample::blog("lake", &format!("{number:04}"), vec![sample::entry("a", 5)]);
        blog.head.headline = name.clone();
        blog.head.outlet_name = names[0].clone();
        store.save(&Reading::new(&blog, sample::minute(9)), None, None).await.unwrap();
    }
    shown_at(store, "/").await
}

#[tokio::test]
async fn no_vector_changes_our_page() {
    let vectors = vectors("no_vector_changes_our_page");
    if vectors.is_empty() {
        return;
    }
    let names: Vec<String> =
        vectors.chunks(vectors.len().div_ceil(40)).map(|some| some.iter().map(|one| &*one.html).collect()).collect();
    let attacked = page_with(&names).await;
    let plain = page_with(&vec!["x".into(); names.len()]).await;
    assert!(attacked.len() > plain.len() + vectors.len(), "the page does not show them");
    assert_eq!(structure(&attacked), structure(&plain));
    // The proof that it can fail: the same page without its escapes is another one.
    assert_ne!(structure(&attacked.replace("&#60;", "<").replace("&lt;", "<")), structure(&plain));
}

/// What a page tells each picture of a body.
const MANNERS: &str = "loading=\"lazy\" decoding=\"async\" referrerpolicy=\"no-referrer\"";
/// Vectors on one entry's page.
const ON_A_PAGE: usize = 30;

/// The pages of entries that are said by somebody called so, under a headline of all of it and with the cleaned bodies; each
/// was edited once, so that its page tells what was there before. With the bodies, which stand on the pages as they are.
async fn entry_pages(vectors: &[Vector]) -> Vec<(String, String)> {
    let links = Links::new(Some(&"https://news.example/live".parse().unwrap()));
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("tidings.db")).await.unwrap();
    let entry = |(number, some): (usize, &[Vector]), edited: bool| {
        let clean = |vector: &Vector| body_of_markup(&vector.html, &links).unwrap_or_default();
        let bodies: Vec<_> = some.iter().map(clean).collect();
        let raw = || some.iter().map(|vector| fold(&vector.html));
        let before = if edited { "" } else { "It was said before that " };
        Entry {
            headline: Some(before.to_owned() + &raw().collect::<Vec<_>>().join(" ")),
            byline: raw().take(if edited { ON_A_PAGE } else { 1 }).collect(),
            permalink: links.link(&format!("/x?{}", some[0].html)),
            body_html: bodies.iter().map(|body| &*body.html).collect(),
            body_text: before.to_owned() + &raw().collect::<Vec<_>>().join("\n\n"),
            ..sample::entry(&number.to_string(), 5)
        }
    };
    for (edited, seen) in [(false, 9), (true, 10)] {
        let entries = vectors.chunks(ON_A_PAGE).enumerate().map(|some| entry(some, edited)).collect();
        let blog = sample::blog("lake", "1", entries);
        store.save(&Reading::new(&blog, sample::minute(seen)), None, None).await.unwrap();
    }
    let mut pages = Vec::new();
    for some in vectors.chunks(ON_A_PAGE).enumerate() {
        let (body, id) = (entry(some, true).body_html, entry_id("lake", "1", &some.0.to_string()));
        assert!(dangers(&body).is_empty(), "{body}");
        let body = body.replace("<img ", &format!("<img {MANNERS} "));
        let page = shown_at(store.clone(), &format!("/entries/{id}")).await;
        assert!(
            page.contains(&body) && page.contains("before"),
            "the page shows neither the body nor what was there before"
        );
        pages.push((page, body));
    }
    pages
}

/// What is on an entry's page beside its body: each kind of element with its attributes, and where it leads.
fn around(page: &str, body: &str) -> (BTreeSet<String>, Vec<String>) {
    let without = page.replace(body, "");
    let kinds = structure(&without).into_iter().collect();
    let page = Html::parse_document(&without);
    let elements = page.tree.root().descendants().filter_map(|node| node.value().as_element());
    let addresses = elements.flat_map(|element| ["href", "src", "action", "cite"].map(|name| element.attr(name)));
    let own: Url = "http://127.0.0.1:8080/entries/x".parse().unwrap();
    let strange = |address: &&str| !own.join(address).is_ok_and(|led| followed(led.as_str()));
    (kinds, addresses.flatten().filter(strange).map(str::to_owned).collect())
}

#[tokio::test]
async fn no_vector_changes_an_entrys_page() {
    let vectors = vectors("no_vector_changes_an_entrys_page");
    if vectors.is_empty() {
        return;
    }
    let words: Vec<Vector> =
        (0..ON_A_PAGE).map(|number| Vector { id: String::new(), html: format!("word {number}") }).collect();
    let plain = entry_pages(&words).await.remove(0);
    let (plain, _) = around(&plain.0, &plain.1);
    let pages = entry_pages(&vectors).await;
    assert_eq!(pages.len(), vectors.len().div_ceil(ON_A_PAGE));
    let mut found = Vec::new();
    for (number, (page, body)) in pages.iter().enumerate() {
        let (kinds, addresses) = around(page, body);
        found.extend(kinds.difference(&plain).cloned().chain(addresses).map(|what| {
            let first = &vectors[number * ON_A_PAGE].id;
            format!("the page of {first} and those behind it: {what}")
        }));
    }
    assert!(found.is_empty(), "{} are dangerous:\n{}", found.len(), found.join("\n"));
    // The proof that it can fail: the same page without its escapes.
    let harmed = pages[1].0.replace("&#60;", "<").replace("&#62;", ">").replace("&lt;", "<").replace("&gt;", ">");
    assert!(around(&harmed, &pages[1].1).0.difference(&plain).next().is_some());
}

/// The proof that it can fail: the vectors as they came.
#[test]
fn the_vectors_are_dangerous_as_they_come() {
    for (markup, danger) in [
        ("<p>x</p>", false),
        ("<p>x<script>y</script>", true),
        ("<img src=https://e.example/a.jpg onerror=x>", true),
        ("<a href=' jAvascript:x'>y</a>", true),
        ("<a href='//e.example/'>y</a>", true),
        ("<p style=x>y</p>", true),
        ("<svg><p>x</p></svg>", true),
        ("</td></tr></table><iframe>", true),
        ("<!-- x -->", true),
    ] {
        assert_eq!(!dangers(markup).is_empty(), danger, "{markup}: {:?}", dangers(markup));
    }
    let vectors = vectors("the_vectors_are_dangerous_as_they_come");
    let dangerous = vectors.iter().filter(|vector| !dangers(&vector.html).is_empty()).count();
    assert!(2 * dangerous >= vectors.len(), "{dangerous} of {} are dangerous", vectors.len());
}

/// The cleaned bodies and the pages of entries in a real browser, every element clicked, pointed at and focused. Only in a full
/// run.
#[tokio::test]
async fn no_vector_runs_in_a_browser() {
    let vectors = if full() { vectors("no_vector_runs_in_a_browser") } else { Vec::new() };
    let script = std::env::var_os("TIDINGS_CORPUS").map(|corpus| Path::new(&corpus).join("clients/xss-browser.cjs"));
    let Some(script) = script.filter(|script| script.exists() && !vectors.is_empty()) else { return };
    let links = Links::new(Some(&"https://news.example/live".parse().unwrap()));
    let rows = vectors.iter().map(|Vector { id, html }| {
        let clean = body_of_markup(html, &links).map(|body| body.html).unwrap_or_default();
        serde_json::json!({ "id": id, "clean": clean, "raw": html }).to_string() + "\n"
    });
    let pages = entry_pages(&vectors).await;
    let pages = pages.iter().enumerate().map(|(number, (page, _))| {
        serde_json::json!({ "id": format!("page-{number}"), "clean": page, "raw": "" }).to_string() + "\n"
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cleaned.jsonl");
    std::fs::write(&file, rows.chain(pages).collect::<String>()).unwrap();
    let browse =
        |field: &str, step: &str| match programs::node(&[&script.to_string_lossy(), &file.to_string_lossy(), field, step]) {
            programs::Verdict::Accepted(told) => told,
            programs::Verdict::Refused(why) => panic!("{why}"),
            programs::Verdict::Absent => String::new(),
        };
    let executed = |told: &str| told.split("executed=").nth(1)?.split(' ').next()?.parse::<usize>().ok();
    // The proof that it can fail: as they came, some run.
    let Some(raw) = executed(&browse("raw", "20")) else {
        return say("skipped: no_vector_runs_in_a_browser needs node with puppeteer-core, and Chromium");
    };
    assert!(raw > 20, "only {raw} run as they came");
    let clean = browse("clean", "1");
    say(&format!(
        "vectors in a browser: every twentieth as it came: {raw} run; all cleaned: {}",
        clean.lines().last().unwrap()
    ));
    assert_eq!(executed(&clean), Some(0), "{clean}");
}
