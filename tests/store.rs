//! The store: what is in it after a restart, what its generation tells, which order a window has, which files it refuses.

use std::path::Path;
use std::time::Instant;

use chrono::TimeDelta;
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;
use tidings::model::{Entry, Image, Mark, Problem, ProblemCode};
use tidings::reconcile::Reading;
use tidings::store::{Scope, SourceState, Store, StoreError, Window};

use crate::sample::{blog, entry, minute, stamp};

async fn fresh() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("tidings.db")).await.unwrap();
    (folder, store)
}

fn keys(window: &Window) -> Vec<&str> {
    window.entries.iter().map(|shown| shown.entry.key.as_str()).collect()
}

async fn sqlite(path: &Path) -> SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    SqliteConnection::connect_with(&options).await.unwrap()
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let (folder, store) = fresh().await;
    let rich = Entry {
        updated: Some(stamp(9)),
        images: vec![Image {
            url: "https://outlet.example/a.jpg".into(),
            caption: Some("A boat".into()),
            width: Some(640),
            height: None,
        }],
        marks: vec![Mark::Pinned, Mark::KeyEvent],
        problems: vec![Problem::new(ProblemCode::FoldUnsettled, "the hour was twice; took the first")],
        ..entry("rich", 3)
    };
    let bare = Entry { permalink: None, headline: None, byline: Vec::new(), ..entry("bare", 1) };
    let mut read = blog("lake", "1", vec![rich, bare]);
    read.problems = vec![Problem::new(ProblemCode::Damaged, "the page stops in the middle")];
    read.head.standfirst = Some("All boats, all day".into());
    read.head.coverage.started = Some(minute(0));
    store.save(&Reading::new(&read, minute(10)), None, None).await.unwrap();
    let before = store.window(&Scope::Everything, 100).await.unwrap();
    store.close().await;

    let again = Store::open(&folder.path().join("tidings.db")).await.unwrap();
    let window = again.window(&Scope::Everything, 100).await.unwrap();
    assert_eq!(window, before);
    assert_eq!(window.entries.iter().map(|shown| (*shown.entry).clone()).collect::<Vec<_>>(), read.entries);
    assert_eq!(*window.entries[0].head, read.head);
    assert_eq!((window.changed, window.generation), (Some(minute(10)), 2));
    let blogs = again.blogs().await.unwrap();
    assert_eq!((blogs[0].entries, blogs[0].newest, &blogs[0].problems), (2, Some(minute(3)), &read.problems));
}

