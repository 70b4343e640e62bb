//! Facts on one backup vault.

use chrono::{DateTime, Utc};

use super::{Text, facts};

facts! {
    /// Everything known of one backup vault. `None` means not known.
    VaultFacts, VAULT_FACTS, Vault:

    /// Account of the vault.
    account_id: Text = ["vaults"],
    /// Region of the vault.
    region: Text = ["vaults"],
    /// Name of the vault.
    vault_name: Text = ["vaults"],
    /// ARN of the vault.
    vault_arn: Text = ["vaults"],
    /// `standard`, `air-gapped` or `restore-access`. Unknown if AWS gave a type that is none of these.
    vault_kind: Text = ["vaults"],
    /// It holds recovery points of DynamoDB tables, or a rule of a plan that takes a table writes to it. Unknown if its points, a plan or the list of tables could not be read and nothing says so.
    is_used_for_dynamodb: bool = ["vaults", "recovery_points", "plans", "plan_rules", "selections", "region_settings", "table_tags", "tables", "backup_jobs"],
    /// Recovery points of DynamoDB tables that were read in it, in any state. Never unknown.
    dynamodb_point_count_seen: i64 = ["vaults", "recovery_points"],
    /// Recovery points of DynamoDB tables that were read in it, in state COMPLETED or AVAILABLE that are not temporary. Never unknown.
    usable_dynamodb_point_count_seen: i64 = ["vaults", "recovery_points"],
    /// Recovery points of DynamoDB tables that should have been deleted more than 24 hours ago. Never unknown.
    overdue_point_count_seen: i64 = ["vaults", "recovery_points"],
    /// ARN of its key; `none` for a key that AWS owns. Never unknown.
    key_arn: Text = ["vaults"],
    /// Owner of its key: `aws-owned`, `aws-managed` or `customer-managed`. Unknown if the key could not be described.
    key_owner: Text = ["vaults", "keys"],
    /// State of its key, such as `Enabled`; `none` for a key that AWS owns. Unknown if the key could not be described.
    key_state: Text = ["vaults", "keys"],
    /// Its key works: it is enabled, or AWS owns it. Unknown if the key could not be described, or AWS gave a state that is not known.
    key_usable: bool = ["vaults", "keys"],
    /// `none`, `governance`, `compliance-in-grace` or `compliance`. Never unknown.
    lock_kind: Text = ["vaults"],
    /// lock_kind as a number: 0 none, 1 governance, 2 compliance-in-grace, 3 compliance. Never unknown.
    lock_rank: i64 = ["vaults"],
    /// When a compliance lock in grace becomes final. Unknown if none is in grace.
    lock_grace_until: DateTime<Utc> = ["vaults"] none if (lock_kind != "compliance-in-grace"),
    /// Shortest retention that the lock allows; 0 if it sets none. Never unknown.
    min_retention_days: i64 = ["vaults"],
    /// Longest retention that the lock allows; 36,500 if it sets none. Never unknown.
    max_retention_days: i64 = ["vaults"],
    /// Its access policy denies to everybody, but for the principals it exempts, to delete recovery points, to change their lifecycle, and to replace or delete the policy. Unknown if the policy could not be read or understood.
    manual_deletion_denied: bool = ["vaults", "vault_policies"],
    /// Which statement of the policy does, or what is missing. Unknown if the policy could not be read.
    manual_deletion_reason: Text = ["vaults", "vault_policies"],
    /// Principals that the denial exempts; `none` if there is none. Unknown if the policy could not be read.
    exempt_principals: Text = ["vaults", "vault_policies"],
}
