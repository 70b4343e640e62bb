"""AWS's tutorial on protecting DynamoDB with AWS Backup, done by hand with boto3 in the world that it begins with."""

import pytest

from conftest import ACCOUNT, OTHER_REGION, REPOSITORY, all_pages, refused, serve
from test_sandbox_iam import NAME, POLICY, ROLE, make, remove

LIFECYCLE = {"MoveToColdStorageAfterDays": 7, "DeleteAfterDays": 97}
TABLE = f"arn:aws:dynamodb:{OTHER_REGION}:{ACCOUNT}:table/Music"


@pytest.fixture(scope="module")
def world():
    with serve(REPOSITORY / "sandbox" / "worlds" / "tutorial.toml") as running:
        yield running


def items(dynamodb, name):
    rows, _ = all_pages(dynamodb, "scan", "Items", TableName=name)
    return sorted(rows, key=str)


def test_the_whole_tutorial_and_back(world):
    backup, dynamodb, iam = (world.client(service, region=OTHER_REGION) for service in ("backup", "dynamodb", "iam"))
    before = world.control("state/comparable")
    started = {"BackupVaultName": "WebappBackups", "ResourceArn": TABLE, "IamRoleArn": ROLE, "Lifecycle": LIFECYCLE}
    # 2.1 and 2.2: the settings; every other key stays.
    settings = backup.describe_region_settings()
    assert settings["ResourceTypeOptInPreference"]["DynamoDB"] is False
    backup.create_backup_vault(BackupVaultName="WebappBackups")
    assert refused(backup.start_backup_job, **started)[0] == "InvalidParameterValueException", "there is no role"
    on = {"DynamoDB": True}
    backup.update_region_settings(ResourceTypeOptInPreference=on, ResourceTypeManagementPreference=on)
    settings["ResourceTypeOptInPreference"] |= on
    settings["ResourceTypeManagementPreference"] |= on
    now = backup.describe_region_settings()
    assert {name: now[name] for name in settings if name.startswith("Resource")} == {
        name: value for name, value in settings.items() if name.startswith("Resource")
    }
    # 2.3: role, on-demand backup.
    make(iam)
    for what in ("ForBackup", "ForRestores"):
        iam.attach_role_policy(RoleName=NAME, PolicyArn=POLICY + what)
    job = backup.start_backup_job(**started)
    world.advance(seconds=10)
    job = backup.describe_backup_job(BackupJobId=job["BackupJobId"])
    assert job["State"] == "COMPLETED"
    # 3: plan and assignment.
    rule = {"RuleName": "DynamoDB-dailies", "TargetBackupVaultName": "WebappBackups", "Lifecycle": LIFECYCLE}
    plan = backup.create_backup_plan(BackupPlan={"BackupPlanName": "DynamoDB-backup", "Rules": [rule]})["BackupPlanId"]
    selection = {"SelectionName": "DynamoDB-resources", "IamRoleArn": ROLE, "Resources": [TABLE]}
    selection = backup.create_backup_selection(BackupPlanId=plan, BackupSelection=selection)["SelectionId"]
    # 4: restore.
    metadata = {"targetTableName": "DynamoDB-restore", "encryptionType": "Default"}
    restore = {"RecoveryPointArn": job["RecoveryPointArn"], "IamRoleArn": ROLE, "Metadata": metadata}
    backup.start_restore_job(**restore)
    world.advance(seconds=10)
    assert items(dynamodb, "DynamoDB-restore") == items(dynamodb, "Music") and len(items(dynamodb, "Music")) == 60
    assert refused(backup.start_restore_job, **restore)[0] == "InvalidParameterValueException", "the table is there"
    # 5: clean-up.
    assert refused(backup.delete_backup_plan, BackupPlanId=plan)[0] == "InvalidRequestException"
    assert refused(backup.delete_backup_vault, BackupVaultName="WebappBackups")[0] == "InvalidRequestException"
    backup.delete_recovery_point(BackupVaultName="WebappBackups", RecoveryPointArn=job["RecoveryPointArn"])
    backup.delete_backup_vault(BackupVaultName="WebappBackups")
    backup.delete_backup_selection(BackupPlanId=plan, SelectionId=selection)
    backup.delete_backup_plan(BackupPlanId=plan)
    dynamodb.delete_table(TableName="DynamoDB-restore")
    remove(iam)
    backup.update_region_settings(ResourceTypeOptInPreference={"DynamoDB": False}, ResourceTypeManagementPreference={"DynamoDB": False})
    world.advance(seconds=10)
    # The jobs are history; everything else is as it was.
    after = world.control("state/comparable")
    for state in (before, after):
        here = state["places"][f"{ACCOUNT}/{OTHER_REGION}"]["backup"]
        for jobs in ("backup-jobs", "restore-jobs"):
            here[jobs] = []
    assert after == before
    done = [write["action"] for write in world.control("writes")["writes"]]
    assert len(done) == 18 and done[0] == "backup:CreateBackupVault", done
    touched = {write["resource"] for write in world.control("writes")["writes"]}
    assert TABLE not in touched


def test_faults_for_writers(world):
    backup = world.client("backup", region=OTHER_REGION)
    with world.fault(deny="backup:CreateBackupVault", principal="*:user/auditor", after=1, times=1):
        backup.create_backup_vault(BackupVaultName="first")
        assert refused(backup.create_backup_vault, BackupVaultName="second") == ("AccessDeniedException", 403)
        backup.create_backup_vault(BackupVaultName="second")
    retrying = world.client("backup", region=OTHER_REGION, retries={"total_max_attempts": 5, "mode": "standard"})
    with world.fault(throttle_rate=1.0, writes=True, times=2):
        retrying.create_backup_vault(BackupVaultName="third")
    assert world.stats()["throttled-calls"] == {"backup:CreateBackupVault": 2}
    with world.fault(reset_rate=1.0, writes=True, times=1):
        retrying.create_backup_vault(BackupVaultName="fourth", CreatorRequestId="once")
    last = world.control("writes")["writes"][-1]
    assert last["parameters"]["CreatorRequestId"] == "once" and last["lost"] is True, "done once, answered the second time"
