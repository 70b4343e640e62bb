//! Talking to AWS: credentials and clients of one target, and how one call is made, repeated, limited and logged.

pub mod call;
mod date;
pub mod failure;
pub mod limit;
pub mod s3;
pub mod target;
