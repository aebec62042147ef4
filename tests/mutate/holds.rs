//! What holds of everything that is read, whatever the page.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use tidings::feed::{self, Feed, Format, Item};
use tidings::model::{Entry, LiveBlog, Precision, Problem, ProblemCode, Stamp};
use tidings::outlet::Refusal;
use tidings::page::Page;
use tidings::time::SKEW;
use url::Url;

/// Longest message that is fit for a log.
const LONGEST_MESSAGE: usize = 2048;

/// The elements of a clean body, with the attributes that each may carry beside `dir` and `lang`.
pub const ELEMENTS: [(&str, &[&str]); 41] = [
    ("a", &["href", "title", "rel"]),
    ("abbr", &[]),
    ("b", &[]),
    ("blockquote", &[]),
    ("br", &[]),
    ("cite", &[]),
    ("code", &[]),
    ("dd", &[]),
    ("del", &[]),
    ("dl", &[]),
    ("dt", &[]),
    ("em", &[]),
    ("figcaption", &[]),
    ("figure", &[]),
    ("h2", &[]),
    ("h3", &[]),
    ("h4", &[]),
    ("h5", &[]),
    ("h6", &[]),
    ("hr", &[]),
    ("i", &[]),
    ("img", &["src", "alt", "width", "height"]),
    ("ins", &[]),
    ("li", &[]),
    ("ol", &["start"]),
    ("p", &[]),
    ("pre", &[]),
    ("q", &[]),
    ("s", &[]),
    ("strong", &[]),
    ("sub", &[]),
    ("sup", &[]),
    ("table", &[]),
    ("tr", &[]),
    ("u", &[]),
    ("ul", &[]),
    ("tbody", &[]),
    ("td", &["colspan", "rowspan"]),
    ("tfoot", &[]),
    ("th", &["colspan", "rowspan"]),
    ("thead", &[]),
];

/// Panics with what does not hold.
pub fn of_blog(blog: &LiveBlog, page: &Page) {
    let latest = page.captured.latest();
    let mut ids = HashSet::new();
    assert!(blog.entries.len() <= 5000, "{} entries", blog.entries.len());
    for entry in &blog.entries {
        assert!(ids.insert(entry.id), "the id {} of `{}` comes twice", entry.id, entry.key);
        of_entry(entry, latest);
    }
    let Some(head) = Some(&blog.head).filter(|head| !head.outlet.is_empty() && !head.key.is_empty()) else {
        panic!("neither outlet nor key: {:?}", blog.head)
    };
    let slug = head.outlet.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    assert!(slug && head.outlet.len() <= 64, "`{}` is no slug", head.outlet);
    head.url.iter().chain(&blog.older).for_each(|address| of_address(address));
    for line in [Some(&head.headline), Some(&head.outlet_name), head.standfirst.as_ref()].into_iter().flatten() {
        of_line(line);
    }
    assert!(head.standfirst.as_ref().is_none_or(|line| !line.is_empty()));
    [head.coverage.started, head.coverage.ended].into_iter().flatten().for_each(of_instant);
    blog.problems.iter().for_each(of_problem);

    let json = serde_json::to_string(blog).expect("it is plain data");
    let again: LiveBlog = serde_json::from_str(&json).expect("what we write we read");
    assert!(again == *blog, "JSON and back changes it");
    feeds(blog);
}

/// A refusal says something, on one line.
pub fn of_refusal(refusal: &Refusal) {
    let message = refusal.to_string();
    assert!(!message.is_empty() && message.len() <= LONGEST_MESSAGE, "a message of {} bytes: {message:.200}", message.len());
    of_line(&message);
}

fn of_entry(entry: &Entry, latest: DateTime<Utc>) {
    assert!(!entry.key.is_empty());
    of_stamp(&entry.published);
    entry.updated.iter().for_each(of_stamp);
    let slack = |stamp: &Stamp| if stamp.precision == Precision::Day { TimeDelta::hours(12) } else { SKEW };
    let told = entry.problems.iter().any(|problem| problem.code == ProblemCode::Future);
    let future = entry.published.at > latest + slack(&entry.published);
    assert_eq!(future, told, "{:?}, captured by {latest}", entry.published);
    if let Some(updated) = &entry.updated {
        assert!(updated.at <= latest + slack(updated), "changed {updated:?}, captured by {latest}");
        assert!(updated.at > entry.published.at, "changed {updated:?} before {:?}", entry.published);
    }
    entry.headline.iter().chain(&entry.byline).for_each(|line| {
        of_line(line);
        assert!(!line.is_empty());
    });
    entry.permalink.iter().for_each(|address| of_address(address));
    for image in &entry.images {
        of_address(&image.url);
        image.caption.iter().for_each(|line| of_line(line));
    }
    entry.problems.iter().for_each(of_problem);
    of_markup(&entry.body_html);
    assert!(!entry.body_text.contains(illegal), "{:?}", entry.body_text);
}

