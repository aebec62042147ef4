//! The life of an entry, as the store keeps it: edits, withdrawals, other forms of the same live blog, and the log of it.

use chrono::{DateTime, Utc};
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;
use tidings::identity::{blog_id, entry_id};
use tidings::model::{CoverageState, Entry, LiveBlog, Mark, Problem, ProblemCode};
use tidings::reconcile::{Part, Reading};
use tidings::store::{ChangeKind, NewCapture, Scope, Store};

use crate::sample::{blog, entry, minute, stamp};

/// A store that pages of `lake` are saved into, each with bytes of its own.
struct Lake {
    folder: TempDir,
    store: Store,
}

impl Lake {
    async fn new() -> Lake {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("tidings.db")).await.unwrap();
        Lake { folder, store }
    }

    async fn save(&self, seen: i64, read: &LiveBlog) {
        self.read(Reading::new(read, minute(seen))).await;
    }

    async fn read(&self, reading: Reading<'_>) {
        let body = format!("{} {:?}", reading.seen, reading.blog);
        let capture = NewCapture {
            url: reading.blog.head.url.as_deref(),
            outlet: None,
            title: None,
            content_type: Some("text/html"),
            headers: &[],
            body: body.as_bytes(),
            known_as: None,
            read_by: "test",
        };
        self.store.save(&reading, Some(&capture), None).await.unwrap();
    }

    /// The log after `after`: minute, kind, and the key of the entry.
    async fn log(&self, after: i64) -> Vec<(DateTime<Utc>, ChangeKind, String)> {
        let changes = self.store.changes(after, 1000).await.unwrap();
        let seqs: Vec<i64> = changes.iter().map(|change| change.seq).collect();
        assert_eq!(seqs, (after + 1..=after + changes.len() as i64).collect::<Vec<_>>(), "no gap");
        let mut told = Vec::new();
        for change in changes {
            let entries = self.store.entries_of(change.blog).await.unwrap();
            let key = entries.into_iter().find(|stored| Some(stored.entry.id) == change.entry);
            told.push((change.seen, change.kind, key.map(|stored| stored.entry.key).unwrap_or_default()));
        }
        told
    }

    async fn withdrawn(&self) -> Vec<String> {
        let entries = self.store.entries_of(blog_id("lake", "1")).await.unwrap();
        entries.into_iter().filter(|stored| stored.life.withdrawn.is_some()).map(|stored| stored.entry.key).collect()
    }
}

fn page(entries: &[(&str, i64)]) -> LiveBlog {
    blog("lake", "1", entries.iter().map(|(key, at)| entry(key, *at)).collect())
}

fn said(key: &str, at: i64, words: &str) -> Entry {
    Entry { headline: None, body_html: format!("<p>{words}</p>"), body_text: words.into(), ..entry(key, at) }
}

#[tokio::test]
async fn what_a_whole_page_lacks_twice_is_withdrawn_and_may_come_back() {
    let lake = Lake::new().await;
    lake.save(10, &page(&[("c", 3), ("b", 2), ("a", 1)])).await;
    let without = page(&[("c", 3), ("a", 1)]);
    lake.save(11, &without).await;
    assert_eq!(lake.withdrawn().await, [""; 0]);
    lake.save(11, &without).await;
    assert_eq!(lake.withdrawn().await, [""; 0], "the same capture is no second one");
    lake.save(12, &without).await;
    assert_eq!(lake.withdrawn().await, ["b"]);
    lake.save(13, &without).await;
    lake.save(14, &page(&[("c", 3), ("b", 2), ("a", 1)])).await;
    assert_eq!(lake.withdrawn().await, [""; 0]);
    let b = |seen, kind| (minute(seen), kind, "b".to_owned());
    assert_eq!(lake.log(3).await, [b(12, ChangeKind::Withdrawn), b(14, ChangeKind::Restored)]);
    // The captures that changed something, the first miss included.
    let captures = lake.store.captures(0, 99).await.unwrap();
    assert_eq!(captures.iter().map(|kept| kept.captured).collect::<Vec<_>>(), [10, 11, 12, 14].map(minute));
    let body = lake.store.capture_body(captures[1].id).await.unwrap().unwrap();
    assert_eq!((body.len() as i64, captures[1].whole), (captures[1].size, true));
}

