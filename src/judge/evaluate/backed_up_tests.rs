//! `backed-up` against a search for one recovery point that meets every demand, in worlds of which not everything is known.

use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Within, judge_tables};
use crate::criteria::policy::{self, Policy};
use crate::criteria::rules::RuleSet;
use crate::criteria::vocabulary::frames_of;
use crate::domain::{Demand, Demands, FactValue, Subject, TargetId, Verdict, table_arn};
use crate::facts;
use crate::inventory::schema::{
    CallLogEntry, Key, NativeBackup, RecoveryPoint, SCHEMA_VERSION, Table, TableTag, Target, Vault,
};
use crate::inventory::store::Writer;
use crate::inventory::{Inventory, Manifest};

const ACCOUNT: &str = "111122223333";
/// The account that copies lie in.
const CENTRAL: &str = "444455556666";
/// How old the tables are, in days.
const BORN_DAYS: i64 = 400;

fn as_of() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).expect("an instant")
}

/// Numbers that look random, the same for one seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).expect("a small number")
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.roll(all.len())].clone()
    }
}

/// A key; `None`: it could not be described.
#[derive(Debug, Clone, Copy)]
struct KeySeen {
    owner: Option<i64>,
    state: Option<&'static str>,
}

#[derive(Debug, Clone)]
struct VaultSeen {
    kind: Option<&'static str>,
    /// 0 none, 1 governance, 2 compliance in grace, 3 compliance.
    lock: i64,
    key: Option<usize>,
    is_read: bool,
    /// It lies in the other account: what it holds are copies.
    is_away: bool,
}

#[derive(Debug, Clone)]
struct PointSeen {
    vault: usize,
    age_hours: i64,
    status: &'static str,
    /// `None`: a copy that is kept as long as its source.
    kept_days: Option<i64>,
    is_native: bool,
    is_encrypted: bool,
    key: Option<usize>,
    /// The key of a native one that names none; `None`: it was not described, `Some(None)`: one that AWS owns.
    told: Option<Option<usize>>,
    is_temporary: bool,
}

#[derive(Debug, Clone)]
struct TableSeen {
    key: Option<usize>,
    is_gold: bool,
    points: Vec<PointSeen>,
}

/// What was seen of one Region.
#[derive(Debug, Clone)]
struct World {
    has_tags: bool,
    /// The vaults of the other account were listed to the last one.
    is_away_listed: bool,
    keys: Vec<KeySeen>,
    vaults: Vec<VaultSeen>,
    tables: Vec<TableSeen>,
}

#[derive(Debug, Clone, Copy)]
struct Wanted {
    limit_hours: i64,
    kept_days: i64,
    owner: usize,
    lock: usize,
    /// What is asked of copies; none: they do not count.
    copy: Option<CopyWanted>,
}

/// What is not set is asked as of a point at home, but the limit, which is twice of it.
#[derive(Debug, Clone, Copy, Default)]
struct CopyWanted {
    limit_hours: Option<i64>,
    kept_days: Option<i64>,
    owner: Option<usize>,
    lock: Option<usize>,
}

const OWNERS: [&str; 3] = ["any", "aws-managed", "customer-managed"];
const LOCKS: [(&str, i64); 3] = [("none", 0), ("governance", 1), ("compliance", 3)];

/// `away`: so many vaults lie in the other account.
fn world(dice: &mut Dice, tables: usize, away: usize) -> World {
    let keys = (0..3).map(|_| KeySeen {
        owner: dice.of(&[None, Some(1), Some(2), Some(2)]),
        state: dice.of(&[
            None,
            Some("Enabled"),
            Some("Enabled"),
            Some("PendingDeletion"),
            Some("Dreaming"),
        ]),
    });
    let keys: Vec<KeySeen> = keys.collect();
    let kinds = [
        None,
        Some("BACKUP_VAULT"),
        Some("BACKUP_VAULT"),
        Some("LOGICALLY_AIR_GAPPED_BACKUP_VAULT"),
        Some("NEW"),
    ];
    let vaults = (0..3 + away).map(|place| {
        let kind = dice.of(&kinds);
        let is_air_gapped = kind == Some("LOGICALLY_AIR_GAPPED_BACKUP_VAULT");
        VaultSeen {
            kind,
            lock: if is_air_gapped { 3 } else { dice.of(&[0, 1, 2, 3]) },
            key: dice.of(&[None, Some(0), Some(1), Some(2)]),
            is_read: dice.roll(if away > 0 { 20 } else { 6 }) > 0,
            is_away: place >= 3,
        }
    });
    let vaults: Vec<VaultSeen> = vaults.collect();
    let point = |dice: &mut Dice| {
        let is_native = dice.roll(5) == 0;
        PointSeen {
            vault: dice.roll(3 + away),
            age_hours: dice.of(&[1, 6, 24, 25, 48, 49, 96, 97, 200, 500 * 24]),
            status: dice.of(&["COMPLETED", "COMPLETED", "COMPLETED", "AVAILABLE", "EXPIRED", "NEW"]),
            kept_days: dice.of(&[Some(7), Some(35), Some(35), Some(365), None]),
            is_native,
            is_encrypted: is_native || dice.roll(8) > 0,
            key: dice.of(&[None, Some(0), Some(1), Some(2)]),
            told: dice.of(&[None, Some(None), Some(Some(0)), Some(Some(1))]),
            is_temporary: dice.roll(12) == 0,
        }
    };
    let tables = (0..tables).map(|_| TableSeen {
        key: dice.of(&[None, None, Some(0), Some(1)]),
        is_gold: dice.roll(2) == 0,
        points: (0..dice.roll(6)).map(|_| point(dice)).collect(),
    });
    World {
        tables: tables.collect(),
        has_tags: dice.roll(4) > 0,
        is_away_listed: dice.roll(12) > 0,
        keys,
        vaults,
    }
}

