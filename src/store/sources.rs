//! Followed addresses: which there are, which are due, and how they fare.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::SqliteConnection;

use super::rows::{self, Fault, json};
use super::{Backfill, SourceState, Store, StoreError};

/// An address last asked for later than this from now was asked for under a clock that has been set back since. Its next
/// time means nothing, and waiting for it could take years.
const CLOCK_BACK: TimeDelta = TimeDelta::minutes(1);

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

    /// Which of `mine` are to be asked for at `now`, the longest waiting first.
    pub async fn due(&self, mine: &[String], now: DateTime<Utc>) -> Result<Vec<SourceState>, StoreError> {
        async { due(&mut *self.snapshot().await?, mine, now).await }.await.map_err(|fault| self.named(fault))
    }

    /// Takes what of `mine` is due at `now`, and nobody else is given the same until `lease` and its own interval are over, so
    /// that two processes on one store don't ask an outlet twice, and one that is killed and started again and again asks no
    /// more often than any other. A refresh that ends writes the true next time over the lease.
    ///
    /// Which addresses are its own a process has to say: a store may know others, of `serve --follow` or another config, and
    /// a `refresh` that runs on it between two servers must not ask for those.
    pub async fn claim(
        &self,
        mine: &[String],
        now: DateTime<Utc>,
        lease: TimeDelta,
    ) -> Result<Vec<SourceState>, StoreError> {
        async {
            if due(&mut *self.snapshot().await?, mine, now).await?.is_empty() {
                return Ok(Vec::new());
            }
            let mut write = self.writing().await?;
            let claimed = due(&mut write, mine, now).await?;
            sqlx::query(
                "UPDATE source SET next_due = max(?2, ?1 + coalesce(pace_s, every_s) * 1000), last_tried = ?1
                 WHERE url IN (SELECT value FROM json_each(?4)) AND (next_due <= ?1 OR last_tried > ?3)",
            )
            .bind(now.timestamp_millis())
            .bind((now + lease).timestamp_millis())
            .bind((now + CLOCK_BACK).timestamp_millis())
            .bind(json(&mine)?)
            .execute(&mut *write)
            .await?;
            write.commit().await?;
            Ok(claimed)
        }
        .await
        .map_err(|fault| self.named(fault))
    }

    /// When the next of `mine` is due.
    pub async fn next_due(&self, mine: &[String]) -> Result<Option<DateTime<Utc>>, StoreError> {
        async {
            let mut db = self.snapshot().await?;
            let query = "SELECT min(next_due) AS next_due FROM source WHERE url IN (SELECT value FROM json_each(?))";
            let row = sqlx::query(query).bind(json(&mine)?).fetch_one(&mut *db).await?;
            rows::maybe_instant(&row, "next_due")
        }
        .await
        .map_err(|fault| self.named(fault))
    }

    /// Takes what is set aside of an address for right, from its next reading on, and makes that due. Says whether there was
    /// anything to accept.
    pub async fn accept(&self, url: &str, now: DateTime<Utc>) -> Result<bool, StoreError> {
        async {
            let mut write = self.writing().await?;
            let query = "UPDATE source SET accepted = ?2, next_due = min(next_due, ?2) WHERE url = ?1 AND aside IS NOT NULL";
            let accepted = sqlx::query(query).bind(url).bind(now.timestamp_millis()).execute(&mut *write).await?;
            write.commit().await?;
            Ok(accepted.rows_affected() == 1)
        }
        .await
        .map_err(|fault: Fault| self.named(fault))
    }

    /// Makes addresses due at `now`: somebody has changed what becomes of them. One that fails keeps its pause.
    pub async fn hasten(&self, urls: &[String], now: DateTime<Utc>) -> Result<(), StoreError> {
        async {
            let mut write = self.writing().await?;
            let query = "UPDATE source SET next_due = min(next_due, ?2)
                         WHERE url IN (SELECT value FROM json_each(?1)) AND failures = 0";
            sqlx::query(query).bind(json(&urls)?).bind(now.timestamp_millis()).execute(&mut *write).await?;
            Ok(write.commit().await?)
        }
        .await
        .map_err(|fault: Fault| self.named(fault))
    }

    /// Writes how one address fares. What the configuration says of a known address is left to [`Store::follow`].
    pub async fn put_source(&self, state: &SourceState) -> Result<(), StoreError> {
        async {
            let mut write = self.writing().await?;
            put(&mut write, state).await?;
            Ok(write.commit().await?)
        }
        .await
        .map_err(|fault| self.named(fault))
    }

    /// Writes how far back an address has been read.
    pub async fn put_backfill(&self, url: &str, backfill: Option<&Backfill>) -> Result<(), StoreError> {
        async {
            let mut write = self.writing().await?;
            let backfill = backfill.map(json).transpose()?;
            sqlx::query("UPDATE source SET backfill = ?2 WHERE url = ?1")
                .bind(url)
                .bind(backfill)
                .execute(&mut *write)
                .await?;
            Ok(write.commit().await?)
        }
        .await
        .map_err(|fault: Fault| self.named(fault))
    }

    /// Follows `wanted` from now on. An address known already keeps how it fares and only takes over what the configuration
    /// says of it. With `only`, any other is shown as followed no more; its entries stay.
    pub async fn follow(&self, wanted: &[SourceState], only: bool) -> Result<(), StoreError> {
        async {
            let mut write = self.writing().await?;
            if only {
                sqlx::query("UPDATE source SET followed = 0").execute(&mut *write).await?;
            }
            for state in wanted {
                // A shorter interval counts from now on, not after the longer one has run out; a failing address keeps
                // its pause. A page that is to be read as something else is asked for whole and read anew.
                let changed = sqlx::query(
                    "UPDATE source SET outlet = ?1, title = ?2, every_s = ?3, min_every_s = ?5, followed = 1,
                        etag = CASE WHEN outlet IS ?1 AND title IS ?2 THEN etag END,
                        last_modified = CASE WHEN outlet IS ?1 AND title IS ?2 THEN last_modified END,
                        body_hash = CASE WHEN outlet IS ?1 AND title IS ?2 THEN body_hash END,
                        norm = CASE WHEN outlet IS ?1 THEN norm END, aside = CASE WHEN outlet IS ?1 THEN aside END,
                        next_due = CASE WHEN failures = 0 AND every_s > ?3
                            THEN min(next_due, coalesce(last_tried, 0) + ?3 * 1000) ELSE next_due END
                     WHERE url = ?4",
                )
                .bind(&state.outlet)
                .bind(&state.title)
                .bind(state.every_s)
                .bind(&state.url)
                .bind(state.min_every_s)
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

async fn due(db: &mut SqliteConnection, mine: &[String], now: DateTime<Utc>) -> Result<Vec<SourceState>, Fault> {
    let query = "SELECT * FROM source WHERE url IN (SELECT value FROM json_each(?3)) AND (next_due <= ?1 OR last_tried > ?2)
                 ORDER BY next_due, url";
    let found = sqlx::query(query)
        .bind(now.timestamp_millis())
        .bind((now + CLOCK_BACK).timestamp_millis())
        .bind(json(&mine)?)
        .fetch_all(db)
        .await?;
    found.iter().map(rows::source).collect()
}

pub(super) async fn put(db: &mut SqliteConnection, state: &SourceState) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO source (url, outlet, title, every_s, followed, etag, last_modified, body_hash, read_by, blog,
            last_tried, last_ok, next_due, failures, last_error, problems, pace_s, why, rhythm, norm, aside, backfill,
            min_every_s)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)
         ON CONFLICT (url) DO UPDATE SET etag = ?6, last_modified = ?7, body_hash = ?8, read_by = ?9, blog = ?10,
            last_tried = ?11, last_ok = ?12, next_due = ?13, failures = ?14, last_error = ?15, problems = ?16,
            pace_s = ?17, why = ?18, rhythm = ?19, norm = ?20, aside = ?21, backfill = ?22",
    )
    .bind(&state.url)
    .bind(&state.outlet)
    .bind(&state.title)
    .bind(state.every_s)
    .bind(state.followed)
    .bind(&state.etag)
    .bind(&state.last_modified)
    .bind(state.body_hash.as_ref().map(|hash| &hash[..]))
    .bind(&state.read_by)
    .bind(state.blog.as_ref().map(|id| &id.as_bytes()[..]))
    .bind(state.last_tried.map(|at| at.timestamp_millis()))
    .bind(state.last_ok.map(|at| at.timestamp_millis()))
    .bind(state.next_due.timestamp_millis())
    .bind(state.failures)
    .bind(&state.last_error)
    .bind(json(&state.problems)?)
    .bind(state.pace_s)
    .bind(&state.why)
    .bind(state.rhythm.as_ref().map(json).transpose()?)
    .bind(state.norm.as_ref().map(json).transpose()?)
    .bind(state.aside.as_ref().map(json).transpose()?)
    .bind(state.backfill.as_ref().map(json).transpose()?)
    .bind(state.min_every_s)
    .execute(db)
    .await?;
    Ok(())
}
