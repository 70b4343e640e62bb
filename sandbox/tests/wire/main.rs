//! The sandbox as a client sees it: bytes over TCP, without any SDK.

#![expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test")]

mod answers;
mod callers;
mod client;
mod control;
mod drills;
mod faults;
mod world;
