//! Worlds whose plans run through months, and what is left of it.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{ACCOUNT, OTHER_REGION, REGION, Sim, enc, instant, table_arn};
use crate::world::World;

const NOW: &str = "2026-11-20T12:00:00Z";

/// A world of one account with the vault `v1` and the table `Orders`, and whatever else is wanted.
fn world(more: &str) -> Sim {
    let text = format!(
        r#"
now = "{NOW}"
frozen = true
[[account]]
id = "{ACCOUNT}"
regions = ["{REGION}", "{OTHER_REGION}"]
[[key]]
account = "{ACCOUNT}"
region = "{REGION}"
name = "mine"
[[table]]
account = "{ACCOUNT}"
region = "{REGION}"
name = "Orders"
tags = {{ backup = "daily" }}
[[table]]
account = "{ACCOUNT}"
region = "{REGION}"
name = "Bills"
encryption = "mine"
[[vault]]
account = "{ACCOUNT}"
region = "{REGION}"
name = "v1"
{more}
"#
    );
    let world = World::parse(&text, "test").unwrap_or_else(|problems| panic!("{problems:#?}"));
    Sim {
        cloud: world.build().0,
        account: ACCOUNT,
        region: REGION,
    }
}

/// A daily plan for all tables, kept for so many days.
fn plan(name: &str, days: i64, resources: &str, more: &str) -> String {
    format!(
        r#"
[[plan]]
account = "{ACCOUNT}"
region = "{REGION}"
name = "{name}"
{more}
[[plan.rule]]
name = "daily"
vault = "v1"
schedule = "cron(0 5 ? * * *)"
start-window-minutes = 60
delete-after-days = {days}
[[plan.selection]]
name = "all"
resources = ["{resources}"]
"#
    )
}

fn event(at: &str, what: &str, more: &str) -> String {
    format!("[[event]]\naccount = \"{ACCOUNT}\"\nregion = \"{REGION}\"\nat = \"{at}\"\ndo = \"{what}\"\n{more}\n")
}

const ALL: &str = "arn:aws:dynamodb:*:*:table/*";

fn of<'a>(points: &'a [Value], table: &str) -> Vec<&'a Value> {
    points.iter().filter(|point| point["ResourceName"] == table).collect()
}

fn created(point: &Value) -> DateTime<Utc> {
    instant(&point["CreationDate"])
}

#[test]
fn a_daily_plan_leaves_a_point_a_day() {
    let mut sim = world(&plan("p", 35, ALL, ""));
    let points = sim.points("v1");
    for table in ["Orders", "Bills"] {
        let points = of(&points, table);
        assert!((35..=36).contains(&points.len()), "{}", points.len());
        assert!(
            points
                .windows(2)
                .all(|pair| created(pair[0]) - created(pair[1]) == TimeDelta::days(1))
        );
        assert!(points.iter().all(|point| point["Status"] == "COMPLETED"));
        assert_eq!(points[0]["CreatedBy"]["BackupPlanName"], "p");
        assert_eq!(points[0]["CreatedBy"]["BackupRuleCron"], "cron(0 5 ? * * *)");
    }
    let tags = format!(
        "/tags/{}",
        enc(of(&points, "Orders")[0]["RecoveryPointArn"].as_str().unwrap())
    );
    assert_eq!(sim.get(&tags)["Tags"], json!({"backup": "daily"}));
    let plan = sim.get("/backup/plans/")["BackupPlansList"][0].clone();
    assert_eq!(
        instant(&plan["LastExecutionDate"]),
        "2026-11-20T05:00:00Z".parse::<DateTime<Utc>>().unwrap()
    );
    assert_eq!(sim.jobs("state=COMPLETED").len(), 60);
    // The plan goes on when the clock does.
    sim.pass(TimeDelta::days(1));
    assert_eq!(
        created(of(&sim.points("v1"), "Orders")[0]).date_naive().to_string(),
        "2026-11-21"
    );
}

#[test]
fn history_is_the_same_every_time() {
    let make = || {
        let mut sim = world(&plan("p", 35, ALL, ""));
        serde_json::to_string(&sim.points("v1")).unwrap() + &serde_json::to_string(&sim.jobs("")).unwrap()
    };
    assert_eq!(make(), make());
}

