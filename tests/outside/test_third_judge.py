"""Remediation against MiniStack, which goes beyond moto: versions of plans, selections, backup jobs.

Run by `.ci/run` where there is no interface but loopback; `BACKPROOF_MINISTACK` names the program. Where it answers otherwise than
AWS, AWS's documentation and what others recorded say that MiniStack is wrong:
- UpdateRegionSettings, a vault's lock and access policy, copies, restores and restore testing have no route: refused by name.
- A backup job is COMPLETED at once and leaves no recovery point; a job that is said to have worked proves nothing.
- GetBackupSelection gives back what was sent; AWS gives all four operators of `Conditions`, empty ones too. A selection without
  them counts as half an answer, and every table that no other selection takes as unknown.
- A plan that was never run has a LastExecutionDate, and a vault without a key of its own an empty one.
"""

import json

import pytest

import judges
from conftest import REGION, fetch
from judges import JUDGED_ACCOUNT, POLICIES, ROLE, TABLES, client, derived, kinds, outcomes, run, state, trust, undo, verified

NO_CONDITIONS = {operator: [] for operator in ("StringEquals", "StringNotEquals", "StringLike", "StringNotLike")}


@pytest.fixture
def world(ministack):
    """Two tables, and nothing else."""
    fetch(f"{ministack.url}/_ministack/reset", "POST")
    judges.make_tables(ministack)
    return ministack


def own_key(endpoint):
    return client(endpoint, "kms").create_key()["KeyMetadata"]["Arn"]


def test_a_fresh_account_from_the_scan_to_the_proof_and_back(world, tmp_path):
    before = state(world)
    key = own_key(world)
    settings = f"""
        regions = ["{REGION}"]
        [rules]
        pitr-on = "require"
        deletion-protection-on = "require"
        [remediation]
        new-vault-key = "{key.rsplit("/")[-1]}"
    """
    (tmp_path / "backproof.toml").write_text(settings)
    run(world, tmp_path, "scan", "--to", "before", "--format", "json-all", codes=(10,))
    assert judges.compliant(tmp_path, "before") == set()
    run(world, tmp_path, "remediate", "plan", "--from", "before", "--to", "plan.json", "--exclude", "opt-in")
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert kinds(plan) == {"role", "vault", "plan-create", "assign", "pitr", "deletion-protection"} and not plan["worse"]
    run(world, tmp_path, "remediate", "apply", "plan.json", "--yes")
    assert set(map(frozenset, outcomes(tmp_path, plan).values())) == {frozenset({"done"})}

    now = state(world)
    for table in now["tables"].values():
        assert table["protected"] and table["recovery"] == "ENABLED" and not table["tags"]
    assert now["roles"] == {ROLE: {"path": "/service-role/", "trust": trust(), "policies": POLICIES}}
    assert now["vaults"] == {"backproof": {"lock": [False, None, None], "key": key}}
    [rule] = now["plans"]["backproof-default"]["rules"]
    assert (rule["TargetBackupVaultName"], rule["ScheduleExpression"]) == ("backproof", "cron(0 5 ? * * *)")
    assert rule["Lifecycle"] == {"DeleteAfterDays": 35}
    [selection] = now["plans"]["backproof-default"]["selections"]
    assert {arn.rsplit("/")[-1] for arn in selection["Resources"]} == set(TABLES)
    assert selection["IamRoleArn"] == f"arn:aws:iam::{JUDGED_ACCOUNT}:role/service-role/{ROLE}"

    run(world, tmp_path, "remediate", "apply", "plan.json", "--yes")
    assert state(world) == now, "nothing is done twice"
    proof = run(world, tmp_path, "remediate", "verify", "plan.json", "--from", "before", codes=(11,))
    assert {frozenset(found) for found in verified(proof, plan).values()} == {frozenset({"compliant"})}
    assert "0 not fixed" in proof.stdout and "0 worse" in proof.stdout
    # Half an answer about the selection is no good news, for whoever made it.
    run(world, tmp_path, "scan", "--to", "after", "--format", "json-all", codes=(11,))
    good = {rule for rule, _ in judges.compliant(tmp_path, "after")}
    assert good.isdisjoint({"in-a-plan", "plan-meets-policy", "backed-up", "recovery-point-fresh", "dynamodb-opted-in"}), good
    assert {"pitr-on", "deletion-protection-on"} <= good

    undo(world, tmp_path, codes=(0,))
    assert state(world) == before


