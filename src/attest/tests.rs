//! Random worlds, seen through random packs: whatever an attestation says of a moment is what really was.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::judge::Window;
use super::lives::LivesBuilder;
use super::policies::Policies;
use super::union::Union;
use super::{Period, TableProof, percent};
use crate::criteria::Criteria;
use crate::criteria::policy::Policy;
use crate::criteria::rules::RuleSet;
use crate::criteria::waivers::Waivers;
use crate::facts::derive;
use crate::facts::rpo_over_time::DAY;
use crate::inventory::schema::{
    BackupJob, CallLogEntry, Key, Plan, PlanRule, PlanVersion, RecoveryPoint, Row, SCHEMA_VERSION, Table, Target, Vault,
};
use crate::inventory::store::{Writer, write_manifest};
use crate::inventory::{Inventory, Manifest};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-west-1";
const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/k";
const ARN: &str = "arn:aws:dynamodb:eu-west-1:111122223333:table/t";
/// Day 0 of worlds, in days since 1970.
const DAY_0: u32 = 20_000;
const DAYS: u32 = 120;
const HOUR: u32 = 3600;
const RPO: u32 = 26 * HOUR;

/// A job and the recovery point that it made.
#[derive(Debug, Clone)]
struct Backup {
    created: u32,
    dated: u32,
    finished: u32,
    /// Which rule made it: how long it is kept.
    rule: usize,
    /// When it is gone by itself.
    expires: u32,
    /// Deleted by hand.
    deleted: Option<u32>,
    life: usize,
}

const KEPT_DAYS: [u32; 3] = [2, 10, 45];

/// What one pack reads.
#[derive(Debug, Clone)]
struct Look {
    as_of: u32,
    vault: bool,
    jobs: bool,
    tables: bool,
    described: bool,
}

#[derive(Debug, Clone)]
struct World {
    /// Creation and deletion of each table of the name.
    lives: Vec<(u32, u32)>,
    backups: Vec<Backup>,
    looks: Vec<Look>,
}

fn at(seconds: u32) -> DateTime<Utc> {
    DateTime::from_timestamp(i64::from(seconds), 0).expect("an instant")
}

fn hour(hour: u32) -> u32 {
    DAY_0 * DAY + hour * HOUR
}

fn worlds() -> impl Strategy<Value = World> {
    let lives = prop::collection::vec((0..30_u32 * 24, 2..70_u32 * 24), 1..4);
    // One try a day: whether it runs, minutes to its start and end, the rule, and hours to a deletion by hand.
    let backup = (
        0..10_u32,
        0..60_u32,
        1..40_u32,
        0..3_usize,
        prop::option::weighted(0.1, 1..300_u32),
        0..8_u32,
    );
    let backups = prop::collection::vec(backup, DAYS as usize);
    let look = (1..DAYS * 24, 0..6_u32, 0..6_u32, 0..6_u32, 0..6_u32);
    let looks = prop::collection::vec(look, 1..8);
    (lives, backups, looks).prop_map(|(spans, tries, looks)| {
        let mut lives = Vec::new();
        let mut from = 0;
        for (pause, length) in spans {
            lives.push((hour(from + pause), hour(from + pause + length)));
            from += pause + length + 1;
        }
        let mut backups = Vec::new();
        for (day, (luck, start, takes, rule, deleted, lag)) in (0_u32..).zip(tries) {
            let created = hour(day * 24 + 5);
            let dated = created + start * 60;
            let finished = dated + takes * 60;
            let Some(life) = lives
                .iter()
                .position(|(born, gone)| *born <= created && finished < *gone)
            else {
                continue;
            };
            if luck == 0 {
                continue;
            }
            backups.push(Backup {
                created,
                dated,
                finished,
                rule,
                expires: dated + KEPT_DAYS[rule] * DAY + lag * HOUR,
                deleted: deleted.map(|hours| finished + hours * HOUR),
                life,
            });
        }
        let mut looks: Vec<Look> = looks
            .into_iter()
            .map(|(hours, vault, jobs, tables, described)| Look {
                as_of: hour(hours),
                vault: vault > 0,
                jobs: jobs > 0,
                tables: tables > 0,
                described: described > 0,
            })
            .collect();
        looks.sort_by_key(|look| look.as_of);
        looks.dedup_by_key(|look| look.as_of);
        World { lives, backups, looks }
    })
}

