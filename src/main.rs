//! Arguments, clock and log: what only the program itself may touch.

use clap::Parser;
use std::process::ExitCode;
use std::sync::Arc;
use tidings::cli;
use tidings::log::Log;
use tracing_subscriber::EnvFilter;

/// Feeds are made of many small strings, on threads that take turns: glibc's allocator took a seventh of the processor under load,
/// and let p99 grow with it (`benches/load.rs`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc 3 (mimalloc.h), which its bindings don't name.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// How long mimalloc keeps memory that nobody uses, in milliseconds: not at all. It would be a second, in which a server under load
/// writes a hundred megabytes of feeds.
const KEPT: std::ffi::c_long = 0;

/// Has the allocator hand memory back early. It can be told so in no other way but by the environment.
#[expect(unsafe_code, reason = "a foreign function; it sets a number, and no other thread is there yet")]
fn hand_memory_back() {
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, KEPT) };
}

fn main() -> ExitCode {
    hand_memory_back();
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
