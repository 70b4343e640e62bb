//! What plans promise and keep, on inventories that are built row by row; and a year of days of an ordinary daily plan.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Comparisons, derive};
use crate::criteria::values::{CopyValues, KeyOwner, LockWanted, PolicyValues};
use crate::dictionary::TableFacts;
use crate::domain::{Demand, Demands, FactValue};
use crate::inventory::schema::{
    BackupJob, CallLogEntry, Key, Plan, PlanRule, PlanVersion, RecoveryPoint, RegionSetting, Row, SCHEMA_VERSION,
    Selection, Table, Target, Vault,
};
use crate::inventory::store::{Writer, write_manifest};
use crate::inventory::{Inventory, Manifest};

const ACCOUNT: &str = "111122223333";
const CENTRAL: &str = "444455556666";
const REGION: &str = "eu-west-1";
const DAILY: &str = "cron(0 5 ? * * *)";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

/// One account and Region, with one table `orders` of long ago, a vault, its key, and plans.
#[derive(Clone)]
struct World {
    as_of: DateTime<Utc>,
    tables: Vec<Table>,
    plans: Vec<Plan>,
    rules: Vec<PlanRule>,
    versions: Vec<PlanVersion>,
    selections: Vec<Selection>,
    vaults: Vec<Vault>,
    keys: Vec<Key>,
    points: Vec<RecoveryPoint>,
    jobs: Vec<BackupJob>,
    settings: RegionSetting,
    calls: Vec<CallLogEntry>,
    targets: Vec<Target>,
}

/// The vault that plans write to, and its key.
const VAULT: &str = "main";
const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/main";

impl World {
    fn new(as_of: &str) -> Self {
        let mut world = Self {
            as_of: at(as_of),
            tables: Vec::new(),
            plans: Vec::new(),
            rules: Vec::new(),
            versions: Vec::new(),
            selections: Vec::new(),
            vaults: Vec::new(),
            keys: vec![Key {
                key_arn: KEY.to_owned(),
                key_manager: Some("CUSTOMER".to_owned()),
                key_state: Some("Enabled".to_owned()),
                deletion_at: None,
            }],
            points: Vec::new(),
            jobs: Vec::new(),
            settings: RegionSetting {
                account_id: ACCOUNT.to_owned(),
                region: REGION.to_owned(),
                dynamodb_opt_in: Some(true),
                dynamodb_advanced: Some(true),
            },
            calls: Vec::new(),
            targets: vec![Target {
                account_id: ACCOUNT.to_owned(),
                account_name: None,
                region: REGION.to_owned(),
                partition: "aws".to_owned(),
            }],
        };
        for action in [
            "dynamodb:ListTables",
            "tag:GetResources",
            "backup:DescribeRegionSettings",
            "backup:ListBackupPlans",
            "backup:ListBackupVaults",
            "backup:ListBackupJobs",
        ] {
            world.called(action, "");
        }
        world.called("kms:DescribeKey", KEY);
        world.add_vault(VAULT);
        world.add_table("orders", "2024-01-01T00:00:00Z");
        world
    }

    /// The same with one plan that takes every table, with these rules: schedule, window in minutes, days kept.
    fn with(as_of: &str, rules: &[(&str, i64, i64)]) -> Self {
        let mut world = Self::new(as_of);
        world.add_plan("p", rules);
        world
    }

    fn called(&mut self, action: &str, resource: &str) {
        self.calls.push(CallLogEntry {
            account_id: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            action: action.to_owned(),
            resource: resource.to_owned(),
            outcome: "ok".to_owned(),
            error: None,
            page_count: 1,
            attempt_count: 1,
            started_at: self.as_of,
            answered_at: None,
            duration_ms: 1,
            request_id: None,
        });
    }

    fn add_vault(&mut self, name: &str) {
        self.called("backup:ListRecoveryPointsByBackupVault", name);
        self.vaults.push(Vault {
            account_id: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            vault_name: name.to_owned(),
            vault_arn: Some(format!("arn:aws:backup:{REGION}:{ACCOUNT}:backup-vault:{name}")),
            vault_type: Some("BACKUP_VAULT".to_owned()),
            key_arn: Some(KEY.to_owned()),
            recovery_point_count: None,
            locked: Some(false),
            lock_date: None,
            min_retention_days: None,
            max_retention_days: None,
            created_at: None,
        });
    }

    fn add_table(&mut self, name: &str, born: &str) {
        self.tables.push(Table {
            archived_at: None,
            account_id: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            table_name: name.to_owned(),
            table_arn: format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"),
            description: "described".to_owned(),
            table_id: Some(format!("id-{name}")),
            table_status: Some("ACTIVE".to_owned()),
            created_at: Some(at(born)),
            table_size_bytes: Some(1),
            item_count: Some(1),
            billing_mode: None,
            table_class: None,
            sse_type: None,
            sse_status: None,
            sse_key_arn: None,
            deletion_protection: None,
            replica_count: None,
            restored_at: None,
        });
    }

    fn add_plan(&mut self, id: &str, rules: &[(&str, i64, i64)]) {
        for action in ["GetBackupPlan", "ListBackupPlanVersions", "ListBackupSelections"] {
            self.called(&format!("backup:{action}"), id);
        }
        self.called("backup:GetBackupSelection", &format!("{id} s"));
        let long_ago = Some(at("2024-02-01T00:00:00Z"));
        let (account_id, region, plan_id) = (ACCOUNT.to_owned(), REGION.to_owned(), id.to_owned());
        self.plans.push(Plan {
            account_id: account_id.clone(),
            region: region.clone(),
            plan_id: plan_id.clone(),
            plan_name: Some(format!("plan {id}")),
            version_id: Some("v".to_owned()),
            created_at: long_ago,
            last_execution_at: None,
        });
        self.versions.push(PlanVersion {
            account_id: account_id.clone(),
            region: region.clone(),
            plan_id: plan_id.clone(),
            version_id: Some("v".to_owned()),
            created_at: long_ago,
        });
        for (number, (schedule, window, days)) in rules.iter().enumerate() {
            self.rules.push(PlanRule {
                account_id: account_id.clone(),
                region: region.clone(),
                plan_id: plan_id.clone(),
                rule_id: Some(format!("{id}-{number}")),
                rule_name: format!("rule-{number}"),
                vault_name: VAULT.to_owned(),
                air_gapped_vault_arn: None,
                schedule: Some((*schedule).to_owned()),
                schedule_time_zone: None,
                start_window_minutes: Some(*window),
                completion_window_minutes: None,
                cold_after_days: None,
                delete_after_days: Some(*days),
                copy_actions_json: "[]".to_owned(),
            });
        }
        self.selections.push(Selection {
            account_id,
            region,
            plan_id,
            selection_id: "s".to_owned(),
            selection_name: "selection".to_owned(),
            created_at: long_ago,
            role_arn: Some(format!("arn:aws:iam::{ACCOUNT}:role/Backup")),
            resources_json: r#"["arn:aws:dynamodb:*:*:table/*"]"#.to_owned(),
            not_resources_json: "[]".to_owned(),
            list_of_tags_json: "[]".to_owned(),
            conditions_json: "[]".to_owned(),
        });
    }

