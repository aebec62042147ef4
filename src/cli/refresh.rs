//! `tidings refresh`: one cycle, for cron.

use super::serve::{follower, on_stop, splitter};
use super::settings::Settings;
use super::{Status, feedback};
use crate::fetch::Fetcher;
use crate::follow::{Clock, Outcome};
use std::io::Write;
use std::path::PathBuf;

/// Refresh what is due, once, and exit
///
/// For cron: each live blog of the config is fetched if its interval has passed, and what changed is kept in the store. A
/// running `serve` does that by itself, and is the only one to write to its store: beside it, this is refused.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit status: 0 all refreshed, or nothing due; 1 some could not be; 2 nothing could be done.

Example, in a crontab:
  */5 * * * *  cd /srv/tidings && tidings refresh")]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: Settings,
    /// The SQLite file that keeps the entries
    #[arg(long, value_name = "PATH")]
    store: Option<PathBuf>,
}

pub(super) async fn run(arguments: Arguments, clock: Clock) -> anyhow::Result<Status> {
    let mut config = arguments.settings.load()?;
    if let Some(store) = arguments.store {
        config.store = store;
    }
    if config.live_blogs.is_empty() {
        feedback::say(
            "nothing to follow: add a [[live_blog]] table with its url to config.toml (`tidings init` writes one)",
        );
        return Ok(Status::Fine);
    }
    let stop = on_stop()?;
    let (_lock, store) = super::settings::open(&config, "refresh", clock()).await?;
    let follower = follower(&config, store, Fetcher::new(&config.fetch)?, splitter(&config), clock);
    follower.follow(&config.live_blogs, false).await?;
    let refreshed = follower.refresh_due(stop).await?;
    let mut status = Status::Fine;
    let mut stdout = std::io::stdout().lock();
    for one in &refreshed {
        if matches!(one.outcome, Outcome::Failed(_) | Outcome::Empty(_) | Outcome::SetAside(_) | Outcome::Stopped) {
            status = Status::Problems;
            let reason = one.outcome.to_string();
            // What failed on the way there names the address itself.
            let told = if reason.starts_with(&one.url) { reason } else { format!("{}: {reason}", one.url) };
            feedback::say(told);
        } else {
            let _ = writeln!(stdout, "{}: {}", one.url, one.outcome);
        }
    }
    if refreshed.is_empty() {
        let _ = writeln!(stdout, "nothing is due yet");
    }
    Ok(status)
}
