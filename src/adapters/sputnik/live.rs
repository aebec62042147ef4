//! Entries of a live page found by their times alone, whatever the markup around them is called.

use crate::css;
use crate::html::{self, ElementRef, Html, Node, NodeId, NodeRef};
use crate::model::{Origin, Problem, ProblemCode};
use crate::time::{self, Printed, Reading};
use std::collections::HashMap;

/// One entry as found: its time, and the nodes it runs over.
pub(super) struct Found<'a> {
    pub reading: Reading,
    pub problems: Vec<Problem>,
    /// The element whose whole text is the time.
    pub time: NodeId,
    /// The entry's nodes in order, the time among them.
    pub nodes: Vec<NodeRef<'a, Node>>,
}

impl<'a> Found<'a> {
    /// The lines a reader sees in the entry: its innermost blocks with their text, the time left out.
    pub fn lines<'b>(&'b self, parents: &'b mut Parents) -> impl Iterator<Item = (ElementRef<'a>, String)> + 'b {
        self.nodes
            .iter()
            .flat_map(|node| node.descendants())
            .filter_map(ElementRef::wrap)
            .filter(|element| element.id() != self.time && element.ancestors().all(|above| above.id() != self.time))
            .filter(|element| parents.is_line(*element))
            .map(|element| (element, html::text_of(element)))
            .filter(|(_, line)| !line.is_empty())
    }
}

/// Elements that stand inside a line.
const INLINE: [&str; 12] = ["a", "b", "strong", "i", "em", "u", "s", "br", "sub", "sup", "time", "small"];

fn inline(node: NodeRef<'_, Node>) -> bool {
    match node.value() {
        Node::Element(inner) => INLINE.contains(&inner.name()),
        _ => true,
    }
}

fn words(node: NodeRef<'_, Node>) -> bool {
    matches!(node.value(), Node::Text(text) if !text.trim().is_empty())
}

/// What was found of elements by looking at all of their children: thousands of entries may have one parent.
#[derive(Default)]
pub(super) struct Parents(HashMap<NodeId, Parent>);

#[derive(Clone, Copy)]
struct Parent {
    has_words: bool,
    is_inline: bool,
}

impl Parents {
    /// Whether an element holds a line of its own: words directly in it or in inline elements, and no block. An inline
    /// element is a line only where it has no words beside it.
    fn is_line(&mut self, element: ElementRef) -> bool {
        let name = element.value().name();
        if matches!(name, "script" | "style" | "br" | "img") {
            return false;
        }
        let own = element.descendants().skip(1).all(inline) && element.descendants().any(words);
        own && element.parent().and_then(ElementRef::wrap).is_none_or(|parent| {
            let found = self.0.entry(parent.id()).or_insert_with(|| Parent {
                has_words: parent.children().any(words),
                is_inline: parent.children().all(inline),
            });
            !(found.has_words || (found.is_inline && INLINE.contains(&name)))
        })
    }
}

/// The entries of a live page, in page order; `None` where the page is not one.
pub(super) fn entries(page: &Html) -> Option<Vec<Found<'_>>> {
    let times = times(page);
    let told_live = || {
        let words = ["Being updated", "New first", "Old first"];
        html::first(page, css!("body")).is_some_and(|body| body.text().any(|text| words.contains(&text.trim())))
    };
    // One time is the date line of an article, unless the page says that it is live.
    if times.is_empty() || (times.len() == 1 && !told_live()) {
        return None;
    }
    let root = page.tree.root();
    let mut found = Vec::new();
    group(root, &times, &mut found);
    // A page that says it is live and shows one time has one entry; two or more times that make no list are not entries.
    (!found.is_empty() && (found.len() > 1 || told_live())).then_some(found)
}

/// An element whose whole text is a time with its date, or that carries a Unix second.
struct Time<'a> {
    element: ElementRef<'a>,
    reading: Reading,
    problems: Vec<Problem>,
}

fn times(page: &Html) -> Vec<Time<'_>> {
    let mut times: Vec<Time> = Vec::new();
    for element in page.root_element().descendants().filter_map(ElementRef::wrap) {
        // The outermost element of one and the same text stands for it.
        if times.last().is_some_and(|last| element.ancestors().any(|above| above.id() == last.element.id())) {
            continue;
        }
        let Some(text) = html::short_text_of(element, 40) else { continue };
        if !text.as_bytes().first().is_some_and(u8::is_ascii_digit) || !super::is_time(&text, false) {
            continue;
        }
        let (reading, problems) = read(element, &text);
        times.push(Time { element, reading, problems });
    }
    times
}

