//! One refresh of one address, from the request to the transaction.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use url::Url;

use crate::fetch::{Fetched, Reach, Validators};
use crate::model::LiveBlog;
use crate::page::Page;
use crate::reconcile::{Changes, Reading};
use crate::store::{NewCapture, SourceState, StoreError};

use super::{Follower, Refreshed, stopped};

/// The longest pause between two tries of a failing address, unless its own interval is longer.
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);

/// This version of tidings: what becomes of a page is decided by its bytes and by who reads them.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How a refresh went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The outlet says that nothing changed.
    NotModified,
    /// A page came, and there is nothing new in it.
    Unchanged,
    /// Something changed of what a feed shows; with zero of all, the head alone.
    Changed(Tally),
    /// A page came and no entry could be found in it. What was stored before is kept.
    Empty(String),
    /// No page came, or none that can be read. What was stored before is kept.
    Failed(String),
    /// It was stopped before it was done, and nothing was written.
    Stopped,
}

/// How many entries of a live blog a refresh changed, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Entries never seen before.
    pub new: usize,
    /// Entries that say something else.
    pub edited: usize,
    /// Entries that say the same with another mark, link or picture.
    pub touched: usize,
    /// Entries that the outlet took back.
    pub withdrawn: usize,
    /// Entries that it shows again.
    pub restored: usize,
}

impl From<&Changes> for Outcome {
    fn from(changes: &Changes) -> Self {
        if changes.is_empty() {
            return Outcome::Unchanged;
        }
        Outcome::Changed(Tally {
            new: changes.new.len(),
            edited: changes.edited.len(),
            touched: changes.touched.len(),
            withdrawn: changes.withdrawn.len(),
            restored: changes.restored.len(),
        })
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Tally::default() {
            return f.write_str("its head changed");
        }
        write!(f, "{} new, {} edited", self.new, self.edited)?;
        let rare = [(self.touched, "touched"), (self.withdrawn, "withdrawn"), (self.restored, "restored")];
        rare.iter().filter(|(count, _)| *count > 0).try_for_each(|(count, what)| write!(f, ", {count} {what}"))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::NotModified => f.write_str("not modified"),
            Outcome::Unchanged => f.write_str("nothing new"),
            Outcome::Changed(tally) => tally.fmt(f),
            Outcome::Empty(reason) | Outcome::Failed(reason) => f.write_str(reason),
            Outcome::Stopped => f.write_str("stopped before it was done"),
        }
    }
}

/// What a fetch and a reading came to, before anything is written.
enum Answer {
    NotModified,
    SameBytes(Validators),
    Read { blog: Box<LiveBlog>, page: Page, validators: Validators, hash: [u8; 32] },
    Failed { reason: String, retry_after: Option<Duration> },
}

impl Answer {
    fn failed(reason: impl Into<String>) -> Self {
        Answer::Failed { reason: reason.into(), retry_after: None }
    }
}

impl Follower {
    /// Refreshes one address and writes the result. Only a failure of the store is an error; whatever the outlet does is an
    /// outcome. `stop` drops the fetch; a write that has begun is finished.
    pub async fn refresh(&self, source: SourceState, mut stop: watch::Receiver<bool>) -> Result<Refreshed, StoreError> {
        let url = source.url.clone();
        let answer = tokio::select! {
            biased;
            () = stopped(&mut stop) => None,
            answer = self.read(&source) => Some(answer),
        };
        let Some(answer) = answer else {
            // The claim is given back: whoever starts next does not wait for the lease.
            self.store.put_source(&source).await?;
            return Ok(Refreshed { url, outcome: Outcome::Stopped });
        };
        let outcome = self.settle(source, answer).await?;
        Ok(Refreshed { url, outcome })
    }

