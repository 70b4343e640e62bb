//! `remediate plan`: what mends the findings.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{check_number, show};
use crate::collect::Wanted;
use crate::commands::collect;
use crate::commands::shared::args::{RuleArgs, ScopeArgs};
use crate::commands::shared::criteria;
use crate::commands::shared::drills::Drills;
use crate::commands::shared::evidence::{inventory_in, limits};
use crate::commands::shared::output::print;
use crate::criteria::levels::may_be_required;
use crate::deliver::staging::Staging;
use crate::exit::Exit;
use crate::problem::{Outcome, Problem};
use crate::remediate::actions::KINDS;
use crate::remediate::price::Prices;
use crate::remediate::propose::propose;
use crate::remediate::{Choice, Plan};
use crate::stderr::say;
use crate::text::{list, nearest};

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

/// Runs `remediate plan`.
///
/// Errors: mistakes in the settings and on the command line; no evidence; a plan larger than was allowed.
pub(super) async fn run(args: PlanArgs) -> Outcome<Exit> {
    let (settings, mut criteria) = criteria::read(args.scope.config.as_deref(), &args.rules, None)?;
    let settings = collect::in_scope(settings, &args.scope)?;
    let choice = Choice {
        advised: args.advised,
        compliance_locks: args.compliance_locks.clone(),
        ..choice(&args.only, &args.exclude)?
    };
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
            collect::into(
                &settings,
                &wanted,
                &Drills::of_settings(&settings).await?,
                scratch.dir(),
            )
            .await?
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

/// Which kinds of actions to propose.
///
/// Errors: a kind that nobody knows.
pub(crate) fn choice(only: &[String], exclude: &[String]) -> Outcome<Choice> {
    for (flag, ids) in [("--only", only), ("--exclude", exclude)] {
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
        only: only.to_vec(),
        exclude: exclude.to_vec(),
        ..Choice::default()
    })
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
