//! Which entries, and what of their lives: everything a feed will hold, by number.

use sqlx::{Row, SqliteConnection};

use super::walk::{Candidate, Own, Walk, Walks, What};
use super::{FOREVER, Place, View, archived};
use crate::store::query::{Edits, Query};
use crate::store::rows::Fault;
use crate::store::text::{Asked, PLACES, STATES};
use crate::store::{Scope, Topic};

/// How many outlets a query may name is for the caller to bound: each is a walk.
pub(super) fn places(query: &Query) -> Vec<Place> {
    match &query.scope {
        Scope::Everything if !query.outlets.is_empty() => {
            query.outlets.iter().map(|slug| Place::of(&Scope::Outlet(slug.clone()))).collect()
        }
        Scope::Outlet(slug) if !query.outlets.is_empty() && !query.outlets.contains(slug) => Vec::new(),
        scope => Place::parts(scope),
    }
}

/// The scope less the live blogs of other outlets than those asked for; none where nothing is left of it.
pub(super) async fn narrowed(db: &mut SqliteConnection, query: &Query) -> Result<Option<Query>, Fault> {
    let blogs = match &query.scope {
        _ if query.outlets.is_empty() => return Ok(Some(query.clone())),
        Scope::Everything | Scope::Outlet(_) => return Ok(Some(query.clone())),
        Scope::Blog(id) => vec![*id],
        Scope::Topic(topic) => topic.blogs.clone(),
    };
    let mut left = Vec::new();
    for id in blogs {
        let outlet: Option<String> = sqlx::query_scalar("SELECT outlet FROM blog WHERE id = ?")
            .bind(&id.as_bytes()[..])
            .fetch_optional(&mut *db)
            .await?;
        left.extend(outlet.is_some_and(|outlet| query.outlets.contains(&outlet)).then_some(id));
    }
    let scope = match &query.scope {
        _ if left.is_empty() => return Ok(None),
        Scope::Topic(topic) => Scope::Topic(Topic { blogs: left, ..topic.clone() }),
        scope => scope.clone(),
    };
    Ok(Some(Query { scope, ..query.clone() }))
}

/// What to load: a state of an entry, and what it is shown as.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pick {
    pub n: i64,
    pub what: What,
    /// When the state stood.
    pub shown: i64,
}

impl From<Candidate> for Pick {
    fn from(found: Candidate) -> Pick {
        Pick { n: found.n, what: found.what, shown: found.shown }
    }
}

pub(super) async fn pick(db: &mut SqliteConnection, query: &Query, view: &View) -> Result<Vec<Pick>, Fault> {
    let narrowed = narrowed(db, query).await?;
    let Some(query) = narrowed.as_ref().filter(|query| query.limit > 0) else { return Ok(Vec::new()) };
    let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
    let mut walks = match (query.is_search(), query.edits) {
        (true, _) => search(query, view, limit, above(db, query, view).await?),
        (false, Edits::Inplace) => window(query, view, limit),
        (false, Edits::Append) => {
            let mut both = originals(query, view, limit, above(db, query, view).await?);
            both.0.extend(edits(query, view, limit).0);
            both
        }
        (false, Edits::Corrections) => edits(query, view, limit),
    };
    if query.is_search() && query.edits != Edits::Inplace {
        return lives(db, &mut walks, query, view).await;
    }
    let mut picks: Vec<Pick> = walks.take(db, view, query.limit).await?.into_iter().map(Pick::from).collect();
    if query.unarchived {
        for n in archived::waiting(db, &query.scope, view).await? {
            if !picks.iter().any(|pick| pick.n == n) {
                picks.push(Pick { n, what: What::Entry, shown: view.at });
            }
        }
    }
    Ok(picks)
}

