//! How any error and any gap is printed: what, where, why, so, hint.
//!
//! A [`Problem`] carries words only. Whoever detects the problem fills it in; `main` and the scan print it.

use std::fmt;

use crate::exit::Exit;
pub(crate) use crate::text::one_line;

/// Something that went wrong, in the words of the person who has to act on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What could not be done: lower case, no full stop.
    pub what: String,
    /// Account, Region, resource, file and line.
    pub location: String,
    /// The cause, with AWS's error code word for word.
    pub why: String,
    /// What it does to this audit.
    pub so: String,
    /// One thing that can be typed or changed.
    pub hint: String,
    /// How the program ends because of it.
    pub exit: Exit,
}

impl Problem {
    /// A problem that ends the program with exit code 1.
    pub fn new(what: impl Into<String>) -> Self {
        let empty = String::new;
        Self {
            what: what.into(),
            location: empty(),
            why: empty(),
            so: empty(),
            hint: empty(),
            exit: Exit::Failed,
        }
    }

    /// A mistake on the command line or in a settings file: exit code 2.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            ..Self::new(what)
        }
    }

    /// Says where.
    #[must_use]
    pub(crate) fn at(mut self, location: impl Into<String>) -> Self {
        self.location = location.into();
        self
    }

    /// Says why.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    /// Says what follows from it.
    #[must_use]
    pub(crate) fn so(mut self, so: impl Into<String>) -> Self {
        self.so = so.into();
        self
    }

    /// Says what to do.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The text below `level` (`error` or `warning`), each part on a line of its own.
    pub(crate) fn render(&self, level: &str) -> String {
        let mut text = format!("{level}: {}", one_line(&self.what));
        for (label, part) in [("where", &self.location), ("why", &self.why), ("so", &self.so)] {
            if !part.is_empty() {
                text.push_str(&format!("\n  {label}: {}", one_line(part)));
            }
        }
        if !self.hint.is_empty() {
            text.push_str(&format!("\nhint: {}", one_line(&self.hint)));
        }
        text
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render("error"))
    }
}

impl std::error::Error for Problem {}

/// Several mistakes found in one reading, shown together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// The most severe exit code: a wrong file or command line before anything else, then evidence that failed verification.
    pub fn exit(&self) -> Exit {
        let all = [Exit::Usage, Exit::EvidenceBroken];
        let of = |exit: &Exit| self.0.iter().any(|problem| problem.exit == *exit);
        all.into_iter().find(of).unwrap_or(Exit::Failed)
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// What most fallible functions above the pure stages return.
pub type Outcome<T> = Result<T, Problems>;

/// `1 table`, `2 tables`: the one place that knows plurals.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = match noun.strip_suffix('y') {
        Some(stem) if !noun.ends_with("ey") && !noun.ends_with("ay") => format!("{stem}ies"),
        _ => format!("{noun}s"),
    };
    format!("{number} {}", if number == 1 { noun } else { &plural })
}
