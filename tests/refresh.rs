//! Following a live blog at an outlet that behaves, and at one that does not: what is stored, what is said, when next.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use tempfile::TempDir;
use tidings::adapters::OUTLETS;
use tidings::config::{Followed, Seed, Story, load_stories};
use tidings::fetch::{FetchSettings, Fetcher};
use tidings::follow::{Clock, Follower, Outcome, Split, Tally, load_seeds};
use tidings::model::{LiveBlog, Stamp};
use tidings::outlet::{Refusal, split_page};
use tidings::page::Page;
use tidings::reconcile::Reading;
use tidings::store::{Scope, SourceState, Store, Window};
use tokio::sync::watch;

use crate::outlet_server::{Answer, OutletServer};
use crate::sample::{blog, entry, minute, stamp};

/// A made-up outlet's way of writing: a line `at 12:05 words` in the page is an entry, in the charset the page names.
fn split(page: &Page, _outlet: Option<&str>) -> Result<LiveBlog, Refusal> {
    let latin = page.content_type.as_deref().unwrap_or_default().contains("iso-8859-1");
    let text = match latin {
        true => page.body.iter().map(|byte| char::from(*byte)).collect(),
        false => String::from_utf8_lossy(&page.body).into_owned(),
    };
    if text.contains("panic") {
        panic!("the page asked for it");
    }
    if !text.starts_with("<live>") {
        return Err(Refusal::Unreadable("this is no live blog".into()));
    }
    let entries = text.lines().filter_map(|line| {
        let (at, words) = line.strip_prefix("at 12:")?.split_once(' ')?;
        let at: i64 = at.parse().ok()?;
        let published = if at < 60 { stamp(at) } else { Stamp::first_seen(page.captured.latest()) };
        Some(tidings::model::Entry { headline: Some(words.to_owned()), published, ..entry(&at.to_string(), at) })
    });
    Ok(blog("lake", "1", entries.collect()))
}

/// An outlet on this machine, every five minutes whatever its rhythm.
fn followed(url: url::Url) -> Followed {
    let every = Duration::from_secs(300);
    Followed { allow_private: true, min_every: every, ..Followed::new(url, every) }
}

fn changed(new: usize, edited: usize) -> Outcome {
    Outcome::Changed(Tally { new, edited, ..Tally::default() })
}

/// One followed address, a store to follow it into, and a clock that stands where it is put.
struct Desk {
    _folder: TempDir,
    outlet: OutletServer,
    store: Store,
    follower: Follower,
    now: Arc<AtomicI64>,
    stop: watch::Sender<bool>,
}

impl Desk {
    /// Follows `/live` every five minutes from minute 0 on.
    async fn open() -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("tidings.db")).await.unwrap();
        let outlet = OutletServer::start().await;
        let settings =
            FetchSettings { timeout: Duration::from_millis(400), gap: Duration::ZERO, ..FetchSettings::default() };
        let now = Arc::new(AtomicI64::new(0));
        let clock: Clock = {
            let now = now.clone();
            Arc::new(move || minute(now.load(SeqCst)))
        };
        let follower = Follower::new(store.clone(), Fetcher::new(&settings).unwrap(), Arc::new(split), clock);
        // The longest pause that chance may choose.
        let follower = follower.with_chance(Arc::new(|| 1.0));
        let desk = Desk { _folder: folder, outlet, store, follower, now, stop: watch::Sender::new(false) };
        desk.follow(&["/live"]).await;
        desk
    }

    async fn follow(&self, paths: &[&str]) {
        let followed = |path: &&str| followed(self.outlet.url(path));
        self.follower.follow(&paths.iter().map(followed).collect::<Vec<_>>(), true).await.unwrap();
    }

    /// One cycle at this minute: how `/live` went, or None where nothing was due.
    async fn at(&self, minutes: i64) -> Option<Outcome> {
        self.now.store(minutes, SeqCst);
        let mut refreshed = self.follower.refresh_due(self.stop.subscribe()).await.unwrap();
        assert!(refreshed.len() <= 1);
        refreshed.pop().map(|refreshed| refreshed.outcome)
    }

    async fn source(&self) -> SourceState {
        self.store.sources().await.unwrap().remove(0)
    }

    async fn window(&self) -> Window {
        self.store.window(&Scope::Everything, 200).await.unwrap()
    }

    async fn headlines(&self) -> Vec<String> {
        self.window().await.entries.iter().map(|shown| shown.entry.headline.clone().unwrap()).collect()
    }
}

