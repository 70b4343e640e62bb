//! A backup plan with one rule, for tables that no plan serves as the policy asks.
//!
//! Idempotent by its creator's request id: AWS Backup gives the plan that it made for the same one.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_backup::operation::create_backup_plan::CreateBackupPlanOutput;
use aws_sdk_backup::operation::describe_backup_vault::DescribeBackupVaultOutput;
use aws_sdk_backup::types::BackupPlanInput;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ground::{DELETE_POINT, LIST_POINTS, LIST_VAULTS, Swept, sweep};
use super::vault::{cloudformation_name, terraform_name};
use super::{Act, Assign, Deed, Doing, Done, Kind, MADE_BY, Now, Obstacle, PlanChange, Resource, Sign, TagTable, Thing, Undoing, Undone};
use crate::aws::failure::{Failure, FailureKind};
use crate::aws::target::Target;
use crate::domain::{TargetId, Verdict};
use crate::inventory::schema::Plan;
use crate::problem::{Outcome, count};
use crate::remediate::plans::asked::{DESCRIBE_TABLE, GET_PLAN, LIST_PLANS, LIST_SELECTIONS, LIST_TAGS, self};
use crate::remediate::export::{Declared, policy};
use crate::remediate::plans::demand::{self, Needy, OF_TABLES, Tried};
use crate::remediate::plans::means::{self, PlanRef, Unhelped};
use crate::remediate::plans::{change, rows};
use crate::remediate::plans::rule::{Rule, positive};
use crate::remediate::plans::vaults::Vaults;
use crate::remediate::plans::wanted::{Site, rule_name};
use crate::remediate::propose::Planner;
use crate::remediate::shell::quoted;
use crate::remediate::world::World;
use crate::settings::is_plan_name;
use crate::text::one_line;

const CREATE: &str = "backup:CreateBackupPlan";
const DELETE: &str = "backup:DeleteBackupPlan";
const DESCRIBE_VAULT: &str = "backup:DescribeBackupVault";

/// Rules that are tried for the tables of a plan, at most: each takes a judgement of everything.
const MOST_RULES: usize = 8;

/// A plan to make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanCreate {
    /// Its name, which no other live plan there has.
    pub plan_name: String,
    /// The name of its rule.
    pub rule_name: String,
    /// Its rule.
    pub rule: Rule,
}

/// Tables of one tier in one account and Region, and the rules that might serve them.
struct Group {
    at: TargetId,
    name: String,
    tables: Vec<Needy>,
    rules: Vec<PlanCreate>,
    /// The first that serves all, and one that serves all and makes nothing worse.
    good: Option<usize>,
    best: Option<usize>,
    why: Option<String>,
}

/// A plan for the tables of each tier that nothing less helps, with the first rule that the rules find good.
fn propose(planner: &mut Planner<'_>) -> Outcome<()> {
    let needy = demand::needy(planner, &PlanCreate::KIND)?;
    let mut needy = means::without_foreign(planner, needy);
    let mut reasons: BTreeMap<String, String> = BTreeMap::new();
    let mut supposed: Vec<(TargetId, Deed)> = Vec::new();
    if planner.takes(PlanChange::KIND.id) {
        let (changes, not) = change::by_change(planner, needy, &[])?;
        needy = noted(not, &mut reasons);
        supposed.extend(changes.into_iter().map(|change| (change.at, Deed::PlanChange(change.deed))));
    }
    if planner.takes(TagTable::KIND.id) {
        let not = means::by_tag(planner, &supposed, needy)?.not;
        needy = noted(not, &mut reasons);
    }
    if !planner.takes(Assign::KIND.id) {
        let not: Vec<_> = needy.into_iter().map(|one| (one, None)).collect();
        means::block(planner, &not, "a new plan alone takes no table: `assign` is left out");
        return Ok(());
    }
    needy = noted(means::by_assignment(planner, &supposed, needy)?.not, &mut reasons);
    let mut groups = groups(planner, needy)?;
    for round in 0..MOST_RULES {
        let mut deeds: Vec<(TargetId, Deed)> = Vec::new();
        for group in groups.iter().filter(|group| group.best.is_none()) {
            if let Some(deed) = group.rules.get(round) {
                deeds.push((group.at.clone(), Deed::PlanCreate(deed.clone())));
                let plan = PlanRef {
                    id: rows::new_plan_id(&group.name),
                    name: group.name.clone(),
                    version_id: None,
                    load: None,
                };
                let batch: Vec<(&Needy, &PlanRef)> = group.tables.iter().map(|one| (one, &plan)).collect();
                deeds.extend(means::assignments(planner, &batch));
            }
        }
        if deeds.is_empty() {
            break;
        }
        let after = planner.if_done(&[supposed.as_slice(), &deeds].concat())?;
        let tried = Tried::of(planner, &after);
        for group in groups.iter_mut().filter(|group| group.best.is_none()) {
            let Some(deed) = group.rules.get(round) else { continue };
            let lacks = group.tables.iter().find_map(|one| tried.lacks(&one.table.table_arn));
            match (lacks, tried.spoils(&group.at)) {
                (Some(why), _) => {
                    let why = format!("a new plan ({}) would not be enough: {why}", deed.rule.words());
                    group.why.get_or_insert(why);
                }
                (None, None) => group.best = Some(round),
                (None, Some(_)) => {
                    group.good.get_or_insert(round);
                }
            }
        }
    }
    for group in groups {
        let findings: Vec<_> = group.tables.iter().flat_map(|one| &one.findings).collect();
        match group.best.or(group.good) {
            Some(place) => {
                let deed = group.rules[place].clone();
                planner.add(&group.at, Deed::PlanCreate(deed), &findings[0].message, &findings);
            }
            None => {
                for one in &group.tables {
                    let known = reasons.get(&one.table.table_arn);
                    let why = group.why.as_ref().or(known).map_or("no rule of a new plan would serve it", String::as_str);
                    one.findings.iter().for_each(|finding| planner.block(finding, why));
                }
            }
        }
    }
    Ok(())
}

