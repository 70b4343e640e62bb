//! AWS Backup in one account and one Region.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::events::{Failure, Missed};
use super::jobs::{BackupJob, CopyJob, Jobs, RestoreJob};
use super::plans::Plan;
use super::points::Points;
use super::restore_testing::TestingPlan;
use super::vaults::Vault;

/// AWS Backup in one account and Region.
#[derive(Debug)]
pub(crate) struct State {
    /// Vaults by name.
    pub(crate) vaults: BTreeMap<String, Vault>,
    /// Plans by id, deleted ones included.
    pub(crate) plans: BTreeMap<String, Plan>,
    /// Recovery points of all vaults.
    pub(crate) points: Points,
    /// Backup jobs, scheduled and on demand.
    pub(crate) backup_jobs: Jobs<BackupJob>,
    /// Copy jobs that started here.
    pub(crate) copy_jobs: Jobs<CopyJob>,
    /// Restore jobs.
    pub(crate) restore_jobs: Jobs<RestoreJob>,
    /// `ResourceTypeOptInPreference`.
    pub(crate) opt_in: BTreeMap<String, bool>,
    /// `ResourceTypeManagementPreference`.
    pub(crate) management: BTreeMap<String, bool>,
    /// `ResourceTypeOptInIncremental`, since November 2026. A setting only: sizes stay those of full backups.
    pub(crate) incremental: BTreeMap<String, bool>,
    /// Idempotency tokens, by operation and token. None: used up by a call that was refused.
    pub(crate) tokens: BTreeMap<(&'static str, String), Option<u128>>,
    /// Restore testing plans by name.
    pub(crate) testing: BTreeMap<String, TestingPlan>,
    /// The running backup job of each resource: there is never more than one.
    pub(crate) running: BTreeMap<Arc<str>, u64>,
    /// Roles that AWS Backup cannot use at the moment, with the message that their jobs fail with.
    pub(crate) broken_roles: BTreeMap<String, Arc<str>>,
    /// Jobs that the world wants to see fail.
    pub(crate) failures: Vec<Failure>,
    /// Plan runs that the world wants to see missed.
    pub(crate) missed: Vec<Missed>,
}

/// The resource types of both settings maps; names with spaces are AWS's own.
const TYPES: [&str; 17] = [
    "Aurora",
    "CloudFormation",
    "DocumentDB",
    "DynamoDB",
    "EBS",
    "EC2",
    "EFS",
    "EKS",
    "FSx",
    "Neptune",
    "RDS",
    "Redshift",
    "S3",
    "SAP HANA on Amazon EC2",
    "Storage Gateway",
    "Timestream",
    "VirtualMachine",
];

impl Default for State {
    fn default() -> Self {
        Self {
            vaults: BTreeMap::new(),
            plans: BTreeMap::new(),
            points: Points::default(),
            backup_jobs: Jobs::default(),
            copy_jobs: Jobs::default(),
            restore_jobs: Jobs::default(),
            opt_in: TYPES.iter().map(|name| ((*name).to_owned(), true)).collect(),
            management: ["DynamoDB", "EFS"]
                .iter()
                .map(|name| ((*name).to_owned(), true))
                .collect(),
            incremental: BTreeMap::from([("DynamoDB".to_owned(), false)]),
            tokens: BTreeMap::new(),
            testing: BTreeMap::new(),
            running: BTreeMap::new(),
            broken_roles: BTreeMap::new(),
            failures: Vec::new(),
            missed: Vec::new(),
        }
    }
}

impl State {
    /// Whether AWS Backup may take tables by tag or by `*`.
    pub(crate) fn opted_in(&self) -> bool {
        self.opt_in.get("DynamoDB") == Some(&true)
    }

    /// Whether new backups of tables are advanced ones. On only when both maps say so.
    pub(crate) fn advanced(&self) -> bool {
        self.opted_in() && self.management.get("DynamoDB") == Some(&true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advanced_needs_both_settings() {
        let mut state = State::default();
        assert!(state.opted_in() && state.advanced());
        state.opt_in.insert("DynamoDB".to_owned(), false);
        assert!(!state.opted_in() && !state.advanced());
        state.opt_in.insert("DynamoDB".to_owned(), true);
        state.management.remove("DynamoDB");
        assert!(!state.advanced());
    }
}
