//! KMS: its state, and above it the API.

pub(crate) mod api;
pub(crate) mod state;
