//! A backup vault with its key and tags: the one that the settings or a plan name and that does not exist, or a new one where
//! none fits the policy.
//!
//! To lock a vault that is there, or to give it another key, is no way: others keep their recovery points in it.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_backup::operation::list_backup_vaults::ListBackupVaultsOutput;
use aws_sdk_backup::types::BackupVaultListMember;
use aws_sdk_kms::types::KeyMetadata;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Act, Deed, Doing, Done, Kind, MADE_BY, Now, Obstacle, Resource, Sign, Thing, Undoing, Undone};
use super::ground::{LIST_POINTS, is_emptying};
use crate::aws::call::Page;
use crate::aws::failure::Failure;
use crate::aws::target::Target;
use crate::criteria::values::{FOREVER_DAYS, LockWanted, RETENTION_MIN_DAYS};
use crate::dictionary::TableFacts;
use crate::domain::{Arn, FactValue, Finding, Subject, TargetId, Verdict};
use crate::inventory::schema::{CallLogEntry, Key, PlanRule, Vault, VaultPolicy};
use crate::problem::Outcome;
use crate::remediate::{Action, Plan};
use crate::remediate::export::{Declared, reference, terraform_reference};
use crate::remediate::propose::Planner;
use crate::remediate::shell::quoted;
use crate::remediate::world::World;
use crate::report::TableRow;
use crate::settings::{Remediation, check_vault_name};
use crate::text::one_line;

const CREATE: &str = "backup:CreateBackupVault";
const DELETE: &str = "backup:DeleteBackupVault";
pub(super) const LIST: &str = "backup:ListBackupVaults";
/// Looks at a vault whose recovery points are being deleted, and the pause between two: a minute.
const LOOKS: usize = 13;
const PAUSE: std::time::Duration = std::time::Duration::from_secs(5);

const DESCRIBE_KEY: &str = "kms:DescribeKey";

/// What ordinary vaults are of; a Region without other types says nothing.
const ORDINARY: &str = "BACKUP_VAULT";

/// Rules whose remedies put recovery points of a table into a vault: they need one that fits.
const SERVED: &[&str] = &[
    "backed-up",
    "not-only-pitr",
    "recovery-point-fresh",
    "recovery-point-of-this-table",
    "vault-lock-strong-enough",
];

/// The same of plans, which may have other things in their way.
const SERVED_BY_PLANS: &[&str] = &["in-a-plan", "plan-meets-policy", "plan-vault-locked"];

/// Asks about what is stored already: a new vault is a beginning.
const KEY_OWNER: &str = "recovery-point-key-owner";

/// A vault to make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MakeVault {
    /// The vault: name, account and Region are those of its ARN, and stand nowhere else.
    pub vault_arn: String,
    /// Its key: ARN, id or alias, as the settings name it. `None`: the key that AWS manages for AWS Backup.
    pub key: Option<String>,
    /// Its tags, beside the one that says what made it.
    pub tags: BTreeMap<String, String>,
}

/// What the policy asks of the vault that takes the recovery points of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    /// Rank of the key's owner; 0 where the vault's key plays no part.
    key_owner: i64,
    /// Rank of the lock.
    pub(super) lock: i64,
    pub(super) retention_min: i64,
    pub(super) retention_max: i64,
}

impl Wish {
    /// What is asked for a table; none: not known, as its tier is not.
    pub(super) fn of(table: &TableRow, planner: &Planner<'_>) -> Option<Self> {
        let int = |name: &str| match table.column(name) {
            FactValue::Int(number) => Some(*number),
            _ => None,
        };
        // Without advanced features the table's key encrypts its points.
        let is_on = *table.fact(TableFacts::advanced_features_on) == FactValue::Bool(true);
        let is_to_be_on = || {
            let kind = &super::OptIn::KIND;
            planner.takes(kind.id) && planner.open(kind).iter().any(|finding| finding.target == table.target)
        };
        let key_owner = int("key_owner_wanted_rank")?;
        Some(Self {
            key_owner: if key_owner > 0 && (is_on || is_to_be_on()) { key_owner } else { 0 },
            lock: int("vault_lock_wanted_rank")?,
            retention_min: int(RETENTION_MIN_DAYS.name())?,
            retention_max: int("retention_max_days")?,
        })
    }

