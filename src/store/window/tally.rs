//! How many entries there are in each stretch of time, by outlet: what a chart of an event is drawn from.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Row, SqliteConnection};

use super::pick::{narrowed, places};
use super::{Bound, FOREVER, Place, View, statement};
use crate::store::query::Query;
use crate::store::rows::Fault;
use crate::store::text::{Asked, PLACES};
use crate::store::{Scope, Store, StoreError};

/// Most entries that are counted, from the newest: what a count costs must not grow with the store.
const MOST: i64 = 200_000;

/// Between which instants the entries of a scope lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// The oldest, to the second.
    pub first: DateTime<Utc>,
    /// The newest, to the second.
    pub last: DateTime<Utc>,
}

/// Numbers of entries, by outlet and stretch of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// By outlet's slug: of each stretch that has any, where it begins and how many there are in it.
    pub outlets: BTreeMap<String, BTreeMap<DateTime<Utc>, u32>>,
}

impl Store {
    /// Between which instants the entries of `scope` lie, those that are older than the newest one by more than `recent` left
    /// out; none where it has none.
    pub async fn extent(&self, scope: &Scope, recent: Option<TimeDelta>) -> Result<Option<Extent>, StoreError> {
        async {
            let mut db = self.snapshot().await?;
            let Some(whole) = extent(&mut db, scope, 0).await? else { return Ok(None) };
            match recent {
                Some(recent) => extent(&mut db, scope, (whole.last - recent).timestamp().max(0) * PLACES).await,
                None => Ok(Some(whole)),
            }
        }
        .await
        .map_err(|fault| self.named(fault))
    }

    /// Counts the entries that `query` asks for, whatever its limit, in stretches of `width` that begin with the hour or day. What
    /// was taken back counts too: it was published.
    pub async fn tally(&self, query: &Query, width: TimeDelta) -> Result<Tally, StoreError> {
        async { tally(&mut *self.snapshot().await?, query, width).await }.await.map_err(|fault| self.named(fault))
    }
}

/// Counts what holds the words `?1`. Their index knows no outlet, so the row of each entry that is found is looked at.
const MATCHING: &str = "
SELECT outlet, place / ?6 AS stretch, count(*) AS entries FROM (
    SELECT entry.outlet, entry.place FROM (SELECT rowid AS place FROM entry_text WHERE entry_text MATCH ?1
        AND rowid >= ?2 AND rowid < ?3 ORDER BY rowid DESC LIMIT ?5) AS found
    CROSS JOIN entry ON entry.place = found.place WHERE entry.n <= ?4
) GROUP BY 1, 2";

/// Counts what is in `place`, stretch by stretch: from one that holds anything to the next, of each outlet, along an index that holds
/// all that is needed. `GROUP BY` would look up each entry's row and sort them all, which takes ten to twenty times as long.
fn by_stretch(place: &Place) -> String {
    let (owners, own) = match place.bound {
        // From one outlet to the next.
        Bound::Nothing => (
            "SELECT min(outlet) FROM entry
             UNION ALL SELECT (SELECT min(entry.outlet) FROM entry WHERE entry.outlet > owner.outlet) FROM owner WHERE outlet IS NOT NULL",
            "entry.outlet = own.outlet",
        ),
        Bound::Text(_) => ("SELECT ?1", "entry.outlet = own.outlet"),
        Bound::Id(_) => ("SELECT outlet FROM blog WHERE id = ?1", "entry.blog = ?1"),
    };
    let condition = place.condition;
    format!(
        "WITH RECURSIVE owner(outlet) AS ({owners}),
        part(history, lowest) AS MATERIALIZED (
            SELECT column1, coalesce((
                SELECT place FROM entry WHERE history = column1 AND {condition} AND place >= ?2 AND place < ?3 AND n <= ?4
                ORDER BY place DESC LIMIT 1 OFFSET ?5 - 1
            ), ?2) FROM (VALUES (0), (1))
        ),
        own(outlet, history, lowest, stretch) AS (
            SELECT outlet, history, lowest, (
                SELECT min(place) FROM entry WHERE {own} AND entry.history = own.history AND place >= lowest AND place < ?3
            ) / ?6 FROM (SELECT * FROM owner CROSS JOIN part WHERE outlet IS NOT NULL) AS own
            UNION ALL
            SELECT outlet, history, lowest, (
                SELECT min(place) FROM entry WHERE {own} AND entry.history = own.history AND place >= (stretch + 1) * ?6 AND place < ?3
            ) / ?6 FROM own WHERE stretch IS NOT NULL
        )
        SELECT outlet, stretch, (
            SELECT count(*) FROM entry WHERE {own} AND entry.history = own.history
            AND place >= max(lowest, stretch * ?6) AND place < min(?3, (stretch + 1) * ?6) AND n <= ?4
        ) AS entries FROM own WHERE stretch IS NOT NULL"
    )
}

