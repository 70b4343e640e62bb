//! Files that people write, read by `backproof_toml_reader`; here its mistakes become problems.

pub(crate) mod values;

use backproof_toml_reader::Mistake;
pub(crate) use backproof_toml_reader::{Located, Section};

use crate::problem::Problem;

/// Reads a whole document: what `read` makes of it, if it can be parsed at all, and every mistake. Keys that `read` does
/// not ask for are mistakes too.
pub(crate) fn read_document<T>(
    origin: &str,
    text: &str,
    read: impl FnOnce(&Section<'_>) -> T,
) -> (Option<T>, Vec<Problem>) {
    let (value, mistakes) = backproof_toml_reader::read(origin, text, read);
    (value, mistakes.into_iter().map(problem).collect())
}

/// A mistake as it is told.
pub(crate) fn problem(mistake: Mistake) -> Problem {
    Problem::usage(mistake.what)
        .at(format!("{}:{}", mistake.origin, mistake.line))
        .why(mistake.why)
        .hint(mistake.hint)
}
