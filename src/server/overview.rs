//! What is in the store at a glance: which live blogs there are, and how the followed addresses fare.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use crate::config;
use crate::model::CoverageState;
use crate::store::{Scope, SourceState, Store, StoreError, StoredBlog, Topic};

/// The store at one generation, without its entries.
#[derive(Debug)]
pub(super) struct Overview {
    pub generation: i64,
    pub blogs: Arc<[StoredBlog]>,
    /// The addresses that are followed now.
    pub sources: Vec<SourceState>,
}

/// When the addresses behind a feed last answered well.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Checked {
    /// All of them since this instant.
    Since(DateTime<Utc>),
    /// One of them never did.
    Never,
}

impl Overview {
    async fn load(store: &Store, before: Option<&Overview>) -> Result<Overview, StoreError> {
        let generation = store.generation().await?;
        // How addresses fare is written with every refresh and moves no generation.
        let mut sources = store.sources().await?;
        sources.retain(|source| source.followed);
        let blogs = match before {
            Some(before) if before.generation == generation => before.blogs.clone(),
            _ => store.blogs().await?.into(),
        };
        Ok(Overview { generation, blogs, sources })
    }

    /// The live blogs of a scope.
    pub fn blogs_in<'a>(&'a self, scope: &'a Scope) -> impl Iterator<Item = &'a StoredBlog> {
        self.blogs.iter().filter(move |blog| match scope {
            Scope::Everything => true,
            Scope::Outlet(slug) => blog.head.outlet == *slug,
            Scope::Blog(id) => blog.head.id == *id,
            Scope::Topic(topic) => topic.blogs.contains(&blog.head.id),
        })
    }

    fn sources_in<'a>(&'a self, scope: &'a Scope) -> impl Iterator<Item = &'a SourceState> {
        self.sources.iter().filter(move |source| match scope {
            Scope::Everything => true,
            Scope::Outlet(slug) => self.outlet_of(source) == Some(slug),
            Scope::Blog(id) => source.blog == Some(*id),
            Scope::Topic(topic) => source.blog.is_some_and(|id| topic.blogs.contains(&id)),
        })
    }

    /// The outlet of a followed address: that of the live blog it turned out to be, or else what the configuration says.
    pub fn outlet_of<'a>(&'a self, source: &'a SourceState) -> Option<&'a str> {
        let blog = source.blog.and_then(|id| self.blogs.iter().find(|blog| blog.head.id == id));
        blog.map(|blog| blog.head.outlet.as_str()).or(source.outlet.as_deref())
    }

    /// Slugs and names of all outlets, those included of which nothing has been read yet.
    pub fn outlets(&self) -> BTreeMap<&str, &str> {
        let followed = self.sources.iter().filter_map(|source| source.outlet.as_deref()).map(|slug| (slug, slug));
        let read = self.blogs.iter().map(|blog| (blog.head.outlet.as_str(), blog.head.outlet_name.as_str()));
        followed.chain(read).collect()
    }

    /// A topic with those of its live blogs that there are: by the address that is followed, or by the page's own.
    pub fn joined(&self, topic: &config::Topic) -> Topic {
        let of = |url: &Url| {
            let followed = self.sources.iter().find(|source| source.url == url.as_str()).and_then(|source| source.blog);
            followed.or_else(|| {
                let stored = self.blogs.iter().find(|blog| blog.head.url.as_deref() == Some(url.as_str()));
                stored.map(|blog| blog.head.id)
            })
        };
        let mut blogs: Vec<Uuid> = topic.live_blogs.iter().filter_map(of).collect();
        blogs.sort_unstable();
        blogs.dedup();
        Topic { name: topic.name.clone(), title: topic.title.clone(), blogs }
    }

    /// The name the configuration gives a live blog.
    pub fn given_title(&self, scope: &Scope) -> Option<&str> {
        let Scope::Blog(id) = scope else { return None };
        self.sources.iter().find(|source| source.blog == Some(*id)).and_then(|source| source.title.as_deref())
    }

    /// Whether all coverage in the scope has ended. Where nothing has been read there is everything to come.
    pub fn over(&self, scope: &Scope) -> bool {
        let ended = |blog: &StoredBlog| matches!(blog.head.coverage.state, CoverageState::Ended | CoverageState::Article);
        let mut blogs = self.blogs_in(scope).peekable();
        blogs.peek().is_some() && blogs.all(ended)
    }

    /// How fresh a feed of this scope is; nothing where no followed address feeds it.
    pub fn checked(&self, scope: &Scope) -> Option<Checked> {
        let oldest = self.sources_in(scope).map(|source| source.last_ok).min()?;
        Some(oldest.map_or(Checked::Never, Checked::Since))
    }
}

/// A look at the store.
#[derive(Debug, Clone)]
struct Looked {
    overview: Arc<Overview>,
    at: Instant,
    /// The newest change that this process knew of then.
    noticed: i64,
}

/// Keeps the last [`Overview`] and looks again when it is asked for and too old, or when this
/// process itself has written: an idle server reads nothing, a busy one reads the store once in the interval whatever the
/// number of requests.
#[derive(Debug)]
pub(super) struct Watch {
    recheck: Duration,
    last: RwLock<Option<Looked>>,
    looking: Mutex<()>,
    failing: AtomicBool,
}

impl Watch {
    pub fn new(recheck: Duration) -> Self {
        Watch { recheck, last: RwLock::new(None), looking: Mutex::new(()), failing: AtomicBool::new(false) }
    }

    /// The current overview. When the store fails, the last one goes on being served; none means that there never was one.
    pub async fn overview(&self, store: &Store) -> Option<Arc<Overview>> {
        if let Some(fresh) = self.fresh(store) {
            return Some(fresh);
        }
        let _looking = self.looking.lock().await;
        if let Some(fresh) = self.fresh(store) {
            return Some(fresh);
        }
        let before = self.last();
        // Asked before the look: what is written during it is looked at next time.
        let noticed = store.noticed();
        let loaded = Overview::load(store, before.as_ref().map(|looked| &*looked.overview)).await;
        let failing = loaded.is_err();
        let known = self.failing.swap(failing, Ordering::Relaxed);
        let overview = match loaded {
            Ok(overview) => Arc::new(overview),
            Err(error) => {
                if !known {
                    tracing::error!("serving what is in memory: {error}");
                }
                before?.overview
            }
        };
        if known && !failing {
            tracing::info!("the store answers again");
        }
        let looked = Looked { overview: overview.clone(), at: Instant::now(), noticed };
        *self.last.write().unwrap_or_else(PoisonError::into_inner) = Some(looked);
        Some(overview)
    }

    fn last(&self) -> Option<Looked> {
        self.last.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn fresh(&self, store: &Store) -> Option<Arc<Overview>> {
        let looked = self.last()?;
        (looked.at.elapsed() < self.recheck && looked.noticed == store.noticed()).then_some(looked.overview)
    }
}
