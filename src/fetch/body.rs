//! The body of an answer: within both limits, and whole.

use reqwest::Response;
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderName, TRANSFER_ENCODING};

use super::coding::{Decoder, Fault};
use super::error::chain;
use super::headers::shown;

/// Why there is no body.
#[derive(Debug)]
pub(super) enum NoBody {
    /// It comes in a way that is not read.
    Coding(String),
    /// More bytes than `max_wire` are sent.
    Wire,
    /// More bytes than `max_body` come out of them.
    Decoded,
    /// It broke off or can't be decoded.
    Damaged(String),
}

/// How much of a body is taken.
#[derive(Clone, Copy)]
pub(super) struct Most {
    pub wire: usize,
    pub decoded: usize,
}

/// The whole body of `response`. Its length, its chunks and the end of its coding are all checked: a part is never taken for
/// the whole.
pub(super) async fn whole(response: &mut Response, most: Most) -> Result<Vec<u8>, NoBody> {
    let mut decoder = decoder(response.headers(), most)?;
    let announced = response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most.wire as u64) {
        return Err(NoBody::Wire);
    }
    let mut wire = 0;
    while let Some(piece) = response.chunk().await.map_err(|error| NoBody::Damaged(chain(&error)))? {
        wire += piece.len();
        if wire > most.wire {
            return Err(NoBody::Wire);
        }
        decoder.take(&piece).map_err(NoBody::of)?;
    }
    decoder.finish().map_err(NoBody::of)
}

/// The beginning of the body, as much of it as is allowed.
pub(super) async fn beginning(response: &mut Response, most: Most) -> Result<Vec<u8>, NoBody> {
    let mut decoder = decoder(response.headers(), most)?;
    let mut wire = 0;
    while let Some(piece) = response.chunk().await.map_err(|error| NoBody::Damaged(chain(&error)))? {
        wire += piece.len();
        match decoder.take(&piece) {
            Ok(()) if wire < most.wire => {}
            Ok(()) | Err(Fault::TooLarge) => return Ok(decoder.beginning()),
            Err(fault) => return Err(NoBody::of(fault)),
        }
    }
    decoder.finish().map_err(NoBody::of)
}

fn decoder(headers: &HeaderMap, most: Most) -> Result<Decoder, NoBody> {
    // The client undoes the chunks and would leave another coding under them in place.
    if let Some(other) =
        listed(headers, TRANSFER_ENCODING).into_iter().find(|coding| !coding.eq_ignore_ascii_case("chunked"))
    {
        return Err(NoBody::Coding(format!("its transfer coding is `{}`", shown(&other))));
    }
    let codings = listed(headers, CONTENT_ENCODING);
    let named: Vec<&str> = codings.iter().map(String::as_str).collect();
    Decoder::of(&named, most.decoded)
        .ok_or_else(|| NoBody::Coding(format!("its content coding is `{}`", shown(&named.join(", ")))))
}

/// The members of a header that is a list, however many lines it stands on.
fn listed(headers: &HeaderMap, name: HeaderName) -> Vec<String> {
    let lines = headers.get_all(name).into_iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let lines: Vec<String> = lines.collect();
    let members = lines.iter().flat_map(|line| line.split(',')).map(str::trim);
    members.filter(|member| !member.is_empty()).map(str::to_owned).collect()
}

impl NoBody {
    fn of(fault: Fault) -> Self {
        match fault {
            Fault::TooLarge => NoBody::Decoded,
            Fault::Damaged(reason) => NoBody::Damaged(reason),
        }
    }
}

/// Whether a body that does not say what it is can be text at all: no control characters that no text holds (the standard's
/// "binary data bytes"), and none of the formats that begin as text.
pub(super) fn may_be_text(body: &[u8]) -> bool {
    let start = &body[..body.len().min(1445)];
    let binary = |byte: &u8| matches!(byte, 0x00..=0x08 | 0x0B | 0x0E..=0x1A | 0x1C..=0x1F);
    let utf16 = start.starts_with(&[0xFE, 0xFF]) || start.starts_with(&[0xFF, 0xFE]);
    (utf16 || !start.iter().any(binary)) && !start.starts_with(b"%PDF-") && !start.starts_with(b"%!PS")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_told_is_looked_at() {
        for text in [&b"<!doctype html>"[..], b"", b"{}", b"\xEF\xBB\xBFx", b"\xFF\xFEa\0", b"caf\xE9\r\n\t\x0C\x1B[0m"] {
            assert!(may_be_text(text), "{text:?}");
        }
        for other in [&b"\x89PNG\r\n\x1A\n"[..], b"%PDF-1.7\n", b"PK\x03\x04", b"\x1F\x8B\x08", b"GIF89a\x01\0"] {
            assert!(!may_be_text(other), "{other:?}");
        }
    }
}
