//! Tables put into plans that meet the policy: the least change that does it, done, verified, and seen by the next scan.

use serde_json::{Value, json};

use crate::common::aws::{backup, create_table, delete_table, dynamodb};
use crate::common::worlds::{HERE, elsewhere_too, event, table, thawed, with};
use crate::common::{Bench, Ran, json_file, refused, verdict};

const FORGOTTEN: &str = "arn:aws:dynamodb:eu-west-1:111122223333:table/forgotten";

/// The kinds that this is about.
const KINDS: &str = "plan-create,plan-change,tag-table,assign";

/// Calls that change plans, selections or tags.
const WRITES: [&str; 6] = [
    "backup:CreateBackupPlan",
    "backup:CreateBackupSelection",
    "backup:DeleteBackupPlan",
    "backup:DeleteBackupSelection",
    "backup:UpdateBackupPlan",
    "dynamodb:TagResource",
];

/// A sandbox of this world, scanned under these settings.
fn scanned(world: &str, settings: &str) -> Bench {
    let bench = Bench::new(&thawed(world));
    bench.write("backproof.toml", settings);
    bench.scan("before", &["--format", "json"]);
    bench
}

/// The world without the daily plan.
fn without_plan(more: &str) -> String {
    let whole = thawed(more);
    let (head, rest) = whole.split_once("[[plan]]").expect("a plan");
    let (_, tail) = rest.split_once("[[table]]").expect("a table");
    format!("{head}[[table]]{tail}")
}

