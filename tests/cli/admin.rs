//! The listener for whoever runs the server.

use super::{Answer, Serving, fixture};
use crate::outlet_server::{self, OutletServer};

/// `host:port` of the listener.
fn admin(serving: &Serving) -> String {
    let line = serving.welcome.lines().find_map(|line| line.strip_prefix("Metrics are at http://")).expect("it is named");
    line.trim_end_matches("/metrics.").to_owned()
}

fn value(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{metrics}")).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_metrics_count_what_happens() {
    let folder = tempfile::tempdir().unwrap();
    let outlet = OutletServer::start().await;
    outlet.answer("/ferry", outlet_server::Answer::html(std::fs::read_to_string(fixture("sputnik/html-list")).unwrap()));
    outlet.answer("/gone", outlet_server::Answer::status(410));
    let blog = |path: &str| format!("[[live_blog]]\nurl = \"{}\"\nallow_private = true\n", outlet.url(path));
    let config = format!("admin_listen = \"127.0.0.1:0\"\n{}{}", blog("/ferry"), blog("/gone"));
    std::fs::write(folder.path().join("config.toml"), config).unwrap();
    let serving = Serving::start(folder.path(), &[]);
    let health = serving.until("/healthz", |health| {
        health["entries"] == 6 && health["sources"].as_array().unwrap().iter().any(|source| source["failures"] == 1)
    });
    assert_eq!(health["status"], "ok", "a sick source is no sickness of ours");
    let feed = serving.get("/feed.rss");
    let etag = feed.head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    assert_eq!(serving.ask("GET", "/feed.rss", &format!("If-None-Match: {etag}\r\n")).status, 304);
    serving.get("/nowhere.php");

    let answer = Answer::of(&admin(&serving), "GET", "/metrics", "");
    assert!(answer.head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{}", answer.head);
    let metrics = answer.text();
    let (ferry, gone) = (outlet.url("/ferry"), outlet.url("/gone"));
    for (name, expected) in [
        (format!("tidings_fetches_total{{source=\"{ferry}\",outcome=\"changed\"}}"), 1.0),
        (format!("tidings_fetches_total{{source=\"{gone}\",outcome=\"failed\"}}"), 1.0),
        ("tidings_entry_changes_total{change=\"new\"}".into(), 6.0),
        ("tidings_parse_seconds_count".into(), 1.0),
        ("tidings_requests_total{what=\"rss\",status=\"200\"}".into(), 1.0),
        ("tidings_requests_total{what=\"rss\",status=\"304\"}".into(), 1.0),
        ("tidings_requests_total{what=\"other\",status=\"404\"}".into(), 1.0),
        ("tidings_live_blogs".into(), 1.0),
        ("tidings_entries".into(), 6.0),
        ("tidings_revisions".into(), 0.0),
        ("tidings_store_writable".into(), 1.0),
        (format!("tidings_source_failures{{source=\"{gone}\"}}"), 1.0),
        ("tidings_connections".into(), 0.0),
    ] {
        assert_eq!(value(metrics, &name), expected, "{name}");
    }
    assert!(value(metrics, "tidings_store_size_bytes") > 10_000.0);
    assert!(value(metrics, &format!("tidings_source_last_ok_timestamp_seconds{{source=\"{ferry}\"}}")) > 1.7e9);
    assert!(value(metrics, "tidings_connections_accepted_total") >= 4.0);
    assert!(!metrics.contains(&format!("last_ok_timestamp_seconds{{source=\"{gone}\"")), "it never was well");

    for path in ["/metrics", "/admin/reload"] {
        assert_eq!(serving.get(path).status, 404, "nothing of it among the feeds");
    }
    serving.stop("TERM");
}

#[test]
fn the_reload_answers_with_what_came_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let write = |config: &str| std::fs::write(folder.path().join("config.toml"), config).unwrap();
    write("admin_listen = \"127.0.0.1:0\"\n");
    let serving = Serving::start(folder.path(), &[]);
    let admin = admin(&serving);
    let reload = |headers: &str| {
        let answer = Answer::of(&admin, "POST", "/admin/reload", headers);
        (answer.status, answer.text().to_owned())
    };
    write(
        "admin_listen = \"127.0.0.1:0\"\nbase_url = \"https://feeds.example.org/\"\n[[live_blog]]\nurl = \"https://news.example/\"\n",
    );
    let (status, body) = reload("Content-Length: 0\r\n");
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    let note = "`base_url` stays as it is until a restart";
    assert_eq!((status, body), (200, serde_json::json!({ "status": "reloaded", "notes": [note] })));
    assert_eq!(serving.json("/healthz")["sources"][0]["url"], "https://news.example/");

    write("sedes = \"x\"\n");
    let (status, body) = reload("");
    assert!(status == 422 && body.contains("config.toml:1:1: unknown key `sedes`: did you mean `seeds`?"), "{body}");
    assert_eq!(serving.json("/healthz")["sources"][0]["url"], "https://news.example/");

    // A page in a browser on this machine can send a request here, but not without saying so, nor under a name of its own.
    assert_eq!(reload("Origin: https://evil.example\r\n").0, 403);
    assert_eq!(reload("Host: evil.example\r\n").0, 421);
    assert_eq!(reload("Content-Length: 2\r\n").0, 413);
    assert_eq!(Answer::of(&admin, "GET", "/admin/reload", "").status, 405);
    assert_eq!(Answer::of(&admin, "GET", "/feed.rss", "").status, 404);
    assert_eq!(Answer::of(&admin, "GET", "/healthz", "").status, 200);
    serving.stop("TERM");
}

#[test]
fn it_asks_for_its_token_where_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let config = "admin_listen = \"127.0.0.1:0\"\nadmin_token = \"for-whoever-runs-this\"\n\
        [[token]]\nname = \"reader\"\nsecret = \"for-whoever-reads-this\"\n";
    std::fs::write(folder.path().join("config.toml"), config).unwrap();
    let serving = Serving::start(folder.path(), &[]);
    let ask = |headers: &str| Answer::of(&admin(&serving), "GET", "/metrics", headers).status;
    assert_eq!(ask(""), 401);
    assert_eq!(ask("Authorization: Bearer for-whoever-reads-this\r\n"), 401);
    assert_eq!(ask("Authorization: Bearer for-whoever-runs-this\r\n"), 200);
    assert_eq!(ask("Host: tidings.internal\r\nAuthorization: Bearer for-whoever-runs-this\r\n"), 200);
    assert_eq!(serving.ask("GET", "/feed.rss", "Authorization: Bearer for-whoever-runs-this\r\n").status, 401);
    serving.stop("TERM");
}