impl Backup {
    fn end(&self) -> u32 {
        self.deleted.unwrap_or(u32::MAX).min(self.expires)
    }

    /// A point that was deleted by hand between two packs, and would have expired between them too, is taken to have
    /// stayed as long as promised: the one thing that packs cannot show.
    fn believed_end(&self, looks: &[Look]) -> u32 {
        let promised = self.dated + KEPT_DAYS[self.rule] * DAY;
        let Some(deleted) = self.deleted.filter(|deleted| *deleted < promised) else {
            return self.end();
        };
        // The date of a point that only its job tells of is no later than its end, so its retention may seem to end earlier.
        let shown =
            |look: &Look| look.vault && look.as_of >= deleted && look.as_of < self.created + KEPT_DAYS[self.rule] * DAY;
        if looks.iter().any(shown) {
            deleted
        } else {
            promised.max(self.end())
        }
    }
}

impl World {
    fn really(&self, life: usize, moment: u32) -> Option<&'static str> {
        let (born, gone) = self.lives[life];
        if moment < born || moment >= gone {
            return None;
        }
        let of_life = self.backups.iter().filter(|backup| backup.life == life);
        let covers = |backup: &Backup, end: u32| backup.finished <= moment && moment < end.min(backup.dated + RPO);
        let mut really = of_life.map(|backup| {
            (
                covers(backup, backup.end()),
                covers(backup, backup.believed_end(&self.looks)),
            )
        });
        let any = really.clone().any(|(really, _)| really);
        if any {
            Some("covered")
        } else if really.any(|(_, believed)| believed) {
            Some("believed")
        } else if moment < born + RPO {
            Some("young")
        } else {
            Some("exposed")
        }
    }

    fn inventory(&self, look: &Look, dir: &std::path::Path) -> Inventory {
        fn push<R: Row>(writer: &Writer, rows: &[R]) {
            writer.push(rows).expect("written");
        }
        let writer = Writer::create(dir);
        push(
            &writer,
            &[Target {
                account_id: ACCOUNT.to_owned(),
                account_name: None,
                region: REGION.to_owned(),
                partition: "aws".to_owned(),
            }],
        );
        push(&writer, &self.tables(look));
        push(&writer, &[vault()]);
        push(&writer, &[key()]);
        push(&writer, &plans());
        push(&writer, &plan_versions());
        push(&writer, &plan_rules());
        push(&writer, &if look.vault { self.points(look) } else { Vec::new() });
        push(&writer, &if look.jobs { self.jobs(look) } else { Vec::new() });
        push(&writer, &calls(look));
        let manifest = Manifest {
            as_of: at(look.as_of),
            started_at: at(look.as_of),
            finished_at: at(look.as_of),
            frames: writer.finish().expect("finished"),
            ..manifest()
        };
        write_manifest(dir, &manifest).expect("written");
        Inventory::open(dir).expect("opened")
    }

    fn tables(&self, look: &Look) -> Vec<Table> {
        let alive = self
            .lives
            .iter()
            .position(|(born, gone)| (*born..*gone).contains(&look.as_of));
        let alive = alive.filter(|_| look.tables);
        let table = |life: usize| Table {
            account_id: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            table_name: "t".to_owned(),
            table_arn: ARN.to_owned(),
            description: if look.described { "described" } else { "unread" }.to_owned(),
            table_id: look.described.then(|| format!("id-{life}")),
            table_status: look.described.then(|| "ACTIVE".to_owned()),
            created_at: look.described.then(|| at(self.lives[life].0)),
            table_size_bytes: None,
            item_count: None,
            billing_mode: None,
            table_class: None,
            sse_type: None,
            sse_status: None,
            sse_key_arn: None,
            deletion_protection: None,
            replica_count: None,
            archived_at: None,
            restored_at: None,
        };
        alive.map(table).into_iter().collect()
    }

    fn points(&self, look: &Look) -> Vec<RecoveryPoint> {
        let there = self
            .backups
            .iter()
            .filter(|backup| backup.dated <= look.as_of && look.as_of < backup.end());
        let point = |backup: &Backup| {
            let is_finished = backup.finished <= look.as_of;
            let days = KEPT_DAYS[backup.rule];
            RecoveryPoint {
                account_id: ACCOUNT.to_owned(),
                region: REGION.to_owned(),
                vault_name: "Default".to_owned(),
                recovery_point_arn: arn_of(backup),
                resource_arn: Some(ARN.to_owned()),
                status: Some(if is_finished { "COMPLETED" } else { "CREATING" }.to_owned()),
                created_at: Some(at(backup.dated)),
                started_at: Some(at(backup.created)),
                completed_at: is_finished.then(|| at(backup.finished)),
                last_restored_at: None,
                cold_after_days: None,
                delete_after_days: Some(i64::from(days)),
                delete_after_event: None,
                cold_at: None,
                delete_at: Some(at(backup.dated + days * DAY)),
                is_encrypted: Some(true),
                key_arn: None,
                key_type: Some("AWS_OWNED_KMS_KEY".to_owned()),
                source_vault_arn: None,
                created_by_plan_id: Some("plan".to_owned()),
                created_by_rule_id: Some(format!("rule-{}", backup.rule)),
                size_bytes: None,
            }
        };
        there.map(point).collect()
    }

    fn jobs(&self, look: &Look) -> Vec<BackupJob> {
        let reach = look.as_of - 30 * DAY;
        let known = self
            .backups
            .iter()
            .filter(|backup| (reach..=look.as_of).contains(&backup.created));
        let job = |backup: &Backup| {
            let is_finished = backup.finished <= look.as_of;
            BackupJob {
                account_id: ACCOUNT.to_owned(),
                region: REGION.to_owned(),
                job_id: format!("job-{}", backup.created),
                resource_arn: Some(ARN.to_owned()),
                state: Some(if is_finished { "COMPLETED" } else { "RUNNING" }.to_owned()),
                status_message: None,
                message_category: None,
                created_at: Some(at(backup.created)),
                start_by: None,
                completed_at: is_finished.then(|| at(backup.finished)),
                vault_name: Some("Default".to_owned()),
                recovery_point_arn: Some(arn_of(backup)),
                role_arn: None,
                created_by_plan_id: Some("plan".to_owned()),
                created_by_rule_id: Some(format!("rule-{}", backup.rule)),
            }
        };
        known.map(job).collect()
    }

    /// Every table, as the packs of these looks prove it.
    fn attest(&self, looks: &[Look]) -> Vec<TableProof> {
        let dirs: Vec<tempfile::TempDir> = looks.iter().map(|_| tempfile::tempdir().expect("a folder")).collect();
        let inventories = looks
            .iter()
            .zip(&dirs)
            .map(|(look, dir)| self.inventory(look, dir.path()));
        let inventories: Vec<Inventory> = inventories.collect();
        let mut builder = LivesBuilder::default();
        for inventory in &inventories {
            builder.add(inventory).expect("read");
        }
        let lives = builder.finish();
        let window = Window {
            from: hour(0),
            to: hour(DAYS * 24),
            days: DAYS as usize,
            is_strict: false,
        };
        let all: Vec<(Criteria, bool)> = inventories.iter().map(|_| (criteria(), false)).collect();
        let mut policies = Policies::new(&lives, &all);
        let mut union = Union::new(&lives, (window.from, window.to), false);
        for inventory in &inventories {
            let facts = derive(inventory, 30).expect("derived");
            union.add(inventory, &facts).expect("united");
            policies.add(&lives, &facts, &all[0].0).expect("read");
        }
        let mut united = union.finish();
        let tables = lives.all.iter().zip(&united.sums).enumerate();
        tables
            .map(|(place, (life, sum))| window.table(life, (sum, &mut united.good), &policies, place))
            .collect()
    }
}

