//! What a firm may change in the documents without touching Rust: the texts of `report-templates/`.
//!
//! In: the files that are part of the program. Out: a [`Templates`] value that the renderers of documents get beside the
//! report. It decides on looks and words, never on verdicts.

use std::borrow::Cow;

/// The texts of `report-templates/`.
#[derive(Debug, Clone)]
pub struct Templates {
    /// `report.html`: the page.
    pub page: Cow<'static, str>,
    /// `report.css`: its style.
    pub style: Cow<'static, str>,
    /// `report.js`: its script.
    pub script: Cow<'static, str>,
    /// `pdf.toml`: looks and parts of the PDF.
    pub pdf: Cow<'static, str>,
}

impl Default for Templates {
    fn default() -> Self {
        Self {
            page: Cow::Borrowed(include_str!("../../report-templates/report.html")),
            style: Cow::Borrowed(include_str!("../../report-templates/report.css")),
            script: Cow::Borrowed(include_str!("../../report-templates/report.js")),
            pdf: Cow::Borrowed(include_str!("../../report-templates/pdf.toml")),
        }
    }
}
