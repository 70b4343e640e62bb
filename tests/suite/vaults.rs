//! Vaults made, locked and guarded by a plan, end to end.

use serde_json::{Value, json};

use crate::common::aws::backup;
use crate::common::worlds::{HERE, deny, thawed};
use crate::common::{Bench, Ran, json_file, refused};
use crate::remediation::rewrite;

const GLASS: &str = "arn:aws:iam::111122223333:role/BreakGlass";

/// Everything that a vault can be asked for.
fn strict() -> String {
    format!(
        "[policy]\nvault-lock = \"governance\"\nkey-owner = \"customer-managed\"\n\
         [rules]\nvault-denies-manual-deletion = \"require\"\n\
         [remediation]\nnew-vault-key = \"alias/own\"\nnew-vault-tags = {{ team = \"dr\" }}\nbreak-glass = [\"{GLASS}\"]\n"
    )
}

/// The small world with keys of one's own, and more.
fn bench(more: &str) -> Bench {
    let keys = format!("[[key]]\n{HERE}name = \"own\"\n[[key]]\n{HERE}name = \"off\"\nstate = \"Disabled\"\n");
    Bench::new(&thawed(&format!("[jobs]\nbackup-seconds = 1\n{keys}{more}")))
}

fn plan(bench: &Bench) -> Value {
    json_file(&bench.path("plan.json"))
}

/// Scans into `name` with these settings.
fn scan(bench: &Bench, name: &str, settings: &str) -> Value {
    bench.write("backproof.toml", settings);
    bench.scan(name, &["--format", "json"]).1
}

