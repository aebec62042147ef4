//! What is in the store at a glance: which live blogs there are, and how the followed addresses fare.

mod places;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use crate::config;
use crate::model::CoverageState;
use crate::store::{Half, Look, Looked, Scope, SourceState, StoredBlog, Topic};
use places::Places;

/// The store at one generation, without its entries. What every request asks of it is found out once, when it is made: for each
/// commit, so that it takes over all it can from the one before.
#[derive(Debug)]
pub(super) struct Overview {
    pub generation: i64,
    /// By outlet and key.
    pub blogs: Vec<Arc<StoredBlog>>,
    /// The addresses that are followed now, in their order.
    pub sources: Vec<Arc<SourceState>>,
    places: Arc<Places>,
    all: Facts,
    /// Of each outlet by its number, and of each live blog by its place.
    outlets: Vec<Facts>,
    superseded: Option<Superseded>,
    superseded_outlets: Vec<Option<Superseded>>,
    superseded_blogs: Vec<Option<Superseded>>,
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
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
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
    fn with_blog(mut self, blog: &StoredBlog) -> Facts {
        self.changed = self.changed.max(blog.changed.timestamp_millis());
        self.live |= !matches!(blog.head.coverage.state, CoverageState::Ended | CoverageState::Article);
        self
    }

    fn with_source(self, source: &SourceState) -> Facts {
        self.with(Facts { checked: Some(source.last_ok), ..Facts::default() })
    }

    fn with(self, other: Facts) -> Facts {
        Facts {
            changed: self.changed.max(other.changed),
            live: self.live || other.live,
            checked: [self.checked, other.checked].into_iter().flatten().min(),
        }
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
        let kept = before.filter(|before| Places::stay((&before.blogs, &before.sources), (&blogs, &sources)));
        let places = kept.map_or_else(|| Arc::new(Places::of((&blogs, &sources))), |before| before.places.clone());
        let mut overview = Overview::of(look.generation, blogs, sources, places);
        if let Some(before) = before {
            overview.follow(before);
        }
        overview
    }

    /// Takes note of what it supersedes of the overview `before` it.
    fn follow(&mut self, before: &Overview) {
        self.superseded = Superseded::by(self.generation, Some((before.generation, before.superseded)));
        for (slug, outlet) in &self.places.outlets {
            let nth = before.places.outlets.get(slug).map(|outlet| outlet.nth);
            let known = nth.map(|nth| (before.outlets[nth].changed, before.superseded_outlets[nth]));
            self.superseded_outlets[outlet.nth] = Superseded::by(self.outlets[outlet.nth].changed, known);
        }
        let changed = |blog: &StoredBlog| blog.changed.timestamp_millis();
        for (place, blog) in self.blogs.iter().enumerate() {
            // It mostly has the place that it had.
            let known = match before.blogs.get(place) {
                Some(same) if Arc::ptr_eq(same, blog) => {
                    self.superseded_blogs[place] = before.superseded_blogs[place];
                    continue;
                }
                Some(same) if same.head.id == blog.head.id => Some(place),
                _ => before.places.blogs.get(&blog.head.id).copied(),
            };
            let known = known.map(|known| (changed(&before.blogs[known]), before.superseded_blogs[known]));
            self.superseded_blogs[place] = Superseded::by(changed(blog), known);
        }
    }

