//! Whether a client has the current feed already (RFC 9110 section 13).

use std::time::SystemTime;

use axum::http::header::{IF_MODIFIED_SINCE, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue};

/// Whether to answer 304. `etag` is that of the coding the client would get; `modified` is in whole seconds.
pub(super) fn unchanged(request: &HeaderMap, etag: &str, modified: Option<SystemTime>) -> bool {
    // Once there is an If-None-Match, If-Modified-Since says nothing, not even where the tags don't match.
    if request.contains_key(IF_NONE_MATCH) {
        let lines = request.get_all(IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
        return lines.into_iter().any(|line| matches(line, etag));
    }
    let mut since = request.get_all(IF_MODIFIED_SINCE).iter();
    let (Some(only), None) = (since.next(), since.next()) else { return false };
    let since = only.to_str().ok().and_then(|text| httpdate::parse_http_date(text).ok());
    matches!((modified, since), (Some(modified), Some(since)) if modified <= since)
}

/// Weak comparison with each tag of a list.
fn matches(line: &str, etag: &str) -> bool {
    let ours = etag.strip_prefix('"').and_then(|etag| etag.strip_suffix('"'));
    line.trim() == "*" || tags(line).any(|tag| ours.is_some_and(|ours| bytes(tag) == bytes(ours)))
}

/// The tags of a list, without quotes. A comma may stand inside a tag, so the list is not split at commas.
fn tags(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line.trim();
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let tag = rest.strip_prefix("W/").unwrap_or(rest);
        let (opaque, behind) = tag.strip_prefix('"').and_then(|tag| tag.split_once('"'))?;
        rest = behind;
        Some(opaque)
    })
}

/// What of a tag stands for the bytes. What stands before it says how far the log had come, and it may have come further since
/// without another byte in this feed.
fn bytes(tag: &str) -> &str {
    tag.rsplit_once('.').map_or(tag, |(_, bytes)| bytes)
}

/// What a client has that would take only the difference: how far the log had come (number and mark) in the first of its tags
/// that says so, and that tag. It has to name the instance manipulation `feed` (RFC 3229) in `A-IM`.
pub(super) fn known(request: &HeaderMap) -> Option<(i64, u32, &str)> {
    let wants = |line: &HeaderValue| {
        let manipulations = line.to_str().unwrap_or_default().split(',');
        let name = |part: &str| part.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("feed");
        manipulations.into_iter().any(name)
    };
    request.get_all("a-im").iter().any(wants).then_some(())?;
    let lines = request.get_all(IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    lines.into_iter().flat_map(tags).find_map(|tag| {
        let mut parts = tag.split('.');
        let (seq, mark) = (parts.next()?.parse().ok()?, u32::from_str_radix(parts.next()?, 16).ok()?);
        Some((seq, mark, tag))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn tags_are_compared_weakly_and_in_lists() {
        for line in [r#""a,b""#, r#"W/"a,b""#, "*", " * ", r#""x", "a,b""#, r#""x",W/"a,b","y""#, r#",, "a,b""#] {
            assert!(matches(line, r#""a,b""#), "{line}");
        }
        for line in ["", "a,b", r#""a,b"#, r#""x""#, r#"x "a,b""#, r#"w/"a,b""#, "**", r#""a","b""#, r#""A,B""#] {
            assert!(!matches(line, r#""a,b""#), "{line}");
        }
    }

    #[test]
    fn dates_count_only_alone() {
        let modified = Some(UNIX_EPOCH + Duration::from_secs(1_641_841_500));
        let ask = |headers: &[(&str, &str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(axum::http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
            }
            unchanged(&map, r#""now""#, modified)
        };
        let (same, before) = ("Mon, 10 Jan 2022 19:05:00 GMT", "Mon, 10 Jan 2022 19:04:59 GMT");
        assert!(ask(&[("if-modified-since", same)]));
        assert!(ask(&[("if-modified-since", "Monday, 10-Jan-22 19:05:01 GMT")]));
        assert!(!ask(&[("if-modified-since", before)]));
        assert!(!ask(&[("if-modified-since", "yesterday")]));
        assert!(!ask(&[("if-modified-since", same), ("if-modified-since", same)]));
        assert!(!ask(&[("if-none-match", r#""old""#), ("if-modified-since", same)]));
        assert!(ask(&[("if-none-match", r#""now""#), ("if-modified-since", before)]));
        assert!(ask(&[("if-none-match", r#""old""#), ("if-none-match", r#""now""#)]));
        assert!(!ask(&[]));
    }
}
