//! The record of a drill as pages for people: pure functions, so that the same record always gives the same bytes.

mod html;
mod pdf;
mod words;

use std::io::Write;

pub(crate) use words::outcome;

use super::record::Record;
use crate::render::RenderError;

/// One document.
pub(crate) struct Document {
    /// The file.
    pub(crate) file_name: &'static str,
    /// Record in, bytes out.
    pub(crate) render: fn(&Record, &mut dyn Write) -> Result<(), RenderError>,
}

/// Every document of a drill, in order of writing.
pub(crate) const DOCUMENTS: &[Document] = &[
    Document {
        file_name: html::FILE,
        render: html::render,
    },
    Document {
        file_name: pdf::FILE,
        render: pdf::render,
    },
];