const ONE: &str = "<live>\nat 12:01 The ferry waits";
const TWO: &str = "<live>\nat 12:04 It sails\nat 12:01 The ferry waits";

/// Where a thousand live blogs are due at once, all but a few wait for their hosts.
#[tokio::test]
async fn a_refresh_that_waits_takes_little_memory() {
    let desk = Desk::open().await;
    let refresh = desk.follower.refresh(desk.source().await, desk.stop.subscribe());
    let size = std::mem::size_of_val(&refresh);
    assert!(size < 3072, "{size} bytes");
}

#[tokio::test]
async fn a_page_is_read_and_then_asked_for_conditionally() {
    let desk = Desk::open().await;
    desk.outlet.answer("/live", Answer::html(ONE).etag("\"v1\""));
    assert_eq!(desk.at(2).await, Some(changed(1, 0)));
    assert_eq!(desk.at(6).await, None, "the interval is not over");
    let before = desk.window().await;
    assert_eq!(desk.at(7).await, Some(Outcome::NotModified));
    assert_eq!(desk.outlet.asked()[1].header("If-None-Match"), Some("\"v1\""));
    assert_eq!(desk.window().await, before);
    let source = desk.source().await;
    assert_eq!((source.last_ok, source.next_due), (Some(minute(7)), minute(12)));
}

#[tokio::test]
async fn the_headers_of_a_page_are_kept_with_it_and_no_cookie_is() {
    let desk = Desk::open().await;
    let answer = Answer::html(ONE).etag("\"v1\"").header("Server", "a shelf").header("Set-Cookie", "visitor=7");
    desk.outlet.answer("/live", answer.header("X-Desk", "night"));
    assert_eq!(desk.at(2).await, Some(changed(1, 0)));
    let kept = desk.store.captures(0, 10).await.unwrap().remove(0).headers;
    let value = |name: &str| kept.iter().find(|(found, _)| found == name).map(|(_, value)| &**value);
    assert_eq!((value("etag"), value("server"), value("x-desk")), (Some("\"v1\""), Some("a shelf"), Some("night")));
    assert_eq!((value("content-type"), value("set-cookie")), (Some("text/html; charset=utf-8"), None));
}

#[tokio::test]
async fn a_changed_page_adds_and_edits() {
    let desk = Desk::open().await;
    let edited = "<live>\nat 12:09 A third\nat 12:04 It has sailed\nat 12:01 The ferry waits";
    desk.outlet.answers("/live", [ONE, TWO, TWO, edited].map(Answer::html));
    assert_eq!(desk.at(2).await, Some(changed(1, 0)));
    assert_eq!(desk.at(10).await, Some(changed(1, 0)));
    let before = desk.window().await;
    assert_eq!(desk.at(20).await, Some(Outcome::Unchanged), "the same bytes");
    assert_eq!(desk.window().await, before);
    assert_eq!(desk.at(30).await, Some(changed(1, 1)));
    assert_eq!(desk.headlines().await, ["A third", "It has sailed", "The ferry waits"]);
    let window = desk.window().await;
    assert_eq!((window.generation, window.changed), (4, Some(minute(30))));
    assert_eq!(window.entries[1].entry.updated.as_ref().unwrap().at, minute(30));
    assert_eq!(window.entries[1].entry.published, stamp(4));
}

