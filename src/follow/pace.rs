//! When an address is asked for again.
//!
//! After a good reading at the pace of its live blog; after a failure never sooner than that, and later by chance within a
//! limit that doubles ("full jitter"): what failed together does not come back together.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::rhythm::{Bounds, Pace, Spoken};
use crate::store::SourceState;

/// The most that is added to an interval by failures.
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);

/// The pace of a live blog, as things are.
fn pace(source: &SourceState, now: DateTime<Utc>) -> Pace {
    let seconds = |seconds: u32| TimeDelta::seconds(seconds.into());
    let bounds = Bounds { min_every: seconds(source.min_every_s), every: seconds(source.every_s) };
    match &source.rhythm {
        Some(rhythm) => rhythm.pace(bounds, now),
        None => Pace { every: bounds.every, why: "nothing has been read of it yet".to_owned() },
    }
}

/// `source` at its pace from `now` on.
pub(super) fn at_pace(source: SourceState, now: DateTime<Utc>) -> SourceState {
    let pace = pace(&source, now);
    SourceState {
        last_tried: Some(now),
        next_due: now + pace.every,
        pace_s: u32::try_from(pace.every.num_seconds()).ok(),
        why: Some(pace.why),
        ..source
    }
}

/// The state after a refresh that went well.
pub(super) fn well(source: SourceState, now: DateTime<Utc>) -> SourceState {
    SourceState { last_ok: Some(now), failures: 0, last_error: None, ..at_pace(source, now) }
}

/// The state after one that did not. `chance` is from 0 to 1; the outlet may ask for a longer pause than ours, never for a
/// shorter one.
pub(super) fn ill(
    source: SourceState,
    reason: String,
    asked: Option<Duration>,
    now: DateTime<Utc>,
    chance: f64,
) -> SourceState {
    let failures = source.failures.saturating_add(1);
    let interval = TimeDelta::seconds(source.pace_s().into());
    let asked = asked.and_then(|asked| TimeDelta::from_std(asked).ok()).unwrap_or_default();
    let wait = interval + jitter(interval, failures, chance);
    let why = match failures {
        _ if asked > wait => format!("its host asks to be left alone for {}", Spoken(asked)),
        1 => "the last refresh failed".to_owned(),
        _ => format!("the last {failures} refreshes failed"),
    };
    SourceState {
        last_tried: Some(now),
        next_due: now + wait.max(asked),
        why: Some(why),
        failures,
        last_error: Some(reason),
        ..source
    }
}

/// What is added to the interval after the nth failure in a row: anything up to a limit that doubles.
fn jitter(interval: TimeDelta, failures: u32, chance: f64) -> TimeDelta {
    // Sixteen doublings of a second pass any limit here; more would only overflow.
    let limit = (interval * (1 << failures.saturating_sub(1).min(16))).min(LONGEST_PAUSE);
    TimeDelta::milliseconds((limit.num_milliseconds() as f64 * chance.clamp(0.0, 1.0)) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(minute: i64) -> DateTime<Utc> {
        "2022-01-07T12:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minute)
    }

    fn failed(failures: u32, asked: Option<u64>, chance: f64) -> SourceState {
        let source = SourceState { failures: failures - 1, ..SourceState::new("https://news.example/", 300, minute(0)) };
        ill(source, "status 500".into(), asked.map(Duration::from_secs), minute(0), chance)
    }

    #[test]
    fn a_pause_is_never_shorter_than_the_interval_and_grows_up_to_an_hour_more() {
        let minutes = |failures, chance| (failed(failures, None, chance).next_due - minute(0)).num_minutes();
        assert_eq!([1, 2, 3, 4, 5, 99, u32::MAX].map(|n| minutes(n, 1.0)), [10, 15, 25, 45, 65, 65, 65]);
        assert_eq!([1, 2, 3, 4, 5, 99, u32::MAX].map(|n| minutes(n, 0.0)), [5; 7]);
        assert_eq!([1, 2, 3].map(|n| minutes(n, 0.5)), [7, 10, 15]);
        assert_eq!([f64::NAN, -1.0].map(|chance| minutes(9, chance)), [5; 2], "whatever chance says");
    }

    #[test]
    fn who_asks_for_a_longer_pause_gets_it_and_a_shorter_one_is_not_taken() {
        let told = |asked| {
            let state = failed(2, Some(asked), 0.0);
            ((state.next_due - minute(0)).num_minutes(), state.why.unwrap())
        };
        assert_eq!(told(1800), (30, "its host asks to be left alone for 30m".into()));
        assert_eq!(told(60), (5, "the last 2 refreshes failed".into()));
    }

    #[test]
    fn the_interval_of_an_address_that_fails_stays_what_it_was() {
        let source = SourceState { pace_s: Some(60), ..SourceState::new("https://news.example/", 300, minute(0)) };
        let failed = ill(source, "status 500".into(), None, minute(0), 0.0);
        assert_eq!((failed.pace_s, failed.next_due), (Some(60), minute(1)));
    }
}
