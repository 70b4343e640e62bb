//! `remediate plan`, `apply`, `verify`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use crate::aws::target::Target;
use crate::collect::Wanted;
use crate::commands::collect;
use crate::commands::shared::args::{RuleArgs, ScopeArgs};
use crate::commands::shared::criteria;
use crate::commands::shared::evidence::{inventory_in, limits};
use crate::commands::shared::output::print;
use crate::commands::shared::reach::{Reached, reach};
use crate::criteria::levels::may_be_required;
use crate::deliver::staging::Staging;
use crate::domain::{TargetId, Verdict, rfc3339};
use crate::duration;
use crate::exit::Exit;
use crate::judge::judge;
use crate::problem::{Outcome, Problem, count, one_line};
use crate::remediate::actions::{KINDS, Standing, Undone};
use crate::remediate::apply::{Applied, Pace, apply};
use crate::remediate::follow::{Job, follow};
use crate::remediate::journal::Journal;
use crate::remediate::price::Prices;
use crate::remediate::propose::propose;
use crate::remediate::undo::{undo, undoable};
use crate::remediate::verify::{judged, verify};
use crate::remediate::{Action, Choice, Event, Plan, approve};
use crate::settings::Settings;
use crate::sign::{Purpose, Signers, Trust};
use crate::stderr::{say, shows_progress_bar, warn};
use crate::text::{list, nearest};

mod show;

/// Subcommands of `remediate`.
#[derive(Debug, Subcommand)]
pub enum RemediateCommand {
    /// Propose what mends the findings, and say what it fixes and what still fails after it. Changes nothing.
    Plan(PlanArgs),
    /// Do what a reviewed plan says. Nothing outside the plan is touched.
    Apply(ApplyArgs),
    /// Sign a plan that somebody else has made, once it is reviewed.
    Approve(ApproveArgs),
    /// Read AWS afresh and say whether what the plan says is so now.
    Verify(VerifyArgs),
    /// Take back what the journal of a plan says was done. Nothing else is touched.
    Undo(UndoArgs),
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
    /// File with prices, to estimate what the actions cost. Without this flag: the program's own, of us-east-1.
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// Write no plan that costs more than this, once and in a month together, in US dollars.
    #[arg(long, value_name = "USD")]
    pub max_cost: Option<f64>,
    /// How the plan is shown: for people, as JSON, or as Markdown for a pull request. The file is the same.
    #[arg(long, value_enum, default_value_t = PlanFormat::Text)]
    pub format: PlanFormat,
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

/// How a plan is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// For people at a terminal.
    Text,
    /// For programs: the plan file itself.
    Json,
    /// For a pull request.
    #[value(name = "md")]
    Markdown,
}

/// Arguments of `remediate approve`.
#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// The plan file.
    pub plan: PathBuf,
    /// The SSH key that signs: a key file, a `.pub` file or a fingerprint of a key in ssh-agent, or `agent`.
    #[arg(long, value_name = "KEY")]
    pub sign: String,
}

/// Arguments of `remediate undo`.
#[derive(Debug, Args)]
pub struct UndoArgs {
    /// The plan file.
    pub plan: PathBuf,
    /// Settings file with the accounts' roles. Without this flag: the nearest backproof.toml, if there is one.
    #[arg(long, value_name = "FILE", env = "BACKPROOF_CONFIG")]
    pub config: Option<PathBuf>,
    /// The journal of what was done. Without this flag: the plan file's name with `.journal.jsonl`.
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// Show what would be taken back, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// The names of what is taken back, to be typed in full; without it they are asked for.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub confirm: Vec<String>,
}

/// Arguments of `remediate verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The plan file.
    pub plan: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub scope: ScopeArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub rules: RuleArgs,
    /// The evidence that the plan rests on: the `inventory` folder of a scan. With it, what has become worse is told too.
    #[arg(long, value_name = "INVENTORY")]
    pub from: Option<PathBuf>,
    /// Ask about the actions only, and do not judge the findings again.
    #[arg(long)]
    pub actions_only: bool,
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
        RemediateCommand::Approve(args) => approve_plan(args).await,
        RemediateCommand::Verify(args) => verify_plan(args).await,
        RemediateCommand::Undo(args) => undo_plan(args).await,
    }
}

