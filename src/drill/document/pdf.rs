//! `report.pdf` of a drill: the looks and machinery of the other reports, on at most three pages.
//!
//! The worst drills are told whole, as far as two pages hold them; the others have a line each, as far as the third one does.

use std::io::Write;

use super::words::{self, Shade};
use crate::digest;
use crate::domain::rfc3339;
use crate::drill::record::{Drill, Record};
use crate::problem::count;
use crate::render::RenderError;
use crate::render::pdf::archive::About;
use crate::render::pdf::doc::{BODY, CELL, Doc, Footer, GAP, MONO, MUTED, SMALL, SMALL_GAP};
use crate::render::pdf::fonts::Fonts;
use crate::render::pdf::template::{Rgb, Template};
use crate::render::pdf::{cover, finish};

/// The file.
pub(super) const FILE: &str = "report.pdf";

/// Sheets that it may have.
const SHEETS: usize = 3;

/// What one drill that is told whole takes at most, in points.
const WHOLE: f32 = 250.0;

/// What the limits at the end take, in points.
const END: f32 = 110.0;

/// One line for a drill.
const LINE: f32 = 12.0;

/// Renders the document.
///
/// Errors: printpdf gave up, or the disk did.
pub(super) fn render(record: &Record, out: &mut dyn Write) -> Result<(), RenderError> {
    write(record, out).map_err(|why| RenderError::new(FILE, why))
}

fn write(record: &Record, out: &mut dyn Write) -> Result<(), String> {
    let mut template = Template::default();
    "Restore drill".clone_into(&mut template.title);
    template.subtitle = format!("Amazon DynamoDB and AWS Backup, run {}", record.run_id);
    let fonts = Fonts::load()?;
    let sha256 = digest::of_bytes(&record.to_bytes());
    let mut doc = Doc::new(&fonts, &template);
    front(&mut doc, record, &sha256);
    let drills = words::worst_first(record);
    let told = told_whole(&mut doc, &drills);
    in_lines(&mut doc, &drills[told..], record);
    cover::heading(&mut doc, "What it does not prove");
    for line in words::LIMITS {
        doc.point(SMALL, line);
    }
    let program = format!("backproof {}", record.tool_version);
    let footer = Footer {
        evidence: format!("drill.json sha256 {}\u{2026}", &sha256[..32]),
        owner: program.clone(),
    };
    doc.frame(&rfc3339(record.ended_at), &footer);
    let about = About {
        title: format!("{}: {}", template.title, template.subtitle),
        author: program.clone(),
        subject: format!("Evidence of restores of DynamoDB tables, sha256 {sha256}"),
        keywords: "DynamoDB, AWS Backup, restore, audit evidence".to_owned(),
        creator: program,
        producer: "printpdf".to_owned(),
        at: rfc3339(record.ended_at).replace('Z', "+00:00"),
    };
    finish::write(doc, &about, out)
}

fn colour(doc: &Doc<'_>, shade: Shade) -> Rgb {
    let colours = &doc.template.colours;
    match shade {
        Shade::Bad => colours.non_compliant,
        Shade::Open => colours.unknown,
        Shade::Good => colours.compliant,
    }
}

fn front(doc: &mut Doc<'_>, record: &Record, sha256: &str) {
    doc.name_part("Drill");
    cover::title(doc);
    let (shade, headline) = words::headline(record);
    let colour = colour(doc, shade);
    cover::boxed(doc, colour, &headline, &words::summary(record));
    let span = format!(
        "{} to {}, by AWS's clock",
        rfc3339(record.began_at),
        rfc3339(record.ended_at)
    );
    cover::fact(doc, "Began and ended", BODY, &span);
    cover::fact(doc, "Caller", MONO, &record.caller_arn);
    cover::fact(doc, "Made by", BODY, &format!("backproof {}", record.tool_version));
    cover::fact(doc, "drill.json", MONO, &format!("SHA-256 {sha256}"));
    let proof = "`backproof verify` checks the pack that holds this file; so do sha256sum and ssh-keygen";
    cover::fact(doc, "Proof", BODY, proof);
    doc.y += GAP;
}

