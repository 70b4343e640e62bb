//! A copy of a table's newest recovery point in another vault, Region or account.
//!
//! Idempotent by its token, as a backup job is. A copy keeps the date of its data.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_backup::operation::describe_copy_job::DescribeCopyJobOutput;
use aws_sdk_backup::operation::list_copy_jobs::ListCopyJobsOutput;
use aws_sdk_backup::types::{CopyJob, Lifecycle, RecoveryPointByBackupVault};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ground::{
    DELETE_POINT, DESCRIBE_TABLE, LIST_POINTS, LIST_VAULTS, beside, check_point, created, delete_point, described, is_usable,
    name_of, number, points_in, table_id, text, vault_of,
};
use super::on_demand_backup::{check_bounds, default_role};
use super::{
    Act, Deed, Doing, Done, Kind, Now, Obstacle, Quantities, Resource, Sign, Standing, Thing, Undoing, Undone, check_table, token,
};
use crate::aws::call::Page;
use crate::aws::failure::{Failure, FailureKind};
use crate::aws::target::Target;
use crate::collect::{aws_instant, instant};
use crate::criteria::values::{PlaceKind, RETENTION_MIN_DAYS, is_wanted_at};
use crate::criteria::vocabulary::POLICY_TIER;
use crate::dictionary::TableFacts;
use crate::domain::{FactValue, Finding, TargetId, Verdict, rfc3339};
use crate::inventory::schema::{self, RecoveryPoint, Vault, VaultPolicy};
use crate::problem::{Outcome, one_line};
use crate::remediate::propose::Planner;
use crate::remediate::shell::quoted;
use crate::remediate::world::World;
use crate::report::{Report, TableRow};
use crate::settings::{DEFAULT_VAULT, check_lifecycle};
use crate::text::glob;

const START: &str = "backup:StartCopyJob";
const LOOK: &str = "backup:DescribeCopyJob";
const LIST_JOBS: &str = "backup:ListCopyJobs";

/// Vaults of a place that are tried for a table, at most: each takes a judgement of everything.
const MOST_VAULTS: usize = 8;

const AIR_GAPPED: &str = "LOGICALLY_AIR_GAPPED_BACKUP_VAULT";

/// One copy job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopyPoint {
    /// The table.
    pub table_arn: String,
    /// The incarnation that was judged. `None`: a table older than table ids.
    pub table_id: Option<String>,
    /// The recovery point. `None`: the newest of those made since the scan, as by a backup of the same plan.
    pub point_arn: Option<String>,
    /// The vault that holds it.
    pub vault_name: String,
    /// The vault that takes the copy.
    pub to_vault_arn: String,
    /// The role AWS Backup assumes.
    pub role_arn: String,
    /// Days until deletion, from the date of the data.
    pub delete_after_days: i64,
    /// The instant of the scan: copies that are older are not what was wanted.
    pub judged_at: DateTime<Utc>,
    /// Size of the point, or of the table. `None`: not known.
    pub size_bytes: Option<i64>,
}

/// Where a copy is lacking.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Lacking {
    /// In such a place: the value of the policy, or what a plan promises.
    Place(PlaceKind, String),
    /// In a logically air-gapped vault at home.
    AirGapped,
}

impl Lacking {
    /// What a finding lacks.
    fn of(finding: &Finding, table: &TableRow) -> Vec<Self> {
        let (kind, column) = match &*finding.rule {
            "cross-region-copy-exists" => (PlaceKind::Region, "missing_copy_regions"),
            "cross-account-copy-exists" => (PlaceKind::Account, "missing_copy_accounts"),
            "recovery-point-air-gapped" => return vec![Self::AirGapped],
            // A rule of somebody's own: whatever is lacking.
            _ => {
                let places = PlaceKind::ALL.into_iter().zip(["missing_copy_regions", "missing_copy_accounts"]);
                return places.flat_map(|(kind, column)| missing(kind, table, column)).collect();
            }
        };
        missing(kind, table, column)
    }

    /// May a copy in this vault be what is lacking?
    fn takes(&self, vault: &Vault, own: &TargetId) -> bool {
        let at = TargetId::new(vault.account_id.clone(), vault.region.clone());
        let is_air_gapped = vault.vault_type.as_deref() == Some(AIR_GAPPED);
        let has_points = is_air_gapped || vault.vault_type.as_deref().is_none_or(|kind| kind == "BACKUP_VAULT");
        match self {
            Self::AirGapped => at == *own && is_air_gapped,
            Self::Place(kind, place) => {
                let found = kind.of(&vault.account_id, &vault.region);
                has_points
                    && !vault.vault_name.starts_with("aws/")
                    && is_wanted_at(place, found, kind.of(&own.account_id, &own.region))
            }
        }
    }

