//! JSON Feed 1.1, with what the other formats have no place for in a `_tidings` object.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::model::{Entry, Head, Problem, ProblemCode, Stamp};

use super::title::title;
use super::xml::legal;
use super::{Feed, authors, category, filled, instant, language, link};

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
    items: Vec<JsonItem<'a>>,
    _tidings: About<'a>,
}

#[derive(Serialize)]
struct About<'a> {
    id: Text<'a>,
    updated: String,
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
    problems: Vec<Noted<'a>>,
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
        home_page_url: feed.home_url.as_deref().and_then(filled),
        feed_url: feed.self_url.as_deref().and_then(filled),
        description: feed.subtitle.as_deref().and_then(filled),
        language: language(feed),
        items: feed.items.iter().map(|(head, entry)| item(head, entry)).collect(),
        _tidings: About { id: legal(&feed.id), updated: rfc3339(feed.updated) },
    };
    let mut bytes = serde_json::to_vec_pretty(&json).expect("plain structs with string keys always serialise");
    bytes.push(b'\n');
    bytes
}

fn item<'a>(head: &'a Head, entry: &'a Entry) -> JsonItem<'a> {
    let link = link(head, entry);
    JsonItem {
        id: entry.id.urn().to_string(),
        // The entry is at the outlet, not with us: both names of the address are true, and readers look for either.
        external_url: link.clone(),
        url: link,
        title: title(entry),
        content_html: filled(&entry.body_html),
        // Every item must have a content (JSON Feed 1.1, Items): an entry that is all headline is that.
        content_text: filled(&entry.body_text).unwrap_or_else(|| title(entry).into()),
        image: entry.images.iter().find_map(|image| filled(&image.url)),
        date_published: rfc3339(entry.published.at),
        date_modified: rfc3339(entry.last_changed()),
        authors: authors(head, entry).into_iter().map(|name| Author { name }).collect(),
        tags: entry.marks.iter().map(|&mark| category(mark)).collect(),
        _tidings: Provenance {
            outlet: legal(&head.outlet),
            live_blog: Origin { id: head.id, url: head.url.as_deref().and_then(filled), headline: legal(&head.headline) },
            published: clean(&entry.published),
            updated: entry.updated.as_ref().map(clean),
            problems: entry.problems.iter().map(noted).collect(),
        },
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
