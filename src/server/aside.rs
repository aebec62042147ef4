//! An answer without a connection: what a client would be sent, for who wants to look at it.

use std::convert::Infallible;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, StatusCode};
use tower_service::Service;

use super::error::Refused;
use super::{ServerState, router};

/// What a GET for `path` is answered with: the status, and the body as it is. An error only where the store does not answer.
pub async fn answer_to(state: &ServerState, path: &str) -> std::io::Result<(u16, Bytes)> {
    let request = Request::get(path).body(Body::empty()).map_err(std::io::Error::other)?;
    let response = router(state.clone()).call(request).await.unwrap_or_else(|never: Infallible| match never {});
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        return Err(std::io::Error::other(Refused::Unavailable));
    }
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.map_err(std::io::Error::other)?;
    Ok((status, body))
}
