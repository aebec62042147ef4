//! Real pages with something wrong with them, in numbers: none makes us panic, and of each the feeds are whole.
//!
//! `mutate` says what is done to a page and what has to hold of what is read; here are only the pages of others, and how many.
//! Whole pages take long: the full set is for a build that is optimised (`CARGO_PROFILE_DEV_OPT_LEVEL=2`).

use super::{full, say};
use crate::corpus;
use crate::mutate::{Seed, holds, round, seeds};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tidings::outlet::split_page;
use tidings::page::Page;

/// A real page's beginning and a stretch of it, which many can be read of.
const BEGINNING: usize = 4 << 10;
const STRETCH: usize = 6 << 10;

/// Pieces of a page that together hold all of it, each with the page's beginning.
fn pieces(seed: &Seed) -> Vec<Seed> {
    let body = &seed.page.body;
    if full() || body.len() <= BEGINNING + STRETCH {
        return vec![seed.clone()];
    }
    let (beginning, rest) = body.split_at(BEGINNING);
    let piece = |part: &[u8]| Seed { page: Page { body: [beginning, part].concat(), ..seed.page.clone() }, ..seed.clone() };
    rest.chunks(STRETCH).map(piece).collect()
}

#[test]
fn real_pages_are_survived_whatever_is_done_to_them() {
    let test = "real_pages_are_survived_whatever_is_done_to_them";
    if corpus::folder(test).is_none() {
        return;
    }
    let count = if full() { 200_000 } else { 5_000 };
    let real: Vec<(String, Vec<Seed>)> = seeds(test)
        .into_iter()
        .map(|(outlet, own)| (outlet, own.iter().filter(|seed| seed.real).flat_map(pieces).collect::<Vec<Seed>>()))
        .filter(|(_, own)| !own.is_empty())
        .collect();
    let all: Vec<&Seed> = real.iter().flat_map(|(_, own)| own).collect();
    assert!(real.len() > 5, "{} outlets have real pages", real.len());
    let most = if full() { 512 << 10 } else { 24 << 10 };
    let (next, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
    let worker = || {
        let mut lost = Vec::new();
        loop {
            let number = next.fetch_add(1, Relaxed);
            let (outlet, own) = &real[(number % real.len() as u64) as usize];
            if number >= count {
                return lost;
            }
            // Other rounds than those of `mutate`.
            match catch_unwind(AssertUnwindSafe(|| round(outlet, own, &all, number | 1 << 50, most))) {
                Ok((page, _)) => drop(bytes.fetch_add(page.body.len() as u64, Relaxed)),
                Err(_) => lost.push(format!("{outlet} {number}")),
            }
        }
    };
    let lost: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    if full() {
        say(&format!("{count} mutated real pages, {} MB: {} not survived", bytes.into_inner() / 1_000_000, lost.len()));
    }
    assert!(lost.is_empty(), "{} of {count} pages are not survived: {}", lost.len(), lost.join(", "));
}

/// The proof that it can fail: of a live blog with something wrong in it, what has to hold does not.
#[test]
fn what_is_unsound_is_found() {
    let case = crate::fixtures::outlets().join("guardian/live-pinned");
    let page = crate::fixtures::page(&case);
    let blog = split_page(&page, None).unwrap();
    holds::of_blog(&blog, &page);
    type Harm = fn(&mut tidings::model::Entry);
    let harms: [Harm; 9] = [
        |entry| entry.body_html = "<p>x<script>y</script></p>".into(),
        |entry| entry.body_html = "<p onclick=\"x\">y</p>".into(),
        |entry| entry.body_html = "<a href=\"javascript:x\">y</a>".into(),
        |entry| entry.body_html = "<p>x".into(),
        |entry| entry.body_text = "x\u{1}".into(),
        |entry| entry.headline = Some("x\u{202e}".into()),
        |entry| entry.byline = vec![String::new()],
        |entry| entry.permalink = Some("file:///etc/passwd".into()),
        |entry| entry.published.at = "2300-01-01T00:00:00Z".parse().unwrap(),
    ];
    for (number, harm) in harms.into_iter().enumerate() {
        let mut blog = blog.clone();
        harm(&mut blog.entries[1]);
        assert!(catch_unwind(AssertUnwindSafe(|| holds::of_blog(&blog, &page))).is_err(), "harm {number} is not found");
    }
    let mut twice = blog.clone();
    twice.entries.push(blog.entries[0].clone());
    assert!(catch_unwind(AssertUnwindSafe(|| holds::of_blog(&twice, &page))).is_err());
}
