use super::tests::mistakes;
use super::*;

/// The settings of files in a folder.
fn loaded(settings: Option<&str>, policy: Option<&str>) -> Outcome<Settings> {
    let dir = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    };
    // Without a file the one in the current folder would be read, and there is none.
    let settings = settings.map(|text| write("settings.toml", text));
    let policy = policy.map(|text| write("policy.toml", text));
    Settings::load(settings.as_deref(), policy.as_deref(), None)
}

#[test]
fn the_policy_may_have_a_file_of_its_own() {
    let own = "[policy]\nretention-min = \"90d\"\n[[policy.tier]]\nname = \"gold\"\nwhen = \"tag('tier') = 'gold'\"\n";
    let settings = loaded(
        Some("regions = [\"eu-west-1\"]\n[remediation]\ncold-after = \"1d\"\ndelete-after = \"91d\""),
        Some(own),
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
            "`regions` is not a setting",
            "`policy.rp` is not a setting",
            "there are two policies: this one and the file given to `--policy`",
            "`remediation.valt` is not a setting",
        ]
    );
    let text = loaded(None, Some("")).expect_err("nothing in it").to_string();
    assert!(text.contains("`policy` is missing"), "{text}");
    let text = Settings::load(Some(Path::new("/no/such")), Some(Path::new("/nor/this")), None)
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
}
