//! A draft from schema.org data alone: for outlets that have no adapter, and for pages that an adapter does not know.
//!
//! What such data gets wrong is known from real pages: the page's own time on every entry, the page's authors on every
//! entry, ids that are positions. None of that is taken for what it claims to be.

use super::{Draft, DraftEntry, Source};
use crate::css;
use crate::html::{self, ElementRef, Html, Nested, body_of, fold};
use crate::model::{Origin, Problem, ProblemCode};
use crate::schema_org::{Posting, Update};
use crate::time::{Printed, Reading};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use std::collections::{HashMap, HashSet};
use url::Url;

/// A live blog as its schema.org data tells it, joined with the page's markup where an id of the one is an element of the
/// other.
pub fn live_blog(page: &Html, mut posting: Posting, source: &Source) -> Draft {
    let updates = std::mem::take(&mut posting.updates);
    let ids = ids(&updates, source);
    let (posts, nested) = elements(page, &updates);
    let page_time = page_time(&updates, &posting.times);
    let page_byline = page_byline(&updates, &posting.byline);
    let mut draft = Draft {
        headline: posting.headline.or_else(|| html::meta(page, "og:title").map(fold)).unwrap_or_default(),
        standfirst: posting.standfirst.or_else(|| html::meta(page, "og:description").map(fold)),
        language: posting.language.or_else(|| html::language(page)),
        ..Draft::default()
    };
    for (update, id) in updates.into_iter().zip(ids) {
        let post = update.anchor.as_deref().and_then(|anchor| posts.get(anchor)).copied();
        let mut entry = DraftEntry::at(Reading::none());
        read_time(&mut entry, &update, post, page_time.as_deref());
        read_body(&mut entry, &update, post, &nested, source);
        if id.is_some() {
            entry.permalink = permalink(&update, post, source);
        }
        entry.native = id;
        entry.headline = update.headline;
        if !page_byline {
            entry.byline = update.byline;
        }
        draft.entries.push(entry);
    }
    let oldest = draft.entries.iter().filter_map(|entry| instant(&entry.published)).min();
    draft.coverage.started = posting.started.filter(|started| oldest.is_none_or(|oldest| *started <= oldest));
    draft
}

/// The address of an entry: its own, or that of its element.
fn permalink(update: &Update, post: Option<ElementRef>, source: &Source) -> Option<String> {
    let own = update.url.as_ref().filter(|url| url.contains('#') || own_address(update, source).is_some());
    let anchor = || update.anchor.as_ref().filter(|_| post.is_some()).map(|anchor| format!("#{anchor}"));
    source.links.link(&own.cloned().or_else(anchor)?)
}

/// The elements that updates name as their own.
fn elements<'a>(page: &'a Html, updates: &[Update]) -> (HashMap<&'a str, ElementRef<'a>>, Nested) {
    let anchors: HashSet<&str> = updates.iter().filter_map(|update| update.anchor.as_deref()).collect();
    if anchors.is_empty() {
        return Default::default();
    }
    let mut elements = HashMap::new();
    let mut nested = Vec::new();
    for element in page.select(css!("[id]")) {
        if let Some(id) = element.attr("id").filter(|id| anchors.contains(id) && !elements.contains_key(id)) {
            elements.insert(id, element);
            nested.push(element);
        }
    }
    (elements, Nested::of(nested))
}

/// What identifies each update for good. An id that most entries share is the page's; ids that count the entries from the
/// top move on with each new one.
fn ids(updates: &[Update], source: &Source) -> Vec<Option<String>> {
    let mut ids: Vec<Option<String>> =
        updates.iter().map(|update| update.anchor.clone().or_else(|| own_address(update, source))).collect();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    ids.iter().flatten().for_each(|id| *counts.entry(id).or_default() += 1);
    let shared: Vec<bool> = ids
        .iter()
        .map(|id| {
            id.as_deref()
                .and_then(|id| counts.get(id))
                .is_some_and(|count| *count > 2 || (*count > 1 && *count == ids.len()))
        })
        .collect();
    ids.iter_mut().zip(shared).filter(|(_, shared)| *shared).for_each(|(id, _)| *id = None);
    if are_positions(&ids, updates) {
        ids.fill(None);
    }
    ids
}

/// The path of an entry that has an address of its own, other than the page's.
fn own_address(update: &Update, source: &Source) -> Option<String> {
    let mut url = Url::parse(&source.links.link(update.url.as_ref()?)?).ok()?;
    url.set_fragment(None);
    let same = source.url.as_ref().is_some_and(|page| page.path() == url.path() && page.query() == url.query());
    let path = url[url::Position::BeforePath..].trim_matches('/').to_owned();
    (!same && !path.is_empty()).then_some(path)
}

