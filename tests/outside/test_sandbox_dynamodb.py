"""DynamoDB of the sandbox, every operation, parsed by boto3."""

import decimal
import time

import boto3.dynamodb.types
import pytest

from conftest import ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, REGION, all_pages, refused

SIMPLE = {
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}
SORTED = {
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "N"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "BillingMode": "PAY_PER_REQUEST",
}
ITEM = {
    "pk": "a \"quoted\", =cmd() \u202e🙂 key",
    "number": decimal.Decimal("12345678901234567890.123456789"),
    "flag": True,
    "nothing": None,
    "bytes": b"\x00\xff",
    "list": [1, "two", [3]],
    "map": {"inner": {"deep": "value"}},
    "strings": {"a", "b"},
    "numbers": {decimal.Decimal(1), decimal.Decimal("2.5")},
    "empty": "",
}


@pytest.fixture(scope="module")
def dynamodb(sandbox):
    return sandbox.client("dynamodb")


def marshal(item):
    return {name: boto3.dynamodb.types.TypeSerializer().serialize(value) for name, value in item.items()}


def unmarshal(item):
    return {name: boto3.dynamodb.types.TypeDeserializer().deserialize(value) for name, value in item.items()}


def plain(item):
    """Comparable: boto3 wraps bytes in an object of its own."""
    return {name: bytes(value) if isinstance(value, boto3.dynamodb.types.Binary) else value for name, value in item.items()}


def test_the_life_of_a_table(dynamodb):
    created = dynamodb.create_table(
        TableName="life",
        **SIMPLE,
        SSESpecification={"Enabled": True, "SSEType": "KMS"},
        DeletionProtectionEnabled=True,
        TableClass="STANDARD_INFREQUENT_ACCESS",
        Tags=[{"Key": "tier", "Value": "gold"}],
    )["TableDescription"]
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/life"
    assert created["TableArn"] == arn
    dynamodb.get_waiter("table_exists").wait(TableName="life", WaiterConfig={"Delay": 1, "MaxAttempts": 5})
    table = dynamodb.describe_table(TableName="life")["Table"]
    assert table["TableStatus"] == "ACTIVE" and table["TableId"] == created["TableId"]
    assert table["KeySchema"] == SIMPLE["KeySchema"] and table["ItemCount"] == 0
    assert table["SSEDescription"]["Status"] == "ENABLED" and table["SSEDescription"]["KMSMasterKeyArn"].startswith("arn:aws:kms:")
    assert table["DeletionProtectionEnabled"] is True
    assert table["TableClassSummary"]["TableClass"] == "STANDARD_INFREQUENT_ACCESS"
    assert dynamodb.describe_table(TableName=arn)["Table"]["TableName"] == "life"
    assert refused(dynamodb.create_table, TableName="life", **SIMPLE) == ("ResourceInUseException", 400)
    assert refused(dynamodb.delete_table, TableName="life")[1] == 400
    updated = dynamodb.update_table(TableName="life", DeletionProtectionEnabled=False, TableClass="STANDARD")
    assert updated["TableDescription"]["TableName"] == "life"
    assert dynamodb.describe_table(TableName="life")["Table"]["DeletionProtectionEnabled"] is False
    dynamodb.delete_table(TableName="life")
    dynamodb.get_waiter("table_not_exists").wait(TableName="life", WaiterConfig={"Delay": 1, "MaxAttempts": 5})
    assert refused(dynamodb.describe_table, TableName="life") == ("ResourceNotFoundException", 400)
    assert refused(dynamodb.delete_table, TableName="life") == ("ResourceNotFoundException", 400)
    again = dynamodb.create_table(TableName="life", **SIMPLE)["TableDescription"]
    assert again["TableId"] != created["TableId"]


def test_tables_belong_to_an_account_and_a_region(sandbox):
    for account, region in ((ACCOUNT, OTHER_REGION), (OTHER_ACCOUNT, REGION)):
        client = sandbox.client("dynamodb", account=account, region=region)
        client.create_table(TableName="only-here", **SIMPLE)
        assert client.list_tables()["TableNames"] == ["only-here"]
    nowhere = sandbox.client("dynamodb", region="ap-south-1")
    assert refused(nowhere.list_tables)[0] == "UnrecognizedClientException"


def test_lists_of_tables_page_to_the_end(sandbox):
    client = sandbox.client("dynamodb", account=OTHER_ACCOUNT, region=OTHER_REGION)
    names = [f"t{number:03}" for number in range(205)]
    for name in names:
        client.create_table(TableName=name, **SIMPLE)
    rows, pages = all_pages(client, "list_tables", "TableNames")
    assert rows == names and pages == 3
    assert refused(client.list_tables, Limit=101)[0] == "ValidationException"
    rows, pages = all_pages(client, "list_tables", "TableNames", PaginationConfig={"PageSize": 10})
    assert rows == names and pages == 21


