//! Who waits for a change is woken: by a commit of this process at once, by another one's when the log is looked at again. Who
//! keeps a picture of the store is handed what the last commits of this process have changed in it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::{SourceState, Store, StoredBlog};

/// How often the log is looked at for commits of other processes, while somebody waits for them.
const LOOK: Duration = Duration::from_millis(500);

/// Commits that are kept for who has a picture of the store.
const COMMITS: usize = 128;

/// What one refresh has changed of what can be seen without its entries.
#[derive(Debug)]
pub struct Commit {
    /// The number of the newest change before it.
    pub after: i64,
    /// That of its own newest change.
    pub newest: i64,
    /// The live blog as it stands since.
    pub blog: StoredBlog,
    /// The address it was read from, where it was fetched.
    pub source: Option<SourceState>,
}

/// The number of the newest change that is known of, shared by all clones of a store.
#[derive(Debug, Clone)]
pub(super) struct Notice(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    newest: watch::Sender<i64>,
    /// The last ones, in their order.
    commits: Mutex<VecDeque<Arc<Commit>>>,
    looking: AtomicBool,
}

impl Notice {
    pub fn new(newest: i64) -> Self {
        let (newest, commits) = (watch::Sender::new(newest), Mutex::default());
        Notice(Arc::new(Inner { newest, commits, looking: AtomicBool::new(false) }))
    }

    /// Tells of a commit of this process, which may have changed nothing that is in the log.
    pub fn told(&self, commit: Commit) {
        let newest = commit.newest;
        if commit.after < newest {
            let mut commits = self.commits();
            commits.push_back(Arc::new(commit));
            // There is one writer, but two that have committed may come here in any order.
            commits.make_contiguous().sort_by_key(|commit| commit.newest);
            if commits.len() > COMMITS {
                commits.pop_front();
            }
        }
        self.tell(newest);
    }

    fn commits(&self) -> MutexGuard<'_, VecDeque<Arc<Commit>>> {
        // A panic elsewhere leaves a list of finished commits as good as it was.
        self.0.commits.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// What this process has committed after the change numbered `seq`, in order; none where another one has written between
    /// them, or it is too long ago.
    pub fn commits_after(&self, seq: i64) -> Option<Vec<Arc<Commit>>> {
        let commits = self.notice().commits();
        let first = commits.iter().position(|commit| commit.after == seq)?;
        let chain: Vec<_> = commits.range(first..).cloned().collect();
        chain.windows(2).all(|pair| pair[0].newest == pair[1].after).then_some(chain)
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
