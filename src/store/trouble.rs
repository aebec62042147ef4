//! Whether the disk does what it should. A store that can't be written goes on being read, so that somebody has to say.

use std::sync::{Arc, Mutex, PoisonError};

use super::rows::Fault;
use super::{Store, StoreError};

/// SQLite's primary codes for what a disk does: read-only, an IO error, full, can't be opened.
const DISK: [i64; 4] = [8, 10, 13, 14];

/// Why the disk failed last, until it works again. Shared by all clones of a store.
#[derive(Debug, Clone, Default)]
pub(super) struct Trouble(Arc<Mutex<Option<String>>>);

impl Trouble {
    /// Takes note of what is the disk's fault.
    pub fn note(&self, fault: &Fault) {
        let Fault::Sqlite(sqlx::Error::Database(error)) = fault else { return };
        let code: Option<i64> = error.code().and_then(|code| code.parse().ok());
        // Extended codes carry the primary one in their lowest byte.
        if code.is_some_and(|code| DISK.contains(&(code & 0xff))) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.message().to_owned());
        }
    }

    fn told(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn over(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Store {
    /// Why nothing can be kept at present, or not for certain.
    pub fn trouble(&self) -> Option<String> {
        self.noted().told()
    }

    /// Where there is trouble, tries whether it is over, by a write that changes nothing; answers whether there is none.
    pub async fn recovered(&self) -> Result<bool, StoreError> {
        if self.trouble().is_none() {
            return Ok(true);
        }
        let tried = async {
            let mut write = self.writing().await?;
            let version: i64 =
                sqlx::query_scalar("SELECT user_version FROM pragma_user_version").fetch_one(&mut *write).await?;
            let same = format!("PRAGMA user_version = {version}");
            sqlx::raw_sql(sqlx::AssertSqlSafe(same)).execute(&mut *write).await?;
            Ok(write.commit().await?)
        };
        tried.await.map_err(|fault: Fault| self.named(fault))?;
        self.noted().over();
        Ok(true)
    }
}
