//! The server: what is where, what is cached how, what a client can't do to it. Most tests call the router; some speak HTTP
//! over a socket.

mod admitted;
mod api;
mod events;
mod readers;
mod lives;
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
async fn a_client_that_has_the_feed_is_told_so() {
    let served = Served::filled().await;
    let plain = served.get("/feed.rss").await;
    let etag = plain.header("etag").unwrap();
    assert!(etag.starts_with('"') && etag.ends_with('"') && etag.len() > 20, "{etag}");
    let gzip = served.ask(Method::GET, "/feed.rss", &[("accept-encoding", "gzip")]).await;
    let gzip_etag = gzip.header("etag").unwrap();
    assert_ne!(etag, gzip_etag);
    let (same, before, after) =
        ("Fri, 07 Jan 2022 12:12:00 GMT", "Fri, 07 Jan 2022 12:11:59 GMT", "Fri, 07 Jan 2022 13:00:00 GMT");
    assert_eq!(plain.header("last-modified"), Some(same));

    let weak = format!("W/{etag}");
    let list = format!("\"other, tag\", {weak}");
    for (headers, status) in [
        (&[("if-none-match", etag)][..], 304),
        (&[("if-none-match", &*weak)], 304),
        (&[("if-none-match", &*list)], 304),
        (&[("if-none-match", "*")], 304),
        (&[("if-none-match", "\"other\"")], 200),
        (&[("if-none-match", gzip_etag)], 200),
        (&[("if-none-match", gzip_etag), ("accept-encoding", "gzip")], 304),
        (&[("if-none-match", etag), ("accept-encoding", "gzip")], 200),
        (&[("if-modified-since", same)], 304),
        (&[("if-modified-since", after)], 304),
        (&[("if-modified-since", before)], 200),
        (&[("if-modified-since", "soon")], 200),
        (&[("if-none-match", "\"other\""), ("if-modified-since", same)], 200),
        (&[("if-none-match", etag), ("if-modified-since", before)], 304),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let answer = served.ask(method.clone(), "/feed.rss", headers).await;
            assert_eq!(answer.status.as_u16(), status, "{method} {headers:?}");
            if status == 304 {
                assert!(answer.body.is_empty());
                assert!(answer.header("etag") == Some(etag) || answer.header("etag") == Some(gzip_etag));
                for name in ["last-modified", "cache-control", "vary", "tidings-checked"] {
                    assert_eq!(answer.header(name), plain.header(name), "{name}");
                    assert!(answer.header(name).is_some(), "{name}");
                }
                assert_eq!(answer.header("content-type"), None);
            }
        }
    }
}

#[tokio::test]
async fn coded_feeds_are_the_plain_one_inside() {
    let served = Served::filled().await;
    for path in ["/feed.rss", "/feed.atom", "/feed.json"] {
        let plain = served.get(path).await;
        // A browser is told another type of XML.
        let vary = if path.ends_with("json") { "Accept-Encoding" } else { "Accept-Encoding, Accept" };
        assert_eq!((plain.header("content-encoding"), plain.header("vary")), (None, Some(vary)));
        let mut tags = vec![plain.header("etag").unwrap().to_owned()];
        for (accepted, coding) in [("gzip", "gzip"), ("gzip, deflate, br", "br")] {
            let coded = served.ask(Method::GET, path, &[("accept-encoding", accepted)]).await;
            assert_eq!((coded.header("content-encoding"), coded.header("vary")), (Some(coding), Some(vary)));
            let mut inside = Vec::new();
            match coding {
                "gzip" => flate2::read::GzDecoder::new(&coded.body[..]).read_to_end(&mut inside).unwrap(),
                _ => brotli::Decompressor::new(&coded.body[..], 4096).read_to_end(&mut inside).unwrap(),
            };
            assert_eq!(inside, plain.body);
            assert!(coded.body.len() < plain.body.len() / 2);
            tags.push(coded.header("etag").unwrap().to_owned());
        }
        tags.dedup();
        assert_eq!(tags.len(), 3, "{tags:?}");
    }
    let none = served.ask(Method::GET, "/feed.rss", &[("accept-encoding", "identity;q=0, zstd")]).await;
    assert_eq!((none.status, none.header("vary")), (StatusCode::NOT_ACCEPTABLE, Some("Accept-Encoding")));
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let served = Served::filled().await;
    for path in ["/feed.rss", "/outlets/lake/feed.json", "/", "/sources", "/healthz", "/static/feed.css"] {
        for headers in [&[][..], &[("accept-encoding", "br")]] {
            let (get, head) = (served.ask(Method::GET, path, headers).await, served.ask(Method::HEAD, path, headers).await);
            assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0), "{path}");
            let length = get.body.len().to_string();
            assert_eq!(head.header("content-length"), Some(&*length), "{path}");
            for (name, value) in &get.headers {
                assert_eq!(head.headers.get(name), Some(value), "{path} {name}");
            }
        }
    }
}

