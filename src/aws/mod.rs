//! Talking to AWS: credentials and clients of one target, and how one call is made, repeated, limited and logged.

mod answer;
pub(crate) mod call;
pub(crate) mod failure;
mod http;
pub(crate) mod limit;
mod login;
pub(crate) mod pages;
pub(crate) mod patience;
pub(crate) mod raw;
pub(crate) mod s3;
pub(crate) mod simulate;
pub(crate) mod target;
