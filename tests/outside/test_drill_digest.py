"""The digest of a table, made anew from `docs/drills.md` with boto3 and hashlib, against what `backup --digest` files."""

import decimal
import hashlib
import json

import pytest

from conftest import OTHER_REGION as REGION
from conftest import REPOSITORY, serve

WORLD = """
[jobs]
backup-seconds = 1
[[account]]
id = "111122223333"
regions = ["eu-west-1"]
[[vault]]
account = "111122223333"
region = "eu-west-1"
name = "Default"
[[table]]
account = "111122223333"
region = "eu-west-1"
name = "orders"
items = 300
created-days-ago = 10
"""


def framed(kind, content):
    return kind + len(content).to_bytes(4, "big") + content


def number(text):
    sign, digits, power = decimal.Decimal(text).as_tuple()
    digits = "".join(map(str, digits)).lstrip("0")
    short = digits.rstrip("0")
    return f"{'-' * sign}{short}E{power + len(digits) - len(short)}" if short else "0"


def canonical(value):
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return framed(b"S", content.encode())
        case "N":
            return framed(b"N", number(content).encode())
        case "B":
            return framed(b"B", content)
        case "BOOL":
            return framed(b"T" if content else b"F", b"")
        case "NULL":
            return framed(b"0", b"")
        case "L":
            return framed(b"L", b"".join(map(canonical, content)))
        case "M":
            members = sorted((name.encode(), value) for name, value in content.items())
            return framed(b"M", b"".join(framed(b"K", name) + canonical(value) for name, value in members))
        case "SS" | "NS" | "BS":
            return framed(kind[0].lower().encode(), b"".join(sorted(canonical({kind[0]: member}) for member in content)))


def digest(client, table):
    pages = client.get_paginator("scan").paginate(TableName=table)
    hashes = [hashlib.sha256(canonical({"M": item})).digest() for page in pages for item in page["Items"]]
    return len(hashes), f"{sum(int.from_bytes(one, 'big') for one in hashes) % 2**256:064x}"


EVERYTHING = {
    "id": {"S": "everything"},
    "empty": {"S": ""},
    "é\n": {"S": "é\n\u0000"},
    "nothing": {"B": b""},
    "bytes": {"B": bytes(range(256))},
    "no": {"BOOL": False},
    "null": {"NULL": True},
    "large": {"N": "12345678901234567890123456789012345678"},
    "small": {"N": "-1.50E-128"},
    "hundred": {"N": "100.0"},
    "zero": {"N": "-0.0"},
    "texts": {"SS": ["b", "a", "é", "ab"]},
    "numbers": {"NS": ["2", "10", "-1.0"]},
    "blobs": {"BS": [b"\xff", b"\x00", b"a"]},
    "list": {"L": [{"M": {"b": {"L": []}, "a": {"M": {}}}}, {"N": "1.0"}, {"NS": ["3", "2"]}]},
}


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    world = tmp_path_factory.mktemp("world") / "world.toml"
    world.write_text(WORLD)
    with serve(world) as running:
        yield running


def filed(ran, tmp_path):
    assert ran.returncode == 0, ran.stderr
    (path,) = tmp_path.glob("digest-orders-*.json")
    text = path.read_bytes()
    path.unlink()
    return json.loads(text), hashlib.sha256(text).hexdigest()


def backup(backproof, here, *more):
    return backproof(here, "backup", "orders", "--digest", "--poll-interval", "1s", *more, AWS_REGION=REGION)


def test_thirty_lines_of_python_give_the_same_digest(here, backproof, tmp_path):
    client = here.client("dynamodb", region=REGION)
    client.put_item(TableName="orders", Item=EVERYTHING)
    said, sha256 = filed(backup(backproof, here), tmp_path)
    assert said["standing"] == "of-the-point"
    assert (said["after"]["items"], said["after"]["digest"]) == digest(client, "orders") == (301, said["before"]["digest"])
    # The tag is a pointer to the file, no more.
    tags = here.client("backup", region=REGION).list_tags(ResourceArn=said["recovery_point_arn"])["Tags"]
    assert tags["backproof:digest-sha256"] == sha256

    # The same items in other spellings and segments give the same; one digit more does not.
    client.put_item(TableName="orders", Item=EVERYTHING | {"hundred": {"N": "1E2"}, "texts": {"SS": ["é", "a", "ab", "b"]}})
    again, _ = filed(backup(backproof, here, "--segments", "16", "--consistent"), tmp_path)
    assert again["after"]["digest"] == said["after"]["digest"]
    client.put_item(TableName="orders", Item=EVERYTHING | {"large": {"N": "12345678901234567890123456789012345679"}})
    other, _ = filed(backup(backproof, here), tmp_path)
    assert (other["after"]["items"], other["after"]["digest"]) == digest(client, "orders")
    assert other["after"]["digest"] != said["after"]["digest"]


def test_the_example_of_the_documentation_holds():
    item = {"id": {"S": "a"}, "n": {"N": "1.50"}, "tags": {"SS": ["y", "x"]}}
    form = canonical({"M": item})
    assert form == (
        b"M\x00\x00\x00\x37"
        b"K\x00\x00\x00\x02idS\x00\x00\x00\x01a"
        b"K\x00\x00\x00\x01nN\x00\x00\x00\x0515E-1"
        b"K\x00\x00\x00\x04tagss\x00\x00\x00\x0cS\x00\x00\x00\x01xS\x00\x00\x00\x01y"
    )
    text = (REPOSITORY / "docs" / "drills.md").read_text()
    assert hashlib.sha256(form).hexdigest() in text
