//! What a fresh reading of a live blog changes in what is stored of it. Pure: the store hands in what it knows and writes
//! what comes back. Of most entries their ids, times and hashes are enough; where what one says decides, and it was not handed
//! in, [`Lacking`] comes back instead.
//!
//! The rules, in one place:
//! - an entry is never taken away: one that the outlet takes back is marked as withdrawn (see `presence`);
//! - an id, once issued, stays, whatever key a later page gives the entry (see `matching`);
//! - `published` stays for ever as first stored, even where the page printed no time at first and prints one later. A reader
//!   has filed the entry under that instant, and moving it would show the entry twice or hide it;
//! - `updated` moves only when what the entry says changes (see `content`). An outlet's own stamp moving alone is not a change;
//! - a rank is given once and kept, so that new entries never reorder old ones;
//! - a capture older than the newest one read may add entries, and changes nothing else;
//! - a page that only another version of tidings reads otherwise has not been edited.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::identity::entry_id;
use crate::model::{CoverageState, Entry, Head, LiveBlog, Origin, Precision, Stamp};

mod alike;
mod content;
mod matching;
mod picture;
mod presence;
mod reach;

pub use content::{Hash, Part, content_hash, shown_hash};

/// An outlet's `updated` stamp may run ahead of our clock by this much; beyond it, it is not believed.
const SKEW: TimeDelta = TimeDelta::minutes(5);

/// One reading of one capture.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// What was read.
    pub blog: &'a LiveBlog,
    /// The instant of the capture.
    pub seen: DateTime<Utc>,
    /// Whether it was a text capture, which knows no links, pictures or markup.
    pub plain: bool,
    /// Whether the very bytes have been read before, by another version of tidings: then no difference is the outlet's.
    pub reread: bool,
    /// Whether it goes back for older entries: they belong into archives, not into the window of a feed.
    pub history: bool,
}

impl<'a> Reading<'a> {
    /// A page as fetched, for the first time.
    pub fn new(blog: &'a LiveBlog, seen: DateTime<Utc>) -> Self {
        Reading { blog, seen, plain: false, reread: false, history: false }
    }
}

/// What the store holds of one live blog, as far as reconciling needs it. Empty for one never seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// What is known of the page itself.
    pub head: Option<Head>,
    /// The newest capture read so far.
    pub seen: Option<DateTime<Utc>>,
    /// Every entry ever stored of it.
    pub entries: Vec<KnownEntry>,
    /// Keys under which entries were read later, and which entry each means.
    pub aliases: HashMap<String, Uuid>,
}

/// One stored entry.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownEntry {
    /// The entry's id.
    pub id: Uuid,
    /// See [`Entry::key`].
    pub key: String,
    /// See [`Entry::published`].
    pub published: Stamp,
    /// The entry as it stands, where it was looked up. A long live blog has thousands, and few of them are compared.
    pub entry: Option<Box<Entry>>,
    /// See [`Settled::rank`].
    pub rank: u32,
    /// How often it has been edited, and one.
    pub revision: u32,
    /// See [`Settled::content_hash`].
    pub content_hash: Hash,
    /// See [`Settled::shown_hash`].
    pub shown_hash: Hash,
    /// See [`Settled::plain`].
    pub plain: bool,
    /// See [`Settled::edge`].
    pub edge: bool,
    /// The capture that first lacked it, where the last complete one did.
    pub missing: Option<DateTime<Utc>>,
    /// Whether the outlet has taken it back.
    pub withdrawn: bool,
}

/// Stored entries that have to be looked up before anything can be decided: what they say has to be compared. Never empty,
/// and none of them was handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking(pub BTreeSet<Uuid>);

/// What to write.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// The head, where it differs from what is stored.
    pub head: Option<Head>,
    /// Whether the live blog has ended with this reading.
    pub ended: bool,
    /// Entries never seen before, oldest first.
    pub new: Vec<Settled>,
    /// Entries that say something else now.
    pub edited: Vec<Settled>,
    /// Entries that say the same, of which something else that a feed shows changed, such as a mark or the permalink.
    pub touched: Vec<Settled>,
    /// Entries that the outlet has taken back.
    pub withdrawn: Vec<Uuid>,
    /// Entries that the outlet had taken back, and shows again.
    pub restored: Vec<Uuid>,
    /// Entries that the page lacks for the first time: the next one decides.
    pub missed: Vec<Uuid>,
    /// Entries that were missed and are there again.
    pub found: Vec<Uuid>,
    /// Other keys of stored entries.
    pub aliases: Vec<(String, Uuid)>,
    /// How many entries of the page stand in the store just so.
    pub unchanged: usize,
}

