//! What of an element looks like a time, and in which words of CSS it can be asked for.

use crate::html::{ElementRef, Node, fold, short_text_of};
use crate::time::{self, Printed};
use serde::Serialize;

/// Longest text that is tried as a time.
const LONGEST: usize = 60;
/// Attributes and classes of one element that are looked at.
const MOST: usize = 12;

/// What a printed time says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadsAs {
    /// An instant: it carries its own offset, or counts from the epoch.
    Instant,
    /// A date and a clock, to be read in the outlet's zone.
    Wall,
    /// A clock without a date.
    Clock,
    /// A date without a clock.
    Day,
    /// So long before the capture.
    Ago,
    /// It looks like a time, and is printed in no way that is known: `format` has to say how.
    Unread,
}

impl ReadsAs {
    /// How good a time it makes, other things being equal.
    pub(super) fn worth(self) -> f64 {
        match self {
            ReadsAs::Instant => 1.0,
            ReadsAs::Wall => 0.97,
            ReadsAs::Clock => 0.8,
            ReadsAs::Day | ReadsAs::Ago => 0.6,
            ReadsAs::Unread => 0.5,
        }
    }
}

/// A time that an element carries.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// The attribute it stands in; none for the element's text.
    pub attribute: Option<String>,
    pub printed: String,
    pub reads_as: ReadsAs,
}

/// The times that an element itself carries, in an attribute or as all of its text.
pub(super) fn times(element: ElementRef) -> Vec<Told> {
    let mut told = Vec::new();
    let dated = element.attr("itemprop").is_some_and(|property| property.to_ascii_lowercase().contains("date"));
    for (name, value) in element.value().attrs().take(MOST) {
        let speaks = ["time", "date", "stamp", "publish"].iter().any(|word| name.contains(word));
        if (speaks || (dated && name == "content")) && value.len() <= LONGEST && is_name(name) {
            let printed = time::parse(value).or_else(|| time::epoch(value).filter(|_| value.trim().len() >= 9));
            if let Some(printed) = printed {
                told.push(Told { attribute: Some(name.into()), printed: fold(value), reads_as: ReadsAs::from(&printed) });
            }
        }
    }
    if let Some(text) = own_text(element) {
        let reads_as = match time::parse(&text) {
            Some(printed) => Some(ReadsAs::from(&printed)),
            None => has_a_clock(&text).then_some(ReadsAs::Unread),
        };
        told.extend(reads_as.map(|reads_as| Told { attribute: None, printed: text, reads_as }));
    }
    told
}

impl From<&Printed> for ReadsAs {
    fn from(printed: &Printed) -> Self {
        match printed {
            Printed::Instant { .. } => ReadsAs::Instant,
            Printed::Wall { .. } => ReadsAs::Wall,
            Printed::Clock { .. } => ReadsAs::Clock,
            Printed::Day(_) => ReadsAs::Day,
            Printed::Ago { .. } => ReadsAs::Ago,
        }
    }
}

/// The text of an element that holds nothing but a little text. Only a `<time>` may hold more elements: to ask each element
/// of a page for all its text is quadratic in depth.
fn own_text(element: ElementRef) -> Option<String> {
    let plain = || {
        let mut length = 0;
        element.children().all(|child| match child.value() {
            Node::Text(text) => {
                length += text.trim().len();
                length <= LONGEST
            }
            Node::Comment(_) => true,
            _ => false,
        })
    };
    let holds_text = element.value().name() == "time" || plain();
    short_text_of(element, LONGEST).filter(|text| holds_text && text.bytes().any(|byte| byte.is_ascii_digit()))
}

/// Whether a text holds something like `14h05` or `2.30`, and little else.
fn has_a_clock(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    text.len() <= 40
        && text.split(' ').count() <= 6
        && (1..bytes.len()).any(|at| {
            matches!(bytes[at], b':' | b'.' | b'h' | b'H' | b'u')
                && digit(at - 1)
                && digit(at + 1)
                && digit(at + 2)
                && !digit(at + 3)
        })
}

/// A simple selector that an element matches, with how well it would read in a config: 1 is a class that means something.
pub(super) struct Name {
    pub css: String,
    pub worth: f64,
}

