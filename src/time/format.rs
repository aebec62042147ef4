//! Times in a format that a person has told us, where ours do not know it.

use super::Printed;
use super::printed::sane;
use crate::model::Precision;
use chrono::format::{Item, Parsed, StrftimeItems};
use chrono::{NaiveDate, NaiveTime};

/// How an outlet prints its times, in the signs of `strftime`: `%d/%m/%Y à %H:%M`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format(String);

impl Format {
    /// Reads a format. One from which no time can be told is refused, with the reason.
    pub fn new(text: &str) -> Result<Self, String> {
        const EXAMPLE: &str = "write it as strftime does, for example \"%d/%m/%Y %H:%M\"";
        if text.len() > 100 || StrftimeItems::new(text).any(|item| item == Item::Error) {
            return Err(format!("`{}` is not a format of times: {EXAMPLE}", text.escape_debug()));
        }
        let format = Format(text.to_owned());
        // Whether it says enough shows when it is used both ways, on a moment all of whose parts differ.
        let moment = NaiveDate::from_ymd_opt(2022, 11, 27).and_then(|day| day.and_hms_opt(13, 45, 6)).map(|at| at.and_utc());
        let printed = moment.and_then(|at| {
            use std::fmt::Write;
            let mut printed = String::new();
            write!(printed, "{}", at.format(text)).ok().map(|()| printed)
        });
        match printed.and_then(|printed| format.parse(&printed)) {
            Some(_) => Ok(format),
            None => Err(format!(
                "`{}` does not say enough to tell a time: it needs day, month and year, or hour and minute, or both; {EXAMPLE}",
                text.escape_debug()
            )),
        }
    }

    /// Reads a printed time; `None` where it is not in this format from its first character to its last.
    pub fn parse(&self, text: &str) -> Option<Printed> {
        let mut parsed = Parsed::new();
        chrono::format::parse(&mut parsed, text.trim(), StrftimeItems::new(&self.0)).ok()?;
        let exact = parsed.second().is_some() || parsed.timestamp().is_some();
        let precision = if exact { Precision::Second } else { Precision::Minute };
        if parsed.offset().is_some() || parsed.timestamp().is_some() {
            let at = parsed.to_naive_datetime_with_offset(parsed.offset().unwrap_or(0)).ok()?;
            let at = at.checked_sub_signed(chrono::TimeDelta::seconds(parsed.offset().unwrap_or(0).into()))?;
            sane(at)?;
            return Some(Printed::Instant { at: at.and_utc(), precision });
        }
        let (date, clock) = (parsed.to_naive_date().ok(), parsed.to_naive_time().ok());
        match (date, clock) {
            (Some(date), clock) => {
                sane(date.and_time(NaiveTime::MIN))?;
                Some(match clock {
                    Some(clock) => Printed::Wall { wall: date.and_time(clock), precision, label: None },
                    None => Printed::Day(date),
                })
            }
            // A month and a day without their year tell no day.
            (None, Some(clock)) if parsed.month().is_none() && parsed.day().is_none() => {
                Some(Printed::Clock { clock, precision, label: None })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(format: &str, text: &str) -> String {
        match Format::new(format).unwrap().parse(text) {
            None => "-".into(),
            Some(Printed::Instant { at, precision }) => format!("{} {precision:?}", at.to_rfc3339()),
            Some(Printed::Wall { wall, precision, .. }) => format!("{wall} {precision:?}"),
            Some(Printed::Clock { clock, .. }) => clock.to_string(),
            Some(Printed::Day(day)) => day.to_string(),
            Some(other) => format!("{other:?}"),
        }
    }

    #[test]
    fn formats_of_newsrooms() {
        for (format, text, expected) in [
            ("%d/%m/%Y à %H:%M", "02/11/2023 à 17:05", "2023-11-02 17:05:00 Minute"),
            ("%d/%m/%Y à %H:%M", " 2/11/2023 à 17:05 ", "2023-11-02 17:05:00 Minute"),
            ("%H.%M Uhr", "17.05 Uhr", "17:05:00"),
            ("%Y%m%dT%H%M%S", "20231102T170507", "2023-11-02 17:05:07 Second"),
            ("%d.%m.%y", "02.11.23", "2023-11-02"),
            ("%s", "1698944707", "2023-11-02T17:05:07+00:00 Second"),
            ("%d %b %Y %H:%M %z", "2 Nov 2023 17:05 +0100", "2023-11-02T16:05:00+00:00 Minute"),
            ("%m/%d/%Y %I:%M %p", "11/02/2023 5:05 PM", "2023-11-02 17:05:00 Minute"),
            ("%d/%m/%Y", "02/11/2023 17:05", "-"),
            ("%d/%m/%Y", "31/02/2023", "-"),
            ("%d/%m/%Y", "02/11/0023", "-"),
            ("%d/%m/%Y", "", "-"),
        ] {
            assert_eq!(told(format, text), expected, "{format} {text}");
        }
    }

    #[test]
    fn formats_that_tell_no_time_are_refused() {
        for format in ["", "%Q", "%", "%d/%m", "%d %b %H:%M", "%Y", "%H", "%A", "live", &"%H:%M ".repeat(50)] {
            assert!(Format::new(format).is_err(), "{format}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_format_and_no_text_panics(format in "(%[a-zA-Z0-9:#.+-]{1,3}|.){0,8}", text in "\\PC{0,40}") {
            if let Ok(format) = Format::new(&format) {
                let _ = format.parse(&text);
            }
        }
    }
}
