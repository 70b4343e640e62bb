//! The folder of a run: its plan and journal while it goes on, and the pack that comes of it.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use indicatif::{ProgressBar, ProgressStyle};

use super::{DrillFormat, RunArgs, Typed, show};
use crate::aws::target::Identity;
use crate::commands::shared::args::{KeepArgs, SigningArgs};
use crate::commands::shared::interrupt::Changes;
use crate::commands::shared::output::print;
use crate::commands::shared::reach::Reached;
use crate::commands::shared::signing::{Signing, keeping};
use crate::drill::journal::{JOURNAL_FILE, Journal};
use crate::drill::pack::{Contents, RECORD_FILE, seal};
use crate::drill::plan::{Asked, PLAN_FILE, Plan, Planned};
use crate::drill::record::{Cleanup, Drill, RECORD_VERSION, Record, Verdict};
use crate::drill::run::{End, Ground, Purpose, Told, run};
use crate::exit::Exit;
use crate::journal::sync_folder_of;
use crate::pack::seal::command_line;
use crate::plain_file::{self, LARGEST_PLAN};
use crate::problem::{Outcome, Problem, count, one_line};
use crate::remediate::actions::token;
use crate::settings::Settings;
use crate::stderr::{self, say, shows_progress_bar, warn};

/// Below it lie the runs that nobody named a folder for.
const DEFAULT: &str = "backproof-drills";

/// The pack of a run, in its folder.
const PACK: &str = "pack";

/// The same while it is made.
const PARTIAL_PACK: &str = ".pack.partial";

/// What lies in the folder that was named.
pub(super) enum Found {
    /// Nothing yet.
    New(PathBuf),
    /// A run that was ended in the middle.
    Begun(PathBuf, Box<Plan>),
    /// A run that has come to its end.
    Ended(PathBuf),
}

/// Looks for the folder of the run.
///
/// Errors: it holds something else, or a run of something else.
pub(super) fn find(to: Option<&Path>, asked: &Asked) -> Outcome<Found> {
    let Some(dir) = to else {
        return Ok(
            match runs(Path::new(DEFAULT))
                .into_iter()
                .find(|(dir, plan)| !has_pack(dir) && plan.asked == *asked)
            {
                Some((dir, plan)) => Found::Begun(dir, Box::new(plan)),
                None => Found::New(Path::new(DEFAULT).join(Utc::now().format("%Y-%m-%dT%H%M%SZ").to_string())),
            },
        );
    };
    let Some((plan, _)) = Plan::read(dir)? else {
        return match stranger(dir) {
            Some(name) => Err(Problem::usage("could not use the folder for the drill")
                .at(dir.display().to_string())
                .why(format!("it holds `{}`, which is no part of a drill", one_line(&name)))
                .so("nothing was restored")
                .hint("name a new or empty folder with `--to`")
                .into()),
            None => Ok(Found::New(dir.to_owned())),
        };
    };
    if plan.asked != *asked {
        return Err(Problem::usage("the folder holds a drill of something else")
            .at(dir.display().to_string())
            .why(format!("it was asked for {}", show::asked(&plan.asked)))
            .so("nothing was restored")
            .hint("type the command as it was typed then to go on, or name another folder; `drill clean DIR` deletes what that drill has made")
            .into());
    }
    Ok(match has_pack(dir) {
        true => Found::Ended(dir.to_owned()),
        false => Found::Begun(dir.to_owned(), Box::new(plan)),
    })
}

/// Every run below a folder, the newest first; what cannot be read is none.
pub(super) fn runs(below: &Path) -> Vec<(PathBuf, Plan)> {
    let entries = std::fs::read_dir(below).into_iter().flatten().flatten();
    let mut runs: Vec<(PathBuf, Plan)> = entries
        .filter_map(|entry| {
            let dir = entry.path();
            let (plan, _) = Plan::read(&dir).ok()??;
            Some((dir, plan))
        })
        .collect();
    runs.sort_by(|a, b| b.1.made_at.cmp(&a.1.made_at).then_with(|| a.0.cmp(&b.0)));
    runs
}

