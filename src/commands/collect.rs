//! `collect`: targets, then everything AWS says of them, into an inventory.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::Utc;
use clap::Args;
use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};

use crate::aws::call::CallLog;
use crate::aws::failure::Failure;
use crate::aws::target::{Identity, Session, Target};
use crate::collect::{Progress, Wanted, collect};
use crate::commands::report::open_staging;
use crate::commands::shared::args::{AccessArgs, ScopeArgs};
use crate::commands::shared::drills::Drills;
use crate::deliver::staging::Purpose;
use crate::domain::{Account, TargetId};
use crate::exit::Exit;
use crate::inventory::schema::{CallLogEntry, SCHEMA_VERSION, Target as TargetRow};
use crate::inventory::store::{Writer, write_manifest};
use crate::inventory::{INVENTORY_DIR, Inventory, Manifest, scan_id};
use crate::problem::{Outcome, Problem, count};
use crate::settings::Settings;
use crate::stderr::{self, say, warn};
use crate::text::nearest;
use crate::toml_reader::values::check_region;

/// Arguments of `collect`.
#[derive(Debug, Args)]
pub struct CollectArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub scope: ScopeArgs,
    /// The folder for the inventory; it must not hold one already.
    #[arg(long, short = 'o', visible_alias = "output", value_name = "DIR")]
    pub to: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the text as a heading")]
    pub access: AccessArgs,
}

/// Runs `collect`.
///
/// Errors: see [`into`].
pub async fn run(args: CollectArgs) -> Outcome<Exit> {
    let settings = in_scope(Settings::load(args.scope.config.as_deref(), None, None)?, &args.scope)?;
    let staging = open_staging(&args.to, args.access.access(), Purpose::Inventory)?;
    let inventory = into(&settings, &Wanted::all(), &Drills::default(), staging.dir()).await?;
    let tables = inventory.manifest.frames.get("tables").copied().unwrap_or(0);
    let dir = staging.commit()?;
    say(&format!(
        "{tables} tables stored in {}",
        dir.join(INVENTORY_DIR).display()
    ));
    Ok(Exit::Compliant)
}

/// The settings with what was typed on top.
///
/// Errors: a Region that cannot be one.
pub(crate) fn in_scope(mut settings: Settings, scope: &ScopeArgs) -> Outcome<Settings> {
    if !scope.regions.is_empty() {
        settings.regions.clone_from(&scope.regions);
    }
    let mut seen = BTreeSet::new();
    settings.regions.retain(|region| seen.insert(region.clone()));
    for region in &settings.regions {
        check_region(region).map_err(|why| unknown_region(region, why, ""))?;
    }
    Ok(settings)
}

fn unknown_region(region: &str, why: impl Into<String>, hint: &str) -> Problem {
    Problem::usage(format!("`{region}` is not a Region"))
        .at("`--regions` or the settings file")
        .why(why)
        .so("nothing was scanned; no report was written")
        .hint(hint)
}

