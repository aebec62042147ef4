//! Live pages: `tidings fetch`, `tidings serve --follow` and `tidings refresh`, against an outlet on this machine. Its host is
//! nobody's, so the page's canonical link tells whose it is.

use std::path::Path;

use chrono::DateTime;
use serde_json::Value;
use tidings::store::Store;

use super::{Serving, each, fixture, run};
use crate::outlet_server::{Answer, OutletServer};

fn page(case: &str) -> String {
    std::fs::read_to_string(fixture(case)).unwrap()
}

/// Sputnik's page some minutes later: a new entry on top, a headline rewritten.
fn later() -> String {
    let now = page("sputnik/html-list");
    let top = "<ul class=\"c9\">";
    let new = "<li><span class=\"a1\"><span>19:58 GMT 03.12.2024</span></span><h3>Strait Stays Open Overnight</h3>\
        <p>Two icebreakers remain in the channel.</p></li>";
    let edited = "<h3>First Ferry Leaves Port Kerva With Three Hundred Aboard</h3>";
    let later = now.replace(top, &format!("{top}{new}")).replace("<h3>First Ferry Leaves Port Kerva</h3>", edited);
    assert!(later.len() > now.len() + new.len());
    later
}

/// As if the interval had passed.
pub async fn make_due(store: &Path) {
    let store = Store::open(store).await.unwrap();
    for mut source in store.sources().await.unwrap() {
        source.next_due = DateTime::UNIX_EPOCH;
        store.put_source(&source).await.unwrap();
    }
    store.close().await;
}

fn by_id(feed: &Value) -> Vec<(&str, &str)> {
    let items = feed["items"].as_array().unwrap().iter();
    items.map(|item| (item["id"].as_str().unwrap(), item["title"].as_str().unwrap())).collect()
}

/// Saved or live, a page is the same page.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_fetched_page_reads_as_the_saved_one() {
    let folder = tempfile::tempdir().unwrap();
    let outlet = OutletServer::start().await;
    for (case, told) in [
        ("sputnik/html-list", &[][..]),
        ("independent/amp-live-list", &[]),
        ("sputnik/article-old-engine", &[]),
        ("sputnik/html-divs", &["--outlet", "sputnik"]),
    ] {
        outlet.answer("/a/page", Answer::html(page(case)).gzip());
        let (file, url) = (fixture(case), outlet.url("/a/page"));
        let saved = run(folder.path(), ["parse", file.to_str().unwrap()].iter().chain(told)).fine();
        let live = run(folder.path(), ["fetch", "--allow-private", url.as_str()].iter().chain(told)).fine();
        assert_eq!(live.stdout, saved.stdout, "{case}");
        for format in ["rss", "atom", "jsonfeed", "text"] {
            let saved = run(folder.path(), ["parse", file.to_str().unwrap(), "--format", format].iter().chain(told)).fine();
            let live =
                run(folder.path(), ["fetch", "--allow-private", url.as_str(), "--format", format].iter().chain(told)).fine();
            assert_eq!(live.stdout, saved.stdout, "{case} as {format}");
        }
    }
    assert_eq!(outlet.asked().len(), 4 * 5, "one request for each page");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_fetched_page_with_problems_ends_with_status_1() {
    let folder = tempfile::tempdir().unwrap();
    let outlet = OutletServer::start().await;
    outlet.answer("/live", Answer::html(page("independent/amp-tombstone")));
    let url = outlet.url("/live");
    let done = run(folder.path(), ["fetch", "--allow-private", url.as_str()]).says(&[url.as_str(), "[duplicate_id]"]);
    assert_eq!((done.status, done.stderr.lines().count(), done.json().len()), (1, 1, 1));
}

/// The whole promise with one address and no config: entries appear, and what changes at the outlet changes in the feed,
/// under the ids the reader knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_followed_page_appears_and_changes_in_the_feed() {
    let folder = tempfile::tempdir().unwrap();
    let outlet = OutletServer::start().await;
    outlet.answer("/live", Answer::html(page("sputnik/html-list")).etag("\"one\""));
    let url = outlet.url("/live");
    let serving = Serving::start(folder.path(), &["--allow-private", "--follow", url.as_str()]);
    assert!(serving.welcome.contains("Following 1 live blog:"), "{}", serving.welcome);
    let before = serving.until("/feed.json", |feed| !feed["items"].as_array().unwrap().is_empty());
    let saved = run(folder.path(), ["parse", fixture("sputnik/html-list").to_str().unwrap()]).fine().blog();
    let before = by_id(&before);
    assert_eq!(super::set(before.iter().map(|(id, _)| *id)), super::set(each(&saved, "/id")));
    let health = serving.json("/healthz");
    assert_eq!((&health["live_blogs"], &health["sources"][0]["failures"]), (&1.into(), &0.into()));

    outlet.answer("/live", Answer::html(later()).etag("\"two\""));
    let config = format!("[[live_blog]]\nurl = \"{url}\"\nallow_private = true\nevery = \"10s\"\n");
    std::fs::write(folder.path().join("config.toml"), config).unwrap();
    make_due(&folder.path().join("tidings.db")).await;
    // A `refresh` beside the server would write to the same store; the server reads its settings and refreshes by itself.
    run(folder.path(), ["refresh"]).refused(&["tidings.db is in use", &format!("process {}", serving.child.id())]);
    run(folder.path(), ["reload"]).fine();
    let after = serving.until("/feed.json", |feed| feed["items"].as_array().unwrap().len() == before.len() + 1);
    let after = by_id(&after);
    assert_eq!(after[0].1, "Strait Stays Open Overnight");
    let kept: Vec<_> = after[1..].to_vec();
    assert_eq!(kept.iter().map(|(id, _)| id).collect::<Vec<_>>(), before.iter().map(|(id, _)| id).collect::<Vec<_>>());
    let edited: Vec<_> =
        before.iter().zip(&kept).filter(|(one, other)| one.1 != other.1).map(|(_, other)| other.1).collect();
    assert_eq!(edited, ["First Ferry Leaves Port Kerva With Three Hundred Aboard"]);
    assert_eq!(outlet.asked()[1].header("If-None-Match"), Some("\"one\""));

    // The other formats say the same.
    for (path, format) in [("/feed.rss", "rss"), ("/feed.atom", "atom"), ("/outlets/sputnik/feed.atom", "atom")] {
        assert_eq!(super::ids(&serving.get(path).body, format), after.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    }
    serving.stop("TERM");
}

