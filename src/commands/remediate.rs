//! `remediate plan`, `apply`, `verify`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

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
use crate::deliver::staging::Staging;
use crate::domain::{TargetId, Verdict};
use crate::duration;
use crate::exit::Exit;
use crate::judge::judge;
use crate::problem::{Outcome, Problem, count, one_line};
use crate::remediate::actions::Standing;
use crate::remediate::actions::{Action, KINDS};
use crate::remediate::apply::{Journal, apply};
use crate::remediate::follow::{Job, follow};
use crate::remediate::known::Known;
use crate::remediate::plan::propose;
use crate::remediate::verify::verify;
use crate::remediate::{Event, Plan};
use crate::settings::Settings;
use crate::stderr::{say, shows_progress_bar, warn};

/// Subcommands of `remediate`.
#[derive(Debug, Subcommand)]
pub enum RemediateCommand {
    /// Propose on-demand backups for tables without a recent usable recovery point. Changes nothing.
    Plan(PlanArgs),
    /// Start the backup jobs of a reviewed plan. Nothing outside the plan is touched.
    Apply(ApplyArgs),
    /// Read AWS afresh and say whether the plan's tables now have a recent usable recovery point.
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
    // Only what leads to an action needs to be read and judged.
    criteria.rules.0.retain(|rule| rule.action.is_some());
    let scratch;
    let inventory = match &args.from {
        Some(folder) => inventory_in(folder)?,
        None => {
            scratch = Staging::scratch()?;
            let wanted = wanted(criteria::frames(&criteria)).with_tag_keys(criteria::tag_keys(&criteria));
            collect::into(&settings, &wanted, scratch.dir()).await?
        }
    };
    let report = judge(&inventory, &criteria)?;
    let limits = args.from.as_deref().and_then(limits);
    let known = Known::of(&report, &inventory, &settings.remediation, limits.as_deref())?;
    let plan = propose(&known, &criteria.rules)?;
    plan.write(&args.to)?;
    print(&describe(&plan))?;
    say(&format!(
        "plan written to {}, SHA-256 {}; review it, then `backproof remediate apply {0}`",
        args.to.display(),
        plan.sha256
    ));
    Ok(Exit::Compliant)
}

/// What a plan reads where it has no inventory: what its rules ask about, and what its actions need to know.
pub(crate) fn wanted(of_criteria: impl Iterator<Item = &'static str>) -> Wanted {
    let of_actions = KINDS.iter().flat_map(|kind| kind.frames.iter().copied());
    Wanted::frames(of_criteria.chain(of_actions))
}

fn describe(plan: &Plan) -> String {
    let of_kinds = KINDS.iter().map(|kind| {
        let actions = plan.actions.iter().filter(|action| action.kind().id == kind.id);
        count(actions.count(), kind.noun)
    });
    let mut text = format!("{} proposed\n", of_kinds.collect::<Vec<_>>().join(", "));
    for action in &plan.actions {
        text.push_str(&format!(
            "  {}\n      {}\n",
            action.describe(),
            one_line(action.reason())
        ));
    }
    if !plan.blocked.is_empty() {
        text.push_str(&format!("{} not in the plan\n", count(plan.blocked.len(), "table")));
        for blocked in &plan.blocked {
            text.push_str(&format!(
                "  {}: {}\n",
                one_line(&blocked.resource_arn),
                one_line(&blocked.reason)
            ));
        }
    }
    text
}

async fn apply_plan(args: ApplyArgs) -> Outcome<Exit> {
    let settings = Settings::load(args.config.as_deref(), None, None)?;
    let (every, at_most) = intervals(&args.wait)?;
    let plan = Plan::read(&args.plan)?;
    if plan.actions.len() > args.max_changes {
        return Err(Problem::usage("the plan has more actions than `--max-changes` allows")
            .at(args.plan.display().to_string())
            .why(format!(
                "{}, at most {}",
                count(plan.actions.len(), "action"),
                args.max_changes
            ))
            .so("nothing was changed")
            .hint(format!(
                "review the plan, then pass `--max-changes {}`",
                plan.actions.len()
            ))
            .into());
    }
    if args.dry_run {
        print(&describe(&plan))?;
        say("nothing was changed (--dry-run)");
        return Ok(Exit::Compliant);
    }
    let targets = targets(&settings, plan.actions.iter().map(Action::target)).await?;
    let path = args
        .journal
        .unwrap_or_else(|| args.plan.with_extension("journal.jsonl"));
    let mut journal = Journal::open(&path, &plan)?;
    let applied = apply(&plan, &targets, &mut journal, &mut say_step).await?;
    let unproven = match applied.unproven {
        0 => String::new(),
        number => format!(", {number} of the journal not proven"),
    };
    say(&format!(
        "{} started, {} refused{unproven}; journal in {}",
        count(applied.jobs.len(), "job"),
        applied.refused,
        path.display()
    ));
    let ended = if args.wait.wait {
        followed(applied.jobs, every, at_most).await
    } else {
        Vec::new()
    };
    Ok(outcome(&ended, applied.refused + applied.unproven, args.wait.wait))
}

/// Says what happens.
fn say_step(event: Event<'_>) {
    match event {
        Event::StartedBefore(name, job_id) => {
            say(&format!("{}: started before as {}", one_line(name), one_line(job_id)));
        }
        Event::Unproven(name, job_id, why) => say(&format!(
            "{}: the journal names job {}, which is not known to be its own: {}; not counted, and nothing was started. Apply \
             with another `--journal` to ask again",
            one_line(name),
            one_line(job_id),
            one_line(why)
        )),
        Event::Started(name, job_id) => say(&format!("{}: started {job_id}", one_line(name))),
        Event::Refused(name, why) => say(&format!("{}: refused: {}", one_line(name), one_line(why))),
        Event::Ended(name, Standing { state, message, .. }) if message.is_empty() => {
            say(&format!("{} {state}", one_line(name)));
        }
        Event::Ended(name, Standing { state, message, .. }) => {
            say(&format!("{} {state}: {}", one_line(name), one_line(message)));
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
        Event::Waiting(name, standing) => bar.set_message(format!("{} {}", one_line(name), standing.state)),
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
