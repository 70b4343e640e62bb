//! `explain table`: why a table got its verdicts.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::{Explained, actions_of};
use crate::commands::report::find_table;
use crate::commands::shared::args::RuleArgs;
use crate::commands::shared::criteria;
use crate::commands::shared::evidence::{Evidence, limits};
use crate::criteria::vocabulary::POLICY_TIER;
use crate::dictionary::TableFacts;
use crate::dictionary::{RecoveryPointFacts, fact};
use crate::domain::{FactValue, Finding, Subject, rfc3339};
use crate::facts::{Facts, SelectionAnswer, derive};
use crate::inventory::{INVENTORY_DIR, Inventory};
use crate::judge::{judge, recheck};
use crate::problem::{Outcome, Problem};
use crate::report::{Report, TableRow};
use crate::text::one_line;

/// Arguments of `explain table`.
#[derive(Debug, Args)]
pub struct ExplainTableArgs {
    /// ARN or name of the table.
    pub table: String,
    /// The pack or inventory to look into: the folder of a scan, or what `collect` wrote. Without this flag: that of the
    /// latest scan below backproof-report.
    #[arg(long, value_name = "INVENTORY")]
    pub inventory: Option<PathBuf>,
    /// Settings file to judge by. Without it and without the flags below: what the pack was judged by; if it is no pack,
    /// backproof.toml, if it is there.
    #[arg(long, value_name = "FILE", env = "BACKPROOF_CONFIG")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
}

/// Below this folder scans write their reports when nothing else is said.
const REPORTS: &str = "backproof-report";

/// Why a scan for some rules did not ask, where it does not say to which it was limited.
const FOR_OTHER_RULES: &str = "the rules that ran need none of them";

/// Recovery points listed in the text; JSON lists all.
const LISTED_POINTS: usize = 12;

/// Explains one table of an inventory.
///
/// Errors: no inventory, no such table, mistakes in settings or rules.
pub(super) fn explain(args: &ExplainTableArgs) -> Outcome<Explained> {
    let folder = evidence_folder(args.inventory.as_deref())?;
    let (evidence, limits) = (Evidence::open(&folder)?, limits(&folder));
    let criteria = criteria::of_evidence(&evidence, args.config.as_deref(), &args.rules)?;
    let inventory = evidence.inventory;
    let facts = derive(&inventory, criteria.policy.window_days)?;
    let row = find_table(&facts, &args.table)?;
    let table = facts.tables(row..row + 1).facts.remove(0);
    let arn = table.table_arn.as_deref().unwrap_or_default();
    let points = points_of(&facts, &inventory, arn)?;
    let report = judge(&inventory, &criteria)?;
    let of_table = report.tables.iter().find(|table| table.table_arn == arn);
    let of_table = of_table.ok_or_else(|| Problem::new(format!("table `{arn}` is not in the report")))?;
    let findings: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|finding| finding.subject == Subject::Table && finding.resource_arn == arn)
        .collect();
    let selections = facts.explain_selections(row);
    Ok(Explained {
        text: text(
            (&report, limits.as_deref()),
            &inventory,
            of_table,
            (&selections, &points),
            &findings,
        ),
        json: as_json((&report, limits.as_deref()), of_table, &selections, &points, &findings),
    })
}

/// The evidence named, else that of the latest report.
pub(super) fn evidence_of(named: Option<&Path>) -> Outcome<Evidence> {
    Evidence::open(&evidence_folder(named)?)
}

fn evidence_folder(named: Option<&Path>) -> Outcome<PathBuf> {
    named.map_or_else(|| latest(Path::new(REPORTS)), |folder| Ok(folder.to_owned()))
}

