use proptest::prelude::*;

use super::*;
use crate::criteria::policy::Exemption;
use crate::criteria::predicate::compile_tier;
use crate::criteria::values::PolicyValues;
use crate::dictionary::SubjectFacts as _;
use crate::domain::Demand;

const RULES: [&str; 2] = ["recovery-point-fresh", "in-a-plan"];

const FULL: &str = r#"
[[waiver]]
rule = "recovery-point-fresh"
tables = "arn:aws:dynamodb:eu-west-1:111122223333:table/legacy-*"
reason = "being migrated"
compensating-control = "PITR"
requester = "Bob"
approver = "Ada"
approved = 2026-05-01
expires = 2027-04-30
ticket = "CHG-1"
max-tables = 5
"#;

fn parsed(text: &str) -> Vec<Waiver> {
    Waivers::parse(text, "w", &RULES)
        .unwrap_or_else(|problems| panic!("{text}\n{problems}"))
        .0
}

fn mistakes(text: &str) -> Vec<String> {
    let problems = Waivers::parse(text, "w", &RULES).expect_err(text).0;
    let said = |location: &str, what: &str| format!("{} {what}", location.trim_start_matches("w:"));
    problems
        .iter()
        .map(|problem| said(&problem.location, &problem.what))
        .collect()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

#[test]
fn everything_can_be_said() {
    let waivers = parsed(FULL);
    let expected = Waiver {
        id: "CHG-1".to_owned(),
        rule: "recovery-point-fresh".to_owned(),
        demands: Demands::NONE,
        tables: "arn:aws:dynamodb:eu-west-1:111122223333:table/legacy-*".to_owned(),
        reason: "being migrated".to_owned(),
        compensating_control: Some("PITR".to_owned()),
        requester: "Bob".to_owned(),
        approver: "Ada".to_owned(),
        approved_at: at("2026-05-01T00:00:00Z"),
        expires_at: at("2027-04-30T23:59:59.999Z"),
        ticket: Some("CHG-1".to_owned()),
        max_tables: 5,
        origin: "w:2".to_owned(),
    };
    assert_eq!(waivers, [expected]);
    assert!(parsed("").is_empty());
}

#[test]
fn what_is_optional_may_be_left_out() {
    let bare = FULL
        .replace("compensating-control = \"PITR\"\n", "")
        .replace("ticket = \"CHG-1\"\n", "");
    let quoted = bare.replace("2026-05-01", "\"2026-05-01\"");
    let waivers = parsed(&format!("{bare}{quoted}"));
    assert_eq!(waivers[0].id, "waiver 1");
    assert_eq!(waivers[1].id, "waiver 2");
    assert_eq!(waivers[0].ticket, None);
    assert_eq!(waivers[0].compensating_control, None);
    assert_eq!(waivers[0].approved_at, waivers[1].approved_at);
}

#[test]
fn every_mistake_is_found() {
    for (right, wrong, expected) in [
        (
            "rule = \"recovery-point-fresh\"",
            "rule = \"recovery-point-frsh\"",
            "3 `recovery-point-frsh` is not a rule",
        ),
        (
            "tables = \"arn:aws:dynamodb:eu-west-1:111122223333:table/legacy-*\"",
            "tables = \"\"",
            "4 `waiver.tables` is empty",
        ),
        (
            "reason = \"being migrated\"",
            "reason = \" \"",
            "5 `waiver.reason` is empty",
        ),
        (
            "requester = \"Bob\"",
            "requester = \"\"",
            "7 `waiver.requester` is empty",
        ),
        ("approver = \"Ada\"", "approver = \"\"", "8 `waiver.approver` is empty"),
        ("approver = \"Ada\"", "", "2 `waiver.approver` is missing"),
        (
            "reason = \"being migrated\"",
            "reason = 3",
            "5 `waiver.reason` must be a string",
        ),
        (
            "approved = 2026-05-01",
            "approved = 2027-05-01",
            "10 `waiver.expires` is before `approved`",
        ),
        (
            "approved = 2026-05-01",
            "approved = \"May\"",
            "9 `waiver.approved` is not a date",
        ),
        ("expires = 2027-04-30", "", "2 `waiver.expires` is missing"),
        (
            "max-tables = 5",
            "max-tables = 0",
            "12 `waiver.max-tables` must be at least 1",
        ),
        (
            "max-tables = 5",
            "max-tables = -1",
            "12 `waiver.max-tables` must be at least 1",
        ),
        (
            "max-tables = 5",
            "max-tables = \"5\"",
            "12 `waiver.max-tables` must be a whole number",
        ),
        ("max-tables = 5", "", "2 `waiver.max-tables` is missing"),
        (
            "ticket = \"CHG-1\"",
            "tickt = \"CHG-1\"",
            "11 `waiver.tickt` is not a setting",
        ),
    ] {
        let text = FULL.replace(right, wrong);
        assert_ne!(text, FULL, "{right}");
        assert_eq!(mistakes(&text), [expected], "{wrong}");
    }
    assert_eq!(mistakes(&format!("{FULL}{FULL}")), ["23 ticket `CHG-1` is named twice"]);
    let text = Waivers::parse(&FULL.replace("-fresh", "-frsh"), "w", &RULES)
        .expect_err("a slip")
        .to_string();
    assert!(text.contains("did you mean `recovery-point-fresh`?"), "{text}");
}

#[test]
fn a_waiver_of_a_rule_with_demands_names_what_it_excuses() {
    const WITH_DEMANDS: [&str; 3] = ["backed-up", "recovery-point-retained", "in-a-plan"];
    let of = |rule: &str, demands: &str| {
        let rule = format!("rule = \"{rule}\"\n{demands}");
        let text = FULL.replace("rule = \"recovery-point-fresh\"", &rule);
        Waivers::parse(&text, "w", &WITH_DEMANDS).map(|mut waivers| waivers.0.remove(0))
    };
    let now = at("2026-08-01T12:00:00Z");
    let two: Demands = [Demand::Kept, Demand::Locked].into_iter().collect();
    let named = of("backed-up", "demands = [\"locked\", \"kept\"]").expect("sound");
    assert_eq!(named.demands, two);
    assert_eq!(named.excuses(), [("backed-up", two)]);
    assert!(named.is_in_force(now, Some(1)));
    // One that names none can be read, for settings files of before, and waives nothing.
    let unnamed = of("backed-up", "").expect("can be read");
    assert!(!unnamed.is_in_force(now, Some(1)));
    let facts = unnamed.facts(now, Some(1), Some(1));
    assert_eq!(facts.names_what_it_excuses, Some(false));
    assert_eq!(facts.waiver_demands.as_deref(), Some("none"));
    let single = of("recovery-point-retained", "").expect("sound");
    assert!(single.is_in_force(now, Some(1)));
    assert_eq!(single.excuses(), [("backed-up", Demands::NONE.and(Demand::Kept))]);
    assert!(of("in-a-plan", "").expect("sound").excuses().is_empty());
    for (rule, demands, expected) in [
        ("backed-up", "demands = [\"kep\"]", "`kep` is not a demand"),
        ("backed-up", "demands = []", "`waiver.demands` is empty"),
        (
            "backed-up",
            "demands = \"kept\"",
            "`waiver.demands` must be a list of strings",
        ),
        (
            "backed-up",
            "demands = [\"kept\", \"kept\"]",
            "`kept` is listed twice in `waiver.demands`",
        ),
        (
            "in-a-plan",
            "demands = [\"kept\"]",
            "`waiver.demands` is set, but the rule has none",
        ),
        (
            "recovery-point-retained",
            "demands = [\"kept\"]",
            "`waiver.demands` is set, but the rule has none",
        ),
    ] {
        let problems = of(rule, demands).expect_err(demands).0;
        let what: Vec<&str> = problems.iter().map(|problem| problem.what.as_str()).collect();
        assert_eq!(what, [expected], "{rule} {demands}");
        assert!(
            !problems[0].hint.is_empty() || demands.ends_with("\"kept\""),
            "{demands}"
        );
    }
    let text = of("backed-up", "demands = [\"kep\"]").expect_err("a slip").to_string();
    assert!(text.contains("did you mean `kept`?"), "{text}");
}

#[test]
fn all_mistakes_are_found_in_one_run() {
    let text = "[[waiver]]\nrule = \"nonsense\"\n[[waiver]]\ntables = \"*\"\n[[waver]]\n";
    assert_eq!(
        mistakes(text),
        [
            "1 `waiver.tables` is missing",
            "1 `waiver.reason` is missing",
            "1 `waiver.requester` is missing",
            "1 `waiver.approver` is missing",
            "1 `waiver.approved` is missing",
            "1 `waiver.expires` is missing",
            "1 `waiver.max-tables` is missing",
            "2 `nonsense` is not a rule",
            "3 `waiver.rule` is missing",
            "3 `waiver.reason` is missing",
            "3 `waiver.requester` is missing",
            "3 `waiver.approver` is missing",
            "3 `waiver.approved` is missing",
            "3 `waiver.expires` is missing",
            "3 `waiver.max-tables` is missing",
            "5 `waver` is not a setting",
        ]
    );
}

#[test]
fn a_file_that_is_named_must_be_there() {
    assert_eq!(Waivers::load(None, &RULES), Ok(Waivers::default()));
    let problems = Waivers::load(Some(Path::new("/no/such/file")), &RULES).expect_err("no file");
    assert_eq!(problems.exit(), crate::exit::Exit::Usage);
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("waivers.toml");
    std::fs::write(&path, FULL).expect("written");
    assert_eq!(Waivers::load(Some(&path), &RULES).expect("valid").0.len(), 1);
}

#[test]
fn a_weak_waiver_can_be_read_and_waives_nothing() {
    let now = at("2026-08-01T12:00:00Z");
    let [waiver] = <[Waiver; 1]>::try_from(parsed(FULL)).expect("one");
    assert!(waiver.is_in_force(now, Some(5)));
    assert!(waiver.is_in_force(at("2026-05-01T00:00:00Z"), Some(0)));
    assert!(waiver.is_in_force(at("2027-04-30T23:59:59Z"), Some(0)));
    assert!(!waiver.is_in_force(at("2027-05-01T00:00:00Z"), Some(0)), "expired");
    assert!(
        !waiver.is_in_force(at("2026-04-30T23:59:59Z"), Some(0)),
        "not approved yet"
    );
    assert!(!waiver.is_in_force(now, Some(6)), "too many tables");
    for (right, wrong, holds) in [
        ("\"Ada\"", "\" bOB \"", false),
        ("2027-04-30", "2027-05-02", true),
        ("2027-04-30", "2027-05-03", false),
    ] {
        let other = parsed(&FULL.replace(right, wrong)).remove(0);
        assert_eq!(other.is_in_force(now, Some(1)), holds, "{wrong}");
    }
}

#[test]
fn facts_of_a_waiver_are_all_known() {
    let waiver = parsed(FULL).remove(0);
    let facts = waiver.facts(at("2027-05-01T00:00:00Z"), Some(6), Some(2));
    for (name, value) in facts.values() {
        assert_ne!(value, crate::domain::FactValue::OPEN, "{name}");
    }
    assert_eq!(facts.is_expired, Some(true));
    assert_eq!(facts.is_approved_in_future, Some(false));
    assert_eq!(facts.is_approved_by_another, Some(true));
    assert_eq!(facts.term_days, Some(364));
    assert_eq!(
        (
            facts.matched_table_count,
            facts.matched_finding_count,
            facts.max_table_count
        ),
        (Some(6), Some(2), Some(5))
    );
    let facts = waiver.facts(at("2026-04-30T00:00:00Z"), Some(0), Some(0));
    assert_eq!(
        (facts.is_expired, facts.is_approved_in_future),
        (Some(false), Some(true))
    );
    let leap = FULL
        .replace("2026-05-01", "2027-05-01")
        .replace("2027-04-30", "2028-05-01");
    assert_eq!(parsed(&leap)[0].term_days(), LONGEST_TERM_DAYS);
}

#[test]
fn facts_of_an_exemption_say_what_is_missing() {
    let mut tier = Tier {
        name: "scratch".to_owned(),
        when: "tag('tier') = 'scratch'".to_owned(),
        predicate: compile_tier("tag('tier') = 'scratch'", &crate::criteria::vocabulary::tier_schema())
            .expect("a condition"),
        values: PolicyValues::default(),
        levels: Default::default(),
        sets: Vec::new(),
        exemption: None,
        origin: "b:1".to_owned(),
    };
    let now = at("2027-07-01T00:00:00Z");
    assert_eq!(exemption_facts(&tier, now, 3, Some(true)), None);
    tier.exemption = Some(Exemption::default());
    let facts = exemption_facts(&tier, now, 3, Some(true)).expect("exempt");
    assert_eq!(
        (facts.has_reason, facts.has_approver, facts.has_end),
        (Some(false), Some(false), Some(false))
    );
    assert_eq!(
        (facts.reason.as_deref(), facts.approver.as_deref(), facts.expires_at),
        (Some("none"), Some("none"), None)
    );
    assert_eq!((facts.is_expired, facts.is_in_force), (Some(false), Some(false)));
    assert_eq!(facts.matched_table_count, Some(3));
    tier.exemption = Some(Exemption {
        reason: Some("x".to_owned()),
        approver: Some("Ada".to_owned()),
        expires_at: Some(end_of(NaiveDate::from_ymd_opt(2027, 6, 30).expect("a day"))),
        max_tables: Some(2),
    });
    let facts = exemption_facts(&tier, now, 3, Some(true)).expect("exempt");
    assert_eq!((facts.is_expired, facts.is_in_force), (Some(true), Some(false)));
    let facts = exemption_facts(&tier, at("2027-06-30T12:00:00Z"), 3, Some(true)).expect("exempt");
    assert_eq!((facts.is_expired, facts.is_in_force), (Some(false), Some(true)));
    for is_within in [Some(false), None] {
        let facts = exemption_facts(&tier, at("2027-06-30T12:00:00Z"), 3, is_within).expect("exempt");
        assert_eq!((facts.is_within_max_tables, facts.is_in_force), (is_within, is_within));
        assert_eq!(facts.max_table_count, Some(2));
    }
}

#[test]
fn a_pattern_is_compared_with_the_name_or_with_the_arn() {
    let arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/legacy-a";
    let mut waiver = parsed(FULL).remove(0);
    for (pattern, matches) in [
        ("arn:aws:dynamodb:eu-west-1:111122223333:table/legacy-*", true),
        ("arn:*:table/legacy-a", true),
        ("arn:aws:dynamodb:eu-west-2:111122223333:table/legacy-*", false),
        ("legacy-*", true),
        ("legacy-a", true),
        ("Legacy-a", false),
        ("legacy", false),
        ("*", true),
        ("*table/legacy-a", false),
        ("l*-*a", true),
    ] {
        waiver.tables = pattern.to_owned();
        assert_eq!(waiver.matches(arn, "legacy-a"), matches, "{pattern}");
    }
}

/// What a pattern means, said as plainly as possible: slow, and right by reading.
fn means(pattern: &[char], name: &[char]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        (['*', rest @ ..], _) => (0..=name.len()).any(|skipped| means(rest, &name[skipped..])),
        ([one, rest @ ..], [same, others @ ..]) => one == same && means(rest, others),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_star_stands_for_any_run_of_characters(pattern in "[ab*]{1,7}", name in "[ab]{0,7}") {
        let mut waiver = parsed(FULL).remove(0);
        let expected = means(&pattern.chars().collect::<Vec<_>>(), &name.chars().collect::<Vec<_>>());
        waiver.tables = pattern.clone();
        prop_assert_eq!(waiver.matches("arn:aws:dynamodb:r:a:table/x", &name), expected);
        // The same for ARNs, and then the name does not count.
        waiver.tables = format!("arn:aws:dynamodb:r:a:table/{pattern}");
        let arn = format!("arn:aws:dynamodb:r:a:table/{name}");
        prop_assert_eq!(waiver.matches(&arn, "other"), expected);
    }
}