    /// A job that a plan started for a table, and its point where it completed.
    fn add_job(&mut self, table: usize, made: DateTime<Utc>, state: &str, plan: Option<&str>, days: i64) {
        let arn = self.tables[table].table_arn.clone();
        let number = self.jobs.len();
        self.jobs.push(BackupJob {
            account_id: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            job_id: format!("job-{number}"),
            resource_arn: Some(arn.clone()),
            state: Some(state.to_owned()),
            status_message: None,
            message_category: None,
            created_at: Some(made),
            start_by: None,
            completed_at: (state != "RUNNING").then_some(made),
            vault_name: Some(VAULT.to_owned()),
            recovery_point_arn: None,
            role_arn: Some(format!("arn:aws:iam::{ACCOUNT}:role/Backup")),
            created_by_plan_id: plan.map(str::to_owned),
            created_by_rule_id: None,
        });
        if state == "COMPLETED" {
            self.add_point(&arn, made, plan, days);
        }
    }

    fn add_point(&mut self, table_arn: &str, made: DateTime<Utc>, plan: Option<&str>, days: i64) {
        let number = self.points.len();
        self.points.push(RecoveryPoint {
            account_id: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            vault_name: VAULT.to_owned(),
            recovery_point_arn: format!("arn:aws:backup:{REGION}:{ACCOUNT}:recovery-point:{number}"),
            resource_arn: Some(table_arn.to_owned()),
            status: Some("COMPLETED".to_owned()),
            created_at: Some(made),
            started_at: None,
            completed_at: Some(made),
            cold_after_days: None,
            delete_after_days: Some(days),
            delete_after_event: None,
            cold_at: None,
            delete_at: None,
            is_encrypted: Some(true),
            key_arn: Some(KEY.to_owned()),
            key_type: None,
            source_vault_arn: None,
            created_by_plan_id: plan.map(str::to_owned),
            created_by_rule_id: None,
            size_bytes: None,
            last_restored_at: None,
        });
    }

    /// The same with a vault `central` in another account that was read, and copies there of what the plans make, kept for so
    /// many days by their action; the copies of the points that were made are there, too.
    fn copied(mut self, days: Option<i64>) -> Self {
        let here = self.calls.len();
        self.called("dynamodb:ListTables", "");
        self.called("backup:ListBackupVaults", "");
        self.called("backup:ListCopyJobs", "");
        self.add_vault("central");
        for call in &mut self.calls[here..] {
            call.account_id = CENTRAL.to_owned();
        }
        self.called("backup:ListCopyJobs", "");
        let arn = format!("arn:aws:backup:{REGION}:{CENTRAL}:backup-vault:central");
        let vault = self.vaults.last_mut().expect("the vault");
        (vault.account_id, vault.vault_arn) = (CENTRAL.to_owned(), Some(arn.clone()));
        self.targets.push(Target {
            account_id: CENTRAL.to_owned(),
            ..self.targets[0].clone()
        });
        let days_text = days.map_or("null".to_owned(), |days| days.to_string());
        for rule in &mut self.rules {
            rule.copy_actions_json =
                format!("[{{\"destination_vault_arn\":\"{arn}\",\"delete_after_days\":{days_text}}}]");
        }
        for number in 0..self.points.len() {
            let source = self.points[number].clone();
            self.points.push(RecoveryPoint {
                account_id: CENTRAL.to_owned(),
                vault_name: "central".to_owned(),
                recovery_point_arn: format!("arn:aws:backup:{REGION}:{CENTRAL}:recovery-point:copy-{number}"),
                delete_after_days: days,
                source_vault_arn: self.vaults[0].vault_arn.clone(),
                created_by_plan_id: None,
                ..source
            });
        }
        self
    }

    /// The same with plans that take the table only since now: no run was due.
    fn fresh(mut self) -> Self {
        for selection in &mut self.selections {
            selection.created_at = Some(self.as_of);
        }
        self
    }

    /// Jobs of the plan `p` at 06:00 of the last days, which ended so.
    fn ran_daily(mut self, days: i64, state: &str) -> Self {
        let today = self.as_of.date_naive().and_hms_opt(6, 0, 0).expect("a time").and_utc();
        for day in 0..days {
            let made = today - TimeDelta::days(day);
            if made <= self.as_of {
                self.add_job(0, made, state, Some("p"), 35);
            }
        }
        self
    }

    fn write(&self, dir: &std::path::Path) -> Inventory {
        fn push<R: Row>(writer: &Writer, rows: &[R]) {
            writer.push(rows).expect("written");
        }
        let writer = Writer::create(dir);
        push(&writer, &self.targets);
        push(&writer, std::slice::from_ref(&self.settings));
        push(&writer, &self.tables);
        push(&writer, &self.plans);
        push(&writer, &self.rules);
        push(&writer, &self.versions);
        push(&writer, &self.selections);
        push(&writer, &self.vaults);
        push(&writer, &self.keys);
        push(&writer, &self.points);
        push(&writer, &self.jobs);
        push(&writer, &self.calls);
        let manifest = Manifest {
            schema_version: SCHEMA_VERSION,
            scan_id: "world".to_owned(),
            as_of: self.as_of,
            started_at: self.as_of,
            finished_at: self.as_of,
            caller_arn: format!("arn:aws:iam::{ACCOUNT}:role/Audit"),
            tool_version: "test".to_owned(),
            regions_named: true,
            clock_skew_seconds: None,
            attempt_count: 0,
            frames: writer.finish().expect("finished"),
        };
        write_manifest(dir, &manifest).expect("written");
        Inventory::open(dir).expect("opened")
    }

