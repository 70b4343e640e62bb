//! A restore testing plan of AWS Backup, with selections that name tables: AWS restores a point of each by itself, measures the
//! time, and deletes the new table.
//!
//! One for each account and Region. It proves nothing on the day that it is made: its first runs do.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_backup::operation::get_restore_testing_plan::GetRestoreTestingPlanOutput;
use aws_sdk_backup::operation::get_restore_testing_selection::GetRestoreTestingSelectionOutput;
use aws_sdk_backup::operation::list_restore_testing_selections::ListRestoreTestingSelectionsOutput;
use aws_sdk_backup::operation::list_tags::ListTagsOutput;
use aws_sdk_backup::types::{
    RestoreTestingPlanForCreate, RestoreTestingPlanForGet, RestoreTestingRecoveryPointSelection,
    RestoreTestingRecoveryPointSelectionAlgorithm, RestoreTestingRecoveryPointType, RestoreTestingSelectionForCreate,
    RestoreTestingSelectionForGet, RestoreTestingSelectionForList,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ground::{number, text};
use super::on_demand_backup::default_role;
use super::{Act, Deed, Doing, Done, Kind, MADE_BY, Now, Obstacle, Quantities, Resource, Sign, Thing, Undoing, Undone, check_table, token};
use crate::aws::call::Page;
use crate::aws::failure::{Failure, FailureKind};
use crate::aws::target::Target;
use crate::dictionary::TableFacts;
use crate::domain::{FactValue, Finding, TargetId, Verdict};
use crate::inventory::schema;
use crate::problem::{Outcome, count, one_line};
use crate::remediate::Plan;
use crate::remediate::export::{Declaration, Declared, reference, terraform_reference};
use crate::remediate::propose::Planner;
use crate::remediate::shell::quoted;
use crate::remediate::world::World;
use crate::report::TableRow;

const CREATE: &str = "backup:CreateRestoreTestingPlan";
const CREATE_SELECTION: &str = "backup:CreateRestoreTestingSelection";
const GET: &str = "backup:GetRestoreTestingPlan";
const GET_SELECTION: &str = "backup:GetRestoreTestingSelection";
const LIST_SELECTIONS: &str = "backup:ListRestoreTestingSelections";
const LIST_TAGS: &str = "backup:ListTags";
const DELETE: &str = "backup:DeleteRestoreTestingPlan";
const DELETE_SELECTION: &str = "backup:DeleteRestoreTestingSelection";

/// A selection names so many tables at most.
const TABLES_OF_SELECTION: usize = 30;
/// A plan has so many selections at most.
const SELECTIONS: usize = 30;
/// How old a point may be that is restored, in days.
const WINDOW_DAYS: i64 = 30;
/// The name of the plan; a number follows where it is taken.
const NAME: &str = "backproof_restore_tests";

/// The plan, and the tables that it covers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoreTesting {
    /// Its name: letters, digits and underscores.
    pub plan_name: String,
    /// When it runs, as AWS Backup writes schedules, in UTC.
    pub schedule: String,
    /// How old a point may be that is restored, in days.
    pub window_days: i64,
    /// The role that restores.
    pub role_arn: String,
    /// The tables, 30 in a selection.
    pub table_arns: Vec<String>,
    /// The sizes of all of them: what each run restores. `None`: not known of each.
    pub size_bytes: Option<i64>,
}

/// Tables of an account and Region that lack a test.
#[derive(Default)]
struct Lacking {
    tables: BTreeMap<String, TableRow>,
    findings: Vec<Finding>,
}

