//! La Repubblica.
//!
//! `datetime="2023-11-02T16:48Z"` on its posts is Rome's clock with a false `Z` (JSON-LD has 15:48:45Z; 79 of 79 posts of a
//! page of 2023-11-02 agree once that is mended). JSON-LD has the right times and neither ids nor links; so the posts are
//! the page's, and each takes its time from the update of the same minute. The list of key points repeats titles;
//! `coverageEndTime` lies in the future.

use crate::css;
use crate::html::{self, ElementRef, Html, Nested, NodeId, body_of, fold, text_of};
use crate::model::{CoverageState, Mark, Origin};
use crate::outlet::{self, Draft, DraftEntry, Form, MOST_READ, Outlet, Refusal, Source, claims_nothing};
use crate::schema_org::{self, Posting, Update};
use crate::time::{self, Order, Printed, Reading, Resolved};
use chrono::{DateTime, Utc};
use std::collections::{HashMap, HashSet, VecDeque};
use url::Url;

pub(super) static OUTLET: Outlet = Outlet {
    slug: "repubblica",
    name: "la Repubblica",
    hosts: &["repubblica.it"],
    zone: chrono_tz::Europe::Rome,
    language: "it",
    usual: Order::NewestFirst,
    blog_key,
    claims_text: claims_nothing,
    claims_json: claims_nothing,
    split: &split,
};

/// `/esteri/2023/11/02/diretta/israele_hamas_news_guerra_gaza_oggi-419364605/`
fn blog_key(url: &Url) -> Option<String> {
    let name = url.path_segments()?.rfind(|segment| !matches!(*segment, "" | "amp"))?;
    let number = name.rsplit('-').next()?;
    (number.len() >= 6 && number.bytes().all(|byte| byte.is_ascii_digit())).then(|| number.to_owned())
}

fn split(source: &Source) -> Result<Draft, Refusal> {
    let Form::Html(page) = source.form else { return Err(source.no_such_form()) };
    let nodes = schema_org::nodes(page);
    let posting = schema_org::live_blog(page, &nodes);
    let posts: Vec<ElementRef> = page.select(css!("section.liveblog__post")).collect();
    match posting {
        Some(posting) if posts.is_empty() => Ok(outlet::live_blog(page, posting, source)),
        None if posts.is_empty() => {
            let message = "it has neither posts (liveblog__post) nor a live blog in its JSON-LD";
            Err(Refusal::NotALiveBlog(message.into()))
        }
        posting => Ok(posts_of(page, posting.unwrap_or_default(), posts, source)),
    }
}

fn posts_of(page: &Html, posting: Posting, posts: Vec<ElementRef>, source: &Source) -> Draft {
    // JSON-LD cuts the headline, and the page's first `h1` is the section's.
    let headline = html::first(page, css!("h1.story__title")).map(text_of).filter(|headline| !headline.is_empty());
    let mut draft = Draft {
        headline: headline.or_else(|| html::meta(page, "og:title").map(fold)).or(posting.headline).unwrap_or_default(),
        standfirst: html::first(page, css!(".story__summary")).map(text_of).or(posting.standfirst),
        language: html::language(page),
        ..Draft::default()
    };
    if html::first(page, css!(".story__overtitle__live")).is_some() {
        draft.coverage.state = CoverageState::Live;
    }
    draft.coverage.started = posting.started;
    let key_points: HashSet<&str> = page
        .select(css!(".liveblog__index a[href]"))
        .filter_map(|link| link.attr("href")?.split_once('#').map(|(_, id)| id))
        .collect();
    let mut updates = by_minute(posting.updates);
    let nested = Nested::of(posts.iter().copied());
    for post in posts.into_iter().take(MOST_READ) {
        draft.entries.push(entry(post, nested.within(post), &mut updates, &key_points, source));
    }
    draft
}

/// Updates wait by their minute, in page order: posts of one minute meet them in the same order.
type Waiting<'a> = HashMap<i64, VecDeque<Update<'a>>>;

fn by_minute(updates: Vec<Update>) -> Waiting {
    let mut waiting = Waiting::new();
    for update in updates {
        if let Some(Printed::Instant { at, .. }) = update.published.printed {
            waiting.entry(minute(at)).or_default().push_back(update);
        }
    }
    waiting
}

fn minute(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(60)
}

fn entry(
    post: ElementRef,
    nested: &[NodeId],
    updates: &mut Waiting,
    key_points: &HashSet<&str>,
    source: &Source,
) -> DraftEntry {
    let shown = post.select(css!("time.liveblog__post__pubdate[datetime]")).next().and_then(|time| time.attr("datetime"));
    let reading = shown.map_or_else(Reading::none, shown_in_rome);
    let update = minutes(&reading).into_iter().find_map(|minute| updates.get_mut(&minute)?.pop_front());

    let mut entry = DraftEntry::at(reading);
    if let Some(update) = update {
        entry.published = update.published;
        entry.updated = update.modified;
        entry.byline = update.byline;
    }
    if let Some(content) = post.select(css!(".liveblog__post__content")).next() {
        let heading = content.select(css!("h2.liveblog__post__title")).next();
        entry.headline = heading.map(text_of).filter(|headline| !headline.is_empty());
        // An editor's reference that was not filled in: `[[(gele.Finegil.Image2014v1) …]]`.
        let unfilled = content.select(css!("a.fkeditorref"));
        let parts = heading.into_iter().chain(unfilled).map(|part| part.id());
        let skipped: Vec<_> = parts.chain(nested.iter().copied()).collect();
        entry.body = body_of(content.children(), &skipped, &source.links);
    }
    if let Some(id) = post.attr("id").filter(|id| !id.is_empty()) {
        entry.native = Some(id.to_owned());
        entry.permalink = source.links.link(&format!("#{id}"));
        if key_points.contains(id) {
            entry.marks.push(Mark::KeyEvent);
        }
    }
    entry
}

/// A post's time as what it is: a wall clock of Rome.
fn shown_in_rome(datetime: &str) -> Reading {
    let without_zone = time::parse(datetime.trim().trim_end_matches(['Z', 'z']));
    Reading { printed: without_zone, ..Reading::of(datetime, Origin::Attribute) }
}

/// The minutes that a wall clock stands for: two of them in the night in which it is put back.
fn minutes(reading: &Reading) -> Vec<i64> {
    let Some(Printed::Wall { wall, .. }) = reading.printed else { return Vec::new() };
    match time::resolve(wall, OUTLET.zone) {
        Resolved::Exact(at) => vec![minute(at)],
        Resolved::Fold { first, second } => vec![minute(second), minute(first)],
        Resolved::Gap { after } => vec![minute(after)],
    }
}
