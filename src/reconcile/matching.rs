//! Which stored entry an entry of a page is.
//!
//! Mostly its key says it. Where the outlet gives no id of its own, the key is derived from the published minute, and the
//! same live blog may be read as HTML today and as a text capture tomorrow: then instant and words decide, and the entry
//! keeps the id that it was first issued. The other key is remembered as an alias.
//!
//! Two mistakes are possible. Taking an entry for a new one shows it twice; taking it for another one hides it, under an id
//! that a reader has filed under something else. The second is the worse, so that what decides is always evidence for the
//! very pair, the strongest first, and never what happens to stand first.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::identity::derived_stem;
use crate::model::{Entry, Origin, Precision, Stamp};

use super::alike::{Alike, Boilerplate, FEW_WORDS, alike};
use super::reach::reach;
use super::{Known, KnownEntry, Lacking, content};

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

/// Pairs of entries whose words are compared, at most: a page that asks for more is no live blog, and would take minutes.
const MOST_COMPARED: usize = 100_000;

/// What an edit leaves of an entry at least, where nothing but its place speaks for it.
const LEFT: f64 = 0.4;

/// Matches the entries of a page, oldest first and each id once, with what is stored. Each step ends where it lacks words,
/// having asked for all that it would have compared: what it decides without them is worth nothing to the next.
pub(super) fn matched(known: &Known, read: &[&Entry]) -> Result<Vec<Matched>, Lacking> {
    let mut matches = Matching::new(known, read);
    matches.by_id()?;
    matches.by_words()?;
    Ok(matches.finish())
}

/// Whether two entries say the same, in whatever form.
pub(super) fn agree(one: &Entry, other: &Entry) -> bool {
    alike(&content::words(one), &content::words(other)).agree
}

struct Matching<'a> {
    known: &'a Known,
    read: &'a [&'a Entry],
    /// For each entry read, the stored one.
    found: Vec<Option<usize>>,
    taken: Vec<bool>,
    by_key: HashMap<&'a str, usize>,
    stored_words: Vec<OnceCell<Vec<&'a str>>>,
    read_words: Vec<OnceCell<Vec<&'a str>>>,
    boilerplate: OnceCell<Boilerplate<'a>>,
    /// Where the page begins.
    oldest: Option<DateTime<Utc>>,
    /// Stored entries whose words were asked for and are not there.
    lacking: RefCell<BTreeSet<Uuid>>,
}

/// Evidence for a pair, the strongest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Evidence {
    /// The key, which counts the entries of a minute, and little of the words.
    Count,
    /// The words are the same and the time is not.
    Words,
    /// The time is the same, and the words nearly.
    TimeAndGist,
    /// The time is the same, and each word.
    TimeAndWords,
}

impl<'a> Matching<'a> {
    fn new(known: &'a Known, read: &'a [&'a Entry]) -> Self {
        let count = known.entries.len();
        Matching {
            known,
            read,
            found: vec![None; read.len()],
            taken: vec![false; count],
            by_key: known.entries.iter().enumerate().map(|(place, stored)| (stored.key.as_str(), place)).collect(),
            stored_words: vec![OnceCell::new(); count],
            read_words: vec![OnceCell::new(); read.len()],
            boilerplate: OnceCell::new(),
            oldest: reach(read).map(|(oldest, _)| oldest),
            lacking: RefCell::default(),
        }
    }

    /// Whether all words were there that were asked for.
    fn nothing_lacks(&self) -> Result<(), Lacking> {
        let lacking = self.lacking.take();
        if lacking.is_empty() { Ok(()) } else { Err(Lacking(lacking)) }
    }

    fn take(&mut self, entry: usize, stored: usize) {
        if self.found[entry].is_none() && !self.taken[stored] {
            self.taken[stored] = true;
            self.found[entry] = Some(stored);
        }
    }

    fn stored(&self, place: usize) -> &'a KnownEntry {
        &self.known.entries[place]
    }

    /// None where the entry was not looked up, which is noted.
    fn stored_words(&self, place: usize) -> Option<&[&'a str]> {
        let stored = self.stored(place);
        let Some(entry) = &stored.entry else {
            self.lacking.borrow_mut().insert(stored.id);
            return None;
        };
        Some(self.stored_words[place].get_or_init(|| content::words(entry)))
    }

    fn read_words(&self, place: usize) -> &[&'a str] {
        self.read_words[place].get_or_init(|| content::words(self.read[place]))
    }

