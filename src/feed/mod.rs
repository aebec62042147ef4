//! A [`Feed`] of entries, written as RSS, Atom or JSON Feed.
//!
//! Writing is pure: the same feed gives the same bytes, on any machine and in any year. Every string that leaves here has
//! passed `xml::legal`, because the two XML writers put characters that XML forbids into their output without a word.

mod atom;
mod item;
mod json;
mod opml;
mod rss;
mod title;
mod uri;
mod xml;

use std::borrow::Cow;

use chrono::{DateTime, SubsecRound, TimeZone, Utc};
use uuid::Uuid;

use crate::model::{CoverageState, Entry, Head, Mark};
pub use item::{Item, Role, Story};
pub use opml::{OPML, Subscription, Subscriptions, opml};
use uri::address;
use xml::legal;

/// What a feed says, whatever format it is written in.
#[derive(Debug, Clone, Default)]
pub struct Feed {
    /// Permanent id, as `urn:uuid:…`.
    pub id: String,
    /// Its name in a reader's list.
    pub title: String,
    /// One sentence more, where there is one.
    pub subtitle: Option<String>,
    /// The exact address it was asked for, query included; none for a feed written to a file.
    pub self_url: Option<String>,
    /// The HTML page it belongs to.
    pub home_url: Option<String>,
    /// BCP 47 tag, where all of it is in one language.
    pub language: Option<String>,
    /// When anything in it last changed.
    pub updated: DateTime<Utc>,
    /// What is in it, newest first.
    pub items: Vec<Item>,
    /// Entries that were in it and have been taken back by their outlets, the last one first.
    pub withdrawn: Vec<Withdrawn>,
    /// Where it goes on.
    pub pages: Pages,
    /// The WebSub hub that tells of changes.
    pub hub: Option<String>,
    /// The style sheet for browsers that show it by themselves, as seen from the feed. Letters, digits, dots and slashes.
    pub style: Option<String>,
}

/// An entry that its outlet has taken back (RFC 6721).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawn {
    /// The entry.
    pub id: Uuid,
    /// The revision, of an edit that was an item of its own.
    pub edit: Option<u32>,
    /// The capture that showed it.
    pub at: DateTime<Utc>,
}

impl Withdrawn {
    /// The id that its item had.
    fn item(&self) -> String {
        item::id(self.id, self.edit)
    }
}

/// The other documents of a feed that is archived in pages (RFC 5005 section 4).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pages {
    /// Whether this is an archived page, which will not change any more.
    pub archive: bool,
    /// The page before this one, with older entries.
    pub prev: Option<String>,
    /// The page after this one.
    pub next: Option<String>,
    /// The document that a reader subscribes to, where this isn't it.
    pub current: Option<String>,
}

impl Pages {
    /// The links, each with its relation.
    fn links(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [("prev-archive", &self.prev), ("next-archive", &self.next), ("current", &self.current)];
        all.into_iter().filter_map(|(rel, url)| Some((rel, url.as_deref()?)))
    }
}

/// Namespaces of the extensions that more than one format uses.
mod namespace {
    pub(super) const HISTORY: &str = "http://purl.org/syndication/history/1.0";
    pub(super) const THREADING: &str = "http://purl.org/syndication/thread/1.0";
    pub(super) const TOMBSTONES: &str = "http://purl.org/atompub/tombstones/1.0";
}

/// The formats a feed is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// RSS 2.0.
    Rss,
    /// Atom (RFC 4287).
    Atom,
    /// JSON Feed 1.1.
    Json,
}

impl Format {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Format; 3] = [Format::Rss, Format::Atom, Format::Json];

    /// The media type, as a `Content-Type` header has it.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Rss => "application/rss+xml; charset=utf-8",
            Format::Atom => "application/atom+xml; charset=utf-8",
            Format::Json => "application/feed+json",
        }
    }

    /// The media type without parameters, as a `<link type>` has it.
    pub fn media_type(self) -> &'static str {
        self.content_type().split(';').next().unwrap_or_default()
    }

    /// The name people know it by.
    pub fn label(self) -> &'static str {
        match self {
            Format::Rss => "RSS",
            Format::Atom => "Atom",
            Format::Json => "JSON Feed",
        }
    }

    /// What a path ends in: `rss`, `atom` or `json`.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Rss => "rss",
            Format::Atom => "atom",
            Format::Json => "json",
        }
    }
}

