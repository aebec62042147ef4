//! Fetching from an outlet that behaves, and from one that does not.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tidings::fetch::{FetchError, FetchSettings, Fetched, Fetcher, Reach, Validators};
use tidings::model::ProblemCode;
use tidings::page::{Captured, Page};

use crate::outlet_server::{Answer, OutletServer};

const DATE: &str = "Mon, 10 Jan 2022 18:59:00 GMT";

fn now() -> DateTime<Utc> {
    "2022-01-10T19:00:00Z".parse().unwrap()
}

fn fetcher() -> Fetcher {
    Fetcher::new(&FetchSettings { timeout: Duration::from_secs(20), ..quick() }).unwrap()
}

/// The defaults, without a gap between two visits.
fn quick() -> FetchSettings {
    FetchSettings { gap: Duration::ZERO, ..FetchSettings::default() }
}

async fn get(outlet: &OutletServer, path: &str) -> Result<Fetched, FetchError> {
    fetcher().get(&outlet.url(path), Reach::Anywhere, &Validators::default(), &now).await
}

async fn page(outlet: &OutletServer, path: &str) -> Page {
    match get(outlet, path).await {
        Ok(Fetched::Page { page, .. }) => page,
        other => panic!("{path}: {other:?}"),
    }
}

async fn error(outlet: &OutletServer, path: &str) -> FetchError {
    match get(outlet, path).await {
        Err(error) => error,
        Ok(fetched) => panic!("{path}: {fetched:?}"),
    }
}

#[tokio::test]
async fn a_page_comes_with_all_that_is_known_of_it() {
    let outlet = OutletServer::start().await;
    outlet.answer("/live?a=b", Answer::html("<p>é</p>").etag("\"v1\"").last_modified(DATE));
    let Ok(Fetched::Page { page, validators, .. }) = get(&outlet, "/live?a=b#post-3").await else { panic!() };
    assert_eq!(page.body, "<p>é</p>".as_bytes());
    assert_eq!(page.url, Some(outlet.url("/live?a=b")));
    assert_eq!(page.content_type.as_deref(), Some("text/html; charset=utf-8"));
    assert_eq!(page.captured, Captured::At(now()));
    assert_eq!(validators, Validators { etag: Some("\"v1\"".into()), last_modified: Some(DATE.into()) });
}

#[tokio::test]
async fn the_request_is_honest_and_asks_for_no_more_than_needed() {
    let outlet = OutletServer::start().await;
    outlet.answer("/old", Answer::redirect("/live").header("Set-Cookie", "a=b"));
    outlet.answer("/live", Answer::html(""));
    page(&outlet, "/old").await;
    let asked = outlet.asked();
    assert_eq!(asked.iter().map(|asked| asked.path.as_str()).collect::<Vec<_>>(), ["/old", "/live"]);
    for asked in asked {
        assert!(asked.head.starts_with("GET ") && asked.head.contains(" HTTP/1.1\r\n"));
        assert_eq!(asked.header("User-Agent"), Some("tidings/0.1.0 (live-blog feed reader)"));
        assert_eq!(
            asked.header("Accept"),
            Some("text/html, application/xhtml+xml, application/json;q=0.9, text/plain;q=0.8")
        );
        let codings = asked.header("Accept-Encoding").unwrap();
        assert!(codings == "gzip, br, zstd, deflate", "{codings}");
        for absent in ["Cookie", "Referer", "If-None-Match", "If-Modified-Since", "Authorization"] {
            assert_eq!(asked.header(absent), None, "{absent}");
        }
    }
}

#[tokio::test]
async fn an_unchanged_page_is_not_sent_again_and_a_changed_one_is() {
    let outlet = OutletServer::start().await;
    let etag = |etag: &str| Validators { etag: Some(etag.into()), last_modified: None };
    let date = |date: &str| Validators { etag: None, last_modified: Some(date.into()) };
    outlet.answer("/live", Answer::html("new").etag("W/\"2\"").last_modified(DATE));
    let fetcher = fetcher();
    let mut given = Vec::new();
    for sent in [etag("W/\"2\""), date(DATE), etag("W/\"1\""), date("Mon, 10 Jan 2022 18:58:00 GMT"), etag("\r\nX: y")] {
        given
            .push(matches!(fetcher.get(&outlet.url("/live"), Reach::Anywhere, &sent, &now).await, Ok(Fetched::NotModified)));
    }
    assert_eq!(given, [true, true, false, false, false]);
    let sent: Vec<_> = outlet.asked().iter().map(|asked| asked.header("If-None-Match").map(str::to_owned)).collect();
    assert_eq!(sent, [Some("W/\"2\"".to_owned()), None, Some("W/\"1\"".to_owned()), None, None]);
    assert_eq!(outlet.asked()[1].header("If-Modified-Since"), Some(DATE));
    assert_eq!(outlet.asked()[4].header("X"), None);
}

