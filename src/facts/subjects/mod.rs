//! Facts of the subjects that are no tables: one file each.

pub(crate) mod plans;
pub(crate) mod recovery_points;
pub(crate) mod targets;
pub(crate) mod vaults;