/// The schedule is kept in the store: what is due when the server starts again is fetched then, and what is not, is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_server_started_again_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("tidings.db");
    let outlet = OutletServer::start().await;
    outlet.answer("/live", Answer::html(page("sputnik/html-list")));
    let url = outlet.url("/live");
    let config = format!("every = \"1h\"\n[[live_blog]]\nurl = \"{url}\"\nallow_private = true\ntitle = \"The strait\"\n");
    std::fs::write(folder.path().join("config.toml"), config).unwrap();

    let serving = Serving::start(folder.path(), &[]);
    assert!(serving.welcome.contains(&format!("{url} every 1h")), "{}", serving.welcome);
    serving.until("/healthz", |health| health["entries"] == 6);
    serving.stop("TERM");

    let serving = Serving::start(folder.path(), &[]);
    assert!(serving.welcome.contains("6 entries of 1 live blog in"), "{}", serving.welcome);
    serving.stop("TERM");
    assert_eq!(outlet.asked().len(), 1, "the interval is not over");

    outlet.answer("/live", Answer::html(later()));
    make_due(&store).await;
    let serving = Serving::start(folder.path(), &[]);
    serving.until("/healthz", |health| health["entries"] == 7);
    let feed = serving.until("/feed.json", |feed| feed["items"].as_array().unwrap().len() == 7);
    assert_eq!(by_id(&feed)[0].1, "Strait Stays Open Overnight");
    let page = String::from_utf8(serving.get("/").body).unwrap();
    assert!(page.contains("The strait"), "the config's own title is shown");
    serving.stop("TERM");
}

#[test]
fn refresh_with_nothing_to_follow_says_how_to_begin() {
    let folder = tempfile::tempdir().unwrap();
    let done = run(folder.path(), ["refresh"]).says(&["nothing to follow", "[[live_blog]]", "tidings init"]);
    assert_eq!((done.status, done.stdout.as_str()), (0, ""));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "and leaves nothing behind");
}

/// What cron sees: a line for each address on stdout; where one fails, status 1 and its reason on stderr, and what was read
/// before stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn refresh_does_what_is_due_and_tells() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("tidings.db");
    let outlet = OutletServer::start().await;
    outlet.answer("/ferry", Answer::html(page("sputnik/html-list")));
    outlet.answer("/rail", Answer::html(page("independent/amp-live-list")));
    let (ferry, rail) = (outlet.url("/ferry"), outlet.url("/rail"));
    let config = format!(
        "[[live_blog]]\nurl = \"{ferry}\"\nallow_private = true\n[[live_blog]]\nurl = \"{rail}\"\nallow_private = true\n"
    );
    std::fs::write(folder.path().join("config.toml"), config).unwrap();
    let entries = async || {
        let store = Store::open(&store).await.unwrap();
        let blogs = store.blogs().await.unwrap();
        let counts = blogs.iter().map(|blog| blog.entries).sum::<i64>();
        store.close().await;
        counts
    };

    let first = run(folder.path(), ["refresh"]).fine();
    assert_eq!(first.stdout, format!("{ferry}: 6 new, 0 edited\n{rail}: 6 new, 0 edited\n"));
    assert_eq!(entries().await, 12);

    let second = run(folder.path(), ["refresh"]).fine();
    assert_eq!((second.stdout.as_str(), outlet.asked().len()), ("nothing is due yet\n", 2));

    make_due(&store).await;
    outlet.answer("/ferry", Answer::html(later()));
    outlet.answer("/rail", Answer::status(503));
    let third = run(folder.path(), ["refresh"]).says(&[rail.as_str(), "503"]);
    let told: Vec<_> = third.stderr.lines().filter(|line| line.starts_with(rail.as_str())).collect();
    assert!(told.len() == 1 && told[0].matches(rail.as_str()).count() == 1, "{told:?}");
    assert_eq!((third.status, third.stdout.as_str()), (1, format!("{ferry}: 1 new, 1 edited\n").as_str()), "{third:?}");
    assert_eq!(entries().await, 13, "what the failing one had is kept");

    // A page without its entries is no reason to lose them either.
    make_due(&store).await;
    outlet.answer("/rail", Answer::html(page("independent/no-entries")));
    let fourth = run(folder.path(), ["refresh"]).says(&[rail.as_str(), "without a single entry"]);
    assert_eq!((fourth.status, entries().await), (1, 13), "{fourth:?}");

    make_due(&store).await;
    outlet.answer("/rail", Answer::html(page("independent/amp-live-list")));
    let fifth = run(folder.path(), ["refresh"]);
    assert_eq!((fifth.status, fifth.stdout), (0, format!("{ferry}: nothing new\n{rail}: nothing new\n")));
}
