//! Written feeds, kept as ready bytes until something changes that they show.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::coding::Coding;
use super::overview::Superseded;
use super::written::Written;
use crate::feed::Format;
use crate::store::Scope;

/// One address of a feed: everything the bytes depend on beside the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub scope: Scope,
    pub format: Format,
    /// As it stands in the address, since the feed repeats that.
    pub query: Option<String>,
    pub document: Document,
}

/// Which document of a feed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Document {
    /// What a reader subscribes to.
    Current,
    /// Of that, only what has changed since this instant of the log.
    Since(DateTime<Utc>),
    /// An archived page.
    Archive(i64),
}

/// The place of one feed at one version. All who ask while it is being written wait for the same bytes.
#[derive(Debug)]
pub(super) struct Slot {
    version: i64,
    pub written: OnceCell<Arc<Written>>,
    /// What the place held before, and at which version, for the case that writing it anew fails.
    before: Mutex<Option<(i64, Arc<Written>)>>,
    /// Whether somebody has begun to write it without waiting for it.
    begun: AtomicBool,
}

/// Where changes come so fast that feeds would be written anew all the time: how old one is when it is, and how long after it was
/// written, or after something changed that it shows, it may be served on meanwhile.
const ANEW: Duration = Duration::from_millis(400);
const ON: Duration = Duration::from_millis(800);

/// Whether what is `written` is old enough to be made anew, where that is put off.
pub(super) fn is_due(written: &Written) -> bool {
    written.at.elapsed() >= ANEW
}

impl Slot {
    fn new(version: i64, before: Option<(i64, Arc<Written>)>) -> Arc<Slot> {
        Arc::new(Slot { version, written: OnceCell::new(), before: Mutex::new(before), begun: AtomicBool::new(false) })
    }

    /// The last good feed of this address, at whatever version.
    pub fn last_good(&self) -> Option<Arc<Written>> {
        self.good().map(|(_, written)| written)
    }

    fn good(&self) -> Option<(i64, Arc<Written>)> {
        let written = self.written.get().cloned();
        written.map(|written| (self.version, written)).or_else(|| lock(&self.before).clone())
    }

    /// What was written, or was all there was to tell, a moment ago, where the new feed is not there yet.
    pub fn of_late(&self, superseded: Option<Superseded>) -> Option<Arc<Written>> {
        let (version, written) = lock(&self.before).clone()?;
        let superseded = superseded.filter(|superseded| superseded.version == version).map(|superseded| superseded.at);
        [Some(written.at), superseded].iter().flatten().any(|at| at.elapsed() < ON).then_some(written)
    }

    /// Whether whoever asks is the first to want it written and not to wait for it.
    pub fn begin(&self) -> bool {
        !self.begun.swap(true, Ordering::Relaxed)
    }

    /// Lets go of what was kept for a failure.
    fn settled(&self) {
        lock(&self.before).take();
    }

    /// Keeps what another place of this feed has, where that is written later than what this one keeps, and it has none of its own.
    fn take_over(&self, other: &Slot) {
        let before = &mut *lock(&self.before);
        let newer = |written: &Written| before.as_ref().is_none_or(|(_, kept)| kept.at < written.at);
        if !self.written.initialized()
            && let Some(good) = other.good().filter(|(_, written)| newer(written))
        {
            *before = Some(good);
        }
    }

    /// A coding that readers of the last good feed have asked for.
    pub fn coding(&self) -> Option<Coding> {
        let written = self.last_good()?;
        Coding::ALL.into_iter().find(|coding| written.has(*coding))
    }

    /// Whether what it takes the place of is old enough to be written anew; none where somebody has begun to, or there is nothing.
    fn awaits(&self) -> Option<bool> {
        if self.written.initialized() || self.begun.load(Ordering::Relaxed) {
            return None;
        }
        lock(&self.before).as_ref().map(|(_, before)| is_due(before))
    }

    fn size(&self) -> usize {
        let before = lock(&self.before).as_ref().map_or(0, |(_, before)| before.size());
        self.written.get().map_or(0, |written| written.size()) + before
    }
}

