//! Whatever the order in which the captures of a live blog are read, how often, and how often the program is started anew in
//! between: the store ends with the truth, and nothing that a reader was told on the way was taken back by us.
//!
//! `PROPTEST_CASES=2000 cargo test histories` plays more of them.

mod newsroom;

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use sqlx::{Connection, Row, SqliteConnection};
use tempfile::TempDir;
use tidings::model::LiveBlog;
use tidings::outlet::split_page;
use tidings::reconcile::Reading;
use tidings::store::{Change, ChangeKind, NewCapture, Scope, Store, StoredEntry};
use uuid::Uuid;

use newsroom::{Newsroom, Shape, Told, Words, captured, newsrooms};

/// What is done next.
#[derive(Debug, Clone)]
enum Act {
    /// The capture of this step is read.
    Read(usize),
    /// The same bytes come again, so many minutes after the newest.
    Again,
    /// Another version reads the newest capture anew.
    Reread,
    Restart,
}

/// A newsroom, and an order in which its captures are read: mostly as they were made, some late, some twice, some never.
fn plays() -> impl Strategy<Value = (Newsroom, Vec<Act>)> {
    newsrooms().prop_flat_map(|newsroom| {
        let steps = newsroom.steps;
        let act = prop_oneof![
            5 => (0..steps).prop_map(Act::Read),
            1 => Just(Act::Again),
            1 => Just(Act::Reread),
            1 => Just(Act::Restart),
        ];
        let acts = (prop::collection::vec(act, 2..10), any::<bool>()).prop_map(|(mut acts, in_order)| {
            if in_order {
                acts.sort_by_key(|act| if let Act::Read(step) = act { *step } else { 0 });
            }
            acts
        });
        (Just(newsroom), acts)
    })
}

/// A store, and all that has been seen in it.
struct Desk<'a> {
    newsroom: &'a Newsroom,
    folder: TempDir,
    store: Store,
    /// The newest capture read: its step and the instant of its last reading.
    newest: Option<(usize, DateTime<Utc>)>,
    read: Vec<usize>,
    /// Of each id, when it was published and which of the entries it is.
    issued: BTreeMap<Uuid, (DateTime<Utc>, String)>,
    /// What the store said at each `at`.
    stood: BTreeMap<i64, Vec<Standing>>,
}

/// An entry as a feed would show it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Standing {
    id: Uuid,
    headline: Option<String>,
    body: String,
    marks: String,
    permalink: Option<String>,
    updated: Option<String>,
    withdrawn: bool,
}

impl Standing {
    fn of(stored: &StoredEntry) -> Standing {
        let entry = stored.entry.clone();
        Standing {
            id: entry.id,
            headline: entry.headline,
            body: entry.body_html,
            marks: serde_json::to_string(&entry.marks).unwrap(),
            permalink: entry.permalink,
            updated: entry.updated.map(|stamp| serde_json::to_string(&stamp).unwrap()),
            withdrawn: stored.life.withdrawn.is_some(),
        }
    }
}

impl<'a> Desk<'a> {
    async fn open(newsroom: &'a Newsroom) -> Desk<'a> {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("tidings.db")).await.unwrap();
        let (issued, stood) = (BTreeMap::new(), BTreeMap::new());
        Desk { newsroom, folder, store, newest: None, read: Vec::new(), issued, stood }
    }

    async fn act(&mut self, act: &Act) {
        match act {
            Act::Read(step) => self.read(*step, captured(*step), false).await,
            Act::Again => {
                if let Some((step, seen)) = self.newest {
                    let seen = seen + TimeDelta::minutes(1);
                    let blog = self.store.blogs().await.unwrap()[0].head.id;
                    self.store.save_again(blog, seen, None).await.unwrap();
                    self.newest = Some((step, seen));
                }
            }
            Act::Reread => {
                if let Some((step, _)) = self.newest {
                    let before = self.store.generation().await.unwrap();
                    self.read(step, captured(step), true).await;
                    let changes = self.store.changes(before, 99).await.unwrap();
                    assert!(changes.is_empty(), "the newest capture read anew changes nothing: {changes:?}");
                }
            }
            Act::Restart => {
                self.store.close().await;
                self.store = Store::open(&self.folder.path().join("tidings.db")).await.unwrap();
            }
        }
        self.look().await;
    }

