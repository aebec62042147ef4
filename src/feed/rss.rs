//! RSS 2.0 with the modules readers look for: content, Dublin Core, Media RSS and Atom.

use std::collections::BTreeMap;

use rss::extension::dublincore::DublinCoreExtension;
use rss::extension::{Extension, ExtensionMap};
use rss::{Category, Channel, Guid, Source};

use crate::model::Image;

use super::item::{Item, Original};
use super::uri::{address, uri};
use super::xml::{legal, styled};
use super::{Feed, Format, authors, category, filled, instant, language, link, namespace, over, room};

/// Minutes after which a reader should ask again, while entries are still to be expected and after.
const TTL: (&str, &str) = ("5", "60");

pub(super) fn write(feed: &Feed) -> Vec<u8> {
    let channel = Channel {
        title: legal(&feed.title).into(),
        // RSS demands one; a feed written to a file may have none to give.
        link: uri(feed.home_url.as_deref().unwrap_or_default()).into(),
        description: feed.subtitle.as_deref().and_then(filled).unwrap_or_else(|| legal(&feed.title)).into(),
        language: language(feed).map(Into::into),
        last_build_date: Some(rfc822(feed.updated)),
        generator: Some("tidings".into()),
        ttl: Some(if over(feed) { TTL.1 } else { TTL.0 }.into()),
        extensions: extensions(links(feed).chain(archived(feed))),
        namespaces: namespaces(),
        items: feed.items.iter().map(|item| rss_item(feed, item)).collect(),
        ..Channel::default()
    };
    let mut bytes = channel.pretty_write_to(room(feed), b' ', 2).expect("memory takes every write");
    bytes.push(b'\n');
    styled(bytes, feed.style.as_deref())
}

fn rss_item(feed: &Feed, item: &Item) -> rss::Item {
    let (head, entry) = (&*item.head, &*item.entry);
    let updated = item.updated();
    let changed = (updated > item.published()).then(|| ("atom", element("updated", [], Some(rfc3339(updated)))));
    let media = item.images().iter().map(|image| ("media", picture(image)));
    let original = item.original().into_iter().flat_map(|original| reply(&original));
    rss::Item {
        title: Some(item.title()),
        link: link(head, entry).map(Into::into),
        // Readers take a description for HTML, so a `<` of the plain text has to be told from one of a tag.
        description: filled(&item.body_text()).map(|text| as_html(&text)),
        categories: entry.marks.iter().map(|&mark| Category { name: category(mark).into(), domain: None }).collect(),
        guid: Some(Guid { value: item.id(), permalink: false }),
        pub_date: Some(rfc822(item.published())),
        source: head
            .url
            .as_deref()
            .and_then(address)
            .or(feed.home_url.as_deref().and_then(address))
            .map(|url| Source { url: url.into(), title: filled(&head.headline).map(Into::into) }),
        content: filled(&item.body_html()).map(Into::into),
        extensions: extensions(changed.into_iter().chain(original).chain(media)),
        dublin_core_ext: Some(DublinCoreExtension {
            creators: authors(head, entry).into_iter().map(Into::into).collect(),
            ..DublinCoreExtension::default()
        }),
        ..rss::Item::default()
    }
}

/// All of them in every feed, so that a feed's first bytes do not depend on whether an entry has a picture.
fn namespaces() -> BTreeMap<String, String> {
    let declared = [
        ("atom", "http://www.w3.org/2005/Atom"),
        ("content", "http://purl.org/rss/1.0/modules/content/"),
        ("dc", "http://purl.org/dc/elements/1.1/"),
        ("fh", namespace::HISTORY),
        ("media", "http://search.yahoo.com/mrss/"),
        ("thr", namespace::THREADING),
    ];
    declared.map(|(prefix, name)| (prefix.to_owned(), name.to_owned())).into()
}

/// The addresses of the feed itself, of its other pages and of its hub, as Atom writes them.
fn links(feed: &Feed) -> impl Iterator<Item = (&'static str, Extension)> {
    let own = feed.self_url.as_deref().map(|url| ("self", url)).into_iter().chain(feed.pages.links());
    let own = own.map(|(rel, url)| atom_link(rel, url, Some(Format::Rss.media_type())));
    own.chain(feed.hub.as_deref().map(|url| atom_link("hub", url, None)))
}

fn atom_link(rel: &str, url: &str, media_type: Option<&str>) -> (&'static str, Extension) {
    let mut attributes = vec![("href", uri(url).into_owned()), ("rel", rel.into())];
    attributes.extend(media_type.map(|media_type| ("type", media_type.into())));
    ("atom", element("link", attributes, None))
}

fn archived(feed: &Feed) -> Option<(&'static str, Extension)> {
    feed.pages.archive.then(|| ("fh", element("archive", [], None)))
}

/// What an edit is an edit of.
fn reply(original: &Original) -> Vec<(&'static str, Extension)> {
    let mut elements = vec![("thr", element("in-reply-to", [("ref", original.id.clone())], None))];
    elements.extend(original.url.as_deref().map(|url| atom_link("related", url, Some("text/html"))));
    elements
}

fn picture(image: &Image) -> Extension {
    let mut attributes = vec![("url", uri(&image.url).into_owned()), ("medium", "image".into())];
    attributes.extend(image.width.map(|pixels| ("width", pixels.to_string())));
    attributes.extend(image.height.map(|pixels| ("height", pixels.to_string())));
    let mut content = element("content", attributes, None);
    if let Some(caption) = image.caption.as_deref().and_then(filled) {
        let caption = prefixed("media", element("description", [("type", "plain".into())], Some(caption.into())));
        content.children.insert("description".into(), vec![caption]);
        content.value = None;
    }
    content
}

fn element<'a>(name: &str, attributes: impl IntoIterator<Item = (&'a str, String)>, value: Option<String>) -> Extension {
    let attrs = attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    // An empty text keeps the writer from breaking the line inside an empty element.
    Extension { name: name.into(), value: Some(value.unwrap_or_default()), attrs, children: BTreeMap::new() }
}

fn prefixed(prefix: &str, element: Extension) -> Extension {
    Extension { name: format!("{prefix}:{}", element.name), ..element }
}

fn extensions<'a>(elements: impl IntoIterator<Item = (&'a str, Extension)>) -> ExtensionMap {
    let mut map = ExtensionMap::new();
    for (prefix, element) in elements {
        let local = map.entry(prefix.into()).or_default().entry(element.name.clone()).or_default();
        local.push(prefixed(prefix, element));
    }
    map
}

/// Plain text so that it reads the same to software that takes it for HTML and to software that doesn't, as far as the
/// two can be had together: `&` stays where HTML sees no reference in it.
fn as_html(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '<' => html.push_str("&lt;"),
            '&' if rest.peek().is_some_and(|next| next.is_ascii_alphanumeric() || *next == '#') => html.push_str("&amp;"),
            c => html.push(c),
        }
    }
    html
}

fn rfc822(at: chrono::DateTime<chrono::Utc>) -> String {
    instant(at).format("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

fn rfc3339(at: chrono::DateTime<chrono::Utc>) -> String {
    instant(at).format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_no_markup() {
        assert_eq!(as_html("R & D at AT&T, 3 < 4 > 2"), "R & D at AT&amp;T, 3 &lt; 4 > 2");
        assert_eq!(as_html("<script>&lt;&#60;"), "&lt;script>&amp;lt;&amp;#60;");
    }
}