#[tokio::test]
async fn a_second_handle_sees_commits_at_once_and_both_may_write() {
    let (folder, one) = fresh().await;
    let two = Store::open(&folder.path().join("tidings.db")).await.unwrap();
    one.save(&Reading::new(&blog("lake", "1", vec![entry("a", 1)]), minute(2)), None, None).await.unwrap();
    assert_eq!(two.generation().await.unwrap(), 1);
    assert_eq!(keys(&two.window(&Scope::Everything, 9).await.unwrap()), ["a"]);

    let writes = (0..20).map(|n| {
        let store = if n % 2 == 0 { one.clone() } else { two.clone() };
        tokio::spawn(async move {
            store.save(&Reading::new(&blog("lake", &n.to_string(), vec![entry("x", n)]), minute(60)), None, None).await
        })
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.unwrap().unwrap();
    }
    assert_eq!(one.generation().await.unwrap(), 21);
    assert_eq!(one.blogs().await.unwrap().len(), 20);
}

#[tokio::test]
async fn two_processes_may_open_a_fresh_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.db");
    let opens = (0..8).map(|_| {
        let path = path.clone();
        tokio::spawn(async move { Store::open(&path).await.map(drop) })
    });
    for open in opens.collect::<Vec<_>>() {
        open.await.unwrap().unwrap();
    }
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut sqlite(&path).await).await.unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn the_generation_grows_only_when_a_feed_changes() {
    let (_folder, store) = fresh().await;
    let first = blog("lake", "1", vec![entry("b", 2), entry("a", 1)]);
    store.save(&Reading::new(&first, minute(3)), None, None).await.unwrap();
    let before = store.window(&Scope::Everything, 9).await.unwrap();

    let mut same = first.clone();
    same.entries[0].updated = Some(stamp(7));
    same.entries[1].problems = vec![Problem::new(ProblemCode::ClockOrder, "stepped back a little")];
    same.problems = vec![Problem::new(ProblemCode::Charset, "one byte was replaced")];
    let changes = store
        .save(&Reading::new(&same, minute(8)), None, Some(&SourceState::new("https://lake.example/", 60, minute(8))))
        .await
        .unwrap();
    assert_eq!((changes.is_empty(), changes.unchanged), (true, 2));
    assert_eq!(store.window(&Scope::Everything, 9).await.unwrap(), before);
    assert_eq!(store.sources().await.unwrap().len(), 1);
    assert_eq!(store.blogs().await.unwrap()[0].problems, same.problems, "what was wrong with the page is kept up to date");

    let mut edited = first.clone();
    edited.entries[1].headline = Some("Ferry a has sailed".into());
    store.save(&Reading::new(&edited, minute(9)), None, None).await.unwrap();
    let after = store.window(&Scope::Everything, 9).await.unwrap();
    assert_eq!((after.generation, after.changed), (3, Some(minute(9))));
    assert_eq!(after.entries[1].entry.updated.as_ref().unwrap().at, minute(9));
    assert_eq!(after.entries[1].entry.published, first.entries[1].published);
    let stored = store.entries_of(first.head.id).await.unwrap();
    assert_eq!(stored.iter().map(|entry| entry.life.changed).collect::<Vec<_>>(), [minute(3), minute(9)]);
    assert!(stored.iter().all(|entry| entry.life.first_seen == minute(3)));
}

#[tokio::test]
async fn a_window_is_newest_first_and_ties_have_one_order() {
    let (_folder, store) = fresh().await;
    let save = async |read| store.save(&Reading::new(&read, minute(30)), None, None).await.unwrap();
    save(blog("river", "1", vec![entry("r2", 5), entry("r1", 1)])).await;
    save(blog("lake", "2", vec![entry("l3", 5), entry("l0", 0)])).await;
    save(blog("lake", "1", vec![entry("l2b", 5), entry("l2a", 5), entry("l1", 4)])).await;

    let window = async |scope, limit| store.window(&scope, limit).await.unwrap();
    assert_eq!(keys(&window(Scope::Everything, 99).await), ["l2b", "l2a", "l3", "r2", "l1", "r1", "l0"]);
    assert_eq!(keys(&window(Scope::Everything, 3).await), ["l2b", "l2a", "l3"]);
    assert_eq!(keys(&window(Scope::Outlet("lake".into()), 99).await), ["l2b", "l2a", "l3", "l1", "l0"]);
    let one = blog("lake", "1", Vec::new()).head.id;
    assert_eq!(keys(&window(Scope::Blog(one), 2).await), ["l2b", "l2a"]);
    assert_eq!(window(Scope::Outlet("sea".into()), 9).await.changed, None);
    assert_eq!(window(Scope::Blog(tidings::identity::blog_id("sea", "1")), 9).await.changed, None);

    // A later entry of the same minute goes above; nothing below it moves.
    save(blog("lake", "1", vec![entry("l2c", 5), entry("l2b", 5), entry("l2a", 5), entry("l1", 4)])).await;
    assert_eq!(keys(&window(Scope::Everything, 4).await), ["l2c", "l2b", "l2a", "l3"]);
}

#[tokio::test]
async fn windows_walk_an_index() {
    let (folder, _store) = fresh().await;
    let mut db = sqlite(&folder.path().join("tidings.db")).await;
    for query in [
        "EXPLAIN QUERY PLAN SELECT * FROM entry WHERE surfaced IS NOT NULL ORDER BY surfaced DESC, n DESC LIMIT 200",
        "EXPLAIN QUERY PLAN SELECT * FROM entry WHERE outlet = ? AND surfaced IS NOT NULL ORDER BY surfaced DESC, n DESC LIMIT 200",
        "EXPLAIN QUERY PLAN SELECT * FROM entry WHERE blog = ? AND surfaced IS NOT NULL ORDER BY surfaced DESC, n DESC LIMIT 200",
    ] {
        let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(query).fetch_all(&mut db).await.unwrap();
        assert_eq!(plan.len(), 1, "{plan:?}");
        assert!(plan[0].3.contains("USING INDEX entry_"), "{plan:?}");
    }
}

