//! The judge: an inventory and the criteria in, a [`Report`] out. Pure.
//!
//! The same inventory and the same criteria always give the same report.

mod answers;
mod assemble;
mod changes;
pub(crate) mod compare;
mod coverage;
pub mod evaluate;
mod evidence;
mod findings;
pub(crate) mod frameworks;
pub(crate) mod gaps;
pub(crate) mod nulls;
pub(crate) mod recheck;
mod switched_off;

use crate::criteria::Criteria;
use crate::facts::derive;
use crate::inventory::Inventory;
use crate::problem::Problem;
use crate::report::Report;

/// Judges an inventory.
///
/// Errors: a frame of the inventory is damaged.
pub fn judge(inventory: &Inventory, criteria: &Criteria) -> Result<Report, Problem> {
    let facts = derive(inventory, criteria.policy.window_days)?;
    let mut judged = findings::judge(inventory, &facts, criteria)?;
    let frameworks = frameworks::add(inventory, &facts, criteria, &mut judged)?;
    assemble::report(inventory, &facts, criteria, judged, frameworks)
}
