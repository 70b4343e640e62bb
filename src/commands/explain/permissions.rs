//! The least-privilege IAM policy of a command, from the collectors' own list of actions.

use std::collections::BTreeSet;

use serde_json::json;

use crate::collect::Wanted;
use crate::problem::{Outcome, Problem};
use crate::rules::RuleSet;
use crate::settings_file::{list, nearest};

/// Actions that every command uses before its own work.
const ALWAYS: [&str; 1] = ["sts:GetCallerIdentity"];

/// The policy as JSON.
///
/// Errors: a command or a rule that does not exist.
pub(super) fn permissions(command: &str, ids: &[String]) -> Outcome<String> {
    const COMMANDS: [&str; 7] = ["scan", "remediate", "backup", "deliver", "sign", "verify", "push"];
    let mut statements = Vec::new();
    match command {
        "scan" => {
            let wanted = if ids.is_empty() {
                Wanted::all()
            } else {
                Wanted::frames(RuleSet::load(None, ids)?.frames())
            };
            let mut actions: BTreeSet<&str> = wanted.actions();
            actions.extend(ALWAYS);
            actions.insert("account:ListRegions");
            statements.push(json!({"Sid": "ReadEvidence", "Effect": "Allow", "Action": actions, "Resource": "*"}));
        }
        "remediate" | "backup" => {
            let mut actions = BTreeSet::from(ALWAYS);
            actions.extend([
                "backup:StartBackupJob",
                "backup:DescribeBackupJob",
                "backup:TagResource",
            ]);
            if command == "remediate" {
                actions.extend(["dynamodb:DescribeTable", "backup:ListRecoveryPointsByBackupVault"]);
            }
            statements.push(json!({"Sid": "StartBackups", "Effect": "Allow", "Action": actions, "Resource": "*"}));
            statements.push(json!({
                "Sid": "PassBackupRole",
                "Effect": "Allow",
                "Action": "iam:PassRole",
                "Resource": "arn:*:iam::*:role/service-role/AWSBackupDefaultServiceRole",
                "Condition": {"StringEquals": {"iam:PassedToService": "backup.amazonaws.com"}},
            }));
        }
        "deliver" => {
            statements.push(json!({
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
            }));
            statements.push(json!({
                "Sid": "CheckBucket",
                "Effect": "Allow",
                "Action": ["s3:ListBucket", "s3:GetBucketVersioning", "s3:GetBucketObjectLockConfiguration"],
                "Resource": "arn:*:s3:::YOUR-BUCKET",
            }));
            // S3 encrypts and decrypts with the caller's rights on the key.
            statements.push(json!({
                "Sid": "EncryptWithKey",
                "Effect": "Allow",
                "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
                "Resource": "arn:*:kms:*:YOUR-ACCOUNT:key/YOUR-KEY",
            }));
        }
        "sign" => statements.push(json!({
            "Sid": "SignManifest",
            "Effect": "Allow",
            "Action": ["kms:GetPublicKey", "kms:Sign"],
            "Resource": "arn:*:kms:*:YOUR-ACCOUNT:key/YOUR-KEY",
        })),
        "verify" => {
            statements.push(json!({
                "Sid": "ReadPacks",
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:GetObjectVersion"],
                "Resource": "arn:*:s3:::YOUR-BUCKET/YOUR-PREFIX/*",
            }));
            statements.push(json!({
                "Sid": "ListPacks",
                "Effect": "Allow",
                "Action": ["s3:ListBucket", "s3:ListBucketVersions"],
                "Resource": "arn:*:s3:::YOUR-BUCKET",
            }));
        }
        "push" => {
            let mut actions = BTreeSet::from(ALWAYS);
            actions.extend(crate::push::ACTIONS);
            statements.push(json!({"Sid": "PushFindings", "Effect": "Allow", "Action": actions, "Resource": "*"}));
        }
        other => {
            let hint = nearest(other, COMMANDS.into_iter()).map_or_else(
                || format!("the commands are {}", list(&COMMANDS)),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(Problem::usage(format!("`{other}` needs no permissions of its own"))
                .at("`--command`")
                .hint(hint)
                .into());
        }
    }
    let policy = json!({"Version": "2012-10-17", "Statement": statements});
    Ok(serde_json::to_string_pretty(&policy).map_err(|error| Problem::new(error.to_string()))? + "\n")
}
