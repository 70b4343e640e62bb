//! Deletion protection of one table, switched on.

use std::time::Duration;

use aws_sdk_dynamodb::types::TableDescription;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ground::{DESCRIBE_TABLE, described, name_of, table_id};
use super::{Act, Deed, Doing, Done, Kind, Now, Obstacle, Resource, Sign, Undoing, Undone, check_table};
use crate::aws::failure::Failure;
use crate::aws::target::Target;
use crate::domain::{TargetId, Verdict};
use crate::inventory::schema::Table;
use crate::problem::Outcome;
use crate::remediate::Plan;
use crate::remediate::export::{Declared, IMPORT};
use crate::remediate::propose::Planner;
use crate::remediate::shell::quoted;
use crate::remediate::world::World;

const UPDATE: &str = "dynamodb:UpdateTable";

/// How often, and after what pauses, a change is tried again while another one is under way.
const TRIES: usize = 30;
const PAUSE: Duration = Duration::from_secs(2);

/// Which table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeletionProtection {
    /// The table.
    pub table_arn: String,
    /// The incarnation that was judged. `None`: a table older than table ids.
    pub table_id: Option<String>,
}

fn propose(planner: &mut Planner<'_>) -> Outcome<()> {
    for finding in planner.open(&DeletionProtection::KIND) {
        let Some(table) = planner.table(&finding.resource_arn) else {
            let why = format!("only a table has deletion protection, and this is a {}", finding.subject);
            planner.block(&finding, why);
            continue;
        };
        let deed = DeletionProtection {
            table_arn: table.table_arn.clone(),
            table_id: table_id(table),
        };
        let at = table.target.clone();
        planner.add(&at, Deed::DeletionProtection(deed), &finding.message, &[&finding]);
    }
    Ok(())
}

fn is_on(table: &TableDescription) -> bool {
    table.deletion_protection_enabled() == Some(true)
}

const fn words(is_on: bool) -> &'static str {
    if is_on {
        "deletion protection is on"
    } else {
        "deletion protection is off"
    }
}

impl DeletionProtection {
    async fn read(&self, target: &Target) -> Result<bool, Obstacle> {
        let table = described(target, &self.table_arn, self.table_id.as_deref()).await?;
        Ok(is_on(&table))
    }

    /// A table takes one change at a time: while another is under way, this one waits.
    ///
    /// API: dynamodb:UpdateTable. Calls: 1, and 1 for each time that the table was being changed.
    async fn write(&self, target: &Target, is_on: bool) -> Result<(), Failure> {
        let name = name_of(&self.table_arn);
        let send = || {
            let update = target.dynamodb.update_table().table_name(name);
            update.deletion_protection_enabled(is_on).send()
        };
        for _ in 0..TRIES {
            match target.caller.once(UPDATE, name, send).await {
                Err(failure) if failure.code == "ResourceInUseException" => tokio::time::sleep(PAUSE).await,
                other => return other.map(drop),
            }
        }
        target.caller.once(UPDATE, name, send).await.map(drop)
    }
}

impl Act for DeletionProtection {
    const KIND: Kind = Kind {
        id: "deletion-protection",
        sign: Sign::Change,
        answers: &["deletion-protection-on"],
        frames: &["tables"],
        doing: &[UPDATE],
        checking: &[DESCRIBE_TABLE],
        propose,
    };

    fn resource(&self, _at: &TargetId) -> Resource<'_> {
        Resource {
            noun: "table",
            id: self.table_arn.as_str().into(),
            name: name_of(&self.table_arn).into(),
        }
    }

    fn describe(&self) -> String {
        "deletion protection on".to_owned()
    }

    fn check_values(&self, at: &TargetId) -> Result<(), String> {
        check_table(&self.table_arn, at)
    }

    fn simulate(&self, _at: &TargetId, world: &mut World) -> Outcome<()> {
        world.edit::<Table>(|rows| {
            for row in rows.iter_mut().filter(|row| row.table_arn == self.table_arn) {
                row.deletion_protection = Some(true);
            }
        })
    }

    fn inverse(&self) -> Undone {
        Undone::Back("deletion protection is switched off again".to_owned())
    }

    /// API: dynamodb:DescribeTable. Calls: 1.
    async fn look(&self, target: &Target, _id: &str) -> Result<Now, Obstacle> {
        Ok(match self.read(target).await? {
            true => Now::Already {
                how: words(true).to_owned(),
                made: None,
            },
            false => Now::ToDo(json!({ "is_on": false })),
        })
    }

    /// API: dynamodb:UpdateTable. Calls: 1.
    async fn act(&self, target: &Target, _doing: &Doing<'_>) -> Result<Done, Failure> {
        self.write(target, true).await?;
        Ok(Done::default())
    }

    /// API: dynamodb:DescribeTable. Calls: 1.
    async fn verify(&self, target: &Target, _since: DateTime<Utc>) -> (Verdict, String) {
        match self.read(target).await {
            Ok(true) => (Verdict::Compliant, words(true).to_owned()),
            Ok(false) => (Verdict::NonCompliant, words(false).to_owned()),
            Err(why) => (Verdict::Unknown, why.why()),
        }
    }

    /// API: dynamodb:DescribeTable, dynamodb:UpdateTable. Calls: 2.
    async fn undo(&self, target: &Target, _undoing: &Undoing<'_>) -> Result<Undone, Failure> {
        match self.read(target).await {
            Err(why) => return Ok(Undone::Left(why.why())),
            Ok(false) => return Ok(Undone::Back(words(false).to_owned())),
            Ok(true) => {}
        }
        self.write(target, false).await?;
        Ok(Undone::Back(words(false).to_owned()))
    }

    fn cloudformation(&self, _at: &TargetId, _plan: &Plan) -> Declared {
        Declared::Not(IMPORT)
    }

    fn terraform(&self, _at: &TargetId, _plan: &Plan) -> Declared {
        Declared::Not(IMPORT)
    }

    fn cli(&self, at: &TargetId) -> Vec<String> {
        vec![format!(
            "aws dynamodb update-table --region {} --table-name {} --deletion-protection-enabled",
            at.region,
            quoted(name_of(&self.table_arn))
        )]
    }
}
