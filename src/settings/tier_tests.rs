use chrono::{DateTime, TimeDelta, Utc};

use super::Settings;
use crate::criteria::policy::Tier;
use crate::criteria::values::{CopyValues, KeyOwner, LockWanted, PolicyValues};

fn tiers(text: &str) -> Vec<Tier> {
    let settings = Settings::parse(text, "b").unwrap_or_else(|problems| panic!("{text}\n{problems}"));
    settings.policy.tiers
}

/// `line what` of every mistake.
fn mistakes(text: &str) -> Vec<String> {
    let problems = Settings::parse(text, "b").expect_err(text).0;
    let said = |location: &str, what: &str| format!("{} {what}", location.trim_start_matches("b:"));
    problems
        .iter()
        .map(|problem| said(&problem.location, &problem.what))
        .collect()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

const HEAD: &str = "[[policy.tier]]\nname = \"a\"\nwhen = \"tag('tier') = 'a'\"\n";

#[test]
fn tiers_lie_over_the_values_for_every_table() {
    let tiers = tiers(
        r#"
        [policy]
        retention-min = "90d"
        restore-tested-within = "1y"
        [[policy.tier]]
        name = "gold"
        when = "tag('tier') = 'gold' OR table_name LIKE 'ledger-%'"
        rpo = "6h"
        frequency = "1d"
        tolerance = "6h"
        retention-max = "2557d"
        key-owner = "customer-managed"
        vault-lock = "compliance"
        copy = { regions = ["eu-west-1"], retention-min = "1y", key-owner = "any", vault-lock = "none" }
        copy-accounts = ["444455556666"]
        copy-rpo = "1d"
        accept-copies = true
        air-gapped-within = "7d"
        restore-tested-within = "none"
        rto = "4h"
        [[policy.tier]]
        name = "as-all"
        when = "tag('tier') = 'silver'"
    "#,
    );
    let gold = &tiers[0];
    assert_eq!(
        gold.values,
        PolicyValues {
            rpo: Some(TimeDelta::hours(6)),
            frequency: Some(TimeDelta::days(1)),
            tolerance: Some(TimeDelta::hours(6)),
            retention_min_days: 90,
            retention_max_days: 2557,
            key_owner: KeyOwner::CustomerManaged,
            vault_lock: LockWanted::Compliance,
            copy: CopyValues {
                regions: vec!["eu-west-1".to_owned()],
                accounts: vec!["444455556666".to_owned()],
                rpo: Some(TimeDelta::days(1)),
                retention_min_days: Some(366),
                key_owner: Some(KeyOwner::Any),
                vault_lock: Some(LockWanted::None),
            },
            accept_copies: true,
            air_gapped_within: Some(TimeDelta::days(7)),
            restore_tested_within: None,
            rto: TimeDelta::hours(4),
            excused: crate::domain::Demands::NONE,
        }
    );
    let all_but_min: Vec<&str> = crate::criteria::policy::VALUE_KEYS
        .into_iter()
        .filter(|key| *key != "retention-min")
        .collect();
    assert_eq!(gold.sets, all_but_min);
    assert_eq!((gold.name.as_str(), gold.origin.as_str()), ("gold", "b:5"));
    assert_eq!(gold.predicate.reads, ["tag:tier", "table_name"]);
    assert!(gold.exemption.is_none());
    assert!(tiers[1].sets.is_empty());
    assert_eq!(tiers[1].values.retention_min_days, 90);
}

#[test]
fn what_a_tier_says_of_copies_lies_over_the_rest_key_by_key() {
    let text = format!(
        "[policy]\ncopy = {{ regions = [\"any\"], rpo = \"2d\", retention-min = \"1y\" }}\n{HEAD}copy.rpo = \"1d\"\n"
    );
    let tier = tiers(&text).remove(0);
    assert_eq!(
        tier.values.copy,
        CopyValues {
            regions: vec!["any".to_owned()],
            rpo: Some(TimeDelta::days(1)),
            retention_min_days: Some(366),
            ..CopyValues::default()
        }
    );
    assert_eq!(tier.sets, ["copy.rpo"]);
}

#[test]
fn the_order_of_tables_in_the_file_does_not_matter() {
    let tier = tiers(&format!("{HEAD}[policy]\nrpo = \"1h\"\n")).remove(0);
    assert_eq!(tier.values.rpo, Some(TimeDelta::hours(1)));
}

#[test]
fn an_exemption_ends_with_its_last_day() {
    for date in ["2027-06-30", "\"2027-06-30\""] {
        let text = format!(
            "{HEAD}exempt = true\nreason = \"scratch\"\napprover = \"Ada\"\nexpires = {date}\nmax-tables = 2\n"
        );
        let tier = tiers(&text).remove(0);
        let exemption = tier.exemption.expect("exempt");
        assert_eq!(exemption.reason.as_deref(), Some("scratch"));
        assert_eq!(exemption.approver.as_deref(), Some("Ada"));
        assert_eq!(
            exemption.is_in_force(at("2027-06-30T23:59:59Z"), Some(true)),
            Some(true)
        );
        assert_eq!(
            exemption.is_in_force(at("2027-07-01T00:00:00Z"), Some(true)),
            Some(false)
        );
        // A year from the same day of the year before, and no longer.
        for (now, holds) in [
            ("2026-06-30T00:00:00Z", true),
            ("2026-06-29T00:00:00Z", true),
            ("2026-06-28T23:00:00Z", false),
        ] {
            assert_eq!(exemption.is_in_force(at(now), Some(true)), Some(holds), "{now}");
        }
        let day = exemption.expires_at.expect("a day").date_naive();
        assert_eq!(day.to_string(), "2027-06-30");
    }
}

#[test]
fn a_weak_exemption_is_a_finding_and_no_mistake() {
    for more in [
        "",
        "reason = \"x\"\napprover = \"Ada\"\n",
        "reason = \" \"\napprover = \"Ada\"\nexpires = 2027-06-30\n",
        "reason = \"x\"\napprover = \"\"\nexpires = 2026-06-30\nmax-tables = 2\n",
        "reason = \"x\"\napprover = \"Ada\"\nexpires = 2026-06-30\n",
        "reason = \"x\"\napprover = \"Ada\"\nexpires = 2027-06-30\nmax-tables = 2\n",
    ] {
        let tier = tiers(&format!("{HEAD}exempt = true\n{more}")).remove(0);
        let exemption = tier.exemption.expect("exempt");
        assert_eq!(
            exemption.is_in_force(at("2026-01-01T00:00:00Z"), Some(true)),
            Some(false),
            "{more}"
        );
    }
}

#[test]
fn every_mistake_of_a_tier_is_found() {
    for (more, expected) in [
        (
            "exempt = true\nrpo = \"6h\"",
            "5 `policy.tier.rpo` is set in an exempt tier",
        ),
        (
            "reason = \"x\"",
            "4 `policy.tier.reason` is set, but the tier is not exempt",
        ),
        (
            "exempt = false\napprover = \"x\"",
            "5 `policy.tier.approver` is set, but the tier is not exempt",
        ),
        (
            "expires = 2027-06-30",
            "4 `policy.tier.expires` is set, but the tier is not exempt",
        ),
        (
            "max-tables = 3",
            "4 `policy.tier.max-tables` is set, but the tier is not exempt",
        ),
        (
            "exempt = true\nmax-tables = 0",
            "5 `policy.tier.max-tables` must be at least 1",
        ),
        (
            "exempt = true\nmax-tables = \"3\"",
            "5 `policy.tier.max-tables` must be a whole number",
        ),
        (
            "exempt = \"yes\"\nreason = \"x\"",
            "4 `policy.tier.exempt` must be true or false",
        ),
        (
            "exempt = true\nexpires = 2027-06-30T10:00:00Z",
            "5 `policy.tier.expires` is not a date",
        ),
        (
            "exempt = true\nexpires = \"2027-6-30\"",
            "5 `policy.tier.expires` is not a date",
        ),
        (
            "exempt = true\nexpires = \"2027-02-30\"",
            "5 `policy.tier.expires` is not a date",
        ),
        (
            "exempt = true\nexpires = 2027",
            "5 `policy.tier.expires` must be a date such as `2027-06-30`",
        ),
        ("window = \"7d\"", "4 `policy.tier.window` may not be set"),
        (
            "retention-max = \"30d\"",
            "4 `policy.tier.retention-max` is shorter than `retention-min`",
        ),
        ("rop = \"6h\"", "4 `policy.tier.rop` is not a setting"),
        (
            "[[policy.tier]]\nname = \"a\"\nwhen = \"region = 'x'\"",
            "5 tier `a` is there twice",
        ),
        (
            "[[policy.tier]]\nname = \" \"\nwhen = \"region = 'x'\"",
            "5 `policy.tier.name` is empty",
        ),
        (
            "[[policy.tier]]\nname = \"none\"\nwhen = \"region = 'x'\"",
            "5 a tier may not be named `none`",
        ),
        (
            "[[policy.tier]]\nwhen = \"region = 'x'\"",
            "4 `policy.tier.name` is missing",
        ),
        ("[[policy.tier]]\nname = \"b\"", "4 `policy.tier.when` is missing"),
        (
            "[[policy.tier]]\nname = \"b\"\nwhen = \"table_nam = 'x'\"",
            "6 `policy.tier.when` uses a fact that does not exist: `table_nam`",
        ),
        (
            "[[policy.tier]]\nname = \"b\"\nwhen = \"rpo_hours > 3\"",
            "6 `policy.tier.when` uses a fact that does not exist: `rpo_hours`",
        ),
    ] {
        assert_eq!(mistakes(&format!("{HEAD}{more}\n")), [expected], "{more}");
    }
}

#[test]
fn a_tier_against_what_it_inherits_names_both() {
    let text = format!("[policy]\nretention-min = \"90d\"\n{HEAD}retention-max = \"60d\"\n");
    let problems = Settings::parse(&text, "b").expect_err("they clash");
    let why = &problems.0[0].why;
    assert_eq!(
        why,
        "`retention-max` is 60d (this tier), `retention-min` is 90d (`[policy]`)"
    );
    let text = format!("[policy]\nretention-max = \"60d\"\n{HEAD}retention-min = \"90d\"\n");
    assert_eq!(
        mistakes(&text),
        ["6 `policy.tier.retention-max` is shorter than `retention-min`"]
    );
    // What [policy] has wrong is said once.
    let text = format!("[policy]\nretention-max = \"20d\"\n{HEAD}rpo = \"1h\"\n");
    assert_eq!(
        mistakes(&text),
        ["2 `policy.retention-max` is shorter than `retention-min`"]
    );
}

#[test]
fn mistakes_of_all_tiers_are_found_in_one_run() {
    let text = "[policy]\nrpo = 1\n[[policy.tier]]\nname = \"a\"\nwhen = \"tag(x)\"\nrto = \"x\"\n[[policy.tier]]\nnaem = \"b\"\n[remedy]\n";
    assert_eq!(
        mistakes(text),
        [
            "2 `policy.rpo` must be a string",
            "5 `policy.tier.when` uses `tag(…)` with something else than one tag key in single quotes",
            "6 `policy.tier.rto` is not a duration",
            "7 `policy.tier.name` is missing",
            "7 `policy.tier.when` is missing",
            "8 `policy.tier.naem` is not a setting",
            "9 `remedy` is not a setting",
        ]
    );
}