    /// The facts of each table, in order of name, and how they stand against two sets of values.
    fn compared(&self, values: [&PolicyValues; 2]) -> Vec<(TableFacts, (Comparisons, Comparisons))> {
        let dir = tempfile::tempdir().expect("a folder");
        let facts = derive(&self.write(dir.path()), 30).expect("derived");
        let tables = facts.tables(0..facts.len());
        let compare = |place: usize| {
            let [one, other] = values.map(|values| facts.compare(&tables, place, values));
            (one, other)
        };
        let compared: Vec<(Comparisons, Comparisons)> = (0..facts.len()).map(compare).collect();
        tables.facts.into_iter().zip(compared).collect()
    }

    /// The same of one.
    fn all(&self, values: &PolicyValues) -> Vec<(TableFacts, Comparisons)> {
        let both = self.compared([values, values]);
        both.into_iter()
            .map(|(facts, (compared, _))| (facts, compared))
            .collect()
    }

    /// Does the plan of the first table keep the policy, and why?
    fn judged(&self, values: &PolicyValues) -> (Option<bool>, String) {
        let (_, compared) = self.all(values).into_iter().next().expect("a table");
        (
            flag(&compared, "plan_meets_policy"),
            text(&compared, "plan_policy_reason"),
        )
    }

    /// Another fact of the first table, as text.
    fn fact(&self, name: &str) -> String {
        let (_, compared) = self.all(&values()).into_iter().next().expect("a table");
        text(&compared, name)
    }

    /// What has to be excused for the plans of the first table to keep the policy.
    fn failing(&self, values: &PolicyValues) -> Vec<Demands> {
        let (_, compared) = self.all(values).into_iter().next().expect("a table");
        compared.failing("plan_meets_policy").to_vec()
    }

    fn fail(&mut self, action: &str) {
        for call in self.calls.iter_mut().filter(|call| call.action == action) {
            call.outcome = "denied".to_owned();
        }
    }
}

fn flag(compared: &Comparisons, name: &str) -> Option<bool> {
    match compared.get(name) {
        FactValue::Bool(flag) => Some(flag),
        _ => None,
    }
}

fn text(compared: &Comparisons, name: &str) -> String {
    match compared.get(name) {
        FactValue::Text(text) => text.to_string(),
        _ => "unknown".to_owned(),
    }
}

fn values() -> PolicyValues {
    PolicyValues::default()
}

fn hours(hours: i64) -> Option<TimeDelta> {
    Some(TimeDelta::hours(hours))
}

/// A daily plan with AWS's default window that ran every day.
fn daily() -> World {
    World::with("2026-11-20T20:00:00Z", &[(DAILY, 480, 35)]).ran_daily(10, "COMPLETED")
}

#[test]
fn an_ordinary_daily_plan_keeps_the_default_policy() {
    let (meets, reason) = daily().judged(&values());
    assert_eq!(
        (meets, &*reason),
        (Some(true), "rules that keep 35 days run every 24 h; daily wanted")
    );
    let strict = PolicyValues {
        tolerance: hours(4),
        ..values()
    };
    let (meets, reason) = daily().judged(&strict);
    assert_eq!(
        (meets, &*reason),
        (
            Some(false),
            "its window is longer than the policy tolerates: jobs may start 8 h late, 4 h tolerated"
        )
    );
}

#[test]
fn a_promise_covers_gap_and_window() {
    let promise = |rpo: i64| PolicyValues {
        rpo: hours(rpo),
        ..values()
    };
    let (meets, reason) = daily().judged(&promise(24));
    assert_eq!(
        (meets, &*reason),
        (
            Some(false),
            "the newest point gets 32 h old while all goes well, 24 h promised"
        )
    );
    assert_eq!(daily().judged(&promise(32)).0, Some(true));
    let weekly = World::with("2026-11-20T20:00:00Z", &[("cron(0 5 ? * SUN *)", 480, 35)]).fresh();
    assert_eq!(weekly.judged(&promise(7 * 24)).0, Some(false));
    assert_eq!(weekly.judged(&promise(7 * 24 + 8)).0, Some(true));
    // Both: each must hold.
    let both = PolicyValues {
        frequency: hours(24),
        ..promise(7 * 24 + 8)
    };
    assert_eq!(weekly.judged(&both).0, Some(false));
    assert_eq!(daily().judged(&both).0, Some(true));
}

#[test]
fn one_rule_must_do_both() {
    let six_hourly = ("cron(0 0/6 ? * * *)", 60, 7);
    let gfs = World::with("2026-11-20T20:00:00Z", &[six_hourly, ("cron(0 3 ? * * *)", 60, 40)]).fresh();
    assert_eq!(gfs.judged(&values()).0, Some(true));
    let neither = World::with("2026-11-29T22:00:00Z", &[six_hourly, ("cron(0 3 1 * ? *)", 60, 365)]).fresh();
    let (meets, reason) = neither.judged(&values());
    assert_eq!(
        (meets, &*reason),
        (Some(false), "rules that keep 35 days run every 31 d; daily wanted")
    );
    let hourly = World::with("2026-11-20T20:00:00Z", &[six_hourly]);
    let (meets, reason) = hourly.judged(&values());
    assert_eq!(meets, Some(false));
    assert_eq!(
        reason,
        "no rule of its plans makes recovery points that meet the policy: rule `rule-0` of plan `plan p` keeps 7 d (35 d required)"
    );
}

/// Seven days at home; a year is wanted, and copies may stand for it.
fn week_at_home() -> (World, PolicyValues) {
    let world = World::with("2026-11-20T20:00:00Z", &[(DAILY, 480, 7)]).ran_daily(10, "COMPLETED");
    let year = PolicyValues {
        retention_min_days: 365,
        accept_copies: true,
        ..values()
    };
    (world, year)
}

