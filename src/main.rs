//! Arguments, clock and log: what only the program itself may touch.

use clap::Parser;
use std::process::ExitCode;
use std::sync::Arc;
use tidings::cli;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    // `TIDINGS_LOG` takes what `RUST_LOG` takes elsewhere: `debug`, `tidings::follow=debug`.
    let filter = EnvFilter::try_from_env("TIDINGS_LOG").unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let colour = std::io::IsTerminal::is_terminal(&std::io::stderr()) && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .with_target(false)
        // A log that nobody reads any more (`2>&1 | head`) must end no task: by default it is complained of with a panic.
        .log_internal_errors(false)
        .init();

    #[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
    let clock = Arc::new(chrono::Utc::now);
    cli::run(cli::Arguments::parse(), clock).await.into()
}