/// The inventory of the latest report: their folders are named by instant.
fn latest(reports: &Path) -> Outcome<PathBuf> {
    let folders = std::fs::read_dir(reports).into_iter().flatten().flatten();
    // Hidden folders are those that a run is still filling, or did not live to finish.
    let whole = folders.filter(|folder| !folder.file_name().to_string_lossy().starts_with('.'));
    let with_inventory = whole.map(|folder| folder.path());
    let found = with_inventory
        .filter(|folder| folder.join(INVENTORY_DIR).is_dir())
        .max();
    found.ok_or_else(|| {
        Problem::usage("there is no inventory to look into")
            .at(reports.display().to_string())
            .hint("name one with `--inventory`, or run `backproof scan` first")
            .into()
    })
}

fn points_of(facts: &Facts, inventory: &Inventory, table_arn: &str) -> Outcome<Vec<RecoveryPointFacts>> {
    let mut points = Vec::new();
    facts.recovery_points(inventory, &mut |some| {
        let of_table = |point: &RecoveryPointFacts| point.source_table_arn.as_deref() == Some(table_arn);
        points.extend(some.into_iter().filter(of_table));
    })?;
    points.sort_by(|a, b| {
        let key = |point: &RecoveryPointFacts| (point.created_at, point.recovery_point_arn.clone());
        key(b).cmp(&key(a))
    });
    Ok(points)
}

fn text(
    (report, limits): (&Report, Option<&str>),
    inventory: &Inventory,
    table: &TableRow,
    (selections, points): (&[SelectionAnswer], &[RecoveryPointFacts]),
    findings: &[&Finding],
) -> String {
    let is_asked = |frame: &str| inventory.has_frame(frame);
    let not_asked = format!("  not asked: {}\n", limits.unwrap_or(FOR_OTHER_RULES));
    let mut out = format!(
        "table {} ({})\nas of {}, scan {}\nverdict: {}\npolicy tier: {}\n",
        one_line(&table.table_name),
        one_line(&table.table_arn),
        rfc3339(report.scan.as_of),
        report.scan.id,
        table.verdict,
        table.fact(POLICY_TIER),
    );
    if is_asked("plans") {
        let (verdict, reason) = (TableFacts::plan_verdict, TableFacts::plan_reason);
        let reason = one_line(&table.fact(reason).to_string());
        out.push_str(&format!("\nIn a plan: {}\n  {reason}\n", table.fact(verdict)));
    } else {
        out.push_str(&format!("\nIn a plan:\n{not_asked}"));
    }
    out.push_str(&format!(
        "  DynamoDB opted in here: {}; advanced features: {}\n",
        table.fact(TableFacts::dynamodb_opted_in),
        table.fact(TableFacts::advanced_features_on)
    ));
    out.push_str("\nSelections of this account and Region:\n");
    if selections.is_empty() {
        out.push_str(if is_asked("plans") {
            "  none was read\n"
        } else {
            &not_asked
        });
    }
    for answer in selections {
        let line = format!(
            "{:<13} {}/{}: {}",
            answer.answer, answer.plan, answer.selection, answer.reason
        );
        out.push_str(&format!("  {}\n", one_line(&line)));
    }
    out.push_str("\nRecovery points, newest first:\n");
    if points.is_empty() {
        out.push_str(if is_asked("recovery_points") {
            "  none was seen\n"
        } else {
            &not_asked
        });
    }
    for point in points.iter().take(LISTED_POINTS) {
        out.push_str(&format!("  {}\n", one_line(&point_line(point))));
    }
    if points.len() > LISTED_POINTS {
        out.push_str(&format!(
            "  and {} more; `--format json` lists all\n",
            points.len() - LISTED_POINTS
        ));
    }
    out.push_str("\nRules:\n");
    for finding in findings {
        let waived = finding.waived_by().map(|waiver| format!(", waived by {waiver}"));
        let line = format!(
            "{:<14} {} ({}{}): {}",
            finding.verdict,
            finding.rule,
            finding.severity,
            waived.unwrap_or_default(),
            finding.message
        );
        out.push_str(&format!("  {}\n", one_line(&line)));
    }
    out.push_str("\nFacts, with the calls they come from:\n");
    for (name, value) in &*table.facts {
        let sources = fact(Subject::Table, name)
            .map(|fact| actions_of(fact.frames))
            .unwrap_or_default();
        let sources = if sources.is_empty() {
            String::new()
        } else {
            format!("  [{}]", sources.join(", "))
        };
        out.push_str(&format!("  {name} = {}{sources}\n", one_line(&value.to_string())));
    }
    out.push_str(&by_hand(&table.target.account_id, &recheck::commands_of_table(table)));
    out
}

