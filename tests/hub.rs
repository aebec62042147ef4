//! The WebSub hub, with a subscriber on a socket of its own: asking, confirming, delivering, and everything that a subscriber may not
//! do to us.

mod serving;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;
use tidings::config::{Access, HubSettings, Secret, Token, Topic};
use tidings::fetch::{FetchSettings, Fetcher, Reach};
use tidings::model::{Entry, LiveBlog};
use tidings::push::{Hub, Outgoing};
use tidings::reconcile::Reading;
use tidings::server::{HUB, Limits, ServerState, Settings, serve};
use tidings::store::{Store, Subscription};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use url::form_urlencoded;

use crate::receiver::{Answer, Received, Receiver};
use crate::sample::{blog, entry, minute};

pub use serving::Serving;

/// When a test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

struct Stage {
    _folder: TempDir,
    store: Store,
    ahead: Arc<AtomicI64>,
    serving: Serving,
    receiver: Receiver,
}

const ON: HubSettings = HubSettings { enabled: true, allow_private: true, subscriptions: 5, per_host: 3 };

impl Stage {
    async fn set(settings: HubSettings) -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("tidings.db")).await.unwrap();
        save(&store, 2).await;
        let ahead = Arc::new(AtomicI64::new(0));
        let serving = Serving::start(&store, settings, clock(&ahead), None).await;
        Stage { _folder: folder, store, ahead, serving, receiver: Receiver::start().await }
    }

    /// Subscribes to a path and waits until that holds.
    async fn subscribed(&self, path: &str, callback: &str, more: &[(&str, &str)]) {
        let (topic, callback) = (self.serving.url(path), self.receiver.url(callback));
        let mut fields = vec![("hub.mode", "subscribe"), ("hub.topic", &topic), ("hub.callback", callback.as_str())];
        fields.extend(more);
        let before = self.store.subscriptions().await.unwrap().len();
        assert_eq!(self.serving.form("/hub", &fields).await.0, 202);
        self.until(|all| all.len() > before).await;
    }

    async fn until(&self, wanted: impl Fn(&[Subscription]) -> bool) -> Vec<Subscription> {
        let begun = Instant::now();
        loop {
            let all = self.store.subscriptions().await.unwrap();
            if wanted(&all) {
                return all;
            }
            assert!(begun.elapsed() < PATIENCE, "it stays at {all:?}");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until nothing is left to be asked.
    async fn asked(&self) {
        let begun = Instant::now();
        while !self.store.hub_requests().await.unwrap().is_empty() {
            assert!(begun.elapsed() < PATIENCE);
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Stops it all and starts it again.
    async fn again(self, settings: HubSettings) -> Stage {
        let address = self.serving.stop().await;
        let serving = Serving::start(&self.store, settings, clock(&self.ahead), Some(address)).await;
        Stage { serving, ..self }
    }
}

/// A clock that runs from an afternoon on, and can be put ahead by milliseconds.
fn clock(ahead: &Arc<AtomicI64>) -> tidings::push::Clock {
    let (begun, ahead) = (Instant::now(), ahead.clone());
    Arc::new(move || -> DateTime<Utc> {
        minute(100) + TimeDelta::milliseconds(begun.elapsed().as_millis() as i64 + ahead.load(SeqCst))
    })
}

fn page(entries: i64) -> LiveBlog {
    let entries: Vec<Entry> = (1..=entries).rev().map(|nth| entry(&nth.to_string(), nth)).collect();
    blog("lake", "1", entries)
}

async fn save(store: &Store, entries: i64) {
    store.save(&Reading::new(&page(entries), minute(entries)), None, None).await.unwrap();
}

/// The headlines in an Atom document.
fn headlines(delivered: &Received) -> Vec<String> {
    let feed = atom_syndication::Feed::read_from(&delivered.body[..]).unwrap();
    feed.entries.into_iter().map(|entry| entry.title.value).collect()
}

fn posts(received: &[Received]) -> Vec<&Received> {
    received.iter().filter(|received| received.method == "POST").collect()
}

#[tokio::test]
async fn who_subscribes_is_asked_and_then_told_in_the_feeds_own_type() {
    let stage = Stage::set(ON).await;
    let topic = stage.serving.url("/feed.atom?limit=5");
    let callback = stage.receiver.url("/cb?mine=1");
    let fields = [
        ("hub.mode", "subscribe"),
        ("hub.topic", topic.as_str()),
        ("hub.callback", callback.as_str()),
        ("hub.secret", "between-us"),
        ("unknown", "is passed over"),
    ];
    let (status, told) = stage.serving.form("/hub", &fields).await;
    assert_eq!((status, told.as_str()), (202, "the callback is asked whether it is meant\n"));
    let asked = stage.receiver.until(|received| !received.is_empty()).await.remove(0);
    assert!(asked.method == "GET" && asked.path.starts_with("/cb?mine=1&hub.mode=subscribe&"), "{}", asked.path);
    assert_eq!(asked.parameter("hub.topic").as_deref(), Some(&*topic));
    assert_eq!(asked.parameter("hub.lease_seconds").as_deref(), Some("864000"));
    let challenge = asked.parameter("hub.challenge").unwrap();
    assert!(challenge.len() >= 32, "{challenge}");
    let held = stage.until(|all| all.len() == 1).await.remove(0);
    assert_eq!((&*held.topic, held.reader), ("/feed.atom?limit=5", None));
    stage.subscribed("/outlets/lake/feed.json", "/json", &[]).await;
    stage.subscribed(&format!("/blogs/{}/feed.rss", page(0).head.id), "/rss", &[]).await;

    save(&stage.store, 4).await;
    let received = stage.receiver.until(|received| posts(received).len() >= 3).await;
    let at = |path: &str| posts(&received).into_iter().find(|it| it.path == path).unwrap().clone();
    for (path, kind, own) in [
        ("/cb?mine=1", "application/atom+xml; charset=utf-8", topic.clone()),
        ("/json", "application/feed+json", stage.serving.url("/outlets/lake/feed.json")),
        ("/rss", "application/rss+xml; charset=utf-8", stage.serving.url(&format!("/blogs/{}/feed.rss", page(0).head.id))),
    ] {
        let delivered = at(path);
        assert_eq!(delivered.header("content-type"), Some(kind));
        let links = format!("<{}>; rel=\"hub\", <{own}>; rel=\"self\"", stage.serving.url("/hub"));
        assert_eq!(delivered.header("link"), Some(&*links), "{path}");
        assert!(String::from_utf8_lossy(&delivered.body).contains(&own.replace('&', "&amp;")), "{path}");
    }
    let delivered = at("/cb?mine=1");
    assert_eq!(headlines(&delivered), ["Ferry 4 is late", "Ferry 3 is late"], "what is new, and nothing else");
    let signature = delivered.header("x-hub-signature").unwrap();
    assert!(delivered.is_signed(signature, "between-us") && !delivered.is_signed(signature, "another"));
    assert_eq!(at("/json").header("x-hub-signature"), None);
    assert_eq!(at("/json").json()["items"].as_array().unwrap().len(), 2);

    // What changes another feed only is not delivered, nor is what changes none.
    stage.until(|all| all.iter().all(|one| one.etag != held.etag)).await;
    let before = posts(&stage.receiver.received()).len();
    save(&stage.store, 4).await;
    let hill = blog("hill", "3", vec![entry("x", 30)]);
    stage.store.save(&Reading::new(&hill, minute(31)), None, None).await.unwrap();
    let received = stage.receiver.until(|received| posts(received).len() > before).await;
    sleep(Duration::from_millis(300)).await;
    assert_eq!(posts(&stage.receiver.received()).len(), before + 1);
    assert_eq!(headlines(posts(&received)[before]), ["Ferry x is late"]);
}

#[tokio::test]
async fn what_was_not_delivered_is_delivered_after_a_restart() {
    let stage = Stage::set(ON).await;
    stage.subscribed("/feed.atom", "/cb", &[("hub.secret", "between-us")]).await;
    stage.receiver.answers([Answer::Status(500)]);
    save(&stage.store, 3).await;
    let failed = stage.until(|all| all[0].failures > 0).await.remove(0);
    assert_eq!(failed.last_error.as_deref(), Some("it answers with status 500"));
    // Stopped, changed by another program, and started again.
    let store = stage.store.clone();
    let address = stage.serving.stop().await;
    save(&store, 5).await;
    let serving = Serving::start(&store, ON, clock(&stage.ahead), Some(address)).await;
    let received = stage.receiver.until(|received| posts(received).len() >= 2).await;
    assert_eq!(headlines(posts(&received)[0]), ["Ferry 3 is late"]);
    assert_eq!(headlines(posts(&received)[1]), ["Ferry 5 is late", "Ferry 4 is late", "Ferry 3 is late"]);
    let signature = posts(&received)[1].header("x-hub-signature").unwrap();
    assert!(posts(&received)[1].is_signed(signature, "between-us"));
    let stage = Stage { serving, ..stage };
    stage.until(|all| all[0].failures == 0).await;
    // All is delivered: another start tells nobody anything.
    let stage = stage.again(ON).await;
    sleep(Duration::from_millis(300)).await;
    assert_eq!(posts(&stage.receiver.received()).len(), 2);
}

#[tokio::test]
async fn a_subscription_ends_with_its_lease_and_with_410_and_when_it_is_ended() {
    let stage = Stage::set(ON).await;
    stage.subscribed("/feed.atom", "/short", &[("hub.lease_seconds", "60")]).await;
    stage.subscribed("/feed.atom", "/gone", &[("hub.lease_seconds", "99999999999")]).await;
    stage.subscribed("/feed.atom", "/ended", &[]).await;
    let leases: Vec<i64> = stage.until(|_| true).await.iter().map(|one| (one.expires - minute(100)).num_days()).collect();
    assert_eq!(
        {
            let mut leases = leases;
            leases.sort_unstable();
            leases
        },
        [0, 10, 30]
    );
    let topic = stage.serving.url("/feed.atom");
    // Nobody is asked about what they never had.
    let stranger = stage.receiver.url("/stranger");
    let end = [("hub.mode", "unsubscribe"), ("hub.topic", topic.as_str()), ("hub.callback", stranger.as_str())];
    assert_eq!(stage.serving.form("/hub", &end).await.0, 202);
    assert!(stage.store.hub_requests().await.unwrap().is_empty());
    let callback = stage.receiver.url("/ended");
    let end = [("hub.mode", "unsubscribe"), ("hub.topic", topic.as_str()), ("hub.callback", callback.as_str())];
    assert_eq!(stage.serving.form("/hub", &end).await.0, 202);
    stage.until(|all| all.len() == 2).await;
    let asked = stage.receiver.received();
    let ended = asked.iter().filter(|it| it.parameter("hub.mode").as_deref() == Some("unsubscribe")).collect::<Vec<_>>();
    assert_eq!((ended.len(), ended[0].parameter("hub.lease_seconds")), (1, None));

    stage.ahead.store(61_000, SeqCst);
    stage.receiver.answers([Answer::Status(410)]);
    save(&stage.store, 3).await;
    stage.until(<[Subscription]>::is_empty).await;
    let received = stage.receiver.received();
    assert_eq!(posts(&received).iter().map(|it| it.path.as_str()).collect::<Vec<_>>(), ["/gone"]);
    save(&stage.store, 4).await;
    sleep(Duration::from_millis(300)).await;
    assert_eq!(posts(&stage.receiver.received()).len(), 1, "nobody is left to be told");
}

#[tokio::test]
async fn who_did_not_mean_it_is_not_subscribed() {
    let stage = Stage::set(ON).await;
    stage.receiver.challenged("something else");
    let topic = stage.serving.url("/feed.atom");
    let victim = stage.receiver.url("/victim");
    let fields = [("hub.mode", "subscribe"), ("hub.topic", topic.as_str()), ("hub.callback", victim.as_str())];
    assert_eq!(stage.serving.form("/hub", &fields).await.0, 202);
    stage.receiver.until(|received| received.len() == 1).await;
    stage.asked().await;
    assert!(stage.store.subscriptions().await.unwrap().is_empty());
    // One that holds is not ended by somebody else either.
    let stage = {
        drop(stage);
        Stage::set(ON).await
    };
    stage.subscribed("/feed.atom", "/cb", &[]).await;
    stage.receiver.challenged("no");
    let (topic, callback) = (stage.serving.url("/feed.atom"), stage.receiver.url("/cb"));
    let end = [("hub.mode", "unsubscribe"), ("hub.topic", topic.as_str()), ("hub.callback", callback.as_str())];
    assert_eq!(stage.serving.form("/hub", &end).await.0, 202);
    stage.asked().await;
    save(&stage.store, 3).await;
    stage.receiver.until(|received| posts(received).len() == 1).await;
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_told() {
    let stage = Stage::set(ON).await;
    let (good, callback) = (stage.serving.url("/feed.atom"), stage.receiver.url("/cb").to_string());
    let long = format!("{callback}?{}", "x".repeat(2100));
    let elsewhere =
        ["https://news.example/feed.atom".to_owned(), stage.serving.url("/"), stage.serving.url("/archive/1.atom")];
    let nothing = [stage.serving.url("/outlets/nobody/feed.atom"), stage.serving.url("/feed.atom?limit=many")];
    let twice = [("hub.topic", good.as_str())];
    /// Mode, topic, callback, more fields, and what is told.
    type Row<'a> = (&'a str, &'a str, &'a str, &'a [(&'a str, &'a str)], &'a str);
    let rows: Vec<Row> = vec![
        ("", &good, &callback, &[], "`hub.mode` is ``, and may be `subscribe` or `unsubscribe`"),
        ("publish", &good, &callback, &[], "`hub.mode` is `publish`"),
        ("subscribe", &elsewhere[0], &callback, &[], "has to be the address of one of the feeds here"),
        ("subscribe", &elsewhere[1], &callback, &[], "has to be the address of one of the feeds here"),
        ("subscribe", &elsewhere[2], &callback, &[], "has to be the address of one of the feeds here"),
        ("subscribe", &nothing[0], &callback, &[], "there is no such feed"),
        ("subscribe", &nothing[1], &callback, &[], "there is no such feed"),
        ("subscribe", &good, "ftp://example.org/", &[], "`hub.callback` is wrong: "),
        ("subscribe", &good, "https://me:secret@example.org/", &[], "`hub.callback` is wrong: "),
        ("subscribe", &good, &long, &[], "`hub.callback` is longer than 2048 bytes"),
        (
            "subscribe",
            &good,
            &callback,
            &[("hub.lease_seconds", "soon")],
            "`hub.lease_seconds` is `soon`, and may be a number",
        ),
        ("subscribe", &good, &callback, &twice, "`hub.topic` is there twice"),
    ];
    for (mode, topic, callback, more, told) in rows {
        let mut fields = vec![("hub.mode", mode), ("hub.topic", topic), ("hub.callback", callback)];
        fields.extend(more);
        let (status, said) = stage.serving.form("/hub", &fields).await;
        assert_eq!(status, 400, "{told}: {said}");
        assert!(said.contains(told), "{told}: {said}");
    }
    let secret = "s".repeat(200);
    let fields = [("hub.mode", "subscribe"), ("hub.topic", &good), ("hub.callback", &callback), ("hub.secret", &secret)];
    let (status, said) = stage.serving.form("/hub", &fields).await;
    assert_eq!((status, said.as_str()), (400, "`hub.secret` may have 1 to 199 bytes\n"));
    assert_eq!(stage.serving.form("/hub", &[("hub.mode", "subscribe")]).await.1, "`hub.callback` is missing\n");

    // The form itself.
    let form = "application/x-www-form-urlencoded";
    assert_eq!(stage.serving.post("/hub", "application/json", "{}").await.0, 415);
    assert_eq!(stage.serving.post("/hub", form, &"x".repeat(16 * 1024 + 1)).await.0, 413);
    let (status, head, _) = stage.serving.get("/hub").await;
    assert!(status == 405 && head.contains("allow: POST"), "{head}");
    assert_eq!(stage.serving.post("/feed.atom", form, "x=1").await.0, 413, "no other address takes a body");
    let begun = Instant::now();
    let half =
        format!("POST /hub HTTP/1.1\r\nHost: localhost\r\nContent-Type: {form}\r\nContent-Length: 100\r\n\r\nhub.mode=");
    assert_eq!(stage.serving.ask(&half).await.0, 408);
    assert!(begun.elapsed() < PATIENCE / 2, "{:?}", begun.elapsed());
    assert!(stage.receiver.received().is_empty() && stage.store.hub_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn nobody_is_reached_on_a_network_of_ones_own() {
    let stage = Stage::set(HubSettings { allow_private: false, ..ON }).await;
    let topic = stage.serving.url("/feed.atom");
    let port = stage.receiver.url("/").port().unwrap();
    for (callback, status) in [
        (format!("http://127.0.0.1:{port}/cb"), 400),
        (format!("http://[::ffff:127.0.0.1]:{port}/cb"), 400),
        (format!("http://0x7f.1:{port}/cb"), 400),
        ("http://169.254.169.254/latest".to_owned(), 400),
        // What a name leads to is seen when it is asked.
        (format!("http://localhost:{port}/cb"), 202),
    ] {
        let fields = [("hub.mode", "subscribe"), ("hub.topic", topic.as_str()), ("hub.callback", callback.as_str())];
        let (found, told) = stage.serving.form("/hub", &fields).await;
        assert_eq!(found, status, "{callback}: {told}");
    }
    let begun = Instant::now();
    while stage.store.hub_requests().await.unwrap().iter().all(|asked| asked.failures == 0) {
        assert!(begun.elapsed() < PATIENCE);
        sleep(Duration::from_millis(10)).await;
    }
    assert!(stage.receiver.received().is_empty(), "it was tried, and not there");
}

#[tokio::test]
async fn there_are_no_more_subscriptions_than_allowed() {
    let stage = Stage::set(ON).await;
    for path in ["/1", "/2", "/3"] {
        stage.subscribed("/feed.atom", path, &[]).await;
    }
    let topic = stage.serving.url("/feed.atom");
    let subscribe = |callback: String| {
        let (stage, topic) = (&stage, topic.clone());
        async move {
            let fields = [("hub.mode", "subscribe"), ("hub.topic", topic.as_str()), ("hub.callback", callback.as_str())];
            stage.serving.form("/hub", &fields).await.0
        }
    };
    assert_eq!(subscribe(stage.receiver.url("/4").into()).await, 503, "of one host");
    assert_eq!(subscribe(stage.receiver.url("/3").into()).await, 202, "one that is there already may be renewed");
    let port = stage.receiver.url("/").port().unwrap();
    for (host, status) in [("localhost", 202), ("127.0.0.2", 202), ("127.0.0.3", 503)] {
        assert_eq!(subscribe(format!("http://{host}:{port}/cb")).await, status, "{host}, in all");
    }
}

#[tokio::test]
async fn feeds_name_the_hub_only_where_there_is_one() {
    let stage = Stage::set(HubSettings::default()).await;
    let without = stage.serving.get("/feed.atom").await;
    assert!(!without.1.contains("\r\nlink:") && !without.2.contains("rel=\"hub\""), "{}", without.1);
    let fields = [("hub.mode", "subscribe")];
    assert_eq!(stage.serving.form("/hub", &fields).await.0, 413, "nothing takes a body");
    assert_eq!(stage.serving.get("/hub").await.0, 404);
    let stage = stage.again(ON).await;
    let hub = stage.serving.url("/hub");
    for path in ["/feed.atom?limit=1", "/feed.rss", "/outlets/lake/feed.json"] {
        let (status, head, body) = stage.serving.get(path).await;
        let links = format!("\r\nlink: <{hub}>; rel=\"hub\", <{}>; rel=\"self\"", stage.serving.url(path));
        assert!(status == 200 && head.contains(&links), "{head}");
        let named = match path.split('?').next().unwrap().rsplit('.').next().unwrap() {
            "json" => {
                let feed: serde_json::Value = serde_json::from_str(&body).unwrap();
                feed["hubs"] == serde_json::json!([{"type": "WebSub", "url": hub}])
            }
            _ => body.contains("rel=\"hub\"") && body.contains(&format!("href=\"{hub}\"")),
        };
        assert!(named, "{body}");
    }
    // Nothing else of it is another than before.
    let with = stage.serving.get("/feed.atom").await;
    let others: Vec<&str> = with.2.lines().filter(|line| !line.contains(&hub)).collect();
    assert_eq!(others, without.2.lines().collect::<Vec<_>>());
}

#[tokio::test]
async fn who_follows_a_feed_that_is_no_more_is_told_so() {
    let stage = Stage::set(ON).await;
    let set = |topics: Vec<Topic>| stage.serving.state.set(Settings { topics, ..Settings::default() });
    set(vec![Topic { name: "ferries".into(), title: "Ferries".into(), live_blogs: Vec::new() }]);
    stage.subscribed("/topics/ferries/feed.atom", "/cb", &[]).await;
    stage.subscribed("/feed.atom", "/other", &[]).await;
    set(Vec::new());
    save(&stage.store, 3).await;
    let gone = |received: &[Received]| {
        received.iter().any(|it| it.path.starts_with("/cb?hub.mode=denied") && it.parameter("hub.reason").is_some())
    };
    stage.receiver.until(gone).await;
    assert_eq!(stage.until(|all| all.len() == 1).await[0].topic, "/feed.atom");
}

#[tokio::test]
async fn only_who_may_read_subscribes_and_as_long_as_that_is_so() {
    let stage = Stage::set(ON).await;
    let token = |name: &str| Token { name: name.into(), secret: Secret::of(&format!("the-secret-of-{name}")) };
    let set = |names: &[&str]| {
        let tokens = names.iter().map(|name| token(name)).collect();
        stage.serving.state.set(Settings {
            access: Access { tokens, ..Access::default() },
            log_requests: false,
            ..Settings::default()
        });
    };
    set(&["ann", "bob"]);
    let topic = stage.serving.url("/feed.atom?key=the-secret-of-ann&limit=5");
    for (name, callback) in [("ann", "/ann"), ("bob", "/bob")] {
        let callback = stage.receiver.url(callback);
        let fields = [("hub.mode", "subscribe"), ("hub.topic", topic.as_str()), ("hub.callback", callback.as_str())];
        assert_eq!(stage.serving.form("/hub", &fields).await.0, 401);
        assert_eq!(stage.serving.form(&format!("/hub?key=the-secret-of-{name}"), &fields).await.0, 202);
    }
    let all = stage.until(|all| all.len() == 2).await;
    assert!(all.iter().all(|one| one.topic == "/feed.atom?limit=5"), "a token is not kept: {all:?}");
    set(&["bob"]);
    save(&stage.store, 3).await;
    let received = stage.receiver.until(|received| !posts(received).is_empty()).await;
    stage.until(|all| all.len() == 1).await;
    assert_eq!(posts(&received).iter().map(|it| it.path.as_str()).collect::<Vec<_>>(), ["/bob"]);
    // Section 5.2: who is denied is told so, once.
    let denied = |received: &[Received]| {
        let of = |it: &&Received| it.parameter("hub.mode").as_deref() == Some("denied");
        received.iter().filter(of).cloned().collect::<Vec<_>>()
    };
    let told = denied(&stage.receiver.until(|received| !denied(received).is_empty()).await);
    assert!(told[0].path.starts_with("/ann?"), "{}", told[0].path);
    assert_eq!((told[0].method.as_str(), told[0].parameter("hub.challenge")), ("GET", None));
    assert_eq!(told[0].parameter("hub.topic"), Some(stage.serving.url("/feed.atom?limit=5")));
    assert!(told[0].parameter("hub.reason").is_some_and(|reason| reason.contains("token")));
    save(&stage.store, 4).await;
    let received = stage.receiver.until(|received| posts(received).len() == 2).await;
    assert_eq!(denied(&received).len(), 1);
    assert!(received.iter().all(|it| !it.head.contains("the-secret")), "nobody is told a token");
}
