//! Archived pages, and what is on none yet.

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::load;
use super::pick::Pick;
use super::walk::What;
use super::{Edits, FOREVER, View};
use crate::model::Head;
use crate::store::rows::{self, Fault};
use crate::store::{Scope, Shown, Store, StoreError};

/// One archived page. Nothing of it ever changes but [`Archived::last`].
#[derive(Debug, Clone, PartialEq)]
pub struct Archived {
    /// Its entries as they stood when it was archived, newest first.
    pub entries: Vec<Shown>,
    /// The heads of all live blogs of the scope, as they stood then.
    pub blogs: Vec<Head>,
    /// When it was archived.
    pub at: DateTime<Utc>,
    /// Whether there is no page after it yet.
    pub last: bool,
}

impl Store {
    /// The archived page of everything or of a live blog that has the number `page`, counted from 1.
    pub async fn archived(&self, scope: &Scope, page: i64) -> Result<Option<Archived>, StoreError> {
        async {
            let mut db = self.snapshot().await?;
            let Some(of) = Of::scope(scope) else { return Ok(None) };
            let found = sqlx::query("SELECT at FROM archive WHERE blog = ? AND page = ?").bind(&of.name[..]).bind(page);
            let Some(row) = found.fetch_optional(&mut *db).await? else { return Ok(None) };
            let at = rows::instant(&row, "at")?;
            // The entries were there by then, and their state stood then: neither the log nor anything newer is asked.
            let view = View { at: at.timestamp_millis(), seq: 0, newest: FOREVER, past: true };
            let numbers: Vec<i64> = sqlx::query_scalar(of.on_page).bind(&of.name[..]).bind(page).fetch_all(&mut *db).await?;
            let picks: Vec<Pick> = numbers.into_iter().map(|n| Pick { n, what: What::Entry, shown: view.at }).collect();
            let entries = load::load(&mut db, &picks, &view, Edits::Inplace, picks.len()).await?;
            let blogs = load::heads_of(&mut db, scope, view.at).await?;
            let last = pages(&mut db, scope, FOREVER).await? == page;
            Ok(Some(Archived { entries, blogs, at, last }))
        }
        .await
        .map_err(|fault| self.named(fault))
    }
}

/// A scope that has archives.
struct Of {
    /// As the table `archive` names it.
    name: Vec<u8>,
    on_page: &'static str,
    waiting: &'static str,
}

impl Of {
    fn scope(scope: &Scope) -> Option<Of> {
        match scope {
            Scope::Everything => Some(Of {
                name: Vec::new(),
                on_page: "SELECT n FROM entry WHERE archive = ?2 AND ?1 IS NOT NULL ORDER BY n",
                waiting: "SELECT n FROM entry WHERE (archive IS NULL OR archive = ?2) AND n <= ?3 AND ?1 IS NOT NULL",
            }),
            Scope::Blog(id) => Some(Of {
                name: id.as_bytes().to_vec(),
                on_page: "SELECT n FROM entry WHERE blog = ?1 AND blog_archive = ?2 ORDER BY n",
                waiting: "SELECT n FROM entry WHERE blog = ?1 AND (blog_archive IS NULL OR blog_archive = ?2) AND n <= ?3",
            }),
            Scope::Outlet(_) | Scope::Topic(_) => None,
        }
    }
}

/// How many archived pages a scope had at an instant.
pub(super) async fn pages(db: &mut SqliteConnection, scope: &Scope, at: i64) -> Result<i64, Fault> {
    let Some(of) = Of::scope(scope) else { return Ok(0) };
    let newest = "SELECT coalesce(max(page), 0) FROM archive WHERE blog = ? AND at <= ?";
    Ok(sqlx::query_scalar(newest).bind(of.name).bind(at).fetch_one(db).await?)
}

/// What was on no page yet at the view's instant: what is on none now, and what is on the one that came next. Pages are filled
/// in the order in which entries were first seen, so that one takes all that waits for it.
pub(super) async fn waiting(db: &mut SqliteConnection, scope: &Scope, view: &View) -> Result<Vec<i64>, Fault> {
    let Some(of) = Of::scope(scope) else { return Ok(Vec::new()) };
    let next = pages(db, scope, view.at).await? + 1;
    Ok(sqlx::query_scalar(of.waiting).bind(of.name).bind(next).bind(view.newest).fetch_all(db).await?)
}
