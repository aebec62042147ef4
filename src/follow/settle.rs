//! From what a fetch came to, to what is written.

use chrono::{DateTime, Utc};

use crate::fetch::Validators;
use crate::model::LiveBlog;
use crate::norm::{Fill, Quarantine, Verdict, judge};
use crate::reconcile::{Changes, Reading};
use crate::rhythm::Rhythm;
use crate::store::{NewCapture, SourceState, StoreError};

use super::backfill;
use super::pace::{at_pace, ill, well};
use super::refresh::{Answer, Read, VERSION};
use super::{Follower, Outcome};

/// How a refresh went, and the state that was written.
pub(super) type Settled = (Outcome, SourceState);

impl Follower {
    pub(super) async fn settle(&self, source: SourceState, answer: Answer) -> Result<Settled, StoreError> {
        let now = (self.clock)();
        let before = source.clone();
        match answer {
            Answer::NotModified => self.settle_same(&before, well(source, now), Outcome::NotModified).await,
            Answer::SameBytes(validators) => {
                let state = with_validators(well(source, now), validators);
                self.settle_same(&before, state, Outcome::Unchanged).await
            }
            Answer::Failed { reason, retry_after } => {
                let state = ill(source, reason.clone(), retry_after, now, (self.chance)());
                self.put(&before, state, Outcome::Failed(reason)).await
            }
            Answer::Read(read) if read.blog.entries.is_empty() => self.settle_empty(source, *read, now).await,
            Answer::Read(read) => self.settle_read(source, *read, now).await,
        }
    }

    async fn settle_read(&self, source: SourceState, read: Read, now: DateTime<Utc>) -> Result<Settled, StoreError> {
        let before = source.clone();
        let norm = match verdict(&source, &read.blog, &read.reader, now) {
            Verdict::Usual(norm) => norm,
            Verdict::NewShape(norm) => {
                tracing::warn!(url = source.url, "the page stays as it has become: it is read as it is from now on");
                norm
            }
            Verdict::SetAside(aside) => return self.settle_aside(source, read.blog, aside, now).await,
        };
        let Read { blog, page, validators, headers, hash, reader, .. } = read;
        let seen = page.captured.latest();
        let rhythm = Some(Rhythm::of(&blog, seen));
        let mut state = with_validators(well(SourceState { rhythm, ..source }, now), validators);
        let reread = state.body_hash == Some(hash);
        let reading = Reading { plain: page.is_plain(), reread, ..Reading::new(&blog, seen) };
        let capture = NewCapture {
            url: page.url.as_ref().map(url::Url::as_str),
            outlet: before.outlet.as_deref(),
            title: before.title.as_deref(),
            content_type: page.content_type.as_deref(),
            headers: &headers,
            body: &page.body,
            known_as: before.blog,
            read_by: VERSION,
        };
        state.body_hash = Some(hash);
        state.read_by = Some((*reader).to_owned());
        state.problems.clone_from(&blog.problems);
        (state.norm, state.aside) = (Some(norm), None);
        let most = self.followed(&state.url).map_or(0, |followed| followed.older_pages);
        state.backfill = backfill::begun(&state, &blog, &page, most);
        let again = backfill::again(state.backfill.as_ref(), &blog, &page, most);
        let held = again.is_some() && self.holds(&state, &blog).await?;
        let changes = self.store.save(&reading, Some(&capture), Some(&state)).await?;
        // Where everything on it is new, there may be more between it and what was read before.
        let away = held && changes.new.len() == blog.entries.len();
        if let Some(again) = again.filter(|_| away) {
            self.store.put_backfill(&state.url, Some(&again)).await?;
            state.backfill = Some(again);
        }
        tell(&before, &state);
        let outcome = Outcome::from(&changes);
        tracing::debug!(url = state.url, "{outcome}");
        Ok((outcome, state))
    }

    /// The page is as it was. That alone tells something: what it lacked for the first time, it lacks again.
    async fn settle_same(&self, before: &SourceState, state: SourceState, outcome: Outcome) -> Result<Settled, StoreError> {
        // What was set aside has not come again.
        let state = SourceState { aside: None, ..state };
        let changes = match (state.blog, state.last_ok) {
            (Some(blog), Some(seen)) => self.store.save_again(blog, seen, Some(&state)).await?,
            _ => {
                self.store.put_source(&state).await?;
                Changes::default()
            }
        };
        tell(before, &state);
        Ok((if changes.is_empty() { outcome } else { Outcome::from(&changes) }, state))
    }

    /// A page without entries never takes any away: it is a consent wall or a new layout far more often than the truth. Its
    /// bytes and validators are not remembered, or the next "not modified" would pass for a recovery.
    async fn settle_empty(&self, source: SourceState, read: Read, now: DateTime<Utc>) -> Result<Settled, StoreError> {
        let before = source.clone();
        let mut state = if self.holds(&source, &read.blog).await? {
            let told = read.wall.map(|wall| format!(" ({wall})")).unwrap_or_default();
            let reason = format!("the page came without a single entry{told}; what was read before is kept");
            ill(source, reason, None, now, (self.chance)())
        } else {
            // A live blog may be announced before its first entry: nothing is wrong, and the first one is worth being
            // there for, so there is no growing pause.
            let told = read.wall.map(|wall| format!(" ({wall})")).unwrap_or_default();
            let last_error = Some(format!("the page has no entries yet, or none that can be read{told}"));
            SourceState { last_error, ..well(source, now) }
        };
        state.problems = read.blog.problems;
        let outcome = Outcome::Empty(state.last_error.clone().unwrap_or_default());
        self.put(&before, state, outcome).await
    }

    /// A page that is not filled as its pages used to be. It is looked at again at the usual pace, so that a redesign is
    /// believed in time; its bytes and validators are not remembered, as those of an empty one.
    async fn settle_aside(
        &self,
        source: SourceState,
        blog: LiveBlog,
        aside: Quarantine,
        now: DateTime<Utc>,
    ) -> Result<Settled, StoreError> {
        let before = source.clone();
        let reason = aside.to_string();
        let mut state = at_pace(source, now);
        state.failures = state.failures.saturating_add(1);
        state.last_error = Some(reason.clone());
        state.problems = blog.problems;
        state.aside = Some(aside);
        self.put(&before, state, Outcome::SetAside(reason)).await
    }

    /// Whether entries are stored of the live blog that was read, or of the one that the address was before.
    async fn holds(&self, source: &SourceState, blog: &LiveBlog) -> Result<bool, StoreError> {
        if self.store.holds(blog.head.id).await? {
            return Ok(true);
        }
        match source.blog {
            Some(id) => self.store.holds(id).await,
            None => Ok(false),
        }
    }

    async fn put(&self, before: &SourceState, state: SourceState, outcome: Outcome) -> Result<Settled, StoreError> {
        self.store.put_source(&state).await?;
        tell(before, &state);
        Ok((outcome, state))
    }
}

fn verdict(source: &SourceState, blog: &LiveBlog, reader: &str, now: DateTime<Utc>) -> Verdict {
    // Another version of tidings, or other selectors, may read the same pages otherwise, and better.
    let norm = source.norm.as_ref().filter(|_| source.read_by.as_deref() == Some(reader));
    let same = source.blog.is_none_or(|known| known == blog.head.id);
    judge(norm, source.aside.as_ref(), Fill::of(blog), same, source.accepted, now)
}

fn with_validators(source: SourceState, validators: Validators) -> SourceState {
    SourceState { etag: validators.etag, last_modified: validators.last_modified, ..source }
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
