//! Live blogs and their entries: the window a feed shows, and the one transaction of a refresh.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use crate::model::{Head, LiveBlog, Problem};
use crate::reconcile::{Changes, Known, Settled, reconcile};

use super::rows::{self, Fault, json};
use super::{Scope, SourceState, Store, StoreError, StoredBlog, StoredEntry, Window, sources};

impl Store {
    /// A number that grows with every commit that changes what a feed shows, whichever process commits.
    pub async fn generation(&self) -> Result<i64, StoreError> {
        async { generation(&mut *self.snapshot().await?).await }.await.map_err(|fault| self.named(fault))
    }

    /// The newest `limit` entries of `scope`.
    pub async fn window(&self, scope: &Scope, limit: usize) -> Result<Window, StoreError> {
        async {
            let mut db = self.snapshot().await?;
            window(&mut db, scope, i64::try_from(limit).unwrap_or(i64::MAX)).await
        }
        .await
        .map_err(|fault| self.named(fault))
    }

    /// Every live blog in the store, by outlet and key.
    pub async fn blogs(&self) -> Result<Vec<StoredBlog>, StoreError> {
        async { blogs(&mut *self.snapshot().await?).await }.await.map_err(|fault| self.named(fault))
    }

    /// Every entry of one live blog, newest first.
    pub async fn entries_of(&self, blog: Uuid) -> Result<Vec<StoredEntry>, StoreError> {
        async { entries_of(&mut *self.snapshot().await?, blog).await }.await.map_err(|fault| self.named(fault))
    }

    /// Whether any entry is stored of this live blog.
    pub async fn holds(&self, blog: Uuid) -> Result<bool, StoreError> {
        async {
            let mut db = self.snapshot().await?;
            let found = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM entry WHERE blog = ?)")
                .bind(&blog.as_bytes()[..])
                .fetch_one(&mut *db)
                .await?;
            Ok(found)
        }
        .await
        .map_err(|fault: Fault| self.named(fault))
    }

    /// Reconciles `read`, captured at `seen`, with what is stored and writes the difference, together with the new state of
    /// the address it was `fetched` from: all of it or nothing. A reading that changes nothing leaves every feed as it was.
    pub async fn save(
        &self,
        read: &LiveBlog,
        seen: DateTime<Utc>,
        fetched: Option<&SourceState>,
    ) -> Result<Changes, StoreError> {
        async {
            let mut write = self.writing().await?;
            let known = known(&mut write, read.head.id).await?;
            let changes = reconcile(&known, read, seen);
            write_changes(&mut write, &known, read, &changes, seen).await?;
            if let Some(state) = fetched {
                sources::put(&mut write, state).await?;
            }
            write.commit().await?;
            Ok(changes)
        }
        .await
        .map_err(|fault| self.named(fault))
    }
}

async fn generation(db: &mut SqliteConnection) -> Result<i64, Fault> {
    Ok(sqlx::query_scalar("SELECT generation FROM state").fetch_one(db).await?)
}

