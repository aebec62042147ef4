//! What is known of the live blog that a page is of, as far as reconciling asks for it.

use std::collections::{BTreeSet, HashMap};

use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use crate::identity::derived_stem;
use crate::model::{Entry, LiveBlog};
use crate::reconcile::{Known, Lacking, same_blog};

use super::rows::{self, Fault, json};

/// Live blogs that a page of an unknown one is compared with, at most: those that share most ids of entries with it.
const CANDIDATES: i64 = 3;

/// What reconciling is handed of every entry of a live blog. All of it stands in the index `entry_known`.
const OF_ALL: &str =
    "SELECT id, key, published_stamp, rank, revision, content_hash, shown_hash, plain, edge, missing, withdrawn,
    content_hash = x'' OR shown_hash = x'' AS unhashed FROM entry WHERE blog = ? ORDER BY n";

/// What a page was found to be a page of.
pub(super) struct Resolved {
    pub blog: Uuid,
    pub known: Known,
    /// Whether this page was the first to show that it has moved.
    pub moved: bool,
}

/// Which stored live blog the page is, and what is known of it: the one of its id; one that it was found to be before; or
/// one whose entries it holds, its host or slug having changed.
pub(super) async fn resolve(db: &mut SqliteConnection, read: &LiveBlog, known_as: Option<Uuid>) -> Result<Resolved, Fault> {
    let id = read.head.id;
    let own = known(db, id).await?;
    if let Some(head) = &own.head {
        return Ok(Resolved { blog: head.id, known: own, moved: false });
    }
    for candidate in candidates(db, read, known_as).await? {
        let mut other = known(db, candidate).await?;
        let head = other.head.as_ref().filter(|head| head.outlet == read.head.outlet);
        let Some(blog) = head.map(|head| head.id) else { continue };
        if !decided(db, &mut other, |other| same_blog(other, read)).await? {
            continue;
        }
        sqlx::query("INSERT INTO blog_alias (id, blog) VALUES (?, ?)")
            .bind(&id.as_bytes()[..])
            .bind(&blog.as_bytes()[..])
            .execute(db)
            .await?;
        return Ok(Resolved { blog, known: other, moved: true });
    }
    Ok(Resolved { blog: id, known: own, moved: false })
}

/// Live blogs that a page of an unknown one may be: what its address was before, and those that know ids of its entries.
async fn candidates(db: &mut SqliteConnection, read: &LiveBlog, known_as: Option<Uuid>) -> Result<Vec<Uuid>, Fault> {
    let keys: Vec<&str> =
        read.entries.iter().map(|entry| entry.key.as_str()).filter(|key| derived_stem(key).is_none()).collect();
    let found = sqlx::query(
        "SELECT blog FROM entry WHERE outlet = ? AND key IN (SELECT value FROM json_each(?))
         GROUP BY blog ORDER BY count(*) DESC, blog LIMIT ?",
    )
    .bind(&read.head.outlet)
    .bind(json(&keys)?)
    .bind(CANDIDATES)
    .fetch_all(db)
    .await?;
    let mut candidates: Vec<Uuid> = known_as.into_iter().collect();
    for row in &found {
        let blog = rows::blog_of(row)?;
        if !candidates.contains(&blog) {
            candidates.push(blog);
        }
    }
    Ok(candidates)
}

/// What is known of the live blog that has this id, or was found to be the one of this id.
pub(super) async fn known(db: &mut SqliteConnection, id: Uuid) -> Result<Known, Fault> {
    let row = sqlx::query("SELECT * FROM blog WHERE id = coalesce((SELECT blog FROM blog_alias WHERE id = ?1), ?1)");
    let Some(row) = row.bind(&id.as_bytes()[..]).fetch_optional(&mut *db).await? else {
        return Ok(Known::default());
    };
    let head = rows::head(&row)?;
    let id = &head.id.as_bytes()[..];
    // Each value of a row is copied, and a long live blog has thousands of rows: only what is needed of all of them.
    let entries = sqlx::query(OF_ALL).bind(id).fetch_all(&mut *db).await?;
    let mut unhashed = BTreeSet::new();
    for row in &entries {
        if row.try_get("unhashed")? {
            unhashed.insert(rows::id(row, "id")?);
        }
    }
    let mut whole = look_up(db, &unhashed).await?;
    let known_entry = |row| rows::known_entry(row, whole.remove(&rows::id(row, "id")?));
    let aliases = sqlx::query("SELECT key, entry FROM entry_alias WHERE blog = ?").bind(id).fetch_all(db).await?;
    Ok(Known {
        seen: Some(rows::instant(&row, "seen")?),
        entries: entries.iter().map(known_entry).collect::<Result<_, _>>()?,
        aliases: aliases
            .iter()
            .map(|row| Ok((row.try_get("key")?, rows::id(row, "entry")?)))
            .collect::<Result<_, Fault>>()?,
        head: Some(head),
    })
}

/// What `decide` comes to, once everything is looked up that it asks for.
pub(super) async fn decided<T>(
    db: &mut SqliteConnection,
    known: &mut Known,
    decide: impl Fn(&Known) -> Result<T, Lacking>,
) -> Result<T, Fault> {
    loop {
        let lacking = match decide(known) {
            Ok(decided) => return Ok(decided),
            Err(Lacking(lacking)) => lacking,
        };
        let mut whole = look_up(db, &lacking).await?;
        for stored in known.entries.iter_mut().filter(|stored| lacking.contains(&stored.id)) {
            stored.entry = whole.remove(&stored.id);
        }
    }
}

/// All of these entries. Each of them is there, or it is an error.
async fn look_up(db: &mut SqliteConnection, ids: &BTreeSet<Uuid>) -> Result<HashMap<Uuid, Box<Entry>>, Fault> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found = sqlx::query(
        "SELECT id, key, permalink, headline, byline, published_stamp, updated_stamp, body_html, body_text, images, marks, problems
         FROM entry WHERE id IN (SELECT unhex(value) FROM json_each(?))",
    );
    let found = found.bind(rows::id_list(ids.iter().copied())).fetch_all(db).await?;
    let entries = found.iter().map(|row| rows::entry(row).map(|entry| (entry.id, Box::new(entry))));
    let entries: HashMap<_, _> = entries.collect::<Result<_, _>>()?;
    match ids.iter().find(|id| !entries.contains_key(id)) {
        Some(id) => Err(Fault::Damaged(format!("entry {id} is not found by its id"))),
        None => Ok(entries),
    }
}

#[cfg(test)]
mod tests {
    use crate::store::Store;
    use crate::store::sqlite::plan;

    /// Every save reads it, of as many entries as the live blog has: each has a page of the file to itself, and more.
    #[tokio::test]
    async fn what_is_read_of_all_entries_is_read_from_an_index_alone_in_its_order() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("tidings.db")).await.unwrap();
        let plan = plan(&store, super::OF_ALL).await;
        assert_eq!(plan.len(), 1, "no rows are sorted: {plan:?}");
        assert!(plan[0].contains("USING COVERING INDEX entry_known (blog=?)"), "{plan:?}");
    }
}
