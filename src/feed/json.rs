//! JSON Feed 1.1, with what the other formats have no place for in a `_tidings` object.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::model::{Problem, ProblemCode, Stamp};

use super::item::Item;
use super::uri::{address, uri};
use super::xml::legal;
use super::{Feed, Withdrawn, authors, category, filled, instant, language, link, room};

type Text<'a> = Cow<'a, str>;

#[derive(Serialize)]
struct JsonFeed<'a> {
    version: &'static str,
    title: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    home_page_url: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    feed_url: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_url: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hubs: Vec<Hub<'a>>,
    items: Vec<JsonItem<'a>>,
    _tidings: About<'a>,
}

#[derive(Serialize)]
struct Hub<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    url: Text<'a>,
}

#[derive(Serialize)]
struct About<'a> {
    id: Text<'a>,
    updated: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    archive: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_url: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    withdrawn: Vec<Gone>,
}

/// An entry that its outlet has taken back.
#[derive(Serialize)]
struct Gone {
    id: String,
    at: String,
}

#[derive(Serialize)]
struct JsonItem<'a> {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_url: Option<Text<'a>>,
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_html: Option<Text<'a>>,
    content_text: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<Text<'a>>,
    date_published: String,
    date_modified: String,
    authors: Vec<Author<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<&'static str>,
    _tidings: Provenance<'a>,
}

#[derive(Serialize)]
struct Author<'a> {
    name: Text<'a>,
}

/// Where an entry comes from and how well its time is known.
#[derive(Serialize)]
struct Provenance<'a> {
    outlet: Text<'a>,
    live_blog: Origin<'a>,
    published: Stamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated: Option<Stamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_seen: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawn: Option<String>,
    /// What this is a revision of.
    #[serde(skip_serializing_if = "Option::is_none")]
    original: Option<String>,
    /// Its own page here, with every revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<Text<'a>>,
    /// What it is known to be about together with entries of other outlets.
    #[serde(skip_serializing_if = "Option::is_none")]
    story: Option<Together<'a>>,
    problems: Vec<Noted<'a>>,
}

#[derive(Serialize)]
struct Together<'a> {
    id: String,
    page: Text<'a>,
}

#[derive(Serialize)]
struct Origin<'a> {
    id: Uuid,
    url: Option<Text<'a>>,
    headline: Text<'a>,
}

#[derive(Serialize)]
struct Noted<'a> {
    code: ProblemCode,
    message: Text<'a>,
}

pub(super) fn write(feed: &Feed) -> Vec<u8> {
    let json = JsonFeed {
        version: "https://jsonfeed.org/version/1.1",
        title: legal(&feed.title),
        home_page_url: feed.home_url.as_deref().and_then(address),
        feed_url: feed.self_url.as_deref().and_then(address),
        description: feed.subtitle.as_deref().and_then(filled),
        language: language(feed),
        // The next page of a JSON feed holds older items, as the page before it does in RFC 5005.
        next_url: feed.pages.prev.as_deref().and_then(address),
        hubs: feed.hub.iter().map(|url| Hub { kind: "WebSub", url: uri(url) }).collect(),
        items: feed.items.iter().map(json_item).collect(),
        _tidings: About {
            id: legal(&feed.id),
            updated: rfc3339(feed.updated),
            archive: feed.pages.archive,
            current_url: feed.pages.current.as_deref().and_then(address),
            withdrawn: feed.withdrawn.iter().map(gone).collect(),
        },
    };
    let mut bytes = room(feed);
    serde_json::to_writer_pretty(&mut bytes, &json).expect("plain structs with string keys always serialise");
    bytes.push(b'\n');
    bytes
}

fn gone(withdrawn: &Withdrawn) -> Gone {
    Gone { id: withdrawn.item(), at: rfc3339(withdrawn.at) }
}

fn json_item(item: &Item) -> JsonItem<'_> {
    let (head, entry) = (&*item.head, &*item.entry);
    let link = link(head, entry);
    let (html, text) = (item.body_html(), item.body_text());
    let life = item.life.as_ref();
    JsonItem {
        id: item.id(),
        // The entry is at the outlet, not with us: both names of the address are true, and readers look for either.
        external_url: link.clone(),
        url: link,
        title: item.title(),
        content_html: owned(&html),
        // Every item must have a content (JSON Feed 1.1, Items): an entry that is all headline is that.
        content_text: owned(&text).unwrap_or_else(|| item.title().into()),
        image: item.images().iter().find_map(|image| address(&image.url)),
        date_published: rfc3339(item.published()),
        date_modified: rfc3339(item.updated()),
        authors: authors(head, entry).into_iter().map(|name| Author { name }).collect(),
        tags: entry.marks.iter().map(|&mark| category(mark)).collect(),
        _tidings: Provenance {
            outlet: legal(&head.outlet),
            live_blog: Origin { id: head.id, url: head.url.as_deref().and_then(address), headline: legal(&head.headline) },
            published: clean(&entry.published),
            updated: entry.updated.as_ref().map(clean),
            revision: life.map(|life| life.revision),
            first_seen: life.map(|life| rfc3339(life.first_seen)),
            changed: life.map(|life| rfc3339(life.changed)),
            withdrawn: item.withdrawn().map(rfc3339),
            original: item.original().map(|original| original.id),
            page: item.page.as_deref().and_then(filled),
            story: item.story.as_ref().map(|story| Together { id: story.id.urn().to_string(), page: legal(&story.page) }),
            problems: entry.problems.iter().map(noted).collect(),
        },
    }
}

/// Cleaned, as [`filled`] does it, where the text may have been made for this item alone.
fn owned<'a>(text: &Text<'a>) -> Option<Text<'a>> {
    match text {
        Cow::Borrowed(text) => filled(text),
        Cow::Owned(text) => filled(text).map(|text| Cow::Owned(text.into_owned())),
    }
}

fn clean(stamp: &Stamp) -> Stamp {
    Stamp { at: instant(stamp.at), printed: stamp.printed.as_deref().map(|text| legal(text).into()), ..stamp.clone() }
}

fn noted(problem: &Problem) -> Noted<'_> {
    Noted { code: problem.code, message: legal(&problem.message) }
}

fn rfc3339(at: DateTime<Utc>) -> String {
    instant(at).to_rfc3339_opts(SecondsFormat::Secs, true)
}
