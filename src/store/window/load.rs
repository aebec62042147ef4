//! From numbers to entries: the rows of what was picked, each in the state it is to be shown in, in the order it is shown in.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use super::pick::Pick;
use super::walk::What;
use super::{Place, View, statement};
use crate::model::{Entry, Head, Life, Told};
use crate::store::query::Edits;
use crate::store::rows::{self, Fault, damaged, id_list};
use crate::store::{Scope, Shown, stories};

/// An entry in the state that its row has.
struct State {
    entry: Arc<Entry>,
    life: Life,
    since: DateTime<Utc>,
}

/// What does not change of an entry, and its present state.
struct Loaded {
    blog: Uuid,
    rank: u32,
    appeared: DateTime<Utc>,
    place: i64,
    now: State,
}

/// What picks become, at most `limit` of them.
pub(super) async fn load(
    db: &mut SqliteConnection,
    picks: &[Pick],
    view: &View,
    edits: Edits,
    limit: usize,
) -> Result<Vec<Shown>, Fault> {
    let numbers: Vec<i64> = picks.iter().map(|pick| pick.n).collect::<HashSet<_>>().into_iter().collect();
    let loaded = entries(db, &numbers).await?;
    let before = past(db, picks, &loaded).await?;
    let heads = heads(db, loaded.values().map(|loaded| loaded.blog).collect(), view.at).await?;
    let turns = if edits == Edits::Inplace { HashMap::new() } else { turns(db, &numbers, view).await? };

    let states = picks.iter().enumerate().filter_map(|(nth, pick)| {
        let state = before.get(&nth).or_else(|| Some(&loaded.get(&pick.n)?.now))?;
        Some((pick.n, state.since))
    });
    let known = stories::known_when(db, states).await?;

    let mut placed = Vec::new();
    for (nth, pick) in picks.iter().enumerate() {
        let found = loaded.get(&pick.n).ok_or_else(|| damaged("n", format!("there is no entry {}", pick.n)))?;
        let state = before.get(&nth).unwrap_or(&found.now);
        let head = heads.get(&found.blog);
        let head = head.ok_or_else(|| Fault::Damaged(format!("an entry belongs to no live blog ({})", found.blog)))?;
        let turn = turns.get(&pick.n);
        let (told, at) = match pick.what {
            What::Entry if edits == Edits::Inplace => (Told::Entry, state.since),
            What::Entry => (Told::Entry, found.appeared),
            What::Edit => (Told::Edit, state.since),
            What::Withdrawal => (Told::Withdrawal, state.since),
        };
        let mut life = state.life.clone();
        let mut at = at;
        if let Some(turn) = turn {
            // What it tells belongs to one moment of the entry's life, and whether it may be told to the present one.
            life.withdrawn = turn.withdrawn;
            at = turn.last.map_or(at, |last| last.max(at));
            // It was taken back, and has been restored or taken back anew since.
            if pick.what == What::Withdrawal && state.life.withdrawn != turn.withdrawn {
                continue;
            }
        }
        let story = known.get(&(pick.n, state.since)).copied();
        let (head, entry, place) = (head.clone(), state.entry.clone(), found.place);
        placed.push((found.rank, Shown { head, entry, life, told, at, place, story }));
    }
    // They were taken by when they surfaced; they are shown by when they were published.
    placed.sort_by(|(one_rank, one), (other_rank, other)| {
        let by_time = other.dated().cmp(&one.dated()).then(other.entry.published.at.cmp(&one.entry.published.at));
        let by_blog = one.head.outlet.cmp(&other.head.outlet).then_with(|| one.head.key.cmp(&other.head.key));
        let by_entry = other_rank.cmp(one_rank).then(one.entry.id.cmp(&other.entry.id));
        by_time
            .then(by_blog)
            .then(by_entry)
            .then(other.told.cmp(&one.told))
            .then(other.life.revision.cmp(&one.life.revision))
    });
    placed.truncate(limit);
    Ok(placed.into_iter().map(|(_, shown)| shown).collect())
}

async fn entries(db: &mut SqliteConnection, numbers: &[i64]) -> Result<HashMap<i64, Loaded>, Fault> {
    let found = sqlx::query(
        "SELECT n, entry.id AS id, entry.key AS key, permalink, headline, byline, published_stamp, updated_stamp, body_html,
            body_text, images, marks, problems, revision, first_seen, changed, withdrawn, blog, rank, place, appeared, since
         FROM json_each(?) AS picked CROSS JOIN entry ON n = picked.value",
    );
    let found = found.bind(format!("{numbers:?}")).fetch_all(db).await?;
    let mut loaded = HashMap::with_capacity(found.len());
    for row in &found {
        let now = State { entry: Arc::new(rows::entry(row)?), life: rows::life(row)?, since: rows::instant(row, "since")? };
        let appeared = rows::instant(row, "appeared")?;
        let (blog, rank, place) = (rows::blog_of(row)?, rows::rank(row)?, row.try_get("place")?);
        loaded.insert(row.try_get("n")?, Loaded { blog, rank, appeared, place, now });
    }
    Ok(loaded)
}

