//! Finding or table in, the AWS CLI command lines out with which an auditor re-performs the check by hand.
//!
//! The lines follow from the frames that a rule's facts rest on, so a new rule needs nothing here; a new frame needs its
//! lines in `lines_of`. Pure: no clock, no network. Each line is POSIX shell, read-only, and runs with credentials of
//! the finding's account. Names come from AWS and are untrusted: every one is quoted, and a name that the AWS CLI itself
//! would take for something else (`file://…`) gives no line.

use std::collections::BTreeSet;

use crate::criteria::vocabulary::frames_of;
use crate::dictionary::facts_of;
use crate::domain::{Arn, FactName, FactValue, Finding, Subject, TargetId};
use crate::inventory::schema::FRAMES;
use crate::report::TableRow;

/// The lines that read what the rule of this finding rests on, each once. None for waivers and exemptions: those are
/// judged from files, not from AWS.
pub(crate) fn commands(finding: &Finding) -> Vec<String> {
    let frames = finding
        .evidence
        .iter()
        .flat_map(|(name, _)| frames_of(finding.subject, name).iter().copied());
    let asked = Checked {
        subject: finding.subject,
        target: &finding.target,
        arn: &finding.resource_arn,
        name: &finding.resource_name,
        evidence: finding.evidence.iter().collect(),
    };
    asked.lines(&frames.collect())
}

/// The lines that read everything that facts on a table rest on, each once.
pub(crate) fn commands_of_table(table: &TableRow) -> Vec<String> {
    let frames = facts_of(Subject::Table)
        .iter()
        .flat_map(|fact| fact.frames.iter().copied());
    Checked::of_table(table).lines(&frames.collect())
}

/// The one line that shows the recovery points of a table in its own account and Region; none if its name cannot be
/// passed to the AWS CLI.
pub(crate) fn recovery_points_of_table(table: &TableRow) -> Option<String> {
    Checked::of_table(table).points_of_table(&table.target.region)
}

/// What is asked about, and what is known of it.
struct Checked<'a> {
    subject: Subject,
    target: &'a TargetId,
    arn: &'a str,
    name: &'a str,
    evidence: Vec<(&'a FactName, &'a FactValue)>,
}

/// Frames that no question to AWS stands for: the scope of the scan, what became of its calls, and drills, whose packs `verify`
/// checks.
const NOT_ASKED: [&str; 3] = ["targets", "call_log", "drills"];

/// Names of keys without those that are null, for `--query`.
const TABLE_KEY: &str = "[Table.SSEDescription.KMSMasterKeyArn][][]";
const OTHER_KEY: &str = "[EncryptionKeyArn][][]";

impl<'a> Checked<'a> {
    fn of_table(table: &'a TableRow) -> Self {
        Self {
            subject: Subject::Table,
            target: &table.target,
            arn: &table.table_arn,
            name: &table.table_name,
            evidence: table.facts.iter().collect(),
        }
    }

    fn lines(&self, frames: &BTreeSet<&'static str>) -> Vec<String> {
        let mut lines = Vec::new();
        for frame in FRAMES
            .iter()
            .map(|frame| frame.name)
            .filter(|name| frames.contains(name))
        {
            for line in self.lines_of(frame, frames).into_iter().flatten() {
                if !lines.contains(&line) {
                    lines.push(line);
                }
            }
        }
        lines
    }

    /// The lines that read what one frame holds of the thing that is asked about.
    fn lines_of(&self, frame: &str, frames: &BTreeSet<&'static str>) -> Vec<Option<String>> {
        if NOT_ASKED.contains(&frame) {
            return Vec::new();
        }
        match self.subject {
            Subject::Table => self.of_table_frame(frame, frames),
            Subject::RecoveryPoint => self.of_point_frame(frame),
            Subject::Vault => self.of_vault_frame(frame),
            Subject::Plan => self.of_plan_frame(frame),
            Subject::Target => self.of_target_frame(frame),
            Subject::Waiver | Subject::Exemption => Vec::new(),
        }
    }

