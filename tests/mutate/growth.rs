//! Reading costs as much for each byte of a large page as of a small one.
//!
//! A quick round takes every case of every outlet, repeated, and the shapes that once were quadratic, in sizes that a build
//! without optimisation reads in a moment. `TIDINGS_FUZZ_SECONDS` takes pages of real size, and repeats any stretch of any
//! page.

mod cases;
mod shapes;

use super::cost::timed;
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

/// What a byte of a page of ten times the size may cost, as a multiple.
const MOST: f64 = 1.5;
/// Less than this says nothing of how it grows: what is only begun once (a selector, a table) weighs more.
const NOISE: Duration = Duration::from_millis(3);
/// How often a page is read before it is called slow. What is slow by chance is so less often.
const ROUNDS: usize = 24;

/// How a page's cost grows.
struct Growth {
    /// How much more a byte of the larger page costs.
    ratio: f64,
    /// What the larger page took.
    took: Duration,
}

impl Growth {
    /// Reads a small and a large page by turns. Others on the machine (and in its caches) only ever add to a cost, so the
    /// least of each counts; a large ratio is believed only after many rounds.
    fn of(pages: [&Page; 2], read: impl Fn(&Page)) -> Self {
        let mut least = [Duration::MAX; 2];
        let mut growth = Growth { ratio: f64::INFINITY, took: Duration::MAX };
        for _ in 0..ROUNDS {
            for (place, times) in [(0, 3), (1, 1), (0, 2)] {
                for _ in 0..times {
                    least[place] = least[place].min(timed(|| read(pages[place])).0);
                }
            }
            let [small, large] = [0, 1].map(|place| least[place].as_secs_f64() / pages[place].body.len().max(1) as f64);
            growth = Growth { ratio: large / small.max(f64::MIN_POSITIVE), took: least[1] };
            if !growth.faster_than(MOST) {
                break;
            }
        }
        growth
    }

    /// Whether the cost grows faster than the page, by more than a page's own beginnings explain.
    fn faster_than(&self, most: f64) -> bool {
        self.ratio > most && self.took > NOISE
    }
}

fn reading(seed: &Seed) -> impl Fn(&Page) {
    |page| drop(black_box(seed.read(page, None)))
}

/// Small enough for a build that is not optimised; the long run takes pages of real size.
fn sizes() -> [usize; 2] {
    if long_run().is_some() { [200_000, 2_000_000] } else { [12_000, 120_000] }
}

/// Notes what grows too fast; a long run tells everything.
fn tell(what: &str, growth: &Growth, slow: &mut Vec<String>) {
    let line = format!("{what:60} {:>10.2?} {:5.2} times as much a byte", growth.took, growth.ratio);
    if long_run().is_some() {
        say(&line);
    }
    if growth.faster_than(MOST) {
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
        tell(case, &Growth::of([&small, &large], |page| drop(black_box(split_page(page, None)))), &mut slow);
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
        for seed in seeds.iter().filter(|seed| seed.page.body.len() < sizes()[0]) {
            let [small, large] = sizes().map(|size| repeated(&seed.page, size));
            tell(&format!("{outlet}/{}", seed.name), &Growth::of([&small, &large], reading(seed)), &mut slow);
            count += 1;
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
        tell(shape.0, &Growth::of([&small, &large], |page| drop(black_box(split_page(page, None)))), &mut slow);
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
        let (start, mut number) = (std::time::Instant::now(), 0);
        while start.elapsed() < time / 5 {
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
            let growth = Growth::of([&small, &large], reading(seed));
            // A page that nests deeper as it grows costs more a byte up to the depth at which it is given up; what is
            // quadratic costs ten times as much.
            if growth.faster_than(2.5) {
                let path = keep(&format!("growing-{outlet}-{number}"), &large);
                let Growth { ratio, took } = growth;
                slow.push(format!("{outlet} {number} ({}): {took:.2?}, {ratio:.2} times as much a byte: {path}", seed.name));
                say(&slow[slow.len() - 1]);
            }
            number += 1;
        }
        say(&format!("{outlet:24} {:4} s {number:7} pages grown", start.elapsed().as_secs()));
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
        let lines: String = (0..size / 28).map(|number| format!("entry {number:6} holds some words\n")).collect();
        let captured = Captured::By("2030-01-01T00:00:00Z".parse().unwrap());
        Page { body: lines.into(), url: None, content_type: Some("text/plain".into()), captured }
    });
    let growth = |split: &'static dyn Split| {
        let outlets = [outlet(split)];
        let read = |page: &Page| {
            let told = split_page_among(&outlets, page, Some("made-up")).unwrap_err().to_string();
            assert!(told.ends_with(" 0 lines come twice"), "{told}");
        };
        Growth::of([&pages[0], &pages[1]], read)
    };
    let slow = growth(&quadratic);
    assert!(slow.faster_than(MOST), "{:.2} times as much a byte", slow.ratio);
    let fine = growth(&linear);
    assert!(!fine.faster_than(MOST), "{:.2} times as much a byte", fine.ratio);
}
