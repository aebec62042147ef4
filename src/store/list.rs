//! Entries page by page, however many there are: each page begins where the one before it ended.

use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use super::rows::{self, Fault};
use super::{Scope, Store, StoreError};
use crate::model::{Entry, Life};

/// Which entries to list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// Where to look.
    pub scope: Scope,
    /// Published at this instant or later.
    pub since: Option<DateTime<Utc>>,
    /// Published before this instant.
    pub until: Option<DateTime<Utc>>,
    /// Key events only.
    pub key_events: bool,
    /// After this one.
    pub after: Option<Place>,
    /// At most so many.
    pub limit: usize,
}

/// Where an entry stands in a listing. It stays there, whatever becomes of the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// When it was published, in milliseconds.
    pub published: i64,
    /// The number of the entry.
    pub n: i64,
}

/// An entry of a listing.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The live blog that it stands on.
    pub blog: Uuid,
    /// The slug of its outlet.
    pub outlet: String,
    /// The entry.
    pub entry: Entry,
    /// How it has fared.
    pub life: Life,
    /// Where it stands.
    pub place: Place,
}

impl Store {
    /// A page of entries, newest first, history and what is withdrawn included; and whether there are more.
    pub async fn list(&self, listing: &Listing) -> Result<(Vec<Listed>, bool), StoreError> {
        async {
            let place = match &listing.scope {
                Scope::Everything => "?1 IS NULL",
                Scope::Outlet(_) => "outlet = ?1",
                Scope::Blog(_) => "blog = ?1",
            };
            let sql = format!(
                "SELECT * FROM entry WHERE {place} AND published >= ?2 AND published < ?3 AND (published, n) < (?4, ?5)
                    AND (?6 = 0 OR instr(marks, '\"key_event\"') > 0)
                 ORDER BY published DESC, n DESC LIMIT ?7"
            );
            let query = sqlx::query(AssertSqlSafe(sql));
            let query = match &listing.scope {
                Scope::Everything => query.bind(None::<i64>),
                Scope::Outlet(slug) => query.bind(slug.clone()),
                Scope::Blog(id) => query.bind(id.as_bytes().to_vec()),
            };
            let millis = |at: DateTime<Utc>| at.timestamp_millis();
            let after = listing.after.unwrap_or(Place { published: i64::MAX, n: i64::MAX });
            let limit = i64::try_from(listing.limit).unwrap_or(i64::MAX - 1);
            let mut db = self.snapshot().await?;
            let found = query
                .bind(listing.since.map_or(i64::MIN, millis))
                .bind(listing.until.map_or(i64::MAX, millis))
                .bind(after.published)
                .bind(after.n)
                .bind(listing.key_events)
                .bind(limit + 1)
                .fetch_all(&mut *db)
                .await?;
            let more = found.len() > listing.limit;
            let listed = |row| {
                Ok(Listed {
                    blog: rows::blog_of(row)?,
                    outlet: row.try_get("outlet")?,
                    entry: rows::entry(row)?,
                    life: rows::life(row)?,
                    place: Place { published: row.try_get("published")?, n: row.try_get("n")? },
                })
            };
            Ok((found.iter().take(listing.limit).map(listed).collect::<Result<_, Fault>>()?, more))
        }
        .await
        .map_err(|fault| self.named(fault))
    }
}
