//! Opening the file: is it ours, which schema has it, and what is missing to this one.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, Sqlite, Transaction};

use super::StoreError;
use super::changes::latest;
use super::notice::Notice;
use super::prune::KeepCaptures;
use super::rows::Fault;
use super::stories;
use super::trouble::Trouble;

/// `PRAGMA application_id` of a tidings store: "tide" in ASCII.
const APPLICATION: i64 = 0x7469_6465;

/// Each brings the schema one version further; the nth makes version n + 1. One that has been released is never edited.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
    include_str!("schema/6.sql"),
    include_str!("schema/7.sql"),
    include_str!("schema/8.sql"),
    include_str!("schema/9.sql"),
];

/// Rows that SQLite's thread may be ahead of who takes them. A busy machine would switch between the two at every fiftieth
/// otherwise, and each switch is a wait.
const ROWS: usize = 1024;

/// What each connection keeps of the file's pages, as `PRAGMA cache_size` has it: in KiB where it is negative. SQLite's own
/// 2 MiB fill over the first hour or so of a busy store, which looks like memory that leaks, and the system keeps the pages anyway.
const PAGES: &str = "-1024";

/// The schema that has stories: what was stored before is grouped when it is made.
const STORIES: usize = 4;

/// How long a write waits for those of this process before it.
const TURN: Duration = Duration::from_secs(600);

/// How long a write waits for another process to finish its own.
pub(super) const BUSY: Duration = Duration::from_secs(10);

/// The store: cheap to clone, every clone is the same open file.
#[derive(Debug, Clone)]
pub struct Store {
    path: Arc<Path>,
    readers: SqlitePool,
    /// One connection only: SQLite has one writer at a time, and waiting here is fairer than its busy handler.
    writer: SqlitePool,
    notice: Notice,
    trouble: Trouble,
    pub(super) keep: KeepCaptures,
}

impl Store {
    /// Opens the store at `path`, making a new one where there is no file, and brings its schema up to date.
    pub async fn open(path: &Path) -> Result<Store, StoreError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
            return Err(StoreError::NoFolder { path: path.into(), folder: folder.into() });
        }
        let options = options(path).create_if_missing(true).synchronous(SqliteSynchronous::Full);
        let mut first = connect(&options, path).await?;
        let database = |source| StoreError::Database { path: path.into(), source };
        use_wal(&mut first).await.map_err(database)?;
        migrate(&mut first, path).await?;
        Store::with(first, options, path).await
    }

    /// Opens the store at `path` to read it and nothing else: no file is made, no schema brought up to date, and whatever
    /// would write fails.
    pub async fn open_to_read(path: &Path) -> Result<Store, StoreError> {
        Store::as_it_is(path, options(path).read_only(true)).await
    }

    /// Opens the store at `path` for a word beside whoever holds its lock: no file is made, and no schema brought up to date
    /// under the other's feet.
    pub async fn open_beside(path: &Path) -> Result<Store, StoreError> {
        Store::as_it_is(path, options(path).synchronous(SqliteSynchronous::Full)).await
    }

    async fn as_it_is(path: &Path, options: SqliteConnectOptions) -> Result<Store, StoreError> {
        if !path.exists() {
            return Err(StoreError::Missing { path: path.into() });
        }
        let mut first = connect(&options, path).await?;
        let known = MIGRATIONS.len() as i64;
        let found = inspect(&mut first).await.map_err(|source| StoreError::Database { path: path.into(), source })?.version;
        match found {
            0 => Err(StoreError::NotAStore { path: path.into() }),
            _ if found < known => Err(StoreError::Older { path: path.into(), found, known }),
            _ => Store::with(first, options, path).await,
        }
    }

    async fn with(mut first: SqliteConnection, options: SqliteConnectOptions, path: &Path) -> Result<Store, StoreError> {
        let newest = latest(&mut first).await.map_err(|fault| fault.named(path))?;
        first.close().await.map_err(|source| StoreError::Database { path: path.into(), source })?;
        // After some errors of a disk SQLite itself takes the transaction back. sqlx's own attempt to do so fails then, and it
        // counts that connection as in a transaction for ever: every later one on it is refused. So such a one is closed.
        let pool = |size| {
            SqlitePoolOptions::new()
                .max_connections(size)
                .acquire_slow_threshold(TURN)
                .before_acquire(|db, _| Box::pin(std::future::ready(Ok(!db.is_in_transaction()))))
        };
        let readers = pool(4).connect_lazy_with(options.clone());
        // A thousand pages may have been fetched at once, each of which is worth its turn.
        let writer = pool(1).acquire_timeout(TURN).connect_lazy_with(options);
        let notice = Notice::new(newest);
        Ok(Store { path: path.into(), readers, writer, notice, trouble: Trouble::default(), keep: KeepCaptures::ALL })
    }

    /// The file it is kept in.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for what is being written, and closes the file.
    pub async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }

    /// Waits until [`Store::close`] is called on any clone.
    pub(super) async fn closed(&self) {
        self.writer.close_event().await;
    }

    pub(super) fn notice(&self) -> &Notice {
        &self.notice
    }

    pub(super) fn noted(&self) -> &Trouble {
        &self.trouble
    }

    /// A connection for one statement, which is a snapshot by itself: a transaction around it would be two statements more.
    pub(super) async fn reading(&self) -> Result<PoolConnection<Sqlite>, Fault> {
        Ok(self.readers.acquire().await?)
    }

    /// A snapshot: what is read in it belongs together, whoever writes meanwhile.
    pub(super) async fn snapshot(&self) -> Result<Transaction<'static, Sqlite>, Fault> {
        Ok(self.readers.begin().await?)
    }

    /// A write transaction. It takes the write lock at once: one that reads first and then finds another writer before it
    /// could only fail.
    pub(super) async fn writing(&self) -> Result<Transaction<'static, Sqlite>, Fault> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// `fault` with the file's name.
    pub(super) fn named(&self, fault: Fault) -> StoreError {
        self.trouble.note(&fault);
        fault.named(&self.path)
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .row_buffer_size(ROWS)
        .pragma("cache_size", PAGES)
}

