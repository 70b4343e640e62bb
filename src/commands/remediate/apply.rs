//! `remediate apply`: what a reviewed plan says, done.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clap::Args;

use super::jobs::{WaitArgs, followed, intervals, outcome};
use super::progress::Progress;
use super::{check_number, reached, show};
use crate::aws::target::Target;
use crate::commands::shared::interrupt::Changes;
use crate::commands::shared::output::print;
use crate::domain::{TargetId, rfc3339};
use crate::duration;
use crate::exit::Exit;
use crate::problem::{Outcome, Problem, count, one_line};
use crate::remediate::apply::{Applied, Pace, apply};
use crate::remediate::journal::Journal;
use crate::remediate::{Action, Plan, approve};
use crate::settings::Settings;
use crate::sign::{Purpose, Trust};
use crate::stderr::say;

/// Arguments of `remediate apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// The plan file.
    pub plan: PathBuf,
    /// Settings file with the accounts' roles. Without this flag: the nearest backproof.toml, if there is one.
    #[arg(long, value_name = "FILE", env = "BACKPROOF_CONFIG")]
    pub config: Option<PathBuf>,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Refuse plans with more actions than this.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub max_changes: usize,
    /// Do the compliance lock of this vault, if the plan has one: once its grace period has ended nobody can take that back, AWS
    /// included.
    #[arg(long = "i-understand-compliance-lock", value_name = "VAULT-NAME")]
    pub compliance_locks: Vec<String>,
    /// Do not ask.
    #[arg(long, short = 'y')]
    pub yes: bool,
    /// Refuse a plan whose scan is older than this.
    #[arg(long, value_name = "DURATION", default_value = "24h")]
    pub max_plan_age: String,
    /// Refuse a plan that nobody else has signed. The settings file may ask for it too.
    #[arg(long)]
    pub require_approval: bool,
    /// Keys that may approve, as `ssh-keygen` reads them.
    #[arg(long, value_name = "FILE")]
    pub allowed_signers: Option<PathBuf>,
    /// Actions under way at once in each account and Region.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub at_once: usize,
    /// Where to note every step. Without this flag: the plan file's name with `.journal.jsonl`.
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub wait: WaitArgs,
}

/// Runs `remediate apply`.
///
/// Errors: a plan that cannot be read, is too old or not approved; no credentials; something has changed since the plan.
pub(super) async fn run(args: ApplyArgs) -> Outcome<Exit> {
    let settings = Settings::load(args.config.as_deref(), None, None)?;
    let (every, at_most) = intervals(&args.wait.times)?;
    let (plan, bytes) = Plan::read(&args.plan)?;
    check_number(&plan, args.max_changes, &args.plan)?;
    if args.dry_run {
        print(&show::text(&plan))?;
        say("nothing was changed (--dry-run)");
        return Ok(Exit::Compliant);
    }
    check_typed(&plan, &args)?;
    let reached = reached(&settings, plan.actions.iter().map(Action::target)).await?;
    check_age(&plan, &args, reached.identity.at)?;
    if args.require_approval || settings.remediation.require_approval {
        let mut trust = Trust::none().for_purpose(Purpose::Plan);
        let Some(file) = &args.allowed_signers else {
            return Err(Problem::usage("who may approve is not known")
                .so("nothing was changed")
                .hint("name their keys with `--allowed-signers FILE`")
                .into());
        };
        trust.add(file)?;
        let (approvers, caller) = (&settings.remediation.approvers, &reached.identity);
        let names = approve::check(&args.plan, &bytes, &trust, approvers, &[&caller.arn], caller.at)?;
        say(&format!("approved by {}", one_line(&names)));
    }
    if !args.yes && !agrees(&plan)? {
        say("nothing was changed");
        return Ok(Exit::Failed);
    }
    let path = args
        .journal
        .unwrap_or_else(|| args.plan.with_extension("journal.jsonl"));
    let pace = Pace {
        at_once: args.at_once.max(1),
        every,
        at_most,
    };
    carry_out(&plan, &reached.targets, &path, pace, args.wait.wait).await
}

