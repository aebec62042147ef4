//! From a text to its words: each folded, cut to what its forms share, and with what its capital says.

use std::sync::LazyLock;

use txtfp::{Canonicalizer, Tokenizer, WordTokenizer};

use super::frequent::is_frequent;
use super::numbers;

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    /// In small letters.
    Word,
    /// With a capital that may be due to its place: the first of a sentence, or in a headline that has them all over.
    Capital,
    /// With a capital of its own.
    Name,
    /// A figure.
    Number,
    /// Two figures that stand against each other: `2-1`.
    Score,
}

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub kind: Kind,
    /// What its forms share.
    pub stem: String,
}

/// Characters of a stem, at most.
const STEM: usize = 7;
/// Where a script has no capitals to tell names by, or forms change at their ends.
const STEM_OTHER: usize = 6;
/// A word of fewer letters is one of a language's small ones.
const SHORT: usize = 3;

static FOLD: LazyLock<Canonicalizer> = LazyLock::new(Canonicalizer::default);

/// The words of `text`, in its order, at most `most`; those that say nothing are left out.
pub(super) fn words(text: &str, most: usize) -> Vec<Word> {
    let shouted = is_shouted(text);
    let mut found: Vec<Word> = Vec::new();
    let mut before = Before::default();
    WordTokenizer.for_each_token(text, &mut |token| {
        if found.len() >= most {
            return;
        }
        let at = (token.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        let gap = text.get(before.end..at).unwrap_or_default();
        let begins = begins_sentence(gap, before.end == 0);
        before.end = at + token.len();
        let folded = FOLD.canonicalize(token);
        let bare = folded.strip_suffix("'s").or_else(|| folded.strip_suffix("’s")).unwrap_or(&folded);
        let figure = before.figure.take();
        if let Some(value) = numbers::value(bare) {
            let share = text.get(before.end..).is_some_and(|rest| rest.trim_start().starts_with('%'));
            match (figure, found.last_mut()) {
                (Some(first), Some(last)) if gap == "-" && !bare.starts_with(|c: char| c.is_ascii_digit()) => {
                    last.stem = numbers::joined(&first, &value).unwrap_or(value);
                }
                (Some(first), Some(last)) if matches!(gap, "-" | "–") && first.len() <= 3 && value.len() <= 3 => {
                    *last = Word { kind: Kind::Score, stem: format!("{first}-{value}") };
                }
                // A clock.
                (Some(_), Some(_)) if gap == ":" => drop(found.pop()),
                _ => {
                    before.figure = Some(value.clone());
                    found.push(Word { kind: Kind::Number, stem: value });
                }
            }
            found.extend(share.then(percent));
            return;
        }
        // A share is one thing however it is printed: `38%`, `38 percent`, `38 per cent`.
        if matches!(bare, "percent" | "cent" | "pct") {
            let share = found.last().is_some_and(|last| last.kind == Kind::Number);
            found.extend(share.then(percent));
            return;
        }
        let letters = bare.chars().filter(|c| c.is_alphabetic()).count();
        let capital = token.starts_with(char::is_uppercase);
        let acronym = letters >= 2 && token.chars().filter(|c| c.is_alphabetic()).all(char::is_uppercase);
        let cased = capital || token.chars().any(char::is_lowercase);
        let kind = match (capital, acronym) {
            (true, true) if !shouted => Kind::Name,
            (true, _) if !shouted && !begins => Kind::Name,
            (true, _) => Kind::Capital,
            (false, _) => Kind::Word,
        };
        if is_frequent(bare) || cased && letters < SHORT && !(acronym && kind == Kind::Name) || letters == 0 {
            return;
        }
        found.push(Word { kind, stem: stem(bare) });
    });
    found
}

/// What a share counts.
pub(super) const PERCENT: &str = "%";

fn percent() -> Word {
    Word { kind: Kind::Word, stem: PERCENT.into() }
}

/// What came before a word.
#[derive(Default)]
struct Before {
    end: usize,
    /// The figure that ended there.
    figure: Option<String>,
}

/// Whether what stands between two words ends a sentence.
fn begins_sentence(gap: &str, first: bool) -> bool {
    first || gap.contains(['.', '!', '?', ':', ';', '\n', '•', '“', '"', '«', '‘', '…', '|', '(', '/'])
}

/// Whether a text has capitals all over, so that they say nothing: of its longer words most have one.
fn is_shouted(text: &str) -> bool {
    let (mut long, mut capital) = (0, 0);
    WordTokenizer.for_each_token(text, &mut |token| {
        if token.chars().filter(|c| c.is_alphabetic()).count() > 3 {
            long += 1;
            capital += usize::from(token.starts_with(char::is_uppercase));
        }
    });
    long >= 3 && capital * 10 >= long * 7
}

/// What the forms of a word share: `explosion` and `explosions`, `land` and `landed`, `Russia` and `Russian`.
fn stem(word: &str) -> String {
    let most = if word.is_ascii() { STEM } else { STEM_OTHER };
    let mut stem = word;
    if word.is_ascii() {
        let endings = ["ings", "ing", "edly", "ied", "ies", "ed", "es", "s", "e", "y"];
        let cut = endings.iter().find_map(|ending| word.strip_suffix(ending).filter(|rest| rest.len() >= 3));
        stem = cut.unwrap_or(word);
    }
    stem.chars().filter(|c| c.is_alphanumeric()).take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let told = words(text, 50).into_iter().map(|Word { kind, stem }| match kind {
            Kind::Word => stem,
            Kind::Capital => format!("^{stem}"),
            Kind::Name => format!("!{stem}"),
            Kind::Number => format!("#{stem}"),
            Kind::Score => format!("={stem}"),
        });
        told.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn names_and_figures_are_known_by_their_looks() {
        for (text, read) in [
            ("Troops landed in Almaty, the CSTO said.", "^troop land !almat !csto"),
            // A headline with capitals all over says nothing by them.
            ("Troops Landed In Almaty Today", "^troop ^land ^almat"),
            ("ALMATY: Nothing moves", "!almat mov"),
            ("He was there. Tokayev's plane left with 2,500 men", "^tokayev plan left #2500 men"),
            ("Rovers 2-1 Wanderers (13:45)", "^rover =2-1 !wandere"),
            ("Взрыв в Алматы", "^взрыв !алматы"),
            ("Twenty-six policemen", "#26 policem"),
            ("38% and 29.5 per cent", "#38 % #29.5 %"),
            ("", ""),
            ("12", "#12"),
        ] {
            assert_eq!(told(text), read, "{text}");
        }
    }

    #[test]
    fn forms_of_a_word_are_one() {
        for (one, other) in [
            ("explosion", "explosions"),
            ("landed", "landing"),
            ("arrives", "arriving"),
            ("russia", "russias"),
            ("city", "cities"),
            ("protesters", "protesting"),
        ] {
            let (one, other) = (stem(one), stem(other));
            assert!(one == other || one.starts_with(&other) || other.starts_with(&one), "{one} {other}");
        }
    }
}
