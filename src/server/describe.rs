//! What a feed says of itself: its id, its name, its addresses.

use chrono::DateTime;
use uuid::Uuid;

use super::cache::Key;
use super::overview::Overview;
use crate::feed::{Feed, Item};
use crate::identity;
use crate::store::{Scope, Window};

/// What differs from scope to scope.
struct Own {
    id: Uuid,
    title: String,
    subtitle: Option<String>,
    /// Its HTML page, under the base address unless it is an address of its own.
    home: String,
    /// Its path without the ending.
    path: String,
}

/// The feed that `key` asks for, under the address `base`, with the entries of `window`.
pub(super) fn describe(base: &str, overview: &Overview, key: &Key, window: Window) -> Feed {
    let own = match &key.scope {
        Scope::Everything => everything(base),
        Scope::Outlet(slug) => outlet(base, overview, slug),
        Scope::Blog(id) => blog(base, overview, &key.scope, *id),
    };
    let query = key.limit.map(|limit| format!("?limit={limit}")).unwrap_or_default();
    Feed {
        id: own.id.urn().to_string(),
        title: own.title,
        subtitle: own.subtitle,
        self_url: Some(format!("{base}{}.{}{query}", own.path, key.format.extension())),
        home_url: Some(own.home),
        language: one_language(overview, &key.scope),
        // An empty feed never changed. The clock would give it other bytes with every request.
        updated: window.changed.unwrap_or(DateTime::UNIX_EPOCH),
        items: window
            .entries
            .into_iter()
            .filter(|shown| shown.life.withdrawn.is_none())
            .map(|shown| Item { life: Some(shown.life), ..Item::new(shown.head, shown.entry) })
            .collect(),
        ..Feed::default()
    }
}

fn everything(base: &str) -> Own {
    Own {
        id: identity::everything_feed_id(base),
        title: "Live blogs".into(),
        subtitle: Some("Every entry of the live blogs followed here, newest first".into()),
        home: format!("{base}/"),
        path: "/feed".into(),
    }
}

fn outlet(base: &str, overview: &Overview, slug: &str) -> Own {
    let outlets = overview.outlets();
    let name = outlets.get(slug).copied().unwrap_or(slug);
    Own {
        id: identity::outlet_feed_id(slug),
        title: format!("{name}: live blogs"),
        subtitle: Some(format!("Every entry of the live blogs of {name} followed here, newest first")),
        home: format!("{base}/#{slug}"),
        path: format!("/outlets/{slug}/feed"),
    }
}

fn blog(base: &str, overview: &Overview, scope: &Scope, id: Uuid) -> Own {
    let head = overview.blogs_in(scope).next().map(|blog| &blog.head);
    let title = overview.given_title(scope).or(head.map(|head| head.headline.as_str()));
    Own {
        id,
        title: title.unwrap_or("Live blog").into(),
        subtitle: head.and_then(|head| head.standfirst.clone()),
        home: head.and_then(|head| head.url.clone()).unwrap_or_else(|| format!("{base}/#{id}")),
        path: format!("/blogs/{id}/feed"),
    }
}

/// The language of all live blogs in the scope, where they have one in common.
fn one_language(overview: &Overview, scope: &Scope) -> Option<String> {
    let mut languages = overview.blogs_in(scope).map(|blog| blog.head.language.as_deref());
    let first = languages.next()??;
    languages.all(|other| other == Some(first)).then(|| first.to_owned())
}
