//! How one state of an entry differs from the one before: word by word, in the order of reading.
//!
//! Bounded and deterministic: what both texts begin and end with is set aside, and what is left is compared by words, or by
//! paragraphs where it is long. No clock decides how far a comparison goes, so the same texts always give the same pieces.

use serde::Serialize;
use similar::{Algorithm, DiffTag, capture_diff_slices};
use utoipa::ToSchema;

/// Words that are left of both texts together, up to which they are compared word by word. The comparison takes the product of
/// their number and of what differs: more would take seconds.
const WORDS: usize = 4000;
/// The same for paragraphs.
const PARAGRAPHS: usize = 4000;

/// A piece of a text and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Piece {
    /// What became of it.
    pub fate: Fate,
    /// Its characters. All pieces but the removed ones, one after another, are the new text; all but the added ones, the old.
    pub text: String,
}

/// See [`Piece::fate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It stands in both.
    Kept,
    /// It stood in the old text only.
    Removed,
    /// It stands in the new text only.
    Added,
}

/// What became of `old` in `new`. Removed pieces stand before what was added in their place.
pub fn compared(old: &str, new: &str) -> Vec<Piece> {
    let mut pieces = Pieces::default();
    compare(&mut pieces, &words(old), &words(new), WORDS, &|pieces, old, new| {
        // Too much for words. A paragraph that differs is shown whole.
        let (old, new) = (old.concat(), new.concat());
        compare(pieces, &paragraphs(&old), &paragraphs(&new), PARAGRAPHS, &|pieces, old, new| {
            pieces.add(Fate::Removed, &old.concat());
            pieces.add(Fate::Added, &new.concat());
        });
    });
    pieces.done()
}

/// What is done with slices that are too many to be compared.
type Beyond<'a> = dyn Fn(&mut Pieces, &[&str], &[&str]) + 'a;

/// Compares slices of two texts; what is beyond `most` is left to `beyond`.
fn compare(pieces: &mut Pieces, old: &[&str], new: &[&str], most: usize, beyond: &Beyond) {
    let same = old.iter().zip(new).take_while(|(one, other)| one == other).count();
    let (start, old, new) = (&old[..same], &old[same..], &new[same..]);
    let same = old.iter().rev().zip(new.iter().rev()).take_while(|(one, other)| one == other).count();
    let (old, end) = old.split_at(old.len() - same);
    let new = &new[..new.len() - same];
    pieces.add(Fate::Kept, &start.concat());
    if old.len() + new.len() > most {
        beyond(pieces, old, new);
    } else {
        for operation in capture_diff_slices(Algorithm::Myers, old, new) {
            let (removed, added) = (&old[operation.old_range()], &new[operation.new_range()]);
            match operation.tag() {
                DiffTag::Equal => pieces.add(Fate::Kept, &added.concat()),
                DiffTag::Delete | DiffTag::Insert | DiffTag::Replace => {
                    pieces.add(Fate::Removed, &removed.concat());
                    pieces.add(Fate::Added, &added.concat());
                }
            }
        }
    }
    pieces.add(Fate::Kept, &end.concat());
}

#[derive(Default)]
struct Pieces {
    all: Vec<Piece>,
    /// What was removed and added since the last words that both texts have.
    removed: String,
    added: String,
}

impl Pieces {
    fn add(&mut self, fate: Fate, text: &str) {
        match fate {
            Fate::Removed => self.removed += text,
            Fate::Added => self.added += text,
            Fate::Kept if text.is_empty() => {}
            // A lone space between two changed words would cut one change in two.
            Fate::Kept if text.chars().all(|c| c == ' ') && !(self.removed.is_empty() && self.added.is_empty()) => {
                self.removed += text;
                self.added += text;
            }
            Fate::Kept => {
                self.close();
                self.push(Fate::Kept, text.to_owned());
            }
        }
    }

    fn close(&mut self) {
        let (removed, added) = (std::mem::take(&mut self.removed), std::mem::take(&mut self.added));
        // What was carried into both by the rule above, and stands at the end of both, is kept after all.
        let tail = removed.len() - removed.trim_end_matches(' ').len();
        let tail = tail.min(added.len() - added.trim_end_matches(' ').len());
        let (removed, kept) = removed.split_at(removed.len() - tail);
        self.push(Fate::Removed, removed.to_owned());
        self.push(Fate::Added, added[..added.len() - tail].to_owned());
        self.push(Fate::Kept, kept.to_owned());
    }

    fn push(&mut self, fate: Fate, text: String) {
        match self.all.last_mut() {
            _ if text.is_empty() => {}
            Some(last) if last.fate == fate => last.text += &text,
            _ => self.all.push(Piece { fate, text }),
        }
    }

    fn done(mut self) -> Vec<Piece> {
        self.close();
        self.all
    }
}

