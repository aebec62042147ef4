//! What a feed says of itself and what it makes of the entries it is given: its id, its name, its addresses; which entries are
//! items, which are marked as taken back, and which are left out.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::assets::FEED_STYLE_PATH;
use super::cache::{Document, Key};
use super::overview::Overview;
use super::query::Asked;
use crate::feed::{Feed, Item, Pages, Role, Story, Withdrawn};
use crate::identity;
use crate::model::{Head, Told};
use crate::store::{Archived, Edits, Scope, Shown, Window};

/// What differs from scope to scope.
struct Own {
    id: Uuid,
    title: String,
    subtitle: Option<String>,
    /// Its HTML page, under the base address unless it is an address of its own.
    home: String,
    /// What its paths begin with.
    path: String,
    language: Option<String>,
}

/// The feed that `key` asks for, under the address `base`, with the entries of `window`.
pub(super) fn describe(base: &str, overview: &Overview, key: &Key, asked: &Asked, window: &Window) -> Feed {
    let own = match &window.blogs {
        Some(then) => own(base, overview, &key.scope, &then.iter().collect::<Vec<_>>()),
        None => own(base, overview, &key.scope, &overview.blogs_in(&key.scope).map(|blog| &blog.head).collect::<Vec<_>>()),
    };
    let mut told = asked.filters.told();
    told.extend(asked.edits_told().map(str::to_owned));
    // A policy is another feed, and so is a selection. How many entries, and as of when, is the same feed cut otherwise.
    let id = if told.is_empty() { own.id } else { identity::variant_feed_id(own.id, &told.join("\n")) };
    let title = if told.is_empty() { own.title } else { format!("{} ({})", own.title, told.join(", ")) };
    let query = key.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
    let ending = key.format.extension();
    // What is chosen by its words changes when it does, and not with whatever else there is. An empty feed never changed: the
    // clock would give it other bytes with every request.
    let newest = || window.entries.iter().map(|shown| shown.at).max();
    let updated = if asked.filters.any() { newest() } else { window.changed };
    let prev = (asked.is_whole() && window.archived > 0)
        .then(|| format!("{base}{}/archive/{}.{ending}", own.path, window.archived));
    let after = match key.document {
        Document::Since(at) => at,
        _ => DateTime::<Utc>::MIN_UTC,
    };
    let feed = Feed {
        id: id.urn().to_string(),
        title,
        subtitle: own.subtitle,
        self_url: Some(format!("{base}{}/feed.{ending}{query}", own.path)),
        home_url: Some(own.home),
        language: own.language,
        style: Some(style(&own.path, 0)),
        updated: updated.unwrap_or(DateTime::UNIX_EPOCH),
        pages: Pages { prev, ..Pages::default() },
        ..Feed::default()
    };
    with(feed, base, asked, window.entries.iter().filter(|shown| shown.at > after).cloned())
}

/// The archived page numbered `page`.
pub(super) fn describe_archived(base: &str, overview: &Overview, key: &Key, page: i64, archived: Archived) -> Feed {
    let own = own(base, overview, &key.scope, &archived.blogs.iter().collect::<Vec<_>>());
    let ending = key.format.extension();
    let at = |page: i64| format!("{base}{}/archive/{page}.{ending}", own.path);
    let feed = Feed {
        id: own.id.urn().to_string(),
        title: own.title,
        subtitle: own.subtitle,
        self_url: Some(at(page)),
        home_url: Some(own.home),
        language: own.language,
        style: Some(style(&own.path, 1)),
        updated: archived.at,
        pages: Pages {
            archive: true,
            prev: (page > 1).then(|| at(page - 1)),
            next: (!archived.last).then(|| at(page + 1)),
            current: Some(format!("{base}{}/feed.{ending}", own.path)),
        },
        ..Feed::default()
    };
    with(feed, base, &Asked::default(), archived.entries)
}

