//! `--baseline`: the earlier scan that new findings are told from.

use std::path::Path;

use crate::commands::shared::evidence::has_file;
use crate::criteria::baseline::Baseline;
use crate::judge::compare::baseline_of_file;
use crate::pack::{self, Pack};
use crate::problem::{Outcome, Problem};

/// The report of a scan that stands without a pack.
const REPORT_FILE: &str = "report.json";

/// Reads a pack, a `report.json`, or the folder of one.
///
/// Errors: there is none, or it cannot be read: without it nothing could be called known.
pub fn read(path: &Path) -> Outcome<Baseline> {
    if has_file(path, pack::MANIFEST_FILE)? {
        return Pack::open(path)?.baseline();
    }
    let file = if path.is_dir() {
        path.join(REPORT_FILE)
    } else {
        path.to_owned()
    };
    let text = std::fs::read_to_string(&file).map_err(|error| {
        Problem::usage("could not read the baseline")
            .at(file.display().to_string())
            .why(error.to_string())
            .so("what is new could not be told from what is known; nothing was judged")
            .hint("name the folder of an earlier scan, or its `report.json`, with `--baseline`")
    })?;
    Ok(baseline_of_file(&text, &file.display().to_string())?)
}
