//! A store made anew from its captures is the store that it was: after a whole life, with captures that were not kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::time::Duration;

use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;
use tidings::config::Followed;
use tidings::fetch::{FetchSettings, Fetcher};
use tidings::follow::{Clock, Follower, Outcome, Split, VERSION};
use tidings::model::CoverageState;
use tidings::outlet::split_page;
use tidings::page::{Captured, Page};
use tidings::reconcile::Reading;
use tidings::replay::{ReplayError, Replayed, replay};
use tidings::store::{ChangeKind, HubRequest, KeepCaptures, NewCapture, SinkState, Store, Subscription};
use tokio::sync::watch;

use crate::live_page::LivePage;
use crate::outlet_server::{Answer, OutletServer};
use crate::sample::minute;

/// As the program splits, for an outlet whose pages tell their end.
fn split() -> Split {
    Arc::new(|page, outlet| {
        let mut blog = split_page(page, outlet)?;
        if page.body.windows(15).any(|window| window == b"coverageEndTime") {
            blog.head.coverage.state = CoverageState::Ended;
        }
        Ok(blog)
    })
}

/// One address that is followed, under a clock that stands where it is put.
struct Desk {
    folder: TempDir,
    outlet: OutletServer,
    store: Store,
    follower: Follower,
    now: Arc<AtomicI64>,
}

impl Desk {
    async fn open() -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("tidings.db")).await.unwrap();
        let outlet = OutletServer::start().await;
        let now = Arc::new(AtomicI64::new(0));
        let clock: Clock = {
            let now = now.clone();
            Arc::new(move || minute(now.load(SeqCst)))
        };
        let fetcher = Fetcher::new(&FetchSettings::default()).unwrap();
        let follower = Follower::new(store.clone(), fetcher, split(), clock);
        let desk = Desk { folder, outlet, store, follower, now };
        desk.follow(None).await;
        desk
    }

    async fn follow(&self, title: Option<&str>) {
        let url = self.outlet.url("/live");
        let title = title.map(str::to_owned);
        let followed = Followed { title, allow_private: true, ..Followed::new(url, Duration::from_secs(60)) };
        self.follower.follow(&[followed], true).await.unwrap();
    }

    /// The page as it is at this minute, fetched.
    async fn at(&self, minutes: i64, page: &str) -> Outcome {
        self.now.store(minutes, SeqCst);
        self.outlet.answer("/live", Answer::html(page));
        let refreshed = self.follower.refresh_due(watch::channel(false).1).await.unwrap();
        assert_eq!(refreshed.len(), 1, "it is due");
        refreshed[0].outcome.clone()
    }

    /// A page that somebody saved at this minute, read now.
    async fn saved(&self, minutes: i64, page: &LivePage) {
        let url = self.outlet.url("/live");
        let page = Page {
            body: page.html().into_bytes(),
            url: Some(url.clone()),
            content_type: Some("text/html".into()),
            captured: Captured::At(minute(minutes)),
        };
        let blog = split_page(&page, None).unwrap();
        let capture = NewCapture {
            url: Some(url.as_str()),
            outlet: None,
            title: None,
            content_type: page.content_type.as_deref(),
            headers: &[("server".into(), "a shelf".into())],
            body: &page.body,
            known_as: None,
            read_by: VERSION,
        };
        self.store.save(&Reading::new(&blog, minute(minutes)), Some(&capture), None).await.unwrap();
    }

    /// Everything that a live blog can go through.
    async fn live(&self) {
        let mut page = LivePage::new("/live/storm");
        for (id, minutes) in [("a", 1), ("b", 2), ("c", 3)] {
            page.add(id, minutes);
        }
        self.at(10, &page.html()).await;
        assert_eq!(self.at(15, &page.html()).await, Outcome::Unchanged);
        page.update("b").body = "The ferry b has sailed with three hundred aboard.".into();
        page.add("d", 18);
        self.at(20, &page.html()).await;
        // Other bytes that say the same: not kept, and yet the newest page that was read.
        let noise = page.html().replace("<body>", "<body class=\"later\">");
        assert_eq!(self.at(25, &noise).await, Outcome::Unchanged);
        // An older copy: it adds what nobody saw, and takes no edit back.
        let mut older = page.clone();
        older.update("b").body = "The ferry b has not sailed at all, whatever was said.".into();
        older.add("e", 19);
        self.saved(22, &older).await;
        // One that is taken back, which the same bytes confirm, and that comes again.
        let mut lacking = page.clone();
        lacking.updates.retain(|update| update.id != "c");
        self.at(30, &lacking.html()).await;
        self.at(35, &lacking.html()).await;
        self.at(40, &page.html()).await;
        // Another address, another name, the end.
        page.path = "/live/storm-over-the-harbour".into();
        page.add("f", 43);
        self.at(45, &page.html()).await;
        self.follow(Some("The storm")).await;
        self.at(50, &page.html()).await;
        page.ended = true;
        page.add("g", 52);
        self.at(55, &page.html()).await;
    }

    async fn replayed(&self, partial: bool) -> (Result<Replayed, ReplayError>, Store) {
        let from = Store::open_to_read(self.store.path()).await.unwrap();
        let into = Store::open(&self.folder.path().join("new.db")).await.unwrap();
        let mut steps = 0;
        let told = replay(&from, &into, &split(), partial, |_| steps += 1).await;
        if let Ok(told) = &told {
            assert_eq!(steps, told.captures);
        }
        (told, into)
    }

    async fn sql(&self, statement: &str) {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.store.path());
        let mut db = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned())).execute(&mut db).await.unwrap();
        db.close().await.unwrap();
    }
}

