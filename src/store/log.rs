//! The change log as somebody follows it: from a number on, and only what concerns them.

use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row, SqliteConnection};
use uuid::Uuid;

use super::changes::{Change, ChangeKind, change, latest};
use super::rows::{Fault, id_list, json};
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
    /// Of these outlets only, by slug; of all where there are none.
    pub outlets: Vec<String>,
    /// Of these live blogs only; of all where there are none.
    pub blogs: Vec<Uuid>,
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
        async { Ok(rows_of(&mut *self.snapshot().await?, filter).await?.1) }.await.map_err(|fault| self.named(fault))
    }
}

/// The next changes that `filter` lets through, and the rows that they were read from.
pub(super) async fn rows_of(
    db: &mut SqliteConnection,
    filter: &ChangeFilter,
) -> Result<(Vec<SqliteRow>, ChangePage), Fault> {
    let newest = latest(db).await?;
    let end = filter.after.saturating_add(LOOKED_THROUGH).min(newest);
    // Only what is asked for stands in the statement, so that SQLite sees which index serves it.
    let kinds = if filter.kinds.is_empty() { "" } else { " AND kind IN (SELECT value FROM json_each(?3))" };
    let outlets = match filter.outlets.len() {
        0 => "",
        1 => " AND change.outlet = ?4 ->> 0",
        _ => " AND change.outlet IN (SELECT value FROM json_each(?4))",
    };
    let blogs = match filter.blogs.len() {
        0 => "",
        1 => " AND change.blog = unhex(?5 ->> 0)",
        _ => " AND change.blog IN (SELECT unhex(value) FROM json_each(?5))",
    };
    let sql = format!(
        "SELECT change.*, entry.id AS entry_id FROM change LEFT JOIN entry ON entry.n = change.entry
         WHERE seq > ?1 AND seq <= ?2{kinds}{outlets}{blogs} ORDER BY seq LIMIT ?6"
    );
    let found = sqlx::query(AssertSqlSafe(sql))
        .bind(filter.after)
        .bind(end)
        .bind(json(&filter.kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>())?)
        .bind(json(&filter.outlets)?)
        .bind(id_list(filter.blogs.iter().copied()))
        .bind(filter.limit)
        .fetch_all(&mut *db)
        .await?;
    let after = match found.last() {
        Some(last) if found.len() as i64 == filter.limit => last.try_get("seq")?,
        // A log that is shorter than somebody believes is theirs to deal with.
        _ => end.max(filter.after),
    };
    let changes = found.iter().map(change).collect::<Result<Vec<_>, Fault>>()?;
    Ok((found, ChangePage { changes, after, newest }))
}
