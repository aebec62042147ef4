use std::collections::HashMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use url::Url;

use super::document::{self, Table};
use super::{Mistake, value};

/// A news story that a fresh store is filled with: several outlets' live blogs of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// The name of its file, without the ending.
    pub name: String,
    /// What the story is called.
    pub title: String,
    /// Its live blogs, in file order.
    pub live_blogs: Vec<Seed>,
}

/// One saved live blog of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// Its address, without a fragment.
    pub url: Url,
    /// Slug of its outlet.
    pub outlet: String,
    /// When the capture was made.
    pub captured: DateTime<Utc>,
    /// The saved page.
    pub capture: PathBuf,
    /// What to call it instead of its own headline.
    pub title: Option<String>,
}

/// Reads every `*.toml` in `folder`, by name; none where there is no such folder. Captures are named from the folder.
pub fn load_stories(folder: &Path, outlets: &[&str]) -> Result<Vec<Story>, Vec<Mistake>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let unreadable = |e: std::io::Error| vec![Mistake::of_file(folder, format!("the folder can't be read: {e}"))];
    let mut files = Vec::new();
    for file in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = file.map_err(unreadable)?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.extension().is_some_and(|extension| extension == "toml") && !hidden {
            files.push(path);
        }
    }
    files.sort();
    let (mut stories, mut mistakes) = (Vec::new(), Vec::new());
    for file in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        match document::read(&file, |top| read(top, name, folder, outlets)) {
            Ok(story) => stories.extend(story),
            Err(more) => mistakes.extend(more),
        }
    }
    if mistakes.is_empty() { Ok(stories) } else { Err(mistakes) }
}

fn read(top: &mut Table, name: String, folder: &Path, outlets: &[&str]) -> Option<Story> {
    let title = top.text("title", value::not_empty);
    let title = top.require("title", title);
    let mut lines = HashMap::new();
    let mut live_blogs = Vec::new();
    for mut table in top.tables("live_blog") {
        let url = table.text("url", value::web_address);
        let url = table.require("url", url);
        let outlet = table.text("outlet", |text| value::outlet(text, outlets));
        let outlet = table.require("outlet", outlet);
        let captured = table.instant("captured");
        let captured = table.require("captured", captured);
        let capture = table.text("capture", |text| {
            let path = folder.join(value::not_empty(text)?);
            if path.is_file() { Ok(path) } else { Err(format!("there is no file `{}`", path.display())) }
        });
        let capture = table.require("capture", capture);
        let title = table.text("title", value::not_empty);
        table.finish();
        let (Some(url), Some(outlet), Some(captured), Some(capture)) = (url, outlet, captured, capture) else { continue };
        // One live blog may be there twice, as it stood at two instants.
        if let Some(first) = lines.insert((url.clone(), captured), table.line("url")) {
            table.mistake("url", format_args!("`{url}` captured at the same instant stands on line {first} already"));
        }
        live_blogs.push(Seed { url, outlet, captured, capture, title });
    }
    Some(Story { name, title: title?, live_blogs })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn stories_are_read_by_file_name_with_captures_beside_them() {
        let story = |title: &str| {
            format!(
                r#"title = "{title}"
                [[live_blog]]
                url = "https://news.example/{title}#top"
                outlet = "sputnik"
                captured = 2022-01-11T00:05:00+05:00
                capture = "a/page.txt""#
            )
        };
        let folder = folder(&[
            ("b.toml", &story("B")),
            ("a.toml", &story("A")),
            ("a/page.txt", ""),
            ("notes.md", "?"),
            (".c.toml", "?"),
        ]);
        let stories = load_stories(folder.path(), &["sputnik"]).unwrap();
        let seed = |title: &str| Seed {
            url: Url::parse(&format!("https://news.example/{title}")).unwrap(),
            outlet: "sputnik".to_owned(),
            captured: "2022-01-10T19:05:00Z".parse().unwrap(),
            capture: folder.path().join("a/page.txt"),
            title: None,
        };
        let expected = ["A", "B"].map(|title| Story {
            name: title.to_lowercase(),
            title: title.to_owned(),
            live_blogs: vec![seed(title)],
        });
        assert_eq!(stories, expected);
        assert_eq!(load_stories(&folder.path().join("none"), &[]), Ok(Vec::new()));
    }

    #[test]
    fn mistakes_of_all_files_are_told() {
        let twice = r#"
            url = "https://news.example/"
            outlet = "sputnik"
            captured = 2022-01-10T19:05:00Z
            capture = "a/page.txt"
        "#;
        let other_instant = twice.replace("19:05", "19:06");
        let folder = folder(&[
            (
                "a.toml",
                "[[live_blog]]\noutlet = 'sputnikk'\ncaptured = 2022-01-10T19:05:00\ncapture = 'a/none.txt'\nurll = ''\n",
            ),
            ("b.toml", "title = 'B'\n[[live_blog]]\ncaptured = '2022-01-10T19:05:00Z'\ncapture = 'a'\n"),
            ("c.toml", &format!("title = 'C'\n[[live_blog]]{twice}[[live_blog]]{other_instant}[[live_blog]]{twice}")),
            ("a/page.txt", ""),
        ]);
        let prefix = format!("{}/", folder.path().display());
        let told = load_stories(folder.path(), &["sputnik"]).unwrap_err();
        let told: Vec<_> = told.iter().map(|mistake| mistake.to_string().replace(&prefix, "")).collect();
        const WANTED: &str = "write date, time and offset without quotes, for example 2022-01-10T19:05:00Z";
        assert_eq!(
            told,
            [
                "a.toml:1:1: missing key `title`",
                "a.toml:1:1: missing key `url` in [[live_blog]]",
                "a.toml:2:10: outlet: unknown outlet `sputnikk`: did you mean `sputnik`?",
                &format!("a.toml:3:12: captured: 2022-01-10T19:05:00 names no instant, as it has no offset: {WANTED}"),
                "a.toml:4:11: capture: there is no file `a/none.txt`",
                "a.toml:5:1: unknown key `urll` in `live_blog`: did you mean `url`?",
                "b.toml:2:1: missing key `url` in [[live_blog]]",
                "b.toml:2:1: missing key `outlet` in [[live_blog]]",
                &format!("b.toml:3:12: captured: must be an instant, found text: {WANTED}"),
                "b.toml:4:11: capture: there is no file `a`",
                "c.toml:13:19: url: `https://news.example/` captured at the same instant stands on line 3 already",
            ]
        );
    }
}
