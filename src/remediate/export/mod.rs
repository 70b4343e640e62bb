//! A plan in the forms of those who change AWS by code review only.
//!
//! A template says what is to be there, so it can only hold what an action makes. What is there already would have to be imported
//! by its owner first, and some things have no resource at all: those come first in the file, with the lines of the AWS CLI that do
//! them. Nothing is emitted that would create, replace or delete what is there.

mod aws_cli;
mod cloudformation;
pub(crate) mod policy;
mod terraform;

use serde_json::Value;

use super::{Action, Plan};
use crate::problem::one_line;

/// A form of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A POSIX shell script that calls the AWS CLI, version 2.
    AwsCli,
    /// A CloudFormation template, as JSON.
    CloudFormation,
    /// A configuration of Terraform's AWS provider, as HCL.
    Terraform,
    /// A backup policy of AWS Organizations, as JSON, below what it cannot hold.
    Policy,
}

/// An action as a template has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Declared {
    /// What is to be there.
    Resources(Vec<Declaration>),
    /// It cannot be declared; why.
    Not(&'static str),
}

/// Why what changes something that is there is not declared.
pub(crate) const IMPORT: &str = "it is there already: its owner imports it first";

/// Why what has no resource is not declared.
pub(crate) const NO_RESOURCE: &str = "no resource stands for it";

/// One resource of a template.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Declaration {
    /// Its type, such as `AWS::Backup::BackupVault` or `aws_backup_vault`.
    pub(crate) kind: &'static str,
    /// Words that tell it from others of its type.
    pub(crate) name: String,
    /// Its properties or arguments. In Terraform an object, or a list of objects, is a block or several.
    pub(crate) properties: Value,
}

impl Declared {
    /// One resource.
    pub(crate) fn one(kind: &'static str, name: impl Into<String>, properties: Value) -> Self {
        Self::Resources(vec![Declaration {
            kind,
            name: name.into(),
            properties,
        }])
    }
}

/// What CloudFormation takes for the id of a resource of the same template.
pub(crate) fn reference(kind: &str, name: &str) -> Value {
    serde_json::json!({ "Ref": cloudformation::name_of(kind, name) })
}

/// The same for an attribute of a resource of the same Terraform configuration.
pub(crate) fn terraform_reference(kind: &str, name: &str, attribute: &str) -> Value {
    format!("${{{kind}.{}.{attribute}}}", terraform::label(name)).into()
}

/// The plan as the text of one file.
///
/// Errors: why it cannot be, in words.
pub(crate) fn export(plan: &Plan, form: Form) -> Result<String, String> {
    match form {
        Form::AwsCli => Ok(aws_cli::script(plan)),
        Form::CloudFormation => cloudformation::template(plan),
        Form::Terraform => terraform::configuration(plan),
        Form::Policy => policy::policy(plan),
    }
}

/// A template is of one account and Region.
fn check_target(plan: &Plan) -> Result<(), String> {
    let mut targets = plan.actions.iter().map(Action::target);
    let first = targets.next().unwrap_or_default();
    match targets.find(|target| *target != first) {
        None => Ok(()),
        Some(other) => Err(format!(
            "the plan is of {first} and of {other}, and a template is of one account and Region"
        )),
    }
}

/// What is declared, and what is not: each such action with the reason.
fn declared(plan: &Plan, of: impl Fn(&Action) -> Declared) -> (Vec<Declaration>, Vec<(&Action, &'static str)>) {
    let (mut resources, mut not) = (Vec::new(), Vec::new());
    for action in &plan.actions {
        match of(action) {
            Declared::Resources(of_action) => resources.extend(of_action),
            Declared::Not(why) => not.push((action, why)),
        }
    }
    (resources, not)
}

/// The lines that say what is not declared, and the calls that do it.
fn not_declared(not: &[(&Action, &'static str)]) -> Vec<String> {
    let mut lines = Vec::new();
    for (action, why) in not {
        let at = action.target();
        let resource = action.deed.resource(&at);
        lines.push(format!(
            "{} {}: {} ({why})",
            resource.noun,
            one_line(&resource.name),
            one_line(&action.deed.describe())
        ));
        let calls = action.deed.cli(&at);
        lines.extend(
            calls
                .iter()
                .flat_map(|call| call.lines())
                .map(|line| format!("  {line}")),
        );
    }
    lines
}

/// A name that every form takes: letters and digits alone, the same for the same words and for no others.
fn logical_name(words: &str) -> String {
    let plain: String = words
        .split(|character: char| !character.is_ascii_alphanumeric())
        .map(|word| {
            let mut characters = word.chars();
            let first = characters.next().map(|character| character.to_ascii_uppercase());
            first.into_iter().chain(characters).collect::<String>()
        })
        .collect();
    let is_whole = words.bytes().all(|byte| byte.is_ascii_alphanumeric()) && plain == words;
    match is_whole && !plain.is_empty() {
        true => plain,
        false => format!("{plain}{}", &crate::digest::of_bytes(words.as_bytes())[..8]),
    }
}
