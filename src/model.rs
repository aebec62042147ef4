//! The plain data everything else is about: a [`LiveBlog`], its [`Entry`]s, a time as evidence ([`Stamp`]), and what was
//! wrong with a page ([`Problem`]).
//!
//! The serialised names are a contract with scripts that read `tidings parse --format json`.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What is known of one continuously updated page beside its entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Head {
    /// Slug of the outlet that publishes it, for example `sputnik`.
    pub outlet: String,
    /// The outlet's name as readers know it, for example `The Independent`.
    pub outlet_name: String,
    /// The live blog's own id: what stays when its host and slug change (`1095350845`, `b2392480`).
    pub key: String,
    /// Deterministic id over outlet and `key`; the `<id>` of `/blogs/<id>/feed.rss`.
    pub id: Uuid,
    /// Canonical address, where the page or the caller knows one.
    pub url: Option<String>,
    /// The headline of the whole page.
    pub headline: String,
    /// The paragraph under the headline, where there is one. Plain text.
    pub standfirst: Option<String>,
    /// BCP 47 language tag the page declares, for example `en`.
    pub language: Option<String>,
    /// Whether the outlet still adds to it, and since when.
    pub coverage: Coverage,
}

/// One live blog, as it stood in one capture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LiveBlog {
    /// What is known of the page itself.
    #[serde(flatten)]
    pub head: Head,
    /// What was wrong with the page as a whole.
    pub problems: Vec<Problem>,
    /// The address of the page that goes on with older entries, where the live blog runs over several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older: Option<String>,
    /// Whether the page says that it shows a part of its entries only, the newest ten of them, say.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub window: bool,
    /// Keys of entries that the outlet says it took back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withdrawn: Vec<String>,
    /// Its entries, in page order.
    pub entries: Vec<Entry>,
}

/// What a page says of its own state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Coverage {
    /// Live, ended, or not told.
    pub state: CoverageState,
    /// When it started, as the page says.
    pub started: Option<DateTime<Utc>>,
    /// When it ended, as the page says. Never taken from `coverageEndTime`, which most outlets move with each entry.
    pub ended: Option<DateTime<Utc>>,
}

/// See [`Coverage::state`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CoverageState {
    /// The page says that it is being updated.
    Live,
    /// The page says that it has ended.
    Ended,
    /// The page is an ordinary article: one entry.
    Article,
    /// The page does not tell.
    #[default]
    Unknown,
}

/// One timestamped update.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Entry {
    /// Permanent id: `urn:uuid` version 5 over outlet, live blog and `key`.
    #[serde(with = "uuid::serde::urn")]
    #[schema(value_type = String)]
    pub id: Uuid,
    /// The outlet's own entry id, or one derived from the published instant (see [`crate::identity`]).
    pub key: String,
    /// Address of this entry at the outlet.
    pub permalink: Option<String>,
    /// The entry's own headline; many entries have none.
    pub headline: Option<String>,
    /// The people or agencies named as its authors, in printed order.
    pub byline: Vec<String>,
    /// When it was first published.
    pub published: Stamp,
    /// When it was last changed, where the page says so; in the store, when its cleaned content last changed.
    pub updated: Option<Stamp>,
    /// Cleaned HTML, links and images absolute. Empty for an entry that has only a headline.
    pub body_html: String,
    /// The same as plain text, paragraphs separated by a blank line.
    pub body_text: String,
    /// Pictures shown in the body, in order.
    pub images: Vec<Image>,
    /// What the outlet says of the entry.
    pub marks: Vec<Mark>,
    /// What was wrong with this entry.
    pub problems: Vec<Problem>,
}

/// What the store alone knows of an entry: how it has fared since it was first seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Life {
    /// How often it has been edited, and one.
    pub revision: u32,
    /// The capture in which it was first seen.
    pub first_seen: DateTime<Utc>,
    /// The capture that last altered what a feed shows of it.
    pub changed: DateTime<Utc>,
    /// The capture that showed that the outlet has taken it back, where it has.
    pub withdrawn: Option<DateTime<Utc>>,
}

/// What of an entry's life an item of a feed tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// The entry itself.
    #[default]
    Entry,
    /// That it was edited.
    Edit,
    /// That the outlet took it back.
    Withdrawal,
}

