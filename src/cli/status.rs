//! `tidings status`: what is followed, how it fares, and when it is asked for next and why.

use super::settings::{Settings, StorePath};
use super::timeline::plain;
use super::{Status, feedback, output};
use crate::follow::Clock;
use crate::store::{Health, SourceState, Store, StoredBlog};
use serde::Serialize;
use std::fmt::Write;

/// Show what is followed: how each live blog fares, when it is asked for next, and why then
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit status: 0 all is well; 1 some can't be read, or are set aside; 2 there is no store.

Examples:
  tidings status
  tidings status --json | jq '.[] | select(.health == \"failing\") | .url'")]
pub(super) struct Arguments {
    /// One JSON array, for tools
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    store: StorePath,
}

/// What is told of one address.
#[derive(Serialize)]
struct Told<'a> {
    url: &'a str,
    health: Health,
    headline: Option<&'a str>,
    outlet: Option<&'a str>,
    entries: i64,
    last_tried: Option<chrono::DateTime<chrono::Utc>>,
    last_ok: Option<chrono::DateTime<chrono::Utc>>,
    failures: u32,
    last_error: Option<&'a str>,
    next_due: chrono::DateTime<chrono::Utc>,
    every_s: u32,
    why: Option<&'a str>,
    told: String,
    next: String,
    older_pages: Option<String>,
}

pub(super) async fn run(arguments: Arguments, clock: &Clock) -> anyhow::Result<Status> {
    let path = arguments.store.or_of(&arguments.settings.load()?);
    if !path.exists() {
        anyhow::bail!("there is no store at {}: nothing has been followed yet", path.display());
    }
    let store = Store::open_to_read(&path).await?;
    let (sources, blogs) = (store.sources().await?, store.blogs().await?);
    store.close().await;
    let now = clock();
    let followed: Vec<&SourceState> = sources.iter().filter(|source| source.followed).collect();
    let told: Vec<Told> = followed.iter().map(|source| tell(source, &blogs, now)).collect();
    if arguments.json {
        let mut out = serde_json::to_vec_pretty(&told)?;
        out.push(b'\n');
        output::bytes_out(&out)?;
    } else if told.is_empty() {
        feedback::say("nothing is followed: add a [[live_blog]] table with its url to config.toml");
    } else {
        output::bytes_out(text(&told).as_bytes())?;
    }
    let sick = told.iter().any(|told| told.health.is_sick());
    Ok(if sick { Status::Problems } else { Status::Fine })
}

fn tell<'a>(source: &'a SourceState, blogs: &'a [StoredBlog], now: chrono::DateTime<chrono::Utc>) -> Told<'a> {
    let blog = blogs.iter().find(|blog| Some(blog.head.id) == source.blog);
    Told {
        url: &source.url,
        health: source.health(),
        headline: source.title.as_deref().or(blog.map(|blog| blog.head.headline.as_str())),
        outlet: blog.map(|blog| blog.head.outlet_name.as_str()),
        entries: blog.map_or(0, |blog| blog.entries),
        last_tried: source.last_tried,
        last_ok: source.last_ok,
        failures: source.failures,
        last_error: source.last_error.as_deref(),
        next_due: source.next_due,
        every_s: source.pace_s(),
        why: source.why.as_deref(),
        told: source.told(now),
        next: source.next_told(now),
        older_pages: source.backfill_told(),
    }
}

fn text(all: &[Told]) -> String {
    let mut out = String::new();
    for told in all {
        let health = match told.health {
            Health::New => "new",
            Health::Well => "well",
            Health::Waiting => "waiting",
            Health::Failing => "FAILING",
            Health::SetAside => "SET ASIDE",
        };
        let mut line = |name: &str, line: &str| {
            let _ = writeln!(out, "{name:<10} {}", plain(line).trim_end());
        };
        line(health, told.url);
        if let (Some(outlet), Some(headline)) = (told.outlet, told.headline) {
            let entries = if told.entries == 1 { "1 entry".into() } else { format!("{} entries", told.entries) };
            line("", &format!("{outlet}: {headline} ({entries})"));
        }
        line("", &told.told);
        line("", &told.next);
        if told.health == Health::SetAside {
            line("", &format!("if the page is meant to be so: tidings accept {}", told.url));
        }
        if let Some(older) = &told.older_pages {
            line("", older);
        }
    }
    out
}
