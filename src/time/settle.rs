//! The printed times of one page, settled together.

use super::printed::{LONGEST, YEARS};
use super::{Printed, Resolved, SKEW, agrees, resolve, walk};
use crate::model::{Origin, Precision, Problem, ProblemCode, Stamp};
use crate::page::Captured;
use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;

/// The printed time of one entry, and where it stood.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The characters, as printed.
    pub text: String,
    /// What they say; `None` where they can't be read.
    pub printed: Option<Printed>,
    /// Where they stood.
    pub origin: Origin,
    /// The entry is out of its place on purpose (pinned on top): it neither settles its neighbours nor is settled by them.
    pub displaced: bool,
}

impl Reading {
    /// Reads a text that stood at `origin`. Of one too long to be a time the beginning is kept, for a person to see.
    pub fn of(text: &str, origin: Origin) -> Self {
        let shown = text.trim();
        let shown = match shown.len() > LONGEST {
            true => format!("{}…", &shown[..shown.floor_char_boundary(LONGEST)]),
            false => shown.to_owned(),
        };
        Reading { text: shown, printed: super::parse(text), origin, displaced: false }
    }

    /// An entry that prints no time at all.
    pub fn none() -> Self {
        Reading { text: String::new(), printed: None, origin: Origin::FirstSeen, displaced: false }
    }
}

/// What is known of the page that the times stand on.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// The zone whose wall clock the outlet prints.
    pub zone: Tz,
    /// The order to assume where the times themselves don't show one.
    pub usual: Order,
    /// The day the page was opened, in `zone`: what a clock without a date is anchored on.
    pub opened: Option<NaiveDate>,
    /// When the page was captured.
    pub captured: Captured,
}

/// Which way a page runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The newest entry stands on top.
    NewestFirst,
    /// The oldest entry stands on top.
    OldestFirst,
}

/// One entry's time, with what was wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The time as evidence.
    pub stamp: Stamp,
    /// Why it may be wrong.
    pub problems: Vec<Problem>,
}

/// The times of one page.
#[derive(Debug)]
pub struct Timeline {
    /// One for each reading, in the same order.
    pub settled: Vec<Settled>,
    /// The order found.
    pub order: Order,
    /// Clocks were printed, and nothing on the page or of its capture says of which day: none of them could be read.
    pub undated: bool,
}

/// Settles the times of one page: given in page order, answered in page order. It does not matter which way the page
/// runs; the order is found from the times themselves.
pub fn settle(readings: &[Reading], context: &Context) -> Timeline {
    let order = walk::order(readings, context);
    // From here on everything runs in the order in which it happened.
    let mut at: Vec<usize> = (0..readings.len()).collect();
    if order == Order::NewestFirst {
        at.reverse();
    }
    let days = walk::days(readings, &at, context);
    let mut places: Vec<Place> =
        readings.iter().zip(&days.days).map(|(reading, day)| place(reading, *day, context)).collect();
    settle_folds(readings, &at, &mut places);

    let settled = readings.iter().zip(places).enumerate().map(|(index, (reading, place))| {
        let mut problems = place.problems;
        if days.back.contains(&index) {
            problems.push(Problem::new(
                ProblemCode::ClockOrder,
                format!("`{}` stands out of order by too little to be midnight: read as the same day", reading.text),
            ));
        }
        if let Some(conflict) = &days.conflict {
            problems.push(Problem::new(ProblemCode::DateConflict, conflict.clone()));
        }
        finish(reading, place.candidates, place.zone, place.precision, problems, context)
    });
    Timeline { settled: settled.collect(), order, undated: days.undated }
}

/// What one reading may stand for: no instant, one, or the two of a fold.
struct Place {
    candidates: Vec<DateTime<Utc>>,
    precision: Precision,
    zone: Option<Tz>,
    problems: Vec<Problem>,
}

fn place(reading: &Reading, day: Option<NaiveDate>, context: &Context) -> Place {
    let nothing = Place { candidates: Vec::new(), precision: Precision::Unknown, zone: None, problems: Vec::new() };
    match &reading.printed {
        None => nothing,
        Some(Printed::Instant { at, precision }) => Place { candidates: vec![*at], precision: *precision, ..nothing },
        Some(Printed::Ago { before, precision }) => match context.captured.exactly() {
            Some(captured) => Place { candidates: vec![captured - *before], precision: *precision, ..nothing },
            None => nothing,
        },
        Some(Printed::Day(day)) => {
            let noon = day.and_time(NaiveTime::from_hms_opt(12, 0, 0).unwrap_or_default());
            on_wall(noon, Precision::Day, None, &reading.text, context.zone)
        }
        Some(Printed::Wall { wall, precision, label }) => {
            on_wall(*wall, *precision, label.as_deref(), &reading.text, context.zone)
        }
        Some(Printed::Clock { clock, precision, label }) => match day {
            Some(day) => on_wall(day.and_time(*clock), *precision, label.as_deref(), &reading.text, context.zone),
            None => nothing,
        },
    }
}

