"""`backproof` against moto, somebody else's AWS: it lacks much of AWS Backup, and what it lacks must come out as unknown."""

import json

import botocore.exceptions
import pytest

from conftest import REGION, Endpoint, refused
from test_sandbox_dynamodb import SIMPLE

EVIL_TAGS = [{"Key": "note", "Value": '=cmd(),"quoted"\u202e🙂'}]
TABLES = 103
# A rule that needs nothing but DescribeTable: no retries, no waiting for quotas.
QUICK = ("--rules", "deletion-protection-on")


@pytest.fixture(scope="module")
def audited(moto):
    """Tables on two pages, one with point-in-time recovery, one with deletion protection; a vault; a plan that takes all."""
    dynamodb, backup = moto.client("dynamodb"), moto.client("backup")
    for number in range(TABLES - 2):
        dynamodb.create_table(TableName=f"table-{number:03}", **SIMPLE, **({} if number else {"Tags": EVIL_TAGS}))
    dynamodb.create_table(TableName="with-pitr", **SIMPLE)
    dynamodb.update_continuous_backups(
        TableName="with-pitr", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    dynamodb.create_table(TableName="with-protection", **SIMPLE, DeletionProtectionEnabled=True)
    backup.create_backup_vault(BackupVaultName="vault")
    rule = {"RuleName": "daily", "TargetBackupVaultName": "vault", "Lifecycle": {"DeleteAfterDays": 35}}
    backup.create_backup_plan(BackupPlan={"BackupPlanName": "plan", "Rules": [rule]})
    moto.client("s3").create_bucket(Bucket="audit-evidence")
    return moto


def lacking(moto):
    """What moto cannot answer of what a scan asks, as IAM actions."""
    backup, account = moto.client("backup"), moto.client("account")
    plan = backup.list_backup_plans()["BackupPlansList"][0]["BackupPlanId"]
    asked = {
        "backup:DescribeRegionSettings": lambda: backup.describe_region_settings(),
        "backup:GetBackupPlan": lambda: backup.get_backup_plan(BackupPlanId=plan),
        "backup:ListBackupSelections": lambda: backup.list_backup_selections(BackupPlanId=plan),
        "backup:ListBackupJobs": lambda: backup.list_backup_jobs(),
        "backup:ListBackupVaults": lambda: backup.list_backup_vaults(),
        "backup:ListRecoveryPointsByBackupVault": lambda: backup.list_recovery_points_by_backup_vault(BackupVaultName="vault"),
        "account:ListRegions": lambda: account.list_regions(),
    }
    missing = set()
    for action, call in asked.items():
        try:
            call()
        except botocore.exceptions.ClientError:
            missing.add(action)
    return missing


def test_what_moto_lacks_is_unknown_and_never_good_news(audited, backproof, tmp_path):
    run = backproof(audited, "scan", "--regions", f"{REGION},eu-west-1", "--with", "pitr-on", "--to", "out", "--format", "json-all")
    assert run.returncode == 11, run.stderr  # pitr-on finds tables without, and only advises
    assert "panicked" not in run.stderr and "could not read" in run.stderr
    report = json.loads((tmp_path / "out" / "report-all.json").read_text())

    listed = {f"arn:aws:dynamodb:{REGION}:123456789012:table/{name}" for name in all_names(audited)}
    assert len(listed) == TABLES
    assert {table["table_arn"] for table in report["tables"]} == listed
    assert report["coverage"]["tables_listed"] == report["coverage"]["tables_described"] == TABLES

    missing = lacking(audited)
    assert {"backup:DescribeRegionSettings", "backup:ListRecoveryPointsByBackupVault"} <= missing, "moto has grown: look again"
    gaps = {gap["action"] for gap in report["coverage"]["gaps"]}
    assert missing <= gaps

    compliant = {(finding["rule"], finding["resource_arn"].rsplit("/")[-1]) for finding in report["findings"] if finding["verdict"] == "compliant"}
    assert compliant == {("pitr-on", "with-pitr"), ("deletion-protection-on", "with-protection")}
    verdicts = {}
    for finding in report["findings"]:
        verdicts.setdefault(finding["rule"], set()).add(finding["verdict"])
    for rule in ("recovery-point-fresh", "recovery-point-encrypted", "recovery-point-retained", "vault-locked", "dynamodb-opted-in"):
        assert verdicts[rule] == {"unknown"}, rule
    for finding in report["findings"]:
        if finding["verdict"] == "unknown":
            assert None in finding["evidence"].values(), finding
    counted = {verdict: 0 for verdict in ("compliant", "non-compliant", "unknown", "not-applicable")}
    for finding in report["findings"]:
        counted[finding["verdict"]] += 1
    assert report["totals"]["findings_by_verdict"] == counted


def all_names(moto):
    names = []
    for page in moto.client("dynamodb").get_paginator("list_tables").paginate():
        names.extend(page["TableNames"])
    return names


def test_evidence_that_is_missing_is_not_compliance(audited, backproof):
    run = backproof(audited, "scan", "--regions", REGION, "--rules", "recovery-point-fresh", "--to", "out", "--format", "json-all")
    assert run.returncode == 11, run.stderr


def test_reports_are_delivered_once_and_never_overwritten(audited, backproof, tmp_path):
    s3 = audited.client("s3")
    prefix = "2026/11 audit"
    run = backproof(audited, "scan", "--regions", REGION, *QUICK, "--to", f"s3://audit-evidence/{prefix}")
    assert run.returncode == 10, run.stderr
    delivered = {row["Key"]: s3.get_object(Bucket="audit-evidence", Key=row["Key"])["Body"].read() for row in objects(s3)}
    (pack,) = (tmp_path / "backproof-report").iterdir()
    kept = {str(path.relative_to(pack)): path.read_bytes() for path in pack.rglob("*") if path.is_file()}
    assert {"manifest.json", "SHA256SUMS", "report.json", "report.pdf", "findings.csv"} <= set(kept)
    assert {key.removeprefix(f"{prefix}/"): body for key, body in delivered.items()} == kept
    again = backproof(audited, "scan", "--regions", REGION, *QUICK, "--to", f"s3://audit-evidence/{prefix}")
    assert again.returncode == 1
    assert "PreconditionFailed" in again.stderr and "never overwritten" in again.stderr
    assert {row["Key"]: s3.get_object(Bucket="audit-evidence", Key=row["Key"])["Body"].read() for row in objects(s3)} == delivered


def objects(s3):
    return s3.list_objects_v2(Bucket="audit-evidence").get("Contents", [])


def test_a_missing_bucket_is_found_before_the_scan(audited, backproof, tmp_path):
    assert refused(audited.client("s3").head_bucket, Bucket="no-such-bucket") == ("404", 404)
    run = backproof(audited, "scan", "--regions", REGION, *QUICK, "--to", "s3://no-such-bucket/prefix")
    assert run.returncode == 1 and "no-such-bucket" in run.stderr and "error:" in run.stderr
    assert not (tmp_path / "backproof-report").exists()


def test_no_tables_is_no_good_news(audited, backproof, tmp_path):
    run = backproof(audited, "scan", "--regions", "eu-west-1", *QUICK, "--to", "out", "--format", "json")
    assert run.returncode == 1 and "no DynamoDB table" in run.stderr
    assert not (tmp_path / "out" / "report.json").exists()


def test_nobody_there(backproof):
    run = backproof(Endpoint("http://127.0.0.1:9"), "scan", "--regions", REGION, "--to", "out")
    assert run.returncode == 1 and "http://127.0.0.1:9" in run.stderr and "hint:" in run.stderr
