//! Meduza.
//!
//! Its pages are drawn by a script, so what is read is the JSON that the script asks for (`/api/w5/` and the page's own path;
//! the shape is known from other people's readers), or a text capture. A capture prints no time at all, and the dates in its
//! prose are not its date.

use crate::html::{Line, Links, address, body_of_lines, body_of_markup, fold};
use crate::model::{Coverage, CoverageState, Origin, Problem, ProblemCode};
use crate::outlet::{Draft, DraftEntry, Form, MOST_READ, Outlet, Refusal, Source};
use crate::text::{lines, reads_as_crosshead};
use crate::time::{self, Order, Reading};
use serde_json::Value;
use std::collections::HashSet;
use url::Url;

pub(super) static OUTLET: Outlet = Outlet {
    slug: "meduza",
    name: "Meduza",
    hosts: &["meduza.io"],
    zone: chrono_tz::Europe::Moscow,
    language: "ru",
    usual: Order::NewestFirst,
    blog_key,
    claims_text,
    claims_json,
    split: &split,
};

/// The whole path, day included (`live/2022/03/05/voyna`): a live page begins anew each day under the same last word.
fn blog_key(url: &Url) -> Option<String> {
    let path = path(url);
    let day = path.split('/').filter(|segment| segment.len() >= 2 && segment.bytes().all(|b| b.is_ascii_digit())).count();
    (day == 3 || path.contains("cards/")).then_some(path)
}

/// The page's path, of its own address or of its JSON's.
fn path(url: &Url) -> String {
    let path = url.path().trim_matches('/');
    path.strip_prefix("api/w5/").or(path.strip_prefix("api/v3/")).unwrap_or(path).to_owned()
}

fn split(source: &Source) -> Result<Draft, Refusal> {
    match source.form {
        Form::Html(_) => {
            let path = source.url.as_ref().map(path).unwrap_or_default();
            let message =
                format!("its pages hold nothing before their script has run: give https://meduza.io/api/w5/{path}");
            Err(Refusal::Unreadable(message))
        }
        Form::Json(answer) => of_answer(answer, source),
        Form::Text(text) => of_text(text, source.url.as_ref()),
    }
}

fn claims_json(answer: &Value) -> bool {
    let root = &answer["root"];
    root["content"]["broadcast"]["items_ids"].is_array() || (root["layout"].is_string() && root["url"].is_string())
}