/// One RPO for every table.
fn criteria() -> Criteria {
    Criteria {
        rules: RuleSet(Vec::new()),
        policy: Policy {
            values: crate::criteria::values::PolicyValues {
                rpo: Some(TimeDelta::seconds(i64::from(RPO))),
                retention_min_days: 0,
                ..crate::criteria::values::PolicyValues::default()
            },
            ..Policy::default()
        },
        waivers: Waivers::default(),
        frameworks: Vec::new(),
        baseline: None,
        changes: Vec::new(),
    }
}

fn arn_of(backup: &Backup) -> String {
    format!("arn:aws:backup:{REGION}:{ACCOUNT}:recovery-point:{}", backup.created)
}

fn vault() -> Vault {
    Vault {
        account_id: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        vault_name: "Default".to_owned(),
        vault_arn: Some(format!("arn:aws:backup:{REGION}:{ACCOUNT}:backup-vault:Default")),
        vault_type: None,
        key_arn: Some(KEY.to_owned()),
        recovery_point_count: None,
        locked: None,
        lock_date: None,
        min_retention_days: None,
        max_retention_days: None,
        created_at: None,
    }
}

fn key() -> Key {
    Key {
        deletion_at: None,
        key_arn: KEY.to_owned(),
        key_manager: Some("AWS".to_owned()),
        key_state: Some("Enabled".to_owned()),
    }
}

