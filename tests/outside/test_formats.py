"""The machine formats, each opened by a consumer of its own: of the demo's audits (BACKPROOF_DEMO) and of made-up reports with
nasty texts (BACKPROOF_SAMPLES, written by the unit test `samples_for_consumers`). `.ci/run` sets both."""

import collections
import functools
import json
import os
import pathlib
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
import xml.etree.ElementTree

import botocore.session
import botocore.validate
import jsonschema
import junitparser
import markdown_it
import ocsf_json_schema
import openpyxl
import openpyxl.utils.escape
import prometheus_client.parser
import pytest
import sarif.loader
import trestle.oscal.assessment_results
from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding

from conftest import REPOSITORY, binary

SAMPLES = pathlib.Path(os.environ["BACKPROOF_SAMPLES"])
DEMO = pathlib.Path(os.environ["BACKPROOF_DEMO"])
MULTITOOL = os.environ["SARIF_MULTITOOL"]
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


@pytest.fixture(scope="module", params=["demo", "nasty", "plain", "one", "empty"])
def folder(request, tmp_path_factory):
    """A folder with every machine format of one report."""
    if request.param != "demo":
        return SAMPLES / request.param
    out = tmp_path_factory.mktemp("formats") / "demo"
    command = [binary(), "report", DEMO / "1-before" / "inventory", "--config", DEMO / "backproof.toml"]
    command += ["--framework", "soc2,nist-800-53,hipaa", "--format", "all", "--to", out, "--quiet"]
    ran = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120)
    assert ran.returncode == 10, ran.stderr
    return out


@pytest.fixture(scope="module")
def report(folder):
    return json.loads((folder / "report-all.json").read_text(encoding="utf-8"))


def verdicts(report, waived=False):
    """How many findings there are by verdict, without those that a waiver covers unless asked for."""
    return collections.Counter(one["verdict"] for one in report["findings"] if waived or not one["waived"])


