//! What has been read, kept in a file: live blogs, their entries for ever, and how each followed address fares.
//!
//! The store is SQLite with a write-ahead log and a sync at every commit: what a feed once showed survives a kill and a power
//! cut. One refresh is one transaction, so that nobody ever sees half of one. Any number of processes may read the same file; the
//! one that writes takes its [`Lock`] first.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::{Entry, Head, Life, Problem, Told};
use crate::norm::{Norm, Quarantine};
use crate::rhythm::Rhythm;

mod aliases;
mod archive;
mod backup;
mod blogs;
mod captures;
mod changes;
mod lock;
mod look;
mod measure;
mod compare;
mod hub;
mod known;
mod life;
mod list;
mod log;
mod notice;
mod prune;
mod query;
mod rebuild;
mod rows;
mod save;
mod sinks;
mod sources;
mod sqlite;
mod trouble;
mod standing;
mod stories;
mod text;
mod whole;
mod window;

pub use backup::Copied;
pub use captures::{Kept, NewCapture};
pub use changes::{Change, ChangeKind, Position};
pub use compare::Compared;
pub use hub::{HubRequest, Subscription};
pub use life::{Found, Seen, State, WholeLife};
pub use list::{Listed, Listing};
pub use lock::{Holder, Lock};
pub use log::{ChangeFilter, ChangePage};
pub use look::{Half, Look, Looked};
pub use measure::Measured;
pub use notice::Commit;
pub use prune::{KeepCaptures, Pruned};
pub use query::{Edits, Query};
pub use rebuild::Again;
pub use sinks::SinkState;
pub use sqlite::Store;
pub use standing::Health;
pub use stories::{Also, FoundStory, InStory, Member, WholeStory};
pub use text::{NoWords, Words};
pub use whole::{Facets, Selection, Stood, WholeChange, WholePage, Wording};
pub use window::{Archived, Extent, Tally};

/// Which entries a feed is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All there are.
    Everything,
    /// Those of one outlet, by its slug.
    Outlet(String),
    /// Those of one live blog, by its id.
    Blog(Uuid),
    /// Those of the live blogs that a topic joins.
    Topic(Topic),
}

/// Live blogs of one event, joined under a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Topic {
    /// Its name in paths.
    pub name: String,
    /// What it is called.
    pub title: String,
    /// The ids of its live blogs.
    pub blogs: Vec<Uuid>,
}

/// The newest entries of a [`Scope`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Window {
    /// Newest first; entries of one instant by outlet, live blog, and the later one on top.
    pub entries: Vec<Shown>,
    /// When what a feed of this scope shows last changed: the capture's instant, or up to some seconds later where another
    /// change bears that already; each change moves it. None for a scope that nothing is known of.
    pub changed: Option<DateTime<Utc>>,
    /// The store's generation when this was loaded.
    pub generation: i64,
    /// The newest change in this scope. None where the log has none.
    pub position: Option<Position>,
    /// Whether no other change bears the same second, so that [`Window::changed`] can tell this state from those before it
    /// where only whole seconds are told.
    pub alone: bool,
    /// How many archived pages the scope has.
    pub archived: i64,
    /// Of a window as it stood: the heads of all live blogs of the scope that there were, as they stood then.
    pub blogs: Option<Vec<Head>>,
}

/// An entry of a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// The live blog that it stands on.
    pub head: Arc<Head>,
    /// The entry.
    pub entry: Arc<Entry>,
    /// How it has fared. Of one of several items that tell of the same entry, `withdrawn` says whether the entry is now, or was
    /// at the instant asked for, and the rest is how it stood at the moment that is told of.
    pub life: Life,
    /// What of its life is told.
    pub told: Told,
    /// When it began to stand so, by the clock of the change log ([`Change::at`]).
    pub at: DateTime<Utc>,
    /// Where it stands in time, as [`Listed::place`] has it.
    pub place: i64,
    /// The story that it was known to be of when it began to stand so. What is found later is told by [`Store::stories_of`], and
    /// here once the entry itself changes: a window must not change without a change of what is in it.
    pub story: Option<Uuid>,
}

