//! What of a value is shown on a page: instants for people and for programs, addresses that a browser may be sent to.

use chrono::{DateTime, Utc};

use crate::model::{CoverageState, Head};
use crate::store::StoredBlog;

/// An instant for people.
pub(super) fn shown(at: &DateTime<Utc>) -> String {
    at.format("%-d %B %Y, %H:%M UTC").to_string()
}

/// An instant for `<time datetime>`.
pub(super) fn exact(at: &DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Whether a browser may be sent there.
pub(super) fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// The language of a live blog, if it can be a `lang`: anything else would mislead a screen reader.
pub(super) fn language_of(head: &Head) -> Option<&str> {
    let part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    head.language.as_deref().filter(|tag| tag.split('-').all(part))
}

/// What a live blog says of itself, in a word; empty where it does not tell.
pub(super) fn state_of(blog: &StoredBlog) -> &'static str {
    match blog.head.coverage.state {
        CoverageState::Live => "live",
        CoverageState::Ended => "ended",
        CoverageState::Article => "article",
        CoverageState::Unknown => "",
    }
}
