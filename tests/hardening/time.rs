//! Times against somebody else's: each change of each zone's clocks from 2000 to 2037 as Python's zoneinfo has it, dates that
//! other feed readers have met, and machines whose clock is years off. What can't be read is never "now".

use super::programs::{Verdict, python};
use super::{full, say};
use crate::{corpus, fixtures};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::{IANA_TZDB_VERSION, TZ_VARIANTS, Tz};
use std::collections::BTreeMap;
use tidings::model::{Origin, Precision, ProblemCode};
use tidings::outlet::split_page;
use tidings::page::{Captured, Page};
use tidings::time::{Context, Order, Printed, Reading, Resolved, parse, resolve, settle};

/// Finds the changes of each zone by asking for its offset once a week, and tells what wall clocks around each stand for: in
/// the hours beside it, and to the second at its edges. Of zones that are one under two names only the first is told.
const ZONEINFO: &str = r#"
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError
version = "unknown"
try:
    with open("/usr/share/zoneinfo/tzdata.zi") as zones: version = zones.readline().split()[-1]
except OSError: pass
print("version", version)
start, end = datetime(2000, 1, 1, tzinfo=timezone.utc), datetime(2038, 1, 1, tzinfo=timezone.utc)
epoch = datetime(1970, 1, 1)
def seconds(at): return round((at - epoch) / timedelta(seconds=1))
known = {}
for name in sys.stdin.read().split():
    try: zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError): print("absent", name); continue
    try:
        with open("/usr/share/zoneinfo/" + name, "rb") as rules: other = known.setdefault(rules.read(), name)
        if other != name: print("same", other, name); continue
    except OSError: pass
    offset = lambda at: at.astimezone(zone).utcoffset()
    at, before = start, offset(start)
    while at < end:
        step = at + timedelta(hours=160)
        after = offset(step)
        if after != before:
            low, high = at, step
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
                if offset(middle) == before: low = middle
                else: high = middle
            change = high.replace(tzinfo=None)
            for base in (change + before, change + offset(high)):
                for minutes in (-90, -61, -60, -45, -30, -15, 0, 15, 30, 45, 60, 90):
                    for extra in ((-1, 0, 1) if minutes in (-60, 0, 60) else (0,)):
                        wall = base + timedelta(minutes=minutes, seconds=extra)
                        first, second = ((wall - wall.replace(tzinfo=zone, fold=fold).utcoffset()) for fold in (0, 1))
                        gap = (first.replace(tzinfo=timezone.utc).astimezone(zone).replace(tzinfo=None) != wall)
                        kind = "gap" if gap else "exact" if first == second else "fold"
                        print(name, seconds(wall), kind, seconds(first), seconds(second))
            after = offset(step) if offset(high) == offset(step) else offset(high)
            step = step if offset(high) == offset(step) else high
        at, before = step, after
"#;

/// What a wall clock stands for in a zone, as an oracle says.
#[derive(Debug, PartialEq)]
enum Told {
    Exact(i64),
    Fold(i64, i64),
    Gap(i64),
}

fn ours(wall: NaiveDateTime, zone: Tz) -> Told {
    match resolve(wall, zone) {
        Resolved::Exact(at) => Told::Exact(at.timestamp()),
        Resolved::Fold { first, second } => Told::Fold(first.timestamp(), second.timestamp()),
        Resolved::Gap { after } => Told::Gap(after.timestamp()),
    }
}

