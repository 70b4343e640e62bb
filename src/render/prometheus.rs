//! Prometheus text format 0.0.4, for the textfile collector: numbers worth an alert.
//!
//! What is not known has no sample, and a series that ends in `_unknown` says so with 1: an alert on either is possible,
//! and silence never looks like health. Samples carry no time of their own, which the textfile collector refuses; the
//! instant of the evidence is a gauge. Series by table are bounded: of a large organisation only its worst tables have
//! them, and how many were left out is a gauge too.
//!
//! Every sample names its report, so that those of several stand side by side on one host. The name stays the same as long
//! as the report asks the same of the same accounts and Regions: a series goes on from scan to scan.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use super::RenderError;
use crate::criteria::values::LIMIT_HOURS;
use crate::dictionary::{FactKey, TableFacts};
use crate::digest;
use crate::domain::{Answer, FactValue, Finding, Severity, Subject, TargetId, Verdict};
use crate::report::{Report, TableRow};
use crate::text::one_line;

const FILE: &str = "backproof.prom";

/// Tables with series of their own.
const MOST_TABLES: usize = 1000;

/// Renders the report.
///
/// Errors: the disk refused.
pub(crate) fn render(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let mut page = Page {
        report: report_name(report),
        out,
    };
    let written = scan(report, &mut page)
        .and_then(|()| coverage(report, &mut page))
        .and_then(|()| rules(report, &mut page))
        .and_then(|()| tables(report, &mut page));
    written.map_err(|error| RenderError::new(FILE, error))
}

/// What tells this report from others: whom it asks, and what. Not what was found, nor when, nor what is accepted.
fn report_name(report: &Report) -> String {
    let mut asked = String::new();
    let mut add = |parts: &[&str]| asked.extend([parts.join("\u{1f}"), "\n".to_owned()]);
    for target in &report.coverage.targets {
        add(&["target", &target.target.account_id, &target.target.region]);
    }
    for (name, value) in &report.policy {
        add(&["policy", name, value]);
    }
    for tier in &report.tiers {
        add(&["tier", &tier.name, &tier.when]);
        for (name, value) in &tier.values {
            add(&["value", name, value]);
        }
    }
    for rule in &report.rules {
        add(&["rule", &rule.id]);
    }
    for framework in &report.frameworks {
        add(&["framework", &framework.id]);
    }
    digest::of_bytes(asked.as_bytes()).chars().take(12).collect()
}

/// The text so far.
struct Page<'o> {
    report: String,
    out: &'o mut dyn Write,
}

type Written = std::io::Result<()>;

impl Page<'_> {
    /// Begins a gauge. Its samples follow at once: the format wants them together.
    fn gauge(&mut self, name: &str, help: &str) -> Written {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} gauge")
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) -> Written {
        let own = [("report", self.report.as_str())];
        let labels: Vec<String> = own
            .iter()
            .chain(labels)
            .map(|(label, text)| format!("{label}=\"{}\"", escape(text)))
            .collect();
        let value = if value.is_infinite() {
            "+Inf".to_owned()
        } else {
            value.to_string()
        };
        writeln!(self.out, "{name}{{{}}} {value}", labels.join(","))
    }

    /// A gauge with one sample.
    fn one(&mut self, name: &str, help: &str, value: f64) -> Written {
        self.gauge(name, help)?;
        self.sample(name, &[], value)
    }
}

/// A label's value.
fn escape(text: &str) -> String {
    one_line(text).replace('\\', "\\\\").replace('"', "\\\"")
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of tables and findings stay far below 2^52"
)]
const fn number(count: usize) -> f64 {
    count as f64
}

fn flag(is_true: bool) -> f64 {
    f64::from(u8::from(is_true))
}