/// The tables that are not helped yet; why is noted, the first reason of each.
fn noted(not: Vec<Unhelped>, reasons: &mut BTreeMap<String, String>) -> Vec<Needy> {
    let one = |(one, why): Unhelped| {
        if let Some(why) = why {
            reasons.entry(one.table.table_arn.clone()).or_insert(why);
        }
        one
    };
    not.into_iter().map(one).collect()
}

/// The tables by account, Region and tier, each with the name of its plan and the rules to try.
fn groups(planner: &mut Planner<'_>, needy: Vec<Needy>) -> Outcome<Vec<Group>> {
    let vaults = Vaults::of(&mut planner.world)?;
    let mut taken: Vec<(TargetId, String)> = planner
        .world
        .rows::<Plan>()?
        .iter()
        .filter_map(|plan| Some((TargetId::new(&plan.account_id, &plan.region), plan.plan_name.clone()?)))
        .collect();
    let mut by_tier: BTreeMap<(TargetId, Option<String>), Vec<Needy>> = BTreeMap::new();
    for one in needy {
        by_tier.entry((one.at().clone(), one.tier.clone())).or_default().push(one);
    }
    let mut groups = Vec::new();
    for ((at, tier), tables) in by_tier {
        let name = free_name(&at, planner.settings.plan_name.as_deref(), tier.as_deref(), &taken);
        taken.push((at.clone(), name.clone()));
        let site = Site {
            at: &at,
            vaults: &vaults,
            settings: planner.settings,
            has_cold: tables.iter().all(Needy::has_advanced),
            as_of: planner.world.as_of(),
        };
        // All tables of a tier are asked the same.
        let values = &tables[0].values;
        let (rules, why) = match site.rules(values) {
            Ok(rules) => (rules, None),
            Err(why) => (Vec::new(), Some(why)),
        };
        let rules = rules.into_iter().map(|rule| PlanCreate {
            plan_name: name.clone(),
            rule_name: rule_name(values, planner.settings),
            rule,
        });
        groups.push(Group {
            rules: rules.collect(),
            at,
            name,
            tables,
            good: None,
            best: None,
            why,
        });
    }
    Ok(groups)
}

/// The name of a plan that is made: what the settings say, or `backproof`; the tier after it; a number where it is taken.
fn free_name(at: &TargetId, base: Option<&str>, tier: Option<&str>, taken: &[(TargetId, String)]) -> String {
    let plain = |text: &str| -> String {
        let plain = |letter: char| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '-' };
        text.chars().map(plain).collect()
    };
    let mut name = match (base, tier.map(plain)) {
        (Some(base), None) => base.to_owned(),
        (Some(base), Some(tier)) => format!("{base}-{tier}"),
        (None, tier) => format!("backproof-{}", tier.as_deref().unwrap_or("default")),
    };
    name.truncate(47);
    let is_taken = |name: &str| taken.iter().any(|(place, known)| place == at && known == name);
    if !is_taken(&name) {
        return name;
    }
    let mut numbered = (2..).map(|number| format!("{name}-{number}"));
    numbered.find(|name| !is_taken(name)).expect("the numbers do not end")
}