fn on_wall(wall: chrono::NaiveDateTime, precision: Precision, label: Option<&str>, text: &str, zone: Tz) -> Place {
    let mut problems = Vec::new();
    let mut candidates = match resolve(wall, zone) {
        Resolved::Exact(at) => vec![at],
        Resolved::Fold { first, second } => vec![first, second],
        Resolved::Gap { after } => {
            problems.push(Problem::new(
                ProblemCode::Gap,
                format!(
                    "clocks in {zone} never showed `{text}`: they were put forward over it; read as {}",
                    after.format("%H:%MZ")
                ),
            ));
            vec![after]
        }
    };
    if let Some(label) = label {
        let confirmed: Vec<_> = candidates.iter().copied().filter(|at| agrees(label, *at, zone)).collect();
        if confirmed.is_empty() {
            problems.push(Problem::new(
                ProblemCode::TimeConflict,
                format!("`{text}` names {label}, which {zone} did not show then: read in {zone}"),
            ));
        } else {
            candidates = confirmed;
        }
    }
    Place { candidates, precision, zone: Some(zone), problems }
}

/// Picks one of the two instants of each fold: the one that keeps the live blog monotone. Going up with the earliest
/// instants that fit and down with the latest, an entry where both agree is settled; where they differ both readings are
/// possible, the earlier one is taken, and the doubt is told.
fn settle_folds(readings: &[Reading], at: &[usize], places: &mut [Place]) {
    let inline: Vec<usize> =
        at.iter().copied().filter(|&index| !readings[index].displaced && !places[index].candidates.is_empty()).collect();
    let choose = |index: usize, bound: Option<DateTime<Utc>>, up: bool, places: &[Place]| {
        let candidates = &places[index].candidates;
        let fits = |at: &&DateTime<Utc>| bound.is_none_or(|bound| if up { **at >= bound } else { **at <= bound });
        if up { candidates.iter().find(fits) } else { candidates.iter().rev().find(fits) }.copied()
    };
    let (mut lowest, mut highest) = (vec![None; places.len()], vec![None; places.len()]);
    for (up, path) in [(true, &mut lowest), (false, &mut highest)] {
        let mut bound: Option<DateTime<Utc>> = None;
        let step = |index: usize, bound: &mut Option<DateTime<Utc>>, path: &mut Vec<Option<DateTime<Utc>>>| {
            path[index] = choose(index, *bound, up, places);
            // An entry that has one instant is where it is, even out of order; it must not drag the rest along.
            *bound = path[index].or(places[index].candidates.first().copied());
        };
        if up {
            inline.iter().for_each(|&index| step(index, &mut bound, path));
        } else {
            inline.iter().rev().for_each(|&index| step(index, &mut bound, path));
        }
    }
    for (index, place) in places.iter_mut().enumerate() {
        if let [first, second] = place.candidates[..] {
            let only = match (lowest[index], highest[index]) {
                (Some(low), Some(high)) if low == high => Some(low),
                _ => None,
            };
            if only.is_none() {
                place.problems.push(Problem::new(
                    ProblemCode::FoldUnsettled,
                    format!(
                        "`{}` came twice that night, at {} and {}, and no neighbour tells which: the earlier is taken",
                        readings[index].text,
                        first.format("%H:%MZ"),
                        second.format("%H:%MZ")
                    ),
                ));
            }
            place.candidates = vec![only.unwrap_or(first)];
        }
    }
}

fn finish(
    reading: &Reading,
    candidates: Vec<DateTime<Utc>>,
    zone: Option<Tz>,
    precision: Precision,
    mut problems: Vec<Problem>,
    context: &Context,
) -> Settled {
    let latest = context.captured.latest();
    // The offset of a time, or the day of a clock, may lead out of the years in which there are pages.
    let candidate = candidates.first().filter(|at| YEARS.contains(&at.year()));
    let Some(&at) = candidate else {
        let printed = Some(reading.text.clone()).filter(|text| !text.is_empty());
        problems.push(match &printed {
            None => Problem::new(ProblemCode::NoTime, "no time is printed: its time is when it was first seen"),
            Some(text) => Problem::new(
                ProblemCode::UnreadableTime,
                format!("the time `{text}` can't be read{}: its time is when it was first seen", why_not(reading)),
            ),
        });
        let stamp = Stamp { printed, ..Stamp::first_seen(latest) };
        return Settled { stamp, problems };
    };
    let slack = if precision == Precision::Day { TimeDelta::hours(12) } else { SKEW };
    if at > latest + slack {
        problems.push(Problem::new(
            ProblemCode::Future,
            format!(
                "dated {}, later than its capture at {}",
                at.format("%Y-%m-%dT%H:%MZ"),
                latest.format("%Y-%m-%dT%H:%MZ")
            ),
        ));
    }
    let stamp = Stamp { at, precision, printed: Some(reading.text.clone()), origin: reading.origin, zone };
    Settled { stamp, problems }
}

/// What is missing, and what would mend it.
fn why_not(reading: &Reading) -> &'static str {
    match reading.printed {
        Some(Printed::Clock { .. }) => " (a clock without a date: pass the page's address or the instant of its capture)",
        Some(Printed::Ago { .. }) => " (it counts back from a capture whose instant is not known: pass it)",
        _ => "",
    }
}

#[cfg(test)]
#[path = "settle_tests.rs"]
mod tests;
