//! Reading costs as much for each byte of a large page as of a small one.
//!
//! A quick round takes every case of every outlet, repeated, and the shapes that once were quadratic, in sizes that a build
//! without optimisation reads in a moment. `TIDINGS_FUZZ_SECONDS` takes pages of real size, and repeats any stretch of any
//! page.

mod cases;
mod shapes;

use super::cost::{Work, timed};
use super::dice::Dice;
use super::{Seed, keep, long_run, mutator, say, seeds};
use cases::{CASES, numbered, repeated};
use shapes::{SHAPES, shaped};
use std::collections::BTreeSet;
use std::hint::black_box;
use std::time::Duration;
use tidings::adapters::OUTLETS;
use tidings::outlet::{Draft, Form, Outlet, Refusal, Source, Split, split_page, split_page_among};
use tidings::page::{Captured, Page};

/// What a byte of a page with ten times the entries may cost, as a multiple.
const MOST: f64 = 1.5;
/// The same of a page that is nothing but one thing, over and over: its tree is many times its size and leaves the caches of
/// the processor as it grows. What is quadratic comes to ten.
const MOST_OF_A_SHAPE: f64 = 2.5;
/// Nanoseconds a byte below which a cost says nothing of how it grows: copying the page twice is such a cost.
const NOISE: f64 = 25.0;
/// How often a page is read before it is called slow.
const ROUNDS: usize = 12;

/// How a page's cost grows.
struct Growth {
    /// How much more a byte of the larger page costs.
    ratio: f64,
    /// What the larger page took.
    took: Duration,
    /// The same in nanoseconds a byte.
    a_byte: f64,
}

impl Growth {
    /// Reads a page and one of ten times its size, the small one several times before and after the large one: whoever else
    /// is on the machine and in its caches then slows both. What is slow by chance is slow once, what is quadratic always:
    /// of several rounds the best counts.
    fn of(pages: [&Page; 2], most: f64, read: impl Fn(&Page)) -> Self {
        let cost = |page: &Page, times: usize| {
            let took: Duration = (0..times).map(|_| timed(|| read(page)).0).sum();
            (took, times * page.body.len().max(1))
        };
        let round = |_| {
            let (before, (took, length), after) = (cost(pages[0], 2), cost(pages[1], 1), cost(pages[0], 2));
            let small = (before.0 + after.0).as_nanos() as f64 / (before.1 + after.1) as f64;
            let a_byte = took.as_nanos() as f64 / length as f64;
            Growth { ratio: a_byte / small.max(f64::MIN_POSITIVE), took, a_byte }
        };
        let mut best = round(0);
        for other in (1..ROUNDS).map(round) {
            if !best.faster_than(most) {
                break;
            }
            best = if other.ratio < best.ratio { other } else { best };
        }
        best
    }

    /// Whether the cost grows faster than the page, by more than a page's own beginnings explain.
    fn faster_than(&self, most: f64) -> bool {
        self.ratio > most && self.a_byte > NOISE
    }
}

fn reading(seed: &Seed) -> impl Fn(&Page) {
    |page| drop(black_box(seed.read(page, None)))
}

/// Small enough for a build that is not optimised; the long run takes pages of real size.
fn sizes() -> [usize; 2] {
    sizes_from(0)
}

/// The same, but no smaller than a page is by itself.
fn sizes_from(length: usize) -> [usize; 2] {
    let small = if long_run().is_some() { 100_000 } else { 5_000 };
    [small.max(length), 10 * small.max(length)]
}

/// Notes what grows too fast; a long run tells everything.
fn tell(what: &str, growth: &Growth, most: f64, slow: &mut Vec<String>) {
    let line = format!("{what:60} {:>10.2?} {:5.2} times as much a byte", growth.took, growth.ratio);
    if long_run().is_some() {
        say(&line);
    }
    if growth.faster_than(most) {
        slow.push(line);
    }
}

#[test]
fn ten_times_the_entries_cost_ten_times_as_much() {
    let mut slow = Vec::new();
    for (case, lists) in CASES {
        let [small, large] = sizes().map(|size| numbered(case, lists, size));
        let read = |page: &Page| -> usize {
            let blog = split_page(page, None).unwrap_or_else(|refusal| panic!("{case}, repeated: {refusal}"));
            blog.entries.iter().map(|entry| entry.body_text.len() + entry.headline.as_ref().map_or(0, String::len)).sum()
        };
        assert!(2 * read(&large) > 3 * read(&small), "{case} does not grow");
        let growth = Growth::of([&small, &large], MOST, |page| drop(black_box(split_page(page, None))));
        tell(case, &growth, MOST, &mut slow);
    }
    assert!(slow.is_empty(), "what grows faster than the page:\n{}", slow.join("\n"));
}

/// An outlet that does not show how it grows is noticed; those of one engine are shown by one of them.
#[test]
fn every_adapter_is_shown_to_grow() {
    let shown: BTreeSet<&str> = CASES.iter().filter_map(|(case, _)| case.split('/').next()).collect();
    let own = |slug: &str| {
        let file = format!("src/adapters/{}.rs", slug.replace('-', "_"));
        let text = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        !text.contains("engines::")
    };
    for slug in OUTLETS.iter().map(|outlet| outlet.slug) {
        assert!(shown.contains(slug) || !own(slug), "{slug}: none of its cases is in CASES");
    }
}

