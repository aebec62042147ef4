//! What is told to others unasked: a change of the log as one JSON object, the same wherever it goes.

mod event;

pub use event::{AboutBlog, EntryThen, Event};
