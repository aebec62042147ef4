//! A disk that fails under the running server: every error is one that the system really gives, at a moment of a refresh that
//! nobody chose. Nothing panics, the feeds are served on, `/healthz` says so, and once the disk works everything is well again
//! by itself.
//!
//! `strace` attaches to the program and has its calls fail from the nth on, until it lets go. A file system of a few MiB is
//! filled to the brim and emptied again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::kill::integrity::{Bytes, Seen};
use super::outlet::Outlet;
use super::{full, say};
use crate::cli::{Answer, Serving, run};

/// How long a fault may take to be felt (a refresh comes every ten seconds), and to be over once the disk works again.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a disk goes on failing once that is told.
const MISERY: Duration = Duration::from_secs(2);
/// Live blogs of each server.
const BLOGS: usize = 3;

/// One way in which a disk fails.
#[derive(Debug, Clone)]
enum Fault {
    /// These calls fail with this error, from the nth on.
    Calls { calls: &'static str, error: &'static str, from: usize },
    /// There is no room left.
    Full,
}

fn faults() -> Vec<Fault> {
    let mut all = Vec::new();
    let moments: usize = if full() { 49 } else { 3 };
    for from in 1..=moments {
        // What writes, what makes it last, and what reads.
        for (calls, error) in [
            ("pwrite64", "EIO"),
            ("pwrite64", "ENOSPC"),
            ("fdatasync,fsync", "EIO"),
            ("fdatasync,fsync", "ENOSPC"),
            ("pwrite64,fdatasync,fsync,ftruncate", "EIO"),
            ("pread64,pwrite64", "EIO"),
            ("pwrite64,fdatasync,fsync,ftruncate,fallocate", "ENOSPC"),
            ("pread64,pwrite64,fdatasync", "EIO"),
        ] {
            // In the quick set one after another of these, so that it has eighteen.
            if full() || from < 3 || matches!(calls, "pwrite64") {
                let from = match full() {
                    // A minute has thirty of these, and no more.
                    true if calls == "fdatasync,fsync" => from.div_ceil(2),
                    true => from,
                    false => from * from * 2 - 1,
                };
                all.push(Fault::Calls { calls, error, from });
            }
        }
    }
    all.extend(std::iter::repeat_n(Fault::Full, if full() { 8 } else { 2 }));
    all
}

/// What makes a disk fail, and lets go of it.
enum Grip {
    Strace { child: Child, told: PathBuf },
    Filled { file: PathBuf },
}

