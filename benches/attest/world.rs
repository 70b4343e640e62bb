//! Packs of an organisation over a year: ten targets with one daily plan each, points kept for 35 days, failures and gaps.
//!
//! Packs are written by the library, without a server. The first is sealed as a scan seals its own; of the others the manifest
//! says the same, as the same tables are listed, so that they need not be judged.

use std::path::Path;

use backproof::criteria::Criteria;
use backproof::criteria::files::files;
use backproof::criteria::policy::Policy;
use backproof::criteria::rules::RuleSet;
use backproof::criteria::waivers::Waivers;
use backproof::digest;
use backproof::inventory::Manifest as Collected;
use backproof::inventory::schema::{
    BackupJob, CallLogEntry, ContinuousBackup, CopyJob, Key, NativeBackup, Plan, PlanRule, PlanVersion, RecoveryPoint,
    RegionSetting, RestoreJob, RestoreTestingPlan, RestoreTestingSelection, SCHEMA_VERSION, Selection, Table, TableTag,
    Target, Vault, VaultPolicy,
};
use backproof::inventory::store;
use backproof::pack::manifest::{Coverage, FileEntry, Totals};
use backproof::pack::{Manifest, seal};
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

/// Rows written at once.
const BATCH: usize = 8192;

/// Days for which points are kept.
const KEPT: usize = 35;

/// Days of which a pack lists jobs.
const JOBS: usize = 30;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// The year begins here.
pub(crate) fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600, 0).unwrap_or_default()
}

fn at(day: usize, minutes: usize) -> DateTime<Utc> {
    start() + TimeDelta::days(day as i64) + TimeDelta::minutes(minutes as i64)
}

fn place(table: usize) -> (&'static str, &'static str) {
    (ACCOUNTS[table % 5], REGIONS[table / 5 % 2])
}

fn name(table: usize) -> String {
    format!("service{}-table-{table}", table % 400)
}

fn arn(table: usize) -> String {
    let (account, region) = place(table);
    format!("arn:aws:dynamodb:{region}:{account}:table/{}", name(table))
}

/// Was the table backed up that day? One in ten misses some, each in days of its own.
fn is_made(table: usize, day: usize) -> bool {
    !(table.is_multiple_of(10) && (day + table / 10) % 90 < 3)
}

/// One pack for each so many days, the last one after the year.
pub(crate) fn write(dir: &Path, tables: usize, packs: usize, days: usize) -> Outcome {
    let mut first: Option<Manifest> = None;
    for pack in 0..packs {
        let day = (pack + 1) * days / packs;
        let place = dir.join(format!("pack-{pack:02}"));
        inventory(&place.join("inventory"), tables, (pack, day))?;
        let manifest = match &first {
            None => sealed(&place)?,
            Some(first) => like(&place, first, (pack, day))?,
        };
        first.get_or_insert(manifest);
    }
    Ok(())
}

fn criteria() -> Result<Criteria, String> {
    let text = "[policy]\nrpo = \"26h\"\nretention-min = \"30d\"\n\
                [[policy.tier]]\nname = \"gold\"\nwhen = \"tag('tier') = 'gold'\"\nrpo = \"25h\"\n";
    let settings = Settings::parse(text, "bench").map_err(|problems| format!("{problems:?}"))?;
    let mut rules = RuleSet::load(None, &[]).map_err(|problems| format!("{problems:?}"))?;
    // What is attested rests on no rule.
    rules.0.retain(|rule| *rule.id == *"in-a-plan");
    let policy: Policy = settings.policy;
    Ok(Criteria {
        rules,
        policy,
        waivers: Waivers(Vec::new()),
        frameworks: Vec::new(),
        baseline: None,
        changes: Vec::new(),
    })
}

fn write_criteria(dir: &Path) -> Outcome {
    for (name, text) in files(&criteria()?) {
        let path = dir.join("criteria").join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(dir))?;
        std::fs::write(path, text)?;
    }
    Ok(())
}

