//! Which content coding a client wants, and the coding itself.

use std::cell::RefCell;
use std::io::{Read, Write};

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_ENCODING;
use flate2::read::GzDecoder;
use flate2::{Compress, Compression, FlushCompress, Status};

/// The level of gzip. Of a feed of 86 kB the levels 2, 3, 5 and 6 make 15.4, 14.6, 14.1 and 14.0 kB in 0.38, 0.48, 0.62 and 0.76 ms.
const GZIP: u32 = 3;
/// The same for its window, as a power of two: the largest there is.
const GZIP_WINDOW: u8 = 15;
/// Brotli's quality: beyond it a feed gets a few per cent smaller and takes many times as long.
const BROTLI: u32 = 6;
/// Brotli's window, as a power of two: larger than any feed.
const WINDOW: u32 = 22;

/// Bytes that are not worth coding.
const SMALL: usize = 2048;

/// How a feed's bytes are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Brotli,
    Gzip,
    Identity,
}

impl Coding {
    /// Preferred first, where the client does not care.
    pub(super) const ALL: [Coding; 3] = [Coding::Brotli, Coding::Gzip, Coding::Identity];

    /// As `Content-Encoding` and the entity tag have it.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Coding::Brotli => Some("br"),
            Coding::Gzip => Some("gzip"),
            Coding::Identity => None,
        }
    }

    fn goes_by(self, name: &str) -> bool {
        let names: &[&str] = match self {
            Coding::Brotli => &["br"],
            Coding::Gzip => &["gzip", "x-gzip"],
            Coding::Identity => &["identity"],
        };
        names.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// The coding the client likes best, or none where it accepts none that there is (RFC 9110 section 12.5.3).
pub(super) fn choose(request: &HeaderMap) -> Option<Coding> {
    choose_among(request, &Coding::ALL)
}

/// The same for so many bytes, which are not coded where that would save a packet at most.
pub(super) fn choose_for(request: &HeaderMap, bytes: usize) -> Option<Coding> {
    let plain = if bytes <= SMALL { choose_among(request, &[Coding::Identity]) } else { None };
    plain.or_else(|| choose(request))
}

fn choose_among(request: &HeaderMap, there: &[Coding]) -> Option<Coding> {
    let lines: Vec<_> = request.get_all(ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok()).collect();
    if lines.is_empty() {
        return Some(Coding::Identity);
    }
    let asked: Vec<_> = lines.iter().flat_map(|line| line.split(',')).filter_map(weighted).collect();
    let named = |coding: Coding| asked.iter().find(|(name, _)| coding.goes_by(name)).map(|&(_, weight)| weight);
    let others = asked.iter().find(|(name, _)| *name == "*").map(|&(_, weight)| weight);
    let weight = |coding: Coding| match coding {
        // What is not mentioned is not wanted, except for the bytes as they are, which are the last resort.
        Coding::Identity => named(coding).or(others.filter(|&weight| weight == 0)).unwrap_or(1),
        _ => named(coding).or(others).unwrap_or(0),
    };
    let mut best = None;
    for &coding in there {
        let weight = weight(coding);
        if weight > best.map_or(0, |(_, most)| most) {
            best = Some((coding, weight));
        }
    }
    best.map(|(coding, _)| coding)
}

/// `gzip;q=0.5` as a name and a weight in thousandths. Nonsense is passed over.
fn weighted(part: &str) -> Option<(&str, u32)> {
    let (name, parameter) = part.split_once(';').map_or((part, None), |(name, rest)| (name, Some(rest.trim())));
    let name = Some(name.trim()).filter(|name| !name.is_empty())?;
    let Some(parameter) = parameter else { return Some((name, 1000)) };
    let value = parameter.strip_prefix(['q', 'Q'])?.trim_start().strip_prefix('=')?.trim();
    let (whole, part) = value.split_once('.').unwrap_or((value, ""));
    if part.len() > 3 || !part.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    match whole {
        "0" => format!("{part:0<3}").parse().ok().map(|weight| (name, weight)),
        "1" if part.bytes().all(|b| b == b'0') => Some((name, 1000)),
        _ => None,
    }
}

/// What `bytes` were before they were coded by us.
pub(super) fn decode(bytes: &[u8], coding: Coding) -> Vec<u8> {
    const OURS: &str = "what was coded in memory can be decoded";
    let mut plain = Vec::new();
    match coding {
        Coding::Identity => plain.extend_from_slice(bytes),
        Coding::Gzip => drop(GzDecoder::new(bytes).read_to_end(&mut plain).expect(OURS)),
        Coding::Brotli => drop(brotli::Decompressor::new(bytes, 4096).read_to_end(&mut plain).expect(OURS)),
    }
    plain
}

const MEMORY: &str = "memory takes every write";

/// `bytes` in `coding`. The same bytes give the same code.
pub(super) fn code(bytes: &[u8], coding: Coding) -> Vec<u8> {
    match coding {
        Coding::Identity => bytes.to_vec(),
        Coding::Gzip => GZIPPER.with_borrow_mut(|gzipper| gzip(gzipper, bytes)),
        Coding::Brotli => {
            let mut writer = brotli::CompressorWriter::new(Vec::new(), 4096, BROTLI, WINDOW);
            writer.write_all(bytes).expect(MEMORY);
            writer.into_inner()
        }
    }
}

thread_local! {
    /// A quarter of a megabyte of tables, which would have to be found and cleared for each feed.
    static GZIPPER: RefCell<Compress> = RefCell::new(Compress::new_gzip(Compression::new(GZIP), GZIP_WINDOW));
}

fn gzip(gzipper: &mut Compress, bytes: &[u8]) -> Vec<u8> {
    gzipper.reset();
    let mut coded = Vec::with_capacity(bytes.len() / 4 + 64);
    while gzipper.compress_vec(&bytes[gzipper.total_in() as usize..], &mut coded, FlushCompress::Finish).expect(MEMORY)
        != Status::StreamEnd
    {
        coded.reserve(coded.len());
    }
    // What is kept has no room to spare.
    coded.shrink_to_fit();
    coded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_coded_is_what_it_was_whatever_was_coded_before() {
        let plain = |bytes: usize| -> Vec<u8> { (0..bytes).map(|nth| (nth * nth / 7 % 251) as u8).collect() };
        for coding in Coding::ALL {
            // With nothing in it, with what does not get smaller, and with more than was made room for.
            for bytes in [plain(0), plain(1), vec![0; 1 << 20], plain(1 << 18), plain(100), plain(0)] {
                let coded = code(&bytes, coding);
                assert!(decode(&coded, coding) == bytes, "{coding:?}, {} bytes", bytes.len());
                assert!(coded == code(&bytes, coding), "{coding:?}, {} bytes", bytes.len());
            }
        }
    }

    #[test]
    fn the_client_is_given_what_it_likes_best() {
        use Coding::*;
        for (asked, given) in [
            ("", Some(Identity)),
            ("gzip", Some(Gzip)),
            ("x-gzip", Some(Gzip)),
            ("GZIP, deflate, BR", Some(Brotli)),
            ("gzip, deflate, br, zstd", Some(Brotli)),
            ("br;q=0.5, gzip;q=0.8", Some(Gzip)),
            ("br ; q = 0.500 , gzip;q=0.501", Some(Gzip)),
            ("br;q=0, gzip;q=0", Some(Identity)),
            ("*", Some(Brotli)),
            ("*;q=0.1, br;q=0", Some(Gzip)),
            ("deflate", Some(Identity)),
            ("identity", Some(Identity)),
            ("identity;q=0.5, gzip;q=0.4", Some(Identity)),
            ("gzip, identity;q=0", Some(Gzip)),
            ("identity;q=0", None),
            ("*;q=0", None),
            ("*;q=0, identity", Some(Identity)),
            ("identity;q=0, *;q=0.1", Some(Brotli)),
            ("zstd, *;q=0", None),
            ("gzip;q=7, br;q=x", Some(Identity)),
            ("gzip;q=0.0001", Some(Identity)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, asked.parse().unwrap());
            assert_eq!(choose(&headers), given, "{asked:?}");
        }
        assert_eq!(choose(&HeaderMap::new()), Some(Identity));
        for (asked, few, many) in [
            ("gzip, br", Some(Identity), Some(Brotli)),
            ("gzip, identity;q=0", Some(Gzip), Some(Gzip)),
            ("*;q=0", None, None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, asked.parse().unwrap());
            assert_eq!((choose_for(&headers, SMALL), choose_for(&headers, SMALL + 1)), (few, many), "{asked:?}");
        }
    }
}
