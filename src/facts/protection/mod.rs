//! Does a backup selection really take a table? Selections and what is known of a table in, an answer with its reason
//! out. Pure.
//!
//! A selection takes a table of its own account, Region and partition if
//! `(any Resources pattern or any ListOfTags entry matches) AND every Conditions entry holds AND no NotResources pattern
//! matches`, and the service opt-in allows the way in which it was matched. Several selections are a union. Where AWS's
//! sources contradict each other or are silent, and where what decides could not be read, the answer is uncertain.

mod index;
mod pattern;
mod selection;
#[cfg(test)]
mod tests;
mod tri;

use std::collections::BTreeMap;

pub use index::{Index, PlanVerdict, PlanVerdictKind, Unread, plan_verdict};
pub use selection::{Condition, Operator, Place, Selection, TagCondition};
pub use tri::{Judgement, Membership};

/// What is known of a table.
#[derive(Debug, Clone, Copy)]
pub struct TableFacts<'a> {
    /// Its ARN.
    pub arn: &'a str,
    /// Its tags. `None`: they could not be read.
    pub tags: Option<&'a BTreeMap<String, String>>,
}
