//! Outlets that a config describes: each case folder's `page.html`, read with its `outlet.toml`, must give its `expected.json`.

use crate::fixtures::folders;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use tidings::adapters;
use tidings::config::{Config, Mistake};
use tidings::outlet::{Outlet, split_page_among};
use tidings::page::{Captured, Page};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    why: String,
    url: String,
    captured: toml::value::Datetime,
    #[expect(dead_code, reason = "for the reader of the case")]
    expect: String,
}

fn built_in() -> Vec<&'static str> {
    adapters::OUTLETS.iter().map(|outlet| outlet.slug).collect()
}

fn outlets(config: &Config) -> Vec<&'static Outlet> {
    adapters::with(config.outlets.iter().map(|outlet| outlet.outlet()))
}

fn told(mistakes: Vec<Mistake>) -> String {
    mistakes.iter().map(|mistake| format!("{mistake}\n")).collect()
}

fn folders_of_cases() -> Vec<PathBuf> {
    let cases = folders(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/configured"));
    assert!(cases.len() >= 5, "the cases are not there");
    cases
}

/// A case's page, and the outlets it is read among: the one of its config first.
fn read(folder: &Path) -> (Page, Vec<&'static Outlet>) {
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    let case: Case = toml::from_str(&text("case.toml")).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    assert!(case.why.len() > 20, "{}: say why the case exists", folder.display());
    let config = Config::load(&folder.join("outlet.toml"), &built_in()).unwrap_or_else(|all| panic!("{}", told(all)));
    let captured: DateTime<Utc> = case.captured.to_string().parse().unwrap();
    let page = Page {
        body: text("page.html").into(),
        url: Some(case.url.parse().unwrap()),
        content_type: None,
        captured: Captured::At(captured),
    };
    (page, outlets(&config))
}

/// Every case by its name, for what is true of all pages.
pub fn cases() -> Vec<(String, Page, Vec<&'static Outlet>)> {
    let named = |folder: PathBuf| {
        let (page, outlets) = read(&folder);
        (folder.file_name().unwrap().to_string_lossy().into_owned(), page, outlets)
    };
    folders_of_cases().into_iter().map(named).collect()
}

#[test]
fn every_configured_case_comes_out_as_expected() {
    for folder in folders_of_cases() {
        let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        let (page, outlets) = read(&folder);
        let got = match split_page_among(&outlets, &page, None) {
            Ok(blog) => {
                assert_eq!(blog.head.outlet, outlets[0].slug, "{}", folder.display());
                serde_json::to_string_pretty(&blog).unwrap() + "\n"
            }
            Err(refusal) => panic!("{}: {refusal}", folder.display()),
        };
        if std::env::var_os("TIDINGS_BLESS").is_some() {
            std::fs::write(folder.join("expected.json"), &got).unwrap();
        }
        assert!(text("expected.json") == got, "{} differs; see it with TIDINGS_BLESS=1 and git diff", folder.display());
    }
}

fn load(text: &str) -> Result<Config, Vec<Mistake>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    Config::load(&path, &["independent", "sputnik"]).map_err(|mut mistakes| {
        mistakes.iter_mut().for_each(|mistake| mistake.file = "config.toml".into());
        mistakes
    })
}

fn mistakes(text: &str) -> Vec<String> {
    load(text).unwrap_err().iter().map(Mistake::to_string).collect()
}

