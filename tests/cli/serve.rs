//! `tidings serve`: from an empty folder, from the project's seeds, and how it ends.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;

use tidings::store::{Scope, Store};

use super::{Answer, Serving, each, ids, run, set};
use crate::outlet_server::{self, OutletServer};

#[tokio::test]
async fn an_empty_folder_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(folder.path(), &[]);
    for path in ["", "feed.rss", "feed.atom", "feed.json"] {
        let url = format!("http://{}/{path}\n", serving.address);
        assert!(serving.welcome.contains(&url), "{url} is missing in {}", serving.welcome);
    }
    assert!(serving.welcome.contains("0 entries of 0 live blogs in tidings.db"), "{}", serving.welcome);
    assert!(serving.welcome.contains("tidings serve --follow URL"), "{}", serving.welcome);
    assert!(serving.welcome.contains("tidings init"), "{}", serving.welcome);

    let health = serving.json("/healthz");
    assert_eq!((&health["status"], &health["entries"]), (&"ok".into(), &0.into()));
    for (path, format) in [("/feed.rss", "rss"), ("/feed.atom", "atom"), ("/feed.json", "json")] {
        let answer = serving.get(path);
        assert_eq!((answer.status, ids(&answer.body, format).len()), (200, 0), "{path}");
    }
    let page = String::from_utf8(serving.get("/").body).unwrap();
    let links: Vec<&str> = page.lines().filter(|line| line.contains("rel=\"alternate\"")).collect();
    for path in ["feed.rss", "feed.atom", "feed.json"] {
        assert!(links.iter().any(|link| link.contains(path)), "a reader finds {path} by itself: {page}");
    }
    assert_eq!(serving.get("/nowhere").status, 404);

    assert!(serving.stop("TERM").contains("stopped"));
    left_clean(&folder.path().join("tidings.db"));
    Store::open(&folder.path().join("tidings.db")).await.unwrap();
}

/// After a clean stop the store is one file: nothing waits in a log beside it.
fn left_clean(store: &Path) {
    for rest in ["db-wal", "db-shm"] {
        let rest = store.with_extension(rest);
        assert!(!rest.exists(), "{} is left behind", rest.display());
    }
}

/// With a config the hint names it, and paths in it count from its own folder.
#[test]
fn a_config_without_live_blogs_is_named_in_the_hint() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    std::fs::write(&config, "store = \"kept.db\"\n").unwrap();
    let serving = Serving::start(elsewhere.path(), &["--config", config.to_str().unwrap()]);
    assert!(serving.welcome.contains("add a [[live_blog]] table to config.toml"), "{}", serving.welcome);
    serving.stop("INT");
    assert!(folder.path().join("kept.db").exists());
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn what_keeps_it_from_starting_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let serve = |arguments: &[&str]| run(folder.path(), ["serve"].iter().chain(arguments));
    let free = ["--listen", "127.0.0.1:0"];
    serve(&[&free[..], &["--store", "none/tidings.db"]].concat()).refused(&["the folder none does not exist"]);
    std::fs::write(folder.path().join("notes.txt"), "bread\nmilk\n".repeat(500)).unwrap();
    serve(&[&free[..], &["--store", "notes.txt"]].concat()).refused(&["notes.txt is not a tidings store"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    serve(&["--listen", &address]).refused(&[&address, "choose another with --listen"]);
}

/// Whatever is under way (an outlet that never answers, a reader that keeps its connection), stopping is prompt and clean.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn stopping_waits_for_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let outlet = OutletServer::start().await;
    outlet.answer("/live", outlet_server::Answer::hang());
    let serving = Serving::start(folder.path(), &["--allow-private", "--follow", outlet.url("/live").as_str()]);
    assert!(serving.welcome.contains(&format!("{} every 5m", outlet.url("/live"))), "{}", serving.welcome);
    let mut idle = TcpStream::connect(&serving.address).unwrap();
    let mut half_asked = TcpStream::connect(&serving.address).unwrap();
    half_asked.write_all(b"GET /feed.rss HTTP/1.1\r\nHost:").unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
    while outlet.asked().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    serving.stop("TERM");
    left_clean(&folder.path().join("tidings.db"));

    // It was asked, and is due for whoever comes next when its interval is over.
    let store = Store::open(&folder.path().join("tidings.db")).await.unwrap();
    let source = store.sources().await.unwrap().remove(0);
    assert_eq!((source.failures, source.last_error.clone(), source.last_ok), (0, None, None));
    assert_eq!(store.due(std::slice::from_ref(&source.url), source.next_due).await.unwrap().len(), 1);
}

