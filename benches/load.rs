//! Four formats of a thousand live blogs, asked for as fast as they come, while fifty of the live blogs a second are refreshed and
//! have something new each time.
//!
//! `cargo bench --bench load` runs the program itself against an outlet of its own on this machine, for half a minute, and prints
//! what it measured. It fails on what no neighbour on the machine can cause: a single answer that is an error, more memory than
//! promised, or less than a quarter of the requests a second that are answered while nothing changes. With
//! `TIDINGS_HARDENING=full` it runs for ten minutes and holds to the promise itself: 10,000 requests a second on two cores without
//! other work, 99 of 100 of them answered within 10 ms after they were due, and fifty refreshes a second all the while. `TIDINGS_BENCH_SLACK=3` grants a busy machine a third of the one and three
//! times the other; `TIDINGS_BENCH_SECONDS` makes it any other time.
//!
//! In the end it asks for what is in no cache, and for what is not there, and must find that too slow and wrong.

#[path = "load/newsroom.rs"]
mod newsroom;

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use newsroom::Newsroom;

/// Live blogs, each refreshed every `EVERY` seconds: more often than the promise needs, since asking takes its time too.
const BLOGS: usize = 1000;
const EVERY: u64 = 18;
/// Seconds between two entries of one of them, by their times: a second of the store has places for 64.
const APART: u64 = 20;
/// Entries that a page shows.
const SHOWN: u64 = 20;
/// Addresses that the outlet has: only one request to a host is under way at once.
const HOSTS: usize = 8;
/// Each waits for an answer before it asks again. With few of them, one that is late makes the next ones late.
const CONNECTIONS: usize = 64;
/// Requests a second, milliseconds, megabytes.
const RATE: f64 = 10_000.0;
const P99: f64 = 10.0;
const MEMORY: u64 = 256;
/// What the readers ask for in all where the promise itself is held to: more would take the refreshes' share of the machine.
const STEADY: f64 = 10_500.0;
/// Refreshes a second that the promise is about.
const REFRESHES: f64 = 50.0;
/// Of what is answered while nothing changes.
const SHARE: f64 = 0.25;
/// Refreshes a second below which too little went on to prove anything, on however busy a machine.
const LEAST: f64 = 10.0;

/// The same numbers each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// `tidings serve`, ended with the bench.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(folder: &Path, newsroom: &Newsroom) -> Server {
        let followed: String = (0..BLOGS)
            .map(|blog| format!("[[live_blog]]\nurl = \"{}\"\nallow_private = true\n", newsroom.url(blog)))
            .collect();
        std::fs::create_dir(folder.join("none")).expect("a folder");
        let config = format!(
            "listen = \"127.0.0.1:0\"\nseeds = \"none\"\nevery = \"{EVERY}s\"\nmin_every = \"{EVERY}s\"\n[fetch]\ngap = \"0s\"\nat_once = {HOSTS}\n{followed}"
        );
        std::fs::write(folder.join("config.toml"), config).expect("a config");
        let mut child = Command::new(env!("CARGO_BIN_EXE_tidings"))
            .current_dir(folder)
            .args(["serve"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(folder.join("log")).expect("a log"))
            .spawn()
            .expect("tidings starts");
        let out = BufReader::new(child.stdout.take().expect("its output"));
        let mut lines = out.lines().map_while(Result::ok);
        let page = lines.find_map(|line| Some(line.trim().strip_prefix("page")?.trim().to_owned()));
        let address = page.and_then(|page| page.strip_prefix("http://")?.trim_end_matches('/').parse().ok());
        let server = Server { child, address: address.expect("tidings says where it listens") };
        // What it says later has to go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        server
    }

    /// Of `/proc/…/status`, in megabytes.
    fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or_default();
        line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap_or_default() / 1024
    }

    /// Seconds of processor time it has used.
    fn worked(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let behind = stat.rsplit(") ").next().unwrap_or_default();
        let ticks = behind.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>();
        ticks as f64 / 100.0
    }
}

