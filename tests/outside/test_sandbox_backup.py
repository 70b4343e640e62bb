"""AWS Backup of the sandbox, every operation, parsed by boto3."""

import datetime
import json

import pytest

from conftest import ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, REGION, all_pages, refused
from test_sandbox_dynamodb import ITEM, SIMPLE, marshal, plain, unmarshal

ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/AWSBackupDefaultServiceRole"
DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def backup(sandbox):
    return sandbox.client("backup")


@pytest.fixture(scope="module")
def dynamodb(sandbox):
    return sandbox.client("dynamodb")


@pytest.fixture
def name(request):
    """A name of this test's own, good for tables, vaults and plans alike."""
    return request.node.name.replace("_", "-")[5:50].strip("-")


@pytest.fixture
def vault(backup, name):
    backup.create_backup_vault(BackupVaultName=name)
    return name


@pytest.fixture
def table(sandbox, dynamodb, name):
    arn = dynamodb.create_table(TableName=name, **SIMPLE)["TableDescription"]["TableArn"]
    sandbox.advance(minutes=1)
    dynamodb.put_item(TableName=name, Item=marshal(ITEM))
    return arn


def now(sandbox):
    return datetime.datetime.fromisoformat(sandbox.now())


def finished(sandbox, describe, state, **job):
    """The job when it has ended; the virtual clock is moved until it has."""
    for _ in range(50):
        answer = describe(**job)
        if answer[state] not in ("CREATED", "PENDING", "RUNNING", "ABORTING"):
            return answer
        sandbox.advance(minutes=10)
    raise AssertionError(f"the job never ends: {answer}")


def back_up(sandbox, backup, table, vault, **more):
    started = backup.start_backup_job(BackupVaultName=vault, ResourceArn=table, IamRoleArn=ROLE, **more)
    return finished(sandbox, backup.describe_backup_job, "State", BackupJobId=started["BackupJobId"])


def test_settings_of_region_and_organisation(sandbox, backup):
    settings = backup.describe_region_settings()
    assert settings["ResourceTypeOptInPreference"]["DynamoDB"] is True
    assert settings["ResourceTypeManagementPreference"]["DynamoDB"] is True
    backup.update_region_settings(ResourceTypeOptInPreference={"DynamoDB": False})
    off = backup.describe_region_settings()["ResourceTypeOptInPreference"]
    assert off["DynamoDB"] is False and off["EBS"] is True
    backup.update_region_settings(ResourceTypeOptInPreference={"DynamoDB": True})
    assert "DynamoDB" in backup.get_supported_resource_types()["ResourceTypes"]
    assert backup.describe_global_settings()["GlobalSettings"]["isCrossAccountBackupEnabled"] == "true"
    backup.update_global_settings(GlobalSettings={"isCrossAccountBackupEnabled": "false"})
    assert backup.describe_global_settings()["GlobalSettings"]["isCrossAccountBackupEnabled"] == "false"
    member = sandbox.client("backup", account=OTHER_ACCOUNT)
    assert refused(member.update_global_settings, GlobalSettings={"isCrossAccountBackupEnabled": "true"}) == ("AccessDeniedException", 403)


