//! One short story per subcommand.

pub mod attest;
pub mod backup;
pub mod baseline;
pub mod collect;
pub mod criteria;
pub mod demo;
pub mod diff;
pub mod evidence;
pub mod explain;
pub mod init;
pub mod ledger;
pub mod manual;
pub mod output;
pub mod push;
pub(crate) mod reach;
pub mod remediate;
pub mod report;
pub mod sample;
pub mod sandbox;
pub mod scan;
pub mod seal;
pub mod talk;
pub mod verify;

use std::io::Write as _;

use crate::problem::{Outcome, Problem};

pub(crate) use talk::{say, warn};

/// Prints a text of results to stdout.
///
/// Errors: stdout cannot be written.
pub(crate) fn print(text: &str) -> Outcome<()> {
    let mut out = Pipe::stdout();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Problem::new("could not write to stdout").why(error.to_string()).into())
}

/// stdout, where a closed pipe is not a problem: nobody listens any more, and what is left to say goes nowhere.
pub(crate) struct Pipe {
    out: std::io::StdoutLock<'static>,
    is_closed: bool,
}

impl Pipe {
    pub(crate) fn stdout() -> Self {
        Self {
            out: std::io::stdout().lock(),
            is_closed: false,
        }
    }

    fn unless_closed<T>(&mut self, result: std::io::Result<T>, otherwise: T) -> std::io::Result<T> {
        match result {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(otherwise)
            }
            result => result,
        }
    }
}

impl std::io::Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.is_closed {
            return Ok(bytes.len());
        }
        let written = self.out.write(bytes);
        self.unless_closed(written, bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if self.is_closed {
            return Ok(());
        }
        let flushed = self.out.flush();
        self.unless_closed(flushed, ())
    }
}
