//! `/stories/<id>`: what several outlets tell of one development, side by side, as a page and as JSON; and how an entry tells of
//! the story that it is in.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::ServerState;
use super::api::{ProblemDetails, unavailable};
use super::assets::{Frame, Part};
use super::error::Refused;
use super::pictures::with_manners;
use super::record::{self, Lookup, Record};
use super::shown::{exact, is_web, language_of, shown};
use crate::model::{Entry, Head, Life, Stamp};
use crate::store::{FoundStory, InStory, WholeStory};
use crate::story::minutes_between;

/// The story that an entry is in, as it looks from there.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StoryOfEntry {
    /// The id of the story.
    #[serde(with = "uuid::serde::urn")]
    #[schema(value_type = String)]
    pub id: Uuid,
    /// The address of its page here.
    pub url: String,
    /// Whether this entry told of it first: in the earliest minute, where its time is known to the minute.
    pub first: bool,
    /// The entries of other outlets, by their publication.
    pub also: Vec<AlsoTold>,
}

/// An entry of another outlet about the same development.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AlsoTold {
    /// The id of the entry.
    #[serde(with = "uuid::serde::urn")]
    #[schema(value_type = String)]
    pub id: Uuid,
    /// The address of its page here.
    pub url: String,
    /// The slug of its outlet.
    pub outlet: String,
    /// The outlet's name.
    pub outlet_name: String,
    /// Its headline.
    pub headline: Option<String>,
    /// Its address at the outlet.
    pub permalink: Option<String>,
    /// When it was published.
    pub published: Stamp,
    /// Minutes from this entry to that one, negative where that one was earlier; none where a time is not known to the minute.
    pub minutes: Option<i64>,
    /// Whether that one told of it first.
    pub first: bool,
    /// Whether its outlet has taken it back.
    pub withdrawn: bool,
}

impl StoryOfEntry {
    /// As it is told under the address `base`.
    pub fn told(base: &str, story: InStory) -> StoryOfEntry {
        let also = story.also.into_iter().map(|also| AlsoTold {
            id: also.entry,
            url: format!("{base}/entries/{}", also.entry),
            outlet: also.outlet,
            outlet_name: also.outlet_name,
            headline: also.headline,
            permalink: also.permalink,
            published: also.published,
            minutes: also.minutes,
            first: also.first,
            withdrawn: also.withdrawn,
        });
        StoryOfEntry { id: story.id, url: format!("{base}/stories/{}", story.id), first: story.first, also: also.collect() }
    }
}

impl AlsoTold {
    /// How long before or after, in words.
    pub fn distance(&self) -> String {
        distance(self.minutes)
    }
}

/// A number of minutes in words.
pub(super) fn distance(minutes: Option<i64>) -> String {
    let length = |minutes: u64| match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    };
    match minutes {
        Some(0) => "in the same minute".to_owned(),
        Some(later @ 1..) => format!("{} later", length(later.unsigned_abs())),
        Some(earlier) => format!("{} earlier", length(earlier.unsigned_abs())),
        None => "at a time that is not known to the minute".to_owned(),
    }
}

/// A story with all entries that tell of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Story {
    /// Its id, for ever.
    #[serde(with = "uuid::serde::urn")]
    #[schema(value_type = String)]
    pub id: Uuid,
    /// The address of its page here.
    pub url: String,
    /// Ids of stories that were found to be this one.
    #[schema(value_type = Vec<String>)]
    pub aliases: Vec<Uuid>,
    /// Its entries by their publication, the first one first.
    pub entries: Vec<StoryEntry>,
}

/// An entry of a story.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StoryEntry {
    /// The entry as it stands.
    #[serde(flatten)]
    pub entry: Entry,
    /// The address of its page here.
    pub url: String,
    /// The live blog that it stands on.
    pub live_blog: Head,
    /// How it has fared.
    pub life: Life,
    /// Since when it is known to be of the story, by the clock of the change log.
    pub since: DateTime<Utc>,
    /// Whether it told of it first: in the earliest minute, where its time is known to the minute.
    pub first: bool,
    /// Minutes after the first one; none where its time is not known to the minute.
    pub minutes: Option<i64>,
}

impl Story {
    fn told(base: &str, story: WholeStory) -> Story {
        let first = story.members.iter().find(|member| member.first).map(|member| member.entry.published.clone());
        let entries = story.members.into_iter().map(|member| StoryEntry {
            url: format!("{base}/entries/{}", member.entry.id),
            minutes: first.as_ref().and_then(|first| minutes_between(first, &member.entry.published)),
            entry: member.entry,
            live_blog: (*member.head).clone(),
            life: member.life,
            since: member.since,
            first: member.first,
        });
        Story {
            id: story.id,
            url: format!("{base}/stories/{}", story.id),
            aliases: story.aliases,
            entries: entries.collect(),
        }
    }
}

#[derive(Template)]
#[template(path = "story.html")]
struct Page<'a> {
    frame: Frame,
    story: &'a Story,
    title: &'a str,
}

impl Page<'_> {
    /// Names of the outlets that had it first, if that is known.
    fn first(&self) -> Option<String> {
        let first = self.story.entries.iter().filter(|entry| entry.first);
        let mut names: Vec<&str> = first.map(|entry| entry.live_blog.outlet_name.as_str()).collect();
        names.dedup();
        (!names.is_empty()).then(|| names.join(" and "))
    }
}

fn page(story: &Story) -> Result<Vec<u8>, String> {
    let title = story.entries.iter().find_map(|entry| entry.entry.headline.as_deref()).unwrap_or("A story");
    Page { frame: Frame::new(1, Part::Entry), story, title }
        .render()
        .map(String::into_bytes)
        .map_err(|error| error.to_string())
}

/// One story
///
/// Entries of different outlets that tell of the same development, each as it stands.
#[utoipa::path(
    get,
    path = "/stories/{id}.json",
    params(("id" = String, Path, description = "Its id, without `urn:uuid:`")),
    responses(
        (status = 200, description = "The story", body = Story),
        (status = 304, description = "The same as in the answer of `If-None-Match`"),
        (status = 308, description = "It was found to be another one"),
        (status = 404, description = "No such story", body = ProblemDetails, content_type = "application/problem+json")
    )
)]
pub(super) async fn story(State(state): State<ServerState>, Path(id): Path<String>, request: Parts) -> Response {
    record::answer::<Story>(&state, &id, &request).await
}

impl Record for Story {
    type Stored = Box<WholeStory>;
    const KIND: &'static str = "story";
    const LISTED: &'static str = "the entries of one name it as `story`";

    async fn find(state: &ServerState, id: Uuid) -> Result<Lookup<Self::Stored>, Refused> {
        Ok(match state.0.store.story(id).await.map_err(unavailable)? {
            FoundStory::Story(story) => Lookup::There(story),
            FoundStory::Known(story) => Lookup::Elsewhere(story),
            FoundStory::Nothing => Lookup::Nothing,
        })
    }

    fn told(base: &str, story: Self::Stored) -> Story {
        Story::told(base, *story)
    }

    fn page(&self) -> Result<Vec<u8>, String> {
        page(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_told_in_words() {
        for (minutes, told) in [
            (Some(12), "12 min later"),
            (Some(-1), "1 min earlier"),
            (Some(0), "in the same minute"),
            (Some(120), "2 h later"),
            (Some(-95), "1 h 35 min earlier"),
            (None, "at a time that is not known to the minute"),
        ] {
            assert_eq!(distance(minutes), told);
        }
    }
}
