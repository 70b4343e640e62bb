"""What goes wrong on purpose, and that the unchanged retries of boto3 get over it."""

import time

import botocore.exceptions
import pytest

from conftest import ACCOUNT, OTHER_REGION, REGION, refused
from test_sandbox_dynamodb import SIMPLE

PATIENT = {"retries": {"total_max_attempts": 30, "mode": "standard"}}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Back-off is counted, not slept through."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0.001)


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("backup", lambda client: client.list_backup_vaults(), "ThrottlingException"),
        ("dynamodb", lambda client: client.list_tables(), "ThrottlingException"),
        ("sts", lambda client: client.get_caller_identity(), "Throttling"),
        ("s3", lambda client: client.list_objects_v2(Bucket="faults"), "SlowDown"),
    ],
)
def test_throttling_and_server_errors(sandbox, service, call, code):
    sandbox.client("s3").create_bucket(Bucket="faults")
    hasty = sandbox.client(service)
    with sandbox.fault(service=service, throttle_rate=1.0):
        assert refused(call, hasty)[0] == code
    with sandbox.fault(service=service, error_rate=1.0):
        assert refused(call, hasty)[1] in (500, 503)
    patient = sandbox.client(service, **PATIENT)
    with sandbox.fault(service=service, throttle_rate=0.3, error_rate=0.1):
        for _ in range(30):
            call(patient)
    call(hasty)


def test_adaptive_retries_get_through_throttling(sandbox):
    client = sandbox.client("dynamodb", retries={"total_max_attempts": 20, "mode": "adaptive"})
    with sandbox.fault(action="dynamodb:ListTables", throttle_rate=0.2):
        for _ in range(20):
            assert client.list_tables()["TableNames"] == []


def test_dropped_connections_and_cut_answers(sandbox):
    client = sandbox.client("backup")
    with sandbox.fault(service="backup", reset_rate=1.0), pytest.raises(
        (botocore.exceptions.ConnectionError, botocore.exceptions.HTTPClientError)
    ):
        client.list_backup_vaults()
    with sandbox.fault(service="backup", truncate_rate=1.0), pytest.raises(botocore.exceptions.BotoCoreError):
        client.list_backup_vaults()
    patient = sandbox.client("backup", **PATIENT)
    with sandbox.fault(service="backup", reset_rate=0.2):
        for _ in range(30):
            patient.list_backup_vaults()


def test_latency(sandbox):
    client = sandbox.client("sts")
    client.get_caller_identity()
    with sandbox.fault(service="sts", latency_ms=300):
        start = time.monotonic()
        client.get_caller_identity()
        assert time.monotonic() - start >= 0.3


def test_denials_hit_what_they_name_and_nothing_else(sandbox):
    backup, far = sandbox.client("backup"), sandbox.client("backup", region=OTHER_REGION)
    backup.create_backup_vault(BackupVaultName="ledger-vault")
    backup.create_backup_vault(BackupVaultName="open-vault")
    with sandbox.fault(deny="backup:ListRecoveryPointsByBackupVault", account=ACCOUNT, region=REGION, resource="*:backup-vault:ledger-*"):
        assert refused(backup.list_recovery_points_by_backup_vault, BackupVaultName="ledger-vault") == ("AccessDeniedException", 403)
        assert backup.list_recovery_points_by_backup_vault(BackupVaultName="open-vault")["RecoveryPoints"] == []
        backup.list_backup_vaults()
        far.list_backup_vaults()
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="denied-bucket")
    with sandbox.fault(deny="s3:PutObject"):
        assert refused(s3.put_object, Bucket="denied-bucket", Key="k", Body=b"") == ("AccessDenied", 403)
    with sandbox.fault(deny="dynamodb:*"):
        assert refused(sandbox.client("dynamodb").list_tables)[0] == "AccessDeniedException"
    stats = sandbox.stats()
    assert stats["calls"]["backup:ListBackupVaults"] >= 1 and stats["by-target"][f"{ACCOUNT}/{REGION}"] > 1


def test_credentials_that_expire(sandbox):
    client = sandbox.client("dynamodb")
    with sandbox.fault(service="dynamodb", expired_credentials=2):
        client.list_tables()
        client.list_tables()
        assert refused(client.list_tables)[0] == "ExpiredTokenException"
    client.list_tables()


def test_published_quotas(sandbox):
    backup = sandbox.client("backup")
    with sandbox.fault(quota=True):
        codes = []
        for _ in range(120):
            try:
                backup.describe_backup_vault(BackupVaultName="Default-not-there")
            except botocore.exceptions.ClientError as error:
                codes.append(error.response["Error"]["Code"])
        assert "ThrottlingException" in codes and "AccessDeniedException" in codes


def test_the_clock_moves_only_forward(sandbox):
    before = sandbox.now()
    assert sandbox.advance(hours=1) > before
    with pytest.raises(Exception, match="400"):
        sandbox.control("clock", "POST", {"set": before})
    with pytest.raises(Exception, match="400"):
        sandbox.control("faults", "POST", {"throttle-rate": 2})


def test_nothing_reaches_a_place_that_was_not_called(sandbox):
    sandbox.client("dynamodb", region=OTHER_REGION).create_table(TableName="far", **SIMPLE)
    assert sandbox.client("dynamodb").list_tables()["TableNames"] == []
