//! The one way a page enters the parser.
//!
//! html5ever's tree builder is quadratic in nesting depth: 1.3 MB of `<ul><li>` takes minutes. A page is therefore fed in
//! small pieces, and given up as soon as its newest node lies too deep or there are too many of them.

use html5ever::tendril::{StrTendril, TendrilSink};
use scraper::{Html, HtmlTreeSink};

/// What a page may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Elements inside each other. Browsers stop at 512.
    pub depth: usize,
    /// Nodes in the whole tree; each takes about 280 bytes.
    pub nodes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { depth: 512, nodes: 500_000 }
    }
}

/// Why a page was given up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Hostile {
    /// Nested deeper than [`Limits::depth`].
    #[error("the page nests elements more than {0} deep; no newsroom's page does, so it was not read further")]
    Deep(usize),
    /// More nodes than [`Limits::nodes`].
    #[error("the page holds more than {0} nodes; it was not read further")]
    Large(usize),
}

/// Bytes given to the parser between two looks at the tree.
const PIECE: usize = 4096;

/// Parses a page, or gives it up within its limits.
pub fn parse(text: &str, limits: Limits) -> Result<Html, Hostile> {
    let mut parser = html5ever::driver::parse_document(HtmlTreeSink::new(Html::new_document()), Default::default());
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, left) = rest.split_at(piece_end(rest));
        rest = left;
        parser.process(StrTendril::from_slice(piece));
        let html = parser.tokenizer.sink.sink.0.borrow();
        if html.tree.values().len() > limits.nodes {
            return Err(Hostile::Large(limits.nodes));
        }
        let newest = html.tree.nodes().next_back();
        if newest.is_some_and(|node| node.ancestors().nth(limits.depth).is_some()) {
            return Err(Hostile::Deep(limits.depth));
        }
    }
    Ok(parser.finish())
}

fn piece_end(text: &str) -> usize {
    if text.len() <= PIECE { text.len() } else { text.floor_char_boundary(PIECE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_pages_are_given_up_at_once() {
        for tag in ["<div>", "<ul><li>", "<form><div>", "<blockquote>"] {
            let page = tag.repeat(200_000);
            assert_eq!(parse(&page, Limits::default()), Err(Hostile::Deep(512)), "{tag}");
        }
        let page = "<p>x</p>".repeat(300_000);
        assert_eq!(parse(&page, Limits::default()), Err(Hostile::Large(500_000)));
    }

    #[test]
    fn pieces_do_not_change_the_tree() {
        let page = format!("<!doctype html><title>é</title><p title='{}'>«ü»</p>", "€".repeat(5000));
        let html = parse(&page, Limits::default()).unwrap();
        assert_eq!(html, Html::parse_document(&page));
    }
}
