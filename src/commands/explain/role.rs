//! The role that a command assumes in each account, as templates of those who make roles by code.

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::problem::{Outcome, Problem};

/// The forms of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RoleForm {
    /// A CloudFormation template: the role in one account.
    CloudFormation,
    /// A CloudFormation template for the management account: the role in every account of some units.
    StackSet,
    /// A configuration of Terraform's AWS provider: the role in one account.
    Terraform,
}

/// What `explain` prints in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExplainedIn {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// Permissions only: the role of one account, as a CloudFormation template.
    Cloudformation,
    /// Permissions only: the role of every account of an organisation's units, as a CloudFormation template with a StackSet.
    Stackset,
    /// Permissions only: the role of one account, as a Terraform configuration.
    Terraform,
}

impl ExplainedIn {
    /// The form of a role; none: this is no form of a role.
    pub(super) fn role(self) -> Option<RoleForm> {
        match self {
            Self::Text | Self::Json => None,
            Self::Cloudformation => Some(RoleForm::CloudFormation),
            Self::Stackset => Some(RoleForm::StackSet),
            Self::Terraform => Some(RoleForm::Terraform),
        }
    }
}

/// The longest text that a StackSet takes as a template.
const LONGEST_TEMPLATE: usize = 51_200;

/// The role with these statements.
///
/// Errors: it is longer than AWS takes.
pub(super) fn role(form: RoleForm, command: &str, statements: &[Value]) -> Outcome<String> {
    let policy = json!({"Version": "2012-10-17", "Statement": statements});
    let template = template(command, &policy);
    let text = match form {
        RoleForm::CloudFormation => pretty(&template),
        RoleForm::StackSet => {
            let body = template.to_string();
            if body.len() > LONGEST_TEMPLATE {
                return Err(Problem::new("the template is longer than a StackSet takes")
                    .why(format!("{} bytes of at most {LONGEST_TEMPLATE}", body.len()))
                    .hint("name the rules that you need with `--rules`")
                    .into());
            }
            pretty(&stack_set(command, &body))
        }
        RoleForm::Terraform => terraform(command, &policy),
    };
    Ok(text + "\n")
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

fn description(command: &str) -> String {
    format!("The role that `backproof {command}` assumes in an account.")
}

/// What all of them ask: who may assume the role, by which external id, and what it is called.
fn parameters() -> Value {
    json!({
        "Caller": {
            "Type": "String",
            "AllowedPattern": "arn:[a-z-]+:iam::[0-9]{12}:(root|role/.+|user/.+)",
            "Description": "ARN of the role or user that may assume this role",
        },
        "ExternalId": {
            "Type": "String",
            "Default": "",
            "Description": "External id that the caller has to name; empty: none",
        },
        "RoleName": {
            "Type": "String",
            "Default": "BackupAudit",
            "Description": "Name of the role",
        },
    })
}

fn template(command: &str, policy: &Value) -> Value {
    let trust = |condition: Value| {
        let mut statement =
            json!({"Effect": "Allow", "Principal": {"AWS": {"Ref": "Caller"}}, "Action": "sts:AssumeRole"});
        if !condition.is_null() {
            statement["Condition"] = condition;
        }
        json!({"Version": "2012-10-17", "Statement": [statement]})
    };
    let by_id = trust(json!({"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}}));
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": description(command),
        "Parameters": parameters(),
        "Conditions": {"HasExternalId": {"Fn::Not": [{"Fn::Equals": [{"Ref": "ExternalId"}, ""]}]}},
        "Resources": {
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "RoleName": {"Ref": "RoleName"},
                    "Description": description(command),
                    "AssumeRolePolicyDocument": {"Fn::If": ["HasExternalId", by_id, trust(Value::Null)]},
                    "Policies": [{"PolicyName": format!("backproof-{command}"), "PolicyDocument": policy}],
                },
            },
        },
        "Outputs": {"RoleArn": {"Description": "For `role_arn` in backproof.toml", "Value": {"Fn::GetAtt": ["Role", "Arn"]}}},
    })
}

fn stack_set(command: &str, body: &str) -> Value {
    let mut parameters = parameters();
    parameters["Units"] = json!({
        "Type": "CommaDelimitedList",
        "Description": "Organizational units, or the root, whose accounts get the role, now and later",
    });
    let passed = ["Caller", "ExternalId", "RoleName"];
    let passed = passed.map(|key| json!({"ParameterKey": key, "ParameterValue": {"Ref": key}}));
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": format!(
            "{} For the management account or a delegated administrator of StackSets. A StackSet leaves out the management account \
             itself: make the role there by `--format cloudformation`.",
            description(command)
        ),
        "Parameters": parameters,
        "Resources": {
            "Roles": {
                "Type": "AWS::CloudFormation::StackSet",
                "Properties": {
                    "StackSetName": format!("backproof-{command}"),
                    "Description": description(command),
                    "PermissionModel": "SERVICE_MANAGED",
                    "AutoDeployment": {"Enabled": true, "RetainStacksOnAccountRemoval": false},
                    "Capabilities": ["CAPABILITY_NAMED_IAM"],
                    "Parameters": passed,
                    // A role is of all Regions: one of them makes it.
                    "StackInstancesGroup": [{
                        "DeploymentTargets": {"OrganizationalUnitIds": {"Ref": "Units"}},
                        "Regions": [{"Ref": "AWS::Region"}],
                    }],
                    "TemplateBody": body,
                },
            },
        },
    })
}

fn terraform(command: &str, policy: &Value) -> String {
    let policy = pretty(policy).replace('\n', "\n  ");
    let about = description(command);
    format!(
        r#"# {about}

variable "caller_arn" {{
  description = "ARN of the role or user that may assume this role"
  type        = string
}}

variable "external_id" {{
  description = "External id that the caller has to name; empty: none"
  type        = string
  default     = ""
}}

variable "role_name" {{
  description = "Name of the role"
  type        = string
  default     = "BackupAudit"
}}

data "aws_iam_policy_document" "trust" {{
  statement {{
    actions = ["sts:AssumeRole"]

    principals {{
      type        = "AWS"
      identifiers = [var.caller_arn]
    }}

    dynamic "condition" {{
      for_each = var.external_id == "" ? [] : [var.external_id]

      content {{
        test     = "StringEquals"
        variable = "sts:ExternalId"
        values   = [condition.value]
      }}
    }}
  }}
}}

resource "aws_iam_role" "backproof" {{
  name               = var.role_name
  description        = "{about}"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}}

resource "aws_iam_role_policy" "backproof" {{
  name = "backproof-{command}"
  role = aws_iam_role.backproof.id

  policy = jsonencode({policy})
}}

output "role_arn" {{
  description = "For `role_arn` in backproof.toml"
  value       = aws_iam_role.backproof.arn
}}"#
    )
}
