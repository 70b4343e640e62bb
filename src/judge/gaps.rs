//! Words for what could not be read: why facts are missing, what the loss of a call means, and what to do about it.

use std::collections::{BTreeMap, BTreeSet};

use super::evaluate::Missing;
use crate::criteria::vocabulary::frames_of;
use crate::domain::{FactValue, Finding, Gap, GapKind, TargetId, Verdict};
use crate::facts::Facts;
use crate::inventory::schema::CallLogEntry;
use crate::inventory::sources::{READ_DRILL, RESTORES, actions_of, frames_filled_by};
use crate::problem::count;

/// Why facts that rest on some frames are missing for one table: the first gap behind them, in words, and every call whose
/// answer it takes.
pub(crate) fn why_unknown(
    facts: &Facts,
    target: &TargetId,
    table_name: &str,
    frames: &[&'static str],
) -> Option<Missing> {
    let failures: Vec<&CallLogEntry> = std::iter::once(ASSUME_ROLE)
        .chain(actions_of(frames))
        .chain(frames.contains(&RESTORES).then_some(READ_DRILL))
        .filter_map(|action| {
            // A table's own call speaks for that table only.
            let resource = is_of_one_table(action).then_some(table_name);
            facts.reading().failure(target, action, resource)
        })
        .collect();
    let first = failures.first()?;
    Some(Missing {
        why: failure_text(first),
        settled_by: settled_by(&failures),
    })
}

/// What it takes for calls that failed.
fn settled_by(failures: &[&CallLogEntry]) -> String {
    // Without the role nothing else was asked, so what else would fail is not known.
    if failures.iter().any(|entry| entry.action == ASSUME_ROLE) {
        return "a scan that can assume the role settles it".to_owned();
    }
    let mut actions: Vec<&str> = Vec::new();
    for entry in failures {
        if !actions.contains(&entry.action.as_str()) {
            actions.push(&entry.action);
        }
    }
    match actions.split_last() {
        Some((last, [])) => format!("a whole answer to {last} settles it"),
        Some((last, others)) => format!("whole answers to {} and {last} settle it", others.join(", ")),
        None => String::new(),
    }
}

pub(super) const ASSUME_ROLE: &str = "sts:AssumeRole";

fn failure_text(entry: &CallLogEntry) -> String {
    let of = if entry.resource.is_empty() {
        String::new()
    } else {
        format!(" of `{}`", entry.resource)
    };
    format!(
        "{}{of} gave {}",
        entry.action,
        entry.error.as_deref().unwrap_or(&entry.outcome)
    )
}

/// Every call that failed, in order of target.
pub(super) fn gaps(
    facts: &Facts,
    findings: &[Finding],
    listed: &BTreeMap<TargetId, usize>,
    regions_named: bool,
) -> Vec<Gap> {
    let unknown = UnknownFindings::of(findings);
    let is_read =
        |target: &TargetId| facts.reading().is_whole(target, "dynamodb:ListTables", "") || listed.contains_key(target);
    let mut gaps: Vec<Gap> = facts
        .reading()
        .failures
        .iter()
        // A table that vanished meanwhile is counted in the coverage; it is not a gap. Nor is a plan, or a selection of one.
        .filter(|entry| !(entry.outcome == "absent" && may_vanish(&entry.action)))
        .map(|entry| {
            let target = TargetId::new(entry.account_id.clone(), entry.region.clone());
            let here = unknown.because_of(&target, entry);
            let listed = listed.get(&target).copied().unwrap_or(0);
            Gap {
                action: entry.action.clone(),
                resource: entry.resource.clone(),
                kind: kind_of(&entry.outcome),
                why: entry.error.clone().unwrap_or_else(|| entry.outcome.clone()),
                so: if regions_named && is_region_list(entry) {
                    "the Regions named were not checked against the account's".to_owned()
                } else if is_read(&target) || is_about_everything(&entry.action) {
                    consequence(&entry.action, here, listed)
                } else {
                    "its tables could not be listed either, so nothing here can be judged".to_owned()
                },
                hint: hint(entry, regions_named),
                target,
            }
        })
        .collect();
    gaps.sort();
    gaps
}

/// How many unknown findings of a target rest on each frame, over all tables and table by table.
struct UnknownFindings<'f> {
    by_target: BTreeMap<(&'f TargetId, &'static str), usize>,
    by_table: BTreeMap<(&'f TargetId, &'f str, &'static str), usize>,
}

impl<'f> UnknownFindings<'f> {
    fn of(findings: &'f [Finding]) -> Self {
        let mut unknown = Self {
            by_target: BTreeMap::new(),
            by_table: BTreeMap::new(),
        };
        for finding in findings.iter().filter(|finding| finding.verdict == Verdict::Unknown) {
            let subject = finding.subject;
            let missing = finding
                .evidence
                .iter()
                .filter(|(_, value)| matches!(value, FactValue::Null(cause) if cause.is_unknown()));
            let frames: BTreeSet<&'static str> = missing
                .flat_map(|(name, _)| frames_of(subject, name).iter().copied())
                .collect();
            for frame in frames {
                *unknown.by_target.entry((&finding.target, frame)).or_default() += 1;
                *unknown
                    .by_table
                    .entry((&finding.target, &finding.resource_name, frame))
                    .or_default() += 1;
            }
        }
        unknown
    }

    /// Findings that the loss of this call may have left unknown.
    fn because_of(&self, target: &TargetId, entry: &CallLogEntry) -> usize {
        let of_drills = (entry.action == READ_DRILL).then_some(RESTORES);
        let frames = frames_filled_by(&entry.action).chain(of_drills);
        let is_one_table = is_of_one_table(&entry.action);
        let count = |frame: &'static str| {
            let count = if is_one_table {
                self.by_table.get(&(target, entry.resource.as_str(), frame))
            } else {
                self.by_target.get(&(target, frame))
            };
            count.copied().unwrap_or(0)
        };
        frames.map(count).max().unwrap_or(0)
    }
}