/// What has surfaced last.
fn window(query: &Query, view: &View, limit: i64) -> Walks {
    let mut walks = Vec::new();
    for Place { condition, bound, .. } in places(query) {
        let now = format!(
            "SELECT surfaced AS k1, n AS k2, 0 AS k3, surfaced AS o1, n, since, {FOREVER} AS until, 1 AS fits, 0 AS what,
                {at} AS shown
             FROM entry WHERE {condition} AND surfaced IS NOT NULL AND (surfaced, n) < (?2, ?3)
             ORDER BY surfaced DESC, n DESC LIMIT ?5",
            at = view.at
        );
        walks.push(Walk::new(now, bound.clone(), [view.at, FOREVER, 0], Own::default(), limit));
        if view.past {
            let before = format!(
                "SELECT surfaced AS k1, entry AS k2, until AS k3, surfaced AS o1, entry AS n, since, until, 1 AS fits,
                    0 AS what, {at} AS shown
                 FROM revision WHERE {condition} AND surfaced IS NOT NULL AND (surfaced, entry, until) < (?2, ?3, ?4)
                 ORDER BY surfaced DESC, entry DESC, until DESC LIMIT ?5",
                at = view.at
            );
            walks.push(Walk::new(before, bound, [view.at, FOREVER, FOREVER], Own::default(), limit));
        }
    }
    Walks(walks)
}

/// What is published last of what is asked for, below the place `below`. History is found where a time is asked for.
fn search(query: &Query, view: &View, limit: i64, below: i64) -> Walks {
    published(query, view, limit, !query.by_time(), below)
}

/// Everything that is asked for, history too and whatever state it is in, below the place `below`.
pub(super) fn listed(query: &Query, view: &View, limit: i64, below: i64) -> Walks {
    published(query, view, limit, false, below)
}

fn published(query: &Query, view: &View, limit: i64, window: bool, below: i64) -> Walks {
    let asked = Asked {
        text: query.text.as_ref(),
        author: query.author.as_ref(),
        key_events: query.key_events,
        changed: query.edits == Edits::Corrections,
        window,
    };
    // Walks outlets one by one, where the index of words takes them all at once.
    let Some(matching) = asked.expression(&query.scope, &query.outlets) else {
        return placed(query, view, limit, &["0", "1"], below, "place");
    };
    let (own, highest) = bounds(query, view, below);
    let own = Own { matching: Some(matching), ..own };
    let filed = "min(e.published, e.appeared)";
    let now = format!(
        "SELECT e.place AS k1, 0 AS k2, 0 AS k3, e.place AS o1, e.n AS n, e.since AS since, {FOREVER} AS until,
            {filed} >= ?8 AND {filed} < ?9 AS fits, 0 AS what, {at} AS shown
         FROM (SELECT rowid AS place FROM entry_text WHERE entry_text MATCH ?6 AND rowid < ?2 AND rowid >= ?7
            ORDER BY rowid DESC LIMIT ?5) AS found CROSS JOIN entry AS e ON e.place = found.place
         ORDER BY e.place DESC",
        at = view.at
    );
    let mut walks = vec![Walk::new(now, super::Bound::Nothing, [highest, 0, 0], own.clone(), limit)];
    if view.past {
        let before = format!(
            "SELECT r.id AS k1, 0 AS k2, 0 AS k3, r.id / {STATES} AS o1, r.entry AS n, r.since AS since, r.until AS until,
                {filed} >= ?8 AND {filed} < ?9 AS fits, 0 AS what, {at} AS shown
             FROM (SELECT rowid AS id FROM revision_text WHERE revision_text MATCH ?6 AND rowid < ?2 AND rowid >= ?7
                ORDER BY rowid DESC LIMIT ?5) AS found CROSS JOIN revision AS r ON r.id = found.id
                CROSS JOIN entry AS e ON e.n = r.entry
             ORDER BY r.id DESC",
            at = view.at
        );
        let own = Own { lowest: own.lowest * STATES, ..own };
        walks.push(Walk::new(before, super::Bound::Nothing, [highest.saturating_mul(STATES), 0, 0], own, limit));
    }
    Walks(walks)
}

/// When what a query is about was published at the latest, in milliseconds, and one.
fn until(query: &Query, view: &View) -> i64 {
    // What had been seen by then was published by then.
    query.until.map_or(FOREVER, |until| until.timestamp_millis()).min(view.at.saturating_add(1))
}

