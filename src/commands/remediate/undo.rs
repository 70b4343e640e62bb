//! `remediate undo`: what was done, taken back.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;

use super::jobs::say_step;
use super::{show, targets};
use crate::commands::backup::own_target;
use crate::commands::shared::interrupt::Changes;
use crate::commands::shared::output::print;
use crate::exit::Exit;
use crate::problem::{Outcome, Problem, count, one_line};
use crate::remediate::Plan;
use crate::remediate::actions::Undone;
use crate::remediate::journal::Journal;
use crate::remediate::restored;
use crate::remediate::undo::{Extent, undo, undoable};
use crate::settings::Settings;
use crate::stderr::say;

/// Arguments of `remediate undo`.
#[derive(Debug, Args)]
pub struct UndoArgs {
    /// The plan file.
    #[arg(required_unless_present = "restored")]
    pub plan: Option<PathBuf>,
    /// Instead of a plan: the job that `restore` named. The table that it made is deleted, with what was written into it since.
    #[arg(long, value_name = "JOB", conflicts_with_all = ["plan", "journal", "with_points", "last_point_of"])]
    pub restored: Option<String>,
    /// The Region of that job. Without this flag: the configured Region.
    #[arg(long, requires = "restored")]
    pub region: Option<String>,
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
    /// Delete too what backup plans have made meanwhile which the plan made: recovery points, at home and copied to other Regions.
    #[arg(long)]
    pub with_points: bool,
    /// Give up the last usable recovery point of this table, if it is to be deleted. Without this flag it stays.
    #[arg(long, value_name = "TABLE", value_delimiter = ',')]
    pub last_point_of: Vec<String>,
}

/// Runs `remediate undo`.
///
/// Errors: a plan or journal that cannot be read; names that were not typed; no credentials.
pub(super) async fn run(args: UndoArgs) -> Outcome<Exit> {
    let settings = Settings::load(args.config.as_deref(), None, None)?;
    if let Some(job_id) = &args.restored {
        return restored_table(&args, &settings, job_id).await;
    }
    let file = args
        .plan
        .clone()
        .expect("clap asks for it where no restore job is named");
    let (plan, _) = Plan::read(&file)?;
    let path = args
        .journal
        .clone()
        .unwrap_or_else(|| file.with_extension("journal.jsonl"));
    if !path.exists() {
        return Err(Problem::usage("there is no journal of the plan")
            .at(path.display().to_string())
            .so("nothing was changed")
            .hint("name the journal of `remediate apply` with `--journal`")
            .into());
    }
    let mut journal = Journal::open(&path, &plan)?;
    if journal.is_of_others() {
        return Err(Problem::usage("the journal is of another plan")
            .at(path.display().to_string())
            .why(format!("no line in it is about an action of {}", file.display()))
            .so("nothing was changed")
            .hint("name the journal of this plan with `--journal`")
            .into());
    }
    let extent = Extent {
        with_points: args.with_points,
        last_points_of: args.last_point_of.iter().map(|name| name.trim().to_owned()).collect(),
    };
    let done = undoable(&plan, &journal, &extent);
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
    let changes = Changes::begin();
    let result = undo(&plan, &targets, &mut journal, &extent, changes.stop(), &mut say_step).await;
    drop(changes);
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

/// Deletes the table that a restore job made.
///
/// Errors: no credentials; the job made no such table; its name was not typed; AWS's refusal.
async fn restored_table(args: &UndoArgs, settings: &Settings, job_id: &str) -> Outcome<Exit> {
    let (at, _) = own_target(args.region.as_deref(), "nothing was changed").await?;
    let refused = |what: String| {
        Problem::new(what)
            .at(format!("account {}, {}", at.account_id, at.region))
            .so("nothing was changed")
    };
    let reached = targets(settings, std::iter::once(at.clone())).await?;
    let Some(target) = reached.get(&at) else {
        return Err(refused("the account cannot be reached".to_owned()).into());
    };
    let restored = restored::made_by(target, job_id)
        .await
        .map_err(|why| refused(format!("restore job `{}` is not taken back", one_line(job_id))).why(why))?;
    let name = one_line(restored.name()).to_string();
    print(&format!(
        "1 table to delete\n  {}, with what was written into it since\n",
        one_line(&restored.table_arn)
    ))?;
    if args.dry_run {
        say("nothing was changed");
        return Ok(Exit::Compliant);
    }
    confirm(&BTreeSet::from([restored.name().to_owned()]), &args.confirm)?;
    match restored::delete(target, &restored).await {
        Ok(Undone::Back(how)) => {
            say(&format!("{name}: taken back: {how}"));
            say(&format!(
                "alarms of CloudWatch on it are left to do, as AWS Backup made none: {}",
                restored::left_to_do(&restored, &at.region)
            ));
            Ok(Exit::Compliant)
        }
        Ok(Undone::Left(why)) => {
            say(&format!("{name}: stays: {}", one_line(&why)));
            Ok(Exit::Failed)
        }
        Err(failure) => Err(refused(format!("could not delete table `{name}`"))
            .why(format!("{} from dynamodb:DeleteTable", failure.why()))
            .hint(
                "if deletion protection is on, switch it off by hand once you are sure; `explain permissions --command undo-restored` \
                 prints the rights needed",
            )
            .into()),
    }
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
