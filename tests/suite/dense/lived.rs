//! A script, lived through on the sandbox's clock: what really was at every hour, and what there was when somebody looked.

use std::collections::{BTreeMap, HashMap};

use backproof_sandbox::inside::{self, Inside, Lock};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::script::{Act, Denied, ELSEWHERE, KEY, PLANS, Policy, SCHEDULES, START, Script, Tier, VAULTS, name};
use crate::common::Bench;
use crate::common::aws::{self, create_table, delete_table, dynamodb};

const ROLE: &str = "arn:aws:iam::111122223333:role/service-role/AWSBackupDefaultServiceRole";

/// Milliseconds since 1970.
pub type Moment = i64;

pub const HOUR: Moment = 3_600_000;

/// A table at one moment.
#[derive(Debug, Clone)]
pub struct Alive {
    pub id: String,
    pub name: String,
    pub born: Moment,
    pub tier: Tier,
    /// Its recovery points that are not too old for any policy.
    pub points: Vec<There>,
}

/// A recovery point at one moment.
#[derive(Debug, Clone)]
pub struct There {
    /// By place in [`Lived::points`].
    pub number: usize,
    pub vault: usize,
    pub created: Moment,
    /// It can be restored; else it is being made.
    pub is_complete: bool,
    /// In days.
    pub kept: i64,
    pub lock: Lock,
    pub key_works: bool,
}

/// What really was at one moment.
#[derive(Debug)]
pub struct Sample {
    pub at: Moment,
    pub policy: Policy,
    pub tables: Vec<Alive>,
}

/// A scan, and what there was to see.
#[derive(Debug)]
pub struct Look {
    pub at: Moment,
    pub pack: String,
    pub policy: Policy,
    pub denied: Option<Denied>,
    pub tables: Vec<Alive>,
    /// For how many days each is kept that there is, by number.
    pub points: HashMap<usize, i64>,
    /// Of every vault.
    pub locks: [Lock; VAULTS.len()],
    /// Of every vault.
    pub keys_work: [bool; VAULTS.len()],
}

/// What is known of a recovery point that once was.
#[derive(Debug, Clone)]
pub struct Once {
    pub table_id: String,
    pub vault: usize,
    pub created: Moment,
    pub completed: Option<Moment>,
    /// When it was first seen.
    pub kept: i64,
    pub is_native: bool,
    /// The first moment at which it was seen no more.
    pub gone: Option<Moment>,
}

/// A world after its script.
pub struct Lived {
    pub bench: Bench,
    pub samples: Vec<Sample>,
    pub looks: Vec<Look>,
    /// Every recovery point that was ever seen.
    pub points: Vec<Once>,
    numbers: BTreeMap<String, usize>,
    policy: Policy,
    /// What a person does again and again: the hour of the day, the table, until when.
    daily: Vec<(usize, usize, usize)>,
}

pub fn moment(text: &str) -> Moment {
    let at: DateTime<Utc> = text.parse().expect("an instant");
    at.timestamp_millis()
}

impl Lived {
    pub fn through(script: &Script) -> Self {
        let mut lived = Self {
            bench: Bench::new(&script.world()),
            samples: Vec::new(),
            looks: Vec::new(),
            points: Vec::new(),
            numbers: BTreeMap::new(),
            policy: script.policy,
            daily: Vec::new(),
        };
        let mut acts = script.acts.iter().peekable();
        let mut looks = script.looks.iter().peekable();
        let start = moment(START);
        for hour in 0..=script.hours {
            let sharp = start + HOUR * Moment::try_from(hour).expect("few hours");
            lived.until(sharp);
            let sample = lived.sample(sharp);
            lived.samples.push(sample);
            lived.until(sharp + HOUR / 3);
            for (of_day, table, last) in lived.daily.clone() {
                if hour % 24 == of_day && hour <= last {
                    lived.drop_points(table, usize::MAX);
                }
            }
            while let Some((_, act)) = acts.next_if(|(at, _)| *at <= hour) {
                lived.act(*act, hour);
            }
            if let Some((_, denied)) = looks.next_if(|(at, _)| *at == hour) {
                // What a person did took some of this hour, and never more than that.
                let at = (sharp + HOUR / 3 * 2).max(lived.now());
                lived.until(at);
                lived.look(*denied);
            }
        }
        lived
    }