#[tokio::test]
async fn a_file_that_is_not_ours_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);

    let text = b"Dear diary, today I wrote more than sixteen bytes. ".repeat(40);
    std::fs::write(at("diary.db"), &text).unwrap();
    let error = Store::open(&at("diary.db")).await.unwrap_err();
    assert!(matches!(error, StoreError::NotAStore { .. }), "{error:?}");
    assert_eq!(error.to_string(), format!("{} is not a tidings store; choose another path", at("diary.db").display()));
    assert_eq!(std::fs::read(at("diary.db")).unwrap(), text);

    let mut other = sqlite(&at("other.db")).await;
    sqlx::raw_sql("CREATE TABLE recipe (name TEXT)").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    let before = std::fs::read(at("other.db")).unwrap();
    assert!(matches!(Store::open(&at("other.db")).await.unwrap_err(), StoreError::NotAStore { .. }));
    assert_eq!(std::fs::read(at("other.db")).unwrap(), before);

    let error = Store::open(&at("no/such/tidings.db")).await.unwrap_err().to_string();
    assert!(error.contains(&format!("the folder {} does not exist", at("no/such").display())), "{error}");
    assert!(Store::open(folder.path()).await.is_err(), "a folder is no store");
}

#[tokio::test]
async fn a_store_from_the_future_is_refused() {
    let (folder, store) = fresh().await;
    store.close().await;
    let path = folder.path().join("tidings.db");
    let mut db = sqlite(&path).await;
    sqlx::raw_sql("PRAGMA user_version = 99").execute(&mut db).await.unwrap();
    db.close().await.unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error:?}");
    assert!(error.to_string().contains(&*path.to_string_lossy()));
}

/// A reader that asks by `Last-Modified` alone must get every change: also two of one second, and one from an older capture.
#[tokio::test]
async fn every_change_moves_the_date_of_the_feeds_it_shows_in() {
    let (_folder, store) = fresh().await;
    let changed = async |scope: &Scope| store.window(scope, 9).await.unwrap().changed.unwrap();
    let lake = blog("lake", "1", vec![entry("1", 1)]);
    let river = blog("river", "1", vec![entry("1", 1)]);
    let scopes = [Scope::Everything, Scope::Outlet("lake".into()), Scope::Blog(lake.head.id)];
    store.save(&Reading::new(&lake, minute(10)), None, None).await.unwrap();
    store.save(&Reading::new(&river, minute(10)), None, None).await.unwrap();
    let older = blog("lake", "1", vec![entry("1", 1), entry("0", 0)]);
    let mut before = Vec::new();
    for scope in &scopes {
        before.push(changed(scope).await);
    }
    assert!(before[0] > minute(10), "two in one second");
    store.save(&Reading::new(&older, minute(5)), None, None).await.unwrap();
    for (scope, before) in scopes.iter().zip(before) {
        assert!(changed(scope).await.timestamp() > before.timestamp(), "{scope:?}");
    }
}

fn mine() -> Vec<String> {
    ["lake", "river"].map(|name| format!("https://{name}.example/")).into()
}

/// Two processes, one after the other, may follow different addresses on one store.
#[tokio::test]
async fn a_process_claims_its_own_addresses_only() {
    let (_folder, store) = fresh().await;
    let [lake, river] = mine().try_into().unwrap();
    store.follow(&[SourceState::new(&lake, 60, minute(0))], true).await.unwrap();
    store.follow(&[SourceState::new(&river, 60, minute(0))], false).await.unwrap();
    let lease = TimeDelta::minutes(2);
    let claimed = |found: Vec<SourceState>| found.into_iter().map(|source| source.url).collect::<Vec<_>>();
    assert_eq!(
        claimed(store.claim(std::slice::from_ref(&lake), minute(0), lease).await.unwrap()),
        std::slice::from_ref(&lake)
    );
    assert_eq!(claimed(store.claim(std::slice::from_ref(&river), minute(0), lease).await.unwrap()), [river]);
    assert!(store.sources().await.unwrap().iter().all(|source| source.followed));
}

