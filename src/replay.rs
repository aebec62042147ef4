//! A store made anew from the captures of another: every page that ever changed something, read again and saved again in the
//! order of saving. What comes out has to be what was there: the same ids, stamps, log and feeds.
//!
//! Not every page is kept, only what changed something, so each capture knows which page had been read before it. How
//! addresses fare, and what the last look at each page brought, no capture tells: that is carried over as it stands.

use std::path::PathBuf;

use url::Url;

use crate::follow::{Split, VERSION};
use crate::page::{Captured, Page};
use crate::reconcile::Reading;
use crate::store::{Again, Kept, NewCapture, Store, StoreError};

/// Captures that are listed at once; their bytes are taken one by one.
const LOT: usize = 500;

/// What was read again, and what could not be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// How many captures there are.
    pub captures: usize,
    /// How many of them were read by another version of tidings, which may have read them otherwise.
    pub by_others: usize,
    /// How many have lost their bytes.
    pub pruned: usize,
    /// Those that are read no more, by number, and why.
    pub refused: Vec<(i64, String)>,
    /// How many entries were stored before there were captures.
    pub older: i64,
}

impl Replayed {
    /// Whether everything could be read again.
    pub fn is_whole(&self) -> bool {
        self.pruned == 0 && self.refused.is_empty() && self.older == 0
    }
}

/// Why a store can't be made anew.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Its captures do not hold all of it.
    #[error("{reason}")]
    Partial {
        /// What is missing.
        reason: String,
    },
    /// Bytes are not those that were kept.
    #[error("the bytes of capture {id} in {} are damaged: their hash is another", path.display())]
    Damaged {
        /// The store.
        path: PathBuf,
        /// The capture's number.
        id: i64,
    },
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads every capture of `from` again into `into`, which has to be empty, and tells `step` after each. What is not all there
/// is refused before anything is read, unless `partial`.
pub async fn replay(
    from: &Store,
    into: &Store,
    split: &Split,
    partial: bool,
    mut step: impl FnMut(usize),
) -> Result<Replayed, ReplayError> {
    let mut told = survey(from).await?;
    if !partial && !told.is_whole() {
        return Err(ReplayError::Partial { reason: lacking(&told) });
    }
    let mut last = 0;
    loop {
        let lot = from.captures(last, LOT).await?;
        let Some(end) = lot.last() else { break };
        last = end.id;
        for kept in lot {
            if let Err(reason) = again(from, into, split, &kept).await? {
                told.refused.push((kept.id, reason));
            }
            step(told.captures);
        }
    }
    into.carry_over(from).await?;
    Ok(told)
}

/// What there is to read, and what there is no more.
async fn survey(from: &Store) -> Result<Replayed, StoreError> {
    let (mut told, mut last) = (Replayed { older: from.entries_without_capture().await?, ..Replayed::default() }, 0);
    loop {
        let lot = from.captures(last, LOT).await?;
        let Some(end) = lot.last() else { return Ok(told) };
        last = end.id;
        told.captures += lot.len();
        told.pruned += lot.iter().filter(|kept| !kept.whole && kept.same_as.is_none()).count();
        told.by_others += lot.iter().filter(|kept| kept.read_by != VERSION).count();
    }
}

fn lacking(told: &Replayed) -> String {
    let mut parts = Vec::new();
    if told.pruned > 0 {
        parts.push(format!("{} of {} captures have lost their bytes (`keep_captures`)", told.pruned, told.captures));
    }
    if told.older > 0 {
        parts.push(format!("{} entries were stored before captures were kept", told.older));
    }
    parts.join(", and ")
}

/// Saves one capture as it was saved once. Inside, why it can't be read.
async fn again(from: &Store, into: &Store, split: &Split, kept: &Kept) -> Result<Result<(), String>, ReplayError> {
    if kept.same_as.is_some() {
        into.save_again(kept.blog, kept.captured, None).await?;
        return Ok(Ok(()));
    }
    // Pruned; that has been counted.
    let Some(body) = from.capture_body(kept.id).await? else { return Ok(Ok(())) };
    if !kept.is_of(&body) {
        return Err(ReplayError::Damaged { path: from.path().to_owned(), id: kept.id });
    }
    let page = Page {
        body,
        url: kept.url.as_deref().and_then(|url| Url::parse(url).ok()),
        content_type: kept.content_type.clone(),
        captured: Captured::At(kept.captured),
    };
    let (split, outlet) = (split.clone(), kept.outlet.clone());
    let read = tokio::task::spawn_blocking(move || (split(&page, outlet.as_deref()), page)).await;
    let Ok((read, page)) = read else { return Ok(Err("reading it broke off; this is a bug in tidings".to_owned())) };
    let mut blog = match read {
        Ok(blog) if blog.entries.is_empty() => return Ok(Err("there is not a single entry in it".to_owned())),
        Ok(blog) => blog,
        Err(refusal) => return Ok(Err(refusal.to_string())),
    };
    if let Some(title) = &kept.title {
        blog.head.headline.clone_from(title);
    }
    let (plain, reread, history) = (page.is_plain(), kept.reread, kept.history);
    let reading = Reading { plain, reread, history, ..Reading::new(&blog, kept.captured) };
    let capture = NewCapture {
        url: kept.url.as_deref(),
        outlet: kept.outlet.as_deref(),
        title: kept.title.as_deref(),
        content_type: kept.content_type.as_deref(),
        headers: &kept.headers,
        body: &page.body,
        known_as: kept.known_as,
        read_by: VERSION,
    };
    into.save_replayed(&reading, &capture, Again { id: kept.id, after: kept.after }).await?;
    Ok(Ok(()))
}
