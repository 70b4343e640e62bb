//! DynamoDB: its state, and above it the API.

pub(crate) mod api;
mod errors;
pub(crate) mod limits;
pub(crate) mod state;
