//! What a query finds: against reading everything and looking oneself, and against what the same query found at the time.

use chrono::{DateTime, TimeDelta, Utc};
use tempfile::TempDir;
use tidings::identity::blog_id;
use tidings::model::{Entry, LiveBlog, Mark, Stamp, Told};
use tidings::reconcile::Reading;
use tidings::store::{Edits, Query, Scope, Shown, Store, Topic, Window, Words};

use crate::sample::{blog, entry, minute, stamp};

mod tally;

struct Desk {
    _folder: TempDir,
    store: Store,
}

impl Desk {
    async fn new() -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("tidings.db")).await.unwrap();
        Desk { _folder: folder, store }
    }

    async fn save(&self, seen: i64, read: &LiveBlog) {
        self.store.save(&Reading::new(read, minute(seen)), None, None).await.unwrap();
    }

    async fn history(&self, seen: i64, read: &LiveBlog) {
        self.store.save(&Reading { history: true, ..Reading::new(read, minute(seen)) }, None, None).await.unwrap();
    }

    async fn select(&self, query: &Query) -> Window {
        self.store.select(query).await.unwrap()
    }

    async fn keys(&self, query: &Query) -> Vec<String> {
        self.select(query).await.entries.iter().map(|shown| shown.entry.key.clone()).collect()
    }

    /// Every entry as it stands, with its live blog.
    async fn all(&self) -> Vec<Shown> {
        let mut all = Vec::new();
        for stored in self.store.blogs().await.unwrap() {
            let head = std::sync::Arc::new(stored.head.clone());
            for found in self.store.entries_of(stored.head.id).await.unwrap() {
                let (entry, at) = (std::sync::Arc::new(found.entry), found.life.changed);
                all.push(Shown {
                    head: head.clone(),
                    entry,
                    life: found.life,
                    told: Told::Entry,
                    at,
                    place: 0,
                    story: None,
                });
            }
        }
        all
    }
}

fn everything(limit: usize) -> Query {
    Query::new(Scope::Everything, limit)
}

fn at(at: DateTime<Utc>) -> Stamp {
    Stamp { at, ..stamp(0) }
}

fn words(text: &str) -> Option<Words> {
    Some(Words::parse(text).unwrap())
}

/// Numbers that look like chance and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len() as u64) as usize].clone()
    }
}

const WORDS: [&str; 6] = ["harbour", "ferry", "late", "wind", "sluice", "Müller"];
const NAMES: [&str; 4] = ["Ann Rower", "Bo Ng", "Anna Rowan", "Jörg Ähre"];

fn said(dice: &mut Dice, key: &str, at: i64) -> Entry {
    let body: Vec<_> = (0..4).map(|_| dice.pick(&WORDS)).collect();
    Entry {
        headline: Some(format!("{} {key}", dice.pick(&WORDS))),
        byline: vec![dice.pick(&NAMES).into()],
        body_text: body.join(" "),
        body_html: format!("<p>{}</p>", body.join(" ")),
        marks: if dice.roll(4) == 0 { vec![Mark::KeyEvent] } else { Vec::new() },
        ..entry(key, at)
    }
}

/// A life of six live blogs of three outlets, in which everything happens that can, several changes within one second too.
/// `told` is called after each save.
async fn live(seed: u64, steps: i64, mut told: impl AsyncFnMut(&Desk)) -> Desk {
    let desk = Desk::new().await;
    let mut dice = Dice(seed);
    let mut pages: Vec<LiveBlog> =
        (0..6).map(|n| blog(["lake", "river", "sea"][n % 3], &n.to_string(), Vec::new())).collect();
    for step in 0..steps {
        let page = &mut pages[dice.roll(6) as usize];
        page.withdrawn.clear();
        let now = step / 2;
        match dice.roll(12) {
            0..=3 => {
                for nth in 0..=dice.roll(3) {
                    let at = now - dice.roll(30) as i64;
                    page.entries.push(said(&mut dice, &format!("{step}-{nth}"), at));
                }
            }
            4 | 5 if !page.entries.is_empty() => {
                let nth = dice.roll(page.entries.len() as u64) as usize;
                let (key, at) = (page.entries[nth].key.clone(), page.entries[nth].published.at);
                let edited = said(&mut dice, &key, (at - minute(0)).num_minutes());
                page.entries[nth] = edited;
            }
            6 if !page.entries.is_empty() => {
                let nth = dice.roll(page.entries.len() as u64) as usize;
                page.entries[nth].marks = vec![Mark::Pinned, Mark::KeyEvent];
            }
            7 if !page.entries.is_empty() => {
                let nth = dice.roll(page.entries.len() as u64) as usize;
                let gone = page.entries.remove(nth);
                page.withdrawn.push(gone.key.clone());
                desk.save(now, page).await;
                told(&desk).await;
                if dice.roll(2) == 0 {
                    page.withdrawn.clear();
                    page.entries.push(gone);
                }
            }
            8 => page.head.headline = format!("Storm, part {step}"),
            9 if !page.entries.is_empty() => {
                let older = LiveBlog {
                    entries: (0..3).map(|n| said(&mut dice, &format!("h{step}-{n}"), -200 - step)).collect(),
                    ..page.clone()
                };
                desk.history(now, &older).await;
                told(&desk).await;
            }
            _ => {}
        }
        page.entries.sort_by_key(|entry| std::cmp::Reverse(entry.published.at));
        page.entries = page.entries.iter().cloned().map(|entry| with_id(page, entry)).collect();
        // A live blog without entries is in no log.
        if !page.entries.is_empty() {
            desk.save(now, page).await;
            told(&desk).await;
        }
    }
    desk
}

