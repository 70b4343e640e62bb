//! `--after`: what was done since the scan before, for the pack of this one.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::criteria::baseline::Baseline;
use crate::criteria::changes::Change;
use crate::inventory::Inventory;
use crate::inventory::schema::Target;
use crate::ledger::Ledger;
use crate::problem::{Outcome, Problem};
use crate::remediate::between;

/// Reads the plans that were done, each with its journal, and holds them against the scans that are known: that of the baseline,
/// else those of the ledger.
///
/// Errors: a plan or journal that was altered or is of another scan; a plan that is named twice.
pub(crate) async fn read(
    paths: &[PathBuf],
    baseline: Option<&Baseline>,
    ledger: Option<&Ledger>,
) -> Outcome<Vec<Change>> {
    let mut changes: Vec<Change> = Vec::new();
    if paths.is_empty() {
        return Ok(changes);
    }
    let (known, what) = match (baseline, ledger) {
        (Some(baseline), _) => (
            BTreeSet::from([baseline.scan_id.clone()]),
            format!("the baseline, {}", baseline.scan_id),
        ),
        (None, Some(ledger)) => {
            let entries = ledger.entries().await?;
            let scans = entries.iter().filter_map(|entry| entry.manifest.as_scan());
            let ids = scans.map(|scan| scan.scan_id.clone()).collect();
            (ids, format!("in the ledger {}", ledger.address()))
        }
        (None, None) => (BTreeSet::new(), String::new()),
    };
    for path in paths {
        let change = between::read(path)?;
        if baseline.is_some() || ledger.is_some() {
            between::check_chain(&change, path, &known, &what)?;
        }
        if changes
            .iter()
            .any(|other| other.told.plan_sha256 == change.told.plan_sha256)
        {
            return Err(Problem::usage("a plan is named twice")
                .at(path.display().to_string())
                .so("nothing was scanned")
                .hint("name each plan once with `--after`")
                .into());
        }
        changes.push(change);
    }
    Ok(changes)
}

/// Holds them against this scan: they lie before it, and it looks where something was done.
///
/// Errors: they do not, or it does not.
pub(crate) fn check(paths: &[PathBuf], changes: &[Change], inventory: &Inventory) -> Outcome<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let targets: Vec<Target> = inventory.read()?;
    for (path, change) in paths.iter().zip(changes) {
        let refuse = |why: String| {
            Problem::new("the plan was not done before this scan")
                .at(path.display().to_string())
                .why(why)
                .so("no report was written")
                .hint("name the plan that lies between the scan before and this one, or leave `--after` out")
        };
        let manifest = &inventory.manifest;
        between::check_before(change, manifest.as_of, manifest.finished_at).map_err(&refuse)?;
        let mut actions = change.told.actions.iter();
        let is_seen = actions.any(|action| {
            let mut targets = targets.iter();
            targets.any(|target| target.account_id == action.account_id && target.region == action.region)
        });
        if !is_seen && !change.told.actions.is_empty() {
            return Err(
                refuse("this scan looks at none of the accounts and Regions where it was done".to_owned()).into(),
            );
        }
    }
    Ok(())
}
