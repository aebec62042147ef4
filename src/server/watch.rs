//! When the server looks at the store again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::overview::Overview;
use crate::store::{Commit, Half, Look, SourceState, Store};

/// A look at the store.
#[derive(Debug, Clone)]
struct Last {
    overview: Arc<Overview>,
    /// When the store was looked at, and not only told of a commit of ours.
    looked: Instant,
    /// When all addresses were looked at, and not only those asked for since the look before.
    whole: Instant,
    /// The newest change that this process knew of then.
    noticed: i64,
}

impl Last {
    /// With what has been committed since, where all of that was told.
    fn with_told(&self, store: &Store) -> Option<Last> {
        let commits = store.commits_after(self.overview.generation)?;
        let noticed = commits.last()?.newest;
        let overview = Arc::new(Overview::new(Some(&self.overview), told(&self.overview, &commits)));
        Some(Last { overview, noticed, ..self.clone() })
    }
}

/// As if the store had been looked at after these commits.
fn told(overview: &Overview, commits: &[Arc<Commit>]) -> Look {
    // What the configuration says of an address, and whether it is still followed, the whole look knows.
    let sources = commits.iter().filter_map(|commit| {
        let told = commit.source.as_ref()?;
        let place = overview.sources.binary_search_by(|known| known.url.cmp(&told.url)).ok()?;
        let SourceState { outlet, title, every_s, min_every_s, followed, .. } = (*overview.sources[place]).clone();
        Some(SourceState { outlet, title, every_s, min_every_s, followed, ..told.clone() })
    });
    Look {
        generation: commits.last().map_or(overview.generation, |commit| commit.newest),
        sources: Half::Changed(sources.collect()),
        blogs: Half::Changed(commits.iter().map(|commit| commit.blog.clone()).collect()),
    }
}

/// A look in so many is at all addresses: what the configuration says of one that has not been asked since, or another process,
/// moves nothing that a smaller look would find. Reading a thousand takes 26 ms on a busy machine.
const WHOLE: u32 = 10;

/// Looks a second that commits of our own are worth in the long run: each makes every feed that they show in be written anew.
const RATE: f64 = 10.0;

/// Such looks that may come at once after a calm.
const BURST: f64 = 20.0;

/// A bucket of looks.
#[derive(Debug)]
struct Pace {
    left: f64,
    at: Instant,
    /// The change for which one was taken last, and whether whoever asks waits for it. All who come before it is done share it.
    taken: Option<(i64, bool)>,
}

/// What to do about a commit.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    /// Look, and let whoever asks wait for it.
    Now,
    /// Look, and let nobody wait.
    Meanwhile,
    /// Not yet.
    Later,
}

impl Pace {
    /// The newest change that this process knows of is the one numbered `noticed`, and the last look lacks it.
    fn turn(&mut self, noticed: i64, now: Instant) -> Turn {
        let busy = self.is_busy(now);
        match self.taken {
            Some((taken, true)) if taken == noticed => return Turn::Now,
            Some((taken, false)) if taken == noticed => return Turn::Later,
            _ if self.left < 1.0 => return Turn::Later,
            _ => {}
        }
        self.left -= 1.0;
        self.taken = Some((noticed, !busy));
        if busy { Turn::Meanwhile } else { Turn::Now }
    }

    /// Whether so many looks came lately that the next ones have to wait.
    fn is_busy(&mut self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        (self.left, self.at) = ((self.left + since * RATE).min(BURST), now);
        self.left < 2.0
    }
}

