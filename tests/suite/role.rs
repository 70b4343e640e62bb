//! AWS Backup's default service role, made, mended, left alone and taken back.

use serde_json::Value;

use crate::common::worlds::{HERE, thawed, with};
use crate::common::{Bench, Ran, json_file, refused, verdict};

const ACCOUNT: &str = "account = \"111122223333\"\n";

fn bench(default_role: &str, more: &str) -> Bench {
    let world = thawed(&format!("[jobs]\nbackup-seconds = 1\n{more}"));
    let own = "regions = [\"eu-west-1\"]\n";
    Bench::new(&with(&world, own, &format!("{own}{default_role}")))
}

/// The default role with this trust and these policies.
fn role(trusts: &str, policies: &str) -> String {
    format!(
        "[[role]]\n{ACCOUNT}name = \"service-role/AWSBackupDefaultServiceRole\"\ntrusts = {trusts}\npolicies = {policies}\n"
    )
}

/// The kinds of what is proposed.
fn planned(bench: &Bench, settings: &str, more: &[&str]) -> Vec<String> {
    bench.write("backproof.toml", settings);
    bench.scan("before", &["--format", "json"]);
    let args = ["remediate", "plan", "--from", "before/inventory", "--to", "plan.json"];
    let ran = bench.run(&[&args, more].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let plan = json_file(&bench.path("plan.json"));
    let actions = plan["actions"].as_array().expect("actions").iter();
    actions
        .map(|action| action["do"]["kind"].as_str().expect("a kind").to_owned())
        .collect()
}

fn apply(bench: &Bench) -> Ran {
    bench.run(&[
        "remediate",
        "apply",
        "plan.json",
        "--yes",
        "--wait",
        "--poll-interval",
        "1s",
    ])
}

fn undo(bench: &Bench) -> Ran {
    bench.run(&[
        "remediate",
        "undo",
        "plan.json",
        "--confirm",
        "AWSBackupDefaultServiceRole,forgotten,orders",
    ])
}

fn calls(bench: &Bench, action: &str) -> u64 {
    bench.sandbox.calls().get(action).copied().unwrap_or(0)
}

#[test]
fn a_role_that_no_job_proves_is_made_before_the_backups_that_need_it() {
    let bench = bench("default-role = \"absent\"\n", "");
    let rules = ["--rules", "recovery-point-fresh", "--only", "role,backup-now"];
    assert_eq!(planned(&bench, "", &rules), ["role", "backup-now", "backup-now"]);
    let plan = json_file(&bench.path("plan.json"));
    assert_eq!(plan["actions"][1]["needs"][0], plan["actions"][0]["id"]);
    assert_eq!(bench.run(&["remediate", "verify", "plan.json"]).code, 10);
    let ran = apply(&bench);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(calls(&bench, "iam:CreateRole"), 1);
    assert_eq!(calls(&bench, "iam:AttachRolePolicy"), 2);
    let ran = bench.run(&["remediate", "verify", "plan.json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let (_, report) = bench.scan("after", &["--format", "json"]);
    assert_eq!(verdict(&report, "forgotten", "recovery-point-fresh"), "compliant");
    // Again, without the journal: it is there.
    std::fs::rename(bench.path("plan.journal.jsonl"), bench.path("kept")).expect("a journal");
    let ran = apply(&bench);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("AWSBackupDefaultServiceRole: already so"),
        "{}",
        ran.stderr
    );
    assert_eq!(
        calls(&bench, "iam:CreateRole") + calls(&bench, "iam:AttachRolePolicy"),
        3
    );
    // Its recovery points are to be deleted by it one day.
    std::fs::rename(bench.path("kept"), bench.path("plan.journal.jsonl")).expect("a journal");
    let ran = undo(&bench);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert_eq!(calls(&bench, "iam:DeleteRole"), 0, "{}", ran.stderr);
}

#[test]
fn a_role_that_somebody_else_may_assume_is_left_alone_with_what_needs_it() {
    let bench = bench("", &role("[\"ec2.amazonaws.com\"]", "[]"));
    let rules = ["--rules", "recovery-point-fresh", "--only", "role,backup-now"];
    assert_eq!(planned(&bench, "", &rules), ["role", "backup-now", "backup-now"]);
    refused(
        &apply(&bench),
        1,
        &["does not trust backup.amazonaws.com", "left out with it"],
    );
    for action in ["iam:CreateRole", "iam:AttachRolePolicy", "backup:StartBackupJob"] {
        assert_eq!(calls(&bench, action), 0, "{action}");
    }
}

#[test]
fn what_a_role_lacks_is_attached_and_detached_again() {
    let lacking = role(
        "[\"backup.amazonaws.com\"]",
        "[\"AWSBackupServiceRolePolicyForRestores\"]",
    );
    let bench = bench("", &lacking);
    let settings = "[rules]\nplan-role-works = \"require\"\n";
    assert_eq!(planned(&bench, settings, &["--only", "role"]), ["role"]);
    let plan = json_file(&bench.path("plan.json"));
    // What the next job will say of it is not known.
    assert_eq!(plan["remaining"][0]["rule"], "plan-role-works");
    let ran = apply(&bench);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(
        (calls(&bench, "iam:CreateRole"), calls(&bench, "iam:AttachRolePolicy")),
        (0, 1)
    );
    assert_eq!(bench.run(&["remediate", "verify", "plan.json"]).code, 0);
    let ran = undo(&bench);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(
        (calls(&bench, "iam:DetachRolePolicy"), calls(&bench, "iam:DeleteRole")),
        (1, 0)
    );
    assert_eq!(apply(&bench).code, 0, "it can be done again");
}

/// A role of somebody's own is theirs to mend.
#[test]
fn another_role_is_named_and_not_touched() {
    let own = format!("[[role]]\n{ACCOUNT}name = \"Own\"\ntrusts = [\"ec2.amazonaws.com\"]\n");
    let plan = format!(
        "[[plan]]\n{HERE}name = \"own\"\n[[plan.rule]]\nname = \"own\"\nvault = \"Default\"\ndelete-after-days = 35\n\
         [[plan.selection]]\nname = \"all\"\nrole = \"Own\"\ntags = [{{ key = \"backup\", value = \"daily\" }}]\n"
    );
    let bench = bench("", &(own + &plan));
    assert!(planned(&bench, "[rules]\nplan-role-works = \"require\"\n", &["--only", "role"]).is_empty());
    let plan = json_file(&bench.path("plan.json"));
    let blocked: Vec<&Value> = plan["blocked"].as_array().expect("blocked").iter().collect();
    let reason = blocked
        .iter()
        .find(|one| one["rule"] == "plan-role-works")
        .expect("blocked")["reason"]
        .as_str();
    assert!(reason.is_some_and(|why| why.contains("role/Own")), "{blocked:?}");
}
