//! A live blog as a timeline to read in a terminal.

use crate::model::{CoverageState, Entry, LiveBlog, Precision};
use crate::store::{ChangeKind, WholeChange};
use chrono::{DateTime, NaiveDate, Utc};
use std::fmt::Write;

/// Words of a body are broken at this column, where reading is still easy.
const WIDTH: usize = 92;
const INDENT: &str = "        ";

/// The live blog, oldest entry first: the newest stands right above the prompt.
pub(super) fn of(blog: &LiveBlog, colour: bool) -> String {
    let bold = |text: &str| if colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() };
    let faint = |text: &str| if colour { format!("\x1b[2m{text}\x1b[0m") } else { text.to_owned() };
    let mut out = String::new();
    let _ = writeln!(out, "{}", bold(&plain(&blog.head.headline)));
    let _ = writeln!(out, "{}", faint(&plain(&about(blog))));

    let mut entries: Vec<&Entry> = blog.entries.iter().collect();
    // Entries of one minute stay in the page's own order, whichever way that runs.
    if blog.entries.first().map(|entry| entry.published.at) >= blog.entries.last().map(|entry| entry.published.at) {
        entries.reverse();
    }
    entries.sort_by_key(|entry| entry.published.at);
    let mut day = None;
    for entry in entries {
        let date = entry.published.at.date_naive();
        if day != Some(date) {
            let _ = writeln!(out, "\n{}", bold(&date.format("%A, %-d %B %Y (UTC)").to_string()));
            day = Some(date);
        }
        let edited = entry.updated.as_ref().map(|stamp| format!("  (edited {})", stamp.at.format("%H:%MZ")));
        let _ = writeln!(
            out,
            "\n{}{}",
            bold(&clock(entry)),
            faint(&plain(&format!("{}{}", by(entry), edited.unwrap_or_default())))
        );
        said(&mut out, entry, &bold, &faint);
    }
    out
}

/// Who wrote it, and what it is marked as.
fn by(entry: &Entry) -> String {
    let byline = if entry.byline.is_empty() { String::new() } else { format!("  {}", entry.byline.join(", ")) };
    let marks: String = entry.marks.iter().map(|mark| format!("  [{}]", words(mark))).collect();
    byline + &marks
}

/// What it says, and what was wrong with it.
fn said(out: &mut String, entry: &Entry, bold: &dyn Fn(&str) -> String, faint: &dyn Fn(&str) -> String) {
    if let Some(headline) = &entry.headline {
        wrap(out, &plain(headline), bold);
    }
    for paragraph in entry.body_text.lines().filter(|line| !line.trim().is_empty()) {
        wrap(out, &plain(paragraph), &|line: &str| line.to_owned());
    }
    for problem in &entry.problems {
        wrap(out, &format!("! {}", plain(&problem.message)), faint);
    }
}

/// Changes as they are made, one under the other.
pub(super) struct Live {
    colour: bool,
    day: Option<NaiveDate>,
}

impl Live {
    pub fn new(colour: bool) -> Live {
        Live { colour, day: None }
    }

    /// What is written of the next change.
    pub fn write(&mut self, whole: &WholeChange) -> String {
        let painted =
            |code: &str, text: &str| if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() };
        let (bold, faint) = (|text: &str| painted("1", text), |text: &str| painted("2", text));
        let mut out = String::new();
        let at = whole.entry.as_ref().map_or(whole.change.seen, |stood| stood.entry.published.at);
        if self.day != Some(at.date_naive()) {
            let _ = writeln!(out, "\n{}", bold(&at.format("%A, %-d %B %Y (UTC)").to_string()));
        }
        let outlet = painted("36", &plain(&whole.head.outlet_name));
        match &whole.entry {
            None => {
                let happened = match whole.change.kind {
                    ChangeKind::BlogEnded => "the live blog has ended",
                    _ => "the live blog says something else of itself",
                };
                let time = at.format("%H:%M:%SZ").to_string();
                let _ = writeln!(out, "\n{}  {outlet}  {}", bold(&time), painted("33", happened));
                wrap(&mut out, &plain(&whole.head.headline), &bold);
            }
            Some(stood) => {
                let happened = match whole.change.kind {
                    ChangeKind::New if whole.change.history => faint("  (from older pages)"),
                    ChangeKind::New => String::new(),
                    ChangeKind::Withdrawn => painted("31", "  WITHDRAWN"),
                    ChangeKind::Restored => painted("33", "  restored"),
                    ChangeKind::Touched => faint("  touched"),
                    _ => painted("33", &format!("  edited {}", edits(stood.life.revision))),
                };
                let by = faint(&plain(&by(&stood.entry)));
                let _ = writeln!(out, "\n{}  {outlet}{happened}{by}", bold(&clock(&stood.entry)));
                said(&mut out, &stood.entry, &bold, &faint);
            }
        }
        self.day = Some(at.date_naive());
        out
    }
}

fn edits(revision: u32) -> String {
    match revision.saturating_sub(1) {
        0 | 1 => "once".into(),
        2 => "twice".into(),
        many => format!("{many} times"),
    }
}

fn about(blog: &LiveBlog) -> String {
    let instant = |at: DateTime<Utc>| at.format("%-d %b %Y %H:%MZ").to_string();
    let state = match (blog.head.coverage.state, blog.head.coverage.ended) {
        (CoverageState::Live, _) => "live".into(),
        (CoverageState::Ended, Some(at)) => format!("ended {}", instant(at)),
        (CoverageState::Ended, None) => "ended".into(),
        (CoverageState::Article, _) => "article".into(),
        (CoverageState::Unknown, _) => String::new(),
    };
    let count = match blog.entries.len() {
        1 => "1 entry".into(),
        count => format!("{count} entries"),
    };
    let parts = [blog.head.outlet_name.clone(), state, count, blog.head.url.clone().unwrap_or_default()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

fn clock(entry: &Entry) -> String {
    let at = entry.published.at;
    match entry.published.precision {
        Precision::Second => at.format("%H:%M:%SZ").to_string(),
        Precision::Minute => at.format("%H:%MZ").to_string(),
        Precision::Hour => at.format("~%HhZ").to_string(),
        Precision::Day => "this day".into(),
        Precision::Unknown => format!("no time printed (seen {})", at.format("%H:%MZ")),
    }
}

fn words(mark: &crate::model::Mark) -> String {
    let name = serde_json::to_value(mark).ok().and_then(|name| name.as_str().map(str::to_owned));
    name.unwrap_or_default().replace('_', " ")
}

/// What comes from a page must not steer the terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn wrap(out: &mut String, text: &str, style: &dyn Fn(&str) -> String) {
    let mut line = String::new();
    let mut width = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > WIDTH - INDENT.len() {
            let _ = writeln!(out, "{INDENT}{}", style(&line));
            line.clear();
            width = 0;
        }
        if width > 0 {
            line.push(' ');
            width += 1;
        }
        line.push_str(word);
        width += length;
    }
    if !line.is_empty() {
        let _ = writeln!(out, "{INDENT}{}", style(&line));
    }
}
