//! A stream that gives up on a client who keeps it waiting: with the head of a request, between two requests, or with an
//! answer left unread. hyper limits the first of these alone, and counts the second to it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How long each kind of waiting may last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// From the first byte of a request's head to its last; from the connection's first moment for the first one.
    pub head: Duration,
    /// From the end of one answer to the first byte of the next request.
    pub idle: Duration,
    /// For a write without any progress.
    pub write: Duration,
}

/// Where a connection stands. Its stream and the service that answers on it tell each other.
#[derive(Debug, Clone)]
pub(super) struct Progress(Arc<Mutex<Stand>>);

#[derive(Debug, Clone, Copy)]
struct Stand {
    phase: Phase,
    /// Part of an answer waits for the client to take it. hyper has long had the whole answer then.
    unsent: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// A head is awaited or half there, since then.
    Head(Instant),
    /// A request is being answered: whatever the client does now is no reason to hurry it.
    Answering,
    /// The same, with an answer that goes on until somebody ends it.
    Streaming,
    /// Answered, and nothing new has come since then.
    Idle(Instant),
}

impl Progress {
    pub fn new() -> Self {
        Progress(Arc::new(Mutex::new(Stand { phase: Phase::Head(Instant::now()), unsent: false })))
    }

    /// A whole head has come.
    pub fn answering(&self) {
        self.stand().phase = Phase::Answering;
    }

    /// The answer goes on until somebody ends it.
    pub fn streaming(&self) {
        self.stand().phase = Phase::Streaming;
    }

    pub fn is_streaming(&self) -> bool {
        self.stand().phase == Phase::Streaming
    }

    /// The answer's body has been handed over to its last byte.
    pub fn answered(&self) {
        self.stand().phase = Phase::Idle(Instant::now());
    }

    pub fn is_answering(&self) -> bool {
        let stand = self.stand();
        stand.unsent || matches!(stand.phase, Phase::Answering | Phase::Streaming)
    }

    pub fn is_asking(&self) -> bool {
        matches!(self.stand().phase, Phase::Head(_))
    }

    fn bytes_came(&self) {
        let mut stand = self.stand();
        if matches!(stand.phase, Phase::Idle(_)) {
            stand.phase = Phase::Head(Instant::now());
        }
    }

    fn wrote(&self, unsent: bool) {
        let mut stand = self.stand();
        stand.unsent = unsent;
        if matches!(stand.phase, Phase::Idle(_)) {
            stand.phase = Phase::Idle(Instant::now());
        }
    }

    /// When the client's time for its next byte is over.
    fn deadline(&self, patience: &Patience) -> Option<Instant> {
        match *self.stand() {
            Stand { unsent: true, .. } => None,
            Stand { phase: Phase::Head(since), .. } => Some(since + patience.head),
            Stand { phase: Phase::Answering | Phase::Streaming, .. } => None,
            Stand { phase: Phase::Idle(since), .. } => Some(since + patience.idle),
        }
    }

    fn stand(&self) -> MutexGuard<'_, Stand> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `S` with a limit on each kind of waiting.
pub(super) struct Impatient<S> {
    stream: S,
    patience: Patience,
    progress: Progress,
    reading: Pin<Box<Sleep>>,
    writing: Pin<Box<Sleep>>,
    unsent: bool,
}

impl<S> Impatient<S> {
    pub fn new(stream: S, patience: Patience, progress: Progress) -> Self {
        let (reading, writing) = (Box::pin(sleep(patience.head)), Box::pin(sleep(patience.write)));
        Impatient { stream, patience, progress, reading, writing, unsent: false }
    }

