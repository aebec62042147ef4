//! Pages with something wrong with them: none may make us panic, none may take us long, and what is read of one is as sound
//! as what is read of any other.
//!
//! Every case of `fixtures/outlets` and `fixtures/configured` is mutated, and with `TIDINGS_CORPUS` every real page. A quick round runs with the other
//! tests; `TIDINGS_FUZZ_SECONDS=600` goes on for that long for each outlet, as the processor counts (`TIDINGS_FUZZ_OUTLET=guardian` for
//! one of them).
//! A page that is not survived is written to the folder of the build, and the same round finds it again.

pub mod cost;
mod dice;
mod growth;
pub mod holds;
mod mutator;

use crate::{configured, corpus, fixtures};
use cost::{Work, timed};
use dice::Dice;
use std::collections::BTreeMap;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tidings::adapters::{self, OUTLETS};
use tidings::model::LiveBlog;
use tidings::outlet::{Outlets, Refusal, split_page, split_page_among};
use tidings::page::{Captured, Page};

/// A page to start from.
#[derive(Clone)]
pub struct Seed {
    pub name: String,
    pub page: Page,
    /// It is somebody's own page.
    pub real: bool,
    /// The outlets it is read among.
    pub outlets: &'static Outlets,
}

impl Seed {
    /// Reads a page as this one is read.
    fn read(&self, page: &Page, outlet: Option<&str>) -> Result<LiveBlog, Refusal> {
        split_page_among(self.outlets, page, outlet)
    }
}

/// The seeds of each outlet: its cases first, then its real pages.
pub fn seeds(test: &str) -> BTreeMap<String, Vec<Seed>> {
    let mut seeds: BTreeMap<String, Vec<Seed>> = BTreeMap::new();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    for outlet in fixtures::folders(&fixtures::outlets()) {
        for case in fixtures::folders(&outlet) {
            let seed = Seed { name: name(&case), page: fixtures::page(&case), real: false, outlets: OUTLETS };
            seeds.entry(name(&outlet)).or_default().push(seed);
        }
    }
    let of_configs = configured::cases().into_iter();
    let of_configs = of_configs.map(|(name, page, outlets)| Seed { name, page, real: false, outlets: Vec::leak(outlets) });
    seeds.insert("configured".into(), of_configs.collect());
    if let Ok(only) = std::env::var("TIDINGS_FUZZ_OUTLET") {
        seeds.retain(|outlet, _| *outlet == only);
        assert!(!seeds.is_empty(), "TIDINGS_FUZZ_OUTLET: there is no outlet `{only}`");
    }
    let Some(corpus) = corpus::folder(test) else { return seeds };
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in fixtures::folders(&corpus.join("corpus/pages")).into_iter().chain([corpus.join("seeds")]) {
        files.extend(std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()));
    }
    files.sort();
    for path in files.into_iter().filter(|path| path.extension().is_some_and(|kind| kind != "tsv" && kind != "md")) {
        let captured = Captured::By("2026-05-01T00:00:00Z".parse().unwrap());
        let page = Page { body: std::fs::read(&path).unwrap(), url: None, content_type: None, captured };
        let folder = name(path.parent().unwrap());
        let outlet = match adapters::by_slug(&folder) {
            Some(outlet) => outlet.slug.to_owned(),
            None => split_page(&page, None).map(|blog| blog.head.outlet).unwrap_or_else(|_| "any".into()),
        };
        if let Some(seeds) = seeds.get_mut(&outlet) {
            seeds.push(Seed { name: name(&path), page, real: true, outlets: OUTLETS });
        }
    }
    seeds
}

/// What else may be said of a page than the case does.
fn dressed(mut page: Page, dice: &mut Dice) -> Page {
    if dice.one_in(4) {
        page.url = None;
    }
    if dice.one_in(6) {
        let types = [
            "text/html; charset=utf-8",
            "text/html; charset=iso-8859-1",
            "text/plain",
            "application/json",
            "text/html; charset=utf-16",
        ];
        page.content_type = Some((*dice.pick(&types)).into());
    }
    if dice.one_in(4) {
        let instants = [
            "1970-01-02T00:00:00Z",
            "2020-05-12T16:00:00Z",
            "2022-10-30T01:10:00Z",
            "2024-06-04T11:33:00Z",
            "2199-12-31T00:00:00Z",
        ];
        let at = dice.pick(&instants).parse().unwrap();
        page.captured = if dice.one_in(2) { Captured::At(at) } else { Captured::By(at) };
    }
    page
}