#[test]
fn a_copy_action_may_meet_what_the_point_at_home_does_not() {
    let (world, year) = week_at_home();
    let (meets, reason) = world.clone().copied(Some(365)).judged(&year);
    assert_eq!(
        (meets, &*reason),
        (
            Some(true),
            "rules that keep 365 days, in copies elsewhere, run every 24 h; daily wanted"
        )
    );
    let home_only = PolicyValues {
        accept_copies: false,
        ..year.clone()
    };
    assert_eq!(world.clone().copied(Some(365)).judged(&home_only).0, Some(false));
    // Without days of its own a copy ends with its source.
    for (days, lacks) in [
        (Some(30), "keeps 30 d (365 d required)"),
        (None, "keeps 7 d (365 d required)"),
    ] {
        let (meets, reason) = world.clone().copied(days).judged(&year);
        assert_eq!(meets, Some(false), "{reason}");
        assert!(
            reason.ends_with(&format!(
                "its copy in account 444455556666, eu-west-1, vault central {lacks}"
            )),
            "{reason}"
        );
    }
    let (meets, reason) = world.judged(&year);
    assert_eq!(
        (meets, &*reason),
        (
            Some(false),
            "no rule of its plans makes recovery points that meet the policy: rule `rule-0` of plan `plan p` keeps 7 d (365 d required), makes no copy"
        )
    );
}

#[test]
fn copies_that_are_planned_and_not_made_are_failures() {
    let (world, year) = week_at_home();
    let mut failing = world.clone().copied(Some(365));
    failing.points.retain(|point| point.account_id == ACCOUNT);
    // Fourteen hours after the last point the copy of that may be on its way; a day later both are missing.
    assert_eq!(failing.judged(&year).0, None);
    failing.as_of = at("2026-11-21T04:00:00Z");
    let (meets, reason) = failing.judged(&year);
    assert_eq!(meets, Some(false), "{reason}");
    assert!(reason.starts_with("planned, and failing"), "{reason}");
    // Nothing changes that for as long as jobs are remembered, whatever the hour.
    for hours in (1..24).map(TimeDelta::hours) {
        failing.as_of = at("2026-11-21T04:00:00Z") + hours;
        assert_eq!(failing.judged(&year).0, Some(false), "{}", failing.as_of);
    }
    // Today's copy is there before its run is over, and says nothing of the two runs before.
    for hours in 0..24 {
        let mut daily = World::with("2026-11-20T06:30:00Z", &[(DAILY, 480, 7)]);
        daily.as_of += TimeDelta::hours(hours);
        let daily = daily.ran_daily(10, "COMPLETED").copied(Some(365));
        assert_eq!(daily.judged(&year).0, Some(true), "{}", daily.as_of);
    }
    // The last copy but one is there.
    let mut late = world.clone().copied(Some(365));
    late.points
        .retain(|point| point.account_id == ACCOUNT || point.created_at != Some(at("2026-11-20T06:00:00Z")));
    assert_eq!(late.judged(&year).0, Some(true));
    // Nobody read where the copies go.
    let mut unread = world.clone().copied(Some(365));
    unread.points.retain(|point| point.account_id == ACCOUNT);
    for call in unread.calls.iter_mut().filter(|call| call.account_id == CENTRAL) {
        call.outcome = "denied".to_owned();
    }
    unread.as_of = at("2026-11-21T04:00:00Z");
    assert_eq!(unread.judged(&year).0, None);
    let mut not_in_scope = world.copied(Some(365));
    not_in_scope.points.retain(|point| point.account_id == ACCOUNT);
    not_in_scope.vaults.truncate(1);
    not_in_scope.targets.truncate(1);
    assert_eq!(not_in_scope.judged(&year).0, None);
}

#[test]
fn a_good_rule_makes_every_copy_that_the_policy_wants() {
    let world = World::with("2026-11-20T20:00:00Z", &[(DAILY, 480, 35)]).ran_daily(10, "COMPLETED");
    let wanted = PolicyValues {
        copy: CopyValues {
            accounts: vec![CENTRAL.to_owned()],
            retention_min_days: Some(365),
            ..CopyValues::default()
        },
        ..values()
    };
    let copied = Demands::from_iter([Demand::Copied]);
    assert_eq!(world.clone().copied(Some(365)).judged(&wanted).0, Some(true));
    for world in [world.clone(), world.clone().copied(Some(30))] {
        let (meets, reason) = world.judged(&wanted);
        assert_eq!(
            (meets, &*reason),
            (
                Some(false),
                "no rule of its plans makes recovery points that meet the policy: rule `rule-0` of plan `plan p` makes no copy in account 444455556666 that meets the policy"
            )
        );
        assert_eq!(world.failing(&wanted), [copied]);
    }
    // Where copies may be older than they may be by default, a rule of their own may make them.
    let weekly = PolicyValues {
        copy: CopyValues {
            rpo: Some(TimeDelta::days(8)),
            ..wanted.copy.clone()
        },
        ..wanted.clone()
    };
    assert_eq!(world.judged(&weekly).0, Some(true));
    let any = PolicyValues {
        copy: CopyValues {
            regions: vec!["any".to_owned()],
            ..CopyValues::default()
        },
        ..values()
    };
    assert_eq!(
        world.copied(Some(365)).judged(&any).1,
        "no rule of its plans makes recovery points that meet the policy: rule `rule-0` of plan `plan p` makes no copy in another Region that meets the policy"
    );
}

