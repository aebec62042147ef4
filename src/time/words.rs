//! The words a printed time is made of.

use crate::model::Precision;
use chrono::{NaiveDate, NaiveTime};

/// One word of a printed time.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// `13:30`, `12.34`, `21:15:00`, with `am` or `pm` already applied.
    Clock(NaiveTime, Precision),
    /// A whole date in one word: `06.01.2022`, `07-Jan-2022`, `2020/1/22`.
    Date(NaiveDate),
    /// The name of a month.
    Month(u32),
    /// A bare number: a day or a year.
    Number(u32),
    /// A zone abbreviation.
    Label(String),
    /// A word that may stand in a time and says nothing about it: a weekday, "updated", "at".
    Noise,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const NOISE: [&str; 8] = ["updated", "published", "posted", "last", "at", "on", "from", "•"];
/// Upper-case words that are taken for a zone's name. What they mean is for the zone of the outlet to confirm.
const LABELS: [&str; 24] = [
    "GMT", "UTC", "UT", "Z", "BST", "IST", "CET", "CEST", "MEZ", "MESZ", "EET", "EEST", "MSK", "ET", "EST", "EDT", "CT",
    "CST", "CDT", "PT", "PST", "PDT", "AEST", "AEDT",
];

/// The words of a text, or `None` at the first one that has no place in a time.
pub(super) fn words(text: &str) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    let mut last = "";
    for part in text.split(|c: char| c.is_whitespace() || matches!(c, ',' | '(' | ')' | '|' | '\u{200b}')) {
        let part = part.trim_end_matches(':');
        if part.is_empty() {
            continue;
        }
        if let Some(half) = half_of_day(part) {
            afternoon(words.last_mut()?, half)?;
        } else {
            words.push(word(part)?);
        }
        if words.len() > 12 {
            return None;
        }
        last = part;
    }
    // Atlantic Time, not the word: nothing follows that it could stand before.
    if let ("AT", [.., Word::Clock(..), word]) = (last, &mut words[..]) {
        *word = Word::Label(last.to_owned());
    }
    Some(words)
}

fn word(part: &str) -> Option<Word> {
    if part.starts_with(|c: char| c.is_ascii_digit()) {
        return number(part);
    }
    let lower = part.trim_end_matches('.').to_lowercase();
    if let Some(month) = named(&MONTHS, &lower) {
        return Some(Word::Month(month));
    }
    if named(&WEEKDAYS, &lower).is_some() || NOISE.contains(&lower.as_str()) {
        return Some(Word::Noise);
    }
    LABELS.contains(&part).then(|| Word::Label(part.to_owned()))
}

/// Position from 1 of a name, whole or cut to three letters or more (`Jan`, `Sept`, `Tues`).
fn named(names: &[&str], word: &str) -> Option<u32> {
    let at = names.iter().position(|name| word.len() >= 3 && name.starts_with(word))?;
    u32::try_from(at + 1).ok()
}

fn number(part: &str) -> Option<Word> {
    if let Ok(number) = part.trim_end_matches(['.']).parse::<u32>() {
        return (part.len() <= 5).then_some(Word::Number(number));
    }
    if let Some(clock) = clock(part) {
        return Some(clock);
    }
    date(part).map(Word::Date)
}

/// `13:30`, `13.30`, `13:30:59`, `4:53pm`, `8pm`.
fn clock(part: &str) -> Option<Word> {
    let lower = part.to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '.');
    let half = match &lower[digits.len()..] {
        "" => None,
        suffix => Some(half_of_day(suffix)?),
    };
    let separator = if digits.contains(':') { ':' } else { '.' };
    let fields: Vec<&str> = digits.split(separator).collect();
    let two = |field: &str| field.parse::<u32>().ok().filter(|_| field.len() == 2);
    let hour = fields.first()?.parse::<u32>().ok().filter(|_| fields[0].len() <= 2)?;
    let (minute, second, precision) = match fields.as_slice() {
        [_] if half.is_some() => (0, 0, Precision::Minute),
        [_, minute] => (two(minute)?, 0, Precision::Minute),
        [_, minute, second] if separator == ':' => (two(minute)?, two(second)?, Precision::Second),
        _ => return None,
    };
    // 23:59:60 is a leap second: the last second that a calendar can hold.
    let time = NaiveTime::from_hms_opt(hour, minute, if second == 60 { 59 } else { second })?;
    let mut word = Word::Clock(time, precision);
    if let Some(half) = half {
        afternoon(&mut word, half)?;
    }
    Some(word)
}

/// Whether a word is `am` (false) or `pm` (true).
fn half_of_day(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().replace('.', "").as_str() {
        "am" => Some(false),
        "pm" => Some(true),
        _ => None,
    }
}

fn afternoon(word: &mut Word, pm: bool) -> Option<()> {
    use chrono::Timelike;
    let Word::Clock(time, _) = word else { return None };
    let hour = match (time.hour(), pm) {
        (12, false) => 0,
        (hour @ 1..=11, true) => hour + 12,
        (hour @ 1..=12, _) => hour,
        _ => return None,
    };
    *time = time.with_hour(hour)?;
    Some(())
}

/// `06.01.2022` and `07-Jan-2022` begin with the day, `2020/1/22` with the year. `01/06/2022` is refused: half of the world
/// reads it as June.
fn date(part: &str) -> Option<NaiveDate> {
    let separator = part.chars().find(|c| matches!(c, '.' | '-' | '/'))?;
    let fields: Vec<&str> = part.trim_end_matches('.').split(separator).collect();
    let [first, second, third] = fields.as_slice() else { return None };
    let month = match second.parse::<u32>() {
        Ok(month) => month,
        Err(_) => named(&MONTHS, &second.to_lowercase())?,
    };
    let (year, day) = match (first.len(), third.len()) {
        (4, 1..=2) => (first, third),
        (1..=2, 4) if separator != '/' => (third, first),
        _ => return None,
    };
    NaiveDate::from_ymd_opt(year.parse().ok()?, month, day.parse().ok()?)
}