fn wanted(dice: &mut Dice) -> Wanted {
    Wanted {
        limit_hours: dice.of(&[24, 48]),
        kept_days: dice.of(&[7, 35]),
        owner: dice.of(&[0, 0, 1, 2]),
        lock: dice.of(&[0, 0, 1, 2]),
        copy: None,
    }
}

fn copy_wanted(dice: &mut Dice) -> CopyWanted {
    CopyWanted {
        limit_hours: dice.of(&[None, Some(24), Some(96)]),
        kept_days: dice.of(&[None, Some(7), Some(35), Some(365)]),
        owner: dice.of(&[None, None, Some(0), Some(2)]),
        lock: dice.of(&[None, None, Some(0), Some(2)]),
    }
}

/// Something that is not known, and has to be one thing or the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Open {
    IsGold,
    KeyOwner(usize),
    KeyState(usize),
    IsNoView(usize),
    VaultLock(usize),
    HoldsAnother(usize),
    Status(usize),
    Kept(usize),
    PointOwner(usize),
    PointKey(usize),
}

/// Is there one point that meets every demand that is not excused, if what is open is as `truth` says?
fn is_backed_up(
    world: &World,
    table: &TableSeen,
    policies: [Wanted; 2],
    excused: Demands,
    truth: &dyn Fn(Open) -> bool,
) -> bool {
    let is_met = |demand: Demand, is_met: bool| is_met || excused.contains(demand);
    let is_gold = if world.has_tags {
        table.is_gold
    } else {
        truth(Open::IsGold)
    };
    let wanted = policies[usize::from(is_gold)];
    let of_copy = wanted.copy.map(|copy| Wanted {
        limit_hours: copy.limit_hours.unwrap_or(wanted.limit_hours * 2),
        kept_days: copy.kept_days.unwrap_or(wanted.kept_days),
        owner: copy.owner.unwrap_or(wanted.owner),
        lock: copy.lock.unwrap_or(wanted.lock),
        copy: None,
    });
    let wanted_of = |vault: usize| match world.vaults[vault].is_away {
        true => of_copy,
        false => Some(wanted),
    };
    let key_works = |key: usize| match world.keys[key].state {
        None | Some("Dreaming") => truth(Open::KeyState(key)),
        Some(state) => state == "Enabled",
    };
    let owner_of = |key: usize| {
        world.keys[key]
            .owner
            .unwrap_or(if truth(Open::KeyOwner(key)) { 2 } else { 0 })
    };
    let is_vault_good = |place: usize| {
        let vault = &world.vaults[place];
        let is_new = vault.kind == Some("NEW");
        let lock = if is_new && vault.lock == 0 && truth(Open::VaultLock(place)) {
            3
        } else {
            vault.lock
        };
        let wanted = wanted_of(place);
        let is_locked = wanted.is_some_and(|wanted| is_met(Demand::Locked, lock >= LOCKS[wanted.lock].1));
        (!is_new || truth(Open::IsNoView(place))) && is_locked
    };
    let is_good = |(number, point): (usize, &PointSeen)| {
        let Some(wanted) = wanted_of(point.vault) else {
            return false;
        };
        let is_there = match point.status {
            "COMPLETED" | "AVAILABLE" => true,
            "NEW" => truth(Open::Status(number)),
            _ => false,
        };
        let kept = point
            .kept_days
            .unwrap_or(if truth(Open::Kept(number)) { 365 } else { 1 });
        let vault = &world.vaults[point.vault];
        let key = if point.is_native {
            point.key
        } else {
            point.key.or(vault.key)
        };
        let open_owner = || if truth(Open::PointOwner(number)) { 2 } else { 0 };
        let (owner, works) = if !point.is_encrypted {
            (-1, true)
        } else if let Some(key) = key {
            (owner_of(key), key_works(key))
        } else if let (true, Some(told)) = (point.is_native, point.told) {
            told.map_or((0, true), |key| (owner_of(key), key_works(key)))
        } else if point.is_native {
            (open_owner(), truth(Open::PointKey(number)))
        } else if vault.kind == Some("LOGICALLY_AIR_GAPPED_BACKUP_VAULT") {
            (0, true)
        } else {
            (open_owner(), truth(Open::PointKey(number)))
        };
        is_there
            && !point.is_temporary
            && point.age_hours <= BORN_DAYS * 24
            && is_met(Demand::Fresh, point.age_hours <= wanted.limit_hours)
            && is_met(Demand::Kept, kept >= wanted.kept_days)
            && is_met(
                Demand::KeyOwner,
                owner >= i64::try_from(wanted.owner).expect("a small number"),
            )
            && is_met(Demand::KeyWorks, works)
            && is_vault_good(point.vault)
    };
    let is_elsewhere =
        |place: usize| !world.vaults[place].is_read && truth(Open::HoldsAnother(place)) && is_vault_good(place);
    let may_be_more = wanted.copy.is_some() && !world.is_away_listed && truth(Open::HoldsAnother(usize::MAX));
    table.points.iter().enumerate().any(is_good) || (0..world.vaults.len()).any(is_elsewhere) || may_be_more
}

