//! An honest word on names that the fonts of the document cannot show as they are: which characters are spelled, and in which
//! texts; and letters that are shown apart.

use std::collections::BTreeSet;

use super::doc::{BODY, CELL, Doc, SMALL_GAP};
use super::fonts::Face;
use super::text::{grouped, plural};
use crate::dictionary::TableFacts;
use crate::domain::FactValue;
use crate::report::Report;

/// Texts that are told; the others are counted.
const TOLD: usize = 60;

/// Writes the note, if there is anything to say.
pub(crate) fn write(doc: &mut Doc<'_>, report: &Report) {
    let texts = texts(report);
    let shows = |character: char| {
        doc.fonts
            .visible(Face::Bold, character.encode_utf8(&mut [0; 4]))
            .chars()
            .eq([character])
    };
    let spelled: BTreeSet<char> = texts
        .iter()
        .flat_map(|text| text.chars())
        .filter(|one| !shows(*one))
        .collect();
    let is_arabic =
        |character: char| matches!(character, '\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}' | '\u{8a0}'..='\u{8ff}');
    let has_arabic = texts.iter().any(|text| text.chars().any(is_arabic));
    if spelled.is_empty() && !has_arabic {
        return;
    }
    doc.heading("Names in other scripts", 60.0);
    if has_arabic {
        let text = "Arabic letters stand from right to left, each in the shape that it has alone: they are not joined.";
        doc.point(BODY, text);
    }
    if spelled.is_empty() {
        return;
    }
    let codes: Vec<String> = spelled.iter().map(|one| format!("U+{:04X}", u32::from(*one))).collect();
    let text = format!(
        "The fonts of this document hold no Chinese, Japanese or Korean characters and no pictographs, and show nothing that \
         would hide or turn text. {} spelled by number: {}. report.json, report.html and report.xlsx hold the names as they \
         are.",
        match codes.len() {
            1 => "One character is".to_owned(),
            count => format!("{} characters are", grouped(count)),
        },
        codes.join(", ")
    );
    doc.point(BODY, &text);
    let all: Vec<&&str> = texts
        .iter()
        .filter(|text| text.chars().any(|one| spelled.contains(&one)))
        .collect();
    doc.y += SMALL_GAP;
    for text in all.iter().take(TOLD) {
        doc.point(CELL, text);
    }
    if let Some(more) = all.len().checked_sub(TOLD).filter(|more| *more > 0) {
        doc.point(CELL, &format!("and {}", plural(more, "more text")));
    }
}

/// Every name and every text of a person that the document shows.
fn texts(report: &Report) -> BTreeSet<&str> {
    let mut texts: BTreeSet<&str> = BTreeSet::new();
    texts.extend(report.coverage.accounts.iter().map(|account| account.name.as_str()));
    for table in &report.tables {
        texts.insert(&table.table_name);
        for fact in [TableFacts::plan_names, TableFacts::owner] {
            if let FactValue::Text(text) = table.fact(fact) {
                texts.insert(text);
            }
        }
    }
    for waiver in &report.waivers {
        texts.extend([
            &*waiver.reason,
            &*waiver.approver,
            &*waiver.requester,
            &*waiver.compensating_control,
        ]);
    }
    for tier in &report.tiers {
        texts.extend([&*tier.name, &*tier.when]);
        if let Some(exemption) = &tier.exemption {
            texts.extend([&*exemption.reason, &*exemption.approver]);
        }
    }
    texts.extend([
        &*report.approval.approved_by,
        &*report.approval.reference,
        &*report.exceptions.owner,
    ]);
    texts.retain(|text| !text.is_ascii() || text.chars().any(char::is_control));
    texts
}
