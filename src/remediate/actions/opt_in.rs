//! DynamoDB opted in to AWS Backup in one account and Region, and its advanced features with it.
//!
//! Only the key `DynamoDB` of the two maps is sent, so that every other key, and maps that this program does not know, keep
//! what they hold.

use aws_sdk_backup::operation::describe_region_settings::DescribeRegionSettingsOutput;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Act, Deed, Doing, Done, Kind, Now, Obstacle, Resource, Sign, Thing, Undoing, Undone};
use crate::aws::failure::Failure;
use crate::aws::target::Target;
use crate::domain::{TargetId, Verdict};
use crate::inventory::schema::RegionSetting;
use crate::problem::Outcome;
use crate::remediate::propose::Planner;
use crate::remediate::world::World;

const UPDATE: &str = "backup:UpdateRegionSettings";
const DESCRIBE: &str = "backup:DescribeRegionSettings";

/// The key of DynamoDB in both maps.
const DYNAMODB: &str = "DynamoDB";

/// What to switch on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptIn {
    /// With advanced features: AWS Backup manages the recovery points, with a key of the vault, cold storage and copies.
    pub advanced_features: bool,
}

/// The two settings; none: the key is missing, which means off.
type Settings = (Option<bool>, Option<bool>);

fn propose(planner: &mut Planner<'_>) -> Outcome<()> {
    for finding in planner.open(&OptIn::KIND) {
        let at = finding.target.clone();
        let deed = Deed::OptIn(OptIn { advanced_features: true });
        planner.add(&at, deed, &finding.message, &[&finding]);
    }
    Ok(())
}

impl OptIn {
    /// API: backup:DescribeRegionSettings. Calls: 1. Errors: AWS's refusal, or an answer without the map.
    async fn read(target: &Target) -> Result<Settings, Failure> {
        let send = || target.backup.describe_region_settings().send();
        let both = |answer: DescribeRegionSettingsOutput| {
            let opted_in = answer.resource_type_opt_in_preference?;
            Some((opted_in, answer.resource_type_management_preference.unwrap_or_default()))
        };
        let (opted_in, managed) = target.caller.part(DESCRIBE, "", send, "opt-in", both).await?;
        Ok((opted_in.get(DYNAMODB).copied(), managed.get(DYNAMODB).copied()))
    }

    fn is_done(&self, (opted_in, managed): Settings) -> bool {
        opted_in == Some(true) && (!self.advanced_features || managed == Some(true))
    }
}

impl Act for OptIn {
    const KIND: Kind = Kind {
        id: "opt-in",
        sign: Sign::Change,
        answers: &[
            "advanced-features-on",
            "dynamodb-opted-in",
            "target-advanced-features-on",
            "target-opted-in",
        ],
        frames: &["region_settings"],
        doing: &[UPDATE, DESCRIBE],
        checking: &[DESCRIBE],
        propose,
    };

    fn resource(&self, _at: &TargetId) -> Resource<'_> {
        Resource {
            noun: "region settings",
            id: "region-settings".into(),
            name: "AWS Backup's settings".into(),
        }
    }

    fn describe(&self) -> String {
        match self.advanced_features {
            true => "DynamoDB opted in, advanced features on".to_owned(),
            false => "DynamoDB opted in".to_owned(),
        }
    }

    fn check_values(&self, _at: &TargetId) -> Result<(), String> {
        Ok(())
    }

    fn gives(&self, at: &TargetId) -> Vec<Thing> {
        vec![Thing::new(at, "opt-in", "")]
    }

    fn simulate(&self, at: &TargetId, world: &mut World) -> Outcome<()> {
        world.edit::<RegionSetting>(|rows| {
            for row in rows.iter_mut().filter(|row| row.account_id == at.account_id && row.region == at.region) {
                row.dynamodb_opt_in = Some(true);
                if self.advanced_features {
                    row.dynamodb_advanced = Some(true);
                }
            }
        })
    }

    fn inverse(&self) -> Undone {
        Undone::Back("the settings get their former values, where they still hold what was set here".to_owned())
    }

    /// API: backup:DescribeRegionSettings. Calls: 1.
    async fn look(&self, target: &Target, _id: &str) -> Result<Now, Obstacle> {
        let settings = Self::read(target).await?;
        Ok(match self.is_done(settings) {
            true => Now::Already {
                how: self.describe(),
                made: None,
            },
            false => Now::ToDo(json!({ "opted_in": settings.0, "advanced_features": settings.1 })),
        })
    }

    /// API: backup:UpdateRegionSettings. Calls: 1.
    async fn act(&self, target: &Target, _doing: &Doing<'_>) -> Result<Done, Failure> {
        let send = || {
            let mut update = target
                .backup
                .update_region_settings()
                .resource_type_opt_in_preference(DYNAMODB, true);
            if self.advanced_features {
                update = update.resource_type_management_preference(DYNAMODB, true);
            }
            update.send()
        };
        target.caller.once(UPDATE, "", send).await?;
        Ok(Done::default())
    }

    /// API: backup:DescribeRegionSettings. Calls: 1.
    async fn verify(&self, target: &Target, _since: DateTime<Utc>) -> (Verdict, String) {
        match Self::read(target).await {
            Ok(settings) if self.is_done(settings) => (Verdict::Compliant, self.describe()),
            Ok((opted_in, managed)) => {
                let word = |value| if value == Some(true) { "on" } else { "off" };
                let found = format!("opt-in {}, advanced features {}", word(opted_in), word(managed));
                (Verdict::NonCompliant, found)
            }
            Err(failure) => (Verdict::Unknown, failure.told()),
        }
    }

    /// API: backup:DescribeRegionSettings, backup:UpdateRegionSettings. Calls: 2.
    async fn undo(&self, target: &Target, undoing: &Undoing<'_>) -> Result<Undone, Failure> {
        let before = undoing.before;
        // A key that was missing means off, and cannot be taken out again.
        let former = |key: &str| before.get(key).and_then(Value::as_bool).unwrap_or(false);
        let now = Self::read(target).await?;
        let is_on = |value: Option<bool>| value == Some(true);
        let is_managed_as_before = !self.advanced_features || is_on(now.1) == former("advanced_features");
        if is_on(now.0) == former("opted_in") && is_managed_as_before {
            return Ok(Undone::Back("the settings have their former values".to_owned()));
        }
        if !self.is_done(now) {
            return Ok(Undone::Left("the settings were changed since".to_owned()));
        }
        let send = || {
            let update = target.backup.update_region_settings();
            let update = match former("opted_in") {
                true => update,
                false => update.resource_type_opt_in_preference(DYNAMODB, false),
            };
            let update = match !self.advanced_features || former("advanced_features") {
                true => update,
                false => update.resource_type_management_preference(DYNAMODB, false),
            };
            update.send()
        };
        target.caller.once(UPDATE, "", send).await?;
        Ok(Undone::Back("the settings have their former values".to_owned()))
    }

    fn cli(&self, at: &TargetId) -> Vec<String> {
        let managed = match self.advanced_features {
            true => " --resource-type-management-preference DynamoDB=true",
            false => "",
        };
        vec![format!(
            "aws backup update-region-settings --region {} --resource-type-opt-in-preference DynamoDB=true{managed}",
            at.region
        )]
    }
}
