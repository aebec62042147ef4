//! A server that runs: alone on its store, with new settings, and copied meanwhile.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tidings::store::Lock;

use super::{Answer, Serving, fixture, ids, run, tidings};
use crate::outlet_server::{self, OutletServer};

fn write(folder: &Path, config: &str) {
    std::fs::write(folder.join("config.toml"), config).unwrap();
}

/// A store that is filled from one story, without a network.
fn with_story(folder: &Path) {
    let seeds = folder.join("seeds");
    std::fs::create_dir(&seeds).unwrap();
    std::fs::copy(fixture("sputnik/text-africa-no-gmt"), seeds.join("page.txt")).unwrap();
    let story = "title = \"A story\"\n[[live_blog]]\nurl = \"https://sputniknews.com/20220110/a-1.html\"\noutlet = \"sputnik\"\n\
        captured = 2022-01-10T19:05:00Z\ncapture = \"page.txt\"\n";
    std::fs::write(seeds.join("story.toml"), story).unwrap();
}

#[test]
fn a_second_one_on_the_same_store_is_refused_and_a_killed_one_leaves_it_free() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "[[live_blog]]\nurl = \"https://news.example/live\"\nevery = \"7d\"\n");
    let store = folder.path().join("tidings.db");
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("linked.db");
    std::os::unix::fs::symlink(&store, &link).unwrap();

    let mut serving = Serving::start(elsewhere.path(), &["--store", store.to_str().unwrap()]);
    let pid = format!("`tidings serve` runs on it as process {};", serving.child.id());
    let free = ["serve", "--listen", "127.0.0.1:0"];
    for store in [&store, &link] {
        let named = ["--store", store.to_str().unwrap()];
        run(folder.path(), free.iter().chain(&named)).refused(&["is in use", &pid]);
        run(folder.path(), ["refresh"].iter().chain(&named)).refused(&["is in use", &pid]);
    }
    // Who only reads is not in the way.
    run(folder.path(), ["backup", "copy.db"]).fine();

    serving.child.kill().unwrap();
    serving.child.wait().unwrap();
    let again = Serving::start(folder.path(), &["--store", link.to_str().unwrap()]);
    assert_eq!(Lock::holder(&store).unwrap().unwrap().pid, again.child.id());
    again.stop("TERM");
    assert_eq!(Lock::holder(&store).unwrap(), None);
}

