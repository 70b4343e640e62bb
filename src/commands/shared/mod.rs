//! What several commands share.

pub mod args;
pub(crate) mod criteria;
pub(crate) mod evidence;
pub mod interrupt;
pub(crate) mod output;
pub(crate) mod reach;
pub(crate) mod signing;
pub(crate) mod since;
pub(crate) mod suggested;
