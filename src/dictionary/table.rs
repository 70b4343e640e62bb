//! Facts on one DynamoDB table.

use chrono::{DateTime, Utc};

use super::{Text, facts};

facts! {
    /// Everything known of one table. `None` means not known.
    TableFacts, TABLE_FACTS, Table:

    /// Account that owns the table.
    account_id: Text = ["tables"],
    /// Region of the table.
    region: Text = ["tables"],
    /// Partition of the table's ARN.
    partition: Text = ["tables"],
    /// ARN of the table.
    table_arn: Text = ["tables"],
    /// Name of the table.
    table_name: Text = ["tables"],
    /// AWS's id of this incarnation of the table; `none` for tables older than table ids. Unknown if the table could not be described.
    table_id: Text = ["tables"],
    /// When this incarnation of the table was created. Unknown if the table could not be described.
    created_at: DateTime<Utc> = ["tables"],
    /// Age of the table at as_of, in hours; of an archived table, at the instant it was archived. Unknown if the table could not be described.
    table_age_hours: f64 = ["tables"],
    /// State of the table, such as `ACTIVE`. Unknown if the table could not be described.
    table_status: Text = ["tables"],
    /// When an archived table was archived: its age and those of its points are taken at that instant. Unknown if it is not archived, or AWS does not say.
    archived_at: DateTime<Utc> = ["tables"] none if (table_status != "ARCHIVED"),
    /// DescribeTable gave the state `CREATING` or `DELETING`, so no rule judges the table. False if it could not be described. Never unknown.
    is_known_inactive: bool = ["tables"],
    /// A table that AWS restore testing made: it has the name of one, and a restore job made it or it is younger than 8 days. Unknown if it has the name, no restore job that was read made it, and the restore jobs or its age could not be read.
    is_restore_test: bool = ["tables", "restore_jobs"],
    /// Size of the table in bytes, refreshed by AWS about every six hours. Unknown if the table could not be described.
    table_size_bytes: i64 = ["tables"],
    /// Number of items, refreshed as the size. Unknown if the table could not be described.
    item_count: i64 = ["tables"],
    /// `PROVISIONED` or `PAY_PER_REQUEST`. Unknown if the table could not be described.
    billing_mode: Text = ["tables"],
    /// `STANDARD` or `STANDARD_INFREQUENT_ACCESS`. Unknown if the table could not be described.
    table_class: Text = ["tables"],
    /// Replicas of a global table in other Regions. Unknown if the table could not be described.
    replica_count: i64 = ["tables"],
    /// Tags as `key=value`, in order of key. Unknown if tags could not be read.
    tags: Text = ["table_tags"],
    /// Value of the tag `owner`, in any spelling of its case; `none` if there is none. Unknown if tags could not be read.
    owner: Text = ["table_tags"],
    /// Who owns the key that encrypts the table: `aws-owned`, `aws-managed` or `customer-managed`. Unknown if the table or its key could not be described.
    table_key_owner: Text = ["tables", "keys"],
    /// ARN of the key that encrypts the table; `none` for a key that AWS owns. Unknown if the table could not be described.
    table_key_arn: Text = ["tables"],
    /// State of that key, such as `Enabled`; `none` for a key that AWS owns. Unknown if the table or its key could not be described.
    table_key_state: Text = ["tables", "keys"],
    /// The table refuses to be deleted. Unknown if the table could not be described.
    deletion_protection_on: bool = ["tables"],
    /// Point-in-time recovery is on. Unknown if it could not be asked.
    pitr_on: bool = ["continuous_backups"],
    /// The earliest moment to which point-in-time recovery can go back. Unknown if it is off or could not be asked.
    pitr_earliest_at: DateTime<Utc> = ["continuous_backups"] none if (pitr_on == false),
    /// How many days point-in-time recovery can go back. Unknown if it is off or could not be asked.
    pitr_window_days: i64 = ["continuous_backups"] none if (pitr_on == false),

    /// AWS Backup is opted in for DynamoDB in this account and Region. Unknown if the settings could not be read.
    dynamodb_opted_in: bool = ["region_settings"],
    /// Advanced features for DynamoDB backups are on in this account and Region, which takes the opt-in too. Unknown if the settings could not be read.
    advanced_features_on: bool = ["region_settings"],
    /// A selection of a live backup plan takes the table. A recovery point that a live plan made in its latest run, or a job that it started then, settles what AWS's rules leave open. Unknown if they leave it open otherwise, or if a plan, a selection, tags or settings that decide could not be read.
    in_a_plan: bool = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "backup_jobs", "vaults", "recovery_points"],
    /// in_a_plan as a word: `protected`, `unprotected` or `uncertain`. Never unknown.
    plan_verdict: Text = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "backup_jobs", "vaults", "recovery_points"],
    /// Why: which clause of which selection takes the table, or why none does. Never unknown.
    plan_reason: Text = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "backup_jobs", "vaults", "recovery_points"],
    /// What excludes the table from the selection that would take it otherwise, and where that is changed; `none` if a plan takes it, or if of no selection that was read it shows. Unknown if in_a_plan is.
    plan_exclusion_seen: Text = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "backup_jobs", "vaults", "recovery_points"],
    /// Names of the plans that take the table for certain; `none` if none takes it. Unknown if none surely does, and one may or could not be read.
    plan_names: Text = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "backup_jobs", "vaults", "recovery_points"],
    /// Longest retention, in days, that a rule of the plans that take the table for certain promises, of the rules that could be read and that run: not one whose schedule is over, nor one that another rule always comes before; 36,500 stands for ever. Unknown if no such rule was read.
    plan_retention_days_seen: i64 = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "backup_jobs", "vaults", "recovery_points"] none if (in_a_plan == false),
    /// Longest retention, in days, that a rule of any plan that takes the table promises; 36,500 stands for ever. Unknown if a plan could not be read or may take the table.
    plan_retention_days: i64 = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "backup_jobs", "vaults", "recovery_points"] none if (in_a_plan == false),
    /// Longest retention, in days, that plans promise at most: as if every plan that may take the table did; 36,500 stands for ever. Unknown if a plan, its selections or its rules could not be read.
    plan_retention_days_at_most: i64 = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "backup_jobs", "vaults", "recovery_points"] none if (in_a_plan == false),
    /// Vaults that rules of the plans that take the table for certain write to; `none` if there is none. An air-gapped vault counts only while advanced features are on: without them AWS Backup leaves the point in the rule's ordinary vault. Unknown if no such rule was read.
    plan_vaults: Text = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "backup_jobs", "vaults", "recovery_points"],
    /// Selections that take the table for certain, as `plan/selection`; `none` if none takes it. Unknown as plan_names.
    plan_selections: Text = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "backup_jobs", "vaults", "recovery_points"],
    /// Schedules of the rules of the plans that take the table for certain, each as AWS Backup keeps it and in words; `none` if there is none. Unknown if no such rule was read.
    plan_schedules: Text = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "backup_jobs", "vaults", "recovery_points"],
    /// Largest gap, in hours, between consecutive runs over the next 400 days of all rules of the plans that take the table, overlapping rules of one plan counted once. Unknown if there is no such rule, if one has a schedule that is not understood, or if a plan could not be read or may take the table.
    plan_interval_hours: f64 = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "backup_jobs", "vaults", "recovery_points"] none if (in_a_plan == false),
    /// Largest gap, in hours, between runs of the plans that take the table for certain: others only make runs more frequent. A plan with a schedule that is not understood is left out. Unknown if no other has a rule that was read.
    plan_interval_hours_at_most: f64 = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "backup_jobs", "vaults", "recovery_points"] none if (in_a_plan == false),
    /// Least that the largest gap, in hours, between runs of the plans that take the table can be: as if every plan that may take it did, and no rule came before another. Unknown if a plan, its selections or its rules could not be read, or one has a schedule that is not understood.
    plan_interval_hours_at_least: f64 = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "backup_jobs", "vaults", "recovery_points"] none if (in_a_plan == false),
    /// Greatest age, in hours, that the newest recovery point reaches while every run succeeds: the largest gap between runs, the start window and the usual duration of the table's jobs, which is their median. Unknown as the interval, or if the jobs could not be read.
    plan_worst_age_hours: f64 = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "backup_jobs", "vaults", "recovery_points"] none if (in_a_plan == false),
    /// Last run of the plans that take the table. Unknown if none of them ran, or none takes it for certain.
    plan_last_run_at: DateTime<Utc> = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "backup_jobs", "vaults", "recovery_points"] none if (in_a_plan == false),
    /// When the first backup is to be there: the end of the start window of the first run after the table's creation, by the plans that take it for certain. Unknown if the table could not be described or has a usable recovery point, or if no such run is known.
    first_backup_due_at: DateTime<Utc> = ["tables", "plans", "plan_rules", "selections", "region_settings", "table_tags", "vaults", "recovery_points", "backup_jobs"] none if (in_a_plan == false) (usable_recovery_point_count_seen != 0),
    /// Strongest lock of a vault that rules of the plans that take the table for certain write to: `none`, `governance`, `compliance-in-grace` or `compliance`. Unknown if there is no such rule, or if a plan, the list of vaults or, for an air-gapped vault, the settings could not be read and the others have none.
    plan_vault_lock_kind: Text = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "vaults", "backup_jobs", "recovery_points"] none if (in_a_plan == false),
    /// A rule of a plan that takes the table writes to a locked vault. Unknown if there is no such rule, or if none is known to, and a plan, the list of vaults or, for an air-gapped vault, the settings could not be read or a plan may take the table.
    plan_vault_locked: bool = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "vaults", "backup_jobs", "recovery_points"] none if (in_a_plan == false),
    /// Longest minimum retention that the lock of a vault that a rule of a plan that takes the table writes to enforces; 0 if none does. Unknown if there is no such rule, if a plan, the list of vaults or, for an air-gapped vault, the settings could not be read, or if a plan may take the table.
    plan_vault_min_retention_days: i64 = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "vaults", "backup_jobs", "recovery_points"] none if (in_a_plan == false),
    /// A rule of a plan that takes the table copies to another Region. Unknown if a plan could not be read or may take the table and none of the others does.
    plan_copies_cross_region: bool = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "backup_jobs", "vaults", "recovery_points"],
    /// A rule of a plan that takes the table copies to another account. Unknown as plan_copies_cross_region.
    plan_copies_cross_account: bool = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "backup_jobs", "vaults", "recovery_points"],
    /// Other Regions that rules of the plans that take the table copy to; `none` if there is none. Unknown if a plan could not be read or may take the table.
    plan_copy_regions: Text = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "backup_jobs", "vaults", "recovery_points"],
    /// Other accounts that rules of the plans that take the table copy to; `none` if there is none. Unknown if a plan could not be read or may take the table.
    plan_copy_accounts: Text = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "backup_jobs", "vaults", "recovery_points"],

    /// Usable recovery points of this incarnation in this account and Region, of the vaults that could be read. Unknown if the table could not be described.
    usable_recovery_point_count_seen: i64 = ["tables", "vaults", "recovery_points"],
    /// Usable recovery points of this incarnation in this account and Region. Unknown if the table could not be described or a vault could not be read.
    usable_recovery_point_count: i64 = ["tables", "vaults", "recovery_points"],
    /// Date of the newest usable recovery point that could be read. Unknown if none was.
    newest_recovery_point_at: DateTime<Utc> = ["tables", "vaults", "recovery_points"] none if (usable_recovery_point_count == 0),
    /// Age at as_of, in hours, of the newest usable recovery point that could be read. Unknown if none was.
    newest_recovery_point_age_hours_seen: f64 = ["tables", "vaults", "recovery_points"] none if (usable_recovery_point_count == 0),
    /// Age at as_of, in hours, of the newest usable recovery point. Unknown if there is none, or a vault could not be read.
    newest_recovery_point_age_hours: f64 = ["tables", "vaults", "recovery_points"] none if (usable_recovery_point_count == 0),
    /// How many usable recovery points were seen and how old the newest is, in words. Unknown if the table could not be described.
    recovery_points_summary: Text = ["tables", "vaults", "recovery_points"],
    /// ARN of the newest usable recovery point that could be read; `none` if there is none. Unknown if none was read and a vault could not be read.
    newest_recovery_point_arn: Text = ["tables", "vaults", "recovery_points"],
    /// Vault that holds it; `none` if there is none. Unknown if none was read and a vault could not be read.
    newest_recovery_point_vault: Text = ["tables", "vaults", "recovery_points"],
    /// Owner of the key that it depends on: `unencrypted`, `aws-owned`, `aws-managed` or `customer-managed`; `none` if there is no point. Unknown if the key could not be described, or none was read and a vault could not be read.
    newest_recovery_point_key_owner: Text = ["tables", "vaults", "recovery_points", "native_backups", "keys"],
    /// How its retention is set: `days`, `forever`, or `source` for a copy that ends with its source; `none` if there is no point. Unknown if none was read and a vault could not be read.
    newest_retention_kind: Text = ["tables", "vaults", "recovery_points"],
    /// Date of the oldest usable recovery point that could be read. Unknown if none was.
    oldest_recovery_point_at: DateTime<Utc> = ["tables", "vaults", "recovery_points"] none if (usable_recovery_point_count == 0),
    /// Vaults that hold usable recovery points that could be read; `none` if there is none. Unknown if none was read and a vault could not be read.
    recovery_point_vaults: Text = ["tables", "vaults", "recovery_points"],
    /// Shortest retention, in days, among the usable recovery points that could be read; 36,500 stands for ever. Unknown if none was.
    shortest_retention_days_seen: i64 = ["tables", "vaults", "recovery_points"] none if (usable_recovery_point_count == 0),
    /// Shortest retention, in days, among all usable recovery points; 36,500 stands for ever. Unknown if there is none, if one does not say, or if a vault could not be read.
    shortest_retention_days: i64 = ["tables", "vaults", "recovery_points"] none if (usable_recovery_point_count == 0),
    /// Longest retention, in days, among the usable recovery points that could be read; 36,500 stands for ever. Unknown if none was.
    longest_retention_days_seen: i64 = ["tables", "vaults", "recovery_points"] none if (usable_recovery_point_count == 0),
    /// Longest retention, in days, among all usable recovery points; 36,500 stands for ever. Unknown if there is none, if one does not say, or if a vault could not be read.
    longest_retention_days: i64 = ["tables", "vaults", "recovery_points"] none if (usable_recovery_point_count == 0),
    /// Usable recovery points in cold storage, of the vaults that could be read. Unknown if the table could not be described.
    cold_point_count_seen: i64 = ["tables", "vaults", "recovery_points"],
    /// Every usable recovery point is encrypted. Unknown if there is none, if one does not say, or if a vault could not be read and none of the others is unencrypted.
    recovery_points_encrypted: bool = ["tables", "vaults", "recovery_points"] none if (usable_recovery_point_count == 0),
    /// Weakest owner of a key among the usable recovery points whose keys could be read: `unencrypted`, `aws-owned`, `aws-managed` or `customer-managed`. Unknown if none could.
    weakest_key_owner: Text = ["tables", "vaults", "recovery_points", "native_backups", "keys"] none if (usable_recovery_point_count == 0),
    /// weakest_key_owner as a number among the keys that could be read: -1 unencrypted, 0 aws-owned, 1 aws-managed, 2 customer-managed. Unknown if no key could be read.
    weakest_key_owner_rank_seen: i64 = ["tables", "vaults", "recovery_points", "native_backups", "keys"] none if (usable_recovery_point_count == 0),
    /// weakest_key_owner as a number, from -1 to 2, over all usable recovery points. Unknown if a key or a vault could not be read.
    weakest_key_owner_rank: i64 = ["tables", "vaults", "recovery_points", "native_backups", "keys"] none if (usable_recovery_point_count == 0),
    /// Every key that usable recovery points depend on works (is enabled, or AWS owns it). Unknown if there is no point, or if a key or a vault could not be read and none of the others is broken.
    recovery_point_keys_usable: bool = ["tables", "vaults", "recovery_points", "native_backups", "keys"] none if (usable_recovery_point_count == 0),
    /// The keys of usable recovery points that do not work, with their state; `none` if all work. Unknown if none of them is seen to be broken, and a key or a vault could not be read.
    unusable_keys: Text = ["tables", "vaults", "recovery_points", "native_backups", "keys"],
    /// At least one usable recovery point lies in a locked vault. Unknown if none was seen there and a vault could not be read.
    is_in_locked_vault: bool = ["tables", "vaults", "recovery_points"],
    /// Strongest lock of a vault that holds a usable recovery point: `none`, `governance`, `compliance-in-grace` or `compliance`. Unknown if a vault could not be read and the others have none.
    vault_lock_kind: Text = ["tables", "vaults", "recovery_points"],
    /// vault_lock_kind as a number among the vaults that could be read: 0 none, 1 governance, 2 compliance in grace, 3 compliance. Unknown if no usable recovery point was seen.
    vault_lock_rank_seen: i64 = ["tables", "vaults", "recovery_points"] none if (usable_recovery_point_count == 0),
    /// vault_lock_kind as a number, from 0 to 3, over all vaults. Unknown if there is no usable recovery point or a vault could not be read.
    vault_lock_rank: i64 = ["tables", "vaults", "recovery_points"] none if (usable_recovery_point_count == 0),
    /// When the last compliance lock in grace of a vault that holds a usable recovery point becomes final. Unknown if none is in grace.
    vault_lock_grace_until: DateTime<Utc> = ["tables", "vaults", "recovery_points"] none if (usable_recovery_point_count == 0) (vault_lock_rank is known),
    /// Age at as_of, in hours, of the newest usable recovery point in a logically air-gapped vault that could be read. Unknown if none was.
    air_gapped_point_age_hours_seen: f64 = ["tables", "vaults", "recovery_points"] none if (air_gapped_point_count == 0),
    /// Age at as_of, in hours, of the newest usable recovery point in a logically air-gapped vault, over all vaults. Unknown if there is none, or a vault could not be read.
    air_gapped_point_age_hours: f64 = ["tables", "vaults", "recovery_points"] none if (air_gapped_point_count == 0),
    /// Usable recovery points in logically air-gapped vaults that could be read. Unknown if the table could not be described.
    air_gapped_point_count_seen: i64 = ["tables", "vaults", "recovery_points"],
    /// Usable recovery points in logically air-gapped vaults. Unknown if the table could not be described or a vault could not be read.
    air_gapped_point_count: i64 = ["tables", "vaults", "recovery_points"],
    /// The access policy of every vault that holds a usable recovery point denies to delete points, to change their lifecycle, and to replace or delete the policy. Unknown if there is no point, or if a policy or a vault could not be read or understood and none of the others is open.
    manual_deletion_denied: bool = ["tables", "vaults", "recovery_points", "vault_policies"] none if (usable_recovery_point_count == 0),
    /// Vaults with usable recovery points whose policy does not deny manual deletion, or not for certain; `none` if every one denies it. Unknown if none is seen to be open, and a policy or a vault could not be read.
    vaults_open_to_deletion: Text = ["tables", "vaults", "recovery_points", "vault_policies"],
    /// Why the policy of each vault in vaults_open_to_deletion does not deny it, or not for certain; `none` if every one denies it. Unknown as vaults_open_to_deletion.
    manual_deletion_reason: Text = ["tables", "vaults", "recovery_points", "vault_policies"],
    /// Recovery points of an earlier table of the same name, of the vaults that could be read; they prove nothing of this one. Unknown if the table could not be described.
    previous_incarnation_point_count_seen: i64 = ["tables", "vaults", "recovery_points"],
    /// Recovery points of an earlier table of the same name, over all vaults. Unknown if the table could not be described or a vault could not be read.
    previous_incarnation_point_count: i64 = ["tables", "vaults", "recovery_points"],
    /// Recovery points in state `EXPIRED`, of the vaults that could be read: due for deletion, which AWS Backup could not do. Unknown if the table could not be described.
    expired_point_count_seen: i64 = ["tables", "vaults", "recovery_points"],
    /// Recovery points that AWS Backup should have deleted more than 24 hours ago and still lists, in whatever state, or that are in state `EXPIRED`, of the vaults that could be read. Unknown if the table could not be described.
    overdue_point_count_seen: i64 = ["tables", "vaults", "recovery_points"],
    /// Recovery points as in overdue_point_count_seen, over all vaults. Unknown if the table could not be described or a vault could not be read.
    overdue_point_count: i64 = ["tables", "vaults", "recovery_points"],
    /// Recovery points that vanish once they have been copied, of the vaults that could be read; never counted as usable. Unknown if the table could not be described.
    temporary_point_count_seen: i64 = ["tables", "vaults", "recovery_points"],
    /// Recovery points that do not count, by reason, such as `2 EXPIRED, 1 temporary`; `none` if every one counts. Unknown if the table could not be described, or if none such was seen and a vault could not be read.
    unusable_points: Text = ["tables", "vaults", "recovery_points"],

    /// Other Regions in which usable copies were seen; `none` if there is none. Unknown if the table could not be described.
    copy_regions_seen: Text = ["tables", "vaults", "recovery_points"],
    /// Other accounts in which usable copies were seen; `none` if there is none. Unknown if the table could not be described.
    copy_accounts_seen: Text = ["tables", "vaults", "recovery_points"],
    /// Where usable copies were seen in other accounts and Regions, each with the age of the data of the newest one; `none` if there is none. Unknown if the table could not be described.
    newest_copies_seen: Text = ["tables", "vaults", "recovery_points"],
    /// Age at as_of, in hours, of the data of the newest copy that was seen in another Region. Unknown if none was.
    cross_region_copy_age_hours_seen: f64 = ["tables", "vaults", "recovery_points"] none if (copy_regions_seen == "none"),
    /// Age at as_of, in hours, of the data of the newest copy that was seen in another account. Unknown if none was.
    cross_account_copy_age_hours_seen: f64 = ["tables", "vaults", "recovery_points"] none if (copy_accounts_seen == "none"),
    /// Weakest owner of a key among the copies elsewhere whose keys could be read, as for recovery points. Unknown if no copy was seen, or if none could be read.
    copy_weakest_key_owner: Text = ["tables", "vaults", "recovery_points", "keys"] none if (newest_copies_seen == "none"),
    /// Every key that the copies seen elsewhere depend on works (is enabled, or AWS owns it). Unknown if no copy was seen, or if a key could not be read and none of the others is broken.
    copy_keys_usable_seen: bool = ["tables", "vaults", "recovery_points", "keys"] none if (newest_copies_seen == "none"),
    /// The keys of copies seen elsewhere that do not work, with their state; `none` if all work. Unknown if no copy was seen, or if none is seen to be broken and the state of a key is not known.
    copy_unusable_keys: Text = ["tables", "vaults", "recovery_points", "keys"] none if (newest_copies_seen == "none"),
    /// Copy jobs of this incarnation that finished in the last 30 days. Unknown if the jobs or the table could not be read.
    finished_copy_job_count: i64 = ["tables", "copy_jobs"],
    /// Of the jobs of finished_copy_job_count, those that failed or ended partial. Unknown if the jobs or the table could not be read.
    failed_copy_job_count: i64 = ["tables", "copy_jobs"],
    /// State, destination and message of the last failed copy job; `none` if there is none. Unknown if the jobs could not be read.
    last_failed_copy_job_cause: Text = ["tables", "copy_jobs"],
    /// No copy job to a vault failed without a later success to the same vault. Unknown if the jobs or the table could not be read.
    copy_jobs_recovered: bool = ["tables", "copy_jobs"],

    /// Days before as_of that the facts on gaps look at (`policy.window`). Never unknown.
    window_days: i64 = [],
    /// Longest time, in hours, that may have passed without a new usable recovery point inside the window and the life of the table, by what could be read. A backup job that completed counts where its point is not listed any more: as a point of some moment between its creation and its end. More evidence can only shorten it. Unknown if the table could not be described.
    longest_gap_hours_seen: f64 = ["tables", "vaults", "recovery_points", "backup_jobs"],
    /// Longest time, in hours, that passed for certain without a new usable recovery point inside the window and the life of the table: every vault and the jobs were read, no job was under way, and AWS Backup's memory of jobs, 29 days, reaches so far. More evidence can only lengthen it. Unknown if the table could not be described.
    longest_gap_hours_sure: f64 = ["tables", "vaults", "recovery_points", "backup_jobs"],
    /// Longest time, in hours, without a new usable recovery point inside the window and the life of the table, where it is known to the second. Unknown if longest_gap_hours_seen and longest_gap_hours_sure differ, or the table could not be described.
    longest_gap_hours: f64 = ["tables", "vaults", "recovery_points", "backup_jobs"],
    /// When the gap of longest_gap_hours_seen began. Unknown as longest_gap_hours_seen.
    longest_gap_from_at: DateTime<Utc> = ["tables", "vaults", "recovery_points", "backup_jobs"],
    /// Whole UTC days of the window and the life of the table on which surely no usable recovery point was made. Unknown if the table could not be described, a vault or the jobs could not be read, or the window is longer than AWS Backup's memory of jobs.
    days_without_point: i64 = ["tables", "vaults", "recovery_points", "backup_jobs"],
    /// Runs that the schedules in force asked for since the plan's selection, the plan and the table all existed, at most 29 days back, start windows still open left out. Unknown as plan_interval_hours, or if the table could not be described.
    expected_run_count: i64 = ["tables", "plans", "plan_rules", "plan_versions", "selections", "region_settings", "table_tags", "backup_jobs", "vaults", "recovery_points"] none if (in_a_plan == false),
    /// Of the runs of expected_run_count, those for which surely no backup job was started. A job that does not say who started it may be any run's. Unknown as expected_run_count, or if the jobs could not be read.
    missed_run_count_sure: i64 = ["tables", "plans", "plan_rules", "plan_versions", "selections", "region_settings", "table_tags", "backup_jobs", "recovery_points", "vaults"] none if (in_a_plan == false),
    /// Runs as in missed_run_count_sure, where no job leaves open who started it. Unknown as missed_run_count_sure, or if a job does.
    missed_run_count: i64 = ["tables", "plans", "plan_rules", "plan_versions", "selections", "region_settings", "table_tags", "backup_jobs", "recovery_points", "vaults"] none if (in_a_plan == false),
    /// Jobs that do not say who started them and may be those of a run that shows no other; `none` if there is none. Unknown as missed_run_count_sure.
    jobs_of_nobody: Text = ["tables", "plans", "plan_rules", "plan_versions", "selections", "region_settings", "table_tags", "backup_jobs", "recovery_points", "vaults"] none if (in_a_plan == false),
    /// When the last run was due that surely was missed. Unknown if there is none.
    last_missed_run_at: DateTime<Utc> = ["tables", "plans", "plan_rules", "plan_versions", "selections", "region_settings", "table_tags", "backup_jobs", "recovery_points", "vaults"] none if (in_a_plan == false) (missed_run_count == 0),

    /// Backup jobs of this incarnation that finished in the last 30 days. Unknown if the jobs or the table could not be read.
    finished_backup_job_count: i64 = ["tables", "backup_jobs"],
    /// Of the jobs of finished_backup_job_count, those that failed, were aborted, expired or ended partial. Unknown if the jobs or the table could not be read.
    failed_backup_job_count: i64 = ["tables", "backup_jobs"],
    /// Of the jobs of failed_backup_job_count, those that were aborted. Unknown if the jobs or the table could not be read.
    aborted_backup_job_count: i64 = ["tables", "backup_jobs"],
    /// Of the jobs of failed_backup_job_count, those that expired before they could start or finish. Unknown if the jobs or the table could not be read.
    expired_backup_job_count: i64 = ["tables", "backup_jobs"],
    /// Of the jobs of finished_backup_job_count, those that completed with issues. Unknown if the jobs or the table could not be read.
    completed_with_issues_job_count: i64 = ["tables", "backup_jobs"],
    /// State and message of the first failed job of the last 30 days; `none` if there is none. Unknown if the jobs could not be read.
    first_failed_backup_job_cause: Text = ["tables", "backup_jobs"],
    /// When the last failed job was created. Unknown if there is none, or the jobs could not be read.
    last_failed_backup_job_at: DateTime<Utc> = ["tables", "backup_jobs"] none if (failed_backup_job_count == 0),
    /// State and message of the last failed job; `none` if there is none. Unknown if the jobs could not be read.
    last_failed_backup_job_cause: Text = ["tables", "backup_jobs"],
    /// When the last completed job was created. Unknown if there is none, or the jobs could not be read.
    last_completed_backup_job_at: DateTime<Utc> = ["tables", "backup_jobs"] none if (finished_backup_job_count is known),
    /// No job failed without a later success. Unknown if the jobs or the table could not be read.
    backup_jobs_recovered: bool = ["tables", "backup_jobs"],

    /// How the last restore of a recovery point of the table ended, as far back as AWS remembers or drills tell: `succeeded`, `failed`, `not-tested` (none was seen; one that was stopped, or could not begin, is none), or `forgotten`: the last one is older than the 30 days for which AWS keeps restore jobs, and a recovery point remembers its date, and not how it ended. A drill counts as its restore job does, and for longer; one that brought back something else failed. Unknown if the table could not be described or restore jobs or a drill could not be read, or if no restore was seen and a vault could not be read.
    restore_outcome: Text = ["tables", "vaults", "recovery_points", "restore_jobs"],
    /// A restore of a recovery point of the table succeeded, as far back as AWS remembers or drills tell; one whose validation failed did not, nor a drill that brought back something else. Unknown if none was seen and restore jobs, a drill or a vault could not be read, or there was one that is older than the 30 days for which AWS keeps restore jobs.
    restore_succeeded: bool = ["tables", "vaults", "recovery_points", "restore_jobs"],
    /// When a recovery point of the table was last restored, however that ended. Unknown if no restore was seen.
    last_restore_seen_at: DateTime<Utc> = ["tables", "vaults", "recovery_points", "restore_jobs"] none if (restore_outcome == "not-tested"),
    /// When the last restore that succeeded was made. Unknown if none was seen.
    last_restore_at: DateTime<Utc> = ["tables", "vaults", "recovery_points", "restore_jobs"] none if (restore_succeeded == false),
    /// How long ago, in days, the last restore that succeeded was made. Unknown if none was seen.
    last_restore_age_days_seen: f64 = ["tables", "vaults", "recovery_points", "restore_jobs"] none if (restore_succeeded == false),
    /// How long ago, in days, the last restore that succeeded was made, over all evidence. Unknown if there was none, restore jobs, a drill or a vault could not be read, or a later one is older than AWS keeps restore jobs.
    last_restore_age_days: f64 = ["tables", "vaults", "recovery_points", "restore_jobs"] none if (restore_succeeded == false),
    /// How long the last restore that succeeded took, in minutes, from the creation of the job to its completion; of a drill, from the order to the last index ACTIVE. Unknown if AWS remembers no such job, and no drill tells of it.
    last_restore_minutes: f64 = ["tables", "restore_jobs"] none if (restore_succeeded == false),
    /// What the validation of the last restore that succeeded said, in AWS's word; of a drill, its verdict; `none` if none was put. Unknown if AWS remembers no such job, and no drill tells of it.
    last_restore_validation: Text = ["tables", "restore_jobs"] none if (restore_succeeded == false),
    /// Message of the last restore or drill that failed; `none` if there is none. Unknown if restore jobs or a drill could not be read.
    last_failed_restore_cause: Text = ["tables", "restore_jobs"],
    /// What told of the last restore that succeeded: `drill`, `restore-testing` (AWS's own), `restore-job`, or `recovery-point`, which remembers its date alone; `none` if none was seen. Unknown as restore_succeeded.
    last_restore_by: Text = ["tables", "vaults", "recovery_points", "restore_jobs"],
    /// What the last drill of the table that counts showed: `failed`, `different`, `not-tested`, `not-comparable`, `sample-equal`, `equal-but-for-changes` or `identical`; `none` if none counts. Unknown if the table could not be described, or a drill could not be read.
    last_drill_verdict: Text = ["tables", "drills"],
    /// When that drill was made. Unknown as last_drill_verdict.
    last_drill_at: DateTime<Utc> = ["tables", "drills"] none if (last_drill_verdict == "none"),
    /// How long ago, in days, that drill was made. Unknown as last_drill_verdict.
    last_drill_age_days: f64 = ["tables", "drills"] none if (last_drill_verdict == "none"),
    /// Restore testing plans that cover the table; `none` if there is none. Unknown if none does for certain and a vault or a testing plan could not be read, or one may cover it.
    restore_testing_plans: Text = ["tables", "vaults", "recovery_points", "restore_testing_plans", "restore_testing_selections"],
    /// A restore testing plan covers the table. Unknown as restore_testing_plans.
    restore_testing_planned: bool = ["tables", "vaults", "recovery_points", "restore_testing_plans", "restore_testing_selections"],
}
