//! The one way a page enters the parser.
//!
//! html5ever's tree builder is quadratic in nesting depth: 1.3 MB of `<ul><li>` takes minutes. So is its tokenizer in the
//! attributes of a tag, and a character reference costs it as much as twenty characters of text. A page of too many of those is
//! not begun. Any other is fed in small pieces, and given up as soon as one of its new nodes lies too deep, there are too many of
//! them, a tag that does not end is too long or has too many attributes, or whoever asked does not want to wait any longer. How
//! deep all its nodes lie together is bounded too: that is what looking through each element of a page costs, whatever an adapter
//! looks for.

use super::unfinished::Unfinished;
use html5ever::TokenizerResult;
use html5ever::buffer_queue::BufferQueue;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{Token, TokenSink, TokenSinkResult, Tokenizer};
use html5ever::tree_builder::{TreeBuilder, TreeSink};
use scraper::{Html, HtmlTreeSink};
use std::cell::Cell;

/// What a page may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Elements inside each other. Browsers stop at 512.
    pub depth: usize,
    /// Nodes in the whole tree; each takes about 280 bytes.
    pub nodes: usize,
    /// Levels at which the nodes lie, added up. The largest newsroom's page that was seen comes to 140,000.
    pub levels: usize,
    /// Attributes of one tag, counted where it is longer than a piece.
    pub attributes: usize,
    /// Bytes of one tag, counted in pieces.
    pub tag: usize,
    /// Character references (`&nbsp;`) and what looks like one. The newsroom's page with the most that was seen has 11,500.
    pub references: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { depth: 512, nodes: 500_000, levels: 10_000_000, attributes: 2000, tag: 1 << 20, references: 250_000 }
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
    /// Nodes that lie deeper together than [`Limits::levels`].
    #[error(
        "the nodes of the page lie more than {0} levels deep together; no newsroom's page does so, so it was not read further"
    )]
    Tangled(usize),
    /// More attributes on one tag than [`Limits::attributes`].
    #[error("a tag of the page has more than {0} attributes; no newsroom's page does, so it was not read further")]
    Attributes(usize),
    /// A tag longer than [`Limits::tag`].
    #[error("a tag of the page is longer than {0} bytes; no newsroom's page has one, so it was not read further")]
    Tag(usize),
    /// More character references than [`Limits::references`].
    #[error("the page holds more than {0} character references; no newsroom's page does, so it was not read further")]
    References(usize),
    /// It took longer than the caller waits.
    #[error("the page took too long to read; it was given up")]
    Slow,
}

/// Bytes given to the parser between two looks at the tree.
const PIECE: usize = 4096;

/// Parses a page, or gives it up within its limits.
pub fn parse(text: &str, limits: Limits) -> Result<Html, Hostile> {
    parse_while(text, limits, &|| true)
}

/// The same, which goes on only while the caller says so: what runs on a thread of its own can't be stopped from outside, and
/// nothing here reads a clock.
pub fn parse_while(text: &str, limits: Limits, wanted: &dyn Fn() -> bool) -> Result<Html, Hostile> {
    if references(text).nth(limits.references).is_some() {
        return Err(Hostile::References(limits.references));
    }
    let builder = TreeBuilder::new(HtmlTreeSink::new(Html::new_document()), Default::default());
    let counted = Counted { builder, tokens: Cell::new(0), most_nodes: limits.nodes };
    let parser = Tokenizer::new(counted, Default::default());
    let input = BufferQueue::default();
    let (mut rest, mut before, mut seen) = (text, "", Seen::default());
    let mut tag: Option<Unfinished> = None;
    while !rest.is_empty() {
        if !wanted() {
            return Err(Hostile::Slow);
        }
        let (piece, left) = rest.split_at(piece_end(rest));
        let tokens = parser.sink.tokens.get();
        input.push_back(StrTendril::from_slice(piece));
        feed(&parser, &input);
        if parser.sink.tokens.get() == tokens {
            // All of the piece stands in one tag, or in a comment. It began here or in the piece before.
            let tag = match tag.as_mut() {
                Some(tag) => tag.goes_on(piece),
                None => tag.insert(Unfinished::default()).may_begin(before).may_begin(piece),
            };
            if tag.attributes() > limits.attributes {
                return Err(Hostile::Attributes(limits.attributes));
            }
            if tag.length() > limits.tag {
                return Err(Hostile::Tag(limits.tag));
            }
        } else {
            tag = None;
        }
        seen = look(&parser.sink.builder.sink.0.borrow(), seen, limits)?;
        (rest, before) = (left, piece);
    }
    feed(&parser, &input);
    parser.end();
    let html = parser.sink.builder.sink.finish();
    // All of it once more: what was moved into another element since is deeper than it was.
    look(&html, Seen::default(), limits)?;
    Ok(html)
}

