//! What may be taken for another entry, and must not be: ids that outlets move or issue anew, entries alike, entries repeated,
//! entries kept on top.

use chrono::{DateTime, Utc};
use tempfile::TempDir;
use tidings::identity::blog_id;
use tidings::model::{Entry, LiveBlog, Precision};
use tidings::reconcile::Reading;
use tidings::store::{ChangeKind, Store};

use crate::sample::{blog, entry, minute};

struct Lake {
    _folder: TempDir,
    store: Store,
}

impl Lake {
    async fn new() -> Lake {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("tidings.db")).await.unwrap();
        Lake { _folder: folder, store }
    }

    async fn read(&self, seen: i64, entries: &[Entry]) -> LiveBlog {
        let read = blog("lake", "1", entries.to_vec());
        self.store.save(&Reading::new(&read, minute(seen)), None, None).await.unwrap();
        read
    }

    /// Text and key of each entry, the newest first; a withdrawn one with a minus.
    async fn told(&self) -> Vec<(String, String)> {
        let entries = self.store.entries_of(blog_id("lake", "1")).await.unwrap();
        let sign = |gone: Option<DateTime<Utc>>| if gone.is_some() { "-" } else { "" };
        let told = entries.into_iter();
        told.map(|stored| (format!("{}{}", sign(stored.life.withdrawn), stored.entry.body_text), stored.entry.key)).collect()
    }

    async fn texts(&self) -> Vec<String> {
        self.told().await.into_iter().map(|(text, _)| text).collect()
    }

    async fn kinds(&self) -> Vec<ChangeKind> {
        self.store.changes(0, 999).await.unwrap().into_iter().map(|change| change.kind).collect()
    }
}

fn says(key: &str, at: i64, text: &str) -> Entry {
    // An address would follow the key.
    let entry = Entry { permalink: None, headline: None, ..entry(key, at) };
    Entry { body_html: format!("<p>{text}</p>"), body_text: text.into(), ..entry }
}

const A: &str = "The first boat left the harbour at dawn";
const B: &str = "All roads along the shore are under water";
const C: &str = "Nobody has seen the pilot since the evening";
const D: &str = "Bread is free at the bakery by the pier";
const E: &str = "A crane fell over and blocks the quay";

/// Ids that count from the top of the page: each means another entry with each new one.
#[tokio::test]
async fn ids_that_are_positions_move_no_text_under_another_id() {
    let lake = Lake::new().await;
    let mut all = vec![(1, A), (3, B), (5, C)];
    for (seen, new) in [(10, None), (11, Some((10, D))), (12, None), (13, Some((12, E)))] {
        all.extend(new);
        let page = all.iter().rev().zip(1..).map(|((at, text), position)| says(&format!("post-{position}"), *at, text));
        lake.read(seen, &page.collect::<Vec<_>>()).await;
    }
    assert_eq!(lake.texts().await, [E, D, C, B, A]);
    assert_eq!(lake.kinds().await, [ChangeKind::New; 5], "nothing was edited, and nothing is shown twice");
}

/// A summary that is written anew and put on top once more is the entry that its id says.
#[tokio::test]
async fn a_bumped_entry_keeps_its_id() {
    let lake = Lake::new().await;
    lake.read(10, &[says("b", 3, B), says("sum", 1, A)]).await;
    lake.read(20, &[says("sum", 15, C), says("b", 3, B)]).await;
    assert_eq!(lake.told().await, [(B.to_owned(), "b".to_owned()), (C.to_owned(), "sum".to_owned())]);
}

/// Ids that are made anew with each rendering of the page.
#[tokio::test]
async fn ids_issued_anew_make_no_entry_new() {
    let lake = Lake::new().await;
    for seen in 10..14 {
        let key = |name: &str| format!("{name}{seen}");
        let page = [says(&key("d"), 4, "Goal!"), says(&key("c"), 4, "Goal!"), says(&key("b"), 3, B), says(&key("a"), 1, A)];
        lake.read(seen, &page).await;
    }
    assert_eq!(lake.texts().await, ["Goal!", "Goal!", B, A]);
    assert_eq!(lake.kinds().await, [ChangeKind::New; 4]);
}

/// The shorter of two entries of one minute stands word for word in the longer one.
#[tokio::test]
async fn of_two_forms_the_closer_is_taken() {
    let long = format!("{A}, the harbour master told us on the phone this morning");
    for turned in [false, true] {
        let lake = Lake::new().await;
        lake.read(10, &[says("2022-01-07T12:05Z.1", 5, &long), says("2022-01-07T12:05Z.0", 5, A)]).await;
        let mut page = vec![says("p2", 5, &long), says("p1", 5, A)];
        if turned {
            page.reverse();
        }
        lake.read(11, &page).await;
        let told = lake.told().await;
        assert!(told.contains(&(A.to_owned(), "2022-01-07T12:05Z.0".into())), "{told:?}");
        assert!(told.contains(&(long.clone(), "2022-01-07T12:05Z.1".into())), "{told:?}");
        assert_eq!(lake.kinds().await.iter().filter(|kind| **kind == ChangeKind::Edited).count(), 0);
    }
}

