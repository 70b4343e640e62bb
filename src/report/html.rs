//! `report.html`: one file that asks for nothing outside itself. Readable without scripts; with them it sorts, filters
//! and shows the evidence behind each verdict.
//!
//! The layout is `report-templates/report.html`, `.css` and `.js`. Text from AWS is escaped by the template engine in
//! the page, and by [`island`] in the data that the script reads.

use minijinja::{AutoEscape, Environment};
use serde_json::{Map, Value, json};

use super::{RenderError, Report};
use crate::domain::{FactValue, Finding, Severity, Verdict, rfc3339};
use crate::problem::count;

const TEMPLATE: &str = include_str!("../../report-templates/report.html");
const STYLE: &str = include_str!("../../report-templates/report.css");
const SCRIPT: &str = include_str!("../../report-templates/report.js");

/// Findings that stand in the page itself, for readers without scripts and for paper.
const STATIC_FINDINGS: usize = 1000;

/// Renders the report.
///
/// Errors: the template is broken.
pub fn render(report: &Report) -> Result<Vec<u8>, RenderError> {
    let fail = |error: minijinja::Error| RenderError {
        file_name: "report.html",
        why: format!("{error:#}"),
    };
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("report.html", TEMPLATE).map_err(fail)?;
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
            "css": STYLE,
            "js": SCRIPT,
            "data": island(report),
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
            "static_findings": static_findings,
            "static_note": static_note,
        })));
    page.map(String::into_bytes).map_err(fail)
}

/// The whole report in one sentence; never green while anything is unknown.
fn statement(report: &Report) -> Value {
    let of = |verdict: Verdict| report.totals.tables_by_verdict.get(&verdict).copied().unwrap_or(0);
    let gaps = report.coverage.gaps.len();
    let unlisted = report
        .coverage
        .targets
        .iter()
        .filter(|target| target.tables_listed.is_none())
        .count();
    let unknown = of(Verdict::Unknown);
    let (kind, title, text) = if of(Verdict::NonCompliant) > 0 {
        let text = format!(
            "{} of {} not compliant; {} more not known; {}.",
            of(Verdict::NonCompliant),
            count(report.totals.tables, "table"),
            unknown,
            count(gaps, "gap")
        );
        ("bad", "Not compliant", text)
    } else if unknown > 0 || gaps > 0 || unlisted > 0 {
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
                .filter(|finding| finding.rule == rule.id && finding.verdict == verdict)
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

fn static_row(finding: &Finding) -> Value {
    json!({
        "name": finding.resource_name,
        "account_id": finding.target.account_id,
        "region": finding.target.region,
        "rule": finding.rule,
        "verdict": finding.verdict.as_str(),
        "message": finding.message,
    })
}

/// The data of the script, as JSON that cannot end the element it stands in.
fn island(report: &Report) -> String {
    let facts = |facts: &[(String, FactValue)]| -> Map<String, Value> {
        facts
            .iter()
            .map(|(name, value)| (name.clone(), value_of(value)))
            .collect()
    };
    let identity = ["table_arn", "table_name", "account_id", "region"];
    let tables: Vec<Value> = report
        .tables
        .iter()
        .map(|table| {
            let mut shown = facts(&table.facts);
            shown.retain(|name, _| !identity.contains(&name.as_str()));
            json!({
                "arn": table.table_arn,
                "name": table.table_name,
                "account": table.target.account_id,
                "region": table.target.region,
                "verdict": table.verdict.as_str(),
                "tags": table.fact("tags").to_string(),
                "facts": shown,
            })
        })
        .collect();
    let findings: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| {
            json!({
                "arn": finding.resource_arn,
                "rule": finding.rule,
                "verdict": finding.verdict.as_str(),
                "message": finding.message,
                "remedy": finding.remedy,
                "evidence": facts(&finding.evidence),
            })
        })
        .collect();
    let rules: Vec<Value> = report
        .rules
        .iter()
        .map(|rule| json!({"id": rule.id, "severity": rule.severity.as_str()}))
        .collect();
    escape_island(&json!({"rules": rules, "tables": tables, "findings": findings}).to_string())
}

fn escape_island(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        match character {
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            other => text.push(other),
        }
    }
    text
}

fn value_of(value: &FactValue) -> Value {
    match value {
        FactValue::Unknown => Value::Null,
        FactValue::Bool(flag) => json!(flag),
        FactValue::Int(number) => json!(number),
        FactValue::Float(number) => json!((number * 100.0).round() / 100.0),
        FactValue::Text(text) => json!(text),
        FactValue::Time(at) => json!(rfc3339(*at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_end_their_element() {
        let text = escape_island(r#"{"a":"</script><!--&"}"#);
        assert!(!text.contains(['<', '>', '&']));
        assert_eq!(
            serde_json::from_str::<Value>(&text).expect("JSON")["a"],
            "</script><!--&"
        );
    }
}
