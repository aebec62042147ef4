//! The Telegraph, as of 2014.
//!
//! An entry is a paragraph that begins with a clock, `17.00`, and nothing on the page says of which day: its own date is
//! that of its last change, and in it is more than one night. Only a capture made on the day of that change dates the
//! clocks; fetched later they would be read as of the day they were fetched, so such a page is refused.

use crate::css;
use crate::html::{self, ElementRef, Html, NodeId, NodeRef, body_of, fold, text_of};
use crate::model::Origin;
use crate::outlet::{self, Draft, DraftEntry, Form, Outlet, Refusal, Source, claims_nothing};
use crate::schema_org;
use crate::time::{Order, Printed, Reading};
use chrono::NaiveDate;
use std::collections::HashMap;
use url::Url;

pub(super) static OUTLET: Outlet = Outlet {
    slug: "telegraph",
    name: "The Telegraph",
    hosts: &["telegraph.co.uk"],
    zone: chrono_tz::Europe::London,
    language: "en",
    usual: Order::NewestFirst,
    blog_key,
    claims_text: claims_nothing,
    claims_json: claims_nothing,
    split: &split,
};

/// The number in `/news/worldnews/…/11315001/Slug.html`; later addresses have none.
fn blog_key(url: &Url) -> Option<String> {
    let number = url.path_segments()?.rev().nth(1)?;
    let path = url.path().trim_matches('/');
    let own = if number.len() >= 6 && number.bytes().all(|byte| byte.is_ascii_digit()) { number } else { path };
    Some(own.to_owned()).filter(|own| !own.is_empty())
}

fn split(source: &Source) -> Result<Draft, Refusal> {
    let Form::Html(page) = source.form else { return Err(source.no_such_form()) };
    let clocks: Vec<(ElementRef, Reading)> = page
        .select(css!("#mainBodyArea p > strong:first-child"))
        .filter_map(|strong| Some((strong, clock_of(strong)?)))
        .collect();
    let [(_, example), _, ..] = &clocks[..] else {
        if let Some(posting) = schema_org::live_blog(page, &schema_org::nodes(page)) {
            return Ok(outlet::live_blog(page, posting, source));
        }
        let message = "it has no paragraphs that begin with a clock (17.00), as the outlet's live pages of 2014 do";
        return Err(Refusal::NotALiveBlog(message.into()));
    };
    let captured = source.captured.exactly().map(|at| at.with_timezone(&OUTLET.zone).date_naive());
    if captured.is_none() || captured != last_changed(page) {
        return Err(Refusal::Undated { example: example.text.clone() });
    }
    Ok(Draft {
        headline: html::first(page, css!("h1")).map(text_of).unwrap_or_default(),
        standfirst: html::meta(page, "og:description").map(fold),
        language: html::language(page),
        entries: entries(page, clocks, source),
        ..Draft::default()
    })
}

/// The clock that a paragraph begins with, alone in its element or before a name (`06.25 Ann Lee`).
fn clock_of(strong: ElementRef) -> Option<Reading> {
    let begins = strong.prev_siblings().all(|before| before.value().as_text().is_some_and(|text| text.trim().is_empty()));
    let text = html::short_text_of(strong, 60).filter(|_| begins)?;
    let reading = Reading::of(text.split(' ').next()?, Origin::Text);
    matches!(reading.printed, Some(Printed::Clock { .. })).then_some(reading)
}

fn last_changed(page: &Html) -> Option<NaiveDate> {
    match Reading::of(html::meta(page, "last-modified")?, Origin::Meta).printed? {
        Printed::Day(day) => Some(day),
        _ => None,
    }
}

/// An entry runs from its clock to the next; the paragraphs lie in wrappers that mean nothing.
fn entries(page: &Html, clocks: Vec<(ElementRef, Reading)>, source: &Source) -> Vec<DraftEntry> {
    let paragraphs: Vec<NodeRef<_>> = page.select(css!("#mainBodyArea p")).map(|paragraph| *paragraph).collect();
    let places: HashMap<NodeId, usize> = paragraphs.iter().enumerate().map(|(place, p)| (p.id(), place)).collect();
    let place = |clock: &ElementRef| clock.parent().and_then(|paragraph| places.get(&paragraph.id()).copied());
    let starts: Vec<usize> = clocks.iter().filter_map(|(clock, _)| place(clock)).chain([paragraphs.len()]).collect();
    clocks
        .into_iter()
        .zip(starts.windows(2))
        .map(|((clock, reading), run)| {
            let alone = (text_of(clock) == reading.text).then_some(clock.id());
            let body = body_of(paragraphs[run[0]..run[1]].iter().copied(), alone.as_slice(), &source.links);
            DraftEntry { body, ..DraftEntry::at(reading) }
        })
        .collect()
}
