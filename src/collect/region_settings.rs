//! AWS Backup's settings of a target: is DynamoDB opted in, are its advanced features on.

use super::{Context, Stop, gap};
use crate::inventory::schema::RegionSetting;

/// API: backup:DescribeRegionSettings. Calls: 1. Errors: become a gap.
pub(super) async fn collect(context: &Context<'_>) -> Result<(), Stop> {
    if !context.wanted.has("region_settings") {
        return Ok(());
    }
    context.push::<RegionSetting>(&[])?;
    let send = || context.target.backup.describe_region_settings().send();
    match context
        .target
        .caller
        .once("backup:DescribeRegionSettings", "", send)
        .await
    {
        Ok(answer) => {
            let flag = |map: Option<&std::collections::HashMap<String, bool>>| map?.get("DynamoDB").copied();
            let row = RegionSetting {
                account_id: context.account_id(),
                region: context.region(),
                dynamodb_opt_in: flag(answer.resource_type_opt_in_preference()),
                dynamodb_advanced: flag(answer.resource_type_management_preference()),
            };
            Ok(context.push(&[row])?)
        }
        Err(failure) => gap(context.target, &failure),
    }
}
