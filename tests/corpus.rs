//! Real pages and the tables of what is in them. They are other people's work and live outside the project: set
//! `TIDINGS_CORPUS` to the folder that holds `corpus/` and `seeds/`.

use std::path::PathBuf;
use tidings::model::{CoverageState, Entry, LiveBlog, Origin, Precision};
use tidings::outlet::split_page;
use tidings::page::{Captured, Page};

pub fn folder(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("TIDINGS_CORPUS").map(PathBuf::from);
    match folder {
        Some(folder) => {
            // Relative to where the command was given, which for a test is the package.
            let folder = std::path::absolute(folder).unwrap();
            assert!(folder.join("corpus/pages").is_dir(), "TIDINGS_CORPUS: {} holds no corpus/pages", folder.display());
            Some(folder)
        }
        None => {
            // Past the test harness's capture: a skipped test has to be seen.
            use std::io::Write;
            let _ =
                writeln!(std::io::stderr(), "skipped: {test} reads real pages; TIDINGS_CORPUS=../shared cargo test runs it");
            None
        }
    }
}

pub fn read(path: PathBuf) -> LiveBlog {
    let page = Page {
        body: std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        url: None,
        content_type: None,
        captured: Captured::By("2026-01-01T00:00:00Z".parse().unwrap()),
    };
    split_page(&page, None).unwrap_or_else(|refusal| panic!("{}: {refusal}", path.display()))
}

pub fn problems(blog: &LiveBlog) -> Vec<String> {
    let of_entries = blog.entries.iter().flat_map(|entry| &entry.problems);
    blog.problems.iter().chain(of_entries).map(|problem| problem.message.clone()).collect()
}

/// Rows of a table: its lines after the header, split at tabs.
pub fn rows(path: PathBuf) -> Vec<Vec<String>> {
    let table = std::fs::read_to_string(path).unwrap();
    table.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

#[test]
fn seed_captures_hold_every_row_of_their_table() {
    let Some(corpus) = folder("seed_captures_hold_every_row_of_their_table") else { return };
    let table = rows(corpus.join("seeds/entries.tsv"));
    for (file, entries) in [("000_be2042d07ef76892.txt", 10), ("004_3d1c6daa7abb951e.txt", 20)] {
        let blog = read(corpus.join("seeds").join(file));
        assert_eq!(problems(&blog), [""; 0], "{file}");
        let expected: Vec<&Vec<String>> = table.iter().filter(|row| row[0] == file).collect();
        assert_eq!((blog.entries.len(), expected.len()), (entries, entries), "{file}");
        for (entry, row) in blog.entries.iter().zip(expected) {
            assert_eq!(row_of(entry), row[2..].join("\t"), "{file} entry {}", row[1]);
        }
    }
}

/// An entry in the columns of `seeds/entries.tsv`. Each line of a capture's body is a paragraph.
fn row_of(entry: &Entry) -> String {
    let lines = entry.body_text.lines().filter(|line| !line.is_empty()).count();
    let precision = match entry.published.precision {
        Precision::Minute => "minute",
        Precision::Second => "second",
        Precision::Day => "day",
        _ => "unknown",
    };
    let published = entry.published.at.format("%Y-%m-%dT%H:%M:%SZ");
    let headline = entry.headline.as_deref().unwrap_or_default();
    format!("{published}\t{precision}\t{}\t{headline}\t{lines}", entry.byline.join(", "))
}

#[test]
fn seed_capture_of_an_ended_page_says_so() {
    let Some(corpus) = folder("seed_capture_of_an_ended_page_says_so") else { return };
    let blog = read(corpus.join("seeds/000_be2042d07ef76892.txt"));
    assert_eq!(blog.head.coverage.state, CoverageState::Ended);
    assert_eq!(blog.head.coverage.ended.unwrap().to_rfc3339(), "2022-01-06T19:20:20+00:00");
    assert!(blog.head.headline.starts_with("Kazakhstan protests: Russia sends in troops"));
    let all: String = blog.entries.iter().map(|entry| entry.body_text.as_str()).collect();
    assert!(!all.contains("commenting forum") && !all.contains("Twelve police officers"), "neither footer nor lead");
}

#[test]
fn independent_live_page_is_its_table() {
    let Some(corpus) = folder("independent_live_page_is_its_table") else { return };
    let blog = read(corpus.join("corpus/pages/independent/wwc-england-2023-08-14.html"));
    assert_eq!(problems(&blog), [""; 0]);
    assert_eq!(blog.head.key, "b2392480");
    let table = rows(corpus.join("corpus/truth/independent-wwc.tsv"));
    assert_eq!((blog.entries.len(), table.len()), (10, 10));
    for (entry, row) in blog.entries.iter().zip(&table) {
        assert_eq!(format!("post-{}", entry.key), row[1]);
        assert_eq!(entry.published.at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(), row[2], "{}", row[1]);
        assert_eq!(entry.published.origin, Origin::Attribute);
        assert_eq!(entry.headline.as_deref(), Some(row[8].trim()));
        assert_eq!(entry.byline, [row[11].clone()]);
        let anchor = format!("#post-{}", entry.key);
        assert!(entry.permalink.as_ref().is_some_and(|link| link.ends_with(&anchor)));
        // The page's own words are all there: the body is no shorter than the plain text that its JSON-LD gives.
        let words = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count();
        assert!(words(&entry.body_text) * 20 >= row[10].parse::<usize>().unwrap() * 15, "{}", row[1]);
        assert!(!entry.body_html.contains("amp-"), "AMP elements are gone");
    }
    let body = |key: &str| blog.entries.iter().find(|entry| entry.key == key).unwrap();
    assert!(body("1288913").body_html.contains("<h3><a href="), "the related card stays in its entry");
    assert_eq!(body("1288919").images.len(), 1);
}

#[test]
fn ordinary_articles_are_one_entry_at_the_right_instant() {
    let Some(corpus) = folder("ordinary_articles_are_one_entry_at_the_right_instant") else { return };
    for (file, key, published, byline) in [
        ("independent/article-covid-penalty-2020.html", "b671230", "2020-09-28T12:41:29Z", "Andrew Woodcock"),
        ("independent/article-hotel-2015.html", "10506160", "2015-09-17T15:57:43Z", "Hazel Sheffield"),
        ("independent/article-laos-methanol-2024-11-22.html", "b2651790", "2024-11-22T08:49:59Z", "Angus Thompson"),
        ("sputnik/arabic-article-2020-03-17.html", "1044893040", "2020-03-17T17:27:41Z", ""),
        ("sputnik/columnist-article-2019-11-18.html", "1077343476", "2019-11-18T21:17:27Z", "Finian Cunningham"),
        ("sputnik/radio-article-2020-04-28.html", "1079127690", "2020-04-28T22:57:38Z", "Wilmer Leon"),
    ] {
        let blog = read(corpus.join("corpus/pages").join(file));
        assert_eq!(blog.head.coverage.state, CoverageState::Article, "{file}");
        let [entry] = &blog.entries[..] else { panic!("{file}: {} entries", blog.entries.len()) };
        assert_eq!(blog.head.key, key, "{file}");
        assert_eq!(entry.published.at, published.parse::<chrono::DateTime<chrono::Utc>>().unwrap(), "{file}");
        assert_eq!(entry.byline.join(", "), byline, "{file}");
        assert!(entry.headline.as_ref().is_some_and(|headline| headline.len() > 20), "{file}");
        assert!(entry.body_text.len() > 400, "{file}: {}", entry.body_text);
        assert_eq!(problems(&blog), [""; 0], "{file}");
    }
}
