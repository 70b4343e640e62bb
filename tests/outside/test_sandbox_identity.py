"""STS, KMS, the tagging API, account management and Organizations of the sandbox, parsed by boto3."""

import datetime
import hashlib
import subprocess

import pytest

from conftest import ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, REGION, all_pages, refused
from test_sandbox_dynamodb import SIMPLE

ROLE = f"arn:aws:iam::{OTHER_ACCOUNT}:role/BackupAudit"


def assume(sandbox, role=ROLE, **more):
    return sandbox.client("sts").assume_role(RoleArn=role, RoleSessionName="audit", **more)


def test_who_calls(sandbox):
    identity = sandbox.client("sts").get_caller_identity()
    assert identity["Account"] == ACCOUNT and identity["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/auditor"
    assert sandbox.client("sts", account=OTHER_ACCOUNT).get_caller_identity()["Account"] == OTHER_ACCOUNT
    unknown = {"aws_access_key_id": "AKIAUNKNOWN", "aws_secret_access_key": "x"}
    assert sandbox.client("sts", credentials=unknown).get_caller_identity()["Account"] == ACCOUNT


def test_roles_lead_into_other_accounts(sandbox):
    answer = assume(sandbox, ExternalId="agreed", DurationSeconds=900)
    credentials = answer["Credentials"]
    assert credentials["Expiration"] > datetime.datetime.now(datetime.timezone.utc)
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{OTHER_ACCOUNT}:assumed-role/BackupAudit/audit"
    keys = {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }
    identity = sandbox.client("sts", credentials=keys).get_caller_identity()
    assert identity["Account"] == OTHER_ACCOUNT and identity["Arn"] == answer["AssumedRoleUser"]["Arn"]
    sandbox.client("dynamodb", credentials=keys).create_table(TableName="theirs", **SIMPLE)
    assert sandbox.client("dynamodb", account=OTHER_ACCOUNT).list_tables()["TableNames"] == ["theirs"]
    assert refused(assume, sandbox, f"arn:aws:iam::{OTHER_ACCOUNT}:role/Unknown") == ("AccessDenied", 403)
    assert refused(assume, sandbox, "arn:aws:iam::999999999999:role/BackupAudit") == ("AccessDenied", 403)


def test_keys(sandbox):
    kms = sandbox.client("kms")
    made = kms.create_key(Description="evidence")["KeyMetadata"]
    assert made["KeyManager"] == "CUSTOMER" and made["KeyState"] == "Enabled" and made["Enabled"] is True
    assert kms.describe_key(KeyId=made["Arn"])["KeyMetadata"]["KeyId"] == made["KeyId"]
    managed = kms.describe_key(KeyId="alias/aws/dynamodb")["KeyMetadata"]
    assert managed["KeyManager"] == "AWS"
    listed, pages = all_pages(kms, "list_keys", "Keys", PaginationConfig={"PageSize": 1})
    assert {managed["KeyId"], made["KeyId"]} <= {key["KeyId"] for key in listed} and pages == len(listed)
    names = {alias["AliasName"] for alias in all_pages(kms, "list_aliases", "Aliases")[0]}
    assert {"alias/aws/dynamodb", "alias/aws/backup"} <= names
    kms.disable_key(KeyId=made["KeyId"])
    assert kms.describe_key(KeyId=made["KeyId"])["KeyMetadata"]["KeyState"] == "Disabled"
    kms.enable_key(KeyId=made["KeyId"])
    deletion = kms.schedule_key_deletion(KeyId=made["KeyId"], PendingWindowInDays=7)
    read = kms.describe_key(KeyId=made["KeyId"])["KeyMetadata"]
    assert read["KeyState"] == "PendingDeletion" and read["DeletionDate"] == deletion["DeletionDate"]
    kms.cancel_key_deletion(KeyId=made["KeyId"])
    assert kms.describe_key(KeyId=made["KeyId"])["KeyMetadata"]["KeyState"] == "Disabled"
    assert refused(kms.describe_key, KeyId="12345678-1234-1234-1234-123456789012") == ("NotFoundException", 400)
    assert refused(kms.disable_key, KeyId=managed["KeyId"])[1] == 400


def test_keys_that_sign(sandbox, tmp_path):
    kms = sandbox.client("kms")
    made = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    assert made["KeySpec"] == "ECC_NIST_P256" and made["KeyUsage"] == "SIGN_VERIFY"
    assert made["SigningAlgorithms"] == ["ECDSA_SHA_256"] and "EncryptionAlgorithms" not in made
    public = kms.get_public_key(KeyId=made["KeyId"])
    assert public["KeyId"] == made["Arn"] and public["SigningAlgorithms"] == ["ECDSA_SHA_256"]
    message = b"what was signed" * 100
    asked = {"KeyId": made["Arn"], "SigningAlgorithm": "ECDSA_SHA_256"}
    digested = {"Message": hashlib.sha256(message).digest(), "MessageType": "DIGEST"}
    signed = kms.sign(**asked, **digested)["Signature"]
    assert kms.verify(**asked, Message=message, Signature=signed)["SignatureValid"] is True
    assert refused(kms.verify, **asked, Message=b"another", Signature=signed) == ("KMSInvalidSignatureException", 400)
    # OpenSSL knows nothing of the sandbox.
    for name, content in [("key.der", public["PublicKey"]), ("message", message), ("signature", signed)]:
        (tmp_path / name).write_bytes(content)
    command = ["openssl", "dgst", "-sha256", "-verify", "key.der", "-signature", "signature", "message"]
    checked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert checked.returncode == 0 and checked.stdout == "Verified OK\n", checked.stderr
    assert refused(kms.sign, **asked, **digested, DryRun=True)[0] == "DryRunOperationException"
    assert refused(kms.sign, **asked, Message=b"short", MessageType="DIGEST") == ("ValidationException", 400)
    assert refused(kms.sign, KeyId=made["Arn"], SigningAlgorithm="RSASSA_PSS_SHA_256", Message=b"x")[0] == "InvalidKeyUsageException"
    symmetric = kms.create_key()["KeyMetadata"]["KeyId"]
    assert refused(kms.sign, KeyId=symmetric, SigningAlgorithm="ECDSA_SHA_256", Message=b"x")[0] == "InvalidKeyUsageException"
    assert refused(kms.get_public_key, KeyId=symmetric) == ("UnsupportedOperationException", 400)
    assert refused(kms.create_key, KeySpec="ECC_NIST_P256") == ("ValidationException", 400)
    assert refused(kms.create_key, KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY") == ("UnsupportedOperationException", 400)
    kms.disable_key(KeyId=made["KeyId"])
    assert refused(kms.sign, **asked, **digested) == ("DisabledException", 400)
    kms.schedule_key_deletion(KeyId=made["KeyId"])
    assert refused(kms.sign, **asked, **digested) == ("KMSInvalidStateException", 400)


def test_tags_of_many_resources(sandbox):
    dynamodb, tagging = sandbox.client("dynamodb", region=OTHER_REGION), sandbox.client("resourcegroupstaggingapi", region=OTHER_REGION)
    arns = {}
    for number in range(120):
        name = f"tagged-{number:03}"
        tags = {"Tags": [{"Key": "tier", "Value": "gold" if number % 2 else "lead"}]} if number else {}
        arns[name] = dynamodb.create_table(TableName=name, **SIMPLE, **tags)["TableDescription"]["TableArn"]
    dynamodb.untag_resource(ResourceArn=arns["tagged-001"], TagKeys=["tier"])
    rows, pages = all_pages(
        tagging, "get_resources", "ResourceTagMappingList", ResourceTypeFilters=["dynamodb:table"], PaginationConfig={"PageSize": 50}
    )
    found = {row["ResourceARN"]: row["Tags"] for row in rows}
    assert set(found) == set(arns.values()) - {arns["tagged-000"]}, "a table that never had a tag is missing, as in AWS"
    assert found[arns["tagged-001"]] == [] and found[arns["tagged-002"]] == [{"Key": "tier", "Value": "lead"}]
    assert pages == 3
    chosen = tagging.get_resources(ResourceARNList=[arns["tagged-003"], arns["tagged-000"]])["ResourceTagMappingList"]
    assert [row["ResourceARN"] for row in chosen] == [arns["tagged-003"]]
    gold = tagging.get_resources(TagFilters=[{"Key": "tier", "Values": ["gold"]}])["ResourceTagMappingList"]
    assert len(gold) == 59
    assert [row["TagKeys"] for row in [tagging.get_tag_keys()]] == [["tier"]]
    assert sorted(all_pages(tagging, "get_tag_values", "TagValues", Key="tier")[0]) == ["gold", "lead"]
    untaggable = f"arn:aws:dynamodb:{OTHER_REGION}:{ACCOUNT}:table/none"
    tagged = tagging.tag_resources(ResourceARNList=[arns["tagged-000"], untaggable], Tags={"note": "=cmd()"})
    assert set(tagged["FailedResourcesMap"]) == {untaggable}
    assert dynamodb.list_tags_of_resource(ResourceArn=arns["tagged-000"])["Tags"] == [{"Key": "note", "Value": "=cmd()"}]
    assert tagging.untag_resources(ResourceARNList=[arns["tagged-000"]], TagKeys=["note"])["FailedResourcesMap"] == {}
    assert dynamodb.list_tags_of_resource(ResourceArn=arns["tagged-000"])["Tags"] == []


def test_regions_of_an_account(sandbox):
    account = sandbox.client("account")
    regions, _ = all_pages(account, "list_regions", "Regions")
    enabled = {row["RegionName"] for row in regions if row["RegionOptStatus"] in ("ENABLED", "ENABLED_BY_DEFAULT")}
    assert enabled == {REGION, OTHER_REGION}
    one, pages = all_pages(account, "list_regions", "Regions", PaginationConfig={"PageSize": 1})
    assert len(one) == len(regions) and pages == len(regions)
    assert account.get_region_opt_status(RegionName=REGION)["RegionOptStatus"] == "ENABLED_BY_DEFAULT"
    assert account.get_region_opt_status(RegionName="ap-south-1")["RegionOptStatus"] == "DISABLED"
    assert account.get_account_information()["AccountName"] == "payments-prod"
    assert account.get_account_information(AccountId=OTHER_ACCOUNT)["AccountName"] == "retail-prod"
    assert refused(sandbox.client("account", account=OTHER_ACCOUNT).list_regions, AccountId=ACCOUNT)[0] == "AccessDeniedException"


def test_the_organisation(sandbox):
    organizations = sandbox.client("organizations")
    accounts, _ = all_pages(organizations, "list_accounts", "Accounts", PaginationConfig={"PageSize": 1})
    assert {row["Id"]: row["Name"] for row in accounts} == {ACCOUNT: "payments-prod", OTHER_ACCOUNT: "retail-prod"}
    assert organizations.describe_organization()["Organization"]["MasterAccountId"] == ACCOUNT
    assert organizations.describe_account(AccountId=OTHER_ACCOUNT)["Account"]["Status"] == "ACTIVE"
    member = sandbox.client("organizations", account=OTHER_ACCOUNT)
    assert refused(member.list_accounts)[0] == "AccessDeniedException"


@pytest.mark.parametrize("service", ["backup", "dynamodb", "kms", "resourcegroupstaggingapi"])
def test_a_region_that_is_not_enabled_knows_no_token(sandbox, service):
    client = sandbox.client(service, region="ap-south-1")
    call = {
        "backup": lambda: client.list_backup_vaults(),
        "dynamodb": lambda: client.list_tables(),
        "kms": lambda: client.list_keys(),
        "resourcegroupstaggingapi": lambda: client.get_resources(),
    }[service]
    assert refused(call)[0] == "UnrecognizedClientException"