#[tokio::test]
async fn a_feed_changes_when_its_entries_do_and_only_then() {
    let served = Served::filled().await;
    let first = served.get("/outlets/lake/feed.rss").await;
    // Another outlet's news, and our own page read again.
    served.save(&blog("hill", "3", vec![entry("e", 9), entry("d", 8)]), 20).await;
    served.save(&blog("lake", "2", vec![entry("c", 6)]), 21).await;
    let second = served.get("/outlets/lake/feed.rss").await;
    assert_eq!(second.body, first.body);
    for name in ["etag", "last-modified"] {
        assert_eq!(second.header(name), first.header(name));
    }
    served.save(&blog("lake", "2", vec![entry("f", 22), entry("c", 6)]), 23).await;
    let third = served.get("/outlets/lake/feed.rss").await;
    assert_ne!(third.header("etag"), first.header("etag"));
    assert_eq!(third.header("last-modified"), Some("Fri, 07 Jan 2022 12:23:00 GMT"));
    assert!(third.text().contains("Ferry f is late"));
}

#[tokio::test]
async fn between_two_looks_feeds_come_from_memory_and_our_own_refresh_is_seen_at_once() {
    let served = Served::with(Limits { recheck: Duration::from_secs(3600), ..Limits::default() }).await;
    served.save(&blog("lake", "1", vec![entry("a", 5)]), 10).await;
    assert_eq!(headlines(&served.get("/feed.json").await), ["Ferry a is late"]);
    let other = Store::open(&served.folder.path().join("tidings.db")).await.unwrap();
    other.save(&Reading::new(&blog("hill", "3", vec![entry("z", 6)]), minute(11)), None, None).await.unwrap();
    assert_eq!(headlines(&served.get("/feed.json").await), ["Ferry a is late"]);
    served.save(&blog("lake", "1", vec![entry("b", 7), entry("a", 5)]), 12).await;
    assert_eq!(headlines(&served.get("/feed.json").await), ["Ferry b is late", "Ferry z is late", "Ferry a is late"]);
}

#[tokio::test]
async fn what_a_commit_has_changed_is_looked_at_alone_and_at_once() {
    let served = Served::with(Limits { recheck: Duration::from_secs(3600), ..Limits::default() }).await;
    let refreshed = async |read: &tidings::model::LiveBlog, seen: i64| {
        let url = format!("{}/{}", read.head.outlet, read.head.key);
        let state = SourceState {
            last_tried: Some(minute(seen)),
            last_ok: Some(minute(seen)),
            ..SourceState::new(url, 60, minute(0))
        };
        served.store.save(&Reading::new(read, minute(seen)), None, Some(&state)).await.unwrap();
    };
    for nth in 0..4 {
        let outlet = ["lake", "hill"][nth % 2];
        refreshed(&blog(outlet, &nth.to_string(), vec![entry("a", nth as i64)]), 10 + nth as i64).await;
    }
    let lake = blog_path("lake", "2", "rss");
    let first =
        [served.get(&lake).await, served.get("/outlets/lake/feed.rss").await, served.get("/outlets/hill/feed.rss").await];
    assert_eq!(first[1].header("tidings-checked"), Some("Fri, 07 Jan 2022 12:10:00 GMT"));
    let mut ended = blog("lake", "0", vec![entry("b", 20), entry("a", 0)]);
    ended.head.coverage.state = CoverageState::Ended;
    refreshed(&ended, 30).await;
    refreshed(&blog("bay", "9", vec![entry("z", 21)]), 31).await;
    let then =
        [served.get(&lake).await, served.get("/outlets/lake/feed.rss").await, served.get("/outlets/hill/feed.rss").await];
    assert_eq!(
        headlines(&served.get("/outlets/lake/feed.json").await),
        ["Ferry b is late", "Ferry a is late", "Ferry a is late"]
    );
    assert_eq!([0, 1, 2].map(|nth| first[nth].body == then[nth].body), [true, false, true]);
    assert_eq!(then[1].header("tidings-checked"), Some("Fri, 07 Jan 2022 12:12:00 GMT"));
    assert_eq!(served.get(&blog_path("lake", "0", "rss")).await.header("cache-control"), Some("max-age=3600"));
    assert_eq!(then[1].header("cache-control"), Some("max-age=60"));
    let all = served.get("/api/v1/blogs").await.json();
    let told =
        |blog: &Value| format!("{} {} {}", blog["outlet"].as_str().unwrap(), blog["key"].as_str().unwrap(), blog["entries"]);
    let told: Vec<String> = all["blogs"].as_array().unwrap().iter().map(told).collect();
    assert_eq!(told, ["bay 9 1", "hill 1 1", "hill 3 1", "lake 0 2", "lake 2 1"]);
    assert_eq!(all["blogs"][3]["sources"][0]["last_ok"], "2022-01-07T12:30:00Z");
    assert_eq!(served.get("/outlets/bay/feed.rss").await.status, StatusCode::OK);
}

