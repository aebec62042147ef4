//! What of a timeline is asked for: the parameters of its feeds, and where to go on. And the addresses that ask for
//! something else.

use chrono::{DateTime, SecondsFormat, Utc};
use url::form_urlencoded;

use crate::server::error::Refused;
use crate::server::query::{DEFAULT, Filters, Parameters, instant};
use crate::store::{Query, Scope};

/// What a timeline takes: what its feeds take, but for how edits and withdrawals are told, and the place to go on from.
const TIMELINE: [&str; 9] = ["limit", "since", "until", "outlet", "author", "q", "key_events", "as_of", "before"];

/// What a request asks for.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    pub filters: Filters,
    pub as_of: Option<DateTime<Utc>>,
    /// Where the page with newer entries ended.
    pub before: Option<i64>,
    pairs: Vec<(String, String)>,
}

impl Asked {
    pub fn read(query: Option<&str>) -> Result<Asked, Refused> {
        let given = Parameters::of(query, &TIMELINE)?;
        let place = |value: &str| {
            let place = value.parse::<i64>().ok().filter(|place| *place > 0 && place.to_string() == value);
            place.ok_or_else(|| "has to be what the link to older entries says".to_owned())
        };
        Ok(Asked {
            filters: Filters::read(&given)?,
            as_of: given.read("as_of", instant)?,
            before: given.read("before", place)?,
            pairs: given.pairs().to_vec(),
        })
    }

    pub fn limit(&self) -> usize {
        self.filters.limit.unwrap_or(DEFAULT).into()
    }

    /// As the store takes it, for the list: by publication, history included, and one more than is shown, to know whether it
    /// goes on.
    pub fn query(&self, scope: Scope) -> Query {
        Query { limit: self.limit() + 1, before: Some(self.before.unwrap_or(i64::MAX)), ..self.whole(scope) }
    }

    /// The same for all that fits, wherever a page of the list ends.
    pub fn whole(&self, scope: Scope) -> Query {
        Query { as_of: self.as_of, ..self.filters.query(scope) }
    }

    /// Whether it shows what is newest, so that what is new belongs on top.
    pub fn is_live(&self) -> bool {
        self.before.is_none() && self.as_of.is_none() && self.filters.until.is_none()
    }

    /// What stands behind the `?`, in one spelling; empty where nothing is asked for.
    pub fn written(&self) -> String {
        spelled_query(&self.pairs)
    }

    /// The same with other values: none takes a parameter out. Which page of the list it is means nothing then.
    pub fn with(&self, changes: &[(&str, Option<String>)]) -> String {
        let mut pairs = self.pairs.clone();
        pairs.retain(|(name, _)| name != "before" && !changes.iter().any(|(changed, _)| changed == name));
        pairs.extend(changes.iter().filter_map(|(name, value)| Some(((*name).to_owned(), value.clone()?))));
        spelled_query(&pairs)
    }

    /// With another choice of outlets: without `slug` if it is chosen, with it if it is not.
    pub fn toggled(&self, slug: &str) -> String {
        let mut outlets = self.filters.outlets.clone();
        match outlets.iter().position(|other| other == slug) {
            Some(nth) => drop(outlets.remove(nth)),
            None => outlets.push(slug.to_owned()),
        }
        self.with(&[("outlet", (!outlets.is_empty()).then(|| outlets.join(",")))])
    }

    /// With another stretch of time.
    pub fn between(&self, since: DateTime<Utc>, until: DateTime<Utc>) -> String {
        let exact = |at: DateTime<Utc>| Some(at.to_rfc3339_opts(SecondsFormat::Secs, true));
        self.with(&[("since", exact(since)), ("until", exact(until))])
    }

    /// What is asked for beside the number of entries and the page, each in words and with the query that does without it.
    pub fn chosen(&self) -> Vec<(String, String)> {
        let mut chosen = Vec::new();
        for (name, value) in &self.pairs {
            let told = match name.as_str() {
                "q" => format!("“{value}”"),
                "author" => format!("by {value}"),
                "outlet" => value.replace(',', ", "),
                "key_events" => "key events".to_owned(),
                "since" => format!("from {}", spoken(self.filters.since)),
                "until" => format!("before {}", spoken(self.filters.until)),
                "as_of" => format!("as it stood on {}", spoken(self.as_of)),
                _ => continue,
            };
            chosen.push((told, self.with(&[(name, None)])));
        }
        chosen
    }
}

/// An instant for people, as short as it can be said.
fn spoken(at: Option<DateTime<Utc>>) -> String {
    let at = at.unwrap_or_default();
    let format = if at.timestamp() % 86_400 == 0 { "%-d %B %Y" } else { "%-d %B %Y, %H:%M UTC" };
    at.format(format).to_string()
}

/// The parameters as they stand behind a `?`.
pub(in crate::server) fn spelled_query(pairs: &[(String, String)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs);
    // A colon and a comma need no escape in a query, and instants are easier to read so.
    query.finish().replace("%3A", ":").replace("%2C", ",")
}

/// What a form sends, as one would write it: without what was left empty, and several boxes that were ticked as one list. None
/// where it is written so already.
pub(in crate::server) fn tidied(query: Option<&str>) -> Option<String> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut differs = false;
    for (name, value) in form_urlencoded::parse(query?.as_bytes()) {
        let value = value.trim();
        if value.is_empty() {
            differs = true;
            continue;
        }
        match pairs.iter_mut().find(|(other, _)| *other == name && name == "outlet") {
            Some((_, list)) => {
                differs = true;
                *list = format!("{list},{value}");
            }
            None => pairs.push((name.into_owned(), value.to_owned())),
        }
    }
    differs.then(|| spelled_query(&pairs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_form_sends_is_tidied() {
        for (sent, tidy) in [
            ("q=&outlet=a&outlet=b&since=", Some("outlet=a,b")),
            ("q=&since=&until=", Some("")),
            ("q=late+ferry", None),
            ("q=+", Some("")),
            ("outlet=a%2Cb", None),
            ("", None),
        ] {
            assert_eq!(tidied(Some(sent)).as_deref(), tidy, "{sent}");
        }
        assert_eq!(tidied(None), None);
    }

    #[test]
    fn each_choice_can_be_taken_back() {
        let asked = Asked::read(Some("q=late+ferry&outlet=a,b&since=2022-01-06&before=99&limit=5")).unwrap();
        assert_eq!(
            asked.chosen(),
            [
                ("“late ferry”".to_owned(), "outlet=a,b&since=2022-01-06&limit=5".to_owned()),
                ("a, b".into(), "q=late+ferry&since=2022-01-06&limit=5".into()),
                ("from 6 January 2022".into(), "q=late+ferry&outlet=a,b&limit=5".into()),
            ]
        );
        assert_eq!(asked.toggled("a"), "q=late+ferry&since=2022-01-06&limit=5&outlet=b");
        assert_eq!(Asked::read(Some("outlet=a")).unwrap().toggled("a"), "");
        let (since, until) = (instant("2022-01-06T10:00:00Z").unwrap(), instant("2022-01-06T11:00:00Z").unwrap());
        let zoomed = "q=late+ferry&outlet=a,b&limit=5&since=2022-01-06T10:00:00Z&until=2022-01-06T11:00:00Z";
        assert_eq!(asked.between(since, until), zoomed);
        assert!(Asked::read(Some(zoomed)).is_ok());
        for wrong in ["before=0", "before=01", "before=x", "before=-5", "edits=append", "withdrawn=stub"] {
            assert!(Asked::read(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
