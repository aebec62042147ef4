//! `tidings parse`: saved pages, offline.

use super::output::{Format, Output};
use super::serve::splitter;
use super::settings::Settings;
use super::{Status, feedback};
use crate::follow::{Clock, Split};
use crate::model::LiveBlog;
use crate::saved::{self, Known, Saved};
use anyhow::bail;
use chrono::{DateTime, Utc};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// Pages are read side by side in lots of this many bytes or pages, which bounds the memory that any number of them takes.
const LOT: (usize, usize) = (12 << 20, 128);

/// Read saved pages, offline and without a store
///
/// Reads files, folders with all below them, patterns in quotes, `.gz` files and web archives (`.warc`, `.warc.gz`: each
/// response record, with its own address and instant), on all cores and in bounded memory. The outlet is recognised from the
/// page itself. Problems go to stderr, one line each; a page that is refused is named there, and the others are read.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit status: 0 read; 1 read, with problems worth a look; 2 one or more refused, and why (nothing of those is printed).

Examples:
  tidings parse page.html
  tidings parse --format text capture.txt
  tidings parse archive/ crawl.warc.gz '2022/**/*.html' --format jsonl > live-blogs.jsonl
  curl -s https://… | tidings parse - --format atom > feed.atom
  tidings parse old.txt --url https://sputniknews.com/us/202101061081668004-live/ --captured 2021-01-07T18:00:00Z")]
pub(super) struct Arguments {
    /// Saved pages (HTML, the text of a page, an outlet's JSON), folders, patterns, .gz, .warc; `-` for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The address the page was saved from, where the page itself does not say
    #[arg(long, value_parser = crate::config::web_address)]
    url: Option<Url>,
    #[command(flatten)]
    reading: Reading,
    /// When the page was captured, as 2022-01-06T19:20:00Z: dates its clocks and its "5 minutes ago"
    ///
    /// Without it, the file's modification time is the latest it can have been: enough to notice a time in the future, not
    /// to date a clock.
    #[arg(long, value_name = "T", value_parser = instant)]
    captured: Option<DateTime<Utc>>,
    #[command(flatten)]
    settings: Settings,
}

/// How a page is read and written.
#[derive(Debug, clap::Args)]
pub(super) struct Reading {
    /// The outlet's slug, where it can't be recognised
    #[arg(long, value_name = "SLUG")]
    pub outlet: Option<String>,
    /// What to print
    #[arg(long, value_enum, default_value = "json")]
    pub format: Format,
}

pub(super) fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    let parsed = DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_rfc3339(&text.replacen(' ', "T", 1)));
    parsed.map(|at| at.to_utc()).map_err(|_| "not an instant with its offset, such as 2022-01-06T19:20:00Z".into())
}

pub(super) fn run(arguments: &Arguments, clock: &Clock) -> anyhow::Result<Status> {
    if arguments.url.is_some() && arguments.files.len() > 1 {
        bail!("--url is the address of one page: {} files are given", arguments.files.len());
    }
    let config = arguments.settings.load()?;
    let known = Known { url: arguments.url.clone(), captured: arguments.captured, now: clock() };
    let mut reader = Reader {
        split: splitter(&config),
        outlet: arguments.reading.outlet.as_deref(),
        output: Output::new(arguments.reading.format),
        lot: Vec::new(),
        bytes: 0,
        status: Status::Fine,
        bar: bar(),
        failed: None,
    };
    let ended = saved::each(&arguments.files, &known, &mut |saved| reader.take(saved));
    if ended.is_continue() {
        let _ = reader.read_lot();
    }
    reader.bar.finish_and_clear();
    if let Some(error) = reader.failed {
        return Err(error);
    }
    reader.output.end()?;
    Ok(reader.status)
}

/// A spinner with a count, for a person at a terminal only; it shows itself when reading takes longer than a moment.
fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() || std::io::stdout().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    let style = ProgressStyle::with_template("{spinner} {human_pos} pages, {per_sec}  {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Gathers pages into lots, reads each lot on all cores, and writes what came of it in the order of the pages.
struct Reader<'a> {
    split: Split,
    outlet: Option<&'a str>,
    output: Output,
    lot: Vec<Saved>,
    bytes: usize,
    status: Status,
    bar: ProgressBar,
    /// Why nothing more can be written.
    failed: Option<anyhow::Error>,
}

impl Reader<'_> {
    fn take(&mut self, saved: Saved) -> ControlFlow<()> {
        self.bytes += saved.page.as_ref().map_or(0, |page| page.body.len());
        self.lot.push(saved);
        if self.bytes >= LOT.0 || self.lot.len() >= LOT.1 { self.read_lot() } else { ControlFlow::Continue(()) }
    }

    fn read_lot(&mut self) -> ControlFlow<()> {
        self.bytes = 0;
        let (split, outlet) = (&self.split, self.outlet);
        let read = |saved: Saved| {
            let blog = saved.page.map_err(|error| error.to_string());
            let blog = blog.and_then(|page| split(&page, outlet).map_err(|refusal| refusal.to_string()));
            (saved.name, blog)
        };
        let blogs: Vec<(String, Result<LiveBlog, String>)> =
            std::mem::take(&mut self.lot).into_par_iter().map(read).collect();
        let bar = self.bar.clone();
        for (name, blog) in blogs {
            bar.inc(1);
            let flow = bar.suspend(|| self.tell(&name, blog));
            flow?;
            bar.set_message(name);
        }
        ControlFlow::Continue(())
    }

    fn tell(&mut self, name: &str, blog: Result<LiveBlog, String>) -> ControlFlow<()> {
        match blog {
            Ok(blog) => {
                if feedback::problems(name, &blog) {
                    self.status = self.status.max(Status::Problems);
                }
                match self.output.add(blog) {
                    Ok(true) => {}
                    // The reader at the other end of the pipe has seen enough.
                    Ok(false) => return ControlFlow::Break(()),
                    Err(error) => {
                        self.failed = Some(error);
                        return ControlFlow::Break(());
                    }
                }
            }
            Err(refusal) => {
                feedback::say(format_args!("{name}: {refusal}"));
                self.status = Status::Refused;
            }
        }
        ControlFlow::Continue(())
    }
}
