//! `remediate undo`: what was done, taken back.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;

use super::jobs::say_step;
use super::{show, targets};
use crate::commands::shared::interrupt::Changes;
use crate::commands::shared::output::print;
use crate::exit::Exit;
use crate::problem::{Outcome, Problem, count, one_line};
use crate::remediate::Plan;
use crate::remediate::actions::Undone;
use crate::remediate::journal::Journal;
use crate::remediate::undo::{undo, undoable};
use crate::settings::Settings;
use crate::stderr::say;

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

/// Runs `remediate undo`.
///
/// Errors: a plan or journal that cannot be read; names that were not typed; no credentials.
pub(super) async fn run(args: UndoArgs) -> Outcome<Exit> {
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
    let changes = Changes::begin();
    let result = undo(&plan, &targets, &mut journal, changes.stop(), &mut say_step).await;
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
