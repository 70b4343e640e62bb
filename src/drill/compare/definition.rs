//! Keys, indexes and settings of a restored table against those of its source.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{
    BillingMode, KeySchemaElement, OnDemandThroughput, Projection, ProvisionedThroughputDescription, TableDescription,
};
use chrono::{DateTime, Utc};

use super::super::record::{Definition, Part, PartOutcome, Point};
use super::Side;
use super::point_digest::Filed;
use super::scan::born;
use crate::aws::failure::FailureKind;
use crate::collect::instant;
use crate::problem::one_line;
use crate::remediate::actions::ground::DESCRIBE_TABLE;
use crate::remediate::restore::{Key, Settings};
use crate::text::list;

const ENCRYPTION: &str = "encryption";
const TABLE_CLASS: &str = "table class";
const KEY_SCHEMA: &str = "key schema";
const BILLING: &str = "billing mode";
const CAPACITY: &str = "capacity";
const LOCAL: &str = "local index ";
const GLOBAL: &str = "global index ";
const STATUS: &str = ", status";
const OWNED: &str = "a key that DynamoDB owns";

/// What AWS restores not, and nothing here asks after.
const NOT_ASKED: &str = "not looked at: auto scaling, alarms of CloudWatch, IAM and resource policies, a Kinesis stream, \
     contributor insights";

/// `None`: there is no such table.
async fn describe(side: Side<'_>) -> Result<Option<TableDescription>, String> {
    let send = || side.target.dynamodb.describe_table().table_name(side.table).send();
    match side.target.caller.once(DESCRIBE_TABLE, side.table, send).await {
        Ok(answer) => match answer.table.filter(|table| table.key_schema.is_some()) {
            Some(table) => Ok(Some(table)),
            None => Err(format!("the answer to {DESCRIBE_TABLE} holds no table with a key")),
        },
        Err(failure) if failure.kind == FailureKind::Absent => Ok(None),
        Err(failure) => Err(failure.of(DESCRIBE_TABLE)),
    }
}

/// Compares keys, indexes and settings of a restored table with those of the source, and where the point has a digest, with those
/// that were filed with it.
///
/// A part that differs is a damage only where the source cannot have changed it since the point.
///
/// API: dynamodb:DescribeTable of both, dynamodb:ListTagsOfResource, dynamodb:DescribeTimeToLive,
/// dynamodb:DescribeContinuousBackups of the source. Calls: 6. Errors: the new table cannot be described, in words.
pub(crate) async fn definition(
    restored: Side<'_>,
    source: Option<(Side<'_>, &str)>,
    digest: Option<&Filed>,
    point: &Point,
    ordered: &Key,
) -> Result<Definition, String> {
    let new = match describe(restored).await? {
        Some(table) => table,
        None => return Err(format!("there is no table `{}`", one_line(restored.table))),
    };
    let mut set_again = Vec::new();
    let mut there = None;
    let mut source_unknown = None;
    match source {
        None => source_unknown = Some("the source is not there".to_owned()),
        Some((side, table_arn)) => match describe(side).await {
            Ok(Some(table)) => {
                set_again = left_out(side, table_arn, &table).await;
                there = Some(table);
            }
            Ok(None) => source_unknown = Some("the source is not there any more".to_owned()),
            Err(why) => source_unknown = Some(format!("the source cannot be described: {why}")),
        },
    }
    if let Some(table) = &there
        && !is_of_point(born(table), point)
    {
        source_unknown = Some("the source was made after the point: it is another table of that name".to_owned());
    }
    let filed = digest.filter(|filed| filed.check(point).is_ok());
    let filed = filed.and_then(|filed| filed.digest.definition.clone());
    let known = match (filed, &source_unknown, &there) {
        (Some(definition), ..) => Some((definition, Fixed::All)),
        (None, None, Some(table)) => Some((parts(table), fixed(table, point))),
        _ => None,
    };
    Ok(Definition {
        parts: compared(known.as_ref(), &new, ordered),
        set_again,
        source_unknown: source_unknown.filter(|_| known.is_none()),
    })
}

/// Was a table made before the point was begun? What is not known may be otherwise.
fn is_of_point(born: Option<DateTime<Utc>>, point: &Point) -> bool {
    matches!((born, point.created_at), (Some(born), Some(at)) if born <= at)
}

/// What of a source is as it was when the point was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fixed {
    /// All: it was filed with the point.
    All,
    /// What no table can change, and how it is billed: it was last changed before.
    Billing,
    /// What no table can change.
    Keys,
}