impl Shown {
    /// When what is told happened: the publication, the edit, or the withdrawal as it was first seen.
    pub fn dated(&self) -> DateTime<Utc> {
        match self.told {
            Told::Entry => self.entry.published.at,
            Told::Edit => self.entry.last_changed(),
            Told::Withdrawal => self.life.withdrawn.unwrap_or(self.at),
        }
    }
}

/// A live blog in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredBlog {
    /// What is known of the page itself.
    pub head: Head,
    /// How many entries are stored of it.
    pub entries: i64,
    /// When the newest of them was published.
    pub newest: Option<DateTime<Utc>>,
    /// The newest capture that altered what a feed of it shows.
    pub changed: DateTime<Utc>,
    /// What was wrong with the page as a whole when it was last read.
    pub problems: Vec<Problem>,
}

/// An entry of a live blog with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEntry {
    /// The entry.
    pub entry: Entry,
    /// Nth among the entries of its live blog that were published at the same instant, counted from the oldest.
    pub rank: u32,
    /// How it has fared.
    pub life: Life,
}

/// A followed address and how it fares.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceState {
    /// Its address.
    pub url: String,
    /// The outlet to read it as, where the configuration says so.
    pub outlet: Option<String>,
    /// The name the configuration gives it.
    pub title: Option<String>,
    /// Seconds from one refresh to the next at most, while it is live.
    pub every_s: u32,
    /// Seconds from one refresh to the next at least.
    pub min_every_s: u32,
    /// Seconds from one refresh to the next as things are; none before the first reading.
    pub pace_s: Option<u32>,
    /// Whether the configuration still names it.
    pub followed: bool,
    /// `ETag` of the last good answer.
    pub etag: Option<String>,
    /// `Last-Modified` of the last good answer.
    pub last_modified: Option<String>,
    /// Hash over the last page that was read, so that the same bytes are not parsed again.
    pub body_hash: Option<[u8; 32]>,
    /// The version of tidings that read it: another one may read the same page better.
    pub read_by: Option<String>,
    /// The live blog it turned out to be.
    pub blog: Option<Uuid>,
    /// When it was last asked for.
    pub last_tried: Option<DateTime<Utc>>,
    /// When it last answered well.
    pub last_ok: Option<DateTime<Utc>>,
    /// When it is to be asked for again.
    pub next_due: DateTime<Utc>,
    /// Why then, for people.
    pub why: Option<String>,
    /// How many refreshes have failed since the last good one.
    pub failures: u32,
    /// Why the last one failed; none after a good one.
    pub last_error: Option<String>,
    /// What was wrong with the page when it was last read.
    pub problems: Vec<Problem>,
    /// What its interval is chosen by.
    pub rhythm: Option<Rhythm>,
    /// How well its entries are usually filled.
    pub norm: Option<Norm>,
    /// Readings that were set aside since the last good one.
    pub aside: Option<Quarantine>,
    /// When somebody last said that what is set aside is right. Only [`Store::accept`] writes it.
    pub accepted: Option<DateTime<Utc>>,
    /// How far back it has been read; none where nothing of it is on older pages.
    pub backfill: Option<Backfill>,
}

/// Reading the older pages of a live blog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backfill {
    /// The live blog that the first page was of.
    pub of: Uuid,
    /// The capture of that page.
    pub begun: DateTime<Utc>,
    /// The next older page; none when there is nothing left to do.
    pub next: Option<String>,
    /// How many pages may still be read.
    pub left: u32,
    /// How many have been read.
    pub read: u32,
    /// How often the next one could not be read.
    pub failures: u32,
    /// Why it ended before the oldest page, where it did.
    pub ended: Option<String>,
}

