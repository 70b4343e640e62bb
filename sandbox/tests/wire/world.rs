//! World files: what they make, and every mistake in them at once.

use backproof_sandbox::World;
use serde_json::{Value, json};

use crate::client::{Client, start};

fn problems(text: &str) -> Vec<String> {
    World::parse(text, "w.toml")
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn every_mistake_is_told_with_its_line() {
    let text = r#"frozn = true
rate = "fast"
[jobs]
backup-seconds = -1
[[account]]
id = "1234"
regions = ["eu-west-1"]
[[account]]
id = "111122223333"
regions = ["eu-west-1"]
[[key]]
account = "111122223333"
region = "eu-west-1"
name = "mine"
state = "enabled"
[[table]]
account = "111122223334"
region = "eu-west-1"
name = "orders"
[[table]]
account = "111122223333"
region = "eu-west-2"
name = "orders"
[[table]]
account = "111122223333"
region = "eu-west-1"
name = "no space"
encryption = "mime"
tags = { a = 1 }
pitr-days = 36
[[table]]
account = "111122223333"
region = "eu-west-1"
name = "bulk"
count = 10
[[table]]
region = "eu-west-1"
name = "lost"
[[fault]]
throttle-rate = 2
[[fault]]
deny = ["x"]
"#;
    assert_eq!(
        problems(text),
        [
            "w.toml:1: `frozn` is not a setting; did you mean `frozen`?",
            "w.toml:2: `rate` must be a number; it is a string; write it like `rate = 5`",
            "w.toml:4: `jobs.backup-seconds` is negative; write 0 or more",
            "w.toml:6: account id `1234` does not have 12 digits",
            "w.toml:15: `key.state` is `enabled`; the words are `Enabled`, `Disabled`, `PendingDeletion` and `Gone`; did you mean `Enabled`?",
            "w.toml:17: account `111122223334` is not in the world; did you mean `111122223333`?",
            "w.toml:22: Region `eu-west-2` is not among the `regions` of account 111122223333; did you mean `eu-west-1`?",
            "w.toml:27: DynamoDB has no table `no space`: 1 validation error detected: Value 'no space' at 'tableName' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
            "w.toml:28: key `mime` is not in 111122223333/eu-west-1; did you mean `mine`?",
            "w.toml:29: `table.tags.a` must be a string; it is a whole number; write it in quotes: `a = \"1\"`",
            "w.toml:30: `pitr-days` has to lie between 1 and 35",
            "w.toml:34: `count` needs `{n}` in the name",
            "w.toml:36: `table.account` is missing; add `account = …` here",
            "w.toml:40: `throttle-rate` is 2; a rate lies between 0 and 1",
            "w.toml:42: `fault.deny` must be a string; it is a list; write one text, without brackets: `deny = \"x\"`",
        ]
    );
}

#[test]
fn a_key_that_nobody_knows_is_told_in_every_section() {
    let text = r#"
colour = 1
[organization]
management-account = "111122223333"
colour = 1
[jobs]
colour = 1
[[account]]
id = "111122223333"
regions = ["eu-west-1"]
colour = 1
[settings."111122223333/eu-west-1"]
colour = 1
PLACE[[key]]
PLACE[[table]]
PLACE[[bucket]]
PLACE[[vault]]
[[fault]]
latency-ms = 1
colour = 1
PLACE[[plan]]
[[plan.rule]]
name = "r"
vault = "v"
colour = 1
copy-to = [{ vault-arn = "arn:aws:backup:eu-west-1:111122223333:backup-vault:v", colour = 1 }]
[[plan.selection]]
name = "s"
colour = 1
tags = [{ key = "k", value = "v", colour = 1 }]
conditions = { colour = 1, string-like = [{ key = "aws:ResourceTag/k", value = "v", colour = 1 }] }
PLACE[[restore-testing-plan]]
[[restore-testing-plan.selection]]
name = "s"
colour = 1
conditions = { colour = 1, string-equals = [{ key = "aws:ResourceTag/k", value = "v", colour = 1 }] }
PLACE[[event]]
at = "3d"
do = "opt-in"
"#;
    let place = |head: &str| {
        format!("{head}\naccount = \"111122223333\"\nregion = \"eu-west-1\"\nname = \"name\"\ncolour = 1\n")
    };
    let text: String = text
        .lines()
        .map(|line| line.strip_prefix("PLACE").map_or_else(|| format!("{line}\n"), place))
        .collect::<String>()
        .replace("name = \"name\"\ncolour = 1\nat =", "colour = 1\nat =");
    let mut told: Vec<String> = Vec::new();
    for problem in problems(&text) {
        let (_, what) = problem.split_once(": ").unwrap();
        told.push(what.split_once(" is not a setting").expect(&problem).0.replace('`', ""));
    }
    assert_eq!(
        told,
        [
            "colour",
            "organization.colour",
            "jobs.colour",
            "account.colour",
            "settings.111122223333/eu-west-1.colour",
            "key.colour",
            "table.colour",
            "bucket.colour",
            "vault.colour",
            "fault.colour",
            "plan.colour",
            "plan.rule.colour",
            "plan.rule.copy-to.colour",
            "plan.selection.colour",
            "plan.selection.tags.colour",
            "plan.selection.conditions.colour",
            "plan.selection.conditions.string-like.colour",
            "restore-testing-plan.colour",
            "restore-testing-plan.selection.colour",
            "restore-testing-plan.selection.conditions.colour",
            "restore-testing-plan.selection.conditions.string-equals.colour",
            "event.colour",
        ]
    );
}

#[test]
fn mistakes_in_what_drills_need() {
    let text = r#"[[account]]
id = "111122223333"
regions = ["eu-west-1"]
[[table]]
account = "111122223333"
region = "eu-west-1"
name = "orders"
items = 5000000000
item-bytes = 12
changed-at = "at:days"
expires-items = 3
writes-per-minute = 0
billing = "on-demand"
read-units = 5
[[table.global-index]]
name = "by-city"
[[table.local-index]]
name = "by-time"
[[event]]
account = "111122223333"
region = "eu-west-1"
at = "1d"
do = "damage-recovery-points"
[[event]]
account = "111122223333"
region = "eu-west-1"
at = "1d"
do = "set-recovery-points"
[[restore-testing-plan]]
account = "111122223333"
region = "eu-west-1"
name = "monthly"
algorithm = "oldest"
start-window-hours = 200
[[fault]]
read-units = 0
[[fault]]
unprocessed-every = 1
"#;
    assert_eq!(
        problems(text),
        [
            "w.toml:8: `items` is 5000000000; more than 100000000 items are not made up",
            "w.toml:9: `item-bytes` has to lie between 124 and 409600",
            "w.toml:10: `at:days` names no attribute that tells a time; an attribute, with `:seconds` or `:milliseconds` if it is a number",
            "w.toml:11: `expires-items` needs `ttl`, the attribute that tells when",
            "w.toml:12: `writes-per-minute` has to be more than 0 and at most 60000",
            "w.toml:13: a table on demand has no `read-units` and no `write-units`",
            "w.toml:15: `hash-key` is missing in a global index",
            "w.toml:17: `range-key` is missing in a local index",
            "w.toml:17: a local index needs a table with a `range-key`",
            "w.toml:23: the event changes no item; at least one of `added`, `changed`, `swapped` and `lost`",
            "w.toml:24: `state` is missing: the state of the recovery points",
            "w.toml:33: `restore-testing-plan.algorithm` is `oldest`; the words are `latest` and `random`",
            "w.toml:34: `start-window-hours` has to lie between 1 and 168",
            "w.toml:36: `read-units` is 0; it has to be more than 0",
            "w.toml:38: `unprocessed-every` is 1; DynamoDB refuses a batch of which nothing was done",
        ]
    );
}

#[test]
fn broken_toml_and_an_empty_world() {
    // A bracket that is not closed makes mistakes of what follows it: it alone is told.
    let broken = problems("[[account]]\nid = \n[[table]\n");
    assert_eq!(broken.len(), 1, "{broken:?}");
    assert!(broken[0].starts_with("w.toml:3: "), "{broken:?}");
    assert_eq!(
        problems(""),
        ["w.toml:1: the world has no account; add an [[account]] with `id` and `regions`"]
    );
}

#[tokio::test]
async fn the_world_of_drills_has_what_it_says() {
    let text = include_str!("../../worlds/drill.toml");
    let sandbox = backproof_sandbox::Sandbox::start(World::parse(text, "drill.toml").unwrap(), 0)
        .await
        .unwrap();
    let mut client = Client::new(&sandbox).await.with("AKIA111122223333", "eu-west-1");
    sandbox.advance(chrono::TimeDelta::hours(12));
    let jobs = client.backup("GET", "/restore-jobs/?status=COMPLETED").await.json();
    let waiting = |job: &&Value| job["ValidationStatus"] == "VALIDATING";
    assert_eq!(
        jobs["RestoreJobs"].as_array().unwrap().iter().filter(waiting).count(),
        3
    );
    let counted = async |client: &mut Client, table: &str| {
        client
            .dynamodb("DescribeTable", &json!({ "TableName": table }))
            .await
            .json()["Table"]["ItemCount"]
            .clone()
    };
    for job in jobs["RestoreJobs"].as_array().unwrap().iter().filter(waiting) {
        let name = |member: &str| job[member].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let (source, made) = (name("SourceResourceArn"), name("CreatedResourceArn"));
        let is_damaged = counted(&mut client, &made).await != counted(&mut client, &source).await;
        assert_eq!(is_damaged, source == "customers", "{source}");
    }
}

#[test]
fn the_demo_is_a_world() {
    World::demo();
}

#[tokio::test]
async fn tables_are_as_the_file_says() {
    let more = r#"
        [[key]]
        account = "111122223333"
        region = "eu-west-1"
        name = "own"
        state = "Disabled"
        state-since-days-ago = 2
        [[table]]
        account = "111122223333"
        region = "eu-west-1"
        name = "sealed"
        encryption = "own"
        hash-key = "pk:N"
        range-key = "sk"
        created-days-ago = 10
        deletion-protection = true
        pitr-days = 7
        class = "STANDARD_INFREQUENT_ACCESS"
        billing = "provisioned"
        size-bytes = 5000000000
        item-count = 1000000
        items = 3
        ttl = "until"
        [[table]]
        account = "111122223333"
        region = "eu-west-1"
        name = "bulk-{n}"
        count = 12
        formerly-tagged = true
        status = "ARCHIVED"
    "#;
    let sandbox = start(more).await;
    let mut client = Client::new(&sandbox).await;
    let names = client.dynamodb("ListTables", &json!({})).await.json()["TableNames"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(
        (names.len(), &names[0], &names[11]),
        (14, &json!("bulk-01"), &json!("bulk-12"))
    );
    let shown = client
        .dynamodb("DescribeTable", &json!({ "TableName": "sealed" }))
        .await
        .json()["Table"]
        .clone();
    assert_eq!(
        shown["TableStatus"], "INACCESSIBLE_ENCRYPTION_CREDENTIALS",
        "its key is disabled"
    );
    assert_eq!(
        shown["KeySchema"][1],
        json!({ "AttributeName": "sk", "KeyType": "RANGE" })
    );
    assert_eq!(
        shown["AttributeDefinitions"][0],
        json!({ "AttributeName": "pk", "AttributeType": "N" })
    );
    assert_eq!(
        shown["CreationDateTime"].as_f64(),
        Some(1_793_534_400.0 - 10.0 * 86_400.0)
    );
    assert_eq!(
        (&shown["ItemCount"], &shown["DeletionProtectionEnabled"]),
        (&json!(1_000_003), &json!(true))
    );
    assert_eq!(shown["TableClassSummary"]["TableClass"], "STANDARD_INFREQUENT_ACCESS");
    assert!(shown.get("BillingModeSummary").is_none());
    let key = client
        .target(
            "kms",
            "TrentService.DescribeKey",
            &json!({ "KeyId": shown["SSEDescription"]["KMSMasterKeyArn"] }),
        )
        .await;
    assert_eq!(key.json()["KeyMetadata"]["KeyState"], "Disabled");
    let archived = client
        .dynamodb("DescribeTable", &json!({ "TableName": "bulk-07" }))
        .await
        .json();
    assert_eq!(archived["Table"]["TableStatus"], "ARCHIVED");
    let tags = client
        .target(
            "tagging",
            "ResourceGroupsTaggingAPI_20170126.GetResources",
            &json!({ "ResourceTypeFilters": ["dynamodb:table"] }),
        )
        .await;
    let list = tags.json()["ResourceTagMappingList"].as_array().unwrap().clone();
    assert_eq!(list.len(), 13, "formerly tagged ones and `orders`, but not `sealed`");
    let items = client
        .dynamodb("Scan", &json!({ "TableName": "orders", "Limit": 1 }))
        .await
        .json();
    let Value::Object(item) = &items["Items"][0] else {
        panic!("no item")
    };
    assert!(item.len() >= 8, "generated items have attributes of every type");
    sandbox.stop().await;
}

#[tokio::test]
async fn roles_are_as_the_world_says() {
    let more = r#"
[iam]
propagation-seconds = 3
[[role]]
account = "444455556666"
name = "team/Backups"
trusts = ["ec2.amazonaws.com", "arn:{partition}:iam::{account}:root"]
policies = ["AWSBackupServiceRolePolicyForBackup"]
tags = { team = "web" }
"#;
    let sandbox = start(more).await;
    let mut client = Client::new(&sandbox).await.with("AKIA444455556666", "us-east-1");
    let form = |action: &str, role: &str| format!("Action={action}&RoleName={role}");
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let mut told = Vec::new();
    for (action, role) in [
        ("GetRole", "Backups"),
        ("ListAttachedRolePolicies", "Backups"),
        ("GetRole", "Audit"),
        ("GetRole", "AWSBackupDefaultServiceRole"),
        ("GetRole", "Other"),
    ] {
        let answer = client
            .signed("iam", "POST", "/", &headers, &form(action, role))
            .await
            .unwrap();
        told.push((answer.status, answer.body));
    }
    assert!(
        told[0].1.contains("role/team/Backups</Arn>") && told[0].1.contains("ec2%2Eamazonaws%2Ecom"),
        "{}",
        told[0].1
    );
    assert!(
        told[0].1.contains("arn%3Aaws%3Aiam%3A%3A444455556666%3Aroot"),
        "{}",
        told[0].1
    );
    assert_eq!(told[1].1.matches("<member>").count(), 1, "{}", told[1].1);
    assert_eq!(
        told.iter().map(|(status, _)| *status).collect::<Vec<_>>(),
        [200, 200, 200, 200, 404]
    );
    let assume = "Action=AssumeRole&RoleArn=arn:aws:iam::444455556666:role/team/Backups&RoleSessionName=x1";
    assert_eq!(client.sts(assume).await.status, 200, "its own account is trusted");
    let mut other = Client::new(&sandbox).await;
    assert_eq!(other.sts(assume).await.status, 403);
    let wrong = format!(
        "{}\n[[role]]\naccount = \"444455556666\"\nname = \"x\"\npolicies = [\"AdminstratorAccess\"]\n",
        crate::client::WORLD
    );
    assert_eq!(
        problems(&wrong),
        [
            "w.toml:37: policy `AdminstratorAccess` is not a managed policy of AWS that the sandbox has; did you mean `AdministratorAccess`?"
        ]
    );
    sandbox.stop().await;
}
