//! Atom (RFC 4287).

use std::collections::HashMap;

use atom_syndication::{
    Category, Content, Entry as AtomEntry, Feed as AtomFeed, Generator, Link, Person, Source, Text, WriteConfig,
};
use chrono::{DateTime, FixedOffset, Utc};
use uuid::Uuid;

use crate::model::{Entry, Head};

use super::title::title;
use super::xml::legal;
use super::{Feed, Format, authors, category, filled, instant, language, link};

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
            .collect(),
        subtitle: feed.subtitle.as_deref().and_then(filled).map(Text::plain),
        entries: feed.items.iter().map(|(head, entry)| atom_entry(head, entry, changed[&head.id])).collect(),
        lang: language(feed).map(Into::into),
        ..AtomFeed::default()
    };
    let config = WriteConfig { write_document_declaration: true, indent_size: Some(2) };
    let mut bytes = atom.write_with_config(Vec::new(), config).expect("memory takes every write");
    bytes.push(b'\n');
    bytes
}

fn atom_entry(head: &Head, entry: &Entry, blog_changed: DateTime<Utc>) -> AtomEntry {
    let link = link(head, entry);
    let body = filled(&entry.body_html);
    // RFC 4287 4.1.2: an entry without a link has to have a content, if an empty one.
    let body = if link.is_none() { Some(body.unwrap_or_default()) } else { body };
    AtomEntry {
        title: Text::plain(title(entry)),
        id: entry.id.urn().to_string(),
        updated: dated(entry.last_changed()),
        authors: authors(head, entry).into_iter().map(|name| Person { name: name.into(), ..Person::default() }).collect(),
        categories: entry
            .marks
            .iter()
            .map(|&mark| Category { term: category(mark).into(), ..Category::default() })
            .collect(),
        links: link.iter().map(|url| at(url, "alternate", "text/html")).collect(),
        published: Some(dated(entry.published.at)),
        source: Some(source(head, blog_changed)),
        summary: filled(&entry.body_text).map(Text::plain),
        content: body.map(|html| Content {
            value: Some(html.into()),
            content_type: Some("html".into()),
            ..Content::default()
        }),
        ..AtomEntry::default()
    }
}

fn source(head: &Head, changed: DateTime<Utc>) -> Source {
    Source {
        title: Text::plain(legal(&head.headline)),
        id: head.id.urn().to_string(),
        updated: dated(changed),
        links: head.url.as_deref().and_then(filled).iter().map(|url| at(url, "alternate", "text/html")).collect(),
        ..Source::default()
    }
}

/// When each live blog last changed, as far as this feed shows it.
fn last_changes(feed: &Feed) -> HashMap<Uuid, DateTime<Utc>> {
    let mut changes = HashMap::new();
    for (head, entry) in &feed.items {
        let latest = changes.entry(head.id).or_insert(entry.last_changed());
        *latest = entry.last_changed().max(*latest);
    }
    changes
}

fn at(url: &str, rel: &str, media_type: &str) -> Link {
    Link { href: legal(url).into(), rel: rel.into(), mime_type: Some(media_type.into()), ..Link::default() }
}

fn dated(at: DateTime<Utc>) -> DateTime<FixedOffset> {
    instant(at).fixed_offset()
}
