//! A made-up newsroom: what it tells, edits, takes back and pins, and its page as it stands at each step, in the shape of an
//! outlet that gives ids (the Guardian's) and of one that gives none (Sputnik's, as markup and as a text capture).

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use proptest::prelude::*;
use tidings::page::{Captured, Page};

/// What kind of outlet it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Ids of its own, seconds, a pinned repeat on top, a link to older pages.
    Ids,
    /// Neither; minutes, a page that may turn around, and older entries that fall off it without a word.
    Minutes,
}

/// One entry and all that happens to it.
#[derive(Debug, Clone)]
pub struct Told {
    /// What is always in its text, and in no other's.
    pub token: String,
    pub at: DateTime<Utc>,
    /// The steps from which on it says so.
    pub says: Vec<(usize, Words)>,
    pub gone: Option<(usize, usize)>,
    pub pinned: Option<(usize, usize)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    pub headline: String,
    pub body: String,
}

impl Told {
    pub fn says(&self, step: usize) -> Option<&Words> {
        self.says.iter().rev().find(|(from, _)| *from <= step).map(|(_, words)| words).filter(|_| !within(self.gone, step))
    }

    fn is_pinned(&self, step: usize) -> bool {
        within(self.pinned, step)
    }

    fn id(&self) -> String {
        let number: String = self.token.chars().filter(char::is_ascii_digit).collect();
        format!("block-{:08x}{number:0>16}", self.at.timestamp())
    }
}

/// All that there is to read, in all its steps.
#[derive(Debug, Clone)]
pub struct Newsroom {
    pub shape: Shape,
    /// Oldest first.
    pub told: Vec<Told>,
    pub steps: usize,
    /// How many entries the page shows at each step.
    windows: Vec<usize>,
    /// Whether the page runs oldest first, and whether it is read as a text capture.
    turned: Vec<bool>,
    plain: Vec<bool>,
}

const EVERYTHING: usize = usize::MAX;

/// When the page is captured at a step.
pub fn captured(step: usize) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2024, 6, 18, 9, 0, 0).unwrap() + TimeDelta::minutes(20 * step as i64)
}

impl Newsroom {
    /// One that goes this way, for as many steps as there are windows; each page is markup, and whole where none is said.
    pub fn of(shape: Shape, told: Vec<Told>, windows: &[Option<usize>]) -> Newsroom {
        let steps = windows.len();
        let windows = windows.iter().map(|window| window.unwrap_or(EVERYTHING)).collect();
        Newsroom { shape, told, steps, windows, turned: vec![false; steps], plain: vec![false; steps] }
    }

    /// The entries on the page, newest first.
    pub fn shown(&self, step: usize) -> Vec<&Told> {
        let standing = self.told.iter().rev().filter(|told| told.says(step).is_some());
        standing.take(self.windows[step]).collect()
    }

    pub fn is_plain(&self, step: usize) -> bool {
        self.shape == Shape::Minutes && self.plain[step]
    }

    pub fn page(&self, step: usize) -> Page {
        let (url, body) = match self.shape {
            Shape::Ids => (GUARDIAN, self.guardian(step)),
            Shape::Minutes if self.plain[step] => (SPUTNIK, self.sputnik_text(step)),
            Shape::Minutes => (SPUTNIK, self.sputnik(step)),
        };
        let media_type = if self.is_plain(step) { "text/plain" } else { "text/html" };
        Page {
            body: body.into_bytes(),
            url: Some(url.parse().unwrap()),
            content_type: Some(format!("{media_type}; charset=utf-8")),
            captured: Captured::At(captured(step)),
        }
    }