/// What differs, in words.
async fn differing(old: &Store, new: &Store) -> Vec<String> {
    old.compare(new, 9).await.unwrap().into_iter().flat_map(|table| table.lines).collect()
}

#[tokio::test]
async fn a_whole_life_comes_out_the_same() {
    let desk = Desk::open().await;
    desk.live().await;
    // The life has everything in it that makes this hard.
    let changes = desk.store.changes(0, 999).await.unwrap();
    for kind in ChangeKind::ALL.into_iter().filter(|kind| *kind != ChangeKind::Touched) {
        assert!(changes.iter().any(|change| change.kind == kind), "{kind:?} is missing in {changes:#?}");
    }
    assert!(changes.iter().any(|change| change.history));
    let captures = desk.store.captures(0, 99).await.unwrap();
    assert!(captures.iter().any(|kept| kept.same_as.is_some()) && captures.iter().any(|kept| kept.known_as.is_some()));
    let not_kept =
        |kept: &tidings::store::Kept| kept.after.is_some_and(|after| !captures.iter().any(|it| it.captured == after));
    assert!(captures.iter().any(not_kept), "{captures:#?}");

    let (told, new) = desk.replayed(false).await;
    let told = told.unwrap();
    assert_eq!((told.captures, told.is_whole(), told.by_others), (captures.len(), true, 0));
    assert_eq!(differing(&desk.store, &new).await, [""; 0]);
    // What no capture tells is carried over, so that following goes on as if nothing had been.
    assert_eq!(new.sources().await.unwrap(), desk.store.sources().await.unwrap());
    assert_eq!(new.blogs().await.unwrap(), desk.store.blogs().await.unwrap());
    assert_eq!(new.captures(0, 99).await.unwrap(), captures);
}

/// Who was told how much is in no capture either: after a replay nobody is told anything twice, and nobody is forgotten.
#[tokio::test]
async fn who_has_been_told_what_is_carried_over() {
    let desk = Desk::open().await;
    desk.live().await;
    let asked = |callback: &str, subscribe: bool| HubRequest {
        topic: "/feed.atom?limit=5".into(),
        callback: format!("https://reader.example/{callback}"),
        host: "reader.example".into(),
        subscribe,
        secret: Some("between us".into()),
        lease_s: 3600,
        reader: Some("ann".into()),
        asked: minute(60),
        failures: 2,
        next_due: minute(70),
    };
    for callback in ["one", "two"] {
        assert!(desk.store.ask_hub(&asked(callback, true), 9, 9).await.unwrap());
        desk.store.confirm(&asked(callback, true), minute(120), Some("\"7.0a.b\"")).await.unwrap();
    }
    let failing = Subscription {
        failures: 3,
        next_due: minute(80),
        last_error: Some("it answers with status 500".into()),
        ..desk.store.subscriptions().await.unwrap().remove(0)
    };
    desk.store.put_subscription(&failing).await.unwrap();
    // One that is not confirmed yet, and one that is to end.
    for asked in [asked("three", true), asked("two", false)] {
        assert!(desk.store.ask_hub(&asked, 9, 9).await.unwrap());
    }
    let sink =
        SinkState { url: "https://desk.example/".into(), seq: 5, last_ok: Some(minute(50)), failures: 1, last_error: None };
    desk.store.put_sink(&sink).await.unwrap();

    let (told, new) = desk.replayed(false).await;
    told.unwrap();
    let (old, new) = (&desk.store, &new);
    assert_eq!(new.subscriptions().await.unwrap(), old.subscriptions().await.unwrap());
    assert_eq!(new.hub_requests().await.unwrap(), old.hub_requests().await.unwrap());
    assert_eq!(new.sinks().await.unwrap(), [sink]);
    let counts = (new.subscriptions().await.unwrap().len(), new.hub_requests().await.unwrap().len());
    assert_eq!(counts, (2, 2));
    assert!(new.subscriptions().await.unwrap().contains(&failing));
}

