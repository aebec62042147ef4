//! The feeds: which one is asked for, what it says of itself, and with which headers it goes out.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, LAST_MODIFIED, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;

use super::cache::{Key, Written};
use super::describe::describe;
use super::error::{Refused, nearest, quoted};
use super::overview::{Checked, Overview};
use super::{ServerState, coding, conditional, query};
use crate::feed::{self, Format};
use crate::store::{Scope, StoreError};

/// Since when all addresses behind the feed have answered well, or `never`. It is a header because the feed's bytes must not
/// change when nothing but this does.
const CHECKED: HeaderName = HeaderName::from_static("tidings-checked");

/// Seconds a feed may be reused without asking, while there is coverage and when all of it has ended.
const MAX_AGE: (&str, &str) = ("max-age=60", "max-age=3600");

/// How many live blogs the answer to a wrong id names.
const NAMED: usize = 5;

type Answer = Result<Response, Refused>;

pub(super) async fn everything(State(state): State<ServerState>, request: Parts, format: Format) -> Answer {
    answer(&state, Scope::Everything, &request, format).await
}

pub(super) async fn outlet(
    State(state): State<ServerState>,
    Path(slug): Path<String>,
    request: Parts,
    format: Format,
) -> Answer {
    answer(&state, Scope::Outlet(slug), &request, format).await
}

pub(super) async fn blog(
    State(state): State<ServerState>,
    Path(id): Path<String>,
    request: Parts,
    format: Format,
) -> Answer {
    // An id that can't be one is answered like one that isn't.
    match Uuid::try_parse(&id) {
        Ok(id) => answer(&state, Scope::Blog(id), &request, format).await,
        Err(_) => Err(no_blog(&*state.overview().await?, &id)),
    }
}

async fn answer(state: &ServerState, scope: Scope, request: &Parts, format: Format) -> Answer {
    let limit = query::limit(request.uri.query())?;
    let overview = state.overview().await?;
    known(&overview, &scope)?;
    let key = Key { scope, format, limit };
    let coding = coding::choose(&request.headers).ok_or(Refused::NotAcceptable)?;
    let written = written(state, &overview, &key).await?;

    let etag = written.etag(coding);
    let mut headers = HeaderMap::new();
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(if overview.over(&key.scope) { MAX_AGE.1 } else { MAX_AGE.0 }));
    headers.extend(header(ETAG, &etag));
    headers.extend(written.modified.and_then(|at| header(LAST_MODIFIED, &httpdate::fmt_http_date(at))));
    headers.extend(overview.checked(&key.scope).and_then(|checked| match checked {
        Checked::Since(at) => header(CHECKED, &httpdate::fmt_http_date(whole_second(at)?)),
        Checked::Never => header(CHECKED, "never"),
    }));
    if conditional::unchanged(&request.headers, &etag, written.modified) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    headers.extend(coding.name().and_then(|name| header(CONTENT_ENCODING, name)));
    Ok((headers, written.coded(coding).await).into_response())
}

/// A header, or none where the value can't be one.
pub(super) fn header(name: HeaderName, value: &str) -> Option<(HeaderName, HeaderValue)> {
    HeaderValue::from_str(value).ok().map(|value| (name, value))
}

/// An instant as HTTP can say it: none outside the years 1970 to 9999.
fn whole_second(at: DateTime<Utc>) -> Option<SystemTime> {
    let seconds = at.trunc_subsecs(0).timestamp();
    (0..253_402_300_800)
        .contains(&seconds)
        .then(|| SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds.unsigned_abs()))
}

/// Refuses a scope that nothing is known of, with what there is. An outlet or a live blog that is followed and has no entry
/// yet has an empty feed: one may subscribe to it early.
pub(super) fn known(overview: &Overview, scope: &Scope) -> Result<(), Refused> {
    match scope {
        Scope::Outlet(slug) if !overview.outlets().contains_key(slug.as_str()) => Err(no_outlet(overview, slug)),
        Scope::Blog(id) if overview.blogs_in(scope).next().is_none() => Err(no_blog(overview, &id.to_string())),
        _ => Ok(()),
    }
}

fn no_outlet(overview: &Overview, slug: &str) -> Refused {
    let outlets = overview.outlets();
    let listed = match outlets.len() {
        0 => "nothing is followed yet".to_owned(),
        _ => format!("there are {}", outlets.keys().copied().collect::<Vec<_>>().join(", ")),
    };
    let meant = nearest(slug, outlets.keys().copied()).map(|slug| format!("did you mean `{slug}`? ")).unwrap_or_default();
    Refused::Unknown(format!("there is no outlet {} here; {meant}{listed}", quoted(slug)))
}

pub(super) fn no_blog(overview: &Overview, id: &str) -> Refused {
    let named: Vec<_> = overview
        .blogs
        .iter()
        .take(NAMED)
        .map(|blog| format!("{} ({})", blog.head.id, quoted(&blog.head.headline)))
        .collect();
    let more = overview.blogs.len().saturating_sub(NAMED);
    let listed = match (named.is_empty(), more) {
        (true, _) => "there is none yet".to_owned(),
        (false, 0) => format!("there are {}", named.join(", ")),
        (false, more) => format!("there are {} and {more} more, all of them on /", named.join(", ")),
    };
    Refused::Unknown(format!("no live blog has the id {} here; {listed}", quoted(id)))
}

impl ServerState {
    pub(super) async fn overview(&self) -> Result<Arc<Overview>, Refused> {
        self.0.watch.overview(&self.0.store).await.ok_or(Refused::Unavailable)
    }
}

/// The feed's bytes: those in memory, or freshly written ones; when that fails, the last good ones.
async fn written(state: &ServerState, overview: &Overview, key: &Key) -> Result<Arc<Written>, Refused> {
    let slot = state.0.cache.slot(key, overview.generation);
    match slot.written.get_or_try_init(|| write(state, overview, key)).await {
        Ok(written) => {
            slot.settled();
            Ok(written.clone())
        }
        Err(error) => {
            tracing::error!("a feed could not be written: {error}");
            slot.last_good().ok_or(Refused::Unavailable)
        }
    }
}

async fn write(state: &ServerState, overview: &Overview, key: &Key) -> Result<Arc<Written>, StoreError> {
    let window = state.0.store.window(&key.scope, usize::from(key.limit.unwrap_or(query::DEFAULT))).await?;
    let modified = window.changed.and_then(whole_second);
    let (feed, format) = (describe(&state.0.base, overview, key, window), key.format);
    // Cleaning and writing two hundred long entries takes milliseconds, which other requests should not wait for.
    let bytes = tokio::task::spawn_blocking(move || feed::write(&feed, format));
    Ok(Arc::new(Written::new(bytes.await.expect("a feed writer does not panic"), modified)))
}