fn policy(policies: [Wanted; 2]) -> Policy {
    let values = |wanted: &Wanted| {
        let of_copy = wanted.copy.unwrap_or_default();
        let copy = [
            of_copy.limit_hours.map(|hours| format!("rpo = \"{hours}h\"")),
            of_copy.kept_days.map(|days| format!("retention-min = \"{days}d\"")),
            of_copy.owner.map(|owner| format!("key-owner = \"{}\"", OWNERS[owner])),
            of_copy.lock.map(|lock| format!("vault-lock = \"{}\"", LOCKS[lock].0)),
        ];
        let copy: Vec<String> = copy.into_iter().flatten().collect();
        format!(
            "rpo = \"{}h\"\nretention-min = \"{}d\"\nkey-owner = \"{}\"\nvault-lock = \"{}\"\ncopy = {{ {} }}\naccept-copies = {}\n",
            wanted.limit_hours,
            wanted.kept_days,
            OWNERS[wanted.owner],
            LOCKS[wanted.lock].0,
            copy.join(", "),
            wanted.copy.is_some()
        )
    };
    let [base, gold] = policies;
    let tier = format!(
        "[[policy.tier]]\nname = \"gold\"\nwhen = \"tag('tier') = 'gold'\"\n{}",
        values(&gold)
    );
    policy::parse(&format!("[policy]\n{}{tier}", values(&base)), "policy.toml").expect("a policy")
}

fn region(place: usize) -> String {
    format!("eu-west-{place}")
}

fn key_arn(place: usize, key: usize) -> String {
    format!("arn:aws:kms:{}:{ACCOUNT}:key/{key}", region(place))
}

fn log(place: usize, action: &str, resource: &str, outcome: &str) -> CallLogEntry {
    CallLogEntry {
        account_id: ACCOUNT.to_owned(),
        region: region(place),
        action: action.to_owned(),
        resource: resource.to_owned(),
        outcome: outcome.to_owned(),
        error: (outcome != "ok").then(|| "AccessDeniedException".to_owned()),
        page_count: 1,
        attempt_count: 1,
        started_at: as_of(),
        answered_at: None,
        duration_ms: 1,
        request_id: None,
    }
}

/// Writes worlds as a scan would have seen them, each in a Region of its own.
fn inventory(dir: &std::path::Path, worlds: &[World]) -> Inventory {
    let writer = Writer::create(dir);
    let (mut targets, mut calls, mut keys, mut vaults) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut tables, mut tags, mut points, mut backups) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (place, world) in worlds.iter().enumerate() {
        targets.push(Target {
            account_id: ACCOUNT.to_owned(),
            account_name: None,
            region: region(place),
            partition: "aws".to_owned(),
        });
        let has_away = world.vaults.iter().any(|vault| vault.is_away);
        if has_away {
            targets.push(Target {
                account_id: CENTRAL.to_owned(),
                account_name: None,
                region: region(place),
                partition: "aws".to_owned(),
            });
            let outcome = if world.is_away_listed { "ok" } else { "denied" };
            for (action, outcome) in [("dynamodb:ListTables", "ok"), ("backup:ListBackupVaults", outcome)] {
                calls.push(CallLogEntry {
                    account_id: CENTRAL.to_owned(),
                    ..log(place, action, "", outcome)
                });
            }
        }
        calls.push(log(place, "dynamodb:ListTables", "", "ok"));
        calls.push(log(place, "backup:ListBackupVaults", "", "ok"));
        // No plan takes a table, so that none is young.
        calls.push(log(place, "backup:ListBackupPlans", "", "ok"));
        calls.push(log(
            place,
            "tag:GetResources",
            "",
            if world.has_tags { "ok" } else { "denied" },
        ));
        for (number, key) in world.keys.iter().enumerate() {
            keys.push(Key {
                key_arn: key_arn(place, number),
                key_manager: key
                    .owner
                    .map(|owner| if owner == 2 { "CUSTOMER" } else { "AWS" }.to_owned()),
                key_state: key.state.map(str::to_owned),
                deletion_at: None,
            });
        }
        for (number, vault) in world.vaults.iter().enumerate() {
            let name = format!("v{number}");
            let outcome = if vault.is_read { "ok" } else { "denied" };
            let account_id = if vault.is_away { CENTRAL } else { ACCOUNT }.to_owned();
            calls.push(CallLogEntry {
                account_id: account_id.clone(),
                ..log(place, "backup:ListRecoveryPointsByBackupVault", &name, outcome)
            });
            let days = match vault.lock {
                2 => Some(1),
                3 => Some(-1),
                _ => None,
            };
            vaults.push(Vault {
                region: region(place),
                vault_arn: Some(format!(
                    "arn:aws:backup:{}:{account_id}:backup-vault:{name}",
                    region(place)
                )),
                account_id,
                vault_name: name,
                vault_type: vault.kind.map(str::to_owned),
                key_arn: vault.key.map(|key| key_arn(place, key)),
                recovery_point_count: None,
                locked: Some(vault.lock > 0),
                lock_date: days.map(|days| as_of() + TimeDelta::days(days)),
                min_retention_days: None,
                max_retention_days: None,
                created_at: None,
            });
        }
        for (number, table) in world.tables.iter().enumerate() {
            let name = format!("t{number}");
            let arn = table_arn("aws", &TargetId::new(ACCOUNT, region(place)), &name);
            if table.is_gold && world.has_tags {
                tags.push(TableTag {
                    table_arn: arn.clone(),
                    key: "tier".to_owned(),
                    value: "gold".to_owned(),
                });
            }
            for (nth, point) in table.points.iter().enumerate() {
                let is_away = world.vaults[point.vault].is_away;
                let seen = RecoveryPoint {
                    account_id: if is_away { CENTRAL } else { ACCOUNT }.to_owned(),
                    ..seen_point(place, number, nth, point, &arn)
                };
                if let (true, Some(key)) = (point.is_native && point.key.is_none(), point.told) {
                    backups.push(NativeBackup {
                        account_id: ACCOUNT.to_owned(),
                        region: region(place),
                        backup_arn: seen.recovery_point_arn.clone(),
                        sse_type: key.map(|_| "KMS".to_owned()),
                        sse_status: None,
                        kms_key_arn: key.map(|key| key_arn(place, key)),
                    });
                }
                points.push(seen);
            }
            tables.push(seen_table(place, table, name, arn));
        }
    }
    writer.push(&targets).expect("written");
    writer.push(&calls).expect("written");
    writer.push(&keys).expect("written");
    writer.push(&vaults).expect("written");
    writer.push(&tables).expect("written");
    writer.push(&tags).expect("written");
    writer.push(&points).expect("written");
    writer.push(&backups).expect("written");
    Inventory {
        dir: dir.to_owned(),
        manifest: Manifest {
            schema_version: SCHEMA_VERSION,
            scan_id: "s".to_owned(),
            as_of: as_of(),
            started_at: as_of(),
            finished_at: as_of(),
            caller_arn: format!("arn:aws:iam::{ACCOUNT}:user/a"),
            tool_version: "0".to_owned(),
            regions_named: true,
            clock_skew_seconds: None,
            attempt_count: 0,
            frames: writer.finish().expect("finished"),
        },
    }
}