    /// How alike the words of a pair are, without those that stand on every entry.
    fn alike(&self, entry: usize, stored: usize) -> Option<Alike> {
        let whole = alike(self.read_words(entry), self.stored_words(stored)?);
        if whole.same || !whole.agree {
            return Some(whole);
        }
        Some(Alike { same: false, ..self.alike_in_own(entry, stored)? })
    }

    /// The same, of what is each one's own.
    fn alike_in_own(&self, entry: usize, stored: usize) -> Option<Alike> {
        let boilerplate = self.boilerplate.get_or_init(|| {
            // Of what there is more of, each entry once: what is stored is mostly on the page too.
            match self.known.entries.len() > self.read.len() {
                true => {
                    let newest_first = (0..self.known.entries.len()).rev();
                    Boilerplate::of(newest_first.map(|place| self.stored_words(place).unwrap_or_default()))
                }
                false => Boilerplate::of((0..self.read.len()).map(|place| self.read_words(place))),
            }
        });
        let (one, other) = (self.read_words(entry), self.stored_words(stored)?);
        Some(alike(&boilerplate.left_out_of(one), &boilerplate.left_out_of(other)))
    }

    /// The outlet's own ids, and what has been seen to be another name of one.
    fn by_id(&mut self) -> Result<(), Lacking> {
        let ids: HashMap<_, _> = match self.known.aliases.is_empty() {
            true => HashMap::new(),
            false => self.known.entries.iter().enumerate().map(|(place, stored)| (stored.id, place)).collect(),
        };
        let own = |entry: &&Entry| self.by_key.get(entry.key.as_str()).copied();
        let other = |entry: &&Entry| self.known.aliases.get(&entry.key).and_then(|id| ids.get(id)).copied();
        let native = || self.read.iter().enumerate().filter(|(_, entry)| derived_stem(&entry.key).is_none());
        let named = native().filter_map(|(place, entry)| Some((place, own(entry)?)));
        let aliased = native().filter(|(_, entry)| own(entry).is_none());
        let aliased = aliased.filter_map(|(place, entry)| Some((place, other(entry)?)));
        let (sure, doubtful): (Vec<_>, Vec<_>) =
            named.chain(aliased).partition(|(place, stored)| self.may_be(*place, *stored));
        self.nothing_lacks()?;
        sure.into_iter().for_each(|(place, stored)| self.take(place, stored));
        self.by_moved_id(&doubtful)
    }

    /// Whether an id can mean what it meant: it may be edited, or dated anew, or both a little.
    fn may_be(&self, place: usize, stored: usize) -> bool {
        let (was, is) = (&self.stored(stored).published, &self.read[place].published);
        let dated = [was, is].iter().all(|stamp| known_time(stamp) && precise(stamp));
        !dated || minute(was) == minute(is) || self.alike(place, stored).is_some_and(|alike| alike.agree)
    }

    /// Ids whose entry has another time and other words. An outlet may bump a summary so; or its ids count the entries from
    /// the top, and each means another entry with each new one. Then the entry is found that has this time and these words.
    fn by_moved_id(&mut self, doubtful: &[(usize, usize)]) -> Result<(), Lacking> {
        if doubtful.is_empty() {
            return Ok(());
        }
        let minutes: HashSet<i64> = doubtful.iter().map(|(place, _)| minute(&self.read[*place].published)).collect();
        let mut standing = HashMap::<(i64, &[&str]), Vec<usize>>::new();
        for stored in (0..self.known.entries.len()).filter(|stored| !self.taken[*stored]) {
            let at = minute(&self.stored(stored).published);
            // Those of other minutes can't be meant: their words are nobody's business.
            let Some(words) = minutes.contains(&at).then(|| self.stored_words(stored)).flatten() else { continue };
            standing.entry((at, words)).or_default().push(stored);
        }
        self.nothing_lacks()?;
        let mut moved = Vec::new();
        for &(place, _) in doubtful {
            let entry = self.read[place];
            let found = standing.get(&(minute(&entry.published), self.read_words(place)));
            moved.extend(found.into_iter().flatten().map(|stored| (place, *stored)));
        }
        // What has been filed under the id and its time, because the id alone was taken.
        for &(place, _) in doubtful {
            let key = dated_key(self.read[place]);
            moved.extend(self.by_key.get(key.as_str()).map(|stored| (place, *stored)));
        }
        moved.into_iter().for_each(|(place, stored)| self.take(place, stored));
        doubtful.iter().for_each(|&(place, stored)| self.take(place, stored));
        Ok(())
    }

