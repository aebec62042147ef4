//! Clients that take their time on purpose: they send nothing, or their head line by line, or a body that never comes to its
//! end, or they read nothing of what they asked for. Each has to be shown out in time, and who asks as one should must not
//! notice any of them.
//!
//! Two servers run side by side, one of them attacked. Requests go to both in turn, so that whatever else the machine does slows
//! both. With the program that is released (`TIDINGS_PROGRAM`) the milliseconds count by themselves.

use super::wire::Wire;
use super::{full, say};
use crate::cli::{Serving, released};
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

/// Normal requests, all of which have to be answered.
const REQUESTS: u32 = 1_000;
/// What 99 of 100 of them may take.
const P99: Duration = Duration::from_millis(50);
/// Files that the server may open beside: three more connections to its store, when many ask at once, with the file and its log.
const STORE: usize = 6;
/// What noticing a cut may take beyond its limit, on a machine that does other things.
const SLACK: Duration = Duration::from_secs(4);

/// A way of being slow.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// Connects, and that is all.
    Silent,
    /// Sends a header a second.
    Head,
    /// Says that a body comes, and sends a byte of it a second.
    Body,
    /// Asks, and asks, and reads nothing.
    Unread,
    /// Asks, and reads a byte a second.
    Sipping,
    /// Reads an answer and keeps the connection.
    Idle,
}

const KINDS: [Kind; 6] = [Kind::Silent, Kind::Head, Kind::Body, Kind::Unread, Kind::Sipping, Kind::Idle];

impl Kind {
    /// How long the README gives such a client.
    fn limit(self) -> Duration {
        Duration::from_secs(match self {
            Kind::Silent | Kind::Head => 5,
            // It is refused at once, unread.
            Kind::Body => 1,
            Kind::Unread | Kind::Sipping => 10,
            Kind::Idle => 30,
        })
    }
}

/// How one slow connection went.
#[derive(Debug, Clone, Copy)]
struct Held {
    kind: Kind,
    held: Duration,
    /// By the server; otherwise the time was over.
    cut: bool,
}

impl Held {
    /// Whether it was here longer than it may be. A build that is not optimised may be busy with other tests when its time is over:
    /// there it is enough that it ends.
    fn too_long(&self) -> bool {
        let exactly = full() || released();
        let limit = if exactly { self.kind.limit() } else { 2 * self.kind.limit() };
        (exactly || !self.cut) && self.held > limit + SLACK
    }
}

const REQUEST: &[u8] = b"GET /feed.json HTTP/1.1\r\nHost: x\r\n\r\n";

/// One slow connection, until the server ends it or the time is over.
async fn hold(kind: Kind, address: &str, until: Instant) -> Held {
    let from = Instant::now();
    let cut = timeout(until - from, cut(kind, address)).await.is_ok();
    Held { kind, held: from.elapsed(), cut }
}

/// Returns when the server has ended the connection.
async fn cut(kind: Kind, address: &str) {
    let socket = TcpSocket::new_v4().unwrap();
    if matches!(kind, Kind::Unread | Kind::Sipping) {
        // The smallest window there is.
        socket.set_recv_buffer_size(1).unwrap();
    }
    let Ok(mut stream) = socket.connect(address.parse().unwrap()).await else { return };
    let (start, more): (&[u8], &[u8]) = match kind {
        Kind::Silent => (b"", b""),
        Kind::Head => (b"GET /feed.rss HTTP/1.1\r\nHost: x\r\n", b"X-A: b\r\n"),
        Kind::Body => (b"POST /feed.rss HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n", b"x"),
        Kind::Unread | Kind::Sipping => (&REQUEST.repeat(100), b"G"),
        Kind::Idle => (REQUEST, b""),
    };
    if stream.write_all(start).await.is_err() {
        return;
    }
    let mut room = [0; 64 << 10];
    let reads = match kind {
        Kind::Unread => 0,
        Kind::Sipping => 1,
        _ => room.len(),
    };
    loop {
        let second = sleep(Duration::from_secs(1));
        match reads {
            0 | 1 => {
                if is_broken(&stream, second).await {
                    return;
                }
                let mut room = &mut room[..reads];
                if reads > 0
                    && timeout(Duration::from_millis(1), stream.read_buf(&mut room)).await.is_ok_and(|read| read.is_err())
                {
                    return;
                }
            }
            _ => {
                tokio::pin!(second);
                while let Some(read) = either(&mut stream, &mut room, second.as_mut()).await {
                    if !read {
                        return;
                    }
                }
            }
        }
        // What is ended can't be written to, once the other side has said so.
        if !more.is_empty() && stream.write_all(more).await.is_err() {
            return;
        }
    }
}

