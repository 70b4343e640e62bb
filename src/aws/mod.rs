//! Talking to AWS: credentials and clients of one target, and how one call is made, repeated, limited and logged.

pub(crate) mod call;
mod date;
pub(crate) mod failure;
pub(crate) mod limit;
pub(crate) mod s3;
pub(crate) mod target;
