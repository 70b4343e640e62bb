//! Actions taken back, against a simulated AWS: what they made goes, what was there stays, and no table loses its last point.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use backproof_sandbox::{Sandbox, World};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Deed, Doing, Done, MADE_BY, Now, Undoing, Undone};
use crate::aws::failure::Failure;
use crate::aws::target::{Session, Target};
use crate::domain::TargetId;

const WORLD: &str = r#"
history-days = 20
[jobs]
backup-seconds = 1
copy-seconds = 1
[[account]]
id = "111122223333"
regions = ["eu-west-1", "eu-central-1"]
[[vault]]
account = "111122223333"
region = "eu-west-1"
name = "Default"
[[vault]]
account = "111122223333"
region = "eu-central-1"
name = "dr"
[[table]]
account = "111122223333"
region = "eu-west-1"
name = "bare"
created-days-ago = 100
[[table]]
account = "111122223333"
region = "eu-west-1"
name = "music"
created-days-ago = 100
[[event]]
account = "111122223333"
region = "eu-west-1"
at = "2d"
do = "on-demand-backup"
table = "music"
vault = "Default"
delete-after-days = 40
"#;

/// A simulated AWS, and the way into it.
struct Aws {
    sandbox: Sandbox,
    target: Target,
    began: DateTime<Utc>,
}

const ID: &str = "backproof-0123456789abcdef0123456789abcdef";

impl Aws {
    async fn new(more: &str) -> Self {
        Self::of(&format!("{WORLD}{more}")).await
    }

    async fn of(world: &str) -> Self {
        let world = World::parse(world, "world.toml").expect("a world");
        let sandbox = Sandbox::start(world, 0).await.expect("a sandbox");
        let at = TargetId::new("111122223333".to_owned(), "eu-west-1".to_owned());
        let target = Session::of(&sandbox).await.target(at, "aws", None, &Arc::default());
        let began = sandbox.now();
        Self { sandbox, target, began }
    }

    fn table_id(&self, name: &str) -> String {
        let inside = self.sandbox.inside();
        let table = inside.tables.iter().find(|table| table.name == name);
        table.expect("a table").id.clone()
    }

    /// The ARNs of a table's points, the oldest first.
    fn points(&self, name: &str) -> Vec<String> {
        let inside = self.sandbox.inside();
        let of_table = inside
            .points
            .iter()
            .filter(|point| point.table_arn.ends_with(&format!("/{name}")));
        of_table.map(|point| point.arn.to_string()).collect()
    }

    /// Does it, and follows its job; gives what was there before, and what came of it.
    async fn did(&self, deed: &Deed) -> (Value, Done) {
        let Ok(Now::ToDo(before)) = deed.look(&self.target, ID).await else {
            panic!("it is not to be done");
        };
        let doing = Doing {
            id: ID,
            round: 0,
            made: &[],
        };
        let done = deed.act(&self.target, &doing).await.expect("done");
        while let Some(job) = &done.job {
            let standing = deed.job(&self.target, job).await;
            if standing.is_over {
                assert!(standing.is_success, "{standing:?}");
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        (before, done)
    }

    async fn undone(&self, deed: &Deed, did: &(Value, Done)) -> Undone {
        self.undone_as(deed, ID, did, &[]).await.expect("an answer")
    }

    /// The same by another action's id, or giving up the last point of these tables.
    async fn undone_as(
        &self,
        deed: &Deed,
        id: &str,
        (before, done): &(Value, Done),
        last_points_of: &[&str],
    ) -> Result<Undone, Failure> {
        let undoing = Undoing {
            id,
            before,
            done,
            places: &BTreeSet::from([self.target.id.clone()]),
            with_points: false,
            last_points_of: &last_points_of.iter().map(|name| (*name).to_owned()).collect(),
        };
        deed.undo(&self.target, &undoing).await
    }
}

fn deed(value: Value) -> Deed {
    serde_json::from_value(value).expect("a deed")
}

fn arn(table: &str) -> String {
    format!("arn:aws:dynamodb:eu-west-1:111122223333:table/{table}")
}

fn backup(aws: &Aws, table: &str) -> Deed {
    deed(json!({
        "kind": "backup-now", "table_arn": arn(table), "table_id": aws.table_id(table), "vault_name": "Default",
        "role_arn": "arn:aws:iam::111122223333:role/service-role/AWSBackupDefaultServiceRole",
        "cold_after_days": null, "delete_after_days": 35, "judged_at": aws.began, "table_size_bytes": null,
    }))
}

#[tokio::test]
async fn a_backup_is_taken_back_unless_it_is_the_last_point_of_its_table() {
    let aws = Aws::new("").await;
    let before = aws.points("music");
    let music = backup(&aws, "music");
    let done = aws.did(&music).await;
    assert_eq!(aws.points("music").len(), before.len() + 1);
    assert!(matches!(aws.undone(&music, &done).await, Undone::Back(_)));
    assert_eq!(aws.points("music"), before);
    // Again: it is gone already.
    assert!(matches!(aws.undone(&music, &done).await, Undone::Back(_)));

    // With the same id AWS would name the job that it began for the other table.
    let aws = Aws::new("").await;
    let bare = backup(&aws, "bare");
    let done = aws.did(&bare).await;
    let Undone::Left(why) = aws.undone(&bare, &done).await else {
        panic!("the last point was deleted");
    };
    assert!(why.contains("is the last usable recovery point of the table"), "{why}");
    assert_eq!(aws.points("bare").len(), 1);
    // Of another table nothing was said.
    assert!(matches!(
        aws.undone_as(&bare, ID, &done, &["music"]).await,
        Ok(Undone::Left(_))
    ));
    assert!(matches!(
        aws.undone_as(&bare, ID, &done, &["bare"]).await,
        Ok(Undone::Back(_))
    ));
    assert_eq!(aws.points("bare").len(), 0);
}

#[tokio::test]
async fn a_point_that_aws_keeps_stays_and_its_refusal_is_told() {
    let deny = r#"[[vault]]
account = "111122223333"
region = "eu-west-1"
name = "guarded"
policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"backup:DeleteRecoveryPoint","Resource":"*"}]}'
"#;
    let aws = Aws::new(deny).await;
    let Deed::OnDemandBackup(mut guarded) = backup(&aws, "music") else {
        panic!("a backup");
    };
    guarded.vault_name = "guarded".to_owned();
    let guarded = Deed::OnDemandBackup(guarded);
    let did = aws.did(&guarded).await;
    let refused = aws.undone_as(&guarded, ID, &did, &[]).await;
    assert!(refused.expect_err("denied").why().contains("Access"), "AWS's own words");
    assert_eq!(aws.points("music").len(), 2);
}

