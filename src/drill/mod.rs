//! Restores made to prove that they work: chosen, started, compared, measured, filed, and deleted again.
//!
//! A drill is a plan, a journal and a record, as a remediation is. What it saw is a [`record::Record`]; the pack of a drill holds
//! that, and a later scan reads it as evidence. Nothing here judges a table, and nothing prints: what happens on the way is told.

mod ask;
pub(crate) mod choose;
pub(crate) mod clean;
pub mod compare;
pub(crate) mod document;
pub(crate) mod estimate;
pub(crate) mod journal;
pub mod pack;
pub(crate) mod plan;
pub(crate) mod record;
pub(crate) mod run;
pub(crate) mod validate;
