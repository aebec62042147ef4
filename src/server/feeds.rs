//! The feeds: which one is asked for, what it says of itself, and with which headers it goes out.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::{Path, State};
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, LAST_MODIFIED, LINK, VARY,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use uuid::Uuid;

use super::cache::{Document, Key, Slot, is_due};
use super::coding::Coding;
use super::describe::{describe, describe_archived};
use super::error::{Refused, quoted};
use super::missing::{known, no_blog, no_outlet};
use super::overview::{Checked, Overview};
use super::query::{Asked, Parameters};
use super::readers::Ours;
use super::written::Written;
use super::{ServerState, ahead, coding, conditional, missing};
use crate::feed::{self, Format};
use crate::store::{Scope, StoreError, Window};

/// Since when all addresses behind the feed have answered well, or `never`. It is a header because the feed's bytes must not
/// change when nothing but this does.
const CHECKED: HeaderName = HeaderName::from_static("tidings-checked");

/// Seconds a feed may be reused without asking, while there is coverage and when all of it has ended.
const MAX_AGE: (&str, &str) = ("max-age=60", "max-age=3600");

/// The same for a feed as it stood once. What has just been may still be added to: a page is captured some seconds before its
/// entries are stored, and they count from then.
const MAX_AGE_PAST: &str = "max-age=86400";
const SETTLED: TimeDelta = TimeDelta::hours(1);

/// The same for an archived page. The last one will yet be told of the next.
const MAX_AGE_ARCHIVED: (&str, &str) = ("max-age=3600", "max-age=31536000, immutable");

/// Instance manipulations (RFC 3229).
const IM: HeaderName = HeaderName::from_static("im");
const DELTA_BASE: HeaderName = HeaderName::from_static("delta-base");

/// A feed that a browser shows by itself may load its style sheet, and nothing else.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; style-src 'self'; frame-ancestors 'none'");

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

pub(super) async fn topic(
    State(state): State<ServerState>,
    Path(name): Path<String>,
    request: Parts,
    format: Format,
) -> Answer {
    let scope = missing::topic(&*state.overview().await?, &state.settings().topics, &name)?;
    answer(&state, scope, &request, format).await
}

pub(super) async fn archived(State(state): State<ServerState>, Path(file): Path<String>, request: Parts) -> Answer {
    archive(&state, Scope::Everything, &file, &request).await
}

pub(super) async fn blog_archived(
    State(state): State<ServerState>,
    Path((id, file)): Path<(String, String)>,
    request: Parts,
) -> Answer {
    match Uuid::try_parse(&id) {
        Ok(id) => archive(&state, Scope::Blog(id), &file, &request).await,
        Err(_) => Err(no_blog(&*state.overview().await?, &id)),
    }
}

async fn answer(state: &ServerState, scope: Scope, request: &Parts, format: Format) -> Answer {
    let asked = Asked::read(request.uri.query())?;
    // A reader who comes while changes pour in gets what they were a moment ago; our own hub, which asks once for each, never does.
    let ours = request.extensions.get::<Ours>().is_some();
    let overview = if ours { state.overview().await? } else { state.paced().await? };
    ahead::follow(state, &overview);
    known(&overview, &scope)?;
    outlets_known(&overview, &asked.filters.outlets)?;
    let settled = match asked.as_of {
        Some(as_of) => past(state, &overview, as_of).await?,
        None => false,
    };
    let query = request.uri.query().map(str::to_owned);
    let key = Key { scope, format, query, document: Document::Current };
    let coding = coding::choose(&request.headers).ok_or(Refused::NotAcceptable)?;
    let written = written(state, &overview, &key, &asked, coding, !ours).await?;

    let age = match settled {
        true => MAX_AGE_PAST,
        false if overview.over(&key.scope) => MAX_AGE.1,
        false => MAX_AGE.0,
    };
    let etag = written.etag(coding);
    let mut headers = labels(format, &etag, written.modified, age);
    headers.extend(overview.checked(&key.scope).and_then(|checked| match checked {
        Checked::Since(at) => header(CHECKED, &httpdate::fmt_http_date(whole_second(at)?)),
        Checked::Never => header(CHECKED, "never"),
    }));
    if let (Some(hub), Some(own)) = (state.hub_url(), request.uri.path_and_query()) {
        headers.extend(header(LINK, &format!("<{hub}>; rel=\"hub\", <{}{own}>; rel=\"self\"", state.0.base)));
    }
    if conditional::unchanged(&request.headers, &etag, written.modified) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    if asked.as_of.is_none()
        && let Some((base, at)) = base(state, request).await
    {
        let key = Key { document: Document::Since(at), ..key };
        let difference = self::written(state, &overview, &key, &asked, coding, false).await?;
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding, A-IM, If-None-Match"));
        // To anybody else it would be a feed that lacks entries.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(IM, HeaderValue::from_static("feed"));
        headers.extend(header(DELTA_BASE, &format!("\"{base}\"")));
        return Ok((StatusCode::IM_USED, body(state, headers, &key, &difference, coding).await).into_response());
    }
    for_whom(&mut headers, &request.headers, format);
    Ok(body(state, headers, &key, &written, coding).await)
}

