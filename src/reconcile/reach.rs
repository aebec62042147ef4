//! How far a page reaches: from its oldest entry to its newest, those left out that stand out of their place.

use chrono::{DateTime, Utc};

use crate::model::{Entry, Mark, Origin};

/// The oldest and the newest instant of the entries that follow each other in time. One that is pinned, marked so or not,
/// says nothing of how far the page goes back: everything between it and the rest may be on other pages.
pub(super) fn reach(oldest_first: &[&Entry]) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let placed = |entry: &&&Entry| !entry.marks.contains(&Mark::Pinned) && entry.published.origin != Origin::FirstSeen;
    let times: Vec<DateTime<Utc>> = oldest_first.iter().filter(placed).map(|entry| entry.published.at).collect();
    longest_rise(&times)
}

/// First and last of the longest sequence that never falls.
fn longest_rise(times: &[DateTime<Utc>]) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    // For each length, how the sequence of that length begins that ends lowest, and its end.
    let mut rises: Vec<(DateTime<Utc>, DateTime<Utc>)> = Vec::new();
    for &time in times {
        let length = rises.partition_point(|(_, end)| *end <= time);
        let start = length.checked_sub(1).map_or(time, |shorter| rises[shorter].0);
        match rises.get_mut(length) {
            Some(rise) => *rise = (start, time),
            None => rises.push((start, time)),
        }
    }
    rises.last().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_out_of_its_place_does_not_count() {
        let reach = |hours: &[i64]| {
            let at = |hour: &i64| DateTime::from_timestamp(hour * 3600, 0).unwrap();
            let times: Vec<_> = hours.iter().map(at).collect();
            longest_rise(&times).map(|(start, end)| [start, end].map(|time| time.timestamp() / 3600))
        };
        for (hours, expected) in [
            (&[][..], None),
            (&[5], Some([5, 5])),
            (&[1, 2, 2, 7], Some([1, 7])),
            (&[10, 11, 12, 1], Some([10, 12])),
            (&[99, 10, 11, 12, 1, 13, 2], Some([10, 13])),
            (&[3, 4, 1, 2, 5], Some([1, 5])),
        ] {
            assert_eq!(reach(hours), expected, "{hours:?}");
        }
    }
}
