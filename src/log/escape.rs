//! Text from outside as it may stand in a line.

use std::fmt::Write;

/// `text` without anything that could begin a line, steer a terminal or hide what is there, in at most `most` bytes. What is
/// cut off is told by `…`.
pub fn shown(text: &str, most: usize) -> String {
    let mut shown = String::new();
    // No character takes less than a byte: what lies behind is not looked at.
    for c in text.chars().take(most + 1) {
        let before = shown.len();
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if c.is_control() || steers(c) => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            c => shown.push(c),
        }
        if shown.len() > most {
            shown.truncate(before);
            shown.push('…');
            break;
        }
    }
    shown
}

/// Line ends that are no control characters, and those that turn or hide what stands beside them.
fn steers(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}' | '\u{61c}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_is_named_and_what_is_long_is_cut() {
        assert_eq!(shown("Пожар в порту — «три» dead", 100), "Пожар в порту — «три» dead");
        assert_eq!(
            shown("a\r\n\tb\u{1b}[2J\u{9b}\u{202e}c\u{7f}\0", 100),
            "a\\r\\n\\tb\\u{1b}[2J\\u{9b}\\u{202e}c\\u{7f}\\u{0}"
        );
        assert_eq!((shown("abc", 3), shown("abcd", 3)), ("abc".into(), "abc…".into()));
        assert_eq!(shown("ééé", 3), "é…");
        assert_eq!(shown("ab\n", 3), "ab…");
        assert_eq!(shown("", 0), "");
    }
}
