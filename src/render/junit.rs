//! JUnit XML, for build servers: one suite for each rule, one case for each subject, and a suite on what was read.
//!
//! Non-compliant is a failure. Unknown is an error: a test that could not be carried out has not passed. Not applicable and
//! waived are skipped, with the reason. A target whose tables could not be listed is an error of the last suite, for no
//! other suite can know of it.

use std::collections::BTreeMap;
use std::io::Write;

use quick_junit::{NonSuccessKind, Report as Document, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::RenderError;
use super::csv::value_text;
use crate::domain::{Finding, Gap, Verdict};
use crate::report::{Report, RuleLine, TargetCoverage};
use crate::text::one_line;

const FILE: &str = "junit.xml";

/// The name of the suite that tells what was read.
const COVERAGE: &str = "coverage";

/// Renders the report, one suite in memory at a time.
///
/// Errors: the disk refused.
pub(crate) fn render(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let failed = |error: &dyn ToString| RenderError::new(FILE, error.to_string());
    let mut by_rule: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in &report.findings {
        by_rule.entry(&finding.rule).or_default().push(finding);
    }
    let frame = frame(report).to_string().map_err(|error| failed(&error))?;
    let (head, tail) = frame.rsplit_once("</testsuites>").unwrap_or((&frame, ""));
    let mut put = |text: &str| out.write_all(text.as_bytes()).map_err(|error| failed(&error));
    put(head)?;
    for (id, findings) in &by_rule {
        let suite = rule_suite(report, id, findings);
        put(&xml_of(suite).map_err(|error| failed(&error))?)?;
    }
    put(&xml_of(coverage_suite(report)).map_err(|error| failed(&error))?)?;
    put("</testsuites>")?;
    put(tail)
}

/// The document without its suites, with the sums over them.
fn frame(report: &Report) -> Document {
    let coverage = coverage_suite(report);
    let statuses = || report.findings.iter().map(|finding| status(report, finding));
    let of = |kind: NonSuccessKind| {
        let is = |status: &TestCaseStatus| matches!(status, TestCaseStatus::NonSuccess { kind: other, .. } if *other == kind);
        statuses().filter(is).count()
    };
    let mut frame = Document::new("backproof");
    frame.set_timestamp(report.scan.as_of);
    frame.tests = report.findings.len() + coverage.tests;
    frame.failures = of(NonSuccessKind::Failure) + coverage.failures;
    frame.errors = of(NonSuccessKind::Error) + coverage.errors;
    frame.skipped = statuses()
        .filter(|status| matches!(status, TestCaseStatus::Skipped { .. }))
        .count()
        + coverage.skipped;
    frame
}

/// One line without the characters that XML 1.0 has no way to write.
fn line(text: &str) -> String {
    one_line(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

/// A suite as it stands inside a document: the library writes whole documents only.
fn xml_of(suite: TestSuite) -> Result<String, SerializeError> {
    let mut alone = Document::new("");
    alone.add_test_suite(suite);
    let text = alone.to_string()?;
    // Text and attributes are escaped, so neither can hold a tag.
    let from = text.find("<testsuite ").unwrap_or_default();
    let to = text.rfind("</testsuites>").unwrap_or(text.len());
    Ok(format!("    {}", &text[from..to]))
}

fn rule_suite(report: &Report, id: &str, findings: &[&Finding]) -> TestSuite {
    let mut suite = TestSuite::new(id);
    suite.set_timestamp(report.scan.as_of);
    if let Some(rule) = report.rule(id) {
        suite.add_properties(properties(rule));
    }
    for finding in findings {
        suite.add_test_case(case(report, finding));
    }
    suite
}

fn properties(rule: &RuleLine) -> Vec<(String, String)> {
    [
        ("title", rule.title.clone()),
        ("severity", rule.severity.to_string()),
        ("subject", rule.subject.to_string()),
        ("remedy", rule.remedy.clone()),
    ]
    .map(|(name, value)| (name.to_owned(), line(&value)))
    .to_vec()
}

fn case(report: &Report, finding: &Finding) -> TestCase {
    let mut case = TestCase::new(line(&finding.resource_arn), status(report, finding));
    case.set_classname(format!("backproof.{}", finding.rule));
    case
}

fn status(report: &Report, finding: &Finding) -> TestCaseStatus {
    // What only advises fails no build.
    let is_advice = !finding.is_required() && matches!(finding.verdict, Verdict::NonCompliant | Verdict::Unknown);
    let mut status = match (finding.waived || is_advice, finding.verdict) {
        (true, _) | (_, Verdict::NotApplicable) => TestCaseStatus::skipped(),
        (_, Verdict::Compliant) => return TestCaseStatus::success(),
        (_, Verdict::NonCompliant) => TestCaseStatus::non_success(NonSuccessKind::Failure),
        (_, Verdict::Unknown) => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    let message = line(&finding.message);
    if finding.waived {
        status.set_message(format!("{}: {message}", line(&report.why_waived(finding))));
        status.set_type("waived");
    } else if is_advice {
        status.set_message(format!("advised, {}: {message}", finding.verdict));
        status.set_type("advised");
    } else {
        status.set_message(message);
        status.set_type(match finding.verdict {
            Verdict::NonCompliant => finding.severity.as_str(),
            other => other.as_str(),
        });
    }
    if finding.verdict != Verdict::NotApplicable {
        status.set_description(description(finding));
    }
    status
}

/// What a person needs to act: which thing, on what evidence, what to do.
fn description(finding: &Finding) -> String {
    let mut lines = vec![line(&finding.message)];
    if !finding.remedy.is_empty() {
        lines.push(format!("remedy: {}", line(&finding.remedy)));
    }
    for (name, value) in &finding.evidence {
        lines.push(format!("{name}: {}", line(&value_text(value))));
    }
    lines.push(format!("severity: {}", finding.severity));
    lines.push(format!("finding: {}", finding.id));
    lines.join("\n")
}

fn coverage_suite(report: &Report) -> TestSuite {
    let coverage = &report.coverage;
    let mut suite = TestSuite::new(COVERAGE);
    suite.set_timestamp(report.scan.as_of);
    if coverage.regions_unknown {
        let message =
            "the Regions were neither named nor could they be listed: others may hold tables that nobody looked at";
        suite.add_test_case(coverage_case("Regions", error(message.to_owned(), &[])));
    }
    for target in &coverage.targets {
        let gaps: Vec<&Gap> = coverage.gaps.iter().filter(|gap| gap.target == target.target).collect();
        suite.add_test_case(target_case(target, &gaps));
    }
    suite
}

fn target_case(target: &TargetCoverage, gaps: &[&Gap]) -> TestCase {
    let name = format!("{} ({})", target.target.account_id, target.target.region);
    if target.tables_listed.is_none() {
        let message = "its tables could not be listed whole: what was not listed was not judged";
        return coverage_case(&name, error(message.to_owned(), gaps));
    }
    // What a gap does to a verdict is told where the verdict is.
    let mut case = coverage_case(&name, TestCaseStatus::success());
    if !gaps.is_empty() {
        case.set_system_out(gap_lines(gaps));
    }
    case
}

fn coverage_case(name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(line(name), status);
    case.set_classname(format!("backproof.{COVERAGE}"));
    case
}

fn error(message: String, gaps: &[&Gap]) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_message(message).set_type("not-read");
    if !gaps.is_empty() {
        status.set_description(gap_lines(gaps));
    }
    status
}

fn gap_lines(gaps: &[&Gap]) -> String {
    let one = |gap: &&Gap| line(&format!("{} {}: {}; {}", gap.action, gap.resource, gap.why, gap.so));
    gaps.iter().map(one).collect::<Vec<_>>().join("\n")
}
