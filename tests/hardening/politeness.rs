//! A day with outlets that fail in every way that `outlet` knows: however they fail, none is asked more often than its
//! interval, less and less while it fails, one request at a time, and not at all while it wants to be left alone.
//!
//! The day takes a minute: the clock is the test's. It stands while something is under way and then moves on, to the next
//! moment at which somebody is due.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use chrono::TimeDelta;
use tidings::config::Followed;
use tidings::fetch::{FetchError, FetchSettings, Fetcher, Network, Reach, Validators};
use tidings::follow::{Clock, Follower};
use tidings::outlet::split_page;
use tidings::store::Store;
use tokio::sync::watch;
use tokio::time::{Instant, advance};
use url::Url;

use super::outlet::{Fault, Outlet, Visit, all};
use super::{full, say};
use crate::outlet_server::{Answer, OutletServer};
use crate::sample::minute;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// How often an address with a fault is asked for at most.
const EVERY: Duration = Duration::from_secs(300);
/// Of the second address at each host, which is well.
const SELDOM: Duration = Duration::from_secs(3 * 3600);
const GAP: Duration = Duration::from_secs(1);
/// How far the clock moves on while something is under way.
const TICK: Duration = Duration::from_millis(200);

/// Where chance comes from, between none and all of the longest pause.
type Chance = Arc<dyn Fn() -> f64 + Send + Sync>;

/// Kinds of days.
const LONGEST: &str = "the longest pauses";
const SET: &str = "a clock that is set by ten years";

/// Every name leads to this machine.
fn network() -> Network {
    let here = |_: &str| Box::pin(async { Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]) }) as tidings::fetch::Looking;
    Network { lookup: Arc::new(here), public: |_| true }
}

fn host(n: usize) -> String {
    format!("fault-{n}.example")
}

/// Lets everything that can happen now happen: sockets and the store's threads are real.
async fn settle(outlet: &Outlet, store: &Store) {
    let (mut events, mut still) = (outlet.events(), 0);
    while still < 3 {
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
        std::thread::sleep(Duration::from_micros(400));
        let now = outlet.events();
        still = if now == events { still + 1 } else { 0 };
        events = now;
    }
    // Writes take turns: this one, which changes nothing, comes after all that wait now. Those would be given up if the clock
    // went on by half a minute meanwhile.
    store.hasten(&[], minute(0)).await.unwrap();
}

/// What a day of visits looked like.
struct Day {
    visits: Vec<Visit>,
    begun: Instant,
}

/// What is impolite in a day. `growing` is whether chance chose the longest pause each time, so that pauses have to grow.
fn judge(day: &Day, faults: &[Fault], growing: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for visit in day.visits.iter().filter(|visit| visit.beside > 1) {
        wrong.push(format!("{}: {} at once", visit.host, visit.beside));
    }
    for (n, fault) in faults.iter().enumerate() {
        let (host, own) = (host(n), format!("/live/{}", fault.name));
        let of_host = day.visits.iter().filter(|visit| visit.host == host);
        let asked: Vec<Duration> = of_host.filter(|visit| visit.path == own).map(|visit| visit.came - day.begun).collect();
        if asked.len() < 2 {
            wrong.push(format!("{}: asked {} times, which proves nothing", fault.name, asked.len()));
        }
        let pauses: Vec<Duration> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
        for (failures, pause) in pauses.iter().enumerate() {
            // What an interval and a limit that doubles up to an hour come to, where the address fails.
            let doubled = EVERY * 2_u32.saturating_pow(failures as u32);
            let least = if growing && fault.told.is_some() { EVERY + doubled.min(HOUR) } else { EVERY };
            if *pause < least {
                wrong.push(format!("{}: asked again after {pause:?}, the {failures}th time", fault.name));
            }
        }
        let Some(rest) = fault.rest.map(Duration::from_secs) else { continue };
        let all: Vec<&Visit> = day.visits.iter().filter(|visit| visit.host == host).collect();
        for (n, told) in all.iter().enumerate().filter(|(_, visit)| visit.path == own) {
            if let Some(next) = all.get(n + 1).filter(|next| next.came < told.came + rest) {
                wrong.push(format!("{}: asked for {} after {:?}", fault.name, next.path, next.came - told.came));
            }
        }
    }
    // From the end of a visit to the next that is not its redirect.
    let mut last = HashMap::<&str, &Visit>::new();
    for visit in &day.visits {
        if let Some(before) = last.insert(&visit.host, visit)
            && !visit.path.ends_with("/on")
            && before.path != "/robots.txt"
            && let Some(went) = before.went
            && visit.came < went + GAP - Duration::from_millis(1)
        {
            wrong.push(format!("{}: {} came {:?} after {}", visit.host, visit.path, visit.came - went, before.path));
        }
    }
    wrong
}

