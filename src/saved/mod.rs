//! Saved pages on disk: files, folders, patterns, compressed files and web archives, one page at a time.
//!
//! Nothing here holds more than one page, so that an archive of any size streams through.

mod coding;
mod warc;

use crate::page::{Captured, Page};
use chrono::{DateTime, Utc};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use url::Url;

/// Longest page that is read, with its content coding undone.
pub const LONGEST: u64 = 64 << 20;

/// Endings of files that are taken from a folder. A file that is named itself is read whatever it is called.
const ENDINGS: [&str; 7] = ["html", "htm", "xhtml", "txt", "json", "gz", "warc"];

/// A page that was saved, or why it can't be had.
#[derive(Debug)]
pub struct Saved {
    /// What to call it: its path, and its address within an archive.
    pub name: String,
    /// The page.
    pub page: Result<Page, SavedError>,
}

/// Why a saved page can't be had.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    /// The file system says no.
    #[error("can't read it: {0}")]
    Unreadable(#[from] std::io::Error),
    /// There is nothing under this name, nor does it stand for anything as a pattern.
    #[error("there is no such file{0}")]
    Missing(&'static str),
    /// It is a folder without a page in it.
    #[error("the folder holds no page (.html, .txt, .json, .gz or .warc)")]
    Empty,
    /// It is longer than a page can be.
    #[error("it is larger than {} MiB, which no page of a live blog is", LONGEST >> 20)]
    TooLong,
    /// An archive, a compressed file or a recorded answer is damaged.
    #[error("{0}")]
    Damaged(String),
}

/// What the caller knows of the pages beside what is in the files.
#[derive(Debug, Clone)]
pub struct Known {
    /// Their address.
    pub url: Option<Url>,
    /// When they were captured.
    pub captured: Option<DateTime<Utc>>,
    /// The present instant: no page was captured later.
    pub now: DateTime<Utc>,
}

/// Where pages go, one after another; `Break` ends the reading.
pub type Take<'a> = dyn FnMut(Saved) -> ControlFlow<()> + 'a;

/// Reads every page of `inputs`: files, `-` for standard input, folders with all below them in order of their names, patterns
/// (`*.html`), `.gz` files, and the recorded answers of `.warc` and `.warc.gz` files. A page that can't be had is handed on as
/// such, and reading goes on.
pub fn each(inputs: &[PathBuf], known: &Known, take: &mut Take) -> ControlFlow<()> {
    inputs.iter().try_for_each(|input| one(input, known, true, take))
}

fn one(path: &Path, known: &Known, named: bool, take: &mut Take) -> ControlFlow<()> {
    let name = path.display().to_string();
    if named && path.as_os_str() == "-" {
        let page = bounded(std::io::stdin().lock()).map(|body| page(body, known, known.now));
        return take(Saved { name: "standard input".into(), page });
    }
    match std::fs::metadata(path) {
        Ok(about) if about.is_dir() => {
            let mut any = false;
            folder(path, known, &mut |saved| {
                any = true;
                take(saved)
            })?;
            // A folder that was named is meant to hold something; one below it may be empty.
            if named && !any {
                return take(Saved { name, page: Err(SavedError::Empty) });
            }
            return ControlFlow::Continue(());
        }
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && named => return pattern(&name, known, take),
        Err(error) => return take(Saved { name, page: Err(error.into()) }),
    }
    let lower = name.to_ascii_lowercase();
    let archive = lower.ends_with(".warc") || lower.ends_with(".warc.gz");
    match File::open(path).map(|file| (file.metadata().and_then(|about| about.modified()), BufReader::new(file))) {
        Err(error) => take(Saved { name, page: Err(error.into()) }),
        Ok((_, file)) if archive => {
            let compressed = lower.ends_with(".gz");
            let mut reader: Box<dyn BufRead> = match compressed {
                // Each record of a .warc.gz is a gzip member of its own.
                true => Box::new(BufReader::with_capacity(64 << 10, flate2::bufread::MultiGzDecoder::new(file))),
                false => Box::new(file),
            };
            warc::each(&name, &mut reader, known, take)
        }
        Ok((modified, file)) => {
            let latest = modified.map_or(known.now, DateTime::from);
            let body = match lower.ends_with(".gz") {
                true => bounded(flate2::bufread::MultiGzDecoder::new(file)),
                false => bounded(file),
            };
            take(Saved { name, page: body.map(|body| page(body, known, latest)) })
        }
    }
}

fn page(body: Vec<u8>, known: &Known, latest: DateTime<Utc>) -> Page {
    let captured = known.captured.map_or(Captured::By(latest), Captured::At);
    Page { body, url: known.url.clone(), content_type: None, captured }
}

fn folder(path: &Path, known: &Known, take: &mut Take) -> ControlFlow<()> {
    let mut inside: Vec<PathBuf> = match std::fs::read_dir(path) {
        Ok(entries) => entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect(),
        Err(error) => return take(Saved { name: path.display().to_string(), page: Err(error.into()) }),
    };
    inside.sort();
    let wanted = |path: &&PathBuf| {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        // A link to a folder could lead round in a circle.
        let folder = path.symlink_metadata().is_ok_and(|about| about.is_dir());
        !hidden && (folder || (path.is_file() && ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))))
    };
    inside.iter().filter(wanted).try_for_each(|path| one(path, known, false, take))
}

/// A name that is no file may be a pattern that the shell left alone, in quotes or on Windows.
fn pattern(name: &str, known: &Known, take: &mut Take) -> ControlFlow<()> {
    let missing = |why| Saved { name: name.to_owned(), page: Err(SavedError::Missing(why)) };
    if !name.contains(['*', '?', '[']) {
        return take(missing(""));
    }
    let Ok(paths) = glob::glob(name) else { return take(missing(", and as a pattern it is malformed")) };
    let mut any = false;
    for path in paths.filter_map(Result::ok) {
        any = true;
        one(&path, known, false, take)?;
    }
    if any { ControlFlow::Continue(()) } else { take(missing(", and no file that the pattern stands for")) }
}

/// All of a reader, unless it is more than a page can be.
fn bounded(reader: impl Read) -> Result<Vec<u8>, SavedError> {
    let mut body = Vec::new();
    reader.take(LONGEST + 1).read_to_end(&mut body)?;
    if body.len() as u64 > LONGEST { Err(SavedError::TooLong) } else { Ok(body) }
}