/// Answers by how long they took, in steps of 10 µs up to a second, and what was wrong with others.
#[derive(Clone)]
struct Answers {
    took: Vec<u32>,
    unchanged: u64,
    bytes: u64,
    errors: u64,
    first_error: Option<String>,
}

/// What is asked for, in kinds that cost the server different things.
const KINDS: [&str; 4] = ["a live blog's feed", "an outlet's or all", "a live blog, API", "changes, API"];

fn kind(path: &str) -> usize {
    match path {
        _ if path.starts_with("/blogs/") => 0,
        _ if path.starts_with("/api/v1/blogs/") => 2,
        _ if path.starts_with("/api/") => 3,
        _ => 1,
    }
}

impl Answers {
    fn none() -> Answers {
        Answers { took: vec![0; 100_001], unchanged: 0, bytes: 0, errors: 0, first_error: None }
    }

    fn count(&self) -> u64 {
        self.took.iter().map(|count| u64::from(*count)).sum()
    }

    /// Milliseconds within which this share of them was answered.
    fn within(&self, share: f64) -> f64 {
        let wanted = (self.count() as f64 * share).ceil() as u64;
        let mut so_far = 0;
        let step = self.took.iter().position(|count| {
            so_far += u64::from(*count);
            so_far >= wanted
        });
        step.unwrap_or_default() as f64 / 100.0
    }

    fn with(mut self, other: &Answers) -> Answers {
        self.took.iter_mut().zip(&other.took).for_each(|(own, other)| *own += other);
        self.unchanged += other.unchanged;
        self.bytes += other.bytes;
        self.errors += other.errors;
        self.first_error = self.first_error.or_else(|| other.first_error.clone());
        self
    }
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq)]
enum Asking {
    /// What readers ask for, with the tag of what they have.
    Usual,
    /// What nobody has asked for before, and now and then what is not there.
    Odd,
}

/// A reader that asks again as soon as it is answered.
struct Reader {
    server: SocketAddr,
    stream: Option<TcpStream>,
    dice: Dice,
    paths: Arc<Vec<String>>,
    tags: Vec<Option<String>>,
    buffer: Vec<u8>,
    asked: u64,
    /// When the newsroom's first entries were published.
    start: DateTime<Utc>,
}

impl Reader {
    /// With `steady`, at so many requests a second or faster where it has fallen behind: what is late counts from when it was due.
    async fn read(mut self, asking: Asking, until: Instant, steady: Option<f64>) -> (Reader, Vec<Answers>) {
        let mut kinds = vec![Answers::none(); KINDS.len()];
        let (mut asked, from) = (0_u64, Instant::now());
        while Instant::now() < until {
            let due = steady.map(|steady| from + Duration::from_secs_f64(asked as f64 / steady));
            if let Some(due) = due.filter(|due| *due > Instant::now()) {
                tokio::time::sleep_until(due.into()).await;
            }
            let nth = self.dice.below(self.paths.len());
            let mut path = self.paths[nth].clone();
            self.asked += 1;
            asked += 1;
            if asking == Asking::Odd {
                path = match asked % 10 {
                    1 => "/nothing".to_owned(),
                    _ => {
                        let until = self.start + TimeDelta::microseconds(60_000_000 + self.dice.below(300_000_000) as i64);
                        format!("/feed.json?until={}", until.format("%Y-%m-%dT%H:%M:%S%.6fZ"))
                    }
                };
            }
            let answers = &mut kinds[kind(&path)];
            // A reader asks with the tag it has, except where it is new.
            let tag = self.tags[nth].as_deref().filter(|_| asking == Asking::Usual && !self.asked.is_multiple_of(3));
            let began = due.unwrap_or_else(Instant::now);
            match self.ask(&path, tag.map(str::to_owned).as_deref()).await {
                Ok((status, tag, bytes)) => {
                    answers.took[(began.elapsed().as_micros() as usize / 10).min(100_000)] += 1;
                    answers.bytes += bytes as u64;
                    match status {
                        200 => self.tags[nth] = tag.filter(|_| asking == Asking::Usual),
                        304 => answers.unchanged += 1,
                        _ => {
                            answers.errors += 1;
                            answers.first_error.get_or_insert(format!("{path}: {status}"));
                        }
                    }
                }
                Err(error) => {
                    answers.errors += 1;
                    answers.first_error.get_or_insert(format!("{path}: {error}"));
                    self.stream = None;
                }
            }
        }
        (self, kinds)
    }