async fn live_through(faults: &[Fault], chance: Chance, clock_is_set: bool) -> Day {
    let (outlet, port) = Outlet::start(minute(55)).await;
    // In memory where there is a place for that: the clock must not wait for a disk.
    let memory = std::path::Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let store = Store::open(&folder.path().join("tidings.db")).await.unwrap();
    let second = Duration::from_secs(1);
    let settings = FetchSettings {
        connect_timeout: second,
        header_timeout: second,
        timeout: 2 * second,
        gap: GAP,
        at_once: 32,
        ..FetchSettings::default()
    };
    let begun = Instant::now();
    let set = Arc::new(AtomicI64::new(0));
    let clock: Clock = {
        let set = set.clone();
        Arc::new(move || minute(60) + TimeDelta::from_std(begun.elapsed()).unwrap() + TimeDelta::days(set.load(SeqCst)))
    };
    let fetcher = Fetcher::on(network(), &settings).unwrap();
    let follower = Follower::new(store.clone(), fetcher, Arc::new(split_page), clock.clone()).with_chance(chance);
    let follow = |n: usize, path: String, every: Duration| {
        let url = Url::parse(&format!("http://{}:{port}{path}", host(n))).unwrap();
        Followed { allow_private: true, min_every: every, ..Followed::new(url, every) }
    };
    let mut followed = Vec::new();
    for (n, fault) in faults.iter().enumerate() {
        followed.push(follow(n, format!("/live/{}", fault.name), EVERY));
        followed.push(follow(n, format!("/live/well-{n}"), SELDOM));
    }
    let urls: Vec<String> = followed.iter().map(|followed| followed.url.to_string()).collect();
    follower.follow(&followed, true).await.unwrap();
    let stop = watch::Sender::new(false);
    let running = tokio::spawn({
        let (follower, stop) = (follower.clone(), stop.subscribe());
        async move { follower.run(stop).await }
    });

    // A page of each is read first, so that there is something to lose.
    let mut well = 0;
    while well < urls.len() {
        settle(&outlet, &store).await;
        advance(TICK).await;
        let all = store.sources().await.unwrap();
        well = all.iter().filter(|source| source.last_ok.is_some()).count();
    }
    outlet.forget();
    outlet.sick(true, 1);
    let morning = Instant::now();
    let mut quiet = 0;
    while morning.elapsed() < DAY {
        settle(&outlet, &store).await;
        quiet = if outlet.open() == 0 { quiet + 1 } else { 0 };
        let due = store.next_due(&urls).await.unwrap().map(|next| (next - clock()).to_std().unwrap_or_default());
        let mut far = due.unwrap_or(MINUTE).clamp(TICK, 30 * MINUTE);
        if clock_is_set {
            // What the store says is due means nothing then. The schedule itself looks twice a minute.
            set.store([0, 3653, 0, -3653][morning.elapsed().as_secs() as usize / 5000 % 4], SeqCst);
            far = Duration::from_secs(30);
        }
        advance(if quiet > 3 { far } else { TICK }).await;
        quiet = if far > TICK && quiet > 3 { 0 } else { quiet };
    }
    stop.send_replace(true);
    running.await.unwrap();
    let entries = store.blogs().await.unwrap().iter().map(|blog| blog.entries).collect::<Vec<_>>();
    assert!(entries.len() == urls.len() && entries.iter().all(|entries| *entries == 12), "{entries:?}");
    store.close().await;
    Day { visits: outlet.visits(), begun: morning }
}

