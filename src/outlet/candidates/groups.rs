//! One walk over a page: elements that stand beside each other, look alike to CSS, and hold a time.

use super::told::{Told, names, times};
use crate::html::{Edge, ElementRef, Html, Node, NodeId};
use std::collections::HashMap;

/// Text that makes an element worth looking at where no time can be made out.
const WORDY: usize = 80;
/// Elements in which an entry may be wrapped, each alone in the other.
const WRAPPERS: usize = 8;

/// Elements of one selector, wherever on the page they stand beside others of it.
pub(super) struct Group<'a> {
    pub css: String,
    /// How well the selector reads.
    pub worth: f64,
    /// How many of them hold a time.
    pub members: usize,
    /// The share of them that hold a group themselves: they are its wrappers, not entries.
    pub nested: f64,
    /// The parent of all of them, where that is one element.
    pub parent: Option<ElementRef<'a>>,
    /// They are children of `parent`, not wrapped again.
    pub direct: bool,
    /// Bytes of text in them.
    words: usize,
    wrapping: usize,
    /// Which elements, whatever their order.
    sum: u64,
}

/// What a page repeats.
pub(super) struct Groups<'a> {
    groups: Vec<Group<'a>>,
    /// The times that each element itself carries.
    pub times: HashMap<NodeId, Vec<Told>>,
    /// The groups hold times; none on the page does otherwise, and these hold words.
    pub timed: bool,
    /// Bytes of text that a reader sees.
    pub words: usize,
    words_of: HashMap<NodeId, usize>,
}

/// An element whose children are being walked over.
struct Open<'a> {
    element: ElementRef<'a>,
    times: bool,
    words: usize,
    /// It or something in it holds a group.
    wraps: bool,
    children: Vec<Child<'a>>,
}

#[derive(Clone)]
struct Child<'a> {
    element: ElementRef<'a>,
    words: usize,
    wraps: bool,
}

/// Whether a reader sees nothing of an element.
pub(super) fn unseen(element: ElementRef) -> bool {
    matches!(element.value().name(), "script" | "style" | "template" | "noscript" | "head" | "svg" | "iframe" | "select")
}

impl<'a> Groups<'a> {
    pub fn of(page: &'a Html) -> Self {
        let mut groups =
            Groups { groups: Vec::new(), times: HashMap::new(), timed: true, words: 0, words_of: HashMap::new() };
        let timed = groups.walk(page);
        groups.timed = !timed.is_empty();
        groups.groups = timed;
        if groups.groups.is_empty() {
            groups.groups = groups.walk(page);
        }
        groups
    }

