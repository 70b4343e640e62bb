//! AWS Backup, from below: what it knows ([`state`]), what happens without a call ([`engine`]), what people write to it
//! ([`documents`]), and what a call may ask and is answered ([`api`]).

pub(crate) mod api;
pub(crate) mod documents;
pub(crate) mod engine;
mod errors;
pub(crate) mod state;
