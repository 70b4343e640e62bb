//! What is new since an earlier scan, and what was known. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::criteria::baseline::{Baseline, Known, check_version, unreadable};
use crate::domain::{Arn, Finding, Subject, Verdict};
use crate::problem::Problem;
use crate::report::{Compared, Report, SCHEMA_VERSION, Since};

use super::evaluate::finding_id;

/// What is read of a `report.json`; the rest of it is of no account here.
#[derive(Deserialize)]
struct ReportFile {
    schema_version: u32,
    scan: ScanOfFile,
    findings: Vec<FindingOfFile>,
}

#[derive(Deserialize)]
struct ScanOfFile {
    id: String,
    as_of: DateTime<Utc>,
}

#[derive(Deserialize)]
struct FindingOfFile {
    id: String,
    rule: String,
    resource_arn: String,
    verdict: String,
    waived: bool,
}

/// The baseline that a report makes.
pub(crate) fn baseline_of(report: &Report) -> Baseline {
    let told = report
        .findings
        .iter()
        .filter(|finding| counts(finding.verdict, finding.waived));
    let known = told.map(|finding| Known {
        id: finding.id.clone(),
        rule: finding.rule.to_string(),
        resource_arn: finding.resource_arn.clone(),
        verdict: finding.verdict.to_string(),
    });
    Baseline::new(report.scan.id.clone(), report.scan.as_of, known)
}

/// The baseline that a `report.json` makes.
///
/// Errors: no report, a damaged one, or one of another version; a verdict that is none.
pub(crate) fn baseline_of_file(text: &str, origin: &str) -> Result<Baseline, Problem> {
    let refuse = |why: String| unreadable(origin, why);
    let file: ReportFile = serde_json::from_str(text).map_err(|error| refuse(error.to_string()))?;
    check_version("a report", file.schema_version, 1..=SCHEMA_VERSION, origin)?;
    let mut known = Vec::new();
    for finding in file.findings {
        let verdict: Verdict = finding
            .verdict
            .parse()
            .map_err(|()| refuse(format!("`{}` of finding {} is no verdict", finding.verdict, finding.id)))?;
        if counts(verdict, finding.waived) {
            known.push(Known {
                id: finding.id,
                rule: finding.rule,
                resource_arn: finding.resource_arn,
                verdict: finding.verdict,
            });
        }
    }
    Ok(Baseline::new(file.scan.id, file.scan.as_of, known.into_iter()))
}

/// Marks the findings of a report.
pub(crate) fn compare(baseline: &Baseline, findings: &[Finding]) -> Compared {
    let told = findings
        .iter()
        .filter(|finding| counts(finding.verdict, finding.waived));
    let since: BTreeMap<String, Since> = told
        .map(|finding| (finding.id.clone(), since_of(baseline, finding)))
        .collect();
    let open = |wanted: Since| {
        let is_open = |finding: &&Finding| finding.verdict == Verdict::NonCompliant && !finding.waived;
        let open = findings.iter().filter(is_open);
        open.filter(|finding| since.get(&finding.id) == Some(&wanted)).count()
    };
    Compared {
        scan_id: baseline.scan_id.clone(),
        as_of: baseline.as_of,
        open_count: baseline.count(Verdict::NonCompliant.as_str()),
        new_count: open(Since::New),
        known_count: open(Since::Known),
        since,
    }
}

fn since_of(baseline: &Baseline, finding: &Finding) -> Since {
    let known = baseline
        .known(&finding.id)
        .or_else(|| under_another_id(baseline, finding));
    match known {
        Some(known) if known.verdict == finding.verdict.as_str() => Since::Known,
        _ => Since::New,
    }
}

/// The same finding from a scan in which the table could be described, or could not: then its id rests on the name.
fn under_another_id<'b>(baseline: &'b Baseline, finding: &Finding) -> Option<&'b Known> {
    if finding.subject != Subject::Table {
        return None;
    }
    let known = baseline.known_at(&finding.rule, &finding.resource_arn)?;
    let by_name = id_by_name(&finding.rule, &finding.resource_arn)?;
    (finding.id == by_name || known.id == by_name).then_some(known)
}

/// Findings that a baseline remembers.
fn counts(verdict: Verdict, is_waived: bool) -> bool {
    !is_waived && matches!(verdict, Verdict::NonCompliant | Verdict::Unknown)
}

