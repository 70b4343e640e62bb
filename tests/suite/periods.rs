//! The smallest worlds in which a proof over a period once said something else than the truth, each with the right value.

use serde_json::{Value, json};

use crate::common::aws::{backup, delete_table, switch_key};
use crate::common::evidence::{copy, manifest_of, reseal};
use crate::common::months::{Months, row, rows};
use crate::common::worlds::world;
use crate::common::{json_file, refused};

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

/// A world that stands at noon of 1 July 2026, and its first pack.
struct July(Months);

impl std::ops::Deref for July {
    type Target = Months;

    fn deref(&self) -> &Months {
        &self.0
    }
}

impl std::ops::DerefMut for July {
    fn deref_mut(&mut self) -> &mut Months {
        &mut self.0
    }
}

/// An RPO, and nothing else that a point may fail.
fn rpo(rpo: &str) -> String {
    format!("[policy]\nrpo = \"{rpo}\"\nretention-min = \"1d\"\n")
}

impl July {
    fn new(rpo: &str, more: &[String]) -> Self {
        let mut july = Self::unseen(rpo, more);
        july.pack();
        july
    }

    fn unseen(of: &str, more: &[String]) -> Self {
        let world = format!(
            "now = 2026-07-01T12:00:00Z\nfrozen = true\nhistory-days = 35\n[[account]]\nid = \"111122223333\"\n\
             regions = [\"eu-west-1\"]\n[[vault]]\n{PLACE}name = \"v\"\n{}",
            more.concat()
        );
        Self(Months::new(&world, &rpo(of)))
    }

