//! A recovery point restored to a new table, and what AWS Backup does not restore set again.
//!
//! In: what somebody wishes. Out: a job at AWS, and then a table. Nothing that is there is written into, and nothing is judged.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_backup::operation::describe_recovery_point::DescribeRecoveryPointOutput;
use aws_sdk_backup::operation::start_restore_job::StartRestoreJobOutput;
use aws_sdk_dynamodb::operation::list_tags_of_resource::ListTagsOfResourceOutput;
use aws_sdk_dynamodb::types::{
    PointInTimeRecoverySpecification, StreamSpecification, StreamViewType, Tag, TimeToLiveSpecification,
};
use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::actions::Standing;
use super::actions::ground::{
    DESCRIBE_TABLE, LIST_POINTS, LIST_VAULTS, created, is_usable, name_of, points_in, vaults,
};
use super::follow::FIRST_LOOK;
use crate::aws::call::Page;
use crate::aws::failure::{Failure, FailureKind};
use crate::aws::target::Target;
use crate::collect::instant;
use crate::inventory::Inventory;
use crate::inventory::schema::{CallLogEntry, ContinuousBackup, Table, TableTag};
use crate::problem::{Problem, count, one_line};

pub(crate) const DESCRIBE_POINT: &str = "backup:DescribeRecoveryPoint";
pub(crate) const START: &str = "backup:StartRestoreJob";
pub(crate) const LOOK: &str = "backup:DescribeRestoreJob";
const LIST_TAGS: &str = "dynamodb:ListTagsOfResource";
const DESCRIBE_TTL: &str = "dynamodb:DescribeTimeToLive";
const DESCRIBE_PITR: &str = "dynamodb:DescribeContinuousBackups";
const TAG: &str = "dynamodb:TagResource";
const UPDATE_TTL: &str = "dynamodb:UpdateTimeToLive";
const UPDATE: &str = "dynamodb:UpdateTable";
const UPDATE_PITR: &str = "dynamodb:UpdateContinuousBackups";

/// IAM actions of all calls here.
pub(crate) const ACTIONS: &[&str] = &[
    DESCRIBE_TABLE,
    LIST_VAULTS,
    LIST_POINTS,
    DESCRIBE_POINT,
    START,
    "iam:PassRole",
    LOOK,
    LIST_TAGS,
    DESCRIBE_TTL,
    DESCRIBE_PITR,
    TAG,
    UPDATE_TTL,
    UPDATE,
    UPDATE_PITR,
];

/// What a restore by AWS Backup leaves out, and nobody sets again by itself.
pub(crate) const NEVER_RESTORED: &str = "auto scaling, alarms and metrics of CloudWatch, IAM and resource policies, replicas of a \
     global table, a Kinesis stream, contributor insights; its table class is Standard";

/// The key of a restored table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    /// One that DynamoDB owns.
    AwsOwned,
    /// `aws/dynamodb` of the account.
    AwsManaged,
    /// The customer's, by ARN.
    Customer(String),
}

impl Key {
    /// As it is written on the command line.
    ///
    /// Errors: it is no key, in words.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "aws-owned" => Ok(Self::AwsOwned),
            "aws-managed" => Ok(Self::AwsManaged),
            arn if arn.starts_with("arn:") && arn.contains(":kms:") => Ok(Self::Customer(arn.to_owned())),
            other => Err(format!(
                "`{}` is neither `aws-owned` nor `aws-managed` nor the ARN of a KMS key",
                one_line(other)
            )),
        }
    }

    /// In words.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::AwsOwned => "a key that DynamoDB owns".to_owned(),
            Self::AwsManaged => "the AWS-managed key aws/dynamodb".to_owned(),
            Self::Customer(arn) => format!("key {}", one_line(arn)),
        }
    }
}

/// Could a table be called so?
///
/// Errors: why not, in words.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let is_right = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if !(3..=255).contains(&name.len()) || !name.bytes().all(is_right) {
        return Err("a table's name has 3 to 255 letters, digits, `_`, `-` and `.`".to_owned());
    }
    if name.starts_with("awsbackup-restore-test") {
        return Err("tables of that name are AWS's own restore tests, and no plan backs them up".to_owned());
    }
    Ok(())
}