/// Where more than one thing a second changes for long, changes share seconds, and a date alone does not tell them apart.
#[tokio::test]
async fn who_asks_by_date_alone_gets_what_came_within_one_second() {
    let served = Served::empty().await;
    let entries = |count: i64| (0..count).rev().map(|n| entry(&n.to_string(), 0)).collect::<Vec<_>>();
    let (mut date, mut without) = (String::new(), 0);
    for count in 1..=70 {
        served.save(&blog("lake", "1", entries(count)), 10).await;
        let known = [("if-modified-since", date.as_str())];
        let answer = served.ask(Method::GET, "/feed.json?limit=200", &known[usize::from(date.is_empty())..]).await;
        assert_eq!((answer.status, headlines(&answer).len()), (StatusCode::OK, count as usize));
        match answer.header("last-modified") {
            Some(newer) => date = newer.to_owned(),
            None => without += 1,
        }
    }
    assert_eq!(date, "Fri, 07 Jan 2022 12:11:01 GMT");
    assert!((5..15).contains(&without), "{without}");
}

#[tokio::test]
async fn a_commit_of_another_process_is_seen() {
    let served = Served::filled().await;
    let before = served.get("/feed.json").await;
    let other = Store::open(&served.folder.path().join("tidings.db")).await.unwrap();
    other.save(&Reading::new(&blog("hill", "3", vec![entry("z", 30)]), minute(31)), None, None).await.unwrap();
    let after = served.get("/feed.json").await;
    assert_eq!(headlines(&after)[0], "Ferry z is late");
    assert_ne!(after.header("etag"), before.header("etag"));
}

#[tokio::test]
async fn only_what_has_ended_is_kept_for_long() {
    let served = Served::empty().await;
    let ended = |outlet, key| {
        let mut read = blog(outlet, key, vec![entry("a", 5)]);
        read.head.coverage.state = CoverageState::Ended;
        read
    };
    served.save(&ended("lake", "1"), 10).await;
    served.save(&ended("hill", "3"), 10).await;
    served.save(&blog("lake", "2", vec![entry("c", 6)]), 11).await;
    for (path, expected) in [
        ("/feed.rss".to_owned(), "max-age=60"),
        ("/outlets/lake/feed.rss".into(), "max-age=60"),
        ("/outlets/hill/feed.rss".into(), "max-age=3600"),
        (blog_path("lake", "1", "rss"), "max-age=3600"),
        (blog_path("lake", "2", "rss"), "max-age=60"),
    ] {
        assert_eq!(served.get(&path).await.header("cache-control"), Some(expected), "{path}");
    }
}

