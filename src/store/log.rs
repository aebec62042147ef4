//! The change log as somebody follows it: from a number on, and only what concerns them.

use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use super::changes::{Change, ChangeKind, change, latest};
use super::rows::{Fault, json};
use super::{Store, StoreError};

/// Changes that are looked through for one answer, at most: a rare kind must not cost a walk over the whole log.
const LOOKED_THROUGH: i64 = 50_000;

/// Which changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeFilter {
    /// Those after this number.
    pub after: i64,
    /// At most so many.
    pub limit: i64,
    /// Of these kinds only; of all where there are none.
    pub kinds: Vec<ChangeKind>,
    /// Of this outlet only.
    pub outlet: Option<String>,
    /// Of this live blog only.
    pub blog: Option<Uuid>,
}

/// A part of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangePage {
    /// Oldest first.
    pub changes: Vec<Change>,
    /// The number up to which everything has been looked through.
    pub after: i64,
    /// The number of the newest change of all.
    pub newest: i64,
}

impl Store {
    /// The next changes that `filter` lets through.
    pub async fn changes_where(&self, filter: &ChangeFilter) -> Result<ChangePage, StoreError> {
        async {
            let mut db = self.snapshot().await?;
            let newest = latest(&mut db).await?;
            let end = filter.after.saturating_add(LOOKED_THROUGH).min(newest);
            // Only what is asked for stands in the statement, so that SQLite sees which index serves it.
            let mut conditions = String::new();
            for (asked, condition) in [
                (!filter.kinds.is_empty(), " AND kind IN (SELECT value FROM json_each(?3))"),
                (filter.outlet.is_some(), " AND change.outlet = ?4"),
                (filter.blog.is_some(), " AND change.blog = ?5"),
            ] {
                conditions += if asked { condition } else { "" };
            }
            let sql = format!(
                "SELECT change.*, entry.id AS entry_id FROM change LEFT JOIN entry ON entry.n = change.entry
                 WHERE seq > ?1 AND seq <= ?2{conditions} ORDER BY seq LIMIT ?6"
            );
            let kinds: Vec<&str> = filter.kinds.iter().map(|kind| kind.name()).collect();
            let found = sqlx::query(AssertSqlSafe(sql))
                .bind(filter.after)
                .bind(end)
                .bind(json(&kinds)?)
                .bind(&filter.outlet)
                .bind(filter.blog.as_ref().map(|id| &id.as_bytes()[..]))
                .bind(filter.limit)
                .fetch_all(&mut *db)
                .await?;
            let after = match found.last() {
                Some(last) if found.len() as i64 == filter.limit => last.try_get("seq")?,
                // A log that is shorter than somebody believes is theirs to deal with.
                _ => end.max(filter.after),
            };
            let changes = found.iter().map(change).collect::<Result<Vec<_>, Fault>>()?;
            Ok(ChangePage { changes, after, newest })
        }
        .await
        .map_err(|fault| self.named(fault))
    }
}