impl Changes {
    /// Whether nothing changes of what a feed shows.
    pub fn is_empty(&self) -> bool {
        self.head.is_none()
            && [&self.new, &self.edited, &self.touched].iter().all(|settled| settled.is_empty())
            && self.withdrawn.is_empty()
            && self.restored.is_empty()
    }

    /// Whether nothing changes at all of what is stored.
    pub fn is_nothing(&self) -> bool {
        self.is_empty() && self.missed.is_empty() && self.found.is_empty() && self.aliases.is_empty()
    }
}

/// An entry as it is to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// The entry, with the stamps it keeps.
    pub entry: Entry,
    /// Nth among the entries of its live blog that were published at the same instant, counted from the oldest.
    pub rank: u32,
    /// How often it has been edited, and one.
    pub revision: u32,
    /// Over what the entry says: what moves `updated`.
    pub content_hash: Hash,
    /// Over everything of the page's that a feed shows beside its stamps.
    pub shown_hash: Hash,
    /// Whether it was read from a text capture.
    pub plain: bool,
    /// Whether the page that had it first went no further back than its minute: older pages may have more of that minute.
    pub edge: bool,
    /// What differs from what was stored; nothing for a new entry.
    pub parts: Vec<Part>,
    /// How much of what it says differs, from 0 to 1.
    pub significance: f64,
}

/// Compares `reading` with what is `known` of the same live blog.
///
/// # Errors
///
/// [`Lacking`] where entries have to be looked up first.
pub fn reconcile(known: &Known, reading: &Reading) -> Result<Changes, Lacking> {
    let (read, seen) = (reading.blog, reading.seen);
    let outdated = known.seen.is_some_and(|newest| seen < newest);
    let head = known.head.as_ref().unwrap_or(&read.head);
    let mut next_rank = HashMap::<i64, u32>::new();
    for stored in &known.entries {
        let next = next_rank.entry(stored.published.at.timestamp_millis()).or_default();
        *next = (*next).max(stored.rank + 1);
    }

    let mut changes = Changes::default();
    let mut present = vec![false; known.entries.len()];
    let mut lacking = BTreeSet::new();
    let entries = oldest_first(&read.entries);
    let oldest = reach::reach(&entries).map(|(oldest, _)| minute(oldest));
    for (entry, matched) in entries.iter().zip(matching::matched(known, &entries)?) {
        let Some(stored) = matched.stored.map(|place| &known.entries[place]) else {
            let next = next_rank.entry(entry.published.at.timestamp_millis()).or_default();
            let updated = entry.updated.clone().filter(|stamp| stamp.at <= seen + SKEW);
            let id = entry_id(&head.outlet, &head.key, &matched.key);
            let entry = Entry { id, key: matched.key, updated, ..(*entry).clone() };
            let edge = oldest.is_some_and(|oldest| minute(entry.published.at) <= oldest);
            changes.new.push(Settled { edge, ..settled(entry, *next, 1, reading) });
            *next += 1;
            continue;
        };
        present[matched.stored.unwrap_or_default()] = true;
        if matched.alias {
            changes.aliases.push((entry.key.clone(), stored.id));
        }
        if outdated || stored.shown_hash == shown_hash(entry) {
            changes.unchanged += 1;
            continue;
        }
        let Some(was) = stored.entry.as_deref() else {
            lacking.insert(stored.id);
            continue;
        };
        match difference(stored, was, entry, reading) {
            Difference::None => changes.unchanged += 1,
            Difference::Shown => {
                let entry = kept(stored, entry, was.updated.clone());
                let parts = content::parts(was, &entry);
                let touched = settled(entry, stored.rank, stored.revision, reading);
                changes.touched.push(Settled { parts, edge: stored.edge, ..touched });
            }
            Difference::Said => {
                let entry = kept(stored, entry, Some(moved(was, entry.updated.as_ref(), seen)));
                let parts = content::parts(was, &entry);
                let significance = content::significance(was, &entry);
                let edited = settled(entry, stored.rank, stored.revision + 1, reading);
                changes.edited.push(Settled { parts, significance, edge: stored.edge, ..edited });
            }
        }
    }
    if !lacking.is_empty() {
        return Err(Lacking(lacking));
    }
    if !outdated {
        let standing = presence::presence(known, reading, &entries, &present);
        (changes.missed, changes.found) = (standing.missed, standing.found);
        (changes.withdrawn, changes.restored) = (standing.withdrawn, standing.restored);
    }
    changes.head = match &known.head {
        None => Some(read.head.clone()),
        Some(_) if outdated || reading.history => None,
        Some(stored) => Some(merged(stored, &read.head)).filter(|head| head != stored),
    };
    let ended = |head: &Head| head.coverage.state == CoverageState::Ended;
    changes.ended = known.head.as_ref().is_some_and(|stored| !ended(stored)) && changes.head.as_ref().is_some_and(ended);
    Ok(changes)
}

