//! The summary: tables by verdict, findings by severity, one line per rule, coverage by target, the policy in force.

use std::collections::BTreeMap;

use super::chart::{self, Counts};
use super::doc::{BODY, Doc, MUTED, SMALL, TEXT, word};
use super::fonts::Face;
use super::page::Style;
use super::table::{Column, Para, Table};
use super::text::{grouped, plural};
use crate::domain::{Severity, TargetId, Verdict};
use crate::report::Report;

/// As many targets as a page can show; the rest is in the coverage part.
const TARGETS: usize = 24;

pub(super) fn write(doc: &mut Doc<'_>, report: &Report) {
    doc.part("Summary", false);
    charts(doc, report);
    rules(doc, report);
    targets(doc, report);
    policy(doc, report);
}

fn charts(doc: &mut Doc<'_>, report: &Report) {
    let totals = &report.totals;
    let counts: Counts = Verdict::ALL.map(|verdict| totals.tables_by_verdict.get(&verdict).copied().unwrap_or(0));
    let (left, width, top) = (doc.left(), doc.width(), doc.y);
    let right = left + width * 0.62;
    subtitle(doc, left, top, "Tables by their worst verdict");
    let noun = if totals.tables == 1 { "table" } else { "tables" };
    chart::donut(doc, (left + 54.0, top + 76.0), 52.0, &counts, noun);
    chart::legend(doc, (left + 126.0, top + 42.0), 158.0, &counts);
    subtitle(doc, right, top, "Open findings by severity");
    let by_severity = &totals.non_compliant_by_severity;
    let most = by_severity.values().copied().max().unwrap_or(0);
    for (index, severity) in Severity::ALL.into_iter().rev().enumerate() {
        let count = by_severity.get(&severity).copied().unwrap_or(0);
        let y = top + 26.0 + index as f32 * 20.0;
        let darkness = [1.0, 0.7, 0.4, 0.15][index];
        chart::bar(doc, (right, y), width * 0.38, count, most, severity.as_str(), darkness);
    }
    let unknown = totals.findings_by_verdict.get(&Verdict::Unknown).copied().unwrap_or(0);
    let remarks = [
        format!("{} in all, of any verdict", plural(totals.findings, "finding")),
        format!("{} under a waiver, not counted above", grouped(totals.waived)),
        format!("{} with unknown verdict", grouped(unknown)),
    ];
    for (index, remark) in remarks.iter().enumerate() {
        doc.text(right, top + 112.0 + index as f32 * 10.5, SMALL, remark);
    }
    doc.y = top + 148.0;
}

fn subtitle(doc: &mut Doc<'_>, x: f32, y: f32, text: &str) {
    let style = Style { face: Face::Bold, size: 9.0, colour: doc.template.colours.accent };
    doc.text(x, y + 8.0, style, text);
}

/// Findings of one rule by verdict, waived ones apart.
#[derive(Default, Clone, Copy)]
struct RuleCounts {
    by_verdict: Counts,
    waived: usize,
}

fn count_by_rule(report: &Report) -> BTreeMap<&str, RuleCounts> {
    let mut counts: BTreeMap<&str, RuleCounts> = BTreeMap::new();
    for rule in &report.rules {
        counts.entry(&rule.id).or_default();
    }
    for finding in &report.findings {
        let rule = counts.entry(&finding.rule).or_default();
        if finding.verdict == Verdict::NonCompliant && finding.waived {
            rule.waived += 1;
        } else {
            rule.by_verdict[place(finding.verdict)] += 1;
        }
    }
    counts
}

/// The place of a verdict in [`Counts`].
fn place(verdict: Verdict) -> usize {
    match verdict {
        Verdict::NonCompliant => 0,
        Verdict::Unknown => 1,
        Verdict::Compliant => 2,
        Verdict::NotApplicable => 3,
    }
}

