//! The summary: findings by severity, ages against the limit, tables by target.

use std::collections::BTreeMap;

use super::ages;
use super::chart::{self, Counts};
use super::doc::{BODY, Doc, SMALL, SMALL_GAP};
use super::fonts::Face;
use super::page::Style;
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
}

/// Open findings by severity, required ones and advised ones apart.
fn charts(doc: &mut Doc<'_>, report: &Report) {
    let totals = &report.totals;
    let (left, width, top) = (doc.left(), doc.width(), doc.y);
    let right = left + width * 0.52;
    let sides = [
        (
            left,
            "Required findings that are open",
            &totals.non_compliant_by_severity,
        ),
        (right, "Advised findings that are open", &totals.advised_by_severity),
    ];
    for (x, title, by_severity) in sides {
        subtitle(doc, x, top, title);
        let most = by_severity.values().copied().max().unwrap_or(0);
        for (index, severity) in Severity::ALL.into_iter().rev().enumerate() {
            let count = by_severity.get(&severity).copied().unwrap_or(0);
            let y = top + 20.0 + index as f32 * 16.0;
            let darkness = [1.0, 0.7, 0.4, 0.15][index];
            chart::labelled_bar(doc, (x, y), width * 0.46, count, most, severity.as_str(), darkness);
        }
    }
    doc.y = top + 90.0;
    let unknown = totals.findings_by_verdict.get(&Verdict::Unknown).copied().unwrap_or(0);
    let text = format!(
        "{} of any verdict in all; {} under a waiver, not counted above; {} with unknown verdict.",
        plural(totals.findings, "finding"),
        grouped(totals.waived),
        grouped(unknown)
    );
    doc.paragraph(SMALL, &text);
}

fn subtitle(doc: &mut Doc<'_>, x: f32, y: f32, text: &str) {
    let style = Style {
        face: Face::Bold,
        size: 9.0,
        colour: doc.template.colours.accent,
    };
    doc.text(x, y + 8.0, style, text);
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
            .map(|verdict| format!("{} {}", grouped(self.counts[place(verdict)]), in_words(verdict)))
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

/// Tables of a colour.
fn in_words(shade: Verdict) -> &'static str {
    match shade {
        Verdict::NotApplicable => "neither",
        other => other.as_str(),
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