    fn policy(&self, of: &str) {
        self.bench.write("backproof.toml", rpo(of));
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

    /// In governance mode.
    fn lock(&self) {
        let lock = json!({ "MinRetentionDays": 1 });
        backup(&self.bench, "PUT /backup-vaults/v/vault-lock", &lock);
    }

    /// The newest point is kept for so many days.
    fn keep_newest(&self, days: i64) {
        let points = backup(
            &self.bench,
            "GET /backup-vaults/v/recovery-points/?maxResults=1000",
            &Value::Null,
        );
        let points = points["RecoveryPoints"].as_array().expect("points").iter();
        let newest = points.max_by(|a, b| {
            a["CreationDate"]
                .as_f64()
                .partial_cmp(&b["CreationDate"].as_f64())
                .expect("dates")
        });
        let arn = newest.expect("a point")["RecoveryPointArn"]
            .as_str()
            .expect("an ARN")
            .replace(':', "%3A");
        let lifecycle = json!({ "Lifecycle": { "DeleteAfterDays": days } });
        backup(
            &self.bench,
            &format!("POST /backup-vaults/v/recovery-points/{arn}"),
            &lifecycle,
        );
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
    let (code, attestation) = july.attest("2026-07-03", "2026-07-19");
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
    let (code, attestation) = july.attest("2026-07-03", "2026-07-19");
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
    let (code, attestation) = july.attest("2026-07-03", "2026-07-19");
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
    let (code, attestation) = july.attest("2026-07-03", "2026-07-17");
    assert_eq!(code, 11);
    let old = row(&attestation, "old");
    assert_eq!(
        old["asked"],
        json!([{
            "from": "2026-07-03T00:00:00Z", "to": "2026-07-18T00:00:00Z", "rpo": "25h or 3d",
            "of_points": "usable, kept 1 d, encrypted, key works",
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
    let (code, attestation) = july.attest("2026-07-02", "2026-07-08");
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
    let (code, attestation) = july.attest("2026-07-09", "2026-07-11");
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
    let (code, attestation) = july.attest("2026-07-02", "2026-07-27");
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
    let more = ["--strict", "--format", "json", "--out", "-"];
    let ran = july.run(&july.packs, "2026-07-02", "2026-07-27", &more);
    let (code, strict) = (ran.code, ran.json());
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
    let (_, attestation) = july.attest("2026-07-02", "2026-07-11");
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
    let (_, attestation) = july.attest("2026-07-05", "2026-07-16");
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
        let (code, attestation) = july.attest("2026-07-10", "2026-08-06");
        assert_eq!(code, 10);
        row(&attestation, "ttt")["exposures"].clone()
    };
    let while_it_runs = of("06");
    assert_eq!(while_it_runs[0]["from"], "2026-07-10T12:00:00Z");
    assert_eq!(while_it_runs[0]["to"], "2026-08-07T00:00:00Z");
    assert_eq!(while_it_runs, of("20"));
}

/// Kept for a week where a month is asked for: every point is listed, and none counts.
#[test]
fn a_point_that_is_not_kept_long_enough_covers_nothing() {
    let plans = [
        plan("daily", DAILY, 60, 35),
        plan("brief", DAILY, 60, 7),
        table("long", ""),
        format!("[[table]]\n{PLACE}name = \"short\"\ntags = {{ backup = \"brief\" }}\n"),
        format!("[[table]]\n{PLACE}name = \"accepted\"\ntags = {{ backup = \"brief\" }}\n"),
    ];
    let mut july = July::unseen("25h", &plans);
    july.bench.write(
        "backproof.toml",
        "waivers = \"waivers.toml\"\n[policy]\nrpo = \"25h\"\nretention-min = \"35d\"\n",
    );
    let waiver = |tables: &str, demands: &str| {
        format!(
            "[[waiver]]\nrule = \"backed-up\"\ntables = \"{tables}\"\ndemands = {demands}\nreason = \"moves in August\"\n\
             requester = \"lead of billing\"\napprover = \"head of risk\"\napproved = 2026-06-01\nexpires = 2027-05-30\n\
             ticket = \"RISK-{tables}\"\nmax-tables = 1\n"
        )
    };
    let waivers = waiver("accepted", "[\"kept\"]") + &waiver("short", "[\"fresh\", \"usable\"]");
    july.bench.write("waivers.toml", waivers);
    july.pack();
    july.pack_at("2026-07-07T12:00:00Z");
    let (code, attestation) = july.attest("2026-07-02", "2026-07-06");
    assert_eq!(code, 10);
    assert_eq!(row(&attestation, "long")["verdict"], "proven");
    let short = row(&attestation, "short");
    assert_eq!(short["days"], "eeeee");
    assert_eq!(short["not_counted"], json!(["5 recovery points: kept 7 d"]));
    assert_eq!(
        short["asked"][0]["of_points"],
        "usable, kept 35 d, encrypted, key works"
    );
    // That it is old or missing was accepted, and neither is what is wrong.
    assert_eq!(
        (&short["waived"], &short["exposures"][0]["waivers"]),
        (&json!(false), &json!([]))
    );
    let accepted = row(&attestation, "accepted");
    assert_eq!(
        (&accepted["verdict"], &accepted["waived"]),
        (&json!("exposed"), &json!(true))
    );
    assert_eq!(accepted["exposures"][0]["waivers"], json!(["RISK-accepted"]));
}

/// A vault that is locked between two packs: before the first its points are not good, after the second they are.
#[test]
fn where_two_packs_differ_on_a_point_nothing_is_said_between_them() {
    let mut july = July::unseen("49h", &[plan("daily", DAILY, 60, 35), table("ttt", "")]);
    let policy = "[policy]\nrpo = \"49h\"\nvault-lock = \"governance\"\n";
    july.bench.write("backproof.toml", policy);
    july.pack();
    july.pack_at("2026-07-03T12:00:00Z");
    july.lock();
    july.pack_at("2026-07-04T03:00:00Z");
    july.pack_at("2026-07-06T12:00:00Z");
    let (code, attestation) = july.attest("2026-07-02", "2026-07-05");
    assert_eq!(code, 10);
    let ttt = row(&attestation, "ttt");
    assert_eq!(
        (&ttt["exposures"][0]["to"], &ttt["not_observed"][0]["to"]),
        (&json!("2026-07-03T12:00:00Z"), &json!("2026-07-04T03:00:00Z")),
        "{ttt}"
    );
    assert_eq!(seconds(ttt, "covered"), 45 * 3600);
}

/// Between its creation and the first pack that lists it a vault may have been locked, a retention changed, a key switched off.
#[test]
fn what_may_have_changed_before_the_first_pack_that_lists_a_point_is_not_said() {
    let plans = [plan("daily", DAILY, 60, 35), table("ttt", "")];
    let mut july = July::unseen("49h", &plans);
    let policy = "[policy]\nrpo = \"49h\"\nvault-lock = \"governance\"\n";
    july.bench.write("backproof.toml", policy);
    july.at("2026-07-08T12:00:00Z");
    july.lock();
    july.pack_at("2026-07-09T12:00:00Z");
    july.pack_at("2026-07-11T12:00:00Z");
    let (code, attestation) = july.attest("2026-07-05", "2026-07-10");
    let ttt = row(&attestation, "ttt");
    assert_eq!((code, &ttt["days"]), (11, &json!("nnnnnc")), "{ttt}");
    assert_eq!(seconds(ttt, "covered"), 36 * 3600);
    // A pack before, in which the vault was not locked: either may have been until the next one.
    let mut july = July::unseen("49h", &plans);
    july.bench.write("backproof.toml", policy);
    july.pack_at("2026-07-05T00:00:00Z");
    july.at("2026-07-08T12:00:00Z");
    july.lock();
    july.pack_at("2026-07-09T12:00:00Z");
    july.pack_at("2026-07-11T12:00:00Z");
    let (code, attestation) = july.attest("2026-07-04", "2026-07-10");
    let ttt = row(&attestation, "ttt");
    assert_eq!((code, &ttt["days"]), (11, &json!("nnnnnnc")), "{ttt}");
}

#[test]
fn a_lock_that_two_packs_show_covers_the_points_between_them() {
    let mut july = July::unseen("49h", &[plan("daily", DAILY, 60, 35), table("ttt", "")]);
    july.bench.write(
        "backproof.toml",
        "[policy]\nrpo = \"49h\"\nvault-lock = \"governance\"\n",
    );
    july.lock();
    july.pack();
    july.pack_at("2026-07-20T12:00:00Z");
    let (code, attestation) = july.attest("2026-07-02", "2026-07-19");
    assert_eq!((code, &attestation["verdict"]), (0, &json!("proven")));
}

/// Ten days by its plan, and a month since a person said so.
#[test]
fn a_retention_that_was_changed_counts_from_the_pack_that_shows_it() {
    let mut july = July::unseen("25h", &[plan("daily", DAILY, 60, 10), table("ttt", "")]);
    let policy = "[policy]\nrpo = \"25h\"\nretention-min = \"30d\"\n";
    july.bench.write("backproof.toml", policy);
    july.pack();
    july.at("2026-07-05T08:00:00Z");
    july.keep_newest(31);
    july.pack_at("2026-07-05T12:00:00Z");
    july.pack_at("2026-07-07T12:00:00Z");
    let (code, attestation) = july.attest("2026-07-05", "2026-07-06");
    let ttt = row(&attestation, "ttt");
    assert_eq!(code, 10);
    // The point of 05:16 may have been kept long enough from its completion on, and surely was from the pack on.
    assert!(
        ttt["exposures"][0]["to"]
            .as_str()
            .expect("an instant")
            .starts_with("2026-07-05T05:"),
        "{ttt}"
    );
    assert_eq!(ttt["not_observed"][0]["to"], "2026-07-05T12:00:00Z", "{ttt}");
    assert!((17 * 3600..19 * 3600).contains(&seconds(ttt, "covered")), "{ttt}");
}

/// A key that worked when a point was made, and does not when the first pack lists it.
#[test]
fn a_key_that_was_disabled_before_the_first_pack_exposes_from_that_pack_on() {
    let place = PLACE.to_owned();
    let key = format!("[[key]]\n{place}name = \"vault-key\"\n");
    let vault = format!("[[vault]]\n{place}name = \"keyed\"\nkey = \"vault-key\"\n");
    let daily = plan("daily", DAILY, 60, 35).replace("\"v\"", "\"keyed\"");
    let mut july = July::unseen("25h", &[key, vault, daily, table("ttt", "")]);
    july.pack();
    july.at("2026-07-03T10:00:00Z");
    switch_key(&july.bench, "vault-key", false);
    july.pack_at("2026-07-03T16:00:00Z");
    july.pack_at("2026-07-03T22:00:00Z");
    july.at("2026-07-04T01:00:00Z");
    switch_key(&july.bench, "vault-key", true);
    july.pack_at("2026-07-05T12:00:00Z");
    let (code, attestation) = july.attest("2026-07-02", "2026-07-04");
    let ttt = row(&attestation, "ttt");
    assert_eq!(code, 10);
    assert_eq!(
        ttt["exposures"]
            .as_array()
            .map(|all| (all.len(), all[0]["from"].clone(), all[0]["to"].clone())),
        Some((1, json!("2026-07-03T16:00:00Z"), json!("2026-07-03T22:00:00Z"))),
        "{ttt}"
    );
    // When the next point was complete its key worked again.
    assert_eq!(ttt["not_observed"].as_array().map(Vec::len), Some(2), "{ttt}");
    assert!(
        ttt["not_observed"][1]["to"]
            .as_str()
            .expect("an instant")
            .starts_with("2026-07-04T05:"),
        "{ttt}"
    );
}

/// Only of the newest native point DynamoDB is asked for the key.
#[test]
fn the_key_of_a_native_point_between_two_others_is_believed() {
    let native = "[settings.\"111122223333/eu-west-1\"]\ndynamodb-advanced = false\n".to_owned();
    let mut july = July::new("25h", &[native, plan("daily", DAILY, 60, 35), table("ttt", "")]);
    july.pack_at("2026-07-08T12:00:00Z");
    let (code, attestation) = july.attest("2026-07-02", "2026-07-07");
    let ttt = row(&attestation, "ttt");
    assert_eq!((code, &ttt["verdict"]), (0, &json!("covered-by-promise")), "{ttt}");
    assert_eq!(ttt["days"], "pppppp");
    july.packs.pop();
    let (code, attestation) = july.attest("2026-06-20", "2026-06-30");
    let ttt = row(&attestation, "ttt");
    assert_eq!((code, &ttt["days"]), (11, &json!("n".repeat(11))));
    assert_eq!(
        ttt["not_counted"],
        json!(["11 recovery points: not known: whether their key works"])
    );
}

/// Copies that packs list stand for points at home that are too old, and those in a vault that is not locked do not.
#[test]
fn copies_elsewhere_are_followed_from_pack_to_pack() {
    let daily = plan("daily", EVERY_SECOND_DAY, 60, 35).replace(
        "[[plan.selection]]",
        "copy-to = [{ vault-arn = \"arn:aws:backup:us-east-1:{account}:backup-vault:dr\", delete-after-days = 35 }]\n\
         [[plan.selection]]",
    );
    let world = format!(
        "now = 2026-07-01T12:00:00Z\nfrozen = true\nhistory-days = 35\n[[account]]\nid = \"111122223333\"\n\
         regions = [\"eu-west-1\", \"us-east-1\"]\n[[vault]]\n{PLACE}name = \"v\"\n\
         [[vault]]\naccount = \"111122223333\"\nregion = \"us-east-1\"\nname = \"dr\"\nlock = \"governance\"\n{daily}{}",
        table("ttt", "")
    );
    let days = |policy: &str| {
        let mut july = Months::new(&world, &(rpo("25h") + policy));
        july.pack();
        july.pack_at("2026-07-08T12:00:00Z");
        let (code, attestation) = july.attest("2026-07-02", "2026-07-07");
        let ttt = row(&attestation, "ttt");
        (code, ttt["days"].as_str().expect("days").to_owned())
    };
    assert_eq!(days(""), (10, "eeeeee".to_owned()));
    // Twice the limit by default, and the next point is complete soon after the copy is too old.
    assert_eq!(days("accept-copies = true\n"), (0, "cccccc".to_owned()));
    assert_eq!(
        days("accept-copies = true\ncopy = { vault-lock = \"governance\" }\n").1,
        "cccccc"
    );
    for unmet in [
        "vault-lock = \"compliance\"",
        "rpo = \"20h\"",
        "retention-min = \"60d\"",
    ] {
        let policy = format!("accept-copies = true\ncopy = {{ {unmet} }}\n");
        assert_eq!(days(&policy), (11, "nnnnnn".to_owned()), "{unmet}");
    }
}

/// No pack lists a copy, and one that none could list may have stood for the point that was missing.
#[test]
fn where_copies_are_accepted_no_time_is_exposed() {
    let mut july = July::unseen("25h", &[plan("daily", EVERY_SECOND_DAY, 60, 35), table("ttt", "")]);
    july.bench
        .write("backproof.toml", rpo("25h") + "accept-copies = true\n");
    july.pack();
    july.pack_at("2026-07-08T12:00:00Z");
    let (code, attestation) = july.attest("2026-07-02", "2026-07-07");
    let ttt = row(&attestation, "ttt");
    assert_eq!((code, &ttt["exposures"]), (11, &json!([])));
    assert_eq!(ttt["days"], "nnnnnn");
    let said = ttt["asked"][0]["of_points"].as_str().expect("words");
    assert!(said.ends_with("or a copy elsewhere"), "{said}");
}

fn notes(attestation: &Value) -> Vec<&str> {
    let notes = attestation["notes"].as_array().expect("notes");
    notes.iter().filter_map(Value::as_str).collect()
}

const JSON: [&str; 4] = ["--format", "json", "--out", "-"];

/// The same world in another account, an hour later, with a table `theirs` in place of `ttt`, and its first pack.
fn of_others(world: &[String]) -> Months {
    let theirs = format!(
        "now = 2026-07-01T13:00:00Z\nfrozen = true\nhistory-days = 35\n[[account]]\nid = \"111122223333\"\n\
         regions = [\"eu-west-1\"]\n[[vault]]\n{PLACE}name = \"v\"\n{}",
        world.concat()
    );
    let theirs = theirs
        .replace("111122223333", "444455556666")
        .replace("\"ttt\"", "\"theirs\"");
    let mut others = Months::new(&theirs, &rpo("6h"));
    others.pack();
    others
}

#[test]
fn packs_of_two_organisations_are_told_and_keep_their_policies() {
    let world = [plan("daily", DAILY, 60, 35), table("ttt", "")];
    let mut july = July::new("25h", &world);
    let others = of_others(&world);
    let packs = [july.packs[0].clone(), others.bench.path("pack-0").display().to_string()];
    let ran = july.run(&packs, "2026-06-25", "2026-06-30", &JSON);
    let attestation = ran.json();
    assert_eq!(ran.code, 10);
    assert!(
        notes(&attestation)[0].starts_with("The packs are of 2 groups of accounts"),
        "{attestation}"
    );
    for text in [
        "warning: the packs are of 2 groups",
        "111122223333; 444455556666",
        "attest the packs of each",
    ] {
        assert!(ran.stderr.contains(text), "{}", ran.stderr);
    }
    assert_eq!(attestation["policy_changes"], json!([]));
    assert_eq!(row(&attestation, "ttt")["asked"][0]["rpo"], "25h");
    assert_eq!(row(&attestation, "theirs")["asked"][0]["rpo"], "6h");
    july.pack_at("2026-07-02T12:00:00Z");
    assert_eq!(july.attest("2026-06-25", "2026-06-30").1["notes"], json!([]));
}

#[test]
fn a_ledger_with_packs_of_other_accounts_says_so() {
    let world = [plan("daily", DAILY, 60, 35), table("ttt", "")];
    let mut july = July::new("25h", &world);
    let others = of_others(&world);
    july.pack_at("2026-07-01T14:00:00Z");
    let ledger = july.bench.path("ledger").display().to_string();
    let attested = || {
        let args = [
            "attest",
            "--from",
            "2026-06-25",
            "--to",
            "2026-06-30",
            "--ledger",
            &ledger,
        ];
        let attestation = july.bench.run(&[&args[..], &JSON].concat()).json();
        attestation["ledger"]["of_others"].to_string()
    };
    let append = |months: &Months, pack: &str| {
        let ran = months.bench.run(&["ledger", "append", pack, "--ledger", &ledger]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    };
    append(&july, "pack-0");
    assert_eq!(attested(), "[]");
    append(&others, "pack-0");
    append(&july, "pack-1");
    let said = attested();
    for text in [
        "ack 2 is of other accounts (444455556666) than the pack before it",
        "ack 3 is of other accounts (111122223333) than the pack before it",
    ] {
        assert!(said.contains(text), "{said}");
    }
}

#[test]
fn packs_of_the_future_and_of_one_number_are_told() {
    let world = [plan("daily", DAILY, 60, 35), table("ttt", "")].concat();
    let later = format!(
        "now = 2099-07-01T12:00:00Z\nfrozen = true\nhistory-days = 35\n[[account]]\nid = \"111122223333\"\n\
         regions = [\"eu-west-1\"]\n[[vault]]\n{PLACE}name = \"v\"\n{world}"
    );
    let mut later = Months::new(&later, &rpo("25h"));
    later.pack();
    later.pack_at("2099-07-02T12:00:00Z");
    for pack in ["pack-0", "pack-1"] {
        reseal(&later.bench.path(pack), |manifest| {
            manifest.sequence = Some(7);
            manifest.previous = Some("0".repeat(64));
            manifest.sealed_at = Some(manifest.as_of);
        });
    }
    let ran = later.run(&later.packs, "2099-06-25", "2099-07-01", &JSON);
    let attestation = ran.json();
    assert_eq!(
        (ran.code, row(&attestation, "ttt")["verdict"].as_str()),
        (0, Some("proven")),
        "{}",
        ran.stderr
    );
    for text in [
        "warning: 2 packs are from the future",
        "its moment is 2099-07-02T12:00:00Z",
        "leave the pack out",
    ] {
        assert!(ran.stderr.contains(text), "{}", ran.stderr);
    }
    let [number] = notes(&attestation)[..] else {
        panic!("{attestation}")
    };
    assert!(
        number.starts_with("2 packs say that they are number 7 of a ledger"),
        "{number}"
    );
    // A file that no manifest names.
    std::fs::write(later.bench.path("pack-1/more.txt"), "more").expect("written");
    let ran = later.run(&later.packs, "2099-06-25", "2099-07-01", &JSON);
    refused(
        &ran,
        12,
        &["more.txt", "does not name this file", "nothing was attested"],
    );
}

/// What a scan that was still going on had listed is not gone because another one, begun meanwhile, did not list it.
#[test]
fn scans_that_overlap_are_told() {
    let mut july = July::new("25h", &[plan("daily", DAILY, 60, 35), table("ttt", "")]);
    july.pack_at("2026-07-01T13:00:00Z");
    let dir = july.bench.path("pack-0");
    let inventory = dir.join("inventory/inventory.json");
    let mut manifest = json_file(&inventory);
    let ended = manifest_of(&dir).started_at + chrono::TimeDelta::hours(3);
    manifest["finished_at"] = json!(ended);
    std::fs::remove_file(&inventory).expect("removed");
    std::fs::write(&inventory, manifest.to_string()).expect("written");
    reseal(&dir, |manifest| manifest.finished_at = ended);
    let ran = july.run(&july.packs, "2026-06-25", "2026-06-30", &JSON);
    let attestation = ran.json();
    assert_eq!(row(&attestation, "ttt")["verdict"], "proven");
    let [overlap] = notes(&attestation)[..] else {
        panic!("{} {attestation}", ran.stderr)
    };
    assert!(
        overlap.starts_with("1 pair of scans overlap in time (the pack of 2026-07-01T12:00:00Z and"),
        "{overlap}"
    );
}

/// Its policy asked for usable points alone.
#[test]
fn a_pack_of_schema_1_is_judged_by_usable_points_and_that_is_told() {
    let mut november = Months::new(&world(""), "[policy]\nrpo = \"25h\"\nretention-min = \"60d\"\n");
    november.pack_at("2026-11-02T12:00:00Z");
    copy(
        std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packs/schema-1")),
        &november.bench.path("old"),
    );
    november.packs.push("old".to_owned());
    let ran = november.run(&november.packs, "2026-10-28", "2026-10-31", &JSON);
    let attestation = ran.json();
    let told = "1 of 2 packs is of an earlier schema, whose policy asked for usable recovery points alone";
    assert!(notes(&attestation)[0].starts_with(told), "{attestation}");
    let orders = row(&attestation, "orders");
    assert_eq!(orders["asked"][0]["of_points"], "usable");
    let ran = november.run(
        &november.packs,
        "2026-10-28",
        "2026-10-31",
        &["--format", "html,pdf", "--out", "two"],
    );
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    let page = std::fs::read_to_string(november.bench.path("two/attestation.html")).expect("a page");
    assert!(page.contains(told));
}
