//! AWS Backup's default service role of an account: it is there, AWS Backup may assume it, and both managed policies are
//! attached.
//!
//! Stored evidence cannot say whether a role exists: only a job that it did proves that. So the action is planned, to make sure,
//! wherever something else of the plan uses the role and no job proves it, and does nothing where all is well. A role of that
//! name which trusts somebody else is somebody's own, and is never changed.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_backup::operation::list_recovery_points_by_backup_vault::ListRecoveryPointsByBackupVaultOutput;
use aws_sdk_backup::types::RecoveryPointByBackupVault;
use aws_sdk_iam::operation::list_attached_role_policies::ListAttachedRolePoliciesOutput;
use aws_sdk_iam::types::{AttachedPolicy, Role, Tag};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Act, Deed, Doing, Done, Kind, MADE_BY, Now, Obstacle, Resource, Sign, Thing, Undoing, Undone, default_role, vault};
use crate::aws::call::Page;
use crate::aws::failure::{Failure, FailureKind};
use crate::aws::target::Target;
use crate::collect::instant;
use crate::domain::{Arn, TargetId, Verdict};
use crate::inventory::schema::{BackupJob, Selection};
use crate::problem::{Outcome, count};
use crate::remediate::Plan;
use crate::remediate::export::Declared;
use crate::remediate::Action;
use crate::remediate::plans::asked::{self, LIST_PLANS, LIST_SELECTIONS};
use crate::remediate::propose::Planner;
use crate::remediate::shell::quoted;
use crate::remediate::world::World;
use crate::text::{list, one_line};

const GET: &str = "iam:GetRole";
const CREATE: &str = "iam:CreateRole";
const ATTACH: &str = "iam:AttachRolePolicy";
const LIST: &str = "iam:ListAttachedRolePolicies";
const DETACH: &str = "iam:DetachRolePolicy";
const DELETE: &str = "iam:DeleteRole";
const LIST_POINTS: &str = "backup:ListRecoveryPointsByBackupVault";

const NAME: &str = "AWSBackupDefaultServiceRole";
const PATH: &str = "/service-role/";

/// As the console of AWS Backup writes it.
const DESCRIPTION: &str =
    "Provides AWS Backup permission to create backups and perform restores on your behalf across AWS services";

/// What the role may do, in AWS's own managed policies.
const POLICIES: [&str; 2] = [
    "AWSBackupServiceRolePolicyForBackup",
    "AWSBackupServiceRolePolicyForRestores",
];

/// Who assumes it.
const SERVICE: &str = "backup.amazonaws.com";

/// IAM tells other services of a new role some seconds later; until then AWS Backup refuses it.
const SETTLING: std::time::Duration = std::time::Duration::from_secs(10);

/// The default service role of an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MakeRole {
    /// Its ARN.
    pub role_arn: String,
}

fn propose(planner: &mut Planner<'_>) -> Outcome<()> {
    for finding in planner.open(&MakeRole::KIND) {
        let at = finding.target.clone();
        let plan_id = finding.resource_arn.split_once(":backup-plan:").map(|(_, id)| id);
        let selections = planner.world.rows::<Selection>()?.iter();
        let roles: BTreeSet<String> = selections
            .filter(|row| row.account_id == at.account_id && row.region == at.region && Some(&*row.plan_id) == plan_id)
            .filter_map(|row| row.role_arn.clone())
            .collect();
        let partition = Arn::parse(&finding.resource_arn).map_or("aws", |arn| arn.partition);
        let role_arn = default_role(partition, &at.account_id);
        if roles.contains(&role_arn) {
            // One of an account is enough, wherever its plans are.
            let of_role = |deed: &Deed| matches!(deed, Deed::MakeRole(role) if role.role_arn == role_arn);
            let known = planner.actions().iter().find(|action| of_role(&action.deed));
            let at = known.map_or(at, Action::target);
            planner.add(&at, Deed::MakeRole(MakeRole { role_arn }), &finding.message, &[&finding]);
        } else {
            let names: Vec<&str> = roles.iter().map(String::as_str).collect();
            let why = format!("not the default role, which could be made whole, but a role of somebody's own: {}", list(&names));
            planner.block(&finding, why);
        }
    }
    Ok(())
}

