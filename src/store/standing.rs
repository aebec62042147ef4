//! How a followed address fares, in words: for `tidings status`, and for whoever else wants to tell.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::rhythm::Spoken;

use super::SourceState;

/// How a followed address fares, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It has not been asked for yet.
    New,
    /// The last page was read.
    Well,
    /// A page is there and has no entry yet.
    Waiting,
    /// The last refresh failed: what was read before is served.
    Failing,
    /// The last page was not as it used to be, and was set aside: what was read before is served.
    SetAside,
}

impl Health {
    /// Whether somebody may want to look after it.
    pub fn is_sick(self) -> bool {
        matches!(self, Health::Failing | Health::SetAside)
    }
}

impl SourceState {
    /// How it fares.
    pub fn health(&self) -> Health {
        match (&self.aside, self.failures, &self.last_error) {
            (Some(_), 1.., _) => Health::SetAside,
            (_, 1.., _) => Health::Failing,
            (_, 0, Some(_)) => Health::Waiting,
            (_, 0, None) if self.last_ok.is_none() => Health::New,
            _ => Health::Well,
        }
    }

    /// How it fares and since when, in a sentence.
    pub fn told(&self, now: DateTime<Utc>) -> String {
        let ago = |at: DateTime<Utc>| format!("{} ago", Spoken(now - at));
        let last = self.last_ok.map_or("never read".to_owned(), |at| format!("last read {}", ago(at)));
        match (self.health(), &self.last_error, &self.aside) {
            (Health::SetAside, _, Some(aside)) => {
                let readings = if aside.readings == 1 { "1 reading".into() } else { format!("{} readings", aside.readings) };
                format!("{last}; {readings} set aside since {}: {}", ago(aside.since), aside.why)
            }
            (Health::Failing, Some(reason), _) if self.failures == 1 => format!("{last}; the last refresh failed: {reason}"),
            (Health::Failing, Some(reason), _) => format!("{last}; {} refreshes failed: {reason}", self.failures),
            (Health::Waiting, Some(reason), _) => format!("{last}; {reason}"),
            _ => last,
        }
    }

    /// When it is asked for next and why then, in a sentence.
    pub fn next_told(&self, now: DateTime<Utc>) -> String {
        let seconds = |seconds: u32| Spoken(chrono::TimeDelta::seconds(seconds.into()));
        let when = match self.next_due > now {
            true => format!("next in {}", Spoken(self.next_due - now)),
            false => "due now".to_owned(),
        };
        let Some(why) = &self.why else { return when };
        let pace = seconds(self.pace_s());
        match self.pace_s() > self.every_s {
            true => format!("{when}: {why}, so every {pace}"),
            false => format!(
                "{when}: {why}, so every {pace} (from {} to {})",
                seconds(self.min_every_s.min(self.every_s)),
                seconds(self.every_s)
            ),
        }
    }

    /// How far back it has been read, in a sentence; nothing where it is all on one page.
    pub fn backfill_told(&self) -> Option<String> {
        let backfill = self.backfill.as_ref()?;
        let read =
            if backfill.read == 1 { "1 older page read".into() } else { format!("{} older pages read", backfill.read) };
        Some(match (&backfill.next, &backfill.ended) {
            (Some(next), _) => format!("{read}, at most {} more to come, the next is {next}", backfill.left),
            (None, Some(reason)) => format!("{read}, and no further: {reason}"),
            (None, None) => read,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::norm::{Fill, Quarantine};
    use crate::store::Backfill;
    use chrono::TimeDelta;

    fn minute(minute: i64) -> DateTime<Utc> {
        "2022-01-07T12:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minute)
    }

    fn source() -> SourceState {
        SourceState {
            min_every_s: 60,
            pace_s: Some(90),
            why: Some("entries come 3m apart".into()),
            last_ok: Some(minute(0)),
            next_due: minute(3),
            ..SourceState::new("https://news.example/", 300, minute(0))
        }
    }

    #[test]
    fn each_state_is_told_with_its_reason() {
        let new = SourceState::new("https://news.example/", 300, minute(0));
        assert_eq!((new.health(), new.told(minute(0)).as_str()), (Health::New, "never read"));
        assert_eq!(new.next_told(minute(0)), "due now");
        assert_eq!((source().health(), source().told(minute(2)).as_str()), (Health::Well, "last read 2m ago"));
        let failing = SourceState { failures: 2, last_error: Some("status 500".into()), ..source() };
        let told = "last read 60m ago; 2 refreshes failed: status 500";
        assert_eq!((failing.health(), failing.told(minute(60)).as_str()), (Health::Failing, told));
        let fill = Fill { entries: 9.0, headline: 0.0, time: 1.0, byline: 1.0, body: 1.0, length: 90.0 };
        let aside = Quarantine { since: minute(10), readings: 2, fill, why: "9 entries, usually 40".into() };
        let aside = SourceState { aside: Some(aside), ..failing };
        let told = "last read 20m ago; 2 readings set aside since 10m ago: 9 entries, usually 40";
        assert_eq!((aside.health(), aside.told(minute(20)).as_str()), (Health::SetAside, told));
        let waiting = SourceState { last_error: Some("the page has no entries yet".into()), ..source() };
        assert_eq!((waiting.health(), waiting.health().is_sick()), (Health::Waiting, false));
    }

    #[test]
    fn the_next_time_is_told_with_what_it_is_chosen_by() {
        assert_eq!(source().next_told(minute(2)), "next in 1m: entries come 3m apart, so every 90s (from 1m to 5m)");
        let over = SourceState { pace_s: Some(21_600), why: Some("over since 2022-01-06 12:00 UTC".into()), ..source() };
        assert_eq!(over.next_told(minute(4)), "due now: over since 2022-01-06 12:00 UTC, so every 6h");
    }

    #[test]
    fn how_far_back_it_was_read_is_told() {
        let backfill = Backfill {
            of: uuid::Uuid::nil(),
            begun: minute(0),
            next: Some("https://news.example/?page=3".into()),
            left: 8,
            read: 2,
            failures: 0,
            ended: None,
        };
        let told = |backfill: Backfill| SourceState { backfill: Some(backfill), ..source() }.backfill_told().unwrap();
        assert_eq!(
            told(backfill.clone()),
            "2 older pages read, at most 8 more to come, the next is https://news.example/?page=3"
        );
        let ended = Backfill { next: None, read: 1, ended: Some("status 404".into()), ..backfill };
        assert_eq!(told(ended.clone()), "1 older page read, and no further: status 404");
        assert_eq!(told(Backfill { ended: None, ..ended }), "1 older page read");
    }
}
