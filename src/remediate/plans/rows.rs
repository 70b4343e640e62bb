//! Plans, rules and selections in the evidence as it would be.

use super::rule::Rule;
use crate::collect::selection_resource;
use crate::domain::TargetId;
use crate::inventory::schema::{Plan, PlanRule, PlanVersion, Selection};
use crate::problem::Outcome;
use crate::remediate::world::World;

/// The id of a plan that an action makes, and the version that one makes, in the world as it would be: AWS gives others.
const NEW: &str = "backproof-new-";

/// The id in the evidence of a plan that an action is to make.
pub(crate) fn new_plan_id(name: &str) -> String {
    format!("{NEW}{name}")
}

/// Is this the id of a plan, or of a version, that an action is to make?
pub(crate) fn is_new(id: &str) -> bool {
    id.starts_with(NEW)
}

/// Adds a plan with one rule, as it would be read the moment it is made.
///
/// Errors: the inventory is damaged.
pub(crate) fn add_plan(world: &mut World, at: &TargetId, name: &str, rule_name: &str, rule: &Rule) -> Outcome<()> {
    let plan_id = new_plan_id(name);
    world.add(Plan {
        account_id: at.account_id.clone(),
        region: at.region.clone(),
        plan_id: plan_id.clone(),
        plan_name: Some(name.to_owned()),
        version_id: None,
        created_at: None,
        last_execution_at: None,
    })?;
    let mut row = PlanRule {
        account_id: at.account_id.clone(),
        region: at.region.clone(),
        plan_id: plan_id.clone(),
        rule_id: None,
        rule_name: rule_name.to_owned(),
        vault_name: String::new(),
        air_gapped_vault_arn: None,
        schedule: None,
        schedule_time_zone: None,
        start_window_minutes: None,
        completion_window_minutes: None,
        cold_after_days: None,
        delete_after_days: None,
        copy_actions_json: String::new(),
    };
    rule.write(&mut row);
    world.add(row)?;
    for action in [
        "backup:GetBackupPlan",
        "backup:ListBackupPlanVersions",
        "backup:ListBackupSelections",
    ] {
        world.answered(at, action, &plan_id)?;
    }
    add_version(world, at, &plan_id)
}

/// Lets a plan have a new version, as of now.
///
/// Errors: the inventory is damaged.
pub(crate) fn add_version(world: &mut World, at: &TargetId, plan_id: &str) -> Outcome<()> {
    let (as_of, version_id) = (world.as_of(), format!("{NEW}version"));
    world.edit::<Plan>(|plans| {
        for plan in plans
            .iter_mut()
            .filter(|plan| is_it(at, plan_id, (&plan.account_id, &plan.region, &plan.plan_id)))
        {
            plan.version_id = Some(version_id.clone());
            plan.created_at = Some(as_of);
        }
    })?;
    world.edit::<PlanVersion>(|versions| {
        versions.push(PlanVersion {
            account_id: at.account_id.clone(),
            region: at.region.clone(),
            plan_id: plan_id.to_owned(),
            version_id: Some(version_id.clone()),
            created_at: Some(as_of),
        });
    })
}

/// Lets a rule of a plan be another one.
///
/// Errors: the inventory is damaged.
pub(crate) fn change_rule(world: &mut World, at: &TargetId, plan_id: &str, name: &str, rule: &Rule) -> Outcome<()> {
    world.edit::<PlanRule>(|rows| {
        let of_plan = |row: &&mut PlanRule| is_it(at, plan_id, (&row.account_id, &row.region, &row.plan_id));
        for row in rows.iter_mut().filter(of_plan).filter(|row| row.rule_name == name) {
            rule.write(row);
        }
    })
}

/// Adds a selection to a plan, read whole.
///
/// Errors: the inventory is damaged.
pub(crate) fn add_selection(world: &mut World, at: &TargetId, selection: Selection) -> Outcome<()> {
    let resource = selection_resource(&selection.plan_id, &selection.selection_id);
    world.add(selection)?;
    world.answered(at, "backup:GetBackupSelection", &resource)
}

fn is_it(at: &TargetId, plan_id: &str, (account_id, region, id): (&str, &str, &str)) -> bool {
    account_id == at.account_id && region == at.region && id == plan_id
}
