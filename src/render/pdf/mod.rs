//! The PDF: the document that an auditor files.
//!
//! In: a [`Report`] and a [`Template`]. Out: the bytes of one file with the answer, approval, what needs action, summary, heat
//! map, control matrix, policy, coverage, method and every table, with page x of y, bookmarks, links and embedded fonts. The same report and
//! template give the same bytes. No verdict is reached here: what the totals and rows say is what stands on paper.
//!
//! `template` and `logo` hold what a firm may change; `fonts`, `text`, `page`, `doc`, `table` and `chart` lay out;
//! the outcome in words comes from `render::statement`; the parts are one file each; `press` takes each page as soon as it is full;
//! `finish` writes the file, with `outline` and `archive`.

mod ages;
mod answer;
mod appendix;
mod approval;
pub(crate) mod archive;
mod changes;
pub(crate) mod chart;
mod controls;
pub(crate) mod cover;
mod coverage;
pub(crate) mod days;
pub(crate) mod doc;
mod findings;
pub(crate) mod finish;
pub(crate) mod fonts;
pub(crate) mod full;
mod logo;
mod method;
mod names;
mod outline;
pub(crate) mod page;
mod policy;
mod press;
#[cfg(test)]
mod structure_tests;
mod summary;
pub(crate) mod table;
pub(crate) mod template;
#[cfg(test)]
mod tests;
pub(crate) mod text;

use std::io::Write;

use doc::{Doc, Footer};
use fonts::Fonts;

use crate::domain::rfc3339;
use crate::render::RenderError;
use crate::render::blocks::{blocks, groups};
use crate::render::digest::Digest;
use crate::render::statement::Statement;
use crate::report::Report;
pub(crate) use logo::Logo;
use template::Section;
pub use template::{Detail, Template};

/// Renders `report.pdf`.
///
/// Errors: printpdf gave up, or the disk did.
pub fn render(report: &Report, template: &Template, out: &mut dyn Write) -> Result<(), RenderError> {
    write(report, template, out).map_err(|why| RenderError::new("report.pdf", why))
}

fn write(report: &Report, template: &Template, out: &mut dyn Write) -> Result<(), String> {
    let fonts = Fonts::load()?;
    let template = &titled(template, report);
    let mut doc = Doc::new(&fonts, template);
    let digest = Digest::of(report);
    let groups = groups(blocks(report, &digest), report);
    let contents = cover::write(&mut doc, report, &digest, &groups);
    for section in &template.sections {
        match section {
            Section::Approval => approval::write(&mut doc, report, &groups),
            Section::Summary => summary::write(&mut doc, report),
            Section::Days => days::write(&mut doc, report),
            Section::Controls => controls::write(&mut doc, report),
            Section::Findings => {
                findings::write(&mut doc, report, &groups);
                changes::write(&mut doc, report);
            }
            Section::Policy => policy::write(&mut doc, report),
            Section::Coverage => coverage::write(&mut doc, report),
            Section::Method => method::write(&mut doc, report),
            Section::Tables => appendix::write(&mut doc, report),
        }
    }
    // A template without that part leaves nothing out of what was done.
    if !template.sections.contains(&Section::Findings) {
        changes::write(&mut doc, report);
    }
    cover::fill_contents(&mut doc, &contents);
    doc.frame(
        &format!("evidence as of {}", rfc3339(report.scan.as_of)),
        &footer(template, report),
    );
    finish::write(doc, &finish::about(report, template), out)
}

/// A title claims no more than was asked, whoever wrote it.
fn titled(template: &Template, report: &Report) -> Template {
    let mut template = template.clone();
    if report.not_asked().is_some() {
        template.title = Statement::of(report).title;
    }
    template
}

/// What the evidence is, whose report it is, how it may be handed on, what made it.
fn footer(template: &Template, report: &Report) -> Footer {
    let short = |digest: &str, length: usize| digest.chars().take(length).collect::<String>();
    let scan = &report.scan;
    let program = format!("backproof {}", scan.tool_version);
    let owner = [&template.organisation, &template.marking, &template.footer, &program];
    let owner: Vec<&str> = owner
        .into_iter()
        .map(String::as_str)
        .filter(|part| !part.is_empty())
        .collect();
    Footer {
        evidence: format!(
            "evidence sha256 {}\u{2026}  scan {}",
            short(&scan.evidence_digest, 32),
            short(&scan.id, 16)
        ),
        owner: owner.join(" \u{b7} "),
    }
}
