//! The access policy of a backup vault, with one statement more: it denies to everybody but the principals that the settings
//! name what deletes recovery points by hand, shortens their life, or opens the policy again.
//!
//! The statement is added behind those that are there, which stay as they are, in their order, members that nobody here knows
//! with them. A policy that would not survive being read and written is left alone.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::vault::{check_vault, is_at, is_made, name_in, terraform_name};
use super::{Act, Deed, Doing, Done, Kind, Now, Obstacle, Resource, Sign, Thing, Undoing, Undone};
use crate::aws::failure::{Failure, FailureKind};
use crate::aws::target::Target;
use crate::dictionary::TableFacts;
use crate::domain::{FactValue, Finding, Subject, TargetId, Verdict};
use crate::facts::vault_policy::{DENIED, manual_deletion};
use crate::inventory::schema::{RecoveryPoint, Vault, VaultPolicy};
use crate::problem::Outcome;
use crate::remediate::Plan;
use crate::remediate::export::{Declared, IMPORT};
use crate::remediate::propose::Planner;
use crate::remediate::shell::quoted;
use crate::remediate::world::World;
use crate::text::{list, one_line};

const GET: &str = "backup:GetBackupVaultAccessPolicy";
const PUT: &str = "backup:PutBackupVaultAccessPolicy";
const DELETE: &str = "backup:DeleteBackupVaultAccessPolicy";

/// The statement's own name, by which it is told from those of others.
const SID: &str = "BackproofDenyManualDeletion";

/// The key of a condition that says who calls; it looks like an action, and is none.
const CALLER: &str = concat!("aws:", "PrincipalArn");

/// One statement more in the access policy of a vault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardVault {
    /// The vault: name, account and Region are those of its ARN, and stand nowhere else.
    pub vault_arn: String,
    /// ARNs of the principals that the statement exempts; at least one, or nobody could ever take it back.
    pub exempt: Vec<String>,
    /// The policy that was judged, which stays as it is; the action is not done on another. `None`: the vault had none.
    pub was: Option<String>,
}

fn propose(planner: &mut Planner<'_>) -> Outcome<()> {
    let mut wanted: BTreeMap<String, (TargetId, Vec<Finding>)> = BTreeMap::new();
    for finding in planner.open(&GuardVault::KIND) {
        for vault in vaults_of(planner, &finding)? {
            let at = TargetId::new(vault.account_id, vault.region);
            let of_vault = wanted.entry(vault.vault_arn.unwrap_or_default());
            of_vault.or_insert_with(|| (at, Vec::new())).1.push(finding.clone());
        }
    }
    // A vault of this plan would be found open as soon as a recovery point lies in it.
    let rules = &planner.criteria.rules.0;
    let is_asked = rules.iter().any(|rule| GuardVault::KIND.answers.contains(&&*rule.id));
    if is_asked && !planner.settings.break_glass.is_empty() {
        for action in planner.actions() {
            if let Deed::MakeVault(vault) = &action.deed {
                let of_vault = wanted.entry(vault.vault_arn.clone());
                of_vault.or_insert_with(|| (action.target(), Vec::new()));
            }
        }
    }
    let policies = planner.world.rows::<VaultPolicy>()?.to_vec();
    for (vault_arn, (at, findings)) in wanted {
        let is_this = |row: &&VaultPolicy| {
            row.account_id == at.account_id && row.region == at.region && row.vault_name == name_in(&vault_arn)
        };
        let deed = match policies.iter().find(is_this) {
            None => Err(format!("the access policy of vault `{}` was not read", one_line(name_in(&vault_arn)))),
            Some(_) if planner.settings.break_glass.is_empty() => Err(
                "nobody could ever take back a denial that exempts nobody: name who it exempts with `break-glass` in `[remediation]`"
                    .to_owned(),
            ),
            Some(policy) => {
                let deed = GuardVault {
                    vault_arn,
                    exempt: planner.settings.break_glass.clone(),
                    was: policy.policy.clone(),
                };
                deed.check_values(&at).map(|()| deed)
            }
        };
        let findings: Vec<&Finding> = findings.iter().collect();
        match deed {
            Ok(deed) => {
                let first = findings.first().map(|finding| finding.message.to_string());
                let reason = first.unwrap_or_else(|| "recovery points in the vault could be deleted by hand".to_owned());
                planner.add(&at, Deed::GuardVault(deed), &reason, &findings);
            }
            Err(why) => findings.iter().for_each(|finding| planner.block(finding, why.as_str())),
        }
    }
    Ok(())
}

