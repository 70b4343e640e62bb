//! A change of rules of a plan that exists, as a new version of it.
//!
//! `UpdateBackupPlan` replaces the whole plan, and the SDK drops members that it does not know: so the plan is sent as the JSON
//! that
//! was read, with the change made in it. AWS has no conditional update: the version is read just before and just after.

use aws_sdk_backup::operation::update_backup_plan::UpdateBackupPlanOutput;
use aws_sdk_backup::types::BackupPlanInput;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Act, Deed, Doing, Done, Kind, Now, Obstacle, Quantities, Resource, Sign, Thing, Undoing, Undone};
use crate::aws::failure::Failure;
use crate::aws::raw::replace_body;
use crate::aws::target::Target;
use crate::domain::{TargetId, Verdict};
use crate::problem::Outcome;
use crate::remediate::Plan;
use crate::remediate::export::{Declared, IMPORT};
use crate::remediate::plans::asked::{self, GET_PLAN, LIST_TAGS, LIST_VERSIONS, PlanNow};
use crate::remediate::plans::demand::{self, FITS_LOCK};
use crate::remediate::plans::document;
use crate::remediate::plans::load::{Load, later};
use crate::remediate::plans::rule::Rule;
use crate::remediate::plans::{change, foreign_owner, means, rows};
use crate::remediate::propose::Planner;
use crate::remediate::shell::quoted;
use crate::remediate::world::World;
use crate::text::{list, one_line};

const UPDATE: &str = "backup:UpdateBackupPlan";

/// What to change in a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanChange {
    /// `BackupPlanId`.
    pub plan_id: String,
    /// Its name, for people.
    pub plan_name: String,
    /// The version that was judged; no other one is changed.
    pub version_id: String,
    /// The rules that change; all others stay.
    pub rules: Vec<RuleChange>,
    /// Bytes that the changed rules keep of all tables that the plan takes once it is in full use, every backup taken as a full
    /// one. `None`: not known.
    pub keeps: Option<Load>,
}

/// A rule of a plan, before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleChange {
    /// `RuleName`.
    pub name: String,
    /// As it was judged.
    pub was: Rule,
    /// As it is to be. Members that are not here stay as they are.
    pub becomes: Rule,
}

fn propose(planner: &mut Planner<'_>) -> Outcome<()> {
    let of_plans: Vec<_> = planner
        .open(&PlanChange::KIND)
        .into_iter()
        .filter(|finding| &*finding.rule == FITS_LOCK)
        .collect();
    let needy = demand::needy(planner, &PlanChange::KIND)?;
    let needy = means::without_foreign(planner, needy);
    let (changes, not) = change::by_change(planner, needy, &of_plans)?;
    for made in changes {
        let findings: Vec<_> = made.findings.iter().collect();
        if let Some(first) = findings.first() {
            planner.add(&made.at, Deed::PlanChange(made.deed), &first.message, &findings);
        }
    }
    if !planner.takes(super::Assign::KIND.id) {
        means::block(planner, &not, "no plan takes it whose change would help");
    }
    Ok(())
}

impl PlanChange {
    /// What changes, in words.
    pub(crate) fn words(&self) -> String {
        let words = |rule: &RuleChange| {
            format!("rule `{}`: {}", one_line(&rule.name), rule.was.changes(&rule.becomes).join(", "))
        };
        self.rules.iter().map(words).collect::<Vec<_>>().join("; ")
    }

    /// Are all rules as they are to be?
    fn is_done(&self, plan: &PlanNow) -> bool {
        self.rules
            .iter()
            .all(|rule| plan.rules.get(&rule.name).is_some_and(|found| found.is_same(&rule.becomes)))
    }

    /// The plan to send.
    ///
    /// Errors: a rule is gone, or not as it was judged.
    fn changed(&self, document: &Value) -> Result<Value, String> {
        let mut document = document::sendable(document);
        for rule in &self.rules {
            document::change(&mut document, &rule.name, &rule.was, &rule.becomes)?;
        }
        Ok(document)
    }

