//! Examples of every command, for `--help` and the manual pages. A test reads each with the command line as it is defined.

use clap::Command;

/// What is done, and the line that does it.
type Example = (&'static str, &'static str);

/// Of each command, by the words that call it.
const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "",
        &[
            ("See the whole story, without an AWS account", "backproof demo"),
            (
                "Audit every enabled Region of the account whose credentials are set",
                "backproof scan",
            ),
            ("Ask why one table is judged as it is", "backproof explain table Music"),
        ],
    ),
    (
        "scan",
        &[
            (
                "Audit two Regions into a folder",
                "backproof scan --regions us-east-1,eu-west-1 -o audit",
            ),
            (
                "Print the report as JSON, for a program",
                "backproof scan --format json --to -",
            ),
            (
                "End with exit code 10 only for required findings that an earlier scan does not have",
                "backproof scan --baseline audit",
            ),
            (
                "Sign the evidence, append it to a ledger, and lock it in S3 for 7 years",
                "backproof scan --to s3://audit-evidence/dynamodb --sign audit_key --ledger ledger --object-lock compliance --retain-for 7y",
            ),
        ],
    ),
    (
        "collect",
        &[("Read AWS now and judge later", "backproof collect --to inventory-today")],
    ),
    (
        "report",
        &[
            (
                "Judge a stored scan again, and write a PDF only",
                "backproof report audit --format pdf -o pdf",
            ),
            (
                "Judge it by a framework",
                "backproof report audit --framework soc2 -o soc2",
            ),
        ],
    ),
    (
        "diff",
        &[(
            "Write what changed between two scans, for a pull request",
            "backproof diff audit-june audit-july --format markdown",
        )],
    ),
    (
        "sample",
        &[(
            "Draw 22 tables and write the commands that check each",
            "backproof sample audit --seed FY26-Q3 --size 22",
        )],
    ),
    (
        "verify",
        &[
            (
                "Check a pack and its signature",
                "backproof verify audit --allowed-signers allowed_signers --identity audit@example.com",
            ),
            ("Check a ledger and all its packs", "backproof verify --ledger ledger"),
        ],
    ),
    (
        "ledger",
        &[("List the packs of a ledger", "backproof ledger list --ledger ledger")],
    ),
    (
        "ledger list",
        &[("As JSON", "backproof ledger list --ledger ledger --format json")],
    ),
    (
        "ledger append",
        &[(
            "Append a pack whose scan could not reach the ledger",
            "backproof ledger append audit --ledger ledger --sign audit_key",
        )],
    ),
    (
        "ledger fetch",
        &[(
            "Copy pack 12 out of a ledger",
            "backproof ledger fetch 12 --ledger ledger --to pack-12",
        )],
    ),
    (
        "attest",
        &[(
            "Attest the third quarter from a ledger",
            "backproof attest --from 2026-07-01 --to 2026-09-30 --ledger ledger -o attestation",
        )],
    ),
    (
        "remediate",
        &[
            ("Plan", "backproof remediate plan --from audit --to plan.json"),
            (
                "Do what the reviewed plan says, and follow the jobs",
                "backproof remediate apply plan.json --yes --wait",
            ),
            ("Check the result", "backproof remediate verify plan.json"),
        ],
    ),
    (
        "remediate plan",
        &[(
            "Plan from a scan",
            "backproof remediate plan --from audit --to plan.json",
        )],
    ),
    (
        "remediate apply",
        &[(
            "Show what would be done",
            "backproof remediate apply plan.json --dry-run",
        )],
    ),
    (
        "remediate approve",
        &[(
            "Sign a plan that a colleague has made, once it is reviewed",
            "backproof remediate approve plan.json --sign ~/.ssh/id_ed25519",
        )],
    ),
    (
        "remediate export",
        &[(
            "Write the plan as a shell script that calls the AWS CLI",
            "backproof remediate export plan.json --as aws-cli",
        )],
    ),
    (
        "remediate undo",
        &[
            (
                "Show what would be taken back",
                "backproof remediate undo plan.json --dry-run",
            ),
            (
                "Take it back, naming what it is about",
                "backproof remediate undo plan.json --confirm Music",
            ),
        ],
    ),
    (
        "remediate verify",
        &[(
            "Read AWS again and check the plan's tables",
            "backproof remediate verify plan.json",
        )],
    ),
    (
        "protect",
        &[(
            "Put a table under a plan that meets the policy, and back it up now",
            "backproof protect Music --vault WebappBackups --cold-after 7d --delete-after 97d",
        )],
    ),
    (
        "backup",
        &[(
            "Back up one table into a vault, and wait for the job",
            "backproof backup Music --vault WebappBackups --cold-after 7d --delete-after 97d --wait",
        )],
    ),
    (
        "restore",
        &[(
            "Restore the newest recovery point of a table, wait for it, and set again what AWS leaves out",
            "backproof restore Music --to DynamoDB-restore --complete",
        )],
    ),
    (
        "doctor",
        &[
            ("Is everything there that a scan needs?", "backproof doctor"),
            (
                "Prove that whoever scans can change nothing",
                "backproof doctor --prove-read-only",
            ),
        ],
    ),
    (
        "drill",
        &[
            ("What a drill would take", "backproof drill Music --dry-run"),
            (
                "Restore the newest point of a table, compare it, and delete the new table",
                "backproof drill Music --to drill",
            ),
        ],
    ),
    (
        "drill clean",
        &[("Delete what a drill has left", "backproof drill clean drill --yes")],
    ),
    (
        "explain",
        &[
            ("Why a table is judged as it is", "backproof explain table Music"),
            ("What a rule asks", "backproof explain rule backed-up"),
            (
                "The IAM policy that a scan needs",
                "backproof explain permissions --command scan",
            ),
        ],
    ),
    (
        "demo",
        &[("Into a folder of another name", "backproof demo --to story")],
    ),
    (
        "sandbox",
        &[(
            "Serve a world of your own on port 4566",
            "backproof sandbox --world world.toml --port 4566",
        )],
    ),
    ("init", &[("Write backproof.toml", "backproof init")]),
    (
        "completions",
        &[("Complete in bash from the next login on", "backproof completions bash")],
    ),
    ("man", &[("Write a page for each command", "backproof man -o man1")]),
];

