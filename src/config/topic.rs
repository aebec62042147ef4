//! The tables `[[topic]]`: live blogs of several outlets about one event, joined under a name.

use std::collections::HashMap;

use url::Url;

use super::document::Table;
use super::story::Story;
use super::value;

/// Longest name of a topic, which is a part of its address.
const LONGEST: usize = 64;
/// Most live blogs of one topic: each is looked for by itself.
const MOST: usize = 50;

/// Live blogs of one event, which have a timeline and feeds together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its name in addresses: `/topics/<name>`.
    pub name: String,
    /// What it is called.
    pub title: String,
    /// The addresses of its live blogs, followed or read from a file.
    pub live_blogs: Vec<Url>,
}

impl Topic {
    /// A story that the store was filled with is a topic too, under the name of its file.
    pub fn of(story: &Story) -> Topic {
        let mut live_blogs: Vec<Url> = story.live_blogs.iter().map(|seed| seed.url.clone()).collect();
        live_blogs.sort();
        live_blogs.dedup();
        Topic { name: story.name.clone(), title: story.title.clone(), live_blogs }
    }
}

pub(super) fn read(top: &mut Table) -> Vec<Topic> {
    let mut lines = HashMap::new();
    let mut topics = Vec::new();
    for mut table in top.tables("topic") {
        let name = table.text("name", name);
        let name = table.require("name", name);
        let title = table.text("title", value::not_empty);
        let live_blogs = table.texts("live_blogs", value::web_address);
        let live_blogs = table.require("live_blogs", live_blogs);
        if live_blogs.as_ref().is_some_and(|live_blogs| live_blogs.len() > MOST) {
            table.mistake("live_blogs", format_args!("a topic joins {MOST} live blogs at most"));
        }
        if let Some(name) = &name
            && let Some(first) = lines.insert(name.clone(), table.line("name"))
        {
            table.mistake("name", format_args!("the topic `{name}` stands on line {first} already"));
        }
        table.finish();
        if let (Some(name), Some(live_blogs)) = (name, live_blogs) {
            topics.push(Topic { title: title.unwrap_or_else(|| name.replace('-', " ")), name, live_blogs });
        }
    }
    topics
}

fn name(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !text.is_empty() && text.len() <= LONGEST && text.bytes().all(plain) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "`{}` can't be a part of an address: write up to {LONGEST} of a to z, 0 to 9 and `-`, for example \"storm-over-the-lake\"",
        text.escape_debug()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parts_of_addresses() {
        for good in ["a", "storm-over-the-lake", "2022"] {
            assert_eq!(name(good).as_deref(), Ok(good));
        }
        for bad in ["", "Storm", "a b", "a/b", "è", &"a".repeat(65)] {
            assert!(name(bad).unwrap_err().contains("can't be a part of an address"), "{bad}");
        }
    }
}
