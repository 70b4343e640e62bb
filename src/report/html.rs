//! `report.html`: one file that asks for nothing outside itself. Readable without scripts; with them it sorts, filters
//! and shows the evidence behind each verdict.
//!
//! The layout is `report-templates/report.html`, `.css` and `.js`. Text from AWS is escaped by the template engine in
//! the page, and by `Escaped` in the data that the script reads.

use std::collections::{BTreeSet, HashMap};
use std::io::Write;

use minijinja::{AutoEscape, Environment};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use super::{RenderError, Report, TableRow, Templates};
use crate::domain::{FactValue, Finding, Severity, Subject, Verdict, rfc3339};
use crate::problem::count;

/// Findings that stand in the page itself, for readers without scripts and for paper.
const STATIC_FINDINGS: usize = 1000;

/// Where the data go: no text of a report can hold this, since U+0000 is no character of HTML.
const DATA: &str = "\u{0}data\u{0}";

/// Renders the report.
///
/// Errors: the template is broken, or the disk refused.
pub fn render(report: &Report, templates: &Templates, out: &mut dyn Write) -> Result<(), RenderError> {
    let page = page(report, templates)?;
    let fail = |error: std::io::Error| RenderError::new("report.html", error);
    let (before, after) = page
        .split_once(DATA)
        .ok_or_else(|| RenderError::new("report.html", "the template has no place for the data"))?;
    out.write_all(before.as_bytes()).map_err(fail)?;
    serde_json::to_writer(Escaped(&mut *out), &Island(report))
        .map_err(|error| RenderError::new("report.html", error))?;
    out.write_all(after.as_bytes()).map_err(fail)
}

fn page(report: &Report, templates: &Templates) -> Result<String, RenderError> {
    let fail = |error: minijinja::Error| RenderError {
        file_name: "report.html",
        why: format!("{error:#}"),
    };
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("report.html", &templates.page).map_err(fail)?;
    let open =
        |finding: &&Finding| matches!(finding.verdict, Verdict::NonCompliant | Verdict::Unknown) && !finding.waived;
    let open_count = report.findings.iter().filter(open).count();
    let static_findings: Vec<Value> = report
        .findings
        .iter()
        .filter(open)
        .take(STATIC_FINDINGS)
        .map(static_row)
        .collect();
    let static_note = if open_count > STATIC_FINDINGS {
        format!("The first {STATIC_FINDINGS} of {open_count}; findings.csv holds all.")
    } else {
        format!(
            "All {} that are not compliant or not known.",
            count(open_count, "finding")
        )
    };
    let page = environment
        .get_template("report.html")
        .map_err(fail)?
        .render(minijinja::value::Serde(json!({
            "css": templates.style,
            "js": templates.script,
            "data": DATA,
            "scan": json!({
                "id": report.scan.id,
                "as_of": rfc3339(report.scan.as_of),
                "started_at": rfc3339(report.scan.started_at),
                "finished_at": rfc3339(report.scan.finished_at),
                "caller_arn": report.scan.caller_arn,
                "tool_version": report.scan.tool_version,
                "call_count": report.scan.call_count,
            }),
            "policy": report.policy,
            "rpo": report.policy.iter().find(|(name, _)| name == "rpo").map(|(_, value)| value.clone()),
            "statement": statement(report),
            "donut": donut(report),
            "by_verdict": by_verdict(report),
            "by_severity": by_severity(report),
            "ages": ages(report),
            "rules": rules(report),
            "accounts": report.coverage.accounts.iter().map(|account| &account.account_id).collect::<Vec<_>>(),
            "targets": targets(report),
            "gaps": gaps(report),
            "coverage": json!({
                "tables_listed": report.coverage.tables_listed,
                "tables_described": report.coverage.tables_described,
                "tables_vanished": report.coverage.tables_vanished,
                "tables_unknown": report.coverage.tables_unknown,
            }),
            "tiers": tiers(report),
            "waivers": waivers(report),
            "frameworks": frameworks(report),
            "static_findings": static_findings,
            "static_note": static_note,
        })));
    page.map_err(fail)
}