impl SourceState {
    /// An address never asked for, due at once.
    pub fn new(url: impl Into<String>, every_s: u32, now: DateTime<Utc>) -> Self {
        SourceState {
            url: url.into(),
            outlet: None,
            title: None,
            every_s,
            min_every_s: every_s,
            pace_s: None,
            followed: true,
            etag: None,
            last_modified: None,
            body_hash: None,
            read_by: None,
            blog: None,
            last_tried: None,
            last_ok: None,
            next_due: now,
            why: None,
            failures: 0,
            last_error: None,
            problems: Vec::new(),
            rhythm: None,
            norm: None,
            aside: None,
            accepted: None,
            backfill: None,
        }
    }

    /// Seconds from one refresh to the next as things are.
    pub fn pace_s(&self) -> u32 {
        self.pace_s.unwrap_or(self.every_s)
    }
}

/// Why the store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder of the store's file is missing.
    #[error("can't open the store {}: the folder {} does not exist; create it or choose another path", path.display(), folder.display())]
    NoFolder {
        /// The store's file.
        path: PathBuf,
        /// The missing folder.
        folder: PathBuf,
    },
    /// There is a file, and it is something else.
    #[error("{} is not a tidings store; choose another path", path.display())]
    NotAStore {
        /// The file.
        path: PathBuf,
    },
    /// There is no file to read.
    #[error("there is no store at {}", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// An older tidings wrote it, and it was to be left as it is.
    #[error("the store {} was written by an older tidings (schema {found}, this one has {known}); `tidings refresh` or `tidings serve` bring it up to date", path.display())]
    Older {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The schema that this program reads.
        known: i64,
    },
    /// A newer tidings wrote it.
    #[error("the store {} was written by a newer tidings (schema {found}, this one reads up to {known}); update tidings", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The newest schema this program knows.
        known: i64,
    },
    /// Another process writes to it.
    #[error("the store {} is in use: {}", path.display(), in_use(holder))]
    InUse {
        /// The file.
        path: PathBuf,
        /// Who holds its lock, where that could be learnt.
        holder: Option<Holder>,
    },
    /// The file that says who writes can't be made or locked.
    #[error("can't lock {}: {source}", path.display())]
    NoLock {
        /// The file beside the store.
        path: PathBuf,
        /// What the file system said.
        source: std::io::Error,
    },
    /// A copy must not take the place of anything.
    #[error("{} is there already; a copy takes another name", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A copy could not be finished.
    #[error("can't finish the copy {}: {source}", path.display())]
    NotCopied {
        /// The copy.
        path: PathBuf,
        /// What the file system said.
        source: std::io::Error,
    },
    /// SQLite or the file system refused.
    #[error("the store {} failed: {source}{}", path.display(), advice(source))]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: sqlx::Error,
    },
    /// A row holds what tidings never writes.
    #[error("the store {} is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which value, and what is wrong with it.
        what: String,
    },
}

impl StoreError {
    /// What SQLite said of the file at `path`.
    fn of(path: &std::path::Path, source: sqlx::Error) -> StoreError {
        match &source {
            // A file that is no database at all.
            sqlx::Error::Database(error) if error.code().as_deref() == Some("26") => {
                StoreError::NotAStore { path: path.into() }
            }
            _ => StoreError::Database { path: path.into(), source },
        }
    }
}

/// What to do where SQLite's words alone mislead.
fn advice(source: &sqlx::Error) -> &'static str {
    let code = source.as_database_error().and_then(|error| error.code()?.parse::<i64>().ok());
    match code.map(|code| code & 0xff) {
        // SQLITE_CORRUPT. The full text says so of any page that it can't have.
        Some(11) => {
            "; a disk that fails now and then is told of like this too: `tidings backup COPY` shows whether the file can be read"
        }
        _ => "",
    }
}

fn in_use(holder: &Option<Holder>) -> String {
    match holder {
        Some(Holder { pid, command, .. }) => {
            format!("`tidings {command}` runs on it as process {pid}; stop that one first, or choose another store")
        }
        None => "another process runs on it; stop that one first, or choose another store".to_owned(),
    }
}