    /// Status, entity tag and size of the answer.
    async fn ask(&mut self, path: &str, tag: Option<&str>) -> std::io::Result<(u16, Option<String>, usize)> {
        let wrong = |what: &str| std::io::Error::other(what.to_owned());
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.server).await?;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
        }
        let Some(stream) = &mut self.stream else { return Err(wrong("no connection")) };
        let known = tag.map(|tag| format!("If-None-Match: {tag}\r\n")).unwrap_or_default();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nAccept-Encoding: gzip\r\n{known}\r\n", self.server);
        stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        let head = loop {
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(wrong("the connection is closed"));
            }
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = std::str::from_utf8(&self.buffer[..head]).map_err(std::io::Error::other)?;
        let status = text.get(9..12).and_then(|status| status.parse().ok()).ok_or_else(|| wrong("no status"))?;
        let header =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned));
        let (length, tag) = (header("content-length").and_then(|length| length.parse().ok()), header("etag"));
        let whole = head + if status == 304 { 0 } else { length.ok_or_else(|| wrong("no length"))? };
        while self.buffer.len() < whole {
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(wrong("the answer is cut short"));
            }
        }
        Ok((status, tag, whole))
    }
}

/// Lets all readers read for so long, `steady` requests a second in all or as fast as they are answered.
async fn read(readers: Vec<Reader>, asking: Asking, time: Duration, steady: Option<f64>) -> (Vec<Reader>, Vec<Answers>) {
    let (until, each) = (Instant::now() + time, steady.map(|steady| steady / CONNECTIONS as f64));
    let reading: Vec<_> = readers.into_iter().map(|reader| tokio::spawn(reader.read(asking, until, each))).collect();
    let (mut readers, mut all) = (Vec::new(), vec![Answers::none(); KINDS.len()]);
    for reading in reading {
        let (reader, kinds) = reading.await.expect("a reader does not panic");
        readers.push(reader);
        all = all.into_iter().zip(&kinds).map(|(all, own)| all.with(own)).collect();
    }
    (readers, all)
}

/// Of all kinds together.
fn together(kinds: &[Answers]) -> Answers {
    kinds.iter().fold(Answers::none(), Answers::with)
}

/// What was measured while everything changed.
struct Measured {
    rate: f64,
    quiet: f64,
    p99: f64,
    errors: u64,
    memory: u64,
    refreshes: f64,
}

impl Measured {
    /// What does not hold. `promised` is how much of the promise itself has to, where it has to.
    fn wrong(&self, promised: Option<f64>) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut hold = |holds: bool, what: String| {
            if !holds {
                wrong.push(what)
            }
        };
        hold(self.errors == 0, format!("{} answers are errors", self.errors));
        hold(self.memory <= MEMORY, format!("{} MB of memory, of {MEMORY}", self.memory));
        let share = self.rate / self.quiet;
        hold(
            promised.is_some() || share >= SHARE,
            format!("{share:.2} of the requests that are answered while nothing changes, and at least {SHARE}"),
        );
        hold(self.refreshes >= LEAST, format!("{:.0} refreshes a second prove nothing", self.refreshes));
        if let Some(slack) = promised {
            hold(self.rate >= RATE / slack, format!("{:.0} requests a second, of {:.0}", self.rate, RATE / slack));
            let most = REFRESHES / slack;
            hold(self.refreshes >= most, format!("{:.0} refreshes a second, of {most:.0}", self.refreshes));
            hold(self.p99 <= P99 * slack, format!("99 of 100 within {:.1} ms, of {:.0}", self.p99, P99 * slack));
        }
        wrong
    }
}

