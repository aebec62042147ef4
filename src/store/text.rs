//! Full text: what is indexed of an entry, and how words that somebody asks for are looked for.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::SqliteConnection;
use uuid::Uuid;

use super::Scope;
use super::rows::{Fault, json};

/// Places that one second has: see `entry.place` in the schema.
pub(super) const PLACES: i64 = 64;

/// States that one entry can have had, as `revision.id` counts them.
pub(super) const STATES: i64 = 1 << 20;

/// Most words and phrases in one search.
const MOST: usize = 16;

/// Words and phrases to look for: each has to stand in an entry, in whatever order. Case and accents don't count.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Words(Vec<String>);

/// Why a text is nothing to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoWords {
    /// There is no letter and no digit in it.
    #[error("has no word in it")]
    Empty,
    /// A quote is opened and not closed.
    #[error("opens a quote and does not close it")]
    Unclosed,
    /// There are too many.
    #[error("has more than {MOST} words and phrases")]
    TooMany,
}

impl Words {
    /// `ferry "late again"`: a word, and a phrase. Nothing in it is an operator.
    pub fn parse(text: &str) -> Result<Words, NoWords> {
        let mut found = Vec::new();
        for (nth, piece) in text.split('"').enumerate() {
            match nth % 2 {
                0 => found.extend(piece.split_whitespace().map(str::to_owned)),
                _ => found.push(piece.to_owned()),
            }
        }
        if text.matches('"').count() % 2 == 1 {
            return Err(NoWords::Unclosed);
        }
        Words(found).checked()
    }

    /// All of `text` as one phrase, such as a name.
    pub fn phrase(text: &str) -> Result<Words, NoWords> {
        Words(vec![text.to_owned()]).checked()
    }

    fn checked(mut self) -> Result<Words, NoWords> {
        self.0.retain(|phrase| phrase.chars().any(char::is_alphanumeric));
        match self.0.len() {
            0 => Err(NoWords::Empty),
            1..=MOST => Ok(self),
            _ => Err(NoWords::TooMany),
        }
    }

    /// As FTS5 reads it: strings only, joined by AND. A NUL would end the whole expression for it.
    fn expression(&self) -> String {
        let string = |phrase: &String| format!("\"{}\"", phrase.replace(['"', '\0'], " "));
        self.0.iter().map(string).collect::<Vec<_>>().join(" AND ")
    }
}

/// What a search asks of the index.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asked<'a> {
    pub text: Option<&'a Words>,
    pub author: Option<&'a Words>,
    pub key_events: bool,
    /// Only what has been edited or withdrawn.
    pub changed: bool,
    /// Only what a window may show: no history.
    pub window: bool,
}

impl Asked<'_> {
    /// The expression that finds it in `entry_text` and `revision_text`, in `scope` and in one of `outlets` if there are any.
    /// None where the index has nothing to say.
    pub fn expression(&self, scope: &Scope, outlets: &[String]) -> Option<String> {
        let mut parts = Vec::new();
        parts.extend(self.text.map(|words| format!("({{headline byline body}} : ({}))", words.expression())));
        parts.extend(self.author.map(|words| format!("(byline : ({}))", words.expression())));
        for (asked, mark) in [(self.key_events, "k"), (self.changed, "c")] {
            parts.extend(asked.then(|| format!("(scope : \"{mark}\")")));
        }
        if parts.is_empty() {
            return None;
        }
        let outlet = |slug: &String| format!("\"o{}\"", hex(slug.as_bytes()));
        let blog = |id: &Uuid| format!("\"b{}\"", hex(id.as_bytes()));
        match scope {
            Scope::Everything => {}
            Scope::Outlet(slug) => parts.push(format!("(scope : {})", outlet(slug))),
            Scope::Blog(id) => parts.push(format!("(scope : {})", blog(id))),
            Scope::Topic(topic) => {
                let any = topic.blogs.iter().map(blog).collect::<Vec<_>>().join(" OR ");
                // Without a live blog there is nothing to be found, and no word is empty.
                let any = if any.is_empty() { "\"b\"".to_owned() } else { any };
                parts.push(format!("(scope : ({any}))"));
            }
        }
        if !outlets.is_empty() {
            let any = outlets.iter().map(outlet).collect::<Vec<_>>().join(" OR ");
            parts.push(format!("(scope : ({any}))"));
        }
        if self.window {
            parts.push("(scope : \"w\")".into());
        }
        Some(parts.join(" AND "))
    }
}