/// Half-written settings change nothing; whole ones hold at once, by either way of asking.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn new_settings_hold_at_once_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let outlet = OutletServer::start().await;
    outlet.answer("/ferry", outlet_server::Answer::html(std::fs::read_to_string(fixture("sputnik/html-list")).unwrap()));
    outlet.answer(
        "/rail",
        outlet_server::Answer::html(std::fs::read_to_string(fixture("independent/amp-live-list")).unwrap()),
    );
    let blog = |path: &str| format!("[[live_blog]]\nurl = \"{}\"\nallow_private = true\n", outlet.url(path));
    let config = |top: &str, blogs: &[&str]| format!("{top}\n{}", blogs.iter().map(|path| blog(path)).collect::<String>());
    write(folder.path(), &config("", &["/ferry"]));
    let serving = Serving::start(folder.path(), &[]);
    serving.until("/healthz", |health| health["entries"] == 6);

    // By command: everything that may change while it runs does.
    let token = "[[token]]\nname = \"me\"\nsecret = \"a-secret-of-my-own\"\n";
    write(
        folder.path(),
        &config(&format!("base_url = \"https://feeds.example.org/\"\nlog_format = \"json\"\n{token}"), &["/rail"]),
    );
    let done = run(folder.path(), ["reload"]).fine();
    assert_eq!(done.stdout, "the new settings hold\n`base_url` stays as it is until a restart\n");
    assert_eq!(serving.get("/feed.rss").status, 401);
    let health = serving.until("/healthz?key=a-secret-of-my-own", |health| health["entries"] == 12);
    let followed: Vec<_> =
        health["sources"].as_array().unwrap().iter().map(|source| source["url"].as_str().unwrap()).collect();
    assert_eq!(followed, [outlet.url("/rail").as_str()]);
    assert_eq!(outlet.asked().len(), 2, "nothing is asked for again");

    // With a mistake the command asks for nothing. The signal is answered in the log.
    write(folder.path(), &config("every = \"5 minits\"\n", &["/ferry"]));
    run(folder.path(), ["reload"]).refused(&["config.toml:1:9: every: `5 minits` is not a duration", "1 mistake"]);
    serving.signal("HUP");
    let reloads = || Lock::holder(&folder.path().join("tidings.db")).unwrap().unwrap().reloads;
    while reloads() < 2 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let health = serving.json("/healthz?key=a-secret-of-my-own");
    assert_eq!((&health["sources"][0]["url"], serving.get("/feed.rss").status), (&outlet.url("/rail").as_str().into(), 401));

    // A mistake in a story is one too.
    with_story(folder.path());
    std::fs::write(folder.path().join("seeds/more.toml"), "titel = \"x\"\n").unwrap();
    write(folder.path(), &config("", &["/ferry"]));
    run(folder.path(), ["reload"]).refused(&["more.toml:1:1: unknown key `titel`", "goes on with the settings it had"]);
    std::fs::remove_file(folder.path().join("seeds/more.toml")).unwrap();
    run(folder.path(), ["reload"]).fine();
    assert!(
        serving.json("/healthz")["entries"].as_u64().unwrap() > 12,
        "the seeds are loaded, and everybody may read again"
    );

    let said = serving.stop("TERM");
    let json: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let messages: Vec<_> = json.iter().map(|line| line["message"].as_str().unwrap()).collect();
    assert!(messages.iter().any(|message| message.contains("config.toml:1:9: every: `5 minits`")), "{said}");
    assert!(messages.contains(&"the settings stay as they were, for the mistakes in the new ones"), "{said}");
    assert!(said.trim_end().ends_with(" INFO stopped"), "text again after the last reload: {said}");
}

/// Selectors that find more are no use if the page is only read when it changes.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_page_is_read_again_when_its_selectors_change() {
    let folder = tempfile::tempdir().unwrap();
    let outlet = OutletServer::start().await;
    let entry = |n: u32| {
        format!(
            "<article class=p id=e-{n}x><time datetime=2024-01-21T19:0{n}:00Z></time><h2>Ferry {n}</h2><i>Late {n}</i></article>"
        )
    };
    let page = format!(
        "<html><head><link rel=canonical href=https://harbour.example/live></head><body>{}{}</body></html>",
        entry(2),
        entry(1)
    );
    outlet.answer("/live", outlet_server::Answer::html(page).etag("\"same\""));
    let config = |headline: &str| {
        format!(
            "every = \"10s\"\n[[outlet]]\nname = \"Harbour\"\nhosts = [\"harbour.example\"]\nzone = \"UTC\"\nentry = \"article.p\"\nheadline = \"{headline}\"\n\
            [[live_blog]]\nurl = \"{}\"\nallow_private = true\n",
            outlet.url("/live")
        )
    };
    write(folder.path(), &config("h2"));
    let serving = Serving::start(folder.path(), &[]);
    let title = |feed: &Value| feed["items"][0]["title"].as_str().unwrap_or_default().to_owned();
    serving.until("/feed.json", |feed| title(feed) == "Ferry 2");
    write(folder.path(), &config("i"));
    run(folder.path(), ["reload"]).fine();
    serving.until("/feed.json", |feed| title(feed) == "Late 2");
    serving.stop("TERM");
    let conditional: Vec<bool> = outlet.asked().iter().map(|asked| asked.header("If-None-Match").is_some()).collect();
    assert_eq!(conditional[..2], [false, false], "it is asked for whole once more");

    // The same selectors in another process are the same reader.
    super::follow::make_due(&folder.path().join("tidings.db")).await;
    run(folder.path(), ["refresh"]).fine();
    assert_eq!(outlet.asked().last().unwrap().header("If-None-Match"), Some("\"same\""));
}

#[test]
fn reload_without_a_server_says_so() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), ["reload"]).refused(&["no server runs on the store tidings.db"]);
    let _held = Lock::take(&folder.path().join("tidings.db"), "refresh").unwrap();
    run(folder.path(), ["reload"]).refused(&["no server runs on the store tidings.db, only `tidings refresh`"]);
}

