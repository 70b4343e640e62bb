//! The PDF: the document that an auditor files.
//!
//! In: a [`Report`]. Out: the bytes of one file with cover, summary, findings, coverage, every table and the method, with
//! page x of y, bookmarks, links and embedded fonts. The same report and template give the same bytes. No verdict is
//! reached here: what the totals and rows say is what stands on paper.
//!
//! `template` holds what a firm may change; `fonts`, `text`, `page`, `doc`, `table` and `chart` lay out; `statement` puts
//! the outcome into words; the parts are one file each; `finish` writes the file.

mod appendix;
mod chart;
mod controls;
mod cover;
mod coverage;
mod doc;
mod findings;
mod finish;
mod fonts;
mod method;
mod page;
mod statement;
mod summary;
mod table;
mod template;
#[cfg(test)]
mod tests;
mod text;

use crate::domain::rfc3339;
use crate::report::{RenderError, Report};
use doc::Doc;
use fonts::Fonts;
use template::{Section, Template};

/// Renders `report.pdf` with the template that is part of the program.
pub fn render(report: &Report) -> Result<Vec<u8>, RenderError> {
    render_with(report, template::DEFAULT)
}

/// Renders `report.pdf` with the text of a template such as `report-templates/pdf.toml`.
pub fn render_with(report: &Report, template: &str) -> Result<Vec<u8>, RenderError> {
    write(report, template).map_err(|why| RenderError {
        file_name: "report.pdf",
        why,
    })
}

fn write(report: &Report, template: &str) -> Result<Vec<u8>, String> {
    let template = Template::parse(template)?;
    let fonts = Fonts::load()?;
    let mut doc = Doc::new(&fonts, &template);
    let contents = cover::write(&mut doc, report);
    for section in &template.sections {
        match section {
            Section::Summary => summary::write(&mut doc, report),
            Section::Findings => findings::write(&mut doc, report),
            Section::Controls => controls::write(&mut doc, report),
            Section::Coverage => coverage::write(&mut doc, report),
            Section::Tables => appendix::write(&mut doc, report),
            Section::Method => method::write(&mut doc, report),
        }
    }
    cover::fill_contents(&mut doc, &contents);
    let scan = &report.scan;
    let short: String = scan.id.chars().take(16).collect();
    doc.frame(
        &format!("scan {short} \u{b7} evidence as of {}", rfc3339(scan.as_of)),
        &footer(&template, report),
    );
    finish::bytes(doc, report)
}

/// Whose report it is, how it may be handed on, what made it.
fn footer(template: &Template, report: &Report) -> String {
    let program = format!("backproof {}", report.scan.tool_version);
    [template.organisation.as_str(), template.marking.as_str(), &program]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" \u{b7} ")
}
