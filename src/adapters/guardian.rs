//! The Guardian.
//!
//! JSON-LD gives all entries of a page the page's own time and a body cut at a thousand characters: nothing is read of it.
//! The times are right in each entry's header and footer. A pinned entry stands on top once more, without its id and with
//! the time of its change only (seen on a page of 2023-05-15).

use crate::css;
use crate::html::{self, ElementRef, Html, Nested, NodeId, body_of, fold, text_of};
use crate::model::{Coverage, CoverageState, Mark, Origin};
use crate::outlet::{Draft, DraftEntry, Form, MOST_READ, Outlet, Refusal, Source, claims_nothing, names};
use crate::time::{self, Order, Printed, Reading, Resolved};
use chrono::{DateTime, Days, Utc};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use url::Url;

mod frontend;

pub(super) static OUTLET: Outlet = Outlet {
    slug: "guardian",
    name: "The Guardian",
    hosts: &["theguardian.com"],
    zone: chrono_tz::Europe::London,
    language: "en",
    usual: Order::NewestFirst,
    blog_key,
    claims_text: claims_nothing,
    claims_json: claims_nothing,
    split: &split,
};

/// The path is the outlet's own id of a page: `world/live/2023/may/15/…`. It stays when the headline is rewritten.
fn blog_key(url: &Url) -> Option<String> {
    let path = url.path().trim_matches('/');
    path.contains("/live/").then(|| path.to_owned())
}