/// Every run below the folder that takes those which nobody named one for.
pub(super) fn default_runs() -> Vec<(PathBuf, Plan)> {
    runs(Path::new(DEFAULT))
}

/// Has the run come to its end?
pub(super) fn has_pack(dir: &Path) -> bool {
    dir.join(PACK).exists()
}

/// A file that a run which has not come to its plan does not leave; none: the folder is as good as new.
fn stranger(dir: &Path) -> Option<String> {
    let own = [JOURNAL_FILE, PLAN_FILE, &format!(".{PLAN_FILE}.partial")].map(str::to_owned);
    let names = std::fs::read_dir(dir).ok()?.flatten();
    let mut names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.find(|name| !own.contains(name))
}

/// Who may go on with a run: its tables are in the accounts that its caller could reach.
///
/// Errors: the caller is of another account.
pub(super) fn check_caller(plan: &Plan, dir: &Path, caller: &Identity) -> Result<(), Problem> {
    if plan.account_id == caller.account_id {
        return Ok(());
    }
    Err(Problem::new("the drill was begun by another account")
        .at(dir.display().to_string())
        .why(format!(
            "its plan was made by {}, and these are credentials of account {}",
            one_line(&plan.caller_arn),
            caller.account_id
        ))
        .so("nothing was restored, and nothing was deleted")
        .hint("log in to that account, or name another folder with `--to`"))
}

/// Names a run: when it was planned, and something that no other has.
pub(super) fn run_id(caller: &Identity) -> String {
    let now = Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Nanos, true);
    let own = token(&[&caller.arn, &now, &std::process::id().to_string()]);
    let last: String = own.chars().skip(own.len().saturating_sub(6)).collect();
    format!("{}-{last}", caller.at.format("%Y%m%dt%H%M%S"))
}

/// Who signs, and which ledger takes the pack.
///
/// Errors: those of [`Signing::prepare`].
pub(super) async fn signing(
    args: &SigningArgs,
    keep: &KeepArgs,
    settings: &Settings,
    is_dry: bool,
) -> Outcome<Signing> {
    let keeping = keeping(keep, Utc::now())?;
    if is_dry {
        return Ok(Signing::default());
    }
    let ledger = args.ledger.as_deref().or(settings.ledger.as_deref());
    Signing::prepare(&args.sign, ledger, keeping).await
}

/// The folder of a run that goes on, with its journal.
pub(super) struct Folder {
    dir: PathBuf,
    plan: Plan,
    journal: Journal,
}

impl Folder {
    /// Makes the folder of a run, with its plan, before anything is ordered.
    ///
    /// Errors: the disk refused; another run has it.
    pub(super) fn create(dir: PathBuf, plan: Plan) -> Outcome<Self> {
        private_folder(&dir).map_err(|error| {
            Problem::new("could not make the folder for the drill")
                .at(dir.display().to_string())
                .why(error.to_string())
                .so("nothing was restored")
                .hint("name another folder with `--to`")
        })?;
        // Whoever has the journal has the folder.
        let journal = Journal::open(&dir, &plan)?;
        if dir.join(PLAN_FILE).exists() {
            return Err(Problem::new("another run has begun in the folder")
                .at(dir.display().to_string())
                .so("nothing was restored")
                .hint("name another folder with `--to`")
                .into());
        }
        plan.write(&dir)?;
        Ok(Self { dir, plan, journal })
    }

    /// Opens the folder of a run that was ended.
    ///
    /// Errors: another run has it; its journal is not that of its plan.
    pub(super) fn reopen(dir: PathBuf, plan: Plan) -> Outcome<Self> {
        let journal = Journal::open(&dir, &plan)?;
        Ok(Self { dir, plan, journal })
    }

