//! The smallest worlds in which a proof over a period once said something else than the truth, each with the right value.

use serde_json::{Value, json};

use crate::common::aws::{backup, create_table, delete_table};
use crate::common::{Bench, json_file};

const PLACE: &str = "account = \"111122223333\"\nregion = \"eu-west-1\"\n";

/// A big table: its backup takes more than eight hours.
const BIG: &str = "size-bytes = 2500000000000\nitem-count = 10\n";

fn plan(name: &str, cron: &str, window: u32, kept: u32) -> String {
    format!(
        "[[plan]]\n{PLACE}name = \"{name}\"\n[[plan.rule]]\nname = \"{name}\"\nvault = \"v\"\nschedule = \"{cron}\"\n\
         start-window-minutes = {window}\ndelete-after-days = {kept}\n\
         [[plan.selection]]\nname = \"s\"\ntags = [{{ key = \"backup\", value = \"{name}\" }}]\n"
    )
}

fn table(name: &str, more: &str) -> String {
    format!("[[table]]\n{PLACE}name = \"{name}\"\ntags = {{ backup = \"daily\" }}\n{more}\n")
}

const DAILY: &str = "cron(0 5 ? * * *)";
const EVERY_SECOND_DAY: &str = "cron(0 5 */2 * ? *)";

/// A world that stands at noon of 1 July 2026, and its packs.
struct July {
    bench: Bench,
    packs: Vec<String>,
}

impl July {
    fn new(rpo: &str, more: &[String]) -> Self {
        let world = format!(
            "now = 2026-07-01T12:00:00Z\nfrozen = true\nhistory-days = 35\n[[account]]\nid = \"111122223333\"\n\
             regions = [\"eu-west-1\"]\n[[vault]]\n{PLACE}name = \"v\"\n{}",
            more.concat()
        );
        let mut july = Self {
            bench: Bench::new(&world),
            packs: Vec::new(),
        };
        july.policy(rpo);
        july.pack();
        july
    }

    fn policy(&self, rpo: &str) {
        let policy = format!("[policy]\nrpo = \"{rpo}\"\n");
        self.bench.write("backproof.toml", policy);
    }

    fn at(&self, instant: &str) {
        let body = json!({ "set": instant }).to_string();
        self.bench.control("POST /_sandbox/clock", &body);
    }

    fn pack(&mut self) {
        let name = format!("pack-{}", self.packs.len());
        let (ran, _) = self.bench.scan(&name, &["--format", "json"]);
        assert!(matches!(ran.code, 0 | 10 | 11), "{}", ran.stderr);
        self.packs.push(name);
    }

    fn pack_at(&mut self, instant: &str) {
        self.at(instant);
        self.pack();
    }

    fn create(&self, name: &str, plan: &str) {
        create_table(&self.bench, name, &json!([{ "Key": "backup", "Value": plan }]));
    }

    fn delete_points(&self) {
        let points = backup(
            &self.bench,
            "GET /backup-vaults/v/recovery-points/?maxResults=1000",
            &Value::Null,
        );
        for point in points["RecoveryPoints"].as_array().expect("points") {
            let arn = point["RecoveryPointArn"].as_str().expect("an ARN").replace(':', "%3A");
            backup(
                &self.bench,
                &format!("DELETE /backup-vaults/v/recovery-points/{arn}"),
                &Value::Null,
            );
        }
    }

    /// The plan backs up nothing any more. What it took, to give it back.
    fn take_selection_away(&self) -> (String, Value) {
        let plans = backup(&self.bench, "GET /backup/plans/", &Value::Null);
        let plan = plans["BackupPlansList"][0]["BackupPlanId"]
            .as_str()
            .expect("a plan")
            .to_owned();
        let list = backup(
            &self.bench,
            &format!("GET /backup/plans/{plan}/selections/"),
            &Value::Null,
        );
        let id = list["BackupSelectionsList"][0]["SelectionId"]
            .as_str()
            .expect("a selection")
            .to_owned();
        let whole = backup(
            &self.bench,
            &format!("GET /backup/plans/{plan}/selections/{id}"),
            &Value::Null,
        );
        backup(
            &self.bench,
            &format!("DELETE /backup/plans/{plan}/selections/{id}"),
            &Value::Null,
        );
        (plan, json!({ "BackupSelection": whole["BackupSelection"] }))
    }

