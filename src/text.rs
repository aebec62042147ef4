//! Plain-text captures: what a text extractor left of a page. No markup, so lines and their ends are all there is.

/// The lines of a capture, trimmed; blank ones kept, since a gap can mean something.
pub fn lines(text: &str) -> Vec<&str> {
    text.trim_start_matches('\u{feff}').lines().map(str::trim).collect()
}

/// Whether a line ends as a sentence does: a headline doesn't. An initial at the end ("in the U.S.") is no full stop.
pub fn ends_sentence(line: &str) -> bool {
    let line = line.trim_end_matches(['"', '”', '’', '\'', ')', ']', '»']);
    match line.chars().last() {
        Some('.') => {
            let word = line.trim_end_matches('.').rsplit([' ', '.', '-']).next().unwrap_or_default();
            !(word.chars().count() == 1 && word.chars().all(char::is_uppercase)) || line.ends_with("..")
        }
        Some(':' | ';' | ',' | '…') => true,
        _ => false,
    }
}

/// Longest line that is taken for a headline, in characters.
const LONGEST_HEADLINE: usize = 220;

/// Whether a line reads like a headline: a few words that don't end as a sentence does.
pub fn reads_as_headline(line: &str) -> bool {
    let quoted_speech = line.starts_with(['“', '"', '«']) && line.ends_with(['”', '"', '»']);
    !line.is_empty()
        && line.chars().count() <= LONGEST_HEADLINE
        && !ends_sentence(line)
        && !quoted_speech
        && line.contains(' ')
}

/// Longest line that is taken for the heading of a section, in characters.
const LONGEST_CROSSHEAD: usize = 90;

/// Whether a line that stands alone reads like the heading of a section.
pub fn reads_as_crosshead(line: &str) -> bool {
    reads_as_headline(line) && line.chars().count() <= LONGEST_CROSSHEAD
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headlines_and_sentences() {
        for headline in
            ["Explainer: Why now?", "Talks Resume in the U.S.", "Kremlin: ‘No Plans’", "12 officers hurt (photos)"]
        {
            assert!(reads_as_headline(headline), "{headline}");
        }
        for sentence in [
            "More below:",
            "The talks ended.",
            "“We will see,” he said. “Soon.”",
            "(A banned group.)",
            "“Nothing is decided yet”",
            "Caption",
            "",
        ] {
            assert!(!reads_as_headline(sentence), "{sentence}");
        }
    }
}
