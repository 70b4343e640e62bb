//! What `remediate apply` and `undo` meet when things are not as the plan has them: each is told in words, nothing is done twice, and
//! nothing outside the plan is touched, by the sandbox's log of writes.

use serde_json::{Value, json};

use crate::common::aws::{backup, delete_table, dynamodb};
use crate::common::worlds::{HERE, event, table, thawed, with};
use crate::common::{Bench, Ran, json_file, refused};
use crate::remediation::rewrite;

const TABLES: &str = "pitr-on,deletion-protection-on";

/// A world, scanned and planned for.
fn planned(world: &str, settings: &str, more: &[&str]) -> Bench {
    let bench = Bench::new(world);
    bench.write("backproof.toml", settings);
    bench.scan("before", &["--format", "json"]);
    plan(&bench, more);
    bench.control("DELETE /_sandbox/writes", "");
    bench
}

fn plan(bench: &Bench, more: &[&str]) -> Value {
    let args = ["remediate", "plan", "--from", "before/inventory", "--to", "plan.json"];
    let ran = bench.run(&[&args, more].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    json_file(&bench.path("plan.json"))
}

fn apply(bench: &Bench) -> Ran {
    bench.run(&["remediate", "apply", "plan.json", "--yes"])
}

/// What was changed, in order: the action and the end of what it was done to.
fn writes(bench: &Bench) -> Vec<String> {
    let (_, log) = bench.send("GET /_sandbox/writes", "", b"");
    let log: Value = serde_json::from_str(&log).expect("JSON");
    let word = |write: &Value| {
        let of = |key: &str| write[key].as_str().expect("a text").to_owned();
        let resource = of("resource");
        let end = resource.rsplit([':', '/']).next().expect("a name");
        format!("{} {end}", of("action"))
    };
    let mut writes: Vec<String> = log["writes"].as_array().expect("a list").iter().map(word).collect();
    writes.sort();
    writes
}

fn six_tables() -> String {
    thawed(
        &(1..=6)
            .map(|number| table(&format!("tab{number}"), ""))
            .collect::<String>(),
    )
}

/// What the whole plan for those tables changes.
fn all_of_six() -> Vec<String> {
    let mut names: Vec<String> = (1..=6).map(|number| format!("tab{number}")).collect();
    names.push("forgotten".to_owned());
    let mut all: Vec<String> = names
        .iter()
        .flat_map(|name| {
            ["UpdateContinuousBackups", "UpdateTable"].map(|operation| format!("dynamodb:{operation} {name}"))
        })
        .collect();
    all.sort();
    all
}

#[test]
fn credentials_that_expire_in_the_middle_end_the_run_and_the_next_one_goes_on() {
    let bench = planned(&six_tables(), "", &["--rules", TABLES]);
    bench.fault(r#"{"expired-credentials": 20}"#);
    let ran = apply(&bench);
    refused(
        &ran,
        1,
        &[
            "Expired",
            "the credentials have expired: log in again; the same command goes on where this one ends",
            "not begun",
        ],
    );
    assert!(
        !ran.stderr.contains("no longer matches AWS"),
        "nothing has changed: {}",
        ran.stderr
    );
    let some = writes(&bench);
    assert!(!some.is_empty() && some.len() < all_of_six().len(), "{some:?}");
    bench.no_faults();
    let ran = apply(&bench);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(writes(&bench), all_of_six());
}

#[test]
fn throttling_and_lost_answers_do_nothing_twice() {
    let bench = planned(&six_tables(), "", &["--rules", TABLES]);
    bench.fault(r#"{"throttle-rate": 0.3}"#);
    bench.fault(r#"{"writes": true, "reset-rate": 0.3}"#);
    let ran = apply(&bench);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    bench.no_faults();
    // A setting whose answer was lost is sent again, and is the same setting.
    let mut writes = writes(&bench);
    writes.dedup();
    assert_eq!(writes, all_of_six());
}

/// The answer is lost, and what was made is in the way of the next attempt.
#[test]
fn what_was_made_although_its_answer_was_lost_is_the_plan_s_own() {
    let bench = planned(
        &thawed(""),
        "[remediation]\nvault = \"mine\"\n",
        &["--rules", "recovery-point-fresh", "--only", "vault"],
    );
    bench.fault(r#"{"writes": true, "reset-rate": 1.0, "times": 1}"#);
    let ran = apply(&bench);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(writes(&bench), ["backup:CreateBackupVault mine"]);
    let ran = bench.run(&["remediate", "undo", "plan.json", "--confirm", "mine"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(
        writes(&bench),
        ["backup:CreateBackupVault mine", "backup:DeleteBackupVault mine"]
    );
}

#[cfg(unix)]
#[test]
fn a_disk_that_is_full_at_the_journal_ends_the_run_before_the_next_call() {
    use crate::common::{PROGRAM, in_folder};

    let bench = planned(&six_tables(), "", &["--rules", TABLES]);
    // As a full disk does: a file of 512 bytes takes no more.
    let script = r#"trap "" XFSZ; ulimit -f 1; exec "$0" remediate apply plan.json --yes --at-once 1"#;
    let output = in_folder("sh", bench.dir.path(), &bench.sandbox.environment())
        .args(["-c", script, PROGRAM])
        .output()
        .expect("the shell runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    for text in [
        "could not write the journal",
        "where: plan.journal.jsonl",
        "why: File too large",
        "no further action was started",
        "run the same command again: what is done is not done twice",
    ] {
        assert!(stderr.contains(text), "`{text}` is not in: {stderr}");
    }
    assert!(writes(&bench).len() <= 2, "{:?}", writes(&bench));
    let ran = apply(&bench);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(writes(&bench), all_of_six());
}

#[test]
fn of_two_runs_at_once_the_second_is_refused() {
    let bench = planned(&six_tables(), "", &["--rules", TABLES]);
    bench.fault(r#"{"latency-ms": 100}"#);
    let mut first = bench.start(&["remediate", "apply", "plan.json", "--yes"]);
    while !bench.path("plan.journal.jsonl").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    refused(
        &apply(&bench),
        1,
        &[
            "could not use the journal",
            "another run is using it",
            "wait until it has ended",
        ],
    );
    refused(
        &bench.run(&["remediate", "undo", "plan.json"]),
        1,
        &["could not use the journal", "another run is using it"],
    );
    assert!(first.wait().expect("it ended").success());
    assert_eq!(writes(&bench), all_of_six());
}

#[test]
fn a_journal_of_another_plan_takes_nothing_back() {
    let bench = planned(&six_tables(), "", &["--rules", TABLES]);
    assert_eq!(apply(&bench).code, 0);
    std::fs::rename(bench.path("plan.journal.jsonl"), bench.path("other.jsonl")).expect("a journal");
    plan(&bench, &["--rules", "recovery-point-fresh"]);
    let undo = bench.run(&[
        "remediate",
        "undo",
        "plan.json",
        "--journal",
        "other.jsonl",
        "--confirm",
        "tab1",
    ]);
    refused(
        &undo,
        2,
        &[
            "the journal is of another plan",
            "where: other.jsonl",
            "nothing was changed",
            "`--journal`",
        ],
    );
    assert_eq!(writes(&bench), all_of_six());
}

#[test]
fn a_plan_of_another_account_does_nothing_here() {
    let bench = planned(&thawed(""), "", &["--rules", TABLES]);
    rewrite(&bench, |plan| {
        for action in plan["actions"].as_array_mut().expect("actions") {
            action["account_id"] = "999988887777".into();
            action["do"]["table_arn"] = "arn:aws:dynamodb:eu-west-1:999988887777:table/forgotten".into();
        }
    });
    refused(
        &apply(&bench),
        1,
        &[
            "account `999988887777` has no role to act with",
            "why: the caller belongs to account 111122223333",
            "everything there is left as it is",
            "2 refused",
        ],
    );
    assert_eq!(writes(&bench), Vec::<String>::new());
}

/// A vault whose policy denies the caller what the plan needs.
fn denying(action: &str) -> String {
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny",
        "Principal": {"AWS": "arn:aws:iam::111122223333:user/auditor"}, "Action": action, "Resource": "*"}]});
    format!("[[vault]]\n{HERE}name = \"held\"\npolicy = '''{policy}'''\n")
}

/// A recovery point of the table, so that somebody asks what guards it.
fn point_in(vault: &str) -> String {
    let point =
        format!("do = \"on-demand-backup\"\ntable = \"forgotten\"\nvault = \"{vault}\"\ndelete-after-days = 40");
    event("90m", &point)
}

#[test]
fn a_vault_policy_that_denies_the_caller_is_told_in_aws_s_words_and_the_rest_goes_on() {
    let bench = planned(
        &thawed(&denying("backup:StartBackupJob")),
        "[remediation]\nvault = \"held\"\n",
        &[
            "--rules",
            "recovery-point-fresh,deletion-protection-on",
            "--only",
            "backup-now,deletion-protection",
        ],
    );
    let ran = apply(&bench);
    refused(
        &ran,
        1,
        &["forgotten: refused: AccessDenied", "1 action done, 1 refused"],
    );
    assert_eq!(writes(&bench), ["dynamodb:UpdateTable forgotten"]);

    let settings = "[rules]\nmanual-deletion-denied = \"require\"\n\
                    [remediation]\nbreak-glass = [\"arn:aws:iam::111122223333:role/BreakGlass\"]\n";
    let only = ["--only", "vault-policy"];
    let bench = planned(
        &thawed(&(denying("backup:PutBackupVaultAccessPolicy") + &point_in("held"))),
        settings,
        &only,
    );
    let ran = apply(&bench);
    refused(&ran, 1, &["held: refused: AccessDenied"]);
    assert_eq!(writes(&bench), ["backup:PutBackupVaultAccessPolicy Default"]);
}

#[test]
fn a_vault_policy_that_would_be_too_long_stays_as_it_is() {
    let long = "x".repeat(20_100);
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Sid": long, "Effect": "Deny", "Principal": "*",
        "Action": "backup:DeleteBackupVault", "Resource": "*"}]});
    let settings = "[rules]\nmanual-deletion-denied = \"require\"\n\
                    [remediation]\nbreak-glass = [\"arn:aws:iam::111122223333:role/BreakGlass\"]\n";
    let vault = format!("[[vault]]\n{HERE}name = \"full\"\npolicy = '''{policy}'''\n");
    let bench = planned(
        &thawed(&(vault + &point_in("full"))),
        settings,
        &["--only", "vault-policy"],
    );
    let ran = apply(&bench);
    refused(&ran, 1, &["full: refused: ", "1 action done, 1 refused"]);
    assert!(
        ran.stderr.contains("20480") || ran.stderr.contains("20,480"),
        "{}",
        ran.stderr
    );
    assert_eq!(writes(&bench), ["backup:PutBackupVaultAccessPolicy Default"]);
    let now = backup(&bench, "GET /backup-vaults/full/access-policy", &Value::Null);
    assert_eq!(now["Policy"], policy.to_string());
}

