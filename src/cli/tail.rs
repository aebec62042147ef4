//! `tidings tail`: every change as it is made, on stdout.

use super::settings::{Settings, StorePath};
use super::timeline::Live;
use super::{Status, output, parse};
use crate::push::Event;
use crate::store::{ChangeKind, Selection, Store, Wording, Words};
use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::ValueEnum;
use std::io::IsTerminal;
use uuid::Uuid;

/// Changes read at once.
const AT_ONCE: usize = 100;

/// Print every change as it is made
///
/// As JSON lines, one change a line with its number and the entry as it stood then; on a terminal as a live timeline. It reads the
/// store beside a running `tidings serve` and writes nothing to it. All filters have to fit.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit status: 0 nobody reads any more, or --end was reached; 2 there is no store, or no such change.

Examples:
  tidings tail
  tidings tail --since 0 --end --kind new | jq -r .entry.headline
  tidings tail --outlet independent --q 'almaty \"state of emergency\"'")]
pub(super) struct Arguments {
    /// Begin after the change of this number; 0 for all there are. Without it: with the next one
    #[arg(long, value_name = "SEQ")]
    since: Option<u64>,
    /// Stop at the end of what there is instead of waiting for more
    #[arg(long)]
    end: bool,
    /// Of these kinds only: new, edited, touched, withdrawn, restored, blog_changed, blog_ended
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kind)]
    kind: Vec<ChangeKind>,
    /// Of these outlets only, by slug
    #[arg(long, value_name = "SLUG", value_delimiter = ',')]
    outlet: Vec<String>,
    /// Of these live blogs only, by id
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    blog: Vec<Uuid>,
    /// With these words and "phrases" in headline, byline or body
    #[arg(long, value_name = "WORDS", value_parser = Words::parse)]
    q: Option<Words>,
    /// With this name in the byline
    #[arg(long, value_name = "NAME", value_parser = Words::phrase)]
    author: Option<Words>,
    /// Key events only
    #[arg(long)]
    key_events: bool,
    /// Of entries published at this instant or later
    #[arg(long, value_name = "T", value_parser = parse::instant)]
    published_since: Option<DateTime<Utc>>,
    /// Of entries published before this instant
    #[arg(long, value_name = "T", value_parser = parse::instant)]
    published_until: Option<DateTime<Utc>>,
    /// How changes are written [default: text on a terminal, jsonl elsewhere]
    #[arg(long, value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    store: StorePath,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One JSON object a line
    Jsonl,
    /// A timeline to read
    Text,
}

fn kind(text: &str) -> Result<ChangeKind, String> {
    let all = || format!("the kinds are {}", ChangeKind::ALL.map(ChangeKind::name).join(", "));
    ChangeKind::named(text).ok_or_else(all)
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<Status> {
    let config = arguments.settings.load()?;
    let path = arguments.store.or_of(&config);
    let base = config.base_url.as_ref().map(|url| url.as_str().trim_end_matches('/'));
    let selection = Selection {
        kinds: arguments.kind,
        outlets: arguments.outlet,
        blogs: arguments.blog,
        key_events: arguments.key_events,
        since: arguments.published_since,
        until: arguments.published_until,
        wording: Wording { text: arguments.q, author: arguments.author },
    };
    let as_text = arguments.format.map_or_else(|| std::io::stdout().is_terminal(), |format| format == Format::Text);
    let mut live = as_text.then(|| Live::new(output::colour()));

    let store = Store::open_to_read(&path).await?;
    // Subscribed to before the log is read: what comes between the two is not missed.
    let mut changed = store.changed();
    let newest = store.generation().await?;
    let mut after = arguments.since.map_or(Ok(newest), i64::try_from)?;
    if after > newest {
        bail!("there is no change {after}: the log of {} ends at {newest}", path.display());
    }
    loop {
        let page = store.whole_changes(&selection, after, AT_ONCE).await?;
        after = page.after;
        let mut out = Vec::new();
        for whole in page.changes {
            match &mut live {
                Some(live) => out.extend(live.write(&whole).bytes()),
                None => {
                    serde_json::to_writer(&mut out, &Event::of(whole, base))?;
                    out.push(b'\n');
                }
            }
        }
        if !out.is_empty() && !output::bytes_out(&out)? {
            break;
        }
        if after < page.newest {
            continue;
        }
        if arguments.end || changed.wait_for(|newest| *newest > after).await.is_err() {
            break;
        }
    }
    drop(changed);
    store.close().await;
    Ok(Status::Fine)
}
