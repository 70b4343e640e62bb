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
use crate::dictionary::{FactKey, RecoveryPointFacts, fact};
use crate::domain::{Answer, FactValue, Finding, NullCause, Question, Subject, Verdict, rfc3339};
use crate::facts::{DOES_NOT_TAKE, Facts, SelectionAnswer, derive};
use crate::inventory::{INVENTORY_DIR, Inventory};
use crate::judge::{judge, recheck};
use crate::problem::{Outcome, Problem, count};
use crate::render::digest::Digest;
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
    /// the nearest backproof.toml, if there is one.
    #[arg(long, value_name = "FILE", env = "BACKPROOF_CONFIG")]
    pub config: Option<PathBuf>,
    /// Every rule, selection and fact, with the calls they come from. Without this flag: the answers, why, what to do, and the
    /// facts that matter most. JSON has everything in any case.
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
}

/// Below this folder scans write their reports when nothing else is said.
const REPORTS: &str = "backproof-report";

/// Why a scan for some rules did not ask, where it does not say to which it was limited.
const FOR_OTHER_RULES: &str = "the rules that ran need none of them";

/// Recovery points listed in the text with `--all`; JSON lists all.
const LISTED_POINTS: usize = 12;

/// Recovery points listed without it.
const NEWEST_POINTS: usize = 3;

