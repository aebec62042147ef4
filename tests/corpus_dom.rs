//! Real pages whose entries are read from their markup, and recorded answers of an outlet's own interface.

use crate::corpus::folder;
use std::path::PathBuf;
use tidings::model::{CoverageState, LiveBlog, Mark, Origin, Precision};
use tidings::outlet::{Refusal, split_page};
use tidings::page::{Captured, Page};

const LONG_AFTER: &str = "2026-05-01T00:00:00Z";

fn page(body: Vec<u8>, captured: Captured) -> Page {
    Page { body, url: None, content_type: None, captured }
}

fn file(path: PathBuf) -> Vec<u8> {
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read(body: Vec<u8>) -> LiveBlog {
    split_page(&page(body, Captured::By(LONG_AFTER.parse().unwrap())), None).unwrap()
}

/// The table's first row is the pinned repeat, which has no id; the others are the entries in page order.
#[test]
fn guardian_live_page_is_its_table() {
    let Some(corpus) = folder("guardian_live_page_is_its_table") else { return };
    let blog = read(file(corpus.join("corpus/pages/guardian/russia-ukraine-2023-05-15.html")));
    let table = std::fs::read_to_string(corpus.join("corpus/truth/guardian-2023-05-15.tsv")).unwrap();
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split('\t').collect()).collect();
    let (pinned, rows) = rows.split_first().unwrap();
    assert_eq!((blog.entries.len(), rows.len()), (10, 10));
    let millisecond = "%Y-%m-%dT%H:%M:%S%.3fZ";
    for (entry, row) in blog.entries.iter().zip(rows) {
        assert_eq!(entry.key, row[1]);
        assert_eq!(entry.published.at.format(millisecond).to_string(), row[2], "{}", row[1]);
        assert_eq!((entry.published.origin, entry.published.precision), (Origin::Attribute, Precision::Second));
        let updated = entry.updated.as_ref().map(|stamp| stamp.at.format(millisecond).to_string()).unwrap_or_default();
        assert_eq!(updated, row[4].split(' ').next().unwrap(), "{}", row[1]);
        assert_eq!(entry.headline.as_deref().unwrap_or_default(), row[5]);
        let permalink = entry.permalink.as_deref().unwrap();
        assert!(permalink.starts_with("https://www.theguardian.com/world/live/2023/may/15/") && permalink.ends_with(row[1]));
        // The table counts all the characters of the block, its header and its share links among them.
        let (ours, all) = (entry.body_text.chars().count(), row[6].parse::<usize>().unwrap());
        assert!(ours <= all + 20 && ours * 100 >= all * 80, "{}: {ours} of {all}", row[1]);
        assert_eq!(entry.marks.contains(&Mark::Pinned), row[5] == pinned[5], "{}", row[1]);
        // All entries with a headline are in the page's list of key events, and no other.
        assert_eq!(entry.marks.contains(&Mark::KeyEvent), !row[5].is_empty(), "{}", row[1]);
        assert!(!entry.marks.contains(&Mark::Summary), "the only summary stands on an older page");
        assert_eq!(entry.problems, []);
    }
    assert_eq!(blog.problems, []);
    assert_eq!(blog.entries[0].byline, ["Jennifer Rankin"]);
    assert!(blog.entries[1..].iter().all(|entry| entry.byline.is_empty()));
    assert_eq!(blog.entries.iter().map(|entry| entry.images.len()).collect::<Vec<_>>(), [0, 0, 0, 0, 0, 0, 0, 1, 0, 1]);
    assert_eq!(blog.head.coverage.state, CoverageState::Live);
    assert_eq!(blog.head.coverage.started.unwrap().to_rfc3339(), "2023-05-15T04:38:00+00:00");
    assert!(blog.older.unwrap().ends_with("-live?page=with:block-64620b428f08e408b758aed8&filterKeyEvents=false"));
    assert!(blog.head.key.starts_with("world/live/2023/may/15/russia-ukraine-war-latest"));
}

fn answer(corpus: &std::path::Path, name: &str) -> String {
    String::from_utf8(file(corpus.join("corpus/pages/aljazeera").join(name))).unwrap()
}

const INDEX: &str = "ArchipelagoSingleLiveBlogQuery--iran-war-live.TRIMMED.json";