    fn now(&self) -> Moment {
        self.bench.sandbox.now().timestamp_millis()
    }

    fn until(&mut self, at: Moment) {
        let step = at - self.now();
        if step > 0 {
            self.bench.sandbox.advance(TimeDelta::milliseconds(step));
        }
    }

    /// What there is, remembered.
    fn inside(&mut self) -> Inside {
        let inside = self.bench.sandbox.inside();
        let at = inside.at.timestamp_millis();
        let mut there = std::collections::BTreeSet::new();
        for point in &inside.points {
            let completed = point.completed_at.map(|at| at.timestamp_millis());
            if let Some(number) = self.numbers.get(&*point.arn) {
                self.points[*number].completed = completed;
                there.insert(*number);
                continue;
            }
            there.insert(self.points.len());
            self.numbers.insert(point.arn.to_string(), self.points.len());
            self.points.push(Once {
                table_id: point.table_id.clone(),
                vault: vault(&point.vault),
                created: point.created_at.timestamp_millis(),
                completed,
                kept: point.kept_days.unwrap_or(FOREVER),
                is_native: point.arn.contains(":dynamodb:"),
                gone: None,
            });
        }
        for (number, once) in self.points.iter_mut().enumerate() {
            if once.gone.is_none() && !there.contains(&number) {
                once.gone = Some(at);
            }
        }
        inside
    }

    fn sample(&mut self, at: Moment) -> Sample {
        let inside = self.inside();
        Sample {
            at,
            policy: self.policy,
            tables: self.alive(&inside),
        }
    }

    fn look(&mut self, denied: Option<Denied>) {
        let inside = self.inside();
        let pack = format!("pack-{}", self.looks.len());
        self.bench.write("backproof.toml", self.policy.text());
        for fault in denied.into_iter().flat_map(Denied::faults) {
            self.bench.fault(&fault);
        }
        let ran = self.bench.run(&["scan", "--to", &pack, "--quiet", "--format", "json"]);
        assert!(matches!(ran.code, 0 | 10 | 11), "{}", ran.stderr);
        self.bench.no_faults();
        let of = |name: &str| inside.vaults.iter().find(|vault| vault.name == name);
        let kept = |point: &inside::Point| (self.numbers[&*point.arn], point.kept_days.unwrap_or(FOREVER));
        self.looks.push(Look {
            at: inside.at.timestamp_millis(),
            pack,
            policy: self.policy,
            denied,
            tables: self.alive(&inside),
            points: inside.points.iter().map(kept).collect(),
            locks: VAULTS.map(|name| of(name).map_or(Lock::None, |vault| vault.lock)),
            keys_work: VAULTS.map(|name| of(name).is_none_or(|vault| vault.key_works)),
        });
    }

    fn table(&mut self, table: usize) -> Option<inside::Table> {
        let name = name(table);
        self.inside().tables.into_iter().find(|table| table.name == name)
    }

