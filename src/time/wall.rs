//! Wall clock and zone to instant, with the two nights a year on which that is not a function.

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::{OffsetName, Tz};

/// What a wall clock stands for in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolved {
    /// One instant.
    Exact(DateTime<Utc>),
    /// The clocks went back: the same wall clock stood twice.
    Fold {
        /// The earlier of the two instants.
        first: DateTime<Utc>,
        /// The later one.
        second: DateTime<Utc>,
    },
    /// The clocks went forward over it: no instant showed this wall clock.
    Gap {
        /// The wall clock read with the offset that held before the change, which lands just after it.
        after: DateTime<Utc>,
    },
}

/// Reads a wall clock in a zone.
pub fn resolve(wall: NaiveDateTime, zone: Tz) -> Resolved {
    match zone.from_local_datetime(&wall) {
        MappedLocalTime::Single(at) => Resolved::Exact(at.to_utc()),
        MappedLocalTime::Ambiguous(one, other) => {
            let (one, other) = (one.to_utc(), other.to_utc());
            Resolved::Fold { first: one.min(other), second: one.max(other) }
        }
        MappedLocalTime::None => Resolved::Gap { after: after_gap(wall, zone) },
    }
}

/// Steps back until the zone has a wall clock again, and goes on counting from there. A gap is an hour nearly always, but
/// Samoa left out a whole day in 2011.
fn after_gap(wall: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    [1, 3, 6, 12, 25, 49]
        .into_iter()
        .filter_map(|hours| {
            let earlier = wall.checked_sub_signed(TimeDelta::hours(hours))?;
            let at = zone.from_local_datetime(&earlier).latest()?;
            Some((wall - at.offset().fix()).and_utc())
        })
        .next()
        .unwrap_or_else(|| wall.and_utc())
}

/// Whether a printed zone label (`GMT`, `BST`) is what the zone's clocks were called at that instant. A label confirms a
/// reading or puts it in doubt; it never decides one, since `BST` is Bangladesh too.
pub fn agrees(label: &str, at: DateTime<Utc>, zone: Tz) -> bool {
    let local = at.with_timezone(&zone);
    let universal = matches!(label, "GMT" | "UTC" | "Z" | "UT");
    let abbreviation = local.offset().abbreviation();
    abbreviation.is_some_and(|name| name.eq_ignore_ascii_case(label))
        || (universal && local.offset().fix().local_minus_utc() == 0)
        // What readers in central Europe print for CET and CEST alike.
        || matches!((label, abbreviation), ("MEZ", Some("CET")) | ("MESZ", Some("CEST")) | ("CET", Some("CEST")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;
    use chrono_tz::{Europe::London, Pacific::Apia, TZ_VARIANTS};
    use proptest::prelude::*;

    fn wall(year: i32, month: u32, day: u32, hour: u32, minute: u32) -> NaiveDateTime {
        NaiveDate::from_ymd_opt(year, month, day).unwrap().and_hms_opt(hour, minute, 0).unwrap()
    }

    #[test]
    fn london_autumn_night_is_a_fold() {
        let Resolved::Fold { first, second } = resolve(wall(2022, 10, 30, 1, 30), London) else { panic!("no fold") };
        assert_eq!(first.to_rfc3339(), "2022-10-30T00:30:00+00:00");
        assert_eq!(second.to_rfc3339(), "2022-10-30T01:30:00+00:00");
        assert!(agrees("BST", first, London) && !agrees("GMT", first, London));
        assert!(agrees("GMT", second, London) && !agrees("BST", second, London));
    }

    #[test]
    fn london_spring_night_is_a_gap() {
        let Resolved::Gap { after } = resolve(wall(2022, 3, 27, 1, 30), London) else { panic!("no gap") };
        assert_eq!(after.to_rfc3339(), "2022-03-27T01:30:00+00:00");
    }

    #[test]
    fn a_whole_missing_day_is_a_gap() {
        let Resolved::Gap { after } = resolve(wall(2011, 12, 30, 12, 0), Apia) else { panic!("no gap") };
        assert_eq!(after.to_rfc3339(), "2011-12-30T22:00:00+00:00");
    }

    proptest! {
        #[test]
        fn any_wall_clock_round_trips_or_is_reported(zone in 0..TZ_VARIANTS.len(), minutes in 0i64..50 * 366 * 24 * 60) {
            let zone = TZ_VARIANTS[zone];
            let wall = wall(1985, 1, 1, 0, 0) + TimeDelta::minutes(minutes);
            let shows = |at: DateTime<Utc>| at.with_timezone(&zone).naive_local();
            match resolve(wall, zone) {
                Resolved::Exact(at) => prop_assert_eq!(shows(at), wall),
                Resolved::Fold { first, second } => {
                    prop_assert!(first < second);
                    prop_assert_eq!((shows(first), shows(second)), (wall, wall));
                }
                Resolved::Gap { after } => {
                    prop_assert!(shows(after) > wall);
                    // The clock a second before the change still stood below the missing time.
                    let length = shows(after) - wall;
                    prop_assert!(shows(after - length - TimeDelta::seconds(1)) < wall);
                }
            }
        }
    }
}
