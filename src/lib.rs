//! The library behind the `backproof` program.

pub mod domain;
pub mod report;
