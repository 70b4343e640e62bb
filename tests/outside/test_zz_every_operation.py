"""Runs last: every operation in the sandbox's routing tables was called and parsed by boto3."""

import re

import pytest

from conftest import CALLED, REPOSITORY

SOURCES = REPOSITORY / "sandbox" / "src"
LIST = r"const OPERATIONS: \[&str; \d+\] =\s*\[(.*?)\];"
TABLES = {
    "s3": ("s3/api/mod.rs", r'entry\("[A-Z]+", Level::\w+, "[\w-]*", "(\w+)"'),
    "backup": ("backup/api/mod.rs", r'=> "(\w+)" on '),
    "dynamodb": ("dynamodb/api/mod.rs", r'\("([A-Z]\w+)", On::'),
    "account": ("account.rs", r'^        "\w+" => "([A-Z]\w+)",$'),
    "iam": ("iam/api/mod.rs", LIST),
    "kms": ("kms/api/mod.rs", LIST),
    "sts": ("sts.rs", LIST),
    "tagging": ("tagging.rs", LIST),
    "securityhub": ("securityhub/api/mod.rs", LIST),
    "organizations": ("organizations.rs", LIST),
}


def operations(service):
    """What the routing table of a service holds."""
    file, pattern = TABLES[service]
    found = re.findall(pattern, (SOURCES / file).read_text(), re.MULTILINE | re.DOTALL)
    if pattern is LIST:
        found = re.findall(r'"(\w+)"', "".join(found))
    assert found, f"no operation found in {file}: its form has changed"
    return set(found)


@pytest.mark.parametrize("service", sorted(TABLES))
def test_every_operation_was_called(request, service):
    ran = {item.path.name for item in request.session.items}
    everything = {path.name for path in (REPOSITORY / "tests" / "outside").glob("test_sandbox_*.py")}
    if not everything <= ran:
        pytest.skip("only part of the tests ran")
    called = {operation for name, operation in CALLED if name == service}
    missing = operations(service) - called
    assert not missing, f"never called: {sorted(missing)}"
