//! An explanation to read in a terminal.

mod candidates;

use super::super::timeline::plain;
use super::followed::Compared;
use crate::model::{Origin, Precision, Problem};
use crate::outlet::explain::{EntryTold, Reader};
use crate::outlet::{Evidence, Explanation, FormName};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::fmt::Display;

/// Longest value that is shown of a page's own text.
const LONGEST: usize = 90;

/// The explanation as text.
pub(super) fn of(name: &str, told: &Explanation, followed: Option<&Compared>, colour: bool) -> String {
    let mut out = Lines { text: String::new(), colour };
    out.page(name, told);
    out.reading(told);
    out.entries(told);
    out.candidates(told);
    if let Some(followed) = followed {
        out.followed(followed);
    }
    out.text
}

struct Lines {
    text: String,
    colour: bool,
}

impl Lines {
    /// A line; what is in it comes from a page and must not steer the terminal.
    fn line(&mut self, line: impl Display) {
        self.text.push_str(plain(&line.to_string()).trim_end());
        self.text.push('\n');
    }

    fn styled(&mut self, line: impl Display, code: &str) {
        if self.colour {
            self.text.push_str(&format!("\x1b[{code}m{}\x1b[0m\n", plain(&line.to_string())));
        } else {
            self.line(line);
        }
    }

    fn heading(&mut self, line: impl Display) {
        self.text.push('\n');
        self.styled(line, "1");
    }

    fn faint(&mut self, line: impl Display) {
        self.styled(line, "2");
    }

    /// What is known under a name.
    fn row(&mut self, name: &str, value: impl Display) {
        self.line(format_args!("  {name:<10} {value}"));
    }

    /// How the page compares with what is usual at its address.
    fn followed(&mut self, followed: &Compared) {
        self.heading("followed");
        self.row("", &followed.told);
        self.row("", &followed.next);
        if let Some(older) = &followed.older_pages {
            self.row("", older);
        }
        if let Some(usual) = &followed.usual {
            self.row("usually", usual);
        }
        if let Some(this) = &followed.this {
            self.row("this page", this);
        }
        for odd in &followed.odd {
            self.row("not usual", odd);
        }
        if !followed.odd.is_empty() {
            self.faint(
                "  A page that is not as usual is set aside. If it is meant to be so: tidings accept with its address.",
            );
        }
    }

    fn problem(&mut self, indent: &str, problem: &Problem) {
        self.styled(format_args!("{indent}! {} [{}]", problem.message, code(problem.code)), "33");
    }

    fn page(&mut self, name: &str, told: &Explanation) {
        let page = &told.page;
        self.styled(name, "1");
        let form = match page.form {
            Some(FormName::Html) => "HTML",
            Some(FormName::Text) => "text",
            Some(FormName::Json) => "JSON",
            None => "of no form that is read",
        };
        let kind = page.content_type.as_ref().map(|kind| format!(", served as {kind}")).unwrap_or_default();
        self.row("page", format_args!("{}, {form}{kind}", counted(page.bytes, "byte", "bytes")));
        let known = match page.captured_known {
            true => "",
            false => " at the latest: not known, so no clock is dated from it (--captured tells)",
        };
        self.row("captured", format_args!("{}{known}", instant(page.captured)));
        page.problems.iter().for_each(|problem| self.problem("             ", problem));
        for address in &told.addresses {
            let outlet = address.outlet.map(|slug| format!(" → {slug}")).unwrap_or_default();
            self.row("address", format_args!("{} ({}){outlet}", address.url, by(address.by)));
        }
        if told.addresses.is_empty() && page.form.is_some() {
            self.row("address", "none: the page names none, and none was given (--url tells)");
        }
    }