def test_the_life_of_a_vault(sandbox, backup, name):
    key = sandbox.client("kms").create_key()["KeyMetadata"]["Arn"]
    made = backup.create_backup_vault(BackupVaultName=name, EncryptionKeyArn=key, BackupVaultTags={"team": "audit"})
    assert made["BackupVaultArn"] == f"arn:aws:backup:{REGION}:{ACCOUNT}:backup-vault:{name}"
    assert refused(backup.create_backup_vault, BackupVaultName=name) == ("AlreadyExistsException", 400)
    described = backup.describe_backup_vault(BackupVaultName=name)
    assert described["EncryptionKeyArn"] == key and described["NumberOfRecoveryPoints"] == 0 and described["Locked"] is False
    backup.create_backup_vault(BackupVaultName=f"{name}-2")
    listed, pages = all_pages(backup, "list_backup_vaults", "BackupVaultList", PaginationConfig={"PageSize": 1})
    assert {name, f"{name}-2"} <= {row["BackupVaultName"] for row in listed} and pages >= 2
    policy = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Deny", "Principal": "*", "Action": ["backup:DeleteRecoveryPoint"], "Resource": "*"}],
        }
    )
    assert refused(backup.get_backup_vault_access_policy, BackupVaultName=name) == ("ResourceNotFoundException", 400)
    backup.put_backup_vault_access_policy(BackupVaultName=name, Policy=policy)
    read = backup.get_backup_vault_access_policy(BackupVaultName=name)
    assert json.loads(read["Policy"]) == json.loads(policy)
    backup.delete_backup_vault_access_policy(BackupVaultName=name)
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts"
    assert refused(backup.get_backup_vault_notifications, BackupVaultName=name) == ("ResourceNotFoundException", 400)
    backup.put_backup_vault_notifications(BackupVaultName=name, SNSTopicArn=topic, BackupVaultEvents=["BACKUP_JOB_COMPLETED"])
    assert backup.get_backup_vault_notifications(BackupVaultName=name)["SNSTopicArn"] == topic
    backup.delete_backup_vault_notifications(BackupVaultName=name)
    assert backup.list_tags(ResourceArn=made["BackupVaultArn"])["Tags"] == {"team": "audit"}
    backup.delete_backup_vault(BackupVaultName=name)
    assert refused(backup.describe_backup_vault, BackupVaultName=name) == ("AccessDeniedException", 403), "missing is denied, as in AWS"


def test_locks_of_vaults(sandbox, backup, vault):
    backup.put_backup_vault_lock_configuration(BackupVaultName=vault, MinRetentionDays=7, MaxRetentionDays=365)
    governance = backup.describe_backup_vault(BackupVaultName=vault)
    assert governance["Locked"] is True and governance.get("LockDate") is None and governance["MinRetentionDays"] == 7
    backup.delete_backup_vault_lock_configuration(BackupVaultName=vault)
    assert backup.describe_backup_vault(BackupVaultName=vault)["Locked"] is False
    backup.put_backup_vault_lock_configuration(BackupVaultName=vault, MinRetentionDays=7, ChangeableForDays=3)
    compliance = backup.describe_backup_vault(BackupVaultName=vault)
    assert compliance["Locked"] is True and compliance["LockDate"] > now(sandbox)
    sandbox.advance(days=4)
    assert refused(backup.delete_backup_vault_lock_configuration, BackupVaultName=vault)[1] == 400


def test_air_gapped_vaults(backup, name):
    made = backup.create_logically_air_gapped_backup_vault(BackupVaultName=name, MinRetentionDays=7, MaxRetentionDays=60)
    assert made["VaultState"] in ("CREATING", "AVAILABLE")
    described = backup.describe_backup_vault(BackupVaultName=name)
    assert described["VaultType"] == "LOGICALLY_AIR_GAPPED_BACKUP_VAULT" and described["Locked"] is True
    listed, _ = all_pages(backup, "list_backup_vaults", "BackupVaultList", ByVaultType="LOGICALLY_AIR_GAPPED_BACKUP_VAULT")
    assert [row["BackupVaultName"] for row in listed] == [name]


def daily(vault, **lifecycle):
    rule = {"RuleName": "daily", "TargetBackupVaultName": vault, "ScheduleExpression": "cron(0 5 ? * * *)", "StartWindowMinutes": 60}
    return rule | ({"Lifecycle": lifecycle} if lifecycle else {})