    async fn read(&mut self, step: usize, seen: DateTime<Utc>, reread: bool) {
        if self.newsroom.shown(step).is_empty() {
            return;
        }
        let page = self.newsroom.page(step);
        let blog: LiveBlog = split_page(&page, None).unwrap();
        assert_eq!(blog.entries.len(), self.expected_on_page(step), "the newsroom's page is read whole\n{blog:#?}");
        let plain = self.newsroom.is_plain(step);
        let reading = Reading { plain, reread, ..Reading::new(&blog, seen) };
        let capture = NewCapture {
            url: page.url.as_ref().map(url::Url::as_str),
            outlet: None,
            title: None,
            content_type: page.content_type.as_deref(),
            headers: &[],
            body: &page.body,
            known_as: None,
            read_by: "test",
        };
        let before = self.store.generation().await.unwrap();
        self.store.save(&reading, Some(&capture), None).await.unwrap();
        let changes = self.store.changes(before, 999).await.unwrap();
        let withdrawn: Vec<&Change> = changes.iter().filter(|change| change.kind == ChangeKind::Withdrawn).collect();
        if self.newest.is_some_and(|(_, newest)| seen < newest) {
            assert!(changes.iter().all(|change| change.kind == ChangeKind::New), "an older capture only adds: {changes:?}");
        }
        for change in withdrawn {
            let id = change.entry.unwrap();
            let token = &self.issued[&id].1;
            let standing =
                self.newsroom.told.iter().filter(|told| told.token == *token && told.says(step).is_some()).count();
            let all = self.newsroom.told.iter().filter(|told| told.token == *token).count();
            assert!(standing < all, "step {step}: {token} is withdrawn, and stands");
        }
        self.read.push(step);
        if self.newest.is_none_or(|(_, newest)| newest <= seen) {
            self.newest = Some((step, seen));
        }
    }

    fn expected_on_page(&self, step: usize) -> usize {
        let shown = self.newsroom.shown(step);
        let pinned = |told: &&&newsroom::Told| {
            told.pinned.is_some_and(|(from, until)| (from..until).contains(&step)) && told.says(step).is_some()
        };
        let pinned = self.newsroom.told.iter().rev().filter(|told| pinned(&told)).take(1);
        shown.len() + pinned.filter(|told| !shown.iter().any(|other| other.token == told.token)).count()
    }

    async fn entries(&self) -> Vec<StoredEntry> {
        let blogs = self.store.blogs().await.unwrap();
        assert!(blogs.len() <= 1, "it is one live blog");
        match blogs.first() {
            Some(blog) => self.store.entries_of(blog.head.id).await.unwrap(),
            None => Vec::new(),
        }
    }

    /// Looks at what must never have changed since the last look.
    async fn look(&mut self) {
        let entries = self.entries().await;
        let mut found = BTreeMap::new();
        for stored in &entries {
            let text = format!("{} {}", stored.entry.headline.clone().unwrap_or_default(), stored.entry.body_text);
            let token = text.split(|c: char| !c.is_alphanumeric()).find(|word| word.starts_with("Boat")).unwrap().to_owned();
            found.insert(stored.entry.id, (stored.entry.published.at, token));
        }
        assert_eq!(found.len(), entries.len());
        for (id, issued) in &self.issued {
            assert_eq!(found.get(id), Some(issued), "an id stays, with its instant, and means what it meant");
        }
        self.issued = found;
        let at = self.store.changes(0, 9999).await.unwrap().last().map(|change| change.at.timestamp_millis());
        if let Some(at) = at {
            let mut standing: Vec<Standing> = entries.iter().map(Standing::of).collect();
            standing.sort();
            self.stood.insert(at, standing);
        }
    }

