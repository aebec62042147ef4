//! The Independent.
//!
//! Its live pages are AMP at the canonical address itself, with hashed class names (never selected on). The times in
//! JSON-LD and in `data-sort-time` are when the desk *drafted* an entry, up to hours before it was published; the shown
//! time is the right one (seen on a page of 2023-08-14, six of ten entries). `coverageEndTime` moves with the newest entry.

use crate::css;
use crate::html::{self, ElementRef, Html, Nested, NodeId, body_of, body_of_text, fold, text_of};
use crate::model::{Coverage, CoverageState, Mark, Origin, Problem, ProblemCode};
use crate::outlet::{Draft, DraftEntry, Form, MOST_READ, Outlet, Refusal, Source, claims_nothing};
use crate::schema_org;
use crate::text::{lines, reads_as_headline};
use crate::time::{self, Order, Printed, Reading};
use chrono::{DateTime, Utc};
use std::collections::{HashMap, HashSet};
use url::Url;

pub(super) static OUTLET: Outlet = Outlet {
    slug: "independent",
    name: "The Independent",
    hosts: &["independent.co.uk"],
    zone: chrono_tz::Europe::London,
    language: "en",
    usual: Order::NewestFirst,
    blog_key,
    claims_text,
    claims_json: claims_nothing,
    split: &split,
};

/// `…-b2392480.html` since 2020; a bare number at the end before.
fn blog_key(url: &Url) -> Option<String> {
    let name = url.path_segments()?.rfind(|segment| !segment.is_empty())?;
    let number = name.strip_suffix(".html").or(name.strip_suffix(".html/")).unwrap_or(name).rsplit('-').next()?;
    let digits = number.strip_prefix('b').unwrap_or(number);
    (digits.len() >= 5 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| number.to_owned())
}

