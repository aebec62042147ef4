//! Rows of one index, newest first, fetched in steps as far as they are needed; and several such walks taken as one.

use std::collections::VecDeque;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::{Bound, View, statement};
use crate::store::rows::{Fault, damaged};

/// Rows fetched at once, at most.
const STEP: i64 = 1024;

/// What of an entry's life an item tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Entry,
    Edit,
    Withdrawal,
}

/// What a walk comes by: a state of an entry, or a change of one.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// Where it stands among those of other walks.
    order: (i64, i64),
    /// Where the walk goes on behind it.
    key: [i64; 3],
    /// `entry.n`.
    pub n: i64,
    since: i64,
    until: i64,
    /// Whether it meets the conditions that no index knows of.
    fits: bool,
    pub what: What,
    /// When the state to be shown stood.
    pub shown: i64,
}

/// One walk. Its statement answers `k1`, `k2`, `k3` (where it is), `o1` and `n` (its order), `since` and `until` (when what it
/// comes by stood), `fits`, `what` and `shown`; it takes the scope as `?1`, the keys to begin behind as `?2` to `?4`, and how
/// many rows as `?5`. The others are its own.
pub(super) struct Walk {
    sql: String,
    bound: Bound,
    key: [i64; 3],
    own: Own,
    step: i64,
    rows: VecDeque<Candidate>,
    over: bool,
}

/// Parameters from `?6` on.
#[derive(Debug, Clone, Default)]
pub(super) struct Own {
    /// What the full text is to match.
    pub matching: Option<String>,
    /// The lowest key.
    pub lowest: i64,
    /// Published from here on, in milliseconds.
    pub since: i64,
    /// And before this.
    pub until: i64,
    /// `entry.n` of the newest entry.
    pub newest: i64,
}

impl Walk {
    pub fn new(sql: String, bound: Bound, key: [i64; 3], own: Own, limit: i64) -> Walk {
        // One more than what is wanted tells that there is an end without asking again.
        let step = limit.saturating_add(1).clamp(1, STEP);
        Walk { sql, bound, key, own, step, rows: VecDeque::new(), over: false }
    }

    #[cfg(test)]
    pub fn sql(&self) -> &str {
        &self.sql
    }

    async fn peek(&mut self, db: &mut SqliteConnection) -> Result<Option<&Candidate>, Fault> {
        if self.rows.is_empty() && !self.over {
            let query = self.bound.to(statement(self.sql.clone()));
            let query = self.key.iter().fold(query, |query, key| query.bind(*key)).bind(self.step);
            let query = query.bind(&self.own.matching).bind(self.own.lowest).bind(self.own.since).bind(self.own.until);
            let found = query.bind(self.own.newest).fetch_all(db).await?;
            self.over = (found.len() as i64) < self.step;
            self.step = (self.step * 2).min(STEP);
            self.rows = found.iter().map(candidate).collect::<Result<_, _>>()?;
            if let Some(last) = self.rows.back() {
                self.key = last.key;
            }
        }
        Ok(self.rows.front())
    }
}

fn candidate(row: &SqliteRow) -> Result<Candidate, Fault> {
    let n = row.try_get("n")?;
    Ok(Candidate {
        order: (row.try_get("o1")?, n),
        key: [row.try_get("k1")?, row.try_get("k2")?, row.try_get("k3")?],
        n,
        since: row.try_get("since")?,
        until: row.try_get("until")?,
        fits: row.try_get("fits")?,
        what: match row.try_get::<i64, _>("what")? {
            0 => What::Entry,
            1 => What::Edit,
            2 => What::Withdrawal,
            other => return Err(damaged("what", other)),
        },
        shown: row.try_get("shown")?,
    })
}

/// Several walks as one, in their common order, leaving out what did not stand at the view's instant.
pub(super) struct Walks(pub Vec<Walk>);

impl Walks {
    /// At most `limit` more.
    pub async fn take(&mut self, db: &mut SqliteConnection, view: &View, limit: usize) -> Result<Vec<Candidate>, Fault> {
        let mut taken = Vec::new();
        while taken.len() < limit {
            let mut first: Option<(usize, (i64, i64))> = None;
            for (nth, walk) in self.0.iter_mut().enumerate() {
                if let Some(candidate) = walk.peek(db).await?
                    && first.is_none_or(|(_, order)| candidate.order > order)
                {
                    first = Some((nth, candidate.order));
                }
            }
            let Some(candidate) = first.and_then(|(nth, _)| self.0[nth].rows.pop_front()) else { break };
            if candidate.fits && candidate.since <= view.at && view.at < candidate.until {
                taken.push(candidate);
            }
        }
        Ok(taken)
    }
}