    /// Every entry that was ever read is there, once, and says what the page says now.
    async fn holds_the_truth(&self) {
        let last = self.newsroom.steps - 1;
        let mut expected = BTreeMap::<String, (usize, usize, Vec<String>)>::new();
        for told in &self.newsroom.told {
            // How many of its name were on a page that was read: of two alike, as many as stood there at once.
            let (seen, standing, says) = expected.entry(told.token.clone()).or_default();
            *seen = self.most_at_once(&told.token);
            *standing += usize::from(told.says(last).is_some());
            says.extend(told.says(last).map(|words| words.headline.clone()));
        }
        let mut found = HashMap::<String, (usize, usize, Vec<String>)>::new();
        for stored in self.entries().await {
            let (seen, standing, says) = found.entry(self.issued[&stored.entry.id].1.clone()).or_default();
            *seen += 1;
            if stored.life.withdrawn.is_none() {
                *standing += 1;
                says.extend(stored.entry.headline.clone());
            }
        }
        for (token, (seen, standing, says)) in expected {
            let (found_seen, found_standing, found_says) = found.remove(&token).unwrap_or_default();
            assert_eq!(found_seen, seen, "{token}: stored as often as it was shown");
            let decided = seen == 0 || standing == seen || self.is_within_reach(&token);
            if decided {
                assert_eq!(found_standing, standing.min(seen), "{token}: withdrawn where it is gone, and only there");
                assert_eq!(found_says, says, "{token}");
            }
        }
        assert!(found.is_empty(), "nobody told {found:?}");
    }

    fn most_at_once(&self, token: &str) -> usize {
        let on_page = |step: &usize| {
            let shown = self.newsroom.shown(*step);
            let count = shown.iter().filter(|told| told.token == token).count();
            let pinned = self.newsroom.told.iter().rev().find(|told| {
                told.pinned.is_some_and(|(from, until)| (from..until).contains(step)) && told.says(*step).is_some()
            });
            count.max(usize::from(pinned.is_some_and(|told| told.token == token)))
        };
        self.read.iter().map(on_page).max().unwrap_or_default()
    }

    /// Whether the last page has entries older and newer than this one.
    fn is_within_reach(&self, token: &str) -> bool {
        let last = self.newsroom.steps - 1;
        let minute = |at: DateTime<Utc>| match self.newsroom.shape {
            Shape::Ids => at.timestamp(),
            Shape::Minutes => at.timestamp() / 60,
        };
        let pinned = |told: &&&newsroom::Told| told.pinned.is_some_and(|(from, until)| (from..until).contains(&last));
        let shown = self.newsroom.shown(last);
        let times: Vec<i64> = shown.iter().filter(|told| !pinned(told)).map(|told| minute(told.at)).collect();
        let own = self.newsroom.told.iter().find(|told| told.token == token).map(|told| minute(told.at)).unwrap();
        times.iter().any(|at| *at < own) && times.iter().any(|at| *at > own)
    }

    /// The log has no gap, rises, and tells of each entry what can have happened to it.
    async fn log_is_sound(&self) {
        let changes = self.store.changes(0, 99_999).await.unwrap();
        let mut lives = HashMap::<Uuid, (u32, bool)>::new();
        for (change, seq) in changes.iter().zip(1..) {
            assert_eq!(change.seq, seq, "no gap");
            let Some(entry) = change.entry else { continue };
            let life = lives.get(&entry).copied();
            let after = match (change.kind, life) {
                (ChangeKind::New, None) => (1, false),
                (ChangeKind::Edited, Some((revision, withdrawn))) => (revision + 1, withdrawn),
                (ChangeKind::Touched, Some(life)) => life,
                (ChangeKind::Withdrawn, Some((revision, false))) => (revision, true),
                (ChangeKind::Restored, Some((revision, true))) => (revision, false),
                other => panic!("{other:?} can't happen: {change:?}"),
            };
            assert_eq!(change.revision, Some(after.0), "{change:?}");
            lives.insert(entry, after);
        }
        assert!(changes.windows(2).all(|pair| pair[0].at <= pair[1].at));
        for stored in self.entries().await {
            let life = (stored.life.revision, stored.life.withdrawn.is_some());
            assert_eq!(lives.remove(&stored.entry.id), Some(life), "the log says what the store holds");
        }
        assert!(lives.is_empty());
    }

