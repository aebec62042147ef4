//! Entries page by page, however many there are: each page begins where the one before it ended.

use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use super::rows::{self, Fault};
use super::text::PLACES;
use super::{Scope, Store, StoreError, window};
use crate::model::{Entry, Life};

/// Which entries to list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// Where to look.
    pub scope: Scope,
    /// Published at this instant or later. An entry that is dated later than it was seen counts as published when it was seen.
    pub since: Option<DateTime<Utc>>,
    /// Published before this instant.
    pub until: Option<DateTime<Utc>>,
    /// Key events only.
    pub key_events: bool,
    /// After the one of this place.
    pub after: Option<i64>,
    /// At most so many.
    pub limit: usize,
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
    /// Where it stands in time. It stays there, whatever becomes of it.
    pub place: i64,
}

impl Store {
    /// A page of entries, newest first, history and what is withdrawn included; and whether there are more.
    pub async fn list(&self, listing: &Listing) -> Result<(Vec<Listed>, bool), StoreError> {
        async {
            let scope = match &listing.scope {
                Scope::Everything => "?1 IS NULL",
                Scope::Outlet(_) => "outlet = ?1",
                Scope::Blog(_) => "blog = ?1",
                Scope::Topic(_) => "blog IN (SELECT unhex(value) FROM json_each(?1))",
            };
            // Each half walks an index in its order and stops at the limit.
            let half = |history: i64| {
                format!(
                    "SELECT * FROM (SELECT * FROM entry WHERE history = {history} AND {scope} AND place >= ?2 AND place < ?3
                        AND min(published, appeared) >= ?4 AND min(published, appeared) < ?5
                        AND (?6 = 0 OR instr(marks, '\"key_event\"') > 0)
                     ORDER BY place DESC LIMIT ?7)"
                )
            };
            let sql = format!("SELECT * FROM ({} UNION ALL {}) ORDER BY place DESC LIMIT ?7", half(0), half(1));
            let query = sqlx::query(AssertSqlSafe(sql));
            let query = match &listing.scope {
                Scope::Everything => query.bind(None::<i64>),
                Scope::Outlet(slug) => query.bind(slug.clone()),
                Scope::Blog(id) => query.bind(id.as_bytes().to_vec()),
                Scope::Topic(topic) => query.bind(window::id_list(topic.blogs.iter().copied())),
            };
            let millis = |at: DateTime<Utc>| at.timestamp_millis();
            let since = listing.since.map_or(i64::MIN, millis);
            let limit = i64::try_from(listing.limit).unwrap_or(i64::MAX - 1);
            let mut db = self.snapshot().await?;
            let found = query
                .bind(since.max(0) / 1000 * PLACES)
                .bind(listing.after.unwrap_or(i64::MAX))
                .bind(since)
                .bind(listing.until.map_or(i64::MAX, millis))
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
                    place: row.try_get("place")?,
                })
            };
            Ok((found.iter().take(listing.limit).map(listed).collect::<Result<_, Fault>>()?, more))
        }
        .await
        .map_err(|fault| self.named(fault))
    }
}
