//! Whether a store is whole, by SQL over its file and not through the code that writes it; and whether it is still what it was
//! when it was last looked at.

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, Row, SqliteConnection};
use tidings::outlet::split_page;
use tidings::page::{Captured, Page};

/// What has been seen so far.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Ids and when they were published.
    entries: BTreeMap<Vec<u8>, i64>,
    /// The log, a line for each change.
    log: Vec<String>,
    /// The newest capture that has been looked into.
    capture: i64,
}

/// Of which captures the bytes are looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bytes {
    All,
    /// Of those that were not there the last time.
    New,
}

/// What has to be nothing, and what it means where it is not.
const NEVER: [(&str, &str); 13] = [
    ("a gap in the log", "SELECT count(*) - max(seq) FROM change"),
    ("a gap in the numbers of entries", "SELECT count(*) - max(n) FROM entry"),
    (
        "entries without their beginning in the log",
        "SELECT count(*) FROM entry WHERE 1 <> (SELECT count(*) FROM change WHERE entry = n AND kind = 'new')",
    ),
    (
        "changes of entries that are not there",
        "SELECT count(*) FROM change WHERE entry IS NOT NULL AND entry NOT IN (SELECT n FROM entry)",
    ),
    (
        "changes of captures that are not there",
        "SELECT count(*) FROM change WHERE capture IS NULL OR capture NOT IN (SELECT id FROM capture)",
    ),
    (
        "instants in the log that do not rise",
        "SELECT count(*) FROM change AS one JOIN change AS two ON two.seq = one.seq + 1
         WHERE two.at < one.at OR (two.at = one.at) <> (two.capture = one.capture)",
    ),
    (
        "entries whose revision is not in the log",
        "SELECT count(*) FROM entry WHERE revision <> 1 + (SELECT count(*) FROM change WHERE entry = n AND kind = 'edited')",
    ),
    (
        "entries with other earlier states than the log says",
        "SELECT count(*) FROM entry WHERE (SELECT count(*) FROM revision WHERE entry = n)
            <> (SELECT count(DISTINCT at) - 1 FROM change WHERE entry = n)",
    ),
    (
        "earlier states that do not join",
        "SELECT count(*) FROM revision WHERE until <> coalesce(
            (SELECT min(since) FROM revision AS next WHERE next.entry = revision.entry AND next.since > revision.since),
            (SELECT since FROM entry WHERE n = revision.entry))",
    ),
    (
        "entries withdrawn against the log",
        "SELECT count(*) FROM entry WHERE (withdrawn IS NOT NULL) <> ('withdrawn' IS
            (SELECT kind FROM change WHERE entry = n AND kind IN ('withdrawn', 'restored') ORDER BY seq DESC LIMIT 1))",
    ),
    (
        "entries without their full text",
        "SELECT (SELECT count(*) FROM entry) - (SELECT count(*) FROM entry_text_docsize)",
    ),
    (
        "bytes that are not counted",
        "SELECT (SELECT bytes FROM capture_bytes) - (SELECT coalesce(sum(length(zstd)), 0) FROM capture_body)",
    ),
    (
        "archived entries without their page",
        "SELECT count(*) FROM entry WHERE (archive IS NOT NULL AND archive NOT IN (SELECT page FROM archive WHERE blog = x''))
            OR (blog_archive IS NOT NULL AND blog_archive NOT IN (SELECT page FROM archive WHERE blog = entry.blog))",
    ),
];

impl Seen {
    pub fn entries(&self) -> usize {
        self.entries.len()
    }

    pub fn changes(&self) -> usize {
        self.log.len()
    }