/// The first place above all that a query is about. An entry may have run over into a later second, but only where every second from
/// its own on is full.
pub(super) async fn above(db: &mut SqliteConnection, query: &Query, view: &View) -> Result<i64, Fault> {
    let until = until(query, view);
    if until == FOREVER {
        return Ok(FOREVER);
    }
    let above = "WITH RECURSIVE above (second) AS (
                    SELECT ?1 UNION ALL
                    SELECT second + 1 FROM above WHERE EXISTS (SELECT 1 FROM entry WHERE place = second * ?2 - 1)
                 ) SELECT max(second) * ?2 FROM above";
    let second = until.max(0).saturating_add(999) / 1000;
    Ok(sqlx::query_scalar(above).bind(second).bind(PLACES).fetch_one(db).await?)
}

/// What of the places below `below` a query is about, and the first one above them.
fn bounds(query: &Query, view: &View, below: i64) -> (Own, i64) {
    let since = query.since.map_or(i64::MIN, |since| since.timestamp_millis());
    let lowest = since.max(0) / 1000 * PLACES;
    let highest = below.min(query.before.unwrap_or(FOREVER));
    (Own { lowest, since, until: until(query, view), newest: view.newest, ..Own::default() }, highest)
}

/// Entries by when they were published, whatever state they are in, below the place `below` and in this order among others.
fn placed(query: &Query, view: &View, limit: i64, history: &[&str], below: i64, order: &str) -> Walks {
    let (own, highest) = bounds(query, view, below);
    let mut walks = Vec::new();
    let first = if query.edits == Edits::Append { 0 } else { view.at };
    for Place { condition, bound, .. } in places(query) {
        for history in history {
            let sql = format!(
                "SELECT place AS k1, 0 AS k2, 0 AS k3, {order} AS o1, n, 0 AS since, {FOREVER} AS until,
                    n <= ?10 AND min(published, appeared) >= ?8 AND min(published, appeared) < ?9 AS fits, 0 AS what,
                    {first} AS shown
                 FROM entry WHERE history = {history} AND {condition} AND place < ?2 AND place >= ?7
                 ORDER BY place DESC LIMIT ?5"
            );
            walks.push(Walk::new(sql, bound.clone(), [highest, 0, 0], own.clone(), limit));
        }
    }
    Walks(walks)
}

/// Entries as they were first published, by when, below the place `below`.
fn originals(query: &Query, view: &View, limit: i64, below: i64) -> Walks {
    // In milliseconds, as changes are; by time it is compared with entries alone, and exactly.
    let order = if query.is_search() { "place".into() } else { format!("place / {PLACES} * 1000") };
    placed(query, view, limit, &["0"], below, &order)
}

/// Edits and withdrawals, by when they were made.
fn edits(query: &Query, view: &View, limit: i64) -> Walks {
    let (fits, weighs) = match query.edits {
        // Most edits are none that matter, so that these have indexes of their own. A withdrawal weighs all there is.
        Edits::Corrections => ("1", format!("significance >= {} AND", Query::SIGNIFICANT)),
        _ if query.withdrawals => ("1", String::new()),
        _ => ("kind = 'edited'", String::new()),
    };
    let walk = |Place { condition, bound, .. }| {
        let sql = format!(
            "SELECT seq AS k1, 0 AS k2, 0 AS k3, at AS o1, entry AS n, 0 AS since, {FOREVER} AS until, ({fits}) AS fits,
                iif(kind = 'edited', 1, 2) AS what, at AS shown
             FROM change WHERE kind IN ('edited', 'withdrawn') AND {weighs} {condition} AND seq < ?2
             ORDER BY seq DESC LIMIT ?5"
        );
        Walk::new(sql, bound, [view.seq.saturating_add(1), 0, 0], Own::default(), limit)
    };
    Walks(places(query).into_iter().map(walk).collect())
}

