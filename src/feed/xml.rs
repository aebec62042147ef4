//! The characters XML 1.0 allows.
//!
//! The filter has to run before a writer escapes, not over what it wrote: removing a character from between `]]` and `>`
//! afterwards would end a CDATA section early.

use std::borrow::Cow;

/// `text` without the characters that may not stand in an XML document, not even as references.
pub(super) fn legal(text: &str) -> Cow<'_, str> {
    // Nearly every text is told by its bytes, many at once: what is forbidden is a control character or begins with 0xEF.
    let odd = |byte: u8| (byte < b' ') & (byte != b'\n') & (byte != b'\t') & (byte != b'\r') | (byte == 0xEF);
    if !text.bytes().fold(false, |any, byte| any | odd(byte)) {
        return Cow::Borrowed(text);
    }
    match text.find(forbidden) {
        None => Cow::Borrowed(text),
        Some(first) => {
            let (clean, rest) = text.split_at(first);
            let mut kept = String::with_capacity(text.len());
            kept.push_str(clean);
            kept.extend(rest.chars().filter(|&c| !forbidden(c)));
            Cow::Owned(kept)
        }
    }
}

/// `document` with a word on where its style sheet is, behind the XML declaration that it begins with.
pub(super) fn styled(mut document: Vec<u8>, style: Option<&str>) -> Vec<u8> {
    const END: &[u8] = b"?>";
    let Some(style) = style else { return document };
    let end = document.windows(END.len()).position(|window| window == END).map_or(0, |at| at + END.len());
    document.splice(end..end, format!("\n<?xml-stylesheet type=\"text/css\" href=\"{style}\"?>").into_bytes());
    document
}

/// Not among the `Char` production of XML 1.0 section 2.2. Surrogates are no `char`s in the first place.
fn forbidden(c: char) -> bool {
    !matches!(c, '\u{9}' | '\u{A}' | '\u{D}' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_31_characters_are_forbidden() {
        let removed: Vec<char> = ('\0'..=char::MAX).filter(|c| legal(&c.to_string()).is_empty()).collect();
        let controls = ('\0'..='\u{1F}').filter(|c| !"\t\n\r".contains(*c));
        assert_eq!(removed, controls.chain(['\u{FFFE}', '\u{FFFF}']).collect::<Vec<_>>());
    }

    #[test]
    fn clean_text_is_not_copied() {
        assert!(matches!(legal("clean \u{85} \u{1F4F0}"), Cow::Borrowed(_)));
        assert_eq!(legal("a\u{0}b\u{B}\u{FFFE}c\td"), "abc\td");
        assert_eq!(legal("\u{8}"), "");
    }
}
