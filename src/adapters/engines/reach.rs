//! Reach plc's live pages: the Mirror and the group's regional titles.
//!
//! The markup holds the newest thirty entries, JSON-LD all of them, over days; where both have one their times agree to the
//! millisecond (30 of 30 on a page of 2024-08-05). In JSON-LD a body is plain text with pieces of markup in it, its
//! paragraphs joined, and every entry names the page's authors; the markup names who wrote it. Ids begin with a digit. The
//! list of key events and the lead are no entries.

use crate::css;
use crate::html::{self, ElementRef, Nested, NodeId, body_of, fold, text_of};
use crate::model::{Mark, Origin, Problem, ProblemCode};
use crate::outlet::{Draft, DraftEntry, Form, MOST_READ, Outlet, Refusal, Source, claims_nothing};
use crate::schema_org::{self, Update};
use crate::time::{self, Order, Printed, Reading};
use chrono_tz::Tz;
use std::collections::HashSet;
use url::Url;

/// One title of the group.
pub const fn title(slug: &'static str, name: &'static str, hosts: &'static [&'static str], zone: Tz) -> Outlet {
    Outlet {
        slug,
        name,
        hosts,
        zone,
        language: "en",
        usual: Order::NewestFirst,
        blog_key,
        claims_text: claims_nothing,
        claims_json: claims_nothing,
        split: &split,
    }
}

/// `…/uk-riots-live-hotel-rotherham-33386398`: the slug is rewritten, the number stays.
fn blog_key(url: &Url) -> Option<String> {
    let name = url.path_segments()?.rfind(|segment| !segment.is_empty())?;
    let number = name.strip_suffix(".amp").unwrap_or(name).rsplit('-').next()?;
    (number.len() >= 5 && number.bytes().all(|byte| byte.is_ascii_digit())).then(|| number.to_owned())
}

fn split(source: &Source) -> Result<Draft, Refusal> {
    let Form::Html(page) = source.form else { return Err(source.no_such_form()) };
    let nodes = schema_org::nodes(page);
    let posting = schema_org::live_blog(page, &nodes);
    let posts: Vec<(&str, ElementRef)> = page
        .select(css!(".live-event-entries .live-event-entry[id]"))
        .filter_map(|post| Some((post.attr("id")?, post)))
        .collect();
    if posting.is_none() && posts.is_empty() {
        let message = "it has neither a list of entries (live-event-entries) nor a live blog in its JSON-LD";
        return Err(Refusal::NotALiveBlog(message.into()));
    }
    let posting = posting.unwrap_or_default();
    let headline = html::first(page, css!("h1")).map(text_of).filter(|headline| !headline.is_empty());
    let mut draft = Draft {
        headline: headline.or(posting.headline).or_else(|| html::meta(page, "og:title").map(fold)).unwrap_or_default(),
        standfirst: posting.standfirst.or_else(|| html::meta(page, "og:description").map(fold)),
        language: html::language(page),
        ..Draft::default()
    };
    let key_events: HashSet<&str> =
        page.select(css!(".live-event-key-events a[data-id]")).filter_map(|link| link.attr("data-id")).collect();
    let nested = Nested::of(posts.iter().map(|(_, post)| *post));
    let page = About { byline: posting.byline, key_events, nested };
    for (update, post) in schema_org::join(posting.updates, posts).into_iter().take(MOST_READ) {
        draft.entries.push(entry(update, post, &page, source));
    }
    Ok(draft)
}

/// What the page says of all of its entries.
struct About<'a> {
    byline: Vec<String>,
    key_events: HashSet<&'a str>,
    nested: Nested,
}

fn entry(update: Option<Update>, post: Option<ElementRef>, page: &About, source: &Source) -> DraftEntry {
    let mut entry = DraftEntry::at(Reading::none());
    if let Some(post) = post {
        read_post(&mut entry, post, page.nested.within(post), source);
    }
    if let Some(update) = update {
        if let (Some(told), Some(shown)) = (instant(&update.published), instant(&entry.published))
            && (told - shown).num_seconds() != 0
        {
            let message =
                format!("`{}` in its JSON-LD is not `{}` on the page", update.published.text, entry.published.text);
            entry.problems.push(Problem::new(ProblemCode::TimeConflict, message));
        }
        if update.published.printed.is_some() {
            entry.published = update.published.clone();
            entry.updated = update.modified.clone();
        }
        if entry.byline.is_empty() && !(page.byline.len() > 1 && update.byline == page.byline) {
            entry.byline = update.byline.clone();
        }
        if post.is_none() {
            match update.body(&source.links) {
                Ok(body) => entry.body = body,
                Err(hostile) => {
                    entry.problems.push(Problem::new(ProblemCode::Limit, format!("its body is left out: {hostile}")))
                }
            }
        }
        entry.headline = update.headline.or(entry.headline);
        entry.native = update.anchor.or(entry.native);
    }
    if let Some(id) = entry.native.as_deref() {
        entry.permalink = source.links.link(&format!("#{id}"));
        if page.key_events.contains(id) && !entry.marks.contains(&Mark::KeyEvent) {
            entry.marks.push(Mark::KeyEvent);
        }
    }
    entry
}

/// What the page itself shows of an entry.
fn read_post(entry: &mut DraftEntry, post: ElementRef, nested: &[NodeId], source: &Source) {
    let epoch = |name: &str| {
        let text = post.attr(name)?;
        let printed = time::epoch(text)?;
        Some(Reading { printed: Some(printed), ..Reading::of(text, Origin::Attribute) })
    };
    let clock = || post.select(css!(".entry-info time")).next().map(|time| Reading::of(&text_of(time), Origin::Text));
    entry.native = post.attr("id").map(str::to_owned);
    entry.published = epoch("data-post-time").or_else(clock).unwrap_or_else(Reading::none);
    entry.updated = epoch("data-last-modified-time");
    let mark = post.select(css!(".entry-info mark")).next().map(text_of).filter(|mark| !mark.is_empty());
    if post.attr("data-type") == Some("key-event") {
        entry.marks.push(Mark::KeyEvent);
    }
    // The same place says who wrote it, or that it is a key event.
    entry.byline = mark.filter(|mark| mark != "KEY EVENT").into_iter().collect();
    if let Some(content) = post.select(css!(".entry-content")).next() {
        let heading = content.child_elements().next().filter(|first| matches!(first.value().name(), "h2" | "h3"));
        entry.headline = heading.map(text_of).filter(|headline| !headline.is_empty());
        let skipped: Vec<_> = heading.iter().map(|heading| heading.id()).chain(nested.iter().copied()).collect();
        entry.body = body_of(content.children(), &skipped, &source.links);
    }
}

fn instant(reading: &Reading) -> Option<chrono::DateTime<chrono::Utc>> {
    match reading.printed {
        Some(Printed::Instant { at, .. }) => Some(at),
        _ => None,
    }
}