#[tokio::test]
async fn other_bytes_with_nothing_new_in_them_leave_every_feed_as_it_was() {
    let desk = Desk::open().await;
    desk.outlet.answers("/live", [ONE.to_owned(), format!("{ONE}\n<!-- another advertisement -->")].map(Answer::html));
    desk.at(2).await;
    let before = desk.window().await;
    assert_eq!(desk.at(8).await, Some(Outcome::Unchanged));
    assert_eq!(desk.window().await, before);
}

/// Every way in which an outlet can fail: what is stored stays, the reason is kept, the pause grows, and the first good
/// answer ends it.
async fn keeps_what_it_has(answer: Answer, reason: &str) {
    let desk = Desk::open().await;
    desk.outlet.answer("/live", Answer::html(ONE).etag("\"v1\""));
    desk.at(0).await;
    let before = desk.window().await;
    desk.outlet.answer("/live", answer);
    let outcome = desk.at(5).await.unwrap();
    assert!(matches!(&outcome, Outcome::Failed(told) | Outcome::Empty(told) if told.contains(reason)), "{outcome:?}");
    let source = desk.source().await;
    assert_eq!((source.failures, source.next_due, source.last_ok), (1, minute(15), Some(minute(0))));
    assert_eq!(source.last_error, Some(outcome.to_string()));
    assert_eq!(desk.at(15).await, Some(outcome), "the same failure tells the same reason");
    let source = desk.source().await;
    assert_eq!((source.failures, source.next_due), (2, minute(30)));
    assert_eq!(desk.window().await, before);

    desk.outlet.answer("/live", Answer::html(TWO).etag("\"v2\""));
    assert_eq!(desk.at(30).await, Some(changed(1, 0)));
    let source = desk.source().await;
    assert_eq!((source.failures, source.last_error, source.next_due), (0, None, minute(35)));
}

#[tokio::test]
async fn keeps_what_it_has_on_an_error_status() {
    keeps_what_it_has(Answer::status(500), "status 500").await;
}

#[tokio::test]
async fn keeps_what_it_has_on_a_timeout() {
    keeps_what_it_has(Answer::hang(), "within 400ms").await;
}

#[tokio::test]
async fn keeps_what_it_has_on_a_truncated_page() {
    keeps_what_it_has(Answer::html(TWO).cut_after(20), "damaged").await;
}

#[tokio::test]
async fn keeps_what_it_has_on_seventeen_mebibytes() {
    let large = format!("{TWO}{}", " ".repeat(17 << 20));
    keeps_what_it_has(Answer::html(large).gzip(), "larger than").await;
}

#[tokio::test]
async fn keeps_what_it_has_on_a_redirect_loop() {
    keeps_what_it_has(Answer::redirect("/live"), "/live").await;
}

#[tokio::test]
async fn keeps_what_it_has_on_a_page_without_entries() {
    keeps_what_it_has(Answer::html("<live>\nWe value your privacy"), "without a single entry").await;
}

#[tokio::test]
async fn keeps_what_it_has_on_something_else() {
    keeps_what_it_has(Answer::html("<p>Parked</p>"), "this is no live blog").await;
}

#[tokio::test]
async fn keeps_what_it_has_where_reading_breaks_off() {
    keeps_what_it_has(Answer::html("<live>panic"), "a bug in tidings").await;
}

/// What was logged, by all tests.
static LOGGED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOGGED.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Logs for the whole binary and for ever: a subscriber of one thread's own comes and goes while other threads ask whether
/// anybody listens, and lines get lost.
fn log_for_good() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing_subscriber::fmt().with_writer(|| Log).with_ansi(false).without_time().init());
}

