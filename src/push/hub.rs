//! The WebSub hub for our own feeds: asks subscribers whether they meant it, and sends them what is new in the feed when it changes
//! (W3C recommendation of 23 January 2018, sections 5 to 8).
//!
//! There is no queue. What a subscriber still lacks is the difference between the feed and what was delivered last, by its entity
//! tag; after a failure, a stop or a kill the next delivery holds all of it. One host is told one thing at a time.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;
use url::Url;

use super::sinks::{Clock, Outgoing};
use super::{patience, signature};
use crate::fetch::{Fetcher, Message, Reach, Reply};
use crate::metrics::Metrics;
use crate::store::{HubRequest, Store, StoreError, Subscription};

/// Hosts that are told something at once.
const HOSTS: usize = 16;

/// How often a subscriber that can't be reached is asked whether it meant it.
const ASKED: u32 = 5;

/// The longest pause after a failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// How often it is looked for what is due, if nothing else gives cause.
const LOOK: Duration = Duration::from_secs(60);

/// A feed, as far as somebody lacks it.
#[derive(Debug, Clone)]
pub struct Document {
    /// The entity tag of the whole feed as it is.
    pub etag: String,
    /// The feed's own type.
    pub content_type: String,
    /// The whole feed, or what has changed in it.
    pub body: Vec<u8>,
}

/// What of a feed is to be delivered.
#[derive(Debug, Clone)]
pub enum Lacking {
    /// Nothing.
    Nothing,
    /// This.
    Document(Arc<Document>),
    /// There is no such feed any more.
    Gone,
    /// It can't be had for now.
    Failing,
}

/// What is on its way to be known.
pub type Looking<'a> = Pin<Box<dyn Future<Output = Lacking> + Send + 'a>>;

/// The feeds that one may subscribe to.
pub trait Topics: Send + Sync + 'static {
    /// What somebody lacks of the feed at `topic`, path and query, who was delivered it under `etag`.
    fn lacking<'a>(&'a self, topic: &'a str, etag: Option<&'a str>) -> Looking<'a>;
    /// The whole address of a path.
    fn address(&self, path: &str) -> String;
    /// Whether a reader may read, whose token was shown when the subscription was made; none where none was asked for.
    fn admits(&self, reader: Option<&str>) -> bool;
}

/// The hub at work.
#[derive(Clone)]
pub struct Hub {
    /// Where subscriptions are kept, and whose changes are told of.
    pub store: Store,
    /// The feeds.
    pub topics: Arc<dyn Topics>,
    /// The path at which subscriptions are asked for.
    pub path: &'static str,
    /// Whether callbacks may be on a network that is not the public internet.
    pub reach: Reach,
    /// Tells the present.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Metrics,
    /// Told when a subscription is asked for.
    pub asked: Arc<Notify>,
}

