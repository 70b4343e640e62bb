//! Kleene's three-valued logic, with the reason of each answer carried along.

use std::ops::Not;

use super::reason::Why;

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

/// An answer whose reason is not yet put into words: most answers are "no" and nobody asks why.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer<'a> {
    pub(super) membership: Membership,
    pub(super) why: Why<'a>,
}

impl<'a> Answer<'a> {
    pub(super) const fn yes(why: Why<'a>) -> Self {
        Self {
            membership: Membership::Yes,
            why,
        }
    }

    pub(super) const fn no(why: Why<'a>) -> Self {
        Self {
            membership: Membership::No,
            why,
        }
    }

    pub(super) const fn uncertain(why: Why<'a>) -> Self {
        Self {
            membership: Membership::Uncertain,
            why,
        }
    }

    /// Both must hold. Of two answers alike, the first gives the reason.
    pub(super) fn and(self, other: Self) -> Self {
        if other.membership < self.membership {
            other
        } else {
            self
        }
    }

    /// One is enough. Of two answers alike, the first gives the reason.
    pub(super) fn or(self, other: Self) -> Self {
        if other.membership > self.membership {
            other
        } else {
            self
        }
    }
}
