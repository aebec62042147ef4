//! Black-box tests, one binary: twenty would link twenty times.

mod corpus;
mod fixtures;
