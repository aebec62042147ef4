//! A part of a page as markup again, for what reads markup from elsewhere too.
//!
//! The parser's own writer is quadratic in the length of a text that holds `&`, a hard space or `«`, and knows no limit.

use super::{ElementRef, Node};
use ego_tree::iter::Edge;

/// Elements without an end tag.
const VOID: [&str; 13] =
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"];
/// Elements whose text is no markup; a story holds none of it.
const RAW: [&str; 7] = ["iframe", "noembed", "noframes", "noscript", "script", "style", "xmp"];

/// The markup of an element, itself included.
pub fn markup_of(element: ElementRef<'_>) -> String {
    let mut out = String::new();
    for edge in element.traverse() {
        match edge {
            Edge::Open(node) => match node.value() {
                Node::Element(element) => {
                    out.extend(["<", element.name()]);
                    for (name, value) in element.attrs() {
                        out.extend([" ", name, "=\""]);
                        escape_into(&mut out, value);
                        out.push('"');
                    }
                    out.push('>');
                }
                Node::Text(text) => {
                    let raw = |parent: &Node| parent.as_element().is_some_and(|parent| RAW.contains(&parent.name()));
                    if !node.parent().is_some_and(|parent| raw(parent.value())) {
                        escape_into(&mut out, text);
                    }
                }
                _ => {}
            },
            Edge::Close(node) => {
                if let Some(element) = node.value().as_element().filter(|element| !VOID.contains(&element.name())) {
                    out.extend(["</", element.name(), ">"]);
                }
            }
        }
    }
    out
}

fn escape_into(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"']) {
        out.push_str(&rest[..at]);
        out.push_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            _ => "&quot;",
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::css;
    use crate::html::{Limits, first, parse};

    #[test]
    fn markup_is_read_as_what_it_was() {
        for markup in [
            "<p>a &amp; b&nbsp;&lt;c&gt; \"d\"</p>",
            "<a href=\"/x?a=1&amp;b=2\" title=\"&quot;«é»&quot;\">x<br>y</a><hr>",
            "<ul><li>one</li><li><img src=\"/i.jpg\" alt=\"\"></li></ul><svg><path></path></svg>",
        ] {
            let page = parse(&format!("<main>{markup}</main>"), Limits::default()).unwrap();
            let main = first(&page, css!("main")).unwrap();
            let again = parse(&markup_of(main), Limits::default()).unwrap();
            assert_eq!(page.html(), again.html(), "{markup}");
        }
        let page = parse("<main>a<!-- b --><script>'</main>' < c</script>d</main>", Limits::default()).unwrap();
        assert_eq!(markup_of(first(&page, css!("main")).unwrap()), "<main>a<script></script>d</main>");
    }
}
