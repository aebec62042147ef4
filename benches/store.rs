//! A store of a million entries in two thousand live blogs, asked through the router for what readers ask of it.
//!
//! `cargo bench --bench store` fills one in a temporary folder, through the store's own transactions, and fails where an answer
//! takes longer than promised. `TIDINGS_BENCH_ENTRIES=20000` makes it a small one; `TIDINGS_BENCH_SLACK=3` grants a busy machine
//! three times as long; `TIDINGS_BENCH_STORE=file.db` keeps the store, and measures the one that is there.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use chrono::{DateTime, TimeDelta, Utc};
use http_body_util::BodyExt;
use tidings::identity::{blog_id, entry_id};
use tidings::model::{Coverage, CoverageState, Entry, Head, LiveBlog, Mark, Origin, Precision, Stamp};
use tidings::reconcile::Reading;
use tidings::server::{Limits, ServerState, router};
use tidings::store::Store;
use tower::ServiceExt;

/// Entries of one live blog.
const EACH: usize = 500;
const OUTLETS: usize = 20;
/// Milliseconds that an answer may take.
const UNIFIED: u64 = 20;
const FILTERED: u64 = 30;
const FULL_TEXT: u64 = 50;
const AS_OF: u64 = 100;
/// Megabytes that the process may hold.
const MEMORY: u64 = 200;

/// Words of a made-up language, the first ones far more often than the last, as in any other.
fn word(dice: &mut Dice) -> String {
    const SYLLABLES: [&str; 16] =
        ["ka", "lo", "mi", "tu", "re", "sa", "no", "pe", "di", "va", "gu", "fe", "ho", "zi", "ba", "ro"];
    let rank = dice.below(150) * dice.below(150) * dice.below(8) / 8;
    let mut text = String::new();
    let mut rest = rank + 16;
    while rest > 0 {
        text += SYLLABLES[rest % 16];
        rest /= 16;
    }
    text
}

/// The same numbers each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_600_000_000, 0).unwrap_or_default()
}

/// When entry `number` of live blog `blog` was published: each runs for some days, and a new one begins every six hours.
fn published(blog: usize, number: usize) -> DateTime<Utc> {
    start() + TimeDelta::hours(6 * blog as i64) + TimeDelta::seconds(431 * number as i64)
}

fn entry(outlet: &str, key: &str, blog: usize, number: usize) -> Entry {
    let mut dice = Dice((blog * 1_000_003 + number) as u64 ^ 0x5eed);
    let mut words = |count: usize| (0..count).map(|_| word(&mut dice)).collect::<Vec<_>>().join(" ");
    let (headline, one, two) = (words(7), words(35), words(30));
    let own = format!("block-{blog:06}{number:06}");
    Entry {
        id: entry_id(outlet, key, &own),
        permalink: Some(format!("https://{outlet}.example/live/{key}#{own}")),
        key: own,
        headline: Some(headline).filter(|_| !number.is_multiple_of(3)),
        byline: vec![format!("Author {} Of{}", dice.below(200), dice.below(5))],
        published: Stamp {
            at: published(blog, number),
            precision: Precision::Second,
            printed: Some(published(blog, number).to_rfc3339()),
            origin: Origin::Attribute,
            zone: None,
        },
        updated: None,
        body_html: format!("<p>{one}</p><p>{two}</p>"),
        body_text: format!("{one}\n\n{two}"),
        images: Vec::new(),
        marks: if number.is_multiple_of(20) { vec![Mark::KeyEvent] } else { Vec::new() },
        problems: Vec::new(),
    }
}

fn live_blog(blog: usize, numbers: std::ops::Range<usize>) -> LiveBlog {
    let (outlet, key) = (format!("outlet-{:02}", blog % OUTLETS), format!("live-{blog:05}"));
    let entries = numbers.rev().map(|number| entry(&outlet, &key, blog, number)).collect();
    LiveBlog {
        head: Head {
            id: blog_id(&outlet, &key),
            outlet_name: outlet.to_uppercase(),
            url: Some(format!("https://{outlet}.example/live/{key}")),
            outlet,
            key,
            headline: format!("Live blog {blog}"),
            standfirst: None,
            language: Some("en".into()),
            coverage: Coverage { state: CoverageState::Live, ..Coverage::default() },
        },
        problems: Vec::new(),
        older: None,
        window: true,
        withdrawn: Vec::new(),
        entries,
    }
}

