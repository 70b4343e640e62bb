//! How old the newest usable recovery point of each table is, against the table's own RPO: bars, and the RPO as a line
//! between them.

use super::chart;
use super::doc::{BODY, Doc, GAP, MUTED, SMALL};
use super::text::grouped;
use crate::domain::{FactValue, Verdict};
use crate::report::{Report, TableRow};

/// A class of the histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    Half,
    Within,
    Double,
    Sevenfold,
    Older,
    None,
    Unknown,
}

impl Age {
    const ALL: [Self; 7] = [
        Self::Half,
        Self::Within,
        Self::Double,
        Self::Sevenfold,
        Self::Older,
        Self::None,
        Self::Unknown,
    ];

    const fn label(self) -> &'static str {
        match self {
            Self::Half => "up to half the RPO",
            Self::Within => "up to the RPO",
            Self::Double => "up to twice the RPO",
            Self::Sevenfold => "up to 7 times the RPO",
            Self::Older => "older",
            Self::None => "no usable recovery point",
            Self::Unknown => "unknown",
        }
    }

    /// How its bar is filled.
    const fn looks(self) -> Verdict {
        match self {
            Self::Half | Self::Within => Verdict::Compliant,
            Self::Double | Self::Sevenfold | Self::Older | Self::None => Verdict::NonCompliant,
            Self::Unknown => Verdict::Unknown,
        }
    }

    /// What was seen may show that a table is within its RPO; that it is not takes a whole reading.
    fn of(row: &TableRow) -> Self {
        let hours = |name: &str| match row.fact(name) {
            FactValue::Float(hours) => Some(*hours),
            #[expect(clippy::cast_precision_loss, reason = "hours, not counts")]
            FactValue::Int(hours) => Some(*hours as f64),
            _ => None,
        };
        let Some(rpo) = hours("rpo_hours") else {
            return Self::Unknown;
        };
        let whole = hours("newest_recovery_point_age_hours");
        let seen = hours("newest_recovery_point_age_hours_seen").filter(|age| *age <= rpo);
        match whole.or(seen) {
            Some(age) if age <= rpo / 2.0 => Self::Half,
            Some(age) if age <= rpo => Self::Within,
            Some(age) if age <= rpo * 2.0 => Self::Double,
            Some(age) if age <= rpo * 7.0 => Self::Sevenfold,
            Some(_) => Self::Older,
            None if *row.fact("usable_recovery_point_count") == FactValue::Int(0) => Self::None,
            None => Self::Unknown,
        }
    }
}

const ROW: f32 = 15.0;
const LABEL: f32 = 126.0;

/// Draws the histogram below the cursor.
pub(crate) fn write(doc: &mut Doc<'_>, report: &Report) {
    let mut counts = [0_usize; Age::ALL.len()];
    for row in &report.tables {
        counts[Age::of(row) as usize] += 1;
    }
    doc.heading("Age of the newest usable recovery point", 120.0);
    let most = counts.into_iter().max().unwrap_or(0).max(1);
    let (left, width, top) = (doc.left(), doc.width(), doc.y);
    let scale = (width - LABEL - 60.0) / most as f32;
    for (index, (age, count)) in Age::ALL.into_iter().zip(counts).enumerate() {
        // Room for the line that stands for the RPO, and apart from it what is not known.
        let y = top + index as f32 * ROW + if index >= 2 { 6.0 } else { 0.0 };
        doc.text(left, y + 8.4, BODY, age.label());
        let end = if count == 0 {
            0.0
        } else {
            let length = (count as f32 * scale).max(1.2);
            chart::bar(doc, (left + LABEL, y, length, 10.0), age.looks());
            length
        };
        let style = if count == 0 { BODY.colour(MUTED) } else { BODY.bold() };
        doc.text(left + LABEL + end + 5.0, y + 8.4, style, &grouped(count));
    }
    let line = top + 2.0 * ROW;
    let accent = doc.template.colours.accent;
    let words = "RPO";
    let style = SMALL.bold().colour(accent);
    let label = doc.measure(style, words);
    doc.page().rule(left, line, width - label - 4.0, 0.8, accent);
    doc.text(left + width - label, line + 2.6, style, words);
    doc.y = top + Age::ALL.len() as f32 * ROW + 6.0 + 2.0;
    let text = "Each table against the RPO of its own tier, exempt tables included. A point counts if it is usable: finished, \
                of the table that exists now, and still listed.";
    doc.paragraph(SMALL, text);
    doc.y += GAP;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::TargetId;

    fn row(facts: &[(&'static str, FactValue)]) -> TableRow {
        TableRow {
            table_arn: String::new(),
            table_name: String::new(),
            target: TargetId::new(String::new(), String::new()),
            verdict: Verdict::Unknown,
            facts: facts
                .iter()
                .map(|(name, value)| ((*name).into(), value.clone()))
                .collect(),
            days: Vec::new(),
        }
    }

    #[test]
    fn only_a_whole_reading_shows_that_a_point_is_too_old() {
        let (rpo, age, seen) = (
            "rpo_hours",
            "newest_recovery_point_age_hours",
            "newest_recovery_point_age_hours_seen",
        );
        let hours = FactValue::Float;
        let points = "usable_recovery_point_count";
        for (facts, expected) in [
            (vec![(rpo, hours(24.0)), (age, hours(12.0))], Age::Half),
            (vec![(rpo, hours(24.0)), (age, hours(24.0))], Age::Within),
            (vec![(rpo, hours(24.0)), (age, hours(24.01))], Age::Double),
            (vec![(rpo, hours(24.0)), (age, hours(168.0))], Age::Sevenfold),
            (vec![(rpo, hours(24.0)), (age, hours(169.0))], Age::Older),
            (vec![(rpo, hours(24.0)), (seen, hours(3.0))], Age::Half),
            (vec![(rpo, hours(24.0)), (seen, hours(300.0))], Age::Unknown),
            (vec![(rpo, hours(24.0)), (points, FactValue::Int(0))], Age::None),
            (vec![(rpo, hours(24.0)), (points, FactValue::Unknown)], Age::Unknown),
            (vec![(age, hours(1.0))], Age::Unknown),
        ] {
            assert_eq!(Age::of(&row(&facts)), expected, "{facts:?}");
        }
    }
}
