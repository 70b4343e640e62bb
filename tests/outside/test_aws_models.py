"""What AWS's service models hold, against the list of what this program uses and what it leaves aside: the next change of AWS
shows on the day that a newer boto3 is pinned here."""

import re
import tomllib
from pathlib import Path

import botocore.loaders
import pytest

HERE = Path(__file__).parent
LIST = tomllib.loads((HERE / "aws-models.toml").read_text())
SOURCES = HERE.parent.parent / "src"
# What a service is called in an IAM action.
PREFIXES = {"backup": "backup", "dynamodb": "dynamodb", "kms": "kms", "resourcegroupstaggingapi": "tag"}


def model(service):
    return botocore.loaders.Loader().load_service_model(service, "service-2")


@pytest.fixture(scope="module")
def source():
    paths = [path for path in sorted(SOURCES.rglob("*.rs")) if not path.stem.endswith("tests")]
    return "\n".join(path.read_text() for path in paths)


def listed(part):
    """What is used, and what is ignored: no name may stand twice."""
    used = part["used"]
    ignored = [name for names in part["ignored"].values() for name in names]
    assert len(set(used + ignored)) == len(used) + len(ignored), "a name stands twice"
    return set(used), set(ignored)


def members(model, operations):
    """Every member of every shape that an answer to one of these operations may hold, as `Shape.Member`."""
    shapes, found = model["shapes"], {}

    def walk(name):
        shape = shapes[name]
        match shape["type"]:
            case "structure" if name not in found:
                found[name] = list(shape["members"])
                for member in shape["members"].values():
                    walk(member["shape"])
            case "list":
                walk(shape["member"]["shape"])
            case "map":
                walk(shape["value"]["shape"])

    for operation in operations:
        if re.match("List|Get|Describe", operation) and "output" in model["operations"][operation]:
            walk(model["operations"][operation]["output"]["shape"])
    return {f"{shape}.{member}" for shape, names in found.items() for member in names}


def same(listed, real, what):
    assert not real - listed, f"AWS has new {what}: say in aws-models.toml whether they are used, or why not"
    assert not listed - real, f"AWS no longer has these {what}"


@pytest.mark.parametrize("service", PREFIXES)
def test_every_operation_is_known(service, source):
    used, ignored = listed(LIST[service]["operations"])
    same(used | ignored, set(model(service)["operations"]), f"operations of {service}")
    called = set(re.findall(rf'"{PREFIXES[service]}:([A-Z][A-Za-z]+)"', source))
    assert not used - called, "listed as used, and no line of the program names them"
    assert not ignored & called, "listed as ignored, and the program names them"


@pytest.mark.parametrize("service", PREFIXES)
def test_every_member_of_an_answer_is_known(service, source):
    operations, _ = listed(LIST[service]["operations"])
    used, ignored = listed(LIST[service]["members"])
    same(used | ignored, members(model(service), operations), f"members of {service}")
    words = set(re.findall(r"\w+", source))
    unnamed = {name for name in used if not {snake(name), name.split(".")[1]} & words}
    assert not unnamed, "listed as used, and no line of the program names them"


def snake(name):
    """A member as the SDK for Rust calls it."""
    member = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name.split(".")[1])
    return re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", member).lower()