/// The id that a finding on a table has where the table's own id is not known.
fn id_by_name(rule: &str, table_arn: &str) -> Option<String> {
    let arn = Arn::parse(table_arn)?;
    let parts = [arn.partition, arn.account_id, arn.region, arn.table_name()?];
    Some(finding_id(rule, &parts.map(str::to_owned)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Level, Question, Severity, TargetId};

    const ARN: &str = "arn:aws:dynamodb:eu-west-1:111122223333:table/orders";

    fn finding(id: &str, verdict: Verdict, is_waived: bool) -> Finding {
        Finding {
            id: id.to_owned(),
            rule: "pitr-on".into(),
            subject: Subject::Table,
            resource_arn: ARN.to_owned(),
            resource_name: "orders".to_owned(),
            target: TargetId::new("111122223333", "eu-west-1"),
            verdict,
            severity: Severity::Medium,
            question: Question::Safeguards,
            level: Level::Required,
            framework: None,
            waived: is_waived,
            waiver: None,
            also_waived_by: Vec::new(),
            failing: Vec::new(),
            message: String::new(),
            remedy: "".into(),
            evidence: Vec::new(),
        }
    }

    fn baseline(id: &str, verdict: &str) -> Baseline {
        let as_of = DateTime::from_timestamp(1_700_000_000, 0).expect("an instant");
        let known = Known {
            id: id.to_owned(),
            rule: "pitr-on".to_owned(),
            resource_arn: ARN.to_owned(),
            verdict: verdict.to_owned(),
        };
        Baseline::new("scan".to_owned(), as_of, [known].into_iter())
    }

    #[test]
    fn only_the_same_verdict_on_the_same_thing_is_known() {
        use Verdict::{Compliant, NonCompliant, Unknown};
        let by_name = id_by_name("pitr-on", ARN).expect("a table");
        for (known, verdict_then, now, verdict, waived, since) in [
            ("a", "non-compliant", "a", NonCompliant, false, Some(Since::Known)),
            ("a", "non-compliant", "b", NonCompliant, false, Some(Since::New)),
            ("a", "unknown", "a", NonCompliant, false, Some(Since::New)),
            ("a", "non-compliant", "a", Unknown, false, Some(Since::New)),
            ("a", "unknown", "a", Unknown, false, Some(Since::Known)),
            ("a", "non-compliant", "a", NonCompliant, true, None),
            ("a", "non-compliant", "a", Compliant, false, None),
            // One of the two scans could not describe the table.
            ("a", "non-compliant", &by_name, NonCompliant, false, Some(Since::Known)),
            (&by_name, "non-compliant", "a", NonCompliant, false, Some(Since::Known)),
        ] {
            let finding = finding(now, verdict, waived);
            let compared = compare(&baseline(known, verdict_then), std::slice::from_ref(&finding));
            assert_eq!(
                compared.since(&finding),
                since,
                "{known} {verdict_then} {now} {verdict}"
            );
            assert_eq!(compared.open_count, usize::from(verdict_then == "non-compliant"));
        }
    }

    #[test]
    fn a_report_is_read_and_damage_is_named() {
        let report = r#"{"schema_version": 1, "scan": {"id": "s", "as_of": "2026-11-01T12:00:00Z"}, "findings": [
            {"id": "a", "rule": "r", "resource_arn": "x", "verdict": "non-compliant", "waived": false},
            {"id": "b", "rule": "r", "resource_arn": "y", "verdict": "compliant", "waived": false},
            {"id": "c", "rule": "r", "resource_arn": "z", "verdict": "non-compliant", "waived": true}]}"#;
        let read = baseline_of_file(report, "report.json").expect("a baseline");
        assert_eq!(["a", "b", "c"].map(|id| read.known(id).is_some()), [true, false, false]);
        for (text, why) in [
            (
                report.replace("\"compliant\"", "\"fine\""),
                "`fine` of finding b is no verdict",
            ),
            (report[..120].to_owned(), "EOF"),
            ("[]".to_owned(), "invalid length"),
            ("{}".to_owned(), "missing field"),
        ] {
            let problem = baseline_of_file(&text, "report.json").expect_err(why);
            assert!(problem.why.contains(why), "{problem}");
        }
    }
}
