//! `/hub`: where subscriptions to our feeds are asked for (WebSub section 5.1), and what the hub at work asks of the server.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use tokio::sync::Notify;
use tokio::time::timeout;
use tower_service::Service;
use url::{Url, form_urlencoded};

use super::error::{Refused, quoted};
use super::readers::{Ours, Reader, without_secret};
use super::{ServerState, router};
use crate::config::HubSettings;
use crate::feed::Format;
use crate::internet::{is_public, literal};
use crate::push::{Document, Lacking, Looking, Topics};
use crate::store::HubRequest;

/// Where it is.
pub const PATH: &str = "/hub";

/// Bytes of a request's body, of an address in it, and of a secret.
const BODY: usize = 16 * 1024;
const LONGEST: usize = 2048;
const SECRET: usize = 200;

/// Seconds for which a subscription holds: without a wish, and between these.
const LEASE: u32 = 10 * 24 * 3600;
const LEASES: (u32, u32) = (60, 30 * 24 * 3600);

/// The hub as the server knows it.
#[derive(Debug)]
pub(super) struct Desk {
    settings: HubSettings,
    asked: Arc<Notify>,
}

impl ServerState {
    /// With a hub. Feeds name it from now on.
    pub fn with_hub(self, settings: HubSettings) -> Self {
        let _ = self.0.hub.set(Desk { settings, asked: Arc::default() });
        self
    }

    /// Told whenever a subscription is asked for; none without a hub.
    pub fn hub_asked(&self) -> Option<Arc<Notify>> {
        self.0.hub.get().map(|desk| desk.asked.clone())
    }

    /// The hub's address, where there is one.
    pub(super) fn hub_url(&self) -> Option<String> {
        self.0.hub.get().map(|_| format!("{}{PATH}", self.0.base))
    }
}

/// The route that takes a body.
pub(super) fn routes(state: &ServerState) -> Router<ServerState> {
    match state.0.hub.get() {
        Some(_) => Router::new().route(PATH, post(ask).fallback(|| async { Refused::HubMethod })),
        None => Router::new(),
    }
}

async fn ask(State(state): State<ServerState>, request: Request) -> Result<Response, Refused> {
    let Some(desk) = state.0.hub.get() else { return Err(Refused::NoPath(PATH.to_owned())) };
    let reader = request.extensions().get::<Reader>().map(|reader| reader.0.clone());
    let form = form(&state, request).await?;
    let wrong = |name: &str, told: String| Refused::BadQuery(format!("`{name}` {told}"));
    let field = |name: &str| -> Result<Option<String>, Refused> {
        let mut all = form.iter().filter(|(found, _)| found == name);
        match (all.next(), all.next()) {
            (_, Some(_)) => Err(wrong(name, "is there twice; once is enough".into())),
            (first, None) => Ok(first.map(|(_, value)| value.clone())),
        }
    };
    let needed = |name: &str| field(name)?.ok_or_else(|| wrong(name, "is missing".into()));
    let subscribe = match needed("hub.mode")?.as_str() {
        "subscribe" => true,
        "unsubscribe" => false,
        other => return Err(wrong("hub.mode", format!("is {}, and may be `subscribe` or `unsubscribe`", quoted(other)))),
    };
    let callback = callback(&needed("hub.callback")?, desk).map_err(|told| wrong("hub.callback", told))?;
    let topic = needed("hub.topic")?;
    let topic = state.topic(&topic, subscribe).await?;
    let lease_s = match field("hub.lease_seconds")?.filter(|_| subscribe) {
        None => LEASE,
        Some(text) => {
            let number = text
                .parse::<u64>()
                .map_err(|_| wrong("hub.lease_seconds", format!("is {}, and may be a number", quoted(&text))))?;
            u32::try_from(number).unwrap_or(u32::MAX).clamp(LEASES.0, LEASES.1)
        }
    };
    let secret = field("hub.secret")?.filter(|_| subscribe);
    if secret.as_ref().is_some_and(|secret| secret.is_empty() || secret.len() >= SECRET) {
        // Never repeated.
        return Err(wrong("hub.secret", format!("may have 1 to {} bytes", SECRET - 1)));
    }
    let now = match state.0.clock.get() {
        Some(clock) => clock.0(),
        None => return Err(Refused::Unavailable),
    };
    let asked = HubRequest {
        topic,
        host: callback.host_str().unwrap_or_default().to_owned(),
        callback: callback.into(),
        subscribe,
        secret,
        lease_s,
        reader,
        asked: now,
        failures: 0,
        next_due: now,
    };
    let noted = state.0.store.ask_hub(&asked, desk.settings.subscriptions, desk.settings.per_host).await;
    let noted = noted.map_err(|error| {
        tracing::error!("a subscription can't be noted: {error}");
        Refused::Unavailable
    })?;
    if !noted {
        return Err(Refused::HubFull);
    }
    desk.asked.notify_one();
    Ok((StatusCode::ACCEPTED, "the callback is asked whether it is meant\n").into_response())
}

