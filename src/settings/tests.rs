use chrono::TimeDelta;

use super::*;
use crate::criteria::policy::Source;
use crate::criteria::values::{CopyValues, FOREVER_DAYS, KeyOwner, LockWanted, PolicyValues, UNSET};
use crate::toml_reader::values::check_region;

fn parsed(text: &str) -> Settings {
    Settings::parse(text, "backproof.toml").unwrap_or_else(|problems| panic!("{text}\n{problems}"))
}

/// `line what` of every mistake.
pub(super) fn mistakes(text: &str) -> Vec<String> {
    let problems = Settings::parse(text, "b").expect_err(text).0;
    problems.iter().map(said).collect()
}

fn said(problem: &Problem) -> String {
    let line = problem.location.strip_prefix("b:").unwrap_or(&problem.location);
    format!("{line} {}", problem.what)
}

fn hints(text: &str) -> String {
    Settings::parse(text, "b").expect_err(text).to_string()
}

/// Where the value of a key comes from.
pub(super) fn source_of(settings: &Settings, key: &str) -> Option<Source> {
    let mut sources = settings.policy.sources.iter();
    sources
        .find(|(known, _)| *known == key)
        .map(|(_, source)| source.clone())
}

#[test]
fn an_empty_file_gives_the_defaults() {
    let settings = parsed("");
    assert_eq!(settings.policy.values, PolicyValues::default());
    assert_eq!(settings.policy.window_days, 30);
    assert!(settings.policy.tiers.is_empty() && settings.policy.sources.is_empty());
    assert!(settings.regions.is_empty());
    assert_eq!(settings.waivers, None);
}

#[test]
fn everything_can_be_said() {
    let settings = parsed(
        r#"
        regions = ["eu-west-1"]
        accounts = [{ id = "111122223333", name = "payments", role_arn = "arn:aws:iam::111122223333:role/Audit" }]
        waivers = "waivers.toml"
        [policy]
        rpo = "6h"
        frequency = "1d"
        tolerance = "6h"
        retention-min = "1y"
        retention-max = "7y"
        key-owner = "customer-managed"
        vault-lock = "compliance"
        copy = { regions = ["eu-central-1", "eu-north-1"], accounts = ["444455556666"], rpo = "30d", retention-min = "1y", key-owner = "aws-managed", vault-lock = "governance" }
        accept-copies = true
        air-gapped-within = "7d"
        restore-tested-within = "90d"
        rto = "4h"
        window = "365d"
        [remediation]
        vault = "WebappBackups"
        cold-after = "7d"
        delete-after = "97d"
        plan-name = "DynamoDB-dailies"
        assign = "tag"
        new-vault = "vault-2"
        new-vault-key = "alias/backup"
        new-vault-tags = { team = "dr" }
        lock-grace = "7d"
        break-glass = ["arn:aws:iam::111122223333:role/BreakGlass"]
    "#,
    );
    let expected = PolicyValues {
        rpo: Some(TimeDelta::hours(6)),
        frequency: Some(TimeDelta::days(1)),
        tolerance: Some(TimeDelta::hours(6)),
        retention_min_days: 366,
        retention_max_days: 2557,
        key_owner: KeyOwner::CustomerManaged,
        vault_lock: LockWanted::Compliance,
        copy: CopyValues {
            regions: vec!["eu-central-1".to_owned(), "eu-north-1".to_owned()],
            accounts: vec!["444455556666".to_owned()],
            rpo: Some(TimeDelta::days(30)),
            retention_min_days: Some(366),
            key_owner: Some(KeyOwner::AwsManaged),
            vault_lock: Some(LockWanted::Governance),
        },
        accept_copies: true,
        air_gapped_within: Some(TimeDelta::days(7)),
        restore_tested_within: Some(TimeDelta::days(90)),
        rto: TimeDelta::hours(4),
        excused: crate::domain::Demands::NONE,
    };
    assert_eq!(settings.policy.values, expected);
    assert_eq!(settings.policy.window_days, 365);
    let keys: Vec<&str> = expected.lines().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, policy::VALUE_KEYS, "one list of keys for reading and reporting");
    for key in keys.into_iter().chain(["window"]) {
        assert_eq!(source_of(&settings, key), Some(Source::File), "{key}");
    }
    assert_eq!(settings.remediation.delete_after_days, Some(97));
    assert_eq!(settings.remediation.plan_name.as_deref(), Some("DynamoDB-dailies"));
    assert_eq!(settings.remediation.assign, super::AssignBy::Tag);
    assert_eq!(settings.remediation.new_vault(), "vault-2");
    assert_eq!(settings.remediation.lock_grace_days, Some(7));
    assert_eq!(settings.remediation.break_glass.len(), 1);
    assert_eq!(settings.accounts[0].name, "payments");
    assert_eq!(settings.waivers, Some(PathBuf::from("waivers.toml")));
}

