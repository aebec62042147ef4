//! `tidings reload`: has the running server read its settings anew.

use super::Status;
use super::settings::Settings;
use crate::store::{Holder, Lock};
use anyhow::{Context, bail};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// How long the server may take. It loads seeds on the way, and may be busy.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(50);

/// Have the running server read its settings anew
///
/// Reads the settings first, as `check` does, and asks for nothing if there is a mistake in them. What the server says to them
/// is printed: it takes all of them, but for what needs a restart, or none.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit status: 0 the new settings hold; 2 the old ones do, and why.

Example:
  tidings reload --config /etc/tidings/config.toml")]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: Settings,
    /// The store that the server was started on, if that was by --store
    #[arg(long, value_name = "PATH")]
    store: Option<PathBuf>,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<Status> {
    let config = arguments.settings.load()?;
    let store = arguments.store.unwrap_or(config.store);
    let before = match Lock::holder(&store)? {
        Some(holder) if holder.command == "serve" => holder,
        Some(holder) => bail!("no server runs on the store {}, only `tidings {}`", store.display(), holder.command),
        None => bail!("no server runs on the store {}", store.display()),
    };
    hang_up(before.pid)?;
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        match Lock::holder(&store)? {
            Some(Holder { pid, reloads, reloaded: Some(outcome), .. }) if pid == before.pid && reloads > before.reloads => {
                return tell(outcome);
            }
            Some(Holder { pid, .. }) if pid == before.pid => {}
            _ => bail!("the server (process {}) has ended meanwhile", before.pid),
        }
        if tokio::time::Instant::now() > until {
            bail!("the server (process {}) does not answer; its log may say why", before.pid);
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn tell(outcome: Result<Vec<String>, Vec<String>>) -> anyhow::Result<Status> {
    match outcome {
        Ok(notes) => {
            let mut out = std::io::stdout().lock();
            let _ = writeln!(out, "the new settings hold");
            for note in notes {
                let _ = writeln!(out, "{note}");
            }
            Ok(Status::Fine)
        }
        Err(mistakes) => {
            mistakes.iter().for_each(super::feedback::say);
            bail!("the server goes on with the settings it had")
        }
    }
}

#[cfg(unix)]
fn hang_up(pid: u32) -> anyhow::Result<()> {
    use rustix::process::{Pid, Signal, kill_process};
    let process = i32::try_from(pid).ok().and_then(Pid::from_raw).context("what the store's lock says is no process")?;
    kill_process(process, Signal::HUP).with_context(|| format!("can't signal the server (process {pid})"))
}

#[cfg(not(unix))]
fn hang_up(_: u32) -> anyhow::Result<()> {
    bail!("there are no signals on this system: POST to /admin/reload at `admin_listen` does the same")
}
