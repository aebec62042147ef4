//! What is sent to us on purpose, in bulk: one file for each promise of `SECURITY.md`, each with a proof that it can fail.
//!
//! A quick set runs with the other tests. `TIDINGS_HARDENING=full cargo test hardening` runs everything, which takes hours;
//! `… cargo test hardening::unicode` one file of it. Lists of what others have been attacked with are read from the folder
//! `TIDINGS_CORPUS` names, and left out with a word where there is none.

mod bombs;
mod disk;
mod kill;
mod mutated;
mod origin;
mod outlet;
mod pages;
mod politeness;
mod programs;
mod requests;
mod slow;
mod ssrf;
mod stop;
mod time;
mod unicode;
mod wire;
mod xss;

use std::io::Write;

/// Whether everything is to be run, not only what is quick.
pub fn full() -> bool {
    match std::env::var("TIDINGS_HARDENING").as_deref() {
        Ok("full") => true,
        Err(_) | Ok("" | "quick") => false,
        Ok(other) => panic!("TIDINGS_HARDENING: `{other}` is neither `quick` nor `full`"),
    }
}

/// A figure that a person wants to see, past the harness's capture.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