    /// Sends a whole plan. Gives its new version.
    ///
    /// API: backup:UpdateBackupPlan. Calls: 1. Errors: AWS's refusal.
    async fn send(&self, target: &Target, document: &Value) -> Result<String, Failure> {
        let body = json!({ "BackupPlan": document }).to_string();
        let send = || {
            // What the SDK would send has no rule, and AWS would refuse it.
            let empty = BackupPlanInput::builder().backup_plan_name(&self.plan_name).set_rules(Some(Vec::new()));
            let empty = empty.build().expect("it has a name, and rules");
            let body = body.clone();
            let update = target.backup.update_backup_plan().backup_plan_id(&self.plan_id).backup_plan(empty);
            let update = update.customize();
            update.mutate_request(move |request| replace_body(request, &body)).send()
        };
        let version = |answer: UpdateBackupPlanOutput| answer.version_id;
        target.caller.part(UPDATE, &self.plan_id, send, "version", version).await
    }
}

impl Act for PlanChange {
    const KIND: Kind = Kind {
        id: "plan-change",
        sign: Sign::Change,
        answers: &[
            "cross-account-copy-planned",
            "cross-region-copy-planned",
            "plan-frequency-and-retention",
            "plan-frequent-enough",
            FITS_LOCK,
            "plan-meets-policy",
            "plan-retention-long-enough",
        ],
        frames: &["keys", "plans", "plan_rules", "plan_versions", "region_settings", "selections", "tables", "vaults"],
        doing: &[UPDATE],
        checking: &[GET_PLAN, LIST_TAGS, LIST_VERSIONS],
        propose,
    };