async fn asked_for(server: SocketAddr, path: &str) -> serde_json::Value {
    let mut stream = TcpStream::connect(server).await.expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    serde_json::from_str(answer.split_once("\r\n\r\n").expect("a head").1).expect("JSON")
}

/// The number of the newest change.
async fn newest(server: SocketAddr) -> i64 {
    asked_for(server, "/api/v1/changes?limit=1").await["newest"].as_i64().expect("a number")
}

async fn run(full: bool, slack: f64) -> bool {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let newsroom = Newsroom::open();
    let began = Instant::now();
    let server = Server::start(folder.path(), &newsroom);
    let filled = loop {
        let health = asked_for(server.address, "/healthz").await;
        if health["live_blogs"].as_u64() == Some(BLOGS as u64) {
            break began.elapsed();
        }
        let log = || std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        let told = || log().lines().take(20).map(|line| format!("\n{line}")).collect::<String>();
        assert!(began.elapsed() < Duration::from_secs(300), "{} live blogs{}", health["live_blogs"], told());
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    println!("{BLOGS} live blogs read for the first time in {filled:.1?}");
    let blogs = asked_for(server.address, "/api/v1/blogs?limit=1000").await;
    let paths: Vec<String> = blogs["blogs"]
        .as_array()
        .expect("live blogs")
        .iter()
        .enumerate()
        .flat_map(|(nth, blog)| {
            let id = blog["id"].as_str().expect("an id").trim_start_matches("urn:uuid:").to_owned();
            let outlet = blog["outlet"].as_str().expect("an outlet").to_owned();
            let mut paths: Vec<String> = ["rss", "atom", "json"].map(|format| format!("/blogs/{id}/feed.{format}")).into();
            paths.push(format!("/api/v1/blogs/{id}"));
            // One request in ten is for everything, and one for an outlet.
            if nth.is_multiple_of(8) {
                paths.extend(["rss", "atom", "json"].map(|format| format!("/feed.{format}")));
                paths.push("/api/v1/changes?limit=1".into());
            }
            if nth.is_multiple_of(10) {
                paths.extend(["rss", "atom", "json"].map(|format| format!("/outlets/{outlet}/feed.{format}")));
            }
            paths
        })
        .collect();
    let paths = Arc::new(paths);
    let readers = (0..CONNECTIONS).map(|nth| Reader {
        server: server.address,
        stream: None,
        dice: Dice(nth as u64),
        paths: paths.clone(),
        tags: vec![None; paths.len()],
        buffer: Vec::with_capacity(1 << 18),
        asked: nth as u64,
        start: newsroom.start,
    });
    let readers: Vec<Reader> = readers.collect();
    let (quiet_time, busy_time) = if full { (60, 600) } else { (8, 22) };
    let busy_time = std::env::var("TIDINGS_BENCH_SECONDS").ok().and_then(|value| value.parse().ok()).unwrap_or(busy_time);

    newsroom.busy.store(false, Relaxed);
    // All that was new has to be read first: each page is asked for once.
    let asked = newsroom.asked.load(Relaxed);
    while newsroom.asked.load(Relaxed) < asked + BLOGS as u64 && began.elapsed() < filled + Duration::from_secs(2 * EVERY) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (readers, _) = read(readers, Asking::Usual, Duration::from_secs(2), None).await;
    let (readers, quiet) = read(readers, Asking::Usual, Duration::from_secs(quiet_time), None).await;
    let quiet = together(&quiet);
    let quiet_rate = quiet.count() as f64 / quiet_time as f64;
    println!(
        "nothing changes:  {quiet_rate:8.0} requests/s  p50 {:6.2} ms  p99 {:6.2} ms",
        quiet.within(0.5),
        quiet.within(0.99)
    );

    newsroom.busy.store(true, Relaxed);
    let steady = full.then_some(STEADY);
    let mut readers = readers;
    if full {
        let time = 22;
        let kinds;
        (readers, kinds) = read(readers, Asking::Usual, Duration::from_secs(time), None).await;
        let (flat_out, seconds) = (together(&kinds), time as f64);
        let (rate, most) = (flat_out.count() as f64 / seconds, flat_out.within(0.99));
        println!("as fast as can be:{rate:8.0} requests/s  p99 {most:6.2} ms while all changes; from now on {STEADY:.0}");
    }
    let (asked, changes, worked) = (newsroom.asked.load(Relaxed), newest(server.address).await, server.worked());
    let (readers, kinds) = read(readers, Asking::Usual, Duration::from_secs(busy_time), steady).await;
    let busy = together(&kinds);
    let seconds = busy_time as f64;
    let worked = server.worked() - worked;
    let measured = Measured {
        rate: busy.count() as f64 / seconds,
        quiet: quiet_rate,
        p99: busy.within(0.99),
        errors: quiet.errors + busy.errors,
        memory: server.memory("VmHWM"),
        refreshes: (newsroom.asked.load(Relaxed) - asked) as f64 / seconds,
    };
    let changes = newest(server.address).await - changes;
    println!(
        "all changes:      {:8.0} requests/s  p50 {:6.2} ms  p99 {:6.2} ms  worst {:6.2} ms  of {RATE:.0} and {P99:.0} ms",
        measured.rate,
        busy.within(0.5),
        measured.p99,
        busy.within(1.0)
    );
    println!(
        "                  {} requests in {busy_time} s, {} of them unchanged, {} errors; {:.1} refreshes/s, {:.1} changes/s",
        busy.count(),
        busy.unchanged,
        busy.errors,
        measured.refreshes,
        changes as f64 / seconds
    );
    println!(
        "                  {:.0} % of a core, {:.0} µs a request; {} MB resident, {} at most, of {MEMORY}; {:.0} MB/s",
        worked / seconds * 100.0,
        worked / busy.count() as f64 * 1e6,
        server.memory("VmRSS"),
        measured.memory,
        busy.bytes as f64 / seconds / 1e6
    );
    for (name, kind) in KINDS.iter().zip(&kinds) {
        let (count, half, most) = (kind.count() as f64 / seconds, kind.within(0.5), kind.within(0.99));
        println!("    {name:<18} {count:7.0} requests/s  p50 {half:6.2} ms  p99 {most:6.2} ms");
    }
    busy.first_error.iter().chain(&quiet.first_error).for_each(|error| println!("                  {error}"));
    let mut wrong = measured.wrong(full.then_some(slack));

    let (_, odd) = read(readers, Asking::Odd, Duration::from_secs(3), None).await;
    let odd = together(&odd);
    let odd = Measured { rate: odd.count() as f64 / 3.0, p99: odd.within(0.99), errors: odd.errors, ..measured };
    println!("asked for what is in no cache: {:8.0} requests/s  p99 {:6.2} ms  {} errors", odd.rate, odd.p99, odd.errors);
    let (slow, answered) = (Measured { errors: 0, ..odd }.wrong(None), Measured { rate: odd.quiet, ..odd }.wrong(None));
    if slow.is_empty() || answered.is_empty() {
        wrong.push("what is slow or not there passes for well".to_owned());
    }
    wrong.iter().for_each(|wrong| eprintln!("does not hold: {wrong}"));
    wrong.is_empty()
}

fn main() {
    let full = std::env::var("TIDINGS_HARDENING").is_ok_and(|value| value == "full");
    let slack = std::env::var("TIDINGS_BENCH_SLACK").ok().and_then(|value| value.parse().ok()).unwrap_or(1.0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    if !runtime.block_on(run(full, slack)) {
        std::process::exit(1);
    }
}
