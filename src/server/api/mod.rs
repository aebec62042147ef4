//! The API: the change log, the entries and the live blogs as JSON, described by `/openapi.json`. What is wrong with a request
//! is told as a problem document (RFC 9457).

mod asked;
mod blogs;
mod changes;
mod entries;
mod openapi;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use utoipa::ToSchema;

use super::coding::Coding;
use super::error::{Problem, Refused};
use super::feeds::header;
use super::written::Written;
use super::{ServerState, coding, conditional};
use crate::store::StoreError;

pub(super) type Answer = Result<Response, Problem>;

/// What is wrong with a request.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProblemDetails {
    /// Always `about:blank`: the status says which kind of problem it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The status.
    pub status: u16,
    /// What is wrong, and what to do about it.
    pub detail: String,
}

pub(super) fn routes() -> Router<ServerState> {
    Router::new()
        .route("/api/v1/changes", get(changes::changes))
        .route("/api/v1/entries", get(entries::entries))
        .route("/api/v1/blogs", get(blogs::blogs))
        .route("/api/v1/blogs/{id}", get(blogs::blog))
        .route("/api/{*rest}", get(|uri: Uri| async move { Problem(Refused::NoPath(uri.path().to_owned())) }))
        .route("/openapi.json", get(openapi::description))
}

/// `body` as JSON, or 304 where the client has it already.
pub(super) async fn document<T: Serialize>(request: &HeaderMap, body: &T) -> Answer {
    let bytes = serde_json::to_vec(body).map_err(|error| {
        tracing::error!("an answer could not be written: {error}");
        Refused::Unavailable
    })?;
    Ok(written(request, bytes, "application/json", "no-cache").await?)
}

/// `bytes` in the coding that the client likes best, with a tag to ask for them by.
pub(super) async fn written(
    request: &HeaderMap,
    bytes: Vec<u8>,
    content_type: &'static str,
    cached: &'static str,
) -> Result<Response, Refused> {
    let coding = coding::choose_for(request, bytes.len()).ok_or(Refused::NotAcceptable)?;
    Ok(answered(request, &Written::new(bytes, Coding::Identity, None, None), coding, content_type, cached).await)
}

/// The same for what has been written and coded before.
pub(super) async fn answered(
    request: &HeaderMap,
    written: &Written,
    coding: Coding,
    content_type: &'static str,
    cached: &'static str,
) -> Response {
    let etag = written.etag(coding);
    let mut headers = HeaderMap::new();
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cached));
    headers.extend(header(ETAG, &etag));
    if conditional::unchanged(request, &etag, None) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.extend(coding.name().and_then(|name| header(CONTENT_ENCODING, name)));
    (headers, written.coded(coding).await).into_response()
}

/// The store has failed a request. Which way is for the log.
pub(super) fn unavailable(error: StoreError) -> Refused {
    tracing::error!("a request could not be answered: {error}");
    Refused::Unavailable
}
