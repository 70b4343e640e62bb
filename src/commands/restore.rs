//! `restore`: a recovery point to a new table.

use std::path::PathBuf;

use chrono::Utc;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::aws::target::Target;
use crate::commands::backup::own_target;
use crate::commands::remediate::jobs::{WaitArgs, intervals};
use crate::commands::remediate::targets;
use crate::commands::shared::evidence::inventory_in;
use crate::commands::shared::output::print;
use crate::domain::{Arn, TargetId, rfc3339, table_arn};
use crate::exit::Exit;
use crate::problem::{Outcome, Problem, one_line};
use crate::remediate::actions::{default_role, table_names, token};
use crate::remediate::restore::{self, Key, NEVER_RESTORED, Newest, Point};
use crate::settings::Settings;
use crate::stderr::{say, shows_progress_bar, warn};
use crate::text::nearest;

/// Arguments of `restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The table whose newest usable recovery point is restored, by name or ARN; or a recovery point, by its ARN.
    #[arg(value_name = "TABLE|POINT")]
    pub what: String,
    /// The name of the new table. A restore never writes into a table that is there.
    #[arg(long, value_name = "TABLE")]
    pub to: String,
    /// The key of the new table: `aws-owned`, `aws-managed`, or the ARN of a KMS key.
    #[arg(long, value_name = "KEY", default_value = "aws-owned")]
    pub key: String,
    /// The role AWS Backup assumes. Without this flag: the settings file's, else AWS Backup's default service role.
    #[arg(long, value_name = "ARN")]
    pub role: Option<String>,
    /// The Region of a table given by name. Without this flag: the configured Region.
    #[arg(long)]
    pub region: Option<String>,
    /// When the table is there, set again what AWS does not restore: tags, time to live, stream, point-in-time recovery,
    /// deletion protection, as the original table has them. Waits for the job.
    #[arg(long)]
    pub complete: bool,
    /// With --complete, where the original table is gone: the inventory of a scan that saw it.
    #[arg(long, value_name = "INVENTORY", requires = "complete")]
    pub from: Option<PathBuf>,
    /// Settings file. Without this flag: the nearest backproof.toml, if there is one.
    #[arg(long, value_name = "FILE", env = "BACKPROOF_CONFIG")]
    pub config: Option<PathBuf>,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub wait: WaitArgs,
}

/// What is to be restored, as it was named.
enum Named {
    Table(String),
    Point(String),
}

/// Runs `restore`.
///
/// Errors: every mistake on the command line before any call; there is such a table, no such point, or nothing to complete from;
/// AWS's refusal.
pub async fn run(args: RestoreArgs) -> Outcome<Exit> {
    let settings = Settings::load(args.config.as_deref(), None, None)?;
    let pace = intervals(&args.wait.times)?;
    let key = Key::parse(&args.key).map_err(|why| refuse("`--key` is no key").why(why))?;
    restore::check_name(&args.to).map_err(|why| {
        refuse(format!("`{}` is no name for the new table", one_line(&args.to)))
            .at("`--to`")
            .why(why)
    })?;
    let (named, at, partition) = named(&args).await?;
    let reached = targets(&settings, std::iter::once(at.clone())).await?;
    let Some(target) = reached.get(&at) else {
        return Err(refused(format!("account {} cannot be reached", at.account_id), &at).into());
    };
    if restore::made_at(target, &args.to)
        .await
        .map_err(|why| refused(format!("not known whether table `{}` exists", args.to), &at).why(why))?
        .is_some()
    {
        return Err(refused(format!("there is a table `{}` already", args.to), &at)
            .why("a restore makes a new table, and never writes into one that is there")
            .hint("choose another name with `--to`")
            .into());
    }
    let point = chosen(target, &named).await?;
    let source = point.table_arn.clone();
    let known = match args.complete {
        true => Some(original(&args, &settings, source.as_deref(), target).await?),
        false => None,
    };
    let role = args.role.clone().or_else(|| settings.remediation.role_arn.clone());
    let role = role.unwrap_or_else(|| default_role(&partition, &at.account_id));
    let verb = if args.dry_run { "would restore" } else { "restoring" };
    say(&format!(
        "{verb} {} of vault {}{} to table {}, under {}",
        one_line(&point.arn),
        one_line(&point.vault_name),
        point
            .created_at
            .map_or_else(String::new, |at| format!(", data of {}", rfc3339(at))),
        args.to,
        key.words()
    ));
    say_of_settings(known.as_ref());
    if args.dry_run {
        return Ok(Exit::Compliant);
    }
    // By hand each command is a new wish: the token keeps only the retries of one command together.
    let token = token(&[&point.arn, &args.to, &Utc::now().to_rfc3339()]);
    let job_id = restore::start(target, &point.arn, (&args.to, &key), &role, &token)
        .await
        .map_err(|failure| {
            refused(format!("could not start the restore of `{}`", one_line(&point.arn)), &at)
                .why(format!("{} from backup:StartRestoreJob", failure.why()))
                .hint("check that the role and the key exist; `backproof explain permissions --command restore` prints the rights needed")
        })?;
    print(&format!("{}\t{}\n", args.to, one_line(&job_id)))?;
    if !args.wait.wait && !args.complete {
        return Ok(Exit::Compliant);
    }
    let standing = followed(target, &job_id, &args.to, pace).await;
    if !standing.is_success {
        return Ok(Exit::Failed);
    }
    let Some(known) = known else {
        return Ok(Exit::Compliant);
    };
    let (set, not_set) = known.set_on(target, &table_arn(&partition, &at, &args.to)).await;
    for what in set {
        say(&format!("{}: set {what}", args.to));
    }
    for what in &not_set {
        warn(&Problem::new(format!("could not set again on `{}`: {}", args.to, one_line(what))).hint("set it by hand"));
    }
    Ok(match not_set.is_empty() {
        true => Exit::Compliant,
        false => Exit::Failed,
    })
}

