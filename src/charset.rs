//! From a page's bytes to its text: which charset, and what could not be decoded.
//!
//! The order is fixed, so that a page reads the same live and from a saved copy: byte order mark, `Content-Type` header,
//! the declaration in the markup, UTF-8 where the bytes are valid UTF-8, windows-1252. UTF-7 does not exist here: a page
//! that names it is read as if it had named nothing. Text that was encoded twice is put right after that.

mod prescan;
mod twice;

use encoding_rs::{DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};

use crate::model::{Problem, ProblemCode};
use crate::page::Page;

impl Page {
    /// The body as text, and a problem where bytes had to be replaced.
    pub fn text(&self) -> (String, Vec<Problem>) {
        let (bytes, encoding, source) = match Encoding::for_bom(&self.body) {
            Some((encoding, length)) => (&self.body[length..], encoding, "its byte order mark"),
            None => {
                let (encoding, source) = declared(self).unwrap_or_else(|| guessed(&self.body));
                (&self.body[..], encoding, source)
            }
        };
        let (text, replaced) = decode(bytes, encoding);
        let mut problems = match replaced {
            0 => Vec::new(),
            n => vec![Problem::new(
                ProblemCode::Charset,
                format!(
                    "the page was read as {} ({source}): {n} malformed sequence{} replaced by U+FFFD",
                    encoding.name(),
                    if n == 1 { " was" } else { "s were" }
                ),
            )],
        };
        let twice = if encoding == UTF_8 || encoding == WINDOWS_1252 { twice::repaired(&text) } else { None };
        match twice {
            Some((text, count)) => {
                let passages = if count == 1 { "one passage".to_owned() } else { format!("{count} passages") };
                problems.push(Problem::new(
                    ProblemCode::Charset,
                    format!("the page holds {passages} of UTF-8 that was encoded twice: put right"),
                ));
                (text, problems)
            }
            None => (text, problems),
        }
    }
}

/// What the header or the markup says.
fn declared(page: &Page) -> Option<(&'static Encoding, &'static str)> {
    let content_type = page.content_type.as_deref().unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if let Some(encoding) = header_charset(content_type).and_then(known) {
        return Some((encoding, "named in the content-type header"));
    }
    let markup = match media_type.as_str() {
        "text/plain" | "application/json" => false,
        "" => page.body.trim_ascii_start().first() == Some(&b'<'),
        other => !other.ends_with("+json"),
    };
    if !markup {
        return None;
    }
    let named = prescan::named_in(&page.body)?;
    // The declaration itself was readable as ASCII, so it can't be true of UTF-16. The standard says to read UTF-8 then.
    let encoding = match named {
        e if e == UTF_16LE || e == UTF_16BE => UTF_8,
        e if e == X_USER_DEFINED => WINDOWS_1252,
        e => e,
    };
    Some((encoding, "named in the markup"))
}

/// For bytes that nothing is said of. A page cut in the middle of a character is still UTF-8, if it held others before.
fn guessed(body: &[u8]) -> (&'static Encoding, &'static str) {
    match std::str::from_utf8(body) {
        Ok(_) => (UTF_8, "it names no charset"),
        Err(e) if e.error_len().is_none() && !body[..e.valid_up_to()].is_ascii() => (UTF_8, "it names no charset"),
        Err(_) => (WINDOWS_1252, "it names no charset and is not UTF-8"),
    }
}

/// The encodings of the Encoding Standard, by label; its "replacement" labels stand for none.
fn known(label: &[u8]) -> Option<&'static Encoding> {
    Encoding::for_label_no_replacement(label)
}

fn header_charset(content_type: &str) -> Option<&[u8]> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']).trim();
        name.trim().eq_ignore_ascii_case("charset").then_some(value.as_bytes())
    })
}

fn decode(bytes: &[u8], encoding: &'static Encoding) -> (String, usize) {
    if encoding == UTF_8
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return (text.to_owned(), 0);
    }
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 4 + 16);
    let (mut at, mut replaced) = (0, 0);
    // Each call of the decoder costs as much as the room and the input it is given, and each malformed byte is a call.
    let mut room = [0; 4 * PIECE];
    loop {
        let end = bytes.len().min(at + PIECE);
        let last = end == bytes.len();
        let (result, read, written) = decoder.decode_to_utf8_without_replacement(&bytes[at..end], &mut room, last);
        at += read;
        text.push_str(&String::from_utf8_lossy(&room[..written]));
        match result {
            DecoderResult::InputEmpty if last => return (text, replaced),
            DecoderResult::InputEmpty | DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => {
                text.push('\u{FFFD}');
                replaced += 1;
            }
        }
    }
}