/// `data-unixtime`, on the time or inside it, wins over the text: it has the seconds.
fn read(element: ElementRef, text: &str) -> (Reading, Vec<Problem>) {
    let attribute = element
        .attr("data-unixtime")
        .or_else(|| element.descendants().filter_map(ElementRef::wrap).find_map(|inner| inner.attr("data-unixtime")));
    let printed = Reading::of(text, Origin::Text);
    let Some(Printed::Instant { at, precision }) = attribute.and_then(time::epoch) else { return (printed, Vec::new()) };
    let mut problems = Vec::new();
    if let Some(Printed::Wall { wall, .. }) = &printed.printed
        && (at - wall.and_utc()).abs() >= chrono::TimeDelta::minutes(1)
    {
        let message =
            format!("`{text}` is printed beside data-unixtime {}: the attribute is taken", at.format("%Y-%m-%dT%H:%M:%SZ"));
        problems.push(Problem::new(ProblemCode::TimeConflict, message));
    }
    let reading = Reading { printed: Some(Printed::Instant { at, precision }), origin: Origin::Attribute, ..printed };
    (reading, problems)
}

/// A Unix second in an attribute.
pub(super) fn unix(text: &str) -> Reading {
    Reading { printed: time::epoch(text), ..Reading::of(text, Origin::Attribute) }
}

/// Splits what lies below `top` into entries: where each of its children holds at most one time, an entry runs from the
/// child with its time to the one with the next; where a child holds several, the list is further down.
fn group<'a>(top: NodeRef<'a, Node>, times: &[Time<'a>], found: &mut Vec<Found<'a>>) {
    let depth = top.ancestors().count();
    let child_of = |time: &Time<'a>| -> Option<NodeRef<'a, Node>> {
        let mut line: Vec<NodeRef<'a, Node>> = time.element.ancestors().collect();
        line.reverse();
        line.push(*time.element);
        line.get(depth + 1).copied()
    };
    let mut runs: Vec<(NodeRef<'a, Node>, Vec<&Time<'a>>)> = Vec::new();
    for time in times {
        let Some(child) = child_of(time) else { continue };
        match runs.last_mut() {
            Some((last, run)) if last.id() == child.id() => run.push(time),
            _ => runs.push((child, vec![time])),
        }
    }
    if runs.iter().any(|(_, run)| run.len() > 1) {
        let looks = Looks::of(times);
        let most = runs.iter().map(|(_, run)| run.len()).max().unwrap_or_default();
        for (child, run) in runs {
            // Lists by day lie side by side; a lone time beside a list is the page's own.
            if run.len() > 1 || most <= 1 || looks.like_most(run[0]) {
                let below: Vec<Time<'a>> = run.into_iter().map(Time::again).collect();
                if below.len() == 1 { found.push(whole(child, &below[0])) } else { group(child, &below, found) }
            }
        }
        return;
    }
    let wrapped = runs.iter().all(|(child, run)| child.id() != run[0].element.id());
    for (index, (child, run)) in runs.iter().enumerate() {
        let next = runs.get(index + 1).map(|(next, _)| next.id());
        // The last entry in a wrapper of its own ends with it; in a flat list it runs to the end of the list.
        let last = next.is_none() && wrapped;
        let nodes: Vec<NodeRef<'a, Node>> = if last {
            vec![*child]
        } else {
            std::iter::once(*child).chain(child.next_siblings().take_while(|node| Some(node.id()) != next)).collect()
        };
        found.push(Found { nodes, ..whole(*child, run[0]) });
    }
}

fn whole<'a>(child: NodeRef<'a, Node>, time: &Time<'a>) -> Found<'a> {
    Found { reading: time.reading.clone(), problems: time.problems.clone(), time: time.element.id(), nodes: vec![child] }
}

/// How times are marked up: element and class, of each and of what it stands in.
struct Looks<'a> {
    counts: HashMap<Look<'a>, usize>,
    all: usize,
}

type Class<'a> = (&'a str, Option<&'a str>);
type Look<'a> = (Class<'a>, Option<Class<'a>>);

impl<'a> Looks<'a> {
    fn of(times: &[Time<'a>]) -> Self {
        let mut counts = HashMap::new();
        times.iter().for_each(|time| *counts.entry(look(time)).or_default() += 1);
        Looks { counts, all: times.len() }
    }

    /// Whether a time is marked up as most of them are.
    fn like_most(&self, time: &Time<'a>) -> bool {
        self.counts.get(&look(time)).is_some_and(|count| *count * 2 > self.all)
    }
}

fn look<'a>(time: &Time<'a>) -> Look<'a> {
    let class = |element: ElementRef<'a>| (element.value().name(), element.attr("class"));
    (class(time.element), time.element.parent().and_then(ElementRef::wrap).map(class))
}

impl<'a> Time<'a> {
    fn again(&self) -> Time<'a> {
        Time { element: self.element, reading: self.reading.clone(), problems: self.problems.clone() }
    }
}
