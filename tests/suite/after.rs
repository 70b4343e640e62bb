//! `scan --after`: finding, change and proof in one pack.

use serde_json::Value;

use crate::common::worlds::thawed;
use crate::common::{Bench, json_file, refused};

fn bench() -> Bench {
    Bench::new(&thawed("[jobs]\nbackup-seconds = 1\n"))
}

/// A scan, a plan for what one rule finds, the plan done.
fn done(bench: &Bench) {
    bench.scan("before", &["--format", "json"]);
    let plan = "remediate plan --from before --rules recovery-point-fresh --to plan.json";
    let apply = "remediate apply plan.json --yes --wait --poll-interval 1s";
    for command in [plan, apply] {
        let ran = bench.run(&command.split(' ').collect::<Vec<_>>());
        assert_eq!(ran.code, 0, "{command}: {}{}", ran.stdout, ran.stderr);
    }
}

fn scan_after(bench: &Bench, to: &str, more: &[&str]) -> crate::common::Ran {
    let args = [
        "scan",
        "--to",
        to,
        "--after",
        "plan.json",
        "--format",
        "json,html,pdf,markdown",
    ];
    bench.run(&[&args[..], more].concat())
}

#[test]
fn the_next_pack_says_which_finding_led_to_which_change_and_how_it_stands() {
    let bench = bench();
    done(&bench);
    let ran = scan_after(&bench, "after", &["--baseline", "before"]);
    assert!([0, 10, 11].contains(&ran.code), "{}", ran.stderr);
    assert!(ran.stdout.contains("after plan "), "{}", ran.stdout);
    let report = json_file(&bench.path("after/report.json"));
    let change = &report["changes"][0];
    let before = json_file(&bench.path("before/report.json"));
    assert_eq!(change["scan_id"], before["scan"]["id"]);
    assert_eq!(change["counts"]["fixed"], 1, "{change:#}");
    assert_eq!(change["counts"]["worse"], 0, "{change:#}");
    let action = &change["actions"][0];
    assert_eq!(action["kind"], "backup-now");
    assert_eq!(action["findings"][0]["rule"], "recovery-point-fresh");
    assert_eq!(action["findings"][0]["now"], "fixed");
    let steps: Vec<&str> = action["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .filter_map(|step| step["step"].as_str())
        .collect();
    assert_eq!(steps, ["starting", "started"]);
    let page = std::fs::read_to_string(bench.path("after/report.html")).expect("a page");
    for text in ["What was done since the scan before", "recovery-point-fresh", "fixed"] {
        assert!(page.contains(text), "{text}");
    }
    let note = std::fs::read_to_string(bench.path("after/summary.md")).expect("a note");
    assert!(note.contains("After plan "), "{note}");
    // Plan and journal lie in the pack as they were, each with its digest in the manifest.
    let manifest = json_file(&bench.path("after/manifest.json"));
    for (name, own) in [("plan.json", "plan_sha256"), ("plan.journal.jsonl", "journal_sha256")] {
        let path = format!("criteria/changes/1/{name}");
        assert_eq!(
            std::fs::read(bench.path(&format!("after/{path}"))).expect("in the pack"),
            std::fs::read(bench.path(name)).expect("beside it")
        );
        let files = manifest["files"].as_array().expect("files");
        let entry = files.iter().find(|file| file["path"] == path.as_str()).expect("named");
        assert_eq!(entry["sha256"], change[own]);
    }
    let ran = bench.run(&["verify", "after"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout
            .contains("its journal and what is told of them agree; nobody signed it"),
        "{}",
        ran.stdout
    );
    // Judged again it says the same; a copy without account ids leaves it out, and says so.
    let ran = bench.run(&["report", "after", "--to", "again", "--format", "json"]);
    assert!([0, 10, 11].contains(&ran.code), "{}", ran.stderr);
    assert_eq!(
        json_file(&bench.path("again/report.json"))["changes"],
        report["changes"]
    );
    let ran = bench.run(&[
        "report",
        "after",
        "--to",
        "without",
        "--format",
        "json",
        "--redact-accounts",
    ]);
    assert!(
        ran.stderr.contains("is left out of the copy without account ids"),
        "{}",
        ran.stderr
    );
    assert_eq!(json_file(&bench.path("without/report.json")).get("changes"), None);
}

#[test]
fn a_finding_that_is_open_all_the_same_is_not_fixed_and_one_that_is_not_there_is_not_known() {
    let bench = bench();
    done(&bench);
    // The point is gone again.
    let ran = bench.run(&["remediate", "undo", "plan.json", "--confirm", "forgotten"]);
    assert!([0, 1].contains(&ran.code), "{}", ran.stderr);
    scan_after(&bench, "after", &[]);
    let report = json_file(&bench.path("after/report.json"));
    let change = &report["changes"][0];
    let action = &change["actions"][0];
    let last = action["steps"]
        .as_array()
        .and_then(|steps| steps.last())
        .expect("a step");
    if ran.code == 0 {
        assert_eq!(last["step"], "undone");
        assert_eq!(action["findings"][0]["now"], "not-fixed", "{change:#}");
    }
    // A scan for other rules does not ask.
    scan_after(&bench, "other", &["--rules", "pitr-on"]);
    let report = json_file(&bench.path("other/report.json"));
    let finding = &report["changes"][0]["actions"][0]["findings"][0];
    assert_eq!(finding["now"], "not-known");
    assert_eq!(finding["message"], "this scan does not hold it");
}

#[test]
fn what_was_altered_or_is_of_another_scan_is_refused_before_aws_is_asked() {
    let bench = bench();
    done(&bench);
    let calls = bench.sandbox.calls();
    let plan = std::fs::read_to_string(bench.path("plan.json")).expect("a plan");
    let journal = std::fs::read_to_string(bench.path("plan.journal.jsonl")).expect("a journal");
    let (first, last) = journal.split_once('\n').expect("two lines");
    let refuse = |why: &[&str]| {
        let ran = scan_after(&bench, "after", &[]);
        refused(&ran, 2, &[why, &["nothing was scanned", "hint: "]].concat());
        assert!(!bench.path("after").exists());
    };
    bench.write("plan.json", plan.replace("recovery-point-fresh", "recovery-point-old"));
    refuse(&["it was changed since it was made"]);
    bench.write("plan.json", &plan);
    // A plan that says that it rests on another scan, with a digest that fits.
    crate::remediation::rewrite(&bench, |plan| plan["scan_id"] = "another".into());
    refuse(&["is not that of what it says"]);
    bench.write("plan.json", &plan);
    for (text, why) in [
        (last.to_owned(), "line 1: it does not follow the line before it"),
        (format!("{first}\n{first}\n"), "line 2: it does not follow"),
        (journal.replacen("starting", "drifted", 1), "line 2: it does not follow"),
        (format!("{first}\n{}", &last[..last.len() - 5]), "its last line is torn"),
        (String::new(), "it is empty: nothing was begun"),
        ("nonsense\n".to_owned(), "line 1: "),
    ] {
        bench.write("plan.journal.jsonl", text);
        refuse(&[why]);
    }
    let mut other: Value = serde_json::from_str(first).expect("a line");
    other["action"] = "backproof-0000".into();
    bench.write("plan.journal.jsonl", format!("{other}\n"));
    refuse(&["it is about an action that the plan does not have"]);
    std::fs::remove_file(bench.path("plan.journal.jsonl")).expect("there");
    refuse(&["lies beside its plan"]);
    bench.write("plan.journal.jsonl", &journal);
    bench.write(
        "plan.json.sig",
        "-----BEGIN SSH SIGNATURE-----\nnonsense\n-----END SSH SIGNATURE-----\n",
    );
    refuse(&["could not say what was done", "hint: let the plan be approved again"]);
    std::fs::remove_file(bench.path("plan.json.sig")).expect("there");
    assert_eq!(bench.sandbox.calls(), calls, "AWS was asked");

    // Another scan than the one that the plan rests on.
    bench.scan("between", &["--format", "json"]);
    let ran = scan_after(&bench, "after", &["--baseline", "between"]);
    refused(
        &ran,
        2,
        &[
            "the plan rests on another scan",
            "which is not the baseline",
            "nothing was scanned",
        ],
    );
    let ran = scan_after(&bench, "after", &["--after", "plan.json"]);
    refused(&ran, 2, &["a plan is named twice"]);
}

/// Whoever seals a pack anew cannot tell another story than plan and journal do.
#[test]
fn a_pack_that_tells_something_else_than_its_plan_and_journal_does_not_hold() {
    let bench = bench();
    done(&bench);
    scan_after(&bench, "after", &[]);
    let told = bench.path("after/criteria/changes/1/told.json");
    let text = std::fs::read_to_string(&told).expect("told");
    std::fs::write(&told, text.replace("\"non-compliant\"", "\"unknown\"")).expect("written");
    backproof::pack::seal::anew(&bench.path("after")).expect("sealed");
    let ran = bench.run(&["verify", "after"]);
    refused(
        &ran,
        12,
        &[
            "criteria/changes/1",
            "what is told of the change is not what its plan and journal say",
        ],
    );
}