def strict(schema):
    """A schema that admits no member that it does not name."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {key: strict(part) for key, part in schema.items()}
    if "properties" in copy and isinstance(copy["properties"], dict) and copy.get("type") == "object":
        copy.setdefault("additionalProperties", False)
    return copy


def test_the_json_report_is_as_its_schema_says(report):
    schema = json.loads((REPOSITORY / "docs" / "schemas" / "report.schema.json").read_text())
    validator = jsonschema.Draft202012Validator
    validator.check_schema(schema)
    validator(strict(schema), format_checker=validator.FORMAT_CHECKER).validate(report)
    shown = subprocess.run([binary(), "explain", "schema", "report"], capture_output=True, text=True, check=True)
    assert json.loads(shown.stdout) == schema
    broken = json.loads(json.dumps(report))
    broken["totals"]["waived"] = "none"
    assert not validator(schema).is_valid(broken), "the schema refuses something"


def test_the_workbook(folder, report):
    book = openpyxl.load_workbook(folder / "report.xlsx")
    assert book.sheetnames == ["Summary", "Tables", "Findings", "Controls", "Coverage"]
    head, *rows = book["Tables"].iter_rows(values_only=True)
    place = {name: at for at, name in enumerate(head)}
    # Control characters are escaped in the file; openpyxl leaves that to whoever reads.
    rows = [[openpyxl.utils.escape.unescape(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    assert [row[place["table_arn"]] for row in rows] == [table["table_arn"] for table in report["tables"]]
    for row, table in zip(rows, report["tables"]):
        assert row[place["table_name"]] == table["table_name"] and row[place["verdict"]] == table["verdict"]
        assert row[place["account_id"]] == table["account_id"], "ids are text"
        age = table["facts"].get("newest_recovery_point_age_hours")
        assert row[place["newest_recovery_point_age_hours"]] == (age if age is None else pytest.approx(age, abs=1e-3))
    told = [one for one in report["findings"] if one["waived"] or one["verdict"] in ("non-compliant", "unknown")]
    head, *rows = book["Findings"].iter_rows(values_only=True)
    assert [row[head.index("finding_id")] for row in rows] == [one["id"] for one in told]
    for sheet in book:
        assert not [cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f"], "no formula"
    assert book.properties.created.strftime("%Y-%m-%dT%H:%M:%SZ") == report["scan"]["as_of"]


def test_junit(folder, report):
    file = folder / "junit.xml"
    suites = junitparser.JUnitXml.fromfile(str(file))
    of, all_of = verdicts(report), verdicts(report, waived=True)
    unread = sum(target["tables_listed"] is None for target in report["coverage"]["targets"]) + report["coverage"]["regions_unknown"]
    cases = [case for suite in suites for case in suite]
    assert len(cases) == suites.tests == len(report["findings"]) + len(report["coverage"]["targets"]) + report["coverage"]["regions_unknown"]
    open_ones = [one for one in report["findings"] if not one["waived"] and one["level"] == "required"]
    required = collections.Counter(one["verdict"] for one in open_ones)
    assert suites.failures == required["non-compliant"] and suites.errors == required["unknown"] + unread
    advised = of["non-compliant"] + of["unknown"] - required["non-compliant"] - required["unknown"]
    assert suites.skipped == all_of["not-applicable"] + report["totals"]["waived"] + advised
    for suite in suites:
        counted = collections.Counter(type(result).__name__ for case in suite for result in case.result)
        assert (suite.failures, suite.errors, suite.skipped) == (counted["Failure"], counted["Error"], counted["Skipped"])
        assert len({case.name for case in suite}) == len(list(suite)), "one case for each subject"
    passed = sum(case.is_passed for case in cases)
    assert passed == of["compliant"] + len(report["coverage"]["targets"]) - (unread - report["coverage"]["regions_unknown"])
    tags = {element.tag for element in xml.etree.ElementTree.parse(file).iter()}
    assert tags <= {"testsuites", "testsuite", "properties", "property", "testcase", "failure", "error", "skipped", "system-out"}


@functools.cache
def sarif_schema():
    return json.loads(pathlib.Path(MULTITOOL).with_name("sarif-2.1.0.json").read_text(encoding="utf-8-sig"))


# GitHub's rules; the tool asks for each of these to be switched on. Left out is GH1004, whose 1,000 results are no longer
# GitHub's limit.
GITHUB_RULES = [
    "GH1001.ProvideRequiredLocationProperties",
    "GH1003.ProvideRequiredRegionProperties",
    "GH1005.LocationsMustBeRelativeUrisOrFilePaths",
    "GH1006.ProvideCheckoutPath",
    "GH1007.ProvideFullyFormattedMessageStrings",
]
SARIF_EXCEPTIONS = {
    "SARIF2005",  # the program has no page of its own to point at
    # Which pipeline a file comes from is not the report's to know; Azure DevOps wants it beside every run that has a category.
    "GHAzDO1019",
    "GHAzDO1020",
}


def sarif_complaints(file, folder, rule_kinds="Sarif;Ghas;GHAzDO"):
    """What Microsoft's validator says by the rules of the standard, of GitHub and of Azure DevOps."""
    rules = "".join(
        f'<Properties Key="{rule}.Options"><Property Key="RuleEnabled" Value="Error" Type="Driver.RuleEnabledState" /></Properties>'
        for rule in GITHUB_RULES
    )
    settings = folder / "settings.xml"
    settings.write_text(f'<?xml version="1.0" encoding="utf-8" ?><Properties>{rules}</Properties>', encoding="utf-8")
    judged = folder / "judged.sarif"
    environment = os.environ | {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "DOTNET_BUNDLE_EXTRACT_BASE_DIR": str(folder)}
    command = [MULTITOOL, "validate", str(file), "--output", str(judged), "--level", "Error;Warning", "--log", "ForceOverwrite"]
    command += ["--rule-kind", rule_kinds, "--config", str(settings)]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = json.loads(judged.read_text(encoding="utf-8-sig"))["runs"][0].get("results", [])
    return [(one["ruleId"], one["message"]) for one in found if one["ruleId"] not in SARIF_EXCEPTIONS]