/// Bytes that the system keeps of what `from` has sent to `to`, until that is taken.
#[cfg(target_os = "linux")]
fn unsent(from: u16, to: u16) -> Option<u64> {
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    let port = |address: &str| u16::from_str_radix(address.rsplit(':').next()?, 16).ok();
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_it = (port(fields.get(1)?), port(fields.get(2)?)) == (Some(from), Some(to));
        is_it.then(|| u64::from_str_radix(fields.get(4)?.split(':').next()?, 16).ok())?
    })
}

/// Megabytes of answers would wait in the system for each client who takes none of them.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn few_answers_wait_for_who_reads_none() {
    let (_folder, serving) = serving();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(1).unwrap();
    let mut stream = socket.connect(serving.address.parse().unwrap()).await.unwrap();
    stream.write_all(&REQUEST.repeat(100)).await.unwrap();
    let (from, to) = (stream.peer_addr().unwrap().port(), stream.local_addr().unwrap().port());
    let mut most = 0;
    for _ in 0..30 {
        sleep(Duration::from_millis(100)).await;
        most = most.max(unsent(from, to).unwrap_or_default());
    }
    assert!((10 << 10..=256 << 10).contains(&most), "{most} bytes");
}

/// Whether the connection is broken off before the second is over. Who reads nothing learns of it in no other way, but by the second
/// thing that is written after it.
async fn is_broken(stream: &TcpStream, second: tokio::time::Sleep) -> bool {
    tokio::select! {
        () = second => false,
        broken = stream.ready(Interest::ERROR) => broken.is_ok(),
    }
}

/// Whether something was read before the second is over; none once it is.
async fn either(stream: &mut TcpStream, room: &mut [u8], second: std::pin::Pin<&mut tokio::time::Sleep>) -> Option<bool> {
    tokio::select! {
        read = stream.read(room) => Some(read.is_ok_and(|length| length > 0)),
        () = second => None,
    }
}

/// Slow clients, each of which comes again as soon as it is shown out.
fn attack(address: String, many: usize, until: Instant) -> Vec<Held> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let all = Arc::new(Mutex::new(Vec::new()));
        let mut clients = tokio::task::JoinSet::new();
        for number in 0..many {
            let (address, all) = (address.clone(), all.clone());
            clients.spawn(async move {
                while Instant::now() < until {
                    let held = hold(KINDS[number % KINDS.len()], &address, until).await;
                    all.lock().unwrap().push(held);
                    // Who is refused at once comes again, but not in a flood.
                    sleep(Duration::from_secs(1).saturating_sub(held.held)).await;
                }
            });
        }
        clients.join_all().await;
        std::mem::take(&mut *all.lock().unwrap())
    })
}

/// Who was not shown out in time.
fn not_cut(all: &[Held]) -> Vec<String> {
    let late = all.iter().filter(|held| held.too_long());
    late.map(|held| format!("{:?} {} after {:.1?}", held.kind, if held.cut { "cut" } else { "not cut" }, held.held))
        .collect()
}

/// The 99th of 100.
fn p99(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    all[all.len() * 99 / 100 - 1]
}

/// Files that a process holds open.
fn descriptors(process: u32) -> Option<usize> {
    Some(std::fs::read_dir(format!("/proc/{process}/fd")).ok()?.count())
}

/// A server with the seeds in its store.
fn serving() -> (tempfile::TempDir, Serving) {
    let folder = tempfile::tempdir().unwrap();
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    std::fs::write(folder.path().join("config.toml"), format!("seeds = '{}'\n", seeds.display())).unwrap();
    let serving = Serving::start(folder.path(), &[]);
    (folder, serving)
}

/// Each slow client is an open file of ours too.
#[cfg(unix)]
fn room_for(many: u64) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    let wanted = now.maximum.map_or(many, |most| most.min(many));
    if now.current.is_some_and(|current| current < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: now.maximum }).unwrap();
    }
}