/// A recovery point as AWS describes it.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    /// Its ARN.
    pub(crate) arn: String,
    /// The vault that holds it.
    pub(crate) vault_name: String,
    /// The table that it was made of, wherever that is. `None`: AWS does not say.
    pub(crate) table_arn: Option<String>,
    /// The date of its data. `None`: AWS does not say.
    pub(crate) created_at: Option<DateTime<Utc>>,
    /// When its job was done: its data is of no later instant. `None`: AWS does not say.
    pub(crate) completed_at: Option<DateTime<Utc>>,
    /// Bytes. `None`: AWS does not say.
    pub(crate) size_bytes: Option<i64>,
    /// Its state, word for word.
    pub(crate) status: String,
    /// It lies in cold storage: its restore takes hours.
    pub(crate) is_cold: bool,
}

impl Point {
    /// AWS can restore it: one that is whole, and one that is past its retention and still there.
    pub(crate) fn is_restorable(&self) -> bool {
        matches!(self.status.as_str(), "COMPLETED" | "AVAILABLE" | "EXPIRED")
    }
}

/// The newest point of a table that can be restored, and a vault that could not be read and may hold a newer one.
#[derive(Debug)]
pub(crate) struct Newest {
    /// The point.
    pub(crate) point: Point,
    /// Why not all were seen.
    pub(crate) unread: Option<String>,
}

/// Finds the newest usable point of a table, of this incarnation if it is there.
///
/// API: backup:ListBackupVaults, backup:ListRecoveryPointsByBackupVault, backup:DescribeRecoveryPoint. Calls: 2, and 1 for each vault.
/// Errors: there is none, or none can be seen; in words.
pub(crate) async fn newest(target: &Target, table_arn: &str, born: Option<DateTime<Utc>>) -> Result<Newest, String> {
    let (mut newest, mut unread) = (None, None);
    let (mut earlier, mut useless) = (0, 0);
    for vault in vaults(target).await.map_err(|failure| failure.of(LIST_VAULTS))? {
        let vault = vault.backup_vault_name().unwrap_or_default().to_owned();
        let (points, read) = points_in(target, &vault, table_arn).await;
        if let Err(failure) = read {
            unread.get_or_insert(format!("vault `{}`: {}", one_line(&vault), failure.of(LIST_POINTS)));
        }
        for point in points {
            let Some((at, arn)) = created(&point).zip(point.recovery_point_arn()) else {
                continue;
            };
            match (is_usable(&point), born.is_some_and(|born| at < born)) {
                (false, _) => useless += 1,
                (true, true) => earlier += 1,
                (true, false) => newest = newest.max(Some((at, arn.to_owned(), vault.clone()))),
            }
        }
    }
    let Some((_, arn, vault)) = newest else {
        return Err(match (unread, earlier, useless) {
            (Some(why), ..) => format!("none was seen, and not every vault could be read: {why}"),
            (None, 0, 0) => "it has no recovery point in this account and Region".to_owned(),
            (None, 0, useless) => format!("{} cannot be restored", count(useless, "recovery point")),
            (None, earlier, _) => format!(
                "{} of an earlier table of this name: name one by its ARN to restore that one",
                count(earlier, "recovery point")
            ),
        });
    };
    let point = describe(target, &vault, &arn)
        .await
        .map_err(|failure| failure.of(DESCRIBE_POINT))?;
    Ok(Newest { point, unread })
}

/// Finds a point by its ARN: AWS Backup tells of one only beside the name of its vault.
///
/// API: backup:ListBackupVaults, backup:DescribeRecoveryPoint. Calls: 1, and 1 for each vault. Errors: it is in none, in words.
pub(crate) async fn point(target: &Target, arn: &str) -> Result<Point, String> {
    let mut unread = None;
    for vault in vaults(target).await.map_err(|failure| failure.of(LIST_VAULTS))? {
        let vault = vault.backup_vault_name().unwrap_or_default();
        match describe(target, vault, arn).await {
            Ok(point) => return Ok(point),
            Err(failure) if failure.kind == FailureKind::Absent => {}
            Err(failure) => {
                unread.get_or_insert(format!("vault `{}`: {}", one_line(vault), failure.of(DESCRIBE_POINT)));
            }
        }
    }
    Err(unread.map_or_else(
        || "no vault of this account and Region holds it".to_owned(),
        |why| format!("it was not found, and not every vault could be read: {why}"),
    ))
}

