//! `tidings init`: a settings file to start from.

use super::{Status, settings};
use crate::config::TEMPLATE;
use anyhow::{Context, bail};
use std::io::Write;
use std::path::PathBuf;

/// Write a commented config.toml
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A file that is already there is left alone.\n\nExample:\n  tidings init && $EDITOR config.toml && tidings check"
)]
pub(super) struct Arguments {
    /// Where to write it
    #[arg(default_value = settings::FILE)]
    file: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Status> {
    let file = &arguments.file;
    let mut created = match std::fs::File::create_new(file) {
        Ok(created) => created,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            bail!("{} is already there, and is left as it is", file.display())
        }
        Err(error) => return Err(error).with_context(|| format!("can't write {}", file.display())),
    };
    created.write_all(TEMPLATE.as_bytes()).with_context(|| format!("can't write {}", file.display()))?;
    let _ = writeln!(
        std::io::stdout(),
        "wrote {}: every key with its default, switched off. Add a [[live_blog]] with its url, then `tidings serve`.",
        file.display()
    );
    Ok(Status::Fine)
}
