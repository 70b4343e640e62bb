//! Facts on one backup plan.

use chrono::{DateTime, Utc};

use super::{Text, facts};

facts! {
    /// Everything known of one backup plan. `None` means not known.
    PlanFacts, PLAN_FACTS, Plan:

    /// Account of the plan.
    account_id: Text = ["plans"],
    /// Region of the plan.
    region: Text = ["plans"],
    /// AWS's id of the plan.
    plan_id: Text = ["plans"],
    /// Name of the plan.
    plan_name: Text = ["plans"],
    /// It comes from a backup policy of AWS Organizations. Never unknown.
    is_organization_plan: bool = ["plans"],
    /// When the plan was created. Unknown if AWS left it out.
    created_at: DateTime<Utc> = ["plans"],
    /// Age of the plan at as_of, in hours. Unknown if AWS left its creation out.
    plan_age_hours: f64 = ["plans"],
    /// Last run of the plan. Unknown if it never ran, or AWS left it out.
    last_run_at: DateTime<Utc> = ["plans"] none if (has_run == false),
    /// The plan ran at least once: AWS says so, or a backup job or a recovery point of it does. Unknown if none says so and the jobs or a vault could not be read.
    has_run: bool = ["plans", "backup_jobs", "vaults", "recovery_points"],
    /// Rules of the plan. Unknown if the plan could not be read.
    rule_count: i64 = ["plans", "plan_rules"],
    /// Their schedules, each as AWS Backup keeps it and in words; `none` if there is none. Unknown if the plan could not be read.
    schedules: Text = ["plans", "plan_rules"],
    /// Every schedule is one that AWS Backup documents. Unknown if the plan could not be read.
    schedules_understood: bool = ["plans", "plan_rules"],
    /// Largest gap, in hours, between consecutive runs of its rules over 400 days. Unknown if the plan could not be read or a schedule is not understood.
    interval_hours: f64 = ["plans", "plan_rules"] none if (rule_count == 0),
    /// Longest retention, in days, that a rule promises; 36,500 stands for ever. Unknown if there is no rule or the plan could not be read.
    retention_days: i64 = ["plans", "plan_rules"] none if (rule_count == 0),
    /// A selection names DynamoDB tables in its Resources, or takes a table in another way. Unknown if a selection or the tables could not be read and none of the others does.
    is_for_dynamodb: bool = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "tables", "backup_jobs", "vaults", "recovery_points"],
    /// Selections of the plan. Unknown if they could not be listed.
    selection_count: i64 = ["plans", "selections"],
    /// Tables that the plan takes, by that of its selections that takes most. Unknown if tables, a selection, or what decides on one could not be read, or AWS leaves open whether one takes a table.
    table_count: i64 = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "tables", "backup_jobs", "vaults", "recovery_points"],
    /// Tables that the plan takes for certain, by that of its selections that takes most. Never unknown.
    table_count_seen: i64 = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "tables", "backup_jobs", "vaults", "recovery_points"],
    /// Selections that may take a table, each with one such table and why that is open; `none` if there is none. Never unknown.
    open_selections: Text = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "tables", "backup_jobs", "vaults", "recovery_points"],
    /// Selections that name DynamoDB tables in their Resources and take none; `none` if there is none. Unknown if a selection, tables, tags or settings could not be read.
    empty_selections: Text = ["plans", "plan_rules", "selections", "region_settings", "table_tags", "tables", "backup_jobs", "vaults", "recovery_points"],
    /// Vaults that its rules write to; `none` if there is none. Unknown if the plan could not be read.
    vaults: Text = ["plans", "plan_rules", "region_settings"],
    /// Vaults that its rules write to and that do not exist; `none` if all do. Unknown if the plan or the list of vaults could not be read, or the Region's settings for a rule with an air-gapped vault.
    missing_vaults: Text = ["plans", "plan_rules", "vaults", "region_settings"],
    /// Roles that its selections name; `none` if they name none. Unknown if a selection could not be read.
    roles: Text = ["plans", "selections"],
    /// What the last jobs of the plan that finished, one for each role that a selection names, said of their role or its permissions; `none` if they had no such trouble. AWS's category of a failed job decides, then its text. Unknown if no job of the plan finished in the last 30 days, if the jobs could not be read, or if one failed for a reason that is not known and none had trouble.
    role_trouble: Text = ["plans", "selections", "backup_jobs"],
    /// Failures of the last jobs of the plan that finished, one for each role, that do not say whether the role is to blame; `none` if there is none. Unknown if the jobs could not be read.
    role_doubt: Text = ["plans", "selections", "backup_jobs"],
    /// Rules whose retention lies outside what the lock of their vault lets in, so that their jobs fail; `none` if there is none. Unknown as missing_vaults.
    rules_outside_lock: Text = ["plans", "plan_rules", "vaults", "region_settings"],
}
