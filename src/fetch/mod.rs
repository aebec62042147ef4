//! One polite, bounded, guarded GET: what a live blog's address gives today, or why it gives nothing.
//!
//! Polite: an honest user agent, robots.txt, one request at a time to a host and a gap between two, conditional requests, no
//! cookies, no referer, HTTP/1.1. Bounded: in time, in bytes on the wire and after decompression, in redirects. Guarded:
//! what is connected to is public, at each hop, unless the config says otherwise of that live blog. A body that broke off is
//! an error and never a page, so that it can't replace a whole one. Proxies named in the environment are not used: what is
//! fetched depends on the config alone.

mod address;
mod body;
mod budget;
mod coding;
mod error;
mod gate;
mod headers;
mod network;
mod permission;
mod redirect;
mod robots;
mod send;
mod settings;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH};
use reqwest::{Client, ClientBuilder, Response, StatusCode};
use url::Url;

pub use crate::internet::is_public;
pub use address::Reach;
pub use error::FetchError;
pub use gate::Place;
pub use headers::Validators;
pub use network::{Looking, Network};
pub use send::{Message, Reply};
pub use settings::FetchSettings;

use crate::page::{Captured, Page};
use body::{Most, NoBody};
use budget::{Budget, Overdue};
use error::{chain, refused_address};
use gate::{Gate, Visit};
use permission::Permissions;

/// Other kinds are refused, so they are not asked for either.
const WANTED: &str = "text/html, application/xhtml+xml, application/json;q=0.9, text/plain;q=0.8";

/// What a successful fetch gives.
#[allow(clippy::large_enum_variant, reason = "made once for each fetch and taken apart at once")]
#[derive(Debug)]
pub enum Fetched {
    /// The page is as it was when the validators were handed out.
    NotModified,
    /// The page, and what to send along the next time.
    Page {
        /// The page, under its final address.
        page: Page,
        /// For the next [`Fetcher::get`].
        validators: Validators,
        /// The headers of the answer, without what is between the outlet and one visitor (cookies), or two machines.
        headers: Vec<(String, String)>,
        /// The place among the fetches that run at once: kept until the page has been read and stored, it also bounds how many
        /// pages are in memory.
        place: Option<Place>,
    },
}

/// Fetches pages within the limits it was made with. Cheap to clone; all clones together are one visitor.
#[derive(Debug, Clone)]
pub struct Fetcher(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Connects to public addresses only.
    public: Client,
    anywhere: Client,
    settings: FetchSettings,
    network: Network,
    gate: Gate,
    permissions: Permissions,
    /// The name that robots.txt files may call us by.
    agent: String,
    /// Why `https` can't be spoken here, where it can't.
    no_tls: Option<String>,
}

impl Fetcher {
    /// A fetcher that keeps to `settings`.
    pub fn new(settings: &FetchSettings) -> Result<Fetcher, FetchError> {
        Fetcher::on(Network::default(), settings)
    }

    /// One that finds its way through another network than the system's.
    pub fn on(network: Network, settings: &FetchSettings) -> Result<Fetcher, FetchError> {
        // An error says that a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (public, no_tls) = built(|| client(settings).dns_resolver(Arc::new(network::PublicOnly(network.clone()))))?;
        let (anywhere, _) = built(|| client(settings).dns_resolver(Arc::new(network::Anywhere(network.clone()))))?;
        Ok(Fetcher(Arc::new(Inner {
            public,
            anywhere,
            settings: settings.clone(),
            network,
            gate: Gate::new(settings.at_once, settings.gap),
            permissions: Permissions::default(),
            agent: settings.product(),
            no_tls,
        })))
    }

    /// Gets `url`, with `validators` from the last time. `now` is asked for the instant of capture whenever the page is about
    /// to be asked for, which may be long after the call: it waits for its turn.
    pub async fn get(
        &self,
        url: &Url,
        reach: Reach,
        validators: &Validators,
        now: &(dyn Fn() -> DateTime<Utc> + Send + Sync),
    ) -> Result<Fetched, FetchError> {
        self.0.get(url, reach, validators, now).await
    }
}

