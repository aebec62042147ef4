//! One item of a feed, and the part it plays there: an entry as it stands, one of its edits, or what is left of it.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::model::{Entry, Head, Image, Life};

use super::title::title;
use super::{filled, instant};

/// What a reader sees as one item.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The live blog that the entry stands on.
    pub head: Arc<Head>,
    /// The entry, in the state that this item shows.
    pub entry: Arc<Entry>,
    /// How it has fared, where a store knows.
    pub life: Option<Life>,
    /// Its own page with every revision, where there is a server.
    pub page: Option<String>,
    /// What it is known to be about together with entries of other outlets.
    pub story: Option<Story>,
    /// What it is here.
    pub role: Role,
}

/// A story that several outlets tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// Its id.
    pub id: Uuid,
    /// Its page, with all entries that tell of it.
    pub page: String,
}

/// The part that an item plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The entry as it stands.
    Entry,
    /// One edit of it, as an item of its own.
    Edit {
        /// The revision that the edit made.
        revision: u32,
        /// When it was seen.
        at: DateTime<Utc>,
    },
    /// What is left in the place of an entry that its outlet took back.
    Stub {
        /// When that was seen.
        at: DateTime<Utc>,
    },
    /// The news that an outlet took an entry back, as an item of its own.
    Withdrawal {
        /// When that was seen.
        at: DateTime<Utc>,
    },
}

/// The entry that an item of its own is about.
pub(super) struct Original {
    /// As its own item has it.
    pub id: String,
    /// Where it can be read.
    pub url: Option<String>,
}

/// The id of an entry's item, or of that of one of its edits.
pub(super) fn id(entry: Uuid, edit: Option<u32>) -> String {
    match edit {
        None => entry.urn().to_string(),
        Some(revision) => format!("{};rev={revision}", entry.urn()),
    }
}

impl Item {
    /// An entry as it stands, of which nothing else is known.
    pub fn new(head: Arc<Head>, entry: Arc<Entry>) -> Self {
        Item { head, entry, life: None, page: None, story: None, role: Role::Entry }
    }

    /// Permanent, and another one for each edit that is an item of its own.
    pub(super) fn id(&self) -> String {
        let entry = self.entry.id.urn();
        match self.role {
            Role::Entry | Role::Stub { .. } => id(self.entry.id, None),
            Role::Edit { revision, .. } => id(self.entry.id, Some(revision)),
            // An entry may be restored, and taken back again.
            Role::Withdrawal { at } => format!("{entry};withdrawn={}", instant(at).format("%Y%m%dT%H%M%SZ")),
        }
    }

    pub(super) fn title(&self) -> String {
        match self.role {
            Role::Entry => title(&self.entry),
            Role::Edit { .. } => format!("[Updated] {}", title(&self.entry)),
            // A title made of the body's first words would spread the claim.
            Role::Stub { .. } | Role::Withdrawal { .. } if self.entry.headline.as_deref().and_then(filled).is_none() => {
                format!("[Withdrawn] An entry of {} UTC", instant(self.entry.published.at).format("%H:%M on %-d %B %Y"))
            }
            Role::Stub { .. } | Role::Withdrawal { .. } => format!("[Withdrawn] {}", title(&self.entry)),
        }
    }

    pub(super) fn published(&self) -> DateTime<Utc> {
        match self.role {
            Role::Entry | Role::Stub { .. } => self.entry.published.at,
            Role::Edit { at, .. } | Role::Withdrawal { at } => at,
        }
    }

    pub(super) fn updated(&self) -> DateTime<Utc> {
        match self.role {
            Role::Entry => self.entry.last_changed(),
            Role::Stub { at } => at.max(self.entry.last_changed()),
            Role::Edit { at, .. } | Role::Withdrawal { at } => at,
        }
    }

    /// When the entry was taken back, where that is what the item tells.
    pub(super) fn withdrawn(&self) -> Option<DateTime<Utc>> {
        match self.role {
            Role::Stub { at } | Role::Withdrawal { at } => Some(at),
            Role::Entry | Role::Edit { .. } => None,
        }
    }

    /// Where what was withdrawn stood, there is a sentence: a claim that an outlet took back is not to be spread by us.
    pub(super) fn body_text(&self) -> Cow<'_, str> {
        match self.withdrawn() {
            None => Cow::Borrowed(&self.entry.body_text),
            Some(at) => Cow::Owned(format!(
                "{} has taken this entry back, as was seen at {} UTC.",
                self.head.outlet_name,
                instant(at).format("%H:%M on %-d %B %Y"),
            )),
        }
    }

    pub(super) fn body_html(&self) -> Cow<'_, str> {
        match self.withdrawn() {
            None => Cow::Borrowed(&self.entry.body_html),
            Some(_) => {
                let text = self.body_text().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                Cow::Owned(format!("<p>{text}</p>"))
            }
        }
    }

    pub(super) fn images(&self) -> &[Image] {
        if self.withdrawn().is_some() { &[] } else { &self.entry.images }
    }

    /// The entry that this is about, where it is an item of its own.
    pub(super) fn original(&self) -> Option<Original> {
        match self.role {
            Role::Entry | Role::Stub { .. } => None,
            Role::Edit { .. } | Role::Withdrawal { .. } => {
                let url = self.page.clone().or_else(|| self.entry.permalink.clone());
                Some(Original { id: self.entry.id.urn().to_string(), url })
            }
        }
    }
}