impl PlanCreate {
    /// Is its vault there, and does its lock allow the lifecycle?
    ///
    /// API: backup:DescribeBackupVault. Calls: 1. Errors: not so, in words.
    async fn check_vault(&self, target: &Target) -> Result<(), Obstacle> {
        let name = &self.rule.vault_name;
        let send = || target.backup.describe_backup_vault().backup_vault_name(name).send();
        let lock = |answer: DescribeBackupVaultOutput| {
            let is_it = answer.backup_vault_name() == Some(name.as_str());
            let bounds = (answer.min_retention_days(), answer.max_retention_days());
            is_it.then(|| (answer.locked() == Some(true), bounds))
        };
        let (is_locked, (least, most)) = target
            .caller
            .part(DESCRIBE_VAULT, name, send, "vault of this name", lock)
            .await
            .map_err(|failure| Obstacle::from(failure).of(&format!("vault `{}`", one_line(name))))?;
        let kept = positive(self.rule.delete_after_days);
        let is_short = least.zip(kept).is_some_and(|(least, kept)| kept < least);
        let is_long = most.is_some_and(|most| kept.is_none_or(|kept| kept > most));
        if is_locked && (is_short || is_long) {
            let word = |days: Option<i64>| days.map_or_else(|| "no bound".to_owned(), |days| format!("{days} days"));
            return Err(format!(
                "the lock of vault `{}` now takes retentions from {} to {}, not {}",
                one_line(name),
                word(least),
                word(most),
                kept.map_or_else(|| "for ever".to_owned(), |days| format!("{days} days"))
            )
            .into());
        }
        Ok(())
    }
}

