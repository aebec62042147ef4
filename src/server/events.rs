//! `/events`: every change as it is made, as server-sent events (HTML Living Standard, section 9.2).
//!
//! The log is read once for each commit and each change written once, whatever the number of streams; they take it from a ring
//! (`ring`). A stream that asks for what has left the ring, or has fallen so far behind, reads the store. Nothing is kept for
//! a client that does not read: the stream of one that takes nothing for [`super::Limits::write`] ends, as with every answer.

mod asked;
mod ring;
mod stream;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::sleep;

use super::ServerState;
use super::connection::Endless;
use super::error::{Problem, Refused};
use super::missing::{known, no_outlet};
use crate::push::Event;
use crate::store::{Scope, Selection, StoreError, WholeChange};
use asked::{Asked, From};
use ring::{Batch, Item, Ring};
use stream::{Stream, Told};

/// Changes that are read at once.
const AT_ONCE: usize = 100;

/// Pause between two such, so that streams keep up with thousands of changes at once.
const PACE: Duration = Duration::from_millis(200);

/// How soon after a failure the store is asked again, and how often it is looked whether anybody listens still.
const AGAIN: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_secs(15);

/// Changes that the ring begins with: who reconnects after a restart mostly lacks fewer.
const BEFORE: i64 = 256;

/// Streams that read the store at once: the others wait, and feeds have connections to the store left.
const READING: usize = 2;

/// Bytes of the longest body that is sent along.
const BODY: usize = 32 * 1024;

/// Proxies that hold answers back until they have some kilobytes of them are told not to.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What all streams share.
#[derive(Debug)]
pub(super) struct Fanout {
    ring: Mutex<Option<Arc<Ring>>>,
    places: Arc<Semaphore>,
    /// How many places there are, taken ones included.
    most: AtomicUsize,
    reading: Semaphore,
    /// Moves when other readers are admitted than before.
    admitted: watch::Sender<()>,
}

impl Fanout {
    pub fn new(most: usize) -> Self {
        let most = most.min(Semaphore::MAX_PERMITS);
        Fanout {
            ring: Mutex::new(None),
            places: Arc::new(Semaphore::new(most)),
            most: AtomicUsize::new(most),
            reading: Semaphore::new(READING),
            admitted: watch::Sender::new(()),
        }
    }

    /// Lets no more than `most` streams be open at once.
    pub fn bound(&self, most: usize) {
        let too_many = self.most.load(Ordering::Relaxed).saturating_sub(most);
        self.most.fetch_sub(self.places.forget_permits(too_many), Ordering::Relaxed);
    }

    /// Ends all streams: who may still read comes back.
    pub fn admit_anew(&self) {
        self.admitted.send_replace(());
    }

    fn nobody_listens(&self) -> bool {
        self.places.available_permits() == self.most.load(Ordering::Relaxed)
    }
}

