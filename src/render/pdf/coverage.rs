//! Coverage: what was in scope, what was read, how the counts add up, and every gap with what follows from it.

use super::cover::name_of;
use super::doc::{BODY, CELL, Doc, GAP, MUTED, SMALL_GAP};
use super::table::{Column, Para, Table};
use super::template::Section;
use super::text::{grouped, plural};
use crate::report::Report;

pub(crate) fn write(doc: &mut Doc<'_>, report: &Report) {
    doc.part(Section::Coverage.title(), false);
    reconciliation(doc, report);
    gaps(doc, report);
    not_asked(doc, report);
    accounts(doc, report);
    targets(doc, report);
}

fn reconciliation(doc: &mut Doc<'_>, report: &Report) {
    let coverage = &report.coverage;
    doc.heading("Reconciliation", 60.0);
    let (listed, described) = (coverage.tables_listed, coverage.tables_described);
    let (vanished, unknown) = (coverage.tables_vanished, coverage.tables_unknown);
    let columns = [
        Column::new("Count", 330.0),
        Column::number("Tables", 60.0),
        Column::new("Holds", 110.0),
    ];
    let mut table = Table::new(doc, &columns, CELL.size, "Reconciliation");
    let holds = |doc: &Doc<'_>, left: usize, right: usize| {
        let (text, style) = if left == right {
            ("\u{2713} adds up".to_owned(), CELL.bold())
        } else {
            let colour = doc.template.colours.non_compliant;
            (
                format!("\u{2717} differs by {}", grouped(left.abs_diff(right))),
                CELL.bold().colour(colour),
            )
        };
        vec![Para::new(style, text)]
    };
    let line = |label: &'static str| vec![Para::new(CELL, label)];
    let number = |count: usize| vec![Para::new(CELL, grouped(count))];
    let by_verdict = report.totals.tables_by_verdict.values().sum::<usize>();
    let by_target: usize = coverage.targets.iter().filter_map(|target| target.tables_listed).sum();
    let sum = described + vanished + unknown;
    let rows = [
        (line("Listed (ListTables)"), listed, Vec::new()),
        (line("Described (DescribeTable)"), described, Vec::new()),
        (
            line("Vanished: gone between list and description"),
            vanished,
            Vec::new(),
        ),
        (line("Unknown: the description could not be read"), unknown, Vec::new()),
        (
            line("Described + vanished + unknown = listed"),
            sum,
            holds(doc, sum, listed),
        ),
        (
            line("Tables in this report = sum over the verdicts"),
            by_verdict,
            holds(doc, by_verdict, report.tables.len()),
        ),
    ];
    for (label, count, verdict) in rows {
        table.row(doc, &[label, number(count), verdict]);
    }
    doc.y += GAP;
    let unread = coverage
        .targets
        .iter()
        .filter(|target| target.tables_listed.is_none())
        .count();
    if unread > 0 {
        let text = format!(
            "The tables of {} could not be listed in full. The {} listed elsewhere are not the whole population.",
            plural(unread, "account-Region pair"),
            plural(by_target, "table"),
        );
        let style = BODY.bold().colour(doc.template.colours.unknown);
        doc.paragraph(style, &text);
    }
}

fn gaps(doc: &mut Doc<'_>, report: &Report) {
    doc.heading("Gaps", 60.0);
    let gaps = &report.coverage.gaps;
    if gaps.is_empty() {
        doc.paragraph(
            BODY,
            "None: every call that the rules and this report needed was answered.",
        );
        return;
    }
    let text = format!(
        "{}: evidence that could not be read, why, and what follows from it.",
        plural(gaps.len(), "gap")
    );
    doc.paragraph(BODY, &text);
    doc.y += SMALL_GAP;
    let columns = [
        Column::new("Where", 90.0),
        Column::new("Call", 130.0),
        Column::new("Why", 140.0),
        Column::new("So, and what to do", 150.0),
    ];
    let mut table = Table::new(doc, &columns, CELL.size, "Gaps");
    for gap in gaps {
        let mut call = vec![Para::new(CELL.bold(), gap.action.as_str())];
        if !gap.resource.is_empty() {
            call.push(Para::new(CELL, gap.resource.as_str()));
        }
        let mut so = vec![Para::new(CELL, gap.so.as_str())];
        if !gap.hint.is_empty() {
            so.push(Para::new(CELL.colour(MUTED), format!("Hint: {}", gap.hint)));
        }
        let kind = CELL.bold().colour(doc.template.colours.unknown);
        let cells = [
            vec![
                Para::new(CELL, gap.target.account_id.as_str()),
                Para::new(CELL, gap.target.region.as_str()),
            ],
            call,
            vec![Para::new(kind, gap.kind.as_str()), Para::new(CELL, gap.why.as_str())],
            so,
        ];
        table.row(doc, &cells);
    }
}

