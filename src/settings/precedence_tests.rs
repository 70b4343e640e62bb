use chrono::TimeDelta;

use super::tests::{mistakes, source_of};
use super::*;
use crate::criteria::policy::Source;
use crate::criteria::values::{LockWanted, PolicyValues};

/// The settings of files in a folder, with frameworks.
fn loaded(settings: Option<&str>, policy: Option<&str>, frameworks: &[(&str, &str)]) -> Outcome<Settings> {
    let dir = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    };
    // Without a file the one in the current folder would be read, and there is none.
    let settings = settings.map(|text| write("settings.toml", text));
    let policy = policy.map(|text| write("policy.toml", text));
    let frameworks: Vec<(String, String)> = frameworks
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect();
    Settings::load(settings.as_deref(), policy.as_deref(), &frameworks)
}

#[test]
fn frameworks_fill_what_the_file_does_not_set() {
    let hipaa = (
        "hipaa",
        "[policy]\nretention-min = \"2192d\"\nrto = \"8h\"\nvault-lock = \"governance\"\n",
    );
    let dora = (
        "dora",
        "retention-min = \"90d\"\nrpo = \"12h\"\nrto = \"8h\"\nrestore-tested-within = \"365d\"\n",
    );
    let file = "[policy]\nrpo = \"48h\"\n";
    let settings = loaded(Some(file), None, &[hipaa, dora]).expect("valid");
    let values = &settings.policy.values;
    assert_eq!(
        values.rpo,
        Some(TimeDelta::hours(48)),
        "the file wins, even where it asks for less"
    );
    assert_eq!(values.retention_min_days, 2192, "of two frameworks the stricter wins");
    assert_eq!(values.restore_tested_within, Some(TimeDelta::days(365)));
    assert_eq!(values.vault_lock, LockWanted::Governance);
    assert_eq!(source_of(&settings, "rpo"), Some(Source::File));
    assert_eq!(
        source_of(&settings, "retention-min"),
        Some(Source::Framework("hipaa".to_owned()))
    );
    assert_eq!(
        source_of(&settings, "rto"),
        Some(Source::Framework("hipaa, dora".to_owned()))
    );
    assert_eq!(source_of(&settings, "key-owner"), None);
    let without_file = loaded(None, None, &[dora]).expect("valid");
    assert_eq!(without_file.policy.values.rpo, Some(TimeDelta::hours(12)));
    let lines = without_file.policy.lines();
    assert!(
        lines.contains(&("rpo".to_owned(), "12h (dora)".to_owned())),
        "{lines:?}"
    );
}

