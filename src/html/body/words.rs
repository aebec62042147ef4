//! The words of a body, in its markup and in its plain text.

use super::escape::escape_into;
use super::{INLINE, Writer};
use crate::html::unprintable;

/// Bytes that are written between two looks at how much there is.
const PIECE: usize = 16 * 1024;

impl Writer<'_> {
    pub(super) fn words(&mut self, text: &str) {
        if self.open.last().is_some_and(|name| name == "pre") {
            return self.word(text);
        }
        let blank = text.chars().all(char::is_whitespace);
        if !self.in_line() {
            if blank
                || self.open.last().is_some_and(|name| matches!(name.as_str(), "table" | "tr" | "tbody" | "thead" | "tfoot"))
            {
                return;
            }
            self.begin_loose();
        }
        // White space folds to one space, and to none at the start of a line.
        let mut rest = text;
        while let Some(at) = rest.find(char::is_whitespace).filter(|_| !self.full()) {
            let (word, after) = rest.split_at(at);
            self.word(word);
            if !self.html.ends_with([' ', '>']) || self.html.ends_with("</a>") || self.after_inline() {
                self.html.push(' ');
            }
            if !self.text.is_empty() && !self.text.ends_with(char::is_whitespace) {
                self.text.push(' ');
            }
            rest = after.trim_start();
        }
        self.word(rest);
    }

    /// Writes a word, which may be as long as a page may be, until there is enough.
    pub(super) fn word(&mut self, word: &str) {
        let mut rest = word;
        while !rest.is_empty() && !self.full() {
            let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE));
            escape_into(&mut self.html, piece);
            if piece.contains(unprintable) {
                self.text.extend(piece.chars().filter(|c| !unprintable(*c)));
            } else {
                self.text.push_str(piece);
            }
            rest = after;
        }
    }

    /// The last thing written is the end of an element inside a line, after which a space counts.
    fn after_inline(&self) -> bool {
        let Some(tag) = self.html.strip_suffix('>') else { return false };
        INLINE.iter().any(|name| tag.strip_suffix(name).is_some_and(|tag| tag.ends_with("</")))
    }

    /// Ends the current line of the plain text, with at most one blank line.
    pub(super) fn gap(&mut self, breaks: &str) {
        if self.text.ends_with("\n- ") || self.text == "- " {
            return; // A list item that begins with a paragraph.
        }
        let kept = self.text.trim_end_matches(['\n', ' ', '\t']).len();
        let had = self.text[kept..].matches('\n').count();
        self.text.truncate(kept);
        if kept > 0 {
            self.text.push_str(if had > breaks.len() { "\n\n" } else { breaks });
        }
    }
}