#[tokio::test]
async fn the_same_bytes_again_are_a_second_refresh() {
    let lake = Lake::new().await;
    let blog = blog_id("lake", "1");
    lake.save(10, &page(&[("c", 3), ("b", 2), ("a", 1)])).await;
    lake.store.save_again(blog, minute(11), None).await.unwrap();
    lake.save(12, &page(&[("c", 3), ("a", 1)])).await;
    lake.store.save_again(blog, minute(12), None).await.unwrap();
    assert_eq!(lake.withdrawn().await, [""; 0]);
    lake.store.save_again(blog, minute(13), None).await.unwrap();
    assert_eq!(lake.withdrawn().await, ["b"]);
    let captures = lake.store.captures(0, 99).await.unwrap();
    assert_eq!((captures.len(), captures[2].same_as, captures[2].captured), (3, Some(captures[1].id), minute(13)));
}

#[tokio::test]
async fn paging_and_broken_pages_withdraw_nothing() {
    let whole = [("e", 5), ("d", 4), ("c", 3), ("b", 2), ("a", 1)];
    let pinned = |mut read: LiveBlog| {
        read.entries.last_mut().unwrap().marks.push(Mark::Pinned);
        read
    };
    let damaged = |mut read: LiveBlog| {
        read.problems.push(Problem::new(ProblemCode::Damaged, "the page stops in the middle"));
        read
    };
    let shown = page(&[("e", 5), ("c", 3), ("a", 1)]);
    for (why, read) in [
        ("entries at either end scroll off", page(&[("d", 4), ("c", 3), ("b", 2)])),
        ("a pinned entry does not reach back", pinned(page(&[("e", 5), ("d", 4), ("a", 1)]))),
        ("the page is cut short", damaged(shown.clone())),
        ("there are older pages", LiveBlog { older: Some("https://lake.example/2".into()), ..shown.clone() }),
        ("the page is a window", LiveBlog { window: true, ..shown.clone() }),
        ("an older page was read", shown.clone()),
        ("the page is empty", page(&[])),
    ] {
        let lake = Lake::new().await;
        lake.save(10, &page(&whole)).await;
        for seen in 11..15 {
            let history = why == "an older page was read";
            lake.read(Reading { history, ..Reading::new(&read, minute(seen)) }).await;
            lake.store.save_again(blog_id("lake", "1"), minute(seen), None).await.unwrap();
        }
        assert_eq!(lake.withdrawn().await, [""; 0], "{why}");
    }
    // Where most is lacking, the reading is the likelier fault.
    let lake = Lake::new().await;
    let many: Vec<(String, i64)> = (0..12).map(|n| (n.to_string(), n)).collect();
    let all: Vec<(&str, i64)> = many.iter().map(|(key, at)| (key.as_str(), *at)).collect();
    lake.save(20, &page(&all)).await;
    for seen in 21..25 {
        lake.save(seen, &page(&[all[0], all[5], all[11]])).await;
    }
    assert_eq!(lake.withdrawn().await, [""; 0]);
}

#[tokio::test]
async fn what_the_outlet_marks_as_taken_back_is() {
    let lake = Lake::new().await;
    lake.save(10, &page(&[("b", 2), ("a", 1)])).await;
    lake.save(11, &LiveBlog { withdrawn: vec!["b".into()], window: true, ..page(&[("a", 1)]) }).await;
    assert_eq!(lake.withdrawn().await, ["b"]);
}

#[tokio::test]
async fn an_edit_keeps_what_was_and_a_mark_is_none() {
    let lake = Lake::new().await;
    lake.save(10, &page(&[("a", 1)])).await;
    let mut read = page(&[("a", 1)]);
    read.entries[0].headline = Some("Ferry a sails".into());
    lake.save(20, &read).await;
    read.entries[0].marks = vec![Mark::Pinned];
    lake.save(30, &read).await;
    read.head.coverage.state = CoverageState::Ended;
    lake.save(40, &read).await;
    let a = |seen, kind| (minute(seen), kind, "a".to_owned());
    let head = |kind| (minute(40), kind, String::new());
    let told = [a(10, ChangeKind::New), a(20, ChangeKind::Edited), a(30, ChangeKind::Touched)];
    assert_eq!(lake.log(0).await, [&told[..], &[head(ChangeKind::BlogChanged), head(ChangeKind::BlogEnded)]].concat());
    let changes = lake.store.changes(1, 2).await.unwrap();
    assert_eq!((&*changes[0].parts, changes[0].revision), (&[Part::Headline][..], Some(2)));
    assert!(changes[0].significance >= 0.5);
    assert_eq!((&*changes[1].parts, changes[1].revision), (&[Part::Marks][..], Some(2)));
    let shown = lake.store.window(&Scope::Everything, 9).await.unwrap().entries.remove(0);
    assert_eq!((shown.life.revision, shown.life.first_seen, shown.life.changed), (2, minute(10), minute(30)));
    assert_eq!((shown.entry.published.at, shown.entry.last_changed()), (minute(1), minute(20)));
}

