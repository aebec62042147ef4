//! Deutsche Welle.
//!
//! Three kinds of page: its present engine keeps all it knows in `window.__APOLLO_STATE__`, with ISO instants, in the shape in
//! which its `graph-api` answers (live blogs too); the engine before it shows no more than a day; and its live pages up to
//! 2022 are articles whose paragraphs begin with a clock. The day it shows is Berlin's. `"isLive": true` stands on every
//! published article and means nothing.

use crate::css;
use crate::html::{self, ElementRef, Html, NodeId, body_of, fold, text_of};
use crate::model::{Coverage, CoverageState, Origin};
use crate::outlet::{Draft, DraftEntry, Form, Outlet, Refusal, Source};
use crate::schema_org;
use crate::time::{self, Order, Printed, Reading};
use chrono::NaiveDate;
use url::Url;

mod clocks;
mod content;
mod text;

pub(super) static OUTLET: Outlet = Outlet {
    slug: "dw",
    name: "DW",
    hosts: &["dw.com"],
    zone: chrono_tz::Europe::Berlin,
    language: "en",
    usual: Order::NewestFirst,
    blog_key,
    claims_text: text::claims,
    claims_json: content::claims,
    split: &split,
};

/// `/en/some-words/a-60977270`, `/de/…/live-68117411`, `/graph-api/en/content/liveblog/68117411`: the number stays.
fn blog_key(url: &Url) -> Option<String> {
    let name = url.path_segments()?.rfind(|segment| !segment.is_empty())?;
    let number = match name.rsplit_once('-') {
        Some(("a" | "live" | "video" | "av", number)) => number,
        None if url.path().starts_with("/graph-api/") => name,
        _ => return None,
    };
    (number.len() >= 5 && number.bytes().all(|byte| byte.is_ascii_digit())).then(|| number.to_owned())
}

fn split(source: &Source) -> Result<Draft, Refusal> {
    match source.form {
        Form::Html(page) => of_page(page, source).map_err(|refusal| with_hint(refusal, source)),
        Form::Json(answer) => content::of_answer(answer, &source.links),
        Form::Text(text) => text::split(text, source.url.as_ref()),
    }
}

fn of_page(page: &Html, source: &Source) -> Result<Draft, Refusal> {
    let draft = match content::state_of(page) {
        Some(state) => content::of_state(&state, &source.links)?,
        None => rendered(page, source)?,
    };
    Ok(Draft { language: html::language(page), ..draft })
}

/// A live page may leave its entries to its script; the address of what the script asks for is known.
fn with_hint(refusal: Refusal, source: &Source) -> Refusal {
    let live = source.url.as_ref().filter(|url| url.path().contains("/live-")).and_then(|url| Some((url, blog_key(url)?)));
    match (refusal, live) {
        (Refusal::NotALiveBlog(reason), Some((url, number))) => {
            let language = language_of(url).unwrap_or_else(|| OUTLET.language.into());
            let address = format!("https://www.dw.com/graph-api/{language}/content/liveblog/{number}");
            Refusal::NotALiveBlog(format!("{reason}; its entries should be at {address}"))
        }
        (refusal, _) => refusal,
    }
}

/// The first part of an address is the language of the page: `/de/…`.
fn language_of(url: &Url) -> Option<String> {
    let tag = url.path_segments()?.next()?;
    (tag.len() == 2 && tag.bytes().all(|byte| byte.is_ascii_lowercase())).then(|| tag.to_owned())
}

/// A page by what it shows: the engine up to 2023, or a copy of the present one that has lost its state.
fn rendered(page: &Html, source: &Source) -> Result<Draft, Refusal> {
    let story = html::first(page, css!("#bodyContent .longText")).or_else(|| html::first(page, css!("article .rich-text")));
    let Some(story) = story else {
        let message = "no article is found on it (an index page, a video, or a live page without what its script loads)";
        return Err(Refusal::NotALiveBlog(message.into()));
    };
    let headline = html::first(page, css!("h1")).map(text_of).filter(|headline| !headline.is_empty());
    let mut draft = Draft {
        headline: headline.or_else(|| html::meta(page, "og:title").map(fold)).unwrap_or_default(),
        standfirst: html::first(page, css!("#bodyContent p.intro, article .teaser-text")).map(text_of),
        ..Draft::default()
    };
    let (published, updated, byline) = imprint(page);
    draft.opened = day_of(&published);
    let markup = html::markup_of(story);
    if let Some(clocks) = clocks::of_markup(&markup, &source.links)? {
        return Ok(clocks.into_draft(draft, byline));
    }
    let mut entry = DraftEntry::at(published);
    entry.updated = updated;
    entry.byline = byline;
    entry.headline = Some(draft.headline.clone()).filter(|headline| !headline.is_empty());
    entry.permalink = source.url.as_ref().map(Url::to_string);
    draft.coverage = Coverage { state: CoverageState::Article, ..Coverage::default() };
    if story.value().classes().any(|class| class == "rich-text") {
        let (body, closing) = content::body(&markup, &source.links)?;
        entry.body = body;
        entry.byline.extend(closing);
        draft.entries.push(entry);
        return Ok(draft);
    }
    let mut skipped: Vec<NodeId> =
        story.select(css!(".gallery, .mediaItem, .imgTeaserL, .teaserContentWrap")).map(|part| part.id()).collect();
    skipped.extend(story.select(css!("p")).filter(is_newsletter).map(|part| part.id()));
    if let Some((line, desk)) = closing_line(story) {
        entry.byline.push(desk);
        skipped.push(line.id());
    }
    let lead_picture = html::first(page, css!("#bodyContent > .col3 > .picBox"));
    entry.body = body_of(lead_picture.into_iter().chain([story]).map(|part| *part), &skipped, &source.links);
    draft.entries.push(entry);
    Ok(draft)
}

