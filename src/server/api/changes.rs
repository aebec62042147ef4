//! `/api/v1/changes`: the change log from where the client left off, at once or as soon as there is something.

use std::time::Duration;

use axum::extract::State;
use axum::http::request::Parts;
use serde::Serialize;
use tokio::time::{Instant, sleep_until};
use utoipa::ToSchema;

use super::asked::{Asked, wrong};
use super::{Answer, document, unavailable};
use crate::server::ServerState;
use crate::server::error::Refused;
use crate::server::missing::known;
use crate::store::{Change, ChangeFilter, ChangeKind, Scope};

/// Changes in an answer, where the request does not say.
const DEFAULT: i64 = 100;
const MOST: i64 = 1000;
/// Seconds that a client may wait.
const LONGEST_WAIT: i64 = 60;

/// A part of the change log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Changes {
    /// Oldest first.
    pub changes: Vec<Change>,
    /// What to ask `after` the next time. It moves on past changes that were filtered out.
    pub after: i64,
    /// The number of the newest change of all. Where `after` is less, there may be more at once.
    pub newest: i64,
}

/// The change log
///
/// Everything that ever changed, numbered without a gap. With `wait`, an answer that would hold nothing is held back until
/// there is something.
#[utoipa::path(
    get,
    path = "/api/v1/changes",
    params(
        ("after" = Option<i64>, Query, minimum = 0, description = "The number of the last change known; 0 for none"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 1000, description = "At most so many; 100 without it"),
        ("kind" = Option<String>, Query, description = "Of these kinds only, separated by commas: new, edited, touched, withdrawn, restored, blog_changed, blog_ended"),
        ("outlet" = Option<String>, Query, description = "Of this outlet only, by slug"),
        ("blog" = Option<String>, Query, description = "Of this live blog only, by id"),
        ("wait" = Option<i64>, Query, minimum = 0, maximum = 60, description = "Seconds to wait for a change where there is none yet")
    ),
    responses(
        (status = 200, description = "Changes, oldest first", body = Changes),
        (status = 304, description = "The same as in the answer of `If-None-Match`"),
        (status = 400, description = "A parameter is wrong", body = super::ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such outlet or live blog", body = super::ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "Too many clients wait already, or the store does not answer", body = super::ProblemDetails, content_type = "application/problem+json")
    )
)]
pub(super) async fn changes(State(state): State<ServerState>, request: Parts) -> Answer {
    let asked = Asked::of(request.uri.query(), &["after", "limit", "kind", "outlet", "blog", "wait"])?;
    let wait = asked.number("wait", 0, LONGEST_WAIT)?.unwrap_or_default();
    let filter = filter(&asked)?;
    let overview = state.overview().await?;
    filter.outlets.iter().try_for_each(|slug| known(&overview, &Scope::Outlet(slug.clone())))?;
    filter.blogs.iter().try_for_each(|id| known(&overview, &Scope::Blog(*id)))?;
    let waiting = if wait == 0 { None } else { Some(state.0.waiting.try_acquire().map_err(|_| Refused::Crowded)?) };
    // Subscribed to before the log is read: what comes between the two is not missed.
    let mut changed = waiting.is_some().then(|| state.0.store.changed());
    let until = Instant::now() + Duration::from_secs(wait.unsigned_abs());
    loop {
        let load = || state.0.store.changes_where(&filter);
        let page = match &waiting {
            // Clients that wait for nothing ask often, and mostly for the same.
            None => {
                let shared = state.0.changes.place(filter.clone(), overview.generation);
                shared.get_or_try_init(load).await.cloned()
            }
            Some(_) => load().await,
        };
        let page = page.map_err(unavailable)?;
        if filter.after > page.newest {
            let may = format!("the log ends at {}: this is another store; begin again at 0", page.newest);
            return Err(wrong("after", &filter.after.to_string(), &may).into());
        }
        if let Some(changed) = changed.as_mut().filter(|_| page.changes.is_empty() && page.after == page.newest) {
            tokio::select! {
                // The store is closed when the sender is gone; then there is nothing to wait for.
                moved = changed.wait_for(|newest| *newest > page.newest) => if moved.is_ok() { continue },
                () = sleep_until(until) => {}
                () = state.closing() => {}
            }
        }
        let body = Changes { changes: page.changes, after: page.after, newest: page.newest };
        return document(&request.headers, &body).await;
    }
}

fn filter(asked: &Asked) -> Result<ChangeFilter, Refused> {
    let kind = |name: &str| {
        let all = ChangeKind::ALL.map(ChangeKind::name).join(", ");
        ChangeKind::named(name).ok_or_else(|| wrong("kind", name, &format!("may be one or more of {all}")))
    };
    Ok(ChangeFilter {
        after: asked.number("after", 0, i64::MAX)?.unwrap_or_default(),
        limit: asked.number("limit", 1, MOST)?.unwrap_or(DEFAULT),
        kinds: asked.text("kind").map(|kinds| kinds.split(',').map(kind).collect()).transpose()?.unwrap_or_default(),
        outlets: asked.text("outlet").map(str::to_owned).into_iter().collect(),
        blogs: asked.id("blog")?.into_iter().collect(),
    })
}
