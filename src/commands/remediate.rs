//! `remediate plan`, `apply`, `verify`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::Utc;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};

use crate::aws::target::Target;
use crate::collect::Wanted;
use crate::commands::collect;
use crate::commands::shared::args::{RuleArgs, ScopeArgs};
use crate::commands::shared::criteria;
use crate::commands::shared::evidence::{inventory_in, limits};
use crate::commands::shared::output::print;
use crate::commands::shared::reach::reach;
use crate::criteria::levels::may_be_required;
use crate::deliver::staging::Staging;
use crate::domain::{TargetId, Verdict, rfc3339};
use crate::duration;
use crate::exit::Exit;
use crate::problem::{Outcome, Problem, count, one_line};
use crate::remediate::actions::{KINDS, Sign, Standing, Undone};
use crate::remediate::apply::{Applied, Pace, apply};
use crate::remediate::follow::{Job, follow};
use crate::remediate::journal::Journal;
use crate::remediate::propose::propose;
use crate::remediate::verify::verify;
use crate::remediate::{Action, Choice, Event, Plan, Remaining};
use crate::settings::Settings;
use crate::stderr::{say, shows_progress_bar, warn};
use crate::text::{list, nearest};

/// Subcommands of `remediate`.
#[derive(Debug, Subcommand)]
pub enum RemediateCommand {
    /// Propose what mends the findings, and say what it fixes and what still fails after it. Changes nothing.
    Plan(PlanArgs),
    /// Do what a reviewed plan says. Nothing outside the plan is touched.
    Apply(ApplyArgs),
    /// Read AWS afresh and say whether what the plan says is so now.
    Verify(VerifyArgs),
}

/// Arguments of `remediate plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The inventory to plan from: the `inventory` folder of a scan. Without it, AWS is read afresh.
    #[arg(long, value_name = "INVENTORY")]
    pub from: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub scope: ScopeArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub rules: RuleArgs,
    /// Propose these kinds of actions only.
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Leave these kinds of actions out.
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub exclude: Vec<String>,
    /// Answer the findings of rules too that only advise.
    #[arg(long)]
    pub advised: bool,
    /// Lock this vault in compliance mode where the policy requires it: once the grace period has ended nobody can take that
    /// back, AWS included.
    #[arg(long = "i-understand-compliance-lock", value_name = "VAULT-NAME")]
    pub compliance_locks: Vec<String>,
    /// Write no plan with more actions than this.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub max_changes: usize,
    /// The plan file to write.
    #[arg(
        long,
        short = 'o',
        visible_alias = "output",
        value_name = "FILE",
        default_value = "remediation-plan.json"
    )]
    pub to: PathBuf,
}

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
    /// Actions under way at once.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub at_once: usize,
    /// Where to note every step. Without this flag: the plan file's name with `.journal.jsonl`.
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub wait: WaitArgs,
}

/// Arguments of `remediate verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The plan file.
    pub plan: PathBuf,
    /// Settings file with the accounts' roles. Without this flag: the nearest backproof.toml, if there is one.
    #[arg(long, value_name = "FILE", env = "BACKPROOF_CONFIG")]
    pub config: Option<PathBuf>,
}

/// How to follow jobs.
#[derive(Debug, Args, Clone)]
pub struct WaitArgs {
    /// Follow the jobs until they have finished, and end by their outcome.
    #[arg(long)]
    pub wait: bool,
    /// Time between two looks at a job, with --wait.
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "30s",
        env = "BACKPROOF_POLL_INTERVAL"
    )]
    pub poll_interval: String,
    /// Give up following after this time; the jobs go on.
    #[arg(long, value_name = "DURATION", default_value = "12h")]
    pub timeout: String,
}

/// Runs `remediate`.
///
/// Errors: as the subcommand.
pub async fn run(command: RemediateCommand) -> Outcome<Exit> {
    match command {
        RemediateCommand::Plan(args) => plan(args).await,
        RemediateCommand::Apply(args) => apply_plan(args).await,
        RemediateCommand::Verify(args) => verify_plan(args).await,
    }
}