    fn of(generation: i64, blogs: Vec<Arc<StoredBlog>>, sources: Vec<Arc<SourceState>>, places: Arc<Places>) -> Overview {
        let mut outlets = vec![Facts::default(); places.outlets.len()];
        for outlet in places.outlets.values() {
            let facts = blogs[outlet.blogs.clone()].iter().fold(Facts::default(), |facts, blog| facts.with_blog(blog));
            outlets[outlet.nth] = outlet.sources.iter().fold(facts, |facts, place| facts.with_source(&sources[*place]));
        }
        let all = outlets.iter().fold(Facts::default(), |all, facts| all.with(*facts));
        let all = places.of_no_outlet.iter().fold(all, |all, place| all.with_source(&sources[*place]));
        let (superseded_outlets, superseded_blogs) = (vec![None; outlets.len()], vec![None; blogs.len()]);
        Overview { generation, blogs, sources, places, all, outlets, superseded: None, superseded_outlets, superseded_blogs }
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
            Scope::Outlet(slug) => (self.places.outlets.get(slug).map_or(0..0, |outlet| outlet.blogs.clone()), Vec::new()),
            Scope::Blog(id) => (self.places.blogs.get(id).map_or(0..0, |place| *place..*place + 1), Vec::new()),
            Scope::Topic(topic) => (0..0, topic.blogs.iter().filter_map(|id| self.places.blogs.get(id).copied()).collect()),
        };
        places.chain(joined).map(|place| &*self.blogs[place])
    }

    /// The addresses that a live blog is read from.
    pub fn sources_of(&self, blog: Uuid) -> impl Iterator<Item = &SourceState> {
        self.places.sources_of.get(&blog).into_iter().flatten().map(|place| &*self.sources[*place])
    }

    /// Slugs and names of all outlets, those included of which nothing has been read yet.
    pub fn outlets(&self) -> BTreeMap<&str, &str> {
        self.places.outlets.iter().map(|(slug, outlet)| (slug.as_str(), outlet.name.as_str())).collect()
    }

    /// Whether there is an outlet of this slug.
    pub fn has_outlet(&self, slug: &str) -> bool {
        self.places.outlets.contains_key(slug)
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

    fn of_outlet(&self, slug: &str) -> Option<Facts> {
        self.places.outlets.get(slug).map(|outlet| self.outlets[outlet.nth])
    }

    fn facts(&self, scope: &Scope) -> Facts {
        match scope {
            Scope::Everything => self.all,
            Scope::Outlet(slug) => self.of_outlet(slug).unwrap_or_default(),
            Scope::Blog(_) | Scope::Topic(_) => {
                let facts = self.blogs_in(scope).fold(Facts::default(), Facts::with_blog);
                let ids = match scope {
                    Scope::Topic(topic) => topic.blogs.as_slice(),
                    Scope::Blog(id) => std::slice::from_ref(id),
                    _ => &[],
                };
                ids.iter().flat_map(|id| self.sources_of(*id)).fold(facts, Facts::with_source)
            }
        }
    }

    /// A number that moves whenever anything that a feed of this scope shows may have changed, and not with other scopes.
    pub fn version(&self, scope: &Scope) -> i64 {
        match scope {
            Scope::Everything => self.generation,
            Scope::Outlet(slug) => self.of_outlet(slug).map_or(0, |facts| facts.changed),
            // Asked for with every request, and no address has a say in it.
            Scope::Blog(_) | Scope::Topic(_) => {
                self.blogs_in(scope).map(|blog| blog.changed.timestamp_millis()).max().unwrap_or_default()
            }
        }
    }

    /// When anything last changed, in milliseconds.
    pub fn changed(&self) -> i64 {
        self.all.changed
    }

    /// Of what stands here by itself, what has changed since `changed`: the topics that the settings make of it are not among it.
    pub fn changed_since(&self, changed: i64) -> impl Iterator<Item = Scope> {
        let outlets = self.places.outlets.iter().filter(move |(_, outlet)| self.outlets[outlet.nth].changed > changed);
        let blogs = self.blogs.iter().filter(move |blog| blog.changed.timestamp_millis() > changed);
        let outlets = outlets.map(|(slug, _)| Scope::Outlet(slug.clone()));
        std::iter::once(Scope::Everything).chain(outlets).chain(blogs.map(|blog| Scope::Blog(blog.head.id)))
    }

    /// What came before the present version of this scope, as far as that is known.
    pub fn superseded(&self, scope: &Scope) -> Option<Superseded> {
        match scope {
            Scope::Everything => self.superseded,
            Scope::Outlet(slug) => self.superseded_outlets[self.places.outlets.get(slug)?.nth],
            Scope::Blog(id) => self.superseded_blogs[*self.places.blogs.get(id)?],
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Coverage, Head};

    fn blog(nth: u8, outlet: &str, changed: i64) -> StoredBlog {
        let head = Head {
            outlet: outlet.to_owned(),
            outlet_name: format!("The {outlet}"),
            key: format!("line {nth}"),
            id: Uuid::from_bytes([nth; 16]),
            url: None,
            headline: format!("Line {nth}"),
            standfirst: None,
            language: None,
            coverage: Coverage { state: CoverageState::Live, started: None, ended: None },
        };
        let changed = DateTime::from_timestamp_millis(changed).unwrap();
        StoredBlog { head, entries: 1, newest: None, changed, problems: Vec::new() }
    }

    fn source(nth: u8, blog: Option<u8>, last_ok: Option<i64>) -> SourceState {
        SourceState {
            blog: blog.map(|nth| Uuid::from_bytes([nth; 16])),
            last_ok: last_ok.map(|at| DateTime::from_timestamp_millis(at).unwrap()),
            ..SourceState::new(format!("https://harbour.example/{nth}"), 60, DateTime::UNIX_EPOCH)
        }
    }

    fn overview(
        before: Option<&Overview>,
        generation: i64,
        blogs: Half<StoredBlog>,
        sources: Half<SourceState>,
    ) -> Overview {
        Overview::new(before, Look { generation, blogs, sources })
    }

    /// What is known of everything, as it comes out where nothing was known before.
    fn assert_as_if_new(overview: &Overview) {
        let lists = (overview.blogs.as_slice(), overview.sources.as_slice());
        let places = Arc::new(Places::of(lists));
        let new = Overview::of(overview.generation, overview.blogs.clone(), overview.sources.clone(), places);
        assert_eq!(overview.places, new.places);
        assert_eq!((overview.all, &overview.outlets), (new.all, &new.outlets));
    }

    #[test]
    fn places_are_kept_until_something_comes_or_is_named_otherwise() {
        let all = Half::All(vec![blog(1, "pier", 10), blog(2, "pier", 20), blog(3, "quay", 30)]);
        let first = overview(None, 1, all, Half::All(vec![source(1, Some(1), Some(5)), source(2, None, None)]));
        assert_as_if_new(&first);
        assert_eq!(first.version(&Scope::Outlet("pier".into())), 20);
        assert_eq!(
            first.checked(&Scope::Outlet("pier".into())),
            Some(Checked::Since(DateTime::from_timestamp_millis(5).unwrap()))
        );
        assert_eq!(first.checked(&Scope::Everything), Some(Checked::Never));

        let changed = overview(
            Some(&first),
            2,
            Half::Changed(vec![blog(1, "pier", 40)]),
            Half::Changed(vec![source(1, Some(1), Some(40))]),
        );
        assert!(Arc::ptr_eq(&changed.places, &first.places));
        assert_as_if_new(&changed);

        let told = [
            (Half::Changed(vec![blog(4, "quay", 50)]), Half::Changed(vec![])),
            (Half::Changed(vec![]), Half::Changed(vec![source(3, None, None)])),
            (Half::Changed(vec![]), Half::Changed(vec![source(2, Some(3), None)])),
            (Half::Changed(vec![]), Half::Changed(vec![SourceState { followed: false, ..source(1, Some(1), None) }])),
            (
                Half::Changed(vec![]),
                Half::Changed(vec![SourceState { outlet: Some("dock".into()), ..source(2, None, None) }]),
            ),
            (Half::All(vec![blog(1, "pier", 40), blog(3, "quay", 30)]), Half::Changed(vec![])),
        ];
        for (blogs, sources) in told {
            let other = overview(Some(&changed), 3, blogs, sources);
            assert!(!Arc::ptr_eq(&other.places, &changed.places));
            assert_as_if_new(&other);
        }
        let mut named = blog(3, "quay", 60);
        named.head.outlet_name = "Quay".to_owned();
        let named = overview(Some(&changed), 3, Half::Changed(vec![named]), Half::Changed(vec![]));
        assert_as_if_new(&named);
        assert_eq!(named.outlets()["quay"], "Quay");
    }

    #[test]
    fn what_was_superseded_and_what_has_changed_is_told_of_each_scope() {
        let all = Half::All(vec![blog(1, "pier", 10), blog(2, "pier", 20), blog(3, "quay", 30)]);
        let first = overview(None, 1, all, Half::All(vec![]));
        let [one, two, three, four] = [1, 2, 3, 4].map(|nth| Scope::Blog(Uuid::from_bytes([nth; 16])));
        let [pier, quay] = ["pier", "quay"].map(|slug| Scope::Outlet(slug.into()));
        let of = |overview: &Overview, scope: &Scope| overview.superseded(scope).map(|superseded| superseded.version);
        assert_eq!(of(&first, &one), None);

        let second = overview(Some(&first), 2, Half::Changed(vec![blog(1, "pier", 40)]), Half::Changed(vec![]));
        let told = [&Scope::Everything, &pier, &quay, &one, &two].map(|scope| of(&second, scope));
        assert_eq!(told, [Some(1), Some(20), None, Some(10), None]);
        let changed = |overview: &Overview, since| overview.changed_since(since).collect::<Vec<_>>();
        assert_eq!(changed(&second, first.changed()), [Scope::Everything, pier.clone(), one.clone()]);
        assert_eq!(changed(&second, second.changed()), [Scope::Everything]);

        // The new one takes the place of another, and that one's past goes with it.
        let third = overview(Some(&second), 3, Half::Changed(vec![blog(4, "dock", 50)]), Half::Changed(vec![]));
        let told = [&Scope::Everything, &pier, &one, &three, &four].map(|scope| of(&third, scope));
        assert_eq!(told, [Some(2), Some(20), Some(10), None, None]);
        assert_eq!(changed(&third, second.changed()), [Scope::Everything, Scope::Outlet("dock".into()), four]);
    }
}
