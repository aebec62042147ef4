//! The timeline: what a person who follows an event keeps open. `/`, an outlet's, a live blog's and a topic's are the same page
//! about another scope, and take what their feeds take.

mod asked;
mod chart;
mod colours;
mod page;

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::api::{answered, unavailable};
use super::assets::POLICY;
use super::cache::Address;
use super::coding::Coding;
use super::describe;
use super::error::Refused;
use super::feeds::{outlets_known, past};
use super::missing::{self, known, no_blog};
use super::overview::Overview;
use super::stories::StoryOfEntry;
use super::written::Written;
use super::{ServerState, coding};
use crate::store::{Scope, Tally};
use asked::Asked;

pub(super) use asked::{spelled_query, tidied};
pub(super) use colours::colours;

/// One page: everything that its bytes depend on beside the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    scope: Scope,
    query: String,
    /// How many followed addresses are sick, which the page tells and no generation does.
    sick: usize,
    /// The names that the settings give, which may be set anew.
    named: Vec<(String, String)>,
}

impl Address for Key {
    fn scope(&self) -> &Scope {
        &self.scope
    }
}

type Answer = Result<Response, Refused>;

pub(super) async fn everything(State(state): State<ServerState>, request: Parts) -> Answer {
    page(&state, Scope::Everything, &request).await
}

pub(super) async fn outlet(State(state): State<ServerState>, Path(slug): Path<String>, request: Parts) -> Answer {
    page(&state, Scope::Outlet(slug), &request).await
}

pub(super) async fn blog(State(state): State<ServerState>, Path(id): Path<String>, request: Parts) -> Answer {
    let overview = state.overview().await?;
    let asked = Uuid::try_parse(&id).map_err(|_| no_blog(&overview, &id))?;
    if known(&overview, &Scope::Blog(asked)).is_err() {
        let issued = state.0.store.blog_of(asked).await.map_err(unavailable)?;
        if issued != asked {
            // Relative, since the address here may have a path in front that only a proxy knows.
            return elsewhere(&issued.to_string(), StatusCode::PERMANENT_REDIRECT);
        }
    }
    page(&state, Scope::Blog(asked), &request).await
}

pub(super) async fn topic(State(state): State<ServerState>, Path(name): Path<String>, request: Parts) -> Answer {
    let scope = missing::topic(&*state.overview().await?, &state.settings().topics, &name)?;
    page(&state, scope, &request).await
}

/// Sends to another address, relative to the one that was asked for.
pub(super) fn elsewhere(there: &str, status: StatusCode) -> Answer {
    let there = HeaderValue::from_str(there).map_err(|_| Refused::NoPath(there.to_owned()))?;
    Ok((status, [(LOCATION, there)]).into_response())
}

/// The address of the page itself, relative to where it lies, with `query`.
pub(super) fn here(path: &str, query: &str) -> String {
    let last = path.rsplit('/').next().filter(|last| !last.is_empty()).unwrap_or("./");
    if query.is_empty() { last.to_owned() } else { format!("{last}?{query}") }
}

async fn page(state: &ServerState, scope: Scope, request: &Parts) -> Answer {
    if let Some(query) = tidied(request.uri.query()) {
        return elsewhere(&here(&describe::path(&scope), &query), StatusCode::SEE_OTHER);
    }
    let asked = Asked::read(request.uri.query())?;
    let overview = state.overview().await?;
    known(&overview, &scope)?;
    outlets_known(&overview, &asked.filters.outlets)?;
    if let Some(as_of) = asked.as_of {
        past(state, &overview, as_of).await?;
    }
    let coding = coding::choose(&request.headers).ok_or(Refused::NotAcceptable)?;
    let key = Key {
        scope,
        query: asked.written(),
        sick: overview.sources.iter().filter(|source| source.health().is_sick()).count(),
        named: names(state, &overview),
    };
    // Not the version of the scope: what other outlets have of its stories is told too.
    let slot = state.0.pages.slot(&key, overview.generation);
    let written = match slot.written.get_or_try_init(|| write(state, &overview, &key, &asked, coding)).await {
        Ok(written) => {
            state.0.pages.settle(&key, &slot);
            written.clone()
        }
        Err(refused) => slot.last_good().ok_or(refused)?,
    };
    let mut response = answered(&request.headers, &written, coding, "text/html; charset=utf-8", "no-cache").await;
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, POLICY);
    Ok(response)
}

/// What topics and live blogs are called in the settings, and which outlets there are, whose colours are given together.
fn names(state: &ServerState, overview: &Overview) -> Vec<(String, String)> {
    let topics = state.settings().topics.iter().map(|topic| (topic.name.clone(), topic.title.clone())).collect::<Vec<_>>();
    let given = overview.sources.iter().filter_map(|source| Some((source.url.clone(), source.title.clone()?)));
    let outlets = overview.outlets().into_iter().map(|(slug, name)| (slug.to_owned(), name.to_owned()));
    topics.into_iter().chain(given).chain(outlets).collect()
}

async fn write(
    state: &ServerState,
    overview: &Arc<Overview>,
    key: &Key,
    asked: &Asked,
    coding: Coding,
) -> Result<Arc<Written>, Refused> {
    let (own, overview, key, asked) = (state.clone(), overview.clone(), key.clone(), asked.clone());
    let ask = async move { told(&own, &overview, &key, &asked).await };
    let make = move |told: page::Told| match page::html(&told) {
        Ok(html) => Ok(Arc::new(Written::new(html, coding, None, None))),
        Err(error) => {
            tracing::error!("a timeline could not be written: {error}");
            Err(Refused::Unavailable)
        }
    };
    state.0.renderer.run(ask, make).await
}

/// All that the page tells.
async fn told(state: &ServerState, overview: &Arc<Overview>, key: &Key, asked: &Asked) -> Result<page::Told, Refused> {
    let store = &state.0.store;
    let window = store.select(&asked.query(key.scope.clone())).await.map_err(unavailable)?;
    let (since, until) = (asked.filters.since, asked.filters.until);
    let recent = (key.scope == Scope::Everything && since.is_none() && until.is_none()).then_some(chart::RECENT);
    let extent = store.extent(&key.scope, recent).await.map_err(unavailable)?;
    let plan = extent.and_then(|extent| chart::Plan::new(extent, since, until));
    let tally = match &plan {
        Some(plan) => {
            let mut query = asked.whole(key.scope.clone());
            (query.since, query.until) = (Some(plan.from), Some(plan.until));
            store.tally(&query, plan.width()).await.map_err(unavailable)?
        }
        None => Tally::default(),
    };
    let ids: Vec<Uuid> = window.entries.iter().map(|shown| shown.entry.id).collect();
    let stories = store.stories_of(&ids, asked.as_of).await.map_err(unavailable)?;
    let story = |(id, story)| (id, StoryOfEntry::told(&state.0.base, story));
    Ok(page::Told {
        scope: key.scope.clone(),
        asked: asked.clone(),
        overview: overview.clone(),
        settings: state.settings(),
        window,
        plan,
        tally,
        stories: stories.into_iter().map(story).collect(),
        sick: key.sick,
    })
}
