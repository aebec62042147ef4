//! Who waits for a change is woken: by a commit of this process at once, by another one's when the log is looked at again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::Store;

/// How often the log is looked at for commits of other processes, while somebody waits for them.
const LOOK: Duration = Duration::from_millis(500);

/// The number of the newest change that is known of, shared by all clones of a store.
#[derive(Debug, Clone)]
pub(super) struct Notice(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    newest: watch::Sender<i64>,
    looking: AtomicBool,
}

impl Notice {
    pub fn new(newest: i64) -> Self {
        Notice(Arc::new(Inner { newest: watch::Sender::new(newest), looking: AtomicBool::new(false) }))
    }

    /// Tells of a committed change. Two commits may tell out of order, so the number never falls.
    pub fn tell(&self, seq: i64) {
        self.0.newest.send_if_modified(|newest| {
            let grows = seq > *newest;
            *newest = seq.max(*newest);
            grows
        });
    }
}

impl Store {
    /// The number of the newest change, to wait on: it moves at once with a commit of this process, and within a second with
    /// one of another. Whoever reads the log after taking this, and waits then, misses nothing.
    ///
    /// While nobody holds what this returns, nothing is looked at. It has to be called within a runtime.
    pub fn changed(&self) -> watch::Receiver<i64> {
        let receiver = self.notice().0.newest.subscribe();
        if !self.notice().0.looking.swap(true, Ordering::AcqRel) {
            tokio::spawn(look(self.clone()));
        }
        receiver
    }

    /// The number of the newest change that this process knows of, without looking.
    pub fn noticed(&self) -> i64 {
        *self.notice().0.newest.borrow()
    }
}

async fn look(store: Store) {
    let inner = &store.notice().0;
    loop {
        if inner.newest.receiver_count() == 0 {
            inner.looking.store(false, Ordering::Release);
            // Somebody may have come between the count and the word that nobody looks.
            if inner.newest.receiver_count() == 0 || inner.looking.swap(true, Ordering::AcqRel) {
                return;
            }
        }
        tokio::select! {
            () = store.closed() => {
                inner.looking.store(false, Ordering::Release);
                return;
            }
            // A store that fails is told of where it is used; what waits goes on waiting.
            newest = store.generation() => {
                if let Ok(newest) = newest {
                    store.notice().tell(newest);
                }
            }
        }
        tokio::select! {
            () = store.closed() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}