fn seen_table(place: usize, table: &TableSeen, name: String, arn: String) -> Table {
    Table {
        account_id: ACCOUNT.to_owned(),
        region: region(place),
        table_name: name,
        table_arn: arn,
        description: "described".to_owned(),
        table_id: None,
        table_status: Some("ACTIVE".to_owned()),
        created_at: Some(as_of() - TimeDelta::days(BORN_DAYS)),
        table_size_bytes: None,
        item_count: None,
        billing_mode: None,
        table_class: None,
        sse_type: table.key.map(|_| "KMS".to_owned()),
        sse_status: None,
        sse_key_arn: table.key.map(|key| key_arn(place, key)),
        deletion_protection: None,
        replica_count: None,
        restored_at: None,
        archived_at: None,
    }
}

fn seen_point(place: usize, table: usize, nth: usize, point: &PointSeen, arn: &str) -> RecoveryPoint {
    RecoveryPoint {
        account_id: ACCOUNT.to_owned(),
        region: region(place),
        vault_name: format!("v{}", point.vault),
        recovery_point_arn: if point.is_native {
            format!("{arn}/backup/0{nth}")
        } else {
            format!(
                "arn:aws:backup:{}:{ACCOUNT}:recovery-point:{table}-{nth}",
                region(place)
            )
        },
        resource_arn: Some(arn.to_owned()),
        status: Some(point.status.to_owned()),
        created_at: Some(as_of() - TimeDelta::hours(point.age_hours)),
        started_at: None,
        completed_at: None,
        last_restored_at: None,
        cold_after_days: None,
        delete_after_days: point.kept_days,
        delete_after_event: point.is_temporary.then(|| "DELETE_AFTER_COPY".to_owned()),
        cold_at: None,
        delete_at: None,
        is_encrypted: Some(point.is_encrypted),
        key_arn: point.key.map(|key| key_arn(place, key)),
        key_type: None,
        source_vault_arn: point
            .kept_days
            .is_none()
            .then(|| "arn:aws:backup:eu-north-1:1:backup-vault:x".to_owned()),
        created_by_plan_id: None,
        created_by_rule_id: None,
        size_bytes: None,
    }
}

/// Verdict and message of `backed-up` for every table of worlds, by Region and number of the table; with what is said of the
/// newest good point.
fn judge(worlds: &[World], policy: &Policy) -> Vec<(String, Verdict, crate::facts::Comparisons)> {
    let dir = tempfile::tempdir().expect("a folder");
    let inventory = inventory(dir.path(), worlds);
    let facts = facts::derive(&inventory, 30).expect("evidence");
    static RULES: LazyLock<RuleSet> = LazyLock::new(|| RuleSet::load(None, &["backed-up".to_owned()]).expect("a rule"));
    let mut judged = Vec::new();
    judge_tables(&facts, &RULES, (policy, &Within::default()), &mut |chunk| {
        for (place, table) in chunk.tables.facts.iter().enumerate() {
            let arn = table.table_arn.as_deref().unwrap_or_default().to_owned();
            judged.push((arn, chunk.verdicts[0][place], chunk.comparisons[place].clone()));
        }
    })
    .expect("judged");
    judged
}

