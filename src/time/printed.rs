//! What the characters of a printed time say, and no more: `13:30 GMT 06.01.2022`, `6 January 2022 13:30`, `20m ago`.

use super::words::{Word, words};
use crate::model::Precision;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

/// A printed time is short; anything longer is prose that happens to hold digits.
pub(super) const LONGEST: usize = 200;
/// Years outside this range are misread numbers.
pub(super) const YEARS: std::ops::RangeInclusive<i32> = 1970..=2200;

/// A printed time, read without knowing where or when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Printed {
    /// Carries its own offset, or counts from the epoch.
    Instant {
        /// The instant.
        at: DateTime<Utc>,
        /// To the second, or to the minute (`T16:48Z`).
        precision: Precision,
    },
    /// A date and a clock; which instant that is depends on the zone.
    Wall {
        /// What the wall clock showed.
        wall: NaiveDateTime,
        /// To the second or the minute.
        precision: Precision,
        /// The zone abbreviation printed beside it.
        label: Option<String>,
    },
    /// A clock without a date.
    Clock {
        /// What the clock showed.
        clock: NaiveTime,
        /// To the second or the minute.
        precision: Precision,
        /// The zone abbreviation printed beside it.
        label: Option<String>,
    },
    /// So long before the capture.
    Ago {
        /// How long.
        before: TimeDelta,
        /// The unit it was told in.
        precision: Precision,
    },
    /// A date without a clock.
    Day(NaiveDate),
}

/// Reads a printed time. The whole text has to be a time: a word that has no place in one makes it `None`, so that
/// "killed on 6 January" is not taken for a date line.
pub fn parse(text: &str) -> Option<Printed> {
    if text.len() > LONGEST {
        return None;
    }
    let text = text.trim();
    iso(text).or_else(|| ago(text)).or_else(|| spelled(text))
}

/// Reads seconds or milliseconds since 1970, told apart by their size: as seconds, every millisecond count after 1970-04
/// would be past the year 2200.
pub fn epoch(text: &str) -> Option<Printed> {
    let text = text.trim();
    if text.len() > 16 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: i64 = text.parse().ok()?;
    let last_second = NaiveDate::from_ymd_opt(*YEARS.end(), 12, 31)?.and_hms_opt(23, 59, 59)?.and_utc().timestamp();
    let at = if count > last_second { DateTime::from_timestamp_millis(count)? } else { DateTime::from_timestamp(count, 0)? };
    sane(at.naive_utc())?;
    Some(Printed::Instant { at, precision: Precision::Second })
}

/// ISO 8601 as pages write it: RFC 3339, an offset without its colon (`+0000`), no seconds (`T16:48Z`), no offset.
fn iso(text: &str) -> Option<Printed> {
    let bytes = text.as_bytes();
    if bytes.len() < 10 || bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    let date = NaiveDate::parse_from_str(text.get(..10)?, "%Y-%m-%d").ok()?;
    let Some(rest) = text.get(10..).filter(|rest| !rest.is_empty()) else {
        sane(date.and_time(NaiveTime::MIN))?;
        return Some(Printed::Day(date));
    };
    let rest = rest.strip_prefix(['T', 't', ' '])?.trim();
    let split = rest.find(['Z', 'z', '+', '-', ' ']).unwrap_or(rest.len());
    let (clock, offset) = rest.split_at(split);
    let (clock, precision) = iso_clock(clock)?;
    let wall = date.and_time(clock);
    sane(wall)?;
    match offset.trim() {
        "" => Some(Printed::Wall { wall, precision, label: None }),
        offset => {
            let at = wall.checked_sub_signed(iso_offset(offset)?)?.and_utc();
            Some(Printed::Instant { at, precision })
        }
    }
}

fn iso_clock(text: &str) -> Option<(NaiveTime, Precision)> {
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let mut parts = whole.split(':').map(|part| part.parse::<u32>().ok().filter(|_| part.len() == 2));
    let (hour, minute) = (parts.next()??, parts.next()??);
    let (second, precision) = match parts.next() {
        // A leap second reads as the last second before it.
        Some(second) => (second?.min(if minute == 59 { 60 } else { 61 }), Precision::Second),
        None => (0, Precision::Minute),
    };
    let second = if second == 60 { 59 } else { second };
    let nano = if fraction.is_empty() {
        0
    } else {
        let digits: String = fraction.chars().chain(std::iter::repeat('0')).take(9).collect();
        digits.parse::<u32>().ok()?
    };
    Some((NaiveTime::from_hms_nano_opt(hour, minute, second, nano)?, precision))
}

