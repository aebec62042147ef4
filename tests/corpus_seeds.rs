//! The seed captures of all five outlets, row by row, and the real pages of those that have some.

use crate::corpus::folder;
use std::path::{Path, PathBuf};
use tidings::adapters::OUTLETS;
use tidings::model::{CoverageState, Entry, LiveBlog, Origin, Precision, ProblemCode};
use tidings::outlet::{Refusal, split_page};
use tidings::page::{Captured, Page};

const SEEDS: [(&str, &str); 5] = [
    ("000_be2042d07ef76892.txt", "independent"),
    ("001_64d4746caf630de6.txt", "cgtn"),
    ("002_cd5cc02ba7af2af2.txt", "meduza"),
    ("003_07e3c5d2ae97d8aa.txt", "dw"),
    ("004_3d1c6daa7abb951e.txt", "sputnik"),
];
const CAPTURED: &str = "2026-01-01T00:00:00Z";

fn page(path: &Path, url: Option<&str>) -> Page {
    Page {
        body: std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        url: url.map(|url| url.parse().unwrap()),
        content_type: None,
        captured: Captured::By(CAPTURED.parse().unwrap()),
    }
}

fn read(path: PathBuf) -> LiveBlog {
    split_page(&page(&path, None), None).unwrap_or_else(|refusal| panic!("{}: {refusal}", path.display()))
}

fn only(blog: &LiveBlog) -> &Entry {
    let [entry] = &blog.entries[..] else { panic!("{} entries", blog.entries.len()) };
    assert_eq!(blog.head.coverage.state, CoverageState::Article);
    entry
}

#[test]
fn every_row_of_every_seed_capture() {
    let Some(corpus) = folder("every_row_of_every_seed_capture") else { return };
    let table = std::fs::read_to_string(corpus.join("seeds/entries.tsv")).unwrap();
    let table: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split('\t').collect()).collect();
    assert_eq!(table.len(), 33);
    let mut rows = table.iter();
    for (file, outlet) in SEEDS {
        let blog = read(corpus.join("seeds").join(file));
        assert_eq!(blog.head.outlet, outlet, "{file}: recognised without its address");
        for (index, entry) in blog.entries.iter().enumerate() {
            let row = rows.next().unwrap();
            let [name, n, published, precision, byline, headline, lines] = row[..] else { panic!("{row:?}") };
            let place = format!("{file} entry {n}");
            assert_eq!((name, n), (file, (index + 1).to_string().as_str()), "{place}");
            // A row without a time tells nothing; a row of a day tells the day.
            match published {
                "-" => assert_eq!(
                    (entry.published.origin, entry.published.at.to_rfc3339()),
                    (Origin::FirstSeen, CAPTURED.replace('Z', "+00:00"))
                ),
                _ => {
                    let at = entry.published.at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
                    assert!(published == at || (published.len() == 10 && at.starts_with(published)), "{place}: {at}");
                }
            }
            assert_eq!(serde_json::to_value(entry.published.precision).unwrap(), precision, "{place}");
            assert_eq!(entry.byline.join(", "), byline, "{place}");
            assert_eq!(entry.headline.as_deref().unwrap_or_default(), headline, "{place}");
            let own = entry.body_text.lines().filter(|line| !line.is_empty()).count().to_string();
            assert!(lines == "-" || lines == own, "{place}: {own} lines");
        }
    }
    assert_eq!(rows.next(), None, "every row was met");
}

#[test]
fn each_seed_capture_is_claimed_by_its_outlet_alone() {
    let Some(corpus) = folder("each_seed_capture_is_claimed_by_its_outlet_alone") else { return };
    for (file, outlet) in SEEDS {
        let text = std::fs::read_to_string(corpus.join("seeds").join(file)).unwrap();
        let claims: Vec<&str> =
            OUTLETS.iter().filter(|outlet| (outlet.claims_text)(&text)).map(|outlet| outlet.slug).collect();
        assert_eq!(claims, [outlet], "{file}");
    }
}

/// The same for the project's own captures, which are the same in shape.
#[test]
fn each_capture_of_the_project_is_claimed_by_its_outlet_alone() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds/kazakhstan-2022");
    for (_, outlet) in SEEDS {
        let text = std::fs::read_to_string(folder.join(outlet).with_extension("txt")).unwrap();
        let claims: Vec<&str> =
            OUTLETS.iter().filter(|outlet| (outlet.claims_text)(&text)).map(|outlet| outlet.slug).collect();
        assert_eq!(claims, [outlet]);
    }
}

