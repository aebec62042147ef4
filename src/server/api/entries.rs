//! `/api/v1/entries`: the entries, page by page.

use axum::extract::State;
use axum::http::request::Parts;
use serde::Serialize;
use utoipa::ToSchema;

use super::asked::{Asked, wrong};
use super::{Answer, document, unavailable};
use crate::model::{Entry, Life};
use crate::server::ServerState;
use crate::server::error::Refused;
use crate::server::missing::known;
use crate::server::stories::StoryOfEntry;
use crate::store::{Listed, Listing, NoWords, Scope, Words};

const DEFAULT: i64 = 100;
const MOST: i64 = 200;

/// Entries.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Entries {
    /// Newest first; those that were withdrawn are among them, and say so.
    pub entries: Vec<OneEntry>,
    /// What to ask as `cursor` for those after these; none at the end.
    pub next: Option<String>,
}

/// An entry.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OneEntry {
    /// The entry as it stands.
    #[serde(flatten)]
    pub entry: Entry,
    /// The slug of its outlet.
    pub outlet: String,
    /// The id of the live blog that it stands on.
    #[serde(with = "uuid::serde::urn")]
    #[schema(value_type = String)]
    pub live_blog: uuid::Uuid,
    /// How it has fared.
    pub life: Life,
    /// The address of its page here, with its whole life.
    pub url: String,
    /// What other outlets have of the same development, where any has.
    pub story: Option<StoryOfEntry>,
}

/// The entries
#[utoipa::path(
    get,
    path = "/api/v1/entries",
    params(
        ("outlet" = Option<String>, Query, description = "Of this outlet only, by slug"),
        ("blog" = Option<String>, Query, description = "Of this live blog only, by id"),
        ("since" = Option<String>, Query, description = "Published at this instant or later, such as 2022-01-06T15:00:00Z or 2022-01-06"),
        ("until" = Option<String>, Query, description = "Published before this instant"),
        ("q" = Option<String>, Query, description = "With these words and \"phrases\" in headline, byline or body; case and accents don't count"),
        ("author" = Option<String>, Query, description = "With this name, or a part of it, in the byline"),
        ("key_events" = Option<String>, Query, description = "1: key events only"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 200, description = "At most so many; 100 without it"),
        ("cursor" = Option<String>, Query, description = "What an answer said in `next`")
    ),
    responses(
        (status = 200, description = "Entries, newest first", body = Entries),
        (status = 304, description = "The same as in the answer of `If-None-Match`"),
        (status = 400, description = "A parameter is wrong", body = super::ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such outlet or live blog", body = super::ProblemDetails, content_type = "application/problem+json")
    )
)]
pub(super) async fn entries(State(state): State<ServerState>, request: Parts) -> Answer {
    let names = ["outlet", "blog", "since", "until", "q", "author", "key_events", "limit", "cursor"];
    let asked = Asked::of(request.uri.query(), &names)?;
    let listing = listing(&asked)?;
    known(&*state.overview().await?, &listing.scope)?;
    let (listed, more) = state.0.store.list(&listing).await.map_err(unavailable)?;
    let next = listed.last().filter(|_| more).map(|last| last.place.to_string());
    let ids: Vec<_> = listed.iter().map(|listed| listed.entry.id).collect();
    let mut stories = state.0.store.stories_of(&ids, None).await.map_err(unavailable)?;
    let entries = listed.into_iter().map(|listed| {
        let story = stories.remove(&listed.entry.id).map(|story| StoryOfEntry::told(&state.0.base, story));
        told(&state.0.base, listed, story)
    });
    let entries = entries.collect();
    document(&request.headers, &Entries { entries, next }).await
}

fn listing(asked: &Asked) -> Result<Listing, Refused> {
    let scope = match (asked.text("outlet"), asked.id("blog")?) {
        (None, None) => Scope::Everything,
        (Some(slug), None) => Scope::Outlet(slug.to_owned()),
        (None, Some(id)) => Scope::Blog(id),
        (Some(_), Some(_)) => {
            return Err(Refused::BadQuery("a live blog has one outlet: leave `outlet` or `blog` out".to_owned()));
        }
    };
    let place = |text: &str| text.parse().map_err(|_| wrong("cursor", text, "has to be what an answer said in `next`"));
    let words = |name: &'static str, parse: fn(&str) -> Result<Words, NoWords>| {
        asked.text(name).map(|text| parse(text).map_err(|why| wrong(name, text, &why.to_string()))).transpose()
    };
    let (since, until) = (asked.instant("since")?, asked.instant("until")?);
    if let (Some(since), Some(until)) = (since, until)
        && since >= until
    {
        let told = "the parameter `until` is not after `since`, so that nothing lies between";
        return Err(Refused::BadQuery(told.to_owned()));
    }
    Ok(Listing {
        scope,
        since,
        until,
        text: words("q", Words::parse)?,
        author: words("author", Words::phrase)?,
        key_events: asked.flag("key_events")?,
        after: asked.text("cursor").map(place).transpose()?,
        limit: asked.number("limit", 1, MOST)?.unwrap_or(DEFAULT).unsigned_abs() as usize,
    })
}

fn told(base: &str, listed: Listed, story: Option<StoryOfEntry>) -> OneEntry {
    let url = format!("{base}/entries/{}", listed.entry.id);
    OneEntry { entry: listed.entry, outlet: listed.outlet, live_blog: listed.blog, life: listed.life, url, story }
}
