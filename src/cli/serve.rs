//! `tidings serve`: the server and the schedule, until it is told to stop.

use super::settings::{FILE, Settings};
use super::{Status, feedback};
use crate::config::{Config, Followed, load_stories};
use crate::fetch::Fetcher;
use crate::follow::{Clock, Follower, Split, load_seeds};
use crate::outlet::split_page_while;
use crate::server::{self, Limits, ServerState};
use crate::store::Store;
use anyhow::{Context, bail};
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::watch;
use url::Url;

/// Serve the feeds, and follow live blogs
///
/// Fills a fresh store from the seeds, listens, prints the feeds' addresses, and fetches each live blog at its interval until
/// Ctrl-C or SIGTERM. A failing outlet never takes a feed away: what is stored is served on.
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

pub(super) async fn run(arguments: Arguments, clock: Clock) -> anyhow::Result<Status> {
    let file = arguments.settings.file();
    let config = overruled(arguments.settings.load()?, &arguments);
    let stop = on_signal()?;
    let store = super::settings::open(&config, clock()).await?;
    let split = splitter(&config);
    fill(&store, &config, &split).await?;

    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("can't listen on {} (choose another with --listen)", config.listen))?;
    let listen = listener.local_addr()?;
    let state =
        ServerState::new(store.clone(), config.base_url.as_ref(), listen, Limits::default()).with_clock(clock.clone());
    let follower = follower(&config, store.clone(), split, clock)?;
    follower.follow(&config.live_blogs, true).await?;

    welcome(&store, &config, listen, file.is_some()).await?;
    let mut stopped = stop.clone();
    let following = tokio::spawn(async move { follower.run(stop).await });
    server::serve(listener, state, async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    })
    .await;
    // The refreshes under way end between two transactions.
    following.await.context("the schedule broke off; this is a bug in tidings")?;
    store.close().await;
    feedback::say("stopped");
    Ok(Status::Fine)
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

/// Longest time that one page is read for. The largest that is fetched takes a second or two; one that some new shape of
/// markup makes slow must not keep the others from their turn.
const LONGEST_READING: Duration = Duration::from_secs(10);

/// What turns a page into a live blog: the built-in outlets, and those of the config.
pub(super) fn splitter(config: &Config) -> Split {
    let outlets = super::settings::outlets(config);
    Arc::new(move |page, outlet| {
        let start = Instant::now();
        split_page_while(&outlets, page, outlet, &|| start.elapsed() < LONGEST_READING)
    })
}

pub(super) fn follower(config: &Config, store: Store, split: Split, clock: Clock) -> anyhow::Result<Follower> {
    Ok(Follower::new(store, Fetcher::new(&config.fetch)?, split, clock))
}

async fn fill(store: &Store, config: &Config, split: &Split) -> anyhow::Result<()> {
    let stories = match load_stories(&config.seeds, &super::settings::slugs(config)) {
        Ok(stories) => stories,
        Err(mistakes) => {
            super::settings::tell(&mistakes);
            bail!("{} in {} must be mended first", super::settings::count(mistakes.len()), config.seeds.display());
        }
    };
    load_seeds(store, &stories, split).await?;
    Ok(())
}

/// Says what is served where, and, where nothing is followed yet, how to begin.
async fn welcome(store: &Store, config: &Config, listen: SocketAddr, configured: bool) -> anyhow::Result<()> {
    let blogs = store.blogs().await?;
    let entries: i64 = blogs.iter().map(|blog| blog.entries).sum();
    let base = config.base_url.as_ref().map_or_else(|| format!("http://{listen}/"), Url::to_string);
    let mut out = std::io::stdout().lock();
    let _ = writeln!(
        out,
        "tidings {}: {} of {} in {}\n\n  page       {base}\n  RSS        {base}feed.rss\n  Atom       {base}feed.atom\n  JSON Feed  {base}feed.json\n",
        env!("CARGO_PKG_VERSION"),
        counted(entries, "entry", "entries"),
        counted(blogs.len() as i64, "live blog", "live blogs"),
        config.store.display(),
    );
    if config.base_url.is_some() {
        let _ = writeln!(out, "Listening on {listen}, reached under {base}.");
    }
    if config.live_blogs.is_empty() {
        let how = if configured {
            format!("add a [[live_blog]] table to {FILE}")
        } else {
            "`tidings init` writes a config.toml to add it to".into()
        };
        let _ = writeln!(out, "Nothing is followed yet. To follow a live blog: tidings serve --follow URL, or {how}.");
    } else {
        let _ = writeln!(out, "Following {}:", counted(config.live_blogs.len() as i64, "live blog", "live blogs"));
        for followed in &config.live_blogs {
            let _ = writeln!(out, "  {} every {}", followed.url, every(followed.every.as_secs()));
        }
    }
    let _ = writeln!(out, "Ctrl-C stops.");
    let _ = out.flush();
    Ok(())
}

fn counted(count: i64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn every(seconds: u64) -> String {
    match seconds {
        s if s % 86_400 == 0 => format!("{}d", s / 86_400),
        s if s % 3600 == 0 => format!("{}h", s / 3600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

/// Turns true at Ctrl-C or SIGTERM. A second one ends the process at once: the store stands that.
pub(super) fn on_signal() -> anyhow::Result<watch::Receiver<bool>> {
    // Caught from here on, not from some later moment in a task: until then a signal just kills.
    let mut signals = Signals::caught().context("can't catch signals")?;
    let (tell, stop) = watch::channel(false);
    tokio::spawn(async move {
        signals.next().await;
        let _ = tell.send(true);
        signals.next().await;
        std::process::exit(130);
    });
    Ok(stop)
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn caught() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn caught() -> std::io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Signals)
    }

    async fn next(&mut self) {
        self.0.recv().await;
    }
}
