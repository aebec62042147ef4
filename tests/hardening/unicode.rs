//! Every character there is, in everything a feed is made of: no reader may refuse the feed, and none that XML allows may be
//! lost on the way.
//!
//! A library that reads its own feeds again proves nothing here: ours read and write what XML forbids. So the judges are
//! xmllint (libxml2), Python's expat and json, jq, Atom's own grammar by jing and JSON Feed's schema by ajv, as far as they are on
//! this machine.

use super::programs::{Verdict, ajv, jing, python, run};
use super::{full, say};
use crate::{corpus, sample};
use std::path::Path;
use std::sync::Arc;
use tidings::feed::{self, Feed, Format, Item};
use tidings::html::{self, Links};
use tidings::model::{Entry, Image, LiveBlog};
use tidings::outlet::split_page;
use tidings::page::{Captured, Page};

/// Characters in one field of an entry.
const BLOCK: usize = 256;

/// Counts the different characters in the text of a feed's titles, bodies and bylines, as expat sees them.
const EXPAT: &str = r#"
import sys, xml.parsers.expat
seen, within = set(), []
parser = xml.parsers.expat.ParserCreate()
parser.StartElementHandler = lambda name, _: within.append(name.split(":")[-1])
parser.EndElementHandler = lambda _: within.pop()
def text(data):
    if within[-1] in ("title", "encoded", "content", "creator", "name"): seen.update(data)
parser.CharacterDataHandler = text
parser.Parse(sys.stdin.buffer.read(), True)
print(len(seen))
"#;

/// The same of a JSON Feed, whose strings may not hold half of a surrogate pair and whose names may not come twice.
const JSON: &str = r#"
import sys, json
def once(pairs):
    assert len(dict(pairs)) == len(pairs), "a name comes twice"
    return dict(pairs)
seen = set()
def walk(value):
    if isinstance(value, str): seen.update(value)
    elif isinstance(value, dict): [walk(inner) for inner in value.values()]
    elif isinstance(value, list): [walk(inner) for inner in value]
def refuse(name): raise ValueError(name)
walk(json.loads(sys.stdin.buffer.read().decode("utf-8"), object_pairs_hook=once, parse_constant=refuse))
"".join(seen).encode("utf-8")
print(len(seen))
"#;

/// The characters that a feed is made of; with `full` all of them, in feeds that hold a plane each.
fn feeds_of() -> Vec<(String, Vec<char>)> {
    let plane = |number: u32| (number << 16..(number + 1) << 16).filter_map(char::from_u32).collect::<Vec<char>>();
    if full() {
        return (0..=16).map(|number| (format!("plane {number}"), plane(number))).collect();
    }
    // Where planes begin and end is where characters that are none stand; a part of the emoji.
    let edges = (1..=16u32).flat_map(|number| {
        let plane = plane(number);
        [&plane[..16], &plane[0xF300..0xF340], &plane[0xFFF0..]].concat()
    });
    vec![("plane 0".into(), plane(0)), ("the edges of the other planes".into(), edges.collect())]
}

/// Each character between two plain ones, so that none is space at the end of a line; half of `]]>` around some of them.
fn strung(block: &[char]) -> String {
    block.iter().map(|c| if c.is_ascii_punctuation() { format!("]]{c}>") } else { format!("a{c}") }).collect::<String>()
        + "a"
}

/// A feed written from entries that hold the characters as they are, whatever reading a page would have made of them.
fn straight(characters: &[char]) -> Feed {
    let links = Links::new(Some(&"https://outlet.example/live/x".parse().unwrap()));
    let entries = characters.chunks(BLOCK).enumerate().map(|(number, block)| {
        let text = strung(block);
        let address = links.link(&format!("/{text}?{text}#{text}"));
        Entry {
            key: format!("{number} {text}"),
            permalink: address.clone(),
            headline: Some(text.clone()),
            byline: vec![text.clone()],
            body_html: format!("<p>{text}</p>").replace('&', "&amp;"),
            body_text: text.clone(),
            images: address.map(|url| Image { url, caption: Some(text), width: None, height: None }).into_iter().collect(),
            ..sample::entry("", 0)
        }
    });
    let mut blog = sample::blog("outlet", &strung(&characters[..BLOCK.min(characters.len())]), entries.collect());
    blog.head.headline = strung(&characters[..BLOCK]);
    blog.head.outlet_name = strung(&characters[..BLOCK]);
    feed_of(&blog)
}

