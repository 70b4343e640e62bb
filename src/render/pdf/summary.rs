//! The summary: tables by verdict, findings by severity, ages against the limit, coverage by target, one line per rule.

use std::collections::BTreeMap;

use super::ages;
use super::chart::{self, Counts};
use super::doc::{BODY, CELL, Doc, MUTED, SMALL, SMALL_GAP, word};
use super::fonts::Face;
use super::page::Style;
use super::table::{Column, Para, Table};
use super::template::Section;
use super::text::{grouped, plural};
use crate::domain::{Severity, TargetId, Verdict};
use crate::report::{Report, TargetCoverage};

/// As many targets as a page can show; the rest is in the coverage part.
const TARGETS: usize = 24;

pub(crate) fn write(doc: &mut Doc<'_>, report: &Report) {
    doc.part(Section::Summary.title(), false);
    charts(doc, report);
    ages::write(doc, report);
    targets(doc, report);
    rules(doc, report);
}

fn charts(doc: &mut Doc<'_>, report: &Report) {
    let totals = &report.totals;
    let counts: Counts = Verdict::ALL.map(|verdict| totals.tables_in_shade(verdict));
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
        chart::labelled_bar(doc, (right, y), width * 0.38, count, most, severity.as_str(), darkness);
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
    let style = Style {
        face: Face::Bold,
        size: 9.0,
        colour: doc.template.colours.accent,
    };
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
        Column::new("Rule", 216.0),
        Column::new("Severity", 44.0),
        Column::number("Non-compliant", 51.0),
        Column::number("Waived", 44.0),
        Column::number("Unknown", 50.0),
        Column::number("Compliant", 53.0),
        Column::number("Not applicable", 54.0),
    ];
    let mut table = Table::new(doc, &columns, CELL.size, "Verdicts by rule");
    let plain = CELL;
    let muted = plain.colour(MUTED);
    let mut lines: Vec<_> = count_by_rule(report)
        .into_iter()
        .map(|(id, counts)| (report.rules.iter().find(|rule| rule.id == id), id, counts))
        .collect();
    lines.sort_by_key(|(rule, id, _)| (std::cmp::Reverse(rule.map(|rule| rule.severity)), *id));
    for (rule, id, counts) in lines {
        let number = |count: usize, verdict: Verdict| {
            let style = if count == 0 {
                muted
            } else {
                plain.bold().colour(doc.colour_of(verdict))
            };
            vec![Para::new(style, grouped(count))]
        };
        let mut cells = vec![
            vec![
                Para::new(plain.bold(), id),
                Para::new(muted, rule.map_or("", |rule| rule.title.as_str())),
            ],
            vec![Para::new(plain, rule.map_or("unknown", |rule| rule.severity.as_str()))],
            number(counts.by_verdict[0], Verdict::NonCompliant),
            vec![Para::new(
                if counts.waived == 0 { muted } else { plain.bold() },
                grouped(counts.waived),
            )],
        ];
        cells.extend(
            Verdict::ALL
                .into_iter()
                .skip(1)
                .map(|verdict| number(counts.by_verdict[place(verdict)], verdict)),
        );
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
        counts.entry(&table.target).or_default()[place(table.verdict.shade())] += 1;
    }
    let total = counts.len();
    let mut rows: Vec<TargetLine<'_>> = counts
        .into_iter()
        .map(|(target, counts)| {
            let read = report.coverage.targets.iter().find(|row| row.target == *target);
            TargetLine {
                target,
                counts,
                tables: counts.iter().sum(),
                read,
            }
        })
        .collect();
    // The worst first where not all fit; the order of accounts else.
    if total > TARGETS {
        rows.sort_by_key(|row| std::cmp::Reverse((row.counts[0], row.is_unread(), row.counts[1], row.tables)));
        rows.truncate(TARGETS);
        let text = format!(
            "{TARGETS} of {} account-Region pairs: those with the most non-compliant tables, then those that could not be \
             listed. All stand under \u{201c}Coverage and gaps\u{201d}.",
            grouped(total)
        );
        doc.paragraph(SMALL, &text);
        doc.y += SMALL_GAP;
    }
    let most = rows.iter().map(|row| row.tables).max().unwrap_or(0).max(1);
    for row in &rows {
        row.draw(doc, most);
    }
    if total == 0 {
        doc.paragraph(BODY, "No account and no Region is in scope.");
    }
}

/// One account-Region pair with its tables by verdict.
struct TargetLine<'r> {
    target: &'r TargetId,
    counts: Counts,
    tables: usize,
    read: Option<&'r TargetCoverage>,
}

impl TargetLine<'_> {
    /// The list of tables is not known to be whole: none seen does not mean none there.
    fn is_unread(&self) -> bool {
        self.read.is_none_or(|read| read.tables_listed.is_none())
    }

    fn draw(&self, doc: &mut Doc<'_>, most: usize) {
        doc.need(30.0);
        let (x, width, y) = (doc.left() + 150.0, doc.width() - 150.0, doc.y);
        doc.text(x - 150.0, y + 8.4, BODY, &self.target.account_id);
        doc.text(x - 82.0, y + 8.4, BODY, &self.target.region);
        let scale = (width - 110.0) / most as f32;
        chart::stacked_bar(doc, (x, y), 10.5, scale, &self.counts);
        let unknown = BODY.bold().colour(doc.template.colours.unknown);
        let (style, number) = match (self.is_unread(), self.tables) {
            (false, tables) => (BODY.bold(), grouped(tables)),
            (true, 0) => (unknown, "unknown".to_owned()),
            (true, tables) => (unknown, format!("at least {}", grouped(tables))),
        };
        let after = if self.tables == 0 {
            0.0
        } else {
            scale * self.tables as f32 + 10.0
        };
        doc.text(x + after, y + 8.4, style, &number);
        doc.y += 12.0;
        doc.block(x, width, SMALL, &self.words());
        doc.y += 3.5;
    }

    fn words(&self) -> String {
        let mut parts: Vec<String> = Verdict::ALL
            .into_iter()
            .filter(|verdict| self.counts[place(*verdict)] > 0)
            .map(|verdict| format!("{} {}", grouped(self.counts[place(verdict)]), word(verdict)))
            .collect();
        if self.is_unread() {
            parts.push("the tables could not be listed in full".to_owned());
        } else if parts.is_empty() {
            parts.push("no table".to_owned());
        }
        match self.read {
            Some(read) if read.status != "scanned" || read.gap_count > 0 => {
                parts.push(format!(
                    "{}, {}",
                    read_in_words(read.status),
                    plural(read.gap_count, "gap")
                ));
            }
            _ => {}
        }
        parts.join(" \u{b7} ")
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
