//! The cover: the answer; what was examined, by whom, when; where to find what.

use super::doc::{self, BODY, Doc, GAP, Goal, HAIRLINE, LARGE_GAP, MONO, MUTED, Mark, SMALL, TEXT};
use super::finish::LOGO;
use super::fonts::Face;
use super::page::Style;
use super::template::{Colours, Rgb};
use super::text::{grouped, plural};
use super::{answer, method};
use crate::domain::rfc3339;
use crate::render::blocks::Group;
use crate::render::digest::Digest;
use crate::render::statement::Statement;
use crate::report::{Conclusion, Report};

/// Where the table of contents goes once the pages are known.
pub(crate) struct Contents {
    page: usize,
    left: f32,
    width: f32,
    y: f32,
}

const LINE: f32 = 13.0;
/// Between the columns of the table of contents.
const COLUMN_GAP: f32 = 24.0;

/// Writes the first two sheets: the answer, then what it is about. The table of contents follows with [`fill_contents`].
pub(crate) fn write(doc: &mut Doc<'_>, report: &Report, digest: &Digest, groups: &[Group<'_>]) -> Contents {
    doc.name_part("Cover");
    title(doc);
    statement(doc, report);
    firm_statement(doc);
    in_short(doc, report);
    answer::write(doc, report, digest, groups);
    doc.front = doc.sheets.len();
    if doc.room() < LEAST_FOR_ABOUT {
        doc.start_page(false);
        doc.name_part("About this document");
    } else {
        doc.y += LARGE_GAP;
        doc.front -= 1;
    }
    doc.mark(0, "About this document");
    let contents = contents_room(doc);
    scope(doc, report);
    provenance(doc, report);
    doc.y += GAP;
    method::reading(doc);
    contents
}

/// What is said about the document stands on a sheet of its own unless so much is left of the cover.
const LEAST_FOR_ABOUT: f32 = 260.0;

/// What was examined, when and by which policy, in a few lines.
fn in_short(doc: &mut Doc<'_>, report: &Report) {
    let coverage = &report.coverage;
    let accounts: Vec<String> = coverage
        .accounts
        .iter()
        .map(|account| name_of(&account.account_id, &account.name))
        .collect();
    let mut regions = list(&regions(report), 12);
    if coverage.regions_unknown {
        regions.push_str("; whether there are others is not known");
    }
    fact(doc, "Accounts", BODY, &list(&accounts, 6));
    fact(doc, "Regions", BODY, &regions);
    fact(doc, "Evidence as of", BODY, &rfc3339(report.scan.as_of));
    fact(doc, "Policy", BODY, &policy(report));
    doc.y += GAP;
}

/// The values that somebody set, and who approved them.
fn policy(report: &Report) -> String {
    let set = report
        .policy
        .iter()
        .filter(|(name, value)| !value.ends_with("(default)") && name != "window");
    let set: Vec<String> = set.map(|(name, value)| format!("{name} {value}")).collect();
    let values = match set.as_slice() {
        [] => "the program's defaults: a good recovery point every day".to_owned(),
        set => set.join(", "),
    };
    let tiers = match report.tiers.len() {
        0 => String::new(),
        tiers => format!("; {} with values of their own or exempt", plural(tiers, "tier")),
    };
    format!("{values}{tiers}; {}", super::approval::in_short(report))
}

fn regions(report: &Report) -> Vec<&str> {
    let targets = report.coverage.targets.iter();
    let mut regions: Vec<&str> = targets.map(|target| target.target.region.as_str()).collect();
    regions.sort_unstable();
    regions.dedup();
    regions
}

/// What a reader checks the document by: the digest of its evidence, and who signs.
pub(crate) fn proof(doc: &mut Doc<'_>, report: &Report) {
    let signature = match doc.template.is_to_be_signed {
        true => "asked for with `--sign`: over the pack that holds this file; `backproof verify` tells by whom",
        false => "none was asked for with `--sign`; `backproof verify` checks the pack that holds this file",
    };
    fact(doc, "Evidence SHA-256", MONO, &report.scan.evidence_digest);
    fact(doc, "Signature", BODY, signature);
}