    fn guardian(&self, step: usize) -> String {
        let shown = self.shown(step);
        let article = |told: &Told, repeat: bool| {
            let (words, id) = (told.says(step).unwrap(), told.id());
            let time = format!("<time datetime=\"{}\">{}m ago</time>", told.at.format("%Y-%m-%dT%H:%M:%S.000Z"), step * 20);
            let (own, time) = if repeat { (String::new(), String::new()) } else { (format!("id=\"{id}\""), time) };
            format!(
                "<article {own} class=\"dcr-{step}\"><header><a href=\"{GUARDIAN}?page=with:{id}#{id}\">{time}<span>{}</span></a>\
                 <h2>{}</h2></header><p class=\"x{step}\">{}</p></article>\n",
                (told.at + TimeDelta::hours(1)).format("%H.%M BST"),
                words.headline,
                words.body
            )
        };
        let pinned = self.told.iter().rev().find(|told| told.is_pinned(step) && told.says(step).is_some());
        let repeat = pinned.map_or(String::new(), |told| format!("<div id=\"pinned-post\">{}</div>", article(told, true)));
        let events = pinned.map_or(String::new(), |told| {
            let (id, at) = (told.id(), told.at.timestamp_millis());
            let event = format!("{{\"id\":\"{}\",\"attributes\":{{}},\"blockFirstPublished\":{at}}}", &id[6..]);
            let props = format!("{{\"keyEvents\":[{event}]}}").replace('"', "&quot;");
            format!("<gu-island name=\"KeyEventsCarousel\" props=\"{props}\"></gu-island>")
        });
        let older = if self.windows[step] < self.told.iter().filter(|told| told.says(step).is_some()).count() {
            "<nav id=\"liveblog-navigation\"><a href=\"?page=with:block-0\">Next</a></nav>"
        } else {
            ""
        };
        let entries: String = shown.iter().map(|told| article(told, false)).collect();
        format!(
            "<!doctype html><html lang=\"en\"><head><link rel=\"canonical\" href=\"{GUARDIAN}\"></head><body><h1>The dam</h1>\
             <div id=\"liveblog-body\">{repeat}{events}{entries}</div>{older}</body></html>"
        )
    }

    fn in_page_order(&self, step: usize) -> Vec<&Told> {
        let mut shown = self.shown(step);
        if self.turned[step] {
            shown.reverse();
        }
        shown
    }

    fn sputnik(&self, step: usize) -> String {
        let entry = |told: &&Told| {
            let words = told.says(step).unwrap();
            let at = told.at.format("%H:%M GMT %d.%m.%Y");
            let body = if words.body.is_empty() { String::new() } else { format!("<p>{}</p>", words.body) };
            format!("<div class=\"t{step}\">{at}</div><div class=\"h\">{}</div><div>{body}</div>\n", words.headline)
        };
        let entries: String = self.in_page_order(step).iter().map(entry).collect();
        format!(
            "<!doctype html><html lang=\"en\"><head><link rel=\"canonical\" href=\"{SPUTNIK}\"></head><body>\
             <h1>LIVE UPDATES: The Dam</h1><div>Being updated</div><div>{entries}</div></body></html>"
        )
    }

    fn sputnik_text(&self, step: usize) -> String {
        let entry = |told: &&Told| {
            let words = told.says(step).unwrap();
            format!("{}\n{}\n{}\n", told.at.format("%H:%M GMT %d.%m.%Y"), words.headline, words.body)
        };
        let entries: String = self.in_page_order(step).iter().map(entry).collect();
        format!(
            "- Sputnik International, 1920, 18.06.2024\nDams\n\nLIVE UPDATES: The Dam\n\nOur coverage goes on below!\nNew firstOld first\n{entries}"
        )
    }
}

const GUARDIAN: &str = "https://www.theguardian.com/uk-news/live/2024/jun/18/the-dam-live";
const SPUTNIK: &str = "https://sputniknews.com/20240618/live-updates-the-dam-1120000001.html";

/// How an entry is edited.
#[derive(Debug, Clone, Copy)]
enum Edit {
    Word,
    Figure,
    Headline,
    /// Nothing stays but what it is about.
    Rewritten,
}

#[derive(Debug, Clone)]
struct Draft {
    step: usize,
    minute: i64,
    second: i64,
    short: bool,
    twin: bool,
    edits: Vec<(usize, Edit)>,
    gone: Option<(usize, usize)>,
    pinned: Option<(usize, usize)>,
}

