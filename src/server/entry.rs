//! `/entries/<id>`: one entry with its whole life, as a page to read and cite, and as JSON.

use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::ServerState;
use super::api::{ProblemDetails, unavailable};
use super::error::Refused;
use super::health::without_password;
use super::record::{self, Lookup, Record};
use super::stories::StoryOfEntry;
use crate::model::{Entry, Head, Life, Mark};
use crate::revision::{Piece, compared};
use crate::store::{Change, Found, InStory, Seen, State as Stood, WholeLife};

pub(super) mod page;

/// States of which the difference to the one before is told: the newest ones. A live blog's own entry may be edited all day.
const COMPARED: usize = 100;

/// An entry with all that it has been.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EntryLife {
    /// The entry as it stands.
    #[serde(flatten)]
    pub entry: Entry,
    /// The address of its page here.
    pub url: String,
    /// The live blog that it stands on.
    pub live_blog: Head,
    /// How it has fared.
    pub life: Life,
    /// What other outlets have of the same development, where any has.
    pub story: Option<StoryOfEntry>,
    /// Its states, the first one first, the present one last.
    pub revisions: Vec<Revision>,
    /// What the change log has of it.
    pub changes: Vec<Change>,
    /// The pages that its states were read from.
    pub captures: Vec<Capture>,
}

/// An entry as it stood for some time.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Revision {
    /// Its number: the same for states that differ in marks or links alone.
    pub revision: u32,
    /// When it counts as begun, by the clock of the change log.
    pub since: DateTime<Utc>,
    /// When it counts as ended; none for the present one.
    pub until: Option<DateTime<Utc>>,
    /// The instant of the capture that showed it first.
    pub seen: DateTime<Utc>,
    /// The number of that capture.
    pub capture: Option<i64>,
    /// Its headline.
    pub headline: Option<String>,
    /// Its byline.
    pub byline: Vec<String>,
    /// Its address at the outlet.
    pub permalink: Option<String>,
    /// Its text.
    pub body_text: String,
    /// Its marks.
    pub marks: Vec<Mark>,
    /// Whether it was taken back.
    pub withdrawn: bool,
    /// What differs from the state before, word by word; nothing for the first one, and for all but the newest hundred.
    pub differences: Vec<Difference>,
}

/// What became of one part of an entry.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Difference {
    /// `headline`, `byline` or `body`.
    pub part: &'static str,
    /// The part, piece by piece. All but the removed ones make up the new text.
    pub pieces: Vec<Piece>,
}

/// A page that a state was read from.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Capture {
    /// Its number.
    pub id: i64,
    /// When it was captured.
    pub captured: DateTime<Utc>,
    /// The address that it came from.
    pub url: Option<String>,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// How many bytes they were.
    pub size: i64,
    /// Whether the bytes are still kept.
    pub kept: bool,
}

/// One entry
///
/// As it stands, with every state that it has been in, what differs from one to the next, and the page that showed each.
#[utoipa::path(
    get,
    path = "/entries/{id}.json",
    params(("id" = String, Path, description = "Its id, without `urn:uuid:`")),
    responses(
        (status = 200, description = "The entry", body = EntryLife),
        (status = 304, description = "The same as in the answer of `If-None-Match`"),
        (status = 308, description = "It was issued under another id"),
        (status = 404, description = "No such entry", body = ProblemDetails, content_type = "application/problem+json")
    )
)]
pub(super) async fn entry(State(state): State<ServerState>, Path(id): Path<String>, request: Parts) -> Response {
    record::answer::<EntryLife>(&state, &id, &request).await
}

impl Record for EntryLife {
    type Stored = (Box<WholeLife>, Option<InStory>);
    const KIND: &'static str = "entry";
    const LISTED: &'static str = "/api/v1/entries lists them";

    async fn find(state: &ServerState, id: Uuid) -> Result<Lookup<Self::Stored>, Refused> {
        Ok(match state.0.store.life_of(id).await.map_err(unavailable)? {
            Found::Entry(life) => {
                let id = life.entry.id;
                let story = state.0.store.stories_of(&[id], None).await.map_err(unavailable)?.remove(&id);
                Lookup::There((life, story))
            }
            Found::Known(issued) => Lookup::Elsewhere(issued),
            Found::Nothing => Lookup::Nothing,
        })
    }

    fn told(base: &str, (life, story): Self::Stored) -> EntryLife {
        told(base, *life, story)
    }

    fn page(&self) -> Result<Vec<u8>, String> {
        page::html(self)
    }
}

fn told(base: &str, life: WholeLife, story: Option<InStory>) -> EntryLife {
    let first = life.states.len().saturating_sub(COMPARED);
    let revision = |(nth, state): (usize, &Stood)| Revision {
        revision: state.revision,
        since: state.since,
        until: state.until,
        seen: state.seen,
        capture: state.capture,
        headline: state.headline.clone(),
        byline: state.byline.clone(),
        permalink: state.permalink.clone(),
        body_text: state.body_text.clone(),
        marks: state.marks.clone(),
        withdrawn: state.withdrawn,
        differences: match nth.checked_sub(1) {
            Some(before) if nth >= first => differences(&life.states[before], state),
            _ => Vec::new(),
        },
    };
    EntryLife {
        url: format!("{base}/entries/{}", life.entry.id),
        story: story.map(|story| StoryOfEntry::told(base, story)),
        revisions: life.states.iter().enumerate().map(revision).collect(),
        captures: life.captures.iter().map(capture).collect(),
        entry: life.entry,
        live_blog: life.head,
        life: life.life,
        changes: life.changes,
    }
}

fn differences(old: &Stood, new: &Stood) -> Vec<Difference> {
    let headline = |state: &Stood| state.headline.clone().unwrap_or_default();
    let parts = [
        ("headline", headline(old), headline(new)),
        ("byline", old.byline.join(", "), new.byline.join(", ")),
        ("body", old.body_text.clone(), new.body_text.clone()),
    ];
    let differing = parts.into_iter().filter(|(_, old, new)| old != new);
    differing.map(|(part, old, new)| Difference { part, pieces: compared(&old, &new) }).collect()
}

fn capture(seen: &Seen) -> Capture {
    Capture {
        id: seen.id,
        captured: seen.captured,
        url: seen.url.as_deref().map(without_password),
        sha256: seen.sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
        size: seen.size,
        kept: seen.whole,
    }
}