    /// Is it lacking no longer?
    fn is_answered(&self, after: &Report, table_arn: &str, finding: &Finding) -> bool {
        let row = after.tables.iter().find(|row| row.table_arn == table_arn);
        match (self, row) {
            (_, None) => false,
            (Self::Place(PlaceKind::Region, place), Some(row)) => !lists(row, "missing_copy_regions", place),
            (Self::Place(PlaceKind::Account, place), Some(row)) => !lists(row, "missing_copy_accounts", place),
            (Self::AirGapped, Some(_)) => after
                .findings
                .iter()
                .any(|after| after.id == finding.id && after.verdict == Verdict::Compliant),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Place(kind, place) => kind.words(place),
            Self::AirGapped => "a logically air-gapped vault".to_owned(),
        }
    }
}

/// The places that such a fact names.
fn missing(kind: PlaceKind, table: &TableRow, column: &str) -> Vec<Lacking> {
    let FactValue::Text(places) = table.column(column) else {
        return Vec::new();
    };
    let places = places.split(", ").filter(|place| *place != "none");
    places.map(|place| Lacking::Place(kind, place.to_owned())).collect()
}

/// Does such a fact name the place, or is it not known?
fn lists(row: &TableRow, column: &str, place: &str) -> bool {
    match row.column(column) {
        FactValue::Text(places) => places.split(", ").any(|listed| listed == place),
        _ => true,
    }
}

/// A copy that is lacking, with what may take it.
struct Wanted {
    finding: Finding,
    table: TableRow,
    lacking: Lacking,
    /// The best first.
    deeds: Vec<CopyPoint>,
    reason: Option<String>,
    is_settled: bool,
}

/// One copy for each place that lacks one: into the first vault there whose copy the rules find good.
fn propose(planner: &mut Planner<'_>) -> Outcome<()> {
    let mut all: Vec<Wanted> = Vec::new();
    let open = planner.open(&CopyPoint::KIND);
    if open.is_empty() {
        return Ok(());
    }
    let judged_at = planner.world.as_of();
    let vaults = planner.world.rows::<Vault>()?.to_vec();
    let policies = planner.world.rows::<VaultPolicy>()?.to_vec();
    let mut points: BTreeMap<String, Vec<RecoveryPoint>> = BTreeMap::new();
    for point in planner.world.rows::<RecoveryPoint>()? {
        if let Some(table) = &point.resource_arn {
            points.entry(table.clone()).or_default().push(point.clone());
        }
    }
    for finding in open {
        let Some(table) = planner.table(&finding.resource_arn).cloned() else {
            let why = format!("copies are made of a table's points, and this is a {}", finding.subject);
            planner.block(&finding, why);
            continue;
        };
        let of_table = points.get(&table.table_arn).map_or(&[][..], Vec::as_slice);
        let source = match source(&table, of_table, judged_at, planner) {
            Ok(source) => source,
            Err(why) => {
                planner.block(&finding, why);
                continue;
            }
        };
        let lacking = Lacking::of(&finding, &table);
        if lacking.is_empty() {
            planner.block(&finding, "no place is known that lacks a copy");
        }
        for lacking in lacking {
            let (deeds, reason) = candidates(&lacking, &table, &source, (&vaults, &policies), judged_at, planner);
            all.push(Wanted {
                finding: finding.clone(),
                table: table.clone(),
                lacking,
                deeds,
                reason,
                is_settled: false,
            });
        }
    }
    for round in 0..MOST_VAULTS {
        let tries: Vec<(usize, CopyPoint)> = all
            .iter()
            .enumerate()
            .filter(|(_, wanted)| !wanted.is_settled)
            .filter_map(|(place, wanted)| Some((place, wanted.deeds.get(round)?.clone())))
            .collect();
        if tries.is_empty() {
            break;
        }
        let deeds = tries.iter().map(|(place, deed)| {
            let at = all[*place].table.target.clone();
            (at, Deed::CopyPoint(deed.clone()))
        });
        let after = planner.if_done(&deeds.collect::<Vec<_>>())?;
        for (place, deed) in tries {
            let wanted = &mut all[place];
            let (finding, at) = (&wanted.finding, &wanted.table.target);
            if wanted.lacking.is_answered(&after, &wanted.table.table_arn, finding) {
                planner.add(at, Deed::CopyPoint(deed), &finding.message, &[finding]);
                wanted.is_settled = true;
                continue;
            }
            let then = after.findings.iter().find(|after| after.id == finding.id);
            let message = then.map_or_else(String::new, |then| format!(": {}", then.message));
            let why = || format!("a copy into {} would not help{message}", deed.to_vault_arn);
            wanted.reason.get_or_insert_with(why);
        }
    }
    for wanted in all.iter().filter(|wanted| !wanted.is_settled) {
        let default = || {
            format!(
                "no vault for {} is in this scan: make one there, and scan its account and Region too",
                wanted.lacking.words()
            )
        };
        planner.block(&wanted.finding, wanted.reason.clone().unwrap_or_else(default));
    }
    Ok(())
}

