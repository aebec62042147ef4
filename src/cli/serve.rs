//! `tidings serve`: the server and the schedule, until it is told to stop.

mod running;
mod signals;
mod welcome;

use super::Status;
use super::settings::{self, Settings};
use crate::config::{Config, Followed, Story, Topic, load_stories};
use crate::fetch::{Fetcher, Reach};
use crate::follow::{Clock, Follower, Split, load_seeds};
use crate::log::Log;
use crate::outlet::split_page_while;
use crate::push::{Hub, Outgoing, Sinks};
use crate::server::{self, Limits, ServerState};
use crate::store::Store;
use anyhow::{Context, bail};
use running::Running;
use sha2::{Digest, Sha256};
use signals::Hangups;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use url::Url;

pub(super) use signals::on_stop;

/// Serve the feeds, and follow live blogs
///
/// Fills a fresh store from the seeds, listens, prints the feeds' addresses, and fetches each live blog at its interval until
/// Ctrl-C or SIGTERM. A failing outlet never takes a feed away: what is stored is served on. SIGHUP, or `tidings reload`, reads
/// the settings anew.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit status: 0 stopped cleanly; 2 it could not start, and why.

Examples:
  tidings serve
  tidings serve --follow https://www.independent.co.uk/…-b2392480.html
  tidings serve --config /etc/tidings/config.toml --listen 0.0.0.0:8080 --store /var/lib/tidings/tidings.db")]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: Settings,
    /// Address and port to listen on
    #[arg(long, value_name = "A")]
    listen: Option<SocketAddr>,
    /// The SQLite file that keeps the entries
    #[arg(long, value_name = "PATH")]
    store: Option<PathBuf>,
    /// A live blog to follow, besides those of the config; may be given more than once
    #[arg(long, value_name = "URL", value_parser = crate::config::web_address)]
    follow: Vec<Url>,
    /// Let --follow reach addresses that are not on the public internet: this machine, your own network
    #[arg(long, requires = "follow")]
    allow_private: bool,
}

pub(super) async fn run(arguments: Arguments, clock: Clock, log: &Log) -> anyhow::Result<Status> {
    let file = arguments.settings.file();
    let config = overruled(arguments.settings.load()?, &arguments);
    log.write_as(config.log_format);
    let (stop, hangups) = (on_stop()?, Hangups::caught().context("can't catch signals")?);
    let (lock, store) = settings::open(&config, "serve", clock()).await?;
    let split = splitter(&config);
    let stories = stories(&config).or_else(|mistakes| {
        settings::tell(&mistakes);
        bail!("{} in {} must be mended first", settings::count(mistakes.len()), config.seeds.display())
    })?;
    load_seeds(&store, &stories, &split).await?;

    let listener = bound(config.listen, "choose another with --listen")?;
    let admin = match config.access.admin_listen {
        Some(address) => Some(bound(address, "choose another `admin_listen`")?),
        None => None,
    };
    let listen = listener.local_addr()?;
    let state =
        ServerState::new(store.clone(), config.base_url.as_ref(), listen, Limits::default()).with_clock(clock.clone());
    let state = if config.hub.enabled { state.with_hub(config.hub.clone()) } else { state };
    state.set(settings_of(&config, &stories));
    let fetcher = Fetcher::new(&config.fetch)?;
    let follower = follower(&config, store.clone(), fetcher.clone(), split, clock.clone()).counting(state.metrics());
    follower.follow(&config.live_blogs, true).await?;

    let admin_at = admin.as_ref().map(TcpListener::local_addr).transpose()?;
    welcome::welcome(&store, &config, listen, admin_at, file.is_some()).await?;
    let (reload, asked) = mpsc::channel(1);
    let serving = tokio::spawn(server::serve(listener, state.clone(), stopped(stop.clone())));
    let administering =
        admin.map(|admin| tokio::spawn(server::serve_admin(admin, state.clone(), reload, stopped(stop.clone()))));
    let following = tokio::spawn({
        let (follower, stop) = (follower.clone(), stop.clone());
        async move { follower.run(stop).await }
    });
    let (outgoing, sending) = watch::channel(outgoing(&config, &fetcher));
    let base =
        config.base_url.as_ref().map_or_else(|| format!("http://{listen}"), |url| url.as_str().trim_end_matches('/').into());
    let sinks = Sinks { store: store.clone(), base: Some(base), clock: clock.clone(), metrics: state.metrics() };
    let posting = tokio::spawn(sinks.run(sending.clone(), stop.clone()));
    let hub = state.hub_asked().map(|asked| Hub {
        store: store.clone(),
        topics: Arc::new(state.clone()),
        path: server::HUB,
        reach: Reach::allowing_private(config.hub.allow_private),
        clock: clock.clone(),
        metrics: state.metrics(),
        asked,
    });
    let distributing = hub.map(|hub| tokio::spawn(hub.run(sending, stop.clone())));
    let log = log.clone();
    let mut running = Running { arguments, config, store: store.clone(), state, fetcher, follower, outgoing, log, lock };
    running.heed(stop, hangups, asked).await;

    serving.await.context("the server broke off; this is a bug in tidings")?;
    if let Some(administering) = administering {
        administering.await.context("the server broke off; this is a bug in tidings")?;
    }
    // The refreshes under way end between two transactions.
    following.await.context("the schedule broke off; this is a bug in tidings")?;
    posting.await.context("the sinks broke off; this is a bug in tidings")?;
    if let Some(distributing) = distributing {
        distributing.await.context("the hub broke off; this is a bug in tidings")?;
    }
    store.close().await;
    tracing::info!("stopped");
    Ok(Status::Fine)
}