    fn attest(&self, from: &str, to: &str, more: &[&str]) -> (i32, Value) {
        let mut args = vec![
            "attest", "--from", from, "--to", to, "--format", "json", "--out", "-", "--pack",
        ];
        args.extend(self.packs.iter().map(String::as_str));
        args.extend(more);
        let ran = self.bench.run(&args);
        (ran.code, ran.json())
    }
}

fn rows<'a>(attestation: &'a Value, name: &str) -> Vec<&'a Value> {
    let tables = attestation["tables"].as_array().expect("tables");
    tables.iter().filter(|table| table["table_name"] == name).collect()
}

fn row<'a>(attestation: &'a Value, name: &str) -> &'a Value {
    rows(attestation, name)[0]
}

/// Seconds in that state.
fn seconds(row: &Value, state: &str) -> u64 {
    row["seconds"][state].as_u64().expect("seconds")
}

const DAY: u64 = 86_400;

/// A policy that a pack shows holds for tables that this pack does not list.
#[test]
fn a_policy_holds_for_a_table_that_was_born_after_its_pack() {
    let plans = [
        plan("daily", DAILY, 60, 35),
        plan("second", EVERY_SECOND_DAY, 60, 35),
        table("old", ""),
    ];
    let mut july = July::new("25h", &plans);
    july.at("2026-07-02T12:00:00Z");
    july.create("new", "second");
    july.policy("3d");
    july.pack_at("2026-07-20T12:00:00Z");
    let (code, attestation) = july.attest("2026-07-03", "2026-07-19", &[]);
    assert_eq!((code, &attestation["verdict"]), (11, &json!("not-observed")));
    let new = row(&attestation, "new");
    assert_eq!(new["asked"][0]["rpo"], "25h or 3d");
    assert_eq!(seconds(new, "exposed"), 0);
    let open = seconds(new, "not_observed");
    assert!((8 * 23 * 3600 - 3600..9 * DAY).contains(&open), "{new}");
    assert_eq!(row(&attestation, "old")["verdict"], "proven");
    let gap = &new["longest_gap"];
    assert_eq!(
        (&gap["at_least"], &gap["certain"]),
        (&json!(2 * DAY), &json!(true)),
        "{gap}"
    );
}

/// One more pack before the change settles what was asked: eight exposures.
#[test]
fn one_more_pack_before_the_policy_changed_settles_what_was_asked() {
    let plans = [
        plan("daily", DAILY, 60, 35),
        plan("second", EVERY_SECOND_DAY, 60, 35),
        table("old", ""),
    ];
    let mut july = July::new("25h", &plans);
    july.at("2026-07-02T12:00:00Z");
    july.create("new", "second");
    july.pack_at("2026-07-20T11:00:00Z");
    july.policy("3d");
    july.pack_at("2026-07-20T12:00:00Z");
    let (code, attestation) = july.attest("2026-07-03", "2026-07-19", &[]);
    assert_eq!(code, 10);
    assert_eq!(row(&attestation, "new")["exposures"].as_array().map(Vec::len), Some(8));
    assert_eq!(row(&attestation, "old")["verdict"], "proven");
}

/// The policy became stricter: before that nobody knows for a table of that time either.
#[test]
fn a_policy_that_became_stricter_exposes_no_table_that_was_born_before() {
    let mut july = July::new("3d", &[plan("daily", EVERY_SECOND_DAY, 60, 35), table("old", "")]);
    july.at("2026-07-02T12:00:00Z");
    july.create("young", "daily");
    july.policy("25h");
    july.pack_at("2026-07-20T12:00:00Z");
    let (code, attestation) = july.attest("2026-07-03", "2026-07-19", &[]);
    assert_eq!(code, 11);
    for name in ["old", "young"] {
        assert_eq!(row(&attestation, name)["verdict"], "not-observed");
        assert_eq!(row(&attestation, name)["asked"][0]["rpo"], "25h or 3d");
    }
}

