//! One change as JSON.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::model::{CoverageState, Mark, Stamp};
use crate::reconcile::Part;
use crate::store::{ChangeKind, WholeChange};

/// A change, with what it is about.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Event {
    /// The number of the change: one more than that of the change before.
    pub seq: i64,
    /// When it counts as made. All changes of one capture share it.
    pub at: DateTime<Utc>,
    /// The instant of the capture that showed it.
    pub seen: DateTime<Utc>,
    /// What happened.
    pub kind: ChangeKind,
    /// Slug of the outlet.
    pub outlet: String,
    /// The outlet's name.
    pub outlet_name: String,
    /// The live blog.
    pub live_blog: AboutBlog,
    /// The entry as it stood with the change; left out where the change is of the live blog itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryThen>,
    /// What differs from before.
    pub parts: Vec<Part>,
    /// How much of what the entry says differs, from 0 to 1.
    pub significance: f64,
    /// Whether the entry was filled in later, from older pages or an older capture: it is no news.
    pub history: bool,
}

/// The live blog of a change, as it stood then.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AboutBlog {
    /// Its id.
    pub id: Uuid,
    /// Its headline.
    pub headline: String,
    /// Its address at the outlet.
    pub url: Option<String>,
    /// BCP 47 language tag that the page declares.
    pub language: Option<String>,
    /// Whether the outlet still adds to it.
    pub state: CoverageState,
}

/// The entry of a change, as it stood then.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct EntryThen {
    /// Its permanent id.
    #[serde(with = "uuid::serde::urn")]
    #[schema(value_type = String)]
    pub id: Uuid,
    /// How often it had been edited, and one.
    pub revision: u32,
    /// Its headline.
    pub headline: Option<String>,
    /// The people or agencies named as its authors.
    pub byline: Vec<String>,
    /// When it was published.
    pub published: Stamp,
    /// When it was last changed, where it was.
    pub updated: Option<Stamp>,
    /// What the outlet says of it.
    pub marks: Vec<Mark>,
    /// Its address at the outlet.
    pub permalink: Option<String>,
    /// The address of its page here; null where nobody serves it.
    pub url: Option<String>,
    /// Cleaned HTML; null where it is too long to be sent along, and is to be read at `url`.
    pub body_html: Option<String>,
    /// The capture that showed that the outlet has taken it back, where it had.
    pub withdrawn: Option<DateTime<Utc>>,
    /// What it was known to be about together with entries of other outlets; left out where it was known to be of no story.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub story: Option<StoryThen>,
}

/// A story that several outlets tell.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct StoryThen {
    /// Its id.
    #[serde(with = "uuid::serde::urn")]
    #[schema(value_type = String)]
    pub id: Uuid,
    /// The address of its page here; null where nobody serves it.
    pub url: Option<String>,
}

impl Event {
    /// What is told of `whole`. `base` is the address under which its entry is served, without the last slash.
    pub fn of(whole: WholeChange, base: Option<&str>) -> Event {
        let WholeChange { change, head, entry } = whole;
        let entry = entry.map(|stood| EntryThen {
            url: base.map(|base| format!("{base}/entries/{}", stood.entry.id)),
            id: stood.entry.id,
            revision: stood.life.revision,
            headline: stood.entry.headline,
            byline: stood.entry.byline,
            published: stood.entry.published,
            updated: stood.entry.updated,
            marks: stood.entry.marks,
            permalink: stood.entry.permalink,
            body_html: Some(stood.entry.body_html),
            withdrawn: stood.life.withdrawn,
            story: stood.story.map(|id| StoryThen { id, url: base.map(|base| format!("{base}/stories/{id}")) }),
        });
        let live_blog = AboutBlog {
            id: head.id,
            headline: head.headline.clone(),
            url: head.url.clone(),
            language: head.language.clone(),
            state: head.coverage.state,
        };
        Event {
            seq: change.seq,
            at: change.at,
            seen: change.seen,
            kind: change.kind,
            outlet: change.outlet,
            outlet_name: head.outlet_name.clone(),
            live_blog,
            entry,
            parts: change.parts,
            significance: change.significance,
            history: change.history,
        }
    }

    /// Without a body of more than `most` bytes.
    pub fn at_most(mut self, most: usize) -> Event {
        if let Some(entry) = &mut self.entry {
            entry.body_html.take_if(|body| body.len() > most);
        }
        self
    }
}
