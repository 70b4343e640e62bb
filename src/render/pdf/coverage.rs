//! Coverage: what was in scope, what was read, how the counts add up, and every gap with what follows from it.

use std::collections::BTreeMap;

use super::cover::name_of;
use super::doc::{BODY, CELL, Doc, FINE, MUTED, SMALL_GAP};
use super::table::{Column, Para, Table};
use super::template::{Rgb, Section};
use super::text::{grouped, plural};
use crate::domain::{Answer, TargetId};
use crate::report::Report;
use crate::text::cut;

pub(crate) fn write(doc: &mut Doc<'_>, report: &Report) {
    doc.part(Section::Coverage.title(), false);
    reconciliation(doc, report);
    gaps(doc, report);
    drills(doc, report);
    not_asked(doc, report);
    targets(doc, report);
}

fn reconciliation(doc: &mut Doc<'_>, report: &Report) {
    let coverage = &report.coverage;
    doc.heading("Reconciliation", 60.0);
    let (listed, described) = (coverage.tables_listed, coverage.tables_described);
    let (vanished, unknown) = (coverage.tables_vanished, coverage.tables_unknown);
    let by_verdict = report.totals.tables_by_verdict.values().sum::<usize>();
    let by_target: usize = coverage.targets.iter().filter_map(|target| target.tables_listed).sum();
    let holds = |left: usize, right: usize| match left.abs_diff(right) {
        0 => "\u{2713} adds up".to_owned(),
        difference => format!("\u{2717} differs by {}", grouped(difference)),
    };
    for point in [
        format!(
            "{} listed (ListTables): {} described (DescribeTable), {} vanished between list and description, {} whose description \
             could not be read. {}.",
            plural(listed, "table"),
            grouped(described),
            grouped(vanished),
            grouped(unknown),
            holds(described + vanished + unknown, listed)
        ),
        format!(
            "{} in this report, {} over all verdicts. {}.",
            plural(report.tables.len(), "table"),
            grouped(by_verdict),
            holds(by_verdict, report.tables.len())
        ),
    ] {
        doc.point(BODY, &point);
    }
    doc.y += SMALL_GAP;
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
        Column::new("Where", 70.0),
        Column::new("Call", 108.0),
        Column::new("Why", 176.0),
        Column::new("So, and what to do", 156.0),
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

/// Restores made to prove that they work, those that do not count as well.
fn drills(doc: &mut Doc<'_>, report: &Report) {
    if report.drills.is_empty() {
        return;
    }
    doc.heading("Restore drills", 60.0);
    let counted = report.drills.iter().filter(|drill| drill.why_not.is_none()).count();
    let text = format!(
        "{}, of which {} count as restores of their tables: signed by a key that is trusted, and of a recovery point of the table          that is there now. Each rests on a pack of its own, named here by the SHA-256 of its manifest.",
        plural(report.drills.len(), "drill"),
        grouped(counted)
    );
    doc.paragraph(BODY, &text);
    doc.y += SMALL_GAP;
    let columns = [
        Column::new("Table", 120.0),
        Column::new("When", 66.0),
        Column::new("What it showed", 146.0),
        Column::new("Whether it counts", 178.0),
    ];
    let mut table = Table::new(doc, &columns, CELL.size, "Restore drills");
    for drill in report.drills.iter().rev().take(MOST_DRILLS).rev() {
        let place = format!("{} \u{b7} {}", drill.target.account_id, drill.target.region);
        let mut showed = vec![Para::new(CELL, drill.words())];
        if !drill.detail.is_empty() {
            showed.push(Para::new(CELL.colour(MUTED), cut(&drill.detail, LONGEST)));
        }
        let standing = match drill.why_not {
            None => CELL,
            Some(_) => CELL.bold().colour(doc.template.colours.unknown),
        };
        let pack = format!(
            "drill {} of run {}, {}",
            drill.number, drill.run_id, drill.manifest_sha256
        );
        let cells = [
            vec![
                Para::new(CELL.bold(), drill.table_name.as_str()),
                Para::new(CELL.colour(MUTED), place),
            ],
            vec![Para::new(CELL, drill.tested_at.format("%Y-%m-%d %H:%M").to_string())],
            showed,
            vec![
                Para::new(standing, drill.standing()),
                Para::new(CELL.colour(MUTED), drill.source.as_str()),
                Para::new(FINE.colour(MUTED), pack),
            ],
        ];
        table.row(doc, &cells);
    }
    if let Some(more) = report.drills.len().checked_sub(MOST_DRILLS).filter(|more| *more > 0) {
        let text = format!("And {} more; report.json has all.", grouped(more));
        doc.paragraph(BODY, &text);
    }
}

/// Drills that are printed.
const MOST_DRILLS: usize = 200;

/// Longest free text of a drill that is printed.
const LONGEST: usize = 200;

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

fn targets(doc: &mut Doc<'_>, report: &Report) {
    doc.heading("Account-Region pairs", 40.0);
    if report.coverage.targets.is_empty() && report.coverage.accounts.is_empty() {
        doc.paragraph(BODY, "No account-Region pair is in scope.");
        return;
    }
    let columns = [
        Column::new("Account", 142.0),
        Column::new("Region", 74.0),
        Column::new("Read", 46.0),
        Column::number("Tables listed", 50.0),
        Column::number("Non-compliant", 58.0),
        Column::number("Unknown", 50.0),
        Column::number("Compliant", 54.0),
        Column::number("Calls", 40.0),
        Column::number("Gaps", 36.0),
    ];
    let mut table = Table::new(doc, &columns, CELL.size, "Account-Region pairs");
    table.is_tight = true;
    let unknown = CELL.bold().colour(doc.template.colours.unknown);
    let mut by_target: BTreeMap<(&TargetId, Answer), usize> = BTreeMap::new();
    for table in &report.tables {
        *by_target.entry((&table.target, table.verdict)).or_default() += 1;
    }
    let of = |target: &TargetId, answers: &[Answer]| {
        let counts = answers.iter().filter_map(|answer| by_target.get(&(target, *answer)));
        counts.sum::<usize>()
    };
    let number = |count: usize, colour: Rgb| match count {
        0 => vec![Para::new(CELL.colour(MUTED), "0")],
        count => vec![Para::new(CELL.bold().colour(colour), grouped(count))],
    };
    let is_apart = |id: &str| {
        report
            .coverage
            .targets
            .iter()
            .all(|target| target.target.account_id != id)
    };
    for account in report
        .coverage
        .accounts
        .iter()
        .filter(|account| is_apart(&account.account_id))
    {
        let cells = [
            vec![Para::new(CELL, name_of(&account.account_id, &account.name))],
            vec![Para::new(unknown, "none")],
            vec![status(doc, account.status)],
            vec![Para::new(unknown, "unknown")],
            Vec::new(),
            Vec::new(),
            Vec::new(),
            Vec::new(),
            Vec::new(),
        ];
        table.row(doc, &cells);
    }
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
                vec![Para::new(
                    CELL,
                    name_of(&target.target.account_id, name(report, &target.target.account_id)),
                )],
                vec![Para::new(CELL, target.target.region.as_str())],
                vec![status(doc, target.status)],
                vec![listed],
                number(
                    of(&target.target, &[Answer::NonCompliant]),
                    doc.template.colours.non_compliant,
                ),
                number(of(&target.target, &[Answer::Unknown]), doc.template.colours.unknown),
                number(of(&target.target, &[Answer::Compliant]), doc.template.colours.compliant),
                vec![Para::new(CELL, grouped(calls))],
                vec![Para::new(gaps, grouped(target.gap_count))],
            ],
        );
    }
}

/// The name of an account; empty if it has none.
fn name<'r>(report: &'r Report, account_id: &str) -> &'r str {
    let mut accounts = report.coverage.accounts.iter();
    let found = accounts.find(|account| account.account_id == account_id);
    found.map_or("", |account| &account.name)
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