/// Makes sure of the roles that actions of the plan use, where no job proves that they work: before everything else.
///
/// Errors: the inventory is damaged.
pub(crate) fn make_sure(planner: &mut Planner<'_>) -> Outcome<()> {
    let mut used: BTreeMap<String, TargetId> = BTreeMap::new();
    for action in planner.actions() {
        let at = action.target();
        for thing in action.deed.needs(&at).into_iter().filter(|thing| thing.sort == "role") {
            let partition = Arn::parse(&thing.name).map_or("aws", |arn| arn.partition);
            if thing.name == default_role(partition, &at.account_id) {
                used.entry(thing.name).or_insert_with(|| at.clone());
            }
        }
    }
    for action in planner.actions() {
        if let Deed::MakeRole(role) = &action.deed {
            used.remove(&role.role_arn);
        }
    }
    for (role_arn, at) in used {
        let jobs = planner.world.rows::<BackupJob>()?.iter();
        let of_role = jobs.filter(|job| job.role_arn.as_deref() == Some(&role_arn) && job.completed_at.is_some());
        let last = of_role.max_by_key(|job| job.created_at);
        if last.is_some_and(|job| job.state.as_deref() == Some("COMPLETED")) {
            continue;
        }
        let reason = "no job shows that AWS Backup can use it, and what follows needs it";
        planner.add_first(&at, Deed::MakeRole(MakeRole { role_arn }), reason);
    }
    Ok(())
}

/// What is there of the role.
struct Found {
    role: Role,
    /// Those of [`POLICIES`] that are attached.
    attached: Vec<&'static str>,
}

impl Found {
    fn missing(&self) -> Vec<&'static str> {
        let is_missing = |policy: &&str| !self.attached.contains(policy);
        POLICIES.into_iter().filter(is_missing).collect()
    }

    fn is_made_by(&self, id: &str) -> bool {
        let mut tags = self.role.tags().iter();
        tags.any(|tag| tag.key() == MADE_BY && tag.value() == id)
    }

    /// Errors: why AWS Backup may not assume it, or why it is another role.
    fn check(&self, role_arn: &str) -> Result<(), String> {
        if self.role.arn() != role_arn {
            return Err(format!("the role of that name is `{}`, another one", one_line(self.role.arn())));
        }
        let text = decoded(self.role.assume_role_policy_document().unwrap_or_default());
        match text.as_deref().is_some_and(trusts) {
            true => Ok(()),
            false => Err(format!(
                "the role is there and does not trust {SERVICE}; it is somebody's own, and its trust policy is for them to change"
            )),
        }
    }
}

/// Does a trust policy let AWS Backup assume the role?
fn trusts(policy: &str) -> bool {
    let Ok(document) = serde_json::from_str::<Value>(policy) else {
        return false;
    };
    let statements = match &document["Statement"] {
        Value::Array(statements) => statements.iter().collect(),
        one => vec![one],
    };
    let has = |value: &Value, wanted: &[&str]| match value {
        Value::Array(many) => many.iter().filter_map(Value::as_str).any(|text| wanted.contains(&text)),
        one => one.as_str().is_some_and(|text| wanted.contains(&text)),
    };
    let is_about = |statement: &Value| {
        let principal = &statement["Principal"];
        let is_service = has(&principal["Service"], &[SERVICE]) || has(principal, &["*"]);
        is_service && has(&statement["Action"], &["sts:AssumeRole", "sts:*", "*"])
    };
    let of_effect = |effect: &str| {
        let mut all = statements.iter().filter(|statement| statement["Effect"] == effect);
        all.any(|statement| is_about(statement))
    };
    of_effect("Allow") && !of_effect("Deny")
}

/// A text that IAM has percent-encoded; none: it is not UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        let digits = more.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|_| *first == b'%').map(|digits| u8::from_str_radix(digits, 16)) {
            Some(Ok(byte)) => {
                bytes.push(byte);
                rest = &more[2..];
            }
            _ => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

fn trust() -> String {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "Service": SERVICE }, "Action": "sts:AssumeRole" }],
    })
    .to_string()
}

impl MakeRole {
    fn policy_arn(&self, name: &str) -> String {
        let partition = Arn::parse(&self.role_arn).map_or("aws", |arn| arn.partition);
        format!("arn:{partition}:iam::aws:policy/service-role/{name}")
    }