#[test]
fn what_is_not_the_story_is_gone_and_the_story_is_whole() {
    let Some(corpus) = folder("what_is_not_the_story_is_gone_and_the_story_is_whole") else { return };
    let seed = |at: usize| {
        let path = corpus.join("seeds").join(SEEDS[at].0);
        let text = std::fs::read_to_string(&path).unwrap();
        (only(&read(path)).clone(), text)
    };
    // Every line of a capture is in the body, but for those named here.
    let missing = |entry: &Entry, text: &str| -> Vec<String> {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let body = words(&entry.body_text);
        text.lines().map(words).filter(|line| !line.is_empty() && !body.contains(line.as_str())).collect()
    };
    let (cgtn, text) = seed(1);
    let gone = missing(&cgtn, &text);
    assert_eq!(gone.len(), 7, "headline, date, byline, three related headlines, trends: {gone:?}");
    for caption in ["Demonstrators in Almaty", "promised 'maximum toughness'"] {
        assert_eq!(cgtn.body_text.matches(caption).count(), 1);
    }
    assert!(cgtn.body_html.contains("<h2>Foreign reaction</h2>"));
    assert_eq!(cgtn.published.zone, Some(chrono_tz::Asia::Shanghai));

    let (meduza, text) = seed(2);
    let gone = missing(&meduza, &text.replace("\n- ", "\n"));
    assert_eq!(gone.len(), 2, "headline and promo: {gone:?}");
    assert_eq!((meduza.body_html.matches("<h2>").count(), meduza.body_html.matches("<ul>").count()), (3, 3));
    assert_eq!(meduza.body_html.matches("<li>").count(), text.matches("\n- ").count());
    assert!(meduza.body_html.ends_with("</p>") && meduza.body_html.contains("<p>(1) The CSTO</p>"));
    assert_eq!(meduza.problems[0].code, ProblemCode::NoTime);

    let (dw, text) = seed(3);
    let gone = missing(&dw, &text);
    assert_eq!(gone.len(), 9, "three skip links, headline, day, standfirst, caption twice (glued), closing line: {gone:?}");
    assert_eq!(dw.body_text.matches("a counterterrorism operation").count(), 1);
    assert!(
        dw.body_text.starts_with("Security forces have deployed a counterterrorism operation to stop mass unrest Image: ")
    );
    assert_eq!(dw.body_html.matches("<h2>").count(), 4);
    assert_eq!(dw.published.at.to_rfc3339(), "2022-01-06T11:00:00+00:00", "noon in Berlin");
}

#[test]
fn dw_articles_of_both_engines() {
    let Some(corpus) = folder("dw_articles_of_both_engines") else { return };
    for (file, key, published, precision, origin, byline, paragraphs, pictures) in [
        (
            "article-de-2024-01-30",
            "68117411",
            "2024-01-30T14:13:12.269Z",
            Precision::Second,
            Origin::Json,
            "Jennifer Pahlke",
            13,
            3,
        ),
        (
            "article-de-2023-04-28",
            "65464327",
            "2023-04-28T10:00:00Z",
            Precision::Day,
            Origin::Text,
            "Roman Goncharenko",
            10,
            2,
        ),
        ("article-en-colonial-2020", "52060881", "2020-01-19T11:00:00Z", Precision::Day, Origin::Text, "Ben Knight", 10, 3),
    ] {
        let blog = read(corpus.join("corpus/pages/dw").join(file).with_extension("html"));
        let entry = only(&blog);
        assert_eq!((blog.head.outlet.as_str(), blog.head.key.as_str()), ("dw", key), "{file}");
        assert_eq!(entry.published.at, published.parse::<chrono::DateTime<chrono::Utc>>().unwrap(), "{file}");
        assert_eq!((entry.published.precision, entry.published.origin), (precision, origin), "{file}");
        assert_eq!(entry.byline, [byline], "{file}");
        assert_eq!((&blog.problems[..], &entry.problems[..]), (&[][..], &[][..]), "{file}");
        assert!(blog.head.standfirst.as_ref().is_some_and(|standfirst| standfirst.len() > 100), "{file}");
        let got = (entry.body_html.matches("<p>").count(), entry.images.len());
        assert!(got.0 >= paragraphs && got.1 >= pictures, "{file}: {got:?}\n{}", entry.body_html);
        for stray in ["Watch video", "newsletter", "Share", "formatId", "DW recommends", "Redaktion empfiehlt", "adHeadline"]
        {
            assert!(!entry.body_text.contains(stray) && !entry.body_html.contains(stray), "{file}: {stray}");
        }
    }
}

#[test]
fn the_cgtn_homepage_is_refused_and_said_to_be_an_index() {
    let Some(corpus) = folder("the_cgtn_homepage_is_refused_and_said_to_be_an_index") else { return };
    let page = page(&corpus.join("corpus/pages/cgtn/home-index.html"), Some("https://www.cgtn.com/"));
    match split_page(&page, None) {
        Err(Refusal::NotALiveBlog(reason)) => assert!(reason.starts_with("it is an index page, with links to "), "{reason}"),
        other => panic!("{other:?}"),
    }
    // Its text was encoded twice; what is read of it no longer is.
    let (text, problems) = page.text();
    assert_eq!(problems[0].code, ProblemCode::Charset);
    assert!(text.contains("on the day’s top stories") && text.contains("Español") && !text.contains("Ã"));
}

#[test]
fn no_other_page_is_taken_for_one_encoded_twice() {
    let Some(corpus) = folder("no_other_page_is_taken_for_one_encoded_twice") else { return };
    let mut pages = 0;
    for outlet in std::fs::read_dir(corpus.join("corpus/pages")).unwrap() {
        for file in std::fs::read_dir(outlet.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let twice = page(&path, None).text().1.iter().any(|problem| problem.message.contains("encoded twice"));
            assert_eq!(twice, path.ends_with("cgtn/home-index.html"), "{}", path.display());
            pages += 1;
        }
    }
    assert!(pages > 15);
}