    /// The likeliest ones, one for each set of elements.
    pub fn likeliest(&self, most: usize) -> impl Iterator<Item = &Group<'a>> {
        let mut best: HashMap<u64, &Group> = HashMap::new();
        let better = |one: &Group, other: &Group| one.worth.total_cmp(&other.worth).then_with(|| other.css.cmp(&one.css));
        for group in &self.groups {
            let known = best.entry(group.sum).or_insert(group);
            if better(group, known).is_gt() {
                *known = group;
            }
        }
        let mut best: Vec<&Group> = best.into_values().collect();
        let likely = |group: &Group| {
            let share = group.words as f64 / self.words.max(1) as f64;
            group.worth * (0.05 + share) * (1.0 + group.members as f64).ln() * (1.0 - 0.7 * group.nested)
        };
        best.sort_by(|one, other| likely(other).total_cmp(&likely(one)).then_with(|| one.css.cmp(&other.css)));
        best.into_iter().take(most)
    }

    /// Bytes of text in an element.
    pub fn words_in(&self, element: ElementRef) -> usize {
        self.words_of.get(&element.id()).copied().unwrap_or_default()
    }

    fn walk(&mut self, page: &'a Html) -> Vec<Group<'a>> {
        let mut found: HashMap<String, Group<'a>> = HashMap::new();
        let mut open: Vec<Open<'a>> = Vec::new();
        let mut hidden = 0_usize;
        for edge in page.root_element().traverse() {
            match edge {
                Edge::Open(node) => match node.value() {
                    Node::Element(_) => {
                        let Some(element) = ElementRef::wrap(node) else { continue };
                        if hidden > 0 || unseen(element) {
                            hidden += 1;
                            continue;
                        }
                        let own = if self.timed { times(element) } else { Vec::new() };
                        open.push(Open { element, times: !own.is_empty(), words: 0, wraps: false, children: Vec::new() });
                        if !own.is_empty() {
                            self.times.insert(element.id(), own);
                        }
                    }
                    Node::Text(text) if hidden == 0 => {
                        if let Some(within) = open.last_mut() {
                            within.words += text.trim().len();
                        }
                    }
                    _ => {}
                },
                Edge::Close(node) if node.value().is_element() => {
                    if hidden > 0 {
                        hidden -= 1;
                    } else if let Some(closed) = open.pop() {
                        self.close(closed, open.last_mut(), &mut found);
                    }
                }
                Edge::Close(_) => {}
            }
        }
        found.into_values().filter(|group| group.members >= 2).collect()
    }

    fn close(&mut self, mut closed: Open<'a>, parent: Option<&mut Open<'a>>, found: &mut HashMap<String, Group<'a>>) {
        closed.wraps |= group(&closed, found);
        self.words_of.insert(closed.element.id(), closed.words);
        let Some(parent) = parent else {
            self.words = closed.words;
            return;
        };
        parent.words += closed.words;
        parent.wraps |= closed.wraps;
        parent.times |= closed.times;
        if closed.times || (!self.timed && closed.words >= WORDY) {
            parent.children.push(Child { element: closed.element, words: closed.words, wraps: closed.wraps });
        }
    }
}

/// Puts the children of an element into the groups they belong to; answers whether that makes it the holder of entries.
fn group<'a>(parent: &Open<'a>, found: &mut HashMap<String, Group<'a>>) -> bool {
    if parent.children.len() < 2 {
        return false;
    }
    let mut own: HashMap<String, Group<'a>> = HashMap::new();
    for child in &parent.children {
        for (depth, element) in wrapped(child.element).enumerate() {
            for name in names(element) {
                let group = own.entry(name.css).or_insert_with_key(|css| Group {
                    css: css.clone(),
                    worth: name.worth,
                    members: 0,
                    nested: 0.0,
                    parent: Some(parent.element),
                    direct: depth == 0,
                    words: 0,
                    wrapping: 0,
                    sum: 0,
                });
                group.members += 1;
                group.words += child.words;
                group.wrapping += usize::from(child.wraps);
                group.sum = group.sum.wrapping_add(hash(element.id()));
            }
        }
    }
    own.retain(|_, group| group.members >= 2);
    let holds = own.values().any(|group| group.members >= 3 && group.worth >= 0.5);
    for (css, group) in own {
        match found.get_mut(&css) {
            None => {
                let nested = group.wrapping as f64 / group.members as f64;
                found.insert(css, Group { nested, ..group });
            }
            Some(known) => {
                known.members += group.members;
                known.words += group.words;
                known.wrapping += group.wrapping;
                known.nested = known.wrapping as f64 / known.members as f64;
                known.sum = known.sum.wrapping_add(group.sum);
                known.parent = None;
            }
        }
    }
    holds
}

/// An element, and those inside it that are each alone in the other: an entry in wrappers.
fn wrapped(element: ElementRef) -> impl Iterator<Item = ElementRef> {
    std::iter::successors(Some(element), |element| only_child(*element)).take(WRAPPERS)
}

fn only_child(element: ElementRef) -> Option<ElementRef> {
    let mut inner = element.children().filter_map(ElementRef::wrap);
    inner.next().filter(|_| inner.next().is_none())
}

fn hash(id: NodeId) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}
