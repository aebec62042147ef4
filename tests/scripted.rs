//! A scripted life: the captures of one live blog in their order, served by a real outlet, followed at the instants that the
//! script says. What is logged and what the feeds show in the end has to be what a person has read and found right.
//!
//! `TIDINGS_BLESS=1 cargo test scripted` rewrites the expectations.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use chrono::{DateTime, Utc};
use http_body_util::BodyExt;
use serde::Deserialize;
use tempfile::TempDir;
use tidings::config::Followed;
use tidings::fetch::{FetchSettings, Fetcher};
use tidings::follow::{Clock, Follower, Outcome};
use tidings::outlet::split_page;
use tidings::server::{Limits, ServerState, router};
use tidings::store::{Change, Store};
use tokio::sync::watch;
use tower::ServiceExt;

use crate::fixtures::folders;
use crate::outlet_server::{Answer, OutletServer};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    why: String,
    outlet: String,
    path: String,
    #[expect(dead_code, reason = "for the reader of the script")]
    synthetic: bool,
    capture: Vec<Capture>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Capture {
    page: String,
    at: toml::value::Datetime,
    why: String,
    /// Bytes of the body after which the connection breaks.
    cut_after: Option<usize>,
    /// What the refresh comes to, as it is told; `failed` for whatever reason.
    outcome: String,
}

impl Capture {
    fn at(&self) -> DateTime<Utc> {
        self.at.to_string().parse().unwrap()
    }
}

/// A script being played: the outlet, the store it is followed into, and the server over that.
struct Stage {
    folder: PathBuf,
    script: Script,
    _store_folder: TempDir,
    outlet: OutletServer,
    store: Store,
    follower: Follower,
    now: Arc<AtomicI64>,
    server: Router,
    _stop: watch::Sender<bool>,
}

/// Where readers reach the server.
const BASE: &str = "https://tidings.example";

