//! `/api/v1/blogs`: the live blogs that are stored, and how their addresses fare.

use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::asked::{Asked, wrong};
use super::{Answer, document, unavailable};
use crate::feed::Format;
use crate::model::{Head, Problem};
use crate::server::ServerState;
use crate::server::health::without_password;
use crate::server::missing::{known, no_blog};
use crate::server::overview::Overview;
use crate::store::{Scope, StoredBlog};

const DEFAULT: i64 = 100;
const MOST: i64 = 1000;

/// Live blogs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Blogs {
    /// By outlet and key.
    pub blogs: Vec<Blog>,
    /// What to ask as `cursor` for those after these; none at the end.
    pub next: Option<String>,
}

/// A live blog.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Blog {
    /// What is known of the page itself.
    #[serde(flatten)]
    pub head: Head,
    /// How many entries are stored of it.
    pub entries: i64,
    /// When the newest of them was published.
    pub newest: Option<DateTime<Utc>>,
    /// When what a feed of it shows last changed.
    pub changed: DateTime<Utc>,
    /// What was wrong with the page when it was last read.
    pub problems: Vec<Problem>,
    /// Its feeds.
    pub feeds: Feeds,
    /// The followed addresses that it is read from.
    pub sources: Vec<Source>,
}

/// Addresses of feeds.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Feeds {
    /// As RSS 2.0.
    pub rss: String,
    /// As Atom.
    pub atom: String,
    /// As JSON Feed 1.1.
    pub json: String,
}

/// A followed address and how it fares.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Source {
    /// Its address.
    pub url: String,
    /// When it last answered well.
    pub last_ok: Option<DateTime<Utc>>,
    /// How many refreshes have failed since.
    pub failures: u32,
    /// Why the last one failed.
    pub last_error: Option<String>,
}

/// The live blogs
#[utoipa::path(
    get,
    path = "/api/v1/blogs",
    params(
        ("outlet" = Option<String>, Query, description = "Of this outlet only, by slug"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 1000, description = "At most so many; 100 without it"),
        ("cursor" = Option<String>, Query, description = "What an answer said in `next`")
    ),
    responses(
        (status = 200, description = "Live blogs by outlet and key", body = Blogs),
        (status = 304, description = "The same as in the answer of `If-None-Match`"),
        (status = 400, description = "A parameter is wrong", body = super::ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such outlet", body = super::ProblemDetails, content_type = "application/problem+json")
    )
)]
pub(super) async fn blogs(State(state): State<ServerState>, request: Parts) -> Answer {
    let asked = Asked::of(request.uri.query(), &["outlet", "limit", "cursor"])?;
    let limit = asked.number("limit", 1, MOST)?.unwrap_or(DEFAULT).unsigned_abs() as usize;
    let overview = state.overview().await?;
    let scope = asked.text("outlet").map_or(Scope::Everything, |slug| Scope::Outlet(slug.to_owned()));
    known(&overview, &scope)?;
    let mut all = overview.blogs_in(&scope).peekable();
    if let Some(last) = asked.id("cursor")? {
        // The order is that of outlet and key, which never change, so that a live blog keeps its place.
        if all.by_ref().find(|blog| blog.head.id == last).is_none() {
            return Err(wrong("cursor", &last.to_string(), "has to be what an answer said in `next`").into());
        }
    }
    let page: Vec<&StoredBlog> = all.by_ref().take(limit).collect();
    let next = page.last().filter(|_| all.peek().is_some()).map(|blog| blog.head.id.to_string());
    let blogs = page.into_iter().map(|blog| told(&state.0.base, &overview, blog)).collect();
    document(&request.headers, &Blogs { blogs, next }).await
}

/// One live blog
#[utoipa::path(
    get,
    path = "/api/v1/blogs/{id}",
    params(("id" = String, Path, description = "Its id, with or without `urn:uuid:`")),
    responses(
        (status = 200, description = "The live blog", body = Blog),
        (status = 304, description = "The same as in the answer of `If-None-Match`"),
        (status = 308, description = "It is stored under another id: its page has moved"),
        (status = 404, description = "No such live blog", body = super::ProblemDetails, content_type = "application/problem+json")
    )
)]
pub(super) async fn blog(State(state): State<ServerState>, Path(id): Path<String>, request: Parts) -> Answer {
    Asked::of(request.uri.query(), &[])?;
    let overview = state.overview().await?;
    let Ok(asked) = Uuid::try_parse(&id) else { return Err(no_blog(&overview, &id).into()) };
    if let Some(blog) = overview.blogs_in(&Scope::Blog(asked)).next() {
        return document(&request.headers, &told(&state.0.base, &overview, blog)).await;
    }
    let stored = state.0.store.blog_of(asked).await.map_err(unavailable)?;
    match HeaderValue::from_str(&stored.to_string()) {
        Ok(there) if stored != asked => Ok((StatusCode::PERMANENT_REDIRECT, [(LOCATION, there)]).into_response()),
        _ => Err(no_blog(&overview, &id).into()),
    }
}

fn told(base: &str, overview: &Overview, blog: &StoredBlog) -> Blog {
    let id = blog.head.id;
    let feed = |format: Format| format!("{base}/blogs/{id}/feed.{}", format.extension());
    let sources = overview.sources_of(id);
    Blog {
        head: blog.head.clone(),
        entries: blog.entries,
        newest: blog.newest,
        changed: blog.changed,
        problems: blog.problems.clone(),
        feeds: Feeds { rss: feed(Format::Rss), atom: feed(Format::Atom), json: feed(Format::Json) },
        sources: sources
            .map(|source| Source {
                url: without_password(&source.url),
                last_ok: source.last_ok,
                failures: source.failures,
                last_error: source.last_error.clone(),
            })
            .collect(),
    }
}