/// The vaults that a finding finds open.
fn vaults_of(planner: &mut Planner<'_>, finding: &Finding) -> Outcome<Vec<Vault>> {
    let vaults = planner.world.rows::<Vault>()?.to_vec();
    if finding.subject == Subject::Vault {
        let is_this = |vault: &Vault| vault.vault_arn.as_deref() == Some(&finding.resource_arn);
        return Ok(vaults.into_iter().filter(is_this).collect());
    }
    let open: BTreeSet<String> = match planner.table(&finding.resource_arn) {
        Some(table) => match table.fact(TableFacts::vaults_open_to_deletion) {
            FactValue::Text(names) => names.split(", ").map(str::to_owned).collect(),
            _ => BTreeSet::new(),
        },
        None => BTreeSet::new(),
    };
    let points = planner.world.rows::<RecoveryPoint>()?.iter();
    let holding: BTreeSet<(&str, &str, &str)> = points
        .filter(|point| point.resource_arn.as_deref() == Some(&finding.resource_arn))
        .map(|point| (&*point.account_id, &*point.region, &*point.vault_name))
        .collect();
    let is_open = |vault: &Vault| {
        open.contains(&vault.vault_name) && holding.contains(&(&*vault.account_id, &*vault.region, &*vault.vault_name))
    };
    Ok(vaults.into_iter().filter(is_open).collect())
}

/// The policy with one statement more.
///
/// Errors: it cannot be added without a change of what is there.
fn merged(policy: Option<&str>, statement: Value) -> Result<String, String> {
    let Some(text) = policy else {
        return Ok(json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string());
    };
    let mut document: Value =
        serde_json::from_str(text).map_err(|error| format!("the access policy is not JSON: {error}"))?;
    let written = document.to_string();
    if written != without_blanks(text) {
        return Err("the access policy holds what would not survive being read and written, such as a name twice".to_owned());
    }
    let statements = document
        .get_mut("Statement")
        .ok_or("the access policy has no list of statements")?;
    if statements.is_object() {
        *statements = json!([statements.take()]);
    }
    let statements = statements.as_array_mut().ok_or("the access policy has no list of statements")?;
    if statements.iter().any(|known| known["Sid"] == SID) {
        return Err(format!("the access policy has a statement `{SID}` already, which says something else"));
    }
    statements.push(statement);
    Ok(document.to_string())
}

/// JSON without the blanks between its tokens.
fn without_blanks(text: &str) -> String {
    let (mut is_in_text, mut is_escaped) = (false, false);
    let keep = |letter: &char| {
        let is_kept = is_in_text || !letter.is_ascii_whitespace();
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' if is_in_text => is_escaped = true,
            '"' => is_in_text = !is_in_text,
            _ => {}
        }
        is_kept
    };
    text.chars().filter(keep).collect()
}

/// Do two policies say the same, however they are written?
fn is_same(a: Option<&str>, b: Option<&str>) -> bool {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    match (a, b) {
        (Some(a), Some(b)) => a == b || read(a).is_some_and(|value| Some(value) == read(b)),
        (None, None) => true,
        _ => false,
    }
}

impl GuardVault {
    fn name(&self) -> &str {
        name_in(&self.vault_arn)
    }

    fn statement(&self) -> Value {
        json!({
            "Sid": SID,
            "Effect": "Deny",
            "Principal": "*",
            "Action": DENIED,
            "Resource": "*",
            "Condition": { "ArnNotEquals": { (CALLER): self.exempt } },
        })
    }

    /// The policy that is there now; none: there is none.
    ///
    /// API: backup:GetBackupVaultAccessPolicy. Calls: 1. Errors: AWS's refusal, or an answer without a policy.
    async fn read(&self, target: &Target) -> Result<Option<String>, Failure> {
        let mut call = target.caller.begin(GET, self.name());
        let send = || {
            let get = target.backup.get_backup_vault_access_policy();
            get.backup_vault_name(self.name()).send()
        };
        match call.page(send).await {
            Ok(answer) => match answer.policy.filter(|text| !text.is_empty()) {
                Some(policy) => call.finish().map(|()| Some(policy)),
                None => Err(call.broken("the answer holds no policy")),
            },
            // AWS says with an error that there is none.
            Err(failure) if failure.kind == FailureKind::Absent => call.finish().map(|()| None),
            Err(failure) => Err(failure),
        }
    }

    /// API: backup:PutBackupVaultAccessPolicy. Calls: 1. Errors: AWS's refusal, such as of a policy that is too long.
    async fn put(&self, target: &Target, policy: &str) -> Result<(), Failure> {
        let send = || {
            let put = target.backup.put_backup_vault_access_policy();
            put.backup_vault_name(self.name()).policy(policy).send()
        };
        target.caller.once(PUT, self.name(), send).await.map(drop)
    }
}

impl GuardVault {
    /// The whole policy as it is to be.
    pub(super) fn policy(&self) -> Value {
        let text = merged(self.was.as_deref(), self.statement()).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }
}

