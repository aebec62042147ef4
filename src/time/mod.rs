//! From a printed time to an instant: a time is evidence, and every step that could be wrong says so.
//!
//! [`Printed`] is what the characters say and no more. [`settle`] turns the printed times of one page into [`Stamp`]s:
//! all of them together, because the neighbours settle what one clock alone leaves open (the hour that comes twice in
//! autumn, the day of a clock without a date).
//!
//! [`Stamp`]: crate::model::Stamp

mod format;
mod printed;
mod settle;
mod walk;
mod wall;
mod words;

pub use format::Format;
pub use printed::{Printed, epoch, parse};
pub use settle::{Context, Order, Reading, Settled, Timeline, settle};
pub use wall::{Resolved, agrees, resolve};

/// How much later than its capture an entry may be dated: two clocks are never quite the same.
pub const SKEW: chrono::TimeDelta = chrono::TimeDelta::minutes(5);