/// A mistake on the command line.
fn refuse(what: impl Into<String>) -> Problem {
    Problem::usage(what).so("nothing was restored")
}

/// AWS, or what is there, does not let it be.
fn refused(what: impl Into<String>, at: &TargetId) -> Problem {
    Problem::new(what)
        .at(format!("account {}, {}", at.account_id, at.region))
        .so("nothing was restored")
}

/// What was named, and the account and Region where that is.
///
/// Errors: an ARN of something else; the Region is not known.
async fn named(args: &RestoreArgs) -> Outcome<(Named, TargetId, String)> {
    let what = &args.what;
    let is_point = what.contains(":recovery-point:") || what.contains("/backup/");
    if let Some(arn) = Arn::parse(what) {
        let target = TargetId::new(arn.account_id, arn.region);
        let named = match (is_point, arn.table_name()) {
            (true, _) => Named::Point(what.clone()),
            (false, Some(_)) => Named::Table(what.clone()),
            (false, None) => {
                let what = format!(
                    "`{}` is the ARN of neither a table nor a recovery point",
                    one_line(what)
                );
                return Err(refuse(what).into());
            }
        };
        return Ok((named, target, arn.partition.to_owned()));
    }
    let (target, partition) = own_target(args.region.as_deref(), "nothing was restored").await?;
    let arn = table_arn(&partition, &target, what);
    Ok((Named::Table(arn), target, partition))
}

/// The point to restore, with a word on what is special about it.
///
/// Errors: there is none.
async fn chosen(target: &Target, named: &Named) -> Outcome<Point> {
    let at = &target.id;
    let (point, is_of_earlier) = match named {
        Named::Point(arn) => {
            let found = restore::point(target, arn).await;
            let point =
                found.map_err(|why| refused(format!("there is no recovery point `{}`", one_line(arn)), at).why(why))?;
            let born = match &point.table_arn {
                Some(table)
                    if Arn::parse(table)
                        .is_some_and(|arn| (arn.account_id, arn.region) == (&at.account_id, &at.region)) =>
                {
                    born(target, table).await?.flatten()
                }
                _ => None,
            };
            let is_of_earlier = born.zip(point.created_at).is_some_and(|(born, created)| created < born);
            (point, is_of_earlier)
        }
        Named::Table(table) => {
            let name = Arn::parse(table).and_then(|arn| arn.table_name()).unwrap_or_default();
            let born = born(target, table).await?;
            let found = restore::newest(target, table, born.flatten()).await;
            let Newest { point, unread } = match found {
                Ok(newest) => newest,
                Err(why) => {
                    let names = match born {
                        None => table_names(target).await,
                        Some(_) => Vec::new(),
                    };
                    let near = nearest(name, names.iter().map(String::as_str));
                    let problem =
                        refused(format!("table `{name}` has no recovery point that can be restored"), at).why(why);
                    return Err(match near {
                        Some(near) => problem.hint(format!("there is no such table; did you mean `{near}`?")),
                        None => problem.hint(
                            "check the name and the Region (`--region`); `backproof explain table` says what there is",
                        ),
                    }
                    .into());
                }
            };
            if let Some(why) = unread {
                warn(
                    &Problem::new(format!(
                        "a newer recovery point of `{name}` may lie where nobody could look"
                    ))
                    .why(why),
                );
            }
            if born.is_none() {
                say(&format!("table {name} is gone: its newest recovery point is restored"));
            }
            (point, false)
        }
    };
    if !point.is_restorable() {
        let what = format!("recovery point `{}` cannot be restored", one_line(&point.arn));
        return Err(refused(what, at)
            .why(format!("it is {}", one_line(&point.status)))
            .into());
    }
    if point.is_cold {
        let what = format!("{} lies in cold storage", one_line(&point.arn));
        warn(&Problem::new(what).so("its restore takes about four hours more, and costs more"));
    }
    if is_of_earlier {
        let what = format!("{} holds an earlier table of this name", one_line(&point.arn));
        warn(&Problem::new(what).so("what the table of today holds is not in it"));
    }
    Ok(point)
}