fn split(source: &Source) -> Result<Draft, Refusal> {
    match source.form {
        Form::Html(page) => match html::first(page, css!(r#"amp-live-list [items], div[id^="post-"][data-sort-time]"#)) {
            Some(_) => Ok(live_page(page, source)),
            None => article(page, source),
        },
        Form::Text(text) => live_text(text),
        Form::Json(_) => Err(source.no_such_form()),
    }
}

fn live_page(page: &Html, source: &Source) -> Draft {
    let nodes = schema_org::nodes(page);
    let posting = schema_org::of_type(&nodes, &["LiveBlogPosting", "NewsArticle"]);
    let mut draft = Draft {
        headline: headline(page, posting),
        standfirst: html::meta(page, "og:description").map(fold),
        language: html::language(page),
        ..Draft::default()
    };
    // AMP shows so many entries at a time and pages the rest.
    draft.window = html::first(page, css!("amp-live-list[data-max-items-per-page]")).is_some();
    draft.coverage = shown_state(page);
    draft.coverage.started = posting.and_then(|posting| instant(&posting["coverageStartTime"]));
    let key_points: HashSet<&str> = page
        .select(css!("aside.js-key-points a[href]"))
        .filter_map(|link| link.attr("href")?.rsplit_once("#post-").map(|(_, id)| id))
        .collect();
    let updates = posting.map(updates_of).unwrap_or_default();
    let posts = || page.select(css!(r#"div[id^="post-"]"#));
    let nested = Nested::of(posts());
    for post in posts() {
        // A tombstone is an entry that the outlet has taken back (AMP's `amp-live-list`).
        if post.attr("data-tombstone").is_none() {
            if draft.entries.len() == MOST_READ {
                break;
            }
            draft.entries.push(live_entry(post, nested.within(post), source, &updates, &key_points));
        } else if let Some(id) = post.attr("id").and_then(|id| id.strip_prefix("post-")) {
            draft.withdrawn.push(id.to_owned());
        }
    }
    draft
}

/// The strip above the headline: `Live` `updated`, or `As it happened` `ended`, with a time.
fn shown_state(page: &Html) -> Coverage {
    let told = |word: &str| {
        page.select(css!("#articleHeader span")).any(|span| html::short_text_of(span, 20).is_some_and(|text| text == word))
    };
    if told("ended") {
        let at = html::first(page, css!("#articleHeader amp-timeago[datetime]")).and_then(|shown| shown.attr("datetime"));
        let ended = at.and_then(|at| instant(&at.into()));
        Coverage { state: CoverageState::Ended, ended, ..Coverage::default() }
    } else if told("Live") {
        Coverage { state: CoverageState::Live, ..Coverage::default() }
    } else {
        Coverage::default()
    }
}

/// One entry: a link with the shown time, a block with headline and body, a footer with byline and printed time.
fn live_entry(
    post: ElementRef,
    nested: &[NodeId],
    source: &Source,
    updates: &Updates,
    key_points: &HashSet<&str>,
) -> DraftEntry {
    let id = post.attr("id").and_then(|id| id.strip_prefix("post-")).unwrap_or_default().to_owned();
    let update = updates.get(id.as_str()).copied();
    let shown = post.select(css!("amp-timeago[datetime], time[datetime]")).next();
    let footer = post.select(css!("span")).filter(|span| is_wall(*span)).last();
    let published = shown
        .and_then(|shown| shown.attr("datetime"))
        .map(|printed| Reading::of(printed, Origin::Attribute))
        .or_else(|| footer.map(|footer| Reading::of(&text_of(footer), Origin::Text)));

    let mut entry = DraftEntry::at(match published.filter(|reading| reading.printed.is_some()) {
        Some(reading) => reading,
        None => drafted(update),
    });
    if entry.published.origin == Origin::JsonLd {
        let message = "the page shows no time for it: the one in its JSON-LD is taken, which is when it was drafted";
        entry.problems.push(Problem::new(ProblemCode::TimeConflict, message));
    }
    let edited = post.attr("data-update-time").filter(|edited| post.attr("data-sort-time") != Some(edited));
    entry.updated = edited.map(|edited| Reading { printed: time::epoch(edited), ..Reading::of(edited, Origin::Attribute) });
    entry.byline = footer
        .and_then(|footer| footer.prev_siblings().find_map(ElementRef::wrap))
        .map(|byline| crate::outlet::names(&text_of(byline)))
        .filter(|names| !names.is_empty())
        .unwrap_or_else(|| update.map(|update| schema_org::names(&update["author"])).unwrap_or_default());

    // The footer and the time are the children of the post that hold them; what is left is the entry.
    let parts = || post.children().filter_map(ElementRef::wrap);
    let holds = |part: &ElementRef, inner: Option<ElementRef>| {
        inner.is_some_and(|inner| inner == *part || inner.ancestors().any(|above| above.id() == part.id()))
    };
    let content: Vec<ElementRef> = parts().filter(|part| !holds(part, shown) && !holds(part, footer)).collect();
    // A related card inside the entry has a headline of its own, deeper down.
    let heading = content.iter().find_map(|part| {
        part.children().find_map(ElementRef::wrap).filter(|first| matches!(first.value().name(), "h2" | "h3"))
    });
    entry.headline = heading.map(text_of).filter(|headline| !headline.is_empty());
    let skipped: Vec<_> = heading.iter().map(|heading| heading.id()).chain(nested.iter().copied()).collect();
    entry.body = body_of(content.iter().map(|part| **part), &skipped, &source.links);
    if key_points.contains(id.as_str()) {
        entry.marks.push(Mark::KeyEvent);
    }
    entry.permalink = source.links.link(&format!("#post-{id}"));
    entry.native = Some(id).filter(|id| !id.is_empty());
    entry
}

/// The JSON-LD updates by the numbers of their posts: the anchors have other names than the page's.
type Updates<'a> = HashMap<&'a str, &'a serde_json::Value>;

fn updates_of(posting: &serde_json::Value) -> Updates<'_> {
    let updates = posting["liveBlogUpdate"].as_array().into_iter().flatten().rev();
    updates.filter_map(|update| Some((update["url"].as_str()?.rsplit_once("liveblogPost")?.1, update))).collect()
}

fn drafted(update: Option<&serde_json::Value>) -> Reading {
    match update.and_then(|update| update["datePublished"].as_str()) {
        Some(printed) => Reading::of(printed, Origin::JsonLd),
        None => Reading::none(),
    }
}

fn is_wall(span: ElementRef) -> bool {
    html::short_text_of(span, 40).is_some_and(|text| matches!(time::parse(&text), Some(Printed::Wall { .. })))
}

fn instant(value: &serde_json::Value) -> Option<DateTime<Utc>> {
    match time::parse(value.as_str()?)? {
        Printed::Instant { at, .. } => Some(at),
        _ => None,
    }
}

fn headline(page: &Html, posting: Option<&serde_json::Value>) -> String {
    html::first(page, css!("h1"))
        .map(text_of)
        .filter(|headline| !headline.is_empty())
        .or_else(|| posting.and_then(|posting| schema_org::line(posting, "headline")))
        .or_else(|| html::meta(page, "og:title").map(fold))
        .unwrap_or_default()
}

/// An ordinary article, of any of the engines since 2015: one entry.
fn article(page: &Html, source: &Source) -> Result<Draft, Refusal> {
    let nodes = schema_org::nodes(page);
    let posting = schema_org::of_type(&nodes, &["NewsArticle", "LiveBlogPosting", "Article"]);
    let live = posting.is_some_and(|posting| schema_org::has_type(posting, "LiveBlogPosting"));
    let body = html::first(page, css!(r#"#main, [itemprop="articleBody"]"#));
    if body.is_none() && !live {
        let message = "it has neither a list of entries nor the body of an article (an index page, or a new layout)";
        return Err(Refusal::NotALiveBlog(message.into()));
    }
    let mut draft = Draft {
        headline: headline(page, posting),
        standfirst: html::meta(page, "og:description").map(fold),
        language: html::language(page),
        coverage: Coverage { state: CoverageState::Article, ..Coverage::default() },
        ..Draft::default()
    };
    if live && body.is_none() {
        draft.coverage = shown_state(page);
        return Ok(draft);
    }
    let of_meta = |name: &str| html::meta(page, name).map(|printed| Reading::of(printed, Origin::Meta));
    let of_json = |property: &str| {
        posting.and_then(|posting| posting[property].as_str()).map(|printed| Reading::of(printed, Origin::JsonLd))
    };
    let readable = |reading: &Reading| reading.printed.is_some();
    let published = of_json("datePublished").filter(readable).or_else(|| of_meta("article:published_time"));
    let mut entry = DraftEntry::at(published.unwrap_or_else(Reading::none));
    entry.updated = of_json("dateModified").filter(readable).or_else(|| of_meta("article:modified_time"));
    entry.headline = Some(draft.headline.clone()).filter(|headline| !headline.is_empty());
    entry.byline = posting.map(|posting| schema_org::names(&posting["author"])).unwrap_or_default();
    if entry.byline.is_empty() {
        entry.byline = byline_of(page);
    }
    entry.permalink = source.url.as_ref().map(Url::to_string);
    let skipped: Vec<_> = page
        .select(css!("aside, .newsletter-component, .third-party-ad, .teads, [data-mpu]"))
        .map(|part| part.id())
        .collect();
    entry.body = body_of(body.map(|body| *body), &skipped, &source.links);
    draft.entries.push(entry);
    Ok(draft)
}

fn byline_of(page: &Html) -> Vec<String> {
    let shown = html::first(page, css!(r#"[itemprop="author"] [itemprop="name"]"#)).map(text_of);
    let name = shown.or_else(|| html::meta(page, "article:author_name").map(fold));
    name.map(|name| crate::outlet::names(&name)).unwrap_or_default()
}

const LONGEST_BYLINE: usize = 120;

/// A byline glued to its date ends each entry: `Matt Mathers6 January 2022 13:30`.
fn closing_line(line: &str) -> Option<(&str, Reading)> {
    // The date starts at a digit that no other digit precedes; the byline may be missing.
    line.char_indices()
        .take_while(|(at, _)| *at < LONGEST_BYLINE)
        .filter(|(at, c)| c.is_ascii_digit() && !line[..*at].ends_with(|c: char| c.is_ascii_digit()))
        .find_map(|(at, _)| {
            let (byline, printed) = line.split_at(at);
            let reading = Reading::of(printed, Origin::Text);
            let dated = matches!(reading.printed, Some(Printed::Wall { .. })) && printed.contains(char::is_alphabetic);
            // The page's own date line is a date with its weekday, and alone on its line.
            (dated && !weekday(byline)).then(|| (byline.trim(), reading))
        })
}

fn weekday(byline: &str) -> bool {
    let word = byline.trim().trim_end_matches(',');
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"].iter().any(|day| word.ends_with(day))
}

fn claims_text(text: &str) -> bool {
    let closed = lines(text).iter().filter(|line| closing_line(line).is_some_and(|(byline, _)| !byline.is_empty())).count();
    closed >= 2 || (closed == 1 && state_of(text).is_some())
}

/// `As it happenedended1641496820`, `Liveupdated1658160161`: kind, state and a Unix second, glued.
fn state_of(text: &str) -> Option<Coverage> {
    let line = *lines(text).iter().find(|line| !line.is_empty())?;
    let words = line.trim_end_matches(|c: char| c.is_ascii_digit());
    let Some(Printed::Instant { at, .. }) = time::epoch(&line[words.len()..]) else { return None };
    if words.ends_with("ended") {
        Some(Coverage { state: CoverageState::Ended, ended: Some(at), ..Coverage::default() })
    } else if words.to_ascii_lowercase().starts_with("live") {
        Some(Coverage { state: CoverageState::Live, ..Coverage::default() })
    } else {
        None
    }
}

/// What the page prints around its entries.
const BOILERPLATE: [&str; 4] = ["Join our commenting forum", "Show latest update", "Comments", "Thank you for registering"];

fn live_text(text: &str) -> Result<Draft, Refusal> {
    let lines = lines(text);
    let mut draft = Draft { coverage: state_of(text).unwrap_or_default(), ..Draft::default() };
    let header: Vec<&str> =
        lines.iter().copied().filter(|line| !line.is_empty()).skip(usize::from(state_of(text).is_some())).collect();
    draft.headline = header.first().map(|line| fold(line)).unwrap_or_default();
    // Headline, standfirst, byline, date: without a standfirst the date is the third line.
    let dated = header.iter().position(|line| matches!(time::parse(line), Some(Printed::Wall { .. })));
    draft.standfirst = header.get(1).filter(|_| dated.is_some_and(|dated| dated >= 3)).map(|line| fold(line));

    let closings: Vec<usize> = (0..lines.len()).filter(|&index| closing_line(lines[index]).is_some()).collect();
    let Some(&first) = closings.first() else {
        let message = "no line ends in a byline and a date, as every entry of the outlet's text captures does";
        return Err(Refusal::NotALiveBlog(message.into()));
    };
    // The lead above the first entry ends at a doubled blank line.
    let lead = (1..first).rev().find(|&index| lines[index].is_empty() && lines[index - 1].is_empty());
    if lead.is_none() {
        let message = "nothing parts the lead from the first entry: both stand in that entry";
        draft.problems.push(Problem::new(ProblemCode::Damaged, message));
    }
    let mut start = lead.map_or(0, |index| index + 1);
    for closing in closings {
        let own = lines[start..closing].iter().copied().filter(|line| !line.is_empty() && !BOILERPLATE.contains(line));
        draft.entries.extend(text_entry(own.collect(), lines[closing]));
        start = closing + 1;
    }
    let after = lines[start..].iter().filter(|line| !line.is_empty()).take_while(|line| !BOILERPLATE.contains(line)).count();
    if after > 0 {
        let message =
            format!("{after} lines after the last byline belong to an entry whose end is missing: they are left out");
        draft.problems.push(Problem::new(ProblemCode::Damaged, message));
    }
    Ok(draft)
}

fn text_entry(mut own: Vec<&str>, closing: &str) -> Option<DraftEntry> {
    let (byline, reading) = closing_line(closing)?;
    let mut entry = DraftEntry::at(reading);
    entry.byline = crate::outlet::names(byline);
    if own.first().is_some_and(|line| reads_as_headline(line)) {
        entry.headline = Some(fold(own.remove(0)));
    }
    entry.body = body_of_text(own);
    Some(entry)
}
