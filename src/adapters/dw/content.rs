//! What DW knows of an article or a live blog: the answer of its `graph-api`, or the same in a page's Apollo state, where
//! objects point at each other by `__ref` and a field may carry its arguments in its name (`persons({"amount":1})`).

use super::{clocks, day_of, is_closing, language_of};
use crate::css;
use crate::html::{self, Body, Html, Limits, Links, body_of, fold};
use crate::model::{Coverage, CoverageState, Origin, Problem, ProblemCode};
use crate::outlet::{Draft, DraftEntry, MOST_READ, Refusal};
use crate::schema_org;
use crate::time::Reading;
use serde_json::Value;
use std::collections::HashSet;

/// Widest of the formats in which every picture is kept; data names pictures with a placeholder for it.
const PICTURE_FORMAT: &str = "605";
const LONGEST_CAPTION: usize = 4000;

/// The state that a page's script starts from.
pub(super) fn state_of(page: &Html) -> Option<Value> {
    let mark = "window.__APOLLO_STATE__=";
    let script = page.select(css!("script")).flat_map(|script| script.text()).find(|text| text.contains(mark))?;
    let (_, state) = script.split_once(mark)?;
    // More script may follow the object.
    let state: Value = serde_json::Deserializer::from_str(state).into_iter().next()?.ok()?;
    content_of(&state).map(|_| ()).and(Some(state))
}

fn content_of(state: &Value) -> Option<&Value> {
    let query = state["ROOT_QUERY"].as_object()?;
    let (_, found) = query.iter().find(|(name, _)| name.starts_with("content("))?;
    Some(Content { state, value: found }.target().value).filter(|content| content.is_object())
}

/// Whether a JSON answer is DW's.
pub(super) fn claims(answer: &Value) -> bool {
    let content = &answer["data"]["content"];
    let ours = |name: &str| content[name].as_str().is_some_and(|url| url.contains("dw.com/"));
    ours("canonicalUrl") || ours("permaLinkUrl") || content["posts"][0]["localizedContentDate"].is_string()
}

pub(super) fn of_answer(answer: &Value, links: &Links) -> Result<Draft, Refusal> {
    let content = Content { state: &Value::Null, value: &answer["data"]["content"] };
    let url = content.text("canonicalUrl").and_then(html::address);
    let language = url.as_ref().and_then(language_of);
    let links = url.as_ref().map_or_else(|| links.clone(), |url| Links::new(Some(url)));
    Ok(Draft { url, language, ..draft(content, &links)? })
}

pub(super) fn of_state(state: &Value, links: &Links) -> Result<Draft, Refusal> {
    let value = content_of(state).unwrap_or(&Value::Null);
    draft(Content { state, value }, links)
}

/// An object, and the state that its references point into.
#[derive(Clone, Copy)]
struct Content<'a> {
    state: &'a Value,
    value: &'a Value,
}

impl<'a> Content<'a> {
    /// What a reference points at; anything else is itself.
    fn target(self) -> Content<'a> {
        match self.value["__ref"].as_str() {
            Some(name) => Content { value: &self.state[name], ..self },
            None => self,
        }
    }

    /// A field, with or without arguments in its name.
    fn field(self, name: &str) -> &'a Value {
        let with_arguments = |key: &str| key.strip_prefix(name).is_some_and(|rest| rest.starts_with('('));
        match &self.value[name] {
            Value::Null => {
                let fields = self.value.as_object().into_iter().flatten();
                fields.filter(|(key, _)| with_arguments(key)).map(|(_, value)| value).next().unwrap_or(&Value::Null)
            }
            found => found,
        }
    }

    fn list(self, name: &str) -> Option<impl Iterator<Item = Content<'a>>> {
        Some(self.field(name).as_array()?.iter().map(move |value| Content { value, ..self }.target()))
    }

    fn text(self, name: &str) -> Option<&'a str> {
        self.field(name).as_str().map(str::trim).filter(|text| !text.is_empty())
    }

    fn time(self, names: &[&str]) -> Option<Reading> {
        let readings = names.iter().filter_map(|name| self.text(name)).map(|text| Reading::of(text, Origin::Json));
        let mut readings: Vec<Reading> = readings.collect();
        let readable = readings.iter().position(|reading| reading.printed.is_some()).unwrap_or(0);
        (readable < readings.len()).then(|| readings.swap_remove(readable))
    }

    /// The picture above the text, where the text does not hold it itself.
    fn picture(self, text: &str) -> String {
        let link = Content { value: self.field("mainContentImageLink"), ..self }.target();
        let Some(id) = link.field("targetId").as_u64().filter(|id| !text.contains(&format!("/{id}_"))) else {
            return String::new();
        };
        // One picture may be named by many posts.
        let short = |text: &&str| text.len() <= LONGEST_CAPTION;
        let said = |name: &str| {
            link.text(name).filter(short).map(|text| text.replace('<', "&lt;").replace('"', "&quot;")).unwrap_or_default()
        };
        format!(
            r#"<figure><img src="https://static.dw.com/image/{id}_{PICTURE_FORMAT}.jpg" alt="{}"><figcaption>{}</figcaption></figure>"#,
            said("additionalInformation"),
            said("description")
        )
    }

    fn byline(self) -> Vec<String> {
        let persons = self.list("persons").or_else(|| self.list("firstPersonArray"));
        let persons = persons.into_iter().flatten().take(schema_org::MOST_NAMES);
        let names: Vec<String> = persons
            .filter_map(|person| person.text("fullName").map(fold))
            .filter(|name| schema_org::is_name(name))
            .collect();
        match (names.is_empty(), self.text("legacyAuthor")) {
            (true, Some(author)) => crate::outlet::names(author),
            _ => names,
        }
    }
}

