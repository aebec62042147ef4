//! What a page says and what is made of it, step by step: for a person who describes an outlet, or who doubts a page.
//!
//! It goes the way of [`split_page_among`], and most of all tells how far that came when the page is refused.
//!
//! [`split_page_among`]: super::split_page_among

use super::candidates::{Candidate, ReadsAs, candidates};
use super::recognise::{self, Evidence, Recognised};
use super::steps::{self, FormName};
use super::{DraftEntry, Form, Matched, Outlets, Refusal, finish};
use crate::adapters;
use crate::css;
use crate::html::{Html, fold};
use crate::model::{Coverage, Entry, LiveBlog, Origin, Precision, Problem, Stamp};
use crate::page::Page;
use crate::{schema_org, time};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use uuid::Uuid;

/// Days of the page told of at most.
const MOST_DAYS: usize = 8;

/// All that can be said of one page. The names are a contract with scripts that read `tidings explain --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The bytes.
    pub page: PageTold,
    /// The addresses it is known by, the one to trust first.
    pub addresses: Vec<Address>,
    /// Its outlet, where one is recognised.
    pub outlet: Option<ReadBy>,
    /// What read it.
    pub reader: Option<Reader>,
    /// Its schema.org live blog, where it is markup.
    pub schema_org: Option<SchemaOrg>,
    /// Why it can't be read, where it can't.
    pub refused: Option<String>,
    /// The live blog it was read as.
    pub live_blog: Option<HeadTold>,
    /// Its entries, in page order; of a page refused for its times, as far as they could be read.
    pub entries: Vec<EntryTold>,
    /// Days that the page prints of itself, for entries that print a clock alone.
    pub days: Vec<Day>,
    /// Repeated elements that look like entries, the likeliest first.
    pub candidates: Vec<Candidate>,
}

/// What is known of a page before it is read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PageTold {
    /// The address it was fetched from or is said to be saved from.
    pub url: Option<String>,
    /// Its length.
    pub bytes: usize,
    /// Its media type, as received.
    pub content_type: Option<String>,
    /// What it is made of; none if it could not be told.
    pub form: Option<FormName>,
    /// When it was captured, or the latest it can have been.
    pub captured: DateTime<Utc>,
    /// Which of the two.
    pub captured_known: bool,
    /// What of it could not be decoded.
    pub problems: Vec<Problem>,
}

/// An address of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Address {
    /// Where it stands.
    pub by: Evidence,
    /// The address.
    pub url: String,
    /// The outlet that publishes on its host, where one is known to.
    pub outlet: Option<&'static str>,
}

/// The outlet that was recognised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadBy {
    /// Its slug.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// The zone its clocks are read in.
    pub zone: Tz,
    /// By what it was recognised.
    pub by: Evidence,
    /// The address, slug or type that told it.
    pub value: Option<String>,
}

/// What read a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reader {
    /// An adapter of ours.
    Adapter {
        /// Its slug.
        slug: &'static str,
        /// The form it was given.
        form: FormName,
    },
    /// What reads the schema.org data of any outlet.
    SchemaOrg,
    /// The selectors of a config.
    Selectors {
        /// The slug of the outlet they are of.
        slug: &'static str,
        /// Each of them, and what it matched.
        selectors: Vec<Matched>,
    },
}

/// The schema.org live blog of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SchemaOrg {
    /// How many updates it lists; none where the page has no such live blog.
    pub updates: Option<usize>,
    /// What was wrong with blocks of a live blog that could not be read.
    pub broken: Vec<String>,
}

/// A live blog without its entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeadTold {
    /// Slug of its outlet: the page may tell another than the reader's.
    pub outlet: String,
    /// The name of it.
    pub outlet_name: String,
    /// The live blog's own id.
    pub key: String,
    /// Ours.
    pub id: Uuid,
    /// Its address.
    pub url: Option<String>,
    /// Its headline.
    pub headline: String,
    /// What the page says of its state.
    pub coverage: Coverage,
    /// The address of the page that goes on with older entries.
    pub older: Option<String>,
    /// What was wrong with it as a whole.
    pub problems: Vec<Problem>,
}

/// An entry, mostly its time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EntryTold {
    /// The outlet's own id of it, or the derived one.
    pub key: Option<String>,
    /// Ours.
    pub id: Option<String>,
    /// Its headline.
    pub headline: Option<String>,
    /// Its time as printed.
    pub printed: Option<String>,
    /// Where that stood.
    pub origin: Origin,
    /// The zone it was read in; none where it carries its own offset, or was not read.
    pub zone: Option<Tz>,
    /// How exactly the instant is known.
    pub precision: Option<Precision>,
    /// The instant; none on a page that is refused.
    pub at: Option<DateTime<Utc>>,
    /// When it was changed.
    pub updated: Option<Stamp>,
    /// What was wrong with it.
    pub problems: Vec<Problem>,
}

/// A day that a page prints of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Day {
    /// Where it stands: `opened` in an `[[outlet]]` table.
    pub opened: String,
    /// As printed.
    pub printed: String,
}

/// Explains a page of one of `outlets`. `outlet` overrules what the page says of itself.
pub fn explain(outlets: &Outlets, page: &Page, outlet: Option<&str>) -> Explanation {
    let mut told = Explanation {
        page: PageTold {
            url: page.url.as_ref().map(ToString::to_string),
            bytes: page.body.len(),
            content_type: page.content_type.clone(),
            form: None,
            captured: page.captured.latest(),
            captured_known: page.captured.exactly().is_some(),
            problems: Vec::new(),
        },
        addresses: Vec::new(),
        outlet: None,
        reader: None,
        schema_org: None,
        refused: None,
        live_blog: None,
        entries: Vec::new(),
        days: Vec::new(),
        candidates: Vec::new(),
    };
    told.refused = told.read(outlets, page, outlet).err().map(|refusal| refusal.to_string());
    told
}