/// Writes `feed` in `format`.
pub fn write(feed: &Feed, format: Format) -> Vec<u8> {
    match format {
        Format::Rss => rss::write(feed),
        Format::Atom => atom::write(feed),
        Format::Json => json::write(feed),
    }
}

/// Room for a feed as it is written, rather too much than too little: growing would copy it several times.
fn room(feed: &Feed) -> Vec<u8> {
    /// What is written beside the text of an entry, and of a whole feed.
    const BESIDE: usize = 2048;
    let of = |item: &Item| BESIDE + item.entry.body_html.len() * 5 / 4 + item.entry.body_text.len() * 5 / 4;
    Vec::with_capacity(2 * BESIDE + feed.items.iter().map(of).sum::<usize>())
}

/// `text` cleaned, or nothing where nothing is left to read.
fn filled(text: &str) -> Option<Cow<'_, str>> {
    Some(legal(text)).filter(|text| !text.trim().is_empty())
}

/// Where an entry is read at the outlet: its own address, or else that of its live blog.
fn link<'a>(head: &'a Head, entry: &'a Entry) -> Option<Cow<'a, str>> {
    entry.permalink.as_deref().and_then(address).or_else(|| head.url.as_deref().and_then(address))
}

/// The people named on the entry, or else the outlet: Atom demands an author, and readers show one for every entry.
fn authors<'a>(head: &'a Head, entry: &'a Entry) -> Vec<Cow<'a, str>> {
    let byline: Vec<_> = entry.byline.iter().filter_map(|name| filled(name)).collect();
    if byline.is_empty() { vec![filled(&head.outlet_name).unwrap_or_else(|| legal(&head.outlet))] } else { byline }
}

/// A mark in words, as a feed's category.
fn category(mark: Mark) -> &'static str {
    match mark {
        Mark::Pinned => "pinned",
        Mark::KeyEvent => "key event",
        Mark::Summary => "summary",
        Mark::Breaking => "breaking",
    }
}

/// The feed's language, unless it is no language tag at all: validators refuse the whole feed for that.
fn language(feed: &Feed) -> Option<&str> {
    let well_formed = |tag: &&str| {
        let mut subtags = tag.split('-');
        let letters = |subtag: &str| (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphabetic());
        let others = |subtag: &str| (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphanumeric());
        subtags.next().is_some_and(letters) && subtags.all(others)
    };
    feed.language.as_deref().filter(well_formed)
}

/// An instant as feeds can hold it: whole seconds and a year of four digits.
fn instant(at: DateTime<Utc>) -> DateTime<Utc> {
    let bound = |year, month, day| Utc.with_ymd_and_hms(year, month, day, 0, 0, 0).single().unwrap_or(DateTime::UNIX_EPOCH);
    at.clamp(bound(1, 1, 1), bound(9999, 12, 31)).trunc_subsecs(0)
}

/// Whether nothing more is to be expected: every live blog in it has ended.
fn over(feed: &Feed) -> bool {
    let ended = |head: &Head| matches!(head.coverage.state, CoverageState::Ended | CoverageState::Article);
    !feed.items.is_empty() && feed.items.iter().all(|item| ended(&item.head))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_language_tags_are_languages() {
        let feed = |tag: &str| Feed { language: Some(tag.into()), ..Feed::default() };
        for good in ["en", "en-GB", "zh-Hant-TW", "de-1996"] {
            assert_eq!(language(&feed(good)), Some(good));
        }
        for bad in ["", "en_GB", "1en", "en-", "-", "en\u{1}", "abcdefghi", "en GB"] {
            assert_eq!(language(&feed(bad)), None, "{bad:?}");
        }
    }

    #[test]
    fn instants_outside_four_digit_years_are_brought_in() {
        assert_eq!(instant(DateTime::<Utc>::MAX_UTC).to_rfc3339(), "9999-12-31T00:00:00+00:00");
        assert_eq!(instant(DateTime::<Utc>::MIN_UTC).to_rfc3339(), "0001-01-01T00:00:00+00:00");
    }
}
