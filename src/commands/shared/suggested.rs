//! Values that completion scripts offer for a flag, and that the program itself checks later, with better words than a
//! command line parser has.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, Error};

use crate::criteria::{frameworks, rules};
use crate::domain::{Question, Severity};
use crate::render::FORMATS;

/// Takes any text, and says which ones are usual.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Suggested(fn() -> Vec<&'static str>);

impl TypedValueParser for Suggested {
    type Value = String;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.0)().into_iter().map(PossibleValue::new)))
    }
}

/// The rules that come with the program; `--rules-dir` may bring others.
pub(crate) const RULES: Suggested = Suggested(|| rules::shipped().0.iter().map(|rule| &*rule.id).collect());

/// The compliance frameworks.
pub(crate) const FRAMEWORKS: Suggested =
    Suggested(|| frameworks::all().iter().map(|framework| &*framework.id).collect());

/// The formats of a report.
pub(crate) const REPORT_FORMATS: Suggested = Suggested(|| {
    let mut names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
    names.dedup();
    names.push("all");
    names
});

/// The formats of an attestation.
pub(crate) const ATTESTATION_FORMATS: Suggested = Suggested(|| vec!["csv", "json", "html", "pdf"]);

/// The severities of findings, mildest first.
pub(crate) const SEVERITIES: Suggested = Suggested(|| Severity::ALL.iter().map(|severity| severity.as_str()).collect());

/// The questions that rules answer.
pub(crate) const QUESTIONS: Suggested = Suggested(|| Question::ALL.iter().map(|question| question.as_str()).collect());
