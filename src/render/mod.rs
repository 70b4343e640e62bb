//! Report in, bytes out: one file a format, and the list of formats.
//!
//! A renderer is a pure function of the report: no clock, no network, no disk, no environment, so the same report always
//! gives the same bytes.

mod ages;
pub mod asff;
pub mod csv;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod ocsf;
pub mod oscal;
pub mod pdf;
pub mod prometheus;
#[cfg(test)]
mod sample;
pub mod sarif;
mod stream;
pub mod templates;
pub mod terminal;
#[cfg(test)]
mod tests;

use std::io::Write;

use crate::report::Report;

pub use templates::Templates;

/// A renderer failed. The report's data are complete; only this format is missing.
#[derive(Debug, thiserror::Error)]
#[error("could not render {file_name}: {why}")]
pub struct RenderError {
    /// The file that is missing.
    pub file_name: &'static str,
    /// What the renderer said.
    pub why: String,
}

impl RenderError {
    /// A renderer that gave up, or a disk that did.
    pub(crate) fn new(file_name: &'static str, why: impl ToString) -> Self {
        Self {
            file_name,
            why: why.to_string(),
        }
    }
}

fn pdf_file(report: &Report, templates: &Templates, out: &mut dyn Write) -> Result<(), RenderError> {
    pdf::render(report, &templates.pdf, out)
}

/// One output file: its name, the `--format` it belongs to, and its renderer.
#[derive(Clone, Copy)]
pub struct Format {
    /// What `--format` takes.
    pub name: &'static str,
    /// Written without `--format`.
    pub is_default: bool,
    /// The file written below `--to`.
    pub file_name: &'static str,
    /// Media type for delivery to S3.
    pub content_type: &'static str,
    /// What writes it.
    pub render: Render,
}

/// Report in, bytes out, as they come: a large report never stands in memory a second time.
#[derive(Clone, Copy)]
pub enum Render {
    /// For machines: the report, and nothing else.
    Data(fn(&Report, &mut dyn Write) -> Result<(), RenderError>),
    /// For people: looks and words come from the templates.
    Document(fn(&Report, &Templates, &mut dyn Write) -> Result<(), RenderError>),
}

impl Format {
    /// Writes the file.
    ///
    /// Errors: the renderer gave up, or the disk did.
    pub fn write(&self, report: &Report, templates: &Templates, out: &mut dyn Write) -> Result<(), RenderError> {
        match self.render {
            Render::Data(render) => render(report, out),
            Render::Document(render) => render(report, templates, out),
        }
    }
}

/// Every file a scan can write, in order of writing.
pub const FORMATS: &[Format] = &[
    Format {
        name: "csv",
        is_default: true,
        file_name: "findings.csv",
        content_type: "text/csv; charset=utf-8",
        render: Render::Data(csv::findings),
    },
    Format {
        name: "csv",
        is_default: true,
        file_name: "tables.csv",
        content_type: "text/csv; charset=utf-8",
        render: Render::Data(csv::tables),
    },
    Format {
        name: "csv",
        is_default: true,
        file_name: "coverage.csv",
        content_type: "text/csv; charset=utf-8",
        render: Render::Data(csv::coverage),
    },
    Format {
        name: "json",
        is_default: true,
        file_name: "report.json",
        content_type: "application/json",
        render: Render::Data(json::render),
    },
    Format {
        name: "html",
        is_default: true,
        file_name: "report.html",
        content_type: "text/html; charset=utf-8",
        render: Render::Document(html::render),
    },
    Format {
        name: "pdf",
        is_default: true,
        file_name: "report.pdf",
        content_type: "application/pdf",
        render: Render::Document(pdf_file),
    },
    Format {
        name: "markdown",
        is_default: false,
        file_name: "summary.md",
        content_type: "text/markdown; charset=utf-8",
        render: Render::Data(markdown::render),
    },
    Format {
        name: "junit",
        is_default: false,
        file_name: "junit.xml",
        content_type: "application/xml",
        render: Render::Data(junit::render),
    },
    Format {
        name: "sarif",
        is_default: false,
        file_name: "report.sarif",
        content_type: "application/sarif+json",
        render: Render::Data(sarif::render),
    },
    Format {
        name: "ocsf",
        is_default: false,
        file_name: "findings.ocsf.jsonl",
        content_type: "application/x-ndjson",
        render: Render::Data(ocsf::render),
    },
    Format {
        name: "asff",
        is_default: false,
        file_name: "findings.asff.json",
        content_type: "application/json",
        render: Render::Data(asff::render),
    },
    Format {
        name: "oscal",
        is_default: false,
        file_name: "assessment-results.json",
        content_type: "application/json",
        render: Render::Data(oscal::render),
    },
    Format {
        name: "prometheus",
        is_default: false,
        file_name: "backproof.prom",
        content_type: "text/plain; version=0.0.4; charset=utf-8",
        render: Render::Data(prometheus::render),
    },
];
