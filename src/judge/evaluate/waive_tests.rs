//! Waivers of findings on demands: what is excused, and what never changes.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::waive::waive;
use crate::criteria::Criteria;
use crate::criteria::levels::core_of;
use crate::criteria::policy::Policy;
use crate::criteria::rules::shipped;
use crate::criteria::waivers::{Waiver, Waivers};
use crate::domain::{
    Answer, Demand, Demands, Evidence, Finding, Level, Question, Resource, Severity, Subject, TargetId, Verdict,
};

/// Rules whose waivers excuse demands, and one whose waivers excuse it whole.
const RULES: [&str; 6] = [
    "backed-up",
    "plan-meets-policy",
    "recovery-point-fresh",
    "recovery-point-retained",
    "plan-frequent-enough",
    "in-a-plan",
];
const TABLES: [&str; 3] = ["a", "b", "c"];

fn as_of() -> DateTime<Utc> {
    "2026-08-01T12:00:00Z".parse().expect("an instant")
}

fn of(demands: &[Demand]) -> Demands {
    demands.iter().copied().collect()
}

fn finding(rule: &str, table: &str, verdict: Verdict, failing: Vec<Demands>) -> Finding {
    Finding {
        id: format!("{rule} {table}").into(),
        rule: rule.into(),
        resource: Arc::new(Resource {
            subject: Subject::Table,
            resource_arn: format!("arn:aws:dynamodb:eu-west-1:111122223333:table/{table}"),
            resource_name: table.to_owned(),
            target: TargetId::new("111122223333", "eu-west-1"),
        }),
        verdict,
        severity: Severity::High,
        question: Question::BackedUp,
        level: Level::Required,
        framework: None,
        waived: false,
        waivers: Box::default(),
        failing: failing.into(),
        message: "something fails".into(),
        remedy: Arc::default(),
        evidence: Evidence::default(),
    }
}

fn waiver(id: &str, rule: &str, tables: &str, demands: Demands) -> Waiver {
    let day = |text: &str| format!("{text}T00:00:00Z").parse().expect("an instant");
    Waiver {
        id: id.to_owned(),
        rule: rule.to_owned(),
        demands,
        tables: tables.to_owned(),
        reason: "r".to_owned(),
        compensating_control: None,
        requester: "ann".to_owned(),
        approver: "bob".to_owned(),
        approved_at: day("2026-06-01"),
        expires_at: day("2027-01-01"),
        ticket: None,
        max_tables: 9,
        origin: "w:1".to_owned(),
    }
}

fn waived(findings: &[Finding], waivers: &[Waiver]) -> Vec<Finding> {
    let mut findings = findings.to_vec();
    let criteria = Criteria {
        rules: shipped().clone(),
        policy: Policy::default(),
        waivers: Waivers(waivers.to_vec()),
        baseline: None,
        changes: Vec::new(),
        frameworks: Vec::new(),
    };
    waive(&mut findings, &criteria, as_of(), &|_| true);
    findings
}

#[test]
fn a_finding_is_waived_only_while_what_fails_is_excused() {
    use Demand::{Fresh, Kept, KeyOwner, Locked};
    let named = |demands: &[Demand]| waiver("W-1", "backed-up", "a", of(demands));
    let fails = |failing: Vec<Demands>| finding("backed-up", "a", Verdict::NonCompliant, failing);
    let one = |failing: Vec<Demands>, waivers: &[Waiver]| waived(&[fails(failing)], waivers).remove(0);
    assert!(one(vec![of(&[Kept])], &[named(&[Kept])]).waived);
    assert!(one(vec![of(&[Fresh]), of(&[Kept])], &[named(&[Kept, Locked])]).waived);
    let open = one(vec![of(&[Kept, Locked])], &[named(&[Kept])]);
    assert!(!open.waived);
    assert_eq!(
        &*open.message,
        "something fails; not waived: locked, for W-1 excuses kept only"
    );
    // Nothing that it names fails, or it names nothing: the finding says so.
    for (demands, why) in [
        (vec![Locked], "W-1 excuses locked only, which is not what fails"),
        (vec![], "W-1 names no demand that it excuses"),
    ] {
        let other = one(vec![of(&[Kept])], &[named(&demands)]);
        let wanted = format!("something fails; not waived: {why}");
        assert_eq!((other.waived, &*other.message), (false, &*wanted));
    }
    // Another waiver that does cover it leaves nothing to say.
    let covered = one(vec![of(&[Kept])], &[named(&[Locked]), named(&[Kept])]);
    assert_eq!((covered.waived, &*covered.message), (true, "something fails"));
    // What was not read may fail anything.
    let all = of(&Demand::ALL);
    let unknown = finding("backed-up", "a", Verdict::Unknown, Vec::new());
    assert!(!waived(&[unknown], &[waiver("W-1", "backed-up", "a", all)])[0].waived);
    // One that names nothing.
    assert!(!one(vec![of(&[Kept])], &[named(&[])]).waived);
    // Two excuse it between them, and both are named.
    let both = [
        waiver("W-1", "recovery-point-retained", "a", Demands::NONE),
        waiver("W-2", "backed-up", "*", of(&[Fresh])),
        waiver("W-3", "recovery-point-key-owner", "*", Demands::NONE),
    ];
    let by_both = one(vec![of(&[Kept, KeyOwner])], &both);
    assert!(by_both.waived);
    assert_eq!(by_both.waived_by().as_deref(), Some("W-1 and W-3"));
    assert_eq!(one(vec![of(&[Fresh])], &both).waived_by().as_deref(), Some("W-2"));
}