/// How to check it by hand; nothing where AWS is not asked.
pub(super) fn by_hand(account_id: &str, commands: &[String]) -> String {
    if commands.is_empty() {
        return String::new();
    }
    let mut out = format!("\nTo check it by hand, with credentials of account {account_id}:\n");
    for command in commands {
        out.push_str(&format!("  {command}\n"));
    }
    out
}

fn point_line(point: &RecoveryPointFacts) -> String {
    let text = |text: &Option<crate::dictionary::Text>| text.as_deref().unwrap_or("unknown").to_owned();
    let counts = match point.is_usable {
        Some(true) => "usable".to_owned(),
        Some(false) => format!("not usable: {}", text(&point.why_unusable)),
        None => "may be usable".to_owned(),
    };
    format!(
        "{} {} in {} ({}, kept {}): {counts}",
        point.created_at.map_or_else(|| "without a date".to_owned(), rfc3339),
        text(&point.status),
        text(&point.vault_name),
        text(&point.recovery_point_arn),
        match (point.retention_days, point.retention_kind.as_deref()) {
            (_, Some("forever")) => "for ever".to_owned(),
            (Some(days), _) => format!("{days} days"),
            _ => "as long as its source".to_owned(),
        }
    )
}

pub(super) fn value(value: &FactValue) -> Value {
    match value {
        FactValue::Null(_) => Value::Null,
        FactValue::Bool(flag) => json!(flag),
        FactValue::Int(number) => json!(number),
        FactValue::Float(number) => json!(number),
        FactValue::Text(text) => json!(&**text),
        FactValue::Time(at) => json!(rfc3339(*at)),
    }
}

/// Why there is no value; null if there is one.
pub(super) fn cause(value: &FactValue) -> Option<String> {
    match value {
        FactValue::Null(cause) => Some(cause.to_string()),
        _ => None,
    }
}

fn as_json(
    (report, limits): (&Report, Option<&str>),
    table: &TableRow,
    selections: &[SelectionAnswer],
    points: &[RecoveryPointFacts],
    findings: &[&Finding],
) -> Value {
    use crate::dictionary::SubjectFacts;
    let map = |values: Vec<(&str, FactValue)>| -> Value {
        values
            .into_iter()
            .map(|(name, one)| (name.to_owned(), value(&one)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let selections: Vec<Value> = selections
        .iter()
        .map(|one| json!({"plan": one.plan, "selection": one.selection, "answer": one.answer, "reason": one.reason}))
        .collect();
    let facts: Vec<Value> = table
        .facts
        .iter()
        .map(|(name, one)| {
            let sources = fact(Subject::Table, name)
                .map(|fact| actions_of(fact.frames))
                .unwrap_or_default();
            json!({"name": name, "value": value(one), "cause": cause(one), "sources": sources})
        })
        .collect();
    let findings: Vec<Value> = findings
        .iter()
        .map(|finding| {
            json!({
                "id": finding.id,
                "rule": &*finding.rule,
                "verdict": finding.verdict.as_str(),
                "severity": finding.severity.as_str(),
                "waiver": finding.waived_by(),
                "message": finding.message,
            })
        })
        .collect();
    json!({
        "table_arn": table.table_arn,
        "table_name": table.table_name,
        "as_of": rfc3339(report.scan.as_of),
        "scan_id": report.scan.id,
        "limited_to": limits,
        "verdict": table.verdict.as_str(),
        "selections": selections,
        "recovery_points": points.iter().map(|point| map(point.values())).collect::<Vec<_>>(),
        "facts": facts,
        "rules": findings,
        "commands": recheck::commands_of_table(table),
    })
}