#[test]
fn what_reports_print_can_be_read_again() {
    let values = parsed("[policy]\nrpo = \"90m\"\nretention-max = \"1y\"\nair-gapped-within = \"3d\"\n")
        .policy
        .values;
    for values in [values, PolicyValues::default()] {
        let said = values.lines().into_iter().filter(|(_, value)| *value != UNSET);
        let lines = said.map(|(key, value)| match (key, value.as_str()) {
            ("copy.regions" | "copy.accounts", "none") => format!("{key} = []\n"),
            ("accept-copies", _) => format!("{key} = {value}\n"),
            _ => format!("{key} = \"{value}\"\n"),
        });
        let again = parsed(&format!("[policy]\n{}", lines.collect::<String>()))
            .policy
            .values;
        assert_eq!(again.lines(), values.lines());
    }
}

#[test]
fn the_waivers_file_lies_beside_the_settings_file() {
    let settings = Settings::parse("waivers = \"w/waivers.toml\"", "etc/b.toml").expect("valid");
    assert_eq!(settings.waivers, Some(PathBuf::from("etc/w/waivers.toml")));
    let settings = Settings::parse("waivers = \"/w.toml\"", "etc/b.toml").expect("valid");
    assert_eq!(settings.waivers, Some(PathBuf::from("/w.toml")));
    assert_eq!(mistakes("waivers = \" \""), ["1 `waivers` is empty"]);
}

#[test]
fn a_ledger_is_a_folder_beside_the_settings_file_or_a_prefix() {
    for (text, ledger) in [
        ("ledger = \"packs\"", Some("etc/packs")),
        ("ledger = \"/packs\"", Some("/packs")),
        ("ledger = \"s3://evidence/packs\"", Some("s3://evidence/packs")),
        ("", None),
    ] {
        let settings = Settings::parse(text, "etc/b.toml").expect("valid");
        assert_eq!(settings.ledger.as_deref(), ledger, "{text}");
    }
    assert_eq!(mistakes("ledger = \" \""), ["1 `ledger` is empty"]);
}

#[test]
fn all_mistakes_are_found_in_one_run_with_their_lines() {
    let text = "region = [\"eu-west-1\"]\n[policy]\nrpo = 24\nretention-min = \"36h\"\nkey-owner = \"customer\"\n[remediation]\ncold-after = \"30d\"\ndelete-after = \"97d\"\n";
    let problems = Settings::parse(text, "b.toml").expect_err("five mistakes").0;
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| format!("{} {}", problem.location, problem.what))
        .collect();
    assert_eq!(
        lines,
        [
            "b.toml:1 `region` is not a setting",
            "b.toml:3 `policy.rpo` must be a string",
            "b.toml:4 `policy.retention-min` is not a number of days",
            "b.toml:5 `customer` is not a key owner",
            "b.toml:6 AWS Backup would refuse the lifecycle of `remediation`",
        ]
    );
    assert_eq!(problems[0].hint, "did you mean `regions`?");
}

#[test]
fn vaults_to_make_are_named_and_kept_as_aws_backup_takes_them() {
    for (line, what) in [
        ("new-vault = \"a\"", "2 `remediation.new-vault` is no name of a vault"),
        (
            "new-vault = \"aws/own\"",
            "2 `remediation.new-vault` is no name of a vault",
        ),
        ("lock-grace = \"2d\"", "2 `remediation.lock-grace` is too short"),
        (
            "break-glass = [\"BreakGlass\"]",
            "2 `remediation.break-glass` names `BreakGlass`, which is no ARN of a principal",
        ),
    ] {
        let found = mistakes(&format!("[remediation]\n{line}"));
        assert_eq!(found, [what], "{line}");
    }
}