impl Act for GuardVault {
    const KIND: Kind = Kind {
        id: "vault-policy",
        sign: Sign::Change,
        answers: &[
            "manual-deletion-denied",
            "vault-denies-manual-deletion",
            "vault-policy-as-strong-as-lock",
        ],
        frames: &["recovery_points", "vault_policies", "vaults"],
        doing: &[PUT],
        checking: &[GET],
        propose,
    };
    const GUARDS_POINTS: bool = true;
    const UNDOING: &'static [&'static str] = &[DELETE];

    fn resource(&self, _at: &TargetId) -> Resource<'_> {
        Resource {
            noun: "vault",
            id: self.vault_arn.as_str().into(),
            name: self.name().into(),
        }
    }

    fn describe(&self) -> String {
        let exempt: Vec<String> = self.exempt.iter().map(|arn| one_line(arn).to_string()).collect();
        let exempt: Vec<&str> = exempt.iter().map(String::as_str).collect();
        format!("access policy denies deletion by hand to everybody but {}", list(&exempt))
    }

    /// Would the policy deny what it is to deny, and could it be merged?
    fn check_values(&self, at: &TargetId) -> Result<(), String> {
        check_vault(&self.vault_arn, at)?;
        let alone = merged(None, self.statement())?;
        for policy in [alone, merged(self.was.as_deref(), self.statement())?] {
            let verdict = manual_deletion(Some(&policy), &self.vault_arn);
            if verdict.answer != Some(true) {
                return Err(format!("the access policy would not deny deletion: {}", verdict.reason));
            }
        }
        Ok(())
    }

    fn needs(&self, at: &TargetId) -> Vec<Thing> {
        vec![Thing::new(at, "vault", self.name())]
    }

    fn simulate(&self, at: &TargetId, world: &mut World) -> Outcome<()> {
        let policy = merged(self.was.as_deref(), self.statement()).ok();
        let vaults = world.rows::<Vault>()?.iter();
        let is_there = vaults
            .filter(|vault| is_at(vault, at))
            .any(|vault| vault.vault_name == self.name());
        world.edit::<VaultPolicy>(|rows| {
            let is_this = |row: &&mut VaultPolicy| {
                is_there && row.account_id == at.account_id && row.region == at.region && row.vault_name == self.name()
            };
            for row in rows.iter_mut().filter(is_this) {
                row.policy.clone_from(&policy);
            }
        })
    }

    fn inverse(&self) -> Undone {
        let exempt: Vec<String> = self.exempt.iter().map(|arn| one_line(arn).to_string()).collect();
        let exempt: Vec<&str> = exempt.iter().map(String::as_str).collect();
        Undone::Back(format!(
            "the former policy is put back where this one still stands; that, and the deletion of recovery points in the vault, the \
             statement itself denies to everybody but {}",
            list(&exempt)
        ))
    }

    /// Is the policy the one that was judged?
    ///
    /// API: backup:GetBackupVaultAccessPolicy. Calls: 1.
    async fn look(&self, target: &Target, _id: &str) -> Result<Now, Obstacle> {
        let now = self.read(target).await?;
        let verdict = manual_deletion(now.as_deref(), &self.vault_arn);
        if verdict.answer == Some(true) {
            return Ok(Now::Already {
                how: verdict.reason,
                made: None,
            });
        }
        match is_same(now.as_deref(), self.was.as_deref()) {
            true => Ok(Now::ToDo(json!(now))),
            false => Err(Obstacle::Changed("the access policy of the vault was changed since the scan".to_owned())),
        }
    }

    /// API: backup:PutBackupVaultAccessPolicy. Calls: 1.
    async fn act(&self, target: &Target, _doing: &Doing<'_>) -> Result<Done, Failure> {
        let policy = merged(self.was.as_deref(), self.statement()).map_err(|why| Failure::broken(&why, None))?;
        self.put(target, &policy).await?;
        Ok(Done::default())
    }

    /// API: backup:GetBackupVaultAccessPolicy. Calls: 1.
    async fn verify(&self, target: &Target, _since: DateTime<Utc>) -> (Verdict, String) {
        match self.read(target).await {
            Ok(policy) => {
                let verdict = manual_deletion(policy.as_deref(), &self.vault_arn);
                let of_answer = verdict.answer.map(|is_denied| match is_denied {
                    true => Verdict::Compliant,
                    false => Verdict::NonCompliant,
                });
                (of_answer.unwrap_or(Verdict::Unknown), verdict.reason)
            }
            Err(failure) => (Verdict::Unknown, failure.told()),
        }
    }

    /// API: backup:GetBackupVaultAccessPolicy, backup:PutBackupVaultAccessPolicy or backup:DeleteBackupVaultAccessPolicy.
    /// Calls: 2.
    async fn undo(&self, target: &Target, undoing: &Undoing<'_>) -> Result<Undone, Failure> {
        let before = undoing.before;
        let (now, before) = (self.read(target).await?, before.as_str());
        if is_same(now.as_deref(), before) {
            return Ok(Undone::Back("the vault has its former policy".to_owned()));
        }
        let own = merged(before, self.statement()).ok();
        if !is_same(now.as_deref(), own.as_deref()) {
            return Ok(Undone::Left("the access policy was changed since".to_owned()));
        }
        match before {
            Some(policy) => self.put(target, policy).await?,
            None => {
                let send = || {
                    let delete = target.backup.delete_backup_vault_access_policy();
                    delete.backup_vault_name(self.name()).send()
                };
                target.caller.once(DELETE, self.name(), send).await?;
            }
        }
        Ok(Undone::Back("the vault has its former policy, or none".to_owned()))
    }

    fn cloudformation(&self, _at: &TargetId, plan: &Plan) -> Declared {
        match is_made(plan, &self.vault_arn) {
            true => Declared::Resources(Vec::new()),
            false => Declared::Not(IMPORT),
        }
    }

    fn terraform(&self, at: &TargetId, plan: &Plan) -> Declared {
        if self.was.is_some() {
            return Declared::Not(IMPORT);
        }
        let properties = json!({
            "backup_vault_name": terraform_name(plan, at, self.name()),
            "policy": self.policy().to_string(),
        });
        Declared::one("aws_backup_vault_policy", self.name(), properties)
    }

    fn cli(&self, at: &TargetId) -> Vec<String> {
        let policy = merged(self.was.as_deref(), self.statement()).unwrap_or_default();
        vec![format!(
            "aws backup put-backup-vault-access-policy --region {} --backup-vault-name {} --policy {}",
            at.region,
            quoted(self.name()),
            quoted(&policy)
        )]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VAULT: &str = "arn:aws:backup:eu-west-1:111122223333:backup-vault:v";
    const GLASS: &str = "arn:aws:iam::111122223333:role/BreakGlass";

    fn deed(was: Option<&str>, exempt: &[&str]) -> GuardVault {
        GuardVault {
            vault_arn: VAULT.to_owned(),
            exempt: exempt.iter().map(|arn| (*arn).to_owned()).collect(),
            was: was.map(str::to_owned),
        }
    }

    fn at() -> TargetId {
        TargetId::new("111122223333", "eu-west-1")
    }

    #[test]
    fn a_statement_is_added_and_nothing_else_is_touched() {
        let was = r#"{ "Id": "odd", "New": [1.50, "é\" x"], "Version": "2012-10-17",
            "Statement": { "Zeta": null, "Effect": "Allow", "Principal": "*", "Action": "backup:StartBackupJob", "Resource": "*" } }"#;
        // 1.50 would come back as 1.5.
        let why = merged(Some(was), json!({})).expect_err("it would not survive");
        assert!(why.contains("would not survive"), "{why}");
        let was = was.replace("1.50", "1.5");
        let deed = deed(Some(&was), &[GLASS]);
        deed.check_values(&at()).expect("it denies");
        let text = merged(Some(&was), deed.statement()).expect("merged");
        let kept = without_blanks(&was).replace("\"Statement\":", "\"Statement\":[");
        let kept = kept.strip_suffix('}').expect("an object");
        assert!(text.starts_with(kept), "{text}\n{kept}");
        assert!(merged(Some(&text), deed.statement()).is_err(), "twice");
        assert!(is_same(Some(&was), Some(&without_blanks(&was))));
    }

    #[test]
    fn what_would_deny_nobody_or_could_not_be_merged_is_refused() {
        for (was, exempt, why) in [
            (None, vec![], "would not deny deletion"),
            (None, vec!["arn:aws:iam::111122223333:role/*"], "is everybody"),
            (Some("{"), vec![GLASS], "is not JSON"),
            (Some("{}"), vec![GLASS], "no list of statements"),
            (Some(r#"{"Statement":"x"}"#), vec![GLASS], "no list of statements"),
            (Some(r#"{"Statement":[],"Statement":[]}"#), vec![GLASS], "would not survive"),
        ] {
            let found = deed(was, &exempt).check_values(&at()).expect_err("refused");
            assert!(found.contains(why), "{was:?} {exempt:?}: {found}");
        }
        deed(None, &[GLASS]).check_values(&at()).expect("fine");
        let elsewhere = TargetId::new("111122223333", "eu-central-1");
        assert!(deed(None, &[GLASS]).check_values(&elsewhere).is_err());
    }
}
