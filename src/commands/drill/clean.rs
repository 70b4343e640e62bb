//! `drill clean`: what drills left behind, deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::Args;

use super::folder::{closed, default_runs, file, has_pack, tell};
use crate::aws::target::Target;
use crate::commands::backup::own_target;
use crate::commands::remediate::jobs::{WaitTimes, intervals};
use crate::commands::remediate::reached;
use crate::commands::shared::interrupt::Changes;
use crate::commands::shared::output::print;
use crate::domain::{TargetId, rfc3339};
use crate::drill::clean::{Leftover, delete, leftovers};
use crate::drill::journal::{Journal, Noted};
use crate::drill::plan::{Plan, Planned};
use crate::drill::record::Cleanup;
use crate::drill::run::{Ground, Pace, Purpose, Told, run as run_plan};
use crate::exit::Exit;
use crate::problem::{Outcome, Problem, count, one_line};
use crate::settings::Settings;
use crate::stderr::{ask, say, warn};

/// Deletions at once.
const AT_ONCE: usize = 8;

/// Arguments of `drill clean`.
#[derive(Debug, Args)]
pub struct CleanArgs {
    /// The folder of a drill. Without it: every drill below backproof-drills, and every table of these accounts and Regions whose
    /// name begins with backproof-drill-.
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Regions to look in for tables by name, separated by commas. Without this flag: the settings file's, else the configured one.
    #[arg(long, visible_alias = "region", value_name = "REGION,…", value_delimiter = ',')]
    pub regions: Vec<String>,
    /// Delete what a journal proves to be a drill's own, and do not ask.
    #[arg(long, short = 'y')]
    pub yes: bool,
    /// Names of tables that only their name tells to be a drill's, to be typed in full, separated by commas; without it they are
    /// asked for.
    #[arg(long, value_name = "TABLE,…", value_delimiter = ',')]
    pub confirm: Vec<String>,
    /// Show what would be deleted, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Settings file with the accounts' roles. Without this flag: the nearest backproof.toml, if there is one.
    #[arg(long, value_name = "FILE", env = "BACKPROOF_CONFIG")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub times: WaitTimes,
}

/// A run that may have left something.
struct Run {
    dir: PathBuf,
    plan: Plan,
    journal: Journal,
}

impl Run {
    fn open(&self) -> impl Iterator<Item = (&Planned, &Noted)> {
        let drills = self.plan.drills.iter();
        drills
            .filter_map(|planned| Some((planned, self.journal.of(planned.number)?)))
            .filter(|(_, noted)| noted.may_have_made())
    }
}

/// Runs `drill clean`.
///
/// Errors: no drill in the folder, one that still runs, a journal that cannot be used; no credentials; names that were not typed.
pub(super) async fn run(args: CleanArgs) -> Outcome<Exit> {
    let settings = Settings::load(args.config.as_deref(), None, None)?;
    let (every, at_most) = intervals(&args.times)?;
    let (runs, known) = found(&args)?;
    let mut ids: BTreeSet<TargetId> = runs
        .iter()
        .flat_map(|run| run.open().map(|(planned, _)| planned.at()))
        .collect();
    let places = match args.dir {
        Some(_) => BTreeSet::new(),
        None => places(&args, &settings).await?,
    };
    ids.extend(places.iter().cloned());
    let targets = match ids.is_empty() {
        true => BTreeMap::new(),
        false => reached(&settings, ids.into_iter()).await?.targets,
    };
    let (named, is_whole) = by_name(&places, &targets, &known).await;
    let text = listed(&runs, &named);
    if text.is_empty() {
        say("no table of a drill was found");
    } else {
        print(&text)?;
    }
    let is_nothing = text.is_empty() || args.dry_run;
    if is_nothing {
        say("nothing was deleted");
        return Ok(match is_whole {
            true => Exit::Compliant,
            false => Exit::EvidenceMissing,
        });
    }
    let typed = confirmed(&args, &runs, &named)?;
    let pace = Pace {
        at_once: AT_ONCE,
        every,
        at_most,
    };
    let mut is_done = is_whole;
    if typed.journals {
        for run in runs {
            is_done &= clean(run, &targets, pace).await?;
        }
    } else if runs.iter().any(|run| run.open().next().is_some()) {
        is_done = false;
    }
    for (target, leftover) in &named {
        if !typed.names.contains(&leftover.name) {
            say(&format!("{} stays: its name was not typed", one_line(&leftover.name)));
            is_done = false;
            continue;
        }
        match delete(target, leftover).await {
            Ok(()) => say(&format!("{} is gone", one_line(&leftover.name))),
            Err(why) => {
                is_done = false;
                warn(
                    &Problem::new(format!("table `{}` was not deleted", one_line(&leftover.name)))
                        .at(format!("account {}, {}", target.id.account_id, target.id.region))
                        .why(one_line(&why)),
                );
            }
        }
    }
    Ok(match is_done {
        true => Exit::Compliant,
        false => Exit::Failed,
    })
}

