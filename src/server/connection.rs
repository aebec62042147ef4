//! One connection: who is at its ends, and the service that answers on it.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::IntoResponse;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::{Request, Response};
use tokio::net::TcpStream;
use tower_service::Service;

use super::admit::admit;
use super::headers::guarded;
use super::hosts::Hosts;
use super::impatient::Progress;

/// The ends of a connection, for whoever answers on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends {
    /// The client, or the proxy before it.
    pub peer: IpAddr,
    /// The address of ours that it reached.
    pub local: IpAddr,
}

impl Ends {
    /// None where the client has gone already.
    pub fn of(stream: &TcpStream) -> Option<Ends> {
        let (peer, local) = (stream.peer_addr().ok()?.ip(), stream.local_addr().ok()?.ip());
        Some(Ends { peer: peer.to_canonical(), local: local.to_canonical() })
    }
}

/// Stands in the extensions of an answer that goes on until somebody ends it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Endless;

/// Answers the requests of one connection, and tells its stream how far each has got.
#[derive(Debug)]
pub(super) struct Answering {
    router: Router,
    hosts: Hosts,
    ends: Ends,
    progress: Progress,
}

impl Answering {
    pub fn new(router: Router, hosts: Hosts, ends: Ends, progress: Progress) -> Self {
        Answering { router, hosts, ends, progress }
    }
}

impl hyper::service::Service<Request<Incoming>> for Answering {
    type Response = Response<Followed>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        self.progress.answering();
        request.extensions_mut().insert(self.ends);
        let (mut router, progress) = (self.router.clone(), self.progress.clone());
        let admitted = admit(&self.hosts, &request);
        Box::pin(async move {
            let response = match admitted {
                Ok(()) => router.call(request).await?,
                Err(refused) => guarded(refused.into_response()).await,
            };
            if response.extensions().get::<Endless>().is_some() {
                progress.streaming();
            }
            Ok(response.map(|body| Followed { body, progress }))
        })
    }
}

/// A body that tells when it has been sent, or nobody wants it any more.
#[derive(Debug)]
pub(super) struct Followed {
    body: Body,
    progress: Progress,
}

impl hyper::body::Body for Followed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.progress.answered();
    }
}