/// `feed` with what it tells of `entries`.
fn with(mut feed: Feed, base: &str, asked: &Asked, entries: impl IntoIterator<Item = Shown>) -> Feed {
    for shown in entries {
        let role = match (shown.life.withdrawn, shown.told) {
            (None, Told::Entry) => Some(Role::Entry),
            (None, Told::Edit) => Some(Role::Edit { revision: shown.life.revision, at: shown.dated() }),
            (Some(at), Told::Entry) if asked.stubs && asked.edits == Edits::Inplace => Some(Role::Stub { at }),
            (Some(at), Told::Withdrawal) => Some(Role::Withdrawal { at }),
            (Some(at), Told::Entry | Told::Edit) => {
                let edit = (shown.told == Told::Edit).then_some(shown.life.revision);
                feed.withdrawn.push(Withdrawn { id: shown.entry.id, edit, at });
                None
            }
            (None, Told::Withdrawal) => None,
        };
        let page = Some(format!("{base}/entries/{}", shown.entry.id));
        let story = shown.story.map(|id| Story { id, page: format!("{base}/stories/{id}") });
        feed.items.extend(role.map(|role| Item {
            head: shown.head,
            entry: shown.entry,
            life: Some(shown.life),
            page,
            story,
            role,
        }));
    }
    feed.withdrawn.sort_by_key(|withdrawn| std::cmp::Reverse(withdrawn.at));
    feed
}

fn own(base: &str, overview: &Overview, scope: &Scope, heads: &[&Head]) -> Own {
    let language = one_language(heads);
    match scope {
        Scope::Everything => Own {
            id: identity::everything_feed_id(base),
            title: "Live blogs".into(),
            subtitle: Some("Every entry of the live blogs followed here, newest first".into()),
            home: format!("{base}/"),
            path: path(scope),
            language,
        },
        Scope::Outlet(slug) => {
            let outlets = overview.outlets();
            let known = heads.last().map(|head| head.outlet_name.as_str());
            let name = known.or_else(|| outlets.get(slug.as_str()).copied()).unwrap_or(slug);
            Own {
                id: identity::outlet_feed_id(slug),
                title: format!("{name}: live blogs"),
                subtitle: Some(format!("Every entry of the live blogs of {name} followed here, newest first")),
                home: format!("{base}{}", path(scope)),
                path: path(scope),
                language,
            }
        }
        Scope::Blog(id) => {
            let head = heads.first();
            let title = overview.given_title(scope).or(head.map(|head| head.headline.as_str()));
            Own {
                id: *id,
                title: title.unwrap_or("Live blog").into(),
                subtitle: head.and_then(|head| head.standfirst.clone()),
                home: head.and_then(|head| head.url.clone()).unwrap_or_else(|| format!("{base}{}", path(scope))),
                path: path(scope),
                language,
            }
        }
        Scope::Topic(topic) => Own {
            id: identity::topic_feed_id(base, &topic.name),
            title: topic.title.clone(),
            subtitle: Some(format!("{}: every entry of the live blogs that are joined here, newest first", topic.title)),
            home: format!("{base}{}", path(scope)),
            path: path(scope),
            language,
        },
    }
}

/// The style sheet of feeds, as seen from a document `deeper` folders under the path of its scope: a proxy may serve us under a
/// path.
fn style(path: &str, deeper: usize) -> String {
    format!("{}{}", "../".repeat(path.matches('/').count() + deeper), FEED_STYLE_PATH.trim_start_matches('/'))
}

/// What the paths of a scope begin with.
pub(super) fn path(scope: &Scope) -> String {
    match scope {
        Scope::Everything => String::new(),
        Scope::Outlet(slug) => format!("/outlets/{slug}"),
        Scope::Blog(id) => format!("/blogs/{id}"),
        Scope::Topic(topic) => format!("/topics/{}", topic.name),
    }
}

/// The language of all of them, where they have one in common.
fn one_language(heads: &[&Head]) -> Option<String> {
    let mut languages = heads.iter().map(|head| head.language.as_deref());
    let first = languages.next()??;
    languages.all(|other| other == Some(first)).then(|| first.to_owned())
}