    /// What stood at an instant can be told from the states that were kept.
    async fn past_is_kept(&self) {
        let path = self.folder.path().join("tidings.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
        let mut db = SqliteConnection::connect_with(&options).await.unwrap();
        let shown = "headline, body_html, marks, permalink, updated_stamp, withdrawn IS NOT NULL AS gone";
        for (at, stood) in &self.stood {
            let query = format!(
                "SELECT id, {shown} FROM entry WHERE since <= ?1
                 UNION ALL SELECT (SELECT id FROM entry WHERE n = revision.entry), {shown} FROM revision
                 WHERE since <= ?1 AND until > ?1"
            );
            let rows = sqlx::query(sqlx::AssertSqlSafe(query)).bind(at).fetch_all(&mut db).await.unwrap();
            let mut standing: Vec<Standing> = rows
                .iter()
                .map(|row| Standing {
                    id: Uuid::from_slice(row.get("id")).unwrap(),
                    headline: row.get("headline"),
                    body: row.get("body_html"),
                    marks: row.get("marks"),
                    permalink: row.get("permalink"),
                    updated: row.get("updated_stamp"),
                    withdrawn: row.get("gone"),
                })
                .collect();
            standing.sort();
            assert_eq!(&standing, stood, "as it stood at {at}");
        }
        db.close().await.unwrap();
    }
}

async fn play(newsroom: &Newsroom, acts: &[Act]) {
    let mut desk = Desk::open(newsroom).await;
    for act in acts {
        desk.act(act).await;
    }
    // The final truth, and what is lacking on it twice more.
    let last = newsroom.steps - 1;
    for minutes in [0, 30, 60] {
        let seen = captured(last) + TimeDelta::minutes(minutes);
        desk.read(last, seen, false).await;
        desk.look().await;
    }
    desk.holds_the_truth().await;
    desk.log_is_sound().await;
    desk.past_is_kept().await;
    let window = desk.store.window(&Scope::Everything, 999).await.unwrap();
    assert!(window.entries.iter().all(|shown| desk.issued.contains_key(&shown.entry.id)));
    desk.store.close().await;
}

/// Plays it to its end.
fn played(newsroom: &Newsroom, acts: &[Act]) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(play(newsroom, acts));
}

/// Of two entries of one minute, a page that begins with that minute shows the later one only; then that is taken back, and a
/// page that goes further back shows the earlier one. Neither is the other, whatever every headline begins with.
#[test]
fn what_stood_before_the_first_entry_of_a_page_is_not_taken_for_it() {
    let told = |number: usize, minute: i64, step: usize, headline: &str, body: &str| {
        let token = format!("Boat{number}");
        let at = captured(0) + TimeDelta::minutes(minute) + TimeDelta::seconds(4 * number as i64);
        let words = Words { headline: headline.replace('#', &token), body: body.into() };
        Told { token, at, says: vec![(step, words)], gone: None, pinned: None }
    };
    let alike = |prefix: &str| {
        let told = [
            told(0, -5, 0, "# leaves", "The crew waits for a quiet hour at the north pier."),
            told(1, -4, 0, "# is late", "Nobody knows how long; five passengers went home."),
            told(2, -3, 0, "# has turned", "Off the point it met a sea that it would not cross."),
            told(3, 14, 1, "# in sight", "After noon, it was seen from a helicopter. One school waits for it, they think."),
            Told { gone: Some((2, 3)), ..told(4, 14, 1, "Goal # beats every other", "") },
            told(5, 16, 1, "# at the quay", "Its lines are made fast, and a band plays beside the shed."),
        ];
        told.map(|told| {
            let says = told.says.into_iter().map(|(step, words)| {
                let headline = format!("{prefix}{}", words.headline);
                (step, Words { headline, ..words })
            });
            Told { says: says.collect(), ..told }
        })
    };
    for prefix in ["", "Follow Us Live From the Dam With Our Team "] {
        for acts in [&[Act::Read(1), Act::Read(0)][..], &[Act::Read(0), Act::Read(1)]] {
            played(&Newsroom::of(Shape::Minutes, alike(prefix).into(), &[None, Some(2), None]), acts);
        }
    }
}

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(24);
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 60, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_order_of_reading_ends_with_the_truth((newsroom, acts) in plays()) {
        played(&newsroom, &acts);
    }
}
