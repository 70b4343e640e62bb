//! Backup plans: their rules, what they take, and what they promise the tables that they take.

pub(crate) mod good_rules;
mod live;
mod made;
pub(crate) mod membership;
pub(crate) mod offers;
pub(crate) mod rule;
pub(crate) mod target;
