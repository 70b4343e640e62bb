//! What has to hold in every world, tried on random ones.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use serde_json::Value;

use super::{ACCOUNT, OTHER_REGION, REGION, Sim, instant};
use crate::world::World;

/// A random world: plans with all kinds of windows and retentions, and events that disturb them.
fn worlds() -> impl Strategy<Value = String> {
    let rule = (0u32..24, 1u32..3, 1i64..40, prop::bool::ANY, prop::bool::ANY);
    let plans = prop::collection::vec(prop::collection::vec(rule, 1..4), 1..4);
    let event = (1i64..40, 0usize..9, 1i64..40);
    (plans, prop::collection::vec(event, 0..8)).prop_map(|(plans, events)| text(&plans, &events))
}

type Rules = Vec<(u32, u32, i64, bool, bool)>;

fn text(plans: &[Rules], events: &[(i64, usize, i64)]) -> String {
    let home = format!("account = \"{ACCOUNT}\"\nregion = \"{REGION}\"\n");
    let mut text = format!(
        "now = \"2026-11-20T12:00:00Z\"\nfrozen = true\nhistory-days = 45\n[[account]]\nid = \"{ACCOUNT}\"\nregions = [\"{REGION}\", \"{OTHER_REGION}\"]\n\
         [[vault]]\n{home}name = \"v1\"\n[[vault]]\n{home}name = \"locked\"\nlock = \"governance\"\nmin-days = 5\nmax-days = 30\n\
         [[vault]]\naccount = \"{ACCOUNT}\"\nregion = \"{OTHER_REGION}\"\nname = \"dr\"\n"
    );
    for (n, age) in [400, 30, 2].iter().enumerate() {
        text += &format!(
            "[[table]]\n{home}name = \"Table{n}\"\ncreated-days-ago = {age}\nsize-bytes = {}\n",
            10u64.pow(10 + n as u32)
        );
    }
    for (n, rules) in plans.iter().enumerate() {
        text += &format!("[[plan]]\n{home}name = \"plan{n}\"\n");
        for (r, (hour, every, days, locked, copied)) in rules.iter().enumerate() {
            let vault = if *locked { "locked" } else { "v1" };
            text += &format!(
                "[[plan.rule]]\nname = \"rule{r}\"\nvault = \"{vault}\"\nschedule = \"cron(0 {hour}/{} ? * * *)\"\nstart-window-minutes = {}\ndelete-after-days = {days}\n",
                every * 7,
                every * 60
            );
            if *copied {
                text += &format!(
                    "copy-to = [{{ vault-arn = \"arn:aws:backup:{OTHER_REGION}:{ACCOUNT}:backup-vault:dr\" }}]\n"
                );
            }
        }
        text += "[[plan.selection]]\nname = \"s\"\nresources = [\"arn:aws:dynamodb:*:*:table/*\"]\n";
    }
    for (at, kind, until) in events {
        let (what, more) = match kind {
            0 => ("delete-table", "table = \"Table0\"".to_owned()),
            1 => ("create-table", "table = \"Table0\"".to_owned()),
            2 => ("break-role", String::new()),
            3 => ("mend-role", String::new()),
            4 => ("advanced-off", String::new()),
            5 => ("advanced-on", String::new()),
            6 => ("fail-jobs", format!("table = \"Table1\"\nuntil = \"{until}d\"")),
            7 => (
                "on-demand-backup",
                "table = \"*\"\nvault = \"v1\"\ndelete-after-days = 20".to_owned(),
            ),
            _ => ("delete-recovery-points", format!("older-than = \"{until}d\"")),
        };
        text += &format!("[[event]]\n{home}at = \"{at}d\"\ndo = \"{what}\"\n{more}\n");
    }
    text
}

/// From the start of a job to its end.
type Span = (DateTime<Utc>, DateTime<Utc>);

