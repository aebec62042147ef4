//! The entry's page.

use askama::Template;

use super::{EntryLife, Revision};
use crate::feed::Format;
use crate::revision::Fate;
use crate::server::assets::{Frame, Part};
use crate::server::evidence::Evidence;
use crate::server::pictures::with_manners;
use crate::server::shown::{exact, is_web, language_of, shown};

#[derive(Template)]
#[template(path = "entry.html")]
struct Page<'a> {
    frame: Frame,
    told: &'a EntryLife,
    title: String,
    body: String,
    language: Option<&'a str>,
    formats: [Format; 3],
    stamps: Vec<Evidence<'a>>,
    /// The newest state first.
    states: Vec<Stage<'a>>,
}

/// A state and what made it one.
struct Stage<'a> {
    kind: &'static str,
    state: &'a Revision,
}

pub(super) fn html(told: &EntryLife) -> Result<Vec<u8>, String> {
    let entry = &told.entry;
    let title = entry.headline.clone().unwrap_or_else(|| format!("Entry of {}", shown(&entry.published.at)));
    let updated = entry.updated.iter().map(|stamp| Evidence { of: "Changed", stamp });
    let stamps = [Evidence { of: "Published", stamp: &entry.published }].into_iter().chain(updated).collect();
    let mut before = None;
    let stage = |state| Stage { kind: Revision::kind(state, before.replace(state)), state };
    let mut states: Vec<Stage> = told.revisions.iter().map(stage).collect();
    states.reverse();
    let body = with_manners(&entry.body_html);
    let page = Page {
        frame: Frame::new(1, Part::Entry),
        body,
        language: language_of(&told.live_blog),
        told,
        title,
        formats: Format::ALL,
        stamps,
        states,
    };
    page.render().map(String::into_bytes).map_err(|error| error.to_string())
}

impl Revision {
    /// What this state is, beside its words.
    fn kind(&self, before: Option<&Revision>) -> &'static str {
        match before {
            None => "First seen",
            Some(before) if self.withdrawn && !before.withdrawn => "Withdrawn",
            Some(before) if !self.withdrawn && before.withdrawn => "Shown again",
            Some(before) if self.revision == before.revision => "A mark, a link or a picture changed",
            Some(_) => "Edited",
        }
    }
}
