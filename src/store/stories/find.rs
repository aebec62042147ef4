//! Finds the stories of entries that are new or were edited, in the transaction that stores them.
//!
//! What it costs is bounded for each entry: [`KEYS`] look-ups in an index, of each at most [`LOOKED_AT`] rows, and [`COMPARED`]
//! entries to compare with. Where no other outlet has said anything since these hours began, nothing is looked up at all.

use std::collections::HashMap;

use sqlx::{Row, SqliteConnection};

use super::super::rows::{Fault, json};
use super::super::text::Places;
use super::gists::{Surroundings, load};
use super::join::Joining;
use crate::model::{Entry, Mark};
use crate::story::{Gist, WINDOW};

#[cfg(doc)]
use crate::story::KEYS;

/// Rows that are looked at of one key: those published last.
const LOOKED_AT: i64 = 256;
/// Of them, those of other outlets that count.
const COUNTED: i64 = 64;
/// Entries that one is compared with: those that share most keys with it.
const COMPARED: usize = 24;

/// The outlet of the entry numbered `?1`, and whether another one has an entry at the place `?2` or a later one. The outlets are gone
/// through, a few look-ups each, and not the entries: where one outlet has said everything in these hours, it may have said a
/// hundred thousand things.
const OTHERS: &str = "WITH RECURSIVE other (outlet) AS (
        SELECT min(outlet) FROM blog
        UNION ALL SELECT (SELECT min(outlet) FROM blog WHERE blog.outlet > other.outlet) FROM other WHERE outlet IS NOT NULL
    )
    SELECT outlet, EXISTS (SELECT 1 FROM other WHERE other.outlet <> own.outlet
        AND EXISTS (SELECT 1 FROM entry WHERE entry.outlet = other.outlet AND history IN (0, 1) AND place >= ?2))
    FROM story_gist AS own WHERE entry = ?1";

/// An entry whose story is looked for.
#[derive(Debug)]
pub(in super::super) struct Subject {
    n: i64,
    /// Whether it was stored before, and may have been told by something else.
    edited: bool,
    /// When it was published, or first seen, if that was before.
    published: i64,
    gist: Gist,
}

impl Subject {
    /// The entry numbered `n`, which is stored at `at`, or was `edited` then.
    pub fn of(n: i64, entry: &Entry, at: i64, edited: bool) -> Subject {
        let published = entry.published.at.timestamp_millis().min(at);
        // A summary has something in common with everything.
        let gist = match entry.marks.contains(&Mark::Summary) {
            true => Gist::default(),
            false => Gist::of(entry.headline.as_deref(), &entry.body_text),
        };
        Subject { n, edited, published, gist }
    }
}

/// Notes what `subjects` are told by, and joins each with what tells of the same, as of `at`.
pub(in super::super) async fn assign(db: &mut SqliteConnection, at: i64, mut subjects: Vec<Subject>) -> Result<(), Fault> {
    // Whatever order a page has them in.
    subjects.sort_by_key(|subject| (subject.published, subject.n));
    note(db, &subjects).await?;
    subjects.retain(|subject| subject.gist.tells());
    let candidates = candidates(db, &subjects).await?;
    let mut surroundings = Surroundings::default();
    for subject in subjects {
        let Some(found) = candidates.get(&subject.n) else { continue };
        let numbers: Vec<i64> = found.iter().copied().chain([subject.n]).collect();
        let told = load(db, &numbers).await?;
        let mut alike = Vec::new();
        for n in found {
            let (Some(own), Some(other)) = (told.get(&subject.n), told.get(n)) else { continue };
            if let Some(likeness) = surroundings.likeness(db, own, other).await? {
                alike.push((likeness, other.id, *n));
            }
        }
        alike.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
        if !alike.is_empty() {
            let alike: Vec<i64> = alike.into_iter().map(|(_, _, n)| n).collect();
            Joining { told, surroundings: &mut surroundings, at }.join(db, subject.n, &alike).await?;
        }
    }
    Ok(())
}

