//! `scan`: collect, judge, report. The whole audit in one go.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use chrono::Utc;
use clap::Args;

use crate::collect::{Wanted, collected};
use crate::commands::report::{Output, default_folder_at, explain_policy};
use crate::commands::shared::args::{DrillArgs, OutputArgs, RuleArgs, ScopeArgs};
use crate::commands::shared::criteria;
use crate::commands::shared::drills::Drills;
use crate::commands::shared::signing::Makes;
use crate::commands::shared::since;
use crate::commands::{baseline, collect};
use crate::criteria::vocabulary::COSTLY_FRAMES;
use crate::deliver::staging::Purpose;
use crate::domain::{Gap, GapKind, TargetId};
use crate::exit::Exit;
use crate::pack::seal::binary_sha256;
use crate::problem::{Outcome, Problem};
use crate::report::Report;
use crate::stderr::warn;

/// Arguments of `scan`.
#[derive(Debug, Args)]
pub struct ScanArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub scope: ScopeArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub rules: RuleArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub output: OutputArgs,
    /// A remediation plan that was done since the scan before, with its journal beside it: both go into the pack, and the reports say
    /// for each action which finding led to it, what was done, and how the finding stands now. May be given for several plans.
    #[arg(long, value_name = "PLAN", conflicts_with = "redact_accounts")]
    pub after: Vec<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub drills: DrillArgs,
    /// Print which tier of the policy takes this table (name or ARN) and the values that apply to it, and stop.
    #[arg(long, value_name = "TABLE", help_heading = "Rules and policy")]
    pub explain_policy: Option<String>,
}

/// Runs `scan`.
///
/// Errors: anything that keeps the audit from being made or filed. Calls that fail are gaps in the report instead.
pub async fn run(args: ScanArgs) -> Outcome<Exit> {
    // Everything that can be wrong before the first call is found before the first call.
    let (settings, mut criteria) = criteria::read(args.scope.config.as_deref(), &args.rules, None)?;
    criteria.baseline = args.output.baseline.as_deref().map(baseline::read).transpose()?;
    let settings = collect::in_scope(settings, &args.scope)?;
    let makes = Makes::Pack(settings.ledger.as_deref());
    let output = Output::prepare(&args.output, makes, &settings.accounts).await?;
    criteria.changes = since::read(&args.after, criteria.baseline.as_ref(), output.ledger()).await?;
    let ledger = args.output.signing.ledger.as_deref().or(settings.ledger.as_deref());
    let drills = Drills::read(&args.drills, ledger, settings.allowed_signers.as_deref()).await?;
    // The digest of this program goes into the manifest; it is made while AWS is read.
    std::thread::spawn(binary_sha256);
    let staging = output.staging(&default_folder_at(Utc::now()), Purpose::Scan)?;
    // Without a choice of rules the inventory is whole, so that any later question can be answered from it; but for what takes
    // a call for each table, which is read only if a rule that runs asks for it.
    let mut frames: Vec<&str> = criteria::frames(&criteria).collect();
    if args.rules.rules.is_empty() && args.rules.framework.is_empty() {
        frames.extend(collected().filter(|frame| !COSTLY_FRAMES.contains(frame)));
    }
    let wanted = Wanted::frames(frames).with_tag_keys(criteria::tag_keys(&criteria));
    let inventory = collect::into(&settings, &wanted, &drills, &output.collect_into(&staging)?).await?;
    since::check(&args.after, &criteria.changes, &inventory)?;
    if let Some(table) = &args.explain_policy {
        return explain_policy(&inventory, &criteria, table);
    }
    let judged = output.judge(inventory, criteria, &staging)?;
    warn_of_gaps(&judged.report);
    output.finish(&judged, staging).await
}

/// One warning for each kind of call in each target: ten thousand denied tables are one mistake, not ten thousand.
fn warn_of_gaps(report: &Report) {
    let mut groups: BTreeMap<(&TargetId, &str, GapKind), Vec<&Gap>> = BTreeMap::new();
    // Where nothing could be listed, one warning says it all; the report names every call.
    let unread: BTreeSet<&TargetId> = report
        .coverage
        .targets
        .iter()
        .filter(|target| target.status == "not-read")
        .map(|target| &target.target)
        .collect();
    let says_it_all = ["dynamodb:ListTables", "sts:AssumeRole", "account:ListRegions"];
    for gap in &report.coverage.gaps {
        if unread.contains(&gap.target) && !says_it_all.contains(&gap.action.as_str()) {
            continue;
        }
        groups
            .entry((&gap.target, &gap.action, gap.kind))
            .or_default()
            .push(gap);
    }
    for gaps in groups.values() {
        let first = gaps[0];
        let of = match (first.resource.is_empty(), gaps.len()) {
            (true, _) => String::new(),
            (false, 1) => format!(" of `{}`", first.resource),
            (false, number) => format!(" of `{}` and {} more", first.resource, number - 1),
        };
        let warning = Problem::new(format!("could not read {}{of}", first.action))
            .at(format!("account {}, {}", first.target.account_id, first.target.region))
            .why(&first.why)
            .so(&first.so)
            .hint(&first.hint);
        warn(&warning);
    }
}