def test_plans_and_selections(backup, vault, name):
    document = {"BackupPlanName": name, "Rules": [daily(vault, MoveToColdStorageAfterDays=7, DeleteAfterDays=97)]}
    made = backup.create_backup_plan(BackupPlan=document, BackupPlanTags={"team": "audit"}, CreatorRequestId="once")
    plan = made["BackupPlanId"]
    assert backup.create_backup_plan(BackupPlan=document, CreatorRequestId="once")["BackupPlanId"] == plan
    assert refused(backup.create_backup_plan, BackupPlan=document) == ("AlreadyExistsException", 400)
    read = backup.get_backup_plan(BackupPlanId=plan, MaxScheduledRunsPreview=3)
    rule = read["BackupPlan"]["Rules"][0]
    assert rule["Lifecycle"]["DeleteAfterDays"] == 97 and rule["RuleId"] and len(read["ScheduledRunsPreview"]) == 3
    too_soon = {"BackupPlanName": f"{name}-x", "Rules": [daily(vault, MoveToColdStorageAfterDays=7, DeleteAfterDays=96)]}
    assert refused(backup.create_backup_plan, BackupPlan=too_soon) == ("InvalidParameterValueException", 400)
    document["Rules"].append(daily(vault, DeleteAfterDays=35) | {"RuleName": "second", "ScheduleExpression": "cron(0 17 ? * * *)"})
    updated = backup.update_backup_plan(BackupPlanId=plan, BackupPlan=document)
    assert updated["VersionId"] != made["VersionId"]
    versions, _ = all_pages(backup, "list_backup_plan_versions", "BackupPlanVersionsList", BackupPlanId=plan)
    assert {row["VersionId"] for row in versions} == {made["VersionId"], updated["VersionId"]}
    old = backup.get_backup_plan(BackupPlanId=plan, VersionId=made["VersionId"])
    assert len(old["BackupPlan"]["Rules"]) == 1
    listed, _ = all_pages(backup, "list_backup_plans", "BackupPlansList", PaginationConfig={"PageSize": 1})
    assert plan in {row["BackupPlanId"] for row in listed}

    selection = {
        "SelectionName": "gold",
        "IamRoleArn": ROLE,
        "Resources": ["arn:aws:dynamodb:*:*:table/*"],
        "NotResources": ["arn:aws:dynamodb:*:*:table/scratch-*"],
        "Conditions": {"StringEquals": [{"ConditionKey": "aws:ResourceTag/tier", "ConditionValue": "gold"}]},
    }
    chosen = backup.create_backup_selection(BackupPlanId=plan, BackupSelection=selection)["SelectionId"]
    back = backup.get_backup_selection(BackupPlanId=plan, SelectionId=chosen)["BackupSelection"]
    assert {key: back[key] for key in ("SelectionName", "IamRoleArn", "Resources", "NotResources")} == {
        key: selection[key] for key in ("SelectionName", "IamRoleArn", "Resources", "NotResources")
    }
    assert back["Conditions"]["StringEquals"] == selection["Conditions"]["StringEquals"]
    rows, _ = all_pages(backup, "list_backup_selections", "BackupSelectionsList", BackupPlanId=plan)
    assert [row["SelectionId"] for row in rows] == [chosen]
    assert refused(backup.delete_backup_plan, BackupPlanId=plan) == ("InvalidRequestException", 400), "it still has a selection"
    backup.delete_backup_selection(BackupPlanId=plan, SelectionId=chosen)
    backup.delete_backup_plan(BackupPlanId=plan)
    assert plan not in {row["BackupPlanId"] for row in backup.list_backup_plans()["BackupPlansList"]}
    assert plan in {row["BackupPlanId"] for row in backup.list_backup_plans(IncludeDeleted=True)["BackupPlansList"]}


def test_plans_really_run(sandbox, backup, dynamodb, vault, table, name):
    rule = daily(vault, DeleteAfterDays=3)
    plan = backup.create_backup_plan(BackupPlan={"BackupPlanName": name, "Rules": [rule]})["BackupPlanId"]
    selection = {"SelectionName": "one", "IamRoleArn": ROLE, "Resources": [table]}
    chosen = backup.create_backup_selection(BackupPlanId=plan, BackupSelection=selection)["SelectionId"]
    sandbox.advance(days=10)
    points, _ = all_pages(backup, "list_recovery_points_by_backup_vault", "RecoveryPoints", BackupVaultName=vault)
    assert 3 <= len(points) <= 4, "one a day, deleted after three"
    for point in points:
        assert point["Status"] == "COMPLETED" and point["ResourceArn"] == table and point["CreatedBy"]["BackupPlanId"] == plan
        assert now(sandbox) - point["CreationDate"] < 4.5 * DAY
    jobs, _ = all_pages(backup, "list_backup_jobs", "BackupJobs", ByResourceArn=table, PaginationConfig={"PageSize": 3})
    assert 9 <= len(jobs) <= 10 and {job["State"] for job in jobs} == {"COMPLETED"}
    backup.delete_backup_selection(BackupPlanId=plan, SelectionId=chosen)


