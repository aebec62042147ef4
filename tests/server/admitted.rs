//! Which requests get as far as an answer, over real sockets.

use super::*;

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap_or_default().parse().unwrap_or_default()
}

fn head(answer: &str) -> String {
    answer.split("\r\n\r\n").next().unwrap().to_ascii_lowercase()
}

#[tokio::test]
async fn only_our_own_names_are_answered_once_we_have_one() {
    let served = Served::under(Some("https://feeds.example.org/news"), Limits::default()).await;
    served.save(&blog("lake", "1", vec![entry("a", 5)]), 10).await;
    let server = listen(served).await;
    let ours = raw(server.address, "GET /feed.json HTTP/1.0\r\nHost: feeds.example.org\r\n\r\n").await;
    assert_eq!(status(&ours), 200);
    let (_, body) = ours.split_once("\r\n\r\n").unwrap();
    for (host, expected) in [
        ("feeds.example.org", 200),
        ("FEEDS.example.org:443", 200),
        ("feeds.example.org.", 200),
        ("localhost:8080", 200),
        ("127.0.0.1", 200),
        ("[::1]:9", 200),
        ("evil.example", 421),
        ("feeds.example.org.evil.example", 421),
        ("192.0.2.1", 421),
        ("169.254.169.254", 421),
        ("feeds.example.org@evil.example", 400),
        ("evil.example@feeds.example.org", 400),
        ("feeds.example.org evil.example", 400),
        ("feeds.example.org:80:80", 400),
        ("feeds.example.org/evil", 400),
        ("", 400),
    ] {
        let answer = raw(server.address, &format!("GET /feed.json HTTP/1.0\r\nHost: {host}\r\n\r\n")).await;
        assert_eq!(status(&answer), expected, "{host:?}: {answer}");
        if expected == 200 {
            assert_eq!(answer.split_once("\r\n\r\n").unwrap().1, body, "{host} shows");
        } else {
            assert!(head(&answer).contains("\r\nconnection: close"), "{answer}");
        }
    }
    let (ours, other) = ("Host: feeds.example.org\r\n", "Host: evil.example\r\n");
    for (request, expected) in [
        (format!("GET /feed.json HTTP/1.1\r\n{ours}Connection: close\r\n\r\n"), 200),
        (format!("GET /feed.json HTTP/1.1\r\n{ours}{ours}\r\n"), 400),
        (format!("GET /feed.json HTTP/1.1\r\n{ours}{other}\r\n"), 400),
        ("GET /feed.json HTTP/1.1\r\n\r\n".into(), 400),
        ("GET /feed.json HTTP/1.0\r\n\r\n".into(), 400),
        // Named in the address itself, which counts more than the header.
        (format!("GET http://evil.example/feed.json HTTP/1.1\r\n{ours}\r\n"), 421),
        (format!("GET http://feeds.example.org/feed.json HTTP/1.1\r\n{other}\r\n"), 421),
        (format!("GET http://feeds.example.org/feed.json HTTP/1.1\r\n{ours}Connection: close\r\n\r\n"), 200),
        (format!("GET http://me@feeds.example.org/feed.json HTTP/1.1\r\n{ours}\r\n"), 400),
    ] {
        let answer = raw(server.address, &request).await;
        assert_eq!(status(&answer), expected, "{request}\n{answer}");
    }
}

#[tokio::test]
async fn without_a_name_of_our_own_any_is_taken_and_none_is_shown() {
    let server = listening(Limits::default()).await;
    let plain = raw(server.address, "GET /feed.json HTTP/1.0\r\n\r\n").await;
    let other = raw(
        server.address,
        "GET /feed.json HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: gopher\r\n\
         Forwarded: host=evil.example\r\nX-Original-URL: /evil\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert_eq!((status(&plain), status(&other)), (200, 200));
    assert_eq!(plain.split_once("\r\n\r\n").unwrap().1, other.split_once("\r\n\r\n").unwrap().1);
    assert!(!other.contains("evil") && !other.contains("gopher"), "{other}");
    let twice = raw(server.address, "GET /feed.json HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").await;
    assert_eq!(status(&twice), 400);
}

#[tokio::test]
async fn addresses_and_headers_have_an_end() {
    let server = listening(Limits::default()).await;
    let ask = async |path: &str, headers: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n");
        status(&raw(server.address, &request).await)
    };
    let path = |length: usize| format!("/{}", "a".repeat(length - 1));
    assert_eq!(ask(&path(8192), "").await, 404);
    assert_eq!(ask(&path(8193), "").await, 414);
    assert_eq!(ask(&format!("/feed.rss?{}", "a".repeat(8192)), "").await, 414);
    // Longer than all of a head may be, it is not even read to its end.
    assert_eq!(ask(&path(20_000), "").await, 431);

    let headers = |many: usize| (0..many).map(|nth| format!("X-{nth}: 1\r\n")).collect::<String>();
    assert_eq!(ask("/feed.rss", &headers(62)).await, 200, "64 in all");
    assert_eq!(ask("/feed.rss", &headers(63)).await, 431);
    assert_eq!(ask("/feed.rss", &format!("Cookie: {}\r\n", "a".repeat(20_000))).await, 431);
}

#[tokio::test]
async fn no_body_is_taken() {
    let server = listening(Limits::default()).await;
    for (method, path) in
        [("POST", "/feed.rss"), ("GET", "/feed.rss"), ("PUT", "/nowhere"), ("GET", "/healthz"), ("POST", "/")]
    {
        for body in [
            "Content-Length: 3\r\n\r\nabc".to_owned(),
            "Content-Length: 400000\r\n\r\n".into(),
            "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".into(),
            "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n".into(),
            // What a server that went on would take for the next request.
            "Content-Length: 60\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\nGET /smuggled HTTP/1.1\r\n".into(),
        ] {
            let answer = raw(server.address, &format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{body}")).await;
            assert_eq!(status(&answer), 413, "{method} {path} {body:?}: {answer}");
            assert!(head(&answer).contains("\r\nconnection: close"), "{answer}");
            assert!(answer.ends_with("a request of this address has no body\n"), "nothing comes after: {answer}");
        }
    }
    let none =
        raw(server.address, "GET /feed.rss HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    assert_eq!(status(&none), 200);
}

#[tokio::test]
async fn every_answer_forbids_what_it_does_not_need() {
    let served = Served::under(Some("https://feeds.example.org/"), Limits::default()).await;
    served.save(&blog("lake", "1", vec![entry("a", 5)]), 10).await;
    let server = listen(served).await;
    for (path, host) in [
        ("/", "localhost"),
        ("/static/feed.css", "localhost"),
        ("/sources", "localhost"),
        ("/subscribe", "localhost"),
        ("/opml", "localhost"),
        ("/feed.rss", "localhost"),
        ("/feed.json?limit=0", "localhost"),
        ("/healthz", "localhost"),
        ("/nowhere", "localhost"),
        ("/feed.rss", "evil.example"),
    ] {
        let answer = raw(server.address, &format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n")).await;
        let head = head(&answer);
        for header in [
            "\r\nx-content-type-options: nosniff",
            "\r\nreferrer-policy: no-referrer",
            "\r\ncontent-security-policy: default-src 'none'; ",
            "frame-ancestors 'none'",
        ] {
            assert!(head.contains(header), "{path} has no {header}: {head}");
        }
        assert_eq!(head.matches("content-security-policy").count(), 1, "{head}");
        assert!(!head.contains("set-cookie") && !head.contains("unsafe"), "{head}");
    }
}