#[tokio::test]
async fn not_modified_is_no_answer_to_a_plain_question() {
    let outlet = OutletServer::start().await;
    outlet.answer("/live", Answer::status(304));
    assert!(matches!(error(&outlet, "/live").await, FetchError::Status { status: 304, .. }));
}

#[tokio::test]
async fn other_statuses_are_errors_that_carry_the_asked_rest() {
    let outlet = OutletServer::start().await;
    for status in [204, 206, 300, 403, 404, 410, 451, 500, 502] {
        outlet.answer("/live", Answer::html("<p>not a page</p>").header("Retry-After", "600"));
        outlet.answer("/live", Answer::status(status).header("Retry-After", "600"));
        let error = error(&outlet, "/live").await;
        assert_eq!(error, FetchError::Status { url: outlet.url("/live"), status, retry_after: None });
        assert_eq!(error.to_string(), format!("{}: the outlet answered with status {status}", outlet.url("/live")));
    }
    for (status, asked, seconds) in [(429, "600", 600), (503, "Mon, 10 Jan 2022 19:02:00 GMT", 120), (503, "1", 60)] {
        outlet.answer("/live", Answer::status(status).header("Retry-After", asked));
        assert_eq!(error(&outlet, "/live").await.retry_after(), Some(Duration::from_secs(seconds)), "{status} {asked}");
    }
}

#[tokio::test]
async fn redirects_are_followed_to_the_final_address() {
    let outlet = OutletServer::start().await;
    for n in 0..5 {
        let answer = Answer::status([301, 302, 303, 307, 308][n]).header("Location", &format!("{}#x", n + 1));
        outlet.answer(&format!("/{n}"), answer);
    }
    outlet.answer("/5", Answer::html("there"));
    let page = page(&outlet, "/0").await;
    assert_eq!((page.url, page.body), (Some(outlet.url("/5")), b"there".to_vec()));
    outlet.answer("/5", Answer::redirect("/6"));
    outlet.answer("/6", Answer::html("too far"));
    let message = error(&outlet, "/0").await.to_string();
    assert!(message.contains("more than 5 redirects: ") && message.matches(" → ").count() == 6, "{message}");
    assert!(!outlet.asked().iter().any(|asked| asked.path == "/6"), "the sixth is not asked for");
}

#[tokio::test]
async fn redirects_that_lead_nowhere_are_told_with_the_way() {
    let outlet = OutletServer::start().await;
    let [a, b] = ["/a", "/b"].map(|path| outlet.url(path));
    outlet.answer("/a", Answer::redirect("/b"));
    outlet.answer("/b", Answer::redirect("/a"));
    assert_eq!(error(&outlet, "/a").await.to_string(), format!("{a}: redirects in a loop: {a} → {b} → {a}"));
    for wrong in ["ftp://127.0.0.1/", "file:///etc/hosts", "data:text/html,x"] {
        outlet.answer("/a", Answer::redirect(wrong));
        assert_eq!(
            error(&outlet, "/a").await.to_string(),
            format!("{a}: redirected to what is not http or https: {a} → {wrong}")
        );
    }
    outlet.answer("/a", Answer::status(301));
    assert!(matches!(error(&outlet, "/a").await, FetchError::Redirect { .. }));
}

