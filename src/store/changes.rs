//! The change log: everything that ever changed, numbered without a gap, in the transaction of the change itself.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::reconcile::Part;

use super::rows::{self, Fault, json};
use super::{Store, StoreError};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// An entry was seen for the first time.
    New,
    /// An entry says something else.
    Edited,
    /// An entry says the same, and a mark, a link or a picture of it is another.
    Touched,
    /// The outlet took an entry back.
    Withdrawn,
    /// The outlet shows an entry again that it had taken back.
    Restored,
    /// The live blog has another headline, standfirst, address or state.
    BlogChanged,
    /// The outlet has ended the live blog.
    BlogEnded,
}

impl ChangeKind {
    /// All of them.
    pub const ALL: [ChangeKind; 7] = [
        ChangeKind::New,
        ChangeKind::Edited,
        ChangeKind::Touched,
        ChangeKind::Withdrawn,
        ChangeKind::Restored,
        ChangeKind::BlogChanged,
        ChangeKind::BlogEnded,
    ];

    /// As it is written: `new`, `blog_ended`.
    pub fn name(self) -> &'static str {
        match self {
            ChangeKind::New => "new",
            ChangeKind::Edited => "edited",
            ChangeKind::Touched => "touched",
            ChangeKind::Withdrawn => "withdrawn",
            ChangeKind::Restored => "restored",
            ChangeKind::BlogChanged => "blog_changed",
            ChangeKind::BlogEnded => "blog_ended",
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<ChangeKind> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One row of the change log.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Change {
    /// Its number: one more than that of the change before.
    pub seq: i64,
    /// When it counts as made. It rises with every capture that changes something; all changes of one capture share it.
    pub at: DateTime<Utc>,
    /// The instant of the capture that showed it.
    pub seen: DateTime<Utc>,
    /// What happened.
    pub kind: ChangeKind,
    /// Slug of the outlet.
    pub outlet: String,
    /// The live blog.
    pub blog: Uuid,
    /// The entry, unless it is about the live blog itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<Uuid>,
    /// The revision that the entry has since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// What differs from before.
    pub parts: Vec<Part>,
    /// How much of what the entry says differs, from 0 to 1.
    pub significance: f64,
    /// Whether the entry was filled in later, from older pages or an older capture.
    pub history: bool,
    /// The capture, where it was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture: Option<i64>,
}

/// A place in the log that can be told to somebody and known again, also after the store has been rebuilt from its captures; in
/// another log the same number has another mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The change.
    pub seq: i64,
    /// Over what it is.
    pub mark: u32,
    /// See [`Change::at`].
    pub at: DateTime<Utc>,
}

impl Store {
    /// The place of the change numbered `seq`.
    pub async fn position(&self, seq: i64) -> Result<Option<Position>, StoreError> {
        async {
            let found = sqlx::query("SELECT * FROM change WHERE seq = ?").bind(seq);
            let row = found.fetch_optional(&mut *self.snapshot().await?).await?;
            row.as_ref().map(position).transpose()
        }
        .await
        .map_err(|fault: Fault| self.named(fault))
    }

    /// The number of the newest change: it grows with every commit that changes what a feed shows, whichever process commits.
    pub async fn generation(&self) -> Result<i64, StoreError> {
        async { latest(&mut *self.snapshot().await?).await }.await.map_err(|fault| self.named(fault))
    }

