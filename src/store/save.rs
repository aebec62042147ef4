//! The one transaction of a refresh: what a reading changes, its revisions, its log and its bytes, all of it or nothing.

use chrono::{DateTime, Utc};
use sqlx::{Row, Sqlite, SqliteConnection, Transaction};
use uuid::Uuid;

use crate::model::{Head, Problem};
use crate::reconcile::{Changes, Known, Reading, Settled, confirm, reconcile};

use super::captures::{self, Circumstances, NewCapture};
use super::changes::{About, ChangeKind, Moment, Next, log, next};
use super::known::{Resolved, decided, known, resolve};
use super::notice::Commit;
use super::rows::{self, Bindings, Fault, json};
use super::text::{self, Places, STATES};
use super::{Again, SourceState, Store, StoreError, aliases, archive, blogs, sources, stories};

impl Store {
    /// Reconciles `reading` with what is stored and writes the difference, together with the bytes it was read from and the
    /// new state of the address it was `fetched` from: all of it or nothing. A reading that changes nothing leaves every
    /// feed as it was.
    pub async fn save(
        &self,
        reading: &Reading<'_>,
        capture: Option<&NewCapture<'_>>,
        fetched: Option<&SourceState>,
    ) -> Result<Changes, StoreError> {
        let changes = self.save_as(reading, capture, fetched, None).await?;
        if capture.is_some() && !changes.is_nothing() {
            self.prune_in_passing(reading.seen).await;
        }
        Ok(changes)
    }

    /// Saves a capture as it was saved once. It is kept under its number even where it changes nothing now.
    pub async fn save_replayed(
        &self,
        reading: &Reading<'_>,
        capture: &NewCapture<'_>,
        again: Again,
    ) -> Result<Changes, StoreError> {
        self.save_as(reading, Some(capture), None, Some(again)).await
    }

    async fn save_as(
        &self,
        reading: &Reading<'_>,
        capture: Option<&NewCapture<'_>>,
        fetched: Option<&SourceState>,
        again: Option<Again>,
    ) -> Result<Changes, StoreError> {
        async {
            let mut write = self.writing().await?;
            let known_as = capture.and_then(|capture| capture.known_as);
            let Resolved { blog, mut known, moved } = resolve(&mut write, reading.blog, known_as).await?;
            known.seen = known.seen.max(again.and_then(|again| again.after));
            let changes = decided(&mut write, &mut known, |known| reconcile(known, reading)).await?;
            let kept = match capture.filter(|_| moved || again.is_some() || !changes.is_nothing()) {
                Some(capture) => {
                    let id = again.map(|again| again.id);
                    let (seen, after) = (reading.seen, known.seen);
                    let told = Circumstances { id, blog, seen, after, history: reading.history, reread: reading.reread };
                    Some(captures::keep(&mut write, capture, told, self.keeps_bytes()).await?)
                }
                None => None,
            };
            let after = write_reading(&mut write, &known, reading, &changes, blog, kept).await?;
            if kept.is_some() {
                aliases::write(&mut write, blog, reading.blog, &changes).await?;
            }
            let fetched = fetched.map(|state| SourceState { blog: Some(blog), ..state.clone() });
            if let Some(state) = &fetched {
                sources::put(&mut write, state).await?;
            }
            self.commit(write, blog, Some(after).filter(|_| !changes.is_empty()), fetched).await?;
            Ok(changes)
        }
        .await
        .map_err(|fault| self.named(fault))
    }

