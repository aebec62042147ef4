//! Sputnik, all editions.
//!
//! No saved live page of it is to be had, so its markup is read by what any reader sees: an element whose whole text is
//! `HH:MM GMT DD.MM.YYYY` begins an entry that runs to the next one. Captions and leads hold dates too, never alone.
//! Clocks are GMT. Page-level "updated" times lag the entries, and the slug is rewritten while the page is live; the
//! number in the address stays.

use crate::css;
use crate::html::{self, ElementRef, Html, body_of, body_of_text, fold, text_of};
use crate::model::{Coverage, CoverageState, Origin, Problem, ProblemCode};
use crate::outlet::{Draft, DraftEntry, Form, MOST_READ, Outlet, Refusal, Source, claims_nothing};
use crate::text::{lines, reads_as_headline};
use crate::time::{self, Order, Printed, Reading};
use chrono::NaiveDate;
use url::Url;

mod live;

pub(super) static OUTLET: Outlet = Outlet {
    slug: "sputnik",
    name: "Sputnik",
    hosts: &[
        "sputniknews.com",
        "sputnikglobe.com",
        "sputniknews.africa",
        "sputniknews.cn",
        "sputniknews.in",
        "sputniknews.lat",
    ],
    zone: chrono_tz::UTC,
    language: "en",
    usual: Order::NewestFirst,
    blog_key,
    claims_text,
    claims_json: claims_nothing,
    split: &split,
};

/// `/20220508/slug-1095350845.html` since 2021, `/us/202101061081668004-slug/` before: a date, then the number.
fn blog_key(url: &Url) -> Option<String> {
    numbers(url).map(|(_, number)| number)
}

/// The day on which the page was opened stands in its address.
fn opened(url: &Url) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(&numbers(url)?.0, "%Y%m%d").ok()
}

fn numbers(url: &Url) -> Option<(String, String)> {
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let segments: Vec<&str> = url.path_segments()?.filter(|segment| !segment.is_empty()).collect();
    let last = segments.last()?;
    let number = last.strip_suffix(".html").unwrap_or(last).rsplit('-').next()?;
    let day = segments.iter().rev().nth(1).filter(|day| day.len() == 8 && all_digits(day));
    if let Some(day) = day.filter(|_| number.len() >= 8 && all_digits(number)) {
        return Some(((*day).to_owned(), number.to_owned()));
    }
    let glued = last.split('-').next().filter(|glued| glued.len() >= 16 && all_digits(glued))?;
    Some((glued[..8].to_owned(), glued[8..].to_owned()))
}

fn split(source: &Source) -> Result<Draft, Refusal> {
    let mut draft = match source.form {
        Form::Html(page) => match live::entries(page) {
            Some(entries) => live_page(page, entries, source),
            None => article(page, source)?,
        },
        Form::Text(text) => live_text(text)?,
        Form::Json(_) => return Err(source.no_such_form()),
    };
    draft.opened = source.url.as_ref().and_then(opened);
    Ok(draft)
}

fn live_page(page: &Html, entries: Vec<live::Found>, source: &Source) -> Draft {
    let headline = html::first(page, css!("h1")).map(text_of).filter(|headline| !headline.is_empty());
    let mut draft = Draft {
        headline: headline.or_else(|| html::meta(page, "og:title").map(fold)).unwrap_or_default(),
        standfirst: html::meta(page, "og:description").or(html::meta(page, "description")).map(fold),
        language: html::language(page),
        ..Draft::default()
    };
    if html::first(page, css!("body")).is_some_and(|body| body.text().any(|text| text.trim() == "Being updated")) {
        draft.coverage.state = CoverageState::Live;
    }
    let mut parents = live::Parents::default();
    for found in entries.into_iter().take(MOST_READ) {
        let mut entry = DraftEntry::at(found.reading.clone());
        let mut skipped = vec![found.time];
        if let Some(heading) = headline_of(&found, &mut parents) {
            entry.headline = Some(text_of(heading));
            skipped.push(heading.id());
        }
        entry.problems = found.problems;
        entry.body = body_of(found.nodes, &skipped, &source.links);
        draft.entries.push(entry);
    }
    draft
}

/// The first line of an entry that is not a caption, where it reads like a headline.
fn headline_of<'a>(found: &live::Found<'a>, parents: &mut live::Parents) -> Option<ElementRef<'a>> {
    found
        .lines(parents)
        .find(|(_, line)| !is_caption(line))
        .filter(|(_, line)| reads_as_headline(line))
        .map(|(element, _)| element)
}

/// `… - Sputnik International, 1920, 09.05.2022`, of any edition; at the top of a page without the date.
fn is_caption(line: &str) -> bool {
    line.rfind("- Sputnik").is_some_and(|at| {
        let rest = line[at + "- Sputnik".len()..].trim_start();
        let edition = rest.split(',').next().unwrap_or_default();
        edition.split_whitespace().count() <= 3 && !edition.ends_with('.')
    })
}

