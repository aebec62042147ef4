//! Sinks: what is posted where, in which order, and what becomes of what is not taken.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;
use tidings::config::{SigningKey, Sink};
use tidings::fetch::{FetchSettings, Fetcher};
use tidings::metrics::Metrics;
use tidings::model::Entry;
use tidings::push::{Outgoing, Sinks};
use tidings::reconcile::Reading;
use tidings::store::{ChangeKind, Selection, SinkState, Store};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::receiver::{Answer, Received, Receiver};
use crate::sample::{blog, entry, minute};

struct Posting {
    _folder: TempDir,
    store: Store,
    metrics: Metrics,
    settings: watch::Sender<Outgoing>,
    stop: watch::Sender<bool>,
    running: JoinHandle<()>,
}

fn outgoing(sinks: Vec<Sink>) -> Outgoing {
    Outgoing { sinks, fetcher: Fetcher::new(&FetchSettings::default()).unwrap() }
}

fn sink(receiver: &Receiver, path: &str) -> Sink {
    Sink { url: receiver.url(path), selection: Selection::default(), secret: None, allow_private: true }
}

fn run(
    store: &Store,
    metrics: &Metrics,
    sinks: Vec<Sink>,
) -> (watch::Sender<Outgoing>, watch::Sender<bool>, JoinHandle<()>) {
    let clock = Arc::new(|| -> DateTime<Utc> { minute(100) });
    let sinks_of =
        Sinks { store: store.clone(), base: Some("https://feeds.example".into()), clock, metrics: metrics.clone() };
    let ((settings, given), stop) = (watch::channel(outgoing(sinks)), watch::Sender::new(false));
    let running = tokio::spawn(sinks_of.run(given, stop.subscribe()));
    (settings, stop, running)
}

impl Posting {
    /// With two changes that were made before there was a sink.
    async fn to(sinks: Vec<Sink>) -> Posting {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("tidings.db")).await.unwrap();
        save(&store, 2).await;
        let metrics = Metrics::default();
        let urls: Vec<String> = sinks.iter().map(|sink| sink.url.to_string()).collect();
        let (settings, stop, running) = run(&store, &metrics, sinks);
        let posting = Posting { _folder: folder, store, metrics, settings, stop, running };
        let begun = Instant::now();
        while posting.store.sinks().await.unwrap().len() < urls.len() {
            assert!(begun.elapsed() < Duration::from_secs(10));
            sleep(Duration::from_millis(5)).await;
        }
        posting
    }

    async fn state(&self, sink: &Sink) -> SinkState {
        self.store.sink(sink.url.as_str()).await.unwrap()
    }

    async fn until(&self, sink: &Sink, wanted: impl Fn(&SinkState) -> bool) -> SinkState {
        let begun = Instant::now();
        loop {
            let state = self.state(sink).await;
            if wanted(&state) {
                return state;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "it stays at {state:?}");
            sleep(Duration::from_millis(10)).await;
        }
    }
}

/// A live blog with this many entries.
async fn save(store: &Store, entries: i64) {
    let entries: Vec<Entry> = (1..=entries).rev().map(|nth| entry(&nth.to_string(), nth)).collect();
    let read = blog("lake", "1", entries);
    store.save(&Reading::new(&read, minute(0) + TimeDelta::seconds(read.entries.len() as i64)), None, None).await.unwrap();
}

