//! What was required, what was accepted, and the control matrix of the frameworks that were chosen.

use super::doc::{BODY, Doc, MUTED, TEXT, symbol, word};
use super::fonts::Face;
use super::page::Style;
use super::table::{Column, Para, Table};
use super::text::{grouped, plural};
use crate::domain::Verdict;
use crate::report::{ControlRow, FrameworkReport, Report, TierLine, WaiverLine};

const CELL: Style = Style {
    face: Face::Regular,
    size: 7.4,
    colour: TEXT,
};

pub(super) fn write(doc: &mut Doc<'_>, report: &Report) {
    doc.part("Policy and controls", false);
    policy(doc, report);
    tiers(doc, &report.tiers);
    waivers(doc, &report.waivers);
    for framework in &report.frameworks {
        matrix(doc, framework);
    }
    if report.frameworks.is_empty() {
        doc.heading("Control matrix", 30.0);
        doc.paragraph(BODY, "No framework was chosen for this report.");
    }
}

fn line<'t>(text: impl Into<std::borrow::Cow<'t, str>>) -> Vec<Para<'t>> {
    vec![Para::new(CELL, text)]
}

fn policy(doc: &mut Doc<'_>, report: &Report) {
    doc.heading("Values for every table", 60.0);
    let columns = [Column::new("Value", 150.0), Column::new("Required", 330.0)];
    let mut table = Table::new(doc, &columns, 7.4, "Values for every table");
    for (name, value) in &report.policy {
        table.row(doc, &[line(name.as_str()), line(value.as_str())]);
    }
    doc.y += 6.0;
}

fn tiers(doc: &mut Doc<'_>, tiers: &[TierLine]) {
    if tiers.is_empty() {
        return;
    }
    doc.heading("Tiers, in the order in which they are tried", 60.0);
    let columns = [
        Column::new("Tier", 70.0),
        Column::new("Condition", 170.0),
        Column::new("Sets", 190.0),
        Column::number("Tables", 50.0),
    ];
    let mut table = Table::new(doc, &columns, 7.4, "Tiers");
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
            let end = exemption
                .expires_at
                .map_or_else(|| "no end".to_owned(), |end| end.format("%Y-%m-%d").to_string());
            let state = if exemption.is_in_force {
                "exempt"
            } else {
                "exemption not in force"
            };
            let or_none = |text: &str| if text.is_empty() { "none" } else { text }.to_owned();
            let text = format!(
                "{state} until {end}; reason: {}; approver: {}",
                or_none(&exemption.reason),
                or_none(&exemption.approver)
            );
            cell.push(Para::new(CELL, text));
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
    doc.y += 6.0;
}

fn waivers(doc: &mut Doc<'_>, waivers: &[WaiverLine]) {
    doc.heading("Waivers", 40.0);
    if waivers.is_empty() {
        doc.paragraph(BODY, "None.");
        return;
    }
    let in_force = waivers.iter().filter(|waiver| waiver.is_in_force).count();
    let text = format!(
        "{}, of which {} in force. Findings under a waiver are listed all the same.",
        plural(waivers.len(), "waiver"),
        grouped(in_force)
    );
    doc.paragraph(BODY, &text);
    doc.y += 4.0;
    let columns = [
        Column::new("Waiver", 70.0),
        Column::new("Rule and tables", 130.0),
        Column::new("Why, and what is done instead", 160.0),
        Column::new("Who and when", 120.0),
    ];
    let mut table = Table::new(doc, &columns, 7.4, "Waivers");
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
                    Para::new(CELL, waiver.rule.as_str()),
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
    doc.y += 6.0;
}

fn matrix(doc: &mut Doc<'_>, framework: &FrameworkReport) {
    let title = format!("{}, {}", framework.title, framework.version);
    doc.heading(&title, 80.0);
    doc.paragraph(
        BODY,
        "Direct: the control names backup, recovery or the protected property. Supporting: a general requirement to which the \
         answer contributes. V: id read in the framework's own text; L: in an open library; C: certain from the standard.",
    );
    doc.y += 4.0;
    let columns = [
        Column::new("Control", 86.0),
        Column::new("Asks", 118.0),
        Column::new("Rules", 146.0),
        Column::new("Outcome", 130.0),
    ];
    let mut table = Table::new(doc, &columns, 7.4, &title);
    let (answered, others): (Vec<&ControlRow>, Vec<&ControlRow>) =
        framework.controls.iter().partition(|row| row.answered == "rules");
    for row in answered.iter().chain(&others) {
        let asks = if row.only_if.is_empty() {
            row.asks.clone()
        } else {
            format!("{} ({})", row.asks, row.only_if)
        };
        let rules = if row.rules.is_empty() {
            match row.answered.as_str() {
                "coverage" => "no rule: see \u{201c}Coverage and gaps\u{201d}".to_owned(),
                "evidence" => "no rule: the stored inventory and its manifest".to_owned(),
                "waivers" => "no rule: see \u{201c}Waivers\u{201d}".to_owned(),
                _ => "no rule can answer this control".to_owned(),
            }
        } else {
            row.rules.join(", ")
        };
        let outcome = outcome(doc, row);
        table.row(
            doc,
            &[
                vec![
                    Para::new(CELL.bold(), row.id.as_str()),
                    Para::new(
                        CELL.colour(MUTED),
                        format!("{}, {}, {}", row.relation, row.letter, row.question),
                    ),
                ],
                line(asks),
                line(rules),
                outcome,
            ],
        );
    }
    doc.y += 6.0;
}

/// The worst verdict, and how many findings of each kind stand behind it.
fn outcome(doc: &Doc<'_>, row: &ControlRow) -> Vec<Para<'static>> {
    let Some(verdict) = row.verdict else {
        return vec![Para::new(CELL.colour(MUTED), "not judged")];
    };
    let mut counts: Vec<String> = Verdict::ALL
        .into_iter()
        .filter_map(|verdict| {
            let count = row.counts.get(&verdict).copied().filter(|count| *count > 0)?;
            Some(format!("{} {}", grouped(count), word(verdict)))
        })
        .collect();
    if row.waived > 0 {
        counts.push(format!("{} waived", grouped(row.waived)));
    }
    vec![
        Para::new(
            CELL.bold().colour(doc.colour_of(verdict)),
            format!("{} {}", symbol(verdict), word(verdict)),
        ),
        Para::new(CELL, counts.join(", ")),
    ]
}
