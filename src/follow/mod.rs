//! The schedule: what is due is claimed from the store, fetched, read, and written back with the time of the next refresh.
//!
//! What keeps it polite: what `fetch` holds to (one request at a time to a host, robots.txt), and a pause that grows while
//! an address fails.
//! What keeps it safe: a failure leaves everything stored as it is, and a stop falls between transactions, never into one.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::available_parallelism;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::config::Followed;
use crate::fetch::Fetcher;
use crate::metrics::Metrics;
use crate::model::LiveBlog;
use crate::outlet::Refusal;
use crate::page::Page;
use crate::store::{SourceState, Store, StoreError};

mod backfill;
mod outcome;
mod pace;
mod refresh;
mod seeds;
mod settle;

pub use outcome::{Outcome, Tally};
pub use refresh::VERSION;
pub use seeds::{SeedError, load_seeds};

/// The wall clock, handed down from `main`.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// What makes a live blog of a page: [`crate::outlet::split_page`], one that knows a config's outlets too, or a stand-in for
/// it in tests.
pub type Split = Arc<dyn Fn(&Page, Option<&str>) -> Result<LiveBlog, Refusal> + Send + Sync>;

/// Where chance comes from: a number from 0 to 1, another one each time.
pub type Chance = Arc<dyn Fn() -> f64 + Send + Sync>;

/// How long what is claimed stays claimed at least. A process that is killed leaves its claims behind for this long.
const LEASE: TimeDelta = TimeDelta::minutes(2);

/// The longest wait before the store is asked again what is due: another process may have changed that.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The shortest wait, so that many short intervals are looked after together.
const SHORTEST_WAIT: Duration = Duration::from_millis(50);

/// The wait after the store itself failed (a full disk, say), which no hurry will mend.
const STORE_WAIT: Duration = Duration::from_secs(10);

/// Everything a refresh needs. Cheap to clone.
#[derive(Clone)]
pub struct Follower {
    store: Store,
    means: Arc<RwLock<Means>>,
    clock: Clock,
    metrics: Metrics,
    /// Rings when there is something new to follow.
    anew: Arc<Notify>,
    chance: Chance,
    /// What may not be asked for yet, whatever the wall clock says: that one may be set, this one only runs.
    held: Arc<Mutex<HashMap<String, Instant>>>,
    /// What this process follows, by address; another one on the same store may follow others.
    mine: Arc<RwLock<HashMap<String, Followed>>>,
    /// Places of those who read a page.
    reading: Arc<Semaphore>,
    /// Places of those who write what they have read.
    settling: Arc<Semaphore>,
}

/// How many pages are read at once at least, where there are fewer processors: one that takes long must not keep the others waiting.
/// Each takes a processor, and the memory of its whole tree.
const READING: usize = 2;

/// And at most, for the memory's sake.
const MOST_READING: usize = 4;

/// How many write what they have read at once: one has the store, and another one makes itself ready.
const SETTLING: usize = 2;

/// What pages are fetched and read with. A refresh takes it once, and ends with what it began with.
#[derive(Clone)]
struct Means {
    fetcher: Fetcher,
    split: Split,
    /// Who reads: a page that another reader has read is read again, since it may find more in the same bytes.
    reader: Arc<str>,
}

/// One address that was refreshed, and how that went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refreshed {
    /// Its address.
    pub url: String,
    /// How it went.
    pub outcome: Outcome,
}

impl Follower {
    /// A follower that writes to `store`.
    pub fn new(store: Store, fetcher: Fetcher, split: Split, clock: Clock) -> Self {
        // As the store keeps instants: what is read of a page must not know more of its time than its capture will.
        let clock: Clock = Arc::new(move || clock().trunc_subsecs(3));
        let chance: Chance = Arc::new(chance);
        let means = Arc::new(RwLock::new(Means { fetcher, split, reader: refresh::VERSION.into() }));
        let (metrics, anew, held, mine) = Default::default();
        let readers = available_parallelism().map_or(READING, |processors| processors.get().clamp(READING, MOST_READING));
        let (reading, settling) = (Arc::new(Semaphore::new(readers)), Arc::new(Semaphore::new(SETTLING)));
        Follower { store, means, clock, metrics, anew, chance, held, mine, reading, settling }
    }

    /// Counts into `metrics` from now on.
    pub fn counting(self, metrics: Metrics) -> Self {
        Follower { metrics, ..self }
    }

