//! `tidings explain`: what one page says, and what is made of it.

mod followed;
mod text;

use super::settings::{self, Settings, StorePath};
use super::{Status, fetch, output, parse};
use crate::follow::Clock;
use crate::norm::Fill;
use crate::outlet::{Explanation, explain, split_page_among};
use crate::page::Page;
use crate::saved::{self, Known, Saved};
use anyhow::bail;
use chrono::{DateTime, Utc};
use followed::Compared;
use serde::Serialize;
use std::ops::ControlFlow;
use url::Url;

/// Tell how a page is read: its outlet, each time with its evidence, and what on it may be an entry
///
/// For writing an [[outlet]] table, or for deciding whether to trust a page. It says most where `parse` refuses: what the page
/// says of itself, which repeated elements look like entries, and where in them a time stands.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit status, as of `parse`: 0 read; 1 read, with problems worth a look; 2 refused. Unlike `parse`, it tells everything on stdout, \
the refusal too. Where there is no page to explain (no such file, not fetched), nothing stands there, and the reason on stderr.

Examples:
  tidings explain page.html
  tidings explain https://news.example/live/storm
  tidings explain page.html --config my-outlets.toml --outlet daily-news
  tidings explain page.html --json | jq '.candidates[0]'")]
pub(super) struct Arguments {
    /// A saved page, `-` for standard input, or an address: that is fetched once
    #[arg(value_name = "FILE|URL")]
    page: String,
    /// The address the page was saved from, where the page itself does not say
    #[arg(long, value_parser = crate::config::web_address)]
    url: Option<Url>,
    /// The outlet's slug, where it can't be recognised
    #[arg(long, value_name = "SLUG")]
    outlet: Option<String>,
    /// When the page was captured, as 2022-01-06T19:20:00Z: see `parse`
    #[arg(long, value_name = "T", value_parser = parse::instant)]
    captured: Option<DateTime<Utc>>,
    #[command(flatten)]
    reach: fetch::Reaching,
    /// One JSON object, for tools
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    store: StorePath,
}

/// An explanation, and of what.
#[derive(Serialize)]
struct Named {
    name: String,
    #[serde(flatten)]
    explanation: Explanation,
    #[serde(skip_serializing_if = "Option::is_none")]
    followed: Option<Compared>,
}

pub(super) async fn run(arguments: Arguments, clock: &Clock) -> anyhow::Result<Status> {
    let config = arguments.settings.load()?;
    let (name, page) = match address(&arguments.page) {
        Some(_) if arguments.url.is_some() || arguments.captured.is_some() => {
            bail!("--url and --captured are for saved pages: a page that is fetched has its own address and instant")
        }
        Some(url) => {
            let url = url.map_err(anyhow::Error::msg)?;
            (url.to_string(), fetch::live_page(&url, &arguments.reach, &config, clock).await?)
        }
        None => {
            let known = Known { url: arguments.url.clone(), captured: arguments.captured, now: clock() };
            only_page(&arguments.page, &known)?
        }
    };
    let address = [page.url.as_ref().map(Url::as_str), Some(name.as_str())].map(|address| address.map(str::to_owned));
    let source = followed::source(&arguments.store.or_of(&config), &address).await;
    let outlets = settings::outlets(&config);
    let outlet = arguments.outlet.or_else(|| source.as_ref()?.outlet.clone());
    // A page can take a second of work, and its tree can't cross an `.await`.
    let now = clock();
    let reading = move || {
        let fill = source.is_some().then(|| split_page_among(&outlets, &page, outlet.as_deref()).ok()).flatten();
        let followed = source.map(|source| followed::compare(&source, fill.as_ref().map(Fill::of), now));
        (explain(&outlets, &page, outlet.as_deref()), followed)
    };
    let (explanation, followed) = tokio::task::spawn_blocking(reading).await?;
    let status = match (&explanation.refused, explanation.has_problems()) {
        (Some(_), _) => Status::Refused,
        (None, true) => Status::Problems,
        (None, false) => Status::Fine,
    };
    if arguments.json {
        let mut out = serde_json::to_vec_pretty(&Named { name, explanation, followed })?;
        out.push(b'\n');
        output::bytes_out(&out)?;
    } else {
        output::bytes_out(text::of(&name, &explanation, followed.as_ref(), output::colour()).as_bytes())?;
    }
    Ok(status)
}

/// The one page that is saved under this name.
fn only_page(name: &str, known: &Known) -> anyhow::Result<(String, Page)> {
    let mut found: Vec<Saved> = Vec::new();
    let _ = saved::each(&[name.into()], known, &mut |saved| {
        found.push(saved);
        if found.len() > 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => {
            let page = one.page.map_err(|error| anyhow::anyhow!("{}: {error}", one.name))?;
            Ok((one.name, page))
        }
        (None, _) => bail!("{name}: there is no page in it"),
        (Some(_), false) => bail!("{name}: it holds more than one page, and one is explained at a time"),
    }
}

/// The address, where it is one and no file.
fn address(page: &str) -> Option<Result<Url, String>> {
    let scheme = page.split_once("://")?.0;
    scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()).then(|| crate::config::web_address(page))
}