/// Tells drills whole, as far as there is room for them. Gives their number.
fn told_whole(doc: &mut Doc<'_>, drills: &[&Drill]) -> usize {
    for (number, drill) in drills.iter().enumerate() {
        let is_last_sheet = doc.sheets.len() >= SHEETS - 1;
        if is_last_sheet && doc.room() < WHOLE {
            return number;
        }
        whole(doc, drill);
    }
    drills.len()
}

fn whole(doc: &mut Doc<'_>, drill: &Drill) {
    let shade = words::shade(drill);
    let style = crate::render::pdf::page::Style { size: 10.0, ..BODY }
        .bold()
        .colour(colour(doc, shade));
    doc.need(70.0);
    let title = format!(
        "{} {}. {}: {}",
        shade.mark(),
        drill.number,
        words::name(&drill.source.table_arn),
        words::outcome(drill)
    );
    doc.mark(0, &title);
    doc.paragraph(style, &title);
    doc.y += SMALL_GAP;
    let (left, width) = (doc.left(), doc.width());
    for (label, value) in words::facts(drill) {
        let lines = doc.wrap(CELL, width - 96.0, &value);
        // More than this no page for people needs; drill.json has all of it.
        let lines: Vec<String> = match lines.len() {
            0..=MOST => lines,
            _ => {
                let mut some: Vec<String> = lines.into_iter().take(MOST).collect();
                if let Some(last) = some.last_mut() {
                    last.push('\u{2026}');
                }
                some
            }
        };
        let label = doc.wrap(CELL.colour(MUTED), 90.0, label);
        doc.need(lines.len().max(label.len()) as f32 * CELL.leading() + 3.0);
        let top = doc.y + CELL.size;
        for (place, line) in label.iter().enumerate() {
            doc.text(left, top + place as f32 * CELL.leading(), CELL.colour(MUTED), line);
        }
        for (place, line) in lines.iter().enumerate() {
            doc.text(left + 96.0, top + place as f32 * CELL.leading(), CELL, line);
        }
        doc.y += lines.len().max(label.len()) as f32 * CELL.leading() + 2.0;
    }
    doc.y += GAP;
}

/// Lines that one fact of a drill has at most.
const MOST: usize = 3;

/// One line for each of the others, and for what was left out, as far as there is room for them.
fn in_lines(doc: &mut Doc<'_>, drills: &[&Drill], record: &Record) {
    let of_drills = drills.iter().map(|drill| {
        let shade = words::shade(drill);
        let text = format!(
            "{} {}. {}: {}; {}",
            shade.mark(),
            drill.number,
            words::name(&drill.source.table_arn),
            words::outcome(drill),
            words::rto(drill)
        );
        (shade, text)
    });
    let of_others = record.left_out.iter().map(|left| {
        let text = format!("? {}: not restored: {}", words::name(&left.table_arn), left.why);
        (Shade::Open, text)
    });
    let all: Vec<(Shade, String)> = of_drills.chain(of_others).collect();
    if all.is_empty() {
        return;
    }
    cover::heading(doc, "In one line each");
    for (number, (shade, text)) in all.iter().enumerate() {
        if doc.sheets.len() >= SHEETS && doc.room() < END + 2.0 * LINE {
            let more = format!(
                "And {} more; report.html and drill.json have all.",
                count(all.len() - number, "table")
            );
            doc.paragraph(BODY, &more);
            break;
        }
        doc.need(LINE);
        let (left, width, y) = (doc.left(), doc.width(), doc.y + CELL.size);
        let line = doc.fitted(CELL, width, text);
        let colour = colour(doc, *shade);
        doc.text(left, y, CELL.colour(colour), &line);
        doc.y += LINE;
    }
    doc.y += GAP;
}