    /// Passes on what the stream says of a write, and turns waiting for too long into an error.
    fn bounded<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.unsent = false;
            self.progress.wrote(false);
            return written;
        }
        if !self.unsent {
            self.unsent = true;
            self.progress.wrote(true);
            self.writing.as_mut().reset(Instant::now() + self.patience.write);
        }
        ready!(self.writing.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read its answer")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Impatient<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut this.stream).poll_read(context, buffer) {
            if buffer.filled().len() > before {
                this.progress.bytes_came();
            }
            return Poll::Ready(read);
        }
        let Some(deadline) = this.progress.deadline(&this.patience) else { return Poll::Pending };
        if this.reading.deadline() != deadline {
            this.reading.as_mut().reset(deadline);
        }
        ready!(this.reading.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not finish its request")))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Impatient<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.bounded(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, bytes);
        this.bounded(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(context);
        this.bounded(context, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let shut = Pin::new(&mut this.stream).poll_shutdown(context);
        this.bounded(context, shut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    const PATIENCE: Patience =
        Patience { head: Duration::from_secs(5), idle: Duration::from_secs(30), write: Duration::from_secs(10) };

    fn pair() -> (Impatient<DuplexStream>, DuplexStream, Progress) {
        let (ours, theirs) = duplex(16);
        let progress = Progress::new();
        (Impatient::new(ours, PATIENCE, progress.clone()), theirs, progress)
    }

    /// Reads to the error, and answers its kind and the seconds since `from`.
    async fn given_up(stream: &mut Impatient<DuplexStream>, from: Instant) -> (io::ErrorKind, u64) {
        let error = stream.read_to_end(&mut Vec::new()).await.unwrap_err();
        (error.kind(), from.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_who_stops_is_given_up_on() {
        let (mut ours, _theirs, _) = pair();
        let started = Instant::now();
        let error = ours.write_all(&[0; 100]).await.unwrap_err();
        assert_eq!((error.kind(), started.elapsed().as_secs()), (io::ErrorKind::TimedOut, 10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_is_not() {
        let (mut ours, mut theirs, _) = pair();
        let reading = tokio::spawn(async move {
            let mut read = Vec::new();
            while read.len() < 160 {
                sleep(Duration::from_secs(9)).await;
                theirs.read_buf(&mut read).await.unwrap();
            }
            read.len()
        });
        ours.write_all(&[0; 160]).await.unwrap();
        assert_eq!(reading.await.unwrap(), 160);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_is_not_waited_for_however_busily_it_is_dribbled() {
        let (mut ours, mut theirs, _) = pair();
        let dribbling = tokio::spawn(async move {
            while theirs.write_all(b"x").await.is_ok() {
                sleep(Duration::from_millis(400)).await;
            }
        });
        assert_eq!(given_up(&mut ours, Instant::now()).await, (io::ErrorKind::TimedOut, 5));
        drop(ours);
        dribbling.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn between_two_requests_there_is_more_time_and_in_an_answer_all_of_it() {
        let (mut ours, mut theirs, progress) = pair();
        progress.answering();
        let waited = tokio::time::timeout(Duration::from_secs(3600), ours.read_u8()).await;
        assert!(waited.is_err(), "nobody is hurried while the answer is on its way");
        progress.answered();
        let answered = Instant::now();
        tokio::spawn(async move {
            sleep(Duration::from_secs(29)).await;
            theirs.write_all(b"G").await.unwrap();
            std::future::pending::<()>().await;
        });
        assert_eq!(ours.read_u8().await.unwrap(), b'G');
        // From the first byte on it is a head again.
        assert_eq!(given_up(&mut ours, answered).await, (io::ErrorKind::TimedOut, 29 + 5));

        let (mut ours, _theirs, progress) = pair();
        progress.answered();
        assert_eq!(given_up(&mut ours, Instant::now()).await, (io::ErrorKind::TimedOut, 30));
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_long_over_an_answer_is_not_idle() {
        let (ours, mut theirs, progress) = pair();
        let (mut reading, mut writing) = tokio::io::split(ours);
        let taking = tokio::spawn(async move {
            for _ in 0..20 {
                sleep(Duration::from_secs(9)).await;
                theirs.read_exact(&mut [0; 8]).await.unwrap();
            }
            theirs
        });
        // hyper has the whole answer at once and then waits for the socket.
        progress.answered();
        let started = Instant::now();
        // In one task, as hyper does it, the writing first. The last 16 bytes fit into the pipe.
        let written = writing.write_all(&[0; 160]);
        let (written, idle) = tokio::join!(biased; written, async { reading.read_u8().await.unwrap_err().kind() });
        written.unwrap();
        let _theirs = taking.await.unwrap();
        assert_eq!((idle, started.elapsed().as_secs()), (io::ErrorKind::TimedOut, 18 * 9 + 30));
    }
}