fn plans() -> [Plan; 1] {
    [Plan {
        account_id: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        plan_id: "plan".to_owned(),
        plan_name: Some("plan".to_owned()),
        version_id: Some("v1".to_owned()),
        created_at: Some(at(1)),
        last_execution_at: None,
    }]
}

fn plan_versions() -> [PlanVersion; 1] {
    [PlanVersion {
        account_id: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        plan_id: "plan".to_owned(),
        version_id: Some("v1".to_owned()),
        created_at: Some(at(1)),
    }]
}

fn plan_rules() -> Vec<PlanRule> {
    let rule = |(number, days): (usize, u32)| PlanRule {
        account_id: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        plan_id: "plan".to_owned(),
        rule_id: Some(format!("rule-{number}")),
        rule_name: format!("rule-{number}"),
        vault_name: "Default".to_owned(),
        air_gapped_vault_arn: None,
        schedule: None,
        schedule_time_zone: None,
        start_window_minutes: None,
        completion_window_minutes: None,
        cold_after_days: None,
        delete_after_days: Some(i64::from(days)),
        copy_actions_json: "[]".to_owned(),
    };
    KEPT_DAYS.into_iter().enumerate().map(rule).collect()
}

fn calls(look: &Look) -> Vec<CallLogEntry> {
    let call = |action: &str, resource: &str, is_ok: bool| CallLogEntry {
        account_id: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        action: action.to_owned(),
        resource: resource.to_owned(),
        outcome: if is_ok { "ok" } else { "denied" }.to_owned(),
        error: (!is_ok).then(|| "AccessDeniedException".to_owned()),
        page_count: 1,
        attempt_count: 1,
        started_at: at(look.as_of),
        duration_ms: 1,
        request_id: None,
        answered_at: None,
    };
    vec![
        call("dynamodb:ListTables", "", look.tables),
        call("backup:ListBackupVaults", "", true),
        call("backup:ListRecoveryPointsByBackupVault", "Default", look.vault),
        call("backup:ListBackupJobs", "", look.jobs),
        call("backup:ListBackupPlans", "", true),
        call("backup:GetBackupPlan", "plan", true),
        call("backup:ListBackupPlanVersions", "plan", true),
        call("backup:ListBackupSelections", "plan", true),
    ]
}

fn manifest() -> Manifest {
    Manifest {
        schema_version: SCHEMA_VERSION,
        scan_id: "scan".to_owned(),
        as_of: at(0),
        started_at: at(0),
        finished_at: at(0),
        caller_arn: "arn:aws:iam::111122223333:role/Audit".to_owned(),
        tool_version: "test".to_owned(),
        regions_named: true,
        attempt_count: 0,
        clock_skew_seconds: None,
        frames: std::collections::BTreeMap::new(),
    }
}

/// What an attestation says of a moment.
fn says(table: &TableProof, moment: u32) -> Option<&'static str> {
    let history = &table.history;
    let all = [
        (&history.covered, "covered"),
        (&history.promised, "promised"),
        (&history.young, "young"),
        (&history.exposed, "exposed"),
        (&history.not_observed, "not observed"),
    ];
    all.into_iter()
        .find(|(spans, _)| spans.holds(moment))
        .map(|(_, word)| word)
}

/// Each case writes and reads up to seven inventories; PROPTEST_CASES asks for more of them.
fn cases(number: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(asked.unwrap_or(number))
    }
}

