//! Thousands of open streams of events: how long from a commit to the last byte of its event at each of them, and how much memory the
//! server takes meanwhile.
//!
//! `cargo bench --bench events` holds 5,000 streams for 30 commits, one a second, and fails where that takes longer or more than
//! promised, or where a stream misses, repeats or swaps an event. The server is a process of its own, so that what is measured of it is
//! its own; both share the machine's processors. `TIDINGS_BENCH_CONNECTIONS` and `TIDINGS_BENCH_COMMITS` make it another
//! size; `TIDINGS_BENCH_SLACK=3` grants a busy machine three times as long.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, TimeDelta, Utc};
use tidings::identity::{blog_id, entry_id};
use tidings::model::{Coverage, CoverageState, Entry, Head, LiveBlog, Origin, Precision, Stamp};
use tidings::reconcile::Reading;
use tidings::server::{self, Limits, ServerState, serve};
use tidings::store::Store;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Milliseconds from a commit to 99 of 100 receipts.
const RECEIPT: f64 = 250.0;
/// Megabytes that the server may hold.
const MEMORY: u64 = 500;
/// Streams that are being opened at once.
const OPENING: usize = 64;
/// When a stream is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// Entries on the page.
const PAGE: i64 = 50;

/// The argument that makes this the server.
const SERVE: &str = "--serve-for-measuring";

fn number(name: &str, otherwise: f64) -> f64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// Microseconds on a clock that both processes read.
#[expect(clippy::disallowed_methods, reason = "no other clock is the same in two processes")]
fn micros() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64)
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_641_556_800, 0).unwrap_or_default()
}

/// A page with its newest entry numbered `newest`: some paragraphs, as on most live blogs.
fn page(newest: i64) -> LiveBlog {
    let entry = |number: i64| {
        let key = number.to_string();
        let at = start() + TimeDelta::seconds(number);
        let text =
            format!("The ferry {number} waits at the quay until the wind turns, and nobody on board is hurt. ").repeat(12);
        Entry {
            id: entry_id("lake", "1", &key),
            permalink: Some(format!("https://lake.example/live/1#{key}")),
            headline: Some(format!("Ferry {number} is late")),
            byline: vec!["Ann Rower".into()],
            published: Stamp { at, precision: Precision::Second, printed: None, origin: Origin::Attribute, zone: None },
            updated: None,
            body_html: format!("<p>{text}</p>"),
            body_text: text,
            images: Vec::new(),
            marks: Vec::new(),
            problems: Vec::new(),
            key,
        }
    };
    let head = Head {
        outlet: "lake".into(),
        outlet_name: "The Lake".into(),
        key: "1".into(),
        id: blog_id("lake", "1"),
        url: Some("https://lake.example/live/1".into()),
        headline: "Storm over the lake".into(),
        standfirst: None,
        language: Some("en".into()),
        coverage: Coverage { state: CoverageState::Live, ..Coverage::default() },
    };
    let entries = ((newest - PAGE).max(0) + 1..=newest).rev().map(entry).collect();
    LiveBlog { head, problems: Vec::new(), older: None, window: true, withdrawn: Vec::new(), entries }
}

/// The server: commits whenever it is told to on stdin, and says on stdout when it began to.
async fn measured(path: &Path) {
    let store = Store::open(path).await.expect("a store");
    let listener = server::listen(([127, 0, 0, 1], 0).into()).expect("a port");
    let address = listener.local_addr().expect("a port");
    let state = ServerState::new(store.clone(), None, address, Limits::default());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(serve(listener, state, async {
        let _ = stopped.await;
    }));
    println!("{address}");
    let commands = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Handle::current();
        for (number, line) in std::io::stdin().lock().lines().enumerate() {
            let (Ok(_), number) = (line, number as i64 + 1) else { break };
            let begun = micros();
            let page = page(number);
            let reading = Reading::new(&page, start() + TimeDelta::seconds(number));
            runtime.block_on(store.save(&reading, None, None)).expect("a commit");
            println!("{begun}");
        }
    });
    commands.await.expect("commits");
    let _ = stop.send(());
    serving.await.expect("a server");
}

/// The server as it is seen from outside.
struct Measured {
    child: Child,
    answers: BufReader<std::process::ChildStdout>,
    address: SocketAddr,
}

impl Measured {
    fn start(path: &Path) -> Measured {
        let program = std::env::current_exe().expect("this program");
        let mut command = Command::new(program);
        let child = command.arg(SERVE).arg(path).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("a process");
        let mut answers = BufReader::new(child.stdout.take().expect("its stdout"));
        let mut line = String::new();
        answers.read_line(&mut line).expect("an address");
        Measured { address: line.trim().parse().expect("an address"), child, answers }
    }

    /// Has it commit once, and answers when that began.
    fn commit(&mut self) -> u64 {
        let stdin = self.child.stdin.as_mut().expect("its stdin");
        stdin.write_all(b"\n").and_then(|()| stdin.flush()).expect("a command");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("an answer");
        line.trim().parse().expect("an instant")
    }

    /// A line of what the system knows of it, in megabytes.
    fn megabytes(&self, name: &str) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|kilobytes| kilobytes / 1024)
    }
}

/// Milliseconds of processor time that a process has had, where the system tells: what a busy machine does not make longer.
fn processor(process: &str) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Behind the name, which may hold anything: user and system time, in hundredths of a second.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |nth: usize| fields.get(nth)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) * 10.0)
}

