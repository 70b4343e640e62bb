//! Reports made up for tests and benchmarks: any number of tables, with the nastiest names that AWS or a person may send.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};

use crate::criteria::vocabulary::POLICY_TIER;
use crate::dictionary::TableFacts;
use crate::domain::{
    Answer, DayState, Demand, Demands, FactValue, Finding, Gap, GapKind, Level, Question, Resource, Severity, Subject,
    TargetId, Verdict, Window, table_arn,
};
use crate::report::{
    AccountCoverage, Approval, ControlRow, Coverage, Exceptions, ExemptionLine, FrameworkReport, Origin, Report,
    RuleLine, Scan, TableRow, TargetCoverage, TierLine, Totals, WaiverLine,
};

const ACCOUNTS: [(&str, &str); 3] = [
    ("111122223333", "payments-prod"),
    ("444455556666", "platform"),
    ("777788889999", ""),
];
/// Days of the window.
const DAYS: usize = 30;

const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];

/// Rules that findings of this report are on: the core ones as they are shipped, one that the policy asks for, and others
/// that only advise.
const RULES: [(&str, &str, Severity, &str); 6] = [
    (
        "in-a-plan",
        "Every table is taken by a live selection of a backup plan",
        Severity::Critical,
        "assign the table to a plan, by tag or by ARN",
    ),
    (
        "backed-up",
        "One recovery point within the limit meets every demand of the policy",
        Severity::Critical,
        "start an on-demand backup, then find out why the plan missed its window",
    ),
    (
        "recovery-point-retained",
        "Every usable recovery point is kept at least as long as policy asks",
        Severity::Medium,
        "raise DeleteAfterDays in the lifecycle of the plan rule",
    ),
    (
        "recovery-point-key-owner",
        "Recovery points are encrypted with the key that policy asks for",
        Severity::High,
        "back up into a vault with a customer-managed key",
    ),
    (
        "vault-locked",
        "At least one usable recovery point lies in a locked vault",
        Severity::Medium,
        "lock the vault in governance mode first",
    ),
    (
        "pitr-on",
        "Continuous backups with point-in-time recovery are on",
        Severity::Low,
        "switch on point-in-time recovery",
    ),
];

/// Names that break careless layouts.
const NASTY: [&str; 9] = [
    "=cmd|' /C calc'!A0,\"quoted\"",
    "emoji-\u{1F600}-\u{1F1E9}\u{1F1EA}-table",
    "\u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{5e2}\u{5d5}\u{5dc}\u{5dd}-rtl-\u{202e}override",
    "\u{8868}\u{540d}\u{524d}-cjk",
    "line\nbreak\tand\u{1b}[31mcontrol",
    "(parens) \\ backslash <angle> & amp %percent",
    "Gr\u{f6}\u{df}e-\u{3a9}-\u{416}-\u{2013}-\u{e9}",
    "no_joint_at_all",
    "a.b-c_d/e:f",
];

fn name(index: usize) -> String {
    match index % 97 {
        13 => format!("{index:05}-{}", "x".repeat(249)),
        14 => format!(
            "{index:05}-{}",
            "ledger.entries-by_customer"
                .repeat(10)
                .chars()
                .take(249)
                .collect::<String>()
        ),
        nasty @ 20..=28 => format!("{index:05}-{}", NASTY[nasty - 20]),
        other if other % 3 == 0 => format!("prod-orders-by-customer-and-region-{index:05}"),
        other if other % 3 == 1 => format!("sessions_{index:05}"),
        _ => format!("ledger.entries.{index:05}"),
    }
}

/// A small number that looks random and is the same on every run.
fn noise(index: usize, salt: usize) -> usize {
    (index
        .wrapping_mul(2_654_435_761)
        .wrapping_add(salt.wrapping_mul(40_503))
        >> 7)
        % 100
}

/// The instant of the evidence.
fn as_of() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_410_000, 0).unwrap_or_default()
}

/// Which of the rules it is: ids of findings are made of it.
fn place_of(rule: &str) -> usize {
    RULES.iter().position(|one| one.0 == rule).expect("one of the rules")
}

/// The question of each rule of this report.
fn question_of(rule: &str) -> Question {
    match rule {
        "in-a-plan" => Question::InAPlan,
        "backed-up" | "recovery-point-retained" => Question::BackedUp,
        _ => Question::Safeguards,
    }
}

