//! What a page says of itself as schema.org data in JSON-LD.

use crate::css;
use crate::html::{Html, fold};
use serde_json::Value;

/// The objects in the page's JSON-LD blocks, with arrays and `@graph` laid open. A block that is not JSON is passed over: pages
/// carry a broken one beside good ones.
pub fn nodes(html: &Html) -> Vec<Value> {
    let mut nodes = Vec::new();
    for script in html.select(css!(r#"script[type="application/ld+json"]"#)) {
        let text: String = script.text().collect();
        if let Ok(value) = serde_json::from_str::<Value>(text.trim()) {
            lay_open(value, &mut nodes);
        }
    }
    nodes
}

fn lay_open(value: Value, nodes: &mut Vec<Value>) {
    match value {
        Value::Array(values) => values.into_iter().for_each(|value| lay_open(value, nodes)),
        Value::Object(mut object) => {
            if let Some(graph) = object.remove("@graph") {
                lay_open(graph, nodes);
            }
            nodes.push(Value::Object(object));
        }
        _ => {}
    }
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

/// The names of an `author`, which may be a string, an object or a list of either.
pub fn names(author: &Value) -> Vec<String> {
    match author {
        Value::String(name) => vec![fold(name)],
        Value::Array(authors) => authors.iter().flat_map(names).collect(),
        Value::Object(person) => person.get("name").map(names).unwrap_or_default(),
        _ => Vec::new(),
    }
    .into_iter()
    .filter(|name| !name.is_empty())
    .collect()
}
