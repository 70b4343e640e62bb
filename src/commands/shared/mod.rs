//! What several commands share.

pub mod args;
pub mod criteria;
pub mod evidence;
pub mod output;
pub(crate) mod reach;
pub mod signing;