    /// The role and its policies; none: there is no such role.
    ///
    /// API: iam:GetRole, iam:ListAttachedRolePolicies, paged by 100. Calls: 2. Errors: AWS's refusal.
    async fn read(&self, target: &Target) -> Result<Option<Found>, Failure> {
        let send = || target.iam.get_role().role_name(NAME).send();
        let role = target.caller.part(GET, NAME, send, "role", |answer| answer.role).await;
        let role = match role {
            Ok(role) => role,
            Err(failure) if failure.kind == FailureKind::Absent => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let send = |marker| {
            let list = target.iam.list_attached_role_policies();
            list.role_name(NAME).set_marker(marker).send()
        };
        fn page(page: &ListAttachedRolePoliciesOutput) -> Page<'_, AttachedPolicy> {
            (page.attached_policies.as_ref(), page.marker())
        }
        let mut attached = BTreeSet::new();
        let take = |listed: &[AttachedPolicy]| {
            attached.extend(listed.iter().filter_map(|policy| policy.policy_arn().map(str::to_owned)));
            Ok::<_, Failure>(listed.iter().filter(|policy| policy.policy_arn().is_none()).count())
        };
        target.caller.list(LIST, NAME, send, page, take).await?;
        let is_attached = |name: &&str| attached.contains(&self.policy_arn(name));
        Ok(Some(Found {
            role,
            attached: POLICIES.into_iter().filter(is_attached).collect(),
        }))
    }

    /// What a Region needs the role for, in words; none: nothing. Who assigned something under it before it was made did so
    /// without it; so did those of a role that stays, and loses what was attached to it.
    ///
    /// API: backup:ListBackupVaults, backup:ListRecoveryPointsByBackupVault, and where the role would go, backup:ListBackupPlans
    /// and backup:ListBackupSelections. Calls: 2, and 1 for each vault and plan. Errors: AWS's refusal.
    async fn in_use(&self, target: &Target, made: Option<&Role>) -> Result<Option<String>, Failure> {
        let points = self.points(target).await?;
        if points > 0 {
            let points = count(points, "recovery point");
            return Ok(Some(format!("{points} in {}: the role is needed to delete what is due", one_line(&target.id.region))));
        }
        let user = match made {
            None => None,
            Some(role) => asked::user_of_role(target, &self.role_arn, instant(Some(role.create_date()))).await?,
        };
        Ok(user.map(|(selection, plan)| {
            format!(
                "assignment `{}` of plan `{}` in {} uses the role",
                one_line(&selection),
                one_line(&plan),
                one_line(&target.id.region)
            )
        }))
    }

    /// Recovery points in the target that AWS Backup deletes by this role when they are due.
    ///
    /// API: backup:ListBackupVaults, backup:ListRecoveryPointsByBackupVault. Calls: 1 and 1 for each vault. Errors: AWS's refusal.
    async fn points(&self, target: &Target) -> Result<usize, Failure> {
        fn page(page: &ListRecoveryPointsByBackupVaultOutput) -> Page<'_, RecoveryPointByBackupVault> {
            (page.recovery_points.as_ref(), page.next_token())
        }
        let mut found = 0;
        for name in vault::names(target).await? {
            let send = |token| {
                let list = target.backup.list_recovery_points_by_backup_vault();
                list.backup_vault_name(&name).max_results(1000).set_next_token(token).send()
            };
            let take = |listed: &[RecoveryPointByBackupVault]| {
                let of_role = |point: &&RecoveryPointByBackupVault| point.iam_role_arn() == Some(&self.role_arn);
                found += listed.iter().filter(of_role).count();
                Ok::<_, Failure>(0)
            };
            target.caller.list(LIST_POINTS, &name, send, page, take).await?;
        }
        Ok(found)
    }
}

/// A part of a request that is complete.
fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().expect("it has a key and a value")
}

/// Why it is not declared.
const PERHAPS: &str = "it may be there already, which no evidence tells";

