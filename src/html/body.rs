//! The body of an entry: from the page's markup to clean HTML that any feed reader shows, and to plain text.
//!
//! Two stages. The page's nodes are first written anew with what they mean: wrappers gone, loose text in paragraphs, AMP
//! elements as ordinary pictures and links, addresses absolute. Then `ammonia` takes away what is not on a short list; it is
//! the only judge of what is safe.

mod escape;
mod lines;
mod picture;
mod words;

pub use lines::{Line, body_of_lines, body_of_text};

use self::escape::{escaped, parted};
use self::picture::{pixels, widest};
use super::Links;
use super::embeds::{embed, target};
use crate::model::Image;
use ego_tree::{NodeId, NodeRef};
use scraper::{Node, node::Element};
use std::sync::LazyLock;

/// A cleaned body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Body {
    /// Clean HTML.
    pub html: String,
    /// The same as plain text.
    pub text: String,
    /// Its pictures.
    pub images: Vec<Image>,
}

impl Body {
    /// Nothing to read and nothing to see.
    pub fn is_empty(&self) -> bool {
        self.html.is_empty()
    }
}

/// Elements that a body is made of. Deliberately without `iframe`, `svg`, `math`, `style` and forms.
const TAGS: [&str; 36] = [
    "a",
    "abbr",
    "b",
    "blockquote",
    "br",
    "cite",
    "code",
    "dd",
    "del",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "li",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "strong",
    "sub",
    "sup",
    "table",
    "tr",
    "u",
    "ul",
];
const TABLE: [&str; 5] = ["tbody", "td", "tfoot", "th", "thead"];

static CLEANER: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
    let mut cleaner = ammonia::Builder::empty();
    cleaner
        .add_tags(TAGS)
        .add_tags(TABLE)
        .add_tag_attributes("a", ["href", "title"])
        .add_tag_attributes("img", ["src", "alt", "width", "height"])
        .add_tag_attributes("td", ["colspan", "rowspan"])
        .add_tag_attributes("th", ["colspan", "rowspan"])
        .add_tag_attributes("ol", ["start"])
        .add_generic_attributes(["dir", "lang"])
        .add_url_schemes(["http", "https", "mailto"])
        .add_clean_content_tags(["script", "style"])
        .link_rel(Some("noopener noreferrer"))
        .strip_comments(true);
    cleaner
});

/// Elements that are never part of what a newsroom says.
const DROPPED: [&str; 25] = [
    "script",
    "style",
    "noscript",
    "template",
    "svg",
    "math",
    "form",
    "button",
    "input",
    "select",
    "textarea",
    "nav",
    "head",
    "meta",
    "link",
    "object",
    "embed",
    "canvas",
    "amp-ad",
    "amp-embed",
    "amp-analytics",
    "amp-pixel",
    "amp-sticky-ad",
    "amp-social-share",
    "i-amphtml-sizer",
];
/// Elements that break a paragraph and mean nothing else.
const WRAPPERS: [&str; 11] =
    ["div", "section", "article", "header", "footer", "main", "aside", "body", "html", "center", "details"];
/// Elements with a line of their own that text may stand in directly.
const BLOCKS: [&str; 14] = ["p", "h2", "h3", "h4", "h5", "h6", "li", "figcaption", "pre", "td", "th", "dt", "dd", "summary"];
/// Elements that hold blocks.
const HOLDERS: [&str; 11] = ["ul", "ol", "dl", "blockquote", "figure", "table", "tbody", "thead", "tfoot", "tr", "hr"];
/// Elements inside a line.
const INLINE: [&str; 15] =
    ["a", "abbr", "b", "cite", "code", "del", "em", "i", "ins", "q", "s", "strong", "sub", "sup", "u"];

/// Longest body that is kept: an entry is a few paragraphs.
const LONGEST: usize = 512 * 1024;
/// Longest description of a picture that is kept, and longest of the other attributes that are.
const LONGEST_CAPTION: usize = 4000;
const LONGEST_VALUE: usize = 100;

