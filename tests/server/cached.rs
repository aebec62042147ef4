//! What is kept and what is said of it: tags, dates, codings, how long a feed holds, and when the store is looked at again.

use tidings::server::Settings;

use super::*;

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

/// Most looks are at the addresses that were asked for since the one before.
#[tokio::test]
async fn what_is_said_of_an_address_is_seen_with_a_refresh_with_new_settings_and_in_the_end() {
    let recheck = Duration::from_millis(200);
    let served = Served::with(Limits { recheck, ..Limits::default() }).await;
    let followed = |title: &str| {
        let lake = SourceState::new("https://lake.example/live/1", 300, minute(0));
        let hill = SourceState::new("https://hill.example/live/3", 300, minute(0));
        [SourceState { title: Some(title.into()), ..lake }, hill]
    };
    served.save(&blog("lake", "1", vec![entry("a", 5)]), 10).await;
    served.save(&blog("hill", "3", vec![entry("b", 6)]), 11).await;
    served.store.follow(&followed("The storm"), true).await.unwrap();
    let shows = async |served: &Served, said: &str| served.get("/sources").await.text().contains(said);
    assert!(shows(&served, "The storm").await);
    let until = async |served: &Served, said: &str| {
        let from = std::time::Instant::now();
        while !shows(served, said).await {
            assert!(from.elapsed() < Duration::from_secs(20), "{said}");
            tokio::time::sleep(recheck / 5).await;
        }
    };

    let mut state = served.store.sources().await.unwrap().remove(0);
    (state.last_tried, state.failures, state.last_error) = (Some(minute(19)), 1, Some("the outlet answers 503".into()));
    served.store.put_source(&state).await.unwrap();
    until(&served, "the outlet answers 503").await;

    served.store.follow(&followed("The flood"), true).await.unwrap();
    served.state.set(Settings::default());
    // The first to come after a second interval waits for the look.
    tokio::time::sleep(2 * recheck).await;
    assert!(shows(&served, "The flood").await, "new settings are not waited for");

    // Another process has told it, and nothing of it moves.
    served.store.follow(&followed("The drought"), true).await.unwrap();
    until(&served, "The drought").await;
}

/// What the server was told of its own commits, and what one that has just looked at the store says.
#[tokio::test]
async fn commits_of_its_own_leave_the_same_picture_as_a_look_at_the_store() {
    let served = Served::with(Limits { recheck: Duration::from_secs(3600), ..Limits::default() }).await;
    let followed: Vec<SourceState> = [("lake", "1"), ("hill", "2"), ("lake", "3")]
        .map(|(outlet, key)| SourceState::new(blog(outlet, key, Vec::new()).head.url.unwrap(), 300, minute(0)))
        .into();
    served.store.follow(&followed, true).await.unwrap();
    let paths = ["/api/v1/blogs", "/healthz", "/feed.json", "/outlets/lake/feed.json", "/outlets/hill/feed.json"];
    assert_eq!(served.get("/feed.json").await.status, StatusCode::OK);
    let mut minutes = 3;
    for round in 0..4 {
        for (outlet, key) in [("lake", "1"), ("hill", "2"), ("lake", "3")] {
            let mut read = blog(outlet, key, vec![entry("a", 1), entry(&format!("b{minutes}"), minutes)]);
            if round == 2 {
                read.head.coverage.state = CoverageState::Ended;
            }
            served.save(&read, minutes).await;
            minutes += 1;
            let listen = SocketAddr::from(([127, 0, 0, 1], 8080));
            let router = router(ServerState::new(served.store.clone(), None, listen, Limits::default()));
            for path in paths {
                let anew = answered(router.clone(), Request::get(path).body(Body::empty()).unwrap()).await;
                let told = served.get(path).await;
                let place = format!("{path} after {outlet} {key} in round {round}");
                assert_eq!((told.status, told.text()), (anew.status, anew.text()), "{place}");
                assert_eq!(told.header("tidings-checked"), anew.header("tidings-checked"), "{place}");
            }
        }
    }
}

/// Lets changes of other live blogs pour in for so long, with a reader of theirs.
async fn pour(served: &Served, minutes: &mut i64, time: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < time {
        *minutes += 1;
        let read = blog("hill", &(*minutes % 7).to_string(), vec![entry(&minutes.to_string(), *minutes)]);
        served.save(&read, *minutes).await;
        assert_eq!(served.get("/outlets/hill/feed.json").await.status, StatusCode::OK);
    }
}

/// A live blog that changes every few minutes, on a server where changes pour in: its feed is served as it was for a moment while it is
/// written anew, and by no means for longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_changes_pour_in_nobody_waits_for_a_feed_and_none_lacks_more_than_a_second() {
    let served = Served::with(Limits { recheck: Duration::from_secs(3600), ..Limits::default() }).await;
    let lake = blog_path("lake", "0", "json");
    let (mut minutes, mut old) = (10, 0);
    let mut entries = vec![entry("first", 1)];
    served.save(&blog("lake", "0", entries.clone()), minutes).await;
    for round in 0..5 {
        assert_eq!(headlines(&served.get(&lake).await).len(), entries.len());
        pour(&served, &mut minutes, Duration::from_millis(1500)).await;
        minutes += 1;
        entries.insert(0, entry(&format!("round {round}"), minutes));
        served.save(&blog("lake", "0", entries.clone()), minutes).await;
        let committed = Instant::now();
        loop {
            let there = headlines(&served.get(&lake).await).len();
            if there == entries.len() {
                break;
            }
            assert_eq!(there, entries.len() - 1);
            old += 1;
            // A second, and another for a machine with better things to do.
            assert!(committed.elapsed() < Duration::from_secs(2), "{:?}", committed.elapsed());
            pour(&served, &mut minutes, Duration::from_millis(20)).await;
        }
    }
    assert!(old > 0, "who asked first has always waited");
}

/// Whoever reads a feed often does not wait for it to be written where changes pour in: it is there already. With the store gone, what
/// was not written before can't be any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_changes_pour_in_a_feed_that_is_read_often_is_written_before_it_is_asked_for_again() {
    let served = Served::with(Limits { recheck: Duration::from_secs(3600), ..Limits::default() }).await;
    let (read, left) = (blog_path("lake", "0", "json"), blog_path("lake", "1", "json"));
    let mut minutes = 10;
    for key in ["0", "1"] {
        minutes += 1;
        served.save(&blog("lake", key, vec![entry("first", 1)]), minutes).await;
    }
    assert_eq!(headlines(&served.get(&left).await).len(), 1);
    // Nobody has read that one for so long that it is not worth it.
    tokio::time::sleep(Duration::from_millis(5500)).await;
    assert_eq!(headlines(&served.get(&read).await).len(), 1);
    pour(&served, &mut minutes, Duration::from_millis(1500)).await;
    for key in ["0", "1"] {
        minutes += 1;
        served.save(&blog("lake", key, vec![entry("second", minutes), entry("first", 1)]), minutes).await;
    }
    pour(&served, &mut minutes, Duration::from_millis(1500)).await;
    served.store.close().await;
    assert_eq!(headlines(&served.get(&read).await).len(), 2, "it is written ahead");
    assert_eq!(headlines(&served.get(&left).await).len(), 1, "nobody has asked for it lately");
}