/// Collects into `dir/inventory`, with the drills that were read before.
///
/// Errors: no credentials, no caller identity, a Region that does not exist, a disk that refuses, credentials that
/// expire. Everything else is a gap in the inventory.
pub(crate) async fn into(settings: &Settings, wanted: &Wanted, drills: &Drills, dir: &Path) -> Outcome<Inventory> {
    let started_at = Utc::now();
    let log = Arc::new(CallLog::default());
    let session = Session::load().await?;
    let identity = session.identity(&log).await?;
    warn_of_skew(&identity);
    let targets = targets(settings, &session, &identity, &log).await?;

    let dir = dir.join(INVENTORY_DIR);
    std::fs::create_dir(&dir).map_err(|error| {
        Problem::new("could not create the inventory")
            .at(dir.display().to_string())
            .why(error.to_string())
    })?;
    let writer = Writer::create(&dir);
    writer.push(&targets.rows)?;
    // Ages are whole seconds: AWS's clock has no more.
    let as_of = identity.at;
    drills.write((&targets.rows, as_of), &writer, &log)?;
    let progress = Progress::default();
    let bar = progress_bar(targets.ready.len());
    tokio::select! {
        result = collect(&targets.ready, wanted, &writer, as_of, &progress, &log) => result?,
        () = show(&bar, &progress, wanted, targets.ready.len()) => {}
        () = log_progress(&progress, targets.ready.len()) => {}
    }
    bar.finish_and_clear();
    step(&progress, targets.ready.len());
    let manifest = Manifest {
        schema_version: SCHEMA_VERSION,
        scan_id: scan_id(&identity.arn, &targets.rows, started_at),
        as_of,
        started_at,
        finished_at: Utc::now(),
        caller_arn: identity.arn.clone(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        regions_named: !settings.regions.is_empty(),
        clock_skew_seconds: identity.clock_skew_seconds,
        attempt_count: log.attempts(),
        frames: writer.finish()?,
    };
    write_manifest(&dir, &manifest)?;
    Ok(Inventory { dir, manifest })
}

/// Targets in scope: those that can be asked, and the rows of all.
struct Targets {
    ready: Vec<Target>,
    rows: Vec<TargetRow>,
}

async fn targets(settings: &Settings, session: &Session, identity: &Identity, log: &Arc<CallLog>) -> Outcome<Targets> {
    let regions = regions(settings, session, identity, log).await?;
    let accounts = accounts(settings, identity)?;
    let mut targets = Targets {
        ready: Vec::new(),
        rows: Vec::new(),
    };
    let first = regions.first().map_or("us-east-1", String::as_str);
    let assumed = session
        .assume_all(accounts.iter().map(|account| (account, first)))
        .await;
    for (account, credentials) in accounts.iter().zip(assumed) {
        for region in &regions {
            let id = TargetId::new(account.id.clone(), region.clone());
            targets.rows.push(TargetRow {
                account_id: account.id.clone(),
                account_name: Some(account.name.clone()).filter(|name| !name.is_empty()),
                region: region.clone(),
                partition: identity.partition.clone(),
            });
            match &credentials {
                Ok(credentials) => {
                    let target = session.target(id, &identity.partition, credentials.clone(), log);
                    targets.ready.push(target);
                }
                Err(failure) => log.add(refused_role(account, &id, failure)),
            }
        }
    }
    Ok(targets)
}

/// The accounts to read: those of the settings, else the caller's own.
///
/// Errors: one that is not the caller's has no role.
pub(crate) fn accounts(settings: &Settings, identity: &Identity) -> Outcome<Vec<Account>> {
    if settings.accounts.is_empty() {
        return Ok(vec![Account {
            id: identity.account_id.clone(),
            name: String::new(),
            role_arn: None,
            remediation_role_arn: None,
            external_id: None,
        }]);
    }
    let stranger = |account: &&Account| account.role_arn.is_none() && account.id != identity.account_id;
    if let Some(account) = settings.accounts.iter().find(stranger) {
        return Err(
            Problem::usage(format!("account `{}` has no role to read it with", account.id))
                .at("`accounts` in the settings file")
                .why(format!("the caller belongs to account {}", identity.account_id))
                .so("nothing was scanned; no report was written")
                .hint("add `role_arn` to the account")
                .into(),
        );
    }
    Ok(settings.accounts.clone())
}

fn refused_role(account: &Account, target: &TargetId, failure: &Failure) -> CallLogEntry {
    CallLogEntry {
        account_id: target.account_id.clone(),
        region: target.region.clone(),
        action: "sts:AssumeRole".to_owned(),
        resource: account.role_arn.clone().unwrap_or_default(),
        outcome: failure.outcome().to_owned(),
        error: Some(failure.why()),
        page_count: 0,
        attempt_count: 1,
        started_at: Utc::now(),
        answered_at: None,
        duration_ms: 0,
        request_id: failure.request_id.clone(),
    }
}

/// The Regions to read: those named, checked against the account's; else all that are enabled.
///
/// Errors: a Region that does not exist; none is known.
pub(crate) async fn regions(
    settings: &Settings,
    session: &Session,
    identity: &Identity,
    log: &Arc<CallLog>,
) -> Outcome<Vec<String>> {
    let all = session.regions(identity, log).await;
    match (&all, settings.regions.is_empty()) {
        (Ok(all), true) if all.values().any(|is_enabled| *is_enabled) => Ok(all
            .iter()
            .filter(|(_, is_enabled)| **is_enabled)
            .map(|(region, _)| region.clone())
            .collect()),
        (Ok(all), false) => {
            // A Region that exists but is not enabled is read all the same: the gap says so. A typing error is not.
            if let Some(region) = settings.regions.iter().find(|region| !all.contains_key(*region)) {
                let near = nearest(region, all.keys().map(String::as_str));
                let hint = near.map_or_else(
                    || format!("the Regions are {}", all.keys().cloned().collect::<Vec<_>>().join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                return Err(unknown_region(region, "account:ListRegions does not name it", &hint).into());
            }
            Ok(settings.regions.clone())
        }
        (Err(_), false) => Ok(settings.regions.clone()),
        (_, true) => {
            // The failed call is in the log: the report says that other Regions were not looked at.
            session.region().map(|region| vec![region]).ok_or_else(|| {
                Problem::usage("the Regions to read are not known")
                    .why("account:ListRegions gave none, and no Region is configured")
                    .so("nothing was scanned; no report was written")
                    .hint("name them with `--regions`, or set AWS_REGION")
                    .into()
            })
        }
    }
}

fn warn_of_skew(identity: &Identity) {
    let skew = identity.clock_skew_seconds.unwrap_or(0);
    if skew.abs() > 60 {
        let text = Problem::new(format!(
            "this machine's clock differs from AWS's by {}",
            count(skew.unsigned_abs() as usize, "second")
        ))
        .so("ages are measured by AWS's clock")
        .hint("set the clock (NTP), so that request times in logs agree");
        warn(&text);
    }
}

fn progress_bar(targets: usize) -> ProgressBar {
    let bar = if stderr::shows_progress_bar() {
        ProgressBar::new_spinner()
    } else {
        ProgressBar::hidden()
    };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        bar.set_style(style);
    }
    bar.set_message(format!("reading {}", count(targets, "target")));
    bar
}

/// Time between two steps of progress in a log.
const LOG_EVERY: Duration = Duration::from_secs(5);

async fn log_progress(progress: &Progress, targets: usize) {
    loop {
        tokio::time::sleep(LOG_EVERY).await;
        step(progress, targets);
    }
}

fn step(progress: &Progress, targets: usize) {
    let numbers = [
        ("targets", targets),
        ("targets_done", progress.targets_done.load(Ordering::Relaxed)),
        ("tables_listed", progress.tables_listed.load(Ordering::Relaxed)),
        ("lists_ended", progress.lists_ended.load(Ordering::Relaxed)),
        ("tables_described", progress.tables_described.load(Ordering::Relaxed)),
        ("recovery_points", progress.recovery_points.load(Ordering::Relaxed)),
    ];
    stderr::progress("reading AWS", &numbers);
}

async fn show(bar: &ProgressBar, progress: &Progress, wanted: &Wanted, targets: usize) {
    let began = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        bar.set_message(so_far(
            progress,
            wanted.has("continuous_backups"),
            targets,
            began.elapsed(),
        ));
        bar.tick();
    }
}

/// How far reading has come, at which rate, and how long it will take, in one line. `asks_pitr`: each table is asked for its
/// point-in-time recovery, which AWS's quota makes the slowest part.
fn so_far(progress: &Progress, asks_pitr: bool, targets: usize, elapsed: Duration) -> String {
    let of = |number: &AtomicUsize| number.load(Ordering::Relaxed);
    let (listed, read, points) = (
        of(&progress.tables_listed),
        of(&progress.tables_described),
        of(&progress.recovery_points),
    );
    let (tags_to_ask, tags_asked) = (of(&progress.tags_to_ask), of(&progress.tags_asked));
    let is_listed = of(&progress.lists_ended) >= targets;
    let points = format!("{} recovery points", HumanCount(points as u64));
    if is_listed && read >= listed {
        let tags = match tags_asked < tags_to_ask {
            true => format!(
                ", {} of {} tables asked for their tags (AWS allows 10 a second)",
                HumanCount(tags_asked as u64),
                HumanCount(tags_to_ask as u64)
            ),
            false => String::new(),
        };
        return format!(
            "{} tables, {points}{tags}, {} of {targets} done",
            HumanCount(read as u64),
            of(&progress.targets_done)
        );
    }
    let rate = read as f64 / elapsed.as_secs_f64().max(0.1);
    let total = if is_listed {
        format!("of {} tables", HumanCount(listed as u64))
    } else {
        format!("of {} tables listed so far", HumanCount(listed as u64))
    };
    let left = match is_listed && read > 0 && elapsed > Duration::from_secs(2) {
        true => {
            let seconds = listed.saturating_sub(read) as f64 / rate;
            format!(", {} left", HumanDuration(Duration::from_secs_f64(seconds)))
        }
        false => String::new(),
    };
    let why = if asks_pitr {
        " (AWS allows 10 questions on point-in-time recovery a second)"
    } else {
        ""
    };
    format!(
        "{} {total}, {rate:.0} a second{left}{why}, {points}",
        HumanCount(read as u64)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_says_how_much_of_how_much_at_which_rate_and_how_long_still() {
        let progress = Progress::default();
        let at = |seconds| so_far(&progress, true, 2, Duration::from_secs(seconds));
        progress.tables_listed.store(1_200, Ordering::Relaxed);
        progress.tables_described.store(90, Ordering::Relaxed);
        progress.lists_ended.store(1, Ordering::Relaxed);
        // While a list goes on, the total is not known, and neither is the time.
        assert_eq!(
            at(10),
            "90 of 1,200 tables listed so far, 9 a second (AWS allows 10 questions on point-in-time recovery a second), \
             0 recovery points"
        );
        progress.lists_ended.store(2, Ordering::Relaxed);
        assert!(
            at(10).starts_with("90 of 1,200 tables, 9 a second, 2 minutes left"),
            "{}",
            at(10)
        );
        progress.tables_described.store(1_200, Ordering::Relaxed);
        progress.tags_to_ask.store(30, Ordering::Relaxed);
        progress.tags_asked.store(12, Ordering::Relaxed);
        progress.recovery_points.store(45_000, Ordering::Relaxed);
        assert_eq!(
            at(20),
            "1,200 tables, 45,000 recovery points, 12 of 30 tables asked for their tags (AWS allows 10 a second), 0 of 2 done"
        );
    }
}