pub(crate) fn title(doc: &mut Doc<'_>) {
    let template = doc.template;
    let accent = template.colours.accent;
    let (left, width) = (doc.left(), doc.width());
    doc.mark(0, "Cover");
    doc.y = 60.0;
    logo(doc);
    let line = Style {
        face: Face::Bold,
        size: 9.0,
        colour: MUTED,
    };
    for text in [&template.organisation, &template.marking] {
        if !text.is_empty() {
            doc.block(left, width, line, text);
        }
    }
    doc.y += 14.0;
    let big = Style {
        face: Face::Bold,
        size: 24.0,
        colour: accent,
    };
    doc.block(left, width, big, &template.title);
    doc.block(
        left,
        width,
        Style {
            face: Face::Regular,
            size: 11.0,
            colour: MUTED,
        },
        &template.subtitle,
    );
    doc.y += 12.0;
}

/// As wide or as high as a letterhead allows, its shape kept.
fn logo(doc: &mut Doc<'_>) {
    const ROOM: (f32, f32) = (200.0, 48.0);
    let Some(logo) = &doc.template.logo else { return };
    let (width, height) = (logo.width as f32, logo.height as f32);
    let scale = (ROOM.0 / width).min(ROOM.1 / height);
    let (left, y) = (doc.left(), doc.y - 14.0);
    doc.page().picture(left, y, width * scale, height * scale, LOGO);
    doc.y = y + height * scale + LARGE_GAP;
}

/// The overall statement, in a box whose colour repeats what its words say.
fn statement(doc: &mut Doc<'_>, report: &Report) {
    let statement = Statement::of(report);
    let colour = colour_of(statement.conclusion, &doc.template.colours);
    boxed(doc, colour, &statement.headline, &statement.details);
}

/// The colour of a conclusion: that of compliance for [`Conclusion::Compliant`] alone.
fn colour_of(conclusion: Conclusion, colours: &Colours) -> Rgb {
    match conclusion {
        Conclusion::NonCompliant => colours.non_compliant,
        Conclusion::EvidenceMissing | Conclusion::NothingToProve | Conclusion::GapsElsewhere => colours.unknown,
        Conclusion::NotAsked | Conclusion::PolicyNotAsked | Conclusion::Waived => MUTED,
        Conclusion::Compliant => colours.compliant,
    }
}

/// A headline and sentences in a box.
pub(crate) fn boxed(doc: &mut Doc<'_>, colour: Rgb, headline: &str, details: &[String]) {
    let (left, width) = (doc.left(), doc.width());
    let head = Style {
        face: Face::Bold,
        size: 13.0,
        colour,
    };
    let body = BODY.colour(TEXT);
    let headline = doc.wrap(head, width - 28.0, headline);
    let details: Vec<_> = details
        .iter()
        .flat_map(|detail| doc.wrap(body, width - 28.0, detail))
        .collect();
    let height = 22.0 + headline.len() as f32 * head.leading() + details.len() as f32 * (body.leading() + 1.5);
    let top = doc.y;
    doc.page().fill_rect(left, top, width, height, colour.tint(0.93));
    doc.page().fill_rect(left, top, 4.0, height, colour);
    let mut y = top + 11.0 + head.size * 0.85;
    for line in &headline {
        doc.text(left + 16.0, y, head, line);
        y += head.leading();
    }
    for line in &details {
        doc.text(left + 16.0, y, body, line);
        y += body.leading() + 1.5;
    }
    doc.y = top + height + LARGE_GAP;
}

/// That the firm chose looks and words, and what it says in its own, apart from what the evidence says. No template takes
/// the first away.
pub(crate) fn firm_statement(doc: &mut Doc<'_>) {
    let template = doc.template;
    let (left, width) = (doc.left(), doc.width());
    if !template.mark.is_empty() {
        doc.block(left + 16.0, width - 16.0, BODY.bold(), &template.mark);
        doc.y += GAP;
    }
    if template.statement.is_empty() {
        return;
    }
    let top = doc.y;
    doc.block(left + 16.0, width - 16.0, BODY, &template.statement);
    let remark = "In the words of whoever issues this report; not drawn from the evidence.";
    doc.block(left + 16.0, width - 16.0, SMALL, remark);
    if doc.y > top {
        let height = doc.y - top;
        doc.page().fill_rect(left, top, 1.5, height, HAIRLINE);
    }
    doc.y += LARGE_GAP;
}