/// A page, what to send along the next time, and its headers.
type Answered = (Page, Validators, Vec<(String, String)>);

impl Inner {
    async fn get(
        &self,
        url: &Url,
        reach: Reach,
        validators: &Validators,
        now: &(dyn Fn() -> DateTime<Utc> + Send + Sync),
    ) -> Result<Fetched, FetchError> {
        redirect::check(url).map_err(|reason| FetchError::Address { url: without_login(url), reason: reason.to_owned() })?;
        // What is not asked for, whatever its host may say, needs no turn there.
        self.can_speak(url)?;
        self.not_forbidden(url)?;
        let mut visit = self.gate.visit();
        self.enter(url, reach, &mut visit).await?;
        // Boxed: hundreds may wait for their hosts above, and each would hold room for all of it.
        Box::pin(self.get_within(visit, url, reach, validators, now)).await
    }

    /// Whether the scheme of `url` can be spoken on this machine.
    fn can_speak(&self, url: &Url) -> Result<(), FetchError> {
        match &self.no_tls {
            Some(reason) if url.scheme() == "https" => Err(FetchError::Setup { reason: reason.clone() }),
            _ => Ok(()),
        }
    }

    /// Redirects are followed here and not by the client, so that each hop is looked at and an error can name the way.
    async fn get_within(
        &self,
        mut visit: Visit<'_>,
        url: &Url,
        reach: Reach,
        validators: &Validators,
        now: &(dyn Fn() -> DateTime<Utc> + Send + Sync),
    ) -> Result<Fetched, FetchError> {
        let mut start = url.clone();
        start.set_fragment(None);
        let (mut way, mut budget) = (vec![start], Budget::new(self.settings.timeout));
        loop {
            let here = &way[way.len() - 1];
            self.can_speak(here)?;
            self.permitted(here, reach, &mut visit, &mut budget, now).await?;
            self.enter(here, reach, &mut visit).await?;
            let asked_at = now();
            let response = self.send(here, reach, WANTED, validators, &mut budget).await?;
            if redirect::is_redirect(response.status()) {
                let there = redirect::next(&way, response.headers(), self.settings.max_redirects)
                    .map_err(|reason| FetchError::Redirect { url: url.clone(), reason })?;
                way.push(there);
                continue;
            }
            let read = budget.spend_rest(self.read(here, response, validators, asked_at)).await;
            let read = read.unwrap_or_else(|_| Err(self.overdue(url)));
            if let Err(error) = &read
                && let Some(pause) = error.retry_after()
            {
                visit.rest(pause);
            }
            let (page, validators, headers) = match read? {
                None => return Ok(Fetched::NotModified),
                Some(read) => read,
            };
            return Ok(Fetched::Page { page, validators, headers, place: visit.end() });
        }
    }

    /// Waits until the host of `url` may be asked something, if it may be asked at all.
    async fn enter(&self, url: &Url, reach: Reach, visit: &mut Visit<'_>) -> Result<(), FetchError> {
        if reach == Reach::Public {
            redirect::check_reach(url, self.network.public)?;
        }
        // A dot at the end names the same host.
        let entered = visit.at(url.host_str().unwrap_or_default().trim_end_matches('.')).await;
        entered.map_err(|left| FetchError::Resting { url: url.clone(), left })
    }

    /// One request, until the head of its answer is there.
    async fn send(
        &self,
        url: &Url,
        reach: Reach,
        wanted: &'static str,
        validators: &Validators,
        budget: &mut Budget,
    ) -> Result<Response, FetchError> {
        let client = match reach {
            Reach::Public => &self.public,
            Reach::Anywhere => &self.anywhere,
        };
        let mut request = client
            .get(url.clone())
            .header(ACCEPT, HeaderValue::from_static(wanted))
            .header(ACCEPT_ENCODING, HeaderValue::from_static(coding::OFFERED));
        for (name, value) in [(IF_NONE_MATCH, &validators.etag), (IF_MODIFIED_SINCE, &validators.last_modified)] {
            if let Some(value) = value.as_deref().and_then(headers::sendable) {
                request = request.header(name, value);
            }
        }
        let after = self.settings.header_timeout;
        match budget.spend(after, request.send()).await {
            Ok(sent) => sent.map_err(|e| self.no_answer(url, &e)),
            Err(Overdue::Step) => Err(FetchError::Timeout { url: url.clone(), what: "no answer", after }),
            Err(Overdue::Whole) => Err(self.overdue(url)),
        }
    }