    /// What is left on both sides: keys that count the entries of a minute, another form of the same live blog, or another
    /// scheme of ids. All pairs that time or words allow are weighed, and the best are taken first.
    fn by_words(&mut self) -> Result<(), Lacking> {
        let left: Vec<usize> = (0..self.read.len()).filter(|place| self.found[*place].is_none()).collect();
        if left.is_empty() || self.taken.iter().all(|taken| *taken) {
            return Ok(());
        }
        let candidates = Candidates::of(self);
        let mut pairs = Vec::new();
        let mut compared = 0;
        for place in left {
            for stored in candidates.of_entry(self.read[place]) {
                if compared == MOST_COMPARED {
                    break;
                }
                compared += 1;
                if let Some((evidence, share)) = self.weigh(place, stored) {
                    let same_key = self.stored(stored).key == self.read[place].key;
                    pairs.push((evidence, share, same_key, place, stored));
                }
            }
        }
        self.nothing_lacks()?;
        // A stable sort: of equals, the order of the page.
        pairs.sort_by(|one, other| other.0.cmp(&one.0).then(other.1.total_cmp(&one.1)).then(other.2.cmp(&one.2)));
        for (_, _, _, place, stored) in pairs {
            self.take(place, stored);
        }
        Ok(())
    }

    /// What speaks for a pair whose ids don't.
    fn weigh(&self, place: usize, stored: usize) -> Option<(Evidence, f64)> {
        let (entry, known) = (self.read[place], self.stored(stored));
        let (stem, known_stem) = (derived_stem(&entry.key), derived_stem(&known.key));
        let words = self.alike(place, stored)?;
        let enough = self.stored_words(stored)?.len() >= FEW_WORDS;
        let dated = known_time(&entry.published) && known_time(&known.published);
        let same_time = dated && instants_agree(&entry.published, &known.published);
        let evidence = match (stem, known_stem) {
            (Some(stem), Some(known_stem)) if stem == known_stem => match words {
                Alike { same: true, .. } => Evidence::TimeAndWords,
                Alike { agree: true, .. } => Evidence::TimeAndGist,
                // Where nothing is dated, the count says nothing: it begins anew with each page. Of several entries of a
                // minute, one may be gone and another one come back into view, so that something has to be left of it.
                _ if entry.key == known.key && stem != UNTIMED => {
                    let left = || self.alike_in_own(place, stored).is_some_and(|own| own.share >= LEFT);
                    Some(Evidence::Count).filter(|_| left() || self.is_alone(place, stored, stem))?
                }
                _ => return None,
            },
            // A text capture gives no ids. Its key says no more than its minute.
            (Some(_), None) | (None, Some(_)) if same_time && words.same => Evidence::TimeAndWords,
            (Some(_), None) | (None, Some(_)) if same_time && words.agree => Evidence::TimeAndGist,
            (Some(_), None) | (None, Some(_)) if !dated && words.same && enough => Evidence::Words,
            // The outlet prints a minute where it printed a day; or it corrected the time, and the entry is not where it was.
            (Some(_), Some(_)) if words.same && enough && (!dated || same_time || self.is_lacking(stored)) => {
                Evidence::Words
            }
            // The outlet has given its entries other ids.
            (None, None) if same_time && precise(&entry.published) && words.same => Evidence::TimeAndWords,
            (None, None) if same_second(&entry.published, &known.published) && words.agree => Evidence::TimeAndGist,
            _ => return None,
        };
        Some((evidence, words.share))
    }

    /// Whether the live blog has one entry only of this minute, as far as both the page and the store know, and each has seen
    /// all of the minute: a page that begins with it may have others of it cut off.
    fn is_alone(&self, place: usize, stored: usize, stem: &str) -> bool {
        let began = minute(&self.read[place].published);
        let cut = self.stored(stored).edge || self.oldest.is_none_or(|oldest| began <= super::minute(oldest));
        let older = |published: &Stamp| known_time(published) && minute(published) < began;
        let goes_back = || {
            let read = self.read.iter().any(|entry| older(&entry.published));
            read || self.known.entries.iter().any(|stored| older(&stored.published))
        };
        if cut && goes_back() {
            return false;
        }
        let of_minute = |key: &str| derived_stem(key) == Some(stem);
        let read = self.read.iter().filter(|entry| of_minute(&entry.key));
        let stored = self.known.entries.iter().filter(|stored| of_minute(&stored.key));
        read.take(2).count() == 1 && stored.take(2).count() == 1
    }

