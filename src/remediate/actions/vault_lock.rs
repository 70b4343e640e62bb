//! The lock of a backup vault, with the policy's bounds of retention: in governance mode, which whoever has the right to can take
//! off again, or in compliance mode, which nobody can once its grace period has ended.
//!
//! A vault that is new, or that the settings name, is locked where the policy requires it; another one only where every rule
//! that writes to it goes on working. A compliance lock is never planned, and never set, unless the vault's name was typed for it.

use std::collections::BTreeMap;

use aws_sdk_backup::types::BackupVaultListMember;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::vault::{
    LIST, Wish, check_vault, designated, find, is_at, is_made, is_ordinary, lock_rank, name_in, terraform_name,
};
use super::{Act, Deed, Doing, Done, Kind, Now, Obstacle, Resource, Sign, Thing, Undoing, Undone};
use crate::aws::failure::Failure;
use crate::aws::target::Target;
use crate::collect::instant;
use crate::criteria::values::{FOREVER_DAYS, LockWanted};
use crate::dictionary::{FactKey, TableFacts};
use crate::domain::{FactValue, Finding, Subject, TargetId, Verdict, rfc3339};
use crate::inventory::schema::{CallLogEntry, PlanRule, RecoveryPoint, Vault};
use crate::problem::Outcome;
use crate::remediate::Plan;
use crate::remediate::export::{Declared, IMPORT};
use crate::remediate::propose::Planner;
use crate::remediate::shell::quoted;
use crate::remediate::world::World;
use crate::settings::{DEFAULT_VAULT, LONGEST_LIFECYCLE_DAYS, SHORTEST_GRACE_DAYS};
use crate::text::one_line;

const PUT: &str = "backup:PutBackupVaultLockConfiguration";
const DELETE: &str = "backup:DeleteBackupVaultLockConfiguration";

/// Asks that a plan writes to a locked vault: of its vaults one has to be locked.
const OF_PLANS: &str = "plan-vault-locked";

/// Asks for any lock, whatever the policy says.
const ANY_LOCK: &str = "vault-locked";

/// Rules that ask for a recovery point in a vault locked as the policy requires: a new vault is prepared for them.
const SERVED: &[&str] = &["backed-up", "in-a-plan", "plan-meets-policy", "recovery-point-fresh"];

/// The retention that a lock lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// In days; `None`: no lower bound.
    pub min_retention_days: Option<i64>,
    /// In days; `None`: no upper bound.
    pub max_retention_days: Option<i64>,
}

/// A lock to set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockVault {
    /// The vault: name, account and Region are those of its ARN, and stand nowhere else.
    pub vault_arn: String,
    /// Days in which a compliance lock can still be taken back. `None`: a governance lock.
    pub changeable_for_days: Option<i64>,
    /// The retention that it lets in.
    pub bounds: Bounds,
    /// The governance lock that was judged; the action is not done on another. `None`: not locked.
    pub was: Option<Bounds>,
}

/// How a vault is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lock {
    /// When it becomes, or became, final. None: a governance lock.
    final_at: Option<DateTime<Utc>>,
    bounds: Bounds,
}

/// What a vault is to be locked for.
struct Wanted {
    vault: Vault,
    rank: i64,
    reason: String,
    findings: Vec<Finding>,
}

/// What is to be said where a compliance lock is required and its vault's name was not typed.
pub(super) fn ask_for(vault_name: &str) -> String {
    format!(
        "a compliance lock, which nobody can take back once its grace period has ended, is planned only with \
         `--i-understand-compliance-lock {}`",
        one_line(vault_name)
    )
}