def test_on_demand_backups(sandbox, backup, vault, table, name):
    started = backup.start_backup_job(
        BackupVaultName=vault,
        ResourceArn=table,
        IamRoleArn=ROLE,
        IdempotencyToken=name,
        Lifecycle={"MoveToColdStorageAfterDays": 7, "DeleteAfterDays": 97},
        RecoveryPointTags={"made-by": "test"},
        StartWindowMinutes=60,
    )
    again = backup.start_backup_job(
        BackupVaultName=vault, ResourceArn=table, IamRoleArn=ROLE, IdempotencyToken=name,
        Lifecycle={"MoveToColdStorageAfterDays": 7, "DeleteAfterDays": 97}, RecoveryPointTags={"made-by": "test"}, StartWindowMinutes=60,
    )
    assert again["BackupJobId"] == started["BackupJobId"]
    job = finished(sandbox, backup.describe_backup_job, "State", BackupJobId=started["BackupJobId"])
    assert job["State"] == "COMPLETED" and job["ResourceType"] == "DynamoDB"
    arn = job["RecoveryPointArn"]
    point = backup.describe_recovery_point(BackupVaultName=vault, RecoveryPointArn=arn)
    assert point["Status"] == "COMPLETED" and point["IsEncrypted"] is True and point["Lifecycle"]["DeleteAfterDays"] == 97
    assert backup.list_tags(ResourceArn=arn)["Tags"]["made-by"] == "test"
    backup.tag_resource(ResourceArn=arn, Tags={"more": "=cmd() 🙂"})
    assert backup.list_tags(ResourceArn=arn)["Tags"] == {"made-by": "test", "more": "=cmd() 🙂"}
    backup.untag_resource(ResourceArn=arn, TagKeyList=["made-by"])
    assert backup.list_tags(ResourceArn=arn)["Tags"] == {"more": "=cmd() 🙂"}
    longer = backup.update_recovery_point_lifecycle(
        BackupVaultName=vault, RecoveryPointArn=arn, Lifecycle={"MoveToColdStorageAfterDays": 7, "DeleteAfterDays": 200}
    )
    assert longer["Lifecycle"]["DeleteAfterDays"] == 200
    protected, _ = all_pages(backup, "list_protected_resources", "Results")
    assert table in {row["ResourceArn"] for row in protected}
    inside, _ = all_pages(backup, "list_protected_resources_by_backup_vault", "Results", BackupVaultName=vault)
    assert [row["ResourceArn"] for row in inside] == [table]
    assert backup.describe_protected_resource(ResourceArn=table)["ResourceType"] == "DynamoDB"
    by_resource, _ = all_pages(backup, "list_recovery_points_by_resource", "RecoveryPoints", ResourceArn=table)
    assert [row["RecoveryPointArn"] for row in by_resource] == [arn]
    assert refused(backup.delete_backup_vault, BackupVaultName=vault) == ("InvalidRequestException", 400)
    backup.delete_recovery_point(BackupVaultName=vault, RecoveryPointArn=arn)
    assert backup.list_recovery_points_by_backup_vault(BackupVaultName=vault)["RecoveryPoints"] == []


