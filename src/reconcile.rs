//! What a fresh reading of a live blog changes in what is stored of it. Pure: the store hands in what it knows and writes
//! what comes back.
//!
//! The rules, in one place:
//! - an entry is never taken away: a page pages entries off, or comes back as a consent wall;
//! - `published` stays for ever as first stored, even where the page printed no time at first and prints one later. A reader
//!   has filed the entry under that instant, and moving it would show the entry twice or hide it;
//! - `updated` moves only when cleaned content changes. An outlet's own stamp moving alone is not a change;
//! - a rank is given once and kept, so that new entries never reorder old ones;
//! - a capture older than the newest one read may add entries, and changes nothing else.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::model::{CoverageState, Entry, Head, LiveBlog, Origin, Precision, Stamp};

/// SHA-256 over a part of an entry.
pub type Hash = [u8; 32];

/// An outlet's `updated` stamp may run ahead of our clock by this much; beyond it, it is not believed.
const SKEW: TimeDelta = TimeDelta::minutes(5);

/// What the store holds of one live blog, as far as reconciling needs it. Empty for one never seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// What is known of the page itself.
    pub head: Option<Head>,
    /// The newest capture read so far.
    pub seen: Option<DateTime<Utc>>,
    /// Every entry ever stored of it.
    pub entries: Vec<KnownEntry>,
}

/// One stored entry, as far as reconciling needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownEntry {
    /// Its permanent id.
    pub id: Uuid,
    /// When it was published, as first stored.
    pub published: Stamp,
    /// When its content last changed.
    pub updated: Option<Stamp>,
    /// See [`Settled::rank`].
    pub rank: u32,
    /// See [`Settled::content_hash`].
    pub content_hash: Hash,
    /// See [`Settled::shown_hash`].
    pub shown_hash: Hash,
}

/// What to write.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// The head, where it differs from what is stored.
    pub head: Option<Head>,
    /// Entries never seen before, oldest first.
    pub new: Vec<Settled>,
    /// Entries whose cleaned content changed.
    pub edited: Vec<Settled>,
    /// Entries of the same content of which something else that a feed shows changed, such as the permalink.
    pub touched: Vec<Settled>,
    /// How many entries of the page stand in the store just so.
    pub unchanged: usize,
}

impl Changes {
    /// Whether anything changes of what a feed shows.
    pub fn is_empty(&self) -> bool {
        self.head.is_none() && self.new.is_empty() && self.edited.is_empty() && self.touched.is_empty()
    }
}

/// An entry as it is to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// The entry, with the stamps it keeps.
    pub entry: Entry,
    /// Nth among the entries of its live blog that were published at the same instant, counted from the oldest.
    pub rank: u32,
    /// Over headline, byline, body, pictures and marks: what moves `updated`.
    pub content_hash: Hash,
    /// Over everything of the page's that a feed shows beside its stamps.
    pub shown_hash: Hash,
}

/// Compares `read`, captured at `seen`, with what is `known` of the same live blog.
pub fn reconcile(known: &Known, read: &LiveBlog, seen: DateTime<Utc>) -> Changes {
    let outdated = known.seen.is_some_and(|newest| seen < newest);
    let by_id: HashMap<Uuid, &KnownEntry> = known.entries.iter().map(|entry| (entry.id, entry)).collect();
    let mut next_rank = HashMap::<i64, u32>::new();
    for entry in &known.entries {
        let next = next_rank.entry(entry.published.at.timestamp_millis()).or_default();
        *next = (*next).max(entry.rank + 1);
    }

    let mut changes = Changes::default();
    for entry in oldest_first(&read.entries) {
        let content_hash = content_hash(entry);
        let shown_hash = shown_hash(entry, &content_hash);
        let Some(stored) = by_id.get(&entry.id) else {
            let next = next_rank.entry(entry.published.at.timestamp_millis()).or_default();
            let updated = entry.updated.clone().filter(|stamp| stamp.at <= seen + SKEW);
            let entry = Entry { updated, ..entry.clone() };
            changes.new.push(Settled { entry, rank: *next, content_hash, shown_hash });
            *next += 1;
            continue;
        };
        if outdated || stored.shown_hash == shown_hash {
            changes.unchanged += 1;
            continue;
        }
        let edited = stored.content_hash != content_hash;
        let updated = if edited { Some(moved(stored, entry.updated.as_ref(), seen)) } else { stored.updated.clone() };
        let entry = Entry { published: stored.published.clone(), updated, ..entry.clone() };
        let settled = Settled { entry, rank: stored.rank, content_hash, shown_hash };
        if edited { changes.edited.push(settled) } else { changes.touched.push(settled) }
    }
    changes.head = match &known.head {
        None => Some(read.head.clone()),
        Some(_) if outdated => None,
        Some(stored) => Some(merged(stored, &read.head)).filter(|head| head != stored),
    };
    changes
}

