//! What may stand behind the `?` of a feed's address: `limit`, once, or nothing.

use url::form_urlencoded;

use super::error::{Refused, nearest, quoted};

/// Entries in a feed when the request does not say.
pub(super) const DEFAULT: u16 = 100;
/// The most a request may ask for.
const MOST: u16 = 200;

/// The limit that is asked for. An address with a slip in it is refused, not served as if the slip were not there: the
/// reader who subscribes with it would never learn.
pub(super) fn limit(query: Option<&str>) -> Result<Option<u16>, Refused> {
    let mut limit = None;
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if name != "limit" {
            let meant = match nearest(&name, ["limit"]) {
                Some(known) => format!("did you mean `{known}`?"),
                None => "the only one is `limit`".into(),
            };
            return Err(Refused::BadQuery(format!("there is no parameter {}; {meant}", quoted(&name))));
        }
        if limit.is_some() {
            return Err(Refused::BadQuery("the parameter `limit` is there twice; once is enough".into()));
        }
        limit = Some(number(&value)?);
    }
    Ok(limit)
}

/// One spelling only for each number, so that there are not endless addresses of the same feed.
fn number(value: &str) -> Result<u16, Refused> {
    let plain = value.bytes().all(|b| b.is_ascii_digit()) && !value.starts_with('0');
    match value.parse() {
        Ok(limit @ 1..=MOST) if plain => Ok(limit),
        _ => Err(Refused::BadQuery(format!(
            "the parameter `limit` is {}, and may be a number from 1 to {MOST}",
            quoted(value)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_and_what_is_refused() {
        for (query, taken) in [("", None), ("limit=1", Some(1)), ("limit=200", Some(200)), ("limit=%34", Some(4))] {
            assert_eq!(limit(Some(query)).unwrap(), taken, "{query}");
        }
        assert_eq!(limit(None).unwrap(), None);
        for (query, told) in [
            ("limit=201", "the parameter `limit` is `201`, and may be a number from 1 to 200"),
            ("limit=0", "the parameter `limit` is `0`, and may be a number from 1 to 200"),
            ("limit=-1", "the parameter `limit` is `-1`, and may be a number from 1 to 200"),
            ("limit=+5", "the parameter `limit` is ` 5`, and may be a number from 1 to 200"),
            ("limit=%2B5", "the parameter `limit` is `+5`, and may be a number from 1 to 200"),
            ("limit=007", "the parameter `limit` is `007`, and may be a number from 1 to 200"),
            ("limit=1000000000", "the parameter `limit` is `1000000000`, and may be a number from 1 to 200"),
            ("limit", "the parameter `limit` is ``, and may be a number from 1 to 200"),
            ("limit=5&limit=5", "the parameter `limit` is there twice; once is enough"),
            ("limt=5", "there is no parameter `limt`; did you mean `limit`?"),
            ("LIMIT=5", "there is no parameter `LIMIT`; did you mean `limit`?"),
            ("limit=5&utm_source=x", "there is no parameter `utm_source`; the only one is `limit`"),
        ] {
            assert_eq!(limit(Some(query)).unwrap_err().to_string(), told, "{query}");
        }
    }
}
