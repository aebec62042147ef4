//! What may stand behind the `?` of an address. An address with a slip in it is refused, not served as if the slip were not
//! there: the reader who subscribes with it would never learn.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Utc};
use url::form_urlencoded;

use super::error::{Refused, nearest, quoted};
use crate::store::{Edits, NoWords, Query, Scope, Words};

/// Entries in a feed when the request does not say.
pub(super) const DEFAULT: u16 = 100;
/// The most a request may ask for.
const MOST: u16 = 200;
/// Outlets that one request may name.
const OUTLETS: usize = 20;
/// Characters of words or of a name to look for.
const LONGEST: usize = 200;

/// What a feed takes. The first seven are those of [`Filters`].
pub(super) const FEED: [&str; 10] =
    ["limit", "since", "until", "outlet", "author", "q", "key_events", "as_of", "edits", "withdrawn"];

/// Parameters as they were sent, each known and there once.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Those of `query`, which may be the `known` ones.
    pub fn of(query: Option<&str>, known: &[&'static str]) -> Result<Parameters, Refused> {
        let mut given: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if !known.contains(&&*name) {
                let meant = match nearest(&name, known.iter().copied()) {
                    Some(known) => format!("did you mean `{known}`?"),
                    None if known.is_empty() => "this address takes none".into(),
                    None => format!("there are `{}`", known.join("`, `")),
                };
                return Err(Refused::BadQuery(format!("there is no parameter {}; {meant}", quoted(&name))));
            }
            if given.iter().any(|(other, _)| *other == name) {
                return Err(Refused::BadQuery(format!("the parameter `{name}` is there twice; once is enough")));
            }
            given.push((name.into_owned(), value.into_owned()));
        }
        Ok(Parameters(given))
    }

    /// The value of the parameter `name`, read by `read`, which says what it may be where it can't be that.
    pub fn read<T>(&self, name: &str, read: impl FnOnce(&str) -> Result<T, String>) -> Result<Option<T>, Refused> {
        let Some((_, value)) = self.0.iter().find(|(given, _)| given == name) else { return Ok(None) };
        read(value)
            .map(Some)
            .map_err(|wrong| Refused::BadQuery(format!("the parameter `{name}` is {}, and {wrong}", quoted(value))))
    }

    /// All of them, in the order in which they were sent.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    fn sent(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone())
    }
}

/// Which entries are asked for: what every feed, page and search has in common.
#[derive(Debug, Clone, Default)]
pub(super) struct Filters {
    pub limit: Option<u16>,
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    /// Slugs, of which nothing says yet that they are outlets.
    pub outlets: Vec<String>,
    pub author: Option<Words>,
    pub text: Option<Words>,
    pub key_events: bool,
    /// The words of `author` and `q` as they were sent.
    pub said: (Option<String>, Option<String>),
}

impl Filters {
    pub fn read(given: &Parameters) -> Result<Filters, Refused> {
        let filters = Filters {
            limit: given.read("limit", |value| number(value, MOST))?,
            since: given.read("since", instant)?,
            until: given.read("until", instant)?,
            outlets: given.read("outlet", slugs)?.unwrap_or_default(),
            author: given.read("author", |value| words(value, Words::phrase))?,
            text: given.read("q", |value| words(value, Words::parse))?,
            key_events: given.read("key_events", flag)?.unwrap_or_default(),
            said: (given.sent("author"), given.sent("q")),
        };
        match (filters.since, filters.until) {
            (Some(since), Some(until)) if since >= until => {
                Err(Refused::BadQuery("the parameter `until` is not after `since`, so that nothing lies between".into()))
            }
            _ => Ok(filters),
        }
    }

    /// As the store takes it.
    pub fn query(&self, scope: Scope) -> Query {
        Query {
            outlets: self.outlets.clone(),
            since: self.since,
            until: self.until,
            text: self.text.clone(),
            author: self.author.clone(),
            key_events: self.key_events,
            ..Query::new(scope, usize::from(self.limit.unwrap_or(DEFAULT)))
        }
    }

    /// Whether anything but the limit is asked for.
    pub fn any(&self) -> bool {
        !self.told().is_empty()
    }

    /// What is asked for, in words and always in the same order.
    pub fn told(&self) -> Vec<String> {
        let mut told = Vec::new();
        let (author, text) = &self.said;
        told.extend(text.as_ref().map(|words| format!("“{words}”")));
        told.extend(author.as_ref().map(|name| format!("by {name}")));
        told.extend(self.key_events.then(|| "key events".into()));
        told.extend((!self.outlets.is_empty()).then(|| self.outlets.join(", ")));
        told.extend(self.since.map(|at| format!("since {}", short(at))));
        told.extend(self.until.map(|at| format!("until {}", short(at))));
        told
    }
}