impl Fixed {
    fn holds(self, name: &str) -> bool {
        let is_of_keys = name == KEY_SCHEMA || name.starts_with(LOCAL);
        match self {
            Self::All => true,
            Self::Billing => is_of_keys || name == BILLING || name == CAPACITY,
            Self::Keys => is_of_keys,
        }
    }
}

fn fixed(table: &TableDescription, point: &Point) -> Fixed {
    let to_demand = table
        .billing_mode_summary()
        .and_then(|summary| summary.last_update_to_pay_per_request_date_time());
    let throughput = table.provisioned_throughput();
    let changes = [
        to_demand,
        throughput.and_then(|throughput| throughput.last_increase_date_time()),
        throughput.and_then(|throughput| throughput.last_decrease_date_time()),
    ];
    let mut changes = changes.into_iter().flatten().map(|at| instant(Some(at)));
    let is_before = |at: Option<DateTime<Utc>>| at.zip(point.created_at).is_some_and(|(at, point)| at < point);
    // A table on demand that was provisioned once says when it changed over; one that changed back says nothing.
    let tells = is_on_demand(table) && to_demand.is_some();
    match tells && changes.all(is_before) {
        true => Fixed::Billing,
        false => Fixed::Keys,
    }
}

fn is_on_demand(table: &TableDescription) -> bool {
    let mode = table.billing_mode_summary().and_then(|summary| summary.billing_mode());
    mode == Some(&BillingMode::PayPerRequest)
}

/// Every part that either side has.
fn compared(known: Option<&(BTreeMap<String, String>, Fixed)>, new: &TableDescription, ordered: &Key) -> Vec<Part> {
    let restored = parts(new);
    let none = BTreeMap::new();
    let (source, fixed) = known.map_or((&none, Fixed::Keys), |(parts, fixed)| (parts, *fixed));
    let names: BTreeSet<&String> = source.keys().chain(restored.keys()).collect();
    let mut compared: Vec<Part> = names
        .into_iter()
        .map(|name| {
            let (one, other) = (source.get(name), restored.get(name));
            let outcome = match name.as_str() {
                ENCRYPTION => encrypted(one, other, ordered),
                _ if known.is_none() => PartOutcome::Unknown,
                _ if one == other => PartOutcome::Equal,
                // AWS restores into the standard class whatever the source is of.
                TABLE_CLASS if other.is_some_and(|class| class == "STANDARD") => PartOutcome::AsOrdered,
                name if fixed.holds(name) => PartOutcome::Different,
                _ => PartOutcome::ChangedOrDifferent,
            };
            Part {
                name: name.clone(),
                source: one.cloned(),
                restored: other.cloned(),
                outcome,
            }
        })
        .collect();
    // An index that does not serve is none, whatever that of the source does.
    for index in new.global_secondary_indexes() {
        let status = index.index_status().map_or("UNKNOWN", |status| status.as_str());
        compared.push(Part {
            name: format!("{GLOBAL}{}{STATUS}", index.index_name().unwrap_or_default()),
            source: None,
            restored: Some(status.to_owned()),
            outcome: match status {
                "ACTIVE" => PartOutcome::Equal,
                _ => PartOutcome::Different,
            },
        });
    }
    compared
}

/// The key is that of the order, not that of the source.
fn encrypted(source: Option<&String>, restored: Option<&String>, ordered: &Key) -> PartOutcome {
    let words = restored.map_or(OWNED, String::as_str);
    let is_as_ordered = match ordered {
        Key::AwsOwned => words == OWNED,
        Key::Customer(arn) if arn.contains(":key/") => words.ends_with(arn.as_str()),
        // Of an alias, and of the AWS-managed key, DynamoDB shows the key behind it.
        Key::AwsManaged | Key::Customer(_) => words != OWNED,
    };
    match is_as_ordered {
        false => PartOutcome::Different,
        true if source == restored => PartOutcome::Equal,
        true => PartOutcome::AsOrdered,
    }
}