/// Keeps the last [`Overview`] and looks again when it is asked for and too old, or when this process itself has written: an
/// idle server reads nothing, a busy one reads the store once in the interval whatever the number of requests. What a commit of
/// its own has changed it is told, and has to read nothing. Where commits come faster than [`RATE`] for long, feeds don't follow
/// each of them.
#[derive(Debug, Clone)]
pub(super) struct Watch(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    recheck: Duration,
    last: RwLock<Option<Last>>,
    /// Held while what was told is put into the last overview.
    telling: StdMutex<()>,
    /// Held while the store is looked at.
    looking: Mutex<()>,
    pace: StdMutex<Pace>,
    failing: AtomicBool,
    /// Whether the next look is to be at all addresses.
    rearranged: AtomicBool,
}

impl Watch {
    pub fn new(recheck: Duration) -> Self {
        let pace = StdMutex::new(Pace { left: BURST, at: Instant::now(), taken: None });
        let (last, telling, looking) = (RwLock::new(None), StdMutex::new(()), Mutex::new(()));
        let (failing, rearranged) = (AtomicBool::new(false), AtomicBool::new(false));
        Watch(Arc::new(Inner { recheck, last, telling, looking, pace, failing, rearranged }))
    }

    /// The configuration says something else of the addresses now.
    pub fn rearranged(&self) {
        self.0.rearranged.store(true, Ordering::Relaxed);
    }

    /// The current overview. When the store fails, the last one goes on being served; none means that there never was one.
    pub async fn overview(&self, store: &Store) -> Option<Arc<Overview>> {
        if let Some(told) = self.told(store) {
            return Some(told);
        }
        self.0.look(store).await
    }

    /// The overview with all that this process has written, where nothing has to be read for it.
    fn told(&self, store: &Store) -> Option<Arc<Overview>> {
        let last = self.0.caught_up(store).filter(|last| self.0.is_noticed(last, store))?;
        let age = last.looked.elapsed();
        // Reading all of a large store takes milliseconds, and a busy server lets nobody wait for them: who comes within a
        // second interval still gets what is there, and the next one what is read meanwhile.
        if age >= self.0.recheck && age < 2 * self.0.recheck {
            self.look_meanwhile(store);
        }
        (age < 2 * self.0.recheck).then_some(last.overview)
    }

    /// The same for what may lack the last commits where they come fast. It never lacks more than those of a tenth of a second.
    pub async fn paced(&self, store: &Store) -> Option<Arc<Overview>> {
        let within = |last: &Last| last.looked.elapsed() < 2 * self.0.recheck;
        let lacking = self.0.last().filter(|last| within(last) && !self.0.is_noticed(last, store));
        let Some(last) = lacking else { return self.overview(store).await };
        let turn = self.0.pace().turn(store.noticed(), Instant::now());
        match turn {
            Turn::Now => self.overview(store).await,
            Turn::Meanwhile => Some(self.told(store).unwrap_or_else(|| {
                // One that is under way may have begun before the commit.
                self.spawn_look(store);
                last.overview
            })),
            Turn::Later => Some(last.overview),
        }
    }

    /// Whether commits come so fast that an overview may lack the last ones.
    pub fn is_busy(&self) -> bool {
        self.0.pace().is_busy(Instant::now())
    }

    fn look_meanwhile(&self, store: &Store) {
        if let Ok(looking) = self.0.looking.try_lock() {
            drop(looking);
            self.spawn_look(store);
        }
    }

    fn spawn_look(&self, store: &Store) {
        let (watch, store) = (self.clone(), store.clone());
        tokio::spawn(async move { watch.0.look(&store).await });
    }
}

