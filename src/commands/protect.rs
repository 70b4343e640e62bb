//! `protect`: some tables, from nothing to a plan and a first backup, in one line.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;

use crate::commands::backup::resolve;
use crate::commands::collect;
use crate::commands::remediate::apply::{agrees, carry_out};
use crate::commands::remediate::jobs::{WaitTimes, intervals};
use crate::commands::remediate::plan::{choice, wanted};
use crate::commands::remediate::{reached, show};
use crate::commands::shared::args::RuleArgs;
use crate::commands::shared::criteria;
use crate::commands::shared::drills::Drills;
use crate::commands::shared::output::print;
use crate::deliver::staging::Staging;
use crate::domain::{TargetId, Verdict};
use crate::duration;
use crate::exit::Exit;
use crate::facts::schedule::Schedule;
use crate::judge::judge;
use crate::problem::{Outcome, Problem, Problems, one_line};
use crate::remediate::apply::Pace;
use crate::remediate::plans::wanted::{DAILY, WEEKLY};
use crate::remediate::price::Prices;
use crate::remediate::propose::propose;
use crate::remediate::verify::judged;
use crate::remediate::{Action, Choice};
use crate::report::Report;
use crate::settings::{PLAN_NAME_HINT, Remediation, check_lifecycle, is_plan_name};
use crate::stderr::say;

/// Rules that are required beside those of the policy: what AWS Backup needs before its other features work.
const FIRST: [&str; 2] = ["dynamodb-opted-in", "advanced-features-on"];

/// Arguments of `protect`.
#[derive(Debug, Args)]
pub struct ProtectArgs {
    /// Names or ARNs of the tables.
    #[arg(required = true, value_name = "TABLE")]
    pub tables: Vec<String>,
    /// The Region of tables given by name. Without this flag: the configured Region.
    #[arg(long, visible_alias = "regions")]
    pub region: Option<String>,
    /// Settings file with the policy. Without this flag: the nearest backproof.toml, if there is one.
    #[arg(long, value_name = "FILE", env = "BACKPROOF_CONFIG")]
    pub config: Option<PathBuf>,
    /// The vault that takes the recovery points; it is made if it is not there. Without this flag: one that fits the policy.
    #[arg(long)]
    pub vault: Option<String>,
    /// Move to cold storage after this time, such as 7d. Without this flag: stays warm.
    #[arg(long, value_name = "DAYS")]
    pub cold_after: Option<String>,
    /// Delete after this time, such as 97d. Without this flag: the policy's minimum retention.
    #[arg(long, value_name = "DAYS")]
    pub delete_after: Option<String>,
    /// Run the plan that is made once a day, at 05:00 UTC. Without this flag: as rarely as the policy allows.
    #[arg(long, conflicts_with_all = ["weekly", "schedule"])]
    pub daily: bool,
    /// Run the plan that is made once a week, on Sundays at 05:00 UTC.
    #[arg(long, conflicts_with = "schedule")]
    pub weekly: bool,
    /// Run the plan that is made by this schedule, as AWS Backup writes it, in UTC: `cron(0 3 ? * * *)`.
    #[arg(long, value_name = "EXPRESSION")]
    pub schedule: Option<String>,
    /// The name of the plan that is made. Without this flag: the settings file's, else `backproof-` and the tier.
    #[arg(long, value_name = "NAME")]
    pub plan_name: Option<String>,
    /// The name of the rule of the plan that is made. Without this flag: the settings file's, else how often it runs.
    #[arg(long, value_name = "NAME")]
    pub rule_name: Option<String>,
    /// The name of the assignment to the plan that is made. Without this flag: the settings file's, else a digest of what it says.
    #[arg(long, value_name = "NAME")]
    pub assignment_name: Option<String>,
    /// The role AWS Backup assumes. Without this flag: the settings file's, else AWS Backup's default service role.
    #[arg(long, value_name = "ARN")]
    pub role: Option<String>,
    /// Do these kinds of actions only.
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Leave these kinds of actions out.
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub exclude: Vec<String>,
    /// File with prices. Without this flag: the program's own, of us-east-1.
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// The plan file to write; its journal stands beside it.
    #[arg(long, short = 'o', value_name = "FILE", default_value = "protect-plan.json")]
    pub to: PathBuf,
    /// Show what would be done, and do nothing; ends by how the tables stand now.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask.
    #[arg(long, short = 'y')]
    pub yes: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub times: WaitTimes,
}