fn of_stamp(stamp: &Stamp) {
    of_instant(stamp.at);
    assert!(stamp.printed.as_ref().is_none_or(|printed| printed.len() <= 300), "{stamp:.400?}");
}

fn of_instant(at: DateTime<Utc>) {
    assert!((1970..=2200).contains(&at.year()), "{at}");
}

fn of_address(address: &str) {
    let url = Url::parse(address).unwrap_or_else(|error| panic!("`{address}`: {error}"));
    assert!(matches!(url.scheme(), "http" | "https" | "mailto"), "{address}");
    assert!(url.username().is_empty() && url.password().is_none(), "{address}");
    assert!(!address.contains(|c: char| c.is_control() || c.is_whitespace()), "{address:?}");
    // Each is read from one of at most 4096 bytes, whose signs may be written as three bytes each and more.
    assert!(address.len() <= 64 * 1024, "an address of {} bytes", address.len());
}

fn of_line(line: &str) {
    assert!(!line.contains(|c: char| c.is_control() || illegal(c)), "{line:.300?}");
    assert_eq!(line, line.trim());
}

fn of_problem(problem: &Problem) {
    let message = &problem.message;
    assert!(!message.is_empty() && message.len() <= LONGEST_MESSAGE, "a message of {} bytes: {message:.200}", message.len());
    assert!(!message.contains(|c: char| c.is_control()), "{message:?}");
}

fn illegal(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}')
}

/// Nothing in it but the elements and attributes on the list, each quoted; read by an eye of our own, not by a parser that
/// mends what it reads.
fn of_markup(html: &str) {
    assert!(!html.contains(illegal), "{html:.2000?}");
    let mut rest = html;
    let mut open: Vec<&str> = Vec::new();
    while let Some(start) = rest.find('<') {
        let text = &rest[..start];
        assert!(!text.contains('>'), "a bare > in {text:.300}");
        rest = &rest[start + 1..];
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '/').expect("a tag ends");
        let (name, after) = rest.split_at(length);
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "elements are closed in turn");
            rest = after.strip_prefix('>').expect("an end tag holds a name");
            continue;
        }
        let (_, own) =
            ELEMENTS.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("<{name}> in {html:.2000}"));
        rest = after;
        while let Some(attribute) = rest.strip_prefix(' ') {
            let (key, value) = attribute.split_once("=\"").expect("an attribute has a quoted value");
            let (value, after) = value.split_once('"').expect("a quote ends");
            assert!(own.contains(&key) || matches!(key, "dir" | "lang"), "<{name} {key}> in {html:.2000}");
            if matches!(key, "href" | "src") {
                of_address(&value.replace("&amp;", "&"));
            }
            rest = after;
        }
        rest = rest.strip_prefix('>').unwrap_or_else(|| panic!("<{name} does not end: {rest:.100}"));
        if !matches!(name, "br" | "hr" | "img") {
            open.push(name);
        }
    }
    assert!(!rest.contains('>') && open.is_empty(), "open at the end: {open:?}");
}

/// All three formats, read again by the libraries' readers; what is illegal in XML we look for ourselves.
fn feeds(blog: &LiveBlog) {
    let head = Arc::new(blog.head.clone());
    let mut items: Vec<_> = blog.entries.iter().map(|entry| Item::new(head.clone(), Arc::new(entry.clone()))).collect();
    items.sort_by_key(|item| std::cmp::Reverse(item.entry.published.at));
    let count = items.len();
    let feed = Feed {
        id: blog.head.id.urn().to_string(),
        title: blog.head.headline.clone(),
        subtitle: blog.head.standfirst.clone(),
        self_url: Some("https://tidings.example/feed".into()),
        home_url: blog.head.url.clone(),
        language: blog.head.language.clone(),
        updated: blog.entries.iter().map(Entry::last_changed).max().unwrap_or_default(),
        items,
        ..Feed::default()
    };
    for format in Format::ALL {
        let written = String::from_utf8(feed::write(&feed, format)).expect("feeds are UTF-8");
        let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        assert!(format == Format::Json || written.chars().all(allowed), "{format:?} holds what XML may not");
        let read = match format {
            Format::Rss => rss::Channel::read_from(written.as_bytes()).expect("RSS is read again").items.len(),
            Format::Atom => atom_syndication::Feed::read_from(written.as_bytes()).expect("Atom is read again").entries.len(),
            Format::Json => {
                let feed: serde_json::Value = serde_json::from_str(&written).expect("JSON Feed is JSON");
                feed["items"].as_array().expect("it has items").len()
            }
        };
        assert_eq!(read, count, "{format:?}");
    }
}