/// A whole day by its date, anything else to the second.
fn short(at: DateTime<Utc>) -> String {
    let format = if at.time() == NaiveTime::MIN { "%Y-%m-%d" } else { "%Y-%m-%dT%H:%M:%SZ" };
    at.format(format).to_string()
}

/// What a feed is asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    pub filters: Filters,
    pub as_of: Option<DateTime<Utc>>,
    pub edits: Edits,
    /// Whether something is left where an entry was taken back.
    pub stubs: bool,
}

impl Asked {
    pub fn read(query: Option<&str>) -> Result<Asked, Refused> {
        let given = Parameters::of(query, &FEED)?;
        Ok(Asked {
            filters: Filters::read(&given)?,
            as_of: given.read("as_of", instant)?,
            edits: given.read("edits", edits)?.unwrap_or_default(),
            stubs: given.read("withdrawn", stub)?.unwrap_or_default(),
        })
    }

    /// As the store takes it.
    pub fn query(&self, scope: Scope) -> Query {
        let archived = matches!(scope, Scope::Everything | Scope::Blog(_));
        Query {
            as_of: self.as_of,
            edits: self.edits,
            withdrawals: self.stubs,
            unarchived: archived && self.is_whole(),
            ..self.filters.query(scope)
        }
    }

    /// Whether it is the feed that the archives belong to, nothing being left out and nothing told otherwise.
    pub fn is_whole(&self) -> bool {
        self.filters.limit.is_none() && !self.filters.any() && self.edits == Edits::Inplace && !self.stubs
    }

    /// How edits are told, where that makes another feed of it.
    pub fn edits_told(&self) -> Option<&'static str> {
        match self.edits {
            Edits::Inplace => None,
            Edits::Append => Some("every edit"),
            Edits::Corrections => Some("corrections"),
        }
    }
}

fn edits(value: &str) -> Result<Edits, String> {
    match value {
        "inplace" => Ok(Edits::Inplace),
        "append" => Ok(Edits::Append),
        "corrections" => Ok(Edits::Corrections),
        _ => Err("may be `inplace`, `append` or `corrections`".into()),
    }
}

fn stub(value: &str) -> Result<bool, String> {
    if value == "stub" { Ok(true) } else { Err("may be `stub`".into()) }
}

/// One spelling only for each number, so that there are not endless addresses of the same feed.
pub(super) fn number(value: &str, most: u16) -> Result<u16, String> {
    let plain = value.bytes().all(|b| b.is_ascii_digit()) && !value.starts_with('0');
    match value.parse() {
        Ok(number) if plain && (1..=most).contains(&number) => Ok(number),
        _ => Err(format!("may be a number from 1 to {most}")),
    }
}

/// An instant with its offset, or a date, which is its midnight in UTC.
pub(super) fn instant(value: &str) -> Result<DateTime<Utc>, String> {
    let date = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10);
    let exact = |text: &str| DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc());
    // A `+` that nobody escaped has become a space on its way here.
    let mended = || value.rsplit_once(' ').map(|(before, offset)| format!("{before}+{offset}"));
    exact(value)
        .or_else(|| date(value).map(|day| day.and_time(NaiveTime::MIN).and_utc()))
        .or_else(|| mended().and_then(|text| exact(&text)))
        .filter(|at| (1970..=9999).contains(&at.year()))
        .ok_or_else(|| "may be an instant like 2022-01-06T15:00:00Z or a date like 2022-01-06".into())
}

pub(super) fn flag(value: &str) -> Result<bool, String> {
    if value == "1" { Ok(true) } else { Err("may be 1".into()) }
}

fn slugs(value: &str) -> Result<Vec<String>, String> {
    let slugs: Vec<String> = value.split(',').map(str::to_owned).collect();
    let fine = slugs.len() <= OUTLETS && slugs.iter().all(|slug| !slug.is_empty() && slug.len() <= LONGEST);
    if fine { Ok(slugs) } else { Err(format!("may be up to {OUTLETS} outlets' slugs with commas between")) }
}

