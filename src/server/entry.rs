//! `/entries/<id>`: one entry with its whole life, as a page to read and cite, and as JSON.

use axum::extract::{Path, State};
use axum::http::header::{ACCEPT, LOCATION, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::ServerState;
use super::api::{ProblemDetails, unavailable, written};
use super::error::{Problem, Refused, quoted};
use super::health::without_password;
use super::stories::StoryOfEntry;
use crate::model::{Entry, Head, Life, Mark};
use crate::revision::{Piece, compared};
use crate::store::{Change, Found, InStory, Seen, State as Stood, WholeLife};

pub(super) mod page;

/// States of which the difference to the one before is told: the newest ones. A live blog's own entry may be edited all day.
const COMPARED: usize = 100;

/// An entry with all that it has been.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EntryLife {
    /// The entry as it stands.
    #[serde(flatten)]
    pub entry: Entry,
    /// The address of its page here.
    pub url: String,
    /// The live blog that it stands on.
    pub live_blog: Head,
    /// How it has fared.
    pub life: Life,
    /// What other outlets have of the same development, where any has.
    pub story: Option<StoryOfEntry>,
    /// Its states, the first one first, the present one last.
    pub revisions: Vec<Revision>,
    /// What the change log has of it.
    pub changes: Vec<Change>,
    /// The pages that its states were read from.
    pub captures: Vec<Capture>,
}

/// An entry as it stood for some time.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Revision {
    /// Its number: the same for states that differ in marks or links alone.
    pub revision: u32,
    /// When it counts as begun, by the clock of the change log.
    pub since: DateTime<Utc>,
    /// When it counts as ended; none for the present one.
    pub until: Option<DateTime<Utc>>,
    /// The instant of the capture that showed it first.
    pub seen: DateTime<Utc>,
    /// The number of that capture.
    pub capture: Option<i64>,
    /// Its headline.
    pub headline: Option<String>,
    /// Its byline.
    pub byline: Vec<String>,
    /// Its address at the outlet.
    pub permalink: Option<String>,
    /// Its text.
    pub body_text: String,
    /// Its marks.
    pub marks: Vec<Mark>,
    /// Whether it was taken back.
    pub withdrawn: bool,
    /// What differs from the state before, word by word; nothing for the first one, and for all but the newest hundred.
    pub differences: Vec<Difference>,
}

/// What became of one part of an entry.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Difference {
    /// `headline`, `byline` or `body`.
    pub part: &'static str,
    /// The part, piece by piece. All but the removed ones make up the new text.
    pub pieces: Vec<Piece>,
}

/// A page that a state was read from.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Capture {
    /// Its number.
    pub id: i64,
    /// When it was captured.
    pub captured: DateTime<Utc>,
    /// The address that it came from.
    pub url: Option<String>,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// How many bytes they were.
    pub size: i64,
    /// Whether the bytes are still kept.
    pub kept: bool,
}

/// One entry
///
/// As it stands, with every state that it has been in, what differs from one to the next, and the page that showed each.
#[utoipa::path(
    get,
    path = "/entries/{id}.json",
    params(("id" = String, Path, description = "Its id, without `urn:uuid:`")),
    responses(
        (status = 200, description = "The entry", body = EntryLife),
        (status = 304, description = "The same as in the answer of `If-None-Match`"),
        (status = 308, description = "It was issued under another id"),
        (status = 404, description = "No such entry", body = ProblemDetails, content_type = "application/problem+json")
    )
)]
pub(super) async fn json(state: &ServerState, id: &str, request: &HeaderMap) -> Result<Response, Refused> {
    let (life, story) = match found(state, id, ".json").await? {
        Looked::There(life, story) => (life, story),
        Looked::Elsewhere(response) => return Ok(response),
    };
    let base = state.0.base.clone();
    let bytes = rendered(move || serde_json::to_vec(&told(&base, *life, story)).map_err(|error| error.to_string())).await?;
    written(request, bytes, "application/json", "no-cache").await
}

