//! What people write to AWS Backup: the documents of plans, selections and restore testing plans.
//!
//! In: JSON as the API takes it, from a call or made of a world file. Out: values of the state, or the error that AWS Backup
//! answers.

pub(crate) mod members;
pub(crate) mod plans;
pub(crate) mod restore_testing;
pub(crate) mod selections;
