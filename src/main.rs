//! backproof proves, from evidence and not from intent, that every DynamoDB table is backed up with AWS Backup.
//!
//! From what is typed to what is written:
//!
//! ```text
//! Cli ─ Settings ─ Target (account × Region), many
//!                     │ collect      talks to AWS
//!                  Inventory         frames + call log, Parquet on disk
//!                     │ judge        pure: facts, then findings, then the report; null means not known
//!                  Report
//!          ┌──────────┴──────────┐
//!          │ render, pure       Plan              a file that a person reviews
//!        bytes ─ deliver         │ apply          talks to AWS, writes a journal
//!          │ pack::seal       Verified            reads AWS afresh, never trusts the journal
//!         Pack ─ sign ─ ledger                    a folder that proves itself; signed; chained with those before it
//! ```
//!
//! `docs/development.md` draws the rooms and says who may see whom; a test holds it against the sources.

use std::process::ExitCode;

use clap::FromArgMatches as _;

use backproof::cli::{self, Cli, Command};
use backproof::commands;
use backproof::commands::shared::{args, interrupt};
use backproof::exit::Exit;
use backproof::problem::{Outcome, Problem, Problems};
use backproof::stderr;
use backproof::within;

fn main() -> ExitCode {
    let cli = match parse() {
        Ok(cli) => cli,
        Err(exit) => return exit,
    };
    cli.talk.apply();
    if let Some(exit) = within::run(&cli.command) {
        return exit;
    }
    backproof::inventory::panics::print_only_uncaught();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return fail(&Problem::new("could not start").why(error.to_string()).into());
        }
    };
    let exit = match runtime.block_on(run_unless_interrupted(cli.command)) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(problems) => fail(&problems),
    };
    // What still waits for AWS on its own need not be waited for.
    runtime.shutdown_background();
    exit
}

/// Runs the command until it is done, or until somebody ends it: what it has not finished it takes away then.
async fn run_unless_interrupted(command: Command) -> Outcome<Exit> {
    // The sandbox serves until it is ended.
    if matches!(command, Command::Sandbox(_)) {
        return run(command).await;
    }
    let so = match &command {
        Command::Remediate(_) | Command::Backup(_) | Command::Protect(_) | Command::Restore(_) | Command::Drill(_) => {
            "AWS goes on with what it has accepted; a journal, where there is one, says what that is: type the same command again to go on"
        }
        _ => "nothing was written, and nothing that was read is kept; type the same command to begin anew",
    };
    let (end, ended) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        interrupted().await;
        if !interrupt::ask() {
            // Nobody listens any more if the work is done.
            let _ = end.send(());
        }
        interrupted().await;
        std::process::exit(Exit::Interrupted.code().into());
    });
    tokio::select! {
        outcome = run(command) => outcome,
        Ok(()) = ended => {
            stderr::fail(&Problem::new(format!("interrupted: {so}")).into());
            Ok(Exit::Interrupted)
        }
    }
}

/// Waits for Ctrl-C, or for what service managers send.
async fn interrupted() {
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = terminate.recv() => {}
            Ok(()) = tokio::signal::ctrl_c() => {}
        }
        return;
    }
    let _ = tokio::signal::ctrl_c().await;
}

async fn run(command: Command) -> Outcome<Exit> {
    match command {
        Command::Scan(args) => commands::scan::run(args).await,
        Command::Collect(args) => commands::collect::run(args).await,
        Command::Report(args) => commands::report::run(args).await,
        Command::Verify(args) => commands::verify::run(&args).await,
        Command::Ledger(command) => commands::ledger::run(command).await,
        Command::Attest(args) => commands::attest::run(args).await,
        Command::Remediate(command) => commands::remediate::run(command).await,
        Command::Protect(args) => commands::protect::run(args).await,
        Command::Backup(args) => commands::backup::run(args).await,
        Command::Restore(args) => commands::restore::run(args).await,
        Command::Doctor(args) => commands::doctor::run(args).await,
        Command::Drill(args) => commands::drill::run(*args).await,
        Command::Diff(args) => commands::diff::run(&args),
        Command::Sample(args) => commands::sample::run(args),
        Command::Explain(args) => commands::explain::run(args, &cli::program()),
        Command::Demo(args) => commands::demo::run(args).await,
        Command::Sandbox(args) => commands::sandbox::run(args).await,
        Command::Init(args) => commands::init::run(&args),
        Command::Completions(args) => commands::manual::completions(&args, cli::program()),
        Command::Man(args) => commands::manual::man(&args, cli::program()),
    }
}

fn fail(problems: &Problems) -> ExitCode {
    stderr::fail(problems);
    ExitCode::from(problems.exit().code())
}

/// Reads the command line. Help goes to stdout, mistakes to stderr in the way that the line itself asks for.
fn parse() -> Result<Cli, ExitCode> {
    let color = args::color_of(std::env::args_os());
    let read = cli::program()
        .color(color)
        .try_get_matches()
        .and_then(|mut matches| Cli::from_arg_matches_mut(&mut matches));
    read.map_err(|error| {
        if error.use_stderr() && args::is_json(std::env::args_os()) {
            stderr::usage(&error.to_string());
        } else {
            // Nothing can be done if the stream is gone; the exit code says it too.
            let _ = error.print();
        }
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::Usage.code()))
    })
}