/// The examples of a command; none if it has none.
pub(crate) fn of(command: &str) -> &'static [Example] {
    EXAMPLES
        .iter()
        .find(|(name, _)| *name == command)
        .map_or(&[], |(_, examples)| *examples)
}

/// The command line with its examples at the end of each `--help`.
#[must_use]
pub fn with_examples(program: Command) -> Command {
    with(program, "")
}

fn with(mut command: Command, name: &str) -> Command {
    let below: Vec<String> = command
        .get_subcommands()
        .map(|below| below.get_name().to_owned())
        .collect();
    for below in below {
        let path = format!("{name} {below}").trim().to_owned();
        command = command.mut_subcommand(&below, |below| with(below, &path));
    }
    let examples = of(name);
    if examples.is_empty() {
        return command;
    }
    let mut text = String::new();
    if let Some(own) = command.get_after_help() {
        text = format!("{own}\n\n");
    }
    text.push_str("Examples:");
    for (what, line) in examples {
        text.push_str(&format!("\n  {what}:\n    {line}\n"));
    }
    command.after_long_help(text.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_example_is_a_command_line_that_is_understood() {
        for (name, examples) in EXAMPLES {
            for (_, line) in *examples {
                let read = Cli::command().try_get_matches_from(line.split(' '));
                assert!(read.is_ok(), "{name}: {line}: {}", read.expect_err("checked").render());
            }
        }
    }

    #[test]
    fn every_command_has_an_example() {
        let program = Cli::command();
        for command in program.get_subcommands() {
            assert!(!of(command.get_name()).is_empty(), "{}", command.get_name());
        }
        for (name, _) in EXAMPLES {
            let mut at = &program;
            for word in name.split_whitespace() {
                at = at
                    .find_subcommand(word)
                    .unwrap_or_else(|| panic!("no command `{name}`"));
            }
        }
    }
}
