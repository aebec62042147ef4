//! A thousand live blogs followed for long, at one second each, while readers poll the feeds: memory and open files stay as
//! they are, no address is forgotten, nothing that was shown is lost.
//!
//! `cargo bench --bench soak` measures for two minutes; `TIDINGS_SOAK_SECONDS=3600` makes it an hour, `TIDINGS_SOAK_EVERY=10` lets each
//! address be asked every ten seconds. What is looked at is a process of its own: the store, the schedule and the server, put
//! together as `tidings serve` does. The settings of that begin at ten seconds, and are to stay so.
//!
//! One address in eight is of an outlet that fails in a way of its own (`tests/hardening/outlet`), all the time.

#![allow(clippy::unwrap_used, reason = "a test in all but name")]

#[path = "../src/allocator.rs"]
mod allocator;
#[path = "../tests/live_page.rs"]
#[allow(dead_code)]
mod live_page;
#[path = "../tests/hardening/outlet.rs"]
#[allow(dead_code)]
mod outlet;
#[path = "../tests/sample.rs"]
#[allow(dead_code)]
mod sample;

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tidings::config::Followed;
use tidings::fetch::{FetchSettings, Fetcher};
use tidings::follow::{Clock, Follower};
use tidings::outlet::split_page;
use tidings::server::{self, Limits, ServerState};
use tidings::store::Store;
use tokio::sync::watch;

use outlet::{Outlet, all};

const LIVE_BLOGS: usize = 1000;
/// Addresses of this machine that the outlets are spread over.
const HOSTS: usize = 50;
/// One address in so many fails.
const SICK: usize = 8;
/// Answers that ask for a quarter of an hour's rest.
const RESTING: [&str; 2] = ["status-429", "status-503"];
/// How the paths of those begin that are well.
const WELL: &str = "/live/well-";
/// What reading everything for the first time may take on a busy machine.
const FIRST: Duration = Duration::from_secs(600);
/// Addresses that are named where many were forgotten.
const FEW: usize = 5;
/// How often there is something new on each page.
const NEWS: Duration = Duration::from_secs(20);
/// Until nothing is new to anybody: three rounds of news are read before anything is measured.
const WARM: Duration = Duration::from_secs(60);
/// What memory and files may differ by between the last two thirds of the time.
const FLAT: f64 = 0.05;

/// In the environment of the process that is looked at: the addresses, and where its store is.
const ADDRESSES: &str = "TIDINGS_SOAK_ADDRESSES";
const STORE: &str = "TIDINGS_SOAK_STORE";

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}: `{text}` is no number")))
}

fn main() -> ExitCode {
    allocator::hand_memory_back();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if let Ok(addresses) = std::env::var(ADDRESSES) {
        runtime.block_on(serve(&addresses));
        return ExitCode::SUCCESS;
    }
    // `cargo test --benches` only wants to see that it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return ExitCode::SUCCESS;
    }
    match runtime.block_on(soak()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            eprintln!("soak: {}", wrong.join("\n      "));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a program of its own has to read the clock")]
fn now() -> DateTime<Utc> {
    std::time::SystemTime::now().into()
}

/// The process that is looked at. It ends with its standard input.
async fn serve(addresses: &str) {
    let every = Duration::from_secs(number("TIDINGS_SOAK_EVERY", 1));
    let store = Store::open(&PathBuf::from(std::env::var_os(STORE).unwrap())).await.unwrap();
    let second = Duration::from_secs(1);
    let settings = FetchSettings {
        connect_timeout: second,
        header_timeout: second,
        timeout: 2 * second,
        gap: Duration::ZERO,
        at_once: 16,
        ..FetchSettings::default()
    };
    let clock: Clock = Arc::new(now);
    let follower = Follower::new(store.clone(), Fetcher::new(&settings).unwrap(), Arc::new(split_page), clock.clone());
    let followed =
        |address: &str| Followed { allow_private: true, min_every: every, ..Followed::new(address.parse().unwrap(), every) };
    follower.follow(&addresses.lines().map(followed).collect::<Vec<_>>(), true).await.unwrap();
    let listener = server::listen(([127, 0, 0, 1], 0).into()).unwrap();
    let listen = listener.local_addr().unwrap();
    let state = ServerState::new(store.clone(), None, listen, Limits::default()).with_clock(clock);
    let stop = watch::Sender::new(false);
    let mut stopped = stop.subscribe();
    let serving = tokio::spawn(server::serve(listener, state, async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    }));
    let following = tokio::spawn({
        let stop = stop.subscribe();
        async move { follower.run(stop).await }
    });
    println!("{listen}");
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await.unwrap().unwrap();
    stop.send_replace(true);
    following.await.unwrap();
    serving.await.unwrap();
    store.close().await;
}

/// What the system says of a process.
#[derive(Debug, Clone, Copy)]
struct Look {
    after: Duration,
    /// In KiB.
    memory: u64,
    files: usize,
}

fn look(pid: u32, after: Duration) -> Option<Look> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let memory = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(Look { after, memory, files: std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() })
}