#[test]
fn backed_up_is_what_a_search_for_one_point_finds() {
    let mut counts = [0; 3];
    for seed in 0..40 {
        let mut dice = Dice(seed);
        let policies = [wanted(&mut dice), wanted(&mut dice)];
        let worlds: Vec<World> = (0..40).map(|_| world(&mut dice, 8, 0)).collect();
        search(seed, &worlds, policies, &mut counts);
    }
    assert!(counts.iter().sum::<usize>() >= 10_000, "{counts:?}");
    assert!(counts.iter().all(|count| *count > 500), "{counts:?}");
}

/// Copies of one world may lie wherever in scope, so each world is a scan of its own.
#[test]
fn with_copies_accepted_backed_up_is_what_a_search_here_and_there_finds() {
    let mut counts = [0; 3];
    for seed in 1000..1200 {
        let mut dice = Dice(seed);
        let mut policies = [wanted(&mut dice), wanted(&mut dice)];
        let base = copy_wanted(&mut dice);
        let gold = copy_wanted(&mut dice);
        let of_gold = CopyWanted {
            limit_hours: gold.limit_hours.or(base.limit_hours),
            kept_days: gold.kept_days.or(base.kept_days),
            owner: gold.owner.or(base.owner),
            lock: gold.lock.or(base.lock),
        };
        policies[0].copy = Some(base);
        policies[1].copy = (dice.roll(4) > 0).then_some(of_gold);
        let worlds = [world(&mut dice, 50, 2)];
        search(seed, &worlds, policies, &mut counts);
    }
    assert!(counts.iter().sum::<usize>() >= 10_000, "{counts:?}");
    assert!(counts.iter().all(|count| *count > 500), "{counts:?}");
}

fn search(seed: u64, worlds: &[World], policies: [Wanted; 2], counts: &mut [usize; 3]) {
    let judged = judge(worlds, &policy(policies));
    for (place, world) in worlds.iter().enumerate() {
        for (number, table) in world.tables.iter().enumerate() {
            let arn = table_arn("aws", &TargetId::new(ACCOUNT, region(place)), &format!("t{number}"));
            let (_, verdict, found) = judged.iter().find(|(known, ..)| *known == arn).expect("judged");
            let by = |truth: &dyn Fn(Open) -> bool| is_backed_up(world, table, policies, Demands::NONE, truth);
            let of_tier =
                |is_gold: bool, others: bool| by(&move |open| if open == Open::IsGold { is_gold } else { others });
            let best = of_tier(false, true) || of_tier(true, true);
            let worst = of_tier(false, false) && of_tier(true, false);
            let expected = match (worst, best) {
                (true, _) => Verdict::Compliant,
                (false, false) => Verdict::NonCompliant,
                (false, true) => Verdict::Unknown,
            };
            assert_eq!(*verdict, expected, "seed {seed}, {arn}: {policies:?} {world:?}");
            counts[expected as usize] += 1;
            // What is excused makes it a certain yes exactly where the search says so, whatever the truth is.
            let failing = found.failing("backed_up");
            let is_there = |wanted: &Wanted, point: &PointSeen| {
                let counts = wanted.copy.is_some() || !world.vaults[point.vault].is_away;
                counts && !point.is_temporary && point.age_hours <= BORN_DAYS * 24 && point.status != "EXPIRED"
            };
            let of_tiers = match world.has_tags {
                true => &policies[usize::from(table.is_gold)..=usize::from(table.is_gold)],
                false => &policies[..],
            };
            let has_point = of_tiers
                .iter()
                .all(|wanted| table.points.iter().any(|point| is_there(wanted, point)));
            for excused in Demands::from_iter(Demand::ALL)
                .subsets()
                .filter(|_| seed.is_multiple_of(4))
            {
                let search = |is_gold: bool| {
                    is_backed_up(world, table, policies, excused, &|open| open == Open::IsGold && is_gold)
                };
                let is_enough = failing.iter().any(|failing| failing.are_among(excused));
                let is_none_excused = excused.contains(Demand::Fresh) && excused.contains(Demand::Usable);
                if has_point || !is_none_excused {
                    let said = search(false) && search(true);
                    assert_eq!(
                        is_enough, said,
                        "seed {seed}, {arn}, {excused:?}: {policies:?} {world:?}"
                    );
                }
            }
            // Whatever the truth is, a verdict that is known says it.
            for salt in 0..8 {
                let said = by(&|open| Dice(hash(open).wrapping_add(salt)).roll(2) == 0);
                assert!(*verdict != Verdict::Compliant || said, "seed {seed}, {arn}");
                assert!(*verdict != Verdict::NonCompliant || !said, "seed {seed}, {arn}");
            }
        }
    }
}

fn hash(open: Open) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    open.hash(&mut hasher);
    hasher.finish()
}

