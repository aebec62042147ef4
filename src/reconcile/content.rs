//! What of an entry counts: which difference is an edit, which one only alters what a feed shows, and which is noise.
//!
//! A newsroom's engine writes the same entry a little differently each time: a picture in another size, a token in its
//! address, a count of minutes that runs. A reader must not be told that an entry was edited because of that. So there are
//! two hashes. What an entry says ([`content_hash`]) is its words, names and number of pictures: a change of that is an
//! edit. What a feed shows ([`shown_hash`]) is that with links, structure and marks. Neither knows of sizes, white space,
//! the sizes and signatures in picture addresses, or a "20m ago" beside the words.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::{Entry, Precision};
use crate::time::{Printed, parse};

use super::picture::picture;

/// SHA-256 over a part of an entry.
pub type Hash = [u8; 32];

/// A part of an entry that a change can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Its headline.
    Headline,
    /// The names on it.
    Byline,
    /// The words of its body.
    Body,
    /// How many pictures it has, or which.
    Images,
    /// What the outlet marks it as.
    Marks,
    /// Its address at the outlet.
    Permalink,
    /// Links and structure of the body, its words being the same.
    Markup,
}

/// A longer line is prose, whatever it begins with.
const LONGEST_TIME: usize = 40;

/// The words of the body, those being left out that only count the time since.
pub(super) fn body_words(entry: &Entry) -> impl Iterator<Item = &str> {
    entry.body_text.lines().flat_map(words_that_stay)
}

/// The words of a line without the "20m ago" that it begins or ends with, or is.
fn words_that_stay(line: &str) -> impl Iterator<Item = &str> {
    let alone = line.len() <= LONGEST_TIME && matches!(parse(line.trim()), Some(Printed::Ago { .. }));
    let words: Vec<&str> = if alone { Vec::new() } else { line.split_whitespace().collect() };
    let start = (2..=3).rev().find(|&count| words.get(..count).is_some_and(is_counted)).unwrap_or_default();
    let left = words.len() - start;
    let end = (2..=3.min(left)).rev().find(|&count| is_counted(&words[words.len() - count..])).unwrap_or_default();
    let stays = start..words.len() - end;
    words.into_iter().skip(stays.start).take(stays.len())
}

/// Whether these words are a time that runs on: `20m ago`, `20 minutes ago`, `just now`. Days are left to prose.
fn is_counted(words: &[&str]) -> bool {
    let last = words.last().is_some_and(|last| ["ago", "now"].iter().any(|word| last.eq_ignore_ascii_case(word)));
    let counted = || matches!(parse(&words.join(" ")), Some(Printed::Ago { precision, .. }) if precision != Precision::Day);
    last && counted()
}

fn headline_words(entry: &Entry) -> impl Iterator<Item = &str> {
    entry.headline.iter().flat_map(|headline| headline.split_whitespace())
}

/// All words a reader sees, headline first.
pub(super) fn words(entry: &Entry) -> Vec<&str> {
    headline_words(entry).chain(body_words(entry)).collect()
}

/// Over what the entry says: a change of it is an edit.
pub fn content_hash(entry: &Entry) -> Hash {
    let mut hash = Fields(Sha256::new());
    hash.words(headline_words(entry));
    hash.count(entry.byline.len());
    entry.byline.iter().for_each(|name| hash.words(name.split_whitespace()));
    hash.words(body_words(entry));
    hash.count(entry.images.len());
    hash.0.finalize().into()
}

/// Over all of the page's that a feed shows beside its stamps. Problems are left out on purpose: they depend on the entry's
/// neighbours, and a feed does not show them.
pub fn shown_hash(entry: &Entry) -> Hash {
    let mut hash = Fields(Sha256::new());
    hash.0.update(content_hash(entry));
    hash.text(&markup(&entry.body_html));
    for image in &entry.images {
        hash.text(&picture(&image.url));
        hash.words(image.caption.iter().flat_map(|caption| caption.split_whitespace()));
    }
    hash.count(usize::from(entry.permalink.is_some()));
    hash.text(entry.permalink.as_deref().unwrap_or_default());
    let marks = marks(entry);
    hash.count(marks.len());
    hash.0.update(&marks);
    hash.0.finalize().into()
}

