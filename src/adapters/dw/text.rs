//! Text captures: an article with its day, a live page of the present engine, or one of those with clocks before 2022.

use super::{clocks, day_of, is_closing, language_of};
use crate::html::{Body, Line, body_of_lines, fold};
use crate::model::{Coverage, CoverageState, Origin};
use crate::outlet::{Draft, DraftEntry, Refusal, names};
use crate::text::{lines, reads_as_crosshead};
use crate::time::{self, Printed, Reading};
use std::borrow::Cow;
use url::Url;

/// A link over each section of a page of the present engine, for readers who don't see it.
const SECTION: &str = "Skip next section ";

pub(super) fn claims(text: &str) -> bool {
    let skips = |line: &str| skip_link(line).is_some_and(|words| words.contains("DW")) || line.starts_with(SECTION);
    lines(text).into_iter().any(|line| skips(line) || (line.contains("Updates in Universal Coordinated Time (UTC/GMT)")))
}

/// `2. Skip to main menu`: the page's links over itself, numbered by some extractors.
fn skip_link(line: &str) -> Option<&str> {
    let words = line.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ' ' | '-' | '*'));
    (words.starts_with("Skip to ") || (words.starts_with("Zu") && words.ends_with(" springen"))).then_some(words)
}

pub(super) fn split(text: &str, url: Option<&Url>) -> Result<Draft, Refusal> {
    let lines: Vec<&str> = lines(text).into_iter().filter(|line| skip_link(line).is_none()).collect();
    let posts = posts(&lines);
    let (mut draft, published, byline, rest) = heading(&lines);
    draft.language = url.and_then(language_of);
    if !posts.is_empty() {
        return Ok(Draft { entries: posts, ..draft });
    }
    if let Some(clocks) = clocks::of_lines(rest) {
        return Ok(clocks.into_draft(draft, byline));
    }
    let Some(published) = published else {
        let message = "no line near its top is a day, as in every article of the outlet";
        return Err(Refusal::NotALiveBlog(message.into()));
    };
    let mut entry = DraftEntry::at(published);
    entry.byline = byline;
    entry.permalink = url.map(Url::to_string);
    entry.headline = Some(draft.headline.clone()).filter(|headline| !headline.is_empty());
    // Below the story, such links lead over what else there is to read.
    let end = rest.iter().position(|line| line.starts_with(SECTION)).unwrap_or(rest.len());
    let (body, closing) = story(&rest[..end]);
    entry.body = body;
    entry.byline.extend(closing);
    draft.coverage = Coverage { state: CoverageState::Article, ..Coverage::default() };
    draft.entries.push(entry);
    Ok(draft)
}

/// Headline, authors, day, standfirst; above the headline may stand a topic. The headline is the longest of what stands above
/// the day.
fn heading<'a, 'b>(lines: &'b [&'a str]) -> (Draft, Option<Reading>, Vec<String>, &'b [&'a str]) {
    let said: Vec<usize> = (0..lines.len()).filter(|&index| !lines[index].is_empty()).collect();
    let dated = said.iter().take(8).position(|&index| shown_day(lines[index]).is_some());
    let above = &said[..dated.unwrap_or(1.min(said.len()))];
    let longest = (0..above.len()).rev().max_by_key(|&at| lines[above[at]].len());
    let headline = longest.map(|at| fold(lines[above[at]])).unwrap_or_default();
    let byline = longest.map_or(&[][..], |at| &above[at + 1..]);
    let byline = byline.iter().flat_map(|&index| names(lines[index])).collect();
    let published = dated.and_then(|at| shown_day(lines[said[at]]));
    let after = said.get(dated.map_or(above.len(), |at| at + 1)).copied();
    let standfirst = after.filter(|&at| dated.is_some() && !lines[at].starts_with(|c: char| c.is_ascii_digit()));
    let rest = match (standfirst, after) {
        (Some(at), _) => &lines[at + 1..],
        (None, Some(at)) => &lines[at..],
        (None, None) => &[],
    };
    let draft = Draft {
        headline,
        standfirst: standfirst.map(|at| fold(lines[at])),
        opened: published.as_ref().and_then(day_of),
        ..Draft::default()
    };
    (draft, published, byline, rest)
}

/// `January 6, 2022`; also with its twin for readers who hear it, glued: `30.01.202430. Januar 2024`.
fn shown_day(line: &str) -> Option<Reading> {
    let is_day = |text: &str| matches!(time::parse(text), Some(Printed::Day(_)));
    if is_day(line) {
        return Some(Reading::of(line, Origin::Text));
    }
    let halves = |at: usize| (line.len() < 60).then(|| line.split_at_checked(at)).flatten();
    let year = line.get(line.len().saturating_sub(4)..).unwrap_or_default();
    let glued = (4..line.len()).filter_map(halves).find_map(|(shown, heard)| match (is_day(shown), is_day(heard)) {
        (true, _) if shown.ends_with(year) => Some(shown),
        (false, true) if begins_as_day(shown) => Some(heard),
        _ => None,
    });
    glued.map(|day| Reading::of(day, Origin::Text))
}