/// API: backup:DescribeRecoveryPoint. Calls: 1. Errors: AWS's refusal, or an answer without ARN or state.
pub(crate) async fn describe(target: &Target, vault: &str, arn: &str) -> Result<Point, Failure> {
    let send = || {
        let describe = target.backup.describe_recovery_point();
        describe.backup_vault_name(vault).recovery_point_arn(arn).send()
    };
    let point = |answer: DescribeRecoveryPointOutput| {
        Some(Point {
            status: answer.status()?.as_str().to_owned(),
            is_cold: answer.storage_class().is_some_and(|class| class.as_str() == "COLD"),
            created_at: instant(answer.creation_date()),
            completed_at: instant(answer.completion_date()),
            size_bytes: answer.backup_size_in_bytes(),
            table_arn: answer.resource_arn,
            arn: answer.recovery_point_arn?,
            vault_name: vault.to_owned(),
        })
    };
    target
        .caller
        .part(DESCRIBE_POINT, arn, send, "recovery point", point)
        .await
}

/// When a table was made. `None`: there is no such table. `Some(None)`: AWS does not say when.
///
/// API: dynamodb:DescribeTable. Calls: 1. Errors: AWS's refusal, in words.
pub(crate) async fn made_at(target: &Target, name: &str) -> Result<Option<Option<DateTime<Utc>>>, String> {
    let send = || target.dynamodb.describe_table().table_name(name).send();
    match target.caller.once(DESCRIBE_TABLE, name, send).await {
        Ok(answer) => {
            let table = answer
                .table
                .ok_or_else(|| format!("the answer to {DESCRIBE_TABLE} holds no table"))?;
            Ok(Some(instant(table.creation_date_time())))
        }
        Err(failure) if failure.kind == FailureKind::Absent => Ok(None),
        Err(failure) => Err(failure.of(DESCRIBE_TABLE)),
    }
}

/// Starts the job and gives its id.
///
/// `CopySourceTagsToRestoredResource` is left out: with it a job of a table fails. The type of encryption is always sent: what it
/// is by default AWS's guides tell in two ways.
///
/// API: backup:StartRestoreJob (and iam:PassRole). Calls: 1. Errors: AWS's refusal.
pub(crate) async fn start(
    target: &Target,
    point_arn: &str,
    (to, key): (&str, &Key),
    role_arn: &str,
    token: &str,
) -> Result<String, Failure> {
    let mut metadata = HashMap::from([("targetTableName".to_owned(), to.to_owned())]);
    let encryption = match key {
        Key::AwsOwned => "Default",
        Key::AwsManaged | Key::Customer(_) => "KMS",
    };
    metadata.insert("encryptionType".to_owned(), encryption.to_owned());
    if let Key::Customer(arn) = key {
        metadata.insert("kmsMasterKeyArn".to_owned(), arn.clone());
    }
    let send = || {
        let start = target.backup.start_restore_job();
        start
            .recovery_point_arn(point_arn)
            .set_metadata(Some(metadata.clone()))
            .iam_role_arn(role_arn)
            .idempotency_token(token)
            .resource_type("DynamoDB")
            .send()
    };
    let id = |answer: StartRestoreJobOutput| answer.restore_job_id.filter(|id| !id.is_empty());
    target.caller.part(START, point_arn, send, "job", id).await
}

/// Follows a job until it has ended, or the time is over.
///
/// API: backup:DescribeRestoreJob. Calls: 1 for each look. Errors: none; the last standing is given.
pub(crate) async fn follow(
    target: &Target,
    job_id: &str,
    (every, at_most): (Duration, Duration),
    tell: &mut dyn FnMut(&Standing),
) -> Standing {
    let until = Instant::now() + at_most;
    let mut pause = FIRST_LOOK.min(every);
    loop {
        let standing = look(target, job_id).await;
        if standing.is_over || Instant::now() >= until {
            return standing;
        }
        tell(&standing);
        tokio::time::sleep(pause).await;
        pause = (2 * pause).min(every);
    }
}

