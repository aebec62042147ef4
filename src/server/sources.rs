//! `/sources`: everything that is followed, how it fares, when it is asked for next and why, with all of its feeds.

use askama::Template;
use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;
use chrono::{DateTime, Utc};

use super::ServerState;
use super::assets::{self, Frame, Part};
use super::error::Refused;
use super::health::without_password;
use super::overview::Overview;
use super::query::Parameters;
use super::shown::{exact, is_web, shown, state_of};
use super::timeline::colours;
use crate::feed::Format;
use crate::store::{Health, Scope, SourceState, StoredBlog};

#[derive(Template)]
#[template(path = "sources.html")]
struct Page<'a> {
    frame: Frame,
    formats: [Format; 3],
    topics: Vec<(&'a str, &'a str)>,
    outlets: Vec<OutletPart<'a>>,
    /// Followed addresses that no live blog has been read from.
    unread: Vec<SourcePart>,
    sick: usize,
    followed: usize,
}

struct OutletPart<'a> {
    slug: &'a str,
    name: &'a str,
    colour: usize,
    blogs: Vec<BlogPart<'a>>,
}

struct BlogPart<'a> {
    id: String,
    title: &'a str,
    /// Its page, where that is an address a browser may be sent to.
    url: Option<&'a str>,
    entries: i64,
    newest: Option<DateTime<Utc>>,
    state: &'static str,
    problems: Vec<&'a str>,
    sources: Vec<SourcePart>,
}

struct SourcePart {
    url: String,
    /// As the style sheet names it.
    health: &'static str,
    /// As people do.
    word: &'static str,
    last_ok: Option<DateTime<Utc>>,
    next_due: DateTime<Utc>,
    told: String,
    next: String,
    older: Option<String>,
    sick: bool,
    /// What somebody can do about it.
    accept: bool,
}

pub(super) async fn page(State(state): State<ServerState>, request: Parts) -> Result<Response, Refused> {
    Parameters::of(request.uri.query(), &[])?;
    let overview = state.overview().await?;
    let (now, settings) = (state.now(&overview).await?, state.settings());
    let colours = colours(overview.outlets().into_keys());
    let outlet = |(slug, name)| OutletPart {
        slug,
        name,
        colour: colours.get(slug).copied().unwrap_or_default(),
        blogs: blogs(&overview, slug, now),
    };
    let mut outlets: Vec<OutletPart> =
        overview.outlets().into_iter().map(outlet).filter(|outlet| !outlet.blogs.is_empty()).collect();
    // What somebody may want to look after comes first, what is only kept last.
    outlets.sort_by_key(|outlet| {
        let sources = || outlet.blogs.iter().flat_map(|blog| &blog.sources);
        (!sources().any(|source| source.sick), sources().next().is_none())
    });
    let page = Page {
        frame: Frame::new(0, Part::Sources),
        formats: Format::ALL,
        topics: settings.topics.iter().map(|topic| (topic.name.as_str(), topic.title.as_str())).collect(),
        outlets,
        unread: overview.sources.iter().filter(|source| source.blog.is_none()).map(|source| part(source, now)).collect(),
        sick: overview.sources.iter().filter(|source| source.health().is_sick()).count(),
        followed: overview.sources.len(),
    };
    let html = page.render().map_err(|error| {
        tracing::error!("the page of sources could not be written: {error}");
        Refused::Unavailable
    })?;
    assets::page(&request.headers, html.into_bytes()).await
}

fn blogs<'a>(overview: &'a Overview, slug: &str, now: DateTime<Utc>) -> Vec<BlogPart<'a>> {
    let mut blogs: Vec<&StoredBlog> = overview.blogs_in(&Scope::Outlet(slug.to_owned())).collect();
    blogs.sort_by_key(|blog| std::cmp::Reverse(blog.newest));
    let blog = |blog: &'a StoredBlog| BlogPart {
        id: blog.head.id.to_string(),
        title: overview.given_title(&Scope::Blog(blog.head.id)).unwrap_or(&blog.head.headline),
        url: blog.head.url.as_deref().filter(|url| is_web(url)),
        entries: blog.entries,
        newest: blog.newest,
        state: state_of(blog),
        problems: blog.problems.iter().map(|problem| problem.message.as_str()).collect(),
        sources: overview.sources_of(blog.head.id).map(|source| part(source, now)).collect(),
    };
    blogs.into_iter().map(blog).collect()
}

fn part(source: &SourceState, now: DateTime<Utc>) -> SourcePart {
    let (health, word) = match source.health() {
        Health::New => ("new", "New"),
        Health::Well => ("well", "Well"),
        Health::Waiting => ("waiting", "Waiting"),
        Health::Failing => ("failing", "Failing"),
        Health::SetAside => ("set-aside", "Set aside"),
    };
    SourcePart {
        url: without_password(&source.url),
        health,
        word,
        last_ok: source.last_ok,
        next_due: source.next_due,
        told: source.told(now),
        next: source.next_told(now),
        older: source.backfill_told(),
        sick: source.health().is_sick(),
        accept: source.health() == Health::SetAside,
    }
}