impl Act for PlanCreate {
    const KIND: Kind = Kind {
        id: "plan-create",
        sign: Sign::Create,
        answers: OF_TABLES,
        frames: &["keys", "plans", "plan_rules", "plan_versions", "region_settings", "selections", "table_tags", "tables", "vaults"],
        // To make a plan with tags is to tag.
        doing: &[CREATE, DELETE, "backup:TagResource"],
        checking: &[DESCRIBE_VAULT, GET_PLAN, LIST_PLANS, LIST_SELECTIONS, LIST_TAGS],
        propose,
    };
    const UNDOING: &'static [&'static str] = &[LIST_VAULTS, LIST_POINTS, DESCRIBE_TABLE, DELETE_POINT];

    fn resource(&self, _at: &TargetId) -> Resource<'_> {
        Resource {
            noun: "backup plan",
            id: self.plan_name.as_str().into(),
            name: self.plan_name.as_str().into(),
        }
    }

    fn describe(&self) -> String {
        format!("rule `{}`: {}", one_line(&self.rule_name), self.rule.words())
    }

    fn check_values(&self, _at: &TargetId) -> Result<(), String> {
        if let Some(name) = [&self.plan_name, &self.rule_name].into_iter().find(|name| !is_plan_name(name)) {
            return Err(format!("`{}` is not a name of a plan or of a rule", one_line(name)));
        }
        self.rule.check()
    }

    fn gives(&self, at: &TargetId) -> Vec<Thing> {
        vec![Thing::new(at, "plan", self.plan_name.clone())]
    }

    fn needs(&self, at: &TargetId) -> Vec<Thing> {
        let copies = self.rule.copies.iter().filter_map(|copy| {
            let name = copy.vault_arn.rsplit(':').next().unwrap_or_default();
            Some(Thing::new(&copy.place()?, "vault", name))
        });
        let home = [Thing::new(at, "vault", self.rule.vault_name.clone()), Thing::new(at, "opt-in", "")];
        home.into_iter().chain(copies).collect()
    }

    fn simulate(&self, at: &TargetId, world: &mut World) -> Outcome<()> {
        rows::add_plan(world, at, &self.plan_name, &self.rule_name, &self.rule)
    }

    fn inverse(&self) -> Undone {
        Undone::Back("the plan is deleted once nothing is assigned to it; points that it made stay, unless `--with-points` is given".to_owned())
    }

    /// API: backup:ListBackupPlans, backup:GetBackupPlan, backup:DescribeBackupVault. Calls: 2.
    async fn look(&self, target: &Target, id: &str) -> Result<Now, Obstacle> {
        let found = asked::plan_named(target, &self.plan_name).await?;
        let Some(found) = found else {
            self.check_vault(target).await?;
            return Ok(Now::ToDo(Value::Null));
        };
        let plan_id = found.backup_plan_id().unwrap_or_default();
        let plan = asked::plan(target, plan_id).await?;
        let is_own = match plan.creator_request_id.as_deref() {
            Some(made_by) => made_by == id,
            // An answer may leave that out; the tag says the same.
            None => asked::tags(target, &plan.arn).await?.get(MADE_BY).is_some_and(|made_by| made_by == id),
        };
        if !is_own {
            return Err(format!(
                "the name is taken: a plan `{}` was made since, with the id `{}`",
                one_line(&self.plan_name),
                one_line(plan_id)
            )
            .into());
        }
        match plan.rules.get(&self.rule_name) {
            Some(rule) if plan.rules.len() == 1 && rule.is_same(&self.rule) => Ok(Now::Already {
                how: format!("the plan is there, with the id {}", one_line(plan_id)),
                made: Some(plan_id.to_owned()),
            }),
            _ => Err(Obstacle::Changed("the plan that this action made was changed since".to_owned())),
        }
    }

    /// API: backup:CreateBackupPlan (and backup:TagResource). Calls: 1. Errors: AWS's refusal.
    async fn act(&self, target: &Target, doing: &Doing<'_>) -> Result<Done, Failure> {
        let plan = BackupPlanInput::builder()
            .backup_plan_name(&self.plan_name)
            .rules(self.rule.input(&self.rule_name))
            .build()
            .expect("it has a name and a rule");
        let send = || {
            let create = target.backup.create_backup_plan().backup_plan(plan.clone());
            create
                .creator_request_id(doing.id)
                .backup_plan_tags("created-by", "backproof")
                .backup_plan_tags(MADE_BY, doing.id)
                .send()
        };
        let id = |answer: CreateBackupPlanOutput| answer.backup_plan_id.filter(|id| !id.is_empty());
        let made = target.caller.part(CREATE, &self.plan_name, send, "id of a plan", id).await?;
        Ok(Done {
            job: None,
            made: Some(made),
        })
    }

    /// Compliant: the plan of this name has this rule and no other, since then.
    ///
    /// API: backup:ListBackupPlans, backup:GetBackupPlan. Calls: 2.
    async fn verify(&self, target: &Target, _since: DateTime<Utc>) -> (Verdict, String) {
        let found = match asked::plan_named(target, &self.plan_name).await {
            Err(failure) => return (Verdict::Unknown, failure.told()),
            Ok(None) => return (Verdict::NonCompliant, "there is no plan of this name".to_owned()),
            Ok(Some(found)) => found,
        };
        match asked::plan(target, found.backup_plan_id().unwrap_or_default()).await {
            Err(failure) => (Verdict::Unknown, failure.told()),
            Ok(plan) => match plan.rules.get(&self.rule_name) {
                Some(rule) if rule.is_same(&self.rule) => (Verdict::Compliant, rule.words()),
                Some(rule) => (Verdict::NonCompliant, format!("its rule is another: {}", rule.words())),
                None => (
                    Verdict::NonCompliant,
                    format!("it has no rule `{}`", one_line(&self.rule_name)),
                ),
            },
        }
    }

    /// API: backup:ListBackupPlans, backup:GetBackupPlan, backup:ListTags, backup:ListBackupSelections, backup:DeleteBackupPlan;
    /// with its points, those of [`sweep`]. Calls: 4 or 5, and those.
    async fn undo(&self, target: &Target, undoing: &Undoing<'_>) -> Result<Undone, Failure> {
        let listed = asked::plan_named(target, &self.plan_name).await?;
        let listed = listed.and_then(|plan| plan.backup_plan_id().map(str::to_owned));
        let plan_id = undoing.done.made.clone().or_else(|| listed.clone());
        let Some(plan_id) = plan_id else {
            return Ok(Undone::Back("the plan is gone".to_owned()));
        };
        let is_there = listed.as_ref() == Some(&plan_id);
        if is_there && let Some(why) = self.delete(target, &plan_id, undoing.id).await? {
            return Ok(Undone::Left(why));
        }
        let gone = if is_there { "the plan is deleted" } else { "the plan is gone" };
        if !undoing.with_points {
            return Ok(Undone::Back(format!("{gone}; points that it made stay")));
        }
        let mut swept = Swept::default();
        let mut elsewhere: BTreeSet<&str> = undoing
            .places
            .iter()
            .filter(|at| at.account_id == target.id.account_id)
            .map(|at| &*at.region)
            .collect();
        elsewhere.remove(&*target.id.region);
        // Copies first, while what they were made of is still at home.
        for region in elsewhere {
            sweep(target, &target.in_region(region), &plan_id, undoing, &mut swept).await?;
        }
        sweep(target, target, &plan_id, undoing, &mut swept).await?;
        let points = count(swept.gone, "point");
        Ok(match swept.kept.first() {
            None => Undone::Back(format!("{gone}, and {points} that it made")),
            Some(first) => {
                let kept = count(swept.kept.len(), "point");
                Undone::Left(format!("{gone}, and {points} that it made; {kept} of it stays: {first}"))
            }
        })
    }

    fn backup_policy(&self, at: &TargetId) -> Declared {
        let rule = &self.rule;
        if rule.schedule_time_zone.is_some() {
            return Declared::Not("a backup policy knows no time zone");
        }
        let lifecycle = |cold: Option<i64>, delete: Option<i64>| {
            let days = [("move_to_cold_storage_after_days", cold), ("delete_after_days", delete)];
            let set = days.into_iter().filter_map(|(key, days)| Some((key.to_owned(), policy::number(positive(days)?))));
            Value::Object(set.collect())
        };
        let mut of_rule = json!({ "target_backup_vault_name": policy::assigned(rule.vault_name.as_str()) });
        if let Some(schedule) = &rule.schedule {
            of_rule["schedule_expression"] = policy::assigned(schedule.as_str());
        }
        if let Some(minutes) = rule.start_window_minutes {
            of_rule["start_backup_window_minutes"] = policy::number(minutes);
        }
        of_rule["lifecycle"] = lifecycle(rule.cold_after_days, rule.delete_after_days);
        for copy in &rule.copies {
            let arn = policy::of_any_account(&copy.vault_arn, at);
            let mut of_copy = json!({ "target_backup_vault_arn": policy::assigned(arn.as_str()) });
            of_copy["lifecycle"] = lifecycle(copy.cold_after_days, copy.delete_after_days);
            of_rule["copy_actions"][arn] = of_copy;
        }
        let properties = json!({
            "regions": policy::assigned(vec![at.region.as_str()]),
            "rules": { self.rule_name.as_str(): of_rule },
        });
        Declared::one(policy::PLAN, self.plan_name.as_str(), properties)
    }

    fn cloudformation(&self, at: &TargetId, plan: &crate::remediate::Plan) -> Declared {
        let rule = &self.rule;
        let lifecycle = |cold: Option<i64>, delete: Option<i64>| {
            let mut lifecycle = json!({});
            for (key, days) in [("MoveToColdStorageAfterDays", cold), ("DeleteAfterDays", delete)] {
                if let Some(days) = days.filter(|days| *days >= 0) {
                    lifecycle[key] = days.into();
                }
            }
            lifecycle
        };
        let copies = rule.copies.iter().map(|copy| {
            json!({
                "DestinationBackupVaultArn": copy.vault_arn,
                "Lifecycle": lifecycle(copy.cold_after_days, copy.delete_after_days),
            })
        });
        let mut of_rule = json!({
            "RuleName": self.rule_name,
            "TargetBackupVault": cloudformation_name(plan, at, &rule.vault_name),
            "Lifecycle": lifecycle(rule.cold_after_days, rule.delete_after_days),
        });
        for (key, value) in [
            ("ScheduleExpression", rule.schedule.clone().map(Value::from)),
            ("ScheduleExpressionTimezone", rule.schedule_time_zone.clone().map(Value::from)),
            ("StartWindowMinutes", rule.start_window_minutes.map(Value::from)),
            ("CopyActions", (!rule.copies.is_empty()).then(|| copies.collect())),
        ] {
            if let Some(value) = value {
                of_rule[key] = value;
            }
        }
        let properties = json!({"BackupPlan": {"BackupPlanName": self.plan_name, "BackupPlanRule": [of_rule]}});
        Declared::one(CLOUDFORMATION, &*self.plan_name, properties)
    }

    fn terraform(&self, at: &TargetId, plan: &crate::remediate::Plan) -> Declared {
        let rule = &self.rule;
        let kept = |days: Option<i64>| days.filter(|days| *days >= 0);
        let lifecycle = |cold: Option<i64>, delete: Option<i64>| match (kept(cold), kept(delete)) {
            (None, None) => Value::Null,
            (cold, delete) => json!({"cold_storage_after": cold, "delete_after": delete}),
        };
        let copies = rule.copies.iter().map(|copy| {
            json!({
                "destination_vault_arn": copy.vault_arn,
                "lifecycle": lifecycle(copy.cold_after_days, copy.delete_after_days),
            })
        });
        let properties = json!({
            "name": self.plan_name,
            "rule": {
                "rule_name": self.rule_name,
                "target_vault_name": terraform_name(plan, at, &rule.vault_name),
                "schedule": rule.schedule,
                "schedule_expression_timezone": rule.schedule_time_zone,
                "start_window": rule.start_window_minutes,
                "lifecycle": lifecycle(rule.cold_after_days, rule.delete_after_days),
                "copy_action": match rule.copies.is_empty() {
                    true => Value::Null,
                    false => copies.collect(),
                },
            },
        });
        Declared::one(TERRAFORM, &*self.plan_name, properties)
    }

    fn cli(&self, at: &TargetId) -> Vec<String> {
        let plan = json!({"BackupPlanName": self.plan_name, "Rules": [self.rule.document(&self.rule_name)]});
        vec![format!(
            "{}=$(aws backup create-backup-plan --region {} --backup-plan {} --query BackupPlanId --output text)",
            variable(at, &self.plan_name),
            at.region,
            quoted(&plan.to_string())
        )]
    }
}