#[tokio::test]
async fn a_copy_is_taken_back_where_a_point_stays_at_home() {
    let aws = Aws::new("").await;
    let before = aws.points("music");
    let copy = deed(json!({
        "kind": "copy", "table_arn": arn("music"), "table_id": aws.table_id("music"), "point_arn": before[0],
        "vault_name": "Default", "to_vault_arn": "arn:aws:backup:eu-central-1:111122223333:backup-vault:dr",
        "role_arn": "arn:aws:iam::111122223333:role/service-role/AWSBackupDefaultServiceRole",
        "delete_after_days": 60, "judged_at": aws.began, "size_bytes": null,
    }));
    let done = aws.did(&copy).await;
    assert_eq!(aws.points("music").len(), 2);
    assert!(matches!(copy.look(&aws.target, ID).await, Ok(Now::Already { .. })));
    assert!(matches!(aws.undone(&copy, &done).await, Undone::Back(_)));
    assert_eq!(aws.points("music"), before);
}

#[tokio::test]
async fn a_lifecycle_goes_back_unless_somebody_changed_it_since() {
    let aws = Aws::new("").await;
    let longer = |days: i64| {
        deed(json!({
            "kind": "point-lifecycle", "table_arn": arn("music"), "point_arn": aws.points("music")[0], "vault_name": "Default",
            "cold_after_days": null, "from_days": 40, "delete_after_days": days, "size_bytes": null,
        }))
    };
    let done = aws.did(&longer(60)).await;
    let undone = aws.undone(&longer(60), &done).await;
    assert_eq!(undone, Undone::Back("it is kept 40 days".to_owned()));
    let done = aws.did(&longer(60)).await;
    let Undone::Left(why) = aws.undone(&longer(61), &done).await else {
        panic!("another's lifecycle was changed");
    };
    assert!(why.contains("was changed since: it is kept 60 days"), "{why}");
}

#[tokio::test]
async fn settings_of_a_table_go_back_unless_somebody_changed_them_since() {
    let aws = Aws::new("").await;
    let of = |kind: &str, more: Value| {
        let mut value = json!({ "kind": kind, "table_arn": arn("music"), "table_id": aws.table_id("music") });
        if let (Some(fields), Some(more)) = (value.as_object_mut(), more.as_object()) {
            fields.extend(more.clone());
        }
        deed(value)
    };
    for deed in [
        of("pitr", json!({ "recovery_period_days": 14 })),
        of("deletion-protection", json!({})),
    ] {
        let done = aws.did(&deed).await;
        assert!(matches!(deed.look(&aws.target, ID).await, Ok(Now::Already { .. })));
        assert!(matches!(aws.undone(&deed, &done).await, Undone::Back(_)));
        assert!(matches!(deed.look(&aws.target, ID).await, Ok(Now::ToDo(_))));
        // It is off: an earlier try may have ended between its call and the journal.
        assert!(matches!(aws.undone(&deed, &done).await, Undone::Back(_)));
    }
    let other = of("pitr", json!({ "recovery_period_days": 14 }));
    let Deed::Pitr(mut again) = other else { panic!("a deed") };
    again.table_id = Some("11111111-1111-4111-8111-111111111111".to_owned());
    let why = Deed::Pitr(again)
        .look(&aws.target, ID)
        .await
        .expect_err("another table")
        .why();
    assert!(why.contains("deleted and created again"), "{why}");
}

