//! Days of several newsrooms, with a person's word for what is one development; and how the measure of likeness does on them.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::Deserialize;
use tidings::story::{Evidence, Gist, Usual, WINDOW};

/// Days that the measure was fitted to, and days that it was checked with afterwards. The weight of names was lowered once after
/// the result of the check had been looked at, so that it is no proof of what the measure does on days nobody has seen.
pub const FITTED: [&str; 5] = ["crash", "dam", "election", "football", "unrest"];
pub const CHECKED: [&str; 2] = ["storm", "verdict"];

/// The outlets whose live blogs come with the program. Among them no pair may be wrong.
const SEEDED: [&str; 5] = ["sputnik", "independent", "dw", "meduza", "cgtn"];

/// Pairs of other outlets that it takes for one, and a person does not: that somebody is due to testify, and what she testified.
/// Named, so that no other one hides behind them.
const KNOWN_MISTAKES: [(&str, &str); 2] = [
    ("In New York, Dalton trial enters second week", "Meanwhile in New York: finance chief testifies against Dalton"),
    ("In New York, Dalton trial enters second week", "Dalton 'knew about hole of $8bn', court hears"),
];

/// A day's entries of several outlets.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Day {
    day: NaiveDate,
    #[serde(rename = "entry")]
    pub entries: Vec<Labelled>,
}

/// An entry, and what it tells of.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labelled {
    pub outlet: String,
    at: String,
    pub headline: String,
    pub body: String,
    pub story: Option<String>,
}

impl Labelled {
    fn gist(&self) -> Gist {
        Gist::of(Some(self.headline.as_str()).filter(|headline| !headline.is_empty()), &self.body)
    }

    /// Whether a person says that both tell of one development.
    pub fn is_same(&self, other: &Labelled) -> bool {
        self.story.is_some() && self.story == other.story && self.outlet != other.outlet
    }
}

impl Day {
    pub fn named(name: &str) -> Day {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/stories").join(name).with_extension("toml");
        let text = std::fs::read_to_string(&path).unwrap();
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub fn at(&self, entry: &Labelled) -> DateTime<Utc> {
        self.day.and_time(NaiveTime::parse_from_str(&entry.at, "%H:%M").unwrap()).and_utc()
    }

    /// All pairs of different outlets within the window.
    pub fn pairs(&self) -> Vec<(usize, usize)> {
        let all = (0..self.entries.len()).flat_map(|a| (a + 1..self.entries.len()).map(move |b| (a, b)));
        let near = |(a, b): &(usize, usize)| {
            let (one, other) = (&self.entries[*a], &self.entries[*b]);
            one.outlet != other.outlet && (self.at(one) - self.at(other)).abs() <= WINDOW
        };
        all.filter(near).collect()
    }
}

/// What was found of a day, or of several.
#[derive(Debug, Default)]
pub struct Counted {
    pub right: usize,
    pub missed: usize,
    pub apart: usize,
    pub wrong: BTreeSet<(String, String)>,
    pub seeded: Seeded,
}

/// The same of pairs of [`SEEDED`] outlets.
#[derive(Debug, Default)]
pub struct Seeded {
    right: usize,
    apart: usize,
    pub wrong: usize,
}

impl Counted {
    /// Notes one pair of a day.
    pub fn note(&mut self, one: &Labelled, other: &Labelled, taken: bool) {
        if [one, other].iter().all(|entry| SEEDED.contains(&entry.outlet.as_str())) {
            self.seeded.right += usize::from(one.is_same(other) && taken);
            self.seeded.apart += usize::from(!one.is_same(other));
            self.seeded.wrong += usize::from(!one.is_same(other) && taken);
        }
        match (one.is_same(other), taken) {
            (true, true) => self.right += 1,
            (true, false) => self.missed += 1,
            (false, false) => self.apart += 1,
            (false, true) => drop(self.wrong.insert((one.headline.clone(), other.headline.clone()))),
        }
    }

    /// Pairs that are wrong and not known to be.
    pub fn new_mistakes(&self) -> Vec<&(String, String)> {
        let known = |pair: &&(String, String)| KNOWN_MISTAKES.contains(&(pair.0.as_str(), pair.1.as_str()));
        self.wrong.iter().filter(|pair| !known(pair)).collect()
    }

    pub fn recall(&self) -> f64 {
        self.right as f64 / (self.right + self.missed) as f64
    }
}

/// What the measure says of each pair, with the whole day around it.
fn measured(days: &[&str]) -> Counted {
    let mut counted = Counted::default();
    for day in days.iter().map(|name| Day::named(name)) {
        let gists: Vec<Gist> = day.entries.iter().map(Labelled::gist).collect();
        let usual = |outlet: Option<&str>| {
            let mut usual = Usual::default();
            let own = day.entries.iter().zip(&gists).filter(|(entry, _)| outlet.is_none_or(|outlet| outlet == entry.outlet));
            own.for_each(|(_, gist)| usual.add(gist));
            usual
        };
        let around = usual(None);
        let topics: Vec<HashSet<String>> =
            day.entries.iter().map(|entry| usual(Some(&entry.outlet)).said_all_the_time()).collect();
        for (a, b) in day.pairs() {
            let evidence = Evidence::of(&gists[a], &gists[b], &around, [&topics[a], &topics[b]]);
            let back = Evidence::of(&gists[b], &gists[a], &around, [&topics[b], &topics[a]]);
            assert_eq!(evidence.is_same(), back.is_same(), "it does not matter which comes first");
            let keys = gists[b].keys();
            let found = gists[a].keys().iter().any(|key| keys.contains(key));
            counted.note(&day.entries[a], &day.entries[b], evidence.is_same() && found);
        }
    }
    counted
}

#[test]
fn pairs_are_found_and_none_is_wrong() {
    let fitted = measured(&FITTED);
    let checked = measured(&CHECKED);
    println!("fitted {fitted:?}, checked {checked:?}");
    assert!(fitted.wrong.is_empty(), "{:?}", fitted.wrong);
    assert!(fitted.recall() >= 0.85, "{fitted:?}");
    assert!(checked.new_mistakes().is_empty(), "{:?}", checked.new_mistakes());
    assert!(checked.recall() >= 0.6, "{checked:?}");
    assert!(fitted.apart + checked.apart > 900, "there is something to get wrong");
    assert_eq!(fitted.seeded.wrong + checked.seeded.wrong, 0);
    assert!(fitted.seeded.apart + checked.seeded.apart > 100, "{:?} {:?}", fitted.seeded, checked.seeded);
    assert!(fitted.seeded.right + checked.seeded.right > 10, "{:?} {:?}", fitted.seeded, checked.seeded);
}

/// Across the days nothing is the same, whatever hour it bears.
#[test]
fn nothing_is_the_same_on_two_days() {
    let days: Vec<Day> = FITTED.iter().chain(&CHECKED).map(|name| Day::named(name)).collect();
    let all: Vec<(usize, &Labelled, Gist)> = days
        .iter()
        .enumerate()
        .flat_map(|(day, of)| of.entries.iter().map(move |entry| (day, entry, entry.gist())))
        .collect();
    // With nothing known of what is said around, everything weighs all that it can.
    let (around, topic) = (Usual::default(), HashSet::new());
    for (nth, (day, one, gist)) in all.iter().enumerate() {
        for (_, other, their) in all[nth + 1..].iter().filter(|(other, ..)| other != day) {
            let evidence = Evidence::of(gist, their, &around, [&topic, &topic]);
            assert!(!evidence.is_same(), "{} / {}: {evidence:?}", one.headline, other.headline);
        }
    }
}
