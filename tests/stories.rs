//! Entries of several newsrooms about one development: which pairs are found, that none is found that isn't one, and what becomes
//! of them in the store.

mod corpus;
mod labelled;
mod stored;
