//! What people type, what they get wrong, and what they read then.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::common::worlds::{file, world};
use crate::common::{Bench, Ran, refused, run};

fn alone(args: &[&str]) -> (Ran, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a folder");
    let ran = run(dir.path(), &[], args);
    (ran, dir)
}

/// Every problem says what, where or why, and a hint; and leaves nothing half-written.
fn assert_problem(ran: &Ran, code: i32, parts: &[&str]) {
    refused(ran, code, parts);
    assert!(
        ran.stderr.lines().any(|line| line.starts_with("error: ")),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
}

#[test]
fn every_subcommand_has_help() {
    for command in [
        vec!["--help"],
        vec!["scan", "--help"],
        vec!["collect", "--help"],
        vec!["report", "--help"],
        vec!["remediate", "--help"],
        vec!["remediate", "plan", "--help"],
        vec!["remediate", "apply", "--help"],
        vec!["remediate", "verify", "--help"],
        vec!["backup", "--help"],
        vec!["restore", "--help"],
        vec!["explain", "--help"],
        vec!["demo", "--help"],
        vec!["sandbox", "--help"],
    ] {
        let (ran, _dir) = alone(&command);
        assert_eq!(ran.code, 0, "{command:?}");
        assert!(ran.stdout.contains("Usage:"), "{command:?}");
    }
}

#[test]
fn no_credentials() {
    let (ran, dir) = alone(&["scan", "--to", "out", "--regions", "eu-west-1"]);
    assert_problem(&ran, 1, &["could not find AWS credentials", "why: ", "so: ", "hint: "]);
    assert!(!dir.path().join("out/report.json").exists());
    assert!(std::fs::read_dir(dir.path().join("out")).map_or(true, |mut entries| entries.next().is_none()));
}

#[test]
fn an_endpoint_where_nothing_listens() {
    let dir = tempfile::tempdir().expect("a folder");
    let environment = [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_ACCESS_KEY_ID", "AKIA111122223333"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("AWS_REGION", "eu-west-1"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let ran = run(dir.path(), &environment, &["scan", "--to", "out"]);
    assert_problem(
        &ran,
        1,
        &[
            "could not find out who is calling",
            "http://127.0.0.1:9",
            "check AWS_ENDPOINT_URL",
        ],
    );
}

/// One line that says what is set, and no chain of errors of the SDK.
#[test]
fn an_environment_that_no_tool_can_use_is_named_by_its_variable() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = dir.path().join("config");
    std::fs::write(
        &config,
        "[profile prod]\nregion = eu-west-1\n[profile test]\nregion = eu-west-1\n",
    )
    .expect("written");
    let config = config.display().to_string();
    let key = [
        ("AWS_ACCESS_KEY_ID", "AKIA111122223333"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
    ];
    for (set, parts) in [
        (
            vec![("AWS_PROFILE", "prdo"), ("AWS_CONFIG_FILE", &*config)],
            &["`prdo`", "prod"][..],
        ),
        (
            vec![
                ("AWS_ENDPOINT_URL", "127.0.0.1:4000"),
                key[0],
                key[1],
                ("AWS_REGION", "eu-west-1"),
            ],
            &["the endpoint has no scheme", "did you mean `http://127.0.0.1:4000`?"],
        ),
        (
            vec![("AWS_REGION", ""), key[0], key[1]],
            &["AWS_REGION is set and empty", "unset it"],
        ),
    ] {
        let environment: Vec<(String, String)> = set
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let ran = run(dir.path(), &environment, &["scan", "--to", "out"]);
        assert_problem(&ran, 2, parts);
        assert!(ran.stderr.len() < 400, "{}", ran.stderr);
        assert!(!ran.stderr.contains("set AWS_PROFILE"), "{}", ran.stderr);
    }
}

/// A profile that `aws login` wrote is one of those that work; without its token it says how to get one.
#[test]
fn a_profile_of_aws_login_is_understood() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = dir.path().join("config");
    let profile = "[profile dev]\nlogin_session = arn:aws:iam::111122223333:user/x\nregion = eu-west-1\n";
    std::fs::write(&config, profile).expect("written");
    let environment = [
        ("AWS_PROFILE", "dev".to_owned()),
        ("AWS_CONFIG_FILE", config.display().to_string()),
        ("HOME", dir.path().display().to_string()),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value));
    let ran = run(dir.path(), &environment, &["scan", "--to", "out"]);
    assert_problem(
        &ran,
        1,
        &[
            "could not find AWS credentials",
            "hint: log in again: `aws login --profile dev`",
        ],
    );
    assert!(!ran.stderr.contains("cargo feature"), "{}", ran.stderr);
}

