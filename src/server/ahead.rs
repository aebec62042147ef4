//! Where changes pour in, what is read often is written before it is asked for again.
//!
//! A feed may be served on for a moment after something changed that it shows (see `cache`). Whoever comes after that moment would wait
//! for the new one, and there are some for each change: so it is written meanwhile, once for all formats of it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as Turn;

use super::ServerState;
use super::cache::{Behind, Document, Key, Slot};
use super::feeds::anew;
use super::overview::Overview;
use super::query::Asked;
use crate::store::Scope;

/// A feed is read often that was asked for within this time.
const LATELY: Duration = Duration::from_secs(5);

/// Feeds that are written at once.
const AT_ONCE: usize = 2;

/// How far the writing ahead has come. Held while it goes on.
#[derive(Debug, Default)]
pub(super) struct Ahead(Arc<Turn<Seen>>);

/// What was last looked through.
#[derive(Debug, Default)]
struct Seen {
    generation: i64,
    /// When anything had last changed then.
    changed: i64,
    /// What had changed and was too young to be written anew.
    later: Vec<Scope>,
}

/// Formats of one feed, and their places.
type Feed = Vec<(Arc<Key>, Arc<Slot>)>;

/// Begins to write what is behind `overview`, unless that is being done or nobody would wait for it anyway.
pub(super) fn follow(state: &ServerState, overview: &Arc<Overview>) {
    let Ok(mut seen) = state.0.ahead.0.clone().try_lock_owned() else { return };
    // Whoever was handed a picture before others saw a later one comes too late with it.
    if overview.generation <= seen.generation || !state.0.watch.is_busy() {
        return;
    }
    let (state, overview) = (state.clone(), overview.clone());
    tokio::spawn(async move {
        write(&state, &overview, &mut seen).await;
        drop(seen);
    });
}

async fn write(state: &ServerState, overview: &Arc<Overview>, seen: &mut Seen) {
    let mut changed: HashSet<Scope> = overview.changed_since(seen.changed).chain(seen.later.drain(..)).collect();
    changed.extend(state.settings().topics.iter().map(|topic| Scope::Topic(overview.joined(topic))));
    let changed: Vec<(Scope, i64)> = changed.into_iter().map(|scope| (scope.clone(), overview.version(&scope))).collect();
    let Behind { due, later } = state.0.cache.behind(LATELY, &changed, |key| key.document == Document::Current);
    *seen = Seen { generation: overview.generation, changed: overview.changed(), later };
    let (mut feeds, mut places) = (VecDeque::<Feed>::new(), HashMap::new());
    for (key, slot) in due {
        let place = *places.entry((key.scope.clone(), key.query.clone())).or_insert(feeds.len());
        if place == feeds.len() {
            feeds.push_back(Feed::new());
        }
        feeds[place].push((key, slot));
    }
    let waiting = Arc::new(Mutex::new(feeds));
    let writers: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (state, overview, waiting) = (state.clone(), overview.clone(), waiting.clone());
            tokio::spawn(async move {
                // A panic elsewhere leaves a list as good as it was.
                let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
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
