//! A disk that fails under a running server: it is broken at some moment, by making the system calls of the process fail, and
//! mended again.
//!
//! `strace` breaks it; a disk that is really full is a small file system in memory, which takes a user namespace. Both are
//! Linux's, and left out with a word where they are not to be had.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tidings::store::{Scope, Store};

use super::{full, say};
use crate::cli::{Serving, run};
use crate::outlet_server::{Answer, OutletServer};

/// What fails, and how. The last two: what can be read no more, and nothing at all, for comparison.
const KINDS: [(&str, &str); 6] = [
    ("pwrite64", "EIO"),
    ("pwrite64", "ENOSPC"),
    ("fdatasync,fsync", "EIO"),
    ("pwrite64,fdatasync,fsync,ftruncate,fallocate", "EIO"),
    ("pwrite64,fdatasync,fsync,ftruncate,fallocate", "ENOSPC"),
    ("pread64", "EIO"),
];

/// How long the server may take to notice, and to recover.
const PATIENCE: Duration = Duration::from_secs(60);

/// A page of Sputnik's with entries of minutes `0..last`, the newest on top.
fn page(last: u32) -> String {
    let entry = |n: u32| {
        format!(
            "<li><span>19:{n:02} GMT 03.12.2024</span><h3>Ferry {n} leaves</h3><p>{}</p></li>",
            "It is full. ".repeat(200)
        )
    };
    let entries: String = (0..last).rev().map(entry).collect();
    format!(
        "<html><head><title>Strait</title><link rel=canonical href=https://sputniknews.com/20241203/strait-112.html></head>\
        <body><h1>Strait Opens</h1><ul>{entries}</ul></body></html>"
    )
}

/// A server that follows one live blog. Its settings alternate between two intervals, so that each reload makes it ask again.
struct Trial {
    folder: tempfile::TempDir,
    outlet: OutletServer,
    serving: Serving,
    store: String,
    reloads: u32,
}

impl Trial {
    async fn start() -> Trial {
        let folder = tempfile::tempdir().unwrap();
        let outlet = OutletServer::start().await;
        outlet.answer("/live", Answer::html(page(4)));
        write_config(folder.path(), &outlet, 0);
        let serving = Serving::start(folder.path(), &[]);
        let store = folder.path().join("tidings.db").to_string_lossy().into_owned();
        let trial = Trial { folder, outlet, serving, store, reloads: 0 };
        trial.until("/healthz", |health| health["entries"] == 4).await;
        trial.feeds();
        trial
    }

    /// Has the page fetched anew.
    fn reload(&mut self) -> bool {
        self.reloads += 1;
        write_config(self.folder.path(), &self.outlet, self.reloads);
        run(self.folder.path(), ["reload", "--store", &self.store]).status == 0
    }

