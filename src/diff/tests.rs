use super::findings::{State, kind_of, kind_since};
use super::policy;
use super::*;
use crate::criteria::waivers::Waivers;

const STATES: [State; 5] = [
    State::Open,
    State::Waived,
    State::Unknown,
    State::Compliant,
    State::NotApplicable,
];

#[test]
fn not_known_on_one_side_is_never_fixed() {
    let all = STATES.into_iter().map(Some).chain([None]);
    for (before, after) in all.flat_map(|before| STATES.map(|after| (before, after))) {
        let kind = kind_of(before, after);
        if before == Some(State::Unknown) || after == State::Unknown {
            assert!(
                matches!(
                    kind,
                    Some(Kind::BecameUnknown | Kind::BecameKnown | Kind::StillUnknown | Kind::NewlyFailing)
                ),
                "{before:?} {after:?} {kind:?}"
            );
        }
        assert_eq!(
            kind == Some(Kind::Fixed),
            (before, after) == (Some(State::Open), State::Compliant)
        );
        let is_failing = matches!(kind, Some(Kind::NewlyFailing | Kind::StillFailing));
        assert_eq!(is_failing, after == State::Open, "{before:?} {after:?}");
    }
}

#[test]
fn what_was_not_asked_is_told_apart_and_what_aws_made_worse_is_not() {
    use crate::report::Since::{Known, New, NewlyAsked, NewlyRequired};
    use State::{Compliant, Open, Unknown};
    for (before, since, wanted) in [
        (Some(Open), Some(Known), Kind::StillFailing),
        (Some(Open), Some(New), Kind::StillFailing),
        (Some(Open), Some(NewlyAsked), Kind::NewlyAsked),
        (Some(Open), Some(NewlyRequired), Kind::NewlyRequired),
        // The older scan did not ask AWS what the rule needs.
        (Some(Unknown), Some(NewlyAsked), Kind::NewlyAsked),
        (Some(Unknown), Some(Known), Kind::StillFailing),
        (Some(Unknown), Some(New), Kind::NewlyFailing),
        // By the evidence of then it held.
        (Some(Compliant), Some(NewlyAsked), Kind::NewlyFailing),
        (Some(Compliant), Some(Known), Kind::NewlyFailing),
        (None, Some(NewlyAsked), Kind::NewlyFailing),
        (None, None, Kind::NewlyFailing),
    ] {
        let kind = kind_of(before, Open).expect("it fails");
        assert_eq!(kind_since(kind, before, since), wanted, "{before:?} {since:?}");
    }
}

#[test]
fn kinds_are_in_the_order_of_outputs_and_have_words_of_their_own() {
    let mut sorted = Kind::ALL;
    sorted.sort();
    assert_eq!(sorted, Kind::ALL);
    let words: std::collections::BTreeSet<&str> = Kind::ALL.into_iter().map(Kind::as_str).collect();
    assert_eq!(words.len(), Kind::ALL.len());
}

fn criteria(policy: &str, waivers: &str) -> Criteria {
    let rules =
        crate::criteria::rules::RuleSet::load(None, &["in-a-plan".to_owned(), "pitr-on".to_owned()]).expect("rules");
    Criteria {
        rules,
        policy: crate::criteria::policy::parse(policy, "policy.toml").expect("a policy"),
        waivers: Waivers::parse(waivers, "waivers.toml", &["in-a-plan", "pitr-on"]).expect("waivers"),
        frameworks: Vec::new(),
        baseline: None,
        changes: Vec::new(),
    }
}

/// What is told of a change of criteria: kind, name, value.
fn told(then: &Criteria, now: &Criteria) -> Vec<(Kind, String, String)> {
    let mut found = Found::default();
    let criteria = ThenAndNow {
        then: (then, Asked::of(then)),
        now: (now, Asked::of(now)),
        own: None,
    };
    policy::compare(&criteria, &mut found);
    found
        .changes
        .into_iter()
        .map(|change| (change.kind, change.name, change.what))
        .collect()
}

