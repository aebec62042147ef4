//! What is asked of the entries: which ones, how many, as they stand or as they stood.

use chrono::{DateTime, Utc};

use super::{Scope, Words};

/// Which entries, and how their lives are told.
///
/// Without a filter the newest `limit` are those that surfaced last: published, or since then edited, withdrawn or restored,
/// however old. History that was filled in later is not among them. A filter other than by outlet makes it a search, which has
/// the newest by publication; it finds history where `since`, `until` or `before` says which time is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Query {
    /// Where to look.
    pub scope: Scope,
    /// How many, at most.
    pub limit: usize,
    /// Of these outlets only, by slug; of all where there are none.
    pub outlets: Vec<String>,
    /// Published at this instant or later. An entry that is dated later than it was seen counts as published when it was seen.
    pub since: Option<DateTime<Utc>>,
    /// Published before this instant.
    pub until: Option<DateTime<Utc>>,
    /// Only what stands before this place in time ([`super::Shown::place`]), where a page before ended.
    pub before: Option<i64>,
    /// With these words in headline, byline or body.
    pub text: Option<Words>,
    /// With these words in the byline.
    pub author: Option<Words>,
    /// Key events only.
    pub key_events: bool,
    /// As everything stood at this instant, by the clock of the change log.
    pub as_of: Option<DateTime<Utc>>,
    /// How edits are told.
    pub edits: Edits,
    /// Whether [`Edits::Append`] also tells of withdrawals. [`Edits::Corrections`] always does.
    pub withdrawals: bool,
    /// Together with all that is on no archived page yet, however old. Everything and a single live blog have archives.
    pub unarchived: bool,
}

/// How a feed tells that an entry was edited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Edits {
    /// The entry is what it is now.
    #[default]
    Inplace,
    /// The entry stays as it was first published, and each edit is an item of its own.
    Append,
    /// Only the edits that matter ([`Query::SIGNIFICANT`]), and withdrawals.
    Corrections,
}

impl Query {
    /// The least [`super::Change::significance`] of a correction: a fifth of all words were put in or taken out, or a figure or
    /// the headline is another, which counts as a half at least.
    pub const SIGNIFICANT: f64 = 0.2;

    /// The newest `limit` entries of `scope` as they stand.
    pub fn new(scope: Scope, limit: usize) -> Self {
        Query {
            scope,
            limit,
            outlets: Vec::new(),
            since: None,
            until: None,
            before: None,
            text: None,
            author: None,
            key_events: false,
            as_of: None,
            edits: Edits::default(),
            withdrawals: false,
            unarchived: false,
        }
    }

    /// Whether it asks for a time, which finds history too.
    pub(super) fn by_time(&self) -> bool {
        self.since.is_some() || self.until.is_some() || self.before.is_some()
    }

    /// Whether it picks entries by anything but where they stand.
    pub fn is_search(&self) -> bool {
        self.by_time() || self.text.is_some() || self.author.is_some() || self.key_events
    }
}