#[test]
fn any_case_repeated_costs_as_much_a_byte() {
    let mut slow = Vec::new();
    let mut count = 0;
    for (outlet, seeds) in &seeds("any_case_repeated_costs_as_much_a_byte") {
        for seed in seeds.iter().filter(|seed| seed.page.body.len() < 32 * 1024) {
            let name = format!("{outlet}/{}", seed.name);
            count += 1;
            if CASES.iter().any(|(shown, _)| *shown == name) {
                continue;
            }
            let [small, large] = sizes_from(seed.page.body.len()).map(|size| repeated(&seed.page, size));
            tell(&name, &Growth::of([&small, &large], MOST, reading(seed)), MOST, &mut slow);
        }
    }
    assert!(count > 50 || std::env::var_os("TIDINGS_FUZZ_OUTLET").is_some(), "{count} cases");
    assert!(slow.is_empty(), "what grows faster than the page:\n{}", slow.join("\n"));
}

#[test]
fn no_shape_is_quadratic() {
    let mut slow = Vec::new();
    for shape in SHAPES {
        let [small, large] = sizes().map(|size| shaped(shape, size));
        let growth = Growth::of([&small, &large], MOST_OF_A_SHAPE, |page| drop(black_box(split_page(page, None))));
        tell(shape.0, &growth, MOST_OF_A_SHAPE, &mut slow);
    }
    assert!(slow.is_empty(), "what grows faster than the page:\n{}", slow.join("\n"));
}

/// Any stretch of any page, many times over: whatever a page may repeat. Only in a long run.
#[test]
fn no_stretch_is_quadratic() {
    let Some(time) = long_run() else { return };
    let mut slow = Vec::new();
    for (outlet, seeds) in &seeds("no_stretch_is_quadratic") {
        let small: Vec<&Seed> = seeds.iter().filter(|seed| seed.page.body.len() < 40_000).collect();
        let (work, mut number) = (Work::begins(), 0);
        while work.done() < time / 5 {
            let mut dice = Dice::of(outlet, number | 1 << 40);
            let (seed, other) = (*dice.pick(&small), *dice.pick(&small));
            let body = match dice.one_in(2) {
                true => seed.page.body.clone(),
                false => mutator::mutated(&seed.page.body, &other.page.body, 20_000, &mut dice),
            };
            let slice = dice.stretch(body.len(), 3000);
            let grown = |size: usize| {
                let times = size / slice.len().max(1);
                Page { body: mutator::grown(&body, slice.clone(), times), ..seed.page.clone() }
            };
            let [small, large] = [grown(60_000), grown(600_000)];
            // A page that nests deeper as it grows costs more a byte up to the depth at which it is given up.
            let growth = Growth::of([&small, &large], MOST_OF_A_SHAPE, reading(seed));
            if growth.faster_than(MOST_OF_A_SHAPE) {
                let path = keep(&format!("growing-{outlet}-{number}"), &large);
                let Growth { ratio, took, .. } = growth;
                slow.push(format!("{outlet} {number} ({}): {took:.2?}, {ratio:.2} times as much a byte: {path}", seed.name));
                say(&slow[slow.len() - 1]);
            }
            number += 1;
        }
        say(&format!("{outlet:24} {:4} s {number:7} pages grown", work.done().as_secs()));
    }
    assert!(slow.is_empty(), "{}", slow.join("\n"));
}

/// The proof that it can fail: an outlet that looks through all lines before each line.
#[test]
fn a_quadratic_splitter_is_found() {
    fn quadratic(source: &Source) -> Result<Draft, Refusal> {
        let Form::Text(text) = source.form else { return Err(source.no_such_form()) };
        let lines: Vec<&str> = text.lines().collect();
        let again = |at: usize| lines[..at].contains(&lines[at]);
        Err(Refusal::NotALiveBlog(format!("{} lines come twice", (0..lines.len()).filter(|at| again(*at)).count())))
    }
    fn linear(source: &Source) -> Result<Draft, Refusal> {
        let Form::Text(text) = source.form else { return Err(source.no_such_form()) };
        let mut seen = BTreeSet::new();
        Err(Refusal::NotALiveBlog(format!("{} lines come twice", text.lines().filter(|line| !seen.insert(*line)).count())))
    }
    let outlet = |split: &'static dyn Split| -> &'static Outlet {
        let any = &tidings::adapters::ANY;
        let Outlet { name, zone, language, usual, blog_key, claims_text, claims_json, .. } = *any;
        let (slug, hosts) = ("made-up", &["made-up.example"][..]);
        Box::leak(Box::new(Outlet { slug, name, hosts, zone, language, usual, blog_key, claims_text, claims_json, split }))
    };
    let pages = sizes().map(|size| {
        let lines: String = (0..size / 14).map(|number| format!("entry {number:6} holds some words\n")).collect();
        let captured = Captured::By("2030-01-01T00:00:00Z".parse().unwrap());
        Page { body: lines.into(), url: None, content_type: Some("text/plain".into()), captured }
    });
    let growth = |split: &'static dyn Split| {
        let outlets = [outlet(split)];
        let read = |page: &Page| {
            let told = split_page_among(&outlets, page, Some("made-up")).unwrap_err().to_string();
            assert!(told.ends_with(" 0 lines come twice"), "{told}");
        };
        Growth::of([&pages[0], &pages[1]], MOST, read)
    };
    let slow = growth(&quadratic);
    assert!(slow.faster_than(MOST), "{:.2} times as much a byte", slow.ratio);
    let fine = growth(&linear);
    assert!(!fine.faster_than(MOST), "{:.2} times as much a byte", fine.ratio);
}
