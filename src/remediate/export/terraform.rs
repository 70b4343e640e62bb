//! A configuration of Terraform's AWS provider, as HCL.

use hcl::{Block, Body, Expression, Structure};
use serde_json::Value;

use super::{check_target, declared, logical_name, not_declared};
use crate::remediate::Plan;

/// The configuration. What it does not declare stands in comments, before the resources.
///
/// Errors: the plan is of several accounts or Regions.
pub(super) fn configuration(plan: &Plan) -> Result<String, String> {
    check_target(plan)?;
    let (resources, not) = declared(plan, |action| action.deed.terraform(&action.target(), plan));
    let mut text = format!("# Remediation plan {} of scan {}\n", plan.sha256, plan.scan_id);
    let lines = not_declared(&not);
    if !lines.is_empty() {
        text.push_str("#\n# Not in this configuration:\n");
        lines.iter().for_each(|line| text.push_str(&format!("# {line}\n")));
    }
    let blocks = resources.into_iter().map(|resource| {
        let block = Block::builder("resource").add_labels([resource.kind.to_owned(), label(&resource.name)]);
        Structure::from(block.add_structures(structures(&resource.properties)).build())
    });
    let body: Body = blocks.collect();
    let body = hcl::to_string(&body).map_err(|error| error.to_string())?;
    Ok(format!("{text}\n{body}"))
}

/// The name of a resource in the configuration.
pub(super) fn label(words: &str) -> String {
    format!("backproof_{}", logical_name(words).to_ascii_lowercase())
}

/// Arguments and blocks: an object, and each object of a list, is a block; a text `${…}` refers to something.
fn structures(properties: &Value) -> Vec<Structure> {
    let mut structures = Vec::new();
    for (key, value) in properties.as_object().into_iter().flatten() {
        let block =
            |of: &Value| Structure::from(Block::builder(key.as_str()).add_structures(structures_of(of)).build());
        match value {
            Value::Null => {}
            Value::Object(_) if key == "tags" => structures.push(attribute(key, value)),
            Value::Object(_) => structures.push(block(value)),
            Value::Array(list) if list.iter().any(Value::is_object) => structures.extend(list.iter().map(block)),
            _ => structures.push(attribute(key, value)),
        }
    }
    structures
}

fn structures_of(value: &Value) -> Vec<Structure> {
    structures(value)
}

fn attribute(key: &str, value: &Value) -> Structure {
    let value = match value
        .as_str()
        .and_then(|text| text.strip_prefix("${")?.strip_suffix('}'))
    {
        Some(reference) => Expression::from(hcl::expr::Variable::unchecked(reference)),
        None => hcl::to_expression(value).unwrap_or(Expression::Null),
    };
    Structure::from(hcl::Attribute::new(key, value))
}