#[test]
fn every_change_of_every_clock_is_read_as_zoneinfo_reads_it() {
    let names: Vec<&str> = TZ_VARIANTS.iter().map(|zone| zone.name()).collect();
    let told = match python(ZONEINFO, &[], names.join("\n").as_bytes()) {
        Verdict::Accepted(told) => told,
        Verdict::Absent => return say("skipped: every_change_of_every_clock_is_read_as_zoneinfo_reads_it needs python3"),
        Verdict::Refused(why) => panic!("{why}"),
    };
    // Where the two have other editions of the zones' rules, what was decided lately may differ.
    let same = told.lines().next() == Some(&format!("version {IANA_TZDB_VERSION}"));
    let settled = DateTime::<Utc>::from_timestamp(1_640_995_200, 0).unwrap().naive_utc(); // 2022
    let (mut walls, mut wrong, mut kinds) = (0, Vec::new(), BTreeMap::new());
    let mut others: BTreeMap<&str, Vec<Tz>> = BTreeMap::new();
    for (name, other) in told.lines().filter_map(|line| line.strip_prefix("same ")?.split_once(' ')) {
        others.entry(name).or_default().push(other.parse().unwrap());
    }
    for line in told.lines().skip(1).filter(|line| !line.starts_with("absent ") && !line.starts_with("same ")) {
        let [name, wall, kind, first, second] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let [wall, first, second] = [wall, first, second].map(|number| number.parse::<i64>().unwrap());
        let wall = DateTime::<Utc>::from_timestamp(wall, 0).unwrap().naive_utc();
        if !same && wall > settled {
            continue;
        }
        let theirs = match kind {
            "exact" => Told::Exact(first),
            "fold" => Told::Fold(first, second),
            _ => Told::Gap(first),
        };
        let zone: Tz = name.parse().unwrap();
        for zone in others.get(name).into_iter().flatten().chain([&zone]) {
            let ours = ours(wall, *zone);
            if ours != theirs {
                wrong.push(format!("{zone} {wall}: {ours:?}, zoneinfo {theirs:?}"));
            }
            walls += 1;
        }
        // The proof that it can fail: an hour later is something else.
        assert_ne!(ours(wall + TimeDelta::hours(1), zone), theirs);
        *kinds.entry(kind).or_insert(0) += 1;
    }
    assert!(walls > 100_000 && kinds.len() == 3, "{walls} wall clocks, {kinds:?}");
    assert!(wrong.is_empty(), "{} of {walls} differ:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
    if full() {
        say(&format!(
            "{} zones, {walls} wall clocks around their changes ({kinds:?}): all as zoneinfo has them",
            names.len()
        ));
    }
}

/// Reads with an offset of its own what Python's mail and ISO readers can.
const DATES: &str = r#"
import sys
from datetime import datetime
from email.utils import parsedate_to_datetime
for line in sys.stdin.read().split("\n"):
    told = "none"
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try: at = read(line)
        except Exception: continue
        # An offset of "-0000" says that none is known.
        if at.tzinfo is not None: told = str(int(at.timestamp())); break
    print(told)
"#;

/// The dates of one list, each with the instant that its owners say it is.
fn dates(file: &str) -> Vec<(String, Option<DateTime<Utc>>)> {
    let Some(corpus) = corpus::folder("dates_of_others_are_read_right_or_not_at_all") else { return Vec::new() };
    let rows = std::fs::read_to_string(corpus.join("vectors").join(file)).unwrap();
    let row = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let parts: Vec<u32> =
            row["utc"].as_array().into_iter().flatten().map(|part| part.as_u64().unwrap() as u32).collect();
        let at = match parts[..] {
            [year, month, day, hour, minute, second, ..] => chrono::NaiveDate::from_ymd_opt(year as i32, month, day)
                .and_then(|day| day.and_hms_opt(hour, minute, second)),
            _ => None,
        };
        (row["date"].as_str().unwrap().to_owned(), at.map(|at| at.and_utc()))
    };
    rows.lines().map(row).collect()
}

#[test]
fn dates_of_others_are_read_right_or_not_at_all() {
    let mut all = dates("dates-feedparser.jsonl");
    all.extend(dates("dates-miniflux.jsonl"));
    let lines: Vec<String> = all.iter().map(|(text, _)| text.replace('\n', " ")).collect();
    let pythons: Vec<Option<i64>> = match python(DATES, &[], lines.join("\n").as_bytes()) {
        Verdict::Accepted(told) => told.lines().map(|line| line.parse::<i64>().ok()).collect(),
        _ => vec![None; all.len()],
    };
    let (mut read, mut wrong) = (0, Vec::new());
    for ((text, owners), python) in all.iter().zip(pythons) {
        let python = python.and_then(|at| DateTime::from_timestamp(at, 0));
        let printed = parse(text);
        read += usize::from(printed.is_some());
        let agrees = match &printed {
            // The owners' lists hold some that they read in another way than their standards say; either judge will do.
            Some(Printed::Instant { at, .. }) => {
                let judges: Vec<DateTime<Utc>> = owners.iter().chain(&python).copied().collect();
                judges.is_empty() || judges.iter().any(|judge| judge.timestamp() == at.timestamp())
            }
            Some(Printed::Wall { wall, label: None, .. }) => owners.is_none_or(|at| at.naive_utc() == *wall),
            Some(Printed::Day(day)) => owners.is_none_or(|at| at.date_naive() == *day),
            // A label is confirmed by the outlet's zone, or not.
            Some(Printed::Wall { .. }) | None => true,
            // A whole date is neither a clock nor so long ago.
            Some(Printed::Clock { .. } | Printed::Ago { .. }) => !text.contains("20"),
        };
        if !agrees {
            wrong.push(format!("{text:?}: {printed:?}, its owners {owners:?}, Python {python:?}"));
        }
        not_now(text);
    }
    assert!(wrong.is_empty(), "{} are read as another time:\n{}", wrong.len(), wrong.join("\n"));
    assert!(all.is_empty() || read > 40, "only {read} of {} are read", all.len());
}

