//! Reads TOML so that every mistake is found in one run, each with its line and, for mistyped names, a suggestion.
//!
//! In: the text of a settings, policy, rule, waivers, template or world file, and what to make of it. Out: that, and every
//! [`Mistake`] as plain data. It never stops at the first mistake, and it knows no key and no value of any file.

#![cfg_attr(test, expect(clippy::unwrap_used, reason = "what fails to unwrap fails the test"))]

mod section;
mod words;

use std::cell::RefCell;
use std::fmt;

use toml::de::DeTable;

pub use section::{Located, Section};
pub use words::{did_you_mean, list, nearest};

/// One mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// The file's name, as [`read`] was told.
    pub origin: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong: lower case, no full stop.
    pub what: String,
    /// The cause; empty if there is nothing to add.
    pub why: String,
    /// What to write instead; empty if that is plain.
    pub hint: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.origin, self.line, self.what)?;
        for part in [&self.why, &self.hint].into_iter().filter(|part| !part.is_empty()) {
            write!(f, "; {part}")?;
        }
        Ok(())
    }
}

/// Reads a whole document: what `read` makes of its own table, if the text can be parsed at all, and every mistake in
/// order of line. Keys that nobody asked for are mistakes too.
pub fn read<T>(origin: &str, text: &str, read: impl FnOnce(&Section<'_>) -> T) -> (Option<T>, Vec<Mistake>) {
    let notes = Notes {
        origin,
        text,
        found: RefCell::default(),
    };
    let (document, errors) = DeTable::parse_recoverable(text);
    // What the parser makes of the rest after its first mistake follows from that one.
    for error in errors.iter().take(1) {
        let offset = error.span().map_or(0, |span| span.start);
        notes.add(
            offset,
            format!("could not parse `{origin}`"),
            error.message().trim(),
            words::syntax_hint(line_at(text, offset)),
        );
    }
    let value = errors.is_empty().then(|| {
        let root = Section::root(&document, &notes);
        let value = read(&root);
        root.finish();
        value
    });
    let mut found = notes.found.into_inner();
    found.sort_by_key(|mistake| mistake.line);
    (value, found)
}

/// The line around a byte offset.
fn line_at(text: &str, offset: usize) -> &str {
    let offset = offset.min(text.len());
    let (before, after) = text.as_bytes().split_at(offset);
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let end = after
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(text.len(), |at| offset + at);
    text.get(start..end).unwrap_or("")
}

/// The mistakes of one file while it is being read.
#[derive(Debug)]
struct Notes<'d> {
    origin: &'d str,
    text: &'d str,
    found: RefCell<Vec<Mistake>>,
}

impl Notes<'_> {
    fn add(&self, offset: usize, what: impl Into<String>, why: impl Into<String>, hint: impl Into<String>) {
        self.found.borrow_mut().push(Mistake {
            origin: self.origin.to_owned(),
            line: self.line(offset),
            what: what.into(),
            why: why.into(),
            hint: hint.into(),
        });
    }

    /// The line of a byte offset, from 1.
    fn line(&self, offset: usize) -> usize {
        let end = offset.min(self.text.len());
        let before = self.text.as_bytes()[..end].iter();
        before.filter(|byte| **byte == b'\n').count() + 1
    }
}

#[cfg(test)]
mod tests;
