//! What rebuilding a store from its captures takes beside saving them again.

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::rows::Fault;
use super::{Store, StoreError};

/// A capture as it was saved once.
#[derive(Debug, Clone, Copy)]
pub struct Again {
    /// Its number.
    pub id: i64,
    /// The newest capture of its live blog that had been read before, kept or not. One that changed nothing is not kept, and
    /// what came after it out of order is not to be taken for newer.
    pub after: Option<DateTime<Utc>>,
}

impl Store {
    /// How many entries were stored without the page that they were read from, before there were captures.
    pub async fn entries_without_capture(&self) -> Result<i64, StoreError> {
        async {
            let query = "SELECT count(*) FROM change WHERE kind = 'new' AND capture IS NULL";
            Ok(sqlx::query_scalar(query).fetch_one(&mut *self.snapshot().await?).await?)
        }
        .await
        .map_err(|fault: Fault| self.named(fault))
    }

    /// Takes over from `other`, a store of the same captures, what no capture tells: the followed addresses, how far sinks and
    /// subscribers have been told, who has asked to be, and the last look at each page.
    pub async fn carry_over(&self, other: &Store) -> Result<(), StoreError> {
        for state in other.sources().await? {
            self.put_source(&state).await?;
        }
        for state in other.sinks().await? {
            self.put_sink(&state).await?;
        }
        for subscription in other.subscriptions().await? {
            self.keep_subscription(&subscription).await?;
        }
        for asked in other.hub_requests().await? {
            self.ask_hub(&asked, u32::MAX, u32::MAX).await?;
        }
        let looks = async {
            let looks = sqlx::query("SELECT id, seen, problems FROM blog").fetch_all(&mut *other.snapshot().await?).await?;
            let look = |row: &SqliteRow| Ok((row.try_get("id")?, row.try_get("seen")?, row.try_get("problems")?));
            looks.iter().map(look).collect::<Result<Vec<(Vec<u8>, i64, String)>, Fault>>()
        };
        let looks = looks.await.map_err(|fault: Fault| other.named(fault))?;
        async {
            let mut write = self.writing().await?;
            for (id, seen, problems) in looks {
                sqlx::query("UPDATE blog SET seen = ?, problems = ? WHERE id = ?")
                    .bind(seen)
                    .bind(problems)
                    .bind(id)
                    .execute(&mut *write)
                    .await?;
            }
            Ok(write.commit().await?)
        }
        .await
        .map_err(|fault: Fault| self.named(fault))
    }
}
