//! Kleene's three-valued logic.

use std::ops::Not;

/// Does a selection take a table? In Kleene's order: the weaker of two that must both hold, the stronger of two of
/// which one is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Membership {
    /// The selection does not take the table.
    No,
    /// AWS's documents leave it open, or what decides could not be read.
    Uncertain,
    /// The selection takes the table.
    Yes,
}

impl From<bool> for Membership {
    fn from(is_so: bool) -> Self {
        if is_so { Self::Yes } else { Self::No }
    }
}

impl Not for Membership {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Uncertain => Self::Uncertain,
            Self::Yes => Self::No,
        }
    }
}

/// An answer and the sentence behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The answer.
    pub membership: Membership,
    /// Which clause matched or failed, in words, without the full stop. Quotes text from AWS, which is untrusted.
    pub reason: String,
}