def test_backups_that_are_refused_or_fail(sandbox, backup, vault, table):
    def start(**changed):
        arguments = {"BackupVaultName": vault, "ResourceArn": table, "IamRoleArn": ROLE} | changed
        return backup.start_backup_job(**arguments)

    assert refused(start, Lifecycle={"MoveToColdStorageAfterDays": 7, "DeleteAfterDays": 96}) == ("InvalidParameterValueException", 400)
    assert refused(start, StartWindowMinutes=59) == ("InvalidParameterValueException", 400)
    assert refused(start, ResourceArn=table + "-none")[1] == 400
    assert refused(start, BackupVaultName="no-such-vault")[1] in (400, 403)
    backup.put_backup_vault_lock_configuration(BackupVaultName=vault, MinRetentionDays=30)
    failed = back_up(sandbox, backup, table, vault, Lifecycle={"DeleteAfterDays": 7})
    assert failed["State"] == "FAILED" and "lifecycle" in failed["StatusMessage"].lower()
    backup.delete_backup_vault_lock_configuration(BackupVaultName=vault)
    running = start()["BackupJobId"]
    backup.stop_backup_job(BackupJobId=running)
    assert finished(sandbox, backup.describe_backup_job, "State", BackupJobId=running)["State"] == "ABORTED"
    states = {job["State"] for job in backup.list_backup_jobs(ByBackupVaultName=vault)["BackupJobs"]}
    assert states == {"FAILED", "ABORTED"}
    assert [job["State"] for job in backup.list_backup_jobs(ByBackupVaultName=vault, ByState="FAILED")["BackupJobs"]] == ["FAILED"]


def test_pages_of_recovery_points(sandbox, backup, vault, table):
    arns = [back_up(sandbox, backup, table, vault, IdempotencyToken=str(number))["RecoveryPointArn"] for number in range(7)]
    rows, pages = all_pages(
        backup, "list_recovery_points_by_backup_vault", "RecoveryPoints", BackupVaultName=vault, PaginationConfig={"PageSize": 3}
    )
    assert sorted(row["RecoveryPointArn"] for row in rows) == sorted(arns) and pages == 3
    typed = backup.list_recovery_points_by_backup_vault(BackupVaultName=vault, ByResourceType="DynamoDB", MaxResults=1000)
    assert len(typed["RecoveryPoints"]) == 7
    none = backup.list_recovery_points_by_backup_vault(BackupVaultName=vault, ByResourceType="EBS")
    assert none["RecoveryPoints"] == []
    assert refused(backup.list_recovery_points_by_backup_vault, BackupVaultName=vault, MaxResults=1001)[1] == 400


def test_copies_into_another_region(sandbox, backup, vault, table, name):
    far = sandbox.client("backup", region=OTHER_REGION)
    target = far.create_backup_vault(BackupVaultName=name)["BackupVaultArn"]
    point = back_up(sandbox, backup, table, vault)["RecoveryPointArn"]
    job = backup.start_copy_job(
        RecoveryPointArn=point, SourceBackupVaultName=vault, DestinationBackupVaultArn=target, IamRoleArn=ROLE, Lifecycle={"DeleteAfterDays": 30}
    )
    done = finished(sandbox, lambda CopyJobId: backup.describe_copy_job(CopyJobId=CopyJobId)["CopyJob"], "State", CopyJobId=job["CopyJobId"])
    assert done["State"] == "COMPLETED" and done["DestinationBackupVaultArn"] == target
    listed, _ = all_pages(backup, "list_copy_jobs", "CopyJobs", ByResourceArn=table)
    assert [row["CopyJobId"] for row in listed] == [job["CopyJobId"]]
    copies = far.list_recovery_points_by_backup_vault(BackupVaultName=name)["RecoveryPoints"]
    assert [row["RecoveryPointArn"] for row in copies] == [done["DestinationRecoveryPointArn"]]
    assert copies[0]["SourceBackupVaultArn"].endswith(f":backup-vault:{vault}")


