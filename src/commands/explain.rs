//! `explain`: rules, facts, permissions, exit codes, from the same lists that the program runs by.

use std::collections::BTreeSet;

use serde_json::json;

use crate::cli::ExplainCommand;
use crate::collect::Wanted;
use crate::commands::print;
use crate::exit::{self, Exit};
use crate::facts::dictionary::TABLE_FACTS;
use crate::problem::{Outcome, Problem};
use crate::rules::{POLICY_VALUES, RuleSet};
use crate::settings_file::{list, nearest};

/// Runs `explain`.
///
/// Errors: a rule or a command that does not exist.
pub fn run(command: ExplainCommand) -> Outcome<Exit> {
    let text = match command {
        ExplainCommand::Rules => rules()?,
        ExplainCommand::Rule { id } => rule(&id)?,
        ExplainCommand::Facts => facts(),
        ExplainCommand::Permissions { command, rules } => permissions(&command, &rules)?,
        ExplainCommand::ExitCodes => exit::table(),
    };
    print(&text)?;
    Ok(Exit::Compliant)
}

fn rules() -> Outcome<String> {
    let rules = RuleSet::load(None, &[])?;
    Ok(rules
        .0
        .iter()
        .map(|rule| format!("{:<28} {:<8} {}\n", rule.id, rule.severity, rule.title))
        .collect())
}

fn rule(id: &str) -> Outcome<String> {
    let rules = RuleSet::load(None, &[id.to_owned()])?;
    let rule = &rules.0[0];
    let mut text = format!(
        "{}: {}\nseverity: {}\n\n{}\n\n",
        rule.id, rule.title, rule.severity, rule.rationale
    );
    text.push_str(&format!("remedy: {}\n\nreads:\n", rule.remedy));
    for name in rule.reads() {
        let doc = TABLE_FACTS.iter().find(|fact| fact.name == name).map(|fact| fact.doc);
        let doc = doc.or_else(|| {
            POLICY_VALUES
                .iter()
                .find(|value| value.name == name)
                .map(|value| value.doc)
        });
        text.push_str(&format!("  {name}: {}\n", doc.unwrap_or_default().trim()));
    }
    text.push_str("\nexamples:\n");
    for example in &rule.examples {
        let facts: Vec<String> = example
            .facts
            .iter()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        let facts = if facts.is_empty() {
            "nothing known".to_owned()
        } else {
            facts.join(", ")
        };
        text.push_str(&format!("  {}: {facts}\n", example.verdict));
    }
    Ok(text)
}

fn facts() -> String {
    let mut text = String::new();
    for fact in TABLE_FACTS {
        text.push_str(&format!(
            "{} ({})\n   {}\n",
            fact.name,
            fact.kind.as_str(),
            fact.doc.trim()
        ));
    }
    text.push_str("\nPolicy values, for conditions of rules:\n\n");
    for value in POLICY_VALUES {
        text.push_str(&format!("{} ({})\n   {}\n", value.name, value.dtype, value.doc));
    }
    text
}

/// Actions that every command uses before its own work.
const ALWAYS: [&str; 1] = ["sts:GetCallerIdentity"];

fn permissions(command: &str, ids: &[String]) -> Outcome<String> {
    const COMMANDS: [&str; 4] = ["scan", "remediate", "backup", "deliver"];
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
                "Action": ["s3:ListBucket", "s3:PutObject", "s3:GetObject"],
                "Resource": ["arn:*:s3:::YOUR-BUCKET", "arn:*:s3:::YOUR-BUCKET/YOUR-PREFIX/*"],
            }));
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
