//! Tables put into a plan, several by one selection: by their ARNs, by a tag that they get, or by their type.
//!
//! A selection has no tags: what this program made is known by its name, which is a digest of what it says unless the settings name
//! it, and by what it says.

use aws_sdk_backup::operation::create_backup_selection::CreateBackupSelectionOutput;
use aws_sdk_backup::types::{BackupSelection, Condition, ConditionType};
use chrono::{DateTime, Utc};
use futures_util::stream::{self, StreamExt as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Act, Deed, Doing, Done, Kind, Now, Obstacle, Quantities, Resource, Sign, Tag, Thing, Undoing, Undone, check_table, default_role, token};
use crate::aws::failure::{Failure, FailureKind};
use crate::aws::target::Target;
use crate::domain::{Arn, Finding, TargetId, Verdict};
use crate::inventory::schema::Selection;
use crate::problem::{Outcome, count};
use crate::remediate::Plan;
use crate::remediate::export::{Declared, policy, reference, terraform_reference};
use crate::remediate::plans::asked::{self, DESCRIBE_TABLE, GET_PLAN, GET_SELECTION, LIST_PLANS, LIST_SELECTIONS};
use crate::remediate::plans::demand::{self, OF_TABLES};
use crate::remediate::plans::load::{Load, later};
use crate::remediate::plans::means::{self, PlanRef};
use crate::remediate::plans::{foreign_owner, rows};
use crate::remediate::propose::Planner;
use crate::remediate::shell::quoted;
use crate::remediate::world::World;
use crate::settings::{AssignBy, Remediation, is_plan_name};
use crate::text::one_line;

const CREATE: &str = "backup:CreateBackupSelection";
const DELETE: &str = "backup:DeleteBackupSelection";

/// AWS Backup takes no more ARNs in a selection.
const MOST_RESOURCES: usize = 500;

/// The key of the tag that tables get where selections go by one; its value is the plan's name.
const TAG_KEY: &str = "backup-plan";

/// The key of the tag by which a backup policy takes single tables; its value is the plan's name.
const POLICY_TAG_KEY: &str = "backproof:plan";

/// Tables that are looked at at once.
const AT_ONCE: usize = 8;

/// A selection to make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assign {
    /// `BackupPlanId`. `None`: that of the plan of this name which an action before makes.
    pub plan_id: Option<String>,
    /// The plan's name.
    pub plan_name: String,
    /// The version of the plan that was judged. `None`: an action before makes it.
    pub version_id: Option<String>,
    /// The name of the selection. `None`: a digest of what it says.
    pub name: Option<String>,
    /// The role AWS Backup assumes.
    pub role_arn: String,
    /// What the selection goes by.
    pub by: By,
    /// The tables that are to be in the plan then.
    pub tables: Vec<TableRef>,
    /// Bytes that the plan keeps of all that it takes once it is in full use, every backup taken as a full one. `None`: not known.
    pub keeps: Option<Load>,
}

/// What a selection goes by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// The ARNs of its tables.
    Arn,
    /// A tag that its tables have.
    Tag(Tag),
    /// A pattern that takes all tables.
    Type(String),
}

/// A table, and which incarnation of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableRef {
    /// Its ARN.
    pub arn: String,
    /// Its id. `None`: a table older than table ids.
    pub id: Option<String>,
    /// Its size. `None`: not known.
    pub size_bytes: Option<i64>,
}

/// How large tables are together; none: not known of all.
fn bytes(tables: &[TableRef]) -> Option<i64> {
    let mut sizes = tables.iter().map(|table| table.size_bytes);
    sizes.try_fold(0_i64, |sum, size| sum.checked_add(size?))
}

impl TableRef {
    fn name(&self) -> &str {
        Arn::parse(&self.arn).and_then(|arn| arn.table_name()).unwrap_or_default()
    }
}

fn propose(planner: &mut Planner<'_>) -> Outcome<()> {
    let needy = demand::needy(planner, &Assign::KIND)?;
    let needy = means::without_foreign(planner, needy);
    let helped = means::by_assignment(planner, &[], needy)?;
    means::block(planner, &helped.not, "no plan here may serve it, and none is to be made");
    let batch: Vec<_> = helped.by.iter().map(|(one, plan)| (one, plan)).collect();
    for (at, deed) in means::assignments(planner, &batch) {
        let takes = |arn: &str| match &deed {
            Deed::Assign(assign) => assign.tables.iter().any(|table| table.arn == arn),
            Deed::TagTable(tagged) => tagged.table_arn == arn,
            _ => false,
        };
        let tables = helped.by.iter().filter(|(one, _)| takes(&one.table.table_arn));
        let findings: Vec<Finding> = tables.flat_map(|(one, _)| one.findings.clone()).collect();
        let findings: Vec<&Finding> = findings.iter().collect();
        planner.add(&at, deed, &findings[0].message, &findings);
    }
    Ok(())
}

