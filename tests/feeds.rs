//! Whole feeds: what goes in is `fixtures/feeds/<case>/feed.json`, what must come out stands beside it. `TIDINGS_BLESS=1`
//! rewrites the expectations.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, fs};

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use serde::Deserialize;
use tidings::feed::{self, Feed, Format, Item, Pages, Role, Withdrawn};
use tidings::identity::{blog_id, entry_id};
use tidings::model::{Coverage, Entry, Head, Image, Life, LiveBlog, Mark, Origin, Precision, Problem, ProblemCode, Stamp};

/// A case's `feed.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Why the case exists.
    why: String,
    id: String,
    title: String,
    subtitle: Option<String>,
    /// Without its ending, which differs by format.
    self_url: String,
    home_url: String,
    language: Option<String>,
    updated: DateTime<Utc>,
    /// Their entries stand newest first.
    live_blogs: Vec<LiveBlog>,
    /// What becomes of the entry of a key: items in this order.
    #[serde(default)]
    lives: BTreeMap<String, Vec<Part>>,
    /// Keys of entries that were taken back, and when.
    #[serde(default)]
    withdrawn: BTreeMap<String, DateTime<Utc>>,
    #[serde(default)]
    archive: bool,
    #[serde(default)]
    prev: Option<String>,
    #[serde(default)]
    next: Option<String>,
    #[serde(default)]
    current: Option<String>,
    #[serde(default)]
    hub: Option<String>,
}

/// An item with a part of its own.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Part {
    Entry,
    Edit { revision: u32, at: DateTime<Utc> },
    Stub { at: DateTime<Utc> },
    Withdrawal { at: DateTime<Utc> },
}

impl Part {
    fn role(&self) -> Role {
        match *self {
            Part::Entry => Role::Entry,
            Part::Edit { revision, at } => Role::Edit { revision, at },
            Part::Stub { at } => Role::Stub { at },
            Part::Withdrawal { at } => Role::Withdrawal { at },
        }
    }
}

impl Case {
    fn feed(&self, format: Format) -> Feed {
        let mut items = Vec::new();
        for LiveBlog { head, entries, .. } in &self.live_blogs {
            let head = Arc::new(head.clone());
            for entry in entries {
                let item = Item::new(head.clone(), Arc::new(entry.clone()));
                let Some(parts) = self.lives.get(&entry.key) else {
                    items.push(item);
                    continue;
                };
                let page = Some(format!("https://tidings.example/entries/{}", entry.id));
                let seen = entry.published.at;
                let life = Some(Life { revision: parts.len() as u32, first_seen: seen, changed: seen, withdrawn: None });
                let with = |part: &Part| Item { role: part.role(), page: page.clone(), life: life.clone(), ..item.clone() };
                items.extend(parts.iter().map(with));
            }
        }
        items.sort_by_key(|item| std::cmp::Reverse(item.entry.published.at));
        let id_of = |key: &str| items.iter().find(|item| item.entry.key == key).unwrap().entry.id;
        let withdrawn = self.withdrawn.iter().map(|(key, at)| Withdrawn { id: id_of(key), edit: None, at: *at }).collect();
        let page = |url: &Option<String>| url.as_ref().map(|url| format!("{url}.{}", format.extension()));
        let pages =
            Pages { archive: self.archive, prev: page(&self.prev), next: page(&self.next), current: page(&self.current) };
        Feed {
            id: self.id.clone(),
            title: self.title.clone(),
            subtitle: self.subtitle.clone(),
            self_url: Some(format!("{}.{}", self.self_url, format.extension())),
            home_url: Some(self.home_url.clone()),
            language: self.language.clone(),
            updated: self.updated,
            items,
            withdrawn,
            pages,
            hub: self.hub.clone(),
            style: None,
        }
    }
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/feeds");
    let mut cases: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(!cases.is_empty(), "no cases in {}", folder.display());
    cases
}