/// What people ask of a table first.
const MATTER: [FactKey; 18] = [
    TableFacts::table_status,
    TableFacts::created_at,
    TableFacts::owner,
    TableFacts::plan_selections,
    TableFacts::plan_schedules,
    TableFacts::plan_retention_days,
    TableFacts::plan_worst_age_hours,
    TableFacts::plan_last_run_at,
    TableFacts::usable_recovery_point_count,
    TableFacts::newest_recovery_point_at,
    TableFacts::newest_recovery_point_vault,
    TableFacts::shortest_retention_days,
    TableFacts::weakest_key_owner,
    TableFacts::vault_lock_kind,
    TableFacts::last_completed_backup_job_at,
    TableFacts::last_failed_backup_job_at,
    TableFacts::last_failed_backup_job_cause,
    TableFacts::last_restore_seen_at,
];

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
    let told = Told {
        report: &report,
        inventory: &inventory,
        table: of_table,
        findings,
        selections: facts.explain_selections(row),
        points,
        limits,
    };
    Ok(Explained {
        text: text(&told, args.all),
        json: as_json(&told),
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
    // Hidden folders are those that a run is still filling, or left unfinished.
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

/// What is told of one table.
struct Told<'a> {
    report: &'a Report,
    inventory: &'a Inventory,
    table: &'a TableRow,
    findings: Vec<&'a Finding>,
    selections: Vec<SelectionAnswer>,
    points: Vec<RecoveryPointFacts>,
    /// What its scan was limited to.
    limits: Option<String>,
}

/// The answers, why and what to do; then the facts that matter to them, or with `is_all` everything.
fn text(told: &Told<'_>, is_all: bool) -> String {
    let mut out = answers(told);
    out.push_str(&why(told));
    out.push_str(&plans(told, is_all));
    out.push_str(&recovery_points(
        told,
        if is_all { LISTED_POINTS } else { NEWEST_POINTS },
    ));
    if is_all {
        out.push_str(&rules(told));
    }
    out.push_str(&facts(told.table, is_all));
    if is_all {
        let (account_id, commands) = (&told.table.target.account_id, recheck::commands_of_table(told.table));
        out.push_str(&by_hand(account_id, &commands));
    } else {
        out.push_str(&rest(told));
    }
    out
}

fn answers(told: &Told<'_>) -> String {
    let (report, table) = (told.report, told.table);
    let target = &table.target;
    let name = match report.account_name(&target.account_id) {
        name if name == target.account_id => String::new(),
        name => format!(" ({})", one_line(name)),
    };
    let mut out = format!(
        "table {} in account {}{name}, {}\n{}\nas of {}, scan {}; policy tier: {}\n\n",
        one_line(&table.table_name),
        target.account_id,
        target.region,
        one_line(&table.table_arn),
        rfc3339(report.scan.as_of),
        report.scan.id,
        table.fact(POLICY_TIER),
    );
    for question in Question::ALL {
        let answer = table.answer(question);
        if question != Question::Safeguards || answer != Answer::NotAsked {
            out.push_str(&format!("  {:<12} {}\n", question.words(), answer.words()));
        }
    }
    out.push_str(&format!("verdict: {}\n", table.verdict));
    for (framework, verdict, _) in &table.answers_by_framework {
        out.push_str(&format!("verdict by {framework}: {verdict}\n"));
    }
    out
}

/// What is required of it, worst first, and what to do about what fails.
fn why(told: &Told<'_>) -> String {
    let is_told = |finding: &&&Finding| finding.is_required() && finding.verdict != Verdict::NotApplicable;
    let mut required: Vec<&Finding> = told.findings.iter().filter(is_told).copied().collect();
    required.sort_by_key(|finding| {
        let answer = Answer::of(finding.verdict, finding.waived);
        (answer, std::cmp::Reverse(finding.severity))
    });
    if required.is_empty() {
        return String::new();
    }
    let mut out = "\nWhy:\n".to_owned();
    for finding in required {
        out.push_str(&rule_line(finding));
        if finding.is_open() {
            out.push_str(&format!("{:17}-> {}\n", "", one_line(&finding.remedy)));
        }
    }
    let digest = Digest::of(told.report);
    let mut needs = digest.action.iter();
    let needs = needs.find(|needs| told.report.tables[needs.place].table_arn == told.table.table_arn);
    if let Some(needs) = needs {
        out.push_str(&format!("\nWhat to do: {}\n", one_line(&needs.what)));
    }
    out
}

fn rule_line(finding: &Finding) -> String {
    let waived = finding.waived_by().map(|waiver| format!(", waived by {waiver}"));
    let framework = finding.framework.as_ref().map(|framework| format!(", {framework}"));
    let line = format!(
        "{:<14} {} ({}{}{}): {}",
        finding.verdict,
        finding.rule,
        finding.severity,
        framework.unwrap_or_default(),
        waived.unwrap_or_default(),
        finding.message
    );
    format!("  {}\n", one_line(&line))
}

fn plans(told: &Told<'_>, is_all: bool) -> String {
    let table = told.table;
    let mut out = "\nIn a plan:".to_owned();
    if !told.inventory.has_frame("plans") {
        return format!("{out}\n{}", told.not_asked());
    }
    let (verdict, reason) = (TableFacts::plan_verdict, TableFacts::plan_reason);
    let reason = one_line(&table.fact(reason).to_string());
    out.push_str(&format!(" {}\n  {reason}\n", table.fact(verdict)));
    out.push_str(&format!(
        "  DynamoDB opted in here: {}; advanced features: {}\n",
        table.fact(TableFacts::dynamodb_opted_in),
        table.fact(TableFacts::advanced_features_on)
    ));
    let is_told = |one: &&SelectionAnswer| is_all || one.answer != DOES_NOT_TAKE;
    let selections: Vec<&SelectionAnswer> = told.selections.iter().filter(is_told).collect();
    if is_all && selections.is_empty() {
        out.push_str("  no selection of this account and Region was read\n");
    }
    for answer in selections {
        let line = format!(
            "{:<13} {}/{}: {}",
            answer.answer, answer.plan, answer.selection, answer.reason
        );
        out.push_str(&format!("  {}\n", one_line(&line)));
    }
    out
}

fn recovery_points(told: &Told<'_>, most: usize) -> String {
    let mut out = "\nRecovery points, newest first:\n".to_owned();
    if told.points.is_empty() {
        out.push_str(&match told.inventory.has_frame("recovery_points") {
            true => "  none was seen\n".to_owned(),
            false => told.not_asked(),
        });
    }
    for point in told.points.iter().take(most) {
        out.push_str(&format!("  {}\n", one_line(&point_line(point))));
    }
    if told.points.len() > most {
        let more = told.points.len() - most;
        out.push_str(&format!("  and {more} more; `--format json` lists all\n"));
    }
    out
}

fn rules(told: &Told<'_>) -> String {
    let lines = told.findings.iter().map(|finding| rule_line(finding));
    format!("\nRules:\n{}", lines.collect::<String>())
}

/// All of them with the calls they come from, or those that matter most and that the scan asked for.
fn facts(table: &TableRow, is_all: bool) -> String {
    if !is_all {
        let is_asked = |name: &FactKey| *table.fact(*name) != FactValue::Null(NullCause::NotAsked);
        let lines = MATTER.into_iter().filter(is_asked);
        let lines = lines.map(|name| format!("  {} = {}\n", name.name(), one_line(&table.fact(name).to_string())));
        return format!("\nFacts that matter most:\n{}", lines.collect::<String>());
    }
    let mut out = "\nFacts, with the calls they come from:\n".to_owned();
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
    out
}

/// What is not told without `--all`.
fn rest(told: &Told<'_>) -> String {
    let is_advice = |finding: &&&Finding| finding.is_open() && !finding.is_required();
    let advised = told.findings.iter().filter(is_advice).count();
    format!(
        "\n{} open; `--all` shows every rule ({}), selection ({}) and fact ({}) with its calls, and how to check it by hand\n",
        count(advised, "advised finding"),
        told.findings.len(),
        told.selections.len(),
        told.table.facts.len()
    )
}

impl Told<'_> {
    fn not_asked(&self) -> String {
        format!("  not asked: {}\n", self.limits.as_deref().unwrap_or(FOR_OTHER_RULES))
    }
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

fn as_json(told: &Told<'_>) -> Value {
    use crate::dictionary::SubjectFacts;
    let table = told.table;
    let map = |values: Vec<(&str, FactValue)>| -> Value {
        values
            .into_iter()
            .map(|(name, one)| (name.to_owned(), value(&one)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let selections: Vec<Value> = told
        .selections
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
    let findings: Vec<Value> = told
        .findings
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
    let answers = Question::ALL.map(|question| {
        (
            question.as_str().replace('-', "_"),
            table.answer(question).as_str().into(),
        )
    });
    let answers: serde_json::Map<String, Value> = answers.into_iter().collect();
    json!({
        "table_arn": table.table_arn,
        "table_name": table.table_name,
        "as_of": rfc3339(told.report.scan.as_of),
        "scan_id": told.report.scan.id,
        "limited_to": told.limits,
        "verdict": table.verdict.as_str(),
        "answers": answers,
        "selections": selections,
        "recovery_points": told.points.iter().map(|point| map(point.values())).collect::<Vec<_>>(),
        "facts": facts,
        "rules": findings,
        "commands": recheck::commands_of_table(table),
    })
}
