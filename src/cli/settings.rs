//! Where a command's settings come from: a named file, `config.toml` in the current folder, or the built-in defaults.

use super::feedback;
use crate::adapters::{self, OUTLETS};
use crate::config::{Config, Mistake};
use crate::outlet::{Configured, Outlet};
use crate::store::{Lock, Store};
use anyhow::bail;
use chrono::{DateTime, Utc};
use std::path::{Path, PathBuf};

/// The file that is read where none is named.
pub(super) const FILE: &str = "config.toml";

#[derive(Debug, clap::Args)]
pub(super) struct Settings {
    /// Settings file; without it `config.toml` in the current folder, and without that the defaults
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl Settings {
    /// The file to read, if there is one.
    pub fn file(&self) -> Option<PathBuf> {
        self.config.clone().or_else(|| Path::new(FILE).exists().then(|| FILE.into()))
    }

    /// Reads the settings. Mistakes are told one a line, and nothing is started on half of them.
    pub fn load(&self) -> anyhow::Result<Config> {
        self.read().or_else(|mistakes| {
            tell(&mistakes);
            let file = self.file().unwrap_or_default();
            bail!("{} of {} must be mended first", count(mistakes.len()), file.display())
        })
    }

    /// The same, for who tells of mistakes in another way.
    pub fn read(&self) -> Result<Config, Vec<Mistake>> {
        self.file().map_or_else(|| Ok(Config::default()), |file| Config::load(&file, &built_in()))
    }
}

/// Another store than that of the settings.
#[derive(Debug, clap::Args)]
pub(super) struct StorePath {
    /// The SQLite file that keeps the entries
    #[arg(long, value_name = "PATH")]
    store: Option<PathBuf>,
}

impl StorePath {
    /// The store to use: the one that is named, or that of `config`.
    pub fn or_of(&self, config: &Config) -> PathBuf {
        self.store.clone().unwrap_or_else(|| config.store.clone())
    }
}

/// The slugs of the built-in outlets.
pub(super) fn built_in() -> Vec<&'static str> {
    OUTLETS.iter().map(|outlet| outlet.slug).collect()
}

/// Those, and the ones of the config.
pub(super) fn slugs(config: &Config) -> Vec<&str> {
    built_in().into_iter().chain(config.outlets.iter().map(|outlet| outlet.slug.as_str())).collect()
}

/// The outlets of the config, taken into use, and the built-in ones: call it once for a config.
pub(super) fn outlets(config: &Config) -> Vec<&'static Outlet> {
    adapters::with(config.outlets.iter().map(Configured::outlet))
}

/// Takes the store for this process, which is to `command`, opens it to follow into, and takes away what captures it keeps
/// beyond the config's bounds.
pub(super) async fn open(config: &Config, command: &str, now: DateTime<Utc>) -> anyhow::Result<(Lock, Store)> {
    let lock = Lock::take(&config.store, command)?;
    let store = Store::open(&config.store).await?.keeping(config.keep_captures);
    store.prune(now).await?;
    Ok((lock, store))
}

pub(super) fn tell(mistakes: &[Mistake]) {
    mistakes.iter().for_each(feedback::say);
}

pub(super) fn count(mistakes: usize) -> String {
    if mistakes == 1 { "1 mistake".into() } else { format!("{mistakes} mistakes") }
}
