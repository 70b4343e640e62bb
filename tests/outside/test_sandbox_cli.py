"""The AWS CLI with the very environment that `backproof sandbox` prints."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from conftest import ACCOUNT, REGION


@pytest.fixture
def aws(sandbox):
    def run(*arguments, **options):
        program = pathlib.Path(sys.executable).with_name("aws")
        environment = {"PATH": os.environ["PATH"], "HOME": os.devnull, "AWS_DEFAULT_OUTPUT": "json"} | sandbox.printed
        command = [str(program), *map(str, arguments)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, **options)

    return run


def answer(run):
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout) if run.stdout.strip().startswith(("{", "[")) else run.stdout


def test_the_printed_environment_is_all_it_takes(sandbox, aws):
    assert set(sandbox.printed) >= {"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"}
    assert answer(aws("sts", "get-caller-identity"))["Account"] == ACCOUNT


def test_tables_and_backups(aws):
    attribute, key = "AttributeName=pk,AttributeType=S", "AttributeName=pk,KeyType=HASH"
    made = aws(
        "dynamodb", "create-table", "--table-name", "Music", "--billing-mode", "PAY_PER_REQUEST",
        "--attribute-definitions", attribute, "--key-schema", key, "--region", REGION,
    )
    arn = answer(made)["TableDescription"]["TableArn"]
    assert answer(aws("dynamodb", "list-tables", "--region", REGION))["TableNames"] == ["Music"]
    answer(aws("backup", "create-backup-vault", "--backup-vault-name", "WebappBackups", "--region", REGION))
    vaults = answer(aws("backup", "list-backup-vaults", "--max-items", "1", "--region", REGION))
    assert [vault["BackupVaultName"] for vault in vaults["BackupVaultList"]] == ["WebappBackups"]
    role = f"arn:aws:iam::{ACCOUNT}:role/service-role/AWSBackupDefaultServiceRole"
    job = aws(
        "backup", "start-backup-job", "--backup-vault-name", "WebappBackups", "--resource-arn", arn, "--iam-role-arn", role,
        "--lifecycle", "MoveToColdStorageAfterDays=7,DeleteAfterDays=97", "--region", REGION,
    )
    assert answer(job)["BackupJobId"]
    denied = aws("backup", "describe-backup-vault", "--backup-vault-name", "none", "--region", REGION)
    assert denied.returncode != 0 and "AccessDeniedException" in denied.stderr


def test_files_in_s3(aws, tmp_path):
    (tmp_path / "report.pdf").write_bytes(b"%PDF evidence")
    assert aws("s3", "mb", "s3://cli-bucket", "--region", REGION).returncode == 0
    sent = aws("s3", "cp", tmp_path / "report.pdf", "s3://cli-bucket/2026/11/report.pdf", "--region", REGION)
    assert sent.returncode == 0, sent.stderr
    assert "report.pdf" in aws("s3", "ls", "s3://cli-bucket/2026/11/", "--region", REGION).stdout
    back = aws("s3", "cp", "s3://cli-bucket/2026/11/report.pdf", tmp_path / "back.pdf", "--region", REGION)
    assert back.returncode == 0, back.stderr
    assert (tmp_path / "back.pdf").read_bytes() == b"%PDF evidence"
    again = aws(
        "s3api", "put-object", "--bucket", "cli-bucket", "--key", "2026/11/report.pdf", "--if-none-match", "*",
        "--body", tmp_path / "report.pdf", "--region", REGION,
    )
    assert again.returncode != 0 and "PreconditionFailed" in again.stderr