/// When the table of this ARN was made; none: it is gone.
async fn born(target: &Target, table_arn: &str) -> Outcome<Option<Option<chrono::DateTime<Utc>>>> {
    let name = Arn::parse(table_arn)
        .and_then(|arn| arn.table_name())
        .unwrap_or_default();
    let made = restore::made_at(target, name).await;
    Ok(made.map_err(|why| refused(format!("not known whether table `{name}` is there"), &target.id).why(why))?)
}

/// The settings of the original table; where it is gone, those of a stored inventory.
///
/// Errors: there is nothing to read them from.
async fn original(
    args: &RestoreArgs,
    settings: &Settings,
    source: Option<&str>,
    target: &Target,
) -> Outcome<restore::Settings> {
    let nothing = |why: &str| {
        refuse("there is nothing to complete the new table from")
            .why(why.to_owned())
            .hint("leave `--complete` out, or name an inventory of a scan that saw the table with `--from`")
    };
    let Some((source, arn)) = source.and_then(|source| Some((source, Arn::parse(source)?))) else {
        return Err(nothing("AWS does not say which table the recovery point is of").into());
    };
    let at = TargetId::new(arn.account_id, arn.region);
    let reached;
    let there = match at == target.id {
        true => Some(target),
        false => {
            reached = targets(settings, std::iter::once(at.clone())).await?;
            reached.get(&at)
        }
    };
    let found = match there {
        Some(there) => restore::Settings::of_table(there, source)
            .await
            .map_err(|why| refused("could not read the original table", &at).why(why))?,
        None => None,
    };
    match (found, &args.from) {
        (Some(found), _) => Ok(found),
        (None, Some(from)) => Ok(restore::Settings::of_inventory(&inventory_in(from)?, source)?),
        (None, None) => Err(nothing("the original table is gone, or its account cannot be reached").into()),
    }
}

/// What AWS does not restore, and what becomes of it.
fn say_of_settings(known: Option<&restore::Settings>) {
    match known {
        None => say(
            "AWS does not restore tags, time to live, stream, point-in-time recovery and deletion protection: `--complete` sets them again",
        ),
        Some(known) => match known.words() {
            words if words.is_empty() => {
                say("nothing is to be set again: the original has none of what AWS leaves out")
            }
            words => say(&format!("to be set again: {}", one_line(&words.join("; ")))),
        },
    }
    say(&format!("nor does it restore, and nobody sets again: {NEVER_RESTORED}"));
}

/// Follows the job with a progress bar.
async fn followed(
    target: &Target,
    job_id: &str,
    name: &str,
    pace: (std::time::Duration, std::time::Duration),
) -> crate::remediate::actions::Standing {
    let bar = if shows_progress_bar() {
        ProgressBar::new_spinner()
    } else {
        ProgressBar::hidden()
    };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        bar.set_style(style);
    }
    let mut tell = |standing: &crate::remediate::actions::Standing| {
        bar.set_message(format!("restore to {name} {}", standing.state));
        bar.tick();
    };
    let standing = restore::follow(target, job_id, pace, &mut tell).await;
    bar.finish_and_clear();
    match (standing.is_over, standing.message.is_empty()) {
        (false, _) => say(&format!("{name} is still going on ({})", standing.state)),
        (true, true) => say(&format!("{name} {}", standing.state)),
        (true, false) => say(&format!("{name} {}: {}", standing.state, one_line(&standing.message))),
    }
    standing
}
