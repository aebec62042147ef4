//! How much is asked at once: one request at a time to each host, with a pause between two visits, and a few in all.
//!
//! All of it runs on the monotonic clock: a wall clock that is set does not make anybody's visits more frequent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// How many idle hosts are remembered before those that nothing is known of any more are forgotten.
const MANY_HOSTS: usize = 1024;

/// Shared by all clones of a fetcher.
#[derive(Debug)]
pub(super) struct Gate {
    all: Arc<Semaphore>,
    gap: Duration,
    lanes: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Lane>>>>,
}

/// What is remembered of a host. Whoever holds it is the one who may ask it something.
#[derive(Debug, Default)]
struct Lane {
    /// Not before this: the end of the last visit and the gap.
    free: Option<Instant>,
    /// The gap it asks for itself.
    delay: Duration,
    /// Not before this, as it said.
    resting: Option<Instant>,
}

impl Lane {
    /// The error is how long it wants to be left alone, where it does.
    fn awake(&self) -> Result<(), Duration> {
        let left = self.resting.map(|until| until.saturating_duration_since(Instant::now())).unwrap_or_default();
        if left.is_zero() { Ok(()) } else { Err(left) }
    }
}

/// A place among the few that run at once; given back when dropped.
#[derive(Debug)]
pub struct Place(#[allow(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

/// One page's way through the gate, from host to host where redirects lead.
pub(super) struct Visit<'a> {
    gate: &'a Gate,
    pass: Option<Pass>,
}

struct Pass {
    host: String,
    lane: OwnedMutexGuard<Lane>,
    gap: Duration,
    place: Option<OwnedSemaphorePermit>,
}

impl Gate {
    pub(super) fn new(at_once: usize, gap: Duration) -> Self {
        Gate { all: Arc::new(Semaphore::new(at_once.max(1))), gap, lanes: Mutex::default() }
    }

    pub(super) fn visit(&self) -> Visit<'_> {
        Visit { gate: self, pass: None }
    }

    fn lane(&self, host: &str) -> Arc<tokio::sync::Mutex<Lane>> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if lanes.len() >= MANY_HOSTS && !lanes.contains_key(host) {
            let now = Instant::now();
            // Nobody takes one meanwhile: they are handed out under this lock only.
            lanes.retain(|_, lane| {
                let idle = Arc::strong_count(lane) == 1;
                let over = |until: Option<Instant>| until.is_none_or(|until| until <= now);
                !idle || !lane.try_lock().is_ok_and(|lane| over(lane.free) && over(lane.resting))
            });
        }
        lanes.entry(host.to_owned()).or_default().clone()
    }
}

impl Visit<'_> {
    /// Waits until `host` may be asked something. The error is how long it wants to be left alone, where it does.
    ///
    /// The host comes first and the place among all only then, so that a queue before one slow host takes up one place and
    /// not all of them. Moving on to another host gives both back first: two visits that each wait for what the other holds
    /// would wait for ever.
    pub(super) async fn at(&mut self, host: &str) -> Result<(), Duration> {
        if let Some(pass) = self.pass.as_ref().filter(|pass| pass.host == host) {
            return pass.lane.awake();
        }
        self.pass = None;
        let lane = self.gate.lane(host).lock_owned().await;
        lane.awake()?;
        if let Some(free) = lane.free {
            tokio::time::sleep_until(free).await;
        }
        // The semaphore is never closed, so there is always a place in the end.
        let place = self.gate.all.clone().acquire_owned().await.ok();
        self.pass = Some(Pass { host: host.to_owned(), lane, gap: self.gate.gap, place });
        Ok(())
    }

    /// The host asks for so much time between two visits.
    pub(super) fn slow_down(&mut self, delay: Duration) {
        if let Some(pass) = &mut self.pass {
            pass.lane.delay = delay;
        }
    }

    /// The host asks to be left alone for so long.
    pub(super) fn rest(&mut self, pause: Duration) {
        if let Some(pass) = &mut self.pass {
            pass.lane.resting = Some(Instant::now() + pause);
        }
    }

    /// Ends the visit; the place is kept for what there is to do with the page.
    pub(super) fn end(mut self) -> Option<Place> {
        self.pass.as_mut()?.place.take().map(Place)
    }
}

