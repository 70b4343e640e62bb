//! What was open in an earlier scan, so that a build fails only for what is new. Pure.
//!
//! A baseline hides nothing: every finding stays in the report, marked as new or known. It is a part of the criteria, so
//! that whoever has the pack can tell again what was new.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{Arn, Finding, Subject, Verdict};
use crate::evaluate::finding_id;
use crate::problem::Problem;
use crate::report::Report;

/// Raised whenever a field of the stored form changes its meaning.
const SCHEMA_VERSION: u32 = 1;

/// Findings of an earlier scan that were non-compliant or unknown, and that no waiver covered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    /// Digest that names the earlier scan.
    pub scan_id: String,
    /// The instant on which its ages are reckoned.
    pub as_of: DateTime<Utc>,
    known: HashMap<String, Known>,
    /// Ids by rule and ARN: the id of a finding changes when a table can be described again.
    by_place: HashMap<(String, String), String>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    id: String,
    rule: String,
    resource_arn: String,
    verdict: String,
}

/// Where a finding stands against the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Since {
    /// It was not there, or said something else.
    New,
    /// It said the same.
    Known,
}

impl Since {
    /// The word of the machine formats.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Known => "known",
        }
    }
}

/// A report against a baseline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// Digest that names the earlier scan.
    pub scan_id: String,
    /// The instant on which its ages are reckoned.
    pub as_of: DateTime<Utc>,
    /// Open findings then.
    pub open_count: usize,
    /// Open findings now that were not open then.
    pub new_count: usize,
    /// Open findings now that were open then.
    pub known_count: usize,
    /// Open and unknown findings now, by id.
    since: BTreeMap<String, Since>,
}

impl Compared {
    /// Where a finding stands; none for one that is compliant, not applicable or waived.
    pub fn since(&self, finding: &Finding) -> Option<Since> {
        self.since.get(&finding.id).copied()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    schema_version: u32,
    scan_id: String,
    as_of: DateTime<Utc>,
    findings: Vec<Known>,
}

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

impl Baseline {
    fn new(scan_id: String, as_of: DateTime<Utc>, findings: impl Iterator<Item = Known>) -> Self {
        let known: HashMap<String, Known> = findings.map(|one| (one.id.clone(), one)).collect();
        let place = |one: &Known| ((one.rule.clone(), one.resource_arn.clone()), one.id.clone());
        Self {
            by_place: known.values().map(place).collect(),
            scan_id,
            as_of,
            known,
        }
    }

    /// That of a report.
    pub fn of(report: &Report) -> Self {
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
        Self::new(report.scan.id.clone(), report.scan.as_of, known)
    }

    /// Reads a `report.json`.
    ///
    /// Errors: no report, a damaged one, or one of another version; a verdict that is none.
    pub fn parse_report(text: &str, origin: &str) -> Result<Self, Problem> {
        let refuse = |why: String| unreadable(origin, why);
        let file: ReportFile = serde_json::from_str(text).map_err(|error| refuse(error.to_string()))?;
        check_version(
            "a report",
            file.schema_version,
            crate::report::json::SCHEMA_VERSION,
            origin,
        )?;
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
        Ok(Self::new(file.scan.id, file.scan.as_of, known.into_iter()))
    }

    /// The form in which a pack stores it: the same for the same baseline.
    pub fn to_text(&self) -> String {
        let sorted: BTreeMap<&String, &Known> = self.known.iter().collect();
        let stored = Stored {
            schema_version: SCHEMA_VERSION,
            scan_id: self.scan_id.clone(),
            as_of: self.as_of,
            findings: sorted.into_values().cloned().collect(),
        };
        serde_json::to_string_pretty(&stored).expect("plain values always have a JSON form") + "\n"
    }

    /// Reads that form.
    ///
    /// Errors: it is damaged, or of another version.
    pub fn parse_stored(text: &str, origin: &str) -> Result<Self, Problem> {
        let stored: Stored = serde_json::from_str(text).map_err(|error| unreadable(origin, error.to_string()))?;
        check_version("a baseline", stored.schema_version, SCHEMA_VERSION, origin)?;
        Ok(Self::new(stored.scan_id, stored.as_of, stored.findings.into_iter()))
    }

