//! `/healthz`: for whatever restarts the server, and for a person who wonders which source is sick.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use url::Url;

use super::error::Refused;
use super::query::Parameters;
use super::readers::Stranger;
use super::{ServerState, typed};
use crate::metrics::{Source, Stored};
use crate::store::{SourceState, Store, StoreError};

#[derive(Serialize)]
struct Health {
    status: &'static str,
    /// Why nothing new can be kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<String>,
    live_blogs: usize,
    entries: i64,
    sources: Vec<SourceHealth>,
}

#[derive(Serialize)]
struct SourceHealth {
    url: String,
    last_ok: Option<DateTime<Utc>>,
    failures: u32,
    last_error: Option<String>,
}

/// 200 as long as the store answers: neither a sick source nor a full disk is mended by restarting us. It asks the store itself, not the memory
/// that feeds go on being served from when the store fails.
/// Whoever may not read learns only that much.
pub(super) async fn check(
    State(state): State<ServerState>,
    stranger: Option<Extension<Stranger>>,
    request: Parts,
) -> Result<Response, Refused> {
    Parameters::of(request.uri.query(), &[])?;
    let (status, body) = match read(&state.0.store).await {
        Ok(health) if stranger.is_some() => (StatusCode::OK, serde_json::to_vec_pretty(&json!({ "status": health.status }))),
        Ok(health) => (StatusCode::OK, serde_json::to_vec_pretty(&health)),
        Err(_) if stranger.is_some() => {
            (StatusCode::SERVICE_UNAVAILABLE, serde_json::to_vec_pretty(&json!({ "status": "failing" })))
        }
        Err(error) => {
            let told = json!({ "status": "failing", "reason": error.to_string() });
            (StatusCode::SERVICE_UNAVAILABLE, serde_json::to_vec_pretty(&told))
        }
    };
    Ok((status, typed("application/json", "no-store"), body.unwrap_or_default()).into_response())
}

async fn read(store: &Store) -> Result<Health, StoreError> {
    let blogs = store.blogs().await?;
    let mut sources = store.sources().await?;
    sources.retain(|source| source.followed);
    let trouble = store.trouble();
    Ok(Health {
        status: if trouble.is_none() { "ok" } else { "degraded" },
        store: trouble,
        live_blogs: blogs.len(),
        entries: blogs.iter().map(|blog| blog.entries).sum(),
        sources: sources.into_iter().map(health).collect(),
    })
}

/// The same in numbers.
pub(super) async fn measure(state: &ServerState) -> Result<Stored, StoreError> {
    let measured = state.0.store.measure().await?;
    let mut sources = state.0.store.sources().await?;
    sources.retain(|source| source.followed);
    let source = |source: SourceState| Source {
        url: without_password(&source.url),
        last_ok: source.last_ok.map(|at| at.timestamp()),
        failures: source.failures,
    };
    Ok(Stored {
        live_blogs: measured.live_blogs,
        entries: measured.entries,
        revisions: measured.revisions,
        bytes: measured.bytes,
        writable: state.0.store.trouble().is_none(),
        sources: sources.into_iter().map(source).collect(),
    })
}

fn health(source: SourceState) -> SourceHealth {
    let SourceState { url, last_ok, failures, last_error, .. } = source;
    SourceHealth { url: without_password(&url), last_ok, failures, last_error }
}

/// The address as anybody may see it.
pub(super) fn without_password(url: &str) -> String {
    // A password stands before an `@`. Nearly no address has one, and reading it took as long as all else that the API says of a live blog.
    if !url.contains('@') {
        return url.to_owned();
    }
    match Url::parse(url) {
        Ok(mut parsed) if !parsed.username().is_empty() || parsed.password().is_some() => {
            // Only an address without a host refuses, and that has neither.
            let _ = parsed.set_username("");
            let _ = parsed.set_password(None);
            parsed.into()
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(without_password("https://user:secret@news.example/live"), "https://news.example/live");
        assert_eq!(without_password("https://token@news.example/live"), "https://news.example/live");
        assert_eq!(without_password("https://news.example/live@5"), "https://news.example/live@5");
    }
}
