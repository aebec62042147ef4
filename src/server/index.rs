//! The page at `/`: every live blog with its feeds, and how fresh each is.

use askama::Template;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{Html, IntoResponse, Response};
use chrono::{DateTime, Utc};

use super::error::Refused;
use super::health::without_password;
use super::overview::Overview;
use super::{ServerState, typed};
use crate::feed::Format;
use crate::model::CoverageState;
use crate::store::{Scope, SourceState, StoredBlog};

/// The page has no scripts, no pictures and no forms, and holds text from outside: nothing else gets in either.
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "index.html")]
struct Page<'a> {
    formats: [Format; 3],
    outlets: Vec<OutletPart<'a>>,
    /// Followed addresses that no live blog has been read from.
    unread: Vec<SourcePart>,
}

struct OutletPart<'a> {
    slug: &'a str,
    name: &'a str,
    blogs: Vec<BlogPart<'a>>,
}

struct BlogPart<'a> {
    id: String,
    headline: &'a str,
    /// Its page, where that is an address a browser may be sent to.
    url: Option<&'a str>,
    entries: i64,
    newest: Option<DateTime<Utc>>,
    state: &'static str,
    sources: Vec<SourcePart>,
}

struct SourcePart {
    url: String,
    last_ok: Option<DateTime<Utc>>,
    last_error: Option<String>,
}

pub(super) async fn page(State(state): State<ServerState>) -> Result<Response, Refused> {
    let overview = state.overview().await?;
    let outlets = overview.outlets().into_iter().map(|(slug, name)| outlet(&overview, slug, name)).collect();
    let unread = overview.sources.iter().filter(|source| source.blog.is_none()).map(|unread| source(unread)).collect();
    let html = Page { formats: Format::ALL, outlets, unread }.render().map_err(|error| {
        tracing::error!("the index page could not be written: {error}");
        Refused::Unavailable
    })?;
    let mut response = (typed("text/html; charset=utf-8", "no-cache"), Html(html)).into_response();
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    Ok(response)
}

pub(super) async fn style() -> Response {
    (typed("text/css; charset=utf-8", "max-age=3600"), include_str!("../../templates/style.css")).into_response()
}

fn outlet<'a>(overview: &'a Overview, slug: &'a str, name: &'a str) -> OutletPart<'a> {
    let mut blogs: Vec<_> = overview.blogs_in(&Scope::Outlet(slug.to_owned())).collect();
    blogs.sort_by_key(|blog| std::cmp::Reverse(blog.newest));
    OutletPart { slug, name, blogs: blogs.into_iter().map(|blog| part(overview, blog)).collect() }
}

fn part<'a>(overview: &'a Overview, blog: &'a StoredBlog) -> BlogPart<'a> {
    let head = &blog.head;
    BlogPart {
        id: head.id.to_string(),
        headline: &head.headline,
        url: head.url.as_deref().filter(|url| url.starts_with("https://") || url.starts_with("http://")),
        entries: blog.entries,
        newest: blog.newest,
        state: match head.coverage.state {
            CoverageState::Live => "live",
            CoverageState::Ended => "ended",
            CoverageState::Article => "article",
            CoverageState::Unknown => "",
        },
        sources: overview.sources_of(head.id).map(source).collect(),
    }
}

fn source(source: &SourceState) -> SourcePart {
    SourcePart { url: without_password(&source.url), last_ok: source.last_ok, last_error: source.last_error.clone() }
}

/// An instant for people.
pub(super) fn shown(at: &DateTime<Utc>) -> String {
    at.format("%-d %B %Y, %H:%M UTC").to_string()
}

/// An instant for `<time datetime>`.
pub(super) fn exact(at: &DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
