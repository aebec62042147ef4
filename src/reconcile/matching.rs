//! Which stored entry an entry of a page is.
//!
//! Mostly its key says it. Where the outlet gives no id of its own, the key is derived from the published minute, and the
//! same live blog may be read as HTML today and as a text capture tomorrow: then instant and words decide, and the entry
//! keeps the id that it was first issued. The other key is remembered as an alias.

use std::collections::{HashMap, HashSet};

use crate::identity::derived_stem;
use crate::model::{Entry, Origin, Precision, Stamp};

use super::{Known, KnownEntry, content};

/// What became of one entry of the page.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Matched {
    /// Its place among the stored entries; none for one never seen.
    pub stored: Option<usize>,
    /// The key it is filed under: for a new entry one that no other has.
    pub key: String,
    /// Whether its own key is to be remembered as another name of the stored one.
    pub alias: bool,
}

/// Share of the shorter text's words that have to stand in the longer one.
const AGREEING: f64 = 0.8;
/// With fewer words than this, all of them have to be the same.
const FEW_WORDS: usize = 4;

/// Matches the entries of a page, each id once, with what is stored.
pub(super) fn matched(known: &Known, read: &[&Entry]) -> Vec<Matched> {
    let mut matches = Matching::new(known, read);
    matches.by_key();
    matches.by_minute();
    matches.by_words();
    matches.finish()
}

struct Matching<'a> {
    known: &'a Known,
    read: &'a [&'a Entry],
    /// For each entry read, the stored one.
    found: Vec<Option<usize>>,
    taken: HashSet<usize>,
    by_key: HashMap<&'a str, usize>,
}

impl<'a> Matching<'a> {
    fn new(known: &'a Known, read: &'a [&'a Entry]) -> Self {
        let by_key = known.entries.iter().enumerate().map(|(place, stored)| (stored.entry.key.as_str(), place)).collect();
        Matching { known, read, found: vec![None; read.len()], taken: HashSet::new(), by_key }
    }

    fn take(&mut self, entry: usize, stored: usize) {
        if self.found[entry].is_none() && self.taken.insert(stored) {
            self.found[entry] = Some(stored);
        }
    }

    fn stored(&self, place: usize) -> &'a KnownEntry {
        &self.known.entries[place]
    }

    /// The outlet's own ids, and what has been seen to be another name of one.
    fn by_key(&mut self) {
        for (place, entry) in self.read.iter().enumerate().filter(|(_, entry)| derived_stem(&entry.key).is_none()) {
            if let Some(&stored) = self.by_key.get(entry.key.as_str()) {
                self.take(place, stored);
            }
        }
        let ids: HashMap<_, _> =
            self.known.entries.iter().enumerate().map(|(place, stored)| (stored.entry.id, place)).collect();
        for (place, entry) in self.read.iter().enumerate() {
            let aliased = self.known.aliases.get(&entry.key).and_then(|id| ids.get(id));
            if let Some(&stored) = aliased.filter(|_| derived_stem(&entry.key).is_none()) {
                self.take(place, stored);
            }
        }
    }

    /// Derived keys count the entries of one minute. Where one of them is withdrawn, the others move up, so that within a
    /// minute the words come before the count.
    fn by_minute(&mut self) {
        let mut minutes = HashMap::<&str, Vec<usize>>::new();
        for (place, stored) in self.known.entries.iter().enumerate() {
            if let Some(stem) = derived_stem(&stored.entry.key) {
                minutes.entry(stem).or_default().push(place);
            }
        }
        let mut pairs = Vec::new();
        for (place, entry) in self.read.iter().enumerate() {
            let stored = derived_stem(&entry.key).and_then(|stem| minutes.get(stem)).map_or(&[][..], Vec::as_slice);
            for &candidate in stored {
                let other = &self.stored(candidate).entry;
                let (same_words, agree) = compared(entry, other);
                let same_key = entry.key == other.key;
                let score = match (same_words, agree, same_key) {
                    (true, _, true) => 5,
                    (true, _, false) => 4,
                    (false, true, true) => 3,
                    (false, true, false) => 2,
                    (false, false, true) => 1,
                    _ => continue,
                };
                pairs.push((score, place, candidate));
            }
        }
        // A stable sort: of equals, the order of the page.
        pairs.sort_by_key(|(score, _, _)| std::cmp::Reverse(*score));
        for (_, place, stored) in pairs {
            self.take(place, stored);
        }
    }

