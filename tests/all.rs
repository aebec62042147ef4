//! Black-box tests, one binary.
mod reconcile;
mod sample;
mod store;