def test_a_plan_of_somebody_else_is_changed_and_gets_its_text_back(world, tmp_path):
    backup, iam = client(world, "backup"), client(world, "iam")
    backup.create_backup_vault(BackupVaultName="kept", EncryptionKeyArn=own_key(world))
    role = iam.create_role(RoleName="Backups", AssumeRolePolicyDocument=json.dumps(trust()))["Role"]["Arn"]
    rule = {
        "RuleName": "sundays",
        "TargetBackupVaultName": "kept",
        "ScheduleExpression": "cron(0 5 ? * SUN *)",
        "ScheduleExpressionTimezone": "Europe/Berlin",
        "Lifecycle": {"DeleteAfterDays": 7},
        "RecoveryPointTags": {"team": "dr"},
    }
    advanced = [{"ResourceType": "EC2", "BackupOptions": {"WindowsVSS": "enabled"}}]
    text = {"BackupPlanName": "weekly", "Rules": [rule], "AdvancedBackupSettings": advanced}
    plan_id = backup.create_backup_plan(BackupPlan=text)["BackupPlanId"]
    tables = [f"arn:aws:dynamodb:{REGION}:{JUDGED_ACCOUNT}:table/{name}" for name in TABLES]
    selection = {"SelectionName": "both", "IamRoleArn": role, "Resources": tables, "Conditions": NO_CONDITIONS}
    backup.create_backup_selection(BackupPlanId=plan_id, BackupSelection=selection)
    before = state(world)

    (tmp_path / "backproof.toml").write_text(f'regions = ["{REGION}"]')
    run(world, tmp_path, "scan", "--to", "before", codes=(10,))
    run(world, tmp_path, "remediate", "plan", "--from", "before", "--to", "plan.json", "--only", "plan-change")
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert kinds(plan) == {"plan-change"} and plan["fixes"]
    run(world, tmp_path, "remediate", "apply", "plan.json", "--yes")
    changed = backup.get_backup_plan(BackupPlanId=plan_id)["BackupPlan"]
    expected = rule | {"ScheduleExpression": "cron(0 5 ? * * *)", "Lifecycle": {"DeleteAfterDays": 35}}
    expected["ScheduleExpressionTimezone"] = "Etc/UTC"
    assert changed == text | {"Rules": [expected]}, "what nobody asked to change stays"
    assert len(backup.list_backup_plan_versions(BackupPlanId=plan_id)["BackupPlanVersionsList"]) == 2
    run(world, tmp_path, "remediate", "verify", "plan.json", "--from", "before")
    run(world, tmp_path, "scan", "--to", "after", "--format", "json-all", codes=(0,))
    good = judges.compliant(tmp_path, "after")
    assert {("in-a-plan", name) for name in TABLES} <= good and not any(rule == "backed-up" for rule, _ in good)

    undo(world, tmp_path, codes=(0,))
    assert state(world) == before and backup.get_backup_plan(BackupPlanId=plan_id)["BackupPlan"] == text

    # The same once more, with a version of somebody else's between the plan and the change.
    backup.update_backup_plan(BackupPlanId=plan_id, BackupPlan=text | {"Rules": [rule | {"StartWindowMinutes": 60}]})
    (tmp_path / "plan.journal.jsonl").unlink()
    refused = run(world, tmp_path, "remediate", "apply", "plan.json", "--yes", codes=(1,))
    assert "the remediation plan no longer matches AWS" in refused.stderr and "was judged" in refused.stderr
    assert len(backup.list_backup_plan_versions(BackupPlanId=plan_id)["BackupPlanVersionsList"]) == 4


def test_a_job_that_is_said_to_have_worked_proves_nothing(world, tmp_path):
    before = state(world)
    plan = derived(world, tmp_path, "--advised")
    lacks = {"vault-lock", "vault-policy", "restore-testing"}
    can = {"role", "vault", "plan-create", "assign", "tag-table", "pitr", "deletion-protection"}
    assert kinds(plan) == can | lacks | {"backup-now"}
    applied = run(world, tmp_path, "remediate", "apply", "plan.json", "--yes", "--wait", codes=(1,))
    found = outcomes(tmp_path, plan)
    assert {kind for kind, steps in found.items() if steps == {"done"}} == can
    assert {kind for kind, steps in found.items() if steps == {"refused"}} == lacks
    assert found["backup-now"] == {"started"} and "2 jobs completed" in applied.stderr
    for path in ("vault-lock", "access-policy", "restore-testing/plans"):
        assert path in applied.stderr, path
    now = state(world)
    assert all(table["tags"] == [{"Key": "backup-plan", "Value": "backproof-default"}] for table in now["tables"].values())
    [selection] = now["plans"]["backproof-default"]["selections"]
    assert [tag["ConditionKey"] for tag in selection["ListOfTags"]] == ["backup-plan"] and not selection["Resources"]

    verdicts = verified(run(world, tmp_path, "remediate", "verify", "plan.json", "--actions-only", codes=(10,)), plan)
    assert verdicts["backup-now"] == {"non-compliant"}
    assert all(verdicts[kind] == {"non-compliant"} for kind in lacks)
    assert all(verdicts[kind] == {"compliant"} for kind in can - {"vault"}) and verdicts["vault"] == {"unknown"}
    undo(world, tmp_path, codes=(0,))
    assert state(world) == before
    run(world, tmp_path, "scan", "--to", "after", "--format", "json-all", codes=(10,))
    report = json.loads((tmp_path / "after" / "report-all.json").read_text())
    lost = {finding["resource_arn"].rsplit("/")[-1] for finding in report["findings"] if "a backup completed" in finding["message"]}
    assert lost == set(TABLES), "the jobs are told, and that nothing is left of them"
    assert not any(rule in ("backed-up", "recovery-point-fresh") for rule, _ in judges.compliant(tmp_path, "after"))


def test_settings_that_cannot_be_written_are_refused_by_name(world, tmp_path):
    plan = derived(world, tmp_path, "--advised", "--only", "opt-in", change=lambda text: text.replace("= true", "= false"))
    applied = run(world, tmp_path, "remediate", "apply", "plan.json", "--yes", codes=(1,))
    assert outcomes(tmp_path, plan) == {"opt-in": {"refused"}} and "/account-settings" in applied.stderr
    run(world, tmp_path, "remediate", "verify", "plan.json", "--actions-only", codes=(10,))
