//! Who may read, where not everybody may.

use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, VARY};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use subtle::{Choice, ConstantTimeEq};
use url::form_urlencoded;

use super::Settings;
use super::error::Refused;
use crate::config::{Secret, Token};

/// The parameter for feed readers that know of no other way.
const KEY: &str = "key";

/// Stands in the extensions of a request whose reader is not known, on an answer that everybody may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stranger;

/// Stands in the extensions of a request and of its answer: whose token was shown.
#[derive(Debug, Clone)]
pub(super) struct Reader(pub String);

/// Stands in the extensions of a request that the server makes of itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ours;

/// Lets through who shows a token, if any is asked for. What was shown is taken out of the address before anybody else sees
/// it, so that it can get neither into a feed nor into a cache.
pub(super) async fn known(
    settings: &Settings,
    mut request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let key = take_key(request.uri_mut());
    let tokens = &settings.access.tokens;
    if tokens.is_empty() || request.extensions().get::<Ours>().is_some() {
        return next(request).await;
    }
    let shown = credentials(request.headers()).or(key);
    let reader = shown.and_then(|shown| owner(tokens, &shown)).map(|token| Reader(token.name.clone()));
    let mut response = match reader {
        Some(reader) => {
            request.extensions_mut().insert(reader.clone());
            let mut response = next(request).await;
            response.extensions_mut().insert(reader);
            response
        }
        None if is_open(request.uri().path()) => {
            request.extensions_mut().insert(Stranger);
            next(request).await
        }
        None => Refused::Stranger.into_response(),
    };
    keep_private(response.headers_mut());
    response
}

/// What says nothing of what is read here: the looks of the pages, and whether the server lives.
fn is_open(path: &str) -> bool {
    path == "/healthz" || path.starts_with("/static/")
}

/// A proxy may keep an answer for one reader only.
fn keep_private(headers: &mut HeaderMap) {
    let cached = headers.get(CACHE_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or("no-cache");
    if cached != "no-store"
        && let Ok(private) = HeaderValue::from_str(&format!("private, {cached}"))
    {
        headers.insert(CACHE_CONTROL, private);
    }
    headers.append(VARY, HeaderValue::from_static("Authorization"));
}

/// The token that `shown` is. Each is compared whole, so that the time it takes tells nothing.
fn owner<'a>(tokens: &'a [Token], shown: &str) -> Option<&'a Token> {
    let shown = Secret::of(shown);
    let mut owner = None;
    for token in tokens {
        if bool::from(token.secret.0.ct_eq(&shown.0)) {
            owner = Some(token);
        }
    }
    owner
}

/// Whether a request shows `secret` in its `Authorization`.
pub(super) fn shows(headers: &HeaderMap, secret: &Secret) -> bool {
    let same = credentials(headers).map_or(Choice::from(0), |shown| Secret::of(&shown).0.ct_eq(&secret.0));
    same.into()
}

/// What stands in the one `Authorization`: a bearer's token, or a password under any name.
fn credentials(headers: &HeaderMap) -> Option<String> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (Some(only), None) = (all.next(), all.next()) else { return None };
    let (scheme, value) = only.to_str().ok()?.split_once(' ')?;
    let value = value.trim();
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Some(value.to_owned()),
        "basic" => {
            let decoded = String::from_utf8(BASE64.decode(value).ok()?).ok()?;
            decoded.split_once(':').map(|(_, password)| password.to_owned())
        }
        _ => None,
    }
}

/// Takes `key` out of the query, and answers the last one.
fn take_key(uri: &mut Uri) -> Option<String> {
    let query = uri.query()?;
    let is_key = |pair: &&str| form_urlencoded::parse(pair.as_bytes()).next().is_some_and(|(name, _)| name == KEY);
    let (keys, others): (Vec<&str>, Vec<&str>) = query.split('&').partition(is_key);
    let key = form_urlencoded::parse(keys.last()?.as_bytes()).next()?.1.into_owned();
    let rest = if others.is_empty() { uri.path().to_owned() } else { format!("{}?{}", uri.path(), others.join("&")) };
    let mut parts = uri.clone().into_parts();
    // A part of an address that was one is one again.
    parts.path_and_query = Some(PathAndQuery::try_from(rest).ok()?);
    *uri = Uri::from_parts(parts).ok()?;
    Some(key)
}