/// The whole report in one sentence; never green while anything is unknown.
fn statement(report: &Report) -> Value {
    let of = |verdict: Verdict| report.totals.tables_by_verdict.get(&verdict).copied().unwrap_or(0);
    let gaps = report.coverage.gaps.len();
    let unknown = of(Verdict::Unknown);
    let others: BTreeSet<&str> = report
        .open_findings()
        .filter(|finding| finding.subject != Subject::Table)
        .map(|finding| finding.resource_arn.as_str())
        .collect();
    let (kind, title, text) = if report.open_findings().next().is_some() {
        let beside = match others.len() {
            0 => String::new(),
            number => format!("; {number} vaults, plans, Regions or waivers not compliant"),
        };
        let text = format!(
            "{} of {} not compliant; {} more not known{beside}; {}.",
            of(Verdict::NonCompliant),
            count(report.totals.tables, "table"),
            unknown,
            count(gaps, "gap")
        );
        ("bad", "Not compliant", text)
    } else if report.is_evidence_missing() {
        let text = format!(
            "Nothing non-compliant was found, but {} cannot be judged and there are {}: evidence is missing.",
            count(unknown, "table"),
            count(gaps, "gap")
        );
        ("unknown", "Not proven", text)
    } else if of(Verdict::Compliant) == 0 {
        (
            "unknown",
            "Nothing to prove",
            "No table was judged. This report is not good news.".to_owned(),
        )
    } else if gaps > 0 {
        let text = format!(
            "{} meet every rule that applies, yet {} left calls unanswered.",
            count(report.totals.tables, "table"),
            count(gaps, "gap")
        );
        ("unknown", "Compliant, with gaps", text)
    } else {
        let text = format!(
            "{} meet every rule that applies; everything in scope was read.",
            count(report.totals.tables, "table")
        );
        ("ok", "Compliant", text)
    };
    json!({"kind": kind, "title": title, "text": text})
}

fn by_verdict(report: &Report) -> Vec<Value> {
    let of = |verdict: Verdict| report.totals.tables_by_verdict.get(&verdict).copied().unwrap_or(0);
    Verdict::ALL
        .into_iter()
        .map(|verdict| json!({"verdict": verdict.as_str(), "count": of(verdict)}))
        .collect()
}

/// A ring of four arcs, each with its own dash so that it reads without colour.
fn donut(report: &Report) -> String {
    let total = report.totals.tables.max(1);
    let mut svg = String::from("<svg viewBox=\"0 0 42 42\" role=\"img\" aria-label=\"Tables by worst verdict\">");
    svg.push_str("<circle cx=\"21\" cy=\"21\" r=\"15.915\" fill=\"none\" stroke=\"var(--line)\" stroke-width=\"6\"/>");
    let mut done = 0.0;
    for verdict in Verdict::ALL {
        let number = report.totals.tables_by_verdict.get(&verdict).copied().unwrap_or(0);
        if number == 0 {
            continue;
        }
        #[expect(clippy::cast_precision_loss, reason = "percentages for the eye")]
        let share = 100.0 * number as f64 / total as f64;
        svg.push_str(&format!(
            "<circle class=\"{}\" cx=\"21\" cy=\"21\" r=\"15.915\" fill=\"none\" stroke=\"var(--c)\" stroke-width=\"6\" stroke-dasharray=\"{:.3} {:.3}\" stroke-dashoffset=\"{:.3}\"/>",
            verdict.as_str(),
            (share - 0.6).max(0.3),
            100.0 - (share - 0.6).max(0.3),
            25.0 - done
        ));
        done += share;
    }
    svg.push_str(&format!(
        "<text x=\"21\" y=\"21\" text-anchor=\"middle\" font-size=\"7\" font-weight=\"700\" fill=\"currentColor\">{}</text><text x=\"21\" y=\"26\" text-anchor=\"middle\" font-size=\"3.4\" fill=\"currentColor\">tables</text></svg>",
        report.totals.tables
    ));
    svg
}

