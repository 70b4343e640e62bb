//! One short story per subcommand.

pub mod attest;
pub mod backup;
pub mod collect;
pub mod criteria;
pub mod demo;
pub mod explain;
pub mod ledger;
pub mod push;
pub(crate) mod reach;
pub mod remediate;
pub mod report;
pub mod sandbox;
pub mod scan;
pub mod seal;
pub mod verify;

use std::io::Write as _;

use crate::problem::{Outcome, Problem};

/// Prints a line of data to stdout. A closed pipe is not a problem: nobody listens any more.
///
/// Errors: stdout cannot be written.
pub(crate) fn print(text: &str) -> Outcome<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Problem::new("could not write to stdout").why(error.to_string()).into())
        }
        _ => Ok(()),
    }
}

/// Says something on stderr.
pub(crate) fn say(text: &str) {
    // Nothing can be done if stderr is gone.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