/// What is to be copied.
struct Source {
    /// `None`: what a backup of the same plan makes.
    point_arn: Option<String>,
    vault_name: String,
    size_bytes: Option<i64>,
}

/// The newest point of a table that can be copied.
///
/// Errors: why there is none, in words.
fn source(
    table: &TableRow,
    points: &[RecoveryPoint],
    as_of: DateTime<Utc>,
    planner: &Planner<'_>,
) -> Result<Source, String> {
    let FactValue::Time(born) = table.fact(TableFacts::created_at) else {
        return Err("not known when the table was made, and so which points are its own".to_owned());
    };
    let is_usable = |point: &&RecoveryPoint| {
        (&point.account_id, &point.region) == (&table.target.account_id, &table.target.region)
            && matches!(point.status.as_deref(), Some("COMPLETED" | "AVAILABLE"))
            && point.delete_after_event.is_none()
            && point.created_at.is_some_and(|at| at >= *born)
            && point.delete_at.is_none_or(|at| at > as_of)
    };
    let newest = |a: &&RecoveryPoint, b: &&RecoveryPoint| {
        (a.created_at, &a.recovery_point_arn).cmp(&(b.created_at, &b.recovery_point_arn))
    };
    let usable: Vec<&RecoveryPoint> = points.iter().filter(is_usable).collect();
    let is_native = |point: &&RecoveryPoint| point.recovery_point_arn.contains(":dynamodb:");
    let is_cold = |point: &&RecoveryPoint| point.cold_at.is_some_and(|at| at <= as_of);
    let can_be = usable.iter().copied().filter(|point| !is_native(point) && !is_cold(point));
    let Some(point) = can_be.max_by(newest) else {
        return Err(match usable.iter().copied().max_by(newest) {
            None => "the table has no usable recovery point to copy",
            Some(point) if is_native(&point) => {
                "its newest recovery point was made without advanced features, and cannot be copied: back up the table with them"
            }
            Some(_) => "its newest recovery point is in cold storage, and cannot be copied: back up the table",
        }
        .to_owned());
    };
    let is_planned = planner.actions().iter().any(|action| match &action.deed {
        Deed::OnDemandBackup(deed) => {
            deed.table_arn == table.table_arn && point.recovery_point_arn.ends_with(&deed.stands_for())
        }
        _ => false,
    });
    Ok(Source {
        point_arn: (!is_planned).then(|| point.recovery_point_arn.clone()),
        vault_name: point.vault_name.clone(),
        size_bytes: point.size_bytes,
    })
}

/// The copies that may be what is lacking, the best first, and why others are none.
fn candidates(
    lacking: &Lacking,
    table: &TableRow,
    source: &Source,
    (vaults, policies): (&[Vault], &[VaultPolicy]),
    judged_at: DateTime<Utc>,
    planner: &Planner<'_>,
) -> (Vec<CopyPoint>, Option<String>) {
    let own = &table.target;
    let mut takers: Vec<&Vault> = vaults.iter().filter(|vault| lacking.takes(vault, own)).collect();
    // What stays in the account or the Region first; then `Default` last, for whoever made a vault for copies made it on purpose.
    takers.sort_by_key(|vault| {
        (
            vault.account_id != own.account_id,
            vault.region != own.region,
            vault.vault_name == DEFAULT_VAULT,
            &vault.region,
            &vault.vault_name,
        )
    });
    let (mut deeds, mut reason) = (Vec::new(), None);
    for vault in takers {
        match CopyPoint::into(vault, table, source, policies, judged_at, planner) {
            Ok(deed) => deeds.push(deed),
            Err(why) => reason = reason.or(Some(why)),
        }
    }
    (deeds, reason)
}

/// Does the policy of the other account's vault let this account copy into it, as far as its words show?
fn check_policy(vault: &Vault, own: &TargetId, policies: &[VaultPolicy]) -> Result<(), String> {
    if vault.account_id == own.account_id {
        return Ok(());
    }
    let is_its = |policy: &&VaultPolicy| {
        (&policy.account_id, &policy.region, &policy.vault_name) == (&vault.account_id, &vault.region, &vault.vault_name)
    };
    let Some(read) = policies.iter().find(is_its) else {
        // Not read: AWS says it where it does not.
        return Ok(());
    };
    let lets_in = read.policy.as_deref().is_some_and(|policy| lets_in(policy, &own.account_id));
    match lets_in {
        true => Ok(()),
        false => Err(format!(
            "the access policy of vault `{}` in account {} does not let account {} copy into it (backup:CopyIntoBackupVault)",
            one_line(&vault.vault_name),
            vault.account_id,
            own.account_id
        )),
    }
}

