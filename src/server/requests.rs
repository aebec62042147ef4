//! What each request goes through, whatever it asks for: who may read is asked, and once it is answered it is counted, and logged
//! where that is wished.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;
use axum::middleware::Next;
use axum::response::Response;
use ipnet::IpNet;
use tokio::time::Instant;

use super::connection::Ends;
use super::readers::{Reader, known, without_key};
use super::{ServerState, admit, headers, hub};

/// Where proxies say who asked them. It is believed from those that the settings trust, and goes nowhere but into the log.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// All of it in one layer: for each one a router copies itself with all that are in it, for every request.
pub(super) async fn attended(State(state): State<ServerState>, request: Request, next: Next) -> Response {
    headers::guarded(noted(&state, request, next).await).await
}

async fn noted(state: &ServerState, request: Request, next: Next) -> Response {
    let what = kind(request.uri().path());
    let settings = state.settings();
    if !settings.log_requests {
        let response = known(&settings, request, |request| let_in(state, request, next)).await;
        state.0.metrics.answered(what, response.status().as_u16());
        return response;
    }
    let (method, path, started) = (request.method().clone(), without_key(request.uri()), Instant::now());
    let client = request
        .extensions()
        .get::<Ends>()
        .map(|ends| client(ends.peer, request.headers(), &settings.access.trusted_proxies));
    let agent = request.headers().get(USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned());
    let response = known(&settings, request, |request| let_in(state, request, next)).await;
    let status = response.status().as_u16();
    state.0.metrics.answered(what, status);
    let ms = started.elapsed().as_secs_f64() * 1000.0;
    let token = response.extensions().get::<Reader>().map(|reader| reader.0.as_str());
    let client = client.map(|client| client.to_string());
    tracing::info!(client, token, method = method.as_str(), path, status, ms = (ms * 10.0).round() / 10.0, agent, "request");
    response
}

/// Refuses a request that brings a body where nothing has a use for one: the hub alone takes one, with a limit of its own.
async fn let_in(state: &ServerState, request: Request, next: Next) -> Response {
    match state.0.hub.get().is_some() && request.uri().path() == hub::PATH {
        true => next.run(request).await,
        false => admit::without_body(request, next).await,
    }
}

/// What is asked for, in a few words only: whoever asks must not be able to invent more.
fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("rss") => "rss",
        Some("atom") => "atom",
        Some("json") => "json",
        Some("css" | "js" | "svg" | "ico" | "png" | "woff2") => "static",
        _ if path == "/healthz" => "health",
        _ if path == "/events" => "events",
        Some(_) => "other",
        None => "page",
    }
}

/// The client's address: the nearest one that no proxy of ours stands for. Each proxy adds the one it sees behind the others, so
/// only the end of the list can be believed.
fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let trusted = |address: &IpAddr| proxies.iter().any(|proxy| proxy.contains(address));
    let mut client = peer;
    let lines = headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok());
    let told: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    for told in told.into_iter().rev() {
        let Ok(told) = told.parse::<IpAddr>() else { break };
        if !trusted(&client) {
            break;
        }
        client = told.to_canonical();
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let proxies = ["127.0.0.1/32", "10.0.0.0/8"].map(|network| network.parse().unwrap());
        for (peer, forwarded, expected) in [
            ("127.0.0.1", &[][..], "127.0.0.1"),
            ("127.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            ("127.0.0.1", &["6.6.6.6, 192.0.2.1"], "192.0.2.1"),
            ("127.0.0.1", &["6.6.6.6", "192.0.2.1, 10.1.1.1"], "192.0.2.1"),
            ("127.0.0.1", &["192.0.2.1, nonsense"], "127.0.0.1"),
            ("192.0.2.9", &["6.6.6.6"], "192.0.2.9"),
            ("10.0.0.9", &["2001:db8::1"], "2001:db8::1"),
        ] {
            let mut headers = HeaderMap::new();
            for line in forwarded {
                headers.append(FORWARDED_FOR, line.parse().unwrap());
            }
            assert_eq!(client(peer.parse().unwrap(), &headers, &proxies).to_string(), expected, "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn kinds_are_few() {
        for (path, expected) in [
            ("/feed.rss", "rss"),
            ("/outlets/a/feed.atom", "atom"),
            ("/blogs/1/feed.json", "json"),
            ("/", "page"),
            ("/healthz", "health"),
            ("/events", "events"),
            ("/style.css", "static"),
            ("/.env", "other"),
            ("/a.b/c", "other"),
        ] {
            assert_eq!(kind(path), expected, "{path}");
        }
    }
}