/// A feed of what is read of pages that hold the characters: as many as keep to the references that a page may hold.
fn read(characters: &[char]) -> Feed {
    // Each character stands in a text of two to four, which is said twice.
    let most = html::Limits::default().references / 8 / BLOCK * BLOCK;
    let mut blogs = characters.chunks(most).map(page_of);
    let mut whole = blogs.next().unwrap();
    whole.entries.extend(blogs.flat_map(|blog| blog.entries));
    assert_eq!(whole.entries.len(), characters.len().div_ceil(BLOCK));
    feed_of(&whole)
}

/// What is read of a page that holds the characters.
fn page_of(characters: &[char]) -> LiveBlog {
    let entries = characters.chunks(BLOCK).enumerate().map(|(number, block)| {
        let text = strung(block);
        serde_json::json!({
            "@type": "BlogPosting", "@id": format!("#{number}x{text}"), "url": format!("#{number}x{text}"),
            "headline": text, "author": text, "datePublished": "2024-03-30T16:48:00Z",
            "articleBody": links_and_text(&text),
        })
    });
    let page = serde_json::json!({
        "@context": "https://schema.org", "@type": "LiveBlogPosting", "url": "https://news.example/live", "headline": "x",
        "liveBlogUpdate": entries.collect::<Vec<_>>(),
    });
    // In a script, `<` may begin its end.
    let page = page.to_string().replace('<', "\\u003c");
    let page = Page {
        body: format!("<!doctype html><meta charset=utf-8><script type=application/ld+json>{page}</script>").into(),
        url: None,
        content_type: None,
        captured: Captured::By("2030-01-01T00:00:00Z".parse().unwrap()),
    };
    split_page(&page, None).unwrap()
}

/// Markup that says the same as references, each of which a parser has its own mind about.
fn links_and_text(text: &str) -> String {
    let references: String = text.chars().map(|c| format!("&#{};", u32::from(c))).collect();
    format!("<p>{references} <a href=\"/{references}\">x</a></p>")
}

fn feed_of(blog: &LiveBlog) -> Feed {
    let head = Arc::new(blog.head.clone());
    Feed {
        id: blog.head.id.urn().to_string(),
        title: blog.head.headline.clone(),
        subtitle: Some(blog.head.outlet_name.clone()),
        self_url: Some("https://tidings.example/feed".into()),
        home_url: blog.head.url.clone(),
        language: blog.head.language.clone(),
        updated: sample::minute(0),
        items: blog.entries.iter().map(|entry| Item::new(head.clone(), Arc::new(entry.clone()))).collect(),
        ..Feed::default()
    }
}

/// What the judges say of a written feed: who took it, or why one did not. The second is how many characters they saw.
fn judged(bytes: &[u8], format: Format) -> Result<(Vec<&'static str>, usize), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("feed");
    std::fs::write(&path, bytes).unwrap();
    let file = path.to_string_lossy();
    let mut verdicts = Vec::new();
    let grammar = std::env::var_os("TIDINGS_CORPUS").map(|corpus| Path::new(&corpus).join("clients/lib/atom-rfc4287.rnc"));
    if let Some(grammar) = grammar.filter(|grammar| format == Format::Atom && grammar.exists()) {
        verdicts.push(("jing", jing(&grammar, &path)));
    }
    let counted = if format == Format::Json {
        verdicts.push(("ajv", ajv(&path)));
        verdicts.push(("jq", run("jq", &["-e", ".items|length", &file], b"")));
        ("json", python(JSON, &[], bytes))
    } else {
        verdicts.push(("xmllint", run("xmllint", &["--nonet", "--noout", "--huge", &file], b"")));
        ("expat", python(EXPAT, &[], bytes))
    };
    let seen = match &counted.1 {
        Verdict::Accepted(count) => count.trim().parse().unwrap(),
        _ => 0,
    };
    verdicts.push(counted);
    let mut took = Vec::new();
    for (name, verdict) in verdicts {
        match verdict {
            Verdict::Accepted(_) => took.push(name),
            Verdict::Absent => {}
            Verdict::Refused(why) => return Err(format!("{name}: {why}")),
        }
    }
    Ok((took, seen))
}

