//! The tables `[[live_blog]]`: what is followed, and how often.

use std::collections::HashMap;
use std::time::Duration;

use url::Url;

use super::document::Table;
use super::{Config, EVERY, MIN_EVERY, MOST_OLDER_PAGES, OLDER_PAGES, min_every, value};

/// One live blog to follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// Its address, without a fragment.
    pub url: Url,
    /// Slug of its outlet; none to let the page tell.
    pub outlet: Option<String>,
    /// How often it is fetched at least, while it is live.
    pub every: Duration,
    /// How often it is fetched at most.
    pub min_every: Duration,
    /// How many of its older pages are read.
    pub older_pages: u32,
    /// What to call it instead of its own headline.
    pub title: Option<String>,
    /// Whether it may be, or lead to, an address that is not on the public internet.
    pub allow_private: bool,
}

impl Followed {
    /// `url`, and nothing else said of it.
    pub fn new(url: Url, every: Duration) -> Self {
        Followed {
            url,
            outlet: None,
            every,
            min_every: every.min(MIN_EVERY),
            older_pages: OLDER_PAGES,
            title: None,
            allow_private: false,
        }
    }
}

pub(super) fn read(top: &mut Table, config: &Config, outlets: &[&str]) -> Vec<Followed> {
    let mut lines = HashMap::new();
    let mut live_blogs = Vec::new();
    for mut table in top.tables("live_blog") {
        let url = table.text("url", value::web_address);
        let url = table.require("url", url);
        if let Some(url) = &url {
            let line = table.line("url");
            if let Some(first) = lines.insert(url.clone(), line) {
                table.mistake("url", format_args!("`{url}` stands on line {first} already"));
            }
        }
        let outlet = table.text("outlet", |text| value::outlet(text, outlets));
        let every = table.text("every", |text| value::duration(text, EVERY)).unwrap_or(config.every);
        let min_every = min_every(&mut table, config.min_every, every);
        let older_pages = table.number("older_pages", 0, MOST_OLDER_PAGES).unwrap_or(config.older_pages);
        let title = table.text("title", value::not_empty);
        let allow_private = table.flag("allow_private").unwrap_or(false);
        table.finish();
        live_blogs.extend(url.map(|url| Followed { url, outlet, every, min_every, older_pages, title, allow_private }));
    }
    live_blogs
}