const NOUNS: [&str; 12] = [
    "ferry",
    "harbour",
    "valley",
    "reservoir",
    "school",
    "engineer",
    "helicopter",
    "bridge",
    "shop",
    "crew",
    "wall",
    "family",
];
const VERBS: [&str; 8] = ["waits", "closes", "opens", "rises", "turns", "leaves", "holds", "falls"];

/// A text of its own for each entry, different words in nearly every place.
fn words(number: usize, token: &str, short: bool, boilerplate: bool) -> Words {
    let noun = |salt: usize| NOUNS[(number * 7 + salt * 5) % NOUNS.len()];
    let verb = |salt: usize| VERBS[(number * 3 + salt) % VERBS.len()];
    let prefix = if boilerplate { "Follow Us Live From the Dam With Our Team " } else { "" };
    if short {
        return Words { headline: format!("{prefix}Goal {token}"), body: String::new() };
    }
    let (one, two, three, four, people) = (noun(1), noun(2), noun(3), noun(4), 10 + number);
    // Sentences that share few words, as those of two entries do.
    let body = match number % 4 {
        0 => format!("The {one} {} beside the {two}, {token} says, and {people} people saw how a {three} turned.", verb(1)),
        1 => {
            format!("Nobody at our {one} knows {token} yet; {people} people saw it near this {two} when your {three} left.")
        }
        2 => format!(
            "{token}: with {people} people saw his {one} drift towards an old {two}, which {} under some {three}.",
            verb(2)
        ),
        _ => format!(
            "After noon, {people} people saw {token} from that {one}. Two {two}s {}. One {three}, they think.",
            verb(3)
        ),
    };
    let body = format!("{body} {}", ["A", "Any", "No", "Their"][number % 4].to_owned() + " " + four + " " + verb(4) + ".");
    Words {
        headline: format!(
            "{prefix}{token} {} {}",
            ["News of the", "Look at a", "Where is our", "One more"][number % 4],
            noun(0)
        ),
        body,
    }
}

impl Words {
    fn edited(&self, edit: Edit, count: usize) -> Words {
        let Words { headline, body } = self.clone();
        match edit {
            Edit::Word => Words { headline, body: body.replace("people saw", ["onlookers saw", "people see"][count % 2]) },
            Edit::Figure => Words { headline, body: body.replace(" people", &format!("{} people", count % 9)) },
            Edit::Headline => Words { headline: format!("{headline} Again"), body },
            Edit::Rewritten => {
                let token = headline.split(' ').find(|word| word.starts_with("Boat")).unwrap_or_default();
                Words { headline: format!("Correction for {token}"), body: "Nothing of this was so.".into() }
            }
        }
    }
}

fn drafts(steps: usize) -> impl Strategy<Value = Vec<Draft>> {
    let edit = prop_oneof![Just(Edit::Word), Just(Edit::Figure), Just(Edit::Headline), Just(Edit::Rewritten)];
    let span = || (0..steps, 1..steps).prop_map(move |(from, length)| (from, from + length));
    let draft = (
        0..steps,
        0..6i64,
        0..60i64,
        prop::bool::weighted(0.25),
        prop::bool::weighted(0.1),
        prop::collection::vec((0..steps, edit), 0..3),
        prop::option::weighted(0.25, span()),
        prop::option::weighted(0.15, span()),
    );
    let draft = draft.prop_map(|(step, minute, second, short, twin, edits, gone, pinned)| {
        let edits = if short { Vec::new() } else { edits };
        Draft { step, minute, second, short, twin: twin && short, edits, gone, pinned }
    });
    prop::collection::vec(draft, 4..14)
}

