"""The role that `explain permissions` prints for other accounts, as the tools that make roles read it."""

import ast
import json
import subprocess

import hcl2
import pytest

from conftest import binary
from test_remediation import lint

COMMANDS = ["scan", "collect", "remediate", "protect", "backup", "restore", "push"]
CALLER = "arn:aws:iam::111122223333:role/Scanner"


def printed(*args, code=0):
    ran = subprocess.run([binary(), "explain", "permissions", *args], capture_output=True, text=True, timeout=60)
    assert ran.returncode == code, ran.stderr
    return ran.stdout if code == 0 else ran.stderr


def allowed(statements):
    """Action to resources, without the right to go on to other accounts: that is the caller's."""
    actions = {}
    for one in statements:
        for action in [one["Action"]] if isinstance(one["Action"], str) else one["Action"]:
            actions[action] = (json.dumps(one["Resource"]), json.dumps(one.get("Condition")))
    actions.pop("sts:AssumeRole", None)
    return actions


@pytest.mark.parametrize("command", COMMANDS)
def test_templates_are_right_by_cfn_lint_and_allow_what_the_policy_does(command):
    policy = json.loads(printed("--command", command))
    template = printed("--command", command, "--format", "cloudformation")
    assert not lint(template), [str(one) for one in lint(template)]
    inline = json.loads(template)["Resources"]["Role"]["Properties"]["Policies"]
    assert allowed(inline[0]["PolicyDocument"]["Statement"]) == allowed(policy["Statement"])
    stack_set = printed("--command", command, "--format", "stackset")
    assert not lint(stack_set), [str(one) for one in lint(stack_set)]
    body = json.loads(stack_set)["Resources"]["Roles"]["Properties"]["TemplateBody"]
    assert json.loads(body) == json.loads(template)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_configuration_is_hcl_and_allows_the_same(command):
    policy = json.loads(printed("--command", command))
    text = printed("--command", command, "--format", "terraform")
    assert hcl2.loads(text)["resource"]
    document = text.split("jsonencode(", 1)[1].split(")\n}", 1)[0]
    assert allowed(json.loads(document)["Statement"]) == allowed(policy["Statement"])


@pytest.mark.parametrize("external_id", ["", "of-the-auditor"])
def test_a_stack_of_it_makes_a_role_that_can_be_assumed(moto, external_id):
    template = printed("--format", "cloudformation", "--rules", "in-a-plan,backed-up")
    name = "BackupAudit" + external_id
    given = {"Caller": CALLER, "ExternalId": external_id, "RoleName": name}
    moto.client("cloudformation").create_stack(
        StackName=name,
        TemplateBody=template,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    iam = moto.client("iam")
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"][0]
    assert trust["Principal"] == {"AWS": CALLER}
    assert trust.get("Condition") == ({"StringEquals": {"sts:ExternalId": external_id}} if external_id else None)
    policy = iam.get_role_policy(RoleName=name, PolicyName="backproof-scan")["PolicyDocument"]
    # moto keeps the policy of a stack as the text of a Python value.
    policy = ast.literal_eval(policy) if isinstance(policy, str) else policy
    assert "backup:ListBackupPlans" in allowed(policy["Statement"])


def test_what_is_no_role_is_refused():
    assert "assumes no role" in printed("--command", "verify", "--format", "terraform", code=2)
    ran = subprocess.run([binary(), "explain", "rules", "--format", "stackset"], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 2 and "only permissions" in ran.stderr