/// An ordinary article of the engine of 2019–20, whose naive times are UTC (4 of 4 pages agree with their `Z` twins).
fn article(page: &Html, source: &Source) -> Result<Draft, Refusal> {
    let body: Vec<ElementRef> = page
        .select(css!(r#".b-article__lead, [itemprop="articleBody"], .article__announce-text, .article__body"#))
        .collect();
    if body.is_empty() {
        let message = "no line of it is a time with its date, and it has no article body (an index page, or a new layout)";
        return Err(Refusal::NotALiveBlog(message.into()));
    }
    let headline = html::first(page, css!("h1")).map(text_of).filter(|headline| !headline.is_empty());
    let mut draft = Draft {
        headline: headline.or_else(|| html::meta(page, "og:title").map(fold)).unwrap_or_default(),
        standfirst: html::meta(page, "og:description").map(fold),
        language: html::language(page),
        coverage: Coverage { state: CoverageState::Article, ..Coverage::default() },
        ..Draft::default()
    };
    let stamp = |meta: &str| html::meta(page, meta).map(|printed| Reading::of(printed, Origin::Meta));
    let element = |property: &str| {
        page.select(css!("time[itemprop][datetime]"))
            .find(|time| time.attr("itemprop") == Some(property))
            .and_then(|time| time.attr("datetime"))
            .map(|printed| Reading::of(printed, Origin::Attribute))
    };
    let unix = html::first(page, css!("[data-unixtime]")).and_then(|time| time.attr("data-unixtime")).map(live::unix);
    let published = stamp("datePublished").or_else(|| stamp("pubdate")).or_else(|| element("dateCreated")).or(unix);
    let mut entry = DraftEntry::at(published.unwrap_or_else(Reading::none));
    entry.updated = stamp("dateModified").or_else(|| stamp("lastmod")).or_else(|| element("dateModified"));
    entry.headline = Some(draft.headline.clone()).filter(|headline| !headline.is_empty());
    entry.byline = page.select(css!(r#"a[rel="author"]"#)).map(text_of).filter(|name| !name.is_empty()).take(10).collect();
    entry.byline.dedup();
    entry.permalink = source.url.as_ref().map(Url::to_string);
    let skipped: Vec<_> = page.select(css!(".b-inject, .b-banner, [data-type=banner]")).map(|part| part.id()).collect();
    entry.body = body_of(body.into_iter().map(|part| *part), &skipped, &source.links);
    draft.entries.push(entry);
    Ok(draft)
}

/// Ends of the page's preamble: what stands above the last of them is no entry.
const SWITCHES: [&str; 5] = ["New firstOld first", "New first", "Old first", "Table of contents", "New messages"];
const LIVE: &str = "Being updated";
/// Begins of what follows the last entry.
const FOOTER: [&str; 5] = ["Newsfeed", "To participate in the discussion", "log in or register", "loader", "Chats"];

fn claims_text(text: &str) -> bool {
    let dated = lines(text).iter().any(|line| is_time(line, false));
    let glued = SWITCHES[0];
    text.contains("- Sputnik ") && (dated || text.contains(glued)) || (text.contains(glued) && dated)
}

/// Whether a whole line is an entry's time: with its date, or (`bare`) the clock of the old engine.
fn is_time(line: &str, bare: bool) -> bool {
    if line.len() > 48 || line.contains(['(', ',']) {
        return false;
    }
    match time::parse(line) {
        Some(Printed::Wall { .. }) => line.matches('.').count() >= 2,
        Some(Printed::Clock { .. }) => bare,
        _ => false,
    }
}

fn live_text(text: &str) -> Result<Draft, Refusal> {
    let glued = is_glued(text);
    let unglued = if glued { unglue(text) } else { text.to_owned() };
    let lines = lines(&unglued);
    let switch = lines.iter().rposition(|line| SWITCHES.contains(line));
    let live = lines.iter().position(|line| *line == LIVE);
    let top = switch.or(live).map_or(0, |index| index + 1);
    // Clocks alone are times only on a page that prints no other.
    let bare = !lines[top..].iter().any(|line| is_time(line, false));
    let Some(first) = (top..lines.len()).find(|&index| is_time(lines[index], bare)) else {
        let message =
            "no line of it is a time (HH:MM GMT DD.MM.YYYY), as every entry of the outlet's text captures begins with";
        return Err(Refusal::NotALiveBlog(message.into()));
    };
    let mut draft = preamble(&lines[..first]);
    if live.is_some() {
        draft.coverage.state = CoverageState::Live;
    }
    let end = (first..lines.len()).find(|&index| FOOTER.contains(&lines[index])).unwrap_or(lines.len());
    let mut starts: Vec<usize> = (first..end).filter(|&index| is_time(lines[index], bare)).collect();
    starts.push(end);
    draft.entries = starts.windows(2).take(MOST_READ).map(|pair| text_entry(&lines[pair[0]..pair[1]])).collect();
    if glued {
        let message = "the text has lost its line breaks: where an entry has a headline and a body, both stand in its body";
        draft.problems.push(Problem::new(ProblemCode::Damaged, message));
    }
    if !bare && !lines[first..end].iter().any(|line| is_time(line, false) && (line.contains("GMT") || line.contains("UTC")))
    {
        let message = "the page prints no zone beside its times: read as GMT, as the outlet's other editions print them";
        draft.problems.push(Problem::new(ProblemCode::ZoneAssumed, message));
    }
    Ok(draft)
}

fn text_entry(lines: &[&str]) -> DraftEntry {
    let mut entry = DraftEntry::at(Reading::of(lines[0].trim_start_matches(['•', ' ']), Origin::Text));
    let mut own: Vec<&str> = lines[1..].iter().copied().filter(|line| !line.is_empty()).collect();
    // A blank line right after the time stands where the headline would be.
    let headless = lines.get(1).is_some_and(|line| line.is_empty());
    let heading = own.iter().position(|line| !is_caption(line)).filter(|&at| !headless && reads_as_headline(own[at]));
    entry.headline = heading.map(|at| fold(own.remove(at)));
    entry.body = body_of_text(own);
    entry
}

/// Headline and standfirst from what stands above the entries: a topic with its caption, the headline between blank lines,
/// the lead.
fn preamble(lines: &[&str]) -> Draft {
    let said = |line: &&str| {
        !line.is_empty() && !is_caption(line) && !SWITCHES.contains(line) && *line != LIVE && *line != "Subscribe"
    };
    let live = |line: &str| {
        let start: String = line.chars().take(12).collect::<String>().to_lowercase();
        start.starts_with("live update") || start.starts_with("live: ")
    };
    let alone = |index: usize| index > 0 && lines[index - 1].is_empty();
    let at = (0..lines.len())
        .find(|&index| live(lines[index]))
        .or_else(|| (0..lines.len()).find(|&index| said(&lines[index]) && alone(index)))
        .or_else(|| (0..lines.len()).find(|&index| said(&lines[index])));
    let headline = at.map(|at| fold(lines[at])).unwrap_or_default();
    let standfirst =
        at.and_then(|at| lines[at + 1..].iter().copied().find(|line| said(line) && !is_header_time(line))).map(fold);
    Draft { headline, standfirst, ..Draft::default() }
}

/// `04:57 GMT 11.11.2023 (Updated: 05:03 GMT 11.11.2023)`
fn is_header_time(line: &str) -> bool {
    line.split('(').all(|part| time::parse(part.trim_end_matches(')').trim()).is_some())
}

/// Whether a copy of a page has lost its line breaks: `New firstOld first14:16 GMT 13.05.2022Interior Ministers…`.
fn is_glued(text: &str) -> bool {
    text.contains(SWITCHES[0]) && !lines(text).contains(&SWITCHES[0])
}

/// Puts the times, the captions and the page's own marks of a glued copy on lines of their own. A headline and its body stay
/// glued: where a word ends with a name in capitals beside it, nothing tells the two apart.
fn unglue(text: &str) -> String {
    let mut marked = text.to_owned();
    for mark in [LIVE, "Table of contents", SWITCHES[0], "Newsfeed"] {
        marked = marked.replace(mark, &format!("\n{mark}\n"));
    }
    marked = marked.replace("LIVE UPDATE", "\nLIVE UPDATE");
    let mut unglued = String::new();
    let mut rest = marked.as_str();
    while let Some((start, end)) = dated_time(rest) {
        unglued.extend([&rest[..start], "\n", &rest[start..end], "\n"]);
        rest = &rest[end..];
    }
    unglued.push_str(rest);
    unglued.lines().map(after_caption).collect::<Vec<_>>().join("\n")
}

/// A caption glued to what follows it gets a line of its own: it ends with its date.
fn after_caption(line: &str) -> String {
    let date =
        line.find("- Sputnik").and_then(|at| line[at..].find(", 1920, ").map(|within| at + within + ", 1920, ".len()));
    let end = date.map(|date| date + "DD.MM.YYYY".len()).filter(|end| line.is_char_boundary(*end) && *end < line.len());
    match end {
        Some(end) => format!("{}\n{}", &line[..end], &line[end..]),
        None => line.to_owned(),
    }
}

/// Where the next `HH:MM GMT DD.MM.YYYY` stands in a text, glued or not.
fn dated_time(text: &str) -> Option<(usize, usize)> {
    for (at, _) in text.match_indices(':') {
        let Some(start) = at.checked_sub(2).filter(|start| text.is_char_boundary(*start)) else { continue };
        // Five words at most: clock, GMT, date, with white space of any kind between them.
        let tail: String = text[start..].chars().take(28).collect();
        let Some(dot) = tail.match_indices('.').map(|(index, _)| index).nth(1) else { continue };
        let end = dot + 5;
        if tail.is_char_boundary(end) && end <= tail.len() && is_time(&tail[..end], false) {
            return Some((start, start + end));
        }
    }
    None
}