#[test]
fn al_jazeera_answers_are_entries_of_one_live_blog() {
    let Some(corpus) = folder("al_jazeera_answers_are_entries_of_one_live_blog") else { return };
    for (id, published, updated, headline, byline, images) in [
        ("4512107", "03:45:00", None, "China capitalises on", vec!["Patrick Fok"], 1),
        ("4514943", "23:45:00", None, "Here’s what happened", vec![], 0),
        ("4514963", "23:59:00", Some("2026-04-23T00:00:50+00:00"), "Our coverage continues", vec![], 1),
    ] {
        let blog = read(answer(&corpus, &format!("LiveBlogUpdateQuery--{id}.json")).into());
        let [entry] = &blog.entries[..] else { panic!("{id}: {} entries", blog.entries.len()) };
        assert_eq!(entry.key, id);
        assert_eq!(entry.published.at.to_rfc3339(), format!("2026-04-22T{published}+00:00"));
        assert_eq!(entry.updated.as_ref().map(|stamp| stamp.at.to_rfc3339()).as_deref(), updated);
        assert!(entry.headline.as_ref().unwrap().starts_with(headline));
        assert_eq!(entry.byline, byline);
        let link = "https://www.aljazeera.com/news/liveblog/2026/4/22/iran-war-live-";
        assert!(entry.permalink.as_ref().is_some_and(|permalink| permalink.starts_with(link)));
        assert!(entry.permalink.as_ref().is_some_and(|permalink| permalink.ends_with(&format!("?update={id}"))));
        assert_eq!(entry.images.len(), images);
        for image in &entry.images {
            assert!(image.url.starts_with("https://www.aljazeera.com/wp-content/uploads/"), "{}", image.url);
            assert!(image.url.ends_with("resize=770%2C513") && !image.url.contains("#038"), "{}", image.url);
        }
        assert!(!entry.body_html.contains("href=\"/") && entry.body_text.len() > 100);
        assert_eq!((&entry.problems, &blog.problems), (&vec![], &vec![]));
    }
}

/// The list has no text: it tells of the live blog, and which entries are still to be asked for.
#[test]
fn al_jazeera_index_makes_no_empty_entries() {
    let Some(corpus) = folder("al_jazeera_index_makes_no_empty_entries") else { return };
    let blog = read(answer(&corpus, INDEX).into());
    assert!(blog.entries.is_empty());
    let [problem] = &blog.problems[..] else { panic!("{:?}", blog.problems) };
    assert!(problem.message.starts_with("the text of 25 of 25 listed entries is not here"), "{}", problem.message);
    assert_eq!(blog.head.headline, "Iran war live: Trump says ceasefire extended as talks with Tehran in limbo");
    assert_eq!(blog.head.coverage.state, CoverageState::Live);

    let body = answer(&corpus, "LiveBlogUpdateQuery--4512107.json");
    let both = read(format!("[{},{body}]", answer(&corpus, INDEX)).into());
    assert_eq!((both.head.id, both.entries.len()), (blog.head.id, 1));
    assert!(both.problems[0].message.starts_with("the text of 24 of 25 listed"), "{}", both.problems[0].message);
    assert_eq!(both.entries, read(body.into()).entries, "with the index or without");

    let ids = answer(&corpus, "SingleLiveBlogChildrensQuery--iran-war-live--snapshot-0.json");
    let refusal = split_page(&page(ids.into(), Captured::By(LONG_AFTER.parse().unwrap())), None).unwrap_err();
    assert!(refusal.to_string().contains("LiveBlogUpdateQuery"), "{refusal}");
}

/// 38 clocks over two days and no date: fetched today they would become today's.
#[test]
fn telegraph_page_without_dates_is_refused() {
    let Some(corpus) = folder("telegraph_page_without_dates_is_refused") else { return };
    let body = file(corpus.join("corpus/pages/telegraph/airasia-2014-12-28.html"));
    let at = |captured: &str| Captured::At(captured.parse().unwrap());
    for captured in [Captured::By(LONG_AFTER.parse().unwrap()), at(LONG_AFTER), at("2014-12-28T18:00:00Z")] {
        let refusal = split_page(&page(body.clone(), captured), None).unwrap_err();
        assert_eq!(refusal, Refusal::Undated { example: "17.00".into() }, "{captured:?}");
    }
    // A capture of the very evening dates them.
    let blog = split_page(&page(body, at("2014-12-31T18:00:00Z")), None).unwrap();
    let instants: Vec<String> = blog.entries.iter().map(|entry| entry.published.at.format("%dT%H:%M").to_string()).collect();
    assert_eq!((instants.len(), &*instants[0], &*instants[37]), (38, "31T17:00", "30T23:45"));
    assert!(blog.entries.iter().all(|entry| !entry.body_text.is_empty() && !entry.body_text.starts_with("17.00")));
}
