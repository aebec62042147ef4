//! A `LiveBlogPosting` with its `liveBlogUpdate`s, whichever way the page spells them.

use super::{has_type, microdata, words};
use crate::html::{Body, ElementRef, Hostile, Html, Links};
use crate::model::Origin;
use crate::time::{self, Printed, Reading};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// Updates read from one page at most: one more than a live blog may hold, so that a longer one is noticed.
const MOST: usize = 5001;

/// A live blog as schema.org data tells it.
#[derive(Debug, Default)]
pub struct Posting<'a> {
    /// The headline of the page.
    pub headline: Option<String>,
    /// Its description.
    pub standfirst: Option<String>,
    /// The language it declares.
    pub language: Option<String>,
    /// The name of its publisher.
    pub publisher: Option<String>,
    /// The authors of the page.
    pub byline: Vec<String>,
    /// When its coverage started.
    pub started: Option<DateTime<Utc>>,
    /// The times of the page as a whole, its publication first.
    pub times: Vec<Reading>,
    /// Its updates, in its own order.
    pub updates: Vec<Update<'a>>,
}

/// One update of a [`Posting`].
#[derive(Debug)]
pub struct Update<'a> {
    /// What it calls itself: the fragment of its address, or an id of another kind. Not yet known to be one that stays.
    pub anchor: Option<String>,
    /// Its address, as given.
    pub url: Option<String>,
    /// Its headline.
    pub headline: Option<String>,
    /// Its authors.
    pub byline: Vec<String>,
    /// When it was published.
    pub published: Reading,
    /// When it was changed.
    pub modified: Option<Reading>,
    pub(super) words: Words<'a>,
}

/// Where the body of an update is.
#[derive(Debug)]
pub(super) enum Words<'a> {
    Text(Cow<'a, str>),
    Element(ElementRef<'a>),
    None,
}

impl Update<'_> {
    /// Its cleaned body.
    pub fn body(&self, links: &Links) -> Result<Body, Hostile> {
        match &self.words {
            Words::Text(text) => words::body(text, links),
            Words::Element(element) => Ok(crate::html::body_of(element.children(), &[], links)),
            Words::None => Ok(Body::default()),
        }
    }
}

/// The live blog of a page: from its JSON-LD, or else from its microdata.
pub fn live_blog<'a>(page: &'a Html, nodes: &'a [Value]) -> Option<Posting<'a>> {
    let json = in_json(nodes);
    match json {
        Some(posting) if !posting.updates.is_empty() => Some(posting),
        empty => microdata::live_blog(page).or(empty),
    }
}

/// Of several (a page and its AMP twin, say) the one that holds most.
fn in_json(nodes: &[Value]) -> Option<Posting<'_>> {
    let postings =
        nodes.iter().flat_map(|node| [node, &node["mainEntity"]]).filter(|node| has_type(node, "LiveBlogPosting"));
    // Of equals the first: `max_by_key` would take the last.
    let posting = postings.rev().max_by_key(|node| updates_of(node).count())?;
    let graph = Graph { nodes: nodes.iter().filter_map(|node| Some((node["@id"].as_str()?, node))).collect() };
    let mut posting = graph.posting(posting);
    drop_repeats(&mut posting.updates);
    Some(posting)
}

/// `liveBlogUpdate` may be a list, a single object, or an `ItemList`; some outlets have `blogPosts` beside it.
fn updates_of(posting: &Value) -> impl Iterator<Item = &Value> {
    ["liveBlogUpdate", "liveBlogUpdates", "blogPosts", "blogPost"]
        .into_iter()
        .flat_map(|property| listed(&posting[property]))
}

fn listed(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(values) => Box::new(values.iter().flat_map(listed)),
        Value::Object(object) => match (object.get("itemListElement"), object.get("item")) {
            (Some(list), _) => listed(list),
            (None, Some(item @ Value::Object(_))) => Box::new(std::iter::once(item)),
            _ => Box::new(std::iter::once(value)),
        },
        _ => Box::new(std::iter::empty()),
    }
}

/// An update told twice (in both lists of a page) is one. Two of one minute that have neither id nor headline are told apart by
/// their words.
fn drop_repeats(updates: &mut Vec<Update>) {
    let mut seen = HashSet::new();
    updates.retain(|update| {
        let words = match (&update.anchor, &update.words) {
            (None, Words::Text(words)) => Some(words.clone()),
            _ => None,
        };
        seen.insert((update.anchor.clone(), update.published.text.clone(), update.headline.clone(), words))
    });
}

/// The page's objects by their `@id`, by which they name each other.
struct Graph<'a> {
    nodes: HashMap<&'a str, &'a Value>,
}

