//! Changes posted to the addresses that the settings name: in order, some at a time, each at least once. What a sink has taken is
//! noted in the store after it said so; a stop or a kill in between has it told again, with the same numbers.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use url::Url;

use super::{Event, patience, signature};
use crate::config::Sink;
use crate::fetch::{Fetcher, Message, Reach};
use crate::metrics::Metrics;
use crate::store::{SinkState, Store, StoreError};

/// Tells the present.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// Changes in one message, and bytes of it, at most; one change alone may be longer.
const AT_ONCE: usize = 100;
const MOST_BYTES: usize = 1 << 20;

/// Changes that a sink did not want after which it is noted that they have been looked at.
const PASSED: i64 = 10_000;

/// The longest pause after a failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// How soon the store is asked again after a failure.
const AGAIN: Duration = Duration::from_secs(5);

/// What of the settings decides what is sent where.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Where changes are posted to.
    pub sinks: Vec<Sink>,
    /// What sends them.
    pub fetcher: Fetcher,
}

/// What all sinks have in common.
#[derive(Clone)]
pub struct Sinks {
    /// Where changes come from, and where is noted what has been taken.
    pub store: Store,
    /// The address under which entries are served, without the last slash.
    pub base: Option<String>,
    /// Tells when something was taken.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Metrics,
}

impl Sinks {
    /// Posts to the sinks of the settings as they are now, until `stop` turns true.
    pub async fn run(self, mut settings: watch::Receiver<Outgoing>, mut stop: watch::Receiver<bool>) {
        loop {
            let outgoing = settings.borrow_and_update().clone();
            let mut each = JoinSet::new();
            for sink in outgoing.sinks {
                let (sinks, fetcher) = (self.clone(), outgoing.fetcher.clone());
                each.spawn(async move { sinks.feed(&sink, &fetcher).await });
            }
            tokio::select! {
                changed = settings.changed() => if changed.is_err() { return },
                _ = stop.wait_for(|stop| *stop) => return,
            }
            // What is under way is told again by whoever comes next.
            each.shutdown().await;
        }
    }

    /// Posts to one sink for ever.
    async fn feed(&self, sink: &Sink, fetcher: &Fetcher) {
        let mut changed = self.store.changed();
        let mut state = self.begun(sink).await;
        let mut noted = state.seq;
        loop {
            let page = match self.store.whole_changes(&sink.selection, state.seq, AT_ONCE).await {
                Ok(page) => page,
                Err(error) => {
                    wait_for_store(&error).await;
                    continue;
                }
            };
            if page.changes.is_empty() {
                state.seq = page.after;
                if state.seq - noted >= PASSED && self.store.put_sink(&state).await.is_ok() {
                    noted = state.seq;
                }
                // The sender is gone when the store is.
                if page.after >= page.newest && changed.wait_for(|newest| *newest > page.after).await.is_err() {
                    return;
                }
                continue;
            }
            let events = page.changes.into_iter().map(|whole| Event::of(whole, self.base.as_deref()));
            let Some((body, last, all)) = written(events) else { return };
            match self.post(sink, fetcher, body).await {
                Ok(()) => {
                    if state.failures > 0 {
                        tracing::info!(sink = shown(&sink.url), "a sink takes changes again");
                    }
                    let seq = if all { page.after } else { last };
                    let now = (self.clock)();
                    state = SinkState { seq, last_ok: Some(now), failures: 0, last_error: None, ..state };
                    noted = seq;
                    self.note(&state).await;
                }
                Err((reason, asked)) => {
                    if state.failures == 0 {
                        tracing::warn!(sink = shown(&sink.url), "a sink does not take changes: {reason}");
                    }
                    state.failures = state.failures.saturating_add(1);
                    state.last_error = Some(reason);
                    // That it fails is no reason to wait for the store too.
                    let _ = self.store.put_sink(&state).await;
                    sleep(patience::pause(state.failures, asked, LONGEST_PAUSE)).await;
                }
            }
        }
    }

    async fn begun(&self, sink: &Sink) -> SinkState {
        loop {
            match self.store.sink(sink.url.as_str()).await {
                Ok(state) => return state,
                Err(error) => wait_for_store(&error).await,
            }
        }
    }

    /// Notes what was taken, however long that takes: going on without would tell all of it again after a restart.
    async fn note(&self, state: &SinkState) {
        while let Err(error) = self.store.put_sink(state).await {
            wait_for_store(&error).await;
        }
    }

    async fn post(&self, sink: &Sink, fetcher: &Fetcher, body: Vec<u8>) -> Result<(), (String, Option<Duration>)> {
        let signed = sink.secret.as_ref().map(|key| ("tidings-signature", signature::signature(&key.0, &body)));
        let message = Message { body: Some((body, "application/json".to_owned())), headers: signed.into_iter().collect() };
        let reach = Reach::allowing_private(sink.allow_private);
        let failed = match fetcher.send(&sink.url, reach, message, (self.clock)()).await {
            Ok(reply) if reply.is_success() => {
                self.metrics.delivered("sink", "taken");
                return Ok(());
            }
            Ok(reply) => (format!("it answers with status {}", reply.status), reply.retry_after),
            // The address itself may be what is secret about it.
            Err(error) => (error.to_string().replace(sink.url.as_str(), &shown(&sink.url)), None),
        };
        self.metrics.delivered("sink", "failed");
        Err(failed)
    }
}

/// The first of `events` as one message that is not too long: the number of the last one in it, and whether all are.
fn written(events: impl Iterator<Item = Event>) -> Option<(Vec<u8>, i64, bool)> {
    let (mut body, mut last, mut all) = ("{\"changes\":[".to_owned(), 0, true);
    for event in events {
        let json = serde_json::to_string(&event).ok()?;
        if last > 0 && body.len() + json.len() > MOST_BYTES {
            all = false;
            break;
        }
        body += if last > 0 { "," } else { "" };
        body += &json;
        last = event.seq;
    }
    body += "]}";
    Some((body.into_bytes(), last, all))
}

async fn wait_for_store(error: &StoreError) {
    tracing::warn!("changes can't be posted for now: {error}");
    sleep(AGAIN).await;
}

/// An address for a log: whoever knows the whole of a webhook's can often post to it.
fn shown(url: &Url) -> String {
    format!("{}/…", url.origin().ascii_serialization())
}
