//! Entries inside entries: what an end tag left out makes of a list. Each is read for itself, and none as a part of another:
//! hundreds inside each other would be hundreds of copies of the page.

use super::ElementRef;
use ego_tree::NodeId;
use std::collections::HashMap;

/// Which elements of a list stand inside which others.
#[derive(Debug, Default)]
pub struct Nested(HashMap<NodeId, Vec<NodeId>>);

impl Nested {
    /// Looks through elements that are given in page order.
    pub fn of<'a>(elements: impl IntoIterator<Item = ElementRef<'a>>) -> Self {
        let mut nested = Nested::default();
        let mut around: Vec<NodeId> = Vec::new();
        for element in elements {
            while around.last().is_some_and(|last| element.ancestors().all(|above| above.id() != *last)) {
                around.pop();
            }
            if let Some(outer) = around.last() {
                nested.0.entry(*outer).or_default().push(element.id());
            }
            around.push(element.id());
        }
        nested
    }

    /// The elements of the list inside one of them, those inside these left out.
    pub fn within(&self, element: ElementRef) -> &[NodeId] {
        self.0.get(&element.id()).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::css;
    use crate::html::{Limits, parse};

    #[test]
    fn each_element_is_told_of_the_ones_right_inside_it() {
        let markup = "<i id=a><b><i id=b></i><i id=c><i id=d></i></i></b></i><i id=e></i><p><i id=f><i id=g></i></i></p>";
        let page = parse(markup, Limits::default()).unwrap();
        let nested = Nested::of(page.select(css!("i")));
        let name =
            |id: &NodeId| page.tree.get(*id).and_then(ElementRef::wrap).and_then(|element| element.attr("id")).unwrap();
        let told: Vec<(&str, Vec<&str>)> =
            page.select(css!("i")).map(|i| (i.attr("id").unwrap(), nested.within(i).iter().map(name).collect())).collect();
        let none = Vec::new;
        assert_eq!(
            told,
            [
                ("a", vec!["b", "c"]),
                ("b", none()),
                ("c", vec!["d"]),
                ("d", none()),
                ("e", none()),
                ("f", vec!["g"]),
                ("g", none())
            ]
        );
    }
}
