//! What a server shows of the store without its entries, and what of that has changed since it last looked.

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::blogs::stored;
use super::changes::latest;
use super::rows::{self, Fault};
use super::{SourceState, Store, StoreError, StoredBlog};

/// What somebody has seen already.
#[derive(Debug, Clone, Copy)]
pub struct Looked {
    /// See [`Store::generation`].
    pub generation: i64,
    /// The newest [`StoredBlog::changed`].
    pub changed: DateTime<Utc>,
    /// The newest [`SourceState::last_tried`]; none where all addresses are to be told again. How they fare is written with
    /// every refresh and moves no generation; what the configuration says of them moves nothing at all.
    pub tried: Option<DateTime<Utc>>,
}

/// All there is, or what is new.
#[derive(Debug)]
pub struct Look {
    /// See [`Store::generation`].
    pub generation: i64,
    /// Live blogs by outlet and key.
    pub blogs: Half<StoredBlog>,
    /// Addresses in their order, those too that are followed no more.
    pub sources: Half<SourceState>,
}

/// One half of a [`Look`].
#[derive(Debug)]
pub enum Half<T> {
    /// There are these.
    All(Vec<T>),
    /// These are new, or otherwise than before.
    Changed(Vec<T>),
}

impl Store {
    /// Looks at everything, or at what is not `seen` yet.
    pub async fn look(&self, seen: Option<Looked>) -> Result<Look, StoreError> {
        async {
            let mut db = self.snapshot().await?;
            let generation = latest(&mut db).await?;
            let blogs = match seen {
                Some(seen) if seen.generation == generation => Half::Changed(Vec::new()),
                // A log that has become shorter is another one.
                Some(seen) if seen.generation < generation => {
                    Half::Changed(blogs(&mut db, "WHERE changed > ?", Some(seen.changed)).await?)
                }
                _ => Half::All(blogs(&mut db, "WHERE ? IS NULL", None).await?),
            };
            let sources = match seen.and_then(|seen| seen.tried) {
                // Of those asked for within the same millisecond, one may have been written later.
                Some(tried) => Half::Changed(sources(&mut db, "WHERE last_tried >= ?", Some(tried)).await?),
                None => Half::All(sources(&mut db, "WHERE ? IS NULL", None).await?),
            };
            Ok(Look { generation, blogs, sources })
        }
        .await
        .map_err(|fault| self.named(fault))
    }
}

async fn blogs(db: &mut SqliteConnection, which: &str, after: Option<DateTime<Utc>>) -> Result<Vec<StoredBlog>, Fault> {
    let sql = format!("SELECT * FROM blog {which} ORDER BY outlet, key");
    let found = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(after.map(|at| at.timestamp_millis())).fetch_all(db).await?;
    found.iter().map(stored).collect()
}

async fn sources(db: &mut SqliteConnection, which: &str, after: Option<DateTime<Utc>>) -> Result<Vec<SourceState>, Fault> {
    let sql = format!("SELECT * FROM source {which} ORDER BY url");
    let found = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(after.map(|at| at.timestamp_millis())).fetch_all(db).await?;
    found.iter().map(rows::source).collect()
}