#[test]
fn a_copy_action_counts_by_its_own_retention_and_by_its_vault() {
    let (world, _) = week_at_home();
    let world = world.copied(Some(30));
    let wanted = |copy: CopyValues| PolicyValues {
        copy: CopyValues {
            accounts: vec![CENTRAL.to_owned()],
            ..copy
        },
        ..values()
    };
    let of = |world: &World, copy: CopyValues| {
        let (_, compared) = world.all(&wanted(copy)).remove(0);
        (
            text(&compared, "unplanned_copy_accounts"),
            text(&compared, "missing_copy_accounts"),
        )
    };
    let (there, lacking, open) = ("none".to_owned(), CENTRAL.to_owned(), "unknown".to_owned());
    let month = CopyValues {
        retention_min_days: Some(30),
        ..CopyValues::default()
    };
    let year = CopyValues {
        retention_min_days: Some(365),
        ..CopyValues::default()
    };
    let locked = CopyValues {
        vault_lock: Some(LockWanted::Compliance),
        ..CopyValues::default()
    };
    let owned = CopyValues {
        key_owner: Some(KeyOwner::CustomerManaged),
        ..CopyValues::default()
    };
    let both = |one: &String| (one.clone(), one.clone());
    assert_eq!(of(&world, CopyValues::default()), both(&there));
    assert_eq!(of(&world, month.clone()), both(&there));
    assert_eq!(of(&world, year.clone()), both(&lacking));
    assert_eq!(of(&world, locked.clone()), both(&lacking));
    assert_eq!(of(&world, owned.clone()), both(&there));
    // A key that dies, and one that nobody described.
    let mut dying = world.clone();
    dying.keys[0].key_state = Some("PendingDeletion".to_owned());
    assert_eq!(of(&dying, CopyValues::default()), both(&lacking));
    let mut unknown = world.clone();
    unknown.keys.clear();
    assert_eq!(of(&unknown, CopyValues::default()), both(&open));
    // An account that is not in scope: the action tells its own retention, and nothing of the vault.
    let mut elsewhere = world.clone();
    elsewhere.points.retain(|point| point.account_id == ACCOUNT);
    elsewhere.vaults.truncate(1);
    elsewhere.targets.truncate(1);
    assert_eq!(of(&elsewhere, CopyValues::default()).0, there);
    assert_eq!(of(&elsewhere, year.clone()).0, lacking);
    assert_eq!(of(&elsewhere, locked).0, open);
    let (_, compared) = elsewhere.all(&wanted(owned)).remove(0);
    assert_eq!(
        text(&compared, "copy_actions_doubt"),
        "copies go to account 444455556666, eu-west-1, vault central, whose key and lock were not read"
    );
    // A vault that was listed nowhere, and an inventory that holds no lifecycles of copies.
    let mut gone = world.clone();
    gone.vaults.truncate(1);
    assert_eq!(of(&gone, CopyValues::default()).0, lacking);
    let mut old = world;
    let json = &mut old.rules[0].copy_actions_json;
    *json = json.replace(",\"delete_after_days\":30", "");
    assert_eq!(of(&old, CopyValues::default()).0, there);
    assert_eq!(of(&old, month).0, open);
}

#[test]
fn a_rule_that_is_kept_longer_takes_the_run_of_a_good_one() {
    // In one window the longer retention wins; where its vault does not exist, that day has no point.
    let mut world = World::with(
        "2026-11-20T20:00:00Z",
        &[(DAILY, 480, 35), ("cron(0 5 ? * SUN *)", 480, 365)],
    )
    .fresh();
    assert_eq!(world.judged(&values()).0, Some(true));
    world.rules[1].vault_name = "gone".to_owned();
    let (meets, reason) = world.judged(&values());
    assert_eq!(
        (meets, &*reason),
        (Some(false), "rules that keep 35 days run every 2 d; daily wanted")
    );
    // Another plan takes nothing from it.
    let mut two = World::with("2026-11-20T20:00:00Z", &[(DAILY, 480, 35)]);
    two.add_plan("q", &[("cron(0 5 ? * SUN *)", 480, 365)]);
    two = two.fresh();
    two.rules[1].vault_name = "gone".to_owned();
    assert_eq!(two.judged(&values()).0, Some(true));
    // Kept as long, AWS does not say which runs.
    world.rules[1].delete_after_days = Some(35);
    assert_eq!(world.judged(&values()).0, None);
}

#[test]
fn vault_lock_and_key_are_asked() {
    let locked = PolicyValues {
        vault_lock: LockWanted::Governance,
        ..values()
    };
    let mut world = daily();
    let (meets, reason) = world.judged(&locked);
    assert_eq!(meets, Some(false));
    assert!(
        reason.contains("writes to vault `main`, lock none (governance required)"),
        "{reason}"
    );
    world.vaults[0].locked = Some(true);
    assert_eq!(world.judged(&locked).0, Some(true));
    // The lock refuses what the rule keeps: its jobs fail.
    world.vaults[0].min_retention_days = Some(90);
    assert_eq!(world.judged(&values()).0, Some(false));

    let mut world = daily();
    world.keys[0].key_state = Some("PendingDeletion".to_owned());
    let (meets, reason) = world.judged(&values());
    assert_eq!(meets, Some(false));
    assert!(
        reason.contains("encrypts by a key in state PendingDeletion"),
        "{reason}"
    );
    world.keys.clear();
    assert_eq!(world.judged(&values()).0, None);

    let mut world = daily();
    world.keys[0].key_manager = Some("AWS".to_owned());
    let owned = PolicyValues {
        key_owner: KeyOwner::CustomerManaged,
        ..values()
    };
    assert_eq!(world.judged(&owned).0, Some(false));
    // Without advanced features points are encrypted by the table's key.
    let mut world = daily();
    world.settings.dynamodb_advanced = Some(false);
    assert_eq!(world.judged(&owned).0, Some(false));
    assert_eq!(world.judged(&values()).0, Some(true));
}

