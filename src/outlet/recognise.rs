//! Which outlet a page belongs to: by what it says of itself first, by where it was fetched second.

use super::{Form, Outlet, Outlets, Refusal};
use crate::adapters;
use crate::css;
use crate::html::{self, Html};
use crate::page::Page;
use crate::schema_org;
use serde::Serialize;
use url::Url;

/// By what an outlet was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The page's canonical link.
    Canonical,
    /// Its `og:url`.
    OpenGraph,
    /// An address in its JSON-LD.
    JsonLd,
    /// The address it was fetched from or saved under.
    Address,
    /// The shape of a text capture or of a JSON answer.
    Signature,
    /// No outlet's own mark: a schema.org live blog, which is read for any outlet.
    SchemaOrg,
    /// The caller named it.
    Named,
}

/// The outlet of a page, and how that is known.
pub(super) struct Recognised {
    pub outlet: &'static Outlet,
    /// The page's own address.
    pub url: Option<Url>,
    pub by: Evidence,
    /// What told it: an address, a slug, a type.
    pub value: Option<String>,
}

/// The outlet of a page that says these addresses of itself. `forced` is the slug a caller insists on.
pub(super) fn recognise(
    outlets: &Outlets,
    form: Form,
    addresses: &[(Evidence, Url)],
    forced: Option<&str>,
) -> Result<Recognised, Refusal> {
    let told = addresses.iter().find_map(|(by, url)| Some((of_host(outlets, url)?, *by, Some(url.to_string()))));
    let (outlet, by, value) = match (forced, told) {
        (Some(slug), _) => (named(outlets, slug)?, Evidence::Named, Some(slug.to_owned())),
        (None, Some(told)) => told,
        (None, None) => of_content(outlets, form).ok_or_else(|| {
            let why = match form {
                Form::Html(_) => ", and the page holds no schema.org LiveBlogPosting, which is read for any outlet",
                Form::Text(_) | Form::Json(_) => "",
            };
            unknown(outlets, addresses.first().map(|(_, url)| url), why)
        })?,
    };
    Ok(Recognised { outlet, url: best_address(outlet, addresses), by, value })
}

/// The outlet that what stands on a page tells, where no address does.
fn of_content(outlets: &Outlets, form: Form) -> Option<(&'static Outlet, Evidence, Option<String>)> {
    let signed = |claims: &dyn Fn(&Outlet) -> bool| {
        let outlet = outlets.iter().copied().find(|outlet| claims(outlet))?;
        Some((outlet, Evidence::Signature, None))
    };
    match form {
        Form::Html(html) => schema_org::has_live_blog(html)
            .then(|| (&adapters::ANY, Evidence::SchemaOrg, Some("LiveBlogPosting".to_owned()))),
        Form::Text(text) => signed(&|outlet| (outlet.claims_text)(text)),
        Form::Json(json) => signed(&|outlet| (outlet.claims_json)(json)),
    }
}

/// The addresses of a page, the one to trust first: what markup says of itself, then where it was fetched or saved from.
pub(super) fn addresses(page: &Page, form: Form) -> Vec<(Evidence, Url)> {
    let own = match form {
        Form::Html(html) => own_addresses(html),
        Form::Text(_) | Form::Json(_) => Vec::new(),
    };
    own.into_iter().chain(page.url.clone().map(|url| (Evidence::Address, url))).collect()
}

/// What a page says is its address, with where it says so.
fn own_addresses(html: &Html) -> Vec<(Evidence, Url)> {
    let canonical = html::first(html, css!("link[rel=canonical][href]")).and_then(|link| link.attr("href"));
    let open_graph = html::meta(html, "og:url");
    // Reading JSON-LD costs more than the rest together; it is asked only where nothing else tells.
    let json_ld = match canonical.or(open_graph) {
        Some(_) => None,
        None => schema_org::nodes(html).iter().find_map(schema_org::address),
    };
    [
        (Evidence::Canonical, canonical.map(str::to_owned)),
        (Evidence::OpenGraph, open_graph.map(str::to_owned)),
        (Evidence::JsonLd, json_ld),
    ]
    .into_iter()
    .filter_map(|(evidence, href)| Some((evidence, html::address(&href?)?)))
    .collect()
}

/// The address to key and link by: the first that names a live blog of the outlet, else the first there is.
fn best_address(outlet: &Outlet, addresses: &[(Evidence, Url)]) -> Option<Url> {
    let mut urls = addresses.iter().map(|(_, url)| url);
    urls.clone().find(|url| (outlet.blog_key)(url).is_some()).or(urls.next()).cloned()
}

/// The outlet that publishes on a host or one of its subdomains; the one that names most of the host, then the first.
pub(super) fn of_host(outlets: &Outlets, url: &Url) -> Option<&'static Outlet> {
    let host = url.host_str()?.trim_end_matches('.').to_ascii_lowercase();
    let on = |own: &str| host.strip_suffix(own).is_some_and(|sub| sub.is_empty() || sub.ends_with('.'));
    let named = |outlet: &Outlet| outlet.hosts.iter().filter(|own| on(own)).map(|own| own.len()).max();
    let mut found: Option<(&'static Outlet, usize)> = None;
    for outlet in outlets {
        if let Some(length) = named(outlet).filter(|length| found.is_none_or(|(_, most)| *length > most)) {
            found = Some((outlet, length));
        }
    }
    found.map(|(outlet, _)| outlet)
}

fn named(outlets: &Outlets, slug: &str) -> Result<&'static Outlet, Refusal> {
    outlets.iter().copied().find(|outlet| outlet.slug == slug).ok_or_else(|| {
        let near =
            |outlet: &&Outlet| strsim::jaro_winkler(outlet.slug, slug) > 0.8 || outlet.name.eq_ignore_ascii_case(slug);
        let nearest = outlets.iter().copied().find(near).map(|outlet| format!(": did you mean `{}`?", outlet.slug));
        Refusal::NoSuchOutlet { given: slug.into(), nearest: nearest.unwrap_or_default(), known: known(outlets) }
    })
}

fn unknown(outlets: &Outlets, says: Option<&Url>, why: &str) -> Refusal {
    let host = says.and_then(Url::host_str).map(|host| format!(" for {host}"));
    Refusal::UnknownOutlet { found: host.unwrap_or_else(|| " on this page".into()) + why, known: known(outlets) }
}

fn known(outlets: &Outlets) -> String {
    outlets.iter().map(|outlet| outlet.slug).collect::<Vec<_>>().join(", ")
}