fn propose(planner: &mut Planner<'_>) -> Outcome<()> {
    let vaults = planner.world.rows::<Vault>()?.to_vec();
    let mut findings = planner.open(&LockVault::KIND);
    let own = findings.len();
    findings.extend(planner.open_of(|rule| SERVED.contains(&rule)));
    let mut wanted: BTreeMap<String, Wanted> = BTreeMap::new();
    for (place, finding) in findings.into_iter().enumerate() {
        let choice = match finding.subject {
            Subject::Vault => of_vault(planner, &finding, &vaults)?,
            Subject::Table => of_table(planner, &finding, &vaults)?,
            _ => Err(format!("a lock is of a vault, and this is a {}", finding.subject)),
        };
        match choice {
            Ok(Some((vault, rank))) => {
                let key = vault.vault_arn.clone().unwrap_or_default();
                let wanted = wanted.entry(key).or_insert_with(|| Wanted {
                    vault,
                    rank,
                    reason: finding.message.to_string(),
                    findings: Vec::new(),
                });
                wanted.rank = wanted.rank.max(rank);
                // What it only serves is answered by what puts recovery points into the vault.
                if place < own {
                    wanted.findings.push(finding);
                }
            }
            Ok(None) => {}
            // For what it only serves, others have their say.
            Err(why) if place < own => planner.block(&finding, why),
            Err(_) => {}
        }
    }
    for Wanted { vault, rank, reason, findings } in wanted.into_values() {
        let grace = planner.settings.lock_grace_days.unwrap_or(SHORTEST_GRACE_DAYS);
        let bounds = bounds(planner);
        let deed = LockVault {
            vault_arn: vault.vault_arn.clone().unwrap_or_default(),
            changeable_for_days: (rank >= LockWanted::Compliance.rank()).then_some(grace),
            bounds,
            was: (vault.locked == Some(true)).then_some(Bounds {
                min_retention_days: vault.min_retention_days,
                max_retention_days: vault.max_retention_days,
            }),
        };
        let at = TargetId::new(vault.account_id, vault.region);
        let findings: Vec<&Finding> = findings.iter().collect();
        match deed.check_values(&at) {
            Ok(()) => planner.add(&at, Deed::LockVault(deed), &reason, &findings),
            Err(why) => findings.iter().for_each(|finding| planner.block(finding, why.as_str())),
        }
    }
    Ok(())
}

/// The policy's bounds of retention: what it says for every table, since a vault belongs to no tier.
fn bounds(planner: &Planner<'_>) -> Bounds {
    let values = &planner.criteria.policy.values;
    Bounds {
        min_retention_days: Some(values.retention_min_days).filter(|days| *days > 0),
        max_retention_days: Some(values.retention_max_days).filter(|days| *days < FOREVER_DAYS),
    }
}

/// A vault whose lock, and rank of lock; or nothing to do here.
///
/// Errors: why it is not locked.
type Choice = Result<Option<(Vault, i64)>, String>;

/// The bounds of a lock that is there.
fn of_vault(planner: &mut Planner<'_>, finding: &Finding, vaults: &[Vault]) -> Outcome<Choice> {
    let vault = vaults
        .iter()
        .find(|vault| vault.vault_arn.as_deref() == Some(&finding.resource_arn));
    let Some(vault) = vault else {
        return Ok(Err("AWS does not name the vault".to_owned()));
    };
    // A lock that is there is changed, not begun.
    let rank = LockWanted::Governance.rank();
    Ok(may_lock(planner, vault, rank, true)?.map(|()| Some((vault.clone(), rank))))
}