/// May a statement of the policy let an account copy into the vault? Its conditions are AWS's to weigh.
fn lets_in(policy: &str, account_id: &str) -> bool {
    let texts = |value: &Value| -> Vec<String> {
        let many = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        many.iter().filter_map(Value::as_str).map(str::to_ascii_lowercase).collect()
    };
    let Ok(policy) = serde_json::from_str::<Value>(policy) else {
        return false;
    };
    let statements = &policy["Statement"];
    let statements = statements.as_array().cloned().unwrap_or_else(|| vec![statements.clone()]);
    statements.iter().any(|statement| {
        let is_named = |principal: &Value| {
            let of_aws = principal.get("AWS").unwrap_or(principal);
            texts(of_aws).iter().any(|name| name == "*" || name.contains(account_id))
        };
        let is_action = |pattern: &String| glob(pattern, "backup:copyintobackupvault");
        statement["Effect"] == "Allow"
            && (statement.get("NotAction").is_some() || texts(&statement["Action"]).iter().any(is_action))
            && (statement.get("NotPrincipal").is_some() || is_named(&statement["Principal"]))
    })
}

impl CopyPoint {
    fn into(
        vault: &Vault,
        table: &TableRow,
        source: &Source,
        policies: &[VaultPolicy],
        judged_at: DateTime<Utc>,
        planner: &Planner<'_>,
    ) -> Result<Self, String> {
        let settings = planner.settings;
        let policy = &planner.criteria.policy;
        let Some(least) = number(table, RETENTION_MIN_DAYS) else {
            return Err("not known which tier of the policy applies, and so what retention".to_owned());
        };
        let tier = text(table, POLICY_TIER);
        let tier = policy.tiers.iter().find(|known| Some(&known.name) == tier.as_ref());
        let copy = tier.map_or(&policy.values, |tier| &tier.values).of_copy();
        let delete_after_days = settings
            .delete_after_days
            .unwrap_or(least)
            .max(copy.retention_min_days)
            .max(vault.min_retention_days.unwrap_or(0));
        check_bounds(vault, delete_after_days)?;
        check_policy(vault, &table.target, policies)?;
        let partition = text(table, TableFacts::partition).unwrap_or_else(|| "aws".to_owned());
        let arn = || {
            format!(
                "arn:{partition}:backup:{}:{}:backup-vault:{}",
                vault.region, vault.account_id, vault.vault_name
            )
        };
        Ok(Self {
            table_arn: table.table_arn.clone(),
            table_id: table_id(table),
            point_arn: source.point_arn.clone(),
            vault_name: source.vault_name.clone(),
            to_vault_arn: vault.vault_arn.clone().unwrap_or_else(arn),
            role_arn: settings
                .role_arn
                .clone()
                .unwrap_or_else(|| default_role(&partition, &table.target.account_id)),
            delete_after_days,
            judged_at,
            size_bytes: source.size_bytes.or_else(|| number(table, TableFacts::table_size_bytes)),
        })
    }

    /// Where the copy goes, and the name of the vault there.
    fn to(&self) -> (TargetId, &str) {
        vault_of(&self.to_vault_arn).unwrap_or_else(|| (TargetId::new(String::new(), String::new()), ""))
    }

    /// The point as it is now.
    ///
    /// API: backup:ListRecoveryPointsByBackupVault. Errors: it is not there, or cannot be copied, in words.
    async fn point(&self, target: &Target) -> Result<RecoveryPointByBackupVault, Obstacle> {
        let (points, read) = points_in(target, &self.vault_name, &self.table_arn).await;
        let found = match &self.point_arn {
            Some(arn) => points.into_iter().find(|point| point.recovery_point_arn() == Some(arn)),
            None => points
                .into_iter()
                .filter(|point| is_usable(point) && created(point).is_some_and(|at| at >= self.judged_at))
                .max_by_key(created),
        };
        let Some(point) = found else {
            read?;
            return Err(Obstacle::Changed(match &self.point_arn {
                Some(arn) => format!("{} is gone", one_line(arn)),
                None => format!("no recovery point was made in vault {} since", one_line(&self.vault_name)),
            }));
        };
        let arn = point.recovery_point_arn().unwrap_or_default();
        if !is_usable(&point) {
            return Err(format!("{} cannot be restored any more", one_line(arn)).into());
        }
        if arn.contains(":dynamodb:") {
            return Err(format!(
                "{} was made without advanced features, and cannot be copied",
                one_line(arn)
            )
            .into());
        }
        Ok(point)
    }