fn percent(part: usize, whole: usize) -> usize {
    if whole == 0 { 0 } else { (100 * part).div_ceil(whole) }
}

fn by_severity(report: &Report) -> Vec<Value> {
    let of = |severity: Severity| {
        report
            .totals
            .non_compliant_by_severity
            .get(&severity)
            .copied()
            .unwrap_or(0)
    };
    let most = Severity::ALL.into_iter().map(of).max().unwrap_or(0);
    let row = |severity: Severity| json!({"severity": severity.as_str(), "count": of(severity), "percent": percent(of(severity), most)});
    Severity::ALL.into_iter().rev().map(row).collect()
}

/// Classes of age, in parts and multiples of the RPO.
fn ages(report: &Report) -> Vec<Value> {
    let rpo = report
        .findings
        .iter()
        .flat_map(|finding| &finding.evidence)
        .find_map(|(name, value)| match value {
            FactValue::Float(hours) if name == "rpo_hours" => Some(*hours),
            _ => None,
        });
    let Some(rpo) = rpo else { return Vec::new() };
    let mut classes = [
        ("≤ ½ RPO", "", 0),
        ("≤ RPO", "", 0),
        ("≤ 2 × RPO", "late", 0),
        ("≤ 7 × RPO", "late", 0),
        ("older", "late", 0),
        ("none seen", "none", 0),
    ];
    for table in &report.tables {
        let class = match table.fact("newest_recovery_point_age_hours_seen") {
            FactValue::Float(age) if *age <= rpo / 2.0 => 0,
            FactValue::Float(age) if *age <= rpo => 1,
            FactValue::Float(age) if *age <= 2.0 * rpo => 2,
            FactValue::Float(age) if *age <= 7.0 * rpo => 3,
            FactValue::Float(_) => 4,
            _ => 5,
        };
        classes[class].2 += 1;
    }
    let most = classes.iter().map(|(_, _, number)| *number).max().unwrap_or(0);
    let row = |(label, kind, number)| json!({"label": label, "kind": kind, "count": number, "percent": percent(number, most)});
    classes.map(row).to_vec()
}

fn rules(report: &Report) -> Vec<Value> {
    let mut rows = Vec::new();
    for rule in &report.rules {
        let of = |verdict: Verdict| {
            report
                .findings
                .iter()
                .filter(|finding| *finding.rule == *rule.id && finding.verdict == verdict)
                .count()
        };
        rows.push(json!({
            "id": rule.id,
            "title": rule.title,
            "severity": rule.severity.as_str(),
            "non_compliant": of(Verdict::NonCompliant),
            "unknown": of(Verdict::Unknown),
            "compliant": of(Verdict::Compliant),
            "not_applicable": of(Verdict::NotApplicable),
        }));
    }
    rows
}

fn targets(report: &Report) -> Vec<Value> {
    let name = |id: &str| {
        let account = report.coverage.accounts.iter().find(|account| account.account_id == id);
        account.map(|account| account.name.clone()).unwrap_or_default()
    };
    let row = |target: &super::TargetCoverage| {
        json!({
            "account_id": target.target.account_id,
            "name": name(&target.target.account_id),
            "region": target.target.region,
            "status": target.status,
            "listed": target.tables_listed.map_or_else(|| "unknown".to_owned(), |listed| listed.to_string()),
            "described": target.tables_described,
            "calls": target.call_count,
            "gaps": target.gap_count,
        })
    };
    report.coverage.targets.iter().map(row).collect()
}

