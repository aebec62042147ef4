//! The whole life of one entry: every state it has been in, since when, and from which capture.

use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use crate::model::{Entry, Head, Image, Life, Mark, Problem, Stamp};

use super::changes::{Change, change};
use super::rows::{self, Fault};
use super::{Store, StoreError};

/// An entry with all that it has been.
#[derive(Debug, Clone, PartialEq)]
pub struct WholeLife {
    /// The live blog that it stands on.
    pub head: Head,
    /// The entry as it stands.
    pub entry: Entry,
    /// How it has fared.
    pub life: Life,
    /// Its states, the first one first, the present one last.
    pub states: Vec<State>,
    /// What the log has of it, oldest first.
    pub changes: Vec<Change>,
    /// The captures that its states were read from, oldest first.
    pub captures: Vec<Seen>,
}

/// An entry as it stood for some time.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Its revision: the same for states that differ in marks or links alone.
    pub revision: u32,
    /// When it counts as begun, by the clock of the change log.
    pub since: DateTime<Utc>,
    /// When it counts as ended; none for the present one.
    pub until: Option<DateTime<Utc>>,
    /// The instant of the capture that showed it first.
    pub seen: DateTime<Utc>,
    /// That capture, where it was kept.
    pub capture: Option<i64>,
    /// Address of the entry at the outlet.
    pub permalink: Option<String>,
    /// Its headline.
    pub headline: Option<String>,
    /// Its byline.
    pub byline: Vec<String>,
    /// When it said that it was changed.
    pub updated: Option<Stamp>,
    /// Its text.
    pub body_text: String,
    /// Its pictures.
    pub images: Vec<Image>,
    /// Its marks.
    pub marks: Vec<Mark>,
    /// What was wrong with it.
    pub problems: Vec<Problem>,
    /// Whether it was taken back.
    pub withdrawn: bool,
}

/// A capture as evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Its number.
    pub id: i64,
    /// When it was captured.
    pub captured: DateTime<Utc>,
    /// The address that it came from.
    pub url: Option<String>,
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// How many bytes they were.
    pub size: i64,
    /// Whether the bytes are still there.
    pub whole: bool,
}

/// What an id stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// An entry.
    Entry(Box<WholeLife>),
    /// Another id of an entry, which was issued under this one.
    Known(Uuid),
    /// Nothing.
    Nothing,
}

impl Store {
    /// The life of the entry `id`.
    pub async fn life_of(&self, id: Uuid) -> Result<Found, StoreError> {
        async {
            let mut db = self.snapshot().await?;
            if let Some(life) = whole(&mut db, id).await? {
                return Ok(Found::Entry(Box::new(life)));
            }
            let other = sqlx::query("SELECT entry FROM entry_id_alias WHERE id = ?").bind(&id.as_bytes()[..]);
            match other.fetch_optional(&mut *db).await? {
                Some(row) => Ok(Found::Known(rows::id(&row, "entry")?)),
                None => Ok(Found::Nothing),
            }
        }
        .await
        .map_err(|fault| self.named(fault))
    }

    /// The live blog that is stored for `id`, which may be the id that its page has now.
    pub async fn blog_of(&self, id: Uuid) -> Result<Uuid, StoreError> {
        async {
            let mut db = self.snapshot().await?;
            let other = sqlx::query("SELECT blog FROM blog_alias WHERE id = ?").bind(&id.as_bytes()[..]);
            let other = other.fetch_optional(&mut *db).await?;
            Ok(other.map(|row| rows::blog_of(&row)).transpose()?.unwrap_or(id))
        }
        .await
        .map_err(|fault: Fault| self.named(fault))
    }
}

async fn whole(db: &mut SqliteConnection, id: Uuid) -> Result<Option<WholeLife>, Fault> {
    let row = sqlx::query("SELECT *, NULL AS until FROM entry WHERE id = ?").bind(&id.as_bytes()[..]);
    let Some(row) = row.fetch_optional(&mut *db).await? else { return Ok(None) };
    let n: i64 = row.try_get("n")?;
    let blog = sqlx::query("SELECT * FROM blog WHERE id = ?").bind(&rows::blog_of(&row)?.as_bytes()[..]);
    let head = rows::head(&blog.fetch_one(&mut *db).await?)?;
    let before = sqlx::query("SELECT * FROM revision WHERE entry = ? ORDER BY until").bind(n).fetch_all(&mut *db).await?;
    let states = before.iter().chain([&row]).map(state).collect::<Result<Vec<_>, _>>()?;
    let log = "SELECT change.*, entry.id AS entry_id FROM change JOIN entry ON entry.n = change.entry
               WHERE change.entry = ? ORDER BY seq";
    let changes = sqlx::query(log).bind(n).fetch_all(&mut *db).await?;
    let changes = changes.iter().map(change).collect::<Result<Vec<_>, _>>()?;
    let captures = sqlx::query(
        "SELECT capture.*, EXISTS (SELECT 1 FROM capture_body WHERE capture = coalesce(same_as, id)) AS whole FROM capture
         WHERE id IN (SELECT capture FROM change WHERE entry = ?) ORDER BY id",
    );
    let captures = captures.bind(n).fetch_all(db).await?.iter().map(seen).collect::<Result<Vec<_>, _>>()?;
    Ok(Some(WholeLife { head, entry: rows::entry(&row)?, life: rows::life(&row)?, states, changes, captures }))
}

fn state(row: &SqliteRow) -> Result<State, Fault> {
    Ok(State {
        revision: rows::number(row, "revision")?,
        since: rows::instant(row, "since")?,
        until: rows::maybe_instant(row, "until")?,
        seen: rows::instant(row, "changed")?,
        capture: row.try_get("capture")?,
        permalink: row.try_get("permalink")?,
        headline: row.try_get("headline")?,
        byline: rows::from_json(row, "byline")?,
        updated: rows::maybe_stamp(row, "updated_stamp")?,
        body_text: row.try_get("body_text")?,
        images: rows::from_json(row, "images")?,
        marks: rows::from_json(row, "marks")?,
        problems: rows::from_json(row, "problems")?,
        withdrawn: rows::maybe_instant(row, "withdrawn")?.is_some(),
    })
}

fn seen(row: &SqliteRow) -> Result<Seen, Fault> {
    let sha256: &[u8] = row.try_get("sha256")?;
    Ok(Seen {
        id: row.try_get("id")?,
        captured: rows::instant(row, "captured")?,
        url: row.try_get("url")?,
        sha256: sha256.try_into().map_err(|_| rows::damaged("sha256", "not 32 bytes"))?,
        size: row.try_get("size")?,
        whole: row.try_get("whole")?,
    })
}