    /// Copy jobs of the table to this vault since the scan.
    ///
    /// API: backup:ListCopyJobs, paged by 1,000. Calls: 1 for each page. Errors: AWS's refusal, or a job without a state.
    async fn jobs(&self, target: &Target, since: DateTime<Utc>) -> Result<Vec<CopyJob>, Failure> {
        // AWS takes whole seconds here.
        let after = aws_instant(since - TimeDelta::seconds(1));
        let send = |token| {
            let list = target.backup.list_copy_jobs();
            list.by_resource_arn(&self.table_arn)
                .by_destination_vault_arn(&self.to_vault_arn)
                .by_created_after(after)
                .max_results(1000)
                .set_next_token(token)
                .send()
        };
        fn page(page: &ListCopyJobsOutput) -> Page<'_, CopyJob> {
            (page.copy_jobs.as_ref(), page.next_token())
        }
        let mut jobs = Vec::new();
        let take = |listed: &[CopyJob]| {
            let is_placed = |job: &&CopyJob| job.state().is_some() && instant(job.creation_date()).is_some();
            jobs.extend(listed.iter().filter(is_placed).cloned());
            Ok::<_, Failure>(listed.iter().filter(|job| !is_placed(job)).count())
        };
        target.caller.list(LIST_JOBS, &self.to_vault_arn, send, page, take).await?;
        jobs.retain(|job| instant(job.creation_date()).is_some_and(|at| at >= since));
        Ok(jobs)
    }

    /// The copy that a job since then has made, as far as this account sees it: where the vault lies in the same account, the
    /// copy has to be there. None: there is none.
    async fn copied(&self, target: &Target, since: DateTime<Utc>) -> Result<Option<String>, Failure> {
        let jobs = self.jobs(target, since).await?;
        let made = jobs
            .iter()
            .filter(|job| job.state().is_some_and(|state| state.as_str() == "COMPLETED"));
        let made: BTreeSet<&str> = made.filter_map(CopyJob::destination_recovery_point_arn).collect();
        let (to, vault_name) = self.to();
        if made.is_empty() || to.account_id != target.id.account_id {
            return Ok(made.last().map(|arn| (*arn).to_owned()));
        }
        let there = target.in_region(&to.region);
        let (points, read) = points_in(&there, vault_name, &self.table_arn).await;
        let usable = points.iter().filter(|point| is_usable(point));
        let found = usable
            .filter_map(RecoveryPointByBackupVault::recovery_point_arn)
            .find(|arn| made.contains(arn));
        if found.is_none() {
            read?;
        }
        Ok(found.map(str::to_owned))
    }

    /// API: backup:DescribeCopyJob. Calls: 1. Errors: AWS's refusal, or an answer without a job.
    async fn describe_job(&self, target: &Target, job_id: &str) -> Result<CopyJob, Failure> {
        let send = || target.backup.describe_copy_job().copy_job_id(job_id).send();
        let job = |answer: DescribeCopyJobOutput| answer.copy_job;
        target.caller.part(LOOK, job_id, send, "job", job).await
    }
}