fn gaps(report: &Report) -> Vec<Value> {
    let row = |gap: &crate::domain::Gap| {
        json!({
            "action": gap.action,
            "resource": gap.resource,
            "account_id": gap.target.account_id,
            "region": gap.target.region,
            "kind": gap.kind.as_str(),
            "why": gap.why,
            "so": gap.so,
            "hint": gap.hint,
        })
    };
    report.coverage.gaps.iter().map(row).collect()
}

fn tiers(report: &Report) -> Vec<Value> {
    let day = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%d").to_string();
    let row = |tier: &super::TierLine| {
        let exemption = tier.exemption.as_ref().map(|exemption| {
            json!({
                "reason": exemption.reason,
                "approver": exemption.approver,
                "until": exemption.expires_at.map(day),
                "is_in_force": exemption.is_in_force,
            })
        });
        json!({
            "name": tier.name,
            "when": tier.when,
            "values": tier.values,
            "exemption": exemption,
            "tables": tier.table_count,
        })
    };
    report.tiers.iter().map(row).collect()
}

fn waivers(report: &Report) -> Vec<Value> {
    let day = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%d").to_string();
    let row = |waiver: &super::WaiverLine| {
        json!({
            "id": waiver.id,
            "rule": waiver.rule,
            "pattern": waiver.tables,
            "reason": waiver.reason,
            "instead": waiver.compensating_control,
            "requester": waiver.requester,
            "approver": waiver.approver,
            "approved": day(waiver.approved_at),
            "until": day(waiver.expires_at),
            "tables": waiver.table_count,
            "findings": waiver.finding_count,
            "is_in_force": waiver.is_in_force,
        })
    };
    report.waivers.iter().map(row).collect()
}

fn frameworks(report: &Report) -> Vec<Value> {
    let control = |row: &super::ControlRow| {
        let of = |verdict: Verdict| row.counts.get(&verdict).copied().unwrap_or(0);
        json!({
            "id": row.id,
            "question": row.question,
            "relation": row.relation,
            "letter": row.letter,
            "asks": row.asks,
            "only_if": row.only_if,
            "rules": row.rules,
            "answered": row.answered,
            "verdict": row.verdict.map_or("not judged", Verdict::as_str),
            "non_compliant": of(Verdict::NonCompliant),
            "unknown": of(Verdict::Unknown),
            "compliant": of(Verdict::Compliant),
            "waived": row.waived,
        })
    };
    let row = |framework: &super::FrameworkReport| {
        json!({
            "title": framework.title,
            "version": framework.version,
            "controls": framework.controls.iter().map(control).collect::<Vec<_>>(),
        })
    };
    report.frameworks.iter().map(row).collect()
}

fn static_row(finding: &Finding) -> Value {
    json!({
        "name": finding.resource_name,
        "account_id": finding.target.account_id,
        "region": finding.target.region,
        "rule": &*finding.rule,
        "verdict": finding.verdict.as_str(),
        "message": finding.message,
    })
}

/// Characters that could end the element the data stand in are written as escapes of JSON; in UTF-8 none of their bytes
/// is part of another character, and JSON has them inside strings only.
struct Escaped<'o>(&'o mut dyn Write);

impl Write for Escaped<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut start = 0;
        for (at, byte) in bytes.iter().enumerate() {
            let escape: &[u8] = match byte {
                b'<' => b"\\u003c",
                b'>' => b"\\u003e",
                b'&' => b"\\u0026",
                _ => continue,
            };
            self.0.write_all(&bytes[start..at])?;
            self.0.write_all(escape)?;
            start = at + 1;
        }
        self.0.write_all(&bytes[start..])?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// The data of the script, without repeating names: facts are rows in the order of `facts`, a finding is
/// `[table, rule, verdict, message, evidence that is no fact, waiver, subject]` by position; a finding that is not about
/// a table has its subject as `[name, ARN, account, Region]`.
struct Island<'r>(&'r Report);

