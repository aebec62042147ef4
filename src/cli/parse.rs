//! `tidings parse`: saved pages, offline.

use super::output::{self, Format};
use super::{Status, feedback};
use crate::follow::Clock;
use crate::outlet::split_page;
use crate::page::{Captured, Page};
use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use std::io::Read;
use std::path::{Path, PathBuf};
use url::Url;

/// Longest file that is read as a page.
const LONGEST: u64 = 64 << 20;

/// Read saved pages, offline and without a store
///
/// The outlet is recognised from the page itself. Problems go to stderr, one line each.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit status: 0 read; 1 read, with problems worth a look; 2 refused, and why (nothing of it is printed).

Examples:
  tidings parse page.html
  tidings parse --format text capture.txt
  curl -s https://… | tidings parse - --format atom > feed.atom
  tidings parse old.txt --url https://sputniknews.com/us/202101061081668004-live/ --captured 2021-01-07T18:00:00Z")]
pub(super) struct Arguments {
    /// Saved pages: HTML or the text of a page; `-` for standard input
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
    let mut blogs = Vec::new();
    let mut status = Status::Fine;
    for file in &arguments.files {
        let name = name_of(file);
        let read = saved_page(file, arguments.url.as_ref(), arguments.captured, clock)
            .and_then(|page| split_page(&page, arguments.reading.outlet.as_deref()).map_err(anyhow::Error::from));
        match read {
            Ok(blog) => {
                if feedback::problems(&name, &blog) {
                    status = status.max(Status::Problems);
                }
                blogs.push(blog);
            }
            Err(refusal) => {
                feedback::say(format_args!("{name}: {refusal:#}"));
                status = Status::Refused;
            }
        }
    }
    output::write(blogs, arguments.reading.format)?;
    Ok(status)
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

/// What a file is called in what is said of it.
pub(super) fn name_of(file: &Path) -> String {
    if is_stdin(file) { "standard input".into() } else { file.display().to_string() }
}

/// Reads a saved page, with what its saver knows of it.
pub(super) fn saved_page(
    file: &Path,
    url: Option<&Url>,
    captured: Option<DateTime<Utc>>,
    clock: &Clock,
) -> anyhow::Result<Page> {
    let mut body = Vec::new();
    let latest = if is_stdin(file) {
        std::io::stdin().lock().take(LONGEST + 1).read_to_end(&mut body).context("can't read it")?;
        clock()
    } else {
        let about = std::fs::metadata(file).context("can't open it")?;
        if about.is_dir() {
            bail!("it is a folder: name the pages in it");
        }
        std::fs::File::open(file)?.take(LONGEST + 1).read_to_end(&mut body).context("can't read it")?;
        about.modified().map_or_else(|_| clock(), DateTime::from)
    };
    if body.len() as u64 > LONGEST {
        bail!("it is larger than {} MiB, which no page of a live blog is", LONGEST >> 20);
    }
    let captured = captured.map_or(Captured::By(latest), Captured::At);
    Ok(Page { body, url: url.cloned(), content_type: None, captured })
}