/// A runtime whose clock stands still until it is moved. While a thread is waited for, it is not moved by itself either.
fn with_a_clock_of_its_own<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (done, waits) = std::sync::mpsc::channel::<()>();
    runtime.spawn_blocking(move || waits.recv());
    let result = runtime.block_on(test);
    drop(done);
    result
}

#[test]
fn no_failure_makes_us_ask_more_often() {
    let mut faults = all();
    if !full() {
        // A third of them, and those that ask for rest.
        let mut number = 0;
        faults.retain(|fault| {
            number += 1;
            number % 3 == 0 || fault.rest.is_some()
        });
    }
    let mut days: Vec<(&str, Chance)> = vec![(LONGEST, Arc::new(|| 1.0))];
    if full() {
        days.push(("the shortest pauses", Arc::new(|| 0.0)));
        days.push((SET, Arc::new(|| 1.0)));
        let seed = AtomicU64::new(7);
        let any = move || {
            let before = seed.fetch_add(0x9E37_79B9_7F4A_7C15, SeqCst).wrapping_mul(6_364_136_223_846_793_005);
            (before >> 11) as f64 / (1_u64 << 53) as f64
        };
        days.push(("pauses by chance", Arc::new(any)));
    }
    for (name, chance) in days {
        let from = std::time::Instant::now();
        let day = with_a_clock_of_its_own(live_through(&faults, chance, name == SET));
        let wrong = judge(&day, &faults, name == LONGEST);
        say(&format!(
            "politeness, {name}: {} requests in 24 hours at {} hosts, each failing in its own way, {:.0?}",
            day.visits.len(),
            faults.len(),
            from.elapsed()
        ));
        assert!(wrong.is_empty(), "{name}: {} times impolite:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
    }
}

/// The proof that the judge can say no.
#[tokio::test]
async fn impolite_visits_are_seen() {
    let begun = Instant::now();
    let faults: Vec<Fault> = all().into_iter().filter(|fault| fault.name == "status-429").collect();
    let visit = |minutes: u32, path: &str| {
        let came = begun + minutes * MINUTE;
        Visit { host: host(0), path: path.into(), came, went: Some(came), beside: 1 }
    };
    let (own, other) = ("/live/status-429", "/live/well-0");
    let told = |visits: Vec<Visit>, growing| judge(&Day { visits, begun }, &faults, growing).join("\n");
    let polite = vec![visit(0, own), visit(16, other), visit(20, own), visit(40, own)];
    assert_eq!(told(polite.clone(), false), "");
    assert_eq!(told(vec![visit(0, own), visit(16, own), visit(32, own), visit(62, own)], true), "");
    for (visits, growing, part) in [
        (vec![visit(0, own), visit(4, own)], false, "asked again after 240s"),
        (vec![visit(0, own), visit(16, own), visit(32, own), visit(48, own)], true, "the 2th time"),
        (vec![visit(0, own), visit(14, other), visit(20, own)], false, "asked for /live/well-0 after 840s"),
        (vec![visit(0, own)], false, "proves nothing"),
        (polite.iter().map(|visit| Visit { beside: 2, ..visit.clone() }).collect(), false, "2 at once"),
        (vec![visit(0, own), visit(0, own), visit(16, own)], false, "came 0ns after"),
    ] {
        let wrong = told(visits, growing);
        assert!(wrong.contains(part), "{part}: {wrong}");
    }
}

/// How a `Retry-After` is to be read, said once more in another way: the longest of what can be read, in seconds. The web has
/// no dates before 1970.
fn asked_rest(values: &[String], now: i64) -> Option<i64> {
    let read = |value: &String| {
        let text = value.trim();
        match chrono::DateTime::parse_from_rfc2822(&text.replace("GMT", "+0000")) {
            Ok(date) if text.ends_with(" GMT") && date.timestamp() >= 0 => Some(date.timestamp() - now),
            _ if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) => {
                Some(text.parse::<u128>().unwrap_or(u128::MAX).min(1 << 40) as i64)
            }
            _ => None,
        }
    };
    values.iter().filter_map(read).max().map(|seconds| seconds.clamp(60, 86_400))
}

