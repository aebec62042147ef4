//! An outlet read by CSS selectors alone: what an `[[outlet]]` table of a config says, and how a page is read with it.

mod matched;

pub use matched::Matched;

use super::{Draft, DraftEntry, Form, MOST_READ, Outlet, Refusal, Source, Split, claims_nothing, names};
use crate::css;
use crate::html::{self, Css, ElementRef, Html, NodeId, body_of, fold, text_of};
use crate::model::{Mark, Origin, Problem, ProblemCode};
use crate::time::{self, Format, Order, Printed, Reading};
use chrono::NaiveDate;
use chrono_tz::Tz;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use url::Url;

/// Authors of one entry at most.
const MOST_NAMES: usize = 50;

/// An outlet that a config describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configured {
    /// Its name in paths: `[a-z0-9-]+`. Every id hangs on it.
    pub slug: String,
    /// Its name as readers know it.
    pub name: String,
    /// The hosts it publishes on, in lower case.
    pub hosts: Vec<String>,
    /// The zone whose wall clock it prints.
    pub zone: Tz,
    /// BCP 47 tag of its pages, where a page does not tell; may be empty.
    pub language: String,
    /// Where what stands on its pages.
    pub selectors: Selectors,
}

/// Where on a page an entry and its parts stand. What is inside an entry is looked for inside that entry only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selectors {
    /// The element that holds one entry and nothing else.
    pub entry: Css,
    /// Its time.
    pub published: Field,
    /// The time of its last change.
    pub updated: Option<Field>,
    /// How both are printed, where it is in none of the ways we know.
    pub format: Option<Format>,
    /// Its headline.
    pub headline: Option<Css>,
    /// Its authors, in one element or in several.
    pub byline: Option<Field>,
    /// Its text, in one element or in several; none for the whole entry without its other parts.
    pub body: Option<Css>,
    /// What is no part of its text, wherever in it that stands.
    pub skip: Option<Css>,
    /// Its own id; none to take what the entry's `id` attribute or its permalink tells.
    pub id: Option<Field>,
    /// Its own address.
    pub permalink: Option<Field>,
    /// What only key events have, or are.
    pub key_event: Option<Css>,
    /// The paragraph under the headline of the page.
    pub standfirst: Option<Field>,
    /// The day on which the page was opened, for entries that print a clock and no date.
    pub opened: Option<Field>,
}

/// What is read of an element: its text, or an attribute of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Which element; none for the entry itself.
    element: Option<Css>,
    attribute: Option<String>,
}

impl Field {
    /// `time`, `time@datetime`, or `@data-time` for the entry's own attribute.
    pub fn parse(text: &str) -> Result<Self, String> {
        // An at sign elsewhere stands in a string (`a[href*="@"]`), whose end is no part of a name.
        let is_name = |name: &str| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':'))
        };
        if text.trim().ends_with('@') {
            return Err(format!("`{}` names no attribute behind the @", text.escape_debug()));
        }
        let (element, attribute) = match text.trim().rsplit_once('@').filter(|(_, name)| is_name(name.trim())) {
            Some((element, name)) => (element.trim(), Some(name.trim().to_ascii_lowercase())),
            None => (text.trim(), None),
        };
        let element = match element {
            "" if attribute.is_some() => None,
            element => Some(Css::parse(element)?),
        };
        Ok(Field { element, attribute })
    }

    /// The same, of this attribute where none is named.
    pub fn or_attribute(mut self, name: &str) -> Self {
        self.attribute.get_or_insert_with(|| name.to_owned());
        self
    }

    fn elements<'a>(&self, within: ElementRef<'a>) -> Vec<ElementRef<'a>> {
        match &self.element {
            Some(element) => element.outermost(within),
            None => vec![within],
        }
    }

    fn of(&self, element: ElementRef) -> Option<String> {
        let value = match &self.attribute {
            Some(name) => fold(element.attr(name)?),
            None => text_of(element),
        };
        Some(value).filter(|value| !value.is_empty())
    }

    /// The first value that is not empty, and the element it was read of.
    fn first<'a>(&self, within: ElementRef<'a>) -> Option<(ElementRef<'a>, String)> {
        self.elements(within).into_iter().find_map(|element| Some((element, self.of(element)?)))
    }
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(element) = &self.element {
            write!(f, "{element}")?;
        }
        self.attribute.iter().try_for_each(|name| write!(f, "@{name}"))
    }
}