#[test]
fn a_plan_that_fails_every_day_fails_whatever_was_made_by_hand() {
    let mut world = World::with("2026-11-20T20:00:00Z", &[(DAILY, 480, 35)]).ran_daily(10, "FAILED");
    assert_eq!(world.fact("failing_plans"), "p");
    for day in 0..3 {
        let by_hand = world.as_of - TimeDelta::hours(12) - TimeDelta::days(day);
        world.add_job(0, by_hand, "COMPLETED", Some("another"), 35);
    }
    let (meets, reason) = world.judged(&values());
    assert_eq!(meets, Some(false));
    assert_eq!(
        reason,
        "planned, and failing: the last two runs of rule `rule-0` of plan `plan p`, due at 2026-11-19 05:00 UTC and \
         2026-11-20 05:00 UTC, made no recovery point that meets the policy"
    );
    // No job was started at all: the same.
    let idle = World::with("2026-11-20T20:00:00Z", &[(DAILY, 480, 35)]);
    assert_eq!(idle.judged(&values()).0, Some(false));
    // Yesterday's worked.
    let mut once = World::with("2026-11-20T20:00:00Z", &[(DAILY, 480, 35)]);
    once.add_job(0, at("2026-11-19T06:00:00Z"), "COMPLETED", Some("p"), 35);
    assert_eq!(once.judged(&values()).0, Some(true));
    // What was made was kept too short: by a version of before.
    let short = |days: i64| {
        let mut world = World::with("2026-11-20T20:00:00Z", &[(DAILY, 480, 35)]);
        world.add_job(0, at("2026-11-19T06:00:00Z"), "COMPLETED", Some("p"), days);
        world.judged(&values()).0
    };
    assert_eq!((short(35), short(7)), (Some(true), Some(false)));
    // A job that is still running, and one whose point is gone, leave it open.
    let running = World::with("2026-11-20T20:00:00Z", &[(DAILY, 480, 35)]).ran_daily(1, "RUNNING");
    assert_eq!(running.judged(&values()).0, None);
    let mut gone = daily();
    gone.points.clear();
    assert_eq!(gone.judged(&values()).0, None);
    // A monthly rule: of its run before the last one neither jobs nor points tell any more.
    let mut monthly = World::with("2026-11-20T20:00:00Z", &[("cron(0 5 1 * ? *)", 480, 35)]);
    let of_month = PolicyValues {
        frequency: hours(31 * 24),
        ..values()
    };
    assert_eq!(monthly.judged(&of_month).0, None);
    monthly.rules[0].delete_after_days = Some(90);
    assert_eq!(monthly.judged(&of_month).0, Some(false));
    let arn = monthly.tables[0].table_arn.clone();
    monthly.add_point(&arn, at("2026-10-01T06:00:00Z"), Some("p"), 90);
    assert_eq!(monthly.judged(&of_month).0, Some(true));
    // One of two rules fails, and the other suffices.
    let mut two = daily();
    two.add_plan("q", &[("cron(0 0/6 ? * * *)", 60, 365)]);
    assert_eq!(two.judged(&values()).0, Some(true));
}

#[test]
fn what_fails_of_a_plan_is_told_by_its_rules_and_runs() {
    use Demand::{Fresh, Kept, KeyWorks, Locked, Usable};
    let of = |demands: &[Demand]| -> Demands { demands.iter().copied().collect() };
    let plan = |rules: &[(&str, i64, i64)]| World::with("2026-11-29T22:00:00Z", rules).fresh();
    assert_eq!(daily().failing(&values()), [Demands::NONE]);
    let short = (DAILY, 480, 7);
    assert_eq!(plan(&[short]).failing(&values()), [of(&[Kept])]);
    let monthly = ("cron(0 3 1 * ? *)", 60, 365);
    assert_eq!(plan(&[monthly]).failing(&values()), [of(&[Fresh])]);
    assert_eq!(plan(&[short, monthly]).failing(&values()), [of(&[Fresh]), of(&[Kept])]);
    let weekly_and_short = ("cron(0 5 ? * SUN *)", 480, 7);
    assert_eq!(plan(&[weekly_and_short]).failing(&values()), [of(&[Fresh, Kept])]);
    // Its runs fail, whatever is asked of their points.
    let failing = World::with("2026-11-20T20:00:00Z", &[(DAILY, 480, 35)]).ran_daily(10, "FAILED");
    assert_eq!(failing.failing(&values()), [of(&[Usable])]);
    let failing_and_short = World::with("2026-11-20T20:00:00Z", &[short]).ran_daily(10, "FAILED");
    assert_eq!(failing_and_short.failing(&values()), [of(&[Usable, Kept])]);
    // No run is left, or its vault is gone: nothing is made at all.
    let over = World::with("2026-11-20T20:00:00Z", &[("cron(0 5 ? 1-10 * 2026)", 480, 35)]);
    assert_eq!(over.failing(&values()), [of(&[Fresh, Usable])]);
    let mut gone = daily();
    gone.rules[0].vault_name = "gone".to_owned();
    assert_eq!(gone.failing(&values()), [of(&[Fresh, Usable])]);
    // Of the points of another rule more is wrong.
    let mut two = plan(&[(DAILY, 480, 35), ("cron(0 20 ? * * *)", 60, 7)]);
    two.rules[0].vault_name = "gone".to_owned();
    assert_eq!(two.failing(&values()), [of(&[Kept])]);
    let locked = PolicyValues {
        vault_lock: LockWanted::Governance,
        ..values()
    };
    assert_eq!(daily().failing(&locked), [of(&[Locked])]);
    // What is not known may fail.
    let mut world = daily();
    world.keys.clear();
    assert_eq!(world.failing(&values()), [of(&[KeyWorks])]);
    world.fail("backup:GetBackupPlan");
    world.rules.clear();
    assert!(world.failing(&values()).is_empty());
}

#[test]
fn nothing_due_yet_counts_as_working() {
    let mut world = World::with("2026-11-20T20:00:00Z", &[(DAILY, 480, 35)]);
    world.selections[0].created_at = Some(at("2026-11-19T20:00:00Z"));
    assert_eq!(world.judged(&values()).0, Some(true));
    world.selections[0].created_at = Some(at("2026-11-18T20:00:00Z"));
    assert_eq!(world.judged(&values()).0, Some(false));
    world.tables[0].created_at = Some(at("2026-11-19T12:00:00Z"));
    assert_eq!(world.judged(&values()).0, Some(true));
    // But jobs of the plan for another table say that its role cannot work.
    world.add_table("other", "2025-01-01T00:00:00Z");
    world.add_job(1, at("2026-11-20T06:00:00Z"), "FAILED", Some("p"), 35);
    world.jobs[0].status_message = Some("The IAM role cannot be assumed by AWS Backup".to_owned());
    assert_eq!(world.judged(&values()).0, None);
    // AWS leaves out since when: the runs may not have been due.
    let mut world = World::with("2026-11-20T20:00:00Z", &[(DAILY, 480, 35)]);
    world.selections[0].created_at = None;
    assert_eq!(world.judged(&values()).0, None);
}