@pytest.mark.parametrize("name", ["report.sarif", "report-all.sarif"])
def test_sarif(folder, report, tmp_path, name):
    file = folder / name
    log = json.loads(file.read_text(encoding="utf-8"))
    jsonschema.validators.validator_for(sarif_schema())(sarif_schema()).validate(log)
    run = log["runs"][0]
    is_all = name == "report-all.sarif"
    expected = [one for one in report["findings"] if is_all or (not one["waived"] and one["verdict"] in ("non-compliant", "unknown"))]
    unread = sum(target["tables_listed"] is None for target in report["coverage"]["targets"]) + report["coverage"]["regions_unknown"]
    # Tables that were not listed come first: they have no finding.
    unlisted, results = run["results"][:unread], run["results"][unread:]
    assert all(result["ruleId"] == "tables-listed" and result["kind"] == "open" for result in unlisted)
    kinds = {"fail": "non-compliant", "open": "unknown", "pass": "compliant", "notApplicable": "not-applicable"}
    assert [kinds[result["kind"]] for result in results] == [finding["verdict"] for finding in expected]
    assert all((result["level"] == "none") == (result["kind"] != "fail") for result in run["results"])
    assert sum(bool(result["suppressions"]) for result in results) == (report["totals"]["waived"] if is_all else 0)
    prints = [result["partialFingerprints"]["backproofFinding/v1"] for result in run["results"]]
    assert prints[unread:] == [finding["id"] for finding in expected] and len(prints) == len(set(prints))
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"] if "ruleIndex" in result)
    assert len(run["invocations"][0]["toolExecutionNotifications"]) >= len(report["coverage"]["gaps"])
    # The two programs that read such files for people.
    loaded = sarif.loader.load_sarif_file(str(file))
    assert loaded.get_distinct_tool_names() == ["backproof"] and loaded.get_result_count() == len(expected) + unread
    assert len(loaded.get_records()) == len(expected) + unread
    complaints = sarif_complaints(file, tmp_path, "Sarif" if is_all else "Sarif;Ghas;GHAzDO")
    assert not complaints, complaints[:5]


def test_the_rules_of_code_hosts_are_asked(tmp_path):
    log = json.loads((SAMPLES / "one" / "report-all.sarif").read_text(encoding="utf-8"))
    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    place["artifactLocation"]["uri"] = "arn:aws:dynamodb:eu-west-1:111122223333:table/orders"
    del place["region"], log["runs"][0]["tool"]["driver"]["rules"][0]["name"]
    file = tmp_path / "broken.sarif"
    file.write_text(json.dumps(log), encoding="utf-8")
    assert {"GH1003", "GH1005", "GHAzDO2012"} <= {rule for rule, _ in sarif_complaints(file, tmp_path)}


@functools.cache
def ocsf_validator():
    schema = ocsf_json_schema.OcsfJsonSchemaEmbedded(ocsf_json_schema.get_ocsf_schema("1.8.0"))
    found = schema.get_class_schema("compliance_finding", ["cloud"])
    return jsonschema.Draft202012Validator(found)


