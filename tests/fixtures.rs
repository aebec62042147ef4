//! Each case folder's page goes in, its `expected.json` must come out, problems included.
//!
//! `TIDINGS_BLESS=1 cargo test` rewrites the expectations; they are then read by a person.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use tidings::adapters;
use tidings::model::LiveBlog;
use tidings::outlet::split_page;
use tidings::page::{Captured, Page};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    why: String,
    outlet: Option<String>,
    url: Option<String>,
    captured: Option<toml::value::Datetime>,
    #[serde(default)]
    #[expect(dead_code, reason = "for the reader of the case")]
    synthetic: bool,
    #[serde(default)]
    #[expect(dead_code, reason = "for the reader of the case")]
    expect: String,
}

pub fn outlets() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/outlets")
}

pub fn folders(of: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(of).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn case(folder: &Path) -> Case {
    let case: Case = toml::from_str(&std::fs::read_to_string(folder.join("case.toml")).expect("a case has a case.toml"))
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    assert!(case.why.len() > 20, "{}: say why the case exists", folder.display());
    case
}

/// The page of a case, captured when the case says.
pub fn page(folder: &Path) -> Page {
    let case = case(folder);
    let page = ["page.html", "page.txt", "page.json"].map(|name| folder.join(name)).into_iter().find(|path| path.exists());
    let path = page.unwrap_or_else(|| panic!("{}: no page", folder.display()));
    let captured: DateTime<Utc> = case.captured.map_or_else(
        || "2030-01-01T00:00:00Z".parse().unwrap(),
        |captured| captured.to_string().parse().expect("captured is an instant with its offset"),
    );
    Page {
        body: std::fs::read(&path).unwrap(),
        url: case.url.map(|url| url.parse().unwrap()),
        content_type: None,
        captured: if case.captured.is_some() { Captured::At(captured) } else { Captured::By(captured) },
    }
}

/// Reads a case as `tidings parse` would: the page tells its outlet, only a text may need its address.
fn read(folder: &Path) -> Result<LiveBlog, String> {
    let (case, page) = (case(folder), page(folder));
    let group = folder.parent().unwrap().file_name().unwrap().to_str().unwrap();
    // A page of an outlet that has no adapter of its own tells its slug itself.
    let own = adapters::by_slug(group).is_some_and(|outlet| !outlet.hosts.is_empty());
    let outlet = match (own, &case.outlet) {
        (false, Some(derived)) => derived,
        (_, named) => {
            let fits = named.as_ref().is_none_or(|named| named == group);
            assert!(fits, "{}: it lies in another outlet's folder", folder.display());
            group
        }
    };
    let blog = split_page(&page, None).map_err(|refusal| refusal.to_string())?;
    assert_eq!(blog.head.outlet, outlet, "{}: recognised as another outlet", folder.display());
    Ok(blog)
}

#[test]
fn every_case_comes_out_as_expected() {
    let bless = std::env::var_os("TIDINGS_BLESS").is_some();
    let mut wrong = Vec::new();
    let mut cases = 0;
    for outlet in folders(&outlets()) {
        for folder in folders(&outlet) {
            cases += 1;
            let got = match read(&folder) {
                Ok(blog) => serde_json::to_string_pretty(&blog).unwrap() + "\n",
                Err(refusal) => serde_json::to_string_pretty(&serde_json::json!({ "refused": refusal })).unwrap() + "\n",
            };
            let expected = folder.join("expected.json");
            if bless {
                std::fs::write(&expected, &got).unwrap();
            } else if std::fs::read_to_string(&expected).ok().as_deref() != Some(&got) {
                let stored = std::fs::read_to_string(&expected).unwrap_or_default();
                let line = stored.lines().zip(got.lines()).position(|(one, other)| one != other).unwrap_or_default();
                wrong.push(format!(
                    "{}: line {}\n  expected {}\n  got      {}",
                    folder.display(),
                    line + 1,
                    stored.lines().nth(line).unwrap_or("(nothing)"),
                    got.lines().nth(line).unwrap_or("(nothing)")
                ));
            }
        }
    }
    assert!(cases > 20, "the cases are not there");
    assert!(wrong.is_empty(), "{} of {cases} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// The same entries in three kinds of markup: what a reader sees decides, not what it is called.
#[test]
fn sputnik_reads_the_same_in_any_markup() {
    let read = |case: &str| {
        let blog = read(&outlets().join("sputnik").join(case)).unwrap();
        let seen = blog.entries.into_iter().map(|entry| (entry.id, entry.published, entry.headline, entry.body_text));
        seen.collect::<Vec<_>>()
    };
    let divs = read("html-divs");
    assert_eq!(divs.len(), 6);
    assert_eq!(divs, read("html-list"));
    assert_eq!(divs, read("html-sections"));
}

/// The outlet's own switch turns the page round; no id and no instant follows.
#[test]
fn the_order_of_a_page_changes_no_id() {
    let ids = |case: &str| {
        let blog = read(&outlets().join("sputnik").join(case)).unwrap();
        blog.entries.into_iter().map(|entry| (entry.headline, entry.id, entry.published)).collect::<Vec<_>>()
    };
    let newest_first = ids("text-newest-first");
    for entry in ids("text-oldest-first") {
        assert!(newest_first.contains(&entry), "{entry:?}");
    }
}
