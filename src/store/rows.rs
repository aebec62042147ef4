//! Between values and columns: instants as milliseconds, lists and stamps as JSON, ids and hashes as bytes.

use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use crate::model::{Entry, Head, Life, Stamp};
use crate::reconcile::{Hash, KnownEntry, content_hash, shown_hash};

use super::{SourceState, StoreError};

/// A statement whose values are being bound.
pub(super) type Bindings<'q> = sqlx::query::Query<'q, sqlx::Sqlite, <sqlx::Sqlite as sqlx::Database>::Arguments>;

/// What went wrong, before the file's name is put to it.
#[derive(Debug)]
pub(super) enum Fault {
    Sqlite(sqlx::Error),
    Damaged(String),
}

impl Fault {
    /// With the name of the store's file.
    pub(super) fn named(self, path: &Path) -> StoreError {
        let path = path.to_owned();
        match self {
            Fault::Sqlite(source) => StoreError::Database { path, source },
            Fault::Damaged(what) => StoreError::Damaged { path, what },
        }
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Fault::Sqlite(error)
    }
}

pub(super) fn json<T: Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::Damaged(format!("a value can't be written as JSON: {error}")))
}

/// Ids as a JSON list that SQL turns back with `unhex`.
pub(super) fn id_list(ids: impl IntoIterator<Item = Uuid>) -> String {
    let quoted: Vec<_> = ids.into_iter().map(|id| format!("\"{}\"", id.simple())).collect();
    format!("[{}]", quoted.join(","))
}

pub(super) fn damaged(column: &str, why: impl std::fmt::Display) -> Fault {
    Fault::Damaged(format!("column `{column}`: {why}"))
}

pub(super) fn from_json<T: DeserializeOwned>(row: &SqliteRow, column: &str) -> Result<T, Fault> {
    let text: &str = row.try_get(column)?;
    serde_json::from_str(text).map_err(|error| damaged(column, error))
}

pub(super) fn instant(row: &SqliteRow, column: &str) -> Result<DateTime<Utc>, Fault> {
    maybe_instant(row, column)?.ok_or_else(|| damaged(column, "no instant"))
}

pub(super) fn maybe_instant(row: &SqliteRow, column: &str) -> Result<Option<DateTime<Utc>>, Fault> {
    let Some(millis) = row.try_get::<Option<i64>, _>(column)? else { return Ok(None) };
    DateTime::from_timestamp_millis(millis).map(Some).ok_or_else(|| damaged(column, format!("{millis} is no instant")))
}

pub(super) fn id(row: &SqliteRow, column: &str) -> Result<Uuid, Fault> {
    let bytes: &[u8] = row.try_get(column)?;
    Uuid::from_slice(bytes).map_err(|error| damaged(column, error))
}

fn hash(bytes: &[u8], column: &str) -> Result<Hash, Fault> {
    bytes.try_into().map_err(|_| damaged(column, "not 32 bytes"))
}

pub(super) fn number(row: &SqliteRow, column: &str) -> Result<u32, Fault> {
    let number: i64 = row.try_get(column)?;
    u32::try_from(number).map_err(|error| damaged(column, error))
}

fn maybe_number(row: &SqliteRow, column: &str) -> Result<Option<u32>, Fault> {
    let number: Option<i64> = row.try_get(column)?;
    number.map(u32::try_from).transpose().map_err(|error| damaged(column, error))
}

fn maybe_json<T: DeserializeOwned>(row: &SqliteRow, column: &str) -> Result<Option<T>, Fault> {
    match row.try_get::<Option<&str>, _>(column)? {
        Some(text) => serde_json::from_str(text).map(Some).map_err(|error| damaged(column, error)),
        None => Ok(None),
    }
}

pub(super) fn maybe_stamp(row: &SqliteRow, column: &str) -> Result<Option<Stamp>, Fault> {
    maybe_json(row, column)
}

pub(super) fn head(row: &SqliteRow) -> Result<Head, Fault> {
    Ok(Head {
        outlet: row.try_get("outlet")?,
        outlet_name: row.try_get("outlet_name")?,
        key: row.try_get("key")?,
        id: id(row, "id")?,
        url: row.try_get("url")?,
        headline: row.try_get("headline")?,
        standfirst: row.try_get("standfirst")?,
        language: row.try_get("language")?,
        coverage: from_json(row, "coverage")?,
    })
}

/// The head of a row of `blog` that has in `head` what it was before, where it was another.
pub(super) fn head_then(row: &SqliteRow) -> Result<Head, Fault> {
    match row.try_get::<Option<&str>, _>("head")? {
        Some(_) => from_json(row, "head"),
        None => head(row),
    }
}

