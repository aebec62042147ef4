//! Reading the older pages of a live blog that runs over several: once, to a bounded depth, through the same gate as every
//! other page. What is on them is history: it belongs into archives, not on top of anybody's feed.

use chrono::TimeDelta;
use tokio::sync::watch;
use url::Url;

use crate::fetch::{Fetched, Place, Validators};
use crate::model::LiveBlog;
use crate::page::Page;
use crate::reconcile::Reading;
use crate::store::{Backfill, NewCapture, SourceState, StoreError};

use super::refresh::VERSION;
use super::{Follower, stopped};

/// How often an older page is tried before it is given up.
const TRIES: u32 = 3;

/// How long until somebody may go back again who has been away: a page that gives its entries other ids each time would
/// otherwise send us back each time.
const AGAIN: TimeDelta = TimeDelta::days(1);

/// What there is to go back for after a reading: what there was, or a beginning where the page leads to an older one for the
/// first time.
pub(super) fn begun(source: &SourceState, blog: &LiveBlog, page: &Page, most: u32) -> Option<Backfill> {
    // Another live blog at the same address has a history of its own.
    let known = source.backfill.as_ref().filter(|backfill| backfill.of == blog.head.id);
    known.cloned().or_else(|| beginning(blog, page, most))
}

/// A second beginning, for who has been away for so long that a page shows nothing he knows.
pub(super) fn again(before: Option<&Backfill>, blog: &LiveBlog, page: &Page, most: u32) -> Option<Backfill> {
    let recent = before.is_some_and(|before| page.captured.latest() - before.begun < AGAIN);
    beginning(blog, page, most).filter(|_| !recent)
}

fn beginning(blog: &LiveBlog, page: &Page, most: u32) -> Option<Backfill> {
    let next = older(blog, page.url.as_ref()).filter(|_| most > 0)?;
    let (of, begun) = (blog.head.id, page.captured.latest());
    Some(Backfill { of, begun, next: Some(next.into()), left: most, read: 0, failures: 0, ended: None })
}

/// The older page that a page leads to. One at another host is not this live blog's, and one that leads to itself is none.
fn older(blog: &LiveBlog, page: Option<&Url>) -> Option<Url> {
    let page = page?;
    let mut there = page.join(blog.older.as_deref()?).ok()?;
    there.set_fragment(None);
    (there.host() == page.host() && there != *page && matches!(there.scheme(), "http" | "https")).then_some(there)
}

/// An older page that was read.
struct Older {
    blog: LiveBlog,
    page: Page,
    /// What its answer said beside it.
    headers: Vec<(String, String)>,
    /// Kept until it is stored.
    _place: Option<Place>,
}

impl Follower {
    /// Reads older pages until there are none left, one fails, or it is stopped. Each is written at once, with where to go
    /// on, so that nothing is asked for twice.
    pub(super) async fn backfill(&self, mut source: SourceState, mut stop: watch::Receiver<bool>) -> Result<(), StoreError> {
        while let Some(backfill) = source.backfill.clone()
            && let Some(next) = backfill.next.clone()
        {
            let read = tokio::select! {
                biased;
                () = stopped(&mut stop) => return Ok(()),
                read = self.older_page(&source, &next) => read,
            };
            match read {
                Ok(older) => {
                    self.save_older(&source, &older.blog, &older.page, &older.headers).await?;
                    source.backfill = Some(advanced(backfill, &older.blog, &older.page));
                    self.store.put_backfill(&source.url, source.backfill.as_ref()).await?;
                }
                Err(reason) => {
                    tracing::debug!(url = source.url, "an older page could not be read: {reason}");
                    let failures = backfill.failures + 1;
                    let given_up = failures >= TRIES;
                    let next = backfill.next.clone().filter(|_| !given_up);
                    let ended = given_up.then_some(reason);
                    let backfill = Backfill { failures, next, ended, ..backfill };
                    return self.store.put_backfill(&source.url, Some(&backfill)).await;
                }
            }
        }
        Ok(())
    }

    async fn older_page(&self, source: &SourceState, next: &str) -> Result<Older, String> {
        let url = Url::parse(next).map_err(|error| error.to_string())?;
        let fetcher = self.means().fetcher;
        let got = fetcher.get(&url, self.reach(&source.url), &Validators::default(), &*self.clock).await;
        let (page, headers, place) = match got.map_err(|error| error.to_string())? {
            Fetched::Page { page, headers, place, .. } => (page, headers, place),
            Fetched::NotModified => return Err("it is said not to be modified, without having been asked".to_owned()),
        };
        let (blog, page, wall) = self.split(page, source).await?;
        if blog.entries.is_empty() {
            return Err(format!("there is no entry on it{}", wall.map(|wall| format!(" ({wall})")).unwrap_or_default()));
        }
        match source.backfill.as_ref().is_some_and(|backfill| backfill.of == blog.head.id) {
            true => Ok(Older { blog, page, headers, _place: place }),
            false => Err("it is the page of another live blog".to_owned()),
        }
    }

    async fn save_older(
        &self,
        source: &SourceState,
        blog: &LiveBlog,
        page: &Page,
        headers: &[(String, String)],
    ) -> Result<(), StoreError> {
        let reading = Reading { history: true, plain: page.is_plain(), ..Reading::new(blog, page.captured.latest()) };
        let capture = NewCapture {
            url: page.url.as_ref().map(Url::as_str),
            outlet: source.outlet.as_deref(),
            title: source.title.as_deref(),
            content_type: page.content_type.as_deref(),
            headers,
            body: &page.body,
            known_as: source.blog,
            read_by: VERSION,
        };
        self.store.save(&reading, Some(&capture), None).await.map(drop)
    }
}

/// Where to go on after a page.
fn advanced(before: Backfill, blog: &LiveBlog, page: &Page) -> Backfill {
    let (left, read) = (before.left.saturating_sub(1), before.read + 1);
    let next = older(blog, page.url.as_ref()).map(String::from).filter(|next| before.next.as_ref() != Some(next));
    let ended = (left == 0 && next.is_some()).then(|| "older_pages are read".to_owned());
    Backfill { next: next.filter(|_| left > 0), left, read, failures: 0, ended, ..before }
}