/// Calls that speak of one table.
pub(super) fn is_of_one_table(action: &str) -> bool {
    action.starts_with("dynamodb:Describe") || action == "dynamodb:ListTagsOfResource"
}

/// Calls that ask for one thing of a list that was read a moment before.
pub(super) fn may_vanish(action: &str) -> bool {
    action.starts_with("dynamodb:Describe") || matches!(action, "backup:GetBackupPlan" | "backup:GetBackupSelection")
}

pub(super) fn kind_of(outcome: &str) -> GapKind {
    use GapKind::{Denied, Expired, Failed, NotEnabled, Throttled, Unsupported};
    [Denied, Throttled, Expired, NotEnabled, Unsupported]
        .into_iter()
        .find(|kind| kind.as_str() == outcome)
        .unwrap_or(Failed)
}

/// What the loss of one call means for the audit.
fn consequence(action: &str, unknown: usize, tables_here: usize) -> String {
    let lost = match action {
        "sts:AssumeRole" => return "nothing in this account could be read; its tables are unknown".to_owned(),
        "account:ListRegions" => return "Regions that were not named may hold tables that nobody looked at".to_owned(),
        "dynamodb:ListTables" => return "tables here may be missing from this report".to_owned(),
        "dynamodb:DescribeTable" => "age, state and recovery points of this table are not known".to_owned(),
        "dynamodb:DescribeBackup" => {
            "the key of the newest native recovery point of this table is not known".to_owned()
        }
        "dynamodb:DescribeContinuousBackups" => "point-in-time recovery of this table is not known".to_owned(),
        "backup:ListRecoveryPointsByBackupVault" | "backup:ListBackupVaults" => {
            format!(
                "absence of recovery points cannot be shown for {}",
                count(tables_here, "table")
            )
        }
        "dynamodb:ListTagsOfResource" => {
            "selections and tiers by tag cannot be decided for this table, whose tags AWS's tagging API may not know yet".to_owned()
        }
        "tag:GetResources" => "selections by tag cannot be decided".to_owned(),
        "backup:DescribeRegionSettings" => "the opt-in is not known, nor selections that depend on it".to_owned(),
        "kms:DescribeKey" => "owner and state of this key are not known".to_owned(),
        "backup:ListBackupJobs" => "failed backup jobs are not known".to_owned(),
        "backup:ListCopyJobs" => "copy jobs are not known".to_owned(),
        "backup:ListRestoreJobs" => "restore jobs are not known".to_owned(),
        READ_DRILL => "what this drill showed is not known".to_owned(),
        "backup:GetBackupPlan" => "what this plan promises is not known".to_owned(),
        "backup:ListBackupPlanVersions" => "runs that this plan missed are not known".to_owned(),
        "backup:GetBackupVaultAccessPolicy" => "who may delete recovery points in this vault is not known".to_owned(),
        action if action.contains("RestoreTesting") => {
            "restore testing plans that cover tables are not known".to_owned()
        }
        _ => "a table that nothing else protects cannot be called unprotected".to_owned(),
    };
    match unknown {
        0 => format!("{lost}; no verdict of this report depends on it"),
        1 => format!("{lost}; 1 finding is unknown"),
        number => format!("{lost}; {number} findings are unknown"),
    }
}

fn hint(entry: &CallLogEntry, regions_named: bool) -> String {
    match kind_of(&entry.outcome) {
        GapKind::Denied if entry.action == "sts:AssumeRole" => {
            format!(
                "let the caller assume {} in its trust policy, or drop the account from `accounts`",
                entry.resource
            )
        }
        GapKind::Denied if is_region_list(entry) && !regions_named => {
            "allow account:ListRegions for the audit role, or name the Regions with `--regions` or in the settings file"
                .to_owned()
        }
        _ if is_region_list(entry) && !regions_named => {
            "name the Regions with `--regions` or in the settings file".to_owned()
        }
        _ if entry.action == READ_DRILL => format!(
            "`backproof verify` tells what is wrong with it; without it no later restore can be told from one before: {}",
            "mend it, or leave it out of `--drills` or the ledger"
        ),
        GapKind::Denied => {
            format!(
                "allow {} for the audit role; `backproof explain permissions` prints the whole policy",
                entry.action
            )
        }
        GapKind::Throttled => "run the scan again at a quieter time, or for fewer Regions at once".to_owned(),
        GapKind::NotEnabled => "enable the Region for the account, or leave it out of `--regions`".to_owned(),
        GapKind::Unsupported => "check that the service is offered in this Region, and AWS_ENDPOINT_URL".to_owned(),
        GapKind::Expired => "log in again, and run the scan once more".to_owned(),
        GapKind::Failed => "run the scan again; if it stays, check the network and the AWS health dashboard".to_owned(),
    }
}

/// Is it the call that lists the Regions of an account?
pub(super) fn is_region_list(entry: &CallLogEntry) -> bool {
    entry.action == "account:ListRegions"
}

/// Calls whose loss hides tables, not facts about them.
fn is_about_everything(action: &str) -> bool {
    matches!(action, "dynamodb:ListTables" | "sts:AssumeRole" | "account:ListRegions")
}