/// The proof that comparing finds what there is to find.
#[tokio::test]
async fn what_differs_is_told() {
    let desk = Desk::open().await;
    desk.live().await;
    let (told, new) = desk.replayed(false).await;
    told.unwrap();
    let gone = "DELETE FROM change WHERE seq = (SELECT max(seq) FROM change)";
    let seq = desk.store.generation().await.unwrap();
    for (statement, expected) in [
        ("UPDATE entry SET headline = 'Another' WHERE key = 'b'", "headline was `Another` and is `Ferry b is late`"),
        ("UPDATE entry SET published = published + 1 WHERE key = 'b'", "published was 1641556920001 and is 1641556920000"),
        (
            "UPDATE blog SET headline = NULL || 'x' WHERE 0; UPDATE blog SET standfirst = 'New'",
            "standfirst was `New` and is nothing",
        ),
        ("UPDATE revision SET body_text = 'x'", "body_text was `x` and is `The ferry b waits"),
        ("INSERT INTO entry_alias VALUES (x'00', 'key', x'01')", "other key 00/`key` is missing"),
        (gone, &format!("change {seq} was not there")),
    ] {
        desk.sql(statement).await;
        let lines = differing(&desk.store, &new).await;
        assert!(lines.iter().any(|line| line.contains(expected)), "{statement}: {lines:#?}");
    }
}

/// Without the word of what had been read before, an older copy would be taken for news: what the captures alone tell is not
/// enough.
#[tokio::test]
async fn captures_that_were_not_kept_are_reckoned_with() {
    let desk = Desk::open().await;
    desk.live().await;
    desk.sql("UPDATE capture SET after = NULL").await;
    let (told, new) = desk.replayed(false).await;
    told.unwrap();
    let lines = differing(&desk.store, &new).await;
    assert!(lines.iter().any(|line| line.starts_with("change ") && line.contains("kind was")), "{lines:#?}");
}

#[tokio::test]
async fn what_was_pruned_is_said_and_left_out_only_when_told_so() {
    let desk = Desk::open().await;
    desk.live().await;
    let size = desk.store.captures(0, 99).await.unwrap().len();
    let keep = KeepCaptures { age: Some(Duration::from_secs(3600)), bytes: None };
    // At minute 85, what was captured before minute 25 is too old.
    let pruned = desk.store.clone().keeping(keep).prune(minute(85)).await.unwrap();
    assert_eq!((pruned.captures, pruned.bytes > 0), (3, true));
    let (told, _) = desk.replayed(false).await;
    let told = told.unwrap_err().to_string();
    assert_eq!(told, format!("3 of {size} captures have lost their bytes (`keep_captures`)"));
    let (told, new) = desk.replayed(true).await;
    let told = told.unwrap();
    assert_eq!((told.captures, told.pruned, told.refused.len()), (size, 3, 0));
    assert!(!differing(&desk.store, &new).await.is_empty());
    assert!(new.entries_of(desk.store.blogs().await.unwrap()[0].head.id).await.unwrap().len() >= 4);
}

#[tokio::test]
async fn bytes_that_are_not_what_was_kept_stop_it() {
    let desk = Desk::open().await;
    desk.live().await;
    desk.sql("UPDATE capture SET sha256 = zeroblob(32) WHERE id = 2").await;
    let (told, _) = desk.replayed(false).await;
    assert!(matches!(told, Err(ReplayError::Damaged { id: 2, .. })), "{told:?}");
}

/// A store without room for bytes still knows what it read.
#[tokio::test]
async fn captures_are_kept_within_bounds() {
    let desk = Desk::open().await;
    let page = |n: i64| {
        let mut page = LivePage::new("/live/storm");
        (1..=n).for_each(|id| drop(page.add(&id.to_string(), id).clone()));
        page
    };
    let whole = async || {
        let captures = desk.store.captures(0, 99).await.unwrap();
        captures.iter().filter(|kept| kept.whole).map(|kept| kept.id).collect::<Vec<_>>()
    };
    for n in 1..=4 {
        desk.saved(n, &page(n)).await;
    }
    assert_eq!(whole().await, [1, 2, 3, 4]);
    // One that was captured long ago and is saved last goes first.
    desk.saved(-60, &LivePage { path: "/live/other".into(), ..page(1) }).await;
    let held: i64 = {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(desk.store.path());
        let mut db = SqliteConnection::connect_with(&options).await.unwrap();
        let (counted, summed): (i64, i64) =
            sqlx::query_as("SELECT (SELECT bytes FROM capture_bytes), (SELECT sum(length(zstd)) FROM capture_body)")
                .fetch_one(&mut db)
                .await
                .unwrap();
        assert_eq!(counted, summed);
        counted
    };
    let keep = |bytes: i64| desk.store.clone().keeping(KeepCaptures { age: None, bytes: Some(bytes.unsigned_abs()) });
    assert_eq!(keep(held).prune(minute(9)).await.unwrap().captures, 0);
    assert_eq!(keep(held - 1).prune(minute(9)).await.unwrap().captures, 1);
    assert_eq!(whole().await, [1, 2, 3, 4]);
    // A save keeps to them by itself.
    let tight = Desk { store: keep(1000), ..Desk::open().await };
    assert_eq!(tight.store.path(), desk.store.path());
    tight.saved(10, &page(10)).await;
    assert!(whole().await.len() < 4, "{:?}", whole().await);
    let none = Desk { store: keep(0), ..Desk::open().await };
    none.saved(11, &page(11)).await;
    assert_eq!((whole().await.len(), desk.store.captures(0, 99).await.unwrap().len()), (0, 7));
    assert_eq!(desk.store.blogs().await.unwrap().iter().map(|blog| blog.entries).collect::<Vec<_>>(), [1, 11]);
}
