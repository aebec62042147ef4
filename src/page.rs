//! Fetched or saved bytes with what is known of them: address, media type, instant of capture.

use chrono::{DateTime, Utc};
use url::Url;

/// What everything is read from: a URL, a saved file, a text capture and a WARC record all become one of these.
#[derive(Debug, Clone)]
pub struct Page {
    /// The bytes, with any content coding already undone.
    pub body: Vec<u8>,
    /// The address it was fetched from, or the one its saver names. A page may know a better one (its canonical link).
    pub url: Option<Url>,
    /// The `Content-Type` header as received, charset parameter included.
    pub content_type: Option<String>,
    /// When it was captured.
    pub captured: Captured,
}

impl Page {
    /// Whether it is a text capture: it has words and times, and neither links nor pictures nor markup.
    pub fn is_plain(&self) -> bool {
        let media_type = self.content_type.as_deref().unwrap_or_default().split(';').next().unwrap_or_default();
        media_type.trim().eq_ignore_ascii_case("text/plain")
    }
}

/// When a page was captured, and how well that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Captured {
    /// Fetched at this instant, or its saver vouches for it.
    At(DateTime<Utc>),
    /// Some time before this instant (a file's modification time, say): good enough to notice a time in the future, not to
    /// date a clock or to count "5 minutes ago" back from.
    By(DateTime<Utc>),
}

impl Captured {
    /// The instant after which the page can't have been captured.
    pub fn latest(self) -> DateTime<Utc> {
        match self {
            Captured::At(at) | Captured::By(at) => at,
        }
    }

    /// The instant of capture where it is known.
    pub fn exactly(self) -> Option<DateTime<Utc>> {
        match self {
            Captured::At(at) => Some(at),
            Captured::By(_) => None,
        }
    }
}
