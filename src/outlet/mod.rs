//! What an adapter is, and what it may say: [`Outlet`] is data with one function in it, and that function turns a
//! [`Source`] into a [`Draft`]. Everything after that (settling times, ids, what is wrong) is the same for all outlets.

mod candidates;
mod draft;
pub mod explain;
mod finish;
mod live_blog;
mod recognise;
mod selectors;
mod steps;

pub use candidates::{Candidate, ReadsAs, TimeField, candidates};
pub use draft::{Draft, DraftEntry, names, words_of};
pub use explain::{Explanation, explain};
pub use finish::MOST_READ;
pub use live_blog::live_blog;
pub use recognise::Evidence;
pub use selectors::{Configured, Field, Matched, Selectors};
pub use steps::FormName;

use crate::adapters::OUTLETS;
use crate::html::{self, Html, Links};
use crate::model::{LiveBlog, fit_for_a_log};
use crate::page::{Captured, Page};
use crate::time::Order;
use chrono_tz::Tz;
use url::Url;

/// One news organisation, and how its pages are read.
///
/// It lives as long as the program, so that everything else can hold a plain reference to it: a built-in one is a static,
/// one of a config is leaked when it is taken into use ([`Configured::outlet`]).
pub struct Outlet {
    /// Its name in paths and files: `[a-z0-9-]+`.
    pub slug: &'static str,
    /// Its name as readers know it.
    pub name: &'static str,
    /// The hosts it publishes on; their subdomains belong to it too.
    pub hosts: &'static [&'static str],
    /// The zone whose wall clock it prints.
    pub zone: Tz,
    /// BCP 47 tag of its pages, where a page does not tell.
    pub language: &'static str,
    /// Which way its live blogs usually run; the times on the page have the last word.
    pub usual: Order,
    /// The live blog's own id from its address: what stays when host and slug change.
    pub blog_key: fn(&Url) -> Option<String>,
    /// Whether a text capture without an address is one of its pages.
    pub claims_text: fn(&str) -> bool,
    /// Whether a JSON answer without an address is one of its own.
    pub claims_json: fn(&serde_json::Value) -> bool,
    /// Splits one page into entries.
    pub split: &'static dyn Split,
}

/// From one page to its entries: a function of an adapter, or the selectors of a config.
pub trait Split: Send + Sync {
    /// Splits one page.
    fn split(&self, source: &Source) -> Result<Draft, Refusal>;

    /// The selectors it is done by, where it is done by selectors alone.
    fn selectors(&self) -> Option<&Selectors> {
        None
    }
}

impl<F: Fn(&Source) -> Result<Draft, Refusal> + Send + Sync> Split for F {
    fn split(&self, source: &Source) -> Result<Draft, Refusal> {
        self(source)
    }
}

/// The outlets a page may belong to, the one to prefer first: the built-in [`OUTLETS`], or what [`adapters::with`] makes of
/// them and a config's.
///
/// [`adapters::with`]: crate::adapters::with
pub type Outlets = [&'static Outlet];

impl std::fmt::Debug for Outlet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Outlet({})", self.slug)
    }
}

/// A page, decoded and parsed, on its way into an adapter.
pub struct Source<'a> {
    /// The outlet it belongs to.
    pub outlet: &'static Outlet,
    /// Its canonical address, where the page or its saver knows one.
    pub url: Option<Url>,
    /// What it is made of.
    pub form: Form<'a>,
    /// When it was captured.
    pub captured: Captured,
    /// Makes its addresses absolute.
    pub links: Links,
    /// Whether it stops in the middle.
    pub cut: bool,
}