#[test]
fn selections_follow_the_tags_of_their_hour() {
    let plan = plan("p", 90, "X", "").replace(
        "resources = [\"X\"]",
        "tags = [{ key = \"backup\", value = \"daily\" }]",
    );
    let events = event("60d", "untag-table", "table = \"Orders\"\nkeys = [\"backup\"]")
        + &event("30d", "tag-table", "table = \"*s\"\ntags = { backup = \"daily\" }");
    let mut sim = world(&(plan + &events));
    let points = sim.points("v1");
    let now: DateTime<Utc> = NOW.parse().unwrap();
    let during = |table: &str, from: i64, to: i64| {
        of(&points, table)
            .iter()
            .filter(|p| (now - TimeDelta::days(from)..now - TimeDelta::days(to)).contains(&created(p)))
            .count()
    };
    assert_eq!(
        (
            during("Orders", 90, 60),
            during("Orders", 60, 30),
            during("Orders", 30, 0)
        ),
        (30, 0, 30)
    );
    assert_eq!((during("Bills", 90, 30), during("Bills", 30, 0)), (0, 30));
}

#[test]
fn opt_out_stops_broad_selections_only() {
    let broad = plan("broad", 90, "*", "");
    let exact = plan("exact", 90, &table_arn("Bills"), "").replace("cron(0 5", "cron(0 8");
    let mut sim = world(&(broad + &exact + &event("10d", "opt-out", "")));
    let now: DateTime<Utc> = NOW.parse().unwrap();
    let points = sim.points("v1");
    let recent = |table: &str, plan: &str| {
        let all = of(&points, table);
        all.iter()
            .filter(|p| p["CreatedBy"]["BackupPlanName"] == plan && created(p) > now - TimeDelta::days(10))
            .count()
    };
    assert_eq!(
        (
            recent("Orders", "broad"),
            recent("Bills", "broad"),
            recent("Bills", "exact")
        ),
        (0, 0, 10)
    );
    // Advanced features need the opt-in too: what is made without it is native.
    let newest = of(&points, "Bills")[0]["RecoveryPointArn"].as_str().unwrap().to_owned();
    assert!(newest.contains("/backup/"), "{newest}");
}

#[test]
fn a_role_that_broke_leaves_failures_and_expired_points() {
    let role = "arn:aws:iam::111122223333:role/Legacy";
    let broken = plan("p", 14, ALL, "role = \"Legacy\"") + &event("9d", "break-role", "role = \"Legacy\"");
    let mut sim = world(&broken);
    let points = sim.points("v1");
    let orders = of(&points, "Orders");
    let (expired, completed): (Vec<&&Value>, Vec<&&Value>) = orders.iter().partition(|p| p["Status"] == "EXPIRED");
    assert!((8..=9).contains(&expired.len()), "{}", expired.len());
    assert!((5..=6).contains(&completed.len()), "{}", completed.len());
    let age = instant(&json!(NOW.parse::<DateTime<Utc>>().unwrap().timestamp())) - created(completed[0]);
    assert_eq!(age.num_days(), 9);
    let failed = sim.jobs(&format!("state=FAILED&resourceArn={}", enc(&table_arn("Orders"))));
    assert_eq!(failed.len(), 9);
    let message = failed[0]["StatusMessage"].as_str().unwrap();
    assert_eq!(
        message,
        format!(
            "User: arn:aws:sts::{ACCOUNT}:assumed-role/Legacy/AWSBackup-Legacy is not authorized to perform: dynamodb:ListTagsOfResource on resource: {} because no identity-based policy allows the dynamodb:ListTagsOfResource action",
            table_arn("Orders")
        )
    );
    assert_eq!(
        (&failed[0]["IamRoleArn"], &failed[0]["MessageCategory"]),
        (&json!(role), &json!("AccessDenied"))
    );
    let mended = broken + &event("3d", "mend-role", "role = \"Legacy\"");
    let mut sim = world(&mended);
    assert_eq!(sim.jobs("state=FAILED").len(), 12);
    assert_eq!(
        created(of(&sim.points("v1"), "Orders")[0]).date_naive().to_string(),
        "2026-11-20"
    );
}

