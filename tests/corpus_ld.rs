//! Real pages of the outlets that are read from schema.org data and markup together, against the tables of what is in them.

use crate::corpus::{folder, problems, read, rows};
use chrono::{DateTime, SecondsFormat, Utc};
use std::collections::HashMap;
use std::path::Path;
use tidings::html::fold;
use tidings::model::{CoverageState, Entry, LiveBlog, Mark, Origin, Precision};
use tidings::outlet::split_page;
use tidings::page::{Captured, Page};

/// A download may end anywhere, and a disk may turn any byte.
#[test]
fn damaged_pages_are_read_or_refused() {
    let (mut read, mut refused) = (0, 0);
    for case in ["any/ld-several-shapes", "any/ld-graph", "any/microdata", "mirror/ld-holds-more-than-markup"]
        .into_iter()
        .chain(["bbc/page-one-of-three", "repubblica/false-z", "any/ld-control-characters"])
    {
        let whole = std::fs::read(crate::fixtures::outlets().join(case).join("page.html")).unwrap();
        for at in (0..whole.len()).step_by(41) {
            let mut turned = whole.clone();
            turned[at] = b"\"\\<&}[\n0"[at % 8];
            for body in [whole[..at].to_vec(), turned] {
                let captured = Captured::By("2030-01-01T00:00:00Z".parse().unwrap());
                match split_page(&Page { body, url: None, content_type: None, captured }, None) {
                    Ok(_) => read += 1,
                    Err(_) => refused += 1,
                }
            }
        }
    }
    assert!(read > 200 && refused > 100, "{read} read, {refused} refused");
}

fn page(corpus: &Path, file: &str) -> LiveBlog {
    read(corpus.join("corpus/pages").join(file))
}

fn table(corpus: &Path, file: &str) -> Vec<Vec<String>> {
    rows(corpus.join("corpus/truth").join(file))
}

fn utc(at: DateTime<Utc>, form: SecondsFormat) -> String {
    at.to_rfc3339_opts(form, true)
}

fn letters(text: &str) -> usize {
    text.chars().filter(|c| c.is_alphanumeric()).count()
}

#[test]
fn mirror_page_is_its_json_ld_table() {
    let Some(corpus) = folder("mirror_page_is_its_json_ld_table") else { return };
    let blog = page(&corpus, "mirror/uk-riots-2024-08-05.html");
    assert_eq!(problems(&blog), [""; 0]);
    assert_eq!((blog.head.outlet.as_str(), blog.head.key.as_str()), ("mirror", "33386398"));
    let table = table(&corpus, "mirror-uk-riots.ld.tsv");
    assert_eq!((blog.entries.len(), table.len()), (428, 428));
    let (mut edited, mut empty) = (0, 0);
    for (entry, row) in blog.entries.iter().zip(&table) {
        assert_eq!(entry.key, row[1]);
        assert_eq!(entry.published.printed.as_deref(), Some(row[2].as_str()), "{}", row[1]);
        assert_eq!(utc(entry.published.at, SecondsFormat::Millis), row[3], "{}", row[1]);
        assert_eq!((entry.published.origin, entry.published.precision), (Origin::JsonLd, Precision::Second));
        match &entry.updated {
            Some(updated) => {
                edited += 1;
                assert_eq!(utc(updated.at, SecondsFormat::Millis), row[4], "{}", row[1]);
            }
            None => assert_eq!(row[4], row[3], "{}", row[1]),
        }
        assert_eq!(entry.headline.as_deref(), Some(fold(&row[5]).as_str()), "{}", row[1]);
        let link = format!("https://www.mirror.co.uk/news/uk-news/uk-riots-live-hotel-rotherham-33386398#{}", row[1]);
        assert_eq!(entry.permalink, Some(link));
        empty += usize::from(row[6] == "0");
        assert!(row[6] != "0" || letters(&entry.body_text) < 200, "{}: {}", row[1], entry.body_text);
        assert!(row[6] == "0" || !entry.body_text.is_empty(), "{}", row[1]);
        assert!(!entry.body_text.contains("&quot;") && !entry.body_text.contains("<br"), "{}", entry.body_text);
    }
    assert_eq!((edited, empty), (88, 18));
}