fn propose(planner: &mut Planner<'_>) -> Outcome<()> {
    let mut all: BTreeMap<TargetId, Lacking> = BTreeMap::new();
    for finding in planner.open(&RestoreTesting::KIND) {
        let Some(table) = planner.table(&finding.resource_arn).cloned() else {
            let why = format!("only restores of tables are tested, and this is a {}", finding.subject);
            planner.block(&finding, why);
            continue;
        };
        match table.fact(TableFacts::restore_testing_planned) {
            FactValue::Bool(false) => {}
            // The plan is there, and its next run answers what is open.
            FactValue::Bool(true) => {
                let plans = text(&table, TableFacts::restore_testing_plans).unwrap_or_default();
                let why = format!("restore testing plan {} covers it: see how its next run ends", one_line(&plans));
                planner.block(&finding, why);
                continue;
            }
            _ => {
                planner.block(&finding, "not known whether a restore testing plan covers it already");
                continue;
            }
        }
        let lacking = all.entry(table.target.clone()).or_default();
        if lacking.tables.len() == SELECTIONS * TABLES_OF_SELECTION && !lacking.tables.contains_key(&table.table_arn) {
            let why = format!(
                "a restore testing plan names {} at most",
                count(SELECTIONS * TABLES_OF_SELECTION, "table")
            );
            planner.block(&finding, why);
            continue;
        }
        lacking.tables.insert(table.table_arn.clone(), table);
        lacking.findings.push(finding);
    }
    let taken: BTreeSet<(TargetId, String)> = planner
        .world
        .rows::<schema::RestoreTestingPlan>()?
        .iter()
        .map(|plan| {
            let at = TargetId::new(plan.account_id.clone(), plan.region.clone());
            (at, plan.plan_name.clone())
        })
        .collect();
    for (at, Lacking { tables, findings }) in all {
        let is_free = |name: &String| !taken.contains(&(at.clone(), name.clone()));
        let plan_name = std::iter::once(NAME.to_owned())
            .chain((2..).map(|number| format!("{NAME}_{number}")))
            .find(is_free)
            .expect("there are more names than plans");
        let tables_of = tables.values();
        let within = tables_of.clone().filter_map(tested_within_days).fold(f64::INFINITY, f64::min);
        let partition = tables_of
            .clone()
            .find_map(|table| text(table, TableFacts::partition))
            .unwrap_or_else(|| "aws".to_owned());
        let deed = RestoreTesting {
            plan_name,
            schedule: schedule(within).to_owned(),
            window_days: WINDOW_DAYS,
            role_arn: planner
                .settings
                .role_arn
                .clone()
                .unwrap_or_else(|| default_role(&partition, &at.account_id)),
            size_bytes: tables_of.map(|table| number(table, TableFacts::table_size_bytes)).sum(),
            table_arns: tables.into_keys().collect(),
        };
        let findings: Vec<&Finding> = findings.iter().collect();
        planner.add(&at, Deed::RestoreTesting(deed), &findings[0].message, &findings);
    }
    Ok(())
}

/// How long ago the last test of a table may be, in days; none: the policy sets no term.
fn tested_within_days(table: &TableRow) -> Option<f64> {
    let is_wanted = *table.column("restore_test_wanted") == FactValue::Bool(true);
    match table.column("restore_tested_within_days") {
        FactValue::Float(days) if is_wanted => Some(*days),
        FactValue::Int(days) if is_wanted => Some(*days as f64),
        _ => None,
    }
}

/// How often tests run: so that the last one is never older than the term, with a day for the start window and one for the restore.
fn schedule(within_days: f64) -> &'static str {
    match within_days {
        33.0.. => "cron(0 5 1 * ? *)",
        9.0.. => "cron(0 5 ? * SUN *)",
        _ => "cron(0 5 ? * * *)",
    }
}

impl RestoreTesting {
    /// The name and the tables of each selection.
    fn selections(&self) -> impl Iterator<Item = (String, &[String])> {
        let numbered = self.table_arns.chunks(TABLES_OF_SELECTION).enumerate();
        numbered.map(|(number, tables)| (format!("tables_{}", number + 1), tables))
    }

