//! What looks like entries, and the table that would read them.

use super::{LONGEST, Lines, short};
use crate::outlet::{Candidate, Explanation, FormName, ReadsAs};

impl Lines {
    pub(super) fn candidates(&mut self, told: &Explanation) {
        if told.page.form != Some(FormName::Html) {
            return;
        }
        if told.candidates.is_empty() {
            self.heading("No elements on the page look like entries: none are repeated and hold a time or a paragraph");
        } else {
            self.heading(
                "What looks like entries, the likeliest first (for `entry` and `published` of an [[outlet]] table)",
            );
        }
        for candidate in &told.candidates {
            self.candidate(candidate);
        }
        if !told.days.is_empty() {
            self.heading("Days the page prints of itself (for `opened`, where entries print a clock alone)");
            for day in &told.days {
                self.line(format_args!("      {}  \"{}\"", day.opened, day.printed));
            }
        }
        if told.reader.is_none()
            && let Some(candidate) = told.candidates.first()
        {
            self.table(told, candidate);
        }
    }

    fn candidate(&mut self, candidate: &Candidate) {
        let times = match candidate.with_time {
            0 => "none with a time".into(),
            all if all == candidate.count => "each with a time".into(),
            some => format!("{some} with a time"),
        };
        self.line(format_args!("{:>4}  {}  {times}", candidate.count, candidate.entry));
        for time in &candidate.times {
            let all = if time.entries == candidate.count { String::new() } else { format!(" in {}", time.entries) };
            let printed = format!("\"{}\", {}", short(&time.printed, 60), reads_as(time.reads_as));
            self.line(format_args!("      published {}{all}  {printed}", time.published));
        }
        match (&candidate.headline, &candidate.sample_headline) {
            (Some(headline), Some(sample)) => {
                self.line(format_args!("      headline  {headline}  \"{}\"", short(sample, LONGEST)));
            }
            _ if candidate.begins.is_empty() => {}
            _ => self.faint(format_args!("      begins    \"{}\"", short(&candidate.begins, LONGEST))),
        }
    }

    /// What to begin with, for a page of an outlet that nobody knows.
    fn table(&mut self, told: &Explanation, candidate: &Candidate) {
        let host = told.addresses.iter().find_map(|address| address.url.parse::<url::Url>().ok()?.host_str().map(bare));
        self.heading("To begin with, in config.toml (then `tidings explain` again)");
        self.line("      [[outlet]]");
        self.line("      name = \"…\"");
        self.line(format_args!("      hosts = [\"{}\"]", host.as_deref().unwrap_or("…")));
        self.line("      zone = \"…\"  # whose clock it prints, as Europe/London");
        self.line(format_args!("      entry = {}", quoted(&candidate.entry)));
        if let Some(time) = candidate.times.first() {
            self.line(format_args!("      published = {}", quoted(&time.published)));
            if time.reads_as == ReadsAs::Unread {
                self.line(format_args!("      format = \"…\"  # how \"{}\" is printed, as strftime says it", time.printed));
            }
            if time.reads_as == ReadsAs::Clock
                && let Some(day) = told.days.first()
            {
                self.line(format_args!("      opened = {}", quoted(&day.opened)));
            }
        }
        if let Some(headline) = &candidate.headline {
            self.line(format_args!("      headline = {}", quoted(headline)));
        }
    }
}

fn reads_as(kind: ReadsAs) -> &'static str {
    match kind {
        ReadsAs::Instant => "an instant",
        ReadsAs::Wall => "a date and a clock",
        ReadsAs::Clock => "a clock without a date",
        ReadsAs::Day => "a day",
        ReadsAs::Ago => "counted back from the capture",
        ReadsAs::Unread => "not read without a `format`",
    }
}

fn bare(host: &str) -> String {
    host.strip_prefix("www.").unwrap_or(host).to_owned()
}

/// A string as TOML writes it.
fn quoted(text: &str) -> String {
    match text.contains(['"', '\\']) {
        true if !text.contains('\'') => format!("'{text}'"),
        _ => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}
