//! How alike the words of two entries are.
//!
//! A text capture of an entry has a caption more and a link's text less than its HTML page; that is the same text. Two short
//! entries that share "to the of a" with a long one are not it, and neither are two entries that share no more than what
//! stands on every entry of the page ("LIVE: follow our coverage of …").

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// Share of the shorter text's words that have to stand in the longer one.
const WORDS: f64 = 0.8;
/// Share of its pairs of neighbouring words.
const PAIRS: f64 = 0.6;
/// With fewer words than this, all of them have to be the same.
pub(super) const FEW_WORDS: usize = 4;

/// What comparing two texts comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Alike {
    /// Word for word.
    pub same: bool,
    /// Nearly all of the shorter text stands in the longer one, in its order.
    pub agree: bool,
    /// What both have in common of what either has, from 0 to 1.
    pub share: f64,
}

/// Compares two texts, each as its words.
pub(super) fn alike(one: &[&str], other: &[&str]) -> Alike {
    if one == other {
        return Alike { same: true, agree: true, share: 1.0 };
    }
    let fewer = one.len().min(other.len());
    let words = common(one.iter(), other.iter());
    let share = 2.0 * words as f64 / (one.len() + other.len()).max(1) as f64;
    let agree = fewer >= FEW_WORDS
        && words as f64 >= WORDS * fewer as f64
        && common(one.windows(2), other.windows(2)) as f64 >= PAIRS * (fewer - 1) as f64;
    Alike { same: false, agree, share }
}

/// How much two texts have in common, each thing as often as in both.
fn common<T: std::hash::Hash + Eq>(one: impl Iterator<Item = T>, other: impl Iterator<Item = T>) -> usize {
    let mut counts = HashMap::<T, usize>::new();
    one.for_each(|thing| *counts.entry(thing).or_default() += 1);
    let in_both = |thing: &T| match counts.get_mut(thing) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    };
    other.filter(in_both).count()
}

/// Entries looked at for what all of them say.
const LOOKED_AT: usize = 100;
/// What so many entries say, and a quarter of them, is nobody's own.
const SAID_BY: usize = 4;

/// What most entries of a live blog say alike.
#[derive(Debug, Default)]
pub(super) struct Boilerplate<'a>(HashSet<(&'a str, &'a str)>);

impl<'a> Boilerplate<'a> {
    pub(super) fn of<'w>(texts: impl Iterator<Item = &'w [&'a str]>) -> Self
    where
        'a: 'w,
    {
        let mut counts = HashMap::<(&str, &str), usize>::new();
        let mut looked_at = 0;
        for words in texts.take(LOOKED_AT) {
            looked_at += 1;
            let own: HashSet<(&str, &str)> = words.windows(2).map(|pair| (pair[0], pair[1])).collect();
            own.into_iter().for_each(|pair| *counts.entry(pair).or_default() += 1);
        }
        let most = |count: usize| count >= SAID_BY && count * 4 >= looked_at;
        Boilerplate(counts.into_iter().filter(|(_, count)| most(*count)).map(|(pair, _)| pair).collect())
    }

    /// A text without it.
    pub(super) fn left_out_of<'w>(&self, words: &'w [&'a str]) -> Cow<'w, [&'a str]> {
        if self.0.is_empty() {
            return Cow::Borrowed(words);
        }
        let said = |at: usize| words.get(at..at + 2).is_some_and(|pair| self.0.contains(&(pair[0], pair[1])));
        let own = (0..words.len()).filter(|&at| !(said(at) || at > 0 && said(at - 1)));
        Cow::Owned(own.map(|at| words[at]).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        text.split_whitespace().collect()
    }

    #[test]
    fn a_caption_more_is_the_same_text_and_common_words_are_not() {
        let told = "The ferry waits at the pier until the wind has dropped below six";
        for (other, agree) in [
            (told.to_owned(), true),
            (format!("{told} A ferry at its pier. Photograph: Ann Rower"), true),
            (told.replace("below six", "below seven"), true),
            ("The wind has dropped".into(), true),
            ("The six at the pier".into(), false),
            ("the wind".into(), false),
            ("Nobody knows when the boats will be back in the harbour".into(), false),
        ] {
            assert_eq!(alike(&words(told), &words(&other)).agree, agree, "{other}");
        }
        assert!(alike(&words("Road shut"), &words("Road shut")).agree);
        assert!(!alike(&words("Road shut"), &words("Road shut again")).agree);
    }

    #[test]
    fn what_every_entry_says_says_nothing() {
        let texts = ["Road shut", "Bus gone", "A dog was found in the hall", "Bread is free", "The wall has not moved"];
        let texts = texts.map(|own| format!("LIVE: follow all that happens at the dam with our team on the spot. {own}"));
        let texts: Vec<Vec<&str>> = texts.iter().map(|text| words(text)).collect();
        assert!(alike(&texts[0], &texts[1]).agree, "or the test shows nothing");
        let boilerplate = Boilerplate::of(texts.iter().map(Vec::as_slice));
        let own: Vec<_> = texts.iter().map(|text| boilerplate.left_out_of(text)).collect();
        assert_eq!((&*own[0], &*own[4]), (&["Road", "shut"][..], &["The", "wall", "has", "not", "moved"][..]));
        assert!(!alike(&own[0], &own[1]).agree);
        let few = Boilerplate::of(texts[..3].iter().map(Vec::as_slice));
        assert_eq!(&*few.left_out_of(&texts[0]), &texts[0][..]);
    }
}
