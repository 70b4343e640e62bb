//! S3: its state, and above it the API.

pub(crate) mod api;
mod checksum;
pub(crate) mod limits;
mod refusal;
pub(crate) mod state;
#[cfg(test)]
pub(crate) mod testing;
mod xml;