fn scan(report: &Report, page: &mut Page) -> Written {
    let scan = &report.scan;
    page.gauge(
        "backproof_info",
        "Version of the program that made this report, and the accounts and Regions that it is about.",
    )?;
    let of_targets = |part: fn(&TargetId) -> &str| {
        let parts: BTreeSet<&str> = report.coverage.targets.iter().map(|row| part(&row.target)).collect();
        parts.into_iter().collect::<Vec<_>>().join(" ")
    };
    let accounts = of_targets(|target| &target.account_id);
    let regions = of_targets(|target| &target.region);
    let labels = [
        ("version", scan.tool_version.as_str()),
        ("account_ids", &accounts),
        ("regions", &regions),
    ];
    page.sample("backproof_info", &labels, 1.0)?;
    page.one(
        "backproof_as_of_timestamp_seconds",
        "Instant of the evidence, by AWS's clock. Alert when it is old: then nobody looks any more.",
        number(usize::try_from(scan.as_of.timestamp()).unwrap_or_default()),
    )?;
    page.one(
        "backproof_evidence_missing",
        "1 if a required verdict is unknown, or tables may exist that nobody saw.",
        flag(report.is_evidence_missing()),
    )?;
    page.gauge("backproof_tables", "Tables by their verdict.")?;
    for answer in Answer::ALL {
        let count = report.totals.tables_by_verdict.get(&answer).copied().unwrap_or(0);
        page.sample("backproof_tables", &[("verdict", answer.as_str())], number(count))?;
    }
    let name = "backproof_tables_by_answer";
    page.gauge(name, "Tables by the answer to each question.")?;
    for (question, answers) in &report.totals.tables_by_answer {
        for answer in Answer::ALL {
            let labels = [("question", question.as_str()), ("answer", answer.as_str())];
            page.sample(name, &labels, number(answers.get(&answer).copied().unwrap_or(0)))?;
        }
    }
    let totals = &report.totals;
    for (name, help, counts) in [
        (
            "backproof_open_findings",
            "Required findings that are non-compliant and that no waiver covers, by severity.",
            &totals.non_compliant_by_severity,
        ),
        (
            "backproof_advised_findings",
            "Advised findings that are non-compliant and that no waiver covers, by severity.",
            &totals.advised_by_severity,
        ),
    ] {
        page.gauge(name, help)?;
        for severity in Severity::ALL {
            let labels = [("severity", severity.as_str())];
            page.sample(name, &labels, number(counts.get(&severity).copied().unwrap_or(0)))?;
        }
    }
    let name = "backproof_waived_findings";
    page.one(name, "Findings under a waiver.", number(report.totals.waived))
}

fn coverage(report: &Report, page: &mut Page) -> Written {
    let coverage = &report.coverage;
    for (name, help, count) in [
        ("listed", "Tables that were listed.", coverage.tables_listed),
        ("described", "Tables that were described.", coverage.tables_described),
        (
            "vanished",
            "Tables that were gone before they were described.",
            coverage.tables_vanished,
        ),
        (
            "undescribed",
            "Tables whose description could not be read.",
            coverage.tables_unknown,
        ),
    ] {
        page.one(&format!("backproof_tables_{name}"), help, number(count))?;
    }
    page.one(
        "backproof_regions_unknown",
        "1 if the Regions were neither named nor could they be listed.",
        flag(coverage.regions_unknown),
    )?;
    page.gauge(
        "backproof_target_tables_listed",
        "Tables of a target; no sample if they could not be listed whole.",
    )?;
    let place =
        |target: &'_ crate::report::TargetCoverage| (target.target.account_id.clone(), target.target.region.clone());
    for target in &coverage.targets {
        if let Some(listed) = target.tables_listed {
            let (account, region) = place(target);
            let labels = [("account_id", account.as_str()), ("region", region.as_str())];
            page.sample("backproof_target_tables_listed", &labels, number(listed))?;
        }
    }
    page.gauge(
        "backproof_target_tables_unknown",
        "1 if the tables of a target could not be listed whole.",
    )?;
    for target in &coverage.targets {
        let (account, region) = place(target);
        let labels = [("account_id", account.as_str()), ("region", region.as_str())];
        let is_unknown = flag(target.tables_listed.is_none());
        page.sample("backproof_target_tables_unknown", &labels, is_unknown)?;
    }
    page.gauge("backproof_target_gaps", "Calls to a target that failed for good.")?;
    for target in &coverage.targets {
        let (account, region) = place(target);
        let labels = [("account_id", account.as_str()), ("region", region.as_str())];
        page.sample("backproof_target_gaps", &labels, number(target.gap_count))?;
    }
    Ok(())
}

/// What each rule says, waived findings apart.
fn rules(report: &Report, page: &mut Page) -> Written {
    let mut counts: BTreeMap<(&str, Option<Verdict>), usize> = BTreeMap::new();
    for finding in &report.findings {
        let verdict = (!finding.waived).then_some(finding.verdict);
        *counts.entry((&finding.rule, verdict)).or_default() += 1;
    }
    page.gauge(
        "backproof_findings",
        "Findings of a rule by verdict; those under a waiver have the verdict `waived`.",
    )?;
    for rule in &report.rules {
        let severity = ("severity", rule.severity.as_str());
        for verdict in Verdict::ALL.map(Some).into_iter().chain([None]) {
            let count = counts.get(&(rule.id.as_str(), verdict)).copied().unwrap_or(0);
            let verdict = verdict.map_or("waived", Verdict::as_str);
            let labels = [("rule", rule.id.as_str()), severity, ("verdict", verdict)];
            page.sample("backproof_findings", &labels, number(count))?;
        }
    }
    Ok(())
}