/// Marks are a set: the order in which a splitter meets them says nothing.
fn marks(entry: &Entry) -> Vec<u8> {
    let mut marks: Vec<u8> = entry.marks.iter().map(|mark| *mark as u8).collect();
    marks.sort_unstable();
    marks.dedup();
    marks
}

/// Which parts differ.
pub(super) fn parts(old: &Entry, new: &Entry) -> Vec<Part> {
    let images = |entry: &Entry| entry.images.iter().map(|image| picture(&image.url)).collect::<Vec<_>>();
    let names =
        |entry: &Entry| entry.byline.iter().flat_map(|name| name.split_whitespace()).map(str::to_owned).collect::<Vec<_>>();
    let (words, pictures) = (body_words(old).eq(body_words(new)), images(old) == images(new));
    [
        (Part::Headline, headline_words(old).eq(headline_words(new))),
        (Part::Byline, names(old) == names(new)),
        (Part::Body, words),
        (Part::Images, pictures),
        (Part::Marks, marks(old) == marks(new)),
        (Part::Permalink, old.permalink == new.permalink),
        (Part::Markup, !words || markup(&old.body_html) == markup(&new.body_html)),
    ]
    .into_iter()
    .filter_map(|(part, same)| (!same).then_some(part))
    .collect()
}

/// How much of what the entry says an edit changed, from 0 (nothing) to 1 (all of it): the share of words that were put in
/// or taken out. A number that changed is never less than a half, nor is another headline: "12 dead" and "14 dead" differ
/// by one word.
pub(super) fn significance(old: &Entry, new: &Entry) -> f64 {
    let (before, after) = (words(old), words(new));
    let mut counts = HashMap::<&str, i64>::new();
    before.iter().for_each(|word| *counts.entry(word).or_default() += 1);
    after.iter().for_each(|word| *counts.entry(word).or_default() -= 1);
    let moved: u64 = counts.values().map(|count| count.unsigned_abs()).sum();
    let share = moved as f64 / (before.len() + after.len()).max(1) as f64;
    let figure = counts.iter().any(|(word, count)| *count != 0 && word.bytes().any(|byte| byte.is_ascii_digit()));
    let weighty = figure || !headline_words(old).eq(headline_words(new));
    if weighty { share.max(0.5) } else { share }
}

/// Cleaned HTML without what is noise in it: sizes, sources in other sizes, queries of pictures, white space.
fn markup(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        push_words(&mut out, &rest[..start]);
        // Cleaned HTML writes `>` in attribute values as it is only inside quotes, which `tag_end` knows.
        let end = start + tag_end(&rest[start..]);
        push_tag(&mut out, &rest[start..end]);
        rest = &rest[end..];
    }
    push_words(&mut out, rest);
    out
}

fn push_words(out: &mut String, text: &str) {
    for word in words_that_stay(text) {
        out.push(' ');
        out.push_str(word);
    }
}

/// Length of the tag at the start of `html`, its `>` included.
fn tag_end(html: &str) -> usize {
    let mut quote = None;
    for (at, byte) in html.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return at + 1,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if byte == open => quote = None,
            _ => {}
        }
    }
    html.len()
}

/// A tag with the attributes that mean something.
fn push_tag(out: &mut String, tag: &str) {
    let name = tag.split([' ', '>']).next().unwrap_or_default();
    out.push_str(name);
    for attribute in ["href=\"", "src=\"", "cite=\"", "datetime=\""] {
        let Some(start) = tag.find(attribute) else { continue };
        let value = tag[start + attribute.len()..].split('"').next().unwrap_or_default();
        out.push(' ');
        out.push_str(attribute);
        if attribute.starts_with("src") {
            out.push_str(&picture(value));
        } else {
            out.push_str(value);
        }
    }
    out.push('>');
}

/// Hashes fields with their lengths, so that ("a", "bc") and ("ab", "c") differ.
struct Fields(Sha256);