pub(super) async fn entry(State(state): State<ServerState>, Path(id): Path<String>, request: Parts) -> Response {
    if let Some(query) = request.uri.query().filter(|query| !query.is_empty()) {
        return Refused::BadQuery(format!("an entry takes no parameters, and there is {}", quoted(query))).into_response();
    }
    if let Some(id) = id.strip_suffix(".json") {
        return json(&state, id, &request.headers).await.unwrap_or_else(|refused| Problem(refused).into_response());
    }
    let mut response = if wants_json(&request.headers) {
        json(&state, &id, &request.headers).await.unwrap_or_else(|refused| Problem(refused).into_response())
    } else {
        html(&state, &id, &request.headers).await.unwrap_or_else(Refused::into_response)
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    response
}

async fn html(state: &ServerState, id: &str, request: &HeaderMap) -> Result<Response, Refused> {
    let (life, story) = match found(state, id, "").await? {
        Looked::There(life, story) => (life, story),
        Looked::Elsewhere(response) => return Ok(response),
    };
    let base = state.0.base.clone();
    let bytes = rendered(move || page::html(&told(&base, *life, story))).await?;
    super::assets::page(request, bytes).await
}

/// Comparing long texts takes milliseconds, which other requests should not wait for.
pub(super) async fn rendered(render: impl FnOnce() -> Result<Vec<u8>, String> + Send + 'static) -> Result<Vec<u8>, Refused> {
    let rendered = tokio::task::spawn_blocking(render).await.map_err(|error| error.to_string()).and_then(|bytes| bytes);
    rendered.map_err(|error| {
        tracing::error!("an entry could not be written: {error}");
        Refused::Unavailable
    })
}

enum Looked {
    /// Here, and in this story.
    There(Box<WholeLife>, Option<InStory>),
    /// At another address, which this response sends to.
    Elsewhere(Response),
}

async fn found(state: &ServerState, id: &str, ending: &str) -> Result<Looked, Refused> {
    let none = || Refused::Unknown(format!("no entry has the id {} here; /api/v1/entries lists them", quoted(id)));
    let asked = Uuid::try_parse(id).map_err(|_| none())?;
    match state.0.store.life_of(asked).await.map_err(unavailable)? {
        Found::Entry(life) => {
            let id = life.entry.id;
            let story = state.0.store.stories_of(&[id], None).await.map_err(unavailable)?.remove(&id);
            Ok(Looked::There(life, story))
        }
        Found::Known(issued) => {
            // Relative, since the address here may have a path in front that only a proxy knows.
            let there = HeaderValue::from_str(&format!("{issued}{ending}")).map_err(|_| none())?;
            Ok(Looked::Elsewhere((StatusCode::PERMANENT_REDIRECT, [(LOCATION, there)]).into_response()))
        }
        Found::Nothing => Err(none()),
    }
}

/// Whether JSON is named and HTML is not: a browser names both.
pub(super) fn wants_json(request: &HeaderMap) -> bool {
    let accepts: Vec<&str> = request.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok()).collect();
    let named = |kind: &str| accepts.iter().any(|line| line.contains(kind));
    named("application/json") && !named("text/html")
}

fn told(base: &str, life: WholeLife, story: Option<InStory>) -> EntryLife {
    let first = life.states.len().saturating_sub(COMPARED);
    let revision = |(nth, state): (usize, &Stood)| Revision {
        revision: state.revision,
        since: state.since,
        until: state.until,
        seen: state.seen,
        capture: state.capture,
        headline: state.headline.clone(),
        byline: state.byline.clone(),
        permalink: state.permalink.clone(),
        body_text: state.body_text.clone(),
        marks: state.marks.clone(),
        withdrawn: state.withdrawn,
        differences: match nth.checked_sub(1) {
            Some(before) if nth >= first => differences(&life.states[before], state),
            _ => Vec::new(),
        },
    };
    EntryLife {
        url: format!("{base}/entries/{}", life.entry.id),
        story: story.map(|story| StoryOfEntry::told(base, story)),
        revisions: life.states.iter().enumerate().map(revision).collect(),
        captures: life.captures.iter().map(capture).collect(),
        entry: life.entry,
        live_blog: life.head,
        life: life.life,
        changes: life.changes,
    }
}

fn differences(old: &Stood, new: &Stood) -> Vec<Difference> {
    let headline = |state: &Stood| state.headline.clone().unwrap_or_default();
    let parts = [
        ("headline", headline(old), headline(new)),
        ("byline", old.byline.join(", "), new.byline.join(", ")),
        ("body", old.body_text.clone(), new.body_text.clone()),
    ];
    let differing = parts.into_iter().filter(|(_, old, new)| old != new);
    differing.map(|(part, old, new)| Difference { part, pieces: compared(&old, &new) }).collect()
}

fn capture(seen: &Seen) -> Capture {
    Capture {
        id: seen.id,
        captured: seen.captured,
        url: seen.url.as_deref().map(without_password),
        sha256: seen.sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
        size: seen.size,
        kept: seen.whole,
    }
}