impl Configured {
    /// Takes the outlet into use, for as long as the program runs. One that has been taken into use before is the same one,
    /// so that a config may be read time and again: what is never given back is one outlet for each that was ever written.
    pub fn outlet(&self) -> &'static Outlet {
        static TAKEN: Mutex<Vec<(Configured, &'static Outlet)>> = Mutex::new(Vec::new());
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, outlet)) = taken.iter().find(|(known, _)| known == self) {
            return outlet;
        }
        let outlet = self.leaked();
        taken.push((self.clone(), outlet));
        outlet
    }

    fn leaked(&self) -> &'static Outlet {
        let leak = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
        Box::leak(Box::new(Outlet {
            slug: leak(&self.slug),
            name: leak(&self.name),
            hosts: Box::leak(self.hosts.iter().map(|host| leak(host)).collect()),
            zone: self.zone,
            language: leak(&self.language),
            usual: Order::NewestFirst,
            blog_key,
            claims_text: claims_nothing,
            claims_json: claims_nothing,
            split: Box::leak(Box::new(self.selectors.clone())),
        }))
    }
}

impl Split for Selectors {
    fn split(&self, source: &Source) -> Result<Draft, Refusal> {
        split(self, source)
    }

    fn selectors(&self) -> Option<&Selectors> {
        Some(self)
    }
}

/// The path: an outlet's own number in it is not known from one that is a date.
fn blog_key(url: &Url) -> Option<String> {
    Some(url.path().trim_matches('/').to_owned()).filter(|path| !path.is_empty())
}

fn split(selectors: &Selectors, source: &Source) -> Result<Draft, Refusal> {
    let Form::Html(page) = source.form else { return Err(source.no_such_form()) };
    let root = page.root_element();
    let shown = html::first(page, css!("h1")).map(text_of).filter(|headline| !headline.is_empty());
    let standfirst = match &selectors.standfirst {
        Some(field) => field.first(root).map(|(_, text)| text),
        None => html::meta(page, "og:description").map(fold),
    };
    let mut draft = Draft {
        headline: shown.or_else(|| html::meta(page, "og:title").map(fold)).unwrap_or_default(),
        standfirst,
        language: html::language(page),
        opened: selectors.opened.as_ref().and_then(|field| opened(field, selectors, page, source.outlet.zone)),
        ..Draft::default()
    };
    let elements = selectors.entry.outermost(root);
    if elements.is_empty() {
        let message = format!("nothing on the page matches entry = `{}`", selectors.entry);
        draft.problems.push(Problem::new(ProblemCode::NoEntries, message));
    }
    draft.entries = elements.into_iter().take(MOST_READ).map(|element| entry(selectors, element, source)).collect();
    // An id that was not named but found is none if most entries share it: a permalink to the page itself, say. A repeat or
    // two are an entry pinned on top.
    let ids: HashSet<&str> = draft.entries.iter().filter_map(|entry| entry.native.as_deref()).collect();
    if selectors.id.is_none() && ids.len() * 2 < draft.entries.len() {
        draft.entries.iter_mut().for_each(|entry| entry.native = None);
    }
    if !draft.entries.is_empty() && draft.entries.iter().all(|entry| entry.published.text.is_empty()) {
        let message =
            format!("published = `{}` matches in none of the {} entries", selectors.published, draft.entries.len());
        draft.problems.push(Problem::new(ProblemCode::NoTime, message));
    }
    Ok(draft)
}

