//! A simulated AWS on loopback, for demos, training and tests.
//!
//! In: a world file that says which accounts, tables, plans and faults there are. Out: an HTTP server that answers the unchanged
//! AWS SDKs and the AWS CLI as DynamoDB, AWS Backup, S3, KMS, IAM, STS, the tagging API, account management, Organizations and Security
//! Hub do, as far as the audit of backups needs them. Plans really run, on a virtual clock, through months of history; restores really copy items.
//! It verifies no signature, keeps nothing on disk and is reachable from this machine only.
//!
//! From the top down, a room knows only what lies below it:
//!
//! ```text
//! server, control    HTTP, and the sandbox's own endpoints
//! inside, dump       what is really there, for tests; writes: what was changed
//! router, world      which service answers; the files that a simulation starts from
//! <service>::api     what a call may ask, and how it is answered
//! time, engine       what happens without a call
//! cloud              accounts, and the state of every service in every place
//! <service>::state   plain data
//! answers            what an answer leaves out or says twice
//! call, ids, clock   a request and its answer; numbers; the virtual time
//! ```

#![cfg_attr(test, expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test"))]

mod account;
mod answers;
mod backup;
mod call;
mod caller;
mod clock;
mod cloud;
mod connection;
mod control;
mod dump;
mod dynamodb;
mod faults;
mod iam;
mod ids;
pub mod inside;
mod kms;
mod organizations;
mod quota;
mod router;
mod s3;
mod securityhub;
mod server;
mod stats;
mod sts;
mod tagging;
mod tamper;
#[cfg(test)]
mod testing;
mod time;
mod world;
mod writes;

pub use backproof_toml_reader::Mistake;
pub use server::Sandbox;
pub use world::World;
pub use writes::Write;
