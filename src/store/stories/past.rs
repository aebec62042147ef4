//! The stories of a store that is older than stories: found from its change log, as they would have been found then.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::super::rows::{self, Fault};
use super::find::{Subject, assign};

/// Goes through the log, one transaction of it after another.
pub(in super::super) async fn from_the_log(db: &mut SqliteConnection) -> Result<(), Fault> {
    let mut last: Option<i64> = None;
    loop {
        let next = "SELECT min(at) FROM change WHERE at > coalesce(?, -9223372036854775808)";
        let Some(at) = sqlx::query_scalar::<_, Option<i64>>(next).bind(last).fetch_one(&mut *db).await? else {
            return Ok(());
        };
        last = Some(at);
        // The state that began then: the present one, or the one of those that have been.
        let entry = sqlx::query(
            "SELECT entry.* FROM change JOIN entry ON entry.n = change.entry
             WHERE change.at = ? AND kind IN ('new', 'edited') GROUP BY entry.n ORDER BY entry.n",
        );
        let mut subjects = Vec::new();
        for row in &entry.bind(at).fetch_all(&mut *db).await? {
            subjects.push(subject(db, row, at).await?);
        }
        assign(db, at, subjects).await?;
    }
}

async fn subject(db: &mut SqliteConnection, row: &SqliteRow, at: i64) -> Result<Subject, Fault> {
    let (n, now): (i64, _) = (row.try_get("n")?, rows::entry(row)?);
    let then = sqlx::query("SELECT * FROM revision WHERE entry = ? AND until > ? ORDER BY until LIMIT 1").bind(n).bind(at);
    Ok(match then.fetch_optional(db).await? {
        Some(row) => Subject::of(n, &rows::past_entry(&row, &now)?, at, true),
        None => Subject::of(n, &now, at, true),
    })
}