#[tokio::test]
async fn a_sick_source_shows_in_a_header_and_not_in_the_feed() {
    let served = Served::filled().await;
    let before = served.get("/feed.atom").await;
    assert_eq!(before.header("tidings-checked"), Some("Fri, 07 Jan 2022 12:10:00 GMT"));
    assert_eq!(served.get("/outlets/hill/feed.atom").await.header("tidings-checked"), Some("Fri, 07 Jan 2022 12:12:00 GMT"));
    let mut sources = served.store.sources().await.unwrap();
    for source in &mut sources {
        // One goes on failing, the others were well an hour later.
        if source.url == "https://lake.example/live/2" {
            (source.failures, source.last_error) = (7, Some("the outlet answers 503".into()));
        } else {
            source.last_ok = Some(minute(72));
        }
        served.store.put_source(source).await.unwrap();
    }
    let after = served.get("/feed.atom").await;
    assert_eq!(after.header("tidings-checked"), Some("Fri, 07 Jan 2022 12:11:00 GMT"));
    assert_eq!((after.status, &after.body, after.header("etag")), (StatusCode::OK, &before.body, before.header("etag")));
    let sources = served.get("/sources").await;
    assert!(sources.text().contains("7 refreshes failed: the outlet answers 503"), "{}", sources.text());
    assert!(sources.text().contains("<article class=\"source failing\""), "red: {}", sources.text());
    assert!(served.get("/").await.text().contains("1<span class=\"unseen\"> not well</span>"));
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

#[tokio::test]
async fn it_speaks_http() {
    let server = listening(Limits::default()).await;
    let answer = raw(server.address, "GET /feed.rss HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\r\ncontent-type: application/rss+xml; charset=utf-8\r\n"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(rss::Channel::read_from(body.as_bytes()).unwrap().items.len(), 1);

    let head = raw(server.address, "HEAD /feed.rss HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())) && head.ends_with("\r\n\r\n"), "{head}");
    let bad = raw(server.address, "GET /feed.rss HTTP/1.1\r\nHost : x\r\n\r\n").await;
    assert!(bad.starts_with("HTTP/1.1 400"), "{bad}");
    let long = format!("GET /feed.rss HTTP/1.1\r\nHost: x\r\nCookie: {}\r\n\r\n", "a".repeat(20_000));
    assert!(raw(server.address, &long).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn a_client_that_dribbles_its_request_is_cut_off() {
    assert_eq!(Limits::default().header, Duration::from_secs(5));
    let server = listening(SHORT).await;
    let started = Instant::now();
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /feed.rss HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let dribble = async {
        while writing.write_all(b"x").await.is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let mut answer = Vec::new();
    let closed = async { reading.read_to_end(&mut answer).await };
    tokio::select! {
        () = dribble => {}
        _ = closed => {}
        () = sleep(PATIENCE) => panic!("still open"),
    }
    let took = started.elapsed();
    assert!(took >= SHORT.header && took < SHORT.header * 10, "{took:?}");
}

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

#[tokio::test]
async fn there_are_no_more_connections_than_allowed() {
    let server = listening(Limits { idle: PATIENCE, ..SHORT }).await;
    let mut held = Vec::new();
    for _ in 0..SHORT.connections {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(b"GET /healthz").await.unwrap();
        held.push(stream);
    }
    // Both places are taken by clients in the middle of a request, who have some time left for it.
    let started = Instant::now();
    let answer = raw(server.address, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let took = started.elapsed();
    assert!(took >= SHORT.header / 2 && took < PATIENCE / 2, "{took:?}");
}

#[tokio::test]
async fn idle_connections_make_room_for_the_next_client() {
    let server = listening(Limits { idle: PATIENCE * 2, ..SHORT }).await;
    let _held = idle(server.address, SHORT.connections).await;
    for _ in 0..5 {
        let answer = raw(server.address, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

#[tokio::test]
async fn between_two_requests_a_client_has_more_time_than_for_a_head() {
    assert_eq!((Limits::default().header.as_secs(), Limits::default().idle.as_secs()), (5, 30));
    let server = listening(SHORT).await;
    let mut stream = idle(server.address, 1).await.remove(0);
    sleep(SHORT.header * 2).await;
    stream.write_all(b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let answered = Instant::now();
    let mut rest = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("it is closed").unwrap();
    let took = answered.elapsed();
    assert!(String::from_utf8_lossy(&rest).contains("HTTP/1.1 404"), "the first wait was not too long");
    assert!(took >= SHORT.idle && took < SHORT.idle * 5, "{took:?}");
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_idle_clients_and_frees_the_port() {
    let server = listening(Limits { drain: Duration::from_secs(60), ..Limits::default() }).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    let started = Instant::now();
    server.stop.send(()).unwrap();
    server.done.await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert!(TcpStream::connect(server.address).await.is_err());
}

/// A reader who takes a while is given it, the connection is not kept for a next request.
#[tokio::test]
async fn a_shutdown_finishes_the_answers_under_way() {
    let served = Served::with(Limits::default()).await;
    let mut long = entry("a", 5);
    long.body_html = format!("<p>{}</p>", "All ferries are late. ".repeat(2000));
    let entries =
        (0..200).map(|nth| tidings::model::Entry { body_html: long.body_html.clone(), ..entry(&nth.to_string(), nth) });
    served.save(&blog("lake", "1", entries.collect()), 300).await;
    let server = listen(served).await;
    // No buffer of the system's holds the whole answer.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    let mut stream = socket.connect(server.address).await.unwrap();
    stream.write_all(b"GET /feed.json?limit=200 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 1000];
    stream.read_exact(&mut answer).await.unwrap();
    server.stop.send(()).unwrap();
    sleep(Duration::from_millis(1500)).await;
    assert!(!server.done.is_finished(), "the answer is not in some buffer already");
    let started = Instant::now();
    timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the server closes").unwrap();
    server.done.await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("content-length: {}", body.len())), "cut off: {} bytes of {head}", body.len());
    assert!(body.len() > 8_000_000, "{}", body.len());
}

#[tokio::test]
async fn a_shutdown_waits_no_longer_than_it_may_for_the_rest() {
    let server =
        listening(Limits { drain: Duration::from_millis(200), header: Duration::from_secs(60), ..Limits::default() }).await;
    let mut stuck = TcpStream::connect(server.address).await.unwrap();
    stuck.write_all(b"GET /feed.rss HTTP/1.1\r\nHost: ").await.unwrap();
    // One whole exchange, so that the half one has surely been accepted before it.
    raw(server.address, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let started = Instant::now();
    server.stop.send(()).unwrap();
    server.done.await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(matches!(stuck.read(&mut [0; 10]).await, Ok(0) | Err(_)));
}