async fn plan(args: PlanArgs) -> Outcome<Exit> {
    let (settings, mut criteria) = criteria::read(args.scope.config.as_deref(), &args.rules, None)?;
    let settings = collect::in_scope(settings, &args.scope)?;
    let choice = choice(&args)?;
    if !choice.advised {
        let policy = &criteria.policy;
        // Only what leads to an action needs to be read and judged.
        criteria.rules.0.retain(|rule| may_be_required(rule, policy));
    }
    let scratch;
    let inventory = match &args.from {
        Some(folder) => inventory_in(folder)?,
        None => {
            scratch = Staging::scratch()?;
            let wanted = wanted(criteria::frames(&criteria)).with_tag_keys(criteria::tag_keys(&criteria));
            collect::into(&settings, &wanted, scratch.dir()).await?
        }
    };
    let limits = args.from.as_deref().and_then(limits);
    let plan = propose(&inventory, &criteria, &settings.remediation, &choice, limits.as_deref())?;
    check_number(&plan, args.max_changes, &args.to)?;
    plan.write(&args.to)?;
    print(&describe(&plan))?;
    say(&format!(
        "plan written to {}, SHA-256 {}; review it, then `backproof remediate apply {0}`",
        args.to.display(),
        plan.sha256
    ));
    Ok(Exit::Compliant)
}

/// Which actions to propose.
///
/// Errors: a kind that nobody knows.
fn choice(args: &PlanArgs) -> Outcome<Choice> {
    for (flag, ids) in [("--only", &args.only), ("--exclude", &args.exclude)] {
        if let Some(id) = ids.iter().find(|id| KINDS.iter().all(|kind| kind.id != **id)) {
            let known: Vec<&str> = KINDS.iter().map(|kind| kind.id).collect();
            let near = nearest(id, known.iter().copied());
            return Err(Problem::usage(format!("`{flag} {id}` names no kind of action"))
                .so("no plan was made")
                .hint(near.map_or_else(
                    || format!("the kinds are {}", list(&known)),
                    |near| format!("did you mean `{near}`?"),
                ))
                .into());
        }
    }
    Ok(Choice {
        only: args.only.clone(),
        exclude: args.exclude.clone(),
        advised: args.advised,
        compliance_locks: args.compliance_locks.clone(),
    })
}

/// Errors: the plan has more actions than were allowed.
fn check_number(plan: &Plan, at_most: usize, path: &Path) -> Result<(), Problem> {
    let number = plan.actions.len();
    if number <= at_most {
        return Ok(());
    }
    Err(Problem::usage("the plan has more actions than `--max-changes` allows")
        .at(path.display().to_string())
        .why(format!("{}, at most {at_most}", count(number, "action")))
        .so("nothing was changed")
        .hint(format!("review the plan, then pass `--max-changes {number}`")))
}

/// What a plan reads where it has no inventory: what its rules ask about, and what its actions need to know.
pub(crate) fn wanted(of_criteria: impl Iterator<Item = &'static str>) -> Wanted {
    let of_actions = KINDS.iter().flat_map(|kind| kind.frames.iter().copied());
    Wanted::frames(of_criteria.chain(of_actions))
}

/// The plan for people: what is to be done in each account and Region, what still fails after it, and one line over all.
fn describe(plan: &Plan) -> String {
    let mut text = String::new();
    let mut targets: Vec<TargetId> = plan.actions.iter().map(Action::target).collect();
    targets.sort();
    targets.dedup();
    for at in &targets {
        text.push_str(&format!(
            "account {}, {}\n",
            one_line(&at.account_id),
            one_line(&at.region)
        ));
        for action in plan.actions.iter().filter(|action| action.target() == *at) {
            let resource = action.deed.resource(at);
            text.push_str(&format!(
                "  {} {} {}: {}\n      {}\n",
                action.deed.kind().sign.as_str(),
                resource.noun,
                one_line(&resource.name),
                one_line(&action.deed.describe()),
                one_line(&action.reason)
            ));
            if let Undone::Left(why) = action.deed.inverse() {
                text.push_str(&format!("      cannot be taken back: {}\n", one_line(&why)));
            }
        }
    }
    let of = |finding: &Remaining| {
        format!(
            "  {} ({}): {}\n",
            one_line(&finding.resource),
            one_line(&finding.rule),
            one_line(&finding.message)
        )
    };
    if !plan.worse.is_empty() {
        text.push_str(&format!("{} worse after it\n", count(plan.worse.len(), "finding")));
        plan.worse.iter().for_each(|finding| text.push_str(&of(finding)));
    }
    if !plan.remaining.is_empty() {
        text.push_str(&format!(
            "{} not good yet after it\n",
            count(plan.remaining.len(), "finding")
        ));
        plan.remaining.iter().for_each(|finding| text.push_str(&of(finding)));
    }
    if !plan.blocked.is_empty() {
        text.push_str(&format!("{} without an action\n", count(plan.blocked.len(), "finding")));
        for blocked in &plan.blocked {
            text.push_str(&format!(
                "  {} ({}): {}\n",
                one_line(&blocked.resource),
                one_line(&blocked.rule),
                one_line(&blocked.reason)
            ));
            if !blocked.remedy.is_empty() {
                text.push_str(&format!("      by hand: {}\n", one_line(&blocked.remedy)));
            }
        }
    }
    text + &total(plan)
}

