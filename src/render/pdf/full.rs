//! Every finding that is not good news with the facts behind it, table by table: what `--pdf-detail full` adds.

use std::collections::{BTreeMap, BTreeSet};

use super::doc::{BODY, CELL, Doc, FINE, MUTED, SMALL_GAP, symbol};
use super::text::plural;
use crate::domain::{FactValue, Finding, Verdict};
use crate::report::Report;

/// Room for verdict and severity.
const TAG: f32 = 54.0;

pub(crate) fn write(doc: &mut Doc<'_>, report: &Report) {
    let is_told =
        |finding: &&Finding| matches!(finding.verdict, Verdict::NonCompliant | Verdict::Unknown) || finding.waived;
    let all: Vec<&Finding> = report.findings.iter().filter(is_told).collect();
    doc.heading("Every finding with its evidence", 60.0);
    let text = format!(
        "{}, required and advised, by what they are about. Grey: the facts that the rules read.",
        plural(all.len(), "finding")
    );
    doc.paragraph(BODY, &text);
    let mut from = 0;
    while from < all.len() {
        let arn = &all[from].resource_arn;
        let until = from
            + all[from..]
                .iter()
                .take_while(|finding| finding.resource_arn == *arn)
                .count();
        doc.y += SMALL_GAP;
        doc.need(50.0);
        let (left, width) = (doc.left(), doc.width());
        doc.block(
            left,
            width,
            CELL.bold(),
            if arn.is_empty() { &all[from].resource_name } else { arn },
        );
        for finding in &all[from..until] {
            one(doc, report, finding);
        }
        let facts = evidence(&all[from..until]);
        doc.block(left, width, FINE.colour(MUTED), &facts);
        from = until;
    }
}

fn one(doc: &mut Doc<'_>, report: &Report, finding: &Finding) {
    let (left, width) = (doc.left(), doc.width());
    let colour = if finding.waived {
        MUTED
    } else {
        doc.colour_of(finding.verdict)
    };
    let level = if finding.is_required() { "" } else { ", advised" };
    let by = finding
        .framework
        .as_deref()
        .map_or_else(String::new, |id| format!(" by {id}"));
    let mut text = format!("{}{by}{level}: {} [{}]", finding.rule, finding.message, finding.id);
    if finding.waived {
        text.push_str(&format!(" WAIVED: {}", report.why_waived(finding)));
    }
    doc.need(CELL.leading());
    let y = doc.y + CELL.size;
    let tag = format!("{} {}", symbol(finding.verdict), finding.severity);
    doc.text(left, y, CELL.bold().colour(colour), &tag);
    doc.block(left + TAG, width - TAG, CELL, &text);
}

/// The facts that the rules read: those that have a value with it, then those that have none, by cause; each once.
fn evidence(findings: &[&Finding]) -> String {
    let mut seen = BTreeSet::new();
    let all: Vec<_> = findings
        .iter()
        .flat_map(|finding| &finding.evidence)
        .filter(|(name, _)| seen.insert(*name))
        .collect();
    let value_of = |name: &str| all.iter().find(|(fact, _)| *fact == name).map(|(_, value)| *value);
    // What was seen is said only where it differs from what is known of the whole.
    let is_said_already = |name: &str, value: &FactValue| {
        name.strip_suffix("_seen")
            .and_then(value_of)
            .is_some_and(|whole| whole == value)
    };
    let (mut known, mut without) = (Vec::new(), BTreeMap::<String, Vec<&str>>::new());
    for (fact, value) in &all {
        match value {
            _ if is_said_already(fact, value) => {}
            FactValue::Null(cause) => without.entry(cause.to_string()).or_default().push(fact),
            FactValue::Text(text) if text.is_empty() => known.push(format!("{fact} = none")),
            value => known.push(format!("{fact} = {value}")),
        }
    }
    let without = without
        .iter()
        .map(|(cause, facts)| format!("{cause}: {}", facts.join(", ")));
    known.extend(without);
    known.join("; ")
}