/// One table and the sums of its findings.
struct Row<'r> {
    table: &'r TableRow,
    open: usize,
    unknown: usize,
}

/// The worst tables first, of equals in order of ARN; and how many were left out.
fn worst(report: &Report) -> (Vec<Row<'_>>, usize) {
    let mut sums: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let on_tables = |finding: &&Finding| finding.subject == Subject::Table && !finding.waived;
    for finding in report.findings.iter().filter(on_tables) {
        let (open, unknown) = sums.entry(&finding.resource_arn).or_default();
        match finding.verdict {
            Verdict::NonCompliant => *open += 1,
            Verdict::Unknown => *unknown += 1,
            Verdict::Compliant | Verdict::NotApplicable => {}
        }
    }
    let mut rows: Vec<Row<'_>> = report
        .tables
        .iter()
        .map(|table| {
            let (open, unknown) = sums.get(table.table_arn.as_str()).copied().unwrap_or_default();
            Row { table, open, unknown }
        })
        .collect();
    let left_out = rows.len().saturating_sub(MOST_TABLES);
    if left_out > 0 {
        rows.sort_by_key(|row| std::cmp::Reverse((row.open, row.unknown)));
        rows.truncate(MOST_TABLES);
        rows.sort_by_key(|row| &row.table.table_arn);
    }
    (rows, left_out)
}

/// A series of each table; a value that is not known has no sample.
struct Gauge {
    name: &'static str,
    help: &'static str,
    of: fn(&Row<'_>) -> Option<f64>,
}

const GAUGES: [Gauge; 6] = [
    Gauge {
        name: "open_findings",
        help: "Non-compliant findings on a table that no waiver covers.",
        of: |row| Some(number(row.open)),
    },
    Gauge {
        name: "unknown_findings",
        help: "Findings on a table that are not known.",
        of: |row| Some(number(row.unknown)),
    },
    Gauge {
        name: "in_a_plan",
        help: "1 if a live backup plan takes the table, 0 if none does.",
        of: |row| value(row.table, TableFacts::in_a_plan),
    },
    Gauge {
        name: "usable_recovery_points",
        help: "Usable recovery points of a table.",
        of: |row| value(row.table, TableFacts::usable_recovery_point_count),
    },
    Gauge {
        name: "newest_recovery_point_age_seconds",
        help: "Age of the newest usable recovery point at the instant of the evidence; +Inf if there is none.",
        of: |row| age(row.table),
    },
    Gauge {
        name: "limit_seconds",
        help: "Greatest age that policy allows: frequency and tolerance, or the RPO.",
        of: |row| value(row.table, LIMIT_HOURS).map(|hours| hours * 3600.0),
    },
];

fn tables(report: &Report, page: &mut Page) -> Written {
    let (rows, left_out) = worst(report);
    page.one(
        "backproof_tables_without_series",
        "Tables without series of their own: a large organisation shows its worst tables.",
        number(left_out),
    )?;
    for Gauge { name, help, of } in GAUGES {
        let name = format!("backproof_table_{name}");
        page.gauge(&name, help)?;
        for row in &rows {
            if let Some(value) = of(row) {
                page.sample(&name, &labels(row.table), value)?;
            }
        }
    }
    let in_a_plan: fn(&TableRow) -> Option<f64> = |table| value(table, TableFacts::in_a_plan);
    for (name, of) in [("in_a_plan", in_a_plan), ("newest_recovery_point_age", age)] {
        let full = format!("backproof_table_{name}_unknown");
        page.gauge(
            &full,
            &format!("1 if {name} of a table is not known; then it has no sample."),
        )?;
        for row in &rows {
            page.sample(&full, &labels(row.table), flag(of(row.table).is_none()))?;
        }
    }
    Ok(())
}

fn labels(table: &TableRow) -> [(&'static str, &str); 3] {
    [
        ("account_id", &table.target.account_id),
        ("region", &table.target.region),
        ("table", &table.table_name),
    ]
}

/// A fact as a number; none if it is not known.
#[expect(clippy::cast_precision_loss, reason = "facts are counts and durations")]
fn value(table: &TableRow, key: FactKey) -> Option<f64> {
    match table.fact(key) {
        FactValue::Bool(is_true) => Some(flag(*is_true)),
        FactValue::Int(number) => Some(*number as f64),
        FactValue::Float(number) => Some(*number),
        _ => None,
    }
}

/// Infinite where it is known that there is no recovery point.
fn age(table: &TableRow) -> Option<f64> {
    if value(table, TableFacts::usable_recovery_point_count) == Some(0.0) {
        return Some(f64::INFINITY);
    }
    value(table, TableFacts::newest_recovery_point_age_hours).map(|hours| (hours * 3600.0).round())
}
