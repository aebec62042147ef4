//! How much of the bytes of captures is kept: the oldest go first, and what they were read as stays.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::Row;

use super::rows::{self, Fault};
use super::{Store, StoreError};

/// Bodies that one transaction takes away at most: others wait for it.
const LOT: usize = 64;

/// How long the bytes of captures are kept, and how many of them. What is beyond either is taken away; the record of each
/// capture stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepCaptures {
    /// No longer than this after the capture.
    pub age: Option<Duration>,
    /// No more than this of all together, compressed. With 0, none is ever written.
    pub bytes: Option<u64>,
}

impl KeepCaptures {
    /// All of them, for ever.
    pub const ALL: KeepCaptures = KeepCaptures { age: None, bytes: None };
    /// None of them.
    pub const NONE: KeepCaptures = KeepCaptures { age: None, bytes: Some(0) };
}

impl Default for KeepCaptures {
    /// 2 GiB: some fifty thousand pages. No age, so that a quiet store can be rebuilt after years.
    fn default() -> Self {
        KeepCaptures { age: None, bytes: Some(2 << 30) }
    }
}

/// What was taken away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// How many captures lost their bytes.
    pub captures: usize,
    /// How many bytes those were, compressed. The file does not shrink by them: it grows no more until they are used up.
    pub bytes: u64,
}

impl Store {
    /// The same store, keeping captures like this from now on. Without it, all are kept.
    pub fn keeping(mut self, keep: KeepCaptures) -> Store {
        self.keep = keep;
        self
    }

    pub(super) fn keeps_bytes(&self) -> bool {
        self.keep.bytes != Some(0)
    }

    /// Takes away what is beyond the bounds at `now`, in transactions that keep nobody waiting for long.
    pub async fn prune(&self, now: DateTime<Utc>) -> Result<Pruned, StoreError> {
        let mut all = Pruned::default();
        loop {
            let some = self.prune_some(now).await.map_err(|fault| self.named(fault))?;
            all = Pruned { captures: all.captures + some.captures, bytes: all.bytes + some.bytes };
            if some.captures < LOT {
                return Ok(all);
            }
        }
    }

    /// The same, once, after a save. The save is done: that this fails is told and no more.
    pub(super) async fn prune_in_passing(&self, now: DateTime<Utc>) {
        if let Err(fault) = self.prune_some(now).await {
            tracing::warn!("old captures could not be taken away: {}", self.named(fault));
        }
    }

    async fn prune_some(&self, now: DateTime<Utc>) -> Result<Pruned, Fault> {
        // An age that reaches back before all time takes nothing.
        let before = self.keep.age.and_then(|age| now.checked_sub_signed(TimeDelta::from_std(age).ok()?));
        let before = before.map_or(i64::MIN, |before| before.timestamp_millis());
        let most = self.keep.bytes.and_then(|most| i64::try_from(most).ok()).unwrap_or(i64::MAX);
        let beyond = "SELECT (SELECT bytes FROM capture_bytes) > ?1
                        OR EXISTS (SELECT 1 FROM capture_body WHERE captured < ?2)";
        let asked = sqlx::query_scalar::<_, bool>(beyond).bind(most).bind(before);
        if !asked.fetch_one(&mut *self.reading().await?).await? {
            return Ok(Pruned::default());
        }
        let mut write = self.writing().await?;
        let mut held: i64 = sqlx::query_scalar("SELECT bytes FROM capture_bytes").fetch_one(&mut *write).await?;
        let oldest = sqlx::query(
            "SELECT capture, captured, length(zstd) AS bytes FROM capture_body ORDER BY captured, capture LIMIT ?",
        )
        .bind(LOT as i64)
        .fetch_all(&mut *write)
        .await?;
        let mut pruned = (Vec::<i64>::new(), 0);
        for row in oldest {
            let (captured, bytes): (i64, i64) = (row.try_get("captured")?, row.try_get("bytes")?);
            if captured >= before && held <= most {
                break;
            }
            held -= bytes;
            pruned.0.push(row.try_get("capture")?);
            pruned.1 += bytes.unsigned_abs();
        }
        sqlx::query("DELETE FROM capture_body WHERE capture IN (SELECT value FROM json_each(?))")
            .bind(rows::json(&pruned.0)?)
            .execute(&mut *write)
            .await?;
        write.commit().await?;
        Ok(Pruned { captures: pruned.0.len(), bytes: pruned.1 })
    }
}
