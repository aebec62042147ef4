//! A tag that has not come to its end yet, and how many attributes it has by now.
//!
//! The parser does not tell where the tag began, so every place of a stretch of text where one may have begun is followed at
//! once. Of those that have come to the same place of a tag the one with the most attributes stands for all: a tag is never
//! taken for a smaller one than it is.

/// Places in a tag, as the HTML Standard has them where it matters.
const PLACES: usize = 9;
const OPEN: usize = 0;
const NAME: usize = 1;
const BEFORE_ATTRIBUTE: usize = 2;
const ATTRIBUTE: usize = 3;
const AFTER_ATTRIBUTE: usize = 4;
const BEFORE_VALUE: usize = 5;
const DOUBLE_QUOTED: usize = 6;
const SINGLE_QUOTED: usize = 7;
const UNQUOTED: usize = 8;

#[derive(Default)]
pub(super) struct Unfinished {
    /// For each place the most attributes with which a tag has come there.
    tags: [Option<usize>; PLACES],
    /// Bytes read on since one may have begun.
    length: usize,
}

impl Unfinished {
    /// Reads a text in which the tag may have begun.
    pub(super) fn may_begin(&mut self, text: &str) -> &mut Self {
        for byte in text.bytes() {
            self.step(byte);
            if byte == b'<' {
                self.tags[OPEN] = Some(0);
            }
        }
        self
    }

    /// Reads on in what can only be more of it.
    pub(super) fn goes_on(&mut self, text: &str) -> &mut Self {
        text.bytes().for_each(|byte| self.step(byte));
        // It may be a comment instead, which may be as long as it likes.
        self.length = if self.tags.iter().any(Option::is_some) { self.length + text.len() } else { 0 };
        self
    }

    /// How long it is at least.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// The most attributes that any of them has.
    pub(super) fn attributes(&self) -> usize {
        self.tags.iter().flatten().copied().max().unwrap_or_default()
    }

    fn step(&mut self, byte: u8) {
        let mut next = [None; PLACES];
        for (place, attributes) in self.tags.into_iter().enumerate() {
            let Some(attributes) = attributes else { continue };
            let Some(to) = step(place, byte) else { continue };
            let begins = to == ATTRIBUTE && place != ATTRIBUTE;
            next[to] = next[to].max(Some(attributes + usize::from(begins)));
        }
        self.tags = next;
    }
}

/// Where a byte leads from a place; nowhere at the end of the tag.
fn step(place: usize, byte: u8) -> Option<usize> {
    let space = matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0C);
    Some(match (place, byte) {
        (DOUBLE_QUOTED, b'"') | (SINGLE_QUOTED, b'\'') => BEFORE_ATTRIBUTE,
        (DOUBLE_QUOTED | SINGLE_QUOTED, _) => place,
        (OPEN, b'/') => OPEN,
        (OPEN, byte) if byte.is_ascii_alphabetic() => NAME,
        (OPEN, _) | (_, b'>') => return None,
        (UNQUOTED, _) if !space => UNQUOTED,
        (BEFORE_VALUE, b'"') => DOUBLE_QUOTED,
        (BEFORE_VALUE, b'\'') => SINGLE_QUOTED,
        (BEFORE_VALUE, _) => {
            if space {
                BEFORE_VALUE
            } else {
                UNQUOTED
            }
        }
        (_, b'/') => BEFORE_ATTRIBUTE,
        (ATTRIBUTE | AFTER_ATTRIBUTE, b'=') => BEFORE_VALUE,
        (ATTRIBUTE | AFTER_ATTRIBUTE, _) if space => AFTER_ATTRIBUTE,
        (NAME, _) if !space => NAME,
        _ if space => BEFORE_ATTRIBUTE,
        _ => ATTRIBUTE,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_counted_from_wherever_the_tag_began() {
        for (text, attributes) in [
            ("", 0),
            ("<p", 0),
            ("<p a b=1 c = \"x y\"d='>' /e/f", 6),
            ("<p =a ==b c", 2),
            ("1 < 2 words", 0),
            ("<p a b> text", 0),
            ("<p a b><i c", 1),
            ("</p a b", 2),
            ("'<a b c' <p d", 4),
        ] {
            assert_eq!(Unfinished::default().may_begin(text).attributes(), attributes, "{text}");
        }
        let mut tag = Unfinished::default();
        assert_eq!(tag.may_begin("<p a=\"").goes_on("x y > <i z\" b").attributes(), 2);
    }
}
