//! Proof over periods: months pass on the sandbox's clock, packs are written now and then, and `attest` has to tell each
//! table rightly from all of them.

use serde_json::json;

use crate::common::criteria::daily;
use crate::common::evidence::flip;
use crate::common::months::{Months, days, row, rows};
use crate::common::worlds::{elsewhere_too, file, table, with, world};
use crate::common::{self, Bench, json_file, refused};

/// The world stands at noon of 1 November 2026.
fn months(more: &str) -> Months {
    let months = Months::new(&world(more), &policy());
    months.bench.write("waivers.toml", "");
    months
}

/// A point is complete a while after the date of its data, so a daily plan cannot keep an RPO of 24 h to the second.
fn policy() -> String {
    let daily = with(&daily(), "rpo = \"24h\"", "rpo = \"25h\"");
    let daily = with(&daily, "rpo = \"26h\"", "rpo = \"26h\"\nretention-min = \"1d\"");
    format!("waivers = \"waivers.toml\"\n{daily}")
}

const DAILY: &str = "tags = { backup = \"daily\" }";

const WAIVERS: &str = r#"
[[waiver]]
rule = "recovery-point-gap-within-rpo"
tables = "accepted"
reason = "moved to another store in October"
requester = "lead of billing"
approver = "head of risk"
approved = 2026-10-01
expires = 2027-09-30
ticket = "RISK-77"
max-tables = 1
"#;

/// November with packs at its beginning, in its middle, and after its end.
fn november() -> Months {
    let more = [
        file("brief"),
        file("unlucky"),
        table("reborn", DAILY),
        table("doomed", DAILY),
    ];
    let mut months = months(&more.concat());
    months.bench.write("waivers.toml", WAIVERS);
    months.pack();
    months.at("2026-11-05T12:00:00Z");
    months.create("newborn", "daily");
    months.create("ghost", "daily");
    months.at("2026-11-08T12:00:00Z");
    months.delete("ghost");
    months.delete("reborn");
    months.at("2026-11-10T12:00:00Z");
    months.create("reborn", "daily");
    months.pack_at("2026-11-15T12:00:00Z");
    months.at("2026-11-18T12:00:00Z");
    months.delete("newborn");
    months.delete("doomed");
    months.pack_at("2026-12-01T12:00:00Z");
    months
}

/// One test for all that can be asked of the same packs: they take long to make.
#[test]
fn months_are_told_from_packs() {
    let mut months = november();
    a_month_with_packs_around_it_is_told_table_by_table(&months);
    tables_that_were_born_deleted_and_born_again_are_told_apart(&months);
    what_failed_what_followed_and_what_was_accepted(&months);
    after_the_newest_pack_nothing_is_known(&months);
    packs_in_any_order_give_the_same_bytes(&months);
    one_pack_says_what_the_report_of_its_scan_says(&months);
    a_time_that_no_pack_reaches_is_not_observed(&mut months);
}

fn a_month_with_packs_around_it_is_told_table_by_table(months: &Months) {
    let (code, attestation) = months.attest("2026-11-01", "2026-11-30");
    assert_eq!(code, 10);
    assert_eq!(attestation["verdict"], "exposed");

    // Never backed up. Every moment from the first on is known: the first pack answers for the 29 days before it.
    assert_eq!(row(&attestation, "forgotten")["verdict"], "exposed");
    assert_eq!(days(&attestation, "forgotten"), "e".repeat(30));
    assert_eq!(row(&attestation, "forgotten")["covered_percent"], 0.0);

    let orders = row(&attestation, "orders");
    assert_eq!(orders["verdict"], "proven");
    assert_eq!(days(&attestation, "orders"), "c".repeat(30));
    assert_eq!(orders["covered_percent"], 100.0);
    assert_eq!(orders["longest_gap"]["at_most"], 86_400);
    assert_eq!(orders["longest_gap"]["certain"], true);
    assert_eq!(orders["recovery_points"], 30);
    assert_eq!(orders["failed_runs"], json!([]));
    assert_eq!(orders["asked"][0]["rpo"], "25h");
    assert!(orders["deleted"].is_null());

    // Its points are gone after three days, long before the next pack: jobs and plan tell that they were there, if they stayed
    // as long as the plan promised.
    assert_eq!(row(&attestation, "brief")["verdict"], "covered-by-promise");
    assert_eq!(days(&attestation, "brief")[27..], *"ppc");
    assert_eq!(row(&attestation, "brief")["asked"][0]["rpo"], "26h");

    assert_eq!(row(&attestation, "tmp-1")["verdict"], "exempt");
    assert_eq!(days(&attestation, "tmp-1"), "x".repeat(30));

    // Created and deleted between packs, and backed up in between: its points speak of it, and nothing else is known.
    assert!(rows(&attestation, "ghost").is_empty());
    let unlisted = &attestation["unlisted_tables"];
    assert_eq!(
        unlisted[0]["table_arn"],
        "arn:aws:dynamodb:eu-west-1:111122223333:table/ghost"
    );
    assert_eq!(unlisted.as_array().expect("a list").len(), 1);
}

