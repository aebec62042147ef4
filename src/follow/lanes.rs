//! How much runs at once: a few refreshes in all, and one request at a time to each host.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

type Hosts = std::sync::Mutex<HashMap<String, Arc<Mutex<()>>>>;

/// Shared by all refreshes of one follower.
#[derive(Clone)]
pub(super) struct Lanes {
    all: Arc<Semaphore>,
    hosts: Arc<Hosts>,
}

/// Leave to run, given back when dropped.
pub(super) struct Pass {
    _host: OwnedMutexGuard<()>,
    _all: Option<OwnedSemaphorePermit>,
}

impl Lanes {
    pub(super) fn new(at_once: usize) -> Self {
        Lanes { all: Arc::new(Semaphore::new(at_once)), hosts: Arc::default() }
    }

    /// Waits for the host first and for a place among all only then, so that a queue before one slow host takes up one
    /// place and not all of them.
    pub(super) async fn enter(&self, host: &str) -> Pass {
        let lane = {
            let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
            hosts.entry(host.to_owned()).or_default().clone()
        };
        let _host = lane.lock_owned().await;
        // The semaphore is never closed, so there is always a permit in the end.
        let _all = self.all.clone().acquire_owned().await.ok();
        Pass { _host, _all }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::task::JoinSet;
    use tokio::time::{Instant, sleep};

    use super::*;

    /// Runs one second of work for each host, and returns (host, start, end) in whole seconds.
    async fn timeline(hosts: &[&'static str]) -> Vec<(&'static str, u64, u64)> {
        let (lanes, start) = (Lanes::new(4), Instant::now());
        let mut running = JoinSet::new();
        for host in hosts.iter().copied() {
            let lanes = lanes.clone();
            running.spawn(async move {
                let _pass = lanes.enter(host).await;
                let began = start.elapsed().as_secs();
                sleep(Duration::from_secs(1)).await;
                (host, began, start.elapsed().as_secs())
            });
        }
        running.join_all().await
    }

    #[tokio::test(start_paused = true)]
    async fn one_at_a_time_to_a_host() {
        let mut times = timeline(&["a", "a", "a", "b"]).await;
        times.sort_unstable();
        assert_eq!(times, [("a", 0, 1), ("a", 1, 2), ("a", 2, 3), ("b", 0, 1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn four_at_once_in_all() {
        let mut starts: Vec<u64> =
            timeline(&["a", "b", "c", "d", "e", "f"]).await.iter().map(|(_, start, _)| *start).collect();
        starts.sort_unstable();
        assert_eq!(starts, [0, 0, 0, 0, 1, 1]);
    }
}