impl<'a> Graph<'a> {
    /// What a mere `{"@id": …}` names.
    fn meant(&self, value: &'a Value) -> &'a Value {
        match value.as_object() {
            Some(object) if !object.keys().any(|key| !key.starts_with('@')) => {
                value["@id"].as_str().and_then(|id| self.nodes.get(id)).copied().unwrap_or(value)
            }
            _ => value,
        }
    }

    fn names(&self, author: &'a Value) -> Vec<String> {
        match author {
            Value::Array(authors) => {
                let authors = authors.iter().take(super::MOST_NAMES);
                authors.flat_map(|author| self.names(author)).take(super::MOST_NAMES).collect()
            }
            // A name that is an object again names nobody by id: two could name each other.
            Value::Object(_) => super::names(&self.meant(author)["name"]),
            name => super::names(name),
        }
    }

    fn posting(&self, node: &'a Value) -> Posting<'a> {
        let reading = |property: &str| reading(&node[property]);
        let times: Vec<Reading> = ["datePublished", "dateModified", "coverageStartTime", "coverageEndTime"]
            .into_iter()
            .filter_map(reading)
            .collect();
        // Some outlets give the page's day as both ends of the coverage.
        let started =
            instant(&node["coverageStartTime"]).filter(|started| instant(&node["coverageEndTime"]) != Some(*started));
        // A reference takes a few bytes and what it names may take many: each is read once.
        let mut seen = HashSet::new();
        let updates =
            updates_of(node).map(|update| self.meant(update)).filter(|update| seen.insert(std::ptr::from_ref(*update)));
        Posting {
            headline: words::line(&node["headline"]).or_else(|| words::line(&node["name"])),
            standfirst: words::line(&node["description"]),
            language: node["inLanguage"].as_str().or(node["inLanguage"]["alternateName"].as_str()).map(str::to_owned),
            publisher: self.names(&node["publisher"]).into_iter().next(),
            byline: self.names(&node["author"]),
            started,
            times,
            updates: updates.map(|update| self.update(update)).take(MOST).collect(),
        }
    }

    fn update(&self, node: &'a Value) -> Update<'a> {
        let url = node["url"].as_str().or_else(|| node["@id"].as_str().filter(|id| id.starts_with("http")));
        let words = ["articleBody", "text", "description"].iter().find_map(|property| words::text(&node[*property]));
        Update {
            anchor: anchor(node),
            url: url.map(|url| url.trim().to_owned()),
            headline: words::line(&node["headline"]).or_else(|| words::line(&node["name"])),
            byline: self.names(&node["author"]),
            published: reading(&node["datePublished"])
                .or_else(|| reading(&node["dateCreated"]))
                .unwrap_or_else(Reading::none),
            modified: reading(&node["dateModified"]),
            words: words.map_or(Words::None, Words::Text),
        }
    }
}

/// The id of an update: the fragment of its address, or of its `@id`, or an id that is no address.
fn anchor(node: &Value) -> Option<String> {
    let fragment =
        |property: &str| node[property].as_str().and_then(|url| url.split_once('#')).map(|(_, fragment)| fragment);
    let bare = || node["@id"].as_str().filter(|id| !id.contains([':', '/', '#']));
    let named = || ["identifier", "postId"].iter().find_map(|property| node[*property].as_str());
    let numbered = || ["identifier", "postId"].iter().find_map(|property| node[*property].as_u64()).map(|id| id.to_string());
    let useful = |id: &&str| !id.trim().is_empty() && id.len() <= 200 && !id.starts_with(":~:");
    let told = fragment("url").filter(useful).or_else(|| fragment("@id").filter(useful)).or_else(|| bare().filter(useful));
    told.or_else(|| named().filter(useful)).map(|id| id.trim().to_owned()).or_else(numbered)
}

/// A time in JSON: a text, or seconds or milliseconds since 1970.
fn reading(value: &Value) -> Option<Reading> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(Reading::of(text, Origin::JsonLd)),
        Value::Number(number) => {
            let text = number.to_string();
            Some(Reading { printed: time::epoch(&text), ..Reading::of(&text, Origin::JsonLd) })
        }
        Value::Object(object) => object.get("@value").and_then(reading),
        _ => None,
    }
}

fn instant(value: &Value) -> Option<DateTime<Utc>> {
    match reading(value)?.printed? {
        Printed::Instant { at, .. } => Some(at),
        _ => None,
    }
}

/// Puts updates and the page's own posts together by their ids, in the order of the updates. A post that is in the page
/// alone stands where the page has it, among its neighbours.
pub fn join<'a>(
    updates: Vec<Update<'a>>,
    posts: Vec<(&'a str, ElementRef<'a>)>,
) -> Vec<(Option<Update<'a>>, Option<ElementRef<'a>>)> {
    let places: HashMap<String, usize> =
        updates.iter().enumerate().rev().filter_map(|(place, update)| Some((update.anchor.clone()?, place))).collect();
    let elements: HashMap<&str, ElementRef> = posts.iter().rev().map(|(id, post)| (*id, *post)).collect();
    let mut updates = updates.into_iter().map(|update| {
        let post = update.anchor.as_deref().and_then(|id| elements.get(id)).copied();
        (Some(update), post)
    });
    let mut joined = Vec::new();
    let mut next = 0;
    for (id, post) in posts {
        match places.get(id) {
            Some(place) => {
                joined.extend(updates.by_ref().take((place + 1).saturating_sub(next)));
                next = next.max(place + 1);
            }
            None => joined.push((None, Some(post))),
        }
    }
    joined.extend(updates);
    joined
}

#[cfg(test)]
#[path = "live_blog_tests.rs"]
mod tests;
