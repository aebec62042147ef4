//! Undoing a content coding piece by piece, never past a limit, and noticing where the end is missing.

use std::io::{self, Write};

use flate2::write::{DeflateDecoder, GzDecoder, ZlibDecoder};

use zstd::stream::raw::{DParameter, Decoder as Frames, InBuffer, Operation, OutBuffer};

/// What is asked for; what else an outlet sends is not read.
pub(super) const OFFERED: &str = "gzip, br, zstd, deflate";

/// Some servers end a gzip member wherever they flush. More than these, which cost us more than they can hold, are an
/// attack.
const MOST_MEMBERS: usize = 64;

/// What a server may ask a client to remember of a zstd body: 8 MiB (RFC 9659), as a power of two.
const LARGEST_WINDOW: u32 = 23;

/// Why a body can't be decoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is larger than the limit.
    TooLarge,
    /// It is not what its coding says, or breaks off.
    Damaged(String),
}

/// A decoder that is fed as the body arrives.
pub(super) struct Decoder {
    coding: &'static str,
    inner: Inner,
}

enum Inner {
    Identity(Sink),
    Gzip {
        member: Box<GzDecoder<Sink>>,
        members: usize,
    },
    /// "deflate" is zlib by the standard and raw for some servers: the first two bytes tell.
    Deflate {
        sink: Sink,
        first: Vec<u8>,
    },
    Zlib(Box<ZlibDecoder<Sink>>),
    Raw(Box<DeflateDecoder<Sink>>),
    Brotli(Box<brotli::DecompressorWriter<Sink>>),
    Zstd(Box<Zstd>),
    /// Between two states, and after a fault.
    Broken,
}

