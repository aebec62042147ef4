//! Arguments, clock and log: what only the program itself may touch.

mod allocator;

use clap::Parser;
use std::process::ExitCode;
use std::sync::Arc;
use tidings::cli;
use tidings::log::Log;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    allocator::hand_memory_back();
    // `TIDINGS_LOG` takes what `RUST_LOG` takes elsewhere: `debug`, `tidings::follow=debug`.
    let arguments = cli::Arguments::parse();
    let filter = EnvFilter::try_from_env("TIDINGS_LOG").unwrap_or_else(|_| EnvFilter::new(arguments.log()));
    let colour = std::io::IsTerminal::is_terminal(&std::io::stderr()) && std::env::var_os("NO_COLOR").is_none();

    #[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
    let clock = chrono::Utc::now;
    let log = Log::start(filter, clock, colour);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!("can't start: {error}");
            return cli::Status::Refused.into();
        }
    };
    let status = runtime.block_on(cli::run(arguments, Arc::new(clock), log));
    // A page that is still being read would be waited for, and nobody wants to know what is in it any more.
    runtime.shutdown_background();
    status.into()
}