/// `2 to create, 1 to change; 5 findings fixed, 0 worse, 1 not good yet, 3 without an action`.
fn total(plan: &Plan) -> String {
    let with = |sign: Sign| {
        let actions = plan.actions.iter().filter(|action| action.deed.kind().sign == sign);
        actions.count()
    };
    format!(
        "{} to create, {} to change; {} fixed, {} worse, {} not good yet, {} without an action\n",
        with(Sign::Create),
        with(Sign::Change),
        count(plan.fixes.len(), "finding"),
        plan.worse.len(),
        plan.remaining.len(),
        plan.blocked.len()
    )
}

async fn apply_plan(args: ApplyArgs) -> Outcome<Exit> {
    let settings = Settings::load(args.config.as_deref(), None, None)?;
    let (every, at_most) = intervals(&args.wait)?;
    let plan = Plan::read(&args.plan)?;
    check_number(&plan, args.max_changes, &args.plan)?;
    if args.dry_run {
        print(&describe(&plan))?;
        say("nothing was changed (--dry-run)");
        return Ok(Exit::Compliant);
    }
    check_age(&plan, &args)?;
    check_typed(&plan, &args)?;
    if !args.yes && !agrees(&plan)? {
        say("nothing was changed");
        return Ok(Exit::Failed);
    }
    let targets = targets(&settings, plan.actions.iter().map(Action::target)).await?;
    let path = args
        .journal
        .unwrap_or_else(|| args.plan.with_extension("journal.jsonl"));
    let mut journal = Journal::open(&path, &plan)?;
    let stop = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&stop);
    let listener = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            heard.store(true, Ordering::Relaxed);
            say("ending after the calls under way; the same command goes on where this one ends");
        }
    });
    let pace = Pace {
        at_once: args.at_once.max(1),
        every,
        at_most,
    };
    let applied = apply(&plan, &targets, &mut journal, pace, &stop, &mut say_step).await;
    listener.abort();
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
        (applied.left.len(), "left out with them"),
        (applied.waiting, "not begun"),
    ] {
        if number > 0 {
            text.push_str(&format!(", {number} {words}"));
        }
    }
    say(&format!("{text}; journal in {}", path.display()));
    let is_short = applied.is_short();
    let drift = drift(&plan, &applied);
    let ended = if args.wait.wait {
        followed(applied.jobs, every, at_most).await
    } else {
        Vec::new()
    };
    if let Some(problem) = drift {
        return Err(problem.into());
    }
    Ok(outcome(&ended, usize::from(is_short), args.wait.wait))
}