#[test]
fn the_stricter_of_two_frameworks_wins_for_every_value() {
    let weak =
        "rpo = \"24h\"\nretention-min = \"35d\"\nretention-max = \"none\"\nkey-owner = \"any\"\nvault-lock = \"none\"
        copy-regions = [\"eu-west-1\"]\ncopy-accounts = []\ncopy-rpo = \"30d\"\nair-gapped-within = \"none\"
        restore-tested-within = \"none\"\nrto = \"12h\"\nwindow = \"30d\"";
    let strict = "rpo = \"1h\"\nretention-min = \"90d\"\nretention-max = \"400d\"\nkey-owner = \"customer-managed\"
        vault-lock = \"compliance\"\ncopy-regions = [\"eu-north-1\"]\ncopy-accounts = [\"444455556666\"]
        copy-rpo = \"2d\"\nair-gapped-within = \"9d\"\nrestore-tested-within = \"30d\"\nrto = \"1h\"\nwindow = \"90d\"";
    for frameworks in [[("w", weak), ("s", strict)], [("s", strict), ("w", weak)]] {
        let settings = loaded(None, None, &frameworks).expect("valid");
        let mut only = loaded(None, None, &[("s", strict)]).expect("valid").policy.values;
        only.copy_regions = vec!["eu-west-1".to_owned(), "eu-north-1".to_owned()];
        let mut both = settings.policy.values.clone();
        both.copy_regions.sort_by_key(|region| region != "eu-west-1");
        assert_eq!(both, only);
        assert_eq!(settings.policy.window_days, 90);
        for (key, source) in &settings.policy.sources {
            let expected = if *key == "copy-regions" {
                vec!["s, w", "w, s"]
            } else {
                vec!["s"]
            };
            let Source::Framework(name) = source else {
                panic!("{key}")
            };
            assert!(expected.contains(&name.as_str()), "{key}: {name}");
        }
    }
}

#[test]
fn the_file_may_lift_what_a_framework_asks_for() {
    let asked = (
        "dora",
        "restore-tested-within = \"365d\"\nair-gapped-within = \"7d\"\ncopy-regions = [\"eu-west-1\"]",
    );
    let file = "[policy]\nrestore-tested-within = \"none\"\nair-gapped-within = \"none\"\ncopy-regions = []\n";
    let settings = loaded(Some(file), None, &[asked]).expect("valid");
    assert_eq!(settings.policy.values, PolicyValues::default());
    assert_eq!(source_of(&settings, "restore-tested-within"), Some(Source::File));
}

#[test]
fn a_framework_and_the_file_may_contradict_each_other() {
    let hipaa = ("hipaa", "retention-min = \"2192d\"");
    let problems = loaded(Some("[policy]\nretention-max = \"1y\""), None, &[hipaa]).expect_err("they clash");
    let text = problems.to_string();
    assert!(
        text.contains("settings.toml:2") && text.contains("2192d (framework `hipaa`)"),
        "{text}"
    );
    let short = ("short", "retention-max = \"90d\"");
    let text = loaded(None, None, &[hipaa, short]).expect_err("they clash").to_string();
    assert!(
        text.contains("where: `--framework`") && text.contains("90d (framework `short`)"),
        "{text}"
    );
    let text = loaded(None, None, &[("odd", "rpo = 3\ntier = []")])
        .expect_err("two mistakes")
        .to_string();
    assert!(
        text.contains("framework `odd`:1") && text.contains("framework `odd`:2"),
        "{text}"
    );
}

#[test]
fn the_policy_may_have_a_file_of_its_own() {
    let own = "[policy]\nretention-min = \"90d\"\n[[policy.tier]]\nname = \"gold\"\nwhen = \"tag('tier') = 'gold'\"\n";
    let settings = loaded(
        Some("regions = [\"eu-west-1\"]\n[remediation]\ncold-after = \"1d\"\ndelete-after = \"91d\""),
        Some(own),
        &[],
    );
    let settings = settings.expect("valid");
    assert_eq!(settings.policy.values.retention_min_days, 90);
    assert_eq!(settings.policy.tiers.len(), 1);
    assert!(
        settings.policy.tiers[0].origin.ends_with("policy.toml:3"),
        "{}",
        settings.policy.tiers[0].origin
    );
    let problems = loaded(
        Some("[policy]\nrpo = 3\n[remediation]\nvalt = \"x\""),
        Some("regions = []\n[policy]\nrp = 3"),
        &[],
    );
    let found: Vec<String> = problems
        .expect_err("four mistakes")
        .0
        .iter()
        .map(|problem| problem.what.clone())
        .collect();
    assert_eq!(
        found,
        [
            "`policy.rp` is not a setting",
            "`regions` is not a setting",
            "there are two policies: this one and the file given to `--policy`",
            "`remediation.valt` is not a setting",
        ]
    );
    let text = loaded(None, Some(""), &[]).expect_err("nothing in it").to_string();
    assert!(text.contains("`policy` is missing"), "{text}");
    let text = Settings::load(Some(Path::new("/no/such")), Some(Path::new("/nor/this")), &[])
        .expect_err("two")
        .to_string();
    assert!(
        text.contains("could not read the settings file") && text.contains("`--policy`"),
        "{text}"
    );
}

#[test]
fn the_default_retention_of_remediation_is_that_of_the_policy() {
    let file = "[policy]\nretention-min = \"90d\"\n[remediation]\ncold-after = \"1d\"\n";
    assert_eq!(
        mistakes(file),
        ["3 AWS Backup would refuse the lifecycle of `remediation`"]
    );
    loaded(
        Some("[remediation]\ncold-after = \"1d\""),
        None,
        &[("f", "retention-min = \"91d\"")],
    )
    .expect("valid");
}
