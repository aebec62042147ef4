//! Followed addresses: which there are, which are due, and how they fare.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::SqliteConnection;

use super::rows::{self, Fault, json};
use super::{SourceState, Store, StoreError};

impl Store {
    /// Every address ever followed, by address.
    pub async fn sources(&self) -> Result<Vec<SourceState>, StoreError> {
        async {
            let mut db = self.snapshot().await?;
            let found = sqlx::query("SELECT * FROM source ORDER BY url").fetch_all(&mut *db).await?;
            found.iter().map(rows::source).collect::<Result<_, Fault>>()
        }
        .await
        .map_err(|fault| self.named(fault))
    }

    /// The followed addresses to be asked for at `now`, the longest waiting first.
    pub async fn due(&self, now: DateTime<Utc>) -> Result<Vec<SourceState>, StoreError> {
        async { due(&mut *self.snapshot().await?, now).await }.await.map_err(|fault| self.named(fault))
    }

    /// Takes what is due at `now`: as [`Store::due`], and nobody else is given the same until `lease` is over, so that two
    /// processes on one store don't ask an outlet twice. A refresh that ends writes the true next time over the lease.
    pub async fn claim(&self, now: DateTime<Utc>, lease: TimeDelta) -> Result<Vec<SourceState>, StoreError> {
        async {
            let mut write = self.writing().await?;
            let claimed = due(&mut write, now).await?;
            sqlx::query("UPDATE source SET next_due = ? WHERE followed = 1 AND next_due <= ?")
                .bind((now + lease).timestamp_millis())
                .bind(now.timestamp_millis())
                .execute(&mut *write)
                .await?;
            write.commit().await?;
            Ok(claimed)
        }
        .await
        .map_err(|fault| self.named(fault))
    }

    /// When the next followed address is due.
    pub async fn next_due(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        async {
            let mut db = self.snapshot().await?;
            let row =
                sqlx::query("SELECT min(next_due) AS next_due FROM source WHERE followed = 1").fetch_one(&mut *db).await?;
            rows::maybe_instant(&row, "next_due")
        }
        .await
        .map_err(|fault| self.named(fault))
    }

    /// Writes the state of one address.
    pub async fn put_source(&self, state: &SourceState) -> Result<(), StoreError> {
        async {
            let mut write = self.writing().await?;
            put(&mut write, state).await?;
            Ok(write.commit().await?)
        }
        .await
        .map_err(|fault| self.named(fault))
    }

    /// Follows exactly `wanted` from now on. An address known already keeps how it fares and only takes over what the
    /// configuration says of it; one no longer wanted is left alone, and its entries stay.
    pub async fn follow(&self, wanted: &[SourceState]) -> Result<(), StoreError> {
        async {
            let mut write = self.writing().await?;
            sqlx::query("UPDATE source SET followed = 0").execute(&mut *write).await?;
            for state in wanted {
                // A shorter interval counts from now on, not after the longer one has run out; a failing address keeps
                // its pause.
                let changed = sqlx::query(
                    "UPDATE source SET outlet = ?1, title = ?2, every_s = ?3, followed = 1,
                        next_due = CASE WHEN failures = 0 AND every_s > ?3
                            THEN min(next_due, coalesce(last_tried, 0) + ?3 * 1000) ELSE next_due END
                     WHERE url = ?4",
                )
                .bind(&state.outlet)
                .bind(&state.title)
                .bind(state.every_s)
                .bind(&state.url)
                .execute(&mut *write)
                .await?;
                if changed.rows_affected() == 0 {
                    put(&mut write, state).await?;
                }
            }
            Ok(write.commit().await?)
        }
        .await
        .map_err(|fault| self.named(fault))
    }
}

async fn due(db: &mut SqliteConnection, now: DateTime<Utc>) -> Result<Vec<SourceState>, Fault> {
    let found = sqlx::query("SELECT * FROM source WHERE followed = 1 AND next_due <= ? ORDER BY next_due, url")
        .bind(now.timestamp_millis())
        .fetch_all(db)
        .await?;
    found.iter().map(rows::source).collect()
}

pub(super) async fn put(db: &mut SqliteConnection, state: &SourceState) -> Result<(), Fault> {
    sqlx::query(
        "INSERT OR REPLACE INTO source (url, outlet, title, every_s, followed, etag, last_modified, body_hash, blog,
            last_tried, last_ok, next_due, failures, last_error, problems)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&state.url)
    .bind(&state.outlet)
    .bind(&state.title)
    .bind(state.every_s)
    .bind(state.followed)
    .bind(&state.etag)
    .bind(&state.last_modified)
    .bind(state.body_hash.as_ref().map(|hash| &hash[..]))
    .bind(state.blog.as_ref().map(|id| &id.as_bytes()[..]))
    .bind(state.last_tried.map(|at| at.timestamp_millis()))
    .bind(state.last_ok.map(|at| at.timestamp_millis()))
    .bind(state.next_due.timestamp_millis())
    .bind(state.failures)
    .bind(&state.last_error)
    .bind(json(&state.problems)?)
    .execute(db)
    .await?;
    Ok(())
}
