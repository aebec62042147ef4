//! CGTN.
//!
//! Its clocks are Beijing's and its date line says only when an article was last touched: `Updated 03:18, 07-Jan-2022`. The
//! markup of an article is known from other people's readers alone, so little of it is relied on. What it calls "Live:" is a
//! video stream, and its text live pages are not to be had.

use crate::css;
use crate::html::{self, ElementRef, Html, Line, NodeId, body_of, body_of_lines, fold, text_of};
use crate::model::{Coverage, CoverageState, Origin, Problem, ProblemCode};
use crate::outlet::{Draft, DraftEntry, Form, Outlet, Refusal, Source, claims_nothing, names};
use crate::text::{ends_sentence, lines, reads_as_crosshead};
use crate::time::{self, Order, Printed, Reading, Resolved};
use url::Url;

pub(super) static OUTLET: Outlet = Outlet {
    slug: "cgtn",
    name: "CGTN",
    hosts: &["cgtn.com"],
    zone: chrono_tz::Asia::Shanghai,
    language: "en",
    usual: Order::NewestFirst,
    blog_key,
    claims_text,
    claims_json: claims_nothing,
    split: &split,
};

/// `/news/2021-09-13/Some-words-13vzQm2NL1K/index.html`: the id ends the folder after the day.
fn blog_key(url: &Url) -> Option<String> {
    let mut segments = url.path_segments()?.skip_while(|segment| !is_day(segment));
    let id = segments.nth(1)?.rsplit('-').next()?;
    (id.len() >= 8 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())).then(|| id.to_owned())
}

fn is_day(segment: &str) -> bool {
    segment.len() == 10 && matches!(time::parse(segment), Some(Printed::Day(_)))
}

fn split(source: &Source) -> Result<Draft, Refusal> {
    match source.form {
        Form::Html(page) => article(page, source),
        Form::Text(text) => text_article(text, source.url.as_ref()),
        Form::Json(_) => Err(source.no_such_form()),
    }
}

fn article(page: &Html, source: &Source) -> Result<Draft, Refusal> {
    let title = html::first(page, css!(".news-title"));
    let headline = title.map(text_of).or_else(|| html::meta(page, "og:title").map(fold)).unwrap_or_default();
    refuse_video(&headline)?;
    let links = page.select(css!("a[data-news-id]")).filter(|link| link.attr("data-news-id") != Some("")).count();
    let Some((title, top)) = title.and_then(|title| Some((title, around(title)?))) else {
        let message = match links {
            0 => "no article is found on it".to_owned(),
            _ => format!("it is an index page, with links to {links} stories and no article"),
        };
        return Err(Refusal::NotALiveBlog(message));
    };
    let date =
        page.select(css!("span.date")).find(|date| html::short_text_of(*date, 100).is_some_and(|line| is_date_line(&line)));
    let author = html::first(page, css!(".news-author-name"));
    let (mut entry, problem) = dated(title, date, source);
    entry.problems.extend(problem);
    entry.headline = Some(headline.clone()).filter(|headline| !headline.is_empty());
    entry.byline = author.map(|author| names(&text_of(author))).unwrap_or_default();
    entry.permalink = source.url.as_ref().map(Url::to_string);
    let mut skipped: Vec<NodeId> = [Some(title), date, author].into_iter().flatten().map(|part| part.id()).collect();
    skipped.extend(page.select(css!("span.section")).map(|section| section.id()));
    skipped.extend(not_the_story(top));
    entry.body = body_of([*top], &skipped, &source.links);
    Ok(Draft {
        headline,
        standfirst: html::meta(page, "og:description").map(fold),
        language: html::language(page),
        coverage: Coverage { state: CoverageState::Article, ..Coverage::default() },
        entries: vec![entry],
        ..Draft::default()
    })
}

/// A stream carries a headline and no entries.
fn refuse_video(headline: &str) -> Result<(), Refusal> {
    let live = headline.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("live:"));
    let message = "it is a video stream (\"Live: …\"), which has no entries to read";
    if live { Err(Refusal::NotALiveBlog(message.into())) } else { Ok(()) }
}

/// The nearest element around the title that holds the story, whatever it is called.
fn around(title: ElementRef) -> Option<ElementRef> {
    title.ancestors().filter_map(ElementRef::wrap).take(12).find(|above| above.select(css!("p")).nth(1).is_some())
}

/// An entry with its time: `data-time`, in milliseconds, on the title or the date or just around them, and the printed line.
/// Links to other stories carry a `data-time` too.
fn dated<'a>(title: ElementRef<'a>, date: Option<ElementRef<'a>>, source: &Source) -> (DraftEntry, Option<Problem>) {
    let printed = date.map(|date| Reading::of(&text_of(date), Origin::Text));
    let near = |part: ElementRef<'a>| std::iter::once(part).chain(part.ancestors().filter_map(ElementRef::wrap)).take(3);
    let exact = [Some(title), date].into_iter().flatten().flat_map(near).find_map(|part| {
        let text = part.attr("data-time")?;
        Some(Reading { printed: Some(time::epoch(text)?), ..Reading::of(text, Origin::Attribute) })
    });
    let Some(exact) = exact else { return (DraftEntry::at(printed.unwrap_or_else(Reading::none)), None) };
    let mut entry = DraftEntry::at(exact);
    let (Some(Printed::Instant { at, .. }), Some(printed)) = (&entry.published.printed, printed) else {
        return (entry, None);
    };
    let shown = match &printed.printed {
        Some(Printed::Wall { wall, .. }) => match time::resolve(*wall, source.outlet.zone) {
            Resolved::Exact(shown) => shown,
            _ => return (entry, None),
        },
        _ => return (entry, None),
    };
    let apart = shown - *at;
    if printed.text.starts_with("Updated") && apart >= chrono::TimeDelta::minutes(1) {
        entry.updated = Some(printed);
        return (entry, None);
    }
    let conflict = apart.abs() >= chrono::TimeDelta::minutes(1);
    let message =
        format!("`{}` is printed, and data-time says {}: the attribute is taken", printed.text, at.format("%FT%TZ"));
    (entry, conflict.then(|| Problem::new(ProblemCode::TimeConflict, message)))
}

