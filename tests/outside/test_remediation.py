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
