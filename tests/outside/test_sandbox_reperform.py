"""The commands that re-perform findings by hand, run as an auditor runs them: in a shell, with the real AWS CLI."""

import concurrent.futures
import datetime
import json
import os
import pathlib
import subprocess
import sys

import pytest

from conftest import serve

ACCOUNTS = ("111122223333", "444455556666")
WALLS = (
    # What AWS answers when a vault has no access policy: an answer, not a failure.
    "(ResourceNotFoundException) when calling the GetBackupVaultAccessPolicy operation",
    # The demo takes this right from the auditor; whoever checks by hand meets the same wall.
    "(AccessDeniedException) when calling the ListRecoveryPointsByBackupVault operation",
)


@pytest.fixture(scope="module")
def organisation():
    """The organisation of the demo."""
    with serve(world=None) as running:
        yield running


@pytest.fixture
def explained(backproof, organisation, tmp_path):
    """Scans once; then `explained("finding", id)` gives what `explain` says."""
    settings = [
        f'{{ id = "{ACCOUNTS[0]}" }}',
        f'{{ id = "{ACCOUNTS[1]}", role_arn = "arn:aws:iam::{ACCOUNTS[1]}:role/BackupAudit" }}',
    ]
    (tmp_path / "backproof.toml").write_text(f"accounts = [{', '.join(settings)}]\n")
    scanned = backproof(organisation, "scan", "--to", "out", "--format", "json-all", "--quiet")
    assert scanned.returncode == 10, scanned.stderr

    def explain(*arguments):
        ran = backproof(organisation, "explain", *arguments, "--inventory", "out/inventory", "--format", "json")
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    explain.findings = json.loads((tmp_path / "out" / "report-all.json").read_text())["findings"]
    return explain


def in_a_shell(sandbox, account, command):
    """What a person at a plain shell gets."""
    folder = pathlib.Path(sys.executable).parent
    environment = sandbox.environment(account=account, PATH=f"{folder}:{os.environ['PATH']}", AWS_PAGER="", AWS_MAX_ATTEMPTS="10")
    return subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, timeout=300)


def documents(text):
    """The JSON documents that one command printed, one after the other."""
    decoder, place, found = json.JSONDecoder(), 0, []
    while text[place:].strip():
        place += len(text[place:]) - len(text[place:].lstrip())
        document, place = decoder.raw_decode(text, place)
        found.append(document)
    return found


def test_every_command_of_every_rule_works(organisation, explained):
    # One table for all rules on tables, so that few commands stand for all; it has recovery points.
    table = next(
        one["resource_arn"]
        for one in explained.findings
        if one["rule"] == "recovery-point-fresh" and one["verdict"] == "compliant"
    )
    one_of_each = {}
    for finding in explained.findings:
        if finding["subject"] != "table" or finding["resource_arn"] == table:
            one_of_each.setdefault(finding["rule"], finding)
    assert {"table", "vault", "plan", "target"} <= {finding["subject"] for finding in one_of_each.values()}
    assert {finding["rule"] for finding in explained.findings} == one_of_each.keys()
    commands = {}
    for finding in explained("finding", *(finding["id"] for finding in one_of_each.values())):
        assert bool(finding["commands"]) == (finding["subject"] not in ("waiver", "exemption")), finding["rule"]
        commands |= {command: finding["account_id"] for command in finding["commands"]}
    commands |= {command: table.split(":")[4] for command in explained("table", table)["commands"]}
    assert len(commands) > 20
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        runs = pool.map(lambda item: (item[0], in_a_shell(organisation, item[1], item[0])), commands.items())
        for command, ran in runs:
            said = [line for line in ran.stderr.splitlines() if line.strip() and not any(wall in line for wall in WALLS)]
            assert not said, f"{command}\n{ran.stderr}"
            assert documents(ran.stdout) or ran.stderr or command.startswith("for "), command


def instant(said):
    """The AWS CLI prints seconds or ISO 8601, by its version and settings."""
    if isinstance(said, str):
        return datetime.datetime.fromisoformat(said)
    return datetime.datetime.fromtimestamp(said, datetime.timezone.utc)


def test_the_commands_show_what_the_facts_say(organisation, explained):
    fresh = [one for one in explained.findings if one["rule"] == "recovery-point-fresh" and one["verdict"] == "compliant"]
    told = explained("table", fresh[0]["resource_arn"])
    facts = {fact["name"]: fact["value"] for fact in told["facts"]}
    listing = next(command for command in told["commands"] if "list-recovery-points-by-backup-vault" in command)
    ran = in_a_shell(organisation, facts["account_id"], listing)
    points = [point for page in documents(ran.stdout) for point in page["RecoveryPoints"]]
    dates = [instant(point["CreationDate"]) for point in points if point["Status"] == "COMPLETED"]
    assert max(dates) >= datetime.datetime.fromisoformat(facts["newest_recovery_point_at"])
    assert facts["newest_recovery_point_arn"] in {point["RecoveryPointArn"] for point in points}