fn with_id(page: &LiveBlog, entry: Entry) -> Entry {
    Entry { id: tidings::identity::entry_id(&page.head.outlet, &page.head.key, &entry.key), ..entry }
}

/// Queries of every kind, each alone and together.
fn queries() -> Vec<Query> {
    let topic = Topic { name: "a".into(), title: "A".into(), blogs: vec![blog_id("river", "1"), blog_id("lake", "0")] };
    let scopes = [Scope::Everything, Scope::Outlet("lake".into()), Scope::Blog(blog_id("river", "1")), Scope::Topic(topic)];
    let mut all = Vec::new();
    for scope in scopes {
        let plain = Query::new(scope.clone(), 20);
        let filtered = [
            plain.clone(),
            Query { unarchived: true, limit: 3, ..plain.clone() },
            Query { outlets: vec!["lake".into(), "sea".into()], ..plain.clone() },
            Query { text: words("ferry"), ..plain.clone() },
            Query { text: words("\"ferry late\" harbour"), limit: 5, ..plain.clone() },
            Query { text: words("muller"), author: words("ann rower"), ..plain.clone() },
            Query { key_events: true, limit: 4, ..plain.clone() },
            Query { key_events: true, outlets: vec!["river".into()], author: words("ahre"), ..plain.clone() },
            Query { since: Some(minute(-100)), until: Some(minute(40)), ..plain.clone() },
            Query {
                until: Some(minute(60)),
                text: words("wind"),
                outlets: vec!["river".into(), "lake".into()],
                ..plain.clone()
            },
            Query { since: Some(minute(30)), key_events: true, ..plain.clone() },
        ];
        for query in filtered {
            for edits in [Edits::Inplace, Edits::Append, Edits::Corrections] {
                all.push(Query { edits, unarchived: query.unarchived && edits == Edits::Inplace, ..query.clone() });
            }
        }
        all.push(Query { edits: Edits::Append, withdrawals: true, ..plain });
    }
    all
}

#[tokio::test]
async fn a_window_as_it_stood_is_the_window_that_was() {
    let all = queries();
    let mut recorded: Vec<(DateTime<Utc>, Vec<Window>)> = Vec::new();
    let desk = live(1, 90, async |desk: &Desk| {
        let generation = desk.store.generation().await.unwrap();
        let Some(now) = desk.store.position(generation).await.unwrap() else { return };
        if recorded.last().is_some_and(|(at, _)| *at == now.at) {
            return;
        }
        let mut windows = Vec::new();
        for query in &all {
            windows.push(desk.select(query).await);
        }
        recorded.push((now.at, windows));
    })
    .await;
    assert!(recorded.len() > 50, "{}", recorded.len());
    let shown: usize = recorded.last().unwrap().1.iter().map(|window| window.entries.len()).sum();
    assert!(shown > 300, "{shown}");
    for (nth, (at, windows)) in recorded.iter().enumerate() {
        // From its first instant to its last.
        let until = recorded.get(nth + 1).map_or(*at + TimeDelta::days(1), |(next, _)| *next);
        let as_of = [*at, until - TimeDelta::milliseconds(1)][nth % 2];
        for (query, then) in all.iter().zip(windows) {
            let asked = Query { as_of: Some(as_of), ..query.clone() };
            let stood = desk.select(&asked).await;
            assert_eq!(stood.entries, then.entries, "{asked:?}");
            let about = |window: &Window| (window.changed, window.position, window.archived);
            assert_eq!(about(&stood), about(then), "{asked:?}");
        }
    }
    let before = desk.select(&Query { as_of: Some(minute(-1)), ..everything(9) }).await;
    assert_eq!((before.entries.len(), before.changed, before.blogs), (0, None, Some(Vec::new())));
}