/// The fields of a form, as they were sent.
async fn form(state: &ServerState, request: Request) -> Result<Vec<(String, String)>, Refused> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Refused::NoForm);
    }
    // Whoever sends it slowly has the time of a head: the stream hurries nobody once that has come.
    let body = timeout(state.0.limits.header, to_bytes(request.into_body(), BODY)).await;
    let body = body.map_err(|_| Refused::Slow)?.map_err(|_| Refused::LongForm)?;
    Ok(form_urlencoded::parse(&body).into_owned().collect())
}

fn callback(text: &str, desk: &Desk) -> Result<Url, String> {
    if text.len() > LONGEST {
        return Err(format!("is longer than {LONGEST} bytes"));
    }
    let mut url = crate::config::web_address(text).map_err(|told| format!("is wrong: {told}"))?;
    url.set_fragment(None);
    match literal(&url).filter(|address| !desk.settings.allow_private && !is_public(*address)) {
        Some(_) => Err("is not on the public internet".to_owned()),
        None => Ok(url),
    }
}

impl ServerState {
    /// The path and query of one of our feeds by its whole address. Whoever ends a subscription need not name one that is still there.
    async fn topic(&self, address: &str, subscribe: bool) -> Result<String, Refused> {
        let wrong = |told: &str| Refused::BadQuery(format!("`hub.topic` is {}, and {told}", quoted(address)));
        let ours = "has to be the address of one of the feeds here, as the feed gives it";
        if address.len() > LONGEST {
            return Err(wrong("is too long"));
        }
        let path = address.strip_prefix(&self.0.base).filter(|path| path.starts_with('/')).ok_or_else(|| wrong(ours))?;
        // A token is no part of the feed, and is not to be kept.
        let path = without_secret(path).ok_or_else(|| wrong(ours))?;
        let name = path.split('?').next().unwrap_or_default();
        if !Format::ALL.iter().any(|format| name.ends_with(&format!("/feed.{}", format.extension()))) {
            return Err(wrong(ours));
        }
        if subscribe && !matches!(self.lacking(&path, None).await, Lacking::Document(_)) {
            return Err(wrong("there is no such feed"));
        }
        Ok(path)
    }
}

impl Topics for ServerState {
    fn lacking<'a>(&'a self, topic: &'a str, etag: Option<&'a str>) -> Looking<'a> {
        Box::pin(async move {
            let mut request = Request::get(topic).header("a-im", "feed");
            if let Some(etag) = etag {
                request = request.header(IF_NONE_MATCH, etag);
            }
            let Ok(mut request) = request.body(Body::empty()) else { return Lacking::Gone };
            request.extensions_mut().insert(Ours);
            let Ok(response) = router(self.clone()).call(request).await;
            let header = |headers: &HeaderMap, name| Some(headers.get(name)?.to_str().ok()?.to_owned());
            match response.status() {
                StatusCode::NOT_MODIFIED => Lacking::Nothing,
                StatusCode::OK | StatusCode::IM_USED => {
                    let headers = response.headers();
                    let (Some(etag), Some(content_type)) = (header(headers, ETAG), header(headers, CONTENT_TYPE)) else {
                        return Lacking::Gone;
                    };
                    match to_bytes(response.into_body(), usize::MAX).await {
                        Ok(body) => Lacking::Document(Arc::new(Document { etag, content_type, body: body.into() })),
                        Err(_) => Lacking::Failing,
                    }
                }
                status if status.is_client_error() => Lacking::Gone,
                _ => Lacking::Failing,
            }
        })
    }

    fn address(&self, path: &str) -> String {
        format!("{}{path}", self.0.base)
    }

    fn admits(&self, reader: Option<&str>) -> bool {
        let settings = self.settings();
        let tokens = &settings.access.tokens;
        tokens.is_empty() || reader.is_some_and(|reader| tokens.iter().any(|token| token.name == reader))
    }
}
