//! Al Jazeera, by the answers of its own interface.
//!
//! `ArchipelagoSingleLiveBlogQuery` tells of the live blog and lists its entries without their text;
//! `LiveBlogUpdateQuery` gives one entry. A naive `date` is UTC (3 of 3 agree with the list's Unix seconds). Ids do not
//! follow the time. Several answers may be read at once, as an array.

use crate::html::{Links, address, body_of_markup, fold};
use crate::model::{Coverage, CoverageState, Origin, Problem, ProblemCode};
use crate::outlet::{self, Draft, DraftEntry, Form, MOST_READ, Outlet, Refusal, Source, claims_nothing, words_of};
use crate::schema_org;
use crate::time::{Order, Printed, Reading};
use serde_json::Value;
use std::collections::HashSet;
use url::Url;

pub(super) static OUTLET: Outlet = Outlet {
    slug: "aljazeera",
    name: "Al Jazeera",
    hosts: &["aljazeera.com"],
    zone: chrono_tz::UTC,
    language: "en",
    usual: Order::NewestFirst,
    blog_key,
    claims_text: claims_nothing,
    claims_json,
    split: &split,
};

const HOME: &str = "https://www.aljazeera.com/";

/// An entry's answer does not tell the live blog's number, only its path: `/news/liveblog/2026/4/22/…`.
fn blog_key(url: &Url) -> Option<String> {
    let (_, key) = url.path().split_once("/liveblog/")?;
    Some(key.trim_matches('/').to_owned()).filter(|key| !key.is_empty())
}

fn claims_json(json: &Value) -> bool {
    let all = answers(json);
    !all.is_empty() && all.iter().all(|answer| listed(answer).is_some() || !posts(answer).is_empty())
}

/// One answer, or several in an array.
fn answers(json: &Value) -> Vec<&Value> {
    match json {
        Value::Array(answers) => answers.iter().map(|answer| &answer["data"]).collect(),
        answer => vec![&answer["data"]],
    }
}

/// The live blog with its list, as the index has it and as the poll for new entries does.
fn listed(answer: &Value) -> Option<&Value> {
    let article = &answer["article"];
    (article["children"].is_array() && article["__typename"] == "Post").then_some(article)
}

/// The entries of an answer, in one object or several.
fn posts(answer: &Value) -> Vec<&Value> {
    let posts = match &answer["posts"] {
        Value::Array(posts) => posts.iter().collect(),
        post => vec![post],
    };
    posts.into_iter().filter(|post| post["postType"] == "liveblog-update").collect()
}

fn split(source: &Source) -> Result<Draft, Refusal> {
    match source.form {
        Form::Json(json) => live_blog(json),
        // No page of it is to be had; what it says of itself in JSON-LD is all that may be relied on.
        Form::Html(page) => match schema_org::live_blog(page, &schema_org::nodes(page)) {
            Some(posting) => {
                let mut draft = outlet::live_blog(page, posting, source);
                // The same id as in the answers.
                for native in draft.entries.iter_mut().filter_map(|entry| entry.native.as_mut()) {
                    if let Some((_, id)) = native.rsplit_once("?update=") {
                        *native = id.to_owned();
                    }
                }
                Ok(draft)
            }
            None => Err(Refusal::NotALiveBlog("its JSON-LD holds no LiveBlogPosting".into())),
        },
        Form::Text(_) => Err(source.no_such_form()),
    }
}

