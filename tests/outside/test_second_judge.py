"""Remediation against moto, which knows nothing of this project: what it can do is done, read back and taken back; what it lacks is named.

Where it answers otherwise than AWS, AWS's documentation says that moto is wrong:
- DescribeRegionSettings, the vault's access policy, jobs, recovery points and restore testing have no route: HTTP 404.
- ListBackupSelections is HTTP 500, which is tried again for a while.
- DescribeTable names no TableId, and ListBackupVaults no key.
- ListTags with the path `/tags/{arn}`, as the Rust SDK sends it, answers that there is no tag; with a slash at the end it lists them.
"""

import json

import pytest

import judges
from conftest import fetch
from judges import POLICIES, ROLE, TABLES, client, derived, kinds, outcomes, run, state, trust, undo, verified


@pytest.fixture
def world(moto):
    """Two tables, and nothing else."""
    fetch(f"{moto.url}/moto-api/reset", "POST")
    judges.make_tables(moto)
    return moto


def test_the_settings_of_tables_from_the_scan_to_the_proof_and_back(world, tmp_path):
    before = state(world)
    (tmp_path / "backproof.toml").write_text(judges.SETTINGS)
    run(world, tmp_path, "scan", "--to", "before", codes=(10,))
    run(world, tmp_path, "remediate", "plan", "--from", "before", "--to", "plan.json", "--only", "pitr,deletion-protection")
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert len(plan["fixes"]) == 4 and not plan["worse"]
    run(world, tmp_path, "remediate", "apply", "plan.json", "--yes")
    for table in state(world)["tables"].values():
        assert table["protected"] and table["recovery"] == "ENABLED"
    proof = run(world, tmp_path, "remediate", "verify", "plan.json", "--from", "before")
    assert "4 findings fixed, 0 not fixed, 0 not known; 0 worse" in proof.stdout
    run(world, tmp_path, "scan", "--to", "after", "--format", "json-all", codes=(10,))
    assert judges.compliant(tmp_path, "after") == {
        (rule, table) for rule in ("pitr-on", "deletion-protection-on") for table in TABLES
    }
    undo(world, tmp_path, codes=(0,))
    assert state(world) == before


def test_what_moto_can_do_is_done_and_what_it_lacks_is_named(world, tmp_path):
    before = state(world)
    assert not before["plans"] and not before["roles"]
    plan = derived(world, tmp_path, "--advised")
    can = {"role", "vault", "vault-lock", "plan-create", "tag-table", "pitr", "deletion-protection"}
    lacks = {"vault-policy", "assign", "backup-now", "restore-testing"}
    assert kinds(plan) == can | lacks
    applied = run(world, tmp_path, "remediate", "apply", "plan.json", "--yes", "--wait", codes=(1,))
    found = outcomes(tmp_path, plan)
    assert {kind for kind, steps in found.items() if steps == {"done"}} == can
    assert {kind for kind, steps in found.items() if not steps & {"done", "started", "already"}} == lacks
    # The call that failed is told with each.
    for call in ("404 (from backup:GetBackupVaultAccessPolicy)", "404 (from backup:ListRecoveryPointsByBackupVault)", "500 (from backup:ListBackupSelections)"):
        assert f"HTTP status {call}" in applied.stderr, call

    now = state(world)
    for table in now["tables"].values():
        assert table["protected"] and table["recovery"] == "ENABLED"
        assert table["tags"] == [{"Key": "backup-plan", "Value": "backproof-default"}]
    assert now["roles"] == {ROLE: {"path": "/service-role/", "trust": trust(), "policies": POLICIES}}
    assert now["vaults"] == {"backproof": {"lock": [True, 35, None], "key": None}}
    [rule] = now["plans"]["backproof-default"]["rules"]
    assert (rule["TargetBackupVaultName"], rule["ScheduleExpression"]) == ("backproof", "cron(0 5 ? * * *)")
    assert rule["Lifecycle"] == {"DeleteAfterDays": 35}
    made = {action["do"]["kind"]: action["id"] for action in plan["actions"]}
    backup = client(world, "backup")
    for kind, arn in (
        ("vault", backup.list_backup_vaults()["BackupVaultList"][0]["BackupVaultArn"]),
        ("plan-create", backup.list_backup_plans()["BackupPlansList"][0]["BackupPlanArn"]),
    ):
        assert backup.list_tags(ResourceArn=arn)["Tags"]["backproof:action"] == made[kind]

    # A second run does nothing twice, and makes nothing good of what was not done.
    run(world, tmp_path, "remediate", "apply", "plan.json", "--yes", codes=(1,))
    assert state(world) == now
    verdicts = verified(run(world, tmp_path, "remediate", "verify", "plan.json", "--actions-only", codes=(11,)), plan)
    assert {kind for kind, found in verdicts.items() if found == {"compliant"}} == can - {"vault"}
    assert all(verdicts[kind] == {"unknown"} for kind in lacks | {"vault"})

    # The plan's tags are hidden from us, and the recovery points that may need the role: what we do not know, we leave.
    taken = undo(world, tmp_path, codes=(1,))
    now = state(world)
    assert now["tables"] == before["tables"]
    assert now["vaults"] == {"backproof": {"lock": [False, None, None], "key": None}}
    assert set(now["plans"]) == {"backproof-default"} and set(now["roles"]) == {ROLE}
    assert "backproof-default: stays: the plan does not carry the tag of this action" in taken.stderr
    assert f"{ROLE}: stays: HTTP status 404 (from backup:ListRecoveryPointsByBackupVault)" in taken.stderr


def test_what_cannot_be_read_is_not_done_and_is_no_change_of_somebody(world, tmp_path):
    plan = derived(world, tmp_path, "--advised", "--only", "opt-in", change=lambda text: text.replace("= true", "= false"))
    applied = run(world, tmp_path, "remediate", "apply", "plan.json", "--yes", codes=(1,))
    # The journal says nothing of what was not begun.
    assert outcomes(tmp_path, plan) == {"opt-in": {"left"}}
    assert "what the remediation plan rests on could not be read" in applied.stderr
    assert "HTTP status 404 (from backup:DescribeRegionSettings)" in applied.stderr and "scan again" not in applied.stderr