/// Two hundred of them, each from a host of its own.
fn rests(now: i64) -> Vec<Vec<String>> {
    let date = |seconds: i64| {
        chrono::DateTime::from_timestamp(now + seconds, 0).unwrap().format("%a, %d %b %Y %H:%M:%S GMT").to_string()
    };
    let mut all: Vec<Vec<String>> = Vec::new();
    // Seconds of every size, beyond what numbers hold, and around both bounds.
    all.extend((0..40).map(|n| vec![(1_u128 << n).to_string()]));
    all.extend((40..120).step_by(8).map(|n| vec![(1_u128 << n).to_string()]));
    all.extend([0, 1, 59, 60, 61, 86_399, 86_400, 86_401, 1_000_000_000_000].map(|n: u64| vec![n.to_string()]));
    all.push(vec!["9".repeat(400)]);
    all.push(vec!["000000000000000000000000000000120".into()]);
    // Dates before and after now, as far as ten thousand years.
    for exponent in 0..34 {
        all.extend([1_i64 << exponent, -(1_i64 << exponent)].map(|seconds| vec![date(seconds)]));
    }
    all.push(vec!["Fri, 31 Dec 9999 23:59:59 GMT".into()]);
    // Nonsense, which asks for nothing.
    let nonsense = "-1|-120|1.5|1e12|+60|0x3c|60s|1m|soon|NaN|Infinity|null|60,|60;q=1|\"60\"|1 2|６０|٦٠|_|Mon|GMT|12:00|\
        2022-01-10T19:05:00Z|Mon, 99 Jan 2022 19:05:00 GMT|Mon, 10 Foo 2022 19:05:00 GMT|Mon, 10 Jan 2022 25:05:00 GMT|\
        Mon, 10 Jan 2022|10 Jan|é|%s|../../etc";
    all.extend(nonsense.split('|').map(|value| vec![value.to_owned()]));
    // Two headers, and more: the longest that can be read.
    for (one, other) in
        [("120", "600"), ("600", "120"), ("soon", "90"), ("90", "-1"), ("soon", "-1"), ("0", "1000000000000")]
    {
        all.push(vec![one.into(), other.into()]);
    }
    for seconds in [-600, 300, 600, 90_000, 5] {
        all.push(vec![date(seconds), "400".into()]);
        all.push(vec!["400".into(), date(seconds), "nonsense".into()]);
    }
    for count in 3..30 {
        all.push((1..=count).map(|n| (n * 97 % 1009).to_string()).collect());
    }
    all
}

#[tokio::test]
async fn whatever_is_asked_with_retry_after_is_kept_or_is_nonsense() {
    let outlet = OutletServer::start().await;
    let now = minute(60);
    let settings = FetchSettings { gap: Duration::ZERO, ..FetchSettings::default() };
    let fetcher = Fetcher::on(network(), &settings).unwrap();
    let rests = rests(now.timestamp());
    assert!(rests.len() >= 200, "{}", rests.len());
    let (mut rested, mut nonsense) = (0, 0);
    for (n, values) in rests.iter().enumerate() {
        for status in [429, 503] {
            let path = format!("/{n}/{status}");
            let answer =
                values.iter().fold(Answer::status(status), |answer, value| answer.another_header("Retry-After", value));
            outlet.answer(&path, answer);
            let mut url = outlet.url(&path);
            url.set_host(Some(&format!("rest-{n}-{status}.example"))).unwrap();
            let (none, clock) = (Validators::default(), move || now);
            let get = || fetcher.get(&url, Reach::Public, &none, &clock);
            let error = get().await.unwrap_err();
            let wanted = asked_rest(values, now.timestamp()).map(|seconds| Duration::from_secs(seconds as u64));
            assert_eq!(error.retry_after(), wanted, "{status} with {values:?}: {error}");
            // Who asked for rest is not asked again before; who said nonsense is, by whoever has waited for the interval.
            let again = get().await.unwrap_err();
            assert_eq!(matches!(again, FetchError::Resting { .. }), wanted.is_some(), "{status} with {values:?}: {again}");
            *(if wanted.is_some() { &mut rested } else { &mut nonsense }) += 1;
        }
    }
    assert_eq!(outlet.asked().len(), rested + 2 * nonsense);
    assert!(rested > 250 && nonsense > 60, "{rested} {nonsense}");
    say(&format!("retry-after: {} values with two statuses, {rested} kept and {nonsense} nonsense", rests.len()));
}
