//! A feed or a page as the bytes that are sent.

use std::time::SystemTime;

use axum::body::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::coding::{Coding, code, decode};
use crate::background::apart;
use crate::store::Position;

/// A feed as bytes, in the codings that somebody has asked for: the rest can be made of any one of them. Nearly all readers ask
/// for one that is a tenth of the feed.
#[derive(Debug)]
pub(super) struct Written {
    identity: OnceCell<Bytes>,
    gzip: OnceCell<Bytes>,
    brotli: OnceCell<Bytes>,
    tag: String,
    /// In whole seconds, as the header has it.
    pub modified: Option<SystemTime>,
    /// When it was made.
    pub at: Instant,
}

impl Written {
    /// Keeps `bytes` in `coding`, which takes milliseconds. `position` is that of the newest change that may show in them.
    pub fn new(mut bytes: Vec<u8>, coding: Coding, modified: Option<SystemTime>, position: Option<Position>) -> Self {
        let mut hash = format!("{:x}", Sha256::digest(&bytes));
        hash.truncate(32);
        let tag = match position {
            Some(Position { seq, mark, .. }) => format!("{seq}.{mark:08x}.{hash}"),
            None => hash,
        };
        let (identity, gzip, brotli) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        let written = Written { identity, gzip, brotli, tag, modified, at: Instant::now() };
        let coded = match coding {
            // What is kept has no room to spare.
            Coding::Identity => {
                bytes.shrink_to_fit();
                bytes
            }
            Coding::Brotli | Coding::Gzip => code(&bytes, coding),
        };
        // It was made a moment ago and is empty.
        let _ = written.cell(coding).set(coded.into());
        written
    }

    /// The strong entity tag of the feed in `coding`: other bytes, so another tag. Before its last dot it says up to where in
    /// the log the feed had come (see `conditional`).
    pub fn etag(&self, coding: Coding) -> String {
        match coding.name() {
            None => format!("\"{}\"", self.tag),
            Some(name) => format!("\"{}-{name}\"", self.tag),
        }
    }

    fn cell(&self, coding: Coding) -> &OnceCell<Bytes> {
        match coding {
            Coding::Identity => &self.identity,
            Coding::Gzip => &self.gzip,
            Coding::Brotli => &self.brotli,
        }
    }

    /// Whether the bytes in `coding` are there already.
    pub fn has(&self, coding: Coding) -> bool {
        self.cell(coding).initialized()
    }

    /// The bytes in `coding`.
    pub async fn coded(&self, coding: Coding) -> Bytes {
        let made = self.cell(coding).get_or_init(|| async {
            let there = Coding::ALL.into_iter().find_map(|there| self.cell(there).get().map(|bytes| (there, bytes.clone())));
            let (there, bytes) = there.expect("a feed is made with one coding");
            apart(async move { code(&decode(&bytes, there), coding).into() }).await
        });
        made.await.clone()
    }

    /// Bytes of memory.
    pub fn size(&self) -> usize {
        Coding::ALL.into_iter().filter_map(|coding| self.cell(coding).get()).map(Bytes::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_coding_is_made_of_any_other() {
        let bytes = b"The ferry is late. ".repeat(500);
        let whole = Written::new(bytes.clone(), Coding::Identity, None, None);
        for kept in Coding::ALL {
            let written = Written::new(bytes.clone(), kept, None, None);
            assert!(written.size() < 1000 || kept == Coding::Identity, "{kept:?}: {}", written.size());
            for asked in Coding::ALL {
                assert_eq!(written.coded(asked).await, whole.coded(asked).await, "{kept:?} to {asked:?}");
                assert_eq!(written.etag(asked), whole.etag(asked));
            }
        }
    }
}