/// A statement that indexes rows: all that a transaction has changed at once. FTS5 writes out what it has gathered at each
/// statement of this kind, so that one for each row would leave an index in thousands of small pieces, at three times the cost.
macro_rules! indexing {
    ($into:literal, $place:literal, $from:literal) => {
        concat!(
            $into,
            " (rowid, headline, byline, body, scope) SELECT ",
            $place,
            ", headline, (SELECT group_concat(value, ', ') FROM json_each(byline)), body_text,
            'o' || hex(outlet) || ' b' || hex(blog) || iif(surfaced IS NULL, '', ' w')
                || iif(instr(marks, '\"key_event\"'), ' k', '') || iif(revision > 1 OR withdrawn IS NOT NULL, ' c', '') FROM ",
            $from
        )
    };
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Indexes the entries numbered so as they stand now.
pub(super) async fn index(db: &mut SqliteConnection, numbers: &[i64]) -> Result<(), Fault> {
    let statement = indexing!(
        "INSERT OR REPLACE INTO entry_text",
        "place",
        "(SELECT DISTINCT value AS picked FROM json_each(?)) CROSS JOIN entry ON n = picked ORDER BY place"
    );
    sqlx::query(statement).bind(format!("{numbers:?}")).execute(db).await?;
    Ok(())
}

/// Indexes the states of the entries numbered so that ended at `at`.
pub(super) async fn index_past(db: &mut SqliteConnection, numbers: &[i64], at: i64) -> Result<(), Fault> {
    let statement = indexing!(
        "INSERT INTO revision_text",
        "id",
        "(SELECT DISTINCT value AS picked FROM json_each(?1)) CROSS JOIN revision ON entry = picked AND until = ?2 ORDER BY id"
    );
    sqlx::query(statement).bind(format!("{numbers:?}")).bind(at).execute(db).await?;
    Ok(())
}

/// The places of new entries: the first free one of the second that each stands at.
#[derive(Debug)]
pub(super) struct Places {
    /// The first place of a second, and the next that is free in it.
    next: BTreeMap<i64, i64>,
}

impl Places {
    /// Looks at the seconds of those that stand at `filed`, in milliseconds.
    pub async fn around(db: &mut SqliteConnection, filed: impl Iterator<Item = i64>) -> Result<Places, Fault> {
        let seconds: BTreeSet<i64> = filed.map(Places::first).collect();
        let mut places = Places { next: BTreeMap::new() };
        places.look(db, &seconds).await?;
        Ok(places)
    }

    /// The first place of the second that one stands at which is filed then, in milliseconds.
    pub fn first(filed: i64) -> i64 {
        filed.max(0).div_euclid(1000) * PLACES
    }

    async fn look(&mut self, db: &mut SqliteConnection, seconds: &BTreeSet<i64>) -> Result<(), Fault> {
        if seconds.is_empty() {
            return Ok(());
        }
        let found: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT value, (SELECT coalesce(max(place) + 1, value) FROM entry WHERE place >= value AND place < value + ?2)
             FROM json_each(?1)",
        )
        .bind(json(&seconds)?)
        .bind(PLACES)
        .fetch_all(db)
        .await?;
        self.next.extend(found);
        Ok(())
    }

    /// The first free place of one that stands at `filed`, in milliseconds. It is free no more.
    pub async fn take(&mut self, db: &mut SqliteConnection, filed: i64) -> Result<i64, Fault> {
        let mut first = Places::first(filed);
        // A second rarely has two entries. A page that prints no times puts all of its entries on one, and they run over into the
        // next ones, still in order.
        loop {
            match self.next.get_mut(&first) {
                Some(next) if *next < first + PLACES => {
                    *next += 1;
                    return Ok(*next - 1);
                }
                Some(_) => first += PLACES,
                None => self.look(db, &BTreeSet::from([first])).await?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_phrases() {
        let parsed = |text: &str| Words::parse(text).map(|words| words.expression());
        assert_eq!(parsed("ferry  late").as_deref(), Ok(r#""ferry" AND "late""#));
        assert_eq!(parsed(r#"ferry "late again"now"#).as_deref(), Ok(r#""ferry" AND "late again" AND "now""#));
        // Nothing is syntax.
        assert_eq!(parsed("NEAR(a* b) OR NOT c:d").as_deref(), Ok(r#""NEAR(a*" AND "b)" AND "OR" AND "NOT" AND "c:d""#));
        assert_eq!(parsed("a\0b - ^").as_deref(), Ok("\"a b\""));
        assert_eq!(parsed("  -- * "), Err(NoWords::Empty));
        assert_eq!(parsed(""), Err(NoWords::Empty));
        assert_eq!(parsed("\"\""), Err(NoWords::Empty));
        assert_eq!(parsed("ferry \"late"), Err(NoWords::Unclosed));
        assert_eq!(parsed(&"a ".repeat(16)).map(|_| ()), Ok(()));
        assert_eq!(parsed(&"a ".repeat(17)), Err(NoWords::TooMany));
        assert_eq!(Words::phrase("Ann \"Oar\" Rower").map(|words| words.expression()), Ok("\"Ann  Oar  Rower\"".into()));
    }

    #[test]
    fn the_index_is_asked_only_where_it_knows_something() {
        let lake = Scope::Outlet("lake".into());
        assert_eq!(Asked { window: true, ..Asked::default() }.expression(&lake, &[]), None);
        let words = Words::parse("ferry").unwrap();
        let asked = Asked { text: Some(&words), key_events: true, window: true, ..Asked::default() };
        assert_eq!(
            asked.expression(&lake, &["a".into(), "b".into()]).unwrap(),
            r#"({headline byline body} : ("ferry")) AND (scope : "k") AND (scope : "o6c616b65") AND (scope : ("o61" OR "o62")) AND (scope : "w")"#
        );
    }
}
