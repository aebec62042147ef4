//! How much there is in the store.

use sqlx::Row;

use super::rows::Fault;
use super::{Store, StoreError};

/// The store's size at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// Live blogs.
    pub live_blogs: i64,
    /// Entries.
    pub entries: i64,
    /// Earlier states of entries.
    pub revisions: i64,
    /// Bytes on the disk, the write-ahead log included.
    pub bytes: u64,
}

impl Store {
    /// Counts what is stored. Each count walks an index, which is no work for every request.
    pub async fn measure(&self) -> Result<Measured, StoreError> {
        let counted = async {
            let mut db = self.snapshot().await?;
            let counts = "SELECT (SELECT count(*) FROM blog) AS live_blogs, (SELECT count(*) FROM entry) AS entries,
                (SELECT count(*) FROM revision) AS revisions";
            let row = sqlx::query(counts).fetch_one(&mut *db).await?;
            Ok((row.try_get("live_blogs")?, row.try_get("entries")?, row.try_get("revisions")?))
        };
        let (live_blogs, entries, revisions) = counted.await.map_err(|fault: Fault| self.named(fault))?;
        Ok(Measured { live_blogs, entries, revisions, bytes: self.bytes() })
    }

    /// Bytes of the file and of the log beside it.
    fn bytes(&self) -> u64 {
        let mut log = self.path().as_os_str().to_owned();
        log.push("-wal");
        let size = |path: &std::path::Path| std::fs::metadata(path).map_or(0, |file| file.len());
        size(self.path()) + size(log.as_ref())
    }
}
