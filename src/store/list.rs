//! Entries page by page, however many there are: each page begins where the one before it ended.

use chrono::{DateTime, Utc};
use sqlx::Row;
use uuid::Uuid;

use super::rows::{self, Fault, json};
use super::{Query, Scope, Store, StoreError, Words, window};
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
    /// With these words in headline, byline or body, as they stand now.
    pub text: Option<Words>,
    /// With these words in the byline.
    pub author: Option<Words>,
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
            let query = Query {
                since: listing.since,
                until: listing.until,
                text: listing.text.clone(),
                author: listing.author.clone(),
                key_events: listing.key_events,
                ..Query::new(listing.scope.clone(), listing.limit)
            };
            let mut db = self.snapshot().await?;
            let below = listing.after.unwrap_or(i64::MAX);
            // One more than what is wanted tells whether there are more.
            let mut numbers = window::listed(&mut db, &query, listing.limit.saturating_add(1), below).await?;
            let more = numbers.len() > listing.limit;
            numbers.truncate(listing.limit);
            let sql = "SELECT entry.* FROM json_each(?) AS picked CROSS JOIN entry ON n = picked.value ORDER BY place DESC";
            let found = sqlx::query(sql).bind(json(&numbers)?).fetch_all(&mut *db).await?;
            let listed = |row| {
                Ok(Listed {
                    blog: rows::blog_of(row)?,
                    outlet: row.try_get("outlet")?,
                    entry: rows::entry(row)?,
                    life: rows::life(row)?,
                    place: row.try_get("place")?,
                })
            };
            Ok((found.iter().map(listed).collect::<Result<_, Fault>>()?, more))
        }
        .await
        .map_err(|fault| self.named(fault))
    }
}
