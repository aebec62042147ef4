//! Black-box tests, one binary.
#![allow(clippy::unwrap_used)]

mod feeds;
mod reconcile;
mod sample;
mod server;
mod store;