fn draft(content: Content, links: &Links) -> Result<Draft, Refusal> {
    let mut draft = Draft {
        headline: content.text("title").or(content.text("name")).map(fold).unwrap_or_default(),
        standfirst: content.text("teaser").map(fold),
        ..Draft::default()
    };
    if let Some(posts) = content.list("posts") {
        // A reference takes a few bytes and its post may take many: each is read once.
        let (mut seen, mut again) = (HashSet::new(), 0);
        for post in posts {
            match seen.insert(std::ptr::from_ref(post.value)) {
                true if draft.entries.len() == MOST_READ => break,
                true => draft.entries.push(entry(post, links)?),
                false => again += 1,
            }
        }
        if again > 0 {
            let message = format!("{again} listed posts stand in the list before: each is read once");
            draft.problems.push(Problem::new(ProblemCode::DuplicateId, message));
        }
        return Ok(draft);
    }
    let Some(markup) = content.text("text") else {
        let kind = content.text("__typename").map(|kind| format!(" ({kind})")).unwrap_or_default();
        return Err(Refusal::NotALiveBlog(format!("its content{kind} has neither posts nor the text of an article")));
    };
    let mut article = entry(content, links)?;
    // An article is its live blog's only entry, whatever form it was read in: its id and address are the page's.
    article.native = None;
    article.permalink = content.text("canonicalUrl").and_then(|href| links.link(href)).or(article.permalink);
    draft.opened = day_of(&article.published);
    if let Some(clocks) = clocks::of_markup(&with_pictures(markup), links)? {
        return Ok(clocks.into_draft(draft, content.byline()));
    }
    draft.coverage = Coverage { state: CoverageState::Article, ..Coverage::default() };
    draft.entries.push(article);
    Ok(draft)
}

/// An article or a post: both carry the same fields. The day that a post shows is the last resort; it is Berlin's.
fn entry(content: Content, links: &Links) -> Result<DraftEntry, Refusal> {
    let published = content.time(&["firstPublicationDate", "contentDate", "localizedContentDate"]);
    let mut entry = DraftEntry::at(published.unwrap_or_else(Reading::none));
    entry.updated = content.time(&["lastPublicationDate"]);
    entry.native = match content.field("id") {
        Value::Number(id) => Some(id.to_string()),
        Value::String(id) if !id.is_empty() => Some(id.clone()),
        _ => None,
    };
    entry.permalink = content.text("permaLinkUrl").and_then(|href| links.link(href));
    entry.headline = content.text("title").map(fold);
    entry.byline = content.byline();
    let text = content.text("text").unwrap_or_default();
    let (body, closing) = body(&(content.picture(text) + text), links)?;
    entry.body = body;
    entry.byline.extend(closing);
    Ok(entry)
}

/// The body, and the line of initials and agencies that ends it.
pub(super) fn body(markup: &str, links: &Links) -> Result<(Body, Option<String>), Refusal> {
    let page = html::parse(&with_pictures(markup), Limits::default())?;
    let last = page.select(css!("p")).next_back();
    let closing = last.and_then(|line| html::short_text_of(line, super::LONGEST_CLOSING)).filter(|text| is_closing(text));
    let skipped: Vec<_> = last.filter(|_| closing.is_some()).map(|line| line.id()).into_iter().collect();
    let body = html::first(&page, css!("body"));
    Ok((body_of(body.map(|body| *body), &skipped, links), closing))
}

/// Pictures are named in an attribute of DW's own, and their credit is glued to the caption.
fn with_pictures(markup: &str) -> String {
    markup.replace(" data-url=", " src=").replace("${formatId}", PICTURE_FORMAT).replace("<small", " <small")
}