/// The runs whose journals are at hand, and the names of all tables that these and running drills know.
///
/// Errors: of the folder that was named.
fn found(args: &CleanArgs) -> Outcome<(Vec<Run>, BTreeSet<String>)> {
    let plans = match &args.dir {
        Some(dir) => {
            let Some((plan, _)) = Plan::read(dir)? else {
                return Err(Problem::usage("there is no drill in the folder")
                    .at(dir.display().to_string())
                    .so("nothing was deleted")
                    .hint("name the folder that `drill` wrote, or none to look for tables by name")
                    .into());
            };
            vec![(dir.clone(), plan)]
        }
        None => default_runs(),
    };
    let (mut runs, mut known) = (Vec::new(), BTreeSet::new());
    for (dir, plan) in plans {
        known.extend(plan.drills.iter().map(|planned| planned.table_name.clone()));
        match Journal::open(&dir, &plan) {
            Ok(journal) => runs.push(Run { dir, plan, journal }),
            Err(problem) if args.dir.is_some() => return Err(problem.so("nothing was deleted").into()),
            Err(problem) => warn(&problem.so("what that drill has made stays as it is")),
        }
    }
    Ok((runs, known))
}

/// Where tables are looked for by name.
///
/// Errors: no credentials; no Region is known.
async fn places(args: &CleanArgs, settings: &Settings) -> Outcome<BTreeSet<TargetId>> {
    let regions = match args.regions.is_empty() {
        true => settings.regions.clone(),
        false => args.regions.clone(),
    };
    let (own, _) = own_target(regions.first().map(String::as_str), "nothing was deleted").await?;
    let regions = match regions.is_empty() {
        true => vec![own.region.clone()],
        false => regions,
    };
    let accounts: BTreeSet<String> = match settings.accounts.is_empty() {
        true => BTreeSet::from([own.account_id]),
        false => settings.accounts.iter().map(|account| account.id.clone()).collect(),
    };
    let in_account = |account: &String| {
        let account = account.clone();
        regions
            .iter()
            .map(move |region| TargetId::new(account.clone(), region.clone()))
            .collect::<Vec<_>>()
    };
    Ok(accounts.iter().flat_map(in_account).collect())
}

