//! `tidings backup`: a copy of the store, also while the server runs on it.

use super::Status;
use super::settings::Settings;
use crate::store::Store;
use std::io::Write;
use std::path::PathBuf;

/// Copy the store, also while the server writes to it
///
/// The copy is the store as it stood at one moment, in one file, checked before it gets its name. To restore it, stop the
/// server and put it where the store was (`-wal` and `-shm` files that lie there belong to the old one: take them away), or
/// name it with --store.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit status: 0 copied; 2 not, and why.

Examples:
  tidings backup /backups/tidings-$(date +%F).db
  tidings serve --store /backups/tidings-2022-01-06.db")]
pub(super) struct Arguments {
    /// The file to write. It must not be there yet
    #[arg(value_name = "PATH")]
    to: PathBuf,
    #[command(flatten)]
    settings: Settings,
    /// The SQLite file that keeps the entries
    #[arg(long, value_name = "PATH")]
    store: Option<PathBuf>,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<Status> {
    let config = arguments.settings.load()?;
    let path = arguments.store.unwrap_or(config.store);
    let copied = Store::backup(&path, &arguments.to).await?;
    let _ = writeln!(
        std::io::stdout(),
        "{}: {} entries of {} live blogs, {} KiB",
        arguments.to.display(),
        copied.entries,
        copied.live_blogs,
        copied.bytes.div_ceil(1024)
    );
    Ok(Status::Fine)
}
