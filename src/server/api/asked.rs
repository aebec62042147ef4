//! What may stand behind the `?` of an address of the API: names from a list, each once, each value within its bounds.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use url::form_urlencoded;
use uuid::Uuid;

use crate::server::error::{Refused, nearest, quoted};
use crate::server::query::instant;

/// Longest value, in bytes.
const LONGEST: usize = 200;

/// The parameters of one request.
pub(super) struct Asked(HashMap<&'static str, String>);

impl Asked {
    /// Those that are `known`; anything else is refused with the name that was probably meant.
    pub fn of(query: Option<&str>, known: &[&'static str]) -> Result<Asked, Refused> {
        let mut asked = HashMap::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let Some(known) = known.iter().copied().find(|known| *known == name) else {
                let hint = match nearest(&name, known.iter().copied()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None if known.is_empty() => "none is taken here".to_owned(),
                    None => format!("there are `{}`", known.join("`, `")),
                };
                return Err(Refused::BadQuery(format!("there is no parameter {}; {hint}", quoted(&name))));
            };
            if value.len() > LONGEST {
                return Err(wrong(known, &value, &format!("is longer than {LONGEST} bytes")));
            }
            if asked.insert(known, value.into_owned()).is_some() {
                return Err(Refused::BadQuery(format!("the parameter `{known}` is there twice; once is enough")));
            }
        }
        Ok(Asked(asked))
    }

    /// As it stands.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A whole number from `low` to `high`, in its one spelling.
    pub fn number(&self, name: &'static str, low: i64, high: i64) -> Result<Option<i64>, Refused> {
        let Some(value) = self.text(name) else { return Ok(None) };
        let number = value.parse().ok().filter(|number: &i64| number.to_string() == *value && (low..=high).contains(number));
        number.map(Some).ok_or_else(|| wrong(name, value, &format!("may be a number from {low} to {high}")))
    }

    /// An id, with or without `urn:uuid:` in front.
    pub fn id(&self, name: &'static str) -> Result<Option<Uuid>, Refused> {
        let Some(value) = self.text(name) else { return Ok(None) };
        Uuid::try_parse(value).map(Some).map_err(|_| wrong(name, value, "has to be an id, such as those in the answers"))
    }

    /// An instant with its offset, or a date, as feeds take them.
    pub fn instant(&self, name: &'static str) -> Result<Option<DateTime<Utc>>, Refused> {
        let Some(value) = self.text(name) else { return Ok(None) };
        instant(value).map(Some).map_err(|may| wrong(name, value, &may))
    }

    /// `1` for yes, and nothing else: absent means no.
    pub fn flag(&self, name: &'static str) -> Result<bool, Refused> {
        match self.text(name) {
            None => Ok(false),
            Some("1") => Ok(true),
            Some(value) => Err(wrong(name, value, "may be 1, or left out")),
        }
    }
}

/// A refusal that names the parameter, its value and what it may be.
pub(super) fn wrong(name: &str, value: &str, may: &str) -> Refused {
    Refused::BadQuery(format!("the parameter `{name}` is {}, and {may}", quoted(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Result<Asked, String> {
        Asked::of(Some(query), &["after", "limit", "blog", "since", "key_events"]).map_err(|refused| refused.to_string())
    }

    #[test]
    fn what_is_not_on_the_list_is_refused_with_what_is() {
        for (query, told) in [
            ("afer=1", "there is no parameter `afer`; did you mean `after`?"),
            (
                "utm_source=x",
                "there is no parameter `utm_source`; there are `after`, `limit`, `blog`, `since`, `key_events`",
            ),
            ("after=1&after=1", "the parameter `after` is there twice; once is enough"),
        ] {
            assert_eq!(asked(query).err().unwrap(), told);
        }
        assert!(asked(&format!("blog={}", "x".repeat(300))).err().unwrap().contains("longer than 200 bytes"));
        assert!(asked("").is_ok() && Asked::of(None, &[]).is_ok());
    }

    #[test]
    fn values_keep_to_their_bounds() {
        let number = |value: &str| asked(&format!("limit={value}")).unwrap().number("limit", 1, 50).ok().flatten();
        for (value, read) in [
            ("1", Some(1)),
            ("50", Some(50)),
            ("0", None),
            ("51", None),
            ("01", None),
            ("-1", None),
            ("1e1", None),
            ("", None),
        ] {
            assert_eq!(number(value), read, "{value}");
        }
        let instant = |value: &str| asked(&format!("since={value}")).unwrap().instant("since").ok().flatten();
        assert_eq!(instant("2022-01-06T15:00:00Z"), instant("2022-01-06T16:00:00+01:00"));
        assert!(instant("2022-01-06T15:00:00Z").is_some());
        assert_eq!(instant("2022-01-06"), instant("2022-01-06T00:00:00Z"));
        for value in ["yesterday", "2022-1-6", "2022-01-06T15:00:00", "0001-01-01T00:00:00Z", "%00"] {
            assert_eq!(instant(value), None, "{value}");
        }
        let flag = |value: &str| asked(&format!("key_events={value}")).unwrap().flag("key_events").ok();
        assert_eq!((flag("1"), flag("0"), flag("true"), flag("")), (Some(true), None, None, None));
        assert!(asked("blog=x").unwrap().id("blog").is_err());
        assert!(asked("blog=urn:uuid:6497b73b-4df9-5079-aaef-4e560be08c62").unwrap().id("blog").unwrap().is_some());
    }
}