const SOUND: PointSeen = PointSeen {
    vault: 0,
    age_hours: 5,
    status: "COMPLETED",
    kept_days: Some(35),
    is_native: false,
    is_encrypted: true,
    key: None,
    told: None,
    is_temporary: false,
};

/// A table in a Region with a vault without a lock, one under a dying key, and one with a compliance lock.
fn of_points(points: Vec<PointSeen>) -> World {
    let vault = |lock, key| VaultSeen {
        kind: Some("BACKUP_VAULT"),
        lock,
        key: Some(key),
        is_read: true,
        is_away: false,
    };
    let key = |state| KeySeen {
        owner: Some(2),
        state: Some(state),
    };
    World {
        has_tags: true,
        is_away_listed: true,
        keys: vec![key("Enabled"), key("PendingDeletion")],
        vaults: vec![vault(0, 0), vault(0, 1), vault(3, 0)],
        tables: vec![TableSeen {
            key: None,
            is_gold: false,
            points,
        }],
    }
}

fn text(comparisons: &crate::facts::Comparisons, name: &str) -> String {
    match comparisons.get(name) {
        FactValue::Text(text) => text.to_string(),
        other => other.to_string(),
    }
}

fn judge_one(world: &World, policy: &str) -> (Verdict, crate::facts::Comparisons) {
    let policy = policy::parse(&format!("[policy]\n{policy}\n"), "policy.toml").expect("a policy");
    let (_, verdict, comparisons) = judge(std::slice::from_ref(world), &policy).remove(0);
    (verdict, comparisons)
}

fn kept(days: i64, age_hours: i64) -> PointSeen {
    PointSeen {
        kept_days: Some(days),
        age_hours,
        ..SOUND
    }
}

#[test]
fn of_many_schedules_one_point_answers() {
    let scheme = |daily: i64| {
        let hourly = (0..168).map(|hours| kept(7, hours));
        let days = (0..30).map(|days| kept(35, daily + 24 * days));
        let months = (0..12).map(|months| kept(365, 100 + 720 * months));
        of_points(hourly.chain(days).chain(months).collect())
    };
    let (verdict, comparisons) = judge_one(&scheme(20), "");
    assert_eq!(verdict, Verdict::Compliant);
    assert_eq!(comparisons.get("newest_good_point_age_hours"), FactValue::Float(20.0));
    assert_eq!(
        text(&comparisons, "backed_up_summary"),
        "newest point is 0 min old but kept 7 d (35 d required); the newest that meets everything is 20 h old"
    );
    let (verdict, _) = judge_one(&scheme(40), "");
    assert_eq!(verdict, Verdict::NonCompliant);
    // A year wanted: the monthly ones alone are good.
    let (verdict, comparisons) = judge_one(&scheme(20), "retention-min = \"365d\"");
    assert_eq!(verdict, Verdict::NonCompliant);
    assert_eq!(comparisons.get("newest_good_point_age_hours"), FactValue::Float(100.0));
    assert_eq!(text(&comparisons, "newest_good_point_vault"), "v0");
    let (verdict, _) = judge_one(&scheme(20), "retention-min = \"365d\"\nfrequency = \"31d\"");
    assert_eq!(verdict, Verdict::Compliant);
}

#[test]
fn a_dying_key_condemns_nothing_that_is_backed_up_elsewhere() {
    let dying = PointSeen {
        vault: 1,
        age_hours: 2,
        ..SOUND
    };
    let (verdict, comparisons) = judge_one(&of_points(vec![dying.clone(), SOUND]), "");
    assert_eq!(verdict, Verdict::Compliant);
    assert_eq!(
        text(&comparisons, "newest_point_failed_demands"),
        "key pending deletion"
    );
    let (verdict, comparisons) = judge_one(&of_points(vec![dying]), "");
    assert_eq!(verdict, Verdict::NonCompliant);
    assert_eq!(
        text(&comparisons, "backed_up_summary"),
        "newest point is 2 h old but key pending deletion; none meets everything"
    );
    assert_eq!(text(&comparisons, "newest_good_point_arn"), "none");
    assert_eq!(
        comparisons.get("newest_good_point_age_hours_at_most"),
        FactValue::Float(876_000.0)
    );
}

#[test]
fn young_points_that_are_not_good_do_not_make_old_good_ones_young() {
    let locked = PointSeen {
        vault: 2,
        age_hours: 74,
        ..SOUND
    };
    let world = of_points(vec![SOUND, locked, kept(7, 1)]);
    let policy = "key-owner = \"customer-managed\"\nvault-lock = \"compliance\"";
    let (verdict, comparisons) = judge_one(&world, policy);
    assert_eq!(verdict, Verdict::NonCompliant);
    assert_eq!(
        text(&comparisons, "backed_up_summary"),
        "newest point is 1 h old but kept 7 d (35 d required), vault not locked (compliance required); the newest that meets everything is 3 d 2 h old"
    );
    assert!(text(&comparisons, "newest_good_point_arn").ends_with(":recovery-point:0-1"));
    let (verdict, _) = judge_one(&world, &format!("{policy}\nfrequency = \"3d\""));
    assert_eq!(verdict, Verdict::Compliant);
}