impl Serialize for Island<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let report = self.0;
        let names: Vec<&str> = report
            .tables
            .first()
            .map(|table| table.facts.iter().map(|(name, _)| name.as_ref()).collect())
            .unwrap_or_default();
        let table_of: HashMap<&str, usize> = report
            .tables
            .iter()
            .enumerate()
            .map(|(number, table)| (table.table_arn.as_str(), number))
            .collect();
        let rule_of: HashMap<&str, usize> = report
            .rules
            .iter()
            .enumerate()
            .map(|(number, rule)| (rule.id.as_str(), number))
            .collect();
        let mut reads: Vec<Vec<&str>> = vec![Vec::new(); report.rules.len()];
        for finding in &report.findings {
            if let Some(reads) = rule_of
                .get(&*finding.rule)
                .map(|rule| &mut reads[*rule])
                .filter(|reads| reads.is_empty())
            {
                reads.extend(finding.evidence.iter().map(|(name, _)| name.as_ref()));
            }
            if reads.iter().all(|reads| !reads.is_empty()) {
                break;
            }
        }
        let rules: Vec<Value> = report
            .rules
            .iter()
            .zip(&reads)
            .map(|(rule, reads)| json!({"id": rule.id, "subject": rule.subject.as_str(), "severity": rule.severity.as_str(), "remedy": rule.remedy, "reads": reads}))
            .collect();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("verdicts", &Verdict::ALL.map(Verdict::as_str))?;
        map.serialize_entry("facts", &names)?;
        map.serialize_entry("rules", &rules)?;
        map.serialize_entry("tables", &Rows(|| report.tables.iter().map(table_row)))?;
        let row = |finding: &Finding| {
            let is_table = finding.subject == Subject::Table;
            let table = table_of.get(finding.resource_arn.as_str()).filter(|_| is_table);
            let subject = (!is_table).then(|| {
                json!([
                    finding.resource_name,
                    finding.resource_arn,
                    finding.target.account_id,
                    finding.target.region
                ])
            });
            let rule = rule_of.get(&*finding.rule);
            let verdict = Verdict::ALL.iter().position(|verdict| *verdict == finding.verdict);
            let extra: Map<String, Value> = finding
                .evidence
                .iter()
                .filter(|(name, _)| !is_table || !names.contains(&name.as_ref()))
                .map(|(name, value)| (name.to_string(), value_of(value)))
                .collect();
            json!([
                table,
                rule,
                verdict,
                finding.message,
                extra,
                finding.waiver.as_deref(),
                subject
            ])
        };
        map.serialize_entry("findings", &Rows(|| report.findings.iter().map(row)))?;
        map.end()
    }
}

/// A list whose rows are made one at a time.
struct Rows<F>(F);

impl<F: Fn() -> I, I: Iterator<Item = Value>> Serialize for Rows<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

fn table_row(table: &TableRow) -> Value {
    let verdict = Verdict::ALL.iter().position(|verdict| *verdict == table.verdict);
    let facts: Vec<Value> = table.facts.iter().map(|(_, value)| value_of(value)).collect();
    json!([
        table.table_arn,
        table.table_name,
        table.target.account_id,
        table.target.region,
        verdict,
        facts
    ])
}

fn value_of(value: &FactValue) -> Value {
    match value {
        FactValue::Unknown => Value::Null,
        FactValue::Bool(flag) => json!(flag),
        FactValue::Int(number) => json!(number),
        FactValue::Float(number) => json!((number * 100.0).round() / 100.0),
        FactValue::Text(text) => json!(&**text),
        FactValue::Time(at) => json!(rfc3339(*at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_end_their_element() {
        let mut bytes = Vec::new();
        serde_json::to_writer(Escaped(&mut bytes), &json!({"a": "</script><!--&é"})).expect("written");
        let text = String::from_utf8(bytes).expect("UTF-8");
        assert!(!text.contains(['<', '>', '&']));
        assert_eq!(
            serde_json::from_str::<Value>(&text).expect("JSON")["a"],
            "</script><!--&é"
        );
    }
}
