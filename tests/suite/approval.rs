//! Plans that cost, that somebody else approves, and that are taken back.

use serde_json::Value;

use crate::common::evidence::key;
use crate::common::worlds::{file, table, thawed, world};
use crate::common::{Bench, json_file, refused};

/// The settings are off; that is what the plans of these tests mend.
fn bench() -> Bench {
    let bench = Bench::new(&thawed(&file("not-opted-in")));
    bench.scan("before", &["--format", "json"]);
    bench
}

const PLAN: [&str; 8] = [
    "remediate",
    "plan",
    "--from",
    "before/inventory",
    "--rules",
    "target-opted-in",
    "--to",
    "plan.json",
];

fn plan(bench: &Bench) -> Value {
    json_file(&bench.path("plan.json"))
}

#[test]
fn settings_are_switched_on_verified_and_taken_back() {
    let bench = bench();
    let ran = bench.run(&PLAN);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stdout
            .contains("~ region settings AWS Backup's settings: DynamoDB opted in"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout
            .contains("0 to create, 1 to change; 1 finding fixed, 0 worse, 0 not good yet, 0 without an action"),
        "{}",
        ran.stdout
    );
    let verify = || {
        bench.run(&[
            "remediate",
            "verify",
            "plan.json",
            "--rules",
            "target-opted-in",
            "--from",
            "before/inventory",
        ])
    };
    let ran = verify();
    assert_eq!(ran.code, 10, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout
            .contains("0 findings fixed, 1 not fixed, 0 not known; 0 worse"),
        "{}",
        ran.stdout
    );

    // Nobody can be asked, so nothing is done.
    refused(
        &bench.run(&["remediate", "apply", "plan.json"]),
        2,
        &["nobody can be asked", "`--yes`"],
    );
    let update = || bench.sandbox.calls().get("backup:UpdateRegionSettings").copied();
    assert_eq!(update(), None);
    let apply = || bench.run(&["remediate", "apply", "plan.json", "--yes"]);
    let ran = apply();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let ran = verify();
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let ran = apply();
    assert_eq!((ran.code, update()), (0, Some(1)), "{}", ran.stderr);
    assert!(ran.stderr.contains("done before"), "{}", ran.stderr);

    let undo = |more: &[&str]| bench.run(&[&["remediate", "undo", "plan.json"], more].concat());
    let ran = undo(&["--dry-run"]);
    assert_eq!((ran.code, update()), (0, Some(1)), "{}", ran.stderr);
    refused(
        &undo(&[]),
        2,
        &[
            "what is to be taken back was not typed",
            "missing: `AWS Backup's settings`",
        ],
    );
    let ran = undo(&["--confirm", "AWS Backup's settings"]);
    assert_eq!((ran.code, update()), (0, Some(2)), "{}", ran.stderr);
    assert_eq!(verify().code, 10);
    // Once is enough.
    let ran = undo(&["--confirm", "AWS Backup's settings"]);
    assert_eq!((ran.code, update()), (0, Some(2)), "{}", ran.stderr);
    assert!(ran.stdout.contains("0 actions to take back"), "{}", ran.stdout);
    // And done again, it is a new change.
    let ran = apply();
    assert_eq!((ran.code, update()), (0, Some(3)), "{}", ran.stderr);

    // Somebody has changed them since: they are not this tool's any more.
    let off = bench.run(&["remediate", "apply", "plan.json", "--yes", "--journal", "other.jsonl"]);
    assert_eq!((off.code, update()), (0, Some(3)), "{}", off.stderr);
    assert!(off.stderr.contains("already so"), "{}", off.stderr);
    let ran = bench.run(&["remediate", "undo", "plan.json", "--journal", "other.jsonl"]);
    assert!(
        ran.stdout.contains("0 actions to take back"),
        "what was so already is not taken back: {}",
        ran.stdout
    );
}

