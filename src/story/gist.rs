//! What an entry is about: the words of its headline and first sentences that say something.

use std::fmt::Write;

use super::frequent::is_recap;
use super::words::{Kind, PERCENT, Word, words};

/// Words that are looked at of a body: what happened stands first, and a long text is about too much.
const LEDE: usize = 70;
/// Words of a headline.
const HEADLINE: usize = 30;
/// An entry that says less is about nothing that could be told.
const FEWEST: usize = 5;

/// The names, figures and words that an entry is told by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gist {
    pub(super) terms: Vec<Term>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    pub kind: Kind,
    pub stem: String,
    /// Whether it stands in the headline.
    pub headline: bool,
    /// Of a figure, what it counts: the word after it.
    pub counts: Option<String>,
}

impl Gist {
    /// The gist of an entry with this headline and this text. One that sums up what was told before has none.
    pub fn of(headline: Option<&str>, body: &str) -> Gist {
        let mut gist = Gist::default();
        if headline.is_some_and(|headline| is_recap(&headline.to_lowercase())) {
            return gist;
        }
        for (text, most, in_headline) in [(headline.unwrap_or_default(), HEADLINE, true), (body, LEDE, false)] {
            let found = words(text, most);
            for (nth, word) in found.iter().enumerate().filter(|(_, word)| word.stem != PERCENT) {
                let counted = found.get(nth + 1).filter(|next| word.kind == Kind::Number && next.kind != Kind::Number);
                gist.add(word, in_headline, counted.map(|next| next.stem.clone()));
            }
        }
        gist
    }

    fn add(&mut self, word: &Word, headline: bool, counts: Option<String>) {
        // What is counted tells one figure from the same figure of something else.
        let same = |term: &&mut Term| term.stem == word.stem && term.counts == counts;
        match self.terms.iter_mut().find(same) {
            // What also stands in small letters is no name, and a capital of its own says more than one due to its place.
            Some(term) if term.kind == Kind::Word || word.kind == Kind::Word => term.kind = Kind::Word,
            Some(term) => term.kind = term.kind.max(word.kind),
            None => self.terms.push(Term { kind: word.kind, stem: word.stem.clone(), headline, counts }),
        }
    }

    /// Whether it is enough to go by.
    pub fn tells(&self) -> bool {
        self.terms.len() >= FEWEST
    }

    /// Its stems, each once.
    pub fn stems(&self) -> impl Iterator<Item = &str> {
        let first = |(nth, term): &(usize, &Term)| !self.terms[..*nth].iter().any(|before| before.stem == term.stem);
        self.terms.iter().enumerate().filter(first).map(|(_, term)| term.stem.as_str())
    }

    /// The gist in one line, to be kept.
    pub fn written(&self) -> String {
        let mut line = String::new();
        for term in &self.terms {
            let mark = match term.kind {
                Kind::Word => '.',
                Kind::Capital => '^',
                Kind::Name => '!',
                Kind::Number => '#',
                Kind::Score => '=',
            };
            let between = if line.is_empty() { "" } else { " " };
            let counted = term.counts.as_ref().map(|counts| format!("/{counts}")).unwrap_or_default();
            let headline = if term.headline { "*" } else { "" };
            // Writing to a string does not fail.
            let _ = write!(line, "{between}{headline}{mark}{}{counted}", term.stem);
        }
        line
    }

    /// The gist that [`Gist::written`] has kept. What is none is left out.
    pub fn read(line: &str) -> Gist {
        let term = |piece: &str| {
            let (headline, piece) = piece.strip_prefix('*').map_or((false, piece), |rest| (true, rest));
            let mut characters = piece.chars();
            let kind = match characters.next()? {
                '.' => Kind::Word,
                '^' => Kind::Capital,
                '!' => Kind::Name,
                '#' => Kind::Number,
                '=' => Kind::Score,
                _ => return None,
            };
            let (stem, counts) = match characters.as_str().split_once('/') {
                Some((stem, counts)) => (stem, Some(counts.to_owned())),
                None => (characters.as_str(), None),
            };
            Some(Term { kind, stem: stem.to_owned(), headline, counts })
        };
        Gist { terms: line.split(' ').filter_map(term).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_gist_is_headline_and_lede() {
        let gist = Gist::of(
            Some("Ferry runs aground off Lowport with 140 on board"),
            "The ferry Saint Bride hit rocks near Lowport. All 140 passengers are safe.",
        );
        assert_eq!(
            gist.written(),
            "*.ferr *.run *.aground *!lowport *#140/board *.board !saint !brid .hit .rock #140/passeng .passeng .saf"
        );
        assert!(gist.tells() && !Gist::of(Some("Good morning"), "").tells());
        assert_eq!(gist.stems().filter(|stem| *stem == "140").count(), 1);
    }

    #[test]
    fn a_long_text_is_cut() {
        let body: String = (0..5000).map(|n| format!("word{n}x ")).collect();
        assert_eq!(Gist::of(None, &body).terms.len(), LEDE);
    }

    proptest! {
        /// Whatever the text, what is kept is read as it was.
        #[test]
        fn what_is_kept_is_read_again(headline in ".{0,60}", body in ".{0,300}") {
            let gist = Gist::of(Some(&headline), &body);
            prop_assert_eq!(Gist::read(&gist.written()), gist);
        }
    }
}
