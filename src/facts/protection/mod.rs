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

pub use selection::{Condition, Operator, Place, Runs, Selection, TagCondition, TaggedTable};
pub use selection_index::SelectionIndex;
pub use tri::{Judgement, Membership};
pub use verdict::{Members, PlanVerdict, PlanVerdictKind, Unread, members, plan_verdict, verdict_of};
