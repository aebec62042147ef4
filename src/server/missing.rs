//! What is said to a request for something that is not here: what there is.

use super::error::{Refused, nearest, quoted};
use super::overview::Overview;
use crate::config;
use crate::store::Scope;

/// How many live blogs the answer to a wrong id names.
const NAMED: usize = 5;

/// Refuses a scope that nothing is known of, with what there is. An outlet or a live blog that is followed and has no entry
/// yet has an empty feed: one may subscribe to it early.
pub(super) fn known(overview: &Overview, scope: &Scope) -> Result<(), Refused> {
    match scope {
        Scope::Outlet(slug) if !overview.has_outlet(slug) => Err(no_outlet(overview, slug)),
        Scope::Blog(id) if overview.blogs_in(scope).next().is_none() => Err(no_blog(overview, &id.to_string())),
        _ => Ok(()),
    }
}

/// The scope of the topic `name`.
pub(super) fn topic(overview: &Overview, topics: &[config::Topic], name: &str) -> Result<Scope, Refused> {
    let found = topics.iter().find(|topic| topic.name == name);
    found.map(|topic| Scope::Topic(overview.joined(topic))).ok_or_else(|| {
        let names = || topics.iter().map(|topic| topic.name.as_str());
        let listed = match topics.len() {
            0 => "the settings name none".to_owned(),
            _ => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
        };
        let meant = nearest(name, names()).map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
        Refused::Unknown(format!("there is no topic {} here; {meant}{listed}", quoted(name)))
    })
}

pub(super) fn no_outlet(overview: &Overview, slug: &str) -> Refused {
    let outlets = overview.outlets();
    let listed = match outlets.len() {
        0 => "nothing is followed yet".to_owned(),
        _ => format!("there are {}", outlets.keys().copied().collect::<Vec<_>>().join(", ")),
    };
    let meant = nearest(slug, outlets.keys().copied()).map(|slug| format!("did you mean `{slug}`? ")).unwrap_or_default();
    Refused::Unknown(format!("there is no outlet {} here; {meant}{listed}", quoted(slug)))
}

pub(super) fn no_blog(overview: &Overview, id: &str) -> Refused {
    let named: Vec<_> = overview
        .blogs
        .iter()
        .take(NAMED)
        .map(|blog| format!("{} ({})", blog.head.id, quoted(&blog.head.headline)))
        .collect();
    let more = overview.blogs.len().saturating_sub(NAMED);
    let listed = match (named.is_empty(), more) {
        (true, _) => "there is none yet".to_owned(),
        (false, 0) => format!("there are {}", named.join(", ")),
        (false, more) => format!("there are {} and {more} more, all of them on /sources", named.join(", ")),
    };
    Refused::Unknown(format!("no live blog has the id {} here; {listed}", quoted(id)))
}
