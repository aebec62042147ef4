//! The server: what is where, what is cached how, what a client can't do to it. Most tests call the router; some speak HTTP
//! over a socket.

mod admitted;
mod api;
mod cached;
mod events;
mod readers;
mod lives;
mod socket;
mod stories;
mod timeline;

use std::io::Read;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tempfile::TempDir;
use tidings::model::{CoverageState, LiveBlog};
use tidings::reconcile::Reading;
use tidings::server::{Limits, ServerState, router, serve};
use tidings::store::{SourceState, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};
use tower::ServiceExt;

use crate::sample::{blog, entry, minute};

/// A server over a store of its own. It looks at the store with every request.
struct Served {
    folder: TempDir,
    store: Store,
    state: ServerState,
    router: Router,
}

/// An answer, read to its end.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Served {
    async fn with(limits: Limits) -> Served {
        Served::under(None, limits).await
    }

    /// Reached under `base`.
    async fn under(base: Option<&str>, limits: Limits) -> Served {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("tidings.db")).await.unwrap();
        let listen = SocketAddr::from(([127, 0, 0, 1], 8080));
        let base = base.map(|base| base.parse().unwrap());
        let state = ServerState::new(store.clone(), base.as_ref(), listen, limits);
        Served { folder, store, router: router(state.clone()), state }
    }

    async fn empty() -> Served {
        Served::with(Limits { recheck: Duration::ZERO, ..Limits::default() }).await
    }

    /// With two live blogs of one outlet and one of another, read at different minutes.
    async fn filled() -> Served {
        let served = Served::empty().await;
        served.save(&blog("lake", "1", vec![entry("b", 7), entry("a", 5)]), 10).await;
        served.save(&blog("lake", "2", vec![entry("c", 6)]), 11).await;
        served.save(&blog("hill", "3", vec![entry("d", 8)]), 12).await;
        served
    }

    /// Saves a reading made at `seen`, with its address checked at that minute.
    async fn save(&self, read: &LiveBlog, seen: i64) {
        let source = SourceState {
            blog: Some(read.head.id),
            last_ok: Some(minute(seen)),
            ..SourceState::new(read.head.url.clone().unwrap(), 300, minute(seen))
        };
        self.store.save(&Reading::new(read, minute(seen)), None, Some(&source)).await.unwrap();
    }

    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answered(self.router.clone(), request.body(Body::empty()).unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[]).await
    }
}

async fn answered(router: Router, request: Request<Body>) -> Answer {
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    Answer { status: parts.status, headers: parts.headers, body: body.collect().await.unwrap().to_bytes() }
}

fn blog_path(outlet: &str, key: &str, ending: &str) -> String {
    format!("/blogs/{}/feed.{ending}", tidings::identity::blog_id(outlet, key))
}