impl PlanCreate {
    /// Deletes the plan, if it is as this action made it and nothing is assigned to it. `Some`: why it stays.
    ///
    /// API: backup:GetBackupPlan, backup:ListTags, backup:ListBackupSelections, backup:DeleteBackupPlan. Calls: 4. Errors: AWS's
    /// refusal.
    async fn delete(&self, target: &Target, plan_id: &str, id: &str) -> Result<Option<String>, Failure> {
        let plan = asked::plan(target, plan_id).await?;
        let tags = asked::tags(target, &plan.arn).await?;
        if tags.get(MADE_BY).is_none_or(|by| by != id) {
            return Ok(Some("the plan does not carry the tag of this action".to_owned()));
        }
        let is_same = plan.rules.len() == 1 && plan.rules.get(&self.rule_name).is_some_and(|rule| rule.is_same(&self.rule));
        if !is_same {
            return Ok(Some("the plan was changed since".to_owned()));
        }
        let selections = asked::selections(target, plan_id).await?;
        if let Some((name, _)) = selections.first() {
            return Ok(Some(format!("assignment `{}` is still in it", one_line(name))));
        }
        let send = || target.backup.delete_backup_plan().backup_plan_id(plan_id).send();
        match target.caller.once(DELETE, plan_id, send).await {
            Err(failure) if failure.kind != FailureKind::Absent => Err(failure),
            _ => Ok(None),
        }
    }
}

