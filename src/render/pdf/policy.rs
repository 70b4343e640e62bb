//! What was required and what was accepted: policy values, tiers and exemptions, waivers.

use super::doc::{BODY, CELL, Doc, GAP, MUTED, SMALL_GAP};
use super::findings::{Index, by_cause};
use super::table::{Column, Para, Table};
use super::template::Section;
use super::text::{grouped, plural};
use crate::render::causes::causes;
use crate::report::{ExemptionLine, Report, TierLine, WaiverLine};

/// Values that stand beside each other.
const ACROSS: usize = 3;

pub(crate) fn write(doc: &mut Doc<'_>, report: &Report) {
    doc.part(Section::Policy.title(), false);
    policy(doc, report);
    tiers(doc, &report.tiers);
    waivers(doc, &report.waivers);
    let waived = causes(report.findings.iter().filter(|finding| finding.waived));
    by_cause(doc, &Index::of(report), "Waived findings", &waived);
}

fn line<'t>(text: impl Into<std::borrow::Cow<'t, str>>) -> Vec<Para<'t>> {
    vec![Para::new(CELL, text)]
}

fn policy(doc: &mut Doc<'_>, report: &Report) {
    doc.heading("Values for every table", 60.0);
    if report.policy.is_empty() {
        doc.paragraph(BODY, "The scan names no policy values.");
        return;
    }
    let pair = [Column::new("Value", 82.0), Column::new("Required", 86.0)];
    let columns: Vec<Column> = pair.into_iter().cycle().take(2 * ACROSS).collect();
    let mut table = Table::new(doc, &columns, CELL.size, "Values for every table");
    table.is_tight = true;
    // Beside each other, the first ones to the left.
    let rows = report.policy.len().div_ceil(ACROSS);
    for row in 0..rows {
        let beside = (0..ACROSS).map(|column| report.policy.get(column * rows + row));
        let cells = beside.flat_map(|value| {
            let (name, value) = value.map_or(("", ""), |(name, value)| (name.as_str(), value.as_str()));
            [line(name), line(value)]
        });
        table.row(doc, &cells.collect::<Vec<_>>());
    }
    doc.y += GAP;
}

fn tiers(doc: &mut Doc<'_>, tiers: &[TierLine]) {
    doc.heading("Tiers and exemptions", 60.0);
    if tiers.is_empty() {
        doc.paragraph(
            BODY,
            "None: the same values hold for every table, and no table is exempt.",
        );
        return;
    }
    doc.paragraph(
        BODY,
        "The first tier whose condition holds applies on top of the values above, in this order.",
    );
    doc.y += SMALL_GAP;
    let columns = [
        Column::new("Tier", 70.0),
        Column::new("Condition", 170.0),
        Column::new("Sets", 190.0),
        Column::number("Tables", 50.0),
    ];
    let mut table = Table::new(doc, &columns, CELL.size, "Tiers");
    table.is_tight = true;
    for tier in tiers {
        let sets: Vec<String> = tier
            .values
            .iter()
            .map(|(key, value)| format!("{key} = {value}"))
            .collect();
        let mut cell = Vec::new();
        if !sets.is_empty() {
            cell.push(Para::new(CELL, sets.join(", ")));
        }
        if let Some(exemption) = &tier.exemption {
            cell.extend(exempt(doc, exemption));
        }
        table.row(
            doc,
            &[
                line(tier.name.as_str()),
                line(tier.when.as_str()),
                cell,
                line(grouped(tier.table_count)),
            ],
        );
    }
    doc.y += GAP;
}

/// Why tables of a tier need no backup, and whether that holds.
fn exempt(doc: &Doc<'_>, exemption: &ExemptionLine) -> [Para<'static>; 2] {
    let end = exemption
        .expires_at
        .map_or_else(|| "no end".to_owned(), |end| end.format("%Y-%m-%d").to_string());
    let (state, style) = if exemption.is_in_force {
        ("exempt", CELL.bold())
    } else {
        (
            "exemption not in force",
            CELL.bold().colour(doc.template.colours.non_compliant),
        )
    };
    let or_none = |text: &str| if text.is_empty() { "none" } else { text }.to_owned();
    let most = exemption
        .max_tables
        .map_or_else(String::new, |most| format!("; of at most {}", plural(most, "table")));
    let text = format!(
        "until {end}; reason: {}; approver: {}{most}",
        or_none(&exemption.reason),
        or_none(&exemption.approver)
    );
    [Para::new(style, state), Para::new(CELL, text)]
}

fn waivers(doc: &mut Doc<'_>, waivers: &[WaiverLine]) {
    doc.heading("Waivers", 40.0);
    if waivers.is_empty() {
        doc.paragraph(BODY, "None.");
        return;
    }
    let in_force = waivers.iter().filter(|waiver| waiver.is_in_force).count();
    let text = format!(
        "{}, of which {} in force. Findings under a waiver are still listed.",
        plural(waivers.len(), "waiver"),
        grouped(in_force)
    );
    doc.paragraph(BODY, &text);
    doc.y += SMALL_GAP;
    let columns = [
        Column::new("Waiver", 70.0),
        Column::new("Rule and tables", 130.0),
        Column::new("Why, and what is done instead", 160.0),
        Column::new("Who and when", 120.0),
    ];
    let mut table = Table::new(doc, &columns, CELL.size, "Waivers");
    table.is_tight = true;
    for waiver in waivers {
        let state = if waiver.is_in_force { "in force" } else { "not in force" };
        let mut why = vec![Para::new(CELL, waiver.reason.as_str())];
        if !waiver.compensating_control.is_empty() {
            let instead = format!("instead: {}", waiver.compensating_control);
            why.push(Para::new(CELL.colour(MUTED), instead));
        }
        let day = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%d").to_string();
        table.row(
            doc,
            &[
                vec![Para::new(CELL.bold(), waiver.id.as_str()), Para::new(CELL, state)],
                vec![
                    Para::new(CELL, waiver.what()),
                    Para::new(CELL, waiver.tables.as_str()),
                    Para::new(
                        CELL.colour(MUTED),
                        format!(
                            "{}, {}",
                            plural(waiver.table_count, "table"),
                            plural(waiver.finding_count, "finding")
                        ),
                    ),
                ],
                why,
                vec![
                    Para::new(CELL, format!("asked for by {}", waiver.requester)),
                    Para::new(
                        CELL,
                        format!("approved by {} on {}", waiver.approver, day(waiver.approved_at)),
                    ),
                    Para::new(CELL, format!("until {}", day(waiver.expires_at))),
                ],
            ],
        );
    }
    doc.y += GAP;
}
