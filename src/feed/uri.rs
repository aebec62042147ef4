//! Addresses as RFC 3986 has them.
//!
//! What browsers take for an address, and the URL Standard writes, holds characters that a URI may not (`|`, `[`, `{`, a second
//! `#`): most readers do not mind, a validator does.

use std::borrow::Cow;
use std::fmt::Write;

use super::xml::legal;

/// `text` with each character escaped that may not stand in an address, or not where it does, and without those that may
/// stand nowhere in a feed.
pub(super) fn uri(text: &str) -> Cow<'_, str> {
    match legal(text) {
        Cow::Borrowed(text) => escaped(text),
        Cow::Owned(text) => Cow::Owned(escaped(&text).into_owned()),
    }
}

fn escaped(text: &str) -> Cow<'_, str> {
    // Brackets stand around an address of the internet, in the name of the host and nowhere else.
    let host = text.find("://").map_or(0, |at| at + 3);
    let path = host + text[host..].find(['/', '?', '#']).unwrap_or(if host == 0 { 0 } else { text.len() - host });
    let fragment = text.find('#');
    let stays = |at: usize, byte: u8| match byte {
        b'[' | b']' => at < path,
        b'#' => fragment == Some(at),
        b'%' => text.as_bytes().get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)),
        _ => byte.is_ascii_alphanumeric() || b"-._~:/?@!$&'()*+,;=".contains(&byte),
    };
    if text.bytes().enumerate().all(|(at, byte)| stays(at, byte)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for (at, byte) in text.bytes().enumerate() {
        if stays(at, byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    Cow::Owned(out)
}

/// An address as a feed writes it, or nothing where there is none.
pub(super) fn address(text: &str) -> Option<Cow<'_, str>> {
    Some(uri(text.trim())).filter(|address| !address.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_uri_may_not_hold_is_escaped() {
        for plain in [
            "https://e.org/a/b?c=d&e=%C3%A9#f?/",
            "mailto:desk@e.org",
            "http://[2001:db8::1]:80/x",
            "/a",
            "https://e.org",
            "",
        ] {
            assert!(matches!(uri(plain), Cow::Borrowed(_)), "{plain}");
        }
        for (given, expected) in [
            ("https://e.org/a|b[c]?d={e}^`#f#g\\", "https://e.org/a%7Cb%5Bc%5D?d=%7Be%7D%5E%60#f%23g%5C"),
            ("https://e.org/é \"<>\u{1}", "https://e.org/%C3%A9%20%22%3C%3E"),
            ("https://e.org/100%/%zz%4", "https://e.org/100%25/%25zz%254"),
        ] {
            assert_eq!(uri(given), expected);
            assert_eq!(uri(expected), expected, "once is enough");
        }
    }
}