impl Drop for Pass {
    /// Also where a fetch is broken off in the middle.
    fn drop(&mut self) {
        self.lane.free = Some(Instant::now() + self.gap.max(self.lane.delay));
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;
    use tokio::time::sleep;

    use super::*;

    const GAP: Duration = Duration::from_secs(2);

    /// Runs one second of work for each host, and returns (host, start, end) in whole seconds.
    async fn timeline(hosts: &[&'static str]) -> Vec<(&'static str, u64, u64)> {
        let (gate, start) = (Arc::new(Gate::new(4, GAP)), Instant::now());
        let mut running = JoinSet::new();
        for host in hosts.iter().copied() {
            let gate = gate.clone();
            running.spawn(async move {
                let mut visit = gate.visit();
                visit.at(host).await.unwrap();
                let began = start.elapsed().as_secs();
                sleep(Duration::from_secs(1)).await;
                (host, began, start.elapsed().as_secs())
            });
        }
        running.join_all().await
    }

    #[tokio::test(start_paused = true)]
    async fn one_at_a_time_to_a_host_with_a_gap_between() {
        let mut times = timeline(&["a", "a", "a", "b"]).await;
        times.sort_unstable();
        assert_eq!(times, [("a", 0, 1), ("a", 3, 4), ("a", 6, 7), ("b", 0, 1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn four_at_once_in_all() {
        let mut starts: Vec<u64> =
            timeline(&["a", "b", "c", "d", "e", "f"]).await.iter().map(|(_, start, _)| *start).collect();
        starts.sort_unstable();
        assert_eq!(starts, [0, 0, 0, 0, 1, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_asks_for_rest_or_a_longer_gap_gets_it() {
        let gate = Gate::new(4, GAP);
        let mut visit = gate.visit();
        visit.at("a").await.unwrap();
        visit.slow_down(Duration::from_secs(9));
        visit.rest(Duration::from_secs(60));
        assert_eq!(visit.at("a").await, Err(Duration::from_secs(60)), "not by the same visit either");
        drop(visit);
        let begun = Instant::now();
        assert_eq!(gate.visit().at("a").await, Err(Duration::from_secs(60)));
        assert_eq!(gate.visit().at("b").await, Ok(()));
        sleep(Duration::from_secs(60)).await;
        assert_eq!(gate.visit().at("a").await, Ok(()));
        assert_eq!(begun.elapsed().as_secs(), 60);
        assert_eq!(gate.visit().at("a").await, Ok(()));
        assert_eq!(begun.elapsed().as_secs(), 69);
    }

    /// Each of these goes on to where the other comes from; both get there.
    #[tokio::test(start_paused = true)]
    async fn visits_that_cross_do_not_wait_for_each_other_for_ever() {
        let gate = Arc::new(Gate::new(1, GAP));
        let mut running = JoinSet::new();
        for (one, other) in [("a", "b"), ("b", "a"), ("a", "b"), ("b", "c"), ("c", "a")] {
            let gate = gate.clone();
            running.spawn(async move {
                let mut visit = gate.visit();
                for host in [one, other, one] {
                    visit.at(host).await.unwrap();
                    sleep(Duration::from_secs(1)).await;
                }
            });
        }
        tokio::time::timeout(Duration::from_secs(120), running.join_all()).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_being_read_keeps_its_place_but_not_its_host() {
        let gate = Gate::new(1, Duration::ZERO);
        let mut visit = gate.visit();
        visit.at("a").await.unwrap();
        let place = visit.end();
        let mut next = gate.visit();
        assert!(tokio::time::timeout(Duration::from_secs(60), next.at("a")).await.is_err());
        drop(place);
        assert_eq!(next.at("a").await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn hosts_without_a_story_are_forgotten() {
        let gate = Gate::new(4, GAP);
        let mut resting = gate.visit();
        resting.at("resting").await.unwrap();
        resting.rest(Duration::from_secs(3600));
        drop(resting);
        for n in 0..3 * MANY_HOSTS {
            gate.visit().at(&n.to_string()).await.unwrap();
            sleep(GAP).await;
        }
        assert!(gate.lanes.lock().unwrap().len() <= MANY_HOSTS);
        assert!(gate.visit().at("resting").await.is_ok(), "its hour is over by now");
        let long = 24 * 3600;
        let mut resting = gate.visit();
        resting.at("long").await.unwrap();
        resting.rest(Duration::from_secs(long));
        drop(resting);
        for n in 0..3 * MANY_HOSTS {
            gate.visit().at(&n.to_string()).await.unwrap();
            sleep(GAP).await;
        }
        assert!(gate.visit().at("long").await.is_err());
    }
}
