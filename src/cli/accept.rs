//! `tidings accept`: a page is meant to be as it has become.

use super::Status;
use super::settings::{Settings, StorePath};
use crate::follow::Clock;
use crate::store::Store;
use anyhow::bail;
use std::io::Write;
use url::Url;

/// Take the readings of a live blog that were set aside for right
///
/// A page whose entries are not filled as they used to be (no headlines any more, a tenth of the entries) is set aside, and what
/// was read before is served on: `tidings status` tells, `tidings explain URL` shows. A redesign is believed by itself once three
/// readings in half an hour agree; this command says so at once, from the next reading on.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit status: 0 accepted; 2 there was nothing to accept, or no such live blog.

Example:
  tidings accept https://news.example/live/storm")]
pub(super) struct Arguments {
    /// Address of a live blog that is followed
    #[arg(value_parser = crate::config::web_address)]
    url: Url,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    store: StorePath,
}

pub(super) async fn run(arguments: Arguments, clock: &Clock) -> anyhow::Result<Status> {
    let path = arguments.store.or_of(&arguments.settings.load()?);
    if !path.exists() {
        bail!("there is no store at {}: nothing has been followed yet", path.display());
    }
    let (url, store) = (arguments.url.as_str(), Store::open_beside(&path).await?);
    let accepted = store.accept(url, clock()).await?;
    let known = store.sources().await?.iter().any(|source| source.url == url);
    store.close().await;
    match (accepted, known) {
        (true, _) => {
            let _ = writeln!(std::io::stdout(), "{url}: read as it is from the next reading on");
            Ok(Status::Fine)
        }
        (false, true) => bail!("{url}: nothing of it is set aside"),
        (false, false) => bail!("{url}: this address is not followed (`tidings status` lists those that are)"),
    }
}
