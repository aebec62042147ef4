//! Which outlet a page belongs to: by what it says of itself first, by where it was fetched second.

use super::{Outlet, Outlets, Refusal};
use crate::adapters;
use crate::css;
use crate::html::{self, Html};
use crate::page::Page;
use crate::schema_org;
use serde_json::Value;
use url::Url;

/// By what an outlet was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The page's canonical link.
    Canonical,
    /// Its `og:url`.
    OpenGraph,
    /// An address in its JSON-LD.
    JsonLd,
    /// The address it was fetched from or saved under.
    Address,
    /// The shape of a text capture.
    Signature,
}

/// Whether the page is markup: its media type says so, or it begins like markup.
pub(super) fn is_html(page: &Page, text: &str) -> bool {
    match media_type(page) {
        Some("text/html" | "application/xhtml+xml") => true,
        Some("text/plain" | "application/json") => false,
        _ => {
            let start = text.trim_start_matches('\u{feff}').trim_start();
            let head: String = start.chars().take(1024).collect::<String>().to_ascii_lowercase();
            start.starts_with('<')
                && ["<!doctype html", "<html", "<head", "<body", "<meta", "<title", "<div", "<article", "<main"]
                    .iter()
                    .any(|tag| head.contains(tag))
        }
    }
}

/// Whether the page is a JSON answer.
pub(super) fn is_json(page: &Page, text: &str) -> bool {
    let start = text.trim_start();
    media_type(page) == Some("application/json")
        || (start.starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(start).is_ok())
}

fn media_type(page: &Page) -> Option<&str> {
    page.content_type.as_deref().map(|value| value.split(';').next().unwrap_or_default().trim())
}

/// The outlet of a page of markup, and the page's own address.
pub(super) fn html(
    outlets: &Outlets,
    page: &Page,
    html: &Html,
    forced: Option<&str>,
) -> Result<(&'static Outlet, Option<Url>), Refusal> {
    let addresses: Vec<Url> = addresses(html).into_iter().map(|(_, url)| url).chain(page.url.clone()).collect();
    let outlet = match forced {
        Some(slug) => named(outlets, slug)?,
        None => match addresses.iter().find_map(|url| of_host(outlets, url)) {
            Some(outlet) => outlet,
            None if schema_org::has_live_blog(html) => &adapters::ANY,
            None => {
                let why = ", and the page holds no schema.org LiveBlogPosting, which is read for any outlet";
                return Err(unknown(outlets, addresses.first(), why));
            }
        },
    };
    Ok((outlet, best_address(outlet, &addresses)))
}

/// The outlet of a text capture: a text has no address of its own, so the caller's counts first.
pub(super) fn text(
    outlets: &Outlets,
    page: &Page,
    text: &str,
    forced: Option<&str>,
) -> Result<(&'static Outlet, Option<Url>), Refusal> {
    without_address(outlets, page, forced, |outlet| (outlet.claims_text)(text))
}

/// The outlet of a JSON answer.
pub(super) fn json(
    outlets: &Outlets,
    page: &Page,
    json: &Value,
    forced: Option<&str>,
) -> Result<(&'static Outlet, Option<Url>), Refusal> {
    without_address(outlets, page, forced, |outlet| (outlet.claims_json)(json))
}

fn without_address(
    outlets: &Outlets,
    page: &Page,
    forced: Option<&str>,
    claims: impl Fn(&Outlet) -> bool,
) -> Result<(&'static Outlet, Option<Url>), Refusal> {
    let outlet = match forced {
        Some(slug) => named(outlets, slug)?,
        None => page
            .url
            .as_ref()
            .and_then(|url| of_host(outlets, url))
            .or_else(|| outlets.iter().copied().find(|outlet| claims(outlet)))
            .ok_or_else(|| unknown(outlets, page.url.as_ref(), ""))?,
    };
    Ok((outlet, page.url.clone()))
}

/// What a page says is its address, with where it says so.
fn addresses(html: &Html) -> Vec<(Evidence, Url)> {
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
fn best_address(outlet: &Outlet, addresses: &[Url]) -> Option<Url> {
    addresses.iter().find(|url| (outlet.blog_key)(url).is_some()).or(addresses.first()).cloned()
}

/// The outlet that publishes on a host or one of its subdomains; the one that names most of the host, then the first.
fn of_host(outlets: &Outlets, url: &Url) -> Option<&'static Outlet> {
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
