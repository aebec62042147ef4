//! What each selector of a config finds on a page: for the person who writes them.

use super::{Field, Selectors};
use crate::html::{Css, ElementRef, Html};
use serde::Serialize;

/// One selector and what it matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Matched {
    /// Its key in the `[[outlet]]` table.
    pub key: &'static str,
    /// The selector, as it is used.
    pub selector: String,
    /// How many elements it matched: on the page, or in all entries together.
    pub elements: usize,
    /// In how many of the entries; none for a selector that is looked for on the whole page.
    pub entries: Option<usize>,
}

impl Selectors {
    /// What each of them matches on a page.
    pub fn matched(&self, page: &Html) -> Vec<Matched> {
        let root = page.root_element();
        let entries = self.entry.outermost(root);
        let mut matched =
            vec![Matched { key: "entry", selector: self.entry.to_string(), elements: entries.len(), entries: None }];
        let mut within = |key, selector: String, count: &dyn Fn(ElementRef) -> usize| {
            let counts = entries.iter().map(|entry| count(*entry));
            let (elements, hits) = counts.fold((0, 0), |(all, hits), count| (all + count, hits + usize::from(count > 0)));
            matched.push(Matched { key, selector, elements, entries: Some(hits) });
        };
        let mut field = |key, field: Option<&Field>| {
            if let Some(field) = field {
                within(key, field.to_string(), &|entry| field.found(entry));
            }
        };
        field("published", Some(&self.published));
        field("updated", self.updated.as_ref());
        field("byline", self.byline.as_ref());
        field("id", self.id.as_ref());
        field("permalink", self.permalink.as_ref());
        let css = [("headline", &self.headline), ("body", &self.body), ("skip", &self.skip)];
        for (key, css) in css.into_iter().filter_map(|(key, css)| Some((key, css.as_ref()?))) {
            within(key, css.to_string(), &|entry| css.outermost(entry).len());
        }
        if let Some(css) = &self.key_event {
            within("key_event", css.to_string(), &|entry| usize::from(Css::in_or_on(css, entry)));
        }
        for (key, field) in [("standfirst", &self.standfirst), ("opened", &self.opened)] {
            if let Some(field) = field {
                matched.push(Matched { key, selector: field.to_string(), elements: field.found(root), entries: None });
            }
        }
        matched
    }
}

impl Field {
    /// How many elements it reads a value of.
    fn found(&self, within: ElementRef) -> usize {
        self.elements(within).into_iter().filter(|element| self.of(*element).is_some()).count()
    }
}