/// The rules that decide: those that are core, and the one whose value the policy sets.
fn level_of(rule: &str) -> Level {
    match rule {
        "in-a-plan" | "backed-up" | "recovery-point-key-owner" => Level::Required,
        _ => Level::Advised,
    }
}

/// The verdict on a table by its required findings, and an answer to each question that has some.
pub(crate) fn settle<'f>(table: &mut TableRow, findings: impl Iterator<Item = &'f Finding>) {
    table.answers = [Answer::NotAsked; 4];
    let mut worst = Answer::NotAsked;
    for finding in findings.filter(|finding| finding.level == Level::Required) {
        let answer = Answer::of(finding.verdict, finding.waived);
        worst = worst.worse(answer);
        let own = &mut table.answers[finding.question.place()];
        *own = own.worse(answer);
    }
    let both = [Question::InAPlan, Question::BackedUp].map(|question| table.answer(question));
    table.verdict = if matches!(worst, Answer::Compliant | Answer::NotApplicable) && both.contains(&Answer::NotAsked) {
        Answer::NotAsked
    } else {
        worst
    };
}

/// The core rules that this report has no finding on: with them each question is asked.
const OTHER_CORE_RULES: [(&str, Question); 3] = [
    ("plan-meets-policy", Question::InAPlan),
    ("recovery-points-not-deleted-early", Question::BackedUp),
    ("restore-test-succeeded", Question::Restorable),
];

fn core_line((id, question): (&str, Question)) -> RuleLine {
    let title = "What the question asks beside the other core rules";
    RuleLine {
        question,
        level: Level::Required,
        is_core: true,
        ..line(id, title, Severity::High, "look into it")
    }
}

fn line(id: &str, title: &str, severity: Severity, remedy: &str) -> RuleLine {
    RuleLine {
        id: id.to_owned(),
        subject: Subject::Table,
        origin: Origin::Program,
        title: title.to_owned(),
        severity,
        question: question_of(id),
        level: level_of(id),
        is_core: matches!(id, "in-a-plan" | "backed-up"),
        remedy: remedy.to_owned(),
        rationale: format!("{title}: without that a loss of data may be final."),
        applies: "table_status = 'ACTIVE'".to_owned(),
        compliant: format!("{} = true", id.replace('-', "_")),
        tells: Vec::new(),
        reads: Vec::new(),
    }
}

