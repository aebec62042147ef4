//! `tidings status`: what is followed, how it fares, and when it is asked for next and why.

use super::settings::{Settings, StorePath};
use super::timeline::plain;
use super::{Status, feedback, output};
use crate::config::Sink;
use crate::follow::Clock;
use crate::store::{Health, SinkState, SourceState, Store, StoredBlog};
use serde::Serialize;
use std::fmt::Write;

/// Show what is followed: how each live blog fares, when it is asked for next, and why then
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit status: 0 all is well; 1 some can't be read, or are set aside, or a sink fails; 2 there is no store.

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
    let config = arguments.settings.load()?;
    let path = arguments.store.or_of(&config);
    if !path.exists() {
        anyhow::bail!("there is no store at {}: nothing has been followed yet", path.display());
    }
    let store = Store::open_to_read(&path).await?;
    let (sources, blogs) = (store.sources().await?, store.blogs().await?);
    let (sinks, newest) = (store.sinks().await?, store.generation().await?);
    store.close().await;
    let now = clock();
    let followed: Vec<&SourceState> = sources.iter().filter(|source| source.followed).collect();
    let told: Vec<Told> = followed.iter().map(|source| tell(source, &blogs, now)).collect();
    if arguments.json {
        let mut out = serde_json::to_vec_pretty(&told)?;
        out.push(b'\n');
        output::bytes_out(&out)?;
    } else if told.is_empty() && config.sinks.is_empty() {
        feedback::say("nothing is followed: add a [[live_blog]] table with its url to config.toml");
    } else {
        output::bytes_out((text(&told) + &sinks_told(&config.sinks, &sinks, newest)).as_bytes())?;
    }
    let failing = |sink: &Sink| sinks.iter().any(|state| state.url == sink.url.as_str() && state.failures > 0);
    let sick = told.iter().any(|told| told.health.is_sick()) || config.sinks.iter().any(failing);
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

/// How the sinks of the settings fare, where the log ends at `newest`.
fn sinks_told(sinks: &[Sink], states: &[SinkState], newest: i64) -> String {
    let mut out = String::new();
    for sink in sinks {
        let state = states.iter().find(|state| state.url == sink.url.as_str());
        let (health, told) = match state {
            None => ("new", "nothing has been posted to it yet".to_owned()),
            Some(SinkState { failures: 0, seq, .. }) => {
                ("well", format!("everything up to change {seq} of {newest} is posted"))
            }
            Some(SinkState { failures, seq, last_error, .. }) => {
                let times = if *failures == 1 { "once".to_owned() } else { format!("{failures} times") };
                let why = last_error.as_deref().unwrap_or("it does not answer");
                ("FAILING", format!("has failed {times} at what comes after change {seq} of {newest}: {why}"))
            }
        };
        let _ = writeln!(out, "{health:<10} {}\n           {}", plain(sink.url.as_str()), plain(&told));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Selection;

    #[test]
    fn sinks_tell_how_they_fare() {
        let sink = |url: &str| Sink {
            url: url.parse().unwrap(),
            selection: Selection::default(),
            secret: None,
            allow_private: false,
        };
        let state = |url: &str, failures: u32| SinkState {
            url: url.into(),
            seq: 57,
            last_ok: None,
            failures,
            last_error: (failures > 0).then(|| "it answers with status 500".into()),
        };
        let sinks = ["https://a.example/", "https://b.example/", "https://c.example/"].map(sink);
        let states = [state("https://a.example/", 0), state("https://b.example/", 3), state("https://gone.example/", 1)];
        assert_eq!(
            sinks_told(&sinks, &states, 60),
            "well       https://a.example/\n           everything up to change 57 of 60 is posted\n\
             FAILING    https://b.example/\n           has failed 3 times at what comes after change 57 of 60: it answers with status 500\n\
             new        https://c.example/\n           nothing has been posted to it yet\n"
        );
    }
}
