//! Answers with their reasons carried along, by Kleene's three-valued logic.

use super::reason::Why;
use super::tri::Membership;

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