async fn plan(args: PlanArgs) -> Outcome<Exit> {
    let (settings, mut criteria) = criteria::read(args.scope.config.as_deref(), &args.rules, None)?;
    let settings = collect::in_scope(settings, &args.scope)?;
    let choice = choice(&args)?;
    let prices = Prices::load(args.prices.as_deref())?;
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
    let how = (&settings.remediation, &prices);
    let plan = propose(&inventory, &criteria, how, &choice, limits.as_deref())?;
    check_number(&plan, args.max_changes, &args.to)?;
    check_cost(&plan, args.max_cost)?;
    plan.write(&args.to)?;
    print(&match args.format {
        PlanFormat::Text => show::text(&plan),
        PlanFormat::Json => plan.to_json()?,
        PlanFormat::Markdown => show::markdown(&plan),
    })?;
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

/// Errors: the plan costs more than was allowed, or it is not known what it costs.
fn check_cost(plan: &Plan, at_most: Option<f64>) -> Result<(), Problem> {
    let Some(at_most) = at_most else { return Ok(()) };
    let cost = plan.cost();
    let sum = cost
        .once_usd
        .zip(cost.monthly_usd)
        .map(|(once, monthly)| once + monthly);
    if sum.is_some_and(|sum| sum <= at_most) {
        return Ok(());
    }
    Err(Problem::usage("the plan may cost more than `--max-cost` allows")
        .why(format!("{}, at most {at_most:.2} USD", cost.words()))
        .so("no plan was written")
        .hint("leave kinds of actions out with `--exclude`, or tables with `--match`"))
}

/// What a plan reads where it has no inventory: what its rules ask about, and what its actions need to know.
pub(crate) fn wanted(of_criteria: impl Iterator<Item = &'static str>) -> Wanted {
    let of_actions = KINDS.iter().flat_map(|kind| kind.frames.iter().copied());
    Wanted::frames(of_criteria.chain(of_actions))
}

async fn apply_plan(args: ApplyArgs) -> Outcome<Exit> {
    let settings = Settings::load(args.config.as_deref(), None, None)?;
    let (every, at_most) = intervals(&args.wait)?;
    let (plan, bytes) = Plan::read(&args.plan)?;
    check_number(&plan, args.max_changes, &args.plan)?;
    if args.dry_run {
        print(&show::text(&plan))?;
        say("nothing was changed (--dry-run)");
        return Ok(Exit::Compliant);
    }
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
    let targets = reached.targets;
    let path = args
        .journal
        .unwrap_or_else(|| args.plan.with_extension("journal.jsonl"));
    let mut journal = Journal::open(&path, &plan)?;
    let (stop, listener) = until_interrupted();
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

/// Is set when the person at the terminal wants to end, with what listens for it.
fn until_interrupted() -> (Arc<AtomicBool>, tokio::task::JoinHandle<()>) {
    let stop = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&stop);
    let listener = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            heard.store(true, Ordering::Relaxed);
            say("ending after the calls under way; the same command goes on where this one ends");
        }
    });
    (stop, listener)
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
    let asked = write!(err, "{}do it? [y/N] ", show::total(plan)).and_then(|()| err.flush());
    let mut answer = String::new();
    let read = asked.and_then(|()| std::io::stdin().read_line(&mut answer));
    Ok(read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// What is no longer as the plan has it, and what was left out for it; none: nothing.
fn drift(plan: &Plan, applied: &Applied) -> Option<Problem> {
    let (first, why) = applied.drifted.first()?;
    let others = applied.drifted.iter().skip(1);
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
    let untouched = applied.drifted.len() + applied.left.len();
    Some(
        Problem::new("the remediation plan no longer matches AWS")
            .at(show::place(first))
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
        Event::Undone(action, how) => say_of(action, &format!("taken back: {how}")),
        Event::Kept(action, why) => say_of(action, &format!("stays: {why}")),
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
    Ok(reached(settings, ids).await?.targets)
}

/// The same, with who calls.
async fn reached(settings: &Settings, ids: impl Iterator<Item = TargetId>) -> Outcome<Reached> {
    let mut reached = reach(&settings.accounts, ids.collect()).await?;
    for problem in std::mem::take(&mut reached.problems) {
        warn(&problem.so("everything there is left as it is"));
    }
    Ok(reached)
}

async fn approve_plan(args: ApproveArgs) -> Outcome<Exit> {
    let (plan, bytes) = Plan::read(&args.plan)?;
    if args.sign.starts_with("awskms:") {
        return Err(Problem::usage("a plan is approved with an SSH key")
            .at("`--sign`")
            .so("nothing was signed")
            .hint("`--sign` takes a key file, a `.pub` file, `agent` or a fingerprint")
            .into());
    }
    let signers = Signers::open(std::slice::from_ref(&args.sign)).await?;
    print(&show::text(&plan))?;
    let (path, signer) = approve::approve(&args.plan, &bytes, signers).await?;
    say(&format!(
        "approved with {}; the signature is in {}",
        signer.key(),
        path.display()
    ));
    Ok(Exit::Compliant)
}

async fn undo_plan(args: UndoArgs) -> Outcome<Exit> {
    let settings = Settings::load(args.config.as_deref(), None, None)?;
    let (plan, _) = Plan::read(&args.plan)?;
    let path = args
        .journal
        .clone()
        .unwrap_or_else(|| args.plan.with_extension("journal.jsonl"));
    if !path.exists() {
        return Err(Problem::usage("there is no journal of the plan")
            .at(path.display().to_string())
            .so("nothing was changed")
            .hint("name the journal of `remediate apply` with `--journal`")
            .into());
    }
    let mut journal = Journal::open(&path, &plan)?;
    let done = undoable(&plan, &journal);
    let mut text = String::new();
    for (action, _) in &done {
        let (Undone::Back(how) | Undone::Left(how)) = action.deed.inverse();
        text.push_str(&format!("  {}: {}\n", show::place(action), one_line(&how)));
    }
    print(&format!("{} to take back\n{text}", count(done.len(), "action")))?;
    if args.dry_run || done.is_empty() {
        say("nothing was changed");
        return Ok(Exit::Compliant);
    }
    confirm(&done.iter().map(|(action, _)| action.name()).collect(), &args.confirm)?;
    let targets = targets(&settings, done.iter().map(|(action, _)| action.target())).await?;
    let (stop, listener) = until_interrupted();
    let result = undo(&plan, &targets, &mut journal, &stop, &mut say_step).await;
    listener.abort();
    let result = result?;
    let waiting = match result.waiting {
        0 => String::new(),
        number => format!(", {number} not begun"),
    };
    say(&format!(
        "{} taken back, {} left as they are{waiting}; journal in {}",
        count(result.back, "action"),
        result.left,
        path.display()
    ));
    Ok(if result.left + result.waiting == 0 {
        Exit::Compliant
    } else {
        Exit::Failed
    })
}

/// To take something back may make an answer worse: what it is about is typed, not agreed to in passing.
///
/// Errors: a name is missing.
fn confirm(names: &BTreeSet<String>, typed: &[String]) -> Result<(), Problem> {
    use std::io::IsTerminal as _;
    let mut given: BTreeSet<String> = typed.iter().map(|name| name.trim().to_owned()).collect();
    if given.is_empty() && std::io::stdin().is_terminal() {
        say("type the names of what is to be taken back, with commas between them:");
        let mut line = String::new();
        if std::io::stdin().read_line(&mut line).is_ok() {
            given = line.trim().split(',').map(|name| name.trim().to_owned()).collect();
        }
    }
    let missing: Vec<String> = names
        .difference(&given)
        .map(|name| format!("`{}`", one_line(name)))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Problem::usage("what is to be taken back was not typed")
        .why(format!("missing: {}", missing.join(", ")))
        .so("nothing was changed")
        .hint("give each name with `--confirm NAME`, or type them when asked"))
}

async fn verify_plan(args: VerifyArgs) -> Outcome<Exit> {
    let (settings, criteria) = criteria::read(args.scope.config.as_deref(), &args.rules, None)?;
    let settings = collect::in_scope(settings, &args.scope)?;
    let (plan, _) = Plan::read(&args.plan).map_err(|problem| Problem {
        so: "nothing was verified".to_owned(),
        ..problem
    })?;
    let before = match &args.from {
        Some(folder) => Some(judge(&inventory_in(folder)?, &criteria)?),
        None => None,
    };
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
    let judged = if args.actions_only || (plan.fixes.is_empty() && before.is_none()) {
        None
    } else {
        let scratch = Staging::scratch()?;
        let wanted = wanted(criteria::frames(&criteria)).with_tag_keys(criteria::tag_keys(&criteria));
        let inventory = collect::into(&settings, &wanted, scratch.dir()).await?;
        let now = judge(&inventory, &criteria)?;
        Some(judged(&plan, before.as_ref(), &now))
    };
    if let Some(judged) = &judged {
        for (word, findings) in [
            ("not fixed", &judged.not_fixed),
            ("not known", &judged.unknown),
            ("worse", &judged.worse),
        ] {
            findings
                .iter()
                .for_each(|finding| text.push_str(&show::finding(word, finding)));
        }
        let worse = match &args.from {
            Some(_) => format!("{} worse", judged.worse.len()),
            None => "what is worse was not asked: name the evidence from before with `--from`".to_owned(),
        };
        text.push_str(&format!(
            "{} fixed, {} not fixed, {} not known; {worse}\n",
            count(judged.fixed, "finding"),
            judged.not_fixed.len(),
            judged.unknown.len()
        ));
    }
    print(&text)?;
    let has = |verdict: Verdict| results.iter().any(|result| result.verdict == verdict);
    let judged = judged.unwrap_or_default();
    let is_bad = has(Verdict::NonCompliant) || !judged.not_fixed.is_empty() || !judged.worse.is_empty();
    let is_unknown = has(Verdict::Unknown) || !judged.unknown.is_empty();
    Ok(match (is_bad, is_unknown) {
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
