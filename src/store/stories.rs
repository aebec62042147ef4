//! Stories: entries of different outlets about one development, and since when they are known to be that.
//!
//! They are found in the transaction that stores the entry (`find`), and only read here. Nobody is merged or hidden.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use crate::model::{Entry, Head, Life, Stamp};
use crate::story;

use super::rows::{self, Fault};
use super::{Store, StoreError};

mod find;
mod gists;
mod join;
mod past;

pub(super) use find::{Subject, assign};
pub(super) use past::from_the_log;

/// A story with all entries that tell of it.
#[derive(Debug, Clone, PartialEq)]
pub struct WholeStory {
    /// Its id, for ever.
    pub id: Uuid,
    /// Ids of stories that were found to be this one.
    pub aliases: Vec<Uuid>,
    /// Its entries by their publication, the first one first.
    pub members: Vec<Member>,
}

/// An entry of a story.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The live blog that it stands on.
    pub head: Arc<Head>,
    /// The entry as it stands.
    pub entry: Entry,
    /// How it has fared.
    pub life: Life,
    /// Since when it is known to be of the story, by the clock of the change log.
    pub since: DateTime<Utc>,
    /// Whether it told of it first: in the earliest minute, where its time is known to the minute.
    pub first: bool,
}

/// What an id stands for among stories.
#[derive(Debug, Clone, PartialEq)]
pub enum FoundStory {
    /// A story.
    Story(Box<WholeStory>),
    /// One that has been found to be this other one.
    Known(Uuid),
    /// Nothing.
    Nothing,
}

/// The story that an entry is in, as it looks from there.
#[derive(Debug, Clone, PartialEq)]
pub struct InStory {
    /// The story.
    pub id: Uuid,
    /// Whether this entry told of it first: in the earliest minute, where its time is known to the minute.
    pub first: bool,
    /// The entries of other outlets, by their publication.
    pub also: Vec<Also>,
}

/// An entry of another outlet about the same development.
#[derive(Debug, Clone, PartialEq)]
pub struct Also {
    /// The entry.
    pub entry: Uuid,
    /// The live blog that it stands on.
    pub blog: Uuid,
    /// Slug of its outlet.
    pub outlet: String,
    /// The outlet's name as readers know it.
    pub outlet_name: String,
    /// Its headline.
    pub headline: Option<String>,
    /// Its address at the outlet.
    pub permalink: Option<String>,
    /// When it was published.
    pub published: Stamp,
    /// Minutes from this entry to that one, negative where that one was earlier; none where a time is not known to the minute.
    pub minutes: Option<i64>,
    /// Whether that one told of it first.
    pub first: bool,
    /// Whether its outlet has taken it back since.
    pub withdrawn: bool,
}

/// Later than every instant.
const FOREVER: i64 = i64::MAX;

impl Store {
    /// The story `id`, with its entries as they stand.
    pub async fn story(&self, id: Uuid) -> Result<FoundStory, StoreError> {
        async {
            let mut db = self.snapshot().await?;
            let key = &id.as_bytes()[..];
            if let Some(row) =
                sqlx::query("SELECT story FROM story_alias WHERE id = ?").bind(key).fetch_optional(&mut *db).await?
            {
                return Ok(FoundStory::Known(rows::id(&row, "story")?));
            }
            let members = members(&mut db, id).await?;
            if members.is_empty() {
                return Ok(FoundStory::Nothing);
            }
            let aliases = sqlx::query("SELECT id FROM story_alias WHERE story = ? ORDER BY since, id").bind(key);
            let aliases =
                aliases.fetch_all(&mut *db).await?.iter().map(|row| rows::id(row, "id")).collect::<Result<_, _>>()?;
            Ok(FoundStory::Story(Box::new(WholeStory { id, aliases, members })))
        }
        .await
        .map_err(|fault: Fault| self.named(fault))
    }

    /// The stories that `entries` are in, by entry: as they are known, or as they were at `as_of` by the clock of the change log.
    /// An entry that is in none is not among them.
    pub async fn stories_of(
        &self,
        entries: &[Uuid],
        as_of: Option<DateTime<Utc>>,
    ) -> Result<HashMap<Uuid, InStory>, StoreError> {
        async {
            let found = sqlx::query(
                "WITH asked AS MATERIALIZED (
                    SELECT entry.id AS asked, story_member.story AS story FROM json_each(?1) AS picked
                    CROSS JOIN entry ON entry.id = unhex(picked.value)
                    CROSS JOIN story_member ON story_member.entry = entry.n AND story_member.since =
                        (SELECT max(since) FROM story_member AS later WHERE later.entry = entry.n AND later.since <= ?2)
                 )
                 SELECT asked, story, entry.id AS id, entry.blog AS blog, entry.outlet AS outlet, blog.outlet_name AS outlet_name,
                    entry.headline AS headline, entry.permalink AS permalink, published_stamp, withdrawn
                 FROM asked
                 CROSS JOIN story_member AS own USING (story)
                 CROSS JOIN entry ON entry.n = own.entry
                 CROSS JOIN blog ON blog.id = entry.blog
                 WHERE own.since = (SELECT max(since) FROM story_member AS later
                    WHERE later.entry = own.entry AND later.since <= ?2)
                 ORDER BY asked, published, entry.outlet, entry.blog_key, rank, entry.id",
            )
            .bind(rows::id_list(entries.iter().copied()))
            .bind(as_of.map_or(FOREVER, |at| at.timestamp_millis()))
            .fetch_all(&mut *self.snapshot().await?)
            .await?;
            let mut stories = HashMap::new();
            for rows in found.chunk_by(|one, other| asked(one) == asked(other)) {
                if let Some((entry, story)) = seen_from_one(rows)? {
                    stories.insert(entry, story);
                }
            }
            Ok(stories)
        }
        .await
        .map_err(|fault| self.named(fault))
    }
}

