//! The page on made-up reports: what it may run, what it escapes, and that its data say what the report says.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Escaped, content_security_policy, render};
use crate::domain::{FactValue, Finding, Subject, rfc3339};
use crate::render::tests::nasty;
use crate::render::{Templates, sample};
use crate::report::{Report, Totals};

fn page(report: &Report) -> String {
    let mut bytes = Vec::new();
    render(report, &Templates::default(), &mut bytes).expect("rendered");
    String::from_utf8(bytes).expect("UTF-8")
}

/// What stands between two marks, the last pair of them.
fn between<'p>(page: &'p str, before: &str, after: &str) -> &'p str {
    let rest = &page[page.rfind(before).expect(before) + before.len()..];
    &rest[..rest.find(after).expect(after)]
}

fn data(page: &str) -> Value {
    let text = between(page, "<script type=\"application/json\" id=\"data\">", "</script>");
    serde_json::from_str(text).expect("JSON")
}

/// More rules on every table than the sample has: about ten findings a table, as a short catalogue gives.
fn large(tables: usize) -> Report {
    let mut report = sample::report(tables);
    for rule in ["in-a-plan", "backed-up", "recovery-point-retained", "vault-locked"] {
        let again = format!("{rule}-again");
        let mut line = report
            .rules
            .iter()
            .find(|line| line.id == rule)
            .expect("a rule")
            .clone();
        line.id.clone_from(&again);
        report.rules.push(line);
        let more: Vec<_> = report
            .findings
            .iter()
            .filter(|finding| *finding.rule == *rule)
            .cloned()
            .collect();
        report.findings.extend(more.into_iter().map(|mut finding| {
            finding.rule = again.as_str().into();
            finding.id = format!("{}a", finding.id).into();
            finding
        }));
    }
    report
        .findings
        .sort_by(|a, b| (&a.resource_arn, &a.rule).cmp(&(&b.resource_arn, &b.rule)));
    report.totals = Totals::of(&report.tables, &report.findings);
    report
}

/// Writes the pages that `tests/browser` opens, into the folder that `BACKPROOF_PAGES` names, small ones beside what the
/// report says in JSON.
#[test]
fn pages_for_browsers() {
    let Some(folder) = std::env::var_os("BACKPROOF_PAGES").map(PathBuf::from) else {
        return;
    };
    std::fs::create_dir_all(&folder).expect("a writable folder");
    for (name, report) in [
        ("nasty", nasty()),
        ("empty", sample::report(0)),
        ("one", sample::report(1)),
        ("hundred", large(100)),
        ("large", large(10_000)),
    ] {
        std::fs::write(folder.join(format!("{name}.html")), page(&report)).expect("written");
        if report.tables.len() <= 100 {
            let mut json = Vec::new();
            crate::render::json::all(&report, &mut json).expect("rendered");
            std::fs::write(folder.join(format!("{name}.json")), json).expect("written");
        }
    }
}

#[test]
fn data_cannot_end_their_element() {
    let mut bytes = Vec::new();
    serde_json::to_writer(Escaped(&mut bytes), &json!({"a": "</script><!--&é"})).expect("written");
    let text = String::from_utf8(bytes).expect("UTF-8");
    assert!(!text.contains(['<', '>', '&']));
    assert_eq!(
        serde_json::from_str::<Value>(&text).expect("JSON")["a"],
        "</script><!--&é"
    );
}

