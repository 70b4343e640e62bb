//! Findings, facts and the call log, put together as one [`Report`]. Pure.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::baseline::Baseline;
use crate::collect::COLLECTORS;
use crate::digest;
use crate::domain::{FactName, FactValue, Finding, Gap, GapKind, Subject, TargetId, Verdict, Window};
use crate::evaluate::{Chunk, Waived, judge_subjects, judge_tables, judge_waivers, waive};
use crate::facts::dictionary::{ExemptionFacts, SubjectFacts};
use crate::facts::{Facts, derive};
use crate::frameworks::Framework;
use crate::inventory::schema::{CallLogEntry, RecoveryPoint, Table};
use crate::inventory::{INVENTORY_DIR, Inventory};
use crate::policy::{Policy, Tier};
use crate::problem::{Problem, count};
use crate::rules::{Rule, RuleSet, frames_of, placeholders};
use crate::waivers::{Waiver, Waivers, exemption_facts};

use super::{
    AccountCoverage, Coverage, ExemptionLine, FrameworkReport, Report, RuleLine, Scan, TableRow, TargetCoverage,
    TierLine, Totals, WaiverLine,
};

/// Why facts that rest on some frames are missing for one table: the first gap behind them, in words.
pub fn why_unknown(facts: &Facts, target: &TargetId, table_name: &str, frames: &[&'static str]) -> Option<String> {
    let of_frames = COLLECTORS
        .iter()
        .filter(|collector| collector.frames.iter().any(|frame| frames.contains(frame)));
    let actions = of_frames.flat_map(|collector| collector.actions.iter().copied());
    let failure = std::iter::once("sts:AssumeRole").chain(actions).find_map(|action| {
        // A table's own call speaks for that table only.
        let resource = action.starts_with("dynamodb:Describe").then_some(table_name);
        facts.reading().failure(target, action, resource)
    })?;
    Some(failure_text(failure))
}

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

/// What tables are judged by.
pub struct Criteria {
    /// The rules that were chosen.
    pub rules: RuleSet,
    /// What the organisation requires.
    pub policy: Policy,
    /// Findings that are accepted.
    pub waivers: Waivers,
    /// Findings of an earlier scan, to tell new ones from known ones; none: not asked for.
    pub baseline: Option<Baseline>,
    /// Frameworks whose controls the report is to show.
    pub frameworks: Vec<Framework>,
}

/// Judges an inventory and puts the report together.
///
/// Errors: a frame of the inventory is damaged.
pub fn build(inventory: &Inventory, criteria: &Criteria) -> Result<Report, Problem> {
    let (rules, policy) = (&criteria.rules, &criteria.policy);
    let facts = derive(inventory, policy.window_days)?;
    let why = |target: &TargetId, name: &str, frames: &[&'static str]| why_unknown(&facts, target, name, frames);
    let (mut tables, mut findings) = (Vec::with_capacity(facts.len()), Vec::new());
    let mut in_tier: BTreeMap<Arc<str>, usize> = BTreeMap::new();
    let mut has_unassigned = false;
    let window = if inventory.has::<RecoveryPoint>() {
        facts.window()
    } else {
        Window::default()
    };
    let of_tables: Vec<&Rule> = rules.of(Subject::Table).collect();
    judge_tables(&facts, rules, policy, &mut |chunk| {
        for place in 0..chunk.tables.facts.len() {
            let mut row = table_row(&chunk, place);
            row.days = facts.days(chunk.start + place, chunk.asked(place), window);
            tables.push(row);
            findings.extend(chunk.findings(place, &of_tables, &why));
            match &chunk.assigned[place].tier {
                FactValue::Text(tier) => *in_tier.entry(Arc::clone(tier)).or_default() += 1,
                _ => has_unassigned = true,
            }
        }
    })?;
    let mut others = judge_subjects(inventory, &facts, rules, policy, &why)?;
    others.sort_by(|a, b| {
        (a.subject, &a.target, &a.resource_arn, &a.rule).cmp(&(b.subject, &b.target, &b.resource_arn, &b.rule))
    });
    findings.extend(others);
    let as_of = inventory.manifest.as_of;
    let is_listed_whole = |id: &str| {
        let rule = rules.0.iter().find(|rule| *rule.id == *id);
        rule.is_none_or(|rule| facts.is_listed_whole(rule.subject))
    };
    let waived = waive(&mut findings, &criteria.waivers, as_of, &is_listed_whole);
    let exemptions: Vec<ExemptionFacts> = policy
        .tiers
        .iter()
        .filter_map(|tier| {
            let matched = in_tier.get(tier.name.as_str()).copied().unwrap_or(0);
            let mut exempted = exemption_facts(tier, as_of, matched)?;
            // Tables that were not listed, or whose tier cannot be told, may be in this one: none for certain is not none
            // at all.
            if matched == 0 && (has_unassigned || !facts.is_listed_whole(Subject::Table)) {
                exempted.matched_table_count = None;
            }
            Some(exempted)
        })
        .collect();
    findings.extend(judge_waivers(&waived, &exemptions, rules, policy, &why)?);
    settle_verdicts(&mut tables, &findings);

    let manifest = &inventory.manifest;
    Ok(Report {
        scan: Scan {
            id: manifest.scan_id.clone(),
            as_of,
            started_at: manifest.started_at,
            finished_at: manifest.finished_at,
            caller_arn: manifest.caller_arn.clone(),
            tool_version: manifest.tool_version.clone(),
            call_count: manifest.attempt_count,
            evidence_digest: of_evidence(inventory, criteria)?,
        },
        window,
        policy: policy.lines(),
        tiers: policy
            .tiers
            .iter()
            .map(|tier| tier_line(tier, as_of, in_tier.get(tier.name.as_str()).copied().unwrap_or(0)))
            .collect(),
        waivers: criteria.waivers.0.iter().zip(&waived).map(waiver_line).collect(),
        frameworks: criteria
            .frameworks
            .iter()
            .map(|framework| FrameworkReport {
                id: framework.id.clone(),
                title: framework.title.clone(),
                version: framework.version.clone(),
                controls: framework.matrix(&findings),
            })
            .collect(),
        rules: rules
            .0
            .iter()
            .map(|rule| RuleLine {
                id: rule.id.to_string(),
                subject: rule.subject,
                title: rule.title.clone(),
                severity: rule.severity,
                remedy: rule.remedy.to_string(),
                rationale: rule.rationale.clone(),
                applies: rule.applies_text.clone().unwrap_or_default(),
                compliant: rule.compliant_text.clone(),
                tells: [&rule.message, &rule.not_applicable]
                    .into_iter()
                    .flat_map(|message| placeholders(message))
                    .map(str::to_owned)
                    .collect(),
            })
            .collect(),
        totals: Totals::of(&tables, &findings),
        coverage: coverage(inventory, &facts, &findings)?,
        baseline: criteria.baseline.as_ref().map(|baseline| baseline.compare(&findings)),
        tables,
        findings,
    })
}

fn table_row(chunk: &Chunk, place: usize) -> TableRow {
    let table = &chunk.tables.facts[place];
    let text = |text: &Option<Arc<str>>| text.as_deref().unwrap_or_default().to_owned();
    let mut facts: Vec<(FactName, FactValue)> = table
        .values()
        .into_iter()
        .map(|(name, value)| (Cow::Borrowed(name), value))
        .collect();
    let assigned = &chunk.assigned[place];
    facts.push((Cow::Borrowed("policy_tier"), assigned.tier.clone()));
    facts.extend(
        assigned
            .values
            .iter()
            .map(|(name, value)| (Cow::Borrowed(*name), value.clone())),
    );
    if let Some(comparison) = chunk.comparisons.get(place) {
        facts.extend(comparison.values().map(|(name, value)| (Cow::Borrowed(name), value)));
    }
    TableRow {
        table_arn: text(&table.table_arn),
        table_name: text(&table.table_name),
        target: TargetId::new(text(&table.account_id), text(&table.region)),
        verdict: Verdict::NotApplicable,
        facts,
        days: Vec::new(),
    }
}

/// The worst verdict on each table. What is waived does not count.
fn settle_verdicts(tables: &mut [TableRow], findings: &[Finding]) {
    let mut verdicts: HashMap<&str, Verdict> = HashMap::new();
    let of_tables = findings.iter().filter(|finding| finding.subject == Subject::Table);
    for finding in of_tables.filter(|finding| !finding.waived) {
        let verdict = verdicts.entry(&finding.resource_arn).or_insert(Verdict::NotApplicable);
        *verdict = verdict.worse(finding.verdict);
    }
    for table in tables {
        table.verdict = verdicts
            .get(table.table_arn.as_str())
            .copied()
            .unwrap_or(Verdict::NotApplicable);
    }
}

fn tier_line(tier: &Tier, as_of: DateTime<Utc>, table_count: usize) -> TierLine {
    let values = tier.values.lines();
    let set = values.into_iter().filter(|(key, _)| tier.sets.contains(key));
    TierLine {
        name: tier.name.clone(),
        when: tier.when.clone(),
        values: set.map(|(key, value)| (key.to_owned(), value)).collect(),
        exemption: tier.exemption.as_ref().map(|exemption| ExemptionLine {
            reason: exemption.reason.clone().unwrap_or_default(),
            approver: exemption.approver.clone().unwrap_or_default(),
            expires_at: exemption.expires_at,
            is_in_force: exemption.is_in_force(as_of),
        }),
        table_count,
    }
}

fn waiver_line((waiver, waived): (&Waiver, &Waived)) -> WaiverLine {
    WaiverLine {
        id: waiver.id.clone(),
        rule: waiver.rule.clone(),
        tables: waiver.tables.clone(),
        reason: waiver.reason.clone(),
        compensating_control: waiver.compensating_control.clone().unwrap_or_default(),
        requester: waiver.requester.clone(),
        approver: waiver.approver.clone(),
        approved_at: waiver.approved_at,
        expires_at: waiver.expires_at,
        ticket: waiver.ticket.clone().unwrap_or_default(),
        table_count: waived.table_count,
        finding_count: waived.finding_count,
        is_in_force: waived.is_in_force,
    }
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
            let target = TargetId::new(table.account_id, table.region);
            let counts = by_target.entry(target).or_default();
            counts.listed += 1;
            match table.description.as_str() {
                "described" => counts.described += 1,
                "vanished" => counts.vanished += 1,
                _ => counts.unread += 1,
            }
        }
    })?;
    let gaps = gaps(facts, findings, &by_target, inventory.manifest.regions_named);
    let mut targets = Vec::new();
    for target in facts.reading().targets.keys() {
        let counts = by_target.remove(target).unwrap_or_default();
        let gap_count = gaps.iter().filter(|gap| gap.target == *target).count();
        let is_listed = facts.reading().is_whole(target, "dynamodb:ListTables", "");
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
                call_count: facts.reading().attempts.get(target).copied().unwrap_or(0),
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
        regions_unknown: !inventory.manifest.regions_named && facts.reading().failures.iter().any(is_region_list),
        gaps,
    })
}

