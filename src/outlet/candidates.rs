//! Which repeated elements of a page may be its entries: what a person who describes an outlet would look for.
//!
//! Entries stand beside each other, look alike to CSS, and each holds a time. The page is walked once for elements that do,
//! and a bounded number of selectors is then tried out for real, so that what is told of one is what a config would find.

mod groups;
mod told;

pub use told::ReadsAs;

use crate::html::{Css, ElementRef, Html, Node, NodeId, short_text_of};
use groups::{Group, Groups};
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use told::{Told, best_name};

/// Candidates told of at most.
const MOST: usize = 20;
/// Groups whose selectors are tried out.
const TRIED: usize = 30;
/// The share of a group that has to hold a time: of the paragraphs that make up entries, only the first of each does.
const LEAST_PURITY: f64 = 0.2;
/// Times of an entry told of at most.
const MOST_TIMES: usize = 4;

/// Different places of a time that are counted in one group.
const MOST_FIELDS: usize = 200;

/// Repeated elements that look like entries.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    /// A selector of them: `entry` in an `[[outlet]]` table.
    pub entry: String,
    /// How many elements it matches.
    pub count: usize,
    /// In how many of them a time stands.
    pub with_time: usize,
    /// Where: the likeliest first. Which of them is the time of publication, the page's reader has to say.
    pub times: Vec<TimeField>,
    /// A selector of the headline in most of them.
    pub headline: Option<String>,
    /// The headline of the first that has one.
    pub sample_headline: Option<String>,
    /// How the first of them begins.
    pub begins: String,
}

/// Where in an entry a time stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimeField {
    /// `published` in an `[[outlet]]` table: a selector, `@` and an attribute, or both.
    pub published: String,
    /// In how many of the entries.
    pub entries: usize,
    /// The first of them, as printed.
    pub printed: String,
    /// What that says.
    pub reads_as: ReadsAs,
}

/// Repeated elements that look like entries, the likeliest first.
///
/// The walk is linear in the page; a selector that is tried out costs about as much as one of a config.
pub fn candidates(page: &Html) -> Vec<Candidate> {
    let groups = Groups::of(page);
    let mut tried: Vec<(f64, Vec<NodeId>, Candidate)> = Vec::new();
    for group in groups.likeliest(TRIED) {
        tried.extend(try_out(page, group, &groups));
    }
    tried.sort_by(|(one, _, a), (other, _, b)| other.total_cmp(one).then_with(|| a.entry.cmp(&b.entry)));
    let mut kept: Vec<(Vec<NodeId>, Candidate)> = Vec::new();
    for (_, elements, candidate) in tried {
        if kept.len() < MOST && kept.iter().all(|(own, _)| *own != elements) {
            kept.push((elements, candidate));
        }
    }
    kept.into_iter().map(|(_, candidate)| candidate).collect()
}

/// The group as a config would select it: by its name alone, or, where that names other elements too, below its parent.
fn try_out(page: &Html, group: &Group, groups: &Groups) -> Option<(f64, Vec<NodeId>, Candidate)> {
    let mut selected = matches(page, &group.css);
    let fits =
        selected.as_ref().is_some_and(|(_, found)| found.len() * 4 <= group.members * 5 && found.len() >= group.members);
    if !fits && let Some(parent) = group.parent.and_then(best_name_of_parent) {
        let below = format!("{parent} {}{}", if group.direct { "> " } else { "" }, group.css);
        let narrow = matches(page, &below);
        let off = |found: &Option<(String, Vec<ElementRef>)>| {
            found.as_ref().map_or(usize::MAX, |(_, found)| found.len().abs_diff(group.members))
        };
        if off(&narrow) < off(&selected) {
            selected = narrow;
        }
    }
    let (entry, found) = selected.filter(|(_, found)| found.len() >= 2)?;
    let looked = Looked::at(&found, groups);
    let count = found.len();
    let purity = looked.with_time as f64 / count as f64;
    if groups.timed && purity < LEAST_PURITY {
        return None;
    }
    // Where no time can be made out at all, words have to do.
    let timed = if groups.timed { purity * purity } else { 0.1 };
    let worth = looked.times.first().map_or(0.5, |time| time.reads_as.worth());
    let share = looked.words as f64 / groups.words.max(1) as f64;
    let aside = found[0]
        .ancestors()
        .filter_map(ElementRef::wrap)
        .any(|above| matches!(above.value().name(), "nav" | "aside" | "footer" | "header"));
    let score = timed
        * worth
        * group.worth
        * (0.05 + share)
        * (1.0 + count as f64).ln()
        * (1.0 - 0.7 * group.nested)
        * if aside { 0.5 } else { 1.0 };
    let candidate = Candidate {
        entry,
        count,
        with_time: looked.with_time,
        times: looked.times,
        headline: looked.headline,
        sample_headline: looked.sample_headline,
        begins: looked.begins,
    };
    Some((score, found.iter().map(|element| element.id()).collect(), candidate))
}