/// Every change, as it is made
///
/// A stream of server-sent events, one for each change, with its number as `id`. A client that comes back with the last one in
/// `Last-Event-ID` gets everything since, once. Where the log has no such number, an event `reset` comes first, and the stream goes
/// on with what comes next. An event without data is none: it only moves the number on.
#[utoipa::path(
    get,
    path = "/events",
    params(
        ("after" = Option<i64>, Query, minimum = 0, description = "Begin after the change of this number; 0 for the whole log. Without it: with the next change"),
        ("Last-Event-ID" = Option<String>, Header, description = "The last `id`; counts for more than `after`"),
        ("kind" = Option<String>, Query, description = "Of these kinds only, separated by commas: new, edited, touched, withdrawn, restored, blog_changed, blog_ended"),
        ("outlet" = Option<String>, Query, description = "Of these outlets only, by slug, separated by commas"),
        ("blog" = Option<String>, Query, description = "Of these live blogs only, by id, separated by commas"),
        ("q" = Option<String>, Query, description = "With these words and \"phrases\" in headline, byline or body, as the entry stood with the change"),
        ("author" = Option<String>, Query, description = "With this name in the byline"),
        ("key_events" = Option<String>, Query, description = "1: key events only"),
        ("since" = Option<String>, Query, description = "Of entries published at this instant or later"),
        ("until" = Option<String>, Query, description = "Of entries published before this instant")
    ),
    responses(
        (status = 200, description = "The data of each event", body = Event, content_type = "text/event-stream"),
        (status = 400, description = "A parameter is wrong", body = super::api::ProblemDetails, content_type = "application/problem+json"),
        (status = 404, description = "No such live blog", body = super::api::ProblemDetails, content_type = "application/problem+json"),
        (status = 503, description = "Too many streams are open already, or the store does not answer", body = super::api::ProblemDetails, content_type = "application/problem+json")
    )
)]
pub(super) async fn events(State(state): State<ServerState>, request: Parts) -> Result<Response, Problem> {
    let Asked { selection, from } = Asked::read(request.uri.query(), &request.headers)?;
    let overview = state.overview().await?;
    if let Some(slug) = selection.outlets.iter().find(|slug| !overview.has_outlet(slug)) {
        return Err(
            Refused::BadQuery(format!("the parameter `outlet` names one too many: {}", no_outlet(&overview, slug))).into()
        );
    }
    selection.blogs.iter().try_for_each(|id| known(&overview, &Scope::Blog(*id)))?;
    let (place, ring) = state.listen().await?;
    let newest = ring.newest();
    let (after, reset) = match from {
        From::Now => (newest, None),
        From::After(after) if after <= newest => (after, None),
        // Another process may have written what this one has not looked at yet.
        From::After(after) if state.0.store.generation().await.is_ok_and(|newest| after <= newest) => (after, None),
        From::After(_) | From::Nowhere => (newest, Some(newest)),
    };
    let told = Told { state, ring, place, selection, after, reset };
    let mut response = Body::new(Stream::of(told)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(UNBUFFERED, HeaderValue::from_static("no"));
    response.extensions_mut().insert(Endless);
    Ok(response)
}

impl ServerState {
    /// A place among the streams, and the ring, which is followed from now on if it was not.
    async fn listen(&self) -> Result<(OwnedSemaphorePermit, Arc<Ring>), Refused> {
        let fanout = &self.0.fanout;
        let place = fanout.places.clone().try_acquire_owned().map_err(|_| Refused::Streams)?;
        let mut held = fanout.ring.lock().await;
        if let Some(ring) = &*held {
            return Ok((place, ring.clone()));
        }
        let ring = self.begun().await.map_err(|error| {
            tracing::error!("changes can't be told: {error}");
            Refused::Unavailable
        })?;
        *held = Some(ring.clone());
        tokio::spawn(follow(self.clone(), ring.clone()));
        Ok((place, ring))
    }

    /// A ring with what changed last.
    async fn begun(&self) -> Result<Arc<Ring>, StoreError> {
        let newest = self.0.store.generation().await?;
        let ring = Arc::new(Ring::new((newest - BEFORE).max(0)));
        while self.read_into(&ring).await? {}
        Ok(ring)
    }

    /// Puts the next changes into the ring, and says whether there may be more.
    async fn read_into(&self, ring: &Ring) -> Result<bool, StoreError> {
        let page = self.0.store.whole_changes(&Selection::default(), ring.newest(), AT_ONCE).await?;
        let seqs: Vec<i64> = page.changes.iter().map(|whole| whole.change.seq).collect();
        let batch = Arc::new(Batch::new(seqs));
        let mut items = Vec::with_capacity(page.changes.len());
        for whole in page.changes {
            let (seq, facets) = (whole.change.seq, whole.facets());
            items.extend(self.written(whole).map(|frame| Item::new(seq, facets, frame, batch.clone())));
        }
        ring.push(items);
        Ok(page.after < page.newest)
    }

    /// A change as its event.
    fn written(&self, whole: WholeChange) -> Option<Bytes> {
        let seq = whole.change.seq;
        match serde_json::to_string(&Event::of(whole, Some(&self.0.base)).at_most(BODY)) {
            Ok(json) => Some(format!("id: {seq}\ndata: {json}\n\n").into()),
            Err(error) => {
                tracing::error!("a change could not be written: {error}");
                None
            }
        }
    }
}

/// Fills the ring with every change that is made, as long as anybody listens.
async fn follow(state: ServerState, ring: Arc<Ring>) {
    let mut changed = state.0.store.changed();
    let mut failing = false;
    loop {
        let pause = match state.read_into(&ring).await {
            Ok(more) => {
                failing = false;
                if more { PACE } else { Duration::ZERO }
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::error!("changes can't be told: {error}");
                }
                AGAIN
            }
        };
        if pause.is_zero() {
            let newest = ring.newest();
            tokio::select! {
                _ = changed.wait_for(|seq| *seq > newest) => {}
                () = sleep(LOOK) => {}
                () = state.closing() => return,
            }
        } else {
            tokio::select! {
                () = sleep(pause) => {}
                () = state.closing() => return,
            }
        }
        let mut held = state.0.fanout.ring.lock().await;
        // Who comes has a place before the lock is taken.
        if state.0.fanout.nobody_listens() {
            *held = None;
            return;
        }
    }
}
