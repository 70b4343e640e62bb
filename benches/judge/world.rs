//! An inventory of a large organisation: ten targets, five plans each, tables with thirty daily recovery points.

use std::collections::BTreeMap;
use std::path::Path;

use backproof::criteria::policy::Policy;
use backproof::inventory::Manifest;
use backproof::inventory::schema::{
    BackupJob, CallLogEntry, ContinuousBackup, CopyJob, Key, Plan, PlanRule, PlanVersion, RecoveryPoint, RegionSetting,
    RestoreJob, RestoreTestingPlan, RestoreTestingSelection, SCHEMA_VERSION, Selection, Table, TableTag, Target, Vault,
    VaultPolicy,
};
use backproof::inventory::store::{Writer, write_manifest};
use backproof::settings::Settings;
use chrono::{DateTime, TimeDelta, Utc};

const ACCOUNTS: [&str; 5] = [
    "111111111111",
    "222222222222",
    "333333333333",
    "444444444444",
    "555555555555",
];
const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];
const TIERS: [&str; 5] = ["gold", "silver", "bronze", "dev", "none"];
const POINTS: usize = 30;

/// Rows written at once.
const BATCH: usize = 8192;

type Outcome = Result<(), Box<dyn std::error::Error>>;

pub(crate) fn policy() -> Result<Policy, String> {
    let text = r#"
        [policy]
        rpo = "26h"
        [[policy.tier]]
        name = "gold"
        when = "tag('tier') = 'gold' OR table_name LIKE 'ledger-%'"
        rpo = "6h"
        retention-min = "90d"
        key-owner = "customer-managed"
        vault-lock = "compliance"
        copy-regions = ["eu-central-1"]
        [[policy.tier]]
        name = "silver"
        when = "tag('tier') = 'silver'"
        retention-min = "60d"
        vault-lock = "governance"
        [[policy.tier]]
        name = "bronze"
        when = "tag('tier') = 'bronze' AND table_size_bytes > 1000"
        [[policy.tier]]
        name = "large"
        when = "table_size_bytes > 900000000"
        restore-tested-within = "90d"
        [[policy.tier]]
        name = "dev"
        when = "tag('tier') = 'dev'"
        exempt = true
        reason = "made anew from seed data"
        approver = "head of platform"
        expires = "2027-06-30"
        max-tables = 100000
    "#;
    let settings = Settings::parse(text, "bench").map_err(|problems| format!("{problems:?}"))?;
    Ok(settings.policy)
}

fn as_of() -> DateTime<Utc> {
    DateTime::from_timestamp(1_793_534_400, 0).unwrap_or_default()
}

/// The target of a table.
fn place(table: usize) -> (&'static str, &'static str) {
    (ACCOUNTS[table % 5], REGIONS[table / 5 % 2])
}

fn name(table: usize) -> String {
    match table % 7 {
        0 => format!("ledger-{table}"),
        1 => format!("orders-{table}-prod"),
        2 => format!("app{}_sessions_{table}", table % 90),
        _ => format!("service{}-table-{table}", table % 400),
    }
}

fn arn(table: usize) -> String {
    let (account, region) = place(table);
    format!("arn:aws:dynamodb:{region}:{account}:table/{}", name(table))
}

fn vault_arn(account: &str, region: &str, vault: &str) -> String {
    format!("arn:aws:backup:{region}:{account}:backup-vault:{vault}")
}

fn key_arn(account: &str, region: &str) -> String {
    format!("arn:aws:kms:{region}:{account}:key/00000000-0000-4000-8000-{account}")
}

