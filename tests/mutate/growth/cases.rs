//! Cases with more of what they hold.

use crate::fixtures;
use serde_json::Value;
use tidings::page::Page;

/// A case whose entries go on: a mark that begins each entry of a list, and what in the first one is its id. A page may hold
/// the list twice, in its markup and in its JSON-LD.
pub const CASES: [(&str, &[(&str, &str)]); 25] = [
    ("aljazeera/several-answers", &[("{\n  \"data\": {\n   \"posts\"", "5510037")]),
    ("any/ld-several-shapes", &[("{\"@type\":\"BlogPosting\",", "751105")]),
    ("any/ld-graph", &[("{\n      \"@id\": \"#u-", "88123"), ("{\n   \"@type\": \"BlogPosting\",", "88123")]),
    ("any/microdata", &[("<article itemprop=", "3107")]),
    (
        "bbc/page-one-of-three",
        &[
            ("{\n   \"@context\": \"http://schema.org\",", "5ebab4a75c8cf7066bd00058"),
            ("<li class=\"lx-stream__post-container\">", "5ebab4a75c8cf7066bd00058"),
        ],
    ),
    ("cgtn/article-printed-only", &[("<div class=\"text\"><p>", "nine")]),
    ("cgtn/text-set-into-the-story", &[("The wheel at low water", "first")]),
    ("dw/article-old-clocks", &[("<p>0", "")]),
    ("dw/article-state", &[("\\n\\n", "")]),
    ("dw/live-state", &[("{\"__ref\":\"LiveblogPost:", "65502003"), (",\"LiveblogPost:", "65502003")]),
    ("dw/liveblog-json", &[("{\n     \"id\": 65502", "003")]),
    ("dw/text-clocks", &[("3", "")]),
    ("dw/text-live-copy", &[("Skip next section ", "4QxAa")]),
    ("guardian/live-pinned", &[("<article id=\"block-", "665ef8608f08e408b7500a01")]),
    ("independent/amp-live-list", &[("{\"@type\":\"BlogPosting\",", "1301507"), ("<div data-sort-time=\"", "1301507")]),
    ("independent/text-live-newest-first", &[("Theo Makinde18 July", "")]),
    ("meduza/feature-json", &[("{\n     \"type\":", "")]),
    ("meduza/text-digest", &[("- ", "")]),
    (
        "mirror/ld-holds-more-than-markup",
        &[("{\n   \"@type\": \"BlogPosting\",", "751105"), ("<div class=\"live-event-entry\"", "751105")],
    ),
    (
        "repubblica/false-z",
        &[("{\n   \"@type\": \"BlogPosting\",", ""), ("<section class=\"liveblog__post\"", "419360001_event4")],
    ),
    ("sputnik/html-divs", &[("<div class=\"lv-clock\">", "")]),
    ("sputnik/html-list", &[("<li id=\"r7", "000")]),
    ("sputnik/text-newest-first", &[("18:20 GMT", "")]),
    ("telegraph/captured-that-evening", &[("<p>\n<strong>", "")]),
    ("wordpress/get-entries", &[("{\n   \"id\": 9", "12")]),
];

/// A case with its entries repeated, each with an id of its own, of about `size` bytes.
pub fn numbered(case: &str, lists: &[(&str, &str)], size: usize) -> Page {
    let page = fixtures::page(&fixtures::outlets().join(case));
    let mut text = String::from_utf8(page.body).unwrap();
    let unit = |text: &str, mark: &str| {
        let start = text.find(mark).unwrap_or_else(|| panic!("{case} does not hold `{mark}`"));
        let length = text[start + mark.len()..].find(mark).unwrap_or_else(|| panic!("{case} holds `{mark}` once"));
        start..start + mark.len() + length
    };
    let times = size / lists.iter().map(|(mark, _)| unit(&text, mark).len()).sum::<usize>();
    for (mark, id) in lists {
        let unit = unit(&text, mark);
        let entry = text[unit.clone()].to_owned();
        assert!(entry.contains(id), "{case}: `{id}` is no id in `{entry:.200}`");
        let numbered = |number: usize| match id.len() {
            0 => entry.clone(),
            // A number of JSON begins with no zero.
            length => entry.replace(id, &format!("1{number:0width$}", width = length - 1)),
        };
        text.insert_str(unit.end, &(0..times).map(numbered).collect::<String>());
    }
    Page { body: text.into_bytes(), ..page }
}

/// Any page with what is in it repeated, to about `size` bytes: the elements of each outermost list of a JSON answer, what
/// stands in the body of markup, the lines of a text but its first three. The ids come again and again.
pub fn repeated(page: &Page, size: usize) -> Page {
    let times = size.div_ceil(page.body.len().max(1));
    let text = String::from_utf8_lossy(&page.body);
    let body = match serde_json::from_str::<Value>(&text) {
        Ok(mut json) => {
            repeat(&mut json, times);
            json.to_string()
        }
        Err(_) if text.trim_start().starts_with('<') => {
            let start = text.find("<body").or(text.find("</head>")).and_then(|at| Some(at + text[at..].find('>')? + 1));
            let start = start.unwrap_or_default();
            let end = text[start..].rfind("</body>").map_or(text.len(), |at| start + at);
            [&text[..start], &text[start..end].repeat(times), &text[end..]].concat()
        }
        Err(_) => {
            let lines: Vec<&str> = text.split_inclusive('\n').collect();
            let (head, rest) = lines.split_at(3.min(lines.len()));
            head.concat() + &rest.concat().repeat(times)
        }
    };
    Page { body: body.into_bytes(), ..page.clone() }
}

fn repeat(json: &mut Value, times: usize) {
    match json {
        Value::Array(list) => *list = (0..times).flat_map(|_| list.clone()).collect(),
        Value::Object(fields) => fields.values_mut().for_each(|value| repeat(value, times)),
        _ => {}
    }
}
