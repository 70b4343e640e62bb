//! Runs the command in a process of its own, below the ceiling of [`crate::fence`], and says so if it went through it.

use std::process::{Command as Process, ExitCode};

use crate::cli::Command;
use crate::commands::ledger::LedgerCommand;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::{fence, stderr};

/// Tells a process that it is the inner one.
const INNER: &str = "BACKPROOF_BELOW_CEILING";

/// Does the command look into evidence that somebody else may have made?
fn reads_evidence(command: &Command) -> bool {
    matches!(
        command,
        Command::Verify(_)
            | Command::Attest(_)
            | Command::Diff(_)
            | Command::Sample(_)
            | Command::Ledger(LedgerCommand::List(_) | LedgerCommand::Fetch(_))
    )
}

/// Runs such a command in an inner process and gives its end; none: this process is to run it.
pub fn run(command: &Command) -> Option<ExitCode> {
    if !cfg!(target_os = "linux") || !reads_evidence(command) {
        return None;
    }
    if std::env::var_os(INNER).is_some() {
        fence::put_up();
        return None;
    }
    let program = std::env::current_exe().ok()?;
    let mut inner = Process::new(program);
    inner.args(std::env::args_os().skip(1)).env(INNER, "1");
    // Where no process can be started, the work is done without a ceiling.
    let status = inner.status().ok()?;
    Some(match status.code() {
        Some(code) => ExitCode::from(u8::try_from(code).unwrap_or(Exit::Failed.code())),
        None => ended(signal(status)),
    })
}

#[cfg(unix)]
fn signal(status: std::process::ExitStatus) -> i32 {
    std::os::unix::process::ExitStatusExt::signal(&status).unwrap_or_default()
}

#[cfg(not(unix))]
fn signal(_status: std::process::ExitStatus) -> i32 {
    0
}

/// What to say of a process that was ended by this signal.
fn ended(signal: i32) -> ExitCode {
    const FROM_OUTSIDE: [i32; 4] = [1, 2, 9, 15];
    if FROM_OUTSIDE.contains(&signal) {
        // Nothing is known of the evidence then.
        let problem = Problem::new("the evidence was not read to its end")
            .why(format!(
                "the process that read it was ended from outside, by signal {signal}"
            ))
            .so("nothing can be said of it");
        stderr::fail(&problem.into());
        return ExitCode::from(128 + u8::try_from(signal).unwrap_or_default());
    }
    let mut problem = Problem::new("the evidence could not be read to its end")
        .why(format!(
            "the process that read it was ended by signal {signal}: what is in it unfolds to more memory than is allowed ({})",
            fence::in_words()
        ))
        .so("nothing in this evidence can be relied on")
        .hint("no evidence that backproof wrote takes so much; see whether this machine has that much memory to give");
    problem.exit = Exit::EvidenceBroken;
    stderr::fail(&problem.into());
    ExitCode::from(Exit::EvidenceBroken.code())
}
