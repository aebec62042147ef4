//! What an entry is called in a reader's list: its headline, the beginning of its text, or at least its time.

use crate::model::{Entry, Precision};

use super::{filled, instant};

/// Longest title cut from a body, in characters, the ellipsis included.
const LONGEST: usize = 100;

/// The title of `entry`, on one line and never empty. It depends on the entry alone, so it stays the same for ever.
pub(super) fn title(entry: &Entry) -> String {
    let headline = entry.headline.as_deref().and_then(filled).map(|text| one_line(&text));
    let opening = || filled(&entry.body_text).and_then(|text| opening(&text));
    headline.or_else(opening).unwrap_or_else(|| timed(entry))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The first paragraph, cut behind a word where it is long. None where there is no place to cut without tearing a letter.
fn opening(text: &str) -> Option<String> {
    let paragraph = one_line(text.trim_start().split("\n\n").next()?);
    let Some((end, _)) = paragraph.char_indices().nth(LONGEST) else {
        return Some(paragraph).filter(|text| !text.is_empty());
    };
    let start = &paragraph[..end];
    // Cutting before any of these characters leaves room for the ellipsis.
    let torn_nowhere = || start.char_indices().rev().find(|&(at, next)| at > 0 && apart(&start[..at], next));
    let cut = start.rfind(' ').or_else(|| torn_nowhere().map(|(at, _)| at))?;
    let kept = start[..cut].trim_end_matches([',', ';', ':', ' ', '–', '—', '-']);
    (!kept.is_empty()).then(|| format!("{kept}…"))
}

/// Whether `next` surely begins a letter of its own behind `before`. It says no far too often (to all of Thai, to emoji),
/// which costs a title; a yes too many would leave half a letter in one.
fn apart(before: &str, next: char) -> bool {
    let starts = match next {
        '\u{300}'..='\u{36F}' | '\u{483}'..='\u{489}' => false,
        '\0'..='\u{52F}' => next.is_alphanumeric(),
        // Kana without the voicing marks, ideographs, Hangul syllables.
        '\u{3041}'..='\u{3096}' | '\u{30A1}'..='\u{30FA}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' => true,
        '\u{AC00}'..='\u{D7A3}' => true,
        _ => false,
    };
    let joins =
        |c: char| matches!(c, '\u{200D}' | '\u{600}'..='\u{605}' | '\u{1100}'..='\u{115F}' | '\u{A960}'..='\u{A97C}');
    starts && !before.ends_with(joins)
}

/// For an entry that says nothing: when it was, as exactly as that is known.
fn timed(entry: &Entry) -> String {
    let at = instant(entry.published.at);
    match entry.published.precision {
        Precision::Second | Precision::Minute => at.format("%H:%M UTC update").to_string(),
        Precision::Hour => at.format("Update of about %H UTC").to_string(),
        Precision::Day => at.format("Update of %-d %B %Y").to_string(),
        Precision::Unknown => at.format("Update first seen %-d %B %Y").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn short_first_paragraphs_are_whole() {
        assert_eq!(opening("  Goal!\n\nIt was offside.").as_deref(), Some("Goal!"));
        assert_eq!(opening("two\nlines\tof one").as_deref(), Some("two lines of one"));
        assert_eq!(opening(&"x".repeat(100)).as_deref(), Some("x".repeat(100).as_str()));
    }

    #[test]
    fn long_ones_are_cut_behind_a_word() {
        let text = "word ".repeat(40);
        let cut = opening(&text).unwrap();
        assert_eq!(cut, format!("{}…", "word ".repeat(19) + "word"));
        assert_eq!(cut.chars().count(), 100);
        // The space is the 100th character: the ellipsis takes its place.
        let text = format!("{} {}", "a".repeat(99), "b".repeat(30));
        assert_eq!(opening(&text).unwrap(), format!("{}…", "a".repeat(99)));
        // It is the 101st: the word before it is one too long.
        let text = format!("{} {}", "a".repeat(100), "b".repeat(30));
        assert_eq!(opening(&text).unwrap(), format!("{}…", "a".repeat(99)));
    }

    #[test]
    fn punctuation_is_not_left_hanging() {
        let text = format!("{}, {}", "a".repeat(60), "b".repeat(60));
        assert_eq!(opening(&text).unwrap(), format!("{}…", "a".repeat(60)));
    }

    #[test]
    fn letters_are_not_torn() {
        assert_eq!(opening(&"字".repeat(120)).unwrap(), format!("{}…", "字".repeat(99)));
        // The accent is a character of its own.
        assert_eq!(opening(&"e\u{301}".repeat(60)).unwrap(), format!("{}…", "e\u{301}".repeat(49)));
        assert_eq!(opening(&"👩\u{200D}🚀".repeat(60)), None);
    }

    proptest! {
        #[test]
        fn any_text_gives_a_beginning_of_itself(text in "\\PC{0,200}") {
            if let Some(cut) = opening(&text) {
                prop_assert!((1..=LONGEST).contains(&cut.chars().count()));
                prop_assert!(one_line(&text).starts_with(cut.trim_end_matches('…')));
            }
        }
    }
}
