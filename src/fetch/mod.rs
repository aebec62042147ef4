//! One polite, bounded GET: what a live blog's address gives today, or why it gives nothing.
//!
//! Polite: an honest user agent, conditional requests, no cookies, no referer, HTTP/1.1. Bounded: in time, in bytes after
//! decompression, in redirects. A body that broke off is an error and never a page, so that it can't replace a whole one.
//! Proxies named in the environment are not used: what is fetched depends on the config alone.

mod error;
mod headers;
mod redirect;
mod settings;

use chrono::{DateTime, Utc};
use reqwest::header::{ACCEPT, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, IF_MODIFIED_SINCE, IF_NONE_MATCH};
use reqwest::{Client, ClientBuilder, Response, StatusCode};
use url::Url;

pub use error::FetchError;
pub use headers::Validators;
pub use settings::FetchSettings;

use crate::page::{Captured, Page};
use error::chain;

/// Other kinds are refused, so they are not asked for either.
const WANTED: &str = "text/html, application/xhtml+xml, application/json;q=0.9, text/plain;q=0.8";

/// What a successful fetch gives.
#[derive(Debug, Clone)]
pub enum Fetched {
    /// The page is as it was when the validators were handed out.
    NotModified,
    /// The page, and what to send along the next time.
    Page {
        /// The page, under its final address.
        page: Page,
        /// For the next [`Fetcher::get`].
        validators: Validators,
    },
}

/// Fetches pages within the limits it was made with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Fetcher {
    client: Client,
    settings: FetchSettings,
    /// Why `https` can't be spoken here, where it can't.
    no_tls: Option<String>,
}

impl Fetcher {
    /// A fetcher that keeps to `settings`.
    pub fn new(settings: &FetchSettings) -> Result<Fetcher, FetchError> {
        // An error says that a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let setup = |e: reqwest::Error| FetchError::Setup { reason: chain(&e) };
        let (client, no_tls) = match client(settings).build() {
            Ok(client) => (client, None),
            // A machine without CA certificates can't verify anybody, but it can still serve what it holds and speak http.
            Err(e) => (client(settings).tls_certs_only([]).build().map_err(setup)?, Some(chain(&e))),
        };
        Ok(Fetcher { client, settings: settings.clone(), no_tls })
    }

    /// Gets `url`, with `validators` from the last time. `now` is the instant of capture.
    pub async fn get(&self, url: &Url, validators: &Validators, now: DateTime<Utc>) -> Result<Fetched, FetchError> {
        let after = self.settings.timeout;
        match tokio::time::timeout(after, self.follow(url, validators, now)).await {
            Ok(fetched) => fetched,
            Err(_) => Err(FetchError::Timeout { url: url.clone(), what: "no whole answer", after }),
        }
    }

    /// Redirects are followed here and not by the client, so that an error can name the way.
    async fn follow(&self, url: &Url, validators: &Validators, now: DateTime<Utc>) -> Result<Fetched, FetchError> {
        redirect::check(url).map_err(|reason| FetchError::Address { url: without_login(url), reason: reason.to_owned() })?;
        let mut start = url.clone();
        start.set_fragment(None);
        let mut way = vec![start];
        loop {
            let here = &way[way.len() - 1];
            let response = self.send(here, validators).await?;
            if !redirect::is_redirect(response.status()) {
                return self.read(here.clone(), response, validators, now).await;
            }
            let there = redirect::next(&way, response.headers(), self.settings.max_redirects)
                .map_err(|reason| FetchError::Redirect { url: url.clone(), reason })?;
            way.push(there);
        }
    }

    async fn send(&self, url: &Url, validators: &Validators) -> Result<Response, FetchError> {
        if let Some(reason) = self.no_tls.as_ref().filter(|_| url.scheme() == "https") {
            return Err(FetchError::Setup { reason: reason.clone() });
        }
        let mut request = self.client.get(url.clone()).header(ACCEPT, WANTED);
        for (name, value) in [(IF_NONE_MATCH, &validators.etag), (IF_MODIFIED_SINCE, &validators.last_modified)] {
            if let Some(value) = value.as_deref().and_then(headers::sendable) {
                request = request.header(name, value);
            }
        }
        request.send().await.map_err(|e| {
            let url = url.clone();
            if e.is_timeout() {
                return FetchError::Timeout { url, what: "no connection", after: self.settings.connect_timeout };
            }
            FetchError::Unreachable { url, reason: chain(&e) }
        })
    }

    async fn read(
        &self,
        url: Url,
        mut response: Response,
        sent: &Validators,
        now: DateTime<Utc>,
    ) -> Result<Fetched, FetchError> {
        match response.status() {
            StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION => {}
            StatusCode::NOT_MODIFIED if !sent.is_empty() => return Ok(Fetched::NotModified),
            status => {
                let retry_after = headers::retry_after(status, response.headers(), now);
                return Err(FetchError::Status { url, status: status.as_u16(), retry_after });
            }
        }
        let content_type =
            response.headers().get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        if let Some(found) = content_type.as_deref().filter(|found| !headers::is_page(found)) {
            return Err(FetchError::NotAPage { url, found: format!("its type is `{}`", headers::shown(found)) });
        }
        // The client takes the header away with the coding; what is left is one that we did not offer.
        if let Some(coding) = response.headers().get(CONTENT_ENCODING).filter(|coding| *coding != "identity") {
            let found = format!("its content coding is `{}`", headers::shown(&String::from_utf8_lossy(coding.as_bytes())));
            return Err(FetchError::NotAPage { url, found });
        }
        let limit = self.settings.max_body;
        let announced = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|length| length > limit as u64) {
            return Err(FetchError::TooLarge { url, limit });
        }
        let validators = Validators::from_headers(response.headers());
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > limit => return Err(FetchError::TooLarge { url, limit }),
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(e) => return Err(FetchError::Damaged { url, reason: chain(&e) }),
            }
        }
        let page = Page { body, url: Some(url), content_type, captured: Captured::At(now) };
        Ok(Fetched::Page { page, validators })
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

fn client(settings: &FetchSettings) -> ClientBuilder {
    Client::builder()
        .user_agent(&settings.user_agent)
        .connect_timeout(settings.connect_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        // "deflate" is zlib for some servers and raw for others; nobody has to use it.
        .no_deflate()
}
