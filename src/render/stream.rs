//! JSON that is made while it is written: a large report never stands in memory a second time.

use std::io::Write;

use serde::ser::{Serialize, Serializer};

use super::RenderError;

/// A list whose items are made one by one, each when it is its turn.
pub(super) struct Each<F>(pub(super) F);

impl<F, I> Serialize for Each<F>
where
    F: Fn() -> I,
    I: IntoIterator,
    I::Item: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// Writes one document, indented, with a line feed at its end.
///
/// Errors: the disk refused.
pub(super) fn write_json(
    document: &impl Serialize,
    file_name: &'static str,
    out: &mut dyn Write,
) -> Result<(), RenderError> {
    serde_json::to_writer_pretty(&mut *out, document).map_err(|error| RenderError::new(file_name, error))?;
    out.write_all(b"\n").map_err(|error| RenderError::new(file_name, error))
}