fn is_region_list(entry: &CallLogEntry) -> bool {
    entry.action == "account:ListRegions"
}

/// Calls whose loss hides tables, not facts about them.
fn is_about_everything(action: &str) -> bool {
    matches!(action, "dynamodb:ListTables" | "sts:AssumeRole" | "account:ListRegions")
}

fn accounts<'t>(facts: &Facts, targets: impl Iterator<Item = &'t TargetCoverage>) -> Vec<AccountCoverage> {
    let mut statuses: BTreeMap<&str, BTreeSet<&'static str>> = BTreeMap::new();
    for coverage in targets {
        statuses
            .entry(&coverage.target.account_id)
            .or_default()
            .insert(coverage.status);
    }
    let status_of = |statuses: &BTreeSet<&'static str>| match statuses.iter().copied().collect::<Vec<_>>().as_slice() {
        [one] => *one,
        _ => "partly",
    };
    let name_of = |id: &str| {
        let target = facts
            .reading()
            .targets
            .iter()
            .find(|(target, _)| target.account_id == id);
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

fn gaps(facts: &Facts, findings: &[Finding], tables: &BTreeMap<TargetId, Counts>, regions_named: bool) -> Vec<Gap> {
    let unknown = UnknownFindings::of(findings);
    let is_read =
        |target: &TargetId| facts.reading().is_whole(target, "dynamodb:ListTables", "") || tables.contains_key(target);
    let mut gaps: Vec<Gap> = facts
        .reading()
        .failures
        .iter()
        // A table that vanished meanwhile is counted in the coverage; it is not a gap.
        .filter(|entry| !(entry.outcome == "absent" && entry.action.starts_with("dynamodb:Describe")))
        .map(|entry| {
            let target = TargetId::new(entry.account_id.clone(), entry.region.clone());
            let here = unknown.because_of(&target, entry);
            let listed = tables.get(&target).map_or(0, |counts| counts.listed);
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
                hint: hint(entry),
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
                .filter(|(_, value)| *value == FactValue::Unknown);
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
        let frames = COLLECTORS
            .iter()
            .filter(|collector| collector.actions.contains(&entry.action.as_str()))
            .flat_map(|collector| collector.frames.iter().copied());
        let is_one_table = entry.action.starts_with("dynamodb:Describe");
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

fn kind_of(outcome: &str) -> GapKind {
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
        "dynamodb:DescribeContinuousBackups" => "point-in-time recovery of this table is not known".to_owned(),
        "backup:ListRecoveryPointsByBackupVault" | "backup:ListBackupVaults" => {
            format!(
                "absence of recovery points cannot be shown for {}",
                count(tables_here, "table")
            )
        }
        "tag:GetResources" => "selections by tag cannot be decided".to_owned(),
        "backup:DescribeRegionSettings" => "the opt-in is not known, nor selections that depend on it".to_owned(),
        "kms:DescribeKey" => "owner and state of this key are not known".to_owned(),
        "backup:ListBackupJobs" => "failed backup jobs are not known".to_owned(),
        "backup:ListCopyJobs" => "copy jobs are not known".to_owned(),
        "backup:ListRestoreJobs" => "restore jobs are not known".to_owned(),
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

fn hint(entry: &CallLogEntry) -> String {
    match kind_of(&entry.outcome) {
        GapKind::Denied if entry.action == "sts:AssumeRole" => {
            format!(
                "let the caller assume {} in its trust policy, or drop the account from `accounts`",
                entry.resource
            )
        }
        GapKind::Denied => {
            format!(
                "allow {} for the audit role; `backproof explain permissions` prints the whole policy",
                entry.action
            )
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

/// What names the evidence of a report: the inventory, and the criteria that judged it, by path as in a pack.
///
/// `grep -E '  (criteria|inventory)/' SHA256SUMS | sha256sum` gives the same.
///
/// Errors: a file of the inventory cannot be read.
pub fn of_evidence(inventory: &Inventory, criteria: &Criteria) -> Result<String, Problem> {
    let mut files = Vec::new();
    for (name, text) in crate::pack::criteria::files(criteria) {
        files.push((
            format!("{}/{name}", crate::pack::CRITERIA_DIR),
            digest::of_bytes(text.as_bytes()),
        ));
    }
    for name in inventory.file_names() {
        let path = inventory.dir.join(&name);
        let (_, sha256) = digest::of_file(&path).map_err(|error| {
            Problem::new("could not read the inventory")
                .at(path.display().to_string())
                .why(error.to_string())
                .so("nothing was evaluated")
        })?;
        files.push((format!("{INVENTORY_DIR}/{name}"), sha256));
    }
    files.sort();
    Ok(digest::of_list(files.iter().map(|(path, sha256)| (&**path, &**sha256))))
}