/// Where decoded bytes go: an end that takes no more than its limit.
pub(super) struct Sink {
    body: Vec<u8>,
    limit: usize,
    full: bool,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.limit - self.body.len();
        // What still fits is taken, for those who are content with the beginning.
        let taken = &bytes[..bytes.len().min(room)];
        let (held, needed) = (self.body.capacity(), self.body.len() + taken.len());
        if needed > held {
            // It doubles as any vector, but never beyond what it may hold in the end.
            self.body.reserve_exact((2 * held).clamp(needed, self.limit) - self.body.len());
        }
        self.body.extend_from_slice(taken);
        if bytes.len() > room {
            self.full = true;
            return Err(io::Error::other("larger than the limit"));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Decoder {
    /// A decoder of the codings that the headers name, to at most `limit` bytes. None where that is more than one, or one
    /// that was not offered.
    pub(super) fn of(codings: &[&str], limit: usize) -> Option<Decoder> {
        let sink = Sink { body: Vec::new(), limit, full: false };
        let (coding, inner) = match codings {
            [] => ("", Inner::Identity(sink)),
            [one] => match one.to_ascii_lowercase().as_str() {
                "identity" => ("", Inner::Identity(sink)),
                "gzip" | "x-gzip" => ("gzip", Inner::Gzip { member: Box::new(GzDecoder::new(sink)), members: 1 }),
                "deflate" => ("deflate", Inner::Deflate { sink, first: Vec::new() }),
                "br" => ("br", Inner::Brotli(Box::new(brotli::DecompressorWriter::new(sink, 16 << 10)))),
                "zstd" => ("zstd", Inner::Zstd(Box::new(Zstd::new(sink)?))),
                _ => return None,
            },
            _ => return None,
        };
        Some(Decoder { coding, inner })
    }

    /// Takes the next piece of the body as it came.
    pub(super) fn take(&mut self, piece: &[u8]) -> Result<(), Fault> {
        self.feed(piece).map_err(|error| self.fault(&error))
    }

    fn feed(&mut self, mut piece: &[u8]) -> io::Result<()> {
        if let Inner::Deflate { first, .. } = &mut self.inner {
            first.extend_from_slice(piece);
            if first.len() < 2 {
                return Ok(());
            }
            let Inner::Deflate { sink, first } = std::mem::replace(&mut self.inner, Inner::Broken) else { return Ok(()) };
            let zlib = first[0] & 0x0F == 8 && u16::from_be_bytes([first[0], first[1]]) % 31 == 0;
            self.inner = match zlib {
                true => Inner::Zlib(Box::new(ZlibDecoder::new(sink))),
                false => Inner::Raw(Box::new(DeflateDecoder::new(sink))),
            };
            return self.feed(&first);
        }
        while !piece.is_empty() {
            let taken = match &mut self.inner {
                Inner::Identity(sink) => sink.write(piece)?,
                Inner::Gzip { member, members } => match member.write(piece)? {
                    0 if *members == MOST_MEMBERS => return Err(io::Error::other("more members than any server makes")),
                    0 => {
                        *members += 1;
                        let before = std::mem::replace(&mut self.inner, Inner::Broken);
                        let Inner::Gzip { member, members } = before else { return Ok(()) };
                        let member = Box::new(GzDecoder::new(member.finish()?));
                        self.inner = Inner::Gzip { member, members };
                        continue;
                    }
                    taken => taken,
                },
                Inner::Zlib(decoder) => decoder.write(piece)?,
                Inner::Raw(decoder) => decoder.write(piece)?,
                Inner::Brotli(decoder) => decoder.write(piece)?,
                Inner::Zstd(decoder) => decoder.write(piece)?,
                Inner::Deflate { .. } | Inner::Broken => 0,
            };
            if taken == 0 {
                return Err(io::Error::other("there is more behind its end"));
            }
            piece = &piece[taken..];
        }
        Ok(())
    }

    /// The whole body; a fault where its end has not come.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, Fault> {
        let ended = match &mut self.inner {
            Inner::Identity(_) => Ok(()),
            Inner::Gzip { member, .. } => member.try_finish(),
            Inner::Zlib(decoder) => decoder.try_finish(),
            Inner::Raw(decoder) => decoder.try_finish(),
            Inner::Brotli(decoder) => decoder.close(),
            Inner::Zstd(decoder) if decoder.between => Ok(()),
            Inner::Zstd(_) => Err(io::Error::other("it breaks off")),
            Inner::Deflate { .. } | Inner::Broken => Err(io::Error::other("it breaks off")),
        };
        ended.map_err(|error| self.fault(&error))?;
        Ok(self.beginning())
    }

    /// What has been decoded so far.
    pub(super) fn beginning(mut self) -> Vec<u8> {
        self.sink().map(|sink| std::mem::take(&mut sink.body)).unwrap_or_default()
    }

    fn sink(&mut self) -> Option<&mut Sink> {
        match &mut self.inner {
            Inner::Identity(sink) | Inner::Deflate { sink, .. } => Some(sink),
            Inner::Gzip { member, .. } => Some(member.get_mut()),
            Inner::Zlib(decoder) => Some(decoder.get_mut()),
            Inner::Raw(decoder) => Some(decoder.get_mut()),
            Inner::Brotli(decoder) => Some(decoder.get_mut()),
            Inner::Zstd(decoder) => Some(&mut decoder.sink),
            Inner::Broken => None,
        }
    }

    fn fault(&mut self, error: &io::Error) -> Fault {
        if self.sink().is_some_and(|sink| sink.full) {
            return Fault::TooLarge;
        }
        Fault::Damaged(format!("it is not a whole {} body: {error}", self.coding))
    }
}

/// Zstandard: one frame after another.
struct Zstd {
    frames: Frames<'static>,
    sink: Sink,
    /// Whether a frame has just ended.
    between: bool,
}

impl Zstd {
    fn new(sink: Sink) -> Option<Self> {
        let mut frames = Frames::new().ok()?;
        frames.set_parameter(DParameter::WindowLogMax(LARGEST_WINDOW)).ok()?;
        Some(Zstd { frames, sink, between: false })
    }

    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let (mut from, mut out) = (InBuffer::around(piece), [0; 16 << 10]);
        loop {
            let mut to = OutBuffer::around(&mut out[..]);
            let left = self.frames.run(&mut from, &mut to)?;
            self.between = left == 0;
            let full = to.pos() == to.capacity();
            let made = to.pos();
            self.sink.write_all(&out[..made])?;
            // A frame that has ended holds nothing back, and asking for more would begin another one.
            if from.pos() == piece.len() && (self.between || !full) {
                return Ok(piece.len());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"One line of news, and another line of news, and a third line of news.";

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        coder.write_all(text).unwrap();
        coder.finish().unwrap()
    }

    /// The same text in each coding.
    fn coded(text: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        zlib.write_all(text).unwrap();
        let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        raw.write_all(text).unwrap();
        let mut br = Vec::new();
        brotli::CompressorWriter::new(&mut br, 4096, 5, 22).write_all(text).unwrap();
        let mut zstd = zstd::Encoder::new(Vec::new(), 3).unwrap();
        zstd.include_checksum(true).unwrap();
        zstd.write_all(text).unwrap();
        let zstd = zstd.finish().unwrap();
        vec![
            ("identity", text.to_vec()),
            ("GZIP", gzip(text)),
            ("x-gzip", [gzip(&text[..7]), gzip(b""), gzip(&text[7..])].concat()),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", raw.finish().unwrap()),
            ("br", br),
            ("zstd", zstd.clone()),
            // Between two frames stands one that is to be passed over.
            ("ZSTD", [&zstd[..], b"\x50\x2A\x4D\x18\x03\0\0\0abc", &zstd::encode_all(&b""[..], 3).unwrap()].concat()),
        ]
    }

    fn decode(coding: &str, body: &[u8], piece: usize, limit: usize) -> Result<Vec<u8>, Fault> {
        let mut decoder = Decoder::of(&[coding], limit).unwrap();
        for piece in body.chunks(piece) {
            decoder.take(piece)?;
        }
        decoder.finish()
    }

    #[test]
    fn each_coding_is_undone_in_pieces_of_any_size() {
        for text in [TEXT, &TEXT.repeat(5_000)] {
            for (coding, body) in coded(text) {
                for piece in [1, 3, 1000, body.len()] {
                    let decoded = decode(coding, &body, piece, text.len());
                    assert!(decoded.as_deref() == Ok(text), "{coding} in pieces of {piece}");
                }
            }
        }
    }

    #[test]
    fn a_missing_end_is_noticed_wherever_it_is_missing() {
        for (coding, body) in coded(TEXT).into_iter().skip(1) {
            // What ends between two members is whole.
            if matches!(coding, "x-gzip" | "ZSTD") {
                continue;
            }
            for whole in 0..body.len() {
                for piece in [1, 1000] {
                    let decoded = decode(coding, &body[..whole], piece, 1000);
                    assert!(matches!(decoded, Err(Fault::Damaged(_))), "{coding} cut to {whole} of {}", body.len());
                }
            }
        }
    }

    #[test]
    fn more_than_the_limit_and_more_behind_the_end_are_noticed() {
        let text = TEXT.repeat(1_000);
        for (coding, body) in coded(&text) {
            assert_eq!(decode(coding, &body, 1000, text.len() - 1), Err(Fault::TooLarge), "{coding}");
            assert!(decode(coding, &body, 1000, text.len()).is_ok(), "{coding}");
            let mut decoder = Decoder::of(&[coding], 100).unwrap();
            assert_eq!(decoder.take(&body), Err(Fault::TooLarge));
            assert_eq!(decoder.beginning(), text[..100], "{coding}: its beginning is there for who wants it");
            if coding != "identity" {
                let more = [&body[..], b"<script>"].concat();
                for piece in [1, 1000, more.len()] {
                    assert!(matches!(decode(coding, &more, piece, 1 << 20), Err(Fault::Damaged(_))), "{coding} {piece}");
                }
            }
        }
    }

    #[test]
    fn damage_inside_is_noticed_where_the_coding_has_a_checksum() {
        for (coding, body) in [("gzip", gzip(TEXT)), coded(TEXT).remove(3), coded(TEXT).remove(6)] {
            let mut wrong = body.clone();
            let last = wrong.len() - 1;
            wrong[last] ^= 1;
            assert!(matches!(decode(coding, &wrong, 10, 1000), Err(Fault::Damaged(_))), "{coding}");
        }
    }

    #[test]
    fn endless_members_cost_no_time() {
        let body = gzip(b"").repeat(10_000);
        assert!(matches!(decode("gzip", &body, 1000, 1000), Err(Fault::Damaged(_))));
    }

    #[test]
    fn one_coding_that_was_offered_and_no_other() {
        for wrong in [&["gzip", "gzip"][..], &["br", "gzip"], &["gzip, br"], &["compress"], &["dcb"], &[""]] {
            assert!(Decoder::of(wrong, 10).is_none(), "{wrong:?}");
        }
        assert!(Decoder::of(&[], 10).is_some());
    }
}