fn tables_that_were_born_deleted_and_born_again_are_told_apart(months: &Months) {
    let (_, attestation) = months.attest("2026-11-01", "2026-11-30");
    // Born on the 5th, seen on the 15th, not there any more on 1 December. The points from the 16th to the 18th may be of
    // another table of its name: what was made after a table was last seen covers nothing.
    let newborn = row(&attestation, "newborn");
    assert_eq!(newborn["created_at"], "2026-11-05T12:00:00Z");
    let deleted = &newborn["deleted"];
    assert_eq!(deleted["after"], "2026-11-15T12:00:00Z");
    assert_eq!(deleted["by"], "2026-12-01T12:00:00Z");
    assert_eq!(
        days(&attestation, "newborn"),
        format!("----{}{}", "c".repeat(10), "n".repeat(16))
    );
    assert_eq!(newborn["undecided_recovery_points"], 3);
    assert_eq!(newborn["verdict"], "not-observed");
    assert_eq!(newborn["exposures"], json!([]));

    let doomed = row(&attestation, "doomed");
    assert_eq!(doomed["verdict"], "not-observed");
    assert_eq!(
        days(&attestation, "doomed"),
        format!("{}{}", "c".repeat(14), "n".repeat(16))
    );

    // Two tables of one name: the first was there until the second was born, at the latest.
    let [first, second] = rows(&attestation, "reborn")[..] else {
        panic!("{attestation}")
    };
    assert_eq!(first["table_arn"], second["table_arn"]);
    assert_ne!(first["table_id"], second["table_id"]);
    assert_eq!(first["deleted"]["by"], "2026-11-10T12:00:00Z");
    assert_eq!(first["deleted"]["after"], "2026-11-01T12:00:00Z");
    assert_eq!(first["days"], format!("{}{}", "n".repeat(10), "-".repeat(20)));
    assert_eq!(second["created_at"], "2026-11-10T12:00:00Z");
    assert_eq!(second["verdict"], "proven");
    assert_eq!(second["days"], format!("{}{}", "-".repeat(9), "c".repeat(21)));
}

fn what_failed_what_followed_and_what_was_accepted(months: &Months) {
    // The first pack answers for the 29 days before it: from noon of 3 October.
    let (code, attestation) = months.attest("2026-10-10", "2026-10-31");
    assert_eq!(code, 10);
    let unlucky = row(&attestation, "unlucky");
    assert_eq!(unlucky["verdict"], "exposed");
    assert_eq!(unlucky["waived"], false);
    assert_eq!(
        days(&attestation, "unlucky"),
        format!("{}eeee{}", "c".repeat(13), "c".repeat(5))
    );
    let [exposure] = unlucky["exposures"].as_array().expect("exposures").as_slice() else {
        panic!("{unlucky}")
    };
    // The point of the 22nd is too old 25 hours later; that of the 26th is the next, once it is complete.
    let from = exposure["from"].as_str().expect("an instant");
    assert!(from.starts_with("2026-10-23T06:"), "{exposure}");
    let seconds = exposure["seconds"].as_u64().expect("seconds");
    assert!((3 * 86_400 - 3600..3 * 86_400).contains(&seconds), "{exposure}");
    assert_eq!(unlucky["longest_gap"]["at_most"], 4 * 86_400);
    let failed = unlucky["failed_runs"].as_array().expect("failed runs");
    assert_eq!(failed.len(), 3);
    assert_eq!(failed[0]["state"], "FAILED");
    assert_eq!(failed[0]["cause"], "the role is gone");
    // It stands beside the exposure that it made.
    assert_eq!(exposure["causes"][0]["cause"], "the role is gone", "{exposure}");
    let next = failed[0]["next_success_at"].as_str().expect("an instant");
    assert_eq!(next[..14], exposure["to"].as_str().expect("an instant")[..14]);

    // The same, under a waiver that was approved before and still held.
    let accepted = row(&attestation, "accepted");
    assert_eq!(accepted["verdict"], "exposed");
    assert_eq!(accepted["waived"], true);
    assert_eq!(accepted["exposures"][0]["waivers"], json!(["RISK-77"]));
    assert_eq!(accepted["waivers"][0]["approver"], "head of risk");
    assert_eq!(attestation["totals"]["waived"], 1);
}

