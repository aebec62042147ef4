//! One refresh of one address, from the request to the transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::time::Instant;
use url::Url;

use crate::background::{apart, busy};
use crate::fetch::{Fetched, Place, Reach, Validators};
use crate::model::LiveBlog;
use crate::page::Page;
use crate::store::{SourceState, StoreError};
use crate::wall;

use super::pace::at_pace;
use super::{Follower, Outcome, Refreshed, stopped};

/// This version of tidings: what becomes of a page is decided by its bytes and by who reads them.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a fetch and a reading came to, before anything is written.
pub(super) enum Answer {
    NotModified,
    SameBytes(Validators),
    Read(Box<Read>),
    Failed { reason: String, retry_after: Option<Duration> },
}

/// A page that was read.
pub(super) struct Read {
    pub blog: LiveBlog,
    pub page: Page,
    /// What the page looks like instead, where there is no entry on it.
    pub wall: Option<String>,
    pub validators: Validators,
    /// The answer's headers, as they are kept.
    pub headers: Vec<(String, String)>,
    pub hash: [u8; 32],
    /// Who read it.
    pub reader: Arc<str>,
    /// Kept until it is stored: where the store is slower than the outlets, pages wait with them and not here.
    pub _place: Option<Place>,
}

impl Answer {
    pub(super) fn failed(reason: impl Into<String>) -> Self {
        Answer::Failed { reason: reason.into(), retry_after: None }
    }
}

impl Follower {
    /// Refreshes one address and writes the result. Only a failure of the store is an error; whatever the outlet does is an
    /// outcome. `stop` drops the fetch; a write that has begun is finished.
    pub async fn refresh(&self, source: SourceState, mut stop: watch::Receiver<bool>) -> Result<Refreshed, StoreError> {
        let url = source.url.clone();
        let asked = AtomicBool::new(false);
        let answer = tokio::select! {
            biased;
            () = stopped(&mut stop) => None,
            answer = self.read(&source, &asked) => Some(answer),
        };
        let Some(answer) = answer else {
            // Where nothing has been asked yet the claim is given back: whoever starts next need not wait. Else that waits
            // as after any answer, or stopping and starting would ask more often than the interval.
            let state = match asked.load(Ordering::Relaxed) {
                true => at_pace(source, (self.clock)()),
                false => source,
            };
            // Boxed, as the older pages below: hundreds of refreshes wait for their hosts, few come here, and each would hold
            // room for it.
            Box::pin(self.store.put_source(&state)).await?;
            return Ok(self.refreshed(url, Outcome::Stopped));
        };
        // Also where the store fails: it was asked.
        self.hold(&url, TimeDelta::seconds(source.pace_s().into()));
        // Hundreds of pages may have come at once. It is never closed.
        let turn = self.settling.acquire().await;
        let follower = self.clone();
        let (outcome, state) = apart(async move { follower.settle(source, answer).await }).await?;
        drop(turn);
        // Both of one look at the wall clock, which may have been set since.
        let next = state.last_tried.map_or_else(TimeDelta::zero, |tried| state.next_due - tried);
        if state.backfill.as_ref().is_some_and(|backfill| backfill.next.is_some()) && state.failures == 0 {
            Box::pin(self.backfill(state, stop)).await?;
        }
        self.hold(&url, next);
        Ok(self.refreshed(url, outcome))
    }

    fn refreshed(&self, url: String, outcome: Outcome) -> Refreshed {
        self.metrics.fetched(&url, outcome.word());
        if let Outcome::Changed(tally) = &outcome {
            tally.each().into_iter().for_each(|(change, entries)| self.metrics.changed(change, entries));
        }
        Refreshed { url, outcome }
    }

    /// Notes on the monotonic clock when an address may be asked for again: the wall clock may be set meanwhile.
    fn hold(&self, url: &str, wait: TimeDelta) {
        let until = Instant::now() + wait.to_std().unwrap_or_default();
        self.held().insert(url.to_owned(), until);
    }

    /// Fetches and reads; touches no store.
    async fn read(&self, source: &SourceState, asked: &AtomicBool) -> Answer {
        let url = match Url::parse(&source.url) {
            Ok(url) => url,
            Err(error) => return Answer::failed(format!("this is not an address: {error}")),
        };
        let means = self.means();
        // A page that another reader has read is asked for whole: "not modified" would keep that one's reading.
        let ours = source.read_by.as_deref() == Some(&means.reader);
        let validators = if ours {
            Validators { etag: source.etag.clone(), last_modified: source.last_modified.clone() }
        } else {
            Validators::default()
        };
        // The fetcher looks at the clock when it asks for the page, after all waiting.
        let now = || {
            asked.store(true, Ordering::Relaxed);
            (self.clock)()
        };
        let (page, validators, headers, place) =
            match means.fetcher.get(&url, self.reach(&source.url), &validators, &now).await {
                Ok(Fetched::NotModified) => return Answer::NotModified,
                Ok(Fetched::Page { page, validators, headers, place }) => (page, validators, headers, place),
                Err(error) => {
                    return Answer::Failed { retry_after: error.retry_after(), reason: error.to_string() };
                }
            };
        let hash = page_hash(&page);
        if ours && source.body_hash == Some(hash) {
            return Answer::SameBytes(validators);
        }
        match self.split(page, source).await {
            Ok((blog, page, wall)) => Answer::Read(Box::new(Read {
                blog,
                page,
                wall,
                validators,
                headers,
                hash,
                reader: means.reader,
                _place: place,
            })),
            Err(reason) => Answer::failed(reason),
        }
    }

    /// How far an address may reach, as the configuration says.
    pub(super) fn reach(&self, url: &str) -> Reach {
        Reach::allowing_private(self.followed(url).is_some_and(|followed| followed.allow_private))
    }

    /// Makes a live blog of a page, and says what the page looks like where there is nothing on it.
    pub(super) async fn split(&self, page: Page, source: &SourceState) -> Result<(LiveBlog, Page, Option<String>), String> {
        let (split, outlet, metrics) = (self.means().split, source.outlet.clone(), self.metrics.clone());
        // Reading a page is work for milliseconds to seconds, and other tasks wait on this thread.
        let reading = move || {
            let started = Instant::now();
            let split = split(&page, outlet.as_deref());
            metrics.parsed(started.elapsed());
            let nothing = split.as_ref().map_or(true, |blog| blog.entries.is_empty());
            let wall = nothing.then(|| wall::told(&page)).flatten();
            (split, page, wall)
        };
        // It is never closed.
        let turn = self.reading.acquire().await;
        let read = busy(reading).await;
        drop(turn);
        match read {
            Ok((Ok(mut blog), page, wall)) => {
                if let Some(title) = &source.title {
                    blog.head.headline.clone_from(title);
                }
                Ok((blog, page, wall))
            }
            Ok((Err(refusal), _, None)) => Err(refusal.to_string()),
            Ok((Err(refusal), _, Some(wall))) => Err(format!("{refusal} ({wall})")),
            Err(_) => Err("reading the page broke off; this is a bug in tidings".to_owned()),
        }
    }
}

fn page_hash(page: &Page) -> [u8; 32] {
    let mut hash = Sha256::new();
    // Its charset parameter decides what the same bytes say.
    hash.update(page.content_type.as_deref().unwrap_or_default());
    hash.update([0]);
    hash.update(&page.body);
    hash.finalize().into()
}