    fn no_answer(&self, url: &Url, error: &reqwest::Error) -> FetchError {
        let url = url.clone();
        if let Some(address) = refused_address(error) {
            return FetchError::NotPublic { url, address };
        }
        if error.is_timeout() {
            return FetchError::Timeout { url, what: "no connection", after: self.settings.connect_timeout };
        }
        FetchError::Unreachable { url, reason: chain(error) }
    }

    fn overdue(&self, url: &Url) -> FetchError {
        FetchError::Timeout { url: url.clone(), what: "no whole answer", after: self.settings.timeout }
    }

    /// What an answer that is no redirect holds; none where it is what `sent` was handed out for.
    async fn read(
        &self,
        url: &Url,
        mut response: Response,
        sent: &Validators,
        now: DateTime<Utc>,
    ) -> Result<Option<Answered>, FetchError> {
        match response.status() {
            StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION => {}
            StatusCode::NOT_MODIFIED if !sent.is_empty() => return Ok(None),
            status => {
                let retry_after = headers::retry_after(status, response.headers(), now);
                return Err(FetchError::Status { url: url.clone(), status: status.as_u16(), retry_after });
            }
        }
        let no_page = |found: String| FetchError::NotAPage { url: url.clone(), found };
        let content_type =
            response.headers().get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        if let Some(found) = content_type.as_deref().filter(|found| !headers::is_page(found)) {
            return Err(no_page(format!("its type is `{}`", headers::shown(found))));
        }
        let validators = Validators::from_headers(response.headers());
        let kept = headers::kept(response.headers());
        let most = Most { wire: self.settings.max_wire, decoded: self.settings.max_body };
        let body = body::whole(&mut response, most).await.map_err(|error| error.into_error(url, &self.settings))?;
        if content_type.is_none() && !body::may_be_text(&body) {
            return Err(no_page("it says no type, and it is not text".to_owned()));
        }
        let page = Page { body, url: Some(url.clone()), content_type, captured: Captured::At(now) };
        Ok(Some((page, validators, kept)))
    }
}

impl NoBody {
    fn into_error(self, url: &Url, settings: &FetchSettings) -> FetchError {
        let url = url.clone();
        match self {
            NoBody::Coding(found) => FetchError::NotAPage { url, found },
            NoBody::Wire => FetchError::TooLarge { url, limit: settings.max_wire, key: "max_wire" },
            NoBody::Decoded => FetchError::TooLarge { url, limit: settings.max_body, key: "max_body" },
            NoBody::Damaged(reason) => FetchError::Damaged { url, reason },
        }
    }
}

/// Messages end in logs, where a password must not.
fn without_login(url: &Url) -> Url {
    let mut url = url.clone();
    // An error says that such an address has no place for them.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

/// The client, and why it can't speak `https`, where it can't: a machine without CA certificates can't verify anybody, but
/// it can still serve what it holds and speak `http`.
fn built(client: impl Fn() -> ClientBuilder) -> Result<(Client, Option<String>), FetchError> {
    match client().build() {
        Ok(client) => Ok((client, None)),
        Err(why) => match client().tls_certs_only([]).build() {
            Ok(client) => Ok((client, Some(chain(&why)))),
            Err(e) => Err(FetchError::Setup { reason: chain(&e) }),
        },
    }
}

fn client(settings: &FetchSettings) -> ClientBuilder {
    Client::builder()
        .user_agent(settings.agent())
        .connect_timeout(settings.connect_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        // The next visit is minutes away; an open connection would only cost both sides a descriptor.
        .pool_max_idle_per_host(0)
}