/// Words and what stands between them, each a slice of its own. Marks at the end of a word are apart from it, so that a comma
/// is not another word.
fn words(text: &str) -> Vec<&str> {
    let kind = |c: char| match c {
        c if c.is_alphanumeric() => 0,
        '\n' => 1,
        c if c.is_whitespace() => 2,
        // Each mark alone.
        _ => 3,
    };
    slices(text, |before, c| kind(before) == kind(c) && kind(c) != 3)
}

fn paragraphs(text: &str) -> Vec<&str> {
    slices(text, |before, c| !(before == '\n' && c != '\n'))
}

/// Cuts a text wherever two neighbours do not belong together.
fn slices(text: &str, together: impl Fn(char, char) -> bool) -> Vec<&str> {
    let mut slices = Vec::new();
    let (mut start, mut before) = (0, None);
    for (at, c) in text.char_indices() {
        if before.is_some_and(|before| !together(before, c)) {
            slices.push(&text[start..at]);
            start = at;
        }
        before = Some(c);
    }
    if start < text.len() {
        slices.push(&text[start..]);
    }
    slices
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `[-old-]{+new+}`, as in a terminal.
    fn marked(old: &str, new: &str) -> String {
        let piece = |piece: &Piece| match piece.fate {
            Fate::Kept => piece.text.clone(),
            Fate::Removed => format!("[-{}-]", piece.text),
            Fate::Added => format!("{{+{}+}}", piece.text),
        };
        compared(old, new).iter().map(piece).collect()
    }

    #[test]
    fn words_are_what_a_reader_would_mark() {
        for (old, new, told) in [
            ("", "", ""),
            ("The ferry waits.", "The ferry waits.", "The ferry waits."),
            ("The ferry waits.", "The ferry sails.", "The ferry [-waits-]{+sails+}."),
            ("Three dead", "Four dead, police say", "[-Three-]{+Four+} dead{+, police say+}"),
            (
                "The ferry waits at the quay",
                "The ferry has sailed at the quay",
                "The ferry [-waits-]{+has sailed+} at the quay",
            ),
            ("One two three four", "One deux trois four", "One [-two three-]{+deux trois+} four"),
            ("", "New", "{+New+}"),
            ("Gone", "", "[-Gone-]"),
            ("One.\n\nTwo.", "One.\n\nOne and a half.\n\nTwo.", "One.\n\n{+One and a half.\n\n+}Two."),
            ("Улица закрыта", "Улица открыта", "Улица [-закрыта-]{+открыта+}"),
        ] {
            assert_eq!(marked(old, new), told);
        }
    }

    #[test]
    fn long_texts_are_compared_by_paragraphs() {
        let paragraph =
            |n: usize| (0..100).map(|word| format!("w{} ", (word * 7919 + n * 104_729) % 9973)).collect::<String>();
        let old: Vec<String> = (0..80).map(paragraph).collect();
        let mut new = old.clone();
        new[0] += "at the beginning";
        new[40] = paragraph(1000);
        new[79] += "at the end";
        let pieces = compared(&old.join("\n\n"), &new.join("\n\n"));
        let kept: usize = pieces.iter().filter(|piece| piece.fate == Fate::Kept).map(|piece| piece.text.len()).sum();
        assert!(kept > old.join("").len() * 9 / 10, "{kept}");
        let added = |words: &str| pieces.iter().any(|piece| piece.fate == Fate::Added && piece.text.contains(words));
        assert!(added("at the beginning") && added("at the end") && added(&new[40]));
    }

    /// Nothing in common, in the worst size for each way of comparing: a second would be far too long.
    #[test]
    fn no_text_takes_long() {
        let text = |words: usize, between: &str, salt: usize| {
            (0..words).map(|word| format!("{salt}x{word}{between}")).collect::<String>()
        };
        for (words, between) in [(990, " "), (1000, "\n\n"), (100_000, " "), (100_000, "\n\n")] {
            let (old, new) = (text(words, between, 1), text(words, between, 2));
            let from = std::time::Instant::now();
            compared(&old, &new);
            assert!(from.elapsed().as_secs() < 5, "{words} words take {:?}", from.elapsed());
        }
    }

    proptest! {
        /// Whatever the texts, both can be read off the pieces.
        #[test]
        fn both_texts_are_in_the_pieces(old in "[ab ,\n]{0,40}", new in "[ab ,\n]{0,40}") {
            let pieces = compared(&old, &new);
            let without = |fate: Fate| pieces.iter().filter(|piece| piece.fate != fate).map(|piece| piece.text.as_str()).collect::<String>();
            prop_assert_eq!(without(Fate::Added), old);
            prop_assert_eq!(without(Fate::Removed), new);
            prop_assert!(pieces.iter().all(|piece| !piece.text.is_empty()));
        }
    }
}
