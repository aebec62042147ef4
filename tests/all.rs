//! Black-box tests, one binary.
mod feeds;
