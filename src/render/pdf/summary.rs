//! The summary: how old the newest points are against the limit of their table.

use super::ages;
use super::doc::{BODY, Doc};
use super::template::Section;
use crate::report::Report;

/// So many tables are told by their rows alone.
pub(crate) const FEW: usize = 3;

pub(crate) fn write(doc: &mut Doc<'_>, report: &Report) {
    doc.part(Section::Summary.title(), false);
    // Of so few a picture says less than their rows.
    if report.tables.len() <= FEW {
        let text = "The ages of the newest points stand under \u{201c}Every table\u{201d}: there are too few tables for a picture.";
        doc.paragraph(BODY, text);
        return;
    }
    ages::write(doc, report);
}