    /// Marks the findings of a report.
    pub fn compare(&self, findings: &[Finding]) -> Compared {
        let told = findings
            .iter()
            .filter(|finding| counts(finding.verdict, finding.waived));
        let since: BTreeMap<String, Since> = told.map(|finding| (finding.id.clone(), self.since(finding))).collect();
        let open = |wanted: Since| {
            let is_open = |finding: &&Finding| finding.verdict == Verdict::NonCompliant && !finding.waived;
            let open = findings.iter().filter(is_open);
            open.filter(|finding| since.get(&finding.id) == Some(&wanted)).count()
        };
        let non_compliant = Verdict::NonCompliant.as_str();
        Compared {
            scan_id: self.scan_id.clone(),
            as_of: self.as_of,
            open_count: self
                .known
                .values()
                .filter(|known| known.verdict == non_compliant)
                .count(),
            new_count: open(Since::New),
            known_count: open(Since::Known),
            since,
        }
    }

    fn since(&self, finding: &Finding) -> Since {
        let known = self.known.get(&finding.id).or_else(|| self.under_another_id(finding));
        match known {
            Some(known) if known.verdict == finding.verdict.as_str() => Since::Known,
            _ => Since::New,
        }
    }

    /// The same finding from a scan in which the table could be described, or could not: then its id rests on the name.
    fn under_another_id(&self, finding: &Finding) -> Option<&Known> {
        if finding.subject != Subject::Table {
            return None;
        }
        let place = (finding.rule.to_string(), finding.resource_arn.clone());
        let known = self.known.get(self.by_place.get(&place)?)?;
        let by_name = id_by_name(&finding.rule, &finding.resource_arn)?;
        (finding.id == by_name || known.id == by_name).then_some(known)
    }
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

fn check_version(what: &str, found: u32, known: u32, origin: &str) -> Result<(), Problem> {
    if found == known {
        return Ok(());
    }
    Err(unreadable(
        origin,
        format!("it is {what} of schema version {found}; this program reads version {known}"),
    ))
}

fn unreadable(origin: &str, why: String) -> Problem {
    Problem::usage("could not read the baseline")
        .at(origin)
        .why(why)
        .so("what is new could not be told from what is known; nothing was judged")
        .hint("name the folder of an earlier scan, or its `report.json`, with `--baseline`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Severity, TargetId};

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
            waived: is_waived,
            waiver: None,
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
            let compared = baseline(known, verdict_then).compare(std::slice::from_ref(&finding));
            assert_eq!(
                compared.since(&finding),
                since,
                "{known} {verdict_then} {now} {verdict}"
            );
            assert_eq!(compared.open_count, usize::from(verdict_then == "non-compliant"));
        }
    }

    #[test]
    fn it_comes_back_from_its_stored_form_and_damage_is_named() {
        let one = baseline("a", "non-compliant");
        let text = one.to_text();
        assert_eq!(Baseline::parse_stored(&text, "b"), Ok(one));
        for (text, why) in [
            (text[..text.len() / 2].to_owned(), "EOF"),
            (
                text.replace("\"schema_version\": 1", "\"schema_version\": 9"),
                "schema version 9",
            ),
            (text.replace("scan_id", "scan"), "unknown field"),
        ] {
            let problem = Baseline::parse_stored(&text, "b").expect_err(why);
            assert!(problem.why.contains(why), "{problem}");
        }
        let report = r#"{"schema_version": 1, "scan": {"id": "s", "as_of": "2026-11-01T12:00:00Z"}, "findings": [
            {"id": "a", "rule": "r", "resource_arn": "x", "verdict": "non-compliant", "waived": false},
            {"id": "b", "rule": "r", "resource_arn": "y", "verdict": "compliant", "waived": false},
            {"id": "c", "rule": "r", "resource_arn": "z", "verdict": "non-compliant", "waived": true}]}"#;
        let read = Baseline::parse_report(report, "report.json").expect("a baseline");
        assert_eq!(read.known.keys().collect::<Vec<_>>(), ["a"]);
        for (text, why) in [
            (
                report.replace("\"compliant\"", "\"fine\""),
                "`fine` of finding b is no verdict",
            ),
            (report[..120].to_owned(), "EOF"),
            ("[]".to_owned(), "invalid length"),
            ("{}".to_owned(), "missing field"),
        ] {
            let problem = Baseline::parse_report(&text, "report.json").expect_err(why);
            assert!(problem.why.contains(why), "{problem}");
        }
    }
}
