//! Reconciling: what a later capture may change of what is stored, and what it never may.

use std::collections::{BTreeSet, HashMap};

use chrono::TimeDelta;
use proptest::prelude::*;
use tidings::model::{CoverageState, Entry, LiveBlog, Mark, Origin, Precision, Stamp};
use tidings::reconcile::{Changes, Known, KnownEntry, Lacking, Part, Reading, Settled};
use uuid::Uuid;

use crate::sample::{blog, entry, minute, stamp};

/// What is known once `changes` are written, as the store writes them.
fn written(mut known: Known, changes: &Changes, seen: i64) -> Known {
    let kept = |settled: &Settled| KnownEntry {
        id: settled.entry.id,
        key: settled.entry.key.clone(),
        published: settled.entry.published.clone(),
        entry: Some(Box::new(settled.entry.clone())),
        rank: settled.rank,
        revision: settled.revision,
        content_hash: settled.content_hash,
        shown_hash: settled.shown_hash,
        plain: settled.plain,
        edge: settled.edge,
        missing: None,
        withdrawn: false,
    };
    known.head = changes.head.clone().or(known.head);
    known.seen = known.seen.max(Some(minute(seen)));
    for settled in changes.edited.iter().chain(&changes.touched) {
        let stored = known.entries.iter_mut().find(|stored| stored.id == settled.entry.id).unwrap();
        *stored = kept(settled);
    }
    known.entries.extend(changes.new.iter().map(kept));
    known
}

/// The same, what each entry says being left out.
fn bare(known: &Known) -> Known {
    let entries = known.entries.iter().map(|stored| KnownEntry { entry: None, ..stored.clone() });
    Known { entries: entries.collect(), ..known.clone() }
}

/// What `reading` changes, and which entries had to be looked up for that, each time that some had to.
fn reconcile_bare(known: &Known, reading: &Reading) -> (Changes, Vec<BTreeSet<Uuid>>) {
    let (mut bare, mut asked) = (bare(known), Vec::new());
    loop {
        match tidings::reconcile::reconcile(&bare, reading) {
            Ok(changes) => return (changes, asked),
            Err(Lacking(ids)) => {
                assert!(!ids.is_empty());
                for id in &ids {
                    let place = known.entries.iter().position(|stored| stored.id == *id).unwrap();
                    assert!(bare.entries[place].entry.is_none(), "nothing is looked up twice");
                    bare.entries[place].entry.clone_from(&known.entries[place].entry);
                }
                asked.push(ids);
            }
        }
    }
}

/// What `reading` changes, however much of what is known is handed in from the start.
fn reconcile(known: &Known, reading: &Reading) -> Changes {
    let changes = tidings::reconcile::reconcile(known, reading).unwrap();
    let (asked_for, asked) = reconcile_bare(known, reading);
    assert_eq!(asked_for, changes);
    // Words of ids that were dated anew, what all entries say, ids that mean another, what is left, what differs.
    assert!(asked.len() <= 5, "each step asks once: {asked:?}");
    changes
}

/// What is known after these readings, each with the minute of its capture.
fn after(readings: &[(i64, &LiveBlog)]) -> Known {
    readings.iter().fold(Known::default(), |known, (seen, read)| {
        let changes = reconcile(&known, &Reading::new(read, minute(*seen)));
        written(known, &changes, *seen)
    })
}

fn one(entry: Entry) -> LiveBlog {
    blog("lake", "1", vec![entry])
}

fn edited(base: &Entry, stored: &LiveBlog, seen: i64) -> Entry {
    let changes = reconcile(&after(&[(10, stored)]), &Reading::new(&one(base.clone()), minute(seen)));
    assert_eq!((changes.new.len(), changes.edited.len(), changes.touched.len()), (0, 1, 0));
    changes.edited[0].entry.clone()
}

#[test]
fn each_part_of_the_content_moves_updated_to_the_capture() {
    let base = entry("a", 1);
    let image =
        tidings::model::Image { url: "https://lake.example/b.jpg".into(), caption: None, width: None, height: Some(3) };
    let variants = [
        Entry { headline: None, ..base.clone() },
        Entry { byline: vec!["Ann".into(), "Rower".into()], ..base.clone() },
        Entry { body_text: "Other.".into(), ..base.clone() },
        Entry { images: vec![image], ..base.clone() },
    ];
    let change_seen =
        Stamp { at: minute(20), precision: Precision::Second, printed: None, origin: Origin::ChangeSeen, zone: None };
    for variant in variants {
        assert_eq!(edited(&variant, &one(base.clone()), 20).updated, Some(change_seen.clone()), "{variant:?}");
    }
}