async fn window(db: &mut SqliteConnection, scope: &Scope, limit: i64) -> Result<Window, Fault> {
    // The order of each query is the order of its index, so that it reads `limit` entries and stops.
    let (entries, heads, changed) = match scope {
        Scope::Everything => (
            sqlx::query("SELECT * FROM entry ORDER BY published DESC, outlet, blog_key, rank DESC, id LIMIT ?"),
            sqlx::query("SELECT * FROM blog"),
            sqlx::query("SELECT max(changed) AS changed FROM blog"),
        ),
        Scope::Outlet(slug) => (
            sqlx::query("SELECT * FROM entry WHERE outlet = ? ORDER BY published DESC, blog_key, rank DESC, id LIMIT ?")
                .bind(slug),
            sqlx::query("SELECT * FROM blog WHERE outlet = ?").bind(slug),
            sqlx::query("SELECT max(changed) AS changed FROM blog WHERE outlet = ?").bind(slug),
        ),
        Scope::Blog(id) => {
            let id = &id.as_bytes()[..];
            (
                sqlx::query("SELECT * FROM entry WHERE blog = ? ORDER BY published DESC, rank DESC, id LIMIT ?").bind(id),
                sqlx::query("SELECT * FROM blog WHERE id = ?").bind(id),
                sqlx::query("SELECT changed FROM blog WHERE id = ?").bind(id),
            )
        }
    };
    let mut window = Window { generation: generation(db).await?, ..Window::default() };
    window.changed = match changed.fetch_optional(&mut *db).await? {
        Some(row) => rows::maybe_instant(&row, "changed")?,
        None => None,
    };
    let heads: HashMap<Uuid, Arc<Head>> = heads
        .fetch_all(&mut *db)
        .await?
        .iter()
        .map(|row| rows::head(row).map(|head| (head.id, Arc::new(head))))
        .collect::<Result<_, _>>()?;
    for row in entries.bind(limit).fetch_all(&mut *db).await? {
        let blog = rows::blog_of(&row)?;
        let head = heads.get(&blog).ok_or_else(|| Fault::Damaged(format!("an entry belongs to no live blog ({blog})")))?;
        window.entries.push((head.clone(), Arc::new(rows::entry(&row)?)));
    }
    Ok(window)
}

async fn blogs(db: &mut SqliteConnection) -> Result<Vec<StoredBlog>, Fault> {
    let found = sqlx::query(
        "SELECT blog.*, (SELECT count(*) FROM entry WHERE blog = blog.id) AS entries,
            (SELECT max(published) FROM entry WHERE blog = blog.id) AS newest
         FROM blog ORDER BY outlet, key",
    )
    .fetch_all(db)
    .await?;
    let stored = |row| {
        Ok(StoredBlog {
            head: rows::head(row)?,
            entries: row.try_get("entries")?,
            newest: rows::maybe_instant(row, "newest")?,
            changed: rows::instant(row, "changed")?,
            problems: rows::problems(row)?,
        })
    };
    found.iter().map(stored).collect()
}

async fn entries_of(db: &mut SqliteConnection, blog: Uuid) -> Result<Vec<StoredEntry>, Fault> {
    let found = sqlx::query("SELECT * FROM entry WHERE blog = ? ORDER BY published DESC, rank DESC, id")
        .bind(&blog.as_bytes()[..])
        .fetch_all(db)
        .await?;
    let stored = |row| {
        Ok(StoredEntry {
            entry: rows::entry(row)?,
            rank: rows::rank(row)?,
            first_seen: rows::instant(row, "first_seen")?,
            changed: rows::instant(row, "changed")?,
        })
    };
    found.iter().map(stored).collect()
}

async fn known(db: &mut SqliteConnection, blog: Uuid) -> Result<Known, Fault> {
    let id = &blog.as_bytes()[..];
    let Some(row) = sqlx::query("SELECT * FROM blog WHERE id = ?").bind(id).fetch_optional(&mut *db).await? else {
        return Ok(Known::default());
    };
    let entries =
        sqlx::query("SELECT id, published_stamp, updated_stamp, rank, content_hash, shown_hash FROM entry WHERE blog = ?")
            .bind(id)
            .fetch_all(db)
            .await?;
    Ok(Known {
        head: Some(rows::head(&row)?),
        seen: Some(rows::instant(&row, "seen")?),
        entries: entries.iter().map(rows::known_entry).collect::<Result<_, _>>()?,
    })
}

async fn write_changes(
    db: &mut SqliteConnection,
    known: &Known,
    read: &LiveBlog,
    changes: &Changes,
    seen: DateTime<Utc>,
) -> Result<(), Fault> {
    let head = changes.head.as_ref().or(known.head.as_ref()).unwrap_or(&read.head);
    let changed = next_change(db, seen).await?;
    if known.seen.is_none_or(|newest| seen >= newest) {
        put_head(db, head, &read.problems, seen).await?;
    }
    for settled in &changes.new {
        insert(db, head, settled, seen).await?;
    }
    for settled in changes.edited.iter().chain(&changes.touched) {
        update(db, settled, seen).await?;
    }
    if !changes.is_empty() {
        sqlx::query("UPDATE blog SET changed = ? WHERE id = ?")
            .bind(changed)
            .bind(&head.id.as_bytes()[..])
            .execute(&mut *db)
            .await?;
        sqlx::query("UPDATE state SET generation = generation + 1").execute(db).await?;
    }
    Ok(())
}