/// All entries begin alike; in a minute of two, one is gone and the other one edited.
#[tokio::test]
async fn what_all_entries_say_makes_none_of_them_another() {
    let live = |text: &str| format!("LIVE: follow all that happens on the lake today with our team at the shore. {text}");
    let lake = Lake::new().await;
    let around = |low: &str, high: &str| {
        let key = |at: i64| format!("2022-01-07T12:{at:02}Z.0");
        (says(&key(1), 1, &live(low)), says(&key(2), 2, &live(A)), says(&key(8), 8, &live(B)), says(&key(9), 9, &live(high)))
    };
    let (one, two, eight, nine) = around("Calm.", "Storm.");
    let shut = says("2022-01-07T12:05Z.0", 5, &live("Pier shut"));
    let gone = |key: &str, text: &str| says(key, 5, &live(text));
    let bus = gone("2022-01-07T12:05Z.1", "Buses leave from gate one");
    lake.read(10, &[nine.clone(), eight.clone(), bus, shut, two.clone(), one.clone()]).await;
    let edited = gone("2022-01-07T12:05Z.0", "Buses leave from gate two");
    for seen in 11..13 {
        lake.read(seen, &[nine.clone(), eight.clone(), edited.clone(), two.clone(), one.clone()]).await;
    }
    let told = lake.told().await;
    assert!(told.contains(&(edited.body_text.clone(), "2022-01-07T12:05Z.1".into())), "{told:#?}");
    assert!(told.contains(&(format!("-{}", live("Pier shut")), "2022-01-07T12:05Z.0".into())), "{told:#?}");
}

/// The same greeting each morning, on a page that shows the newest entries and gives no ids.
#[tokio::test]
async fn what_is_said_again_is_another_entry() {
    let lake = Lake::new().await;
    let key = |at: i64| format!("2022-01-07T12:{at:02}Z.0");
    let greeting = "Good morning and welcome to all of our readers";
    lake.read(10, &[says(&key(4), 4, A), says(&key(1), 1, greeting)]).await;
    lake.read(40, &[says(&key(30), 30, greeting), says(&key(20), 20, B), says(&key(4), 4, A)]).await;
    assert_eq!(lake.texts().await, [greeting, B, A, greeting]);
}

/// A time that the outlet corrects: the entry is not where it was.
#[tokio::test]
async fn a_corrected_time_makes_no_other_entry() {
    let lake = Lake::new().await;
    let key = |at: i64| format!("2022-01-07T12:{at:02}Z.0");
    lake.read(40, &[says(&key(30), 30, C), says(&key(15), 15, B), says(&key(4), 4, A)]).await;
    lake.read(41, &[says(&key(30), 30, C), says(&key(25), 25, B), says(&key(4), 4, A)]).await;
    assert_eq!(lake.kinds().await, [ChangeKind::New; 3]);
    let entries = lake.store.entries_of(blog_id("lake", "1")).await.unwrap();
    assert_eq!(entries[1].entry.published.at, minute(15), "where a reader has filed it");
}

/// Without dates the count begins anew with each page, and says nothing.
#[tokio::test]
async fn what_has_no_time_is_known_by_its_words() {
    let lake = Lake::new().await;
    let untimed = |count: usize, text: &str, seen: i64| {
        let published = tidings::model::Stamp::first_seen(minute(seen));
        assert_eq!(published.precision, Precision::Unknown);
        Entry { published, ..says(&format!("untimed.{count}"), seen, text) }
    };
    lake.read(10, &[untimed(1, B, 10), untimed(0, A, 10)]).await;
    lake.read(11, &[untimed(1, C, 11), untimed(0, B, 11)]).await;
    lake.read(12, &[untimed(0, D, 12)]).await;
    let mut texts = lake.texts().await;
    texts.sort();
    assert_eq!(texts, [B, D, C, A]);
    assert_eq!(lake.kinds().await, [ChangeKind::New; 4]);
}

/// An old entry is kept on top, and nothing marks it; the page shows the newest three beside it and says nothing of that.
#[tokio::test]
async fn what_is_kept_on_top_withdraws_nothing() {
    let lake = Lake::new().await;
    let texts = [A, B, C, D, E];
    for newest in 3..=12 {
        let key = |at: i64| format!("e{at}");
        let mut page = vec![says(&key(0), 0, "What we know so far of the storm")];
        page.extend((newest - 2..=newest).rev().map(|at| says(&key(at), at, texts[at as usize % 5])));
        for again in 0..3 {
            lake.read(20 + newest * 3 + again, &page).await;
        }
    }
    assert!(lake.kinds().await.iter().all(|kind| *kind == ChangeKind::New));
    assert_eq!(lake.texts().await.len(), 13);
}