    fn of_table_frame(&self, frame: &str, frames: &BTreeSet<&'static str>) -> Vec<Option<String>> {
        let by_arn = |call: &str, option: &str| vec![self.aws(call, &[(option, self.arn)])];
        match frame {
            "tables" => vec![self.aws("dynamodb describe-table", &[("table-name", self.name)])],
            "table_tags" => by_arn("resourcegroupstaggingapi get-resources", "resource-arn-list"),
            "continuous_backups" => {
                vec![self.aws("dynamodb describe-continuous-backups", &[("table-name", self.name)])]
            }
            "vault_policies" => vec![self.of_each_vault(
                "RecoveryPoints[].BackupVaultName",
                self.points_of_table(&self.target.region),
                "backup get-backup-vault-access-policy",
                &[],
            )],
            "recovery_points" => self.points(),
            "native_backups" => vec![self.of_backups(query(
                self.points_of_table(&self.target.region),
                "RecoveryPoints[?contains(RecoveryPointArn, '/backup/')].RecoveryPointArn",
            ))],
            "backup_jobs" => by_arn("backup list-backup-jobs", "by-resource-arn"),
            "copy_jobs" => by_arn("backup list-copy-jobs", "by-resource-arn"),
            "restore_jobs" => by_arn("backup list-restore-jobs-by-protected-resource", "resource-arn"),
            "keys" => self.keys_of_table(frames),
            other => self.of_target_frame(other),
        }
    }

    /// Everywhere a copy may lie: the table's own Region, and those that the evidence names.
    fn points(&self) -> Vec<Option<String>> {
        let mut lines = vec![
            self.points_of_table(&self.target.region),
            // Lifecycles are only in the listings of vaults.
            self.of_each_vault(
                "BackupVaultList[].BackupVaultName",
                self.aws("backup list-backup-vaults", &[]),
                "backup list-recovery-points-by-backup-vault",
                &[("by-resource-arn", self.arn)],
            ),
        ];
        let named = self.evidence.iter().filter(|(name, _)| name.contains("copy_regions"));
        for (_, value) in named {
            if let FactValue::Text(regions) = value {
                let regions = regions.split(", ").filter(|region| *region != "none");
                lines.extend(regions.map(|region| self.points_of_table(region)));
            }
        }
        lines
    }

    fn points_of_table(&self, region: &str) -> Option<String> {
        line(
            "backup list-recovery-points-by-resource",
            &[("resource-arn", self.arn), ("region", region)],
        )
    }

    /// What DynamoDB says of each of these backups.
    fn of_backups(&self, arns: Option<String>) -> Option<String> {
        let describe = self.aws("dynamodb describe-backup --backup-arn \"$backup\"", &[]);
        each("backup", &arns, describe)
    }

    fn keys_of_table(&self, frames: &BTreeSet<&'static str>) -> Vec<Option<String>> {
        let mut lines = self.keys_in_evidence();
        if frames.contains("tables") && lines.is_empty() {
            let table = self.aws("dynamodb describe-table", &[("table-name", self.name)]);
            lines.push(each_key(table, TABLE_KEY));
        }
        if frames.contains("recovery_points") {
            let points = self.points_of_table(&self.target.region);
            lines.push(each_key(points, "RecoveryPoints[].EncryptionKeyArn"));
        }
        lines
    }

    /// The keys that facts name by their ARN.
    fn keys_in_evidence(&self) -> Vec<Option<String>> {
        let texts = self.evidence.iter().filter_map(|(_, value)| match value {
            FactValue::Text(text) => Some(&**text),
            _ => None,
        });
        let key = |text| {
            let arn = Arn::parse(text).filter(|arn| arn.service == "kms" && !text.contains(' '))?;
            Some(line("kms describe-key", &[("key-id", text), ("region", arn.region)]))
        };
        texts.filter_map(key).collect()
    }

    /// A recovery point; its name is that of its vault.
    fn of_point_frame(&self, frame: &str) -> Vec<Option<String>> {
        let of_vault = [("backup-vault-name", self.name), ("recovery-point-arn", self.arn)];
        let point = self.aws("backup describe-recovery-point", &of_vault);
        match frame {
            "tables" => vec![each(
                "table",
                &query(point, "ResourceArn"),
                self.aws("dynamodb describe-table --table-name \"$table\"", &[]),
            )],
            "recovery_points" => vec![point],
            "native_backups" => vec![self.of_backups(query(point, "[RecoveryPointArn][?contains(@, '/backup/')]"))],
            "keys" => vec![each_key(point, OTHER_KEY)],
            "vaults" => self.of_vault_frame(frame),
            other => self.of_target_frame(other),
        }
    }

