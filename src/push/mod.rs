//! What is told to others unasked: a change of the log as one JSON object, the same wherever it goes; the sinks that it is posted
//! to; and the hub that sends subscribers what is new in a feed.

mod event;
mod hub;
mod patience;
mod signature;
mod sinks;

pub use event::{AboutBlog, EntryThen, Event};
pub use hub::{Document, Hub, Lacking, Looking, Topics};
pub use sinks::{Clock, Outgoing, Sinks};
