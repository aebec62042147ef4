//! Pages that come with status 200 and are not what they used to be; older pages; the pace of a live blog: following, end to
//! end.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::time::Duration;

use tempfile::TempDir;
use tidings::config::Followed;
use tidings::fetch::{FetchSettings, Fetcher};
use tidings::follow::{Clock, Follower, Outcome, Tally};
use tidings::outlet::split_page;
use tidings::page::Page;
use tidings::store::{Health, SourceState, Store};
use tokio::sync::watch;

use crate::outlet_server::{Answer, OutletServer};
use crate::sample::minute;

/// A live blog of the WordPress engine's markup, made of schema.org data: a page that tells everything.
struct Blog {
    entries: std::ops::Range<i64>,
    headlines: bool,
    older: Option<String>,
    ended: bool,
    words: &'static str,
}

const LONG: &str = "The ferry to Port Kerva waits at the pier, and nobody on it knows when the ice will let it go again.";

impl Blog {
    fn of(entries: std::ops::Range<i64>) -> Blog {
        Blog { entries, headlines: true, older: None, ended: false, words: LONG }
    }

    /// An entry a minute, newest first, as the BBC's engine of 2020 has it: with a link to the older page.
    fn page(&self) -> Answer {
        let entry = |n: i64| {
            let at = minute(n).format("%Y-%m-%dT%H:%M:%S+00:00");
            let headline =
                if self.headlines { format!("\"headline\": \"Update {n} from the ice\",") } else { String::new() };
            format!(
                "{{\"@type\": \"BlogPosting\", \"@id\": \"#e{n}\", {headline} \"datePublished\": \"{at}\", \
                 \"author\": {{\"@type\": \"Person\", \"name\": \"Ann Rower\"}}, \"articleBody\": \"{} {n}\"}}",
                self.words
            )
        };
        let entries: Vec<String> = self.entries.clone().rev().map(entry).collect();
        let end = if self.ended { "\"coverageEndTime\": \"2022-01-07T13:00:00+00:00\"," } else { "" };
        let older = self.older.as_ref().map(|older| format!("<a rel=next href=\"{older}\">Older</a>")).unwrap_or_default();
        Answer::html(format!(
            "<!doctype html><html lang=en><head><title>Ice</title><link rel=canonical href='https://lake.example/live/ice'>\
             <script type=\"application/ld+json\">{{\"@context\": \"https://schema.org\", \"@type\": \"LiveBlogPosting\", \
             \"@id\": \"https://lake.example/live/ice\", \"headline\": \"Ice on the lake\", {end} \
             \"datePublished\": \"2022-01-07T12:00:00+00:00\", \"liveBlogUpdate\": [{}]}}</script></head><body>{older}</body></html>",
            entries.join(",")
        ))
    }
}

struct Desk {
    folder: TempDir,
    outlet: OutletServer,
    store: Store,
    follower: Follower,
    now: Arc<AtomicI64>,
    stop: watch::Sender<bool>,
}

impl Desk {
    async fn open(change: impl Fn(&mut Followed)) -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("tidings.db")).await.unwrap();
        let outlet = OutletServer::start().await;
        let settings = FetchSettings { gap: Duration::ZERO, ..FetchSettings::default() };
        let now = Arc::new(AtomicI64::new(0));
        let clock: Clock = {
            let now = now.clone();
            Arc::new(move || minute(now.load(SeqCst)))
        };
        let follower = Follower::new(store.clone(), Fetcher::new(&settings).unwrap(), Arc::new(split), clock);
        let follower = follower.with_chance(Arc::new(|| 0.0));
        let five = Duration::from_secs(300);
        let mut followed = Followed { allow_private: true, min_every: five, ..Followed::new(outlet.url("/live"), five) };
        change(&mut followed);
        follower.follow(&[followed], true).await.unwrap();
        Desk { folder, outlet, store, follower, now, stop: watch::Sender::new(false) }
    }

    fn page(&self, blog: &Blog) {
        self.outlet.answer("/live", blog.page());
    }

    /// One cycle at this minute.
    async fn at(&self, minutes: i64) -> Option<Outcome> {
        self.now.store(minutes, SeqCst);
        let mut refreshed = self.follower.refresh_due(self.stop.subscribe()).await.unwrap();
        refreshed.pop().map(|refreshed| refreshed.outcome)
    }

    async fn source(&self) -> SourceState {
        self.store.sources().await.unwrap().remove(0)
    }

    async fn entries(&self) -> i64 {
        self.store.blogs().await.unwrap().iter().map(|blog| blog.entries).sum()
    }

    fn run(&self, arguments: &[&str]) -> std::process::Output {
        tidings(self.folder.path(), arguments)
    }
}

