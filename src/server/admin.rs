//! What is for whoever runs the server: metrics and the reload, on a listener of their own.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::ORIGIN;
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use super::error::{MISTAKEN, Refused};
use super::{ServerState, admit, headers, health, readers, typed};
use crate::metrics;

/// Asks for the settings to be read anew. What comes back: what is worth knowing of the new ones, or the mistakes for which
/// the old ones stay.
pub type Reload = mpsc::Sender<oneshot::Sender<Result<Vec<String>, Vec<String>>>>;

/// What is where on the listener for administration.
pub(super) fn router(state: ServerState, reload: Reload) -> Router {
    Router::new()
        .route("/metrics", get(measured))
        .route("/healthz", get(health::check))
        .route("/admin/reload", post(move |request: Request| reloaded(reload.clone(), request)))
        .fallback(|| async { Refused::NoAdmin })
        .method_not_allowed_fallback(|| async { Refused::AdminMethod })
        .layer(from_fn(admit::without_body))
        .layer(from_fn_with_state(state.clone(), administrator))
        .layer(map_response(headers::guarded))
        .with_state(state)
}

/// Lets through who shows the token, if there is one.
async fn administrator(State(state): State<ServerState>, request: Request, next: Next) -> Response {
    match &state.settings().access.admin_token {
        Some(secret) if !readers::shows(request.headers(), secret) => Refused::Stranger.into_response(),
        _ => next.run(request).await,
    }
}

async fn measured(State(state): State<ServerState>) -> Response {
    // Without the store there is still all that was counted.
    let stored = health::measure(&state).await.ok();
    (typed(metrics::CONTENT_TYPE, "no-store"), state.0.metrics.write(stored.as_ref())).into_response()
}

async fn reloaded(reload: Reload, request: Request) -> Response {
    // A page in a browser on this machine could ask for it; what it can't do is hide that it is a page.
    if request.headers().contains_key(ORIGIN) {
        return Refused::Page.into_response();
    }
    let (ask, told) = oneshot::channel();
    if reload.send(ask).await.is_err() {
        return Refused::Stopping.into_response();
    }
    let (status, body) = match told.await {
        Ok(Ok(notes)) => (StatusCode::OK, json!({ "status": "reloaded", "notes": notes })),
        Ok(Err(mistakes)) => (MISTAKEN, json!({ "status": "kept", "mistakes": mistakes })),
        Err(_) => return Refused::Stopping.into_response(),
    };
    (status, typed("application/json", "no-store"), format!("{body:#}\n")).into_response()
}