    /// Fetches with `fetcher` and reads with `split` from the next refresh on. `of_config` tells this reading apart from
    /// that of another config; empty where only the built-in outlets are read.
    ///
    /// Says whether that is another reading than before.
    pub fn read_with(&self, fetcher: Fetcher, split: Split, of_config: &str) -> bool {
        let reader = format!("{} {of_config}", refresh::VERSION).trim_end().into();
        let mut means = self.means.write().unwrap_or_else(PoisonError::into_inner);
        let otherwise = means.reader != reader;
        *means = Means { fetcher, split, reader };
        otherwise
    }

    /// Makes all that is followed due now: it is read otherwise than before.
    pub async fn hasten(&self) -> Result<(), StoreError> {
        self.store.hasten(&self.mine(), (self.clock)()).await?;
        self.held().clear();
        self.anew.notify_one();
        Ok(())
    }

    fn means(&self) -> Means {
        self.means.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same, with another source of chance.
    pub fn with_chance(self, chance: Chance) -> Self {
        Follower { chance, ..self }
    }

    /// Follows these live blogs from now on, and no others. What is stored of others stays; with `only`, they are also shown
    /// as followed no more, which is for the process that serves to say.
    pub async fn follow(&self, live_blogs: &[Followed], only: bool) -> Result<(), StoreError> {
        let now = (self.clock)();
        let wanted: Vec<SourceState> = live_blogs
            .iter()
            .map(|followed| SourceState {
                outlet: followed.outlet.clone(),
                title: followed.title.clone(),
                min_every_s: seconds(followed.min_every),
                ..SourceState::new(followed.url.as_str(), seconds(followed.every), now)
            })
            .collect();
        self.store.follow(&wanted, only).await?;
        let mine: HashMap<String, Followed> =
            live_blogs.iter().map(|followed| (followed.url.to_string(), followed.clone())).collect();
        let before = std::mem::replace(&mut *self.mine.write().unwrap_or_else(PoisonError::into_inner), mine.clone());
        // Whoever changes how an address is followed while it is wants to see what comes of it.
        let same = |url: &str| before.get(url) == mine.get(url);
        let anew: Vec<String> = before.keys().filter(|url| mine.contains_key(*url) && !same(url)).cloned().collect();
        if !anew.is_empty() {
            self.store.hasten(&anew, now).await?;
        }
        self.held().retain(|url, _| same(url));
        self.anew.notify_one();
        Ok(())
    }

    fn mine(&self) -> Vec<String> {
        self.mine.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which of what it follows may be asked for now, and when the next of the others may.
    fn ready(&self) -> (Vec<String>, Option<Instant>) {
        let (now, mut held) = (Instant::now(), self.held());
        held.retain(|_, until| *until > now);
        let next = held.values().min().copied();
        let mine = self.mine.read().unwrap_or_else(PoisonError::into_inner);
        (mine.keys().filter(|url| !held.contains_key(*url)).cloned().collect(), next)
    }

    /// What the configuration says of an address: never what a store or a page says.
    fn followed(&self, url: &str) -> Option<Followed> {
        self.mine.read().unwrap_or_else(PoisonError::into_inner).get(url).cloned()
    }

    /// One cycle: refreshes what is due now, and says how each address went, in the order of their addresses.
    pub async fn refresh_due(&self, stop: watch::Receiver<bool>) -> Result<Vec<Refreshed>, StoreError> {
        let mut running = JoinSet::new();
        for source in self.store.claim(&self.mine(), (self.clock)(), LEASE).await? {
            let (follower, stop) = (self.clone(), stop.clone());
            running.spawn(async move { follower.refresh(source, stop).await });
        }
        let mut all = Vec::new();
        let mut failed = None;
        while let Some(ended) = running.join_next().await {
            match ended {
                Ok(Ok(refreshed)) => all.push(refreshed),
                Ok(Err(error)) => failed = Some(error),
                Err(error) => tracing::error!(%error, "a refresh broke off; this is a bug in tidings"),
            }
        }
        all.sort_by(|one: &Refreshed, other| one.url.cmp(&other.url));
        failed.map_or(Ok(all), Err)
    }

    /// Follows until `stop` turns true. What is being fetched then is dropped; what is being written is written to its end.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut running = JoinSet::new();
        // An address may wait for its host longer than its lease lasts.
        let mut busy = HashSet::new();
        // What was asked, and the store could not take it: it stays claimed there for longer than need be.
        let mut owed = HashSet::new();
        let (mut claiming, mut writing) = (Trouble::default(), Trouble::default());
        let mut look = Instant::now();
        while !*stop.borrow() {
            if look <= Instant::now() {
                let wait = match self.start_due(&mut running, &mut busy, &mut owed, &stop).await {
                    Ok(wait) => {
                        claiming.over();
                        wait
                    }
                    Err(error) => {
                        claiming.tell(&error);
                        STORE_WAIT
                    }
                };
                look = Instant::now() + wait;
            }
            tokio::select! {
                () = stopped(&mut stop) => break,
                () = tokio::time::sleep_until(look) => {}
                () = self.anew.notified() => look = Instant::now(),
                Some(ended) = running.join_next() => {
                    owed.extend(note(ended, &mut busy, &mut writing));
                    // What ended may be ready again already: its clock was set on, or its pace is a short one.
                    let (ready, held) = self.ready();
                    let next = if ready.iter().any(|url| !busy.contains(url)) { Some(Instant::now()) } else { held };
                    look = look.min(next.unwrap_or(look)).max(Instant::now() + SHORTEST_WAIT);
                }
            }
        }
        while let Some(ended) = running.join_next().await {
            note(ended, &mut busy, &mut writing);
        }
    }

    /// Starts what is due, and says how long to wait for the next.
    async fn start_due(
        &self,
        running: &mut JoinSet<Ended>,
        busy: &mut HashSet<String>,
        owed: &mut HashSet<String>,
        stop: &watch::Receiver<bool>,
    ) -> Result<Duration, StoreError> {
        if !owed.is_empty() {
            // It is still held until its interval is over.
            self.store.hasten(&owed.iter().cloned().collect::<Vec<_>>(), (self.clock)()).await?;
            owed.clear();
        }
        let (mut ready, held) = self.ready();
        ready.retain(|url| !busy.contains(url));
        for source in self.store.claim(&ready, (self.clock)(), LEASE).await? {
            if *stop.borrow() {
                // Told to stop while claiming. A refresh that has just given its own claim back may be among these, and
                // nobody would: the next start would wait for the lease.
                self.store.put_source(&source).await?;
            } else if busy.insert(source.url.clone()) {
                let (follower, stop, url) = (self.clone(), stop.clone(), source.url.clone());
                running.spawn(async move { (url, follower.refresh(source, stop).await.map(drop)) });
            }
        }
        let due = self.store.next_due(&ready).await?.map(|next| (next - (self.clock)()).to_std().unwrap_or_default());
        let held = held.map(|until| until.saturating_duration_since(Instant::now()));
        Ok(due.into_iter().chain(held).min().unwrap_or(LONGEST_WAIT).clamp(SHORTEST_WAIT, LONGEST_WAIT))
    }
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

/// The hasher's keys are the one source of chance that the standard library has; 53 bits are what a number from 0 to 1
/// holds.
fn chance() -> f64 {
    (RandomState::new().hash_one(0) >> 11) as f64 / (1_u64 << 53) as f64
}

/// What a task of [`Follower::run`] ends with.
type Ended = (String, Result<(), StoreError>);

/// Takes note of how a task ended; answers the address that the store could not take.
fn note(ended: Result<Ended, tokio::task::JoinError>, busy: &mut HashSet<String>, writing: &mut Trouble) -> Option<String> {
    match ended {
        Ok((url, result)) => {
            busy.remove(&url);
            match result {
                Ok(()) => writing.over(),
                Err(error) => {
                    writing.tell(&error);
                    return Some(url);
                }
            }
        }
        // Its address stays in `busy`: asking again would only break again.
        Err(error) => tracing::error!(%error, "a refresh broke off; this is a bug in tidings"),
    }
    None
}

/// Waits for `stop` to turn true. Where nobody is left who could turn it, for ever.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Tells of the store's own failures once, not at every turn.
#[derive(Default)]
struct Trouble(Option<String>);

impl Trouble {
    fn tell(&mut self, error: &StoreError) {
        let reason = error.to_string();
        if self.0.as_ref() != Some(&reason) {
            tracing::error!("nothing can be kept: {reason}");
            self.0 = Some(reason);
        }
    }

    fn over(&mut self) {
        if self.0.take().is_some() {
            tracing::info!("the store works again");
        }
    }
}
