//! Tags of a table by which a selection takes it. A tag that the table has with another value is never changed.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Act, Deed, Doing, Done, Kind, Now, Obstacle, Quantities, Resource, Sign, Undoing, Undone, check_table};
use crate::aws::failure::{Failure, FailureKind};
use crate::aws::target::Target;
use crate::domain::{Arn, TargetId, Verdict};
use crate::inventory::schema::TableTag;
use crate::problem::Outcome;
use crate::remediate::plans::asked::{DESCRIBE_TABLE, LIST_TABLE_TAGS, check_incarnation, table_tags};
use crate::remediate::plans::demand::{self, OF_TABLES};
use crate::remediate::plans::load::{Load, later};
use crate::remediate::plans::means;
use crate::remediate::propose::Planner;
use crate::remediate::shell::quoted;
use crate::remediate::world::World;
use crate::text::{list, one_line};

const TAG: &str = "dynamodb:TagResource";
const UNTAG: &str = "dynamodb:UntagResource";

/// Tags to put on a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagTable {
    /// The table.
    pub table_arn: String,
    /// The incarnation that was judged. `None`: a table older than table ids.
    pub table_id: Option<String>,
    /// What it gets, in order of key.
    pub tags: Vec<Tag>,
    /// The plan that takes the table then.
    pub plan_name: String,
    /// Bytes that the plan keeps of it once it is in full use, every backup taken as a full one; zero where an assignment counts
    /// them. `None`: not known.
    pub keeps: Option<Load>,
}

/// One tag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tag {
    /// Case-sensitive.
    pub key: String,
    /// Case-sensitive.
    pub value: String,
}

fn propose(planner: &mut Planner<'_>) -> Outcome<()> {
    let needy = demand::needy(planner, &TagTable::KIND)?;
    let needy = means::without_foreign(planner, needy);
    let helped = means::by_tag(planner, &[], needy)?;
    for (one, deed) in helped.by {
        let findings: Vec<_> = one.findings.iter().collect();
        planner.add(one.at(), Deed::TagTable(deed), &findings[0].message, &findings);
    }
    for (mut one, deed) in helped.later {
        // What the plan's past runs did not do for the table is said of it until the plan ran.
        let others = planner.report.findings.iter().filter(|finding| {
            let is_of_it = finding.resource_arn == one.table.table_arn && OF_TABLES.contains(&&*finding.rule);
            is_of_it && finding.framework.is_none() && one.findings.iter().all(|known| known.id != finding.id)
        });
        let others: Vec<_> = others.cloned().collect();
        one.findings.extend(others);
        let findings: Vec<_> = one.findings.iter().collect();
        planner.add(one.at(), Deed::TagTable(deed), &findings[0].message, &findings);
    }
    if !planner.takes(super::Assign::KIND.id) {
        means::block(planner, &helped.not, "no selection takes tables by a tag that would put it into a plan that meets the policy");
    }
    Ok(())
}

impl TagTable {
    /// The tags, in words.
    pub(crate) fn words(&self) -> String {
        let words = |tag: &Tag| format!("`{}` = `{}`", one_line(&tag.key), one_line(&tag.value));
        self.tags.iter().map(words).collect::<Vec<_>>().join(" and ")
    }

    fn table_name(&self) -> &str {
        let arn = Arn::parse(&self.table_arn);
        arn.and_then(|arn| arn.table_name()).unwrap_or_default()
    }

    /// The tags that are still to be set.
    ///
    /// Errors: a key has another value.
    fn missing(&self, found: &BTreeMap<String, String>) -> Result<Vec<&Tag>, String> {
        let other = self
            .tags
            .iter()
            .find_map(|tag| found.get(&tag.key).filter(|value| **value != tag.value).map(|value| (tag, value)));
        match other {
            Some((tag, value)) => Err(format!(
                "its tag `{}` was set to `{}` since; it is not changed",
                one_line(&tag.key),
                one_line(value)
            )),
            None => Ok(self.tags.iter().filter(|tag| !found.contains_key(&tag.key)).collect()),
        }
    }
}

impl Act for TagTable {
    const KIND: Kind = Kind {
        id: "tag-table",
        sign: Sign::Change,
        answers: OF_TABLES,
        frames: &["plans", "plan_rules", "plan_versions", "selections", "table_tags", "tables", "vaults"],
        doing: &[TAG, UNTAG],
        checking: &[DESCRIBE_TABLE, LIST_TABLE_TAGS],
        propose,
    };