    /// Does the plan, makes the pack, and says what came of it.
    ///
    /// Errors: the journal cannot be written; the pack cannot be made or signed.
    pub(super) async fn run(
        self,
        typed: &Typed,
        args: &RunArgs,
        reached: &Reached,
        signing: &Signing,
    ) -> Outcome<Exit> {
        let Self { dir, plan, journal } = self;
        say(&format!(
            "{}; journal in {}",
            show::total(&plan),
            dir.join(JOURNAL_FILE).display()
        ));
        let bar = bar();
        let tell = |planned: &Planned, told: Told<'_>| tell(&bar, planned, told);
        let changes = Changes::begin();
        let ground = Ground {
            plan: &plan,
            targets: &reached.targets,
            digests: &typed.digests,
            pace: typed.pace,
            purpose: Purpose::Drill,
            stop: changes.stop(),
            tell: &tell,
        };
        let ends = run(&ground, journal).await;
        let is_ended = changes.stop().load(Ordering::SeqCst);
        drop(changes);
        bar.finish_and_clear();
        let Some(drills) = closed(&dir, &plan, ends?) else {
            return Ok(match is_ended {
                true => Exit::Interrupted,
                false => Exit::Failed,
            });
        };
        file(&dir, &plan, drills, reached.identity.clock_skew_seconds)?;
        result(&dir, args, typed, signing).await
    }
}

/// The records of a run that has come to its end; none: it has not, and how to go on is said.
pub(super) fn closed(dir: &Path, plan: &Plan, ends: Vec<End>) -> Option<Vec<Drill>> {
    let (mut drills, mut off) = (Vec::new(), Vec::new());
    for end in ends {
        match end {
            End::Closed(drill) => drills.push(*drill),
            End::BrokenOff(why) => off.push(why),
        }
    }
    let Some(why) = off.first() else {
        return Some(drills);
    };
    let dir = dir.display();
    stderr::fail(
        &Problem::new(format!(
            "the drill has not ended: {} of {} are not done",
            off.len(),
            count(plan.drills.len(), "restore")
        ))
        .at(dir.to_string())
        .why(one_line(why))
        .so("tables that it has made may still be there; the journal knows them")
        .hint(format!(
            "the same command with `--to {dir}` goes on; `backproof drill clean {dir}` deletes what it has made"
        ))
        .into(),
    );
    None
}

pub(super) fn bar() -> ProgressBar {
    let bar = if shows_progress_bar() {
        ProgressBar::new_spinner()
    } else {
        ProgressBar::hidden()
    };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        bar.set_style(style);
    }
    bar
}

/// Says what happens.
pub(super) fn tell(bar: &ProgressBar, planned: &Planned, told: Told<'_>) {
    let name = planned.source_name();
    match told {
        Told::Step(what) => bar.suspend(|| say(&format!("{name}: {}", one_line(what)))),
        Told::Waiting(what) => {
            bar.set_message(format!("{name}: {}", one_line(what)));
            bar.tick();
        }
        Told::Reading(progress) => {
            bar.set_message(format!(
                "{name}: {} and {} items read",
                progress.restored, progress.other
            ));
            bar.tick();
        }
    }
}