    /// At most `limit` changes after the one numbered `after`, oldest first.
    pub async fn changes(&self, after: i64, limit: usize) -> Result<Vec<Change>, StoreError> {
        async {
            let mut db = self.snapshot().await?;
            let query = "SELECT change.*, entry.id AS entry_id FROM change LEFT JOIN entry ON entry.n = change.entry
                         WHERE seq > ? ORDER BY seq LIMIT ?";
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            sqlx::query(query)
                .bind(after)
                .bind(limit)
                .fetch_all(&mut *db)
                .await?
                .iter()
                .map(change)
                .collect::<Result<Vec<_>, Fault>>()
        }
        .await
        .map_err(|fault| self.named(fault))
    }
}

pub(super) fn position(row: &SqliteRow) -> Result<Position, Fault> {
    let at = rows::instant(row, "at")?;
    let entry: Option<i64> = row.try_get("entry")?;
    let mut hash = Sha256::new();
    hash.update(at.timestamp_millis().to_le_bytes());
    hash.update(row.try_get::<&[u8], _>("blog")?);
    hash.update(entry.unwrap_or_default().to_le_bytes());
    hash.update(row.try_get::<&str, _>("kind")?);
    let digest = hash.finalize();
    Ok(Position { seq: row.try_get("seq")?, mark: u32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]]), at })
}

pub(super) async fn latest(db: &mut SqliteConnection) -> Result<i64, Fault> {
    Ok(sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM change").fetch_one(db).await?)
}

/// A change read from a row that has the entry's id as `entry_id`.
pub(super) fn change(row: &SqliteRow) -> Result<Change, Fault> {
    let kind: &str = row.try_get("kind")?;
    let entry: Option<&[u8]> = row.try_get("entry_id")?;
    let revision: Option<i64> = row.try_get("revision")?;
    Ok(Change {
        seq: row.try_get("seq")?,
        at: rows::instant(row, "at")?,
        seen: rows::instant(row, "seen")?,
        kind: ChangeKind::named(kind).ok_or_else(|| rows::damaged("kind", format!("`{kind}` is none")))?,
        outlet: row.try_get("outlet")?,
        blog: rows::id(row, "blog")?,
        entry: entry.map(Uuid::from_slice).transpose().map_err(|error| rows::damaged("entry_id", error))?,
        revision: revision.map(u32::try_from).transpose().map_err(|error| rows::damaged("revision", error))?,
        parts: rows::from_json(row, "parts")?,
        significance: row.try_get("significance")?,
        history: row.try_get("history")?,
        capture: row.try_get("capture")?,
    })
}

/// What one transaction has in common with all that it changes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment<'a> {
    pub at: i64,
    pub seen: DateTime<Utc>,
    pub outlet: &'a str,
    pub blog: Uuid,
    pub history: bool,
    pub capture: Option<i64>,
}

/// What one change is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct About<'a> {
    pub kind: ChangeKind,
    /// `entry.n` and the revision.
    pub entry: Option<(i64, u32)>,
    pub parts: &'a [Part],
    pub significance: f64,
}

/// Writes rows of the log, in this order.
pub(super) async fn log(db: &mut SqliteConnection, moment: &Moment<'_>, rows: &[About<'_>]) -> Result<(), Fault> {
    let mut list = Vec::with_capacity(rows.len());
    for about in rows {
        let (n, revision) = about.entry.unzip();
        let history = i64::from(moment.history && about.kind == ChangeKind::New);
        list.push((about.kind.name(), n, revision, json(&about.parts)?, about.significance, history));
    }
    sqlx::query(
        "INSERT INTO change (at, seen, kind, outlet, blog, entry, revision, parts, significance, history, capture)
         SELECT ?1, ?2, value ->> 0, ?3, ?4, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, ?5
         FROM json_each(?6) ORDER BY key",
    )
    .bind(moment.at)
    .bind(moment.seen.timestamp_millis())
    .bind(moment.outlet)
    .bind(&moment.blog.as_bytes()[..])
    .bind(moment.capture)
    .bind(json(&list)?)
    .execute(db)
    .await?;
    Ok(())
}

/// How far the log's clock may run ahead of the captures, in milliseconds.
const AHEAD: i64 = 60_000;

/// Where in the log what changes now will stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Next {
    pub at: i64,
    /// The number of the change before it.
    pub after: i64,
}