#[test]
fn the_outlets_own_stamp_dates_an_edit_where_it_is_news() {
    let stored = one(Entry { updated: Some(stamp(5)), ..entry("a", 1) });
    let edit = |updated| Entry { headline: Some("It sails".into()), updated, ..entry("a", 1) };
    assert_eq!(edited(&edit(Some(stamp(15))), &stored, 20).updated, Some(stamp(15)));
    let at = |updated| edited(&edit(updated), &stored, 20).updated.unwrap().at;
    assert_eq!(at(Some(stamp(5))), minute(20), "no later than what is stored");
    assert_eq!(at(Some(stamp(4))), minute(20), "earlier than what is stored");
    assert_eq!(at(Some(stamp(500))), minute(20), "a stamp of the future is not believed");
    assert_eq!(at(None), minute(20));
}

#[test]
fn what_is_not_content_changes_nothing() {
    let base = Entry { marks: vec![Mark::Pinned, Mark::Summary], ..entry("a", 1) };
    let known = after(&[(10, &one(base.clone()))]);
    for same in [
        Entry { updated: Some(stamp(15)), ..base.clone() },
        Entry { marks: vec![Mark::Summary, Mark::Pinned, Mark::Pinned], ..base.clone() },
        Entry {
            problems: vec![tidings::model::Problem::new(tidings::model::ProblemCode::Gap, "never was")],
            ..base.clone()
        },
        Entry { published: stamp(2), ..base.clone() },
    ] {
        let changes = reconcile(&known, &Reading::new(&one(same), minute(20)));
        assert!(changes.is_empty() && changes.unchanged == 1, "{changes:?}");
    }
}

#[test]
fn what_stands_around_the_words_is_written_and_leaves_updated_alone() {
    let stored = one(Entry { updated: Some(stamp(5)), ..entry("a", 1) });
    let base = Entry { updated: Some(stamp(15)), ..entry("a", 1) };
    for (variant, part) in [
        (Entry { permalink: Some("https://new.example/a".into()), ..base.clone() }, Part::Permalink),
        (Entry { marks: vec![Mark::Breaking], ..base.clone() }, Part::Marks),
        (Entry { body_html: "<p>The <b>ferry</b> a waits.</p>".into(), ..base.clone() }, Part::Markup),
    ] {
        let changes = reconcile(&after(&[(10, &stored)]), &Reading::new(&one(variant), minute(20)));
        assert_eq!((changes.edited.len(), changes.touched.len()), (0, 1));
        assert_eq!((&changes.touched[0].entry.updated, &*changes.touched[0].parts), (&Some(stamp(5)), &[part][..]));
    }
}

#[test]
fn an_entry_first_seen_without_a_time_stays_where_it_was_filed() {
    let known = after(&[(10, &one(Entry { published: Stamp::first_seen(minute(10)), ..entry("a", 1) }))]);
    let again = one(Entry { published: Stamp::first_seen(minute(20)), ..entry("a", 1) });
    assert!(reconcile(&known, &Reading::new(&again, minute(20))).is_empty());
    let printed = one(Entry { headline: Some("With a time now".into()), ..entry("a", 1) });
    let changes = reconcile(&known, &Reading::new(&printed, minute(20)));
    assert_eq!(changes.edited[0].entry.published, Stamp::first_seen(minute(10)));
}

#[test]
fn the_first_of_two_entries_with_one_id_is_taken() {
    let pinned = Entry { headline: Some("On top".into()), ..entry("a", 1) };
    let read = blog("lake", "1", vec![pinned.clone(), entry("b", 2), entry("a", 1)]);
    let changes = reconcile(&Known::default(), &Reading::new(&read, minute(10)));
    assert_eq!(changes.new.len(), 2);
    assert!(changes.new.iter().any(|settled| settled.entry.headline == pinned.headline));
}

#[test]
fn an_older_capture_only_adds() {
    let newest = blog("lake", "1", vec![entry("b", 2)]);
    let mut old = blog("lake", "1", vec![Entry { headline: Some("As it was".into()), ..entry("b", 2) }, entry("a", 1)]);
    old.head.headline = "As the page was".into();
    let changes = reconcile(&after(&[(10, &newest)]), &Reading::new(&old, minute(5)));
    assert_eq!(changes.new.iter().map(|settled| &*settled.entry.key).collect::<Vec<_>>(), ["a"]);
    assert_eq!((&changes.head, changes.edited.len(), changes.unchanged), (&None, 0, 1));
}

#[test]
fn a_page_that_knows_less_of_itself_is_no_news() {
    let mut rich = blog("lake", "1", vec![entry("a", 1)]);
    rich.head.standfirst = Some("All day".into());
    rich.head.coverage.started = Some(minute(0));
    let known = after(&[(10, &rich)]);
    let mut poor = rich.clone();
    poor.head.url = None;
    poor.head.language = None;
    poor.head.standfirst = None;
    poor.head.coverage = tidings::model::Coverage::default();
    assert!(reconcile(&known, &Reading::new(&poor, minute(11))).is_empty());
    poor.head.coverage.state = CoverageState::Ended;
    let head = reconcile(&known, &Reading::new(&poor, minute(11))).head.unwrap();
    assert_eq!((head.coverage.state, head.coverage.started), (CoverageState::Ended, Some(minute(0))));
}

