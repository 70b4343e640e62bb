"""What the tests with other people's AWS have in common: tables, plans that are made in the sandbox and done there, what came of them."""

import hashlib
import json
import subprocess

from botocore.exceptions import ClientError

from conftest import HERE, REGION, binary, serve

JUDGED_ACCOUNT = "123456789012"
TABLES = ("music", "orders")
ROLE = "AWSBackupDefaultServiceRole"
POLICIES = {"AWSBackupServiceRolePolicyForBackup", "AWSBackupServiceRolePolicyForRestores"}
# Everything that a plan can ask for here; the caller of moto has no role of its own.
SETTINGS = f"""
regions = ["{REGION}"]
[policy]
vault-lock = "governance"
[rules]
pitr-on = "require"
deletion-protection-on = "require"
vault-denies-manual-deletion = "require"
restore-tested = "require"
[remediation]
assign = "tag"
break-glass = ["arn:aws:iam::{JUDGED_ACCOUNT}:user/glass"]
"""


def run(endpoint, folder, *arguments, codes=(0,)):
    """Runs the program in a folder, as the judged account."""
    environment = endpoint.environment(account=JUDGED_ACCOUNT, HOME=str(folder), BACKPROOF_POLL_INTERVAL="1s", BACKPROOF_PATIENCE="10s")
    # MiniStack takes an account only if it is the whole key.
    environment["AWS_ACCESS_KEY_ID"] = JUDGED_ACCOUNT
    ran = subprocess.run(
        [binary(), *map(str, arguments)], cwd=folder, env=environment, input="", capture_output=True, text=True, timeout=300
    )
    assert ran.returncode in codes and "panicked" not in ran.stderr, f"{arguments}\n{ran.stdout}\n{ran.stderr}"
    return ran


def client(endpoint, service):
    keys = {"aws_access_key_id": JUDGED_ACCOUNT, "aws_secret_access_key": "not-a-secret"}
    return endpoint.client(service, credentials=keys)


def make_tables(endpoint, names=TABLES):
    attribute = {"AttributeName": "id", "AttributeType": "S"}
    key = {"AttributeName": "id", "KeyType": "HASH"}
    for name in names:
        client(endpoint, "dynamodb").create_table(
            TableName=name, AttributeDefinitions=[attribute], KeySchema=[key], BillingMode="PAY_PER_REQUEST"
        )


def derived(endpoint, folder, *choice, settings=SETTINGS, change=lambda text: text):
    """A plan made from a scan of the sandbox, with the ids of the endpoint's own tables: for what a judge lacks, no scan of it proposes."""
    world = folder / "world.toml"
    world.write_text(change((HERE / "judged.toml").read_text()))
    (folder / "backproof.toml").write_text(settings)
    with serve(world) as sandbox:
        run(sandbox, folder, "scan", "--to", "of-sandbox", codes=(10,))
    run(endpoint, folder, "remediate", "plan", "--from", "of-sandbox", "--to", "plan.json", *choice)
    path = folder / "plan.json"
    plan = json.loads(path.read_text())
    dynamodb = client(endpoint, "dynamodb")
    for part in parts(plan["actions"]):
        for arn, table_id in (("table_arn", "table_id"), ("arn", "id")):
            if ":table/" in str(part.get(arn)):
                table = dynamodb.describe_table(TableName=part[arn].rsplit("/")[-1])["Table"]
                part[table_id] = table.get("TableId")
    del plan["sha256"]
    text = json.dumps(plan, separators=(",", ":"), ensure_ascii=False)
    plan["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(plan))
    return plan


def parts(value):
    """Every object in a document."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts(inner)


def kinds(plan):
    return {action["do"]["kind"] for action in plan["actions"]}


def outcomes(folder, plan):
    """What the journal says last of each action, by its kind: a set, since several tables may fare differently."""
    last = {}
    for line in (folder / "plan.journal.jsonl").read_text().splitlines():
        entry = json.loads(line)
        last[entry["action"]] = entry["step"]
    found = {}
    for action in plan["actions"]:
        found.setdefault(action["do"]["kind"], set()).add(last.get(action["id"], "left"))
    return found


def verified(ran, plan):
    """The verdicts of `remediate verify` on the actions, by kind."""
    lines = ran.stdout.splitlines()[: len(plan["actions"])]
    found = {}
    for line, action in zip(lines, plan["actions"], strict=True):
        found.setdefault(action["do"]["kind"], set()).add(line.split()[0])
    return found


def undo(endpoint, folder, codes):
    """Takes everything back, with each name typed."""
    names = [*TABLES, "films", ROLE, "backproof", "backproof-default", "weekly", "kept", "backproof_restore_tests"]
    typed = [word for name in names for word in ("--confirm", name)]
    return run(endpoint, folder, "remediate", "undo", "plan.json", *typed, codes=codes)


def compliant(folder, name):
    """What a scan calls compliant: rule and name."""
    report = json.loads((folder / name / "report-all.json").read_text())
    return {
        (finding["rule"], finding["resource_arn"].replace("/", ":").rsplit(":")[-1])
        for finding in report["findings"]
        if finding["verdict"] == "compliant"
    }


def state(endpoint):
    """What there is of all that a plan can touch, without what every call changes."""
    backup, dynamodb, iam = (client(endpoint, service) for service in ("backup", "dynamodb", "iam"))
    tables = {}
    for name in dynamodb.list_tables()["TableNames"]:
        table = dynamodb.describe_table(TableName=name)["Table"]
        recovery = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        tables[name] = {
            "protected": table["DeletionProtectionEnabled"],
            "recovery": recovery["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
            "tags": dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"],
        }
    vaults = {}
    for vault in backup.list_backup_vaults()["BackupVaultList"]:
        lock = [vault.get(key) for key in ("Locked", "MinRetentionDays", "MaxRetentionDays")]
        vaults[vault["BackupVaultName"]] = {"lock": lock, "key": vault.get("EncryptionKeyArn")}
    plans = {}
    for listed in backup.list_backup_plans()["BackupPlansList"]:
        plan_id = listed["BackupPlanId"]
        plan = backup.get_backup_plan(BackupPlanId=plan_id)["BackupPlan"]
        plans[listed["BackupPlanName"]] = {"rules": plan["Rules"], "selections": selections(backup, plan_id)}
    roles = {}
    for role in iam.list_roles()["Roles"]:
        attached = iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
        roles[role["RoleName"]] = {
            "path": role["Path"],
            "trust": role["AssumeRolePolicyDocument"],
            "policies": {policy["PolicyName"] for policy in attached},
        }
    return {"tables": tables, "vaults": vaults, "plans": plans, "roles": roles}


def selections(backup, plan_id):
    """The selections of a plan; none where they are not simulated."""
    try:
        listed = backup.list_backup_selections(BackupPlanId=plan_id)["BackupSelectionsList"]
    except ClientError:
        return []
    one = lambda row: backup.get_backup_selection(BackupPlanId=plan_id, SelectionId=row["SelectionId"])["BackupSelection"]
    return [one(row) for row in listed]


def trust():
    statement = {"Effect": "Allow", "Principal": {"Service": "backup.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}
