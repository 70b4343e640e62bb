//! The PDF of an attestation: the same looks and machinery as the report's, other parts.
//!
//! In: an [`Attestation`] and a [`Template`]. Out: the bytes of one file with cover, what it rests on, the heat map of
//! every table, exposures, what rests on a promise, what was not observed, failed jobs, policy, scope and packs, and every table.

mod many;
mod parts;
mod tables;

use std::io::Write;

use crate::attest::render::words;
use crate::attest::{Attestation, Proof, TableProof, percent};
use crate::domain::rfc3339;
use crate::exit::Exit;
use crate::facts::rpo_over_time::DayProof;
use crate::render::RenderError;
use crate::render::pdf::archive::About;
use crate::render::pdf::chart::DayLook;
use crate::render::pdf::cover;
use crate::render::pdf::days::{self, Grid};
use crate::render::pdf::doc::{BODY, Doc, Footer, GAP, LARGE_GAP, MONO, SMALL, SMALL_GAP};
use crate::render::pdf::fonts::Fonts;
use crate::render::pdf::page::Style;
use crate::render::pdf::template::{Rgb, Template};
use crate::render::pdf::text::{grouped, plural};
use crate::render::pdf::{chart, finish};

/// Renders `attestation.pdf`.
///
/// Errors: printpdf gave up, or the disk did.
pub(crate) fn render(attestation: &Attestation, template: &Template, out: &mut dyn Write) -> Result<(), RenderError> {
    write(attestation, template, out).map_err(|why| RenderError::new("attestation.pdf", why))
}

fn write(attestation: &Attestation, template: &Template, out: &mut dyn Write) -> Result<(), String> {
    let template = titled(attestation, template);
    let fonts = Fonts::load()?;
    let mut doc = Doc::new(&fonts, &template);
    front(&mut doc, attestation);
    about_it(&mut doc, attestation);
    let tables = worst_first(attestation);
    day_by_day(&mut doc, attestation, &tables);
    parts::exposures(&mut doc, &tables);
    parts::promised(&mut doc, attestation, &tables);
    parts::not_observed(&mut doc, attestation, &tables);
    parts::failed_runs(&mut doc, &tables);
    parts::drills(&mut doc, attestation);
    parts::policy(&mut doc, attestation, &tables);
    parts::scope(&mut doc, attestation);
    tables::write(&mut doc, attestation);
    let period = attestation.period;
    doc.frame(
        &format!("{} to {}", period.from, period.to),
        &footer(&template, attestation),
    );
    finish::write(doc, &about(attestation, &template), out)
}

/// A firm's own title stays; ours says what this document is.
fn titled(attestation: &Attestation, template: &Template) -> Template {
    let ours = Template::default();
    let mut template = template.clone();
    if template.title == ours.title {
        template.title = "Proof of backup over a period".to_owned();
    }
    let period = attestation.period;
    template.subtitle = format!("{}, {} to {}", template.subtitle, period.from, period.to);
    template
}

fn about(attestation: &Attestation, template: &Template) -> About {
    let program = format!("backproof {}", attestation.tool_version);
    let newest = attestation.packs.last().map(|pack| pack.as_of).unwrap_or_default();
    About {
        title: format!("{}: {}", template.title, template.subtitle),
        author: if template.organisation.is_empty() {
            program.clone()
        } else {
            template.organisation.clone()
        },
        subject: format!(
            "Evidence on backups of DynamoDB tables, sha256 {}",
            attestation.evidence_digest
        ),
        keywords: "DynamoDB, AWS Backup, audit evidence".to_owned(),
        creator: program,
        producer: "printpdf".to_owned(),
        at: rfc3339(newest).replace('Z', "+00:00"),
    }
}

fn footer(template: &Template, attestation: &Attestation) -> Footer {
    let program = format!("backproof {}", attestation.tool_version);
    let owner = [&template.organisation, &template.marking, &template.footer, &program];
    let owner: Vec<&str> = owner
        .into_iter()
        .map(String::as_str)
        .filter(|part| !part.is_empty())
        .collect();
    let short: String = attestation.evidence_digest.chars().take(32).collect();
    Footer {
        evidence: format!(
            "evidence sha256 {short}\u{2026}  of {}",
            plural(attestation.packs.len(), "pack")
        ),
        owner: owner.join(" \u{b7} "),
    }
}

/// Exposed tables, then those not observed in part; those of one verdict by ARN.
fn worst_first(attestation: &Attestation) -> Vec<&TableProof> {
    let mut tables: Vec<&TableProof> = attestation.tables.iter().collect();
    tables.sort_by_key(|table| (table.proof, table.is_waived));
    tables
}