/// The feeds, or the pages, asked for last, as many as fit into so many bytes.
#[derive(Debug)]
pub(super) struct Cache<K> {
    most: usize,
    slots: Mutex<Slots<K>>,
}

#[derive(Debug)]
struct Slots<K> {
    held: HashMap<Arc<K>, Held>,
    /// By the turn at which each was last asked for.
    turns: BTreeMap<u64, Arc<K>>,
    /// The same of each scope by itself: one may have as many addresses as the cache holds, each with another query.
    scopes: HashMap<Scope, BTreeMap<u64, Arc<K>>>,
    turn: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Held {
    slot: Arc<Slot>,
    turn: u64,
    /// When it was last asked for.
    asked: Instant,
    /// What it was last found to weigh.
    bytes: usize,
}

/// What a place costs beside its bytes: its key, three times in a table, and what there is of a feed without a byte in it.
const PLACE: usize = 1024;

/// What feeds or pages are kept by.
pub(super) trait Address: Clone + Eq + Hash {
    /// What there is to see at it.
    fn scope(&self) -> &Scope;
}

impl Address for Key {
    fn scope(&self) -> &Scope {
        &self.scope
    }
}

/// What is behind the store: places of feeds that are due to be written anew, and scopes with some that will be.
pub(super) struct Behind<K> {
    pub due: Vec<(Arc<K>, Arc<Slot>)>,
    pub later: Vec<Scope>,
}

impl<K: Address> Cache<K> {
    /// One that keeps at most `most` bytes, and in any case what was asked for last.
    pub fn new(most: usize) -> Self {
        let (held, turns, scopes) = (HashMap::new(), BTreeMap::new(), HashMap::new());
        Cache { most, slots: Mutex::new(Slots { held, turns, scopes, turn: 0, bytes: 0 }) }
    }

    /// The place of `key` at `version`, empty where nobody has asked yet.
    pub fn slot(&self, key: &K, version: i64) -> Arc<Slot> {
        let slots = &mut *lock(&self.slots);
        slots.turn += 1;
        let turn = slots.turn;
        if let Some(held) = slots.held.get_mut(key) {
            let before = std::mem::replace(&mut held.turn, turn);
            held.asked = Instant::now();
            let slot = held.at(version);
            if let Some(key) = slots.turns.remove(&before) {
                if let Some(turns) = slots.scopes.get_mut(key.scope()) {
                    turns.remove(&before);
                    turns.insert(turn, key.clone());
                }
                slots.turns.insert(turn, key);
            }
            return slot;
        }
        let (key, slot) = (Arc::new(key.clone()), Slot::new(version, None));
        slots.turns.insert(turn, key.clone());
        slots.scopes.entry(key.scope().clone()).or_default().insert(turn, key.clone());
        slots.held.insert(key, Held { slot: slot.clone(), turn, asked: Instant::now(), bytes: PLACE });
        slots.bytes += PLACE;
        slots.make_room(self.most);
        slot
    }

    /// What was asked for within the time `lately` and is due to be written anew, what was asked for last first: of these scopes,
    /// each with the version that it has by now, and of what `counts` at all.
    ///
    /// Nobody is answered meanwhile. So it is for whoever asks to know which scopes have changed, and the others are not looked at.
    pub fn behind(&self, lately: Duration, scopes: &[(Scope, i64)], counts: impl Fn(&K) -> bool) -> Behind<K> {
        let Slots { held, scopes: turns, .. } = &mut *lock(&self.slots);
        let (mut due, mut later, now) = (Vec::new(), Vec::new(), Instant::now());
        for (scope, version) in scopes {
            let mut waiting = false;
            for key in turns.get(scope).into_iter().flat_map(|turns| turns.values().rev()) {
                let Some(held) = held.get_mut(key) else { continue };
                if now.saturating_duration_since(held.asked) > lately {
                    break;
                }
                // Somebody may have asked for a later one meanwhile.
                if !counts(key) || held.slot.version > *version {
                    continue;
                }
                let slot = held.at(*version);
                match slot.awaits() {
                    Some(true) => due.push((held.turn, key.clone(), slot)),
                    Some(false) => waiting = true,
                    None => {}
                }
            }
            if waiting {
                later.push(scope.clone());
            }
        }
        due.sort_unstable_by_key(|(turn, ..)| std::cmp::Reverse(*turn));
        Behind { due: due.into_iter().map(|(_, key, slot)| (key, slot)).collect(), later }
    }

