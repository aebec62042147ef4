//! The command line: one file for each subcommand. Everything the outside world gives (arguments, the clock, the streams)
//! comes in from `main`.

mod backup;
mod accept;
mod check;
mod explain;
mod feedback;
mod fetch;
mod init;
mod output;
mod parse;
mod refresh;
mod reload;
mod replay;
mod serve;
mod settings;
mod status;
mod tail;
mod timeline;

use crate::follow::Clock;
use crate::log::{Format, Log};
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// What a command ends with: for scripts, so documented in `--help` and in the README.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Done, and nothing to say against it.
    Fine = 0,
    /// Done, with problems worth a look (they stand on stderr).
    Problems = 1,
    /// Refused: what was asked for could not be done, and why stands on stderr.
    Refused = 2,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        ExitCode::from(status as u8)
    }
}

/// Turns live blogs into feeds.
///
/// Reads a newsroom's live-blog page, splits it into individually timestamped entries, converts every time to UTC with its
/// evidence, keeps each entry in a store, and serves them as one RSS, Atom or JSON feed.
#[derive(Debug, Parser)]
#[command(name = "tidings", version, max_term_width = 100, subcommand_required = true, arg_required_else_help = true)]
#[command(
    after_help = "Start with `tidings serve --follow URL`, or read a saved page with `tidings parse FILE --format text`."
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

impl Arguments {
    /// What is logged unless the user says otherwise. A server tells how it fares; a command that ends tells its outcome
    /// itself, and would say it twice.
    pub fn log(&self) -> &'static str {
        match self.command {
            Command::Serve(_) => "info,sqlx=warn",
            _ => "error,sqlx=off",
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Parse(parse::Arguments),
    Fetch(fetch::Arguments),
    Explain(explain::Arguments),
    Serve(serve::Arguments),
    Refresh(refresh::Arguments),
    Reload(reload::Arguments),
    Backup(backup::Arguments),
    Replay(replay::Arguments),
    Status(status::Arguments),
    Tail(tail::Arguments),
    Accept(accept::Arguments),
    Check(check::Arguments),
    Init(init::Arguments),
}

/// Runs one command.
pub async fn run(arguments: Arguments, clock: Clock, log: Log) -> Status {
    let result = match arguments.command {
        Command::Parse(arguments) => parse::run(&arguments, &clock),
        Command::Fetch(arguments) => fetch::run(&arguments, &clock).await,
        Command::Explain(arguments) => explain::run(arguments, &clock).await,
        Command::Serve(arguments) => serve::run(arguments, clock, &log).await,
        Command::Refresh(arguments) => refresh::run(arguments, clock).await,
        Command::Reload(arguments) => reload::run(arguments).await,
        Command::Backup(arguments) => backup::run(arguments).await,
        Command::Replay(arguments) => replay::run(arguments).await,
        Command::Status(arguments) => status::run(arguments, &clock).await,
        Command::Tail(arguments) => tail::run(arguments).await,
        Command::Accept(arguments) => accept::run(arguments, &clock).await,
        Command::Check(arguments) => check::run(&arguments),
        Command::Init(arguments) => init::run(&arguments),
    };
    result.unwrap_or_else(|error| {
        // A program that reads the log reads why it ends there too.
        match log.format() {
            Format::Text => feedback::error(&error),
            Format::Json => tracing::error!("{error:#}"),
        }
        Status::Refused
    })
}