#[test]
fn an_unknown_region_is_found_before_anything_is_read() {
    let bench = Bench::new(&world(""));
    let ran = bench.run(&["scan", "--to", "out", "--regions", "eu-wset-1"]);
    assert_problem(&ran, 2, &["`eu-wset-1` is not a Region", "did you mean `eu-west-1`?"]);
    let ran = bench.run(&["scan", "--to", "out", "--regions", "narnia"]);
    assert_problem(
        &ran,
        2,
        &["`narnia` is not a Region", "a Region is written like `eu-west-1`"],
    );
}

#[test]
fn all_mistakes_of_the_settings_file_at_once() {
    let (_, dir) = alone(&["--help"]);
    let text = "regions = \"eu-west-1\"\n[policy]\nrp = \"24h\"\nretention-min = 35\n";
    std::fs::write(dir.path().join("backproof.toml"), text).expect("written");
    let ran = run(dir.path(), &[], &["scan"]);
    assert_problem(
        &ran,
        2,
        &[
            "backproof.toml:1",
            "`regions` must be a list of strings",
            "backproof.toml:3",
            "did you mean `rpo`?",
            "backproof.toml:4",
            "`policy.retention-min` must be a string",
        ],
    );
}

#[test]
fn a_broken_rule_file_stops_everything() {
    let bench = Bench::new(&world(""));
    std::fs::create_dir(bench.path("rules")).expect("created");
    let rule = "id = \"mine\"\ntitle = \"t\"\nseverity = \"hihg\"\ncompliant = \"newest_recovery_point_hours < 3\"\nmessage = \"{nothing}\"\nremedy = \"r\"\nrationale = \"r\"\n";
    bench.write("rules/mine.toml", rule);
    let ran = bench.run(&["scan", "--to", "out", "--rules-dir", "rules"]);
    assert_problem(
        &ran,
        2,
        &[
            "rules/mine.toml:3",
            "`hihg` is not a severity",
            "rules/mine.toml:4",
            "uses a fact that does not exist: `newest_recovery_point_hours`",
            "did you mean",
            "{nothing}",
            "no rule was evaluated",
        ],
    );
    assert!(
        bench.sandbox.calls().is_empty(),
        "nothing may be asked before the rules are right"
    );
}

#[test]
fn all_mistakes_of_every_file_and_flag_in_one_run() {
    let bench = Bench::new(&world(""));
    std::fs::create_dir(bench.path("rules")).expect("created");
    let broken = "id = \"mine\"\ntitle = \"\"\nseverity = \"low\"\ncompliant = \"in_a_plan\"\nmessage = \"{table_name\"\nremedy = \"r\"\nrationale = \"r\"\n[[example]]\nverdict = \"fine\"\n";
    for (name, text) in [
        ("rules/mine.toml", broken),
        ("waivers.toml", "[[waiver]]\nrule = \"mien\"\ntables = \"*\"\n"),
        (
            "policy.toml",
            "[policy]\nrpo = \"24\"\n[[policy.tier]]\nname = \"gold\"\nwhen = \"tag(tier) = 'gold'\"\n",
        ),
        ("backproof.toml", "region = [\"eu-west-1\"]\n"),
    ] {
        bench.write(name, text);
    }
    let flags = [
        "--rules-dir",
        "rules",
        "--waivers",
        "waivers.toml",
        "--policy",
        "policy.toml",
        "--framework",
        "soc",
    ];
    let ran = bench.run(&[["scan", "--to", "out"].as_slice(), &flags].concat());
    assert_problem(
        &ran,
        2,
        &[
            "rules/mine.toml:2",
            "`title` is empty",
            "the message has a brace that is not closed",
            "`fine` is not a verdict",
            "waivers.toml:2",
            "did you mean `mine`?",
            "`waiver.approver` is missing",
            "policy.toml:2",
            "`24` has no unit",
            "policy.toml:5",
            "write it like `tag('tier') = 'gold'`",
            "backproof.toml:1",
            "did you mean `regions`?",
            "did you mean `soc2`?",
        ],
    );
    assert!(!ran.stderr.contains("`example.verdict` is missing"), "{}", ran.stderr);
    assert!(bench.sandbox.calls().is_empty());
}

