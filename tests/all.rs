//! Black-box tests, in one binary so that the library is linked once.

// Here everything is a test, helpers included; clippy only sees the functions marked so.
#![allow(clippy::unwrap_used)]

mod changed;
mod cli;
mod configured;
mod corpus;
mod corpus_dom;
mod corpus_explain;
mod corpus_ld;
mod corpus_seeds;
mod feeds;
mod fetch;
mod fixtures;
mod hardening;
mod histories;
mod hub;
mod identity;
mod instant;
mod listener;
mod life;
mod live_page;
mod mutate;
mod norm;
mod outlet_server;
mod polite;
mod push;
mod queries;
mod reconcile;
mod receiver;
mod refresh;
mod replay;
mod sample;
mod scripted;
mod server;
mod store;
mod stories;
mod tidy;
mod twins;