/// One thing to tell a host.
enum Errand {
    Ask(HubRequest),
    Deliver(Subscription, Arc<Document>),
    /// That a subscription holds no longer, and why.
    Deny(Subscription, &'static str),
}

impl Errand {
    fn host(&self) -> &str {
        match self {
            Errand::Ask(asked) => &asked.host,
            Errand::Deliver(to, _) | Errand::Deny(to, _) => &to.host,
        }
    }
}

impl Hub {
    /// Asks and delivers until `stop` turns true.
    pub async fn run(self, settings: watch::Receiver<Outgoing>, mut stop: watch::Receiver<bool>) {
        let mut changed = self.store.changed();
        let mut running = JoinSet::new();
        let mut busy: HashSet<String> = HashSet::new();
        let mut failing = false;
        loop {
            changed.borrow_and_update();
            let fetcher = settings.borrow().fetcher.clone();
            let pause = match self.errands(&busy).await {
                Ok((errands, pause)) => {
                    failing = false;
                    for (host, errands) in errands {
                        if running.len() >= HOSTS {
                            break;
                        }
                        busy.insert(host.clone());
                        let (hub, fetcher) = (self.clone(), fetcher.clone());
                        running.spawn(async move {
                            hub.tell(errands, &fetcher).await;
                            host
                        });
                    }
                    pause
                }
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::error!("the hub can't tell anybody for now: {error}");
                    }
                    LOOK / 12
                }
            };
            tokio::select! {
                moved = changed.changed() => if moved.is_err() { return },
                () = self.asked.notified() => {}
                Some(ended) = running.join_next() => {
                    // A task that panicked does not say which host it was: all of them may be told again.
                    match ended {
                        Ok(host) => { busy.remove(&host); }
                        Err(_) => busy.clear(),
                    }
                }
                () = sleep(pause) => {}
                // What is under way is told again after the next start.
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// What there is to tell the hosts that are not being told something, and how long there is nothing more to do.
    async fn errands(&self, busy: &HashSet<String>) -> Result<(HashMap<String, Vec<Errand>>, Duration), StoreError> {
        let now = (self.clock)();
        let mut next = now + TimeDelta::from_std(LOOK).unwrap_or_default();
        let mut found: Vec<Errand> = Vec::new();
        for asked in self.store.hub_requests().await? {
            if asked.next_due > now {
                next = next.min(asked.next_due);
            } else if !busy.contains(&asked.host) {
                found.push(Errand::Ask(asked));
            }
        }
        let mut lacking: HashMap<(String, Option<String>), Lacking> = HashMap::new();
        let (hold, expired): (Vec<_>, Vec<_>) =
            self.store.subscriptions().await?.into_iter().partition(|subscription| subscription.expires > now);
        if !expired.is_empty() {
            self.store.expire_subscriptions(now).await?;
            tracing::info!(count = expired.len(), "subscriptions have expired");
        }
        for to in hold {
            next = next.min(to.expires);
            if !self.topics.admits(to.reader.as_deref()) {
                if !busy.contains(&to.host) {
                    found.push(Errand::Deny(to, "the token that it was made with is not valid any more"));
                }
                continue;
            }
            if to.next_due > now {
                next = next.min(to.next_due);
                continue;
            }
            if busy.contains(&to.host) {
                continue;
            }
            let key = (to.topic.clone(), to.etag.clone());
            let lacks = match lacking.get(&key) {
                Some(lacks) => lacks.clone(),
                None => {
                    let lacks = self.topics.lacking(&to.topic, to.etag.as_deref()).await;
                    lacking.insert(key, lacks.clone());
                    lacks
                }
            };
            match lacks {
                Lacking::Document(document) => found.push(Errand::Deliver(to, document)),
                Lacking::Gone => found.push(Errand::Deny(to, "there is no such feed any more")),
                Lacking::Nothing | Lacking::Failing => {}
            }
        }
        let mut errands: HashMap<String, Vec<Errand>> = HashMap::new();
        for errand in found {
            errands.entry(errand.host().to_owned()).or_default().push(errand);
        }
        Ok((errands, (next - now).to_std().unwrap_or_default().max(Duration::from_millis(10))))
    }

    /// Tells one host, one thing after the other.
    async fn tell(&self, errands: Vec<Errand>, fetcher: &Fetcher) {
        for errand in errands {
            let told = match errand {
                Errand::Ask(asked) => self.ask(asked, fetcher).await,
                Errand::Deliver(to, document) => self.deliver(to, &document, fetcher).await,
                Errand::Deny(to, reason) => self.deny(&to, reason, fetcher).await,
            };
            if let Err(error) = told {
                tracing::warn!("what a subscriber answered can't be noted: {error}");
                return;
            }
        }
    }

    /// Asks a subscriber whether it meant it (section 5.3).
    async fn ask(&self, asked: HubRequest, fetcher: &Fetcher) -> Result<(), StoreError> {
        let Ok(mut url) = Url::parse(&asked.callback) else { return self.store.unconfirmed(&asked, false).await };
        let mut bytes = [0; 24];
        if getrandom::fill(&mut bytes).is_err() {
            return self.later(asked, None).await;
        }
        let challenge = bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let topic = self.topics.address(&asked.topic);
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("hub.mode", if asked.subscribe { "subscribe" } else { "unsubscribe" });
            query.append_pair("hub.topic", &topic).append_pair("hub.challenge", &challenge);
            if asked.subscribe {
                query.append_pair("hub.lease_seconds", &asked.lease_s.to_string());
            }
        }
        let message = Message { body: None, headers: Vec::new() };
        match fetcher.send(&url, self.reach, message, (self.clock)()).await {
            Ok(reply)
                if reply.is_success() && reply.body.as_deref().map(<[u8]>::trim_ascii) == Some(challenge.as_bytes()) =>
            {
                self.metrics.delivered("verification", "taken");
                // What comes after this is new to the subscriber; a moment too early tells it something twice.
                let etag = match self.topics.lacking(&asked.topic, None).await {
                    Lacking::Document(document) => Some(document.etag.clone()),
                    _ => None,
                };
                let expires = (self.clock)() + TimeDelta::seconds(asked.lease_s.into());
                self.store.confirm(&asked, expires, etag.as_deref()).await
            }
            Ok(Reply { status: 500.., retry_after, .. }) => self.later(asked, retry_after).await,
            Ok(_) => {
                self.metrics.delivered("verification", "refused");
                tracing::debug!("a subscriber did not mean it");
                self.store.unconfirmed(&asked, false).await
            }
            Err(error) => {
                tracing::debug!("a subscriber can't be asked: {error}");
                self.later(asked, None).await
            }
        }
    }

