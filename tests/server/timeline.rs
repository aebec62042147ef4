//! The pages: what they show, where their links lead, what of the outside gets into them, and what they cost.

use std::collections::BTreeSet;

use super::*;
use tidings::config::Topic;
use tidings::model::Mark;
use tidings::server::Settings;

/// Every address that `page` names in an attribute, as a browser that has it from `path` takes it.
fn links(path: &str, page: &Answer) -> Vec<String> {
    let base = url::Url::parse(&format!("http://here.example{path}")).unwrap();
    let named = ["href=\"", "src=\""].into_iter().flat_map(|name| page.text().split(name).skip(1));
    let named =
        named.filter_map(|rest| rest.split_once('"')).map(|(link, _)| link.replace("&amp;", "&").replace("&#38;", "&"));
    named.map(|link| base.join(&link).unwrap().to_string()).collect()
}

/// Those of them that lead to us, without fragments.
fn ours(path: &str, page: &Answer) -> BTreeSet<String> {
    let own = |link: String| Some(link.strip_prefix("http://here.example")?.split('#').next()?.to_owned());
    links(path, page).into_iter().filter_map(own).collect()
}

/// The headlines of a timeline, from the top.
fn listed(page: &Answer) -> Vec<String> {
    let headings = page.text().split("<h3").skip(1).filter_map(|rest| rest.split_once("</h3>"));
    let text = |html: &str| html.split_once('>').map(|(_, text)| text.replace("<s>", "").replace("</s>", ""));
    headings.filter_map(|(html, _)| text(html)).collect()
}

fn with_topics(served: &Served) {
    let live_blogs = ["https://lake.example/live/1", "https://hill.example/live/3"].map(|url| url.parse().unwrap());
    let topic = Topic { name: "storm".into(), title: "The storm".into(), live_blogs: live_blogs.into() };
    let zones = [("lake".to_owned(), chrono_tz::Europe::Moscow)].into();
    served.state.set(Settings { topics: vec![topic], zones, ..Settings::default() });
}

