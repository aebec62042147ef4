//! Whether two gists are of one development: how much of what they say they have in common, how rare that is, and whether anything
//! in them excludes it.

use std::collections::{HashMap, HashSet};

use super::gist::{Gist, Term};
use super::numbers::is_plain;
use super::words::Kind;

/// What is said around in the same hours, and what each of the live blogs says all the time: no evidence of anything.
#[derive(Debug, Clone, Default)]
pub struct Usual {
    entries: usize,
    counts: HashMap<String, usize>,
}

/// Entries that are taken to stand beside those that are known, so that in an empty store not everything is rare.
const PRIOR: f64 = 20.0;
/// A live blog says all the time what so many of its entries say, and one in so many.
const SAID_BY: usize = 4;
const ONE_IN: usize = 4;

impl Usual {
    /// Notes what one entry says.
    pub fn add(&mut self, gist: &Gist) {
        self.entries += 1;
        for stem in gist.stems() {
            match self.counts.get_mut(stem) {
                Some(count) => *count += 1,
                None => drop(self.counts.insert(stem.to_owned(), 1)),
            }
        }
    }

    /// How rare a stem is, from 0 to 1.
    fn rarity(&self, stem: &str) -> f64 {
        let all = self.entries as f64 + PRIOR;
        let count = self.counts.get(stem).copied().unwrap_or_default() as f64;
        ((all / (count + 1.0)).ln() / all.ln()).max(0.0)
    }

    /// Of what one live blog says: what it says all the time.
    pub fn said_all_the_time(&self) -> HashSet<String> {
        let usual = |count: usize| count >= SAID_BY && count * ONE_IN >= self.entries;
        self.counts.iter().filter(|(_, count)| usual(**count)).map(|(stem, _)| stem.clone()).collect()
    }
}

/// What comparing two gists comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// How much of what either says both have, each thing by its weight, from 0 to 1.
    pub likeness: f64,
    /// Things that both say and that are not said all the time.
    pub shared: usize,
    /// Of them, names and figures that are not said all around.
    pub telling: usize,
    /// Whether something excludes that they are one.
    pub excluded: bool,
}

/// What counts as the same: alike, with names or figures to show for it; or nearly word for word.
const ALIKE: f64 = 0.4;
const SHARED: usize = 5;
/// With two names or figures, so much in common is enough.
const TELLING: usize = 2;
const SHARED_TELLING: usize = 4;
const REPRINT: f64 = 0.6;
const REPRINTED: usize = 8;
/// With so many in common, headlines may name two sides of one thing.
const NAMES_AND_FIGURES: usize = 3;
/// From here on something is not said all around.
const RARE: f64 = 0.4;
/// What is left of the weight of a thing that one of the live blogs says all the time.
const TOPIC: f64 = 0.25;
/// What a headline says weighs more.
const HEADLINE: f64 = 1.25;

impl Evidence {
    /// Compares two gists. `topics` is what either live blog says all the time.
    pub fn of(one: &Gist, other: &Gist, around: &Usual, topics: [&HashSet<String>; 2]) -> Evidence {
        let topic = |stem: &str| topics.iter().any(|topic| topic.contains(stem));
        let weight = |term: &Term, kind: Kind| {
            let kind = match kind {
                Kind::Number if is_plain(&term.stem) => 0.3,
                Kind::Name | Kind::Number | Kind::Score => 1.5,
                Kind::Capital => 1.25,
                Kind::Word => 1.0,
            };
            let place = if term.headline { HEADLINE } else { 1.0 };
            let topic = if topic(&term.stem) { TOPIC } else { 1.0 };
            kind * place * topic * around.rarity(&term.stem)
        };
        let (own, theirs) = (Side::of(one), Side::of(other));
        let total = |side: &Side<'_>| side.0.values().map(|term| weight(term, term.kind).powi(2)).sum::<f64>();
        let (mut common, mut shared, mut telling) = (0.0, 0, 0);
        for (stem, term) in &own.0 {
            let Some(their) = theirs.0.get(stem) else { continue };
            let kind = both(term.kind, their.kind);
            common += weight(term, kind) * weight(their, kind);
            if !topic(stem) {
                shared += 1;
                let tells = match kind {
                    Kind::Name | Kind::Score => true,
                    Kind::Number => !is_plain(stem),
                    Kind::Capital | Kind::Word => false,
                };
                telling += usize::from(tells && around.rarity(stem) >= RARE);
            }
        }
        let all = (total(&own) * total(&theirs)).sqrt();
        let likeness = if all > 0.0 { common / all } else { 0.0 };
        Evidence { likeness, shared, telling, excluded: excluded(one, other, telling) }
    }

    /// Whether they may still tell of the same development once it is known what is said around them (in what knows of nothing,
    /// everything is rare) and what their live blogs say all the time: that takes from what is shared and from what is
    /// telling, and lifts no exclusion.
    pub fn may_be_same(&self) -> bool {
        !self.excluded && (self.telling > 0 && self.shared >= SHARED_TELLING || self.shared >= REPRINTED)
    }

