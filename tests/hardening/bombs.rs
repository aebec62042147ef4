//! Small bodies that unpack to large ones: what a fetch holds in memory is bounded by its limits, whatever a body unpacks to.
//!
//! They are fetched one after another in a process of its own, which looks at the high-water mark of its memory after each.

use std::process::Command;
use std::time::Duration;

use tidings::fetch::{FetchSettings, Fetched, Fetcher, Reach, Validators};
use url::Url;

use super::origin::peak;
use super::outlet::coded;
use super::{full, say};
use crate::outlet_server::{Answer, OutletServer};

/// What the memory may grow by, in KiB.
const GROWTH: u64 = 32 << 10;

/// What a bomb unpacks to, in bytes.
const LARGE: usize = 64 << 20;

/// Names in the environment of that process.
const ADDRESSES: &str = "TIDINGS_BOMBS";
const LIMIT: &str = "TIDINGS_BOMB_LIMIT";

struct Bomb {
    name: String,
    /// As the header says.
    coding: &'static str,
    body: Vec<u8>,
}

/// A frame of zstd that wants 128 MiB to be remembered.
fn wide(bytes: &[u8]) -> Vec<u8> {
    use zstd::stream::raw::CParameter;
    let mut coder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    coder.set_parameter(CParameter::WindowLog(27)).unwrap();
    std::io::copy(&mut &*bytes, &mut coder).unwrap();
    coder.finish().unwrap()
}

fn bombs() -> Vec<Bomb> {
    let mut all = Vec::new();
    let mut add = |name: String, coding, body| all.push(Bomb { name, coding, body });
    let fill = |what: &str, size: usize| what.as_bytes().repeat(size / what.len());
    // Each coding over what compresses best, which other contents need not.
    let contents: &[&str] = if full() { &["\0", " ", "<p>", "<ul><li>", "one line and another line\n"] } else { &["\0"] };
    for what in contents {
        let plain = fill(what, LARGE);
        for (said, coding) in [
            ("gzip", "gzip"),
            ("x-gzip", "gzip"),
            ("deflate", "deflate"),
            ("deflate", "raw deflate"),
            ("br", "br"),
            ("zstd", "zstd"),
        ] {
            add(format!("{coding} of {what:?} as {said}"), said, coded(coding, &plain));
        }
    }
    let zeros = fill("\0", LARGE);
    let (small, bomb) = (coded("gzip", b"<p>A small page.</p>"), coded("gzip", &zeros));
    add("zstd that wants a wide window".into(), "zstd", wide(&zeros));
    add("gzip in gzip, said twice".into(), "gzip, gzip", coded("gzip", &bomb));
    add("gzip in gzip, said once".into(), "gzip", coded("gzip", &bomb));
    add("a small member of gzip and a large one".into(), "gzip", [small.clone(), bomb.clone()].concat());
    add("a small frame of zstd and a large one".into(), "zstd", [coded("zstd", b"<p>"), coded("zstd", &zeros)].concat());
    add("thousands of members of gzip".into(), "gzip", coded("gzip", b"").repeat(if full() { 300_000 } else { 20_000 }));
    if full() {
        let codings = ["gzip", "deflate", "br", "zstd"];
        for outer in codings {
            for inner in codings {
                let said = if outer == "raw deflate" { "deflate" } else { outer };
                add(format!("{inner} in {outer}"), said, coded(outer, &coded(inner, &zeros)));
            }
        }
        add("a large body of gzip with more behind".into(), "gzip", [&bomb[..], b"more"].concat());
        add("a large body of brotli with more behind".into(), "br", [coded("br", &zeros), b"more".to_vec()].concat());
    }
    all
}

/// Has them fetched, and answers of each what came of it and by how many KiB the memory had grown since before the first.
/// None where the system does not tell.
fn fetched(addresses: &str, limit: usize) -> Option<Vec<(u64, String)>> {
    peak(std::process::id())?;
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hardening::bombs::in_a_process_of_its_own", "--ignored", "--nocapture"])
        .env(ADDRESSES, addresses)
        .env(LIMIT, limit.to_string())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{told}\n{}", String::from_utf8_lossy(&run.stderr));
    let lines = told.lines().filter_map(|line| line.strip_prefix("grown ")?.split_once(' '));
    Some(lines.map(|(grown, what)| (grown.parse().unwrap(), what.to_owned())).collect())
}

