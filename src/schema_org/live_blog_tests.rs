use super::*;
use crate::html::{Limits, parse};
use serde_json::json;

fn told(node: Value) -> Vec<String> {
    let nodes = [node];
    let posting = in_json(&nodes).unwrap();
    let tell = |update: &Update| {
        let body = update.body(&Links::new(None)).unwrap().text;
        let headline = update.headline.clone().unwrap_or_default();
        format!("{}|{}|{headline}|{body}", update.anchor.clone().unwrap_or_default(), update.published.text)
    };
    posting.updates.iter().map(tell).collect()
}

#[test]
fn shapes_of_the_list() {
    let one = json!({"@type": "BlogPosting", "url": "https://e.org/x#a", "headline": "H", "datePublished": "T", "articleBody": "B"});
    let two = json!({"@id": "#b", "name": "N", "dateCreated": 1641496820, "text": {"@value": "<p>C</p>"}});
    let (first, second) = ("a|T|H|B", "b|1641496820|N|C");
    for (list, expected) in [
        (json!({"liveBlogUpdate": [one, two]}), vec![first, second]),
        (json!({"liveBlogUpdate": one}), vec![first]),
        (json!({"liveBlogUpdate": [one], "blogPosts": [one, two]}), vec![first, second]),
        (json!({"liveBlogUpdate": {"@type": "ItemList", "itemListElement": [{"item": one}]}}), vec![first]),
        (json!({"liveBlogUpdate": [null, "x", 7, [one]]}), vec![first]),
        (json!({}), vec![]),
    ] {
        let mut posting = list;
        posting["@type"] = json!(["WebPage", "LiveBlogPosting"]);
        assert_eq!(told(posting.clone()), expected, "{posting}");
        assert_eq!(told(json!({"@type": "WebPage", "mainEntity": posting})), expected);
    }
}

#[test]
fn of_two_the_one_that_holds_most() {
    let of = |count: usize, headline: &str| {
        let updates: Vec<Value> = (0..count).map(|id| json!({"postId": id, "datePublished": "T"})).collect();
        json!({"@type": "LiveBlogPosting", "headline": headline, "liveBlogUpdate": updates})
    };
    let nodes = [of(2, "AMP"), of(3, "page"), of(3, "again")];
    let posting = in_json(&nodes).unwrap();
    assert_eq!((posting.headline.as_deref(), posting.updates.len()), (Some("page"), 3));
    assert_eq!(posting.updates[2].anchor.as_deref(), Some("2"));
}

#[test]
fn objects_named_by_id_are_found() {
    let nodes = [
        json!({"@type": "Person", "@id": "#ann", "name": "Ann Lee"}),
        json!({"@type": "Organization", "@id": "#desk", "name": {"@type": "Text", "name": "The Desk"}}),
        json!({"@type": "BlogPosting", "@id": "#u1", "headline": "One",
               "author": ["Bo", {"name": "Cy"}, {"@id": "#ann"}, {"@id": "#loop"}]}),
        json!({"@type": "Person", "@id": "#loop", "name": {"@id": "#loop"}}),
        json!({"@type": "LiveBlogPosting", "liveBlogUpdate": [{"@id": "#u1"}], "publisher": {"@id": "#desk"},
               "author": {"@id": "#nobody"}}),
    ];
    let posting = in_json(&nodes).unwrap();
    assert_eq!(posting.updates[0].byline, ["Bo", "Cy", "Ann Lee"]);
    assert_eq!(posting.publisher.as_deref(), Some("The Desk"));
    assert!(posting.byline.is_empty());
}

#[test]
fn updates_and_posts_meet_by_id() {
    let page = parse(r#"<p id="9">9</p><p id="2x">2</p><p id="7">7</p><p id="1">1</p>"#, Limits::default()).unwrap();
    let posts = page.select(crate::css!("p")).map(|post| (post.attr("id").unwrap(), post)).collect();
    let nodes = [json!({"@type": "LiveBlogPosting", "liveBlogUpdate":
        [{"url": "#3"}, {"url": "#2x"}, {"url": "#1"}, {"headline": "no id"}, {"url": "#0"}]})];
    let joined = join(in_json(&nodes).unwrap().updates, posts);
    let told: Vec<(Option<&str>, Option<&str>)> = joined
        .iter()
        .map(|(update, post)| {
            (update.as_ref().and_then(|update| update.anchor.as_deref()), post.and_then(|post| post.attr("id")))
        })
        .collect();
    let (some, none) = (Some, None);
    assert_eq!(
        told,
        [
            (none, some("9")),
            (some("3"), none),
            (some("2x"), some("2x")),
            (none, some("7")),
            (some("1"), some("1")),
            (none, none),
            (some("0"), none)
        ]
    );
}

#[test]
fn updates_of_one_minute_are_told_apart_by_their_words() {
    let at = "2024-03-30T16:48:00Z";
    let one = |words: &str| json!({"datePublished": at, "articleBody": words});
    let nodes =
        [json!({"@type": "LiveBlogPosting", "liveBlogUpdate": [one("The ferry waits."), one("The bridge is shut.")],
        "blogPosts": [one("The ferry waits.")]})];
    let posting = in_json(&nodes).unwrap();
    assert_eq!(posting.updates.len(), 2, "{posting:?}");
}