/// Cleans the body that these nodes make up, in order. `skipped` nodes (a headline, a time) are left out wherever they stand.
pub fn body_of<'a>(nodes: impl IntoIterator<Item = NodeRef<'a, Node>>, skipped: &[NodeId], links: &Links) -> Body {
    let mut writer = Writer::new(links);
    writer.skipped = skipped.to_vec();
    writer.skipped.sort_unstable();
    for node in nodes {
        writer.node(node);
    }
    writer.end_loose();
    writer.finish()
}

struct Writer<'a> {
    links: &'a Links,
    /// In order.
    skipped: Vec<NodeId>,
    html: String,
    text: String,
    images: Vec<Image>,
    /// Elements written and not yet closed.
    open: Vec<String>,
    /// The innermost of them is a paragraph of ours around loose text.
    loose: bool,
    /// An element that was looked through holds no blocks, so what stands in it doesn't either.
    no_blocks: bool,
    /// The first block in the last element that was looked through and holds one.
    block_ahead: Option<NodeId>,
}

impl<'a> Writer<'a> {
    fn new(links: &'a Links) -> Self {
        let (html, text, images, open) = (String::new(), String::new(), Vec::new(), Vec::new());
        Writer { links, skipped: Vec::new(), html, text, images, open, loose: false, no_blocks: false, block_ahead: None }
    }

    /// Whether nothing more is kept. What is past the limit is dropped by whole nodes and words, so the markup stays closed.
    fn full(&self) -> bool {
        self.html.len() > LONGEST
    }

    fn node(&mut self, node: NodeRef<'_, Node>) {
        if self.full() || self.skipped.binary_search(&node.id()).is_ok() {
            return;
        }
        match node.value() {
            Node::Text(text) => self.words(text),
            Node::Element(element) => self.element(node, element),
            _ => {}
        }
    }

    fn children(&mut self, node: NodeRef<'_, Node>) {
        for child in node.children() {
            self.node(child);
        }
    }

    fn element(&mut self, node: NodeRef<'_, Node>, element: &Element) {
        let name = element.name();
        if DROPPED.contains(&name) || hidden(element) {
            return;
        }
        match name {
            "br" => {
                if self.in_line() {
                    self.html.push_str("<br>");
                    self.text.push('\n');
                }
            }
            "img" | "amp-img" | "amp-anim" => self.image(element),
            "h1" => self.block("h2", "", node),
            "hr" => {
                self.end_loose();
                self.html.push_str("<hr>");
            }
            "picture" => self.children(node),
            // Words have no place in a table but in its cells: a parser would take each out and look for the table again.
            "caption" if self.open.last().is_some_and(|name| name == "table") => {
                self.start("tr", "");
                self.block("td", "", node);
                self.end("tr");
            }
            _ if embed(name) => self.embed(node, element),
            _ if (BLOCKS.contains(&name) || HOLDERS.contains(&name)) && self.at_home(name) => {
                let attributes = kept(element, &["dir", "lang", "start", "colspan", "rowspan"]);
                self.block(if name == "summary" { "p" } else { name }, &attributes, node);
            }
            "a" => {
                let href = element.attr("href").and_then(|href| self.links.link(href));
                match href {
                    Some(href) => self.inline("a", &format!(" href=\"{}\"", escaped(&href)), node),
                    None => self.children(node),
                }
            }
            _ if INLINE.contains(&name) => self.inline(name, &kept(element, &["dir", "lang"]), node),
            _ if WRAPPERS.contains(&name) || BLOCKS.contains(&name) || HOLDERS.contains(&name) => {
                self.end_loose();
                self.gap("\n\n");
                self.children(node);
                self.end_loose();
                self.gap("\n\n");
            }
            // `span`, `font`, `time`, custom elements: their words stand in the line.
            _ => self.children(node),
        }
    }

