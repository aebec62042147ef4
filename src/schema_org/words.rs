//! The words in a schema.org property: plain text, markup, or either of them escaped once or twice more than they should be.

use crate::html::{Body, Hostile, Links, body_of_markup, body_of_text, fold, unescape};
use serde_json::Value;
use std::borrow::Cow;

/// The text of a property that may be a string, an object around one (`{"@type":"Text","@value":…}`) or a list of either.
pub(super) fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Object(object) => {
            ["@value", "text", "value"].iter().find_map(|key| object.get(*key)?.as_str()).map(Cow::Borrowed)
        }
        Value::Array(values) => {
            let texts: Vec<Cow<str>> = values.iter().filter_map(text).collect();
            (!texts.is_empty()).then(|| Cow::Owned(texts.join("\n\n")))
        }
        _ => None,
    }
}

/// A property as one line of plain text.
pub(super) fn line(value: &Value) -> Option<String> {
    let text = text(value)?;
    let line = match settle(&text) {
        Settled::Plain(plain) => fold(&plain),
        Settled::Markup(markup) => fold(&body_of_markup(&markup, &Links::new(None)).unwrap_or_default().text),
    };
    Some(line).filter(|line| !line.is_empty())
}

/// A property as the body of an entry.
pub(super) fn body(text: &str, links: &Links) -> Result<Body, Hostile> {
    let text = without_placeholders(text);
    if text.trim().is_empty() {
        return Ok(Body::default());
    }
    match settle(&text) {
        Settled::Plain(plain) => {
            let paragraphs = paragraphs(&plain);
            Ok(body_of_text(paragraphs.iter().map(Cow::as_ref)))
        }
        Settled::Markup(markup) => body_of_markup(&markup, links),
    }
}

enum Settled<'a> {
    Plain(Cow<'a, str>),
    Markup(Cow<'a, str>),
}

/// Undoes escapes until there is markup in the text or nothing left to undo.
fn settle(text: &str) -> Settled<'_> {
    let mut text = Cow::Borrowed(text);
    for _ in 0..3 {
        if is_markup(&text) {
            return Settled::Markup(Cow::Owned(escaped_once(&text)));
        }
        match unescape(&text) {
            Cow::Owned(plain) if *plain != *text => text = Cow::Owned(plain),
            _ => break,
        }
    }
    Settled::Plain(text)
}

/// Elements that tell markup from a text that holds a `<`.
const TAGS: [&str; 27] = [
    "a",
    "amp-img",
    "article",
    "aside",
    "b",
    "blockquote",
    "br",
    "div",
    "em",
    "figure",
    "h2",
    "h3",
    "h4",
    "i",
    "iframe",
    "img",
    "li",
    "ol",
    "p",
    "picture",
    "section",
    "span",
    "strong",
    "table",
    "u",
    "ul",
    "video",
];

fn is_markup(text: &str) -> bool {
    text.match_indices('<').any(|(at, _)| {
        let tag = text[at + 1..].trim_start_matches('/');
        let end = tag.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(tag.len());
        end <= 10
            && TAGS.iter().any(|name| name.eq_ignore_ascii_case(&tag[..end]))
            && tag[end..].starts_with(|c: char| c == '>' || c == '/' || c.is_whitespace())
            && tag[end..].find(['<', '>']).is_some_and(|close| tag.as_bytes()[end + close] == b'>')
    })
}

/// Markup whose references were escaped once more (`&amp;ldquo;`) with them as they should be.
fn escaped_once(markup: &str) -> String {
    let mut out = String::with_capacity(markup.len());
    let mut rest = markup;
    while let Some(at) = rest.find("&amp;") {
        out.push_str(&rest[..=at]);
        rest = &rest[at + "&amp;".len()..];
        let end = rest.bytes().take(33).position(|byte| byte == b';');
        let names = end.is_some_and(|end| {
            let reference = format!("&{}", &rest[..=end]);
            *unescape(&reference) != *reference
        });
        if !names {
            out.push_str("amp;");
        }
    }
    out.push_str(rest);
    out
}

/// A text without what a publisher's system left for itself to fill in: `[[ge:site:419430007]]`.
fn without_placeholders(text: &str) -> Cow<'_, str> {
    if !text.contains("[[") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("[[") {
        out.push_str(&rest[..start]);
        let token = &rest[start..];
        let end = token.bytes().take(LONGEST_PLACEHOLDER).take_while(|byte| *byte != b'\n').position(|byte| byte == b']');
        let length = match end.filter(|end| token[*end..].starts_with("]]")) {
            Some(end) => end + 2,
            None => {
                out.push_str("[[");
                2
            }
        };
        rest = &token[length..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Longest token that is taken for a placeholder.
const LONGEST_PLACEHOLDER: usize = 200;

/// The paragraphs of a plain text. Blank lines part them; a single line break does where a sentence ends before it: some
/// systems wrap their lines.
fn paragraphs(text: &str) -> Vec<Cow<'_, str>> {
    let mut paragraphs: Vec<Cow<str>> = Vec::new();
    let mut parted = true;
    for line in text.lines().map(str::trim) {
        if line.is_empty() {
            parted = true;
            continue;
        }
        match paragraphs.last_mut().filter(|last| !parted && !last.ends_with(['.', '!', '?', '…', ':', '"', '”', '»', ')']))
        {
            Some(last) => {
                let last = last.to_mut();
                last.push(' ');
                last.push_str(line);
            }
            None => paragraphs.push(Cow::Borrowed(line)),
        }
        parted = false;
    }
    paragraphs
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_markup_and_escapes() {
        let links = Links::new(None);
        for (text, expected) in [
            ("Plain &amp;ldquo;words&amp;rdquo; &amp; more", "<p>Plain “words” &amp; more</p>"),
            ("One line.\nAnother\nwrapped.\n\nThird", "<p>One line.</p><p>Another wrapped.</p><p>Third</p>"),
            ("One<br />two", "<p>One<br>two</p>"),
            ("<p>&amp;ldquo;Yes&amp;rdquo; &amp; no</p>", "<p>“Yes” &amp; no</p>"),
            ("&lt;p&gt;Escaped &lt;b&gt;markup&lt;/b&gt;&lt;/p&gt;", "<p>Escaped <b>markup</b></p>"),
            ("if a<b and 5 < 6", "<p>if a&lt;b and 5 &lt; 6</p>"),
            ("Before [[ge:site:1]] after [[ open", "<p>Before after [[ open</p>"),
            ("<script>alert(1)</script><p onclick=x>Safe</p>", "<p>Safe</p>"),
            (" [[ge:x]]\n", ""),
            ("[[[1]] [[a]b]] [[[x]]", "<p>[[a]b]]</p>"),
        ] {
            assert_eq!(body(text, &links).unwrap().html, expected, "{text}");
        }
        assert!(body(&"<div>".repeat(1000), &links).is_err());
    }

    #[test]
    fn shapes_of_a_property() {
        for (value, expected) in [
            (json!("a &quot;b&quot;\n"), Some("a \"b\"")),
            (json!({"@type": "Text", "@value": "a"}), Some("a")),
            (json!({"text": "a"}), Some("a")),
            (json!({"@type": "Text"}), None),
            (json!(["a", {"text": "b"}]), Some("a b")),
            (json!("a <b>b</b>"), Some("a b")),
            (json!(7), None),
            (json!(" "), None),
        ] {
            assert_eq!(line(&value).as_deref(), expected, "{value}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in r"(<|>|/|\[\[|\]\]|&|amp;|lt;|p|br|é|\n| ){0,40}") {
            let _ = body(&text, &Links::new(None));
        }
    }
}