/// API: backup:DescribeRestoreJob. Calls: 1. Errors: unknown.
async fn look(target: &Target, job_id: &str) -> Standing {
    let send = || target.backup.describe_restore_job().restore_job_id(job_id).send();
    let (state, message) = match target.caller.once(LOOK, job_id, send).await {
        Ok(answer) => (
            answer.status().map_or("UNKNOWN", |status| status.as_str()).to_owned(),
            answer.status_message().unwrap_or_default().to_owned(),
        ),
        Err(failure) => ("UNKNOWN".to_owned(), failure.why()),
    };
    Standing {
        is_over: matches!(state.as_str(), "COMPLETED" | "ABORTED" | "FAILED"),
        is_success: state == "COMPLETED",
        has_issues: false,
        state,
        message,
    }
}

/// A setting of the original table, or why it is not known.
pub(crate) type Known<T> = Result<T, String>;

/// What a restore leaves out and can be set again.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Tags that people gave.
    pub(crate) tags: Known<BTreeMap<String, String>>,
    /// The attribute of time to live; none: off.
    pub(crate) ttl: Known<Option<String>>,
    /// What the stream shows; none: off.
    pub(crate) stream: Known<Option<String>>,
    /// Days that point-in-time recovery goes back; none: off.
    pub(crate) pitr_days: Known<Option<i64>>,
    /// Deletion protection.
    pub(crate) is_protected: Known<bool>,
}

/// Tags of AWS itself cannot be given by hand.
fn by_people(tags: BTreeMap<String, String>) -> BTreeMap<String, String> {
    tags.into_iter().filter(|(key, _)| !key.starts_with("aws:")).collect()
}

impl Settings {
    /// Reads the settings of a table. `None`: it is gone.
    ///
    /// API: dynamodb:DescribeTable, dynamodb:ListTagsOfResource (paged by 10), dynamodb:DescribeTimeToLive,
    /// dynamodb:DescribeContinuousBackups. Calls: 4 and more. Errors: of the first, in words; of the others each setting is not known.
    pub(crate) async fn of_table(target: &Target, table_arn: &str) -> Result<Option<Self>, String> {
        let name = name_of(table_arn);
        let send = || target.dynamodb.describe_table().table_name(name).send();
        let table = match target.caller.once(DESCRIBE_TABLE, name, send).await {
            Ok(answer) => answer
                .table
                .ok_or_else(|| format!("the answer to {DESCRIBE_TABLE} holds no table"))?,
            Err(failure) if failure.kind == FailureKind::Absent => return Ok(None),
            Err(failure) => return Err(failure.of(DESCRIBE_TABLE)),
        };
        let stream = table.stream_specification();
        let stream = stream.filter(|stream| stream.stream_enabled());
        let view = stream.and_then(|stream| stream.stream_view_type());
        Ok(Some(Self {
            tags: tags_of(target, table_arn).await.map(by_people),
            ttl: ttl_of(target, name).await,
            stream: match (stream, view) {
                (Some(_), None) => Err(format!(
                    "the answer to {DESCRIBE_TABLE} does not say what the stream shows"
                )),
                (_, view) => Ok(view.map(|view| view.as_str().to_owned())),
            },
            pitr_days: pitr_of(target, name).await,
            is_protected: Ok(table.deletion_protection_enabled() == Some(true)),
        }))
    }