    fn of_vault_frame(&self, frame: &str) -> Vec<Option<String>> {
        let of_vault = ("backup-vault-name", self.name);
        let vault = self.aws("backup describe-backup-vault", &[of_vault]);
        match frame {
            "vaults" => vec![vault],
            "vault_policies" => vec![self.aws("backup get-backup-vault-access-policy", &[of_vault])],
            "recovery_points" => vec![self.aws(
                "backup list-recovery-points-by-backup-vault",
                &[of_vault, ("by-resource-type", "DynamoDB")],
            )],
            "keys" => match self.keys_in_evidence() {
                known if known.is_empty() => vec![each_key(vault, OTHER_KEY)],
                known => known,
            },
            other => self.of_target_frame(other),
        }
    }

    fn of_plan_frame(&self, frame: &str) -> Vec<Option<String>> {
        let id = Arn::parse(self.arn).and_then(|arn| arn.resource.strip_prefix("backup-plan:"));
        let Some(id) = id else { return Vec::new() };
        let of_plan = ("backup-plan-id", id);
        match frame {
            "plans" | "plan_rules" => vec![self.aws("backup get-backup-plan", &[of_plan])],
            "plan_versions" => vec![self.aws("backup list-backup-plan-versions", &[of_plan])],
            "selections" => vec![each(
                "selection",
                &query(
                    self.aws("backup list-backup-selections", &[of_plan]),
                    "BackupSelectionsList[].SelectionId",
                ),
                self.aws("backup get-backup-selection --selection-id \"$selection\"", &[of_plan]),
            )],
            "backup_jobs" => {
                let jobs = self.aws("backup list-backup-jobs", &[("by-resource-type", "DynamoDB")]);
                let of_plan = format!("BackupJobs[?CreatedBy.BackupPlanId=={}]", literal(id));
                vec![jobs.map(|jobs| format!("{jobs} --query {}", quote(&of_plan)))]
            }
            other => self.of_target_frame(other),
        }
    }

    /// What is asked of a whole account and Region. Of a frame that is not here nothing is asked; a test names those.
    fn of_target_frame(&self, frame: &str) -> Vec<Option<String>> {
        let dynamodb = ("by-resource-type", "DynamoDB");
        let line = match frame {
            "tables" => self.aws("dynamodb list-tables", &[]),
            "table_tags" => self.aws(
                "resourcegroupstaggingapi get-resources",
                &[("resource-type-filters", "dynamodb:table")],
            ),
            "region_settings" => self.aws("backup describe-region-settings", &[]),
            "plans" => self.aws("backup list-backup-plans", &[]),
            "plan_versions" => self.of_each_plan("backup list-backup-plan-versions"),
            "plan_rules" => self.of_each_plan("backup get-backup-plan"),
            "selections" => each(
                "plan",
                &self.plan_ids(),
                each(
                    "selection",
                    &query(
                        self.aws("backup list-backup-selections --backup-plan-id \"$plan\"", &[]),
                        "BackupSelectionsList[].SelectionId",
                    ),
                    self.aws(
                        "backup get-backup-selection --backup-plan-id \"$plan\" --selection-id \"$selection\"",
                        &[],
                    ),
                ),
            ),
            "vaults" => self.aws("backup list-backup-vaults", &[]),
            "recovery_points" => self.of_each_vault(
                "BackupVaultList[].BackupVaultName",
                self.aws("backup list-backup-vaults", &[]),
                "backup list-recovery-points-by-backup-vault",
                &[dynamodb],
            ),
            "backup_jobs" => self.aws("backup list-backup-jobs", &[dynamodb]),
            "copy_jobs" => self.aws("backup list-copy-jobs", &[dynamodb]),
            "restore_jobs" => self.aws("backup list-restore-jobs", &[dynamodb]),
            "restore_testing_plans" => each(
                "plan",
                &self.testing_plan_names(),
                self.aws(
                    "backup get-restore-testing-plan --restore-testing-plan-name \"$plan\"",
                    &[],
                ),
            ),
            "restore_testing_selections" => self.testing_selections(),
            _ => None,
        };
        vec![line]
    }

