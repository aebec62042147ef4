//! Where the live blogs and the addresses of an overview stand, and which of them belong together.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use uuid::Uuid;

use crate::store::{SourceState, StoredBlog};

/// The live blogs and the addresses of an overview, each in its place.
pub(super) type Lists<'a> = (&'a [Arc<StoredBlog>], &'a [Arc<SourceState>]);

/// The places in both lists.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Places {
    pub blogs: HashMap<Uuid, usize>,
    pub sources_of: HashMap<Uuid, Vec<usize>>,
    /// By slug.
    pub outlets: BTreeMap<String, Outlet>,
    /// Addresses of which neither a page nor the configuration has said an outlet.
    pub of_no_outlet: Vec<usize>,
}

/// What belongs to one outlet.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outlet {
    /// Its number among the outlets.
    pub nth: usize,
    pub name: String,
    /// Its live blogs, which stand together.
    pub blogs: Range<usize>,
    pub sources: Vec<usize>,
}

impl Places {
    pub fn of((blogs, sources): Lists<'_>) -> Places {
        let places: HashMap<Uuid, usize> = blogs.iter().enumerate().map(|(place, blog)| (blog.head.id, place)).collect();
        let mut outlets = BTreeMap::<String, Outlet>::new();
        for (place, blog) in blogs.iter().enumerate() {
            let new = || Outlet { blogs: place..place, ..Outlet::default() };
            let outlet = outlets.entry(blog.head.outlet.clone()).or_insert_with(new);
            outlet.name.clone_from(&blog.head.outlet_name);
            outlet.blogs.end = place + 1;
        }
        let (mut sources_of, mut of_no_outlet) = (HashMap::<Uuid, Vec<usize>>::new(), Vec::new());
        for (place, source) in sources.iter().enumerate() {
            let blog = source.blog.and_then(|id| places.get(&id)).map(|blog| &blogs[*blog].head.outlet);
            // That of the live blog it turned out to be, or else what the configuration says.
            match blog.or(source.outlet.as_ref()) {
                Some(slug) => {
                    let new = || Outlet { name: slug.clone(), ..Outlet::default() };
                    outlets.entry(slug.clone()).or_insert_with(new).sources.push(place);
                }
                None => of_no_outlet.push(place),
            }
            if let Some(id) = source.blog {
                sources_of.entry(id).or_default().push(place);
            }
        }
        outlets.values_mut().enumerate().for_each(|(nth, outlet)| outlet.nth = nth);
        Places { blogs: places, sources_of, outlets, of_no_outlet }
    }

    /// Whether the places of what stood in the lists `before` are those of what stands there `now`. They are until a live blog or an
    /// address comes or goes, or its outlet is another or has another name: what most commits change is none of that.
    pub fn stay(before: Lists<'_>, now: Lists<'_>) -> bool {
        let same_blog = |(one, other): (&Arc<StoredBlog>, &Arc<StoredBlog>)| {
            let (here, there) = (&one.head, &other.head);
            Arc::ptr_eq(one, other)
                || here.id == there.id && here.outlet == there.outlet && here.outlet_name == there.outlet_name
        };
        let same_source = |(one, other): (&Arc<SourceState>, &Arc<SourceState>)| {
            Arc::ptr_eq(one, other) || one.blog == other.blog && one.outlet == other.outlet
        };
        before.0.len() == now.0.len()
            && before.1.len() == now.1.len()
            && before.0.iter().zip(now.0).all(same_blog)
            && before.1.iter().zip(now.1).all(same_source)
    }
}