impl Assign {
    /// The selections that put tables into a plan.
    pub(crate) fn all(at: &TargetId, plan: &PlanRef, partition: &str, tables: &[TableRef], settings: &Remediation) -> Vec<Self> {
        let role = settings.role_arn.clone();
        let with = |by: By, tables: &[TableRef]| Self {
            plan_id: Some(plan.id.clone()).filter(|id| !rows::is_new(id)),
            plan_name: plan.name.clone(),
            version_id: plan.version_id.clone(),
            name: None,
            role_arn: role.clone().unwrap_or_else(|| default_role(partition, &at.account_id)),
            by,
            keeps: bytes(tables).zip(plan.load).and_then(|(bytes, load)| load.times(bytes)),
            tables: tables.to_vec(),
        };
        let mut all: Vec<Self> = match settings.assign {
            AssignBy::Arn => tables.chunks(MOST_RESOURCES).map(|some| with(By::Arn, some)).collect(),
            AssignBy::Tag => {
                let tag = Tag {
                    key: TAG_KEY.to_owned(),
                    value: plan.name.clone(),
                };
                vec![with(By::Tag(tag), tables)]
            }
            AssignBy::Type => vec![with(By::Type(format!("arn:{partition}:dynamodb:*:*:table/*")), tables)],
        };
        // A plan that is there may have an assignment of that name.
        if let Some(name) = settings.assignment_name.as_ref().filter(|_| rows::is_new(&plan.id)) {
            for (number, deed) in (1..).zip(&mut all) {
                deed.name = Some(match number {
                    1 => name.clone(),
                    number => format!("{}-{number}", name.get(..name.len().min(45)).unwrap_or(name)),
                });
            }
        }
        all
    }

    /// Does it take all tables that are there?
    pub(crate) fn takes_all(&self) -> bool {
        matches!(self.by, By::Type(_))
    }

    /// The tags that its tables have to get.
    pub(crate) fn tags_of_tables(&self) -> Option<Tag> {
        match &self.by {
            By::Tag(tag) => Some(tag.clone()),
            _ => None,
        }
    }

    /// ARNs and patterns that it names.
    fn resources(&self) -> Vec<String> {
        match &self.by {
            By::Arn => self.tables.iter().map(|table| table.arn.clone()).collect(),
            By::Tag(_) => Vec::new(),
            By::Type(pattern) => vec![pattern.clone()],
        }
    }

    /// Its name: what the settings say, else a digest of what it says.
    fn selection_name(&self) -> String {
        if let Some(name) = &self.name {
            return name.clone();
        }
        let text = json!([self.plan_name, self.role_arn, self.by, self.resources()]).to_string();
        token(&[&text])
    }

    /// The id in the evidence of the plan.
    fn plan_in_evidence(&self) -> String {
        self.plan_id.clone().unwrap_or_else(|| rows::new_plan_id(&self.plan_name))
    }

    /// Says the selection the same?
    fn is_same(&self, found: &BackupSelection) -> bool {
        let mut resources: Vec<&str> = found.resources().iter().map(String::as_str).collect();
        let mut own = self.resources();
        resources.sort_unstable();
        own.sort_unstable();
        let tags: Vec<(&str, &str)> = found
            .list_of_tags()
            .iter()
            .map(|tag| (tag.condition_key(), tag.condition_value()))
            .collect();
        let wanted = self.tags_of_tables();
        let wanted: Vec<(&str, &str)> = wanted.iter().map(|tag| (&*tag.key, &*tag.value)).collect();
        let has_conditions = found.conditions().is_some_and(|all| {
            !(all.string_equals().is_empty()
                && all.string_not_equals().is_empty()
                && all.string_like().is_empty()
                && all.string_not_like().is_empty())
        });
        resources == own
            && tags == wanted
            && found.not_resources().is_empty()
            && !has_conditions
            && found.iam_role_arn() == self.role_arn
    }

