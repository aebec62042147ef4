//! How often a live blog is worth a look, by the rhythm of its own entries. Pure.
//!
//! Half of the time that entries take to come: then a new one waits a quarter of that on average until it is seen, and a look
//! in two finds something. A live blog that falls silent is looked at less the longer it has been silent, one that has ended
//! hardly ever.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::model::{CoverageState, LiveBlog, Precision};

/// How many of the newest entries are remembered.
const REMEMBERED: usize = 11;

/// The longest interval, unless the configuration asks for a longer one.
const RAREST: TimeDelta = TimeDelta::days(1);

/// A live blog that does not say whether it goes on counts as ended when it has been silent for so long.
const SILENT: TimeDelta = TimeDelta::days(1);

/// What the interval of a live blog is chosen by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rhythm {
    /// What the page says of itself.
    state: CoverageState,
    /// When it ended, as the page says.
    ended: Option<DateTime<Utc>>,
    /// When its newest entries were published, from the newest.
    newest: Vec<DateTime<Utc>>,
}

/// Between which intervals to choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Never more often.
    pub min_every: TimeDelta,
    /// Never more seldom while it is live.
    pub every: TimeDelta,
}

/// An interval, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// From one look to the next.
    pub every: TimeDelta,
    /// Why, for people.
    pub why: String,
}

impl Rhythm {
    /// The rhythm of a live blog as it was captured at `seen`. Entries of which only the day is known say nothing of it, nor do
    /// those that are dated in the future.
    pub fn of(blog: &LiveBlog, seen: DateTime<Utc>) -> Rhythm {
        let timed = |precision| matches!(precision, Precision::Second | Precision::Minute | Precision::Hour);
        let stamps = blog.entries.iter().map(|entry| &entry.published).filter(|stamp| timed(stamp.precision));
        let mut newest: Vec<_> = stamps.map(|stamp| stamp.at).filter(|at| *at <= seen).collect();
        newest.sort_unstable_by(|one, other| other.cmp(one));
        newest.truncate(REMEMBERED);
        Rhythm { state: blog.head.coverage.state, ended: blog.head.coverage.ended, newest }
    }

    /// How often to look from `now` on.
    pub fn pace(&self, bounds: Bounds, now: DateTime<Utc>) -> Pace {
        let Bounds { min_every, every } = bounds;
        // A clock that was set back must not make a silence negative.
        let since = |at: DateTime<Utc>| (now - at).max(TimeDelta::zero());
        let silent = self.newest.first().map(|newest| since(*newest));
        let over = match self.state {
            CoverageState::Ended | CoverageState::Article => true,
            CoverageState::Unknown => silent.is_some_and(|silent| silent >= SILENT),
            CoverageState::Live => false,
        };
        if over {
            let last = self.ended.into_iter().chain(self.newest.first().copied()).max();
            let interval = last.map_or(every, |last| since(last) / 4).clamp(every, every.max(RAREST));
            let what = if self.state == CoverageState::Unknown { "silent" } else { "over" };
            let why = last.map_or(what.to_owned(), |last| format!("{what} since {}", instant(last)));
            return Pace { every: interval, why };
        }
        let Some(silent) = silent else {
            return Pace { every, why: "no entry has a time yet".to_owned() };
        };
        let apart = self.apart();
        let interval = (apart.unwrap_or_default().max(silent) / 2).clamp(min_every, every.max(min_every));
        let why = match apart {
            Some(apart) if apart >= silent => format!("entries come {} apart", Spoken(apart)),
            Some(apart) => {
                format!("quiet since {}; entries came {} apart", instant(self.newest[0]), Spoken(apart))
            }
            None => format!("one entry so far, of {}", instant(self.newest[0])),
        };
        Pace { every: interval, why }
    }

    /// The median of the times between two entries.
    fn apart(&self) -> Option<TimeDelta> {
        let mut apart: Vec<_> = self.newest.windows(2).map(|pair| pair[0] - pair[1]).collect();
        apart.sort_unstable();
        apart.get(apart.len() / 2).copied()
    }
}

fn instant(at: DateTime<Utc>) -> impl fmt::Display {
    at.format("%Y-%m-%d %H:%M UTC")
}

/// A span of time in one or two words, as exact as it matters.
#[derive(Debug, Clone, Copy)]
pub struct Spoken(pub TimeDelta);

