//! Captures: the bytes of every page that changed something.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use super::rows::{self, Fault, json};
use super::{Store, StoreError};

/// Level of compression: most of what can be had of a page, at hundreds of megabytes a second.
const LEVEL: i32 = 3;

/// A page that is being saved, with all that reading it anew takes.
#[derive(Debug, Clone, Copy)]
pub struct NewCapture<'a> {
    /// The address that the bytes came from.
    pub url: Option<&'a str>,
    /// The outlet that the configuration says it is.
    pub outlet: Option<&'a str>,
    /// The name that the configuration gives the live blog.
    pub title: Option<&'a str>,
    /// The `Content-Type` header.
    pub content_type: Option<&'a str>,
    /// The answer's headers, as they came and in their order, without what must not be kept: that is for who fetched it.
    pub headers: &'a [(String, String)],
    /// The bytes.
    pub body: &'a [u8],
    /// The live blog that this address was before: an outlet may move its pages.
    pub known_as: Option<Uuid>,
    /// The version of tidings that read it.
    pub read_by: &'a str,
}

/// A capture in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// Its number, in the order of saving.
    pub id: i64,
    /// The address that the bytes came from.
    pub url: Option<String>,
    /// The outlet that the configuration said it is.
    pub outlet: Option<String>,
    /// The name that the configuration gave the live blog.
    pub title: Option<String>,
    /// The live blog it was read into.
    pub blog: Uuid,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// The answer's headers.
    pub headers: Vec<(String, String)>,
    /// When it was captured.
    pub captured: DateTime<Utc>,
    /// The newest capture of the live blog that had been read before it, whether or not that one was kept.
    pub after: Option<DateTime<Utc>>,
    /// The live blog that its address was before.
    pub known_as: Option<Uuid>,
    /// Whether it went back for older entries.
    pub history: bool,
    /// Whether its bytes had been read before, by another version of tidings.
    pub reread: bool,
    /// The capture whose bytes came again.
    pub same_as: Option<i64>,
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
    /// How many bytes they were.
    pub size: i64,
    /// The version of tidings that read it.
    pub read_by: String,
    /// Whether the bytes are still there.
    pub whole: bool,
}

impl Kept {
    /// Whether these are its bytes.
    pub fn is_of(&self, body: &[u8]) -> bool {
        Sha256::digest(body)[..] == self.sha256
    }
}

impl Store {
    /// At most `limit` captures after the one numbered `after`, in the order of saving, without their bytes.
    pub async fn captures(&self, after: i64, limit: usize) -> Result<Vec<Kept>, StoreError> {
        async {
            let mut db = self.snapshot().await?;
            let query = "SELECT capture.*, capture_body.capture IS NOT NULL AS whole
                         FROM capture LEFT JOIN capture_body ON capture_body.capture = capture.id
                         WHERE id > ? ORDER BY id LIMIT ?";
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            sqlx::query(query)
                .bind(after)
                .bind(limit)
                .fetch_all(&mut *db)
                .await?
                .iter()
                .map(kept)
                .collect::<Result<Vec<_>, Fault>>()
        }
        .await
        .map_err(|fault| self.named(fault))
    }

    /// The bytes of a capture, unless they were pruned.
    pub async fn capture_body(&self, id: i64) -> Result<Option<Vec<u8>>, StoreError> {
        async {
            let mut db = self.snapshot().await?;
            let found =
                sqlx::query("SELECT zstd FROM capture_body WHERE capture = ?").bind(id).fetch_optional(&mut *db).await?;
            let Some(row) = found else { return Ok(None) };
            let packed: &[u8] = row.try_get("zstd")?;
            zstd::decode_all(packed).map(Some).map_err(|error| rows::damaged("zstd", error))
        }
        .await
        .map_err(|fault| self.named(fault))
    }
}

fn kept(row: &sqlx::sqlite::SqliteRow) -> Result<Kept, Fault> {
    let known_as: Option<&[u8]> = row.try_get("known_as")?;
    let sha256: &[u8] = row.try_get("sha256")?;
    Ok(Kept {
        id: row.try_get("id")?,
        url: row.try_get("url")?,
        outlet: row.try_get("outlet")?,
        title: row.try_get("title")?,
        blog: rows::id(row, "blog")?,
        content_type: row.try_get("content_type")?,
        headers: rows::from_json(row, "headers")?,
        captured: rows::instant(row, "captured")?,
        after: rows::maybe_instant(row, "after")?,
        known_as: known_as.map(Uuid::from_slice).transpose().map_err(|error| rows::damaged("known_as", error))?,
        history: row.try_get("history")?,
        reread: row.try_get("reread")?,
        same_as: row.try_get("same_as")?,
        sha256: sha256.try_into().map_err(|_| rows::damaged("sha256", "not 32 bytes"))?,
        size: row.try_get("size")?,
        read_by: row.try_get("read_by")?,
        whole: row.try_get("whole")?,
    })
}

/// What a reading told beside its bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances {
    /// Its number, where it had one before.
    pub id: Option<i64>,
    pub blog: Uuid,
    pub seen: DateTime<Utc>,
    pub after: Option<DateTime<Utc>>,
    pub history: bool,
    pub reread: bool,
}

/// Writes a capture and answers its number; its bytes only where they are to be kept.
pub(super) async fn keep(
    db: &mut SqliteConnection,
    capture: &NewCapture<'_>,
    told: Circumstances,
    bytes: bool,
) -> Result<i64, Fault> {
    let id = sqlx::query(
        "INSERT INTO capture (id, url, outlet, title, blog, content_type, headers, captured, after, known_as, history, reread,
            sha256, size, read_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(told.id)
    .bind(capture.url)
    .bind(capture.outlet)
    .bind(capture.title)
    .bind(&told.blog.as_bytes()[..])
    .bind(capture.content_type)
    .bind(json(&capture.headers)?)
    .bind(told.seen.timestamp_millis())
    .bind(told.after.map(|at| at.timestamp_millis()))
    .bind(capture.known_as.as_ref().map(|id| &id.as_bytes()[..]))
    .bind(told.history)
    .bind(told.reread)
    .bind(&Sha256::digest(capture.body)[..])
    .bind(i64::try_from(capture.body.len()).unwrap_or(i64::MAX))
    .bind(capture.read_by)
    .execute(&mut *db)
    .await?
    .last_insert_rowid();
    if bytes {
        let packed = zstd::bulk::compress(capture.body, LEVEL).map_err(|error| rows::damaged("zstd", error))?;
        sqlx::query("INSERT INTO capture_body (capture, captured, zstd) VALUES (?, ?, ?)")
            .bind(id)
            .bind(told.seen.timestamp_millis())
            .bind(packed)
            .execute(db)
            .await?;
    }
    Ok(id)
}

/// Notes that the bytes of the last capture of `blog` came again at `seen`.
pub(super) async fn keep_again(db: &mut SqliteConnection, blog: Uuid, seen: DateTime<Utc>) -> Result<Option<i64>, Fault> {
    let inserted = sqlx::query(
        "INSERT INTO capture (url, outlet, title, blog, content_type, headers, captured, after, known_as, history, reread,
            same_as, sha256, size, read_by)
         SELECT url, outlet, title, blog, content_type, headers, ?2, captured, known_as, history, reread,
            coalesce(same_as, id), sha256, size, read_by
         FROM capture WHERE blog = ?1 ORDER BY id DESC LIMIT 1",
    )
    .bind(&blog.as_bytes()[..])
    .bind(seen.timestamp_millis())
    .execute(db)
    .await?;
    Ok((inserted.rows_affected() == 1).then(|| inserted.last_insert_rowid()))
}