#[test]
fn a_plan_without_a_run_left_keeps_nothing() {
    for (schedule, meets) in [
        ("cron(0 5 ? 1-10 * 2026)", Some(false)),
        // It ends within the month.
        ("cron(0 5 ? 1-11 * 2026)", Some(false)),
        ("cron(0 5 ? * * 2026-2027)", Some(true)),
        ("rate(1 day)", None),
        ("cron(0 5 ? * MON-FRI *)", Some(false)),
    ] {
        let world = World::with("2026-11-20T20:00:00Z", &[(schedule, 480, 35)]).ran_daily(10, "COMPLETED");
        let (found, reason) = world.judged(&values());
        assert_eq!(found, meets, "{schedule}: {reason}");
    }
}

#[test]
fn clocks_that_change_make_no_daily_plan_late() {
    let at_hour = |as_of: &str, hour: i64| {
        let mut world = World::with(as_of, &[(&format!("cron(30 {hour} ? * * *)"), 480, 35)]);
        world.rules[0].schedule_time_zone = Some("Europe/Berlin".to_owned());
        world.selections[0].created_at = Some(at(as_of));
        world.judged(&values()).0
    };
    // Back on 2026-10-25, forward on 2027-03-28, when half past two does not come.
    assert_eq!(at_hour("2026-10-20T20:00:00Z", 4), Some(true));
    assert_eq!(at_hour("2026-10-20T20:00:00Z", 2), Some(true));
    assert_eq!(at_hour("2027-03-20T20:00:00Z", 4), Some(true));
    assert_eq!(at_hour("2027-03-20T20:00:00Z", 2), Some(false));
    // A promise goes by real hours.
    let promise = |rpo: i64| {
        let mut world = World::with("2026-10-20T20:00:00Z", &[(DAILY, 480, 35)]);
        world.rules[0].schedule_time_zone = Some("Europe/Berlin".to_owned());
        world.selections[0].created_at = Some(world.as_of);
        world
            .judged(&PolicyValues {
                rpo: hours(rpo),
                ..values()
            })
            .0
    };
    assert_eq!((promise(32), promise(33)), (Some(false), Some(true)));
}

#[test]
fn what_was_not_read_is_never_better() {
    let worlds = [
        daily(),
        World::with("2026-11-20T20:00:00Z", &[(DAILY, 480, 35)]).ran_daily(10, "FAILED"),
        World::with("2026-11-20T20:00:00Z", &[(DAILY, 480, 7)]).ran_daily(10, "COMPLETED"),
        World::with("2026-11-20T20:00:00Z", &[("cron(0 5 ? * SUN *)", 480, 35)]).fresh(),
        World::with("2026-11-20T20:00:00Z", &[]),
        World::with(
            "2026-11-20T20:00:00Z",
            &[(DAILY, 480, 35), ("cron(0 6 ? * * *)", 480, 35)],
        ),
    ];
    let mut log = String::new();
    for world in &worlds {
        let (_, compared) = world.all(&values()).remove(0);
        let before = flag(&compared, "plan_meets_policy");
        let failing = compared.failing("plan_meets_policy");
        let actions: std::collections::BTreeSet<String> = world.calls.iter().map(|call| call.action.clone()).collect();
        for action in actions {
            let mut lost = world.clone();
            lost.fail(&action);
            match action.as_str() {
                "backup:ListBackupJobs" => lost.jobs.clear(),
                "backup:ListBackupVaults" => (lost.vaults, lost.points) = (Vec::new(), Vec::new()),
                "backup:ListRecoveryPointsByBackupVault" => lost.points.clear(),
                "backup:GetBackupPlan" => lost.rules.clear(),
                "backup:ListBackupPlanVersions" => lost.versions.clear(),
                "backup:ListBackupSelections" | "backup:GetBackupSelection" => lost.selections.clear(),
                "backup:ListBackupPlans" => {
                    (lost.plans, lost.rules, lost.versions, lost.selections) = Default::default();
                }
                "kms:DescribeKey" => lost.keys.clear(),
                _ => continue,
            }
            let (_, compared) = lost.all(&values()).remove(0);
            let after = flag(&compared, "plan_meets_policy");
            let reason = text(&compared, "plan_policy_reason");
            assert!(
                after.is_none() || after == before,
                "{before:?} became {after:?} without {action}: {reason}"
            );
            // Nor is less enough to excuse what fails.
            for less in compared.failing("plan_meets_policy") {
                assert!(
                    failing.iter().any(|failing| failing.are_among(*less)),
                    "{failing:?} became {less:?} without {action}: {reason}"
                );
            }
            writeln!(log, "{before:?} {after:?} {action}").expect("written");
        }
    }
    // A plan that works is known to only with the jobs, the points, the vault and its key.
    for action in [
        "backup:ListBackupJobs",
        "backup:ListBackupVaults",
        "kms:DescribeKey",
        "backup:GetBackupPlan",
    ] {
        assert!(log.contains(&format!("Some(true) None {action}")), "{log}");
    }
}

