//! Black-box tests, in one binary so that the library is linked once.

// Here everything is a test, helpers included; clippy only sees the functions marked so.
#![allow(clippy::unwrap_used)]

mod corpus;
mod corpus_ld;
mod fetch;
mod fixtures;
mod outlet_server;
mod reconcile;
mod sample;
mod store;