    /// Takes note that the feed of `key` has been written into `slot`, which may have lost its place to one of a later version: what it
    /// has is then the last good feed there. Whether it is still that one nobody knew who began to write.
    pub fn settle(&self, key: &K, slot: &Arc<Slot>) {
        slot.settled();
        if let Some(held) = lock(&self.slots).held.get(key).filter(|held| !Arc::ptr_eq(&held.slot, slot)) {
            held.slot.take_over(slot);
        }
        self.weigh(key);
    }

    /// Takes note that what is held of `key` weighs more, or less, than before.
    pub fn weigh(&self, key: &K) {
        let slots = &mut *lock(&self.slots);
        let Some(held) = slots.held.get_mut(key) else { return };
        let bytes = held.slot.size() + PLACE;
        slots.bytes = slots.bytes - std::mem::replace(&mut held.bytes, bytes) + bytes;
        slots.make_room(self.most);
    }
}

impl Held {
    /// The place at `version`.
    fn at(&mut self, version: i64) -> Arc<Slot> {
        if self.slot.version != version {
            self.slot = Slot::new(version, self.slot.good());
        }
        self.slot.clone()
    }
}

impl<K: Address> Slots<K> {
    fn make_room(&mut self, most: usize) {
        while self.bytes > most && self.held.len() > 1 {
            let Some((turn, oldest)) = self.turns.pop_first() else { return };
            self.bytes -= self.held.remove(&oldest).map_or(0, |held| held.bytes);
            if let Some(turns) = self.scopes.get_mut(oldest.scope()) {
                turns.remove(&turn);
                if turns.is_empty() {
                    self.scopes.remove(oldest.scope());
                }
            }
        }
    }
}

/// A panic elsewhere leaves a map of finished feeds as good as it was.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(limit: u16) -> Key {
        Key {
            scope: Scope::Everything,
            format: Format::Rss,
            query: Some(format!("limit={limit}")),
            document: Document::Current,
        }
    }

    fn fill(slot: &Slot) -> Arc<Written> {
        let written = Arc::new(Written::new(vec![b'x'; 1000], Coding::Identity, None, None));
        slot.written.set(written.clone()).unwrap();
        written
    }

    #[test]
    fn a_place_is_shared_until_the_version_moves() {
        let cache = Cache::new(1 << 20);
        let first = cache.slot(&key(1), 7);
        assert!(Arc::ptr_eq(&first, &cache.slot(&key(1), 7)));
        assert!(!Arc::ptr_eq(&first, &cache.slot(&key(2), 7)));
        let written = fill(&first);

        let second = cache.slot(&key(1), 8);
        assert!(second.written.get().is_none());
        assert!(Arc::ptr_eq(&second.last_good().unwrap(), &written));
        // Still the last good one when the second was never written.
        let third = cache.slot(&key(1), 9);
        assert!(Arc::ptr_eq(&third.last_good().unwrap(), &written));
        third.settled();
        assert!(third.last_good().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_true_a_moment_ago_may_be_served_on() {
        let cache = Cache::new(1 << 20);
        let written = fill(&cache.slot(&key(1), 7));
        let second = cache.slot(&key(1), 8);
        assert!(second.of_late(None).is_some(), "it was written a moment ago");
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert!(second.of_late(None).is_none());
        let superseded = |version| Some(Superseded { version, at: Instant::now() });
        let late = superseded(7);
        assert!(Arc::ptr_eq(&second.of_late(late).unwrap(), &written), "nothing else was true an hour long");
        assert!(second.of_late(superseded(6)).is_none(), "it was superseded by the version that is superseded now");
        tokio::time::advance(ON).await;
        assert!(second.of_late(late).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_written_too_late_for_its_place_is_the_last_good_one() {
        let cache = Cache::new(1 << 20);
        fill(&cache.slot(&key(1), 7));
        let second = cache.slot(&key(1), 8);
        tokio::time::advance(Duration::from_secs(1)).await;
        // While that is written, the version moves on.
        let third = cache.slot(&key(1), 9);
        let late = fill(&second);
        cache.settle(&key(1), &second);
        assert!(Arc::ptr_eq(&third.of_late(None).unwrap(), &late));
        // What comes even later is not taken for newer than it is, nor kept beside what has been written.
        let fourth = cache.slot(&key(1), 10);
        tokio::time::advance(Duration::from_millis(1)).await;
        let own = fill(&fourth);
        fill(&third);
        cache.settle(&key(1), &fourth);
        cache.settle(&key(1), &third);
        assert!(Arc::ptr_eq(&fourth.last_good().unwrap(), &own));
        assert!(lock(&fourth.before).is_none());
        let slots = lock(&cache.slots);
        assert_eq!(slots.bytes, slots.held.values().map(|held| held.bytes).sum::<usize>());
        assert_eq!(slots.bytes, 1000 + PLACE);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_asked_for_lately_is_known_to_be_behind() {
        let (cache, lately) = (Cache::new(1 << 20), Duration::from_secs(5));
        let behind = |version| -> (Vec<Key>, bool) {
            let scopes = [(Scope::Outlet("another".into()), 1), (Scope::Everything, version)];
            let Behind { due, later } = cache.behind(lately, &scopes, |key: &Key| *key != self::key(9));
            assert!(later.is_empty() || later == [Scope::Everything]);
            (due.iter().map(|(key, _)| (**key).clone()).collect(), !later.is_empty())
        };
        for nth in [1, 2, 9] {
            fill(&cache.slot(&key(nth), 7));
        }
        cache.slot(&key(3), 7);
        assert_eq!(behind(7), (vec![], false));
        assert_eq!(behind(8), (vec![], true), "they were written a moment ago");
        tokio::time::advance(Duration::from_secs(4)).await;
        let all = vec![key(2), key(1)];
        assert_eq!(behind(8), (all, false), "the third was never written, the ninth is to be left alone");
        assert!(cache.slot(&key(1), 8).begin());
        assert_eq!(behind(8), (vec![key(2)], false), "somebody writes the first already");
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(behind(9), (vec![key(1)], false), "nobody has asked for the second lately");
        assert_eq!(behind(8), (vec![], false), "who saw less does not take a place back");
    }

    #[test]
    fn what_nobody_asks_for_makes_room() {
        let cache = Cache::new(2 * (1000 + PLACE) + PLACE);
        let (one, two) = (cache.slot(&key(1), 1), cache.slot(&key(2), 1));
        for (place, nth) in [(&one, 1), (&two, 2)] {
            fill(place);
            cache.weigh(&key(nth));
        }
        cache.slot(&key(1), 1);
        let three = cache.slot(&key(3), 1);
        assert_eq!(lock(&cache.slots).held.len(), 3, "a place without a feed weighs little");
        fill(&three);
        cache.weigh(&key(3));
        assert!(Arc::ptr_eq(&one, &cache.slot(&key(1), 1)));
        assert!(!Arc::ptr_eq(&two, &cache.slot(&key(2), 1)));
        let slots = lock(&cache.slots);
        assert_eq!((slots.held.len(), slots.turns.len()), (3, 3));
        assert_eq!(slots.scopes[&Scope::Everything], slots.turns);
        assert_eq!(slots.bytes, slots.held.values().map(|held| held.bytes).sum::<usize>());
    }

    #[test]
    fn what_is_too_large_for_all_is_held_alone() {
        let cache = Cache::new(1);
        cache.slot(&key(1), 1);
        let two = cache.slot(&key(2), 1);
        fill(&two);
        cache.weigh(&key(2));
        assert!(Arc::ptr_eq(&two, &cache.slot(&key(2), 1)));
        assert_eq!(lock(&cache.slots).held.len(), 1);
    }
}