fn a_time_that_no_pack_reaches_is_not_observed(months: &mut Months) {
    months.pack_at("2027-02-01T12:00:00Z");
    let (_, attestation) = months.attest("2026-11-15", "2027-01-31");
    // Points are kept for 35 days: the pack of February still lists those from 28 December on. What was made before and
    // after 1 December is gone, and AWS has forgotten its jobs; what the pack of that day saw, nobody saw again.
    let orders = row(&attestation, "orders");
    assert_eq!(orders["verdict"], "not-observed");
    assert_eq!(orders["exposures"], json!([]));
    assert_eq!(
        days(&attestation, "orders"),
        format!("{}p{}{}", "c".repeat(16), "n".repeat(27), "c".repeat(34))
    );
    assert_eq!(orders["covered_percent_of_observed"], 100.0);
    // The jobs of the 29 days before February show that nothing was made, and before that nothing shows anything.
    let forgotten = days(&attestation, "forgotten");
    assert_eq!(
        forgotten,
        format!("{}{}{}", "e".repeat(17), "n".repeat(33), "e".repeat(28))
    );
    assert_eq!(orders["not_observed"].as_array().expect("intervals").len(), 1);
}

fn after_the_newest_pack_nothing_is_known(months: &Months) {
    let (code, attestation) = months.attest("2026-11-28", "2026-12-03");
    assert_eq!(code, 10);
    assert_eq!(days(&attestation, "orders"), "cccnnn");
    assert_eq!(days(&attestation, "forgotten"), "eeeenn");
    let (_, attestation) = months.attest_with(&months.packs[..1], "2026-10-30", "2026-11-01");
    assert_eq!(days(&attestation, "orders"), "ccn");
}

fn packs_in_any_order_give_the_same_bytes(months: &Months) {
    let formats = [
        "attestation.pdf",
        "attestation.html",
        "attestation.json",
        "attestation-tables.csv",
    ];
    let ran = months.run(&months.packs, "2026-10-15", "2026-11-30", &["--out", "one"]);
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    let reversed: Vec<String> = months.packs.iter().rev().cloned().collect();
    let again = months.run(&reversed, "2026-10-15", "2026-11-30", &["--out", "two"]);
    assert_eq!(again.stdout, ran.stdout);
    for file in formats {
        let read = |folder: &str| std::fs::read(months.bench.path(folder).join(file)).expect(file);
        assert!(read("one") == read("two"), "{file}");
    }
    let page = std::fs::read_to_string(months.bench.path("one/attestation.html")).expect("a page");
    assert!(
        page.contains("also under the name of a table that was made anew since"),
        "tables that no pack lists"
    );
    // Nothing is overwritten.
    let third = months.run(&months.packs, "2026-10-15", "2026-11-30", &["--out", "two"]);
    assert_eq!(third.code, 1);
    assert!(
        third.stderr.contains("already holds `attestation-tables.csv`"),
        "{}",
        third.stderr
    );
}

fn one_pack_says_what_the_report_of_its_scan_says(months: &Months) {
    let report = json_file(&months.bench.path("pack-0/report.json"));
    let (_, attestation) = months.attest_with(&months.packs[..1], "2026-10-03", "2026-10-31");
    for table in report["tables"].as_array().expect("tables") {
        let name = table["table_name"].as_str().expect("a name");
        let letters = common::days(table).replace('.', "n");
        if letters.is_empty() {
            continue;
        }
        // The last day of the window is not over; and a scan calls not observed what rests on a promise.
        let said = days(&attestation, name).replace('p', "n");
        assert_eq!(said, letters[..29], "{name}");
    }
}

