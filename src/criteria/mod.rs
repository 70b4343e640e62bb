//! What tables are judged by: rules, policy, waivers, frameworks, and what an earlier scan knew.
//!
//! Plain values, and how each is read and stored. Nothing here looks at an inventory. Of remediation only the ids of its
//! actions are known here.

pub mod baseline;
pub mod files;
pub mod frameworks;
pub mod policy;
pub mod predicate;
pub mod rules;
pub mod values;
pub mod vocabulary;
pub mod waivers;

use baseline::Baseline;
use frameworks::Framework;
use policy::Policy;
use rules::RuleSet;
use waivers::Waivers;

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