impl Inner {
    async fn look(&self, store: &Store) -> Option<Arc<Overview>> {
        let _looking = self.looking.lock().await;
        if let Some(fresh) =
            self.caught_up(store).filter(|last| last.looked.elapsed() < self.recheck && self.is_noticed(last, store))
        {
            return Some(fresh.overview);
        }
        let (before, now) = (self.last(), Instant::now());
        let rearranged = self.rearranged.swap(false, Ordering::Relaxed);
        let whole =
            before.as_ref().map(|before| before.whole).filter(|whole| !rearranged && whole.elapsed() < WHOLE * self.recheck);
        let seen = before.as_ref().map(|before| before.overview.seen(whole.is_none()));
        // Asked before the look: what is written during it is looked at next time.
        let noticed = store.noticed();
        let looked = store.look(seen).await;
        let failing = looked.is_err();
        let known = self.failing.swap(failing, Ordering::Relaxed);
        let (overview, whole) = match looked {
            Ok(look) => {
                (Arc::new(Overview::new(before.as_ref().map(|before| &*before.overview), look)), whole.unwrap_or(now))
            }
            Err(error) => {
                if !known {
                    tracing::error!("serving what is in memory: {error}");
                }
                self.rearranged.fetch_or(rearranged, Ordering::Relaxed);
                (before.as_ref()?.overview.clone(), before.as_ref()?.whole)
            }
        };
        if known && !failing {
            tracing::info!("the store answers again");
        }
        let _telling = self.telling.lock().unwrap_or_else(PoisonError::into_inner);
        let last = Last { overview, looked: now, whole, noticed };
        let last = last.with_told(store).unwrap_or(last);
        // What was told meanwhile may be newer. A log that has become shorter than it was before is another one.
        let another = before.is_some_and(|before| before.overview.follows(&last.overview));
        let last = match self.last() {
            Some(newer) if newer.overview.follows(&last.overview) && !another => {
                Last { looked: last.looked, whole: last.whole, ..newer }
            }
            _ => last,
        };
        self.put(&last);
        Some(last.overview)
    }

    /// The last overview with what this process has written since, as far as it is told.
    fn caught_up(&self, store: &Store) -> Option<Last> {
        let last = self.last()?;
        if self.is_noticed(&last, store) {
            return Some(last);
        }
        let _telling = self.telling.lock().unwrap_or_else(PoisonError::into_inner);
        let last = self.last()?;
        let Some(told) = last.with_told(store) else { return Some(last) };
        self.put(&told);
        Some(told)
    }

    fn put(&self, last: &Last) {
        *self.last.write().unwrap_or_else(PoisonError::into_inner) = Some(last.clone());
    }

    fn last(&self) -> Option<Last> {
        self.last.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it holds all that this process has written.
    fn is_noticed(&self, last: &Last, store: &Store) -> bool {
        last.noticed == store.noticed()
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_looked_at_one_by_one_until_they_come_fast_for_long() {
        let start = Instant::now();
        let (mut pace, mut noticed) = (Pace { left: BURST, at: start, taken: None }, 0);
        // A hundred ask after each commit.
        let mut turns = |every: Duration, count: u32| {
            let from = pace.at;
            let commit = |nth: u32| {
                noticed += 1;
                let first = pace.turn(noticed, from + every * nth);
                let others = if first == Turn::Now { Turn::Now } else { Turn::Later };
                assert!((1..100).all(|_| pace.turn(noticed, from + every * nth) == others));
                first
            };
            (1..=count).map(commit).collect::<Vec<_>>()
        };
        // Five a second, for ever.
        assert!(turns(Duration::from_millis(200), 500).iter().all(|turn| *turn == Turn::Now));
        // Fifty a second: after a while ten of them are looked at, and nobody waits.
        let fast = turns(Duration::from_millis(20), 550);
        assert!(fast[..20].iter().all(|turn| *turn == Turn::Now));
        assert!(fast[50..].iter().all(|turn| *turn != Turn::Now));
        let looks = fast[50..].iter().filter(|turn| **turn == Turn::Meanwhile).count();
        assert!((99..=101).contains(&looks), "{looks}");
        // None waits longer than that for its look.
        let longest = fast[50..].split(|turn| *turn == Turn::Meanwhile).map(<[Turn]>::len).max();
        assert_eq!(longest, Some(4));
        // A calm of a second is enough for single ones to be looked at again.
        assert_eq!(turns(Duration::from_secs(1), 1), [Turn::Now]);
    }
}