/// `01/30/2024`: as the English pages show it, the month first.
fn begins_as_day(text: &str) -> bool {
    text.len() >= 8 && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '/' | '.'))
}

/// The story's body, and the line that closes it.
fn story(lines: &[&str]) -> (Body, Option<String>) {
    let mut story: Vec<(bool, Cow<str>)> = Vec::new();
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
        let before = index.checked_sub(1).map_or("", |before| lines[before]);
        let alone = before.is_empty() && lines.get(index + 1).is_none_or(|after| after.is_empty());
        if let Some(caption) = credited(line) {
            // What stands right above a caption is the picture's description: the caption a second time.
            if !before.is_empty() {
                story.pop();
            }
            story.push((false, caption.into()));
        } else if before != *line {
            story.push((alone && reads_as_crosshead(line) && !is_closing(line), (*line).into()));
        }
    }
    let closing = story.pop_if(|(_, line)| is_closing(line)).map(|(_, line)| line.into_owned());
    let lines = story.iter().map(|(heading, line)| if *heading { Line::Heading(line) } else { Line::Paragraph(line) });
    (body_of_lines(lines), closing)
}

/// A caption with its credit glued to it: `…to stop mass unrestImage: A. Name/Agency`.
fn credited(line: &str) -> Option<String> {
    ["Image: ", "Bild: ", "Foto: ", "Imagen: ", "Фото: "].iter().find_map(|label| {
        let at = line.find(label).filter(|at| line[..*at].ends_with(|c: char| !c.is_whitespace() && c != '('))?;
        Some(format!("{} {}", &line[..at], &line[at..]))
    })
}

/// The entries of a live page of the present engine: below the link over it a time, twice, the headline, the body, the
/// permalink.
fn posts(lines: &[&str]) -> Vec<DraftEntry> {
    let starts: Vec<usize> = (0..lines.len()).filter(|&index| lines[index].starts_with(SECTION)).collect();
    let ends = starts.iter().skip(1).copied().chain([lines.len()]);
    starts.iter().zip(ends).filter_map(|(&start, end)| post(&lines[start..end])).collect()
}

fn post(lines: &[&str]) -> Option<DraftEntry> {
    let title = lines[0].strip_prefix(SECTION)?.trim();
    let time = lines.iter().skip(1).position(|line| !line.is_empty())? + 1;
    let mut entry = DraftEntry::at(shown_ago(lines[time]).or_else(|| shown_day(lines[time]))?);
    // Below the last entry stands the rest of the page.
    let end = lines.iter().position(|line| *line == "Copy link").unwrap_or(lines.len());
    let code =
        |line: &'_ str| line.strip_prefix(PERMALINK).is_some_and(|code| code.bytes().all(|b| b.is_ascii_alphanumeric()));
    let link = (time + 1..end).rev().find(|&index| code(lines[index]));
    entry.permalink = link.map(|index| lines[index].to_owned());
    entry.native = link.map(|index| lines[index][PERMALINK.len()..].to_owned()).filter(|code| !code.is_empty());
    let own = &lines[time + 1..link.unwrap_or(end).max(time + 1)];
    let headline = own.iter().position(|line| !line.is_empty()).filter(|&index| own[index] == title);
    entry.headline = Some(fold(title)).filter(|headline| !headline.is_empty());
    let (body, closing) = story(&own[headline.map_or(0, |index| index + 1)..]);
    entry.body = body;
    entry.byline.extend(closing);
    Some(entry)
}

const PERMALINK: &str = "https://p.dw.com/p/";

/// `20 minutes ago20 minutes ago`: once for those who see and once for those who hear.
fn shown_ago(line: &str) -> Option<Reading> {
    let (shown, heard) = line.split_at_checked(line.len() / 2)?;
    let once = if shown == heard { shown } else { line };
    let reading = Reading::of(once, Origin::Text);
    matches!(reading.printed, Some(Printed::Ago { .. })).then_some(reading)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_shown_twice() {
        let day = |line: &str| shown_day(line).map(|reading| reading.text);
        for (line, printed) in [
            ("January 6, 2022", "January 6, 2022"),
            ("30.01.202430. Januar 2024", "30.01.2024"),
            ("01/30/2024January 30, 2024", "January 30, 2024"),
            ("05.03.20235. März 2023", "05.03.2023"),
        ] {
            assert_eq!(day(line).as_deref(), Some(printed), "{line}");
        }
        for line in ["", "In January 2022", "01/30/2024", "Seen on January 6, 2022", "30.01.2024 was a cold day", "é"] {
            assert_eq!(day(line), None, "{line}");
        }
    }
}