/// The vault to lock for a table.
fn of_table(planner: &mut Planner<'_>, finding: &Finding, vaults: &[Vault]) -> Outcome<Choice> {
    let (at, rule) = (&finding.target, &*finding.rule);
    let Some(table) = planner.table(&finding.resource_arn) else {
        return Ok(Ok(None));
    };
    let Some(wish) = Wish::of(table, planner) else {
        return Ok(Err("not known which tier of the policy applies, and so what lock".to_owned()));
    };
    let rank = match rule {
        OF_PLANS | ANY_LOCK => wish.lock.max(LockWanted::Governance.rank()),
        _ if wish.lock == 0 => return Ok(Ok(None)),
        _ => wish.lock,
    };
    let named = |key: FactKey| match table.fact(key) {
        FactValue::Text(names) => names.split(", ").map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let (planned, held): (Vec<String>, Vec<String>) =
        (named(TableFacts::plan_vaults), named(TableFacts::recovery_point_vaults));
    let Bounds {
        min_retention_days: least,
        max_retention_days: most,
    } = bounds(planner);
    let (least, most) = (least.unwrap_or(0), most.unwrap_or(FOREVER_DAYS));
    if wish.retention_min > most || wish.retention_max < least {
        return Ok(Err(format!(
            "the policy wants opposite things: a lock with its bounds for every table lets in {least} to {most} days, and this \
             table's tier requires {} to {}",
            wish.retention_min, wish.retention_max
        )));
    }
    let as_of = planner.world.as_of();
    let name = designated(planner.settings).to_owned();
    let mut here: Vec<&Vault> = vaults.iter().filter(|vault| is_at(vault, at) && is_ordinary(vault)).collect();
    let is_named = |names: &[String], vault: &Vault| names.contains(&vault.vault_name);
    if rule == OF_PLANS {
        here.retain(|vault| is_named(&planned, vault));
    } else {
        let fits = here.iter().find(|vault| {
            let least = vault.min_retention_days.unwrap_or(0);
            let most = vault.max_retention_days.unwrap_or(FOREVER_DAYS);
            lock_rank(vault, as_of) >= rank && most >= wish.retention_min && least <= wish.retention_max
        });
        if let Some(vault) = fits {
            return Ok(Err(format!(
                "vault `{}` is locked so already: a recovery point of the table in it does it",
                one_line(&vault.vault_name)
            )));
        }
        here.retain(|vault| vault.vault_name == name || is_named(&planned, vault) || is_named(&held, vault));
    }
    here.sort_by_key(|vault| (vault.vault_name != name, vault.vault_name.clone()));
    let mut reasons = Vec::new();
    for vault in here {
        match may_lock(planner, vault, rank, vault.vault_name == name)? {
            Ok(()) => return Ok(Ok(Some((vault.clone(), rank)))),
            Err(why) => reasons.push(why),
        }
    }
    let none = || "no vault that may be locked for it is here".to_owned();
    Ok(Err(reasons.into_iter().next().unwrap_or_else(none)))
}

/// May this vault get that lock, with the policy's bounds? `is_named`: it is new, or the settings name it.
///
/// Errors: why not.
fn may_lock(planner: &mut Planner<'_>, vault: &Vault, rank: i64, is_named: bool) -> Outcome<Result<(), String>> {
    let name = one_line(&vault.vault_name);
    let (as_of, Bounds { min_retention_days, max_retention_days }) = (planner.world.as_of(), bounds(planner));
    match (lock_rank(vault, as_of), vault.lock_date) {
        (3, _) => {
            return Ok(Err(format!(
                "the compliance lock of vault `{name}` is final: nobody can change it, and another vault has to take what it refuses"
            )));
        }
        (2, Some(date)) => {
            return Ok(Err(format!(
                "vault `{name}` has a compliance lock in its grace period, which ends by itself at {}",
                rfc3339(date)
            )));
        }
        _ => {}
    }
    if rank >= LockWanted::Compliance.rank() && !planner.may_lock_for_good(&vault.vault_name) {
        return Ok(Err(ask_for(&vault.vault_name)));
    }
    if !is_named {
        if vault.vault_name == DEFAULT_VAULT {
            return Ok(Err(format!(
                "vault `{name}` takes whatever is backed up by hand; to lock it all the same, name it with `vault` in `[remediation]`"
            )));
        }
        let points = planner.world.rows::<RecoveryPoint>()?.iter();
        let seen = points.filter(|point| {
            point.account_id == vault.account_id
                && point.region == vault.region
                && point.vault_name == vault.vault_name
        });
        let seen = i64::try_from(seen.count()).unwrap_or(i64::MAX);
        if vault.recovery_point_count.is_none_or(|count| count > seen) {
            return Ok(Err(format!(
                "vault `{name}` holds recovery points of other things than tables; to lock it all the same, name it with `vault` in \
                 `[remediation]`"
            )));
        }
    }
    if !are_plans_read(planner, vault)? {
        return Ok(Err(format!(
            "not known which plans write to vault `{name}`, whose jobs a lock may refuse"
        )));
    }
    let (least, most) = (min_retention_days.unwrap_or(0), max_retention_days.unwrap_or(FOREVER_DAYS));
    for rule in planner.world.rows::<PlanRule>()? {
        for kept in written(rule, vault) {
            if kept < least || kept > most {
                let how_long = if kept >= FOREVER_DAYS { "for ever".to_owned() } else { format!("for {kept} days") };
                return Ok(Err(format!(
                    "rule `{}` of a plan keeps what it writes to vault `{name}` {how_long}, and the lock would let in {}: its jobs would \
                     fail",
                    one_line(&rule.rule_name),
                    words(Bounds { min_retention_days, max_retention_days })
                )));
            }
        }
    }
    Ok(Ok(()))
}

/// Were all plans that can write to the vault read?
fn are_plans_read(planner: &mut Planner<'_>, vault: &Vault) -> Outcome<bool> {
    let mut is_listed = false;
    for call in planner.world.rows::<CallLogEntry>()? {
        let is_here = call.account_id == vault.account_id && call.region == vault.region;
        match (call.action.as_str(), call.outcome.as_str()) {
            ("backup:ListBackupPlans", "ok") if is_here => is_listed = true,
            ("backup:ListBackupPlans" | "backup:GetBackupPlan", outcome) if is_here && outcome != "ok" => return Ok(false),
            _ => {}
        }
    }
    Ok(is_listed)
}

/// Days for which a rule keeps what it writes, or copies, to the vault.
fn written(rule: &PlanRule, vault: &Vault) -> Vec<i64> {
    let kept = |days: Option<i64>| days.filter(|days| *days > 0).unwrap_or(FOREVER_DAYS);
    let mut all = Vec::new();
    if rule.account_id == vault.account_id && rule.region == vault.region && rule.vault_name == vault.vault_name {
        all.push(kept(rule.delete_after_days));
    }
    let copies: Vec<Value> = serde_json::from_str(&rule.copy_actions_json).unwrap_or_default();
    for copy in &copies {
        if copy["destination_vault_arn"].as_str() == vault.vault_arn.as_deref() {
            all.push(kept(copy["delete_after_days"].as_i64()));
        }
    }
    all
}

/// `35 to 365 days`, `35 days and more`.
fn words(bounds: Bounds) -> String {
    match (bounds.min_retention_days, bounds.max_retention_days) {
        (Some(least), Some(most)) => format!("{least} to {most} days"),
        (Some(least), None) => format!("{least} days and more"),
        (None, Some(most)) => format!("up to {most} days"),
        (None, None) => "any retention".to_owned(),
    }
}

impl LockVault {
    fn name(&self) -> &str {
        name_in(&self.vault_arn)
    }

    /// API: backup:ListBackupVaults. Calls: 1. Errors: AWS's refusal, or no such vault.
    async fn read(&self, target: &Target) -> Result<Option<Lock>, Obstacle> {
        let found = find(target, self.name()).await?;
        found
            .map(|vault| lock_of(&vault))
            .ok_or_else(|| format!("vault `{}` does not exist", one_line(self.name())).into())
    }

    /// Is this the lock that was to be set?
    fn is_done(&self, lock: Option<Lock>) -> bool {
        lock.is_some_and(|lock| lock.bounds == self.bounds && lock.final_at.is_some() == self.changeable_for_days.is_some())
    }
}

fn lock_of(vault: &BackupVaultListMember) -> Option<Lock> {
    (vault.locked() == Some(true)).then(|| Lock {
        final_at: instant(vault.lock_date()),
        bounds: Bounds {
            min_retention_days: vault.min_retention_days(),
            max_retention_days: vault.max_retention_days(),
        },
    })
}

fn lock_words(lock: Option<Lock>) -> String {
    match lock {
        None => "no lock".to_owned(),
        Some(Lock { final_at: None, bounds }) => format!("a governance lock for {}", words(bounds)),
        Some(Lock {
            final_at: Some(at),
            bounds,
        }) => format!("a compliance lock for {}, final at {}", words(bounds), rfc3339(at)),
    }
}

impl Act for LockVault {
    const KIND: Kind = Kind {
        id: "vault-lock",
        sign: Sign::Change,
        answers: &[
            OF_PLANS,
            "vault-lock-enforces-retention",
            "vault-lock-strong-enough",
            ANY_LOCK,
            "vault-retention-bounds-fit",
        ],
        frames: &["plan_rules", "recovery_points", "region_settings", "vaults"],
        doing: &[PUT],
        checking: &[LIST],
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
        match self.changeable_for_days {
            None => format!("governance lock for {}", words(self.bounds)),
            Some(days) => format!(
                "COMPLIANCE lock for {}, which is final for everybody {days} days after it is set",
                words(self.bounds)
            ),
        }
    }

    fn check_values(&self, at: &TargetId) -> Result<(), String> {
        check_vault(&self.vault_arn, at)?;
        let Bounds {
            min_retention_days: least,
            max_retention_days: most,
        } = self.bounds;
        let is_outside = |days: Option<i64>| days.is_some_and(|days| !(1..=LONGEST_LIFECYCLE_DAYS).contains(&days));
        if is_outside(least) || is_outside(most) || least.zip(most).is_some_and(|(least, most)| least > most) {
            return Err(format!(
                "a lock lets in 1 to {LONGEST_LIFECYCLE_DAYS} days, the first bound not above the second; not {}",
                words(self.bounds)
            ));
        }
        match self.changeable_for_days {
            Some(days) if !(SHORTEST_GRACE_DAYS..=LONGEST_LIFECYCLE_DAYS).contains(&days) => Err(format!(
                "the grace period of a compliance lock is {SHORTEST_GRACE_DAYS} to {LONGEST_LIFECYCLE_DAYS} days, not {days}"
            )),
            _ => Ok(()),
        }
    }

    fn needs(&self, at: &TargetId) -> Vec<Thing> {
        vec![Thing::new(at, "vault", self.name())]
    }

    fn simulate(&self, at: &TargetId, world: &mut World) -> Outcome<()> {
        let as_of = world.as_of();
        world.edit::<Vault>(|rows| {
            for row in rows.iter_mut().filter(|row| is_at(row, at) && row.vault_name == self.name()) {
                row.locked = Some(true);
                row.lock_date = self.changeable_for_days.map(|days| as_of + TimeDelta::days(days));
                row.min_retention_days = self.bounds.min_retention_days;
                row.max_retention_days = self.bounds.max_retention_days;
            }
        })
    }

    fn inverse(&self) -> Undone {
        match self.changeable_for_days {
            None => Undone::Back("the vault gets its former lock, or none, where it still holds this one".to_owned()),
            Some(days) => Undone::Left(format!(
                "for {days} days the lock can be taken off; after that nobody can, AWS included, and the vault stays as long as it holds \
                 recovery points"
            )),
        }
    }

    fn has_to_be_typed(&self) -> Option<&str> {
        self.changeable_for_days.map(|_| self.name())
    }

    /// Is the vault locked as it was judged?
    ///
    /// API: backup:ListBackupVaults. Calls: 1.
    async fn look(&self, target: &Target, _id: &str) -> Result<Now, Obstacle> {
        let lock = self.read(target).await?;
        if self.is_done(lock) {
            return Ok(Now::Already {
                how: lock_words(lock),
                made: None,
            });
        }
        match (lock, self.was) {
            (None, None) => Ok(Now::ToDo(json!({ "locked": false }))),
            (Some(Lock { final_at: None, bounds }), Some(was)) if bounds == was => Ok(Now::ToDo(json!(bounds))),
            (lock, _) => Err(format!("the lock of the vault was changed: it has {}", lock_words(lock)).into()),
        }
    }

    /// API: backup:PutBackupVaultLockConfiguration. Calls: 1.
    async fn act(&self, target: &Target, _doing: &Doing<'_>) -> Result<Done, Failure> {
        self.put(target, self.bounds, self.changeable_for_days).await?;
        Ok(Done::default())
    }

    /// API: backup:ListBackupVaults. Calls: 1.
    async fn verify(&self, target: &Target, _since: DateTime<Utc>) -> (Verdict, String) {
        match self.read(target).await {
            Ok(lock) if self.is_done(lock) => (Verdict::Compliant, lock_words(lock)),
            Ok(lock) => (Verdict::NonCompliant, lock_words(lock)),
            Err(why) => (Verdict::Unknown, why.why()),
        }
    }

    /// API: backup:ListBackupVaults, backup:DeleteBackupVaultLockConfiguration or backup:PutBackupVaultLockConfiguration.
    /// Calls: 2.
    async fn undo(&self, target: &Target, undoing: &Undoing<'_>) -> Result<Undone, Failure> {
        let before = undoing.before;
        let Some(found) = find(target, self.name()).await? else {
            return Ok(Undone::Back("the vault is gone".to_owned()));
        };
        let lock = lock_of(&found);
        let was: Option<Bounds> = serde_json::from_value(before.clone()).ok();
        let is_before = match (lock, was) {
            (None, None) => true,
            (Some(lock), Some(was)) => lock.final_at.is_none() && lock.bounds == was,
            _ => false,
        };
        if is_before {
            return Ok(Undone::Back(format!("the vault has {}", lock_words(lock))));
        }
        if !self.is_done(lock) {
            return Ok(Undone::Left(format!("the lock was changed since: it is {}", lock_words(lock))));
        }
        if let Some(at) = lock.and_then(|lock| lock.final_at).filter(|at| *at <= Utc::now()) {
            return Ok(Undone::Left(format!(
                "the compliance lock is final since {}: nobody can take it off, AWS included",
                rfc3339(at)
            )));
        }
        match was {
            Some(bounds) => self.put(target, bounds, None).await?,
            None => {
                let send = || {
                    let delete = target.backup.delete_backup_vault_lock_configuration();
                    delete.backup_vault_name(self.name()).send()
                };
                target.caller.once(DELETE, self.name(), send).await?;
            }
        }
        Ok(Undone::Back("the vault has its former lock, or none".to_owned()))
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
            "min_retention_days": self.bounds.min_retention_days,
            "max_retention_days": self.bounds.max_retention_days,
            "changeable_for_days": self.changeable_for_days,
        });
        Declared::one("aws_backup_vault_lock_configuration", self.name(), properties)
    }

    fn cli(&self, at: &TargetId) -> Vec<String> {
        let mut line = format!(
            "aws backup put-backup-vault-lock-configuration --region {} --backup-vault-name {}",
            at.region,
            quoted(self.name())
        );
        for (flag, days) in [
            ("--min-retention-days", self.bounds.min_retention_days),
            ("--max-retention-days", self.bounds.max_retention_days),
            ("--changeable-for-days", self.changeable_for_days),
        ] {
            if let Some(days) = days {
                line.push_str(&format!(" {flag} {days}"));
            }
        }
        vec![line]
    }
}

impl LockVault {
    /// The lock as a property of the vault in CloudFormation.
    pub(super) fn configuration(&self) -> Value {
        let mut lock = json!({});
        for (key, days) in [
            ("MinRetentionDays", self.bounds.min_retention_days),
            ("MaxRetentionDays", self.bounds.max_retention_days),
            ("ChangeableForDays", self.changeable_for_days),
        ] {
            if let Some(days) = days {
                lock[key] = days.into();
            }
        }
        lock
    }

    /// API: backup:PutBackupVaultLockConfiguration. Calls: 1. Errors: AWS's refusal.
    async fn put(&self, target: &Target, bounds: Bounds, changeable_for_days: Option<i64>) -> Result<(), Failure> {
        let send = || {
            let put = target.backup.put_backup_vault_lock_configuration();
            put.backup_vault_name(self.name())
                .set_min_retention_days(bounds.min_retention_days)
                .set_max_retention_days(bounds.max_retention_days)
                .set_changeable_for_days(changeable_for_days)
                .send()
        };
        target.caller.once(PUT, self.name(), send).await.map(drop)
    }
}