#[test]
fn slow_clients_are_shown_out_and_nobody_else_notices() {
    let (many, time) = if full() { (2_000, 300) } else { (200, 20) };
    #[cfg(unix)]
    room_for(many as u64 + 1_000);
    let ((_one, attacked), (_two, calm)) = (serving(), serving());
    let before = descriptors(attacked.child.id());
    let until = Instant::now() + Duration::from_secs(time);
    let address = attacked.address.clone();
    let attackers = std::thread::spawn(move || attack(address, many, until));
    // Once all of them are there.
    std::thread::sleep(Duration::from_secs(1));
    let pause = (until - Instant::now()).mul_f64(0.9) / REQUESTS;
    let took = |address: &str, wire: &mut Wire, number: u32| {
        // Over a connection that stays, and over a new one.
        if number.is_multiple_of(2) {
            *wire = Wire::new(address);
        }
        let path = ["/feed.rss", "/feed.atom", "/feed.json", "/"][number as usize % 4];
        let from = Instant::now();
        let answer = wire.get(path.as_bytes());
        let took = from.elapsed();
        assert!(answer.status == 200 && !answer.body.is_empty(), "{path}: {}", answer.status);
        took
    };
    let mut wires = [&attacked, &calm].map(|serving| Wire::new(&serving.address));
    let (mut under, mut quiet) = (Vec::new(), Vec::new());
    let from = Instant::now();
    for number in 0..REQUESTS {
        under.push(took(&attacked.address, &mut wires[0], number));
        quiet.push(took(&calm.address, &mut wires[1], number));
        std::thread::sleep((pause * (number + 1)).saturating_sub(from.elapsed()));
    }
    let all = attackers.join().unwrap();
    let cut = |kind: Kind| all.iter().filter(|held| held.kind == kind && held.cut).count();
    let counts: Vec<String> = KINDS.iter().map(|kind| format!("{kind:?} {}", cut(*kind))).collect();

    let late = not_cut(&all);
    // Many are late alike.
    let mut which = std::collections::BTreeMap::<&str, usize>::new();
    late.iter().for_each(|told| *which.entry(told).or_default() += 1);
    assert!(late.is_empty(), "{} of {} are not shown out in time: {which:#?}", late.len(), all.len());
    for kind in KINDS.into_iter().filter(|kind| kind.limit() + SLACK < Duration::from_secs(time)) {
        assert!(cut(kind) >= many / KINDS.len(), "{counts:?}");
    }
    assert_eq!(under.len(), REQUESTS as usize);
    let (under, quiet) = (p99(under), p99(quiet));
    let most = if full() || released() { P99 } else { P99.max(3 * quiet) };
    assert!(under <= most, "99 of 100 requests take up to {under:.1?}, of a server left alone {quiet:.1?}");
    if let Some(before) = before {
        let gone = Instant::now();
        while descriptors(attacked.child.id()).unwrap() > before + STORE {
            let now = descriptors(attacked.child.id());
            assert!(gone.elapsed() < SLACK, "{now:?} files are open, {before} at the start");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    say(&format!(
        "{many} slow clients for {time} s, {} connections, cut: {}; {REQUESTS} of {REQUESTS} requests served, p99 {under:.1?} \
         (left alone {quiet:.1?})",
        all.len(),
        counts.join(", ")
    ));
    assert!(!attacked.stop("TERM").contains("ERROR"));
    calm.stop("TERM");
}

/// The proof that it can fail: a server that serves one client after the other, and gives each all the time it wants.
#[test]
fn a_patient_server_is_found() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let all: Vec<_> = listener.incoming().map(Result::unwrap).collect();
        drop(all);
    });
    let until = Instant::now() + 2 * Kind::Head.limit() + SLACK + Duration::from_secs(1);
    let all = attack(address, KINDS.len(), until);
    let late = not_cut(&all);
    assert!(late.len() >= 3 && late.iter().all(|one| one.contains("not cut")), "{late:?}");
    let fast = vec![Duration::from_millis(1); 985];
    assert!(p99([fast, vec![Duration::from_millis(60); 15]].concat()) > P99);
}
