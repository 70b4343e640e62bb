//! Facts on one recovery point of a DynamoDB table.

use chrono::{DateTime, Utc};

use super::{Text, facts};

facts! {
    /// Everything known of one recovery point. `None` means not known.
    RecoveryPointFacts, RECOVERY_POINT_FACTS, RecoveryPoint:

    /// Account of the vault that holds it.
    account_id: Text = ["recovery_points", "vaults"],
    /// Region of the vault that holds it.
    region: Text = ["recovery_points", "vaults"],
    /// Vault that holds it.
    vault_name: Text = ["recovery_points", "vaults"],
    /// ARN of the recovery point.
    recovery_point_arn: Text = ["recovery_points", "vaults"],
    /// ARN of the table it was made of. Unknown if AWS left it out.
    source_table_arn: Text = ["recovery_points", "vaults"],
    /// State, in AWS's word. Unknown if AWS left it out.
    status: Text = ["recovery_points", "vaults"],
    /// It counts as a recovery point of its table: COMPLETED or AVAILABLE, not temporary, not of an earlier table of the same name, not a copy kept elsewhere. Unknown if the table could not be described or AWS left a date out.
    is_usable: bool = ["recovery_points", "vaults", "tables"],
    /// Why it does not count; `none` if it does. Unknown as is_usable.
    why_unusable: Text = ["recovery_points", "vaults", "tables"],
    /// Date of its data. Unknown if AWS left it out.
    created_at: DateTime<Utc> = ["recovery_points", "vaults"],
    /// Age of its data at as_of, in hours. Unknown if AWS left the date out.
    age_hours: f64 = ["recovery_points", "vaults"],
    /// `days`, `forever`, or `source` for a copy that ends with its source. Never unknown.
    retention_kind: Text = ["recovery_points", "vaults"],
    /// Days from creation to deletion; 36,500 stands for ever. Unknown if it does not say.
    retention_days: i64 = ["recovery_points", "vaults"],
    /// When AWS Backup is to delete it. Unknown if it is kept for ever or does not say.
    delete_at: DateTime<Utc> = ["recovery_points", "vaults"] none if (retention_kind == "forever"),
    /// It should have been deleted more than 24 hours before as_of, or is in state `EXPIRED`, which says that it could not be deleted. AWS Backup deletes within 8 hours. Never unknown.
    is_overdue: bool = ["recovery_points", "vaults"],
    /// It lies in cold storage. Never unknown.
    is_cold: bool = ["recovery_points", "vaults"],
    /// It is a copy of a point in another vault. Never unknown.
    is_copy: bool = ["recovery_points", "vaults"],
    /// It is a native DynamoDB backup, made without advanced features. Never unknown.
    is_native: bool = ["recovery_points", "vaults"],
    /// It vanishes once it has been copied. Never unknown.
    is_temporary: bool = ["recovery_points", "vaults"],
    /// It lies in a logically air-gapped vault. Never unknown.
    is_air_gapped: bool = ["recovery_points", "vaults"],
    /// It is older than the table that has its name today. Unknown if that table could not be described.
    is_previous_incarnation: bool = ["recovery_points", "vaults", "tables"],
    /// It is encrypted. Unknown if AWS does not say.
    is_encrypted: bool = ["recovery_points", "vaults"],
    /// Owner of the key it depends on: `unencrypted`, `aws-owned`, `aws-managed` or `customer-managed`. Unknown if the key could not be described, as that of a native point that names none and is not the newest of its table.
    key_owner: Text = ["recovery_points", "vaults", "native_backups", "keys"],
    /// State of that key, such as `Enabled`; `none` for a key that AWS owns. Unknown as key_owner.
    key_state: Text = ["recovery_points", "vaults", "native_backups", "keys"],
    /// Lock of its vault: `none`, `governance`, `compliance-in-grace` or `compliance`. Never unknown.
    lock_kind: Text = ["recovery_points", "vaults"],
    /// When it was last restored. Unknown if it never was.
    last_restored_at: DateTime<Utc> = ["recovery_points", "vaults"],
}
