//! Which gists are worth comparing: those of which one of [`KEYS`] minima (MinHash) is the same.

use std::borrow::Cow;
use std::sync::LazyLock;

use txtfp::HashFamily;
use txtfp::tokenize::TokenStream;
use txtfp::{Canonicalizer, Fingerprinter, MinHashFingerprinter, Tokenizer};

use super::gist::Gist;
use super::words::Kind;

/// Keys of one gist. Of two that share a tenth of what either has, four in five pairs share a key; of those that share a fifth,
/// nearly all.
pub const KEYS: usize = 16;

/// A list of words with a space between two.
#[derive(Debug, Clone, Copy)]
struct Listed;

impl Tokenizer for Listed {
    fn tokens<'a>(&'a self, input: &'a str) -> TokenStream<'a> {
        TokenStream::Borrowed(Box::new(input.split(' ').filter(|token| !token.is_empty())))
    }

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("listed")
    }
}

static MINIMA: LazyLock<MinHashFingerprinter<Listed, KEYS>> =
    // Named, though it is the default: what is stored must not change with it.
    LazyLock::new(|| MinHashFingerprinter::new(Canonicalizer::default(), Listed).with_hasher(HashFamily::Xxh3_64));

impl Gist {
    /// What it is found by. A figure or a name counts twice, as it would in a set that has it twice.
    pub fn keys(&self) -> Vec<i64> {
        if !self.tells() {
            return Vec::new();
        }
        let mut list = String::new();
        for term in &self.terms {
            list += &term.stem;
            list.push(' ');
            if matches!(term.kind, Kind::Name | Kind::Number | Kind::Score) {
                list += &term.stem;
                list.push_str("\u{b7} ");
            }
        }
        match MINIMA.fingerprint(&list) {
            Ok(signature) => signature.hashes.iter().map(|hash| hash.cast_signed()).collect(),
            Err(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys are stored: with others, what is stored would never be found again. Should this fail after an update of the
    /// library, the store needs a new schema that computes all of them anew.
    #[test]
    fn keys_are_the_same_on_every_machine_and_in_every_year() {
        let gist = Gist::read("*.ferr *!lowport *#140/board !saint .rock .взрыв");
        assert_eq!(gist.keys()[..3], [643_838_440_689_867_114, 1_155_087_874_232_566_328, 191_920_582_634_557_626]);
        assert_eq!(gist.keys().len(), KEYS);
        assert!(Gist::read(".ferr .rock").keys().is_empty());
    }

    #[test]
    fn gists_that_have_much_in_common_share_keys() {
        let one = Gist::read("!a !b .c .d .e .f .g .h .i .j");
        let shared = |other: &str| {
            let other = Gist::read(other).keys();
            one.keys().iter().filter(|key| other.contains(key)).count()
        };
        assert_eq!(shared("!a !b .c .d .e .f .g .h .i .j"), KEYS);
        let (some, none) = (shared("!a !b .c .d .e .q .r .s .t .u"), shared(".k .l .m .n .o .p .q .r .s"));
        assert!((2..KEYS - 2).contains(&some) && none == 0, "{some} {none}");
    }
}
