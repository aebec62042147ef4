//! What is in the store at a glance: which live blogs there are, and how the followed addresses fare.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use crate::config;
use crate::model::CoverageState;
use crate::store::{Half, Look, Looked, Scope, SourceState, StoredBlog, Topic};

/// The store at one generation, without its entries. What every request asks of it is found out once, when it is made.
#[derive(Debug)]
pub(super) struct Overview {
    pub generation: i64,
    /// By outlet and key.
    pub blogs: Vec<Arc<StoredBlog>>,
    /// The addresses that are followed now, in their order.
    pub sources: Vec<Arc<SourceState>>,
    places: HashMap<Uuid, usize>,
    sources_of: HashMap<Uuid, Vec<usize>>,
    outlets: BTreeMap<String, Outlet>,
    all: Facts,
    /// Of all, and of each live blog by its place.
    superseded: Option<Superseded>,
    superseded_of: Vec<Option<Superseded>>,
}

/// What is known of one outlet.
#[derive(Debug, Default)]
struct Outlet {
    name: String,
    /// Its live blogs, which stand together.
    blogs: Range<usize>,
    facts: Facts,
    superseded: Option<Superseded>,
}

/// The version of a scope before its present one, and when a look found that it was the present one no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Superseded {
    pub version: i64,
    pub at: Instant,
}

impl Superseded {
    /// What to keep of a scope that has the version `version`, and had another `before`, or the same.
    fn by(version: i64, before: Option<(i64, Option<Superseded>)>) -> Option<Superseded> {
        match before? {
            (same, superseded) if same == version => superseded,
            (other, _) => Some(Superseded { version: other, at: Instant::now() }),
        }
    }
}

/// What is known of a scope.
#[derive(Debug, Default, Clone, Copy)]
struct Facts {
    /// When anything of it last changed, in milliseconds; nothing else bears this.
    changed: i64,
    /// Whether anything is to come.
    live: bool,
    /// Since when all of its addresses have answered well; none where it has no address.
    checked: Option<Option<DateTime<Utc>>>,
}

/// By how long a refresh may be written after one that ended later. What is written later still is told with the whole.
const OVERTAKEN: TimeDelta = TimeDelta::milliseconds(250);

/// When the addresses behind a feed last answered well.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Checked {
    /// All of them since this instant.
    Since(DateTime<Utc>),
    /// One of them never did.
    Never,
}

impl Facts {
    fn with_blog(&mut self, blog: &StoredBlog) {
        self.changed = self.changed.max(blog.changed.timestamp_millis());
        self.live |= !matches!(blog.head.coverage.state, CoverageState::Ended | CoverageState::Article);
    }

    fn with_source(&mut self, source: &SourceState) {
        self.checked = Some(self.checked.map_or(source.last_ok, |oldest| oldest.min(source.last_ok)));
    }
}

impl Overview {
    /// What a look gave, on top of what was known `before` it.
    pub fn new(before: Option<&Overview>, look: Look) -> Overview {
        let (known_blogs, known_sources) =
            before.map(|before| (before.blogs.clone(), before.sources.clone())).unwrap_or_default();
        let blogs = match look.blogs {
            Half::All(blogs) => blogs.into_iter().map(Arc::new).collect(),
            Half::Changed(changed) => patched(known_blogs, changed, |one, other| {
                one.head.outlet.cmp(&other.head.outlet).then_with(|| one.head.key.cmp(&other.head.key))
            }),
        };
        let mut sources: Vec<Arc<SourceState>> = match look.sources {
            Half::All(sources) => sources.into_iter().map(Arc::new).collect(),
            Half::Changed(changed) => patched(known_sources, changed, |one, other| one.url.cmp(&other.url)),
        };
        sources.retain(|source| source.followed);
        let mut overview = Overview::of(look.generation, blogs, sources);
        if let Some(before) = before {
            overview.follow(before);
        }
        overview
    }

    /// Takes note of what it supersedes of the overview `before` it.
    fn follow(&mut self, before: &Overview) {
        self.superseded = Superseded::by(self.generation, Some((before.generation, before.superseded)));
        for (slug, outlet) in &mut self.outlets {
            let known = before.outlets.get(slug).map(|known| (known.facts.changed, known.superseded));
            outlet.superseded = Superseded::by(outlet.facts.changed, known);
        }
        let changed = |blog: &StoredBlog| blog.changed.timestamp_millis();
        let of = |blog: &Arc<StoredBlog>| {
            let place = *before.places.get(&blog.head.id)?;
            Superseded::by(changed(blog), Some((changed(before.blogs.get(place)?), before.superseded_of[place])))
        };
        self.superseded_of = self.blogs.iter().map(of).collect();
    }

    fn of(generation: i64, blogs: Vec<Arc<StoredBlog>>, sources: Vec<Arc<SourceState>>) -> Overview {
        let places: HashMap<Uuid, usize> = blogs.iter().enumerate().map(|(place, blog)| (blog.head.id, place)).collect();
        let (mut all, mut outlets) = (Facts::default(), BTreeMap::<String, Outlet>::new());
        for (place, blog) in blogs.iter().enumerate() {
            all.with_blog(blog);
            let new = || Outlet { blogs: place..place, ..Outlet::default() };
            let outlet = outlets.entry(blog.head.outlet.clone()).or_insert_with(new);
            outlet.name.clone_from(&blog.head.outlet_name);
            outlet.blogs.end = place + 1;
            outlet.facts.with_blog(blog);
        }
        let mut sources_of = HashMap::<Uuid, Vec<usize>>::new();
        for (place, source) in sources.iter().enumerate() {
            all.with_source(source);
            let blog = source.blog.and_then(|id| places.get(&id)).map(|blog| &blogs[*blog].head.outlet);
            // That of the live blog it turned out to be, or else what the configuration says.
            if let Some(slug) = blog.or(source.outlet.as_ref()) {
                let outlet =
                    outlets.entry(slug.clone()).or_insert_with(|| Outlet { name: slug.clone(), ..Outlet::default() });
                outlet.facts.with_source(source);
            }
            if let Some(id) = source.blog {
                sources_of.entry(id).or_default().push(place);
            }
        }
        let superseded_of = vec![None; blogs.len()];
        Overview { generation, blogs, sources, places, sources_of, outlets, all, superseded: None, superseded_of }
    }