    async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let from = Instant::now();
        loop {
            let found: Value = serde_json::from_slice(&self.serving.get(path).body).unwrap();
            if wanted(&found) {
                return found;
            }
            assert!(from.elapsed() < PATIENCE, "{path} stays at {found:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Entries of each feed. Each is served, whatever the disk does.
    fn feeds(&self) -> Vec<usize> {
        let feeds = ["/feed.rss", "/feed.atom", "/feed.json", "/outlets/sputnik/feed.rss"];
        let entries = feeds.map(|path| {
            let answer = self.serving.get(path);
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            ["<item>", "<entry>", "\"date_published\""]
                .map(|mark| answer.text().matches(mark).count())
                .into_iter()
                .max()
                .unwrap()
        });
        assert_eq!(self.serving.get("/").status, 200);
        entries.into()
    }
}

fn write_config(folder: &Path, outlet: &OutletServer, turn: u32) {
    let url = outlet.url("/live");
    let config = format!("[[live_blog]]\nurl = \"{url}\"\nallow_private = true\nevery = \"{}s\"\n", 3000 + turn % 2);
    std::fs::write(folder.join("config.toml"), config).unwrap();
}

/// Breaks `calls` of a process from the `nth` on, until it is dropped.
struct Broken(Child);

impl Broken {
    fn attach(pid: u32, calls: &str, error: &str, nth: u32, log: &Path) -> Option<Broken> {
        let inject = format!("inject={calls}:error={error}:when={nth}+");
        let strace = Command::new("strace")
            .args(["-f", "-p", &pid.to_string(), "-e", &format!("trace={calls}"), "-e", &inject, "-o"])
            .arg(log)
            .stderr(Stdio::piped())
            .spawn();
        let mut strace = strace.ok()?;
        // It says so once it holds every thread, and else why not.
        let mut told = std::io::BufReader::new(strace.stderr.take()?);
        let mut line = String::new();
        while !line.contains("attached") {
            line.clear();
            if std::io::BufRead::read_line(&mut told, &mut line).ok()? == 0 {
                let _ = strace.wait();
                return None;
            }
            if line.contains("ermitted") {
                let _ = strace.kill();
                let _ = strace.wait();
                return None;
            }
        }
        std::thread::spawn(move || std::io::copy(&mut told, &mut std::io::sink()));
        Some(Broken(strace))
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        // Told to end, it lets go of the process; killed, it would take it along.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

/// One broken disk. None: it can't be broken here. Else whether the server noticed.
async fn broken(nth_kind: usize, seed: u32) -> Option<bool> {
    let mut trial = Trial::start().await;
    let (calls, error) = KINDS[nth_kind % KINDS.len()];
    // The page has changed. The disk breaks while the server waits for it, or in the middle of what it writes then.
    trial.outlet.answer("/live", Answer::html(page(9)).after(Duration::from_millis(300)));
    assert!(trial.reload());
    let log = trial.folder.path().join("strace.log");
    let disk = Broken::attach(trial.serving.child.id(), calls, error, 1 + seed % 7, &log)?;
    let from = Instant::now();
    let mut noticed = false;
    while from.elapsed() < Duration::from_secs(4) {
        let health = trial.serving.get("/healthz");
        noticed |= health.status == 503 || health.text().contains("\"degraded\"");
        for entries in trial.feeds() {
            assert!(entries == 4 || entries == 9, "a feed of {entries} entries");
        }
        if noticed && from.elapsed() > Duration::from_secs(2) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // New settings can't be kept now, or could: either is said, and nothing hangs.
    trial.reload();
    drop(disk);
    let injected = std::fs::read_to_string(&log).unwrap().matches("(INJECTED)").count();
    assert!(!noticed || injected > 0, "it can't notice what did not happen");

    trial.until("/healthz", |health| health["status"] == "ok").await;
    trial.outlet.answer("/live", Answer::html(page(12)));
    assert!(trial.reload());
    trial.until("/healthz", |health| health["entries"] == 12).await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(trial.feeds(), [12; 4]);

    let said = trial.serving.stop("TERM");
    assert!(!said.contains("panicked"), "{said}");
    if noticed {
        assert!(
            said.contains("nothing can be kept")
                || said.contains("serving what is in memory")
                || said.contains("settings stay"),
            "{said}"
        );
    }
    let path = trial.folder.path().join("tidings.db");
    let copy = trial.folder.path().join("copy.db");
    // It looks at every page of the store.
    assert_eq!(Store::backup(&path, &copy).await.unwrap().entries, 12);
    let store = Store::open(&path).await.unwrap();
    assert_eq!(store.window(&Scope::Everything, 99).await.unwrap().entries.len(), 12);
    Some(noticed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_disk_leaves_what_was_there_and_is_recovered_from() {
    let trials = if full() { 400 } else { 20 };
    let (mut done, mut noticed) = (0, 0);
    for lot in (0..trials).collect::<Vec<u32>>().chunks(5) {
        let mut running = tokio::task::JoinSet::new();
        for &trial in lot {
            running.spawn(broken(trial as usize, trial / KINDS.len() as u32));
        }
        while let Some(ended) = running.join_next().await {
            match ended.unwrap() {
                Some(seen) => (done, noticed) = (done + 1, noticed + u32::from(seen)),
                None => return say("disk: strace can't break a process here: left out"),
            }
        }
    }
    say(&format!("disk: {done} disks broken, {noticed} noticed at once, all recovered from"));
    // Most are broken in the middle of a write. Were none ever noticed, nothing would be broken.
    assert!(noticed * 2 > done, "{noticed} of {done}");
}

/// A disk that is full, and one that is switched to read-only, for real.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_recovered_from_when_there_is_room_again() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let outlet = OutletServer::start().await;
    outlet.answer("/live", Answer::html(page(4)));
    write_config(folder.path(), &outlet, 0);
    let mount = format!(
        "mount -t tmpfs -o size=3m tidings '{0}' && exec \"$0\" serve --listen 127.0.0.1:0 --store '{0}/tidings.db'",
        disk.display()
    );
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", &mount]).arg(env!("CARGO_BIN_EXE_tidings"));
    command.current_dir(folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let serving = match command.spawn().map_err(|error| error.to_string()).and_then(Serving::try_of) {
        Ok(serving) => serving,
        Err(said) => return say(&format!("disk: no file system can be mounted here, left out: {said}")),
    };
    // The same disk, seen from here.
    let seen = std::path::PathBuf::from(format!("/proc/{}/root{}", serving.child.id(), disk.display()));
    let store = seen.join("tidings.db").to_string_lossy().into_owned();
    let mut trial = Trial { folder, outlet, serving, store, reloads: 0 };
    trial.until("/healthz", |health| health["entries"] == 4).await;
    trial.feeds();

    let mut filler = std::fs::File::create(seen.join("filler")).unwrap();
    while filler.write(&[7; 4096]).is_ok_and(|written| written > 0) {}
    // More than the few pages that are left in the log's file.
    trial.outlet.answer("/live", Answer::html(page(59)));
    trial.reload();
    let health = trial.until("/healthz", |health| health["status"] == "degraded").await;
    assert!(health["store"].as_str().unwrap().contains("full"), "{health}");
    assert_eq!(trial.feeds(), [4; 4]);

    drop(filler);
    std::fs::remove_file(seen.join("filler")).unwrap();
    trial.until("/healthz", |health| health["status"] == "ok").await;
    while !trial.reload() {}
    trial.until("/healthz", |health| health["entries"] == 59).await;
    let said = trial.serving.stop("TERM");
    assert!(said.contains("nothing can be kept") || said.contains("settings stay"), "{said}");
    assert!(said.contains("the store can be written to again") && !said.contains("panicked"), "{said}");
}
