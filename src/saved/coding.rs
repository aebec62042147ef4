//! Codings that a recorded answer may still be in.

use super::{SavedError, bounded};

/// Undoes one content coding (RFC 9110 section 8.4.1). Archives that store the decoded body under the old header are common;
/// a body that is not in the coding is taken as it is.
pub(super) fn undone(coding: &str, body: Vec<u8>) -> Result<Vec<u8>, SavedError> {
    let zlib = |body: &[u8]| body.first().is_some_and(|byte| byte & 0x0f == 8) && body.len() > 2;
    match coding.to_ascii_lowercase().as_str() {
        "identity" => Ok(body),
        "gzip" | "x-gzip" if !body.starts_with(&[0x1f, 0x8b]) => Ok(body),
        "gzip" | "x-gzip" => decoded(coding, flate2::read::MultiGzDecoder::new(&body[..])),
        "deflate" if zlib(&body) => decoded(coding, flate2::read::ZlibDecoder::new(&body[..])),
        "deflate" => decoded(coding, flate2::read::DeflateDecoder::new(&body[..])),
        "br" => match decoded(coding, brotli::Decompressor::new(&body[..], 4096)) {
            Err(SavedError::Damaged(_)) if body.starts_with(b"<") => Ok(body),
            result => result,
        },
        other => {
            Err(SavedError::Damaged(format!("the recorded answer is in the content coding `{other}`, which is not read")))
        }
    }
}

fn decoded(coding: &str, reader: impl std::io::Read) -> Result<Vec<u8>, SavedError> {
    bounded(reader).map_err(|error| match error {
        SavedError::Unreadable(error) => SavedError::Damaged(format!("the recorded answer is no whole {coding}: {error}")),
        error => error,
    })
}

/// The body of a chunked message (RFC 9112 section 7.1), or `None` where it is not one.
pub(super) fn unchunked(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::with_capacity(body.len());
    loop {
        let end = body.windows(2).take(1024).position(|pair| pair == b"\r\n")?;
        let size = std::str::from_utf8(&body[..end]).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        body = &body[end + 2..];
        if size == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(body.get(..size)?);
        body = body.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined_and_anything_else_is_left() {
        assert_eq!(unchunked(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n").as_deref(), Some(&b"abcde"[..]));
        for other in [&b"<!doctype html>"[..], b"", b"5\r\nabc", b"ffffffffffffffffff\r\n", b"3\r\nabcde"] {
            assert_eq!(unchunked(other), None);
        }
    }

    #[test]
    fn codings_are_undone_or_refused() {
        use std::io::Write;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"<p>words").unwrap();
        let gzip = gzip.finish().unwrap();
        assert_eq!(undone("gzip", gzip.clone()).unwrap(), b"<p>words");
        assert_eq!(undone("gzip", b"<p>words".to_vec()).unwrap(), b"<p>words", "decoded already");
        assert!(undone("gzip", gzip[..gzip.len() - 3].to_vec()).is_err(), "cut short");
        assert!(undone("zstd", gzip).is_err());
    }
}