/// The states that have been, of those picks that want one, by their place in the list.
async fn past(
    db: &mut SqliteConnection,
    picks: &[Pick],
    loaded: &HashMap<i64, Loaded>,
) -> Result<HashMap<usize, State>, Fault> {
    let wanted = |pick: &Pick| loaded.get(&pick.n).is_some_and(|found| found.now.since.timestamp_millis() > pick.shown);
    let list: Vec<_> = picks
        .iter()
        .enumerate()
        .filter(|(_, pick)| wanted(pick))
        .map(|(nth, pick)| format!("[{nth},{},{}]", pick.n, pick.shown))
        .collect();
    if list.is_empty() {
        return Ok(HashMap::new());
    }
    let found = sqlx::query(
        "SELECT picked.value ->> 0 AS nth, revision.*
         FROM json_each(?) AS picked CROSS JOIN revision ON revision.id = (SELECT past.id FROM revision AS past
            WHERE past.entry = picked.value ->> 1 AND past.until > picked.value ->> 2 ORDER BY past.until LIMIT 1)",
    )
    .bind(format!("[{}]", list.join(",")))
    .fetch_all(db)
    .await?;
    let mut past = HashMap::with_capacity(found.len());
    for row in &found {
        let nth: i64 = row.try_get("nth")?;
        let n: i64 = row.try_get("entry")?;
        let nth = usize::try_from(nth).map_err(|error| damaged("nth", error))?;
        let now = &loaded.get(&n).ok_or_else(|| damaged("entry", format!("there is no entry {n}")))?.now;
        past.insert(nth, state(row, now)?);
    }
    Ok(past)
}

fn state(row: &SqliteRow, now: &State) -> Result<State, Fault> {
    Ok(State {
        entry: Arc::new(rows::past_entry(row, &now.entry)?),
        life: rows::past_life(row, &now.life)?,
        since: rows::instant(row, "since")?,
    })
}

/// Whether an entry is withdrawn, and when it was last withdrawn or restored.
struct Turn {
    withdrawn: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
}

async fn turns(db: &mut SqliteConnection, numbers: &[i64], view: &View) -> Result<HashMap<i64, Turn>, Fault> {
    let found = sqlx::query(
        "SELECT n,
            iif(since <= ?2, withdrawn, (SELECT revision.withdrawn FROM revision
                WHERE revision.entry = n AND revision.until > ?2 ORDER BY revision.until LIMIT 1)) AS withdrawn,
            (SELECT max(at) FROM change WHERE change.entry = n AND kind IN ('withdrawn', 'restored') AND seq <= ?3) AS last
         FROM json_each(?1) AS picked CROSS JOIN entry ON n = picked.value",
    )
    .bind(format!("{numbers:?}"))
    .bind(view.at)
    .bind(view.seq)
    .fetch_all(db)
    .await?;
    let turn = |row: &SqliteRow| {
        let (withdrawn, last) = (rows::maybe_instant(row, "withdrawn")?, rows::maybe_instant(row, "last")?);
        Ok((row.try_get("n")?, Turn { withdrawn, last }))
    };
    found.iter().map(turn).collect()
}

/// What the head of a live blog was at `?2`, where it has been another since.
const HEAD_THEN: &str =
    "(SELECT head FROM blog_revision WHERE blog_revision.blog = blog.id AND until > ?2 ORDER BY until LIMIT 1) AS head";

/// The heads of `blogs` as they stood at `at`.
async fn heads(db: &mut SqliteConnection, blogs: HashSet<Uuid>, at: i64) -> Result<HashMap<Uuid, Arc<Head>>, Fault> {
    // Each value of a row is copied, and a window may have a live blog for every entry: no more than what is needed.
    let sql = format!(
        "SELECT blog.id AS id, outlet, outlet_name, blog.key AS key, url, headline, standfirst, language, coverage, {HEAD_THEN}
         FROM json_each(?1) AS picked CROSS JOIN blog ON blog.id = unhex(picked.value)"
    );
    let found = statement(sql).bind(id_list(blogs)).bind(at).fetch_all(db).await?;
    found.iter().map(|row| rows::head_then(row).map(|head| (head.id, Arc::new(head)))).collect()
}

/// The heads of all live blogs of a scope that there were at `at`, as they stood then.
pub(super) async fn heads_of(db: &mut SqliteConnection, scope: &Scope, at: i64) -> Result<Vec<Head>, Fault> {
    let place = Place::of(scope);
    let sql = format!(
        "SELECT blog.*, {HEAD_THEN} FROM blog WHERE {condition} AND appeared <= ?2 ORDER BY outlet, key",
        condition = place.of_blogs
    );
    let found = place.bound.to(statement(sql)).bind(at).fetch_all(db).await?;
    found.iter().map(rows::head_then).collect()
}