    /// Tells a subscriber that its subscription has ended, and ends it (section 5.2). Once only: nothing is delivered meanwhile, and
    /// who can't be told learns it from silence.
    async fn deny(&self, to: &Subscription, reason: &str, fetcher: &Fetcher) -> Result<(), StoreError> {
        if let Ok(mut url) = Url::parse(&to.callback) {
            url.query_pairs_mut()
                .append_pair("hub.mode", "denied")
                .append_pair("hub.topic", &self.topics.address(&to.topic))
                .append_pair("hub.reason", reason);
            let told = fetcher.send(&url, self.reach, Message { body: None, headers: Vec::new() }, (self.clock)()).await;
            self.metrics.delivered("denial", if told.is_ok_and(|reply| reply.is_success()) { "taken" } else { "failed" });
        }
        tracing::info!(host = to.host, "a subscription was ended: {reason}");
        self.store.drop_subscription(&to.topic, &to.callback).await
    }

    async fn later(&self, asked: HubRequest, wish: Option<Duration>) -> Result<(), StoreError> {
        self.metrics.delivered("verification", "failed");
        let failures = asked.failures + 1;
        let asked = HubRequest { failures, next_due: self.after(failures, wish), ..asked };
        self.store.unconfirmed(&asked, failures < ASKED).await
    }

    fn after(&self, failures: u32, wish: Option<Duration>) -> DateTime<Utc> {
        let pause = patience::pause(failures, wish, LONGEST_PAUSE);
        (self.clock)() + TimeDelta::from_std(pause).unwrap_or(TimeDelta::hours(1))
    }

    /// Sends a subscriber what it lacks (section 7), signed where it gave a secret (section 8).
    async fn deliver(&self, to: Subscription, document: &Document, fetcher: &Fetcher) -> Result<(), StoreError> {
        let now = (self.clock)();
        let Ok(url) = Url::parse(&to.callback) else { return self.store.drop_subscription(&to.topic, &to.callback).await };
        if to.expires <= now {
            return Ok(());
        }
        let (hub, own) = (self.topics.address(self.path), self.topics.address(&to.topic));
        let mut headers = vec![("link", format!("<{hub}>; rel=\"hub\", <{own}>; rel=\"self\""))];
        headers.extend(to.secret.as_ref().map(|secret| ("x-hub-signature", signature::signature(secret, &document.body))));
        let message = Message { body: Some((document.body.clone(), document.content_type.clone())), headers };
        let (reason, wish) = match fetcher.send(&url, self.reach, message, now).await {
            Ok(reply) if reply.is_success() => {
                self.metrics.delivered("subscriber", "taken");
                let etag = Some(document.etag.clone());
                let next_due = DateTime::UNIX_EPOCH;
                let taken = Subscription { etag, failures: 0, next_due, last_error: None, ..to };
                return self.store.put_subscription(&taken).await;
            }
            Ok(Reply { status: 410, .. }) => {
                self.metrics.delivered("subscriber", "gone");
                return self.store.drop_subscription(&to.topic, &to.callback).await;
            }
            Ok(reply) => (format!("it answers with status {}", reply.status), reply.retry_after),
            Err(error) => (error.to_string(), None),
        };
        self.metrics.delivered("subscriber", "failed");
        tracing::debug!(host = to.host, "a subscriber does not take a feed: {reason}");
        let failures = to.failures.saturating_add(1);
        let failed = Subscription { failures, next_due: self.after(failures, wish), last_error: Some(reason), ..to };
        self.store.put_subscription(&failed).await
    }
}