/// The means of what was seen in the second and in the last third of the time. Memory goes up and down with each round of news,
/// and a third has whole rounds of it: where a median falls between the two is chance.
fn thirds(looks: &[Look], of: impl Fn(&Look) -> f64) -> (f64, f64) {
    let whole = looks.last().map_or(Duration::ZERO, |look| look.after);
    let mean = |from: f64, until: f64| {
        let within = |look: &&Look| (from..until).contains(&(look.after.as_secs_f64() / whole.as_secs_f64()));
        let all: Vec<f64> = looks.iter().filter(within).map(&of).collect();
        all.iter().sum::<f64>() / all.len().max(1) as f64
    };
    (mean(1.0 / 3.0, 2.0 / 3.0), mean(2.0 / 3.0, 1.01))
}

/// A request and its answer's body; an error says why there is none.
fn ask(address: &str, path: &str) -> Result<Vec<u8>, String> {
    let told = |error: std::io::Error| format!("{path}: {error}");
    let mut stream = TcpStream::connect(address).map_err(told)?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).map_err(told)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").map_err(told)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(told)?;
    if !answer.starts_with(b"HTTP/1.1 200 ") {
        return Err(format!("{path}: {}", String::from_utf8_lossy(&answer).lines().next().unwrap_or_default()));
    }
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").ok_or("no head")?;
    Ok(answer.split_off(end + 4))
}

