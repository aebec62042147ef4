//! Who may read.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use tidings::config::{Access, Secret, Token};
use tidings::server::Settings;

const ONE: &str = "one-secret-of-one-reader";
const TWO: &str = "another-secret-of-another";

async fn guarded() -> Served {
    let served = Served::filled().await;
    let tokens = [("one", ONE), ("two", TWO)].map(|(name, secret)| Token { name: name.into(), secret: Secret::of(secret) });
    let access = Access { tokens: tokens.into(), ..Access::default() };
    served.state.set(Settings { access, log_requests: true, ..Settings::default() });
    served
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{user}:{password}")))
}

#[tokio::test]
async fn each_way_of_showing_a_token_opens_every_feed_alike() {
    let served = guarded().await;
    let open = Served::filled().await;
    for path in ["/feed.rss", "/feed.atom?limit=2", "/outlets/lake/feed.json"] {
        let plain = open.get(path).await;
        let behind = |secret: &str| format!("{path}{}key={secret}", if path.contains('?') { '&' } else { '?' });
        let bearer = format!("Bearer {ONE}");
        for (path, authorization) in [
            (path.to_owned(), Some(bearer.clone())),
            (path.to_owned(), Some(format!("bearer {TWO}"))),
            (path.to_owned(), Some(basic("whoever", ONE))),
            (path.to_owned(), Some(basic("", TWO))),
            (behind(ONE), None),
            (behind(TWO), None),
            // The header counts, where both are there.
            (behind("nonsense"), Some(bearer.clone())),
        ] {
            let headers: Vec<_> = authorization.iter().map(|value| ("authorization", value.as_str())).collect();
            let answer = served.ask(Method::GET, &path, &headers).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
            assert_eq!(answer.body, plain.body, "the same feed for everybody, with nobody's token in it");
            assert_eq!(answer.header("etag"), plain.header("etag"));
            assert_eq!(answer.header("cache-control"), Some("private, max-age=60"));
            let vary: Vec<_> = answer.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
            let feeds = if path.contains(".json") { "Accept-Encoding" } else { "Accept-Encoding, Accept" };
            assert_eq!(vary, [feeds, "Authorization"]);
            assert!(answer.headers.values().all(|value| !value.to_str().unwrap().contains("secret")));
            let etag = answer.header("etag").unwrap().to_owned();
            let again = served.ask(Method::GET, &path, &[&headers[..], &[("if-none-match", &*etag)]].concat()).await;
            assert_eq!(
                (again.status, again.header("cache-control")),
                (StatusCode::NOT_MODIFIED, Some("private, max-age=60"))
            );
        }
    }
    let page = served.ask(Method::GET, "/", &[("authorization", &basic("me", ONE))]).await;
    assert_eq!((page.status, page.header("cache-control")), (StatusCode::OK, Some("private, no-cache")));
}

#[tokio::test]
async fn without_a_token_nothing_is_told() {
    let served = guarded().await;
    let wrong = [
        ("authorization", "Bearer one-secret-of-one-reade".to_owned()),
        ("authorization", "Bearer".into()),
        ("authorization", format!("Digest {ONE}")),
        ("authorization", basic(ONE, "")),
        ("x-api-key", ONE.into()),
        ("cookie", format!("key={ONE}")),
    ];
    for path in [
        "/",
        "/feed.rss",
        "/feed.json?limit=0",
        "/outlets/nobody/feed.rss",
        "/nowhere",
        "/feed.rss?key=wrong",
        "/feed.rss?key",
    ] {
        let mut answers = vec![served.get(path).await];
        for (name, value) in &wrong {
            answers.push(served.ask(Method::GET, path, &[(*name, value)]).await);
        }
        for answer in answers {
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
            assert!(answer.header("www-authenticate").unwrap().starts_with("Basic realm="));
            assert!(answer.text().starts_with("this takes a token") && !answer.text().contains("lake"), "{}", answer.text());
            assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
        }
    }
    // What watches the server needs no token, and learns no address.
    let health = served.get("/healthz").await;
    assert_eq!((health.status, health.json()), (StatusCode::OK, serde_json::json!({ "status": "ok" })));
    let known = served.get(&format!("/healthz?key={ONE}")).await;
    assert_eq!(known.json()["live_blogs"], 3);
    assert_eq!(served.get("/static/feed.css").await.status, StatusCode::OK);
}

#[tokio::test]
async fn tokens_come_and_go_while_it_runs() {
    let served = guarded().await;
    assert_eq!(served.get("/feed.rss").await.status, StatusCode::UNAUTHORIZED);
    served.state.set(Settings::default());
    let open = served.get("/feed.rss").await;
    assert_eq!((open.status, open.header("cache-control")), (StatusCode::OK, Some("max-age=60")));
    // An address subscribed to with a key goes on working, and names itself without it.
    let keyed = served.get(&format!("/feed.rss?key={ONE}")).await;
    assert_eq!((keyed.status, &keyed.body), (StatusCode::OK, &open.body));
}
