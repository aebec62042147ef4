//! What a request has to be before anything is looked up for it.

use axum::http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Request, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::connection::Ends;
use super::error::Refused;
use super::hosts::Hosts;

/// Bytes of the longest address that is answered. Ours take a hundredth of it.
const ADDRESS: usize = 8 * 1024;

/// Refuses a request that is too long or meant for another server.
pub(super) fn admit<B>(hosts: &Hosts, request: &Request<B>) -> Result<(), Refused> {
    let uri = request.uri();
    let length = uri.path_and_query().map_or(0, |path| path.as_str().len()) + uri.host().map_or(0, str::len);
    if length > ADDRESS {
        return Err(Refused::LongAddress);
    }
    let ends = request.extensions().get::<Ends>();
    let named = host(request.headers(), request.version())?;
    for authority in named.iter().chain(uri.authority()) {
        if authority.as_str().contains('@') {
            return Err(Refused::NoHost);
        }
        if !hosts.are_ours(authority.host(), ends.map(|ends| ends.local)) {
            return Err(Refused::OtherHost(authority.host().to_owned()));
        }
    }
    if named.is_none() && uri.authority().is_none() && hosts.named() {
        return Err(Refused::NoHost);
    }
    Ok(())
}

/// The one `Host` of a request. HTTP/1.1 asks for one, and two of them are how a proxy and we could disagree.
fn host(headers: &HeaderMap, version: Version) -> Result<Option<Authority>, Refused> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => Authority::try_from(host.as_bytes()).map(Some).map_err(|_| Refused::NoHost),
        (None, _) if version < Version::HTTP_11 => Ok(None),
        _ => Err(Refused::NoHost),
    }
}

/// Refuses a request that brings a body, for the routes that have no use for one. It is not read, and the connection ends
/// with the answer: what follows it could be taken for the next request.
pub(super) async fn without_body(request: axum::extract::Request, next: Next) -> Response {
    let headers = request.headers();
    let lengths = headers.get_all(CONTENT_LENGTH);
    let empty = lengths.iter().all(|length| length.as_bytes().iter().all(|digit| *digit == b'0'));
    if headers.contains_key(TRANSFER_ENCODING) || !empty {
        return Refused::Body.into_response();
    }
    next.run(request).await
}
