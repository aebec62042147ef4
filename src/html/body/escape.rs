//! Text on its way into markup that we write.

use super::super::unprintable;
use std::borrow::Cow;

pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape_into(&mut out, text);
    out
}

/// Writes by runs: most of a text needs no escape.
pub(super) fn escape_into(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some((at, c)) = rest.char_indices().find(|(_, c)| matches!(c, '&' | '<' | '>' | '"') || unprintable(*c)) {
        out.push_str(&rest[..at]);
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => {}
        }
        rest = &rest[at + c.len_utf8()..];
    }
    out.push_str(rest);
}

/// Longest text between two tags that the cleaner gets in one piece. It writes a text anew in time quadratic in its length
/// where that holds `&`, a hard space or `«`.
const LONGEST_TEXT: usize = 4096;

/// Markup of ours with its long texts parted by empty comments, which the cleaner takes away without joining the parts.
pub(super) fn parted(html: &str) -> Cow<'_, str> {
    if html.len() <= LONGEST_TEXT {
        return Cow::Borrowed(html);
    }
    let mut out = String::with_capacity(html.len() + html.len() / 64);
    // What is text and what is a tag, the brackets tell: in both they are escaped otherwise.
    for piece in html.split_inclusive(['<', '>']) {
        let mut rest = piece;
        while rest.len() > LONGEST_TEXT && !rest.ends_with('>') {
            let cut = rest.floor_char_boundary(LONGEST_TEXT);
            // Not within a reference, of which `&quot;` is the longest.
            let start = rest.floor_char_boundary(cut - 6);
            let cut =
                rest[start..cut].rfind('&').filter(|at| !rest[start + at..cut].contains(';')).map_or(cut, |at| start + at);
            out.push_str(&rest[..cut]);
            out.push_str("<!---->");
            rest = &rest[cut..];
        }
        out.push_str(rest);
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_parted_between_words_and_references() {
        let attribute = format!("<p lang=\"{}\">", "x".repeat(9000));
        for text in ["«x» ", "&amp;", "\u{a0}", "a &lt;", "é", "𝄞"].map(|piece| piece.repeat(5000)) {
            let html = format!("{attribute}{text}</p><p>short</p>{text}");
            let got = parted(&html);
            assert!(got.len() > html.len());
            assert_eq!(got.replace("<!---->", ""), html);
            assert!(got.split(['<', '>']).all(|part| part.len() <= LONGEST_TEXT || part.starts_with("p lang")));
            assert!(got.split("<!---->").all(|part| part.rfind('&').is_none_or(|at| part[at..].contains(';'))));
        }
        assert!(matches!(parted("<p>short</p>"), Cow::Borrowed(_)));
    }
}
