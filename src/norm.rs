//! What is usual for the pages of one address, and whether a reading falls out of it. Pure.
//!
//! A page that comes with status 200 can still be wrong: a new layout of which the old selectors find a third, a template
//! that lost its bylines, a list cut to its first entries. Each is a page that parses. What tells is its own history: nearly
//! every entry used to have a headline, and now nearly none has. Such a reading is set aside, and what was read before goes
//! on being served, until the same has come so often and for so long that it is what the outlet means.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::model::{LiveBlog, Precision};

/// So many readings make a norm, and so many that agree replace one.
const READINGS: u32 = 3;

/// A redesign is believed when its readings have agreed for so long. A broken template is mended sooner, mostly.
const BELIEVED_AFTER: TimeDelta = TimeDelta::minutes(30);

/// Shares of fewer entries than these are chance.
const FEWEST: u32 = 4;

/// How much a new reading moves the norm.
const WEIGHT: f64 = 0.2;

/// How well the entries of one reading are filled.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fill {
    /// How many entries there are.
    pub entries: f64,
    /// The share of them with a headline.
    pub headline: f64,
    /// The share with a time.
    pub time: f64,
    /// The share with a byline.
    pub byline: f64,
    /// The share with a text.
    pub body: f64,
    /// The median length of the texts, in characters.
    pub length: f64,
}

/// What was usual in the readings so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Norm {
    /// How many there were.
    pub readings: u32,
    /// Their fill, the newer ones weighing more.
    pub fill: Fill,
}

/// Readings that were set aside, one after another, because they fell out of the norm in the same way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quarantine {
    /// When the first of them came.
    pub since: DateTime<Utc>,
    /// How many there were.
    pub readings: u32,
    /// The fill of the last.
    pub fill: Fill,
    /// What was wrong with it, for people.
    pub why: String,
}

/// What is to be done with a reading.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It is as usual; this is the norm from now on.
    Usual(Norm),
    /// It is not, and is set aside.
    SetAside(Quarantine),
    /// It is not as it used to be, and has been so often and long enough: this is the norm from now on.
    NewShape(Norm),
}

impl Fill {
    /// The fill of a reading.
    pub fn of(blog: &LiveBlog) -> Fill {
        let count = blog.entries.len();
        let share = |has: &dyn Fn(&crate::model::Entry) -> bool| {
            blog.entries.iter().filter(|entry| has(entry)).count() as f64 / count.max(1) as f64
        };
        let mut lengths: Vec<usize> = blog.entries.iter().map(|entry| entry.body_text.chars().count()).collect();
        lengths.sort_unstable();
        Fill {
            entries: count as f64,
            headline: share(&|entry| entry.headline.is_some()),
            time: share(&|entry| entry.published.precision != Precision::Unknown),
            byline: share(&|entry| !entry.byline.is_empty()),
            body: share(&|entry| !entry.body_text.is_empty()),
            length: lengths.get(count / 2).copied().unwrap_or_default() as f64,
        }
    }

    fn shares(&self) -> [(&'static str, f64); 4] {
        [("a headline", self.headline), ("a time", self.time), ("a byline", self.byline), ("a text", self.body)]
    }

    /// Whether two readings that fall out of a norm do so in the same way.
    fn agrees(&self, other: &Fill) -> bool {
        let near = |one: f64, other: f64, factor: f64| one <= other * factor + 1.0 && other <= one * factor + 1.0;
        self.shares().iter().zip(other.shares()).all(|((_, one), (_, other))| (one - other).abs() <= 0.25)
            && near(self.entries, other.entries, 2.0)
            && near(self.length, other.length, 3.0)
    }
}

impl Norm {
    /// The norm of a single reading.
    fn new(fill: Fill) -> Norm {
        Norm { readings: 1, fill }
    }