/// Errors: the plan rests on evidence that is too old.
fn check_age(plan: &Plan, args: &ApplyArgs) -> Outcome<()> {
    let most = duration::parse(&args.max_plan_age).map_err(|why| {
        Problem::usage("`--max-plan-age` is not a duration")
            .why(why)
            .hint("write it like `24h`")
    })?;
    let age = Utc::now() - plan.as_of;
    if age <= most {
        return Ok(());
    }
    Err(Problem::new("the remediation plan is too old")
        .at(args.plan.display().to_string())
        .why(format!(
            "its scan is of {}, {} ago; at most {}",
            rfc3339(plan.as_of),
            duration::human(age),
            duration::human(most)
        ))
        .so("nothing was changed")
        .hint("make a new plan with `remediate plan`, and review it; or allow more with `--max-plan-age`")
        .into())
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

/// Asks the person at the terminal.
///
/// Errors: there is no terminal to ask at.
fn agrees(plan: &Plan) -> Outcome<bool> {
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
    let asked = write!(err, "{}do it? [y/N] ", total(plan)).and_then(|()| err.flush());
    let mut answer = String::new();
    let read = asked.and_then(|()| std::io::stdin().read_line(&mut answer));
    Ok(read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// What is no longer as the plan has it, and what was left out for it; none: nothing.
fn drift(plan: &Plan, applied: &Applied) -> Option<Problem> {
    let (first, why) = applied.drifted.first()?;
    let place = |action: &Action| {
        let at = action.target();
        let resource = action.deed.resource(&at);
        format!(
            "{} `{}` in account {}, {}",
            resource.noun,
            one_line(&resource.name),
            at.account_id,
            at.region
        )
    };
    let others = applied.drifted.iter().skip(1);
    let mut lines: Vec<String> = others
        .map(|(action, why)| format!("{}: {}", place(action), one_line(why)))
        .collect();
    lines.extend(
        applied
            .left
            .iter()
            .map(|action| format!("{}: left out with it", place(action))),
    );
    let why = match lines.is_empty() {
        true => why.clone(),
        false => format!("{why}; also {}", lines.join("; ")),
    };
    let untouched = applied.drifted.len() + applied.left.len();
    Some(
        Problem::new("the remediation plan no longer matches AWS")
            .at(place(first))
            .why(why)
            .so(format!(
                "{untouched} of {} not done",
                count(plan.actions.len(), "action")
            ))
            .hint("scan again, then `remediate plan`, and review the new plan"),
    )
}

/// Says what happens.
fn say_step(event: Event<'_>) {
    let say_of = |action: &Action, text: &str| say(&format!("{}: {}", one_line(&action.name()), one_line(text)));
    match event {
        Event::StartedBefore(action, job_id) => say_of(action, &format!("started before as {job_id}")),
        Event::DoneBefore(action) => say_of(action, "done before"),
        Event::Unproven(action, "", why) => say_of(
            action,
            &format!("the journal says that it is done, and AWS does not: {why}; not counted, and nothing was done"),
        ),
        Event::Unproven(action, job_id, why) => say_of(
            action,
            &format!(
                "the journal names job {job_id}, which is not known to be its own: {why}; not counted, and nothing was started. \
                 Apply with another `--journal` to ask again"
            ),
        ),
        Event::Started(action, job_id) => say_of(action, &format!("started {job_id}")),
        Event::Done(action) => say_of(action, &format!("{}: done", action.deed.describe())),
        Event::Already(action, how) => say_of(action, &format!("already so: {how}")),
        Event::Refused(action, why) => say_of(action, &format!("refused: {why}")),
        Event::Drifted(action, why) => say_of(action, &format!("not done: {why}")),
        Event::Left(action) => say_of(action, "not done: it needs what was not done"),
        Event::Ended(action, Standing { state, message, .. }) if message.is_empty() => {
            say(&format!("{} {state}", one_line(&action.name())));
        }
        Event::Ended(action, Standing { state, message, .. }) => {
            say(&format!("{} {state}: {}", one_line(&action.name()), one_line(message)));
        }
        Event::Waiting(..) | Event::Pause => {}
    }
}

/// Follows jobs with a progress bar.
pub(crate) async fn followed(jobs: Vec<Job>, every: Duration, at_most: Duration) -> Vec<Standing> {
    let bar = if shows_progress_bar() {
        ProgressBar::new(jobs.len() as u64)
    } else {
        ProgressBar::hidden()
    };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos}/{len} jobs {bar:30} {msg} {elapsed}") {
        bar.set_style(style);
    }
    let mut tell = |event: Event<'_>| match event {
        Event::Waiting(action, standing) => bar.set_message(format!("{} {}", one_line(&action.name()), standing.state)),
        Event::Pause => bar.tick(),
        event => {
            if matches!(event, Event::Ended(..)) {
                bar.inc(1);
            }
            bar.suspend(|| say_step(event));
        }
    };
    let ended = follow(jobs, every, at_most, &mut tell).await;
    bar.finish_and_clear();
    ended
}

/// Everything asked for was done, or not.
pub(crate) fn outcome(ended: &[Standing], refused: usize, waited: bool) -> Exit {
    if waited {
        say(&tally(ended));
    }
    if refused == 0 && ended.iter().all(|standing| standing.is_success) {
        Exit::Compliant
    } else {
        Exit::Failed
    }
}