    /// The settings that a stored inventory tells of a table.
    ///
    /// Errors: it is damaged, or does not know the table.
    pub(crate) fn of_inventory(inventory: &Inventory, table_arn: &str) -> Result<Self, Problem> {
        let tables = inventory.read::<Table>()?;
        let Some(table) = tables.into_iter().find(|table| table.table_arn == table_arn) else {
            return Err(Problem::usage("the inventory does not know the table")
                .at(inventory.dir.display().to_string())
                .why(format!("`{}` is not among its tables", one_line(table_arn)))
                .so("nothing was restored")
                .hint("name an inventory of a time when the table was there"));
        };
        let calls = inventory.read::<CallLogEntry>()?;
        let is_here = |call: &&CallLogEntry| (&call.account_id, &call.region) == (&table.account_id, &table.region);
        let asked: Vec<&CallLogEntry> = calls.iter().filter(is_here).collect();
        let was_read = |action: &str| {
            let mut of_action = asked.iter().filter(|call| call.action == action).peekable();
            of_action.peek().is_some() && of_action.all(|call| call.outcome == "ok")
        };
        let unasked = |what: &str| format!("the inventory does not tell its {what}");
        let mut tags = BTreeMap::new();
        for tag in inventory.read::<TableTag>()? {
            if tag.table_arn == table_arn {
                tags.insert(tag.key, tag.value);
            }
        }
        let pitr = inventory.read::<ContinuousBackup>()?;
        let pitr = pitr.into_iter().find(|pitr| pitr.table_arn == table_arn);
        let are_tags_read = was_read("tag:GetResources") || was_read(LIST_TAGS);
        Ok(Self {
            tags: match are_tags_read || !tags.is_empty() {
                true => Ok(by_people(tags)),
                false => Err(unasked("tags")),
            },
            ttl: Err(unasked("time to live")),
            stream: Err(unasked("stream")),
            pitr_days: match pitr
                .as_ref()
                .map(|pitr| (pitr.pitr_status.as_deref(), pitr.recovery_period_days))
            {
                Some((Some("ENABLED"), days)) => Ok(Some(days.unwrap_or(35))),
                Some((Some(_), _)) => Ok(None),
                _ => Err(unasked("point-in-time recovery")),
            },
            is_protected: match table.description.as_str() {
                "described" => Ok(table.deletion_protection == Some(true)),
                _ => Err(unasked("deletion protection")),
            },
        })
    }

    /// What is to be set, a line each; what is off needs nothing.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let unknown = |words: &mut Vec<String>, what: &str, why: &str| words.push(format!("{what}: not known, {why}"));
        match &self.tags {
            Ok(tags) if !tags.is_empty() => words.push(count(tags.len(), "tag")),
            Ok(_) => {}
            Err(why) => unknown(&mut words, "tags", why),
        }
        match &self.ttl {
            Ok(Some(attribute)) => words.push(format!("time to live by `{}`", one_line(attribute))),
            Ok(None) => {}
            Err(why) => unknown(&mut words, "time to live", why),
        }
        match &self.stream {
            Ok(Some(view)) => words.push(format!("a stream of {}", one_line(view))),
            Ok(None) => {}
            Err(why) => unknown(&mut words, "stream", why),
        }
        match &self.pitr_days {
            Ok(Some(days)) => words.push(format!("point-in-time recovery, {days} days back")),
            Ok(None) => {}
            Err(why) => unknown(&mut words, "point-in-time recovery", why),
        }
        match &self.is_protected {
            Ok(true) => words.push("deletion protection".to_owned()),
            Ok(false) => {}
            Err(why) => unknown(&mut words, "deletion protection", why),
        }
        words
    }

    /// Sets them on another table: gives what was set and what was not, a line each.
    ///
    /// API: dynamodb:TagResource, dynamodb:UpdateTimeToLive, dynamodb:UpdateTable, dynamodb:UpdateContinuousBackups,
    /// dynamodb:DescribeTable. Calls: at most 5, and those that wait for the table. Errors: each is a line.
    pub(crate) async fn set_on(&self, target: &Target, table_arn: &str) -> (Vec<String>, Vec<String>) {
        let (mut set, mut not_set) = (Vec::new(), Vec::new());
        let mut note = |what: String, came: Result<(), String>| match came {
            Ok(()) => set.push(what),
            Err(why) => not_set.push(format!("{what}: {why}")),
        };
        let name = name_of(table_arn);
        match &self.tags {
            Ok(tags) if tags.is_empty() => {}
            Ok(tags) => {
                let came = set_tags(target, table_arn, tags).await;
                note(count(tags.len(), "tag"), came);
            }
            Err(why) => note("tags".to_owned(), Err(why.clone())),
        }
        match &self.ttl {
            Ok(None) => {}
            Ok(Some(attribute)) => {
                let came = set_ttl(target, name, attribute).await;
                note(format!("time to live by `{}`", one_line(attribute)), came);
            }
            Err(why) => note("time to live".to_owned(), Err(why.clone())),
        }
        match &self.stream {
            Ok(None) => {}
            Ok(Some(view)) => note(
                format!("a stream of {}", one_line(view)),
                set_stream(target, name, view).await,
            ),
            Err(why) => note("stream".to_owned(), Err(why.clone())),
        }
        match &self.pitr_days {
            Ok(None) => {}
            Ok(Some(days)) => {
                let came = set_pitr(target, name, *days).await;
                note(format!("point-in-time recovery, {days} days back"), came);
            }
            Err(why) => note("point-in-time recovery".to_owned(), Err(why.clone())),
        }
        // The last, so that a table that is not right yet can still be deleted.
        match &self.is_protected {
            Ok(false) => {}
            Ok(true) => note("deletion protection".to_owned(), protect(target, name).await),
            Err(why) => note("deletion protection".to_owned(), Err(why.clone())),
        }
        (set, not_set)
    }
}

