//! What has been read, kept in a file: live blogs, their entries for ever, and how each followed address fares.
//!
//! The store is SQLite with a write-ahead log and a sync at every commit: what a feed once showed survives a kill and a power
//! cut. One refresh is one transaction, so that nobody ever sees half of one. Any number of processes may open the same file.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::model::{Entry, Head, Life, Problem};

mod aliases;
mod archive;
mod blogs;
mod captures;
mod changes;
mod compare;
mod life;
mod list;
mod log;
mod notice;
mod prune;
mod rebuild;
mod rows;
mod save;
mod sources;
mod sqlite;
mod window;

pub use captures::{Kept, NewCapture};
pub use changes::{Change, ChangeKind};
pub use compare::Compared;
pub use life::{Found, Seen, State, WholeLife};
pub use list::{Listed, Listing, Place};
pub use log::{ChangeFilter, ChangePage};
pub use prune::{KeepCaptures, Pruned};
pub use rebuild::Again;
pub use sqlite::Store;

/// Which entries a feed is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All there are.
    Everything,
    /// Those of one outlet, by its slug.
    Outlet(String),
    /// Those of one live blog, by its id.
    Blog(Uuid),
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
}

/// An entry of a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// The live blog that it stands on.
    pub head: Arc<Head>,
    /// The entry.
    pub entry: Arc<Entry>,
    /// How it has fared.
    pub life: Life,
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
    /// Seconds from one refresh to the next.
    pub every_s: u32,
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
    /// How many refreshes have failed since the last good one.
    pub failures: u32,
    /// Why the last one failed; none after a good one.
    pub last_error: Option<String>,
    /// What was wrong with the page when it was last read.
    pub problems: Vec<Problem>,
}

impl SourceState {
    /// An address never asked for, due at once.
    pub fn new(url: impl Into<String>, every_s: u32, now: DateTime<Utc>) -> Self {
        SourceState {
            url: url.into(),
            outlet: None,
            title: None,
            every_s,
            followed: true,
            etag: None,
            last_modified: None,
            body_hash: None,
            read_by: None,
            blog: None,
            last_tried: None,
            last_ok: None,
            next_due: now,
            failures: 0,
            last_error: None,
            problems: Vec::new(),
        }
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
    /// SQLite or the file system refused.
    #[error("the store {} failed: {source}", path.display())]
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
