//! The program from end to end: one module a topic, and one program, so that polars and the AWS SDK are linked once.
//!
//! `cargo test --test suite` runs all, `cargo test --test suite ledger::` one topic. What topics share is in `common`,
//! the simulated AWS that they begin with in `tests/worlds`.

mod adversary;
mod after;
mod answers;
mod approval;
mod attest;
mod audit;
mod broken;
mod cli;
mod collectors;
mod common;
mod damaged;
mod days;
mod dense;
mod diff;
mod digests;
mod doctor;
mod drill_runs;
mod drills;
mod forgeries;
mod good_points;
mod hostile;
mod house;
mod intact;
mod interrupted;
mod judgement;
mod ledger;
mod native;
mod nulls;
mod pace;
mod pack;
mod periods;
mod plans;
mod properties;
mod push;
mod realism;
mod remediation;
mod restores;
mod role;
mod sample;
mod table_actions;
mod talk;
mod validate;
mod vaults;
mod waivers;
