"""Plans in the forms of others: what each form's own tools say, and what the AWS CLI makes of the script."""

import json
import os
import pathlib
import re
import subprocess
import sys

import hcl2
import pytest
from cfnlint.api import lint

from conftest import HERE, OTHER_REGION, REGION, REPOSITORY, binary, serve

TUTORIAL = REPOSITORY / "sandbox" / "worlds" / "tutorial.toml"
SETTINGS = """
[remediation]
vault = "WebappBackups"
plan-name = "DynamoDB-backup"
cold-after = "7d"
delete-after = "97d"
"""


def run(world, folder, *arguments, codes=(0,), region=OTHER_REGION):
    environment = world.environment(region=region, HOME=str(folder), BACKPROOF_POLL_INTERVAL="1s")
    ran = subprocess.run(
        [binary(), *arguments], cwd=folder, env=environment, input="", capture_output=True, text=True, timeout=300
    )
    assert ran.returncode in codes, f"{arguments}\n{ran.stdout}\n{ran.stderr}"
    return ran


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "backproof.toml").write_text(SETTINGS)
    return tmp_path


def plan(world, folder):
    run(world, folder, "scan", "--to", "before", codes=(10,))
    run(world, folder, "remediate", "plan", "--from", "before", "--to", "plan.json")


def comparable(world):
    """The state without what only one of the two ways leaves: the tags by which this tool knows its own, and the jobs."""
    state = world.control("state/comparable")
    for place in state["places"].values():
        for jobs in ("backup-jobs", "restore-jobs", "copy-jobs"):
            place["backup"].pop(jobs, None)
    text = json.dumps(state, sort_keys=True)
    text = re.sub(r'"(backproof:action|created-by)": "[^"]*"(, )?', "", text)
    return json.loads(re.sub(r", }", "}", text))


def test_the_script_of_the_aws_cli_leaves_what_apply_leaves(folder):
    with serve(TUTORIAL) as world:
        plan(world, folder)
        run(world, folder, "remediate", "apply", "plan.json", "--yes", "--wait")
        applied = comparable(world)
        script = run(world, folder, "remediate", "export", "plan.json", "--as", "aws-cli").stdout
    with serve(TUTORIAL) as world:
        tools = pathlib.Path(sys.executable).parent
        environment = world.environment(region=OTHER_REGION, HOME=str(folder), AWS_PAGER="")
        environment["PATH"] = f"{tools}{os.pathsep}{environment['PATH']}"
        ran = subprocess.run(["sh"], env=environment, input=script, capture_output=True, text=True, timeout=300)
        assert ran.returncode == 0, f"{ran.stderr}\n{script}"
        world.advance(seconds=60)
        assert comparable(world) == applied


@pytest.mark.parametrize("world, region", [(TUTORIAL, OTHER_REGION), (HERE / "readme.toml", REGION)])
def test_templates_are_what_their_tools_take(folder, world, region):
    with serve(world) as running:
        run(running, folder, "scan", "--to", "before", "--regions", region, codes=(0, 10, 11), region=region)
        run(running, folder, "remediate", "plan", "--advised", "--from", "before", "--to", "plan.json")
        template = run(running, folder, "remediate", "export", "plan.json", "--as", "cloudformation").stdout
        configuration = run(running, folder, "remediate", "export", "plan.json", "--as", "terraform").stdout
    actions = json.loads((folder / "plan.json").read_text())["actions"]
    assert actions
    wrong = lint(template)
    assert not wrong, [str(one) for one in wrong]
    resources = json.loads(template)["Resources"]
    parsed = hcl2.loads(configuration)
    made = {action["do"]["kind"] for action in actions}
    assert ("vault" in made) == any(one["Type"] == "AWS::Backup::BackupVault" for one in resources.values())
    assert ("vault" in made) == bool(re.search(r"aws_backup_vault\b", str(parsed.get("resource", []))))
    # Nothing that is there already is declared: the rest stands first, with the calls that do it.
    rest = json.dumps(json.loads(template)["Metadata"]["NotInThisTemplate"])
    for action in actions:
        if action["do"]["kind"] in ("opt-in", "backup-now", "tag-table", "plan-change", "copy", "point-lifecycle"):
            assert "aws " in rest, action


# Members that the user guide of Organizations lists, each with what it holds: `=` is a value that `@@assign` sets.
LIFECYCLE = {"move_to_cold_storage_after_days": "=", "delete_after_days": "="}
POLICY = {
    "plans": {
        "*": {
            "regions": "=",
            "rules": {
                "*": {
                    "schedule_expression": "=",
                    "start_backup_window_minutes": "=",
                    "target_backup_vault_name": "=",
                    "lifecycle": LIFECYCLE,
                    "copy_actions": {"*": {"target_backup_vault_arn": "=", "lifecycle": LIFECYCLE}},
                }
            },
            "selections": {
                "tags": {"*": {"iam_role_arn": "=", "tag_key": "=", "tag_value": "="}},
                "resources": {"*": {"iam_role_arn": "=", "resource_types": "="}},
            },
        }
    }
}


def check(value, grammar, place="policy"):
    assert isinstance(value, dict) and value, place
    if grammar == "=":
        assert list(value) == ["@@assign"], place
        texts = value["@@assign"] if isinstance(value["@@assign"], list) else [value["@@assign"]]
        assert texts and all(isinstance(text, str) and text for text in texts), place
        return
    for name, below in value.items():
        assert name in grammar or "*" in grammar, f"{place}: {name}"
        check(below, grammar.get(name, grammar.get("*")), f"{place}.{name}")


@pytest.mark.parametrize("by", ["arn", "tag", "type"])
def test_a_backup_policy_says_what_the_plan_makes_and_first_what_it_cannot(folder, by):
    (folder / "backproof.toml").write_text(SETTINGS + f'rule-name = "DynamoDB-dailies"\nassign = "{by}"\n')
    with serve(TUTORIAL) as world:
        run(world, folder, "scan", "--to", "before", codes=(10,))
        run(world, folder, "remediate", "plan", "--advised", "--from", "before", "--to", "plan.json")
        document = json.loads(run(world, folder, "remediate", "export", "plan.json", "--as", "policy").stdout)
        assert list(document) == ["NotInThisPolicy", "Policy"]
        check(document["Policy"], POLICY)
        made = document["Policy"]["plans"]["DynamoDB-backup"]
        assert made["regions"] == {"@@assign": [OTHER_REGION]}
        rule = made["rules"]["DynamoDB-dailies"]
        assert rule["target_backup_vault_name"] == {"@@assign": "WebappBackups"}
        assert rule["lifecycle"]["delete_after_days"] == {"@@assign": "97"}
        [sort] = made["selections"]
        [selection] = made["selections"][sort].values()
        assert sort == ("resources" if by == "type" else "tags")
        assert selection["iam_role_arn"]["@@assign"].startswith("arn:aws:iam::$account:role/")
        # What it cannot hold is there with the calls that do it, and nothing twice.
        rest = "\n".join(document["NotInThisPolicy"])
        for call in ("create-backup-vault", "update-region-settings", "start-backup-job"):
            assert f"aws backup {call}" in rest, call
        assert "create-backup-plan" not in rest and "create-backup-selection" not in rest
        assert ("tag-resource" in rest) == (by != "type")
