//! What the store knows of a page's address, beside what the page says.

use super::super::feedback;
use crate::norm::Fill;
use crate::store::{Health, SourceState, Store, StoreError};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::path::Path;

/// A page compared with what is usual at its address.
#[derive(Serialize)]
pub(super) struct Compared {
    pub health: Health,
    pub told: String,
    pub next: String,
    pub older_pages: Option<String>,
    /// How well entries are filled there.
    pub usual: Option<String>,
    /// How well they are on this page.
    pub this: Option<String>,
    /// What of that is too far from the usual.
    pub odd: Vec<String>,
}

/// The followed address that the page is of; none where there is no store yet, or it does not know it. A store that can't be
/// read is no reason not to explain a page.
pub(super) async fn source(store: &Path, addresses: &[Option<String>]) -> Option<SourceState> {
    let sources = match store.exists() {
        true => sources(store).await.inspect_err(|error| feedback::say(error)).unwrap_or_default(),
        false => Vec::new(),
    };
    let asked = |source: &SourceState| addresses.iter().flatten().any(|address| *address == source.url);
    sources.into_iter().find(asked)
}

async fn sources(store: &Path) -> Result<Vec<SourceState>, StoreError> {
    let store = Store::open(store).await?;
    let sources = store.sources().await;
    store.close().await;
    sources
}

/// Compares a page, of which `this` was read, with what is usual at its address.
pub(super) fn compare(source: &SourceState, this: Option<Fill>, now: DateTime<Utc>) -> Compared {
    let odd = match (&source.norm, &this) {
        (Some(norm), Some(this)) => norm.against(this, true),
        _ => Vec::new(),
    };
    Compared {
        health: source.health(),
        told: source.told(now),
        next: source.next_told(now),
        older_pages: source.backfill_told(),
        usual: source.norm.as_ref().map(|norm| format!("{} (over {} readings)", norm.fill, norm.readings)),
        this: this.map(|this| this.to_string()),
        odd,
    }
}