#[test]
fn mistakes_in_an_outlet_are_told_with_their_lines() {
    let text = r#"[[outlet]]
name = "Sputnik"
hosts = ["https://news.example", 5, "news.example"]
zone = "Europe/Lndon"
entry = "article["
published = "time@"
format = "%d %b"
headline = "h2:has(a)"
body = "h2 ~ p"
skip = ""
language = "french"
bodi = "p"

[[outlet]]
name = "Zeitung für Köln"
slug = "Köln"
hosts = []
zone = "CEST"
id = 7

[[outlet]]
name = "Zeitung für Köln"
hosts = "news.example"

[[outlet]]
name = "The  Daily News!"
hosts = ["news.example"]
zone = "UTC"
entry = ".post"

[[outlet]]
name = "Daily News"
slug = "the-daily-news"
hosts = ["other.example"]
zone = "UTC"
entry = ".post"

[[live_blog]]
url = "https://news.example/a"
outlet = "the-daily-nws"
"#;
    let costly = "which takes too long on a large page: select the entry and what is inside it by their own names, \
                      classes or attributes";
    let host = "write for example \"news.example\", which stands for www.news.example too";
    assert_eq!(
        mistakes(text),
        [
            "config.toml:2:8: name: there is an outlet `sputnik` already, built in: give this one another `slug`",
            &format!("config.toml:3:10: hosts: `https://news.example` is not the name of a host: {host}"),
            "config.toml:3:34: hosts: must be a list of texts in quotes, found a number",
            "config.toml:4:8: zone: there is no time zone `Europe/Lndon`: did you mean `Europe/London`?",
            "config.toml:5:9: entry: `article[` is not a CSS selector: it breaks off",
            "config.toml:6:13: published: `time@` names no attribute behind the @",
            "config.toml:7:10: format: `%d %b` does not say enough to tell a time: it needs day, month and year, or hour and minute, or both; write it as strftime does, for example \"%d/%m/%Y %H:%M\"",
            &format!("config.toml:8:12: headline: `h2:has(a)` holds `:has()`, {costly}"),
            &format!("config.toml:9:8: body: `h2 ~ p` holds `~`, {costly}"),
            r#"config.toml:10:8: skip: must not be empty: write a CSS selector, for example "article.post""#,
            "config.toml:11:12: language: `french` is not a language tag: write for example \"fr\" or \"pt-BR\"",
            "config.toml:12:1: unknown key `bodi` in `outlet`: did you mean `body`?",
            "config.toml:14:1: missing key `entry` in [[outlet]]",
            r#"config.toml:16:8: slug: `Köln` can't stand in an address: use a to z, 0 to 9 and single signs `-`, for example "daily-news""#,
            "config.toml:17:9: hosts: must not be empty",
            "config.toml:18:8: zone: there is no time zone `CEST`: did you mean `CET`?",
            "config.toml:19:6: id: must be text in quotes, found the number 7",
            "config.toml:21:1: missing key `zone` in [[outlet]]",
            "config.toml:21:1: missing key `entry` in [[outlet]]",
            r#"config.toml:22:8: name: no slug can be made of it: add one, for example slug = "daily-news""#,
            r#"config.toml:23:9: hosts: must be a list, written ["…", "…"], found text"#,
            "config.toml:33:8: slug: the outlet `the-daily-news` stands on line 26 already",
            "config.toml:40:10: outlet: unknown outlet `the-daily-nws`: did you mean `the-daily-news`?",
        ]
    );
}

#[test]
fn an_outlet_of_ones_own_may_be_named_by_a_live_blog() {
    let text = r#"
            [[outlet]]
            name = "The Daily News"
            hosts = ["Daily.Example"]
            zone = "America/New_York"
            entry = ".post"
            [[live_blog]]
            url = "https://daily.example/a"
            outlet = "the-daily-news"
        "#;
    let config = load(text).unwrap();
    let [outlet] = &config.outlets[..] else { panic!("{:?}", config.outlets) };
    assert_eq!((outlet.slug.as_str(), &outlet.hosts[..]), ("the-daily-news", &["daily.example".to_owned()][..]));
    assert_eq!(config.live_blogs[0].outlet.as_deref(), Some("the-daily-news"));
}

/// A config may read a built-in outlet's host in its own way, and one of two outlets on one host by the longer name.
#[test]
fn the_outlet_that_names_most_of_the_host_reads_the_page() {
    let table =
        |name: &str, host: &str| format!("[[outlet]]\nname = '{name}'\nhosts = ['{host}']\nzone = 'UTC'\nentry = '.post'\n");
    let config =
        load(&[table("One", "daily.example"), table("Two", "live.daily.example"), table("Own", "sputniknews.com")].concat());
    let outlets = outlets(&config.unwrap_or_else(|all| panic!("{}", told(all))));
    let read_by = |host: &str| {
        let page = Page {
            body: b"<!doctype html><div class=post><time datetime=2023-11-02T16:05:00Z></time>Words</div>".into(),
            url: Some(format!("https://{host}/live/a").parse().unwrap()),
            content_type: None,
            captured: Captured::At("2023-11-02T17:00:00Z".parse().unwrap()),
        };
        let blog = split_page_among(&outlets, &page, None).unwrap();
        assert_eq!((blog.entries.len(), blog.head.language), (1, None), "{host}");
        blog.head.outlet
    };
    for (host, outlet) in [
        ("www.daily.example", "one"),
        ("live.daily.example", "two"),
        ("a.live.daily.example", "two"),
        ("sputniknews.com", "own"),
    ] {
        assert_eq!(read_by(host), outlet, "{host}");
    }
}