    fn with(self, fill: Fill) -> Norm {
        // The first few count alike, so that an odd first one does not stay in it for long.
        let weight = WEIGHT.max(1.0 / f64::from(self.readings.saturating_add(1)));
        let mix = |old: f64, new: f64| old + (new - old) * weight;
        Norm {
            readings: self.readings.saturating_add(1),
            fill: Fill {
                entries: mix(self.fill.entries, fill.entries),
                headline: mix(self.fill.headline, fill.headline),
                time: mix(self.fill.time, fill.time),
                byline: mix(self.fill.byline, fill.byline),
                body: mix(self.fill.body, fill.body),
                length: mix(self.fill.length, fill.length),
            },
        }
    }

    /// What of `fill` falls out of the norm. The number of entries is only compared on the `same` live blog: another one
    /// at the same address begins anew.
    pub fn against(&self, fill: &Fill, same: bool) -> Vec<String> {
        let mut odd = Vec::new();
        if self.readings < READINGS {
            return odd;
        }
        if same && self.fill.entries >= 8.0 && fill.entries < self.fill.entries / 4.0 {
            odd.push(format!("{} entries, usually {:.0}", fill.entries, self.fill.entries));
        }
        if fill.entries < f64::from(FEWEST) {
            return odd;
        }
        for ((what, usual), (_, found)) in self.fill.shares().into_iter().zip(fill.shares()) {
            if usual >= 0.5 && found < usual * 0.4 {
                odd.push(format!("{what} in {:.0} % of the entries, usually in {:.0} %", found * 100.0, usual * 100.0));
            }
        }
        if self.fill.length >= 80.0 && fill.length < self.fill.length / 5.0 && fill.body > 0.0 {
            odd.push(format!("texts of {:.0} characters, usually of {:.0}", fill.length, self.fill.length));
        }
        odd
    }
}

/// Judges a reading by the norm so far and by what has been set aside so far. `accepted` is when somebody said that pages
/// which fall out of the norm are right.
pub fn judge(
    norm: Option<&Norm>,
    before: Option<&Quarantine>,
    fill: Fill,
    same: bool,
    accepted: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Verdict {
    let Some(norm) = norm else { return Verdict::Usual(Norm::new(fill)) };
    let odd = norm.against(&fill, same);
    if odd.is_empty() {
        return Verdict::Usual(norm.with(fill));
    }
    let why = odd.join("; ");
    let Some(before) = before else {
        return Verdict::SetAside(Quarantine { since: now, readings: 1, fill, why });
    };
    if accepted.is_some_and(|at| at >= before.since) {
        return Verdict::NewShape(Norm::new(fill));
    }
    if !before.fill.agrees(&fill) {
        return Verdict::SetAside(Quarantine { since: now, readings: 1, fill, why });
    }
    let readings = before.readings.saturating_add(1);
    if readings >= READINGS && now - before.since >= BELIEVED_AFTER {
        return Verdict::NewShape(Norm::new(fill));
    }
    Verdict::SetAside(Quarantine { since: before.since, readings, fill, why })
}

impl fmt::Display for Quarantine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the page is not as it used to be, so it is set aside: {}", self.why)
    }
}