/// What is proposed for the scan `before`, as kind and name of what it is about.
fn planned(bench: &Bench, more: &[&str]) -> Vec<String> {
    // What else there is to plans and tables is not these tests' affair.
    let others = "plan-create,plan-change,tag-table,assign";
    let args = [
        "remediate",
        "plan",
        "--from",
        "before/inventory",
        "--to",
        "plan.json",
        "--exclude",
        others,
    ];
    let ran = bench.run(&[&args, more].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let plan = plan(bench);
    let word = |action: &Value| {
        let deed = &action["do"];
        let arn = deed["vault_arn"]
            .as_str()
            .or(deed["table_arn"].as_str())
            .expect("an ARN");
        let name = arn.rsplit([':', '/']).next().expect("a name");
        format!("{} {name}", deed["kind"].as_str().expect("a kind"))
    };
    plan["actions"].as_array().expect("actions").iter().map(word).collect()
}

/// Why a rule's first finding about this has no action.
fn blocked(bench: &Bench, rule: &str, name: &str) -> String {
    let plan = plan(bench);
    let mut all = plan["blocked"].as_array().expect("blocked").iter();
    let is_this = |one: &&Value| one["rule"] == rule && one["resource"].as_str().is_some_and(|arn| arn.ends_with(name));
    let one = all
        .find(is_this)
        .unwrap_or_else(|| panic!("{rule} of {name} in {}", plan["blocked"]));
    one["reason"].as_str().expect("a reason").to_owned()
}

fn apply(bench: &Bench, more: &[&str]) -> Ran {
    let args = [
        "remediate",
        "apply",
        "plan.json",
        "--yes",
        "--wait",
        "--poll-interval",
        "1s",
    ];
    bench.run(&[&args, more].concat())
}

fn calls(bench: &Bench, action: &str) -> u64 {
    bench.sandbox.calls().get(action).copied().unwrap_or(0)
}

/// Verdicts of one kind, as rule and name of what is judged.
fn of_verdict(report: &Value, verdict: &str) -> Vec<String> {
    let all = report["findings"].as_array().expect("findings").iter();
    let those = all.filter(|finding| finding["verdict"] == verdict);
    let word = |finding: &Value| format!("{} {}", finding["rule"], finding["resource_arn"]);
    those.map(word).collect()
}

const WRITES: [&str; 4] = [
    "backup:CreateBackupVault",
    "backup:PutBackupVaultLockConfiguration",
    "backup:PutBackupVaultAccessPolicy",
    "backup:StartBackupJob",
];

#[test]
fn a_vault_that_fits_the_policy_is_made_locked_guarded_and_used() {
    let bench = bench("");
    let before = scan(&bench, "before", &strict());
    let actions = planned(&bench, &[]);
    let expected = [
        "vault backproof",
        "vault-lock backproof",
        "vault-policy Default",
        "vault-policy backproof",
        "backup-now forgotten",
        "backup-now orders",
    ];
    assert_eq!(actions, expected);
    assert!(blocked(&bench, "plan-vault-locked", "orders").contains("name it with `vault`"));
    let ran = apply(&bench, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let ran = bench.run(&["remediate", "verify", "plan.json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let vault = backup(&bench, "GET /backup-vaults/backproof", &Value::Null);
    let tags = backup(
        &bench,
        &format!("GET /tags/{}", vault["BackupVaultArn"].as_str().expect("an ARN")),
        &Value::Null,
    );
    assert_eq!(tags["Tags"]["team"], "dr");
    assert_eq!(tags["Tags"]["backproof:action"], plan(&bench)["actions"][0]["id"]);
    assert_eq!(vault["CreatorRequestId"], plan(&bench)["actions"][0]["id"]);
    assert_eq!(
        (&vault["Locked"], &vault["MinRetentionDays"]),
        (&json!(true), &json!(35))
    );

    let after = scan(&bench, "after", &strict());
    let good = of_verdict(&after, "compliant");
    for rule in ["backed-up", "vault-lock-strong-enough", "vault-denies-manual-deletion"] {
        let bad = of_verdict(&after, "non-compliant");
        assert!(
            bad.iter().all(|word| !word.starts_with(&format!("\"{rule}\""))),
            "{rule}: {bad:?}"
        );
        assert!(
            good.iter().any(|word| word.starts_with(&format!("\"{rule}\""))),
            "{rule}: {good:?}"
        );
    }
    let bad = of_verdict(&after, "non-compliant");
    let worse: Vec<String> = of_verdict(&before, "compliant")
        .into_iter()
        .filter(|word| bad.contains(word))
        .collect();
    assert!(worse.is_empty(), "{worse:?}");

    // Again with the journal, and without: nothing is written twice.
    let written = WRITES.map(|action| calls(&bench, action));
    assert_eq!(written, [1, 1, 2, 2]);
    assert_eq!(apply(&bench, &[]).code, 0);
    assert_eq!(WRITES.map(|action| calls(&bench, action)), written);
    std::fs::remove_file(bench.path("plan.journal.jsonl")).expect("a journal");
    let ran = apply(&bench, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("already so: vault `backproof` was made by this action"),
        "{}",
        ran.stderr
    );
    assert_eq!(WRITES.map(|action| calls(&bench, action))[..3], written[..3]);
}

#[test]
fn a_compliance_lock_is_planned_and_set_only_where_the_vault_is_named_for_it() {
    let bench = bench("");
    scan(
        &bench,
        "before",
        "[policy]\nvault-lock = \"compliance\"\n[remediation]\nlock-grace = \"5d\"\n",
    );
    assert!(planned(&bench, &[]).is_empty());
    let why = blocked(&bench, "backed-up", "forgotten");
    assert!(why.contains("`--i-understand-compliance-lock backproof`"), "{why}");
    let typed = ["--i-understand-compliance-lock", "backproof"];
    // The recovery points lack nothing then but the end of the grace period.
    let actions = planned(&bench, &typed);
    let expected = [
        "vault backproof",
        "vault-lock backproof",
        "backup-now forgotten",
        "backup-now orders",
    ];
    assert_eq!(actions, expected);
    let what = [
        "could not",
        "the plan locks vault `backproof` in compliance mode",
        "nothing was changed",
        "pass `--i-und",
    ];
    refused(&apply(&bench, &[]), 2, &what[1..]);
    refused(
        &apply(&bench, &["--i-understand-compliance-lock", "Default"]),
        2,
        &what[1..],
    );
    assert_eq!(WRITES.map(|action| calls(&bench, action)), [0; 4]);
    let ran = apply(&bench, &typed);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let vault = backup(&bench, "GET /backup-vaults/backproof", &Value::Null);
    assert!(
        vault["LockDate"].is_number() && vault["MinRetentionDays"] == 35,
        "{vault}"
    );
    // Once it is there, nobody locks it again.
    scan(&bench, "later", "[policy]\nvault-lock = \"compliance\"\n");
    let args = ["remediate", "plan", "--from", "later/inventory", "--to", "plan.json"];
    assert_eq!(bench.run(&[&args, &typed[..]].concat()).code, 0);
    let why = blocked(&bench, "vault-lock-strong-enough", "forgotten");
    assert!(why.contains("grace period"), "{why}");
}

#[test]
fn what_others_changed_since_the_scan_is_left_alone_and_the_rest_goes_on() {
    let bench = bench("");
    scan(&bench, "before", &strict());
    planned(&bench, &[]);
    // The name is taken, with another key; the other vault gets a policy.
    backup(&bench, "PUT /backup-vaults/backproof", &json!({}));
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*",
        "Action": "backup:DeleteBackupVault", "Resource": "*"}]});
    backup(
        &bench,
        "PUT /backup-vaults/Default/access-policy",
        &json!({"Policy": policy.to_string()}),
    );
    let ran = apply(&bench, &[]);
    refused(
        &ran,
        1,
        &[
            "no longer matches AWS",
            "vault `backproof` exists with another key",
            "the access policy of the vault was changed since the scan",
        ],
    );
    assert_eq!(
        WRITES.map(|action| calls(&bench, action)),
        [1, 0, 1, 0],
        "those of this test"
    );

    // A lock that somebody set meanwhile, and a vault of theirs that is as wanted.
    std::fs::remove_file(bench.path("plan.journal.jsonl")).expect("a journal");
    let settings = "[policy]\nvault-lock = \"governance\"\n";
    std::fs::remove_dir_all(bench.path("before")).expect("a scan");
    scan(&bench, "before", settings);
    assert_eq!(planned(&bench, &[])[0], "vault-lock backproof");
    backup(
        &bench,
        "PUT /backup-vaults/backproof/vault-lock",
        &json!({"MinRetentionDays": 7}),
    );
    let ran = apply(&bench, &[]);
    let why = "the lock of the vault was changed: it has a governance lock for 7 days and more";
    refused(&ran, 1, &[why]);
    assert_eq!(
        calls(&bench, "backup:PutBackupVaultLockConfiguration"),
        1,
        "that of this test"
    );
    // As wanted: nothing is to be done.
    backup(
        &bench,
        "PUT /backup-vaults/backproof/vault-lock",
        &json!({"MinRetentionDays": 35}),
    );
    std::fs::remove_file(bench.path("plan.journal.jsonl")).expect("a journal");
    let ran = apply(&bench, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("already so: a governance lock"), "{}", ran.stderr);
}