    /// What is left on both sides: another form of the same live blog, or another scheme of ids.
    fn by_words(&mut self) {
        let left: Vec<usize> = (0..self.read.len()).filter(|place| self.found[*place].is_none()).collect();
        if left.is_empty() || self.taken.len() == self.known.entries.len() {
            return;
        }
        let mut at_minute = HashMap::<i64, Vec<usize>>::new();
        let mut loosely = Vec::new();
        for (place, stored) in self.known.entries.iter().enumerate().filter(|(place, _)| !self.taken.contains(place)) {
            if derived_stem(&stored.entry.key).is_some() || !precise(&stored.entry.published) {
                loosely.push(place);
            }
            at_minute.entry(minute(&stored.entry.published)).or_default().push(place);
        }
        for place in left {
            let entry = self.read[place];
            let near = at_minute.get(&minute(&entry.published)).into_iter().flatten();
            let candidate = near.chain(&loosely).copied().filter(|stored| !self.taken.contains(stored));
            if let Some(stored) = candidate.into_iter().find(|stored| same_entry(&self.stored(*stored).entry, entry)) {
                self.take(place, stored);
            }
        }
    }

    fn finish(self) -> Vec<Matched> {
        let mut used: HashSet<&str> = self.by_key.keys().copied().collect();
        used.extend(self.read.iter().map(|entry| entry.key.as_str()));
        let mut issued = HashSet::<String>::new();
        let mut matches = Vec::with_capacity(self.read.len());
        for (entry, found) in self.read.iter().zip(&self.found) {
            let matched = match found {
                Some(stored) => {
                    let key = self.known.entries[*stored].entry.key.clone();
                    let alias = key != entry.key
                        && derived_stem(&entry.key).is_none()
                        && !self.known.aliases.contains_key(&entry.key);
                    Matched { stored: Some(*stored), key, alias }
                }
                None => {
                    let taken = self.by_key.contains_key(entry.key.as_str()) || issued.contains(&entry.key);
                    let key = match derived_stem(&entry.key).filter(|_| taken) {
                        Some(stem) => (0..)
                            .map(|count: u32| format!("{stem}.{count}"))
                            .find(|key| !used.contains(key.as_str()) && !issued.contains(key))
                            .unwrap_or_default(),
                        None => entry.key.clone(),
                    };
                    issued.insert(key.clone());
                    Matched { stored: None, key, alias: false }
                }
            };
            matches.push(matched);
        }
        matches
    }
}

/// Whether two entries of different keys are one.
fn same_entry(stored: &Entry, read: &Entry) -> bool {
    let derived = |entry: &Entry| derived_stem(&entry.key).is_some();
    let (same_words, agree) = compared(stored, read);
    let enough = content::words(stored).len() >= FEW_WORDS;
    match (derived(stored), derived(read)) {
        // The key of the one says no more than its minute.
        (true, false) | (false, true) if known_time(stored) && known_time(read) => {
            instants_agree(&stored.published, &read.published) && agree
        }
        (true, false) | (false, true) => same_words && enough,
        // The outlet corrected the time it prints, or prints a minute where it printed a day.
        (true, true) => same_words && enough,
        // The outlet has given all its entries other ids.
        (false, false) => same_words && enough && minute(&stored.published) == minute(&read.published),
    }
}

fn known_time(entry: &Entry) -> bool {
    entry.published.origin != Origin::FirstSeen
}

fn precise(stamp: &Stamp) -> bool {
    matches!(stamp.precision, Precision::Second | Precision::Minute)
}

fn minute(stamp: &Stamp) -> i64 {
    stamp.at.timestamp().div_euclid(60)
}

fn instants_agree(one: &Stamp, other: &Stamp) -> bool {
    let apart = (one.at - other.at).num_minutes().abs();
    let tolerance = |stamp: &Stamp| match stamp.precision {
        Precision::Second | Precision::Minute => 0,
        Precision::Hour => 60,
        // Noon of a day against any instant of it, and a zone's width.
        Precision::Day | Precision::Unknown => 14 * 60,
    };
    match tolerance(one).max(tolerance(other)) {
        0 => minute(one) == minute(other),
        most => apart <= most,
    }
}

/// Whether the words are the same, and whether they agree: nearly all of the shorter text stands in the longer one.
pub(super) fn compared(one: &Entry, other: &Entry) -> (bool, bool) {
    let (one_words, other_words) = (content::words(one), content::words(other));
    if one_words == other_words {
        return (true, true);
    }
    let fewer = one_words.len().min(other_words.len());
    if fewer < FEW_WORDS {
        return (false, false);
    }
    (false, common(&one_words, &other_words) as f64 >= AGREEING * fewer as f64)
}

/// How many words two texts have in common, each as often as in both.
fn common(one: &[&str], other: &[&str]) -> usize {
    let mut counts = HashMap::<&str, usize>::new();
    one.iter().for_each(|word| *counts.entry(word).or_default() += 1);
    let in_both = |word: &&&str| match counts.get_mut(**word) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    };
    other.iter().filter(in_both).count()
}
