//! One stream: what it has told, and what it tells next.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until};

use super::ring::{Item, Next, Ring};
use crate::metrics::Streaming;
use crate::server::ServerState;
use crate::store::Selection;

/// Milliseconds after which a client that has lost its stream comes back.
const RETRY: u32 = 3000;

/// Changes that a stream reads from the store at once: they are held for it alone.
const OWN: usize = 20;

/// What a stream is told of.
pub(super) struct Told {
    pub state: ServerState,
    pub ring: Arc<Ring>,
    pub place: OwnedSemaphorePermit,
    pub selection: Selection,
    /// The change to begin after.
    pub after: i64,
    /// What the client believes to know is not of this log, which ends here.
    pub reset: Option<i64>,
}

/// The body of an answer that goes on until the client, the server or the settings end it.
pub(super) struct Stream(Piece);

/// What comes next, and what comes after that.
type Piece = Pin<Box<dyn Future<Output = Option<(Bytes, Reader)>> + Send>>;

impl Stream {
    pub fn of(told: Told) -> Stream {
        Stream(Box::pin(Reader::new(told).next()))
    }
}

impl Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match ready!(self.0.as_mut().poll(context)) {
            Some((bytes, reader)) => {
                self.0 = Box::pin(reader.next());
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            None => {
                self.0 = Box::pin(std::future::ready(None));
                Poll::Ready(None)
            }
        }
    }
}

struct Reader {
    state: ServerState,
    ring: Arc<Ring>,
    selection: Selection,
    moved: watch::Receiver<i64>,
    admitted: watch::Receiver<()>,
    closing: watch::Receiver<bool>,
    /// The change up to which everything has been looked at.
    after: i64,
    /// The last number that the client was told.
    told: i64,
    /// Written and not yet sent, with the number of each.
    own: VecDeque<(i64, Bytes)>,
    /// What is said first.
    first: Option<Bytes>,
    /// When to say something if there is nothing to say.
    beat: Instant,
    _place: OwnedSemaphorePermit,
    counted: Streaming,
}

impl Reader {
    fn new(told: Told) -> Reader {
        let Told { state, ring, place, selection, after, reset } = told;
        let reset = reset.map(|newest| format!("event: reset\ndata: {{\"newest\":{newest}}}\n\n")).unwrap_or_default();
        // An event without data is none, and sets the number to come back with all the same.
        let first = format!("retry: {RETRY}\nid: {after}\n\n{reset}");
        Reader {
            moved: ring.moved(),
            admitted: state.0.fanout.admitted.subscribe(),
            closing: state.0.closing.subscribe(),
            beat: Instant::now() + state.0.limits.heartbeat,
            counted: state.0.metrics.streaming(),
            first: Some(first.into()),
            own: VecDeque::new(),
            told: after,
            _place: place,
            state,
            ring,
            selection,
            after,
        }
    }

    /// The next piece; none where the stream ends.
    async fn next(mut self) -> Option<(Bytes, Reader)> {
        let bytes = match self.first.take() {
            Some(first) => first,
            None => self.piece().await?,
        };
        self.beat = Instant::now() + self.state.0.limits.heartbeat;
        Some((bytes, self))
    }

    async fn piece(&mut self) -> Option<Bytes> {
        loop {
            if *self.closing.borrow() || self.admitted.has_changed().unwrap_or(true) {
                return None;
            }
            if let Some((seq, frame)) = self.own.pop_front() {
                return Some(self.tell(seq, frame));
            }
            // Marked as seen before the ring is looked at: what comes between is not missed.
            self.moved.borrow_and_update();
            match self.ring.next(self.after) {
                Next::Item(item) => {
                    self.after = item.seq;
                    if !self.selection.takes(&item.facets) {
                        continue;
                    }
                    if self.selection.wording.is_empty() || self.worded(&item).await? {
                        return Some(self.tell(item.seq, item.frame.clone()));
                    }
                }
                Next::Gone => Box::pin(self.read_own()).await?,
                Next::Nothing => tokio::select! {
                    moved = self.moved.changed() => moved.ok()?,
                    () = sleep_until(self.beat) => return Some(self.beat()),
                    _ = self.closing.changed() => return None,
                    _ = self.admitted.changed() => return None,
                },
            }
        }
    }

    /// Boxed, as few streams ask for words and each would have room for the look-up all the time.
    fn worded<'a>(&'a self, item: &'a Item) -> Pin<Box<dyn Future<Output = Option<bool>> + Send + 'a>> {
        let turns = &self.state.0.fanout.reading;
        Box::pin(async move { item.has(&self.selection.wording, &self.state.0.store, turns).await.ok() })
    }

    fn tell(&mut self, seq: i64, frame: Bytes) -> Bytes {
        self.told = seq;
        self.counted.told();
        frame
    }

    /// A comment; or how far the log has gone on with what the client did not want, so that it need not be looked through
    /// again when it comes back.
    fn beat(&mut self) -> Bytes {
        if self.told == self.after {
            return Bytes::from_static(b":\n\n");
        }
        self.told = self.after;
        format!("id: {}\n\n", self.after).into()
    }

    /// Reads on in the store, which ends the stream where it fails: the client comes back to where it was.
    async fn read_own(&mut self) -> Option<()> {
        let _turn = self.state.0.fanout.reading.acquire().await.ok()?;
        let page = self.state.0.store.whole_changes(&self.selection, self.after, OWN).await.ok()?;
        for whole in page.changes {
            self.own.push_back((whole.change.seq, self.state.written(whole)?));
        }
        self.after = page.after;
        Some(())
    }
}