/// The instant that a change seen at `seen` is dated: `seen`, or the second after the latest change of all. Two changes in one
/// second, or a capture older than what has been read since, would otherwise leave `Last-Modified` where it is, and a
/// reader that asks by date alone would never get them.
async fn next_change(db: &mut SqliteConnection, seen: DateTime<Utc>) -> Result<i64, Fault> {
    let latest: Option<i64> = sqlx::query_scalar("SELECT max(changed) FROM blog").fetch_one(db).await?;
    let after = latest.map(|latest| (latest.div_euclid(1000) + 1) * 1000);
    Ok(after.filter(|after| seen.timestamp_millis() < *after).unwrap_or(seen.timestamp_millis()))
}

async fn put_head(db: &mut SqliteConnection, head: &Head, problems: &[Problem], seen: DateTime<Utc>) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO blog (id, outlet, outlet_name, key, url, headline, standfirst, language, coverage, problems, seen, changed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11)
         ON CONFLICT (id) DO UPDATE SET outlet_name = ?3, url = ?5, headline = ?6, standfirst = ?7, language = ?8,
            coverage = ?9, problems = ?10, seen = ?11",
    )
    .bind(&head.id.as_bytes()[..])
    .bind(&head.outlet)
    .bind(&head.outlet_name)
    .bind(&head.key)
    .bind(&head.url)
    .bind(&head.headline)
    .bind(&head.standfirst)
    .bind(&head.language)
    .bind(json(&head.coverage)?)
    .bind(json(&problems)?)
    .bind(seen.timestamp_millis())
    .execute(db)
    .await?;
    Ok(())
}

async fn insert(db: &mut SqliteConnection, head: &Head, settled: &Settled, seen: DateTime<Utc>) -> Result<(), Fault> {
    let entry = &settled.entry;
    sqlx::query(
        "INSERT INTO entry (id, blog, outlet, blog_key, key, rank, published, published_stamp, first_seen,
            byline, body_html, body_text, images, marks, problems, content_hash, shown_hash, changed)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', '', '', '', '', x'', x'', 0)",
    )
    .bind(&entry.id.as_bytes()[..])
    .bind(&head.id.as_bytes()[..])
    .bind(&head.outlet)
    .bind(&head.key)
    .bind(&entry.key)
    .bind(settled.rank)
    .bind(entry.published.at.timestamp_millis())
    .bind(json(&entry.published)?)
    .bind(seen.timestamp_millis())
    .execute(&mut *db)
    .await?;
    update(db, settled, seen).await
}

/// Writes what may change of an entry. Its place (`published`, `rank`) and its ids may not.
async fn update(db: &mut SqliteConnection, settled: &Settled, seen: DateTime<Utc>) -> Result<(), Fault> {
    let entry = &settled.entry;
    sqlx::query(
        "UPDATE entry SET permalink = ?, headline = ?, byline = ?, updated_stamp = ?, body_html = ?, body_text = ?,
            images = ?, marks = ?, problems = ?, content_hash = ?, shown_hash = ?, changed = ? WHERE id = ?",
    )
    .bind(&entry.permalink)
    .bind(&entry.headline)
    .bind(json(&entry.byline)?)
    .bind(entry.updated.as_ref().map(json).transpose()?)
    .bind(&entry.body_html)
    .bind(&entry.body_text)
    .bind(json(&entry.images)?)
    .bind(json(&entry.marks)?)
    .bind(json(&entry.problems)?)
    .bind(&settled.content_hash[..])
    .bind(&settled.shown_hash[..])
    .bind(seen.timestamp_millis())
    .bind(&entry.id.as_bytes()[..])
    .execute(db)
    .await?;
    Ok(())
}
