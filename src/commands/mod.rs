//! One short story per subcommand.

pub mod attest;
pub mod backup;
pub(crate) mod baseline;
pub mod collect;
pub mod demo;
pub mod diff;
pub mod doctor;
pub mod drill;
pub(crate) mod examples;
pub mod explain;
pub mod init;
pub mod ledger;
pub mod manual;
pub mod protect;
pub(crate) mod push;
pub mod remediate;
pub mod report;
pub mod restore;
pub mod sample;
pub mod sandbox;
pub mod scan;
pub mod shared;
pub mod verify;
