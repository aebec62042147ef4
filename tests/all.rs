//! Black-box tests, one binary.
mod sample;
mod store;