def test_restores_copy_the_items(sandbox, backup, dynamodb, vault, table, name):
    point = back_up(sandbox, backup, table, vault)["RecoveryPointArn"]
    dynamodb.put_item(TableName=name, Item=marshal({"pk": "written after the backup"}))
    metadata = backup.get_recovery_point_restore_metadata(BackupVaultName=vault, RecoveryPointArn=point)["RestoreMetadata"]
    assert metadata["originalTableName"] == name
    wish = {"targetTableName": f"{name}-back", "encryptionType": "Default"}
    job = backup.start_restore_job(RecoveryPointArn=point, IamRoleArn=ROLE, Metadata=wish, IdempotencyToken=name)["RestoreJobId"]
    done = finished(sandbox, backup.describe_restore_job, "Status", RestoreJobId=job)
    assert done["Status"] == "COMPLETED" and done["CreatedResourceArn"] == table + "-back", done
    items = dynamodb.scan(TableName=f"{name}-back")["Items"]
    assert [plain(unmarshal(item)) for item in items] == [ITEM], "the items of the backup, and only those"
    assert dynamodb.list_tags_of_resource(ResourceArn=done["CreatedResourceArn"])["Tags"] == []
    stored = backup.get_restore_job_metadata(RestoreJobId=job)["Metadata"]
    assert stored["targetTableName"] == f"{name}-back"
    listed, _ = all_pages(backup, "list_restore_jobs", "RestoreJobs")
    assert job in {row["RestoreJobId"] for row in listed}
    of_table, _ = all_pages(backup, "list_restore_jobs_by_protected_resource", "RestoreJobs", ResourceArn=table)
    assert [row["RestoreJobId"] for row in of_table] == [job]
    assert refused(
        backup.start_restore_job, RecoveryPointArn=point, IamRoleArn=ROLE, Metadata={"encryptionType": "Default"}
    )[1] == 400
    assert refused(
        backup.put_restore_validation_result, RestoreJobId=job, ValidationStatus="SUCCESSFUL"
    )[1] == 400, "verdicts are for restore tests"


def test_restore_testing(backup, name):
    plan = name.replace("-", "_")
    document = {
        "RestoreTestingPlanName": plan,
        "ScheduleExpression": "cron(0 5 ? * * *)",
        "RecoveryPointSelection": {
            "Algorithm": "LATEST_WITHIN_WINDOW",
            "IncludeVaults": ["*"],
            "RecoveryPointTypes": ["SNAPSHOT"],
            "SelectionWindowDays": 30,
        },
    }
    made = backup.create_restore_testing_plan(RestoreTestingPlan=document)
    assert made["RestoreTestingPlanName"] == plan
    selection = {
        "RestoreTestingSelectionName": "tables",
        "ProtectedResourceType": "DynamoDB",
        "IamRoleArn": ROLE,
        "ProtectedResourceArns": ["*"],
        "ValidationWindowHours": 1,
    }
    backup.create_restore_testing_selection(RestoreTestingPlanName=plan, RestoreTestingSelection=selection)
    read = backup.get_restore_testing_selection(RestoreTestingPlanName=plan, RestoreTestingSelectionName="tables")
    assert read["RestoreTestingSelection"]["ProtectedResourceType"] == "DynamoDB"
    rows, _ = all_pages(backup, "list_restore_testing_selections", "RestoreTestingSelections", RestoreTestingPlanName=plan)
    assert [row["RestoreTestingSelectionName"] for row in rows] == ["tables"]
    backup.update_restore_testing_plan(RestoreTestingPlanName=plan, RestoreTestingPlan={"StartWindowHours": 2})
    assert backup.get_restore_testing_plan(RestoreTestingPlanName=plan)["RestoreTestingPlan"]["StartWindowHours"] == 2
    plans, _ = all_pages(backup, "list_restore_testing_plans", "RestoreTestingPlans")
    assert [row["RestoreTestingPlanName"] for row in plans] == [plan]
    backup.delete_restore_testing_selection(RestoreTestingPlanName=plan, RestoreTestingSelectionName="tables")
    backup.delete_restore_testing_plan(RestoreTestingPlanName=plan)
    assert refused(backup.get_restore_testing_plan, RestoreTestingPlanName=plan) == ("ResourceNotFoundException", 400)


def test_what_belongs_to_others_is_not_seen(sandbox, vault):
    other = sandbox.client("backup", account=OTHER_ACCOUNT)
    assert vault not in {row["BackupVaultName"] for row in other.list_backup_vaults()["BackupVaultList"]}
    far = sandbox.client("backup", region=OTHER_REGION)
    assert vault not in {row["BackupVaultName"] for row in far.list_backup_vaults()["BackupVaultList"]}