impl Act for MakeRole {
    const KIND: Kind = Kind {
        id: "role",
        sign: Sign::Create,
        answers: &["plan-role-works"],
        frames: &["backup_jobs", "selections"],
        // To make a role with tags is to tag it.
        doing: &[CREATE, "iam:TagRole", ATTACH, GET, LIST],
        checking: &[GET, LIST],
        propose,
    };
    const HAS_HALVES: bool = true;
    const UNDOING: &'static [&'static str] = &[DETACH, DELETE, vault::LIST, LIST_POINTS, LIST_PLANS, LIST_SELECTIONS];

    fn resource(&self, _at: &TargetId) -> Resource<'_> {
        Resource {
            noun: "role",
            id: self.role_arn.as_str().into(),
            name: NAME.into(),
        }
    }

    fn describe(&self) -> String {
        format!("is there, trusts {SERVICE} and has {}", list(&POLICIES))
    }

    fn check_values(&self, at: &TargetId) -> Result<(), String> {
        let partition = Arn::parse(&self.role_arn).map_or("", |arn| arn.partition);
        match self.role_arn == default_role(partition, &at.account_id) {
            true => Ok(()),
            false => Err(format!(
                "`{}` is not AWS Backup's default role of account {}",
                one_line(&self.role_arn),
                one_line(&at.account_id)
            )),
        }
    }

    fn gives(&self, at: &TargetId) -> Vec<Thing> {
        let account = TargetId::new(at.account_id.clone(), String::new());
        vec![Thing::new(&account, "role", self.role_arn.clone())]
    }

    /// What a job will say of the role is not known before it has run.
    fn simulate(&self, _at: &TargetId, _world: &mut World) -> Outcome<()> {
        Ok(())
    }

    fn inverse(&self) -> Undone {
        Undone::Back(
            "what was attached is detached, and a role that was made here is deleted, unless recovery points need it to be deleted \
             when they are due"
                .to_owned(),
        )
    }

    /// Is the role whole?
    ///
    /// API: iam:GetRole, iam:ListAttachedRolePolicies. Calls: 2.
    async fn look(&self, target: &Target, _id: &str) -> Result<Now, Obstacle> {
        let Some(found) = self.read(target).await? else {
            return Ok(Now::ToDo(json!({ "is_there": false, "attached": [] })));
        };
        found.check(&self.role_arn)?;
        Ok(match found.missing().is_empty() {
            true => Now::Already {
                how: self.describe(),
                made: Some(self.role_arn.clone()),
            },
            false => Now::ToDo(json!({ "is_there": true, "attached": found.attached })),
        })
    }

    /// AWS Backup knows of a role, and of what is attached to it, some seconds later.
    async fn settle(&self) {
        tokio::time::sleep(SETTLING).await;
    }

    /// API: iam:GetRole, iam:ListAttachedRolePolicies, iam:CreateRole, iam:AttachRolePolicy. Calls: 5 at most.
    async fn act(&self, target: &Target, doing: &Doing<'_>) -> Result<Done, Failure> {
        let found = self.read(target).await?;
        if let Some(found) = &found {
            found.check(&self.role_arn).map_err(|why| Failure::broken(&why, None))?;
        } else {
            let send = || {
                let create = target.iam.create_role().path(PATH).role_name(NAME);
                create
                    .assume_role_policy_document(trust())
                    .description(DESCRIPTION)
                    .tags(tag(MADE_BY, doing.id))
                    .send()
            };
            target.caller.once(CREATE, NAME, send).await?;
        }
        let missing = found.as_ref().map_or_else(|| POLICIES.to_vec(), Found::missing);
        for policy in missing {
            let arn = self.policy_arn(policy);
            let send = || target.iam.attach_role_policy().role_name(NAME).policy_arn(&arn).send();
            target.caller.once(ATTACH, &arn, send).await?;
        }
        self.settle().await;
        Ok(Done {
            job: None,
            made: Some(self.role_arn.clone()),
        })
    }

    /// API: iam:GetRole, iam:ListAttachedRolePolicies. Calls: 2.
    async fn verify(&self, target: &Target, _since: DateTime<Utc>) -> (Verdict, String) {
        let found = match self.read(target).await {
            Ok(Some(found)) => found,
            Ok(None) => return (Verdict::NonCompliant, "there is no such role".to_owned()),
            Err(failure) => return (Verdict::Unknown, failure.told()),
        };
        let missing = found.missing();
        match found.check(&self.role_arn) {
            Err(why) => (Verdict::NonCompliant, why),
            Ok(()) if missing.is_empty() => (Verdict::Compliant, self.describe()),
            Ok(()) => (Verdict::NonCompliant, format!("{} not attached", list(&missing))),
        }
    }

    /// API: iam:GetRole, iam:ListAttachedRolePolicies, those of [`Self::in_use`] in each Region of the plan, iam:DetachRolePolicy,
    /// iam:DeleteRole. Calls: 5, and those.
    async fn undo(&self, target: &Target, undoing: &Undoing<'_>) -> Result<Undone, Failure> {
        let id = undoing.id;
        let before = undoing.before;
        let Some(found) = self.read(target).await? else {
            return Ok(Undone::Back("the role is gone".to_owned()));
        };
        // An earlier try may have made it, and been refused before it was whole.
        let was_there = before["is_there"] != false && !found.is_made_by(id);
        if !was_there && !found.is_made_by(id) {
            return Ok(Undone::Left("somebody else has made this role since".to_owned()));
        }
        let made = (!was_there).then_some(&found.role);
        let regions = undoing.places.iter().filter(|at| at.account_id == target.id.account_id);
        for at in regions {
            if let Some(why) = self.in_use(&target.in_region(&at.region), made).await? {
                return Ok(Undone::Left(why));
            }
        }
        // Of a role that an earlier try made and left half done, everything is its own.
        let was_attached = |policy: &&str| was_there && before["attached"].as_array().is_some_and(|all| all.iter().any(|one| one == policy));
        for policy in found.attached.iter().filter(|policy| !was_attached(policy)) {
            let arn = self.policy_arn(policy);
            let send = || target.iam.detach_role_policy().role_name(NAME).policy_arn(&arn).send();
            target.caller.once(DETACH, &arn, send).await?;
        }
        if was_there {
            return Ok(Undone::Back("what was attached is detached".to_owned()));
        }
        let send = || target.iam.delete_role().role_name(NAME).send();
        match target.caller.once(DELETE, NAME, send).await {
            Ok(_) => Ok(Undone::Back("the role is deleted".to_owned())),
            Err(failure) if failure.code.starts_with("DeleteConflict") => Ok(Undone::Left(failure.why())),
            Err(failure) => Err(failure),
        }
    }

    fn cloudformation(&self, _at: &TargetId, _plan: &Plan) -> Declared {
        Declared::Not(PERHAPS)
    }

    fn terraform(&self, _at: &TargetId, _plan: &Plan) -> Declared {
        Declared::Not(PERHAPS)
    }

    fn cli(&self, _at: &TargetId) -> Vec<String> {
        let mut lines = vec![format!(
            "aws iam get-role --role-name {NAME} >/dev/null 2>&1 || aws iam create-role --path {PATH} --role-name {NAME} \
             --assume-role-policy-document {} --description {}",
            quoted(&trust()),
            quoted(DESCRIPTION)
        )];
        lines.extend(POLICIES.map(|policy| {
            let arn = self.policy_arn(policy);
            format!("aws iam attach-role-policy --role-name {NAME} --policy-arn {arn}")
        }));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trust_policy_that_lets_aws_backup_in_is_trust() {
        assert!(trusts(&trust()));
        let allow = |principal: Value| json!({"Effect": "Allow", "Principal": principal, "Action": ["sts:AssumeRole"]});
        for (statements, expected) in [
            (json!(allow(json!({"Service": [SERVICE, "ec2.amazonaws.com"]}))), true),
            (json!([allow(json!({"Service": "ec2.amazonaws.com"}))]), false),
            (json!([allow(json!({"AWS": SERVICE}))]), false),
            (
                json!([allow(json!({"Service": SERVICE})), {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}]),
                false,
            ),
            (json!(null), false),
        ] {
            let policy = json!({ "Statement": statements }).to_string();
            assert_eq!(trusts(&policy), expected, "{policy}");
        }
        assert!(!trusts("not JSON"));
    }

    #[test]
    fn what_iam_encodes_is_read() {
        assert_eq!(decoded("%7B%22a%22%3A1%7D %zz%").as_deref(), Some("{\"a\":1} %zz%"));
        assert_eq!(decoded("%ff"), None);
    }
}