fn words(value: &str, parse: fn(&str) -> Result<Words, NoWords>) -> Result<Words, String> {
    if value.chars().count() > LONGEST {
        return Err(format!("may have up to {LONGEST} characters"));
    }
    parse(value).map_err(|wrong| wrong.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(query: &str) -> String {
        Asked::read(Some(query)).unwrap_err().to_string()
    }

    #[test]
    fn limits() {
        for (query, taken) in [("", None), ("limit=1", Some(1)), ("limit=200", Some(200)), ("limit=%34", Some(4))] {
            assert_eq!(Asked::read(Some(query)).unwrap().filters.limit, taken, "{query}");
        }
        assert_eq!(Asked::read(None).unwrap().filters.limit, None);
        for wrong in ["201", "0", "-1", "%2B5", "007", "1000000000", "", "many", "65537"] {
            let told =
                format!("the parameter `limit` is `{}`, and may be a number from 1 to 200", wrong.replace("%2B", "+"));
            assert_eq!(refusal(&format!("limit={wrong}")), told);
        }
    }

    #[test]
    fn names() {
        let all =
            "there are `limit`, `since`, `until`, `outlet`, `author`, `q`, `key_events`, `as_of`, `edits`, `withdrawn`";
        for (query, told) in [
            ("limit=5&limit=5", "the parameter `limit` is there twice; once is enough".to_owned()),
            ("outlet=a&outlet=b", "the parameter `outlet` is there twice; once is enough".into()),
            ("limt=5", "there is no parameter `limt`; did you mean `limit`?".into()),
            ("LIMIT=5", "there is no parameter `LIMIT`; did you mean `limit`?".into()),
            ("keyevents=1", "there is no parameter `keyevents`; did you mean `key_events`?".into()),
            ("limit=5&utm_source=x", format!("there is no parameter `utm_source`; {all}")),
        ] {
            assert_eq!(refusal(query), told, "{query}");
        }
    }

    #[test]
    fn instants() {
        let at = |text: &str| instant(text).map(|at| at.to_rfc3339());
        for (given, taken) in [
            ("2022-01-06T15:00:00Z", "2022-01-06T15:00:00+00:00"),
            ("2022-01-06t16:30:00.250+01:30", "2022-01-06T15:00:00.250+00:00"),
            ("2022-01-06T16:00:00 01:00", "2022-01-06T15:00:00+00:00"),
            ("2022-01-06", "2022-01-06T00:00:00+00:00"),
        ] {
            assert_eq!(at(given).as_deref(), Ok(taken), "{given}");
        }
        for wrong in [
            "",
            "now",
            "2022-1-6",
            "2022-02-30",
            "2022-01-06T15:00:00",
            "06/01/2022",
            "1641481200",
            "1969-12-31",
            "-2022-01-06",
            "12022-01-06",
        ] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            refusal("as_of=yesterday"),
            "the parameter `as_of` is `yesterday`, and may be an instant like 2022-01-06T15:00:00Z or a date like 2022-01-06"
        );
        assert_eq!(
            refusal("since=2022-01-06&until=2022-01-06"),
            "the parameter `until` is not after `since`, so that nothing lies between"
        );
    }

    #[test]
    fn everything_else() {
        let asked =
            Asked::read(Some("q=ferry+%22late+again%22&author=Ann+Rower&key_events=1&outlet=a,b&until=2022-01-07&limit=7"));
        let filters = asked.unwrap().filters;
        assert_eq!(filters.told(), ["“ferry \"late again\"”", "by Ann Rower", "key events", "a, b", "until 2022-01-07"]);
        let query = filters.query(Scope::Everything);
        assert_eq!((query.limit, query.key_events, query.outlets.len()), (7, true, 2));
        assert_eq!(query.text, Words::parse("ferry \"late again\"").ok());
        for (query, told) in [
            ("key_events=0", "the parameter `key_events` is `0`, and may be 1".to_owned()),
            ("edits=inline", "the parameter `edits` is `inline`, and may be `inplace`, `append` or `corrections`".into()),
            ("withdrawn=1", "the parameter `withdrawn` is `1`, and may be `stub`".into()),
            ("q=", "the parameter `q` is ``, and has no word in it".into()),
            ("q=%22ferry", "the parameter `q` is `\"ferry`, and opens a quote and does not close it".into()),
            ("author=-", "the parameter `author` is `-`, and has no word in it".into()),
            (
                "outlet=a,,b",
                "the parameter `outlet` is `a,,b`, and may be up to 20 outlets' slugs with commas between".into(),
            ),
        ] {
            assert_eq!(refusal(query), told, "{query}");
        }
        assert!(refusal(&format!("q={}", "a".repeat(201))).ends_with("`, and may have up to 200 characters"));
        assert!(refusal(&format!("outlet={}", "a,".repeat(20))).contains("up to 20"));
    }
}
