//! Live blogs and their entries.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use super::rows::{self, Fault};
use super::{Store, StoreError, StoredBlog, StoredEntry};

impl Store {
    /// Every live blog in the store, by outlet and key.
    pub async fn blogs(&self) -> Result<Vec<StoredBlog>, StoreError> {
        async { blogs(&mut *self.snapshot().await?).await }.await.map_err(|fault| self.named(fault))
    }

    /// Every entry of one live blog, newest first.
    pub async fn entries_of(&self, blog: Uuid) -> Result<Vec<StoredEntry>, StoreError> {
        async { entries_of(&mut *self.snapshot().await?, blog).await }.await.map_err(|fault| self.named(fault))
    }

    /// Whether any entry is stored of this live blog.
    pub async fn holds(&self, blog: Uuid) -> Result<bool, StoreError> {
        async {
            let found = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM entry WHERE blog = ?)")
                .bind(&blog.as_bytes()[..])
                .fetch_one(&mut *self.reading().await?)
                .await?;
            Ok(found)
        }
        .await
        .map_err(|fault: Fault| self.named(fault))
    }
}

async fn blogs(db: &mut SqliteConnection) -> Result<Vec<StoredBlog>, Fault> {
    let found = sqlx::query("SELECT * FROM blog ORDER BY outlet, key").fetch_all(db).await?;
    found.iter().map(stored).collect()
}

/// A live blog read from its row.
pub(super) fn stored(row: &SqliteRow) -> Result<StoredBlog, Fault> {
    Ok(StoredBlog {
        head: rows::head(row)?,
        entries: row.try_get("entries")?,
        newest: rows::maybe_instant(row, "newest")?,
        changed: rows::instant(row, "changed")?,
        problems: rows::problems(row)?,
    })
}

async fn entries_of(db: &mut SqliteConnection, blog: Uuid) -> Result<Vec<StoredEntry>, Fault> {
    let found = sqlx::query("SELECT * FROM entry WHERE blog = ? ORDER BY published DESC, rank DESC, id")
        .bind(&blog.as_bytes()[..])
        .fetch_all(db)
        .await?;
    let stored = |row| Ok(StoredEntry { entry: rows::entry(row)?, rank: rows::rank(row)?, life: rows::life(row)? });
    found.iter().map(stored).collect()
}