    fn act(&mut self, act: Act, hour: usize) {
        match act {
            Act::Policy(policy) => self.policy = policy,
            Act::Create(table, tier) if self.table(table).is_none() => {
                let tags = json!([{"Key": "backup", "Value": "plan-0"}, {"Key": "tier", "Value": tier.tag()}]);
                create_table(&self.bench, &name(table), &tags);
            }
            Act::Delete(table) => {
                self.delete(table);
            }
            Act::Remake(table, seconds) => self.remake(table, seconds),
            Act::TagBackup(table, plan) => self.tag(table, "backup", &format!("plan-{plan}")),
            Act::TagTier(table, tier) => self.tag(table, "tier", tier.tag()),
            Act::DropNewest(table) => self.drop_points(table, 1),
            Act::DropAll(table) => self.drop_points(table, usize::MAX),
            Act::DropDaily(table, days) => self.daily.push((hour % 24, table, hour + 24 * days)),
            Act::Keep(table, days) => {
                if let Some(point) = self.points_of(table).first() {
                    let body = json!({ "Lifecycle": { "DeleteAfterDays": days } });
                    self.try_ask(&format!("POST {}", path(point)), &body);
                }
            }
            Act::OnDemand(table, vault, days) => {
                if let Some(table) = self.table(table).filter(|_| self.is_opted_in()) {
                    let body = json!({
                        "BackupVaultName": VAULTS[vault], "ResourceArn": table.arn, "IamRoleArn": ROLE,
                        "Lifecycle": { "DeleteAfterDays": days },
                    });
                    aws::backup(&self.bench, "PUT /backup-jobs", &body);
                }
            }
            Act::OnDemandAndRemake(table, vault, days) => {
                self.act(Act::OnDemand(table, vault, days), hour);
                self.remake(table, 5);
            }
            Act::PlanKeeps(plan, days) => self.change(plan, |rule| {
                rule["Lifecycle"] = json!({ "DeleteAfterDays": days });
            }),
            Act::PlanRuns(plan, schedule) => self.change(plan, |rule| {
                rule["ScheduleExpression"] = SCHEDULES[schedule].into();
            }),
            Act::Unselect(plan) => {
                let plan = self.plan(plan);
                for selection in self.selections(&plan) {
                    self.ask(
                        &format!("DELETE /backup/plans/{plan}/selections/{selection}"),
                        &Value::Null,
                    );
                }
            }
            Act::Select(number) => {
                let plan = self.plan(number);
                if self.selections(&plan).is_empty() {
                    let tag = json!({
                        "ConditionType": "STRINGEQUALS", "ConditionKey": "backup", "ConditionValue": format!("plan-{number}"),
                    });
                    let selection = json!({ "SelectionName": "tagged", "IamRoleArn": ROLE, "ListOfTags": [tag] });
                    self.ask(
                        &format!("PUT /backup/plans/{plan}/selections"),
                        &json!({ "BackupSelection": selection }),
                    );
                }
            }
            Act::OptIn(on) => self.setting("ResourceTypeOptInPreference", on),
            Act::Advanced(on) => self.setting("ResourceTypeManagementPreference", on),
            Act::Lock(vault, true) => {
                let lock = json!({ "MinRetentionDays": 1 });
                self.try_ask(&format!("PUT /backup-vaults/{}/vault-lock", VAULTS[vault]), &lock);
            }
            Act::Lock(vault, false) => {
                self.try_ask(
                    &format!("DELETE /backup-vaults/{}/vault-lock", VAULTS[vault]),
                    &Value::Null,
                );
            }
            Act::LockForGood(vault) => {
                let lock = json!({ "MinRetentionDays": 1, "ChangeableForDays": 3 });
                self.try_ask(&format!("PUT /backup-vaults/{}/vault-lock", VAULTS[vault]), &lock);
            }
            Act::Key(is_on) => aws::switch_key(&self.bench, KEY, is_on),
            Act::Create(..) => {}
        }
    }

    /// Deletes a table, unless there is none or it is being backed up.
    fn delete(&mut self, table: usize) -> Option<inside::Table> {
        let old = self.table(table)?;
        let inside = self.inside();
        let is_busy = |point: &inside::Point| *point.table_arn == *old.arn && point.completed_at.is_none();
        if inside.points.iter().any(is_busy) {
            return None;
        }
        delete_table(&self.bench, &old.name);
        Some(old)
    }

