//! What must hold of every inventory: the order of rows does not matter, what is unrelated changes nothing, what could
//! not be read makes verdicts unknown, never different, and a rule alone says what it says among all.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use backproof::collect::Wanted;
use backproof::criteria::Criteria;
use backproof::criteria::frameworks::{self, Framework};
use backproof::criteria::policy::Policy;
use backproof::criteria::rules::{Rule, RuleSet};
use backproof::criteria::values::{CopyValues, KeyOwner, LockWanted, PolicyValues};
use backproof::criteria::waivers::Waivers;
use backproof::domain::{Answer, Subject, TargetId, Verdict};
use backproof::inventory::schema::{
    BackupJob, CallLogEntry, ContinuousBackup, CopyJob, Key, NativeBackup, Plan, PlanRule, PlanVersion, RecoveryPoint,
    RegionSetting, RestoreJob, RestoreTestingPlan, RestoreTestingSelection, Row, SCHEMA_VERSION, Selection, Table,
    TableTag, Target, Vault, VaultPolicy,
};
use backproof::inventory::store::{Writer, write_manifest};
use backproof::inventory::{Inventory, Manifest};
use backproof::judge::judge;
use backproof::report::Report;
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use crate::common::cases;

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-west-1";
const AWAY: &str = "eu-central-1";

fn as_of() -> DateTime<Utc> {
    DateTime::from_timestamp(1_793_534_400, 0).expect("an instant")
}

fn hours_ago(hours: i64) -> Option<DateTime<Utc>> {
    Some(as_of() - TimeDelta::hours(hours))
}

pub fn rules() -> &'static RuleSet {
    static RULES: OnceLock<RuleSet> = OnceLock::new();
    RULES.get_or_init(|| RuleSet::load(None, &[]).expect("the embedded rules are right"))
}

/// A policy that wants everything, so that every rule asks.
fn policy() -> Policy {
    Policy {
        values: PolicyValues {
            retention_max_days: 400,
            key_owner: KeyOwner::CustomerManaged,
            vault_lock: LockWanted::Governance,
            copy: CopyValues {
                regions: vec![AWAY.to_owned()],
                retention_min_days: Some(30),
                key_owner: Some(KeyOwner::AwsManaged),
                vault_lock: Some(LockWanted::None),
                ..CopyValues::default()
            },
            accept_copies: true,
            air_gapped_within: Some(TimeDelta::days(10)),
            restore_tested_within: Some(TimeDelta::days(20)),
            ..PolicyValues::default()
        },
        ..Policy::default()
    }
}

fn criteria() -> Criteria {
    Criteria {
        rules: rules().clone(),
        policy: policy(),
        waivers: Waivers(Vec::new()),
        frameworks: Vec::new(),
        baseline: None,
        changes: Vec::new(),
    }
}

/// The rows of an inventory.
#[derive(Debug, Clone, Default)]
pub struct World {
    targets: Vec<Target>,
    tables: Vec<Table>,
    tags: Vec<TableTag>,
    pitr: Vec<ContinuousBackup>,
    settings: Vec<RegionSetting>,
    plans: Vec<Plan>,
    rules: Vec<PlanRule>,
    versions: Vec<PlanVersion>,
    selections: Vec<Selection>,
    vaults: Vec<Vault>,
    policies: Vec<VaultPolicy>,
    points: Vec<RecoveryPoint>,
    natives: Vec<NativeBackup>,
    jobs: Vec<BackupJob>,
    copies: Vec<CopyJob>,
    restores: Vec<RestoreJob>,
    testing: Vec<RestoreTestingPlan>,
    testing_selections: Vec<RestoreTestingSelection>,
    keys: Vec<Key>,
    pub calls: Vec<CallLogEntry>,
}

impl World {
    fn write(&self, dir: &Path) -> Inventory {
        fn push<R: Row>(writer: &Writer, rows: &[R]) {
            writer.push(rows).expect("written");
        }
        let writer = Writer::create(dir);
        push(&writer, &self.targets);
        push(&writer, &self.tables);
        push(&writer, &self.tags);
        push(&writer, &self.pitr);
        push(&writer, &self.settings);
        push(&writer, &self.plans);
        push(&writer, &self.rules);
        push(&writer, &self.versions);
        push(&writer, &self.selections);
        push(&writer, &self.vaults);
        push(&writer, &self.policies);
        push(&writer, &self.points);
        push(&writer, &self.natives);
        push(&writer, &self.jobs);
        push(&writer, &self.copies);
        push(&writer, &self.restores);
        push(&writer, &self.testing);
        push(&writer, &self.testing_selections);
        push(&writer, &self.keys);
        push(&writer, &self.calls);
        let manifest = Manifest {
            schema_version: SCHEMA_VERSION,
            scan_id: "world".to_owned(),
            as_of: as_of(),
            started_at: as_of(),
            finished_at: as_of(),
            caller_arn: "arn:aws:iam::111122223333:role/Audit".to_owned(),
            tool_version: "test".to_owned(),
            regions_named: true,
            clock_skew_seconds: None,
            attempt_count: 0,
            frames: writer.finish().expect("finished"),
        };
        write_manifest(dir, &manifest).expect("written");
        Inventory::open(dir).expect("opened")
    }

    pub fn judged(&self) -> Report {
        self.judged_by(rules())
    }

    fn judged_by(&self, rules: &RuleSet) -> Report {
        self.judged_with(&Criteria {
            rules: rules.clone(),
            ..criteria()
        })
    }

    fn judged_with(&self, criteria: &Criteria) -> Report {
        let dir = tempfile::tempdir().expect("a folder");
        judge(&self.write(dir.path()), criteria).expect("judged")
    }

    /// What a scan for these rules alone says.
    pub fn scanned_for(&self, rules: &RuleSet) -> Report {
        let dir = tempfile::tempdir().expect("a folder");
        let mut inventory = self.read_for(rules).write(dir.path());
        let wanted = Wanted::frames(rules.frames());
        let is_asked = |frame: &str| wanted.has(frame) || ["targets", "tables", "call_log"].contains(&frame);
        inventory.manifest.frames.retain(|frame, _| is_asked(frame));
        let criteria = Criteria {
            rules: rules.clone(),
            ..criteria()
        };
        judge(&inventory, &criteria).expect("judged")
    }

