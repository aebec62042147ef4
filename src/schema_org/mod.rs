//! What a page says of itself as schema.org data: in JSON-LD, or as microdata in its markup.

mod json;
mod live_blog;
mod microdata;
mod words;

pub use json::{JsonLd, json_ld, mentions};
pub use live_blog::{Posting, Update, join, live_blog};

use crate::css;
use crate::html::{Html, fold};
use serde_json::Value;

/// The objects in the page's JSON-LD blocks, with arrays and `@graph` laid open.
pub fn nodes(html: &Html) -> Vec<Value> {
    json_ld(html).nodes
}

/// Whether the page has a live blog that [`live_blog`] may find: a look that costs no parsing.
pub fn has_live_blog(html: &Html) -> bool {
    mentions(html, "LiveBlogPosting")
        || crate::html::first(html, css!(r#"[itemtype$="schema.org/LiveBlogPosting"]"#)).is_some()
}

/// The first object of one of these types, the earlier type first.
pub fn of_type<'a>(nodes: &'a [Value], types: &[&str]) -> Option<&'a Value> {
    types.iter().find_map(|wanted| nodes.iter().find(|node| has_type(node, wanted)))
}

/// Whether an object is of a type; `@type` may be a list.
pub fn has_type(node: &Value, wanted: &str) -> bool {
    match &node["@type"] {
        Value::String(name) => name == wanted,
        Value::Array(names) => names.iter().any(|name| name == wanted),
        _ => false,
    }
}

/// The address of the page that an article or live blog is about.
pub fn address(node: &Value) -> Option<String> {
    let about =
        ["LiveBlogPosting", "NewsArticle", "Article", "ReportageNewsArticle"].iter().any(|kind| has_type(node, kind));
    let candidates = [&node["url"], &node["mainEntityOfPage"]["@id"], &node["mainEntityOfPage"]];
    about.then(|| candidates.into_iter().find_map(Value::as_str).map(str::to_owned)).flatten()
}

/// A property as one line of text.
pub fn line(node: &Value, property: &str) -> Option<String> {
    node[property].as_str().map(fold).filter(|text| !text.is_empty())
}

/// Authors of one entry at most, and the longest of their names: what is said once on a page may be meant on each entry.
pub const MOST_NAMES: usize = 50;
const LONGEST_NAME: usize = 400;

/// Whether a text is short enough to be somebody's name.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST_NAME
}

/// The names of an `author`, which may be a string, an object or a list of either.
pub fn names(author: &Value) -> Vec<String> {
    match author {
        Value::String(name) => vec![fold(name)],
        Value::Array(authors) => authors.iter().take(MOST_NAMES).flat_map(names).collect(),
        Value::Object(person) => person.get("name").map(names).unwrap_or_default(),
        _ => Vec::new(),
    }
    .into_iter()
    .filter(|name| is_name(name))
    .take(MOST_NAMES)
    .collect()
}
