//! The least-privilege IAM policy of a command, put together from the lists of actions that stand beside the calls.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::role::{RoleForm, role};
use crate::aws::simulate;
use crate::collect::Wanted;
use crate::commands::remediate;
use crate::criteria::rules::RuleSet;
use crate::drill::compare::DIGEST_ACTIONS;
use crate::drill::plan::PREFIX;
use crate::drill::{compare, run, validate};
use crate::problem::{Outcome, Problem};
use crate::remediate::actions::{Act, KINDS, OnDemandBackup, UNDOING};
use crate::remediate::{restore, restored};
use crate::text::{list, nearest};
use crate::{deliver, ledger, push, sign};

/// Actions that every command uses before its own work.
const ALWAYS: [&str; 1] = ["sts:GetCallerIdentity"];

/// To pass a role on is allowed for one role and one service only.
const PASS_ROLE: &str = "iam:PassRole";

/// What `--command` takes, and whose permissions it prints.
const COMMANDS: [&str; 16] = [
    "scan",
    "collect",
    "doctor",
    "remediate",
    "protect",
    "backup",
    "restore",
    "undo-restored",
    "drill",
    "drill validate",
    "deliver",
    "ledger",
    "sign",
    "verify",
    "attest",
    "push",
];

/// The policy as JSON.
///
/// Errors: a command or a rule that does not exist; a command that asks AWS for nothing.
pub(super) fn policy(command: &str, ids: &[String], program: &clap::Command) -> Outcome<String> {
    let policy = json!({"Version": "2012-10-17", "Statement": statements(command, ids, program)?});
    Ok(serde_json::to_string_pretty(&policy).map_err(|error| Problem::new(error.to_string()))? + "\n")
}

/// The role that a command assumes in other accounts.
///
/// Errors: those of [`policy`]; a command that assumes none.
pub(super) fn role_of(form: RoleForm, command: &str, ids: &[String], program: &clap::Command) -> Outcome<String> {
    let statements = statements(command, ids, program)?;
    let of_caller = assume_roles();
    let of_role: Vec<Value> = statements.iter().filter(|one| **one != of_caller).cloned().collect();
    if of_role.len() == statements.len() {
        return Err(Problem::usage(format!("`{command}` assumes no role in other accounts"))
            .at("`--format`")
            .hint("`--format json` prints the policy of the caller")
            .into());
    }
    role(form, command, &of_role)
}

fn statements(command: &str, ids: &[String], program: &clap::Command) -> Outcome<Vec<Value>> {
    Ok(match command {
        "scan" | "collect" => vec![read_evidence(ids)?, assume_roles()],
        "doctor" => {
            let simulate =
                json!({"Sid": "SimulateOwnRights", "Effect": "Allow", "Action": simulate::ACTIONS, "Resource": "*"});
            vec![read_evidence(ids)?, simulate, assume_roles()]
        }
        "remediate" | "protect" => {
            let actions = KINDS.iter().flat_map(|kind| [kind.doing, kind.checking].concat());
            let actions = actions.chain(UNDOING.iter().copied().flatten().copied());
            // Without `--from`, a plan reads AWS itself.
            let rules = RuleSet::load(None, ids)?;
            let wanted = remediate::plan::wanted(rules.frames().into_iter());
            [vec![read(&wanted)], start_backups(actions)].concat()
        }
        // With `--digest` tables are read, and points tagged.
        "backup" => start_backups(OnDemandBackup::KIND.doing.iter().chain(DIGEST_ACTIONS).copied()),
        "restore" => act("Restore", restore::ACTIONS.iter().copied()),
        // To delete tables nobody else needs.
        "undo-restored" => act("DeleteRestoredTable", restored::ACTIONS.iter().copied()),
        "drill" => drill(),
        "drill validate" => {
            let actions = validate::ACTIONS.iter().chain(compare::ACTIONS).copied();
            let actions: BTreeSet<&str> = actions.chain(ALWAYS).collect();
            let statement =
                json!({"Sid": "ValidateRestoreTests", "Effect": "Allow", "Action": actions, "Resource": "*"});
            vec![statement, assume_roles()]
        }
        "deliver" => deliver().to_vec(),
        // To append is to deliver; to list, to fetch and to find the head is to read.
        "ledger" => [&deliver()[..], &read_packs()[..2]].concat(),
        "sign" => vec![json!({
            "Sid": "SignManifest",
            "Effect": "Allow",
            "Action": sign::KMS_ACTIONS,
            "Resource": "arn:*:kms:*:YOUR-ACCOUNT:key/YOUR-KEY",
        })],
        "verify" | "attest" => read_packs().to_vec(),
        "push" => {
            let mut actions = BTreeSet::from(ALWAYS);
            actions.extend(push::ACTIONS);
            let findings = json!({"Sid": "PushFindings", "Effect": "Allow", "Action": actions, "Resource": "*"});
            vec![findings, assume_roles()]
        }
        other => return Err(refuse(other, program).into()),
    })
}