fn plan(bench: &Bench, more: &[&str]) -> Value {
    let args = ["remediate", "plan", "--from", "before/inventory", "--to", "plan.json"];
    let more = if more.is_empty() { &["--only", KINDS] } else { more };
    let ran = bench.run(&[&args, more].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    json_file(&bench.path("plan.json"))
}

fn apply(bench: &Bench) -> Ran {
    bench.run(&["remediate", "apply", "plan.json", "--yes"])
}

/// Takes back what the journal says was done.
fn undo(bench: &Bench, names: &str) -> Ran {
    bench.run(&["remediate", "undo", "plan.json", "--confirm", names])
}

/// Makes a table, and waits until it is there.
fn made_table(bench: &Bench, name: &str, tags: &Value) {
    create_table(bench, name, tags);
    bench.control("POST /_sandbox/clock", r#"{"advance-seconds": 60}"#);
}

fn kinds(plan: &Value) -> Vec<&str> {
    let actions = plan["actions"].as_array().expect("actions").iter();
    actions
        .map(|action| action["do"]["kind"].as_str().expect("a kind"))
        .collect()
}

fn writes(bench: &Bench) -> Vec<(&'static str, u64)> {
    let calls = bench.sandbox.calls();
    let count = |call: &'static str| Some((call, *calls.get(call)?));
    WRITES.into_iter().filter_map(count).collect()
}

/// Applies the plan twice, verifies it, and scans again: what the plan says that it fixes is good, and nothing is worse.
fn done(bench: &Bench, plan: &Value) -> Value {
    assert_eq!(plan["worse"], json!([]), "{plan:#}");
    let ran = apply(bench);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let once = writes(bench);
    for journal in ["plan.journal.jsonl", "another.jsonl"] {
        let ran = bench.run(&["remediate", "apply", "plan.json", "--yes", "--journal", journal]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(writes(bench), once, "with {journal}: {}", ran.stderr);
    }
    let ran = bench.run(&["remediate", "verify", "plan.json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let before = json_file(&bench.path("before/report-all.json"));
    let (_, after) = bench.scan("after", &["--format", "json"]);
    let of = |report: &Value| -> Vec<(String, String)> {
        let findings = report["findings"].as_array().expect("findings").iter();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        findings
            .map(|finding| (text(&finding["id"]), text(&finding["verdict"])))
            .collect()
    };
    let now: std::collections::BTreeMap<String, String> = of(&after).into_iter().collect();
    for fixed in plan["fixes"].as_array().expect("fixes") {
        let fixed = fixed["finding"].as_str().expect("an id");
        let verdict = now.get(fixed).map_or("gone", String::as_str);
        assert!(
            matches!(verdict, "compliant" | "not-applicable"),
            "{fixed} is {verdict}"
        );
    }
    for (id, was) in of(&before) {
        let verdict = now.get(&id).map_or("gone", String::as_str);
        assert!(was != "compliant" || verdict != "non-compliant", "{id} is worse");
    }
    after
}

/// The plan of this name, as AWS has it.
fn plan_now(bench: &Bench, name: &str) -> Value {
    let listed = backup(bench, "GET /backup/plans", &Value::Null);
    let mut plans = listed["BackupPlansList"].as_array().expect("plans").iter();
    let found = plans.find(|plan| plan["BackupPlanName"] == name).expect("it is there");
    let id = found["BackupPlanId"].as_str().expect("an id");
    backup(bench, &format!("GET /backup/plans/{id}"), &Value::Null)
}

/// What a plan did not do before a table was made is not held against it.
#[test]
fn a_young_table_gets_the_tag_by_which_a_plan_that_meets_the_policy_takes_it() {
    let bench = Bench::new(&thawed(""));
    made_table(&bench, "young", &json!([]));
    bench.scan("before", &["--format", "json"]);
    let made = plan(&bench, &[]);
    assert_eq!(kinds(&made), ["tag-table", "assign"]);
    let deed = &made["actions"][0]["do"];
    assert!(deed["table_arn"].as_str().expect("an ARN").ends_with("table/young"));
    assert_eq!(deed["tags"], json!([{"key": "backup", "value": "daily"}]));
    assert_eq!(deed["plan_name"], "daily");
    let deed = &made["actions"][1]["do"];
    assert_eq!((&deed["by"], &deed["plan_name"]), (&json!("arn"), &json!("daily")));
    let after = done(&bench, &made);
    assert_eq!(
        writes(&bench),
        [("backup:CreateBackupSelection", 1), ("dynamodb:TagResource", 1)]
    );
    for (name, rule) in [
        ("young", "in-a-plan"),
        ("young", "plan-meets-policy"),
        ("forgotten", "plan-meets-policy"),
    ] {
        assert_eq!(verdict(&after, name, rule), "compliant", "{name}, {rule}");
    }
}

/// When a tag was set AWS does not tell: until the plan ran, its runs of before are held against it, and the plan says so.
#[test]
fn where_tags_are_the_way_an_old_table_gets_one_and_what_is_not_good_yet_is_said() {
    let bench = scanned("", "[remediation]\nassign = \"tag\"\n");
    let made = plan(&bench, &[]);
    assert_eq!(kinds(&made), ["tag-table"]);
    let remaining = made["remaining"].as_array().expect("a list");
    assert_eq!(remaining[0]["rule"], "plan-meets-policy");
    assert!(
        remaining[0]["message"]
            .as_str()
            .expect("words")
            .starts_with("planned, and failing")
    );
    let after = done(&bench, &made);
    assert_eq!(verdict(&after, "forgotten", "in-a-plan"), "compliant");

    let ran = undo(&bench, "forgotten");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(bench.sandbox.calls().get("dynamodb:UntagResource"), Some(&1));
    let (_, back) = bench.scan("back", &["--format", "json"]);
    assert_eq!(verdict(&back, "forgotten", "in-a-plan"), "non-compliant");
}

#[test]
fn a_tag_that_means_something_stays_and_the_table_is_assigned_instead() {
    let bench = Bench::new(&thawed(""));
    made_table(&bench, "weekly", &json!([{"Key": "backup", "Value": "weekly"}]));
    bench.scan("before", &["--format", "json"]);
    let made = plan(&bench, &["--only", "tag-table"]);
    assert_eq!(kinds(&made), Vec::<&str>::new());
    let blocked = made["blocked"].to_string();
    assert!(
        blocked.contains("has that tag with the value `weekly`, which means something"),
        "{blocked}"
    );
    let made = plan(&bench, &[]);
    assert_eq!(kinds(&made), ["assign"]);
    let after = done(&bench, &made);
    for name in ["weekly", "forgotten"] {
        assert_eq!(verdict(&after, name, "plan-meets-policy"), "compliant", "{name}");
    }
}

#[test]
fn where_nothing_fits_a_plan_is_made_and_the_tables_are_assigned_to_it() {
    let settings = "[policy]\nretention-min = \"90d\"\n[remediation]\ncold-after = \"7d\"\ndelete-after = \"97d\"\nplan-name = \"DynamoDB-backup\"\n";
    let bench = Bench::new(&without_plan(""));
    bench.write("backproof.toml", settings);
    bench.scan("before", &["--format", "json"]);
    let made = plan(&bench, &[]);
    assert_eq!(kinds(&made), ["plan-create", "assign"]);
    let (create, assign) = (&made["actions"][0], &made["actions"][1]);
    assert_eq!(
        create["do"],
        json!({"kind": "plan-create", "plan_name": "DynamoDB-backup", "rule_name": "daily", "rule": {
            "vault_name": "Default", "schedule": "cron(0 5 ? * * *)", "schedule_time_zone": null, "start_window_minutes": 480,
            "cold_after_days": 7, "delete_after_days": 97, "copies": [],
        }})
    );
    assert_eq!(assign["needs"], json!([create["id"]]));
    assert_eq!(
        assign["do"]["tables"].as_array().map(Vec::len),
        Some(2),
        "both in one assignment"
    );
    let after = done(&bench, &made);
    assert_eq!(
        writes(&bench),
        [("backup:CreateBackupPlan", 1), ("backup:CreateBackupSelection", 1)]
    );
    for name in ["orders", "forgotten"] {
        assert_eq!(verdict(&after, name, "plan-meets-policy"), "compliant", "{name}");
    }
    let plan = plan_now(&bench, "DynamoDB-backup");
    assert_eq!(plan["CreatorRequestId"], create["id"]);
    let arn = plan["BackupPlanArn"].as_str().expect("an ARN").replace(':', "%3A");
    let tags = backup(&bench, &format!("GET /tags/{arn}"), &Value::Null);
    assert_eq!(tags["Tags"]["backproof:action"], create["id"]);

    let ran = undo(&bench, "DynamoDB-backup");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for call in ["backup:DeleteBackupPlan", "backup:DeleteBackupSelection"] {
        assert_eq!(bench.sandbox.calls().get(call), Some(&1), "{call}");
    }
    assert_eq!(
        backup(&bench, "GET /backup/plans", &Value::Null)["BackupPlansList"],
        json!([])
    );
}

#[test]
fn tables_are_assigned_by_a_tag_or_by_their_type_where_the_settings_say_so() {
    for (way, kinds_of_way) in [
        ("tag", &["plan-create", "tag-table", "tag-table", "assign"][..]),
        ("type", &["plan-create", "assign"][..]),
    ] {
        let bench = Bench::new(&without_plan(""));
        bench.write("backproof.toml", format!("[remediation]\nassign = \"{way}\"\n"));
        bench.scan("before", &["--format", "json"]);
        let made = plan(&bench, &[]);
        let mut found = kinds(&made);
        found.sort_by_key(|kind| kinds_of_way.iter().position(|known| known == kind));
        assert_eq!(found, kinds_of_way);
        let after = done(&bench, &made);
        assert_eq!(verdict(&after, "forgotten", "plan-meets-policy"), "compliant", "{way}");
    }
}

/// A rule of a plan that AWS Backup knows more of than the change does.
const RICH: &str = "Windows";

#[test]
fn a_plan_that_keeps_too_short_gets_a_new_version_and_keeps_everything_else() {
    let bench = Bench::new(&thawed(""));
    bench.write("backproof.toml", "[policy]\nretention-min = \"90d\"\n");
    // What the program does not write: it has to be there afterwards.
    let now = plan_now(&bench, "daily");
    let id = now["BackupPlanId"].as_str().expect("an id").to_owned();
    let mut document = now["BackupPlan"].clone();
    document["AdvancedBackupSettings"] =
        json!([{"ResourceType": "EC2", "BackupOptions": {(RICH.to_owned() + "VSS"): "enabled"}}]);
    document["Rules"][0]["RecoveryPointTags"] = json!({"team": "web"});
    document["Rules"][0]["IndexActions"] = json!([{"ResourceTypes": ["S3"], "NotYetKnown": {"a": 1}}]);
    backup(
        &bench,
        &format!("POST /backup/plans/{id}"),
        &json!({ "BackupPlan": document }),
    );
    let rich = plan_now(&bench, "daily");
    bench.scan("before", &["--format", "json"]);

    let made = plan(&bench, &["--only", "plan-change"]);
    assert_eq!(kinds(&made), ["plan-change"]);
    let deed = &made["actions"][0]["do"];
    assert_eq!(
        (&deed["plan_name"], &deed["version_id"]),
        (&json!("daily"), &rich["VersionId"])
    );
    let described = bench.run(&["remediate", "apply", "plan.json", "--dry-run"]).stdout;
    let change = "new version, rule `daily`: lifecycle deleted after 35 days -> deleted after 90 days";
    assert!(described.contains(change), "{described}");

    let before = bench
        .sandbox
        .calls()
        .get("backup:UpdateBackupPlan")
        .copied()
        .unwrap_or_default();
    let after = done(&bench, &made);
    assert_eq!(
        bench.sandbox.calls().get("backup:UpdateBackupPlan"),
        Some(&(before + 1))
    );
    assert_eq!(verdict(&after, "orders", "plan-meets-policy"), "compliant");
    let mut expected = rich["BackupPlan"].clone();
    expected["Rules"][0]["Lifecycle"]["DeleteAfterDays"] = json!(90);
    assert_eq!(plan_now(&bench, "daily")["BackupPlan"], expected);

    let ran = undo(&bench, "daily");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(plan_now(&bench, "daily")["BackupPlan"], rich["BackupPlan"]);
}

/// Undoing gives up what is still as it was left, and nothing that somebody changed or put there since.
#[test]
fn what_somebody_changed_since_is_not_taken_back() {
    let bench = scanned("", "[policy]\nretention-min = \"90d\"\n");
    plan(&bench, &["--only", "plan-change"]);
    assert_eq!(apply(&bench).code, 0);
    let now = plan_now(&bench, "daily");
    let id = now["BackupPlanId"].as_str().expect("an id");
    let mut document = now["BackupPlan"].clone();
    document["Rules"][0]["StartWindowMinutes"] = json!(120);
    backup(
        &bench,
        &format!("POST /backup/plans/{id}"),
        &json!({ "BackupPlan": document }),
    );
    let ran = undo(&bench, "daily");
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("the plan was changed since: its version is `"),
        "{}",
        ran.stderr
    );
    assert_eq!(plan_now(&bench, "daily")["BackupPlan"], document);

    let bench = Bench::new(&without_plan(""));
    bench.scan("before", &["--format", "json"]);
    plan(&bench, &[]);
    assert_eq!(apply(&bench).code, 0);
    let id = plan_now(&bench, "backproof-default")["BackupPlanId"]
        .as_str()
        .expect("an id")
        .to_owned();
    let theirs = json!({"BackupSelection": {"SelectionName": "theirs", "Resources": ["arn:aws:ec2:*:*:volume/*"],
        "IamRoleArn": "arn:aws:iam::111122223333:role/service-role/AWSBackupDefaultServiceRole"}});
    backup(&bench, &format!("PUT /backup/plans/{id}/selections/"), &theirs);
    let ran = undo(&bench, "backproof-default");
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("assignment `theirs` is still in it"),
        "{}",
        ran.stderr
    );
    assert_eq!(
        bench.sandbox.calls().get("backup:DeleteBackupSelection"),
        Some(&1),
        "the own one"
    );
    assert_eq!(bench.sandbox.calls().get("backup:DeleteBackupPlan"), None);
}

#[test]
fn a_plan_of_cloudformation_or_of_the_organization_is_left_to_its_owner() {
    let bench = scanned("", "[policy]\nretention-min = \"90d\"\n");
    let made = plan(&bench, &["--only", "plan-change"]);
    assert_eq!(kinds(&made), ["plan-change"]);
    // Only AWS may write such tags, so the answer says that one is there.
    bench.fault(r#"{"action": "backup:ListTags", "answer": {"member": "Tags", "becomes": "{\"aws:cloudformation:stack-name\":\"backups\"}"}}"#);
    refused(
        &apply(&bench),
        1,
        &[
            "no longer matches AWS",
            "CloudFormation manages the plan, by stack `backups`",
        ],
    );
    assert_eq!(writes(&bench), []);

    let orgs = "[[plan]]\nid = \"orgs/544033d1-b19c-3f2a-9c20-40bcfa82ca68\"";
    let bench = Bench::new(&with(&thawed(""), "[[plan]]", orgs));
    bench.write("backproof.toml", "[policy]\nretention-min = \"90d\"\n");
    bench.scan("before", &["--format", "json"]);
    let made = plan(&bench, &[]);
    assert!(!kinds(&made).contains(&"plan-change"));
    let blocked = made["blocked"].to_string();
    let why = "plan `daily` may be changed by whoever keeps the backup policy of the organization alone";
    assert!(blocked.contains(why), "{blocked}");
}

#[test]
fn what_changed_between_plan_and_apply_is_not_overwritten() {
    // Tags: the same key got another value.
    let bench = scanned("", "[remediation]\nassign = \"tag\"\n");
    plan(&bench, &["--only", "tag-table"]);
    let tags = json!([{"Key": "backup", "Value": "never"}]);
    dynamodb(&bench, "TagResource", &json!({"ResourceArn": FORGOTTEN, "Tags": tags}));
    refused(
        &apply(&bench),
        1,
        &["its tag `backup` was set to `never` since; it is not changed"],
    );
    // The table is gone.
    delete_table(&bench, "forgotten");
    refused(&apply(&bench), 1, &["table `forgotten` is being deleted"]);
    assert_eq!(writes(&bench), [("dynamodb:TagResource", 1)], "that of the test");

    // The plan: another tool made a version of it.
    let bench = scanned("", "[policy]\nretention-min = \"90d\"\n");
    plan(&bench, &["--only", "plan-change"]);
    let now = plan_now(&bench, "daily");
    let id = now["BackupPlanId"].as_str().expect("an id");
    let mut document = now["BackupPlan"].clone();
    document["Rules"][0]["StartWindowMinutes"] = json!(120);
    backup(
        &bench,
        &format!("POST /backup/plans/{id}"),
        &json!({ "BackupPlan": document }),
    );
    refused(&apply(&bench), 1, &["the plan was changed since: its version is `"]);
    assert_eq!(plan_now(&bench, "daily")["BackupPlan"], document);

    // The plan of an assignment.
    let bench = scanned("", "");
    let made = plan(&bench, &["--only", "assign"]);
    assert_eq!(kinds(&made), ["assign"]);
    let now = plan_now(&bench, "daily");
    let id = now["BackupPlanId"].as_str().expect("an id");
    backup(
        &bench,
        &format!("POST /backup/plans/{id}"),
        &json!({ "BackupPlan": document }),
    );
    refused(&apply(&bench), 1, &["the plan was changed since: its version is `"]);
    assert_eq!(bench.sandbox.calls().get("backup:CreateBackupSelection"), None);
}

#[test]
fn a_name_that_is_taken_and_a_role_that_cannot_be_assumed_are_said_and_nothing_is_done_twice() {
    let bench = Bench::new(&with(
        &without_plan(""),
        "name = \"payments\"\n",
        "name = \"payments\"\nroles = [\"Audit\"]\n",
    ));
    bench.write(
        "backproof.toml",
        "[remediation]\nrole-arn = \"arn:aws:iam::111122223333:role/Gone\"\n",
    );
    bench.scan("before", &["--format", "json"]);
    let made = plan(&bench, &[]);
    assert_eq!(kinds(&made), ["plan-create", "assign"]);
    let ran = apply(&bench);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("cannot be assumed by AWS Backup"), "{}", ran.stderr);
    let ran = apply(&bench);
    assert!(ran.stderr.contains("backproof-default: done before"), "{}", ran.stderr);
    assert_eq!(writes(&bench)[0], ("backup:CreateBackupPlan", 1));

    // Somebody else's plan of that name.
    let bench = Bench::new(&without_plan(""));
    bench.scan("before", &["--format", "json"]);
    plan(&bench, &[]);
    let rule = json!({"RuleName": "r", "TargetBackupVaultName": "Default"});
    let theirs = json!({"BackupPlan": {"BackupPlanName": "backproof-default", "Rules": [rule]}});
    backup(&bench, "PUT /backup/plans/", &theirs);
    refused(
        &apply(&bench),
        1,
        &[
            "the name is taken: a plan `backproof-default` was made since",
            "2 of 2 actions not done",
        ],
    );
    assert_eq!(writes(&bench), [("backup:CreateBackupPlan", 1)], "that of the test");
}

#[test]
fn what_is_denied_on_the_way_goes_on_with_the_next_run() {
    let bench = Bench::new(&without_plan(""));
    bench.scan("before", &["--format", "json"]);
    let made = plan(&bench, &[]);
    bench.fault(r#"{"deny": "backup:CreateBackupSelection"}"#);
    let ran = apply(&bench);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("AccessDenied"), "{}", ran.stderr);
    bench.no_faults();
    done(&bench, &made);
    assert_eq!(writes(&bench)[0], ("backup:CreateBackupPlan", 1));
}

#[test]
fn a_lock_that_came_since_and_takes_no_such_lifecycle_stops_the_plan() {
    let bench = Bench::new(&without_plan(""));
    bench.scan("before", &["--format", "json"]);
    plan(&bench, &[]);
    backup(
        &bench,
        "PUT /backup-vaults/Default/vault-lock",
        &json!({"MinRetentionDays": 60}),
    );
    refused(
        &apply(&bench),
        1,
        &["the lock of vault `Default` now takes retentions from 60 days to no bound, not 35 days"],
    );
    assert_eq!(writes(&bench), []);
}

/// A lock asks for a vault that has it, a copy for a vault in the other Region; without one the reason is said.
#[test]
fn a_new_plan_writes_to_the_vault_that_fits_and_copies_where_the_policy_says() {
    let locked = format!("[[vault]]\n{HERE}name = \"locked\"\nlock = \"governance\"\nmin-days = 40\n");
    let policy = "[policy]\nvault-lock = \"governance\"\ncopy = { regions = [\"eu-central-1\"] }\n";
    let world = crate::common::worlds::elsewhere_too(&without_plan(&locked));
    let bench = Bench::new(&world);
    bench.write("backproof.toml", policy);
    bench.scan("before", &["--format", "json"]);
    let made = plan(&bench, &[]);
    assert_eq!(kinds(&made), Vec::<&str>::new());
    let blocked = made["blocked"].to_string();
    assert!(
        blocked.contains("no vault is known in eu-central-1 that could take the copies"),
        "{blocked}"
    );

    let dr = "[[vault]]\naccount = \"111122223333\"\nregion = \"eu-central-1\"\nname = \"dr\"\n";
    let bench = Bench::new(&(world + dr));
    bench.write("backproof.toml", policy);
    bench.scan("before", &["--format", "json"]);
    let made = plan(&bench, &[]);
    assert_eq!(kinds(&made), ["plan-create", "assign"]);
    let rule = &made["actions"][0]["do"]["rule"];
    assert_eq!(
        (&rule["vault_name"], &rule["delete_after_days"]),
        (&json!("locked"), &json!(40))
    );
    let copy = json!([{"vault_arn": "arn:aws:backup:eu-central-1:111122223333:backup-vault:dr", "cold_after_days": null, "delete_after_days": 40}]);
    assert_eq!(rule["copies"], copy);
    let after = done(&bench, &made);
    assert_eq!(verdict(&after, "forgotten", "cross-region-copy-planned"), "compliant");
}

#[test]
fn a_rule_that_runs_too_rarely_or_whose_lifecycle_a_lock_refuses_is_changed() {
    let bench = Bench::new(&with(&thawed(""), "cron(0 5 ? * * *)", "cron(0 5 ? * 1 *)"));
    bench.scan("before", &["--format", "json"]);
    // Nothing new is made where what changes serves the other table too.
    assert_eq!(kinds(&plan(&bench, &[])), ["plan-change", "tag-table"]);
    let made = plan(&bench, &["--only", "plan-create,plan-change,assign"]);
    assert_eq!(kinds(&made), ["plan-change", "assign"]);
    let rules = &made["actions"][0]["do"]["rules"];
    assert_eq!(rules[0]["becomes"]["schedule"], "cron(0 5 ? * * *)");
    assert_eq!(
        rules[0]["becomes"]["start_window_minutes"], 60,
        "a window that is short enough stays"
    );
    let assign = &made["actions"][1];
    assert_eq!(
        assign["do"]["version_id"],
        Value::Null,
        "it is the version that the change makes"
    );
    assert_eq!(assign["needs"], json!([made["actions"][0]["id"]]));
    let after = done(&bench, &made);
    assert_eq!(verdict(&after, "orders", "plan-meets-policy"), "compliant");

    let locked = "name = \"Default\"\nlock = \"governance\"\nmin-days = 60\n";
    let bench = Bench::new(&with(&thawed(""), "name = \"Default\"\n", locked));
    bench.scan("before", &["--format", "json"]);
    let made = plan(&bench, &["--only", "plan-change", "--advised"]);
    assert_eq!(kinds(&made), ["plan-change"]);
    let rules = &made["actions"][0]["do"]["rules"];
    assert_eq!(rules[0]["becomes"]["delete_after_days"], 60);
    let after = done(&bench, &made);
    assert_eq!(verdict(&after, "orders", "plan-meets-policy"), "compliant");
}

#[test]
fn each_tier_gets_a_plan_of_its_own() {
    let gold = table("ledger", "tags = { tier = \"gold\" }");
    let settings =
        "[[policy.tier]]\nname = \"gold\"\nwhen = \"tag('tier') = 'gold'\"\nrpo = \"6h\"\nretention-min = \"1y\"\n";
    let bench = Bench::new(&without_plan(&gold));
    bench.write("backproof.toml", settings);
    bench.scan("before", &["--format", "json"]);
    let made = plan(&bench, &[]);
    assert_eq!(kinds(&made), ["plan-create", "plan-create", "assign", "assign"]);
    let rule = &made["actions"][1]["do"];
    assert_eq!(
        (&rule["plan_name"], &rule["rule"]["schedule"]),
        (&json!("backproof-gold"), &json!("cron(0 1/4 ? * * *)"))
    );
    assert_eq!(rule["rule"]["delete_after_days"], 366);
    let after = done(&bench, &made);
    assert_eq!(verdict(&after, "ledger", "plan-meets-policy"), "compliant");
}

/// Points that a plan made meanwhile stay, and so does their vault, unless they are asked for; the last of a table only goes by its name.
#[test]
fn what_a_plan_made_meanwhile_goes_only_where_that_was_asked_for() {
    let theirs = table("theirs", "")
        + &event(
            "2d",
            "do = \"on-demand-backup\"\ntable = \"theirs\"\nvault = \"Default\"\ndelete-after-days = 40",
        );
    let more = format!(
        "[[vault]]\naccount = \"111122223333\"\nregion = \"eu-central-1\"\nname = \"dr\"\n[[key]]\n{HERE}name = \"own\"\n"
    );
    let bench = Bench::new(&elsewhere_too(&without_plan(&(theirs + &more))));
    bench.write(
        "backproof.toml",
        "[policy]\nkey-owner = \"customer-managed\"\ncopy = { regions = [\"eu-central-1\"], key-owner = \"any\" }\n\
         [remediation]\nnew-vault = \"mine\"\nnew-vault-key = \"alias/own\"\n",
    );
    bench.scan("before", &["--format", "json"]);
    let made = plan(&bench, &["--only", "vault,plan-create,assign"]);
    assert!(
        kinds(&made).contains(&"plan-create") && kinds(&made).contains(&"vault"),
        "{made:#}"
    );
    assert_eq!(apply(&bench).code, 0);
    bench.control("POST /_sandbox/clock", r#"{"advance-seconds": 200000}"#);
    let points = || {
        let points = bench.sandbox.inside().points.into_iter();
        let mut all: Vec<String> = points
            .map(|point| {
                format!(
                    "{} {}",
                    point.arn.split(':').nth(3).unwrap_or_default(),
                    point.table_arn
                )
            })
            .collect();
        all.sort();
        all
    };
    let count = |table: &str, region: &str| {
        let all = points();
        all.iter()
            .filter(|one| one.starts_with(region) && one.ends_with(table))
            .count()
    };
    assert_eq!(
        (count("/forgotten", "eu-west-1"), count("/forgotten", "eu-central-1")),
        (2, 2),
        "{:?}",
        points()
    );
    let undo = |more: &[&str]| {
        let args = ["remediate", "undo", "plan.json", "--confirm", "mine,backproof-default"];
        bench.run(&[&args, more].concat())
    };
    let ran = undo(&[]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    for text in [
        "the plan is deleted; points that it made stay",
        "`--with-points` deletes what a plan of this journal made",
    ] {
        assert!(ran.stderr.contains(text), "`{text}` is not in: {}", ran.stderr);
    }
    assert_eq!(bench.sandbox.calls().get("backup:DeleteRecoveryPoint"), None);
    let ran = undo(&["--with-points"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("is the last usable recovery point of the table; `--last-point-of "),
        "{}",
        ran.stderr
    );
    assert_eq!(
        (count("/forgotten", "eu-west-1"), count("/forgotten", "eu-central-1")),
        (1, 0),
        "{:?}",
        points()
    );
    let ran = undo(&["--with-points", "--last-point-of", "forgotten,orders,theirs"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    // What the plan did not make is nobody's to take back.
    assert_eq!(
        points(),
        ["eu-west-1 arn:aws:dynamodb:eu-west-1:111122223333:table/theirs"]
    );
    for region in ["eu-west-1", "eu-central-1"] {
        assert_eq!(count("/forgotten", region), 0);
    }
    let vaults = backup(&bench, "GET /backup-vaults", &Value::Null).to_string();
    assert!(!vaults.contains("\"mine\""), "{vaults}");
}