    /// What a scan for these rules alone would have read.
    fn read_for(&self, rules: &RuleSet) -> Self {
        let wanted = Wanted::frames(rules.frames());
        let mut read = self.clone();
        macro_rules! clear {
            ($($frame:literal: $rows:ident,)+) => {$(
                if !wanted.has($frame) {
                    read.$rows.clear();
                }
            )+};
        }
        clear! {
            "table_tags": tags, "continuous_backups": pitr, "region_settings": settings, "plans": plans,
            "plan_rules": rules, "plan_versions": versions, "selections": selections, "vaults": vaults,
            "vault_policies": policies, "recovery_points": points, "native_backups": natives, "backup_jobs": jobs, "copy_jobs": copies,
            "restore_jobs": restores, "restore_testing_plans": testing,
            "restore_testing_selections": testing_selections, "keys": keys,
        }
        let actions = wanted.actions();
        read.calls.retain(|call| actions.contains(call.action.as_str()));
        read
    }

    fn add_target(&mut self, account: &str, region: &str) {
        self.targets.push(Target {
            account_id: account.to_owned(),
            account_name: None,
            region: region.to_owned(),
            partition: "aws".to_owned(),
        });
        self.settings.push(RegionSetting {
            account_id: account.to_owned(),
            region: region.to_owned(),
            dynamodb_opt_in: Some(true),
            dynamodb_advanced: Some(true),
        });
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
            self.called(account, region, action, "");
        }
    }

    fn called(&mut self, account: &str, region: &str, action: &str, resource: &str) {
        self.calls.push(CallLogEntry {
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
        });
    }

    fn add_table(&mut self, account: &str, region: &str, name: &str, age_hours: i64, tag: Option<&str>) {
        let arn = format!("arn:aws:dynamodb:{region}:{account}:table/{name}");
        self.tables.push(Table {
            account_id: account.to_owned(),
            region: region.to_owned(),
            table_name: name.to_owned(),
            table_arn: arn.clone(),
            description: "described".to_owned(),
            table_id: Some(format!("id-{name}")),
            table_status: Some("ACTIVE".to_owned()),
            created_at: hours_ago(age_hours),
            table_size_bytes: Some(1),
            item_count: Some(1),
            billing_mode: None,
            table_class: None,
            sse_type: None,
            sse_status: None,
            sse_key_arn: None,
            deletion_protection: Some(true),
            replica_count: Some(0),
            archived_at: None,
            restored_at: None,
        });
        self.pitr.push(ContinuousBackup {
            table_arn: arn.clone(),
            pitr_status: Some(if age_hours % 2 == 0 { "ENABLED" } else { "DISABLED" }.to_owned()),
            earliest_restorable_at: None,
            latest_restorable_at: None,
            recovery_period_days: None,
        });
        if let Some(value) = tag {
            self.tags.push(TableTag {
                table_arn: arn,
                key: "backup".to_owned(),
                value: value.to_owned(),
            });
        }
    }

    fn add_vault(&mut self, account: &str, region: &str, name: &str, is_locked: bool) {
        let arn = format!("arn:aws:backup:{region}:{account}:backup-vault:{name}");
        let key_arn = format!("arn:aws:kms:{region}:{account}:key/{name}");
        self.called(account, region, "backup:ListRecoveryPointsByBackupVault", name);
        self.called(account, region, "backup:GetBackupVaultAccessPolicy", name);
        self.policies.push(VaultPolicy {
            account_id: account.to_owned(),
            region: region.to_owned(),
            vault_name: name.to_owned(),
            policy: None,
        });
        self.called(account, region, "kms:DescribeKey", &key_arn);
        self.keys.push(Key {
            key_arn: key_arn.clone(),
            key_manager: Some("CUSTOMER".to_owned()),
            key_state: Some("Enabled".to_owned()),
            deletion_at: None,
        });
        self.vaults.push(Vault {
            account_id: account.to_owned(),
            region: region.to_owned(),
            vault_name: name.to_owned(),
            vault_arn: Some(arn),
            vault_type: Some("BACKUP_VAULT".to_owned()),
            key_arn: Some(key_arn),
            recovery_point_count: None,
            locked: Some(is_locked),
            lock_date: None,
            min_retention_days: None,
            max_retention_days: None,
            created_at: None,
        });
    }

    fn add_plan(&mut self, account: &str, region: &str, id: &str, vault: &str, resources: &str, tags: &str) {
        for action in [
            "backup:GetBackupPlan",
            "backup:ListBackupPlanVersions",
            "backup:ListBackupSelections",
        ] {
            self.called(account, region, action, id);
        }
        self.called(account, region, "backup:GetBackupSelection", &format!("{id} s"));
        self.plans.push(Plan {
            account_id: account.to_owned(),
            region: region.to_owned(),
            plan_id: id.to_owned(),
            plan_name: Some(format!("plan {id}")),
            version_id: Some("v".to_owned()),
            created_at: hours_ago(5000),
            last_execution_at: hours_ago(7),
        });
        self.versions.push(PlanVersion {
            account_id: account.to_owned(),
            region: region.to_owned(),
            plan_id: id.to_owned(),
            version_id: Some("v".to_owned()),
            created_at: hours_ago(5000),
        });
        self.rules.push(PlanRule {
            account_id: account.to_owned(),
            region: region.to_owned(),
            plan_id: id.to_owned(),
            rule_id: Some("r".to_owned()),
            rule_name: "daily".to_owned(),
            vault_name: vault.to_owned(),
            air_gapped_vault_arn: None,
            schedule: None,
            schedule_time_zone: None,
            start_window_minutes: Some(60),
            completion_window_minutes: None,
            cold_after_days: None,
            delete_after_days: Some(35),
            copy_actions_json: "[]".to_owned(),
        });
        self.selections.push(Selection {
            account_id: account.to_owned(),
            region: region.to_owned(),
            plan_id: id.to_owned(),
            selection_id: "s".to_owned(),
            selection_name: "selection".to_owned(),
            created_at: hours_ago(5000),
            role_arn: Some(format!("arn:aws:iam::{account}:role/Backup")),
            resources_json: resources.to_owned(),
            not_resources_json: "[]".to_owned(),
            list_of_tags_json: tags.to_owned(),
            conditions_json: "[]".to_owned(),
        });
    }

    fn add_point(&mut self, table: usize, vault: usize, hours: i64, status: &str, days: i64) {
        let (table, vault) = (self.tables[table].clone(), self.vaults[vault].clone());
        let number = self.points.len();
        self.points.push(RecoveryPoint {
            account_id: vault.account_id.clone(),
            region: vault.region.clone(),
            vault_name: vault.vault_name,
            recovery_point_arn: format!(
                "arn:aws:backup:{}:{}:recovery-point:{number}",
                vault.region, vault.account_id
            ),
            resource_arn: Some(table.table_arn),
            status: Some(status.to_owned()),
            created_at: hours_ago(hours),
            started_at: None,
            completed_at: hours_ago(hours - 1),
            cold_after_days: None,
            delete_after_days: Some(days),
            delete_after_event: None,
            cold_at: None,
            delete_at: None,
            is_encrypted: Some(true),
            key_arn: vault.key_arn,
            key_type: None,
            source_vault_arn: None,
            created_by_plan_id: None,
            created_by_rule_id: None,
            size_bytes: None,
            last_restored_at: None,
        });
    }

    /// The last point becomes a native one, every second of them under the key that it had, the others under one that AWS owns.
    fn make_native(&mut self) {
        let number = self.points.len();
        let point = self.points.last_mut().expect("a point");
        let table_arn = point.resource_arn.clone().expect("a table");
        point.recovery_point_arn = format!("{table_arn}/backup/{number}");
        let key = point.key_arn.take().filter(|_| number.is_multiple_of(2));
        self.natives.push(NativeBackup {
            account_id: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            backup_arn: point.recovery_point_arn.clone(),
            sse_type: key.as_ref().map(|_| "KMS".to_owned()),
            sse_status: None,
            kms_key_arn: key,
        });
        let name = table_arn.rsplit('/').next().expect("a name");
        self.called(ACCOUNT, REGION, "dynamodb:DescribeBackup", name);
    }

    /// A point is copied to the vault elsewhere: the job, and the copy if it worked.
    fn add_copy(&mut self, point: usize, works: bool) {
        let point = self.points[point].clone();
        let vault = self
            .vaults
            .iter()
            .position(|vault| vault.region == AWAY)
            .expect("a vault");
        self.copies.push(CopyJob {
            account_id: point.account_id.clone(),
            region: point.region.clone(),
            job_id: format!("copy-{}", self.copies.len()),
            resource_arn: point.resource_arn.clone(),
            state: Some(if works { "COMPLETED" } else { "FAILED" }.to_owned()),
            status_message: None,
            source_vault_arn: None,
            source_recovery_point_arn: Some(point.recovery_point_arn.clone()),
            destination_vault_arn: self.vaults[vault].vault_arn.clone(),
            destination_recovery_point_arn: None,
            created_at: point.created_at,
            completed_at: point.completed_at,
            created_by_plan_id: None,
            created_by_rule_id: None,
            created_by_backup_job_id: None,
        });
        let table = self
            .tables
            .iter()
            .position(|table| Some(&table.table_arn) == point.resource_arn.as_ref());
        let hours = (as_of() - point.created_at.expect("a date")).num_hours();
        if works {
            self.add_point(table.expect("a table"), vault, hours, "COMPLETED", 35);
            let copy = self.points.last_mut().expect("the copy");
            copy.source_vault_arn = Some("arn:aws:backup:eu-west-1:111122223333:backup-vault:plain".to_owned());
        }
    }

    /// A point is restored; a point remembers that, whatever its validation said.
    fn add_restore(&mut self, point: usize, hours: i64, ending: usize) {
        let (status, validation, message) = [
            ("COMPLETED", None, None),
            ("COMPLETED", Some("FAILED"), None),
            ("COMPLETED", Some("SUCCESSFUL"), None),
            ("FAILED", None, Some("Access denied")),
            ("ABORTED", None, None),
            ("FAILED", None, Some("Table already exists: restored")),
        ][ending];
        if status == "COMPLETED" {
            self.points[point].last_restored_at = hours_ago(hours - 1);
        }
        let point = self.points[point].clone();
        self.restores.push(RestoreJob {
            account_id: point.account_id,
            region: point.region,
            job_id: format!("restore-{}", self.restores.len()),
            recovery_point_arn: Some(point.recovery_point_arn),
            recovery_point_created_at: point.created_at,
            vault_arn: None,
            source_resource_arn: point.resource_arn,
            created_resource_arn: None,
            status: Some(status.to_owned()),
            status_message: message.map(str::to_owned),
            validation_status: validation.map(str::to_owned),
            validation_status_message: None,
            deletion_status: None,
            restore_testing_plan_arn: None,
            size_bytes: None,
            created_at: hours_ago(hours),
            completed_at: hours_ago(hours - 1),
        });
    }

    fn add_testing(&mut self, name: &str, vaults: &str, types: &str, conditions: &str) {
        for action in ["backup:GetRestoreTestingPlan", "backup:ListRestoreTestingSelections"] {
            self.called(ACCOUNT, REGION, action, name);
        }
        self.called(
            ACCOUNT,
            REGION,
            "backup:GetRestoreTestingSelection",
            &format!("{name} s"),
        );
        self.testing.push(RestoreTestingPlan {
            account_id: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            plan_name: name.to_owned(),
            plan_arn: format!("arn:aws:backup:{REGION}:{ACCOUNT}:restore-testing-plan:{name}"),
            schedule: "cron(0 5 ? * * *)".to_owned(),
            schedule_time_zone: None,
            last_execution_at: None,
            start_window_hours: None,
            algorithm: Some("LATEST_WITHIN_WINDOW".to_owned()),
            include_vaults_json: Some(vaults.to_owned()),
            exclude_vaults_json: Some("[]".to_owned()),
            recovery_point_types_json: Some(types.to_owned()),
            selection_window_days: Some(10),
        });
        self.testing_selections.push(RestoreTestingSelection {
            account_id: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            plan_name: name.to_owned(),
            selection_name: "s".to_owned(),
            protected_resource_type: "DynamoDB".to_owned(),
            resource_arns_json: r#"["*"]"#.to_owned(),
            conditions_json: conditions.to_owned(),
            role_arn: None,
            validation_window_hours: 1,
        });
    }

    fn add_job(&mut self, table: usize, hours: i64, state: &str) {
        let table = self.tables[table].clone();
        self.jobs.push(BackupJob {
            account_id: table.account_id,
            region: table.region,
            job_id: format!("job-{}", self.jobs.len()),
            resource_arn: Some(table.table_arn),
            state: Some(state.to_owned()),
            status_message: None,
            message_category: None,
            created_at: hours_ago(hours),
            start_by: None,
            completed_at: hours_ago(hours - 1),
            vault_name: None,
            recovery_point_arn: None,
            role_arn: None,
            created_by_plan_id: Some("p0".to_owned()),
            created_by_rule_id: Some("r".to_owned()),
        });
    }
}