    fn remake(&mut self, table: usize, seconds: i64) {
        if let Some(old) = self.delete(table) {
            self.until(self.now() + seconds * 1000);
            let tags = old.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value}));
            create_table(&self.bench, &old.name, &Value::Array(tags.collect()));
        }
    }

    fn ask(&self, request: &str, body: &Value) -> Value {
        aws::backup(&self.bench, request, body)
    }

    /// What a lock forbids does not happen.
    fn try_ask(&self, request: &str, body: &Value) {
        aws::try_backup(&self.bench, request, body);
    }

    fn tag(&mut self, table: usize, key: &str, value: &str) {
        if let Some(table) = self.table(table) {
            let body = json!({ "ResourceArn": table.arn, "Tags": [{ "Key": key, "Value": value }] });
            dynamodb(&self.bench, "TagResource", &body);
        }
    }

    /// Finished points of a table that exists, the newest first.
    fn points_of(&mut self, table: usize) -> Vec<inside::Point> {
        let inside = self.inside();
        let name = name(table);
        let Some(table) = inside.tables.iter().find(|table| table.name == name) else {
            return Vec::new();
        };
        // Nobody touches the copies elsewhere.
        let is_home = |point: &inside::Point| *point.vault != *VAULTS[ELSEWHERE];
        let is_its =
            |point: &inside::Point| point.table_id == table.id && point.completed_at.is_some() && is_home(point);
        let mut points: Vec<inside::Point> = inside.points.into_iter().filter(is_its).collect();
        points.sort_by_key(|point| std::cmp::Reverse(point.created_at));
        points
    }

    fn drop_points(&mut self, table: usize, most: usize) {
        for point in self.points_of(table).iter().take(most) {
            self.try_ask(&format!("DELETE {}", path(point)), &Value::Null);
        }
    }

    fn is_opted_in(&self) -> bool {
        let settings = self.ask("GET /account-settings", &Value::Null);
        settings["ResourceTypeOptInPreference"]["DynamoDB"] == true
    }

    fn setting(&self, which: &str, on: bool) {
        self.ask("PUT /account-settings", &json!({ which: { "DynamoDB": on } }));
    }

    fn plan(&self, number: usize) -> String {
        assert!(number < PLANS, "a plan that never was");
        let plans = self.ask("GET /backup/plans", &Value::Null);
        let plans = plans["BackupPlansList"].as_array().expect("plans");
        let name = format!("plan-{number}");
        let plan = plans.iter().find(|plan| plan["BackupPlanName"] == name.as_str());
        plan.expect("a plan")["BackupPlanId"]
            .as_str()
            .expect("an id")
            .to_owned()
    }

    fn selections(&self, plan: &str) -> Vec<String> {
        let all = self.ask(&format!("GET /backup/plans/{plan}/selections"), &Value::Null);
        let all = all["BackupSelectionsList"].as_array().expect("selections").clone();
        all.iter()
            .filter_map(|one| one["SelectionId"].as_str().map(str::to_owned))
            .collect()
    }

    fn change(&self, number: usize, change: impl FnOnce(&mut Value)) {
        let plan = self.plan(number);
        let mut document = self.ask(&format!("GET /backup/plans/{plan}"), &Value::Null)["BackupPlan"].clone();
        let rule = &mut document["Rules"][0];
        if let Some(members) = rule.as_object_mut() {
            members.remove("RuleId");
        }
        change(rule);
        self.ask(
            &format!("POST /backup/plans/{plan}"),
            &json!({ "BackupPlan": document }),
        );
    }
}

fn path(point: &inside::Point) -> String {
    let arn = point.arn.replace('/', "%2F");
    format!("/backup-vaults/{}/recovery-points/{arn}", point.vault)
}

/// For ever, in days.
const FOREVER: i64 = 36_500;

/// The place of a vault.
fn vault(name: &str) -> usize {
    VAULTS
        .iter()
        .position(|vault| *vault == name)
        .expect("a vault of the script")
}

/// No policy asks for points as old as this.
const OLD: Moment = 350 * HOUR;

impl Lived {
    /// Every table, with its recovery points: those of this very table that are there.
    fn alive(&self, inside: &Inside) -> Vec<Alive> {
        let at = inside.at.timestamp_millis();
        let mut by_table: HashMap<&str, Vec<There>> = HashMap::new();
        for point in &inside.points {
            let created = point.created_at.timestamp_millis();
            if point.is_expired || at - created > OLD {
                continue;
            }
            by_table.entry(&point.table_id).or_default().push(There {
                number: self.numbers[&*point.arn],
                vault: vault(&point.vault),
                created,
                is_complete: point.completed_at.is_some(),
                kept: point.kept_days.unwrap_or(FOREVER),
                lock: point.lock,
                key_works: point.key_works,
            });
        }
        let table = |table: &inside::Table| Alive {
            id: table.id.clone(),
            name: table.name.clone(),
            born: table.created_at.timestamp_millis(),
            tier: Tier::of(table.tags.get("tier").map(String::as_str)),
            points: by_table.remove(&*table.id).unwrap_or_default(),
        };
        inside.tables.iter().map(table).collect()
    }
}
