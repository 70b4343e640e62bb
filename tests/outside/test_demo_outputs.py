"""What the demo wrote, opened by other programs. The folder comes from BACKPROOF_DEMO; `.ci/run` sets it."""

import collections
import csv
import html.parser
import json
import os
import pathlib
import re
import subprocess

import pytest

FOLDER = os.environ["BACKPROOF_DEMO"]
AUDITS = ["1-before", "2-after"]
CALLS = re.compile(r"\b(?:fetch|import|XMLHttpRequest|WebSocket|EventSource|sendBeacon|Image)\s*\(|\.src\s*=|location\s*=")
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def path(*parts):
    return pathlib.Path(FOLDER, *parts)


def report(audit):
    """`report.json`, with the findings on tables beside the others, as docs/formats.md says that they are read."""
    read = json.loads(path(audit, "report.json").read_text(encoding="utf-8"))
    on_tables = [
        {**read["outcomes"][finding["outcome"]], "subject": "table", "resource_arn": table["table_arn"], "id": finding.get("id")}
        for table in read["tables"]
        for finding in table["findings"]
    ]
    read["findings"] = on_tables + read["findings"]
    return read


def rows(audit, name):
    with path(audit, name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.mark.parametrize("audit", AUDITS)
def test_every_file_is_there(audit):
    for name in ("report.json", "report.html", "report.pdf", "findings.csv", "tables.csv", "tables.parquet", "coverage.csv"):
        assert path(audit, name).stat().st_size > 100, name
    assert list(path(audit, "inventory").glob("*.parquet")), "the inventory"
    assert not list(path(audit).glob(".partial*")), "nothing half-written"
    assert path("remediation-plan.json").stat().st_size > 100


@pytest.mark.parametrize("audit", AUDITS)
def test_the_numbers_of_the_report_agree(audit):
    read = report(audit)
    assert read["schema_version"] and read["scan"]["id"] and read["scan"]["caller_arn"].startswith("arn:aws:")
    coverage = read["coverage"]
    assert len(coverage["accounts"]) == 2 and len(coverage["targets"]) == 4
    assert 50 <= coverage["tables_listed"] <= 80 and len(read["tables"]) == coverage["tables_listed"]
    counted = {"compliant": 0, "non-compliant": 0, "unknown": 0, "not-applicable": 0}
    for finding in read["findings"]:
        counted[finding["verdict"]] += 1
    for rule in read["rules"]:
        counted["compliant"] += rule["unlisted"]["compliant"]
        counted["not-applicable"] += rule["unlisted"]["not_applicable"]
    assert all(counted.values()), f"the demo shows every verdict: {counted}"
    assert read["totals"]["findings_by_verdict"] == counted and read["totals"]["tables"] == len(read["tables"])
    on_tables = {finding["resource_arn"] for finding in read["findings"] if finding["subject"] == "table"}
    assert on_tables == {table["table_arn"] for table in read["tables"]}
    subjects = {finding["subject"] for finding in read["findings"]}
    assert {"table", "vault", "plan", "target", "waiver", "exemption"} <= subjects
    rules = {rule["id"]: rule["subject"] for rule in read["rules"]}
    for finding in read["findings"]:
        # A list that was not read leaves a rule unknown for the whole target.
        is_unlisted = finding["subject"] == "target" and finding["verdict"] == "unknown"
        assert rules[finding["rule"]] == finding["subject"] or is_unlisted, finding
    for framework in read["frameworks"]:
        for control in framework["controls"]:
            of_control = [finding for finding in read["findings"] if finding["rule"] in control["rules"]]
            unlisted = sum(sum(rule["unlisted"].values()) for rule in read["rules"] if rule["id"] in control["rules"])
            assert sum(control["counts"].values()) + control["waived"] == len(of_control) + unlisted, control["id"]
    assert coverage["gaps"], "the demo has a vault that may not be read"
    answers = collections.Counter(table["verdict"] for table in read["tables"])
    assert answers["compliant"] > 20 and answers["non-compliant"] > 5, "a believable mix"
    ids = [finding["id"] for finding in read["findings"] if finding["id"]]
    assert len(ids) == len(set(ids))


def stale(audit):
    """Tables without a recent recovery point, with the evidence."""
    read = report(audit)
    tables = {table["table_arn"]: read["usual"]["facts"] | table["facts"] for table in read["tables"]}
    return {
        finding["resource_arn"]: tables[finding["resource_arn"]]
        for finding in read["findings"]
        if finding["rule"] == "recovery-point-fresh" and finding["verdict"] == "non-compliant"
    }


def test_remediation_made_a_difference():
    before, after = stale("1-before"), stale("2-after")
    deeds = [action["do"] for action in json.loads(path("remediation-plan.json").read_text())["actions"]]
    planned = {deed["table_arn"] for deed in deeds if deed["kind"] == "backup-now"}
    of_backups = ("backed-up", "recovery-point-fresh")
    failing = {one["resource_arn"] for one in report("1-before")["findings"] if one["rule"] in of_backups and one["verdict"] == "non-compliant"}
    assert planned <= failing, "nothing is backed up that needs none"
    assert planned - after.keys(), "the plan's tables have recovery points now"
    for arn in after.keys() - before.keys():
        # The clock runs: what was just young enough in the first audit may be just too old in the second.
        rpo = after[arn]["limit_hours"]
        assert rpo < after[arn]["newest_recovery_point_age_hours"] < rpo + 0.5, arn


def test_the_second_audit_is_better_in_every_question_and_worse_in_none():
    before, after = (json.loads(path(audit, "report.json").read_text()) for audit in AUDITS)
    asked = [question for question, counts in before["totals"]["tables_by_answer"].items() if counts["compliant"] + counts["non-compliant"]]
    assert {"in_a_plan", "backed_up"} <= set(asked)
    for question in ("in_a_plan", "backed_up"):
        then, now = (report["totals"]["tables_by_answer"][question] for report in (before, after))
        assert now["compliant"] > then["compliant"] and now["non-compliant"] < then["non-compliant"], question
    for question in asked:
        then, now = (report["totals"]["tables_by_answer"][question] for report in (before, after))
        assert now["compliant"] >= then["compliant"] and now["non-compliant"] <= then["non-compliant"], question
    later = {table["table_arn"]: table["answers"] for table in after["tables"]}
    for table in before["tables"]:
        for question, answer in table["answers"].items():
            assert answer != "compliant" or later[table["table_arn"]][question] == "compliant", (table["table_arn"], question)
            assert answer != "unknown" or later[table["table_arn"]][question] != "non-compliant", (table["table_arn"], question)


def test_the_second_pack_says_what_was_done_and_who_approved_it():
    [change] = json.loads(path("2-after", "report.json").read_text())["changes"]
    assert change["scan_id"] == json.loads(path("1-before", "report.json").read_text())["scan"]["id"]
    assert change["counts"]["fixed"] > 20 and change["counts"]["worse"] == 0
    assert len(change["approved_with"]) == 1 and "SHA256:" in change["approved_with"][0]
    plan = json.loads(path("remediation-plan.json").read_text())
    assert [action["id"] for action in change["actions"]] == [action["id"] for action in plan["actions"]]
    assert all(action["steps"] for action in change["actions"]), "every action was begun"
    held = path("2-after", "criteria", "changes", "1")
    for name, file in [("plan.json", "remediation-plan.json"), ("plan.journal.jsonl", "remediation-plan.journal.jsonl"), ("plan.json.sig", "remediation-plan.json.sig")]:
        assert (held / name).read_bytes() == path(file).read_bytes(), name
    text = subprocess.run(["pdftotext", "-layout", str(path("2-after", "report.pdf")), "-"], capture_output=True, text=True, check=True).stdout
    assert "What was done since the scan before" in text and change["plan_sha256"][:16] in text
    checked = subprocess.run(["ssh-keygen", "-Y", "check-novalidate", "-n", "backproof-plan", "-s", str(held / "plan.json.sig")], stdin=(held / "plan.json").open("rb"), capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("audit", AUDITS)
def test_the_csv_files_say_what_the_json_says(audit):
    read = report(audit)
    findings, tables = rows(audit, "findings.csv"), rows(audit, "tables.csv")
    told = [one for one in read["findings"] if one["subject"] != "table" or one["level"] == "required"]
    told = [one for one in told if one["waived"] or one["verdict"] in ("non-compliant", "unknown")]
    assert sorted((row["finding_id"], row["verdict"]) for row in findings) == sorted((one["id"], one["verdict"]) for one in told)
    assert sorted(row["table_arn"] for row in tables) == sorted(table["table_arn"] for table in read["tables"])
    for row in findings + tables + rows(audit, "coverage.csv"):
        assert None not in row and None not in row.values(), "every row has as many cells as the head"
        for name, cell in row.items():
            assert not cell.startswith(FORMULA) or re.fullmatch(r"-?\d+(\.\d+)?", cell), (name, cell)


@pytest.mark.parametrize("audit", AUDITS)
def test_the_pdf_is_read_by_poppler(audit):
    file = str(path(audit, "report.pdf"))
    info = subprocess.run(["pdfinfo", file], capture_output=True, text=True, check=True)
    facts = dict(re.findall(r"^([\w ]+): +(.*)$", info.stdout, re.MULTILINE))
    assert not info.stderr, info.stderr
    assert int(facts["Pages"]) >= 3 and facts["Encrypted"] == "no" and "1970" not in facts["CreationDate"]
    assert "Proof of backup" in facts["Title"]
    text = subprocess.run(["pdftotext", "-layout", file, "-"], capture_output=True, text=True, check=True)
    assert not text.stderr, text.stderr
    assert "Proof of backup" in text.stdout
    assert f"{facts['Pages']} of {facts['Pages']}" in text.stdout, "page x of y"
    missing = [table["table_arn"].rsplit("/")[-1] for table in report(audit)["tables"] if not spelled(table, text.stdout)]
    assert not missing, f"tables that the PDF does not name: {missing}"
    fonts = subprocess.run(["pdffonts", file], capture_output=True, text=True, check=True).stdout.splitlines()[2:]
    assert fonts and all(line.split()[-5] == "yes" for line in fonts), "every font is embedded"


@pytest.mark.parametrize("audit", AUDITS)
def test_the_pdf_is_sound_to_qpdf(audit):
    checked = subprocess.run(["qpdf", "--check", path(audit, "report.pdf")], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "No syntax or stream encoding errors found" in checked.stdout


# Apache PDFBox's validator, as Debian packages it.
JARS = ["preflight", "pdfbox2", "xmpbox", "fontbox2", "commons-logging", "javax.activation", "jaxb-api"]


def preflight(file):
    jars = [f"/usr/share/java/{name}.jar" for name in JARS]
    assert all(pathlib.Path(jar).exists() for jar in jars), "Debian's libpdfbox2-java and what it needs"
    command = ["java", "-cp", ":".join(jars), "org.apache.pdfbox.preflight.Validator_A1b", str(file)]
    return subprocess.run(command, capture_output=True, text=True).stdout


@pytest.mark.parametrize("audit", AUDITS)
def test_the_pdf_is_for_the_archive(audit):
    said = preflight(path(audit, "report.pdf"))
    assert "is a valid PDF/A-1b file" in said, said


def test_the_validator_would_find_a_font_that_is_missing(tmp_path):
    """A validator that says yes to everything proves nothing."""
    damaged = tmp_path / "damaged.pdf"
    damaged.write_bytes(path("1-before", "report.pdf").read_bytes().replace(b"/FontFile2", b"/FontFileX"))
    said = preflight(damaged)
    assert "is not a valid PDF/A-1b file" in said and "ont" in said, said


def spelled(table, text):
    """True if the PDF holds the table's name; a long one may be broken over lines or cut."""
    return table["table_arn"].rsplit("/")[-1][:12] in text


class Requests(html.parser.HTMLParser):
    """Collects whatever a browser would fetch when it opens the page."""

    FETCHING = {"src", "srcset", "poster", "data", "background", "action", "formaction", "ping"}

    def __init__(self):
        super().__init__()
        self.found, self.inside, self.tags = [], None, set()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.inside = tag if tag in ("style", "script") else None
        for name, value in attributes:
            fetches = name in self.FETCHING or (name == "href" and tag in ("link", "base", "use", "image"))
            if fetches and value and not value.startswith(("data:", "#")):
                self.found.append((tag, name, value))
            if name == "style" and "url(" in (value or ""):
                self.found.append((tag, name, value))
            if name.startswith("on") and CALLS.search(value or ""):
                self.found.append((tag, name, value))

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside == "style":
            self.found += [("style", "", use) for use in re.findall(r"@import[^;]*|url\((?!['\"]?(?:data:|#))[^)]*\)", data)]
        if self.inside == "script":
            self.found += [("script", "", use) for use in CALLS.findall(data)]


@pytest.mark.parametrize("audit", AUDITS)
def test_the_page_asks_for_nothing_outside(audit):
    page = Requests()
    page.feed(path(audit, "report.html").read_text(encoding="utf-8"))
    page.close()
    assert page.found == []
    assert {"html", "title", "table", "style"} <= page.tags
