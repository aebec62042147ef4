//! RSS 2.0 with the modules readers look for: content, Dublin Core, Media RSS and Atom.

use std::collections::BTreeMap;

use rss::extension::dublincore::DublinCoreExtension;
use rss::extension::{Extension, ExtensionMap};
use rss::{Category, Channel, Guid, Item, Source};

use crate::model::{Entry, Head, Image};

use super::title::title;
use super::xml::legal;
use super::{Feed, Format, authors, category, filled, instant, language, link, over};

/// Minutes after which a reader should ask again, while entries are still to be expected and after.
const TTL: (&str, &str) = ("5", "60");

pub(super) fn write(feed: &Feed) -> Vec<u8> {
    let channel = Channel {
        title: legal(&feed.title).into(),
        // RSS demands one; a feed written to a file may have none to give.
        link: legal(feed.home_url.as_deref().unwrap_or_default()).into(),
        description: feed.subtitle.as_deref().and_then(filled).unwrap_or_else(|| legal(&feed.title)).into(),
        language: language(feed).map(Into::into),
        last_build_date: Some(rfc822(feed.updated)),
        generator: Some("tidings".into()),
        ttl: Some(if over(feed) { TTL.1 } else { TTL.0 }.into()),
        extensions: extensions(self_link(feed)),
        namespaces: namespaces(),
        items: feed.items.iter().map(|(head, entry)| item(feed, head, entry)).collect(),
        ..Channel::default()
    };
    let mut bytes = channel.pretty_write_to(Vec::new(), b' ', 2).expect("memory takes every write");
    bytes.push(b'\n');
    bytes
}

fn item(feed: &Feed, head: &Head, entry: &Entry) -> Item {
    let updated = entry.last_changed();
    let changed = (updated > entry.published.at).then(|| ("atom", element("updated", [], Some(rfc3339(updated)))));
    let media = entry.images.iter().map(|image| ("media", picture(image)));
    Item {
        title: Some(title(entry)),
        link: link(head, entry).map(Into::into),
        // Readers take a description for HTML, so a `<` of the plain text has to be told from one of a tag.
        description: filled(&entry.body_text).map(|text| as_html(&text)),
        categories: entry.marks.iter().map(|&mark| Category { name: category(mark).into(), domain: None }).collect(),
        guid: Some(Guid { value: entry.id.urn().to_string(), permalink: false }),
        pub_date: Some(rfc822(entry.published.at)),
        source: head
            .url
            .as_deref()
            .and_then(filled)
            .or(feed.home_url.as_deref().and_then(filled))
            .map(|url| Source { url: url.into(), title: filled(&head.headline).map(Into::into) }),
        content: filled(&entry.body_html).map(Into::into),
        extensions: extensions(changed.into_iter().chain(media)),
        dublin_core_ext: Some(DublinCoreExtension {
            creators: authors(head, entry).into_iter().map(Into::into).collect(),
            ..DublinCoreExtension::default()
        }),
        ..Item::default()
    }
}

/// All of them in every feed, so that a feed's first bytes do not depend on whether an entry has a picture.
fn namespaces() -> BTreeMap<String, String> {
    let declared = [
        ("atom", "http://www.w3.org/2005/Atom"),
        ("content", "http://purl.org/rss/1.0/modules/content/"),
        ("dc", "http://purl.org/dc/elements/1.1/"),
        ("media", "http://search.yahoo.com/mrss/"),
    ];
    declared.map(|(prefix, name)| (prefix.to_owned(), name.to_owned())).into()
}

fn self_link(feed: &Feed) -> Option<(&'static str, Extension)> {
    let url = feed.self_url.as_deref()?;
    let attributes = [("href", legal(url).into()), ("rel", "self".into()), ("type", Format::Rss.media_type().into())];
    Some(("atom", element("link", attributes, None)))
}

fn picture(image: &Image) -> Extension {
    let mut attributes = vec![("url", legal(&image.url).into_owned()), ("medium", "image".into())];
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
