//! stdout carries results, stderr talk: what each command writes where, and in which form.

use std::io::Read as _;
use std::process::Stdio;

use serde_json::Value;

use crate::common::worlds::world;
use crate::common::{Bench, PROGRAM, Ran, in_folder, run};

/// Each line of the log as JSON, checked for the keys that never change.
fn events(ran: &Ran) -> Vec<Value> {
    let events: Vec<Value> = ran
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for event in &events {
        let level = event["level"].as_str().expect("a level");
        assert!(["error", "warning", "note", "progress"].contains(&level), "{event}");
        assert!(
            event["what"].is_string() && event["at"].as_str().is_some_and(|at| at.ends_with('Z')),
            "{event}"
        );
        let is_problem = matches!(level, "error" | "warning");
        for key in ["where", "why", "so", "hint"] {
            assert_eq!(event.get(key).is_some(), is_problem, "{key}: {event}");
        }
        assert_eq!(event.get("exit_code").is_some(), level == "error", "{event}");
    }
    events
}

fn denied() -> Bench {
    let bench = Bench::new(&world(""));
    bench.fault(r#"{"deny": "backup:ListBackupPlans"}"#);
    bench
}

#[test]
fn a_scan_in_json_is_json_alone() {
    let bench = denied();
    for args in [
        vec!["scan", "--format", "json", "--to", "-"],
        vec!["scan", "--format", "json"],
        vec!["--log", "json", "scan", "--format", "json", "--to", "-"],
        vec!["scan", "--format", "json", "--to", "-", "--quiet", "--color", "always"],
    ] {
        let ran = bench.run(&args);
        let report = ran.json();
        assert_eq!(report["tables"].as_array().map(Vec::len), Some(2), "{args:?}");
        assert!(
            ran.stderr.contains("could not read backup:ListBackupPlans"),
            "{args:?}: {}",
            ran.stderr
        );
    }
    // Without `--to` the report is kept as well, with its evidence.
    let kept = std::fs::read_dir(bench.path("backproof-report"))
        .expect("a folder")
        .count();
    assert_eq!(kept, 1);
}

#[test]
fn the_log_is_one_object_on_each_line() {
    let bench = denied();
    let ran = bench.run(&["scan", "--to", "out", "--log", "json"]);
    assert_eq!(ran.code, 10);
    assert!(
        ran.stdout.contains("NON-COMPLIANT"),
        "the summary is a result: {}",
        ran.stdout
    );
    let events = events(&ran);
    let of = |level: &str| {
        events
            .iter()
            .filter(|event| event["level"] == level)
            .collect::<Vec<_>>()
    };
    let warning = of("warning")
        .into_iter()
        .find(|warning| warning["what"] == "could not read backup:ListBackupPlans")
        .expect("a warning");
    assert!(warning["why"].as_str().expect("why").contains("AccessDenied"));
    let progress = of("progress");
    let last = progress.last().expect("the end of reading is a step");
    assert_eq!(
        (&last["tables_described"], &last["targets_done"]),
        (&Value::from(2), &Value::from(1))
    );
    assert!(
        of("note")
            .iter()
            .any(|note| note["what"].as_str().is_some_and(|what| what.ends_with("in out")))
    );

    let again = bench.run(&["scan", "--to", "out", "--log", "json"]);
    let errors = self::events(&again);
    assert_eq!((again.code, errors[0]["exit_code"].as_u64()), (1, Some(1)));
    assert_eq!(again.stdout, "");
    // A command line that is not understood is told in the same way.
    let wrong = bench.run(&["scan", "--log=json", "--colour"]);
    let errors = self::events(&wrong);
    assert_eq!(
        (wrong.code, errors.len(), errors[0]["exit_code"].as_u64()),
        (2, 1, Some(2))
    );
    assert!(
        errors[0]["what"].as_str().expect("what").contains("--colour"),
        "{errors:?}"
    );
}

#[test]
fn quiet_leaves_problems_and_results() {
    let bench = denied();
    let ran = bench.run(&["scan", "--to", "out", "--quiet"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (10, ""));
    assert!(
        ran.stderr.contains("warning: could not read backup:ListBackupPlans") && !ran.stderr.contains("in out"),
        "{}",
        ran.stderr
    );
    let ran = bench.run(&["-q", "collect", "--to", "inventory-only"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""));
    assert!(!ran.stderr.contains("stored in"), "{}", ran.stderr);
    let ran = bench.run(&["sample", "out", "--seed", "1", "--quiet"]);
    assert!(ran.stdout.contains("drawn by"), "results are printed all the same");
    assert_eq!(ran.stderr, "");
    let ran = bench.run(&["explain", "rules", "--quiet"]);
    assert!(ran.stdout.contains("in-a-plan"));
}

#[test]
fn nothing_is_coloured_in_a_pipe_unless_it_is_asked_for() {
    let bench = denied();
    bench.scan("out", &["--format", "json"]);
    let escape = '\u{1b}';
    let of = |more: &[&str], environment: &[(&str, &str)]| {
        let mut all = bench.sandbox.environment();
        all.extend(
            environment
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        let mut args = vec!["report", "out/inventory", "--format", "json"];
        args.extend(more);
        run(bench.dir.path(), &all, &args)
    };
    let plain = of(&["--to", "a"], &[]);
    assert!(
        !plain.stdout.contains(escape) && plain.stdout.contains("NON-COMPLIANT"),
        "{}",
        plain.stdout
    );
    let colored = of(&["--to", "b", "--color", "always"], &[]);
    assert!(
        colored.stdout.contains("\u{1b}[1;31mNON-COMPLIANT\u{1b}[0m"),
        "{}",
        colored.stdout
    );
    let never = of(&["--to", "c", "--color", "never"], &[]);
    assert!(!never.stdout.contains(escape));
    let same = colored
        .stdout
        .replace("\u{1b}[1;31m", "")
        .replace("\u{1b}[1;33m", "")
        .replace("\u{1b}[0m", "")
        .replace("files in b", "files in a");
    assert_eq!(same, plain.stdout, "colour says nothing of its own");
    for help in [vec!["--help"], vec!["scan", "--help", "--color", "never"]] {
        let ran = bench.run(&help);
        assert!(!ran.stdout.contains(escape), "{help:?}");
    }
    assert!(bench.run(&["--color", "always", "--help"]).stdout.contains(escape));
}

#[test]
fn a_reader_that_stops_listening_ends_the_program_quietly() {
    let bench = Bench::new(&world(""));
    bench.scan("out", &["--format", "json"]);
    for args in [
        vec!["report", "out/inventory", "--format", "json", "--to", "-"],
        vec!["report", "out/inventory", "--format", "html", "--to", "-"],
        vec!["report", "out/inventory", "--to", "again"],
        vec!["explain", "facts"],
        vec!["diff", "out", "out", "--all"],
        vec!["sample", "out", "--seed", "1", "--format", "json"],
        vec!["completions", "bash"],
        vec!["man"],
        vec!["--help"],
    ] {
        let mut child = bench.start(&args);
        // Nobody listens any more, before a single byte was read.
        drop(child.stdout.take());
        let mut said = String::new();
        child
            .stderr
            .take()
            .expect("stderr")
            .read_to_string(&mut said)
            .expect("text");
        let code = child.wait().expect("an end").code();
        assert!(
            !said.contains("error") && !said.contains("panicked"),
            "{args:?}: {said}"
        );
        assert!(matches!(code, Some(0 | 10 | 11)), "{args:?}: {code:?}");
    }
}

/// `script` of util-linux gives the program a terminal.
#[cfg(target_os = "linux")]
fn at_a_terminal(bench: &Bench, environment: &[(&str, &str)], args: &str) -> String {
    let command = format!("{PROGRAM} {args}");
    let ran = in_folder("script", bench.dir.path(), &bench.sandbox.environment())
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .env("TERM", "xterm")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("`script` is there: the package is essential");
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_colour_unless_no_color_is_set() {
    let bench = denied();
    let shown = at_a_terminal(&bench, &[], "scan --to a --format json");
    assert!(shown.contains("\u{1b}[1;33mwarning:\u{1b}[0m"), "{shown}");
    assert!(shown.contains("\u{1b}[1;31mNON-COMPLIANT\u{1b}[0m"), "{shown}");
    let plain = at_a_terminal(&bench, &[("NO_COLOR", "1")], "scan --to b --format json");
    assert!(!plain.contains("\u{1b}[1;3"), "{plain}");
    assert!(plain.contains("NON-COMPLIANT"));
    let empty = at_a_terminal(&bench, &[("NO_COLOR", "")], "scan --to c --format json");
    assert!(empty.contains("\u{1b}[1;31m"), "an empty NO_COLOR is none");
}

#[test]
fn a_settings_file_to_begin_with_can_be_scanned_with() {
    let bench = Bench::new(&world(""));
    let ran = bench.run(&["init"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("written to backproof.toml"));
    let (ran, report) = bench.scan("out", &["--format", "json"]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    assert_eq!(report["policy"]["frequency"], "24h (default)");
    let again = bench.run(&["init"]);
    assert_eq!(again.code, 1);
    assert!(again.stderr.contains("never overwritten"), "{}", again.stderr);
    assert!(bench.run(&["init", "-"]).stdout.contains("[policy]"));
    // It holds no policy of its own, so that one from a file does not contradict it.
    bench.write("policy.toml", "[policy]\nrpo = \"6h\"\n");
    let (ran, report) = bench.scan("strict", &["--format", "json", "--policy", "policy.toml"]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    assert_eq!(report["policy"]["rpo"], "6h");
}

#[test]
fn manuals_and_completions_name_every_command() {
    let dir = tempfile::tempdir().expect("a folder");
    let ran = run(dir.path(), &[], &["man", "--to", "man"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let page = |name: &str| std::fs::read_to_string(dir.path().join("man").join(name)).expect("a page");
    for command in [
        "scan",
        "diff",
        "sample",
        "explain-table",
        "remediate-apply",
        "init",
        "man",
    ] {
        assert!(
            page(&format!("backproof-{command}.1")).contains(".SH \"EXIT STATUS\""),
            "{command}"
        );
    }
    assert!(page("backproof-scan.1").contains("backproof scan \\-\\-baseline audit"));
    let help = run(dir.path(), &[], &["scan", "--help"]).stdout;
    for part in [
        "\nScope:\n",
        "\nRules and policy:\n",
        "\nDelivery to S3:\n",
        "\nExamples:\n",
        "backproof scan --baseline audit",
    ] {
        assert!(help.contains(part), "{part}: {help}");
    }
    let bash = run(dir.path(), &[], &["completions", "bash"]).stdout;
    for value in ["prometheus", "fedramp-high", "recovery-point-fresh", "critical"] {
        assert!(bash.contains(value), "{value}");
    }
    let all = page("backproof.1");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(dir.path(), &[], &["completions", shell]).stdout;
        for command in ["scan", "diff", "sample", "completions"] {
            assert!(script.contains(command), "{shell}: {command}");
            assert!(all.contains(command), "{command}");
        }
    }
    assert_eq!(run(dir.path(), &[], &["man"]).stdout.lines().next(), all.lines().next());
}

#[cfg(unix)]
#[test]
fn a_scan_that_is_interrupted_says_what_is_left() {
    let bench = Bench::new(&world("[[fault]]\nlatency-ms = 3000\n"));
    for signal in ["INT", "TERM"] {
        let scan = bench.start(&["scan", "--to", "out"]);
        let staged = || {
            let mut files = std::fs::read_dir(bench.path(".")).expect("a folder").flatten();
            files.any(|file| file.file_name().to_string_lossy().starts_with(".partial-"))
        };
        while !staged() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let sent = std::process::Command::new("kill")
            .args([&format!("-{signal}"), &scan.id().to_string()])
            .status();
        assert!(sent.expect("kill runs").success());
        let ended = scan.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(130), "{said}");
        assert!(said.contains("interrupted: nothing was written"), "{said}");
        assert!(!staged() && !bench.path("out").exists(), "{said}");
    }
}