#[tokio::test]
async fn what_is_due_is_claimed_once() {
    let (_folder, store) = fresh().await;
    let source = |name: &str, every_s| SourceState::new(format!("https://{name}.example/"), every_s, minute(0));
    store.follow(&[source("lake", 60), source("river", 60)], true).await.unwrap();
    let lease = TimeDelta::minutes(2);
    let mine = mine();
    let (one, two) = tokio::join!(store.claim(&mine, minute(0), lease), store.claim(&mine, minute(0), lease));
    assert_eq!(one.unwrap().len() + two.unwrap().len(), 2);
    assert_eq!(store.due(&mine, minute(1)).await.unwrap(), []);
    assert_eq!(store.next_due(&mine).await.unwrap(), Some(minute(2)));
    assert_eq!(store.due(&mine, minute(2)).await.unwrap().len(), 2, "whoever claimed them is gone");

    // What is known of an address stays when the configuration changes around it.
    let done = SourceState {
        etag: Some("\"v1\"".into()),
        body_hash: Some([7; 32]),
        last_tried: Some(minute(2)),
        last_ok: Some(minute(2)),
        next_due: minute(3),
        blog: Some(tidings::identity::blog_id("lake", "1")),
        problems: vec![Problem::new(ProblemCode::Limit, "cut at 5,000 entries")],
        ..source("lake", 60)
    };
    store.put_source(&done).await.unwrap();
    store.follow(&[source("lake", 30)], true).await.unwrap();
    let sources = store.sources().await.unwrap();
    let next_due = minute(2) + TimeDelta::seconds(30);
    assert_eq!(sources[0], SourceState { every_s: 30, min_every_s: 30, next_due, ..done.clone() });
    assert!(!sources[1].followed);
    assert_eq!(store.due(&mine[..1], minute(9)).await.unwrap().len(), 1);

    // What is to be shown otherwise is asked for whole and read again.
    let titled = SourceState { title: Some("Lake".into()), ..source("lake", 30) };
    store.follow(std::slice::from_ref(&titled), true).await.unwrap();
    let anew =
        SourceState { every_s: 30, min_every_s: 30, next_due, etag: None, body_hash: None, title: titled.title, ..done };
    assert_eq!(store.sources().await.unwrap()[0], anew);
}

#[tokio::test]
async fn a_clock_set_back_stops_nothing() {
    let (_folder, store) = fresh().await;
    store.follow(&[SourceState::new("https://lake.example/", 60, minute(0))], true).await.unwrap();
    let year = TimeDelta::days(365);
    assert_eq!(store.claim(&mine(), minute(0) + year, TimeDelta::minutes(2)).await.unwrap().len(), 1);
    assert_eq!(store.claim(&mine(), minute(1), TimeDelta::minutes(2)).await.unwrap().len(), 1, "back to the true year");
    assert_eq!(store.claim(&mine(), minute(2), TimeDelta::minutes(2)).await.unwrap().len(), 0);
}

#[tokio::test]
async fn ten_thousand_entries() {
    let (_folder, store) = fresh().await;
    let entries = (0..10_000).rev().map(|n| entry(&n.to_string(), n)).collect();
    let read = blog("lake", "1", entries);
    let timed = Instant::now();
    assert_eq!(store.save(&Reading::new(&read, minute(10_000)), None, None).await.unwrap().new.len(), 10_000);
    println!("10,000 entries saved in {:?}", timed.elapsed());
    let timed = Instant::now();
    assert!(store.save(&Reading::new(&read, minute(10_001)), None, None).await.unwrap().is_empty());
    println!("the same page again in {:?}", timed.elapsed());
    let timed = Instant::now();
    let window = store.window(&Scope::Everything, 200).await.unwrap();
    println!("the newest 200 of them in {:?}", timed.elapsed());
    assert_eq!((window.entries.len(), window.entries[199].entry.key.as_str()), (200, "9800"));
}
