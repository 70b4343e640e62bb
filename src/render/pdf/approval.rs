//! Approval and response: who approved the policy, who answers for each exception and until when, and room for what management
//! says to it.

use super::doc::{BODY, CELL, Doc, GAP, Goal, LARGE_GAP, MUTED, SMALL_GAP};
use super::table::{Column, Para, Table};
use super::template::Section;
use super::text::{grouped, plural};
use super::{cover, doc};
use crate::render::blocks::Group;
use crate::report::Report;
use crate::text::cut;

/// Exceptions that get a row to be answered in; those beyond are told as one.
const ROWS: usize = 60;
/// Longer names are cut here.
const LONGEST_NAME: usize = 48;
/// Lines for a response that belongs to no single exception.
const LINES: usize = 2;

/// Who approved the policy, in a clause.
pub(crate) fn in_short(report: &Report) -> String {
    let approval = &report.approval;
    if approval.approved_by.is_empty() {
        return "no approval is recorded".to_owned();
    }
    let on = approval
        .approved_on
        .map_or_else(String::new, |day| format!(" on {day}"));
    format!("approved by {}{on}", approval.approved_by)
}

pub(crate) fn write(doc: &mut Doc<'_>, report: &Report, groups: &[Group<'_>]) {
    doc.part(Section::Approval.title(), false);
    approval(doc, report);
    exceptions(doc, report, groups);
    if groups.is_empty() || groups.len() > ROWS {
        response(doc);
    }
    cover::sign_lines(doc);
}

fn approval(doc: &mut Doc<'_>, report: &Report) {
    let approval = &report.approval;
    if approval.is_empty() {
        let text = "The settings do not say who approved the policy: `[policy.approval]` takes `approved-by`, `approved-on`, \
                    `reference` and `review-by`.";
        doc.paragraph(BODY, text);
    } else {
        let mut text = match in_short(report).strip_prefix("approved by ") {
            Some(by) => format!("The policy was approved by {by}."),
            None => "The settings do not say who approved the policy.".to_owned(),
        };
        if !approval.reference.is_empty() {
            text.push_str(&format!(" Reference: {}.", approval.reference));
        }
        if let Some(review) = approval.review_by {
            let over = if review < report.scan.as_of.date_naive() {
                ", and that day has passed"
            } else {
                ""
            };
            text.push_str(&format!(" It is to be reviewed by {review}{over}."));
        }
        doc.paragraph(BODY, &text);
        let text = "As the settings of this scan say: neither AWS nor backproof checks who approved what.";
        doc.paragraph(doc::SMALL, text);
    }
    doc.y += GAP;
}

/// One row for each reason that tables need action for.
fn exceptions(doc: &mut Doc<'_>, report: &Report, groups: &[Group<'_>]) {
    doc.heading("Exceptions and management's response", 80.0);
    if groups.is_empty() {
        doc.paragraph(BODY, "No table needs action.");
        return;
    }
    let columns = [
        Column::new("Tables", 150.0),
        Column::new("Owner", 84.0),
        Column::new("Due", 54.0),
        Column::new("Response of management", 230.0),
    ];
    let mut table = Table::new(doc, &columns, CELL.size, "Exceptions");
    let today = report.scan.as_of.date_naive();
    for group in groups.iter().take(ROWS) {
        let first = &group.blocks[0];
        let name = cut(&report.tables[first.place].table_name, LONGEST_NAME);
        let more = match group.blocks.len() - 1 {
            0 => String::new(),
            more => format!(" and {} more", grouped(more)),
        };
        let owner = match group.common(|block| block.owner.to_owned()) {
            owner if owner.is_empty() => Para::new(CELL.colour(MUTED), "nobody is named"),
            owner => Para::new(CELL, owner),
        };
        let due = match group.blocks.iter().filter_map(|block| block.due).min() {
            None => Para::new(CELL.colour(MUTED), "no day"),
            Some(day) if day < today => {
                let colour = doc.template.colours.non_compliant;
                Para::new(CELL.bold().colour(colour), format!("{day}, overdue"))
            }
            Some(day) => Para::new(CELL, day.to_string()),
        };
        let goal = Some(Goal::Block(first.place));
        let cells = [
            vec![Para::new(CELL.bold(), format!("{name}{more}")).to(goal)],
            vec![owner],
            vec![due],
            // Room for a line by hand.
            vec![Para::new(CELL, " ")],
        ];
        table.row(doc, &cells);
    }
    if let Some(more) = groups.len().checked_sub(ROWS).filter(|more| *more > 0) {
        doc.y += SMALL_GAP;
        let text = format!(
            "And {} more, under \u{201c}What needs action\u{201d}; report.json and report.xlsx hold owner and day of each table.",
            plural(more, "reason")
        );
        doc.paragraph(doc::SMALL, &text);
    }
    doc.y += GAP;
}

/// Lines to write on.
fn response(doc: &mut Doc<'_>) {
    const HEIGHT: f32 = 20.0;
    doc.need(HEIGHT * LINES as f32 + 16.0);
    doc.paragraph(BODY.bold(), "Response of management");
    let (left, width) = (doc.left(), doc.width());
    for _ in 0..LINES {
        doc.y += HEIGHT;
        let y = doc.y;
        doc.page().rule(left, y, width, 0.4, MUTED);
    }
    doc.y += LARGE_GAP;
}