impl fmt::Display for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.num_seconds().max(0);
        let (minutes, hours) = ((seconds + 30) / 60, (seconds + 1800) / 3600);
        match seconds {
            0..120 if seconds % 60 != 0 || seconds == 0 => write!(f, "{seconds}s"),
            0..7200 => write!(f, "{minutes}m"),
            7200..172_800 => write!(f, "{hours}h"),
            _ => write!(f, "{}d", (seconds + 43_200) / 86_400),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { min_every: TimeDelta::minutes(1), every: TimeDelta::minutes(5) };

    fn minute(minute: i64) -> DateTime<Utc> {
        "2022-01-07T12:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minute)
    }

    fn rhythm(state: CoverageState, minutes: &[i64]) -> Rhythm {
        Rhythm { state, ended: None, newest: minutes.iter().map(|at| minute(*at)).collect() }
    }

    fn pace(rhythm: &Rhythm, at: i64) -> (i64, String) {
        let pace = rhythm.pace(BOUNDS, minute(at));
        (pace.every.num_seconds(), pace.why)
    }

    #[test]
    fn quick_while_busy_and_slower_as_it_quietens() {
        let live = rhythm(CoverageState::Live, &[30, 27, 23, 20, 10, 9, 6]);
        assert_eq!(pace(&live, 31), (90, "entries come 3m apart".into()));
        let quiet = "quiet since 2022-01-07 12:30 UTC; entries came 3m apart";
        assert_eq!(pace(&live, 36), (180, quiet.into()));
        assert_eq!(pace(&live, 40), (300, quiet.into()));
        assert_eq!(pace(&live, 3000), (300, quiet.into()), "live, so the ceiling holds");
        let storm = rhythm(CoverageState::Live, &[30, 30, 30, 29]);
        assert_eq!(pace(&storm, 30), (60, "entries come 0s apart".into()), "never below the floor");
    }

    #[test]
    fn rare_once_it_is_over() {
        let ended = rhythm(CoverageState::Ended, &[30, 27]);
        for (at, seconds) in [(31, 300), (50, 300), (30 + 240, 3600), (30 + 4 * 60 * 24 * 7, 86_400)] {
            assert_eq!(pace(&ended, at), (seconds, "over since 2022-01-07 12:30 UTC".into()), "{at}");
        }
        let told = Rhythm { ended: Some(minute(60)), ..ended };
        assert_eq!(pace(&told, 60 + 240), (3600, "over since 2022-01-07 13:00 UTC".into()));
        let untold = rhythm(CoverageState::Unknown, &[30, 27]);
        assert_eq!(pace(&untold, 31).0, 90);
        assert_eq!(pace(&untold, 30 + 60 * 23).0, 300);
        assert_eq!(pace(&untold, 30 + 60 * 24), (6 * 3600, "silent since 2022-01-07 12:30 UTC".into()));
        assert_eq!(pace(&rhythm(CoverageState::Article, &[]), 0), (300, "over".into()));
    }

    #[test]
    fn a_ceiling_longer_than_a_day_and_one_below_the_floor_hold() {
        let ended = rhythm(CoverageState::Ended, &[30]);
        let weekly = Bounds { every: TimeDelta::days(7), ..BOUNDS };
        assert_eq!(ended.pace(weekly, minute(1_000_000)).every, TimeDelta::days(7));
        let odd = Bounds { min_every: TimeDelta::minutes(9), every: TimeDelta::minutes(5) };
        assert_eq!(rhythm(CoverageState::Live, &[30, 29]).pace(odd, minute(31)).every, TimeDelta::minutes(9));
    }

    #[test]
    fn little_is_known_at_first_and_clocks_may_be_wrong() {
        assert_eq!(pace(&rhythm(CoverageState::Live, &[]), 0), (300, "no entry has a time yet".into()));
        let one = rhythm(CoverageState::Live, &[30]);
        assert_eq!(pace(&one, 34), (120, "one entry so far, of 2022-01-07 12:30 UTC".into()));
        assert_eq!(pace(&one, -500_000).0, 60, "a clock that was set back");
        assert_eq!(pace(&one, 5_000_000).0, 300, "and one that was set on");
    }

    #[test]
    fn spans_are_spoken_as_exactly_as_it_matters() {
        let spoken = |seconds| Spoken(TimeDelta::seconds(seconds)).to_string();
        let all = [0, 45, 60, 90, 120, 150, 5400, 7200, 86_400, 200_000, -5].map(spoken);
        assert_eq!(all, ["0s", "45s", "1m", "90s", "2m", "3m", "90m", "2h", "24h", "2d", "0s"]);
    }
}