    fn reading(&mut self, told: &Explanation) {
        match &told.outlet {
            Some(outlet) => {
                let value = outlet.value.as_ref().map(|value| format!(" {}", short(value, LONGEST))).unwrap_or_default();
                let name = format!("{} (`{}`, {})", outlet.name, outlet.slug, outlet.zone);
                self.row("outlet", format_args!("{name}, by {}{value}", by(outlet.by)));
            }
            None if told.page.form.is_some() => self.row("outlet", "not recognised"),
            None => {}
        }
        match &told.reader {
            Some(Reader::Adapter { slug, form }) => {
                self.row("reader", format_args!("the adapter `{slug}`, from {}", word(form)));
            }
            Some(Reader::SchemaOrg) => self.row("reader", "schema.org data, as of any outlet"),
            Some(Reader::Selectors { slug, .. }) => self.row("reader", format_args!("the selectors of `{slug}`")),
            None => {}
        }
        if let Some(Reader::Selectors { selectors, .. }) = &told.reader {
            let width = selectors.iter().map(|matched| matched.selector.chars().count()).max().unwrap_or_default().min(40);
            for matched in selectors {
                let entries = matched.entries.map(|entries| format!(", in {}", counted(entries, "entry", "entries")));
                self.line(format_args!(
                    "    {:<10} {:<width$}  {}{}",
                    matched.key,
                    matched.selector,
                    counted(matched.elements, "element", "elements"),
                    entries.unwrap_or_default()
                ));
            }
        }
        if let Some(schema_org) = &told.schema_org {
            match schema_org.updates {
                Some(updates) => {
                    self.row("schema.org", format_args!("a live blog of {}", counted(updates, "update", "updates")));
                }
                None => self.row("schema.org", "no live blog"),
            }
            for error in &schema_org.broken {
                self.row("", format_args!("a block of a live blog is not JSON: {error}"));
            }
        }
        if let Some(refused) = &told.refused {
            self.styled(format_args!("  {:<10} {refused}", "refused"), "31");
        }
        if let Some(blog) = &told.live_blog {
            self.row("live blog", format_args!("{} ({})", short(&blog.headline, LONGEST), word(blog.coverage.state)));
            self.row("", format_args!("{} (`{}`), key {}, id {}", blog.outlet_name, blog.outlet, blog.key, blog.id));
            if let Some(older) = &blog.older {
                self.row("", format_args!("goes on with older entries at {older}"));
            }
            blog.problems.iter().for_each(|problem| self.problem("             ", problem));
        }
    }

    fn entries(&mut self, told: &Explanation) {
        if told.entries.is_empty() {
            return;
        }
        let read = if told.live_blog.is_some() { "in UTC" } else { "as printed: without an instant" };
        self.heading(format_args!("{}, {read}", counted(told.entries.len(), "entry", "entries")));
        for (index, entry) in told.entries.iter().enumerate() {
            self.entry(index + 1, entry);
        }
    }

    fn entry(&mut self, number: usize, entry: &EntryTold) {
        let at = entry.at.map_or_else(|| "no instant".into(), |at| precisely(at, entry.precision));
        let precision = match entry.precision {
            Some(Precision::Unknown) => " when first seen".into(),
            Some(precision) => format!(" to the {}", word(precision)),
            None => String::new(),
        };
        let printed = match &entry.printed {
            Some(printed) => format!("printed \"{}\" {}", short(printed, 60), stood(entry.origin)),
            None => "prints no time".into(),
        };
        let zone = entry.zone.map(|zone| format!(", read in {zone}")).unwrap_or_default();
        self.line(format_args!("{number:>4}  {at}{}  {printed}{zone}", precision));
        if let Some(headline) = &entry.headline {
            self.line(format_args!("      {}", short(headline, LONGEST)));
        }
        if let Some(updated) = &entry.updated {
            let printed = updated.printed.as_ref().map(|printed| format!("  printed \"{}\"", short(printed, 60)));
            self.line(format_args!("      changed {}{}", instant(updated.at), printed.unwrap_or_default()));
        }
        let names = [entry.key.as_ref().map(|key| format!("key {key}")), entry.id.clone()];
        let names: Vec<String> = names.into_iter().flatten().collect();
        if !names.is_empty() {
            self.faint(format_args!("      {}", names.join("  ")));
        }
        entry.problems.iter().for_each(|problem| self.problem("      ", problem));
    }
}

fn by(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Canonical => "the page's canonical link",
        Evidence::OpenGraph => "the page's og:url",
        Evidence::JsonLd => "the page's JSON-LD",
        Evidence::Address => "the address given",
        Evidence::Signature => "how it is written",
        Evidence::SchemaOrg => "its schema.org data alone:",
        Evidence::Named => "--outlet",
    }
}

/// A word as scripts see it in JSON.
fn code(value: impl Serialize) -> String {
    let word = serde_json::to_value(value).ok().and_then(|word| word.as_str().map(str::to_owned));
    word.unwrap_or_default()
}

/// The same, to read.
fn word(value: impl Serialize) -> String {
    code(value).replace('_', " ")
}

/// Where a printed time stood.
fn stood(origin: Origin) -> &'static str {
    match origin {
        Origin::Text => "in the text",
        Origin::Attribute => "in an attribute",
        Origin::JsonLd => "in JSON-LD",
        Origin::Meta => "in a meta element",
        Origin::Json => "in the JSON",
        Origin::FirstSeen | Origin::ChangeSeen => "nowhere",
    }
}

/// An instant without more digits than are known of it.
fn precisely(at: DateTime<Utc>, precision: Option<Precision>) -> String {
    let format = if precision == Some(Precision::Second) { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%MZ" };
    at.format(format).to_string()
}

fn instant(at: DateTime<Utc>) -> String {
    at.format(if at.timestamp() % 60 == 0 { "%Y-%m-%dT%H:%MZ" } else { "%Y-%m-%dT%H:%M:%SZ" }).to_string()
}

fn short(text: &str, most: usize) -> String {
    let mut short: String = text.chars().take(most).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