/// One line over all jobs: `3 jobs completed (1 with issues), 1 job did not (FAILED), 2 jobs are still going on (CREATED)`.
fn tally(ended: &[Standing]) -> String {
    let completed = ended.iter().filter(|standing| standing.is_success).count();
    let with_issues = ended.iter().filter(|standing| standing.has_issues).count();
    let mut text = format!("{} completed", count(completed, "job"));
    if with_issues > 0 {
        text.push_str(&format!(" ({with_issues} with issues)"));
    }
    let mut rest = |is_over: bool, one: &str, many: &str| {
        let others = ended
            .iter()
            .filter(|standing| !standing.is_success && standing.is_over == is_over);
        let states: Vec<&str> = others.map(|standing| standing.state.as_str()).collect();
        if !states.is_empty() {
            let verb = if states.len() == 1 { one } else { many };
            let distinct: BTreeSet<&str> = states.iter().copied().collect();
            let distinct: Vec<&str> = distinct.into_iter().collect();
            text.push_str(&format!(
                ", {} {verb} ({})",
                count(states.len(), "job"),
                distinct.join(", ")
            ));
        }
    };
    rest(true, "did not", "did not");
    rest(false, "is still going on", "are still going on");
    text
}

/// The pause between looks and the time to give up.
///
/// Errors: not durations.
pub(crate) fn intervals(args: &WaitArgs) -> Outcome<(Duration, Duration)> {
    let read = |flag: &str, text: &str| -> Result<Duration, Problem> {
        let delta = duration::parse(text).map_err(|why| {
            Problem::usage(format!("`{flag}` is not a duration"))
                .why(why)
                .hint("write it like `30s` or `12h`")
        })?;
        Ok(delta.to_std().unwrap_or(Duration::ZERO).max(Duration::from_secs(1)))
    };
    Ok((
        read("--poll-interval", &args.poll_interval)?,
        read("--timeout", &args.timeout)?,
    ))
}

/// The clients of the targets that actions name.
///
/// Errors: no credentials, no identity. An account whose role cannot be assumed is left out.
pub(crate) async fn targets(
    settings: &Settings,
    ids: impl Iterator<Item = TargetId>,
) -> Outcome<BTreeMap<TargetId, Target>> {
    let reached = reach(&settings.accounts, ids.collect()).await?;
    for problem in reached.problems {
        warn(&problem.so("its tables are left as they are"));
    }
    Ok(reached.targets)
}

async fn verify_plan(args: VerifyArgs) -> Outcome<Exit> {
    let settings = Settings::load(args.config.as_deref(), None, None)?;
    let plan = Plan::read(&args.plan).map_err(|problem| Problem {
        so: "nothing was verified".to_owned(),
        ..problem
    })?;
    let targets = targets(&settings, plan.actions.iter().map(Action::target)).await?;
    let results = verify(&plan, &targets).await;
    let mut text = String::new();
    // One for each action, in their order.
    for (result, target) in results.iter().zip(plan.actions.iter().map(Action::target)) {
        text.push_str(&format!(
            "{:<14} {} in account {}, {}: {}\n",
            result.verdict,
            one_line(&result.name),
            target.account_id,
            target.region,
            one_line(&result.message)
        ));
    }
    print(&text)?;
    let has = |verdict: Verdict| results.iter().any(|result| result.verdict == verdict);
    Ok(match (has(Verdict::NonCompliant), has(Verdict::Unknown)) {
        (true, _) => Exit::NonCompliant,
        (false, true) => Exit::EvidenceMissing,
        (false, false) => Exit::Compliant,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_tells_what_is_over_and_what_goes_on() {
        let standing = |state: &str, is_over: bool, has_issues: bool| Standing {
            state: state.to_owned(),
            message: String::new(),
            is_over,
            is_success: state == "COMPLETED",
            has_issues,
        };
        assert_eq!(tally(&[standing("COMPLETED", true, false)]), "1 job completed");
        let all = [
            standing("COMPLETED", true, false),
            standing("COMPLETED", true, true),
            standing("FAILED", true, false),
            standing("CREATED", false, false),
            standing("PENDING", false, false),
        ];
        assert_eq!(
            tally(&all),
            "2 jobs completed (1 with issues), 1 job did not (FAILED), 2 jobs are still going on (CREATED, PENDING)"
        );
        assert!(matches!(outcome(&all[..2], 0, false), Exit::Compliant));
        assert!(matches!(outcome(&all, 0, false), Exit::Failed));
    }
}