#[test]
fn a_folder_that_cannot_be_written_is_found_before_the_scan() {
    let bench = Bench::new(&world(""));
    bench.write("file", "x");
    let ran = bench.run(&["scan", "--to", "file/out"]);
    assert_problem(
        &ran,
        1,
        &[
            "could not use the folder for the reports",
            "file/out",
            "nothing was read from AWS",
        ],
    );
    assert!(bench.sandbox.calls().is_empty());
}

#[test]
fn reports_are_never_overwritten() {
    let bench = Bench::new(&world(""));
    bench.scan("out", &["--format", "json"]);
    let before = std::fs::read(bench.path("out/report.json")).expect("a report");
    let ran = bench.run(&["scan", "--to", "out"]);
    assert_problem(&ran, 1, &["reports are never overwritten", "choose a new folder"]);
    assert_eq!(std::fs::read(bench.path("out/report.json")).expect("a report"), before);
}

#[test]
fn a_pack_is_written_into_a_new_or_empty_folder_only() {
    let bench = Bench::new(&world(""));
    std::fs::create_dir(bench.path("mine")).expect("made");
    bench.write("mine/notes.txt", "hi");
    let ran = bench.run(&["scan", "--rules", "in-a-plan", "--to", "mine"]);
    assert_problem(
        &ran,
        1,
        &[
            "mine",
            "it holds `notes.txt`, which is no part of a pack",
            "nothing was read from AWS",
            "name a new or empty folder with `--to`",
        ],
    );
    assert!(bench.sandbox.calls().is_empty());
    assert_eq!(std::fs::read_dir(bench.path("mine")).expect("a folder").count(), 1);
    // An empty one will do, and what comes of it holds.
    std::fs::remove_file(bench.path("mine/notes.txt")).expect("removed");
    let (ran, _) = bench.scan("mine", &["--rules", "in-a-plan", "--format", "json"]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    let ran = bench.run(&["verify", "mine"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    // Reports alone may lie beside other files; a pack without account ids may not.
    std::fs::create_dir(bench.path("beside")).expect("made");
    bench.write("beside/notes.txt", "hi");
    let report = |more: &[&str]| bench.run(&[&["report", "mine", "--format", "csv", "--to", "beside"], more].concat());
    let ran = report(&["--redact-accounts"]);
    assert_problem(&ran, 1, &["it holds `notes.txt`", "so: no report was written"]);
    assert!(!ran.stderr.contains("AWS"), "{}", ran.stderr);
    assert_eq!(report(&[]).code, 10);
    // Other commands name their own flag, and say nothing of AWS where they never ask it.
    bench.write("file", "x");
    let ran = bench.run(&[
        "attest",
        "--pack",
        "mine",
        "--from",
        "2026-01-01",
        "--to",
        "2026-01-31",
        "--out",
        "file/out",
    ]);
    assert_problem(
        &ran,
        1,
        &[
            "could not use the folder for the attestation",
            "so: no attestation was written",
            "choose a folder that can be written with `--out`",
        ],
    );
    assert!(!ran.stderr.contains("AWS"), "{}", ran.stderr);
}

#[test]
fn credentials_that_expire_during_the_scan_leave_nothing_half_written() {
    let bench = Bench::new(&world("[[fault]]\nexpired-credentials = 8\n"));
    let ran = bench.run(&["scan", "--to", "out"]);
    assert_problem(
        &ran,
        1,
        &[
            "credentials expired",
            "ExpiredToken",
            "no report was written",
            "log in again",
        ],
    );
    let left: Vec<_> = std::fs::read_dir(bench.dir.path()).expect("the folder").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn no_table_is_an_error_unless_it_is_expected() {
    let bench = Bench::new(&file("empty"));
    let ran = bench.run(&["scan", "--to", "out"]);
    assert_problem(
        &ran,
        1,
        &["no DynamoDB table was found", "nothing to prove", "--allow-empty"],
    );
    assert!(!bench.path("out/report.pdf").exists());
    let ran = bench.run(&["scan", "--to", "empty", "--allow-empty"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("nothing to prove"), "{}", ran.stdout);
    let csv = std::fs::read_to_string(bench.path("empty/findings.csv")).expect("a file");
    assert!(csv.starts_with("finding_id,rule,"), "{csv}");
    assert!(
        std::fs::read(bench.path("empty/report.pdf"))
            .expect("a file")
            .starts_with(b"%PDF-")
    );
}

#[test]
fn wrong_words_are_corrected() {
    for (args, parts) in [
        (
            vec!["scan", "--format", "pfd"],
            vec!["`pfd` is not a format", "did you mean `pdf`?"],
        ),
        (vec!["scan", "--fail-on", "bad"], vec!["`bad` is not a severity"]),
        (
            vec!["scan", "--rules", "in-a-paln"],
            vec!["`in-a-paln` is not a rule", "did you mean `in-a-plan`?"],
        ),
        (vec!["scan", "--to", "s3://"], vec!["names no bucket"]),
        (vec!["scan", "--to", "-"], vec!["stdout takes exactly one file"]),
        (
            vec!["explain", "rule", "nope"],
            vec!["`nope` is not a rule", "where: `explain rule nope`"],
        ),
        (
            vec!["explain", "permissions", "--command", "scna"],
            vec!["`scna` is not a command", "did you mean `scan`?"],
        ),
        (
            vec!["ledger", "list"],
            vec!["no ledger was named", "add `--ledger DIR`"],
        ),
        (
            vec!["explain", "permissions", "--command", "diff"],
            vec!["`diff` asks AWS for nothing", "the commands that do are"],
        ),
        (
            vec!["backup", "t", "--cold-after", "7d", "--delete-after", "90d"],
            vec![
                "AWS Backup would refuse the lifecycle",
                "7 + 90 = 97",
                "no backup was started",
            ],
        ),
        (
            vec!["backup", "t", "--delete-after", "x"],
            vec!["`--delete-after` is not a number of days"],
        ),
        (
            vec!["remediate", "apply", "missing.json"],
            vec!["could not read the remediation plan", "nothing was changed"],
        ),
        (vec!["report", "missing"], vec!["there is no evidence to look into"]),
        (
            vec!["report", "missing", "--template", "nowhere"],
            vec!["could not read the templates", "`--template nowhere`", "`pdf.toml`"],
        ),
        (
            vec!["sandbox", "--world", "missing.toml"],
            vec!["could not read the world file"],
        ),
    ] {
        let (ran, _dir) = alone(&args);
        assert!(ran.code == 1 || ran.code == 2, "{args:?}: {}", ran.code);
        assert_problem(&ran, ran.code, &parts);
    }
}

#[test]
fn a_firm_changes_looks_and_words_without_touching_the_program() {
    let bench = Bench::new(&world(""));
    let folder = bench.path("templates");
    std::fs::create_dir(&folder).expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("a writable folder");
    write("pdf.toml", "titel = 'x'\n[colours]\naccent = 'blue'\n");
    write("report.html", "<p>\n{% for %}");
    write("raport.js", "");
    let args = ["scan", "--format", "html,pdf", "--to", "out", "--template", "templates"];
    let ran = bench.run(&args);
    assert_problem(
        &ran,
        2,
        &[
            "`titel` is not a setting\n  where: templates/pdf.toml:1\nhint: did you mean `title`?",
            "`colours.accent` is not a colour\n  where: templates/pdf.toml:3",
            "the page is not a template\n  where: templates/report.html:2",
            "`raport.js` is not a template\n  where: templates/raport.js\nhint: did you mean `report.js`?",
        ],
    );
    assert!(!bench.path("out").exists(), "nothing was begun");
    write("pdf.toml", "title = 'Backups of Firm & Sons'\nsections = ['tables']\n");
    write(
        "report.html",
        "<h1>Firm</h1><style>{{ css|safe }}</style><script>{{ data|safe }}</script>",
    );
    write("report.css", "h1 { color: teal }");
    std::fs::remove_file(folder.join("raport.js")).expect("a file");
    let ran = bench.run(&args);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    let page = std::fs::read_to_string(bench.path("out/report.html")).expect("a file");
    // Before anything of the firm's stands that it is the firm's.
    assert!(page.starts_with("<!doctype html>\n<html><head>"), "{}", &page[..200]);
    let (mark, own) = (
        page.find("not backproof's own"),
        page.find("<h1>Firm</h1><style>h1 { color: teal }</style>"),
    );
    assert!(mark.is_some() && mark < own, "{}", &page[..200]);
    let pdf = std::fs::read(bench.path("out/report.pdf")).expect("a file");
    assert!(
        String::from_utf8_lossy(&pdf).contains("Backups of Firm &amp; Sons"),
        "the title of the metadata"
    );
}

#[test]
fn a_part_of_a_name_is_answered_with_the_names_that_hold_it() {
    let bench = Bench::new(&world(""));
    bench.scan("out", &["--format", "json"]);
    let ran = bench.run(&["explain", "table", "forgot", "--inventory", "out"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("did you mean `forgotten`?"), "{}", ran.stderr);
}

#[test]
fn a_failure_below_fail_on_is_said_to_be_one() {
    let bench = Bench::new(&world(""));
    let args = [
        "scan",
        "--rules",
        "deletion-protection-on",
        "--fail-on",
        "critical",
        "--to",
        "out",
    ];
    let ran = bench.run(&args);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let said = "not compliant, and nothing of that counts for `--fail-on critical` (exit 0)";
    assert!(ran.stdout.contains(said), "{}", ran.stdout);
}

#[test]
fn json_pipes_cleanly() {
    let bench = Bench::new(&world(""));
    let ran = bench.run(&["scan", "--format", "json", "--to", "-"]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    assert_eq!(ran.json()["schema_version"], 4);
}

#[test]
fn nasty_names_and_tags_harm_no_format() {
    let bench = Bench::new(&world(&file("nasty")));
    let ran = bench.run(&["scan", "--to", "out"]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    let html = std::fs::read_to_string(bench.path("out/report.html")).expect("a file");
    assert!(!html.contains("<script>alert(1)"));
    assert!(
        !html.contains("src=") && !html.contains("href=\"http"),
        "the page asks for something outside itself"
    );
    bench.run(&["report", "out", "--to", "csv", "--format", "csv-all", "--quiet"]);
    let bytes = std::fs::read(bench.path("csv/tables-all.csv")).expect("a file");
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let tags = reader
        .headers()
        .expect("a head")
        .iter()
        .position(|name| name == "tags")
        .expect("a column");
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), 3);
    assert!(
        rows.iter()
            .any(|row| row[tags].contains("quotes=she said \"no\", then 'left'") && row[tags].contains('\n'))
    );
    assert!(
        rows.iter()
            .all(|row| row.iter().all(|cell| !cell.starts_with(['=', '+', '@'])))
    );
    assert!(!ran.stdout.contains('\u{202e}') && !ran.stdout.contains('\u{1b}'));
}

#[test]
fn printed_permissions_include_what_other_accounts_and_keys_take() {
    for (command, action) in [
        ("scan", "sts:AssumeRole"),
        ("collect", "backup:ListBackupVaults"),
        ("remediate", "sts:AssumeRole"),
        ("push", "sts:AssumeRole"),
        ("verify", "kms:Decrypt"),
        ("attest", "kms:Decrypt"),
        ("ledger", "s3:PutObject"),
        ("ledger", "s3:ListBucketVersions"),
    ] {
        let (ran, _dir) = alone(&["explain", "permissions", "--command", command]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(
            ran.stdout.contains(&format!("\"{action}\"")),
            "{command}: {}",
            ran.stdout
        );
    }
}

/// Every action that the sources name where AWS is written to or asked for packs stands in the list beside it, and so does
/// the action behind every call on a client.
#[test]
fn printed_permissions_include_what_the_sources_name() {
    for (place, commands) in [
        ("remediate", &["remediate", "restore", "undo-restored"][..]),
        ("drill", &["drill", "drill validate", "backup"]),
        ("push", &["push"]),
        ("sign", &["sign"]),
        ("deliver", &["deliver"]),
        ("ledger", &["ledger"]),
        ("aws/s3", &["deliver", "verify"]),
    ] {
        let mut printed = BTreeSet::new();
        for command in commands {
            let (ran, _dir) = alone(&["explain", "permissions", "--command", command]);
            for statement in ran.json()["Statement"].as_array().expect("statements") {
                let actions = &statement["Action"];
                let many = actions.as_array().into_iter().flatten();
                printed.extend(many.chain([actions]).filter_map(Value::as_str).map(str::to_owned));
            }
        }
        let named = actions_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(place));
        assert!(!named.is_empty(), "{place}");
        // What the inventory's call log is asked for was called by `scan`.
        let missing: Vec<_> = named
            .difference(&printed)
            .filter(|action| *action != "backup:ListBackupVaults")
            .collect();
        assert!(missing.is_empty(), "{place}: {missing:?} not in {printed:?}");
    }
}

/// The actions of the sources below a folder: texts like `backup:StartBackupJob`, and calls like
/// `target.backup.start_backup_job()`.
fn actions_in(folder: &Path) -> BTreeSet<String> {
    let mut actions = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            actions.extend(actions_in(&path));
            continue;
        }
        // Tests do what the program does not.
        if path.file_name().is_some_and(|name| name == "tests.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("text");
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let code: String = lines.flat_map(|line| line.split_whitespace()).collect();
        actions.extend(code.split('"').filter(|text| is_action(text)).map(str::to_owned));
        for call in code.split("target.").skip(1) {
            let mut parts = call.splitn(3, '.');
            let (Some(service), Some(operation)) = (parts.next(), parts.next()) else {
                continue;
            };
            if let Some(operation) = operation.strip_suffix("()")
                && ["backup", "dynamodb", "securityhub"].contains(&service)
            {
                let words = operation.split('_').map(|word| word[..1].to_uppercase() + &word[1..]);
                actions.insert(format!("{service}:{}", words.collect::<String>()));
            }
        }
    }
    actions
}

fn is_action(text: &str) -> bool {
    text.split_once(':').is_some_and(|(service, operation)| {
        !service.is_empty()
            && service.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
            && operation.starts_with(|c: char| c.is_ascii_uppercase())
            && operation.chars().all(|c| c.is_ascii_alphanumeric())
    })
}

#[test]
fn explain_speaks_from_the_lists_the_program_runs_by() {
    let (ran, _dir) = alone(&["explain", "permissions"]);
    let policy = ran.json();
    let actions: Vec<&str> = policy["Statement"][0]["Action"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|action| action.as_str())
        .collect();
    for action in &actions {
        let verb = action.split_once(':').expect("an action").1;
        assert!(
            verb.starts_with("List") || verb.starts_with("Describe") || verb.starts_with("Get"),
            "{action}"
        );
    }
    let bench = Bench::new(&world(""));
    bench.scan("out", &[]);
    for call in bench.sandbox.calls().keys() {
        assert!(
            actions.contains(&call.as_str()),
            "{call} is called and not in the policy"
        );
    }
    let (ran, _dir) = alone(&["explain", "facts"]);
    assert!(ran.stdout.contains("in_a_plan (true or false)"));
    let (ran, _dir) = alone(&["explain", "rule", "recovery-point-fresh"]);
    assert!(ran.stdout.contains("examples:"));
}

#[test]
fn the_readme_tells_the_exit_codes_and_runs_the_two_commands() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("the README");
    for exit in backproof::exit::Exit::ALL {
        assert!(
            readme.contains(&format!("| {} | {} |", exit.code(), exit.meaning())),
            "{exit:?}"
        );
    }
    for command in ["cargo run -- demo", "cargo test --workspace"] {
        assert!(readme.contains(&format!("```sh\n{command}\n```")), "{command}");
    }
}

#[test]
fn the_documented_settings_are_right() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let (_, block) = page.split_once("```toml\n").expect("a settings file");
    let (text, _) = block.split_once("```").expect("its end");
    let settings = backproof::settings::Settings::parse(text, "configuration.md").expect("right");
    assert_eq!(settings.accounts.len(), 2);
    assert_eq!(settings.remediation.delete_after_days, Some(97));
}

#[test]
fn help_asks_nobody() {
    // No credentials, no network, no settings: help must not depend on anything.
    let output = Command::new(env!("CARGO_BIN_EXE_backproof"))
        .arg("--help")
        .env_clear()
        .output()
        .expect("it runs");
    assert!(output.status.success());
}

/// One code for one mistake: a folder that is not there, whichever command it was named to; and one that holds nothing of a
/// pack says nothing of any evidence.
#[test]
fn a_folder_that_does_not_exist_is_a_mistake_on_the_command_line() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(dir.path().join("pictures")).expect("a folder");
    std::fs::write(dir.path().join("pictures/cat.png"), "cat").expect("written");
    for folder in ["nowhere", "pictures"] {
        let period = ["attest", "--from", "2026-11-01", "--to", "2026-11-02"];
        for args in [
            &["report", folder][..],
            &["verify", folder],
            &["diff", folder, folder],
            &["explain", "table", "orders", "--inventory", folder],
            &["explain", "finding", "0", "--inventory", folder],
            &["sample", folder, "--seed", "1"],
            &["remediate", "plan", "--from", folder],
            &["ledger", "append", folder, "--ledger", "ledger"],
            &[&period[..], &["--pack", folder]].concat(),
        ] {
            let ran = run(dir.path(), &[], args);
            assert_eq!(ran.code, 2, "{args:?}: {}", ran.stderr);
            assert!(ran.stderr.contains(folder), "{args:?}: {}", ran.stderr);
            let is_absent = ran.stderr.contains("there is no such folder");
            assert_eq!(is_absent, folder == "nowhere", "{args:?}: {}", ran.stderr);
        }
    }
    let of_ledger = [
        "attest",
        "--from",
        "2026-11-01",
        "--to",
        "2026-11-02",
        "--ledger",
        "nowhere",
    ];
    for args in [
        &["verify", "--ledger", "nowhere"][..],
        &["ledger", "list", "--ledger", "nowhere"],
        &of_ledger,
    ] {
        let ran = run(dir.path(), &[], args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.stderr);
    }
    assert!(!dir.path().join("ledger").exists(), "nothing was made");
}

/// A hint names what the command has.
#[test]
fn the_hint_of_init_names_its_own_argument() {
    let dir = tempfile::tempdir().expect("a folder");
    let ran = run(dir.path(), &[], &["init"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let ran = run(dir.path(), &[], &["init"]);
    assert!(
        ran.stderr
            .contains("hint: choose a new file as in `backproof init FILE`"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("--to"), "{}", ran.stderr);
}

/// A name of nothing is a mistake on the command line, and what is named is called what it is.
#[test]
fn what_is_named_and_is_not_there_is_a_mistake_of_the_command_line() {
    let bench = Bench::new(&world(""));
    let (ran, _) = bench.scan(
        "mine",
        &["--rules", "in-a-plan", "--format", "json", "--ledger", "led ger"],
    );
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    for (args, parts) in [
        (
            vec!["verify", "--ledger", "mine"],
            vec!["could not open the ledger", "there is no folder `manifests/` in it"],
        ),
        (
            vec!["ledger", "list", "--ledger", "nowhere"],
            vec!["there is no such folder"],
        ),
        (
            vec!["verify", "led ger"],
            vec!["this is no pack", "hint: `verify --ledger 'led ger'` checks a ledger"],
        ),
        (
            vec!["init", "nodir/x.toml"],
            vec!["there is no such folder", "hint: create the folder nodir first"],
        ),
        (
            vec!["remediate", "verify", "nope.json"],
            vec!["could not read the remediation plan", "so: nothing was verified"],
        ),
        (
            vec!["explain", "framework", "soc"],
            vec!["where: `explain framework soc`", "did you mean `soc2`?"],
        ),
        (
            vec!["scan", "--framework", "soc"],
            vec!["where: `--framework`", "did you mean `soc2`?"],
        ),
    ] {
        assert_problem(&bench.run(&args), 2, &parts);
    }
    let ran = bench.run(&["explain", "exit-codes"]);
    assert!(
        ran.stdout.contains("a folder or file that it names is not there"),
        "{}",
        ran.stdout
    );
    // A ledger that lost its chain is no mistake of whoever names it.
    std::fs::remove_dir_all(bench.path("led ger/manifests")).expect("removed");
    assert_problem(
        &bench.run(&["verify", "--ledger", "led ger"]),
        1,
        &["there is no folder `manifests/` in it"],
    );
}

#[test]
fn help_and_version_are_found_where_every_tool_has_them() {
    let (ran, _) = alone(&["help", "scan"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("Usage: backproof scan"), "{}", ran.stdout);
    for flag in ["-V", "--version"] {
        let (ran, _) = alone(&[flag]);
        assert_eq!(ran.code, 0, "{flag}: {}", ran.stderr);
        assert_eq!(ran.stdout, format!("backproof {}\n", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn other_usual_names_of_flags_are_understood() {
    let bench = Bench::new(&world(""));
    let ran = bench.run(&["scan", "--region", "us-east-1", "--output", "long", "--format", "json"]);
    assert_ne!(ran.code, 2, "{}", ran.stderr);
    assert!(bench.path("long/report.json").exists());
    let ran = bench.run(&["scan", "-o", "short", "--format", "json"]);
    assert_ne!(ran.code, 2, "{}", ran.stderr);
    assert!(bench.path("short/report.json").exists());
    let ran = bench.run(&["backup", "Music", "--regions", "us-east-1", "--dry-run"]);
    assert_ne!(ran.code, 2, "{}", ran.stderr);
}

#[test]
fn calls_and_requests_are_shown_as_they_happen() {
    let bench = Bench::new(&world(""));
    let quiet = bench.run(&["scan", "-o", "none", "--format", "json"]);
    assert!(!quiet.stderr.contains("dynamodb:DescribeTable"), "{}", quiet.stderr);
    let calls = bench.run(&["scan", "-v", "-o", "calls", "--format", "json"]);
    let line = |ran: &Ran| {
        let told = ran
            .stderr
            .lines()
            .find(|line| line.contains("dynamodb:DescribeTable orders"));
        told.unwrap_or_else(|| panic!("{}", ran.stderr)).to_owned()
    };
    assert!(
        line(&calls).contains(" eu-west-1 dynamodb:DescribeTable orders: ok in "),
        "{}",
        line(&calls)
    );
    assert!(!calls.stderr.contains(": request 1: answered"), "{}", calls.stderr);
    let requests = bench.run(&["-vv", "scan", "-o", "requests", "--format", "json"]);
    assert!(
        line(&requests).ends_with("dynamodb:DescribeTable orders: request 1: answered"),
        "{}",
        line(&requests)
    );
    let json = bench.run(&["scan", "-v", "--log", "json", "-o", "json", "--format", "json"]);
    let told: Value = serde_json::from_str(&line(&json)).expect("JSON");
    assert_eq!(
        (&told["level"], &told["action"], &told["resource"], &told["outcome"]),
        (
            &json!("call"),
            &json!("dynamodb:DescribeTable"),
            &json!("orders"),
            &json!("ok")
        )
    );
    let both = bench.run(&["scan", "-v", "--quiet"]);
    assert_eq!(both.code, 2, "{}", both.stderr);
}

#[test]
fn settings_are_found_above_the_folder_and_in_the_users_own() {
    let (_, dir) = alone(&["--help"]);
    let (below, own) = (dir.path().join("a/b"), dir.path().join(".config/backproof"));
    for folder in [&below, &own] {
        std::fs::create_dir_all(folder).expect("a folder");
    }
    let tell = |at: &Path| {
        let home = [("HOME".to_owned(), dir.path().display().to_string())];
        let ran = run(at, &home, &["scan"]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        ran.stderr
    };
    let broken = |file: &Path| std::fs::write(file, "regions = 1\n").expect("written");
    broken(&own.join("backproof.toml"));
    let said = tell(&below);
    assert!(
        said.contains(&format!("settings file: {}", own.join("backproof.toml").display())),
        "{said}"
    );
    // Whoever can write into a folder above could exempt every table.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let open = |mode| std::fs::set_permissions(dir.path().join("a"), std::fs::Permissions::from_mode(mode));
        broken(&dir.path().join("a/backproof.toml"));
        open(0o777).expect("opened");
        let said = tell(&below);
        assert!(
            said.contains("a settings file was passed over") && said.contains(".config/backproof"),
            "{said}"
        );
        open(0o755).expect("shut");
    }
    // The nearest one counts, and the one at hand is not worth a word.
    broken(&dir.path().join("a/backproof.toml"));
    let said = tell(&below);
    assert!(
        said.contains("a/backproof.toml:1") && !said.contains(".config"),
        "{said}"
    );
    broken(&below.join("backproof.toml"));
    let said = tell(&below);
    assert!(
        said.contains("backproof.toml:1") && !said.contains("settings file:"),
        "{said}"
    );
}

#[test]
fn a_mistake_that_ends_the_parsing_comes_alone_and_others_in_order_of_line() {
    let (_, dir) = alone(&["--help"]);
    let scan = |text: &str| {
        std::fs::write(dir.path().join("backproof.toml"), text).expect("written");
        let ran = run(dir.path(), &[], &["scan"]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        ran.stderr
    };
    let told = scan("regions = [\"eu-west-1\"]\n[[policy.tier]\nname = \"a\"\n[policy]\nrp = 1\n");
    assert_eq!(told.matches("error: ").count(), 1, "{told}");
    assert!(told.contains("backproof.toml:2"), "{told}");
    let told = scan("region = 1\n[policy]\nrp = \"1h\"\nrpo = 1\n[rules]\npitr-on = \"no\"\n");
    let lines = told
        .lines()
        .filter_map(|line| line.split("backproof.toml:").nth(1)?.parse::<u32>().ok());
    let lines: Vec<u32> = lines.collect();
    assert!(lines.len() >= 4 && lines.is_sorted(), "{told}");
}

#[test]
fn a_table_that_is_not_there_is_named_and_so_is_the_nearest() {
    let bench = Bench::new(&world(""));
    let ran = bench.run(&["backup", "Orders"]);
    assert_problem(&ran, 1, &["there is no table `Orders`", "did you mean `orders`?"]);
}

#[test]
fn what_a_scan_for_some_rules_did_not_read_was_not_asked() {
    let bench = Bench::new(&world(""));
    bench.scan("some", &["--rules", "dynamodb-opted-in"]);
    let ran = bench.run(&["explain", "table", "orders", "--inventory", "some", "--all"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stdout
            .contains("not asked: the rules that ran need no backup plans"),
        "{}",
        ran.stdout
    );
    assert!(!ran.stdout.contains("could not be read"), "{}", ran.stdout);
}
