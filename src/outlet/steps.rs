//! The steps from a page's bytes to an adapter, which reading a page and explaining it go through alike.

use super::recognise::Recognised;
use super::{Form, Refusal, Source};
use crate::html::{self, Html, Limits, Links};
use crate::model::Problem;
use crate::page::Page;
use serde::Serialize;
use serde_json::Value;

/// What a page is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FormName {
    /// Markup.
    Html,
    /// What a text extractor left of it.
    Text,
    /// An answer of the outlet's own interface.
    Json,
}

/// A page as text.
pub(super) struct Decoded {
    pub text: String,
    pub form: FormName,
    /// What could not be decoded.
    pub problems: Vec<Problem>,
    /// Whether it is markup that stops in the middle.
    pub cut: bool,
}

/// A page, decoded and parsed.
pub(super) enum Tree {
    Html(Html),
    Text(String),
    Json(Value),
}

impl Tree {
    pub fn form(&self) -> Form<'_> {
        match self {
            Tree::Html(html) => Form::Html(html),
            Tree::Text(text) => Form::Text(text),
            Tree::Json(json) => Form::Json(json),
        }
    }
}

pub(super) fn decode(page: &Page) -> Result<Decoded, Refusal> {
    if page.body.iter().all(u8::is_ascii_whitespace) {
        return Err(Refusal::Empty);
    }
    let (text, problems) = page.text();
    if page.body.iter().take(2048).filter(|byte| **byte == 0).count() > 16 {
        return Err(Refusal::Unreadable("not a page: it holds binary data".into()));
    }
    let form = if is_html(page, &text) {
        FormName::Html
    } else if is_json(page, &text) {
        FormName::Json
    } else {
        FormName::Text
    };
    let cut = form == FormName::Html && html::is_cut(&text);
    Ok(Decoded { text, form, problems, cut })
}

pub(super) fn parse(text: String, form: FormName, wanted: &dyn Fn() -> bool) -> Result<Tree, Refusal> {
    Ok(match form {
        FormName::Html => Tree::Html(html::parse_while(&text, Limits::default(), wanted)?),
        FormName::Json => {
            let json = serde_json::from_str(&text);
            Tree::Json(json.map_err(|error| Refusal::Unreadable(format!("not valid JSON: {error}")))?)
        }
        FormName::Text => Tree::Text(text),
    })
}

/// What an adapter gets of a page.
pub(super) fn source<'a>(recognised: &Recognised, form: Form<'a>, page: &Page, cut: bool) -> Source<'a> {
    let links = Links::new(recognised.url.as_ref());
    Source { outlet: recognised.outlet, url: recognised.url.clone(), form, captured: page.captured, links, cut }
}

/// Whether the page is markup: its media type says so, or it begins like markup.
fn is_html(page: &Page, text: &str) -> bool {
    match media_type(page) {
        Some("text/html" | "application/xhtml+xml") => true,
        Some("text/plain" | "application/json") => false,
        _ => {
            let start = text.trim_start_matches('\u{feff}').trim_start();
            let head: String = start.chars().take(1024).collect::<String>().to_ascii_lowercase();
            start.starts_with('<')
                && ["<!doctype html", "<html", "<head", "<body", "<meta", "<title", "<div", "<article", "<main"]
                    .iter()
                    .any(|tag| head.contains(tag))
        }
    }
}

/// Whether the page is a JSON answer.
fn is_json(page: &Page, text: &str) -> bool {
    let start = text.trim_start();
    media_type(page) == Some("application/json")
        || (start.starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(start).is_ok())
}

fn media_type(page: &Page) -> Option<&str> {
    page.content_type.as_deref().map(|value| value.split(';').next().unwrap_or_default().trim())
}
