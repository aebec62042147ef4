//! The API: the change log and waiting for it, entries and live blogs page by page, an entry's whole life; and that what
//! `/openapi.json` says of the answers is what they are.

mod description;

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tidings::model::{Entry, LiveBlog, Mark};
use tidings::reconcile::Reading;
use tidings::server::Limits;
use tidings::store::{NewCapture, SourceState, Store};
use tokio::time::{Instant, timeout};
use tower::ServiceExt;

use super::{Served, headlines};
use crate::sample::{blog, entry, minute};

async fn get(router: Router, path: &str) -> super::Answer {
    super::answered(router, Request::get(path).body(Body::empty()).unwrap()).await
}

/// Saves a page with bytes of its own.
async fn save(store: &Store, read: &LiveBlog, seen: i64) {
    let body = format!("{seen} {read:?}");
    let capture = NewCapture {
        url: read.head.url.as_deref(),
        outlet: None,
        title: None,
        content_type: Some("text/html"),
        headers: &[],
        body: body.as_bytes(),
        known_as: None,
        read_by: "test",
    };
    store.save(&Reading::new(read, minute(seen)), Some(&capture), None).await.unwrap();
}

fn said(key: &str, at: i64, words: &str) -> Entry {
    Entry { body_html: format!("<p>{words}</p>"), body_text: words.into(), ..entry(key, at) }
}

/// A live blog with an entry that was edited twice, one that was withdrawn, and one of another outlet.
async fn lived() -> Served {
    let served = Served::empty().await;
    let page = |b: &str, entries: &[(&str, i64)]| {
        let words = |(key, at): &(&str, i64)| if *key == "b" { said(key, *at, b) } else { entry(key, *at) };
        blog("lake", "1", entries.iter().map(words).collect())
    };
    let all = [("d", 4), ("c", 3), ("b", 2), ("a", 1)];
    save(&served.store, &page("Three boats are out.", &all), 10).await;
    save(&served.store, &page("Four boats are out.", &all), 11).await;
    save(&served.store, &page("Four boats are out, <b>say</b> police.", &all), 12).await;
    for seen in [13, 14] {
        save(&served.store, &page("Four boats are out, <b>say</b> police.", &[all[0], all[2], all[3]]), seen).await;
    }
    let mut other = blog("hill", "3", vec![Entry { marks: vec![Mark::KeyEvent], ..entry("e", 9) }]);
    other.head.standfirst = Some("On the hill".into());
    save(&served.store, &other, 20).await;
    let mut source = SourceState::new("https://lake.example/live/1", 60, minute(0));
    source.blog = Some(page("", &[]).head.id);
    served.store.put_source(&source).await.unwrap();
    served
}