fn matches<'a>(page: &'a Html, css: &str) -> Option<(String, Vec<ElementRef<'a>>)> {
    let found = Css::parse(css).ok()?.outermost(page.root_element());
    Some((css.to_owned(), found))
}

fn best_name_of_parent(parent: ElementRef) -> Option<String> {
    let id = parent.attr("id").filter(|id| told::is_lasting_id(id));
    id.map(|id| format!("#{id}")).or_else(|| best_name(parent))
}

/// What stands in a group of elements.
#[derive(Default)]
struct Looked {
    with_time: usize,
    times: Vec<TimeField>,
    headline: Option<String>,
    sample_headline: Option<String>,
    begins: String,
    /// Bytes of text.
    words: usize,
}

impl Looked {
    fn at(found: &[ElementRef], groups: &Groups) -> Looked {
        let mut looked = Looked::default();
        let mut fields: Vec<TimeField> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut headings: [usize; 6] = [0; 6];
        for element in found {
            let mut of_this: HashSet<String> = HashSet::new();
            let mut heading = None;
            for inner in element.descendants().filter_map(ElementRef::wrap) {
                for told in groups.times.get(&inner.id()).into_iter().flatten() {
                    let Some(field) = field(*element, inner, told).filter(|field| !of_this.contains(field)) else {
                        continue;
                    };
                    match places.get(&field) {
                        Some(place) => fields[*place].entries += 1,
                        // Names made by a machine may differ on every element.
                        None if fields.len() == MOST_FIELDS => {}
                        None => {
                            places.insert(field.clone(), fields.len());
                            let (printed, reads_as) = (told.printed.clone(), told.reads_as);
                            fields.push(TimeField { published: field.clone(), entries: 1, printed, reads_as });
                        }
                    }
                    of_this.insert(field);
                }
                if let ([b'h', level @ b'1'..=b'6'], None) = (inner.value().name().as_bytes(), &heading) {
                    heading = short_text_of(inner, 300).filter(|text| !text.is_empty()).map(|text| (level - b'1', text));
                }
            }
            looked.with_time += usize::from(!of_this.is_empty());
            if let Some((level, text)) = heading {
                headings[usize::from(level)] += 1;
                looked.sample_headline.get_or_insert(text);
            }
            looked.words += groups.words_in(*element);
        }
        looked.begins = found.first().map(|element| beginning(*element)).unwrap_or_default();
        let usual =
            (0..6).max_by_key(|level| (headings[*level], 6 - level)).filter(|level| headings[*level] * 3 >= found.len());
        looked.headline = usual.filter(|level| headings[*level] > 0).map(|level| format!("h{}", level + 1));
        // In an entry that carries several, the first that most entries have.
        fields.sort_by(|one, other| {
            let worth = |time: &TimeField| time.entries as f64 * time.reads_as.worth();
            worth(other).total_cmp(&worth(one))
        });
        fields.truncate(MOST_TIMES);
        looked.times = fields;
        looked
    }
}

/// How a config asks for a time in an entry.
fn field(entry: ElementRef, element: ElementRef, told: &Told) -> Option<String> {
    match (&told.attribute, element.id() == entry.id()) {
        (Some(attribute), true) => Some(format!("@{attribute}")),
        (Some(attribute), false) => Some(format!("{}@{attribute}", best_name(element)?)),
        (None, false) => best_name(element),
        (None, true) => None,
    }
}

