//! Token buckets at the rates that AWS publishes, per account, Region and API.
//!
//! They count in real time, whatever the virtual clock does: clients pace their calls by real time.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::call::{Call, Operation, Service};

/// All buckets, filled on first use. By account, Region and name of the limit.
#[derive(Debug, Default)]
pub(crate) struct Buckets(BTreeMap<(String, String, &'static str), Bucket>);

impl Buckets {
    /// Takes a token from every bucket that the call draws on. False: one of them is empty, and none is taken.
    pub(crate) fn take(&mut self, call: &Call, operation: &Operation, now: Instant) -> bool {
        let caller = &call.caller;
        let mut keys = Vec::with_capacity(2);
        for (name, rate) in quotas(call.service, operation.name).into_iter().flatten() {
            let key = (caller.account.clone(), caller.region.clone(), name);
            let bucket = self.0.entry(key.clone()).or_insert_with(|| Bucket::new(rate, now));
            bucket.refill(now);
            if bucket.tokens < 1.0 {
                return false;
            }
            keys.push(key);
        }
        for key in keys {
            if let Some(bucket) = self.0.get_mut(&key) {
                bucket.tokens -= 1.0;
            }
        }
        true
    }
}

/// Read capacity of tables, by ARN: what a table has left of one second's worth. A read that begins with something left is done
/// whole, so that less than nothing can be left after it.
#[derive(Debug, Default)]
pub(crate) struct Reads(BTreeMap<String, Bucket>);

impl Reads {
    /// The units that a table has left.
    pub(crate) fn left(&mut self, table: &str, rate: f64, now: Instant) -> f64 {
        if !self.0.contains_key(table) {
            self.0.insert(table.to_owned(), Bucket::new(rate, now));
        }
        let Some(bucket) = self.0.get_mut(table) else {
            return rate;
        };
        bucket.refill(now);
        bucket.tokens
    }

    /// Takes units away.
    pub(crate) fn consume(&mut self, table: &str, units: f64) {
        if let Some(bucket) = self.0.get_mut(table) {
            bucket.tokens -= units;
        }
    }
}

/// A token bucket that holds one second's worth.
#[derive(Debug)]
struct Bucket {
    rate: f64,
    tokens: f64,
    filled_at: Instant,
}

impl Bucket {
    fn new(rate: f64, now: Instant) -> Self {
        Self {
            rate,
            tokens: rate,
            filled_at: now,
        }
    }

    fn refill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + elapsed * self.rate).min(self.rate);
        self.filled_at = now;
    }
}

/// The published rates that an operation draws on: its own (or its pool's), and that of all calls of the service.
///
/// Source: AWS General Reference, "AWS Backup endpoints and quotas"; DynamoDB Developer Guide, quotas; Security Hub API Reference. Operations without a
/// published rate are not limited by themselves.
fn quotas(service: Service, operation: &'static str) -> [Option<(&'static str, f64)>; 2] {
    match service {
        Service::Backup => {
            let rate = match operation {
                "DescribeBackupVault"
                | "StartBackupJob"
                | "StartRestoreJob"
                | "StartCopyJob"
                | "StopBackupJob"
                | "UpdateRecoveryPointLifecycle"
                | "TagResource"
                | "UntagResource"
                | "CreateBackupPlan"
                | "CreateBackupSelection"
                | "CreateBackupVault"
                | "UpdateBackupPlan"
                | "DeleteBackupPlan"
                | "DeleteBackupSelection"
                | "DeleteBackupVault"
                | "PutBackupVaultAccessPolicy"
                | "PutBackupVaultNotifications"
                | "DeleteBackupVaultAccessPolicy"
                | "DeleteBackupVaultNotifications" => 5.0,
                "DeleteRecoveryPoint" | "DescribeProtectedResource" => 10.0,
                "GetBackupPlan"
                | "GetBackupSelection"
                | "DescribeRecoveryPoint"
                | "GetBackupVaultAccessPolicy"
                | "GetBackupVaultNotifications" => 15.0,
                "ListBackupPlans"
                | "ListBackupSelections"
                | "ListBackupVaults"
                | "ListRecoveryPointsByBackupVault"
                | "ListRecoveryPointsByResource"
                | "ListBackupJobs"
                | "ListRestoreJobs"
                | "ListProtectedResources"
                | "ListTags" => 20.0,
                _ => return [None, Some(("all", 50.0))],
            };
            [Some((operation, rate)), Some(("all", 50.0))]
        }
        Service::DynamoDb => match operation {
            "ListTables" | "DescribeTable" | "GetResourcePolicy" => [Some(("reads", 2500.0)), None],
            "DescribeBackup" | "DescribeContinuousBackups" | "ListTagsOfResource" | "DescribeTimeToLive" => {
                [Some((operation, 10.0)), None]
            }
            "ListBackups" => [Some((operation, 5.0)), None],
            _ => [None, None],
        },
        Service::SecurityHub => match operation {
            "GetFindings" => [Some((operation, 3.0)), None],
            _ => [Some((operation, 10.0)), None],
        },
        _ => [None, None],
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing;

    #[test]
    fn quotas_are_per_api_and_together() {
        let mut buckets = Buckets::default();
        let start = Instant::now();
        let mut call = testing::call(Service::Backup, "111122223333", "eu-west-1");
        let mut passed = |call: &Call, name, at| {
            let operation = Operation {
                name,
                action: String::new(),
                resource: String::new(),
            };
            (0..100).filter(|_| buckets.take(call, &operation, at)).count()
        };
        assert_eq!(passed(&call, "DescribeBackupVault", start), 5);
        assert_eq!(passed(&call, "ListTags", start), 20);
        assert_eq!(passed(&call, "ListBackupVaults", start), 20);
        // 45 of the 50 calls of all APIs together are gone.
        assert_eq!(passed(&call, "ListBackupPlans", start), 5);
        assert_eq!(passed(&call, "ListTags", start + Duration::from_millis(500)), 10);
        call.caller.region = "us-east-1".to_owned();
        assert_eq!(
            passed(&call, "ListTags", start),
            20,
            "each Region has buckets of its own"
        );
        call.service = Service::DynamoDb;
        assert_eq!(passed(&call, "DescribeContinuousBackups", start), 10);
        assert_eq!(passed(&call, "DescribeTable", start), 100);
        assert_eq!(passed(&call, "PutItem", start), 100);
    }
}
