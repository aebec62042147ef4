//! What differs between two stores: row by row, in the database's own terms, so that nothing is compared by halves.

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Connection, Row};

use super::rows::Fault;
use super::{Store, StoreError};

/// A table that is compared.
struct Table {
    name: &'static str,
    /// How its rows are called: one of them, and more.
    called: (&'static str, &'static str),
    /// What tells a row from the others.
    key: &'static [&'static str],
    /// What may differ: how a page fared when it was last looked at is no part of what was read of it.
    apart_from: &'static [&'static str],
}

const TABLES: [Table; 12] = [
    Table { name: "blog", called: ("live blog", "live blogs"), key: &["id"], apart_from: &["seen", "problems"] },
    Table { name: "entry", called: ("entry", "entries"), key: &["id"], apart_from: &[] },
    Table { name: "revision", called: ("earlier state", "earlier states"), key: &["entry", "until"], apart_from: &[] },
    Table { name: "change", called: ("change", "changes"), key: &["seq"], apart_from: &[] },
    Table { name: "capture", called: ("capture", "captures"), key: &["id"], apart_from: &["read_by"] },
    Table { name: "archive", called: ("archived page", "archived pages"), key: &["blog", "page"], apart_from: &[] },
    Table { name: "blog_revision", called: ("earlier head", "earlier heads"), key: &["blog", "until"], apart_from: &[] },
    Table { name: "blog_alias", called: ("moved live blog", "moved live blogs"), key: &["id"], apart_from: &[] },
    Table { name: "entry_alias", called: ("other key", "other keys"), key: &["blog", "key"], apart_from: &[] },
    Table { name: "entry_id_alias", called: ("other id", "other ids"), key: &["id"], apart_from: &[] },
    Table {
        name: "story_member",
        called: ("place in a story", "places in stories"),
        key: &["entry", "since"],
        apart_from: &[],
    },
    Table { name: "story_alias", called: ("joined story", "joined stories"), key: &["id"], apart_from: &[] },
];

/// Tables that are not compared: how addresses fare, who is sent what, what is made of the other tables, and the bytes, of which
/// `capture` has the hash.
const APART: [&str; 11] = [
    "source",
    "sink",
    "hub_request",
    "hub_subscription",
    "state",
    "capture_body",
    "capture_bytes",
    "entry_text",
    "revision_text",
    "story_gist",
    "story_key",
];

/// How one table compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// What its rows are, in words: `1 entry`, `12 entries`.
    pub what: String,
    /// How many rows differ.
    pub differing: i64,
    /// The first of them, one line each.
    pub lines: Vec<String>,
}

impl Store {
    /// Compares what both stores hold of captures; of each table at most `most` differences are spelled out.
    pub async fn compare(&self, other: &Store, most: usize) -> Result<Vec<Compared>, StoreError> {
        async {
            // A connection of its own, since what is attached stays so.
            let options = SqliteConnectOptions::new().filename(self.path()).read_only(true);
            let mut db = SqliteConnection::connect_with(&options).await?;
            let other = other.path().to_string_lossy();
            sqlx::query("ATTACH DATABASE ? AS other").bind(&*other).execute(&mut db).await?;
            forgotten(&mut db).await?;
            let mut compared = Vec::new();
            for table in &TABLES {
                compared.push(table.compare(&mut db, most).await?);
            }
            db.close().await?;
            Ok(compared)
        }
        .await
        .map_err(|fault| self.named(fault))
    }
}

/// A table that somebody adds has to be compared, or said to be apart.
async fn forgotten(db: &mut SqliteConnection) -> Result<(), Fault> {
    let names = sqlx::query_scalar::<_, String>("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
    for name in names.fetch_all(db).await? {
        let inside = ["entry_text_", "revision_text_", "sqlite_"];
        let apart = APART.contains(&&*name) || inside.iter().any(|prefix| name.starts_with(prefix));
        if !apart && !TABLES.iter().any(|table| table.name == name) {
            return Err(Fault::Damaged(format!("nothing is known of a table `{name}`")));
        }
    }
    Ok(())
}

impl Table {
    async fn compare(&self, db: &mut SqliteConnection, most: usize) -> Result<Compared, Fault> {
        let name = self.name;
        let columns: Vec<String> =
            sqlx::query_scalar("SELECT name FROM pragma_table_info(?) ORDER BY cid").bind(name).fetch_all(&mut *db).await?;
        let told: Vec<&str> =
            columns.iter().map(String::as_str).filter(|column| !self.apart_from.contains(column)).collect();
        let same_key = all(self.key, |column| format!("one.{column} = two.{column}"), " AND ");
        let lacking = |one: &str, two: &str| {
            format!("FROM {one}.{name} AS one WHERE NOT EXISTS (SELECT 1 FROM {two}.{name} AS two WHERE {same_key})")
        };
        let differing = all(&told, |column| format!("one.{column} IS NOT two.{column}"), " OR ");
        let both = format!("FROM main.{name} AS one JOIN other.{name} AS two ON {same_key} WHERE {differing}");
        let label = all(self.key, |column| shown(&format!("one.{column}")), " || '/' || ");
        let parts = told.iter().map(|column| {
            let (one, two) = (shown(&format!("one.{column}")), shown(&format!("two.{column}")));
            format!("iif(one.{column} IS two.{column}, '', '; {column} was ' || {one} || ' and is ' || {two})")
        });
        let parts = parts.collect::<Vec<_>>().join(" || ");

        let mut compared = Compared { what: self.counted(db).await?, differing: 0, lines: Vec::new() };
        for (rows, line) in [
            (lacking("main", "other"), format!("{label} || ' is missing'")),
            (lacking("other", "main"), format!("{label} || ' was not there'")),
            (both, format!("{label} || {parts}")),
        ] {
            let count: i64 = one(db, format!("SELECT count(*) AS it {rows}")).await?.try_get("it")?;
            compared.differing += count;
            let left = most.saturating_sub(compared.lines.len());
            let lines = format!(
                "SELECT {line} AS it {rows} ORDER BY {} LIMIT {left}",
                all(self.key, |key| format!("one.{key}"), ", ")
            );
            for row in sqlx::query(AssertSqlSafe(lines)).fetch_all(&mut *db).await? {
                compared.lines.push(format!("{} {}", self.called.0, row.try_get::<String, _>("it")?));
            }
        }
        Ok(compared)
    }

    async fn counted(&self, db: &mut SqliteConnection) -> Result<String, Fault> {
        let count: i64 = one(db, format!("SELECT count(*) AS it FROM main.{}", self.name)).await?.try_get("it")?;
        Ok(format!("{count} {}", if count == 1 { self.called.0 } else { self.called.1 }))
    }
}

async fn one(db: &mut SqliteConnection, query: String) -> Result<SqliteRow, Fault> {
    Ok(sqlx::query(AssertSqlSafe(query)).fetch_one(db).await?)
}

fn all(columns: &[&str], each: impl Fn(&str) -> String, between: &str) -> String {
    columns.iter().map(|column| each(column)).collect::<Vec<_>>().join(between)
}

/// SQL that shows a value in a line: ids and hashes in hexadecimal, texts cut.
fn shown(value: &str) -> String {
    format!(
        "CASE typeof({value}) WHEN 'blob' THEN lower(hex(substr({value}, 1, 16))) WHEN 'null' THEN 'nothing'
            WHEN 'text' THEN '`' || substr({value}, 1, 60) || iif(length({value}) > 60, '…', '') || '`' ELSE {value} END"
    )
}