/// Files the record, with plan and journal, as the pack of the run: whole, or not at all.
///
/// Errors: the disk refused; the record contradicts itself.
pub(super) fn file(dir: &Path, plan: &Plan, drills: Vec<Drill>, clock_skew_seconds: Option<i64>) -> Outcome<()> {
    let times = drills.iter().flat_map(times);
    let ended_at = times.fold(plan.made_at, DateTime::max);
    let record = Record {
        schema_version: RECORD_VERSION,
        run_id: plan.run_id.clone(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        caller_arn: plan.caller_arn.clone(),
        began_at: plan.made_at,
        ended_at,
        drills,
        left_out: plan.left_out.clone(),
    };
    let disk = |error: std::io::Error| {
        Problem::new("could not file what the drill saw")
            .at(dir.display().to_string())
            .why(error.to_string())
            .so("every table that it has made is accounted for in the journal; there is no pack")
            .hint("mend the disk, then type the same command again: nothing is restored twice")
    };
    let read = |name: &str| plain_file::read(&dir.join(name), LARGEST_PLAN).map_err(disk);
    let partial = dir.join(PARTIAL_PACK);
    if partial.exists() {
        std::fs::remove_dir_all(&partial).map_err(disk)?;
    }
    private_folder(&partial).map_err(disk)?;
    let contents = Contents {
        record: &record,
        plan: &read(PLAN_FILE)?,
        journal: &read(JOURNAL_FILE)?,
        command_line: command_line(),
        clock_skew_seconds,
    };
    seal(&partial, &contents)?;
    std::fs::rename(&partial, dir.join(PACK))
        .and_then(|()| sync_folder_of(&dir.join(PACK)))
        .map_err(disk)?;
    Ok(())
}

/// A folder that only its owner enters.
fn private_folder(dir: &Path) -> std::io::Result<()> {
    let mut folders = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folders, 0o700);
    folders.recursive(true).create(dir)
}

fn times(drill: &Drill) -> impl Iterator<Item = DateTime<Utc>> {
    let times = &drill.times;
    let all = [
        times.ordered_at,
        times.running_at,
        times.active_at,
        times.compared_at,
        times.gone_at,
    ];
    let job = drill.job.as_ref().and_then(|job| job.completed_at);
    let read = drill.items.iter().flat_map(|items| {
        [
            Some(items.restored.ended_at),
            items.other.as_ref().map(|other| other.ended_at),
        ]
    });
    let read: Vec<_> = read.collect();
    all.into_iter().chain([job]).chain(read).flatten()
}

/// Shows the record of a run that has ended, signs and appends its pack, and ends as the record says.
///
/// Errors: the pack is damaged, or could not be signed or appended.
pub(super) async fn result(dir: &Path, args: &RunArgs, typed: &Typed, signing: &Signing) -> Outcome<Exit> {
    let pack = dir.join(PACK);
    let path = pack.join(RECORD_FILE);
    let damaged = |why: String| {
        Problem::new("the record of the drill cannot be read")
            .at(path.display().to_string())
            .why(why)
            .so("nothing was signed")
            .hint("name another folder with `--to`")
    };
    let bytes = plain_file::read(&path, LARGEST_PLAN).map_err(|error| damaged(error.to_string()))?;
    let record = Record::parse(&bytes).map_err(damaged)?;
    print(&match args.format {
        DrillFormat::Text => show::record(&record),
        DrillFormat::Json => String::from_utf8_lossy(&bytes).trim_end().to_owned() + "\n",
    })?;
    for drill in &record.drills {
        if let Cleanup::Left { why } = &drill.cleanup {
            warn(
                &Problem::new(format!("table `{}` may be left", drill.restored.table_name))
                    .at(format!(
                        "account {}, {}",
                        drill.restored.account_id, drill.restored.region
                    ))
                    .why(one_line(why))
                    .so("it costs money as long as it is there")
                    .hint(format!(
                        "`backproof drill clean {}` looks again, and deletes it",
                        dir.display()
                    )),
            );
        }
    }
    for line in signing.finish(&pack).await? {
        say(&line);
    }
    say(&format!("the evidence is in {}", pack.display()));
    Ok(typed.tables.exit(exit(&record)))
}

/// How a run ends by what it saw.
pub(super) fn exit(record: &Record) -> Exit {
    let is_open = |drill: &Drill| {
        matches!(drill.verdict, Verdict::NotTested | Verdict::NotComparable)
            || matches!(drill.cleanup, Cleanup::Left { .. })
    };
    if record
        .drills
        .iter()
        .any(|drill| drill.verdict.is_failure() || drill.is_late())
    {
        Exit::NonCompliant
    } else if record.drills.iter().any(is_open) || !record.left_out.is_empty() {
        Exit::EvidenceMissing
    } else {
        Exit::Compliant
    }
}
