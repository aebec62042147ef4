//! What stands in the way where a page holds no entry: a consent wall, a captcha, a block. Pure.
//!
//! Only asked where nothing was found, since most whole pages have words like these somewhere. A guess, told as one: it decides
//! nothing, it only spares a person the look.

use crate::html::{fold, unescape};
use crate::page::Page;

/// As much of a page as is looked through; walls are small.
const LOOKED_AT: usize = 256 << 10;

/// The longest title that is told, in characters.
const LONGEST_TITLE: usize = 80;

/// Signs of each kind, in small letters; the most certain kinds first.
const SIGNS: [(&str, &[&str]); 8] = [
    (
        "a check for robots",
        &[
            "cf-challenge",
            "challenge-platform",
            "checking your browser",
            "just a moment...",
            "captcha-delivery.com",
            "px-captcha",
            "_incapsula_resource",
            "g-recaptcha",
            "h-captcha",
            "hcaptcha.com",
            "are you a robot",
            "you are not a robot",
            "you are human",
            "unusual traffic",
        ],
    ),
    (
        "a block",
        &[
            "access denied",
            "you don't have permission to access",
            "request blocked",
            "you have been blocked",
            "error 1020",
            "not available in your country",
            "not available in your region",
            "unavailable for legal reasons",
        ],
    ),
    (
        "a consent wall",
        &[
            "before you continue",
            "we value your privacy",
            "your privacy choices",
            "accept all cookies",
            "accept and continue",
            "privacy-mgmt.com",
            "consent.",
            "consentcheck",
            "cookie-wall",
        ],
    ),
    (
        "a paywall or login",
        &[
            "subscribe to continue",
            "subscribe to read",
            "log in to continue",
            "sign in to continue",
            "create a free account",
        ],
    ),
    ("maintenance", &["scheduled maintenance", "down for maintenance", "be back soon", "temporarily unavailable"]),
    ("a page that is gone", &["page not found", "no longer available", "can't find the page", "error 404"]),
    ("a page that only a browser fills", &["enable javascript", "requires javascript", "turn on javascript"]),
    ("a page that leads elsewhere", &["http-equiv=\"refresh\"", "http-equiv=refresh", "http-equiv='refresh'"]),
];

/// What the page looks like, for people: its kind where there is a sign of one, and its title.
pub fn told(page: &Page) -> Option<String> {
    let (mut text, _) = page.text();
    text.truncate(text.floor_char_boundary(LOOKED_AT));
    let small = text.to_ascii_lowercase();
    let title = title(&text, &small);
    let kind = SIGNS.iter().find(|(_, signs)| signs.iter().any(|sign| small.contains(sign))).map(|(kind, _)| *kind);
    match (kind, title) {
        (Some(kind), Some(title)) => Some(format!("it looks like {kind}, titled “{title}”")),
        (Some(kind), None) => Some(format!("it looks like {kind}")),
        (None, Some(title)) => Some(format!("it is titled “{title}”")),
        (None, None) => None,
    }
}

fn title(text: &str, small: &str) -> Option<String> {
    let tag = small.find("<title")?;
    let from = tag + small[tag..].find('>')? + 1;
    let until = from + small[from..].find('<')?;
    let title = fold(&unescape(&text[from..until]));
    let title: String = title.chars().filter(|c| !c.is_control()).take(LONGEST_TITLE).collect();
    (!title.is_empty()).then_some(title)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Captured;

    fn told(markup: &str) -> Option<String> {
        let captured = Captured::By(chrono::DateTime::UNIX_EPOCH);
        let content_type = Some("text/html; charset=utf-8".to_owned());
        super::told(&Page { body: markup.as_bytes().to_vec(), url: None, content_type, captured })
    }

    /// Twelve shapes in which pages come that are not the page.
    #[test]
    fn what_stands_in_the_way_is_named() {
        for (markup, kind) in [
            ("<title>Just a moment...</title><div id=cf-challenge>", "a check for robots"),
            ("<script src='https://geo.captcha-delivery.com/c.js'></script>", "a check for robots"),
            ("<p>Our systems have detected Unusual Traffic.</p>", "a check for robots"),
            ("<h1>Access Denied</h1>Reference #18.2f", "a block"),
            ("<p>This content is not available in your region.", "a block"),
            ("<title>Before you continue</title><form action='https://consent.news.example/save'>", "a consent wall"),
            ("<h2>We value your privacy</h2><button>Agree</button>", "a consent wall"),
            ("<p>Subscribe to continue reading", "a paywall or login"),
            ("<p>Please log in to continue", "a paywall or login"),
            ("<h1>Down for maintenance</h1>", "maintenance"),
            ("<title>Sorry</title><h1>Page not found</h1>", "a page that is gone"),
            ("<noscript>You need to enable JavaScript to run this app.</noscript><div id=root></div>", "a page that only"),
        ] {
            let told = told(markup).unwrap();
            assert!(told.starts_with(&format!("it looks like {kind}")), "{markup}: {told}");
        }
    }

    #[test]
    fn a_title_is_told_on_one_line_and_not_at_length() {
        assert_eq!(told("<TITLE lang=en>\n Storm &amp; tide \x1b[2J</TITLE>").unwrap(), "it is titled “Storm & tide [2J”");
        let long = told(&format!("<title>{}</title>", "é".repeat(500))).unwrap();
        assert_eq!(long.chars().filter(|c| *c == 'é').count(), LONGEST_TITLE);
        for nothing in ["", "<p>Bread", "<title></title>", "<title", "<title>never closed", "<titleé"] {
            assert_eq!(told(nothing), None, "{nothing}");
        }
    }
}