/// The page's entries from the oldest, each id once. Pages run either way, and a pinned entry stands out of order, so the
/// direction is that of most neighbours; where none tells, newest first, as live blogs are written.
fn oldest_first(entries: &[Entry]) -> Vec<&Entry> {
    let mut ids = HashSet::new();
    // An id that stands twice is mostly a pinned copy on top. Whichever stands first is taken, so that the same page
    // always gives the same reading; the core has noted the problem.
    let mut once: Vec<&Entry> = entries.iter().filter(|entry| ids.insert(entry.id)).collect();
    let pairs = || once.windows(2).map(|pair| pair[0].published.at.cmp(&pair[1].published.at));
    let (rising, falling) = (pairs().filter(|order| order.is_lt()).count(), pairs().filter(|order| order.is_gt()).count());
    if rising <= falling {
        once.reverse();
    }
    once
}

/// The `updated` of an entry whose content changed: the outlet's own stamp where it is news and can be believed, else the
/// capture in which the change was first seen. It never moves back.
fn moved(stored: &KnownEntry, outlets: Option<&Stamp>, seen: DateTime<Utc>) -> Stamp {
    let last = stored.updated.as_ref().map_or(stored.published.at, |stamp| stamp.at.max(stored.published.at));
    match outlets {
        Some(stamp) if stamp.at > last && stamp.at <= seen + SKEW => stamp.clone(),
        _ => {
            Stamp { at: seen.max(last), precision: Precision::Second, printed: None, origin: Origin::ChangeSeen, zone: None }
        }
    }
}

/// The head as the page gives it, keeping what this page does not tell: a text capture knows less than the HTML page of the
/// same live blog, and going back and forth between the two must not look like news.
fn merged(stored: &Head, read: &Head) -> Head {
    let mut head = read.clone();
    if head.headline.is_empty() {
        head.headline.clone_from(&stored.headline);
    }
    head.url = head.url.or_else(|| stored.url.clone());
    head.standfirst = head.standfirst.or_else(|| stored.standfirst.clone());
    head.language = head.language.or_else(|| stored.language.clone());
    if head.coverage.state == CoverageState::Unknown {
        head.coverage.state = stored.coverage.state;
        head.coverage.ended = head.coverage.ended.or(stored.coverage.ended);
    }
    head.coverage.started = head.coverage.started.or(stored.coverage.started);
    head
}

fn content_hash(entry: &Entry) -> Hash {
    let mut hash = Fields(Sha256::new());
    hash.optional(entry.headline.as_deref());
    hash.count(entry.byline.len());
    entry.byline.iter().for_each(|name| hash.text(name));
    hash.text(&entry.body_html);
    hash.count(entry.images.len());
    for image in &entry.images {
        hash.text(&image.url);
        hash.optional(image.caption.as_deref());
        hash.count(image.width.map_or(0, |width| width as usize + 1));
        hash.count(image.height.map_or(0, |height| height as usize + 1));
    }
    // Marks are a set: the order in which a splitter meets them says nothing.
    let mut marks: Vec<u8> = entry.marks.iter().map(|mark| *mark as u8).collect();
    marks.sort_unstable();
    marks.dedup();
    hash.count(marks.len());
    hash.0.update(&marks);
    hash.0.finalize().into()
}

/// Problems are left out on purpose: they depend on the entry's neighbours, and a feed does not show them.
fn shown_hash(entry: &Entry, content: &Hash) -> Hash {
    let mut hash = Fields(Sha256::new());
    hash.0.update(content);
    hash.optional(entry.permalink.as_deref());
    hash.text(&entry.body_text);
    hash.0.finalize().into()
}

/// Hashes fields with their lengths, so that ("a", "bc") and ("ab", "c") differ.
struct Fields(Sha256);

impl Fields {
    fn count(&mut self, count: usize) {
        self.0.update((count as u64).to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.update(text);
    }

    fn optional(&mut self, text: Option<&str>) {
        self.0.update([u8::from(text.is_some())]);
        self.text(text.unwrap_or_default());
    }
}
