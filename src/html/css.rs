//! Selectors that a person wrote into a config: a mistake in one is theirs to hear of, not ours to panic on.

use super::ElementRef;
use scraper::Selector;
use scraper::error::SelectorErrorKind;
use scraper::selector::ToCss;

/// A CSS selector from outside, with the characters it was written in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Css {
    text: String,
    selector: Selector,
}

impl Css {
    /// Compiles a selector, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let shown = text.escape_debug();
        if text.len() > 500 {
            return Err("this selector is longer than 500 characters".into());
        }
        if text.is_empty() {
            return Err("must not be empty: write a CSS selector, for example \"article.post\"".into());
        }
        let selector = Selector::parse(text).map_err(|error| format!("`{shown}` is not a CSS selector: {}", why(&error)))?;
        match costly(&selector.to_css_string()) {
            None => Ok(Css { text: text.to_owned(), selector }),
            Some(part) => Err(format!(
                "`{shown}` holds `{part}`, which takes too long on a large page: select the entry and what is inside it \
                 by their own names, classes or attributes"
            )),
        }
    }

    /// The first match inside an element.
    pub fn first<'a>(&self, within: ElementRef<'a>) -> Option<ElementRef<'a>> {
        within.select(&self.selector).next()
    }

    /// The matches inside an element, in order, those inside another match left out.
    pub fn outermost<'a>(&self, within: ElementRef<'a>) -> Vec<ElementRef<'a>> {
        let mut found: Vec<ElementRef> = Vec::new();
        for element in within.select(&self.selector) {
            // In page order, whatever stands inside a match follows it at once.
            if found.last().is_none_or(|last| !element.ancestors().any(|above| above.id() == last.id())) {
                found.push(element);
            }
        }
        found
    }

    /// Whether an element, or one inside it, matches.
    pub fn in_or_on(&self, element: ElementRef) -> bool {
        self.selector.matches(&element) || self.first(element).is_some()
    }
}

impl std::fmt::Display for Css {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

fn why(error: &SelectorErrorKind) -> &'static str {
    match error {
        SelectorErrorKind::EndOfLine => "it breaks off",
        SelectorErrorKind::UnexpectedToken => "it holds a sign that has no place there",
        _ => "a part of it is missing or not known",
    }
}

/// What in a selector is quadratic in the page, or ends the process on a deep one. It is given as the parser writes it:
/// escapes undone, strings in double quotes.
fn costly(css: &str) -> Option<&'static str> {
    let (mut quoted, mut escaped, mut attribute) = (false, false, false);
    for (at, c) in css.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '[' => attribute = true,
            ']' => attribute = false,
            // `[class~="live"]` is a word in an attribute.
            '~' if !attribute => return Some("~"),
            ':' if css[at..].to_ascii_lowercase().starts_with(":has(") => return Some(":has()"),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costly_selectors_are_refused_however_they_are_written() {
        for (text, part) in [
            ("div:has(time)", ":has()"),
            ("div:HAS(> time)", ":has()"),
            (r"div:\68 as(time)", ":has()"),
            ("p, article:not(:has(p))", ":has()"),
            ("h2 ~ p", "~"),
            ("h2~p", "~"),
            (r#"[title="\"]~"] ~ p"#, "~"),
        ] {
            let told = Css::parse(text).unwrap_err();
            assert!(told.contains(&format!("holds `{part}`")), "{text}: {told}");
        }
        for text in [
            "article.block",
            r#"[class~="live"]"#,
            r#"a[href*=":has("]"#,
            r#"[title="~"] + p"#,
            "li:not(.ad):nth-child(2n)",
            r"#\31 2~a".trim_end_matches("~a"),
        ] {
            assert_eq!(Css::parse(text).map(|css| css.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "   ", "div[", "..a", "a,", ">", "p::before", "a:unknown", "{}", &"a ".repeat(300)] {
            assert!(Css::parse(text).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_selector_panics(text in "[a-z#.:()~>+ \\[\\]=\"'\\\\*,0-9-]{0,40}") {
            let _ = Css::parse(&text);
        }
    }
}