#[tokio::test]
async fn a_failure_is_logged_when_it_begins_and_when_it_ends() {
    log_for_good();
    let desk = Desk::open().await;
    let (good, bad) = (Answer::html(ONE), Answer::status(500));
    desk.outlet.answers("/live", [good.clone(), bad.clone(), bad.clone(), bad, Answer::status(404), good]);
    for hour in 0..7 {
        desk.at(hour * 60).await.unwrap();
    }
    let log = String::from_utf8(LOGGED.lock().unwrap().clone()).unwrap();
    let own = desk.outlet.url("/live");
    let ours = |line: &&str| line.contains("tidings::follow") && line.contains(own.as_str());
    let lines: Vec<&str> = log.lines().filter(ours).collect();
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(lines[0].contains("WARN") && lines[0].contains("status 500"), "{lines:#?}");
    assert!(lines[1].contains("WARN") && lines[1].contains("status 404"), "{lines:#?}");
    assert!(lines[2].contains("INFO") && lines[2].contains("well again after 4 failures"), "{lines:#?}");
}

#[tokio::test]
async fn a_page_in_another_charset_is_read_again() {
    let desk = Desk::open().await;
    let bytes = b"<live>\nat 12:01 F\xe4hre";
    let said = |charset| Answer::html(bytes).header("Content-Type", &format!("text/html; charset={charset}"));
    desk.outlet.answers("/live", [said("utf-8"), said("iso-8859-1")]);
    desk.at(0).await;
    assert_eq!(desk.headlines().await, ["F\u{fffd}hre"]);
    assert_eq!(desk.at(5).await, Some(changed(0, 1)), "the same bytes say something else now");
    assert_eq!(desk.headlines().await, ["Fähre"]);
}

#[tokio::test]
async fn an_outlet_that_asks_for_a_pause_gets_it() {
    let desk = Desk::open().await;
    desk.outlet.answer("/live", Answer::status(503).header("Retry-After", "1800"));
    desk.at(0).await;
    assert_eq!(desk.source().await.next_due, minute(30));
}

#[tokio::test]
async fn a_live_blog_without_entries_yet_is_no_failure() {
    let desk = Desk::open().await;
    desk.outlet.answers("/live", ["<live>\nsoon", "<live>\nsoon", ONE].map(Answer::html));
    assert!(matches!(desk.at(0).await, Some(Outcome::Empty(_))));
    assert!(matches!(desk.at(5).await, Some(Outcome::Empty(_))), "no growing pause");
    assert_eq!(desk.source().await.failures, 0);
    assert_eq!(desk.store.blogs().await.unwrap(), []);
    assert_eq!(desk.at(10).await, Some(changed(1, 0)));
}

#[tokio::test]
async fn an_entry_without_a_time_keeps_the_instant_it_was_first_seen() {
    let desk = Desk::open().await;
    let page = |words| Answer::html(format!("<live>\nat 12:99 {words}"));
    desk.outlet.answers("/live", [page("Sometime"), page("Sometime else")]);
    desk.at(3).await;
    assert_eq!(desk.at(9).await, Some(changed(0, 1)));
    assert_eq!(desk.window().await.entries[0].entry.published, Stamp::first_seen(minute(3)));
}

#[tokio::test]
async fn what_is_no_longer_followed_is_not_asked_for_and_its_entries_stay() {
    let desk = Desk::open().await;
    desk.outlet.answer("/live", Answer::html(ONE));
    desk.at(0).await;
    desk.follow(&[]).await;
    assert_eq!(desk.at(60).await, None);
    assert_eq!(desk.headlines().await, ["The ferry waits"]);
}

#[tokio::test]
async fn a_page_that_an_older_tidings_read_is_asked_for_whole() {
    let desk = Desk::open().await;
    desk.outlet.answer("/live", Answer::html(ONE).etag("\"v1\""));
    desk.at(0).await;
    desk.store.put_source(&SourceState { read_by: Some("0.0.1".into()), ..desk.source().await }).await.unwrap();
    desk.at(5).await;
    assert_eq!(desk.outlet.asked()[1].header("If-None-Match"), None);
    desk.at(10).await;
    assert_eq!(desk.outlet.asked()[2].header("If-None-Match"), Some("\"v1\""), "and only once");
}