/// A command that needs none, or that does not exist.
fn refuse(name: &str, program: &clap::Command) -> Problem {
    let is_command = program.get_subcommands().any(|command| command.get_name() == name);
    if is_command {
        return Problem::usage(format!("`{name}` asks AWS for nothing, and needs no permissions"))
            .at("`--command`")
            .hint(format!("the commands that do are {}", list(&COMMANDS)));
    }
    let hint = nearest(name, COMMANDS.into_iter()).map_or_else(
        || format!("the commands are {}", list(&COMMANDS)),
        |near| format!("did you mean `{near}`?"),
    );
    Problem::usage(format!("`{name}` is not a command"))
        .at("`--command`")
        .hint(hint)
}

fn read_evidence(ids: &[String]) -> Outcome<Value> {
    let wanted = if ids.is_empty() {
        Wanted::all()
    } else {
        Wanted::frames(RuleSet::load(None, ids)?.frames())
    };
    Ok(read(&wanted))
}

fn read(wanted: &Wanted) -> Value {
    let mut actions: BTreeSet<&str> = wanted.actions();
    actions.extend(ALWAYS);
    actions.insert("account:ListRegions");
    json!({"Sid": "ReadEvidence", "Effect": "Allow", "Action": actions, "Resource": "*"})
}

/// For accounts with a `role_arn` in the settings file: their roles have the other statements, the caller has this one.
fn assume_roles() -> Value {
    json!({
        "Sid": "AssumeRolesOfOtherAccounts",
        "Effect": "Allow",
        "Action": ["sts:AssumeRole"],
        "Resource": "arn:*:iam::*:role/YOUR-AUDIT-ROLE",
    })
}

fn start_backups(actions: impl Iterator<Item = &'static str>) -> Vec<Value> {
    act("StartBackups", actions)
}

fn act(sid: &str, actions: impl Iterator<Item = &'static str>) -> Vec<Value> {
    let mut plain: BTreeSet<&str> = actions.chain(ALWAYS).collect();
    let passes_role = plain.remove(PASS_ROLE);
    let mut statements = vec![json!({"Sid": sid, "Effect": "Allow", "Action": plain, "Resource": "*"})];
    if passes_role {
        statements.push(json!({
            "Sid": "PassBackupRole",
            "Effect": "Allow",
            "Action": PASS_ROLE,
            "Resource": "arn:*:iam::*:role/service-role/AWSBackupDefaultServiceRole",
            "Condition": {"StringEquals": {"iam:PassedToService": "backup.amazonaws.com"}},
        }));
    }
    statements.push(assume_roles());
    statements
}

/// Tables are deleted only under the names that drills give; items are read of the new tables and of their sources.
fn drill() -> Vec<Value> {
    let actions = run::ACTIONS.iter().chain(compare::ACTIONS).copied();
    let mut statements = act("Drill", actions.filter(|action| *action != run::DELETE));
    statements.push(json!({
        "Sid": "DeleteTablesOfDrills",
        "Effect": "Allow",
        "Action": run::DELETE,
        "Resource": format!("arn:*:dynamodb:*:*:table/{PREFIX}*"),
    }));
    statements
}

fn deliver() -> [Value; 3] {
    [
        json!({
            "Sid": "DeliverReports",
            "Effect": "Allow",
            "Action": deliver::OBJECT_ACTIONS,
            "Resource": "arn:*:s3:::YOUR-BUCKET/YOUR-PREFIX/*",
        }),
        json!({
            "Sid": "CheckBucket",
            "Effect": "Allow",
            "Action": deliver::BUCKET_ACTIONS,
            "Resource": "arn:*:s3:::YOUR-BUCKET",
        }),
        json!({
            "Sid": "EncryptWithKey",
            "Effect": "Allow",
            "Action": deliver::KEY_ACTIONS,
            "Resource": "arn:*:kms:*:YOUR-ACCOUNT:key/YOUR-KEY",
        }),
    ]
}

fn read_packs() -> [Value; 3] {
    [
        json!({
            "Sid": "ReadPacks",
            "Effect": "Allow",
            "Action": ledger::OBJECT_ACTIONS,
            "Resource": "arn:*:s3:::YOUR-BUCKET/YOUR-PREFIX/*",
        }),
        json!({
            "Sid": "ListPacks",
            "Effect": "Allow",
            "Action": ledger::BUCKET_ACTIONS,
            "Resource": "arn:*:s3:::YOUR-BUCKET",
        }),
        json!({
            "Sid": "DecryptWithKey",
            "Effect": "Allow",
            "Action": ledger::KEY_ACTIONS,
            "Resource": "arn:*:kms:*:YOUR-ACCOUNT:key/YOUR-KEY",
        }),
    ]
}
