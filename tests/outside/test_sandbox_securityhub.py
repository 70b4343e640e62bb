"""Security Hub of the sandbox, and what `--push` makes of it, parsed by boto3."""

import json
import subprocess

import pytest

from conftest import ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, REGION, all_pages, binary, refused
from test_sandbox_dynamodb import SIMPLE

PRODUCT = f"arn:aws:securityhub:{REGION}:{ACCOUNT}:product/{ACCOUNT}/default"


def finding(number, **more):
    return {
        "SchemaVersion": "2018-10-08",
        "Id": f"tool/{number}",
        "ProductArn": PRODUCT,
        "GeneratorId": "tool/rule",
        "AwsAccountId": ACCOUNT,
        "CreatedAt": "2026-10-01T00:00:00Z",
        "UpdatedAt": "2026-10-02T00:00:00Z",
        "Title": "t",
        "Description": "d",
        "Resources": [{"Type": "Other", "Id": "thing"}],
        "FindingProviderFields": {"Severity": {"Label": "LOW"}, "Types": ["Effects"]},
    } | more


def test_findings_are_imported_read_and_worked_on(sandbox):
    hub = sandbox.client("securityhub")
    answer = hub.batch_import_findings(Findings=[finding(number) for number in range(99)] + [finding("far", AwsAccountId=OTHER_ACCOUNT)])
    assert answer["SuccessCount"] == 99 and answer["FailedCount"] == 1
    assert answer["FailedFindings"][0]["ErrorCode"] == "InvalidAccess"
    filters = {"GeneratorId": [{"Value": "tool/", "Comparison": "PREFIX"}]}
    rows, pages = all_pages(hub, "get_findings", "Findings", Filters=filters, PaginationConfig={"PageSize": 50})
    assert len(rows) == 99 and pages == 2
    assert rows[0]["Workflow"]["Status"] == "NEW" and rows[0]["Severity"]["Label"] == "LOW" and rows[0]["Region"] == REGION
    identifiers = [{"Id": "tool/1", "ProductArn": PRODUCT}, {"Id": "none", "ProductArn": PRODUCT}]
    note = {"Text": "known", "UpdatedBy": "someone"}
    updated = hub.batch_update_findings(FindingIdentifiers=identifiers, Workflow={"Status": "SUPPRESSED"}, Note=note)
    assert len(updated["ProcessedFindings"]) == 1 and updated["UnprocessedFindings"][0]["ErrorCode"] == "FindingNotFound"
    assert refused(hub.get_findings, MaxResults=101) == ("InvalidInputException", 400)
    assert refused(hub.batch_import_findings, Findings=[finding(number) for number in range(101)])[0] == "InvalidInputException"
    assert not sandbox.client("securityhub", region=OTHER_REGION).get_findings()["Findings"], "each Region has its own"


@pytest.fixture(scope="module")
def pushed(sandbox, tmp_path_factory):
    """A scan of two accounts, pushed."""
    sandbox.client("dynamodb", region=OTHER_REGION).create_table(TableName="orders", **SIMPLE)
    sandbox.client("dynamodb", account=OTHER_ACCOUNT, region=OTHER_REGION).create_table(TableName="theirs", **SIMPLE)
    folder = tmp_path_factory.mktemp("push")
    role = f"arn:aws:iam::{OTHER_ACCOUNT}:role/BackupAudit"
    settings = f'regions = ["{OTHER_REGION}"]\naccounts = [{{ id = "{ACCOUNT}" }}, {{ id = "{OTHER_ACCOUNT}", role_arn = "{role}" }}]\n'
    (folder / "backproof.toml").write_text(settings)
    command = [binary(), "scan", "--to", "out", "--format", "json,asff", "--push", "securityhub"]
    ran = subprocess.run(command, cwd=folder, env=sandbox.environment(), capture_output=True, text=True, timeout=120)
    assert ran.returncode == 10, ran.stderr
    return folder, ran.stderr


def test_every_account_gets_its_own_findings(sandbox, pushed):
    folder, said = pushed
    sent = json.loads((folder / "out" / "findings.asff.json").read_text(encoding="utf-8"))
    for account in (ACCOUNT, OTHER_ACCOUNT):
        hub = sandbox.client("securityhub", account=account, region=OTHER_REGION)
        stored, _ = all_pages(hub, "get_findings", "Findings", Filters={"GeneratorId": [{"Value": "backproof/", "Comparison": "PREFIX"}]})
        # The file holds advised findings too; only required ones are sent without `--advised`.
        own = {one["Id"]: one for one in sent if one["AwsAccountId"] == account and one["ProductFields"]["backproof/level"] == "required"}
        assert own and {one["Id"] for one in stored} == own.keys()
        for one in stored:
            wanted = own[one["Id"]]
            fields = {key: value for key, value in one["ProductFields"].items() if not key.startswith("aws/")}
            assert fields == wanted["ProductFields"]
            for member in wanted.keys() - {"ProductFields"}:
                assert one[member] == wanted[member], member
        assert f"Security Hub of account {account}, {OTHER_REGION}: {len(own)} new" in said
