//! `/openapi.json`: what the API takes and gives, made of the code that does.

use std::sync::LazyLock;

use axum::http::request::Parts;
use utoipa::OpenApi;

use super::asked::Asked;
use super::{Answer, blogs, changes, entries, written};

#[derive(OpenApi)]
#[openapi(
    info(title = "tidings", description = "Live blogs, entry by entry: the change log, the entries and the live blogs"),
    paths(
        changes::changes,
        entries::entries,
        blogs::blogs,
        blogs::blog,
        crate::server::entry::entry,
        crate::server::stories::story,
        crate::server::events::events
    ),
    components(schemas(super::ProblemDetails))
)]
struct Description;

static DESCRIPTION: LazyLock<Vec<u8>> =
    LazyLock::new(|| Description::openapi().to_pretty_json().expect("a description made of literals is JSON").into_bytes());

pub(super) async fn description(request: Parts) -> Answer {
    Asked::of(request.uri.query(), &[])?;
    Ok(written(&request.headers, DESCRIPTION.clone(), "application/json", "max-age=3600").await?)
}
