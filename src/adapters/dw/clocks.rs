//! Live pages before 2022: an article in which a paragraph that begins with a clock begins an entry, newest first.

use super::is_closing;
use crate::css;
use crate::html::{self, Body, Limits, Line, Links, body_of_lines, body_of_markup, text_of};
use crate::model::{Origin, Problem, ProblemCode};
use crate::outlet::{Draft, DraftEntry, Refusal};
use crate::time::{Printed, Reading};

/// What such a page prints above its entries when its clocks are UTC's.
const IN_UTC: &str = "Universal Coordinated Time";
/// So many paragraphs with a clock make a live page where nothing says that it is one.
const ENOUGH: usize = 3;

/// The entries of such a page.
pub(super) struct Clocks {
    entries: Vec<(Reading, Body)>,
    in_utc: bool,
    closing: Option<String>,
}

impl Clocks {
    /// The page with its entries; `byline` are those it names for all of them.
    pub(super) fn into_draft(self, mut draft: Draft, mut byline: Vec<String>) -> Draft {
        byline.extend(self.closing);
        let named = |reading: &Reading| matches!(reading.printed, Some(Printed::Clock { label: Some(_), .. }));
        // A zone printed beside each clock does for the page as well.
        if self.in_utc || self.entries.iter().all(|(reading, _)| named(reading) && is_utc(&reading.text)) {
            draft.zone = Some(chrono_tz::UTC);
        } else if !self.entries.iter().all(|(reading, _)| named(reading)) {
            let message = "the page does not say in which zone its clocks are: read as Berlin's";
            draft.problems.push(Problem::new(ProblemCode::ZoneAssumed, message));
        }
        draft.entries.extend(self.entries.into_iter().map(|(reading, body)| {
            let mut entry = DraftEntry::at(reading);
            entry.byline.clone_from(&byline);
            entry.body = body;
            entry
        }));
        draft
    }
}

fn is_utc(printed: &str) -> bool {
    printed.ends_with("UTC") || printed.ends_with("GMT")
}

/// The entries in the lines of a capture; none where it is an ordinary article.
pub(super) fn of_lines(lines: &[&str]) -> Option<Clocks> {
    let mut lines: Vec<&str> = lines.iter().copied().filter(|line| !line.is_empty()).collect();
    let closing = lines.pop_if(|line| is_closing(line)).map(str::to_owned);
    let starts: Vec<usize> = (0..lines.len()).filter(|&index| clock_of(lines[index]).is_some()).collect();
    let in_utc = lines.iter().any(|line| line.contains(IN_UTC));
    if !is_live(starts.len(), in_utc) {
        return None;
    }
    let ends = starts.iter().skip(1).copied().chain([lines.len()]);
    let entries = starts.iter().zip(ends).filter_map(|(&start, end)| {
        let (reading, rest) = clock_of(lines[start])?;
        let own = std::iter::once(rest).chain(lines[start + 1..end].iter().copied());
        Some((reading, body_of_lines(own.filter(|line| !line.is_empty()).map(Line::Paragraph))))
    });
    Some(Clocks { entries: entries.collect(), in_utc, closing })
}

/// The same in the markup of a story.
pub(super) fn of_markup(markup: &str, links: &Links) -> Result<Option<Clocks>, Refusal> {
    // Most stories hold too few clocks of any kind, and need not be parsed to know it.
    let digit = |byte: &u8| byte.is_ascii_digit();
    let like_clocks =
        markup.as_bytes().windows(4).filter(|four| matches!(four, [h, b':', m, n] if digit(h) && digit(m) && digit(n)));
    if !is_live(like_clocks.count(), markup.contains(IN_UTC)) {
        return Ok(None);
    }
    let page = html::parse(markup, Limits::default())?;
    let paragraphs: Vec<_> = page.select(css!("p")).collect();
    let begins = |text: &str| clock_of(text).is_some();
    let in_utc = paragraphs.iter().any(|line| text_of(*line).contains(IN_UTC));
    let starts = paragraphs.iter().filter(|line| begins(&text_of(**line))).count();
    // The paragraphs and what stands among them have one parent.
    let parent = paragraphs.iter().find(|line| begins(&text_of(**line))).and_then(|line| line.parent());
    let Some(parent) = parent.filter(|_| is_live(starts, in_utc)) else { return Ok(None) };

    let mut parts: Vec<(Reading, String)> = Vec::new();
    let mut closing = None;
    for element in parent.children().filter_map(html::ElementRef::wrap) {
        let (text, markup) = (text_of(element), html::markup_of(element));
        match (clock_of(&text), parts.last_mut()) {
            (Some((reading, rest)), _) => {
                let start = text[..text.len() - rest.len()].chars().filter(|c| !c.is_whitespace()).count();
                parts.push((reading, without_start(&markup, start)));
            }
            (None, Some(_)) if is_closing(&text) => closing = Some(text),
            (None, Some((_, own))) => own.push_str(&markup),
            (None, None) => {}
        }
    }
    let mut entries = Vec::new();
    for (reading, markup) in parts {
        entries.push((reading, body_of_markup(&markup, links)?));
    }
    Ok(Some(Clocks { entries, in_utc, closing }))
}