/// A picture in an entry's body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Image {
    /// Absolute `http` or `https` address.
    pub url: String,
    /// Its alternative text or caption.
    pub caption: Option<String>,
    /// Width in pixels, as the page declares it.
    pub width: Option<u32>,
    /// Height in pixels, as the page declares it.
    pub height: Option<u32>,
}

/// What an outlet marks an entry as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// Kept on top of the page.
    Pinned,
    /// Listed among the key events.
    KeyEvent,
    /// A summary of what went before.
    Summary,
    /// Marked as breaking news.
    Breaking,
}

/// A time as evidence: the instant, and how it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Stamp {
    /// The instant.
    pub at: DateTime<Utc>,
    /// How exactly `at` is known.
    pub precision: Precision,
    /// The characters it was read from, as printed on the page.
    pub printed: Option<String>,
    /// Where those characters stood.
    pub origin: Origin,
    /// The IANA zone in which a wall clock was read; none where the printed time carries its own offset.
    #[schema(value_type = Option<String>)]
    pub zone: Option<Tz>,
}

/// How exactly a [`Stamp`] is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// To the second or better.
    Second,
    /// To the minute.
    Minute,
    /// To the hour ("3 hours ago").
    Hour,
    /// Only the day; `at` is noon of that day in the outlet's zone, at most half a day off.
    Day,
    /// Not at all: `at` is when the entry was first seen.
    Unknown,
}

/// Where a [`Stamp`] was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Text a reader sees on the page, or on a text capture.
    Text,
    /// An attribute of the entry's markup, such as `<time datetime>`.
    Attribute,
    /// JSON-LD on the page.
    JsonLd,
    /// A `<meta>` element of the page.
    Meta,
    /// A JSON answer of the outlet.
    Json,
    /// The page printed none: the instant of the capture in which the entry was first seen.
    FirstSeen,
    /// The instant of the capture in which a change of content was first seen.
    ChangeSeen,
}

/// Something wrong with a page or an entry that a person may want to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Machine-readable kind.
    pub code: ProblemCode,
    /// One lower-case sentence: what was wrong, and what was done about it.
    pub message: String,
}

/// See [`Problem::code`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    /// An entry has no usable time; it keeps its place and its time is when it was first seen.
    NoTime,
    /// A time was printed and could not be read.
    UnreadableTime,
    /// The wall clock stood for two instants and the neighbours did not settle it.
    FoldUnsettled,
    /// The wall clock never showed the printed time.
    Gap,
    /// A clock without a date stepped back by too little to be midnight.
    ClockOrder,
    /// The page prints no zone and the outlet's is not certain for it.
    ZoneAssumed,
    /// The page's date and the capture's instant do not agree.
    DateConflict,
    /// Two sources of one time on the page disagree.
    TimeConflict,
    /// The entry is dated later than its capture.
    Future,
    /// The entry's id stands on the page more than once.
    DuplicateId,
    /// Nothing could be read where entries were expected.
    NoEntries,
    /// The page is cut short or damaged; what could be read is here.
    Damaged,
    /// Bytes that are not text in the declared charset were replaced.
    Charset,
    /// A part was cut because it passed a limit.
    Limit,
}

impl Problem {
    /// A problem of `code`, told in `message`: on one line and short enough for a log, whatever of the page is in it.
    pub fn new(code: ProblemCode, message: impl Into<String>) -> Self {
        Problem { code, message: fit_for_a_log(message.into()) }
    }
}

/// Longest message, in bytes.
const LONGEST_MESSAGE: usize = 1000;

/// A message on one line, cut where it is too long.
pub fn fit_for_a_log(mut message: String) -> String {
    if message.len() > LONGEST_MESSAGE {
        message.truncate(message.floor_char_boundary(LONGEST_MESSAGE));
        message.push('…');
    }
    if message.contains(char::is_control) { message.replace(char::is_control, " ") } else { message }
}

impl Stamp {
    /// The stamp of an entry that carries no time: when it was first seen.
    pub fn first_seen(at: DateTime<Utc>) -> Self {
        Stamp { at, precision: Precision::Unknown, printed: None, origin: Origin::FirstSeen, zone: None }
    }
}

impl Entry {
    /// When the entry last changed: [`Entry::updated`], or else its publication.
    pub fn last_changed(&self) -> DateTime<Utc> {
        self.updated.as_ref().map_or(self.published.at, |stamp| stamp.at.max(self.published.at))
    }
}