pub(super) fn entry(row: &SqliteRow) -> Result<Entry, Fault> {
    Ok(Entry {
        id: id(row, "id")?,
        key: row.try_get("key")?,
        permalink: row.try_get("permalink")?,
        headline: row.try_get("headline")?,
        byline: from_json(row, "byline")?,
        published: from_json(row, "published_stamp")?,
        updated: maybe_stamp(row, "updated_stamp")?,
        body_html: row.try_get("body_html")?,
        body_text: row.try_get("body_text")?,
        images: from_json(row, "images")?,
        marks: from_json(row, "marks")?,
        problems: from_json(row, "problems")?,
    })
}

pub(super) fn blog_of(row: &SqliteRow) -> Result<Uuid, Fault> {
    id(row, "blog")
}

/// What is known of an entry; `entry` is all of it, where it was looked up.
pub(super) fn known_entry(row: &SqliteRow, entry: Option<Box<Entry>>) -> Result<KnownEntry, Fault> {
    // An earlier schema left them empty where their definition has changed since.
    let either = |column: &str, anew: fn(&Entry) -> Hash| match (row.try_get::<&[u8], _>(column)?, &entry) {
        ([], Some(entry)) => Ok(anew(entry)),
        (bytes, _) => hash(bytes, column),
    };
    Ok(KnownEntry {
        id: id(row, "id")?,
        key: row.try_get("key")?,
        published: from_json(row, "published_stamp")?,
        rank: number(row, "rank")?,
        revision: number(row, "revision")?,
        content_hash: either("content_hash", content_hash)?,
        shown_hash: either("shown_hash", shown_hash)?,
        plain: row.try_get("plain")?,
        edge: row.try_get("edge")?,
        missing: maybe_instant(row, "missing")?,
        withdrawn: maybe_instant(row, "withdrawn")?.is_some(),
        entry,
    })
}

pub(super) fn life(row: &SqliteRow) -> Result<Life, Fault> {
    Ok(Life {
        revision: number(row, "revision")?,
        first_seen: instant(row, "first_seen")?,
        changed: instant(row, "changed")?,
        withdrawn: maybe_instant(row, "withdrawn")?,
    })
}

/// The entry in a state that has been, as `revision` has it; the rest is what it is `now`.
pub(super) fn past_entry(row: &SqliteRow, now: &Entry) -> Result<Entry, Fault> {
    Ok(Entry {
        id: now.id,
        key: now.key.clone(),
        permalink: row.try_get("permalink")?,
        headline: row.try_get("headline")?,
        byline: from_json(row, "byline")?,
        published: now.published.clone(),
        updated: maybe_stamp(row, "updated_stamp")?,
        body_html: row.try_get("body_html")?,
        body_text: row.try_get("body_text")?,
        images: from_json(row, "images")?,
        marks: from_json(row, "marks")?,
        problems: from_json(row, "problems")?,
    })
}

pub(super) fn past_life(row: &SqliteRow, now: &Life) -> Result<Life, Fault> {
    Ok(Life {
        revision: number(row, "revision")?,
        first_seen: now.first_seen,
        changed: instant(row, "changed")?,
        withdrawn: maybe_instant(row, "withdrawn")?,
    })
}

pub(super) fn rank(row: &SqliteRow) -> Result<u32, Fault> {
    number(row, "rank")
}

pub(super) fn problems(row: &SqliteRow) -> Result<Vec<crate::model::Problem>, Fault> {
    from_json(row, "problems")
}

pub(super) fn source(row: &SqliteRow) -> Result<SourceState, Fault> {
    let body_hash: Option<&[u8]> = row.try_get("body_hash")?;
    let blog: Option<&[u8]> = row.try_get("blog")?;
    Ok(SourceState {
        url: row.try_get("url")?,
        outlet: row.try_get("outlet")?,
        title: row.try_get("title")?,
        every_s: number(row, "every_s")?,
        min_every_s: number(row, "min_every_s")?,
        pace_s: maybe_number(row, "pace_s")?,
        followed: row.try_get("followed")?,
        etag: row.try_get("etag")?,
        last_modified: row.try_get("last_modified")?,
        body_hash: body_hash.map(|bytes| hash(bytes, "body_hash")).transpose()?,
        read_by: row.try_get("read_by")?,
        blog: blog.map(Uuid::from_slice).transpose().map_err(|error| damaged("blog", error))?,
        last_tried: maybe_instant(row, "last_tried")?,
        last_ok: maybe_instant(row, "last_ok")?,
        next_due: instant(row, "next_due")?,
        why: row.try_get("why")?,
        failures: number(row, "failures")?,
        last_error: row.try_get("last_error")?,
        problems: problems(row)?,
        rhythm: maybe_json(row, "rhythm")?,
        norm: maybe_json(row, "norm")?,
        aside: maybe_json(row, "aside")?,
        accepted: maybe_instant(row, "accepted")?,
        backfill: maybe_json(row, "backfill")?,
    })
}