/// Bytes decoded at a time.
const PIECE: usize = 1024;

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::prescan::find;
    use super::*;
    use crate::page::Captured;

    fn page(content_type: Option<&str>, body: &[u8]) -> Page {
        let content_type = content_type.map(str::to_owned);
        Page { body: body.to_vec(), url: None, content_type, captured: Captured::At(chrono::DateTime::UNIX_EPOCH) }
    }

    fn text(content_type: Option<&str>, body: &[u8]) -> String {
        let (text, problems) = page(content_type, body).text();
        assert!(problems.is_empty(), "{problems:?}");
        text
    }

    #[test]
    fn the_first_in_the_order_that_says_something_wins() {
        assert_eq!(text(Some("text/html; charset=iso-8859-2"), b"\xEF\xBB\xBF<p>\xC3\xA9"), "<p>é", "byte order mark");
        assert_eq!(
            text(Some("text/html; Charset=\"ISO-8859-1\""), b"<meta charset=utf-8>\x93"),
            "<meta charset=utf-8>“",
            "header"
        );
        assert_eq!(text(Some("text/html"), b"<meta charset=iso-8859-2>\xB1"), "<meta charset=iso-8859-2>ą", "meta");
        assert_eq!(text(Some("text/html"), "<p>é".as_bytes()), "<p>é", "valid UTF-8");
        assert_eq!(text(Some("text/html"), b"<p>\xE9"), "<p>é", "windows-1252");
        assert_eq!(text(None, b"\xFF\xFE<\0p\0>\0"), "<p>", "UTF-16 by its mark");
    }

    #[test]
    fn a_charset_nobody_knows_counts_as_none() {
        for label in ["utf-7", "x-nonsense", "", "iso-2022-kr"] {
            assert_eq!(text(Some(&format!("text/html; charset={label}")), "é +ADw-".as_bytes()), "é +ADw-");
            let body = format!("<meta charset='{label}'>é");
            assert_eq!(text(None, body.as_bytes()), body);
        }
    }

    #[test]
    fn plain_text_and_json_have_no_meta() {
        let body = b"\"<meta charset=iso-8859-2>\xB1\"";
        for kind in ["text/plain", "application/json", "application/ld+json"] {
            assert!(text(Some(kind), body).contains('±'), "{kind}");
        }
    }

    #[test]
    fn past_the_first_kilobyte_only_the_head_counts() {
        let filler = format!("<head><!--{}-->", "x".repeat(1024));
        let late = |tail: &[u8]| text(Some("text/html"), &[filler.as_bytes(), tail].concat());
        assert!(late(b"<meta charset=iso-8859-2>\xB1").ends_with('ą'));
        assert!(late(b"<script>'<meta charset=iso-8859-2>'</script>\xB1").ends_with('±'));
        assert!(late(b"<body><meta charset=iso-8859-2>\xB1").ends_with('±'));
        assert!(text(Some("text/html"), b"<script>'<meta charset=iso-8859-2>'</script>\xB1").ends_with('ą'));
    }

    #[test]
    fn replaced_bytes_are_counted_in_one_problem() {
        let (text, problems) = page(Some("text/html; charset=utf-8"), b"\xFFa\xC3 \xE2\x82").text();
        assert_eq!(text, "\u{FFFD}a\u{FFFD} \u{FFFD}");
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].code, ProblemCode::Charset);
        assert!(
            problems[0].message.contains("UTF-8 (named in the content-type header): 3 malformed"),
            "{}",
            problems[0].message
        );
        let (text, problems) = page(None, "a é\u{FFFD}".as_bytes()).text();
        assert_eq!(
            (text.as_str(), problems.len()),
            ("a é\u{FFFD}", 0),
            "a U+FFFD that the page itself prints is not our doing"
        );
        let (text, problems) = page(None, b"<p>\xC3\xA9 cut \xE2\x80").text();
        assert_eq!((text.as_str(), problems.len()), ("<p>é cut \u{FFFD}", 1), "a cut page is still UTF-8");
    }

    #[test]
    fn a_page_encoded_twice_says_that_it_was() {
        let (text, problems) = page(Some("text/html; charset=utf-8"), "<p>The dayâ€™s news â€” all of it".as_bytes()).text();
        assert_eq!(text, "<p>The day’s news — all of it");
        assert_eq!(problems[0].message, "the page holds 2 passages of UTF-8 that was encoded twice: put right");
        let (text, _) = page(Some("text/html; charset=iso-8859-1"), "<p>The day’s news".as_bytes()).text();
        assert_eq!(text, "<p>The day’s news", "a server that names the wrong charset comes to the same");
    }

    #[test]
    fn a_page_of_nothing_but_malformed_bytes_is_read_in_one_pass() {
        let (text, problems) = page(Some("text/html; charset=utf-8"), &[0xFF; 1 << 20]).text();
        assert_eq!(text.chars().count(), 1 << 20);
        assert!(problems[0].message.contains("1048576"));
    }

    #[test]
    fn unfinished_markup_ends_the_search() {
        for body in [
            "<",
            "<!",
            "</",
            "<m",
            "<meta",
            "<meta charset",
            "<meta charset=",
            "<meta charset=\"x",
            "<!--",
            "<?xml",
            "<a =",
            "</a",
        ] {
            assert_eq!(text(Some("text/html"), body.as_bytes()), body);
        }
    }

    fn vectors(folder: &str) -> Option<Vec<PathBuf>> {
        let Some(corpus) = std::env::var_os("TIDINGS_CORPUS") else {
            println!("skipped: set TIDINGS_CORPUS to the folder that holds vectors/{folder} to run it");
            return None;
        };
        let mut files: Vec<_> = std::fs::read_dir(Path::new(&corpus).join("vectors").join(folder))
            .unwrap()
            .map(|file| file.unwrap().path())
            .filter(|path| path.is_file())
            .collect();
        files.sort();
        Some(files)
    }

    fn encoding(page: &Page) -> &'static Encoding {
        let marked = Encoding::for_bom(&page.body).map(|(encoding, _)| encoding);
        marked.or(declared(page).map(|(encoding, _)| encoding)).unwrap_or(WINDOWS_1252)
    }

    #[test]
    fn html5lib_vectors() {
        let mut run = 0;
        for path in vectors("html5lib/encoding").into_iter().flatten() {
            let file = std::fs::read(&path).unwrap();
            let mut at = 0;
            while let Some(start) = find(&file, at, b"#data\n") {
                let data_end = find(&file, start, b"\n#encoding\n").unwrap();
                let name_at = data_end + b"\n#encoding\n".len();
                let name_end = file[name_at..].iter().position(|&b| b == b'\n').map_or(file.len(), |n| name_at + n);
                let case = page(Some("text/html"), &file[start + b"#data\n".len()..data_end]);
                let expected = known(&file[name_at..name_end]).unwrap();
                assert_eq!(encoding(&case), expected, "{}: {}", path.display(), String::from_utf8_lossy(&case.body));
                case.text();
                (at, run) = (name_end, run + 1);
            }
            assert!(at > 0, "{} holds no case", path.display());
        }
        assert!(run > 60 || std::env::var_os("TIDINGS_CORPUS").is_none());
    }

    /// Feeds, not pages, but what their headers, marks and XML declarations say is said in the same way.
    #[test]
    fn feedparser_vectors() {
        let mut run = 0;
        for path in vectors("feedparser/encoding").into_iter().flatten() {
            let body = std::fs::read(&path).unwrap();
            let shown = String::from_utf8_lossy(&body).into_owned();
            let header = shown.lines().find_map(|line| line.strip_prefix("Header:"));
            let content_type = header.and_then(|h| h.split_once(':')).map(|(_, value)| value.trim());
            let case = page(content_type, &body);
            case.text();
            let label = |text: &str, key: &str| {
                let rest = &text[text.find(key)? + key.len()..];
                let rest = rest.trim_start().strip_prefix('=')?.trim_start().trim_start_matches(['"', '\'']);
                Some(rest.split(['"', '\'', ';', '?', ' ', '\n']).next()?.to_owned())
            };
            let named = content_type.and_then(|t| label(t, "charset"));
            let named = named.or_else(|| label(shown.lines().next()?, "encoding"));
            let plain = content_type.is_some_and(|t| t.starts_with("text/plain"));
            let Some(expected) = named.and_then(|name| known(name.as_bytes())).filter(|_| !plain) else { continue };
            if Encoding::for_bom(&body).is_some() || expected == UTF_16LE || expected == UTF_16BE {
                continue;
            }
            assert_eq!(encoding(&case), expected, "{}", path.display());
            run += 1;
        }
        assert!(run > 30 || std::env::var_os("TIDINGS_CORPUS").is_none());
    }
}
