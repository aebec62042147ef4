//! JSON-LD blocks as pages carry them, which is not always JSON.

use crate::css;
use crate::html::Html;
use serde_json::Value;

/// What a page's JSON-LD blocks hold.
#[derive(Debug, Default)]
pub struct JsonLd {
    /// Their objects, with arrays and `@graph` laid open.
    pub nodes: Vec<Value>,
    /// What was wrong with each block that tells of a live blog and could not be read.
    pub broken: Vec<String>,
}

/// Whether any of the page's JSON-LD names this type, in whatever place: a look that costs no parsing.
pub fn mentions(html: &Html, kind: &str) -> bool {
    blocks(html).any(|block| block.contains(kind))
}

/// Reads the page's JSON-LD blocks, each parsed once. One that is not JSON is mended where that is cheap, and passed over
/// otherwise: pages carry a broken block beside good ones.
pub fn json_ld(html: &Html) -> JsonLd {
    let mut read = JsonLd::default();
    for block in blocks(html) {
        let text = unwrapped(&block);
        match serde_json::from_str(text).or_else(|_| serde_json::from_str(&mended(text))) {
            Ok(value) => lay_open(value, &mut read.nodes),
            Err(error) if text.contains("LiveBlogPosting") => read.broken.push(error.to_string()),
            Err(_) => {}
        }
    }
    read
}

fn blocks(html: &Html) -> impl Iterator<Item = String> + '_ {
    html.select(css!(r#"script[type^="application/ld+json" i]"#)).map(|script| script.text().collect())
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

/// A block without what templates wrap around it: comments, CDATA marks, a semicolon.
fn unwrapped(block: &str) -> &str {
    let mut text = block.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    for mark in ["<!--", "//", "/*", "<![CDATA[", "*/"] {
        text = text.strip_prefix(mark).unwrap_or(text).trim_start();
    }
    for mark in ["-->", "*/", "]]>", "//", "/*", ";"] {
        text = text.strip_suffix(mark).unwrap_or(text).trim_end();
    }
    text
}

/// The same with what templates get wrong put right: raw control characters in strings, escapes that JSON does not know,
/// halves of surrogate pairs (a text cut inside an emoji), a comma before a closing bracket.
fn mended(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut within = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        match c {
            '"' => {
                within = !within;
                out.push(c);
            }
            '\\' if within => {
                let (meant, taken) = escape(rest);
                out.push_str(&meant);
                length = taken;
            }
            '\n' if within => out.push_str("\\n"),
            c if within && c < ' ' => out.push(' '),
            ',' if !within && rest[1..].trim_start().starts_with([']', '}']) => {}
            c if !within && (c.is_whitespace() || c.is_control() || c == '\u{feff}') => out.push(' '),
            c => out.push(c),
        }
        rest = &rest[length..];
    }
    out
}

/// The escape at the start of a text as JSON has it, and its length.
fn escape(text: &str) -> (String, usize) {
    let unit = |from: usize| {
        let digits = text.get(from..from + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    match text.chars().nth(1) {
        Some(c @ ('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't')) => (format!("\\{c}"), 2),
        Some('u') => match (unit(0), unit(6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (text[..12].to_owned(), 12),
            (Some(0xd800..=0xdfff), _) => ("\u{fffd}".to_owned(), 6),
            (Some(_), _) => (text[..6].to_owned(), 6),
            (None, _) => ("\\\\u".to_owned(), 2),
        },
        Some(c) if c.is_control() => (" ".to_owned(), 1 + c.len_utf8()),
        Some(c @ ('\'' | '&' | '$' | '-' | '.' | '!')) => (c.to_string(), 2),
        _ => ("\\\\".to_owned(), 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::{Limits, parse};

    #[test]
    fn blocks_that_are_not_json_are_mended() {
        for (block, expected) in [
            ("{\"a\":\"x\ny\tz\u{1}\"}", r#"{"a":"x\ny z "}"#),
            (r#"{"a":"it\'s \q \u12"}"#, r#"{"a":"it's \\q \\u12"}"#),
            (r#"{"a":"\ud83d\ude00 \ud83d"}"#, "{\"a\":\"😀 \u{fffd}\"}"),
            ("[{\"a\":1,},\u{a0}]", r#"{"a":1}"#),
            ("//<![CDATA[\n{\"a\":\",]\"}\n//]]>", r#"{"a":",]"}"#),
            ("<!-- {\"a\":1}; -->", r#"{"a":1}"#),
        ] {
            let page = format!("<script type=\"Application/LD+JSON; charset=utf-8\">{block}</script>");
            let read = json_ld(&parse(&page, Limits::default()).unwrap());
            let told: Vec<String> = read.nodes.iter().map(Value::to_string).collect();
            assert_eq!(told, [expected], "{block}");
        }
    }

    #[test]
    fn a_broken_block_hides_no_other() {
        let page = r#"<script type="application/ld+json">{"@type":"LiveBlogPosting", oh</script>
            <script type="application/ld+json">{"@type":"Thing"</script>
            <script type="application/ld+json">{"@graph":[{"b":1}],"c":2}</script>"#;
        let read = json_ld(&parse(page, Limits::default()).unwrap());
        assert_eq!(read.nodes, [serde_json::json!({"b":1}), serde_json::json!({"c":2})]);
        assert_eq!(read.broken.len(), 1);
    }

    proptest::proptest! {
        #[test]
        fn no_block_panics(text in r#"(["\\u{},:]|\\ud8|00|[\n\t é]|[a-f]){0,60}"#) {
            let _ = (mended(&text), unwrapped(&text));
        }
    }
}