    /// The plan's id: the one that is named, or that of the plan of this name.
    ///
    /// API: backup:ListBackupPlans where only the name is known. Calls: 0 or 1. Errors: in words.
    async fn plan(&self, target: &Target) -> Result<String, Obstacle> {
        if let Some(id) = &self.plan_id {
            return Ok(id.clone());
        }
        let found = asked::plan_named(target, &self.plan_name).await?;
        let id = found.and_then(|plan| plan.backup_plan_id().map(str::to_owned));
        id.ok_or_else(|| format!("there is no plan `{}`", one_line(&self.plan_name)).into())
    }

    /// The selection of its name in the plan, if there is one.
    ///
    /// API: backup:ListBackupSelections, backup:GetBackupSelection. Calls: 1 or 2. Errors: AWS's refusal.
    async fn found(&self, target: &Target, plan_id: &str) -> Result<Option<(String, BackupSelection)>, Failure> {
        let name = self.selection_name();
        let listed = asked::selections(target, plan_id).await?;
        match listed.into_iter().find(|(found, _)| *found == name) {
            None => Ok(None),
            Some((_, id)) => Ok(Some((id.clone(), asked::selection(target, plan_id, &id).await?))),
        }
    }

    fn selection(&self) -> BackupSelection {
        let tags = self.tags_of_tables().map(|tag| {
            let tag = Condition::builder()
                .condition_type(ConditionType::Stringequals)
                .condition_key(tag.key)
                .condition_value(tag.value);
            vec![tag.build().expect("it has a type, a key and a value")]
        });
        let selection = BackupSelection::builder().selection_name(self.selection_name()).iam_role_arn(&self.role_arn);
        let resources = Some(self.resources()).filter(|resources| !resources.is_empty());
        selection
            .set_resources(resources)
            .set_list_of_tags(tags)
            .build()
            .expect("it has a name and a role")
    }
}

impl Act for Assign {
    const KIND: Kind = Kind {
        id: "assign",
        sign: Sign::Create,
        answers: OF_TABLES,
        frames: &["plans", "plan_rules", "plan_versions", "region_settings", "selections", "table_tags", "tables", "vaults"],
        doing: &[CREATE, DELETE, "iam:PassRole"],
        checking: &[DESCRIBE_TABLE, GET_PLAN, GET_SELECTION, LIST_PLANS, LIST_SELECTIONS],
        propose,
    };

