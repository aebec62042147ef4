//! Feeds that tell of the lives of entries: edits, withdrawals, filters, archives, differences, and feeds as they stood.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use axum::http::{Method, StatusCode};
use chrono::{DateTime, Utc};
use serde_json::Value;
use tidings::identity::{blog_id, entry_id};
use tidings::model::{Entry, LiveBlog, Mark};
use tidings::reconcile::Reading;
use tidings::server::router;

use super::{Answer, Served, blog_path, headlines};
use crate::sample::{blog, entry, minute};

fn ids(feed: &Answer) -> Vec<String> {
    let feed = feed.json();
    feed["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

fn urn(outlet: &str, key: &str, entry: &str) -> String {
    entry_id(outlet, key, entry).urn().to_string()
}

/// Two entries of which one is edited and the other withdrawn.
async fn edited() -> Served {
    let served = Served::empty().await;
    let mut page = blog("lake", "1", vec![entry("b", 7), entry("a", 5)]);
    served.save(&page, 10).await;
    page.entries[1].headline = Some("Ferry a has sailed".into());
    page.entries[1].body_html = "<p>The ferry a is gone.</p>".into();
    page.entries[1].body_text = "The ferry a is gone.".into();
    served.save(&page, 20).await;
    page.withdrawn = vec!["b".into()];
    page.entries.remove(0);
    served.save(&page, 30).await;
    served
}

#[tokio::test]
async fn edits_are_told_as_asked_for() {
    let served = edited().await;
    let (a, b) = (urn("lake", "1", "a"), urn("lake", "1", "b"));
    let inplace = served.get("/feed.json").await;
    assert_eq!(ids(&inplace), [&*a]);
    let told = &inplace.json()["items"][0]["_tidings"];
    assert_eq!((&told["revision"], &told["first_seen"]), (&2.into(), &"2022-01-07T12:10:00Z".into()));
    assert_eq!(told["changed"], "2022-01-07T12:20:00Z");
    assert_eq!(inplace.json()["_tidings"]["withdrawn"][0]["id"], *b);
    assert_eq!(served.get("/feed.json?edits=inplace").await.json()["items"], inplace.json()["items"]);

    let append = served.get("/feed.json?edits=append").await;
    assert_eq!(ids(&append), [format!("{a};rev=2"), a.clone()]);
    assert_eq!(headlines(&append), ["[Updated] Ferry a has sailed", "Ferry a is late"]);
    let edit = &append.json()["items"][0];
    assert_eq!(
        (&edit["date_published"], &edit["_tidings"]["original"]),
        (&"2022-01-07T12:20:00Z".into(), &Value::from(&*a))
    );
    assert_eq!(append.json()["items"][1]["content_html"], "<p>The ferry a waits.</p>");
    let atom = served.get("/feed.atom?edits=append").await;
    assert!(
        atom.text().contains(&format!("<thr:in-reply-to href=\"http://127.0.0.1:8080/entries/{}\" ref=\"{a}\"", &a[9..]))
    );
    assert!(atom.text().contains("rel=\"related\""));
    assert!(atom.text().contains(&format!("<at:deleted-entry ref=\"{b}\" when=\"2022-01-07T12:30:00Z\">")));

    let corrections = served.get("/feed.json?edits=corrections").await;
    assert_eq!(headlines(&corrections), ["[Withdrawn] Ferry b is late", "[Updated] Ferry a has sailed"]);
    assert_eq!(ids(&corrections)[0], format!("{b};withdrawn=20220107T123000Z"));
    assert!(!corrections.text().contains("ferry b waits"), "a claim that was taken back is not spread");

    let mut feeds = BTreeSet::new();
    for query in ["", "?edits=append", "?edits=corrections", "?q=ferry", "?q=late", "?key_events=1&edits=append"] {
        feeds.insert(served.get(&format!("/feed.json{query}")).await.json()["_tidings"]["id"].to_string());
    }
    assert_eq!(feeds.len(), 6, "each is another feed");
    for query in ["?limit=3", "?withdrawn=stub", "?as_of=2022-01-07T12:15:00Z", "?edits=inplace"] {
        feeds.insert(served.get(&format!("/feed.json{query}")).await.json()["_tidings"]["id"].to_string());
    }
    assert_eq!(feeds.len(), 6, "these are the same");
}

#[tokio::test]
async fn a_stub_is_left_where_it_is_asked_for() {
    let served = edited().await;
    let b = urn("lake", "1", "b");
    let json = served.get("/feed.json?withdrawn=stub").await;
    assert_eq!(headlines(&json), ["[Withdrawn] Ferry b is late", "Ferry a has sailed"]);
    let item = &json.json()["items"][0];
    assert_eq!((&item["id"], &item["_tidings"]["withdrawn"]), (&Value::from(&*b), &"2022-01-07T12:30:00Z".into()));
    assert_eq!(
        (&item["date_published"], &item["date_modified"]),
        (&"2022-01-07T12:07:00Z".into(), &"2022-01-07T12:30:00Z".into())
    );
    for path in ["/feed.rss?withdrawn=stub", "/feed.atom?withdrawn=stub", "/feed.atom?withdrawn=stub&edits=append"] {
        let feed = served.get(path).await;
        assert!(feed.text().contains("[Withdrawn] Ferry b is late") && !feed.text().contains("ferry b waits"), "{path}");
        // Both at once would contradict each other.
        assert_eq!(feed.text().contains("deleted-entry ref"), path.contains("append"), "{path}");
    }
    assert!(!served.get("/feed.rss").await.text().contains("Ferry b"));
}

#[tokio::test]
async fn every_filter_on_every_feed() {
    let served = Served::empty().await;
    let marked = |mut entry: Entry, mark| {
        entry.marks = vec![mark];
        entry
    };
    let by = |mut entry: Entry, name: &str| {
        entry.byline = vec![name.into()];
        entry
    };
    served.save(&blog("lake", "1", vec![marked(entry("b", 7), Mark::KeyEvent), by(entry("a", 5), "Jörg Ähre")]), 10).await;
    served.save(&blog("hill", "3", vec![entry("d", 8), marked(by(entry("c", 6), "Jorg Ahre"), Mark::KeyEvent)]), 12).await;
    for (query, everything, lake) in [
        ("q=ferry", &["d", "b", "c", "a"][..], &["b", "a"][..]),
        ("q=ferry+%22a+waits%22", &["a"], &["a"]),
        ("q=nothing", &[], &[]),
        ("author=j%C3%B6rg", &["c", "a"], &["a"]),
        ("key_events=1", &["b", "c"], &["b"]),
        ("key_events=1&author=ahre", &["c"], &[]),
        ("outlet=hill", &["d", "c"], &[]),
        ("outlet=hill,lake&limit=3", &["d", "b", "c"], &["b", "a"]),
        ("since=2022-01-07T12:06:00Z", &["d", "b", "c"], &["b"]),
        ("until=2022-01-07T12:06:00Z", &["a"], &["a"]),
        ("since=2022-01-07&until=2022-01-08&q=waits&key_events=1", &["b", "c"], &["b"]),
        ("since=2022-01-08", &[], &[]),
    ] {
        for (path, expected) in [
            ("/feed.json".to_owned(), everything),
            ("/outlets/lake/feed.json".into(), lake),
            (blog_path("lake", "1", "json"), lake),
        ] {
            let feed = served.get(&format!("{path}?{query}")).await;
            let expected: Vec<_> = expected.iter().map(|key| format!("Ferry {key} is late")).collect();
            assert_eq!(headlines(&feed), expected, "{path}?{query}");
            assert_eq!(feed.json()["feed_url"], format!("http://127.0.0.1:8080{path}?{query}"), "the address asked for");
            assert_eq!(feed.json()["next_url"], Value::Null);
        }
    }
    let feed = served.get("/feed.json?q=ferry&author=ahre&since=2022-01-07").await;
    assert_eq!(feed.json()["title"], "Live blogs (“ferry”, by ahre, since 2022-01-07)");
    for (query, told) in [
        ("q=%22", "the parameter `q` is `\"`, and opens a quote and does not close it"),
        (
            "outlet=hil",
            "the parameter `outlet` names one too many: there is no outlet `hil` here; did you mean `hill`? there are hill, lake",
        ),
        ("as_of=2022-01-07T12:12:01Z", "the parameter `as_of` is 2022-01-07T12:12:01Z, and that is still to come"),
    ] {
        let answer = served.get(&format!("/feed.rss?{query}")).await;
        assert_eq!((answer.status, answer.text()), (StatusCode::BAD_REQUEST, &*format!("{told}\n")));
    }
}

#[tokio::test]
async fn what_a_filter_leaves_out_changes_nothing() {
    let served = Served::empty().await;
    served.save(&blog("lake", "1", vec![entry("b", 7), entry("a", 5)]), 10).await;
    let before = served.get("/feed.rss?q=%22a+waits%22").await;
    served.save(&blog("lake", "1", vec![entry("c", 9), entry("b", 7), entry("a", 5)]), 11).await;
    let after = served.get("/feed.rss?q=%22a+waits%22").await;
    assert_eq!(before.body, after.body);
    // The log has moved on and the bytes have not.
    let etag = before.header("etag").unwrap();
    let again = served.ask(Method::GET, "/feed.rss?q=%22a+waits%22", &[("if-none-match", etag)]).await;
    assert_eq!((again.status, again.header("etag")), (StatusCode::NOT_MODIFIED, after.header("etag")));
}

/// Everything but the address itself, byte for byte.
#[tokio::test]
async fn a_feed_as_it_stood_is_the_feed_that_was() {
    let served = Served::empty().await;
    let paths: Vec<String> = ["rss", "atom", "json"]
        .iter()
        .flat_map(|ending| {
            let own = blog_path("lake", "1", ending);
            [
                format!("/feed.{ending}?"),
                format!("/outlets/lake/feed.{ending}?edits=append"),
                format!("{own}?withdrawn=stub"),
                format!("{own}?edits=corrections"),
                format!("/feed.{ending}?q=ferry&limit=4"),
                format!("/feed.{ending}?key_events=1&edits=append&withdrawn=stub"),
            ]
        })
        .collect();
    let mut page = blog("lake", "1", vec![]);
    let mut recorded = Vec::new();
    for step in 0..40_i64 {
        match step % 8 {
            0..=2 => page.entries.insert(0, entry(&step.to_string(), step)),
            3 => page.entries[1].body_text = format!("The ferry is {step} minutes late."),
            4 => page.entries[0].marks = vec![Mark::KeyEvent],
            5 => {
                page.withdrawn = vec![page.entries.remove(2).key];
            }
            6 => page.head.headline = format!("Storm, hour {step}"),
            _ => page.head.language = Some(["en", "de"][step as usize / 8 % 2].into()),
        }
        page.entries =
            page.entries.iter().cloned().map(|entry| Entry { id: entry_id("lake", "1", &entry.key), ..entry }).collect();
        served.save(&page, step + 10).await;
        page.withdrawn.clear();
        if step == 20 {
            served.save(&blog("hill", "3", vec![entry("z", 8)]), step + 10).await;
        }
        let mut bodies = Vec::new();
        for path in &paths {
            let feed = served.get(path).await;
            assert_eq!(feed.status, StatusCode::OK);
            bodies.push(feed.text().to_owned());
        }
        let now = served.store.position(served.store.generation().await.unwrap()).await.unwrap().unwrap().at;
        recorded.push((now, bodies));
    }
    for (at, bodies) in &recorded {
        for (path, then) in paths.iter().zip(bodies) {
            let as_of = format!("as_of={}", at.format("%Y-%m-%dT%H:%M:%SZ"));
            let asked = if path.ends_with('?') { format!("{path}{as_of}") } else { format!("{path}&{as_of}") };
            let feed = served.get(&asked).await;
            let escaped = |text: &str| if text.contains("<?xml") { asked.replace('&', "&amp;") } else { asked.clone() };
            let own = if then.contains("<?xml") { path.replace('&', "&amp;") } else { path.clone() };
            assert!(feed.text().contains(&escaped(then)), "{asked}");
            assert_eq!(feed.text().replace(&escaped(then), &own), *then, "{asked}");
        }
    }
    let long_ago = served.get("/feed.json?as_of=2022-01-01").await;
    assert_eq!((ids(&long_ago).len(), long_ago.header("cache-control")), (0, Some("max-age=86400")));
}

#[tokio::test]
async fn a_clock_tells_what_is_still_to_come() {
    let served = edited().await;
    let noon: DateTime<Utc> = minute(40);
    let state = served.state.clone().with_clock(Arc::new(move || noon));
    let served = Served { router: router(state), ..served };
    assert_eq!(served.get("/feed.rss?as_of=2022-01-07T12:40:00Z").await.status, StatusCode::OK);
    assert_eq!(served.get("/feed.rss?as_of=2022-01-07T12:40:01Z").await.status, StatusCode::BAD_REQUEST);
}

/// Walks a feed from its current document back through its archives, and answers how often each entry is met.
async fn walked(served: &Served, start: &str) -> HashMap<String, usize> {
    let (mut met, mut path, mut pages) = (HashMap::new(), start.to_owned(), 0);
    let mut after: Option<String> = None;
    loop {
        let feed = served.get(&path).await;
        assert_eq!(feed.status, StatusCode::OK, "{path}");
        let parsed = atom_syndication::Feed::read_from(&feed.body[..]).unwrap();
        let link = |rel: &str| {
            let link = parsed.links.iter().find(|link| link.rel == rel)?;
            Some(link.href.strip_prefix("http://127.0.0.1:8080").unwrap().to_owned())
        };
        for entry in &parsed.entries {
            *met.entry(entry.id.clone()).or_default() += 1;
        }
        for gone in parsed.extensions.get("at").and_then(|at| at.get("deleted-entry")).into_iter().flatten() {
            *met.entry(gone.attrs["ref"].clone()).or_default() += 1;
        }
        assert_eq!(link("self").as_deref(), Some(&*path));
        if pages > 0 {
            assert!(parsed.extensions["fh"].contains_key("archive"), "{path}");
            assert_eq!(link("current").as_deref(), Some(start));
            assert_eq!(link("next-archive"), after.filter(|_| pages > 1));
        }
        pages += 1;
        after = Some(path);
        let Some(before) = link("prev-archive") else { break };
        path = before;
    }
    assert!(pages > 3, "{pages}");
    met
}

#[tokio::test]
async fn archives_hold_every_entry_there_ever_was() {
    let served = Served::empty().await;
    let mut page = blog("lake", "1", vec![]);
    let mut other = blog("hill", "3", vec![]);
    for step in 0..60_i64 {
        for nth in 0..3 {
            page.entries.insert(
                0,
                Entry { id: entry_id("lake", "1", &format!("{step}-{nth}")), ..entry(&format!("{step}-{nth}"), step) },
            );
        }
        served.save(&page, step + 10).await;
        // Published long before it is first seen, and still no history: a live blog that is followed from its middle on.
        other
            .entries
            .insert(0, Entry { id: entry_id("hill", "3", &step.to_string()), ..entry(&step.to_string(), step - 5000) });
        served.save(&other, step + 10).await;
        if step % 20 == 10 {
            let older = LiveBlog {
                entries: (0..7)
                    .map(|n| (n, format!("h{step}-{n}")))
                    .map(|(n, key)| Entry { id: entry_id("lake", "1", &key), ..entry(&key, n - 900) })
                    .collect(),
                ..page.clone()
            };
            served
                .store
                .save(&Reading { history: true, ..Reading::new(&older, minute(step + 10)) }, None, None)
                .await
                .unwrap();
        }
    }
    page.withdrawn = vec!["3-0".into()];
    page.entries.retain(|entry| entry.key != "3-0");
    page.entries.iter_mut().find(|entry| entry.key == "0-1").unwrap().headline = Some("The very first ferry".into());
    served.save(&page, 100).await;

    let current = served.get("/feed.atom").await;
    assert!(current.text().contains("The very first ferry"), "an edit of an archived entry shows in the current document");
    for (start, blogs) in
        [("/feed.atom".to_owned(), &[("lake", "1"), ("hill", "3")][..]), (blog_path("lake", "1", "atom"), &[("lake", "1")])]
    {
        let met = walked(&served, &start).await;
        let mut expected = BTreeSet::new();
        for (outlet, key) in blogs {
            for stored in served.store.entries_of(blog_id(outlet, key)).await.unwrap() {
                expected.insert(stored.entry.id.urn().to_string());
            }
        }
        assert!(expected.len() > 180);
        assert_eq!(met.keys().cloned().collect::<BTreeSet<_>>(), expected, "{start}");
    }
    // A reader that takes the current document alone has all that is in no archive.
    let waiting = ids(&served.get("/feed.json").await);
    assert!(waiting.contains(&urn("hill", "3", "59")), "however old");
}

#[tokio::test]
async fn archived_pages_stay_what_they_are() {
    let served = Served::empty().await;
    let entries = |count: i64| (0..count).rev().map(|n| entry(&n.to_string(), n)).collect::<Vec<_>>();
    served.save(&blog("lake", "1", entries(60)), 100).await;
    let own = format!("/blogs/{}", blog_id("lake", "1"));
    for path in ["", &*own] {
        let last = served.get(&format!("{path}/archive/1.json")).await;
        assert_eq!(
            (ids(&last).len(), last.header("cache-control"), last.header("last-modified")),
            (50, Some("max-age=3600"), None)
        );
        assert_eq!((&last.json()["_tidings"]["archive"], &last.json()["next_url"]), (&true.into(), &Value::Null));
        assert_eq!(
            served.get(&format!("{path}/feed.json")).await.json()["next_url"],
            format!("http://127.0.0.1:8080{path}/archive/1.json")
        );
    }
    let before = served.get("/archive/1.atom").await;
    let mut edited = blog("lake", "1", entries(120));
    edited.entries.last_mut().unwrap().headline = Some("Sunk".into());
    edited.head.headline = "Calm".into();
    served.save(&edited, 200).await;
    let after = served.get("/archive/1.atom").await;
    assert_eq!(after.header("cache-control"), Some("max-age=31536000, immutable"));
    let next = "    <link href=\"http://127.0.0.1:8080/archive/2.atom\" rel=\"next-archive\"";
    let without: Vec<&str> = after.text().lines().filter(|line| !line.contains("next-archive")).collect();
    assert!(after.text().contains(next.trim()), "{}", after.text());
    assert_eq!(without, before.text().lines().collect::<Vec<_>>(), "but for the link to the next");
    let rss = served.get("/archive/2.rss").await;
    assert!(rss.text().contains("<fh:archive></fh:archive>") || rss.text().contains("<fh:archive/>"), "{}", rss.text());
    assert!(rss.text().contains("rel=\"prev-archive\""));
    let etag = rss.header("etag").unwrap().to_owned();
    assert_eq!(
        served.ask(Method::GET, "/archive/2.rss", &[("if-none-match", &etag)]).await.status,
        StatusCode::NOT_MODIFIED
    );
    for (path, status) in [
        ("/archive/3.atom", 404),
        ("/archive/0.atom", 404),
        ("/archive/01.atom", 404),
        ("/archive/1.xml", 404),
        ("/archive/1", 404),
        ("/archive/-1.rss", 404),
        ("/archive/1.atom?limit=3", 400),
        ("/blogs/1/archive/1.atom", 404),
    ] {
        let answer = served.get(path).await;
        assert_eq!(answer.status.as_u16(), status, "{path} {}", answer.text());
    }
    // Cut or chosen, a feed is not what the archives go on with.
    for query in ["limit=100", "q=ferry", "edits=append", "withdrawn=stub"] {
        assert_eq!(served.get(&format!("/feed.json?{query}")).await.json()["next_url"], Value::Null, "{query}");
    }
    assert_eq!(served.get("/outlets/lake/feed.json").await.json()["next_url"], Value::Null);
}

#[tokio::test]
async fn a_reader_that_has_a_feed_can_ask_for_the_difference() {
    let served = Served::empty().await;
    let mut page = blog("lake", "1", vec![entry("b", 7), entry("a", 5)]);
    served.save(&page, 10).await;
    for (path, outlet) in [("/feed.json", "sea"), ("/feed.json?q=ferry", "river"), ("/feed.json?edits=append", "hill")] {
        let mut page = blog(outlet, "2", vec![entry("b", 7), entry("a", 5)]);
        served.save(&page, 11).await;
        let first = served.get(path).await;
        let etag = first.header("etag").unwrap().to_owned();
        let delta = [("a-im", "feed"), ("if-none-match", &*etag)];
        assert_eq!(served.ask(Method::GET, path, &delta).await.status, StatusCode::NOT_MODIFIED, "{path}");
        page.entries[1].headline = Some("Ferry a sails".into());
        page.entries.insert(0, Entry { id: entry_id(outlet, "2", "c"), ..entry("c", 9) });
        served.save(&page, 12).await;

        let whole = served.ask(Method::GET, path, &[("if-none-match", &etag)]).await;
        assert_eq!((whole.status, whole.header("im")), (StatusCode::OK, None));
        let part = served.ask(Method::GET, path, &delta).await;
        assert_eq!((part.status, part.header("im")), (StatusCode::IM_USED, Some("feed")));
        assert_eq!((part.header("etag"), part.header("delta-base")), (whole.header("etag"), Some(&*etag)));
        assert_eq!(part.header("vary"), Some("Accept-Encoding, A-IM, If-None-Match"));
        assert_eq!(part.header("cache-control"), Some("no-store"));
        let expected = if path.contains("append") {
            ["[Updated] Ferry a sails", "Ferry c is late"]
        } else {
            ["Ferry c is late", "Ferry a sails"]
        };
        assert_eq!(headlines(&part), expected, "{path}");
        assert!(whole.json()["items"].as_array().unwrap().len() > 2);
        // What the part brings up to date is the whole.
        let etag = part.header("etag").unwrap().to_owned();
        assert_eq!(served.ask(Method::GET, path, &[("if-none-match", &etag)]).await.status, StatusCode::NOT_MODIFIED);
        for headers in [
            [("a-im", "vcdiff"), ("if-none-match", delta[1].1)],
            [("a-im", "feed"), ("if-none-match", "\"unknown\"")],
            [("a-im", "feed"), ("if-none-match", "\"1.00000000.0123456789abcdef0123456789abcdef\"")],
            [("a-im", "feed"), ("if-none-match", "\"999999.0badcafe.0123456789abcdef0123456789abcdef\"")],
        ] {
            assert_eq!(served.ask(Method::GET, path, &headers).await.status, StatusCode::OK, "{headers:?}");
        }
        let listed = format!("\"other\", W/{}", delta[1].1);
        let several = [("a-im", "gzip, feed;q=0.5"), ("if-none-match", &*listed), ("accept-encoding", "gzip")];
        let part = served.ask(Method::GET, path, &several).await;
        assert_eq!((part.status, part.header("content-encoding")), (StatusCode::IM_USED, Some("gzip")));
    }
    // What was taken back is told of.
    let etag = served.get("/feed.json").await.header("etag").unwrap().to_owned();
    page.withdrawn = vec!["b".into()];
    page.entries.remove(0);
    served.save(&page, 20).await;
    let part = served.ask(Method::GET, "/feed.json", &[("a-im", "feed"), ("if-none-match", &etag)]).await;
    assert_eq!((part.status, ids(&part).len()), (StatusCode::IM_USED, 0));
    assert_eq!(part.json()["_tidings"]["withdrawn"][0]["id"], urn("lake", "1", "b"));
    // The tag outlives the server.
    let restarted = tidings::server::ServerState::new(
        served.store.clone(),
        None,
        ([127, 0, 0, 1], 8080).into(),
        tidings::server::Limits::default(),
    );
    let served = Served { router: router(restarted), ..served };
    let part = served.ask(Method::GET, "/feed.json", &[("a-im", "feed"), ("if-none-match", &etag)]).await;
    assert_eq!(part.status, StatusCode::IM_USED);
}
