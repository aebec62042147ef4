//! Atom (RFC 4287).

use std::collections::{BTreeMap, HashMap};

use atom_syndication::extension::{Extension, ExtensionMap};
use atom_syndication::{
    Category, Content, Entry as AtomEntry, Feed as AtomFeed, Generator, Link, Person, Source, Text, WriteConfig,
};
use chrono::{DateTime, FixedOffset, Utc};
use uuid::Uuid;

use crate::model::Head;

use super::item::{Item, Original};
use super::uri::{address, uri};
use super::xml::{legal, styled};
use super::{Feed, Format, Withdrawn, authors, category, filled, instant, language, link, namespace, room};

pub(super) fn write(feed: &Feed) -> Vec<u8> {
    let changed = last_changes(feed);
    let atom = AtomFeed {
        title: Text::plain(legal(&feed.title)),
        id: legal(&feed.id).into(),
        updated: dated(feed.updated),
        generator: Some(Generator { value: "tidings".into(), ..Generator::default() }),
        links: [(&feed.self_url, "self", Format::Atom.media_type()), (&feed.home_url, "alternate", "text/html")]
            .into_iter()
            .filter_map(|(url, rel, media_type)| Some(at(url.as_deref()?, rel, media_type)))
            .chain(feed.pages.links().map(|(rel, url)| at(url, rel, Format::Atom.media_type())))
            .chain(feed.hub.iter().map(|url| Link { mime_type: None, ..at(url, "hub", "") }))
            .collect(),
        subtitle: feed.subtitle.as_deref().and_then(filled).map(Text::plain),
        entries: feed.items.iter().map(|item| atom_entry(item, changed[&item.head.id])).collect(),
        lang: language(feed).map(Into::into),
        extensions: extensions(archived(feed).into_iter().chain(feed.withdrawn.iter().map(tombstone))),
        namespaces: namespaces(),
        ..AtomFeed::default()
    };
    let mut bytes = ordered(atom, feed);
    bytes.push(b'\n');
    styled(bytes, feed.style.as_deref())
}

/// The document, extensions of the feed before its entries: the grammar of RFC 4287 wants it so, and the library writes them
/// behind. So it is written once with the ones and once with the others, and both follow what the two have in common.
fn ordered(mut atom: AtomFeed, feed: &Feed) -> Vec<u8> {
    const END: &[u8] = b"\n</feed>";
    if atom.extensions.is_empty() || atom.entries.is_empty() {
        return written(&atom, room(feed));
    }
    let entries = std::mem::take(&mut atom.entries);
    let extended = written(&atom, Vec::new());
    atom.extensions.clear();
    let bare = written(&atom, Vec::new());
    atom.entries = entries;
    let mut filled = written(&atom, room(feed));
    let common = bare.strip_suffix(END).expect("a feed ends with its end tag");
    let extensions = extended.strip_prefix(common).and_then(|rest| rest.strip_suffix(END));
    let extensions = extensions.filter(|_| filled.starts_with(common)).expect("the same feed begins the same");
    filled.splice(common.len()..common.len(), extensions.iter().copied());
    filled
}

fn written(atom: &AtomFeed, into: Vec<u8>) -> Vec<u8> {
    let config = WriteConfig { write_document_declaration: true, indent_size: Some(2) };
    atom.write_with_config(into, config).expect("memory takes every write")
}