/// The numbers of all changes in messages.
fn seqs(messages: &[Received]) -> Vec<i64> {
    let each = |message: &Received| message.json()["changes"].as_array().unwrap().clone();
    messages.iter().flat_map(each).map(|change| change["seq"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn changes_are_posted_in_order_signed_and_from_where_one_left_off() {
    let receiver = Receiver::start().await;
    let sink = Sink { secret: Some(SigningKey("a-secret-of-our-own".into())), ..sink(&receiver, "/hook?a=1") };
    let posting = Posting::to(vec![sink.clone()]).await;
    save(&posting.store, 5).await;
    let received = receiver.until(|received| seqs(received).len() >= 3).await;
    assert_eq!(seqs(&received), [3, 4, 5], "what there was before it is not news to it");
    let first = &received[0];
    assert_eq!(
        (&*first.method, &*first.path, first.header("content-type")),
        ("POST", "/hook?a=1", Some("application/json"))
    );
    assert!(first.header("user-agent").unwrap().starts_with("tidings/"));
    let signature = first.header("tidings-signature").unwrap();
    assert!(first.is_signed(signature, "a-secret-of-our-own") && !first.is_signed(signature, "another"), "{signature}");
    let change = &first.json()["changes"][0];
    let id = tidings::identity::entry_id("lake", "1", "3");
    assert_eq!(
        (&change["kind"], &change["entry"]["url"]),
        (&"new".into(), &format!("https://feeds.example/entries/{id}").into())
    );
    let state = posting.until(&sink, |state| state.seq == 5).await;
    assert_eq!((state.last_ok, state.failures, state.last_error), (Some(minute(100)), 0, None));
    assert!(posting.metrics.write(None).contains("tidings_deliveries_total{to=\"sink\",outcome=\"taken\"}"));

    // Stopped, it misses nothing of what is made meanwhile.
    posting.stop.send_replace(true);
    posting.running.await.unwrap();
    save(&posting.store, 250).await;
    let (_settings, _stop, _running) = run(&posting.store, &posting.metrics, vec![sink.clone()]);
    let received = receiver.until(|received| seqs(received).len() >= 248).await;
    assert_eq!(seqs(&received), (3..=250).collect::<Vec<_>>());
    let most = received.iter().map(|message| message.json()["changes"].as_array().unwrap().len()).max();
    assert_eq!(most, Some(100), "some at a time");
}

#[tokio::test]
async fn what_is_not_taken_is_posted_again_and_nothing_overtakes_it() {
    let receiver = Receiver::start().await;
    let sink = sink(&receiver, "/hook");
    let posting = Posting::to(vec![sink.clone()]).await;
    receiver.answers([Answer::Status(500), Answer::Redirect("/elsewhere".into())]);
    save(&posting.store, 3).await;
    let failed = posting.until(&sink, |state| state.failures == 1).await;
    assert_eq!((failed.seq, failed.last_error.as_deref()), (2, Some("it answers with status 500")));
    save(&posting.store, 4).await;
    let received = receiver.until(|received| seqs(received).len() >= 4).await;
    assert_eq!(seqs(&received[..1]), [3]);
    assert!(received.iter().all(|message| message.path == "/hook"), "no redirect is followed");
    posting.until(&sink, |state| state.seq == 4 && state.failures == 0 && state.last_error.is_none()).await;
    let taken = seqs(&receiver.received()[2..]);
    assert_eq!(taken, [3, 4]);
    let (first, second) = (received[0].at, received[1].at);
    assert!(second - first >= Duration::from_millis(500), "there is a pause: {:?}", second - first);
    assert!(posting.metrics.write(None).contains("tidings_deliveries_total{to=\"sink\",outcome=\"failed\"} 2"));
}

#[tokio::test]
async fn one_that_hangs_holds_up_nobody() {
    let receiver = Receiver::start().await;
    let (stuck, well) = (Receiver::start().await, sink(&receiver, "/well"));
    let hanging = sink(&stuck, "/stuck");
    let posting = Posting::to(vec![hanging.clone(), well.clone()]).await;
    stuck.answers([Answer::Hang]);
    let begun = Instant::now();
    save(&posting.store, 3).await;
    stuck.until(|received| !received.is_empty()).await;
    save(&posting.store, 4).await;
    receiver.until(|received| seqs(received) == [3, 4]).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    // Other settings, and a stop, wait for it neither.
    posting.settings.send_replace(outgoing(vec![well.clone()]));
    save(&posting.store, 5).await;
    posting.until(&well, |state| state.seq == 5).await;
    posting.stop.send_replace(true);
    posting.running.await.unwrap();
    assert_eq!(posting.store.sink(hanging.url.as_str()).await.unwrap().seq, 2);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn only_what_is_asked_for_is_posted_and_only_where_it_may_be() {
    let receiver = Receiver::start().await;
    let selection = Selection { kinds: vec![ChangeKind::Edited], ..Selection::default() };
    let (edits, private) = (Sink { selection, ..sink(&receiver, "/edits") }, sink(&receiver, "/private?token=of-mine"));
    let private = Sink { allow_private: false, ..private };
    let posting = Posting::to(vec![edits.clone(), private.clone()]).await;
    save(&posting.store, 3).await;
    let mut edited = blog("lake", "1", (1..=3).rev().map(|nth| entry(&nth.to_string(), nth)).collect());
    edited.entries[0].body_text = "Nobody waits any more.".into();
    edited.entries[0].body_html = "<p>Nobody waits any more.</p>".into();
    posting.store.save(&Reading::new(&edited, minute(5)), None, None).await.unwrap();
    let received = receiver.until(|received| !received.is_empty()).await;
    assert_eq!(seqs(&received), [4]);
    let refused = posting.until(&private, |state| state.failures > 0).await;
    let told = refused.last_error.unwrap();
    assert!(told.contains("127.0.0.1 is not on the public internet"), "{told}");
    assert!(!told.contains("of-mine"), "the address may be a secret: {told}");
    assert!(receiver.received().iter().all(|message| message.path == "/edits"));
}