    /// Does a vault fit, as it is or, if it may be locked for this, once it is? `None`: its key is not known.
    ///
    /// Errors: why not.
    fn fits(&self, vault: &Vault, may_be_locked: bool, keys: &[Key], as_of: DateTime<Utc>) -> Result<Option<()>, String> {
        let name = one_line(&vault.vault_name);
        let rank = lock_rank(vault, as_of);
        // A compliance lock in its grace period becomes final by itself.
        if rank < self.lock && rank != 2 && !(may_be_locked && rank == 0) {
            return Err(format!("vault `{name}` is not locked as the policy requires"));
        }
        let least = vault.min_retention_days.filter(|_| rank > 0).unwrap_or(0);
        let most = vault.max_retention_days.filter(|_| rank > 0).unwrap_or(FOREVER_DAYS);
        if most < self.retention_min || least > self.retention_max {
            return Err(format!(
                "the lock of vault `{name}` allows {least} to {most} days, and the policy requires {} to {}",
                self.retention_min, self.retention_max
            ));
        }
        let described = keys.iter().find(|key| Some(&key.key_arn) == vault.key_arn.as_ref());
        let owner = described.and_then(|key| match key.key_manager.as_deref() {
            Some("AWS") => Some(1),
            Some("CUSTOMER") => Some(2),
            _ => None,
        });
        match owner {
            _ if self.key_owner == 0 => Ok(Some(())),
            Some(owner) if owner >= self.key_owner => Ok(Some(())),
            Some(_) => Err(format!("the key of vault `{name}` has another owner than the policy requires")),
            None => Ok(None),
        }
    }
}

/// How strong the lock of an ordinary vault is: 0 none, 1 governance, 2 compliance in its grace period, 3 compliance.
pub(super) fn lock_rank(vault: &Vault, as_of: DateTime<Utc>) -> i64 {
    match (vault.locked, vault.lock_date) {
        (Some(true), None) => 1,
        (Some(true), Some(date)) if date > as_of => 2,
        (Some(true), Some(_)) => 3,
        _ => 0,
    }
}

/// Is it a vault that takes recovery points by a job or a plan?
pub(super) fn is_ordinary(vault: &Vault) -> bool {
    vault.vault_type.as_deref().is_none_or(|kind| kind == ORDINARY) && !vault.vault_name.starts_with("aws/")
}

/// Is it in this account and Region?
pub(super) fn is_at(vault: &Vault, at: &TargetId) -> bool {
    vault.account_id == at.account_id && vault.region == at.region
}

/// The vault that people name for what the policy requires here: it may be locked for it.
pub(super) fn designated(settings: &Remediation) -> &str {
    settings.vault.as_deref().unwrap_or_else(|| settings.new_vault())
}

