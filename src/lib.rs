//! The library behind the `backproof` program.

pub mod aws;
pub mod cli;
pub mod collect;
pub mod commands;
pub mod domain;
pub mod duration;
pub mod evaluate;
pub mod exit;
pub mod exposure;
pub mod facts;
pub mod frameworks;
pub mod inventory;
pub mod ledger;
pub mod pack;
pub mod policy;
pub mod problem;
pub mod remediate;
pub mod reperform;
pub mod report;
pub mod rules;
pub mod settings;
pub mod settings_file;
pub mod sign;
pub mod text;
pub mod waivers;