#[test]
fn a_change_of_policy_leaves_only_what_holds_under_both() {
    let mut months = months("");
    months.pack();
    months.pack_at("2026-11-05T12:00:00Z");
    months.bench.write("backproof.toml", "[policy]\nrpo = \"6h\"\n");
    months.pack_at("2026-11-10T12:00:00Z");
    months.pack_at("2026-11-15T12:00:00Z");
    let (_, attestation) = months.attest("2026-11-01", "2026-11-14");
    let asked: Vec<&str> = row(&attestation, "orders")["asked"]
        .as_array()
        .expect("stretches")
        .iter()
        .map(|stretch| stretch["rpo"].as_str().expect("words"))
        .collect();
    assert_eq!(asked, ["25h", "6h or 25h", "6h"]);
    // One point a day meets 25 h and not 6 h; in between nobody knows which was asked for.
    assert_eq!(days(&attestation, "orders"), "ccccnnnnneeeee");
    let change = &attestation["policy_changes"][0];
    let changed = attestation["policy_changes"].as_array().expect("changes");
    let rpo = changed.iter().find(|change| change["what"] == "rpo").unwrap_or(change);
    assert_eq!((&rpo["before"], &rpo["now"]), (&json!("25h"), &json!("6h")));
    assert_eq!(rpo["by"], "2026-11-10T12:00:00Z");
}

#[test]
fn a_vault_that_a_pack_could_not_read_hides_and_never_shows() {
    let mut months = months(&file("brief"));
    months.pack();
    let fault = r#"{"deny": "backup:ListRecoveryPointsByBackupVault", "resource": "*:backup-vault:Default"}"#;
    months.bench.fault(fault);
    months.pack_at("2026-11-12T12:00:00Z");
    let (_, attestation) = months.attest("2026-10-25", "2026-11-11");
    // Up to the pack that read the vault everything is known; after it only what the other vault shows.
    assert_eq!(
        days(&attestation, "orders"),
        format!("{}{}", "c".repeat(7), "n".repeat(11))
    );
    assert_eq!(
        days(&attestation, "forgotten"),
        format!("{}{}", "e".repeat(8), "n".repeat(10))
    );
    assert_eq!(row(&attestation, "brief")["exposures"], json!([]));
}

/// An account and Region in the scope of one pack alone, of another time: nobody knows which tables lived there.
#[test]
fn a_target_that_no_list_reaches_leaves_the_answer_open() {
    let mut months = months("");
    let world = with(&world(""), "name = \"forgotten\"", "name = \"tmp-forgotten\"");
    months.bench = Bench::new(&elsewhere_too(&world));
    months.bench.write("backproof.toml", policy());
    months.bench.write("waivers.toml", "");
    months.pack();
    for instant in ["2026-11-20T12:00:00Z", "2026-12-15T12:00:00Z", "2027-01-02T12:00:00Z"] {
        months.at(instant);
        months.pack_of(&["--regions", "eu-west-1"]);
    }
    let (code, narrow) = months.attest_with(&months.packs[1..], "2026-12-01", "2026-12-31");
    assert_eq!(
        (code, &narrow["verdict"]),
        (0, &json!("proven")),
        "{}",
        narrow["totals"]
    );
    let (code, attestation) = months.attest("2026-12-01", "2026-12-31");
    assert_eq!((code, &attestation["verdict"]), (11, &json!("not-observed")));
    let there = &attestation["targets"][0];
    assert_eq!(there["region"], "eu-central-1");
    assert_eq!(
        (&there["listed"], &there["unlisted_seconds"]),
        (&json!(1), &json!(31 * 86_400))
    );
    assert_eq!(attestation["targets"][1]["unlisted_seconds"], 0);
    let ran = months.run(&months.packs, "2026-12-01", "2026-12-31", &["--format", "html,pdf"]);
    assert_eq!(ran.code, 11);
    for text in [
        "Not proven throughout",
        "1 account-Region pair whose tables are not known",
        "Which tables lived in",
    ] {
        assert!(ran.stdout.contains(text), "{}", ran.stdout);
    }
    // Another list of it answers what was open.
    months.pack_at("2027-01-03T12:00:00Z");
    let (code, attestation) = months.attest("2026-12-01", "2026-12-31");
    assert_eq!((code, &attestation["verdict"]), (0, &json!("proven")));
}

