//! What is said once the server listens.

use std::io::Write;
use std::net::SocketAddr;

use url::Url;

use crate::cli::settings::FILE;
use crate::config::Config;
use crate::store::Store;

/// Says what is served where, and, where nothing is followed yet, how to begin.
pub(super) async fn welcome(
    store: &Store,
    config: &Config,
    listen: SocketAddr,
    admin: Option<SocketAddr>,
    configured: bool,
) -> anyhow::Result<()> {
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
    if let Some(admin) = admin {
        let _ = writeln!(out, "Metrics are at http://{admin}/metrics.");
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