/// Blocks inside the story that are none of it: a caption that repeats the line above, a line that is a link to another
/// story and nothing else, and everything from "Search Trends" on.
fn not_the_story(top: ElementRef) -> Vec<NodeId> {
    let block =
        |element: &ElementRef| matches!(element.value().name(), "p" | "div" | "h2" | "h3" | "h4" | "li" | "figcaption");
    let elements = || top.descendants().skip(1).filter_map(ElementRef::wrap);
    let (mut skipped, mut before, mut over) = (Vec::new(), String::new(), false);
    for line in elements().filter(block) {
        let innermost = !line.descendants().skip(1).filter_map(ElementRef::wrap).any(|inner| block(&inner));
        let text = if innermost { text_of(line) } else { continue };
        over |= text == TRENDS;
        if over || (!text.is_empty() && (text == before || links_away(line, &text))) {
            skipped.push(line.id());
        } else if !text.is_empty() {
            before = text;
        }
    }
    skipped
}

const TRENDS: &str = "Search Trends";

fn links_away(line: ElementRef, text: &str) -> bool {
    let link = line.select(css!("a[href]")).next().filter(|link| text_of(*link) == text);
    link.and_then(|link| link.attr("href")).is_some_and(|href| href.contains("/news/")) && !ends_sentence(text)
}

/// `Updated 03:18, 07-Jan-2022`, or without its first word.
fn is_date_line(line: &str) -> bool {
    line.len() < 40
        && line.matches('-').count() == 2
        && line.contains(", ")
        && matches!(time::parse(line), Some(Printed::Wall { .. }))
}

fn claims_text(text: &str) -> bool {
    lines(text).into_iter().any(is_date_line)
}

/// A capture of an article: headline, date line, byline without a gap between them, then the story.
fn text_article(text: &str, url: Option<&Url>) -> Result<Draft, Refusal> {
    let lines = lines(text);
    let dates: Vec<usize> = (0..lines.len()).filter(|&index| is_date_line(lines[index])).collect();
    let Some(&date) = dates.first().filter(|_| dates.len() <= 2) else {
        let message = match dates.len() {
            0 => {
                "no line of it is a time such as `Updated 20:01, 24-Feb-2022`, as in every article of the outlet".to_owned()
            }
            stories => format!("it is an index page, with the times of {stories} stories"),
        };
        return Err(Refusal::NotALiveBlog(message));
    };
    let headline = lines[..date].iter().rev().find(|line| !line.is_empty()).map(|line| fold(line)).unwrap_or_default();
    refuse_video(&headline)?;
    let mut entry = DraftEntry::at(Reading::of(lines[date], Origin::Text));
    let own = |line: &&&str| !line.is_empty() && line.chars().count() <= 60 && !ends_sentence(line);
    let authors = lines[date + 1..].iter().take_while(own).count();
    entry.byline = lines[date + 1..][..authors].iter().flat_map(|line| names(line)).collect();
    entry.headline = Some(headline.clone()).filter(|headline| !headline.is_empty());
    entry.permalink = url.map(Url::to_string);
    entry.body = body_of_lines(story(&lines[date + 1 + authors..]));
    Ok(Draft {
        headline,
        coverage: Coverage { state: CoverageState::Article, ..Coverage::default() },
        entries: vec![entry],
        ..Draft::default()
    })
}

/// The lines of a story. Wide gaps stand where something was set into it: related headlines, which go, or a picture, whose
/// caption comes twice.
fn story<'a>(lines: &[&'a str]) -> Vec<Line<'a>> {
    let end = lines.iter().position(|line| *line == TRENDS).unwrap_or(lines.len());
    let mut story = Vec::new();
    for set in sets(&lines[..end]) {
        let repeats = set.windows(2).any(|pair| pair[0] == pair[1]);
        let headlines = set.len() > 1 && !repeats && set.iter().all(|line| is_heading(line));
        if headlines && !story.is_empty() {
            continue;
        }
        for (index, line) in set.iter().enumerate() {
            let (again, twice) = (index > 0 && set[index - 1] == *line, set.get(index + 1) == Some(line));
            match is_heading(line) && !again && !twice {
                true => story.push(Line::Heading(line)),
                false if !again => story.push(Line::Paragraph(line)),
                false => {}
            }
        }
    }
    story
}

/// The lines between the wide gaps of a capture: two blank lines or more.
fn sets<'a>(lines: &[&'a str]) -> Vec<Vec<&'a str>> {
    let mut sets = vec![Vec::new()];
    let mut blank = 0;
    for line in lines {
        if line.is_empty() {
            blank += 1;
            continue;
        }
        if blank > 1 {
            sets.push(Vec::new());
        }
        blank = 0;
        if let Some(set) = sets.last_mut() {
            set.push(*line);
        }
    }
    sets
}

/// Whether a line is the heading of a section; a caption ends with its credit, as in `… on Thursday. /Reuters/Pavel Mikheyev`.
fn is_heading(line: &str) -> bool {
    reads_as_crosshead(line) && !line.contains(" /")
}