#[test]
fn the_page_lets_only_its_own_style_and_script_run() {
    let page = page(&nasty());
    let (style, script) = (
        between(&page, "<style>", "</style>"),
        between(&page, "<script>", "</script>"),
    );
    let policy = content_security_policy(style, script, false)
        .replace('\'', "&#x27;")
        .replace('/', "&#x2f;");
    assert!(
        page.contains(&format!("content=\"{policy}\"")),
        "the digests are those of what stands in the page"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    for never in [" style=\"", " onclick=", " onsubmit=", "src=", "href=\"http"] {
        assert!(!page.contains(never), "{never}");
    }
}

#[test]
fn texts_are_escaped_everywhere() {
    let mut report = nasty();
    // Not even the mark that stands for the data, in every text that reaches the page before them.
    let hostile = "\u{0}data\u{0}</style></script></svg>\"'><img src=x onerror=alert(1)>{{ css }}";
    report.scan.caller_arn = hostile.to_owned();
    report.scan.evidence_digest = hostile.to_owned();
    report.coverage.accounts[0].name = hostile.to_owned();
    report.coverage.gaps[0].resource = hostile.to_owned();
    report.policy.push((hostile.to_owned(), hostile.to_owned()));
    report.tables[0].target.region = hostile.to_owned();
    report.rules[0].title = hostile.to_owned();
    for finding in &mut report.findings {
        finding.message = hostile.into();
    }
    let page = page(&report);
    assert!(!page.contains("<img"), "an element out of a text");
    assert!(!page.contains('\0'), "a character that HTML does not have");
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script>").count(), 2);
    assert_eq!(page.matches("<style>").count(), 1);
    assert!(!between(&page, "<style>", "</style>").contains("img"));
    data(&page);
}

#[test]
fn the_same_report_gives_the_same_page() {
    assert_eq!(page(&nasty()), page(&nasty()));
}

#[test]
fn line_ends_of_another_system_change_nothing() {
    let report = sample::report(3);
    let plain = Templates::default();
    let other = Templates {
        style: plain.style.replace('\n', "\r\n").into(),
        script: plain.script.replace('\n', "\r\n").into(),
        ..plain
    };
    let mut bytes = Vec::new();
    render(&report, &other, &mut bytes).expect("rendered");
    assert_eq!(String::from_utf8(bytes).expect("UTF-8"), page(&report));
}

/// The data, put together again as the page's script does it.
struct Unfolded(Value);

/// Message, verdict, rule, commands and evidence of a finding.
type Shown = (String, String, String, Vec<String>, Vec<Value>);

impl Unfolded {
    fn text(&self, number: &Value) -> String {
        let number = usize::try_from(number.as_u64().expect("a number")).expect("small");
        self.0["texts"][number].as_str().expect("a text").to_owned()
    }

    fn fact(&self, table: usize, fact: usize, arn: &str) -> Value {
        let column = &self.0["tables"]["facts"][fact];
        let tables = &self.0["tables"];
        match column["same"].as_str() {
            Some("arn") => return json!(arn),
            Some(same) => return json!(self.text(&tables[same][table])),
            None => {}
        }
        let cell = column.get("one").unwrap_or(&column["all"][table]);
        match (column["kind"].as_str(), cell) {
            (_, Value::Array(cause)) => json!([self.text(&cause[0])]),
            (Some("text"), cell) => json!(self.text(cell)),
            (Some("truth"), cell) => json!(cell == 1),
            (Some("instant"), cell) => {
                let at = self.0["as_of"].as_i64().expect("seconds") + cell.as_i64().expect("seconds");
                json!(rfc3339(chrono::DateTime::from_timestamp(at, 0).expect("an instant")))
            }
            (_, cell) => cell.clone(),
        }
    }

    fn shown(value: &Value) -> String {
        match value {
            Value::Array(cause) => cause[0].as_str().expect("a cause").to_owned(),
            Value::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
            Value::String(text) => text.clone(),
            number => number.to_string(),
        }
    }

    fn phrase(&self, parts: &Value, value: &dyn Fn(i64) -> Value) -> String {
        let Some(parts) = parts.as_array() else {
            return self.text(parts);
        };
        let put = |(place, part): (usize, &Value)| match place % 2 {
            0 => self.text(part),
            _ => Self::shown(&value(part.as_i64().expect("a fact"))),
        };
        parts.iter().enumerate().map(put).collect()
    }

    /// Message, verdict, rule, commands and evidence of every finding on a table, in order.
    fn on_table(&self, table: usize) -> Vec<Shown> {
        let tables = &self.0["tables"];
        let (name, before) = (
            self.text(&tables["name"][table]),
            self.text(&tables["before_name"][table]),
        );
        let arn = before
            .strip_prefix('!')
            .map_or_else(|| format!("{before}{name}"), str::to_owned);
        let pattern = tables["findings"][table].as_u64().expect("a pattern") as usize;
        let kinds = self.0["patterns"][pattern].as_array().expect("kinds");
        let finding = |(at, kind): (usize, &Value)| {
            let kind = &self.0["kinds"][kind.as_u64().expect("a kind") as usize];
            let value = |fact: i64| match fact {
                -1 => json!(name),
                -2 => json!(arn),
                -3 => json!(self.text(&tables["account"][table])),
                -4 => json!(self.text(&tables["region"][table])),
                fact => {
                    let differing = self.0["differing"].as_array().expect("a list");
                    let own = differing
                        .iter()
                        .find(|one| one[0] == table && one[1] == at && one[2] == fact);
                    own.map_or_else(
                        || self.fact(table, usize::try_from(fact).expect("a fact"), &arn),
                        |one| one[3].clone(),
                    )
                }
            };
            let word = |list: &str, number: &Value| self.0[list][number.as_u64().expect("small") as usize].clone();
            (
                self.phrase(&kind[5], &value),
                word("verdicts", &kind[1]).as_str().expect("a verdict").to_owned(),
                word("rules", &kind[0])["id"].as_str().expect("a rule").to_owned(),
                kind[7]
                    .as_array()
                    .expect("lines")
                    .iter()
                    .map(|line| self.phrase(line, &value))
                    .collect(),
                kind[6]
                    .as_array()
                    .expect("facts")
                    .iter()
                    .map(|fact| value(fact.as_i64().expect("a fact")))
                    .collect(),
            )
        };
        kinds.iter().enumerate().map(finding).collect()
    }
}

fn set_evidence(finding: &mut Finding, text: &str) {
    let mut evidence = finding.evidence.to_vec();
    evidence[0].1 = FactValue::Text(text.into());
    finding.evidence = evidence.into();
}

#[test]
fn the_data_say_what_the_report_says() {
    let mut report = nasty();
    // Evidence that is not the fact of the table, a number that a script cannot count, a fact of two kinds, an ARN that
    // does not end with the name.
    set_evidence(&mut report.findings[7], "another");
    // A value of the table that the message says of something else.
    let table = report
        .tables
        .iter()
        .find(|table| table.table_arn == report.findings[8].resource_arn);
    let of_table = table
        .expect("a table")
        .column(&report.findings[8].evidence.to_vec()[0].0)
        .to_string();
    set_evidence(&mut report.findings[8], "by a framework");
    report.findings[8].message = format!("it is by a framework, and not {of_table}").into();
    for (table, place, value) in [(0, 1, FactValue::Int(i64::MAX)), (1, 5, FactValue::Float(7.5))] {
        let mut facts = report.tables[table].facts.to_vec();
        facts[place].1 = value;
        report.tables[table].facts = Arc::new(facts.into());
    }
    let arn = std::mem::replace(&mut report.tables[2].table_arn, "arn:odd".to_owned());
    for finding in report.findings.iter_mut().filter(|finding| finding.resource_arn == arn) {
        finding.resource_arn = "arn:odd".to_owned();
    }
    let unfolded = Unfolded(data(&page(&report)));
    let mut named = Vec::new();
    for (number, table) in report.tables.iter().enumerate() {
        let found = unfolded.on_table(number);
        let of_table: Vec<_> = report
            .findings
            .iter()
            .filter(|finding| finding.subject == Subject::Table && finding.resource_arn == table.table_arn)
            .collect();
        assert_eq!(found.len(), of_table.len());
        for (found, finding) in found.iter().zip(of_table) {
            assert_eq!(found.0, *finding.message);
            assert_eq!((&*found.1, &*found.2), (finding.verdict.as_str(), &*finding.rule));
            assert_eq!(found.3, crate::judge::recheck::commands(finding));
            let evidence: Vec<String> = found.4.iter().map(Unfolded::shown).collect();
            let told: Vec<String> = finding.evidence.iter().map(|(_, value)| value.to_string()).collect();
            assert_eq!(evidence, told, "{} {}", finding.rule, finding.resource_name);
            if super::island::is_named(finding.verdict) {
                named.push(json!(finding.id));
            }
        }
    }
    assert_eq!(unfolded.0["ids"], json!(named));
    let others: Vec<&str> = report
        .findings
        .iter()
        .filter(|one| one.subject != Subject::Table)
        .map(|one| &*one.id)
        .collect();
    let told: Vec<&str> = unfolded.0["others"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one[2].as_str())
        .collect();
    assert_eq!(told, others);
}

#[test]
fn texts_stand_once_and_a_table_takes_little_room() {
    let data = data(&page(&sample::report(300)));
    let mut seen = BTreeMap::new();
    for text in data["texts"].as_array().expect("a list") {
        *seen.entry(text.as_str().expect("a text")).or_insert(0) += 1;
    }
    assert!(seen.values().all(|count| *count == 1));
    let size = |tables| page(&large(tables)).len();
    let a_table = (size(2000) - size(1000)) / 1000;
    assert!(a_table < 1500, "{a_table} bytes a table with ten findings");
}

#[test]
fn a_report_without_tables_days_or_rules_is_a_page_too() {
    let mut report = sample::report(0);
    report.rules.clear();
    report.policy.clear();
    report.coverage.targets.clear();
    report.coverage.accounts.clear();
    report.window = crate::domain::Window::default();
    let text = page(&report);
    assert!(text.contains("No required finding") && !text.contains("class=\"day-columns\""));
    assert_eq!(data(&text)["tables"]["verdict"], "");
}

#[test]
fn a_name_that_does_not_exist_is_a_mistake_of_the_template() {
    let templates = Templates {
        page: "<p>{{ scan.idd }}</p>{{ data|safe }}".into(),
        ..Templates::default()
    };
    let error = render(&sample::report(1), &templates, &mut Vec::new()).expect_err("a mistake");
    assert!(error.why.contains("undefined"), "{error}");
}
