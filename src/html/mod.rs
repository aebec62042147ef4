//! The few things adapters need from a page's tree, over `scraper` and `ammonia`.

mod body;
mod css;
mod cut;
mod embeds;
mod entities;
mod guard;
mod links;
mod markup;
mod nested;
mod unfinished;

pub use body::{Body, Line, body_of, body_of_lines, body_of_text};
pub use css::Css;
pub use cut::is_cut;
pub use ego_tree::iter::Edge;
pub use ego_tree::{NodeId, NodeRef};
pub use entities::{unescape, unescape_twice};
pub use guard::{Hostile, Limits, parse, parse_while};
pub use links::{Links, address};
pub use markup::markup_of;
pub use nested::Nested;
pub use scraper::{ElementRef, Html, Node, Selector};

/// Compiles a selector of ours. A wrong one is a bug of ours, and a fixture hits each: it panics with the selector.
pub fn selector(css: &str) -> Selector {
    match Selector::parse(css) {
        Ok(selector) => selector,
        Err(error) => panic!("selector `{css}`: {error}"),
    }
}

/// A selector compiled once, where it is used.
#[macro_export]
macro_rules! css {
    ($css:literal) => {{
        static SELECTOR: std::sync::LazyLock<$crate::html::Selector> =
            std::sync::LazyLock::new(|| $crate::html::selector($css));
        &*SELECTOR
    }};
}

/// The first match below the root.
pub fn first<'a>(html: &'a Html, selector: &Selector) -> Option<ElementRef<'a>> {
    html.select(selector).next()
}

/// Cleans markup that stood in a string, such as a field of an outlet's JSON.
pub fn body_of_markup(markup: &str, links: &Links) -> Result<Body, Hostile> {
    let page = parse(markup, Limits::default())?;
    Ok(body_of(first(&page, css!("body")).map(|body| *body), &[], links))
}

/// The text a reader sees in an element, on one line: white space of all kinds folded to single spaces.
pub fn text_of(element: ElementRef<'_>) -> String {
    let mut line = String::new();
    for piece in element.text() {
        fold_into(&mut line, piece);
    }
    line.truncate(line.trim_end().len());
    line
}

/// The text of an element if it is no longer than `most` bytes of words: asking each element of a page for its text is
/// quadratic in depth otherwise.
pub fn short_text_of(element: ElementRef<'_>, most: usize) -> Option<String> {
    let mut line = String::new();
    for piece in element.text() {
        // White space before the words may be long and is folded away.
        let piece = if line.is_empty() { piece.trim_start() } else { piece };
        if piece.trim_end().len() > most {
            return None;
        }
        fold_into(&mut line, piece);
        if line.len() > most + 1 {
            return None;
        }
    }
    line.truncate(line.trim_end().len());
    Some(line)
}

/// Appends a piece of text with its white space folded.
fn fold_into(line: &mut String, piece: &str) {
    for c in piece.chars() {
        if c.is_whitespace() {
            if !line.is_empty() && !line.ends_with(' ') {
                line.push(' ');
            }
        } else if !unprintable(c) {
            line.push(c);
        }
    }
}

/// Control characters and marks that turn text around have no business in a headline or a body; both survive `ammonia`.
/// Zero-width spaces are what editors leave behind.
pub(crate) fn unprintable(c: char) -> bool {
    if (' '..='~').contains(&c) {
        return false; // Nearly every character there is.
    }
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c, '\u{200b}' | '\u{feff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}')
}

/// A text with its white space folded.
pub fn fold(text: &str) -> String {
    let mut line = String::new();
    fold_into(&mut line, text);
    line.truncate(line.trim_end().len());
    line
}

/// The `content` of the first `<meta>` with this `property`, `name` or `itemprop`.
pub fn meta<'a>(html: &'a Html, name: &str) -> Option<&'a str> {
    html.select(css!("meta[content]"))
        .find(|meta| ["property", "name", "itemprop"].iter().any(|key| meta.attr(key) == Some(name)))
        .and_then(|meta| meta.attr("content"))
        .map(str::trim)
        .filter(|content| !content.is_empty())
}

/// The language that the page declares of itself.
pub fn language(html: &Html) -> Option<String> {
    let language = first(html, css!("html"))?.attr("lang")?.trim();
    let plausible = (2..=35).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    plausible.then(|| language.to_owned())
}
