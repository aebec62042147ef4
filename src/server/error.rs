//! What a request is refused with. All status codes of errors are here.

use axum::http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, VARY, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// Longest piece of a request that an answer repeats, in characters.
const QUOTED: usize = 60;

/// Why a request gets no feed. One line of plain text says so.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("{0}")]
    BadQuery(String),
    #[error("{0}")]
    Unknown(String),
    #[error("nothing is at {}; the feeds are /feed.rss, /feed.atom and /feed.json, and / lists more", quoted(.0))]
    NoPath(String),
    #[error("only GET and HEAD are answered here")]
    Method,
    #[error("the address is longer than 8 KiB")]
    LongAddress,
    #[error("a request of this address has no body")]
    Body,
    #[error("the request does not name one host")]
    NoHost,
    #[error("{} is not served here", quoted(.0))]
    OtherHost(String),
    #[error("this takes a token: as a password, as `Authorization: Bearer …`, or behind the address as `?key=…`")]
    Stranger,
    #[error("only /metrics, /healthz and, by POST, /admin/reload are here")]
    NoAdmin,
    #[error("this address is asked for in another way: /admin/reload by POST, the others by GET")]
    AdminMethod,
    #[error("no page may ask for this")]
    Page,
    #[error("the server is stopping")]
    Stopping,
    #[error("this is served as it is, or coded as gzip or br, and the request accepts none of them")]
    NotAcceptable,
    #[error("the store does not answer; try again in a few seconds")]
    Unavailable,
    #[error("too many clients wait for changes already; ask without `wait`, or again in a few seconds")]
    Crowded,
    #[error("too many streams of events are open already; try again in a few seconds")]
    Streams,
    #[error("a subscription is asked for by POST (WebSub)")]
    HubMethod,
    #[error("a subscription is asked for in a form: application/x-www-form-urlencoded")]
    NoForm,
    #[error("a form may have 16 KiB")]
    LongForm,
    #[error("the rest of the request did not come")]
    Slow,
    #[error("there are as many subscriptions as there may be, in all or of this host; try again later")]
    HubFull,
}

/// The status of an answer that tells why the settings were not taken.
pub(super) const MISTAKEN: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

impl Refused {
    fn status(&self) -> StatusCode {
        match self {
            Refused::BadQuery(_) => StatusCode::BAD_REQUEST,
            Refused::Unknown(_) | Refused::NoPath(_) => StatusCode::NOT_FOUND,
            Refused::Method => StatusCode::METHOD_NOT_ALLOWED,
            Refused::LongAddress => StatusCode::URI_TOO_LONG,
            Refused::Body => StatusCode::PAYLOAD_TOO_LARGE,
            Refused::NoHost => StatusCode::BAD_REQUEST,
            Refused::OtherHost(_) => StatusCode::MISDIRECTED_REQUEST,
            Refused::Stranger => StatusCode::UNAUTHORIZED,
            Refused::NoAdmin => StatusCode::NOT_FOUND,
            Refused::AdminMethod => StatusCode::METHOD_NOT_ALLOWED,
            Refused::Page => StatusCode::FORBIDDEN,
            Refused::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Refused::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Refused::HubMethod => StatusCode::METHOD_NOT_ALLOWED,
            Refused::NoForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refused::LongForm => StatusCode::PAYLOAD_TOO_LARGE,
            Refused::Slow => StatusCode::REQUEST_TIMEOUT,
            Refused::Unavailable | Refused::Crowded | Refused::Streams | Refused::HubFull => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Refused::Method => Some((ALLOW, HeaderValue::from_static("GET, HEAD"))),
            Refused::HubMethod => Some((ALLOW, HeaderValue::from_static("POST"))),
            Refused::HubFull => Some((RETRY_AFTER, HeaderValue::from_static("3600"))),
            Refused::NotAcceptable => Some((VARY, HeaderValue::from_static("Accept-Encoding"))),
            Refused::Unavailable | Refused::Crowded | Refused::Streams => Some((RETRY_AFTER, HeaderValue::from_static("5"))),
            // What browsers ask a password for, and most feed readers.
            Refused::Stranger => {
                Some((WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"tidings\", charset=\"UTF-8\"")))
            }
            // What comes next on the connection is not to be trusted to be a request.
            Refused::LongAddress
            | Refused::Body
            | Refused::NoForm
            | Refused::LongForm
            | Refused::Slow
            | Refused::NoHost
            | Refused::OtherHost(_) => Some((CONNECTION, HeaderValue::from_static("close"))),
            _ => None,
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let plain = [(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))];
        let mut response = (self.status(), plain, format!("{self}\n")).into_response();
        response.headers_mut().extend(self.header());
        response
    }
}

/// The same as a problem document (RFC 9457), as the API tells it.
#[derive(Debug)]
pub(super) struct Problem(pub Refused);

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        Problem(refused)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.0.status();
        let told = serde_json::json!({
            "type": "about:blank", "title": status.canonical_reason(), "status": status.as_u16(), "detail": self.0.to_string(),
        });
        let kind = [(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))];
        let mut response = (status, kind, told.to_string()).into_response();
        response.headers_mut().extend(self.0.header());
        response
    }
}

/// A piece of a request as an answer may repeat it: short, on one line and in quotes.
pub(super) fn quoted(piece: &str) -> String {
    let shown: String = piece.chars().filter(|c| !c.is_control()).take(QUOTED).collect();
    let cut = if piece.chars().nth(QUOTED).is_some() { "…" } else { "" };
    format!("`{shown}{cut}`")
}

/// The one of `known` that `given` is most likely a slip of.
pub(super) fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // The comparison takes the product of both lengths.
    let given: String = given.chars().take(QUOTED).collect();
    let scored = known.into_iter().map(|name| (strsim::jaro_winkler(&given.to_lowercase(), name), name));
    scored.filter(|(score, _)| *score > 0.75).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_repeated_stays_on_one_line_and_short() {
        assert_eq!(quoted("a\r\nb\u{1b}[0m"), "`ab[0m`");
        assert_eq!(quoted(&"x".repeat(100)), format!("`{}…`", "x".repeat(60)));
    }

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        assert_eq!(nearest("sputnk", ["independent", "sputnik"]), Some("sputnik"));
        assert_eq!(nearest("Limits", ["limit"]), Some("limit"));
        assert_eq!(nearest("utm_source", ["limit"]), None);
    }
}
