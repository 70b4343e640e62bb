//! Rules that no action answers, and why.

/// Rule, and why no action of a plan answers it.
const UNANSWERED: &[(&str, &str)] = &[
    (
        "backup-jobs-succeed",
        "the cause of a failed job is in its message: a role, a key, a quota or the table itself",
    ),
    (
        "backup-runs-not-missed",
        "a run that was missed cannot be made up for; what the plan lacks is a finding of its own",
    ),
    (
        "copy-jobs-succeed",
        "the cause of a failed copy is in its message: the other vault's policy, its key, or a role",
    ),
    (
        "exemption-approved",
        "an exemption is a decision of people, in the settings file",
    ),
    (
        "exemption-in-force",
        "an exemption is a decision of people, in the settings file",
    ),
    (
        "exemption-matches",
        "an exemption is a decision of people, in the settings file",
    ),
    (
        "exemption-within-max-tables",
        "an exemption is a decision of people, in the settings file",
    ),
    (
        "plan-has-run",
        "a plan runs by its schedule; AWS Backup starts none by hand",
    ),
    (
        "plan-schedule-understood",
        "what the schedule was meant to say is for its owner to tell",
    ),
    (
        "plan-selections-take-tables",
        "whether a selection that takes nothing is to go or to take something is for its owner to tell",
    ),
    (
        "recovery-point-deleted-when-due",
        "AWS Backup could not delete it: its role or its key is to be mended, then it is deleted by hand",
    ),
    (
        "recovery-point-encrypted",
        "a recovery point cannot be encrypted anew; new ones lie in a vault with a key",
    ),
    (
        "recovery-point-gap-within-rpo",
        "what was not backed up then cannot be backed up now; the gap leaves the window with time",
    ),
    (
        "recovery-point-not-kept-too-long",
        "to delete recovery points earlier is nothing that a tool proposes",
    ),
    (
        "recovery-point-not-overdue",
        "AWS Backup could not delete it: its role or its key is to be mended, then it is deleted by hand",
    ),
    (
        "recovery-points-not-deleted-early",
        "what was deleted is gone; who deletes, and by which right, is to be found out",
    ),
    ("restore-test-succeeded", "why a restore failed is in its message"),
    (
        "restore-time-within-rto",
        "how long a restore takes is AWS's affair and the table's size",
    ),
    (
        "table-encrypted-by-kms",
        "to change the key of a table concerns its readers and writers, not its backups",
    ),
    (
        "vault-key-works",
        "a key that is disabled, or about to be deleted, is for its owner to restore",
    ),
    (
        "vault-key-usable",
        "a key that is disabled, or about to be deleted, is for its owner to restore",
    ),
    ("vault-lock-final", "the grace period of a lock ends by itself"),
    ("vault-lock-out-of-grace", "the grace period of a lock ends by itself"),
    (
        "waiver-approved-by-another",
        "a waiver is a decision of people, in the waivers file",
    ),
    (
        "waiver-in-force",
        "a waiver is a decision of people, in the waivers file",
    ),
    (
        "waiver-matches",
        "a waiver is a decision of people, in the waivers file",
    ),
    (
        "waiver-names-demands",
        "a waiver is a decision of people, in the waivers file",
    ),
    (
        "waiver-within-a-year",
        "a waiver is a decision of people, in the waivers file",
    ),
    (
        "waiver-within-max-tables",
        "a waiver is a decision of people, in the waivers file",
    ),
];

/// Why no action answers this rule; none: one does, or it is not the program's.
pub(super) fn why(rule: &str) -> Option<&'static str> {
    UNANSWERED.iter().find(|(id, _)| *id == rule).map(|(_, why)| *why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::criteria::rules::shipped;
    use crate::remediate::actions::KINDS;

    /// Every rule has an action or a reason, and not both.
    #[test]
    fn every_rule_has_an_action_or_a_reason() {
        for rule in &shipped().0 {
            let is_answered = KINDS.iter().any(|kind| kind.answers.contains(&&*rule.id));
            assert_ne!(is_answered, why(&rule.id).is_some(), "{}", rule.id);
        }
    }
}