fn rules(doc: &mut Doc<'_>, report: &Report) {
    doc.heading("Verdicts by rule", 110.0);
    let columns = [
        Column::new("Rule", 200.0),
        Column::new("Severity", 50.0),
        Column::number("Non-compliant", 56.0),
        Column::number("Waived", 46.0),
        Column::number("Unknown", 52.0),
        Column::number("Compliant", 56.0),
        Column::number("Not applicable", 56.0),
    ];
    let mut table = Table::new(doc, &columns, 7.4, "Verdicts by rule");
    let size = 8.0;
    let plain = Style { face: Face::Regular, size, colour: TEXT };
    let muted = plain.colour(MUTED);
    let mut lines: Vec<_> = count_by_rule(report)
        .into_iter()
        .map(|(id, counts)| (report.rules.iter().find(|rule| rule.id == id), id, counts))
        .collect();
    lines.sort_by_key(|(rule, id, _)| (std::cmp::Reverse(rule.map(|rule| rule.severity)), *id));
    for (rule, id, counts) in lines {
        let number = |count: usize, verdict: Verdict| {
            let style = if count == 0 { muted } else { plain.bold().colour(doc.colour_of(verdict)) };
            vec![Para::new(style, grouped(count))]
        };
        let mut cells = vec![
            vec![
                Para::new(plain.bold(), id),
                Para::new(Style { size: 7.4, ..muted }, rule.map_or("", |rule| rule.title.as_str())),
            ],
            vec![Para::new(plain, rule.map_or("unknown", |rule| rule.severity.as_str()))],
            number(counts.by_verdict[0], Verdict::NonCompliant),
            vec![Para::new(if counts.waived == 0 { muted } else { plain.bold() }, grouped(counts.waived))],
        ];
        cells
            .extend(Verdict::ALL.into_iter().skip(1).map(|verdict| number(counts.by_verdict[place(verdict)], verdict)));
        table.row(doc, &cells);
    }
    if report.rules.is_empty() {
        doc.paragraph(BODY, "No rule was applied.");
    }
}

fn targets(doc: &mut Doc<'_>, report: &Report) {
    doc.heading("Tables by account and Region", 90.0);
    let mut counts: BTreeMap<&TargetId, Counts> = BTreeMap::new();
    for target in &report.coverage.targets {
        counts.entry(&target.target).or_default();
    }
    for table in &report.tables {
        counts.entry(&table.target).or_default()[place(table.verdict)] += 1;
    }
    let total = counts.len();
    let mut rows: Vec<(&TargetId, Counts)> = counts.into_iter().collect();
    // The worst first where not all fit; the order of accounts else.
    if total > TARGETS {
        rows.sort_by_key(|(_, counts)| std::cmp::Reverse((counts[0], counts[1], counts.iter().sum::<usize>())));
        rows.truncate(TARGETS);
        let text = format!(
            "The {TARGETS} of {} account-Region pairs with the most non-compliant tables; all are listed under \u{201c}Coverage \
             and gaps\u{201d}.",
            grouped(total)
        );
        doc.paragraph(SMALL, &text);
        doc.y += 4.0;
    }
    let most = rows.iter().map(|(_, counts)| counts.iter().sum::<usize>()).max().unwrap_or(0).max(1);
    let (left, width) = (doc.left(), doc.width());
    let room = width - 150.0 - 110.0;
    for (target, counts) in rows {
        doc.need(30.0);
        let y = doc.y;
        doc.text(left, y + 8.4, BODY, &target.account_id);
        doc.text(left + 68.0, y + 8.4, BODY, &target.region);
        let scale = room / most as f32;
        chart::stacked_bar(doc, (left + 150.0, y), 10.5, scale, &counts);
        let all: usize = counts.iter().sum();
        let x = left + 150.0 + scale * all as f32 + 10.0;
        doc.text(x, y + 8.4, BODY.bold(), &grouped(all));
        let parts: Vec<String> = Verdict::ALL
            .into_iter()
            .filter(|verdict| counts[place(*verdict)] > 0)
            .map(|verdict| format!("{} {}", grouped(counts[place(verdict)]), word(verdict)))
            .collect();
        let read = report.coverage.targets.iter().find(|row| row.target == *target);
        let status = match read.map(|row| (row.status, row.gap_count)) {
            Some(("scanned", 0)) | None => String::new(),
            Some((status, gaps)) => format!("{}, {}", read_in_words(status), plural(gaps, "gap")),
        };
        let parts = if parts.is_empty() { "no table".to_owned() } else { parts.join(" \u{b7} ") };
        let text = if status.is_empty() { parts } else { format!("{parts} \u{2014} {status}") };
        doc.y += 12.0;
        doc.block(left + 150.0, width - 150.0, SMALL, &text);
        doc.y += 3.5;
    }
    if total == 0 {
        doc.paragraph(BODY, "No account and no Region is in scope.");
    }
}

fn read_in_words(status: &str) -> &str {
    match status {
        "scanned" => "read in full",
        "partly" => "read in part",
        "not-read" => "not read",
        other => other,
    }
}

fn policy(doc: &mut Doc<'_>, report: &Report) {
    doc.heading("Policy in force", 60.0);
    if report.policy.is_empty() {
        doc.paragraph(BODY, "The scan names no policy values.");
        return;
    }
    let columns = [Column::new("Value", 180.0), Column::new("Required of every table", 320.0)];
    let mut table = Table::new(doc, &columns, 7.4, "Policy in force");
    let plain = Style { face: Face::Regular, size: 8.0, colour: TEXT };
    for (name, value) in &report.policy {
        table.row(doc, &[vec![Para::new(plain.bold(), name.as_str())], vec![Para::new(plain, value.as_str())]]);
    }
}
