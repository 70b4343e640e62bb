"""Evidence packs, checked by programs that know nothing of this one. The demo's folder comes from BACKPROOF_DEMO."""

import collections
import hashlib
import json
import os
import pathlib
import re
import subprocess

import duckdb
import jsonschema
import pytest

from conftest import ACCOUNT, OTHER_ACCOUNT, REPOSITORY, binary

FOLDER = pathlib.Path(os.environ["BACKPROOF_DEMO"])
PACK = FOLDER / "1-before"


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rows(path):
    return duckdb.sql(f"SELECT * FROM read_parquet('{path}')")


def texts(path):
    """Every text of a Parquet file."""
    frame = rows(path)
    for row in frame.fetchall():
        yield from (value for value in row if isinstance(value, str))


@pytest.fixture(scope="module")
def manifest():
    return json.loads((PACK / "manifest.json").read_text(encoding="utf-8"))


def test_the_manifest_is_as_its_schema_says(manifest):
    schema = json.loads((REPOSITORY / "docs" / "schemas" / "manifest.schema.json").read_text())
    validator = jsonschema.Draft202012Validator
    validator.check_schema(schema)
    validator(schema, format_checker=validator.FORMAT_CHECKER).validate(manifest)
    shown = subprocess.run([binary(), "explain", "schema", "manifest"], capture_output=True, text=True, check=True)
    assert json.loads(shown.stdout) == schema
    for broken in (manifest | {"more": 1}, {key: value for key, value in manifest.items() if key != "caller_arn"}):
        assert not validator(schema).is_valid(broken)


def test_every_byte_is_named_once(manifest):
    named = {entry["path"]: entry for entry in manifest["files"]}
    lines = [line.split("  ", 1) for line in (PACK / "SHA256SUMS").read_text(encoding="utf-8").splitlines()]
    sums = {path: digest for digest, path in lines}
    assert len(sums) == len(lines) and list(sums) == sorted(sums)
    there = {path.relative_to(PACK).as_posix() for path in files(PACK)}
    assert there == set(named) | {"manifest.json", "SHA256SUMS"} and set(sums) == there - {"SHA256SUMS"}
    for path, digest in sums.items():
        assert digest == sha256(PACK / path), path
    for path, entry in named.items():
        assert entry["sha256"] == sums[path] and entry["size"] == (PACK / path).stat().st_size
    evidence = "".join(f"{sums[path]}  {path}\n" for path in sums if re.match("(criteria|inventory)/", path))
    digest = hashlib.sha256(evidence.encode()).hexdigest()
    assert digest == manifest["evidence_digest"]
    assert digest == json.loads((PACK / "report.json").read_text())["scan"]["evidence_digest"]


def test_duckdb_reads_the_findings_and_the_call_log(manifest):
    findings = rows(PACK / "findings.parquet")
    counted = collections.Counter(row[0] for row in findings.project("verdict").fetchall())
    assert counted == manifest["totals"]["findings_by_verdict"]
    report = json.loads((PACK / "report.json").read_text())
    # The report lists what is bad, what is required and what is not about a table, and counts the rest by rule.
    listed = findings.filter("subject <> 'table' OR level = 'required' OR waived OR verdict IN ('non-compliant', 'unknown')")
    on_tables = [finding for table in report["tables"] for finding in table["findings"]]
    ids = {row[0] for row in listed.project("id").fetchall()}
    told = {finding["id"] for finding in on_tables + report["findings"] if "id" in finding}
    assert len(ids) == len(listed) == len(on_tables) + len(report["findings"]) and told <= ids
    unlisted = sum(sum(rule["unlisted"].values()) for rule in report["rules"])
    assert len(findings) == len(listed) + unlisted == report["totals"]["findings"]
    decides = findings.filter("level = 'required' AND verdict IN ('non-compliant', 'unknown')")
    for (evidence,) in decides.project("evidence_json").fetchall():
        assert isinstance(json.loads(evidence), dict)
    # The others on tables rest on the facts of their table.
    tables = rows(PACK / "tables.parquet")
    assert len(tables) == report["totals"]["tables"]
    reads = {name for rule in report["rules"] if rule["subject"] == "table" for name in rule["reads"]}
    assert reads <= set(tables.columns)
    arns = {row[0] for row in tables.project("table_arn").fetchall()}
    said = findings.filter("evidence_json IS NULL")
    assert len(said) and {row[0] for row in said.project("resource_arn").fetchall()} <= arns
    calls = rows(PACK / "inventory" / "call_log.parquet")
    assert len(calls) == manifest["coverage"]["calls"]
    unanswered = calls.filter("outcome = 'ok' AND (answered_at IS NULL OR request_id IS NULL)")
    assert unanswered.fetchall() == []
    for path in (PACK / "inventory").glob("*.parquet"):
        assert rows(path).columns, path


def test_a_pack_for_strangers_names_no_account_in_any_format(tmp_path):
    shared = tmp_path / "shared"
    command = [binary(), "report", PACK / "inventory", "--config", FOLDER / "backproof.toml", "--framework", "soc2"]
    command += ["--format", "all", "--to", shared, "--redact-accounts", "--quiet"]
    assert subprocess.run(command, check=False).returncode == 10
    hidden = re.compile("|".join([ACCOUNT, OTHER_ACCOUNT, "payments-prod", "retail-prod"]))
    for path in files(shared):
        assert not hidden.search(path.read_bytes().decode("latin-1")), path
        if path.suffix == ".parquet":
            assert not [text for text in texts(path) if hidden.search(text)], path
        if path.suffix == ".pdf":
            text = subprocess.run(["pdftotext", "-raw", path, "-"], capture_output=True, text=True, check=True).stdout
            assert len(text) > 1000 and not hidden.search(text.replace("\n", ""))
            assert "000000000001" in text
    assert subprocess.run([binary(), "verify", shared], capture_output=True, check=False).returncode == 0
    before, after = (json.loads((folder / "report.json").read_text()) for folder in (PACK, shared))
    assert before["totals"]["tables_by_verdict"] == after["totals"]["tables_by_verdict"]