#[test]
fn a_young_table_is_excused_until_its_first_window_is_over() {
    let young = |as_of: &str, born: &str, change: &dyn Fn(&mut World)| {
        let mut world = World::with(as_of, &[(DAILY, 480, 35)]);
        world.tables[0].created_at = Some(at(born));
        world.selections[0].created_at = Some(at(born));
        change(&mut world);
        let (facts, compared) = world.all(&values()).remove(0);
        (flag(&compared, "is_not_yet_due"), facts.first_backup_due_at)
    };
    let (born, due) = ("2026-11-20T09:00:00Z", Some(at("2026-11-21T13:00:00Z")));
    assert_eq!(young("2026-11-20T20:00:00Z", born, &|_| {}), (Some(true), due));
    assert_eq!(young("2026-11-21T12:59:59Z", born, &|_| {}), (Some(true), due));
    assert_eq!(young("2026-11-21T13:00:00Z", born, &|_| {}), (Some(false), due));
    let now = "2026-11-20T20:00:00Z";
    // In no plan; an old table that was put into a plan today; one with a point.
    assert_eq!(young(now, born, &|world| world.selections.clear()), (Some(false), None));
    let of_yesterday = |world: &mut World| world.tables[0].created_at = Some(at("2026-11-19T09:00:00Z"));
    assert_eq!(young(now, born, &of_yesterday).0, Some(false));
    let with_point = |world: &mut World| world.add_job(0, at("2026-11-20T10:00:00Z"), "COMPLETED", None, 35);
    assert_eq!(young(now, born, &with_point), (Some(false), None));
    // Dropped and made anew every night.
    let earlier = |made: &'static str| {
        move |world: &mut World| {
            let arn = world.tables[0].table_arn.clone();
            world.add_point(&arn, at(made), Some("p"), 35);
        }
    };
    assert_eq!(young(now, born, &earlier("2026-11-19T06:00:00Z")).0, Some(false));
    assert_eq!(young(now, born, &earlier("2026-11-10T06:00:00Z")).0, Some(true));
    // A doubt is none.
    let fail = |action: &'static str| move |world: &mut World| world.fail(action);
    for action in [
        "backup:ListRecoveryPointsByBackupVault",
        "backup:GetBackupPlan",
        "backup:ListBackupPlans",
    ] {
        assert_eq!(young(now, born, &fail(action)).0, None, "{action}");
    }
    let rate = |world: &mut World| world.rules[0].schedule = Some("rate(1 day)".to_owned());
    assert_eq!(young(now, born, &rate), (None, None));
}

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(self.0 >> 33).unwrap_or(0) % bound
    }
}

/// When each table was backed up on each day of 2026; `None`: it was missed.
struct Year {
    tables: Vec<Vec<Option<DateTime<Utc>>>>,
}

const TABLES: usize = 60;

/// How often the year is looked at.
const MOMENTS: i64 = 40;

impl Year {
    /// A daily plan at 05:00 with a window of eight hours, of which AWS takes any moment. Some tables miss some days.
    fn new(dice: &mut Dice, misses: &dyn Fn(usize, i64) -> bool) -> Self {
        let first = at("2026-01-01T05:00:00Z");
        let mut day_of = |table: usize, day: i64| {
            let start = first + TimeDelta::days(day) + TimeDelta::seconds(dice.below(8 * 3600));
            (!misses(table, day)).then_some(start)
        };
        let tables = (0..TABLES).map(|table| (0..365).map(|day| day_of(table, day)).collect());
        Self {
            tables: tables.collect(),
        }
    }

    /// What a scan sees at that moment.
    fn at(&self, as_of: DateTime<Utc>) -> World {
        let mut world = World::with("2026-01-01T00:00:00Z", &[(DAILY, 480, 35)]);
        world.as_of = as_of;
        world.tables.clear();
        for (table, days) in self.tables.iter().enumerate() {
            world.add_table(&format!("table-{table:02}"), "2025-01-01T00:00:00Z");
            let remembered = days
                .iter()
                .flatten()
                .filter(|made| **made <= as_of && as_of - **made < TimeDelta::days(30));
            for made in remembered {
                world.add_job(table, *made, "COMPLETED", Some("p"), 35);
            }
        }
        world
    }
}

#[test]
fn a_year_of_an_ordinary_daily_plan_raises_no_false_alarm() {
    let mut dice = Dice(7);
    let year = Year::new(&mut dice, &|_, _| false);
    let promise = PolicyValues {
        rpo: hours(24),
        ..values()
    };
    let (mut all, mut red) = (0_u32, 0_u32);
    for place in 0..MOMENTS {
        // At any time of the day, on any day.
        let second = (place * 86_400 + dice.below(86_400)) / MOMENTS;
        let moment = at("2026-02-10T00:00:00Z") + TimeDelta::days(dice.below(300)) + TimeDelta::seconds(second);
        for (facts, (by_default, by_promise)) in year.at(moment).compared([&values(), &promise]) {
            let name = facts.table_name.as_deref().unwrap_or_default();
            let age = facts.newest_recovery_point_age_hours.expect("an age");
            assert!(age <= 36.0, "{name} at {moment}: {age} h");
            assert_eq!(flag(&by_default, "backed_up"), Some(true), "{name} at {moment}");
            let reason = text(&by_default, "plan_policy_reason");
            assert_eq!(
                flag(&by_default, "plan_meets_policy"),
                Some(true),
                "{name} at {moment}: {reason}"
            );
            assert_eq!(facts.missed_run_count, Some(0), "{name} at {moment}");
            assert_eq!(flag(&by_promise, "plan_meets_policy"), Some(false));
            all += 1;
            red += u32::from(flag(&by_promise, "backed_up") == Some(false));
        }
    }
    // A gap is 24 hours and the difference of two moments of a window of 8 hours: on average it is 8/6 hours too long.
    let share = f64::from(red) / f64::from(all);
    let expected = 8.0 / 6.0 / 24.0;
    assert!(
        (share - expected).abs() < 0.01,
        "{red} of {all}: {share:.4}, expected {expected:.4}"
    );
}

#[test]
fn missed_days_of_a_year_are_all_found() {
    // Each table misses one day in five weeks or so, every fourth one the day after it too.
    let misses = |table: usize, day: i64| {
        let of_table = i64::try_from(table).unwrap_or(0);
        let place = (day + of_table * 3) % 37;
        place == 20 || (place == 21 && table.is_multiple_of(4))
    };
    let year = Year::new(&mut Dice(11), &misses);
    let mut found = 0;
    // Each month, a minute before the next run: runs are told of for 29 days.
    for day in (45..365).step_by(29) {
        let world = year.at(at("2026-01-01T04:59:00Z") + TimeDelta::days(day));
        for (table, (facts, compared)) in world.all(&values()).iter().enumerate() {
            let (last, before) = (misses(table, day - 1), misses(table, day - 2));
            assert_eq!(flag(compared, "backed_up"), Some(!last), "table {table}, day {day}");
            assert_eq!(
                flag(compared, "plan_meets_policy"),
                Some(!(last && before)),
                "table {table}, day {day}"
            );
            let missed = (day - 29..day).filter(|day| misses(table, *day)).count();
            assert_eq!(
                facts.missed_run_count,
                i64::try_from(missed).ok(),
                "table {table}, day {day}"
            );
            found += missed;
        }
    }
    assert!(found > 300, "{found}");
}