    /// Fetches and reads; touches no store.
    async fn read(&self, source: &SourceState) -> Answer {
        let url = match Url::parse(&source.url) {
            Ok(url) => url,
            Err(error) => return Answer::failed(format!("this is not an address: {error}")),
        };
        // A page that another version read is asked for whole: "not modified" would keep that version's reading.
        let ours = source.read_by.as_deref() == Some(VERSION);
        let validators = if ours {
            Validators { etag: source.etag.clone(), last_modified: source.last_modified.clone() }
        } else {
            Validators::default()
        };
        let reach = Reach::allowing_private(self.followed(&source.url).is_some_and(|followed| followed.allow_private));
        let (page, validators, _place) = match self.fetcher.get(&url, reach, &validators, &*self.clock).await {
            Ok(Fetched::NotModified) => return Answer::NotModified,
            Ok(Fetched::Page { page, validators, place }) => (page, validators, place),
            Err(error) => {
                return Answer::Failed { retry_after: error.retry_after(), reason: error.to_string() };
            }
        };
        let hash = page_hash(&page);
        if ours && source.body_hash == Some(hash) {
            return Answer::SameBytes(validators);
        }
        let (split, outlet) = (self.split.clone(), source.outlet.clone());
        // Reading a page is work for milliseconds to seconds, and other tasks wait on this thread.
        let reading = move || split(&page, outlet.as_deref()).map(|blog| (blog, page));
        match tokio::task::spawn_blocking(reading).await {
            Ok(Ok((mut blog, page))) => {
                if let Some(title) = &source.title {
                    blog.head.headline.clone_from(title);
                }
                Answer::Read { blog: Box::new(blog), page, validators, hash }
            }
            Ok(Err(refusal)) => Answer::failed(refusal.to_string()),
            Err(_) => Answer::failed("reading the page broke off; this is a bug in tidings"),
        }
    }

    async fn settle(&self, source: SourceState, answer: Answer) -> Result<Outcome, StoreError> {
        let now = (self.clock)();
        let before = source.clone();
        match answer {
            Answer::NotModified => self.settle_same(&before, well(source, now), Outcome::NotModified).await,
            Answer::SameBytes(validators) => {
                let state = with_validators(well(source, now), validators);
                self.settle_same(&before, state, Outcome::Unchanged).await
            }
            Answer::Failed { reason, retry_after } => {
                let mut state = ill(source, reason.clone(), now);
                // The outlet may ask for a longer pause than ours, never for a shorter one.
                if let Some(asked) = retry_after.and_then(|after| TimeDelta::from_std(after).ok()) {
                    state.next_due = state.next_due.max(now + asked);
                }
                self.store.put_source(&state).await?;
                tell(&before, &state);
                Ok(Outcome::Failed(reason))
            }
            Answer::Read { blog, .. } if blog.entries.is_empty() => self.settle_empty(source, *blog, now).await,
            Answer::Read { blog, page, validators, hash } => {
                let mut state = with_validators(well(source, now), validators);
                let seen = page.captured.latest();
                let reread = state.body_hash == Some(hash);
                let reading = Reading { plain: page.is_plain(), reread, ..Reading::new(&blog, seen) };
                let headers = headers(&page, &state);
                let capture = NewCapture {
                    url: page.url.as_ref().map(Url::as_str),
                    outlet: before.outlet.as_deref(),
                    title: before.title.as_deref(),
                    content_type: page.content_type.as_deref(),
                    headers: &headers,
                    body: &page.body,
                    known_as: before.blog,
                    read_by: VERSION,
                };
                state.body_hash = Some(hash);
                state.read_by = Some(VERSION.to_owned());
                state.problems.clone_from(&blog.problems);
                let changes = self.store.save(&reading, Some(&capture), Some(&state)).await?;
                tell(&before, &state);
                let outcome = Outcome::from(&changes);
                tracing::debug!(url = state.url, "{outcome}");
                Ok(outcome)
            }
        }
    }

    /// The page is as it was. That alone tells something: what it lacked for the first time, it lacks again.
    async fn settle_same(&self, before: &SourceState, state: SourceState, outcome: Outcome) -> Result<Outcome, StoreError> {
        let changes = match (state.blog, state.last_ok) {
            (Some(blog), Some(seen)) => self.store.save_again(blog, seen, Some(&state)).await?,
            _ => {
                self.store.put_source(&state).await?;
                Changes::default()
            }
        };
        tell(before, &state);
        Ok(if changes.is_empty() { outcome } else { Outcome::from(&changes) })
    }

