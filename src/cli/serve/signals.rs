//! What the system asks of a running process: to stop, and to read its settings anew.

use anyhow::Context;
use tokio::sync::watch;

/// Turns true at Ctrl-C or SIGTERM. A second one ends the process at once: the store stands that.
pub(in crate::cli) fn on_stop() -> anyhow::Result<watch::Receiver<bool>> {
    // Caught from here on, not from some later moment in a task: until then a signal just kills.
    let mut signals = Stops::caught().context("can't catch signals")?;
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
mod system {
    use tokio::signal::unix::{Signal, SignalKind, signal};

    pub struct Stops {
        interrupt: Signal,
        terminate: Signal,
    }

    impl Stops {
        pub fn caught() -> std::io::Result<Self> {
            Ok(Stops { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
        }

        pub async fn next(&mut self) {
            tokio::select! {
                _ = self.interrupt.recv() => {}
                _ = self.terminate.recv() => {}
            }
        }
    }

    /// SIGHUP.
    pub struct Hangups(Signal);

    impl Hangups {
        pub fn caught() -> std::io::Result<Self> {
            signal(SignalKind::hangup()).map(Hangups)
        }

        pub async fn next(&mut self) {
            self.0.recv().await;
        }
    }
}

#[cfg(windows)]
mod system {
    pub struct Stops(tokio::signal::windows::CtrlC);

    impl Stops {
        pub fn caught() -> std::io::Result<Self> {
            tokio::signal::windows::ctrl_c().map(Stops)
        }

        pub async fn next(&mut self) {
            self.0.recv().await;
        }
    }

    /// There is no such signal.
    pub struct Hangups;

    impl Hangups {
        pub fn caught() -> std::io::Result<Self> {
            Ok(Hangups)
        }

        pub async fn next(&mut self) {
            std::future::pending().await
        }
    }
}

pub(super) use system::Hangups;
use system::Stops;
