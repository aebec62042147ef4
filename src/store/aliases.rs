//! Other ids of an entry: what a page of it gives by itself, where the entry was first seen under another key or its live blog
//! under another address. They are never issued, but somebody may come with one.

use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::identity::{derived_stem, entry_id};
use crate::model::LiveBlog;
use crate::reconcile::Changes;

use super::rows::Fault;

/// Remembers what `read`, a page of `blog`, calls the entries that are stored.
pub(super) async fn write(db: &mut SqliteConnection, blog: Uuid, read: &LiveBlog, changes: &Changes) -> Result<(), Fault> {
    let moved = read.head.id != blog;
    if !moved && changes.aliases.is_empty() {
        return Ok(());
    }
    let own: String =
        sqlx::query_scalar("SELECT key FROM blog WHERE id = ?").bind(&blog.as_bytes()[..]).fetch_one(&mut *db).await?;
    for entry in read.entries.iter().filter(|entry| derived_stem(&entry.key).is_none()) {
        // Under the key of the live blog as it is stored, and under the one that its page has now.
        let ids = [Some(entry_id(&read.head.outlet, &own, &entry.key)), moved.then_some(entry.id)];
        for id in ids.into_iter().flatten() {
            sqlx::query(
                "INSERT OR IGNORE INTO entry_id_alias (id, entry)
                 SELECT ?1, id FROM (
                    SELECT id FROM entry WHERE outlet = ?2 AND key = ?3 AND blog = ?4
                    UNION ALL SELECT entry FROM entry_alias WHERE blog = ?4 AND key = ?3
                 ) WHERE id <> ?1 LIMIT 1",
            )
            .bind(&id.as_bytes()[..])
            .bind(&read.head.outlet)
            .bind(&entry.key)
            .bind(&blog.as_bytes()[..])
            .execute(&mut *db)
            .await?;
        }
    }
    Ok(())
}