/// The first connection to a file, once it is known to be ours.
async fn connect(options: &SqliteConnectOptions, path: &Path) -> Result<SqliteConnection, StoreError> {
    let database = |source| StoreError::of(path, source);
    let mut first = SqliteConnection::connect_with(options).await.map_err(database)?;
    let found = inspect(&mut first).await.map_err(database)?;
    check(path, found)?;
    Ok(first)
}

/// What a file says of itself.
pub(super) struct Found {
    application: i64,
    version: i64,
    tables: i64,
}

pub(super) async fn inspect(db: &mut SqliteConnection) -> Result<Found, sqlx::Error> {
    // In one statement: another process may be in the middle of making it a store.
    let (application, version, tables) = sqlx::query_as(
        "SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version),
            (SELECT count(*) FROM sqlite_schema)",
    )
    .fetch_one(db)
    .await?;
    Ok(Found { application, version, tables })
}

/// Refuses a file that is not ours before anything is written to it.
pub(super) fn check(path: &Path, found: Found) -> Result<(), StoreError> {
    let known = MIGRATIONS.len() as i64;
    match found {
        Found { application: 0, version: 0, tables: 0 } => Ok(()),
        Found { application: APPLICATION, version, .. } if version > known => {
            Err(StoreError::Newer { path: path.into(), found: version, known })
        }
        Found { application: APPLICATION, version: 1.., .. } => Ok(()),
        _ => Err(StoreError::NotAStore { path: path.into() }),
    }
}

/// Switches the file to a write-ahead log. SQLite does not wait for a lock here, whatever the busy timeout, and two
/// processes may open a fresh file at once.
async fn use_wal(db: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let pause = Duration::from_millis(50);
    for _ in 0..BUSY.as_millis() / pause.as_millis() {
        match sqlx::query_scalar::<_, String>("PRAGMA journal_mode = WAL").fetch_one(&mut *db).await {
            Err(sqlx::Error::Database(error)) if error.message().contains("locked") => tokio::time::sleep(pause).await,
            other => return other.map(drop),
        }
    }
    sqlx::query_scalar::<_, String>("PRAGMA journal_mode = WAL").fetch_one(db).await.map(drop)
}

async fn migrate(db: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    let database = |source| StoreError::Database { path: path.into(), source };
    let mut write = db.begin_with("BEGIN IMMEDIATE").await.map_err(database)?;
    // Looked at again, now that nobody else can be in the middle of it.
    let found = inspect(&mut write).await.map_err(database)?;
    let done = usize::try_from(found.version).unwrap_or_default();
    check(path, found)?;
    for (before, migration) in MIGRATIONS.iter().enumerate().skip(done) {
        sqlx::raw_sql(*migration).execute(&mut *write).await.map_err(database)?;
        let marks = format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {}", before + 1);
        sqlx::raw_sql(sqlx::AssertSqlSafe(marks)).execute(&mut *write).await.map_err(database)?;
    }
    // By statements of today, so in the schema of today.
    if (1..STORIES).contains(&done) {
        stories::from_the_log(&mut write).await.map_err(|fault| fault.named(path))?;
    }
    write.commit().await.map_err(database)
}

/// How SQLite goes about a statement, step by step, for tests of what it reads.
#[cfg(test)]
pub(super) async fn plan(store: &Store, statement: &str) -> Vec<String> {
    let statement = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
    let mut db = store.reading().await.ok().unwrap();
    let steps: Vec<(i64, i64, i64, String)> = sqlx::query_as(statement).fetch_all(&mut *db).await.unwrap();
    steps.into_iter().map(|(.., step)| step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As after an error for which SQLite takes a transaction back by itself.
    #[tokio::test]
    async fn a_transaction_that_is_gone_spoils_no_later_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("tidings.db")).await.unwrap();
        for _ in 0..3 {
            let mut write = store.writing().await.unwrap();
            sqlx::raw_sql("ROLLBACK").execute(&mut *write).await.unwrap();
            assert!(write.commit().await.is_err());
            let mut read = store.snapshot().await.unwrap();
            sqlx::raw_sql("ROLLBACK").execute(&mut *read).await.unwrap();
        }
        store.writing().await.unwrap().commit().await.unwrap();
        assert!(store.sources().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn of_a_file_that_can_not_be_read_it_is_said_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tidings.db");
        Store::open(&path).await.unwrap().close().await;
        // All but the page that says what it is.
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[4096..].fill(0xff);
        std::fs::write(&path, bytes).unwrap();
        let told = Store::open(&path).await.unwrap_err().to_string();
        assert!(told.contains("malformed; a disk that fails") && told.contains("`tidings backup COPY`"), "{told}");
    }
}
