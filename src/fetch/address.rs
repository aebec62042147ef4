//! How far a fetch may reach.

/// How far a fetch may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Public addresses only.
    Public,
    /// Any address: for a live blog of which the config says `allow_private = true`.
    Anywhere,
}

impl Reach {
    /// `Anywhere` where it is allowed.
    pub fn allowing_private(allowed: bool) -> Self {
        if allowed { Reach::Anywhere } else { Reach::Public }
    }
}