    /// Takes note that the page of `blog` came again at `seen` just as it was: what it lacked, it has now lacked twice.
    pub async fn save_again(
        &self,
        blog: Uuid,
        seen: DateTime<Utc>,
        fetched: Option<&SourceState>,
    ) -> Result<Changes, StoreError> {
        async {
            let mut write = self.writing().await?;
            let waiting = "SELECT EXISTS (SELECT 1 FROM entry WHERE blog = ? AND missing IS NOT NULL AND withdrawn IS NULL)";
            let (mut changes, mut after) = (Changes::default(), None);
            if sqlx::query_scalar(waiting).bind(&blog.as_bytes()[..]).fetch_one(&mut *write).await? {
                let known = known(&mut write, blog).await?;
                changes = confirm(&known, seen);
                if let Some(head) = known.head.as_ref().filter(|_| !changes.is_nothing()) {
                    let capture = captures::keep_again(&mut write, blog, seen).await?;
                    let next = next(&mut write, seen).await?;
                    after = Some(next.after);
                    let moment = Moment { at: next.at, seen, outlet: &head.outlet, blog, history: false, capture };
                    write_changes(&mut write, &moment, head, &changes).await?;
                }
            }
            if let Some(state) = fetched {
                sources::put(&mut write, state).await?;
            }
            self.commit(write, blog, after, fetched.cloned()).await?;
            Ok(changes)
        }
        .await
        .map_err(|fault| self.named(fault))
    }

    /// Commits, and wakes who waits for changes, where there are any `after` this one.
    async fn commit(
        &self,
        mut write: Transaction<'static, Sqlite>,
        blog: Uuid,
        after: Option<i64>,
        source: Option<SourceState>,
    ) -> Result<(), Fault> {
        let Some(after) = after else { return Ok(write.commit().await?) };
        let row =
            sqlx::query("SELECT *, (SELECT coalesce(max(seq), 0) FROM change) AS newest_change FROM blog WHERE id = ?");
        let row = row.bind(&blog.as_bytes()[..]).fetch_one(&mut *write).await?;
        let commit = Commit { after, newest: row.try_get("newest_change")?, blog: blogs::stored(&row)?, source };
        write.commit().await?;
        self.notice().told(commit);
        Ok(())
    }
}