    /// API: backup:GetRestoreTestingPlan. Calls: 1. Errors: AWS's refusal, or an answer without a plan. None: there is no such
    /// plan.
    async fn plan(&self, target: &Target) -> Result<Option<RestoreTestingPlanForGet>, Failure> {
        let send = || {
            let get = target.backup.get_restore_testing_plan();
            get.restore_testing_plan_name(&self.plan_name).send()
        };
        let plan = |answer: GetRestoreTestingPlanOutput| answer.restore_testing_plan;
        match target.caller.part(GET, &self.plan_name, send, "plan", plan).await {
            Ok(plan) => Ok(Some(plan)),
            Err(failure) if failure.kind == FailureKind::Absent => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Did this action make the plan?
    ///
    /// API: backup:ListTags. Calls: 1.
    async fn is_own(&self, target: &Target, plan: &RestoreTestingPlanForGet, id: &str) -> Result<bool, Failure> {
        if plan.creator_request_id() == Some(id) {
            return Ok(true);
        }
        let arn = plan.restore_testing_plan_arn();
        let send = || target.backup.list_tags().resource_arn(arn).send();
        let tags = |answer: ListTagsOutput| answer.tags;
        let tags = target.caller.part(LIST_TAGS, arn, send, "tags", tags).await?;
        Ok(tags.get(MADE_BY).is_some_and(|value| value == id))
    }

    /// API: backup:GetRestoreTestingSelection. Calls: 1. Errors: AWS's refusal, or an answer without a selection. None: there is
    /// no such selection.
    async fn selection(&self, target: &Target, name: &str) -> Result<Option<RestoreTestingSelectionForGet>, Failure> {
        let send = || {
            let get = target.backup.get_restore_testing_selection();
            get.restore_testing_plan_name(&self.plan_name)
                .restore_testing_selection_name(name)
                .send()
        };
        let selection = |answer: GetRestoreTestingSelectionOutput| answer.restore_testing_selection;
        match target.caller.part(GET_SELECTION, name, send, "selection", selection).await {
            Ok(selection) => Ok(Some(selection)),
            Err(failure) if failure.kind == FailureKind::Absent => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// The first selection that is not as it is to be, and whether it is there at all; none: all are.
    async fn amiss(&self, target: &Target) -> Result<Option<(String, bool)>, Failure> {
        for (name, tables) in self.selections() {
            match self.selection(target, &name).await? {
                Some(found) if self.is_as_made(&found, tables) => {}
                found => return Ok(Some((name, found.is_some()))),
            }
        }
        Ok(None)
    }

    fn is_as_made(&self, found: &RestoreTestingSelectionForGet, tables: &[String]) -> bool {
        let named: BTreeSet<&String> = found.protected_resource_arns().iter().collect();
        let conditions = found.protected_resource_conditions();
        let is_free = conditions.is_none_or(|all| all.string_equals().is_empty() && all.string_not_equals().is_empty());
        found.protected_resource_type() == "DynamoDB" && named == tables.iter().collect() && is_free
    }

    /// API: backup:ListRestoreTestingSelections, paged by 1,000. Calls: 1 for each page.
    async fn selection_names(&self, target: &Target) -> Result<BTreeSet<String>, Failure> {
        let send = |token| {
            let list = target.backup.list_restore_testing_selections();
            list.restore_testing_plan_name(&self.plan_name)
                .max_results(1000)
                .set_next_token(token)
                .send()
        };
        fn page(page: &ListRestoreTestingSelectionsOutput) -> Page<'_, RestoreTestingSelectionForList> {
            (Some(&page.restore_testing_selections), page.next_token())
        }
        let mut names = BTreeSet::new();
        let take = |listed: &[RestoreTestingSelectionForList]| {
            names.extend(listed.iter().map(|selection| selection.restore_testing_selection_name().to_owned()));
            Ok::<_, Failure>(0)
        };
        target.caller.list(LIST_SELECTIONS, &self.plan_name, send, page, take).await?;
        Ok(names)
    }
}

/// A request that lacks what it must have: not AWS's refusal, and never seen.
fn unbuilt(error: impl std::fmt::Display) -> Failure {
    Failure::broken(&error.to_string(), None)
}

impl Act for RestoreTesting {
    const KIND: Kind = Kind {
        id: "restore-testing",
        sign: Sign::Create,
        answers: &["restore-test-recent", "restore-tested", "restore-testing-planned"],
        frames: &["tables", "restore_testing_plans", "restore_testing_selections", "vaults", "recovery_points"],
        doing: &[CREATE, CREATE_SELECTION, GET_SELECTION, "backup:TagResource", "iam:PassRole"],
        checking: &[GET, GET_SELECTION, LIST_TAGS],
        propose,
    };
    const HAS_HALVES: bool = true;
    const UNDOING: &'static [&'static str] = &[
        GET,
        GET_SELECTION,
        LIST_SELECTIONS,
        LIST_TAGS,
        DELETE_SELECTION,
        DELETE,
    ];

    fn resource(&self, _at: &TargetId) -> Resource<'_> {
        Resource {
            noun: "restore testing plan",
            id: format!("restore-testing-plan/{}", self.plan_name).into(),
            name: self.plan_name.as_str().into(),
        }
    }

    fn describe(&self) -> String {
        format!(
            "a point of each of {}, at most {} days old, is restored at {} UTC and deleted again",
            count(self.table_arns.len(), "table"),
            self.window_days,
            one_line(&self.schedule)
        )
    }

    fn needs(&self, at: &TargetId) -> Vec<Thing> {
        let account = TargetId::new(at.account_id.clone(), String::new());
        vec![Thing::new(&account, "role", self.role_arn.clone())]
    }

    fn gives(&self, at: &TargetId) -> Vec<Thing> {
        vec![Thing::new(at, "restore-testing-plan", self.plan_name.clone())]
    }

    fn check_values(&self, at: &TargetId) -> Result<(), String> {
        self.table_arns.iter().try_for_each(|arn| check_table(arn, at))?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if !(1..=50).contains(&self.plan_name.len()) || !self.plan_name.bytes().all(is_name) {
            return Err(format!(
                "`{}` is no name of a restore testing plan: 1 to 50 letters, digits and underscores",
                one_line(&self.plan_name)
            ));
        }
        if !(1..=365).contains(&self.window_days) {
            return Err(format!("a window of {} days is outside 1 to 365 days", self.window_days));
        }
        match self.table_arns.len() {
            0 => Err("it names no table".to_owned()),
            number if number > SELECTIONS * TABLES_OF_SELECTION => Err(format!(
                "it names {number} tables, and a plan takes {} at most",
                SELECTIONS * TABLES_OF_SELECTION
            )),
            _ => Ok(()),
        }
    }

    fn simulate(&self, at: &TargetId, world: &mut World) -> Outcome<()> {
        let partition = self.role_arn.split(':').nth(1).unwrap_or("aws");
        world.add(schema::RestoreTestingPlan {
            account_id: at.account_id.clone(),
            region: at.region.clone(),
            plan_name: self.plan_name.clone(),
            plan_arn: format!(
                "arn:{partition}:backup:{}:{}:restore-testing-plan:{}",
                at.region, at.account_id, self.plan_name
            ),
            schedule: self.schedule.clone(),
            schedule_time_zone: None,
            last_execution_at: None,
            start_window_hours: Some(24),
            algorithm: Some("LATEST_WITHIN_WINDOW".to_owned()),
            include_vaults_json: Some(json!(["*"]).to_string()),
            exclude_vaults_json: Some("[]".to_owned()),
            recovery_point_types_json: Some(json!(["SNAPSHOT"]).to_string()),
            selection_window_days: Some(self.window_days),
        })?;
        for (name, tables) in self.selections() {
            world.add(schema::RestoreTestingSelection {
                account_id: at.account_id.clone(),
                region: at.region.clone(),
                plan_name: self.plan_name.clone(),
                selection_name: name,
                protected_resource_type: "DynamoDB".to_owned(),
                resource_arns_json: json!(tables).to_string(),
                conditions_json: "[]".to_owned(),
                role_arn: Some(self.role_arn.clone()),
                validation_window_hours: 0,
            })?;
        }
        Ok(())
    }

    /// What the first run restores; each further one restores as much again.
    fn quantities(&self) -> Quantities {
        Quantities {
            restored: self.size_bytes,
            is_unknown: self.size_bytes.is_none(),
            ..Quantities::default()
        }
    }

    fn inverse(&self) -> Undone {
        Undone::Back("its selections and the plan are deleted".to_owned())
    }

    /// API: backup:GetRestoreTestingPlan, backup:ListTags, backup:GetRestoreTestingSelection. Calls: 1, or 2 and 1 for each
    /// selection.
    async fn look(&self, target: &Target, id: &str) -> Result<Now, Obstacle> {
        let Some(plan) = self.plan(target).await? else {
            return Ok(Now::ToDo(Value::Null));
        };
        if !self.is_own(target, &plan, id).await? {
            return Err(Obstacle::Changed("a restore testing plan of this name was made by somebody else".to_owned()));
        }
        match self.amiss(target).await? {
            None => Ok(Now::Already {
                how: format!("restore testing plan {} covers the tables", self.plan_name),
                made: Some(plan.restore_testing_plan_arn().to_owned()),
            }),
            Some((_, false)) => Ok(Now::ToDo(Value::Null)),
            Some((name, true)) => Err(format!("selection `{}` was changed since", one_line(&name)).into()),
        }
    }

    /// API: backup:CreateRestoreTestingPlan, backup:CreateRestoreTestingSelection, backup:GetRestoreTestingSelection (and
    /// iam:PassRole, backup:TagResource). Calls: 1, and 2 for each selection.
    async fn act(&self, target: &Target, doing: &Doing<'_>) -> Result<Done, Failure> {
        let points = RestoreTestingRecoveryPointSelection::builder()
            .algorithm(RestoreTestingRecoveryPointSelectionAlgorithm::LatestWithinWindow)
            .include_vaults("*")
            .recovery_point_types(RestoreTestingRecoveryPointType::Snapshot)
            .set_selection_window_days(i32::try_from(self.window_days).ok())
            .build();
        let plan = RestoreTestingPlanForCreate::builder()
            .restore_testing_plan_name(&self.plan_name)
            .schedule_expression(&self.schedule)
            .recovery_point_selection(points)
            .build()
            .map_err(unbuilt)?;
        let send = || {
            let create = target.backup.create_restore_testing_plan();
            create
                .creator_request_id(doing.id)
                .restore_testing_plan(plan.clone())
                .tags(MADE_BY, doing.id)
                .send()
        };
        // Asked again with the same id, AWS names the plan that it made.
        let made = target.caller.once(CREATE, &self.plan_name, send).await?;
        for (name, tables) in self.selections() {
            if self.selection(target, &name).await?.is_some_and(|found| self.is_as_made(&found, tables)) {
                continue;
            }
            let selection = RestoreTestingSelectionForCreate::builder()
                .restore_testing_selection_name(&name)
                .protected_resource_type("DynamoDB")
                .iam_role_arn(&self.role_arn)
                .set_protected_resource_arns(Some(tables.to_vec()))
                .build()
                .map_err(unbuilt)?;
            let request = token(&[doing.id, &name]);
            let send = || {
                let create = target.backup.create_restore_testing_selection();
                create
                    .creator_request_id(&request)
                    .restore_testing_plan_name(&self.plan_name)
                    .restore_testing_selection(selection.clone())
                    .send()
            };
            target.caller.once(CREATE_SELECTION, &name, send).await?;
        }
        Ok(Done {
            job: None,
            made: Some(made.restore_testing_plan_arn().to_owned()),
        })
    }

    /// API: backup:GetRestoreTestingPlan, backup:GetRestoreTestingSelection. Calls: 1, and 1 for each selection.
    async fn verify(&self, target: &Target, _since: DateTime<Utc>) -> (Verdict, String) {
        let name = one_line(&self.plan_name);
        match self.plan(target).await {
            Ok(Some(_)) => {}
            Ok(None) => return (Verdict::NonCompliant, format!("there is no restore testing plan {name}")),
            Err(failure) => return (Verdict::Unknown, failure.told()),
        }
        match self.amiss(target).await {
            Ok(None) => (Verdict::Compliant, format!("restore testing plan {name} covers the tables")),
            Ok(Some((selection, _))) => (
                Verdict::NonCompliant,
                format!("selection {selection} of restore testing plan {name} does not name the tables"),
            ),
            Err(failure) => (Verdict::Unknown, failure.told()),
        }
    }

    /// API: backup:GetRestoreTestingPlan, backup:ListTags, backup:ListRestoreTestingSelections, backup:GetRestoreTestingSelection,
    /// backup:DeleteRestoreTestingSelection, backup:DeleteRestoreTestingPlan. Calls: 4, and 2 for each selection.
    async fn undo(&self, target: &Target, undoing: &Undoing<'_>) -> Result<Undone, Failure> {
        let id = undoing.id;
        let name = one_line(&self.plan_name);
        let Some(plan) = self.plan(target).await? else {
            return Ok(Undone::Back(format!("restore testing plan {name} is gone already")));
        };
        if !self.is_own(target, &plan, id).await? {
            return Ok(Undone::Left(format!("restore testing plan {name} was made by somebody else")));
        }
        let mut others = self.selection_names(target).await?;
        for (selection, tables) in self.selections() {
            if !others.contains(&selection) {
                continue;
            }
            let found = self.selection(target, &selection).await?;
            if found.is_some_and(|found| !self.is_as_made(&found, tables)) {
                continue;
            }
            let send = || {
                let delete = target.backup.delete_restore_testing_selection();
                delete
                    .restore_testing_plan_name(&self.plan_name)
                    .restore_testing_selection_name(&selection)
                    .send()
            };
            target.caller.once(DELETE_SELECTION, &selection, send).await?;
            others.remove(&selection);
        }
        if let Some(other) = others.first() {
            return Ok(Undone::Left(format!(
                "restore testing plan {name} has selections that are not as they were made, such as {}",
                one_line(other)
            )));
        }
        let send = || {
            let delete = target.backup.delete_restore_testing_plan();
            delete.restore_testing_plan_name(&self.plan_name).send()
        };
        target.caller.once(DELETE, &self.plan_name, send).await?;
        Ok(Undone::Back(format!("restore testing plan {name} is deleted")))
    }

    fn cloudformation(&self, _at: &TargetId, _plan: &Plan) -> Declared {
        const PLAN: &str = "AWS::Backup::RestoreTestingPlan";
        let mut resources = vec![Declaration {
            kind: PLAN,
            name: self.plan_name.clone(),
            properties: json!({
                "RestoreTestingPlanName": self.plan_name,
                "ScheduleExpression": self.schedule,
                "RecoveryPointSelection": {
                    "Algorithm": "LATEST_WITHIN_WINDOW",
                    "IncludeVaults": ["*"],
                    "RecoveryPointTypes": ["SNAPSHOT"],
                    "SelectionWindowDays": self.window_days,
                },
            }),
        }];
        resources.extend(self.selections().map(|(name, tables)| Declaration {
            kind: "AWS::Backup::RestoreTestingSelection",
            properties: json!({
                "RestoreTestingPlanName": reference(PLAN, &self.plan_name),
                "RestoreTestingSelectionName": name,
                "ProtectedResourceType": "DynamoDB",
                "IamRoleArn": self.role_arn,
                "ProtectedResourceArns": tables,
            }),
            name,
        }));
        Declared::Resources(resources)
    }

    fn terraform(&self, _at: &TargetId, _plan: &Plan) -> Declared {
        const PLAN: &str = "aws_backup_restore_testing_plan";
        let mut resources = vec![Declaration {
            kind: PLAN,
            name: self.plan_name.clone(),
            properties: json!({
                "name": self.plan_name,
                "schedule_expression": self.schedule,
                "recovery_point_selection": {
                    "algorithm": "LATEST_WITHIN_WINDOW",
                    "include_vaults": ["*"],
                    "recovery_point_types": ["SNAPSHOT"],
                    "selection_window_days": self.window_days,
                },
            }),
        }];
        resources.extend(self.selections().map(|(name, tables)| Declaration {
            kind: "aws_backup_restore_testing_selection",
            properties: json!({
                "name": name,
                "restore_testing_plan_name": terraform_reference(PLAN, &self.plan_name, "name"),
                "protected_resource_type": "DynamoDB",
                "iam_role_arn": self.role_arn,
                "protected_resource_arns": tables,
            }),
            name,
        }));
        Declared::Resources(resources)
    }

    fn cli(&self, at: &TargetId) -> Vec<String> {
        let plan = json!({
            "RestoreTestingPlanName": self.plan_name,
            "ScheduleExpression": self.schedule,
            "RecoveryPointSelection": {
                "Algorithm": "LATEST_WITHIN_WINDOW",
                "IncludeVaults": ["*"],
                "RecoveryPointTypes": ["SNAPSHOT"],
                "SelectionWindowDays": self.window_days,
            },
        });
        let mut lines = vec![format!(
            "aws backup create-restore-testing-plan --region {} --restore-testing-plan {}",
            at.region,
            quoted(&plan.to_string())
        )];
        for (name, tables) in self.selections() {
            let selection = json!({
                "RestoreTestingSelectionName": name,
                "ProtectedResourceType": "DynamoDB",
                "IamRoleArn": self.role_arn,
                "ProtectedResourceArns": tables,
            });
            lines.push(format!(
                "aws backup create-restore-testing-selection --region {} --restore-testing-plan-name {} \
                 --restore-testing-selection {}",
                at.region,
                quoted(&self.plan_name),
                quoted(&selection.to_string())
            ));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_run_so_often_that_the_term_is_kept() {
        for (within, expected) in [
            (f64::INFINITY, "cron(0 5 1 * ? *)"),
            (90.0, "cron(0 5 1 * ? *)"),
            (33.0, "cron(0 5 1 * ? *)"),
            (32.0, "cron(0 5 ? * SUN *)"),
            (9.0, "cron(0 5 ? * SUN *)"),
            (8.0, "cron(0 5 ? * * *)"),
            (1.0, "cron(0 5 ? * * *)"),
        ] {
            assert_eq!(schedule(within), expected, "{within}");
        }
    }

    #[test]
    fn tables_are_named_thirty_in_a_selection() {
        let at = TargetId::new("111122223333".to_owned(), "eu-west-1".to_owned());
        let arn = |number: usize| format!("arn:aws:dynamodb:eu-west-1:111122223333:table/t{number}");
        let mut deed = RestoreTesting {
            plan_name: NAME.to_owned(),
            schedule: schedule(90.0).to_owned(),
            window_days: WINDOW_DAYS,
            role_arn: default_role("aws", "111122223333"),
            table_arns: (0..61).map(arn).collect(),
            size_bytes: None,
        };
        let sizes: Vec<(String, usize)> = deed.selections().map(|(name, tables)| (name, tables.len())).collect();
        let expected = [("tables_1", 30), ("tables_2", 30), ("tables_3", 1)];
        assert_eq!(sizes, expected.map(|(name, size)| (name.to_owned(), size)));
        assert_eq!(deed.check_values(&at), Ok(()));
        deed.plan_name = "restore-tests".to_owned();
        assert!(deed.check_values(&at).is_err());
        deed.plan_name = NAME.to_owned();
        deed.table_arns = (0..901).map(arn).collect();
        assert!(deed.check_values(&at).is_err());
    }
}