/// Text captures give no ids: what they hold is the entry that the HTML page has, whichever was read first.
#[tokio::test]
async fn html_and_text_of_one_live_blog_are_one_entry() {
    let words = "The ferry waits at the pier until the wind has dropped below six";
    let rich = Entry { byline: vec!["Ann Rower".into()], ..said("post-77", 5, words) };
    let html = blog("lake", "1", vec![rich, said("post-76", 5, "All other boats sail as they are planned today")]);
    let plain = blog(
        "lake",
        "1",
        vec![
            Entry { permalink: None, byline: Vec::new(), ..said("2022-01-07T12:05Z.1", 5, words) },
            Entry { permalink: None, ..said("2022-01-07T12:05Z.0", 5, "All other boats sail as planned today") },
        ],
    );
    for text_first in [true, false] {
        let lake = Lake::new().await;
        for seen in 0..6 {
            let text = (seen % 2 == 0) == text_first;
            let read = if text { &plain } else { &html };
            lake.read(Reading { plain: text, ..Reading::new(read, minute(10 + seen)) }).await;
        }
        let entries = lake.store.entries_of(html.head.id).await.unwrap();
        let first = if text_first { &plain } else { &html };
        let mut ids: Vec<_> = entries.iter().map(|stored| stored.entry.id).collect();
        let mut issued: Vec<_> = first.entries.iter().map(|entry| entry.id).collect();
        ids.sort();
        issued.sort();
        assert_eq!(ids, issued, "text first: {text_first}");
        assert!(entries.iter().all(|stored| stored.entry.permalink.is_some()), "the richer form stays");
        let log = lake.log(2).await;
        assert!(log.iter().all(|(_, kind, _)| *kind == ChangeKind::Touched) && log.len() <= 2, "{log:?}");
    }
}

#[tokio::test]
async fn within_a_minute_words_decide_and_not_the_count() {
    let lake = Lake::new().await;
    let first = said("2022-01-07T12:05Z.0", 5, "The first boat left the harbour");
    let second = said("2022-01-07T12:05Z.1", 5, "The second boat stays at its pier");
    let rim = |entries: Vec<Entry>| {
        let around = |at: i64| said(&format!("2022-01-07T12:{at:02}Z.0"), at, "Something else altogether happened then");
        blog("lake", "1", [vec![around(9)], entries, vec![around(1)]].concat())
    };
    lake.save(10, &rim(vec![second.clone(), first.clone()])).await;
    // The first is gone, and the second is the only one of its minute now.
    let moved_up = Entry { key: first.key.clone(), ..second.clone() };
    lake.save(11, &rim(vec![moved_up.clone()])).await;
    lake.save(12, &rim(vec![moved_up])).await;
    assert_eq!(lake.withdrawn().await, ["2022-01-07T12:05Z.0"]);
    let entries = lake.store.entries_of(blog_id("lake", "1")).await.unwrap();
    let stored = entries.iter().find(|stored| stored.entry.key == "2022-01-07T12:05Z.1").unwrap();
    assert_eq!((stored.life.revision, &stored.entry.body_text), (1, &second.body_text));
    // A third of that minute takes a count that is free.
    let third = said("2022-01-07T12:05Z.1", 5, "A third boat came in under tow");
    let second = Entry { key: first.key.clone(), ..second };
    lake.save(13, &rim(vec![third.clone(), second])).await;
    let entries = lake.store.entries_of(blog_id("lake", "1")).await.unwrap();
    let stored = entries.iter().find(|stored| stored.entry.body_text == third.body_text).unwrap();
    assert_eq!(
        (stored.entry.key.as_str(), stored.entry.id),
        ("2022-01-07T12:05Z.2", entry_id("lake", "1", "2022-01-07T12:05Z.2"))
    );
}

#[tokio::test]
async fn a_page_that_moved_is_the_live_blog_it_was() {
    let lake = Lake::new().await;
    let entries = || vec![entry("77", 3), entry("76", 2), entry("75", 1)];
    lake.save(10, &blog("lake", "storm", entries())).await;
    let mut moved = blog("lake", "storm-as-it-happened", [vec![entry("78", 4)], entries()].concat());
    moved.head.headline = "Storm over the lake, part storm".into();
    lake.save(11, &moved).await;
    lake.save(12, &moved).await;
    let blogs = lake.store.blogs().await.unwrap();
    assert_eq!((blogs.len(), blogs[0].head.id, blogs[0].entries), (1, blog_id("lake", "storm"), 4));
    assert_eq!(blogs[0].head.url, moved.head.url, "where it is now");
    let stored = lake.store.entries_of(blogs[0].head.id).await.unwrap();
    assert_eq!(stored[0].entry.id, entry_id("lake", "storm", "78"));
    // Another live blog of the outlet, with ids and words of its own, is another.
    lake.save(13, &blog("lake", "calm", vec![said("77", 3, "Not a breath of wind anywhere"), entry("90", 9)])).await;
    assert_eq!(lake.store.blogs().await.unwrap().len(), 2);
}