    fn resource(&self, _at: &TargetId) -> Resource<'_> {
        Resource {
            noun: "assignment to plan",
            id: format!("{}/{}", self.plan_name, self.selection_name()).into(),
            name: self.plan_name.as_str().into(),
        }
    }

    fn describe(&self) -> String {
        let names: Vec<String> = self.tables.iter().take(5).map(|table| one_line(table.name())).collect();
        let more = self.tables.len().saturating_sub(names.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let tables = format!("{} ({}{more})", count(self.tables.len(), "table"), names.join(", "));
        let role = one_line(&self.role_arn);
        match &self.by {
            By::Arn => format!("{tables} by ARN, role {role}"),
            By::Tag(tag) => format!(
                "all resources with tag `{}` = `{}`, among them {tables}, role {role}",
                one_line(&tag.key),
                one_line(&tag.value)
            ),
            By::Type(pattern) => format!("all tables ({}), among them {tables}, role {role}", one_line(pattern)),
        }
    }

    fn check_values(&self, at: &TargetId) -> Result<(), String> {
        if let Some(owner) = self.plan_id.as_deref().and_then(foreign_owner) {
            return Err(format!("the plan may be changed by {owner} alone"));
        }
        if let Some(name) = self.name.as_deref().filter(|name| !is_plan_name(name)) {
            return Err(format!("`{}` is not a name of an assignment", one_line(name)));
        }
        if self.tables.is_empty() || self.tables.len() > MOST_RESOURCES && self.by == By::Arn {
            return Err(format!(
                "{}; an assignment takes 1 to {MOST_RESOURCES}",
                count(self.tables.len(), "table")
            ));
        }
        let role = Arn::parse(&self.role_arn).filter(|arn| arn.service == "iam" && arn.resource.starts_with("role/"));
        match role {
            None => return Err(format!("`{}` is not the ARN of a role", one_line(&self.role_arn))),
            Some(role) if role.account_id != at.account_id => {
                return Err(format!("role `{}` is of another account", one_line(&self.role_arn)));
            }
            Some(_) => {}
        }
        if let By::Type(pattern) = &self.by
            && !pattern.ends_with(":dynamodb:*:*:table/*")
        {
            return Err(format!("`{}` is not the pattern of all tables", one_line(pattern)));
        }
        self.tables.iter().try_for_each(|table| check_table(&table.arn, at))
    }

    fn needs(&self, at: &TargetId) -> Vec<Thing> {
        let account = TargetId::new(at.account_id.clone(), String::new());
        let mut needs = vec![
            Thing::new(&account, "role", self.role_arn.clone()),
            Thing::new(at, "opt-in", ""),
            Thing::new(at, "plan", self.plan_name.clone()),
        ];
        needs.extend(self.plan_id.iter().map(|id| Thing::new(at, "plan-version", id.clone())));
        needs
    }

    fn simulate(&self, at: &TargetId, world: &mut World) -> Outcome<()> {
        let tags: Vec<Value> = self
            .tags_of_tables()
            .iter()
            .map(|tag| json!(["STRINGEQUALS", tag.key, tag.value]))
            .collect();
        let as_of = world.as_of();
        let name = self.selection_name();
        let selection = Selection {
            account_id: at.account_id.clone(),
            region: at.region.clone(),
            plan_id: self.plan_in_evidence(),
            selection_id: name.clone(),
            selection_name: name,
            created_at: Some(as_of),
            role_arn: Some(self.role_arn.clone()),
            resources_json: json!(self.resources()).to_string(),
            not_resources_json: "[]".to_owned(),
            list_of_tags_json: Value::from(tags).to_string(),
            conditions_json: "[]".to_owned(),
        };
        rows::add_selection(world, at, selection)
    }

    /// The plan makes recovery points of them from then on; by type, of all that are there.
    fn quantities(&self) -> Quantities {
        later(self.keeps)
    }

    fn inverse(&self) -> Undone {
        Undone::Back("the assignment is deleted; points that the plan made stay".to_owned())
    }

    /// API: backup:ListBackupPlans or backup:GetBackupPlan, backup:ListBackupSelections, backup:GetBackupSelection,
    /// dynamodb:DescribeTable. Calls: 2 or 3, and 1 for each table.
    async fn look(&self, target: &Target, _id: &str) -> Result<Now, Obstacle> {
        let plan_id = self.plan(target).await?;
        let found = self.found(target, &plan_id).await?;
        if let Some((id, found)) = found {
            return match self.is_same(&found) {
                true => Ok(Now::Already {
                    how: self.describe(),
                    made: Some(id),
                }),
                false => Err(format!(
                    "the plan has an assignment `{}` that says something else",
                    self.selection_name()
                )
                .into()),
            };
        }
        if let Some(judged) = &self.version_id {
            let plan = asked::plan(target, &plan_id).await?;
            if plan.version_id != *judged {
                return Err(format!(
                    "the plan was changed since: its version is `{}`, and `{}` was judged",
                    one_line(&plan.version_id),
                    one_line(judged)
                )
                .into());
            }
        }
        let checks = self
            .tables
            .iter()
            .map(|table| asked::check_incarnation(target, table.name(), table.id.as_deref()));
        let mut checked = stream::iter(checks).buffered(AT_ONCE);
        while let Some(checked) = checked.next().await {
            checked?;
        }
        Ok(Now::ToDo(Value::Null))
    }

    /// API: backup:CreateBackupSelection (and iam:PassRole). Calls: 1, and 1 where only the plan's name is known. Errors: AWS's
    /// refusal: the role has to be one that AWS Backup can assume.
    async fn act(&self, target: &Target, doing: &Doing<'_>) -> Result<Done, Failure> {
        let made = doing.made(&Thing::new(&target.id, "plan", self.plan_name.clone()));
        let plan_id = match (&self.plan_id, made) {
            (Some(id), _) => id.clone(),
            (None, Some(made)) => made.to_owned(),
            (None, None) => self.plan(target).await.map_err(|why| Failure::broken(&why.why(), None))?,
        };
        let send = || {
            let create = target.backup.create_backup_selection().backup_plan_id(&plan_id);
            create.backup_selection(self.selection()).creator_request_id(doing.id).send()
        };
        let id = |answer: CreateBackupSelectionOutput| answer.selection_id.filter(|id| !id.is_empty());
        let made = target.caller.part(CREATE, &plan_id, send, "id of a selection", id).await?;
        Ok(Done {
            job: None,
            made: Some(made),
        })
    }

    /// API: backup:ListBackupPlans, backup:ListBackupSelections, backup:GetBackupSelection. Calls: 2 or 3.
    async fn verify(&self, target: &Target, _since: DateTime<Utc>) -> (Verdict, String) {
        let plan_id = match self.plan(target).await {
            Ok(id) => id,
            Err(Obstacle::Changed(why)) => return (Verdict::NonCompliant, why),
            Err(Obstacle::Unread(why)) => return (Verdict::Unknown, why),
        };
        match self.found(target, &plan_id).await {
            Err(failure) => (Verdict::Unknown, failure.told()),
            Ok(None) => (Verdict::NonCompliant, "the plan has no such assignment".to_owned()),
            Ok(Some((_, found))) if self.is_same(&found) => (Verdict::Compliant, self.describe()),
            Ok(Some(_)) => (
                Verdict::NonCompliant,
                "the assignment of this name says something else".to_owned(),
            ),
        }
    }

    /// API: backup:ListBackupPlans, backup:ListBackupSelections, backup:GetBackupSelection, backup:DeleteBackupSelection. Calls: 3
    /// or 4.
    async fn undo(&self, target: &Target, _undoing: &Undoing<'_>) -> Result<Undone, Failure> {
        let gone = || Ok(Undone::Back("the assignment is gone".to_owned()));
        let plan_id = match &self.plan_id {
            Some(id) => id.clone(),
            None => match asked::plan_named(target, &self.plan_name).await? {
                Some(plan) => plan.backup_plan_id().unwrap_or_default().to_owned(),
                None => return gone(),
            },
        };
        let found = match self.found(target, &plan_id).await {
            // The plan, or the assignment since it was listed.
            Err(failure) if failure.kind == FailureKind::Absent => return gone(),
            found => found?,
        };
        match found {
            None => gone(),
            Some((_, found)) if !self.is_same(&found) => {
                Ok(Undone::Left("the assignment of this name says something else".to_owned()))
            }
            Some((id, _)) => {
                let send = || {
                    let delete = target.backup.delete_backup_selection().backup_plan_id(&plan_id);
                    delete.selection_id(&id).send()
                };
                match target.caller.once(DELETE, &plan_id, send).await {
                    Err(failure) if failure.kind != FailureKind::Absent => Err(failure),
                    _ => Ok(Undone::Back("the assignment is deleted; points that the plan made stay".to_owned())),
                }
            }
        }
    }

    /// By a tag or by their type; single tables get a tag for it, which only this program gives.
    fn backup_policy(&self, at: &TargetId) -> Declared {
        if self.plan_id.is_some() {
            return Declared::Not("the plan is there already, and is none of a backup policy");
        }
        let role = policy::assigned(policy::of_any_account(&self.role_arn, at));
        let by_tag = |tag: &Tag| {
            json!({
                "iam_role_arn": role,
                "tag_key": policy::assigned(tag.key.as_str()),
                "tag_value": policy::assigned(vec![tag.value.as_str()]),
            })
        };
        let name = self.selection_name();
        let properties = match &self.by {
            By::Tag(tag) => json!({ "tags": { name: by_tag(tag) } }),
            By::Type(pattern) => {
                let all = json!({ "iam_role_arn": role, "resource_types": policy::assigned(vec![pattern.as_str()]) });
                json!({ "resources": { name: all } })
            }
            By::Arn => {
                let tag = Tag {
                    key: POLICY_TAG_KEY.to_owned(),
                    value: self.plan_name.clone(),
                };
                let tags = json!([{"Key": tag.key, "Value": tag.value}]).to_string();
                let lines = self.tables.iter().map(|table| {
                    format!(
                        "  aws dynamodb tag-resource --region {} --resource-arn {} --tags {}",
                        at.region,
                        quoted(&table.arn),
                        quoted(&tags)
                    )
                });
                json!({ policy::FIRST: lines.collect::<Vec<_>>(), "tags": { name: by_tag(&tag) } })
            }
        };
        Declared::one(policy::SELECTION, self.plan_name.as_str(), properties)
    }

    fn cloudformation(&self, _at: &TargetId, _plan: &Plan) -> Declared {
        let mut selection = json!({"SelectionName": self.selection_name(), "IamRoleArn": self.role_arn});
        match self.tags_of_tables() {
            None => selection["Resources"] = json!(self.resources()),
            Some(tag) => {
                selection["ListOfTags"] =
                    json!([{"ConditionType": "STRINGEQUALS", "ConditionKey": tag.key, "ConditionValue": tag.value}]);
            }
        }
        let plan = match &self.plan_id {
            Some(id) => id.as_str().into(),
            None => reference(super::plan_create::CLOUDFORMATION, &self.plan_name),
        };
        let properties = json!({"BackupPlanId": plan, "BackupSelection": selection});
        Declared::one("AWS::Backup::BackupSelection", self.selection_name(), properties)
    }

    fn terraform(&self, _at: &TargetId, _plan: &Plan) -> Declared {
        let plan = match &self.plan_id {
            Some(id) => id.as_str().into(),
            None => terraform_reference(super::plan_create::TERRAFORM, &self.plan_name, "id"),
        };
        let mut properties = json!({"plan_id": plan, "name": self.selection_name(), "iam_role_arn": self.role_arn});
        match self.tags_of_tables() {
            None => properties["resources"] = json!(self.resources()),
            Some(tag) => {
                properties["selection_tag"] = json!({"type": "STRINGEQUALS", "key": tag.key, "value": tag.value});
            }
        }
        Declared::one("aws_backup_selection", self.selection_name(), properties)
    }

    fn cli(&self, at: &TargetId) -> Vec<String> {
        let mut selection = json!({"SelectionName": self.selection_name(), "IamRoleArn": self.role_arn});
        match self.tags_of_tables() {
            None => selection["Resources"] = json!(self.resources()),
            Some(tag) => {
                selection["ListOfTags"] =
                    json!([{"ConditionType": "STRINGEQUALS", "ConditionKey": tag.key, "ConditionValue": tag.value}]);
            }
        }
        let plan = match &self.plan_id {
            Some(id) => quoted(id).into_owned(),
            None => format!("\"${}\"", super::plan_create::variable(at, &self.plan_name)),
        };
        vec![format!(
            "aws backup create-backup-selection --region {} --backup-plan-id {plan} --backup-selection {}",
            at.region,
            quoted(&selection.to_string())
        )]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_hundred_tables_go_into_one_selection_and_more_into_others() {
        let at = TargetId::new("111122223333".to_owned(), "eu-west-1".to_owned());
        let plan = PlanRef {
            id: "p".to_owned(),
            name: "daily".to_owned(),
            version_id: Some("v".to_owned()),
            load: None,
        };
        let tables: Vec<TableRef> = (0..1001)
            .map(|number| TableRef {
                arn: format!("arn:aws:dynamodb:eu-west-1:111122223333:table/t{number:04}"),
                id: None,
                size_bytes: None,
            })
            .collect();
        let mut settings = Remediation::default();
        let all = Assign::all(&at, &plan, "aws", &tables, &settings);
        let sizes: Vec<usize> = all.iter().map(|deed| deed.tables.len()).collect();
        assert_eq!(sizes, [500, 500, 1]);
        let names: std::collections::BTreeSet<String> = all.iter().map(Assign::selection_name).collect();
        assert_eq!(names.len(), 3, "each is known by its own name");
        assert!(all.iter().all(|deed| deed.check_values(&at).is_ok() && deed.selection_name().len() <= 50));
        settings.assign = AssignBy::Type;
        let all = Assign::all(&at, &plan, "aws-cn", &tables, &settings);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].resources(), ["arn:aws-cn:dynamodb:*:*:table/*"]);
        settings.assign = AssignBy::Tag;
        let all = Assign::all(&at, &plan, "aws", &tables, &settings);
        assert!(all[0].resources().is_empty() && all[0].tags_of_tables().is_some());
    }

    #[test]
    fn a_selection_of_the_name_that_says_something_else_is_not_its_own() {
        let at = TargetId::new("111122223333".to_owned(), "eu-west-1".to_owned());
        let plan = PlanRef {
            id: rows::new_plan_id("daily"),
            name: "daily".to_owned(),
            version_id: None,
            load: None,
        };
        let table = TableRef {
            arn: "arn:aws:dynamodb:eu-west-1:111122223333:table/orders".to_owned(),
            id: None,
            size_bytes: None,
        };
        let deed = Assign::all(&at, &plan, "aws", &[table], &Remediation::default()).remove(0);
        assert_eq!(deed.plan_id, None, "AWS gives the id");
        let own = deed.selection();
        assert!(deed.is_same(&own));
        let mut other = own.clone();
        other.not_resources = Some(vec!["*".to_owned()]);
        assert!(!deed.is_same(&other));
        let mut other = own;
        other.iam_role_arn = "arn:aws:iam::111122223333:role/other".to_owned();
        assert!(!deed.is_same(&other));
    }
}