pub fn newsrooms() -> impl Strategy<Value = Newsroom> {
    (3..8usize).prop_flat_map(|steps| {
        let windows = prop::collection::vec(prop_oneof![2 => Just(EVERYTHING), 1 => 2..8usize], steps);
        let flags = || prop::collection::vec(any::<bool>(), steps);
        let shape = prop_oneof![Just(Shape::Ids), Just(Shape::Minutes)];
        (shape, drafts(steps), windows, flags(), flags(), prop::bool::weighted(0.3)).prop_map(
            move |(shape, drafts, mut windows, turned, mut plain, boilerplate)| {
                // The truth in the end is the whole page, and not a copy of its text: what that says otherwise than the
                // page by a few words is no edit.
                windows[steps - 1] = EVERYTHING;
                plain[steps - 1] = false;
                let told = told(drafts, shape, boilerplate, &windows);
                Newsroom { shape, told, steps, windows, turned, plain }
            },
        )
    })
}

fn told(mut drafts: Vec<Draft>, shape: Shape, boilerplate: bool, windows: &[usize]) -> Vec<Told> {
    // Published in the minutes before the capture that shows it first.
    drafts.sort_by_key(|draft| (draft.step, draft.minute, draft.second));
    let alone =
        |draft: &Draft| drafts.iter().filter(|other| (other.step, other.minute) == (draft.step, draft.minute)).count() == 1;
    let gone = gone(&drafts, shape);
    // Where a page is cut, others of its oldest minute may have stood; that it is the only one of it says nothing then.
    let at_an_edge = |draft: &Draft| {
        let begins = |step: usize| {
            let stands = |(other, gone): &(&Draft, &Option<(usize, usize)>)| other.step <= step && !within(**gone, step);
            let mut standing = drafts.iter().zip(&gone).rev().filter(stands).flat_map(|(other, _)| {
                std::iter::repeat_n(other, if other.twin && shape == Shape::Minutes { 2 } else { 1 })
            });
            standing.nth(windows[step].saturating_sub(1)).map(|oldest| (oldest.step, oldest.minute))
        };
        (draft.step..windows.len()).any(|step| begins(step) == Some((draft.step, draft.minute)))
    };
    let mut told = Vec::new();
    for (number, draft) in drafts.iter().enumerate() {
        let token = format!("Boat{number}");
        let at = captured(draft.step) - TimeDelta::minutes(7 - draft.minute) + TimeDelta::seconds(draft.second);
        let mut says = vec![(draft.step, words(number, &token, draft.short, boilerplate))];
        for (count, (later, edit)) in draft.edits.iter().enumerate() {
            let step = says[says.len() - 1].0 + 1 + later;
            // Where keys are derived, what is wholly rewritten is known by its place alone.
            let edit = match edit {
                Edit::Rewritten if shape == Shape::Minutes && (!alone(draft) || at_an_edge(draft)) => Edit::Word,
                edit => *edit,
            };
            let words = says[says.len() - 1].1.edited(edit, count + number);
            says.push((step, words));
        }
        let one = Told { token, at, says, gone: gone[number], pinned: draft.pinned.filter(|_| shape == Shape::Ids) };
        if draft.twin && shape == Shape::Minutes {
            told.push(Told { gone: None, ..one.clone() });
        }
        told.push(one);
    }
    told
}

/// From when until when each is gone from the page.
fn gone(drafts: &[Draft], shape: Shape) -> Vec<Option<(usize, usize)>> {
    let mut taken_back = 0;
    let mut minutes = HashSet::new();
    let last = drafts.len() - 1;
    let spans = drafts.iter().enumerate().map(|(number, draft)| {
        // What stands first or last has nothing beyond it that could show its absence; more than a few at once is a page
        // that was read badly.
        let inner = 0 < number && number < last;
        let gone = draft.gone.map(|(from, until)| (from.max(draft.step + 1), until.max(draft.step + 2)));
        // Nor can anything tell two entries that have nothing but their minute, and each of which stands while the other is gone,
        // from one that was rewritten.
        let other = shape == Shape::Minutes && minutes.contains(&(draft.step, draft.minute));
        let gone = gone.filter(|_| inner && !other && taken_back < 3);
        if gone.is_some() {
            minutes.insert((draft.step, draft.minute));
        }
        taken_back += usize::from(gone.is_some());
        gone
    });
    spans.collect()
}

fn within(span: Option<(usize, usize)>, step: usize) -> bool {
    span.is_some_and(|(from, until)| (from..until).contains(&step))
}