fn asked(row: &SqliteRow) -> Option<Vec<u8>> {
    row.try_get("asked").ok()
}

/// All entries of one story, as they look from the one that was asked for.
fn seen_from_one(found: &[SqliteRow]) -> Result<Option<(Uuid, InStory)>, Fault> {
    let all = found.iter().map(also).collect::<Result<Vec<_>, Fault>>()?;
    let first = story::first(all.iter().map(|also| &also.published));
    let Some(row) = found.first() else { return Ok(None) };
    let (asked, id) = (rows::id(row, "asked")?, rows::id(row, "story")?);
    let Some(own) = all.iter().position(|also| also.entry == asked) else { return Ok(None) };
    let (outlet, published) = (all[own].outlet.clone(), all[own].published.clone());
    let others = all.into_iter().enumerate().filter(|(_, also)| also.outlet != outlet);
    let also = others.map(|(nth, also)| Also {
        minutes: story::minutes_between(&published, &also.published),
        first: first.contains(&nth),
        ..also
    });
    Ok(Some((asked, InStory { id, first: first.contains(&own), also: also.collect() })))
}

fn also(row: &SqliteRow) -> Result<Also, Fault> {
    Ok(Also {
        entry: rows::id(row, "id")?,
        blog: rows::blog_of(row)?,
        outlet: row.try_get("outlet")?,
        outlet_name: row.try_get("outlet_name")?,
        headline: row.try_get("headline")?,
        permalink: row.try_get("permalink")?,
        published: rows::from_json(row, "published_stamp")?,
        minutes: None,
        first: false,
        withdrawn: rows::maybe_instant(row, "withdrawn")?.is_some(),
    })
}

async fn members(db: &mut SqliteConnection, story: Uuid) -> Result<Vec<Member>, Fault> {
    let found = sqlx::query(
        "SELECT entry.*, own.since AS joined FROM story_member AS own JOIN entry ON entry.n = own.entry WHERE own.story = ?
         ORDER BY published, outlet, blog_key, rank, id",
    )
    .bind(&story.as_bytes()[..])
    .fetch_all(&mut *db)
    .await?;
    let mut heads: HashMap<Uuid, Arc<Head>> = HashMap::new();
    let mut members = Vec::new();
    for row in &found {
        let blog = rows::blog_of(row)?;
        let head = match heads.get(&blog) {
            Some(head) => head.clone(),
            None => {
                let row = sqlx::query("SELECT * FROM blog WHERE id = ?").bind(&blog.as_bytes()[..]);
                let head = Arc::new(rows::head(&row.fetch_one(&mut *db).await?)?);
                heads.insert(blog, head.clone());
                head
            }
        };
        let (entry, life, since) = (rows::entry(row)?, rows::life(row)?, rows::instant(row, "joined")?);
        members.push(Member { head, entry, life, since, first: false });
    }
    for nth in story::first(members.iter().map(|member| &member.entry.published)) {
        members[nth].first = true;
    }
    Ok(members)
}

/// The story that each of the entries numbered so was in when a state of it began, of those given with that instant: what a feed
/// may tell of it, since it changes with the state alone.
pub(super) async fn known_when(
    db: &mut SqliteConnection,
    states: impl IntoIterator<Item = (i64, DateTime<Utc>)>,
) -> Result<HashMap<(i64, DateTime<Utc>), Uuid>, Fault> {
    let list: Vec<_> = states.into_iter().map(|(n, since)| format!("[{n},{}]", since.timestamp_millis())).collect();
    let found = sqlx::query(
        "SELECT state.value ->> 0 AS n, state.value ->> 1 AS began, story FROM json_each(?) AS state
         CROSS JOIN story_member ON entry = state.value ->> 0 AND since =
            (SELECT max(since) FROM story_member WHERE entry = state.value ->> 0 AND since <= state.value ->> 1)",
    )
    .bind(format!("[{}]", list.join(",")))
    .fetch_all(db)
    .await?;
    found.iter().map(|row| Ok(((row.try_get("n")?, rows::instant(row, "began")?), rows::id(row, "story")?))).collect()
}