/// Refuses a selection by an outlet that is not here.
pub(super) fn outlets_known(overview: &Overview, outlets: &[String]) -> Result<(), Refused> {
    match outlets.iter().find(|slug| !overview.has_outlet(slug)) {
        Some(slug) => {
            Err(Refused::BadQuery(format!("the parameter `outlet` names one too many: {}", no_outlet(overview, slug))))
        }
        None => Ok(()),
    }
}

/// The instant since which the client lacks changes, where it says that it takes the difference alone, and the tag by which we
/// know. A tag of another log says nothing.
async fn base<'a>(state: &ServerState, request: &'a Parts) -> Option<(&'a str, DateTime<Utc>)> {
    let (seq, mark, tag) = conditional::known(&request.headers)?;
    match state.0.store.position(seq).await {
        Ok(position) => position.filter(|position| position.mark == mark).map(|position| (tag, position.at)),
        Err(error) => {
            tracing::error!("a feed is served whole where a part would do: {error}");
            None
        }
    }
}

/// Whether what stood at `as_of` is sure to stay what it is. An instant to come is refused.
pub(super) async fn past(state: &ServerState, overview: &Overview, as_of: DateTime<Utc>) -> Result<bool, Refused> {
    let now = state.now(overview).await?;
    if as_of > now {
        let told = format!("the parameter `as_of` is {}, and that is still to come", as_of.format("%Y-%m-%dT%H:%M:%SZ"));
        return Err(Refused::BadQuery(told));
    }
    Ok(now - as_of > SETTLED)
}

async fn archive(state: &ServerState, scope: Scope, file: &str, request: &Parts) -> Answer {
    Parameters::of(request.uri.query(), &[])?;
    let overview = state.overview().await?;
    known(&overview, &scope)?;
    let none = || Refused::Unknown(format!("there is no archived page {} of this", quoted(file)));
    let (page, ending) = file.split_once('.').ok_or_else(none)?;
    let format = Format::ALL.into_iter().find(|format| format.extension() == ending).ok_or_else(none)?;
    // One spelling only, as with every number.
    let page = page.parse::<i64>().ok().filter(|number| number.to_string() == page).ok_or_else(none)?;
    let coding = coding::choose(&request.headers).ok_or(Refused::NotAcceptable)?;
    let key = Key { scope, format, query: None, document: Document::Archive(page) };
    let slot = state.0.cache.slot(&key, overview.version(&key.scope));
    let written = slot.written.get_or_try_init(|| async {
        let found = state.0.store.archived(&key.scope, page).await.map_err(|error| {
            tracing::error!("an archived page could not be read: {error}");
            Refused::Unavailable
        })?;
        let archived = found.ok_or_else(none)?;
        // The date of one that will yet be told of the next would not move then.
        let modified = if archived.last { None } else { whole_second(archived.at) };
        let feed = describe_archived(&state.0.base, &overview, &key, page, archived);
        let make = move |feed| Ok(Arc::new(Written::new(feed::write(&feed, format), coding, modified, None)));
        state.0.renderer.run(std::future::ready(Ok(feed)), make).await
    });
    let written = written.await?;
    state.0.cache.weigh(&key);
    let age = if written.modified.is_some() { MAX_AGE_ARCHIVED.1 } else { MAX_AGE_ARCHIVED.0 };
    let etag = written.etag(coding);
    let mut headers = labels(format, &etag, written.modified, age);
    if conditional::unchanged(&request.headers, &etag, written.modified) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    for_whom(&mut headers, &request.headers, format);
    Ok(body(state, headers, &key, written, coding).await)
}

/// What every answer about a document says, whether or not it holds it.
fn labels(format: Format, etag: &str, modified: Option<SystemTime>, age: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    // See `for_whom`.
    let vary = if format == Format::Json { "Accept-Encoding" } else { "Accept-Encoding, Accept" };
    headers.insert(VARY, HeaderValue::from_static(vary));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(age));
    headers.extend(header(ETAG, etag));
    headers.extend(modified.and_then(|at| header(LAST_MODIFIED, &httpdate::fmt_http_date(at))));
    headers
}

