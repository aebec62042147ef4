//! How a refresh went.

use std::fmt;

use crate::reconcile::Changes;

/// How a refresh went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The outlet says that nothing changed.
    NotModified,
    /// A page came, and there is nothing new in it.
    Unchanged,
    /// Something changed of what a feed shows; with zero of all, the head alone.
    Changed(Tally),
    /// A page came and no entry could be found in it. What was stored before is kept.
    Empty(String),
    /// A page came whose entries are not filled as they used to be. What was stored before is kept.
    SetAside(String),
    /// No page came, or none that can be read. What was stored before is kept.
    Failed(String),
    /// It was stopped before it was done, and nothing was written.
    Stopped,
}

/// How many entries of a live blog a refresh changed, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Entries never seen before.
    pub new: usize,
    /// Entries that say something else.
    pub edited: usize,
    /// Entries that say the same with another mark, link or picture.
    pub touched: usize,
    /// Entries that the outlet took back.
    pub withdrawn: usize,
    /// Entries that it shows again.
    pub restored: usize,
}

impl From<&Changes> for Outcome {
    fn from(changes: &Changes) -> Self {
        if changes.is_empty() {
            return Outcome::Unchanged;
        }
        Outcome::Changed(Tally {
            new: changes.new.len(),
            edited: changes.edited.len(),
            touched: changes.touched.len(),
            withdrawn: changes.withdrawn.len(),
            restored: changes.restored.len(),
        })
    }
}

impl Tally {
    /// Each count with its name.
    pub(super) fn each(&self) -> [(&'static str, usize); 5] {
        let Tally { new, edited, touched, withdrawn, restored } = *self;
        [("new", new), ("edited", edited), ("touched", touched), ("withdrawn", withdrawn), ("restored", restored)]
    }
}

impl Outcome {
    /// Its kind in one word, for those who count.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Outcome::NotModified => "not_modified",
            Outcome::Unchanged => "unchanged",
            Outcome::Changed(_) => "changed",
            Outcome::Empty(_) => "empty",
            Outcome::SetAside(_) => "set_aside",
            Outcome::Failed(_) => "failed",
            Outcome::Stopped => "stopped",
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Tally::default() {
            return f.write_str("its head changed");
        }
        write!(f, "{} new, {} edited", self.new, self.edited)?;
        let rare = [(self.touched, "touched"), (self.withdrawn, "withdrawn"), (self.restored, "restored")];
        rare.iter().filter(|(count, _)| *count > 0).try_for_each(|(count, what)| write!(f, ", {count} {what}"))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::NotModified => f.write_str("not modified"),
            Outcome::Unchanged => f.write_str("nothing new"),
            Outcome::Changed(tally) => tally.fmt(f),
            Outcome::Empty(reason) | Outcome::SetAside(reason) | Outcome::Failed(reason) => f.write_str(reason),
            Outcome::Stopped => f.write_str("stopped before it was done"),
        }
    }
}