    /// Whether an element stands where it means something: a list item that is an entry's own wrapper is no list item.
    fn at_home(&self, name: &str) -> bool {
        let within = |holders: &[&str]| self.open.iter().any(|open| holders.contains(&open.as_str()));
        match name {
            "li" => within(&["ul", "ol"]),
            "dt" | "dd" => within(&["dl"]),
            "tr" | "td" | "th" | "tbody" | "thead" | "tfoot" => within(&["table"]),
            _ => true,
        }
    }

    /// Whether words can be written where we are.
    fn in_line(&self) -> bool {
        self.open.iter().any(|name| BLOCKS.contains(&name.as_str()))
    }

    fn begin_loose(&mut self) {
        if !self.loose {
            self.start("p", "");
            self.loose = true;
        }
    }

    fn end_loose(&mut self) {
        if self.loose {
            self.loose = false;
            self.end("p");
        }
    }

    fn block(&mut self, name: &str, attributes: &str, node: NodeRef<'_, Node>) {
        self.end_loose();
        // A block inside a line of text (`h2` holding `p`) would not survive a parser: its words join the line.
        let nests = matches!(self.open.last().map(String::as_str), Some("li" | "td" | "th" | "dd" | "figcaption"));
        if self.in_line() && !nests {
            self.gap("\n");
            self.children(node);
            return;
        }
        if name == "p" && nests {
            self.gap("\n");
            if self.html.ends_with('>') && !self.html.ends_with("<li>") && !self.html.ends_with("<td>") {
                self.html.push_str("<br>");
            }
            self.children(node);
            return;
        }
        self.start(name, attributes);
        self.children(node);
        self.end_loose();
        self.end(name);
    }

