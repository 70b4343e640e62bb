//! Facts on one account in one Region.

use super::{Text, facts};

facts! {
    /// Everything known of one account in one Region. `None` means not known.
    TargetFacts, TARGET_FACTS, Target:

    /// The account.
    account_id: Text = ["targets"],
    /// The Region.
    region: Text = ["targets"],
    /// Tables that were listed there. Never unknown.
    table_count_seen: i64 = ["tables"],
    /// Tables in this account and Region, known only if the list was read to its end. Unknown if it was not.
    table_count: i64 = ["tables"],
    /// AWS Backup is opted in for DynamoDB. Unknown if the settings could not be read.
    dynamodb_opted_in: bool = ["region_settings"],
    /// Advanced features for DynamoDB backups are on, which takes the opt-in too. Unknown if the settings could not be read.
    advanced_features_on: bool = ["region_settings"],
    /// Live backup plans. Unknown if they could not be listed.
    plan_count: i64 = ["plans"],
    /// Backup vaults. Unknown if they could not be listed.
    vault_count: i64 = ["vaults"],
    /// Recovery points of DynamoDB tables that lie in its vaults. Unknown if the list of vaults, or that of the points of a vault, was not read to its end.
    recovery_point_count: i64 = ["vaults", "recovery_points"],
    /// Calls there that failed. Never unknown.
    failed_call_count: i64 = ["call_log"],
}
