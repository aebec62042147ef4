//! Bytes to entries with cleaned bodies, against `scraper::Html::parse_document` alone on the same page.
//!
//! The real pages are read from the folder that `TIDINGS_CORPUS` names; without it the project's own fixtures are measured,
//! which are smaller. The ratio is printed for each page: the median of many runs of both, taken in turns, since the machine
//! may get slower in between.

use criterion::{Criterion, criterion_group, criterion_main};
use sha2::{Digest, Sha256};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tidings::outlet::split_page;
use tidings::page::{Captured, Page};

/// What whole-page reading may cost, as a multiple of the parser alone: in the median of all pages, and on any one of them.
/// The dearest is a page with hundreds of entries in its JSON-LD, which the parser alone passes over as one text.
const MOST: (f64, f64) = (2.0, 3.0);

struct Case {
    name: String,
    page: Page,
    text: String,
}

fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = match std::env::var_os("TIDINGS_CORPUS") {
        Some(corpus) => root.join(corpus).join("corpus/pages"),
        None => {
            eprintln!("the fixtures are measured; TIDINGS_CORPUS=../shared cargo bench measures the real pages");
            root.join("fixtures/outlets")
        }
    };
    let mut files = Vec::new();
    html_files(&folder, &mut files);
    files.sort();
    let cases = files.into_iter().filter_map(|path| {
        let body = std::fs::read(&path).ok()?;
        let name = path.strip_prefix(&folder).ok()?.display().to_string();
        let captured = Captured::By("2030-01-01T00:00:00Z".parse().ok()?);
        let page = Page { body, url: None, content_type: Some("text/html; charset=utf-8".into()), captured };
        let text = page.text().0;
        split_page(&page, None).is_ok().then_some(Case { name, page, text })
    });
    cases.collect()
}

fn html_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            html_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "html") {
            files.push(path);
        }
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    black_box(work());
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn ratios(cases: &[Case]) {
    println!("{:58} {:>9} {:>9} {:>9} {:>6}", "page", "KiB", "parser", "tidings", "ratio");
    let mut ratios = Vec::new();
    for case in cases {
        let runs = if case.text.len() > 1 << 20 { 15 } else { 41 };
        let (mut parser, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            parser.push(timed(|| scraper::Html::parse_document(&case.text)));
            ours.push(timed(|| split_page(&case.page, None)));
        }
        let (parser, ours) = (median(parser), median(ours));
        let ratio = ours.as_secs_f64() / parser.as_secs_f64();
        println!("{:58} {:>9} {:>9.2?} {:>9.2?} {:>6.2}", case.name, case.text.len() / 1024, parser, ours, ratio);
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    if let Some(middle) = ratios.get(ratios.len() / 2) {
        let worst = ratios.last().copied().unwrap_or_default();
        println!("median ratio {middle:.2}, worst {worst:.2}");
        assert!(*middle <= MOST.0 && worst <= MOST.1, "more than {MOST:?} times what the parser takes");
    }
}

/// A page whose bytes did not change costs a hash and nothing else.
fn unchanged(cases: &[Case]) {
    let Some(case) = cases.iter().max_by_key(|case| case.page.body.len()) else { return };
    let hash = median((0..41).map(|_| timed(|| Sha256::digest(&case.page.body))).collect());
    let read = median((0..15).map(|_| timed(|| split_page(&case.page, None))).collect());
    println!("unchanged page ({}): hash {hash:.2?}, reading it would take {read:.2?}", case.name);
}

fn bench(criterion: &mut Criterion) {
    let cases = cases();
    ratios(&cases);
    unchanged(&cases);
    let mut group = criterion.benchmark_group("split");
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    for case in cases.iter().filter(|case| case.page.body.len() > 4096).take(4) {
        group.bench_function(&case.name, |bencher| bencher.iter(|| split_page(&case.page, None)));
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