/// Writes gists and keys. What an edit has left as it was is not written again.
async fn note(db: &mut SqliteConnection, subjects: &[Subject]) -> Result<(), Fault> {
    let before = told_before(db, subjects).await?;
    let (mut gists, mut keys, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for subject in subjects {
        let (n, published, written) = (subject.n, subject.published, subject.gist.written());
        match before.get(&n) {
            Some(before) if *before == written => continue,
            Some(before) => gone.extend(Gist::read(before).keys().into_iter().map(|key| (key, n))),
            None => {}
        }
        gists.push((n, published, written));
        keys.extend(subject.gist.keys().into_iter().map(|key| (key, n)));
    }
    if !gone.is_empty() {
        let published = "SELECT published FROM story_gist WHERE story_gist.entry = value ->> 1";
        let lost = format!(
            "DELETE FROM story_key WHERE (key, published, entry) IN
                (SELECT value ->> 0, ({published}), value ->> 1 FROM json_each(?))"
        );
        sqlx::query(sqlx::AssertSqlSafe(lost)).bind(json(&gone)?).execute(&mut *db).await?;
    }
    // The time that it counts by stays what it was.
    sqlx::query(
        "INSERT INTO story_gist (entry, published, outlet, gist)
         SELECT value ->> 0, value ->> 1, outlet, value ->> 2 FROM json_each(?) CROSS JOIN entry ON n = value ->> 0 WHERE true
         ON CONFLICT (entry) DO UPDATE SET gist = excluded.gist",
    )
    .bind(json(&gists)?)
    .execute(&mut *db)
    .await?;
    sqlx::query(
        "INSERT OR IGNORE INTO story_key (key, published, entry, outlet)
         SELECT value ->> 0, published, entry, outlet
         FROM json_each(?) CROSS JOIN story_gist ON story_gist.entry = value ->> 1",
    )
    .bind(json(&keys)?)
    .execute(db)
    .await?;
    Ok(())
}

/// The gists of those subjects that were stored before.
async fn told_before(db: &mut SqliteConnection, subjects: &[Subject]) -> Result<HashMap<i64, String>, Fault> {
    let edited: Vec<i64> = subjects.iter().filter(|subject| subject.edited).map(|subject| subject.n).collect();
    if edited.is_empty() {
        return Ok(HashMap::new());
    }
    let query = "SELECT entry, gist FROM json_each(?) AS picked CROSS JOIN story_gist ON story_gist.entry = picked.value";
    Ok(sqlx::query_as(query).bind(json(&edited)?).fetch_all(db).await?.into_iter().collect())
}

/// For each subject, the entries of other outlets that share most keys with it, in the same hours.
async fn candidates(db: &mut SqliteConnection, subjects: &[Subject]) -> Result<HashMap<i64, Vec<i64>>, Fault> {
    let window = WINDOW.num_milliseconds();
    let Some(first) = subjects.first() else { return Ok(HashMap::new()) };
    // All of them are of one page, and so of one outlet.
    let from = Places::first(first.published - window);
    let (outlet, others): (String, bool) = sqlx::query_as(OTHERS).bind(first.n).bind(from).fetch_one(&mut *db).await?;
    if !others {
        return Ok(HashMap::new());
    }
    let asked = subjects.iter().flat_map(|subject| {
        let (n, from, to) = (subject.n, subject.published - window, subject.published + window);
        subject.gist.keys().into_iter().map(move |key| (n, key, from, to))
    });
    let found = sqlx::query(
        "SELECT value ->> 0 AS subject,
            (SELECT json_group_array(entry) FROM (
                SELECT entry FROM (
                    SELECT entry, outlet FROM story_key WHERE key = value ->> 1 AND published BETWEEN value ->> 2 AND value ->> 3
                    ORDER BY published DESC, entry DESC LIMIT ?2
                ) WHERE outlet <> ?4 LIMIT ?3
            )) AS found
         FROM json_each(?1)",
    )
    .bind(json(&asked.collect::<Vec<_>>())?)
    .bind(LOOKED_AT)
    .bind(COUNTED)
    .bind(outlet)
    .fetch_all(db)
    .await?;
    let mut counts: HashMap<i64, HashMap<i64, usize>> = HashMap::new();
    for row in &found {
        let entries: Vec<i64> = super::super::rows::from_json(row, "found")?;
        let shared = counts.entry(row.try_get("subject")?).or_default();
        entries.into_iter().for_each(|entry| *shared.entry(entry).or_default() += 1);
    }
    let best = counts.into_iter().filter(|(_, shared)| !shared.is_empty()).map(|(subject, shared)| {
        let mut shared: Vec<(i64, usize)> = shared.into_iter().collect();
        shared.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(&other.0)));
        (subject, shared.into_iter().take(COMPARED).map(|(entry, _)| entry).collect())
    });
    Ok(best.collect())
}

#[cfg(test)]
mod tests {
    use crate::store::Store;
    use crate::store::sqlite::plan;

    /// Every save with news asks this, and a quiet evening with one outlet is no reason to read all that it said.
    #[tokio::test]
    async fn whether_others_say_anything_is_looked_up_by_outlet() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("tidings.db")).await.unwrap();
        let steps = plan(&store, super::OTHERS).await;
        for (table, index) in [
            ("blog", "sqlite_autoindex_blog_2 (outlet>?)"),
            ("entry", "entry_of_outlet_placed (outlet=? AND history=? AND place>?)"),
        ] {
            let searches = |step: &String| step.starts_with(&format!("SEARCH {table}")) && step.ends_with(index);
            assert!(steps.iter().any(searches), "{steps:#?}");
        }
        assert!(!steps.iter().any(|step| ["SCAN blog", "SCAN entry"].contains(&&**step)), "{steps:#?}");
    }
}