pub(crate) fn heading(doc: &mut Doc<'_>, text: &str) {
    let style = Style {
        face: Face::Bold,
        size: 11.0,
        colour: doc.template.colours.accent,
    };
    doc.need(60.0);
    let (left, y) = (doc.left(), doc.y + 9.0);
    doc.text(left, y, style, text);
    doc.y += 17.0;
}

/// How much of the scope was reached.
fn scope(doc: &mut Doc<'_>, report: &Report) {
    let coverage = &report.coverage;
    let part = |status: &str| coverage.targets.iter().filter(|target| target.status == status).count();
    let targets = format!(
        "{}: {} read in full, {} in part, {} not read",
        plural(coverage.targets.len(), "account-Region pair"),
        grouped(part("scanned")),
        grouped(part("partly")),
        grouped(part("not-read")),
    );
    let unread = coverage
        .targets
        .iter()
        .filter(|target| target.tables_listed.is_none())
        .count();
    let mut tables = format!(
        "{} listed, {} described",
        grouped(coverage.tables_listed),
        grouped(coverage.tables_described)
    );
    if unread > 0 {
        tables.push_str(&format!(
            "; not listed in full: {}",
            plural(unread, "account-Region pair")
        ));
    }
    heading(doc, "Scope");
    if coverage.regions_unknown {
        let text =
            "not known: the enabled Regions could not be listed, so others may hold tables that nobody looked at";
        fact(
            doc,
            "Other Regions",
            BODY.bold().colour(doc.template.colours.unknown),
            text,
        );
    }
    fact(doc, "Reached", BODY, &targets);
    fact(doc, "Tables", BODY, &tables);
    fact(
        doc,
        "Rules",
        BODY,
        &format!("{} applied", plural(report.rules.len(), "rule")),
    );
    let frameworks: Vec<&str> = report
        .frameworks
        .iter()
        .map(|framework| framework.title.as_str())
        .collect();
    if !frameworks.is_empty() {
        fact(doc, "Frameworks", BODY, &frameworks.join(", "));
    }
    doc.y += GAP;
}

/// Where the evidence comes from, and the digests that name it.
fn provenance(doc: &mut Doc<'_>, report: &Report) {
    let scan = &report.scan;
    let seconds = (scan.finished_at - scan.started_at).num_seconds().max(0);
    let collected = format!(
        "{} to {} ({seconds} s); ages are those at the instant of the evidence",
        rfc3339(scan.started_at),
        rfc3339(scan.finished_at)
    );
    let calls = grouped(usize::try_from(scan.call_count).unwrap_or(usize::MAX));
    heading(doc, "Provenance");
    fact(doc, "Collected", BODY, &collected);
    fact(doc, "Caller", MONO, &scan.caller_arn);
    fact(
        doc,
        "Made by",
        BODY,
        &format!("backproof {}, {calls} calls to AWS", scan.tool_version),
    );
    fact(doc, "Scan id", MONO, &scan.id);
    let left_out = doc.template.left_out();
    if !left_out.is_empty() {
        fact(
            doc,
            "Left out",
            BODY,
            &format!("{}, by the template of this report", left_out.join(", ")),
        );
    }
}

/// Lines for the people who stand for the report, at the foot of a sheet.
pub(crate) fn sign_off(doc: &mut Doc<'_>) {
    let height = SIGN_LINE * doc.template.sign_off.len() as f32;
    doc.need(height);
    doc.y += (doc.room() - height).max(0.0);
    sign_lines(doc);
}

/// Height of a line to sign on.
const SIGN_LINE: f32 = 30.0;

