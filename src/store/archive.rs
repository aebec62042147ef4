//! Archived pages (RFC 5005 section 4): which page an entry is on, assigned once and for ever.
//!
//! Entries are archived in the order in which they were first seen, so that a page, once full, never changes. History that
//! is filled in later closes a page early: it belongs into the archives at once, since no window will ever show it.

use sqlx::SqliteConnection;
use uuid::Uuid;

use super::rows::Fault;

/// Entries on an archived page, at most. No more than half of a window: what is not archived yet has to fit into it.
pub const PAGE: i64 = 50;

/// Archives what fills a page by now. With `history`, also the rest that doesn't.
pub(super) async fn assign(db: &mut SqliteConnection, blog: Uuid, at: i64, history: bool) -> Result<(), Fault> {
    let blog = blog.as_bytes();
    let everything = Pages {
        name: &[],
        set: "UPDATE entry SET archive = ?3 WHERE n IN
            (SELECT n FROM entry WHERE archive IS NULL ORDER BY n LIMIT ?2) AND ?1 IS NOT NULL",
    };
    let own = Pages {
        name: &blog[..],
        set: "UPDATE entry SET blog_archive = ?3 WHERE n IN
            (SELECT n FROM entry WHERE blog = ?1 AND blog_archive IS NULL ORDER BY n LIMIT ?2)",
    };
    let count = "SELECT (SELECT count(*) FROM (SELECT 1 FROM entry WHERE archive IS NULL LIMIT ?2)),
                    (SELECT count(*) FROM (SELECT 1 FROM entry WHERE blog = ?1 AND blog_archive IS NULL LIMIT ?2))";
    // As long as there is a page of either. Nearly always there is of neither, and no more is asked.
    loop {
        let waiting: (i64, i64) = sqlx::query_as(count).bind(own.name).bind(PAGE).fetch_one(&mut *db).await?;
        let fills = |waiting: i64| waiting == PAGE || (waiting > 0 && history);
        if !fills(waiting.0) && !fills(waiting.1) {
            return Ok(());
        }
        if fills(waiting.0) {
            everything.assign(db, at).await?;
        }
        if fills(waiting.1) {
            own.assign(db, at).await?;
        }
    }
}

struct Pages<'a> {
    /// As the table `archive` names the scope.
    name: &'a [u8],
    set: &'static str,
}

impl Pages<'_> {
    /// Puts as many entries as a page holds, the first that are on none, on a new page.
    async fn assign(&self, db: &mut SqliteConnection, at: i64) -> Result<(), Fault> {
        let page: i64 = sqlx::query_scalar("SELECT coalesce(max(page), 0) + 1 FROM archive WHERE blog = ?")
            .bind(self.name)
            .fetch_one(&mut *db)
            .await?;
        sqlx::query("INSERT INTO archive (blog, page, at) VALUES (?, ?, ?)")
            .bind(self.name)
            .bind(page)
            .bind(at)
            .execute(&mut *db)
            .await?;
        sqlx::query(self.set).bind(self.name).bind(PAGE).bind(page).execute(db).await?;
        Ok(())
    }
}
