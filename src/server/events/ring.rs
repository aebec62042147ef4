//! The latest changes, written once and in memory for all streams, up to a number and a size.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use axum::body::Bytes;
use tokio::sync::{OnceCell, Semaphore, watch};

use crate::store::{Facets, Store, StoreError, Wording};

/// Changes that are held, and their bytes.
const MOST: usize = 2048;
const MOST_BYTES: usize = 16 << 20;

/// A change as it goes out.
#[derive(Debug)]
pub(super) struct Item {
    pub seq: i64,
    pub facets: Facets,
    /// The event with its `id`.
    pub frame: Bytes,
    batch: Arc<Batch>,
}

impl Item {
    pub fn new(seq: i64, facets: Facets, frame: Bytes, batch: Arc<Batch>) -> Self {
        Item { seq, facets, frame, batch }
    }

    /// Whether the words stand in it. They are looked up once for all changes that came with it and all who ask for the same.
    /// Whoever looks takes one of the `turns`, since the store has few connections.
    pub async fn has(&self, wording: &Wording, store: &Store, turns: &Semaphore) -> Result<bool, StoreError> {
        let cell = {
            let mut found = self.batch.found.lock().unwrap_or_else(PoisonError::into_inner);
            found.entry(wording.clone()).or_default().clone()
        };
        let look = || async {
            // The semaphore is never closed.
            let _turn = turns.acquire().await.ok();
            store.with_wording(wording, &self.batch.seqs).await
        };
        Ok(cell.get_or_try_init(look).await?.contains(&self.seq))
    }
}

/// Changes that were read together.
#[derive(Debug)]
pub(super) struct Batch {
    seqs: Vec<i64>,
    found: Mutex<HashMap<Wording, Arc<OnceCell<HashSet<i64>>>>>,
}

impl Batch {
    pub fn new(seqs: Vec<i64>) -> Self {
        Batch { seqs, found: Mutex::default() }
    }
}

/// What a stream finds behind the number it has come to.
#[derive(Debug)]
pub(super) enum Next {
    /// This change.
    Item(Arc<Item>),
    /// Nothing yet.
    Nothing,
    /// What comes next has left the ring.
    Gone,
}

/// The latest changes, in order.
#[derive(Debug)]
pub(super) struct Ring {
    held: RwLock<Held>,
    /// The number of the newest, to wait on.
    newest: watch::Sender<i64>,
}

#[derive(Debug)]
struct Held {
    /// The number before the first one held.
    before: i64,
    items: VecDeque<Arc<Item>>,
    bytes: usize,
}

impl Ring {
    /// An empty one, to be filled from the change after `before` on.
    pub fn new(before: i64) -> Self {
        Ring { held: RwLock::new(Held { before, items: VecDeque::new(), bytes: 0 }), newest: watch::Sender::new(before) }
    }

    /// The number of the newest change.
    pub fn newest(&self) -> i64 {
        *self.newest.borrow()
    }

    /// The same, to wait on.
    pub fn moved(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }

    /// Adds what comes next, and wakes who waits for it.
    pub fn push(&self, items: Vec<Item>) {
        let Some(newest) = items.last().map(|item| item.seq) else { return };
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        for item in items {
            held.bytes += item.frame.len();
            held.items.push_back(Arc::new(item));
        }
        while held.items.len() > MOST || held.bytes > MOST_BYTES && held.items.len() > 1 {
            let Some(oldest) = held.items.pop_front() else { break };
            (held.before, held.bytes) = (oldest.seq, held.bytes - oldest.frame.len());
        }
        drop(held);
        self.newest.send_replace(newest);
    }

    /// What comes after the change numbered `after`.
    pub fn next(&self, after: i64) -> Next {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        if after < held.before {
            return Next::Gone;
        }
        let nth = held.items.partition_point(|item| item.seq <= after);
        held.items.get(nth).map_or(Next::Nothing, |item| Next::Item(item.clone()))
    }
}
