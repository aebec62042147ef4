//! Which changes a stream is asked for, and from where on.

use axum::http::{HeaderMap, HeaderName};
use uuid::Uuid;

use crate::server::error::Refused;
use crate::server::query::{Filters, Parameters};
use crate::store::{ChangeKind, Selection, Wording};

/// What a stream takes: the filters of the feeds, and where and what to look for.
const KNOWN: [&str; 9] = ["after", "kind", "outlet", "blog", "author", "q", "key_events", "since", "until"];

/// Live blogs that one stream may name.
const BLOGS: usize = 20;

/// What a browser sends when it comes back: the last `id` that it has had.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Where a stream begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// With the next change.
    Now,
    /// After the change of this number.
    After(i64),
    /// After something that no log has: the client has to be told.
    Nowhere,
}

/// What a stream is asked for.
#[derive(Debug)]
pub(super) struct Asked {
    pub selection: Selection,
    pub from: From,
}

impl Asked {
    pub fn read(query: Option<&str>, headers: &HeaderMap) -> Result<Asked, Refused> {
        let given = Parameters::of(query, &KNOWN)?;
        let filters = Filters::read(&given)?;
        let after = given.read("after", |value| number(value).ok_or("may be the number of a change, or 0".to_owned()))?;
        // A client that comes back sends both: the address that it began with, and where it has got to.
        let from = match headers.get(LAST_EVENT_ID).map(|value| value.to_str().ok().map(str::trim)) {
            Some(Some("")) | None => after.map_or(From::Now, From::After),
            Some(last) => last.and_then(number).map_or(From::Nowhere, From::After),
        };
        let selection = Selection {
            kinds: given.read("kind", kinds)?.unwrap_or_default(),
            outlets: filters.outlets,
            blogs: given.read("blog", blogs)?.unwrap_or_default(),
            key_events: filters.key_events,
            since: filters.since,
            until: filters.until,
            wording: Wording { text: filters.text, author: filters.author },
        };
        Ok(Asked { selection, from })
    }
}

fn number(text: &str) -> Option<i64> {
    text.parse().ok().filter(|number: &i64| *number >= 0 && number.to_string() == text)
}

fn kinds(value: &str) -> Result<Vec<ChangeKind>, String> {
    let all = || format!("may be one or more of {}", ChangeKind::ALL.map(ChangeKind::name).join(", "));
    value.split(',').map(|name| ChangeKind::named(name).ok_or_else(all)).collect()
}

fn blogs(value: &str) -> Result<Vec<Uuid>, String> {
    let ids: Result<Vec<Uuid>, _> = value.split(',').map(Uuid::try_parse).collect();
    ids.ok()
        .filter(|ids| ids.len() <= BLOGS)
        .ok_or_else(|| format!("may be up to {BLOGS} ids of live blogs with commas between"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(query: &str, last: Option<&str>) -> Result<From, String> {
        let mut headers = HeaderMap::new();
        headers.extend(last.map(|last| (LAST_EVENT_ID, last.parse().unwrap())));
        Asked::read(Some(query), &headers).map(|asked| asked.from).map_err(|refused| refused.to_string())
    }

    #[test]
    fn the_last_id_counts_for_more_than_the_address() {
        for (query, last, begins) in [
            ("", None, From::Now),
            ("", Some(""), From::Now),
            ("after=7", None, From::After(7)),
            ("after=0", None, From::After(0)),
            ("after=7", Some(""), From::After(7)),
            ("after=7", Some("12"), From::After(12)),
            ("", Some(" 12 "), From::After(12)),
            ("after=7", Some("x"), From::Nowhere),
            ("", Some("-1"), From::Nowhere),
            ("", Some("99999999999999999999"), From::Nowhere),
        ] {
            assert_eq!(from(query, last), Ok(begins), "{query} {last:?}");
        }
        for wrong in ["-1", "x", "007", "", "+7"] {
            let told = from(&format!("after={}", wrong.replace('+', "%2B")), Some("12")).unwrap_err();
            assert_eq!(told, format!("the parameter `after` is `{wrong}`, and may be the number of a change, or 0"));
        }
    }

    #[test]
    fn filters_are_those_of_the_feeds_and_some_more() {
        let id = Uuid::nil();
        let query =
            format!("q=ferry&author=Ann+Rower&key_events=1&outlet=a,b&since=2022-01-07&kind=new,edited&blog={id},{id}");
        let selection = Asked::read(Some(&query), &HeaderMap::new()).unwrap().selection;
        assert_eq!((selection.kinds.len(), selection.outlets.len(), selection.blogs.len()), (2, 2, 2));
        assert!(selection.key_events && selection.since.is_some() && selection.until.is_none());
        assert!(selection.wording.text.is_some() && selection.wording.author.is_some());
        for (query, told) in [
            ("limit=5", "there is no parameter `limit`; there are `after`, `kind`"),
            ("outlets=a", "did you mean `outlet`?"),
            ("kind=new,gone", "the parameter `kind` is `new,gone`, and may be one or more of new, edited, touched"),
            ("blog=1", "the parameter `blog` is `1`, and may be up to 20 ids"),
            ("key_events=0", "the parameter `key_events` is `0`, and may be 1"),
        ] {
            assert!(from(query, None).unwrap_err().contains(told), "{query}: {}", from(query, None).unwrap_err());
        }
    }
}