/// Its type in CloudFormation.
pub(super) const CLOUDFORMATION: &str = "AWS::Backup::BackupPlan";

/// Its type in Terraform.
pub(super) const TERRAFORM: &str = "aws_backup_plan";

/// The shell variable that holds the id of a plan that a script makes.
pub(super) fn variable(at: &TargetId, plan_name: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
    let text = format!("plan_{}_{}_{plan_name}", at.account_id, at.region);
    text.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_plan_has_a_name_that_is_free_and_that_aws_takes() {
        let at = TargetId::new("111122223333".to_owned(), "eu-west-1".to_owned());
        let elsewhere = TargetId::new("111122223333".to_owned(), "us-east-1".to_owned());
        let taken = [
            (at.clone(), "backproof-gold".to_owned()),
            (at.clone(), "backproof-gold-2".to_owned()),
            (elsewhere, "nightly".to_owned()),
        ];
        for (base, tier, name) in [
            (None, None, "backproof-default"),
            (None, Some("gold"), "backproof-gold-3"),
            (None, Some("très cher"), "backproof-tr-s-cher"),
            (Some("nightly"), None, "nightly"),
            (Some("nightly"), Some("gold"), "nightly-gold"),
        ] {
            let found = free_name(&at, base, tier, &taken);
            assert_eq!(found, name);
            assert!(is_plan_name(&found), "{found}");
        }
    }
}
