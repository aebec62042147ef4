//! Zstandard (RFC 8878) from pieces. The decoder underneath wants whole blocks, so pieces are gathered until there is one.

use std::io::{self, Write};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::Sink;

/// What a server may ask a client to remember (RFC 9659).
const LARGEST_WINDOW: u64 = 8 << 20;

/// The longest head of a frame; also enough for a checksum, and for the head of a frame to skip.
const FRAME_HEAD: usize = 18;

const BLOCK_HEAD: usize = 3;

/// Frames that hold nothing cost time and no bytes.
const MOST_FRAMES: usize = 1_000;

pub(super) struct Zstd {
    frame: FrameDecoder,
    sink: Sink,
    /// What has come and is not decoded yet: less than a block.
    waiting: Vec<u8>,
    /// How much of it is done with. It is cleared away once a piece: a body of nothing but empty blocks would have the rest
    /// moved up millions of times.
    done: usize,
    state: State,
    frames: usize,
    /// What the frame has given so far, to be compared with what it promised.
    given: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Between,
    Inside,
    /// So many bytes of a frame for others are to be passed over.
    Skipping(usize),
}

impl Zstd {
    pub(super) fn new(sink: Sink) -> Self {
        let mut frame = FrameDecoder::new();
        frame.set_max_window_size(LARGEST_WINDOW);
        Zstd { frame, sink, waiting: Vec::new(), done: 0, state: State::Between, frames: 0, given: 0 }
    }

    pub(super) fn sink(&mut self) -> &mut Sink {
        &mut self.sink
    }

    pub(super) fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        // Not more than the largest block at a time, so that what waits stays small.
        let taken = piece.len().min(128 << 10);
        self.waiting.extend_from_slice(&piece[..taken]);
        while self.step(false)? {}
        self.waiting.drain(..self.done);
        self.done = 0;
        Ok(taken)
    }

    pub(super) fn finish(&mut self) -> io::Result<()> {
        while self.step(true)? {}
        if self.state == State::Between && self.left().is_empty() && self.frames > 0 {
            return Ok(());
        }
        Err(io::Error::other("it breaks off"))
    }

    fn left(&self) -> &[u8] {
        &self.waiting[self.done..]
    }

    /// Decodes what can be decoded, and says whether that was anything.
    fn step(&mut self, last: bool) -> io::Result<bool> {
        match self.state {
            State::Between => {
                if self.left().is_empty() || self.left().len() < FRAME_HEAD && !last {
                    return Ok(false);
                }
                self.frames += 1;
                if self.frames > MOST_FRAMES {
                    return Err(io::Error::other("more frames than any server makes"));
                }
                let mut rest = &self.waiting[self.done..];
                self.state = match self.frame.reset(&mut rest) {
                    Ok(()) => State::Inside,
                    Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                        State::Skipping(length as usize)
                    }
                    Err(error) => return Err(io::Error::other(error.to_string())),
                };
                self.given = 0;
                self.done = self.waiting.len() - rest.len();
                Ok(true)
            }
            State::Skipping(0) => {
                self.state = State::Between;
                Ok(true)
            }
            State::Skipping(bytes) => {
                let here = bytes.min(self.left().len());
                self.done += here;
                self.state = State::Skipping(bytes - here);
                Ok(here > 0)
            }
            State::Inside => self.block(last),
        }
    }

    fn block(&mut self, last: bool) -> io::Result<bool> {
        let &[a, b, c, ..] = self.left() else { return Ok(false) };
        let head = u32::from_le_bytes([a, b, c, 0]);
        let (kind, size) = (head >> 1 & 3, (head >> 3) as usize);
        // A block of one repeated byte carries that byte only, whatever its size.
        let whole = BLOCK_HEAD + if kind == 1 { 1 } else { size };
        // The last block is followed by the checksum, if there is one; the next frame's head is longer than that.
        if self.left().len() < whole || head & 1 == 1 && self.left().len() < whole + 4 && !last {
            return Ok(false);
        }
        let mut rest = &self.waiting[self.done..];
        let ended = self.frame.decode_blocks(&mut rest, BlockDecodingStrategy::UptoBlocks(1));
        let ended = ended.map_err(|error| io::Error::other(error.to_string()))?;
        self.done = self.waiting.len() - rest.len();
        let mut counting = Counting { sink: &mut self.sink, given: 0 };
        self.frame.collect_to_writer(&mut counting)?;
        self.given += counting.given;
        if ended {
            let promised = self.frame.content_size();
            if promised != 0 && promised != self.given {
                return Err(io::Error::other("it holds another amount than it says"));
            }
            let told = self.frame.get_checksum_from_data();
            if told.is_some() && told != self.frame.get_calculated_checksum() {
                return Err(io::Error::other("its checksum is wrong"));
            }
            self.state = State::Between;
        }
        Ok(true)
    }
}

struct Counting<'a> {
    sink: &'a mut Sink,
    given: u64,
}

impl Write for Counting<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.sink.write(bytes)?;
        self.given += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