    /// Whether it is of a later state of the same log.
    pub fn follows(&self, other: &Overview) -> bool {
        self.generation > other.generation
    }

    /// What the next look need not tell; `whole` where it is to tell of all addresses.
    pub fn seen(&self, whole: bool) -> Looked {
        let changed = DateTime::from_timestamp_millis(self.all.changed).unwrap_or_default();
        // Where nothing has been asked for yet, there is little to tell anyway.
        let tried = self.sources.iter().filter_map(|source| source.last_tried).max().filter(|_| !whole);
        let tried = tried.map(|tried| tried - OVERTAKEN);
        Looked { generation: self.generation, changed, tried }
    }

    /// The live blogs of a scope.
    pub fn blogs_in<'a>(&'a self, scope: &Scope) -> impl Iterator<Item = &'a StoredBlog> + use<'a> {
        let (places, joined) = match scope {
            Scope::Everything => (0..self.blogs.len(), Vec::new()),
            Scope::Outlet(slug) => (self.outlets.get(slug).map_or(0..0, |outlet| outlet.blogs.clone()), Vec::new()),
            Scope::Blog(id) => (self.places.get(id).map_or(0..0, |place| *place..*place + 1), Vec::new()),
            Scope::Topic(topic) => (0..0, topic.blogs.iter().filter_map(|id| self.places.get(id).copied()).collect()),
        };
        places.chain(joined).map(|place| &*self.blogs[place])
    }

    /// The addresses that a live blog is read from.
    pub fn sources_of(&self, blog: Uuid) -> impl Iterator<Item = &SourceState> {
        self.sources_of.get(&blog).into_iter().flatten().map(|place| &*self.sources[*place])
    }

    /// Slugs and names of all outlets, those included of which nothing has been read yet.
    pub fn outlets(&self) -> BTreeMap<&str, &str> {
        self.outlets.iter().map(|(slug, outlet)| (slug.as_str(), outlet.name.as_str())).collect()
    }

    /// Whether there is an outlet of this slug.
    pub fn has_outlet(&self, slug: &str) -> bool {
        self.outlets.contains_key(slug)
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
        self.sources_of(*id).next().and_then(|source| source.title.as_deref())
    }

    fn facts(&self, scope: &Scope) -> Facts {
        match scope {
            Scope::Everything => self.all,
            Scope::Outlet(slug) => self.outlets.get(slug).map(|outlet| outlet.facts).unwrap_or_default(),
            Scope::Blog(id) => {
                let mut facts = Facts::default();
                self.blogs_in(scope).for_each(|blog| facts.with_blog(blog));
                self.sources_of(*id).for_each(|source| facts.with_source(source));
                facts
            }
            Scope::Topic(topic) => {
                let mut facts = Facts::default();
                self.blogs_in(scope).for_each(|blog| facts.with_blog(blog));
                topic.blogs.iter().flat_map(|id| self.sources_of(*id)).for_each(|source| facts.with_source(source));
                facts
            }
        }
    }

    /// A number that moves whenever anything that a feed of this scope shows may have changed, and not with other scopes.
    pub fn version(&self, scope: &Scope) -> i64 {
        match scope {
            Scope::Everything => self.generation,
            Scope::Outlet(slug) => self.outlets.get(slug).map_or(0, |outlet| outlet.facts.changed),
            // Asked for with every request, and no address has a say in it.
            Scope::Blog(_) | Scope::Topic(_) => {
                self.blogs_in(scope).map(|blog| blog.changed.timestamp_millis()).max().unwrap_or_default()
            }
        }
    }

    /// What came before the present version of this scope, as far as that is known.
    pub fn superseded(&self, scope: &Scope) -> Option<Superseded> {
        match scope {
            Scope::Everything => self.superseded,
            Scope::Outlet(slug) => self.outlets.get(slug)?.superseded,
            Scope::Blog(id) => self.superseded_of[*self.places.get(id)?],
            Scope::Topic(_) => None,
        }
    }

    /// Whether all coverage in the scope has ended. Where nothing has been read there is everything to come.
    pub fn over(&self, scope: &Scope) -> bool {
        self.blogs_in(scope).next().is_some() && !self.facts(scope).live
    }

    /// How fresh a feed of this scope is; nothing where no followed address feeds it.
    pub fn checked(&self, scope: &Scope) -> Option<Checked> {
        Some(self.facts(scope).checked?.map_or(Checked::Never, Checked::Since))
    }
}

/// `known`, in its order, with what has changed or come.
fn patched<T>(mut known: Vec<Arc<T>>, changed: Vec<T>, order: impl Fn(&T, &T) -> Ordering) -> Vec<Arc<T>> {
    for value in changed {
        let value = Arc::new(value);
        match known.binary_search_by(|other| order(other, &value)) {
            Ok(place) => known[place] = value,
            Err(place) => known.insert(place, value),
        }
    }
    known
}
