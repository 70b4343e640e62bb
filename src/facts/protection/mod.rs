//! Does a backup selection really take a table? Selections and what is known of a table in, an answer with its reason
//! out. Pure: no clock, no network, no frames.
//!
//! A selection takes a table of its own account, Region and partition if
//! `(any Resources pattern or any ListOfTags entry matches) AND every Conditions entry holds AND no NotResources
//! pattern matches`, and the service opt-in allows the way in which it was matched. Selections are a union: none removes what
//! another adds. Where AWS's sources contradict each other or are silent, and where what decides could not be read, the
//! answer is uncertain, by three-valued logic: one clause that is certain may still decide.

mod answer;
mod clauses;
mod compiled;
mod pattern;
#[cfg(test)]
mod properties;
mod reason;
mod selection;
mod selection_index;
#[cfg(test)]
mod tests;
mod tri;
mod verdict;

pub(crate) use selection::{Condition, Place, Runs, Selection, TagCondition, TaggedTable};
pub(crate) use selection_index::SelectionIndex;
pub(crate) use tri::Membership;
pub(crate) use verdict::{Members, PlanVerdictKind, Unread, members, verdict_of};