/// Reads a page in both ways; says what the slower took.
fn read(page: &Page, outlet: &str, seed: &Seed) -> Duration {
    // Those of a config come first, and there is one.
    let own = adapters::by_slug(outlet).or(seed.outlets.first().copied().filter(|_| outlet == "configured"));
    let forced = own.map(|outlet| outlet.slug);
    let ways = [None, forced];
    let slowest = ways[..1 + usize::from(forced.is_some())].iter().map(|forced| {
        let (took, read) = timed(|| seed.read(page, *forced));
        match &read {
            Ok(blog) => holds::of_blog(blog, page),
            Err(refusal) => holds::of_refusal(refusal),
        }
        took
    });
    slowest.max().unwrap_or_default()
}

/// What reading a page may take, in a build that is not optimised and on a machine that does other things.
fn bound(page: &Page) -> Duration {
    Duration::from_secs(3) + Duration::from_micros(40) * u32::try_from(page.body.len()).unwrap_or(u32::MAX)
}

/// One round: the page, and what it took.
pub fn round(outlet: &str, seeds: &[Seed], others: &[&Seed], number: u64, most: usize) -> (Page, Duration) {
    let mut dice = Dice::of(outlet, number);
    let seed = dice.pick(seeds);
    let other = if dice.one_in(3) { *dice.pick(others) } else { dice.pick(seeds) };
    let most = most.max(seed.page.body.len() + seed.page.body.len() / 4);
    let body = mutator::mutated(&seed.page.body, &other.page.body, most, &mut dice);
    let page = dressed(Page { body, ..seed.page.clone() }, &mut dice);
    match catch_unwind(AssertUnwindSafe(|| read(&page, outlet, seed))) {
        Ok(took) if took <= bound(&page) => (page, took),
        outcome => {
            let path = keep(&format!("mutated-{outlet}-{number}"), &page);
            let what = outcome.map_or_else(|_| "panics".into(), |took| format!("takes {took:.2?}"));
            panic!(
                "{outlet}, round {number} (from {}): {what}; url {:?}, {:?}, captured {:?}, {} bytes in {}",
                seed.name,
                page.url.as_ref().map(|url| url.as_str()),
                page.content_type,
                page.captured,
                page.body.len(),
                path
            );
        }
    }
}

/// Past the harness's capture: long rounds tell what they did.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// How long each outlet's pages are mutated, where not just for a moment.
fn long_run() -> Option<Duration> {
    let told = std::env::var("TIDINGS_FUZZ_SECONDS").ok()?;
    let seconds = told.parse().unwrap_or_else(|_| panic!("TIDINGS_FUZZ_SECONDS: `{told}` is not a number of seconds"));
    Some(Duration::from_secs(seconds))
}

/// Writes a page to the folder of the build, for a person to look at.
fn keep(name: &str, page: &Page) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, &page.body).unwrap();
    path.display().to_string()
}

#[test]
fn no_mutated_page_is_too_much() {
    let seeds = seeds("no_mutated_page_is_too_much");
    let all: Vec<&Seed> = seeds.values().flatten().collect();
    let mut lost = Vec::new();
    for (outlet, own) in &seeds {
        // Real pages are large: without time for many rounds only the small ones are worth it.
        let (own, most): (Vec<Seed>, usize) = match long_run() {
            Some(_) => (own.clone(), 512 * 1024),
            None => (own.iter().filter(|seed| seed.page.body.len() < 32 * 1024).cloned().collect(), 32 * 1024),
        };
        let (work, mut number, mut bytes) = (Work::begins(), 0, 0);
        let mut slowest: Option<(f64, u64, Page)> = None;
        while long_run().map_or(number < 4 * own.len() as u64, |time| work.done() < time) {
            match catch_unwind(AssertUnwindSafe(|| round(outlet, &own, &all, number, most))) {
                Ok((page, took)) => {
                    bytes += page.body.len();
                    let a_byte = took.as_secs_f64() * 1e9 / (page.body.len() + 4096) as f64;
                    if slowest.as_ref().is_none_or(|(most, ..)| a_byte > *most) {
                        slowest = Some((a_byte, number, page));
                    }
                }
                Err(_) => lost.push(format!("{outlet} {number}")),
            }
            number += 1;
        }
        if let Some((a_byte, at, page)) = slowest.filter(|_| long_run().is_some()) {
            let path = keep(&format!("slowest-{outlet}"), &page);
            let (seconds, megabytes) = (work.done().as_secs(), bytes / 1_000_000);
            say(&format!(
                "{outlet:24} {seconds:4} s {number:7} pages {megabytes:6} MB; slowest: {a_byte:.0} ns a byte, round {at}, {path}"
            ));
        }
    }
    assert!(lost.is_empty(), "{} pages are not survived: {}", lost.len(), lost.join(", "));
}