async fn tags_of(target: &Target, table_arn: &str) -> Known<BTreeMap<String, String>> {
    let send = |token| {
        let list = target.dynamodb.list_tags_of_resource();
        list.resource_arn(table_arn).set_next_token(token).send()
    };
    fn page(page: &ListTagsOfResourceOutput) -> Page<'_, Tag> {
        (page.tags.as_ref(), page.next_token())
    }
    let mut tags = BTreeMap::new();
    let take = |listed: &[Tag]| {
        tags.extend(listed.iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())));
        Ok::<_, Failure>(0)
    };
    let read = target.caller.list(LIST_TAGS, table_arn, send, page, take).await;
    read.map(|()| tags).map_err(|failure| failure.of(LIST_TAGS))
}

/// The attribute of time to live; none: off.
///
/// API: dynamodb:DescribeTimeToLive. Calls: 1. Errors: AWS's refusal, in words.
pub(crate) async fn ttl_of(target: &Target, name: &str) -> Known<Option<String>> {
    let send = || target.dynamodb.describe_time_to_live().table_name(name).send();
    let answer = target.caller.once(DESCRIBE_TTL, name, send).await;
    let answer = answer.map_err(|failure| failure.of(DESCRIBE_TTL))?;
    let description = answer.time_to_live_description();
    let status = description
        .and_then(|ttl| ttl.time_to_live_status())
        .map(|status| status.as_str());
    let attribute = description.and_then(|ttl| ttl.attribute_name()).map(str::to_owned);
    match (status, attribute) {
        (Some("ENABLED" | "ENABLING"), Some(attribute)) => Ok(Some(attribute)),
        (Some("DISABLED" | "DISABLING"), _) => Ok(None),
        _ => Err(format!("the answer to {DESCRIBE_TTL} does not say whether it is on")),
    }
}

async fn pitr_of(target: &Target, name: &str) -> Known<Option<i64>> {
    let send = || target.dynamodb.describe_continuous_backups().table_name(name).send();
    let answer = target.caller.once(DESCRIBE_PITR, name, send).await;
    let answer = answer.map_err(|failure| failure.of(DESCRIBE_PITR))?;
    let pitr = answer
        .continuous_backups_description()
        .and_then(|described| described.point_in_time_recovery_description());
    let days = pitr.and_then(|pitr| pitr.recovery_period_in_days()).map(i64::from);
    match pitr
        .and_then(|pitr| pitr.point_in_time_recovery_status())
        .map(|status| status.as_str())
    {
        Some("ENABLED") => Ok(Some(days.unwrap_or(35))),
        Some(_) => Ok(None),
        None => Err(format!("the answer to {DESCRIBE_PITR} does not say whether it is on")),
    }
}

