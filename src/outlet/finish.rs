//! From a draft to a live blog: times settled together, ids issued, what is wrong said.

use super::{Draft, DraftEntry, Refusal, Source};
use crate::html::fold;
use crate::identity::{blog_id, entry_id};
use crate::model::{CoverageState, Entry, Head, LiveBlog, Origin, Problem, ProblemCode, Stamp};
use crate::time::{Context, Order, Printed, Reading, Settled, settle};
use chrono::{DateTime, Timelike, Utc};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};

/// Entries read from one page at most; a newsroom's longest live blogs hold some hundreds.
const MOST_ENTRIES: usize = 5000;
/// Entries that an adapter reads of a page at most: one more than are kept, so that it is told that there are more.
pub const MOST_READ: usize = MOST_ENTRIES + 1;

pub(super) fn finish(mut draft: Draft, source: &Source) -> Result<LiveBlog, Refusal> {
    let outlet = source.outlet;
    if draft.entries.len() > MOST_ENTRIES {
        draft.entries.truncate(MOST_ENTRIES);
        let message = format!("more than {MOST_ENTRIES} entries: the first {MOST_ENTRIES} of the page are kept");
        draft.problems.push(Problem::new(ProblemCode::Limit, message));
    }
    if source.cut {
        leave_out_the_cut(&mut draft);
    }
    draft.headline = line(std::mem::take(&mut draft.headline)).unwrap_or_default();
    draft.standfirst = draft.standfirst.take().and_then(line);
    for entry in &mut draft.entries {
        entry.native = entry.native.take().filter(|native| !native.trim().is_empty());
        entry.headline = entry.headline.take().and_then(line);
        entry.byline = std::mem::take(&mut entry.byline).into_iter().filter_map(line).collect();
    }
    drop_repeats(&mut draft);

    let zone = draft.zone.unwrap_or(outlet.zone);
    let context = Context { zone, usual: outlet.usual, opened: draft.opened, captured: source.captured };
    let readings: Vec<Reading> = draft.entries.iter().map(|entry| entry.published.clone()).collect();
    let timeline = settle(&readings, &context);
    if timeline.undated {
        let example = readings.iter().find(|reading| matches!(reading.printed, Some(Printed::Clock { .. })));
        return Err(Refusal::Undated { example: example.map(|reading| reading.text.clone()).unwrap_or_default() });
    }
    if draft.entries.is_empty() && draft.problems.iter().all(|problem| problem.code != ProblemCode::NoEntries) {
        let message = "the page is a live blog and holds no entries";
        draft.problems.push(Problem::new(ProblemCode::NoEntries, message));
    }

    // Instants that are the same in every capture of the page. "5 minutes ago" is not: it was counted back from this one.
    let instants: Vec<Option<DateTime<Utc>>> = timeline
        .settled
        .iter()
        .zip(&readings)
        .map(|(settled, reading)| {
            let counted = matches!(reading.printed, Some(Printed::Ago { .. }));
            (settled.stamp.origin != Origin::FirstSeen && !counted).then_some(settled.stamp.at)
        })
        .collect();
    let article = draft.coverage.state == CoverageState::Article;
    let url = draft.url.take().or_else(|| source.url.clone());
    let key = draft.key.take().or_else(|| url.as_ref().and_then(outlet.blog_key));
    let key = key.unwrap_or_else(|| blog_key_of(&instants, &draft.headline));
    let mut keys = entry_keys(&draft.entries, &instants, timeline.order, article);
    let (slug, name) = draft.publisher.take().unwrap_or_else(|| (outlet.slug.into(), outlet.name.into()));
    let entries = draft.entries.into_iter().zip(timeline.settled).map(|(entry, settled)| {
        let key_of_entry = keys.next().unwrap_or_default();
        let id = entry_id(&slug, &key, &key_of_entry);
        entry_of(entry, settled, id, key_of_entry, &context)
    });
    let entries: Vec<Entry> = entries.collect();
    Ok(LiveBlog {
        head: Head {
            id: blog_id(&slug, &key),
            outlet: slug,
            outlet_name: name,
            key,
            url: url.map(Into::into),
            headline: draft.headline,
            standfirst: draft.standfirst,
            language: draft.language.or(Some(outlet.language.into()).filter(|language: &String| !language.is_empty())),
            coverage: draft.coverage,
        },
        problems: draft.problems,
        older: draft.older,
        window: draft.window,
        withdrawn: draft.withdrawn,
        entries,
    })
}

/// What a reader sees on one line, whichever way an adapter came by it: nothing in it that is not for reading, and none that
/// is nothing else.
fn line(text: String) -> Option<String> {
    Some(fold(&text)).filter(|line| !line.is_empty())
}