fn propose(planner: &mut Planner<'_>) -> Outcome<()> {
    let vaults = planner.world.rows::<Vault>()?.to_vec();
    let mut findings = planner.open_of(|rule| SERVED.contains(&rule) || SERVED_BY_PLANS.contains(&rule));
    findings.extend(planner.open(&MakeVault::KIND));
    let mut known = BTreeSet::new();
    findings.retain(|finding| known.insert(finding.id.to_string()));
    for finding in findings {
        let result = match finding.subject {
            Subject::Plan => for_plan(planner, &finding, &vaults)?,
            Subject::Table => for_table(planner, &finding, &vaults)?,
            _ => Err(format!("a new vault does not help a {}", finding.subject)),
        };
        match result {
            Ok(()) if &*finding.rule == KEY_OWNER => planner.block(
                &finding,
                "what is stored keeps its key until it is deleted; new recovery points belong into a vault with the wanted key",
            ),
            Err(why) if !SERVED_BY_PLANS.contains(&&*finding.rule) => planner.block(&finding, why),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// The vaults that the rules of a plan write to and that do not exist.
fn for_plan(planner: &mut Planner<'_>, finding: &Finding, vaults: &[Vault]) -> Outcome<Result<(), String>> {
    let at = &finding.target;
    let plan_id = finding.resource_arn.split_once(":backup-plan:").map(|(_, id)| id);
    let rules = planner.world.rows::<PlanRule>()?.iter().filter(|rule| {
        rule.account_id == at.account_id && rule.region == at.region && Some(rule.plan_id.as_str()) == plan_id
    });
    let is_there = |name: &str| vaults.iter().any(|vault| is_at(vault, at) && vault.vault_name == name);
    let missing: BTreeSet<String> = rules
        .map(|rule| rule.vault_name.clone())
        .filter(|name| !is_there(name))
        .collect();
    let partition = Arn::parse(&finding.resource_arn).map_or("aws", |arn| arn.partition).to_owned();
    for name in &missing {
        let values = &planner.criteria.policy.values;
        let wish = Wish {
            key_owner: values.key_owner.rank(),
            // What it is to be locked like, its tables say; that it exists comes first.
            lock: LockWanted::None.rank(),
            retention_min: values.retention_min_days,
            retention_max: values.retention_max_days,
        };
        let deed = match MakeVault::new(&partition, at, name, wish, planner) {
            Ok(deed) => deed,
            Err(why) => return Ok(Err(why)),
        };
        planner.add(at, Deed::MakeVault(deed), &finding.message, &[finding]);
    }
    Ok(Ok(()))
}

/// A vault for the recovery points of a table, where no vault fits.
fn for_table(planner: &mut Planner<'_>, finding: &Finding, vaults: &[Vault]) -> Outcome<Result<(), String>> {
    let at = &finding.target;
    let table = planner.table(&finding.resource_arn);
    let Some(wish) = table.and_then(|table| Wish::of(table, planner)) else {
        return Ok(Err("not known which tier of the policy applies, and so what vault".to_owned()));
    };
    let (settings, as_of) = (planner.settings, planner.world.as_of());
    let keys = planner.world.rows::<Key>()?.to_vec();
    let name = designated(settings);
    let here: Vec<&Vault> = vaults.iter().filter(|vault| is_at(vault, at)).collect();
    let is_there = here.iter().any(|vault| vault.vault_name == name);
    if settings.vault.is_some() && is_there {
        // It is the one, whether it fits or not.
        return Ok(Ok(()));
    }
    let mut why_not = format!("vault `{name}` does not exist");
    if settings.vault.is_none() {
        let (mut reasons, mut is_unknown) = (Vec::new(), false);
        for vault in here.iter().filter(|vault| is_ordinary(vault)) {
            match wish.fits(vault, vault.vault_name == name, &keys, as_of) {
                Ok(Some(())) => return Ok(Ok(())),
                Ok(None) => is_unknown = true,
                Err(why) => reasons.push((vault.vault_name != name, why)),
            }
        }
        if is_unknown {
            return Ok(Err("not known who owns the keys of the vaults here".to_owned()));
        }
        reasons.sort();
        if let Some((_, why)) = reasons.first() {
            why_not.clone_from(why);
        }
        if is_there {
            return Ok(Err(format!("{why_not}; name another one with `new-vault` in `[remediation]`")));
        }
    }
    if !is_listed(planner, at)? {
        return Ok(Err("the vaults here could not be listed".to_owned()));
    }
    let partition = Arn::parse(&finding.resource_arn).map_or("aws", |arn| arn.partition).to_owned();
    Ok(match MakeVault::new(&partition, at, name, wish, planner) {
        Ok(deed) => {
            // What it only serves is answered by what puts recovery points into it.
            let is_answered = MakeVault::KIND.answers.contains(&&*finding.rule);
            let answered: &[&Finding] = if is_answered { &[finding] } else { &[] };
            planner.add(at, Deed::MakeVault(deed), &why_not, answered);
            Ok(())
        }
        Err(why) => Err(format!("{why_not}; {why}")),
    })
}

/// Were all vaults there listed?
fn is_listed(planner: &mut Planner<'_>, at: &TargetId) -> Outcome<bool> {
    let calls = planner.world.rows::<CallLogEntry>()?;
    let mut of_list = calls
        .iter()
        .filter(|call| call.action == LIST && call.account_id == at.account_id && call.region == at.region);
    Ok(of_list.clone().next().is_some() && of_list.all(|call| call.outcome == "ok"))
}

impl MakeVault {
    /// Errors: no such vault would help, or none can be made as it would have to be.
    fn new(partition: &str, at: &TargetId, name: &str, wish: Wish, planner: &Planner<'_>) -> Result<Self, String> {
        let settings = planner.settings;
        let deed = Self {
            vault_arn: format!("arn:{partition}:backup:{}:{}:backup-vault:{name}", at.region, at.account_id),
            key: settings.new_vault_key.clone(),
            tags: settings.new_vault_tags.clone(),
        };
        deed.check_values(at)?;
        if wish.key_owner > 1 && deed.key_is_managed() {
            return Err(
                "the policy requires a customer-managed key: name it with `new-vault-key` in `[remediation]`".to_owned(),
            );
        }
        if wish.lock >= LockWanted::Compliance.rank() && !planner.may_lock_for_good(name) {
            return Err(super::vault_lock::ask_for(name));
        }
        Ok(deed)
    }

    fn name(&self) -> &str {
        name_in(&self.vault_arn)
    }

    /// Is its key one that AWS manages?
    fn key_is_managed(&self) -> bool {
        self.key.as_deref().is_none_or(|key| key.contains("alias/aws/"))
    }

    /// The ARN that its key may have; that of an alias stands for the key behind it.
    fn likely_key_arn(&self, at: &TargetId) -> String {
        let partition = Arn::parse(&self.vault_arn).map_or("aws", |arn| arn.partition);
        let key = match self.key.as_deref() {
            None => "alias/aws/backup".to_owned(),
            Some(arn) if arn.starts_with("arn:") => return arn.to_owned(),
            Some(alias) if alias.starts_with("alias/") => alias.to_owned(),
            Some(id) => format!("key/{id}"),
        };
        format!("arn:{partition}:kms:{}:{}:{key}", at.region, at.account_id)
    }

    /// The ARN of the key that the settings name. None: they name none.
    ///
    /// API: kms:DescribeKey. Calls: 1. Errors: AWS's refusal, a key that does not work, or one that AWS manages.
    async fn key_arn(&self, target: &Target) -> Result<Option<String>, Obstacle> {
        let Some(key) = &self.key else {
            return Ok(None);
        };
        let described = describe_key(target, key).await?;
        let state = described.key_state().map_or("unknown", |state| state.as_str());
        if state != "Enabled" {
            return Err(format!("key `{}` is {state}", one_line(key)).into());
        }
        if !self.key_is_managed() && !is_customers(&described) {
            return Err(format!("key `{}` is not customer-managed", one_line(key)).into());
        }
        let arn = described.arn().map(str::to_owned);
        arn.map(Some)
            .ok_or_else(|| Obstacle::Unread(format!("the answer to {DESCRIBE_KEY} names no ARN")))
    }

    /// Is this vault as it was to be made? With what it is, in words.
    ///
    /// API: kms:DescribeKey. Calls: 1. Errors: why that cannot be told.
    async fn compare(&self, target: &Target, found: &BackupVaultListMember) -> Result<(bool, String), Obstacle> {
        let name = one_line(self.name());
        if let Some(kind) = found.vault_type().filter(|kind| kind.as_str() != ORDINARY) {
            return Ok((false, format!("vault `{name}` exists, and is a {}", kind.as_str())));
        }
        let key = found
            .encryption_key_arn()
            .filter(|key| !key.is_empty())
            .ok_or_else(|| Obstacle::Unread(format!("vault `{name}` exists, and AWS does not name its key")))?;
        let is_same = match self.key_arn(target).await? {
            Some(wanted) => wanted == key,
            None => {
                let described = describe_key(target, key).await?;
                !is_customers(&described)
            }
        };
        let how = match is_same {
            true => format!("vault `{name}` exists, with that key"),
            false => format!(
                "vault `{name}` exists with another key, {}; the key of a vault cannot be changed",
                one_line(key)
            ),
        };
        Ok((is_same, how))
    }
}

/// The name in the ARN of a vault.
pub(super) fn name_in(vault_arn: &str) -> &str {
    let resource = Arn::parse(vault_arn).map_or("", |arn| arn.resource);
    resource.strip_prefix("backup-vault:").unwrap_or_default()
}

/// Is this the ARN of a vault of this account and Region?
///
/// Errors: why not, in words.
pub(super) fn check_vault(vault_arn: &str, at: &TargetId) -> Result<(), String> {
    match Arn::parse(vault_arn).filter(|arn| arn.service == "backup" && !name_in(vault_arn).is_empty()) {
        None => Err(format!("`{}` is not the ARN of a backup vault", one_line(vault_arn))),
        Some(arn) if arn.account_id != at.account_id || arn.region != at.region => Err(format!(
            "vault `{}` is not in account {}, {}",
            one_line(vault_arn),
            one_line(&at.account_id),
            one_line(&at.region)
        )),
        Some(_) => Ok(()),
    }
}

/// All vaults, as AWS lists them: asked for by itself, one that is not there looks like one that may not be seen.
///
/// API: backup:ListBackupVaults, paged by 1,000. Calls: 1. Errors: AWS's refusal.
async fn listed(target: &Target) -> Result<Vec<BackupVaultListMember>, Failure> {
    let send = |token| {
        let list = target.backup.list_backup_vaults();
        list.max_results(1000).set_next_token(token).send()
    };
    fn page(page: &ListBackupVaultsOutput) -> Page<'_, BackupVaultListMember> {
        (page.backup_vault_list.as_ref(), page.next_token())
    }
    let mut vaults = Vec::new();
    let take = |listed: &[BackupVaultListMember]| {
        vaults.extend(listed.iter().cloned());
        Ok::<_, Failure>(listed.iter().filter(|vault| vault.backup_vault_name().is_none()).count())
    };
    target.caller.list(LIST, "", send, page, take).await?;
    Ok(vaults)
}

/// The vault of this name; none: there is none.
///
/// API, calls and errors: as [`listed`].
pub(super) async fn find(target: &Target, name: &str) -> Result<Option<BackupVaultListMember>, Failure> {
    let vaults = listed(target).await?;
    Ok(vaults.into_iter().find(|vault| vault.backup_vault_name() == Some(name)))
}

/// The names of the vaults whose recovery points are their own.
///
/// API, calls and errors: as [`listed`].
pub(super) async fn names(target: &Target) -> Result<Vec<String>, Failure> {
    let is_view = |vault: &BackupVaultListMember| {
        let kind = vault.vault_type().map(|kind| kind.as_str());
        kind == Some("RESTORE_ACCESS_BACKUP_VAULT")
    };
    let vaults = listed(target).await?.into_iter().filter(|vault| !is_view(vault));
    Ok(vaults.filter_map(|vault| vault.backup_vault_name).collect())
}

/// API: kms:DescribeKey. Calls: 1. Errors: AWS's refusal.
async fn describe_key(target: &Target, key: &str) -> Result<KeyMetadata, Failure> {
    let send = || target.kms.describe_key().key_id(key).send();
    let metadata = |answer: aws_sdk_kms::operation::describe_key::DescribeKeyOutput| answer.key_metadata;
    target.caller.part(DESCRIBE_KEY, key, send, "key", metadata).await
}

fn is_customers(key: &KeyMetadata) -> bool {
    key.key_manager().is_some_and(|manager| manager.as_str() == "CUSTOMER")
}

/// Its type in CloudFormation.
const CLOUDFORMATION: &str = "AWS::Backup::BackupVault";

/// Its type in Terraform.
const TERRAFORM: &str = "aws_backup_vault";

/// Why a vault is not declared whose key is named by an alias or an id.
const NO_KEY_ARN: &str = "a template takes the ARN of its key only";

/// Does a plan make this vault?
pub(super) fn is_made(plan: &Plan, vault_arn: &str) -> bool {
    let is_it = |deed: &Deed| matches!(deed, Deed::MakeVault(vault) if vault.vault_arn == vault_arn);
    plan.actions.iter().any(|action| is_it(&action.deed))
}

/// Does a plan make a vault of this name there?
fn is_made_there(plan: &Plan, at: &TargetId, name: &str) -> bool {
    let is_it = |action: &Action| {
        matches!(&action.deed, Deed::MakeVault(vault) if vault.name() == name) && action.target() == *at
    };
    plan.actions.iter().any(is_it)
}

/// The name of a vault in a CloudFormation template: a reference, where the plan makes it, so that it is made first.
pub(super) fn cloudformation_name(plan: &Plan, at: &TargetId, name: &str) -> Value {
    match is_made_there(plan, at, name) {
        true => reference(CLOUDFORMATION, name),
        false => name.into(),
    }
}

/// The same in a Terraform configuration.
pub(super) fn terraform_name(plan: &Plan, at: &TargetId, name: &str) -> Value {
    match is_made_there(plan, at, name) {
        true => terraform_reference(TERRAFORM, name, "name"),
        false => name.into(),
    }
}

impl Act for MakeVault {
    const KIND: Kind = Kind {
        id: "vault",
        sign: Sign::Create,
        answers: &["plan-vaults-exist", KEY_OWNER],
        frames: &["keys", "plan_rules", "region_settings", "vault_policies", "vaults"],
        // A vault is a grant on its key, and to make one with tags is to tag.
        doing: &[
            CREATE,
            "backup-storage:MountCapsule",
            "backup:TagResource",
            "kms:CreateGrant",
            "kms:Decrypt",
            DESCRIBE_KEY,
            "kms:GenerateDataKey",
            "kms:RetireGrant",
        ],
        checking: &[LIST, DESCRIBE_KEY],
        propose,
    };
    const UNDOING: &'static [&'static str] = &[DELETE, LIST_POINTS];

    fn resource(&self, _at: &TargetId) -> Resource<'_> {
        Resource {
            noun: "vault",
            id: self.vault_arn.as_str().into(),
            name: self.name().into(),
        }
    }

    fn describe(&self) -> String {
        let key = self.key.as_deref().map_or("aws/backup".into(), one_line);
        let mut text = format!("a new vault, key {key}");
        for (tag, value) in &self.tags {
            text.push_str(&format!(", tag {}={}", one_line(tag), one_line(value)));
        }
        text
    }

    fn check_values(&self, at: &TargetId) -> Result<(), String> {
        check_vault(&self.vault_arn, at)?;
        check_vault_name(self.name())?;
        let key = self.key.as_deref().filter(|key| key.starts_with("arn:"));
        match key.map(|key| (key, Arn::parse(key))) {
            Some((key, None)) => Err(format!("`{}` is not the ARN of a key", one_line(key))),
            Some((key, Some(arn))) if arn.region != at.region => Err(format!(
                "key `{}` is not in {}, and a vault takes none of another Region: an alias is each Region's own",
                one_line(key),
                one_line(&at.region)
            )),
            _ => Ok(()),
        }
    }

    fn gives(&self, at: &TargetId) -> Vec<Thing> {
        vec![Thing::new(at, "vault", self.name())]
    }

    fn simulate(&self, at: &TargetId, world: &mut World) -> Outcome<()> {
        let vaults = world.rows::<Vault>()?;
        if vaults.iter().any(|vault| is_at(vault, at) && vault.vault_name == self.name()) {
            return Ok(());
        }
        let (as_of, key_arn) = (world.as_of(), self.likely_key_arn(at));
        world.add(Vault {
            account_id: at.account_id.clone(),
            region: at.region.clone(),
            vault_name: self.name().to_owned(),
            vault_arn: Some(self.vault_arn.clone()),
            vault_type: Some(ORDINARY.to_owned()),
            key_arn: Some(key_arn.clone()),
            recovery_point_count: Some(0),
            locked: Some(false),
            lock_date: None,
            min_retention_days: None,
            max_retention_days: None,
            created_at: Some(as_of),
        })?;
        world.add(VaultPolicy {
            account_id: at.account_id.clone(),
            region: at.region.clone(),
            vault_name: self.name().to_owned(),
            policy: None,
        })?;
        // Whose it is and that it works is checked before the vault is made.
        if world.rows::<Key>()?.iter().all(|key| key.key_arn != key_arn) {
            let manager = if self.key_is_managed() { "AWS" } else { "CUSTOMER" };
            world.add(Key {
                key_arn,
                key_manager: Some(manager.to_owned()),
                key_state: Some("Enabled".to_owned()),
                deletion_at: None,
            })?;
        }
        for action in ["backup:GetBackupVaultAccessPolicy", "backup:ListRecoveryPointsByBackupVault"] {
            world.answered(at, action, self.name())?;
        }
        Ok(())
    }

    fn inverse(&self) -> Undone {
        Undone::Back("the vault is deleted, if it was made here and holds no recovery point".to_owned())
    }

    /// Is the name free, and does the key work?
    ///
    /// API: backup:ListBackupVaults, kms:DescribeKey. Calls: 2.
    async fn look(&self, target: &Target, id: &str) -> Result<Now, Obstacle> {
        match find(target, self.name()).await? {
            Some(found) if found.creator_request_id() == Some(id) => Ok(Now::Already {
                how: format!("vault `{}` was made by this action", one_line(self.name())),
                made: Some(self.vault_arn.clone()),
            }),
            Some(found) => match self.compare(target, &found).await? {
                (true, how) => Ok(Now::Already { how, made: None }),
                (false, why) => Err(why.into()),
            },
            None => self.key_arn(target).await.map(|_| Now::ToDo(Value::Null)),
        }
    }

    /// API: kms:DescribeKey, backup:CreateBackupVault (and backup:TagResource). Calls: 2. Errors: AWS's refusal.
    async fn act(&self, target: &Target, doing: &Doing<'_>) -> Result<Done, Failure> {
        let key_arn = self.key_arn(target).await.map_err(|why| Failure::broken(&why.why(), None))?;
        let send = || {
            let create = target.backup.create_backup_vault().backup_vault_name(self.name());
            let create = create.set_encryption_key_arn(key_arn.clone()).creator_request_id(doing.id);
            let tags = self.tags.iter().fold(create, |create, (key, value)| create.backup_vault_tags(key, value));
            tags.backup_vault_tags(MADE_BY, doing.id).send()
        };
        target.caller.once(CREATE, self.name(), send).await?;
        Ok(Done {
            job: None,
            made: Some(self.vault_arn.clone()),
        })
    }

    /// API: backup:ListBackupVaults, kms:DescribeKey. Calls: 2.
    async fn verify(&self, target: &Target, _since: DateTime<Utc>) -> (Verdict, String) {
        match find(target, self.name()).await {
            Ok(None) => (Verdict::NonCompliant, "there is no such vault".to_owned()),
            Ok(Some(found)) => match self.compare(target, &found).await {
                Ok((true, how)) => (Verdict::Compliant, how),
                Ok((false, why)) => (Verdict::NonCompliant, why),
                Err(why) => (Verdict::Unknown, why.why()),
            },
            Err(failure) => (Verdict::Unknown, failure.told()),
        }
    }

    /// Only one that this action made, and only while it is empty, as AWS Backup itself sees to.
    ///
    /// API: backup:ListBackupVaults, backup:DeleteBackupVault, backup:ListRecoveryPointsByBackupVault where it is not empty.
    /// Calls: 2 or 3, and 2 for each look at points that are being deleted.
    async fn undo(&self, target: &Target, undoing: &Undoing<'_>) -> Result<Undone, Failure> {
        let id = undoing.id;
        let found = match find(target, self.name()).await? {
            None => return Ok(Undone::Back("the vault is gone".to_owned())),
            Some(found) => found,
        };
        if found.creator_request_id() != Some(id) {
            return Ok(Undone::Left("somebody else made this vault".to_owned()));
        }
        let send = || target.backup.delete_backup_vault().backup_vault_name(self.name()).send();
        let mut looks = LOOKS;
        loop {
            let failure = match target.caller.once(DELETE, self.name(), send).await {
                Err(failure) if failure.code == "InvalidRequestException" => failure,
                Err(failure) => return Err(failure),
                Ok(_) => return Ok(Undone::Back("the vault is deleted".to_owned())),
            };
            looks -= 1;
            // What was deleted a moment ago takes a while to go.
            if looks > 0 && is_emptying(target, self.name()).await? {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            let why = format!("{}; `--with-points` deletes what a plan of this journal made", failure.why());
            return Ok(Undone::Left(why));
        }
    }

    /// Lock and access policy are properties of the vault there.
    fn cloudformation(&self, _at: &TargetId, plan: &Plan) -> Declared {
        if self.key.as_deref().is_some_and(|key| !key.contains(":key/")) {
            return Declared::Not(NO_KEY_ARN);
        }
        let mut properties = json!({"BackupVaultName": self.name()});
        if let Some(key) = &self.key {
            properties["EncryptionKeyArn"] = key.as_str().into();
        }
        if !self.tags.is_empty() {
            properties["BackupVaultTags"] = json!(self.tags);
        }
        for action in &plan.actions {
            match &action.deed {
                Deed::LockVault(lock) if lock.vault_arn == self.vault_arn => {
                    properties["LockConfiguration"] = lock.configuration();
                }
                Deed::GuardVault(guard) if guard.vault_arn == self.vault_arn => {
                    properties["AccessPolicy"] = guard.policy();
                }
                _ => {}
            }
        }
        Declared::one(CLOUDFORMATION, self.name(), properties)
    }

    fn terraform(&self, _at: &TargetId, _plan: &Plan) -> Declared {
        if self.key.as_deref().is_some_and(|key| !key.contains(":key/")) {
            return Declared::Not(NO_KEY_ARN);
        }
        let mut properties = json!({"name": self.name(), "kms_key_arn": self.key});
        if !self.tags.is_empty() {
            properties["tags"] = json!(self.tags);
        }
        Declared::one(TERRAFORM, self.name(), properties)
    }

    fn cli(&self, at: &TargetId) -> Vec<String> {
        let mut line = format!(
            "aws backup create-backup-vault --region {} --backup-vault-name {}",
            at.region,
            quoted(self.name())
        );
        match self.key.as_deref() {
            None => {}
            Some(arn) if arn.contains(":key/") => line.push_str(&format!(" --encryption-key-arn {}", quoted(arn))),
            Some(key) => line.push_str(&format!(
                " --encryption-key-arn \"$(aws kms describe-key --region {} --key-id {} --query KeyMetadata.Arn --output text)\"",
                at.region,
                quoted(key)
            )),
        }
        if !self.tags.is_empty() {
            let tags = serde_json::to_string(&self.tags).expect("texts always have a JSON form");
            line.push_str(&format!(" --backup-vault-tags {}", quoted(&tags)));
        }
        vec![line]
    }
}
