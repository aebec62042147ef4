//! Live blogs made up for tests of the store and of following.

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use tidings::identity::{blog_id, entry_id};
use tidings::model::{Coverage, CoverageState, Entry, Head, LiveBlog, Origin, Precision, Stamp};

/// A minute of one afternoon, counted from 12:00 UTC.
pub fn minute(minutes: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2022, 1, 7, 12, 0, 0).unwrap() + TimeDelta::minutes(minutes)
}

/// A live blog of `outlet` with `entries` in page order.
pub fn blog(outlet: &str, key: &str, entries: Vec<Entry>) -> LiveBlog {
    let head = Head {
        outlet: outlet.into(),
        outlet_name: outlet.to_uppercase(),
        key: key.into(),
        id: blog_id(outlet, key),
        url: Some(format!("https://{outlet}.example/live/{key}")),
        headline: format!("Storm over the lake, part {key}"),
        standfirst: None,
        language: Some("en".into()),
        coverage: Coverage { state: CoverageState::Live, ..Coverage::default() },
    };
    let id = |entry: Entry| Entry { id: entry_id(outlet, key, &entry.key), ..entry };
    LiveBlog {
        head,
        problems: Vec::new(),
        older: None,
        window: false,
        withdrawn: Vec::new(),
        entries: entries.into_iter().map(id).collect(),
    }
}

/// An entry published at a minute of that afternoon. Its id comes with its live blog.
pub fn entry(key: &str, minutes: i64) -> Entry {
    Entry {
        id: entry_id("", "", key),
        key: key.into(),
        permalink: Some(format!("https://outlet.example/live#{key}")),
        headline: Some(format!("Ferry {key} is late")),
        byline: vec!["Ann Rower".into()],
        published: stamp(minutes),
        updated: None,
        body_html: format!("<p>The ferry {key} waits.</p>"),
        body_text: format!("The ferry {key} waits."),
        images: Vec::new(),
        marks: Vec::new(),
        problems: Vec::new(),
    }
}

/// A time printed to the minute.
pub fn stamp(minutes: i64) -> Stamp {
    let at = minute(minutes);
    let printed = Some(at.format("%H:%M").to_string());
    Stamp { at, precision: Precision::Minute, printed, origin: Origin::Text, zone: Some(chrono_tz::Europe::London) }
}
