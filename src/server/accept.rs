//! The loop that takes connections. It is our own because the one that comes with axum gives a client all the time in the
//! world to finish a request's head.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::admin::{self, Reload};
use super::connection::{Answering, Ends};
use super::hosts::Hosts;
use super::impatient::{Impatient, Patience, Progress};
use super::{Limits, ServerState, descriptors, router};
use crate::metrics::Metrics;

/// Bytes that the head of a request may have. Addresses and headers of real readers take a tenth of it.
const HEAD: usize = 16 * 1024;

/// Headers that a request may have.
const HEADERS: usize = 64;

/// Pause after a failure to accept, which is mostly too many open files: trying again at once would only burn the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Connections to the listener for administration.
const ADMIN: usize = 16;

/// Connections that the system takes until we do; it has a limit of its own (`net.core.somaxconn`). With tokio's 1,024, of two thousand
/// clients who came at once some were let in by the system and never handed to us: they waited without an end.
const BACKLOG: u32 = 4096;

/// Bytes of answers that the system keeps for a client until they are taken; Linux takes twice as many to account for what they are
/// kept in. It would be up to four megabytes each, for every client who asks and does not read.
const UNREAD: u32 = 128 << 10;

/// How long a shutdown waits for the rest of a request that is only half there.
const HALF_ASKED: Duration = Duration::from_secs(1);

/// Listens on `address`, as is fit for clients of all kinds.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A server that was stopped a moment ago has left connections behind. Elsewhere it would let two listen at once.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    // What is accepted has the buffer of what listens.
    socket.set_send_buffer_size(UNREAD)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves what is asked for on `listener` until `shutdown` is ready; then takes nothing new and waits a little for the answers
/// under way.
pub async fn serve(listener: TcpListener, state: ServerState, shutdown: impl Future<Output = ()>) {
    let limits = Limits { connections: descriptors::room_for(state.0.limits.connections), ..state.0.limits.clone() };
    // Feeds are to be had however many listen.
    state.0.fanout.bound((limits.connections * 3 / 4).max(1));
    let (hosts, metrics) = (state.0.hosts.clone(), state.metrics());
    // Who waits for a change is answered before the answers under way are waited for.
    let waiting = state.clone();
    let shutdown = async move {
        shutdown.await;
        waiting.close();
    };
    Reception::new(&limits, router(state), hosts, Some(metrics)).attend_all(listener, &limits, shutdown).await;
}

/// The same for whoever runs the server.
pub async fn serve_admin(listener: TcpListener, state: ServerState, reload: Reload, shutdown: impl Future<Output = ()>) {
    let limits = Limits { connections: ADMIN, ..state.0.limits.clone() };
    // With a token, any name will do; without one, a page in a browser here must not reach it under a name of its own.
    let hosts = if state.settings().access.admin_token.is_some() { Hosts::new(None) } else { Hosts::machine() };
    Reception::new(&limits, admin::router(state, reload), hosts, None).attend_all(listener, &limits, shutdown).await;
}

/// What every connection is treated with. Cheap to clone.
#[derive(Clone)]
struct Reception {
    http: Arc<http1::Builder>,
    router: Router,
    hosts: Hosts,
    patience: Patience,
    /// Asks whoever has been here longest to leave after the answer under way.
    crowded: Arc<Notify>,
    metrics: Option<Metrics>,
}

impl Reception {
    fn new(limits: &Limits, router: Router, hosts: Hosts, metrics: Option<Metrics>) -> Self {
        let mut http = http1::Builder::new();
        // Each phase has its own limit in the stream; this one catches a head that came in one piece with the request before
        // it, which the stream can't tell from that.
        http.timer(TokioTimer::new()).header_read_timeout(limits.idle).max_buf_size(HEAD).max_headers(HEADERS);
        Reception {
            http: Arc::new(http),
            router,
            hosts,
            patience: Patience { head: limits.header, idle: limits.idle, write: limits.write },
            crowded: Arc::default(),
            metrics,
        }
    }

    async fn attend_all(&self, listener: TcpListener, limits: &Limits, shutdown: impl Future<Output = ()>) {
        let places = Arc::new(Semaphore::new(limits.connections));
        let (stop, stopping) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut shutdown = pin!(shutdown);

        loop {
            // The place is taken before the connection: over the limit, clients wait in the kernel's backlog.
            let accepting = async {
                let place = self.place(&places).await;
                (listener.accept().await, place)
            };
            let (accepted, place) = tokio::select! {
                accepted = accepting => accepted,
                Some(_) = connections.join_next() => continue,
                () = &mut shutdown => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    let (reception, stopping) = (self.clone(), stopping.clone());
                    connections.spawn(async move {
                        reception.attend(stream, stopping).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!("a connection could not be accepted: {error}");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }

        drop(listener);
        let _ = stop.send(true);
        let ended = async { while connections.join_next().await.is_some() {} };
        if timeout(limits.drain, ended).await.is_err() {
            tracing::warn!("{} answers were cut off by the shutdown", connections.len());
        }
    }

    async fn place(&self, places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        match places.clone().try_acquire_owned() {
            Ok(place) => Some(place),
            Err(_) => {
                self.crowded.notify_one();
                // The semaphore is never closed, so there is always a place in the end.
                places.clone().acquire_owned().await.ok()
            }
        }
    }

    /// Answers on one connection until either side ends it.
    async fn attend(&self, stream: TcpStream, mut stopping: watch::Receiver<bool>) {
        let Some(ends) = Ends::of(&stream) else { return };
        let _counted = self.metrics.as_ref().map(Metrics::connected);
        // A feed goes out in one piece; the last packet should not wait for more to come.
        let _ = stream.set_nodelay(true);
        let progress = Progress::new();
        let stream = TokioIo::new(Impatient::new(stream, self.patience, progress.clone()));
        let service = Answering::new(self.router.clone(), self.hosts.clone(), ends, progress.clone());
        let mut connection = pin!(self.http.serve_connection(stream, service));
        loop {
            tokio::select! {
                ended = connection.as_mut() => return note(ended),
                _ = stopping.wait_for(|stop| *stop) => break,
                () = self.crowded.notified() => {}
            }
            if progress.is_streaming() {
                // A stream makes no room. The next one is called, and this connection ends with the stream.
                self.crowded.notify_one();
            }
            if !progress.is_asking() {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection.as_mut() => return note(ended),
                    _ = stopping.wait_for(|stop| *stop) => break,
                }
            }
            // Who is about to ask may do so. The next one is called, and this one is left alone until its time is over.
            self.crowded.notify_one();
            tokio::select! {
                ended = connection.as_mut() => return note(ended),
                _ = stopping.wait_for(|stop| *stop) => break,
                () = sleep(self.patience.head) => {}
            }
        }
        connection.as_mut().graceful_shutdown();
        // Who has asked is waited for, by the one who called for the stop; who has begun to ask, a moment.
        tokio::select! {
            ended = connection.as_mut() => return note(ended),
            () = sleep(HALF_ASKED) => {}
        }
        if progress.is_answering() {
            note(connection.await);
        }
    }
}

fn note(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!("a connection ended early: {error}");
    }
}
