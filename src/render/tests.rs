//! Every machine format on made-up reports: determinism, counts, and samples for the consumers of `tests/outside`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::Duration;
use serde_json::Value;

use super::sample;
use super::{FORMATS, Templates, asff};
use crate::commands::explain::{SCHEMAS, schema};
use crate::domain::{Finding, Subject, TargetId, Verdict};
use crate::report::{ControlRow, FrameworkReport, Origin, Report, TierLine, Totals, WaiverLine};

/// Texts that break careless writers, in every place where a person or AWS may have written them.
const NASTY: &str = "]]> --> </testsuites> \u{0}\u{1b}[31m \u{fffe} \"'`|\\ *x* [a](javascript:1) <b>&amp; @here #1 {{x}} =1+1 \u{202e}end";

/// A report in which everything occurs: waivers with nasty texts, controls, tables that were not listed, subjects
/// without an account.
pub(super) fn nasty() -> Report {
    let mut report = sample::report(97);
    let as_of = report.scan.as_of;
    report.waivers = vec![WaiverLine {
        id: format!("RISK-1 {NASTY}"),
        rule: "pitr-on".to_owned(),
        tables: "*".to_owned(),
        reason: NASTY.to_owned(),
        compensating_control: NASTY.to_owned(),
        requester: "lead".to_owned(),
        approver: NASTY.to_owned(),
        approved_at: as_of - Duration::days(3),
        expires_at: as_of + Duration::days(30),
        ticket: String::new(),
        table_count: 3,
        finding_count: 3,
        is_in_force: true,
    }];
    let waiver: std::sync::Arc<str> = report.waivers[0].id.as_str().into();
    for finding in report.findings.iter_mut().filter(|finding| finding.waived) {
        finding.waiver = Some(waiver.clone());
    }
    report.tiers = vec![TierLine {
        name: NASTY.to_owned(),
        when: "table_name LIKE '%'".to_owned(),
        values: vec![("rpo".to_owned(), "6h".to_owned())],
        exemption: None,
        table_count: 97,
    }];
    report.frameworks = vec![
        framework("hipaa", "164.308(a)(7)(ii)(A)"),
        framework("nist-800-53-r5", "CP-9(1)"),
    ];
    let target = &mut report.coverage.targets[0];
    target.tables_listed = None;
    target.status = "partly";
    report.coverage.regions_unknown = true;
    report.coverage.gaps[0].why = NASTY.to_owned();
    report.findings.push(without_account(&report));
    report.totals = Totals::of(&report.tables, &report.findings);
    report
}

fn framework(id: &str, control: &str) -> FrameworkReport {
    let row = |id: &str, rules: &[&str], verdict| ControlRow {
        id: id.to_owned(),
        question: "Q1".to_owned(),
        relation: "direct".to_owned(),
        letter: "V".to_owned(),
        asks: NASTY.to_owned(),
        only_if: String::new(),
        rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
        answered: if rules.is_empty() { "none" } else { "rules" }.to_owned(),
        verdict,
        counts: BTreeMap::new(),
        waived: 0,
    };
    FrameworkReport {
        id: id.to_owned(),
        title: format!("{id} {NASTY}"),
        version: "1".to_owned(),
        origin: Origin::Program,
        controls: vec![
            row(control, &["in-a-plan", "pitr-on"], Some(Verdict::NonCompliant)),
            row("Z.1", &["recovery-point-fresh"], Some(Verdict::Unknown)),
            row("Z.2", &[], None),
        ],
    }
}

/// A finding on a waiver: it lives in no account and has no ARN.
fn without_account(report: &Report) -> Finding {
    let nowhere = TargetId::new(String::new(), String::new());
    Finding {
        id: "ffffffffffffffffffffffffffffffff".to_owned(),
        rule: "waiver-sound".into(),
        subject: Subject::Waiver,
        resource_arn: NASTY.to_owned(),
        resource_name: NASTY.to_owned(),
        target: nowhere,
        verdict: Verdict::NonCompliant,
        waived: false,
        waiver: None,
        ..report.findings[0].clone()
    }
}

fn rendered(report: &Report, file_name: &str) -> String {
    let format = FORMATS
        .iter()
        .find(|format| format.file_name == file_name)
        .expect("a format");
    let mut bytes = Vec::new();
    format
        .write(report, &Templates::default(), &mut bytes)
        .expect("rendered");
    String::from_utf8(bytes).expect("UTF-8")
}

fn machine_formats() -> impl Iterator<Item = &'static str> {
    let without_pages = FORMATS.iter().filter(|format| !matches!(format.name, "pdf" | "html"));
    without_pages.map(|format| format.file_name)
}

/// Writes the samples that `tests/outside/test_formats.py` opens, into the folder that `BACKPROOF_SAMPLES` names.
#[test]
fn samples_for_consumers() {
    let Some(folder) = std::env::var_os("BACKPROOF_SAMPLES").map(PathBuf::from) else {
        return;
    };
    for (name, report) in [
        ("nasty", nasty()),
        ("empty", sample::report(0)),
        ("one", sample::report(1)),
    ] {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder).expect("a writable folder");
        for file in machine_formats() {
            std::fs::write(folder.join(file), rendered(&report, file)).expect("written");
        }
    }
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    for file in machine_formats() {
        assert_eq!(rendered(&nasty(), file), rendered(&nasty(), file), "{file}");
    }
}

