//! Live blogs to stdout, in the format asked for.

use super::timeline;
use crate::feed::{self, Feed};
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
    /// One RSS 2.0 feed
    Rss,
    /// One Atom feed
    Atom,
    /// One JSON Feed 1.1
    Jsonfeed,
    /// A timeline to read, oldest entry first
    Text,
}

/// Writes them.
pub(super) fn write(blogs: Vec<LiveBlog>, format: Format) -> anyhow::Result<()> {
    if blogs.is_empty() {
        return Ok(());
    }
    let bytes = match format {
        Format::Json => {
            let mut out = Vec::new();
            for blog in &blogs {
                serde_json::to_writer_pretty(&mut out, blog)?;
                out.push(b'\n');
            }
            out
        }
        Format::Text => {
            let colour = colour();
            blogs.iter().map(|blog| timeline::of(blog, colour)).collect::<Vec<_>>().join("\n").into_bytes()
        }
        Format::Rss => feed::write(&one_feed(blogs), feed::Format::Rss),
        Format::Atom => feed::write(&one_feed(blogs), feed::Format::Atom),
        Format::Jsonfeed => feed::write(&one_feed(blogs), feed::Format::Json),
    };
    bytes_out(&bytes)
}

/// Whether stdout is a terminal whose user wants colours.
pub(super) fn colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Writes to stdout. A reader that closes the pipe early (`head`) has seen enough.
pub(super) fn bytes_out(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
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
        .flat_map(|(blog, head)| blog.entries.into_iter().map(move |entry| (head.clone(), Arc::new(entry))))
        .collect();
    items.sort_by(|(one_head, one), (other_head, other)| {
        let newest_first = other.published.at.cmp(&one.published.at);
        newest_first.then_with(|| one_head.outlet.cmp(&other_head.outlet)).then_with(|| other.key.cmp(&one.key))
    });
    let updated = items.iter().map(|(_, entry)| entry.last_changed()).max().unwrap_or(DateTime::UNIX_EPOCH);
    Feed {
        id: format!("urn:uuid:{id}"),
        title: one.as_ref().map_or_else(|| "tidings".into(), |head| head.headline.clone()),
        subtitle: one.as_ref().and_then(|head| head.standfirst.clone()),
        self_url: None,
        home_url: one.as_ref().and_then(|head| head.url.clone()),
        language: one.and_then(|head| head.language.clone()),
        updated,
        items,
    }
}
