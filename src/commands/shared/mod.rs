//! What several commands share.

pub mod args;
pub(crate) mod criteria;
pub(crate) mod drills;
pub(crate) mod evidence;
pub mod interrupt;
pub(crate) mod output;
pub(crate) mod reach;
pub mod reading;
pub(crate) mod signing;
pub(crate) mod since;
pub(crate) mod suggested;