/// Says which change was the newest before.
async fn write_reading(
    db: &mut SqliteConnection,
    known: &Known,
    reading: &Reading<'_>,
    changes: &Changes,
    blog: Uuid,
    capture: Option<i64>,
) -> Result<i64, Fault> {
    let (read, seen) = (reading.blog, reading.seen);
    let head = changes.head.as_ref().or(known.head.as_ref()).unwrap_or(&read.head);
    let outdated = known.seen.is_some_and(|newest| seen < newest);
    let Next { at, after } = next(db, seen).await?;
    let history = (reading.history || outdated) && known.head.is_some();
    let moment = Moment { at, seen, outlet: &head.outlet, blog, history, capture };
    if let (Some(stored), Some(_)) = (&known.head, &changes.head) {
        sqlx::query("INSERT INTO blog_revision (blog, until, head) VALUES (?, ?, ?)")
            .bind(&blog.as_bytes()[..])
            .bind(at)
            .bind(json(stored)?)
            .execute(&mut *db)
            .await?;
        let about = About { kind: ChangeKind::BlogChanged, entry: None, parts: &[], significance: 0.0 };
        log(db, &moment, &[about]).await?;
    }
    if known.head.is_none() || !(outdated || reading.history) {
        put_head(db, head, &read.problems, &moment).await?;
    }
    for (key, entry) in &changes.aliases {
        sqlx::query("INSERT INTO entry_alias (blog, key, entry) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
            .bind(&blog.as_bytes()[..])
            .bind(key)
            .bind(&entry.as_bytes()[..])
            .execute(&mut *db)
            .await?;
    }
    write_changes(db, &moment, head, changes).await?;
    Ok(after)
}

async fn write_changes(db: &mut SqliteConnection, moment: &Moment<'_>, head: &Head, changes: &Changes) -> Result<(), Fault> {
    let (mut subjects, mut logged, mut indexed) = (Vec::new(), Vec::new(), Vec::new());
    let mut places = places(db, changes, moment).await?;
    for settled in &changes.new {
        let n = insert(db, head, settled, moment, &mut places).await?;
        subjects.push(stories::Subject::of(n, &settled.entry, moment.at, false));
        logged.push(about(ChangeKind::New, (n, 1), settled));
        indexed.push(n);
    }
    for (kind, all) in [(ChangeKind::Edited, &changes.edited), (ChangeKind::Touched, &changes.touched)] {
        for settled in all {
            let n = supersede(db, settled.entry.id, moment.at).await?;
            update(db, settled, moment, n, kind == ChangeKind::Edited).await?;
            if kind == ChangeKind::Edited {
                subjects.push(stories::Subject::of(n, &settled.entry, moment.at, true));
            }
            logged.push(about(kind, (n, settled.revision), settled));
            indexed.push(n);
        }
    }
    for (kind, all) in [(ChangeKind::Withdrawn, &changes.withdrawn), (ChangeKind::Restored, &changes.restored)] {
        for id in all {
            let n = supersede(db, *id, moment.at).await?;
            let withdrawn = (kind == ChangeKind::Withdrawn).then_some(moment.seen.timestamp_millis());
            let revision = sqlx::query_scalar(
                "UPDATE entry SET withdrawn = ?1, missing = NULL, changed = ?2, since = ?3, surfaced = ?3,
                    capture = coalesce(?4, capture) WHERE n = ?5 RETURNING revision",
            )
            .bind(withdrawn)
            .bind(moment.seen.timestamp_millis())
            .bind(moment.at)
            .bind(moment.capture)
            .bind(n)
            .fetch_one(&mut *db)
            .await?;
            logged.push(About { kind, entry: Some((n, revision)), parts: &[], significance: 1.0 });
            indexed.push(n);
        }
    }
    let missing = moment.seen.timestamp_millis();
    for (since, all) in [(Some(missing), &changes.missed), (None, &changes.found)] {
        if !all.is_empty() {
            sqlx::query("UPDATE entry SET missing = ? WHERE id IN (SELECT unhex(value) FROM json_each(?))")
                .bind(since)
                .bind(rows::id_list(all.iter().copied()))
                .execute(&mut *db)
                .await?;
        }
    }
    if changes.ended {
        logged.push(About { kind: ChangeKind::BlogEnded, entry: None, parts: &[], significance: 0.0 });
    }
    if changes.is_empty() {
        return Ok(());
    }
    if !logged.is_empty() {
        text::index(db, &indexed).await?;
        // What is new was nothing before.
        let superseded = &indexed[changes.new.len()..];
        if !superseded.is_empty() {
            text::index_past(db, superseded, moment.at).await?;
        }
        log(db, moment, &logged).await?;
    }
    // In SQL the greater of something and nothing is nothing.
    sqlx::query(
        "UPDATE blog SET changed = ?1, entries = entries + ?2, newest = coalesce(max(coalesce(newest, ?3), ?3), newest)
         WHERE id = ?4",
    )
    .bind(moment.at)
    .bind(i64::try_from(changes.new.len()).unwrap_or(i64::MAX))
    .bind(changes.new.iter().map(|settled| settled.entry.published.at.timestamp_millis()).max())
    .bind(&moment.blog.as_bytes()[..])
    .execute(&mut *db)
    .await?;
    if !changes.new.is_empty() {
        archive::assign(db, moment.blog, moment.at, moment.history).await?;
    }
    stories::assign(db, moment.at, subjects).await
}

/// Where a new entry is filed: it can't surface before it is seen, whatever time it bears.
fn filed(settled: &Settled, moment: &Moment<'_>) -> i64 {
    settled.entry.published.at.timestamp_millis().min(moment.at)
}

/// The places around those that new entries will take.
async fn places(db: &mut SqliteConnection, changes: &Changes, moment: &Moment<'_>) -> Result<Places, Fault> {
    Places::around(db, changes.new.iter().map(|settled| filed(settled, moment))).await
}

fn about(kind: ChangeKind, entry: (i64, u32), settled: &Settled) -> About<'_> {
    About { kind, entry: Some(entry), parts: &settled.parts, significance: settled.significance }
}