/// The simple selectors that an element matches, each good enough to select a group by.
pub(super) fn names(element: ElementRef) -> Vec<Name> {
    let tag = element.value().name();
    if !tag.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
        return Vec::new();
    }
    let bare = match tag {
        "article" => 0.7,
        "li" | "section" | "tr" | "time" => 0.5,
        _ if tag.contains('-') => 0.5,
        _ => 0.3,
    };
    let mut names = vec![Name { css: tag.to_owned(), worth: bare }];
    for class in element.value().classes().take(MOST).filter(|class| is_name(class)) {
        names.push(Name { css: format!("{tag}.{class}"), worth: if made_by_a_machine(class) { 0.5 } else { 1.0 } });
    }
    for (name, value) in element.value().attrs().take(MOST).filter(|(name, _)| is_name(name)) {
        match name {
            "id" => names.extend(prefix(value).map(|it| Name { css: format!("{tag}[id^=\"{it}\"]"), worth: 0.9 })),
            "itemtype" => {
                let kind = value.rsplit('/').next().filter(|kind| is_name(kind));
                names.extend(kind.map(|kind| Name { css: format!("{tag}[itemtype$=\"{kind}\"]"), worth: 0.95 }));
            }
            "role" | "itemprop" => names.extend(valued(tag, name, value, 0.8)),
            _ if name.starts_with("data-") => {
                names.push(Name { css: format!("{tag}[{name}]"), worth: 0.75 });
                names.extend(valued(tag, name, value, 0.85));
            }
            _ => {}
        }
    }
    names
}

fn valued(tag: &str, name: &str, value: &str, worth: f64) -> Option<Name> {
    let plain = value.len() <= 30 && is_name(value) && !made_by_a_machine(value);
    plain.then(|| Name { css: format!("{tag}[{name}=\"{value}\"]"), worth })
}

/// The selector that names an element best.
pub(super) fn best_name(element: ElementRef) -> Option<String> {
    let best = names(element).into_iter().reduce(|best, name| if name.worth > best.worth { name } else { best });
    best.map(|name| name.css)
}

/// What goes before the number in an element's id: `post-` of `post-81234`.
fn prefix(id: &str) -> Option<&str> {
    let cut = match id.rfind(['-', '_', ':']) {
        Some(at) if id[at + 1..].bytes().any(|byte| byte.is_ascii_digit()) => &id[..=at],
        _ => id.trim_end_matches(|c: char| c.is_ascii_digit()),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':');
    (cut.len() >= 2 && cut.len() < id.len() && cut.len() <= 40 && cut.chars().all(plain)).then_some(cut)
}

/// Whether an id is one that a person gave, fit to be selected by.
pub(super) fn is_lasting_id(id: &str) -> bool {
    is_name(id) && !made_by_a_machine(id) && prefix(id).is_none()
}

/// What CSS takes for a name without escapes.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.len() <= 60 && text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.bytes().all(plain)
}

/// Whether a name looks computed (`css-1x9ab2`, `sc-kDTinF`): the outlet's next release has other ones.
fn made_by_a_machine(name: &str) -> bool {
    name.split(['-', '_']).any(|part| {
        let bytes = part.as_bytes();
        let digit_inside = part.trim_end_matches(|c: char| c.is_ascii_digit()).bytes().any(|byte| byte.is_ascii_digit());
        let humps = bytes.windows(2).filter(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase()).count();
        let few_vowels = !part.bytes().any(|byte| b"aeiouyAEIOUY".contains(&byte));
        part.len() >= 5 && (digit_inside || humps * 3 >= part.len() || (few_vowels && part.len() >= 6))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_made_by_a_machine() {
        for name in ["css-1x9ab2", "dcr-4k6ztr", "sc-1a2b3c4d", "jss-kDTnFbQ"] {
            assert!(made_by_a_machine(name), "{name}");
        }
        for name in ["live-event-entry", "liveblog__post", "col12", "h2", "story2024", "storyBlockHeader"] {
            assert!(!made_by_a_machine(name), "{name}");
        }
    }

    #[test]
    fn prefixes_of_ids() {
        for (id, expected) in [
            ("post-81234", Some("post-")),
            ("block-646219928f08e408b758af95", Some("block-")),
            ("beitrag3", Some("beitrag")),
            ("live-blog", None),
            ("81234", None),
            ("a\"b-7", None),
        ] {
            assert_eq!(prefix(id), expected, "{id}");
        }
    }

    #[test]
    fn texts_that_hold_a_clock() {
        for text in ["14h05", "29/10/2023 à 02h30", "kl. 14.05", "2:30 Uhr"] {
            assert!(has_a_clock(text), "{text}");
        }
        for text in ["1.5", "v1.234", "two", "10", "at 2:30 we saw that it was not what they said it was"] {
            assert!(!has_a_clock(text), "{text}");
        }
    }
}