/// Where a character reference may begin: a bare `&`, or one between the parameters of a script's address, may be counted as well,
/// but costs the parser little.
fn references(text: &str) -> impl Iterator<Item = usize> {
    let begins = |at: &usize| text.as_bytes().get(at + 1).is_some_and(|next| next.is_ascii_alphabetic() || *next == b'#');
    text.match_indices('&').map(|(at, _)| at).filter(begins)
}

fn feed(parser: &Tokenizer<Counted>, input: &BufferQueue) {
    // It stops at the end of each script for those who run them.
    while !matches!(parser.feed(input), TokenizerResult::Done) {}
}

/// What has been looked at.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    nodes: usize,
    levels: usize,
}

/// Looks at the nodes that were `seen` not yet. All of them: a comment behind `</body>` is a new node of no depth, and what
/// follows it goes on where the page was.
fn look(html: &Html, mut seen: Seen, limits: Limits) -> Result<Seen, Hostile> {
    let nodes = html.tree.nodes();
    let count = nodes.len();
    if count > limits.nodes {
        return Err(Hostile::Large(limits.nodes));
    }
    for node in nodes.rev().take(count - seen.nodes) {
        let depth = node.ancestors().take(limits.depth + 1).count();
        if depth > limits.depth {
            return Err(Hostile::Deep(limits.depth));
        }
        seen.levels += depth;
        if seen.levels > limits.levels {
            return Err(Hostile::Tangled(limits.levels));
        }
    }
    Ok(Seen { nodes: count, ..seen })
}

/// The tree builder, with the tokens that it has been given counted.
struct Counted {
    builder: TreeBuilder<<HtmlTreeSink as TreeSink>::Handle, HtmlTreeSink>,
    tokens: Cell<usize>,
    most_nodes: usize,
}

impl Counted {
    /// Within one piece, a paragraph of four bytes may open hundreds of elements that stood open in the one before.
    fn full(&self) -> bool {
        self.builder.sink.0.borrow().tree.nodes().len() > self.most_nodes
    }
}

impl TokenSink for Counted {
    type Handle = <HtmlTreeSink as TreeSink>::Handle;

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<Self::Handle> {
        // What is wrong within a tag is told before its end.
        if !matches!(token, Token::ParseError(_)) {
            self.tokens.set(self.tokens.get() + 1);
        }
        if self.full() {
            return TokenSinkResult::Continue;
        }
        self.builder.process_token(token, line)
    }

    fn end(&self) {
        self.builder.end();
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.builder.adjusted_current_node_present_but_not_in_html_namespace()
    }
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
    fn pages_of_which_all_lies_deep_are_given_up() {
        let wide = |depth: usize| format!("{}{}", "<b>".repeat(depth), "<i>x</i>".repeat(60_000));
        assert_eq!(parse(&wide(400), Limits::default()), Err(Hostile::Tangled(10_000_000)));
        assert!(parse(&wide(30), Limits::default()).is_ok());
    }

    #[test]
    fn depth_is_found_behind_a_shallow_end() {
        // Each piece ends with a comment that belongs to no element.
        let piece = format!("{}</body><!---->", "<ul><li>".repeat(500));
        let page = format!("{}{}", " ".repeat(96), format!("{piece:<4096}").repeat(20));
        assert_eq!(parse(&page, Limits::default()), Err(Hostile::Deep(512)));
        let page = format!("{}<p>x", "<b>".repeat(500));
        assert!(parse(&page, Limits::default()).is_ok());
        assert_eq!(parse(&"<b>".repeat(1000), Limits::default()), Err(Hostile::Deep(512)), "within one piece");
    }

