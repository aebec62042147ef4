//! Where changes pour in, what is read often is written before it is asked for again.
//!
//! A feed may be served on for a moment after something changed that it shows (see `cache`). Whoever comes after that moment would wait
//! for the new one, and there are some for each change: so it is written meanwhile, once for all formats of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::ServerState;
use super::cache::{Document, Key, Slot};
use super::feeds::anew;
use super::overview::Overview;
use super::query::Asked;

/// A feed is read often that was asked for within this time.
const LATELY: Duration = Duration::from_secs(5);

/// Feeds that are written at once.
const AT_ONCE: usize = 2;

/// How far the writing ahead has come.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// The generation that was last looked through.
    generation: AtomicI64,
    working: AtomicBool,
}

/// Formats of one feed, and their places.
type Feed = Vec<(Arc<Key>, Arc<Slot>)>;

/// Begins to write what is behind `overview`, unless that is being done or nobody would wait for it anyway.
pub(super) fn follow(state: &ServerState, overview: &Arc<Overview>) {
    let ahead = &state.0.ahead;
    if ahead.generation.load(Ordering::Relaxed) == overview.generation
        || !state.0.watch.is_busy()
        || ahead.working.swap(true, Ordering::AcqRel)
    {
        return;
    }
    ahead.generation.store(overview.generation, Ordering::Relaxed);
    let (state, overview) = (state.clone(), overview.clone());
    tokio::spawn(async move {
        write(&state, &overview).await;
        state.0.ahead.working.store(false, Ordering::Release);
    });
}

async fn write(state: &ServerState, overview: &Arc<Overview>) {
    let version = |key: &Key| (key.document == Document::Current).then(|| overview.version(&key.scope));
    let mut feeds = HashMap::<_, Feed>::new();
    for (key, slot) in state.0.cache.behind(LATELY, version) {
        feeds.entry((key.scope.clone(), key.query.clone())).or_default().push((key, slot));
    }
    let waiting: Arc<Mutex<Vec<Feed>>> = Arc::new(Mutex::new(feeds.into_values().collect()));
    let writers: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (state, overview, waiting) = (state.clone(), overview.clone(), waiting.clone());
            tokio::spawn(async move {
                // A panic elsewhere leaves a list as good as it was.
                let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop();
                while let Some(feed) = next() {
                    write_formats(&state, &overview, feed).await;
                }
            })
        })
        .collect();
    for writer in writers {
        let _ = writer.await;
    }
}

async fn write_formats(state: &ServerState, overview: &Arc<Overview>, feed: Feed) {
    for (key, slot) in feed {
        // It was read when it was asked for.
        let Ok(asked) = Asked::read(key.query.as_deref()) else { continue };
        let Some(coding) = slot.coding().filter(|_| slot.begin()) else { continue };
        // What comes of it is taken from its place.
        let _ = anew(state, &slot, overview, &key, &asked, coding).await;
    }
}
