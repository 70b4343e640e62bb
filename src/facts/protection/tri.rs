//! Three-valued answers that carry their reason.

/// Yes, no, or not to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Membership {
    /// The selection does not take the table.
    No,
    /// AWS's documents leave it open, or what decides could not be read.
    Uncertain,
    /// The selection takes the table.
    Yes,
}

/// An answer and the sentence behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The answer.
    pub membership: Membership,
    /// Which clause matched or failed, in words.
    pub reason: String,
}

impl Judgement {
    pub(super) fn yes(reason: impl Into<String>) -> Self {
        Self {
            membership: Membership::Yes,
            reason: reason.into(),
        }
    }

    pub(super) fn no(reason: impl Into<String>) -> Self {
        Self {
            membership: Membership::No,
            reason: reason.into(),
        }
    }

    pub(super) fn uncertain(reason: impl Into<String>) -> Self {
        Self {
            membership: Membership::Uncertain,
            reason: reason.into(),
        }
    }

    /// The weaker of two statements that must both hold: no before uncertain before yes. Of two alike, the first.
    pub(super) fn and(self, other: Self) -> Self {
        if other.membership < self.membership {
            other
        } else {
            self
        }
    }

    /// The stronger of two statements of which one is enough.
    pub(super) fn or(self, other: Self) -> Self {
        if other.membership > self.membership {
            other
        } else {
            self
        }
    }
}