/// Judged and sealed, from a manifest that says nothing yet.
fn sealed(dir: &Path) -> Result<Manifest, Box<dyn std::error::Error>> {
    write_criteria(dir)?;
    let empty = Manifest {
        schema_version: backproof::pack::manifest::SCHEMA_VERSION,
        scan_id: scan_id(0),
        sequence: None,
        previous: None,
        sealed_at: None,
        signed_by: Vec::new(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        binary_sha256: None,
        command_line: vec!["backproof".to_owned(), "scan".to_owned()],
        caller_arn: CALLER.to_owned(),
        accounts: Vec::new(),
        regions: Vec::new(),
        is_redacted: false,
        as_of: start(),
        started_at: start(),
        finished_at: start(),
        clock_skew_seconds: None,
        evidence_digest: String::new(),
        rules_digest: String::new(),
        policy_digest: String::new(),
        totals: Totals::default(),
        coverage: Coverage::default(),
        files: Vec::new(),
    };
    seal::write_manifest(dir, &empty).map_err(|problem| problem.to_string())?;
    Ok(seal::anew(dir).map_err(|problems| format!("{problems:?}"))?)
}

/// The same manifest for another inventory of the same tables. Its findings are those of the first.
fn like(dir: &Path, first: &Manifest, (pack, day): (usize, usize)) -> Result<Manifest, Box<dyn std::error::Error>> {
    write_criteria(dir)?;
    let findings = "findings.parquet";
    let of_first = dir.parent().unwrap_or(dir).join("pack-00").join(findings);
    std::fs::hard_link(of_first, dir.join(findings))?;
    let mut manifest = first.clone();
    manifest.scan_id = scan_id(pack);
    (manifest.as_of, manifest.started_at, manifest.finished_at) = (noon(day), noon(day), noon(day));
    manifest.files.clear();
    for path in seal::list(dir)? {
        let (size, sha256) = digest::of_file(&dir.join(&path))?;
        manifest.files.push(FileEntry { path, size, sha256 });
    }
    manifest.evidence_digest = seal::digest_below(&manifest.files, &["criteria", "inventory"]);
    seal::write_manifest(dir, &manifest).map_err(|problem| problem.to_string())?;
    Ok(manifest)
}

const CALLER: &str = "arn:aws:iam::111111111111:role/Audit";

fn scan_id(pack: usize) -> String {
    format!("{pack:064x}")
}

fn noon(day: usize) -> DateTime<Utc> {
    at(day, 12 * 60)
}

fn inventory(dir: &Path, tables: usize, (pack, day): (usize, usize)) -> Outcome {
    std::fs::create_dir_all(dir)?;
    let writer = store::Writer::create(dir);
    let mut calls = Vec::new();
    for account in ACCOUNTS {
        for region in REGIONS {
            target(&writer, (account, region), day, &mut calls)?;
        }
    }
    writer.push(&calls)?;
    writer.push::<CopyJob>(&[])?;
    writer.push::<RestoreJob>(&[])?;
    writer.push::<RestoreTestingPlan>(&[])?;
    writer.push::<RestoreTestingSelection>(&[])?;
    writer.push::<NativeBackup>(&[])?;
    writer.push::<ContinuousBackup>(&[])?;
    for start in (0..tables).step_by(BATCH) {
        let some = start..tables.min(start + BATCH);
        writer.push(&some.clone().map(table).collect::<Vec<_>>())?;
        writer.push(&some.map(tag).collect::<Vec<_>>())?;
    }
    for of_day in day.saturating_sub(KEPT)..=day {
        for start in (0..tables).step_by(BATCH) {
            let made = || (start..tables.min(start + BATCH)).filter(|table| is_made(*table, of_day));
            writer.push(&made().map(|table| point(table, of_day)).collect::<Vec<_>>())?;
            if day - of_day < JOBS {
                let all = start..tables.min(start + BATCH);
                writer.push(&all.map(|table| job(table, of_day)).collect::<Vec<_>>())?;
            }
        }
    }
    let frames = writer.finish()?;
    store::write_manifest(
        dir,
        &Collected {
            schema_version: SCHEMA_VERSION,
            scan_id: scan_id(pack),
            as_of: noon(day),
            started_at: noon(day),
            finished_at: noon(day),
            caller_arn: CALLER.to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            regions_named: true,
            clock_skew_seconds: None,
            attempt_count: calls.len() as u64,
            frames,
        },
    )?;
    Ok(())
}

fn call((account, region): (&str, &str), day: usize, action: &str, resource: &str) -> CallLogEntry {
    CallLogEntry {
        account_id: account.to_owned(),
        region: region.to_owned(),
        action: action.to_owned(),
        resource: resource.to_owned(),
        outcome: "ok".to_owned(),
        error: None,
        page_count: 1,
        attempt_count: 1,
        started_at: noon(day),
        answered_at: None,
        duration_ms: 1,
        request_id: None,
    }
}

fn target(writer: &store::Writer, place: (&str, &str), day: usize, calls: &mut Vec<CallLogEntry>) -> Outcome {
    let (account_id, region) = (place.0.to_owned(), place.1.to_owned());
    let plan_id = format!("{account_id}-{region}-plan");
    for (action, resource) in [
        ("dynamodb:ListTables", ""),
        ("tag:GetResources", ""),
        ("backup:DescribeRegionSettings", ""),
        ("backup:ListBackupPlans", ""),
        ("backup:ListBackupVaults", ""),
        ("backup:ListBackupJobs", ""),
        ("backup:ListCopyJobs", ""),
        ("backup:ListRestoreJobs", ""),
        ("backup:ListRestoreTestingPlans", ""),
        ("backup:ListRecoveryPointsByBackupVault", "daily"),
        ("backup:GetBackupVaultAccessPolicy", "daily"),
        ("backup:GetBackupPlan", &plan_id),
        ("backup:ListBackupPlanVersions", &plan_id),
        ("backup:ListBackupSelections", &plan_id),
        ("backup:GetBackupSelection", &format!("{plan_id} s")),
    ] {
        calls.push(call(place, day, action, resource));
    }
    let long_ago = start() - TimeDelta::days(300);
    writer.push(&[Target {
        account_id: account_id.clone(),
        account_name: None,
        region: region.clone(),
        partition: "aws".to_owned(),
    }])?;
    writer.push(&[RegionSetting {
        account_id: account_id.clone(),
        region: region.clone(),
        dynamodb_opt_in: Some(true),
        dynamodb_advanced: Some(true),
    }])?;
    writer.push(&[Key {
        key_arn: key(place),
        key_manager: Some("CUSTOMER".to_owned()),
        key_state: Some("Enabled".to_owned()),
        deletion_at: None,
    }])?;
    writer.push(&[Vault {
        account_id: account_id.clone(),
        region: region.clone(),
        vault_name: "daily".to_owned(),
        vault_arn: Some(format!("arn:aws:backup:{region}:{account_id}:backup-vault:daily")),
        vault_type: Some("BACKUP_VAULT".to_owned()),
        key_arn: Some(key(place)),
        recovery_point_count: None,
        locked: Some(false),
        lock_date: None,
        min_retention_days: None,
        max_retention_days: None,
        created_at: None,
    }])?;
    writer.push(&[VaultPolicy {
        account_id: account_id.clone(),
        region: region.clone(),
        vault_name: "daily".to_owned(),
        policy: None,
    }])?;
    writer.push(&[Plan {
        account_id: account_id.clone(),
        region: region.clone(),
        plan_id: plan_id.clone(),
        plan_name: Some("daily".to_owned()),
        version_id: Some("v1".to_owned()),
        created_at: Some(long_ago),
        last_execution_at: Some(noon(day) - TimeDelta::hours(7)),
    }])?;
    writer.push(&[PlanVersion {
        account_id: account_id.clone(),
        region: region.clone(),
        plan_id: plan_id.clone(),
        version_id: Some("v1".to_owned()),
        created_at: Some(long_ago),
    }])?;
    writer.push(&[PlanRule {
        account_id: account_id.clone(),
        region: region.clone(),
        plan_id: plan_id.clone(),
        rule_id: Some("rule".to_owned()),
        rule_name: "rule".to_owned(),
        vault_name: "daily".to_owned(),
        air_gapped_vault_arn: None,
        schedule: Some("cron(0 5 ? * * *)".to_owned()),
        schedule_time_zone: None,
        start_window_minutes: Some(60),
        completion_window_minutes: None,
        cold_after_days: None,
        delete_after_days: Some(KEPT as i64),
        copy_actions_json: "[]".to_owned(),
    }])?;
    writer.push(&[Selection {
        account_id: account_id.clone(),
        region,
        plan_id,
        selection_id: "s".to_owned(),
        selection_name: "all".to_owned(),
        created_at: Some(long_ago),
        role_arn: Some(format!("arn:aws:iam::{account_id}:role/Backup")),
        resources_json: r#"["arn:aws:dynamodb:*:*:table/*"]"#.to_owned(),
        not_resources_json: "[]".to_owned(),
        list_of_tags_json: "[]".to_owned(),
        conditions_json: "[]".to_owned(),
    }])?;
    Ok(())
}

fn key((account, region): (&str, &str)) -> String {
    format!("arn:aws:kms:{region}:{account}:key/00000000-0000-4000-8000-{account}")
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
        created_at: Some(start() - TimeDelta::days(200)),
        table_size_bytes: Some((table as i64 * 7919) % 1_000_000_000),
        item_count: Some(table as i64 % 100_000),
        billing_mode: Some("PAY_PER_REQUEST".to_owned()),
        table_class: None,
        sse_type: None,
        sse_status: None,
        sse_key_arn: None,
        deletion_protection: Some(true),
        replica_count: Some(0),
        archived_at: None,
        restored_at: None,
    }
}