async fn set_tags(target: &Target, table_arn: &str, tags: &BTreeMap<String, String>) -> Result<(), String> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    let tags: Vec<Tag> = tags
        .iter()
        .map(tag)
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    let send = || {
        let tag = target.dynamodb.tag_resource();
        tag.resource_arn(table_arn).set_tags(Some(tags.clone())).send()
    };
    let came = target.caller.once(TAG, table_arn, send).await;
    came.map(drop).map_err(|failure| failure.of(TAG))
}

async fn set_ttl(target: &Target, name: &str, attribute: &str) -> Result<(), String> {
    let ttl = TimeToLiveSpecification::builder()
        .enabled(true)
        .attribute_name(attribute)
        .build();
    let ttl = ttl.map_err(|error| error.to_string())?;
    let send = || {
        let update = target.dynamodb.update_time_to_live();
        update.table_name(name).time_to_live_specification(ttl.clone()).send()
    };
    let came = target.caller.once(UPDATE_TTL, name, send).await;
    came.map(drop).map_err(|failure| failure.of(UPDATE_TTL))
}

async fn set_stream(target: &Target, name: &str, view: &str) -> Result<(), String> {
    let stream = StreamSpecification::builder()
        .stream_enabled(true)
        .stream_view_type(StreamViewType::from(view))
        .build()
        .map_err(|error| error.to_string())?;
    settled(target, name).await?;
    let send = || {
        let update = target.dynamodb.update_table();
        update.table_name(name).stream_specification(stream.clone()).send()
    };
    let came = target.caller.once(UPDATE, name, send).await;
    came.map(drop).map_err(|failure| failure.of(UPDATE))
}

async fn set_pitr(target: &Target, name: &str, days: i64) -> Result<(), String> {
    let pitr = PointInTimeRecoverySpecification::builder()
        .point_in_time_recovery_enabled(true)
        .set_recovery_period_in_days(i32::try_from(days).ok())
        .build()
        .map_err(|error| error.to_string())?;
    settled(target, name).await?;
    let send = || {
        let update = target.dynamodb.update_continuous_backups();
        update
            .table_name(name)
            .point_in_time_recovery_specification(pitr.clone())
            .send()
    };
    let came = target.caller.once(UPDATE_PITR, name, send).await;
    came.map(drop).map_err(|failure| failure.of(UPDATE_PITR))
}

async fn protect(target: &Target, name: &str) -> Result<(), String> {
    settled(target, name).await?;
    let send = || {
        let update = target.dynamodb.update_table();
        update.table_name(name).deletion_protection_enabled(true).send()
    };
    let came = target.caller.once(UPDATE, name, send).await;
    came.map(drop).map_err(|failure| failure.of(UPDATE))
}

/// A table takes one change at a time: waits until it is ACTIVE, for a minute at most; then AWS says why not.
///
/// API: dynamodb:DescribeTable. Calls: 1 for each look.
async fn settled(target: &Target, name: &str) -> Result<(), String> {
    for _ in 0..30 {
        let send = || target.dynamodb.describe_table().table_name(name).send();
        let answer = target.caller.once(DESCRIBE_TABLE, name, send).await;
        let answer = answer.map_err(|failure| failure.of(DESCRIBE_TABLE))?;
        let status = answer
            .table()
            .and_then(|table| table.table_status())
            .map(|status| status.as_str());
        if status == Some("ACTIVE") {
            return Ok(());
        }
        tokio::time::sleep(FIRST_LOOK).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_names_are_checked_before_any_call() {
        assert_eq!(Key::parse("aws-owned"), Ok(Key::AwsOwned));
        assert_eq!(Key::parse("aws-managed"), Ok(Key::AwsManaged));
        let arn = "arn:aws:kms:eu-west-1:111122223333:key/k";
        assert_eq!(Key::parse(arn), Ok(Key::Customer(arn.to_owned())));
        for wrong in ["", "alias/mine", "arn:aws:s3:::bucket", "AWS-OWNED"] {
            assert!(Key::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(check_name("DynamoDB-restore"), Ok(()));
        for wrong in ["", "ab", "a b c", "ab/c", &"a".repeat(256), "awsbackup-restore-test-1"] {
            assert!(check_name(wrong).is_err(), "{wrong}");
        }
    }
}
