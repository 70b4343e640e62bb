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

/// Writes one document with a line feed at its end: each member of it on a line of its own, and each item of those that are lists
/// or maps; what is within them stands on their line.
///
/// Errors: the disk refused.
pub(super) fn write_rows(
    document: &impl Serialize,
    file_name: &'static str,
    out: &mut dyn Write,
) -> Result<(), RenderError> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, Rows::default());
    let written = document.serialize(&mut serializer);
    written.map_err(|error| RenderError::new(file_name, error))?;
    out.write_all(b"\n").map_err(|error| RenderError::new(file_name, error))
}

/// How deep the writer is, and whether the innermost list or map has something in it.
#[derive(Default)]
struct Rows {
    depth: usize,
    has_value: bool,
}

/// Lists and maps within so many others stand on lines of their own.
const DEEPEST: usize = 2;

impl Rows {
    fn open(&mut self) {
        self.depth += 1;
        self.has_value = false;
    }

    fn close<W: ?Sized + Write>(&mut self, out: &mut W, bracket: &[u8]) -> std::io::Result<()> {
        self.depth -= 1;
        if self.has_value && self.depth < DEEPEST {
            self.line(out)?;
        }
        self.has_value = true;
        out.write_all(bracket)
    }

    fn line<W: ?Sized + Write>(&self, out: &mut W) -> std::io::Result<()> {
        out.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| out.write_all(b" "))
    }

    fn next<W: ?Sized + Write>(&self, out: &mut W, is_first: bool) -> std::io::Result<()> {
        if !is_first {
            out.write_all(b",")?;
        }
        match self.depth <= DEEPEST {
            true => self.line(out),
            false => Ok(()),
        }
    }
}

impl serde_json::ser::Formatter for Rows {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> std::io::Result<()> {
        self.open();
        out.write_all(b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> std::io::Result<()> {
        self.close(out, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> std::io::Result<()> {
        self.next(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> std::io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> std::io::Result<()> {
        self.open();
        out.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> std::io::Result<()> {
        self.close(out, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> std::io::Result<()> {
        self.next(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> std::io::Result<()> {
        out.write_all(b":")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> std::io::Result<()> {
        self.has_value = true;
        Ok(())
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
