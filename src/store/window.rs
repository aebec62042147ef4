//! The newest entries of a scope.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::model::Head;

use super::rows::{self, Fault};
use super::{Scope, Shown, Store, StoreError, Window};

impl Store {
    /// The newest `limit` entries of `scope`: those published last, and those edited, withdrawn or restored lately, however
    /// old. History that was filled in later is not among them.
    pub async fn window(&self, scope: &Scope, limit: usize) -> Result<Window, StoreError> {
        async {
            let mut db = self.snapshot().await?;
            window(&mut db, scope, i64::try_from(limit).unwrap_or(i64::MAX)).await
        }
        .await
        .map_err(|fault| self.named(fault))
    }
}

async fn window(db: &mut SqliteConnection, scope: &Scope, limit: i64) -> Result<Window, Fault> {
    // The order of each query is the order of its index, so that it reads `limit` entries and stops.
    let (entries, heads, changed) = match scope {
        Scope::Everything => (
            sqlx::query("SELECT * FROM entry WHERE surfaced IS NOT NULL ORDER BY surfaced DESC, n DESC LIMIT ?"),
            sqlx::query("SELECT * FROM blog"),
            sqlx::query("SELECT max(changed) AS changed FROM blog"),
        ),
        Scope::Outlet(slug) => (
            sqlx::query(
                "SELECT * FROM entry WHERE outlet = ? AND surfaced IS NOT NULL ORDER BY surfaced DESC, n DESC LIMIT ?",
            )
            .bind(slug),
            sqlx::query("SELECT * FROM blog WHERE outlet = ?").bind(slug),
            sqlx::query("SELECT max(changed) AS changed FROM blog WHERE outlet = ?").bind(slug),
        ),
        Scope::Blog(id) => {
            let id = &id.as_bytes()[..];
            (
                sqlx::query(
                    "SELECT * FROM entry WHERE blog = ? AND surfaced IS NOT NULL ORDER BY surfaced DESC, n DESC LIMIT ?",
                )
                .bind(id),
                sqlx::query("SELECT * FROM blog WHERE id = ?").bind(id),
                sqlx::query("SELECT changed FROM blog WHERE id = ?").bind(id),
            )
        }
    };
    let mut window = Window { generation: super::changes::latest(db).await?, ..Window::default() };
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
    let mut placed = Vec::new();
    for row in entries.bind(limit).fetch_all(&mut *db).await? {
        let blog = rows::blog_of(&row)?;
        let head = heads.get(&blog).ok_or_else(|| Fault::Damaged(format!("an entry belongs to no live blog ({blog})")))?;
        let shown = Shown { head: head.clone(), entry: Arc::new(rows::entry(&row)?), life: rows::life(&row)? };
        placed.push((rows::rank(&row)?, shown));
    }
    // They were taken by when they surfaced; they are shown by when they were published.
    placed.sort_by(|(one_rank, one), (other_rank, other)| {
        let by_time = other.entry.published.at.cmp(&one.entry.published.at);
        let by_blog = one.head.outlet.cmp(&other.head.outlet).then_with(|| one.head.key.cmp(&other.head.key));
        by_time.then(by_blog).then(other_rank.cmp(one_rank)).then(one.entry.id.cmp(&other.entry.id))
    });
    window.entries = placed.into_iter().map(|(_, shown)| shown).collect();
    Ok(window)
}