#[test]
fn values_that_ask_for_less_are_weaker_and_the_others_are_changes() {
    let strict = r#"
rpo = "6h"
retention-min = "90d"
retention-max = "400d"
key-owner = "customer-managed"
vault-lock = "compliance"
copy-regions = ["eu-central-1", "us-east-1"]
copy-accounts = ["444455556666"]
copy-rpo = "12h"
copy.retention-min = "1y"
copy.key-owner = "customer-managed"
copy.vault-lock = "compliance"
air-gapped-within = "7d"
restore-tested-within = "30d"
rto = "2h"
window = "60d"
"#;
    let lax = r#"
rpo = "24h"
retention-min = "35d"
retention-max = "none"
key-owner = "any"
vault-lock = "governance"
copy = { regions = ["us-east-1"], rpo = "48h", retention-min = "30d", key-owner = "aws-managed" }
accept-copies = true
air-gapped-within = "none"
restore-tested-within = "90d"
rto = "4h"
window = "30d"
"#;
    let wrap = |values: &str| criteria(&format!("[policy]\n{values}"), "");
    let (strict_criteria, lax_criteria) = (wrap(strict), wrap(lax));
    let loosened = told(&strict_criteria, &lax_criteria);
    assert_eq!(loosened.len(), 16, "{loosened:?}");
    assert!(
        loosened.iter().all(|(kind, ..)| *kind == Kind::PolicyWeaker),
        "{loosened:?}"
    );
    let tightened = told(&lax_criteria, &strict_criteria);
    assert_eq!(tightened.len(), 16);
    assert!(
        tightened.iter().all(|(kind, ..)| *kind == Kind::PolicyChanged),
        "{tightened:?}"
    );
    assert_eq!(told(&lax_criteria, &lax_criteria), []);
    // A copy's RPO that only follows the RPO is one change, not two.
    let rpo = told(&wrap("rpo = \"6h\""), &wrap("rpo = \"12h\""));
    assert_eq!(rpo, [(Kind::PolicyWeaker, "policy".to_owned(), "rpo".to_owned())]);
}

#[test]
fn tiers_exemptions_and_waivers_that_were_added_or_loosened() {
    let gold = "[[policy.tier]]\nname = \"gold\"\nwhen = \"table_name LIKE 'a%'\"\nrpo = \"6h\"\n";
    let laxer = gold.replace("6h", "12h");
    let wider = gold.replace("a%", "ab%");
    let exempt = "[[policy.tier]]\nname = \"tmp\"\nwhen = \"table_name LIKE 't%'\"\nexempt = true\nreason = \"r\"\napprover = \"a\"\nexpires = \"2027-01-31\"\n";
    let longer = exempt.replace("2027-01-31", "2027-06-30");
    let waiver = "[[waiver]]\nrule = \"pitr-on\"\ntables = \"legacy-*\"\nreason = \"r\"\nrequester = \"a\"\napprover = \"b\"\napproved = 2026-05-01\nexpires = 2026-12-31\nmax-tables = 2\n";
    let more = waiver.replace("max-tables = 2", "max-tables = 9");
    let later = waiver.replace("2026-12-31", "2027-03-31");
    let wrap = |tiers: &str, waivers: &str| criteria(&format!("[policy]\nrpo = \"24h\"\n{tiers}"), waivers);
    use Kind::{PolicyChanged, PolicyWeaker};
    for (then, now, wanted) in [
        (
            ("", ""),
            (gold, ""),
            vec![
                (PolicyChanged, "tier gold", "tier"),
                (PolicyChanged, "tier gold", "rpo"),
            ],
        ),
        ((gold, ""), ("", ""), vec![(PolicyWeaker, "tier gold", "tier")]),
        ((gold, ""), (&laxer, ""), vec![(PolicyWeaker, "tier gold", "rpo")]),
        ((gold, ""), (&wider, ""), vec![(PolicyChanged, "tier gold", "when")]),
        (("", ""), (exempt, ""), vec![(PolicyWeaker, "tier tmp", "exemption")]),
        ((exempt, ""), ("", ""), vec![(PolicyChanged, "tier tmp", "exemption")]),
        ((exempt, ""), (&longer, ""), vec![(PolicyWeaker, "tier tmp", "expires")]),
        (
            (&longer, ""),
            (exempt, ""),
            vec![(PolicyChanged, "tier tmp", "expires")],
        ),
        (("", ""), ("", waiver), vec![(PolicyWeaker, "waiver 1", "waiver")]),
        (("", waiver), ("", ""), vec![(PolicyChanged, "waiver 1", "waiver")]),
        (
            ("", waiver),
            ("", &more),
            vec![(PolicyWeaker, "waiver 1", "max-tables")],
        ),
        (("", waiver), ("", &later), vec![(PolicyWeaker, "waiver 1", "expires")]),
    ] {
        let wanted: Vec<(Kind, String, String)> = wanted
            .into_iter()
            .map(|(kind, name, what)| (kind, name.to_owned(), what.to_owned()))
            .collect();
        assert_eq!(
            told(&wrap(then.0, then.1), &wrap(now.0, now.1)),
            wanted,
            "{then:?} {now:?}"
        );
    }
}

#[test]
fn rules_that_were_dropped_or_made_milder() {
    let all = criteria("[policy]\n", "");
    let mut fewer = criteria("[policy]\n", "");
    fewer.rules.0.truncate(1);
    assert_eq!(
        told(&all, &fewer),
        [(Kind::PolicyWeaker, "rule pitr-on".to_owned(), "rule".to_owned())]
    );
    assert_eq!(
        told(&fewer, &all),
        [(Kind::PolicyChanged, "rule pitr-on".to_owned(), "rule".to_owned())]
    );
    let mut milder = criteria("[policy]\n", "");
    milder.rules.0[0].severity = Severity::Low;
    assert_eq!(
        told(&all, &milder),
        [(Kind::PolicyWeaker, "rule in-a-plan".to_owned(), "severity".to_owned())]
    );
}