/// A path with its query, without a token; none where it is no path.
pub(super) fn without_secret(text: &str) -> Option<String> {
    let mut uri: Uri = text.parse().ok()?;
    take_key(&mut uri);
    Some(path(&uri))
}

/// An address for a log: who reads it must not be able to read the feed.
pub(super) fn without_key(uri: &Uri) -> String {
    let mut plain = uri.clone();
    match take_key(&mut plain) {
        None => path(uri),
        Some(_) => format!("{}{}{KEY}=…", path(&plain), if plain.query().is_some() { '&' } else { '?' }),
    }
}

fn path(uri: &Uri) -> String {
    uri.path_and_query().map_or_else(|| uri.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_leaves_no_trace_in_the_address() {
        for (uri, key, rest, logged) in [
            ("/feed.rss", None, "/feed.rss", "/feed.rss"),
            ("/feed.rss?key=abc", Some("abc"), "/feed.rss", "/feed.rss?key=…"),
            ("/feed.rss?limit=5&key=abc", Some("abc"), "/feed.rss?limit=5", "/feed.rss?limit=5&key=…"),
            ("/feed.rss?key=abc&limit=5", Some("abc"), "/feed.rss?limit=5", "/feed.rss?limit=5&key=…"),
            ("/feed.rss?key=x&a=b&key=abc", Some("abc"), "/feed.rss?a=b", "/feed.rss?a=b&key=…"),
            ("/feed.rss?k%65y=a%62c", Some("abc"), "/feed.rss", "/feed.rss?key=…"),
            ("/feed.rss?key", Some(""), "/feed.rss", "/feed.rss?key=…"),
            ("/feed.rss?monkey=abc", None, "/feed.rss?monkey=abc", "/feed.rss?monkey=abc"),
            ("http://a.example/feed.rss?key=abc", Some("abc"), "http://a.example/feed.rss", "/feed.rss?key=…"),
        ] {
            let mut taken: Uri = uri.parse().unwrap();
            assert_eq!(without_key(&taken), logged, "{uri}");
            assert_eq!((take_key(&mut taken).as_deref(), taken.to_string().as_str()), (key, rest), "{uri}");
        }
    }

    #[test]
    fn tokens_are_taken_in_each_way_a_reader_knows() {
        let shown = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.append(AUTHORIZATION, value.parse().unwrap());
            credentials(&headers)
        };
        let basic = |text: &str| format!("Basic {}", BASE64.encode(text));
        assert_eq!(shown("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(shown("bearer  abc ").as_deref(), Some("abc"));
        assert_eq!(shown(&basic("me:abc")).as_deref(), Some("abc"));
        assert_eq!(shown(&basic(":abc")).as_deref(), Some("abc"));
        assert_eq!(shown(&basic("me:a:b")).as_deref(), Some("a:b"));
        for nothing in ["abc", "Bearer", &basic("abc"), "Basic !!!", "Digest abc", "Basic //79"] {
            assert_eq!(shown(nothing), None, "{nothing}");
        }
        let mut twice = HeaderMap::new();
        twice.append(AUTHORIZATION, HeaderValue::from_static("Bearer abc"));
        twice.append(AUTHORIZATION, HeaderValue::from_static("Bearer abc"));
        assert_eq!(credentials(&twice), None);

        let tokens = ["one", "two"].map(|name| Token { name: name.into(), secret: Secret::of(name) });
        assert_eq!(owner(&tokens, "two").map(|token| &*token.name), Some("two"));
        for stranger in ["", "on", "one ", "ONE", "onetwo"] {
            assert_eq!(owner(&tokens, stranger), None, "{stranger}");
        }
    }
}
