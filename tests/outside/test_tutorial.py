"""docs/tutorial.md, literally: every command, in order, and what each step has left, seen from outside with boto3."""

import os
import pathlib
import re
import subprocess
import sys

from conftest import OTHER_REGION, REPOSITORY, all_pages, binary, serve

DOCUMENT = REPOSITORY / "docs" / "tutorial.md"
LIFECYCLE = {"MoveToColdStorageAfterDays": 7, "DeleteAfterDays": 97}
# An answer about tables; anything else means that the command did not work.
ANSWERS = {0, 10, 11}


def opted_in(backup):
    settings = backup.describe_region_settings()
    return settings["ResourceTypeOptInPreference"]["DynamoDB"] and settings["ResourceTypeManagementPreference"]["DynamoDB"]


def points(backup):
    return all_pages(backup, "list_recovery_points_by_backup_vault", "RecoveryPoints", BackupVaultName="WebappBackups")[0]


def plans(backup):
    return [plan["BackupPlanName"] for plan in backup.list_backup_plans()["BackupPlansList"]]


def items(dynamodb, name):
    return sorted(all_pages(dynamodb, "scan", "Items", TableName=name)[0], key=str)


def test_the_tutorial_does_what_it_says(tmp_path):
    sections = re.split(r"^## ", DOCUMENT.read_text(), flags=re.MULTILINE)
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "backproof").symlink_to(binary())
    folder = tmp_path / "folder"
    folder.mkdir()
    path = os.pathsep.join([str(tools), str(pathlib.Path(sys.executable).parent), os.environ["PATH"]])
    with serve(REPOSITORY / "sandbox" / "worlds" / "tutorial.toml") as world:
        environment = world.environment(region=OTHER_REGION, HOME=str(tmp_path), BACKPROOF_POLL_INTERVAL="1s", PATH=path)
        backup, dynamodb, iam = (world.client(name, region=OTHER_REGION) for name in ("backup", "dynamodb", "iam"))

        def step_1():
            assert not opted_in(backup) and not plans(backup)

        def step_2_1():
            assert opted_in(backup)

        def step_2_3():
            role = iam.get_role(RoleName="AWSBackupDefaultServiceRole")["Role"]
            assert role["Path"] == "/service-role/"
            attached = iam.list_attached_role_policies(RoleName="AWSBackupDefaultServiceRole")["AttachedPolicies"]
            assert len(attached) == 2
            [point] = points(backup)
            assert point["Status"] == "COMPLETED" and point["Lifecycle"] == LIFECYCLE

        def step_3():
            [plan] = backup.list_backup_plans()["BackupPlansList"]
            assert plan["BackupPlanName"] == "DynamoDB-backup"
            [rule] = backup.get_backup_plan(BackupPlanId=plan["BackupPlanId"])["BackupPlan"]["Rules"]
            assert rule["TargetBackupVaultName"] == "WebappBackups" and rule["Lifecycle"] == LIFECYCLE
            assert rule["RuleName"] == "DynamoDB-dailies" and rule["ScheduleExpression"] == "cron(0 5 ? * * *)"
            assert rule["StartWindowMinutes"] == 480 and not rule.get("CopyActions")
            [selection] = backup.list_backup_selections(BackupPlanId=plan["BackupPlanId"])["BackupSelectionsList"]
            assert selection["SelectionName"] == "DynamoDB-resources"
            chosen = backup.get_backup_selection(BackupPlanId=plan["BackupPlanId"], SelectionId=selection["SelectionId"])
            assert [arn.rsplit("/")[-1] for arn in chosen["BackupSelection"]["Resources"]] == ["Music"]

        def step_4():
            assert "DynamoDB-restore" in dynamodb.list_tables()["TableNames"]
            assert items(dynamodb, "DynamoDB-restore") == items(dynamodb, "Music") != []

        def step_5():
            assert plans(backup) == []
            world.advance(seconds=10)
            assert dynamodb.list_tables()["TableNames"] == ["Music"]
            assert opted_in(backup) and len(points(backup)) == 1

        checks = {"Step 1": step_1, "Step 2.1": step_2_1, "Step 2.3": step_2_3, "Step 3": step_3, "Step 4": step_4, "Step 5": step_5}
        done = []
        for section in sections:
            for block in re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
                # A document in the shell is one command, everything else one a line.
                for command in [block] if "<<" in block else block.strip().splitlines():
                    ran = subprocess.run(
                        ["bash", "-c", command], cwd=folder, env=environment, input="", capture_output=True, text=True, timeout=300
                    )
                    assert ran.returncode in ANSWERS, f"{command}\n{ran.stdout}\n{ran.stderr}"
            for name, check in checks.items():
                if section.startswith(name):
                    check()
                    done.append(name)
    assert done == list(checks)


LINE = "protect Music --vault WebappBackups --daily --cold-after 7d --delete-after 97d"
NAMES = "--plan-name DynamoDB-backup --rule-name DynamoDB-dailies --assignment-name DynamoDB-resources"


def test_steps_2_and_3_are_one_line(tmp_path):
    assert f"backproof {LINE}" in DOCUMENT.read_text()
    with serve(REPOSITORY / "sandbox" / "worlds" / "tutorial.toml") as world:
        environment = world.environment(region=OTHER_REGION, HOME=str(tmp_path), BACKPROOF_POLL_INTERVAL="1s")
        backup = world.client("backup", region=OTHER_REGION)
        command = [binary(), *LINE.split(), *NAMES.split(), "--yes"]
        ran = subprocess.run(command, cwd=tmp_path, env=environment, input="", capture_output=True, text=True, timeout=300)
        assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
        assert opted_in(backup)
        [point] = points(backup)
        assert point["Lifecycle"] == LIFECYCLE
        [plan] = backup.list_backup_plans()["BackupPlansList"]
        [rule] = backup.get_backup_plan(BackupPlanId=plan["BackupPlanId"])["BackupPlan"]["Rules"]
        [selection] = backup.list_backup_selections(BackupPlanId=plan["BackupPlanId"])["BackupSelectionsList"]
        names = (plan["BackupPlanName"], rule["RuleName"], selection["SelectionName"])
        assert names == ("DynamoDB-backup", "DynamoDB-dailies", "DynamoDB-resources")
        assert rule["TargetBackupVaultName"] == "WebappBackups" and rule["Lifecycle"] == LIFECYCLE
        # Again: everything is so already.
        ran = subprocess.run(command, cwd=tmp_path, env=environment, input="", capture_output=True, text=True, timeout=300)
        assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
        assert len(points(backup)) == 1 and len(plans(backup)) == 1