def test_ocsf(folder, report):
    events = [json.loads(line) for line in (folder / "findings.ocsf.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [event["finding_info"]["uid"] for event in events] == [finding["id"] for finding in report["findings"]]
    words = {1: "compliant", 2: "unknown", 3: "non-compliant", 99: "not-applicable"}
    for event, finding in zip(events, report["findings"]):
        parsed = ComplianceFinding.model_validate(event)
        assert parsed.class_uid == 2003 and words[int(parsed.compliance.status_id)] == finding["verdict"]
        assert (int(parsed.status_id) == 3) == finding["waived"]
        assert event["unmapped"]["level"] == finding["level"] and (finding["level"] == "required" or event["severity"] == "Informational")
        assert [one["uid"] for one in event["evidences"]] == [report["scan"]["evidence_digest"]]
    # The schema itself admits no member that it does not name. It is slow: one event of each shape is enough.
    shapes = {(event["status_id"], event["compliance"]["status_id"], event["resources"][0]["type"]): event for event in events}
    for event in shapes.values():
        problems = [problem.message for problem in ocsf_validator().iter_errors(event)]
        assert not problems, problems[:3]


def words_of(shape, value, path=""):
    """Texts that are not in the closed list of their shape; botocore itself does not look."""
    if shape.type_name == "structure":
        for name, member in value.items():
            yield from words_of(shape.members[name], member, f"{path}.{name}")
    elif shape.type_name == "list":
        for number, member in enumerate(value):
            yield from words_of(shape.member, member, f"{path}[{number}]")
    elif shape.type_name == "map":
        for name, member in value.items():
            yield from words_of(shape.value, member, f"{path}.{name}")
    elif shape.type_name == "string":
        pattern = shape.metadata.get("pattern")
        if shape.enum and value not in shape.enum or pattern and not re.search(pattern, value):
            yield path, value


def test_asff(folder, report):
    findings = json.loads((folder / "findings.asff.json").read_text(encoding="utf-8"))
    shape = botocore.session.Session().get_service_model("securityhub").operation_model("BatchImportFindings").input_shape
    for start in range(0, len(findings), 100):
        batch = {"Findings": findings[start : start + 100]}
        problems = botocore.validate.ParamValidator().validate(batch, shape)
        assert not problems.has_errors(), problems.generate_report()
        assert not list(words_of(shape, batch))
    ids = [finding["Id"] for finding in findings]
    assert len(ids) == len(set(ids))
    statuses = collections.Counter(finding["Compliance"]["Status"] for finding in findings)
    all_of = verdicts(report, waived=True)
    expected = {"PASSED": all_of["compliant"], "FAILED": all_of["non-compliant"], "WARNING": all_of["unknown"]}
    assert statuses == collections.Counter(expected)
    suppressed = [finding for finding in findings if finding.get("Workflow", {}).get("Status") == "SUPPRESSED"]
    assert len(suppressed) == report["totals"]["waived"] and all(finding["Note"]["Text"] for finding in suppressed)
    levels = {finding["id"]: finding["level"] for finding in report["findings"]}
    for finding in findings:
        advised = levels[finding["Id"].removeprefix("backproof/")] == "advised"
        assert not advised or finding["FindingProviderFields"]["Severity"]["Label"] == "INFORMATIONAL"
    # Limits that AWS documents and its model leaves out.
    for finding in findings:
        assert len(finding["Title"]) <= 256 and len(finding["Description"]) <= 1024
        assert len(finding["Id"]) <= 512 and len(finding["GeneratorId"]) <= 512
        assert re.fullmatch(r"\d{12}", finding["AwsAccountId"]) and len(finding["Resources"][0]["Id"]) <= 2048
        assert len(finding["ProductFields"]) <= 50
        assert all(len(key) <= 128 and len(value) <= 2048 for key, value in finding["ProductFields"].items())
        assert len(finding.get("Remediation", {}).get("Recommendation", {}).get("Text", "")) <= 512
        assert len(finding.get("Note", {}).get("Text", "")) <= 512
        assert len(json.dumps(finding)) < 240_000


def test_oscal(folder, report):
    file = folder / "assessment-results.json"
    document = trestle.oscal.assessment_results.AssessmentResults.oscal_read(file)
    assert document.metadata.oscal_version.root.root == "1.2.1"
    result = document.results[0]
    items = {item.uuid for item in (result.local_definitions.inventory_items or [])}
    observations = {one.uuid: one for one in (result.observations or [])}
    risks = {one.uuid for one in (result.risks or [])}
    subjects = [subject for one in observations.values() for subject in (one.subjects or [])]
    assert len(subjects) == len(report["findings"]), "every finding is in one observation"
    assert {subject.subject_uuid for subject in subjects} <= items
    raw = json.loads(file.read_text(encoding="utf-8"))
    uuids = re.findall(r'"uuid": "([^"]+)"', json.dumps(raw))
    assert len(uuids) == len(set(uuids)), "no two things share a uuid"
    for finding in result.findings or []:
        assert {one.observation_uuid for one in finding.related_observations or []} <= observations.keys()
        assert {one.risk_uuid for one in finding.related_risks or []} <= risks
        satisfied = finding.target.status.state.value
        seen = [observations[one.observation_uuid] for one in finding.related_observations or []]
        outcomes = {prop.value for one in seen for prop in one.props if prop.name == "verdict"}
        assert (satisfied == "satisfied") == (outcomes == {"compliant"}), finding.title
    waived = {finding["waiver"] or "" for finding in report["findings"] if finding["waived"]}
    risks = raw["assessment-results"]["results"][0].get("risks", [])
    accepted = [one for one in risks if one["status"] == "deviation-approved"]
    assert bool(accepted) == bool(waived)


def samples(text):
    """Every sample by name and labels, and the name of the report, which is a label of each."""
    found, names = {}, set()
    for family in prometheus_client.parser.text_string_to_metric_families(text):
        assert family.type == "gauge" and family.documentation, family.name
        for sample in family.samples:
            names.add(sample.labels["report"])
            key = (sample.name, *sorted(item for item in sample.labels.items() if item[0] != "report"))
            assert key not in found, f"twice: {key}"
            assert sample.timestamp is None, "the textfile collector takes no timestamps"
            found[key] = sample.value
    assert len(names) == 1, "one report, one name"
    return found, names.pop()


def test_prometheus(folder, report):
    text = (folder / "backproof.prom").read_text(encoding="utf-8")
    found, _ = samples(text)
    assert text.endswith("\n") and not CONTROL.search(text)
    for verdict, count in report["totals"]["tables_by_verdict"].items():
        assert found["backproof_tables", ("verdict", verdict)] == count
    of = collections.Counter((one["rule"], "waived" if one["waived"] else one["verdict"]) for one in report["findings"])
    for rule in report["rules"]:
        for verdict in ("non-compliant", "unknown", "compliant", "not-applicable", "waived"):
            labels = (("rule", rule["id"]), ("severity", rule["severity"]), ("verdict", verdict))
            assert found["backproof_findings", *labels] == of[rule["id"], verdict]
    ages = {name for (name, *_) in found if name.startswith("backproof_table_newest")}
    assert not report["tables"] or "backproof_table_newest_recovery_point_age_unknown" in ages
    for key, is_unknown in found.items():
        if key[0] == "backproof_table_newest_recovery_point_age_unknown":
            assert (("backproof_table_newest_recovery_point_age_seconds", *key[1:]) not in found) == bool(is_unknown)
    missing = found["backproof_evidence_missing",]
    is_missing = report["coverage"]["regions_unknown"] or verdicts(report)["unknown"]
    is_missing = is_missing or any(target["tables_listed"] is None for target in report["coverage"]["targets"])
    assert bool(missing) == bool(is_missing)


def scraped(folder):
    """What node_exporter answers that reads its text files from this folder: the status and the page."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = ["prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile", "--web.disable-exporter-metrics"]
    command += [f"--collector.textfile.directory={folder}", f"--web.listen-address={address}"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as program:
        try:
            for _ in range(100):
                try:
                    with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
                        return answer.status, answer.read().decode("utf-8")
                except urllib.error.HTTPError as refused:
                    return refused.code, refused.read().decode("utf-8")
                except urllib.error.URLError:
                    time.sleep(0.1)
            raise AssertionError("node_exporter does not answer")
        finally:
            program.terminate()


def test_two_reports_stand_side_by_side_on_one_host(tmp_path):
    texts = [(SAMPLES / name / "backproof.prom").read_text(encoding="utf-8") for name in ("nasty", "plain")]
    sides = [samples(text) for text in texts]
    names = [name for _, name in sides]
    assert len(set(names)) == 2
    for name, text in zip(names, texts):
        (tmp_path / f"{name}.prom").write_text(text, encoding="utf-8")
    status, page = scraped(tmp_path)
    assert status == 200, page
    merged = collections.Counter()
    for family in prometheus_client.parser.text_string_to_metric_families(page):
        for sample in family.samples:
            if family.name == "node_textfile_scrape_error":
                assert sample.value == 0
            merged[sample.labels.get("report")] += 1
    assert [merged[name] for name in names] == [len(found) for found, _ in sides]
    # The reader would have noticed: the same report twice is refused.
    (tmp_path / "again.prom").write_text(texts[0], encoding="utf-8")
    status, page = scraped(tmp_path)
    assert status != 200 or "node_textfile_scrape_error 1" in page


def leaves(tokens):
    """Every token, inner ones too."""
    for token in tokens:
        yield token
        yield from leaves(token.children or [])


def test_markdown(folder, report):
    text = (folder / "summary.md").read_text(encoding="utf-8")
    assert not CONTROL.search(text) and len(text) < 60_000, "short enough for a pull request"
    tokens = list(leaves(markdown_it.MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)))
    kinds = {token.type for token in tokens}
    assert not kinds & {"html_block", "html_inline", "link_open", "image", "fence", "code_block"}, "nothing of AWS's is markup"
    heads = [tokens[place + 1].content for place, token in enumerate(tokens) if token.type == "heading_open"]
    assert heads[0].startswith("Proof of backup: ")
    widths = collections.Counter()
    for token in tokens:
        widths[token.type] += 1
    assert widths["table_open"] >= 1
    # No cell ends too early: each row has as many cells as its head.
    row, width = [], None
    for token in tokens:
        if token.type == "thead_open":
            width = None
        elif token.type == "tr_open":
            row = []
        elif token.type in ("th_open", "td_open"):
            row.append(token)
        elif token.type == "tr_close":
            width = width or len(row)
            assert len(row) == width
    shown = "".join(token.content for token in tokens if token.type in ("text", "text_special", "code_inline"))
    bad = [one for one in report["findings"] if one["verdict"] == "non-compliant" and not one["waived"] and one["level"] == "required"]
    worst = max(bad, key=lambda one: ["low", "medium", "high", "critical"].index(one["severity"]), default=None)
    assert worst is None or worst["rule"] in shown
    in_text = "".join(token.content for token in tokens if token.type in ("text", "text_special"))
    assert "@here" not in in_text, "no mention; in code there is none"