#[test]
fn a_policy_counts_from_a_pack_that_could_not_list_tables() {
    let mut july = July::new("3d", &[plan("daily", EVERY_SECOND_DAY, 60, 35), table("old", "")]);
    july.at("2026-07-09T12:00:00Z");
    july.policy("25h");
    july.bench.fault(r#"{"deny": "dynamodb:ListTables"}"#);
    july.pack();
    july.bench.no_faults();
    july.policy("3d");
    july.pack_at("2026-07-18T12:00:00Z");
    let (code, attestation) = july.attest("2026-07-03", "2026-07-17", &[]);
    assert_eq!(code, 11);
    let old = row(&attestation, "old");
    assert_eq!(
        old["asked"],
        json!([{
            "from": "2026-07-03T00:00:00Z", "to": "2026-07-18T00:00:00Z", "rpo": "25h or 3d",
        }])
    );
    assert!(seconds(old, "not_observed") > 6 * 23 * 3600, "{old}");
}

/// A vault that a pack read whole shows that a point is gone, whatever became of other vaults.
#[test]
fn a_vault_that_was_read_speaks_for_itself() {
    let other = format!("[[vault]]\n{PLACE}name = \"other\"\n");
    let mut july = July::new(
        "49h",
        &[other, plan("daily", EVERY_SECOND_DAY, 60, 7), table("ttt", "")],
    );
    july.at("2026-07-03T07:00:00Z");
    july.delete_points();
    july.at("2026-07-04T12:00:00Z");
    july.bench
        .fault(r#"{"deny": "backup:ListRecoveryPointsByBackupVault", "resource": "*:backup-vault:other"}"#);
    july.pack();
    july.bench.no_faults();
    july.pack_at("2026-07-20T12:00:00Z");
    let (code, attestation) = july.attest("2026-07-02", "2026-07-08", &[]);
    assert_eq!(code, 10);
    let exposures = row(&attestation, "ttt")["exposures"]
        .as_array()
        .expect("exposures")
        .clone();
    assert_eq!(exposures.len(), 1, "{exposures:?}");
    assert_eq!(exposures[0]["from"], "2026-07-04T12:00:00Z");
    assert!(
        exposures[0]["to"]
            .as_str()
            .expect("an instant")
            .starts_with("2026-07-05T05:")
    );
}

/// What is being made cannot be restored: the scan says so, and so does the attestation over its pack.
#[test]
fn a_scan_and_the_attestation_over_its_pack_agree_on_what_is_being_made() {
    let mut july = July::new("25h", &[plan("daily", DAILY, 60, 35), table("ttt", BIG)]);
    july.pack_at("2026-07-10T12:00:00Z");
    let report = json_file(&july.bench.path("pack-1/report.json"));
    let findings = report["findings"].as_array().expect("findings");
    let fresh = findings
        .iter()
        .find(|finding| finding["rule"] == "recovery-point-fresh");
    assert_eq!(fresh.expect("a finding")["verdict"], "non-compliant");
    july.pack_at("2026-07-12T20:00:00Z");
    let (code, attestation) = july.attest("2026-07-09", "2026-07-11", &[]);
    assert_eq!(code, 10);
    let ttt = row(&attestation, "ttt");
    // From 25 h after the date of the data until the next point is complete, every day.
    assert_eq!(ttt["exposures"].as_array().map(Vec::len), Some(3), "{ttt}");
    assert!(ttt["exposures"][1]["from"].as_str().expect("an instant") < "2026-07-10T12:00:00Z");
    assert!(ttt["exposures"][1]["to"].as_str().expect("an instant") > "2026-07-10T12:00:00Z");
}

/// Every point is deleted by hand two hours after it was made. No pack can show that, and none shows that they stayed.
#[test]
fn what_rests_on_a_promise_is_said_and_strict_does_not_count_it() {
    let mut july = July::new("25h", &[plan("daily", DAILY, 60, 7), table("ttt", "")]);
    for day in 2..21 {
        july.at(&format!("2026-07-{day:02}T07:00:00Z"));
        july.delete_points();
    }
    july.pack_at("2026-07-28T12:00:00Z");
    let (code, attestation) = july.attest("2026-07-02", "2026-07-27", &[]);
    assert_eq!((code, &attestation["verdict"]), (0, &json!("covered-by-promise")));
    let ttt = row(&attestation, "ttt");
    assert_eq!(ttt["verdict"], "covered-by-promise");
    assert_eq!(ttt["days"], format!("{}{}", "p".repeat(21), "c".repeat(5)));
    assert_eq!(attestation["totals"]["covered_by_promise"], 1);
    assert_eq!(
        attestation["totals"]["covered_by_promise_seconds"],
        seconds(ttt, "covered_by_promise")
    );
    assert!(
        attestation["by_promise"]
            .as_str()
            .expect("a sentence")
            .contains("of 1 table, 21 days of tables")
    );
    assert!(ttt["covered_percent"].as_f64().expect("a number") < 30.0);
    let (code, strict) = july.attest("2026-07-02", "2026-07-27", &["--strict"]);
    assert_eq!(
        (code, &strict["verdict"], &strict["strict"]),
        (11, &json!("not-observed"), &json!(true))
    );
    let all = row(&strict, "ttt");
    assert_eq!(seconds(all, "not_observed"), seconds(ttt, "covered_by_promise"));
    assert_eq!(all["days"], format!("{}{}", "n".repeat(21), "c".repeat(5)));
}

/// The table is made anew in the start window of a run: whatever is said of either life is so.
#[test]
fn a_table_that_was_made_anew_while_a_job_waited_raises_no_false_alarm() {
    let mut july = July::new("6h", &[plan("daily", DAILY, 480, 1), table("ttt", "")]);
    july.at("2026-07-02T05:01:00Z");
    delete_table(&july.bench, "ttt");
    july.at("2026-07-02T05:01:05Z");
    july.create("ttt", "daily");
    july.pack_at("2026-07-12T12:00:00Z");
    let (_, attestation) = july.attest("2026-07-02", "2026-07-11", &[]);
    let [first, second] = rows(&attestation, "ttt")[..] else {
        panic!("{attestation}")
    };
    assert_eq!(
        (&first["verdict"], &first["exposures"]),
        (&json!("not-observed"), &json!([]))
    );
    assert_eq!(seconds(first, "covered") + seconds(first, "covered_by_promise"), 0);
    // Its first backup is of 08:16, and good for six hours.
    let exposed = second["exposures"][0]["from"].as_str().expect("an instant");
    assert!(exposed.starts_with("2026-07-02T14:1"), "{second}");
}

/// The ends of a gap are known as well as the jobs that tell of them: 68 hours and some seconds.
#[test]
fn the_longest_gap_is_an_interval() {
    let mut july = July::new("24h", &[plan("daily", DAILY, 480, 1), table("ttt", "")]);
    july.at("2026-07-10T12:00:00Z");
    let job = json!({
        "BackupVaultName": "v",
        "ResourceArn": "arn:aws:dynamodb:eu-west-1:111122223333:table/ttt",
        "IamRoleArn": "arn:aws:iam::111122223333:role/service-role/AWSBackupDefaultServiceRole",
    });
    backup(&july.bench, "PUT /backup-jobs", &job);
    let (plan, selection) = july.take_selection_away();
    july.at("2026-07-12T12:00:00Z");
    backup(
        &july.bench,
        &format!("PUT /backup/plans/{plan}/selections/"),
        &selection,
    );
    july.pack_at("2026-07-17T12:00:00Z");
    let (_, attestation) = july.attest("2026-07-05", "2026-07-16", &[]);
    let gap = &row(&attestation, "ttt")["longest_gap"];
    let of = |end: &str| gap[end].as_u64().expect("seconds");
    assert!(of("at_least") < of("at_most"), "{gap}");
    assert!(of("at_least") > 68 * 3600 && of("at_most") < 69 * 3600, "{gap}");
    assert_eq!(
        (&gap["certain"], &gap["began_before_period"]),
        (&json!(false), &json!(false))
    );
}

/// A job that runs at the hour of the scan makes the point that this scan lists, and no other one for a month.
#[test]
fn a_job_that_runs_during_a_scan_blanks_nothing() {
    let of = |hour: &str| {
        let mut july = July::new("24h", &[plan("daily", DAILY, 60, 7), table("ttt", BIG)]);
        july.pack_at(&format!("2026-07-02T{hour}:00:00Z"));
        july.at("2026-07-02T21:00:00Z");
        july.take_selection_away();
        july.pack_at("2026-08-07T12:00:00Z");
        let (code, attestation) = july.attest("2026-07-10", "2026-08-06", &[]);
        assert_eq!(code, 10);
        row(&attestation, "ttt")["exposures"].clone()
    };
    let while_it_runs = of("06");
    assert_eq!(while_it_runs[0]["from"], "2026-07-10T12:00:00Z");
    assert_eq!(while_it_runs[0]["to"], "2026-08-07T00:00:00Z");
    assert_eq!(while_it_runs, of("20"));
}
