//! When the server looks at the store again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::overview::Overview;
use crate::store::Store;

/// A look at the store.
#[derive(Debug, Clone)]
struct Last {
    overview: Arc<Overview>,
    /// When all of it was last looked at, and not only what a commit of ours has changed.
    whole: Instant,
    /// The newest change that this process knew of then.
    noticed: i64,
}

/// Keeps the last [`Overview`] and looks again when it is asked for and too old, or when this process itself has written: an
/// idle server reads nothing, a busy one reads the store once in the interval whatever the number of requests, and after a
/// commit of its own only what that has changed.
#[derive(Debug, Clone)]
pub(super) struct Watch(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    recheck: Duration,
    last: RwLock<Option<Last>>,
    looking: Mutex<()>,
    failing: AtomicBool,
}

impl Watch {
    pub fn new(recheck: Duration) -> Self {
        let (last, looking, failing) = (RwLock::new(None), Mutex::new(()), AtomicBool::new(false));
        Watch(Arc::new(Inner { recheck, last, looking, failing }))
    }

    /// The current overview. When the store fails, the last one goes on being served; none means that there never was one.
    pub async fn overview(&self, store: &Store) -> Option<Arc<Overview>> {
        if let Some(fresh) = self.0.fresh(store) {
            return Some(fresh);
        }
        // Reading all of a large store takes milliseconds, and a busy server lets nobody wait for them: who comes within a
        // second interval still gets what is there, and the next one what is read meanwhile.
        if let Some(last) = self.0.last().filter(|last| self.0.is_noticed(last, store))
            && last.whole.elapsed() < 2 * self.0.recheck
        {
            if let Ok(looking) = self.0.looking.try_lock() {
                drop(looking);
                let (watch, store) = (self.clone(), store.clone());
                tokio::spawn(async move { watch.0.look(&store).await });
            }
            return Some(last.overview);
        }
        self.0.look(store).await
    }
}

impl Inner {
    async fn look(&self, store: &Store) -> Option<Arc<Overview>> {
        let _looking = self.looking.lock().await;
        if let Some(fresh) = self.fresh(store) {
            return Some(fresh);
        }
        let (before, now) = (self.last(), Instant::now());
        let whole = before.as_ref().filter(|before| before.whole.elapsed() < self.recheck).map(|before| before.whole);
        let seen = before.as_ref().map(|before| before.overview.seen(whole.is_none()));
        // Asked before the look: what is written during it is looked at next time.
        let noticed = store.noticed();
        let looked = store.look(seen).await;
        let failing = looked.is_err();
        let known = self.failing.swap(failing, Ordering::Relaxed);
        let overview = match looked {
            Ok(look) => Arc::new(Overview::new(before.as_ref().map(|before| &*before.overview), look)),
            Err(error) => {
                if !known {
                    tracing::error!("serving what is in memory: {error}");
                }
                before?.overview
            }
        };
        if known && !failing {
            tracing::info!("the store answers again");
        }
        let last = Last { overview: overview.clone(), whole: whole.unwrap_or(now), noticed };
        *self.last.write().unwrap_or_else(PoisonError::into_inner) = Some(last);
        Some(overview)
    }

    fn last(&self) -> Option<Last> {
        self.last.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it holds all that this process has written.
    fn is_noticed(&self, last: &Last, store: &Store) -> bool {
        last.noticed == store.noticed()
    }

    fn fresh(&self, store: &Store) -> Option<Arc<Overview>> {
        let last = self.last()?;
        (last.whole.elapsed() < self.recheck && self.is_noticed(&last, store)).then_some(last.overview)
    }
}
