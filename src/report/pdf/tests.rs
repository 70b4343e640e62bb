//! The whole file: its text, its pages, its bytes.

use std::path::PathBuf;

use super::render;

#[path = "sample.rs"]
mod sample;

/// Writes samples for a person to look at, into the folder that `BACKPROOF_PDF_SAMPLES` names.
#[test]
fn samples_for_the_eye() {
    let Some(folder) = std::env::var_os("BACKPROOF_PDF_SAMPLES").map(PathBuf::from) else { return };
    for count in [0, 1, 60, 10_000] {
        let bytes = render(&sample::report(count)).expect("a PDF");
        std::fs::write(folder.join(format!("{count}.pdf")), bytes).expect("a writable folder");
    }
}
