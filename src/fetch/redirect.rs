//! Where a redirect leads, and which are not followed.

use std::net::IpAddr;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION};
use url::Url;

use super::FetchError;
use super::headers::shown;
use crate::internet::literal;

pub(super) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Whether `url` is one that we fetch.
pub(super) fn check(url: &Url) -> Result<(), &'static str> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err("only http:// and https:// addresses are fetched");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("an address with a user name or password is not fetched");
    }
    if url.port() == Some(0) {
        return Err("nobody can be reached on port 0");
    }
    Ok(())
}

/// Whether `url` stays on the public internet as far as it tells itself; where a name leads, the resolver is asked by the
/// connector. Below 1024 only the two ports of the web are public: what listens on the others does not expect a request.
pub(super) fn check_reach(url: &Url, public: fn(IpAddr) -> bool) -> Result<(), FetchError> {
    if let Some(address) = literal(url).filter(|address| !public(*address)) {
        return Err(FetchError::NotPublic { url: url.clone(), address });
    }
    match url.port() {
        Some(port) if port < 1024 && port != 80 && port != 443 => {
            let reason = format!(
                "port {port} is not one of the web; if it is meant, allow it with allow_private = true (or --allow-private)"
            );
            Err(FetchError::Address { url: url.clone(), reason })
        }
        _ => Ok(()),
    }
}

/// The address after the last of `way`. An error says why it is not followed, and the whole way that led there.
pub(super) fn next(way: &[Url], headers: &HeaderMap, limit: usize) -> Result<Url, String> {
    let here = &way[way.len() - 1];
    let location = headers.get(LOCATION).ok_or("redirected without a Location header")?;
    let location = std::str::from_utf8(location.as_bytes()).map_err(|_| "redirected to an address that is not UTF-8")?;
    let mut there = here.join(location).map_err(|e| format!("redirected to `{}`: {e}", shown(location)))?;
    there.set_fragment(None);
    let told = |what: &str| {
        let way: Vec<_> = way.iter().chain([&there]).map(|url| shown(url.as_str())).collect();
        format!("{what}: {}", way.join(" → "))
    };
    if !matches!(there.scheme(), "http" | "https") {
        return Err(told("redirected to what is not http or https"));
    }
    check(&there).map_err(|reason| format!("redirected to what is not fetched: {reason}"))?;
    if here.scheme() == "https" && there.scheme() == "http" {
        return Err(told("redirected from https to http"));
    }
    if way.contains(&there) {
        return Err(told("redirects in a loop"));
    }
    if way.len() > limit {
        return Err(told(&format!("more than {limit} redirects")));
    }
    Ok(there)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lead(way: &[&str], location: &[u8]) -> Result<String, String> {
        let way: Vec<_> = way.iter().map(|url| Url::parse(url).unwrap()).collect();
        let headers = HeaderMap::from_iter([(LOCATION, location.try_into().unwrap())]);
        next(&way, &headers, 2).map(String::from)
    }

    #[test]
    fn a_location_is_read_from_where_it_stood() {
        let from = ["http://news.example/a/b?c"];
        assert_eq!(lead(&from, b"d").unwrap(), "http://news.example/a/d");
        assert_eq!(lead(&from, b"/d#e").unwrap(), "http://news.example/d");
        assert_eq!(lead(&from, b"//other.example").unwrap(), "http://other.example/");
        assert_eq!(lead(&from, b"HTTPS://other.example/").unwrap(), "https://other.example/");
        assert_eq!(lead(&from, "/é".as_bytes()).unwrap(), "http://news.example/%C3%A9");
    }

    #[test]
    fn an_error_names_the_way() {
        let (a, b, c) = ("https://news.example/a", "https://news.example/b", "https://news.example/c");
        for (way, location, message) in [
            (&[a][..], "#top", format!("redirects in a loop: {a} → {a}")),
            (&[a, b], "/a", format!("redirects in a loop: {a} → {b} → {a}")),
            (&[a, b, c], "/d", format!("more than 2 redirects: {a} → {b} → {c} → https://news.example/d")),
            (&[a], "http://news.example/a", format!("redirected from https to http: {a} → http://news.example/a")),
            (&[a], "file:///etc/hosts", format!("redirected to what is not http or https: {a} → file:///etc/hosts")),
            (&[a], "FTP://news.example/", format!("redirected to what is not http or https: {a} → ftp://news.example/")),
            (
                &[a],
                "https://me:secret@news.example/",
                "redirected to what is not fetched: an address with a user name or password is not fetched".to_owned(),
            ),
            (&[a], "https://", "redirected to `https://`: empty host".to_owned()),
        ] {
            assert_eq!(lead(way, location.as_bytes()), Err(message));
        }
        assert!(lead(&[a], b"/\xFF").is_err());
        assert!(next(&[Url::parse(a).unwrap()], &HeaderMap::new(), 5).is_err());
    }
}