#[tokio::test]
async fn only_http_is_fetched() {
    for url in ["ftp://127.0.0.1/", "file:///etc/hosts", "data:text/html,x", "http://me:secret@127.0.0.1/"] {
        let error = fetcher().get(&url.parse().unwrap(), Reach::Anywhere, &Validators::default(), &now).await.unwrap_err();
        assert!(matches!(error, FetchError::Address { .. }), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn only_types_that_can_hold_entries_are_read() {
    let outlet = OutletServer::start().await;
    for wrong in ["application/pdf", "image/jpeg", "text/css", "application/octet-stream", "\u{202e}fdp"] {
        outlet.answer("/live", Answer::html("x").header("Content-Type", wrong));
        let message = error(&outlet, "/live").await.to_string();
        assert!(message.contains("not a page that can be read: its type is `"), "{message}");
        assert!(!message.contains('\u{202e}'), "{message:?}");
    }
    outlet.answer("/live", Answer::html("{}").header("Content-Type", "application/json"));
    assert_eq!(page(&outlet, "/live").await.body, b"{}");
    outlet.answer("/live", Answer::status(200).body("untold"));
    assert_eq!(page(&outlet, "/live").await.content_type, None);
    outlet.answer("/live", Answer::status(200).body(b"\x89PNG\r\n\x1a\n\0\0"));
    assert!(error(&outlet, "/live").await.to_string().contains("says no type, and it is not text"));
}

#[tokio::test]
async fn bodies_are_decompressed() {
    let outlet = OutletServer::start().await;
    let text = "a line of news\n".repeat(10_000);
    outlet.answer("/gzip", Answer::html(text.clone()).gzip());
    outlet.answer("/br", Answer::html(text.clone()).brotli());
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut zlib, text.as_bytes()).unwrap();
    let zlib = Answer::html(zlib.finish().unwrap()).header("Content-Encoding", "deflate");
    outlet.answer("/deflate", zlib);
    let zstd = zstd::encode_all(text.as_bytes(), 3).unwrap();
    outlet.answer("/zstd", Answer::html(zstd).header("Content-Encoding", "zstd"));
    for path in ["/deflate", "/zstd"] {
        assert_eq!(page(&outlet, path).await.body, text.as_bytes());
    }
    assert_eq!(page(&outlet, "/gzip").await.body, text.as_bytes());
    assert_eq!(page(&outlet, "/br").await.body, text.as_bytes());
    outlet.answer("/other", Answer::html("x").header("Content-Encoding", "compress"));
    outlet.answer("/twice", Answer::html("x").gzip().header("Content-Encoding", "gzip, gzip"));
    outlet.answer("/lines", Answer::html("x").gzip().another_header("Content-Encoding", "br"));
    for (path, coding) in [("/other", "compress"), ("/twice", "gzip, gzip"), ("/lines", "gzip, br")] {
        let message = error(&outlet, path).await.to_string();
        assert!(message.ends_with(&format!("its content coding is `{coding}`")), "{message}");
    }
}

#[tokio::test]
async fn both_limits_are_counted_while_the_body_comes() {
    let outlet = OutletServer::start().await;
    let settings = FetchSettings::default();
    let (wire, decoded) = (settings.max_wire, settings.max_body);
    outlet.answer("/full-wire", Answer::html(vec![b'a'; wire]));
    outlet.answer("/full-body", Answer::html(vec![b'a'; decoded]).gzip());
    assert_eq!(page(&outlet, "/full-wire").await.body.len(), wire);
    assert_eq!(page(&outlet, "/full-body").await.body.len(), decoded);

    let large = vec![b'a'; wire + 1];
    outlet.answer("/told", Answer::html(large.clone()));
    outlet.answer("/chunked", Answer::html(large).chunks_cut_after(wire + 1));
    for path in ["/told", "/chunked"] {
        let limit = FetchError::TooLarge { url: outlet.url(path), limit: wire, key: "max_wire" };
        assert_eq!(error(&outlet, path).await, limit);
    }
    outlet.answer("/bomb.gz", Answer::html(vec![b'a'; 64 << 20]).gzip());
    outlet.answer("/bomb.br", Answer::html(vec![b'a'; 64 << 20]).brotli());
    outlet.answer("/one-more", Answer::html(vec![b'a'; decoded + 1]).gzip());
    for path in ["/bomb.gz", "/bomb.br", "/one-more"] {
        let limit = FetchError::TooLarge { url: outlet.url(path), limit: decoded, key: "max_body" };
        assert_eq!(error(&outlet, path).await, limit);
    }
}

#[tokio::test]
async fn a_body_that_broke_off_is_never_a_page() {
    let outlet = OutletServer::start().await;
    let text: String = (0..2_000).map(|n| format!("<p>entry {n} of many</p>\n")).collect();
    let whole = Answer::html(text.clone());
    for bytes in [0, 1, 1024, text.len() / 2, text.len() - 1] {
        outlet.answer("/length", whole.clone().cut_after(bytes));
        outlet.answer("/chunks", whole.clone().chunks_cut_after(bytes));
        for path in ["/length", "/chunks"] {
            let error = error(&outlet, path).await;
            assert!(matches!(error, FetchError::Damaged { .. }), "{path} {bytes}: {error}");
        }
    }
    for missing in [1, 4, 8, 9, 1_000] {
        outlet.answer("/gzip", whole.clone().gzip().short_by(missing));
        outlet.answer("/br", whole.clone().brotli().short_by(missing.min(300)));
        for path in ["/gzip", "/br"] {
            let error = error(&outlet, path).await;
            assert!(matches!(error, FetchError::Damaged { .. }), "{path} {missing}: {error}");
        }
    }
    outlet.answer("/not-gzip", whole.header("Content-Encoding", "gzip"));
    assert!(matches!(error(&outlet, "/not-gzip").await, FetchError::Damaged { .. }));
}

#[tokio::test]
async fn an_outlet_that_does_not_speak_http_is_unreachable() {
    let outlet = OutletServer::start().await;
    let flood = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-Flood: 1\r\n".repeat(10_000));
    for bytes in
        ["", "SSH-2.0-x\r\n", "HTTP/1.1 200", &flood, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"]
    {
        outlet.answer("/live", Answer::raw(bytes));
        let error = error(&outlet, "/live").await;
        assert!(matches!(error, FetchError::Unreachable { .. }), "{bytes:.40}: {error}");
    }
    let gone = outlet.url("/live");
    drop(outlet);
    // The listener goes when its task is next polled.
    while tokio::net::TcpStream::connect(gone.socket_addrs(|| None).unwrap()[0]).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let error = fetcher().get(&gone, Reach::Anywhere, &Validators::default(), &now).await.unwrap_err();
    assert!(matches!(error, FetchError::RobotsUnknown { .. }), "the first question is for its robots.txt");
    assert!(error.to_string().contains(": no answer: "), "{error}");
    assert!(error.to_string().to_lowercase().contains("refused"), "{error}");
}

#[tokio::test]
async fn an_outlet_that_never_ends_is_given_up() {
    let outlet = OutletServer::start().await;
    let after = Duration::from_millis(300);
    let fetcher = Fetcher::new(&FetchSettings { timeout: after, ..quick() }).unwrap();
    outlet.answer("/silent", Answer::hang());
    outlet.answer("/half", Answer::html("<p>never sent</p>").hang_after_head());
    outlet.answer("/on", Answer::redirect("/silent"));
    for (path, slow) in [("/silent", "/silent"), ("/half", "/half"), ("/on", "/silent")] {
        let (url, slow) = (outlet.url(path), outlet.url(slow));
        let error = fetcher.get(&url, Reach::Anywhere, &Validators::default(), &now).await.unwrap_err();
        assert_eq!(error.to_string(), format!("{slow}: no whole answer within 300ms"));
    }
}

#[tokio::test]
async fn the_limit_on_connecting_counts_tls_too() {
    let outlet = OutletServer::start().await;
    let after = Duration::from_millis(300);
    let fetcher = Fetcher::new(&FetchSettings { connect_timeout: after, ..quick() }).unwrap();
    let url: url::Url = outlet.url("/").as_str().replace("http:", "https:").parse().unwrap();
    match fetcher.get(&url, Reach::Anywhere, &Validators::default(), &now).await.unwrap_err() {
        FetchError::Setup { reason } => assert!(reason.contains("certificates"), "{reason}"), // On a machine that has none.
        error => {
            let reason = format!("no connection within {after:?}");
            assert_eq!(error, FetchError::RobotsUnknown { url, reason });
        }
    }
}

/// In a process of its own, since what is trusted is read from the environment.
#[test]
fn a_machine_without_certificates_still_fetches_over_http() {
    let none = tempfile::tempdir().unwrap();
    for test in ["a_page_comes_with_all_that_is_known_of_it", "the_limit_on_connecting_counts_tls_too"] {
        let run = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("fetch::{test}")])
            .env("SSL_CERT_FILE", none.path().join("none"))
            .env("SSL_CERT_DIR", none.path())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success() && told.contains(" 1 passed"), "{told}");
    }
}

