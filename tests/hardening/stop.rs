//! SIGTERM while readers ask: what has begun to be answered is answered whole, and then the program ends, by itself and soon.

use super::wire::Answer;
use super::{full, say};
use crate::cli::Serving;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Readers at once.
const READERS: usize = 8;
const PATHS: [&str; 5] = ["/feed.rss", "/feed.atom", "/feed.json", "/", "/outlets/sputnik/feed.rss?limit=200"];

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Answered to the last byte.
    Whole,
    /// Not a byte of an answer: a reader asks again later.
    Nothing,
    /// An answer that breaks off.
    Cut,
}

/// What a reader gets of one request.
fn outcome(answer: &[u8]) -> Outcome {
    match Answer::read(&mut BufReader::new(answer)) {
        Some(answer) if answer.status == 200 => Outcome::Whole,
        _ if answer.is_empty() => Outcome::Nothing,
        _ => Outcome::Cut,
    }
}

/// Asks again and again, each time over a new connection, until nobody is there any more.
fn reader(address: &str, number: usize, over: &AtomicBool) -> Vec<Outcome> {
    let mut all = Vec::new();
    while !over.load(Relaxed) {
        let path = PATHS[(number + all.len()) % PATHS.len()];
        let Ok(mut stream) = TcpStream::connect(address) else { break };
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let _ = stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes());
        let mut answer = Vec::new();
        // A connection that nobody took yet is reset.
        let _ = stream.read_to_end(&mut answer);
        all.push(outcome(&answer));
    }
    all
}

#[test]
fn what_is_being_answered_is_answered_whole() {
    let folder = tempfile::tempdir().unwrap();
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    std::fs::write(folder.path().join("config.toml"), format!("seeds = '{}'\n", seeds.display())).unwrap();
    let stops = if full() { 100 } else { 10 };
    let (mut whole, mut cut, mut longest) = (0, 0, Duration::ZERO);
    for stop in 0..stops {
        let serving = Serving::start(folder.path(), &[]);
        let (over, address) = (&AtomicBool::new(false), &serving.address.clone());
        let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
            let readers: Vec<_> = (0..READERS).map(|number| scope.spawn(move || reader(address, number, over))).collect();
            std::thread::sleep(Duration::from_millis(100 + 37 * (stop % 10)));
            let from = Instant::now();
            // It ends by itself within five seconds, with 0, or this panics.
            let said = serving.stop("TERM");
            longest = longest.max(from.elapsed());
            over.store(true, Relaxed);
            assert!(!said.contains("ERROR") && !said.contains("cut off"), "{said}");
            readers.into_iter().flat_map(|reader| reader.join().unwrap()).collect()
        });
        whole += outcomes.iter().filter(|outcome| **outcome == Outcome::Whole).count();
        cut += outcomes.iter().filter(|outcome| **outcome == Outcome::Cut).count();
        for rest in ["tidings.db-wal", "tidings.db-shm"] {
            assert!(!folder.path().join(rest).exists(), "{rest} is left behind");
        }
    }
    assert_eq!(cut, 0, "answers are cut off");
    assert!(whole > 10 * stops as usize, "only {whole} requests in {stops} runs");
    if full() {
        say(&format!("SIGTERM under load, {stops} times: {whole} answers whole, none cut, ended in {longest:.2?} at most"));
    }
}

/// The proof that it can fail.
#[test]
fn an_answer_that_breaks_off_is_found() {
    let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(outcome(whole), Outcome::Whole);
    assert_eq!(outcome(b""), Outcome::Nothing);
    for length in 1..whole.len() {
        assert_eq!(outcome(&whole[..length]), Outcome::Cut, "{length} bytes");
    }
}