    fn resource(&self, _at: &TargetId) -> Resource<'_> {
        Resource {
            noun: "table",
            id: self.table_arn.as_str().into(),
            name: self.table_name().into(),
        }
    }

    fn describe(&self) -> String {
        format!("tag {}, by which plan `{}` takes it", self.words(), one_line(&self.plan_name))
    }

    fn check_values(&self, at: &TargetId) -> Result<(), String> {
        check_table(&self.table_arn, at)?;
        let is_right = |tag: &Tag| {
            let key = tag.key.chars().count();
            (1..=128).contains(&key) && tag.value.chars().count() <= 256 && !tag.key.starts_with("aws:")
        };
        match self.tags.iter().find(|tag| !is_right(tag)) {
            Some(tag) => Err(format!("`{}` is not a tag that DynamoDB takes", one_line(&tag.key))),
            None if self.tags.is_empty() => Err("no tag to set".to_owned()),
            None => Ok(()),
        }
    }

    fn simulate(&self, _at: &TargetId, world: &mut World) -> Outcome<()> {
        world.edit::<TableTag>(|rows| {
            for tag in &self.tags {
                rows.retain(|row| row.table_arn != self.table_arn || row.key != tag.key);
                rows.push(TableTag {
                    table_arn: self.table_arn.clone(),
                    key: tag.key.clone(),
                    value: tag.value.clone(),
                });
            }
        })
    }

    /// The plan makes recovery points from then on.
    fn quantities(&self) -> Quantities {
        later(self.keeps)
    }

    fn inverse(&self) -> Undone {
        Undone::Back("the tags are removed, where the table did not have them and they still have these values".to_owned())
    }

    /// API: dynamodb:DescribeTable, dynamodb:ListTagsOfResource. Calls: 2 and more for many tags.
    async fn look(&self, target: &Target, _id: &str) -> Result<Now, Obstacle> {
        check_incarnation(target, self.table_name(), self.table_id.as_deref()).await?;
        let found = table_tags(target, &self.table_arn).await?;
        let missing = self.missing(&found)?;
        Ok(match missing.is_empty() {
            true => Now::Already {
                how: format!("it has {}", self.words()),
                made: None,
            },
            false => Now::ToDo(json!({ "absent": missing.iter().map(|tag| &tag.key).collect::<Vec<_>>() })),
        })
    }

    /// API: dynamodb:TagResource. Calls: 1. Errors: AWS's refusal.
    async fn act(&self, target: &Target, _doing: &Doing<'_>) -> Result<Done, Failure> {
        let send = || {
            let tags = self.tags.iter().map(|tag| {
                let tag = aws_sdk_dynamodb::types::Tag::builder().key(&tag.key).value(&tag.value);
                tag.build().expect("it has a key and a value")
            });
            let put = target.dynamodb.tag_resource().resource_arn(&self.table_arn);
            put.set_tags(Some(tags.collect())).send()
        };
        target.caller.once(TAG, &self.table_arn, send).await?;
        Ok(Done::default())
    }

    /// API: dynamodb:ListTagsOfResource. Calls: 1 for each page.
    async fn verify(&self, target: &Target, _since: DateTime<Utc>) -> (Verdict, String) {
        match table_tags(target, &self.table_arn).await {
            Err(failure) => (Verdict::Unknown, failure.told()),
            Ok(found) => match self.missing(&found) {
                Err(why) => (Verdict::NonCompliant, why),
                Ok(missing) if missing.is_empty() => (Verdict::Compliant, format!("it has {}", self.words())),
                Ok(missing) => {
                    let keys: Vec<&str> = missing.iter().map(|tag| tag.key.as_str()).collect();
                    (Verdict::NonCompliant, format!("it lacks {}", list(&keys)))
                }
            },
        }
    }

    /// API: dynamodb:ListTagsOfResource, dynamodb:UntagResource. Calls: 2.
    async fn undo(&self, target: &Target, undoing: &Undoing<'_>) -> Result<Undone, Failure> {
        let before = undoing.before;
        let absent = before["absent"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let absent: Vec<&str> = absent.collect();
        if absent.is_empty() {
            return Ok(Undone::Left("it had the tags before".to_owned()));
        }
        let found = match table_tags(target, &self.table_arn).await {
            Err(failure) if failure.kind == FailureKind::Absent => {
                return Ok(Undone::Back("the table is gone, and its tags with it".to_owned()));
            }
            found => found?,
        };
        if let Err(why) = self.missing(&found) {
            return Ok(Undone::Left(why));
        }
        let own = self.tags.iter().map(|tag| &tag.key).filter(|key| found.contains_key(*key));
        let own: Vec<String> = own.filter(|key| absent.contains(&key.as_str())).cloned().collect();
        if own.is_empty() {
            return Ok(Undone::Back(format!("the table does not have {}", self.words())));
        }
        let send = || {
            let untag = target.dynamodb.untag_resource().resource_arn(&self.table_arn);
            untag.set_tag_keys(Some(own.clone())).send()
        };
        target.caller.once(UNTAG, &self.table_arn, send).await?;
        Ok(Undone::Back(format!("the table no longer has {}", self.words())))
    }

    fn cli(&self, at: &TargetId) -> Vec<String> {
        let tags: Vec<Value> = self.tags.iter().map(|tag| json!({"Key": tag.key, "Value": tag.value})).collect();
        vec![format!(
            "aws dynamodb tag-resource --region {} --resource-arn {} --tags {}",
            at.region,
            quoted(&self.table_arn),
            quoted(&Value::from(tags).to_string())
        )]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_with_another_value_is_never_overwritten() {
        let tag = |key: &str, value: &str| Tag {
            key: key.to_owned(),
            value: value.to_owned(),
        };
        let deed = TagTable {
            table_arn: "arn:aws:dynamodb:eu-west-1:111122223333:table/orders".to_owned(),
            table_id: None,
            tags: vec![tag("backup", "daily"), tag("stage", "prod")],
            plan_name: "daily".to_owned(),
            keeps: None,
        };
        let found = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        assert_eq!(deed.missing(&found(&[("stage", "prod")])), Ok(vec![&deed.tags[0]]));
        assert_eq!(deed.missing(&found(&[("stage", "prod"), ("backup", "daily")])), Ok(vec![]));
        let why = deed.missing(&found(&[("backup", "Daily")])).expect_err("another value");
        assert_eq!(why, "its tag `backup` was set to `Daily` since; it is not changed");
    }
}