/// The first words of an element.
fn beginning(element: ElementRef) -> String {
    let mut words = String::new();
    for node in element.descendants() {
        let hidden = node.parent().and_then(ElementRef::wrap).is_some_and(groups::unseen);
        if let Node::Text(text) = node.value()
            && !hidden
        {
            for word in text.split_whitespace() {
                if words.chars().count() >= 80 {
                    words.push('…');
                    return words;
                }
                if !words.is_empty() {
                    words.push(' ');
                }
                words.push_str(word);
            }
        }
    }
    crate::html::fold(&words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::{Limits, parse};

    fn found(body: &str) -> Vec<Candidate> {
        candidates(&parse(&format!("<!doctype html><body>{body}"), Limits::default()).unwrap())
    }

    fn entry(attributes: &str, minute: usize) -> String {
        format!(
            "<div {attributes}><time datetime='2024-01-21T19:{minute:02}:00Z'>19:{minute:02}</time><h3>Words {minute}</h3>\
             <p>Some more words of this entry, which are what a reader came for.</p></div>"
        )
    }

    fn entries(attributes: &str, count: usize) -> String {
        (0..count).map(|minute| entry(attributes, minute)).collect()
    }

    #[test]
    fn a_plain_list_of_entries() {
        let all = found(&entries("class='css-1x9ab2 update' id='u-17'", 4));
        let [candidate] = &all[..] else { panic!("{all:#?}") };
        assert_eq!((candidate.entry.as_str(), candidate.count, candidate.with_time), ("div.update", 4, 4));
        let time = &candidate.times[0];
        assert_eq!((time.published.as_str(), time.entries, time.reads_as), ("time@datetime", 4, ReadsAs::Instant));
        assert_eq!((candidate.times[1].published.as_str(), candidate.times[1].reads_as), ("time", ReadsAs::Clock));
        assert_eq!(candidate.headline.as_deref(), Some("h3"));
        assert_eq!(candidate.sample_headline.as_deref(), Some("Words 0"));
        assert!(candidate.begins.starts_with("19:00 Words 0 Some more"), "{}", candidate.begins);
    }

    /// What a person would be misled by: advertisements between, the list of key events, related links with a date.
    #[test]
    fn entries_come_before_what_only_looks_like_them() {
        let events: String = (0..9).map(|m| format!("<li class=event><time>19:0{m}</time> <a>What</a></li>")).collect();
        let related: String = (0..9).map(|d| format!("<li class=card><b>1{d} January 2024</b> Other</li>")).collect();
        let ad = "<div class=ad><p>Buy this and that, in words that are many enough.</p></div>";
        let page = format!(
            "<ul class=events>{events}</ul><main>{}{ad}{}{ad}{}</main><footer><ul>{related}</ul></footer>",
            entries("class='block live'", 3),
            entries("class='block key'", 1),
            entries("class='block live'", 3)
        );
        let all = found(&page);
        assert_eq!((all[0].entry.as_str(), all[0].count, all[0].with_time), ("div.block", 7, 7), "{all:#?}");
        let events = all.iter().position(|candidate| candidate.entry == "li.event").unwrap();
        assert!(all.iter().position(|candidate| candidate.entry == "li.card").is_none_or(|cards| cards > events));
    }

    /// A selector that fits elsewhere too is narrowed by its parent, and one in wrappers is found inside them.
    #[test]
    fn selectors_are_as_narrow_as_they_must_be() {
        let list: String = (0..3).map(|minute| format!("<li>{}</li>", entry("data-post", minute))).collect();
        let all = found(&format!("<ul><li>Home<li>News<li>Sport<li>Weather</ul><ol id=live>{list}</ol>"));
        let told: Vec<&str> = all.iter().map(|candidate| candidate.entry.as_str()).collect();
        assert_eq!(told, ["div[data-post]", "#live > li"]);
        assert!(all.iter().all(|candidate| (candidate.count, candidate.with_time) == (3, 3)));
    }

    #[test]
    fn entries_of_several_days_are_one_group() {
        let days = format!("<section>{}</section><section>{}</section>", entries("class=post", 3), entries("class=post", 5));
        let all = found(&days);
        assert_eq!((all[0].entry.as_str(), all[0].count), ("div.post", 8), "{all:#?}");
    }

    #[test]
    fn what_cannot_be_read_as_a_time_is_said_so_and_words_have_to_do_without_any() {
        let unread: String = (1..4).map(|m| format!("<p class=x><b class=h>2{m}h05</b> Words")).collect();
        let all = found(&unread);
        let time = &all[0].times[0];
        assert_eq!((time.published.as_str(), time.printed.as_str(), time.reads_as), ("b.h", "21h05", ReadsAs::Unread));

        let words = "Words and words and words, so that this is a paragraph that a newsroom may have written.";
        let all = found(&format!("<nav><a>One</a><a>Two</a></nav>{}", format!("<p class=x>{words}</p>").repeat(3)));
        assert_eq!((all[0].entry.as_str(), all[0].count, all[0].with_time), ("p.x", 3, 0), "{all:#?}");
        assert_eq!(found("<p>Nothing</p>"), []);
    }

    #[test]
    fn there_is_an_end_to_them() {
        let one = |n: usize| format!("<section class=s{n}>{}</section>", entries(&format!("class=c{n}"), 3));
        assert_eq!(found(&(0..60).map(one).collect::<String>()).len(), MOST);
        // Every attribute that a page makes up is a name of its own.
        let odd: String =
            (0..400).map(|n| format!("<p data-a{n}=b class='c{n} d'><i data-time=1705863900 id=x{n}></i>")).collect();
        let all = found(&odd);
        assert_eq!((all[0].entry.as_str(), all[0].count), ("p.d", 400));
    }
}
