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
    pub fn lines(&self) -> impl Iterator<Item = (ElementRef<'a>, String)> + '_ {
        self.nodes
            .iter()
            .flat_map(|node| node.descendants())
            .filter_map(ElementRef::wrap)
            .filter(|element| element.id() != self.time && element.ancestors().all(|above| above.id() != self.time))
            .filter(|element| is_line(*element))
            .map(|element| (element, html::text_of(element)))
            .filter(|(_, line)| !line.is_empty())
    }
}

/// Elements that stand inside a line.
const INLINE: [&str; 12] = ["a", "b", "strong", "i", "em", "u", "s", "br", "sub", "sup", "time", "small"];

/// Whether an element holds a line of its own: words directly in it or in inline elements, and no block. An inline element
/// is a line only where it has no words beside it.
fn is_line(element: ElementRef) -> bool {
    let inline = |node: NodeRef<'_, Node>| match node.value() {
        Node::Element(inner) => INLINE.contains(&inner.name()),
        _ => true,
    };
    let words = |node: NodeRef<'_, Node>| matches!(node.value(), Node::Text(text) if !text.trim().is_empty());
    let name = element.value().name();
    if matches!(name, "script" | "style" | "br" | "img") {
        return false;
    }
    let own = element.descendants().skip(1).all(inline) && element.descendants().any(words);
    let parent_is_line = element
        .parent()
        .and_then(ElementRef::wrap)
        .is_some_and(|parent| parent.children().any(words) || (parent.children().all(inline) && INLINE.contains(&name)));
    own && !parent_is_line
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
        let most = runs.iter().map(|(_, run)| run.len()).max().unwrap_or_default();
        for (child, run) in runs {
            // Lists by day lie side by side; a lone time beside a list is the page's own.
            if run.len() > 1 || most <= 1 || like_others(run[0], times) {
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

/// Whether a time is marked up as most of the page's times are.
fn like_others(time: &Time, times: &[Time]) -> bool {
    let looks = |time: &Time| {
        let class = |element: ElementRef| (element.value().name().to_owned(), element.attr("class").map(str::to_owned));
        (class(time.element), time.element.parent().and_then(ElementRef::wrap).map(class))
    };
    let mut counts: HashMap<_, usize> = HashMap::new();
    times.iter().for_each(|time| *counts.entry(looks(time)).or_default() += 1);
    counts.get(&looks(time)).is_some_and(|count| *count * 2 > times.len())
}

impl<'a> Time<'a> {
    fn again(&self) -> Time<'a> {
        Time { element: self.element, reading: self.reading.clone(), problems: self.problems.clone() }
    }
}