/// Runs `protect`: reads AWS, shows a plan for these tables, asks, does it, follows the backups, and reads AWS again.
///
/// Errors: mistakes in settings and on the command line; no credentials; a table that is not there; what `remediate apply` may
/// refuse.
pub async fn run(args: ProtectArgs) -> Outcome<Exit> {
    let rules = RuleArgs::default();
    let (mut settings, mut criteria) = criteria::read(args.config.as_deref(), &rules, None)?;
    let (every, at_most) = intervals(&args.times)?;
    let prices = Prices::load(args.prices.as_deref())?;
    with_flags(&args, &mut settings.remediation)?;
    for rule in &mut criteria.rules.0 {
        rule.is_named |= FIRST.contains(&&*rule.id);
    }
    let tables = resolve(&args.tables, args.region.as_deref(), "nothing was changed").await?;
    let places: BTreeSet<TargetId> = tables.iter().map(|(_, at, _)| at.clone()).collect();
    settings.regions = places
        .iter()
        .map(|at| at.region.clone())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    settings
        .accounts
        .retain(|account| places.iter().any(|at| at.account_id == account.id));
    let choice = Choice {
        tables: tables.into_iter().map(|(arn, _, _)| arn).collect(),
        ..choice(&args.only, &args.exclude)?
    };

    let wanted = wanted(criteria::frames(&criteria)).with_tag_keys(criteria::tag_keys(&criteria));
    let scratch = Staging::scratch()?;
    let inventory = collect::into(
        &settings,
        &wanted,
        &Drills::of_settings(&settings).await?,
        scratch.dir(),
    )
    .await?;
    let before = judge(&inventory, &criteria)?;
    let known: BTreeSet<&str> = before.tables.iter().map(|table| table.table_arn.as_str()).collect();
    let missing: Vec<Problem> = choice
        .tables
        .iter()
        .filter(|arn| !known.contains(arn.as_str()))
        .map(|arn| {
            Problem::new(format!("there is no table `{arn}`"))
                .so("nothing was changed")
                .hint("check the name, the Region (`--region`) and whose credentials these are")
        })
        .collect();
    if !missing.is_empty() {
        return Err(Problems(missing));
    }
    let plan = propose(&inventory, &criteria, (&settings.remediation, &prices), &choice, None)?;
    print(&show::text(&plan))?;
    if args.dry_run {
        say("nothing was changed (--dry-run)");
        return Ok(stand(&choice, &before));
    }
    if plan.actions.is_empty() {
        return Ok(stand(&choice, &before));
    }
    plan.write(&args.to)?;
    if !args.yes && !agrees(&plan)? {
        say("nothing was changed");
        return Ok(Exit::Failed);
    }
    let reached = reached(&settings, plan.actions.iter().map(Action::target)).await?;
    let journal = args.to.with_extension("journal.jsonl");
    let pace = Pace {
        at_once: 8,
        every,
        at_most,
    };
    let done = carry_out(&plan, &reached.targets, &journal, pace, true).await?;
    if done != Exit::Compliant {
        return Ok(done);
    }
    let scratch = Staging::scratch()?;
    let now = judge(
        &collect::into(
            &settings,
            &wanted,
            &Drills::of_settings(&settings).await?,
            scratch.dir(),
        )
        .await?,
        &criteria,
    )?;
    let judged = judged(&plan, Some(&before), &now);
    print(&show::judged(&judged, true))?;
    Ok(match (judged.is_bad(), judged.is_unknown(), stand(&choice, &now)) {
        (true, ..) | (_, _, Exit::NonCompliant) => Exit::NonCompliant,
        (_, true, _) => Exit::EvidenceMissing,
        (_, _, exit) => exit,
    })
}

/// How the program ends by what the rules say of the tables: 10 where a required finding on one of them says no, with an action or
/// without.
fn stand(choice: &Choice, report: &Report) -> Exit {
    let has = |verdict: Verdict| {
        let mut findings = report.findings.iter();
        findings.any(|finding| {
            let counts = finding.is_required() && !finding.waived && choice.tables.contains(&finding.resource_arn);
            counts && finding.verdict == verdict
        })
    };
    if has(Verdict::NonCompliant) {
        Exit::NonCompliant
    } else if has(Verdict::Unknown) {
        Exit::EvidenceMissing
    } else {
        Exit::Compliant
    }
}

/// What the flags say, over what the settings say.
///
/// Errors: every flag that is not a number of days, and a lifecycle that AWS Backup would refuse.
fn with_flags(args: &ProtectArgs, remediation: &mut Remediation) -> Outcome<()> {
    let mut problems = Vec::new();
    let mut days = |flag: &str, text: &Option<String>, into: &mut Option<i64>| {
        let Some(text) = text else { return };
        match duration::parse_days(text) {
            Ok(days) => *into = Some(days),
            Err(why) => problems.push(
                Problem::usage(format!("`{flag}` is not a number of days"))
                    .why(why)
                    .so("nothing was changed")
                    .hint("write it like `35d`"),
            ),
        }
    };
    days("--cold-after", &args.cold_after, &mut remediation.cold_after_days);
    days("--delete-after", &args.delete_after, &mut remediation.delete_after_days);
    if let Err(why) = check_lifecycle(remediation.cold_after_days, remediation.delete_after_days) {
        problems.push(
            Problem::usage("AWS Backup would refuse the lifecycle")
                .why(why)
                .so("nothing was changed")
                .hint("raise `--delete-after`, or leave `--cold-after` out"),
        );
    }
    for (flag, name, noun, into) in [
        ("--plan-name", &args.plan_name, "a plan", &mut remediation.plan_name),
        ("--rule-name", &args.rule_name, "a rule", &mut remediation.rule_name),
        (
            "--assignment-name",
            &args.assignment_name,
            "an assignment",
            &mut remediation.assignment_name,
        ),
    ] {
        let Some(name) = name else { continue };
        if !is_plan_name(name) {
            problems.push(
                Problem::usage(format!("`{}` is not a name of {noun}", one_line(name)))
                    .at(format!("`{flag}`"))
                    .so("nothing was changed")
                    .hint(PLAN_NAME_HINT),
            );
        }
        *into = Some(name.clone());
    }
    remediation.schedule = match &args.schedule {
        _ if args.daily => Some(DAILY.to_owned()),
        _ if args.weekly => Some(WEEKLY.to_owned()),
        None => None,
        Some(text) => {
            if let Err(why) = Schedule::parse(Some(text), None) {
                problems.push(
                    Problem::usage(format!("`{}` is not a schedule", one_line(text)))
                        .at("`--schedule`")
                        .why(why.to_string())
                        .so("nothing was changed")
                        .hint("write it like `cron(0 5 ? * * *)`, or take `--daily` or `--weekly`"),
                );
            }
            Some(text.clone())
        }
    };
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    remediation.vault = args.vault.clone().or(remediation.vault.take());
    remediation.role_arn = args.role.clone().or(remediation.role_arn.take());
    Ok(())
}