proptest! {
    #![proptest_config(cases(8))]

    #[test]
    fn whatever_is_said_is_true(world in worlds()) {
        for table in world.attest(&world.looks) {
            let Some(born) = table.born else {
                prop_assert!(table.history.covered.is_empty() && table.history.exposed.is_empty());
                continue;
            };
            let life = world.lives.iter().position(|(of, _)| *of == born).expect("a table of this world");
            for moment in (0..DAYS * 24 * 2).map(|half| hour(0) + half * HOUR / 2) {
                let (said, really) = (says(&table, moment), world.really(life, moment));
                let is_true = match said {
                    Some("covered") => really == Some("covered"),
                    Some("promised") => matches!(really, Some("covered" | "believed")),
                    Some("exposed") => matches!(really, Some("exposed" | "believed")),
                    Some("young") => matches!(really, Some("young" | "covered" | "believed")),
                    None => really.is_none(),
                    _ => true,
                };
                prop_assert!(is_true, "said {said:?}, really {really:?} at {}", at(moment));
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(2))]

    #[test]
    fn another_pack_only_answers_what_was_open(world in worlds()) {
        // The packs but the last, which may come anywhere in time, against all.
        let all = world.attest(&world.looks);
        for left_out in 0..world.looks.len() {
            let mut fewer = world.looks.clone();
            fewer.remove(left_out);
            if fewer.is_empty() {
                continue;
            }
            for before in world.attest(&fewer).iter().filter(|table| table.born.is_some()) {
                let after = all.iter().find(|table| table.born == before.born).expect("it is still listed");
                for moment in (0..DAYS * 24).map(hour) {
                    match (says(before, moment), says(after, moment)) {
                        (Some("covered"), after) => prop_assert_eq!(after, Some("covered"), "at {}", at(moment)),
                        (Some("exposed"), after) => prop_assert_eq!(after, Some("exposed"), "at {}", at(moment)),
                        (Some("young"), after) => prop_assert!(matches!(after, Some("young" | "covered")), "{after:?} at {}", at(moment)),
                        (None, after) => prop_assert_eq!(after, None),
                        _ => {}
                    }
                }
            }
        }
    }
}

/// The job waited while the table was made anew, and its point was gone when a pack looked: nobody can say of which it was.
#[test]
fn a_point_of_a_job_across_two_lives_is_of_neither() {
    let (born_anew, look) = (hour(10 * 24 + 5) + 1800, hour(14 * 24));
    let job = Backup {
        created: hour(10 * 24 + 5),
        dated: hour(10 * 24 + 5) + 3000,
        finished: hour(10 * 24 + 6),
        rule: 0,
        expires: hour(12 * 24 + 8),
        deleted: None,
        life: 1,
    };
    let pack = |as_of: u32| Look {
        as_of,
        vault: true,
        jobs: true,
        tables: true,
        described: true,
    };
    let mut world = World {
        lives: vec![(hour(0), born_anew - 60), (born_anew, hour(DAYS * 24))],
        backups: vec![job],
        looks: vec![pack(hour(9 * 24)), pack(look)],
    };
    let tables = world.attest(&world.looks);
    let [first, second] = &tables[..] else {
        panic!("{tables:?}")
    };
    let within = |table: &TableProof, moment: u32| says(table, moment);
    for moment in [hour(10 * 24 + 7), hour(11 * 24)] {
        assert!(
            !matches!(within(first, moment), Some("covered" | "promised")),
            "{:?}",
            first.history
        );
        assert!(
            !matches!(within(second, moment), Some("covered" | "promised" | "exposed")),
            "{:?}",
            second.history
        );
    }
    assert_eq!((first.points, second.points), (0, 0));
    assert_eq!((first.undecided_points, second.undecided_points), (1, 1));
    assert_eq!(says(second, hour(11 * 24 + 7) + 2700), Some("not observed"));
    // A pack that lists the point tells by its date whose it is.
    world.looks.insert(1, pack(hour(11 * 24)));
    let tables = world.attest(&world.looks);
    assert_eq!((tables[0].points, tables[1].points), (0, 1));
    assert_eq!(says(&tables[1], hour(10 * 24 + 20)), Some("covered"));
}

#[test]
fn only_the_whole_is_a_hundred_percent() {
    assert_eq!(percent(0, 0), None);
    assert_eq!(percent(31_535_999, 31_536_000), Some(99.999));
    assert_eq!(percent(5, 5), Some(100.0));
    assert_eq!(percent(1, 3), Some(33.333));
}

#[test]
fn a_period_is_whole_days() {
    let day = |text: &str| text.parse().expect("a day");
    let period = Period {
        from: day("2028-02-28"),
        to: day("2028-03-01"),
    };
    assert_eq!(period.days(), 3);
    assert_eq!((period.end() - period.start()).num_hours(), 72);
}