    /// A page without entries never takes any away: it is a consent wall or a new layout far more often than the truth. Its
    /// bytes and validators are not remembered, or the next "not modified" would pass for a recovery.
    async fn settle_empty(&self, source: SourceState, blog: LiveBlog, now: DateTime<Utc>) -> Result<Outcome, StoreError> {
        let before = source.clone();
        let mut held = self.store.holds(blog.head.id).await?;
        if let Some(id) = source.blog {
            held |= self.store.holds(id).await?;
        }
        let mut state = if held {
            ill(source, "the page came without a single entry; what was read before is kept".to_owned(), now)
        } else {
            // A live blog may be announced before its first entry: nothing is wrong, and the first one is worth being
            // there for, so there is no growing pause.
            let last_error = Some("the page has no entries yet, or none that can be read".to_owned());
            SourceState { last_error, ..well(source, now) }
        };
        state.problems = blog.problems;
        self.store.put_source(&state).await?;
        tell(&before, &state);
        Ok(Outcome::Empty(state.last_error.unwrap_or_default()))
    }
}

/// The state after a refresh that went well.
fn well(source: SourceState, now: DateTime<Utc>) -> SourceState {
    SourceState {
        last_tried: Some(now),
        last_ok: Some(now),
        next_due: now + TimeDelta::seconds(source.every_s.into()),
        failures: 0,
        last_error: None,
        ..source
    }
}

/// The state after one that did not.
fn ill(source: SourceState, reason: String, now: DateTime<Utc>) -> SourceState {
    let failures = source.failures.saturating_add(1);
    SourceState {
        last_tried: Some(now),
        next_due: now + pause(source.every_s, failures),
        failures,
        last_error: Some(reason),
        ..source
    }
}

fn with_validators(source: SourceState, validators: Validators) -> SourceState {
    SourceState { etag: validators.etag, last_modified: validators.last_modified, ..source }
}

/// How long to wait after the nth failure in a row: the interval, doubled each time.
fn pause(every_s: u32, failures: u32) -> TimeDelta {
    let every = TimeDelta::seconds(every_s.into());
    // Sixteen doublings of a second pass any limit here; more would only overflow.
    (every * (1 << failures.saturating_sub(1).min(16))).min(LONGEST_PAUSE.max(every))
}

/// One line when an address begins to fail, fails otherwise, or is well again; none while it stays as it is.
fn tell(before: &SourceState, after: &SourceState) {
    let url = &after.url;
    match (&before.last_error, &after.last_error) {
        (before, Some(reason)) if before.as_ref() != Some(reason) => tracing::warn!(url, "refresh failed: {reason}"),
        (Some(_), None) => tracing::info!(url, "well again after {} failures", before.failures),
        _ => {}
    }
}

/// The headers of an answer that say something of its page, as they are kept with its bytes.
fn headers(page: &Page, state: &SourceState) -> Vec<(String, String)> {
    [("content-type", &page.content_type), ("etag", &state.etag), ("last-modified", &state.last_modified)]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)))
        .collect()
}

fn page_hash(page: &Page) -> [u8; 32] {
    let mut hash = Sha256::new();
    // Its charset parameter decides what the same bytes say.
    hash.update(page.content_type.as_deref().unwrap_or_default());
    hash.update([0]);
    hash.update(&page.body);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_an_hour_or_the_interval() {
        let minutes = |every_s, failures| pause(every_s, failures).num_minutes();
        assert_eq!([1, 2, 3, 4, 5, 6, 99].map(|n| minutes(300, n)), [5, 10, 20, 40, 60, 60, 60]);
        assert_eq!([1, 2, u32::MAX].map(|n| minutes(7200, n)), [120; 3]);
        assert!(pause(u32::MAX, u32::MAX) > TimeDelta::zero());
    }
}
