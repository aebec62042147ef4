//! Withdrawn is not scrolled off: when the absence of an entry means that the outlet took it back.
//!
//! A page pages entries off, is cut short, comes back as a consent wall or in a layout that is read badly. So an entry is
//! withdrawn only when a page that shows the whole live blog, with entries both older and newer than it, lacks it in two
//! refreshes in a row, and when what is lacking is not so much that the reading itself is the likelier fault. Where the
//! outlet marks an entry as taken back, that is taken at its word.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::model::{Entry, ProblemCode};

use super::reach::reach;
use super::{Known, KnownEntry, Reading};

/// How the entries that the page has, or has not, stand now.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Presence {
    /// Lacking for the first time.
    pub missed: Vec<Uuid>,
    /// Lacking once before, and there again.
    pub found: Vec<Uuid>,
    /// Lacking again: taken back by the outlet.
    pub withdrawn: Vec<Uuid>,
    /// Taken back before, and there again.
    pub restored: Vec<Uuid>,
}

/// More missing entries than this, and more than a third of what should be there, is a page that was read badly.
const FEW: usize = 3;

/// `entries` are those of the page, oldest first; `present` says for each stored entry whether it is among them.
pub(super) fn presence(known: &Known, reading: &Reading, entries: &[&Entry], present: &[bool]) -> Presence {
    let mut standing = Presence::default();
    let each = || known.entries.iter().zip(present);
    for (stored, _) in each().filter(|(_, present)| **present) {
        if stored.withdrawn {
            standing.restored.push(stored.id);
        } else if stored.missing.is_some() {
            standing.found.push(stored.id);
        }
    }
    // The outlet says so itself: nothing is to be waited for.
    let keys: HashSet<&str> = reading.blog.withdrawn.iter().map(String::as_str).collect();
    let named: HashSet<&Uuid> = keys.iter().filter_map(|key| known.aliases.get(*key)).collect();
    let told = |stored: &KnownEntry| keys.contains(stored.key.as_str()) || named.contains(&stored.id);
    let taken_back = |(stored, present): &(&KnownEntry, &bool)| !**present && !stored.withdrawn && told(stored);
    standing.withdrawn = each().filter(taken_back).map(|(stored, _)| stored.id).collect();
    let Some((oldest, newest)) = reach(entries).filter(|_| complete(reading)) else { return standing };
    let within = |at: DateTime<Utc>| oldest < at && at < newest;
    let expected = || each().filter(|(stored, _)| !stored.withdrawn && !told(stored) && within(stored.published.at));
    let lacking = expected().filter(|(_, present)| !**present).count();
    if lacking > FEW && lacking * 3 > expected().count() {
        return standing;
    }
    for (stored, _) in expected().filter(|(_, present)| !**present) {
        match stored.missing {
            None => standing.missed.push(stored.id),
            // The same capture read twice is no second refresh.
            Some(since) if since < reading.seen => standing.withdrawn.push(stored.id),
            Some(_) => {}
        }
    }
    standing
}

/// Whether the page is meant to show the whole live blog, and came whole.
fn complete(reading: &Reading) -> bool {
    let blog = reading.blog;
    let broken = |code| matches!(code, ProblemCode::Damaged | ProblemCode::Limit | ProblemCode::NoEntries);
    !reading.history && !blog.window && blog.older.is_none() && !blog.problems.iter().any(|problem| broken(problem.code))
}
