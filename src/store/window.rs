//! The entries that a [`Query`] asks for: picked from indexes first, by number alone, and then loaded.
//!
//! What is picked is decided by walks (see `walk`): rows of one index, newest first, fetched as far as they are needed. A feed as
//! it stood is the same walk with one more beside it, over the states that have been.

use chrono::{DateTime, Utc};
use sqlx::{Row, SqliteConnection};

use super::changes::{self, Position};
use super::query::{Edits, Query};
use super::rows::{self, Bindings, Fault, id_list};
use super::{Scope, Store, StoreError, Window};

mod archived;
mod load;
mod pick;
mod tally;
mod walk;

pub use archived::Archived;
pub use tally::{Extent, Tally};

/// Later than every instant.
const FOREVER: i64 = i64::MAX;

impl Store {
    /// The newest `limit` entries of `scope`: those published last, and those edited, withdrawn or restored lately, however
    /// old. History that was filled in later is not among them.
    pub async fn window(&self, scope: &Scope, limit: usize) -> Result<Window, StoreError> {
        self.select(&Query::new(scope.clone(), limit)).await
    }

    /// The entries that `query` asks for.
    pub async fn select(&self, query: &Query) -> Result<Window, StoreError> {
        async { select(&mut *self.snapshot().await?, query).await }.await.map_err(|fault| self.named(fault))
    }
}

/// The numbers of the newest `limit` entries by publication that `query` asks for, whatever state they are in, history too,
/// below the place `below`.
pub(super) async fn listed(db: &mut SqliteConnection, query: &Query, limit: usize, below: i64) -> Result<Vec<i64>, Fault> {
    let view = View::at(db, None).await?;
    let below = below.min(pick::above(db, query, &view).await?);
    let mut walks = pick::listed(query, &view, i64::try_from(limit).unwrap_or(FOREVER), below);
    Ok(walks.take(db, &view, limit).await?.into_iter().map(|found| found.n).collect())
}

async fn select(db: &mut SqliteConnection, query: &Query) -> Result<Window, Fault> {
    let view = View::at(db, query.as_of).await?;
    let (position, alone) = position(db, &query.scope, view.seq).await?;
    let picks = pick::pick(db, query, &view).await?;
    // What waits for the archives comes on top of the limit.
    let limit = if query.unarchived { picks.len() } else { query.limit };
    let entries = load::load(db, &picks, &view, query.edits, limit).await?;
    Ok(Window {
        entries,
        changed: changed(db, &query.scope, &view, position.as_ref()).await?,
        generation: if view.past { changes::latest(db).await? } else { view.seq },
        position,
        alone,
        archived: archived::pages(db, &query.scope, view.at).await?,
        blogs: match query.as_of {
            Some(_) => Some(load::heads_of(db, &query.scope, view.at).await?),
            None => None,
        },
    })
}

/// From when all is looked at: now, or an instant that has been.
#[derive(Debug, Clone, Copy)]
struct View {
    /// The instant, or the last one but eternity for now.
    at: i64,
    /// The newest change up to then.
    seq: i64,
    /// The newest entry by then, as `entry.n`.
    newest: i64,
    past: bool,
}

impl View {
    async fn at(db: &mut SqliteConnection, as_of: Option<DateTime<Utc>>) -> Result<View, Fault> {
        let Some(at) = as_of.map(|at| at.timestamp_millis()) else {
            return Ok(View { at: FOREVER - 1, seq: changes::latest(db).await?, newest: FOREVER, past: false });
        };
        let seq = sqlx::query_scalar("SELECT seq FROM change WHERE at <= ? ORDER BY at DESC, seq DESC LIMIT 1")
            .bind(at)
            .fetch_optional(&mut *db)
            .await?
            .unwrap_or(0);
        Ok(View { at, seq, newest: newest(db, at).await?, past: true })
    }
}