#[test]
fn mirror_page_is_its_markup_table_where_that_goes() {
    let Some(corpus) = folder("mirror_page_is_its_markup_table_where_that_goes") else { return };
    let blog = page(&corpus, "mirror/uk-riots-2024-08-05.html");
    let table = table(&corpus, "mirror-uk-riots.dom.tsv");
    assert_eq!(table.len(), 30);
    for (entry, row) in blog.entries.iter().zip(&table) {
        assert_eq!(entry.key, row[1]);
        assert_eq!(utc(entry.published.at, SecondsFormat::Secs), row[4]);
        assert_eq!(entry.published.at.timestamp_millis().to_string(), row[3]);
        let changed = entry.updated.as_ref().map_or(entry.published.at, |updated| updated.at);
        assert_eq!(changed.timestamp_millis().to_string(), row[5]);
        let london = entry.published.at.with_timezone(&chrono_tz::Europe::London);
        assert_eq!(london.format("%H:%M").to_string(), row[6]);
        let key_event = row[2] == "key-event";
        assert_eq!(entry.marks.contains(&Mark::KeyEvent), key_event, "{}", row[1]);
        assert_eq!(entry.byline.join(""), if key_event { "" } else { row[7].as_str() });
        assert_eq!(entry.headline.as_deref(), Some(fold(&row[8]).as_str()));
    }
    assert_eq!(blog.entries.iter().filter(|entry| entry.marks.contains(&Mark::KeyEvent)).count(), 9);
    assert!(blog.entries[1].body_html.contains("<img ") && blog.entries[1].images.len() == 1);
    let later = &blog.entries[30..];
    assert!(later.iter().all(|entry| entry.byline.is_empty()), "the authors of the page are not those of each entry");
    assert_eq!(later.iter().filter(|entry| entry.body_html.contains("<a ")).count(), 70);
}

#[test]
fn bbc_page_is_its_table() {
    let Some(corpus) = folder("bbc_page_is_its_table") else { return };
    let blog = page(&corpus, "bbc/covid-2020-05-12.html");
    assert_eq!(problems(&blog), [""; 0]);
    assert_eq!(blog.head.key, "52627824");
    assert_eq!(blog.head.coverage.state, CoverageState::Live);
    assert_eq!(blog.head.coverage.started, None, "midnight, twice, is no start");
    assert_eq!(blog.older.as_deref(), Some("https://www.bbc.co.uk/news/live/world-52627824/page/2"));
    let table = table(&corpus, "bbc.tsv");
    assert_eq!((blog.entries.len(), table.len()), (20, 20));
    for (entry, row) in blog.entries.iter().zip(&table) {
        assert_eq!(format!("post_{}", entry.key), row[1]);
        assert_eq!(utc(entry.published.at, SecondsFormat::Secs), row[3]);
        assert_eq!((entry.published.origin, entry.published.precision), (Origin::JsonLd, Precision::Second));
        assert!(row[2].ends_with(&entry.published.at.format(" %H:%M").to_string()), "the clock shown is UTC");
        assert_eq!(entry.updated, None);
        assert_eq!(entry.headline.as_deref(), Some(row[5].as_str()));
        assert!(entry.body_text.chars().count() * 10 >= row[6].parse::<usize>().unwrap() * 9, "{}", row[1]);
        assert!(!entry.body_text.contains("share tools") && !entry.body_text.contains("Posted at"), "{}", entry.body_text);
        assert!(!entry.body_html.contains("{width}"), "{}", entry.body_html);
    }
    let breaking = |entry: &&Entry| entry.marks == [Mark::Breaking];
    assert_eq!(blog.entries.iter().filter(breaking).count(), 2);
    assert_eq!(blog.entries[12].byline, ["Marianna Spring"]);
    assert_eq!(blog.entries.iter().map(|entry| entry.images.len()).sum::<usize>(), 10);
}

#[test]
fn repubblica_page_is_its_table() {
    let Some(corpus) = folder("repubblica_page_is_its_table") else { return };
    let blog = page(&corpus, "repubblica/israele-hamas-2023-11-02.html");
    assert_eq!(problems(&blog), [""; 0]);
    assert_eq!(blog.head.key, "419364605");
    assert!(blog.head.headline.ends_with("combatte con Hezbollah in Libano”"), "not cut: {}", blog.head.headline);
    let table = table(&corpus, "repubblica.tsv");
    assert_eq!((blog.entries.len(), table.len()), (79, 79));
    let mut bodies = HashMap::new();
    for (entry, row) in blog.entries.iter().zip(&table) {
        assert_eq!(entry.key, row[1]);
        assert_eq!(utc(entry.published.at, SecondsFormat::Secs), row[4], "{}", row[1]);
        assert_eq!(entry.published.at.format("%Y-%m-%dT%H:%MZ").to_string(), row[3], "{}", row[1]);
        let rome = entry.published.at.with_timezone(&chrono_tz::Europe::Rome);
        assert_eq!(rome.format("%Y-%m-%dT%H:%MZ").to_string(), row[2], "the zone printed is not the zone meant");
        assert_eq!(entry.published.origin, Origin::JsonLd);
        assert_eq!(entry.headline.as_deref(), Some(row[5].as_str()), "{}", row[1]);
        assert!(!entry.body_text.contains("[["), "{}", entry.body_text);
        assert!(entry.permalink.as_ref().is_some_and(|link| link.ends_with(&format!("#{}", row[1]))));
        bodies.insert(entry.body_text.clone(), ());
    }
    assert_eq!(bodies.len(), 79, "each body is its own entry's");
    assert_eq!(blog.entries.iter().filter(|entry| entry.marks == [Mark::KeyEvent]).count(), 16);
}