/// Reads everything and looks.
fn found<'a>(all: &'a [Shown], query: &Query, needles: &[&str], author: Option<&str>) -> Vec<&'a Shown> {
    let folded = |text: &str| text.to_lowercase().replace('ü', "u").replace('ö', "o").replace('ä', "a");
    let mut found: Vec<&Shown> = all
        .iter()
        .filter(|shown| match &query.scope {
            Scope::Everything => true,
            Scope::Outlet(slug) => shown.head.outlet == *slug,
            Scope::Blog(id) => shown.head.id == *id,
            Scope::Topic(topic) => topic.blogs.contains(&shown.head.id),
        })
        .filter(|shown| query.outlets.is_empty() || query.outlets.contains(&shown.head.outlet))
        .filter(|shown| query.since.is_none_or(|since| shown.entry.published.at >= since))
        .filter(|shown| query.until.is_none_or(|until| shown.entry.published.at < until))
        .filter(|shown| !query.key_events || shown.entry.marks.contains(&Mark::KeyEvent))
        .filter(|shown| author.is_none_or(|name| shown.entry.byline.iter().any(|by| folded(by).contains(name))))
        .filter(|shown| {
            let fields = [shown.entry.headline.as_deref().unwrap_or_default(), &shown.entry.body_text];
            needles.iter().all(|needle| fields.iter().any(|field| folded(field).contains(needle)))
        })
        .collect();
    found.sort_by(|one, other| {
        let by_time = other.entry.published.at.cmp(&one.entry.published.at);
        by_time.then_with(|| one.entry.id.cmp(&other.entry.id))
    });
    found
}

#[tokio::test]
async fn a_search_finds_what_is_there() {
    let desk = live(3, 150, async |_: &Desk| {}).await;
    let all = desk.all().await;
    let time = (Some(minute(-10_000)), Some(minute(10_000)));
    let mut hits = 0;
    let joined = |blogs: &[(&str, &str)]| {
        let blogs = blogs.iter().map(|(outlet, key)| blog_id(outlet, key)).collect();
        Scope::Topic(Topic { name: "storm".into(), title: "A storm".into(), blogs })
    };
    for scope in [
        Scope::Everything,
        Scope::Outlet("sea".into()),
        Scope::Blog(blog_id("lake", "0")),
        joined(&[("lake", "0"), ("sea", "0")]),
        joined(&[]),
    ] {
        for (text, needles) in [
            ("", &[][..]),
            ("FERRY", &["ferry"][..]),
            ("\"wind late\"", &["wind late"]),
            ("harbour müller", &["harbour", "muller"]),
        ] {
            for author in [None, Some("ann rower"), Some("jorg ahre")] {
                for (key_events, outlets) in [(false, &[][..]), (true, &[]), (false, &["sea", "lake"])] {
                    let query = Query {
                        since: time.0,
                        until: time.1,
                        text: (!text.is_empty()).then(|| Words::parse(text).unwrap()),
                        author: author.map(|name| Words::phrase(name).unwrap()),
                        key_events,
                        outlets: outlets.iter().map(|slug| slug.to_string()).collect(),
                        ..Query::new(scope.clone(), 1000)
                    };
                    let expected = found(&all, &query, needles, author);
                    let mut expected: Vec<_> = expected.iter().map(|shown| shown.entry.key.as_str()).collect();
                    let mut keys = desk.keys(&query).await;
                    // Of one instant, rank decides and not the id.
                    expected.sort_unstable();
                    keys.sort_unstable();
                    assert_eq!(keys, expected, "{query:?}");
                    hits += keys.len();
                    // A shorter one has the beginning of it, whatever the index.
                    let few = desk.select(&Query { limit: 3, ..query.clone() }).await;
                    let whole = desk.select(&query).await;
                    let instants = |window: &Window| {
                        window.entries.iter().take(3).map(|shown| shown.entry.published.at).collect::<Vec<_>>()
                    };
                    assert_eq!(instants(&few), instants(&whole), "{query:?}");
                }
            }
        }
    }
    assert!(hits > 500, "{hits}");
}

