//! The least-privilege IAM policy of a command, from the collectors' own list of actions.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::collect::Wanted;
use crate::criteria::rules::RuleSet;
use crate::problem::{Outcome, Problem};
use crate::text::{list, nearest};

/// Actions that every command uses before its own work.
const ALWAYS: [&str; 1] = ["sts:GetCallerIdentity"];

/// What `--command` takes, and whose permissions it prints.
const COMMANDS: [&str; 10] = [
    "scan",
    "collect",
    "remediate",
    "backup",
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
pub(super) fn permissions(command: &str, ids: &[String], program: &clap::Command) -> Outcome<String> {
    let statements = match command {
        "scan" | "collect" => vec![read_evidence(ids)?, assume_roles()],
        "remediate" | "backup" => {
            let [start, pass] = start_backups(command);
            vec![start, pass, assume_roles()]
        }
        "deliver" => deliver().to_vec(),
        // To append is to deliver; to list, to fetch and to find the head is to read.
        "ledger" => [&deliver()[..], &read_packs()[..2]].concat(),
        "sign" => vec![json!({
            "Sid": "SignManifest",
            "Effect": "Allow",
            "Action": ["kms:GetPublicKey", "kms:Sign"],
            "Resource": "arn:*:kms:*:YOUR-ACCOUNT:key/YOUR-KEY",
        })],
        "verify" | "attest" => read_packs().to_vec(),
        "push" => {
            let mut actions = BTreeSet::from(ALWAYS);
            actions.extend(crate::push::ACTIONS);
            let push = json!({"Sid": "PushFindings", "Effect": "Allow", "Action": actions, "Resource": "*"});
            vec![push, assume_roles()]
        }
        other => return Err(refuse(other, program).into()),
    };
    let policy = json!({"Version": "2012-10-17", "Statement": statements});
    Ok(serde_json::to_string_pretty(&policy).map_err(|error| Problem::new(error.to_string()))? + "\n")
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
    let mut actions: BTreeSet<&str> = wanted.actions();
    actions.extend(ALWAYS);
    actions.insert("account:ListRegions");
    Ok(json!({"Sid": "ReadEvidence", "Effect": "Allow", "Action": actions, "Resource": "*"}))
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

fn start_backups(command: &str) -> [Value; 2] {
    let mut actions = BTreeSet::from(ALWAYS);
    actions.extend([
        "backup:StartBackupJob",
        "backup:DescribeBackupJob",
        "backup:TagResource",
    ]);
    if command == "remediate" {
        actions.extend(["dynamodb:DescribeTable", "backup:ListRecoveryPointsByBackupVault"]);
    }
    [
        json!({"Sid": "StartBackups", "Effect": "Allow", "Action": actions, "Resource": "*"}),
        json!({
            "Sid": "PassBackupRole",
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": "arn:*:iam::*:role/service-role/AWSBackupDefaultServiceRole",
            "Condition": {"StringEquals": {"iam:PassedToService": "backup.amazonaws.com"}},
        }),
    ]
}

fn deliver() -> [Value; 3] {
    [
        json!({
            "Sid": "DeliverReports",
            "Effect": "Allow",
            "Action": [
                "s3:PutObject",
                "s3:GetObject",
                "s3:GetObjectVersion",
                "s3:PutObjectRetention",
                "s3:GetObjectRetention",
                "s3:PutObjectLegalHold",
                "s3:GetObjectLegalHold",
            ],
            "Resource": "arn:*:s3:::YOUR-BUCKET/YOUR-PREFIX/*",
        }),
        json!({
            "Sid": "CheckBucket",
            "Effect": "Allow",
            "Action": ["s3:ListBucket", "s3:GetBucketVersioning", "s3:GetBucketObjectLockConfiguration"],
            "Resource": "arn:*:s3:::YOUR-BUCKET",
        }),
        // S3 encrypts and decrypts with the caller's rights on the key.
        json!({
            "Sid": "EncryptWithKey",
            "Effect": "Allow",
            "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
            "Resource": "arn:*:kms:*:YOUR-ACCOUNT:key/YOUR-KEY",
        }),
    ]
}

fn read_packs() -> [Value; 3] {
    [
        json!({
            "Sid": "ReadPacks",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:GetObjectVersion"],
            "Resource": "arn:*:s3:::YOUR-BUCKET/YOUR-PREFIX/*",
        }),
        json!({
            "Sid": "ListPacks",
            "Effect": "Allow",
            "Action": ["s3:ListBucket", "s3:ListBucketVersions"],
            "Resource": "arn:*:s3:::YOUR-BUCKET",
        }),
        // Where a key of KMS encrypts the bucket, S3 decrypts with the caller's rights on it.
        json!({
            "Sid": "DecryptWithKey",
            "Effect": "Allow",
            "Action": ["kms:Decrypt"],
            "Resource": "arn:*:kms:*:YOUR-ACCOUNT:key/YOUR-KEY",
        }),
    ]
}