#[test]
fn every_value_has_its_mistakes() {
    for (line, what) in [
        ("rpo = \"0h\"", "`policy.rpo` must be longer than nothing"),
        ("rto = \"none\"", "`policy.rto` is not a duration"),
        ("rto = \"4 parsecs\"", "`policy.rto` is not a duration"),
        (
            "retention-min = \"0d\"",
            "`policy.retention-min` must be at least a day",
        ),
        (
            "retention-min = \"none\"",
            "`policy.retention-min` is not a number of days",
        ),
        (
            "retention-max = \"36501d\"",
            "`policy.retention-max` is longer than 36500 days",
        ),
        (
            "retention-max = \"34d\"",
            "`policy.retention-max` is shorter than `retention-min`",
        ),
        ("vault-lock = \"complience\"", "`complience` is not a vault lock"),
        ("copy-regions = [\"narnia\"]", "`narnia` is not a Region"),
        (
            "copy-regions = [\"eu-west-1\", \"eu-west-1\"]",
            "`eu-west-1` is listed twice in `policy.copy-regions`",
        ),
        (
            "copy-regions = \"eu-west-1\"",
            "`policy.copy-regions` must be a list of strings",
        ),
        ("copy-accounts = [\"1234\"]", "`1234` is not an account id"),
        (
            "copy-accounts = [\"111122223333\", \"111122223333\"]",
            "`111122223333` is listed twice in `policy.copy-accounts`",
        ),
        ("copy-rpo = \"31d\"", "`policy.copy-rpo` is longer than 30 days"),
        ("copy = { regions = [\"narnia\"] }", "`narnia` is not a Region"),
        ("copy = { accounts = [\"1234\"] }", "`1234` is not an account id"),
        ("copy = { rpo = \"31d\" }", "`policy.copy.rpo` is longer than 30 days"),
        ("copy = { rpo = \"none\" }", "`policy.copy.rpo` is not a duration"),
        ("copy = { regoins = [] }", "`policy.copy.regoins` is not a setting"),
        ("copy = { key-owner = \"me\" }", "`me` is not a key owner"),
        (
            "copy = { vault-lock = true }",
            "`policy.copy.vault-lock` must be a string",
        ),
        (
            "copy = { retention-min = \"36h\" }",
            "`policy.copy.retention-min` is not a number of days",
        ),
        ("copy = [\"eu-west-1\"]", "`policy.copy` must be a table"),
        (
            "accept-copies = \"yes\"",
            "`policy.accept-copies` must be true or false",
        ),
        (
            "copy-retention-min = \"1y\"",
            "`policy.copy-retention-min` is not a setting",
        ),
        (
            "air-gapped-within = \"soon\"",
            "`policy.air-gapped-within` is not a duration",
        ),
        (
            "restore-tested-within = 90",
            "`policy.restore-tested-within` must be a string",
        ),
        ("window = \"36h\"", "`policy.window` is not a number of days"),
        ("window = \"0d\"", "`policy.window` must be at least a day"),
        ("window = \"366d\"", "`policy.window` is longer than 365 days"),
        ("windows = \"30d\"", "`policy.windows` is not a setting"),
    ] {
        assert_eq!(
            mistakes(&format!("[policy]\n{line}\n")),
            [format!("2 {what}")],
            "{line}"
        );
    }
    assert!(hints("[policy]\nvault-lock = \"complience\"").contains("did you mean `compliance`?"));
    assert!(hints("[policy]\ncopy = { regoins = [] }").contains("did you mean `regions`?"));
}

#[test]
fn values_of_copies_have_one_name_at_a_time() {
    let values = |text: &str| parsed(&format!("[policy]\n{text}\n")).policy.values;
    for (old, new) in [
        ("copy-regions = [\"eu-west-1\"]", "copy = { regions = [\"eu-west-1\"] }"),
        ("copy-accounts = [\"any\"]", "copy.accounts = [\"any\"]"),
        ("copy-rpo = \"2d\"", "[policy.copy]\nrpo = \"2d\""),
    ] {
        assert_eq!(values(old), values(new));
    }
    assert_eq!(
        source_of(&parsed("[policy]\ncopy-rpo = \"2d\"\n"), "copy.rpo"),
        Some(Source::File)
    );
    // Of different values one may have its old name.
    let mixed = values("copy-rpo = \"2d\"\ncopy = { regions = [\"any\"] }");
    assert_eq!(
        (mixed.copy.rpo, mixed.copy.regions),
        (Some(TimeDelta::days(2)), vec!["any".to_owned()])
    );
    assert_eq!(
        mistakes(
            "[policy]\ncopy = { rpo = \"2d\", regions = [\"any\"] }\ncopy-rpo = \"2d\"\ncopy-regions = [\"any\"]\n"
        ),
        [
            "3 `policy.copy-rpo` is another name of `policy.copy.rpo`, and both are set",
            "4 `policy.copy-regions` is another name of `policy.copy.regions`, and both are set",
        ]
    );
    assert_eq!(
        mistakes("[policy]\nretention-max = \"90d\"\ncopy = { retention-min = \"1y\" }\n"),
        ["3 `policy.copy.retention-min` is longer than `retention-max`, which bounds copies too"]
    );
}

