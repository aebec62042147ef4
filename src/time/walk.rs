//! The order of a page, and the day of each clock that was printed without one.

use super::{Context, Order, Printed, Reading, Resolved, SKEW, resolve};
use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use std::cmp::Ordering;
use std::collections::HashSet;

/// A clock that steps back by less than this is an entry out of order; by more, it has passed midnight. A live blog whose
/// next entry comes 23½ hours later is rarer than one with two entries swapped, and a day is the worse mistake.
const DISORDER: TimeDelta = TimeDelta::minutes(30);

/// Which way the page runs. Whole dates tell; else clocks do: read the wrong way round, a page stretches over days.
pub(super) fn order(readings: &[Reading], context: &Context) -> Order {
    let inline = || readings.iter().filter(|reading| !reading.displaced);
    let dated = steps(inline().filter_map(|reading| dated(reading, context)));
    match dated.0.cmp(&dated.1) {
        Ordering::Greater => return Order::OldestFirst,
        Ordering::Less => return Order::NewestFirst,
        Ordering::Equal => {}
    }
    // Clocks alone fit both ways, over a different span. The outlet's usual order gives way only to a clearly shorter one.
    let clocks: Vec<NaiveTime> = inline()
        .filter_map(|reading| match reading.printed {
            Some(Printed::Clock { clock, .. }) => Some(clock),
            _ => None,
        })
        .collect();
    let span = |order: Order| -> i64 {
        let forward = |pair: &[NaiveTime]| match order {
            Order::OldestFirst => pair[1] - pair[0],
            Order::NewestFirst => pair[0] - pair[1],
        };
        clocks.windows(2).map(|pair| forward(pair).num_minutes().rem_euclid(24 * 60)).sum()
    };
    let contrary = match context.usual {
        Order::NewestFirst => Order::OldestFirst,
        Order::OldestFirst => Order::NewestFirst,
    };
    if span(contrary) * 3 < span(context.usual) * 2 { contrary } else { context.usual }
}

/// How often the values step up and down.
fn steps<T: Ord>(values: impl Iterator<Item = T>) -> (usize, usize) {
    let (mut up, mut down, mut before) = (0, 0, None);
    for value in values {
        match before.as_ref().map(|before: &T| value.cmp(before)) {
            Some(Ordering::Greater) => up += 1,
            Some(Ordering::Less) => down += 1,
            _ => {}
        }
        before = Some(value);
    }
    (up, down)
}

/// The wall clock of a reading that carries its own date.
fn dated(reading: &Reading, context: &Context) -> Option<NaiveDateTime> {
    let local = |at: DateTime<Utc>| at.with_timezone(&context.zone).naive_local();
    match &reading.printed {
        Some(Printed::Instant { at, .. }) => Some(local(*at)),
        Some(Printed::Wall { wall, .. }) => Some(*wall),
        Some(Printed::Ago { before, .. }) => Some(local(context.captured.exactly()? - *before)),
        _ => None,
    }
}

/// The days of a page's clocks.
pub(super) struct Walked {
    /// One for each reading; `None` where it carries its own date or where none can be told.
    pub days: Vec<Option<NaiveDate>>,
    /// Readings whose clock was taken as out of order instead of as past midnight.
    pub back: HashSet<usize>,
    /// The page's own date and the capture's instant can't both be right.
    pub conflict: Option<String>,
    /// There are clocks and nothing to anchor them on.
    pub undated: bool,
}

/// Gives each clock its day by walking along the page in the order in which things happened: from an entry that prints
/// its date, else from the day the page was opened, else back from its capture. A clock that steps the wrong way has
/// passed midnight, unless the clocks themselves were put back.
pub(super) fn days(readings: &[Reading], at: &[usize], context: &Context) -> Walked {
    let mut walked = Walked { days: vec![None; readings.len()], back: HashSet::new(), conflict: None, undated: false };
    let clock = |index: usize| match readings[index].printed {
        Some(Printed::Clock { clock, .. }) => Some(clock),
        _ => None,
    };
    let inline: Vec<usize> = at.iter().copied().filter(|&index| !readings[index].displaced).collect();
    if !inline.iter().any(|&index| clock(index).is_some()) {
        return walked;
    }

    let first_dated = inline.iter().position(|&index| dated(&readings[index], context).is_some());
    let (start, mut walker) = match first_dated {
        Some(position) => {
            let wall = dated(&readings[inline[position]], context);
            if let Some(wall) = wall {
                back_from(&inline[..position], Walker::from(wall, false, context.zone), clock, &mut walked);
            }
            (position, wall.map(|wall| Walker::from(wall, true, context.zone)))
        }
        None => match anchor(&inline, clock, context, &mut walked) {
            Some(walker) => (0, Some(walker)),
            None => return walked,
        },
    };
    for &index in &inline[start..] {
        if let Some(wall) = dated(&readings[index], context) {
            walker = Some(Walker::from(wall, true, context.zone));
        } else if let (Some(clock), Some(walker)) = (clock(index), walker.as_mut()) {
            step(walker, index, clock, &mut walked);
        }
    }
    walked
}

