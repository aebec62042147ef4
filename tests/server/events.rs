//! `/events`: what is told, in which order, to whom; coming back without a gap or a repeat; and what a client can't do.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tidings::config::{Access, Secret, Token};
use tidings::model::{CoverageState, Entry, LiveBlog, Mark};
use tidings::server::{Limits, ServerState, Settings, router};
use tidings::store::Store;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::{Listening, PATIENCE, Served, idle, listen, raw};
use crate::listener::{Listener, Told};
use crate::sample::{blog, entry};

fn said(key: &str, at: i64, words: &str) -> Entry {
    Entry { body_html: format!("<p>{words}</p>"), body_text: words.into(), ..entry(key, at) }
}

fn ferry(words: &str, keys: &[(&str, i64)]) -> LiveBlog {
    let entries = keys.iter().map(|(key, at)| if *key == "b" { said(key, *at, words) } else { entry(key, *at) });
    blog("lake", "1", entries.collect())
}

const ALL: [(&str, i64); 4] = [("d", 4), ("c", 3), ("b", 2), ("a", 1)];

/// Four new entries, two edits of the same, one withdrawal, and a key event of another outlet: eight changes.
async fn live(served: &Served) {
    served.save(&ferry("Three boats are out.", &ALL), 10).await;
    served.save(&ferry("Four boats are out.", &ALL), 11).await;
    served.save(&ferry("Everybody is ashore.", &ALL), 12).await;
    for seen in [13, 14] {
        served.save(&ferry("Everybody is ashore.", &[ALL[0], ALL[2], ALL[3]]), seen).await;
    }
    served.save(&blog("hill", "3", vec![Entry { marks: vec![Mark::KeyEvent], ..entry("e", 9) }]), 20).await;
}

/// A server, and the store that it serves, to write to.
async fn open(limits: Limits) -> (Listening, Served, String) {
    let served = Served::with(limits).await;
    let beside = again(&served).await;
    let server = listen(served).await;
    let address = server.address.to_string();
    (server, beside, address)
}

/// Another server on the same store.
async fn again(served: &Served) -> Served {
    let state = ServerState::new(served.store.clone(), None, ([127, 0, 0, 1], 8080).into(), Limits::default());
    Served { folder: TempDir::new().unwrap(), store: served.store.clone(), router: router(state.clone()), state }
}

fn seqs(told: &[Told]) -> Vec<i64> {
    told.iter().map(Told::seq).collect()
}