    #[test]
    fn tags_of_many_attributes_are_given_up_at_once() {
        let many = |most: usize| (0..most).map(|number| format!(" a{number}='>'")).collect::<String>();
        for start in ["<p", "text <p", "<!-- <p --><script>'<p \"'</script><p", "</p", "<p title='<a b=\"'"] {
            let page = format!("{start}{}>", many(100_000));
            assert_eq!(parse(&page, Limits::default()).err(), Some(Hostile::Attributes(2000)), "{start}");
        }
        for fine in [
            format!("<p{}>", many(1500)),
            format!("<p title=\"{}\">", many(9000)),
            format!("<!--<p>{}-->", many(9000)),
            format!("<script>if (a<b) {}</script>", "var name = other; ".repeat(9000)),
            format!("<p>1 < 2 {}", "many words ".repeat(9000)),
            format!("<img src=\"data:image/png;base64,{}\">", "Ab3/".repeat(90_000)),
        ] {
            assert!(parse(&fine, Limits::default()).is_ok(), "{fine:.60}");
        }
    }

    #[test]
    fn long_tags_are_given_up() {
        for start in ["<p title='", "<p title=", "text <p x='", "</p x=\""] {
            let page = format!("{start}{}", "Ab3/".repeat(400_000));
            assert_eq!(parse(&page, Limits::default()).err(), Some(Hostile::Tag(1 << 20)), "{start}");
        }
        for fine in ["<!--", "<p>", "<script>", "<p title='"] {
            let page = format!("{fine}{}'>", "Ab3/".repeat(if fine.ends_with('\'') { 250_000 } else { 400_000 }));
            assert!(parse(&page, Limits::default()).is_ok(), "{fine}");
        }
    }

    #[test]
    fn pages_full_of_references_are_given_up_at_once() {
        let limits = Limits { references: 1000, ..Limits::default() };
        for (unit, fine) in
            [("&nbsp;", false), ("&#32;", false), ("&nosuch", false), ("& ", true), ("AT&1", true), ("é", true)]
        {
            assert!(parse(&format!("<p>{}", unit.repeat(1000)), limits).is_ok(), "{unit}");
            assert_eq!(parse(&format!("<p>{}", unit.repeat(1001)), limits).is_ok(), fine, "{unit}");
        }
        let page = format!("<p>{}", "&nbsp;&amp;".repeat(300_000));
        assert_eq!(parse(&page, Limits::default()), Err(Hostile::References(250_000)));
    }

    #[test]
    fn a_page_is_read_no_longer_than_its_reader_wants() {
        let page = "<p>x</p>".repeat(10_000);
        let asked = Cell::new(0);
        let wanted = || asked.replace(asked.get() + 1) < 3;
        assert_eq!(parse_while(&page, Limits::default(), &wanted), Err(Hostile::Slow));
        assert_eq!(asked.get(), 4, "it is asked before each piece and not after the answer");
        assert!(parse_while(&page, Limits::default(), &|| true).is_ok());
    }

    #[test]
    fn formatting_that_is_opened_again_is_counted_at_once() {
        // Each paragraph opens all of it again: 8 bytes are 500 nodes, a piece a quarter of a million.
        let formatting: String = (0..500).map(|number| format!("<b id={number}>")).collect();
        let page = format!("<p>{formatting}{}", "</p><p>x".repeat(100_000));
        let limits = Limits { nodes: 20_000, ..Limits::default() };
        let builder = TreeBuilder::new(HtmlTreeSink::new(Html::new_document()), Default::default());
        let parser = Tokenizer::new(Counted { builder, tokens: Cell::new(0), most_nodes: limits.nodes }, Default::default());
        let input = BufferQueue::default();
        input.push_back(StrTendril::from_slice(&page));
        feed(&parser, &input);
        assert!(parser.sink.builder.sink.0.borrow().tree.nodes().len() < limits.nodes + 1000);
        assert_eq!(parse(&page, limits), Err(Hostile::Large(20_000)));
    }

    #[test]
    fn pieces_do_not_change_the_tree() {
        let page = format!("<!doctype html><title>é</title><p title='{}'>«ü»</p>", "€".repeat(5000));
        let html = parse(&page, Limits::default()).unwrap();
        assert_eq!(html, Html::parse_document(&page));
    }
}