/// Polls the feeds until it is told to stop; answers how many were read, and what went wrong.
fn read(address: &str, reader: usize, stop: &AtomicBool, count: &AtomicUsize) -> Vec<String> {
    let mut wrong = Vec::new();
    let paths = ["/feed.json", "/feed.atom", "/feed.rss", "/", "/healthz"];
    while !stop.load(SeqCst) && wrong.len() < 10 {
        let path = paths[(count.fetch_add(1, SeqCst) + reader) % paths.len()];
        if let Err(why) = ask(address, path) {
            wrong.push(why);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    wrong
}

/// What is wrong with what was seen.
fn judge(looks: &[Look], asked: &BTreeMap<String, Vec<Duration>>, whole: Duration, fair: Duration) -> Vec<String> {
    let mut wrong = Vec::new();
    for (what, (before, after)) in
        [("memory", thirds(looks, |look| look.memory as f64)), ("open files", thirds(looks, |look| look.files as f64))]
    {
        // Four files more or less are a connection or two.
        if after > before * (1.0 + FLAT) && (what == "memory" || after > before + 4.0) {
            wrong.push(format!("{what}: {before:.0} in the second third of the time, {after:.0} in the last"));
        }
    }
    let before = wrong.len();
    for (path, times) in asked {
        let all: Vec<Duration> = times.iter().copied().chain([whole]).collect();
        if let Some(pair) = all.windows(2).find(|pair| pair[1].saturating_sub(pair[0]) > fair) {
            wrong.push(format!("{path}: not asked from {:.1?} to {:.1?}", pair[0], pair[1]));
        }
    }
    let forgotten = wrong.len() - before;
    if forgotten > FEW {
        wrong.truncate(before + FEW);
        wrong.push(format!("{forgotten} addresses in all were not asked for so long"));
    }
    wrong
}

async fn soak() -> Result<(), Vec<String>> {
    the_judge_can_say_no();
    let (seconds, every) = (number("TIDINGS_SOAK_SECONDS", 120), number("TIDINGS_SOAK_EVERY", 1));
    let whole = Duration::from_secs(seconds);
    let Some((outlet, bases)) = Outlet::under(HOSTS, now() - TimeDelta::hours(6)).await else {
        println!("soak: skipped, it needs as many loopback addresses as Linux has");
        return Ok(());
    };
    // A host that asks to be left alone is, with all that is well there: that is another row's (`politeness`).
    let faults: Vec<_> = all().into_iter().filter(|fault| !RESTING.contains(&&*fault.name)).collect();
    let path = |n: usize| match n % SICK {
        0 => format!("/live/{}", faults[n / SICK % faults.len()].name),
        _ => format!("{WELL}{n}"),
    };
    let addresses: Vec<String> = (0..LIVE_BLOGS).map(|n| format!("{}{}", bases[n % HOSTS], path(n))).collect();
    outlet.sick(true, 3);
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("tidings.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env(ADDRESSES, addresses.join("\n"))
        .env(STORE, &store)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut address = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
    let address = address.trim().to_owned();

    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let readers: Vec<_> = (0..4)
        .map(|reader| {
            let (address, stop, count) = (address.clone(), stop.clone(), count.clone());
            std::thread::spawn(move || read(&address, reader, &stop, &count))
        })
        .collect();
    let mut asked = BTreeMap::<String, Vec<Duration>>::new();
    // Everything is read for the first time before anything is measured.
    let well = LIVE_BLOGS - LIVE_BLOGS.div_ceil(SICK);
    let warming = Instant::now();
    let mut first = HashSet::new();
    while first.len() < well {
        tokio::time::sleep(Duration::from_millis(500)).await;
        first.extend(outlet.visits().into_iter().map(|visit| visit.path).filter(|path| path.starts_with(WELL)));
        outlet.forget();
        if warming.elapsed() > FIRST {
            drop(child.stdin.take());
            child.wait().unwrap();
            return Err(vec![format!("{} of {well} were read within {FIRST:?}", first.len())]);
        }
    }
    let warm = warming.elapsed();
    let (started, mut looks, mut requests, mut news) = (tokio::time::Instant::now(), Vec::new(), 0, 0);
    let (mut begun, mut warmed) = (started, false);
    while !warmed || begun.elapsed() < whole {
        tokio::time::sleep(Duration::from_millis(500)).await;
        looks.extend(look(child.id(), begun.elapsed()));
        let visits = outlet.visits();
        outlet.forget();
        requests += visits.len();
        for visit in visits.into_iter().filter(|visit| visit.path.starts_with(WELL)) {
            asked.entry(visit.path).or_default().push(visit.came - begun);
        }
        if started.elapsed() > NEWS * (news + 1) {
            news += 1;
            outlet.news(news as usize);
        }
        if !warmed && started.elapsed() > WARM {
            (begun, warmed, requests) = (tokio::time::Instant::now(), true, 0);
            looks.clear();
            asked.clear();
        }
    }
    stop.store(true, SeqCst);
    let mut wrong: Vec<String> = readers.into_iter().flat_map(|reader| reader.join().unwrap()).collect();
    drop(child.stdin.take());
    if !child.wait().unwrap().success() {
        wrong.push("it did not end well".into());
    }

    // How often each is asked for is what the machine can do at most; that it is each one's turn is what is promised.
    let cycles: usize = asked.values().map(Vec::len).sum();
    let cycle = Duration::from_secs_f64((whole.as_secs_f64() * well as f64 / cycles.max(1) as f64).max(every as f64));
    // Slow ones at the same host may hold up a turn for their two seconds each, and a page with news takes longer than others.
    let fair = cycle * 3 + Duration::from_secs(15);
    wrong.extend(judge(&looks, &asked, whole, fair));
    if asked.len() != well {
        wrong.push(format!("{} of {well} were asked at all", asked.len()));
    }
    let store = Store::open_to_read(&store).await.unwrap();
    let blogs = store.blogs().await.unwrap();
    let entries: i64 = blogs.iter().map(|blog| blog.entries).sum();
    let keys: HashSet<&str> = blogs.iter().map(|blog| blog.head.key.as_str()).collect();
    let most = 12 + i64::from(news);
    if keys.len() < well || blogs.iter().any(|blog| !(12..=most).contains(&blog.entries)) {
        wrong.push(format!("{} live blogs with {entries} entries are stored, each of 12 to {most}", keys.len()));
    }
    let size = std::fs::metadata(store.path()).unwrap().len();
    let (memory, files) = (thirds(&looks, |look| look.memory as f64), thirds(&looks, |look| look.files as f64));
    println!(
        "soak: {LIVE_BLOGS} live blogs, read for the first time in {warm:.0?} and then followed for {:.0?}: {requests} requests, {cycles} of those that are well ({:.0} a second, each every {cycle:.1?}), \
         {} feeds read, {entries} entries, {} MiB of store",
        begun.elapsed(),
        cycles as f64 / whole.as_secs_f64(),
        count.load(SeqCst),
        size >> 20
    );
    println!(
        "soak: memory {:.1} MiB in the second third, {:.1} in the last; open files {:.0} and {:.0}",
        memory.0 / 1024.0,
        memory.1 / 1024.0,
        files.0,
        files.1
    );
    let tenth = |n: usize| looks.get(n * looks.len() / 10).map_or(0, |look| look.memory >> 10);
    println!("soak: MiB at each tenth of the time: {:?}", (0..10).map(tenth).collect::<Vec<_>>());
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// A process that grows, one that leaves files open, and an address that is forgotten are seen.
fn the_judge_can_say_no() {
    let seconds = Duration::from_secs;
    let looks = |memory: fn(u64) -> u64, files: fn(u64) -> usize| -> Vec<Look> {
        (0..=90).map(|n| Look { after: seconds(n), memory: memory(n), files: files(n) }).collect()
    };
    let asked = |times: std::ops::Range<u64>| BTreeMap::from([("/live/1".to_owned(), times.map(seconds).collect())]);
    let judged = |looks: Vec<Look>, asked| judge(&looks, &asked, seconds(90), seconds(5)).join("; ");
    assert_eq!(judged(looks(|n| 50_000 + n, |_| 100), asked(0..90)), "");
    assert!(judged(looks(|n| 50_000 + 200 * n, |_| 100), asked(0..90)).starts_with("memory"));
    assert!(judged(looks(|_| 50_000, |n| 100 + n as usize), asked(0..90)).starts_with("open files"));
    assert!(judged(looks(|_| 50_000, |_| 100), asked(0..60)).starts_with("/live/1: not asked from 59.0s"));
}
