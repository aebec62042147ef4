//! The entry's page.

use askama::Template;

use super::{EntryLife, Revision};
use crate::feed::Format;
use crate::model::{Origin, Precision, Stamp};
use crate::revision::Fate;
use crate::server::index::{exact, shown};

#[derive(Template)]
#[template(path = "entry.html")]
struct Page<'a> {
    told: &'a EntryLife,
    title: String,
    formats: [Format; 3],
    stamps: Vec<Evidence<'a>>,
    /// The newest state first.
    states: Vec<Stage<'a>>,
    root: &'static str,
}

/// A state and what made it one.
struct Stage<'a> {
    kind: &'static str,
    state: &'a Revision,
}

/// A time with how it is known.
struct Evidence<'a> {
    of: &'static str,
    stamp: &'a Stamp,
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
    let page = Page { told, title, formats: Format::ALL, stamps, states, root: "../" };
    page.render().map(String::into_bytes).map_err(|error| error.to_string())
}

impl Evidence<'_> {
    fn precision(&self) -> &'static str {
        match self.stamp.precision {
            Precision::Second => "to the second",
            Precision::Minute => "to the minute",
            Precision::Hour => "to the hour",
            Precision::Day => "the day only; shown at noon",
            Precision::Unknown => "not known: when it was first seen",
        }
    }

    fn origin(&self) -> &'static str {
        match self.stamp.origin {
            Origin::Text => "the text of the page",
            Origin::Attribute => "the markup of the entry",
            Origin::JsonLd => "the page's JSON-LD",
            Origin::Meta => "a meta element of the page",
            Origin::Json => "the outlet's JSON",
            Origin::FirstSeen => "nowhere on the page: the capture that had the entry first",
            Origin::ChangeSeen => "nowhere on the page: the capture that showed the change first",
        }
    }

    fn zone(&self) -> String {
        match self.stamp.zone {
            Some(zone) => zone.name().to_owned(),
            None if self.stamp.printed.is_some() => "as printed".to_owned(),
            None => "none needed".to_owned(),
        }
    }
}

/// Whether a browser may be sent there.
pub(in crate::server) fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
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