    /// Whether the page should have a stored entry where its time says and hasn't. One that has scrolled off may well be said
    /// again, word for word: "Good morning and welcome", each day.
    fn is_lacking(&self, stored: usize) -> bool {
        let stored = self.stored(stored);
        !stored.withdrawn && self.oldest.is_some_and(|oldest| stored.published.at >= oldest)
    }

    fn finish(self) -> Vec<Matched> {
        let mut used: HashSet<&str> = self.by_key.keys().copied().collect();
        used.extend(self.read.iter().map(|entry| entry.key.as_str()));
        let mut issued = HashSet::<String>::new();
        let mut matches = Vec::with_capacity(self.read.len());
        for (entry, found) in self.read.iter().zip(&self.found) {
            let matched = match found {
                Some(stored) => {
                    let key = self.known.entries[*stored].key.clone();
                    let named = self.by_key.contains_key(entry.key.as_str()) || self.known.aliases.contains_key(&entry.key);
                    let alias = key != entry.key && derived_stem(&entry.key).is_none() && !named;
                    Matched { stored: Some(*stored), key, alias }
                }
                None => {
                    let free = |key: &String| !used.contains(key.as_str()) && !issued.contains(key);
                    let taken = self.by_key.contains_key(entry.key.as_str()) || issued.contains(&entry.key);
                    let key = match derived_stem(&entry.key) {
                        _ if !taken => entry.key.clone(),
                        Some(stem) => counted(stem, free),
                        None => Some(dated_key(entry)).filter(free).unwrap_or_else(|| counted(&dated_key(entry), free)),
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

/// The key of what is not dated is this with a count.
const UNTIMED: &str = "untimed";

/// The stem with the first count that is free.
fn counted(stem: &str, free: impl Fn(&String) -> bool) -> String {
    (0..).map(|count: u32| format!("{stem}.{count}")).find(free).unwrap_or_default()
}

/// The key of an entry whose id the outlet has given to another one before.
fn dated_key(entry: &Entry) -> String {
    format!("{}@{}", entry.key, entry.published.at.format("%Y-%m-%dT%H:%MZ"))
}

/// Stored entries that are not taken yet, by what an entry of the page may share with them.
struct Candidates<'a> {
    stems: HashMap<&'a str, Vec<usize>>,
    minutes: HashMap<i64, Vec<usize>>,
    /// Those whose time says little.
    loose: Vec<usize>,
    /// Those that the page lacks, and which have derived keys.
    lacking: Vec<usize>,
    all: Vec<usize>,
}

impl<'a> Candidates<'a> {
    fn of(matching: &Matching<'a>) -> Self {
        let all: Vec<usize> = (0..matching.known.entries.len()).filter(|place| !matching.taken[*place]).collect();
        let mut candidates =
            Candidates { stems: HashMap::new(), minutes: HashMap::new(), loose: Vec::new(), lacking: Vec::new(), all };
        for &place in &candidates.all {
            let entry = matching.stored(place);
            if let Some(stem) = derived_stem(&entry.key) {
                candidates.stems.entry(stem).or_default().push(place);
                if matching.is_lacking(place) {
                    candidates.lacking.push(place);
                }
            }
            if precise(&entry.published) {
                candidates.minutes.entry(minute(&entry.published)).or_default().push(place);
            } else {
                candidates.loose.push(place);
            }
        }
        candidates
    }

    /// Each once, those of its own minute first.
    fn of_entry(&self, entry: &Entry) -> Vec<usize> {
        let own = derived_stem(&entry.key).and_then(|stem| self.stems.get(stem));
        let near = self.minutes.get(&minute(&entry.published));
        let far = if precise(&entry.published) { [&self.loose, &self.lacking] } else { [&self.all, &self.lacking] };
        let mut seen = HashSet::new();
        own.into_iter().chain(near).chain(far).flatten().copied().filter(|place| seen.insert(*place)).collect()
    }
}

fn known_time(stamp: &Stamp) -> bool {
    stamp.origin != Origin::FirstSeen
}

fn precise(stamp: &Stamp) -> bool {
    matches!(stamp.precision, Precision::Second | Precision::Minute)
}

fn minute(stamp: &Stamp) -> i64 {
    super::minute(stamp.at)
}

/// Two entries are hardly ever published in one second.
fn same_second(one: &Stamp, other: &Stamp) -> bool {
    let exact = |stamp: &Stamp| known_time(stamp) && stamp.precision == Precision::Second;
    exact(one) && exact(other) && one.at.timestamp() == other.at.timestamp()
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
