//! What is read from the headers of an answer.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use reqwest::header::{CONNECTION, ETAG, HeaderMap, HeaderName, HeaderValue, LAST_MODIFIED, RETRY_AFTER};

/// What the outlet named its copy of a page, to be sent back so that an unchanged page costs nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// The `ETag` header, quotes included.
    pub etag: Option<String>,
    /// The `Last-Modified` header, as it was printed: it is compared by the outlet, not read by us.
    pub last_modified: Option<String>,
}

impl Validators {
    pub(super) fn from_headers(headers: &HeaderMap) -> Self {
        let read =
            |name: HeaderName| headers.get(name)?.to_str().ok().filter(|text| sendable(text).is_some()).map(str::to_owned);
        Validators { etag: read(ETAG), last_modified: read(LAST_MODIFIED) }
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Validators::default()
    }
}

/// Bytes of names and values that are kept of one answer: a page's own are a tenth of it.
const KEPT: usize = 16 * 1024;

/// What is never kept. Cookies and challenges are between the outlet and one visitor, and whoever holds them may be taken for
/// that visitor; the rest is about one connection and says nothing of the page (RFC 9110 section 7.6.1).
const NEVER: [&str; 13] = [
    "set-cookie",
    "set-cookie2",
    "authorization",
    "authentication-info",
    "www-authenticate",
    "proxy-authenticate",
    "proxy-authentication-info",
    "connection",
    "proxy-connection",
    "keep-alive",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// An answer's headers as they are kept with its bytes: in their order, repeated ones too, names in lower case. A value that is
/// not ASCII is read as ISO 8859-1, so that each of its bytes is still there. `content-encoding` and `content-length` are those
/// of the wire, and the bytes that are kept have been decoded.
pub(super) fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut left = KEPT;
    let mut kept = Vec::new();
    for (name, value) in headers {
        // What the outlet says is about this connection alone.
        let hop = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
        let hop = hop.flat_map(|value| value.split(',')).any(|hop| hop.trim().eq_ignore_ascii_case(name.as_str()));
        let size = name.as_str().len() + value.len();
        if hop || NEVER.contains(&name.as_str()) || size > left {
            continue;
        }
        left -= size;
        kept.push((name.as_str().to_owned(), value.as_bytes().iter().map(|byte| char::from(*byte)).collect()));
    }
    kept
}

/// What may go into a request header. The limit keeps an outlet from making us carry its kilobytes for ever.
pub(super) fn sendable(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(text).ok().filter(|_| !text.is_empty() && text.len() <= 1024)
}

/// The media types that entries can be read from.
pub(super) fn is_page(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media_type.as_str() {
        "text/html" | "application/xhtml+xml" | "application/json" | "text/plain" => true,
        other => other.starts_with("application/") && other.ends_with("+json"),
    }
}

/// An outlet's text in a message of ours: one line, and not a long one.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(200).collect::<String>().escape_debug().to_string()
}

/// How long the outlet asks to be left alone: seconds or a date, one minute to one day; the longer of two.
pub(super) fn retry_after(status: StatusCode, headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    if !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        return None;
    }
    let read = |value: &HeaderValue| {
        let text = value.to_str().ok()?.trim();
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            // More digits than a number can hold are as good as a day.
            return Some(text.parse().map_or(Duration::MAX, Duration::from_secs));
        }
        let date = httpdate::parse_http_date(text).ok()?;
        Some(date.duration_since(now.into()).unwrap_or_default())
    };
    let asked = headers.get_all(RETRY_AFTER).iter().filter_map(read).max()?;
    Some(asked.clamp(Duration::from_secs(60), Duration::from_secs(24 * 3600)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date_within_a_minute_and_a_day() {
        let now = "2022-01-10T19:00:00Z".parse().unwrap();
        let read = |status: u16, values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(RETRY_AFTER, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            retry_after(StatusCode::from_u16(status).unwrap(), &headers, now).map(|after| after.as_secs())
        };
        for (value, seconds) in [
            ("120", Some(120)),
            ("0", Some(60)),
            (" 90 ", Some(90)),
            ("1000000000000", Some(86_400)),
            ("99999999999999999999999999", Some(86_400)),
            ("Mon, 10 Jan 2022 19:05:00 GMT", Some(300)),
            ("Mon, 10 Jan 2022 18:00:00 GMT", Some(60)),
            ("Tue, 10 Jan 2023 19:00:00 GMT", Some(86_400)),
            ("Monday, 10-Jan-22 19:05:00 GMT", Some(300)),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
            ("Mon, 99 Jan 2022 19:05:00 GMT", None),
            ("é", None),
        ] {
            assert_eq!(read(503, &[value]), seconds, "{value}");
            assert_eq!(read(429, &[value]), seconds, "{value}");
        }
        assert_eq!(read(503, &["120", "nonsense", "600"]), Some(600));
        assert_eq!(read(503, &[]), None);
        assert_eq!(read(500, &["120"]), None);
    }

    #[test]
    fn only_text_that_can_hold_entries_is_a_page() {
        for yes in [
            "text/html",
            "TEXT/HTML;charset=x",
            " text/plain ; a=b",
            "application/ld+json",
            "application/json",
            "application/xhtml+xml",
        ] {
            assert!(is_page(yes), "{yes}");
        }
        for no in [
            "application/pdf",
            "image/png",
            "text/css",
            "application/rss+xml",
            "",
            "text/htmlx",
            "html",
            "image/x+json",
            "text/xml",
        ] {
            assert!(!is_page(no), "{no}");
        }
    }

    #[test]
    fn headers_are_kept_but_for_what_is_between_two() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("Server", "a shelf"),
            ("Set-Cookie", "visitor=7; HttpOnly"),
            ("WWW-Authenticate", "Basic"),
            ("Transfer-Encoding", "chunked"),
            ("Connection", "close, X-Hop"),
            ("X-Hop", "1"),
            ("Via", "1.1 one"),
            ("Via", "1.1 two"),
            ("Content-Encoding", "br"),
        ] {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static(value));
        }
        headers.append("x-desk", HeaderValue::from_bytes(b"Caf\xE9").unwrap());
        headers.append("x-long", HeaderValue::from_str(&"x".repeat(KEPT)).unwrap());
        headers.append("age", HeaderValue::from_static("5"));
        let kept = kept(&headers);
        let kept: Vec<(&str, &str)> = kept.iter().map(|(name, value)| (&**name, &**value)).collect();
        let all = [
            ("server", "a shelf"),
            ("via", "1.1 one"),
            ("via", "1.1 two"),
            ("content-encoding", "br"),
            ("x-desk", "Café"),
            ("age", "5"),
        ];
        assert_eq!(kept, all);
    }

    #[test]
    fn validators_that_could_not_be_sent_back_are_not_kept() {
        let mut headers = HeaderMap::new();
        headers.insert(ETAG, HeaderValue::from_bytes(b"\"\xE9\"").unwrap());
        headers.insert(LAST_MODIFIED, HeaderValue::from_str(&"x".repeat(1025)).unwrap());
        assert!(Validators::from_headers(&headers).is_empty());
    }
}
