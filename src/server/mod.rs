//! Serves the feeds over HTTP: [`router`] says what is where, [`serve`] speaks to the outside.
//!
//! Nothing a request says decides more than which feed it gets and in which coding: not the `Host`, not an address to
//! fetch. Feeds are written once for each generation of the store and served from memory after that.

mod accept;
mod admin;
mod aside;
mod admit;
mod ahead;
mod api;
mod assets;
mod cache;
mod coding;
mod conditional;
mod connection;
mod describe;
mod descriptors;
mod entry;
mod error;
mod events;
mod evidence;
mod feeds;
mod headers;
mod health;
mod hosts;
mod hub;
mod impatient;
mod lately;
mod missing;
mod overview;
mod pictures;
mod query;
mod readers;
mod record;
mod render;
mod requests;
mod shown;
mod sources;
mod stories;
mod subscribe;
mod timeline;
mod watch;
mod written;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Uri};
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use tokio::sync::Semaphore;
use url::Url;

use crate::config::{Access, Topic};
use crate::feed::Format;
use crate::metrics::Metrics;
use crate::store::{ChangeFilter, ChangePage, Scope, Store, Window};
use ahead::Ahead;
use cache::Cache;
use error::Refused;
use events::Fanout;
use hosts::Hosts;
use lately::Lately;
use render::Renderer;
use watch::Watch;

pub use accept::{listen, serve, serve_admin};
pub use admin::Reload;
pub use aside::answer_to;
pub use hub::PATH as HUB;

/// What a client may take of the server, in time and in memory.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long a client may take to send the head of a request.
    pub header: Duration,
    /// How long a client may stay between two requests.
    pub idle: Duration,
    /// How long a client may leave what it is sent unread.
    pub write: Duration,
    /// How many connections are open at once, if the system lets us; more wait in the backlog.
    pub connections: usize,
    /// How long a shutdown waits for answers under way.
    pub drain: Duration,
    /// Bytes of written feeds that are kept in memory.
    pub feeds: usize,
    /// The same of written timelines.
    pub pages: usize,
    /// How many requests may wait for a change at once.
    pub waiting: usize,
    /// How many streams of events are open at once, and never more than three quarters of the connections.
    pub streams: usize,
    /// How long a stream says nothing, at most.
    pub heartbeat: Duration,
    /// How old the server's view of the store may get. Commits of other processes are seen after that.
    pub recheck: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            header: Duration::from_secs(5),
            idle: Duration::from_secs(30),
            write: Duration::from_secs(10),
            connections: 8192,
            drain: Duration::from_secs(4),
            feeds: 64 * 1024 * 1024,
            pages: 16 * 1024 * 1024,
            waiting: 256,
            streams: 6144,
            heartbeat: Duration::from_secs(15),
            recheck: Duration::from_secs(1),
        }
    }
}

/// What may be set anew while the server runs.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Who may read, and what is believed of whom.
    pub access: Access,
    /// Whether each request is logged.
    pub log_requests: bool,
    /// Which live blogs are about one event.
    pub topics: Vec<Topic>,
    /// The zone of each outlet's clocks, by its slug.
    pub zones: BTreeMap<String, Tz>,
}

/// Entries kept for other formats of a feed: sixteen of the longest feeds, or more of shorter ones.
const ENTRIES_LATELY: usize = 3200;

/// Changes kept for others who ask for the same.
const CHANGES_LATELY: usize = 2000;

/// All that answering takes. Cheap to clone; every clone is the same.
#[derive(Debug, Clone)]
pub struct ServerState(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    /// Address of `/` without the slash, as feeds name it.
    base: String,
    hosts: Hosts,
    limits: Limits,
    settings: RwLock<Arc<Settings>>,
    metrics: Metrics,
    watch: Watch,
    cache: Cache<cache::Key>,
    pages: Cache<timeline::Key>,
    /// Entries that were loaded for one format of a feed, for the others: by the scope and the rest of the address.
    windows: Lately<(Scope, Option<String>), Arc<Window>>,
    changes: Lately<ChangeFilter, ChangePage>,
    renderer: Renderer,
    ahead: Ahead,
    /// Places of those who wait for a change.
    waiting: Semaphore,
    /// Those who are told every change.
    fanout: Fanout,
    /// Turns true when the server is about to stop.
    closing: tokio::sync::watch::Sender<bool>,
    clock: OnceLock<Now>,
    hub: OnceLock<hub::Desk>,
}

/// Tells the present.
struct Now(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl std::fmt::Debug for Now {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Now")
    }
}