/// A waiver that a pack does not show was not in force then, whatever day of approval it names later.
#[test]
fn a_waiver_that_was_written_after_the_fact_accepts_nothing() {
    let mut months = months(&file("unlucky"));
    months.pack();
    months.bench.write("waivers.toml", WAIVERS);
    months.pack_at("2026-11-10T12:00:00Z");
    let (code, attestation) = months.attest("2026-10-20", "2026-10-31");
    assert_eq!(code, 10);
    let accepted = row(&attestation, "accepted");
    assert_eq!(
        (&accepted["verdict"], &accepted["waived"]),
        (&json!("exposed"), &json!(false))
    );
    assert_eq!(accepted["exposures"][0]["waivers"], json!([]));
    let waiver = &accepted["waivers"][0];
    assert_eq!(waiver["approved_at"], "2026-10-01T00:00:00Z");
    assert_eq!(waiver["from"], "2026-11-01T12:00:00Z");
    let ran = months.run(
        &months.packs,
        "2026-10-20",
        "2026-10-31",
        &["--format", "html", "--out", "-"],
    );
    let told =
        "it says that it was approved on 2026-10-01T00:00:00Z, and the pack of 2026-11-01T12:00:00Z does not show it";
    assert!(ran.stdout.contains(told), "{}", ran.stdout);
    // Nothing contradicts it where no pack of the time before is given.
    let (_, attestation) = months.attest_with(&months.packs[1..], "2026-10-20", "2026-10-31");
    assert_eq!(row(&attestation, "accepted")["waived"], true);
}

#[test]
fn two_packs_of_one_moment_stand_together_if_they_ask_the_same() {
    let mut months = months("");
    months.pack();
    months.pack();
    let (_, attestation) = months.attest("2026-10-20", "2026-10-31");
    let scans = attestation["packs"].as_array().expect("packs");
    assert!(scans.iter().all(|pack| pack["as_of"] == "2026-11-01T12:00:00Z"));
    assert_eq!(days(&attestation, "orders"), "c".repeat(12));
    months.bench.write("backproof.toml", "[policy]\nrpo = \"6h\"\n");
    months.pack();
    let ran = months.run(&months.packs, "2026-10-20", "2026-10-31", &[]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("at the same moment, by two policies"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_pack_that_does_not_hold_is_refused_and_nothing_is_attested() {
    let mut months = months("");
    months.pack();
    months.pack_at("2026-11-10T12:00:00Z");
    flip(&months.bench.path("pack-1/inventory/recovery_points.parquet"));
    let ran = months.run(&months.packs, "2026-11-01", "2026-11-05", &["--out", "none"]);
    assert_eq!(ran.code, 12, "{}", ran.stderr);
    assert!(ran.stderr.contains("recovery_points.parquet"), "{}", ran.stderr);
    assert!(!months.bench.path("none/attestation.json").exists());
}

/// Of many tables the PDF writes out the worst, and groups the others: nobody reads a thousand sheets.
#[test]
fn the_pdf_of_many_tables_is_of_groups() {
    let many = table("many-{n}", "count = 320");
    let mut months = months(&many);
    months.pack();
    let ran = months.run(
        &months.packs,
        "2026-10-25",
        "2026-11-01",
        &["--format", "pdf", "--out", "pdf"],
    );
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    let file = lopdf::Document::load(months.bench.path("pdf/attestation.pdf")).expect("a PDF");
    let pages: Vec<u32> = file.get_pages().into_keys().collect();
    assert!(pages.len() < 40, "{} sheets", pages.len());
    let text = file
        .extract_text(&pages)
        .expect("text")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    for part in [
        "120 of 321 tables with exposures are written out",
        "Exposures of other tables",
        "forgotten and 320 more",
        "322 tables, by account and Region",
    ] {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

#[test]
fn mistakes_are_named() {
    let mut months = months("");
    months.packs.push("nowhere".to_owned());
    let ran = months.run(&months.packs, "2026-13-01", "soon", &["--format", "docx"]);
    let wrong = [
        "`2026-13-01` is not a day",
        "`soon` is not a day",
        "`docx` is not a format of attestations",
    ];
    refused(&ran, 2, &wrong);
    let ran = months.run(&months.packs, "2026-11-02", "2026-11-01", &[]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("before it begins"), "{}", ran.stderr);
    let ran = months.run(&months.packs, "2026-11-01", "2026-11-02", &["--out", "-"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("stdout takes exactly one file"), "{}", ran.stderr);
    let ran = months.run(&months.packs, "2026-11-01", "2026-11-02", &[]);
    assert!(ran.stderr.contains("this is no pack"), "{}", ran.stderr);
    assert_eq!(ran.code, 2);

    months.packs = Vec::new();
    months.pack();
    months.packs.push("pack-0".to_owned());
    // The same pack twice is one pack.
    let (_, attestation) = months.attest("2026-10-30", "2026-10-30");
    assert_eq!(attestation["packs"].as_array().expect("packs").len(), 1);
    // Long before any table.
    let ran = months.run(&months.packs, "2020-01-01", "2020-01-02", &[]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("no table lived in this period"), "{}", ran.stderr);
}