#[tokio::test]
async fn each_change_is_told_once_as_it_is_made() {
    let (server, served, address) = open(Limits::default()).await;
    let mut listener = Listener::open(&address, "/events", &[]).await;
    assert!(listener.head.starts_with("HTTP/1.1 200 OK\r\n"), "{}", listener.head);
    for header in ["content-type: text/event-stream", "cache-control: no-store", "x-accel-buffering: no"] {
        assert!(listener.head.contains(&format!("\r\n{header}\r\n")), "{header} in {}", listener.head);
    }
    live(&served).await;
    let told = listener.some(8).await;
    assert_eq!(seqs(&told), (1..=8).collect::<Vec<_>>());
    for one in &told {
        assert_eq!((one.id.as_deref(), &*one.name), (Some(&*one.seq().to_string()), "message"));
    }
    let kinds: Vec<String> = told.iter().map(|told| told.json()["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["new", "new", "new", "new", "edited", "edited", "withdrawn", "new"]);
    let edited = told[4].json();
    let b = tidings::identity::entry_id("lake", "1", "b");
    assert_eq!(
        edited,
        json!({
            "seq": 5, "at": "2022-01-07T12:11:00Z", "seen": "2022-01-07T12:11:00Z", "kind": "edited",
            "outlet": "lake", "outlet_name": "LAKE",
            "live_blog": {
                "id": blog("lake", "1", vec![]).head.id, "headline": "Storm over the lake, part 1",
                "url": "https://lake.example/live/1", "language": "en", "state": "live",
            },
            "entry": {
                "id": b.urn().to_string(), "revision": 2, "headline": "Ferry b is late", "byline": ["Ann Rower"],
                "published": {
                    "at": "2022-01-07T12:02:00Z", "precision": "minute", "printed": "12:02", "origin": "text",
                    "zone": "Europe/London",
                },
                "updated": edited["entry"]["updated"], "marks": [],
                "permalink": "https://outlet.example/live#b", "url": format!("http://127.0.0.1:8080/entries/{b}"),
                "body_html": "<p>Four boats are out.</p>", "withdrawn": null,
            },
            "parts": ["body"], "significance": edited["significance"], "history": false,
        })
    );
    assert_eq!(edited["entry"]["updated"]["at"], "2022-01-07T12:11:00Z");
    assert_eq!(told[6].json()["entry"]["withdrawn"], "2022-01-07T12:14:00Z");
    assert_eq!(told[7].json()["entry"]["marks"], json!(["key_event"]));
    // A change of the live blog itself has no entry.
    let mut ended = ferry("Everybody is ashore.", &[ALL[0], ALL[2], ALL[3]]);
    ended.head.coverage.state = CoverageState::Ended;
    served.save(&ended, 30).await;
    let ended = listener.some(2).await[1].json();
    assert_eq!((&ended["kind"], &ended["live_blog"]["state"]), (&"blog_ended".into(), &"ended".into()));
    assert!(ended.as_object().unwrap().get("entry").is_none());
    // What was told is told in the same words for ever: by this server, and by another one.
    let mut later = Listener::open(&address, "/events?after=0", &[]).await;
    assert_eq!(later.some(8).await, told);
    let other = listen(again(&served).await).await;
    // It calls itself by the same name, since the first one was never told another.
    let mut later = Listener::open(&other.address.to_string(), "/events", &[("Last-Event-ID", "0")]).await;
    assert_eq!(later.some(8).await, told);
    drop(server);
}

#[tokio::test]
async fn a_stream_is_filtered_as_a_feed_is() {
    let (_server, served, address) = open(Limits::default()).await;
    // One that is there from the start, and one that asks for all that has been, see the same.
    let lake = blog("lake", "1", vec![]).head.id;
    let of_lake = format!("blog={lake}");
    let rows: Vec<(&str, &[i64])> = vec![
        ("kind=edited,withdrawn", &[5, 6, 7]),
        ("outlet=hill", &[8]),
        ("outlet=hill,lake", &[1, 2, 3, 4, 5, 6, 7, 8]),
        (&of_lake, &[1, 2, 3, 4, 5, 6, 7]),
        ("key_events=1", &[8]),
        ("since=2022-01-07T12:03:00Z", &[3, 4, 7, 8]),
        ("until=2022-01-07T12:03:00Z", &[1, 2, 5, 6]),
        // As the entry stood with the change: the words were put in with one and taken out with the next.
        ("q=four+boats", &[5]),
        ("q=%22boats+are+out%22", &[2, 5]),
        ("q=ashore", &[6]),
        ("author=ann+rower&kind=new&outlet=hill", &[8]),
        ("author=nobody", &[]),
    ];
    // The outlet and the live blog have to be known to be asked for.
    served.save(&blog("lake", "1", vec![]), 1).await;
    served.save(&blog("hill", "3", vec![]), 1).await;
    let mut listeners = Vec::new();
    for (query, _) in &rows {
        listeners.push(Listener::open(&address, &format!("/events?{query}"), &[]).await);
    }
    live(&served).await;
    for ((query, expected), live) in rows.iter().zip(&mut listeners) {
        assert_eq!(seqs(&live.some(expected.len()).await), *expected, "{query}, as it happens");
        assert!(live.silent(Duration::from_millis(20)).await, "{query}");
        let mut later = Listener::open(&address, &format!("/events?after=0&{query}"), &[]).await;
        assert_eq!(seqs(&later.some(expected.len()).await), *expected, "{query}, afterwards");
        assert!(later.silent(Duration::from_millis(20)).await, "{query}");
    }
    for (query, status, told) in [
        ("limit=5", 400, "there is no parameter `limit`"),
        ("outlet=hil", 400, "there is no outlet `hil` here; did you mean `hill`?"),
        ("blog=6497b73b-4df9-5079-aaef-4e560be08c62", 404, "no live blog has the id"),
        ("after=x", 400, "the parameter `after` is `x`, and may be the number of a change, or 0"),
        ("q=%22", 400, "opens a quote"),
    ] {
        let answer = served.get(&format!("/events?{query}")).await;
        assert_eq!(answer.status.as_u16(), status, "{query}");
        assert!(answer.text().contains(told), "{query}: {}", answer.text());
    }
}

/// The client goes away and comes back, the server is stopped and begins anew, and changes are made all the time.
#[tokio::test]
async fn coming_back_leaves_no_gap_and_repeats_nothing() {
    let served = Served::with(Limits::default()).await;
    let store: Store = served.store.clone();
    let writer = again(&served).await;
    let writing = tokio::spawn(async move {
        for nth in 0..120 {
            let entries = (0..=nth).rev().map(|nth| entry(&nth.to_string(), nth)).collect();
            writer.save(&blog("lake", "1", entries), 200 + nth).await;
        }
    });
    let (mut told, mut last) = (Vec::new(), "0".to_owned());
    let mut server = listen(served).await;
    for round in 0.. {
        let address = server.address.to_string();
        let mut listener = Listener::open(&address, "/events?after=0", &[("Last-Event-ID", &last)]).await;
        // Now and then it goes away in the middle, or the server does.
        let many = 3 + round % 7;
        while told.len() < 120 && listener.beats < 100 {
            told.extend(listener.some(1).await.iter().map(Told::seq));
            if told.len() % many == 0 {
                break;
            }
        }
        last = listener.last_id.clone().unwrap();
        if told.len() == 120 {
            break;
        }
        if round % 3 == 0 {
            server.stop.send(()).unwrap();
            drop(listener);
            server.done.await.unwrap();
            let state = ServerState::new(store.clone(), None, ([127, 0, 0, 1], 8080).into(), Limits::default());
            let folder = server._folder;
            server = listen(Served { folder, store: store.clone(), router: router(state.clone()), state }).await;
        }
    }
    writing.await.unwrap();
    assert_eq!(told, (1..=120).collect::<Vec<_>>());
}

/// More than is held in memory, from the beginning, while more comes.
#[tokio::test]
async fn who_begins_far_back_catches_up() {
    let (_server, served, address) = open(Limits::default()).await;
    let many = 2300;
    let entries = (0..many).rev().map(|nth| entry(&nth.to_string(), nth)).collect();
    served.save(&blog("lake", "1", entries), 3000).await;
    served.save(&blog("hill", "1", vec![]), 3000).await;
    let mut listener = Listener::open(&address, "/events?after=0", &[]).await;
    let mut filtered = Listener::open(&address, "/events?after=0&outlet=hill&kind=new", &[]).await;
    let first = listener.some(10).await;
    served.save(&blog("hill", "1", vec![entry("x", 1), entry("y", 2)]), 3001).await;
    let mut told = seqs(&first);
    told.extend(seqs(&listener.some(many as usize - 8).await));
    assert_eq!(told, (1..=many + 2).collect::<Vec<_>>());
    assert_eq!(seqs(&filtered.some(2).await), [many + 1, many + 2]);
}

#[tokio::test]
async fn a_number_of_no_log_is_told_and_the_stream_goes_on_from_the_end() {
    let (_server, served, address) = open(Limits::default()).await;
    live(&served).await;
    for (path, last) in [("/events?after=99", None), ("/events", Some("99")), ("/events?after=3", Some("nonsense"))] {
        let headers: Vec<_> = last.map(|last| ("Last-Event-ID", last)).into_iter().collect();
        let mut listener = Listener::open(&address, path, &headers).await;
        let reset = listener.next().await.unwrap();
        assert_eq!((&*reset.name, reset.json(), reset.id.as_deref()), ("reset", json!({"newest": 8}), Some("8")), "{path}");
        assert!(listener.silent(Duration::from_millis(50)).await);
    }
    let mut listener = Listener::open(&address, "/events?after=8", &[]).await;
    served.save(&blog("hill", "4", vec![entry("f", 30)]), 31).await;
    assert_eq!(listener.next().await.unwrap().seq(), 9, "the end of the log is a place in it");
}

#[tokio::test]
async fn a_stream_with_nothing_to_say_says_so_and_how_far_it_has_come() {
    let limits = Limits { heartbeat: Duration::from_millis(100), ..Limits::default() };
    let (_server, served, address) = open(limits).await;
    served.save(&blog("hill", "3", vec![]), 1).await;
    let mut listener = Listener::open(&address, "/events?outlet=hill", &[]).await;
    live(&served).await;
    assert_eq!(listener.next().await.unwrap().seq(), 8);
    served.save(&blog("lake", "2", vec![entry("x", 30), entry("y", 31)]), 32).await;
    let started = Instant::now();
    while listener.last_id.as_deref() != Some("10") {
        assert!(listener.silent(Duration::from_millis(50)).await, "of no interest");
        assert!(started.elapsed() < PATIENCE, "the number moves on with what was left out");
    }
    let before = listener.beats;
    listener.silent(Duration::from_millis(500)).await;
    assert!(listener.beats > before + 1, "{} after {before}", listener.beats);
}

/// A client that stops reading holds nothing up and nothing but its socket, and not for long.
#[tokio::test]
async fn a_client_that_does_not_read_is_dropped() {
    let (server, served, address) = open(Limits { write: Duration::from_millis(700), ..Limits::default() }).await;
    let stuck = Listener::narrow(&address, "/events").await;
    let mut well = Listener::open(&address, "/events", &[]).await;
    let metrics = server.metrics.clone();
    let open = move || {
        let text = metrics.write(None);
        let line = text.lines().find_map(|line| line.strip_prefix("tidings_event_streams ").map(str::to_owned));
        line.unwrap().parse::<i64>().unwrap()
    };
    assert_eq!(open(), 2);
    // Too much for the buffers of both systems, in bodies that are sent along and one that is not.
    let long = |key: String, at: i64, many: usize| said(&key, at, &"All the ferries are late again. ".repeat(many));
    let entries = (0..400).rev().map(|nth| long(nth.to_string(), nth, if nth == 7 { 2000 } else { 900 })).collect();
    served.save(&blog("lake", "1", entries), 1000).await;
    let told = well.some(400).await;
    assert_eq!(seqs(&told), (1..=400).collect::<Vec<_>>());
    let bodies: Vec<bool> = told.iter().map(|told| told.json()["entry"]["body_html"].is_string()).collect();
    assert_eq!(bodies.iter().filter(|sent| !**sent).count(), 1, "the longest is to be read at its own address");
    let started = Instant::now();
    while open() != 1 {
        assert!(started.elapsed() < PATIENCE, "the stuck one is let go");
        sleep(Duration::from_millis(50)).await;
    }
    served.save(&blog("lake", "2", vec![entry("x", 30)]), 1001).await;
    assert_eq!(well.next().await.unwrap().seq(), 401);
    drop(stuck);
}

#[tokio::test]
async fn a_shutdown_ends_streams_in_order() {
    let (server, served, address) = open(Limits { drain: PATIENCE * 2, ..Limits::default() }).await;
    let mut listeners = Vec::new();
    for _ in 0..3 {
        listeners.push(Listener::open(&address, "/events?after=0", &[]).await);
    }
    served.save(&blog("lake", "1", vec![entry("a", 5)]), 10).await;
    for listener in &mut listeners {
        assert_eq!(listener.next().await.unwrap().seq(), 1);
    }
    let started = Instant::now();
    server.stop.send(()).unwrap();
    for listener in &mut listeners {
        assert_eq!(listener.next().await, None);
    }
    server.done.await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test]
async fn streams_leave_room_for_readers_of_feeds() {
    let limits = Limits { connections: 8, streams: 100, idle: PATIENCE * 2, ..Limits::default() };
    let (_server, _served, address) = open(limits).await;
    let mut listeners = Vec::new();
    for _ in 0..6 {
        listeners.push(Listener::open(&address, "/events", &[]).await);
    }
    let refused = raw(address.parse().unwrap(), "GET /events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(refused.contains("retry-after: 5") && refused.contains("too many streams"), "{refused}");
    // Even with idle clients on the other places, everybody is answered, and no stream makes room.
    let _held = idle(address.parse().unwrap(), 2).await;
    for _ in 0..12 {
        let answer = raw(address.parse().unwrap(), "GET /feed.rss HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    for listener in &mut listeners {
        assert!(listener.silent(Duration::from_millis(5)).await, "it is open still");
    }
    // One that goes makes room for one.
    drop(listeners.pop());
    let started = Instant::now();
    loop {
        let again = Listener::open(&address, "/events", &[]).await;
        if again.head.starts_with("HTTP/1.1 200") {
            break;
        }
        assert!(started.elapsed() < PATIENCE);
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn who_may_not_read_any_more_is_not_told_any_more() {
    let served = Served::with(Limits::default()).await;
    let (state, beside) = (served.state.clone(), again(&served).await);
    let token = |name: &str| Token { name: name.into(), secret: Secret::of(&format!("the-secret-of-{name}")) };
    let access = |names: &[&str]| Access { tokens: names.iter().map(|name| token(name)).collect(), ..Access::default() };
    state.set(Settings { access: access(&["ann", "bob"]), log_requests: false, ..Settings::default() });
    let server = listen(served).await;
    let address = server.address.to_string();
    let refused = Listener::open(&address, "/events", &[]).await;
    assert!(refused.head.starts_with("HTTP/1.1 401"), "{}", refused.head);
    let mut ann = Listener::open(&address, "/events?key=the-secret-of-ann", &[]).await;
    let mut bob = Listener::open(&address, "/events", &[("Authorization", "Bearer the-secret-of-bob")]).await;
    assert!(ann.head.starts_with("HTTP/1.1 200") && ann.head.contains("cache-control: no-store"), "{}", ann.head);
    live(&beside).await;
    assert_eq!((ann.some(8).await.len(), bob.some(8).await.len()), (8, 8));
    // Settings that say the same of readers leave their streams alone.
    state.set(Settings { access: access(&["ann", "bob"]), log_requests: true, ..Settings::default() });
    assert!(ann.silent(Duration::from_millis(50)).await);
    state.set(Settings { access: access(&["bob"]), log_requests: false, ..Settings::default() });
    assert_eq!((ann.next().await, bob.next().await), (None, None));
    let last = [("Last-Event-ID", "7")];
    assert!(Listener::open(&address, "/events?key=the-secret-of-ann", &last).await.head.starts_with("HTTP/1.1 401"));
    let mut bob = Listener::open(&address, "/events?key=the-secret-of-bob", &last).await;
    assert_eq!(bob.next().await.unwrap().seq(), 8);
}

#[tokio::test]
async fn a_head_alone_holds_no_stream() {
    let (server, served, address) = open(Limits::default()).await;
    let answer = served.ask(Method::HEAD, "/events", &[]).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, Some("text/event-stream")));
    assert!(answer.body.is_empty());
    // One whose client is gone is noticed without anything to say.
    let stream = Listener::open(&address, "/events", &[]).await;
    drop(stream);
    let started = Instant::now();
    while !server.metrics.write(None).contains("\ntidings_event_streams 0\n") {
        assert!(started.elapsed() < PATIENCE);
        sleep(Duration::from_millis(20)).await;
    }
    let _: TcpStream = timeout(PATIENCE, TcpStream::connect(&address)).await.unwrap().unwrap();
    let _: Value = served.get("/healthz").await.json();
}
