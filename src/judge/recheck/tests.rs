use std::process::Command;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::criteria::rules::RuleSet;
use crate::criteria::vocabulary::COMPARISONS;
use crate::domain::{Level, Question, Resource, Severity, Verdict};

const TABLE: &str = "arn:aws:dynamodb:eu-west-1:111122223333:table/orders";

fn finding(subject: Subject, arn: &str, name: &str, evidence: &[(&'static str, FactValue)]) -> Finding {
    Finding {
        id: "".into(),
        rule: "r".into(),
        resource: Arc::new(Resource {
            subject,
            resource_arn: arn.to_owned(),
            resource_name: name.to_owned(),
            target: TargetId::new("111122223333", "eu-west-1"),
        }),
        verdict: Verdict::Compliant,
        severity: Severity::Low,
        question: Question::Safeguards,
        level: Level::Required,
        framework: None,
        waived: false,
        waivers: Box::default(),
        failing: Box::default(),
        message: Arc::default(),
        remedy: Arc::default(),
        evidence: evidence
            .iter()
            .map(|(name, value)| (FactName::from(*name), value.clone()))
            .collect::<Vec<_>>()
            .into(),
    }
}

#[test]
fn the_lines_follow_from_the_facts() {
    let text = |text: &str| FactValue::Text(text.into());
    for (subject, arn, name, evidence, wanted) in [
        (
            Subject::Table,
            TABLE,
            "orders",
            ("pitr_on", FactValue::Bool(true)),
            "aws dynamodb describe-continuous-backups --table-name orders --region eu-west-1",
        ),
        (
            Subject::Table,
            TABLE,
            "orders",
            ("newest_recovery_point_age_hours", FactValue::OPEN),
            "aws backup list-recovery-points-by-resource --resource-arn arn:aws:dynamodb:eu-west-1:111122223333:table/orders --region eu-west-1",
        ),
        (
            Subject::Table,
            TABLE,
            "orders",
            ("missing_copy_regions", text("eu-central-1, us-east-1")),
            "aws backup list-recovery-points-by-resource --resource-arn arn:aws:dynamodb:eu-west-1:111122223333:table/orders --region us-east-1",
        ),
        (
            Subject::Table,
            TABLE,
            "orders",
            ("in_a_plan", FactValue::Bool(false)),
            "for plan in $(aws backup list-backup-plans --region eu-west-1 --query 'BackupPlansList[].BackupPlanId' --output text); do aws backup get-backup-plan --backup-plan-id \"$plan\" --region eu-west-1; done",
        ),
        (
            Subject::Table,
            TABLE,
            "orders",
            ("table_key_arn", text("arn:aws:kms:us-east-1:111122223333:key/k")),
            "aws dynamodb describe-table --table-name orders --region eu-west-1",
        ),
        (
            Subject::Vault,
            "arn:aws:backup:eu-west-1:111122223333:backup-vault:Default",
            "Default",
            ("lock_rank", FactValue::Int(0)),
            "aws backup describe-backup-vault --backup-vault-name Default --region eu-west-1",
        ),
        (
            Subject::Plan,
            "arn:aws:backup:eu-west-1:111122223333:backup-plan:orgs/o-1/daily",
            "daily",
            ("role_trouble", text("none")),
            "aws backup list-backup-jobs --by-resource-type DynamoDB --region eu-west-1 --query 'BackupJobs[?CreatedBy.BackupPlanId==`\"orgs/o-1/daily\"`]'",
        ),
        (
            Subject::Target,
            "111122223333/eu-west-1",
            "111122223333/eu-west-1",
            ("dynamodb_opted_in", FactValue::Bool(true)),
            "aws backup describe-region-settings --region eu-west-1",
        ),
    ] {
        let lines = commands(&finding(subject, arn, name, &[evidence]));
        assert!(lines.iter().any(|line| line == wanted), "{wanted}\n{lines:#?}");
    }
    let waiver = finding(Subject::Waiver, "w", "w", &[("matched_table_count", FactValue::Int(0))]);
    assert_eq!(commands(&waiver), Vec::<String>::new());
}

#[test]
fn every_rule_about_aws_has_a_line_and_every_frame_of_a_table_is_asked_for() {
    let rules = RuleSet::load(None, &[]).expect("the embedded rules");
    for rule in &rules.0 {
        let evidence: Vec<(&'static str, FactValue)> = rule
            .reads()
            .filter_map(|read| {
                let facts = facts_of(rule.subject).iter().map(|fact| fact.name);
                let comparisons = COMPARISONS.iter().map(|comparison| comparison.name);
                facts.chain(comparisons).find(|name| *name == read)
            })
            .map(|name| (name, FactValue::OPEN))
            .collect();
        let arn = match rule.subject {
            Subject::Plan => "arn:aws:backup:eu-west-1:111122223333:backup-plan:id",
            _ => TABLE,
        };
        let lines = commands(&finding(rule.subject, arn, "orders", &evidence));
        let is_of_files = matches!(rule.subject, Subject::Waiver | Subject::Exemption);
        assert_eq!(lines.is_empty(), is_of_files, "{}: {lines:#?}", rule.id);
    }
    let subjects = [
        Subject::Table,
        Subject::RecoveryPoint,
        Subject::Vault,
        Subject::Plan,
        Subject::Target,
    ];
    for subject in subjects {
        let arn = "arn:aws:backup:eu-west-1:111122223333:backup-plan:id";
        let asked = finding(subject, arn, "orders", &[]);
        let asked = Checked {
            subject,
            target: &asked.target,
            arn,
            name: "orders",
            evidence: Vec::new(),
        };
        let of_facts = facts_of(subject).iter().flat_map(|fact| fact.frames.iter().copied());
        let frames: BTreeSet<&'static str> = of_facts.collect();
        for frame in frames.iter().filter(|frame| !NOT_ASKED.contains(frame)) {
            let lines = asked.lines_of(frame, &frames);
            assert!(
                !lines.is_empty() && lines.iter().all(Option::is_some),
                "{subject} {frame}"
            );
        }
    }
}

#[test]
fn a_name_that_the_cli_would_read_as_something_else_gives_no_line() {
    let evidence = [("pitr_on", FactValue::OPEN)];
    for name in ["file:///etc/passwd", "fileb://x", "https://example.org", "a\nb", ""] {
        let lines = commands(&finding(Subject::Table, TABLE, name, &evidence));
        assert_eq!(lines, Vec::<String>::new(), "{name:?}");
    }
    let lines = commands(&finding(Subject::Table, TABLE, "-orders", &evidence));
    assert!(lines[0].contains(" --table-name=-orders "), "{lines:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A shell hands the name on as it is, whatever it holds.
    #[test]
    fn a_quoted_word_comes_out_as_it_was(text in "[^\\x00]{0,24}|['\"`$\\\\!*? ;|&<>(){}\\[\\]#~-]{1,12}") {
        let script = format!("printf %s {}", quote(&text));
        let ran = Command::new("sh").args(["-c", &script]).output().expect("a shell");
        prop_assert_eq!(String::from_utf8_lossy(&ran.stdout), text);
    }

    /// Whatever a name holds, the line is one command of the shell with that name as one argument.
    #[test]
    fn a_name_never_leaves_its_argument(name in "\\PC{1,24}") {
        prop_assume!(can_be_passed(&name));
        let line = line("dynamodb describe-table", &[("table-name", &name)]).expect("a line");
        let script = format!("aws() {{ printf '%s\\0' \"$@\"; }}; {line}");
        let ran = Command::new("sh").args(["-c", &script]).output().expect("a shell");
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        let wanted = if name.starts_with('-') {
            format!("dynamodb\0describe-table\0--table-name={name}\0")
        } else {
            format!("dynamodb\0describe-table\0--table-name\0{name}\0")
        };
        prop_assert_eq!(said, wanted);
    }
}
