//! How far each sink has been told.

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::rows::{self, Fault};
use super::{Store, StoreError};

/// How one sink fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkState {
    /// Its address.
    pub url: String,
    /// The change up to which it has taken everything.
    pub seq: i64,
    /// When it last took something.
    pub last_ok: Option<DateTime<Utc>>,
    /// How often it has failed since then.
    pub failures: u32,
    /// Why it failed last; none after it took something.
    pub last_error: Option<String>,
}

impl Store {
    /// Every sink there ever was, by address.
    pub async fn sinks(&self) -> Result<Vec<SinkState>, StoreError> {
        async {
            let found = sqlx::query("SELECT * FROM sink ORDER BY url").fetch_all(&mut *self.snapshot().await?).await?;
            found.iter().map(state).collect::<Result<_, Fault>>()
        }
        .await
        .map_err(|fault: Fault| self.named(fault))
    }

    /// How the sink at `url` fares. A new one begins behind the newest change.
    pub async fn sink(&self, url: &str) -> Result<SinkState, StoreError> {
        async {
            let mut write = self.writing().await?;
            sqlx::query(
                "INSERT INTO sink (url, seq, failures) VALUES (?, (SELECT coalesce(max(seq), 0) FROM change), 0)
                 ON CONFLICT DO NOTHING",
            )
            .bind(url)
            .execute(&mut *write)
            .await?;
            let row = sqlx::query("SELECT * FROM sink WHERE url = ?").bind(url).fetch_one(&mut *write).await?;
            let state = state(&row)?;
            write.commit().await?;
            Ok(state)
        }
        .await
        .map_err(|fault: Fault| self.named(fault))
    }

    /// Writes how a sink fares.
    pub async fn put_sink(&self, state: &SinkState) -> Result<(), StoreError> {
        async {
            let mut write = self.writing().await?;
            sqlx::query(
                "INSERT INTO sink (url, seq, last_ok, failures, last_error) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (url) DO UPDATE SET seq = ?2, last_ok = ?3, failures = ?4, last_error = ?5",
            )
            .bind(&state.url)
            .bind(state.seq)
            .bind(state.last_ok.map(|at| at.timestamp_millis()))
            .bind(state.failures)
            .bind(&state.last_error)
            .execute(&mut *write)
            .await?;
            Ok(write.commit().await?)
        }
        .await
        .map_err(|fault: Fault| self.named(fault))
    }
}

fn state(row: &SqliteRow) -> Result<SinkState, Fault> {
    Ok(SinkState {
        url: row.try_get("url")?,
        seq: row.try_get("seq")?,
        last_ok: rows::maybe_instant(row, "last_ok")?,
        failures: rows::number(row, "failures")?,
        last_error: row.try_get("last_error")?,
    })
}