/// Two readings of each live blog: the first half of it, and later all, with one entry in twenty edited.
async fn fill(store: &Store, entries: usize) {
    let blogs = (entries / EACH).max(1);
    let began = Instant::now();
    let mut slowest = Duration::ZERO;
    for blog in 0..blogs {
        let half = EACH / 2;
        for (read, seen) in [(0..half, published(blog, half)), (0..EACH, published(blog, EACH))] {
            let edited = read.end == EACH;
            let mut page = live_blog(blog, read);
            for entry in page.entries.iter_mut().skip(half).step_by(20).filter(|_| edited) {
                entry.body_text.push_str(" zizizi");
                entry.body_html.push_str("<p>zizizi</p>");
            }
            let saving = Instant::now();
            store.save(&Reading::new(&page, seen), None, None).await.expect("the store takes a reading");
            slowest = slowest.max(saving.elapsed());
        }
        if (blog + 1) % 200 == 0 {
            eprintln!("filled {} of {blogs} live blogs in {:.0?}", blog + 1, began.elapsed());
        }
    }
    let each = began.elapsed() / (blogs * EACH) as u32;
    println!(
        "fill: {} entries in {:.1?}, {each:.1?} each, the slowest reading {slowest:.0?}",
        blogs * EACH,
        began.elapsed()
    );
}

struct Measured {
    name: &'static str,
    took: Vec<Duration>,
    limit: u64,
}