impl fmt::Display for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} entries", self.entries)?;
        for (what, share) in self.shares() {
            write!(f, ", {what} in {:.0} %", share * 100.0)?;
        }
        write!(f, ", texts of {:.0} characters", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Fill = Fill { entries: 40.0, headline: 0.9, time: 1.0, byline: 0.6, body: 1.0, length: 600.0 };

    fn minute(minute: i64) -> DateTime<Utc> {
        "2022-01-07T12:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minute)
    }

    fn norm() -> Norm {
        (0..5).fold(Norm::new(GOOD), |norm, _| norm.with(GOOD))
    }

    #[test]
    fn what_falls_out_is_named_with_what_is_usual() {
        let odd = |fill: Fill| norm().against(&fill, true).join("; ");
        assert_eq!(odd(GOOD), "");
        assert_eq!(odd(Fill { entries: 9.0, ..GOOD }), "9 entries, usually 40");
        assert_eq!(odd(Fill { headline: 0.1, ..GOOD }), "a headline in 10 % of the entries, usually in 90 %");
        assert_eq!(odd(Fill { time: 0.0, ..GOOD }), "a time in 0 % of the entries, usually in 100 %");
        let cut = Fill { byline: 0.0, length: 20.0, ..GOOD };
        assert_eq!(odd(cut), "a byline in 0 % of the entries, usually in 60 %; texts of 20 characters, usually of 600");
        assert_eq!(odd(Fill { body: 0.0, length: 0.0, ..GOOD }), "a text in 0 % of the entries, usually in 100 %");
    }

    #[test]
    fn what_is_chance_or_growth_does_not_fall_out() {
        let fine = |fill: Fill, same| assert_eq!(norm().against(&fill, same), Vec::<String>::new(), "{fill}");
        fine(Fill { entries: 400.0, ..GOOD }, true);
        fine(Fill { entries: 12.0, headline: 0.5, byline: 0.3, length: 200.0, ..GOOD }, true);
        fine(Fill { headline: 1.0, byline: 1.0, length: 9000.0, ..GOOD }, true);
        fine(Fill { entries: 2.0, headline: 0.0, ..GOOD }, false);
        let young = Norm::new(GOOD).with(GOOD);
        assert!(young.against(&Fill { headline: 0.0, ..GOOD }, true).is_empty(), "two readings are no norm");
        let bare = Norm { fill: Fill { byline: 0.3, length: 50.0, ..GOOD }, ..norm() };
        assert!(bare.against(&Fill { byline: 0.0, length: 1.0, ..GOOD }, true).is_empty(), "it never had much of these");
    }

    /// Plays readings, each at a minute; answers whether each was taken, and leaves what holds then.
    fn play(readings: &[(i64, Fill)], accepted: Option<DateTime<Utc>>) -> Vec<bool> {
        let (mut norm, mut aside) = (Some(norm()), None);
        let step = |(at, fill): &(i64, Fill)| match judge(norm.as_ref(), aside.as_ref(), *fill, true, accepted, minute(*at))
        {
            Verdict::Usual(new) | Verdict::NewShape(new) => {
                (norm, aside) = (Some(new), None);
                true
            }
            Verdict::SetAside(why) => {
                aside = Some(why);
                false
            }
        };
        readings.iter().map(step).collect()
    }

    #[test]
    fn a_redesign_is_believed_after_readings_that_agree_for_half_an_hour() {
        let bare = Fill { headline: 0.0, ..GOOD };
        let later = |at| (at, bare);
        assert_eq!(play(&[0, 5, 10, 29, 30, 35].map(later), None), [false, false, false, false, true, true]);
        assert_eq!(play(&[0, 60, 120].map(later), None), [false, false, true], "and three of them at least");
        let other = Fill { byline: 0.0, ..GOOD };
        let flicker = [(0, bare), (20, other), (40, bare), (60, other), (80, bare), (100, bare), (111, bare)];
        assert_eq!(play(&flicker, None), [false, false, false, false, false, false, true]);
        assert_eq!(play(&[(0, bare), (20, GOOD), (40, bare), (60, bare)], None), [false, true, false, false]);
    }

    #[test]
    fn what_somebody_has_accepted_is_taken_at_once() {
        let bare = Fill { headline: 0.0, ..GOOD };
        assert_eq!(play(&[(0, bare), (5, bare)], Some(minute(3))), [false, true]);
        assert_eq!(play(&[(10, bare), (15, bare)], Some(minute(3))), [false, false], "that was about an earlier one");
    }

    #[test]
    fn the_norm_follows_slow_changes() {
        let mut norm = norm();
        for n in 1..=40 {
            let fill = Fill { entries: 40.0 - f64::from(n), byline: 0.6 - 0.015 * f64::from(n), ..GOOD };
            assert_eq!(norm.against(&fill, true), Vec::<String>::new(), "{n}");
            norm = norm.with(fill);
        }
    }
}