#[tokio::test]
async fn settings_that_can_not_be_sent_are_refused() {
    let settings = FetchSettings { user_agent: "a\r\nX: b".to_owned(), ..FetchSettings::default() };
    assert!(matches!(Fetcher::new(&settings), Err(FetchError::Setup { .. })));
}

#[tokio::test]
async fn answers_change_as_told() {
    let outlet = OutletServer::start().await;
    outlet.answers("/live", [Answer::html("one"), Answer::status(500), Answer::html("two")]);
    assert_eq!(page(&outlet, "/live").await.body, b"one");
    assert!(matches!(error(&outlet, "/live").await, FetchError::Status { status: 500, .. }));
    assert_eq!(page(&outlet, "/live").await.body, b"two");
    assert_eq!(page(&outlet, "/live").await.body, b"two");
}

#[tokio::test]
async fn a_header_that_names_the_wrong_charset_is_believed_and_told() {
    let outlet = OutletServer::start().await;
    outlet.answer("/live", Answer::html(b"<meta charset=iso-8859-1><p>caf\xE9</p>"));
    let (text, problems) = page(&outlet, "/live").await.text();
    assert!(text.ends_with("<p>caf\u{FFFD}</p>"));
    assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), [ProblemCode::Charset]);
    outlet.answer("/live", Answer::html(b"<meta charset=iso-8859-1><p>caf\xE9</p>").header("Content-Type", "text/html"));
    let (text, problems) = page(&outlet, "/live").await.text();
    assert!(text.ends_with("<p>caf\u{E9}</p>") && problems.is_empty());
}