fn split(source: &Source) -> Result<Draft, Refusal> {
    let Form::Html(page) = source.form else { return Err(source.no_such_form()) };
    let mut draft = Draft {
        headline: html::first(page, css!("h1")).map(text_of).unwrap_or_default(),
        standfirst: html::meta(page, "og:description").map(fold),
        language: html::language(page),
        coverage: coverage(page),
        ..Draft::default()
    };
    if html::first(page, css!("#liveblog-body")).is_none() {
        let read = frontend::read(page, source, &mut draft);
        let message = "it has no list of entries (`#liveblog-body`): an article, an index page, or a new layout";
        return read.then_some(draft).ok_or_else(|| Refusal::NotALiveBlog(message.into()));
    }
    let leads = |name: &str| {
        let link = page.select(css!("#liveblog-navigation a[href]")).find(|link| text_of(*link) == name);
        link.and_then(|link| source.links.link(link.attr("href")?))
    };
    draft.older = leads("Next");
    // A page of a later number, or one that shows its key events only, lacks what nobody has taken back.
    draft.window = leads("Previous").is_some() || filtered(page);
    let events = Events::of(page);
    let blocks = || page.select(css!(r#"#liveblog-body article[id^="block-"]"#));
    let nested = Nested::of(blocks());
    for block in blocks().take(MOST_READ) {
        draft.entries.push(entry(block, block.attr("id").unwrap_or_default(), nested.within(block), &events, source));
    }
    if let Some(pinned) = html::first(page, css!("#pinned-post article")) {
        pin(pinned, &mut draft, &events, source);
    }
    Ok(draft)
}

fn entry(block: ElementRef, id: &str, nested: &[NodeId], events: &Events, source: &Source) -> DraftEntry {
    let stamp = |time: Option<ElementRef>| {
        time.and_then(|time| time.attr("datetime")).map(|printed| Reading::of(printed, Origin::Attribute))
    };
    let published = stamp(block.select(css!("header time[datetime]")).next());
    let mut entry = DraftEntry::at(published.unwrap_or_else(Reading::none));
    entry.updated = stamp(block.select(css!("footer time[datetime]")).next());
    entry.headline = block.select(css!("header h2")).next().map(text_of).filter(|headline| !headline.is_empty());
    // A contributor's name stands in the header; the clock does too, inside the permalink.
    entry.byline = block
        .select(css!("header span"))
        .filter(|span| span.ancestors().filter_map(ElementRef::wrap).all(|above| above.value().name() != "a"))
        .filter_map(|span| html::short_text_of(span, 400))
        .flat_map(|line| names(&line))
        .collect();
    let own = block
        .children()
        .filter(|child| ElementRef::wrap(*child).is_none_or(|child| !matches!(child.value().name(), "header" | "footer")));
    entry.body = body_of(own, nested, &source.links);
    entry.permalink = address_of(block).and_then(|href| source.links.link(href));
    entry.marks = events.marks(id);
    entry.native = Some(id.to_owned());
    entry
}

fn address_of(block: ElementRef<'_>) -> Option<&str> {
    block.select(css!(r##"header a[href*="#block-"]"##)).next()?.attr("href")
}

/// The repeat on top only marks its entry, if that is on this page. If it is on an older one, it is all there is of it.
fn pin(pinned: ElementRef, draft: &mut Draft, events: &Events, source: &Source) {
    let Some(id) = address_of(pinned).and_then(|href| href.rsplit_once('#')).map(|(_, id)| id) else { return };
    match draft.entries.iter_mut().find(|entry| entry.native.as_deref() == Some(id)) {
        Some(entry) => entry.marks.insert(0, Mark::Pinned),
        None => {
            let mut entry = entry(pinned, id, &[], events, source);
            entry.marks.insert(0, Mark::Pinned);
            entry.published = published_of_pinned(pinned, id, events).unwrap_or(entry.published);
            entry.published.displaced = true;
            draft.entries.insert(0, entry);
        }
    }
}

/// A pinned repeat prints the clock of its publication and no date. The list of key events may have the instant; else the id
/// begins with the second in which the entry was begun, and it was published when the clock next showed that time.
fn published_of_pinned(pinned: ElementRef, id: &str, events: &Events) -> Option<Reading> {
    if let Some(at) = events.published.get(id) {
        return Some(Reading { printed: time::epoch(at), ..Reading::of(at, Origin::Attribute) });
    }
    let shown = pinned.select(css!("header a span")).map(text_of).find(|shown| time::parse(shown).is_some())?;
    let reading = Reading::of(&shown, Origin::Text);
    let Some(Printed::Clock { clock, precision, ref label }) = reading.printed else { return Some(reading) };
    let seconds = i64::from_str_radix(id.strip_prefix("block-")?.get(..8)?, 16).ok()?;
    let begun = DateTime::<Utc>::from_timestamp(seconds, 0)?.with_timezone(&OUTLET.zone).naive_local();
    let minute = chrono::TimeDelta::minutes(1);
    let day = if clock + minute > begun.time() { begun.date() } else { begun.date().checked_add_days(Days::new(1))? };
    let printed = Printed::Wall { wall: day.and_time(clock), precision, label: label.clone() };
    Some(Reading { printed: Some(printed), ..reading })
}

fn filtered(page: &Html) -> bool {
    let mut props = page.select(css!("gu-island[props]")).filter_map(|island| island.attr("props"));
    props.any(|props| props.contains("\"filterKeyEvents\":true"))
}

/// What the page's settings say of it; where they are missing, `LIVE` beside the time of the last change. Under the byline
/// stands when the page was opened.
fn coverage(page: &Html) -> Coverage {
    let shown = || {
        html::first(page, css!("[data-gu-name=lastupdated]"))
            .is_some_and(|line| line.text().any(|text| text.trim().eq_ignore_ascii_case("live")))
    };
    let told = |setting: &str| {
        let mut scripts = page.select(css!("script:not([src])")).flat_map(|script| script.text());
        scripts.any(|script| script.contains("\"isLiveBlog\":true") && script.contains(setting))
    };
    let opened = html::first(page, css!("[data-gu-name=meta] details"))
        .and_then(|details| details.text().find_map(|text| text.trim().strip_prefix("First published on")))
        .and_then(time::parse);
    let started = match opened {
        Some(Printed::Wall { wall, .. }) => match time::resolve(wall, OUTLET.zone) {
            Resolved::Exact(at) => Some(at),
            Resolved::Fold { first, .. } => Some(first),
            Resolved::Gap { .. } => None,
        },
        _ => None,
    };
    let state = if told("\"isLive\":false") {
        CoverageState::Ended
    } else if told("\"isLive\":true") || shown() {
        CoverageState::Live
    } else {
        CoverageState::Unknown
    };
    Coverage { state, started, ended: None }
}

/// What the list of key events says of entries, on this page and on older ones.
struct Events {
    key: HashSet<String>,
    summary: HashSet<String>,
    /// Milliseconds since 1970, as text.
    published: HashMap<String, String>,
}

impl Events {
    /// The list's script has all it knows in an attribute; the links it is drawn with say only which entries are in it.
    fn of(page: &Html) -> Self {
        let mut events = Events { key: HashSet::new(), summary: HashSet::new(), published: HashMap::new() };
        let list = html::first(page, css!(r#"gu-island[name="KeyEventsCarousel"][props]"#));
        let props: Value = list.and_then(|list| serde_json::from_str(list.attr("props")?).ok()).unwrap_or_default();
        for event in props["keyEvents"].as_array().into_iter().flatten() {
            let Some(id) = event["id"].as_str().map(|id| format!("block-{}", id.trim_start_matches("block-"))) else {
                continue;
            };
            if let Some(at) = event["blockFirstPublished"].as_i64() {
                events.published.insert(id.clone(), at.to_string());
            }
            if event["attributes"]["summary"] == true {
                events.summary.insert(id.clone());
            }
            if event["attributes"]["keyEvent"] == true {
                events.key.insert(id);
            }
        }
        if events.key.is_empty() && events.summary.is_empty() {
            let links = page.select(css!(r##"[id^="key-events-carousel"] a[href*="#block-"]"##));
            let ids = links.filter_map(|link| link.attr("href")?.rsplit_once('#').map(|(_, id)| id.to_owned()));
            events.key.extend(ids);
        }
        events
    }

    fn marks(&self, id: &str) -> Vec<Mark> {
        let marks = [(&self.key, Mark::KeyEvent), (&self.summary, Mark::Summary)];
        marks.into_iter().filter(|(ids, _)| ids.contains(id)).map(|(_, mark)| mark).collect()
    }
}