#[tokio::test]
async fn history_is_stored_and_never_in_a_window() {
    let lake = Lake::new().await;
    lake.save(10, &page(&[("c", 3)])).await;
    lake.read(Reading { history: true, ..Reading::new(&page(&[("b", 2), ("a", 1)]), minute(11)) }).await;
    let window = lake.store.window(&Scope::Everything, 99).await.unwrap();
    assert_eq!(window.entries.len(), 1);
    assert_eq!(lake.store.entries_of(blog_id("lake", "1")).await.unwrap().len(), 3);
    assert!(lake.store.changes(1, 9).await.unwrap().iter().all(|change| change.history));
    // It surfaces with an edit, as any entry does.
    let mut edited = page(&[("c", 3), ("b", 2), ("a", 1)]);
    edited.entries[2].body_text = "The ferry a has sunk.".into();
    lake.save(12, &edited).await;
    let window = lake.store.window(&Scope::Everything, 99).await.unwrap();
    assert_eq!(window.entries.iter().map(|shown| shown.entry.key.as_str()).collect::<Vec<_>>(), ["c", "a"]);
}

/// The schemas there have been, the first one first.
fn schemas() -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/schema");
    let file = |number: usize| std::fs::read_to_string(folder.join(format!("{number}.sql"))).ok();
    (1..).map_while(file).collect()
}

/// A store that any released schema holds opens, and nobody is told of edits that never were.
#[tokio::test]
async fn a_store_of_any_earlier_schema_is_brought_forward() {
    let schemas = schemas();
    assert!(schemas.len() >= 3);
    for held in 1..=schemas.len() {
        brought_forward(&schemas[..held]).await;
    }
}

/// Writes a store as the first of these schemas has it, makes it one of the last of them, and opens it.
async fn brought_forward(schemas: &[String]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tidings.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut db = SqliteConnection::connect_with(&options).await.unwrap();
    let schema = format!("{}PRAGMA application_id = 1953064037; PRAGMA user_version = 1;", schemas[0]);
    sqlx::raw_sql(sqlx::AssertSqlSafe(schema)).execute(&mut db).await.unwrap();
    let read = page(&[("b", 2), ("a", 1)]);
    let head = &read.head;
    sqlx::query("INSERT INTO blog VALUES (?, 'lake', 'LAKE', '1', ?, ?, NULL, 'en', '{\"state\":\"live\",\"started\":null,\"ended\":null}', '[]', ?5, ?5)")
        .bind(&head.id.as_bytes()[..])
        .bind(&head.url)
        .bind(&head.headline)
        .bind(0)
        .bind(minute(10).timestamp_millis())
        .execute(&mut db)
        .await
        .unwrap();
    for entry in &read.entries {
        sqlx::query(
            "INSERT INTO entry VALUES (?1, ?2, 'lake', '1', ?3, 0, ?4, ?5, '[\"Ann Rower\"]', ?6, ?7, NULL, ?8, ?9, '[]', '[]',
                '[]', x'00', x'00', ?10, ?10)",
        )
        .bind(&entry.id.as_bytes()[..])
        .bind(&head.id.as_bytes()[..])
        .bind(&entry.key)
        .bind(&entry.permalink)
        .bind(&entry.headline)
        .bind(entry.published.at.timestamp_millis())
        .bind(serde_json::to_string(&stamp(if entry.key == "a" { 1 } else { 2 })).unwrap())
        .bind(&entry.body_html)
        .bind(&entry.body_text)
        .bind(minute(10).timestamp_millis())
        .execute(&mut db)
        .await
        .unwrap();
    }
    for (number, schema) in schemas.iter().enumerate().skip(1) {
        let schema = format!("{schema}; PRAGMA user_version = {};", number + 1);
        sqlx::raw_sql(sqlx::AssertSqlSafe(schema)).execute(&mut db).await.unwrap();
    }
    db.close().await.unwrap();

    let store = Store::open(&path).await.unwrap();
    let lake = Lake { folder, store };
    let window = lake.store.window(&Scope::Everything, 9).await.unwrap();
    assert_eq!(window.entries.iter().map(|shown| (*shown.entry).clone()).collect::<Vec<_>>(), read.entries);
    assert_eq!(lake.log(0).await.len(), 2);
    lake.save(20, &read).await;
    assert_eq!(lake.store.generation().await.unwrap(), 2, "nothing was edited");
    drop(lake.folder);
}