fn iso_offset(text: &str) -> Option<TimeDelta> {
    if matches!(text, "Z" | "z") {
        return Some(TimeDelta::zero());
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: String = text[1..].chars().filter(|c| *c != ':').collect();
    if !(digits.len() == 4 || digits.len() == 2) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i64, i64) = (digits[..2].parse().ok()?, digits.get(2..4).unwrap_or("00").parse().unwrap_or(0));
    (hours <= 14 && minutes < 60).then(|| TimeDelta::minutes(sign * (hours * 60 + minutes)))
}

/// "5 minutes ago", "20m ago", "1h ago", "an hour ago", "34 min ago", "just now".
fn ago(text: &str) -> Option<Printed> {
    let text = text.to_ascii_lowercase();
    if matches!(text.as_str(), "just now" | "now" | "moments ago") {
        return Some(Printed::Ago { before: TimeDelta::zero(), precision: Precision::Minute });
    }
    let told = text.strip_suffix("ago")?.trim_end();
    let unit_at = told.find(|c: char| c.is_ascii_alphabetic() && !told.starts_with('a')).or_else(|| told.find(' '))?;
    let (count, unit) = told.split_at(unit_at);
    let count: i64 = match count.trim() {
        "a" | "an" => 1,
        digits if digits.len() <= 4 => digits.parse().ok()?,
        _ => return None,
    };
    let (one, precision) = match unit.trim() {
        "s" | "sec" | "secs" | "second" | "seconds" => (TimeDelta::seconds(1), Precision::Minute),
        "m" | "min" | "mins" | "minute" | "minutes" => (TimeDelta::minutes(1), Precision::Minute),
        "h" | "hr" | "hrs" | "hour" | "hours" => (TimeDelta::hours(1), Precision::Hour),
        "d" | "day" | "days" => (TimeDelta::days(1), Precision::Day),
        _ => return None,
    };
    Some(Printed::Ago { before: one.checked_mul(i32::try_from(count).ok()?)?, precision })
}

/// A date and a clock in any order, as newsrooms print them: each word has to find its place exactly once.
fn spelled(text: &str) -> Option<Printed> {
    let (mut date, mut clock, mut label) = (None, None, None);
    let (mut day, mut month, mut year) = (None, None, None);
    for word in words(text)? {
        match word {
            Word::Clock(time, precision) => put(&mut clock, (time, precision))?,
            Word::Date(whole) => put(&mut date, whole)?,
            Word::Month(number) => put(&mut month, number)?,
            Word::Number(number) if number > 31 => put(&mut year, number)?,
            Word::Number(number) => put(&mut day, number)?,
            Word::Label(name) => put(&mut label, name)?,
            Word::Noise => {}
        }
    }
    if let (Some(day), Some(month), Some(year)) = (day, month, year) {
        put(&mut date, NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?)?;
    } else if day.or(month).or(year).is_some() {
        return None;
    }
    match (date, clock) {
        (Some(date), Some((clock, precision))) => {
            let wall = date.and_time(clock);
            sane(wall)?;
            Some(Printed::Wall { wall, precision, label })
        }
        (Some(date), None) => {
            sane(date.and_time(NaiveTime::MIN))?;
            Some(Printed::Day(date))
        }
        (None, Some((clock, precision))) => Some(Printed::Clock { clock, precision, label }),
        (None, None) => None,
    }
}

/// Fills an empty place; a second word for it means that this is not one time.
fn put<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