/// Anchors a page on which no entry prints a date. Leaves the walker at the start of the day of the oldest entry.
fn anchor(
    inline: &[usize],
    clock: impl Fn(usize) -> Option<NaiveTime> + Copy,
    context: &Context,
    walked: &mut Walked,
) -> Option<Walker> {
    let latest = context.captured.latest() + SKEW;
    let newest_wall = |day: NaiveDate| {
        let mut trial = Walked { days: vec![None; walked.days.len()], back: HashSet::new(), conflict: None, undated: false };
        let mut walker = Walker::from(day.and_time(NaiveTime::MIN), true, context.zone);
        inline.iter().filter_map(|&index| Some((index, clock(index)?))).for_each(|(index, clock)| {
            step(&mut walker, index, clock, &mut trial);
        });
        walker.bound
    };
    if let Some(opened) = context.opened {
        if newest_wall(opened) <= latest {
            return Some(Walker::from(opened.and_time(NaiveTime::MIN), true, context.zone));
        }
        walked.conflict = Some(format!(
            "read from the page's own day, {opened}, its newest entry would be later than the capture at {}",
            context.captured.latest().format("%Y-%m-%dT%H:%MZ")
        ));
    }
    match context.captured.exactly() {
        Some(captured) => {
            let wall = (captured + SKEW).with_timezone(&context.zone).naive_local();
            let walker = Walker { neighbour: false, ..Walker::from(wall, false, context.zone) };
            let oldest = back_from(inline, walker, clock, walked);
            Some(Walker::from(oldest.and_time(NaiveTime::MIN), true, context.zone))
        }
        // The day is kept even if it conflicts: the reader is told, and there is nothing better.
        None if context.opened.is_some() => Some(Walker::from(context.opened?.and_time(NaiveTime::MIN), true, context.zone)),
        None => {
            walked.undated = true;
            None
        }
    }
}

/// Walks back to the oldest of `indices`, and answers its day.
fn back_from(
    indices: &[usize],
    mut walker: Walker,
    clock: impl Fn(usize) -> Option<NaiveTime>,
    walked: &mut Walked,
) -> NaiveDate {
    for &index in indices.iter().rev() {
        if let Some(clock) = clock(index) {
            step(&mut walker, index, clock, walked);
        }
    }
    walker.day
}

fn step(walker: &mut Walker, index: usize, clock: NaiveTime, walked: &mut Walked) {
    if walker.step(clock) {
        walked.back.insert(index);
    } else {
        walked.back.remove(&index);
    }
    walked.days[index] = Some(walker.day);
}

/// One walk along a page's clocks, towards newer entries (`up`) or older ones.
struct Walker {
    day: NaiveDate,
    clock: NaiveTime,
    /// The earliest instant (going up) or the latest (going down) that the last entry can stand for.
    bound: DateTime<Utc>,
    /// The bound is an entry: two of them may be swapped, while a capture is later than all it holds.
    neighbour: bool,
    up: bool,
    zone: Tz,
}

impl Walker {
    fn from(wall: NaiveDateTime, up: bool, zone: Tz) -> Self {
        let mut walker =
            Walker { day: wall.date(), clock: wall.time(), bound: DateTime::UNIX_EPOCH, neighbour: true, up, zone };
        walker.bound = walker.extreme(wall);
        walker
    }

    /// Takes the next clock; says whether it was taken as out of order.
    fn step(&mut self, clock: NaiveTime) -> bool {
        let today = self.day.and_time(clock);
        if let Some(at) = self.fitting(today) {
            (self.clock, self.bound, self.neighbour) = (clock, at, true);
            return false;
        }
        let back = if self.up { self.clock - clock } else { clock - self.clock };
        if self.neighbour && back < DISORDER {
            // It keeps the day; the bound stays with the entry that is in order.
            return true;
        }
        let next = if self.up { self.day.checked_add_days(Days::new(1)) } else { self.day.checked_sub_days(Days::new(1)) };
        self.day = next.unwrap_or(self.day);
        let wall = self.day.and_time(clock);
        (self.clock, self.bound, self.neighbour) = (clock, self.extreme(wall), true);
        false
    }

    /// The instant of a wall clock that is nearest to the bound without passing it.
    fn fitting(&self, wall: NaiveDateTime) -> Option<DateTime<Utc>> {
        let fits = |at: &DateTime<Utc>| if self.up { *at >= self.bound } else { *at <= self.bound };
        match resolve(wall, self.zone) {
            Resolved::Exact(at) | Resolved::Gap { after: at } => Some(at).filter(fits),
            Resolved::Fold { first, second } => {
                let (near, far) = if self.up { (first, second) } else { (second, first) };
                Some(near).filter(fits).or(Some(far).filter(fits))
            }
        }
    }

    fn extreme(&self, wall: NaiveDateTime) -> DateTime<Utc> {
        match resolve(wall, self.zone) {
            Resolved::Exact(at) | Resolved::Gap { after: at } => at,
            Resolved::Fold { first, second } => {
                if self.up {
                    first
                } else {
                    second
                }
            }
        }
    }
}