fn front(doc: &mut Doc<'_>, attestation: &Attestation) {
    doc.name_part("Cover");
    cover::title(doc);
    let colours = &doc.template.colours;
    let colour = match attestation.exit() {
        Exit::NonCompliant => colours.non_compliant,
        Exit::EvidenceMissing => colours.unknown,
        _ => colours.compliant,
    };
    let totals = &attestation.totals;
    let (covered, exposed) = (totals.covered_seconds, totals.exposed_seconds);
    let covered = format!(
        "Over all tables a good recovery point was within the RPO for {} of the time that was observed, and for {} of all \
         the time for which a backup was asked for.",
        words::percent(percent(covered, covered + exposed)),
        words::percent(percent(covered, totals.asked_seconds()))
    );
    let lines = [words::summary(attestation), covered].into_iter();
    let lines = lines.chain(words::by_promise(attestation));
    let lines: Vec<String> = lines.chain(words::notes(attestation)).collect();
    cover::boxed(doc, colour, words::headline(attestation), &lines);
    cover::firm_statement(doc);
    cover::heading(doc, "What it is about");
    let period = attestation.period;
    let days = plural(period.days(), "day");
    cover::fact(
        doc,
        "Period",
        BODY,
        &format!("{} 00:00 to {} 24:00 UTC, {days}", period.from, period.to),
    );
    cover::fact(doc, "Tables", BODY, &tables_line(attestation));
    let places = plural(attestation.targets.len(), "account-Region pair");
    cover::fact(
        doc,
        "Scope",
        BODY,
        &format!("{places}, listed under \u{201c}Scope and packs\u{201d}"),
    );
    doc.y += GAP;
    cover::heading(doc, "Provenance");
    let between = words::length(u64::from(attestation.longest_between_packs()));
    let packs = format!(
        "{}; the longest time of the period without one is {between}",
        plural(attestation.packs.len(), "evidence pack")
    );
    cover::fact(doc, "Packs", BODY, &packs);
    cover::fact(doc, "Made by", BODY, &format!("backproof {}", attestation.tool_version));
    cover::fact(doc, "Evidence SHA-256", MONO, &attestation.evidence_digest);
    let what = "over the SHA-256 digests of the packs' manifests, one a line, in the order in which they are listed";
    doc.paragraph(SMALL, what);
    cover::sign_off(doc);
}

fn tables_line(attestation: &Attestation) -> String {
    let mut parts = vec![format!("{} lived in the period", grouped(attestation.tables.len()))];
    let start = crate::facts::seconds(attestation.period.start());
    let end = crate::facts::seconds(attestation.period.end());
    let is_inside = |at: Option<u32>| at.is_some_and(|at| at >= start && at < end);
    let count = |of: &dyn Fn(&TableProof) -> bool| attestation.tables.iter().filter(|table| of(table)).count();
    let created = count(&|table| is_inside(table.born));
    let deleted = count(&|table| is_inside(table.gone_by));
    parts.push(format!(
        "{} created in it, {} deleted",
        grouped(created),
        grouped(deleted)
    ));
    if attestation.restore_test_count > 0 {
        let number = grouped(attestation.restore_test_count);
        parts.push(format!("{number} more that AWS restore testing made are left out"));
    }
    parts.join("; ")
}

fn about_it(doc: &mut Doc<'_>, attestation: &Attestation) {
    doc.part("About this document", false);
    doc.heading("What it rests on", 60.0);
    for line in words::rests_on(attestation) {
        doc.point(BODY, &line);
    }
    doc.heading("What it does not prove", 60.0);
    for line in words::does_not_prove(attestation) {
        doc.point(BODY, &line);
    }
    doc.heading("How to read it", 60.0);
    for line in [
        "Proven: at every moment of the table's life in the period at which the policy asked for it, a good recovery point \
         was within the RPO. Exposed: at some moment it was not, or there was none. Not observed in part: not exposed as far \
         as the evidence goes, and it does not go all the way. Covered by promise in part: proven, if recovery points that no \
         pack lists at some moment stayed as long as their plan promised. Exempt: the policy asked for no backup.",
        "All instants are UTC; an interval holds its start and not its end. A day is as bad as its worst moment.",
        "An exposure under a waiver stays an exposure, marked with the waiver.",
        "Bookmarks lead to each part. attestation.json and attestation-intervals.csv, of the same packs, hold every interval.",
    ] {
        doc.point(BODY, line);
    }
}