fn atom_entry(item: &Item, blog_changed: DateTime<Utc>) -> AtomEntry {
    let (head, entry) = (&*item.head, &*item.entry);
    let (link, original) = (link(head, entry), item.original());
    let (html, text) = (item.body_html(), item.body_text());
    let body = filled(&html);
    // RFC 4287 4.1.2: an entry without a link has to have a content, if an empty one.
    let body = if link.is_none() { Some(body.unwrap_or_default()) } else { body };
    let related = original.as_ref().and_then(|original| original.url.as_deref());
    AtomEntry {
        title: Text::plain(item.title()),
        id: item.id(),
        updated: dated(item.updated()),
        authors: authors(head, entry).into_iter().map(|name| Person { name: name.into(), ..Person::default() }).collect(),
        categories: entry
            .marks
            .iter()
            .map(|&mark| Category { term: category(mark).into(), ..Category::default() })
            .collect(),
        links: link
            .iter()
            .map(|url| at(url, "alternate", "text/html"))
            .chain(related.map(|url| at(url, "related", "text/html")))
            .collect(),
        published: Some(dated(item.published())),
        source: Some(source(head, blog_changed)),
        summary: filled(&text).map(Text::plain),
        content: body.map(|html| Content {
            value: Some(html.into()),
            content_type: Some("html".into()),
            ..Content::default()
        }),
        extensions: extensions(original.iter().map(reply)),
        ..AtomEntry::default()
    }
}

/// All of them in every feed, so that a feed's first bytes do not depend on whether something was withdrawn.
fn namespaces() -> BTreeMap<String, String> {
    let declared = [("at", namespace::TOMBSTONES), ("fh", namespace::HISTORY), ("thr", namespace::THREADING)];
    declared.map(|(prefix, name)| (prefix.to_owned(), name.to_owned())).into()
}

/// RFC 5005 section 4: an archived page says that it is one.
fn archived(feed: &Feed) -> Option<(&'static str, Extension)> {
    feed.pages.archive.then(|| ("fh", element("archive", [])))
}

/// RFC 6721: the entry of this id was here.
fn tombstone(withdrawn: &Withdrawn) -> (&'static str, Extension) {
    let when = instant(withdrawn.at).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut tombstone = element("deleted-entry", [("ref", withdrawn.item()), ("when", when)]);
    let why = Extension { value: Some("withdrawn by the outlet".into()), ..element("comment", []) };
    let why = Extension { name: "at:comment".into(), ..why };
    tombstone.children.insert("comment".into(), vec![why]);
    tombstone.value = None;
    ("at", tombstone)
}

/// RFC 4685: what an edit is an edit of.
fn reply(original: &Original) -> (&'static str, Extension) {
    let mut attributes = vec![("ref", original.id.clone())];
    if let Some(url) = &original.url {
        attributes.extend([("href", uri(url).into_owned()), ("type", "text/html".into())]);
    }
    ("thr", element("in-reply-to", attributes))
}

fn element(name: &str, attributes: impl IntoIterator<Item = (&'static str, String)>) -> Extension {
    let attrs = attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    // An empty text keeps the writer from breaking the line inside an empty element.
    Extension { name: name.into(), value: Some(String::new()), attrs, children: BTreeMap::new() }
}

fn extensions<'a>(elements: impl IntoIterator<Item = (&'a str, Extension)>) -> ExtensionMap {
    let mut map = ExtensionMap::new();
    for (prefix, element) in elements {
        let name = element.name.clone();
        let named = Extension { name: format!("{prefix}:{name}"), ..element };
        map.entry(prefix.into()).or_default().entry(name).or_default().push(named);
    }
    map
}

fn source(head: &Head, changed: DateTime<Utc>) -> Source {
    Source {
        title: Text::plain(legal(&head.headline)),
        id: head.id.urn().to_string(),
        updated: dated(changed),
        links: head.url.as_deref().and_then(address).iter().map(|url| at(url, "alternate", "text/html")).collect(),
        ..Source::default()
    }
}

/// When each live blog last changed, as far as this feed shows it.
fn last_changes(feed: &Feed) -> HashMap<Uuid, DateTime<Utc>> {
    let mut changes = HashMap::new();
    for item in &feed.items {
        let latest = changes.entry(item.head.id).or_insert(item.updated());
        *latest = item.updated().max(*latest);
    }
    changes
}

fn at(url: &str, rel: &str, media_type: &str) -> Link {
    Link { href: uri(url).into(), rel: rel.into(), mime_type: Some(media_type.into()), ..Link::default() }
}

fn dated(at: DateTime<Utc>) -> DateTime<FixedOffset> {
    instant(at).fixed_offset()
}
