//! What a fresh store is filled with: saved captures, read by the same way as a fetched page.

use std::path::PathBuf;

use crate::background::busy;
use crate::config::{Seed, Story};
use crate::page::{Captured, Page};
use crate::reconcile::Reading;
use crate::store::{NewCapture, Store, StoreError};

use super::refresh::VERSION;
use super::{Outcome, Refreshed, Split};

/// What a capture in a `.txt` is.
const TEXT: &str = "text/plain; charset=utf-8";

/// Why a capture could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The file can't be read.
    #[error("can't read the capture {}: {source}", path.display())]
    Unreadable {
        /// The capture.
        path: PathBuf,
        /// What the file system said.
        source: std::io::Error,
    },
    /// The file is no live blog of its outlet.
    #[error("the capture {} is refused: {reason}", path.display())]
    Refused {
        /// The capture.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads every capture the stories name into `store`. Doing it again changes nothing, nor does it take anything back that a
/// later refresh has brought.
pub async fn load_seeds(store: &Store, stories: &[Story], split: &Split) -> Result<Vec<Refreshed>, SeedError> {
    let mut seeds: Vec<&Seed> = stories.iter().flat_map(|story| &story.live_blogs).collect();
    // Oldest capture first, as if they had been fetched one after another.
    seeds.sort_by_key(|seed| seed.captured);
    let mut loaded = Vec::new();
    for seed in seeds {
        let path = || seed.capture.clone();
        let body = tokio::fs::read(&seed.capture).await.map_err(|source| SeedError::Unreadable { path: path(), source })?;
        let page = Page {
            body,
            url: Some(seed.url.clone()),
            // Of any other file its own bytes say what it is, as of one given to `parse`.
            content_type: seed.capture.extension().is_some_and(|ending| ending == "txt").then(|| TEXT.to_owned()),
            captured: Captured::At(seed.captured),
        };
        let (split, outlet) = (split.clone(), seed.outlet.clone());
        let reading = move || (split(&page, Some(&outlet)), page);
        let read = busy(reading).await;
        let refused = |reason: &dyn ToString| SeedError::Refused { path: path(), reason: reason.to_string() };
        let (read, page) = read.map_err(|_| refused(&"reading it broke off; this is a bug in tidings"))?;
        let mut blog = read.map_err(|refusal| refused(&refusal))?;
        if blog.entries.is_empty() {
            return Err(refused(&"there is not a single entry in it"));
        }
        if let Some(title) = &seed.title {
            blog.head.headline.clone_from(title);
        }
        let reading = Reading { plain: page.is_plain(), ..Reading::new(&blog, seed.captured) };
        let capture = NewCapture {
            url: Some(seed.url.as_str()),
            outlet: Some(&seed.outlet),
            title: seed.title.as_deref(),
            content_type: page.content_type.as_deref(),
            headers: &[],
            body: &page.body,
            known_as: None,
            read_by: VERSION,
        };
        let changes = store.save(&reading, Some(&capture), None).await?;
        let outcome = Outcome::from(&changes);
        loaded.push(Refreshed { url: seed.url.to_string(), outcome });
    }
    Ok(loaded)
}