#[tokio::test]
async fn a_time_is_bounded_on_both_sides_and_finds_history() {
    let desk = Desk::new().await;
    desk.save(10, &blog("lake", "1", vec![entry("c", 9), entry("b", 8)])).await;
    desk.history(11, &blog("lake", "1", vec![entry("a", -100)])).await;
    assert_eq!(desk.keys(&everything(9)).await, ["c", "b"]);
    assert_eq!(desk.keys(&Query { text: words("ferry"), ..everything(9) }).await, ["c", "b"]);
    let since = |at| Query { since: Some(minute(at)), ..everything(9) };
    let until = |at| Query { until: Some(minute(at)), ..everything(9) };
    assert_eq!(desk.keys(&since(8)).await, ["c", "b"]);
    assert_eq!(desk.keys(&since(-100)).await, ["c", "b", "a"]);
    assert_eq!(desk.keys(&until(9)).await, ["b", "a"]);
    assert_eq!(desk.keys(&until(-99)).await, ["a"]);
    assert_eq!(desk.keys(&Query { text: words("ferry"), ..until(9) }).await, ["b", "a"]);
    assert_eq!(desk.keys(&Query { since: Some(minute(8)), ..until(9) }).await, ["b"]);
    // Dated a day later than it was seen.
    desk.save(12, &blog("lake", "1", vec![entry("d", 1452)])).await;
    assert_eq!(desk.keys(&since(12)).await, ["d"]);
    assert_eq!(desk.keys(&until(13)).await, ["d", "c", "b", "a"]);
}

/// A page without times puts them all on one second.
#[tokio::test]
async fn many_entries_of_one_second_are_all_found() {
    let desk = Desk::new().await;
    let entries = (0..300).map(|n| Entry { headline: Some(format!("Boat {n}")), ..entry(&n.to_string(), 5) }).collect();
    desk.save(10, &blog("lake", "1", entries)).await;
    desk.save(11, &blog("lake", "2", vec![entry("next", 6), entry("before", 4)])).await;
    let at_five = Query { since: Some(minute(5)), until: Some(minute(5) + TimeDelta::seconds(1)), ..everything(1000) };
    assert_eq!(desk.keys(&at_five).await.len(), 300);
    assert_eq!(desk.keys(&Query { text: words("boat"), ..at_five.clone() }).await.len(), 300);
    let newest = desk.keys(&Query { since: Some(minute(0)), ..everything(2) }).await;
    assert_eq!(newest[0], "next");
    assert_eq!(desk.keys(&Query { until: Some(minute(5)), ..everything(9) }).await, ["before"]);
}

/// A second has places for 64, and what it has no place for stands in the next ones: an end of time may lie anywhere among them.
#[tokio::test]
async fn entries_that_ran_over_into_later_seconds_end_where_their_own_does() {
    for many in [1, 63, 64, 65, 127, 128, 129, 300] {
        let desk = Desk::new().await;
        let entries = (0..many).map(|n| entry(&n.to_string(), 5)).collect();
        desk.save(10, &blog("lake", "1", entries)).await;
        let second =
            |second| Entry { published: at(minute(5) + TimeDelta::seconds(second)), ..entry(&format!("+{second}"), 5) };
        desk.save(11, &blog("lake", "2", vec![second(1), second(2), second(-1)])).await;
        let until = |end| Query { until: Some(minute(5) + end), ..everything(1000) };
        for (end, found) in [
            (TimeDelta::seconds(-1), 0),
            (TimeDelta::zero(), 1),
            (TimeDelta::milliseconds(1), many + 1),
            (TimeDelta::seconds(1), many + 1),
            (TimeDelta::milliseconds(1001), many + 2),
            (TimeDelta::seconds(2), many + 2),
            (TimeDelta::milliseconds(2001), many + 3),
            (TimeDelta::hours(1), many + 3),
        ] {
            let query = until(end);
            assert_eq!(desk.keys(&query).await.len(), found, "{many} entries, until {end}");
            assert_eq!(
                desk.keys(&Query { text: words("ferry"), ..query }).await.len(),
                found,
                "{many} entries, until {end}"
            );
        }
    }
}

