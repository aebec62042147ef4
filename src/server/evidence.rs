//! How a time is known, in words.

use crate::model::{Origin, Precision, Stamp};

/// A time with how it is known.
pub(super) struct Evidence<'a> {
    /// What happened then.
    pub of: &'static str,
    pub stamp: &'a Stamp,
}

impl Evidence<'_> {
    pub fn precision(&self) -> &'static str {
        match self.stamp.precision {
            Precision::Second => "to the second",
            Precision::Minute => "to the minute",
            Precision::Hour => "to the hour",
            Precision::Day => "the day only; shown at noon",
            Precision::Unknown => "not known: when it was first seen",
        }
    }

    pub fn origin(&self) -> &'static str {
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

    pub fn zone(&self) -> String {
        match self.stamp.zone {
            Some(zone) => zone.name().to_owned(),
            None if self.stamp.printed.is_some() => "as printed".to_owned(),
            None => "none needed".to_owned(),
        }
    }
}
