//! tidings turns live blogs into feeds: it reads a newsroom's live-blog page, splits it into individually timestamped
//! entries in UTC, keeps them, and serves them as RSS, Atom and JSON Feed.
//!
//! # Layout
//!
//! The modules are listed in reading order. Down to [`story`] everything is pure: no IO, no clock, no async.
#![warn(missing_docs)]
#![forbid(unsafe_code)]

pub mod model;
pub mod page;
pub mod charset;
pub mod identity;
pub mod revision;
pub mod internet;
pub mod time;
pub mod html;
pub mod text;
pub mod schema_org;
pub mod outlet;
pub mod adapters;
pub mod feed;
pub mod wall;
pub mod rhythm;
pub mod norm;
pub mod story;

mod background;
pub mod log;
pub mod metrics;
pub mod config;
pub mod fetch;
pub mod saved;
pub mod store;
pub mod reconcile;
pub mod follow;
pub mod replay;
pub mod push;
pub mod server;
pub mod cli;
