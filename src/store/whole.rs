//! Changes together with what they are about: the entry as it stood with the change, whatever became of it later. A change is
//! told in the same words today and next year.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use super::changes::{Change, ChangeKind};
use super::log::{ChangeFilter, ChangePage, rows_of};
use super::rows::{self, Fault, damaged};
use super::text::Asked;
use super::{Scope, Store, StoreError, Words, stories};
use crate::model::{Entry, Head, Life, Mark};

/// A change with its entry.
#[derive(Debug, Clone, PartialEq)]
pub struct WholeChange {
    /// What the log says.
    pub change: Change,
    /// The live blog, as it stood with the change.
    pub head: Arc<Head>,
    /// The entry as it stood with the change; none where the change is of the live blog itself.
    pub entry: Option<Stood>,
}

/// An entry as it stood once.
#[derive(Debug, Clone, PartialEq)]
pub struct Stood {
    /// The entry.
    pub entry: Entry,
    /// How it had fared by then.
    pub life: Life,
    /// When it was published, or first shown where it is dated later than that.
    pub filed: DateTime<Utc>,
    /// The story that it was known to be of with the change.
    pub story: Option<Uuid>,
}

/// Some whole changes.
#[derive(Debug, Clone, PartialEq)]
pub struct WholePage {
    /// Oldest first.
    pub changes: Vec<WholeChange>,
    /// The number up to which everything has been looked through.
    pub after: i64,
    /// The number of the newest change of all.
    pub newest: i64,
}

/// Which changes somebody wants to be told of. Empty, it takes all. What asks about an entry takes no change of a live blog.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Of these kinds only.
    pub kinds: Vec<ChangeKind>,
    /// Of these outlets only, by slug.
    pub outlets: Vec<String>,
    /// Of these live blogs only.
    pub blogs: Vec<Uuid>,
    /// Key events only.
    pub key_events: bool,
    /// Published at this instant or later. An entry that is dated later than it was seen counts as published when it was seen.
    pub since: Option<DateTime<Utc>>,
    /// Published before this instant.
    pub until: Option<DateTime<Utc>>,
    /// What has to stand in the entry.
    pub wording: Wording,
}

/// Words that have to stand in an entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Wording {
    /// In its headline, byline or body.
    pub text: Option<Words>,
    /// In its byline.
    pub author: Option<Words>,
}

impl Wording {
    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        self.text.is_none() && self.author.is_none()
    }
}

/// What of a change a [`Selection`] looks at, beside the words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facets {
    kind: ChangeKind,
    outlet: String,
    blog: Uuid,
    /// Of the entry: whether it is a key event, and when it was published.
    entry: Option<(bool, DateTime<Utc>)>,
}

impl WholeChange {
    /// What tells whether somebody wants it.
    pub fn facets(&self) -> Facets {
        let entry = self.entry.as_ref().map(|stood| (stood.entry.marks.contains(&Mark::KeyEvent), stood.filed));
        Facets { kind: self.change.kind, outlet: self.change.outlet.clone(), blog: self.change.blog, entry }
    }
}

impl Selection {
    /// Whether it wants a change with these facets, if the words are right.
    pub fn takes(&self, facets: &Facets) -> bool {
        let listed = |asked: bool, found: bool| !asked || found;
        listed(!self.kinds.is_empty(), self.kinds.contains(&facets.kind))
            && listed(!self.outlets.is_empty(), self.outlets.contains(&facets.outlet))
            && listed(!self.blogs.is_empty(), self.blogs.contains(&facets.blog))
            && match facets.entry {
                None => !self.asks_about_entries(),
                Some((key_event, filed)) => {
                    (key_event || !self.key_events)
                        && self.since.is_none_or(|since| filed >= since)
                        && self.until.is_none_or(|until| filed < until)
                }
            }
    }

    fn asks_about_entries(&self) -> bool {
        self.key_events || self.since.is_some() || self.until.is_some() || !self.wording.is_empty()
    }
}

impl Store {
    /// The next changes after the one numbered `after` that `selection` takes, at most `limit`, oldest first.
    pub async fn whole_changes(&self, selection: &Selection, after: i64, limit: usize) -> Result<WholePage, StoreError> {
        async {
            let mut db = self.snapshot().await?;
            let filter = ChangeFilter {
                after,
                limit: i64::try_from(limit).unwrap_or(i64::MAX),
                kinds: selection.kinds.clone(),
                outlets: selection.outlets.clone(),
                blogs: selection.blogs.clone(),
            };
            let (rows, ChangePage { changes, after, newest }) = rows_of(&mut db, &filter).await?;
            let mut whole = whole(&mut db, &rows, changes).await?;
            whole.retain(|whole| selection.takes(&whole.facets()));
            if !selection.wording.is_empty() {
                let seqs: Vec<i64> = whole.iter().map(|whole| whole.change.seq).collect();
                let found = worded(&mut db, &selection.wording, &seqs).await?;
                whole.retain(|whole| found.contains(&whole.change.seq));
            }
            Ok(WholePage { changes: whole, after, newest })
        }
        .await
        .map_err(|fault: Fault| self.named(fault))
    }

    /// Which of the changes numbered `seqs` are of entries in which, as they stood then, the words of `wording` stand.
    pub async fn with_wording(&self, wording: &Wording, seqs: &[i64]) -> Result<HashSet<i64>, StoreError> {
        async { worded(&mut *self.snapshot().await?, wording, seqs).await }.await.map_err(|fault| self.named(fault))
    }
}