/// Does a plan, says what became of it, and follows its jobs if that was asked for.
///
/// Errors: the journal cannot be used; something has changed since the plan.
pub(crate) async fn carry_out(
    plan: &Plan,
    targets: &BTreeMap<TargetId, Target>,
    path: &Path,
    pace: Pace,
    waits: bool,
) -> Outcome<Exit> {
    let mut journal = Journal::open(path, plan)?;
    let changes = Changes::begin();
    let mut progress = Progress::of(plan.actions.len());
    let applied = apply(plan, targets, &mut journal, pace, changes.stop(), &mut |event| {
        progress.tell(event)
    })
    .await;
    drop(changes);
    progress.end();
    let applied = applied?;
    let mut text = format!(
        "{} started, {} done, {} refused",
        count(applied.jobs.len(), "job"),
        count(applied.done, "action"),
        applied.refused
    );
    for (number, words) in [
        (applied.unproven, "of the journal not proven"),
        (applied.drifted.len(), "changed since the plan"),
        (applied.unread.len(), "could not be checked"),
        (applied.left.len(), "left out with them"),
        (applied.waiting, "not begun"),
    ] {
        if number > 0 {
            text.push_str(&format!(", {number} {words}"));
        }
    }
    say(&format!("{text}; journal in {}", path.display()));
    if applied.has_expired {
        say("the credentials have expired: log in again; the same command goes on where this one ends");
    }
    let is_short = applied.is_short();
    let drift = drift(plan, &applied);
    let ended = if waits {
        followed(applied.jobs, pace.every, pace.at_most).await
    } else {
        Vec::new()
    };
    if let Some(problem) = drift {
        return Err(problem.into());
    }
    Ok(outcome(&ended, usize::from(is_short), waits))
}

/// Errors: the plan has an action that nobody can take back one day, and its name was not typed.
fn check_typed(plan: &Plan, args: &ApplyArgs) -> Outcome<()> {
    let names = plan.actions.iter().filter_map(|action| action.deed.has_to_be_typed());
    let mut missing = names.filter(|name| !args.compliance_locks.iter().any(|typed| typed == name));
    let Some(name) = missing.next() else {
        return Ok(());
    };
    Err(
        Problem::usage(format!("the plan locks vault `{}` in compliance mode", one_line(name)))
            .at(args.plan.display().to_string())
            .why("once its grace period has ended nobody can take that back, AWS included")
            .so("nothing was changed")
            .hint(format!(
                "if that is meant, pass `--i-understand-compliance-lock {}`",
                one_line(name)
            ))
            .into(),
    )
}

/// Errors: the plan rests on evidence that is too old, by AWS's clock.
fn check_age(plan: &Plan, args: &ApplyArgs, now: DateTime<Utc>) -> Outcome<()> {
    let most = duration::parse(&args.max_plan_age).map_err(|why| {
        Problem::usage("`--max-plan-age` is not a duration")
            .why(why)
            .hint("write it like `24h`")
    })?;
    let age = now - plan.as_of;
    if age <= most {
        return Ok(());
    }
    Err(Problem::new("the remediation plan is too old")
        .at(args.plan.display().to_string())
        .why(format!(
            "its scan is of {}, {} ago; at most {}",
            rfc3339(plan.as_of),
            duration::age(age),
            duration::human(most)
        ))
        .so("nothing was changed")
        .hint("make a new plan with `remediate plan`, and review it; or allow more with `--max-plan-age`")
        .into())
}

/// Asks the person at the terminal.
///
/// Errors: there is no terminal to ask at.
pub(crate) fn agrees(plan: &Plan) -> Outcome<bool> {
    use std::io::{IsTerminal as _, Write as _};
    if plan.actions.is_empty() {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Problem::usage("nobody can be asked whether the plan is to be done")
            .why("the input is no terminal")
            .so("nothing was changed")
            .hint("review the plan, then pass `--yes`")
            .into());
    }
    let mut err = std::io::stderr();
    let asked = write!(err, "{}do it? [y/N] ", show::total(plan)).and_then(|()| err.flush());
    let mut answer = String::new();
    let read = asked.and_then(|()| std::io::stdin().read_line(&mut answer));
    Ok(read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// What is no longer as the plan has it, and what was left out for it; none: nothing.
fn drift(plan: &Plan, applied: &Applied) -> Option<Problem> {
    let mut hindered = applied.drifted.iter().chain(&applied.unread);
    let (first, why) = hindered.next()?;
    let others = hindered;
    let mut lines: Vec<String> = others
        .map(|(action, why)| format!("{}: {}", show::place(action), one_line(why)))
        .collect();
    lines.extend(
        applied
            .left
            .iter()
            .map(|action| format!("{}: left out with it", show::place(action))),
    );
    let why = match lines.is_empty() {
        true => why.clone(),
        false => format!("{why}; also {}", lines.join("; ")),
    };
    let untouched = applied.drifted.len() + applied.unread.len() + applied.left.len();
    // That something could not be read is no change of anybody's.
    let (what, hint) = match applied.drifted.is_empty() {
        true => (
            "what the remediation plan rests on could not be read",
            "once the call works, give the same command again: what is done is not done twice",
        ),
        false => (
            "the remediation plan no longer matches AWS",
            "scan again, then `remediate plan`, and review the new plan",
        ),
    };
    Some(
        Problem::new(what)
            .at(show::place(first))
            .why(why)
            .so(format!(
                "{untouched} of {} not done",
                count(plan.actions.len(), "action")
            ))
            .hint(hint),
    )
}
