//! A `LiveBlogPosting` as microdata: `itemscope`, `itemtype` and `itemprop` in the page's own markup.

use super::live_blog::{Posting, Update, Words};
use crate::css;
use crate::html::{self, ElementRef, Html, fold, text_of};
use crate::model::Origin;
use crate::time::{Printed, Reading};

/// The first live blog among the page's items.
pub(super) fn live_blog(page: &Html) -> Option<Posting<'_>> {
    let item = html::first(page, css!(r#"[itemscope][itemtype$="schema.org/LiveBlogPosting"]"#))?;
    let mut posting = Posting::default();
    for (name, property) in properties(item) {
        match name {
            "headline" | "name" if posting.headline.is_none() => posting.headline = value(property),
            "description" if posting.standfirst.is_none() => posting.standfirst = value(property),
            "inLanguage" => posting.language = value(property),
            "publisher" if posting.publisher.is_none() => posting.publisher = self::name(property),
            "author" => posting.byline.extend(self::name(property)),
            "datePublished" | "dateModified" | "coverageEndTime" => posting.times.push(time(property)),
            "coverageStartTime" => {
                let reading = time(property);
                if let Some(Printed::Instant { at, .. }) = reading.printed {
                    posting.started = Some(at);
                }
                posting.times.push(reading);
            }
            "liveBlogUpdate" | "blogPost" => posting.updates.push(update(property)),
            _ => {}
        }
    }
    Some(posting)
}

fn update(item: ElementRef<'_>) -> Update<'_> {
    let mut update = Update {
        anchor: item.attr("id").map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned),
        url: None,
        headline: None,
        byline: Vec::new(),
        published: Reading::none(),
        modified: None,
        words: Words::None,
    };
    for (name, property) in properties(item) {
        match name {
            "headline" | "name" if update.headline.is_none() => update.headline = value(property),
            "datePublished" => update.published = time(property),
            "dateModified" => update.modified = Some(time(property)),
            "author" => update.byline.extend(self::name(property)),
            "articleBody" | "text" => update.words = Words::Element(property),
            "url" | "mainEntityOfPage" if update.url.is_none() => {
                update.url = ["href", "content", "itemid"].iter().find_map(|name| property.attr(name)).map(str::to_owned);
            }
            _ => {}
        }
    }
    if update.anchor.is_none() {
        let fragment = update.url.as_ref().and_then(|url| url.split_once('#'));
        update.anchor = fragment.map(|(_, id)| id.to_owned()).filter(|id| !id.is_empty());
    }
    update
}

/// The properties of an item: those of the items inside it are their own.
fn properties(item: ElementRef<'_>) -> Vec<(&str, ElementRef<'_>)> {
    let mut properties = Vec::new();
    let mut below: Vec<ElementRef> = item.child_elements().collect();
    below.reverse();
    while let Some(element) = below.pop() {
        // An element is some few properties at once; it would be read anew for each.
        let names = element.attr("itemprop").into_iter().flat_map(str::split_whitespace).take(4);
        properties.extend(names.map(|name| (name, element)));
        if element.attr("itemscope").is_none() {
            let children: Vec<ElementRef> = element.child_elements().collect();
            below.extend(children.into_iter().rev());
        }
    }
    properties
}

/// A property as one line of text.
fn value(property: ElementRef) -> Option<String> {
    let line = property.attr("content").map(fold).unwrap_or_else(|| text_of(property));
    Some(line).filter(|line| !line.is_empty())
}

/// The name of a person or an organisation: an item with one, or plain text.
fn name(property: ElementRef) -> Option<String> {
    if property.attr("itemscope").is_none() {
        return value(property);
    }
    properties(property).into_iter().find(|(name, _)| *name == "name").and_then(|(_, name)| value(name))
}

/// A time: what its attribute says before what it shows.
fn time(property: ElementRef) -> Reading {
    match property.attr("datetime").or_else(|| property.attr("content")) {
        Some(printed) => Reading::of(printed, Origin::Attribute),
        None => Reading::of(&text_of(property), Origin::Text),
    }
}
