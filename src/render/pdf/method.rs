//! The method: how verdicts come about, and every rule that was applied.

use super::doc::{BODY, CELL, Doc, GAP, MUTED, symbol, word};
use super::table::{Column, Para, Table};
use super::template::Section;
use crate::domain::Verdict;
use crate::report::Report;

pub(crate) fn write(doc: &mut Doc<'_>, report: &Report) {
    doc.part(Section::Method.title(), false);
    steps(doc);
    verdicts(doc);
    rules(doc, report);
    file(doc);
}

/// What this document is as a file.
fn file(doc: &mut Doc<'_>) {
    doc.heading("This document as a file", 60.0);
    for point in [
        "It is made for the archive (PDF/A-1b): its fonts and colours are inside, and nothing in it runs, moves, or is fetched \
         from elsewhere.",
        "It is not tagged: programs that read aloud follow the order of the lines and do not know which are headings or \
         cells. report.html, of the same scan, is marked up for them.",
        "Bookmarks and the table of contents lead to each part; the name of a table in a finding leads to its row in \
         \u{201c}Every table\u{201d}.",
    ] {
        doc.point(BODY, point);
    }
}

fn steps(doc: &mut Doc<'_>) {
    doc.heading("From AWS to a verdict", 80.0);
    for point in [
        "Collect. Every account-Region pair in scope is read with calls that list and describe; every page of every answer \
         is read. A call that fails after its retries becomes a gap, with the reason AWS gave.",
        "Derive. From the answers follow facts on each table, such as the age of its newest usable recovery point. A fact is \
         unknown if the evidence for it could not be read, or leaves it open.",
        "Evaluate. Each rule compares facts with the policy in force. It first says whether it applies to a table, then \
         whether the table complies.",
        "Report. The same evidence, rules and instant give the same report, byte for byte.",
    ] {
        doc.point(BODY, point);
    }
    doc.y += 2.0;
    doc.paragraph(
        BODY,
        "A recovery point counts as usable if its backup job completed, if it belongs to the table that exists now and not to an \
         earlier table of the same name, and if AWS still lists it. Partial evidence can prove that something exists, never \
         that it is absent: a fresh recovery point in a readable vault counts; an empty vault beside one that could not be \
         read proves nothing.",
    );
}

fn verdicts(doc: &mut Doc<'_>) {
    doc.heading("The four verdicts", 80.0);
    let columns = [Column::new("Verdict", 90.0), Column::new("Meaning", 410.0)];
    let mut table = Table::new(doc, &columns, CELL.size, "The four verdicts");
    for verdict in Verdict::ALL {
        let meaning = match verdict {
            Verdict::NonCompliant => "The rule applies and its condition does not hold.",
            Verdict::Unknown => {
                "The outcome hangs on evidence that could not be read, or that AWS's own answers leave open. Unknown is never \
                 good news and never bad news."
            }
            Verdict::Compliant => {
                "The rule applies and its condition holds, whatever the facts that are not known may be."
            }
            Verdict::NotApplicable => {
                "The rule does not ask about this table, such as the retention of points that do not exist."
            }
        };
        let style = CELL.bold().colour(doc.colour_of(verdict));
        table.row(
            doc,
            &[
                vec![Para::new(style, format!("{} {}", symbol(verdict), word(verdict)))],
                vec![Para::new(CELL, meaning)],
            ],
        );
    }
    doc.y += GAP;
    doc.paragraph(
        BODY,
        "A table's own verdict is the worst over all rules: non-compliant, then unknown, then compliant, then not applicable. \
         A waiver accepts a finding for a time: it stays in the report, marked, and does not change its verdict.",
    );
}

fn rules(doc: &mut Doc<'_>, report: &Report) {
    doc.heading("Rules applied", 80.0);
    if report.rules.is_empty() {
        doc.paragraph(BODY, "No rule was applied.");
        return;
    }
    let columns = [
        Column::new("Rule and what it asks", 250.0),
        Column::new("Severity", 60.0),
        Column::new("Remedy", 190.0),
    ];
    let mut table = Table::new(doc, &columns, CELL.size, "Rules applied");
    for rule in &report.rules {
        table.row(
            doc,
            &[
                vec![
                    Para::new(CELL.bold(), rule.id.as_str()),
                    Para::new(CELL.colour(MUTED), rule.title.as_str()),
                ],
                vec![Para::new(CELL, rule.severity.as_str())],
                vec![Para::new(CELL, rule.remedy.as_str())],
            ],
        );
    }
}