fn tag(table: usize) -> TableTag {
    TableTag {
        table_arn: arn(table),
        key: "tier".to_owned(),
        value: if table.is_multiple_of(4) { "gold" } else { "plain" }.to_owned(),
    }
}

/// When a table's job of a day starts: each day at another minute of the window, as AWS does.
fn started(table: usize, day: usize) -> DateTime<Utc> {
    at(day, 5 * 60 + (table * 7 + day * 13) % 60)
}

/// Scattered digits, so that ARNs compress as badly as real ones.
fn scattered(table: usize, day: usize) -> String {
    let scatter = ((table * 1000 + day) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let again = scatter.wrapping_mul(0xd1b5_4a32_d192_ed03);
    let (a, b, c) = (scatter >> 32, scatter & 0xffff, again >> 16);
    format!("{a:08x}-{b:04x}-4000-8000-{c:012x}")
}

fn point_arn(table: usize, day: usize) -> String {
    let (account, region) = place(table);
    format!(
        "arn:aws:backup:{region}:{account}:recovery-point:{}",
        scattered(table, day)
    )
}

fn point(table: usize, day: usize) -> RecoveryPoint {
    let (account, region) = place(table);
    let created_at = started(table, day);
    RecoveryPoint {
        account_id: account.to_owned(),
        region: region.to_owned(),
        vault_name: "daily".to_owned(),
        recovery_point_arn: point_arn(table, day),
        resource_arn: Some(arn(table)),
        status: Some("COMPLETED".to_owned()),
        created_at: Some(created_at),
        started_at: None,
        completed_at: Some(created_at + TimeDelta::minutes(4)),
        cold_after_days: None,
        delete_after_days: Some(KEPT as i64),
        delete_after_event: None,
        cold_at: None,
        delete_at: Some(created_at + TimeDelta::days(KEPT as i64)),
        is_encrypted: Some(true),
        key_arn: Some(key((account, region))),
        key_type: None,
        source_vault_arn: None,
        created_by_plan_id: Some(format!("{account}-{region}-plan")),
        created_by_rule_id: Some("rule".to_owned()),
        size_bytes: Some(1_000_000),
        last_restored_at: None,
    }
}

fn job(table: usize, day: usize) -> BackupJob {
    let (account, region) = place(table);
    let created_at = started(table, day);
    let is_made = is_made(table, day);
    BackupJob {
        account_id: account.to_owned(),
        region: region.to_owned(),
        job_id: format!("job-{}", scattered(table, day)),
        resource_arn: Some(arn(table)),
        state: Some(if is_made { "COMPLETED" } else { "FAILED" }.to_owned()),
        status_message: (!is_made).then(|| "Access denied trying to call the table's key".to_owned()),
        message_category: Some(if is_made { "SUCCESS" } else { "AccessDenied" }.to_owned()),
        created_at: Some(created_at),
        start_by: None,
        completed_at: Some(created_at + TimeDelta::minutes(4)),
        vault_name: Some("daily".to_owned()),
        recovery_point_arn: is_made.then(|| point_arn(table, day)),
        role_arn: None,
        created_by_plan_id: Some(format!("{account}-{region}-plan")),
        created_by_rule_id: Some("rule".to_owned()),
    }
}