impl Drop for Measured {
    fn drop(&mut self) {
        // At the end of its stdin it stops.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Opens a stream, tells `opened`, and reads it until `commits` events have come: when the last byte of each did.
async fn listen(
    address: SocketAddr,
    opening: Arc<Semaphore>,
    opened: Arc<Semaphore>,
    commits: i64,
) -> Result<Vec<u64>, String> {
    let turn = opening.acquire().await.map_err(|error| error.to_string())?;
    let mut stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    let request = b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request).await.map_err(|error| error.to_string())?;
    let (mut held, mut arrivals, mut piece) = (Vec::new(), Vec::new(), [0; 4096]);
    let mut turn = Some(turn);
    while (arrivals.len() as i64) < commits {
        let count = timeout(PATIENCE, stream.read(&mut piece)).await.map_err(|_| "nothing comes any more".to_owned())?;
        let now = micros();
        match count {
            Ok(0) => return Err("the server has ended the stream".into()),
            Ok(count) => held.extend_from_slice(&piece[..count]),
            Err(error) => return Err(error.to_string()),
        }
        // An event ends with an empty line; the chunk around it begins with its length and ends with another line.
        while let Some(end) = held.windows(2).position(|two| two == b"\n\n") {
            let block: Vec<u8> = held.drain(..end + 2).collect();
            let block = String::from_utf8_lossy(&block);
            let id = block.lines().find_map(|line| line.strip_prefix("id: "));
            if block.contains("data: ") {
                arrivals.push(now);
                if id != Some(&arrivals.len().to_string()) {
                    return Err(format!("event {} has the id {id:?}", arrivals.len()));
                }
            } else if turn.take().is_some() {
                if !held.is_empty() && !block.contains("200 OK") && id.is_none() {
                    return Err(format!("it is no stream: {block}"));
                }
                opened.add_permits(1);
            }
        }
    }
    Ok(arrivals)
}

async fn run(path: &Path, streams: usize, commits: i64, slack: f64) -> bool {
    let mut server = Measured::start(path);
    let before = server.megabytes("VmRSS:").unwrap_or_default();
    let (opening, opened) = (Arc::new(Semaphore::new(OPENING)), Arc::new(Semaphore::new(0)));
    let mut listening = tokio::task::JoinSet::new();
    let begun = micros();
    for _ in 0..streams {
        listening.spawn(listen(server.address, opening.clone(), opened.clone(), commits));
    }
    let all = opened.acquire_many(streams as u32);
    let Ok(Ok(_all)) = timeout(PATIENCE * 4, all).await else {
        println!("only {} of {streams} streams were opened", opened.available_permits());
        while let Some(ended) = listening.try_join_next() {
            if let Ok(Err(error)) = ended {
                println!("one ended: {error}");
                break;
            }
        }
        return false;
    };
    let held = server.megabytes("VmRSS:").unwrap_or_default();
    println!(
        "{streams} streams opened in {:.1} s; the server holds {held} MB, {before} MB before",
        (micros() - begun) as f64 / 1e6
    );

    let spent = |server: &Measured| (processor(&server.child.id().to_string()), processor("self"));
    let begun = spent(&server);
    let mut committed = Vec::new();
    for _ in 0..commits {
        let mut asked = server;
        let (answered, began) = tokio::task::spawn_blocking(move || {
            let began = asked.commit();
            (asked, began)
        })
        .await
        .expect("a commit");
        server = answered;
        committed.push(began);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    if let ((Some(one), Some(two)), (Some(one_after), Some(two_after))) = (begun, spent(&server)) {
        let each = |before: f64, after: f64| (after - before) / commits as f64;
        let (server, listeners) = (each(one, one_after), each(two, two_after));
        println!("processor time for each commit: the server {server:.0} ms, the listeners {listeners:.0} ms");
    }
    let mut took = Vec::with_capacity(streams * committed.len());
    let mut whole = true;
    while let Some(ended) = listening.join_next().await {
        match ended.expect("a listener") {
            Ok(arrivals) => took.extend(arrivals.iter().zip(&committed).map(|(at, began)| at.saturating_sub(*began))),
            Err(error) if whole => {
                println!("a stream broke off: {error}");
                whole = false;
            }
            Err(_) => {}
        }
    }
    took.sort_unstable();
    let at = |share: f64| {
        let nth = ((took.len() as f64 * share) as usize).min(took.len().saturating_sub(1));
        took.get(nth).map_or(f64::INFINITY, |took| *took as f64 / 1000.0)
    };
    let (p50, p99, most) = (at(0.5), at(0.99), at(1.0));
    let memory = server.megabytes("VmHWM:").unwrap_or_default();
    println!(
        "{} receipts from the start of the commit: p50 {p50:.1} ms, p99 {p99:.1} ms (of {RECEIPT}), most {most:.1} ms; \
         the server held {memory} MB at most (of {MEMORY})",
        took.len()
    );
    whole && took.len() == streams * committed.len() && p99 < RECEIPT * slack && memory < MEMORY
}

/// Lets this process open as many files as there are streams.
#[cfg(unix)]
fn raise_limit(wanted: u64) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    let most = now.maximum.map_or(wanted, |most| most.min(wanted));
    if now.current.is_some_and(|current| current < most) {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum: now.maximum });
    }
}

#[cfg(not(unix))]
fn raise_limit(_: u64) {}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let mut arguments = std::env::args().skip_while(|argument| argument != SERVE).skip(1);
    if let Some(path) = arguments.next() {
        return runtime.block_on(measured(Path::new(&path)));
    }
    let streams = number("TIDINGS_BENCH_CONNECTIONS", 5000.0) as usize;
    let commits = number("TIDINGS_BENCH_COMMITS", 30.0) as i64;
    let slack = number("TIDINGS_BENCH_SLACK", 1.0);
    raise_limit(streams as u64 + 128);
    let folder = tempfile::tempdir().expect("a temporary folder");
    if !runtime.block_on(run(&folder.path().join("bench.db"), streams, commits, slack)) {
        eprintln!("slower or larger than promised, or not whole");
        std::process::exit(1);
    }
}