fn headlines(feed: &Answer) -> Vec<String> {
    let feed = feed.json();
    feed["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn each_scope_has_its_entries_newest_first() {
    let served = Served::filled().await;
    for (path, expected) in [
        ("/feed.json".to_owned(), &["Ferry d is late", "Ferry b is late", "Ferry c is late", "Ferry a is late"][..]),
        ("/feed.json?limit=2".to_owned(), &["Ferry d is late", "Ferry b is late"]),
        ("/outlets/lake/feed.json".to_owned(), &["Ferry b is late", "Ferry c is late", "Ferry a is late"]),
        (blog_path("lake", "2", "json"), &["Ferry c is late"]),
    ] {
        assert_eq!(headlines(&served.get(&path).await), expected, "{path}");
    }
}

#[tokio::test]
async fn a_hundred_entries_are_served_unless_the_request_says_otherwise() {
    let served = Served::empty().await;
    let entries = (0..205).map(|nth| entry(&nth.to_string(), nth)).collect();
    served.save(&blog("lake", "1", entries), 300).await;
    for (query, expected) in [("", 100), ("?limit=1", 1), ("?limit=200", 200)] {
        assert_eq!(headlines(&served.get(&format!("/feed.json{query}")).await).len(), expected, "{query}");
    }
}

#[tokio::test]
async fn every_feed_has_its_type_and_names_the_address_asked_for() {
    let served = Served::filled().await;
    for (ending, media_type) in [
        ("rss", "application/rss+xml; charset=utf-8"),
        ("atom", "application/atom+xml; charset=utf-8"),
        ("json", "application/feed+json"),
    ] {
        let paths = [format!("/feed.{ending}"), format!("/outlets/lake/feed.{ending}"), blog_path("hill", "3", ending)];
        for path in paths.iter().flat_map(|path| [path.clone(), format!("{path}?limit=7")]) {
            let answer =
                served.ask(Method::GET, &path, &[("host", "evil.example"), ("x-forwarded-host", "evil.example")]).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            assert_eq!(answer.header("content-type"), Some(media_type));
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
            let named = format!("\"http://127.0.0.1:8080{path}\"");
            assert!(answer.text().contains(&named), "{path} does not name {named}:\n{}", answer.text());
            assert!(!answer.text().contains("evil"), "{path}");
        }
    }
}

#[tokio::test]
async fn a_base_url_takes_the_place_of_the_address_listened_on() {
    let served = Served::filled().await;
    let listen = SocketAddr::from(([127, 0, 0, 1], 8080));
    for base in ["https://feeds.example/tidings", "https://feeds.example/tidings/"] {
        let base = url::Url::parse(base).unwrap();
        let router = router(ServerState::new(served.store.clone(), Some(&base), listen, Limits::default()));
        let feed = Served { router, ..Served::filled().await }.get("/feed.json?limit=2").await.json();
        assert_eq!(feed["feed_url"], "https://feeds.example/tidings/feed.json?limit=2");
        assert_eq!(feed["home_page_url"], "https://feeds.example/tidings/");
    }
}

#[tokio::test]
async fn feeds_have_ids_of_their_own() {
    let served = Served::filled().await;
    let mut ids = Vec::new();
    for path in [
        "/feed.json".into(),
        "/outlets/lake/feed.json".into(),
        "/outlets/hill/feed.json".into(),
        blog_path("lake", "1", "json"),
    ] {
        let id = served.get(&path).await.json()["_tidings"]["id"].as_str().unwrap().to_owned();
        assert!(id.starts_with("urn:uuid:") && !ids.contains(&id), "{path}: {id} after {ids:?}");
        ids.push(id);
    }
    assert_eq!(ids[3], tidings::identity::blog_id("lake", "1").urn().to_string());
}

#[tokio::test]
async fn a_title_in_the_configuration_names_the_live_blogs_feed() {
    let served = Served::filled().await;
    let path = blog_path("lake", "1", "json");
    let feed = served.get(&path).await.json();
    assert_eq!(
        (&feed["title"], &feed["home_page_url"]),
        (&"Storm over the lake, part 1".into(), &"https://lake.example/live/1".into())
    );
    let titled =
        SourceState { title: Some("The storm".into()), ..SourceState::new("https://lake.example/live/1", 300, minute(0)) };
    served.store.follow(&[titled], true).await.unwrap();
    let restarted = ServerState::new(served.store.clone(), None, SocketAddr::from(([127, 0, 0, 1], 80)), Limits::default());
    let served = Served { router: router(restarted), ..served };
    assert_eq!(served.get(&path).await.json()["title"], "The storm");
}

#[tokio::test]
async fn what_is_refused_says_why_on_one_line() {
    let served = Served::filled().await;
    let ids = ["hill:3", "lake:1", "lake:2"].map(|both| {
        let (outlet, key) = both.split_once(':').unwrap();
        format!("{} (`Storm over the lake, part {key}`)", tidings::identity::blog_id(outlet, key))
    });
    let blogs = ids.join(", ");
    let nobody = "00000000-0000-0000-0000-000000000000";
    for (method, path, status, told) in [
        (
            Method::GET,
            "/feed.rss?limit=201",
            400,
            "the parameter `limit` is `201`, and may be a number from 1 to 200".to_owned(),
        ),
        (
            Method::GET,
            "/feed.atom?limit=many",
            400,
            "the parameter `limit` is `many`, and may be a number from 1 to 200".into(),
        ),
        (
            Method::GET,
            "/outlets/lake/feed.json?limits=5",
            400,
            "there is no parameter `limits`; did you mean `limit`?".into(),
        ),
        (Method::GET, "/healthz?full=1", 400, "there is no parameter `full`; this address takes none".into()),
        (Method::GET, "/static/feed.css?v=2", 400, "there is no parameter `v`; this address takes none".into()),
        (
            Method::GET,
            "/outlets/laek/feed.rss",
            404,
            "there is no outlet `laek` here; did you mean `lake`? there are hill, lake".into(),
        ),
        (Method::GET, "/outlets/%0d%0aX/feed.rss", 404, "there is no outlet `X` here; there are hill, lake".into()),
        (
            Method::GET,
            &format!("/blogs/{nobody}/feed.rss"),
            404,
            format!("no live blog has the id `{nobody}` here; there are {blogs}"),
        ),
        (Method::GET, "/blogs/1/feed.rss", 404, format!("no live blog has the id `1` here; there are {blogs}")),
        (
            Method::GET,
            "/feed.xml",
            404,
            "nothing is at `/feed.xml`; the feeds are /feed.rss, /feed.atom and /feed.json, and / lists more".into(),
        ),
        (Method::POST, "/feed.rss", 405, "only GET and HEAD are answered here".into()),
        (Method::DELETE, "/", 405, "only GET and HEAD are answered here".into()),
    ] {
        let answer = served.ask(method, path, &[]).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (status, &*format!("{told}\n")), "{path}");
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("allow"), (status == 405).then_some("GET, HEAD"), "{path}");
    }
}