#[test]
fn a_maximum_below_a_minimum_names_both() {
    let text = hints("[policy]\nretention-max = \"30d\"\n");
    assert!(
        text.contains("`retention-max` is 30d (this `[policy]`), `retention-min` is 35d (the default)"),
        "{text}"
    );
    assert_eq!(
        parsed("[policy]\nretention-max = \"35d\"")
            .policy
            .values
            .retention_max_days,
        35
    );
    assert_eq!(
        parsed("[policy]\nretention-max = \"none\"")
            .policy
            .values
            .retention_max_days,
        FOREVER_DAYS
    );
}

#[test]
fn copies_can_only_be_shown_for_as_long_as_aws_backup_remembers_them() {
    let text = "[policy]\nrpo = \"16d\"\ncopy-regions = [\"eu-west-1\"]\n";
    assert_eq!(
        mistakes(text),
        ["2 `policy.copy.rpo` is missing, and copies are asked for"]
    );
    parsed(&format!("{text}copy-rpo = \"20d\""));
    parsed("[policy]\nrpo = \"16d\"");
}

#[test]
fn a_region_has_a_shape() {
    for region in ["eu-west-1", "us-gov-east-1", "ap-southeast-5", "eusc-de-east-1"] {
        assert_eq!(check_region(region), Ok(()), "{region}");
    }
    for region in ["", "eu-west", "EU-WEST-1", "eu_west_1", "narnia"] {
        assert!(check_region(region).is_err(), "{region}");
    }
}

#[test]
fn cold_storage_needs_ninety_days_more() {
    assert_eq!(check_lifecycle(Some(7), Some(97)), Ok(()));
    assert!(check_lifecycle(Some(8), Some(97)).is_err());
    assert!(check_lifecycle(None, Some(0)).is_err());
    assert_eq!(check_lifecycle(Some(30), None), Ok(()));
}

/// Ids of rules are held against those that are known, where they stand, and beside every other mistake of the file.
#[test]
fn rules_that_do_not_exist_are_told_in_order_of_lines() {
    let text = "[rules]\ndeletion-protection = \"require\"\n[policy]\nrpo = 24\nfrequency = \"none\"\n[policy.rules]\nbacked-upp = \"replaced\"\n\
                [[policy.tier]]\nname = \"gold\"\nwhen = \"table_name = gold\"\nrules = { pitr = \"off\" }\n";
    let known = ["backed-up", "deletion-protection-on", "pitr-on"].map(str::to_owned);
    let file = File {
        path: PathBuf::from("b.toml"),
        text: text.to_owned(),
    };
    let mut problems = Vec::new();
    Settings::assemble(Some(&file), None, Some(&known), &mut problems);
    let told: Vec<String> = problems
        .iter()
        .map(|one| format!("{} {} ({})", one.location, one.what, one.hint))
        .collect();
    assert_eq!(
        told,
        [
            "b.toml:2 `rules.deletion-protection`: there is no rule `deletion-protection` (did you mean `deletion-protection-on`?)",
            "b.toml:4 `policy.rpo` must be a string (write it like `rpo = \"24h\"`)",
            "b.toml:7 `policy.rules.backed-upp`: there is no rule `backed-upp` (did you mean `backed-up`?)",
            "b.toml:7 `policy.rules.backed-upp` is not a level of a rule (rules that yours replace are a list: `replaced = [\"backed-upp\"]` under `[rules]`)",
            "b.toml:10 `policy.tier.when` uses a fact that does not exist: `gold` (if it is a text, write it in single quotes: `'gold'`; `explain facts` lists all facts)",
            "b.toml:11 `policy.tier.rules.pitr`: there is no rule `pitr` (did you mean `pitr-on`?)",
        ]
    );
    // Where a command judges nothing, own rules are not known.
    let mut problems = Vec::new();
    Settings::assemble(Some(&file), None, None, &mut problems);
    assert!(!problems.iter().any(|problem| problem.what.contains("there is no rule")));
}

/// No limit at all is no limit that anybody could have meant.
#[test]
fn no_frequency_needs_a_promise_beside_it() {
    assert_eq!(mistakes("[policy]\nfrequency = \"none\"\n").len(), 1);
    assert_eq!(mistakes("[policy]\nrpo = \"none\"\nfrequency = \"none\"\n").len(), 1);
    let promised = parsed("[policy]\nrpo = \"24h\"\nfrequency = \"none\"\n").policy.values;
    assert_eq!(promised.limit(), TimeDelta::hours(24));
}
