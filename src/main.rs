//! Arguments, clock and log: what only the program itself may touch.

use clap::Parser;
use std::process::ExitCode;
use std::sync::Arc;
use tidings::cli;
use tidings::log::Log;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    // `TIDINGS_LOG` takes what `RUST_LOG` takes elsewhere: `debug`, `tidings::follow=debug`.
    let arguments = cli::Arguments::parse();
    let filter = EnvFilter::try_from_env("TIDINGS_LOG").unwrap_or_else(|_| EnvFilter::new(arguments.log()));
    let colour = std::io::IsTerminal::is_terminal(&std::io::stderr()) && std::env::var_os("NO_COLOR").is_none();

    #[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
    let clock = chrono::Utc::now;
    let log = Log::start(filter, clock, colour);
    cli::run(arguments, Arc::new(clock), log).await.into()
}