    /// Judges the store; answers how many captures it has that were not there the last time.
    pub async fn check(&mut self, store: &Path, bytes: Bytes) -> Result<i64, String> {
        let mut db = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(store)).await.unwrap();
        let said: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&mut db).await.unwrap();
        if said != ["ok"] || !sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut db).await.unwrap().is_empty() {
            return Err(format!("SQLite finds it damaged: {said:?}"));
        }
        for (what, query) in NEVER {
            let count: Option<i64> = sqlx::query_scalar(query).fetch_one(&mut db).await.unwrap();
            if count.unwrap_or_default() != 0 {
                return Err(format!("{what}: {count:?}"));
            }
        }
        self.nothing_is_lost(&mut db).await?;
        let grown = self.captures_are_whole(&mut db, bytes).await?;
        db.close().await.unwrap();
        Ok(grown)
    }

    async fn nothing_is_lost(&mut self, db: &mut SqliteConnection) -> Result<(), String> {
        let rows = sqlx::query("SELECT id, published FROM entry").fetch_all(&mut *db).await.unwrap();
        let entries: BTreeMap<Vec<u8>, i64> = rows.iter().map(|row| (row.get("id"), row.get("published"))).collect();
        for (id, published) in &self.entries {
            match entries.get(id) {
                None => return Err(format!("{id:02x?} is lost")),
                Some(now) if now != published => return Err(format!("{id:02x?} has another time")),
                Some(_) => {}
            }
        }
        let line =
            "seq || ' ' || at || ' ' || kind || ' ' || ifnull(entry, '') || ' ' || ifnull(revision, '') || ' ' || parts
            || ' ' || ifnull(capture, '')";
        let query = format!("SELECT {line} FROM change ORDER BY seq");
        let log: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_all(db).await.unwrap();
        if let Some(line) =
            self.log.iter().enumerate().find_map(|(place, line)| (log.get(place) != Some(line)).then_some(line))
        {
            return Err(format!("`{line}` is gone from the log"));
        }
        (self.entries, self.log) = (entries, log);
        Ok(())
    }

    /// Of the captures the bytes are there, and every entry on such a page is in the store.
    async fn captures_are_whole(&mut self, db: &mut SqliteConnection, bytes: Bytes) -> Result<i64, String> {
        let count: i64 =
            sqlx::query_scalar("SELECT count(*) - coalesce(max(id), 0) FROM capture").fetch_one(&mut *db).await.unwrap();
        let newest: i64 = sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM capture").fetch_one(&mut *db).await.unwrap();
        if count != 0 || newest < self.capture {
            return Err(format!("captures are missing: {newest} is the newest after {}", self.capture));
        }
        let from = if bytes == Bytes::All { 0 } else { self.capture };
        let rows = sqlx::query(
            "SELECT * FROM capture LEFT JOIN capture_body ON capture = id WHERE same_as IS NULL AND id > ? ORDER BY id",
        );
        for row in rows.bind(from).fetch_all(&mut *db).await.unwrap() {
            let id: i64 = row.get("id");
            let body = row.get::<Option<&[u8]>, _>("zstd").and_then(|zstd| zstd::decode_all(zstd).ok());
            let Some(body) = body.filter(|body| Sha256::digest(body)[..] == *row.get::<&[u8], _>("sha256")) else {
                return Err(format!("the bytes of capture {id} are not what was fetched"));
            };
            if id <= self.capture {
                continue;
            }
            let page = Page {
                body,
                url: row.get::<Option<&str>, _>("url").map(|url| url.parse().unwrap()),
                content_type: row.get("content_type"),
                captured: Captured::At("2030-01-01T00:00:00Z".parse().unwrap()),
            };
            for entry in split_page(&page, None).unwrap().entries {
                let there = "SELECT EXISTS (SELECT 1 FROM entry WHERE id = ?)";
                if !sqlx::query_scalar::<_, bool>(there).bind(&entry.id.as_bytes()[..]).fetch_one(&mut *db).await.unwrap() {
                    return Err(format!("entries of capture {id} are missing: {}", entry.key));
                }
            }
        }
        Ok(newest - std::mem::replace(&mut self.capture, newest))
    }
}