#[test]
#[ignore = "it is the process that fetches, run by the others"]
fn in_a_process_of_its_own() {
    let limit: usize = std::env::var(LIMIT).unwrap().parse().unwrap();
    let settings =
        FetchSettings { gap: Duration::ZERO, max_wire: limit.max(8 << 20), max_body: limit, ..FetchSettings::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let fetcher = Fetcher::new(&settings).unwrap();
    let now = || "2022-01-10T19:00:00Z".parse().unwrap();
    let mut before = None;
    for address in std::env::var(ADDRESSES).unwrap().lines() {
        let url = Url::parse(address).unwrap();
        let got = runtime.block_on(fetcher.get(&url, Reach::Anywhere, &Validators::default(), &now));
        let told = match got {
            Ok(Fetched::Page { page, .. }) => format!("a page of {} bytes", page.body.len()),
            Ok(Fetched::NotModified) => "not modified".to_owned(),
            Err(error) => error.to_string(),
        };
        let most = peak(std::process::id()).unwrap();
        // The first is no bomb, and takes what fetching takes.
        println!("grown {} {told}", most - *before.get_or_insert(most));
    }
}

/// Which of them are not bounded, of what `fetched` answers.
fn unbounded(grown: &[(u64, String)]) -> Vec<&(u64, String)> {
    grown.iter().filter(|(grown, _)| *grown > GROWTH).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_body_that_unpacks_to_more_than_the_limit_takes_no_more_memory_than_that() {
    let outlet = OutletServer::start().await;
    let bombs = bombs();
    let count = if full() { 50 } else { 12 };
    assert!(bombs.len() >= count, "{}", bombs.len());
    outlet.answer("/small", Answer::html("<p>A small page.</p>").gzip());
    let mut addresses = outlet.url("/small").to_string();
    let mut wire = 0;
    for (n, bomb) in bombs.iter().enumerate() {
        assert!(bomb.body.len() < 8 << 20, "{}: {} bytes", bomb.name, bomb.body.len());
        wire += bomb.body.len();
        outlet.answer(&format!("/{n}"), Answer::html(bomb.body.clone()).header("Content-Encoding", bomb.coding));
        addresses += &format!("\n{}", outlet.url(&format!("/{n}")));
    }
    let fetched = |addresses: String, limit| tokio::task::spawn_blocking(move || fetched(&addresses, limit));
    let Some(grown) = fetched(addresses, 16 << 20).await.unwrap() else {
        return say("skipped: this system does not tell what a process holds");
    };
    assert_eq!(grown.len(), bombs.len() + 1);
    for (bomb, (grown, told)) in bombs.iter().zip(&grown[1..]) {
        // What is unpacked once only is small, and no page.
        let refused = ["larger than", "came damaged", "content coding"].iter().any(|reason| told.contains(reason));
        let once = bomb.name.contains(" in ") && told.starts_with("a page of") && bomb.body.len() < 1 << 20;
        assert!(refused || once, "{}, after {grown} KiB: {told}", bomb.name);
    }
    let most = grown.iter().map(|(grown, _)| *grown).max().unwrap();
    say(&format!(
        "bombs: {} of {} KiB in all, of {} MiB each, growth {} KiB at most",
        bombs.len(),
        wire >> 10,
        LARGE >> 20,
        most
    ));
    assert!(unbounded(&grown).is_empty(), "{grown:#?}");

    // The proof that the scales weigh: with a limit far above, the same body is held.
    let control = format!("{}\n{}", outlet.url("/small"), outlet.url("/0"));
    let grown = fetched(control, 256 << 20).await.unwrap().unwrap();
    assert!(!unbounded(&grown).is_empty(), "{grown:?}");
    assert_eq!(grown[1].1, format!("a page of {LARGE} bytes"));
}