impl Grip {
    fn take(fault: &Fault, serving: &Serving, desk: &Path, store: &Path) -> Result<Grip, String> {
        let Fault::Calls { calls, error, from } = fault else {
            let file = store.join("everything-else");
            // To the last byte: what is written fails at some point with the error that this is about.
            let filled = Command::new("dd").args(["if=/dev/zero", "bs=4096"]).arg(format!("of={}", file.display())).output();
            let told = String::from_utf8_lossy(&filled.map_err(|error| error.to_string())?.stderr).into_owned();
            return if told.contains("No space left") { Ok(Grip::Filled { file }) } else { Err(told) };
        };
        let told = desk.join("strace.txt");
        let mut child = Command::new("strace")
            .args(["-f", "-p", &serving.child.id().to_string(), "-e", &format!("trace={calls}")])
            .args(["-e", &format!("inject={calls}:error={error}:when={from}+"), "-o"])
            .arg(&told)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let status = format!("/proc/{}/status", serving.child.id());
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(ended) = child.try_wait().unwrap() {
                return Err(format!("strace ends with {ended}"));
            }
            if !std::fs::read_to_string(&status).unwrap_or_default().contains("TracerPid:\t0") {
                return Ok(Grip::Strace { child, told });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = child.kill();
        Err("strace does not attach".into())
    }

    /// How many calls have failed so far.
    fn failed(&self) -> usize {
        match self {
            Grip::Strace { told, .. } => std::fs::read_to_string(told).unwrap_or_default().matches("(INJECTED)").count(),
            Grip::Filled { .. } => 1,
        }
    }

    fn let_go(&mut self) {
        match self {
            Grip::Strace { child, .. } => {
                if child.try_wait().is_ok_and(|ended| ended.is_none()) {
                    // At this signal it detaches first.
                    let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
                    let _ = child.wait();
                }
            }
            Grip::Filled { file } => {
                let _ = std::fs::remove_file(file);
            }
        }
    }
}

impl Drop for Grip {
    fn drop(&mut self) {
        self.let_go();
    }
}

/// A file system of its own for a store.
struct Small(TempDir);

impl Small {
    fn mount() -> Option<Small> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(folder.path()).output();
        mounted.is_ok_and(|done| done.status.success()).then(|| Small(folder))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

/// The ids in a feed, if it is served.
fn feed(serving: &Serving) -> Result<BTreeSet<String>, String> {
    let answer = serving.get("/feed.json?limit=200");
    if answer.status != 200 {
        return Err(format!("the feed is answered with {}", answer.status));
    }
    let feed: Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
    Ok(feed["items"].as_array().into_iter().flatten().filter_map(|item| item["id"].as_str()).map(str::to_owned).collect())
}

/// The word of `/healthz`, and what it says of the store.
fn health(serving: &Serving) -> (String, String) {
    let answer: Answer = serving.get("/healthz");
    let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let reason = told["store"].as_str().or(told["reason"].as_str()).unwrap_or_default();
    (told["status"].as_str().unwrap_or_default().to_owned(), reason.to_owned())
}

/// What one case came to.
struct Told {
    failed: usize,
    reason: String,
    mended: Duration,
    store: PathBuf,
    _folders: (TempDir, Option<Small>),
}

/// Serves, lets the disk fail and work again. An error says what did not hold.
fn live_through(fault: &Fault, base: &str, number: usize, patience: Duration, mends: bool) -> Result<Told, String> {
    let folder = tempfile::tempdir().unwrap();
    let small = match fault {
        Fault::Full => Some(Small::mount().ok_or("skipped: no file system can be mounted here")?),
        Fault::Calls { .. } => None,
    };
    let place = small.as_ref().map_or(folder.path(), |small| small.0.path());
    let store = place.join("tidings.db");
    let followed: String = (0..BLOGS)
        .map(|n| {
            format!("[[live_blog]]\nurl = \"{base}/live/disk-{number}-{n}\"\nallow_private = true\nmin_every = \"10s\"\n")
        })
        .collect();
    let config = format!("every = \"10s\"\n[store]\npath = \"{}\"\n[fetch]\ngap = \"0s\"\n{followed}", store.display());
    std::fs::write(folder.path().join("config.toml"), config).unwrap();
    let serving = Serving::start(folder.path(), &[]);
    let until = |what: &str, held: &BTreeSet<String>, wanted: &dyn Fn(&BTreeSet<String>, &str) -> bool| {
        let from = Instant::now();
        loop {
            // The feed first: health is asked of the same moment or a later one.
            let feed = feed(&serving)?;
            if let Some(lost) = held.iter().find(|id| !feed.contains(*id)) {
                return Err(format!("{lost} is gone from the feed"));
            }
            let (word, reason) = health(&serving);
            if wanted(&feed, &word) {
                return Ok((feed, reason));
            }
            if from.elapsed() > patience {
                return Err(format!("{what}: not within {patience:?}, it is `{word}`: {reason}"));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    let none = BTreeSet::new();
    let (held, _) = until("nothing was read", &none, &|feed, word| feed.len() >= BLOGS * 12 && word == "ok")?;

    let mut grip = Grip::take(fault, &serving, folder.path(), place)?;
    let (_, reason) = until("the fault is not told", &held, &|_, word| word != "ok")?;
    let from = Instant::now();
    let (held, _) = until("it is not served on", &held, &|_, _| from.elapsed() > MISERY)?;
    let failed = grip.failed();
    if mends {
        grip.let_go();
    }
    let from = Instant::now();
    until("it is not well again", &held, &|feed, word| word == "ok" && feed.difference(&held).next().is_some())?;
    let mended = from.elapsed();
    drop(grip);
    serving.stop("TERM");
    run(folder.path(), ["status"]);
    Ok(Told { failed, reason, mended, store, _folders: (folder, small) })
}

fn strace() -> bool {
    Command::new("strace").args(["-qo", "/dev/null", "true"]).status().is_ok_and(|status| status.success())
}

/// An outlet that always has something new.
async fn restless() -> (Outlet, String, tokio::task::AbortHandle) {
    #[expect(clippy::disallowed_methods, reason = "the program that is served goes by the real clock")]
    let now = DateTime::<Utc>::from(std::time::SystemTime::now());
    let (outlet, port) = Outlet::start(now - TimeDelta::hours(3)).await;
    let desk = outlet.newsdesk();
    let writing = tokio::spawn(async move {
        for news in 0.. {
            desk(news);
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
    });
    (outlet, format!("http://127.0.0.1:{port}"), writing.abort_handle())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_is_lived_through() {
    if !strace() {
        return say("skipped: a_disk_that_fails_is_lived_through needs strace, and leave to use it");
    }
    let (_outlet, base, writing) = restless().await;
    let (faults, few) = (faults(), Arc::new(Semaphore::new(10)));
    let (count, begun) = (faults.len(), Instant::now());
    let mut running = JoinSet::new();
    for (number, fault) in faults.into_iter().enumerate() {
        let (base, few) = (base.clone(), few.clone());
        running.spawn(async move {
            let _one = few.acquire_owned().await;
            let case = fault.clone();
            let told = tokio::task::spawn_blocking(move || live_through(&case, &base, number, PATIENCE, true)).await;
            let told = told.unwrap_or_else(|broke| Err(broke.to_string()));
            let told = match told {
                Ok(told) => Seen::default().check(&told.store, Bytes::All).await.map(|_| told),
                Err(why) => Err(why),
            };
            (fault, told)
        });
    }
    let (mut wrong, mut skipped, mut calls, mut slowest, mut reasons) = (Vec::new(), 0, 0, Duration::ZERO, BTreeSet::new());
    while let Some(ended) = running.join_next().await {
        match ended.unwrap() {
            (_, Err(why)) if why.starts_with("skipped") => skipped += 1,
            (fault, Err(why)) => wrong.push(format!("{fault:?}: {why}")),
            (_, Ok(told)) => {
                calls += told.failed;
                slowest = slowest.max(told.mended);
                reasons.insert(told.reason);
            }
        }
    }
    say(&format!(
        "disk: {} faults lived through, {skipped} skipped, {calls} calls failed, well again within {slowest:.1?}, told as {reasons:?}, {:.0?}",
        count - skipped - wrong.len(),
        begun.elapsed()
    ));
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(calls >= count - skipped, "{calls}");

    // The proof that the judge can say no: a disk that stays as it is, and one with nothing wrong.
    let short = Duration::from_secs(15);
    let broken = Fault::Calls { calls: "pwrite64", error: "EIO", from: 1 };
    let never = Fault::Calls { calls: "pwrite64", error: "EIO", from: 60_000 };
    let judged = |fault: Fault, number| {
        let base = base.clone();
        tokio::task::spawn_blocking(move || live_through(&fault, &base, number, short, false).err())
    };
    let (broken, never) = (judged(broken, 9001), judged(never, 9002));
    let (broken, never) = (broken.await.unwrap().unwrap(), never.await.unwrap().unwrap());
    assert!(broken.starts_with("it is not well again"), "{broken}");
    assert!(never.starts_with("the fault is not told"), "{never}");
    writing.abort();
}
