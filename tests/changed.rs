//! Waiting for a change: who waits is woken by whichever process makes it, and by nothing else.

use std::time::{Duration, Instant};

use tempfile::TempDir;
use tidings::reconcile::Reading;
use tidings::store::{SourceState, Store};
use tokio::time::timeout;

use crate::sample::{blog, entry, minute};

/// A second for a commit of another process, and another for a machine with better things to do.
const WITHIN: Duration = Duration::from_secs(2);

async fn two_handles() -> (TempDir, Store, Store) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tidings.db");
    let (one, two) = (Store::open(&path).await.unwrap(), Store::open(&path).await.unwrap());
    (folder, one, two)
}

async fn save(store: &Store, minutes: i64) {
    let entries = (1..=minutes).rev().map(|at| entry(&format!("e{at}"), at)).collect();
    store.save(&Reading::new(&blog("lake", "1", entries), minute(minutes)), None, None).await.unwrap();
}

#[tokio::test]
async fn a_commit_of_our_own_wakes_at_once() {
    let (_folder, store, _) = two_handles().await;
    assert_eq!(store.noticed(), 0);
    let mut changed = store.changed();
    save(&store, 3).await;
    assert_eq!((store.noticed(), *changed.borrow_and_update()), (3, 3));
    // The same again changes nothing, nor does how an address fares.
    save(&store, 3).await;
    store.put_source(&SourceState::new("https://lake.example/live/1", 60, minute(4))).await.unwrap();
    assert!(!changed.has_changed().unwrap());
}

#[tokio::test]
async fn a_commit_of_another_process_wakes_within_a_second() {
    let (_folder, ours, others) = two_handles().await;
    let mut changed = ours.changed();
    for minutes in [1, 2, 3] {
        save(&others, minutes).await;
        let committed = Instant::now();
        timeout(WITHIN, changed.wait_for(|newest| *newest == others.noticed())).await.expect("woken").unwrap();
        assert!(committed.elapsed() < WITHIN);
    }
    assert!(timeout(Duration::from_millis(700), changed.changed()).await.is_err(), "woken by nothing");
}

/// What looks at the log ends with the last who waits, and begins again with the next; closing the store waits for neither.
#[tokio::test]
async fn one_may_stop_waiting_and_wait_again() {
    let (_folder, ours, others) = two_handles().await;
    for minutes in 1..=3 {
        drop(ours.changed());
        tokio::time::sleep(Duration::from_millis(if minutes == 2 { 600 } else { 0 })).await;
        let mut changed = ours.changed();
        save(&others, minutes).await;
        timeout(WITHIN, changed.wait_for(|newest| *newest == others.noticed())).await.expect("woken").unwrap();
    }
    let _waiting = ours.changed();
    timeout(WITHIN, ours.close()).await.expect("closed");
}

#[tokio::test]
async fn what_was_there_before_is_known_without_looking() {
    let (folder, store, _) = two_handles().await;
    save(&store, 2).await;
    store.close().await;
    let again = Store::open(&folder.path().join("tidings.db")).await.unwrap();
    assert_eq!((again.noticed(), *again.changed().borrow()), (2, 2));
}