/// The lives of the newest entries that a search finds, as far as they have anything to tell.
async fn lives(db: &mut SqliteConnection, walks: &mut Walks, query: &Query, view: &View) -> Result<Vec<Pick>, Fault> {
    let (mut picks, mut telling) = (Vec::new(), 0);
    while telling < query.limit {
        let found = walks.take(db, view, query.limit).await?;
        let numbers: Vec<i64> = found.iter().map(|candidate| candidate.n).collect();
        let changes = sqlx::query(
            "SELECT entry, at, kind, significance FROM json_each(?1) AS found CROSS JOIN change ON entry = found.value
             WHERE kind IN ('edited', 'withdrawn') AND seq <= ?2 ORDER BY seq",
        )
        .bind(format!("{numbers:?}"))
        .bind(view.seq)
        .fetch_all(&mut *db)
        .await?;
        let mut told: Vec<Pick> = Vec::new();
        for row in &changes {
            let (what, wanted) = match row.try_get("kind")? {
                "edited" => {
                    let weighs = row.try_get::<f64, _>("significance")? >= Query::SIGNIFICANT;
                    (What::Edit, weighs || query.edits == Edits::Append)
                }
                _ => (What::Withdrawal, query.withdrawals || query.edits == Edits::Corrections),
            };
            if wanted {
                told.push(Pick { n: row.try_get("entry")?, what, shown: row.try_get("at")? });
            }
        }
        for n in &numbers {
            let before = picks.len();
            if query.edits == Edits::Append {
                picks.push(Pick { n: *n, what: What::Entry, shown: 0 });
            }
            picks.extend(told.iter().filter(|pick| pick.n == *n));
            telling += usize::from(picks.len() > before);
        }
        if numbers.len() < query.limit {
            break;
        }
    }
    Ok(picks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::plan;
    use crate::store::{Store, Words};

    /// What a walk costs must not grow with what is stored: each has to follow an index in its order.
    #[tokio::test]
    async fn every_walk_follows_an_index() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("tidings.db")).await.unwrap();
        let now = View { at: FOREVER - 1, seq: 0, newest: FOREVER, past: false };
        let then = View { at: 1_641_556_800_000, seq: 7, newest: 7, past: true };
        let topic = Topic { name: "a".into(), title: "A".into(), blogs: vec![uuid::Uuid::nil(), uuid::Uuid::max()] };
        let scopes = [Scope::Everything, Scope::Outlet("lake".into()), Scope::Blog(uuid::Uuid::nil()), Scope::Topic(topic)];
        let words = Words::parse("ferry").unwrap();
        let mut walked = 0;
        for scope in scopes {
            let plain = Query::new(scope, 100);
            let since = chrono::DateTime::from_timestamp(1_641_000_000, 0);
            let asked = [
                plain.clone(),
                Query { outlets: vec!["a".into(), "b".into()], ..plain.clone() },
                Query { since, ..plain.clone() },
                Query { text: Some(words.clone()), key_events: true, ..plain.clone() },
            ];
            for query in asked {
                for view in [now, then] {
                    let every = [
                        window(&query, &view, 100),
                        search(&query, &view, 100, FOREVER),
                        listed(&query, &view, 100, 7),
                        originals(&Query { edits: Edits::Append, ..query.clone() }, &view, 100, FOREVER),
                        edits(&Query { edits: Edits::Corrections, ..query.clone() }, &view, 100),
                    ];
                    for walk in every.iter().flat_map(|walks| &walks.0) {
                        let plan = plan(&store, walk.sql()).await;
                        let full_text = walk.sql().contains("MATCH");
                        let corrections = walk.sql().contains("significance");
                        assert!(!corrections || plan[0].contains("USING INDEX change_of_corrections"), "{plan:#?}");
                        for step in &plan {
                            let indexed = step.contains("USING INDEX")
                                || step.contains("USING COVERING INDEX")
                                || step.contains("VIRTUAL TABLE INDEX")
                                || step.contains("USING INTEGER PRIMARY KEY");
                            // A step of full text is put back into its order: a thousand rows at most.
                            let of_a_step = full_text
                                && (step == "USE TEMP B-TREE FOR ORDER BY"
                                    || step.starts_with("CO-ROUTINE")
                                    || step == "SCAN found");
                            assert!(indexed || of_a_step, "{plan:#?}\n{}", walk.sql());
                        }
                        walked += 1;
                    }
                }
            }
        }
        assert!(walked > 100, "{walked}");
    }
}
