//! Whether entries of two newsrooms tell of the same development.
//!
//! Two people who tell of one event share its names, its figures and some of its words, and little of their order. So an entry's
//! [`Gist`] is what names and words its headline and first sentences hold, each as rare as its neighbours in time say. Which pairs
//! are worth weighing is found by MinHash ([`Gist::keys`]); [`Evidence`] says of one pair whether it is the same.
//!
//! A wrong pair tells readers something false, a missed one tells them nothing: where the two conflict, nothing is said. Texts in
//! two languages share too little to be found.

mod evidence;
mod frequent;
mod gist;
mod keys;
mod numbers;
mod words;

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::{Precision, Stamp};

pub use evidence::{Evidence, Usual};
pub use gist::Gist;
pub use keys::KEYS;

/// How far apart two entries about one development may have been published, and the first and the last of a story.
pub const WINDOW: TimeDelta = TimeDelta::hours(3);

/// Whether a time is known well enough to say who was first: to the minute or better.
pub fn is_exact(stamp: &Stamp) -> bool {
    matches!(stamp.precision, Precision::Second | Precision::Minute)
}

/// Whole minutes from `one` to `other`, where both are known to the minute.
pub fn minutes_between(one: &Stamp, other: &Stamp) -> Option<i64> {
    let minute = |at: DateTime<Utc>| at.timestamp().div_euclid(60);
    (is_exact(one) && is_exact(other)).then(|| minute(other.at) - minute(one.at))
}

/// Which of some entries of a story had it first, by their place in the list: those of the earliest minute. None where it can't
/// be told, since a time that is known to the day alone may have been before it.
pub fn first<'a>(stamps: impl Iterator<Item = &'a Stamp> + Clone) -> Vec<usize> {
    let minute = |stamp: &Stamp| stamp.at.timestamp().div_euclid(60);
    let Some(earliest) = stamps.clone().filter(|stamp| is_exact(stamp)).map(minute).min() else { return Vec::new() };
    stamps.enumerate().filter(|(_, stamp)| is_exact(stamp) && minute(stamp) == earliest).map(|(nth, _)| nth).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Origin;

    fn stamp(at: &str, precision: Precision) -> Stamp {
        Stamp { at: at.parse().unwrap(), precision, printed: None, origin: Origin::Text, zone: None }
    }

    #[test]
    fn who_was_first_is_told_to_the_minute_and_only_where_it_is_known() {
        let seven = stamp("2022-01-07T07:00:40Z", Precision::Second);
        let same = stamp("2022-01-07T07:00:00Z", Precision::Minute);
        let later = stamp("2022-01-07T07:12:00Z", Precision::Minute);
        let hour = stamp("2022-01-07T06:30:00Z", Precision::Hour);
        let day = stamp("2022-01-07T12:00:00Z", Precision::Day);
        assert_eq!(first([&later, &seven, &day, &same].into_iter()), [1, 3]);
        assert_eq!(first([&hour, &later].into_iter()), [1]);
        assert_eq!(first([&day, &hour].into_iter()), [] as [usize; 0]);
        assert_eq!((minutes_between(&seven, &later), minutes_between(&later, &seven)), (Some(12), Some(-12)));
        assert_eq!((minutes_between(&seven, &same), minutes_between(&seven, &day)), (Some(0), None));
    }
}
