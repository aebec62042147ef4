//! Liveblog, the WordPress plugin: an engine that many outlets run, read by the answers of its REST interface
//! (`/wp-json/liveblog/v1/<post>/get-entries/<page>/…`). Which outlet it is, the host of the address tells.
//!
//! An answer's `timestamp` is the second of publication, or of the change where `type` is `update`; a change tells its
//! publication in `entry_time`. Old versions give the whole entry as `html`, new ones its text as `render`.

use super::any;
use crate::css;
use crate::html::{self, Body, Limits, Links, body_of, body_of_markup, fold};
use crate::model::{Mark, Origin, Problem, ProblemCode};
use crate::outlet::{Draft, DraftEntry, Form, MOST_READ, Outlet, Refusal, Source, claims_nothing, words_of};
use crate::time::{self, Order, Reading};
use serde_json::Value;
use url::Url;

pub(super) static OUTLET: Outlet = Outlet {
    slug: "wordpress",
    name: "WordPress Liveblog",
    hosts: &[],
    zone: chrono_tz::UTC,
    language: "",
    usual: Order::NewestFirst,
    blog_key,
    claims_text: claims_nothing,
    claims_json,
    split: &split,
};

/// The live blog's number, from the interface's own address. What stands behind it changes with each request.
fn blog_key(url: &Url) -> Option<String> {
    let (_, rest) = url.as_str().split_once("liveblog/v1/")?;
    let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some(number).filter(|number| !number.is_empty())
}

fn claims_json(json: &Value) -> bool {
    let known = |entry: &Value| {
        ["render", "html", "content"].iter().any(|text| entry[*text].is_string())
            && id_of(entry).is_some()
            && entry["type"].is_string()
    };
    let told = |name: &str| json.get(name).is_some();
    json["entries"].as_array().is_some_and(|entries| entries.iter().all(known))
        && (told("latest_timestamp") || (told("pages") && told("page")))
}

fn split(source: &Source) -> Result<Draft, Refusal> {
    let Form::Json(json) = source.form else { return Err(source.no_such_form()) };
    if !claims_json(json) {
        let message =
            "it is not a list of entries as the plugin Liveblog gives it (/wp-json/liveblog/v1/<post>/get-entries/1/0-0)";
        return Err(Refusal::Unreadable(message.into()));
    }
    let all: Vec<&Value> = json["entries"].as_array().into_iter().flatten().collect();
    let shared = all.iter().find_map(|entry| html::address(entry["share_link"].as_str()?));
    let host = source.url.as_ref().or(shared.as_ref()).and_then(Url::host_str).map(str::to_owned);
    let Some(host) = host else {
        let message = "nothing in the answer says which outlet publishes it; give the address it came from with --url";
        return Err(Refusal::Unreadable(message.into()));
    };
    let page = shared.map(page_of);
    let links = Links::new(page.as_ref().or(source.url.as_ref()));
    let mut draft = Draft {
        publisher: Some(publisher(&host)),
        // The number does not change with the words of the page's address, and an answer without entries tells it too.
        key: source.url.as_ref().and_then(blog_key).or_else(|| page.as_ref().and_then(key_of_page)),
        headline: page.as_ref().and_then(words_of).unwrap_or(host),
        older: source.url.as_ref().and_then(|url| older(json, url)),
        url: page,
        ..Draft::default()
    };
    // What was taken back is told once, by an entry of its own.
    let standing = all.into_iter().filter(|entry| entry["type"] != "delete").take(MOST_READ);
    draft.entries = standing.map(|one| entry(one, &links)).collect();
    Ok(draft)
}

/// `www.news.example` is the outlet `news-example`, as where a page of it is read without an adapter.
fn publisher(host: &str) -> (String, String) {
    let name = any::without_prefix(host.trim_end_matches('.'));
    (any::slug(name), name.to_owned())
}

/// The address of the next page of entries: `…/get-entries/1/…` of 3 goes on with `…/get-entries/2/…`.
fn older(json: &Value, url: &Url) -> Option<String> {
    let (before, after) = url.as_str().split_once("/get-entries/")?;
    let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    let page: u32 = after[..digits].parse().ok()?;
    let more = json["pages"].as_u64().is_some_and(|pages| u64::from(page) < pages);
    more.then(|| format!("{before}/get-entries/{}{}", page + 1, &after[digits..]))
}

/// An entry is shared as the page with an anchor or with `?lbup=<id>`.
fn page_of(mut shared: Url) -> Url {
    shared.set_fragment(None);
    let kept: Vec<String> = shared
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("lbup="))
        .map(str::to_owned)
        .collect();
    shared.set_query(Some(kept.join("&")).filter(|query| !query.is_empty()).as_deref());
    shared
}

/// Its path; where addresses are plain (`/?p=12`), its query.
fn key_of_page(page: &Url) -> Option<String> {
    let path = page.path().trim_matches('/');
    let key = if path.is_empty() { page.query()? } else { path };
    Some(key.to_owned())
}

fn entry(json: &Value, links: &Links) -> DraftEntry {
    let second = |name: &str| {
        let text = match &json[name] {
            Value::Number(second) => second.to_string(),
            other => other.as_str().unwrap_or_default().to_owned(),
        };
        Reading { printed: time::epoch(&text), ..Reading::of(&text, Origin::Json) }
    };
    let told = |reading: &Reading| reading.printed.is_some();
    let (stamp, begun) = (second("timestamp"), second("entry_time"));
    let mut entry = if json["type"] == "update" && told(&begun) {
        DraftEntry { updated: Some(stamp), ..DraftEntry::at(begun) }
    } else {
        DraftEntry::at([stamp, begun].into_iter().find(told).unwrap_or_else(Reading::none))
    };
    entry.native = id_of(json);
    entry.permalink = json["share_link"].as_str().and_then(|link| links.link(link));
    let headline = json["headline"].as_str().and_then(|markup| body_of_markup(markup, links).ok());
    entry.headline = headline.map(|body| fold(&body.text)).filter(|headline| !headline.is_empty());
    let authors = json["authors"].as_array().into_iter().flatten();
    entry.byline = authors.filter_map(|author| author["name"].as_str()).map(fold).filter(|name| !name.is_empty()).collect();
    let markup = ["render", "html", "content"].iter().find_map(|name| json[*name].as_str().filter(|text| !text.is_empty()));
    match text_of_entry(markup.unwrap_or_default(), links) {
        Ok(body) => entry.body = body,
        Err(hostile) => entry.problems.push(Problem::new(ProblemCode::Limit, hostile.to_string())),
    }
    if json["key_event"] == true {
        entry.marks.push(Mark::KeyEvent);
    }
    entry
}

fn id_of(json: &Value) -> Option<String> {
    match &json["id"] {
        Value::Number(id) => Some(id.to_string()),
        Value::String(id) => Some(id.clone()).filter(|id| !id.is_empty()),
        _ => None,
    }
}

/// The text alone, where the markup is the whole entry with its clock, author and buttons.
fn text_of_entry(markup: &str, links: &Links) -> Result<Body, html::Hostile> {
    if !markup.contains("liveblog-entry-text") {
        return body_of_markup(markup, links);
    }
    let page = html::parse(markup, Limits::default())?;
    Ok(body_of(html::first(&page, css!(".liveblog-entry-text")).map(|text| *text), &[], links))
}