#[tokio::test]
async fn each_scope_has_a_timeline_newest_first() {
    let served = Served::filled().await;
    with_topics(&served);
    let blog = blog_path("lake", "2", "x").replace("/feed.x", "");
    for (path, expected) in [
        ("/", &["Ferry d is late", "Ferry b is late", "Ferry c is late", "Ferry a is late"][..]),
        ("/?limit=2", &["Ferry d is late", "Ferry b is late"]),
        ("/outlets/lake", &["Ferry b is late", "Ferry c is late", "Ferry a is late"]),
        (&blog, &["Ferry c is late"]),
        ("/topics/storm", &["Ferry d is late", "Ferry b is late", "Ferry a is late"]),
        ("/topics/storm?outlet=lake", &["Ferry b is late", "Ferry a is late"]),
        ("/topics/storm?q=ferry&until=2022-01-07T12:07:00Z", &["Ferry a is late"]),
        ("/?q=nothing", &[]),
    ] {
        let page = served.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text());
        assert_eq!(listed(&page), expected, "{path}");
        // The same query as a feed is a click away, and autodiscovered.
        let feed = match path.split_once('?') {
            Some((path, query)) => format!("{}/feed.json?{query}", path.trim_end_matches('/')),
            None => format!("{}/feed.json", path.trim_end_matches('/')),
        };
        let found = links(path, &page);
        let told: Vec<_> = found.iter().filter(|link| link.contains("/feed.json")).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        for link in told {
            let decode = |text: &str| text.replace("%3A", ":").replace("%2C", ",");
            assert_eq!(decode(link), format!("http://here.example{}", decode(&feed)));
        }
        assert_eq!(headlines(&served.get(&feed).await), expected, "{feed}");
    }
    assert!(served.get("/topics/strom").await.text().contains("did you mean `storm`?"));
    assert_eq!(served.get("/topics/strom").await.status, StatusCode::NOT_FOUND);
    assert_eq!(served.get("/topics/nothing/feed.rss").await.status, StatusCode::NOT_FOUND);
    assert_eq!(served.get("/blogs/7").await.status, StatusCode::NOT_FOUND);
    assert_eq!(served.get("/outlets/lak").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_topics_feeds_are_feeds_like_the_others() {
    let served = Served::filled().await;
    with_topics(&served);
    let feed = served.get("/topics/storm/feed.json").await.json();
    assert_eq!(
        (&feed["title"], &feed["home_page_url"]),
        (&"The storm".into(), &"http://127.0.0.1:8080/topics/storm".into())
    );
    assert_eq!(feed["feed_url"], "http://127.0.0.1:8080/topics/storm/feed.json");
    let first = served.get("/topics/storm/feed.atom").await;
    let etag = first.header("etag").unwrap().to_owned();
    // What changes elsewhere changes nothing here.
    served.save(&blog("lake", "2", vec![entry("e", 9), entry("c", 6)]), 13).await;
    let again = served.ask(Method::GET, "/topics/storm/feed.atom", &[("if-none-match", &etag)]).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    served.save(&blog("hill", "3", vec![entry("f", 12), entry("d", 8)]), 14).await;
    let then = served.ask(Method::GET, "/topics/storm/feed.atom", &[("if-none-match", &etag)]).await;
    assert_eq!(then.status, StatusCode::OK);
    assert!(then.text().contains("Ferry f is late") && !then.text().contains("Ferry e is late"));
}

#[tokio::test]
async fn the_links_to_older_entries_lead_by_every_entry_once() {
    let served = Served::empty().await;
    // Four of each instant, and some that were filled in later.
    let entries = (0..40).rev().map(|nth| entry(&format!("e{nth:02}"), nth / 4)).collect();
    served.save(&blog("lake", "1", entries), 60).await;
    served.save(&blog("hill", "3", (0..7).map(|nth| entry(&format!("h{nth}"), nth)).collect()), 61).await;
    for limit in [1, 3, 10, 46, 47] {
        let (mut path, mut seen, mut pages) = (format!("/?limit={limit}"), Vec::new(), 0);
        loop {
            let page = served.get(&path).await;
            assert_eq!(page.status, StatusCode::OK, "{}", page.text());
            seen.extend(listed(&page));
            pages += 1;
            let Some((_, rest)) = page.text().split_once("<a rel=\"prev\" href=\"") else { break };
            let link = rest.split_once('"').unwrap().0.replace("&#38;", "&").replace("&amp;", "&");
            path = link.replacen("./", "/", 1);
        }
        let once: BTreeSet<&String> = seen.iter().collect();
        assert_eq!((seen.len(), once.len(), pages), (47, 47, 47_usize.div_ceil(limit)), "{limit} a page");
    }
}

#[tokio::test]
async fn what_a_form_sends_becomes_an_address_to_share() {
    let served = Served::filled().await;
    for (path, there) in [
        ("/?q=&since=&until=", "./"),
        ("/?q=+late+&author=", "./?q=late"),
        ("/outlets/lake?q=&limit=2", "lake?limit=2"),
        ("/?outlet=lake&outlet=hill&q=", "./?outlet=lake,hill"),
        ("/subscribe?of=outlets/lake&q=&outlet=lake&outlet=hill", "subscribe?of=outlets%2Flake&outlet=lake,hill"),
    ] {
        let answer = served.get(path).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, Some(there)), "{path}");
    }
    for (path, told) in [
        ("/?limt=3", "did you mean `limit`?"),
        ("/?before=x", "the parameter `before` is `x`"),
        ("/?outlet=sea", "the parameter `outlet` names one too many"),
        ("/?edits=append", "there is no parameter `edits`"),
        ("/subscribe?of=nonsense", "the parameter `of` is `nonsense`"),
        ("/subscribe?format=xml", "the parameter `format` is `xml`"),
        ("/sources?a=b", "this address takes none"),
        ("/opml?a=b", "this address takes none"),
    ] {
        let answer = served.get(path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert!(answer.text().contains(told), "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn an_entry_says_what_became_of_it_and_how_its_time_is_known() {
    let served = Served::filled().await;
    with_topics(&served);
    let mut edited = blog("lake", "1", vec![entry("b", 7), entry("a", 5)]);
    edited.entries[0].body_html = "<p>Quite another text.</p>".into();
    edited.entries[0].body_text = "Quite another text.".into();
    edited.entries[0].marks = vec![Mark::KeyEvent, Mark::Pinned];
    served.save(&edited, 20).await;
    edited.withdrawn = vec!["a".into()];
    edited.entries.pop();
    served.save(&edited, 30).await;
    let page = served.get("/topics/storm").await;
    let text = page.text();
    assert!(
        text.contains("<span class=\"badge key\">Key event</span> <span class=\"badge pinned\">Pinned</span>"),
        "{text}"
    );
    assert!(text.contains(">edited<span class=\"unseen\">: what changed</span></a>"), "{text}");
    assert!(text.contains("<p>Quite another text.</p>"), "{text}");
    // The clock that it was read on, and UTC.
    assert!(text.contains(">12:07</time> <span class=\"zone\">London</span>"), "{text}");
    assert!(text.contains(">12:07 UTC</time>"), "{text}");
    assert!(text.contains("Precision: to the"), "{text}");
    // What was taken back is not told again.
    assert!(text.contains("<s>Ferry a is late</s>") && text.contains("has taken this entry back"), "{text}");
    let taken = text.split("Ferry a is late").nth(1).unwrap();
    assert!(!taken.split("</article>").next().unwrap().contains("class=\"body"), "{taken}");
    // As it stood before.
    let then = served.get("/topics/storm?as_of=2022-01-07T12:15:00Z").await;
    assert!(!then.text().contains("another text") && !then.text().contains("taken this entry back"), "{}", then.text());
    assert!(!then.text().contains("data-live"), "the past does not move");
}

#[tokio::test]
async fn nothing_of_an_outlet_runs_or_leads_astray() {
    let served = Served::filled().await;
    let mut hostile = blog("lake", "4", vec![entry("x", 9)]);
    hostile.head.headline = "<script>alert(1)</script> & \"more\"".into();
    hostile.head.url = Some("javascript:alert(1)".into());
    hostile.head.standfirst = Some("<img src=x onerror=alert(1)>".into());
    hostile.head.language = Some("en\" onclick=\"alert(1)".into());
    hostile.entries[0].headline = Some("</h3><script>alert(2)</script>".into());
    hostile.entries[0].byline = vec!["\"><svg onload=alert(3)>".into()];
    hostile.entries[0].permalink = Some("data:text/html,<script>alert(4)</script>".into());
    hostile.entries[0].published.printed = Some("<b onmouseover=alert(5)>12:09</b>".into());
    served.save(&hostile, 13).await;
    let blog = blog_path("lake", "4", "x").replace("/feed.x", "");
    let id = tidings::identity::entry_id("lake", "4", "x");
    for path in ["/", &blog, "/sources", "/subscribe", &format!("/subscribe?of={}", &blog[1..]), &format!("/entries/{id}")] {
        let page = served.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text());
        let text = page.text();
        let scripts = text.matches("<script").count();
        assert_eq!(scripts, text.matches("/timeline.js\" defer></script>").count(), "{path}: {text}");
        for wrong in
            ["<svg onload", "onerror=alert(1)>", "<b onmouseover", "href=\"javascript", "href=\"data:", "lang=\"en\" on"]
        {
            assert!(!text.contains(wrong), "{path}: {wrong} in {text}");
        }
        let policy = page.header("content-security-policy").unwrap();
        let script = if scripts > 0 { "script-src 'self'; " } else { "" };
        assert!(policy.starts_with(&format!("default-src 'none'; {script}style-src 'self'; ")), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("data:"), "{policy}");
        // Nor does anything of ours need what the policy forbids.
        assert!(!text.contains(" style=\"") && !text.contains("<style") && !text.contains(" onclick"), "{path}");
    }
}

#[tokio::test]
async fn every_link_of_ours_leads_somewhere() {
    let served = Served::filled().await;
    with_topics(&served);
    let blog = blog_path("lake", "1", "x").replace("/feed.x", "");
    let mut looked = BTreeSet::new();
    for path in
        ["/", "/topics/storm", &blog, "/sources", "/subscribe?of=topics/storm&q=ferry&edits=append", "/?limit=1&q=late"]
    {
        let page = served.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        for link in ours(path, &page) {
            if looked.insert(link.clone()) {
                let status = served.get(&link).await.status;
                assert_eq!(status, StatusCode::OK, "{link} on {path}");
            }
        }
        // Relative, so that they hold behind a proxy that serves us under a path.
        for rooted in ["href=\"/", "src=\"/"] {
            assert!(!page.text().contains(rooted), "{path} has {rooted}");
        }
    }
    assert!(looked.len() > 50, "{looked:#?}");
    let list = served.get("/opml").await;
    assert_eq!(list.header("content-type"), Some("text/x-opml; charset=utf-8"));
    let feeds: Vec<_> =
        list.text().split("xmlUrl=\"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(url, _)| url).collect();
    // Everything, a topic, three live blogs.
    assert_eq!(feeds.len(), 5, "{}", list.text());
    for feed in feeds {
        let path = feed.strip_prefix("http://127.0.0.1:8080").unwrap();
        assert_eq!(served.get(path).await.header("content-type"), Some("application/atom+xml; charset=utf-8"), "{path}");
    }
}

#[tokio::test]
async fn feeds_name_a_style_sheet_that_is_there() {
    let served = Served::filled().await;
    with_topics(&served);
    for path in
        ["/feed.rss", "/feed.atom", "/outlets/lake/feed.rss", &blog_path("lake", "1", "atom"), "/topics/storm/feed.atom"]
    {
        let feed = served.get(path).await;
        let (declaration, rest) = feed.text().split_once('\n').unwrap();
        assert!(declaration.starts_with("<?xml version=\"1.0\"") && declaration.ends_with("?>"), "{path}: {declaration}");
        let href = rest.strip_prefix("<?xml-stylesheet type=\"text/css\" href=\"").unwrap().split_once('"').unwrap().0;
        let base = url::Url::parse(&format!("http://here.example{path}")).unwrap();
        let style = served.get(base.join(href).unwrap().path()).await;
        assert_eq!(
            (style.status, style.header("content-type")),
            (StatusCode::OK, Some("text/css; charset=utf-8")),
            "{path}"
        );
        // A browser would show the feed's own type as plain text.
        let browser = [("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")];
        let shown = served.ask(Method::GET, path, &browser).await;
        assert_eq!((shown.header("content-type"), &shown.body), (Some("text/xml; charset=utf-8"), &feed.body), "{path}");
        assert_eq!([shown.header("vary"), feed.header("vary")], [Some("Accept-Encoding, Accept"); 2]);
        assert!(feed.header("content-type").unwrap().ends_with("+xml; charset=utf-8"), "{path}");
        let policy = feed.header("content-security-policy").unwrap();
        assert_eq!(policy, "default-src 'none'; style-src 'self'; frame-ancestors 'none'");
    }
}

#[tokio::test]
async fn pages_are_cached_until_something_changes_and_their_files_for_ever() {
    let served = Served::filled().await;
    let first = served.ask(Method::GET, "/", &[("accept-encoding", "br")]).await;
    let etag = first.header("etag").unwrap().to_owned();
    assert_eq!((first.header("cache-control"), first.header("content-encoding")), (Some("no-cache"), Some("br")));
    let same = [("accept-encoding", "br"), ("if-none-match", &*etag)];
    assert_eq!(served.ask(Method::GET, "/", &same).await.status, StatusCode::NOT_MODIFIED);
    served.save(&blog("hill", "3", vec![entry("f", 12), entry("d", 8)]), 14).await;
    assert_eq!(served.ask(Method::GET, "/", &same).await.status, StatusCode::OK);
    for file in ours("/", &first_plain(&served).await).into_iter().filter(|link| link.starts_with("/static/")) {
        let answer = served.get(&file).await;
        assert_eq!(answer.header("cache-control"), Some("max-age=31536000, immutable"), "{file}");
        let stale = served.get(&format!("/static/000000000000/{}", file.rsplit('/').next().unwrap())).await;
        assert_eq!(stale.status, StatusCode::NOT_FOUND);
    }
    // A new name of a topic or of a source's state shows at once, though the store's log has not moved.
    with_topics(&served);
    assert!(served.get("/").await.text().contains("The storm"));
}

async fn first_plain(served: &Served) -> Answer {
    served.get("/").await
}

#[tokio::test]
async fn two_hundred_entries_are_light() {
    let served = Served::empty().await;
    let words = "The 14:20 to Osmouth waits in the outer harbour until the wind drops, the harbour office says. ";
    let long = |nth: i64| {
        let mut entry = entry(&format!("e{nth}"), nth);
        let text = format!("{nth}: {}", words.repeat(8));
        (entry.body_html, entry.body_text) = (format!("<p>{text}</p>"), text);
        entry
    };
    served.save(&blog("lake", "1", (0..230).rev().map(long).collect()), 300).await;
    let page = served.ask(Method::GET, "/?limit=200", &[("accept-encoding", "gzip")]).await;
    let plain = served.get("/?limit=200").await;
    assert_eq!(listed(&plain).len(), 200);
    let files: usize = {
        let mut sum = 0;
        for file in ours("/", &plain).into_iter().filter(|link| link.starts_with("/static/")) {
            sum += served.ask(Method::GET, &file, &[("accept-encoding", "gzip")]).await.body.len();
        }
        sum
    };
    let wire = page.body.len() + files;
    assert!(files > 1000 && wire < 300_000, "{} of page and {files} of files", page.body.len());
}

#[tokio::test]
async fn an_entry_tells_who_else_has_its_story_and_how_much_later() {
    let served = Served::empty().await;
    let [lake, hill] = ["lake", "hill"].map(|outlet| tidings::identity::entry_id(outlet, "live", "x"));
    let own = blog_path("lake", "live", "x").replace("/feed.x", "");
    served.save(&super::stories::telling("lake", 5, "Tanker <aground>"), 30).await;
    assert!(!served.get(&own).await.text().contains("Also at"));
    // Nothing of its own live blog has changed when the other outlet has it too.
    let story = super::stories::told_by_two(&served).await;
    let first = format!(
        "First here. Also at <a href=\"../entries/{hill}\" title=\"Oil tanker on Tern Island\">HILL</a> 12 min later"
    );
    let page = served.get(&own).await;
    assert!(page.text().contains(&first), "{}", page.text());
    assert!(page.text().contains(&format!("<a href=\"../stories/{story}\">Side by side</a>")), "{}", page.text());
    let all = served.get("/").await;
    assert_eq!(all.text().matches("<p class=\"also\"").count(), 2, "never merged: {}", all.text());
    assert!(all.text().contains(&format!("<a href=\"./entries/{lake}\"")), "{}", all.text());
    assert!(all.text().contains("12 min earlier, first"), "{}", all.text());
}