/// Of a page that stops in the middle, what stands last may be half an entry: half a text is no edit of the whole.
fn leave_out_the_cut(draft: &mut Draft) {
    draft.entries.pop();
    let message = "the page stops in the middle: the entry that stands last is left out";
    draft.problems.push(Problem::new(ProblemCode::Damaged, message));
}

/// Keeps the first of entries that carry one id.
fn drop_repeats(draft: &mut Draft) {
    let mut seen = HashSet::new();
    let mut repeated = Vec::new();
    draft.entries.retain(|entry| match &entry.native {
        Some(native) if !seen.insert(native.clone()) => {
            repeated.push(native.clone());
            false
        }
        _ => true,
    });
    for native in repeated.iter().take(MOST_TOLD) {
        let message = format!("the id `{native}` stands on the page more than once: the first entry is kept");
        draft.problems.push(Problem::new(ProblemCode::DuplicateId, message));
    }
    if let Some(more) = repeated.len().checked_sub(MOST_TOLD).filter(|more| *more > 0) {
        let message = format!("{more} more entries carry an id that stands on the page before: they are left out too");
        draft.problems.push(Problem::new(ProblemCode::DuplicateId, message));
    }
}

/// Bytes of an entry's address, at most: more than any link of a page comes to, whose signs are written as three bytes each. What an
/// adapter makes of an endless id leads nowhere.
const LONGEST_ADDRESS: usize = 16 * 1024;

/// Repeated ids that are told one by one.
const MOST_TOLD: usize = 20;

fn entry_of(entry: DraftEntry, settled: Settled, id: uuid::Uuid, key: String, context: &Context) -> Entry {
    let mut problems = entry.problems;
    problems.extend(settled.problems);
    let published = settled.stamp;
    let updated = entry.updated.and_then(|reading| updated(reading, &published, context));
    Entry {
        id,
        key,
        permalink: entry.permalink.filter(|address| address.len() <= LONGEST_ADDRESS),
        headline: entry.headline,
        byline: entry.byline,
        published,
        updated,
        body_html: entry.body.html,
        body_text: entry.body.text,
        images: entry.body.images,
        marks: entry.marks,
        problems,
    }
}

/// A change is one only after the publication: outlets print the time of drafting and that of publishing as "updated" too.
fn updated(reading: Reading, published: &Stamp, context: &Context) -> Option<Stamp> {
    let settled = settle(&[reading], context).settled.pop()?;
    let readable = settled.stamp.origin != Origin::FirstSeen && settled.problems.is_empty();
    (readable && settled.stamp.at > published.at).then_some(settled.stamp)
}

/// Key of a live blog whose address is not known: its oldest entry's instant, which neither an edit nor a newer entry
/// changes; of a page without any time, its headline.
fn blog_key_of(instants: &[Option<DateTime<Utc>>], headline: &str) -> String {
    match instants.iter().flatten().min() {
        Some(oldest) => format!("since-{}", minute(*oldest)),
        None => format!("headline-{}", hash(headline)),
    }
}

/// Keys of the entries, in page order: the outlet's own, or else the published instant and the rank among the entries of
/// that instant counted from the oldest. The instant is cut to the minute, which is what outlets print: the same entry
/// with and without its seconds has one key.
fn entry_keys(
    entries: &[DraftEntry],
    instants: &[Option<DateTime<Utc>>],
    order: Order,
    article: bool,
) -> std::vec::IntoIter<String> {
    if article && entries.len() == 1 {
        return vec![entries[0].native.clone().unwrap_or_else(|| "article".into())].into_iter();
    }
    let mut ranks: HashMap<String, usize> = HashMap::new();
    let natives: HashSet<&str> = entries.iter().filter_map(|entry| entry.native.as_deref()).collect();
    let mut keys = vec![String::new(); entries.len()];
    let from_the_oldest: Box<dyn Iterator<Item = usize>> = match order {
        Order::NewestFirst => Box::new((0..entries.len()).rev()),
        Order::OldestFirst => Box::new(0..entries.len()),
    };
    for index in from_the_oldest {
        keys[index] = match &entries[index].native {
            Some(native) => native.clone(),
            None => {
                let when = instants[index].map_or_else(|| "untimed".into(), minute);
                let rank = ranks.entry(when.clone()).or_default();
                // An outlet's own id may look like one of ours.
                loop {
                    *rank += 1;
                    let key = format!("{when}.{}", *rank - 1);
                    if !natives.contains(key.as_str()) {
                        break key;
                    }
                }
            }
        };
    }
    keys.into_iter()
}

fn minute(at: DateTime<Utc>) -> String {
    at.with_second(0).unwrap_or(at).format("%Y-%m-%dT%H:%MZ").to_string()
}

fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
