//! What was done since an earlier scan: each action of a remediation plan, the findings that it was for, and how they stand now.

use super::doc::{BODY, CELL, Doc, FINE, GAP, MUTED, SMALL, SMALL_GAP};
use super::table::{Cell, Column, Para, Table};
use super::template::Rgb;
use super::text::plural;
use crate::report::{ChangeLine, ChangeOutcome, Report, Stands, done};

/// Actions that get a row; those beyond are told as a number.
const ROWS: usize = 300;
/// Findings of one action that get a line each.
const LINES: usize = 12;

pub(crate) fn write(doc: &mut Doc<'_>, report: &Report) {
    for change in &report.changes {
        plan(doc, change);
    }
}

fn plan(doc: &mut Doc<'_>, change: &ChangeLine) {
    doc.heading("What was done since the scan before", 120.0);
    let told = &change.told;
    let text = format!(
        "A remediation plan lies between the scan {} of {} and this one: {}.",
        told.scan_id,
        crate::domain::rfc3339(told.as_of),
        change.counts_words()
    );
    doc.paragraph(BODY, &text);
    let text = format!(
        "Plan SHA-256 {}, {}; journal SHA-256 {}. Both are in the pack. The journal is this machine's word for what was done; how a \
         finding stands is what this scan found.",
        told.plan_sha256,
        change.approval(),
        told.journal_sha256
    );
    doc.paragraph(SMALL, &text);
    doc.y += SMALL_GAP;
    let columns = [
        Column::new("Finding", 150.0),
        Column::new("Change", 190.0),
        Column::new("Now", 170.0),
    ];
    let mut table = Table::new(doc, &columns, CELL.size, "What was done since the scan before");
    for (action, outcomes) in change.actions().take(ROWS) {
        let changed = vec![
            Para::new(CELL.bold(), action.what.as_str()),
            Para::new(
                FINE.colour(MUTED),
                format!("account {}, {}", action.account_id, action.region),
            ),
            Para::new(FINE, done(action)),
        ];
        let mut why = vec![Para::new(CELL, action.reason.as_str())];
        why.extend(rules(outcomes));
        let cells = [why, changed, now(doc, outcomes)];
        table.row(doc, &cells);
    }
    for (outcomes, what) in [
        (&change.others, "follows from several actions together"),
        (&change.risks, "the plan said that it would get worse"),
    ] {
        if !outcomes.is_empty() {
            let changed = vec![Para::new(FINE.colour(MUTED), what)];
            table.row(doc, &[rules(outcomes), changed, now(doc, outcomes)]);
        }
    }
    let more = told.actions.len().saturating_sub(ROWS);
    if more > 0 {
        let text = format!(
            "{} more: report.json has them all, under `changes`.",
            plural(more, "action")
        );
        doc.paragraph(SMALL, &text);
    }
    doc.y += GAP;
}

/// What each finding is about, a line each.
fn rules<'t>(outcomes: &[ChangeOutcome]) -> Cell<'t> {
    let line = |outcome: &ChangeOutcome| {
        let name = outcome.promise.resource.rsplit(['/', ':']).next().unwrap_or_default();
        Para::new(FINE.colour(MUTED), format!("{} {name}", outcome.promise.rule))
    };
    outcomes.iter().take(LINES).map(line).collect()
}

/// How each finding stands, worst first.
fn now<'t>(doc: &Doc<'_>, outcomes: &[ChangeOutcome]) -> Cell<'t> {
    let mut sorted: Vec<&ChangeOutcome> = outcomes.iter().collect();
    sorted.sort_by_key(|outcome| outcome.stands);
    let colours = &doc.template.colours;
    let line = |outcome: &&ChangeOutcome| {
        let colour: Rgb = match outcome.stands {
            Stands::Worse | Stands::NotFixed => colours.non_compliant,
            Stands::NotKnown => colours.unknown,
            Stands::NotApplicable => MUTED,
            Stands::Fixed => colours.compliant,
        };
        let waived = if outcome.is_waived { " (waived)" } else { "" };
        let text = match outcome.stands {
            Stands::Fixed => format!("{}: {}", outcome.stands.words(), outcome.promise.rule),
            _ => format!(
                "{}{waived}: {}: {}",
                outcome.stands.words(),
                outcome.promise.rule,
                outcome.message
            ),
        };
        Para::new(FINE.colour(colour), text)
    };
    let mut cell: Cell<'t> = sorted.iter().take(LINES).map(line).collect();
    let more = outcomes.len().saturating_sub(LINES);
    if more > 0 {
        cell.push(Para::new(
            FINE.colour(MUTED),
            format!("and {more} more, in report.json"),
        ));
    }
    if outcomes.is_empty() {
        cell.push(Para::new(FINE.colour(MUTED), "it serves other actions"));
    }
    cell
}