/// What people type is never a program.
#[tokio::test]
async fn words_are_words() {
    let desk = Desk::new().await;
    let body = "Don't stop: 3.5 m at 10:30 — O'Neil's NEAR miss, AT&T \u{1F6A2} 火灾 naïve_case";
    desk.save(10, &blog("lake", "1", vec![Entry { body_text: body.into(), ..entry("a", 1) }])).await;
    for text in [
        "don't",
        "DON’T stop",
        "3.5",
        "10:30",
        "o'neil",
        "near",
        "NEAR(miss)",
        "at&t",
        "火灾",
        "naive",
        "\"don't stop\"",
        "stop*",
        "{body}miss",
        "(miss",
        "miss)",
        "^don",
        "+miss -stop",
        "body:miss",
        "a\0miss",
    ] {
        let query = Query { text: words(text), ..everything(9) };
        let hit = desk.store.select(&query).await.unwrap_or_else(|error| panic!("{text}: {error}")).entries.len();
        let expected = !matches!(text, "{body}miss" | "body:miss" | "a\0miss");
        assert_eq!(hit == 1, expected, "{text}");
    }
    for nonsense in ["½", "ʰ", "\u{FFFF}a", "ª OR b", "\u{200D}x"] {
        let query = Query { text: words(nonsense), author: words(nonsense), ..everything(9) };
        desk.store.select(&query).await.unwrap_or_else(|error| panic!("{nonsense}: {error}"));
    }
}

#[tokio::test]
async fn edits_are_told_in_three_ways() {
    let desk = Desk::new().await;
    let mut page = blog("lake", "1", vec![entry("b", 2), entry("a", 1)]);
    page.entries[1].body_text = "The ferry a waits for the wind to drop, as do all boats on the lake.".into();
    desk.save(10, &page).await;
    page.entries[1].body_text = "The ferry a waits for the wind to drop, as do all ships on the lake.".into();
    desk.save(20, &page).await;
    page.entries[1].headline = Some("Ferry a has sailed".into());
    desk.save(30, &page).await;
    let told = async |edits, withdrawals| {
        let window = desk.select(&Query { edits, withdrawals, ..everything(9) }).await;
        window
            .entries
            .iter()
            .map(|shown| {
                (shown.entry.key.clone(), shown.told, shown.life.revision, (shown.dated() - minute(0)).num_minutes())
            })
            .collect::<Vec<_>>()
    };
    let row = |key: &str, told, revision, at| (key.to_owned(), told, revision, at);
    let (own, edit, gone) = (Told::Entry, Told::Edit, Told::Withdrawal);
    assert_eq!(told(Edits::Inplace, false).await, [row("b", own, 1, 2), row("a", own, 3, 1)]);
    let appended = [row("a", edit, 3, 30), row("a", edit, 2, 20), row("b", own, 1, 2), row("a", own, 1, 1)];
    assert_eq!(told(Edits::Append, false).await, appended);
    let window = desk.select(&Query { edits: Edits::Append, ..everything(9) }).await;
    assert!(window.entries[3].entry.body_text.contains("boats"), "as it was first published");
    assert!(window.entries[1].entry.body_text.contains("ships"));
    assert_eq!(window.entries[1].entry.headline.as_deref(), Some("Ferry a is late"));
    // The first edit changed one word of many; the headline always counts.
    assert_eq!(told(Edits::Corrections, false).await, [row("a", edit, 3, 30)]);

    desk.save(40, &LiveBlog { withdrawn: vec!["b".into()], entries: vec![page.entries[1].clone()], ..page.clone() }).await;
    assert_eq!(told(Edits::Corrections, false).await, [row("b", gone, 1, 40), row("a", edit, 3, 30)]);
    assert_eq!(told(Edits::Append, true).await[0], row("b", gone, 1, 40));
    assert_eq!(told(Edits::Append, false).await, appended);
    let window = desk.select(&Query { edits: Edits::Append, ..everything(9) }).await;
    assert_eq!(window.entries[2].life.withdrawn, Some(minute(40)), "whatever moment is told of");
    assert_eq!((window.entries[2].at, window.entries[3].at), (minute(40), minute(10)));
    // Given back, it was never corrected.
    desk.save(50, &page).await;
    assert_eq!(told(Edits::Corrections, false).await, [row("a", edit, 3, 30)]);
    assert_eq!(told(Edits::Append, true).await, appended);
    // A limit counts items.
    assert_eq!(desk.keys(&Query { edits: Edits::Append, ..everything(3) }).await, ["a", "a", "b"]);
    assert_eq!(desk.keys(&Query { edits: Edits::Append, text: words("ferry"), ..everything(3) }).await, ["a", "a", "b"]);
}
