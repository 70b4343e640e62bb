//! The library behind the `backproof` program: for its own tests and benchmarks, and for nobody else.

#![allow(
    rustdoc::private_intra_doc_links,
    reason = "its documentation is read with `cargo doc --document-private-items`"
)]

pub mod attest;
pub mod aws;
pub mod cli;
pub mod collect;
pub mod commands;
pub mod criteria;
pub mod deliver;
pub mod dictionary;
pub mod diff;
pub mod digest;
pub mod domain;
pub mod drill;
pub mod duration;
pub mod exit;
pub mod facts;
pub mod fence;
pub mod inventory;
mod journal;
pub mod judge;
pub mod ledger;
pub mod pack;
mod plain_file;
pub mod problem;
pub mod push;
pub mod remediate;
pub mod render;
pub mod report;
pub mod sample;
pub mod settings;
pub mod sign;
pub mod stderr;
pub mod text;
pub mod toml_reader;
pub mod within;