impl ServerState {
    /// Serves what is in `store`. Feeds name themselves by `base_url`, or else by the address listened on: never by what a
    /// request claims the host to be, since one client's answer is cached for the next.
    pub fn new(store: Store, base_url: Option<&Url>, listen: SocketAddr, limits: Limits) -> Self {
        let base = base_url.map_or_else(|| format!("http://{listen}"), |url| url.as_str().trim_end_matches('/').to_owned());
        let watch = Watch::new(limits.recheck);
        let (cache, pages) = (Cache::new(limits.feeds), Cache::new(limits.pages));
        let windows = Lately::new(ENTRIES_LATELY, |window: &Arc<Window>| window.entries.len());
        let changes = Lately::new(CHANGES_LATELY, |page: &ChangePage| page.changes.len());
        let (hosts, settings, metrics) = (Hosts::new(base_url), RwLock::default(), Metrics::default());
        let (clock, hub) = (OnceLock::new(), OnceLock::new());
        let (waiting, closing) = (Semaphore::new(limits.waiting), tokio::sync::watch::Sender::new(false));
        let fanout = Fanout::new(limits.streams);
        let inner = Inner {
            store,
            base,
            hosts,
            limits,
            settings,
            metrics,
            watch,
            cache,
            pages,
            windows,
            changes,
            renderer: Renderer::default(),
            ahead: Ahead::default(),
            clock,
            hub,
            waiting,
            fanout,
            closing,
        };
        ServerState(Arc::new(inner))
    }

    /// Tells those who wait that there is nothing to wait for.
    pub(crate) fn close(&self) {
        self.0.closing.send_replace(true);
    }

    /// Waits for that.
    pub(crate) async fn closing(&self) {
        // The sender lives as long as this does, so there is no other end.
        let _ = self.0.closing.subscribe().wait_for(|closing| *closing).await;
    }

    /// With a clock that tells which instants are still to come. Without one they are those after the newest change.
    pub fn with_clock(self, clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>) -> Self {
        let _ = self.0.clock.set(Now(clock));
        self
    }

    /// Goes by these settings from the next request on.
    pub fn set(&self, settings: Settings) {
        let mut held = self.0.settings.write().unwrap_or_else(PoisonError::into_inner);
        let others_may_read = held.access.tokens != settings.access.tokens;
        *held = Arc::new(settings);
        drop(held);
        self.0.watch.rearranged();
        if others_may_read {
            self.0.fanout.admit_anew();
        }
    }

    fn settings(&self) -> Arc<Settings> {
        self.0.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is counted, and shown to whoever runs the server.
    pub fn metrics(&self) -> Metrics {
        self.0.metrics.clone()
    }
}

/// What is where.
pub fn router(state: ServerState) -> Router {
    let mut router = Router::new()
        .route("/", get(timeline::everything))
        .route("/outlets/{slug}", get(timeline::outlet))
        .route("/blogs/{id}", get(timeline::blog))
        .route("/topics/{name}", get(timeline::topic))
        .route("/sources", get(sources::page))
        .route("/subscribe", get(subscribe::page))
        .route("/opml", get(subscribe::list))
        .route(assets::FEED_STYLE_PATH, get(assets::feed_style))
        .route("/static/{version}/{file}", get(assets::versioned))
        .route("/healthz", get(health::check))
        .route("/entries/{id}", get(entry::entry))
        .route("/stories/{id}", get(stories::story))
        .route("/events", get(events::events))
        .merge(api::routes())
        .route("/archive/{page}", get(feeds::archived))
        .route("/blogs/{id}/archive/{page}", get(feeds::blog_archived));
    for format in Format::ALL {
        let ending = format.extension();
        router = router
            .route(&format!("/feed.{ending}"), get(move |state, request| feeds::everything(state, request, format)))
            .route(
                &format!("/outlets/{{slug}}/feed.{ending}"),
                get(move |state, path, request| feeds::outlet(state, path, request, format)),
            )
            .route(
                &format!("/blogs/{{id}}/feed.{ending}"),
                get(move |state, path, request| feeds::blog(state, path, request, format)),
            )
            .route(
                &format!("/topics/{{name}}/feed.{ending}"),
                get(move |state, path, request| feeds::topic(state, path, request, format)),
            );
    }
    router
        .fallback(|uri: Uri| async move { Refused::NoPath(uri.path().to_owned()) })
        .method_not_allowed_fallback(|| async { Refused::Method })
        .merge(hub::routes(&state))
        .layer(from_fn_with_state(state.clone(), requests::attended))
        .with_state(state)
}

/// Headers of an answer that is neither a feed nor an error.
fn typed(content_type: &'static str, cached: &'static str) -> [(axum::http::HeaderName, HeaderValue); 2] {
    [(CONTENT_TYPE, HeaderValue::from_static(content_type)), (CACHE_CONTROL, HeaderValue::from_static(cached))]
}
