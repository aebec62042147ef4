//! What is said to the person at the terminal, on stderr: one line for each thing.

use crate::model::{Entry, LiveBlog, Problem};
use std::fmt::Display;
use std::io::Write;

/// Says one line. A reader that has gone away is no reason to stop, and what a page or a file name holds must not steer the
/// terminal.
pub(super) fn say(line: impl Display) {
    let line: String = line.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Says why a command could not be done, with the causes behind it.
pub(super) fn error(error: &anyhow::Error) {
    say(format_args!("tidings: {error:#}"));
}

/// Says what was wrong with a page, one line each; answers whether anything was.
pub(super) fn problems(name: &str, blog: &LiveBlog) -> bool {
    let mut any = false;
    let mut tell = |of: &str, problem: &Problem| {
        any = true;
        say(format_args!("{name}: {of}{} [{}]", problem.message, code(problem)));
    };
    blog.problems.iter().for_each(|problem| tell("", problem));
    for (index, entry) in blog.entries.iter().enumerate() {
        entry.problems.iter().for_each(|problem| tell(&format!("entry {} ({}): ", index + 1, label(entry)), problem));
    }
    any
}

fn label(entry: &Entry) -> String {
    let words = entry.headline.as_deref().unwrap_or(&entry.body_text);
    let mut label: String = words.chars().take(40).collect();
    if label.len() < words.len() {
        label.push('…');
    }
    if label.is_empty() { entry.key.clone() } else { label }
}

/// The code as scripts see it in JSON.
fn code(problem: &Problem) -> String {
    serde_json::to_value(problem.code).ok().and_then(|code| code.as_str().map(str::to_owned)).unwrap_or_default()
}