/// A report on `count` tables; every verdict occurs once there are a few dozen.
pub(crate) fn report(count: usize) -> Report {
    let mut tables: Vec<TableRow> = (0..count).map(table).collect();
    tables.sort_by(|a, b| a.table_arn.cmp(&b.table_arn));
    let mut findings: Vec<Finding> = tables
        .iter()
        .enumerate()
        .flat_map(|(index, table)| judge(index, table))
        .collect();
    findings.sort_by(|a, b| (&a.resource_arn, &a.rule).cmp(&(&b.resource_arn, &b.rule)));
    for table in &mut tables {
        let from = findings.partition_point(|finding| finding.resource_arn < table.table_arn);
        let arn = table.table_arn.clone();
        settle(
            table,
            findings[from..]
                .iter()
                .take_while(|finding| finding.resource_arn == arn),
        );
    }
    Report {
        scan: Scan {
            id: "3fa9c1d2e4b57a6089c3d1e2f4a5b6c7d8e9f0a1b2c3d4e5f60718293a4b5c6d".to_owned(),
            as_of: as_of(),
            started_at: as_of() - Duration::seconds(42),
            finished_at: as_of(),
            caller_arn: "arn:aws:sts::999988887777:assumed-role/BackupAudit/backproof-quarterly-evidence".to_owned(),
            tool_version: "0.1.0".to_owned(),
            call_count: count as u64 * 2 + 184,
            evidence_digest: "9b1f0c77d2e64a5a8f3b6cc04de19a7f52c8e0b3a6d94171f0e2c5b8a7d36e41".to_owned(),
        },
        drills: Vec::new(),
        window: Window {
            first: as_of().date_naive() - Duration::days(DAYS as i64 - 1),
            days: DAYS,
        },
        policy: [
            ("rpo", "24 h"),
            ("retention-min", "35 d"),
            ("key-owner", "customer-managed"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec(),
        approval: Approval {
            approved_by: "head of risk".to_owned(),
            approved_on: Some(as_of().date_naive() - Duration::days(60)),
            reference: "BCP-7".to_owned(),
            review_by: None,
        },
        exceptions: Exceptions {
            owner: "head of platform".to_owned(),
            due_days: Some(14),
            ..Exceptions::default()
        },
        tiers: tiers(&tables),
        waivers: waivers(&findings),
        frameworks: vec![framework(&findings)],
        rules: RULES
            .into_iter()
            .map(|(id, title, severity, remedy)| line(id, title, severity, remedy))
            .chain(OTHER_CORE_RULES.map(core_line))
            .collect(),
        left_out: Vec::new(),
        totals: Totals::of(&tables, &findings),
        coverage: coverage(&tables),
        tables,
        findings,
        baseline: None,
        changes: Vec::new(),
    }
}

fn table(index: usize) -> TableRow {
    let target = TargetId::new(ACCOUNTS[index % 3].0, REGIONS[index / 3 % 2]);
    let name = name(index);
    let planned = noise(index, 1) < 85;
    let age = noise(index, 2) as f64 / 3.0 + 0.25;
    let denied = noise(index, 3) < 6;
    let point = |value: FactValue| if denied { FactValue::OPEN } else { value };
    let facts = [
        ("table_status", FactValue::Text("ACTIVE".into())),
        ("table_size_bytes", FactValue::Int(index as i64 * 7919)),
        ("in_a_plan", FactValue::Bool(planned)),
        (
            "plan_verdict",
            FactValue::Text(if planned { "protected" } else { "unprotected" }.into()),
        ),
        (
            "plan_names",
            FactValue::Text(if planned { "daily-35d" } else { "" }.into()),
        ),
        (
            "usable_recovery_point_count",
            point(FactValue::Int(noise(index, 4) as i64)),
        ),
        ("newest_recovery_point_age_hours", point(FactValue::Float(age))),
        ("policy_tier", FactValue::Text(tier_of(index).into())),
        (
            "limit_hours",
            FactValue::Float(if tier_of(index) == "gold" { 6.0 } else { 24.0 }),
        ),
        (
            "newest_recovery_point_at",
            point(FactValue::Time(as_of() - Duration::minutes((age * 60.0) as i64))),
        ),
        (
            "shortest_retention_days",
            point(FactValue::Int(if noise(index, 5) < 90 { 35 } else { 7 })),
        ),
        ("recovery_points_encrypted", point(FactValue::Bool(true))),
        (
            "weakest_key_owner",
            point(FactValue::Text(
                if noise(index, 6) < 88 {
                    "customer-managed"
                } else {
                    "aws-managed"
                }
                .into(),
            )),
        ),
        ("is_in_locked_vault", point(FactValue::Bool(noise(index, 7) < 92))),
        ("pitr_on", FactValue::Bool(noise(index, 8) < 70)),
        ("deletion_protection_on", FactValue::Bool(noise(index, 9) < 60)),
        (
            "failed_backup_job_count",
            FactValue::Int((noise(index, 10) / 40) as i64),
        ),
    ];
    TableRow {
        table_arn: table_arn("aws", &target, &name),
        table_name: name,
        target,
        verdict: Answer::NotAsked,
        answers: [Answer::NotAsked; 4],
        answers_by_framework: Vec::new(),
        facts: Arc::new(facts.into_iter().map(|(name, value)| (name.into(), value)).collect()),
        days: (0..DAYS).map(|day| day_state(index, day, denied)).collect(),
    }
}

fn tier_of(index: usize) -> &'static str {
    match index % 10 {
        0 | 1 => "gold",
        9 => "scratch",
        _ => "",
    }
}

fn tiers(tables: &[TableRow]) -> Vec<TierLine> {
    let count = |name: &str| {
        let tier = FactValue::Text(name.into());
        tables.iter().filter(|row| *row.fact(POLICY_TIER) == tier).count()
    };
    let tier = |name: &str, when: &str, values: &[(&str, &str)], exemption| TierLine {
        name: name.to_owned(),
        when: when.to_owned(),
        values: values
            .iter()
            .map(|&(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
        exemption,
        levels: std::collections::BTreeMap::new(),
        table_count: count(name),
    };
    let exempt = |is_in_force| ExemptionLine {
        reason: "filled anew every night from the warehouse".to_owned(),
        approver: if is_in_force { "head of platform" } else { "" }.to_owned(),
        expires_at: Some(as_of() + Duration::days(200)),
        max_tables: None,
        is_in_force,
    };
    vec![
        tier(
            "gold",
            "tag('tier') = 'gold' OR table_name LIKE 'ledger-%'",
            &[
                ("rpo", "6 h"),
                ("key-owner", "customer-managed"),
                ("copy.regions", "eu-central-1"),
            ],
            None,
        ),
        tier("scratch", "table_name LIKE 'tmp-%'", &[], Some(exempt(true))),
        tier("attic", "table_name LIKE 'old-%'", &[], Some(exempt(false))),
    ]
}

fn waivers(findings: &[Finding]) -> Vec<WaiverLine> {
    let waiver = |id: &str, rule: &str, tables: &str, is_in_force| WaiverLine {
        id: id.to_owned(),
        rule: rule.to_owned(),
        demands: if rule == "backed-up" {
            Demands::NONE.and(Demand::Kept)
        } else {
            Demands::NONE
        },
        tables: tables.to_owned(),
        reason: "read-only since the migration; the last full export is verified".to_owned(),
        compensating_control: "export in the archive bucket, under object lock".to_owned(),
        requester: "lead of billing".to_owned(),
        approver: "head of risk".to_owned(),
        approved_at: as_of() - Duration::days(100),
        expires_at: as_of() + Duration::days(200),
        ticket: id.to_owned(),
        table_count: 5,
        finding_count: findings
            .iter()
            .filter(|finding| &*finding.rule == rule && finding.waived)
            .count(),
        is_in_force,
    };
    vec![
        waiver("RISK-77", "backed-up", "prod-orders-by-customer-and-region-*", true),
        waiver(
            "RISK-12",
            "vault-locked",
            "arn:aws:dynamodb:*:111122223333:table/ledger.entries.*",
            false,
        ),
    ]
}

/// Controls with every kind of answer.
fn framework(findings: &[Finding]) -> FrameworkReport {
    let control = |id: &str, asks: &str, rules: &[&str], answered: &str| {
        let of_rules = || findings.iter().filter(|finding| rules.contains(&&*finding.rule));
        let open = || of_rules().filter(|finding| !finding.waived);
        let worst = open().map(|finding| finding.verdict).reduce(Verdict::worse);
        ControlRow {
            id: id.to_owned(),
            question: "Q1, Q2".to_owned(),
            relation: if rules.len() > 1 { "direct" } else { "supporting" }.to_owned(),
            letter: "V".to_owned(),
            asks: asks.to_owned(),
            only_if: String::new(),
            rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
            advised: Vec::new(),
            advised_open: 0,
            answered: answered.to_owned(),
            verdict: worst,
            counts: Verdict::ALL
                .into_iter()
                .map(|verdict| (verdict, open().filter(|finding| finding.verdict == verdict).count()))
                .collect(),
            waived: of_rules().filter(|finding| finding.waived).count(),
        }
    };
    FrameworkReport {
        id: "soc2".to_owned(),
        title: "SOC 2, Trust Services Criteria".to_owned(),
        version: "2017 (points of focus 2022)".to_owned(),
        origin: Origin::Program,
        laxer: Vec::new(),
        controls: vec![
            control(
                "A1.2",
                "backup processes protect data",
                &["in-a-plan", "backed-up"],
                "rules",
            ),
            control(
                "CC6.1",
                "encryption protects stored data",
                &["recovery-point-key-owner"],
                "rules",
            ),
            control("A1.3", "recovery is tested", &[], "none"),
            control("CC4.1", "the evidence is complete", &[], "coverage"),
            control("CC3.4", "exceptions are decided", &[], "waivers"),
        ],
    }
}

/// Most days covered, some not; a few tables are younger than the window.
fn day_state(index: usize, day: usize, denied: bool) -> DayState {
    let born = if noise(index, 11) < 10 { DAYS / 2 } else { 0 };
    match noise(index, 100 + day) {
        _ if day < born => DayState::NotAlive,
        _ if denied => DayState::NotObserved,
        0..=5 => DayState::Exposed,
        _ => DayState::Covered,
    }
}

fn judge(index: usize, table: &TableRow) -> Vec<Finding> {
    let test = |name: &str, good: &dyn Fn(&FactValue) -> bool| match table.column(name) {
        FactValue::Null(_) => Verdict::Unknown,
        value if good(value) => Verdict::Compliant,
        _ => Verdict::NonCompliant,
    };
    let yes = |value: &FactValue| *value == FactValue::Bool(true);
    let text = |want: &'static str| move |value: &FactValue| *value == FactValue::Text(want.into());
    let young = |value: &FactValue| matches!(value, FactValue::Float(age) if *age <= 24.0);
    let long = |value: &FactValue| matches!(value, FactValue::Int(days) if *days >= 35);
    let verdicts = [
        (test("in_a_plan", &yes), "in_a_plan"),
        (
            test("newest_recovery_point_age_hours", &young),
            "newest_recovery_point_age_hours",
        ),
        (test("shortest_retention_days", &long), "shortest_retention_days"),
        (
            test("weakest_key_owner", &text("customer-managed")),
            "weakest_key_owner",
        ),
        (test("is_in_locked_vault", &yes), "is_in_locked_vault"),
        (
            if index.is_multiple_of(11) {
                Verdict::NotApplicable
            } else {
                test("pitr_on", &yes)
            },
            "pitr_on",
        ),
    ];
    RULES
        .iter()
        .zip(verdicts)
        .map(|(&(rule, title, severity, remedy), (verdict, fact))| {
            let value = table.column(fact).clone();
            let message = match verdict {
                Verdict::NonCompliant => {
                    format!("{fact} is {value}, which policy does not allow; the plan is daily-35d")
                }
                Verdict::Unknown => format!("{fact} is unknown: a vault that may hold its points could not be read"),
                _ => title.to_owned(),
            };
            let bad = matches!(verdict, Verdict::NonCompliant | Verdict::Unknown);
            Finding {
                id: format!(
                    "{:016x}",
                    (index * RULES.len() + place_of(rule)).wrapping_mul(0x9e37_79b9_7f4a_7c15) as u64
                )
                .into(),
                rule: rule.into(),
                resource: Arc::new(Resource {
                    subject: Subject::Table,
                    resource_arn: table.table_arn.clone(),
                    resource_name: table.table_name.clone(),
                    target: table.target.clone(),
                }),
                verdict,
                severity,
                question: question_of(rule),
                level: level_of(rule),
                framework: None,
                waived: verdict == Verdict::NonCompliant && index.is_multiple_of(13),
                waivers: Box::default(),
                failing: Box::default(),
                message: message.into(),
                remedy: if bad { remedy.into() } else { "".into() },
                evidence: vec![
                    (fact.into(), value),
                    ("plan_names".into(), table.fact(TableFacts::plan_names).clone()),
                    ("table_status".into(), table.fact(TableFacts::table_status).clone()),
                ]
                .into(),
            }
        })
        .collect()
}

fn coverage(tables: &[TableRow]) -> Coverage {
    let mut targets = Vec::new();
    for (account_id, _) in ACCOUNTS {
        for region in REGIONS {
            let target = TargetId::new(account_id, region);
            let count = tables.iter().filter(|table| table.target == target).count();
            let denied = account_id == "444455556666" && region == "us-east-1";
            targets.push(TargetCoverage {
                target,
                status: if denied { "partly" } else { "scanned" },
                tables_listed: Some(count),
                tables_described: count,
                call_count: count as u64 * 2 + 31,
                gap_count: usize::from(denied) * 2,
            });
        }
    }
    let gap = |resource: &str, kind| {
        Gap {
        target: TargetId::new("444455556666", "us-east-1"),
        action: "backup:ListRecoveryPointsByBackupVault".to_owned(),
        resource: resource.to_owned(),
        kind,
        why: "AccessDeniedException: User: arn:aws:sts::999988887777:assumed-role/BackupAudit/x is not authorized to perform: \
              backup:ListRecoveryPointsByBackupVault on resource: arn:aws:backup:us-east-1:444455556666:backup-vault:ledger"
            .to_owned(),
        so: "absence of backups cannot be shown here; freshness is unknown where nothing else proves it".to_owned(),
        hint: "allow that action for the audit role; `explain permissions` prints the whole policy".to_owned(),
    }
    };
    Coverage {
        not_asked: Vec::new(),
        switched_off: Vec::new(),
        accounts: ACCOUNTS
            .map(|(id, name)| AccountCoverage {
                account_id: id.to_owned(),
                name: name.to_owned(),
                status: if id == "444455556666" { "partly" } else { "scanned" },
            })
            .to_vec(),
        targets,
        tables_listed: tables.len(),
        tables_described: tables.len(),
        tables_vanished: 0,
        tables_unknown: 0,
        regions_unknown: false,
        gaps: vec![
            gap("ledger-vault", GapKind::Denied),
            gap("archive-vault", GapKind::Throttled),
        ],
    }
}