impl Explanation {
    /// Whether anything of the page or its entries is worth a look.
    pub fn has_problems(&self) -> bool {
        let blog = self.live_blog.iter().flat_map(|blog| &blog.problems);
        let entries = self.entries.iter().flat_map(|entry| &entry.problems);
        self.page.problems.iter().chain(blog).chain(entries).next().is_some()
    }

    /// The steps of reading, each told as it is taken.
    fn read(&mut self, outlets: &Outlets, page: &Page, outlet: Option<&str>) -> Result<(), Refusal> {
        let decoded = steps::decode(page)?;
        self.page.form = Some(decoded.form);
        self.page.problems = decoded.problems;
        let cut = decoded.cut;
        let tree = steps::parse(decoded.text, decoded.form, &|| true)?;
        let form = tree.form();
        if let Form::Html(html) = form {
            self.schema_org = Some(schema_org_of(html));
            self.days = days(html);
            self.candidates = candidates(html);
        }
        let addresses = recognise::addresses(page, form);
        let address = |(by, url): &(Evidence, url::Url)| {
            let outlet = recognise::of_host(outlets, url).map(|outlet| outlet.slug);
            Address { by: *by, url: url.to_string(), outlet }
        };
        self.addresses = addresses.iter().map(address).collect();
        let recognised = recognise::recognise(outlets, form, &addresses, outlet)?;
        self.outlet = Some(ReadBy::of(&recognised));
        self.reader = Some(Reader::of(&recognised, form, decoded.form));
        let source = steps::source(&recognised, form, page, cut);
        let draft = source.outlet.split.split(&source)?;
        self.entries = draft.entries.iter().map(EntryTold::as_printed).collect();
        self.take(finish::finish(draft, &source)?);
        Ok(())
    }

    fn take(&mut self, blog: LiveBlog) {
        let head = blog.head;
        self.live_blog = Some(HeadTold {
            outlet: head.outlet,
            outlet_name: head.outlet_name,
            key: head.key,
            id: head.id,
            url: head.url,
            headline: head.headline,
            coverage: head.coverage,
            older: blog.older,
            problems: blog.problems,
        });
        self.entries = blog.entries.into_iter().map(EntryTold::settled).collect();
    }
}

impl ReadBy {
    fn of(recognised: &Recognised) -> Self {
        let outlet = recognised.outlet;
        let (by, value) = (recognised.by, recognised.value.clone());
        ReadBy { slug: outlet.slug.into(), name: outlet.name.into(), zone: outlet.zone, by, value }
    }
}

impl Reader {
    fn of(recognised: &Recognised, form: Form, name: FormName) -> Self {
        let slug = recognised.outlet.slug;
        match (recognised.outlet.split.selectors(), form) {
            (Some(selectors), Form::Html(page)) => Reader::Selectors { slug, selectors: selectors.matched(page) },
            (Some(_), _) => Reader::Selectors { slug, selectors: Vec::new() },
            (None, _) if std::ptr::eq(recognised.outlet, &adapters::ANY) => Reader::SchemaOrg,
            (None, _) => Reader::Adapter { slug, form: name },
        }
    }
}

impl EntryTold {
    /// An entry whose time has not been settled with the others'.
    fn as_printed(entry: &DraftEntry) -> Self {
        EntryTold {
            key: entry.native.clone(),
            id: None,
            headline: entry.headline.clone(),
            printed: Some(entry.published.text.clone()).filter(|text| !text.is_empty()),
            origin: entry.published.origin,
            zone: None,
            precision: None,
            at: None,
            updated: None,
            problems: entry.problems.clone(),
        }
    }

    fn settled(entry: Entry) -> Self {
        EntryTold {
            key: Some(entry.key),
            id: Some(entry.id.urn().to_string()),
            headline: entry.headline,
            printed: entry.published.printed,
            origin: entry.published.origin,
            zone: entry.published.zone,
            precision: Some(entry.published.precision),
            at: Some(entry.published.at),
            updated: entry.updated,
            problems: entry.problems,
        }
    }
}

fn schema_org_of(page: &Html) -> SchemaOrg {
    let json_ld = schema_org::json_ld(page);
    let updates = schema_org::live_blog(page, &json_ld.nodes).map(|posting| posting.updates.len());
    SchemaOrg { updates, broken: json_ld.broken }
}

/// The days that `<meta>` elements carry.
fn days(page: &Html) -> Vec<Day> {
    let metas = page.select(css!("meta[content]")).filter_map(|meta| {
        let printed = fold(meta.attr("content").filter(|content| content.len() <= 60)?);
        let has_a_day = !matches!(ReadsAs::from(&time::parse(&printed)?), ReadsAs::Clock | ReadsAs::Ago);
        let key = ["property", "name", "itemprop"].into_iter().find(|key| meta.attr(key).is_some())?;
        let name = meta.attr(key).filter(|name| !name.contains(['"', '\\']) && name.len() <= 60)?;
        has_a_day.then(|| Day { opened: format!("meta[{key}=\"{name}\"]@content"), printed })
    });
    metas.take(MOST_DAYS).collect()
}