async fn worded(db: &mut SqliteConnection, wording: &Wording, seqs: &[i64]) -> Result<HashSet<i64>, Fault> {
    let asked = Asked { text: wording.text.as_ref(), author: wording.author.as_ref(), ..Asked::default() };
    let Some(expression) = asked.expression(&Scope::Everything, &[]) else { return Ok(seqs.iter().copied().collect()) };
    let found = sqlx::query_scalar(
        "SELECT change.seq FROM json_each(?1) AS picked CROSS JOIN change ON change.seq = picked.value
            CROSS JOIN entry ON entry.n = change.entry
         WHERE iif(entry.since <= change.at,
            EXISTS (SELECT 1 FROM entry_text WHERE entry_text MATCH ?2 AND rowid = entry.place),
            EXISTS (SELECT 1 FROM revision_text WHERE revision_text MATCH ?2 AND rowid = (SELECT revision.id FROM revision
                WHERE revision.entry = entry.n AND revision.until > change.at ORDER BY revision.until LIMIT 1)))",
    );
    Ok(found.bind(format!("{seqs:?}")).bind(expression).fetch_all(db).await?.into_iter().collect())
}

/// `changes`, read from `rows`, with what they are about.
async fn whole(db: &mut SqliteConnection, rows: &[SqliteRow], changes: Vec<Change>) -> Result<Vec<WholeChange>, Fault> {
    let mut heads = heads(db, &changes).await?;
    let mut stood = entries(db, rows, &changes).await?;
    let mut whole = Vec::with_capacity(changes.len());
    for (nth, change) in changes.into_iter().enumerate() {
        let head = heads.remove(&nth).ok_or_else(|| damaged("blog", format!("there is no live blog {}", change.blog)))?;
        whole.push(WholeChange { head, entry: stood.remove(&nth), change });
    }
    Ok(whole)
}

/// The heads of the live blogs as they stood with each change, by its place in the list.
async fn heads(db: &mut SqliteConnection, changes: &[Change]) -> Result<HashMap<usize, Arc<Head>>, Fault> {
    // All changes of one capture have one live blog and one instant.
    let moments: HashSet<(Uuid, i64)> = changes.iter().map(|change| (change.blog, change.at.timestamp_millis())).collect();
    let list: Vec<String> = moments.iter().map(|(blog, at)| format!("[\"{}\",{at}]", blog.simple())).collect();
    let found = sqlx::query(
        "SELECT picked.value ->> 1 AS moment, blog.*, (SELECT head FROM blog_revision WHERE blog_revision.blog = blog.id
            AND until > picked.value ->> 1 ORDER BY until LIMIT 1) AS head
         FROM json_each(?) AS picked CROSS JOIN blog ON blog.id = unhex(picked.value ->> 0)",
    );
    let found = found.bind(format!("[{}]", list.join(","))).fetch_all(db).await?;
    let mut then = HashMap::new();
    for row in &found {
        then.insert((rows::id(row, "id")?, row.try_get::<i64, _>("moment")?), Arc::new(rows::head_then(row)?));
    }
    let of = |change: &Change| then.get(&(change.blog, change.at.timestamp_millis())).cloned();
    Ok(changes.iter().enumerate().filter_map(|(nth, change)| Some((nth, of(change)?))).collect())
}

/// The entries as they stood with each change, by its place in the list.
async fn entries(db: &mut SqliteConnection, rows: &[SqliteRow], changes: &[Change]) -> Result<HashMap<usize, Stood>, Fault> {
    let mut about: Vec<(usize, i64, i64)> = Vec::new();
    for (nth, (row, change)) in rows.iter().zip(changes).enumerate() {
        let n: Option<i64> = row.try_get("entry")?;
        about.extend(n.map(|n| (nth, n, change.at.timestamp_millis())));
    }
    let numbers: HashSet<i64> = about.iter().map(|(_, n, _)| *n).collect();
    let found = sqlx::query(
        "SELECT entry.*, min(entry.published, entry.appeared) AS filed
         FROM json_each(?) AS picked CROSS JOIN entry ON n = picked.value",
    );
    let found = found.bind(format!("{:?}", numbers.iter().collect::<Vec<_>>())).fetch_all(&mut *db).await?;
    let mut now = HashMap::new();
    for row in &found {
        let stood =
            Stood { entry: rows::entry(row)?, life: rows::life(row)?, filed: rows::instant(row, "filed")?, story: None };
        now.insert(row.try_get::<i64, _>("n")?, (row.try_get::<i64, _>("since")?, stood));
    }
    let known = stories::known_when(db, about.iter().map(|(nth, n, _)| (*n, changes[*nth].at))).await?;
    let mut stood = HashMap::new();
    let mut past = Vec::new();
    for (nth, n, at) in about {
        let (since, entry) = now.get(&n).ok_or_else(|| damaged("entry", format!("there is no entry {n}")))?;
        let story = known.get(&(n, changes[nth].at)).copied();
        stood.insert(nth, Stood { story, ..entry.clone() });
        if *since > at {
            past.push(format!("[{nth},{n},{at}]"));
        }
    }
    if past.is_empty() {
        return Ok(stood);
    }
    let found = sqlx::query(
        "SELECT picked.value ->> 0 AS nth, revision.*
         FROM json_each(?) AS picked CROSS JOIN revision ON revision.id = (SELECT past.id FROM revision AS past
            WHERE past.entry = picked.value ->> 1 AND past.until > picked.value ->> 2 ORDER BY past.until LIMIT 1)",
    );
    for row in &found.bind(format!("[{}]", past.join(","))).fetch_all(db).await? {
        let nth = usize::try_from(row.try_get::<i64, _>("nth")?).map_err(|error| damaged("nth", error))?;
        if let Some(now) = stood.get_mut(&nth) {
            (now.entry, now.life) = (rows::past_entry(row, &now.entry)?, rows::past_life(row, &now.life)?);
        }
    }
    Ok(stood)
}