#[tokio::test]
async fn following_stops_at_once_and_gives_its_claims_back() {
    let desk = Desk::open().await;
    desk.follow(&["/live", "/slow"]).await;
    desk.outlet.answer("/live", Answer::html(ONE));
    desk.outlet.answer("/slow", Answer::hang());
    // Both are at one host, so the one that hangs may hold the other up until it times out.
    let (follower, stop) = (desk.follower.clone(), desk.stop.subscribe());
    let running = tokio::spawn(async move { follower.run(stop).await });
    while desk.window().await.entries.is_empty() || desk.outlet.asked().iter().all(|asked| asked.path != "/slow") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let stopping = Instant::now();
    desk.stop.send_replace(true);
    running.await.unwrap();
    assert!(stopping.elapsed() < Duration::from_millis(300), "{:?}", stopping.elapsed());
    assert_eq!(desk.headlines().await, ["The ferry waits"]);

    // A follower that starts after a stop waits for the interval, as it was asked, and not for the lease of what was dropped.
    let slow = desk.store.sources().await.unwrap().remove(1);
    assert!(slow.next_due == minute(5) || slow.failures > 0, "{slow:?}");
}

#[tokio::test]
async fn what_was_not_asked_yet_is_given_back_at_a_stop() {
    let desk = Desk::open().await;
    desk.follow(&["/a", "/b", "/c"]).await;
    for path in ["/a", "/b", "/c"] {
        desk.outlet.answer(path, Answer::hang());
    }
    let (follower, stop) = (desk.follower.clone(), desk.stop.subscribe());
    let running = tokio::spawn(async move { follower.run(stop).await });
    while desk.outlet.asked().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    desk.stop.send_replace(true);
    running.await.unwrap();
    let sources = desk.store.sources().await.unwrap();
    let mut due: Vec<_> = sources.iter().filter(|source| source.followed).map(|source| source.next_due).collect();
    due.sort();
    assert_eq!(
        (due, desk.outlet.asked().len()),
        (vec![minute(0), minute(0), minute(5)], 1),
        "one visit to a host at a time"
    );
}

/// A clock that runs, and can be set.
fn running_clock(set: Arc<AtomicI64>) -> Clock {
    let begun = Instant::now();
    Arc::new(move || minute(set.load(SeqCst)) + TimeDelta::from_std(begun.elapsed()).unwrap())
}

