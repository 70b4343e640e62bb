//! `remediate`: one story a file.

pub mod apply;
pub mod jobs;
pub mod plan;
mod progress;
pub(crate) mod show;
pub mod undo;
pub mod verify;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use self::apply::ApplyArgs;
use self::plan::PlanArgs;
use self::undo::UndoArgs;
use self::verify::VerifyArgs;
use crate::aws::target::Target;
use crate::commands::shared::output::print;
use crate::commands::shared::reach::{Reached, reach};
use crate::domain::TargetId;
use crate::exit::Exit;
use crate::problem::{Outcome, Problem, count};
use crate::remediate::export::{Form, export};
use crate::remediate::{Plan, approve};
use crate::settings::Settings;
use crate::sign::Signers;
use crate::stderr::{say, warn};

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
    /// Write a plan as a script or a template, for those who change AWS by code review.
    Export(ExportArgs),
    /// Take back what the journal of a plan says was done. Nothing else is touched.
    Undo(UndoArgs),
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

/// Arguments of `remediate export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The plan file.
    pub plan: PathBuf,
    /// In which form.
    #[arg(long = "as", value_enum, value_name = "FORM")]
    pub form: ExportForm,
}

/// A form of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportForm {
    /// A POSIX shell script that calls the AWS CLI, version 2.
    AwsCli,
    /// A CloudFormation template, as JSON.
    #[value(name = "cloudformation")]
    CloudFormation,
    /// A configuration of Terraform's AWS provider.
    Terraform,
    /// A backup policy of AWS Organizations, as JSON: below `Policy`, after what it cannot hold.
    Policy,
}

/// Runs `remediate`.
///
/// Errors: as the subcommand.
pub async fn run(command: RemediateCommand) -> Outcome<Exit> {
    match command {
        RemediateCommand::Plan(args) => plan::run(args).await,
        RemediateCommand::Apply(args) => apply::run(args).await,
        RemediateCommand::Approve(args) => approve_plan(args).await,
        RemediateCommand::Verify(args) => verify::run(args).await,
        RemediateCommand::Export(args) => export_plan(&args),
        RemediateCommand::Undo(args) => undo::run(args).await,
    }
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

/// The clients of the targets that actions name, with the roles that change something.
///
/// Errors: no credentials, no identity. An account whose role cannot be assumed is left out.
pub(crate) async fn targets(
    settings: &Settings,
    ids: impl Iterator<Item = TargetId>,
) -> Outcome<BTreeMap<TargetId, Target>> {
    Ok(reached(settings, ids).await?.targets)
}

/// The same, with who calls.
pub(crate) async fn reached(settings: &Settings, ids: impl Iterator<Item = TargetId>) -> Outcome<Reached> {
    let mut accounts = settings.accounts.clone();
    for account in &mut accounts {
        account.role_arn = account.remediation_role_arn.take().or(account.role_arn.take());
    }
    Ok(told(reach(&accounts, ids.collect()).await?))
}

/// The clients of the same targets, with the roles that read.
///
/// Errors: as [`targets`].
async fn readers(settings: &Settings, ids: impl Iterator<Item = TargetId>) -> Outcome<BTreeMap<TargetId, Target>> {
    Ok(told(reach(&settings.accounts, ids.collect()).await?).targets)
}

/// Says which accounts cannot be reached.
fn told(mut reached: Reached) -> Reached {
    for problem in std::mem::take(&mut reached.problems) {
        warn(&problem.so("everything there is left as it is"));
    }
    reached
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

fn export_plan(args: &ExportArgs) -> Outcome<Exit> {
    let (plan, _) = Plan::read(&args.plan)?;
    let form = match args.form {
        ExportForm::AwsCli => Form::AwsCli,
        ExportForm::CloudFormation => Form::CloudFormation,
        ExportForm::Terraform => Form::Terraform,
        ExportForm::Policy => Form::Policy,
    };
    let text = export(&plan, form).map_err(|why| {
        Problem::usage("the plan has no such form")
            .at(args.plan.display().to_string())
            .why(why)
            .so("nothing was written")
            .hint("make a plan of one account and Region: `remediate plan --regions REGION`")
    })?;
    print(&text)?;
    Ok(Exit::Compliant)
}
