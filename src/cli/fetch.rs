//! `tidings fetch`: one live page.

use super::output::Output;
use super::parse::Reading;
use super::serve::splitter;
use super::settings::Settings;
use super::{Status, feedback};
use crate::config::Config;
use crate::fetch::{Fetched, Fetcher, Reach, Validators};
use crate::follow::Clock;
use crate::page::Page;
use anyhow::bail;
use url::Url;

/// Fetch one page and print what is in it
///
/// One polite request (after one for the site's robots.txt), and the same output as `parse`. Nothing is kept.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit status: 0 read; 1 read, with problems worth a look; 2 not fetched or refused, and why.

Example:
  tidings fetch https://www.independent.co.uk/…-b2392480.html --format text")]
pub(super) struct Arguments {
    /// Address of a live blog
    #[arg(value_parser = crate::config::web_address)]
    url: Url,
    #[command(flatten)]
    reach: Reaching,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    settings: Settings,
}

/// How far a command may reach that is given an address.
#[derive(Debug, clap::Args)]
pub(super) struct Reaching {
    /// Allow an address that is not on the public internet: this machine, your own network
    #[arg(long)]
    allow_private: bool,
}

pub(super) async fn run(arguments: &Arguments, clock: &Clock) -> anyhow::Result<Status> {
    let config = arguments.settings.load()?;
    let page = live_page(&arguments.url, &arguments.reach, &config, clock).await?;
    // A page can take a second of work, and its tree can't cross an `.await`.
    let (split, outlet) = (splitter(&config), arguments.reading.outlet.clone());
    let blog = tokio::task::spawn_blocking(move || split(&page, outlet.as_deref())).await?;
    let blog = blog.map_err(|refusal| anyhow::anyhow!("{}: {refusal}", arguments.url))?;
    let problems = feedback::problems(arguments.url.as_str(), &blog);
    let mut output = Output::new(arguments.reading.format);
    output.add(blog)?;
    output.end()?;
    Ok(if problems { Status::Problems } else { Status::Fine })
}

/// Fetches a page: one polite request. What the config allows of a live blog it follows, it allows here too.
pub(super) async fn live_page(url: &Url, reach: &Reaching, config: &Config, clock: &Clock) -> anyhow::Result<Page> {
    let followed = config.live_blogs.iter().find(|followed| followed.url == *url);
    let allowed = reach.allow_private || followed.is_some_and(|followed| followed.allow_private);
    let fetcher = Fetcher::new(&config.fetch)?;
    match fetcher.get(url, Reach::allowing_private(allowed), &Validators::default(), &**clock).await? {
        Fetched::Page { page, .. } => Ok(page),
        Fetched::NotModified => bail!("{url} answers that nothing has changed, without having been asked"),
    }
}