/// Whether a wall clock, wherever it hangs, shows a time of those years.
pub(super) fn sane(wall: NaiveDateTime) -> Option<()> {
    let within = |days: i64| {
        let there = wall.checked_add_signed(TimeDelta::days(days));
        there.is_some_and(|there| YEARS.contains(&chrono::Datelike::year(&there)))
    };
    (within(-1) && within(1)).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        match parse(text) {
            None => "-".into(),
            Some(Printed::Instant { at, .. }) => at.to_rfc3339(),
            Some(Printed::Wall { wall, label, .. }) => format!("{wall} {}", label.unwrap_or_default()),
            Some(Printed::Clock { clock, label, .. }) => format!("{clock} {}", label.unwrap_or_default()),
            Some(Printed::Ago { before, .. }) => format!("-{}s", before.num_seconds()),
            Some(Printed::Day(day)) => day.to_string(),
        }
    }

    #[test]
    fn what_newsrooms_print() {
        for (text, expected) in [
            ("18:39 GMT 10.01.2022", "2022-01-10 18:39:00 GMT"),
            ("22:57\u{a0} GMT 28.04.2020", "2020-04-28 22:57:00 GMT"),
            ("18:23 26.10.2023", "2023-10-26 18:23:00 "),
            ("6 January 2022 13:30", "2022-01-06 13:30:00 "),
            ("Thursday 06 January 2022 19:20 GMT", "2022-01-06 19:20:00 GMT"),
            ("14 August 2023 10:01", "2023-08-14 10:01:00 "),
            ("17:00, 24 December 2015", "2015-12-24 17:00:00 "),
            ("Updated 03:18, 07-Jan-2022", "2022-01-07 03:18:00 "),
            ("(Updated: 05:03 GMT 11.11.2023)", "2023-11-11 05:03:00 GMT"),
            ("12:09 a.m. ET, October 30, 2023", "2023-10-30 00:09:00 ET"),
            ("4:53 pm", "16:53:00 "),
            ("Mon, 26 January 2004 16:31:00 AT", "2004-01-26 16:31:00 AT"),
            ("UPDATED AT 12:30", "12:30:00 "),
            ("12.34 BST", "12:34:00 BST"),
            ("• 18:24", "18:24:00 "),
            ("13:30", "13:30:00 "),
            ("January 6, 2022", "2022-01-06"),
            ("30.01.2024", "2024-01-30"),
            ("2020/1/22 21:15:00", "2020-01-22 21:15:00 "),
            ("2022-01-06", "2022-01-06"),
            ("2023-08-14T09:01:52.000Z", "2023-08-14T09:01:52+00:00"),
            ("2024-08-05T21:00:18.921+01:00", "2024-08-05T20:00:18.921+00:00"),
            ("2023-05-15T11:50:54+0000", "2023-05-15T11:50:54+00:00"),
            ("2023-11-02T16:48Z", "2023-11-02T16:48:00+00:00"),
            ("2019-06-20T10:36", "2019-06-20 10:36:00 "),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59+00:00"),
            ("20m ago", "-1200s"),
            ("5 minutes ago", "-300s"),
            ("an hour ago", "-3600s"),
            ("just now", "-0s"),
        ] {
            assert_eq!(told(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_time() {
        for text in [
            "",
            "13",
            "2022",
            "January 2022",
            "killed on 6 January 2022",
            "A view in Almaty January 7, 2022. - Sputnik International, 1920, 10.01.2022",
            "25:10",
            "13:60",
            "31.02.2022",
            "13:30 14:30",
            "10:00 06.01.1969",
            "10:00 06.01.2201",
            "1970-01-01T00:00:00+14:00",
            "23:59 31.12.2200",
            "2022-13-01T00:00:00Z",
            "2021-05-01IST10:00:00+05:30",
            "+",
            "2022-01-06T10:00:00+é9",
            "99999 minutes ago",
            "ago",
            "5 ago",
        ] {
            assert_eq!(told(text), "-", "{text}");
        }
        assert_eq!(parse(&"1".repeat(1_000_000)), None);
    }

    #[test]
    fn epochs_in_seconds_and_milliseconds() {
        let at = |text: &str| match epoch(text) {
            Some(Printed::Instant { at, .. }) => at.to_rfc3339(),
            _ => "-".into(),
        };
        assert_eq!(at("1641496820"), "2022-01-06T19:20:20+00:00");
        assert_eq!(at("1691986806000"), "2023-08-14T04:20:06+00:00");
        assert_eq!(at("-5"), "-");
        assert_eq!(at("99999999999999999"), "-");
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,60}") {
            let _ = (parse(&text), epoch(&text));
        }
    }
}
