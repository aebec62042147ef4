//! What an adapter hands on: entries as they stand on the page, their times still as printed.

use crate::html::Body;
use crate::model::{Coverage, Mark, Problem};
use crate::time::Reading;
use chrono::NaiveDate;
use chrono_tz::Tz;
use url::Url;

/// A live blog as an adapter read it.
#[derive(Debug, Default)]
pub struct Draft {
    /// The page's address, where it was read from another one: a JSON answer stands for the page that names it.
    pub url: Option<Url>,
    /// Slug and name of the outlet, where only the page tells them.
    pub publisher: Option<(String, String)>,
    /// The live blog's own id, where an adapter knows it better than from `url`.
    pub key: Option<String>,
    /// The headline of the page.
    pub headline: String,
    /// The paragraph under it.
    pub standfirst: Option<String>,
    /// The language the page declares.
    pub language: Option<String>,
    /// What the page says of its state.
    pub coverage: Coverage,
    /// The zone of the printed wall clocks, where it is not the outlet's.
    pub zone: Option<Tz>,
    /// The day the page was opened, in that zone: what clocks without a date count from.
    pub opened: Option<NaiveDate>,
    /// The address of the page that goes on with older entries.
    pub older: Option<String>,
    /// Whether the page says that it shows a part of its entries only.
    pub window: bool,
    /// The outlet's own ids of entries that it says it took back.
    pub withdrawn: Vec<String>,
    /// The entries, in page order.
    pub entries: Vec<DraftEntry>,
    /// What was wrong with the page.
    pub problems: Vec<Problem>,
}

/// One entry as an adapter read it.
#[derive(Debug)]
pub struct DraftEntry {
    /// The outlet's own id of the entry; none if it gives none.
    pub native: Option<String>,
    /// Its address at the outlet.
    pub permalink: Option<String>,
    /// Its headline.
    pub headline: Option<String>,
    /// Who wrote it.
    pub byline: Vec<String>,
    /// When it was published, as printed.
    pub published: Reading,
    /// When it was changed, as printed.
    pub updated: Option<Reading>,
    /// Its cleaned body.
    pub body: Body,
    /// What the outlet marks it as.
    pub marks: Vec<Mark>,
    /// What was wrong with it.
    pub problems: Vec<Problem>,
}

impl DraftEntry {
    /// An entry of which only the time is known yet.
    pub fn at(published: Reading) -> Self {
        DraftEntry {
            native: None,
            permalink: None,
            headline: None,
            byline: Vec::new(),
            published,
            updated: None,
            body: Body::default(),
            marks: Vec::new(),
            problems: Vec::new(),
        }
    }
}

/// A headline for an answer that has none: the words its page's address is made of.
pub fn words_of(url: &Url) -> Option<String> {
    let name = url.path_segments()?.rfind(|segment| segment.contains('-') && !segment.contains('%'))?;
    let words = crate::html::fold(&name.replace('-', " "));
    let first = words.chars().next()?;
    Some(first.to_uppercase().chain(words.chars().skip(1)).collect())
}

/// The names in a byline as printed: `By Ann Lee and Bob Ray`, `Ann Lee, Bob Ray`.
pub fn names(byline: &str) -> Vec<String> {
    let byline = byline.trim();
    let byline = byline.strip_prefix("By ").or(byline.strip_prefix("by ")).unwrap_or(byline);
    byline
        .split([',', ';', '&'])
        .flat_map(|part| part.split(" and "))
        .map(crate::html::fold)
        .filter(|name| !name.is_empty())
        .collect()
}
