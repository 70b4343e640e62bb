//! What tables are judged by: rules, policy, waivers, frameworks, and what an earlier scan knew.
//!
//! Plain values, and how each is read and stored. Nothing here looks at an inventory. Of remediation only the ids of its
//! actions are known here.

pub(crate) mod baseline;
pub mod files;
pub mod frameworks;
pub mod policy;
pub(crate) mod predicate;
pub mod rules;
pub mod values;
pub mod vocabulary;
pub mod waivers;

use baseline::Baseline;
use frameworks::Framework;
use policy::Policy;
use rules::RuleSet;
use waivers::Waivers;

/// Whose a rule or a framework is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The program's, word for word.
    Program,
    /// It has the id of one of the program's, and says something else.
    Changed,
    /// Somebody else's: the program has none of that id.
    Own,
}

impl Origin {
    /// Whose a text is, held against the program's of that id.
    fn of(text: &str, shipped: Option<&str>) -> Self {
        match shipped {
            None => Self::Own,
            Some(shipped) if shipped == text => Self::Program,
            Some(_) => Self::Changed,
        }
    }

    /// The word of the machine formats.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Changed => "changed",
            Self::Own => "own",
        }
    }
}

/// What tables are judged by.
pub struct Criteria {
    /// The rules that were chosen.
    pub rules: RuleSet,
    /// What the organisation requires.
    pub policy: Policy,
    /// Findings that are accepted.
    pub waivers: Waivers,
    /// Findings of an earlier scan, to tell new ones from known ones; none: not asked for.
    pub baseline: Option<Baseline>,
    /// Frameworks whose controls the report is to show.
    pub frameworks: Vec<Framework>,
}