fn is_live(clocks: usize, in_utc: bool) -> bool {
    clocks >= if in_utc { 1 } else { ENOUGH }
}

/// The clock that a paragraph begins with, its zone if one is printed, and the words after it.
fn clock_of(line: &str) -> Option<(Reading, &str)> {
    let line = line.trim_start();
    let (clock, rest) = line.split_at(line.find(char::is_whitespace).unwrap_or(line.len()));
    let (mut printed, mut rest) = (clock.trim_end_matches(':').to_owned(), rest.trim_start());
    if !clock.starts_with(|c: char| c.is_ascii_digit()) || !clock.contains(':') || clock.len() > 6 {
        return None;
    }
    let zones = ["UTC", "GMT", "CET", "CEST"];
    if let Some((zone, after)) = zones.iter().find_map(|zone| Some((zone, words_after(rest, zone)?))) {
        printed = format!("{printed} {zone}");
        rest = after;
    }
    let reading = Reading::of(&printed, Origin::Text);
    let read = matches!(reading.printed, Some(Printed::Clock { .. }));
    let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '-' | '–' | '—' | ':' | '|'));
    read.then_some((reading, rest))
}

/// What follows a zone's name, where a text begins with it and not with a longer word.
fn words_after<'a>(text: &'a str, zone: &str) -> Option<&'a str> {
    text.strip_prefix(zone).filter(|rest| !rest.starts_with(char::is_alphanumeric))
}

/// Markup without the first so many characters that a reader sees, white space not counted.
fn without_start(markup: &str, mut letters: usize) -> String {
    let mut out = String::with_capacity(markup.len());
    let mut rest = markup;
    while letters > 0 {
        let Some(first) = rest.chars().next() else { break };
        let end = match first {
            '<' => rest.find('>').map_or(rest.len(), |at| at + 1),
            // As the parser writes them out again, entities are short and whole.
            '&' => rest.find(';').map_or(1, |at| at + 1),
            c => c.len_utf8(),
        };
        match first {
            '<' => out.push_str(&rest[..end]),
            c if c.is_whitespace() || rest.starts_with("&nbsp;") => {}
            _ => letters -= 1,
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_begin_paragraphs() {
        let told = |line: &str| clock_of(line).map(|(reading, rest)| (reading.text, rest.to_owned()));
        for (line, clock, rest) in [
            ("13:52 Dutch trains run again.", "13:52", "Dutch trains run again."),
            ("7:05 UTC — It rains.", "7:05 UTC", "It rains."),
            ("13:52: Noon is over.", "13:52", "Noon is over."),
            ("13:52", "13:52", ""),
            ("13:52\u{a0}GMT\u{a0}Hard spaces.", "13:52 GMT", "Hard spaces."),
        ] {
            assert_eq!(told(line), Some((clock.to_owned(), rest.to_owned())), "{line}");
        }
        for line in
            ["", "13.52 euros is cheap", "25:00 no", "At 13:52 he left", "2022 began", "13:52,5 seconds", "1:2 at half time"]
        {
            assert_eq!(told(line), None, "{line}");
        }
    }

    #[test]
    fn the_clock_goes_and_the_markup_stays() {
        for (markup, letters, expected) in [
            ("<p><strong>13:52</strong> Dutch <b>x</b></p>", 5, "<p><strong></strong> Dutch <b>x</b></p>"),
            ("<p> 13:52&nbsp;UTC – A&amp;B</p>", 9, "<p> A&amp;B</p>"),
            ("<p>a", 9, "<p>"),
            ("", 2, ""),
        ] {
            assert_eq!(without_start(markup, letters), expected);
        }
    }
}
