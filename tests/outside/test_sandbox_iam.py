"""IAM of the sandbox, parsed by boto3, and what AWS Backup says of the roles made there."""

import json

from conftest import ACCOUNT, refused
from test_sandbox_dynamodb import SIMPLE

NAME = "AWSBackupDefaultServiceRole"
CREDENTIALS = {"access_key_id": "AccessKeyId", "secret_access_key": "SecretAccessKey", "session_token": "SessionToken"}
ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/{NAME}"
POLICY = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicy"


def trust(service):
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def make(iam, service="backup.amazonaws.com", **more):
    return iam.create_role(RoleName=NAME, Path="/service-role/", AssumeRolePolicyDocument=trust(service), **more)["Role"]


def remove(iam):
    for policy in iam.list_attached_role_policies(RoleName=NAME)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=NAME, PolicyArn=policy["PolicyArn"])
    iam.delete_role(RoleName=NAME)


def test_the_default_role_is_made_and_deleted(sandbox):
    iam = sandbox.client("iam")
    role = iam.get_role(RoleName=NAME)["Role"]
    assert role["Arn"] == ROLE and role["Path"] == "/service-role/" and role["RoleId"].startswith("AROA")
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "backup.amazonaws.com"}
    assert refused(iam.delete_role, RoleName=NAME) == ("DeleteConflict", 409)
    remove(iam)
    assert refused(iam.get_role, RoleName=NAME) == ("NoSuchEntity", 404)
    made = make(iam, Tags=[{"Key": "backproof:plan", "Value": "1"}])
    assert made["Arn"] == ROLE and made["RoleId"] != role["RoleId"]
    assert refused(make, iam) == ("EntityAlreadyExists", 409)
    iam.tag_role(RoleName=NAME, Tags=[{"Key": "team", "Value": "web & more"}])
    tags = {tag["Key"]: tag["Value"] for tag in iam.get_role(RoleName=NAME)["Role"]["Tags"]}
    assert tags == {"backproof:plan": "1", "team": "web & more"}
    for what in ("ForBackup", "ForRestores"):
        iam.attach_role_policy(RoleName=NAME, PolicyArn=POLICY + what)
    names = [policy["PolicyName"] for policy in iam.list_attached_role_policies(RoleName=NAME)["AttachedPolicies"]]
    assert names == ["AWSBackupServiceRolePolicyForBackup", "AWSBackupServiceRolePolicyForRestores"]
    assert refused(iam.attach_role_policy, RoleName=NAME, PolicyArn=POLICY + "ForTea") == ("NoSuchEntity", 404)
    assert refused(sandbox.client("iam", region="eu-west-1").get_role, RoleName="nosuch") == ("NoSuchEntity", 404)


def test_what_a_principal_may_do_is_simulated(sandbox):
    iam = sandbox.client("iam")
    arn = f"arn:aws:iam::{ACCOUNT}:user/auditor"
    asked = ["backup:ListBackupPlans", "dynamodb:DeleteTable"]
    results = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=asked)["EvaluationResults"]
    assert {one["EvalActionName"]: one["EvalDecision"] for one in results} == dict.fromkeys(asked, "allowed")
    nobody = {"PolicySourceArn": f"arn:aws:iam::{ACCOUNT}:role/nosuch", "ActionNames": asked}
    assert refused(iam.simulate_principal_policy, **nobody) == ("NoSuchEntity", 404)
    limited = iam.simulate_principal_policy(PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:role/audit/Limited", ActionNames=asked)
    assert [one["EvalDecision"] for one in limited["EvaluationResults"]] == ["allowed", "implicitDeny"]
    keys = sandbox.client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/audit/Limited", RoleSessionName="audit")["Credentials"]
    session = {f"aws_{ours}": keys[theirs] for ours, theirs in CREDENTIALS.items()}
    dynamodb = sandbox.client("dynamodb", credentials=session)
    assert refused(dynamodb.delete_table, TableName="any") == ("AccessDeniedException", 400)
    sandbox.client("backup", credentials=session).list_backup_plans()


def test_backup_takes_only_a_role_that_it_can_use(sandbox):
    iam, backup, dynamodb = sandbox.client("iam"), sandbox.client("backup"), sandbox.client("dynamodb")
    dynamodb.create_table(TableName="roled", **SIMPLE)
    sandbox.advance(seconds=2)
    backup.create_backup_vault(BackupVaultName="roled")
    rule = {"RuleName": "daily", "TargetBackupVaultName": "roled"}
    plan = backup.create_backup_plan(BackupPlan={"BackupPlanName": "roled", "Rules": [rule]})["BackupPlanId"]
    table = dynamodb.describe_table(TableName="roled")["Table"]["TableArn"]

    def select(name):
        selection = {"SelectionName": name, "IamRoleArn": ROLE, "Resources": [table]}
        return backup.create_backup_selection(BackupPlanId=plan, BackupSelection=selection)

    def start():
        started = backup.start_backup_job(BackupVaultName="roled", ResourceArn=table, IamRoleArn=ROLE)
        sandbox.advance(seconds=10)
        return backup.describe_backup_job(BackupJobId=started["BackupJobId"])

    remove(iam)
    assert refused(select, "none") == ("InvalidParameterValueException", 400)
    assert refused(start) == ("InvalidParameterValueException", 400)
    make(iam, "ec2.amazonaws.com")
    assert refused(select, "untrusted") == ("InvalidParameterValueException", 400)
    job = start()
    assert job["State"] == "FAILED" and job["StatusMessage"] == f"IAM Role {ROLE} cannot be assumed by AWS Backup"
    remove(iam)
    make(iam)
    assert refused(select, "powerless") == ("InvalidParameterValueException", 400)
    job = start()
    assert job["State"] == "FAILED" and "is not authorized to perform: dynamodb:ListTagsOfResource" in job["StatusMessage"]
    iam.attach_role_policy(RoleName=NAME, PolicyArn=POLICY + "ForBackup")
    select("fine")
    job = start()
    assert job["State"] == "COMPLETED"
    restore = {"RecoveryPointArn": job["RecoveryPointArn"], "Metadata": {"targetTableName": "again", "encryptionType": "Default"}}
    started = backup.start_restore_job(IamRoleArn=ROLE, **restore)["RestoreJobId"]
    sandbox.advance(seconds=10)
    failed = backup.describe_restore_job(RestoreJobId=started)
    assert failed["Status"] == "FAILED" and "not authorized" in failed["StatusMessage"]
    iam.attach_role_policy(RoleName=NAME, PolicyArn=POLICY + "ForRestores")
    started = backup.start_restore_job(IamRoleArn=ROLE, **restore)["RestoreJobId"]
    sandbox.advance(seconds=10)
    assert backup.describe_restore_job(RestoreJobId=started)["Status"] == "COMPLETED"
    remove(iam)
    backup.delete_recovery_point(BackupVaultName="roled", RecoveryPointArn=job["RecoveryPointArn"])
    point = backup.describe_recovery_point(BackupVaultName="roled", RecoveryPointArn=job["RecoveryPointArn"])
    assert point["Status"] == "EXPIRED", "a point whose role is gone cannot be deleted"
