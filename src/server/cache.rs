//! Written feeds, kept as ready bytes until the store's generation moves.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use axum::body::Bytes;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::coding::{Coding, code};
use crate::feed::Format;
use crate::store::{Position, Scope};

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

/// A feed as bytes. A coding is made when it is first asked for, and once.
#[derive(Debug)]
pub(super) struct Written {
    identity: Bytes,
    gzip: OnceCell<Bytes>,
    brotli: OnceCell<Bytes>,
    tag: String,
    /// In whole seconds, as the header has it.
    pub modified: Option<SystemTime>,
}

impl Written {
    /// `position` is that of the newest change that may show in it.
    pub fn new(bytes: Vec<u8>, modified: Option<SystemTime>, position: Option<Position>) -> Self {
        let hash: String = Sha256::digest(&bytes)[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        let tag = match position {
            Some(Position { seq, mark, .. }) => format!("{seq}.{mark:08x}.{hash}"),
            None => hash,
        };
        Written { identity: bytes.into(), gzip: OnceCell::new(), brotli: OnceCell::new(), tag, modified }
    }

    /// The strong entity tag of the feed in `coding`: other bytes, so another tag. Before its last dot it says up to where in
    /// the log the feed had come (see `conditional`).
    pub fn etag(&self, coding: Coding) -> String {
        match coding.name() {
            None => format!("\"{}\"", self.tag),
            Some(name) => format!("\"{}-{name}\"", self.tag),
        }
    }

    /// The bytes in `coding`.
    pub async fn coded(&self, coding: Coding) -> Bytes {
        let cell = match coding {
            Coding::Identity => return self.identity.clone(),
            Coding::Gzip => &self.gzip,
            Coding::Brotli => &self.brotli,
        };
        let plain = self.identity.clone();
        let coded = cell.get_or_init(|| async move {
            let coding = tokio::task::spawn_blocking(move || code(&plain, coding).into());
            coding.await.expect("coding bytes in memory does not panic")
        });
        coded.await.clone()
    }
}

/// The place of one feed at one generation. All who ask while it is being written wait for the same bytes.
#[derive(Debug)]
pub(super) struct Slot {
    generation: i64,
    pub written: OnceCell<Arc<Written>>,
    /// What the place held before, for the case that writing it anew fails.
    before: Mutex<Option<Arc<Written>>>,
}

impl Slot {
    fn new(generation: i64, before: Option<Arc<Written>>) -> Arc<Slot> {
        Arc::new(Slot { generation, written: OnceCell::new(), before: Mutex::new(before) })
    }

    /// The last good feed of this address, at whatever generation.
    pub fn last_good(&self) -> Option<Arc<Written>> {
        self.written.get().cloned().or_else(|| lock(&self.before).clone())
    }

    /// Lets go of what was kept for a failure.
    pub fn settled(&self) {
        lock(&self.before).take();
    }
}

/// The feeds, or the pages, asked for lately: at most a fixed number.
#[derive(Debug)]
pub(super) struct Cache<K> {
    most: usize,
    slots: Mutex<Slots<K>>,
}

#[derive(Debug)]
struct Slots<K> {
    /// With the turn at which each was last asked for.
    held: HashMap<K, (Arc<Slot>, u64)>,
    turn: u64,
}

impl<K: Clone + Eq + Hash> Cache<K> {
    pub fn new(most: usize) -> Self {
        Cache { most: most.max(1), slots: Mutex::new(Slots { held: HashMap::new(), turn: 0 }) }
    }

    /// The place of `key` at `generation`, empty where nobody has asked yet.
    pub fn slot(&self, key: &K, generation: i64) -> Arc<Slot> {
        let mut slots = lock(&self.slots);
        slots.turn += 1;
        let turn = slots.turn;
        if let Some((slot, asked)) = slots.held.get_mut(key) {
            *asked = turn;
            if slot.generation != generation {
                *slot = Slot::new(generation, slot.last_good());
            }
            return slot.clone();
        }
        if slots.held.len() >= self.most {
            let oldest = slots.held.iter().min_by_key(|(_, (_, asked))| *asked).map(|(key, _)| key.clone());
            oldest.and_then(|key| slots.held.remove(&key));
        }
        let slot = Slot::new(generation, None);
        slots.held.insert(key.clone(), (slot.clone(), turn));
        slot
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
        let written = Arc::new(Written::new(b"feed".to_vec(), None, None));
        slot.written.set(written.clone()).unwrap();
        written
    }

    #[test]
    fn a_place_is_shared_until_the_generation_moves() {
        let cache = Cache::new(4);
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

    #[test]
    fn what_nobody_asks_for_makes_room() {
        let cache = Cache::new(2);
        let (one, two) = (cache.slot(&key(1), 1), cache.slot(&key(2), 1));
        fill(&one);
        fill(&two);
        cache.slot(&key(1), 1);
        cache.slot(&key(3), 1);
        assert!(Arc::ptr_eq(&one, &cache.slot(&key(1), 1)));
        assert!(!Arc::ptr_eq(&two, &cache.slot(&key(2), 1)));
        assert_eq!(lock(&cache.slots).held.len(), 2);
    }
}