fn day_by_day(doc: &mut Doc<'_>, attestation: &Attestation, tables: &[&TableProof]) {
    doc.part("Day by day", false);
    let grid = Grid::new(doc, attestation.period.from, attestation.period.days());
    doc.paragraph(
        BODY,
        "Every table that lived in the period, the worst first. A day of which only a part is known is not observed, unless that \
         part is exposed: so is the first one where the first pack reaches back to the middle of it. A day is covered if a good recovery point was within the \
         RPO at every moment of it, or the table itself was younger than its RPO; covered by promise if for a part of it that \
         rests on what a plan promised; exposed if for a part of it none was.",
    );
    if grid.step() > 1 {
        let text = format!(
            "Each column stands for {} and shows the worst of them.",
            plural(grid.step(), "day")
        );
        doc.paragraph(SMALL, &text);
    }
    doc.y += GAP;
    legend(doc);
    let mut from = head(doc, &grid);
    let (rows, left) = many::rows(tables);
    for tables in &rows {
        if doc.room() < days::ROW {
            days::columns(doc, &grid, from);
            doc.break_page();
            doc.paragraph(SMALL.bold(), "Day by day (continued)");
            doc.y += SMALL_GAP;
            from = head(doc, &grid);
        }
        row(doc, &grid, tables);
    }
    days::columns(doc, &grid, from);
    if rows.len() < tables.len() {
        doc.y += GAP;
        let alike = "Tables of the same verdict and the same days are one row, with the lowest figures among them; \
                     attestation-tables.csv has every row.";
        doc.paragraph(SMALL, alike);
    }
    if !left.is_empty() {
        doc.y += SMALL_GAP;
        let text = format!("Not drawn: {}.", many::verdicts(&left));
        doc.paragraph(BODY, &text);
    }
}

fn legend(doc: &mut Doc<'_>) {
    let (mut x, y) = (doc.left(), doc.y);
    for state in DayProof::ALL {
        let word = match state {
            DayProof::Covered => "covered",
            DayProof::Promised => "covered by promise",
            DayProof::Exposed => "exposed",
            DayProof::NotObserved => "not observed",
            DayProof::NotAlive => "no table, or exempt by policy",
            DayProof::Exempt => continue,
        };
        chart::day(doc, (x, y, 15.0, days::CELL), state);
        doc.text(x + 20.0, y + 7.4, BODY, word);
        x += 20.0 + doc.measure(BODY, word) + 18.0;
    }
    doc.y += LARGE_GAP;
}

/// Draws the head and returns where the rows begin.
fn head(doc: &mut Doc<'_>, grid: &Grid) -> f32 {
    let style = SMALL.bold().colour(doc.template.colours.accent);
    let (left, right, y) = (doc.left(), doc.left() + doc.width(), doc.y + 7.0);
    doc.text(left, y + 8.0, style, "Table");
    for (edge, lines) in [
        (right - days::FIGURE, ["covered,", "observed"]),
        (right, ["covered,", "all"]),
    ] {
        for (line, text) in lines.into_iter().enumerate() {
            doc.text_to(edge, y + line as f32 * 8.5, style, text);
        }
    }
    grid.label_days(doc, y + 8.0);
    doc.y += 20.0;
    doc.y
}

/// The row of tables that are alike, mostly of one.
fn row(doc: &mut Doc<'_>, grid: &Grid, tables: &[&TableProof]) {
    let Some(table) = tables.first() else { return };
    let (left, right, top) = (doc.left(), doc.left() + doc.width(), doc.y);
    let style = Style { size: 6.6, ..BODY };
    let mark = symbol(table.proof);
    doc.text(left, top + 6.6, style.bold().colour(colour(doc, table.proof)), mark);
    let name = doc.fitted(style.bold(), days::LABEL - 18.0, &many::name(tables));
    doc.text(left + 12.0, top + 6.6, style.bold(), &name);
    grid.draw(doc, &table.days);
    for (edge, figure) in [
        (
            right - days::FIGURE,
            many::lowest(tables, TableProof::covered_of_observed),
        ),
        (right, many::lowest(tables, TableProof::covered_of_all)),
    ] {
        doc.text_to(edge, top + 6.6, style, &words::percent(figure));
    }
    doc.y += days::ROW;
}

impl From<DayProof> for DayLook {
    fn from(day: DayProof) -> Self {
        match day {
            DayProof::Covered => Self::Covered,
            DayProof::Promised => Self::Promised,
            DayProof::Exposed => Self::Exposed,
            DayProof::NotObserved => Self::NotObserved,
            DayProof::NotAlive | DayProof::Exempt => Self::Nothing,
        }
    }
}

fn colour(doc: &Doc<'_>, proof: Proof) -> Rgb {
    let colours = &doc.template.colours;
    match proof {
        Proof::Exposed => colours.non_compliant,
        Proof::NotObserved => colours.unknown,
        Proof::Proven | Proof::Promised => colours.compliant,
        Proof::Exempt => colours.not_applicable,
    }
}

/// The mark that goes with a verdict, so that no meaning hangs on colour.
const fn symbol(proof: Proof) -> &'static str {
    match proof {
        Proof::Exposed => "\u{2717}",
        Proof::NotObserved => "?",
        Proof::Promised => "~",
        Proof::Proven => "\u{2713}",
        Proof::Exempt => "\u{2013}",
    }
}
