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

/// Who keeps a picture of the store need not read it anew after commits of its own process.
#[tokio::test]
async fn commits_are_handed_over_in_order_as_long_as_nobody_else_writes() {
    let (_folder, ours, others) = two_handles().await;
    let reading = |key: &str, minutes: i64| blog("lake", key, vec![entry(&format!("b{minutes}"), minutes), entry("a", 1)]);
    let save = async |key: &str, minutes: i64| {
        let read = reading(key, minutes);
        let source = SourceState {
            last_ok: Some(minute(minutes)),
            ..SourceState::new(read.head.url.clone().unwrap(), 60, minute(minutes + 1))
        };
        ours.save(&Reading::new(&read, minute(minutes)), None, Some(&source)).await.unwrap();
    };
    assert!(ours.commits_after(0).is_none());
    for (key, minutes) in [("1", 3), ("2", 4), ("1", 5), ("1", 5)] {
        save(key, minutes).await;
    }
    let commits = ours.commits_after(0).unwrap();
    assert_eq!(commits.len(), 3, "the same again changes nothing");
    assert_eq!((commits[0].after, commits[2].newest), (0, ours.generation().await.unwrap()));
    assert!(commits.windows(2).all(|pair| pair[0].newest == pair[1].after));
    // As the store itself tells it.
    let (blogs, sources) = (ours.blogs().await.unwrap(), ours.sources().await.unwrap());
    for commit in &commits[1..] {
        assert!(blogs.contains(&commit.blog), "{:?}", commit.blog);
        assert!(sources.contains(commit.source.as_ref().unwrap()), "{:?}", commit.source);
    }
    assert_eq!(ours.commits_after(commits[1].newest).unwrap().len(), 1);
    assert!(ours.commits_after(commits[1].newest - 1).is_none(), "in the middle of one");

    self::save(&others, 6).await;
    save("3", 7).await;
    assert!(ours.commits_after(0).is_none(), "another process has written between them");
    assert_eq!(ours.commits_after(ours.noticed() - 2).unwrap().len(), 1);
    // A picture that is too old is made anew.
    for minutes in 8..160 {
        save("4", minutes).await;
    }
    assert!(ours.commits_after(commits[2].newest).is_none());
    assert!(ours.commits_after(ours.noticed()).is_none(), "there is nothing after the newest");
}