fn entry(selectors: &Selectors, element: ElementRef, source: &Source) -> DraftEntry {
    let published = selectors.published.first(element);
    let updated = selectors.updated.as_ref().and_then(|field| field.first(element));
    let reading = |field: &Field, value: &str| reading(field, selectors, value);
    let mut entry =
        DraftEntry::at(published.as_ref().map_or_else(Reading::none, |(_, value)| reading(&selectors.published, value)));
    entry.updated = selectors.updated.as_ref().zip(updated.as_ref()).map(|(field, (_, value))| reading(field, value));

    let heading = selectors.headline.as_ref().and_then(|headline| headline.first(element));
    entry.headline = heading.map(text_of).filter(|headline| !headline.is_empty());
    let bylines = selectors.byline.as_ref().map(|field| field.elements(element)).unwrap_or_default();
    for name in bylines.iter().filter_map(|byline| selectors.byline.as_ref()?.of(*byline)).flat_map(|text| names(&text)) {
        if entry.byline.len() < MOST_NAMES && !entry.byline.contains(&name) {
            entry.byline.push(name);
        }
    }

    let body = selectors.body.as_ref().map(|body| body.outermost(element));
    let skip = selectors.skip.as_ref().map(|skip| skip.outermost(element)).unwrap_or_default();
    let parts = published.iter().chain(&updated).map(|(part, _)| *part).chain(bylines);
    let skipped: Vec<NodeId> = parts
        // An attribute may stand on the entry itself, or on what holds its text.
        .filter(|part| part.id() != element.id() && body.is_none())
        .chain(heading)
        .chain(skip)
        .map(|part| part.id())
        .collect();
    entry.body = match &body {
        Some(body) => body_of(body.iter().map(|part| **part), &skipped, &source.links),
        None => body_of(element.children(), &skipped, &source.links),
    };

    let permalink = selectors.permalink.as_ref().and_then(|field| source.links.link(&field.first(element)?.1));
    // An anchor that counts leads to another entry tomorrow.
    let anchor = element.attr("id").map(str::trim).filter(|id| !id.is_empty() && (selectors.id.is_some() || !counts(id)));
    entry.native = match &selectors.id {
        Some(field) => field.first(element).map(|(_, id)| id),
        None => permalink.as_deref().and_then(told_by).or_else(|| anchor.map(str::to_owned)),
    };
    entry.permalink = permalink.or_else(|| source.links.link(&format!("#{}", anchor?)));
    if selectors.key_event.as_ref().is_some_and(|key_event| key_event.in_or_on(element)) {
        entry.marks.push(Mark::KeyEvent);
    }
    entry
}

fn reading(field: &Field, selectors: &Selectors, value: &str) -> Reading {
    let origin = if field.attribute.is_some() { Origin::Attribute } else { Origin::Text };
    let printed = match &selectors.format {
        Some(format) => format.parse(value),
        None => time::parse(value).or_else(|| time::epoch(value).filter(|_| value.len() >= 9)),
    };
    Reading { printed, ..Reading::of(value, origin) }
}

/// A page tells the day it was opened in a time of its own, which may be printed otherwise than its entries' are.
fn opened(field: &Field, selectors: &Selectors, page: &Html, zone: Tz) -> Option<NaiveDate> {
    let (_, value) = field.first(page.root_element())?;
    match time::parse(&value).or_else(|| reading(field, selectors, &value).printed)? {
        Printed::Instant { at, .. } => Some(at.with_timezone(&zone).date_naive()),
        Printed::Wall { wall, .. } => Some(wall.date()),
        Printed::Day(day) => Some(day),
        Printed::Clock { .. } | Printed::Ago { .. } => None,
    }
}

/// The id in an entry's address: its fragment, or else its query. A path holds words, which an outlet changes.
fn told_by(permalink: &str) -> Option<String> {
    let url = Url::parse(permalink).ok()?;
    let told = url.fragment().or(url.query())?;
    (!told.is_empty() && told.len() <= 200 && !counts(told)).then(|| told.to_owned())
}

/// Whether an id only counts the entries (`post1`, `entry-12`): with each new one they are counted anew.
fn counts(id: &str) -> bool {
    let name = id.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = id.len() - name.len();
    (1..=4).contains(&digits) && !name.contains(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_an_element_an_attribute_or_both() {
        for (text, element, attribute) in [
            ("time", Some("time"), None),
            ("time@datetime", Some("time"), Some("datetime")),
            (" time @ DateTime ", Some("time"), Some("datetime")),
            ("@data-id", None, Some("data-id")),
            (r#"a[href*="x@y"]"#, Some(r#"a[href*="x@y"]"#), None),
            (r#"a[href*="@"]@href"#, Some(r#"a[href*="@"]"#), Some("href")),
        ] {
            let field = Field::parse(text).unwrap();
            assert_eq!(field.element.map(|css| css.to_string()).as_deref(), element, "{text}");
            assert_eq!(field.attribute.as_deref(), attribute, "{text}");
        }
        for text in ["", "@", "time@", "time@a b", "p:has(b)@id"] {
            assert!(Field::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ids_that_count_are_not_used() {
        for id in ["post1", "entry-12", "7", "liveblog-0344"] {
            assert!(counts(id), "{id}");
        }
        for id in ["post-1288914", "block-646219928f08e408b758af95", "lead", "2023-08-14-3", "breaking"] {
            assert!(!counts(id), "{id}");
        }
        let told = |address: &str| told_by(&format!("https://news.example{address}"));
        assert_eq!(told("/live?page=2#post-81234").as_deref(), Some("post-81234"));
        assert_eq!(told("/live?update=81234").as_deref(), Some("update=81234"));
        assert_eq!((told("/live/some-words-81234"), told("/live#post3"), told("/#")), (None, None, None));
    }
}