#[test]
fn the_key_of_a_native_point_is_the_one_that_dynamodb_tells_of() {
    let native = |told, age_hours| PointSeen {
        is_native: true,
        told,
        age_hours,
        ..SOUND
    };
    // Older ones are not asked about, and do not matter while the newest is good.
    let aws_owned = of_points(vec![native(Some(None), 5), native(None, 29)]);
    assert_eq!(judge_one(&aws_owned, "").0, Verdict::Compliant);
    let managed = "key-owner = \"aws-managed\"\nrpo = \"24h\"";
    assert_eq!(judge_one(&aws_owned, managed).0, Verdict::NonCompliant);
    let customers = of_points(vec![native(Some(Some(0)), 5)]);
    assert_eq!(judge_one(&customers, managed).0, Verdict::Compliant);
    // The table's key of today is one that AWS owns, and proves nothing.
    let (verdict, comparisons) = judge_one(&of_points(vec![native(Some(Some(1)), 5)]), "");
    assert_eq!(verdict, Verdict::NonCompliant);
    assert_eq!(
        text(&comparisons, "newest_point_failed_demands"),
        "key pending deletion"
    );
    let dying = of_points(vec![native(Some(Some(1)), 5), native(None, 29)]);
    assert_eq!(judge_one(&dying, "").0, Verdict::Unknown);
    assert_eq!(judge_one(&dying, "rpo = \"24h\"").0, Verdict::NonCompliant);
    let (verdict, comparisons) = judge_one(&of_points(vec![native(None, 5)]), "");
    assert_eq!(verdict, Verdict::Unknown);
    assert!(text(&comparisons, "backed_up_doubt").contains("dynamodb:DescribeBackup"));
}

#[test]
fn what_fails_is_told_by_points_and_an_old_point_excuses_nothing_of_a_young_one() {
    let failing = |points: Vec<PointSeen>| {
        let (_, comparisons) = judge_one(&of_points(points), "frequency = \"1d\"\nretention-min = \"35d\"");
        comparisons.failing("backed_up").to_vec()
    };
    let of = |demands: &[Demand]| -> Demands { demands.iter().copied().collect() };
    assert_eq!(failing(vec![SOUND]), [Demands::NONE]);
    assert_eq!(failing(vec![kept(7, 5)]), [of(&[Demand::Kept])]);
    assert_eq!(failing(vec![kept(7, 100)]), [of(&[Demand::Fresh, Demand::Kept])]);
    assert_eq!(
        failing(vec![kept(7, 5), kept(35, 100)]),
        [of(&[Demand::Fresh]), of(&[Demand::Kept])]
    );
    // Nothing is there at all: that it is old does not say so.
    assert_eq!(failing(vec![]), [of(&[Demand::Fresh, Demand::Usable])]);
    let mut unread = of_points(vec![]);
    unread.vaults[0].is_read = false;
    let (verdict, comparisons) = judge_one(&unread, "frequency = \"1d\"");
    assert_eq!(verdict, Verdict::Unknown);
    assert!(
        comparisons.failing("backed_up").is_empty(),
        "what was not read may fail anything"
    );
}

#[test]
fn what_plans_promise_plays_no_part() {
    let rules = RuleSet::load(None, &["backed-up".to_owned()]).expect("a rule");
    let rule = rules.of(Subject::Table).next().expect("one");
    // A plan may excuse a table that is too young to have a backup; whether one is backed up it has no say in.
    assert_eq!(rule.applies_text.as_deref(), Some("NOT is_not_yet_due"));
    assert_eq!(rule.compliant.reads, ["backed_up"]);
    assert_eq!(
        frames_of(Subject::Table, "backed_up"),
        ["tables", "vaults", "recovery_points", "native_backups", "keys"]
    );
}

/// A point of seven days at home, and a copy in a vault of the central account with a compliance lock.
fn with_copy(copy: PointSeen) -> World {
    let mut world = of_points(vec![kept(7, 5), PointSeen { vault: 3, ..copy }]);
    world.vaults.push(VaultSeen {
        kind: Some("BACKUP_VAULT"),
        lock: 3,
        key: Some(0),
        is_read: true,
        is_away: true,
    });
    world
}

#[test]
fn seven_days_at_home_and_a_year_in_a_central_account() {
    let world = with_copy(kept(365, 5));
    let year = "retention-min = \"365d\"";
    let (verdict, comparisons) = judge_one(&world, year);
    assert_eq!(verdict, Verdict::NonCompliant);
    let at_home = "newest point is 5 h old but kept 7 d (365 d required); none meets everything";
    assert_eq!(text(&comparisons, "backed_up_summary"), at_home);
    let accepting = format!("{year}\naccept-copies = true");
    let (verdict, comparisons) = judge_one(&world, &accepting);
    assert_eq!(verdict, Verdict::Compliant);
    let place = "account 444455556666, eu-west-0, vault v3";
    assert_eq!(
        text(&comparisons, "backed_up_summary"),
        format!("{at_home}; a copy that meets everything is 5 h old ({place}; copies may be 3 d old)")
    );
    assert_eq!(text(&comparisons, "newest_good_point_vault"), place);
    assert!(text(&comparisons, "newest_good_point_arn").ends_with(":recovery-point:0-1"));
    assert_eq!(comparisons.get("newest_good_point_age_hours"), FactValue::Float(5.0));
    // What `copy` sets is asked of copies in place of what is asked at home.
    let (verdict, comparisons) = judge_one(&world, &format!("{accepting}\ncopy = {{ retention-min = \"2y\" }}"));
    assert_eq!(verdict, Verdict::NonCompliant);
    assert_eq!(
        text(&comparisons, "backed_up_summary"),
        format!("{at_home}; the newest copy is 5 h old but kept 365 d (731 d required) ({place})")
    );
    let month = format!("{accepting}\ncopy = {{ retention-min = \"30d\" }}");
    assert_eq!(judge_one(&with_copy(kept(35, 5)), &accepting).0, Verdict::NonCompliant);
    assert_eq!(judge_one(&with_copy(kept(35, 5)), &month).0, Verdict::Compliant);
    // Copies that end with their source are kept for nobody knows how long.
    let of_source = PointSeen {
        kept_days: None,
        ..SOUND
    };
    let (verdict, comparisons) = judge_one(&with_copy(of_source), &accepting);
    assert_eq!(verdict, Verdict::Unknown);
    assert_eq!(
        text(&comparisons, "backed_up_doubt"),
        format!(
            "a copy in {place}, 5 h old, may be good: not known is how long it is kept, which is as long as the point it is a copy of"
        )
    );
}