/// A capture: its minute, and its entries as (key, minute published, text, minute updated).
type Capture = (i64, Vec<(u8, i64, u8, Option<i64>)>);

#[test]
fn only_what_is_compared_is_looked_up() {
    let all: Vec<Entry> = (0..200).map(|n| entry(&n.to_string(), n)).collect();
    let known = after(&[(300, &blog("lake", "1", all.iter().rev().cloned().collect()))]);
    let shown = |change: &dyn Fn(&mut Vec<Entry>)| {
        let mut entries: Vec<Entry> = all[188..].iter().rev().cloned().collect();
        change(&mut entries);
        let (changes, asked) = reconcile_bare(&known, &Reading::new(&blog("lake", "1", entries), minute(301)));
        let looked_up: usize = asked.iter().map(BTreeSet::len).sum();
        ((changes.new.len(), changes.edited.len(), changes.unchanged), looked_up)
    };
    assert_eq!(shown(&|_| ()), ((0, 0, 12), 0));
    assert_eq!(shown(&|entries| entries.insert(0, entry("200", 200))), ((1, 0, 12), 0));
    assert_eq!(shown(&|entries| entries[3].headline = Some("Another one".into())), ((0, 1, 11), 1));
    // Its minute has an entry already that is not on the page: it may be the same under another id.
    let other = Entry { headline: Some("Nothing of that".into()), body_text: "The dam holds.".into(), ..entry("x", 100) };
    assert_eq!(shown(&|entries| entries.push(other.clone())), ((1, 0, 12), 1));
}

fn captures() -> impl Strategy<Value = Vec<Capture>> {
    let line = (0u8..8, 0i64..4, 0u8..3, proptest::option::of(0i64..60));
    proptest::collection::vec((0i64..60, proptest::collection::vec(line, 0..10)), 1..8)
}

fn page((_, lines): &Capture) -> LiveBlog {
    let entries = lines.iter().map(|(key, at, text, updated)| Entry {
        headline: Some(format!("Text {text}")),
        updated: updated.map(stamp),
        ..entry(&key.to_string(), *at)
    });
    blog("lake", "1", entries.collect())
}

proptest! {
    #[test]
    fn nothing_stored_is_ever_lost_or_moved(captures in captures()) {
        let mut known = Known::default();
        for capture in &captures {
            let (seen, read) = (capture.0, page(capture));
            let changes = reconcile(&known, &Reading::new(&read, minute(seen)));
            let next = written(known.clone(), &changes, seen);
            let by_id: HashMap<Uuid, &KnownEntry> = next.entries.iter().map(|entry| (entry.id, entry)).collect();
            prop_assert_eq!(by_id.len(), next.entries.len(), "each id once");
            for entry in &read.entries {
                prop_assert!(by_id.contains_key(&entry.id), "what stood on the page is stored");
            }
            for old in &known.entries {
                let new = by_id[&old.id];
                prop_assert_eq!((&new.published, new.rank), (&old.published, old.rank));
                let updated = |entry: &KnownEntry| entry.entry.as_ref().and_then(|entry| entry.updated.clone());
                let last = |entry: &KnownEntry| updated(entry).map_or(entry.published.at, |stamp| stamp.at);
                prop_assert!(updated(new) == updated(old) || new.content_hash != old.content_hash);
                prop_assert!(last(new) >= last(old), "updated never moves back");
            }
            let mut places: Vec<_> = next.entries.iter().map(|entry| (entry.published.at, entry.rank)).collect();
            places.sort();
            places.dedup();
            prop_assert_eq!(places.len(), next.entries.len(), "each place once");
            prop_assert!(reconcile(&next, &Reading::new(&read, minute(seen))).is_empty(), "the same page twice writes nothing");
            prop_assert!(reconcile(&next, &Reading::new(&read, minute(seen) + TimeDelta::hours(9))).is_empty() || known.seen > Some(minute(seen)),
                "nor does it later, where it was the newest capture");
            known = next;
        }
    }

    #[test]
    fn a_page_may_run_either_way_and_come_in_any_number_of_captures(
        mut times in proptest::collection::vec(0i64..5, 2..12), cut in 0usize..12,
    ) {
        times.sort_unstable();
        prop_assume!(times.first() != times.last());
        let oldest_first: Vec<Entry> = times.iter().enumerate().map(|(n, at)| entry(&n.to_string(), *at)).collect();
        let newest_first = |upto: usize| blog("lake", "1", oldest_first[..upto].iter().rev().cloned().collect());
        let sorted = |known: Known| {
            let mut entries = known.entries;
            entries.sort_by_key(|entry| entry.id);
            entries
        };
        let all = sorted(after(&[(9, &newest_first(times.len()))]));
        prop_assert_eq!(&all, &sorted(after(&[(9, &blog("lake", "1", oldest_first.clone()))])));
        let part = newest_first(cut.min(times.len()));
        prop_assert_eq!(&all, &sorted(after(&[(8, &part), (9, &newest_first(times.len()))])));
    }
}
