//! Report in, bytes out: one file a format, and the list of formats.
//!
//! A renderer is a pure function of the report: no clock, no network, no disk, no environment, so the same report always
//! gives the same bytes.

mod ages;
pub(crate) mod asff;
mod blocks;
mod causes;
pub(crate) mod csv;
pub(crate) mod digest;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod junit;
pub(crate) mod markdown;
pub(crate) mod ocsf;
pub(crate) mod oscal;
mod parquet;
pub mod pdf;
pub(crate) mod prometheus;
#[cfg(test)]
mod sample;
pub(crate) mod sarif;
pub(crate) mod statement;
mod stream;
pub(crate) mod templates;
pub(crate) mod terminal;
#[cfg(test)]
mod tests;
mod xlsx;

use std::io::Write;

use crate::report::Report;

pub(crate) use templates::Templates;

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
pub(crate) struct Format {
    /// What `--format` takes.
    pub(crate) name: &'static str,
    /// Written without `--format`.
    pub(crate) is_default: bool,
    /// The file written below `--to`.
    pub(crate) file_name: &'static str,
    /// What writes it.
    pub(crate) render: Render,
}

/// Report in, bytes out, as they come: a large report never stands in memory a second time.
#[derive(Clone, Copy)]
pub(crate) enum Render {
    /// For machines: the report, and nothing else.
    Data(fn(&Report, &mut dyn Write) -> Result<(), RenderError>),
    /// For people: looks and words come from the templates.
    Document(fn(&Report, &Templates, &mut dyn Write) -> Result<(), RenderError>),
}

impl Format {
    /// Writes the file.
    ///
    /// Errors: the renderer gave up, or the disk did.
    pub(crate) fn write(&self, report: &Report, templates: &Templates, out: &mut dyn Write) -> Result<(), RenderError> {
        match self.render {
            Render::Data(render) => render(report, out),
            Render::Document(render) => render(report, templates, out),
        }
    }
}

/// Every file a scan can write, in order of writing.
pub(crate) const FORMATS: &[Format] = &[
    Format {
        name: "csv",
        is_default: true,
        file_name: "findings.csv",
        render: Render::Data(csv::findings),
    },
    Format {
        name: "csv",
        is_default: true,
        file_name: "tables.csv",
        render: Render::Data(csv::tables),
    },
    Format {
        name: "csv",
        is_default: true,
        file_name: "coverage.csv",
        render: Render::Data(csv::coverage),
    },
    Format {
        name: "csv-all",
        is_default: false,
        file_name: "findings-all.csv",
        render: Render::Data(csv::all_findings),
    },
    Format {
        name: "csv-all",
        is_default: false,
        file_name: "tables-all.csv",
        render: Render::Data(csv::all_tables),
    },
    Format {
        name: "parquet",
        is_default: true,
        file_name: "tables.parquet",
        render: Render::Data(parquet::render),
    },
    Format {
        name: "json",
        is_default: true,
        file_name: "report.json",
        render: Render::Data(json::render),
    },
    Format {
        name: "json-all",
        is_default: false,
        file_name: "report-all.json",
        render: Render::Data(json::all),
    },
    Format {
        name: "html",
        is_default: true,
        file_name: "report.html",
        render: Render::Document(html::render),
    },
    Format {
        name: "pdf",
        is_default: true,
        file_name: "report.pdf",
        render: Render::Document(pdf_file),
    },
    Format {
        name: "xlsx",
        is_default: false,
        file_name: "report.xlsx",
        render: Render::Data(xlsx::render),
    },
    Format {
        name: "markdown",
        is_default: false,
        file_name: "summary.md",
        render: Render::Document(markdown::render),
    },
    Format {
        name: "junit",
        is_default: false,
        file_name: "junit.xml",
        render: Render::Data(junit::render),
    },
    Format {
        name: "sarif",
        is_default: false,
        file_name: "report.sarif",
        render: Render::Data(sarif::problems),
    },
    Format {
        name: "sarif-all",
        is_default: false,
        file_name: "report-all.sarif",
        render: Render::Data(sarif::all),
    },
    Format {
        name: "ocsf",
        is_default: false,
        file_name: "findings.ocsf.jsonl",
        render: Render::Data(ocsf::render),
    },
    Format {
        name: "asff",
        is_default: false,
        file_name: "findings.asff.json",
        render: Render::Data(asff::render),
    },
    Format {
        name: "oscal",
        is_default: false,
        file_name: "assessment-results.json",
        render: Render::Data(oscal::render),
    },
    Format {
        name: "prometheus",
        is_default: false,
        file_name: "backproof.prom",
        render: Render::Data(prometheus::render),
    },
];