    /// Whether they tell of the same development.
    pub fn is_same(&self) -> bool {
        let enough = if self.telling >= TELLING { SHARED_TELLING } else { SHARED };
        let alike = self.likeness >= ALIKE && self.shared >= enough && self.telling > 0;
        let reprint = self.likeness >= REPRINT && self.shared >= REPRINTED;
        !self.excluded && (alike || reprint)
    }
}

/// The terms of a gist by their stems.
struct Side<'a>(HashMap<&'a str, &'a Term>);

impl<'a> Side<'a> {
    fn of(gist: &'a Gist) -> Self {
        let mut side = HashMap::new();
        for term in &gist.terms {
            side.entry(term.stem.as_str()).or_insert(term);
        }
        Side(side)
    }
}

/// What a word is that two texts have, each in its way.
fn both(one: Kind, other: Kind) -> Kind {
    match (one, other) {
        (Kind::Word, _) | (_, Kind::Word) => Kind::Word,
        (Kind::Name, Kind::Capital) | (Kind::Capital, Kind::Name) => Kind::Name,
        (one, _) => one,
    }
}

/// Whether two texts can't be about one development: another score, another number of the same things, other figures or other
/// names in the headline.
fn excluded(one: &Gist, other: &Gist, telling: usize) -> bool {
    let apart = |of: &dyn Fn(&Term) -> bool| {
        let (one, other) = (stems(one, of), stems(other, of));
        !one.is_empty() && !other.is_empty() && one.is_disjoint(&other)
    };
    if apart(&|term| term.kind == Kind::Score) {
        return true;
    }
    let counts = |gist: &Gist, thing: &str| gist.terms.iter().any(|term| term.counts.as_deref() == Some(thing));
    let mut things = one.terms.iter().filter_map(|term| term.counts.as_deref()).filter(|thing| counts(other, thing));
    if things.any(|thing| apart(&|term| term.counts.as_deref() == Some(thing))) {
        return true;
    }
    // Of the headlines, what the other does not say anywhere.
    let lacking = |one: &Gist, other: &Gist, of: &dyn Fn(&Term) -> bool| {
        let mut own = one.terms.iter().filter(|term| term.headline && of(term)).peekable();
        own.peek().is_some() && own.all(|term| other.terms.iter().all(|said| said.stem != term.stem))
    };
    let excludes = |of: &dyn Fn(&Term) -> bool| lacking(one, other, of) && lacking(other, one, of);
    excludes(&|term| term.kind == Kind::Number && !is_plain(&term.stem))
        || telling < NAMES_AND_FIGURES && excludes(&|term| term.kind == Kind::Name)
}

fn stems<'a>(gist: &'a Gist, of: &dyn Fn(&Term) -> bool) -> HashSet<&'a str> {
    gist.terms.iter().filter(|term| of(term)).map(|term| term.stem.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever is known besides, what can't be the same before is not the same after.
    #[test]
    fn what_is_looked_up_later_only_takes_away() {
        let texts = [
            "Explosion at the Tern Island refinery kills 4, says Ada Holm of the Lowport coastguard.",
            "Ada Holm says 4 people died in an explosion at the refinery on Tern Island near Lowport.",
            "The Lowport coastguard has closed the harbour of Tern Island, says Ada Holm.",
            "Explosion in Highport kills 7, says Jonas Vik of the fire brigade.",
            "Final score in Lowport: 2-1 for the home side, after Jonas Vik saw red.",
            "Half-time in Lowport: 1-1, and Jonas Vik has been booked.",
        ];
        let gists = texts.map(|text| Gist::of(Some(&text[..24]), text));
        let (mut passed, mut same) = (0, 0);
        for one in &gists {
            for other in &gists {
                // Every set of what is known around, and of what each of the two says all the time.
                for around in 0..1 << gists.len() {
                    let mut usual = Usual::default();
                    let known = gists.iter().enumerate().filter(|(nth, _)| around >> nth & 1 == 1);
                    known.for_each(|(nth, gist)| (0..=nth).for_each(|_| usual.add(gist)));
                    let said = usual.said_all_the_time();
                    let none = HashSet::new();
                    let bounds = [
                        Evidence::of(one, other, &Usual::default(), [&none, &none]),
                        Evidence::of(one, other, &usual, [&none, &none]),
                    ];
                    for topics in [[&none, &none], [&said, &none], [&none, &said], [&said, &said]] {
                        let is_same = Evidence::of(one, other, &usual, topics).is_same();
                        assert!(!is_same || bounds.iter().all(Evidence::may_be_same), "{one:?} {other:?} {around:b}");
                        same += usize::from(is_same);
                    }
                    passed += usize::from(bounds[0].may_be_same());
                }
            }
        }
        assert!(same > 0 && passed > same / 8 && passed < gists.len() * gists.len() * 64, "{passed} {same}");
    }
}