#[test]
fn waivers_of_rules_on_single_demands_excuse_the_same_demand() {
    for rule in &shipped().0 {
        for (other, demands) in &rule.excuses {
            let core = shipped().0.iter().find(|rule| *rule.id == **other);
            let core = core.unwrap_or_else(|| panic!("{}: {other}", rule.id));
            assert!(core.is_core() && core.has_demands(), "{}: {other}", rule.id);
            assert!(!demands.is_empty() && demands.are_among(core.demands), "{}", rule.id);
            assert!(rule.demands.is_empty() && rule.subject == Subject::Table, "{}", rule.id);
            let waivers = [waiver("W-1", &rule.id, "a", Demands::NONE)];
            let enough = finding(other, "a", Verdict::NonCompliant, vec![*demands]);
            assert!(waived(&[enough], &waivers)[0].waived, "{}", rule.id);
            let more = core.demands.iter().filter(|demand| !demands.contains(*demand));
            for demand in more {
                let more = finding(other, "a", Verdict::NonCompliant, vec![demands.and(demand)]);
                assert!(!waived(&[more], &waivers)[0].waived, "{}: {demand}", rule.id);
            }
        }
    }
    let with_demands = shipped().0.iter().filter(|rule| rule.has_demands());
    assert_eq!(with_demands.count(), 2);
    assert!(core_of(Question::BackedUp).iter().any(|id| id == "backed-up"));
}

fn sets() -> impl Strategy<Value = Vec<Demands>> {
    let set = subsequence(Demand::ALL.to_vec(), 1..=3).prop_map(|demands| of(&demands));
    prop::collection::vec(set, 0..4).prop_map(Demands::least)
}

fn findings() -> impl Strategy<Value = Vec<Finding>> {
    let one = (
        select(&RULES[..]),
        select(&TABLES[..]),
        select(Verdict::ALL.to_vec()),
        sets(),
    );
    let one = one.prop_map(|(rule, table, verdict, failing)| {
        let has_demands = ["backed-up", "plan-meets-policy"].contains(&rule);
        let is_no_yes = matches!(verdict, Verdict::NonCompliant | Verdict::Unknown);
        let failing = if has_demands && is_no_yes { failing } else { Vec::new() };
        finding(rule, table, verdict, failing)
    });
    prop::collection::vec(one, 1..12)
}

fn waivers() -> impl Strategy<Value = Vec<Waiver>> {
    let one = (
        select(&RULES[..]),
        select(vec!["a", "b", "*"]),
        subsequence(Demand::ALL.to_vec(), 0..=6),
    );
    let one = one.prop_map(|(rule, tables, demands)| {
        let has_demands = ["backed-up", "plan-meets-policy"].contains(&rule);
        waiver(
            "W",
            rule,
            tables,
            if has_demands { of(&demands) } else { Demands::NONE },
        )
    });
    prop::collection::vec(one, 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_waiver_changes_no_verdict_and_more_of_them_waive_no_less(
        before in findings(),
        waivers in waivers(),
        more in waivers(),
        fewer in select(Demand::ALL.to_vec()),
    ) {
        let after = waived(&before, &waivers);
        let with_more = waived(&before, &[waivers.clone(), more].concat());
        let mut narrowed = waivers.clone();
        for waiver in &mut narrowed {
            waiver.demands = waiver.demands.without(of(&[fewer]));
        }
        let narrowed = waived(&before, &narrowed);
        for (place, finding) in before.iter().enumerate() {
            let found = &after[place];
            prop_assert_eq!(found.verdict, finding.verdict);
            prop_assert_eq!((found.level, &found.failing), (finding.level, &finding.failing));
            prop_assert!(found.message.starts_with(&*finding.message));
            // It is no yes, and never becomes one.
            let is_no_yes = matches!(finding.verdict, Verdict::NonCompliant | Verdict::Unknown);
            prop_assert!(is_no_yes || !found.waived);
            prop_assert!(Answer::from(found.verdict) == Answer::Compliant || finding.verdict != Verdict::Compliant);
            prop_assert!(!found.waived || with_more[place].waived);
            prop_assert!(found.waived || !narrowed[place].waived);
            // By reading: all that is excused of it, by those that match.
            let of_finding = waivers.iter().filter(|waiver| waiver.matches(&finding.resource_arn, &finding.resource_name));
            let mut excused = Demands::NONE;
            let mut is_whole = false;
            for waiver in of_finding {
                is_whole |= waiver.rule == *finding.rule && waiver.excuses().iter().all(|(rule, _)| *rule != waiver.rule);
                // Where its own rule holds, there is nothing to excuse.
                let is_well = |other: &&Finding| {
                    *other.rule == *waiver.rule && other.resource_arn == finding.resource_arn
                        && matches!(other.verdict, Verdict::Compliant | Verdict::NotApplicable)
                };
                let is_well = waiver.rule != *finding.rule && before.iter().find(is_well).is_some();
                for (rule, demands) in waiver.excuses() {
                    if *rule == *finding.rule && !is_well {
                        excused = excused.or(demands);
                    }
                }
            }
            let is_excused = finding.failing.iter().any(|failing| failing.are_among(excused));
            prop_assert_eq!(found.waived, is_no_yes && (is_whole || is_excused));
        }
    }
}