/// Connections are open files, and shells give a process few of those until it asks for more.
#[cfg(target_os = "linux")]
#[test]
fn it_asks_for_as_many_files_as_connections_take() {
    let soft_and_hard = |process: &str| {
        let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap().to_owned();
        let mut numbers = line.split_whitespace().filter_map(|word| word.parse::<u64>().ok());
        (numbers.next().unwrap_or(u64::MAX), numbers.next().unwrap_or(u64::MAX))
    };
    let (_, hard) = soft_and_hard("self");
    for (ulimit, files) in [("-Sn", hard.min(8192 + 128)), ("-n", 256)] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = std::process::Command::new("sh");
        command.arg("-c").arg(format!("ulimit {ulimit} 256; exec \"$0\" serve --listen 127.0.0.1:0"));
        command.arg(env!("CARGO_BIN_EXE_tidings")).current_dir(folder.path()).env_remove("TIDINGS_LOG");
        let serving = Serving::of(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
        assert_eq!(serving.get("/healthz").status, 200);
        assert_eq!(soft_and_hard(&serving.child.id().to_string()).0, files, "ulimit {ulimit} 256");
        let told = serving.stop("TERM").contains("only 128 connections at once instead of 8192");
        assert_eq!(told, files == 256, "it says so where it can't have them");
    }
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder whose config fills the store from the project's own seeds.
fn with_seeds() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = format!("seeds = '{}'\n", project().join("seeds").display());
    std::fs::write(folder.path().join("config.toml"), config).unwrap();
    folder
}

/// The ids that `parse` gives the entries of the seeds, by live blog.
fn seeded() -> Vec<(String, Vec<String>)> {
    let seeds = project().join("seeds");
    let mut blogs = Vec::new();
    for file in std::fs::read_dir(&seeds).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let story: toml::Table = std::fs::read_to_string(file).unwrap().parse().unwrap();
        for seed in story["live_blog"].as_array().unwrap() {
            let text = |key: &str| seed[key].as_str().unwrap();
            let captured = seed["captured"].as_datetime().unwrap().to_string();
            let told = ["--url", text("url"), "--outlet", text("outlet"), "--captured", &captured];
            let done = run(&seeds, ["parse", text("capture")].iter().chain(&told));
            // One of the captures prints no time, and says so; of the others there is nothing to say.
            let done = if text("outlet") == "meduza" { done.says(&["[no_time]"]) } else { done.fine() };
            let blog = done.blog();
            blogs.push((
                blog["id"].as_str().unwrap().to_owned(),
                each(&blog, "/id").into_iter().map(str::to_owned).collect(),
            ));
        }
    }
    blogs
}

#[test]
fn every_entry_of_the_seeds_is_in_every_feed() {
    let folder = with_seeds();
    let serving = Serving::start(folder.path(), &[]);
    let seeded = seeded();
    let wanted = set(seeded.iter().flat_map(|(_, entries)| entries));
    assert!(seeded.len() > 1 && wanted.len() > 20 && wanted.len() <= 200);
    let told = format!("{} entries of {} live blogs", wanted.len(), seeded.len());
    assert!(serving.welcome.contains(&told), "{}", serving.welcome);
    let get = |path: &str, format| ids(&serving.get(path).body, format);
    let json = get("/feed.json?limit=200", "json");
    assert_eq!((json.len(), set(&json)), (wanted.len(), wanted));
    assert_eq!(get("/feed.rss?limit=200", "rss"), json);
    assert_eq!(get("/feed.atom?limit=200", "atom"), json);
    for (blog, entries) in seeded {
        assert_eq!(set(get(&format!("/blogs/{blog}/feed.atom?limit=200"), "atom")), set(entries));
    }
    serving.stop("TERM");
}

/// Every feed with its validators: what a reader that asks again compares.
fn feeds(serving: &Serving) -> Vec<(String, Answer)> {
    let mut paths = vec![String::new(), "/outlets/independent".into(), "/outlets/sputnik".into()];
    paths.extend(seeded().iter().map(|(blog, _)| format!("/blogs/{blog}")));
    let paths = paths.iter().flat_map(|path| ["rss", "atom", "json"].map(|format| format!("{path}/feed.{format}")));
    let feeds: Vec<_> = paths.map(|path| (path.clone(), serving.get(&path))).collect();
    for (path, answer) in &feeds {
        let head = answer.head.to_ascii_lowercase();
        assert!(answer.status == 200 && head.contains("\netag: ") && head.contains("\nlast-modified: "), "{path}: {head}");
    }
    feeds
}

#[test]
fn starting_again_changes_no_byte_of_any_feed() {
    let folder = with_seeds();
    // The port is another each time, and the address is part of the feeds.
    let config = folder.path().join("config.toml");
    let seeds = std::fs::read_to_string(&config).unwrap();
    std::fs::write(config, format!("base_url = \"https://feeds.example.org/news\"\n{seeds}")).unwrap();

    let serving = Serving::start(folder.path(), &[]);
    assert!(serving.welcome.contains("https://feeds.example.org/news/feed.atom"), "{}", serving.welcome);
    let before = feeds(&serving);
    serving.stop("TERM");
    left_clean(&folder.path().join("tidings.db"));

    let mut again = Serving::start(folder.path(), &[]);
    assert_eq!(feeds(&again), before);

    // Killed, it had no time for anything; the store stands that.
    again.child.kill().unwrap();
    again.child.wait().unwrap();
    let third = Serving::start(folder.path(), &[]);
    assert_eq!(feeds(&third), before);
    third.stop("TERM");
}

#[tokio::test]
async fn seeds_come_from_the_folder_of_the_default_too() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(project(), &["--store", folder.path().join("own.db").to_str().unwrap()]);
    let entries = serving.json("/healthz")["entries"].as_u64().unwrap();
    serving.stop("TERM");
    let store = Store::open(&folder.path().join("own.db")).await.unwrap();
    assert_eq!(store.window(&Scope::Everything, 200).await.unwrap().entries.len() as u64, entries);
    assert!(entries > 20 && !project().join("tidings.db").exists());
}
