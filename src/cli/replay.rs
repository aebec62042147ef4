//! `tidings replay`: a store made anew from the captures of another, and whether it came out the same.

use super::serve::splitter;
use super::settings::Settings;
use super::{Status, feedback};
use crate::config::Config;
use crate::feed::Format;
use crate::replay::{ReplayError, Replayed, replay};
use crate::server::{Limits, ServerState, answer_to};
use crate::store::{Compared, Store};
use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Differences of one kind that are spelled out.
const SPELLED_OUT: usize = 10;

/// Rebuild the store from its captures, and compare
///
/// Reads every page that ever changed something again, in order, into a new store, and compares that with the old one: ids,
/// stamps, revisions, the change log, and every feed byte for byte. The old store is only read; a server may go on with it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit status: 0 the same; 1 something differs, each on a line of stdout, or not all could be rebuilt; 2 it could not be done.

Examples:
  tidings replay --into rebuilt.db
  tidings replay --config /etc/tidings/config.toml --into rebuilt.db --partial")]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: Settings,
    /// The SQLite file whose captures are read
    #[arg(long, value_name = "PATH")]
    store: Option<PathBuf>,
    /// The file to make; there must be none of that name
    #[arg(long, value_name = "NEW.db")]
    into: PathBuf,
    /// Rebuild what is left where captures have lost their bytes, or were never kept
    #[arg(long)]
    partial: bool,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<Status> {
    let config = arguments.settings.load()?;
    let store = arguments.store.as_ref().unwrap_or(&config.store);
    let old = Store::open_to_read(store).await?;
    let building = Building::begin(&arguments.into)?;
    let new = Store::open(&building.path).await?;

    let bar = bar();
    let split = splitter(&config);
    let told = replay(&old, &new, &split, arguments.partial, |all| {
        bar.set_length(all as u64);
        bar.inc(1);
    });
    let told = told.await;
    bar.finish_and_clear();
    let told = match told {
        Err(ReplayError::Partial { reason }) => bail!("{}: {reason}; --partial rebuilds what is left", store.display()),
        told => told?,
    };
    let tables = old.compare(&new, SPELLED_OUT).await?;
    let feeds = feeds(&old, &new, &config).await?;
    old.close().await;
    new.close().await;
    building.finish()?;
    Ok(tell(&told, &tables, &feeds, &arguments.into))
}

/// The new file under another name until it is whole: nobody takes half of one for a store.
struct Building<'a> {
    path: PathBuf,
    into: &'a Path,
    done: bool,
}

impl<'a> Building<'a> {
    fn begin(into: &'a Path) -> anyhow::Result<Self> {
        if into.exists() {
            bail!("{} is already there, and is left as it is", into.display());
        }
        let building = Building { path: beside(into, ".part"), into, done: false };
        // What a replay that was killed has left behind.
        building.remove();
        Ok(building)
    }

    fn finish(mut self) -> anyhow::Result<()> {
        std::fs::rename(&self.path, self.into).with_context(|| format!("can't write {}", self.into.display()))?;
        self.done = true;
        Ok(())
    }

    fn remove(&self) {
        for ending in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(beside(&self.path, ending));
        }
    }
}

impl Drop for Building<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.remove();
        }
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// Feeds that the two stores give, and those that differ.
struct Feeds {
    count: usize,
    differing: Vec<String>,
}

/// Asks both stores for every feed, as a reader would.
async fn feeds(old: &Store, new: &Store, config: &Config) -> anyhow::Result<Feeds> {
    let blogs = old.blogs().await?;
    let mut places = vec!["/feed".to_owned()];
    places.extend(blogs.iter().map(|blog| format!("/blogs/{}/feed", blog.head.id)));
    let mut outlets: Vec<String> = blogs.iter().map(|blog| format!("/outlets/{}/feed", blog.head.outlet)).collect();
    outlets.dedup();
    places.extend(outlets);
    let serving = |store: &Store| {
        ServerState::new(store.clone(), config.base_url.as_ref(), config.listen, Limits { feeds: 1, ..Limits::default() })
    };
    let (one, two) = (serving(old), serving(new));
    let mut feeds = Feeds { count: 0, differing: Vec::new() };
    for place in places {
        for format in Format::ALL {
            let path = format!("{place}.{}?limit=200", format.extension());
            feeds.count += 1;
            if answer_to(&one, &path).await? != answer_to(&two, &path).await? {
                feeds.differing.push(path);
            }
        }
    }
    Ok(feeds)
}

fn tell(told: &Replayed, tables: &[Compared], feeds: &Feeds, into: &Path) -> Status {
    for (id, reason) in &told.refused {
        feedback::say(format_args!("capture {id} is read no more: {reason}"));
    }
    if told.pruned > 0 {
        feedback::say(format_args!("{} of {} captures had lost their bytes, and are left out", told.pruned, told.captures));
    }
    if told.older > 0 {
        feedback::say(format_args!("{} entries were stored before captures were kept, and are left out", told.older));
    }
    if told.by_others > 0 {
        let of = format!("{} of {} captures", told.by_others, told.captures);
        feedback::say(format_args!("{of} were read by another version of tidings, which may have read them otherwise"));
    }
    let mut out = std::io::stdout().lock();
    let mut same = true;
    for table in tables.iter().filter(|table| table.differing > 0) {
        same = false;
        table.lines.iter().for_each(|line| drop(writeln!(out, "{}", super::timeline::plain(line))));
        let more = table.differing - table.lines.len() as i64;
        if more > 0 {
            let _ = writeln!(out, "… and {more} more of {}", table.what);
        }
    }
    for path in feeds.differing.iter().take(SPELLED_OUT) {
        let _ = writeln!(out, "feed {path} differs");
    }
    same &= feeds.differing.is_empty();
    let all: Vec<&str> = tables.iter().map(|table| table.what.as_str()).filter(|what| !what.starts_with("0 ")).collect();
    let rebuilt = told.captures - told.pruned - told.refused.len();
    let _ = writeln!(out, "{} is rebuilt from {rebuilt} of {} captures", into.display(), told.captures);
    let _ = writeln!(out, "compared: {}, {} feeds", all.join(", "), feeds.count);
    let _ = match (tables.iter().map(|table| table.differing).sum::<i64>(), feeds.differing.len()) {
        (0, 0) => writeln!(out, "the same, byte for byte"),
        (rows, feeds) => writeln!(out, "not the same: {rows} rows and {feeds} feeds differ"),
    };
    if same && told.is_whole() { Status::Fine } else { Status::Problems }
}

/// How far it is, for a person at a terminal.
fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(10));
    let style = ProgressStyle::with_template("{bar:30} {human_pos} of {human_len} captures, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