/// A copy made while the server writes is a whole store: it serves the same feeds to the last byte.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_copy_made_meanwhile_can_take_the_stores_place() {
    let folder = tempfile::tempdir().unwrap();
    with_story(folder.path());
    let outlet = OutletServer::start().await;
    outlet.answer("/ferry", outlet_server::Answer::html(std::fs::read_to_string(fixture("sputnik/html-list")).unwrap()));
    let blog = format!("[[live_blog]]\nurl = \"{}\"\nallow_private = true\n", outlet.url("/ferry"));
    write(folder.path(), &format!("base_url = \"https://feeds.example.org/\"\n{blog}"));
    let serving = Serving::start(folder.path(), &[]);
    let feed = serving.until("/feed.json?limit=200", |feed| feed["items"].as_array().unwrap().len() > 6);
    let entries = feed["items"].as_array().unwrap().len();
    assert!(folder.path().join("tidings.db-wal").metadata().unwrap().len() > 0, "part of it is in the log beside the store");

    let done = run(folder.path(), ["backup", "copies.db"]).fine();
    assert!(done.stdout.starts_with(&format!("copies.db: {entries} entries of 2 live blogs, ")), "{done:?}");
    run(folder.path(), ["backup", "copies.db"]).refused(&["copies.db is there already"]);
    run(folder.path(), ["backup", "none/copy.db"]).refused(&["the folder none does not exist"]);
    run(folder.path(), ["backup", "copy.db", "--store", "nothing.db"]).refused(&["there is no store at nothing.db"]);
    std::fs::write(folder.path().join("notes.txt"), "bread\n".repeat(1000)).unwrap();
    run(folder.path(), ["backup", "copy.db", "--store", "notes.txt"]).refused(&["notes.txt is not a tidings store"]);
    assert!(!folder.path().join("copy.db").exists() && !folder.path().join("nothing.db").exists());
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("partial")), "{left:?}");

    let feeds = |serving: &Serving| {
        ["/feed.rss", "/feed.atom", "/feed.json", "/outlets/sputnik/feed.atom?limit=3"].map(|path| serving.get(path))
    };
    let before = feeds(&serving);
    serving.stop("TERM");
    // The disk is lost. What is restored is the copy, in a place of its own.
    let restored = tempfile::tempdir().unwrap();
    std::fs::copy(folder.path().join("copies.db"), restored.path().join("tidings.db")).unwrap();
    write(restored.path(), "base_url = \"https://feeds.example.org/\"\n");
    let serving = Serving::start(restored.path(), &[]);
    let after = feeds(&serving);
    for (before, after) in before.iter().zip(&after) {
        // How fresh it is depends on what is followed; the feed does not.
        let same = |answer: &Answer| {
            answer.head.lines().filter(|line| !line.starts_with("tidings-checked")).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!((same(after), &after.body), (same(before), &before.body));
    }
    assert_eq!(ids(&after[2].body, "json").len(), entries);
    serving.stop("TERM");
}

/// Reading a page may take seconds, and nobody wants to know what is in it once the server is to stop.
#[test]
fn a_second_signal_ends_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let child = tidings(folder.path(), ["serve", "--listen", "127.0.0.1:0"]).stderr(Stdio::null()).spawn().unwrap();
    let mut serving = Serving::of(child);
    use std::io::Write;
    // Somebody who does not finish asking makes it wait a moment.
    let mut half = std::net::TcpStream::connect(&serving.address).unwrap();
    half.write_all(b"GET /feed.rss HTTP/1.1\r\nHost:").unwrap();
    serving.get("/healthz");
    serving.signal("TERM");
    std::thread::sleep(std::time::Duration::from_millis(100));
    let still_there = Command::new("sh").args(["-c", &format!("kill -0 {}", serving.child.id())]).status().unwrap();
    assert!(still_there.success(), "the first one is heeded in order");
    serving.signal("INT");
    assert_eq!(serving.child.wait().unwrap().code(), Some(130));
}
