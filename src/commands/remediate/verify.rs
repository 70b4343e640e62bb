//! `remediate verify`: AWS read afresh.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;

use super::plan::wanted;
use super::{readers, show};
use crate::commands::collect;
use crate::commands::shared::args::{RuleArgs, ScopeArgs};
use crate::commands::shared::criteria;
use crate::commands::shared::drills::Drills;
use crate::commands::shared::evidence::inventory_in;
use crate::commands::shared::output::print;
use crate::criteria::rules::{RuleSet, shipped};
use crate::criteria::vocabulary::COSTLY_FRAMES;
use crate::deliver::staging::Staging;
use crate::domain::Verdict;
use crate::exit::Exit;
use crate::judge::judge;
use crate::problem::{Outcome, Problem, one_line};
use crate::remediate::verify::{judged, verify};
use crate::remediate::{Action, Plan};

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
    /// The evidence that the plan rests on: the `inventory` folder of a scan. With it, what has become worse, or is
    /// not known any more, is told too.
    #[arg(long, value_name = "INVENTORY")]
    pub from: Option<PathBuf>,
    /// Ask about the actions only, and do not judge the findings again.
    #[arg(long)]
    pub actions_only: bool,
}

/// Runs `remediate verify`.
///
/// Errors: mistakes in the settings; a plan that cannot be read; no credentials.
pub(super) async fn run(args: VerifyArgs) -> Outcome<Exit> {
    let (plan, _) = Plan::read(&args.plan).map_err(|problem| Problem {
        so: "nothing was verified".to_owned(),
        ..problem
    })?;
    let mut rules = args.rules.clone();
    rules.with.extend(costly(&plan));
    let (settings, criteria) = criteria::read(args.scope.config.as_deref(), &rules, None)?;
    let settings = collect::in_scope(settings, &args.scope)?;
    let before = match &args.from {
        Some(folder) => Some(judge(&inventory_in(folder)?, &criteria)?),
        None => None,
    };
    let targets = readers(&settings, plan.actions.iter().map(Action::target)).await?;
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
        let inventory = collect::into(
            &settings,
            &wanted,
            &Drills::of_settings(&settings).await?,
            scratch.dir(),
        )
        .await?;
        let now = judge(&inventory, &criteria)?;
        Some(judged(&plan, before.as_ref(), &now))
    };
    if let Some(judged) = &judged {
        text.push_str(&show::judged(judged, args.from.is_some()));
    }
    print(&text)?;
    let has = |verdict: Verdict| results.iter().any(|result| result.verdict == verdict);
    let judged = judged.unwrap_or_default();
    let is_bad = has(Verdict::NonCompliant) || judged.is_bad();
    let is_unknown = has(Verdict::Unknown) || judged.is_unknown();
    Ok(match (is_bad, is_unknown) {
        (true, _) => Exit::NonCompliant,
        (false, true) => Exit::EvidenceMissing,
        (false, false) => Exit::Compliant,
    })
}

/// Rules that a scan leaves out for what they cost, and that the plan is to make good.
fn costly(plan: &Plan) -> BTreeSet<String> {
    let is_costly = |id: &&String| {
        let rule = shipped().0.iter().find(|rule| *rule.id == **id);
        let frames = rule
            .map(|rule| RuleSet(vec![rule.clone()]).frames())
            .unwrap_or_default();
        frames.iter().any(|frame| COSTLY_FRAMES.contains(frame))
    };
    let rules = plan.fixes.iter().map(|fix| &fix.rule);
    rules.filter(is_costly).cloned().collect()
}