impl Stage {
    async fn set(folder: &Path) -> Stage {
        let script: Script = toml::from_str(&std::fs::read_to_string(folder.join("life.toml")).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        assert!(script.why.len() > 20 && script.capture.iter().all(|capture| capture.why.len() > 20));
        let store_folder = tempfile::tempdir().unwrap();
        let store = Store::open(&store_folder.path().join("tidings.db")).await.unwrap();
        let outlet = OutletServer::start().await;
        let now = Arc::new(AtomicI64::new(script.capture[0].at().timestamp_millis()));
        let clock: Clock = {
            let now = now.clone();
            Arc::new(move || DateTime::from_timestamp_millis(now.load(SeqCst)).unwrap())
        };
        let fetcher = Fetcher::new(&FetchSettings { gap: Duration::ZERO, ..FetchSettings::default() }).unwrap();
        let follower = Follower::new(store.clone(), fetcher, Arc::new(split_page), clock);
        let address = Followed::new(outlet.url(&script.path), Duration::from_secs(300));
        let followed = Followed { outlet: Some(script.outlet.clone()), allow_private: true, ..address };
        follower.follow(&[followed], true).await.unwrap();
        let listen = SocketAddr::from(([127, 0, 0, 1], 8080));
        let limits = Limits { recheck: Duration::ZERO, ..Limits::default() };
        let server = router(ServerState::new(store.clone(), Some(&BASE.parse().unwrap()), listen, limits));
        let (folder, _stop) = (folder.to_owned(), watch::Sender::new(false));
        Stage { folder, script, _store_folder: store_folder, outlet, store, follower, now, server, _stop }
    }

    /// Lets the outlet serve a capture, and refreshes at its instant.
    async fn play(&self, capture: &Capture) -> String {
        let page = std::fs::read(self.folder.join(&capture.page)).unwrap();
        let answer = match capture.cut_after {
            None => Answer::html(page),
            Some(bytes) => Answer::html(page).cut_after(bytes),
        };
        self.outlet.answer(&self.script.path, answer);
        self.now.store(capture.at().timestamp_millis(), SeqCst);
        let refreshed = self.follower.refresh_due(self._stop.subscribe()).await.unwrap();
        assert_eq!(refreshed.len(), 1, "{}: nothing was due", capture.page);
        match &refreshed[0].outcome {
            Outcome::Failed(_) | Outcome::Empty(_) => "failed".into(),
            other => other.to_string(),
        }
    }

    async fn play_all(&self) {
        for capture in &self.script.capture {
            let before = self.store.generation().await.unwrap();
            let outcome = self.play(capture).await;
            assert_eq!(outcome, capture.outcome, "{}: {}\n{}", capture.page, capture.why, self.log().await);
            let quiet = self.store.generation().await.unwrap() == before;
            assert_eq!(quiet, matches!(&*capture.outcome, "failed" | "nothing new"), "{}", capture.page);
        }
    }

    /// The change log, one line a row.
    async fn log(&self) -> String {
        let mut lines = String::new();
        let blogs = self.store.blogs().await.unwrap();
        let entries = self.store.entries_of(blogs[0].head.id).await.unwrap();
        for change in self.store.changes(0, 1000).await.unwrap() {
            let entry = entries.iter().find(|stored| Some(stored.entry.id) == change.entry);
            lines += &line(&change, entry.map_or("-", |stored| &stored.entry.key));
        }
        lines
    }

    /// The captures that were kept, and which pages they are.
    async fn captures(&self) -> String {
        let mut lines = String::new();
        for kept in self.store.captures(0, 1000).await.unwrap() {
            let body = self.store.capture_body(kept.id).await.unwrap();
            let page = |capture: &&Capture| std::fs::read(self.folder.join(&capture.page)).ok() == body;
            let page = self.script.capture.iter().find(page).map_or("-", |capture| &capture.page);
            lines += &format!("{}  {page}\n", kept.captured.format("%T"));
        }
        lines
    }

    async fn get(&self, path: &str) -> String {
        let response = self.server.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }
}

/// `  7  10:31:00  new  block-66715f25…  1  0.00  body,markup`
fn line(change: &Change, key: &str) -> String {
    let parts = serde_json::to_value(&change.parts).unwrap();
    let parts: Vec<&str> = parts.as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect();
    let at = if change.at == change.seen { String::new() } else { format!(" (at {})", change.at.format("%T")) };
    let line = format!(
        "{:3}  {}{at}  {:12}  {key:28}  {}  {:.2}  {}{}",
        change.seq,
        change.seen.format("%T"),
        change.kind.name(),
        change.revision.map_or("-".into(), |revision| revision.to_string()),
        change.significance,
        parts.join(","),
        if change.history { "history" } else { "" },
    );
    line.trim_end().to_owned() + "\n"
}

/// Collects what differs from the expectations, or writes them.
struct Expected<'a> {
    folder: &'a Path,
    wrong: Mutex<Vec<String>>,
}

impl Expected<'_> {
    fn compare(&self, name: &str, got: &str) {
        let path = self.folder.join("expected").join(name);
        if std::env::var_os("TIDINGS_BLESS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, got).unwrap();
            return;
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        if expected != got {
            let at = expected.lines().zip(got.lines()).position(|(one, other)| one != other);
            let at = at.unwrap_or_else(|| expected.lines().count().min(got.lines().count()));
            let [expected, got] =
                [expected.as_str(), got].map(|text| text.lines().nth(at).unwrap_or("(nothing)").to_owned());
            let differs = format!("{} line {}\n  expected {expected}\n  got      {got}", path.display(), at + 1);
            self.wrong.lock().unwrap().push(differs);
        }
    }

    fn all_met(self) {
        let wrong = self.wrong.into_inner().unwrap();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[tokio::test]
async fn every_scripted_life_goes_as_expected() {
    let lives = folders(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/life"));
    assert!(!lives.is_empty());
    for folder in lives {
        let stage = Stage::set(&folder).await;
        stage.play_all().await;
        let expected = Expected { folder: &folder, wrong: Mutex::default() };
        expected.compare("changes.txt", &stage.log().await);
        expected.compare("captures.txt", &stage.captures().await);
        let blog = stage.store.blogs().await.unwrap().remove(0).head.id;
        for (policy, query) in [
            ("inplace", ""),
            ("stubs", "?withdrawn=stub"),
            ("append", "?edits=append"),
            ("corrections", "?edits=corrections"),
        ] {
            for format in ["rss", "atom", "json"] {
                let feed = stage.get(&format!("/blogs/{blog}/feed.{format}{query}")).await;
                expected.compare(&format!("{policy}.{format}"), &feed);
            }
        }
        expected.all_met();
    }
}