/// The newest entry that had appeared by `at`. Entries are numbered as they appear, so that halving finds it.
async fn newest(db: &mut SqliteConnection, at: i64) -> Result<i64, Fault> {
    let (mut has, mut not): (i64, i64) =
        (0, sqlx::query_scalar("SELECT coalesce(max(n), 0) + 1 FROM entry").fetch_one(&mut *db).await?);
    while not - has > 1 {
        let middle = has + (not - has) / 2;
        let row = sqlx::query("SELECT n, appeared FROM entry WHERE n >= ? ORDER BY n LIMIT 1").bind(middle);
        match row.fetch_optional(&mut *db).await? {
            Some(row) if row.try_get::<i64, _>("appeared")? <= at => has = row.try_get("n")?,
            _ => not = middle,
        }
    }
    Ok(has)
}

/// A scope as statements have it: a condition, and what is bound to its `?1`.
struct Place {
    /// Of a row of an entry, a state or a change.
    condition: &'static str,
    /// The same of a row of a live blog.
    of_blogs: &'static str,
    bound: Bound,
}

#[derive(Debug, Clone)]
enum Bound {
    Nothing,
    Text(String),
    Id([u8; 16]),
}

impl Place {
    fn of(scope: &Scope) -> Place {
        let (condition, of_blogs, bound) = match scope {
            Scope::Everything => ("?1 IS NULL", "?1 IS NULL", Bound::Nothing),
            Scope::Outlet(slug) => ("outlet = ?1", "outlet = ?1", Bound::Text(slug.clone())),
            Scope::Blog(id) => ("blog = ?1", "id = ?1", Bound::Id(*id.as_bytes())),
            Scope::Topic(topic) => (
                "blog IN (SELECT unhex(value) FROM json_each(?1))",
                "id IN (SELECT unhex(value) FROM json_each(?1))",
                Bound::Text(id_list(topic.blogs.iter().copied())),
            ),
        };
        Place { condition, of_blogs, bound }
    }

    /// The places that a scope is made of, each of which an index has in its order.
    fn parts(scope: &Scope) -> Vec<Place> {
        match scope {
            Scope::Topic(topic) => topic.blogs.iter().map(|id| Place::of(&Scope::Blog(*id))).collect(),
            scope => vec![Place::of(scope)],
        }
    }
}

impl Bound {
    fn to<'q>(&self, query: Bindings<'q>) -> Bindings<'q> {
        match self {
            Bound::Nothing => query.bind(None::<i64>),
            Bound::Text(text) => query.bind(text.clone()),
            Bound::Id(id) => query.bind(id.to_vec()),
        }
    }
}

/// A statement put together from pieces that are all written in this module.
fn statement<'q>(sql: String) -> Bindings<'q> {
    sqlx::query(sqlx::AssertSqlSafe(sql))
}

/// The newest change of the scope up to the one numbered `seq`, and whether it is the first of its second. Later ones don't matter:
/// they show in other states.
async fn position(db: &mut SqliteConnection, scope: &Scope, seq: i64) -> Result<(Option<Position>, bool), Fault> {
    let mut newest: (Option<Position>, bool) = (None, true);
    for place in Place::parts(scope) {
        let sql = format!(
            "SELECT *, NOT EXISTS (SELECT 1 FROM change AS other WHERE other.at >= own.at / 1000 * 1000 AND other.at < own.at) AS alone
             FROM change AS own WHERE {} AND seq <= ?2 ORDER BY seq DESC LIMIT 1",
            place.condition
        );
        let Some(row) = place.bound.to(statement(sql)).bind(seq).fetch_optional(&mut *db).await? else { continue };
        let found = changes::position(&row)?;
        if newest.0.is_none_or(|newest| newest.seq < found.seq) {
            newest = (Some(found), row.try_get("alone")?);
        }
    }
    Ok(newest)
}

/// When what a feed of the scope shows last changed.
async fn changed(
    db: &mut SqliteConnection,
    scope: &Scope,
    view: &View,
    position: Option<&Position>,
) -> Result<Option<DateTime<Utc>>, Fault> {
    if let Some(position) = position {
        return Ok(Some(position.at));
    }
    // A live blog that has had no entry yet is in no log.
    let place = Place::of(scope);
    let sql = format!("SELECT max(appeared) AS appeared FROM blog WHERE {} AND appeared <= ?2", place.of_blogs);
    let row = place.bound.to(statement(sql)).bind(view.at).fetch_one(db).await?;
    rows::maybe_instant(&row, "appeared")
}
