//! Every fact on a table: name, type, the sentence an auditor would read, when it is unknown, and which frames it
//! rests on. Written once, here: rule checking, `explain facts`, the columns of reports and demand-driven collection
//! all come from this list.
//!
//! In facts a null means *not known*, and nothing else. What is known to be absent is a value: `none`, `0`, `forever`.
//! A number that ends in `_seen` counts what could be read, whole or not: it proves presences. The same number without
//! the ending is known only when everything was read: it alone proves an absence.

use chrono::{DateTime, Utc};
use polars::prelude::{Column, DataFrame, DataType, PolarsResult, TimeUnit};

use crate::domain::FactValue;
use crate::inventory::cell::{Cell, Kind};

/// One entry of the dictionary.
#[derive(Debug)]
pub struct Fact {
    /// Column name.
    pub name: &'static str,
    /// The polars type.
    pub kind: FactKind,
    /// What it says, and when it is unknown.
    pub doc: &'static str,
    /// Frames that it rests on.
    pub frames: &'static [&'static str],
}

/// The type of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactKind {
    /// Text, instant, truth or whole number, as in the inventory.
    Cell(Kind),
    /// A number with fraction.
    Float,
}

impl FactKind {
    /// The word of the data dictionary.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cell(kind) => kind.as_str(),
            Self::Float => "number",
        }
    }

    /// The polars type.
    pub fn dtype(self) -> DataType {
        match self {
            Self::Cell(kind) => kind.dtype(),
            Self::Float => DataType::Float64,
        }
    }
}

/// A Rust type that a fact can have.
trait FactCell: Sized {
    const KIND: FactKind;
    fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Column
    where
        Self: 'a;
    fn value(&self) -> FactValue;
}

macro_rules! cell_facts {
    ($($kind:ty => $variant:ident,)+) => {$(
        impl FactCell for Option<$kind> {
            const KIND: FactKind = FactKind::Cell(<Self as Cell>::KIND);
            fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Column {
                <Self as Cell>::column(name, values)
            }
            fn value(&self) -> FactValue {
                self.clone().map_or(FactValue::Unknown, FactValue::$variant)
            }
        }
    )+};
}

cell_facts! {
    String => Text,
    i64 => Int,
    bool => Bool,
    DateTime<Utc> => Time,
}

impl FactCell for Option<f64> {
    const KIND: FactKind = FactKind::Float;

    fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Column {
        Column::new(name.into(), values.copied().collect::<Vec<_>>())
    }

    fn value(&self) -> FactValue {
        self.map_or(FactValue::Unknown, FactValue::Float)
    }
}

macro_rules! facts {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ty = [$($frame:literal),*],)+) => {
        /// Everything known of one table. `None` means not known.
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct TableFacts {
            $($(#[doc = $doc])+ pub $name: Option<$kind>,)+
        }

        /// The dictionary, in the order of columns.
        pub const TABLE_FACTS: &[Fact] = &[$(Fact {
            name: stringify!($name),
            kind: <Option<$kind> as FactCell>::KIND,
            doc: concat!($($doc),+),
            frames: &[$($frame),*],
        }),+];

        impl TableFacts {
            /// Rows to columns.
            ///
            /// Errors: none that a caller can cause.
            pub fn to_frame(rows: &[Self]) -> PolarsResult<DataFrame> {
                DataFrame::new(rows.len(), vec![
                    $(<Option<$kind> as FactCell>::column(stringify!($name), rows.iter().map(|row| &row.$name)),)+
                ])
            }

            /// Every fact with its name, in the order of the dictionary.
            pub fn values(&self) -> Vec<(&'static str, FactValue)> {
                vec![$((stringify!($name), self.$name.value()),)+]
            }
        }
    };
}

/// The fact of that name.
pub fn fact(name: &str) -> Option<&'static Fact> {
    TABLE_FACTS.iter().find(|fact| fact.name == name)
}

/// Milliseconds, no time zone: every instant is UTC.
pub const TIME: DataType = DataType::Datetime(TimeUnit::Milliseconds, None);

