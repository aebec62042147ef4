//! Character references in text that is no markup (a headline in JSON-LD, say).

use html5ever::data::{C1_REPLACEMENTS, NAMED_ENTITIES};
use std::borrow::Cow;

/// Longest reference: `&CounterClockwiseContourIntegral;`.
const LONGEST: usize = 33;

/// Undoes character references that end with `;`. A bare `&` stays what it is.
pub fn unescape(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find('&') else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..first]);
    let mut rest = &text[first..];
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = match reference(rest) {
            Some((meant, length)) => {
                out.extend(meant);
                length
            }
            None => {
                out.push('&');
                1
            }
        };
        rest = &rest[length..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Undoes references that were escaped once more on their way (`&amp;ldquo;`), and single ones.
pub fn unescape_twice(text: &str) -> Cow<'_, str> {
    match unescape(text) {
        Cow::Owned(once) if once.contains('&') => Cow::Owned(unescape(&once).into_owned()),
        once => once,
    }
}

/// What a reference at the start of a text stands for, and its length.
fn reference(text: &str) -> Option<(impl Iterator<Item = char>, usize)> {
    let end = text.bytes().take(LONGEST).position(|byte| byte == b';')?;
    let name = &text[1..end];
    let (first, second) = match name.strip_prefix('#') {
        Some(number) => (numbered(number)?, None),
        None => {
            // The table holds beginnings of names too, standing for nothing.
            let (first, second) = NAMED_ENTITIES.get(&text[1..=end]).filter(|(first, _)| *first != 0)?;
            (char::from_u32(*first)?, Some(*second).filter(|second| *second != 0).and_then(char::from_u32))
        }
    };
    Some((std::iter::once(first).chain(second), end + 1))
}

fn numbered(number: &str) -> Option<char> {
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => number.parse(),
    };
    match code.ok()? {
        0 => None,
        // Numbers of windows-1252 were meant for it, and a parser takes them so.
        code @ 0x80..=0x9f => C1_REPLACEMENTS[(code - 0x80) as usize],
        code => char::from_u32(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        for (text, expected) in [
            ("nothing", "nothing"),
            ("R&D; AT&T & so on &", "R&D; AT&T & so on &"),
            ("&ldquo;&#232;&#xE8;&rdquo;", "“èè”"),
            ("it&#146;s &nosuch; &#xD800; &#0;", "it’s &nosuch; &#xD800; &#0;"),
            ("&amp;ldquo;", "&ldquo;"),
            ("&é;&", "&é;&"),
        ] {
            assert_eq!(unescape(text), expected, "{text}");
        }
        assert_eq!(unescape_twice("&amp;ldquo;x&amp;amp;y&rdquo;"), "“x&y”");
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "(&|#|x|;|[a-z0-9é]){0,40}") {
            let _ = unescape_twice(&text);
        }
    }
}