#[test]
fn a_copy_that_is_too_old_or_under_a_dying_key_stands_for_nothing() {
    let year = "retention-min = \"365d\"\naccept-copies = true";
    // Twice the limit of 36 hours.
    assert_eq!(judge_one(&with_copy(kept(365, 72)), year).0, Verdict::Compliant);
    let (verdict, comparisons) = judge_one(&with_copy(kept(365, 73)), year);
    assert_eq!(verdict, Verdict::NonCompliant);
    assert!(
        text(&comparisons, "backed_up_summary").ends_with(
            "the newest copy that meets everything is 3 d 1 h old (account 444455556666, eu-west-0, vault v3; copies may be 3 d old)"
        ),
        "{comparisons:?}"
    );
    let longer = format!("{year}\ncopy.rpo = \"4d\"");
    assert_eq!(judge_one(&with_copy(kept(365, 73)), &longer).0, Verdict::Compliant);
    // One of an earlier table of the name.
    assert_eq!(
        judge_one(
            &with_copy(kept(365, (BORN_DAYS + 1) * 24)),
            &format!("{year}\nfrequency = \"500d\"\nretention-max = \"none\"")
        )
        .0,
        Verdict::NonCompliant
    );
    let dying = PointSeen {
        key: Some(1),
        ..kept(365, 5)
    };
    let (verdict, comparisons) = judge_one(&with_copy(dying), year);
    assert_eq!(verdict, Verdict::NonCompliant);
    assert!(text(&comparisons, "backed_up_summary").contains("the newest copy is 5 h old but key pending deletion"));
}

#[test]
fn an_account_that_was_not_read_may_hold_a_copy_and_never_proves_one() {
    let year = "retention-min = \"365d\"\naccept-copies = true";
    let mut unread = with_copy(kept(7, 5));
    unread.vaults[3].is_read = false;
    let (verdict, comparisons) = judge_one(&unread, year);
    assert_eq!(verdict, Verdict::Unknown);
    assert_eq!(
        text(&comparisons, "backed_up_doubt"),
        "a copy that counts may lie where not every vault could be read: account 444455556666, eu-west-0"
    );
    // By default it is of no matter, nor is one whose lock is too weak.
    assert_eq!(judge_one(&unread, "retention-min = \"365d\"").0, Verdict::NonCompliant);
    unread.vaults[3].lock = 1;
    let locked = format!("{year}\ncopy.vault-lock = \"compliance\"");
    assert_eq!(judge_one(&unread, &locked).0, Verdict::NonCompliant);
    unread.is_away_listed = false;
    assert_eq!(judge_one(&unread, &locked).0, Verdict::Unknown);
    // Points at home that are good need no copy.
    let mut fine = with_copy(kept(7, 5));
    fine.vaults[3].is_read = false;
    fine.tables[0].points[0] = kept(365, 5);
    assert_eq!(judge_one(&fine, year).0, Verdict::Compliant);
}

/// A daily plan with its window, a weekly one under a promise of a week, and both values at once.
#[test]
fn the_limit_is_that_of_the_policy_alone() {
    for (policy, age_hours, wanted) in [
        ("", 31, Verdict::Compliant),
        ("", 36, Verdict::Compliant),
        ("", 40, Verdict::NonCompliant),
        ("rpo = \"7d\"", 72, Verdict::Compliant),
        ("rpo = \"7d\"", 169, Verdict::NonCompliant),
        ("frequency = \"1d\"\nrpo = \"7d\"", 72, Verdict::NonCompliant),
        ("frequency = \"7d\"\nrpo = \"1d\"", 31, Verdict::NonCompliant),
        ("frequency = \"7d\"", 180, Verdict::Compliant),
        // The tolerance is never more than the frequency.
        ("frequency = \"4h\"", 8, Verdict::Compliant),
        ("frequency = \"4h\"", 9, Verdict::NonCompliant),
    ] {
        let (verdict, _) = judge_one(&of_points(vec![kept(35, age_hours)]), policy);
        assert_eq!(verdict, wanted, "{policy}: {age_hours} h");
    }
}
