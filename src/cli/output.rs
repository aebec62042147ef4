//! Live blogs to stdout, in the format asked for.

use super::timeline;
use crate::feed::{self, Feed, Item};
use crate::identity;
use crate::model::LiveBlog;
use chrono::DateTime;
use clap::ValueEnum;
use std::io::{IsTerminal, Write};
use std::sync::Arc;

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// One JSON object for each live blog, with every stamp's evidence
    Json,
    /// The same on one line for each live blog, to stream
    Jsonl,
    /// One RSS 2.0 feed
    Rss,
    /// One Atom feed
    Atom,
    /// One JSON Feed 1.1
    Jsonfeed,
    /// A timeline to read, oldest entry first
    Text,
}

/// Live blogs on their way to stdout. What is one document for all of them is kept until the end; the rest is written at
/// once, so that any number of pages streams through.
pub(super) struct Output {
    format: Format,
    kept: Vec<LiveBlog>,
    any: bool,
}

impl Output {
    pub fn new(format: Format) -> Self {
        Output { format, kept: Vec::new(), any: false }
    }

    /// Writes one; answers whether anybody still reads.
    pub fn add(&mut self, blog: LiveBlog) -> anyhow::Result<bool> {
        let mut out = Vec::new();
        match self.format {
            Format::Json => serde_json::to_writer_pretty(&mut out, &blog)?,
            Format::Jsonl => serde_json::to_writer(&mut out, &blog)?,
            Format::Text => {
                if self.any {
                    out.push(b'\n');
                }
                out.extend(timeline::of(&blog, colour()).trim_end().bytes());
            }
            Format::Rss | Format::Atom | Format::Jsonfeed => {
                self.kept.push(blog);
                return Ok(true);
            }
        }
        self.any = true;
        out.push(b'\n');
        bytes_out(&out)
    }

    /// Writes what was kept.
    pub fn end(self) -> anyhow::Result<()> {
        let format = match self.format {
            Format::Rss => feed::Format::Rss,
            Format::Atom => feed::Format::Atom,
            Format::Jsonfeed => feed::Format::Json,
            Format::Json | Format::Jsonl | Format::Text => return Ok(()),
        };
        if !self.kept.is_empty() {
            bytes_out(&feed::write(&one_feed(self.kept), format))?;
        }
        Ok(())
    }
}

/// Whether stdout is a terminal whose user wants colours.
pub(super) fn colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Writes to stdout; answers whether anybody still reads. A reader that closes the pipe early (`head`) has seen enough: that is
/// no error.
pub(super) fn bytes_out(bytes: &[u8]) -> anyhow::Result<bool> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The entries of all of them in one feed, newest first.
fn one_feed(blogs: Vec<LiveBlog>) -> Feed {
    let heads: Vec<_> = blogs.iter().map(|blog| Arc::new(blog.head.clone())).collect();
    let one = (heads.len() == 1).then(|| heads[0].clone());
    let id = one.as_ref().map_or_else(|| identity::everything_feed_id(""), |head| head.id);
    let mut items: Vec<_> = blogs
        .into_iter()
        .zip(heads)
        .flat_map(|(blog, head)| blog.entries.into_iter().map(move |entry| Item::new(head.clone(), Arc::new(entry))))
        .collect();
    items.sort_by(|one, other| {
        let newest_first = other.entry.published.at.cmp(&one.entry.published.at);
        let by_outlet = || one.head.outlet.cmp(&other.head.outlet);
        newest_first.then_with(by_outlet).then_with(|| other.entry.key.cmp(&one.entry.key))
    });
    let updated = items.iter().map(|item| item.entry.last_changed()).max().unwrap_or(DateTime::UNIX_EPOCH);
    Feed {
        id: format!("urn:uuid:{id}"),
        title: one.as_ref().map_or_else(|| "tidings".into(), |head| head.headline.clone()),
        subtitle: one.as_ref().and_then(|head| head.standfirst.clone()),
        self_url: None,
        home_url: one.as_ref().and_then(|head| head.url.clone()),
        language: one.and_then(|head| head.language.clone()),
        updated,
        items,
        ..Feed::default()
    }
}