/// Keys, indexes and settings that a restore is to bring back, by name.
pub(super) fn parts(table: &TableDescription) -> BTreeMap<String, String> {
    let mut parts = BTreeMap::new();
    let mut add = |name: String, words: String| parts.insert(name, words);
    add(KEY_SCHEMA.to_owned(), key_words(table.key_schema()));
    let mut attributes: Vec<String> = table
        .attribute_definitions()
        .iter()
        .map(|attribute| format!("{} {}", attribute.attribute_name(), attribute.attribute_type().as_str()))
        .collect();
    attributes.sort();
    add("attribute definitions".to_owned(), attributes.join(", "));
    for index in table.local_secondary_indexes() {
        let words = format!("{}; {}", key_words(index.key_schema()), projection(index.projection()));
        add(format!("{LOCAL}{}", index.index_name().unwrap_or_default()), words);
    }
    let on_demand = is_on_demand(table);
    for index in table.global_secondary_indexes() {
        let name = format!("{GLOBAL}{}", index.index_name().unwrap_or_default());
        let words = format!("{}; {}", key_words(index.key_schema()), projection(index.projection()));
        add(name.clone(), words);
        if !on_demand {
            add(format!("{name}, capacity"), capacity(index.provisioned_throughput()));
        }
        if let Some(words) = ceilings(index.on_demand_throughput()) {
            add(format!("{name}, ceilings on demand"), words);
        }
    }
    for index in table.vector_indexes() {
        add(
            format!("vector index {}", index.index_name().unwrap_or_default()),
            "there".to_owned(),
        );
    }
    let mode = if on_demand { "PAY_PER_REQUEST" } else { "PROVISIONED" };
    add(BILLING.to_owned(), mode.to_owned());
    if !on_demand {
        add(CAPACITY.to_owned(), capacity(table.provisioned_throughput()));
    }
    if let Some(words) = ceilings(table.on_demand_throughput()) {
        add("ceilings on demand".to_owned(), words);
    }
    let class = table.table_class_summary().and_then(|summary| summary.table_class());
    add(
        TABLE_CLASS.to_owned(),
        class.map_or("STANDARD", |class| class.as_str()).to_owned(),
    );
    let sse = table.sse_description().filter(|sse| {
        let status = sse.status().map(|status| status.as_str());
        !matches!(status, Some("DISABLED" | "DISABLING"))
    });
    let key = sse.map(|sse| sse.kms_master_key_arn().unwrap_or("not known"));
    add(
        ENCRYPTION.to_owned(),
        key.map_or_else(|| OWNED.to_owned(), |arn| format!("KMS key {arn}")),
    );
    parts
}

/// Its elements in AWS's order, which is hash before range.
fn key_words(keys: &[KeySchemaElement]) -> String {
    let words: Vec<String> = keys
        .iter()
        .map(|key| format!("{} {}", key.attribute_name(), key.key_type().as_str()))
        .collect();
    words.join(", ")
}

fn projection(of: Option<&Projection>) -> String {
    let kind = of
        .and_then(|of| of.projection_type())
        .map_or("not known", |kind| kind.as_str());
    let mut others: Vec<&str> = of
        .map_or(&[][..], |of| of.non_key_attributes())
        .iter()
        .map(String::as_str)
        .collect();
    others.sort_unstable();
    match others.is_empty() {
        true => format!("projects {kind}"),
        false => format!("projects {kind} {}", others.join(", ")),
    }
}

fn capacity(of: Option<&ProvisionedThroughputDescription>) -> String {
    let number = |units: Option<i64>| units.map_or_else(|| "unknown".to_owned(), |units| units.to_string());
    format!(
        "{} read, {} write",
        number(of.and_then(|of| of.read_capacity_units())),
        number(of.and_then(|of| of.write_capacity_units()))
    )
}

/// −1 is no ceiling.
fn ceilings(of: Option<&OnDemandThroughput>) -> Option<String> {
    let number = |units: Option<i64>| units.filter(|units| *units > 0);
    let (read, write) = (
        number(of?.max_read_request_units()),
        number(of?.max_write_request_units()),
    );
    let words = |units: Option<i64>| units.map_or_else(|| "none".to_owned(), |units| units.to_string());
    (read.is_some() || write.is_some()).then(|| format!("{} read, {} write", words(read), words(write)))
}

/// What AWS leaves out of a restore, where the source has it.
async fn left_out(side: Side<'_>, table_arn: &str, table: &TableDescription) -> Vec<String> {
    let mut left = match Settings::of_table(side.target, table_arn).await {
        Ok(Some(settings)) => settings.words(),
        Ok(None) => Vec::new(),
        Err(why) => vec![format!("settings: not known, {why}")],
    };
    let replicas: Vec<String> = table
        .replicas()
        .iter()
        .map(|replica| one_line(replica.region_name().unwrap_or("a Region that is not named")))
        .collect();
    if !replicas.is_empty() {
        left.push(format!(
            "replicas in {}",
            list(&replicas.iter().map(String::as_str).collect::<Vec<_>>())
        ));
    }
    let class = table.table_class_summary().and_then(|summary| summary.table_class());
    if let Some(class) = class.filter(|class| class.as_str() != "STANDARD") {
        left.push(format!("table class {}", one_line(class.as_str())));
    }
    left.push(NOT_ASKED.to_owned());
    left
}
