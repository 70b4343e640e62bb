//! A CloudFormation template, as JSON.

use serde_json::{Map, Value, json};

use super::{check_target, declared, logical_name, not_declared};
use crate::remediate::Plan;

/// The template. What it does not declare stands in its metadata, before the resources.
///
/// Errors: the plan is of several accounts or Regions.
pub(super) fn template(plan: &Plan) -> Result<String, String> {
    check_target(plan)?;
    let (resources, not) = declared(plan, |action| action.deed.cloudformation(&action.target(), plan));
    let mut by_name = Map::new();
    for resource in resources {
        let name = name_of(resource.kind, &resource.name);
        let mut of_resource = json!({ "Type": resource.kind });
        // What holds recovery points, or decides over them, outlives its stack.
        if resource.kind.starts_with("AWS::Backup::Backup") {
            of_resource["DeletionPolicy"] = "Retain".into();
            of_resource["UpdateReplacePolicy"] = "Retain".into();
        }
        of_resource["Properties"] = resource.properties;
        by_name.insert(name, of_resource);
    }
    let mut template = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": format!("Remediation plan {} of scan {}", plan.sha256, plan.scan_id),
        "Metadata": { "NotInThisTemplate": not_declared(&not) },
    });
    if by_name.is_empty() {
        // A template without a resource is refused; this one makes nothing.
        by_name.insert(
            "Nothing".to_owned(),
            json!({ "Type": "AWS::CloudFormation::WaitConditionHandle" }),
        );
    }
    template["Resources"] = Value::Object(by_name);
    let text = serde_json::to_string_pretty(&template).map_err(|error| error.to_string())?;
    Ok(text + "\n")
}

/// The logical id of a resource.
pub(super) fn name_of(kind: &str, words: &str) -> String {
    format!(
        "{}{}",
        kind.rsplit("::").next().unwrap_or_default(),
        logical_name(words)
    )
}