/// The form a page came in.
#[derive(Clone, Copy)]
pub enum Form<'a> {
    /// Markup.
    Html(&'a Html),
    /// What a text extractor left of it.
    Text(&'a str),
    /// An answer of the outlet's own interface.
    Json(&'a serde_json::Value),
}

/// Why a page can't be read: nothing of it may be published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is nothing in it.
    #[error("the page is empty")]
    Empty,
    /// It is not text, or of a kind no adapter reads.
    #[error("{0}")]
    Unreadable(String),
    /// It would cost too much to read.
    #[error(transparent)]
    Hostile(#[from] html::Hostile),
    /// Nothing on it says which outlet publishes it.
    #[error("no outlet is recognised{found}; name one with --outlet (known: {known})")]
    UnknownOutlet {
        /// What the page says of itself, as a clause.
        found: String,
        /// The slugs there are.
        known: String,
    },
    /// The caller named an outlet that is not there.
    #[error("there is no outlet `{given}`{nearest}; known: {known}")]
    NoSuchOutlet {
        /// What was asked for.
        given: String,
        /// A suggestion, as a clause.
        nearest: String,
        /// The slugs there are.
        known: String,
    },
    /// It is a page of the outlet that holds nothing to publish.
    #[error("not a live blog or an article: {0}")]
    NotALiveBlog(String),
    /// Clocks are printed, and nothing says of which day.
    #[error(
        "its times are clocks without a date ({example}); give the instant of its capture with --captured, or its address with --url"
    )]
    Undated {
        /// One of them.
        example: String,
    },
}

impl Refusal {
    /// The same on one line and short enough for a log, whatever of the page is in it.
    fn fit_for_a_log(self) -> Self {
        match self {
            Refusal::Unreadable(message) => Refusal::Unreadable(fit_for_a_log(message)),
            Refusal::NotALiveBlog(message) => Refusal::NotALiveBlog(fit_for_a_log(message)),
            Refusal::UnknownOutlet { found, known } => Refusal::UnknownOutlet { found: fit_for_a_log(found), known },
            Refusal::Undated { example } => Refusal::Undated { example: fit_for_a_log(example) },
            plain @ (Refusal::Empty | Refusal::Hostile(_) | Refusal::NoSuchOutlet { .. }) => plain,
        }
    }
}

impl Source<'_> {
    /// The refusal of a form that the outlet publishes nothing in.
    pub fn no_such_form(&self) -> Refusal {
        let form = match self.form {
            Form::Html(_) => "markup",
            Form::Text(_) => "text captures",
            Form::Json(_) => "JSON",
        };
        Refusal::Unreadable(format!("{form} of {} can't be read", self.outlet.name))
    }
}

/// For outlets none of whose pages can be told from a text, or from a JSON answer, alone.
pub fn claims_nothing<T: ?Sized>(_: &T) -> bool {
    false
}

/// Reads a page of a built-in outlet: see [`split_page_among`].
pub fn split_page(page: &Page, outlet: Option<&str>) -> Result<LiveBlog, Refusal> {
    split_page_among(OUTLETS, page, outlet)
}

/// Reads a page of one of `outlets`: decode, recognise the outlet, split, settle the times, issue the ids.
///
/// `outlet` overrules what the page says of itself.
pub fn split_page_among(outlets: &Outlets, page: &Page, outlet: Option<&str>) -> Result<LiveBlog, Refusal> {
    split_page_while(outlets, page, outlet, &|| true)
}

/// The same, for as long as it is `wanted`: asked between the pieces of the page and between the steps. A reading that ran
/// over is a refusal, never half a live blog.
pub fn split_page_while(
    outlets: &Outlets,
    page: &Page,
    outlet: Option<&str>,
    wanted: &dyn Fn() -> bool,
) -> Result<LiveBlog, Refusal> {
    split(outlets, page, outlet, wanted).map_err(Refusal::fit_for_a_log)
}

fn split(outlets: &Outlets, page: &Page, outlet: Option<&str>, wanted: &dyn Fn() -> bool) -> Result<LiveBlog, Refusal> {
    let in_time = || if wanted() { Ok(()) } else { Err(Refusal::Hostile(html::Hostile::Slow)) };
    let decoded = steps::decode(page)?;
    let (mut problems, cut) = (decoded.problems, decoded.cut);
    let tree = steps::parse(decoded.text, decoded.form, wanted)?;
    in_time()?;
    let form = tree.form();
    let recognised = recognise::recognise(outlets, form, &recognise::addresses(page, form), outlet)?;
    let source = steps::source(&recognised, form, page, cut);
    let draft = source.outlet.split.split(&source)?;
    in_time()?;
    let mut blog = finish::finish(draft, &source)?;
    problems.append(&mut blog.problems);
    blog.problems = problems;
    Ok(blog)
}