#[test]
fn every_case_gives_its_expected_documents() {
    let bless = env::var_os("TIDINGS_BLESS").is_some();
    let mut wrong = Vec::new();
    for folder in cases() {
        let input = fs::read(folder.join("feed.json")).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let case: Case = serde_json::from_slice(&input).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        assert!(!case.why.is_empty(), "{}: says nothing of why it exists", folder.display());
        for format in Format::ALL {
            let written = String::from_utf8(feed::write(&case.feed(format), format)).unwrap();
            let path = folder.join(format!("expected.{}", format.extension()));
            if bless {
                fs::write(&path, &written).unwrap();
            } else if fs::read_to_string(&path).ok().as_deref() != Some(&written) {
                wrong.push(format!("{} is not what is written now:\n{written}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}\nTIDINGS_BLESS=1 accepts all of it", wrong.join("\n"));
}

#[test]
fn the_same_feed_gives_the_same_bytes() {
    for folder in cases() {
        let case: Case = serde_json::from_slice(&fs::read(folder.join("feed.json")).unwrap()).unwrap();
        for format in Format::ALL {
            assert_eq!(feed::write(&case.feed(format), format), feed::write(&case.feed(format), format));
        }
    }
}

/// What XML 1.0 section 2.2 allows, said apart from the code under test.
fn is_xml(c: char) -> bool {
    matches!(c as u32, 0x9 | 0xA | 0xD | 0x20..=0xD7FF | 0xE000..=0xFFFD | 0x10000..=0x10FFFF)
}

fn cleaned(text: &str) -> String {
    text.chars().filter(|&c| is_xml(c)).collect()
}

/// Every character of the basic plane and a sample of the others, in each field where text stands.
#[test]
fn no_character_breaks_a_feed() {
    let basic = '\0'..='\u{FFFF}';
    let sample = ('\u{10000}'..=char::MAX).step_by(211).chain([char::MAX]);
    sound(&strange(&[basic.chain(sample).collect()])).unwrap();
}

fn stamp(at: i64, printed: &str) -> Stamp {
    Stamp {
        at: DateTime::from_timestamp(at, 0).unwrap(),
        precision: Precision::Minute,
        printed: Some(printed.into()),
        origin: Origin::Text,
        zone: None,
    }
}

/// A feed with the given strings in every place where one goes, one after the other.
fn strange(strings: &[String]) -> Feed {
    let mut next = strings.iter().cycle().cloned();
    let mut take = || next.next().unwrap();
    let head = Head {
        outlet: take(),
        outlet_name: take(),
        key: take(),
        id: blog_id("o", "b"),
        url: Some(take()),
        headline: take(),
        standfirst: Some(take()),
        language: Some(take()),
        coverage: Coverage::default(),
    };
    let entry = Entry {
        id: entry_id("o", "b", "e"),
        key: take(),
        permalink: Some(take()),
        headline: Some(take()),
        byline: vec![take(), take()],
        published: stamp(1_641_843_900, &take()),
        updated: Some(stamp(1_641_843_999, &take())),
        body_html: take(),
        body_text: take(),
        images: vec![Image { url: take(), caption: Some(take()), width: Some(3), height: None }],
        marks: vec![Mark::Summary],
        problems: vec![Problem::new(ProblemCode::NoTime, take())],
    };
    let untitled = Entry { headline: None, permalink: None, byline: vec![], id: entry_id("o", "b", "f"), ..entry.clone() };
    let head = Arc::new(head);
    Feed {
        id: take(),
        title: take(),
        subtitle: Some(take()),
        self_url: Some(take()),
        home_url: Some(take()),
        language: Some(take()),
        updated: DateTime::from_timestamp(1_641_844_000, 0).unwrap(),
        items: vec![Item::new(head.clone(), Arc::new(entry)), Item::new(head, Arc::new(untitled))],
        ..Feed::default()
    }
}

/// That all three documents are well-formed, and say what the feed says. The readers of the two crates notice bad markup,
/// not bad characters, so those are looked for here.
fn sound(feed: &Feed) -> Result<(), TestCaseError> {
    let body = cleaned(&feed.items[0].entry.body_html);
    let lines = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n").trim().to_owned();

    let rss = String::from_utf8(feed::write(feed, Format::Rss)).unwrap();
    prop_assert!(rss.chars().all(is_xml));
    let channel = rss::Channel::read_from(rss.as_bytes()).map_err(|error| TestCaseError::fail(format!("rss: {error}")))?;
    prop_assert_eq!(channel.items.len(), 2);
    prop_assert_eq!(lines(channel.items[0].content().unwrap_or_default()), lines(&body));
    prop_assert_eq!(channel.items[0].guid().map(|guid| guid.permalink), Some(false));
    prop_assert!(channel.items.iter().all(|item| item.title().is_some_and(|title| !title.trim().is_empty())));

    let atom = String::from_utf8(feed::write(feed, Format::Atom)).unwrap();
    prop_assert!(atom.chars().all(is_xml));
    let parsed =
        atom_syndication::Feed::read_from(atom.as_bytes()).map_err(|error| TestCaseError::fail(format!("atom: {error}")))?;
    prop_assert_eq!(parsed.entries.len(), 2);
    let content = parsed.entries[0].content().and_then(|content| content.value()).unwrap_or_default();
    prop_assert_eq!(lines(content), lines(&body));
    prop_assert!(parsed.entries.iter().all(|entry| !entry.authors.is_empty() && entry.published.is_some()));

    let json: serde_json::Value = serde_json::from_slice(&feed::write(feed, Format::Json)).unwrap();
    if !body.trim().is_empty() {
        prop_assert_eq!(json["items"][0]["content_html"].as_str(), Some(&*body));
    }
    prop_assert!(json["items"].as_array().unwrap().iter().all(|item| item["title"].as_str().is_some_and(|t| !t.is_empty())));
    Ok(())
}

/// Text as nobody sane writes it: what XML forbids and what it is made of, among anything else.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        prop::sample::select(vec![
            "]]>",
            "]]",
            ">",
            "]]\u{1}>",
            "<![CDATA[",
            "<",
            "&",
            "&#0;",
            "&amp;",
            "\"",
            "'",
            "<!--",
            "-->",
            "<?x?>",
            "\0",
            "\u{8}",
            "\u{B}",
            "\u{1F}",
            "\u{FFFE}",
            "\u{FFFF}",
            "\r",
            "\r\n",
            "\t",
            " ",
            "\u{85}",
            "\u{2028}",
            "\u{FEFF}",
            "\u{202E}",
            "</item>",
            "word",
        ])
        .prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_anywhere_gives_well_formed_feeds(strings in prop::collection::vec(text(), 1..30)) {
        sound(&strange(&strings))?;
    }

    #[test]
    fn any_instant_gives_a_feed(at in any::<i64>()) {
        let mut feed = strange(&["x".into()]);
        if let Some(at) = DateTime::from_timestamp(at % 9_000_000_000_000, 0) {
            feed.updated = at;
            let entry = Arc::make_mut(&mut feed.items[0].entry);
            entry.published.at = at;
            entry.updated = None;
        }
        sound(&feed)?;
    }
}
