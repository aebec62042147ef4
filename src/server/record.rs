//! What has an id, a page to read and cite, and the same as JSON: at `/<kind>/<id>`, by what is asked for, and at
//! `/<kind>/<id>.json` in any case.

use std::future::Future;

use axum::http::header::{ACCEPT, LOCATION, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use uuid::Uuid;

use super::error::{Problem, Refused, quoted};
use super::{ServerState, api, assets};

/// What the store has under an id.
pub(super) enum Lookup<T> {
    /// This.
    There(T),
    /// What has another id by now.
    Elsewhere(Uuid),
    Nothing,
}

/// A kind of things with ids, as they are told.
pub(super) trait Record: Serialize + Send + Sized + 'static {
    /// The same as the store has it.
    type Stored: Send + 'static;
    /// What it is called.
    const KIND: &'static str;
    /// Where ids are to be learnt.
    const LISTED: &'static str;

    fn find(state: &ServerState, id: Uuid) -> impl Future<Output = Result<Lookup<Self::Stored>, Refused>> + Send;

    /// As it is told under the address `base`.
    fn told(base: &str, stored: Self::Stored) -> Self;

    fn page(&self) -> Result<Vec<u8>, String>;
}

/// Answers a request for the record `id`, or `id` and `.json`.
pub(super) async fn answer<R: Record>(state: &ServerState, id: &str, request: &Parts) -> Response {
    if let Some(query) = request.uri.query().filter(|query| !query.is_empty()) {
        return Refused::BadQuery(format!("the address of {} takes no parameters, and there is {}", R::KIND, quoted(query)))
            .into_response();
    }
    let as_json = async |id| {
        let answer = json::<R>(state, id, &request.headers).await;
        answer.unwrap_or_else(|refused| Problem(refused).into_response())
    };
    if let Some(id) = id.strip_suffix(".json") {
        return as_json(id).await;
    }
    let mut response = match wants_json(&request.headers) {
        true => as_json(id).await,
        false => html::<R>(state, id, &request.headers).await.unwrap_or_else(Refused::into_response),
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    response
}

async fn json<R: Record>(state: &ServerState, id: &str, request: &HeaderMap) -> Result<Response, Refused> {
    let write = |told: &R| serde_json::to_vec(told).map_err(|error| error.to_string());
    match rendered(state, id, ".json", write).await? {
        Ok(bytes) => api::written(request, bytes, "application/json", "no-cache").await,
        Err(elsewhere) => Ok(elsewhere),
    }
}

async fn html<R: Record>(state: &ServerState, id: &str, request: &HeaderMap) -> Result<Response, Refused> {
    match rendered(state, id, "", R::page).await? {
        Ok(bytes) => assets::page(request, bytes).await,
        Err(elsewhere) => Ok(elsewhere),
    }
}

/// The bytes of a record, or the response that sends to where it is now.
async fn rendered<R: Record>(
    state: &ServerState,
    id: &str,
    ending: &str,
    write: impl FnOnce(&R) -> Result<Vec<u8>, String> + Send + 'static,
) -> Result<Result<Vec<u8>, Response>, Refused> {
    let none = || Refused::Unknown(format!("no {} has the id {} here; {}", R::KIND, quoted(id), R::LISTED));
    let asked = Uuid::try_parse(id).map_err(|_| none())?;
    let stored = match R::find(state, asked).await? {
        Lookup::There(stored) => stored,
        Lookup::Elsewhere(issued) => {
            // Relative, since the address here may have a path in front that only a proxy knows.
            let there = HeaderValue::from_str(&format!("{issued}{ending}")).map_err(|_| none())?;
            return Ok(Err((StatusCode::PERMANENT_REDIRECT, [(LOCATION, there)]).into_response()));
        }
        Lookup::Nothing => return Err(none()),
    };
    // Comparing long texts takes milliseconds, which other requests should not wait for.
    let base = state.0.base.clone();
    let ready = std::future::ready(Ok(stored));
    let rendered = state.0.renderer.run(ready, move |stored| write(&R::told(&base, stored))).await;
    rendered.map(Ok).map_err(|error| {
        tracing::error!(kind = R::KIND, "a page could not be written: {error}");
        Refused::Unavailable
    })
}

/// Whether JSON is named and HTML is not: a browser names both.
fn wants_json(request: &HeaderMap) -> bool {
    let accepts: Vec<&str> = request.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok()).collect();
    let named = |kind: &str| accepts.iter().any(|line| line.contains(kind));
    named("application/json") && !named("text/html")
}