fn live_blog(json: &Value) -> Result<Draft, Refusal> {
    let answers = answers(json);
    let article = answers.iter().find_map(|answer| listed(answer).filter(|article| article["link"].is_string()));
    let posts: Vec<&Value> = answers.iter().flat_map(|answer| posts(answer)).collect();
    if article.is_none() && posts.is_empty() {
        let message =
            "the answer holds no text of an entry (ask with LiveBlogUpdateQuery and its postType, liveblog-update)";
        return Err(Refusal::NotALiveBlog(message.into()));
    }
    let link = article.into_iter().chain(posts.iter().copied()).find_map(|post| post["link"].as_str());
    let url = link.and_then(|link| address(Url::parse(HOME).ok()?.join(link).ok()?.as_str()));
    let links = Links::new(url.as_ref().or(Url::parse(HOME).ok().as_ref()));

    let mut draft = article.map(head).unwrap_or_default();
    draft.entries = posts.iter().take(MOST_READ).map(|post| entry(post, url.as_ref(), &links)).collect();
    // Without their text they would stand empty in a feed, and an index read again would empty those already there.
    let read: HashSet<&str> = draft.entries.iter().filter_map(|entry| entry.native.as_deref()).collect();
    let children: Vec<&Value> = article.and_then(|article| article["children"].as_array()).into_iter().flatten().collect();
    let left = children.iter().filter(|id| !read.contains(id.to_string().trim_matches('"'))).count();
    if left > 0 {
        let message = format!(
            "the text of {left} of {} listed entries is not here: each has an answer of its own (LiveBlogUpdateQuery); \
             they are left out",
            children.len()
        );
        let code = if read.is_empty() { ProblemCode::NoEntries } else { ProblemCode::Damaged };
        draft.problems.push(Problem::new(code, message));
    }
    if draft.headline.is_empty() {
        draft.headline = url.as_ref().and_then(words_of).unwrap_or_default();
    }
    draft.url = url;
    Ok(draft)
}

fn head(article: &Value) -> Draft {
    let text = |name: &str| article[name].as_str().map(plain).filter(|text| !text.is_empty());
    let started = match Reading::of(article["date"].as_str().unwrap_or_default(), Origin::Json).printed {
        Some(Printed::Wall { wall, .. }) => Some(wall.and_utc()),
        _ => None,
    };
    let state = if article["isLive"] == true { CoverageState::Live } else { CoverageState::Unknown };
    Draft {
        headline: text("title").unwrap_or_default(),
        standfirst: text("subheading"),
        coverage: Coverage { state, started, ended: None },
        ..Draft::default()
    }
}

fn entry(post: &Value, page: Option<&Url>, links: &Links) -> DraftEntry {
    let reading = |name: &str| post[name].as_str().map(|printed| Reading::of(printed, Origin::Json));
    let mut entry = DraftEntry::at(reading("date").unwrap_or_else(Reading::none));
    entry.updated = reading("modified_gmt");
    entry.native = match &post["id"] {
        Value::String(id) => Some(id.clone()).filter(|id| !id.is_empty()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    };
    // Every entry's `link` is the page; the page finds the entry by its query.
    entry.permalink = page.zip(entry.native.as_ref()).map(|(page, id)| {
        let mut link = page.clone();
        link.query_pairs_mut().append_pair("update", id);
        link.into()
    });
    if post["shouldDisplayTitle"] != false {
        entry.headline = post["title"].as_str().map(plain).filter(|title| !title.is_empty());
    }
    if post["showAuthor"] != false {
        let authors = post["author"].as_array().into_iter().flatten().map(|author| &author["name"]);
        let written = [&post["writeInAuthor"], &post["writeInCoAuthor"]["name"]];
        let names = authors.chain(written).filter_map(Value::as_str).map(fold).filter(|name| !name.is_empty());
        entry.byline = names.collect();
    }
    match body_of_markup(post["content"].as_str().unwrap_or_default(), links) {
        Ok(body) => entry.body = body,
        Err(hostile) => entry.problems.push(Problem::new(ProblemCode::Limit, hostile.to_string())),
    }
    entry
}

/// A title may hold entities.
fn plain(markup: &str) -> String {
    body_of_markup(markup, &Links::new(None)).map(|body| fold(&body.text)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::outlet::split_page;
    use crate::page::{Captured, Page};

    /// Found by mutated pages.
    #[test]
    fn an_entry_with_an_endless_id_has_no_address() {
        let answer = include_str!("../../fixtures/outlets/aljazeera/one-entry/page.json");
        let read = |id: &str| {
            let body = answer.replace("5510044", id).into_bytes();
            let captured = Captured::By("2026-01-01T00:00:00Z".parse().unwrap());
            let page = Page { body, url: None, content_type: None, captured };
            split_page(&page, Some("aljazeera")).unwrap().entries.remove(0)
        };
        assert!(read("5510044").permalink.is_some());
        let entry = read(&"é".repeat(20_000));
        assert!(entry.permalink.is_none() && entry.headline.is_some(), "{:.200?}", entry.permalink);
    }
}
