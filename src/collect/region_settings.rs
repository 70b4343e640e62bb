//! AWS Backup's settings of a target: is DynamoDB opted in, are its advanced features on.

use aws_sdk_backup::operation::describe_region_settings::DescribeRegionSettingsOutput;

use super::{Context, Stop, gap};
use crate::inventory::schema::RegionSetting;

/// API: backup:DescribeRegionSettings. Calls: 1. Errors: become a gap.
pub(super) async fn collect(context: &Context<'_>) -> Result<(), Stop> {
    if !context.wanted.has("region_settings") {
        return Ok(());
    }
    context.push::<RegionSetting>(&[])?;
    let send = || context.target.backup.describe_region_settings().send();
    let both = |answer: DescribeRegionSettingsOutput| {
        // A key that is missing says no; a whole map that is missing says nothing.
        let opted_in = answer.resource_type_opt_in_preference?;
        Some((opted_in, answer.resource_type_management_preference.unwrap_or_default()))
    };
    let caller = &context.target.caller;
    match caller
        .part("backup:DescribeRegionSettings", "", send, "opt-in", both)
        .await
    {
        Ok((opted_in, managed)) => {
            let row = RegionSetting {
                account_id: context.account_id(),
                region: context.region(),
                dynamodb_opt_in: opted_in.get("DynamoDB").copied(),
                dynamodb_advanced: managed.get("DynamoDB").copied(),
            };
            Ok(context.push(&[row])?)
        }
        Err(failure) => gap(context.target, &failure),
    }
}