/// A text that is no time is dated with the capture and says so; one that is a time never is.
fn not_now(text: &str) {
    let captured: DateTime<Utc> = "2031-07-03T04:05:06.789Z".parse().unwrap();
    let context =
        Context { zone: chrono_tz::UTC, usual: Order::NewestFirst, opened: None, captured: Captured::At(captured) };
    if matches!(parse(text), Some(Printed::Ago { .. })) {
        return; // "just now" is so long before the capture.
    }
    let settled = settle(&[Reading::of(text, Origin::Text)], &context).settled.pop().unwrap();
    let seen = settled.stamp.origin == Origin::FirstSeen;
    assert_eq!(settled.stamp.at == captured, seen, "{text:?} is {:?}", settled.stamp);
    assert_eq!(settled.stamp.precision == Precision::Unknown, seen, "{text:?} is {:?}", settled.stamp);
    let told = |problem: &tidings::model::Problem| matches!(problem.code, ProblemCode::NoTime | ProblemCode::UnreadableTime);
    assert!(!seen || settled.problems.iter().any(told), "{text:?} is dated without a word: {:?}", settled.problems);
}

#[test]
fn what_is_no_time_is_never_now() {
    for text in [
        "now",
        "today",
        "just now!",
        "0000-00-00",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "1969-12-31T23:59:59Z",
        "2201-01-01T00:00:00Z",
        "2022-02-30T10:00:00Z",
        "2022-13-01",
        "99999999999999999999",
        "-62135596800",
        "NaN",
        "null",
        "",
        "   ",
        &"1".repeat(1_000_000),
        &"2022-01-06T10:00:00Z".repeat(50_000),
        &"(".repeat(1_000_000),
        "2022-01-06T23:59:60Z",
        "6 January 2022 13:30",
    ] {
        not_now(text);
    }
    let Some(Printed::Instant { at, .. }) = parse("2016-12-31T23:59:60Z") else { panic!("a leap second is a time") };
    assert_eq!(at.to_rfc3339(), "2016-12-31T23:59:59+00:00");
}

/// A clock that is a day or ten years off dates what carries no date of its own, and nothing else.
#[test]
fn a_wrong_clock_moves_no_date() {
    let mut dated = 0;
    for outlet in fixtures::folders(&fixtures::outlets()) {
        for case in fixtures::folders(&outlet) {
            let page = fixtures::page(&case);
            let at = |captured: DateTime<Utc>| split_page(&Page { captured: Captured::At(captured), ..page.clone() }, None);
            let captured = page.captured.latest();
            let Ok(right) = at(captured) else { continue };
            for days in [-3653, -1, 1, 3653] {
                let shifted = captured + TimeDelta::days(days);
                let Ok(blog) = at(shifted) else { continue };
                let carries = |printed: &Option<String>| {
                    let read = printed.as_deref().and_then(parse);
                    matches!(read, Some(Printed::Instant { .. } | Printed::Wall { .. } | Printed::Day(_)))
                };
                for (one, other) in right.entries.iter().zip(&blog.entries) {
                    let name = format!("{}, {days} days, {}", case.display(), one.key);
                    if carries(&one.published.printed) {
                        assert_eq!(one.published.at, other.published.at, "{name}");
                        assert_eq!(one.id, other.id, "{name}");
                        dated += 1;
                    }
                    let ago = matches!(other.published.printed.as_deref().and_then(parse), Some(Printed::Ago { .. }));
                    let seen = other.published.origin == Origin::FirstSeen;
                    assert_eq!(other.published.at == shifted && !ago, seen, "{name}: {:?}", other.published);
                }
            }
        }
    }
    assert!(dated > 300, "{dated} times carry their date");
}
