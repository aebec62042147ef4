//! The BBC.
//!
//! Known from a page of its 2020 engine: twenty entries to a page, five pages, `rel=next` leading to older ones. The markup
//! shows bare clocks in UTC (15:05 in May is 15:05Z), JSON-LD has every time with its seconds. `coverageStartTime` and
//! `coverageEndTime` are both the midnight of the day, and JSON-LD breaks lines inside sentences.

use crate::css;
use crate::html::{self, ElementRef, Html, Nested, NodeId, body_of, fold, text_of};
use crate::model::{CoverageState, Mark, Origin};
use crate::outlet::{self, Draft, DraftEntry, Form, MOST_READ, Outlet, Refusal, Source, claims_nothing};
use crate::schema_org::{self, Posting, Update};
use crate::time::{Order, Printed, Reading};
use chrono::NaiveDate;
use url::Url;

pub(super) static OUTLET: Outlet = Outlet {
    slug: "bbc",
    name: "BBC News",
    hosts: &["bbc.co.uk", "bbc.com"],
    zone: chrono_tz::Europe::London,
    language: "en-GB",
    usual: Order::NewestFirst,
    blog_key,
    claims_text: claims_nothing,
    claims_json: claims_nothing,
    split: &split,
};

/// `/news/live/world-52627824`, also `…/page/2`; `/news/live/c7gk1vjglxn1t` since.
fn blog_key(url: &Url) -> Option<String> {
    let segments: Vec<&str> = url.path_segments()?.filter(|segment| !segment.is_empty()).collect();
    let live = segments.iter().position(|segment| *segment == "live")?;
    let end = segments.iter().position(|segment| *segment == "page").unwrap_or(segments.len());
    let name = segments.get(live + 1..end)?.last()?;
    let number = name.rsplit('-').next().unwrap_or(name);
    let id = number.len() >= 6
        && number.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && number.contains(|c: char| c.is_ascii_digit());
    id.then(|| number.to_owned())
}

fn split(source: &Source) -> Result<Draft, Refusal> {
    let Form::Html(page) = source.form else { return Err(source.no_such_form()) };
    let nodes = schema_org::nodes(page);
    let posting = schema_org::live_blog(page, &nodes);
    let posts: Vec<(&str, ElementRef)> = page
        .select(css!(r#"article.lx-stream-post[id^="post_"]"#))
        .filter_map(|post| Some((post.attr("id")?, post)))
        .collect();
    match posting {
        Some(posting) if posts.is_empty() => Ok(outlet::live_blog(page, posting, source)),
        None if posts.is_empty() => {
            let message = "it has neither a stream of posts nor a live blog in its JSON-LD";
            Err(Refusal::NotALiveBlog(message.into()))
        }
        posting => Ok(stream(page, posting.unwrap_or_default(), posts, source)),
    }
}

fn stream<'a>(page: &'a Html, posting: Posting<'a>, posts: Vec<(&'a str, ElementRef<'a>)>, source: &Source) -> Draft {
    let headline = html::first(page, css!("#lx-event-title, h1")).map(text_of).filter(|headline| !headline.is_empty());
    let mut draft = Draft {
        headline: headline.or(posting.headline).unwrap_or_default(),
        standfirst: posting.standfirst.or_else(|| html::meta(page, "og:description").map(fold)),
        language: html::language(page),
        zone: Some(chrono_tz::UTC),
        opened: posting.times.first().and_then(day),
        older: html::first(page, css!("a[rel~=next][href], link[rel~=next][href]"))
            .and_then(|next| source.links.link(next.attr("href")?)),
        ..Draft::default()
    };
    if html::first(page, css!(".lx-c-event-header .gs-c-live-pulse")).is_some() {
        draft.coverage.state = CoverageState::Live;
    }
    let nested = Nested::of(posts.iter().map(|(_, post)| *post));
    let joined = schema_org::join(posting.updates, posts);
    draft.entries = joined.into_iter().take(MOST_READ).map(|(update, post)| entry(update, post, &nested, source)).collect();
    draft
}

fn entry(update: Option<Update>, post: Option<ElementRef>, nested: &Nested, source: &Source) -> DraftEntry {
    let anchor = update.as_ref().and_then(|update| update.anchor.clone()).or_else(|| post?.attr("id").map(str::to_owned));
    let mut entry = DraftEntry::at(Reading::none());
    if let Some(update) = &update {
        entry.published = update.published.clone();
        entry.updated = update.modified.clone();
        entry.headline = update.headline.clone();
        entry.byline = update.byline.clone();
    }
    match post {
        Some(post) => read_post(&mut entry, post, nested.within(post), source),
        // What would cost too much to read is left out.
        None => entry.body = update.and_then(|update| update.body(&source.links).ok()).unwrap_or_default(),
    }
    entry.permalink = anchor.as_ref().and_then(|anchor| source.links.link(&format!("#{anchor}")));
    entry.native = anchor.map(|anchor| anchor.strip_prefix("post_").unwrap_or(&anchor).to_owned());
    entry
}

fn read_post(entry: &mut DraftEntry, post: ElementRef, nested: &[NodeId], source: &Source) {
    if entry.published.printed.is_none()
        && let Some(clock) = post.select(css!("time span[aria-hidden]")).next()
    {
        entry.published = Reading::of(&text_of(clock), Origin::Text);
    }
    let of = |part: Option<ElementRef>| part.map(text_of).filter(|text| !text.is_empty());
    entry.headline = of(post.select(css!(".lx-stream-post__header-text")).next()).or(entry.headline.take());
    if let Some(name) = of(post.select(css!(".lx-stream-post__contributor-name")).next()) {
        entry.byline = outlet::names(&name);
    }
    if post.value().classes().any(|class| class == "lx-stream-post--breaking") {
        entry.marks.push(Mark::Breaking);
    }
    // Players and posts are bodies inside the body.
    let body = post.select(css!(".lx-stream-post-body")).next();
    entry.body = body_of(body.map(|body| *body), nested, &source.links);
}

fn day(reading: &Reading) -> Option<NaiveDate> {
    match reading.printed {
        Some(Printed::Instant { at, .. }) => Some(at.date_naive()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        for (url, expected) in [
            ("https://www.bbc.co.uk/news/live/world-52627824", Some("52627824")),
            ("https://www.bbc.co.uk/news/live/world-52627824/page/2", Some("52627824")),
            ("https://www.bbc.com/news/live/c7gk1vjglxn1t", Some("c7gk1vjglxn1t")),
            ("https://www.bbc.com/sport/live/football/66300545?post=asset%3A1", Some("66300545")),
            ("https://www.bbc.com/sport/live/football", None),
            ("https://www.bbc.co.uk/news/live", None),
            ("https://www.bbc.co.uk/news/world-52627824", None),
        ] {
            assert_eq!(blog_key(&Url::parse(url).unwrap()).as_deref(), expected, "{url}");
        }
    }
}
