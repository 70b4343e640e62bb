//! Findings, facts and the call log, put together as one [`Report`]. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::collect::COLLECTORS;
use crate::domain::{Finding, Gap, GapKind, TargetId, Verdict};
use crate::facts::Facts;
use crate::inventory::Inventory;
use crate::inventory::schema::{CallLogEntry, Table};
use crate::problem::{Problem, count};
use crate::rules::RuleSet;
use crate::settings::Policy;

use super::{AccountCoverage, Coverage, Report, RuleLine, Scan, TableRow, TargetCoverage, Totals};

/// Why facts that rest on some frames are missing for one table: the first gap behind them, in words.
pub fn why_unknown(facts: &Facts, target: &TargetId, table_name: &str, frames: &[&'static str]) -> Option<String> {
    let actions: BTreeSet<&str> = COLLECTORS
        .iter()
        .filter(|collector| collector.frames.iter().any(|frame| frames.contains(frame)))
        .flat_map(|collector| collector.actions.iter().copied())
        .collect();
    let failure = facts.reading.failures_of(target).find(|entry| {
        // A table's own call speaks for that table only.
        let is_about = !entry.action.starts_with("dynamodb:Describe") || entry.resource == table_name;
        is_about && (actions.contains(entry.action.as_str()) || entry.action == "sts:AssumeRole")
    })?;
    Some(failure_text(failure))
}

fn failure_text(entry: &CallLogEntry) -> String {
    let of = if entry.resource.is_empty() { String::new() } else { format!(" of `{}`", entry.resource) };
    format!("{}{of} gave {}", entry.action, entry.error.as_deref().unwrap_or(&entry.outcome))
}

/// Puts a report together.
///
/// Errors: a frame of the inventory is damaged.
pub fn build(
    inventory: &Inventory,
    facts: &Facts,
    findings: Vec<Finding>,
    rules: &RuleSet,
    policy: &Policy,
) -> Result<Report, Problem> {
    let manifest = &inventory.manifest;
    let tables = table_rows(facts, &findings);
    let totals = Totals::of(&tables, &findings);
    let coverage = coverage(inventory, facts, &findings)?;
    Ok(Report {
        scan: Scan {
            id: manifest.scan_id.clone(),
            as_of: manifest.as_of,
            started_at: manifest.started_at,
            finished_at: manifest.finished_at,
            caller_arn: manifest.caller_arn.clone(),
            tool_version: manifest.tool_version.clone(),
            call_count: manifest.attempt_count,
        },
        policy: policy.lines(),
        rules: rules
            .0
            .iter()
            .map(|rule| RuleLine {
                id: rule.id.clone(),
                title: rule.title.clone(),
                severity: rule.severity,
                remedy: rule.remedy.clone(),
            })
            .collect(),
        totals,
        coverage,
        tables,
        findings,
    })
}

fn table_rows(facts: &Facts, findings: &[Finding]) -> Vec<TableRow> {
    let mut verdicts: BTreeMap<&str, Verdict> = BTreeMap::new();
    for finding in findings {
        let verdict = verdicts.entry(&finding.resource_arn).or_insert(Verdict::NotApplicable);
        *verdict = verdict.worse(if finding.waived { Verdict::NotApplicable } else { finding.verdict });
    }
    let row = |table: &crate::facts::dictionary::TableFacts| {
        let table_arn = table.table_arn.clone().unwrap_or_default();
        TableRow {
            table_name: table.table_name.clone().unwrap_or_default(),
            target: TargetId {
                account_id: table.account_id.clone().unwrap_or_default(),
                region: table.region.clone().unwrap_or_default(),
            },
            verdict: verdicts.get(table_arn.as_str()).copied().unwrap_or(Verdict::Unknown),
            facts: table.values().into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            table_arn,
        }
    };
    facts.tables.iter().map(row).collect()
}

#[derive(Default)]
struct Counts {
    listed: usize,
    described: usize,
    vanished: usize,
    unread: usize,
}

fn coverage(inventory: &Inventory, facts: &Facts, findings: &[Finding]) -> Result<Coverage, Problem> {
    let mut by_target: BTreeMap<TargetId, Counts> = BTreeMap::new();
    inventory.for_each::<Table>(|rows| {
        for table in rows {
            let target = TargetId { account_id: table.account_id, region: table.region };
            let counts = by_target.entry(target).or_default();
            counts.listed += 1;
            match table.description.as_str() {
                "described" => counts.described += 1,
                "vanished" => counts.vanished += 1,
                _ => counts.unread += 1,
            }
        }
    })?;
    let gaps = gaps(facts, findings, &by_target);
    let mut targets = Vec::new();
    for target in facts.reading.targets.keys() {
        let counts = by_target.remove(target).unwrap_or_default();
        let gap_count = gaps.iter().filter(|gap| gap.target == *target).count();
        let is_listed = facts.reading.is_whole(target, "dynamodb:ListTables", "");
        let status = match (is_listed, gap_count) {
            (false, _) if counts.listed == 0 => "not-read",
            (true, 0) => "scanned",
            _ => "partly",
        };
        targets.push((
            TargetCoverage {
                target: target.clone(),
                status,
                tables_listed: is_listed.then_some(counts.listed),
                tables_described: counts.described,
                call_count: facts.reading.attempts.get(target).copied().unwrap_or(0),
                gap_count,
            },
            counts,
        ));
    }
    let sum = |of: fn(&Counts) -> usize| targets.iter().map(|(_, counts)| of(counts)).sum();
    Ok(Coverage {
        tables_listed: sum(|counts| counts.listed),
        tables_described: sum(|counts| counts.described),
        tables_vanished: sum(|counts| counts.vanished),
        tables_unknown: sum(|counts| counts.unread),
        accounts: accounts(facts, targets.iter().map(|(coverage, _)| coverage)),
        targets: targets.into_iter().map(|(coverage, _)| coverage).collect(),
        gaps,
    })
}

fn accounts<'t>(facts: &Facts, targets: impl Iterator<Item = &'t TargetCoverage>) -> Vec<AccountCoverage> {
    let mut statuses: BTreeMap<&str, BTreeSet<&'static str>> = BTreeMap::new();
    for coverage in targets {
        statuses.entry(&coverage.target.account_id).or_default().insert(coverage.status);
    }
    let status_of = |statuses: &BTreeSet<&'static str>| match statuses.iter().copied().collect::<Vec<_>>().as_slice() {
        [one] => *one,
        _ => "partly",
    };
    let name_of = |id: &str| {
        let target = facts.reading.targets.iter().find(|(target, _)| target.account_id == id);
        target.map(|(_, name)| name.clone()).unwrap_or_default()
    };
    statuses
        .into_iter()
        .map(|(id, statuses)| AccountCoverage {
            account_id: id.to_owned(),
            name: name_of(id),
            status: status_of(&statuses),
        })
        .collect()
}