#[test]
fn file_names_are_told_apart() {
    let mut names: Vec<&str> = FORMATS.iter().map(|format| format.file_name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), FORMATS.len());
    assert!(
        FORMATS
            .iter()
            .filter(|format| format.is_default)
            .all(|format| { matches!(format.name, "csv" | "json" | "html" | "pdf") })
    );
}

#[test]
fn no_format_lets_control_characters_through() {
    let report = nasty();
    // The raw values are in report.json and the CSV files, in their own escapes.
    for file in ["summary.md", "junit.xml", "backproof.prom"] {
        let text = rendered(&report, file);
        let bad = text
            .chars()
            .find(|character| character.is_control() && *character != '\n');
        assert_eq!(bad, None, "{file}");
    }
}

/// In each format: what unknown is called, and that it is never called what compliant is called.
#[test]
fn unknown_is_never_a_pass() {
    let report = nasty();
    let of = |verdict: Verdict| {
        let is_of = |finding: &&Finding| finding.verdict == verdict && !finding.waived;
        report.findings.iter().filter(is_of).count()
    };
    let json = |file: &str| -> Value { serde_json::from_str(&rendered(&report, file)).expect("JSON") };
    let sarif = json("report.sarif");
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    let kinds = |kind: &str| {
        let is_of = |result: &&Value| result["kind"] == kind && result["suppressions"] == serde_json::json!([]);
        results.iter().filter(is_of).count()
    };
    assert_eq!(kinds("open"), of(Verdict::Unknown));
    assert_eq!(kinds("pass"), of(Verdict::Compliant));
    assert_eq!(sarif["runs"][0]["invocations"][0]["executionSuccessful"], false);
    let asff = json("findings.asff.json");
    let statuses = |status: &str| {
        let list = asff.as_array().expect("a list").iter();
        list.filter(|one| one["Compliance"]["Status"] == status && one["Workflow"].is_null())
            .count()
    };
    assert_eq!(statuses("WARNING"), of(Verdict::Unknown));
    assert_eq!(statuses("PASSED"), of(Verdict::Compliant));
    assert_eq!(
        statuses("NOT_AVAILABLE"),
        0,
        "what a rule does not ask about is not told"
    );
    let ocsf = rendered(&report, "findings.ocsf.jsonl");
    let warnings = ocsf.lines().filter(|line| line.contains("\"status\":\"Warning\""));
    let all_unknown = report
        .findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Unknown);
    assert_eq!(warnings.count(), all_unknown.count());
    let junit = rendered(&report, "junit.xml");
    // One error for the target that was not listed, one for the Regions.
    assert_eq!(junit.matches("<error ").count(), of(Verdict::Unknown) + 2);
    assert_eq!(junit.matches("<failure ").count(), of(Verdict::NonCompliant));
}

#[test]
fn oscal_satisfies_no_control_that_is_unknown() {
    let oscal: Value = serde_json::from_str(&rendered(&nasty(), "assessment-results.json")).expect("JSON");
    let result = &oscal["assessment-results"]["results"][0];
    let findings = result["findings"].as_array().expect("findings");
    let of = |target: &str| {
        let found = findings.iter().find(|finding| finding["target"]["target-id"] == target);
        found.unwrap_or_else(|| panic!("no finding on {target}"))["target"]["status"].clone()
    };
    assert_eq!(of("cp-9.1")["reason"], "fail");
    assert_eq!(of("hipaa_164.308_a__7__ii__A_")["state"], "not-satisfied");
    assert_eq!(of("z.1")["state"], "not-satisfied");
    assert_eq!(of("z.1")["reason"], "other");
    let accepted = result["risks"].as_array().expect("risks").iter();
    assert!(accepted.filter(|risk| risk["status"] == "deviation-approved").count() > 0);
}

#[test]
fn large_organisations_show_their_worst_tables() {
    let report = sample::report(1500);
    let text = rendered(&report, "backproof.prom");
    assert!(text.contains("\nbackproof_tables_without_series 500\n"));
    let series = text
        .lines()
        .filter(|line| line.starts_with("backproof_table_open_findings{"));
    assert_eq!(series.count(), 1000);
}

#[test]
fn findings_of_no_account_go_to_the_callers() {
    let report = nasty();
    let (target, finding) = asff::findings(&report).last().expect("the one on the waiver");
    assert_eq!(finding.resources[0].kind, "Other");
    assert_eq!(
        target, report.coverage.targets[0].target,
        "the caller's account is not in scope: the first target"
    );
}

#[test]
fn every_format_is_in_the_readme() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).expect("the README");
    for format in FORMATS {
        assert!(
            readme.contains(&format!("`{}`", format.file_name)),
            "{}",
            format.file_name
        );
    }
}

/// `BACKPROOF_BLESS=1` writes them anew.
#[test]
fn shipped_schemas_are_fresh() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas");
    for (name, _) in SCHEMAS {
        let path = folder.join(format!("{name}.schema.json"));
        let text = schema(name).expect("a schema");
        if std::env::var_os("BACKPROOF_BLESS").is_some() {
            std::fs::create_dir_all(&folder).expect("a folder");
            std::fs::write(&path, &text).expect("written");
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), text, "{name}");
    }
}
