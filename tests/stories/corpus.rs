//! Real pages, and the project's own: five outlets and more that tell of other things, or of one week at some distance. No pair
//! of them is one development, whatever the hours.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use tidings::model::LiveBlog;
use tidings::outlet::split_page;
use tidings::page::{Captured, Page};
use tidings::story::{Evidence, Gist, Usual};
use uuid::Uuid;

use crate::corpus::folder;

fn pages(root: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => pages(&path, found),
            false if path.extension().is_some_and(|own| own == "html" || own == "txt" || own == "json") => found.push(path),
            false => {}
        }
    }
    found.sort();
}

fn read(path: &Path) -> Option<LiveBlog> {
    let captured = Captured::By("2026-01-01T00:00:00Z".parse().unwrap());
    split_page(&Page { body: std::fs::read(path).unwrap(), url: None, content_type: None, captured }, None).ok()
}

/// An entry: its outlet, its live blog, what to call it, and what it is told by.
type Said = (String, Uuid, String, Gist);

/// Every pair of two outlets. Answers how many there are.
fn no_two_are_one(folders: &[PathBuf]) -> usize {
    let mut paths = Vec::new();
    folders.iter().for_each(|folder| pages(folder, &mut paths));
    let mut around = Usual::default();
    let mut usual: HashMap<Uuid, Usual> = HashMap::new();
    let mut all: Vec<Said> = Vec::new();
    for blog in paths.iter().filter_map(|path| read(path)) {
        for entry in &blog.entries {
            let gist = Gist::of(entry.headline.as_deref(), &entry.body_text);
            around.add(&gist);
            usual.entry(blog.head.id).or_default().add(&gist);
            let name = entry.headline.clone().unwrap_or_else(|| entry.body_text.chars().take(80).collect());
            all.push((blog.head.outlet.clone(), blog.head.id, name, gist));
        }
    }
    let topics: HashMap<Uuid, HashSet<String>> =
        usual.iter().map(|(blog, usual)| (*blog, usual.said_all_the_time())).collect();
    let stems: Vec<HashSet<&str>> = all.iter().map(|(.., gist)| gist.stems().collect()).collect();
    let mut pairs = 0;
    for (nth, (outlet, blog, name, gist)) in all.iter().enumerate() {
        for (at, (their_outlet, other, their_name, their)) in all.iter().enumerate().skip(nth + 1) {
            if their_outlet == outlet {
                continue;
            }
            pairs += 1;
            // Fewer things in common are never enough, and weighing takes its time.
            if stems[nth].intersection(&stems[at]).take(4).count() < 4 {
                continue;
            }
            let evidence = Evidence::of(gist, their, &around, [&topics[blog], &topics[other]]);
            assert!(!evidence.is_same(), "{name} / {their_name}: {evidence:?}");
        }
    }
    pairs
}

#[test]
fn seeds_and_fixtures_have_no_false_pair() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pairs = no_two_are_one(&[root.join("seeds"), root.join("fixtures/outlets")]);
    assert!(pairs > 20_000, "{pairs}");
}

#[test]
fn real_pages_have_no_false_pair() {
    let Some(corpus) = folder("real_pages_have_no_false_pair") else { return };
    let pairs = no_two_are_one(&[corpus.join("corpus/pages"), corpus.join("seeds")]);
    assert!(pairs > 50_000, "{pairs}");
}