/// What a world is made of, by number.
#[derive(Debug, Clone)]
struct Made {
    tables: Vec<(i64, Option<&'static str>)>,
    /// Form of the selection, of the rule, and the vault.
    plans: Vec<(usize, usize, usize)>,
    points: Vec<(usize, usize, i64, usize, i64)>,
    jobs: Vec<(usize, i64, usize)>,
    copies: Vec<(usize, bool)>,
    restores: Vec<(usize, i64, usize)>,
    testing: Vec<usize>,
    settings: (bool, bool),
    broken_keys: Vec<usize>,
    denied: bool,
}

fn made() -> impl Strategy<Value = Made> {
    let tables = prop::collection::vec(
        (2..2000_i64, prop::option::of(prop::sample::select(vec!["yes", "no"]))),
        1..5,
    );
    let plans = prop::collection::vec((0..4_usize, 0..5_usize, 0..3_usize), 0..3);
    let points = prop::collection::vec((any::<usize>(), 0..3_usize, 1..900_i64, 0..4_usize, 1..60_i64), 0..14);
    let jobs = prop::collection::vec((any::<usize>(), 1..700_i64, 0..3_usize), 0..10);
    let copies = prop::collection::vec((any::<usize>(), any::<bool>()), 0..6);
    let restores = prop::collection::vec((any::<usize>(), 1..700_i64, 0..6_usize), 0..4);
    let testing = prop::collection::vec(0..4_usize, 0..3);
    let settings = (prop::bool::weighted(0.8), prop::bool::weighted(0.8));
    let broken_keys = prop::collection::vec(0..4_usize, 0..2);
    let rest = (testing, settings, broken_keys, any::<bool>());
    (tables, plans, points, jobs, copies, restores, rest).prop_map(
        |(tables, plans, points, jobs, copies, restores, (testing, settings, broken_keys, denied))| Made {
            tables,
            plans,
            points,
            jobs,
            copies,
            restores,
            testing,
            settings,
            broken_keys,
            denied,
        },
    )
}

/// A small world of one account and two Regions; tables and plans are in one, the other holds copies.
pub fn world() -> impl Strategy<Value = World> {
    made().prop_map(|made| {
        let mut world = World::default();
        world.add_target(ACCOUNT, REGION);
        (world.settings[0].dynamodb_opt_in, world.settings[0].dynamodb_advanced) =
            (Some(made.settings.0), Some(made.settings.1));
        world.add_vault(ACCOUNT, REGION, "plain", false);
        world.add_vault(ACCOUNT, REGION, "locked", true);
        world.add_vault(ACCOUNT, REGION, "gapped", true);
        world.vaults[2].vault_type = Some("LOGICALLY_AIR_GAPPED_BACKUP_VAULT".to_owned());
        world.add_target(ACCOUNT, AWAY);
        world.add_vault(ACCOUNT, AWAY, "dr", false);
        for key in &made.broken_keys {
            world.keys[*key].key_state = Some("Disabled".to_owned());
        }
        if made.denied {
            let deny = r#"{"Statement":{"Effect":"Deny","Principal":"*","Action":"backup:*","Resource":"*"}}"#;
            world.policies[0].policy = Some(deny.to_owned());
        }
        for (number, (age, tag)) in made.tables.iter().enumerate() {
            world.add_table(ACCOUNT, REGION, &format!("table-{number}"), *age, *tag);
        }
        for (number, (form, rule, vault)) in made.plans.iter().enumerate() {
            add_plan(&mut world, &format!("p{number}"), *form, *rule, *vault);
        }
        let count = world.tables.len();
        for (table, vault, hours, status, days) in made.points {
            let status = ["COMPLETED", "COMPLETED", "EXPIRED", "CREATING"][status];
            world.add_point(table % count, vault, hours, status, days);
            if vault < 2 && days % 4 == 0 {
                world.make_native();
            }
        }
        for (table, hours, state) in made.jobs {
            world.add_job(table % count, hours, ["COMPLETED", "FAILED", "RUNNING"][state]);
        }
        let points = world.points.len();
        for (point, works) in made.copies.into_iter().filter(|_| points > 0) {
            world.add_copy(point % points, works);
        }
        for (point, hours, ending) in made.restores.into_iter().filter(|_| points > 0) {
            world.add_restore(point % points, hours, ending);
        }
        for (number, form) in made.testing.into_iter().enumerate() {
            let (vaults, types, conditions) = [
                (r#"["*"]"#, r#"["SNAPSHOT"]"#, "[]"),
                (r#"["*:plain"]"#, r#"["SNAPSHOT"]"#, "[]"),
                (r#"["*"]"#, r#"["CONTINUOUS"]"#, "[]"),
                (
                    r#"["*"]"#,
                    r#"["SNAPSHOT"]"#,
                    r#"[["StringEquals","aws:ResourceTag/a","b"]]"#,
                ),
            ][form];
            world.add_testing(&format!("t{number}"), vaults, types, conditions);
        }
        world
    })
}

fn add_plan(world: &mut World, id: &str, form: usize, rule: usize, vault: usize) {
    let (resources, tags) = [
        (r#"["arn:aws:dynamodb:*:*:table/table-0"]"#, "[]"),
        (r#"["arn:aws:dynamodb:*:*:table/table-*"]"#, "[]"),
        ("[]", r#"[["STRINGEQUALS","backup","yes"]]"#),
        (r#"["arn:aws:dynamodb:*:*:table/*-1"]"#, "[]"),
    ][form];
    world.add_plan(ACCOUNT, REGION, id, ["plain", "locked", "gone"][vault], resources, tags);
    let copies = format!(
        r#"[{{"destination_vault_arn":"arn:aws:backup:{AWAY}:{ACCOUNT}:backup-vault:dr","delete_after_days":null}}]"#
    );
    let (schedule, days, copies) = [
        (None, 35, "[]"),
        (Some("cron(0 5 ? * SUN *)"), 365, copies.as_str()),
        (Some("cron(0 5 ? * * 2020)"), 400, copies.as_str()),
        (Some("rate(1 day)"), 35, "[]"),
        (None, 20, copies.as_str()),
    ][rule];
    let row = world.rules.last_mut().expect("a rule");
    row.schedule = schedule.map(str::to_owned);
    row.delete_after_days = Some(days);
    row.copy_actions_json = copies.to_owned();
    if rule == 4 {
        row.air_gapped_vault_arn = Some(format!("arn:aws:backup:{REGION}:{ACCOUNT}:backup-vault:gapped"));
    }
}

/// Verdicts on tables by rule and ARN.
fn verdicts(report: &Report) -> BTreeMap<(String, String), Verdict> {
    report
        .findings
        .iter()
        .filter(|finding| finding.subject == Subject::Table)
        .map(|finding| {
            (
                (finding.rule.to_string(), finding.resource_arn.clone()),
                finding.verdict,
            )
        })
        .collect()
}

/// Verdicts on everything that AWS has, by rule, kind and ARN.
fn verdicts_of_all(report: &Report) -> BTreeMap<(String, &'static str, String), Verdict> {
    let key = |finding: &backproof::domain::Finding| {
        (
            finding.rule.to_string(),
            finding.subject.as_str(),
            finding.resource_arn.clone(),
        )
    };
    report
        .findings
        .iter()
        .map(|finding| (key(finding), finding.verdict))
        .collect()
}

/// Everything that a report says, but for the calls.
fn everything(report: &Report) -> Vec<String> {
    let findings = report.findings.iter().map(|finding| format!("{finding:?}"));
    let tables = report.tables.iter().map(|table| format!("{table:?}"));
    findings.chain(tables).collect()
}

/// One call that failed, and the rows that it would have filled.
pub fn lose(world: &World, place: usize) -> World {
    let mut lost = world.clone();
    let call = &mut lost.calls[place];
    call.outcome = "denied".to_owned();
    call.error = Some("AccessDeniedException".to_owned());
    let (region, action, resource) = (call.region.clone(), call.action.clone(), call.resource.clone());
    macro_rules! lose {
        ($($rows:ident),+) => {{$(
            lost.$rows.retain(|row| row.region != region);
        )+}};
        ($rows:ident where $key:expr) => {
            lost.$rows.retain(|row| row.region != region || $key(row) != resource)
        };
    }
    match action.as_str() {
        "dynamodb:ListTables" => lose!(tables),
        "tag:GetResources" if region == REGION => lost.tags.clear(),
        "backup:DescribeRegionSettings" => lose!(settings),
        "backup:ListBackupJobs" => lose!(jobs),
        "backup:ListCopyJobs" => lose!(copies),
        "backup:ListRestoreJobs" => lose!(restores),
        "backup:GetBackupPlan" => lose!(rules where |row: &PlanRule| row.plan_id.clone()),
        "backup:ListBackupPlanVersions" => lose!(versions where |row: &PlanVersion| row.plan_id.clone()),
        "backup:ListBackupSelections" => lose!(selections where |row: &Selection| row.plan_id.clone()),
        "backup:GetBackupSelection" => {
            lose!(selections where |row: &Selection| format!("{} {}", row.plan_id, row.selection_id))
        }
        "backup:ListRecoveryPointsByBackupVault" => lose!(points where |row: &RecoveryPoint| row.vault_name.clone()),
        "dynamodb:DescribeBackup" => {
            let of_table = format!("/{resource}/backup/");
            lost.natives.retain(|native| !native.backup_arn.contains(&of_table));
        }
        "backup:GetBackupVaultAccessPolicy" => lose!(policies where |row: &VaultPolicy| row.vault_name.clone()),
        "backup:ListBackupVaults" => lose!(vaults, points, policies),
        "backup:ListBackupPlans" => lose!(plans, rules, versions, selections),
        "backup:ListRestoreTestingPlans" => lose!(testing, testing_selections),
        "backup:ListRestoreTestingSelections" => {
            lose!(testing_selections where |row: &RestoreTestingSelection| row.plan_name.clone())
        }
        "backup:GetRestoreTestingSelection" => {
            lose!(testing_selections where |row: &RestoreTestingSelection| format!("{} s", row.plan_name))
        }
        "backup:GetRestoreTestingPlan" => {
            for plan in lost.testing.iter_mut().filter(|plan| plan.plan_name == resource) {
                plan.include_vaults_json = None;
                plan.exclude_vaults_json = None;
                plan.recovery_point_types_json = None;
                plan.selection_window_days = None;
            }
        }
        "kms:DescribeKey" => lost.keys.retain(|key| key.key_arn != resource),
        _ => {}
    }
    lost
}

proptest! {
#![proptest_config(cases(16))]

#[test]
fn the_order_of_rows_does_not_matter(world in world()) {
    let mut turned = world.clone();
    turned.tables.reverse();
    turned.tags.reverse();
    turned.plans.reverse();
    turned.rules.reverse();
    turned.selections.reverse();
    turned.vaults.reverse();
    turned.points.reverse();
    turned.natives.reverse();
    turned.jobs.reverse();
    turned.keys.reverse();
    turned.copies.reverse();
    turned.restores.reverse();
    turned.testing.reverse();
    turned.testing_selections.reverse();
    turned.calls.reverse();
    prop_assert_eq!(everything(&world.judged()), everything(&turned.judged()));
}

#[test]
fn what_is_unrelated_changes_no_verdict(world in world()) {
    let before = verdicts(&world.judged());
    let mut more = world.clone();
    more.add_target("444455556666", REGION);
    more.add_table("444455556666", REGION, "table-0", 900, Some("yes"));
    more.add_vault("444455556666", REGION, "plain", true);
    more.add_plan("444455556666", REGION, "q", "plain", r#"["*"]"#, "[]");
    more.add_table(ACCOUNT, REGION, "unrelated", 900, None);
    more.add_vault(ACCOUNT, REGION, "empty", false);
    more.add_plan(ACCOUNT, REGION, "q", "empty", r#"["arn:aws:ec2:*:*:volume/*"]"#, "[]");
    let after = verdicts(&more.judged());
    for (key, verdict) in before {
        prop_assert_eq!(after.get(&key), Some(&verdict), "{:?}", key);
    }
}

#[test]
fn what_could_not_be_read_makes_verdicts_unknown_and_never_different(
    world in prop_oneof![3 => world(), 1 => any::<u8>().prop_map(well_kept)],
    place in any::<usize>(),
    policy in prop_oneof![Just(policy()), any::<u8>().prop_map(policy_of)],
) {
    let place = place % world.calls.len();
    let lost = lose(&world, place);
    let call = format!("without {} {}", world.calls[place].action, world.calls[place].resource);
    let criteria = Criteria { policy, ..criteria() };
    let (before, after) = (world.judged_with(&criteria), lost.judged_with(&criteria));
    let (known, now) = (verdicts_of_all(&before), verdicts_of_all(&after));
    for (key, verdict) in &now {
        // What a rule on points finds good is not kept, and what a list lacks is told of its target.
        let was = known.get(key).copied();
        prop_assert!(
            *verdict == Verdict::Unknown || Some(*verdict) == was,
            "{key:?}: {was:?} became {verdict} {call}"
        );
    }
    // Nor is any answer better.
    let answers = |report: &Report| -> BTreeMap<String, (Answer, [Answer; 4])> {
        let tables = report.tables.iter();
        tables.map(|table| (table.table_arn.clone(), (table.verdict, table.answers))).collect()
    };
    let answers_before = answers(&before);
    for (table, (verdict, answers)) in answers(&after) {
        let (verdict_before, answers_before) = answers_before[&table];
        let pairs = answers.into_iter().zip(answers_before).chain([(verdict, verdict_before)]);
        for (now, then) in pairs {
            prop_assert!(now == Answer::Unknown || now == then, "{table}: {then} became {now} {call}");
        }
    }
    // Nothing bad goes without a word: it is unknown, or its rule is unknown for its target, or tables were not listed.
    let place = |target: &TargetId| target.to_string();
    for finding in before.findings.iter().filter(|finding| finding.verdict == Verdict::NonCompliant) {
        let key = (finding.rule.to_string(), finding.subject.as_str(), finding.resource_arn.clone());
        let of_target = (finding.rule.to_string(), Subject::Target.as_str(), place(&finding.target));
        let is_unlisted = after
            .coverage
            .targets
            .iter()
            .any(|target| target.target == finding.target && target.tables_listed.is_none());
        prop_assert!(
            now.contains_key(&key) || now.contains_key(&of_target) || is_unlisted,
            "{key:?} is gone {call}"
        );
    }
    let is_bad = |report: &Report| report.findings.iter().any(|finding| finding.verdict == Verdict::NonCompliant);
    prop_assert!(is_bad(&after) || after.is_evidence_missing() || !is_bad(&before), "it looks good {call}");
}}

/// A table that a daily plan takes and backs up: nothing is wrong by the default policy. What more a policy may ask for is
/// there or not, by the bits of a number.
fn well_kept(number: u8) -> World {
    let has = |bit: u8| number & (1 << bit) != 0;
    let mut world = World::default();
    world.add_target(ACCOUNT, REGION);
    world.add_vault(ACCOUNT, REGION, "plain", has(0));
    world.add_target(ACCOUNT, AWAY);
    world.add_vault(ACCOUNT, AWAY, "dr", true);
    if has(1) {
        world.keys[0].key_manager = Some("AWS".to_owned());
    }
    world.add_table(ACCOUNT, REGION, "table-0", 2000, None);
    add_plan(&mut world, "p0", 0, 0, 0);
    world.rules[0].schedule = Some("cron(0 5 ? * * *)".to_owned());
    let days = if has(2) { 35 } else { 60 };
    world.rules[0].delete_after_days = Some(days);
    for day in 0..days {
        let at = 7 + 24 * day;
        world.add_point(0, 0, at, "COMPLETED", days);
        let point = world.points.last_mut().expect("a point");
        (point.created_by_plan_id, point.created_by_rule_id) = (Some("p0".to_owned()), Some("r".to_owned()));
        let arn = point.recovery_point_arn.clone();
        if day < 30 {
            world.add_job(0, at, "COMPLETED");
            let job = world.jobs.last_mut().expect("a job");
            (job.recovery_point_arn, job.vault_name) = (Some(arn), Some("plain".to_owned()));
        }
    }
    if has(3) {
        world.add_copy(0, true);
    }
    if has(4) {
        world.add_restore(0, 5, 0);
    }
    world
}

/// Values that ask for little and for much, by the bits of a number.
fn policy_of(number: u8) -> Policy {
    let has = |bit: u8| number & (1 << bit) != 0;
    let default = PolicyValues::default();
    let values = PolicyValues {
        frequency: (!has(0)).then(|| TimeDelta::days(30)),
        retention_min_days: if has(1) { 35 } else { 1 },
        retention_max_days: if has(2) { 40 } else { default.retention_max_days },
        key_owner: if has(3) {
            KeyOwner::CustomerManaged
        } else {
            default.key_owner
        },
        vault_lock: if has(4) {
            LockWanted::Governance
        } else {
            default.vault_lock
        },
        copy: CopyValues {
            regions: if has(5) { vec![AWAY.to_owned()] } else { Vec::new() },
            ..default.copy.clone()
        },
        accept_copies: has(1),
        restore_tested_within: has(6).then(|| TimeDelta::days(20)),
        air_gapped_within: has(7).then(|| TimeDelta::days(10)),
        ..default
    };
    Policy {
        values,
        ..Policy::default()
    }
}

fn compliant(report: &Report) -> Vec<&str> {
    let compliant = report.tables.iter().filter(|table| table.verdict == Answer::Compliant);
    compliant.map(|table| table.table_arn.as_str()).collect()
}

#[test]
fn a_well_kept_table_is_compliant() {
    let report = well_kept(0).judged_with(&Criteria {
        policy: Policy::default(),
        ..criteria()
    });
    let bad = report
        .findings
        .iter()
        .filter(|finding| finding.verdict != Verdict::Compliant);
    let bad: Vec<String> = bad
        .map(|finding| format!("{} {}: {}", finding.rule, finding.verdict, finding.message))
        .collect();
    assert_eq!(compliant(&report).len(), 1, "{bad:#?}");
}

proptest! {
#![proptest_config(cases(16))]

/// Fewer questions make no better answer. [`a_well_kept_table_is_compliant`] says that there are good ones to lose.
#[test]
fn leaving_rules_out_makes_no_table_compliant(
    world in prop_oneof![any::<u8>().prop_map(well_kept), world()],
    // One or two values that ask for more: by all of them hardly a table is good.
    policy in (0..8_u8, 0..8_u8).prop_map(|(one, other)| policy_of(1 << one | 1 << other)),
    left_out in prop::collection::vec(any::<prop::sample::Index>(), 1..100),
    (core, is_named) in any::<(bool, bool)>(),
) {
    let rules = &rules().0;
    let left_out: Vec<&str> = left_out.iter().map(|index| &*index.get(rules).id).collect();
    // By chance a core rule is nearly always among them.
    let kept = rules.iter().filter(|rule| !left_out.contains(&&*rule.id) || core && rule.core);
    let kept: Vec<Rule> = kept.cloned().collect();
    let ids: Vec<String> = kept.iter().map(|rule| rule.id.to_string()).collect();
    // Rules that are named are required, all of them, and hardly a table is good by all.
    let kept = if is_named { RuleSet::load(None, &ids).expect("rules") } else { RuleSet(kept) };
    let criteria = Criteria { policy, ..criteria() };
    let all = world.judged_with(&criteria);
    let some = world.read_for(&kept).judged_with(&Criteria { rules: kept, ..criteria });
    let (all_compliant, some_compliant) = (compliant(&all), compliant(&some));
    for table in &some_compliant {
        prop_assert!(all_compliant.contains(table), "{table} without {left_out:?}");
    }
}

/// Each framework speaks for itself.
#[test]
fn a_framework_says_the_same_beside_another(
    world in world(),
    policy in any::<u8>().prop_map(policy_of),
    one in any::<prop::sample::Index>(),
    other in any::<prop::sample::Index>(),
) {
    let (one, other) = (one.get(frameworks::all()), other.get(frameworks::all()));
    let said = |beside: &[&Framework]| {
        let frameworks = beside.iter().map(|framework| (*framework).clone()).collect();
        let report = world.judged_with(&Criteria { policy: policy.clone(), frameworks, ..criteria() });
        let own = report.frameworks.iter().find(|framework| framework.id == one.id).expect("it");
        let of_tables: Vec<_> = report
            .tables
            .iter()
            .map(|table| table.answers_by_framework.iter().find(|(id, ..)| **id == *one.id).cloned())
            .collect();
        format!("{own:?} {of_tables:?}")
    };
    let alone = said(&[one]);
    prop_assert_eq!(&said(&[one, other]), &alone);
    prop_assert_eq!(&said(&[other, one]), &alone);
}}

proptest! {
    #![proptest_config(cases(3))]

    #[test]
    fn a_rule_alone_says_what_it_says_among_all(world in world()) {
        each_rule_alone_says_what_it_says_among_all(&world);
    }
}

fn each_rule_alone_says_what_it_says_among_all(world: &World) {
    let among_all = verdicts_of_all(&world.judged());
    for rule in &rules().0 {
        let alone = RuleSet(vec![rule.clone()]);
        for (key, verdict) in verdicts_of_all(&world.read_for(&alone).judged_by(&alone)) {
            assert_eq!(Some(&verdict), among_all.get(&key), "{key:?}");
        }
    }
}

/// AWS's rules leave open whether the plan takes the table; only a job or a recovery point of the plan tells.
#[test]
fn a_plan_proved_by_what_it_made_is_proved_for_every_rule_alone() {
    for by_job in [true, false] {
        let mut world = World::default();
        world.add_target(ACCOUNT, REGION);
        world.add_vault(ACCOUNT, REGION, "plain", false);
        world.add_target(ACCOUNT, AWAY);
        world.add_vault(ACCOUNT, AWAY, "dr", false);
        world.add_table(ACCOUNT, REGION, "table-1", 2000, None);
        add_plan(&mut world, "p0", 3, 0, 0);
        let verdict = |world: &World, rule: &str| {
            let found = verdicts(&world.judged());
            let of_rule = found.iter().find(|((id, _), _)| id == rule);
            *of_rule.expect("a verdict").1
        };
        assert_eq!(verdict(&world, "in-a-plan"), Verdict::Unknown);
        if by_job {
            world.add_job(0, 7, "COMPLETED");
        } else {
            world.add_point(0, 0, 7, "COMPLETED", 35);
            world.points[0].created_by_plan_id = Some("p0".to_owned());
        }
        assert_eq!(verdict(&world, "in-a-plan"), Verdict::Compliant, "{by_job}");
        // The selection that took the table may be gone by now.
        let mut unread = world.clone();
        unread.selections.clear();
        let selections = |call: &&mut CallLogEntry| call.action == "backup:ListBackupSelections";
        unread.calls.iter_mut().find(selections).expect("a call").outcome = "denied".to_owned();
        assert_eq!(verdict(&unread, "in-a-plan"), Verdict::Unknown, "{by_job}");
        each_rule_alone_says_what_it_says_among_all(&world);
        let jobs = |call: &&mut CallLogEntry| call.action == "backup:ListBackupJobs" && call.region == REGION;
        world.calls.iter_mut().find(jobs).expect("a call").outcome = "denied".to_owned();
        assert_eq!(verdict(&world, "in-a-plan"), Verdict::Unknown, "{by_job}");
    }
}

/// Only a restore that ended, well or badly, tells something, and only as long as AWS knows how it ended.
#[test]
fn a_restore_that_tested_nothing_proves_nothing() {
    let verdict = |change: &dyn Fn(&mut World)| {
        let mut world = World::default();
        world.add_target(ACCOUNT, REGION);
        world.add_vault(ACCOUNT, REGION, "plain", false);
        world.add_table(ACCOUNT, REGION, "table-0", 2000, None);
        world.add_point(0, 0, 1200, "COMPLETED", 60);
        change(&mut world);
        let found = verdicts(&world.judged());
        let of_rule = found.iter().find(|((id, _), _)| id == "restore-test-succeeded");
        *of_rule.expect("a verdict").1
    };
    assert_eq!(verdict(&|_| {}), Verdict::NotApplicable);
    for (ending, expected) in [
        (0, Verdict::Compliant),
        (1, Verdict::NonCompliant),
        (3, Verdict::NonCompliant),
        (4, Verdict::NotApplicable),
        (5, Verdict::NotApplicable),
    ] {
        assert_eq!(verdict(&|world| world.add_restore(0, 50, ending)), expected, "{ending}");
    }
    // The point remembers a restore that still runs, or one that failed and whose job names the table alone.
    for (status, named, expected) in [
        ("PENDING", true, Verdict::NotApplicable),
        ("RUNNING", true, Verdict::NotApplicable),
        ("RUNNING", false, Verdict::NotApplicable),
        ("ABORTED", false, Verdict::NotApplicable),
        ("FAILED", false, Verdict::NonCompliant),
    ] {
        let unproven = |world: &mut World| {
            world.add_restore(0, 50, 0);
            let job = &mut world.restores[0];
            job.status = Some(status.to_owned());
            job.completed_at = job.completed_at.filter(|_| matches!(status, "ABORTED" | "FAILED"));
            job.recovery_point_arn = job.recovery_point_arn.take().filter(|_| named);
        };
        assert_eq!(verdict(&unproven), expected, "{status} {named}");
    }
    let forgotten = |world: &mut World| world.points[0].last_restored_at = hours_ago(1000);
    assert_eq!(verdict(&forgotten), Verdict::NotApplicable);
    let unread = |world: &mut World| {
        forgotten(world);
        let jobs = |call: &&mut CallLogEntry| call.action == "backup:ListRestoreJobs";
        world.calls.iter_mut().find(jobs).expect("a call").outcome = "denied".to_owned();
    };
    assert_eq!(verdict(&unread), Verdict::Unknown);
}

/// When a rate begins is not known, so that its runs cannot be placed among those of another plan.
#[test]
fn a_plan_whose_runs_cannot_be_placed_takes_nothing_from_another() {
    let mut world = World::default();
    world.add_target(ACCOUNT, REGION);
    world.add_vault(ACCOUNT, REGION, "plain", false);
    world.add_table(ACCOUNT, REGION, "table-0", 2000, None);
    let verdict = |world: &World| {
        let found = verdicts(&world.judged());
        let of_rule = found.iter().find(|((id, _), _)| id == "plan-frequent-enough");
        *of_rule.expect("a verdict").1
    };
    for (number, schedule) in [
        "cron(0 5 ? * SUN *)",
        "rate(1 day)",
        "rate(1 week)",
        "cron(0 5 ? * MON *)",
    ]
    .iter()
    .enumerate()
    {
        add_plan(&mut world, &format!("p{number}"), 0, 0, 0);
        world.rules[number].schedule = Some((*schedule).to_owned());
        let expected = if number == 0 {
            Verdict::NonCompliant
        } else {
            Verdict::Compliant
        };
        assert_eq!(verdict(&world), expected, "{schedule}");
    }
}

/// A plan that takes every table, beside one that takes none.
fn two_plans() -> World {
    let mut world = World::default();
    world.add_target("111122223333", "eu-west-1");
    world.add_vault("111122223333", "eu-west-1", "main", true);
    world.add_table("111122223333", "eu-west-1", "orders", 2000, None);
    let all = r#"["arn:aws:dynamodb:*:*:table/*"]"#;
    world.add_plan("111122223333", "eu-west-1", "all", "main", all, "[]");
    world.add_plan(
        "111122223333",
        "eu-west-1",
        "none",
        "main",
        r#"["arn:aws:s3:::*"]"#,
        "[]",
    );
    world
}

#[test]
fn a_plan_that_was_deleted_while_it_was_read_takes_nothing() {
    let in_a_plan = |change: &dyn Fn(&mut CallLogEntry)| {
        let mut world = two_plans();
        world.calls.iter_mut().for_each(change);
        let report = world.judged();
        let found = verdicts(&report);
        let (_, verdict) = found
            .iter()
            .find(|((rule, _), _)| rule == "in-a-plan")
            .expect("a verdict");
        (*verdict, report.coverage.gaps.len())
    };
    assert_eq!(in_a_plan(&|_| {}), (Verdict::Compliant, 0));
    let fails = |call: &mut CallLogEntry, action: &str, outcome: &str| {
        if call.action == action && call.resource.starts_with("all") {
            call.outcome = outcome.to_owned();
        }
    };
    assert_eq!(
        in_a_plan(&|call| fails(call, "backup:GetBackupPlan", "absent")),
        (Verdict::NonCompliant, 0)
    );
    assert_eq!(
        in_a_plan(&|call| fails(call, "backup:GetBackupPlan", "denied")).0,
        Verdict::Unknown
    );
    // The other plan vanished, and its selections with it: nothing is open.
    let other = |call: &mut CallLogEntry| {
        if call.resource.starts_with("none") {
            call.outcome = if call.action == "backup:GetBackupPlan" {
                "absent"
            } else {
                "failed"
            }
            .to_owned();
        }
    };
    assert_eq!(in_a_plan(&other).0, Verdict::Compliant);
}

/// A measurement: `cargo test --test suite -- --ignored --nocapture linear`. Figures are in docs/performance.md.
#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, reason = "a measurement tells its figures")]
fn plans_and_selections_are_judged_in_linear_time() {
    for (plans, selections) in [(500, 100), (1000, 100), (2000, 100)] {
        let mut world = two_plans();
        for plan in 0..plans {
            let id = format!("plan-{plan}");
            world.add_plan("111122223333", "eu-west-1", &id, "main", "[]", "[]");
            let first = world.selections.pop().expect("the plan's own");
            for selection in 0..selections {
                world.selections.push(Selection {
                    selection_id: format!("s-{selection}"),
                    list_of_tags_json: format!(r#"[["STRINGEQUALS","backup","{plan}-{selection}"]]"#),
                    ..first.clone()
                });
            }
        }
        let folder = tempfile::tempdir().expect("a folder");
        let inventory = world.write(folder.path());
        let start = std::time::Instant::now();
        judge(&inventory, &criteria()).expect("judged");
        println!(
            "{plans} plans, {selections} selections each: {:.2} s",
            start.elapsed().as_secs_f64()
        );
    }
}