fn gaps(facts: &Facts, findings: &[Finding], tables: &BTreeMap<TargetId, Counts>) -> Vec<Gap> {
    let mut unknown: BTreeMap<&TargetId, usize> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.verdict == Verdict::Unknown) {
        *unknown.entry(&finding.target).or_default() += 1;
    }
    let mut gaps: Vec<Gap> = facts
        .reading
        .failures
        .iter()
        // A table that vanished meanwhile is counted in the coverage; it is not a gap.
        .filter(|entry| !(entry.outcome == "absent" && entry.action.starts_with("dynamodb:Describe")))
        .map(|entry| {
            let target = TargetId { account_id: entry.account_id.clone(), region: entry.region.clone() };
            let here = unknown.get(&target).copied().unwrap_or(0);
            let listed = tables.get(&target).map_or(0, |counts| counts.listed);
            Gap {
                action: entry.action.clone(),
                resource: entry.resource.clone(),
                kind: kind_of(&entry.outcome),
                why: entry.error.clone().unwrap_or_else(|| entry.outcome.clone()),
                so: consequence(&entry.action, here, listed),
                hint: hint(entry),
                target,
            }
        })
        .collect();
    gaps.sort();
    gaps
}

fn kind_of(outcome: &str) -> GapKind {
    use GapKind::{Denied, Expired, Failed, NotEnabled, Throttled, Unsupported};
    [Denied, Throttled, Expired, NotEnabled, Unsupported]
        .into_iter()
        .find(|kind| kind.as_str() == outcome)
        .unwrap_or(Failed)
}

/// What the loss of one call means for the audit.
fn consequence(action: &str, unknown_here: usize, tables_here: usize) -> String {
    let unknown = format!("{} in this account and Region", count(unknown_here, "unknown finding"));
    match action {
        "sts:AssumeRole" => "nothing in this account could be read; its tables are unknown".to_owned(),
        "account:ListRegions" => "Regions that were not named may hold tables that nobody looked at".to_owned(),
        "dynamodb:ListTables" => "tables here may be missing from this report".to_owned(),
        "dynamodb:DescribeTable" => format!("age, state and recovery points of this table are unknown; {unknown}"),
        "dynamodb:DescribeContinuousBackups" => "point-in-time recovery of this table is unknown".to_owned(),
        "backup:ListRecoveryPointsByBackupVault" | "backup:ListBackupVaults" => {
            format!("absence of recovery points cannot be shown for {}; {unknown}", count(tables_here, "table"))
        }
        "tag:GetResources" => format!("selections by tag cannot be decided; {unknown}"),
        "backup:DescribeRegionSettings" => format!("opt-in is unknown, and selections that depend on it; {unknown}"),
        "kms:DescribeKey" => format!("owner and state of this key are unknown; {unknown}"),
        _ if action.starts_with("backup:") && (action.contains("Plan") || action.contains("Selection")) => {
            format!("a table that nothing else protects cannot be called unprotected; {unknown}")
        }
        _ => unknown,
    }
}

fn hint(entry: &CallLogEntry) -> String {
    match kind_of(&entry.outcome) {
        GapKind::Denied if entry.action == "sts:AssumeRole" => {
            format!("let the caller assume {} in its trust policy, or drop the account from `accounts`", entry.resource)
        }
        GapKind::Denied => {
            format!("allow {} for the audit role; `backproof explain permissions` prints the whole policy", entry.action)
        }
        GapKind::Throttled => "run the scan again at a quieter time, or for fewer Regions at once".to_owned(),
        GapKind::NotEnabled => "enable the Region for the account, or leave it out of `--regions`".to_owned(),
        GapKind::Unsupported if entry.action == "account:ListRegions" => {
            "name the Regions with `--regions` or in the settings file".to_owned()
        }
        GapKind::Unsupported => "check that the service is offered in this Region, and AWS_ENDPOINT_URL".to_owned(),
        GapKind::Expired => "log in again, and run the scan once more".to_owned(),
        GapKind::Failed => "run the scan again; if it stays, check the network and the AWS health dashboard".to_owned(),
    }
}
