//! A plan in the forms of those who change AWS by code review only.

mod aws_cli;

use super::Plan;

/// A form of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A POSIX shell script that calls the AWS CLI, version 2.
    AwsCli,
}

/// The plan as the text of one file.
pub(crate) fn export(plan: &Plan, form: Form) -> String {
    match form {
        Form::AwsCli => aws_cli::script(plan),
    }
}