#[tokio::test]
async fn nothing_followed_is_no_mistake() {
    let served = Served::empty().await;
    let feed = served.get("/feed.rss").await;
    assert_eq!((feed.status, feed.header("last-modified")), (StatusCode::OK, None));
    assert!(rss::Channel::read_from(&feed.body[..]).unwrap().items.is_empty());
    assert_eq!(served.get("/feed.rss").await.body, feed.body);
    assert!(served.get("/").await.text().contains("No live blog is followed yet"));
    assert_eq!(
        served.get("/outlets/lake/feed.rss").await.text(),
        "there is no outlet `lake` here; nothing is followed yet\n"
    );
}

#[tokio::test]
async fn an_outlet_that_is_followed_can_be_subscribed_to_before_it_is_read() {
    let served = Served::empty().await;
    let source =
        SourceState { outlet: Some("lake".into()), ..SourceState::new("https://lake.example/live", 300, minute(0)) };
    served.store.follow(&[source], true).await.unwrap();
    let feed = served.get("/outlets/lake/feed.atom").await;
    assert_eq!((feed.status, feed.header("tidings-checked")), (StatusCode::OK, Some("never")));
}

#[tokio::test]
async fn health_tells_of_sources_and_fails_with_the_store() {
    let served = Served::empty().await;
    served.save(&blog("lake", "1", vec![entry("b", 7), entry("a", 5)]), 10).await;
    let mut sick = SourceState::new("https://user:secret@hill.example/live", 300, minute(0));
    (sick.failures, sick.last_error) = (2, Some("the outlet answers 500".into()));
    served.store.put_source(&sick).await.unwrap();
    let health = served.get("/healthz").await;
    assert_eq!((health.status, health.header("content-type")), (StatusCode::OK, Some("application/json")));
    assert_eq!(
        health.json(),
        serde_json::json!({
            "status": "ok",
            "live_blogs": 1,
            "entries": 2,
            "sources": [
                { "url": "https://lake.example/live/1", "last_ok": "2022-01-07T12:10:00Z", "failures": 0, "last_error": null },
                { "url": "https://hill.example/live", "last_ok": null, "failures": 2, "last_error": "the outlet answers 500" },
            ],
        })
    );
    served.store.close().await;
    let health = served.get("/healthz").await;
    assert_eq!((health.status, &health.json()["status"]), (StatusCode::SERVICE_UNAVAILABLE, &Value::from("failing")));
}

#[tokio::test]
async fn a_failing_store_leaves_what_is_in_memory() {
    let served = Served::filled().await;
    let before = served.get("/feed.rss").await;
    served.store.close().await;
    let after = served.get("/feed.rss").await;
    assert_eq!((after.status, &after.body), (StatusCode::OK, &before.body));
    // Another format is written from the same entries.
    assert_eq!(served.get("/feed.atom").await.status, StatusCode::OK);
    // Nobody asked for these while they could be read.
    let cold = served.get("/outlets/lake/feed.atom").await;
    assert_eq!((cold.status, cold.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, Some("5")));
    assert_eq!(cold.text(), "the store does not answer; try again in a few seconds\n");
}

/// A server on a port of its own, until it is told to stop.
struct Listening {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    done: tokio::task::JoinHandle<()>,
    metrics: tidings::metrics::Metrics,
    _folder: TempDir,
}

async fn listening(limits: Limits) -> Listening {
    let served = Served::with(limits).await;
    served.save(&blog("lake", "1", vec![entry("a", 5)]), 10).await;
    listen(served).await
}

async fn listen(served: Served) -> Listening {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let metrics = served.state.metrics();
    let done = tokio::spawn(serve(listener, served.state, async {
        let _ = stopped.await;
    }));
    Listening { address, stop, done, metrics, _folder: served.folder }
}

/// Sends `request` as it is and reads until the server closes.
async fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.expect("the server closes").unwrap();
    answer
}

/// When a test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

const SHORT: Limits = Limits {
    header: Duration::from_millis(300),
    idle: Duration::from_millis(1500),
    write: Duration::from_secs(10),
    connections: 2,
    drain: Duration::from_secs(3),
    feeds: 1024 * 1024,
    pages: 1024 * 1024,
    recheck: Duration::from_secs(1),
    waiting: 4,
    streams: 4,
    heartbeat: Duration::from_secs(15),
};

/// Connections that have been answered and stay, saying nothing.
async fn idle(address: SocketAddr, many: usize) -> Vec<TcpStream> {
    let mut held = Vec::new();
    for _ in 0..many {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        held.push(stream);
    }
    held
}