    fn resource(&self, _at: &TargetId) -> Resource<'_> {
        Resource {
            noun: "backup plan",
            id: self.plan_id.as_str().into(),
            name: self.plan_name.as_str().into(),
        }
    }

    fn describe(&self) -> String {
        format!("new version, {}", self.words())
    }

    fn check_values(&self, _at: &TargetId) -> Result<(), String> {
        if let Some(owner) = foreign_owner(&self.plan_id) {
            return Err(format!("the plan may be changed by {owner} alone"));
        }
        if self.plan_id.is_empty() || self.rules.is_empty() {
            return Err("no plan, or no rule, to change".to_owned());
        }
        self.rules.iter().try_for_each(|rule| rule.becomes.check())
    }

    fn gives(&self, at: &TargetId) -> Vec<Thing> {
        vec![Thing::new(at, "plan-version", self.plan_id.clone())]
    }

    fn needs(&self, at: &TargetId) -> Vec<Thing> {
        let vaults = self.rules.iter().map(|rule| Thing::new(at, "vault", rule.becomes.vault_name.clone()));
        vaults.chain([Thing::new(at, "opt-in", "")]).collect()
    }

    fn simulate(&self, at: &TargetId, world: &mut World) -> Outcome<()> {
        for rule in &self.rules {
            rows::change_rule(world, at, &self.plan_id, &rule.name, &rule.becomes)?;
        }
        rows::add_version(world, at, &self.plan_id)
    }

    /// Its next recovery points may be more, and be kept longer.
    fn quantities(&self) -> Quantities {
        later(self.keeps)
    }

    /// Tags of plans are in no evidence.
    fn open_question(&self) -> Option<&'static str> {
        Some("whether CloudFormation manages the plan is asked just before; if it does, nothing is done")
    }

    fn inverse(&self) -> Undone {
        Undone::Back("the plan gets its former text as a new version, if nobody has changed it since; points that it made meanwhile stay".to_owned())
    }

    /// API: backup:GetBackupPlan, backup:ListTags. Calls: 2.
    async fn look(&self, target: &Target, _id: &str) -> Result<Now, Obstacle> {
        let plan = asked::plan(target, &self.plan_id).await?;
        if self.is_done(&plan) {
            return Ok(Now::Already {
                how: self.words(),
                made: Some(plan.version_id),
            });
        }
        if plan.version_id != self.version_id {
            return Err(format!(
                "the plan was changed since: its version is `{}`, and `{}` was judged",
                one_line(&plan.version_id),
                one_line(&self.version_id)
            )
            .into());
        }
        asked::check_owner(target, &plan.arn).await?;
        self.changed(&plan.document)?;
        Ok(Now::ToDo(json!({ "version": plan.version_id, "plan": plan.document })))
    }

    /// API: backup:GetBackupPlan, backup:ListBackupPlanVersions (twice), backup:UpdateBackupPlan. Calls: 4. Errors: AWS's refusal,
    /// or a version of somebody else's that came in between.
    async fn act(&self, target: &Target, _doing: &Doing<'_>) -> Result<Done, Failure> {
        let known = asked::versions(target, &self.plan_id).await?;
        let plan = asked::plan(target, &self.plan_id).await?;
        if plan.version_id != self.version_id {
            let why = format!("the plan was changed a moment ago: its version is `{}`", one_line(&plan.version_id));
            return Err(Failure::broken(&why, None));
        }
        let document = self.changed(&plan.document).map_err(|why| Failure::broken(&why, None))?;
        let made = self.send(target, &document).await?;
        let now = asked::versions(target, &self.plan_id).await?;
        let foreign: Vec<&str> = now
            .iter()
            .filter(|version| **version != made && !known.contains(version))
            .map(String::as_str)
            .collect();
        if foreign.is_empty() {
            return Ok(Done {
                job: None,
                made: Some(made),
            });
        }
        let why = format!(
            "the change was made, as version `{}`, and version {} of somebody else's came at the same time: look which of them is to hold",
            one_line(&made),
            list(&foreign)
        );
        Err(Failure::broken(&why, None))
    }

    /// API: backup:GetBackupPlan. Calls: 1.
    async fn verify(&self, target: &Target, _since: DateTime<Utc>) -> (Verdict, String) {
        match asked::plan(target, &self.plan_id).await {
            Err(failure) => (Verdict::Unknown, failure.told()),
            Ok(plan) if self.is_done(&plan) => (Verdict::Compliant, format!("version {}", one_line(&plan.version_id))),
            Ok(plan) => {
                let of_rule = |rule: &RuleChange| match plan.rules.get(&rule.name) {
                    Some(found) if found.is_same(&rule.becomes) => None,
                    Some(found) => Some(format!("rule `{}` still: {}", one_line(&rule.name), found.words())),
                    None => Some(format!("rule `{}` is gone", one_line(&rule.name))),
                };
                let found: Vec<String> = self.rules.iter().filter_map(of_rule).collect();
                (Verdict::NonCompliant, found.join("; "))
            }
        }
    }

    /// API: backup:GetBackupPlan, backup:UpdateBackupPlan. Calls: 2.
    async fn undo(&self, target: &Target, undoing: &Undoing<'_>) -> Result<Undone, Failure> {
        let before = undoing.before;
        let done = undoing.done;
        let Some(former) = before.get("plan").filter(|plan| plan["Rules"].is_array()) else {
            return Ok(Undone::Left("it was so before".to_owned()));
        };
        let plan = asked::plan(target, &self.plan_id).await?;
        if document::sendable(&plan.document) == document::sendable(former) {
            return Ok(Undone::Back("the plan has its former text".to_owned()));
        }
        let is_own = done.made.as_deref().map_or_else(|| self.is_done(&plan), |made| made == plan.version_id);
        if !is_own {
            let why = format!("the plan was changed since: its version is `{}`", one_line(&plan.version_id));
            return Ok(Undone::Left(why));
        }
        self.send(target, &document::sendable(former)).await?;
        Ok(Undone::Back("the plan has its former text, as a new version".to_owned()))
    }

    fn cloudformation(&self, _at: &TargetId, _plan: &Plan) -> Declared {
        Declared::Not(IMPORT)
    }

    fn terraform(&self, _at: &TargetId, _plan: &Plan) -> Declared {
        Declared::Not(IMPORT)
    }

    fn cli(&self, at: &TargetId) -> Vec<String> {
        let merge = |rule: &RuleChange| {
            let name = json!(rule.name);
            format!("if .RuleName == {name} then . * {} else . end", rule.becomes.document(&rule.name))
        };
        let merges: Vec<String> = self.rules.iter().map(merge).collect();
        let filter = format!(
            ".Rules |= map(del(.RuleId) | {}) | walk(if type == \"object\" then del(.[] | nulls) else . end)",
            merges.join(" | ")
        );
        vec![
            "# needs jq: the plan is read, and sent back whole with the change in it".to_owned(),
            format!(
                "plan=$(aws backup get-backup-plan --region {} --backup-plan-id {} --query BackupPlan --output json | jq {})",
                at.region,
                quoted(&self.plan_id),
                quoted(&filter)
            ),
            format!(
                "aws backup update-backup-plan --region {} --backup-plan-id {} --backup-plan \"$plan\"",
                at.region,
                quoted(&self.plan_id)
            ),
        ]
    }
}