#[tokio::test]
async fn a_restore_testing_plan_goes_unless_somebody_else_made_it_or_added_to_it() {
    let aws = Aws::new("").await;
    let tests = |name: &str| {
        deed(json!({
            "kind": "restore-testing", "plan_name": name, "schedule": "cron(0 5 ? * SUN *)", "window_days": 30,
            "role_arn": "arn:aws:iam::111122223333:role/service-role/AWSBackupDefaultServiceRole",
            "table_arns": [arn("music")], "size_bytes": null,
        }))
    };
    let own = tests("own");
    let done = aws.did(&own).await;
    let another = own
        .look(&aws.target, "backproof-another")
        .await
        .expect_err("another's")
        .why();
    assert!(another.contains("made by somebody else"), "{another}");
    assert!(matches!(
        aws.undone_as(&own, "backproof-another", &done, &[]).await,
        Ok(Undone::Left(_))
    ));
    assert!(matches!(aws.undone(&own, &done).await, Undone::Back(_)));
    assert!(matches!(own.look(&aws.target, ID).await, Ok(Now::ToDo(_))));

    // Half made, as by a crash: the plan is there, and no selection.
    let half = tests("half");
    let plan = aws_sdk_backup::types::RestoreTestingPlanForCreate::builder()
        .restore_testing_plan_name("half")
        .schedule_expression("cron(0 5 ? * SUN *)")
        .recovery_point_selection(aws_sdk_backup::types::RestoreTestingRecoveryPointSelection::builder().build())
        .build()
        .expect("a plan");
    let create = aws.target.backup.create_restore_testing_plan().creator_request_id(ID);
    create
        .restore_testing_plan(plan)
        .tags(MADE_BY, ID)
        .send()
        .await
        .expect("made");
    let done = aws.did(&half).await;
    assert!(matches!(half.look(&aws.target, ID).await, Ok(Now::Already { .. })));

    // Somebody adds a selection of their own.
    let selection = aws_sdk_backup::types::RestoreTestingSelectionForCreate::builder()
        .restore_testing_selection_name("theirs")
        .protected_resource_type("DynamoDB")
        .iam_role_arn("arn:aws:iam::111122223333:role/service-role/AWSBackupDefaultServiceRole")
        .protected_resource_arns("*")
        .build()
        .expect("a selection");
    let create = aws
        .target
        .backup
        .create_restore_testing_selection()
        .restore_testing_plan_name("half");
    create.restore_testing_selection(selection).send().await.expect("made");
    let Undone::Left(why) = aws.undone(&half, &done).await else {
        panic!("another's selection went too");
    };
    assert!(why.contains("theirs"), "{why}");
}

#[tokio::test]
async fn a_role_stays_while_another_region_of_the_plan_needs_it() {
    let world = r#"
history-days = 5
[[account]]
id = "111122223333"
regions = ["eu-west-1", "eu-central-1"]
[[vault]]
account = "111122223333"
region = "eu-central-1"
name = "Default"
[[table]]
account = "111122223333"
region = "eu-central-1"
name = "music"
[[event]]
account = "111122223333"
region = "eu-central-1"
at = "2d"
do = "on-demand-backup"
table = "music"
vault = "Default"
delete-after-days = 40
"#;
    let aws = Aws::of(world).await;
    let role_arn = "arn:aws:iam::111122223333:role/service-role/AWSBackupDefaultServiceRole";
    let role = deed(json!({ "kind": "role", "role_arn": role_arn }));
    let (before, done) = (json!({ "is_there": true, "attached": [] }), Done::default());
    let undone = |regions: &[&str]| {
        let at = |region: &&str| TargetId::new("111122223333".to_owned(), (*region).to_owned());
        let places: BTreeSet<TargetId> = regions.iter().map(at).collect();
        let (role, target, before, done) = (&role, &aws.target, &before, &done);
        async move {
            let undoing = Undoing {
                id: ID,
                before,
                done,
                places: &places,
                with_points: false,
                last_points_of: &BTreeSet::new(),
            };
            role.undo(target, &undoing).await.expect("an answer")
        }
    };
    let Undone::Left(why) = undone(&["eu-west-1", "eu-central-1"]).await else {
        panic!("what the recovery point needs was detached");
    };
    assert!(
        why.contains("1 recovery point in eu-central-1: the role is needed"),
        "{why}"
    );
    assert!(matches!(undone(&["eu-west-1"]).await, Undone::Back(_)));
}
