//! One request to an address that somebody gave us to be sent something: bounded and guarded as a fetch is, and without its
//! manners, since here it is they who asked. No redirect is followed: what is sent is meant for this address.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Method};
use url::Url;

use super::address::Reach;
use super::body::{self, Most};
use super::budget::{Budget, Overdue};
use super::error::FetchError;
use super::{Fetcher, Inner, headers, redirect, without_login};

/// The longest that it may take, the answer's body included: whoever is told something has nothing to think about.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Bytes of an answer's body that are read. A challenge is repeated in it, nothing else.
const ANSWER: usize = 4096;

/// What is sent.
#[derive(Debug, Clone)]
pub struct Message {
    /// POSTed with its type; none for a GET.
    pub body: Option<(Vec<u8>, String)>,
    /// More headers. One whose value can't be sent is left out.
    pub headers: Vec<(&'static str, String)>,
}

/// What it is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// How long a 429 or 503 asks to be left alone: one minute to one day.
    pub retry_after: Option<Duration>,
    /// The body, if it is short.
    pub body: Option<Vec<u8>>,
}

impl Reply {
    /// Whether it says that all is well.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Fetcher {
    /// Sends `message` to `url`, once. `now` is what a date in the answer is counted from.
    pub async fn send(&self, url: &Url, reach: Reach, message: Message, now: DateTime<Utc>) -> Result<Reply, FetchError> {
        let mut budget = Budget::new(TIMEOUT.min(self.0.settings.timeout));
        self.0.send_message(url, reach, message, now, &mut budget).await
    }
}

impl Inner {
    async fn send_message(
        &self,
        url: &Url,
        reach: Reach,
        message: Message,
        now: DateTime<Utc>,
        budget: &mut Budget,
    ) -> Result<Reply, FetchError> {
        redirect::check(url).map_err(|reason| FetchError::Address { url: without_login(url), reason: reason.to_owned() })?;
        if let Some(reason) = self.no_tls.as_ref().filter(|_| url.scheme() == "https") {
            return Err(FetchError::Setup { reason: reason.clone() });
        }
        let client = match reach {
            Reach::Public => {
                redirect::check_reach(url, self.network.public)?;
                &self.public
            }
            Reach::Anywhere => &self.anywhere,
        };
        let mut more = HeaderMap::new();
        for (name, value) in &message.headers {
            if let Ok(value) = HeaderValue::from_str(value) {
                more.append(HeaderName::from_static(name), value);
            }
        }
        more.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let request = match message.body {
            None => client.request(Method::GET, url.clone()),
            Some((body, kind)) => {
                client.request(Method::POST, url.clone()).header("content-type", kind).body(Body::from(body))
            }
        };
        let sent = budget.spend_rest(request.headers(more).send()).await;
        let mut response = match sent {
            Ok(sent) => sent.map_err(|error| self.no_answer(url, &error))?,
            Err(Overdue::Step | Overdue::Whole) => {
                return Err(FetchError::Timeout { url: url.clone(), what: "no answer", after: TIMEOUT });
            }
        };
        let status = response.status();
        let retry_after = headers::retry_after(status, response.headers(), now);
        let most = Most { wire: ANSWER, decoded: ANSWER };
        let body = budget.spend_rest(body::whole(&mut response, most)).await;
        Ok(Reply { status: status.as_u16(), retry_after, body: body.ok().and_then(Result::ok) })
    }
}