facts! {
    /// Account that owns the table.
    account_id: String = ["tables"],
    /// Region of the table.
    region: String = ["tables"],
    /// Partition of the table's ARN.
    partition: String = ["tables"],
    /// ARN of the table.
    table_arn: String = ["tables"],
    /// Name of the table.
    table_name: String = ["tables"],
    /// AWS's id of this incarnation of the table; `none` for tables older than table ids. Unknown if the table could not be described.
    table_id: String = ["tables"],
    /// When this incarnation of the table was created. Unknown if the table could not be described.
    created_at: DateTime<Utc> = ["tables"],
    /// Age of the table at as_of, in hours. Unknown if the table could not be described.
    table_age_hours: f64 = ["tables"],
    /// State of the table, such as `ACTIVE`. Unknown if the table could not be described.
    table_status: String = ["tables"],
    /// DescribeTable gave a state other than `ACTIVE` and `UPDATING`, so no rule judges the table. False if it could not be described. Never unknown.
    is_known_inactive: bool = ["tables"],
    /// A table that AWS restore testing made: by its name, or by its tag where tags were read. Never unknown.
    is_restore_test: bool = ["tables"],
    /// Size of the table in bytes, refreshed by AWS about every six hours. Unknown if the table could not be described.
    table_size_bytes: i64 = ["tables"],
    /// Number of items, refreshed as the size. Unknown if the table could not be described.
    item_count: i64 = ["tables"],
    /// `PROVISIONED` or `PAY_PER_REQUEST`. Unknown if the table could not be described.
    billing_mode: String = ["tables"],
    /// `STANDARD` or `STANDARD_INFREQUENT_ACCESS`. Unknown if the table could not be described.
    table_class: String = ["tables"],
    /// Replicas of a global table in other Regions. Unknown if the table could not be described.
    replica_count: i64 = ["tables"],
    /// Tags as `key=value`, in order of key. Unknown if tags could not be read.
    tags: String = ["table_tags"],
    /// Who owns the key that encrypts the table: `aws-owned`, `aws-managed` or `customer-managed`. Unknown if the table or its key could not be described.
    table_key_owner: String = ["tables", "keys"],
    /// ARN of the key that encrypts the table; `none` for a key that AWS owns. Unknown if the table could not be described.
    table_key_arn: String = ["tables"],
    /// State of that key, such as `Enabled`; `none` for a key that AWS owns. Unknown if the table or its key could not be described.
    table_key_state: String = ["tables", "keys"],
    /// The table refuses to be deleted. Unknown if the table could not be described.
    deletion_protection_on: bool = ["tables"],
    /// Point-in-time recovery is on. Unknown if it could not be asked.
    pitr_on: bool = ["continuous_backups"],
    /// The earliest moment to which point-in-time recovery can go back. Unknown if it is off or could not be asked.
    pitr_earliest_at: DateTime<Utc> = ["continuous_backups"],

    /// AWS Backup is opted in for DynamoDB in this account and Region. Unknown if the settings could not be read.
    dynamodb_opted_in: bool = ["region_settings"],
    /// Advanced features for DynamoDB backups are on in this account and Region. Unknown if the settings could not be read.
    advanced_features_on: bool = ["region_settings"],
    /// A selection of a live backup plan takes the table. Unknown if AWS's rules leave it open, or if a plan, a selection, tags or settings that decide could not be read.
    in_a_plan: bool = ["plans", "plan_rules", "selections", "region_settings", "table_tags"],
    /// The same as a word: `protected`, `unprotected` or `uncertain`. Never unknown.
    plan_verdict: String = ["plans", "plan_rules", "selections", "region_settings", "table_tags"],
    /// Why: which clause of which selection takes the table, or why none does. Never unknown.
    plan_reason: String = ["plans", "plan_rules", "selections", "region_settings", "table_tags"],
    /// Names of the plans that take the table for certain; `none` if there is none. Never unknown.
    plan_names: String = ["plans", "plan_rules", "selections", "region_settings", "table_tags"],
    /// Longest retention, in days, that a rule of those plans promises, of the rules that could be read; 36,500 stands for ever. Unknown if no such rule was read.
    plan_retention_days_seen: i64 = ["plans", "plan_rules", "selections", "region_settings", "table_tags"],
    /// Longest retention, in days, that a rule of any plan that takes the table promises; 36,500 stands for ever. Unknown if a plan could not be read or may take the table.
    plan_retention_days: i64 = ["plans", "plan_rules", "selections", "region_settings", "table_tags"],
    /// Vaults that those rules write to; `none` if there is none. Unknown if no such rule was read.
    plan_vaults: String = ["plans", "plan_rules", "selections", "region_settings", "table_tags"],

    /// Usable recovery points of this incarnation in this account and Region, of the vaults that could be read. Unknown if the table could not be described.
    usable_recovery_point_count_seen: i64 = ["tables", "vaults", "recovery_points"],
    /// Usable recovery points of this incarnation in this account and Region. Unknown if the table could not be described or a vault could not be read.
    usable_recovery_point_count: i64 = ["tables", "vaults", "recovery_points"],
    /// Date of the newest usable recovery point that could be read. Unknown if none was.
    newest_recovery_point_at: DateTime<Utc> = ["tables", "vaults", "recovery_points"],
    /// Age at as_of, in hours, of the newest usable recovery point that could be read. Unknown if none was.
    newest_recovery_point_age_hours_seen: f64 = ["tables", "vaults", "recovery_points"],
    /// Age at as_of, in hours, of the newest usable recovery point. Unknown if there is none, or a vault could not be read.
    newest_recovery_point_age_hours: f64 = ["tables", "vaults", "recovery_points"],
    /// How many usable recovery points were seen and how old the newest is, in words. Unknown if the table could not be described.
    recovery_points_summary: String = ["tables", "vaults", "recovery_points"],
    /// ARN of the newest usable recovery point that could be read; `none` if there is none. Unknown if none was read and a vault could not be read.
    newest_recovery_point_arn: String = ["tables", "vaults", "recovery_points"],
    /// Date of the oldest usable recovery point that could be read. Unknown if none was.
    oldest_recovery_point_at: DateTime<Utc> = ["tables", "vaults", "recovery_points"],
    /// Vaults that hold usable recovery points that could be read; `none` if there is none. Unknown if none was read and a vault could not be read.
    recovery_point_vaults: String = ["tables", "vaults", "recovery_points"],
    /// Shortest retention, in days, among the usable recovery points that could be read; 36,500 stands for ever. Unknown if none was.
    shortest_retention_days_seen: i64 = ["tables", "vaults", "recovery_points"],
    /// Shortest retention, in days, among all usable recovery points; 36,500 stands for ever. Unknown if there is none, if one does not say, or if a vault could not be read.
    shortest_retention_days: i64 = ["tables", "vaults", "recovery_points"],
    /// Every usable recovery point is encrypted. Unknown if there is none, if one does not say, or if a vault could not be read and none of the others is unencrypted.
    recovery_points_encrypted: bool = ["tables", "vaults", "recovery_points"],
    /// Weakest owner of a key among the usable recovery points whose keys could be read: `unencrypted`, `aws-owned`, `aws-managed` or `customer-managed`. Unknown if none could.
    weakest_key_owner: String = ["tables", "vaults", "recovery_points", "keys"],
    /// The same as a number, from -1 to 2. Unknown if no key could be read.
    weakest_key_owner_rank_seen: i64 = ["tables", "vaults", "recovery_points", "keys"],
    /// The same over all usable recovery points. Unknown if a key or a vault could not be read.
    weakest_key_owner_rank: i64 = ["tables", "vaults", "recovery_points", "keys"],
    /// Every key that usable recovery points depend on works (is enabled, or AWS owns it). Unknown if there is no point, or if a key or a vault could not be read and none of the others is broken.
    recovery_point_keys_usable: bool = ["tables", "vaults", "recovery_points", "keys"],
    /// The keys that do not work, with their state; `none` if all that could be read do. Never unknown.
    unusable_keys: String = ["tables", "vaults", "recovery_points", "keys"],
    /// At least one usable recovery point lies in a locked vault. Unknown if none was seen there and a vault could not be read.
    is_in_locked_vault: bool = ["tables", "vaults", "recovery_points"],
    /// Strongest lock of a vault that holds a usable recovery point: `none`, `governance`, `compliance-in-grace` or `compliance`. Unknown if a vault could not be read and the others have none.
    vault_lock_kind: String = ["tables", "vaults", "recovery_points"],
    /// Recovery points of an earlier table of the same name, of the vaults that could be read; they prove nothing of this one. Unknown if the table could not be described.
    previous_incarnation_point_count_seen: i64 = ["tables", "vaults", "recovery_points"],
    /// Recovery points in state `EXPIRED`, of the vaults that could be read: due for deletion, which AWS Backup could not do. Unknown if the table could not be described.
    expired_point_count_seen: i64 = ["tables", "vaults", "recovery_points"],

    /// Backup jobs of this incarnation that finished in the last 30 days. Unknown if the jobs or the table could not be read.
    finished_backup_job_count: i64 = ["tables", "backup_jobs"],
    /// Of these, those that failed, were aborted, expired or ended partial. Unknown if the jobs or the table could not be read.
    failed_backup_job_count: i64 = ["tables", "backup_jobs"],
    /// Of these, those that completed with issues. Unknown if the jobs or the table could not be read.
    completed_with_issues_job_count: i64 = ["tables", "backup_jobs"],
    /// When the last failed job was created. Unknown if there is none, or the jobs could not be read.
    last_failed_backup_job_at: DateTime<Utc> = ["tables", "backup_jobs"],
    /// State and message of the last failed job; `none` if there is none. Unknown if the jobs could not be read.
    last_failed_backup_job_cause: String = ["tables", "backup_jobs"],
    /// When the last completed job was created. Unknown if there is none, or the jobs could not be read.
    last_completed_backup_job_at: DateTime<Utc> = ["tables", "backup_jobs"],
    /// No job failed without a later success. Unknown if the jobs or the table could not be read.
    backup_jobs_recovered: bool = ["tables", "backup_jobs"],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_says_when_it_is_unknown() {
        for fact in TABLE_FACTS {
            let plain = ["account_id", "region", "partition", "table_arn", "table_name"].contains(&fact.name);
            assert!(plain || fact.doc.contains("nknown"), "{}", fact.name);
        }
    }

    #[test]
    fn columns_have_the_types_of_the_dictionary() {
        let frame = TableFacts::to_frame(&[TableFacts::default()]).expect("a frame");
        assert_eq!(frame.width(), TABLE_FACTS.len());
        for (column, fact) in frame.columns().iter().zip(TABLE_FACTS) {
            assert_eq!(
                (column.name().as_str(), column.dtype()),
                (fact.name, &fact.kind.dtype())
            );
        }
    }
}