    fn inline(&mut self, name: &str, attributes: &str, node: NodeRef<'_, Node>) {
        // A link around blocks (a card) is written inside each of them instead. An embed becomes a line of its own.
        let block = |inner: NodeRef<'_, Node>| {
            inner.value().as_element().is_some_and(|inner| {
                let lists = [&BLOCKS[..], &HOLDERS, &WRAPPERS];
                lists.iter().any(|names| names.contains(&inner.name())) || embed(inner.name())
            })
        };
        let holds_blocks = !self.no_blocks && self.holds(node, block);
        if holds_blocks || self.open.iter().any(|open| open == "a" && name == "a") {
            return self.children(node);
        }
        if !self.in_line() {
            self.begin_loose();
        }
        self.html.push_str(&format!("<{name}{attributes}>"));
        self.open.push(name.to_owned());
        let before = self.html.len();
        let within = std::mem::replace(&mut self.no_blocks, true);
        self.children(node);
        self.no_blocks = within;
        self.open.pop();
        if self.html.len() == before {
            // Nothing in it: an empty link or an anchor.
            self.html.truncate(before - name.len() - attributes.len() - 2);
        } else {
            self.html.push_str(&format!("</{name}>"));
        }
    }

    /// Whether an element holds a block. What stands around a block may stand around it by hundreds, each with all that comes
    /// before the block in it: so the block that was found last is remembered.
    fn holds(&mut self, node: NodeRef<'_, Node>, block: impl Fn(NodeRef<'_, Node>) -> bool) -> bool {
        let ahead = self.block_ahead.and_then(|ahead| node.tree().get(ahead));
        if ahead.is_some_and(|ahead| ahead.ancestors().any(|above| above == node)) {
            return true;
        }
        let found = node.descendants().find(|inner| block(*inner));
        self.block_ahead = found.map(|found| found.id()).or(self.block_ahead);
        found.is_some()
    }

    fn start(&mut self, name: &str, attributes: &str) {
        self.gap(if matches!(name, "li" | "tr" | "dt" | "dd") { "\n" } else { "\n\n" });
        if name == "li" {
            self.text.push_str("- ");
        }
        self.html.push_str(&format!("<{name}{attributes}>"));
        self.open.push(name.to_owned());
    }

    fn end(&mut self, name: &str) {
        self.html.truncate(self.html.trim_end_matches(' ').len());
        self.text.truncate(self.text.trim_end_matches(' ').len());
        self.open.pop();
        // An element that came to nothing is not written; what a reader would see is a gap.
        if let Some(start) = self.html.rfind('<').filter(|&at| self.html.ends_with('>') && opens(&self.html[at..], name)) {
            self.html.truncate(start);
        } else {
            self.html.push_str(&format!("</{name}>"));
        }
        match name {
            "td" | "th" => self.text.push('\t'),
            "li" | "tr" | "dt" | "dd" => self.gap("\n"),
            _ => self.gap("\n\n"),
        }
    }

    fn image(&mut self, element: &Element) {
        let sources = ["src", "data-src", "data-lazy-src", "data-original"];
        let largest = element.attr("srcset").or(element.attr("data-srcset")).and_then(|set| set.split_whitespace().next());
        let placeholder = |src: &str| src.starts_with("data:") || src.contains('{');
        let src = sources.iter().filter_map(|name| element.attr(name)).chain(largest).find(|src| !placeholder(src));
        let Some(url) = src.map(str::to_owned).or_else(|| widest(element)).and_then(|src| self.links.image(&src)) else {
            return;
        };
        let (width, height) = (pixels(element, "width"), pixels(element, "height"));
        if width.is_some_and(|width| width <= 1) || height.is_some_and(|height| height <= 1) {
            return; // A tracking pixel.
        }
        let caption = element.attr("alt").map(super::fold).filter(|alt| !alt.is_empty() && alt.len() <= LONGEST_CAPTION);
        let mut tag = format!("<img src=\"{}\" alt=\"{}\"", escaped(&url), escaped(caption.as_deref().unwrap_or_default()));
        for (name, size) in [("width", width), ("height", height)] {
            if let Some(size) = size {
                tag.push_str(&format!(" {name}=\"{size}\""));
            }
        }
        tag.push('>');
        // A picture may stand by itself or in a figure; loose among paragraphs it gets one of its own.
        let own = !self.in_line() && self.open.last().is_none_or(|name| name != "figure");
        self.html.push_str(&if own { format!("<figure>{tag}</figure>") } else { tag });
        self.images.push(Image { url, caption, width, height });
    }

    /// A player or a social post can't be shown in a feed: it becomes a link to what it shows, after the words it holds
    /// for readers without scripts.
    fn embed(&mut self, node: NodeRef<'_, Node>, element: &Element) {
        self.end_loose();
        self.children(node);
        self.end_loose();
        let Some((url, label)) = target(element).and_then(|(url, label)| Some((self.links.link(&url)?, label))) else {
            return;
        };
        let line = format!("{label}: ");
        let within = self.in_line();
        if !within {
            self.start("p", "");
        }
        self.word(&line);
        self.html.push_str(&format!("<a href=\"{0}\">{0}</a>", escaped(&url)));
        self.text.push_str(&url);
        if !within {
            self.end("p");
        }
    }

    fn finish(mut self) -> Body {
        self.text.truncate(self.text.trim_end().len());
        let html = CLEANER.clean(&parted(&self.html)).to_string();
        Body { html, text: self.text, images: self.images }
    }
}

/// Whether a tag that ends a text opens `name` (`<p>`, `<p lang="en">`).
fn opens(tag: &str, name: &str) -> bool {
    tag[1..].strip_prefix(name).is_some_and(|rest| rest.starts_with(['>', ' '])) && name != "td" && name != "th"
}

fn hidden(element: &Element) -> bool {
    element.attr("hidden").is_some() || element.attr("aria-hidden") == Some("true") && element.name() != "img"
}

fn kept(element: &Element, names: &[&str]) -> String {
    let mut attributes = String::new();
    for name in names {
        if let Some(value) = element.attr(name).filter(|value| value.len() <= LONGEST_VALUE) {
            attributes.push_str(&format!(" {name}=\"{}\"", escaped(value)));
        }
    }
    attributes
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