#[test]
fn a_plan_is_approved_by_somebody_else() {
    let bench = bench();
    bench.run(&PLAN);
    let (alice, allowed) = key(&bench, 1);
    let (mallory, _) = key(&bench, 2);
    let settings = |patterns: &str| {
        bench.write(
            "backproof.toml",
            format!("[remediation]\nrequire-approval = true\n[remediation.approvers]\n{patterns}\n"),
        )
    };
    let apply = || {
        bench.run(&[
            "remediate",
            "apply",
            "plan.json",
            "--yes",
            "--allowed-signers",
            &allowed,
        ])
    };
    let approve = |key: &str| {
        let ran = bench.run(&["remediate", "approve", "plan.json", "--sign", key]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    };
    let elsewhere = r#""audit@example.com" = ["arn:aws:iam::111122223333:user/alice"]"#;
    settings(elsewhere);
    refused(
        &apply(),
        1,
        &[
            "the remediation plan is not approved",
            "there is no `plan.json.sig` beside it",
        ],
    );
    refused(
        &bench.run(&["remediate", "apply", "plan.json", "--yes"]),
        2,
        &["who may approve is not known"],
    );
    approve(&mallory);
    refused(&apply(), 1, &["which is none of those that you trust"]);
    approve(&alice);
    settings(r#""bob@example.com" = ["*"]"#);
    refused(
        &apply(),
        1,
        &["`audit@example.com` signed it, and is none of the approvers: `bob@example.com`"],
    );
    settings(r#""audit@example.com" = []"#);
    refused(&apply(), 1, &["is none of the approvers"]);
    settings(r#""audit@example.com" = ["arn:aws:*"]"#);
    refused(&apply(), 1, &["`audit@example.com` signed it, and works as arn:aws:"]);
    settings(elsewhere);
    // A blank is another file.
    let text = std::fs::read_to_string(bench.path("plan.json")).expect("a plan");
    bench.write("plan.json", text.clone() + "\n");
    refused(&apply(), 1, &["were altered"]);
    bench.write("plan.json", text);
    assert_eq!(bench.sandbox.calls().get("backup:UpdateRegionSettings"), None);
    let ran = apply();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("approved by audit@example.com"), "{}", ran.stderr);
}

/// The signature of a pack is made for another purpose.
#[test]
fn another_signature_is_no_approval() {
    let bench = bench();
    bench.run(&PLAN);
    let (key, allowed) = key(&bench, 1);
    let signed = std::process::Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", "backproof", "-f", &key, "plan.json"])
        .current_dir(bench.path(""))
        .status();
    if !signed.is_ok_and(|status| status.success()) {
        return;
    }
    let ran = bench.run(&[
        "remediate",
        "apply",
        "plan.json",
        "--yes",
        "--require-approval",
        "--allowed-signers",
        &allowed,
    ]);
    refused(
        &ran,
        1,
        &["it was made for the namespace `backproof`, not for `backproof-plan`"],
    );
}

#[test]
fn a_plan_is_shown_for_programs_and_for_a_pull_request() {
    let bench = bench();
    let ran = bench.run(&[&PLAN[..], &["--format", "json"]].concat());
    let shown: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(shown, plan(&bench));
    let ran = bench.run(&[&PLAN[..], &["--format", "md"]].concat());
    assert!(
        ran.stdout
            .starts_with("# Remediation plan\n\n0 to create, 1 to change;"),
        "{}",
        ran.stdout
    );
    refused(
        &bench.run(&[&PLAN[..], &["--only", "opt-inn"]].concat()),
        2,
        &["`--only opt-inn` names no kind of action", "did you mean `opt-in`?"],
    );
    let ran = bench.run(&[&PLAN[..], &["--exclude", "opt-in"]].concat());
    assert_eq!(plan(&bench)["actions"], serde_json::json!([]), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("1 kind of action left out: `opt-in`"),
        "{}",
        ran.stdout
    );
    bench.write("prices.toml", "[default]\nwarm = -1\n");
    refused(
        &bench.run(&[&PLAN[..], &["--prices", "prices.toml"]].concat()),
        2,
        &["`warm` is no price", "no plan was made"],
    );
}

#[test]
fn what_a_backup_costs_is_told_and_limited() {
    let large = table("large", "size-bytes = 107374182400");
    let bench = Bench::new(&world(&large));
    bench.scan("before", &["--format", "json"]);
    let plan_of = |more: &[&str]| {
        let base = [
            "remediate",
            "plan",
            "--from",
            "before/inventory",
            "--rules",
            "recovery-point-fresh",
        ];
        bench.run(&[&base[..], &["--to", "plan.json"], more].concat())
    };
    let ran = plan_of(&[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    // 100 GB for 35 days at 0.10 a month.
    assert!(ran.stdout.contains("costs up to 11.51 USD"), "{}", ran.stdout);
    assert_eq!(plan_of(&["--max-cost", "12"]).code, 0);
    std::fs::remove_file(bench.path("plan.json")).expect("written");
    let too_much = plan_of(&["--max-cost", "11"]);
    refused(
        &too_much,
        2,
        &["the plan may cost more than `--max-cost` allows", "no plan was written"],
    );
    assert!(!bench.path("plan.json").exists());
}

/// Evidence, settings, devices: a plan takes the place of an earlier plan and of nothing else.
#[test]
fn a_plan_overwrites_nothing_but_a_plan() {
    let bench = bench();
    bench.write("kept.toml", "# settings\n");
    let to = |path: &str| bench.run(&[&PLAN[..7], &[path]].concat());
    for path in ["kept.toml", "before/manifest.json", "before", "/dev/null"] {
        refused(
            &to(path),
            2,
            &[
                "could not write the remediation plan",
                "is no remediation plan",
                "nothing was written",
                "`--to`",
            ],
        );
    }
    for path in ["before/plan.json", "before/inventory/plan.json"] {
        refused(&to(path), 2, &["the folder is an evidence pack", "nothing was written"]);
    }
    let intact = bench.run(&["verify", "before"]);
    assert_eq!(intact.code, 0, "{}{}", intact.stdout, intact.stderr);
    let kept = std::fs::read_to_string(bench.path("kept.toml")).expect("still there");
    assert_eq!(kept, "# settings\n");
    for _ in 0..2 {
        let ran = to("plan.json");
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
}

/// What `apply` would refuse is told where it can be changed.
#[test]
fn a_role_of_another_account_is_refused_before_there_is_a_plan() {
    let bench = Bench::new(&thawed(""));
    bench.write(
        "backproof.toml",
        "[remediation]\nrole-arn = \"arn:aws:iam::999999999999:role/other\"\n",
    );
    bench.scan("before", &["--format", "json"]);
    let ran = bench.run(&["remediate", "plan", "--from", "before/inventory", "--to", "plan.json"]);
    let why = "role `arn:aws:iam::999999999999:role/other` is of another account";
    refused(&ran, 2, &[why, "nothing was written", "`[remediation]`"]);
    assert!(!bench.path("plan.json").exists());
}