/// Whether the page of an unknown live blog is another page of a known one, whose host or slug has changed: half of its
/// entries, two at least, are known with these words at these times. Words alone would not do: pages of one outlet share
/// some, and where ids count the entries, those too.
///
/// # Errors
///
/// [`Lacking`] where entries have to be looked up first.
pub fn same_blog(known: &Known, read: &LiveBlog) -> Result<bool, Lacking> {
    let entries = oldest_first(&read.entries);
    let matches = matching::matched(known, &entries)?;
    let both = entries.iter().zip(matches).filter_map(|(entry, matched)| Some((entry, &known.entries[matched.stored?])));
    let at_its_time = |(entry, stored): &(&&Entry, &KnownEntry)| minute(entry.published.at) == minute(stored.published.at);
    let (mut alike, mut lacking) = (0, BTreeSet::new());
    for (entry, stored) in both.filter(at_its_time) {
        match &stored.entry {
            Some(was) => alike += usize::from(matching::agree(was, entry)),
            None => _ = lacking.insert(stored.id),
        }
    }
    if lacking.is_empty() { Ok(alike >= 2 && alike * 2 >= entries.len()) } else { Err(Lacking(lacking)) }
}

/// What a page that came again with the same bytes says: what it lacked before, it lacks in two refreshes in a row.
pub fn confirm(known: &Known, seen: DateTime<Utc>) -> Changes {
    let again = |stored: &&KnownEntry| !stored.withdrawn && stored.missing.is_some() && stored.missing == known.seen;
    let withdrawn = known.entries.iter().filter(again).filter(|stored| stored.missing < Some(seen));
    Changes { withdrawn: withdrawn.map(|stored| stored.id).collect(), ..Changes::default() }
}

/// How an entry of the page differs from the stored one, where what is shown of them does.
enum Difference {
    None,
    /// In what a feed shows around what it says.
    Shown,
    /// In what it says.
    Said,
}

fn difference(stored: &KnownEntry, was: &Entry, entry: &Entry, reading: &Reading) -> Difference {
    // A text capture and an HTML page never say quite the same, and no outlet has edited anything by that.
    if stored.plain != reading.plain && matching::agree(was, entry) {
        return if reading.plain { Difference::None } else { Difference::Shown };
    }
    if stored.content_hash == content_hash(entry) || reading.reread { Difference::Shown } else { Difference::Said }
}

/// The entry as read, with what it keeps for ever.
fn kept(stored: &KnownEntry, read: &Entry, updated: Option<Stamp>) -> Entry {
    let (id, key) = (stored.id, stored.key.clone());
    Entry { id, key, published: stored.published.clone(), updated, ..read.clone() }
}

fn settled(entry: Entry, rank: u32, revision: u32, reading: &Reading) -> Settled {
    let (content_hash, shown_hash) = (content_hash(&entry), shown_hash(&entry));
    let (parts, significance) = (Vec::new(), 0.0);
    let (plain, edge) = (reading.plain, false);
    Settled { entry, rank, revision, content_hash, shown_hash, plain, edge, parts, significance }
}

fn minute(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(60)
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
fn moved(was: &Entry, outlets: Option<&Stamp>, seen: DateTime<Utc>) -> Stamp {
    let last = was.last_changed();
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
    // The outlet may have moved the page: it stays the live blog it was.
    head.id = stored.id;
    head.outlet.clone_from(&stored.outlet);
    head.key.clone_from(&stored.key);
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