/// The same lines at the cursor.
pub(crate) fn sign_lines(doc: &mut Doc<'_>) {
    let (left, width, roles) = (doc.left(), doc.width(), doc.template.sign_off.as_slice());
    doc.need(SIGN_LINE * roles.len() as f32);
    for role in roles {
        let rule = doc.y + SIGN_LINE - 12.0;
        for (from, to, label) in [(0.0, 0.62, role.as_str()), (0.66, 1.0, "Date")] {
            let (x, length) = (left + width * from, width * (to - from));
            doc.page().rule(x, rule, length, 0.5, MUTED);
            doc.text(x, rule + 9.0, SMALL, label);
        }
        doc.y += SIGN_LINE;
    }
}

/// An account id with the name it was given, if any.
pub(crate) fn name_of(account_id: &str, name: &str) -> String {
    if name.is_empty() {
        account_id.to_owned()
    } else {
        format!("{account_id} ({name})")
    }
}

/// The first few of a list, and how many follow.
fn list<T: AsRef<str>>(items: &[T], most: usize) -> String {
    if items.is_empty() {
        return "none".to_owned();
    }
    let shown: Vec<&str> = items.iter().take(most).map(AsRef::as_ref).collect();
    let count = grouped(items.len());
    match items.len().saturating_sub(most) {
        0 => format!("{count}: {}", shown.join(", ")),
        more => format!(
            "{count}: {} and {} more, listed under \u{201c}Coverage and gaps\u{201d}",
            shown.join(", "),
            grouped(more)
        ),
    }
}

pub(crate) fn fact(doc: &mut Doc<'_>, label: &str, style: Style, value: &str) {
    let (left, width) = (doc.left(), doc.width());
    let value = if value.is_empty() { "unknown" } else { value };
    let lines = doc.wrap(style, width - 96.0, value);
    doc.need(lines.len() as f32 * style.leading() + 6.0);
    let y = doc.y;
    doc.text(left, y + 8.6, BODY.colour(MUTED), label);
    for (index, line) in lines.iter().enumerate() {
        doc.text(left + 96.0, y + 8.6 + index as f32 * BODY.leading(), style, line);
    }
    doc.y += lines.len() as f32 * BODY.leading() + 4.0;
    let rule = doc.y - 2.0;
    doc.page().rule(left, rule, width, 0.4, HAIRLINE);
}

fn contents_room(doc: &mut Doc<'_>) -> Contents {
    let (left, y) = (doc.left(), doc.y);
    let style = Style {
        face: Face::Bold,
        size: 17.0,
        colour: doc.template.colours.accent,
    };
    doc.text(left, y + 15.0, style, "Contents");
    let contents = Contents {
        page: doc.sheets.len() - 1,
        left,
        width: doc.width(),
        y: y + 34.0,
    };
    doc.y = contents.y + LINE * doc.template.sections.len().div_ceil(2) as f32 + 12.0;
    contents
}

/// Writes the table of contents: title, dots, page, and a link over the whole line.
pub(crate) fn fill_contents(doc: &mut Doc<'_>, contents: &Contents) {
    let marks: Vec<Mark> = doc
        .marks
        .iter()
        .filter(|mark| mark.level == 0)
        .skip(2)
        .cloned()
        .collect();
    // In two columns, the first half to the left.
    let (width, style) = ((contents.width - COLUMN_GAP) / 2.0, BODY.bold());
    let half = doc.template.sections.len().div_ceil(2);
    let dot = doc.fonts.width(SMALL.face, SMALL.size, " .");
    for (index, mark) in marks.iter().enumerate() {
        let left = contents.left + if index < half { 0.0 } else { width + COLUMN_GAP };
        let y = contents.y + (index % half.max(1)) as f32 * LINE;
        let number = mark.spot.page.to_string();
        let (title, page) = (doc.measure(style, &mark.title), doc.measure(BODY, &number));
        let count = ((width - title - page - 12.0) / dot).max(0.0) as usize;
        let dots = " .".repeat(count);
        let shown = doc::shown(doc.fonts, style.face, &mark.title);
        let sheet = &mut doc.sheets[contents.page];
        sheet.frame.text(left, y, style, &shown);
        sheet.frame.text(left + width - page, y, BODY, &number);
        sheet
            .frame
            .text(left + width - page - 6.0 - dot * count as f32, y, SMALL, &dots);
        sheet.link((left, y - 10.0, width, LINE), Goal::Spot(mark.spot));
    }
}