    fn plan_ids(&self) -> Option<String> {
        query(
            self.aws("backup list-backup-plans", &[]),
            "BackupPlansList[].BackupPlanId",
        )
    }

    fn of_each_plan(&self, call: &str) -> Option<String> {
        let of_plan = self.aws(&format!("{call} --backup-plan-id \"$plan\""), &[]);
        each("plan", &self.plan_ids(), of_plan)
    }

    /// `call` for each vault that a listing names.
    fn of_each_vault(
        &self,
        names: &str,
        listing: Option<String>,
        call: &str,
        options: &[(&str, &str)],
    ) -> Option<String> {
        let of_vault = self.aws(&format!("{call} --backup-vault-name \"$vault\""), options);
        each("vault", &once(query(listing, names)), of_vault)
    }

    fn testing_plan_names(&self) -> Option<String> {
        query(
            self.aws("backup list-restore-testing-plans", &[]),
            "RestoreTestingPlans[].RestoreTestingPlanName",
        )
    }

    fn testing_selections(&self) -> Option<String> {
        let of_plan = "--restore-testing-plan-name \"$plan\"";
        let names = query(
            self.aws(&format!("backup list-restore-testing-selections {of_plan}"), &[]),
            "RestoreTestingSelections[].RestoreTestingSelectionName",
        );
        let get =
            format!("backup get-restore-testing-selection {of_plan} --restore-testing-selection-name \"$selection\"");
        each(
            "plan",
            &self.testing_plan_names(),
            each("selection", &names, self.aws(&get, &[])),
        )
    }

    /// One call in the target's Region.
    fn aws(&self, call: &str, options: &[(&str, &str)]) -> Option<String> {
        let mut options = options.to_vec();
        options.push(("region", &self.target.region));
        line(call, &options)
    }
}

/// One call of the AWS CLI; none if a value cannot be passed to it.
fn line(call: &str, options: &[(&str, &str)]) -> Option<String> {
    let mut line = format!("aws {call}");
    for (option, value) in options {
        if !can_be_passed(value) {
            return None;
        }
        // A value that begins like an option must be tied to its own.
        let tie = if value.starts_with('-') { '=' } else { ' ' };
        line.push_str(&format!(" --{option}{tie}{}", quote(value)));
    }
    Some(line)
}

/// The call's answer as bare words.
fn query(call: Option<String>, path: &str) -> Option<String> {
    Some(format!("{} --query {} --output text", call?, quote(path)))
}

/// Each word of a list once.
fn once(words: Option<String>) -> Option<String> {
    Some(format!("{} | tr '\\t' '\\n' | sort -u", words?))
}

/// `body` for each word of a list.
fn each(variable: &str, words: &Option<String>, body: Option<String>) -> Option<String> {
    let (words, body) = (words.as_ref()?, body?);
    Some(format!("for {variable} in $({words}); do {body}; done"))
}

/// Owner and state of each key that an answer names, in the key's own Region.
fn each_key(call: Option<String>, path: &str) -> Option<String> {
    let describe = "aws kms describe-key --key-id \"$key\" --region \"$(echo \"$key\" | cut -d : -f 4)\"";
    each("key", &once(query(call, path)), Some(describe.to_owned()))
}

/// AWS's names hold none of these; a text that does is no name, and the AWS CLI would read a file or a page instead.
fn can_be_passed(text: &str) -> bool {
    let is_read_from = ["file://", "fileb://", "http://", "https://"];
    !text.is_empty()
        && !text.chars().any(char::is_control)
        && !is_read_from.iter().any(|prefix| text.starts_with(prefix))
}

/// One word of a POSIX shell.
pub(crate) fn quote(text: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "@%+:,./_-".contains(character);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A text as a literal of JMESPath, the language of `--query`.
fn literal(text: &str) -> String {
    format!("`{}`", serde_json::Value::from(text).to_string().replace('`', "\\`"))
}

#[cfg(test)]
mod tests;