/// Checks one world in one place at one moment.
fn check(sim: &mut Sim) {
    let now = sim.now();
    let points: BTreeMap<String, Value> = ["v1", "locked"]
        .into_iter()
        .flat_map(|vault| sim.points(vault))
        .map(|point| (point["RecoveryPointArn"].as_str().unwrap().to_owned(), point))
        .collect();
    let mut made: BTreeMap<String, usize> = BTreeMap::new();
    let mut spans: BTreeMap<String, Vec<Span>> = BTreeMap::new();
    for job in all_jobs(sim) {
        let state = job["State"].as_str().unwrap();
        if matches!(state, "COMPLETED" | "RUNNING") {
            let arn = job["RecoveryPointArn"].as_str().unwrap().to_owned();
            let status = points.get(&arn).map(|point| point["Status"].as_str().unwrap());
            // A completed job's point is there, or it was deleted: by its lifecycle or by hand.
            assert_eq!(status == Some("CREATING"), state == "RUNNING", "{job}");
            *made.entry(arn).or_default() += 1;
            let span = (
                instant(&job["InitiationDate"]),
                job["CompletionDate"]
                    .as_f64()
                    .map_or(now, |_| instant(&job["CompletionDate"])),
            );
            spans
                .entry(job["ResourceArn"].as_str().unwrap().to_owned())
                .or_default()
                .push(span);
            assert!(
                span.0 >= instant(&job["CreationDate"]) && span.0 <= instant(&job["StartBy"]),
                "{job}"
            );
        } else {
            assert!(job["RecoveryPointArn"].is_null() || state == "CREATED", "{job}");
        }
        if !matches!(state, "COMPLETED" | "RUNNING" | "CREATED") {
            assert!(
                !job["StatusMessage"].is_null() && !job["CompletionDate"].is_null(),
                "{job}"
            );
        }
    }
    assert!(made.values().all(|count| *count == 1));
    for spans in spans.values_mut() {
        spans.sort();
        assert!(
            spans.windows(2).all(|pair| pair[0].1 <= pair[1].0),
            "two jobs of a table at once"
        );
    }
    for (arn, point) in &points {
        check_point(sim, arn, point, now, made.contains_key(arn));
    }
}

fn check_point(sim: &mut Sim, arn: &str, point: &Value, now: DateTime<Utc>, made: bool) {
    let created = instant(&point["CreationDate"]);
    assert!(created <= now);
    assert!(
        made || created < now - TimeDelta::days(29),
        "a point without a job: {point}"
    );
    let delete_at = point["CalculatedLifecycle"]["DeleteAt"]
        .as_f64()
        .map(|_| instant(&point["CalculatedLifecycle"]["DeleteAt"]));
    let days = point["Lifecycle"]["DeleteAfterDays"].as_i64();
    assert_eq!(delete_at, days.map(|days| created + TimeDelta::days(days)), "{point}");
    match point["Status"].as_str().unwrap() {
        "EXPIRED" => assert!(!point["StatusMessage"].is_null()),
        "COMPLETED" => assert!(
            delete_at.is_none_or(|at| at + TimeDelta::hours(8) >= now),
            "overdue: {point}"
        ),
        other => assert_eq!(other, "CREATING"),
    }
    if point["BackupVaultName"] == "locked" {
        assert!((5..=30).contains(&days.unwrap()), "{point}");
    }
    assert_eq!(arn.contains(":backup:"), !point["EncryptionKeyArn"].is_null());
    // No point is older than the first life of its table. Table0 may have been created again, so it is left out.
    let name = point["ResourceName"].as_str().unwrap();
    if let Some(table) = sim
        .cloud
        .place_mut(ACCOUNT, REGION)
        .dynamodb
        .table(name)
        .filter(|_| name != "Table0")
    {
        assert!(created >= table.created_at, "{point}");
    }
}

fn all_jobs(sim: &mut Sim) -> Vec<Value> {
    let mut jobs = Vec::new();
    let mut token = String::new();
    loop {
        let page = sim.get(&format!("/backup-jobs/?maxResults=1000{token}"));
        jobs.extend(page["BackupJobs"].as_array().unwrap().iter().cloned());
        match page["NextToken"].as_str() {
            Some(next) => token = format!("&nextToken={}", super::enc(next)),
            None => return jobs,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_nothing_comes_from_nowhere(text in worlds()) {
        let world = World::parse(&text, "random").unwrap_or_else(|problems| panic!("{problems:#?}\n{text}"));
        let mut sim = Sim { cloud: world.build().0, account: ACCOUNT, region: REGION };
        check(&mut sim);
        sim.pass(TimeDelta::days(3));
        check(&mut sim);
        // Copies keep the date of their source and never outlive what was asked for.
        sim.region = OTHER_REGION;
        for point in sim.points("dr") {
            prop_assert!(point["SourceBackupVaultArn"].is_string());
            prop_assert!(instant(&point["CreationDate"]) <= instant(&point["CompletionDate"]));
            let at = instant(&point["CalculatedLifecycle"]["DeleteAt"]);
            prop_assert!(at + TimeDelta::hours(8) >= sim.now() || point["Status"] == "EXPIRED");
        }
    }
}