/// The plan of this name, as AWS has it.
fn plan_now(bench: &Bench, name: &str) -> Value {
    let listed = backup(bench, "GET /backup/plans", &Value::Null);
    let mut plans = listed["BackupPlansList"].as_array().expect("plans").iter();
    let found = plans.find(|plan| plan["BackupPlanName"] == name).expect("it is there");
    let id = found["BackupPlanId"].as_str().expect("an id");
    backup(bench, &format!("GET /backup/plans/{id}"), &Value::Null)
}

/// Another tool gives the daily plan a shorter start window.
fn another_tool_changes(bench: &Bench) -> Value {
    let now = plan_now(bench, "daily");
    let mut document = now["BackupPlan"].clone();
    document["Rules"][0]["StartWindowMinutes"] = json!(120);
    let id = now["BackupPlanId"].as_str().expect("an id");
    backup(
        bench,
        &format!("POST /backup/plans/{id}"),
        &json!({ "BackupPlan": document }),
    );
    document
}

#[test]
fn a_plan_that_another_tool_changed_meanwhile_is_left_to_it() {
    let settings = "[policy]\nretention-min = \"90d\"\n";
    let bench = planned(&thawed(""), settings, &["--only", "plan-change"]);
    let document = another_tool_changes(&bench);
    refused(
        &apply(&bench),
        1,
        &[
            "no longer matches AWS",
            "the plan was changed since: its version is `",
            "was judged",
        ],
    );
    assert_eq!(plan_now(&bench, "daily")["BackupPlan"], document);
    assert_eq!(writes(&bench).len(), 1, "the other tool's own");

    // Between the look and the call.
    let bench = planned(&thawed(""), settings, &["--only", "plan-change"]);
    let before = bench.sandbox.calls().get("backup:GetBackupPlan").copied().unwrap_or(0);
    bench.fault(r#"{"action": "backup:GetBackupPlan", "latency-ms": 1500, "times": 1}"#);
    let child = bench.start(&["remediate", "apply", "plan.json", "--yes"]);
    asked(&bench, "backup:GetBackupPlan", before + 1);
    std::thread::sleep(std::time::Duration::from_millis(300));
    let document = another_tool_changes(&bench);
    let output = child.wait_with_output().expect("it ended");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("daily: refused: the plan was changed a moment ago"),
        "{stderr}"
    );
    assert_eq!(plan_now(&bench, "daily")["BackupPlan"], document);
}