#[test]
fn no_character_makes_a_feed_that_a_reader_refuses() {
    let mut judges = Vec::new();
    for (name, characters) in feeds_of() {
        let legal = |c: &&char| !matches!(**c, '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}');
        for (way, feed) in [("written", straight(&characters)), ("read and written", read(&characters))] {
            for format in Format::ALL {
                let bytes = feed::write(&feed, format);
                let (took, seen) = judged(&bytes, format).unwrap_or_else(|why| panic!("{name}, {way} as {format:?}: {why}"));
                // All are there, those that fold into a space left out; a reading also drops marks that turn text around.
                let least = characters.iter().filter(legal).count() - if way == "written" { 32 } else { 128 };
                assert!(seen == 0 || seen >= least, "{name}, {way} as {format:?}: {seen} of {least} characters arrive");
                judges.extend(took.into_iter().filter(|name| !judges.contains(name)).collect::<Vec<_>>());
            }
        }
    }
    match judges.len() {
        0 => say("skipped: no_character_makes_a_feed_that_a_reader_refuses needs xmllint, jq or python3"),
        _ if full() => say(&format!("every character: nothing is refused by {}", judges.join(", "))),
        _ => {}
    }
}

/// The proof that it can fail: each judge refuses what is wrong, and misses what is missing.
#[test]
fn the_judges_refuse_what_is_wrong() {
    let feed = straight(&('a'..='z').cycle().take(BLOCK).collect::<Vec<_>>());
    for format in Format::ALL {
        let good = String::from_utf8(feed::write(&feed, format)).unwrap();
        let Ok((took, seen)) = judged(good.as_bytes(), format) else { panic!("{format:?} is fine") };
        assert!(seen < 128, "{seen} characters are made of some thirty");
        let wrong: &[(&str, &str)] = match format {
            Format::Json => &[("\"version\"", "\"title\": 1, \"version\""), ("aaba", "\u{1}"), ("aaba", "\\ud83d")],
            _ => &[("aaba", "\u{1}"), ("aaba", "\u{fffe}"), ("aaba", "\u{0}"), ("aaba", "&#8;"), ("</", "<")],
        };
        for (from, to) in wrong {
            assert!(good.contains(from));
            let bad = good.replacen(from, to, 1);
            assert!(took.is_empty() || judged(bad.as_bytes(), format).is_err(), "{format:?} with {to:?} in it is taken");
        }
    }
}

/// The corpus holds the grammar; without it Atom is judged as XML only.
#[test]
fn atom_keeps_to_its_grammar() {
    if corpus::folder("atom_keeps_to_its_grammar").is_none() {
        return;
    }
    let feed = straight(&(' '..'\u{17e}').collect::<Vec<_>>());
    let good = String::from_utf8(feed::write(&feed, Format::Atom)).unwrap();
    let took = judged(good.as_bytes(), Format::Atom).unwrap().0;
    let wrong = good.replacen("<id>", "<guid>", 1).replacen("</id>", "</guid>", 1);
    assert!(!took.contains(&"jing") || judged(wrong.as_bytes(), Format::Atom).is_err(), "a feed needs an id");
}

/// The same of JSON Feed's schema.
#[test]
fn a_json_feed_keeps_to_its_schema() {
    let feed = straight(&(' '..'\u{17e}').collect::<Vec<_>>());
    let good = String::from_utf8(feed::write(&feed, Format::Json)).unwrap();
    let took = judged(good.as_bytes(), Format::Json).unwrap().0;
    let wrong = good.replacen("\"id\"", "\"guid\"", 1);
    assert!(!took.contains(&"ajv") || judged(wrong.as_bytes(), Format::Json).is_err(), "an item needs an id");
}