#[test]
fn a_policy_keeps_its_statements_and_a_refusal_is_told_in_aws_s_words() {
    let statement = r#"{"Sid":"Own","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":["backup:CopyIntoBackupVault"],"Resource":"*"}"#;
    let policy = format!(r#"{{"Version": "2012-10-17", "Id": "kept", "Statement": [{statement}]}}"#);
    let vault = format!("[[vault]]\n{HERE}name = \"held\"\npolicy = '''{policy}'''\n");
    let point = "do = \"on-demand-backup\"\ntable = \"forgotten\"\nvault = \"held\"\ndelete-after-days = 40";
    let world = vault + &crate::common::worlds::event("90m", point);
    let settings =
        format!("[rules]\nmanual-deletion-denied = \"require\"\n[remediation]\nbreak-glass = [\"{GLASS}\"]\n");
    let bench = bench(&world);
    scan(&bench, "before", "[rules]\nmanual-deletion-denied = \"require\"\n");
    let only = ["--only", "vault-policy"];
    assert!(planned(&bench, &only).is_empty());
    let why = blocked(&bench, "manual-deletion-denied", "forgotten");
    assert!(why.contains("name who it exempts with `break-glass`"), "{why}");
    bench.write("backproof.toml", &settings);
    assert_eq!(planned(&bench, &only), ["vault-policy Default", "vault-policy held"]);
    bench.fault(r#"{"deny": "backup:PutBackupVaultAccessPolicy"}"#);
    let ran = apply(&bench, &[]);
    refused(&ran, 1, &["held: refused: AccessDenied", "2 refused"]);
    bench.no_faults();
    let ran = apply(&bench, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let now = backup(&bench, "GET /backup-vaults/held/access-policy", &Value::Null);
    let now = now["Policy"].as_str().expect("a policy");
    let kept = policy.replace(": ", ":").replace(", ", ",");
    assert!(now.starts_with(kept.strip_suffix("]}").expect("a list")), "{now}");
    assert_eq!(bench.run(&["remediate", "verify", "plan.json"]).code, 0);
}

#[test]
fn vaults_that_settings_or_plans_name_are_made_with_the_key_that_was_named() {
    let lost = format!(
        "[[plan]]\n{HERE}name = \"lost\"\n[[plan.rule]]\nname = \"lost\"\nvault = \"ghost\"\ndelete-after-days = 35\n\
         [[plan.selection]]\nname = \"tagged\"\ntags = [{{ key = \"backup\", value = \"daily\" }}]\n"
    );
    let bench = bench(&lost);
    let settings = |key: &str| {
        format!(
            "[rules]\nplan-vaults-exist = \"require\"\n[remediation]\nvault = \"mine\"\nnew-vault-key = \"{key}\"\n"
        )
    };
    scan(&bench, "before", &settings("alias/off"));
    let only = ["--only", "vault,backup-now"];
    assert_eq!(
        planned(&bench, &only),
        ["vault ghost", "vault mine", "backup-now forgotten"]
    );
    // The backup needs the vault; the key does not work.
    refused(
        &apply(&bench, &[]),
        1,
        &["key `alias/off` is Disabled", "left out with it"],
    );
    assert_eq!(WRITES.map(|action| calls(&bench, action)), [0; 4]);
    bench.write("backproof.toml", settings("alias/own"));
    planned(&bench, &only);
    let ran = apply(&bench, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let keys = ["ghost", "mine"].map(|name| {
        let vault = backup(&bench, &format!("GET /backup-vaults/{name}"), &Value::Null);
        vault["EncryptionKeyArn"].as_str().expect("a key").to_owned()
    });
    assert!(keys[0].contains(":key/") && keys[0] == keys[1], "{keys:?}");
    // A key of another Region is no key here.
    bench.write(
        "backproof.toml",
        settings("arn:aws:kms:eu-central-1:111122223333:key/1"),
    );
    assert!(!planned(&bench, &only).contains(&"vault mine".to_owned()));
    assert!(blocked(&bench, "backed-up", "forgotten").contains("takes none of another Region"));
}

#[test]
fn a_lock_is_not_changed_into_one_that_refuses_what_plans_write() {
    let vault = |name: &str, more: &str| format!("[[vault]]\n{HERE}name = \"{name}\"\n{more}\n");
    let writes = |name: &str, vault: &str, days: i64| {
        format!(
            "[[plan]]\n{HERE}name = \"{name}\"\n[[plan.rule]]\nname = \"{name}\"\nvault = \"{vault}\"\ndelete-after-days = {days}\n\
             [[plan.selection]]\nname = \"tagged\"\ntags = [{{ key = \"backup\", value = \"daily\" }}]\n"
        )
    };
    let world = [
        vault("tight", "lock = \"governance\"\nmin-days = 400"),
        vault("loose", "lock = \"governance\""),
        vault("stone", "lock = \"compliance\"\nmax-days = 30"),
        writes("long", "tight", 500),
        writes("fine", "loose", 40),
        writes("short", "stone", 20),
    ];
    let bench = bench(&world.concat());
    let settings = "[policy]\nretention-max = \"365d\"\n[rules]\nvault-retention-bounds-fit = \"require\"\n\
        vault-lock-enforces-retention = \"require\"\n";
    scan(&bench, "before", settings);
    let only = ["--only", "vault-lock"];
    assert_eq!(planned(&bench, &only), ["vault-lock loose"]);
    let why = blocked(&bench, "vault-retention-bounds-fit", "tight");
    assert!(
        why.contains("rule `long` of a plan keeps") && why.contains("its jobs would fail"),
        "{why}"
    );
    let why = blocked(&bench, "vault-retention-bounds-fit", "stone");
    assert!(why.contains("is final: nobody can change it"), "{why}");
    for (change, why) in [
        (json!({"changeable_for_days": 2}), "is 3 to 36500 days, not 2"),
        (
            json!({"bounds": {"min_retention_days": 9, "max_retention_days": 8}}),
            "not above the second",
        ),
        (
            json!({"vault_arn": "arn:aws:backup:eu-west-1:444455556666:backup-vault:loose"}),
            "is not in account",
        ),
    ] {
        planned(&bench, &only);
        rewrite(&bench, |plan| {
            for (key, value) in change.as_object().expect("members") {
                plan["actions"][0]["do"][key] = value.clone();
            }
        });
        refused(&apply(&bench, &[]), 2, &["could not read the remediation plan", why]);
    }
    planned(&bench, &only);
    assert_eq!(apply(&bench, &[]).code, 0);
    let loose = backup(&bench, "GET /backup-vaults/loose", &Value::Null);
    assert_eq!(
        (&loose["MinRetentionDays"], &loose["MaxRetentionDays"]),
        (&json!(35), &json!(365))
    );
    assert_eq!(calls(&bench, "backup:PutBackupVaultLockConfiguration"), 1);
}

/// Each gets back what it had, unless somebody has changed it since.
#[test]
fn what_was_made_and_changed_is_taken_back() {
    let bench = bench("");
    let caller = "arn:aws:iam::111122223333:user/auditor";
    let settings = strict().replace(GLASS, caller);
    scan(&bench, "before", &settings);
    let kinds = ["--only", "vault,vault-lock,vault-policy"];
    let expected = [
        "vault backproof",
        "vault-lock backproof",
        "vault-policy Default",
        "vault-policy backproof",
    ];
    assert_eq!(planned(&bench, &kinds), expected);
    let ran = apply(&bench, &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let undo = || bench.run(&["remediate", "undo", "plan.json", "--confirm", "backproof,Default"]);
    // Somebody puts a statement beside ours.
    let held = backup(&bench, "GET /backup-vaults/Default/access-policy", &Value::Null);
    let mut policy: Value = serde_json::from_str(held["Policy"].as_str().expect("a policy")).expect("JSON");
    let own = json!({"Effect": "Deny", "Principal": "*", "Action": "backup:DeleteBackupVault", "Resource": "*"});
    policy["Statement"].as_array_mut().expect("a list").push(own);
    backup(
        &bench,
        "PUT /backup-vaults/Default/access-policy",
        &json!({"Policy": policy.to_string()}),
    );
    let ran = undo();
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("the access policy was changed since"),
        "{}",
        ran.stderr
    );
    assert_eq!(calls(&bench, "backup:DeleteBackupVaultLockConfiguration"), 1);
    assert_eq!(calls(&bench, "backup:DeleteBackupVault"), 1);
    assert_eq!(calls(&bench, "backup:DeleteBackupVaultAccessPolicy"), 1);
    backup(&bench, "PUT /backup-vaults/Default/access-policy", &held_as_body(&held));
    let ran = undo();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(calls(&bench, "backup:DeleteBackupVaultAccessPolicy"), 2);
}

/// The policy of an answer, to be put back.
fn held_as_body(answer: &Value) -> Value {
    json!({"Policy": answer["Policy"]})
}

/// Who may not list vaults, or read plans, is proposed nothing that rests on them.
#[test]
fn nothing_is_made_or_locked_on_evidence_that_is_not_whole() {
    let vault = format!("[[vault]]\n{HERE}name = \"loose\"\nlock = \"governance\"\n");
    let bench = bench(&(vault + &deny("backup:GetBackupPlan")));
    scan(
        &bench,
        "before",
        "[remediation]\nvault = \"loose\"\n[policy]\nvault-lock = \"compliance\"\n",
    );
    let typed = ["--i-understand-compliance-lock", "loose", "--only", "vault,vault-lock"];
    assert!(planned(&bench, &typed).is_empty());
    let why = blocked(&bench, "vault-lock-strong-enough", "orders");
    assert!(why.contains("not known which plans write to vault `loose`"), "{why}");
}