pub(crate) fn write(dir: &Path, count: usize) -> Outcome {
    let writer = Writer::create(dir);
    targets(&writer)?;
    let mut calls = Vec::new();
    for account in ACCOUNTS {
        for region in REGIONS {
            target(&writer, account, region, &mut calls)?;
        }
    }
    writer.push(&calls)?;
    tables(&writer, count)?;
    points(&writer, count)?;
    let frames: BTreeMap<String, u64> = writer.finish()?;
    let manifest = Manifest {
        schema_version: SCHEMA_VERSION,
        scan_id: "bench".to_owned(),
        as_of: as_of(),
        started_at: as_of(),
        finished_at: as_of(),
        caller_arn: "arn:aws:iam::111111111111:role/Audit".to_owned(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        regions_named: false,
        clock_skew_seconds: None,
        attempt_count: 0,
        frames,
    };
    write_manifest(dir, &manifest)?;
    Ok(())
}

fn targets(writer: &Writer) -> Outcome {
    for account in ACCOUNTS {
        for region in REGIONS {
            writer.push(&[Target {
                account_id: account.to_owned(),
                account_name: None,
                region: region.to_owned(),
                partition: "aws".to_owned(),
            }])?;
        }
    }
    writer.push::<CopyJob>(&[])?;
    writer.push::<RestoreJob>(&[])?;
    writer.push::<RestoreTestingPlan>(&[])?;
    writer.push::<RestoreTestingSelection>(&[])?;
    Ok(())
}

fn call(account: &str, region: &str, action: &str, resource: &str) -> CallLogEntry {
    CallLogEntry {
        account_id: account.to_owned(),
        region: region.to_owned(),
        action: action.to_owned(),
        resource: resource.to_owned(),
        outcome: "ok".to_owned(),
        error: None,
        page_count: 1,
        attempt_count: 1,
        started_at: as_of(),
        answered_at: None,
        duration_ms: 1,
        request_id: None,
    }
}

fn target(writer: &Writer, account: &str, region: &str, calls: &mut Vec<CallLogEntry>) -> Outcome {
    for action in [
        "dynamodb:ListTables",
        "tag:GetResources",
        "backup:DescribeRegionSettings",
        "backup:ListBackupPlans",
        "backup:ListBackupVaults",
        "backup:ListBackupJobs",
        "backup:ListCopyJobs",
        "backup:ListRestoreJobs",
        "backup:ListRestoreTestingPlans",
    ] {
        calls.push(call(account, region, action, ""));
    }
    writer.push(&[RegionSetting {
        account_id: account.to_owned(),
        region: region.to_owned(),
        dynamodb_opt_in: Some(true),
        dynamodb_advanced: Some(true),
    }])?;
    writer.push(&[Key {
        key_arn: key_arn(account, region),
        key_manager: Some("CUSTOMER".to_owned()),
        key_state: Some("Enabled".to_owned()),
        deletion_at: None,
    }])?;
    for vault in ["daily", "locked"] {
        calls.push(call(account, region, "backup:ListRecoveryPointsByBackupVault", vault));
        calls.push(call(account, region, "backup:GetBackupVaultAccessPolicy", vault));
        writer.push(&[Vault {
            account_id: account.to_owned(),
            region: region.to_owned(),
            vault_name: vault.to_owned(),
            vault_arn: Some(vault_arn(account, region, vault)),
            vault_type: Some("BACKUP_VAULT".to_owned()),
            key_arn: Some(key_arn(account, region)),
            recovery_point_count: None,
            locked: Some(vault == "locked"),
            lock_date: None,
            min_retention_days: None,
            max_retention_days: None,
            created_at: None,
        }])?;
        writer.push(&[VaultPolicy {
            account_id: account.to_owned(),
            region: region.to_owned(),
            vault_name: vault.to_owned(),
            policy: None,
        }])?;
    }
    for plan in 0..5 {
        self::plan(writer, account, region, plan, calls)?;
    }
    Ok(())
}

/// Selections of every form: by tag, by start of name, by wildcard with conditions, by list of ARNs, by inner wildcard.
fn plan(writer: &Writer, account: &str, region: &str, plan: usize, calls: &mut Vec<CallLogEntry>) -> Outcome {
    let plan_id = format!("{account}-{region}-plan-{plan}");
    for action in [
        "backup:GetBackupPlan",
        "backup:ListBackupPlanVersions",
        "backup:ListBackupSelections",
    ] {
        calls.push(call(account, region, action, &plan_id));
    }
    let long_ago = as_of() - TimeDelta::days(300);
    writer.push(&[Plan {
        account_id: account.to_owned(),
        region: region.to_owned(),
        plan_id: plan_id.clone(),
        plan_name: Some(format!("plan-{plan}")),
        version_id: Some("v1".to_owned()),
        created_at: Some(long_ago),
        last_execution_at: Some(as_of() - TimeDelta::hours(6)),
    }])?;
    writer.push(&[PlanVersion {
        account_id: account.to_owned(),
        region: region.to_owned(),
        plan_id: plan_id.clone(),
        version_id: Some("v1".to_owned()),
        created_at: Some(long_ago),
    }])?;
    for (rule, schedule) in ["cron(0 5 ? * * *)", "cron(0 3 ? * SUN *)"].into_iter().enumerate() {
        writer.push(&[PlanRule {
            account_id: account.to_owned(),
            region: region.to_owned(),
            plan_id: plan_id.clone(),
            rule_id: Some(format!("rule-{rule}")),
            rule_name: format!("rule-{rule}"),
            vault_name: if rule == 0 { "daily" } else { "locked" }.to_owned(),
            air_gapped_vault_arn: None,
            schedule: Some(schedule.to_owned()),
            schedule_time_zone: None,
            start_window_minutes: Some(60),
            completion_window_minutes: None,
            cold_after_days: None,
            delete_after_days: Some(35 + 55 * rule as i64),
            copy_actions_json: "[]".to_owned(),
        }])?;
    }
    let tag = |value: &str| format!(r#"[["STRINGEQUALS","tier","{value}"]]"#);
    let here = |rest: &str| format!(r#"["arn:aws:dynamodb:{region}:{account}:table/{rest}"]"#);
    let named: Vec<String> = (0..500).map(|table| arn(table * 10)).collect();
    let named = serde_json::to_string(&named)?;
    let prod = r#"[["StringEquals","aws:ResourceTag/stage","prod"]]"#.to_owned();
    let none = || "[]".to_owned();
    let (resources, tags, conditions) = match plan {
        0 => (none(), tag("gold"), none()),
        1 => (here("ledger-*"), none(), none()),
        2 => (r#"["arn:aws:dynamodb:*:*:table/*"]"#.to_owned(), none(), prod),
        3 => (named, none(), none()),
        _ => (here("app*_sessions_*"), tag("silver"), none()),
    };
    calls.push(call(
        account,
        region,
        "backup:GetBackupSelection",
        &format!("{plan_id} s"),
    ));
    writer.push(&[Selection {
        account_id: account.to_owned(),
        region: region.to_owned(),
        plan_id,
        selection_id: "s".to_owned(),
        selection_name: "selection".to_owned(),
        created_at: Some(long_ago),
        role_arn: Some(format!("arn:aws:iam::{account}:role/Backup")),
        resources_json: resources,
        not_resources_json: "[]".to_owned(),
        list_of_tags_json: tags,
        conditions_json: conditions,
    }])?;
    Ok(())
}

fn tables(writer: &Writer, count: usize) -> Outcome {
    for start in (0..count).step_by(BATCH) {
        let some = start..count.min(start + BATCH);
        let rows: Vec<Table> = some.clone().map(table).collect();
        writer.push(&rows)?;
        let tags: Vec<TableTag> = some.clone().flat_map(tags).collect();
        writer.push(&tags)?;
        let pitr = |table: usize| ContinuousBackup {
            table_arn: arn(table),
            pitr_status: Some(if table.is_multiple_of(3) { "ENABLED" } else { "DISABLED" }.to_owned()),
            earliest_restorable_at: None,
            latest_restorable_at: None,
            recovery_period_days: Some(35),
        };
        writer.push(&some.map(pitr).collect::<Vec<_>>())?;
    }
    Ok(())
}

fn table(table: usize) -> Table {
    let (account, region) = place(table);
    Table {
        account_id: account.to_owned(),
        region: region.to_owned(),
        table_name: name(table),
        table_arn: arn(table),
        description: "described".to_owned(),
        table_id: Some(format!("00000000-0000-4000-8000-{table:012}")),
        table_status: Some("ACTIVE".to_owned()),
        created_at: Some(as_of() - TimeDelta::days(200)),
        table_size_bytes: Some((table as i64 * 7919) % 1_000_000_000),
        item_count: Some(table as i64 % 100_000),
        billing_mode: Some("PAY_PER_REQUEST".to_owned()),
        table_class: None,
        sse_type: None,
        sse_status: None,
        sse_key_arn: None,
        deletion_protection: Some(!table.is_multiple_of(4)),
        replica_count: Some(0),
        archived_at: None,
        restored_at: None,
    }
}

fn tags(table: usize) -> Vec<TableTag> {
    let tag = |key: &str, value: String| TableTag {
        table_arn: arn(table),
        key: key.to_owned(),
        value,
    };
    vec![
        tag("tier", TIERS[table / 10 % 5].to_owned()),
        tag(
            "stage",
            if table.is_multiple_of(2) { "prod" } else { "test" }.to_owned(),
        ),
        tag("team", format!("team-{}", table % 60)),
    ]
}

/// By day, as a vault fills: each row names another table than the one before it.
fn points(writer: &Writer, count: usize) -> Outcome {
    for day in (0..POINTS).rev() {
        for start in (0..count).step_by(BATCH) {
            let some = start..count.min(start + BATCH);
            let rows: Vec<RecoveryPoint> = some.clone().map(|table| point(table, day)).collect();
            writer.push(&rows)?;
            if day == 0 {
                let jobs: Vec<BackupJob> = some.map(job).collect();
                writer.push(&jobs)?;
            }
        }
    }
    Ok(())
}

fn point(table: usize, day: usize) -> RecoveryPoint {
    let (account, region) = place(table);
    let created_at = as_of() - TimeDelta::days(day as i64) - TimeDelta::minutes(60 + (table % 60) as i64);
    // Scattered digits, so that ARNs compress as badly as real ones.
    let scatter = ((table * POINTS + day) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let again = scatter.wrapping_mul(0xd1b5_4a32_d192_ed03);
    let id = format!(
        "{:08x}-{:04x}-4000-8000-{:012x}",
        scatter >> 32,
        scatter & 0xffff,
        again >> 16
    );
    RecoveryPoint {
        account_id: account.to_owned(),
        region: region.to_owned(),
        vault_name: if day.is_multiple_of(7) { "locked" } else { "daily" }.to_owned(),
        recovery_point_arn: format!("arn:aws:backup:{region}:{account}:recovery-point:{id}"),
        resource_arn: Some(arn(table)),
        status: Some("COMPLETED".to_owned()),
        created_at: Some(created_at),
        started_at: None,
        completed_at: Some(created_at + TimeDelta::minutes(4)),
        cold_after_days: None,
        delete_after_days: Some(35),
        delete_after_event: None,
        cold_at: None,
        delete_at: Some(created_at + TimeDelta::days(35)),
        is_encrypted: Some(true),
        key_arn: Some(key_arn(account, region)),
        key_type: None,
        source_vault_arn: None,
        created_by_plan_id: Some(format!("{account}-{region}-plan-{}", table % 5)),
        created_by_rule_id: Some("rule-0".to_owned()),
        size_bytes: Some(1_000_000),
        last_restored_at: None,
    }
}

fn job(table: usize) -> BackupJob {
    let (account, region) = place(table);
    let created_at = as_of() - TimeDelta::hours(7);
    BackupJob {
        account_id: account.to_owned(),
        region: region.to_owned(),
        job_id: format!("job-{table}"),
        resource_arn: Some(arn(table)),
        state: Some(
            if table.is_multiple_of(50) {
                "FAILED"
            } else {
                "COMPLETED"
            }
            .to_owned(),
        ),
        status_message: None,
        message_category: Some("SUCCESS".to_owned()),
        created_at: Some(created_at),
        start_by: None,
        completed_at: Some(created_at + TimeDelta::minutes(4)),
        vault_name: Some("daily".to_owned()),
        recovery_point_arn: None,
        role_arn: None,
        created_by_plan_id: Some(format!("{account}-{region}-plan-{}", table % 5)),
        created_by_rule_id: Some("rule-0".to_owned()),
    }
}