impl Measured {
    /// Tells the figures, and whether 95 of 100 answers came in time.
    fn told(mut self, slack: f64) -> bool {
        self.took.sort();
        let at = |share: f64| self.took[((self.took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0;
        let most = self.limit as f64 * slack;
        let kept = at(0.95) < most;
        let verdict = if kept { "" } else { "  TOO SLOW" };
        println!(
            "{:40} median {:7.2} ms  p95 {:7.2} ms  worst {:7.2} ms  of {most:.0}{verdict}",
            self.name,
            at(0.5),
            at(0.95),
            at(1.0)
        );
        kept
    }
}

async fn get(router: &Router, path: &str) -> (Duration, usize) {
    let request = Request::get(path).header("Host", "127.0.0.1:8080").body(Body::empty()).expect("a request");
    let began = Instant::now();
    let response = router.clone().oneshot(request).await.expect("an answer");
    let status = response.status();
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    assert!(status.is_success(), "{path}: {status} {}", String::from_utf8_lossy(&body));
    (began.elapsed(), body.len())
}

/// Each path is another one, so that none is answered from memory.
async fn measure(router: &Router, name: &'static str, limit: u64, paths: impl IntoIterator<Item = String>) -> Measured {
    let mut took = Vec::new();
    let mut worst = (Duration::ZERO, String::new());
    for path in paths {
        let (time, _) = get(router, &path).await;
        worst = worst.max((time, path));
        took.push(time);
    }
    eprintln!("  {name}: the slowest was {} ({:.1?})", worst.1, worst.0);
    Measured { name, took, limit }
}

async fn after_a_change(store: &Store, router: &Router, blogs: usize) -> Measured {
    let mut took = Vec::new();
    for turn in 0..40 {
        let blog = (turn * 7919) % blogs;
        let page = live_blog(blog, EACH + turn..EACH + turn + 1);
        let seen = published(blogs, EACH + turn);
        store.save(&Reading::new(&page, seen), None, None).await.expect("the store takes a reading");
        took.push(get(router, ["/feed.atom", "/feed.rss", "/feed.json"][turn % 3]).await.0);
    }
    Measured { name: "the unified feed after a change", took, limit: UNIFIED }
}

/// Of a live blog of 5,000 entries, refreshed with one entry more each time.
async fn long_blog(store: &Store) -> Measured {
    let key = 900_000;
    store.save(&Reading::new(&live_blog(key, 0..5000), start()), None, None).await.expect("the store takes a reading");
    let mut took = Vec::new();
    for turn in 1..11 {
        let page = live_blog(key, turn..5000 + turn);
        let began = Instant::now();
        store.save(&Reading::new(&page, start() + TimeDelta::minutes(turn as i64)), None, None).await.expect("a reading");
        took.push(began.elapsed());
    }
    Measured { name: "a refresh of a blog of 5,000 entries", took, limit: 100 }
}

/// Megabytes of memory that the process holds now.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|kilobytes| kilobytes / 1024)
}

fn number(name: &str, otherwise: f64) -> f64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

async fn run(path: &Path, entries: usize, slack: f64) -> bool {
    let store = Store::open(path).await.expect("a store");
    if store.generation().await.expect("a store") == 0 {
        fill(&store, entries).await;
    }
    let size = std::fs::metadata(path).map(|file| file.len() / 1_048_576).unwrap_or_default();
    println!("the store is {size} MB; {} MB resident after the fill", resident().unwrap_or_default());
    let blogs = (entries / EACH).max(1);
    let listen = SocketAddr::from(([127, 0, 0, 1], 8080));
    let limits = Limits { recheck: Duration::ZERO, ..Limits::default() };
    let router = router(ServerState::new(store.clone(), None, listen, limits));
    let mut dice = Dice(7);
    let at = |dice: &mut Dice| {
        let seconds = (published(blogs, 0) - start()).num_seconds().max(1) as usize;
        (start() + TimeDelta::seconds(dice.below(seconds) as i64)).format("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    get(&router, "/feed.atom").await;

    let mut all = vec![after_a_change(&store, &router, blogs).await];
    let filtered: Vec<String> = (0..120)
        .map(|turn| {
            let (outlet, author) = (dice.below(OUTLETS), format!("Author+{}+Of{}", dice.below(200), dice.below(5)));
            match turn % 6 {
                0 => format!("/feed.json?outlet=outlet-{outlet:02}&limit={}", 100 + turn / 6),
                1 => format!("/feed.json?since={}", at(&mut dice)),
                2 => format!("/feed.rss?until={}", at(&mut dice)),
                3 => format!("/feed.atom?author={author}"),
                4 => format!("/feed.json?key_events=1&limit={}", 100 + turn / 6),
                _ => format!("/feed.json?outlet=outlet-{outlet:02}&key_events=1&until={}", at(&mut dice)),
            }
        })
        .collect();
    all.push(measure(&router, "a filtered feed", FILTERED, filtered).await);
    let policies =
        (0..30).map(|turn| format!("/feed.atom?edits={}&limit={}", ["append", "corrections"][turn % 2], 100 + turn));
    all.push(measure(&router, "a feed of edits", FILTERED, policies).await);
    let mut asked: Vec<String> = (0..60).map(|_| format!("/feed.json?q={}", word(&mut dice))).collect();
    asked.extend((0..20).map(|_| format!("/feed.json?q=%22{}+{}%22", word(&mut dice), word(&mut dice))));
    asked.extend(["kalo", "loka", "zizizi", "Author"].map(|word| format!("/feed.json?q={word}")));
    all.push(measure(&router, "full text", FULL_TEXT, asked).await);
    let past: Vec<String> = (0..60)
        .map(|turn| match turn % 3 {
            0 => format!("/feed.atom?as_of={}", at(&mut dice)),
            1 => format!("/feed.json?as_of={}&outlet=outlet-{:02}", at(&mut dice), dice.below(OUTLETS)),
            _ => format!("/feed.json?as_of={}&edits=append", at(&mut dice)),
        })
        .collect();
    all.push(measure(&router, "a feed as it stood", AS_OF, past).await);
    let memory = resident();
    all.push(long_blog(&store).await);

    let mut kept = true;
    for measured in all {
        kept &= measured.told(slack);
    }
    if let Some(memory) = memory {
        println!("{memory} MB resident, of {MEMORY}");
        kept &= memory < MEMORY;
    }
    store.close().await;
    kept
}

fn main() {
    let entries = number("TIDINGS_BENCH_ENTRIES", 1_000_000.0) as usize;
    let slack = number("TIDINGS_BENCH_SLACK", 1.0);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = std::env::var_os("TIDINGS_BENCH_STORE").map_or_else(|| folder.path().join("bench.db"), PathBuf::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let kept = runtime.block_on(run(&path, entries, slack));
    if !kept {
        eprintln!("slower or larger than promised");
        std::process::exit(1);
    }
}