fn of_answer(answer: &Value, source: &Source) -> Result<Draft, Refusal> {
    let root = &answer["root"];
    let content = &root["content"];
    let own = root["url"].as_str().map(|path| path.trim_matches('/')).filter(|path| !path.is_empty());
    let url = own.and_then(|path| address(Url::parse("https://meduza.io/").ok()?.join(path).ok()?.as_str()));
    let links = url.as_ref().map_or_else(|| source.links.clone(), |url| Links::new(Some(url)));
    let lead = content["lead"].as_array().into_iter().flatten().find(|block| block["type"] == "rich_title");
    let titles = lead.map(|block| &block["data"]).unwrap_or(&Value::Null);
    let line = |value: &Value| value.as_str().map(plain).filter(|line| !line.is_empty());
    let headline = line(&root["title"]).or_else(|| line(&titles["first"])).unwrap_or_default();
    if headline.starts_with("404") {
        return Err(Refusal::NotALiveBlog(format!("the outlet says that there is no such page (`{headline}`)")));
    }
    let second = line(&root["second_title"]).or_else(|| line(&titles["second"]));
    let mut draft = Draft {
        headline,
        standfirst: second.or_else(|| line(&root["og"]["description"])),
        language: own.map(|path| if path.starts_with("en/") { "en".to_owned() } else { "ru".to_owned() }),
        url,
        ..Draft::default()
    };
    if let Some(ids) = content["broadcast"]["items_ids"].as_array() {
        // An id takes three bytes and its entry may take many: each is read once.
        let (mut seen, mut missing) = (HashSet::new(), Vec::new());
        let listed = ids.iter().filter_map(id_of).filter(|id| seen.insert(id.clone())).take(MOST_READ);
        for id in listed {
            match &content["broadcast"]["items"][&id] {
                Value::Null => missing.push(id),
                item => draft.entries.push(entry(id, item, &links)?),
            }
        }
        if let Some(first) = missing.first() {
            let more = match missing.len() - 1 {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            let message = format!("the entry `{first}`{more} is listed and not there: it is left out");
            draft.problems.push(Problem::new(ProblemCode::Damaged, message));
        }
        let again = ids.len() - seen.len();
        if again > 0 {
            let message = format!("{again} of {} listed ids are none or stand in the list before", ids.len());
            draft.problems.push(Problem::new(ProblemCode::DuplicateId, message));
        }
        return Ok(draft);
    }
    let Some(blocks) = content["blocks"].as_array() else {
        let message = "its JSON holds neither a broadcast nor the blocks of an article";
        return Err(Refusal::NotALiveBlog(message.into()));
    };
    let mut markup = markup_of(blocks);
    for note in content["footnotes"].as_object().into_iter().flatten().map(|(_, note)| note) {
        markup += &format!("<h4>{}</h4>{}", text(&note["title"]), text(&note["body"]));
    }
    let mut article = DraftEntry::at(seconds(&root["datetime"]));
    article.headline = Some(draft.headline.clone()).filter(|headline| !headline.is_empty());
    article.byline = line(&root["source"]["name"]).into_iter().collect();
    article.permalink = draft.url.as_ref().map(Url::to_string);
    article.body = body_of_markup(&markup, &links)?;
    draft.coverage = Coverage { state: CoverageState::Article, ..Coverage::default() };
    draft.entries.push(article);
    Ok(draft)
}

fn entry(id: String, item: &Value, links: &Links) -> Result<DraftEntry, Refusal> {
    let mut entry = DraftEntry::at(seconds(&item["meta"]["published_at"]));
    let mut blocks = item["blocks"].as_array().map_or(&[][..], Vec::as_slice);
    // The first block is the headline, where it is one: many entries have none.
    if let Some(first) = blocks.first().filter(|block| matches!(text(&block["type"]), "h2" | "h3" | "h4")) {
        entry.headline = Some(plain(text(&first["data"]))).filter(|headline| !headline.is_empty());
        blocks = &blocks[1..];
    }
    entry.body = body_of_markup(&markup_of(blocks), links)?;
    entry.native = Some(id);
    Ok(entry)
}

fn id_of(id: &Value) -> Option<String> {
    match id {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

/// Seconds since 1970, as a number or in quotes.
fn seconds(value: &Value) -> Reading {
    match id_of(value) {
        Some(count) => Reading { printed: time::epoch(&count), ..Reading::of(&count, Origin::Json) },
        None => Reading::none(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A headline may hold markup and hard spaces; what can't be parsed stands as it is.
fn plain(markup: &str) -> String {
    body_of_markup(markup, &Links::new(None)).map_or_else(|_| fold(markup), |body| fold(&body.text))
}

/// The markup that blocks stand for. Blocks that sell something, or that no reader has met yet and that are not text, are
/// nothing.
fn markup_of(blocks: &[Value]) -> String {
    let mut markup = String::new();
    for block in blocks {
        let data = &block["data"];
        match (text(&block["type"]), data) {
            ("related" | "related_rich" | "donation" | "beet_subscription" | "brief_subscription" | "tag" | "meta", _) => {}
            ("h2" | "h3" | "h4" | "chapter-subtitle", Value::String(words)) => markup += &format!("<h3>{words}</h3>"),
            ("blockquote" | "quote", Value::String(words)) => markup += &format!("<blockquote>{words}</blockquote>"),
            (_, Value::String(words)) => markup += &format!("<p>{words}</p>"),
            (kind @ ("ul" | "ol"), Value::Array(items)) => {
                let items: String = items.iter().map(|item| format!("<li>{}</li>", text(item))).collect();
                markup += &format!("<{kind}>{items}</{kind}>");
            }
            ("image", _) => markup += &picture(data),
            ("embed", _) => markup += &embed(text(&data["html"])),
            (_, Value::Array(inner)) => markup += &markup_of(inner),
            _ => {}
        }
    }
    markup
}

fn picture(data: &Value) -> String {
    let src = text(&data["large_url"]).replace('"', "%22");
    let said = [text(&data["caption"]), text(&data["credit"])].into_iter().filter(|line| !line.is_empty());
    let caption = said.collect::<Vec<_>>().join(" — ");
    format!("<figure><img src=\"{src}\"><figcaption>{caption}</figcaption></figure>")
}

/// A player or a post names its address in one of two attributes.
fn embed(html: &str) -> String {
    let address = ["media-url=\"", " src=\""].iter().find_map(|name| html.split_once(name)?.1.split('"').next());
    address.map(|address| format!("<iframe src=\"{address}\"></iframe>")).unwrap_or_default()
}

/// "We tell the truth, and not only about the war. Get the app": printed under the headline, in Russian on English pages too.
fn is_promo(line: &str) -> bool {
    line.starts_with("Мы рассказываем честно") || (line.contains("Скачайте приложение") && line.chars().count() < 120)
}

fn claims_text(text: &str) -> bool {
    lines(text).into_iter().filter(|line| !line.is_empty()).take(6).any(is_promo)
}

fn of_text(text: &str, url: Option<&Url>) -> Result<Draft, Refusal> {
    let mut said = lines(text).into_iter().filter(|line| !line.is_empty() && !is_promo(line));
    let headline = said.next().map(fold).unwrap_or_default();
    let mut entry = DraftEntry::at(Reading::none());
    entry.headline = Some(headline.clone()).filter(|headline| !headline.is_empty());
    entry.permalink = url.map(Url::to_string);
    entry.body = body_of_lines(said.map(|line| match line.strip_prefix("- ").or(line.strip_prefix("• ")) {
        Some(item) => Line::Item(item),
        // A footnote's mark and name, `(1) The alliance`, head no section.
        None if reads_as_crosshead(line) && !line.starts_with('(') => Line::Heading(line),
        None => Line::Paragraph(line),
    }));
    if entry.body.is_empty() {
        return Err(Refusal::NotALiveBlog("the capture holds no story, only a headline".into()));
    }
    let latin = headline.chars().filter(|c| c.is_alphabetic()).all(|c| c < '\u{250}');
    Ok(Draft {
        headline,
        language: latin.then(|| "en".to_owned()),
        coverage: Coverage { state: CoverageState::Article, ..Coverage::default() },
        entries: vec![entry],
        ..Draft::default()
    })
}