/// Sends the type of XML to a browser that wants a page: it shows the types of feeds as plain text, and XML with its style sheet.
/// The bytes are the same.
fn for_whom(headers: &mut HeaderMap, request: &HeaderMap, format: Format) {
    let mut accepts = request.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
    if format != Format::Json && accepts.any(|line| line.contains("text/html")) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"));
    }
}

async fn body(state: &ServerState, mut headers: HeaderMap, key: &Key, written: &Written, coding: Coding) -> Response {
    headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(key.format.content_type()));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.extend(coding.name().and_then(|name| header(CONTENT_ENCODING, name)));
    let weighed = written.has(coding);
    let bytes = written.coded(coding).await;
    if !weighed {
        state.0.cache.weigh(key);
    }
    (headers, bytes).into_response()
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

impl ServerState {
    pub(super) async fn overview(&self) -> Result<Arc<Overview>, Refused> {
        self.0.watch.overview(&self.0.store).await.ok_or(Refused::Unavailable)
    }

    async fn paced(&self) -> Result<Arc<Overview>, Refused> {
        self.0.watch.paced(&self.0.store).await.ok_or(Refused::Unavailable)
    }

    /// The present. Without a clock, the newest change tells the time.
    pub(super) async fn now(&self, overview: &Overview) -> Result<DateTime<Utc>, Refused> {
        if let Some(clock) = self.0.clock.get() {
            return Ok(clock.0());
        }
        let newest = self.0.store.position(overview.generation).await.map_err(|_| Refused::Unavailable)?;
        Ok(newest.map_or(DateTime::UNIX_EPOCH, |newest| newest.at))
    }
}

/// The feed's bytes: those in memory, or freshly written ones; when that fails, the last good ones. With `of_late`, and
/// while changes pour in, those of a moment ago while they are written anew.
async fn written(
    state: &ServerState,
    overview: &Arc<Overview>,
    key: &Key,
    asked: &Asked,
    coding: Coding,
    of_late: bool,
) -> Result<Arc<Written>, Refused> {
    let slot = state.0.cache.slot(key, overview.version(&key.scope));
    if let Some(written) = slot.written.get() {
        return Ok(written.clone());
    }
    let superseded = overview.superseded(&key.scope);
    if let Some(of_late) = slot.of_late(superseded).filter(|_| of_late && state.0.watch.is_busy()) {
        if is_due(&of_late) && slot.begin() {
            let (state, overview, key, asked) = (state.clone(), overview.clone(), key.clone(), asked.clone());
            // What comes of it is taken from its place.
            tokio::spawn(async move { anew(&state, &slot, &overview, &key, &asked, coding).await.map(drop) });
        }
        return Ok(of_late);
    }
    anew(state, &slot, overview, key, asked, coding).await
}

/// The feed of this place: written into it, or waited for where somebody else writes it already.
pub(super) async fn anew(
    state: &ServerState,
    slot: &Arc<Slot>,
    overview: &Arc<Overview>,
    key: &Key,
    asked: &Asked,
    coding: Coding,
) -> Result<Arc<Written>, Refused> {
    match slot.written.get_or_try_init(|| write(state, overview, key, asked, coding)).await {
        Ok(written) => {
            state.0.cache.settle(key, slot);
            Ok(written.clone())
        }
        Err(error) => {
            tracing::error!("a feed could not be written: {error}");
            slot.last_good().ok_or(Refused::Unavailable)
        }
    }
}

async fn write(
    state: &ServerState,
    overview: &Arc<Overview>,
    key: &Key,
    asked: &Asked,
    coding: Coding,
) -> Result<Arc<Written>, StoreError> {
    let (own, overview, key, asked) = (state.clone(), overview.clone(), key.clone(), asked.clone());
    // The formats of a feed show the same entries.
    let shared = own.0.windows.place((key.scope.clone(), key.query.clone()), overview.version(&key.scope));
    let query = asked.query(key.scope.clone());
    let store = own.0.store.clone();
    let load = async move {
        let load = || async { store.select(&query).await.map(Arc::new) };
        shared.get_or_try_init(load).await.cloned()
    };
    let make = move |window: Arc<Window>| {
        // Where others share the second, a reader that asks by it alone could miss them.
        let modified = window.changed.filter(|_| window.alone).and_then(whole_second);
        let feed = feed::Feed { hub: own.hub_url(), ..describe(&own.0.base, &overview, &key, &asked, &window) };
        Ok(Arc::new(Written::new(feed::write(&feed, key.format), coding, modified, window.position)))
    };
    state.0.renderer.run(load, make).await
}