/// Whether ids count the entries from the top of the page or from the newest: `post1`, `post2`, … A few numbers may be left
/// out (an advertisement took them). Ids that count from the oldest grow with the page and stay.
fn are_positions(ids: &[Option<String>], updates: &[Update]) -> bool {
    let numbered: Option<Vec<(&str, usize)>> = ids.iter().flatten().map(|id| numbered(id)).collect();
    let Some(numbered) = numbered.filter(|numbered| !numbered.is_empty() && numbered.len() == ids.len()) else {
        return false;
    };
    if numbered.iter().any(|(name, _)| *name != numbered[0].0) {
        return false;
    }
    // Of a single id only a plain word with its number tells: many a long id ends in a 1.
    if let [(name, _)] = numbered[..]
        && (name.len() > 24 || name.contains(|c: char| c.is_ascii_digit()))
    {
        return false;
    }
    let counts_up = |numbers: &[usize]| {
        numbers[0] <= 1
            && numbers[numbers.len() - 1] <= 2 * numbers.len() + 1
            && numbers.windows(2).all(|pair| pair[0] < pair[1])
    };
    let in_order: Vec<usize> = numbered.iter().map(|(_, number)| *number).collect();
    let times: Option<Vec<NaiveDateTime>> = updates.iter().map(|update| wall(&update.published)).collect();
    let newest_first = times.map(|times| {
        let mut order: Vec<usize> = (0..times.len()).collect();
        order.sort_by_key(|&index| std::cmp::Reverse(times[index]));
        order.into_iter().map(|index| in_order[index]).collect::<Vec<_>>()
    });
    counts_up(&in_order) || newest_first.is_some_and(|numbers| counts_up(&numbers))
}

/// The name and the number of `update-3`.
fn numbered(id: &str) -> Option<(&str, usize)> {
    let name = id.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = &id[name.len()..];
    Some((name, number.parse().ok().filter(|_| number.len() <= 4)?))
}

fn wall(reading: &Reading) -> Option<NaiveDateTime> {
    match reading.printed {
        Some(Printed::Instant { at, .. }) => Some(at.naive_utc()),
        Some(Printed::Wall { wall, .. }) => Some(wall),
        _ => None,
    }
}

fn instant(reading: &Reading) -> Option<DateTime<Utc>> {
    match reading.printed {
        Some(Printed::Instant { at, .. }) => Some(at),
        _ => None,
    }
}

/// The time that all of three or more entries carry, where it is the page's own.
fn page_time(updates: &[Update], times: &[Reading]) -> Option<String> {
    let first = updates.first().filter(|_| updates.len() >= 3)?;
    let time = wall(&first.published)?;
    let shared = updates.iter().all(|update| wall(&update.published) == Some(time));
    let of_page = times.is_empty() || times.iter().any(|reading| wall(reading) == Some(time));
    (shared && of_page).then(|| first.published.text.clone())
}

/// Whether the authors of the page are given as those of every entry. One author may well have written them all.
fn page_byline(updates: &[Update], page: &[String]) -> bool {
    page.len() > 1 && updates.len() >= 3 && updates.iter().all(|update| update.byline == page)
}

/// The time that the data gives, or else the one that the page's markup does.
fn read_time(entry: &mut DraftEntry, update: &Update, post: Option<ElementRef>, page_time: Option<&str>) {
    let shown = post
        .and_then(|post| post.select(css!("time[datetime]")).next())
        .map(|time| Reading::of(time.attr("datetime").unwrap_or_default(), Origin::Attribute))
        .filter(|shown| shown.printed.is_some());
    if let Some(page_time) = page_time {
        if shown.is_none() {
            let message =
                format!("every entry carries the time of the page, `{page_time}`: it is not taken for the entry's");
            entry.problems.push(Problem::new(ProblemCode::TimeConflict, message));
        }
        entry.published = shown.unwrap_or_else(Reading::none);
        return;
    }
    entry.updated = update.modified.clone();
    if update.published.printed.is_none() {
        entry.published = shown.unwrap_or_else(|| update.published.clone());
        return;
    }
    entry.published = update.published.clone();
    let told = [Some(&update.published), update.modified.as_ref()].map(|reading| reading.and_then(instant));
    if let (Some(shown_at), Some(_)) = (shown.as_ref().and_then(instant), told[0])
        && !told.iter().flatten().any(|told| (shown_at - *told).abs() < TimeDelta::minutes(1))
    {
        let message = format!(
            "its data says `{}` and its markup `{}`: the data's is taken",
            update.published.text,
            shown.map(|shown| shown.text).unwrap_or_default()
        );
        entry.problems.push(Problem::new(ProblemCode::TimeConflict, message));
    }
}

/// The body that the data gives; where it gives none, what stands in the entry's element beside its headline and time.
fn read_body(entry: &mut DraftEntry, update: &Update, post: Option<ElementRef>, nested: &Nested, source: &Source) {
    match update.body(&source.links) {
        Ok(body) => entry.body = body,
        Err(hostile) => entry.problems.push(Problem::new(ProblemCode::Limit, format!("its body is left out: {hostile}"))),
    }
    if let Some(post) = post.filter(|_| entry.body.is_empty() && entry.problems.is_empty()) {
        let parts = post.select(css!("h1, h2, h3, header, footer, time")).map(|part| part.id());
        let skipped: Vec<_> = parts.chain(nested.within(post).iter().copied()).collect();
        entry.body = body_of(post.children(), &skipped, &source.links);
    }
}
