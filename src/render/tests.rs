//! Every machine format on made-up reports: determinism, counts, and samples for the consumers of `tests/outside`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::Duration;
use serde_json::Value;

use super::sample;
use super::{FORMATS, Templates, asff};
use crate::commands::explain::{SCHEMAS, schema};
use crate::domain::{Answer, Demands, Finding, Resource, Subject, TargetId, Verdict};
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
        demands: Demands::NONE,
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
        finding.waivers = [waiver.clone()].into();
    }
    report.tiers = vec![TierLine {
        name: NASTY.to_owned(),
        when: "table_name LIKE '%'".to_owned(),
        values: vec![("rpo".to_owned(), "6h".to_owned())],
        exemption: None,
        levels: Default::default(),
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
        advised: Vec::new(),
        advised_open: 0,
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
        laxer: Vec::new(),
        controls: vec![
            row(control, &["in-a-plan", "pitr-on"], Some(Verdict::NonCompliant)),
            row("Z.1", &["backed-up"], Some(Verdict::Unknown)),
            row("Z.2", &[], None),
        ],
    }
}

/// A finding on a waiver: it lives in no account and has no ARN.
fn without_account(report: &Report) -> Finding {
    let nowhere = TargetId::new(String::new(), String::new());
    Finding {
        id: "ffffffffffffffffffffffffffffffff".into(),
        rule: "waiver-sound".into(),
        resource: Arc::new(Resource {
            subject: Subject::Waiver,
            resource_arn: NASTY.to_owned(),
            resource_name: NASTY.to_owned(),
            target: nowhere,
        }),
        verdict: Verdict::NonCompliant,
        waived: false,
        waivers: Box::default(),
        failing: Box::default(),
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
    let without_pages = FORMATS
        .iter()
        .filter(|format| !matches!(format.name, "pdf" | "html" | "xlsx" | "parquet"));
    without_pages.map(|format| format.file_name)
}

/// Writes the samples that `tests/outside/test_formats.py` opens, into the folder that `BACKPROOF_SAMPLES` names.
#[test]
fn samples_for_consumers() {
    let Some(folder) = std::env::var_os("BACKPROOF_SAMPLES").map(PathBuf::from) else {
        return;
    };
    let mut plain = sample::report(3);
    plain.frameworks.clear();
    for (name, report) in [
        ("nasty", nasty()),
        ("plain", plain),
        ("empty", sample::report(0)),
        ("one", sample::report(1)),
    ] {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder).expect("a writable folder");
        for file in machine_formats() {
            std::fs::write(folder.join(file), rendered(&report, file)).expect("written");
        }
        let mut workbook = Vec::new();
        super::xlsx::render(&report, &mut workbook).expect("a workbook");
        std::fs::write(folder.join("report.xlsx"), workbook).expect("written");
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
            .all(|format| { matches!(format.name, "csv" | "parquet" | "json" | "html" | "pdf") })
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
    let sarif = json("report-all.sarif");
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    let kinds = |kind: &str| {
        let is_of = |result: &&Value| result["kind"] == kind && result["suppressions"] == serde_json::json!([]);
        results.iter().filter(is_of).count()
    };
    // One for the target that was not listed, one for the Regions.
    assert_eq!(kinds("open"), of(Verdict::Unknown) + 2);
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
    let required = |verdict: Verdict| {
        let is_of = |finding: &&Finding| finding.verdict == verdict && !finding.waived && finding.is_required();
        report.findings.iter().filter(is_of).count()
    };
    // One error for the target that was not listed, one for the Regions. What only advises is skipped, and passes nowhere.
    assert_eq!(junit.matches("<error ").count(), required(Verdict::Unknown) + 2);
    assert_eq!(junit.matches("<failure ").count(), required(Verdict::NonCompliant));
    let advised =
        of(Verdict::Unknown) + of(Verdict::NonCompliant) - required(Verdict::Unknown) - required(Verdict::NonCompliant);
    assert!(advised > 0);
    assert_eq!(junit.matches("type=\"advised\"").count(), advised);
}

/// What is not known and accepted by a waiver is neither: no format calls it a pass, and each that has answers has a word for it.
#[test]
fn unknown_that_is_waived_has_a_word_of_its_own_in_every_format() {
    let mut report = nasty();
    for table in &mut report.tables {
        table.answers = [Answer::UnknownWaived; 4];
        table.verdict = Answer::UnknownWaived;
    }
    let waiver: std::sync::Arc<str> = report.waivers[0].id.as_str().into();
    for finding in &mut report.findings {
        finding.verdict = Verdict::Unknown;
        (finding.waived, finding.waivers) = (true, [waiver.clone()].into());
    }
    report.totals = Totals::of(&report.tables, &report.findings);
    let all = report.findings.len();
    let count = |file: &str, wanted: &str| rendered(&report, file).matches(wanted).count();
    let machine = "unknown-waived";
    for (file, wanted) in [
        ("tables.csv", machine),
        ("report.json", machine),
        ("backproof.prom", machine),
        ("report.html", "unknown (waived)"),
        ("summary.md", "unknown (waived)"),
    ] {
        assert!(count(file, wanted) > 0, "{file}");
    }
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    let mut pdf = Vec::new();
    let format = FORMATS.iter().find(|format| format.name == "pdf").expect("a format");
    format
        .write(&report, &Templates::default(), &mut pdf)
        .expect("rendered");
    let pdf = lopdf::Document::load_mem(&pdf).expect("a PDF");
    let pages: Vec<u32> = pdf.get_pages().keys().copied().collect();
    let pdf = pdf.extract_text(&pages).expect("text");
    assert!(squeezed(&pdf).contains(&squeezed("unknown (waived)")), "{pdf}");
    let screen = super::terminal::digest(&report, None);
    let questions = screen.lines().filter(|line| line.ends_with(" unknown (waived)"));
    assert_eq!(questions.count(), 4, "{screen}");
    for claim in [" yes", " no "] {
        assert!(!screen.contains(claim), "{screen}");
    }
    // Formats without answers tell of each finding.
    assert_eq!(count("report-all.sarif", "\"kind\": \"pass\""), 0);
    assert_eq!(count("junit.xml", "type=\"waived\""), all);
    assert_eq!(count("findings.ocsf.jsonl", "\"status\":\"Suppressed\""), all);
    assert_eq!(count("findings.ocsf.jsonl", "\"status\":\"Success\""), 0);
    assert_eq!(count("findings.asff.json", "\"PASSED\""), 0);
    assert!(count("findings.asff.json", "\"SUPPRESSED\"") > 0);
    assert_eq!(count("assessment-results.json", "\"satisfied\""), 0);
    assert!(count("assessment-results.json", ": unknown, waived") > 0);
}

/// Code hosts refuse a file with another address in it, and make an alert of each result.
#[test]
fn code_hosts_get_problems_only_each_at_a_relative_path() {
    let report = nasty();
    let problems: Value = serde_json::from_str(&rendered(&report, "report.sarif")).expect("JSON");
    let results = problems["runs"][0]["results"].as_array().expect("results");
    let is_problem =
        |finding: &&Finding| !finding.waived && matches!(finding.verdict, Verdict::NonCompliant | Verdict::Unknown);
    assert_eq!(results.len(), report.findings.iter().filter(is_problem).count() + 2);
    let rules = problems["runs"][0]["tool"]["driver"]["rules"]
        .as_array()
        .expect("rules");
    for rule in rules {
        let (name, tags) = (rule["name"].as_str().expect("a name"), &rule["properties"]["tags"]);
        assert!(name.starts_with(char::is_uppercase), "{name}");
        assert!(tags.as_array().is_some_and(|tags| tags.len() <= 20));
    }
    for result in results {
        assert!(matches!(result["kind"].as_str(), Some("fail" | "open")), "{result}");
        let place = &result["locations"][0]["physicalLocation"];
        let path = place["artifactLocation"]["uri"].as_str().expect("an address");
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%/".contains(&byte);
        assert!(path.bytes().all(is_plain), "{path}");
        assert!(path.split('/').all(|part| !matches!(part, "" | "." | "..")), "{path}");
        assert_eq!(place["region"]["startLine"], 1);
    }
    let plain = results
        .iter()
        .map(|result| &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]);
    let plain: Vec<&str> = plain.filter_map(Value::as_str).collect();
    assert!(
        plain.contains(&"arn/aws/dynamodb/eu-west-1/444455556666/table/sessions_00001"),
        "{plain:?}"
    );
    assert!(plain.contains(&"account/111122223333/eu-west-1"), "{plain:?}");
}

