//! An [`Attestation`] as files: pure functions, so that the same packs and period always give the same bytes.

pub mod csv;
pub mod html;
pub mod json;
pub mod terminal;
pub mod words;

use std::io::Write;

use super::Attestation;
use crate::report::RenderError;

/// One output file.
#[derive(Clone, Copy)]
pub struct Format {
    /// What `--format` takes.
    pub name: &'static str,
    /// The file.
    pub file_name: &'static str,
    /// Attestation in, bytes out.
    pub render: fn(&Attestation, &mut dyn Write) -> Result<(), RenderError>,
}

/// Every file that an attestation can have, in order of writing.
pub const FORMATS: &[Format] = &[
    Format {
        name: "csv",
        file_name: "attestation-tables.csv",
        render: csv::tables,
    },
    Format {
        name: "csv",
        file_name: "attestation-stretches.csv",
        render: csv::stretches,
    },
    Format {
        name: "csv",
        file_name: "attestation-jobs.csv",
        render: csv::mishaps,
    },
    Format {
        name: "json",
        file_name: "attestation.json",
        render: json::render,
    },
    Format {
        name: "html",
        file_name: "attestation.html",
        render: html::render,
    },
];