/// Tables that no journal at hand knows, and whether every place could be looked into.
async fn by_name<'t>(
    places: &BTreeSet<TargetId>,
    targets: &'t BTreeMap<TargetId, Target>,
    known: &BTreeSet<String>,
) -> (Vec<(&'t Target, Leftover)>, bool) {
    let (mut named, mut is_whole) = (Vec::new(), true);
    for place in places {
        let found = match targets.get(place) {
            Some(target) => leftovers(target).await.map(|found| (target, found)),
            None => Err("the account cannot be reached".to_owned()),
        };
        match found {
            Ok((target, found)) => {
                let unknown = found.into_iter().filter(|leftover| !known.contains(&leftover.name));
                named.extend(unknown.map(|leftover| (target, leftover)));
            }
            Err(why) => {
                is_whole = false;
                warn(
                    &Problem::new("could not look for tables of drills")
                        .at(format!("account {}, {}", place.account_id, place.region))
                        .why(one_line(&why))
                        .so("tables may be left there"),
                );
            }
        }
    }
    (named, is_whole)
}

/// What was found, a line each; empty: nothing.
fn listed(runs: &[Run], named: &[(&Target, Leftover)]) -> String {
    let mut text = String::new();
    for run in runs {
        for (planned, noted) in run.open() {
            let restored = &noted.drill.restored;
            let what = match (&noted.drill.cleanup, &restored.table_id, &restored.job_id) {
                (Cleanup::Kept, ..) => "kept, as was asked",
                (_, Some(_), _) => "made by its restore job",
                (_, None, Some(_)) => "its restore job may have made it, or make it yet",
                (_, None, None) => "whether AWS began its restore is not known",
            };
            text.push_str(&format!(
                "{} in account {}, {}: {what}, by the journal in {}\n",
                planned.table_name,
                planned.account_id,
                one_line(&planned.region),
                run.dir.display()
            ));
        }
    }
    for (target, leftover) in named {
        let made = leftover
            .made_at
            .map_or_else(|| "at an unknown time".to_owned(), rfc3339);
        text.push_str(&format!(
            "{} in account {}, {}: {}, made {made}; no journal at hand knows it, and a drill that runs elsewhere may be using it\n",
            one_line(&leftover.name),
            target.id.account_id,
            target.id.region,
            one_line(&leftover.status)
        ));
    }
    text
}

/// What may be deleted.
struct Confirmed {
    journals: bool,
    names: BTreeSet<String>,
}

/// Asks: for what journals prove a yes is enough, for a name alone the name has to be typed.
///
/// Errors: there is nobody to ask, and nothing was said on the command line.
fn confirmed(args: &CleanArgs, runs: &[Run], named: &[(&Target, Leftover)]) -> Outcome<Confirmed> {
    let own: usize = runs.iter().map(|run| run.open().count()).sum();
    let mut journals = args.yes;
    if own > 0 && !args.yes {
        let question = format!("delete {} that drills made? [y/N] ", count(own, "table"));
        journals = matches!(ask(&question).as_deref(), Some("y" | "Y" | "yes"));
    }
    let mut names: BTreeSet<String> = args.confirm.iter().map(|name| name.trim().to_owned()).collect();
    if !named.is_empty() && names.is_empty() {
        let typed = ask(
            "type the names of the tables that no journal knows and that are to be deleted, with commas between them: ",
        );
        names = typed
            .unwrap_or_default()
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect();
    }
    let is_known = |name: &&String| named.iter().any(|(_, leftover)| leftover.name == **name);
    if let Some(name) = names.iter().find(|name| !is_known(name)) {
        return Err(Problem::usage(format!(
            "`{}` is none of the tables that were found by name",
            one_line(name)
        ))
        .at("`--confirm`")
        .so("nothing was deleted")
        .hint("`backproof drill clean --dry-run` lists them; those of journals take `--yes`")
        .into());
    }
    if !journals && names.is_empty() {
        return Err(Problem::usage("nobody has confirmed what is to be deleted")
            .so("nothing was deleted")
            .hint("pass `--yes` for what journals prove, and `--confirm NAME` for each table that only its name tells")
            .into());
    }
    Ok(Confirmed { journals, names })
}

/// Cleans up after one run; true: nothing of it is left.
///
/// Errors: the journal cannot be written.
async fn clean(run: Run, targets: &BTreeMap<TargetId, Target>, pace: Pace) -> Outcome<bool> {
    let Run { dir, plan, journal } = run;
    let bar = indicatif::ProgressBar::hidden();
    let tell = |planned: &Planned, told: Told<'_>| tell(&bar, planned, told);
    let changes = Changes::begin();
    let ground = Ground {
        plan: &plan,
        targets,
        digests: &[],
        pace,
        purpose: Purpose::Clean,
        stop: changes.stop(),
        tell: &tell,
    };
    let ends = run_plan(&ground, journal).await;
    drop(changes);
    let Some(drills) = closed(&dir, &plan, ends?) else {
        return Ok(false);
    };
    let is_left = drills
        .iter()
        .any(|drill| matches!(drill.cleanup, Cleanup::Left { .. } | Cleanup::Kept));
    if !has_pack(&dir) {
        file(&dir, &plan, drills, None)?;
        say(&format!(
            "what the drill saw until then is in {}",
            dir.join("pack").display()
        ));
    }
    Ok(!is_left)
}
