//! An [`Attestation`] as files: pure functions, so that the same packs and period always give the same bytes.

pub(crate) mod csv;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod pdf;
pub(crate) mod terminal;
pub(crate) mod words;

use std::io::Write;

use super::Attestation;
use crate::render::{RenderError, Templates};

/// Attestation and templates in, bytes out.
pub(crate) type Render = fn(&Attestation, &Templates, &mut dyn Write) -> Result<(), RenderError>;

/// One output file.
#[derive(Clone, Copy)]
pub(crate) struct Format {
    /// What `--format` takes.
    pub(crate) name: &'static str,
    /// The file.
    pub(crate) file_name: &'static str,
    /// Attestation in, bytes out.
    pub(crate) render: Render,
}

/// Every file that an attestation can have, in order of writing.
pub(crate) const FORMATS: &[Format] = &[
    Format {
        name: "csv",
        file_name: "attestation-tables.csv",
        render: |attestation, _, out| csv::tables(attestation, out),
    },
    Format {
        name: "csv",
        file_name: "attestation-intervals.csv",
        render: |attestation, _, out| csv::intervals(attestation, out),
    },
    Format {
        name: "csv",
        file_name: "attestation-policy.csv",
        render: |attestation, _, out| csv::policy(attestation, out),
    },
    Format {
        name: "csv",
        file_name: "attestation-jobs.csv",
        render: |attestation, _, out| csv::failed_runs(attestation, out),
    },
    Format {
        name: "json",
        file_name: "attestation.json",
        render: |attestation, _, out| json::render(attestation, out),
    },
    Format {
        name: "html",
        file_name: "attestation.html",
        render: |attestation, templates, out| html::render(attestation, templates, out),
    },
    Format {
        name: "pdf",
        file_name: "attestation.pdf",
        render: |attestation, templates, out| pdf::render(attestation, &templates.pdf, out),
    },
];