fn split(page: &Page, outlet: Option<&str>) -> Result<tidings::model::LiveBlog, tidings::outlet::Refusal> {
    let mut blog = split_page(page, outlet)?;
    // The reader of unknown outlets does not look for older pages; what follows does not care which does.
    let text = String::from_utf8_lossy(&page.body);
    blog.older = text.split_once("rel=next href=\"").map(|(_, rest)| rest.split('"').next().unwrap().to_owned());
    Ok(blog)
}

fn tidings(folder: &Path, arguments: &[&str]) -> std::process::Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_tidings")).current_dir(folder).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn new(count: usize) -> Option<Outcome> {
    Some(Outcome::Changed(Tally { new: count, ..Tally::default() }))
}

/// Four readings as usual, at the minutes 0, 5, 10 and 15.
async fn usual(desk: &Desk) {
    for n in 0..4 {
        desk.page(&Blog::of(0..20 + n));
        assert_eq!(desk.at(5 * n).await, new(if n == 0 { 20 } else { 1 }), "{:?}", desk.source().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_page_that_falls_out_of_its_norm_is_set_aside_and_explained() {
    let desk = Desk::open(|_| ()).await;
    usual(&desk).await;
    desk.page(&Blog { headlines: false, ..Blog::of(0..30) });
    let Some(Outcome::SetAside(why)) = desk.at(20).await else { panic!("{:?}", desk.source().await) };
    assert!(why.contains("a headline in 0 % of the entries, usually in 100 %"), "{why}");
    let source = desk.source().await;
    assert_eq!((source.health(), source.failures, source.next_due), (Health::SetAside, 1, minute(25)));
    assert_eq!(desk.entries().await, 23, "nothing of it is applied");
    let shown = desk.store.window(&tidings::store::Scope::Everything, 200).await.unwrap();
    assert!(shown.entries.iter().all(|shown| shown.entry.headline.is_some()), "and what was good is served");

    let url = desk.outlet.url("/live");
    let told = desk.run(&["status"]);
    let lines = text(&told.stdout);
    assert_eq!(told.status.code(), Some(1), "{lines}");
    for part in ["SET ASIDE", "a headline in 0 %", &format!("tidings accept {url}"), "(23 entries)"] {
        assert!(lines.contains(part), "{part}: {lines}");
    }
    let told = text(&desk.run(&["explain", "--allow-private", url.as_str()]).stdout);
    for part in ["followed", "usually", "a headline in 100 %", "this page", "not usual  a headline in 0 %"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let json = text(&desk.run(&["explain", "--allow-private", url.as_str(), "--json"]).stdout);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["followed"]["health"], "set_aside");

    // The next page is as usual again, and all of it is taken.
    desk.page(&Blog::of(0..30));
    assert_eq!(desk.at(25).await, new(7));
    assert_eq!(desk.source().await.health(), Health::Well);
    assert_eq!(desk.run(&["status"]).status.code(), Some(0));
}

#[tokio::test]
async fn a_redesign_is_believed_after_half_an_hour() {
    let desk = Desk::open(|_| ()).await;
    usual(&desk).await;
    let redesign = Blog { headlines: false, ..Blog::of(0..30) };
    desk.page(&redesign);
    for at in (20..50).step_by(5) {
        assert!(matches!(desk.at(at).await, Some(Outcome::SetAside(_))), "{at}");
    }
    assert_eq!(desk.entries().await, 23);
    assert!(matches!(desk.at(50).await, Some(Outcome::Changed(Tally { new: 7, .. }))), "{:?}", desk.source().await);
    assert_eq!((desk.entries().await, desk.source().await.health()), (30, Health::Well));
    desk.page(&Blog { headlines: false, ..Blog::of(0..31) });
    assert_eq!(desk.at(55).await, new(1), "and is usual from then on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn somebody_may_accept_a_redesign_at_once() {
    let desk = Desk::open(|_| ()).await;
    usual(&desk).await;
    let url = desk.outlet.url("/live");
    let nothing = desk.run(&["accept", url.as_str()]);
    assert!(nothing.status.code() == Some(2) && text(&nothing.stderr).contains("nothing of it is set aside"), "{nothing:?}");
    let unknown = text(&desk.run(&["accept", "https://news.example/other"]).stderr);
    assert!(unknown.contains("not followed"), "{unknown}");

    desk.page(&Blog { words: "Short.", ..Blog::of(0..30) });
    assert!(matches!(desk.at(20).await, Some(Outcome::SetAside(why)) if why.contains("texts of ")));
    let accepted = desk.run(&["accept", url.as_str()]);
    assert_eq!(accepted.status.code(), Some(0), "{accepted:?}");
    assert!(matches!(desk.at(25).await, Some(Outcome::Changed(Tally { new: 7, .. }))), "{:?}", desk.source().await);
}

#[tokio::test]
async fn fewer_entries_than_ever_are_not_believed() {
    let desk = Desk::open(|_| ()).await;
    usual(&desk).await;
    desk.page(&Blog::of(20..23));
    assert!(matches!(desk.at(20).await, Some(Outcome::SetAside(why)) if why.contains("3 entries, usually 2")));
    assert_eq!(desk.entries().await, 23);
}

#[tokio::test]
async fn a_wall_is_named_and_takes_nothing_away() {
    let desk = Desk::open(|_| ()).await;
    usual(&desk).await;
    let wall = "<!doctype html><title>Before you continue</title><link rel=canonical href='https://lake.example/live/ice'>\
        <form action='https://consent.lake.example/'>We value your privacy</form>";
    desk.outlet.answer("/live", Answer::html(wall));
    let outcome = desk.at(20).await.unwrap();
    let (Outcome::Failed(told) | Outcome::Empty(told)) = &outcome else { panic!("{outcome:?}") };
    assert!(told.contains("it looks like a consent wall, titled “Before you continue”"), "{told}");
    let source = desk.source().await;
    assert_eq!((source.health(), desk.entries().await), (Health::Failing, 23));
    desk.page(&Blog::of(0..24));
    assert_eq!(desk.at(60).await, new(1));
}

#[tokio::test]
async fn the_pace_follows_the_live_blog() {
    let desk = Desk::open(|followed| followed.min_every = Duration::from_secs(60)).await;
    desk.page(&Blog::of(0..20));
    desk.at(20).await.unwrap();
    let source = desk.source().await;
    assert_eq!((source.pace_s, source.next_due), (Some(60), minute(21)), "an entry a minute");
    let told = source.next_told(minute(20));
    assert_eq!(told, "next in 1m: entries come 1m apart, so every 1m (from 1m to 5m)");
    desk.at(25).await.unwrap();
    let source = desk.source().await;
    assert_eq!(
        (source.pace_s, source.why.as_deref()),
        (Some(180), Some("quiet since 2022-01-07 12:19 UTC; entries came 1m apart"))
    );
    desk.at(60).await.unwrap();
    assert_eq!(desk.source().await.pace_s, Some(300));
    // A day later, on a page that does not say whether it goes on, it counts as over.
    desk.at(60 * 24 * 3).await.unwrap();
    let source = desk.source().await;
    assert!(source.pace_s.unwrap() > 3600 && source.why.unwrap().starts_with("silent since"), "{:?}", source.pace_s);
}

#[tokio::test]
async fn older_pages_are_read_once_and_to_a_depth() {
    let desk = Desk::open(|followed| followed.older_pages = 3).await;
    let older = |n: i64| Some(desk.outlet.url(&format!("/live?page={n}")).to_string());
    desk.page(&Blog { older: older(2), ..Blog::of(80..100) });
    for n in 2..6 {
        let blog = Blog { older: older(n + 1), ..Blog::of(20 * (5 - n)..20 * (6 - n)) };
        desk.outlet.answer(&format!("/live?page={n}"), blog.page());
    }
    assert_eq!(desk.at(100).await, new(20), "the older pages are not this refresh's news");
    assert_eq!(desk.entries().await, 80, "the page and three older ones");
    let told = desk.source().await.backfill_told().unwrap();
    assert_eq!(told, "3 older pages read, and no further: older_pages are read");
    let shown = desk.store.window(&tidings::store::Scope::Everything, 200).await.unwrap();
    assert_eq!(shown.entries.len(), 20, "what is on older pages is history, not news");
    assert_eq!(desk.source().await.next_due, minute(105));

    desk.page(&Blog { older: older(2), ..Blog::of(81..101) });
    assert_eq!(desk.at(105).await, new(1));
    assert_eq!(desk.outlet.asked().len(), 1 + 3 + 1, "and once");
}

#[tokio::test]
async fn an_older_page_that_fails_is_tried_again_and_then_given_up() {
    let desk = Desk::open(|_| ()).await;
    let older = Some(desk.outlet.url("/older").to_string());
    desk.outlet.answers("/older", [Answer::status(500), Blog::of(60..80).page()]);
    for (n, read) in [(0, 20), (1, 41)] {
        desk.page(&Blog { older: older.clone(), ..Blog::of(80..100 + n) });
        desk.at(100 + 5 * n).await.unwrap();
        assert_eq!(desk.entries().await, read);
    }
    assert_eq!(desk.source().await.backfill_told().as_deref(), Some("1 older page read"));

    for (answer, reason) in [
        (Answer::status(404), "404"),
        (Answer::html("<!doctype html><title>Sorry</title>"), "titled “Sorry”"),
        (Answer::redirect("/live"), "loop"),
    ] {
        let desk = Desk::open(|_| ()).await;
        let older = Some(desk.outlet.url("/older").to_string());
        desk.outlet.answer("/older", answer);
        for n in 0..5 {
            desk.page(&Blog { older: older.clone(), ..Blog::of(80..100 + n) });
            desk.at(100 + 5 * n).await.unwrap();
        }
        let asked = desk.outlet.asked().iter().filter(|asked| asked.path == "/older").count();
        assert!((1..=3).contains(&asked), "{asked}");
        let source = desk.source().await;
        assert_eq!((source.health(), desk.entries().await), (Health::Well, 24), "it is no failure of the live blog");
        let told = source.backfill_told().unwrap();
        assert!(told.contains(reason) || told.contains("older page"), "{told}");
    }
}

#[tokio::test]
async fn only_older_pages_of_the_same_live_blog_are_read() {
    let elsewhere = OutletServer::start().await;
    elsewhere.answer("/older", Blog::of(0..20).page());
    let there = elsewhere.url("/older").as_str().replace("127.0.0.1", "localhost");
    for older in [there.as_str(), "/live", "ftp://127.0.0.1/older", "http://"] {
        let desk = Desk::open(|_| ()).await;
        desk.page(&Blog { older: Some(older.to_owned()), ..Blog::of(80..100) });
        desk.at(100).await.unwrap();
        assert_eq!((desk.source().await.backfill, desk.entries().await), (None, 20), "{older}");
    }
    assert_eq!(elsewhere.asked().len(), 0);

    let desk = Desk::open(|followed| followed.older_pages = 0).await;
    desk.page(&Blog { older: Some("/older".to_owned()), ..Blog::of(80..100) });
    desk.at(100).await.unwrap();
    assert_eq!((desk.source().await.backfill, desk.outlet.asked().len()), (None, 1), "none are wanted");
}

/// After a while away the page shows nothing that is known: what lies between is on older pages.
#[tokio::test]
async fn who_has_been_away_goes_back_again() {
    let desk = Desk::open(|_| ()).await;
    let older = Some(desk.outlet.url("/older").to_string());
    desk.outlet.answers("/older", [Blog::of(60..80).page(), Blog::of(200..220).page()]);
    desk.page(&Blog { older: older.clone(), ..Blog::of(80..100) });
    desk.at(100).await.unwrap();
    assert_eq!(desk.entries().await, 40);
    desk.page(&Blog { older, ..Blog::of(220..240) });
    desk.at(100 + 60 * 24).await.unwrap();
    assert_eq!(desk.entries().await, 80, "{:?}", desk.source().await.backfill);
}

#[test]
fn status_without_a_store_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for command in [&["status"][..], &["accept", "https://news.example/live"]] {
        let told = tidings(folder.path(), command);
        assert!(told.status.code() == Some(2) && text(&told.stderr).contains("nothing has been followed yet"), "{told:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "and leaves nothing behind");
}