impl Fields {
    fn count(&mut self, count: usize) {
        self.0.update((count as u64).to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.update(text);
    }

    fn words<'a>(&mut self, words: impl Iterator<Item = &'a str>) {
        let mut count = 0;
        for word in words {
            self.text(word);
            count += 1;
        }
        // No word is this long, so that the end of a list is never taken for a word.
        self.count(usize::MAX - count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Image, Mark, Stamp};
    use chrono::DateTime;

    fn entry(html: &str, text: &str) -> Entry {
        Entry {
            id: uuid::Uuid::nil(),
            key: "a".into(),
            permalink: Some("https://lake.example/#a".into()),
            headline: Some("12 boats missing".into()),
            byline: vec!["Ann Rower".into()],
            published: Stamp::first_seen(DateTime::UNIX_EPOCH),
            updated: None,
            body_html: html.into(),
            body_text: text.into(),
            images: Vec::new(),
            marks: Vec::new(),
            problems: Vec::new(),
        }
    }

    fn image(url: &str) -> Vec<Image> {
        vec![Image { url: url.into(), caption: None, width: Some(4), height: None }]
    }

    #[test]
    fn noise_is_no_difference() {
        let base = Entry {
            images: image("https://lake.example/a.jpg?w=320"),
            ..entry("<p>They left.</p><img src=\"https://lake.example/a.jpg?w=320\" width=\"4\">", "They left.")
        };
        for noise in [
            entry("<p>They\n left.</p> <img src=\"https://lake.example/a.jpg?w=960\" alt=\"\" width=\"9\">", "They  left."),
            entry("<p>20m ago</p><p>They left.</p><img src=\"https://lake.example/a.jpg\">", "20m ago\n\nThey left."),
        ] {
            let noise = Entry { images: image("https://lake.example/a.jpg?sig=77"), ..noise };
            let parts = parts(&base, &noise);
            let same = (content_hash(&base), shown_hash(&base)) == (content_hash(&noise), shown_hash(&noise));
            // A paragraph more is structure, though its words are none.
            assert!(same || parts == [Part::Markup], "{parts:?}");
            assert_eq!(content_hash(&base), content_hash(&noise));
        }
    }

    #[test]
    fn a_time_that_runs_on_is_left_out_where_it_stands_beside_the_words() {
        let left = |line: &str| words_that_stay(line).collect::<Vec<_>>().join(" ");
        for (line, expected) in [
            ("20m ago", ""),
            ("just now", ""),
            ("20m ago They left.", "They left."),
            ("They left 3 hours ago", "They left"),
            ("Updated just now", "Updated"),
            ("Updated 1m ago", "Updated"),
            ("2 minutes ago 1m ago", ""),
            ("They left 3 hours ago.", "They left 3 hours ago."),
            ("It is time now", "It is time now"),
            ("5 days ago", ""),
            ("5 days ago they left", "5 days ago they left"),
            ("long ago", "long ago"),
            ("", ""),
        ] {
            assert_eq!(left(line), expected, "{line}");
        }
    }

    #[test]
    fn what_is_said_is_told_from_what_is_shown() {
        let base = entry("<p>They <a href=\"https://a.example/\">left</a>.</p>", "They left.");
        let linked = entry("<p>They <a href=\"https://b.example/\">left</a>.</p>", "They left.");
        assert_eq!((content_hash(&base), parts(&base, &linked)), (content_hash(&linked), vec![Part::Markup]));
        assert_ne!(shown_hash(&base), shown_hash(&linked));
        let pinned = Entry { marks: vec![Mark::Pinned], ..base.clone() };
        assert_eq!((content_hash(&base), parts(&base, &pinned)), (content_hash(&pinned), vec![Part::Marks]));
        let edited = entry("<p>They stayed.</p>", "They stayed.");
        assert_ne!(content_hash(&base), content_hash(&edited));
        assert_eq!(parts(&base, &edited), [Part::Body]);
        let shown = Entry { images: image("https://lake.example/a.jpg"), ..base.clone() };
        assert_eq!(parts(&base, &shown), [Part::Images]);
        assert_ne!(content_hash(&base), content_hash(&shown));
    }

    #[test]
    fn a_figure_weighs_more_than_a_slip() {
        let long = "the water rose over the quay while the crews were still at work on the old sluice gates";
        let base = Entry { headline: None, ..entry("", &format!("{long} and 12 people left")) };
        let slip = Entry { headline: None, ..entry("", &format!("{} and 12 people left", long.replace("quay", "kay"))) };
        let figure = Entry { headline: None, ..entry("", &format!("{long} and 14 people left")) };
        assert!(significance(&base, &slip) < 0.1);
        assert!(significance(&base, &figure) >= 0.5);
        assert_eq!(significance(&base, &base), 0.0);
        assert_eq!(significance(&entry("", "a b"), &Entry { headline: None, ..entry("", "c d") }), 1.0);
    }
}