/// A rule may answer more controls than that.
#[test]
fn rules_of_code_hosts_have_no_more_tags_than_they_take() {
    let mut report = nasty();
    let rows: Vec<ControlRow> = (0..40)
        .map(|number| ControlRow {
            id: format!("A.{number}"),
            ..report.frameworks[0].controls[0].clone()
        })
        .collect();
    report.frameworks[0].controls = rows;
    let sarif: Value = serde_json::from_str(&rendered(&report, "report.sarif")).expect("JSON");
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"]
        .as_array()
        .expect("rules")
        .iter();
    let sizes = rules.map(|rule| {
        let of = |name: &str| rule["properties"][name].as_array().map_or(0, Vec::len);
        (of("tags"), of("controls"))
    });
    assert_eq!(sizes.max(), Some((20, 41)), "the controls are all told");
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
    let left_out = text
        .lines()
        .find(|line| line.starts_with("backproof_tables_without_series{"));
    assert!(left_out.is_some_and(|line| line.ends_with(" 500")));
    let series = text
        .lines()
        .filter(|line| line.starts_with("backproof_table_open_findings{"));
    assert_eq!(series.count(), 1000);
}

/// A series goes on from scan to scan, and two reports on one host have none in common.
#[test]
fn reports_have_a_name_for_what_they_ask() {
    let name = |report: &Report| {
        let text = rendered(report, "backproof.prom");
        let info = text.lines().find(|line| line.starts_with("backproof_info{report=\""));
        let rest = info.and_then(|line| line.split('"').nth(1));
        let name = rest.expect("a name").to_owned();
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let own = format!("{{report=\"{name}\"");
        assert!(samples.clone().count() > 50 && samples.clone().all(|line| line.contains(&own)));
        name
    };
    let first = sample::report(3);
    let mut later = sample::report(4);
    later.scan.id = "another".to_owned();
    later.scan.as_of += Duration::days(1);
    later.scan.tool_version = "9.9.9".to_owned();
    later.waivers.clear();
    assert_eq!(name(&first), name(&later));
    let changes: [fn(&mut Report); 5] = [
        |report| report.coverage.targets.truncate(1),
        |report| report.policy[0].1 = "1h".to_owned(),
        |report| report.rules.truncate(1),
        |report| report.frameworks.clear(),
        |report| report.tiers[0].when = "true".to_owned(),
    ];
    for change in changes {
        let mut other = sample::report(3);
        change(&mut other);
        assert_ne!(name(&first), name(&other));
    }
}

#[test]
fn findings_of_no_account_go_to_the_callers() {
    let report = nasty();
    let (target, finding) = asff::findings(&report, |_| true).last().expect("the one on the waiver");
    assert_eq!(finding.resources[0].kind, "Other");
    assert_eq!(
        target, report.coverage.targets[0].target,
        "the caller's account is not in scope: the first target"
    );
}

#[test]
fn every_format_is_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/usage.md")).expect("the page");
    for format in FORMATS {
        assert!(
            page.contains(&format!("`{}`", format.file_name)),
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
