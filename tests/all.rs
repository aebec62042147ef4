//! Black-box tests, one binary.
mod feeds;
mod reconcile;
mod sample;
mod server;
mod store;
