//! `/subscribe`: the address of a feed, put together from what somebody wants in it; and `/opml`, all of them at once.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use uuid::Uuid;

use super::api::written;
use super::assets::{self, Frame, Part};
use super::describe;
use super::error::{Refused, quoted};
use super::feeds::outlets_known;
use super::missing::{self, known};
use super::overview::Overview;
use super::query::{Asked, FEED, Parameters};
use super::shown::exact;
use super::timeline::{elsewhere, here, spelled_query, tidied};
use super::{ServerState, Settings};
use crate::feed::{Format, OPML, Subscription, Subscriptions, opml};
use crate::store::{Edits, Scope};

#[derive(Template)]
#[template(path = "subscribe.html")]
struct Page<'a> {
    frame: Frame,
    formats: [Format; 3],
    /// What a feed can be about: as the address has it, and in words.
    about: Vec<(String, String)>,
    /// Slug, name, and whether it is chosen.
    outlets: Vec<(&'a str, &'a str, bool)>,
    of: String,
    format: Format,
    asked: &'a Asked,
    /// The feed, as a reader takes it.
    address: String,
    /// The same, from this page; and the timeline of the same.
    relative: String,
    timeline: String,
}

pub(super) async fn page(State(state): State<ServerState>, request: Parts) -> Result<Response, Refused> {
    if let Some(query) = tidied(request.uri.query()) {
        return elsewhere(&here("/subscribe", &query), StatusCode::SEE_OTHER);
    }
    let all: Vec<&'static str> = ["of", "format"].into_iter().chain(FEED).collect();
    let given = Parameters::of(request.uri.query(), &all)?;
    let (overview, settings) = (state.overview().await?, state.settings());
    let scope = given
        .read("of", |text| Ok(text.to_owned()))?
        .map_or(Ok(Scope::Everything), |of| scope(&overview, &settings, &of))?;
    let format = given.read("format", |text| {
        Format::ALL
            .into_iter()
            .find(|format| format.extension() == text)
            .ok_or_else(|| "may be `rss`, `atom` or `json`".into())
    })?;
    let format = format.unwrap_or(Format::Atom);
    // What is the default anyway makes another address of the same feed.
    let told =
        |(name, value): &&(String, String)| !matches!((&**name, &**value), ("of" | "format", _) | ("edits", "inplace"));
    let query = spelled_query(&given.pairs().iter().filter(told).cloned().collect::<Vec<_>>());
    let asked = Asked::read(Some(&query))?;
    outlets_known(&overview, &asked.filters.outlets)?;

    let path = describe::path(&scope);
    let behind = |query: &str| if query.is_empty() { String::new() } else { format!("?{query}") };
    let file = format!("{path}/feed.{}{}", format.extension(), behind(&query));
    let for_pages: Vec<&str> =
        query.split('&').filter(|pair| !pair.starts_with("edits=") && !pair.starts_with("withdrawn=")).collect();
    let page = Page {
        frame: Frame::new(0, Part::Subscribe),
        formats: Format::ALL,
        about: about(&overview, &settings),
        outlets: {
            let chosen = |slug: &str| asked.filters.outlets.iter().any(|chosen| chosen == slug);
            overview.outlets().into_iter().map(|(slug, name)| (slug, name, chosen(slug))).collect()
        },
        of: spelled(&scope),
        format,
        asked: &asked,
        address: format!("{}{file}", state.0.base),
        relative: file.trim_start_matches('/').to_owned(),
        timeline: format!("./{}{}", path.trim_start_matches('/'), behind(&for_pages.join("&"))),
    };
    let html = page.render().map_err(|error| {
        tracing::error!("the page of subscriptions could not be written: {error}");
        Refused::Unavailable
    })?;
    assets::page(&request.headers, html.into_bytes()).await
}

/// A scope as the form has it: `everything`, `outlets/bbc`, `topics/storm`, `blogs/<id>`.
fn spelled(scope: &Scope) -> String {
    match describe::path(scope).trim_start_matches('/') {
        "" => "everything".to_owned(),
        path => path.to_owned(),
    }
}

fn scope(overview: &Overview, settings: &Settings, of: &str) -> Result<Scope, Refused> {
    let scope = match of.split_once('/') {
        None if of == "everything" => Scope::Everything,
        Some(("outlets", slug)) => Scope::Outlet(slug.to_owned()),
        Some(("topics", name)) => missing::topic(overview, &settings.topics, name)?,
        Some(("blogs", id)) => Scope::Blog(Uuid::try_parse(id).map_err(|_| missing::no_blog(overview, id))?),
        _ => {
            let may = "may be `everything`, or what an address of a timeline holds, such as `outlets/bbc`";
            return Err(Refused::BadQuery(format!("the parameter `of` is {}, and {may}", quoted(of))));
        }
    };
    known(overview, &scope)?;
    Ok(scope)
}

fn about(overview: &Overview, settings: &Settings) -> Vec<(String, String)> {
    let mut about = vec![("everything".to_owned(), "Everything".to_owned())];
    about.extend(settings.topics.iter().map(|topic| (format!("topics/{}", topic.name), format!("Topic: {}", topic.title))));
    for (slug, name) in overview.outlets() {
        about.push((format!("outlets/{slug}"), format!("{name}: all live blogs")));
        let blogs = overview.blogs_in(&Scope::Outlet(slug.to_owned()));
        about.extend(
            blogs.map(|blog| (format!("blogs/{}", blog.head.id), format!("{name}: {}", title(overview, blog.head.id)))),
        );
    }
    about
}

fn title(overview: &Overview, blog: Uuid) -> String {
    let scope = Scope::Blog(blog);
    let own = overview.blogs_in(&scope).next().map(|blog| blog.head.headline.as_str());
    overview.given_title(&scope).or(own).unwrap_or("Live blog").to_owned()
}

pub(super) async fn list(State(state): State<ServerState>, request: Parts) -> Result<Response, Refused> {
    Parameters::of(request.uri.query(), &[])?;
    let (overview, settings) = (state.overview().await?, state.settings());
    let subscription = |scope: &Scope, title: String| {
        let at = |what: &str| format!("{}{}{what}", state.0.base, describe::path(scope));
        let page = if *scope == Scope::Everything { at("/") } else { at("") };
        Subscription { title, feed: at("/feed.atom"), page }
    };
    let topics = settings.topics.iter().map(|topic| {
        let scope = Scope::Topic(overview.joined(topic));
        subscription(&scope, topic.title.clone())
    });
    let mut folders = vec![("Topics".to_owned(), topics.collect::<Vec<_>>())];
    for (slug, name) in overview.outlets() {
        let blogs = overview.blogs_in(&Scope::Outlet(slug.to_owned()));
        let feeds = blogs.map(|blog| subscription(&Scope::Blog(blog.head.id), title(&overview, blog.head.id)));
        folders.push((name.to_owned(), feeds.collect()));
    }
    let everything = subscription(&Scope::Everything, "Live blogs".to_owned());
    let list = Subscriptions { title: "tidings".to_owned(), feeds: vec![everything], folders };
    written(&request.headers, opml(&list), OPML, "no-cache").await
}
