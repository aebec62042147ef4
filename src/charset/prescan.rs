//! What a page's markup says of its charset, found without parsing it.

use encoding_rs::Encoding;

use super::known;

/// Browsers look for a declaration in this many bytes without reading the markup; past it, only the head's own tags count.
const BLIND_PRESCAN: usize = 1024;

type Attribute<'a> = (&'a [u8], &'a [u8]);

/// What a `<meta>` says, or else the XML declaration.
pub(super) fn named_in(body: &[u8]) -> Option<&'static Encoding> {
    Prescan { bytes: body, at: 0 }.meta().or_else(|| xml_declaration(body))
}

/// `<?xml version="1.0" encoding="…"?>` at the very start, as XHTML may have it.
fn xml_declaration(body: &[u8]) -> Option<&'static Encoding> {
    let rest = body.strip_prefix(b"<?xml")?;
    let declaration = &rest[..find(rest, 0, b"?>")?];
    let mut value = declaration[find(declaration, 0, b"encoding")? + b"encoding".len()..].trim_ascii_start();
    value = value.strip_prefix(b"=")?.trim_ascii_start();
    let quote = *value.first().filter(|q| matches!(q, b'"' | b'\''))?;
    let end = value[1..].iter().position(|&b| b == quote)?;
    known(&value[1..1 + end])
}

/// The HTML Standard's prescan, which looks for `<meta charset>` without parsing. Every step moves forward, so it costs one
/// pass; running out of bytes inside a tag ends it with nothing, as in a browser.
struct Prescan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Prescan<'a> {
    fn meta(mut self) -> Option<&'static Encoding> {
        loop {
            self.at += self.bytes.get(self.at..)?.iter().position(|&b| b == b'<')?;
            let start = self.at;
            match *self.bytes.get(start + 1)? {
                b'!' if self.bytes[start..].starts_with(b"<!--") => self.at = find(self.bytes, start + 2, b"-->")? + 3,
                b'/' if self.bytes.get(start + 2)?.is_ascii_alphabetic() => {
                    self.tag(start + 2)?;
                }
                b'!' | b'/' | b'?' => self.at = find(self.bytes, start + 1, b">")? + 1,
                letter if letter.is_ascii_alphabetic() => {
                    let (name, found) = self.tag(start + 1)?;
                    if found.is_some() {
                        return found;
                    }
                    if start >= BLIND_PRESCAN {
                        match name.to_ascii_lowercase().as_slice() {
                            b"body" => return None,
                            b"script" => self.at = find(self.bytes, self.at, b"</script")?,
                            b"style" => self.at = find(self.bytes, self.at, b"</style")?,
                            _ => {}
                        }
                    }
                }
                _ => self.at += 1,
            }
        }
    }

    /// Passes over one tag; its name, and the encoding it names if it is a `meta` that does.
    fn tag(&mut self, name_at: usize) -> Option<(&'a [u8], Option<&'static Encoding>)> {
        let length = self.bytes[name_at..].iter().position(|&b| is_space(b) || b == b'>' || b == b'/')?;
        let name = &self.bytes[name_at..name_at + length];
        let opening = self.bytes[name_at - 1] == b'<';
        self.at = name_at + length;
        let (mut charset, mut http_equiv, mut content) = (None, None, None);
        while let Some((attribute, value)) = self.attribute()? {
            let slot = match attribute.to_ascii_lowercase().as_slice() {
                b"charset" => &mut charset,
                b"http-equiv" => &mut http_equiv,
                b"content" => &mut content,
                _ => continue,
            };
            slot.get_or_insert(value);
        }
        let pragma = http_equiv.is_some_and(|value: &[u8]| value.eq_ignore_ascii_case(b"content-type"));
        let encoding = match (charset, content) {
            _ if !opening || !name.eq_ignore_ascii_case(b"meta") => None,
            (Some(label), _) => known(label),
            (None, Some(content)) if pragma => charset_in_content(content).and_then(known),
            _ => None,
        };
        Some((name, encoding))
    }

    /// The next attribute; `Some(None)` at the end of the tag, `None` at the end of the bytes.
    fn attribute(&mut self) -> Option<Option<Attribute<'a>>> {
        self.skip(|b| is_space(b) || b == b'/')?;
        if self.bytes[self.at] == b'>' {
            self.at += 1;
            return Some(None);
        }
        let start = self.at;
        self.at += 1; // A leading `=` belongs to the name.
        let name = &self.bytes[start..self.skip(|b| !is_space(b) && !matches!(b, b'=' | b'/' | b'>'))?];
        self.skip(is_space)?;
        if self.bytes[self.at] != b'=' {
            return Some(Some((name, b"")));
        }
        self.at += 1;
        self.skip(is_space)?;
        let value = match self.bytes[self.at] {
            quote @ (b'"' | b'\'') => {
                let start = self.at + 1;
                self.at = start;
                let end = self.skip(|b| b != quote)?;
                self.at += 1;
                &self.bytes[start..end]
            }
            _ => {
                let start = self.at;
                &self.bytes[start..self.skip(|b| !is_space(b) && b != b'>')?]
            }
        };
        Some(Some((name, value)))
    }

    /// Moves to the first byte that is not `passed`; none if there is none.
    fn skip(&mut self, passed: impl Fn(u8) -> bool) -> Option<usize> {
        self.at += self.bytes.get(self.at..)?.iter().position(|&b| !passed(b))?;
        Some(self.at)
    }
}

/// `text/html; charset=…` in a `content` attribute.
fn charset_in_content(content: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    loop {
        at = find(content, at, b"charset")? + b"charset".len();
        let Some(value) = content[at..].trim_ascii_start().strip_prefix(b"=") else { continue };
        let value = value.trim_ascii_start();
        return match value.first()? {
            quote @ (b'"' | b'\'') => value[1..].iter().position(|b| b == quote).map(|end| &value[1..1 + end]),
            _ => Some(value.split(|&b| is_space(b) || b == b';').next().unwrap_or_default()),
        };
    }
}

pub(super) fn find(bytes: &[u8], from: usize, needle: &[u8]) -> Option<usize> {
    let at = bytes.get(from..)?.windows(needle.len()).position(|window| window.eq_ignore_ascii_case(needle))?;
    Some(from + at)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | 0x0C | b'\r' | b' ')
}
