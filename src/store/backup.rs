//! A copy of the store as it stood at one moment, made beside whoever writes to it.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::sqlite::{BUSY, check, inspect};
use super::{Store, StoreError};

/// What a copy holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Live blogs.
    pub live_blogs: i64,
    /// Entries.
    pub entries: i64,
    /// Bytes of the file.
    pub bytes: u64,
}

impl Store {
    /// Copies the store at `from` into the new file `to`, whoever writes to it meanwhile. What is there in the end under
    /// that name is whole, checked, and on the disk.
    pub async fn backup(from: &Path, to: &Path) -> Result<Copied, StoreError> {
        if !from.is_file() {
            return Err(StoreError::Missing { path: from.into() });
        }
        if to.exists() {
            return Err(StoreError::Exists { path: to.into() });
        }
        if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
            return Err(StoreError::NoFolder { path: to.into(), folder: folder.into() });
        }
        let partial = Partial::of(to);
        copy(from, &partial.0).await?;
        let (live_blogs, entries) = looked_at(&partial.0).await?;
        let bytes = partial.becomes(from, to).map_err(|source| StoreError::NotCopied { path: to.into(), source })?;
        Ok(Copied { live_blogs, entries, bytes })
    }
}

/// The copy on its way, which is gone if it does not get there.
struct Partial(PathBuf);

impl Partial {
    fn of(to: &Path) -> Partial {
        let mut name: OsString = to.as_os_str().to_owned();
        name.push(format!(".{}.partial", std::process::id()));
        Partial(name.into())
    }

    /// Gives the copy its name, and answers its size.
    fn becomes(self, from: &Path, to: &Path) -> std::io::Result<u64> {
        // Whoever may not read the store may not read a copy of it either.
        std::fs::set_permissions(&self.0, std::fs::metadata(from)?.permissions())?;
        let file = File::open(&self.0)?;
        file.sync_all()?;
        std::fs::rename(&self.0, to)?;
        // The name is on the disk when its folder is; where folders can't be opened, that is the system's business.
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if let Ok(folder) = File::open(folder) {
            let _ = folder.sync_all();
        }
        Ok(file.metadata()?.len())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn reading(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(BUSY)
}

async fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::of(from, source);
    let mut db = SqliteConnection::connect_with(&reading(from)).await.map_err(failed)?;
    check(from, inspect(&mut db).await.map_err(failed)?)?;
    let to = to.to_string_lossy().into_owned();
    // One read transaction, so one state of the store; writers go on beside it.
    sqlx::query("VACUUM INTO ?").bind(to).execute(&mut db).await.map_err(failed)?;
    db.close().await.map_err(failed)
}

async fn looked_at(copy: &Path) -> Result<(i64, i64), StoreError> {
    let failed = |source| StoreError::of(copy, source);
    let mut db = SqliteConnection::connect_with(&reading(copy)).await.map_err(failed)?;
    let found: String = sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(&mut db).await.map_err(failed)?;
    if found != "ok" {
        return Err(StoreError::Damaged { path: copy.into(), what: found });
    }
    let counts = "SELECT (SELECT count(*) FROM blog), (SELECT count(*) FROM entry)";
    let counted = sqlx::query_as(counts).fetch_one(&mut db).await.map_err(failed)?;
    db.close().await.map_err(failed)?;
    Ok(counted)
}