fn instant(seconds: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(seconds, 0)
}

async fn extent(db: &mut SqliteConnection, scope: &Scope, lowest: i64) -> Result<Option<Extent>, Fault> {
    let mut found: Option<(i64, i64)> = None;
    for place in Place::parts(scope) {
        for history in [0, 1] {
            // Each end is one step into the index.
            let end = |which: &str| {
                format!(
                    "(SELECT {which}(place) FROM entry WHERE history = {history} AND {} AND place >= ?2)",
                    place.condition
                )
            };
            let sql = format!("SELECT {} AS first, {} AS last", end("min"), end("max"));
            let row = place.bound.to(statement(sql)).bind(lowest).fetch_one(&mut *db).await?;
            if let (Some(first), Some(last)) = (row.try_get("first")?, row.try_get("last")?) {
                found = Some(found.map_or((first, last), |(one, other)| (first.min(one), last.max(other))));
            }
        }
    }
    let extent = |(first, last): (i64, i64)| Some(Extent { first: instant(first / PLACES)?, last: instant(last / PLACES)? });
    Ok(found.and_then(extent))
}

async fn tally(db: &mut SqliteConnection, query: &Query, width: TimeDelta) -> Result<Tally, Fault> {
    let mut tally = Tally::default();
    let Some(query) = narrowed(db, query).await? else { return Ok(tally) };
    let view = View::at(db, query.as_of).await?;
    let width = width.num_seconds().max(1);
    let second = |at: Option<DateTime<Utc>>, or: i64| at.map_or(or, |at| at.timestamp().max(0));
    let (lowest, highest) = (second(query.since, 0) * PLACES, second(query.until, FOREVER / PLACES).saturating_mul(PLACES));
    let asked =
        Asked { text: query.text.as_ref(), author: query.author.as_ref(), key_events: query.key_events, ..Asked::default() };
    // The index of words takes a whole scope at once, the other ones a part of it each.
    let counts: Vec<(String, Bound)> = match asked.expression(&query.scope, &query.outlets) {
        Some(matching) => vec![(MATCHING.to_owned(), Bound::Text(matching))],
        None => places(&query).into_iter().map(|place| (by_stretch(&place), place.bound)).collect(),
    };
    for (sql, bound) in counts {
        let asked = bound.to(statement(sql)).bind(lowest).bind(highest).bind(view.newest).bind(MOST).bind(width * PLACES);
        for row in asked.fetch_all(&mut *db).await? {
            let (stretch, entries): (i64, i64) = (row.try_get("stretch")?, row.try_get("entries")?);
            let Some(begin) = instant(stretch * width) else { continue };
            // Where all that lies in it came after the instant that is asked for.
            if entries == 0 {
                continue;
            }
            let count = tally.outlets.entry(row.try_get("outlet")?).or_default().entry(begin).or_default();
            *count = count.saturating_add(u32::try_from(entries).unwrap_or(u32::MAX));
        }
    }
    Ok(tally)
}
