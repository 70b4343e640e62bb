//! What the kinds of actions on backup plans share.
//!
//! [`demand`]: which tables lack what, and what a try would give. [`rule`]: a rule as an action writes it. [`wanted`]: the rule that
//! keeps a policy. [`vaults`]: the vaults that may take its points. [`change`]: the smallest change of a plan that helps its tables.
//! [`means`]: what puts a table into a plan. [`rows`]: plans and selections in the evidence. [`asked`]: plans as AWS has them.
//! [`document`]: a plan as the JSON that was read. [`load`]: what a plan keeps.

pub(crate) mod asked;
pub(crate) mod change;
pub(crate) mod demand;
pub(crate) mod document;
pub(crate) mod load;
pub(crate) mod means;
pub(crate) mod rows;
pub(crate) mod rule;
pub(crate) mod vaults;
pub(crate) mod wanted;

/// Whose plan it is, if nobody in its account may change it; by its id.
pub(crate) fn foreign_owner(plan_id: &str) -> Option<&'static str> {
    match plan_id.split_once('/') {
        Some(("orgs", _)) => Some("whoever keeps the backup policy of the organization"),
        Some(_) => Some("AWS, which made it"),
        None => None,
    }
}
