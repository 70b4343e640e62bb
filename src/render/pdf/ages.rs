//! How old the newest usable recovery point of each table is, against the table's own limit: bars, and the limit as a line
//! between them.

use super::chart;
use super::doc::{BODY, Doc, GAP, MUTED, SMALL};
use super::text::grouped;
use crate::domain::Verdict;
use crate::render::ages::AgeClass;
use crate::report::Report;

const fn label(age: AgeClass) -> &'static str {
    match age {
        AgeClass::Half => "up to half the limit",
        AgeClass::Within => "up to the limit",
        AgeClass::Double => "up to twice the limit",
        AgeClass::Sevenfold => "up to 7 times the limit",
        AgeClass::Older => "older",
        AgeClass::None => "no usable recovery point",
        AgeClass::Unknown => "unknown",
    }
}

/// How the bar of a class is filled.
const fn looks(age: AgeClass) -> Verdict {
    match age {
        AgeClass::Half | AgeClass::Within => Verdict::Compliant,
        AgeClass::Double | AgeClass::Sevenfold | AgeClass::Older | AgeClass::None => Verdict::NonCompliant,
        AgeClass::Unknown => Verdict::Unknown,
    }
}

const ROW: f32 = 13.0;
const LABEL: f32 = 126.0;

/// Draws the histogram below the cursor.
pub(crate) fn write(doc: &mut Doc<'_>, report: &Report) {
    let mut counts = [0_usize; AgeClass::ALL.len()];
    for row in &report.tables {
        counts[AgeClass::of(row) as usize] += 1;
    }
    doc.heading("Age of the newest usable recovery point", 120.0);
    let most = counts.into_iter().max().unwrap_or(0).max(1);
    let (left, width, top) = (doc.left(), doc.width(), doc.y);
    let scale = (width - LABEL - 60.0) / most as f32;
    for (index, (age, count)) in AgeClass::ALL.into_iter().zip(counts).enumerate() {
        // Room for the line that stands for the limit, and apart from it what is not known.
        let y = top + index as f32 * ROW + if index >= 2 { 6.0 } else { 0.0 };
        doc.text(left, y + 8.4, BODY, label(age));
        let end = if count == 0 {
            0.0
        } else {
            let length = (count as f32 * scale).max(1.2);
            chart::bar(doc, (left + LABEL, y, length, 10.0), looks(age));
            length
        };
        let style = if count == 0 { BODY.colour(MUTED) } else { BODY.bold() };
        doc.text(left + LABEL + end + 5.0, y + 8.4, style, &grouped(count));
    }
    let line = top + 2.0 * ROW;
    let accent = doc.template.colours.accent;
    let words = "limit";
    let style = SMALL.bold().colour(accent);
    let label = doc.measure(style, words);
    doc.page().rule(left, line, width - label - 4.0, 0.8, accent);
    doc.text(left + width - label, line + 2.6, style, words);
    doc.y = top + AgeClass::ALL.len() as f32 * ROW + 6.0 + 2.0;
    let text = "Each table against the limit of its own tier, exempt tables included. A point counts if it is usable: finished, \
                of the table that exists now, and still listed.";
    doc.paragraph(SMALL, text);
    doc.y += GAP;
}