/// Waits until so many calls of an action were made.
fn asked(bench: &Bench, action: &str, times: u64) {
    while bench.sandbox.calls().get(action).copied().unwrap_or(0) < times {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

/// AWS has no conditional update: what came in between is replaced, and said.
#[test]
fn a_version_of_another_tool_that_came_in_between_is_named() {
    let bench = planned(
        &thawed(""),
        "[policy]\nretention-min = \"90d\"\n",
        &["--only", "plan-change"],
    );
    let before = bench.sandbox.calls().get("backup:GetBackupPlan").copied().unwrap_or(0);
    // The second look of the run is the one just before the call.
    bench.fault(r#"{"action": "backup:GetBackupPlan", "latency-ms": 2000, "after": 1, "times": 1}"#);
    let child = bench.start(&["remediate", "apply", "plan.json", "--yes"]);
    asked(&bench, "backup:GetBackupPlan", before + 2);
    std::thread::sleep(std::time::Duration::from_millis(300));
    another_tool_changes(&bench);
    let output = child.wait_with_output().expect("it ended");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    for text in [
        "the change was made, as version `",
        "of somebody else's came at the same time: look which of them is to hold",
    ] {
        assert!(stderr.contains(text), "`{text}` is not in: {stderr}");
    }
    assert_eq!(writes(&bench).len(), 2, "{:?}", writes(&bench));
}

#[test]
fn what_somebody_else_has_mended_meanwhile_is_skipped_and_said() {
    let bench = planned(
        &thawed("[jobs]\nbackup-seconds = 1\n"),
        "",
        &["--rules", "recovery-point-fresh,deletion-protection-on"],
    );
    dynamodb(
        &bench,
        "UpdateTable",
        &json!({"TableName": "forgotten", "DeletionProtectionEnabled": true}),
    );
    let ran = bench.run(&[
        "backup",
        "forgotten",
        "--vault",
        "Default",
        "--wait",
        "--poll-interval",
        "1s",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let before = writes(&bench);
    let ran = apply(&bench);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for text in ["already so: deletion protection is on", "was made since the scan"] {
        assert!(ran.stderr.contains(text), "`{text}` is not in: {}", ran.stderr);
    }
    assert_eq!(writes(&bench), before);
    // It is theirs, and stays.
    let ran = bench.run(&["remediate", "undo", "plan.json"]);
    assert!(ran.stdout.contains("0 actions to take back"), "{}", ran.stdout);
}

#[test]
fn an_opt_in_that_was_switched_off_again_is_told_in_aws_s_words() {
    let bench = planned(
        &thawed(""),
        "",
        &["--rules", "recovery-point-fresh", "--only", "backup-now"],
    );
    let off = json!({"ResourceTypeOptInPreference": {"DynamoDB": false}});
    backup(&bench, "PUT /account-settings", &off);
    bench.control("DELETE /_sandbox/writes", "");
    let ran = apply(&bench);
    refused(&ran, 1, &["forgotten: refused: InvalidRequestException", "1 refused"]);
    assert_eq!(writes(&bench), Vec::<String>::new());
}

#[test]
fn a_selection_whose_role_cannot_be_assumed_is_refused_and_nothing_is_assigned() {
    let own = "[[role]]\naccount = \"111122223333\"\nname = \"Own\"\ntrusts = [\"ec2.amazonaws.com\"]\n";
    let settings = "[remediation]\nrole-arn = \"arn:aws:iam::111122223333:role/Own\"\n";
    let bench = planned(
        &thawed(own),
        settings,
        &["--rules", "in-a-plan", "--only", "assign,role"],
    );
    let ran = apply(&bench);
    refused(
        &ran,
        1,
        &["daily: refused: ", "cannot be assumed by AWS Backup", "1 refused"],
    );
    assert_eq!(writes(&bench), Vec::<String>::new());
}

#[test]
fn a_lock_that_became_a_compliance_lock_is_not_touched() {
    let vault = format!("[[vault]]\n{HERE}name = \"mine\"\n");
    let settings = "[policy]\nvault-lock = \"governance\"\n[remediation]\nvault = \"mine\"\n";
    let bench = planned(&thawed(&vault), settings, &["--only", "vault-lock"]);
    let lock = json!({"MinRetentionDays": 7, "ChangeableForDays": 3});
    backup(&bench, "PUT /backup-vaults/mine/vault-lock", &lock);
    bench.control("DELETE /_sandbox/writes", "");
    refused(
        &apply(&bench),
        1,
        &[
            "no longer matches AWS",
            "the lock of the vault was changed: it has a compliance lock for 7 days and more",
        ],
    );
    assert_eq!(writes(&bench), Vec::<String>::new());
}

/// Two findings want opposite things: a longer retention, and a lock that forbids it.
#[test]
fn a_retention_above_the_maximum_of_the_lock_is_no_action_but_a_reason() {
    let vault = format!("[[vault]]\n{HERE}name = \"stone\"\nlock = \"compliance\"\nmax-days = 30\n");
    let settings = "[policy]\nretention-min = \"90d\"\n[remediation]\nvault = \"stone\"\n";
    let bench = planned(&thawed(&vault), settings, &["--only", "backup-now,vault-lock"]);
    let plan = json_file(&bench.path("plan.json"));
    assert_eq!(plan["actions"], json!([]));
    let blocked = plan["blocked"].to_string();
    assert!(
        blocked.contains("the lock of vault `stone` allows at most 30 days, not 90"),
        "{blocked}"
    );
}

#[test]
fn a_table_that_is_gone_or_whose_tags_were_changed_is_left_and_others_go_on() {
    let world = thawed(&(table("gone", "") + &table("tagged", "")));
    let bench = planned(
        &world,
        "[remediation]\nassign = \"tag\"\n",
        &["--rules", "in-a-plan", "--only", "tag-table"],
    );
    delete_table(&bench, "gone");
    let arn = |name: &str| format!("arn:aws:dynamodb:eu-west-1:111122223333:table/{name}");
    let theirs = json!({"ResourceArn": arn("tagged"), "Tags": [{"Key": "backup", "Value": "weekly"}]});
    dynamodb(&bench, "TagResource", &theirs);
    bench.control("POST /_sandbox/clock", r#"{"advance-seconds": 60}"#);
    bench.control("DELETE /_sandbox/writes", "");
    let ran = apply(&bench);
    refused(
        &ran,
        1,
        &[
            "no longer matches AWS",
            "ResourceNotFoundException",
            "its tag `backup` was set to `weekly` since; it is not changed",
            "1 action done",
        ],
    );
    assert_eq!(writes(&bench), ["dynamodb:TagResource forgotten"]);
}

/// Refused between two of its calls, it is half done: that is taken back too.
#[test]
fn what_was_refused_half_way_is_taken_back() {
    let absent = with(
        &thawed(""),
        "regions = [\"eu-west-1\"]\n",
        "regions = [\"eu-west-1\"]\ndefault-role = \"absent\"\n",
    );
    let rules = ["--rules", "recovery-point-fresh", "--only", "role,backup-now"];
    let bench = planned(&absent, "", &rules);
    bench.fault(r#"{"deny": "iam:AttachRolePolicy", "after": 1}"#);
    let ran = apply(&bench);
    refused(
        &ran,
        1,
        &[
            "AWSBackupDefaultServiceRole: refused: AccessDenied",
            "not done: it needs what was not done",
        ],
    );
    assert_eq!(
        writes(&bench),
        [
            "iam:AttachRolePolicy AWSBackupDefaultServiceRole",
            "iam:CreateRole AWSBackupDefaultServiceRole"
        ]
    );
    bench.no_faults();
    let undo = [
        "remediate",
        "undo",
        "plan.json",
        "--confirm",
        "AWSBackupDefaultServiceRole",
    ];
    let ran = bench.run(&undo);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let role = |action: &str| format!("iam:{action} AWSBackupDefaultServiceRole");
    let expected = ["AttachRolePolicy", "CreateRole", "DeleteRole", "DetachRolePolicy"].map(role);
    assert_eq!(writes(&bench), expected);
}
