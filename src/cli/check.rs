//! `tidings check`: what is wrong with the settings, before anything runs on them.

use super::Status;
use super::settings::{Settings, built_in, count, slugs, tell};
use crate::config::{Config, load_stories};
use std::io::Write;

/// Read the settings and the seeds, and name every mistake in them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit status: 0 nothing wrong; 2 mistakes, each on a line of stderr with file, line and column.

Example:
  tidings check --config /etc/tidings/config.toml")]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: Settings,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Status> {
    let file = arguments.settings.file();
    let mut mistakes = Vec::new();
    // With the settings in doubt, the seeds are looked for where they lie by default.
    let config = match &file {
        None => Config::default(),
        Some(file) => Config::load(file, &built_in()).unwrap_or_else(|found| {
            mistakes.extend(found);
            let folder = file.parent().map(std::path::Path::to_owned).unwrap_or_default();
            Config { seeds: folder.join(Config::default().seeds), ..Config::default() }
        }),
    };
    let stories = load_stories(&config.seeds, &slugs(&config)).unwrap_or_else(|found| {
        mistakes.extend(found);
        Vec::new()
    });
    tell(&mistakes);
    if !mistakes.is_empty() {
        super::feedback::say(count(mistakes.len()));
        return Ok(Status::Refused);
    }
    let read = file.map_or_else(|| "no config.toml: the defaults hold".into(), |file| format!("{} is fine", file.display()));
    let seeds: usize = stories.iter().map(|story| story.live_blogs.len()).sum();
    let _ = writeln!(
        std::io::stdout(),
        "{read}\n{} to follow, {} in {}",
        live_blogs(config.live_blogs.len()),
        live_blogs(seeds),
        config.seeds.display()
    );
    Ok(Status::Fine)
}

fn live_blogs(count: usize) -> String {
    if count == 1 { "1 live blog".into() } else { format!("{count} live blogs") }
}