/// Where what changes now will stand. Its `at` is the capture's instant, or the second after the latest change of all. Two changes in one
/// second, or a capture older than what has been read since, would otherwise leave `Last-Modified` where it is, and a
/// reader that asks by date alone would never get them.
///
/// Where changes come faster than one a second for long, they share seconds: the clock would run ahead for hours, and what
/// stood at an instant would be told wrongly by as much. `Last-Modified` is left out then ([`super::Window::alone`]).
pub(super) async fn next(db: &mut SqliteConnection, seen: DateTime<Utc>) -> Result<Next, Fault> {
    let seen = seen.timestamp_millis();
    // A live blog that has had no entry yet is in no log.
    let (changed, last): (Option<i64>, _) = sqlx::query_as(
        "SELECT changed, seq, at, seen FROM (SELECT max(changed) AS changed FROM blog)
         LEFT JOIN (SELECT seq, at, seen FROM change ORDER BY seq DESC LIMIT 1)",
    )
    .fetch_one(db)
    .await
    .map(|(changed, seq, at, seen): (_, Option<i64>, Option<i64>, Option<i64>)| (changed, seq.zip(at).zip(seen)))?;
    let last = last.map(|((seq, at), seen)| (seq, at, seen));
    let after = last.map_or(0, |(seq, ..)| seq);
    let Some(latest) = last.map(|(_, at, _)| at).max(changed) else { return Ok(Next { at: seen, after }) };
    let next = (latest.div_euclid(1000) + 1) * 1000;
    // A lone capture of long ago is not what makes it run ahead.
    let ahead = next - seen > AHEAD && last.is_some_and(|(_, at, before)| at - before > AHEAD);
    Ok(Next { at: seen.max(if ahead { latest + 1 } else { next }), after })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::Connection;

    /// The log's clock at each of these captures, in milliseconds after the first.
    async fn clock(captures: &[i64]) -> Vec<i64> {
        let mut db = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        sqlx::raw_sql(
            "CREATE TABLE change (seq INTEGER PRIMARY KEY, at INTEGER, seen INTEGER); CREATE TABLE blog (changed INTEGER)",
        )
        .execute(&mut db)
        .await
        .unwrap();
        let mut told = Vec::new();
        for seen in captures {
            let Next { at, .. } = next(&mut db, DateTime::from_timestamp_millis(*seen).unwrap()).await.unwrap();
            sqlx::query("INSERT INTO change (at, seen) VALUES (?, ?)").bind(at).bind(seen).execute(&mut db).await.unwrap();
            told.push(at);
        }
        told
    }

    /// They are handed over as JSON. A store that was rebuilt is compared with the old one to the last bit.
    #[tokio::test]
    async fn numbers_come_through_as_they_are() {
        let mut db = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        for (part, whole) in (1..400_u32).flat_map(|whole| (0..=whole).map(move |part| (part, whole))).step_by(7) {
            let number = f64::from(part) / f64::from(whole);
            let got: f64 = sqlx::query_scalar("SELECT value ->> 1 FROM json_each(?)")
                .bind(json(&[("new", number)]).unwrap())
                .fetch_one(&mut db)
                .await
                .unwrap();
            assert_eq!(got.to_bits(), number.to_bits(), "{part}/{whole}");
        }
    }

    #[tokio::test]
    async fn the_clock_rises_and_does_not_run_away() {
        assert_eq!(clock(&[500, 700, 9_000]).await, [500, 1_000, 9_000]);
        // One of long ago, and what comes after it.
        assert_eq!(clock(&[90_000_500, 0, 90_001_000]).await, [90_000_500, 90_001_000, 90_002_000]);
        // Fifty a second for ten minutes.
        let captures: Vec<i64> = (0..30_000).map(|nth| nth * 20).collect();
        let told = clock(&captures).await;
        assert!(told.windows(2).all(|pair| pair[0] < pair[1]));
        let most = told.iter().zip(&captures).map(|(at, seen)| at - seen).max().unwrap();
        assert!((AHEAD..AHEAD + 2_000).contains(&most), "{most}");
    }
}