#[tokio::test]
async fn following_asks_again_when_the_time_comes_whatever_the_wall_clock_says() {
    let desk = Desk::open().await;
    desk.outlet.answers("/live", [ONE, TWO].map(Answer::html));
    let set = Arc::new(AtomicI64::new(0));
    let settings = FetchSettings { gap: Duration::ZERO, ..FetchSettings::default() };
    let fetcher = Fetcher::new(&settings).unwrap();
    let follower = Follower::new(desk.store.clone(), fetcher, Arc::new(split), running_clock(set.clone()));
    let second = Duration::from_secs(1);
    let followed = Followed { min_every: second, every: second, ..followed(desk.outlet.url("/live")) };
    follower.follow(&[followed], true).await.unwrap();
    let stop = desk.stop.subscribe();
    let begun = Instant::now();
    let running = tokio::spawn(async move { follower.run(stop).await });
    // Set on by ten years after the first request, and back by twenty after the second.
    for (asked, minutes) in [(1, 5_256_000), (2, -5_256_000), (4, 0)] {
        while desk.outlet.asked().len() < asked {
            assert!(begun.elapsed() < 20 * second, "asked {} times", desk.outlet.asked().len());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        set.store(minutes, SeqCst);
    }
    let took = begun.elapsed();
    desk.stop.send_replace(true);
    running.await.unwrap();
    assert!((3 * second..6 * second).contains(&took), "four requests a second apart took {took:?}");
    assert_eq!(desk.headlines().await, ["It sails", "The ferry waits"]);
}

fn story(folder: &TempDir, text: &str, captured: i64) -> Vec<Story> {
    let capture = folder.path().join("lake.txt");
    std::fs::write(&capture, text).unwrap();
    let url = "https://lake.example/live/1".parse().unwrap();
    let seed = Seed { url, outlet: "lake".into(), captured: minute(captured), capture, title: Some("The lake".into()) };
    vec![Story { name: "a-storm".into(), title: "A storm".into(), live_blogs: vec![seed] }]
}

#[tokio::test]
async fn seeds_fill_a_store_once_and_take_nothing_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("tidings.db")).await.unwrap();
    let stories = story(&folder, ONE, 10);
    let first = load_seeds(&store, &stories, &(Arc::new(split) as Split)).await.unwrap();
    assert_eq!(first[0].outcome, changed(1, 0));
    let before = store.window(&Scope::Everything, 9).await.unwrap();
    assert_eq!((before.changed, before.entries[0].head.headline.as_str()), (Some(minute(10)), "The lake"));
    assert_eq!(load_seeds(&store, &stories, &(Arc::new(split) as Split)).await.unwrap()[0].outcome, Outcome::Unchanged);
    assert_eq!(store.window(&Scope::Everything, 9).await.unwrap(), before);

    let mut later = blog("lake", "1", vec![entry("1", 1)]);
    later.entries[0].headline = Some("Edited since".into());
    store.save(&Reading::new(&later, minute(10) + TimeDelta::days(1)), None, None).await.unwrap();
    assert_eq!(load_seeds(&store, &stories, &(Arc::new(split) as Split)).await.unwrap()[0].outcome, Outcome::Unchanged);
    let window = store.window(&Scope::Everything, 9).await.unwrap();
    assert_eq!(window.entries[0].entry.headline.as_deref(), Some("Edited since"));
}

#[tokio::test]
async fn a_seed_that_is_refused_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("tidings.db")).await.unwrap();
    let path = folder.path().join("lake.txt").display().to_string();
    for (text, reason) in [("Dear diary", "this is no live blog"), ("<live>", "not a single entry")] {
        let error =
            load_seeds(&store, &story(&folder, text, 10), &(Arc::new(split) as Split)).await.unwrap_err().to_string();
        assert!(error.contains(&path) && error.contains(reason), "{error}");
    }
    let stories = story(&folder, "", 10);
    std::fs::remove_file(&path).unwrap();
    let error = load_seeds(&store, &stories, &(Arc::new(split) as Split)).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("can't read the capture {path}")), "{error}");
}

#[tokio::test]
async fn the_seeds_that_come_with_tidings_fill_a_store() {
    let slugs: Vec<&str> = OUTLETS.iter().map(|outlet| outlet.slug).collect();
    let stories = load_stories(&Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds"), &slugs).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("tidings.db")).await.unwrap();
    load_seeds(&store, &stories, &(Arc::new(split_page) as Split)).await.unwrap();
    let before = (store.blogs().await.unwrap(), store.window(&Scope::Everything, 1000).await.unwrap());
    assert_eq!(before.0.len(), stories.iter().map(|story| story.live_blogs.len()).sum::<usize>());
    assert_eq!(before.0.iter().map(|blog| blog.entries).sum::<i64>(), before.1.entries.len() as i64);
    assert!(before.0.iter().all(|blog| blog.entries > 0 && blog.problems.is_empty()), "{:?}", before.0);
    load_seeds(&store, &stories, &(Arc::new(split_page) as Split)).await.unwrap();
    assert_eq!((store.blogs().await.unwrap(), store.window(&Scope::Everything, 1000).await.unwrap()), before);
}