async fn put_head(db: &mut SqliteConnection, head: &Head, problems: &[Problem], moment: &Moment<'_>) -> Result<(), Fault> {
    sqlx::query(
        "INSERT INTO blog (id, outlet, outlet_name, key, url, headline, standfirst, language, coverage, problems, seen, changed,
            appeared)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12)
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
    .bind(moment.seen.timestamp_millis())
    .bind(moment.at)
    .execute(db)
    .await?;
    Ok(())
}

/// Writes a new entry and answers its number.
async fn insert(
    db: &mut SqliteConnection,
    head: &Head,
    settled: &Settled,
    moment: &Moment<'_>,
    places: &mut Places,
) -> Result<i64, Fault> {
    let entry = &settled.entry;
    let filed = filed(settled, moment);
    let place = places.take(db, filed).await?;
    let query = sqlx::query(
        "INSERT INTO entry (permalink, headline, byline, updated_stamp, body_html, body_text, images, marks, problems, content_hash,
            shown_hash, changed, capture, revision, plain, since, surfaced, id, place, history, blog, outlet, blog_key, key, rank,
            published, published_stamp, first_seen, appeared, edge)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    let inserted = bind_state(query, settled, moment)?
        .bind((!moment.history).then_some(filed))
        .bind(&entry.id.as_bytes()[..])
        .bind(place)
        .bind(moment.history)
        .bind(&head.id.as_bytes()[..])
        .bind(&head.outlet)
        .bind(&head.key)
        .bind(&entry.key)
        .bind(settled.rank)
        .bind(entry.published.at.timestamp_millis())
        .bind(json(&entry.published)?)
        .bind(moment.seen.timestamp_millis())
        .bind(moment.at)
        .bind(settled.edge)
        .execute(db)
        .await?;
    Ok(inserted.last_insert_rowid())
}

/// Keeps the present state of an entry as one that has been, and answers the entry's number.
async fn supersede(db: &mut SqliteConnection, id: Uuid, at: i64) -> Result<i64, Fault> {
    // What is edited and restored by one capture has been in one state before, not in two.
    sqlx::query(
        "INSERT INTO revision (id, entry, revision, since, until, surfaced, outlet, blog, changed, capture, permalink, headline,
            byline, updated_stamp, body_html, body_text, images, marks, problems, withdrawn)
         SELECT place * ?3 + (SELECT count(*) FROM revision WHERE entry = n), n, revision, since, ?1, surfaced, outlet, blog,
            changed, capture, permalink, headline, byline, updated_stamp, body_html, body_text, images, marks, problems,
            withdrawn
         FROM entry WHERE id = ?2 AND since < ?1",
    )
    .bind(at)
    .bind(&id.as_bytes()[..])
    .bind(STATES)
    .execute(&mut *db)
    .await?;
    Ok(sqlx::query_scalar("SELECT n FROM entry WHERE id = ?").bind(&id.as_bytes()[..]).fetch_one(db).await?)
}

/// Writes what may change of an entry. Its place (`published`, `rank`) and its ids may not.
async fn update(
    db: &mut SqliteConnection,
    settled: &Settled,
    moment: &Moment<'_>,
    n: i64,
    surfaces: bool,
) -> Result<(), Fault> {
    let query = sqlx::query(
        "UPDATE entry SET permalink = ?, headline = ?, byline = ?, updated_stamp = ?, body_html = ?, body_text = ?,
            images = ?, marks = ?, problems = ?, content_hash = ?, shown_hash = ?, changed = ?, capture = ?, revision = ?,
            plain = ?, since = ?, surfaced = coalesce(?, surfaced) WHERE n = ?",
    );
    bind_state(query, settled, moment)?.bind(surfaces.then_some(moment.at)).bind(n).execute(db).await?;
    Ok(())
}

/// Binds what may change of an entry, in the order of the statements above.
fn bind_state<'q>(query: Bindings<'q>, settled: &'q Settled, moment: &Moment<'_>) -> Result<Bindings<'q>, Fault> {
    let entry = &settled.entry;
    Ok(query
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
        .bind(moment.seen.timestamp_millis())
        .bind(moment.capture)
        .bind(settled.revision)
        .bind(settled.plain)
        .bind(moment.at))
}
