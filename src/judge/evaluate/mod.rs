//! Facts, rules and policy in, findings out. Pure, and the same for every order of rows.
//!
//! Every condition of every rule is evaluated at once, as columns, some thousand subjects at a time. True is compliant,
//! false is non-compliant, null is unknown. Tables that AWS restore testing made, tables that are being created or
//! deleted, and tables that the policy exempts are not judged: every rule is not applicable to them. To a table in a state that
//! is not known the answer of every rule is unknown; rules on plans do not ask about an archived table.

mod findings;
mod subjects;
mod tables;
mod tiers;
mod waive;

use polars::prelude::{BooleanChunked, DataFrame, IntoLazy, PolarsResult};

use crate::criteria::rules::Rule;
use crate::domain::{TargetId, Verdict};
use crate::problem::Problem;

pub(crate) use findings::{Values, finding_id};
pub use subjects::judge_subjects;
pub(crate) use tables::is_left_open;
pub(crate) use tables::judge_and_make;
pub use tables::{Chunk, judge_tables};
pub use tiers::Within;
pub(crate) use tiers::{Assigned, Tiers};
pub(crate) use waive::{Waived, judge_waivers, waive};

/// Why evidence is missing, for the message of an unknown finding, in words.
pub struct Missing {
    /// The call that stands for all that failed, and how it ended.
    pub why: String,
    /// What would settle it.
    pub settled_by: String,
}

/// Asks why evidence is missing: target, name of the subject, frames.
pub(crate) type WhyUnknown<'w> = &'w (dyn Fn(&TargetId, &str, &[&'static str]) -> Option<Missing> + Sync);

/// What one rule says of every row of a frame.
struct Verdicts {
    /// The parts of when it asks: all have to hold.
    applies: Vec<BooleanChunked>,
    compliant: BooleanChunked,
}

impl Verdicts {
    /// Is every row compliant, or not applicable for certain?
    fn are_all_good(&self) -> bool {
        let is_known = self.applies.iter().all(|part| part.null_count() == 0);
        is_known && self.compliant.null_count() == 0 && self.compliant.all()
    }

    fn at(&self, row: usize) -> Verdict {
        if self.why_not(row).is_some() {
            return Verdict::NotApplicable;
        }
        if self.applies.iter().any(|part| part.get(row).is_none()) {
            return Verdict::Unknown;
        }
        match self.compliant.get(row) {
            Some(true) => Verdict::Compliant,
            Some(false) => Verdict::NonCompliant,
            None => Verdict::Unknown,
        }
    }

    /// The first part of `applies` that surely does not hold.
    fn why_not(&self, row: usize) -> Option<usize> {
        self.applies.iter().position(|part| part.get(row) == Some(false))
    }
}

fn evaluate_frame(frame: DataFrame, rules: &[&Rule]) -> PolarsResult<Vec<Verdicts>> {
    let mut expressions = Vec::new();
    for (number, rule) in rules.iter().enumerate() {
        expressions.push(rule.compliant.expr.clone().alias(format!("compliant {number}")));
        for (part, applies) in rule.applies.iter().enumerate() {
            expressions.push(applies.when.expr.clone().alias(format!("applies {number} {part}")));
        }
    }
    let results = frame.lazy().select(expressions).collect()?;
    let column =
        |name: String| -> PolarsResult<BooleanChunked> { Ok(results.column(&name)?.bool()?.rechunk().into_owned()) };
    let mut verdicts = Vec::new();
    for (number, rule) in rules.iter().enumerate() {
        let parts = 0..rule.applies.len();
        verdicts.push(Verdicts {
            applies: parts
                .map(|part| column(format!("applies {number} {part}")))
                .collect::<PolarsResult<_>>()?,
            compliant: column(format!("compliant {number}"))?,
        });
    }
    Ok(verdicts)
}

fn engine_failed(error: impl ToString) -> Problem {
    Problem::new("could not evaluate the rules")
        .why(error.to_string())
        .so("no report was written")
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod backed_up_tests;

#[cfg(test)]
mod waive_tests;