def test_indexes_and_throughput(dynamodb):
    index = {
        "IndexName": "by-email",
        "KeySchema": [{"AttributeName": "email", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
        "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    }
    dynamodb.create_table(
        TableName="indexed",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "email")],
        KeySchema=SIMPLE["KeySchema"],
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 6},
        GlobalSecondaryIndexes=[index],
    )
    table = dynamodb.describe_table(TableName="indexed")["Table"]
    assert table["ProvisionedThroughput"]["WriteCapacityUnits"] == 6 and "BillingModeSummary" not in table
    assert [one["IndexName"] for one in table["GlobalSecondaryIndexes"]] == ["by-email"]
    dynamodb.update_table(TableName="indexed", BillingMode="PAY_PER_REQUEST")
    assert dynamodb.describe_table(TableName="indexed")["Table"]["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def test_tags(dynamodb):
    arn = dynamodb.create_table(TableName="tagged", **SIMPLE)["TableDescription"]["TableArn"]
    assert dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"] == []
    tags = [{"Key": "a,b\"c", "Value": "=cmd()"}, {"Key": "env", "Value": "prod 🙂"}]
    dynamodb.tag_resource(ResourceArn=arn, Tags=tags)
    listed, _ = all_pages(dynamodb, "list_tags_of_resource", "Tags", ResourceArn=arn)
    assert sorted(listed, key=lambda tag: tag["Key"]) == tags
    dynamodb.untag_resource(ResourceArn=arn, TagKeys=["env"])
    assert dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"] == tags[:1]
    assert refused(dynamodb.tag_resource, ResourceArn=arn + "-not", Tags=tags)[0] == "ResourceNotFoundException"


def test_continuous_backups(dynamodb):
    dynamodb.create_table(TableName="continuous", **SIMPLE)
    off = dynamodb.describe_continuous_backups(TableName="continuous")["ContinuousBackupsDescription"]
    assert off["ContinuousBackupsStatus"] == "ENABLED"  # even while point-in-time recovery is off, as in AWS
    assert off["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "DISABLED"
    on = dynamodb.update_continuous_backups(
        TableName="continuous", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7}
    )["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert on["PointInTimeRecoveryStatus"] == "ENABLED" and on["RecoveryPeriodInDays"] == 7
    read = dynamodb.describe_continuous_backups(TableName="continuous")["ContinuousBackupsDescription"]
    window = read["PointInTimeRecoveryDescription"]
    assert window["EarliestRestorableDateTime"] <= window["LatestRestorableDateTime"]
    assert refused(dynamodb.describe_continuous_backups, TableName="vanished") == ("TableNotFoundException", 400)


def test_items_of_every_type(dynamodb):
    dynamodb.create_table(TableName="items", **SIMPLE)
    dynamodb.put_item(TableName="items", Item=marshal(ITEM))
    key = marshal({"pk": ITEM["pk"]})
    read = dynamodb.get_item(TableName="items", Key=key, ConsistentRead=True)["Item"]
    assert plain(unmarshal(read)) == ITEM
    assert "Item" not in dynamodb.get_item(TableName="items", Key=marshal({"pk": "none"}))
    dynamodb.put_item(TableName="items", Item=marshal({"pk": ITEM["pk"], "new": 1}))
    assert unmarshal(dynamodb.get_item(TableName="items", Key=key)["Item"]) == {"pk": ITEM["pk"], "new": 1}
    assert refused(dynamodb.put_item, TableName="items", Item=marshal({"other": 1}))[0] == "ValidationException"
    assert refused(dynamodb.put_item, TableName="vanished", Item=marshal(ITEM))[0] == "ResourceNotFoundException"


def test_batches_queries_and_parallel_scans(dynamodb):
    dynamodb.create_table(TableName="many", **SORTED)
    rows = [{"pk": f"p{number % 4}", "sk": number, "payload": "x" * 9000} for number in range(200)]
    for start in range(0, len(rows), 25):
        writes = [{"PutRequest": {"Item": marshal(row)}} for row in rows[start : start + 25]]
        assert dynamodb.batch_write_item(RequestItems={"many": writes})["UnprocessedItems"] == {}
    too_many = [{"PutRequest": {"Item": marshal(row)}} for row in rows[:26]]
    assert refused(dynamodb.batch_write_item, RequestItems={"many": too_many})[0] == "ValidationException"
    scanned, pages = all_pages(dynamodb, "scan", "Items", TableName="many")
    assert pages > 1, "a page ends at 1 MB"
    assert sorted(unmarshal(item)["sk"] for item in scanned) == list(range(200))
    parts = []
    for segment in range(4):
        part, _ = all_pages(dynamodb, "scan", "Items", TableName="many", Segment=segment, TotalSegments=4, PaginationConfig={"PageSize": 7})
        parts.append({unmarshal(item)["sk"] for item in part})
    assert sorted(number for part in parts for number in part) == list(range(200)), "each item is in exactly one segment"
    queried, _ = all_pages(
        dynamodb,
        "query",
        "Items",
        TableName="many",
        KeyConditionExpression="pk = :p AND sk >= :s",
        ExpressionAttributeValues=marshal({":p": "p1", ":s": 100}),
        PaginationConfig={"PageSize": 6},
    )
    assert [unmarshal(item)["sk"] for item in queried] == [number for number in range(100, 200) if number % 4 == 1]
    assert dynamodb.scan(TableName="many", Select="COUNT", Limit=10)["Count"] == 10
    dynamodb.delete_item(TableName="many", Key=marshal({"pk": "p1", "sk": 1}))
    assert "Item" not in dynamodb.get_item(TableName="many", Key=marshal({"pk": "p1", "sk": 1}))
    delete = [{"DeleteRequest": {"Key": marshal({"pk": "p0", "sk": 0})}}]
    dynamodb.batch_write_item(RequestItems={"many": delete})
    assert "Item" not in dynamodb.get_item(TableName="many", Key=marshal({"pk": "p0", "sk": 0}))


def test_batches_of_reads(sandbox, dynamodb):
    dynamodb.create_table(TableName="read", **SIMPLE)
    for number in range(120):
        dynamodb.put_item(TableName="read", Item=marshal({"pk": f"k{number}", "payload": "x" * 5000}))
    keys = [marshal({"pk": f"k{number}"}) for number in range(121)]
    answer = dynamodb.batch_get_item(RequestItems={"read": {"Keys": keys[21:]}}, ReturnConsumedCapacity="TOTAL")
    assert {unmarshal(item)["pk"] for item in answer["Responses"]["read"]} == {f"k{number}" for number in range(21, 120)}
    assert answer["UnprocessedKeys"] == {}
    assert [one["CapacityUnits"] for one in answer["ConsumedCapacity"]] == [99 + 0.5]
    assert refused(dynamodb.batch_get_item, RequestItems={"read": {"Keys": keys}})[0] == "ValidationException"
    assert refused(dynamodb.batch_get_item, RequestItems={"read": {"Keys": keys[:1] * 2}})[0] == "ValidationException"
    with sandbox.fault(action="dynamodb:BatchGetItem", unprocessed_every=10):
        found, wanted, calls = set(), keys[:100], 0
        while wanted:
            answer = dynamodb.batch_get_item(RequestItems={"read": {"Keys": wanted, "ConsistentRead": True}})
            found |= {unmarshal(item)["pk"] for item in answer["Responses"]["read"]}
            left = answer["UnprocessedKeys"].get("read", {"Keys": [], "ConsistentRead": True})
            assert left["ConsistentRead"] is True and len(left["Keys"]) < len(wanted)
            wanted, calls = left["Keys"], calls + 1
        assert len(found) == 100 and calls > 1


def test_reads_beyond_a_capacity(sandbox, dynamodb):
    dynamodb.create_table(TableName="narrow", **SIMPLE)
    for number in range(40):
        dynamodb.put_item(TableName="narrow", Item=marshal({"pk": f"k{number}", "payload": "x" * 4000}))
    with sandbox.fault(resource="*:table/narrow", read_units=10):
        read = dynamodb.scan(TableName="narrow", ReturnConsumedCapacity="TOTAL")
        assert read["Count"] == 40 and read["ConsumedCapacity"]["CapacityUnits"] == 20
        # The table had 10 units; what was read beyond them has to be waited for.
        assert refused(dynamodb.scan, TableName="narrow") == ("ProvisionedThroughputExceededException", 400)
        assert dynamodb.describe_table(TableName="narrow")["Table"]["TableName"] == "narrow"
        time.sleep(1.2)
        keys = [marshal({"pk": f"k{number}"}) for number in range(40)]
        part = dynamodb.batch_get_item(RequestItems={"narrow": {"Keys": keys, "ConsistentRead": True}})
        assert 0 < len(part["Responses"]["narrow"]) < 40
        assert len(part["UnprocessedKeys"]["narrow"]["Keys"]) == 40 - len(part["Responses"]["narrow"])
    assert dynamodb.scan(TableName="narrow")["Count"] == 40


def test_the_last_backup_of_a_deleted_table(dynamodb):
    dynamodb.create_table(TableName="deleted", **SIMPLE)
    dynamodb.update_continuous_backups(TableName="deleted", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    assert dynamodb.list_backups(TableName="deleted")["BackupSummaries"] == []
    dynamodb.delete_table(TableName="deleted")
    backups, _ = all_pages(dynamodb, "list_backups", "BackupSummaries", BackupType="ALL")
    assert [(backup["TableName"], backup["BackupType"]) for backup in backups] == [("deleted", "SYSTEM")]
    described = dynamodb.describe_backup(BackupArn=backups[0]["BackupArn"])["BackupDescription"]
    assert described["SourceTableDetails"]["TableId"] == backups[0]["TableId"]
    assert described["SourceTableFeatureDetails"] == {}


def test_time_to_live_and_limits(dynamodb):
    dynamodb.create_table(TableName="expiring", **SIMPLE)
    assert dynamodb.describe_time_to_live(TableName="expiring")["TimeToLiveDescription"] == {"TimeToLiveStatus": "DISABLED"}
    dynamodb.update_time_to_live(TableName="expiring", TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"})
    assert dynamodb.describe_time_to_live(TableName="expiring")["TimeToLiveDescription"]["AttributeName"] == "until"
    assert dynamodb.describe_limits()["TableMaxReadCapacityUnits"] > 0