fn bound(address: SocketAddr, instead: &str) -> anyhow::Result<TcpListener> {
    server::listen(address).with_context(|| format!("can't listen on {address} ({instead})"))
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

fn overruled(mut config: Config, arguments: &Arguments) -> Config {
    config.listen = arguments.listen.unwrap_or(config.listen);
    if let Some(store) = &arguments.store {
        config.store.clone_from(store);
    }
    for url in &arguments.follow {
        let mut url = url.clone();
        url.set_fragment(None);
        if !config.live_blogs.iter().any(|followed| followed.url == url) {
            let allow_private = arguments.allow_private;
            config.live_blogs.push(Followed { allow_private, ..Followed::new(url, config.every) });
        }
    }
    config
}

/// What the config says of the server. A story of the seeds is a topic, unless the config has another one of that name.
fn settings_of(config: &Config, stories: &[Story]) -> server::Settings {
    let mut topics = config.topics.clone();
    for topic in stories.iter().map(Topic::of) {
        if !topics.iter().any(|other| other.name == topic.name) {
            topics.push(topic);
        }
    }
    let zones = settings::outlets(config).iter().map(|outlet| (outlet.slug.to_owned(), outlet.zone)).collect();
    server::Settings { access: config.access.clone(), log_requests: config.log_requests, topics, zones }
}

/// What the config says of the sinks.
fn outgoing(config: &Config, fetcher: &Fetcher) -> Outgoing {
    Outgoing { sinks: config.sinks.clone(), fetcher: fetcher.clone() }
}

fn stories(config: &Config) -> Result<Vec<Story>, Vec<crate::config::Mistake>> {
    load_stories(&config.seeds, &settings::slugs(config))
}

/// Longest time that one page is read for. The largest that is fetched takes a second or two; one that some new shape of
/// markup makes slow must not keep the others from their turn.
const LONGEST_READING: Duration = Duration::from_secs(10);

/// What turns a page into a live blog: the built-in outlets, and those of the config.
pub(super) fn splitter(config: &Config) -> Split {
    let outlets = settings::outlets(config);
    Arc::new(move |page, outlet| {
        let start = Instant::now();
        split_page_while(&outlets, page, outlet, &|| start.elapsed() < LONGEST_READING)
    })
}

pub(super) fn follower(config: &Config, store: Store, fetcher: Fetcher, split: Split, clock: Clock) -> Follower {
    let follower = Follower::new(store, fetcher.clone(), split.clone(), clock);
    follower.read_with(fetcher, split, &reading(config));
    follower
}

/// Tells the outlets of one config from those of another, in a word. A page is read again when its selectors have changed.
fn reading(config: &Config) -> String {
    if config.outlets.is_empty() {
        return String::new();
    }
    let told = Sha256::digest(format!("{:?}", config.outlets));
    told[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}