impl Act for CopyPoint {
    const KIND: Kind = Kind {
        id: "copy",
        sign: Sign::Create,
        answers: &[
            "cross-account-copy-exists",
            "cross-region-copy-exists",
            "recovery-point-air-gapped",
        ],
        frames: &["tables", "vaults", "vault_policies", "recovery_points", "region_settings"],
        // To copy is to take out of one vault and put into another; no call goes by these names.
        doing: &[
            START,
            LOOK,
            "backup:CopyFromBackupVault",
            "backup:CopyIntoBackupVault",
            "iam:PassRole",
        ],
        checking: &[DESCRIBE_TABLE, LIST_POINTS, LIST_JOBS],
        propose,
    };
    const BEGINS_JOB: bool = true;
    const UNDOING: &'static [&'static str] = &[LOOK, DESCRIBE_TABLE, LIST_VAULTS, LIST_POINTS, DELETE_POINT];

    fn resource(&self, _at: &TargetId) -> Resource<'_> {
        Resource {
            noun: "table",
            id: self.table_arn.as_str().into(),
            name: name_of(&self.table_arn).into(),
        }
    }

    fn describe(&self) -> String {
        let (to, vault) = self.to();
        let point = self.point_arn.as_deref().map(one_line);
        format!(
            "copy of {} in vault {} into vault {} of account {}, {}, deleted after {} days",
            point.as_deref().unwrap_or("the new recovery point"),
            one_line(&self.vault_name),
            one_line(vault),
            one_line(&to.account_id),
            one_line(&to.region),
            self.delete_after_days
        )
    }

    fn needs(&self, at: &TargetId) -> Vec<Thing> {
        let account = TargetId::new(at.account_id.clone(), String::new());
        let (to, vault) = self.to();
        let mut things = vec![
            Thing::new(&account, "role", self.role_arn.clone()),
            Thing::new(&to, "vault", vault),
        ];
        if self.point_arn.is_none() {
            things.push(Thing::new(at, "recovery-point", self.table_arn.clone()));
        }
        things
    }

    fn check_values(&self, at: &TargetId) -> Result<(), String> {
        check_table(&self.table_arn, at)?;
        if let Some(arn) = &self.point_arn {
            check_point(arn, at)?;
        }
        check_lifecycle(None, Some(self.delete_after_days))?;
        match vault_of(&self.to_vault_arn) {
            None => Err(format!("`{}` is not the ARN of a backup vault", one_line(&self.to_vault_arn))),
            Some((to, name)) if to == *at && name == self.vault_name => {
                Err("the copy would go into the vault that holds the recovery point".to_owned())
            }
            Some(_) => Ok(()),
        }
    }

    fn simulate(&self, at: &TargetId, world: &mut World) -> Outcome<()> {
        let as_of = world.as_of();
        let (to, vault_name) = self.to();
        let rows = world.rows::<RecoveryPoint>()?;
        let of_vault = rows.iter().filter(|row| {
            row.resource_arn.as_ref() == Some(&self.table_arn)
                && (&row.account_id, &row.region, &row.vault_name) == (&at.account_id, &at.region, &self.vault_name)
        });
        let source = match &self.point_arn {
            Some(arn) => of_vault.clone().find(|row| row.recovery_point_arn == *arn),
            None => of_vault.max_by_key(|row| row.created_at),
        };
        let Some(source) = source.cloned() else {
            return Ok(());
        };
        let vaults = world.rows::<Vault>()?;
        let vault = vaults.iter().find(|vault| {
            (&vault.account_id, &vault.region, vault.vault_name.as_str()) == (&to.account_id, &to.region, vault_name)
        });
        let Some(vault) = vault.cloned() else {
            return Ok(());
        };
        let id = token(&[&self.table_arn, &self.to_vault_arn]);
        let partition = self.to_vault_arn.split(':').nth(1).unwrap_or("aws");
        let copy_arn = format!("arn:{partition}:backup:{}:{}:recovery-point:{id}", to.region, to.account_id);
        let source_vault_arn = format!(
            "arn:{partition}:backup:{}:{}:backup-vault:{}",
            at.region, at.account_id, self.vault_name
        );
        world.add(schema::CopyJob {
            account_id: at.account_id.clone(),
            region: at.region.clone(),
            job_id: id,
            resource_arn: Some(self.table_arn.clone()),
            state: Some("COMPLETED".to_owned()),
            status_message: None,
            source_vault_arn: Some(source_vault_arn.clone()),
            source_recovery_point_arn: Some(source.recovery_point_arn.clone()),
            destination_vault_arn: Some(self.to_vault_arn.clone()),
            destination_recovery_point_arn: Some(copy_arn.clone()),
            created_at: Some(as_of),
            completed_at: Some(as_of),
            created_by_plan_id: None,
            created_by_rule_id: None,
            created_by_backup_job_id: None,
        })?;
        world.add(RecoveryPoint {
            account_id: to.account_id,
            region: to.region,
            vault_name: vault.vault_name,
            recovery_point_arn: copy_arn,
            started_at: Some(as_of),
            completed_at: Some(as_of),
            last_restored_at: None,
            cold_after_days: None,
            delete_after_days: Some(self.delete_after_days),
            cold_at: None,
            delete_at: source.created_at.map(|at| at + TimeDelta::days(self.delete_after_days)),
            is_encrypted: Some(true),
            key_type: vault.key_arn.is_none().then(|| "AWS_OWNED_KMS_KEY".to_owned()),
            key_arn: vault.key_arn,
            source_vault_arn: Some(source_vault_arn),
            created_by_plan_id: None,
            created_by_rule_id: None,
            ..source
        })
    }

    fn quantities(&self) -> Quantities {
        let is_moved = |at: &str| self.to().0.region != at;
        let region = self.table_arn.split(':').nth(3).unwrap_or_default();
        Quantities {
            warm: self.size_bytes.map(|bytes| (bytes, self.delete_after_days)),
            moved: self.size_bytes.filter(|_| is_moved(region)),
            is_unknown: self.size_bytes.is_none(),
            ..Quantities::default()
        }
    }

    fn inverse(&self) -> Undone {
        match self.table_arn.split(':').nth(4) == Some(&*self.to().0.account_id) {
            true => Undone::Back("the copy is deleted, if the table has a usable recovery point at home".to_owned()),
            false => Undone::Left("the copy lies in another account, and is deleted there by hand".to_owned()),
        }
    }

    /// API: dynamodb:DescribeTable, backup:ListCopyJobs, backup:ListRecoveryPointsByBackupVault. Calls: 3, and 1 where there was
    /// a job.
    async fn look(&self, target: &Target, _id: &str) -> Result<Now, Obstacle> {
        described(target, &self.table_arn, self.table_id.as_deref()).await?;
        let copied = self.copied(target, self.judged_at).await;
        if let Some(arn) = copied? {
            return Ok(Now::Already {
                how: format!("copied as {arn}"),
                made: Some(arn),
            });
        }
        self.point(target).await?;
        Ok(Now::ToDo(Value::Null))
    }

    /// API: backup:ListRecoveryPointsByBackupVault, backup:StartCopyJob (and iam:PassRole). Calls: 2. Errors: AWS's refusal.
    async fn act(&self, target: &Target, doing: &Doing<'_>) -> Result<Done, Failure> {
        let point = self.point(target).await.map_err(|why| Failure::broken(&why.why(), None))?;
        let point_arn = point.recovery_point_arn().unwrap_or_default();
        let lifecycle = Lifecycle::builder().delete_after_days(self.delete_after_days).build();
        let send = || {
            let start = target.backup.start_copy_job();
            start
                .recovery_point_arn(point_arn)
                .source_backup_vault_name(&self.vault_name)
                .destination_backup_vault_arn(&self.to_vault_arn)
                .iam_role_arn(&self.role_arn)
                .idempotency_token(doing.token())
                .lifecycle(lifecycle.clone())
                .send()
        };
        let answer = target.caller.once(START, point_arn, send).await?;
        // As for a backup job: asked again with the same token, AWS names the one that it began.
        let job_id = answer.copy_job_id().filter(|id| !id.is_empty());
        let why = "the answer names no job; whether one was begun is not known";
        let job = job_id.map(str::to_owned).ok_or_else(|| Failure::broken(why, None))?;
        Ok(Done {
            job: Some(job),
            made: None,
        })
    }

    /// API: backup:DescribeCopyJob. Calls: 1. Errors: AWS's refusal, or a job of something else or of before.
    async fn check_job(&self, target: &Target, job_id: &str, since: DateTime<Utc>) -> Result<(), String> {
        let job = self.describe_job(target, job_id).await;
        let job = job.map_err(|failure| failure.why())?;
        let (Some(table), Some(to), Some(at)) = (
            job.resource_arn(),
            job.destination_backup_vault_arn(),
            instant(job.creation_date()),
        ) else {
            return Err(format!(
                "the answer to {LOOK} does not say of what the job is, to where, or of when"
            ));
        };
        if table != self.table_arn || to != self.to_vault_arn {
            return Err(format!("it copies a point of `{}` to `{}`", one_line(table), one_line(to)));
        }
        if at < since {
            return Err(format!("it began at {}, before the plan's scan", rfc3339(at)));
        }
        Ok(())
    }

    /// API: backup:DescribeCopyJob. Calls: 1. Errors: unknown.
    async fn job(&self, target: &Target, job_id: &str) -> Standing {
        let (state, message, category) = match self.describe_job(target, job_id).await {
            Ok(job) => (
                job.state().map_or("UNKNOWN", |state| state.as_str()).to_owned(),
                job.status_message().unwrap_or_default().to_owned(),
                job.message_category().unwrap_or_default().to_owned(),
            ),
            Err(failure) => ("UNKNOWN".to_owned(), failure.told(), String::new()),
        };
        let is_success = state == "COMPLETED";
        Standing {
            is_over: matches!(state.as_str(), "COMPLETED" | "FAILED" | "PARTIAL"),
            is_success,
            has_issues: is_success && !matches!(category.as_str(), "" | "SUCCESS"),
            state,
            message,
        }
    }

    /// Compliant: a copy made since then lies in the vault; where that is another account's, its job completed.
    ///
    /// API: backup:ListCopyJobs, backup:ListRecoveryPointsByBackupVault. Calls: 2.
    async fn verify(&self, target: &Target, since: DateTime<Utc>) -> (Verdict, String) {
        match self.copied(target, since).await {
            Ok(Some(arn)) => (Verdict::Compliant, format!("copied as {arn}")),
            Ok(None) => (Verdict::NonCompliant, format!("no copy since {}", rfc3339(since))),
            Err(failure) => (Verdict::Unknown, failure.told()),
        }
    }

    /// API: backup:DescribeCopyJob, dynamodb:DescribeTable, backup:ListBackupVaults, backup:ListRecoveryPointsByBackupVault,
    /// backup:DeleteRecoveryPoint. Calls: 6, and 1 for each further vault.
    async fn undo(&self, target: &Target, undoing: &Undoing<'_>) -> Result<Undone, Failure> {
        let done = undoing.done;
        let Some(job_id) = &done.job else {
            // A run that ended between call and journal may have begun one all the same.
            let why = "the journal names no job of it, and one may have been begun: apply the plan again, then undo";
            return Ok(Undone::Left(why.to_owned()));
        };
        let job = match self.describe_job(target, job_id).await {
            Ok(job) => job,
            Err(failure) if failure.kind == FailureKind::Absent => {
                let why = "AWS Backup no longer knows its job, and so not which copy it made";
                return Ok(Undone::Left(why.to_owned()));
            }
            Err(failure) => return Err(failure),
        };
        if (job.resource_arn(), job.destination_backup_vault_arn()) != (Some(&self.table_arn), Some(&self.to_vault_arn)) {
            return Ok(Undone::Left("its job is not one of this table and vault".to_owned()));
        }
        let state = job.state().map_or("UNKNOWN", |state| state.as_str());
        let copy_arn = match (state, job.destination_recovery_point_arn()) {
            ("COMPLETED", Some(arn)) => arn,
            ("COMPLETED", None) => {
                let why = format!("the answer to {LOOK} does not say which copy its job made");
                return Ok(Undone::Left(why));
            }
            ("FAILED", _) => return Ok(Undone::Back("its job made no copy".to_owned())),
            _ => return Ok(Undone::Left(format!("its job is {state}: wait until it has ended"))),
        };
        let (to, vault_name) = self.to();
        if to.account_id != target.id.account_id {
            return Ok(Undone::Left(format!(
                "{} lies in vault {} of account {}, {}: delete it there by hand",
                one_line(copy_arn),
                one_line(vault_name),
                one_line(&to.account_id),
                one_line(&to.region)
            )));
        }
        let there = target.in_region(&to.region);
        let (points, read) = points_in(&there, vault_name, &self.table_arn).await;
        if !points.iter().any(|point| point.recovery_point_arn() == Some(copy_arn)) {
            read?;
            return Ok(Undone::Back("its copy is gone already".to_owned()));
        }
        let at_home = beside(target, &self.table_arn, copy_arn).await?;
        if let Err(why) = at_home.check(&self.table_arn, copy_arn, undoing) {
            return Ok(Undone::Left(why));
        }
        delete_point(&there, vault_name, &self.table_arn, copy_arn).await
    }

    fn cli(&self, at: &TargetId) -> Vec<String> {
        let mut lines = Vec::new();
        let point = match &self.point_arn {
            Some(arn) => quoted(arn).into_owned(),
            None => {
                lines.push(format!(
                    "until point=$(aws backup list-recovery-points-by-backup-vault --region {} --backup-vault-name {} \
                     --by-resource-arn {} --by-created-after {} --output text \
                     --query 'reverse(sort_by(RecoveryPoints[?Status==`COMPLETED`], &CreationDate))[0].RecoveryPointArn') \
                     && [ \"$point\" != None ]; do sleep 15; done",
                    at.region,
                    quoted(&self.vault_name),
                    quoted(&self.table_arn),
                    rfc3339(self.judged_at)
                ));
                "\"$point\"".to_owned()
            }
        };
        lines.push(format!(
            "aws backup start-copy-job --region {} --recovery-point-arn {point} --source-backup-vault-name {} \
             --destination-backup-vault-arn {} --iam-role-arn {} --lifecycle DeleteAfterDays={}",
            at.region,
            quoted(&self.vault_name),
            quoted(&self.to_vault_arn),
            quoted(&self.role_arn),
            self.delete_after_days
        ));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_lets_in_whom_it_names() {
        let policy = |effect: &str, principal: &str, action: &str| {
            format!(
                r#"{{"Statement":{{"Effect":"{effect}","Principal":{principal},"Action":{action},"Resource":"*"}}}}"#
            )
        };
        let root = r#"{"AWS":["arn:aws:iam::111122223333:root"]}"#;
        for (policy, expected) in [
            (policy("Allow", root, r#""backup:CopyIntoBackupVault""#), true),
            (policy("Allow", r#""*""#, r#"["backup:Copy*"]"#), true),
            (policy("Allow", r#"{"AWS":"111122223333"}"#, r#""*""#), true),
            (policy("Deny", root, r#""backup:CopyIntoBackupVault""#), false),
            (policy("Allow", root, r#""backup:DescribeBackupVault""#), false),
            (
                policy("Allow", r#"{"AWS":"arn:aws:iam::999988887777:root"}"#, r#""backup:*""#),
                false,
            ),
            ("no policy".to_owned(), false),
        ] {
            assert_eq!(lets_in(&policy, "111122223333"), expected, "{policy}");
        }
    }

    #[test]
    fn a_plan_that_was_edited_copies_into_another_vault_and_nowhere_else() {
        let at = TargetId::new("111122223333".to_owned(), "eu-west-1".to_owned());
        let deed = |to: &str, point: Option<&str>| CopyPoint {
            table_arn: "arn:aws:dynamodb:eu-west-1:111122223333:table/t".to_owned(),
            table_id: None,
            point_arn: point.map(str::to_owned),
            vault_name: "v".to_owned(),
            to_vault_arn: to.to_owned(),
            role_arn: "r".to_owned(),
            delete_after_days: 35,
            judged_at: DateTime::UNIX_EPOCH,
            size_bytes: None,
        };
        let there = "arn:aws:backup:eu-central-1:111122223333:backup-vault:v";
        assert_eq!(deed(there, None).check_values(&at), Ok(()));
        let point = "arn:aws:backup:eu-west-1:111122223333:recovery-point:p";
        assert_eq!(deed(there, Some(point)).check_values(&at), Ok(()));
        for wrong in [
            deed("arn:aws:backup:eu-west-1:111122223333:backup-vault:v", None),
            deed("arn:aws:s3:::bucket", None),
            deed(there, Some("arn:aws:backup:eu-central-1:111122223333:recovery-point:p")),
        ] {
            assert!(wrong.check_values(&at).is_err(), "{wrong:?}");
        }
    }
}