/// The day that a page was opened.
fn day_of(published: &Reading) -> Option<NaiveDate> {
    match published.printed {
        Some(Printed::Day(day)) => Some(day),
        Some(Printed::Instant { at, .. }) => Some(at.date_naive()),
        _ => None,
    }
}

/// When and by whom, as shown: JSON-LD where there is some, else the list at the foot (date, then author, their labels in the
/// page's language), else the line under the headline.
fn imprint(page: &Html) -> (Reading, Option<Reading>, Vec<String>) {
    let nodes = schema_org::nodes(page);
    if let Some(posting) = schema_org::of_type(&nodes, &["NewsArticle"]) {
        let of = |property: &str| posting[property].as_str().map(|printed| Reading::of(printed, Origin::JsonLd));
        if let Some(published) = of("datePublished").filter(|reading| reading.printed.is_some()) {
            return (published, of("dateModified"), schema_org::names(&posting["author"]));
        }
    }
    let unlabelled = |item: ElementRef| {
        let words = item.children().filter_map(|node| node.value().as_text().map(|text| fold(text)));
        words.filter(|words| !words.is_empty()).collect::<Vec<_>>().join(" ")
    };
    let mut items = page.select(css!("ul.smallList > li")).map(|item| (item, unlabelled(item)));
    let listed = items.find(|(_, words)| matches!(time::parse(words), Some(Printed::Day(_))));
    if let Some((_, day)) = listed {
        let author = items.next().filter(|(item, words)| item.select(css!("a")).next().is_none() && !words.contains("://"));
        let names = author.map(|(_, words)| crate::outlet::names(&words)).unwrap_or_default();
        return (Reading::of(&day, Origin::Text), None, names);
    }
    let shown = html::first(page, css!("article header time")).map(|time| Reading::of(&text_of(time), Origin::Text));
    let authors = page.select(css!("article header .author")).map(text_of).collect();
    (shown.unwrap_or_else(Reading::none), None, authors)
}

/// "Every day, our editors send out … Sign up for the newsletter here."
fn is_newsletter(line: &ElementRef) -> bool {
    let link = line.select(css!(r#"a[href*="newsletter"]"#)).next();
    link.is_some_and(|link| text_of(link) == text_of(*line))
}

/// The last paragraph of a story, where it is the line of those who wrote it.
fn closing_line(story: ElementRef) -> Option<(ElementRef, String)> {
    let last = story.select(css!("p")).filter(|line| !is_newsletter(line)).last()?;
    html::short_text_of(last, LONGEST_CLOSING).filter(|text| is_closing(text)).map(|text| (last, text))
}

const LONGEST_CLOSING: usize = 100;

/// `es/fb (AP, dpa, Reuters)`, `ab,kmm/rt (AFP)`, `tj/sms`: the initials of author and editor, and the agencies they drew on.
fn is_closing(line: &str) -> bool {
    let (initials, agencies) = match line.split_once('(') {
        Some((initials, agencies)) => (initials.trim(), Some(agencies)),
        None => (line.trim(), None),
    };
    let short = |part: &str| {
        let part = part.trim();
        (1..=5).contains(&part.chars().count()) && part.chars().all(char::is_alphabetic)
    };
    line.len() <= LONGEST_CLOSING
        && initials.chars().all(|c| c.is_lowercase() || matches!(c, '/' | ',' | ' '))
        && initials.split(['/', ',']).all(short)
        && agencies.map_or(initials.contains('/'), |agencies| agencies.ends_with(')') && !agencies.contains(". "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_and_agencies_close_a_story() {
        for line in ["es/fb (AP, dpa, Reuters)", "ab, kmm/rt (AFP, Reuters)", "tj/sms", "mkg (dpa)", "dö/wü (KNA, epd)"] {
            assert!(is_closing(line), "{line}");
        }
        for line in
            ["", "either/orange", "He said so (again). Then he left (AP)", "UN/EU (dpa)", "(dpa)", "yes", "so it went (AP)"]
        {
            assert!(!is_closing(line), "{line}");
        }
    }

    #[test]
    fn the_number_is_the_key() {
        for (url, key) in [
            ("https://www.dw.com/en/some-words/a-60977270", Some("60977270")),
            ("https://www.dw.com/de/putin-%C3%A4ra/live-68117411", Some("68117411")),
            ("https://www.dw.com/graph-api/en/content/liveblog/68117411", Some("68117411")),
            ("https://www.dw.com/en/world/s-1429", None),
            ("https://p.dw.com/p/4boRv", None),
            ("https://www.dw.com/", None),
        ] {
            assert_eq!(blog_key(&Url::parse(url).unwrap()).as_deref(), key, "{url}");
        }
    }
}