fn seqs(answer: &Value) -> Vec<i64> {
    answer["changes"].as_array().unwrap().iter().map(|change| change["seq"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn the_log_is_read_from_where_one_left_off() {
    let served = lived().await;
    let all = served.get("/api/v1/changes").await.json();
    assert_eq!((seqs(&all), &all["after"], &all["newest"]), ((1..=8).collect(), &8.into(), &8.into()));
    let mut after = 0;
    let mut read = Vec::new();
    while after < 8 {
        let some = served.get(&format!("/api/v1/changes?after={after}&limit=3")).await.json();
        read.extend(seqs(&some));
        after = some["after"].as_i64().unwrap();
    }
    assert_eq!(read, seqs(&all));
    let kinds = |path: &'static str| {
        let served = &served;
        async move {
            let answer = served.get(path).await.json();
            let kinds = answer["changes"].as_array().unwrap().iter().map(|it| it["kind"].as_str().unwrap().to_owned());
            (kinds.collect::<Vec<_>>(), answer["after"].as_i64().unwrap())
        }
    };
    assert_eq!(
        kinds("/api/v1/changes?kind=edited,withdrawn").await,
        (vec!["edited".into(), "edited".into(), "withdrawn".into()], 8)
    );
    assert_eq!(kinds("/api/v1/changes?outlet=hill").await, (vec!["new".into()], 8));
    let blog = format!("/api/v1/changes?kind=new&limit=2&blog={}", blog("lake", "1", vec![]).head.id);
    assert_eq!(seqs(&served.get(&blog).await.json()), [1, 2]);
    // What has not changed costs nothing.
    let tag = served.get("/api/v1/changes").await.header("etag").unwrap().to_owned();
    let again = served.ask(axum::http::Method::GET, "/api/v1/changes", &[("if-none-match", &tag)]).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
}

#[tokio::test]
async fn who_waits_is_answered_as_soon_as_there_is_something() {
    let served = lived().await;
    let waiting = |path: &'static str| {
        let router = served.router.clone();
        tokio::spawn(async move { (get(router, path).await.json(), Instant::now()) })
    };
    // There is something already: nobody waits.
    assert_eq!(seqs(&waiting("/api/v1/changes?after=7&wait=60").await.unwrap().0), [8]);
    let (all, hill) = (waiting("/api/v1/changes?after=8&wait=60"), waiting("/api/v1/changes?after=8&wait=2&outlet=hill"));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (from, before) = (Instant::now(), served.store.noticed());
    served.save(&blog("lake", "2", vec![entry("x", 30)]), 31).await;
    let (answer, at) = timeout(Duration::from_secs(5), all).await.unwrap().unwrap();
    assert_eq!((seqs(&answer), before), (vec![9], 8));
    assert!(at - from < Duration::from_millis(900), "{:?}", at - from);
    // What is of no interest wakes nobody, and is not read again.
    let (answer, _) = timeout(Duration::from_secs(5), hill).await.unwrap().unwrap();
    assert_eq!((seqs(&answer), &answer["after"]), (vec![], &9.into()));
    // Another process.
    let all = waiting("/api/v1/changes?after=9&wait=60");
    let other = Store::open(&served.folder.path().join("tidings.db")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let from = Instant::now();
    save(&other, &blog("lake", "3", vec![entry("y", 32)]), 33).await;
    let (answer, at) = timeout(Duration::from_secs(5), all).await.unwrap().unwrap();
    assert_eq!(seqs(&answer), [10]);
    assert!(at - from < Duration::from_secs(2), "{:?}", at - from);
}

#[tokio::test]
async fn only_so_many_may_wait() {
    let served = Served::with(Limits { waiting: 1, ..Limits::default() }).await;
    let router = served.router.clone();
    let first = tokio::spawn(async move { get(router, "/api/v1/changes?wait=60").await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let second = served.get("/api/v1/changes?wait=60").await;
    assert_eq!((second.status, second.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, Some("5")));
    assert_eq!(served.get("/api/v1/changes").await.status, StatusCode::OK, "who does not wait takes no place");
    served.save(&blog("lake", "1", vec![entry("a", 1)]), 2).await;
    assert_eq!(seqs(&first.await.unwrap().json()), [1]);
    assert_eq!(served.get("/api/v1/changes?wait=1").await.status, StatusCode::OK, "the place is free again");
}

#[tokio::test]
async fn entries_are_paged_without_a_gap() {
    let served = lived().await;
    let headline = |answer: &Value| -> Vec<String> {
        answer["entries"].as_array().unwrap().iter().map(|it| it["headline"].as_str().unwrap().to_owned()).collect()
    };
    let all = served.get("/api/v1/entries").await.json();
    assert_eq!(headline(&all), ["e", "d", "c", "b", "a"].map(|key| format!("Ferry {key} is late")));
    assert!(all["next"].is_null());
    let (mut read, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = served.get(&format!("/api/v1/entries?limit=2{cursor}")).await.json();
        read.extend(headline(&page));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(read, headline(&all));
    let withdrawn: Vec<bool> =
        all["entries"].as_array().unwrap().iter().map(|it| it["life"]["withdrawn"].is_string()).collect();
    assert_eq!(withdrawn, [false, false, true, false, false]);
    for (query, keys) in [
        ("outlet=hill", &["e"][..]),
        ("key_events=1", &["e"]),
        ("since=2022-01-07T12:03:00Z", &["e", "d", "c"]),
        ("since=2022-01-07", &["e", "d", "c", "b", "a"]),
        ("q=four+%22boats+are%22", &["b"]),
        ("q=ferry+c", &["c"]),
        ("q=ferry&since=2022-01-07T12:03:00Z&until=2022-01-07T12:09:00Z", &["d", "c"]),
        ("q=ferry&outlet=hill", &["e"]),
        ("q=three", &[]),
        ("author=rower", &["e", "d", "c", "b", "a"]),
        ("author=rower&key_events=1", &["e"]),
        ("until=2022-01-07T12:03:00Z", &["b", "a"]),
        ("since=2022-01-07T12:02:00Z&until=2022-01-07T13:03:00%2B01:00", &["b"]),
    ] {
        let found = served.get(&format!("/api/v1/entries?{query}")).await.json();
        assert_eq!(headline(&found), keys.iter().map(|key| format!("Ferry {key} is late")).collect::<Vec<_>>(), "{query}");
    }
}

#[tokio::test]
async fn a_search_is_paged_without_a_gap_and_finds_history() {
    let served = Served::empty().await;
    let entries = |range: std::ops::Range<i64>| range.rev().map(|n| entry(&n.to_string(), n / 3)).collect::<Vec<_>>();
    save(&served.store, &blog("lake", "1", entries(20..60)), 100).await;
    let old = blog("lake", "1", entries(0..20));
    served.store.save(&Reading { history: true, ..Reading::new(&old, minute(101)) }, None, None).await.unwrap();
    for filter in ["", "&q=late", "&author=ann+rower", "&q=late&outlet=lake"] {
        let (mut read, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = served.get(&format!("/api/v1/entries?limit=7{filter}{cursor}")).await.json();
            read.extend(page["entries"].as_array().unwrap().iter().map(|it| it["key"].as_str().unwrap().to_owned()));
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let minutes: Vec<i64> = read.iter().map(|key| key.parse::<i64>().unwrap() / 3).collect();
        assert!(minutes.is_sorted_by(|one, next| one >= next), "{filter}: {read:?}");
        assert_eq!((read.len(), read.iter().collect::<BTreeSet<_>>().len()), (60, 60), "{filter}");
    }
}

#[tokio::test]
async fn live_blogs_are_listed_with_their_feeds() {
    let served = lived().await;
    let first = served.get("/api/v1/blogs?limit=1").await.json();
    assert_eq!((&first["blogs"][0]["outlet"], &first["blogs"][0]["entries"]), (&"hill".into(), &1.into()));
    let second = served.get(&format!("/api/v1/blogs?limit=1&cursor={}", first["next"].as_str().unwrap())).await.json();
    assert_eq!((&second["blogs"][0]["key"], &second["next"]), (&"1".into(), &Value::Null));
    let id = second["blogs"][0]["id"].as_str().unwrap().trim_start_matches("urn:uuid:").to_owned();
    let one = served.get(&format!("/api/v1/blogs/{id}")).await.json();
    assert_eq!(one, second["blogs"][0]);
    assert_eq!(one["sources"][0]["url"], "https://lake.example/live/1");
    let feed = one["feeds"]["json"].as_str().unwrap().strip_prefix("http://127.0.0.1:8080").unwrap();
    assert_eq!(headlines(&served.get(feed).await).len(), 3);
    assert_eq!(served.get("/api/v1/blogs?outlet=lake").await.json()["blogs"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_wrong_is_told_as_a_problem() {
    let served = lived().await;
    for (path, status, detail) in [
        ("/api/v1/changes?afer=1", 400, "there is no parameter `afer`; did you mean `after`?"),
        (
            "/api/v1/changes?after=-1",
            400,
            "the parameter `after` is `-1`, and may be a number from 0 to 9223372036854775807",
        ),
        ("/api/v1/changes?after=99", 400, "the parameter `after` is `99`, and the log ends at 8"),
        ("/api/v1/changes?limit=1001", 400, "may be a number from 1 to 1000"),
        ("/api/v1/changes?wait=61", 400, "may be a number from 0 to 60"),
        ("/api/v1/changes?kind=new,gone", 400, "the parameter `kind` is `gone`, and may be one or more of new, edited"),
        ("/api/v1/changes?outlet=lac", 404, "there is no outlet `lac` here"),
        ("/api/v1/changes?blog=6497b73b-4df9-5079-aaef-4e560be08c62", 404, "no live blog has the id"),
        ("/api/v1/changes?blog=7", 400, "the parameter `blog` is `7`, and has to be an id"),
        ("/api/v1/entries?since=today", 400, "the parameter `since` is `today`, and may be an instant like"),
        ("/api/v1/entries?since=2022-01-07&until=2022-01-07", 400, "the parameter `until` is not after `since`"),
        ("/api/v1/entries?q=%22ferry", 400, "the parameter `q` is `\"ferry`, and opens a quote and does not close it"),
        ("/api/v1/entries?author=-", 400, "the parameter `author` is `-`, and has no word in it"),
        ("/api/v1/entries?outlet=lac&q=ferry", 404, "there is no outlet `lac` here"),
        ("/api/v1/entries?cursor=x", 400, "the parameter `cursor` is `x`, and has to be what an answer said in `next`"),
        ("/api/v1/entries?key_events=yes", 400, "may be 1, or left out"),
        ("/api/v1/entries?limit=201", 400, "may be a number from 1 to 200"),
        ("/api/v1/entries?limit=1&limit=2", 400, "the parameter `limit` is there twice"),
        ("/api/v1/blogs/7", 404, "no live blog has the id `7` here; there are"),
        ("/api/v1/blogs?cursor=6497b73b-4df9-5079-aaef-4e560be08c62", 400, "has to be what an answer said in `next`"),
        ("/api/v1/stories", 404, "nothing is at `/api/v1/stories`"),
        ("/api/v2/changes", 404, "nothing is at `/api/v2/changes`"),
        ("/openapi.json?x=1", 400, "there is no parameter `x`; none is taken here"),
        ("/entries/7.json", 404, "no entry has the id `7` here"),
    ] {
        let answer = served.get(path).await;
        let told = answer.json();
        assert_eq!(
            (answer.status.as_u16(), &told["status"], &told["type"]),
            (status, &status.into(), &"about:blank".into()),
            "{path}"
        );
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{path}");
        assert!(told["detail"].as_str().unwrap().contains(detail), "{path}: {told}");
    }
}

fn id_of(served: &Value, key: &str) -> String {
    let entry = served["entries"].as_array().unwrap().iter().find(|entry| entry["key"] == key).unwrap();
    entry["id"].as_str().unwrap().trim_start_matches("urn:uuid:").to_owned()
}

#[tokio::test]
async fn an_entry_tells_its_whole_life() {
    let served = lived().await;
    let all = served.get("/api/v1/entries").await.json();
    let b = id_of(&all, "b");
    let life = served.get(&format!("/entries/{b}.json")).await.json();
    assert_eq!(life["url"], format!("http://127.0.0.1:8080/entries/{b}"));
    assert_eq!((&life["life"]["revision"], &life["live_blog"]["outlet"]), (&3.into(), &"lake".into()));
    let revisions = life["revisions"].as_array().unwrap();
    let seen: Vec<&str> = revisions.iter().map(|it| it["seen"].as_str().unwrap()).collect();
    assert_eq!(seen, ["2022-01-07T12:10:00Z", "2022-01-07T12:11:00Z", "2022-01-07T12:12:00Z"]);
    let pieces: Vec<(&str, &str)> = revisions[1]["differences"][0]["pieces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|piece| (piece["fate"].as_str().unwrap(), piece["text"].as_str().unwrap()))
        .collect();
    assert_eq!(pieces, [("removed", "Three"), ("added", "Four"), ("kept", " boats are out.")]);
    assert!(revisions[0]["differences"].as_array().unwrap().is_empty());
    // Each capture that it names can be had from the store, and is what it says.
    let kept = served.store.captures(0, 99).await.unwrap();
    for capture in life["captures"].as_array().unwrap() {
        let kept = kept.iter().find(|kept| kept.id == capture["id"].as_i64().unwrap()).unwrap();
        let hex: String = kept.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((capture["sha256"].as_str().unwrap(), &capture["kept"]), (hex.as_str(), &true.into()));
    }
    let numbers: Vec<i64> = revisions.iter().map(|it| it["capture"].as_i64().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3]);
    // The same by what is accepted; a browser gets the page.
    let path = format!("/entries/{b}");
    for (kind, content_type) in [
        ("application/json", "application/json"),
        ("text/html,application/xhtml+xml,application/json;q=0.1,*/*", "text/html; charset=utf-8"),
        ("*/*", "text/html; charset=utf-8"),
    ] {
        let answer = served.ask(axum::http::Method::GET, &path, &[("accept", kind)]).await;
        assert_eq!(
            (answer.header("content-type"), answer.header("vary")),
            (Some(content_type), Some("Accept, Accept-Encoding"))
        );
    }
    assert_eq!(served.get(&format!("{path}?x=1")).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(served.get("/entries/nobody").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_entrys_page_can_be_read_cited_and_heard() {
    let served = lived().await;
    let all = served.get("/api/v1/entries").await.json();
    let answer = served.get(&format!("/entries/{}", id_of(&all, "b"))).await;
    let page = answer.text();
    for part in [
        ">Ferry b is late</h1>",
        "<p>Four boats are out, <b>say</b> police.</p>",
        "href=\"https://outlet.example/live#b\" rel=\"noreferrer\"",
        "<dt>Printed</dt><dd><q>12:02</q></dd>",
        "<dt>Read from</dt><dd>the text of the page</dd>",
        "<dt>Zone</dt><dd>Europe/London</dd>",
        "<dt>Precision</dt><dd>to the minute</dd>",
        "<del><span class=\"unseen\" lang=\"en\"> [taken out: </span>Three<span class=\"unseen\">] </span></del>",
        "<ins><span class=\"unseen\" lang=\"en\"> [put in: </span>Four<span class=\"unseen\">] </span></ins> boats are out.",
        "<h3>Edited, <time datetime=\"2022-01-07T12:12:00Z\">",
        "<h3>First seen, <time datetime=\"2022-01-07T12:10:00Z\">",
        "<a href=\"#capture-3\">capture 3</a>",
        "<dl id=\"capture-3\">",
    ] {
        assert!(page.contains(part), "{part} is missing in {page}");
    }
    assert!(!page.contains("Withdrawn") && !page.contains("<script") && !page.contains("style="), "{page}");
    // Words of a page are words: the markup in this one's text is shown.
    assert!(page.contains("&#60;b&#62;") || page.contains("&lt;b&gt;"), "{page}");
    let policy = answer.header("content-security-policy").unwrap();
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("unsafe") && !policy.contains("script-src"),
        "{policy}"
    );
    let tag = answer.header("etag").unwrap();
    let again =
        served.ask(axum::http::Method::GET, &format!("/entries/{}", id_of(&all, "b")), &[("if-none-match", tag)]).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);

    let gone = served.get(&format!("/entries/{}", id_of(&all, "c"))).await;
    let (told, body) = (gone.text().find("<strong>Withdrawn.</strong>").unwrap(), gone.text().find("<article").unwrap());
    assert!(told < body, "it is said before anything else");
    assert!(gone.text().contains("<h3>Withdrawn, <time"));
}

/// Ids that a page gives by itself lead to the one that was issued.
#[tokio::test]
async fn other_ids_of_an_entry_lead_to_it() {
    let served = Served::empty().await;
    let words = |key: &str, at: i64| said(key, at, &format!("The ferry {key} has left the quay with everybody aboard."));
    save(&served.store, &blog("lake", "1", vec![words("b", 2), words("a", 1)]), 10).await;
    let moved = blog("lake", "the-storm", vec![words("c", 3), words("b", 2), words("a", 1)]);
    save(&served.store, &moved, 11).await;
    let all = served.get("/api/v1/entries").await.json();
    assert_eq!(all["entries"].as_array().unwrap().len(), 3);
    for entry in &moved.entries {
        let answer = served.get(&format!("/entries/{}", entry.id)).await;
        let there = answer.header("location").expect(&entry.key);
        assert_eq!((answer.status, there), (StatusCode::PERMANENT_REDIRECT, id_of(&all, &entry.key).as_str()));
        assert_eq!(served.get(&format!("/entries/{there}")).await.status, StatusCode::OK);
        let json = served.get(&format!("/entries/{}.json", entry.id)).await;
        assert_eq!(json.header("location"), Some(format!("{there}.json").as_str()));
    }
    let answer = served.get(&format!("/api/v1/blogs/{}", moved.head.id)).await;
    assert_eq!(answer.header("location"), Some(blog("lake", "1", vec![]).head.id.to_string().as_str()));
}