/// Rules that did not run, and what they would take.
fn not_asked(doc: &mut Doc<'_>, report: &Report) {
    if report.coverage.not_asked.is_empty() {
        return;
    }
    doc.heading("Not asked", 40.0);
    for sentence in &report.coverage.not_asked {
        doc.point(BODY, sentence);
    }
}

fn accounts(doc: &mut Doc<'_>, report: &Report) {
    doc.heading("Accounts", 60.0);
    let accounts = &report.coverage.accounts;
    if accounts.is_empty() {
        doc.paragraph(BODY, "No account is in scope.");
        return;
    }
    let columns = [
        Column::new("Account", 220.0),
        Column::new("Read", 80.0),
        Column::number("Regions", 60.0),
        Column::number("Tables", 60.0),
    ];
    let mut table = Table::new(doc, &columns, CELL.size, "Accounts");
    for account in accounts {
        let targets = || {
            report
                .coverage
                .targets
                .iter()
                .filter(|target| target.target.account_id == account.account_id)
        };
        let seen: usize = targets().filter_map(|target| target.tables_listed).sum();
        let unread = targets().any(|target| target.tables_listed.is_none()) || targets().next().is_none();
        let unknown = CELL.bold().colour(doc.template.colours.unknown);
        let tables = match (unread, seen) {
            (false, seen) => Para::new(CELL, grouped(seen)),
            (true, 0) => Para::new(unknown, "unknown"),
            (true, seen) => Para::new(unknown, format!("at least {}", grouped(seen))),
        };
        table.row(
            doc,
            &[
                vec![Para::new(CELL, name_of(&account.account_id, &account.name))],
                vec![status(doc, account.status)],
                vec![Para::new(CELL, grouped(targets().count()))],
                vec![tables],
            ],
        );
    }
}

fn targets(doc: &mut Doc<'_>, report: &Report) {
    doc.heading("Account-Region pairs", 60.0);
    if report.coverage.targets.is_empty() {
        doc.paragraph(BODY, "No account-Region pair is in scope.");
        return;
    }
    let columns = [
        Column::new("Account", 84.0),
        Column::new("Region", 92.0),
        Column::new("Read", 70.0),
        Column::number("Tables listed", 66.0),
        Column::number("Described", 66.0),
        Column::number("Calls", 60.0),
        Column::number("Gaps", 50.0),
    ];
    let mut table = Table::new(doc, &columns, CELL.size, "Account-Region pairs");
    let unknown = CELL.bold().colour(doc.template.colours.unknown);
    for target in &report.coverage.targets {
        let listed = target.tables_listed.map_or_else(
            || Para::new(unknown, "unknown"),
            |count| Para::new(CELL, grouped(count)),
        );
        let calls = usize::try_from(target.call_count).unwrap_or(usize::MAX);
        let gaps = if target.gap_count > 0 { unknown } else { CELL };
        table.row(
            doc,
            &[
                vec![Para::new(CELL, target.target.account_id.as_str())],
                vec![Para::new(CELL, target.target.region.as_str())],
                vec![status(doc, target.status)],
                vec![listed],
                vec![Para::new(CELL, grouped(target.tables_described))],
                vec![Para::new(CELL, grouped(calls))],
                vec![Para::new(gaps, grouped(target.gap_count))],
            ],
        );
    }
}

/// `scanned`, `partly` and `not-read` in words.
fn status(doc: &Doc<'_>, status: &'static str) -> Para<'static> {
    let unknown = CELL.bold().colour(doc.template.colours.unknown);
    match status {
        "scanned" => Para::new(CELL, "in full"),
        "partly" => Para::new(unknown, "in part"),
        "not-read" => Para::new(unknown, "not read"),
        other => Para::new(unknown, other),
    }
}