#[test]
fn wished_failures_end_when_they_should() {
    let events = event(
        "6d",
        "fail-jobs",
        "table = \"Orders\"\nuntil = \"4d\"\nmessage = \"An internal error occurred.\"",
    ) + &event("5d", "fail-jobs", "table = \"Bills\"\nstate = \"PARTIAL\"");
    let mut sim = world(&(plan("p", 35, ALL, "") + &events));
    let states = |sim: &mut Sim, table: &str| {
        let jobs = sim.jobs(&format!("resourceArn={}", enc(&table_arn(table))));
        jobs.iter()
            .take(7)
            .map(|job| job["State"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let done = "COMPLETED";
    assert_eq!(
        states(&mut sim, "Orders"),
        [done, done, done, done, "FAILED", "FAILED", done]
    );
    assert_eq!(
        states(&mut sim, "Bills"),
        ["PARTIAL", "PARTIAL", "PARTIAL", "PARTIAL", "PARTIAL", done, done]
    );
}

#[test]
fn missed_runs_leave_no_job_at_all() {
    let events = event("8d", "skip-runs", "plan = \"p\"\nuntil = \"5d\"");
    let mut sim = world(&(plan("p", 35, ALL, "") + &events));
    let points = sim.points("v1");
    let gap = of(&points, "Orders")
        .windows(2)
        .map(|pair| created(pair[0]) - created(pair[1]))
        .max()
        .unwrap();
    assert_eq!(gap, TimeDelta::days(4));
    assert!(sim.jobs("state=FAILED").is_empty());
}

#[test]
fn a_table_created_again_keeps_the_points_of_its_former_life() {
    let by_tag = plan("p", 90, "X", "").replace(
        "resources = [\"X\"]",
        "tags = [{ key = \"backup\", value = \"daily\" }]",
    );
    let events =
        event("20d", "delete-table", "table = \"Orders\"") + &event("3d", "create-table", "table = \"Orders\"");
    let mut sim = world(&(by_tag + &events));
    let points = sim.points("v1");
    let table = sim.cloud.place_mut(ACCOUNT, REGION).dynamodb.table("Orders").unwrap();
    let orders = of(&points, "Orders");
    assert!(orders.len() >= 69, "{}", orders.len());
    assert!(orders.iter().all(|point| created(point) < table.created_at));
    assert!(table.tags.is_empty());
}

#[test]
fn a_table_that_is_gone_makes_its_waiting_job_fail() {
    // Deleted five minutes after the plan ran; its job was to start later in the window.
    let offset = TimeDelta::hours(7) - TimeDelta::minutes(5);
    let gone = format!("{}m", offset.num_minutes());
    let late = plan("p", 35, ALL, "").replace("start-window-minutes = 60", "start-window-minutes = 360");
    let mut sim = world(&(late + &event(&gone, "delete-table", "table = \"*\"")));
    let failed = sim.jobs("state=FAILED");
    assert!(!failed.is_empty());
    assert!(failed.iter().all(|job| job["StatusMessage"] == "Table not found."));
    assert_eq!(sim.get("/resources/")["Results"].as_array().unwrap().len(), 2);
}

#[test]
fn tables_of_restore_tests_are_skipped() {
    let table =
        format!("[[table]]\naccount = \"{ACCOUNT}\"\nregion = \"{REGION}\"\nname = \"awsbackup-restore-test-1a2b\"\n");
    let mut sim = world(&(table + &plan("p", 35, ALL, "")));
    assert!(of(&sim.points("v1"), "awsbackup-restore-test-1a2b").is_empty());
}

#[test]
fn a_world_says_what_restore_tests_select() {
    let here = format!("account = \"{ACCOUNT}\"\nregion = \"{REGION}\"\n");
    let more = format!(
        r#"
[[restore-testing-plan]]
{here}name = "weekly"
include-vaults = ["arn:{{partition}}:backup:{{region}}:{{account}}:backup-vault:v1"]
window-days = 7
[[restore-testing-plan.selection]]
name = "gold"
conditions = {{ string-equals = [{{ key = "aws:ResourceTag/tier", value = "gold" }}] }}
validation-hours = 2
"#
    );
    let mut sim = world(&more);
    let plan = sim.get("/restore-testing/plans/weekly")["RestoreTestingPlan"].clone();
    let vault = format!("arn:aws:backup:{REGION}:{ACCOUNT}:backup-vault:v1");
    assert_eq!(plan["RecoveryPointSelection"]["IncludeVaults"], json!([vault]));
    assert_eq!(plan["RecoveryPointSelection"]["SelectionWindowDays"], 7);
    let gold = sim.get("/restore-testing/plans/weekly/selections/gold")["RestoreTestingSelection"].clone();
    assert_eq!(gold["ProtectedResourceArns"], json!(["*"]));
    assert_eq!(
        gold["ProtectedResourceConditions"]["StringEquals"],
        json!([{"Key": "aws:ResourceTag/tier", "Value": "gold"}])
    );
    assert_eq!(gold["ValidationWindowHours"], 2);
    assert!(gold["IamRoleArn"].as_str().unwrap().starts_with("arn:aws:iam::"));
}

#[test]
fn restore_tests_leave_jobs_behind() {
    let more = format!(
        "[[restore-testing-plan]]\naccount = \"{ACCOUNT}\"\nregion = \"{REGION}\"\nname = \"weekly\"\n{}{}{}",
        plan("p", 35, ALL, ""),
        event(
            "6d",
            "restore-test",
            "table = \"Orders\"\nplan = \"weekly\"\nminutes = 25\nvalidation = \"SUCCESSFUL\""
        ),
        event(
            "5d",
            "restore-test",
            "table = \"Bills\"\nplan = \"weekly\"\nfailure = \"Access Denied\""
        ),
    );
    let mut sim = world(&more);
    let jobs = sim.get("/restore-jobs/")["RestoreJobs"].clone();
    assert_eq!(
        (&jobs[0]["Status"], &jobs[1]["Status"]),
        (&json!("FAILED"), &json!("COMPLETED"))
    );
    assert_eq!(
        (&jobs[1]["ValidationStatus"], &jobs[1]["DeletionStatus"]),
        (&json!("SUCCESSFUL"), &json!("SUCCESSFUL"))
    );
    assert!(
        jobs[1]["CreatedBy"]["RestoreTestingPlanArn"]
            .as_str()
            .unwrap()
            .contains("restore-testing-plan:weekly-")
    );
    let protected = sim.get(&format!("/resources/{}", enc(&table_arn("Orders"))));
    assert_eq!(protected["LatestRestoreExecutionTimeMinutes"], 25);
    assert!(!sim.get("/restore-testing/plans/weekly")["RestoreTestingPlan"]["LastExecutionTime"].is_null());
}

#[test]
fn on_demand_backups_deletions_and_keys() {
    let events = event(
        "50d",
        "on-demand-backup",
        "table = \"*\"\nvault = \"v1\"\ndelete-after-days = 365",
    ) + &event(
        "40d",
        "delete-recovery-points",
        "table = \"Orders\"\nolder-than = \"5d\"",
    ) + &event("30d", "disable-key", "key = \"mine\"");
    let mut sim = world(&(plan("p", 90, ALL, "") + &events));
    let now: DateTime<Utc> = NOW.parse().unwrap();
    let points = sim.points("v1");
    assert!(
        of(&points, "Orders")
            .iter()
            .all(|point| created(point) > now - TimeDelta::days(46))
    );
    let by_hand: Vec<&Value> = points.iter().filter(|point| point["CreatedBy"].is_null()).collect();
    assert_eq!(by_hand.len(), 1);
    assert_eq!(
        (&by_hand[0]["ResourceName"], &by_hand[0]["Lifecycle"]["DeleteAfterDays"]),
        (&json!("Bills"), &json!(365))
    );
    // Bills is encrypted with the key that was disabled.
    assert!(
        of(&points, "Bills")
            .iter()
            .all(|point| created(point) < now - TimeDelta::days(30))
    );
    let failed = sim.jobs("state=FAILED");
    assert_eq!(failed.len(), 30);
    assert!(
        failed[0]["StatusMessage"]
            .as_str()
            .unwrap()
            .starts_with("KMS key is either disabled")
    );
}

#[test]
fn a_deleted_plan_stops_and_its_points_stay() {
    let mut sim = world(&plan("p", 90, ALL, "deleted-days-ago = 20"));
    let now: DateTime<Utc> = NOW.parse().unwrap();
    let points = sim.points("v1");
    assert_eq!(
        created(of(&points, "Orders")[0]).date_naive(),
        (now - TimeDelta::days(20)).date_naive()
    );
    assert_eq!(sim.get("/backup/plans/")["BackupPlansList"], json!([]));
    assert_eq!(
        sim.get("/backup/plans/?includeDeleted=true")["BackupPlansList"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn young_plans_and_tables_start_when_they_are_made() {
    let table =
        format!("[[table]]\naccount = \"{ACCOUNT}\"\nregion = \"{REGION}\"\nname = \"Young\"\ncreated-days-ago = 3\n");
    let mut sim = world(&(table + &plan("p", 90, ALL, "created-days-ago = 10")));
    let points = sim.points("v1");
    assert_eq!((of(&points, "Orders").len(), of(&points, "Young").len()), (10, 3));
}

#[test]
fn a_plan_whose_vault_is_gone_fails() {
    let mut sim = world(&plan("p", 35, ALL, "").replace("vault = \"v1\"", "vault = \"nowhere\""));
    let jobs = sim.jobs("");
    assert_eq!(jobs.len(), 60);
    let text = format!(
        "\"Backup job failed because backup vault arn:aws:backup:{REGION}:{ACCOUNT}:backup-vault:nowhere does not exist.\""
    );
    assert!(
        jobs.iter()
            .all(|job| job["State"] == "FAILED" && job["StatusMessage"] == text)
    );
}

#[test]
fn a_rule_may_write_straight_into_an_air_gapped_vault() {
    let vault = format!(
        "[[vault]]\naccount = \"{ACCOUNT}\"\nregion = \"{REGION}\"\nname = \"gapped\"\ntype = \"air-gapped\"\nmin-days = 7\nmax-days = 90\n"
    );
    let plan = plan("p", 35, ALL, "").replace("vault = \"v1\"", "vault = \"v1\"\nair-gapped-vault = \"gapped\"");
    let mut sim = world(&(vault + &plan));
    assert!(sim.points("v1").is_empty());
    assert!(sim.points("gapped").len() >= 70);
    assert_eq!(sim.get("/backup-vaults/gapped")["Locked"], true);
}

#[test]
fn two_plans_do_not_back_up_a_table_at_once() {
    let one = plan("one", 35, ALL, "");
    let two = plan("two", 35, ALL, "");
    let mut sim = world(&(one + &two));
    // The same rule name gives the same start, so the second job waits for the first.
    let jobs = sim.jobs(&format!("resourceArn={}", enc(&table_arn("Orders"))));
    let mut spans: Vec<(DateTime<Utc>, DateTime<Utc>)> = jobs
        .iter()
        .map(|job| (instant(&job["InitiationDate"]), instant(&job["CompletionDate"])))
        .collect();
    spans.sort();
    assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0));
    assert_eq!(sim.jobs("state=COMPLETED").len(), 120);
}

#[test]
fn settings_of_the_file_hold_from_the_start() {
    let settings = format!("[settings.\"{ACCOUNT}/{REGION}\"]\ndynamodb-advanced = false\n");
    let mut sim = world(&(settings + &plan("p", 35, ALL, "")));
    assert!(
        sim.points("v1")
            .iter()
            .all(|point| point["RecoveryPointArn"].as_str().unwrap().contains(":table/"))
    );
    assert_eq!(
        sim.get("/account-settings")["ResourceTypeManagementPreference"]["DynamoDB"],
        false
    );
}

#[test]
fn every_mistake_in_the_file_is_reported() {
    let text = format!(
        r#"
[[account]]
id = "{ACCOUNT}"
regions = ["{REGION}"]
[[table]]
account = "{ACCOUNT}"
region = "{REGION}"
name = "Orders"
[settings."999999999999/{REGION}"]
dynamodb-opt-in = 1
[[vault]]
account = "{ACCOUNT}"
region = "{REGION}"
name = "v1"
key = "none"
lock = "strict"
policy = "x"
colour = "red"
[[vault]]
account = "{ACCOUNT}"
region = "{REGION}"
name = "v2"
min-days = 8
max-days = 7
[[plan]]
account = "{ACCOUNT}"
region = "eu-west-9"
[[plan.rule]]
name = "r"
vault = "v1"
schedule = "hourly"
[[plan.rule]]
name = "s"
vault = "v1"
cold-after-days = 7
delete-after-days = 8
[[plan.selection]]
name = "s"
[[event]]
account = "{ACCOUNT}"
region = "{REGION}"
at = "yesterday"
do = "delete-tables"
[[event]]
account = "{ACCOUNT}"
region = "{REGION}"
at = "3d"
do = "delete-table"
table = "Order"
[[event]]
account = "{ACCOUNT}"
region = "{REGION}"
at = "3d"
do = "disable-key"
key = "none"
"#
    );
    let problems = World::parse(&text, "test").unwrap_err();
    let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
    for part in [
        "999999999999",
        ".dynamodb-opt-in`",
        "`strict`",
        "not valid JSON",
        ".colour` is not a setting",
        "key `none` is not in",
        "need a `lock`",
        "`max-days` is less than `min-days`",
        "eu-west-9",
        "`plan.name` is missing",
        "Invalid cron expression",
        "90 days apart",
        "Either 'ListOfTags' or 'Resources'",
        "`event.at`",
        "did you mean `delete-table`?",
        "is called `Order`",
        "did you mean `Orders`?",
    ] {
        assert!(
            all.iter().any(|problem| problem.contains(part)),
            "no problem says {part}: {all:#?}"
        );
    }
}
